// SPDX-License-Identifier: GPL-2.0
/*
 * PID 1 of the test VM.  Prepares the machine, loads the module, does what the
 * kernel command line says (WINSOCK_VM=check, run or shell), powers off.
 *
 * What the host should know goes to the serial port WINSOCK_PORT, one line each:
 *
 *	start NAME		a job begins
 *	| TEXT			a line that the job printed
 *	end NAME exit N MS	it ended by itself; MS is milliseconds
 *	end NAME signal N MS	it was killed
 *	end NAME timeout N MS	it was still there after N seconds, of which a suite
 *				had printed nothing
 *	clean NAME		the module could be unloaded afterwards
 *	leak NAME TEXT		it could not
 *	error TEXT		the machine is not fit for use
 *	done			every job was run
 *
 * After the last job /vm/harvest is run, if it is there.
 *
 * A job is a file /vm/jobs/NAME of strings that each end in a NUL: the time
 * limit in seconds, for a suite that from one output to the next, the directory
 * to work in, then the argument vector.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <net/if.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define MODULE		"winsock"
#define MODULE_FILE	"/vm/winsock.ko"
#define HARVEST		"/vm/harvest"
#define ARGS_MAX	256

/* How long sockets that outlive their program may keep the module in use. */
#define UNLOAD_SECONDS	45

static int verdict = -1;

struct job {
	const char *name;
	char *text;		/* what argv points into */
	int seconds;
	const char *cwd;
	char *argv[ARGS_MAX + 1];
};

static void write_all(int fd, const char *text, size_t len)
{
	while (len) {
		ssize_t n = write(fd, text, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		text += n;
		len -= n;
	}
}

__attribute__((format(printf, 1, 2)))
static void report(const char *fmt, ...)
{
	char line[512];
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(line, sizeof(line) - 1, fmt, ap);
	va_end(ap);
	if (len > (int)sizeof(line) - 2)
		len = sizeof(line) - 2;
	line[len++] = '\n';
	write_all(verdict, line, len);
	/* What comes next may be the end of the kernel. */
	tcdrain(verdict);
}

static void power_off(void)
{
	tcdrain(verdict);
	sync();
	reboot(RB_POWER_OFF);
	for (;;)
		pause();
}

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	write_all(fd, text, strlen(text));
	close(fd);
}

/* The console log is read in sections, one a job. */
static void mark_console(const char *name)
{
	char line[NAME_MAX + 32];

	snprintf(line, sizeof(line), "<4>winsock-vm: start %s\n", name);
	put("/dev/kmsg", line);
}

static long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void sleep_ms(long ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&ts, NULL);
}

static int open_raw(const char *path)
{
	struct termios tio;
	int fd = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (fd >= 0 && !tcgetattr(fd, &tio)) {
		cfmakeraw(&tio);
		tcsetattr(fd, TCSANOW, &tio);
	}
	return fd;
}

static void run_tool(char *const argv[])
{
	pid_t pid = fork();

	if (!pid) {
		int null = open("/dev/null", O_RDWR);

		dup2(null, 0);
		dup2(null, 1);
		dup2(null, 2);
		execv("/bin/busybox", argv);
		_exit(127);
	}
	waitpid(pid, NULL, 0);
}

static void mount_all(void)
{
	static const struct { const char *type, *dir, *data; } mounts[] = {
		{ "proc", "/proc", NULL },
		{ "sysfs", "/sys", NULL },
		{ "devtmpfs", "/dev", NULL },
		{ "devpts", "/dev/pts", "ptmxmode=0666" },
		{ "tmpfs", "/dev/shm", NULL },
		{ "debugfs", "/sys/kernel/debug", NULL },
		{ "tracefs", "/sys/kernel/tracing", NULL },
		{ "cgroup2", "/sys/fs/cgroup", NULL },
	};
	unsigned int i;

	umask(0);
	for (i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++) {
		mkdir(mounts[i].dir, 01777);
		mount(mounts[i].type, mounts[i].dir, mounts[i].type, 0,
		      mounts[i].data);
	}
	umask(022);
	symlink("/proc/self/fd", "/dev/fd");
	symlink("/proc/self/fd/0", "/dev/stdin");
	symlink("/proc/self/fd/1", "/dev/stdout");
	symlink("/proc/self/fd/2", "/dev/stderr");
}

