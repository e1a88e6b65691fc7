// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * deadline_server port seconds text: sends the text to each client, and gives up
 * those that have not taken it so many seconds after the last of it was sent.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/winsock.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static struct timeval send_time;
static struct linger linger = { 1, 0 };
static const char *text;
static int dev;

static void close_by_deadline(int fd)
{
	struct winsock_closesocket how = { .fd = fd };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	/* A signal's handler has run: the wait begins anew. */
	while (ioctl(dev, WINSOCK_IOC_CLOSESOCKET, &how) && errno == EINTR)
		;
}

static void *serve(void *arg)
{
	int fd = (intptr_t)arg;

	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &send_time, sizeof(send_time));
	send(fd, text, strlen(text), MSG_NOSIGNAL);
	close_by_deadline(fd);
	return NULL;
}

int main(int argc, char **argv)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	socklen_t len = sizeof(addr);
	int s, client, yes = 1;
	pthread_t thread;

	if (argc != 4)
		return 2;
	addr.sin_port = htons(atoi(argv[1]));
	linger.l_linger = atoi(argv[2]);
	send_time.tv_sec = linger.l_linger;
	text = argv[3];

	dev = open(WINSOCK_DEVICE, O_RDWR | O_CLOEXEC);
	if (dev < 0) {
		perror(WINSOCK_DEVICE);
		return 1;
	}
	s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (bind(s, (struct sockaddr *)&addr, len) || listen(s, SOMAXCONN)) {
		perror("listen");
		return 1;
	}
	getsockname(s, (struct sockaddr *)&addr, &len);
	printf("listening on port %d\n", ntohs(addr.sin_port));
	fflush(stdout);

	while ((client = accept4(s, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
		if (pthread_create(&thread, NULL, serve, (void *)(intptr_t)client))
			close(client);
		else
			pthread_detach(thread);
	}
	return 1;
}
