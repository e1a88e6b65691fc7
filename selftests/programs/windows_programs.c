// SPDX-License-Identifier: GPL-2.0
/*
 * Programs written for Windows, compiled as they were: what they say, what
 * comes through, and to which end it comes.  Between them and their plain
 * peers is the wire.
 */
#include <stdio.h>
#include <string.h>

#include "support/suite.h"
#include "support/program.h"

#define CLIENTS		3
#define ECHO_LEN	200000

static char room[1 << 20];

FIXTURE(windows) {
	struct program program;
	struct program other;
	struct peer peer;
};

FIXTURE_SETUP(windows)
{
	netns_enter();
}

FIXTURE_TEARDOWN(windows)
{
}

TEST_F(windows, client_and_server_understand_each_other)
{
	int port;

	program_start(&self->other, "windows_server", "0", "2");
	port = program_number(&self->other);

	program_start(&self->program, "windows_client", "127.0.0.1", number(port));
	EXPECT_EQ(0, program_end(&self->program));
	EXPECT_STREQ("Bytes Sent: 14\nthis is a test\n"
		     "Connection closed, bytes received: 14\n",
		     self->program.text);

	program_start(&self->program, "windows_client", "127.0.0.1", number(port),
		      "twice");
	EXPECT_EQ(0, program_end(&self->program));
	EXPECT_STREQ("Bytes Sent: 5\ntwice\n"
		     "Connection closed, bytes received: 5\n",
		     self->program.text);

	EXPECT_EQ(0, program_end(&self->other));
	EXPECT_STREQ("Client 127.0.0.1: connected\nEchoed 14 bytes\n"
		     "Client 127.0.0.1: connected\nEchoed 5 bytes\n",
		     strchr(self->other.text, '\n') + 1);
}

/* L26 */
TEST_F(windows, acceptex_server_serves_one_after_the_other)
{
	int port;

	program_start(&self->other, "windows_acceptex", "0", "2");
	port = program_number(&self->other);
	program_start(&self->program, "windows_client", "127.0.0.1", number(port));
	EXPECT_EQ(0, program_end(&self->program));
	program_start(&self->program, "windows_client", "127.0.0.1", number(port),
		      "twice");
	EXPECT_EQ(0, program_end(&self->program));
	EXPECT_TRUE(program_said(&self->program, "twice"));

	EXPECT_EQ(0, program_end(&self->other));
	EXPECT_STREQ("Client 127.0.0.1: connected\nEchoed 14 bytes\n"
		     "Client 127.0.0.1: connected\nEchoed 5 bytes\n"
		     "aborted\naborted\n",
		     strchr(self->other.text, '\n') + 1);
}

TEST_F(windows, client_ends_its_side_first)
{
	struct peer *peer = &self->peer;
	enum ending ending;
	int port;

	port = peer_listen(peer, 0);
	program_start(&self->program, "windows_client", "127.0.0.1", number(port));
	peer_accept(peer);
	EXPECT_EQ(14, read_all(peer->fd, room, sizeof(room), &ending));
	EXPECT_EQ(0, memcmp(room, "this is a test", 14));
	EXPECT_EQ(END_EOF, ending);
	send_all(peer->fd, "one", 3);
	send_all(peer->fd, "two", 3);
	close(peer->fd);
	EXPECT_EQ(0, program_end(&self->program));
	EXPECT_TRUE(program_said(&self->program, "onetwo"));
	EXPECT_TRUE(peer_saw_fin(peer));
}

TEST_F(windows, client_that_is_refused_reports_it)
{
	int port = peer_listen(&self->peer, 0);

	close(self->peer.listener);
	program_start(&self->program, "windows_client", "127.0.0.1", number(port));
	EXPECT_EQ(2, program_end(&self->program));
	EXPECT_STREQ("connection refused\nUnable to connect to server!\n",
		     self->program.text);
}

TEST_F(windows, client_gives_up_after_its_own_time)
{
	int port = peer_listen(&self->peer, 0);
	long before = now_ms();

	program_start(&self->program, "windows_client", "127.0.0.1", number(port));
	peer_accept(&self->peer);
	EXPECT_EQ(1, program_end(&self->program));
	EXPECT_TRUE(program_said(&self->program, "recv timed out"));
	EXPECT_LE(5000, now_ms() - before);
	EXPECT_TRUE(peer_saw_fin(&self->peer));
}