static void loopback_up(void)
{
	struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	ioctl(fd, SIOCSIFFLAGS, &ifr);
	close(fd);
}

static int load_module(void)
{
	char *const modprobe[] = { "modprobe", MODULE, NULL };
	int fd = open(MODULE_FILE, O_RDONLY | O_CLOEXEC), ret;

	if (fd < 0) {
		/* It came with the kernel, or is in it. */
		run_tool(modprobe);
		return access("/dev/" MODULE, F_OK);
	}
	ret = syscall(SYS_finit_module, fd, "", 0);
	if (ret && errno == EEXIST)
		ret = 0;
	close(fd);
	return ret;
}

static int unload_module(void)
{
	long end = now_ms() + UNLOAD_SECONDS * 1000;

	while (syscall(SYS_delete_module, MODULE, O_NONBLOCK)) {
		if (errno == ENOENT)	/* the job took it out itself */
			return 0;
		if (now_ms() > end)
			return -1;
		sleep_ms(20);
	}
	return 0;
}

/*
 * kmemleak believes in a leak when it saw the object twice, unchanged and more
 * than five seconds old.  What it has to say goes where every kernel complaint
 * goes, once.
 */
static void scan_for_leaks(void)
{
	static const char kmemleak[] = "/sys/kernel/debug/kmemleak";
	char buf[4096];
	ssize_t n;
	int fd;

	if (access(kmemleak, F_OK))
		return;
	put(kmemleak, "scan");
	sleep_ms(5500);
	put(kmemleak, "scan");
	fd = open(kmemleak, O_RDONLY | O_CLOEXEC);
	while ((n = read(fd, buf, sizeof(buf) - 1)) > 0) {
		buf[n] = 0;
		put("/dev/console", buf);
	}
	close(fd);
	put(kmemleak, "clear");
}

static void end_everyone(void)
{
	long end = now_ms() + 5000;

	kill(-1, SIGKILL);
	for (;;) {
		pid_t pid = waitpid(-1, NULL, WNOHANG);

		/* One that sits in the kernel for good: unloading will fail. */
		if ((pid < 0 && errno == ECHILD) || now_ms() > end)
			return;
		if (!pid)
			sleep_ms(5);
	}
}

static void report_text(const char *text, size_t len)
{
	static char line[8192] = "| ";
	static size_t used = 2;
	size_t i;

	for (i = 0; i < len; i++) {
		line[used++] = text[i];
		if (text[i] == '\n' || used == sizeof(line) - 1) {
			if (text[i] != '\n')
				line[used++] = '\n';
			write_all(verdict, line, used);
			used = 2;
		}
	}
	if (!len && used > 2)
		report_text("\n", 1);
}

/* Where every process of a job that hangs sits in the kernel. */
static void report_stacks(void)
{
	char path[64], text[2048];
	struct dirent *entry;
	DIR *proc = opendir("/proc");

	while (proc && (entry = readdir(proc))) {
		int pid = atoi(entry->d_name), fd;
		static const char *const files[] = { "comm", "stack" };
		unsigned int i;

		if (pid < 2 || getpgid(pid) == 0)
			continue;
		for (i = 0; i < 2; i++) {
			ssize_t n;

			snprintf(path, sizeof(path), "/proc/%d/%s", pid,
				 files[i]);
			fd = open(path, O_RDONLY | O_CLOEXEC);
			if (fd < 0)
				continue;
			n = read(fd, text, sizeof(text));
			close(fd);
			if (n <= 0)
				continue;
			if (i == 0)
				report_text("# still here: ", 14);
			report_text(text, n);
		}
	}
	if (proc)
		closedir(proc);
}

static int read_job(struct job *job, const char *name)
{
	char path[PATH_MAX], *p, *end;
	struct stat st;
	int fd, argc = 0;

	memset(job, 0, sizeof(*job));
	snprintf(path, sizeof(path), "/vm/jobs/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st))
		return -1;
	job->text = calloc(1, st.st_size + 1);
	if (read(fd, job->text, st.st_size) != st.st_size)
		return -1;
	close(fd);

	job->name = name;
	p = job->text;
	end = p + st.st_size;
	job->seconds = atoi(p);
	p += strlen(p) + 1;
	if (p >= end)
		return -1;
	job->cwd = p;
	for (p += strlen(p) + 1; p < end && argc < ARGS_MAX; p += strlen(p) + 1)
		job->argv[argc++] = p;
	return argc ? 0 : -1;
}

static void exec_job(const struct job *job, int out, int err)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	dup2(null, 0);
	dup2(out, 1);
	dup2(err, 2);
	setsid();
	if (chdir(job->cwd))
		dprintf(2, "%s: %m\n", job->cwd);
	execvp(job->argv[0], job->argv);
	dprintf(2, "%s: %m\n", job->argv[0]);
	_exit(errno == ENOENT ? 127 : 126);
}

