// SPDX-License-Identifier: LGPL-2.1-or-later
/* The last error, one per thread (L1). */
#include <winsock2.h>

#include "error.h"
#include "export.h"

static __thread int last_error;

int ws_fail(int error)
{
	last_error = error;
	return SOCKET_ERROR;
}

void ws_no_error(void)
{
	last_error = 0;
}

WS_EXPORT int WSAGetLastError(void)
{
	return last_error;
}

WS_EXPORT void WSASetLastError(int error)
{
	last_error = error;
}
