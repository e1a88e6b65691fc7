/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Narrow strings: there is no UNICODE here. */
#ifndef _WINSOCK_TCHAR_H
#define _WINSOCK_TCHAR_H

#include <windows.h>
#include <winpr/tchar.h>

#ifndef _tmain
#define _tmain main
#endif

#endif /* _WINSOCK_TCHAR_H */