/* drain - pass on what can be read from @fd: how much, -1 when nothing ever will be */
static int drain(int fd, int to)
{
	char buf[65536];
	ssize_t n = read(fd, buf, sizeof(buf));

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return 0;
	if (n <= 0)
		return -1;
	if (to == verdict)
		report_text(buf, n);
	else
		write_all(to, buf, n);
	return n;
}

/*
 * supervise - relay the output of @pid until it ends or its time is over; on a
 * busy host a suite may take any time, but it does not stay silent for so long
 * @from: where its output can be read; -1 for none
 * @to: where each of them goes
 * @status: as from waitpid()
 *
 * Return: 0, or -1 if it was still there at the time limit.
 */
static int supervise(pid_t pid, const int from[2], const int to[2],
		     long seconds, int *status)
{
	struct pollfd fds[2] = {
		{ .fd = from[0], .events = POLLIN },
		{ .fd = from[1], .events = POLLIN },
	};
	long end = now_ms() + seconds * 1000;
	int i, n, ended = 0, late = 0;

	while (!ended && !late) {
		ended = waitpid(pid, status, WNOHANG) == pid;
		late = !ended && now_ms() >= end;
		if (late)
			report_stacks();
		if (ended || late)
			end_everyone();
		/* All who wrote are gone now: what is left ends in EOF. */
		do {
			if (poll(fds, 2, ended || late ? 100 : 10) <= 0)
				break;
			for (i = 0; i < 2; i++)
				if (fds[i].revents) {
					n = drain(fds[i].fd, to[i]);
					if (n < 0)
						fds[i].fd = -1;
					else if (n && to[i] == verdict)
						end = now_ms() + seconds * 1000;
				}
		} while (ended || late);
	}
	if (to[0] == verdict)
		report_text(NULL, 0);
	return late ? -1 : 0;
}

/* Returns whether the machine can be trusted with another job. */
static int do_job(const struct job *job, const int from[2], const int to[2],
		  pid_t pid, long began)
{
	int status, late = supervise(pid, from, to, job->seconds, &status);
	long took = now_ms() - began;

	if (late)
		report("end %s timeout %d %ld", job->name, job->seconds, took);
	else if (WIFSIGNALED(status))
		report("end %s signal %d %ld", job->name, WTERMSIG(status), took);
	else
		report("end %s exit %d %ld", job->name, WEXITSTATUS(status), took);
	return !late;
}

/*
 * A suite writes to a terminal: what it said before it died is not lost in a
 * buffer of its own.
 */
static int do_suite(const struct job *job)
{
	const int to[2] = { verdict, verdict };
	long began = now_ms();
	int from[2] = { -1, -1 }, slave, ok;
	struct termios tio;
	pid_t pid;

	mark_console(job->name);
	report("start %s", job->name);
	if (openpty(&from[0], &slave, NULL, NULL, NULL))
		return 0;
	tcgetattr(slave, &tio);
	cfmakeraw(&tio);
	tcsetattr(slave, TCSANOW, &tio);
	fcntl(from[0], F_SETFD, FD_CLOEXEC);

	pid = fork();
	if (!pid)
		exec_job(job, slave, slave);
	close(slave);
	ok = do_job(job, from, to, pid, began);
	close(from[0]);
	if (!ok)
		return 0;

	if (unload_module()) {
		char refs[32] = "?";
		int fd = open("/sys/module/" MODULE "/refcnt", O_RDONLY);
		ssize_t n = read(fd, refs, sizeof(refs) - 1);

		close(fd);
		if (n > 0)
			refs[n - 1] = 0;
		report("leak %s %s references to the module left %d s after its end",
		       job->name, refs, UNLOAD_SECONDS);
		return 0;
	}
	report("clean %s", job->name);
	if (load_module()) {
		report("error the module did not load again: %m");
		return 0;
	}
	return 1;
}

