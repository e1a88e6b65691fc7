// SPDX-License-Identifier: GPL-2.0
/*
 * Winsock close semantics on Linux sockets.
 *
 * /dev/winsock and its requests.  close.c is closesocket(), drain.c what it has to
 * know of TCP; deadline.c goes on with a close in the background, and outcome.c tells
 * what became of it.  attach.c attaches a socket to the module, proto_ops.c is what
 * such a socket does differently, calls.c finds and ends its pending calls, sockopt.c
 * is SOL_WINSOCK.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/compat.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/uaccess.h>
#include <linux/uio.h>
#include <net/tcp.h>

#include "calls.h"
#include "winsock.h"

static long ioc_version(void __user *uarg)
{
	return put_user(WINSOCK_ABI_VERSION, (__u32 __user *)uarg);
}

/* Field by field: on paths this short copy_from_user() would be felt. */
static long ioc_socket(struct winsock_socket __user *uarg)
{
	struct winsock_socket arg;

	if (!user_access_begin(uarg, sizeof(*uarg)))
		return -EFAULT;
	unsafe_get_user(arg.domain, &uarg->domain, fault);
	unsafe_get_user(arg.type, &uarg->type, fault);
	unsafe_get_user(arg.protocol, &uarg->protocol, fault);
	unsafe_get_user(arg.flags, &uarg->flags, fault);
	user_access_end();

	if (arg.flags & ~WINSOCK_SOCKET_RESET_DISCARDS)
		return -EINVAL;
	return winsock_socket(&arg);

fault:
	user_access_end();
	return -EFAULT;
}

static long ioc_closesocket(struct winsock_closesocket __user *uarg)
{
	struct winsock_closesocket arg;

	if (!user_access_begin(uarg, sizeof(*uarg)))
		return -EFAULT;
	unsafe_get_user(arg.fd, &uarg->fd, fault);
	unsafe_get_user(arg.flags, &uarg->flags, fault);
	unsafe_get_user(arg.pending, &uarg->pending, fault);
	unsafe_get_user(arg.pad, &uarg->pad, fault);
	user_access_end();

	if (arg.flags || arg.pad)
		return -EINVAL;
	return winsock_close(arg.fd, arg.pending, NULL);

fault:
	user_access_end();
	return -EFAULT;
}

static long ioc_close_deadline(struct file *file,
			       struct winsock_close_deadline __user *uarg)
{
	struct winsock_close_deadline arg;

	if (copy_from_user(&arg, uarg, sizeof(arg)))
		return -EFAULT;
	if (arg.flags & ~WINSOCK_CLOSE_REPORT || arg.pad)
		return -EINVAL;
	/* An outcome that could never be read. */
	if (arg.flags & WINSOCK_CLOSE_REPORT && !(file->f_mode & FMODE_READ))
		return -EINVAL;
	return winsock_close_deadline(&arg, file->private_data);
}

static long winsock_ioctl(struct file *file, unsigned int cmd,
			  unsigned long arg)
{
	void __user *uarg = (void __user *)arg;

	switch (cmd) {
	case WINSOCK_IOC_VERSION:
		return ioc_version(uarg);
	case WINSOCK_IOC_SOCKET:
		return ioc_socket(uarg);
	case WINSOCK_IOC_CLOSESOCKET:
		return ioc_closesocket(uarg);
	case WINSOCK_IOC_CLOSE_DEADLINE:
		return ioc_close_deadline(file, uarg);
	default:
		return -ENOTTY;
	}
}

static int winsock_open(struct inode *inode, struct file *file)
{
	file->private_data = winsock_outcomes_new();
	if (!file->private_data)
		return -ENOMEM;
	file->f_mode |= FMODE_NOWAIT;	/* for io_uring: we honour IOCB_NOWAIT */
	return 0;
}

static int winsock_release(struct inode *inode, struct file *file)
{
	winsock_outcomes_close(file->private_data);
	return 0;
}

static ssize_t winsock_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	struct file *file = iocb->ki_filp;

	return winsock_outcomes_read(file->private_data, to,
				     file->f_flags & O_NONBLOCK ||
				     iocb->ki_flags & IOCB_NOWAIT);
}

static __poll_t winsock_poll(struct file *file, struct poll_table_struct *wait)
{
	return winsock_outcomes_poll(file->private_data, file, wait);
}

static const struct file_operations winsock_fops = {
	.owner		= THIS_MODULE,
	.open		= winsock_open,
	.release	= winsock_release,
	.read_iter	= winsock_read_iter,
	.poll		= winsock_poll,
	.unlocked_ioctl	= winsock_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
	.llseek		= noop_llseek,
};

/* Open to everyone: a caller can only act on descriptors that it holds. */
static struct miscdevice winsock_device = {
	.minor	= MISC_DYNAMIC_MINOR,
	.name	= KBUILD_MODNAME,
	.fops	= &winsock_fops,
	.mode	= 0666,
};

static int __init winsock_init(void)
{
	int err;

	err = winsock_calls_init();
	if (err)
		return err;
	err = winsock_stat_init();
	if (err)
		return err;
	err = winsock_deadline_init();
	if (err)
		goto out_stat;
	err = winsock_attach_init();
	if (err)
		goto out_deadline;
	err = misc_register(&winsock_device);
	if (err)
		goto out_attach;
	return 0;

out_attach:
	winsock_attach_exit();
out_deadline:
	winsock_deadline_exit();
out_stat:
	winsock_stat_exit();
	return err;
}

static void __exit winsock_exit(void)
{
	misc_deregister(&winsock_device);
	winsock_attach_exit();
	winsock_deadline_exit();
	winsock_stat_exit();
}

/* Built in, it comes after IPv6, whose operations it learns. */
late_initcall(winsock_init);
module_exit(winsock_exit);

MODULE_AUTHOR("winsock maintainers");
MODULE_DESCRIPTION("Winsock close semantics on Linux sockets");
MODULE_LICENSE("GPL");
MODULE_ALIAS_TCP_ULP("winsock");
