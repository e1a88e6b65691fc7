// SPDX-License-Identifier: LGPL-2.1-or-later
/* winsock-run: see winsock-run(1). */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <libgen.h>
#include <limits.h>
#include <linux/winsock.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "filter_count.h"
#include "inspect.h"
#include "message.h"
#include "high_fd.h"
#include "report.h"
#include "reporter.h"

/* The same as those of env(1) and timeout(1). */
#define EXIT_OWN	125
#define EXIT_NOT_RUN	126
#define EXIT_NOT_FOUND	127

#define LIBRARY		"libwinsock-run.so"

/**
 * struct options - the options of the command line
 * @report: descriptor of the report, or -1
 * @alone: do not change the programs that PROGRAM starts
 * @verbose: print what is done
 */
struct options {
	int report;
	bool alone;
	bool verbose;
};

static const char usage[] =
"Usage: winsock-run [OPTION]... PROGRAM [ARG]...\n"
"Run PROGRAM with its TCP sockets attached to the module winsock; its close(2)\n"
"works like Winsock's closesocket().\n"
"\n"
"  -r, --report[=FILE]  report each close of a TCP socket to FILE (standard error)\n"
"  -n, --no-children    affect only PROGRAM, not the programs that it starts\n"
"  -v, --verbose        print what is preloaded\n"
"  -h, --help           print this\n"
"      --version        print the version\n"
"\n"
"Exits as PROGRAM does; 125 if winsock-run fails, 126 if PROGRAM cannot be run,\n"
"127 if it is not found.\n";

static int open_report(const char *name)
{
	int fd = run_report_open(name);

	if (fd < 0)
		err(EXIT_OWN, "cannot report to %s", name ? name : "standard error");
	return fd;
}

static struct options parse(int argc, char *argv[])
{
	static const struct option longer[] = {
		{ "report", optional_argument, NULL, 'r' },
		{ "no-children", no_argument, NULL, 'n' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ 0 }
	};
	struct options options = { .report = -1 };
	int c;

	while ((c = getopt_long(argc, argv, "+r::nvh", longer, NULL)) != -1) {
		switch (c) {
		case 'r':
			options.report = open_report(optarg);
			break;
		case 'n':
			options.alone = true;
			break;
		case 'v':
			options.verbose = true;
			break;
		case 'h':
			fputs(usage, stdout);
			exit(EXIT_SUCCESS);
		case 'V':
			puts("winsock-run " VERSION);
			exit(EXIT_SUCCESS);
		default:
			fputs("Try 'winsock-run --help'.\n", stderr);
			exit(EXIT_OWN);
		}
	}
	if (!argv[optind])
		errx(EXIT_OWN, "no PROGRAM is named; try 'winsock-run --help'");
	return options;
}

static int open_device(void)
{
	__u32 version;
	int fd;

	fd = open(WINSOCK_DEVICE, O_RDWR | O_CLOEXEC);
	if (fd < 0 && (errno == ENOENT || errno == ENXIO || errno == ENODEV))
		errx(EXIT_OWN,
		     "the module winsock is not loaded; as root run: modprobe winsock");
	if (fd < 0)
		err(EXIT_OWN, "cannot open " WINSOCK_DEVICE);
	if (ioctl(fd, WINSOCK_IOC_VERSION, &version))
		err(EXIT_OWN, WINSOCK_DEVICE " is not the device of the module winsock");
	if (version < RUN_ABI_NEEDED)
		errx(EXIT_OWN,
		     "the loaded module has version %u, and %u is needed; install the module of this release and, as root, run: modprobe -r winsock && modprobe winsock",
		     version, RUN_ABI_NEEDED);
	return fd;
}

/* In the directory of this program, where it was built, or else where it is installed. */
static const char *find_library(void)
{
	static char path[PATH_MAX + sizeof(LIBRARY)];
	char self[PATH_MAX] = "";

	if (readlink("/proc/self/exe", self, sizeof(self) - 1) > 0) {
		snprintf(path, sizeof(path), "%s/" LIBRARY, dirname(self));
		if (!access(path, R_OK))
			return path;
	}
	snprintf(path, sizeof(path), "%s", PRIVATE_LIBDIR "/" LIBRARY);
	if (access(path, R_OK))
		err(EXIT_OWN, "cannot read %s; run make install again", path);
	return path;
}

