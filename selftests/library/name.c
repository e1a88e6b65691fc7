// SPDX-License-Identifier: LGPL-2.1-or-later
/* Names of hosts, services and protocols, and addresses as text. */
#include <malloc.h>
#include <net/if.h>
#include <netdb.h>
#include <stdio.h>
#include <wchar.h>

#include "suite.h"

#define HOSTS		"/etc/hosts"
#define NOBODY		"no-such-name.invalid"

/* A look-up, whose result is assigned, works. */
#define ASSERT_KNOWN(assignment)					\
	EXPECT_CALL(ASSERT_NE(NULL, assignment), POISON_ERROR)

static in_addr_t first_address(const struct hostent *host)
{
	in_addr_t addr;

	memcpy(&addr, host->h_addr, sizeof(addr));
	return addr;
}

TEST(nothing_is_looked_up_before_wsastartup)
{
	in_addr_t addr = htonl(INADDR_LOOPBACK);
	struct sockaddr_in in;
	char text[64] = "1.2.3.4";
	int len = sizeof(in);
	DWORD size = sizeof(text);

	EXPECT_REFUSED(WSANOTINITIALISED, gethostbyname("localhost"));
	EXPECT_REFUSED(WSANOTINITIALISED, gethostbyname(NULL));
	EXPECT_REFUSED(WSANOTINITIALISED, gethostbyaddr(&addr, 4, AF_INET));
	EXPECT_REFUSED(WSANOTINITIALISED, gethostbyaddr(NULL, 0, 4711));
	EXPECT_REFUSED(WSANOTINITIALISED, getservbyname("http", "tcp"));
	EXPECT_REFUSED(WSANOTINITIALISED, getservbyname(NULL, NULL));
	EXPECT_REFUSED(WSANOTINITIALISED, getservbyport(htons(80), "tcp"));
	EXPECT_REFUSED(WSANOTINITIALISED, getprotobyname("tcp"));
	EXPECT_REFUSED(WSANOTINITIALISED, getprotobynumber(IPPROTO_TCP));
	EXPECT_FAILS(WSANOTINITIALISED, gethostname(text, sizeof(text)));
	EXPECT_FAILS(WSANOTINITIALISED,
		     WSAStringToAddress(text, AF_INET, NULL,
					(SOCKADDR *)&in, &len));
	EXPECT_FAILS(WSANOTINITIALISED,
		     WSAAddressToString((SOCKADDR *)&in, sizeof(in), NULL, text,
					&size));
	EXPECT_STREQ("1.2.3.4", text);
}

TEST(a_host_by_its_name)
{
	HOSTENT *host;

	start();
	ASSERT_KNOWN(host = gethostbyname("localhost"));
	EXPECT_EQ(AF_INET, host->h_addrtype);
	EXPECT_EQ(4, host->h_length);
	EXPECT_EQ(htonl(INADDR_LOOPBACK), first_address(host));

	/* a number is its own name */
	ASSERT_KNOWN(host = gethostbyname("192.0.2.7"));
	EXPECT_STREQ("192.0.2.7", host->h_name);
	EXPECT_EQ(htonl(0xc0000207), first_address(host));
	EXPECT_NULL(host->h_addr_list[1]);

	EXPECT_REFUSED(WSAHOST_NOT_FOUND, gethostbyname(NOBODY));
	EXPECT_EQ(HOST_NOT_FOUND, h_errno);
}

TEST(no_name_is_the_own_name)
{
	char name[256], found[256];
	HOSTENT *host;

	start();
	EXPECT_WORKS(gethostname(name, sizeof(name)));
	ASSERT_KNOWN(host = gethostbyname(name));
	snprintf(found, sizeof(found), "%s", host->h_name);
	ASSERT_KNOWN(host = gethostbyname(""));
	EXPECT_STREQ(found, host->h_name);
	ASSERT_KNOWN(host = gethostbyname(NULL));
	EXPECT_STREQ(found, host->h_name);
}

