// SPDX-License-Identifier: GPL-2.0
/*
 * /dev/winsock: its requests, which are copied in and checked here, and the reading
 * of outcomes.
 */
#include <linux/compat.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/uaccess.h>
#include <linux/uio.h>

#include "winsock.h"

static long device_version(void __user *uarg)
{
	return put_user(WINSOCK_ABI_VERSION, (__u32 __user *)uarg);
}

/* Field by field, since copy_from_user() costs too much on paths this short. */
static long device_socket(struct winsock_socket __user *uarg)
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

static long device_closesocket(struct winsock_closesocket __user *uarg)
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

static long device_close_deadline(struct file *file,
				  struct winsock_close_deadline __user *uarg)
{
	struct winsock_close_deadline arg;

	if (copy_from_user(&arg, uarg, sizeof(arg)))
		return -EFAULT;
	if (arg.flags & ~WINSOCK_CLOSE_REPORT || arg.pad)
		return -EINVAL;
	/* Nobody could read the outcome. */
	if (arg.flags & WINSOCK_CLOSE_REPORT && !(file->f_mode & FMODE_READ))
		return -EINVAL;
	return winsock_close_deadline(&arg, file->private_data);
}

static long device_ioctl(struct file *file, unsigned int cmd,
			 unsigned long arg)
{
	void __user *uarg = (void __user *)arg;

	switch (cmd) {
	case WINSOCK_IOC_VERSION:
		return device_version(uarg);
	case WINSOCK_IOC_SOCKET:
		return device_socket(uarg);
	case WINSOCK_IOC_CLOSESOCKET:
		return device_closesocket(uarg);
	case WINSOCK_IOC_CLOSE_DEADLINE:
		return device_close_deadline(file, uarg);
	default:
		return -ENOTTY;
	}
}

static int device_open(struct inode *inode, struct file *file)
{
	file->private_data = winsock_outcomes_new();
	if (!file->private_data)
		return -ENOMEM;
	file->f_mode |= FMODE_NOWAIT;	/* for io_uring: IOCB_NOWAIT is honoured */
	return 0;
}

static int device_release(struct inode *inode, struct file *file)
{
	winsock_outcomes_close(file->private_data);
	return 0;
}

static ssize_t device_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	struct file *file = iocb->ki_filp;

	return winsock_outcomes_read(file->private_data, to,
				     file->f_flags & O_NONBLOCK ||
				     iocb->ki_flags & IOCB_NOWAIT);
}

static __poll_t device_poll(struct file *file, struct poll_table_struct *wait)
{
	return winsock_outcomes_poll(file->private_data, file, wait);
}

static const struct file_operations device_fops = {
	.owner		= THIS_MODULE,
	.open		= device_open,
	.release	= device_release,
	.read_iter	= device_read_iter,
	.poll		= device_poll,
	.unlocked_ioctl	= device_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
	.llseek		= noop_llseek,
};

/* Open to every user: a caller can only act on its own descriptors. */
static struct miscdevice winsock_device = {
	.minor	= MISC_DYNAMIC_MINOR,
	.name	= KBUILD_MODNAME,
	.fops	= &device_fops,
	.mode	= 0666,
};

int __init winsock_device_init(void)
{
	return misc_register(&winsock_device);
}

void winsock_device_exit(void)
{
	misc_deregister(&winsock_device);
}
