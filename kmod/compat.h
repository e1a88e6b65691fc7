/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The only file that depends on kernel versions.  The rest of the module is written
 * against the newest kernel; what older kernels lack is defined here.
 */
#ifndef _WINSOCK_COMPAT_H
#define _WINSOCK_COMPAT_H

#include <linux/file.h>
#include <linux/fs.h>
#include <linux/hrtimer.h>
#include <linux/io_uring_types.h>
#include <linux/net.h>
#include <linux/version.h>

#if KERNEL_VERSION(6, 1, 0) > LINUX_VERSION_CODE
#error "winsock needs Linux 6.1 or newer"
#endif

/* 6.5 folded sendpage into sendmsg. */
#if KERNEL_VERSION(6, 5, 0) > LINUX_VERSION_CODE
#define WINSOCK_HAVE_SENDPAGE
#endif

/* 6.19 renamed the address of connect and bind. */
#if KERNEL_VERSION(6, 19, 0) > LINUX_VERSION_CODE
#define sockaddr_unsized sockaddr
#endif

/* 6.10 gathered accept's flags and kern in struct proto_accept_arg. */
#if KERNEL_VERSION(6, 10, 0) > LINUX_VERSION_CODE
struct proto_accept_arg {
	int flags;
	bool kern;
};

#define WINSOCK_DEFINE_ACCEPT(name)					\
static int name##_old(struct socket *sock, struct socket *newsock,	\
		      int flags, bool kern)				\
{									\
	struct proto_accept_arg arg = { .flags = flags, .kern = kern };	\
									\
	return name(sock, newsock, &arg);				\
}

#define WINSOCK_ACCEPT_OP(name) name##_old

static inline int winsock_base_accept(const struct proto_ops *base,
				      struct socket *sock,
				      struct socket *newsock,
				      struct proto_accept_arg *arg)
{
	return base->accept(sock, newsock, arg->flags, arg->kern);
}
#else
#define WINSOCK_DEFINE_ACCEPT(name)
#define WINSOCK_ACCEPT_OP(name) name

static inline int winsock_base_accept(const struct proto_ops *base,
				      struct socket *sock,
				      struct socket *newsock,
				      struct proto_accept_arg *arg)
{
	return base->accept(sock, newsock, arg);
}
#endif

/* 6.3 moved locks_inode_context(). */
#if KERNEL_VERSION(6, 3, 0) <= LINUX_VERSION_CODE
#include <linux/filelock.h>
#endif

/* As in close(2), which since 6.6 does not defer the final fput() to task work. */
static inline void winsock_fput_now(struct file *file)
{
#if KERNEL_VERSION(6, 6, 0) <= LINUX_VERSION_CODE
	__fput_sync(file);
#else
	fput(file);
#endif
}

/* 6.13 moved the task into struct io_uring_task. */
static inline const struct files_struct *
winsock_request_files(const struct io_kiocb *req)
{
#if KERNEL_VERSION(6, 13, 0) <= LINUX_VERSION_CODE
	return READ_ONCE(req->tctx->task->files);
#else
	return READ_ONCE(req->task->files);
#endif
}

/* 6.13 passes the function when a timer is set up. */
#if KERNEL_VERSION(6, 13, 0) > LINUX_VERSION_CODE
static inline void hrtimer_setup(struct hrtimer *timer,
				 enum hrtimer_restart (*function)(struct hrtimer *),
				 clockid_t clock, enum hrtimer_mode mode)
{
	hrtimer_init(timer, clock, mode);
	timer->function = function;
}
#endif

/* Without CONFIG_EPOLL the member does not exist. */
static inline bool winsock_epoll_watches(const struct file *file)
{
#ifdef CONFIG_EPOLL
	return READ_ONCE(file->f_ep);
#else
	return false;
#endif
}

/* Would the core bypass our getsockopt()?  No kernel tested so far does. */
static inline bool winsock_getsockopt_bypassed(const struct proto_ops *base)
{
#ifdef WINSOCK_HAVE_GETSOCKOPT_ITER
	return base->getsockopt_iter;
#else
	return false;
#endif
}

#endif /* _WINSOCK_COMPAT_H */
