// SPDX-License-Identifier: GPL-2.0
/*
 * Does, on loading, what a kernel module must not do, so that selftest.sh can
 * see each detector of a debug kernel at work.
 */
#include <linux/completion.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/smp.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/timer.h>

static char *fault = "";
module_param(fault, charp, 0);
MODULE_PARM_DESC(fault, "name of the fault");

static DEFINE_SPINLOCK(lock_a);
static DEFINE_SPINLOCK(lock_b);
static DEFINE_MUTEX(mutex);
static int number;
static int __rcu *pointer = (int __rcu *)&number;

struct object {
	struct timer_list timer;
	struct list_head node;
	unsigned char bytes[24];
};

static noinline struct object *new_object(void)
{
	return kzalloc(sizeof(struct object), GFP_KERNEL);
}

static void leak(void)
{
	int i;

	/* One or the other may still be seen in a register or on the stack. */
	for (i = 0; i < 16; i++)
		new_object();
}

static void overrun(void)
{
	struct object *o = new_object();
	size_t end = sizeof(*o);

	OPTIMIZER_HIDE_VAR(end);
	WRITE_ONCE(((char *)o)[end], 1);
	kfree(o);
}

static void use_after_free(void)
{
	struct object *o = new_object();

	OPTIMIZER_HIDE_VAR(o);
	kfree(o);
	WRITE_ONCE(o->bytes[0], 1);
}

static void double_free(void)
{
	struct object *o = new_object(), *same = o;

	OPTIMIZER_HIDE_VAR(same);
	kfree(o);
	kfree(same);
}

static void lock_order(void)
{
	spin_lock(&lock_a);
	spin_lock(&lock_b);
	spin_unlock(&lock_b);
	spin_unlock(&lock_a);

	spin_lock(&lock_b);
	spin_lock(&lock_a);
	spin_unlock(&lock_a);
	spin_unlock(&lock_b);
}

static void lock_kept(void)
{
	mutex_lock(&mutex);
}

static void atomic_sleep(void)
{
	spin_lock(&lock_a);
	might_sleep();
	spin_unlock(&lock_a);
}

static void rcu_unlocked(void)
{
	number = *rcu_dereference(pointer);
}

static void list_corruption(void)
{
	struct object *o = new_object();
	LIST_HEAD(list);

	list_add(&o->node, &list);
	o->node.prev = &o->node;
	list_del(&o->node);
	kfree(o);
}

static void refcount(void)
{
	refcount_t r = REFCOUNT_INIT(0);

	refcount_inc(&r);
}

static void shift(void)
{
	int by = 40;

	OPTIMIZER_HIDE_VAR(by);
	WRITE_ONCE(number, 1 << by);
}

static void expire(struct timer_list *timer)
{
}

static void timer_freed(void)
{
	struct object *o = new_object();

	timer_setup(&o->timer, expire, 0);
	mod_timer(&o->timer, jiffies + HZ * 60);
	kfree(o);
}

static void hang(void)
{
	DECLARE_COMPLETION_ONSTACK(never);

	wait_for_completion(&never);
}

static int racer(void *unused)
{
	unsigned long end = jiffies + 2 * HZ;

	while (time_before(jiffies, end)) {
		number++;
		cond_resched();
	}
	return 0;
}

static void race(void)
{
	kthread_run(racer, NULL, "racer");
	racer(NULL);
}

/*
 * From hand to hand: whoever has it may change the number.  It is taken with an
 * acquire, but given without a release.
 */
static int holder;

static int player(void *me)
{
	unsigned long end = jiffies + 5 * HZ;
	long mine = (long)me;

	while (time_before(jiffies, end)) {
		/* The release that this would pair with is missing below. */
		if (smp_load_acquire(&holder) == mine) {
			number++;
			WRITE_ONCE(holder, !mine);
		}
		cond_resched();
	}
	return 0;
}

static void no_release(void)
{
	kthread_run(player, (void *)1, "player");
	player(NULL);
}

static void spin(void *unused)
{
	for (;;)
		cpu_relax();
}

/* Nothing of the kernel notices: no tick is left to do so. */
static void freeze(void)
{
	on_each_cpu(spin, NULL, 1);
}

static const struct {
	const char *name;
	void (*commit)(void);
} faults[] = {
	{ "leak", leak },
	{ "overrun", overrun },
	{ "use_after_free", use_after_free },
	{ "double_free", double_free },
	{ "lock_order", lock_order },
	{ "lock_kept", lock_kept },
	{ "atomic_sleep", atomic_sleep },
	{ "rcu_unlocked", rcu_unlocked },
	{ "list_corruption", list_corruption },
	{ "refcount", refcount },
	{ "shift", shift },
	{ "timer_freed", timer_freed },
	{ "hang", hang },
	{ "freeze", freeze },
	{ "race", race },
	{ "no_release", no_release },
};

static int __init faulty_init(void)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(faults); i++) {
		if (!strcmp(fault, faults[i].name)) {
			faults[i].commit();
			return 0;
		}
	}
	return -EINVAL;
}
module_init(faulty_init);

MODULE_DESCRIPTION("Faults for the detectors of a debug kernel");
MODULE_LICENSE("GPL");
