/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef WS_EXPORT_H
#define WS_EXPORT_H

/* All other symbols are hidden; libwinsock.map assigns the versions. */
#define WS_EXPORT __attribute__((visibility("default")))

#endif
