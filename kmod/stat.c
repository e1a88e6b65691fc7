// SPDX-License-Identifier: GPL-2.0
/*
 * /proc/net/winsock_stat: per-namespace counters in the manner of tls_stat.
 */
#include <linux/percpu.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include <net/net_namespace.h>
#include <net/netns/generic.h>

#include "stat.h"
#include "winsock.h"

struct stats {
	unsigned long n[__WINSOCK_STAT_MAX];
};

struct winsock_net {
	struct stats __percpu *stats;
};

static const char * const names[__WINSOCK_STAT_MAX] = {
	[WINSOCK_STAT_GRACEFUL]		= "WinsockCloseGraceful",
	[WINSOCK_STAT_HARD]		= "WinsockCloseHard",
	[WINSOCK_STAT_LINGER]		= "WinsockCloseLinger",
	[WINSOCK_STAT_BACKGROUND]	= "WinsockCloseDeadline",
	[WINSOCK_STAT_NATIVE]		= "WinsockCloseNative",
	[WINSOCK_STAT_SHARED]		= "WinsockCloseShared",
	[WINSOCK_STAT_REFUSED]		= "WinsockCloseRefused",
	[WINSOCK_STAT_TIMEOUTS]		= "WinsockLingerTimeouts",
	[WINSOCK_STAT_INTERRUPTED]	= "WinsockLingerInterrupted",
	[WINSOCK_STAT_CANCELLED]	= "WinsockCallsCancelled",
	[WINSOCK_STAT_DELIVERED]	= "WinsockDeadlineDelivered",
	[WINSOCK_STAT_DEADLINE_RESET]	= "WinsockDeadlineResets",
	[WINSOCK_STAT_PEER_RESET]	= "WinsockDeadlineLost",
	[WINSOCK_STAT_ATTACHED]		= "WinsockCurrAttached",
	[WINSOCK_STAT_UNDER_WAY]	= "WinsockCurrDeadline",
};

static unsigned int winsock_net_id __ro_after_init;

/**
 * winsock_stat_add - add to a counter of a network namespace
 * @sk: a socket of that namespace
 * @stat: the counter
 * @n: what is added; negative only for the counters of what exists now
 */
void winsock_stat_add(const struct sock *sk, enum winsock_stat stat, int n)
{
	const struct winsock_net *wn;

	/* As net_generic(), but preemption is disabled, which also protects RCU-sched. */
	preempt_disable();
	wn = rcu_dereference_sched(sock_net(sk)->gen)->ptr[winsock_net_id];
	this_cpu_add(wn->stats->n[stat], n);
	preempt_enable();
}

static int winsock_stat_show(struct seq_file *seq, void *v)
{
	struct winsock_net *wn = net_generic(seq->private, winsock_net_id);
	int i, cpu;

	for (i = 0; i < __WINSOCK_STAT_MAX; i++) {
		unsigned long sum = 0;

		for_each_possible_cpu(cpu) {
			/* The other processors go on counting. */
			sum += data_race(per_cpu_ptr(wn->stats, cpu)->n[i]);
		}
		seq_printf(seq, "%-32s\t%lu\n", names[i], sum);
	}
	return 0;
}

static int __net_init stat_init_net(struct net *net)
{
	struct winsock_net *wn = net_generic(net, winsock_net_id);

	wn->stats = alloc_percpu(struct stats);
	if (!wn->stats)
		return -ENOMEM;
	if (IS_ENABLED(CONFIG_PROC_FS) &&
	    !proc_create_net_single("winsock_stat", 0444, net->proc_net,
				    winsock_stat_show, NULL)) {
		free_percpu(wn->stats);
		return -ENOMEM;
	}
	return 0;
}

static void __net_exit stat_exit_net(struct net *net)
{
	struct winsock_net *wn = net_generic(net, winsock_net_id);

	remove_proc_entry("winsock_stat", net->proc_net);
	free_percpu(wn->stats);
}

static struct pernet_operations stat_ops = {
	.init = stat_init_net,
	.exit = stat_exit_net,
	.id = &winsock_net_id,
	.size = sizeof(struct winsock_net),
};

int __init winsock_stat_init(void)
{
	return register_pernet_subsys(&stat_ops);
}

void winsock_stat_exit(void)
{
	unregister_pernet_subsys(&stat_ops);
}
