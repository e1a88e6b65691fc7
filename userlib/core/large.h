/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Included before everything else, by the compiler's command line: where long has 32
 * bits, files of more than 2 GiB and times after 2038 are served all the same.
 */
#ifndef WS_LARGE_H
#define WS_LARGE_H

#if __SIZEOF_LONG__ == 4
#undef _FILE_OFFSET_BITS
#define _FILE_OFFSET_BITS	64
#undef _TIME_BITS
#define _TIME_BITS		64
#endif

#endif