TEST_F(windows, server_tells_a_reset_from_an_end)
{
	struct peer *peer = &self->peer;

	program_start(&self->program, "windows_server", "0", "1");
	peer_connect(peer, program_number(&self->program));
	send_all(peer->fd, "abc", 3);
	wait_ready(peer->fd, POLLIN);
	set_linger(peer->fd, 1, 0);
	close(peer->fd);
	EXPECT_EQ(0, program_end(&self->program));
	EXPECT_TRUE(program_said(&self->program, "Client reset the connection"));
	EXPECT_TRUE(program_said(&self->program, "Echoed 3 bytes"));
}

FIXTURE(echo) {
	struct program program;
	struct peer clients[CLIENTS];
};

FIXTURE_VARIANT(echo) {
	const char *name;
	bool in_turn;
};

FIXTURE_VARIANT_ADD(echo, blocking) { "windows_server", true };
FIXTURE_VARIANT_ADD(echo, select) { "windows_selectsrv", false };
FIXTURE_VARIANT_ADD(echo, events) { "windows_eventsrv", false };

FIXTURE_SETUP(echo)
{
	int i, port;

	netns_enter();
	small_buffers();
	program_start(&self->program, variant->name, "0", number(CLIENTS));
	port = program_number(&self->program);
	for (i = 0; i < CLIENTS; i++)
		peer_connect(&self->clients[i], port);
}

FIXTURE_TEARDOWN(echo)
{
}

