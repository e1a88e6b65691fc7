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
