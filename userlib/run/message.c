// SPDX-License-Identifier: LGPL-2.1-or-later
/* Packets and descriptors between the programs and the keeper. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "message.h"

union control {
	char buf[CMSG_SPACE(sizeof(int))];
	struct cmsghdr align;
};

int run_pass(int to, const void *buf, size_t len, int fd, int flags)
{
	struct iovec iov = { (void *)buf, len };
	union control control;
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *cmsg;
	ssize_t sent;

	if (fd >= 0) {
		memset(&control, 0, sizeof(control));
		msg.msg_control = control.buf;
		msg.msg_controllen = sizeof(control.buf);
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(fd));
		memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
	}
	do
		sent = sendmsg(to, &msg, MSG_NOSIGNAL | flags);
	while (sent < 0 && errno == EINTR);
	return sent < 0 ? -errno : 0;
}

ssize_t run_take(int from, void *buf, size_t len, int *fd)
{
	struct iovec iov = { buf, len };
	union control control;
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.buf,
		.msg_controllen = sizeof(control.buf),
	};
	struct cmsghdr *cmsg;
	ssize_t got;

	*fd = -1;
	do
		got = recvmsg(from, &msg, MSG_CMSG_CLOEXEC);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return -errno;
	cmsg = CMSG_FIRSTHDR(&msg);
	if (cmsg && cmsg->cmsg_level == SOL_SOCKET && cmsg->cmsg_type == SCM_RIGHTS)
		memcpy(fd, CMSG_DATA(cmsg), sizeof(*fd));
	return got;
}

int run_copy_high(int fd, int cmd, int lowest)
{
	int copy = fcntl(fd, cmd, lowest);
	struct rlimit limit;

	/* EINVAL: there is no such number under this limit. */
	if (copy >= 0 || errno != EINVAL)
		return copy;
	if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur <= RUN_NUMBERS_ROOM)
		return fcntl(fd, cmd, 0);
	return fcntl(fd, cmd, (int)limit.rlim_cur - RUN_NUMBERS_ROOM);
}
