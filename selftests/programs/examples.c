// SPDX-License-Identifier: GPL-2.0
/*
 * userlib/examples, each against a plain peer of ours: what bytes come through,
 * in which order, and to which end they come.
 */
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "support/suite.h"
#include "support/program.h"

#define CLIENTS		3
#define ECHO_LEN	300000
#define ROOM		(4 << 20)

/* Errors that the programs print. */
#define ABORTED		10053
#define RESET		10054

/* More than such a peer takes in, and less than a socket that sends. */
#define TOO_MUCH	100000
#define SMALL_ROOM	16384

static char room[ROOM];

FIXTURE(server) {
	struct program program;
	struct peer clients[CLIENTS];
};

FIXTURE_VARIANT(server) {
	const char *name;
};

FIXTURE_VARIANT_ADD(server, echo) { "example_echo_server" };
FIXTURE_VARIANT_ADD(server, echo_cxx) { "example_echo_server++" };
FIXTURE_VARIANT_ADD(server, select) { "example_select_server" };
FIXTURE_VARIANT_ADD(server, select_cxx) { "example_select_server++" };
FIXTURE_VARIANT_ADD(server, event) { "example_event_server" };
FIXTURE_VARIANT_ADD(server, event_cxx) { "example_event_server++" };

FIXTURE_SETUP(server)
{
	int i, port;

	netns_enter();
	small_buffers();
	program_start(&self->program, variant->name, "0", number(CLIENTS));
	port = program_number(&self->program);
	for (i = 0; i < CLIENTS; i++)
		peer_connect(&self->clients[i], port);
}

FIXTURE_TEARDOWN(server)
{
}

static void expect_echo(struct __test_metadata *_metadata, struct peer *client)
{
	struct received got;
	struct sender sender;

	sender_start(&sender, client->fd, ECHO_LEN);
	got = receive_all(client->fd);
	sender_join(&sender);
	EXPECT_EQ(ECHO_LEN, got.bytes);
	EXPECT_TRUE(got.intact);
	EXPECT_EQ(END_EOF, got.ending);
	EXPECT_TRUE(peer_saw_fin(client));
}

/* C1 */
TEST_F(server, the_last_to_connect_may_be_the_first_to_speak)
{
	int i;

	for (i = CLIENTS - 1; i >= 0; i--)
		expect_echo(_metadata, &self->clients[i]);
	EXPECT_EQ(0, program_end(&self->program));
}

/* Nothing moves any more, and there is more to be sent. */
static bool is_stalled(int fd)
{
	int before = queued(fd);

	usleep(200000);
	return before && unsent(fd) && queued(fd) == before;
}

/* C1 */
TEST_F(server, a_client_that_does_not_read_delays_no_other)
{
	struct peer *client = &self->clients[0];
	struct received got;
	struct sender sender;

	sender_start(&sender, client->fd, ECHO_LEN);
	wait_until(is_stalled(client->fd));
	expect_echo(_metadata, &self->clients[2]);
	expect_echo(_metadata, &self->clients[1]);

	got = receive_all(client->fd);
	sender_join(&sender);
	EXPECT_EQ(ECHO_LEN, got.bytes);
	EXPECT_TRUE(got.intact);
	EXPECT_EQ(END_EOF, got.ending);
	EXPECT_TRUE(peer_saw_fin(client));
	EXPECT_EQ(0, program_end(&self->program));
}

TEST_F(server, a_client_that_resets_is_dropped_and_the_others_go_on)
{
	struct peer *client = &self->clients[1];

	send_all(client->fd, "x", 1);
	wait_ready(client->fd, POLLIN);
	set_linger(client->fd, 1, 0);
	close(client->fd);

	expect_echo(_metadata, &self->clients[0]);
	expect_echo(_metadata, &self->clients[2]);
	EXPECT_EQ(0, program_end(&self->program));
}

/* What else there is, as C and as C++. */
FIXTURE(example) {
	struct program program;
	struct peer peer;
	char name[64];
};

FIXTURE_VARIANT(example) {
	const char *suffix;
};

