/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Winsock 1.1 is a part of 2.2. */
#ifndef _WINSOCK_H
#define _WINSOCK_H

#include <winsock2.h>

#endif /* _WINSOCK_H */