TEST(the_own_name_needs_room)
{
	char name[256], other[256];
	/* as only the running program knows */
	char *nowhere = getenv(NOBODY);
	int negative = atoi("-1");
	int len;

	start();
	EXPECT_WORKS(gethostname(name, sizeof(name)));
	len = strlen(name);
	ASSERT_LT(0, len);

	memset(other, 0xcc, sizeof(other));
	EXPECT_FAILS(WSAEFAULT, gethostname(other, len));
	EXPECT_FAILS(WSAEFAULT, gethostname(other, 0));
	EXPECT_FAILS(WSAEFAULT, gethostname(other, negative));
	EXPECT_FAILS(WSAEFAULT, gethostname(nowhere, sizeof(other)));
	EXPECT_EQ((char)0xcc, other[0]);
	EXPECT_WORKS(gethostname(other, len + 1));
	EXPECT_STREQ(name, other);
}

TEST(a_host_by_its_address)
{
	in_addr_t loop = htonl(INADDR_LOOPBACK), other = htonl(0xcb007101);
	HOSTENT *host;

	start();
	ASSERT_KNOWN(host = gethostbyaddr((char *)&loop, 4, AF_INET));
	EXPECT_STREQ("localhost", host->h_name);
	EXPECT_EQ(loop, first_address(host));
	ASSERT_KNOWN(host = gethostbyaddr(&in6addr_loopback, 16, AF_INET6));
	EXPECT_EQ(AF_INET6, host->h_addrtype);
	EXPECT_EQ(16, host->h_length);
	EXPECT_STREQ("localhost", host->h_name);

	EXPECT_REFUSED(WSAHOST_NOT_FOUND, gethostbyaddr(&other, 4, AF_INET));
	EXPECT_REFUSED(WSAEFAULT, gethostbyaddr(&loop, 3, AF_INET));
	EXPECT_REFUSED(WSAEFAULT, gethostbyaddr(&in6addr_loopback, 4, AF_INET6));
	EXPECT_REFUSED(WSAEFAULT, gethostbyaddr(NULL, 4, AF_INET));
	EXPECT_REFUSED(WSAEAFNOSUPPORT, gethostbyaddr(&loop, 4, 4711));
}

TEST(services_and_protocols)
{
	PROTOENT *protocol;
	SERVENT *service;

	start();
	ASSERT_KNOWN(service = getservbyname("http", "tcp"));
	EXPECT_EQ(htons(80), service->s_port);
	EXPECT_STREQ("tcp", service->s_proto);
	ASSERT_KNOWN(service = getservbyname("domain", "udp"));
	EXPECT_EQ(htons(53), service->s_port);
	EXPECT_STREQ("udp", service->s_proto);
	ASSERT_KNOWN(service = getservbyname("telnet", NULL));
	EXPECT_EQ(htons(23), service->s_port);
	ASSERT_KNOWN(service = getservbyport(htons(80), "tcp"));
	EXPECT_STREQ("http", service->s_name);
	ASSERT_KNOWN(service = getservbyport(htons(23), NULL));
	EXPECT_STREQ("telnet", service->s_name);
	ASSERT_KNOWN(protocol = getprotobyname("tcp"));
	EXPECT_EQ(IPPROTO_TCP, protocol->p_proto);
	ASSERT_KNOWN(protocol = getprotobynumber(IPPROTO_UDP));
	EXPECT_STREQ("udp", protocol->p_name);

	EXPECT_REFUSED(WSANO_DATA, getservbyname(NOBODY, "tcp"));
	EXPECT_REFUSED(WSANO_DATA, getservbyname("http", NOBODY));
	EXPECT_REFUSED(WSAEFAULT, getservbyname(NULL, "tcp"));
	EXPECT_REFUSED(WSANO_DATA, getservbyport(htons(80), NOBODY));
	EXPECT_REFUSED(WSANO_DATA, getservbyport(0, "tcp"));
	EXPECT_REFUSED(WSANO_DATA, getprotobyname(NOBODY));
	EXPECT_REFUSED(WSAEFAULT, getprotobyname(NULL));
	EXPECT_REFUSED(WSANO_DATA, getprotobynumber(-1));
}

