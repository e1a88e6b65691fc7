/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* getaddrinfo() for Windows that lacked it: it is never lacking here. */
#ifndef _WSPIAPI_H
#define _WSPIAPI_H

#include <ws2tcpip.h>

#endif /* _WSPIAPI_H */
