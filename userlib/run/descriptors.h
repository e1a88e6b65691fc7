/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RUN_DESCRIPTORS_H
#define RUN_DESCRIPTORS_H

/*
 * Calls @act for each open descriptor of the program from @first to @last, or for none
 * if /proc is not mounted.  May be called in a signal handler.
 */
void run_each_descriptor(unsigned int first, unsigned int last, void (*act)(int fd));

#endif
