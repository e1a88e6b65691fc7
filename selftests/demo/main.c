// SPDX-License-Identifier: GPL-2.0
/*
 * Every way to close a socket, by closesocket() and by close(2), on a file.
 *
 *	demo [FILE]
 *
 * Each row is measured four times, over IPv4 and IPv6 and on either side, in
 * four processes with a network namespace each.  closesocket() is held to what
 * it promises; close(2) is shown as it is.  Exits with 0 if every promise was
 * kept, 1 if one was not, 2 if nothing could be shown.
 */
#include <fcntl.h>
#include <net/if.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "demo.h"

#define EXIT_BROKEN	1
#define EXIT_UNABLE	2

#define DEFAULT_FILE	"COPYING.GPL-2.0"
/* It is sent some fifty times, by an emulated machine. */
#define FILE_MAX	(16 << 20)
/* Less than this would all be in the peer's window. */
#define PAYLOAD_MIN	(16 << 10)
/* For one row; nothing in it takes longer than a few seconds. */
#define ROW_SECONDS	90
/* Rows that are measured at a time: most of it is waiting. */
#define AT_A_TIME	2

#define MTU_IPV4	1500
/* Its header is longer by 20 bytes: segments of the same size for both. */
#define MTU_IPV6	1520

#define unable(...)	errx(EXIT_UNABLE, __VA_ARGS__)

struct payload payload;

static const int families[FAMILIES] = { AF_INET, AF_INET6 };

/**
 * struct measurement - one row, being measured
 * @pids: the processes that are at it
 * @deadline: when they are killed
 * @outcomes: their results, in shared memory
 */
struct measurement {
	pid_t pids[FAMILIES][SIDES];
	long deadline;
	struct outcome outcomes[FAMILIES][SIDES];
};

static struct measurement *measurements;	/* AT_A_TIME of them */
static char broken[512];
static unsigned int shown;

unsigned int crc32_add(unsigned int crc, const void *buf, size_t len)
{
	static unsigned int table[256];
	const unsigned char *byte = buf;
	unsigned int i, bit;

	for (i = 0; !table[255] && i < 256; i++) {
		unsigned int value = i;

		for (bit = 0; bit < 8; bit++)
			value = value >> 1 ^ (value & 1 ? 0xedb88320 : 0);
		table[i] = value;
	}
	crc = ~crc;
	while (len--)
		crc = crc >> 8 ^ table[(crc ^ *byte++) & 0xff];
	return ~crc;
}

void complain(struct complaint *complaint, const char *fmt, ...)
{
	size_t used = strlen(complaint->text);
	va_list ap;

	if (used && used + 2 < sizeof(complaint->text)) {
		strcpy(complaint->text + used, "; ");
		used += 2;
	}
	va_start(ap, fmt);
	vsnprintf(complaint->text + used, sizeof(complaint->text) - used, fmt,
		  ap);
	va_end(ap);
}

void complain_about_close(struct complaint *complaint,
			  const struct outcome *outcome, const char *error,
			  int min_ms, int max_ms)
{
	const char *want = error ? error : "0";
	struct cell got;

	result_cell(&got, BY_CLOSESOCKET, outcome);
	if (strcmp(got.text, want))
		complain(complaint, "it returned %s, not %s", got.text, want);
	if (outcome->close_us < min_ms * 1000L)
		complain(complaint, "it returned before %d ms", min_ms);
	if (outcome->close_us > max_ms * 1000L)
		complain(complaint, "it returned after %d ms", max_ms);
}

static void load_payload(const char *path)
{
	unsigned char *data;
	struct stat st;
	size_t done = 0;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st))
		unable("%s: %s; usage: demo [FILE]", path, strerror(errno));
	if (!S_ISREG(st.st_mode) || !st.st_size || st.st_size > FILE_MAX)
		unable("%s is not a file of 1 byte to %d MiB", path,
		       FILE_MAX >> 20);

	payload.name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	payload.file_size = st.st_size;
	payload.size = st.st_size;
	while (payload.size < PAYLOAD_MIN)
		payload.size += st.st_size;
	data = malloc(payload.size);
	if (!data)
		unable("no memory for %s", path);
	while (done < payload.file_size) {
		ssize_t got = read(fd, data + done, payload.file_size - done);

		if (got <= 0)
			unable("%s: %s", path, got ? strerror(errno) :
			       "it became shorter");
		done += got;
	}
	for (; done < payload.size; done += payload.file_size)
		memcpy(data + done, data, payload.file_size);
	payload.data = data;
	close(fd);
}

static void introduce(void)
{
	printf("%s, %zu bytes, CRC-32 %08x, is sent over TCP", payload.name,
	       payload.file_size, crc32_add(0, payload.data, payload.file_size));
	if (payload.size > payload.file_size)
		printf(", %zu times in a row,", payload.size / payload.file_size);
	printf(" and the connection closed in each way.\n");
	printf("*: after the return   ok: right CRC-32   then: after a refusal as in C15   ");
	printf("4+6: alike; IPv4's sizes, the slower one's times\n");
}

static void set_mtu(int mtu)
{
	struct ifreq ifr = { .ifr_name = "lo", .ifr_mtu = mtu };
	int fd = check(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));

	check(ioctl(fd, SIOCSIFMTU, &ifr));
	close(fd);
}

