/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Windows beside sockets: WinPR's, from Debian's libwinpr2-dev, in so far as it
 * has it.  Found with the flags of the package winsock-win32; winsock2.h does
 * the work, as either header may come first.
 */
#ifndef _WINSOCK_WINDOWS_H
#define _WINSOCK_WINDOWS_H

#ifndef WINSOCK_WIN32
#error "compile with the flags of: pkg-config --cflags winsock-win32"
#endif
#include <winsock2.h>

#endif /* _WINSOCK_WINDOWS_H */
