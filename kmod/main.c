// SPDX-License-Identifier: GPL-2.0
/*
 * Winsock close semantics on Linux sockets: init and exit.
 */
#include <linux/module.h>
#include <net/tcp.h>

#include "calls.h"
#include "stat.h"
#include "winsock.h"

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
	err = winsock_device_init();
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
	winsock_device_exit();
	winsock_attach_exit();
	winsock_deadline_exit();
	winsock_stat_exit();
}

/* A built-in module starts after IPv6, whose operations it captures. */
late_initcall(winsock_init);
module_exit(winsock_exit);

MODULE_AUTHOR("winsock maintainers");
MODULE_DESCRIPTION("Winsock close semantics on Linux sockets");
MODULE_LICENSE("GPL");
MODULE_ALIAS_TCP_ULP("winsock");