/* One answer of each kind, in each thread, at once. */
static void *look_up_others(void *arg)
{
	in_addr_t *addr = arg;
	HOSTENT *host = gethostbyname("198.51.100.9");

	getservbyname("smtp", "tcp");
	getprotobyname("icmp");
	if (host)
		memcpy(addr, host->h_addr, sizeof(*addr));
	return NULL;
}

TEST(answers_are_not_disturbed_by_others)
{
	in_addr_t addr = 0;
	PROTOENT *protocol;
	SERVENT *service;
	pthread_t thread;
	HOSTENT *host;

	start();
	ASSERT_KNOWN(host = gethostbyname("192.0.2.7"));
	ASSERT_KNOWN(service = getservbyname("http", "tcp"));
	ASSERT_KNOWN(protocol = getprotobyname("tcp"));
	ASSERT_EQ(0, pthread_create(&thread, NULL, look_up_others, &addr));
	pthread_join(thread, NULL);
	EXPECT_EQ(htonl(0xc6336409), addr);

	EXPECT_STREQ("192.0.2.7", host->h_name);
	EXPECT_EQ(htonl(0xc0000207), first_address(host));
	EXPECT_STREQ("http", service->s_name);
	EXPECT_EQ(htons(80), service->s_port);
	EXPECT_STREQ("tcp", protocol->p_name);
	EXPECT_EQ(IPPROTO_TCP, protocol->p_proto);

	/* the next one of the kind takes its place; a failure does not count */
	EXPECT_REFUSED(WSANO_DATA, getprotobyname(NOBODY));
	ASSERT_KNOWN(host = gethostbyname("198.51.100.9"));
	EXPECT_EQ(htonl(0xc6336409), first_address(host));
	EXPECT_STREQ("http", service->s_name);
}

static void look_up_in_threads(int count)
{
	in_addr_t addr;
	pthread_t thread;

	while (count--) {
		if (pthread_create(&thread, NULL, look_up_others, &addr))
			errx(EXIT_FAILURE, "pthread_create");
		pthread_join(thread, NULL);
	}
}

TEST(a_thread_takes_its_answers_with_it)
{
	size_t before;

	start();
	look_up_in_threads(100);
	before = mallinfo2().uordblks;
	look_up_in_threads(200);
	EXPECT_GT(before + 100000, mallinfo2().uordblks);
}

FIXTURE(hosts) {
	char text[4096];
	size_t len;
};

FIXTURE_SETUP(hosts)
{
	FILE *file = fopen(HOSTS, "r");

	if (!file)
		err(EXIT_FAILURE, HOSTS);
	self->len = fread(self->text, 1, sizeof(self->text), file);
	fclose(file);
	start();
}

FIXTURE_TEARDOWN(hosts)
{
	FILE *file = fopen(HOSTS, "w");

	if (file) {
		fwrite(self->text, 1, self->len, file);
		fclose(file);
	}
	WSACleanup();
}

TEST_F(hosts, an_answer_may_be_long)
{
	FILE *file = fopen(HOSTS, "a");
	HOSTENT *host;
	char name[64];
	int i;

	if (!file)
		SKIP(return, "not allowed to write " HOSTS);
	fputs("192.0.2.99 many-names", file);
	for (i = 0; i < 300; i++)
		fprintf(file, " an-alias-that-is-not-short-%d.example", i);
	fputc('\n', file);
	for (i = 0; i < 100; i++)
		fprintf(file, "198.51.100.%d many-addresses\n", i + 1);
	fclose(file);

	ASSERT_KNOWN(host = gethostbyname("many-names"));
	for (i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "an-alias-that-is-not-short-%d.example", i);
		ASSERT_NE(NULL, host->h_aliases[i]);
		EXPECT_STREQ(name, host->h_aliases[i]);
	}
	EXPECT_NULL(host->h_aliases[i]);

	ASSERT_KNOWN(host = gethostbyname("many-addresses"));
	for (i = 0; i < 100; i++)
		ASSERT_NE(NULL, host->h_addr_list[i]);
	EXPECT_NULL(host->h_addr_list[i]);
}