FIXTURE_VARIANT_ADD(example, c) { "" };
FIXTURE_VARIANT_ADD(example, cxx) { "++" };

FIXTURE_SETUP(example)
{
	netns_enter();
}

FIXTURE_TEARDOWN(example)
{
}

/* run(NAME, ARG...) */
#define run(example, ...) do {						\
	snprintf(self->name, sizeof(self->name), "example_%s%s",	\
		 example, variant->suffix);				\
	program_start(&self->program, self->name, __VA_ARGS__);		\
} while (0)

TEST_F(example, graceful_server_answers_after_the_clients_end)
{
	struct peer *peer = &self->peer;
	enum ending ending;

	run("graceful_shutdown", "serve", "0");
	peer_connect(peer, program_number(&self->program));
	send_all(peer->fd, "what ", 5);
	send_all(peer->fd, "now?", 4);
	EXPECT_EQ(0, wire_look(&peer->wire)->sent.data);
	check(shutdown(peer->fd, SHUT_WR));

	EXPECT_EQ(7, read_all(peer->fd, room, ROOM, &ending));
	EXPECT_EQ(0, memcmp(room, "9 bytes", 7));
	EXPECT_EQ(END_EOF, ending);
	EXPECT_EQ(0, program_end(&self->program));
	EXPECT_TRUE(program_said(&self->program, "asked: what now?"));
	EXPECT_TRUE(peer_saw_fin(peer));
}

TEST_F(example, graceful_client_ends_before_it_is_answered)
{
	struct peer *peer = &self->peer;
	enum ending ending;
	int port;

	port = peer_listen(peer, 0);
	run("graceful_shutdown", "ask", "127.0.0.1", number(port), "who is there?");
	peer_accept(peer);
	EXPECT_EQ(13, read_all(peer->fd, room, ROOM, &ending));
	EXPECT_EQ(0, memcmp(room, "who is there?", 13));
	EXPECT_EQ(END_EOF, ending);

	send_all(peer->fd, "it is", 5);
	wait_until(!queued(peer->fd));
	EXPECT_TRUE(program_running(&self->program));
	send_all(peer->fd, " me", 3);
	close(peer->fd);
	EXPECT_EQ(0, program_end(&self->program));
	EXPECT_TRUE(program_said(&self->program, "answered: it is me"));
	EXPECT_TRUE(peer_saw_fin(peer));
}

TEST_F(example, graceful_client_reports_an_answer_that_was_cut_off)
{
	struct peer *peer = &self->peer;
	int port;

	port = peer_listen(peer, 0);
	run("graceful_shutdown", "ask", "127.0.0.1", number(port), "hello");
	peer_accept(peer);
	set_linger(peer->fd, 1, 0);
	close(peer->fd);
	EXPECT_EQ(1, program_end(&self->program));
}

/* Returns how much the program had sent when no more was taken. */
#define run_ladder(how) ({						\
	int port = peer_listen(&self->peer, 16384);			\
									\
	run("retry_ladder", how, "127.0.0.1", number(port));		\
	peer_accept(&self->peer);					\
	program_number(&self->program);					\
})

static bool is_alphabet(const char *text, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (text[i] != 'a' + (char)(i % 26))
			return false;
	return true;
}

/* C15, C20 */
TEST_F(example, wait_loop_ends_when_the_peer_has_everything)
{
	struct peer *peer = &self->peer;
	enum ending ending;
	long sent;

	sent = run_ladder("wait");
	task_wait_inside(self->program.pid, SYS_clock_nanosleep);
	EXPECT_EQ(0, wire_look(&peer->wire)->sent.fin);

	EXPECT_EQ(sent, read_all(peer->fd, room, ROOM, &ending));
	EXPECT_TRUE(is_alphabet(room, sent));
	EXPECT_EQ(END_EOF, ending);
	EXPECT_LT(1, program_number(&self->program));
	EXPECT_EQ(0, program_end(&self->program));
	EXPECT_TRUE(peer_saw_fin(peer));
}

