/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef WS_EXPORT_H
#define WS_EXPORT_H

/* Everything else is hidden; libwinsock.map gives the versions. */
#define WS_EXPORT __attribute__((visibility("default")))

#endif
