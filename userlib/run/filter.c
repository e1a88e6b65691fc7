// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Whether a seccomp filter allows the system calls that the preload library makes.
 *
 * Trying a call could get the program killed, so the filter is evaluated here, as the
 * kernel would, when the program installs it.  A filter that was installed before
 * execve(2) cannot be read.  Such filters can be counted with system calls that the
 * loader has just made, and winsock-run itself has tried those it was started with.
 */
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/net.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <linux/sockios.h>
#include <linux/winsock.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "filter.h"
#include "filter_count.h"
#include "own.h"

#if defined(__x86_64__)
#define NATIVE_ARCH	AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define NATIVE_ARCH	AUDIT_ARCH_AARCH64
#elif defined(__s390x__)
#define NATIVE_ARCH	AUDIT_ARCH_S390X
#elif defined(__arm__)
#define NATIVE_ARCH	AUDIT_ARCH_ARM
#else
#error "name the AUDIT_ARCH_ of this machine here"
#endif

/*
 * The number of filters that are being installed, by any thread, or that do not allow
 * the calls made here; the latter are never subtracted.
 */
static atomic_uint forbidding;

/* struct machine - the registers of a classic BPF program */
struct machine {
	uint32_t a;
	uint32_t x;
	uint32_t memory[BPF_MEMWORDS];
};

static uint32_t load(const struct machine *machine, const struct sock_filter *insn,
		     const struct seccomp_data *data)
{
	uint32_t word = 0;

	switch (BPF_MODE(insn->code)) {
	case BPF_IMM:
		return insn->k;
	case BPF_LEN:
		return sizeof(*data);
	case BPF_MEM:
		return machine->memory[insn->k % BPF_MEMWORDS];
	case BPF_ABS:
		if (insn->k <= sizeof(*data) - sizeof(word))
			memcpy(&word, (const char *)data + insn->k, sizeof(word));
	}
	return word;
}

static uint32_t calculate(uint16_t code, uint32_t a, uint32_t operand)
{
	switch (BPF_OP(code)) {
	case BPF_ADD:
		return a + operand;
	case BPF_SUB:
		return a - operand;
	case BPF_MUL:
		return a * operand;
	case BPF_DIV:
		return operand ? a / operand : 0;
	case BPF_AND:
		return a & operand;
	case BPF_OR:
		return a | operand;
	case BPF_XOR:
		return a ^ operand;
	case BPF_LSH:
		return operand < 32 ? a << operand : 0;
	case BPF_RSH:
		return operand < 32 ? a >> operand : 0;
	case BPF_NEG:
		return -a;
	}
	return a;
}

static uint32_t distance(const struct sock_filter *insn, uint32_t a, uint32_t operand)
{
	bool jump = false;

	switch (BPF_OP(insn->code)) {
	case BPF_JA:
		return insn->k;
	case BPF_JEQ:
		jump = a == operand;
		break;
	case BPF_JGT:
		jump = a > operand;
		break;
	case BPF_JGE:
		jump = a >= operand;
		break;
	case BPF_JSET:
		jump = a & operand;
		break;
	}
	return jump ? insn->jt : insn->jf;
}

/* The result of the program.  The kernel has checked it: all jumps are forward. */
static uint32_t evaluate(const struct sock_fprog *program, const struct seccomp_data *data)
{
	struct machine machine = { 0 };
	uint32_t at, operand;

	for (at = 0; at < program->len; at++) {
		const struct sock_filter *insn = &program->filter[at];

		operand = BPF_SRC(insn->code) == BPF_X ? machine.x : insn->k;
		switch (BPF_CLASS(insn->code)) {
		case BPF_LD:
			machine.a = load(&machine, insn, data);
			break;
		case BPF_LDX:
			machine.x = load(&machine, insn, data);
			break;
		case BPF_ST:
			machine.memory[insn->k % BPF_MEMWORDS] = machine.a;
			break;
		case BPF_STX:
			machine.memory[insn->k % BPF_MEMWORDS] = machine.x;
			break;
		case BPF_ALU:
			machine.a = calculate(insn->code, machine.a, operand);
			break;
		case BPF_JMP:
			at += distance(insn, machine.a, operand);
			break;
		case BPF_RET:
			return BPF_RVAL(insn->code) == BPF_A ? machine.a : insn->k;
		case BPF_MISC:
			if (BPF_MISCOP(insn->code) == BPF_TAX)
				machine.x = machine.a;
			else
				machine.a = machine.x;
			break;
		}
	}
	return SECCOMP_RET_KILL_PROCESS;
}

/*
 * An errno is tolerable, except for ioctl(2), without which nothing works.  A tracer or
 * a supervisor that is asked about a call is expected to allow it.
 */