/* C15, C19, C8 */
TEST_F(example, ladder_waits_in_the_second_close)
{
	struct peer *peer = &self->peer;
	enum ending ending;
	long sent;

	sent = run_ladder("block");
	task_wait_inside(self->program.pid, SYS_ioctl);
	EXPECT_EQ(sent, read_all(peer->fd, room, ROOM, &ending));
	EXPECT_TRUE(is_alphabet(room, sent));
	EXPECT_EQ(END_EOF, ending);
	EXPECT_EQ(0, program_end(&self->program));
	EXPECT_TRUE(program_said(&self->program, "closed by call 2"));
	EXPECT_TRUE(peer_saw_fin(peer));
}

/* C15, L5, C18 */
TEST_F(example, ladder_with_events_ends_in_a_reset)
{
	struct peer *peer = &self->peer;
	enum ending ending;
	long sent;
	size_t got;

	sent = run_ladder("events");
	EXPECT_EQ(0, program_end(&self->program));
	EXPECT_TRUE(program_said(&self->program, "closed by call 2"));
	EXPECT_TRUE(program_said(&self->program,
				 "events are selected: it stays nonblocking"));
	EXPECT_LE(1, wire_look(&peer->wire)->sent.rst);
	EXPECT_EQ(0, peer->wire.sent.fin);

	got = read_all(peer->fd, room, ROOM, &ending);
	EXPECT_GT(sent, got);
	EXPECT_TRUE(is_alphabet(room, got));
	EXPECT_EQ(END_RESET, ending);
}

/* Sends back what comes, up to the end or to @limit bytes; returns how many. */
static size_t echo(int fd, size_t limit)
{
	static char buf[8192];
	size_t len = 0;
	ssize_t got;

	while (len < limit) {
		wait_ready(fd, POLLIN);
		got = check(recv(fd, buf, sizeof(buf), 0));
		if (!got)
			break;
		memcpy(room + len, buf, got);
		send_all(fd, buf, got);
		len += got;
	}
	return len;
}

TEST_F(example, overlapped_client_sends_and_receives_at_the_same_time)
{
	struct peer *peer = &self->peer;
	int port;

	port = peer_listen(peer, 16384);
	run("overlapped_client", "127.0.0.1", number(port), "1024");
	peer_accept(peer);
	EXPECT_EQ(1 << 20, echo(peer->fd, ROOM));
	close(peer->fd);
	EXPECT_EQ(0, program_end(&self->program));
	EXPECT_TRUE(program_said(&self->program,
				 "sent 1048576, got back 1048576, error 0"));
	EXPECT_EQ(0, memcmp(room, "abcdef", 6));
	EXPECT_TRUE(peer_saw_fin(peer));
}

TEST_F(example, overlapped_client_notices_a_wrong_byte)
{
	struct peer *peer = &self->peer;
	enum ending ending;
	int port;

	port = peer_listen(peer, 0);
	run("overlapped_client", "127.0.0.1", number(port), "10");
	peer_accept(peer);
	EXPECT_EQ(10240, read_all(peer->fd, room, ROOM, &ending));
	EXPECT_EQ(END_EOF, ending);
	room[10000]++;
	send_all(peer->fd, room, 10240);
	close(peer->fd);
	EXPECT_EQ(1, program_end(&self->program));
	EXPECT_TRUE(program_said(&self->program,
				 "sent 10240, got back 10240, error 0"));
}

TEST_F(example, overlapped_client_notices_a_reset)
{
	struct peer *peer = &self->peer;
	char line[32];
	int port;

	port = peer_listen(peer, 0);
	run("overlapped_client", "127.0.0.1", number(port), "1024");
	peer_accept(peer);
	echo(peer->fd, 100000);
	set_linger(peer->fd, 1, 0);
	close(peer->fd);
	EXPECT_EQ(1, program_end(&self->program));
	snprintf(line, sizeof(line), "error %d\n", RESET);
	EXPECT_NE(NULL, strstr(self->program.text, line));
}

