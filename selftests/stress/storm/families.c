// SPDX-License-Identifier: GPL-2.0
/*
 * Children that hold what their parent closes, and wait for it in several ways
 * (P11, I3).  A process for each family: a fork() duplicates everything.
 */
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "storm.h"

/**
 * struct family - a process whose children take over its connections
 * @port: to connect to
 * @fd: the socket it shares with a child
 * @in: what they may receive
 * @ready, @finished: around the call of the parent's other thread
 * @over: no more rounds
 * @result: of that call
 */
struct family {
	struct port port;
	int fd;
	struct stream in;
	pthread_barrier_t ready, finished;
	bool over;
	long result;
};

static void family_receive(void *arg)
{
	struct family *f = arg;

	for (;;) {
		pthread_barrier_wait(&f->ready);
		if (f->over)
			return;
		step("receiving in the parent");
		f->result = stream_recv(&f->in, f->fd, RECORD, 0);
		pthread_barrier_wait(&f->finished);
	}
}

/* How a child waits for its data, and the system call that it sleeps in. */
enum waiting { IN_RECV, IN_POLL, IN_EPOLL, WAITINGS };

static const long waiting_nr[WAITINGS] = {
	[IN_RECV] = SYS_recvfrom,
	[IN_POLL] = SYS_ppoll,
	[IN_EPOLL] = SYS_epoll_pwait,
};

/* Nothing but the data may end the wait. */
static void wait_for_data(int fd, enum waiting waiting)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	struct epoll_event event = { .events = EPOLLIN };
	int epoll;

	switch (waiting) {
	case IN_POLL:
		if (ppoll(&pfd, 1, NULL, NULL) != 1 || pfd.revents != POLLIN)
			die("a child's poll returned %#x when its parent closed",
			    pfd.revents);
		break;
	case IN_EPOLL:
		epoll = check(epoll_create1(0));
		check(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event));
		event.events = 0;
		if (epoll_pwait(epoll, &event, 1, -1, NULL) != 1 ||
		    event.events != EPOLLIN)
			die("a child's epoll set reported %#x when its parent closed",
			    event.events);
		break;
	default:
		break;
	}
}

/* In the child: the parent has closed, or is about to. */
static void __attribute__((noreturn)) family_child(struct family *f, struct stream out,
						   enum waiting waiting)
{
	long ret;

	wait_for_data(f->fd, waiting);
	ret = stream_recv(&f->in, f->fd, RECORD, MSG_WAITALL);

	if (ret != RECORD)
		die("a child's recv returned %ld when its parent closed", ret);
	stream_send_all(&out, f->fd, 64 * RECORD);
	if (dice(2))
		closesocket_ok(f->fd);
	_exit(0);
}

static void family_round(struct family *f, struct thread *receiver)
{
	struct stream out = { .conn = bump(counts->conn) }, back = out;
	struct stream heard = out;
	enum waiting waiting = dice(WAITINGS);
	bool asleep = dice(2);
	int peer, err, status;
	pid_t pid;
	long ret;

	step("forking");
	f->fd = port_connect(&f->port, true);
	peer = port_accept(&f->port);
	back.direction = 1;
	f->in = back;
	if (dice(4) == 0)
		set_linger(f->fd, 1, LINGER_LONG);
	pthread_barrier_wait(&f->ready);
	pid = check(fork());
	if (!pid)
		family_child(f, out, waiting);
	if (asleep) {
		while (!task_inside(pid, waiting_nr[waiting]) ||
		       !task_inside(receiver->tid, SYS_recvfrom))
			usleep(100);
	}
	step("closing in the parent");
	err = closesocket(f->fd);
	if (err)
		die("closesocket: %s", strerror(-err));
	pthread_barrier_wait(&f->finished);
	if (f->result != -ECANCELED && (asleep || f->result != -EBADF))
		die("the parent's recv returned %ld", f->result);

	step("hearing from the child");
	stream_send_all(&back, peer, RECORD);
	do {
		ret = stream_recv(&heard, peer, 4096, 0);
	} while (ret > 0);
	if (ret || heard.offset != 64 * RECORD)
		die("%lu bytes of a child arrived, then %ld", heard.offset,
		    ret);
	check(waitpid(pid, &status, 0));
	if (status)
		die("a child ended with status %#x", status);
	close(peer);
}

static void family_life(int number, unsigned long goal)
{
	struct thread *receiver;
	struct family f = { 0 };
	unsigned long i;

	threads_begin(number);
	port_open(&f.port, false, 4);
	pthread_barrier_init(&f.ready, NULL, 2);
	pthread_barrier_init(&f.finished, NULL, 2);
	receiver = start("receiver", family_receive, &f);
	for (i = 0; i < goal; i++)
		family_round(&f, receiver);
	f.over = true;
	pthread_barrier_wait(&f.ready);
	join(receiver);
	threads_end();
	_exit(0);
}

void storm_families(void)
{
	pid_t pids[3];
	int i, status;

	/* fork() while another thread prints would be another storm. */
	threads_end();
	for (i = 0; i < ARRAY_SIZE(pids); i++) {
		pids[i] = check(fork());
		if (!pids[i])
			family_life(i + 1, 150 * rounds);
	}
	for (i = 0; i < ARRAY_SIZE(pids); i++) {
		check(waitpid(pids[i], &status, 0));
		if (status)
			die("a family ended with status %#x", status);
	}
	threads_begin(0);
}