TEST(windows_spellings_are_the_same_functions)
{
	ADDRINFOA hints = { .ai_flags = AI_NUMERICHOST };
	PADDRINFOA list = NULL;
	char host[64];

	start();
	EXPECT_EQ(0, GetAddrInfoA("127.0.0.1", "80", &hints, &list));
	ASSERT_NE(NULL, list);
	EXPECT_EQ(0, GetNameInfo(list->ai_addr, list->ai_addrlen, host,
				 sizeof(host), NULL, 0, NI_NUMERICHOST));
	EXPECT_STREQ("127.0.0.1", host);
	FreeAddrInfo(list);
	EXPECT_EQ(WSAHOST_NOT_FOUND, GetAddrInfo("no number", NULL, &hints, &list));
	EXPECT_STREQ(winsock_strerror(WSAHOST_NOT_FOUND), gai_strerrorA(WSAHOST_NOT_FOUND));
}

/* In host order; @port 0 is none. */
static const struct {
	const char *text;
	uint32_t addr;
	int port;
} ipv4_texts[] = {
	{ "0.0.0.0",			0,		0 },
	{ "127.0.0.1",			0x7f000001,	0 },
	{ "255.255.255.255",		0xffffffff,	0 },
	{ "127.0.0.1:80",		0x7f000001,	80 },
	{ "255.255.255.255:65535",	0xffffffff,	65535 },
	{ "127.0.0.1:0x1F90",		0x7f000001,	8080 },
	{ "127.0.0.1:010",		0x7f000001,	8 },
	/* the shorter forms of inet_addr() */
	{ "127.1",			0x7f000001,	0 },
	{ "127.0.1:9",			0x7f000001,	9 },
	{ "2130706433:9",		0x7f000001,	9 },
	{ "0x7f000001",			0x7f000001,	0 },
};

static const char *const no_ipv4_texts[] = {
	"", " ", "a", "localhost", "1.2.3.", "1..2", "1.2.3.256", "1.2.3.4.5",
	"1.2.3.08", "1.2.3.-4", " 1.2.3.4", "1.2.3.4 ", "1.2.3.4 :80",
	"1.2.3.4:", "1.2.3.4:0", "1.2.3.4:65536", "1.2.3.4:-1", "1.2.3.4:+1",
	"1.2.3.4: 1", "1.2.3.4:80 ", "1.2.3.4:0x", "1.2.3.4:08", "1.2.3.4::80",
	"1.2.3.4:http", "[1.2.3.4]:80", "::1", ":80", "2001:db8::1",
	"1.2.3.4:99999999999999999999",
	"0000000000000000000000000000000000000000000000000000000000000000000001",
};

TEST(text_to_ipv4_address)
{
	struct sockaddr_in in;
	unsigned int i;
	int len;

	start();
	for (i = 0; i < ARRAY_SIZE(ipv4_texts); i++) {
		memset(&in, 0xcc, sizeof(in));
		len = sizeof(in) + 10;
		EXPECT_WORKS(WSAStringToAddressA((char *)ipv4_texts[i].text,
						 AF_INET, NULL,
						 (SOCKADDR *)&in, &len));
		EXPECT_EQ(sizeof(in), len);
		EXPECT_EQ(AF_INET, in.sin_family) {
			TH_LOG("%s", ipv4_texts[i].text);
		}
		EXPECT_EQ(ipv4_texts[i].addr, ntohl(in.sin_addr.s_addr));
		EXPECT_EQ(ipv4_texts[i].port, ntohs(in.sin_port));
	}
	for (i = 0; i < ARRAY_SIZE(no_ipv4_texts); i++) {
		memset(&in, 0xcc, sizeof(in));
		len = sizeof(in) + 10;
		EXPECT_FAILS(WSAEINVAL,
			     WSAStringToAddressA((char *)no_ipv4_texts[i],
						 AF_INET, NULL,
						 (SOCKADDR *)&in, &len));
		EXPECT_EQ(sizeof(in) + 10, len);
		EXPECT_EQ(AF_UNSPEC, in.sin_family) {
			TH_LOG("%s", no_ipv4_texts[i]);
		}
	}
}

