/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Included by winsock2.h before its own types.  WinPR's error numbers have the
 * values of ours in another spelling, which compilers warn of.
 */
#ifndef _WINSOCK_TYPES_H
#define _WINSOCK_TYPES_H

#include <winpr/wtypes.h>
#include <winpr/crt.h>
#include <winpr/environment.h>
#include <winpr/error.h>
#include <winpr/file.h>
#include <winpr/handle.h>
#include <winpr/interlocked.h>
#include <winpr/io.h>
#include <winpr/library.h>
#include <winpr/path.h>
#include <winpr/string.h>
#include <winpr/synch.h>
#include <winpr/sysinfo.h>
#include <winpr/thread.h>

/* winpr/winsock.h has another library's sockets. */
#define WINPR_WINSOCK_H

#undef VOID
typedef void VOID;
#undef WSAEINTR
#undef WSAEBADF
#undef WSAEACCES
#undef WSAEFAULT
#undef WSAEINVAL
#undef WSAEMFILE
#undef WSAEWOULDBLOCK
#undef WSAEINPROGRESS
#undef WSAEALREADY
#undef WSAENOTSOCK
#undef WSAEDESTADDRREQ
#undef WSAEMSGSIZE
#undef WSAEPROTOTYPE
#undef WSAENOPROTOOPT
#undef WSAEPROTONOSUPPORT
#undef WSAESOCKTNOSUPPORT
#undef WSAEOPNOTSUPP
#undef WSAEPFNOSUPPORT
#undef WSAEAFNOSUPPORT
#undef WSAEADDRINUSE
#undef WSAEADDRNOTAVAIL
#undef WSAENETDOWN
#undef WSAENETUNREACH
#undef WSAENETRESET
#undef WSAECONNABORTED
#undef WSAECONNRESET
#undef WSAENOBUFS
#undef WSAEISCONN
#undef WSAENOTCONN
#undef WSAESHUTDOWN
#undef WSAETOOMANYREFS
#undef WSAETIMEDOUT
#undef WSAECONNREFUSED
#undef WSAELOOP
#undef WSAENAMETOOLONG
#undef WSAEHOSTDOWN
#undef WSAEHOSTUNREACH
#undef WSAENOTEMPTY
#undef WSAEPROCLIM
#undef WSAEUSERS
#undef WSAEDQUOT
#undef WSAESTALE
#undef WSAEREMOTE
#undef WSASYSNOTREADY
#undef WSAVERNOTSUPPORTED
#undef WSANOTINITIALISED
#undef WSAEDISCON
#undef WSAENOMORE
#undef WSAECANCELLED
#undef WSAEINVALIDPROCTABLE
#undef WSAEINVALIDPROVIDER
#undef WSAEPROVIDERFAILEDINIT
#undef WSASYSCALLFAILURE
#undef WSASERVICE_NOT_FOUND
#undef WSATYPE_NOT_FOUND
#undef WSA_E_NO_MORE
#undef WSA_E_CANCELLED
#undef WSAEREFUSED
#undef WSAHOST_NOT_FOUND
#undef WSATRY_AGAIN
#undef WSANO_RECOVERY
#undef WSANO_DATA
#undef WSA_QOS_RECEIVERS
#undef WSA_QOS_SENDERS
#undef WSA_QOS_NO_SENDERS
#undef WSA_QOS_NO_RECEIVERS
#undef WSA_QOS_REQUEST_CONFIRMED
#undef WSA_QOS_ADMISSION_FAILURE
#undef WSA_QOS_POLICY_FAILURE
#undef WSA_QOS_BAD_STYLE
#undef WSA_QOS_BAD_OBJECT
#undef WSA_QOS_TRAFFIC_CTRL_ERROR
#undef WSA_QOS_GENERIC_ERROR
#undef WSA_QOS_ESERVICETYPE
#undef WSA_QOS_EFLOWSPEC
#undef WSA_QOS_EPROVSPECBUF
#undef WSA_QOS_EFILTERSTYLE
#undef WSA_QOS_EFILTERTYPE
#undef WSA_QOS_EFILTERCOUNT
#undef WSA_QOS_EOBJLENGTH
#undef WSA_QOS_EFLOWCOUNT
#undef WSA_QOS_EUNKOWNPSOBJ
#undef WSA_QOS_EPOLICYOBJ
#undef WSA_QOS_EFLOWDESC
#undef WSA_QOS_EPSFLOWSPEC
#undef WSA_QOS_EPSFILTERSPEC
#undef WSA_QOS_ESDMODEOBJ
#undef WSA_QOS_ESHAPERATEOBJ
#undef WSA_QOS_RESERVED_PETYPE
#undef WSA_SECURE_HOST_NOT_FOUND
#undef WSA_IPSEC_NAME_POLICY_ERROR

#ifndef __cdecl
#define __cdecl
#endif
#ifndef __stdcall
#define __stdcall
#endif

#endif /* _WINSOCK_TYPES_H */