static pid_t measure(const struct section *section, unsigned int row,
		     enum side side, int family, struct outcome *outcome)
{
	pid_t pid;

	fflush(NULL);
	pid = child_fork();
	if (pid)
		return pid;
	netns_enter();
	set_mtu(family == AF_INET6 ? MTU_IPV6 : MTU_IPV4);
	side_start(side);
	section->measure(row, side, family, outcome);
	outcome->done = true;
	_exit(0);
}

static void begin(struct measurement *m, const struct section *section,
		  unsigned int row)
{
	unsigned int i, side;

	memset(m, 0, sizeof(*m));
	m->deadline = now_ms() + ROW_SECONDS * 1000;
	for (i = 0; i < FAMILIES; i++)
		for (side = 0; side < SIDES; side++)
			m->pids[i][side] = measure(section, row, side,
						   families[i],
						   &m->outcomes[i][side]);
}

static void finish(const struct measurement *m)
{
	unsigned int i;

	for (i = 0; i < FAMILIES * SIDES; i++) {
		pid_t pid = m->pids[i / SIDES][i % SIDES];

		while (!waitpid(pid, NULL, WNOHANG)) {
			if (now_ms() > m->deadline)
				kill(pid, SIGKILL);
			usleep(2000);
		}
	}
}

static void judge(const struct section *section, unsigned int row,
		  const struct outcome outcomes[SIDES],
		  struct complaint *complaint)
{
	complaint->text[0] = 0;
	if (!outcomes[BY_CLOSESOCKET].done)
		complain(complaint, "it could not be measured");
	else if (!outcomes[BY_CLOSE].done)
		complain(complaint, "close() could not be measured");
	else
		section->judge(row, &outcomes[BY_CLOSESOCKET], complaint);
}

static void note_broken(const char *id, const bool kept[FAMILIES])
{
	const char *family = kept[0] ? " (IPv6)" : kept[1] ? " (IPv4)" : "";
	size_t used = strlen(broken);

	snprintf(broken + used, sizeof(broken) - used, "%s%s%s",
		 used ? ", " : "", id, family);
}

static long slower(long one, long other)
{
	return one > other ? one : other;
}

/* For a line that stands for both: all is alike but times and sizes. */
static void merge(struct outcome *into, const struct outcome *from)
{
	into->close_us = slower(into->close_us, from->close_us);
	into->out_us = slower(into->out_us, from->out_us);
}

static void show_row(const struct section *section, unsigned int row,
		     struct outcome outcomes[FAMILIES][SIDES])
{
	struct complaint complaints[FAMILIES];
	bool kept[FAMILIES], both = true;
	unsigned int i, side;

	for (i = 0; i < FAMILIES; i++) {
		judge(section, row, outcomes[i], &complaints[i]);
		kept[i] = !complaints[i].text[0];
		both = both && kept[i];
	}
	for (side = 0; side < SIDES; side++)
		both = both && section->alike(&outcomes[0][side],
					      &outcomes[1][side]);
	if (both) {
		for (side = 0; side < SIDES; side++)
			merge(&outcomes[0][side], &outcomes[1][side]);
		section->line(row, families_cell(AF_INET, true), outcomes[0]);
	}
	for (i = 0; i < FAMILIES; i++) {
		if (!both)
			section->line(row, families_cell(families[i], false),
				      outcomes[i]);
		if (!kept[i])
			printf("%-4s ^ NOT AS PROMISED: %s\n",
			       section->id(row), complaints[i].text);
	}
	if (!kept[0] || !kept[1])
		note_broken(section->id(row), kept);
	shown++;
}

static void show(const struct section *section)
{
	unsigned int row, begun = 0;

	section->heading();
	for (row = 0; row < section->rows; row++) {
		struct measurement *m = &measurements[row % AT_A_TIME];

		for (; begun < section->rows && begun < row + AT_A_TIME; begun++)
			begin(&measurements[begun % AT_A_TIME], section, begun);
		finish(m);
		show_row(section, row, m->outcomes);
	}
}

int main(int argc, char **argv)
{
	long start = now_ms();

	setlinebuf(stdout);
	if (argc > 2 || (argc == 2 && argv[1][0] == '-'))
		unable("usage: demo [FILE]");
	load_payload(argc == 2 ? argv[1] : DEFAULT_FILE);
	if (geteuid())
		unable("only root can make network namespaces and capture packets; try: make demo");
	if (!side_ready())
		unable("the module is not loaded; try: make demo, or insmod winsock.ko");

	measurements = mmap(NULL, AT_A_TIME * sizeof(*measurements),
			    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			    -1, 0);
	if (measurements == MAP_FAILED)
		unable("mmap: %s", strerror(errno));

	introduce();
	show(&transfers);
	show(&blocked_calls);
	show(&deadlines);

	printf("\n%u rows over IPv4 and IPv6 in %ld s: ", shown,
	       (now_ms() - start + 500) / 1000);
	if (broken[0]) {
		printf("the module did not keep its promise in %s\n", broken);
		return EXIT_BROKEN;
	}
	printf("the module did what it promises in every one\n");
	return 0;
}