static const struct {
	const char *text;
	const char *addr;
	uint32_t scope;
	int port;
} ipv6_texts[] = {
	{ "::",				"::",		0,	0 },
	{ "::1",			"::1",		0,	0 },
	{ "[::1]",			"::1",		0,	0 },
	{ "[::1]:65535",		"::1",		0,	65535 },
	{ "[::1]:0x50",			"::1",		0,	80 },
	{ "2001:db8::1",		"2001:db8::1",	0,	0 },
	{ "001::1",			"1::1",		0,	0 },
	{ "::ffff:1.2.3.4",		"::ffff:1.2.3.4", 0,	0 },
	{ "fe80::1%7",			"fe80::1",	7,	0 },
	{ "[fe80::1%7]",		"fe80::1",	7,	0 },
	{ "[fe80::1%4294967295]:80",	"fe80::1",	0xffffffff, 80 },
};

static const char *const no_ipv6_texts[] = {
	"", "[", "]", "[]", "::1]", "[::1", "::1]:80", "[::1]80", "[::1]:",
	"[::1]:0", "[::1]:65536", "[::1]x", "[[::1]]", "1.2.3.4", "1:2:3:",
	"::1 ", " ::1", "::12345", "1:2:3:4:5:6:7:8:9", "fe80::1%",
	"fe80::1%no-such-if", "fe80::1%4294967296", "fe80::1%7x", "[fe80::1]%7",
	"0000000000000000000000000000000000000000000000000000000000000000::1",
};

TEST(text_to_ipv6_address)
{
	struct sockaddr_in6 in6;
	struct in6_addr addr;
	unsigned int i;
	int len;

	start();
	for (i = 0; i < ARRAY_SIZE(ipv6_texts); i++) {
		memset(&in6, 0xcc, sizeof(in6));
		len = sizeof(in6);
		EXPECT_WORKS(WSAStringToAddressA((char *)ipv6_texts[i].text,
						 AF_INET6, NULL,
						 (SOCKADDR *)&in6, &len));
		EXPECT_EQ(sizeof(in6), len);
		EXPECT_EQ(AF_INET6, in6.sin6_family) {
			TH_LOG("%s", ipv6_texts[i].text);
		}
		EXPECT_EQ(1, inet_pton(AF_INET6, ipv6_texts[i].addr, &addr));
		EXPECT_EQ(0, memcmp(&addr, &in6.sin6_addr, sizeof(addr)));
		EXPECT_EQ(ipv6_texts[i].scope, in6.sin6_scope_id);
		EXPECT_EQ(ipv6_texts[i].port, ntohs(in6.sin6_port));
		EXPECT_EQ(0, in6.sin6_flowinfo);
	}
	for (i = 0; i < ARRAY_SIZE(no_ipv6_texts); i++) {
		memset(&in6, 0xcc, sizeof(in6));
		len = sizeof(in6);
		EXPECT_FAILS(WSAEINVAL,
			     WSAStringToAddressA((char *)no_ipv6_texts[i],
						 AF_INET6, NULL,
						 (SOCKADDR *)&in6, &len));
		EXPECT_EQ(AF_UNSPEC, in6.sin6_family) {
			TH_LOG("%s", no_ipv6_texts[i]);
		}
	}

	/* Linux's own way to say it */
	len = sizeof(in6);
	EXPECT_WORKS(WSAStringToAddress("[fe80::1%lo]:80", AF_INET6, NULL,
					(SOCKADDR *)&in6, &len));
	EXPECT_EQ(if_nametoindex("lo"), in6.sin6_scope_id);
}

