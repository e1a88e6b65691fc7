/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RUN_INSPECT_H
#define RUN_INSPECT_H

/*
 * Why the loader will not preload a library into @path: "is ...", or NULL if it
 * will, as far as can be seen.
 */
const char *run_obstacle(const char *path);

#endif
