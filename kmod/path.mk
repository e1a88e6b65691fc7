# SPDX-License-Identifier: GPL-2.0
# Included first by every Makefile of this tree.  For make a path is a list of words,
# for the shell it is text.  With a space, or a character that is special to one of
# them, a rule could write to or remove another directory, so such paths are refused.

path_variables := CURDIR O OUTPUT KDIR KSELFTEST USERLIB_BUILD PREFIX LIBDIR \
	INCLUDEDIR MANDIR EXAMPLEDIR DESTDIR INSTALL_MOD_PATH
path_characters := ' " ` $$ ; & | < > ( ) * ? [ ] { } : % \# ! \ ,
path_is_unsafe = $(filter-out 0 1,$(words $(1)))$(strip \
	$(foreach c,$(path_characters),$(findstring $c,$(1))))

$(foreach v,$(path_variables),$(if $(call path_is_unsafe,$($v)),$(error \
	$v is "$($v)": a path with a space or one of $(path_characters) is not \
	supported; nothing was done. Use another directory)))

# Each Makefile runs in a directory of its own, so a relative path would refer to
# different places.
$(foreach v,PREFIX LIBDIR INCLUDEDIR MANDIR EXAMPLEDIR DESTDIR INSTALL_MOD_PATH,$(if \
	$(filter-out /%,$($v)),$(error \
	$v=$($v) is not an absolute path; nothing was done. Use: $v=$(abspath $($v)))))

# These programs are in directories that the PATH of a user may lack, also after su.
system_program = $(or $(firstword $(wildcard /usr/sbin/$(1) /sbin/$(1))),$(shell command -v $(1)))

# $(call can_be_removed,FILE...): for a recipe, before it removes files.
can_be_removed = for file in $(1); do [ ! -e "$$file" ] || [ -w "$${file%/*}" ] || { \
		echo "cannot remove $$file; nothing was removed.  Run it as root" >&2; \
		exit 1; }; done

# $(call can_be_written,DIRECTORY...): for a recipe, before it changes anything.  For
# a directory that does not exist yet, its nearest existing parent is checked.
can_be_written = for dir in $(1); do at=$$dir; \
	while [ ! -e "$$at" ]; do at=$$(dirname "$$at"); done; \
	[ -d "$$at" ] && [ -w "$$at" ] || { \
		echo "cannot write to $$dir; nothing was installed.  Run it as root, or choose another place with PREFIX=, INSTALL_MOD_PATH= or, for everything, DESTDIR=" >&2; \
		exit 1; }; done