TEST(text_to_address_needs_room)
{
	struct sockaddr_storage addr;
	int len;

	start();
	memset(&addr, 0xcc, sizeof(addr));
	len = sizeof(struct sockaddr_in) - 1;
	EXPECT_FAILS(WSAEFAULT, WSAStringToAddress("1.2.3.4", AF_INET, NULL,
						   (SOCKADDR *)&addr, &len));
	EXPECT_EQ(sizeof(struct sockaddr_in), len);
	len = -1;
	EXPECT_FAILS(WSAEFAULT, WSAStringToAddress("::1", AF_INET6, NULL,
						   (SOCKADDR *)&addr, &len));
	EXPECT_EQ(sizeof(struct sockaddr_in6), len);
	EXPECT_FAILS(WSAEFAULT, WSAStringToAddress("::1", AF_INET6, NULL, NULL,
						   &len));
	EXPECT_FAILS(WSAEFAULT, WSAStringToAddress("::1", AF_INET6, NULL,
						   (SOCKADDR *)&addr, NULL));
	EXPECT_FAILS(WSAEINVAL, WSAStringToAddress("::1", 4711, NULL,
						   (SOCKADDR *)&addr, &len));
	EXPECT_EQ(0xcccc, addr.ss_family);
	EXPECT_FAILS(WSAEINVAL, WSAStringToAddress(NULL, AF_INET6, NULL,
						   (SOCKADDR *)&addr, &len));
}

/* The texts that come back as they are. */
static const struct {
	int family;
	const char *text;
} both_ways[] = {
	{ AF_INET, "0.0.0.0" },
	{ AF_INET, "255.255.255.255:65535" },
	{ AF_INET, "127.0.0.1:1" },
	{ AF_INET6, "::" },
	{ AF_INET6, "::1" },
	{ AF_INET6, "[::1]:65535" },
	{ AF_INET6, "fe80::1%7" },
	{ AF_INET6, "[fe80::1%7]:80" },
	{ AF_INET6, "[1111:2222:3333:4444:5555:6666:7777:8888%4294967295]:65535" },
	{ AF_INET6, "[::ffff:255.255.255.255]:80" },
};

TEST(address_to_text_and_back)
{
	struct sockaddr_storage addr;
	char text[80];
	unsigned int i;
	DWORD need, size;
	int len;

	start();
	for (i = 0; i < ARRAY_SIZE(both_ways); i++) {
		len = sizeof(addr);
		EXPECT_WORKS(WSAStringToAddress((char *)both_ways[i].text,
						both_ways[i].family, NULL,
						(SOCKADDR *)&addr, &len));
		need = strlen(both_ways[i].text) + 1;

		memset(text, 0xcc, sizeof(text));
		size = need - 1;
		EXPECT_FAILS(WSAEFAULT, WSAAddressToString((SOCKADDR *)&addr, len,
							   NULL, text, &size));
		EXPECT_EQ(need, size);
		EXPECT_EQ((char)0xcc, text[0]);
		EXPECT_WORKS(WSAAddressToString((SOCKADDR *)&addr, len, NULL,
						text, &size));
		EXPECT_EQ(need, size);
		EXPECT_STREQ(both_ways[i].text, text);
		EXPECT_EQ((char)0xcc, text[need]);
		size = sizeof(text);
		EXPECT_WORKS(WSAAddressToString((SOCKADDR *)&addr, len, NULL,
						text, &size));
		EXPECT_EQ(need, size);
	}
}