/* G5, L4: the first process closes and nothing is to be seen of it. */
TEST_F(example, handover_leaves_the_connection_to_the_other_process)
{
	struct peer *peer = &self->peer;
	struct received got;
	struct sender sender;
	long child;

	run("handover", "0");
	peer_connect(peer, program_number(&self->program));
	child = program_number(&self->program);
	EXPECT_NE(self->program.pid, child);
	EXPECT_EQ(0, wire_look(&peer->wire)->sent.fin);
	EXPECT_EQ(0, peer->wire.sent.rst);

	sender_start(&sender, peer->fd, ECHO_LEN);
	got = receive_all(peer->fd);
	sender_join(&sender);
	EXPECT_EQ(ECHO_LEN, got.bytes);
	EXPECT_TRUE(got.intact);
	EXPECT_EQ(END_EOF, got.ending);
	EXPECT_EQ(0, program_end(&self->program));
	EXPECT_TRUE(peer_saw_fin(peer));
}

/* All threads of a process but the first sleep in one of these calls. */
static bool threads_wait(pid_t pid, int count)
{
	struct dirent *entry;
	char path[64];
	int waiting = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		pid_t tid = atoi(entry->d_name);

		waiting += tid && tid != pid &&
			   (task_inside(tid, SYS_recvfrom) ||
			    task_inside(tid, SYS_ppoll));
	}
	closedir(dir);
	return waiting == count;
}

/* C4, P2, P10 */
TEST_F(example, aborted_workers_go_home_and_their_peers_are_reset)
{
	struct peer peers[4];
	enum ending ending;
	char line[64];
	int i, port;

	run("abort_workers", "0", "4");
	port = program_number(&self->program);
	for (i = 0; i < 4; i++) {
		peer_connect(&peers[i], port);
		send_all(peers[i].fd, room, 1000 * i);
		wait_until(!queued(peers[i].fd));
	}
	EXPECT_STREQ("4 workers", program_line(&self->program));
	wait_until(threads_wait(self->program.pid, 4));

	EXPECT_EQ(1, write(self->program.in, "\n", 1));
	EXPECT_EQ(0, program_end(&self->program));
	for (i = 0; i < 4; i++) {
		snprintf(line, sizeof(line), "worker %d: %d bytes, error %d", i,
			 1000 * i, ABORTED);
		EXPECT_TRUE(program_said(&self->program, line));
		EXPECT_EQ(0, read_all(peers[i].fd, room, ROOM, &ending));
		EXPECT_EQ(END_RESET, ending);
		EXPECT_EQ(1, wire_look(&peers[i].wire)->sent.rst);
		EXPECT_EQ(0, peers[i].wire.sent.fin);
	}
}

static const char *too_much(void)
{
	static char text[TOO_MUCH + 1];

	memset(text, 'm', TOO_MUCH);
	return text;
}

static void expect_everything(struct __test_metadata *_metadata, struct peer *peer)
{
	enum ending ending;

	EXPECT_EQ(TOO_MUCH, read_all(peer->fd, room, ROOM, &ending));
	EXPECT_EQ(END_EOF, ending);
}

static void expect_part_and_reset(struct __test_metadata *_metadata, struct peer *peer)
{
	enum ending ending;

	EXPECT_GT(TOO_MUCH, read_all(peer->fd, room, ROOM, &ending));
	EXPECT_EQ(END_RESET, ending);
}

static void expect_running(struct __test_metadata *_metadata, struct program *program)
{
	EXPECT_TRUE(program_running(program));
	check(kill(program->pid, SIGKILL));
}

/* C8, C9 */
TEST_F(example, last_word_waits_for_five_seconds_and_resets)
{
	struct peer *peer = &self->peer;
	enum ending ending;
	int port, reads;
	long start;
	size_t got;

	for (reads = 0; reads < 2; reads++) {
		port = peer_listen(peer, SMALL_ROOM);
		start = now_ms();
		run("last_word", "127.0.0.1", number(port), too_much());
		peer_accept(peer);
		close(peer->listener);
		task_wait_inside(self->program.pid, SYS_ioctl);
		if (reads) {
			expect_everything(_metadata, peer);
			EXPECT_EQ(0, program_end(&self->program));
			EXPECT_TRUE(peer_saw_fin(peer));
		} else {
			EXPECT_EQ(0, program_end(&self->program));
			EXPECT_LE(5000, now_ms() - start);
			got = read_all(peer->fd, room, ROOM, &ending);
			EXPECT_GT(TOO_MUCH, got);
			EXPECT_EQ(END_RESET, ending);
		}
		close(peer->fd);
	}
}