/* LD_PRELOAD has no syntax to quote these characters. */
static void check_library(const char *path)
{
	if (strpbrk(path, ": "))
		errx(EXIT_OWN, "the loader cannot preload %s: a colon or a space is in it",
		     path);
}

static bool is_program(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISREG(st.st_mode) && !access(path, X_OK);
}

/* The path that execvp(3) would use; NULL if there is none. */
static const char *find_program(const char *name)
{
	static char path[PATH_MAX];
	const char *dir = getenv("PATH"), *end;

	if (strchr(name, '/'))
		return name;
	for (dir = dir ? dir : "/bin:/usr/bin";; dir = end + 1) {
		end = strchrnul(dir, ':');
		snprintf(path, sizeof(path), "%.*s%s%s", (int)(end - dir), dir,
			 end > dir ? "/" : "", name);
		if (is_program(path))
			return path;
		if (!*end)
			return NULL;
	}
}

/* Moves @fd above the descriptors that the program expects to get; open across exec. */
static int move_high(int fd, int lowest)
{
	int high = run_copy_high(fd, F_DUPFD, lowest);

	if (high < 0)
		err(EXIT_OWN, "cannot duplicate a descriptor");
	close(fd);
	return high;
}

/* Starts the reporter; writes the descriptors for the environment to @text. */
static void begin_report(int device, const struct options *options, char *text, size_t size)
{
	int channel = run_reporter(device, options->report, run_report_keep_stderr());
	struct stat socket, module;

	if (channel < 0)
		err(EXIT_OWN, "cannot start winsock-report");
	channel = move_high(channel, RUN_HIGH_FD_END - 1);
	device = move_high(device, RUN_HIGH_FD);
	if (fstat(channel, &socket) || fstat(device, &module))
		err(EXIT_OWN, "cannot stat the socket of winsock-report");
	snprintf(text, size, "%d:%lu:%d:%lu", channel, (unsigned long)socket.st_ino, device,
		 (unsigned long)module.st_rdev);
}

static void prepare_environment(const char *library, int device,
				const struct options *options)
{
	char report[96] = "-1:0:-1:0", *list, *value;
	const char *old = getenv("LD_PRELOAD");
	int filters;

	if (options->report >= 0)
		begin_report(device, options, report, sizeof(report));
	filters = run_filter_count();
	if (asprintf(&value, "%s:%d", report, filters < 0 ? 0 : filters) < 0 ||
	    asprintf(&list, "%s%s%s", library, old && *old ? ":" : "", old ? old : "") < 0 ||
	    setenv("LD_PRELOAD", list, 1) || setenv(RUN_ENV, value, 1))
		err(EXIT_OWN, "cannot set the environment");
	unsetenv(RUN_ENV_ALONE);
	if (options->alone && setenv(RUN_ENV_ALONE, "1", 1))
		err(EXIT_OWN, "cannot set the environment");
}

int main(int argc, char *argv[])
{
	const struct options options = parse(argc, argv);
	const char *library, *program, *why;
	int device;

	argv += optind;
	program = find_program(argv[0]);
	if (!program || (access(program, F_OK) && errno == ENOENT))
		errx(EXIT_NOT_FOUND, "there is no program %s", argv[0]);
	if (!is_program(program))
		errx(EXIT_NOT_RUN, "%s is no file that can be run", program);
	device = open_device();
	library = find_library();
	check_library(library);

	why = run_obstacle(program);
	if (why)
		warnx("%s %s: nothing can be preloaded, its closes stay as they are",
		      program, why);
	prepare_environment(library, device, &options);
	if (options.verbose)
		warnx("%s with LD_PRELOAD=%s " RUN_ENV "=%s", program,
		      getenv("LD_PRELOAD"), getenv(RUN_ENV));
	execv(program, argv);
	err(errno == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_RUN, "cannot run %s", program);
}