TEST_F(echo, every_client_gets_its_bytes_back)
{
	int i;

	for (i = 0; i < CLIENTS; i++) {
		/* Last come, first served, by whoever can. */
		struct peer *client = &self->clients[variant->in_turn ?
						     i : CLIENTS - 1 - i];
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
	EXPECT_EQ(0, program_end(&self->program));
}

FIXTURE(overlapped) {
	struct program program;
	struct peer peer;
};

FIXTURE_VARIANT(overlapped) {
	const char *how;
};

FIXTURE_VARIANT_ADD(overlapped, event) { "event" };
FIXTURE_VARIANT_ADD(overlapped, routine) { "routine" };

FIXTURE_SETUP(overlapped)
{
	netns_enter();
	program_start(&self->program, "windows_overlapped", variant->how, "0");
	peer_connect(&self->peer, program_number(&self->program));
}

FIXTURE_TEARDOWN(overlapped)
{
}

TEST_F(overlapped, everything_is_received_in_order)
{
	struct peer *peer = &self->peer;
	struct received got;
	unsigned int sum = 0;
	struct sender sender;
	char line[80];
	size_t i;

	sender_start(&sender, peer->fd, ECHO_LEN);
	sender_join(&sender);
	got = receive_all(peer->fd);
	EXPECT_EQ(0, got.bytes);
	EXPECT_EQ(END_EOF, got.ending);
	EXPECT_EQ(0, program_end(&self->program));

	pattern(room, 0, ECHO_LEN);
	for (i = 0; i < ECHO_LEN; i++)
		sum = sum * 31 + (unsigned char)room[i];
	snprintf(line, sizeof(line), "Received %d bytes, sum %08x, error 0",
		 ECHO_LEN, sum);
	EXPECT_TRUE(program_said(&self->program, line));
	EXPECT_TRUE(peer_saw_fin(peer));
}

TEST_F(overlapped, a_reset_is_an_error)
{
	struct peer *peer = &self->peer;

	send_all(peer->fd, "abc", 3);
	set_linger(peer->fd, 1, 0);
	close(peer->fd);
	EXPECT_EQ(1, program_end(&self->program));
	EXPECT_NE(NULL, strstr(self->program.text, "error 10054\n"));
}

TEST_F(windows, nonblocking_connect_works_and_the_socket_blocks_again)
{
	struct peer *peer = &self->peer;
	enum ending ending;
	int port;

	port = peer_listen(peer, 0);
	program_start(&self->program, "windows_nbconnect", "127.0.0.1", number(port),
		      "20000");
	peer_accept(peer);
	read_all(peer->fd, room, sizeof(room), &ending);
	EXPECT_EQ(0, memcmp(room, "hello from a blocking socket\n", 29));
	EXPECT_EQ(END_EOF, ending);
	EXPECT_TRUE(program_running(&self->program));
	send_all(peer->fd, "welcome\n", 8);
	close(peer->fd);
	EXPECT_EQ(0, program_end(&self->program));
	EXPECT_STREQ("connected\nwelcome\n", self->program.text);
	EXPECT_TRUE(peer_saw_fin(peer));
}

/* The exceptional set is where a failed connect shows. */
TEST_F(windows, nonblocking_connect_is_refused)
{
	int port = peer_listen(&self->peer, 0);

	close(self->peer.listener);
	program_start(&self->program, "windows_nbconnect", "127.0.0.1", number(port),
		      "20000");
	EXPECT_EQ(2, program_end(&self->program));
	EXPECT_STREQ("refused\n", self->program.text);

	program_start(&self->program, "windows_nbconnect", "::1", number(port),
		      "20000");
	EXPECT_EQ(2, program_end(&self->program));
	EXPECT_STREQ("refused\n", self->program.text);
}

/* A listener that has no room, and has none made. */
TEST_F(windows, nonblocking_connect_times_out)
{
	int port = peer_listen(&self->peer, 0), i;
	struct pollfd pfd = { .events = POLLOUT };
	struct sockaddr_storage addr;
	socklen_t len = sizeof(addr);
	long before;

	check(listen(self->peer.listener, 0));
	check(getsockname(self->peer.listener, (struct sockaddr *)&addr, &len));
	for (i = 0; ; i++) {
		pfd.fd = check(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
		connect(pfd.fd, (struct sockaddr *)&addr, len);
		if (!check(poll(&pfd, 1, 200)))
			break;
	}
	before = now_ms();
	program_start(&self->program, "windows_nbconnect", "127.0.0.1", number(port),
		      "700");
	EXPECT_EQ(2, program_end(&self->program));
	EXPECT_STREQ("timed out\n", self->program.text);
	EXPECT_LE(700, now_ms() - before);
	EXPECT_GT(AT_ONCE_MS, now_ms() - before);
}

/* The port; it may say before that it could not have SIO_UDP_CONNRESET. */
static int udp_port(struct program *program)
{
	const char *line;

	do {
		line = program_line(program);
	} while (strncmp(line, "Bound to ", 9));
	return atoi(line + 9);
}

TEST_F(windows, datagrams_are_echoed_and_long_ones_cut)
{
	int port;

	program_start(&self->other, "windows_udpecho", "-s", "0", "4");
	port = udp_port(&self->other);
	program_start(&self->program, "windows_udpecho", "-c", "127.0.0.1",
		      number(port), "4");
	EXPECT_EQ(0, program_end(&self->program));
	EXPECT_STREQ("sent 100, got 100\nsent 200, got 200\nsent 300, got 300\n"
		     "sent 3000, got 2048\n4 of 4 good\n", self->program.text);
	EXPECT_EQ(0, program_end(&self->other));
	EXPECT_STREQ("100 bytes from 127.0.0.1\n200 bytes from 127.0.0.1\n"
		     "300 bytes from 127.0.0.1\n"
		     "datagram larger than 2048 bytes cut\n"
		     "2048 bytes from 127.0.0.1\n",
		     strchr(strstr(self->other.text, "Bound to"), '\n') + 1);
}

/* A plain client that has gone before it is answered. */
TEST_F(windows, datagram_server_outlives_a_lost_client)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	char buf[16];
	int fd;

	program_start(&self->program, "windows_udpecho", "-s", "0", "2");
	addr.sin_port = htons(udp_port(&self->program));
	fd = check(socket(AF_INET, SOCK_DGRAM, 0));
	check(sendto(fd, "a", 1, 0, (struct sockaddr *)&addr, sizeof(addr)));
	close(fd);

	fd = check(socket(AF_INET, SOCK_DGRAM, 0));
	check(sendto(fd, "bcd", 3, 0, (struct sockaddr *)&addr, sizeof(addr)));
	wait_ready(fd, POLLIN);
	EXPECT_EQ(3, recv(fd, buf, sizeof(buf), 0));
	EXPECT_EQ(0, memcmp(buf, "bcd", 3));
	EXPECT_EQ(0, program_end(&self->program));
	EXPECT_TRUE(program_said(&self->program, "1 bytes from 127.0.0.1"));
	EXPECT_TRUE(program_said(&self->program, "3 bytes from 127.0.0.1"));
}

TEST_F(windows, broadcasts_need_to_be_allowed_and_arrive)
{
	char port[] = "9099";

	program_start(&self->other, "windows_broadcast", "-l", port, "2");
	EXPECT_STREQ("Waiting", program_line(&self->other));
	program_start(&self->program, "windows_broadcast", "127.255.255.255", port,
		      "2");
	EXPECT_EQ(0, program_end(&self->program));
	EXPECT_STREQ("refused without SO_BROADCAST\nsent 14 bytes\nsent 14 bytes\n",
		     self->program.text);
	EXPECT_EQ(0, program_end(&self->other));
	EXPECT_STREQ("Waiting\n127.x.x.1 says: announcement 0\n"
		     "127.x.x.1 says: announcement 1\n", self->other.text);
}

TEST_F(windows, file_arrives_and_is_acknowledged)
{
	struct peer *peer = &self->peer;
	static unsigned char got[4 + ECHO_LEN + 1];
	enum ending ending;
	char path[] = "/tmp/windows-XXXXXX";
	int port, fd;
	uint32_t len;

	fd = check(mkstemp(path));
	pattern(room, 0, ECHO_LEN);
	EXPECT_EQ(ECHO_LEN, write(fd, room, ECHO_LEN));
	close(fd);

	port = peer_listen(peer, 8192);
	program_start(&self->program, "windows_sendfile", "127.0.0.1", number(port),
		      path);
	peer_accept(peer);
	EXPECT_EQ(4 + ECHO_LEN, read_all(peer->fd, got, sizeof(got), &ending));
	EXPECT_EQ(END_EOF, ending);
	memcpy(&len, got, 4);
	EXPECT_EQ(ECHO_LEN, ntohl(len));
	EXPECT_EQ(0, memcmp(got + 4, room, ECHO_LEN));
	EXPECT_TRUE(program_running(&self->program));
	send_all(peer->fd, "got it", 6);
	close(peer->fd);
	EXPECT_EQ(0, program_end(&self->program));
	EXPECT_TRUE(program_said(&self->program,
				 "sent 200000 bytes, receiver says \"got it\""));
	EXPECT_TRUE(peer_saw_fin(peer));
	unlink(path);
}

/* More than fit into one of its sets, and more than libc's have room for. */
TEST_F(windows, scanner_finds_the_open_ports)
{
	static const int ports[] = { 20001, 20300, 20599 };
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int i, fd;

	for (i = 0; i < 3; i++) {
		fd = check(socket(AF_INET, SOCK_STREAM, 0));
		addr.sin_port = htons(ports[i]);
		check(bind(fd, (struct sockaddr *)&addr, sizeof(addr)));
		check(listen(fd, 1));
	}
	program_start(&self->program, "windows_scanner", "127.0.0.1", "20000",
		      "20599");
	EXPECT_EQ(0, program_end(&self->program));
	EXPECT_STREQ("20001 open\n20300 open\n20599 open\n"
		     "3 open, 597 closed, 0 filtered\n", self->program.text);
}

/* P1, P2: the sockets are closed under the threads that wait on them. */
TEST_F(windows, chat_ends_when_anybody_says_so)
{
	static const char *const names[] = { "ann", "bob", "cid" };
	struct peer peers[3];
	enum ending ending;
	char line[128];
	int i, j, port;

	program_start(&self->program, "windows_chat", "0");
	port = program_number(&self->program);
	for (i = 0; i < 3; i++) {
		peer_connect(&peers[i], port);
		send_all(peers[i].fd, names[i], 3);
		send_all(peers[i].fd, "\n", 1);
		for (j = 0; j <= i; j++) {
			snprintf(room, sizeof(room), "* %s joined", names[i]);
			EXPECT_STREQ(room, read_line(peers[j].fd, line,
						     sizeof(line)));
		}
	}
	send_all(peers[1].fd, "good morning\n", 13);
	for (i = 0; i < 3; i++)
		EXPECT_STREQ("<bob> good morning",
			     read_line(peers[i].fd, line, sizeof(line)));

	/* One leaves by itself, one ends it all. */
	check(shutdown(peers[0].fd, SHUT_WR));
	EXPECT_EQ(0, read_all(peers[0].fd, line, sizeof(line), &ending));
	EXPECT_EQ(END_EOF, ending);
	for (i = 1; i < 3; i++)
		EXPECT_STREQ("* ann left",
			     read_line(peers[i].fd, line, sizeof(line)));
	send_all(peers[2].fd, "/quit\n", 6);
	for (i = 1; i < 3; i++) {
		EXPECT_EQ(0, read_all(peers[i].fd, line, sizeof(line), &ending));
		EXPECT_EQ(END_EOF, ending);
		EXPECT_TRUE(peer_saw_fin(&peers[i]));
	}
	EXPECT_EQ(0, program_end(&self->program));
	EXPECT_TRUE(program_said(&self->program, "cid ends the chat"));
	EXPECT_TRUE(program_said(&self->program, "listening socket closed"));
	EXPECT_TRUE(program_said(&self->program, "reader stopped"));
	EXPECT_TRUE(program_said(&self->program, "bye"));
}

TEST_HARNESS_MAIN