TEST(address_to_text_wants_a_whole_address)
{
	struct sockaddr_storage addr;
	DWORD size = 80;
	char text[80];
	int len;

	start();
	len = loopback(AF_INET, &addr);
	memset(text, 0xcc, sizeof(text));
	EXPECT_FAILS(WSAEFAULT, WSAAddressToString((SOCKADDR *)&addr, len - 1,
						   NULL, text, &size));
	EXPECT_FAILS(WSAEFAULT, WSAAddressToString((SOCKADDR *)&addr, 1, NULL,
						   text, &size));
	EXPECT_FAILS(WSAEFAULT, WSAAddressToString(NULL, len, NULL, text, &size));
	EXPECT_FAILS(WSAEFAULT, WSAAddressToString((SOCKADDR *)&addr, len, NULL,
						   NULL, &size));
	EXPECT_FAILS(WSAEFAULT, WSAAddressToString((SOCKADDR *)&addr, len, NULL,
						   text, NULL));
	addr.ss_family = 4711;
	EXPECT_FAILS(WSAEINVAL, WSAAddressToString((SOCKADDR *)&addr, len, NULL,
						   text, &size));
	EXPECT_EQ(80, size);
	EXPECT_EQ((char)0xcc, text[0]);
}

TEST(ipv6_addresses_are_set_and_reported_as_on_windows)
{
	struct sockaddr_in6 in6;

	memset(&in6, 0xcc, sizeof(in6));
	IN6ADDR_SETLOOPBACK(&in6);
	EXPECT_EQ(AF_INET6, in6.sin6_family);
	EXPECT_EQ(0, in6.sin6_port | in6.sin6_flowinfo | in6.sin6_scope_id);
	EXPECT_TRUE(IN6ADDR_ISLOOPBACK(&in6));
	EXPECT_FALSE(IN6ADDR_ISANY(&in6));
	IN6_SET_ADDR_UNSPECIFIED(&in6.sin6_addr);
	EXPECT_TRUE(IN6ADDR_ISANY(&in6));
	EXPECT_FALSE(IN6ADDR_ISLOOPBACK(&in6));
	IN6_SET_ADDR_LOOPBACK(&in6.sin6_addr);
	EXPECT_TRUE(IN6ADDR_ISLOOPBACK(&in6));
	memset(&in6, 0xcc, sizeof(in6));
	IN6ADDR_SETANY(&in6);
	EXPECT_TRUE(IN6ADDR_ISANY(&in6));
	in6.sin6_family = AF_INET;
	EXPECT_FALSE(IN6ADDR_ISANY(&in6));
}

TEST(address_to_text_needs_an_address)
{
	char text[64];

	WSASetLastError(0);
	EXPECT_EQ(NULL, inet_ntop(AF_INET, NULL, text, sizeof(text)));
	EXPECT_EQ(WSA_INVALID_PARAMETER, WSAGetLastError());
	EXPECT_EQ(NULL, inet_ntop(AF_INET, text, NULL, 0));
	EXPECT_EQ(WSA_INVALID_PARAMETER, WSAGetLastError());
}

/* L23 */
TEST(no_text_is_no_address)
{
	const char *none = getenv("NO_SUCH_VARIABLE");

	WSASetLastError(0);
	EXPECT_EQ(INADDR_NONE, inet_addr(none));
	EXPECT_EQ(WSAEFAULT, WSAGetLastError());
	EXPECT_EQ(htonl(INADDR_LOOPBACK), inet_addr("127.0.0.1"));
}

/* L23: there is no answer at a full queue. */
TEST(who_connects_has_no_peer)
{
	struct sockaddr_storage addr, peer;
	SOCKET listener, s = INVALID_SOCKET;
	int i, len, size = sizeof(peer);

	start();
	listener = open_listener(AF_INET);
	listen(listener, 0);
	len = name_of(listener, &addr);
	for (i = 0; i < 8; i++) {
		s = open_socket(AF_INET, SOCK_STREAM);
		set_nonblocking(s, true);
		EXPECT_FAILS(WSAEWOULDBLOCK, connect(s, (SOCKADDR *)&addr, len));
	}
	EXPECT_FAILS(WSAENOTCONN, getpeername(s, (SOCKADDR *)&peer, &size));
	WSACleanup();
}

