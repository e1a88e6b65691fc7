/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Addresses and their families, which are all in winsock2.h. */
#ifndef _WS2DEF_H
#define _WS2DEF_H

#include <winsock2.h>

#endif /* _WS2DEF_H */