static bool allows(const struct sock_fprog *program, const struct seccomp_data *call)
{
	switch (evaluate(program, call) & SECCOMP_RET_ACTION_FULL) {
	case SECCOMP_RET_ALLOW:
	case SECCOMP_RET_LOG:
	case SECCOMP_RET_TRACE:
	case SECCOMP_RET_USER_NOTIF:
		return true;
	case SECCOMP_RET_ERRNO:
		return call->nr != SYS_ioctl;
	}
	return false;
}

#define CALL(number, ...)	{ .nr = (number), .arch = NATIVE_ARCH, .args = { __VA_ARGS__ } }

/*
 * The system calls that the C library makes.  Where off_t once had 32 bits, fcntl(3)
 * and fstat(3) are not those of the same name; arm has a send(2) that is not sendto(2);
 * on s390x all calls on sockets are socketcall(2).
 */
#ifdef SYS_fcntl64
#define FCNTL		SYS_fcntl64
#else
#define FCNTL		SYS_fcntl
#endif
#ifdef SYS_socketcall
#define SOCKET_CALL(number, name, ...)	CALL(SYS_socketcall, name)
#else
#define SOCKET_CALL(number, name, ...)	CALL(number, __VA_ARGS__)
#endif
#ifdef SYS_send
#define SEND		SYS_send
#define RECV		SYS_recv
#else
#define SEND		SYS_sendto
#define RECV		SYS_recvfrom
#endif

/* to close, and to attach */
static const struct seccomp_data calls_to_close[] = {
	CALL(SYS_ioctl, 60, WINSOCK_IOC_CLOSESOCKET),
	CALL(SYS_ioctl, 60, WINSOCK_IOC_CLOSE_DEADLINE),
	CALL(SYS_ioctl, 60, WINSOCK_IOC_SOCKET),
	CALL(SYS_ioctl, 60, WINSOCK_IOC_VERSION),
	SOCKET_CALL(SYS_getsockopt, SYS_GETSOCKOPT, 3, SOL_SOCKET, SO_PROTOCOL),
	CALL(FCNTL, 3, F_DUPFD_CLOEXEC, 60),
	CALL(FCNTL, 3, F_GETFD),
	/* fstat(3) is one or the other: it depends on the C library. */
#ifdef SYS_fstatat64
	CALL(SYS_statx, 60),
#else
#ifdef SYS_newfstatat
	CALL(SYS_newfstatat, 60),
#endif
#ifdef SYS_fstat
	CALL(SYS_fstat, 60),
#endif
#endif
	CALL(SYS_prlimit64),
	CALL(SYS_openat, (uint32_t)AT_FDCWD),
	CALL(SYS_getdents64, 3),
	SOCKET_CALL(SYS_getsockopt, SYS_GETSOCKOPT, 3, SOL_SOCKET, SO_LINGER),
	SOCKET_CALL(SYS_setsockopt, SYS_SETSOCKOPT, 3, SOL_SOCKET, SO_LINGER),
};

static const struct seccomp_data calls_to_report[] = {
	CALL(SYS_ioctl, 3, SIOCINQ),
	CALL(SYS_ioctl, 3, SIOCOUTQ),
	CALL(FCNTL, 3, F_DUPFD, 60),
	CALL(FCNTL, 3, F_GETFL),
	SOCKET_CALL(SYS_getsockname, SYS_GETSOCKNAME, 3),
	SOCKET_CALL(SYS_getpeername, SYS_GETPEERNAME, 3),
	CALL(SYS_getpid),
	CALL(SYS_socket, AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG),
	SOCKET_CALL(SEND, SYS_SEND, 60),
	SOCKET_CALL(RECV, SYS_RECV, 3),
#ifdef SYS_poll
	CALL(SYS_poll),
#else
	CALL(SYS_ppoll),
#endif
};

static bool allows_all(const struct sock_fprog *program, const struct seccomp_data *calls,
		       unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		if (!allows(program, &calls[i]))
			return false;
	return true;
}

#define ALLOWS_ALL(program, calls) \
	allows_all(program, calls, sizeof(calls) / sizeof((calls)[0]))

static bool allows_ours(const struct sock_fprog *program)
{
	return ALLOWS_ALL(program, calls_to_close) &&
	       (!run_channel_reports() || ALLOWS_ALL(program, calls_to_report));
}

bool run_filter_forbids(void)
{
	return atomic_load_explicit(&forbidding, memory_order_relaxed);
}

void run_filter_begin(void)
{
	atomic_fetch_add(&forbidding, 1);
}

void run_filter_end(bool installed, const struct sock_fprog *program)
{
	if (!installed || (program && allows_ours(program)))
		atomic_fetch_sub(&forbidding, 1);
}

void run_filter_start(int tried)
{
	/* Until run_filter_end(), close() makes only calls that the loader made, too. */
	run_filter_begin();
	run_filter_end(run_filter_count() > tried, NULL);
}