/* L24 */
TEST(wide_names_of_hosts)
{
	ADDRINFOW hints = { .ai_family = AF_INET, .ai_socktype = SOCK_STREAM,
			    .ai_flags = AI_CANONNAME };
	WCHAR text[NI_MAXHOST], port[NI_MAXSERV], longest[2000];
	struct sockaddr_in in;
	ADDRINFOW *list = NULL;
	char own[NI_MAXHOST];
	int i, len;

	start();
	ASSERT_EQ(0, GetAddrInfoW(L"localhost", L"80", &hints, &list));
	ASSERT_EQ((int)sizeof(in), (int)list->ai_addrlen);
	memcpy(&in, list->ai_addr, sizeof(in));
	EXPECT_EQ(htons(80), in.sin_port);
	EXPECT_EQ(htonl(INADDR_LOOPBACK), in.sin_addr.s_addr);
	EXPECT_EQ(0, wcscmp(L"localhost", list->ai_canonname));
	FreeAddrInfoW(list);
	FreeAddrInfoW(NULL);

	list = &hints;
	EXPECT_EQ(WSAHOST_NOT_FOUND, GetAddrInfoW(L"no-such-n\u00e4me.invalid", NULL,
						  NULL, &list));
	EXPECT_NULL(list);
	for (i = 0; i < 1999; i++)
		longest[i] = L'1';
	longest[i] = 0;
	EXPECT_EQ(WSAHOST_NOT_FOUND, GetAddrInfoW(longest, NULL, NULL, &list));
	EXPECT_EQ(WSAEFAULT, GetAddrInfoW(L"localhost", NULL, NULL, NULL));

	EXPECT_EQ(0, GetNameInfoW((SOCKADDR *)&in, sizeof(in), text, NI_MAXHOST, port,
				  NI_MAXSERV, NI_NUMERICHOST | NI_NUMERICSERV));
	EXPECT_EQ(0, wcscmp(L"127.0.0.1", text));
	EXPECT_EQ(0, wcscmp(L"80", port));
	EXPECT_EQ(WSAEFAULT, GetNameInfoW((SOCKADDR *)&in, sizeof(in), text, 9, NULL, 0,
					  NI_NUMERICHOST));

	check(gethostname(own, sizeof(own)));
	len = strlen(own);
	EXPECT_FAILS(WSAEFAULT, GetHostNameW(text, len));
	EXPECT_FAILS(WSAEFAULT, GetHostNameW(NULL, 1));
	EXPECT_WORKS(GetHostNameW(text, len + 1));
	for (i = 0; i <= len; i++)
		EXPECT_EQ(own[i], (int)text[i]);
	WSACleanup();
}

/* L24 */
TEST(wide_addresses)
{
	WCHAR text[] = L"[2001:db8::1]:80", got[32], wrong[] = L"2001:db8::\u0661";
	struct sockaddr_in6 in6;
	int len = sizeof(in6);
	DWORD size = 16;

	start();
	EXPECT_WORKS(WSAStringToAddressW(text, AF_INET6, NULL, (SOCKADDR *)&in6, &len));
	EXPECT_EQ(htons(80), in6.sin6_port);
	got[0] = L'?';
	EXPECT_FAILS(WSAEFAULT, WSAAddressToStringW((SOCKADDR *)&in6, len, NULL, got,
						    &size));
	EXPECT_EQ(17, size);
	EXPECT_EQ(L'?', got[0]);
	EXPECT_WORKS(WSAAddressToStringW((SOCKADDR *)&in6, len, NULL, got, &size));
	EXPECT_EQ(0, wcscmp(text, got));
	EXPECT_FAILS(WSAEINVAL, WSAStringToAddressW(wrong, AF_INET6, NULL,
						    (SOCKADDR *)&in6, &len));
	EXPECT_FAILS(WSAEFAULT, WSAAddressToStringW((SOCKADDR *)&in6, len, NULL, NULL,
						    &size));
	WSACleanup();
}

TEST_HARNESS_MAIN
