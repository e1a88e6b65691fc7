/* SPDX-License-Identifier: GPL-2.0 */
/* The module itself. */
#ifndef WINSOCK_TEST_MODULE_H
#define WINSOCK_TEST_MODULE_H

#include <stdbool.h>

/* In the kernel itself: in use for good. */
bool module_is_built_in(void);
/* Unload and load: 0 or -errno. */
int module_remove(void);
int module_insert(void);
/* References to the module; -1 when it is not there. */
int module_references(void);

#endif