/* L28, L29: one client reads, one does not. */
TEST_F(example, outcome_server_reports_what_became_of_each_close)
{
	struct peer lazy, quick;
	enum ending ending;
	int port;

	run("outcome_server", "0", "1500", too_much(), "2");
	port = program_number(&self->program);
	peer_connect_room(&lazy, port, SMALL_ROOM);
	peer_connect(&quick, port);
	EXPECT_LT(0, read_all(quick.fd, room, ROOM, &ending));
	EXPECT_EQ(END_EOF, ending);
	EXPECT_EQ(0, program_end(&self->program));
	EXPECT_TRUE(program_said(&self->program, "client 1: reset at the deadline"));
	EXPECT_TRUE(program_said(&self->program, "client 2: delivered"));
	read_all(lazy.fd, room, ROOM, &ending);
	EXPECT_EQ(END_RESET, ending);
}

/* The ABI without the library; C8, C9 */
TEST(deadline_server_is_rid_of_a_client_that_does_not_read)
{
	struct peer lazy, quick;
	struct program program;
	long start;
	int port;

	netns_enter();
	program_start(&program, "example_deadline_server", "0", "1", too_much());
	port = program_number(&program);
	start = now_ms();
	peer_connect_room(&lazy, port, SMALL_ROOM);
	peer_connect(&quick, port);
	expect_everything(_metadata, &quick);

	wait_until(wire_look(&lazy.wire)->sent.rst);
	EXPECT_LE(1000, now_ms() - start);
	expect_part_and_reset(_metadata, &lazy);
	expect_running(_metadata, &program);
}

/*
 * C15, C20: a nonblocking close is refused, and repeated by the event loop; but for the
 * machine so busy that the client has everything when the loop comes to the first try.
 */
TEST(epoll_server_closes_again_until_the_client_has_everything)
{
	struct peer slow, quick;
	struct program program;
	int port;

	netns_enter();
	program_start(&program, "example_epoll_server", "0", "600", too_much());
	port = program_number(&program);
	peer_connect_room(&slow, port, SMALL_ROOM);
	peer_connect(&quick, port);
	expect_everything(_metadata, &quick);
	EXPECT_LE(1, program_number(&program));
	EXPECT_TRUE(peer_saw_fin(&quick));

	EXPECT_EQ(0, wire_look(&slow.wire)->sent.fin);
	expect_everything(_metadata, &slow);
	EXPECT_LE(1, program_number(&program));
	EXPECT_TRUE(peer_saw_fin(&slow));
	expect_running(_metadata, &program);
}

/* C15, C18 */
TEST(epoll_server_resets_a_client_that_does_not_read)
{
	struct program program;
	struct peer lazy;
	long start;

	netns_enter();
	program_start(&program, "example_epoll_server", "0", "1", too_much());
	start = now_ms();
	peer_connect_room(&lazy, program_number(&program), SMALL_ROOM);
	EXPECT_EQ(TOO_MUCH, program_number(&program));
	EXPECT_LE(1000, now_ms() - start);
	expect_part_and_reset(_metadata, &lazy);
	EXPECT_LE(1, wire_look(&lazy.wire)->sent.rst);
	EXPECT_EQ(0, lazy.wire.sent.fin);
	expect_running(_metadata, &program);
}

/* What the program has printed of @peer, which is only one of its clients. */
static bool said_of(const struct peer *peer, const char *line, const char *what)
{
	struct sockaddr_in addr;
	socklen_t len = sizeof(addr);
	char start[64];

	check(getsockname(peer->fd, (struct sockaddr *)&addr, &len));
	snprintf(start, sizeof(start), "127.0.0.1:%d: %s after ",
		 ntohs(addr.sin_port), what);
	return !strncmp(line, start, strlen(start));
}