/* Returns whether every job was done. */
static int do_suites(void)
{
	struct dirent **names;
	int i, n = scandir("/vm/jobs", &names, NULL, alphasort);

	for (i = 0; i < n; i++) {
		struct job job;

		if (names[i]->d_name[0] == '.')
			continue;
		if (read_job(&job, names[i]->d_name)) {
			report("error cannot read job %s", names[i]->d_name);
			return 0;
		}
		if (!do_suite(&job))
			return 0;
	}
	return 1;
}

/* What the suites left behind goes out before the machine does. */
static void harvest(void)
{
	char *const argv[] = { "sh", HARVEST, NULL };

	if (!access(HARVEST, F_OK))
		run_tool(argv);
}

static void check(void)
{
	int done = do_suites();

	harvest();
	if (!done)
		return;
	scan_for_leaks();
	report("done");
}

/* The program's two streams leave on ports of their own, byte for byte. */
static void run(void)
{
	char *const modprobe[] = { "modprobe", "-a", "virtio_pci",
				   "virtio_console", NULL };
	static const char *const ports[] = { "/dev/vport0p1", "/dev/vport0p2" };
	int from[2], to[2], pipes[2][2], i, tries;
	struct job job;
	long began;
	pid_t pid;

	run_tool(modprobe);
	for (i = 0; i < 2; i++) {
		for (tries = 0; tries < 500; tries++) {
			to[i] = open(ports[i], O_WRONLY | O_CLOEXEC);
			if (to[i] >= 0)
				break;
			sleep_ms(10);
		}
		if (to[i] < 0 || pipe2(pipes[i], O_CLOEXEC)) {
			report("error %s: %m", ports[i]);
			return;
		}
		from[i] = pipes[i][0];
	}
	if (read_job(&job, "run")) {
		report("error cannot read the job");
		return;
	}
	mark_console(job.name);
	report("start %s", job.name);
	began = now_ms();
	pid = fork();
	if (!pid)
		exec_job(&job, pipes[0][1], pipes[1][1]);
	close(pipes[0][1]);
	close(pipes[1][1]);
	do_job(&job, from, to, pid, began);
	report("done");
}

/* The serial port itself: /dev/console is no controlling terminal. */
static const char *console_path(void)
{
	static char path[64] = "/dev/";
	int fd = open("/sys/class/tty/console/active", O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, path + 5, sizeof(path) - 6);

	close(fd);
	path[5 + (n > 0 ? n : 0)] = 0;
	path[strcspn(path, "\n")] = 0;
	return path;
}

static void shell(void)
{
	pid_t pid = fork();

	if (!pid) {
		int fd;

		setsid();
		fd = open(console_path(), O_RDWR);
		ioctl(fd, TIOCSCTTY, 0);
		dup2(fd, 0);
		dup2(fd, 1);
		dup2(fd, 2);
		chdir("/root");
		execl("/bin/bash", "-bash", NULL);
		execl("/bin/sh", "-sh", NULL);
		_exit(127);
	}
	waitpid(pid, NULL, 0);
}

static void make_environment(void)
{
	/* The limits of a login session rather than those of a bare kernel. */
	const struct rlimit files = { 1024, 524288 };

	setrlimit(RLIMIT_NOFILE, &files);
	setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 1);
	setenv("HOME", "/root", 1);
	setenv("LANG", "C.UTF-8", 1);
	setenv("WINSOCK_KO", MODULE_FILE, 1);
}

int main(void)
{
	char *const install[] = { "busybox", "--install", "-s", NULL };
	const char *mode = getenv("WINSOCK_VM");
	const char *port = getenv("WINSOCK_PORT");
	char path[64];
	int null;

	mount_all();
	snprintf(path, sizeof(path), "/dev/%s", port ? port : "ttyS1");
	verdict = open_raw(path);
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	dup2(null, 0);
	dup2(null, 1);
	dup2(null, 2);
	sethostname("winsock-vm", 10);
	loopback_up();
	run_tool(install);
	make_environment();

	if (load_module()) {
		report("error cannot load the module: %m");
	} else {
		report("ready");
		if (mode && !strcmp(mode, "check"))
			check();
		else if (mode && !strcmp(mode, "run"))
			run();
		else
			shell();
	}
	power_off();
}
