// SPDX-License-Identifier: GPL-2.0
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <linux/sched.h>

#include "check.h"
#include "process.h"

void rights_send(int via, int fd)
{
	char control[CMSG_SPACE(sizeof(int))] = "";
	struct iovec iov = { .iov_base = "x", .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
	check(sendmsg(via, &msg, 0));
}

int rights_receive(int via)
{
	char control[CMSG_SPACE(sizeof(int))] = "", byte;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	int fd;

	check(recvmsg(via, &msg, MSG_CMSG_CLOEXEC));
	if (!CMSG_FIRSTHDR(&msg))
		fail("no descriptor came");
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
	return fd;
}

pid_t child_fork(void)
{
	pid_t parent = getpid();
	pid_t pid = check(fork());

	if (!pid) {
		check(prctl(PR_SET_PDEATHSIG, SIGKILL));
		if (getppid() != parent)
			_exit(EXIT_FAILURE);
	}
	return pid;
}

/* clone3(2): the arguments of clone(2) are in another order on each machine. */
pid_t clone_files(void)
{
	struct clone_args args = {
		.flags = CLONE_FILES,
		.exit_signal = SIGCHLD,
	};
	pid_t pid = check(syscall(SYS_clone3, &args, sizeof(args)));

	if (!pid)
		check(prctl(PR_SET_PDEATHSIG, SIGKILL));
	return pid;
}

void child_join(pid_t pid)
{
	int status;

	wait_until(check(waitpid(pid, &status, WNOHANG)) == pid);
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		fail("child %d ended with status %#x", pid, status);
}

void allow_descriptors(unsigned int number)
{
	struct rlimit limit = { number, number };

	check(setrlimit(RLIMIT_NOFILE, &limit));
}