static int program_descriptors(const struct program *program)
{
	char path[64];
	int count = 0;
	struct dirent *entry;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", program->pid);
	dir = opendir(path);
	while (dir && (entry = readdir(dir)))
		count += entry->d_name[0] != '.';
	closedir(dir);
	return count;
}

static long last_number(const char *line)
{
	return atol(strrchr(line, ' '));
}

/* T2, T10: one that reads late delays no other, and is no descriptor meanwhile. */
TEST(deadline_epoll_delivers_in_the_background)
{
	struct peer slow, quick;
	struct program program;
	const char *line;
	int port, before;

	netns_enter();
	program_start(&program, "example_deadline_epoll", "0", "600", too_much());
	port = program_number(&program);
	before = program_descriptors(&program);
	peer_connect_room(&slow, port, SMALL_ROOM);
	wait_until(winsock_counter("WinsockCurrDeadline") == 1);
	peer_connect(&quick, port);
	expect_everything(_metadata, &quick);
	line = program_line(&program);
	EXPECT_TRUE(said_of(&quick, line, "delivered"))
		TH_LOG("%s", line);
	EXPECT_EQ(0, last_number(line));
	EXPECT_EQ(1, winsock_counter("WinsockCurrDeadline"));
	EXPECT_EQ(before, program_descriptors(&program));

	expect_everything(_metadata, &slow);
	line = program_line(&program);
	EXPECT_TRUE(said_of(&slow, line, "delivered"))
		TH_LOG("%s", line);
	EXPECT_EQ(0, last_number(line));
	EXPECT_TRUE(peer_saw_fin(&slow));
	expect_running(_metadata, &program);
}

/* T3, T4, T10 */
TEST(deadline_epoll_prints_what_was_not_delivered)
{
	struct peer lazy, hasty;
	struct program program;
	const char *line;
	long start;
	int port;

	netns_enter();
	program_start(&program, "example_deadline_epoll", "0", "10", too_much());
	port = program_number(&program);
	start = now_ms();
	peer_connect_room(&lazy, port, SMALL_ROOM);
	peer_connect_room(&hasty, port, SMALL_ROOM);
	wait_until(winsock_counter("WinsockCurrDeadline") == 2);
	set_linger(hasty.fd, 1, 0);
	close(hasty.fd);
	line = program_line(&program);
	EXPECT_NE(NULL, strstr(line, ": lost after "))
		TH_LOG("%s", line);
	EXPECT_LT(0, last_number(line));

	line = program_line(&program);
	EXPECT_LE(10000, now_ms() - start);
	EXPECT_TRUE(said_of(&lazy, line, "reset at the deadline"))
		TH_LOG("%s", line);
	EXPECT_LT(0, last_number(line));
	expect_part_and_reset(_metadata, &lazy);
	EXPECT_LE(1, wire_look(&lazy.wire)->sent.rst);
	EXPECT_EQ(0, lazy.wire.sent.fin);
	expect_running(_metadata, &program);
}

/* P1, P7 */
TEST(layer_sees_its_calls_end)
{
	struct program program;

	netns_enter();
	program_start(&program, "example_layer", NULL);
	EXPECT_EQ(0, program_end(&program));
	EXPECT_TRUE(program_said(&program, "accept: -10004"));
	EXPECT_TRUE(program_said(&program, "poll: POLLNVAL"));
	EXPECT_TRUE(program_said(&program, "closesocket: 0"));
}

/* The tool for trying servers by hand. */
TEST_F(example, echo_client_compares_what_comes_back)
{
	struct peer *peer = &self->peer;
	int port, good;

	for (good = 0; good < 2; good++) {
		port = peer_listen(peer, 0);
		run("echo_client", "127.0.0.1", number(port), "some text");
		peer_accept(peer);
		close(peer->listener);
		EXPECT_EQ(9, echo(peer->fd, good ? ROOM : 9));
		if (!good)
			send_all(peer->fd, "!", 1);
		close(peer->fd);
		EXPECT_EQ(!good, program_end(&self->program));
		EXPECT_TRUE(program_said(&self->program,
					 good ? "some text" : "some text!"));
		EXPECT_TRUE(peer_saw_fin(peer));
	}
}

TEST_HARNESS_MAIN
