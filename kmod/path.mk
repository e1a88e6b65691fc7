# SPDX-License-Identifier: GPL-2.0
# Included first by every Makefile here.  To make a path is a list of words, to
# the shell it is text: a space or a character that either of them takes apart
# would let a rule write to, or remove, another directory.  Nothing is done there.

path_variables := CURDIR O OUTPUT KDIR KSELFTEST USERLIB_BUILD PREFIX LIBDIR \
	INCLUDEDIR MANDIR EXAMPLEDIR DESTDIR INSTALL_MOD_PATH
path_characters := ' " ` $$ ; & | < > ( ) * ? [ ] { } : % \# ! \ ,
path_is_unsafe = $(filter-out 0 1,$(words $(1)))$(strip \
	$(foreach c,$(path_characters),$(findstring $c,$(1))))

$(foreach v,$(path_variables),$(if $(call path_is_unsafe,$($v)),$(error \
	$v is "$($v)": a path with a space or one of $(path_characters) is not \
	supported; nothing was done. Use another directory)))

# Each Makefile runs in a directory of its own: a relative path would mean
# another place to each of them.
$(foreach v,PREFIX LIBDIR INCLUDEDIR MANDIR EXAMPLEDIR DESTDIR INSTALL_MOD_PATH,$(if \
	$(filter-out /%,$($v)),$(error \
	$v=$($v) is not an absolute path; nothing was done. Use: $v=$(abspath $($v)))))

# These are in directories that a user's PATH may lack, also after su.
system_program = $(or $(firstword $(wildcard /usr/sbin/$(1) /sbin/$(1))),$(shell command -v $(1)))

# $(call can_be_removed,FILE...): the same before files are removed.
can_be_removed = for file in $(1); do [ ! -e "$$file" ] || [ -w "$${file%/*}" ] || { \
		echo "cannot remove $$file; nothing was removed.  Run it as root" >&2; \
		exit 1; }; done

# $(call can_be_written,DIRECTORY...): for a recipe, before it changes anything;
# of a directory that does not exist yet, the nearest one above it counts.
can_be_written = for dir in $(1); do at=$$dir; \
	while [ ! -e "$$at" ]; do at=$$(dirname "$$at"); done; \
	[ -d "$$at" ] && [ -w "$$at" ] || { \
		echo "cannot write to $$dir; nothing was installed.  Run it as root, or choose another place with PREFIX=, INSTALL_MOD_PATH= or, for everything, DESTDIR=" >&2; \
		exit 1; }; done
