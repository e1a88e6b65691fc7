// SPDX-License-Identifier: LGPL-2.1-or-later
/* Messages for error codes. */
#include <netdb.h>
#include <stdio.h>
#include <winsock2.h>

#include "core/export.h"

static const struct {
	unsigned short error;
	const char *text;
} texts[] = {
	{ 0,				"No error" },
	{ WSA_INVALID_HANDLE,		"Not an event or a file" },
	{ WSA_NOT_ENOUGH_MEMORY,	"Out of memory" },
	{ WSA_INVALID_PARAMETER,	"Argument out of range" },
	{ WSA_OPERATION_ABORTED,	"Overlapped operation was cancelled" },
	{ WSA_IO_INCOMPLETE,		"Overlapped operation has not finished" },
	{ WSA_IO_PENDING,		"Overlapped operation has begun" },
	{ WSABASEERR,			"Unspecified socket error" },
	{ WSAEINTR,			"Call was interrupted" },
	{ WSAEBADF,			"Bad descriptor" },
	{ WSAEACCES,			"Permission denied" },
	{ WSAEFAULT,			"Bad pointer or buffer too small" },
	{ WSAEINVAL,			"Invalid argument or wrong state" },
	{ WSAEMFILE,			"Too many open sockets" },
	{ WSAEWOULDBLOCK,		"Nonblocking call would have to wait" },
	{ WSAEINPROGRESS,		"A blocking call is in progress" },
	{ WSAEALREADY,			"Operation has been started before" },
	{ WSAENOTSOCK,			"Not a socket" },
	{ WSAEDESTADDRREQ,		"No destination was given" },
	{ WSAEMSGSIZE,			"Message too long" },
	{ WSAEPROTOTYPE,		"Protocol does not fit the socket's type" },
	{ WSAENOPROTOOPT,		"No such option" },
	{ WSAEPROTONOSUPPORT,		"Protocol not supported" },
	{ WSAESOCKTNOSUPPORT,		"Socket type not supported" },
	{ WSAEOPNOTSUPP,		"Operation not supported by this socket" },
	{ WSAEPFNOSUPPORT,		"Protocol family not supported" },
	{ WSAEAFNOSUPPORT,		"Address family not supported" },
	{ WSAEADDRINUSE,		"Address is in use" },
	{ WSAEADDRNOTAVAIL,		"Address is not one of this machine's" },
	{ WSAENETDOWN,			"Network is down" },
	{ WSAENETUNREACH,		"No route to the network" },
	{ WSAENETRESET,			"Connection was dropped by the network" },
	{ WSAECONNABORTED,		"Connection was ended by this machine" },
	{ WSAECONNRESET,		"Connection was reset by the peer" },
	{ WSAENOBUFS,			"No buffer space left" },
	{ WSAEISCONN,			"Socket is connected already" },
	{ WSAENOTCONN,			"Socket is not connected" },
	{ WSAESHUTDOWN,			"Socket has been shut down" },
	{ WSAETOOMANYREFS,		"Too many references" },
	{ WSAETIMEDOUT,			"Timed out" },
	{ WSAECONNREFUSED,		"Connection refused" },
	{ WSAELOOP,			"Too many links in a name" },
	{ WSAENAMETOOLONG,		"Name too long" },
	{ WSAEHOSTDOWN,			"Host is down" },
	{ WSAEHOSTUNREACH,		"No route to the host" },
	{ WSAENOTEMPTY,			"Directory is not empty" },
	{ WSAEPROCLIM,			"Too many programs use sockets" },
	{ WSAEUSERS,			"Too many users" },
	{ WSAEDQUOT,			"Quota is used up" },
	{ WSAESTALE,			"File is no longer there" },
	{ WSAEREMOTE,			"File is on another machine" },
	{ WSASYSNOTREADY,		"Network subsystem is not ready: is the module loaded?" },
	{ WSAVERNOTSUPPORTED,		"No such version of Winsock" },
	{ WSANOTINITIALISED,		"WSAStartup has not been called" },
	{ WSAEDISCON,			"Peer is shutting down" },
	{ WSAENOMORE,			"No more results" },
	{ WSAECANCELLED,		"Lookup was cancelled" },
	{ WSAEINVALIDPROCTABLE,		"Service provider has a bad call table" },
	{ WSAEINVALIDPROVIDER,		"Service provider is invalid" },
	{ WSAEPROVIDERFAILEDINIT,	"Service provider did not start" },
	{ WSASYSCALLFAILURE,		"Unexpected failure of a system call" },
	{ WSASERVICE_NOT_FOUND,		"No such name service" },
	{ WSATYPE_NOT_FOUND,		"No such service for this socket type" },
	{ WSA_E_NO_MORE,		"No more names" },
	{ WSA_E_CANCELLED,		"Lookup of names was cancelled" },
	{ WSAEREFUSED,			"Query was refused" },
	{ WSAHOST_NOT_FOUND,		"No such host is known" },
	{ WSATRY_AGAIN,			"Name server did not answer, try again" },
	{ WSANO_RECOVERY,		"Name resolution failed for good" },
	{ WSANO_DATA,			"Name has no data of this kind" },
	{ WSA_QOS_RECEIVERS,		"QoS: a reserve message has arrived" },
	{ WSA_QOS_SENDERS,		"QoS: a path message has arrived" },
	{ WSA_QOS_NO_SENDERS,		"QoS: no senders" },
	{ WSA_QOS_NO_RECEIVERS,		"QoS: no receivers" },
	{ WSA_QOS_REQUEST_CONFIRMED,	"QoS: reservation confirmed" },
	{ WSA_QOS_ADMISSION_FAILURE,	"QoS: no resources left" },
	{ WSA_QOS_POLICY_FAILURE,	"QoS: refused by policy" },
	{ WSA_QOS_BAD_STYLE,		"QoS: unknown or conflicting style" },
	{ WSA_QOS_BAD_OBJECT,		"QoS: bad filter or provider object" },
	{ WSA_QOS_TRAFFIC_CTRL_ERROR,	"QoS: error in traffic control" },
	{ WSA_QOS_GENERIC_ERROR,	"QoS: general error" },
	{ WSA_QOS_ESERVICETYPE,		"QoS: bad service type" },
	{ WSA_QOS_EFLOWSPEC,		"QoS: bad flow specification" },
	{ WSA_QOS_EPROVSPECBUF,		"QoS: bad provider buffer" },
	{ WSA_QOS_EFILTERSTYLE,		"QoS: bad filter style" },
	{ WSA_QOS_EFILTERTYPE,		"QoS: bad filter type" },
	{ WSA_QOS_EFILTERCOUNT,		"QoS: bad number of filters" },
	{ WSA_QOS_EOBJLENGTH,		"QoS: bad length of an object" },
	{ WSA_QOS_EFLOWCOUNT,		"QoS: bad number of flows" },
	{ WSA_QOS_EUNKOWNPSOBJ,		"QoS: unknown provider object" },
	{ WSA_QOS_EPOLICYOBJ,		"QoS: bad policy object" },
	{ WSA_QOS_EFLOWDESC,		"QoS: bad flow descriptor" },
	{ WSA_QOS_EPSFLOWSPEC,		"QoS: bad provider flow specification" },
	{ WSA_QOS_EPSFILTERSPEC,	"QoS: bad provider filter specification" },
	{ WSA_QOS_ESDMODEOBJ,		"QoS: bad discard mode object" },
	{ WSA_QOS_ESHAPERATEOBJ,	"QoS: bad shaping rate object" },
	{ WSA_QOS_RESERVED_PETYPE,	"QoS: reserved policy element" },
	{ WSA_SECURE_HOST_NOT_FOUND,	"No such host, says a secure name server" },
	{ WSA_IPSEC_NAME_POLICY_ERROR,	"IPsec name policy could not be added" },
};

/* Works before WSAStartup(), too, whose error may have to be printed. */
WS_EXPORT const char *winsock_strerror(int error)
{
	static __thread char unknown[sizeof("Unknown error -2147483648")];
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (texts[i].error == error)
			return texts[i].text;
	snprintf(unknown, sizeof(unknown), "Unknown error %d", error);
	return unknown;
}

/* libc's own codes are negative. */
WS_EXPORT const char *winsock_gai_strerror(int error)
{
	return error < 0 ? gai_strerror(error) : winsock_strerror(error);
}
