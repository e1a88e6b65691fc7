// SPDX-License-Identifier: GPL-2.0
/* See program.h. */
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "program.h"

static void set_buffer(const char *path)
{
	static const char bytes[] = "4096 16384 32768";
	int fd = check(open(path, O_WRONLY | O_CLOEXEC));

	check(write(fd, bytes, sizeof(bytes) - 1));
	close(fd);
}

void small_buffers(void)
{
	set_buffer("/proc/sys/net/ipv4/tcp_rmem");
	set_buffer("/proc/sys/net/ipv4/tcp_wmem");
}

static void program_exec(const char *const argv[], int in, int out)
{
	char self[PATH_MAX] = "", path[2 * PATH_MAX];

	check(readlink("/proc/self/exe", self, sizeof(self) - 1));
	snprintf(path, sizeof(path), "%s/%s", dirname(self), argv[0]);
	check(dup2(in, 0));
	check(dup2(out, 1));
	check(dup2(out, 2));
	execv(path, (char *const *)argv);
	fail("%s: %s", path, strerror(errno));
}

void program_run(struct program *program, const char *const argv[])
{
	int in[2], out[2];

	memset(program, 0, sizeof(*program));
	check(pipe2(in, O_CLOEXEC));
	check(pipe2(out, O_CLOEXEC));
	program->pid = child_fork();
	if (!program->pid)
		program_exec(argv, in[0], out[1]);
	close(in[0]);
	close(out[1]);
	program->in = in[1];
	program->out = out[0];
}

const char *number(long value)
{
	static char text[4][24];
	static int which;

	which = (which + 1) % 4;
	snprintf(text[which], sizeof(text[which]), "%ld", value);
	return text[which];
}

/* Returns whether there was more to take in. */
static bool program_listen(struct program *program)
{
	ssize_t got;

	wait_ready(program->out, POLLIN);
	got = check(read(program->out, program->text + program->len,
			 sizeof(program->text) - 1 - program->len));
	program->len += got;
	program->text[program->len] = '\0';
	return got;
}

const char *program_line(struct program *program)
{
	static char line[1024];
	char *text, *end;

	for (;;) {
		text = program->text + program->seen;
		end = strchr(text, '\n');
		if (end)
			break;
		if (!program_listen(program))
			fail("the program ended after: %s", program->text);
	}
	snprintf(line, sizeof(line), "%.*s", (int)(end - text), text);
	program->seen += end + 1 - text;
	return line;
}

long program_number(struct program *program)
{
	const char *line = program_line(program);
	static const char digits[] = "0123456789";
	const char *at = line + strlen(line);

	while (at > line && !strchr(digits, at[-1]))
		at--;
	if (at == line)
		fail("no number in: %s", line);
	while (at > line && strchr(digits, at[-1]))
		at--;
	return atol(at);
}

bool program_running(const struct program *program)
{
	siginfo_t info = { 0 };

	check(waitid(P_PID, program->pid, &info, WEXITED | WNOHANG | WNOWAIT));
	return !info.si_pid;
}

int program_end(struct program *program)
{
	int status;

	while (program_listen(program))
		;
	wait_until(!program_running(program));
	check(waitpid(program->pid, &status, 0));
	close(program->in);
	close(program->out);
	if (!WIFEXITED(status))
		fail("the program ended with status %#x after: %s", status,
		     program->text);
	return WEXITSTATUS(status);
}

bool program_said(const struct program *program, const char *line)
{
	const char *text = program->text;
	size_t len = strlen(line);

	for (;; text++) {
		text = strstr(text, line);
		if (!text)
			break;
		if ((text == program->text || text[-1] == '\n') && text[len] == '\n')
			return true;
	}
	fprintf(stderr, "# not among what it said: %s\n# but: %s\n", line,
		program->text);
	return false;
}

static void peer_settle(struct peer *peer, const struct sockaddr_in *program)
{
	peer->wire.local = program->sin_port;
	peer->wire.remote = local_port(peer->fd);
}

int peer_listen(struct peer *peer, int rcvbuf)
{
	struct sockaddr_storage addr;
	socklen_t len;

	wire_open(&peer->wire);
	peer->listener = check(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
	if (rcvbuf)
		check(setsockopt(peer->listener, SOL_SOCKET, SO_RCVBUF, &rcvbuf,
				 sizeof(rcvbuf)));
	listen_loopback(peer->listener, AF_INET, 8, &addr, &len);
	return ntohs(local_port(peer->listener));
}

void peer_accept(struct peer *peer)
{
	struct sockaddr_in addr;
	socklen_t len = sizeof(addr);

	wait_ready(peer->listener, POLLIN);
	/* The program may be gone already: getpeername(2) would not know it. */
	peer->fd = check(accept4(peer->listener, (struct sockaddr *)&addr, &len, SOCK_CLOEXEC));
	peer_settle(peer, &addr);
}

void peer_connect(struct peer *peer, int port)
{
	peer_connect_room(peer, port, 0);
}

void peer_connect_room(struct peer *peer, int port, int rcvbuf)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};

	wire_open(&peer->wire);
	peer->fd = check(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
	if (rcvbuf)
		check(setsockopt(peer->fd, SOL_SOCKET, SO_RCVBUF, &rcvbuf,
				 sizeof(rcvbuf)));
	check(connect(peer->fd, (struct sockaddr *)&addr, sizeof(addr)));
	peer_settle(peer, &addr);
}

bool peer_saw_fin(struct peer *peer)
{
	wire_look(&peer->wire);
	return peer->wire.sent.fin && !peer->wire.sent.rst;
}

void send_all(int fd, const void *buf, size_t len)
{
	const char *at = buf;
	ssize_t done;

	for (; len; at += done, len -= done) {
		wait_ready(fd, POLLOUT);
		done = check(send(fd, at, len, MSG_NOSIGNAL | MSG_DONTWAIT));
	}
}

static void *sender_main(void *arg)
{
	struct sender *sender = arg;
	unsigned char buf[4096];
	size_t sent = 0;

	while (sent < sender->len) {
		size_t part = sender->len - sent;

		if (part > sizeof(buf))
			part = sizeof(buf);
		pattern(buf, sent, part);
		send_all(sender->fd, buf, part);
		sent += part;
	}
	check(shutdown(sender->fd, SHUT_WR));
	return NULL;
}

void sender_start(struct sender *sender, int fd, size_t len)
{
	sender->fd = fd;
	sender->len = len;
	errno = pthread_create(&sender->thread, NULL, sender_main, sender);
	if (errno)
		fail("pthread_create: %s", strerror(errno));
}

void sender_join(struct sender *sender)
{
	pthread_join(sender->thread, NULL);
}

size_t read_all(int fd, void *buf, size_t size, enum ending *ending)
{
	size_t len = 0;
	ssize_t got;

	*ending = END_NONE;
	while (len < size) {
		wait_ready(fd, POLLIN);
		got = recv(fd, (char *)buf + len, size - len, MSG_DONTWAIT);
		if (got < 0 && errno == ECONNRESET) {
			*ending = END_RESET;
			break;
		}
		if (!check(got)) {
			*ending = END_EOF;
			break;
		}
		len += got;
	}
	return len;
}

const char *read_line(int fd, char *line, size_t size)
{
	size_t len = 0;

	while (len < size - 1) {
		wait_ready(fd, POLLIN);
		if (!check(recv(fd, line + len, 1, 0)) || line[len] == '\n')
			break;
		len++;
	}
	line[len] = '\0';
	return line;
}
