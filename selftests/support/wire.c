// SPDX-License-Identifier: GPL-2.0
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>

#include "check.h"
#include "wire.h"

void wire_open_on(struct wire *wire, const char *device)
{
	struct sock_filter outgoing[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 (unsigned int)SKF_AD_OFF + SKF_AD_PKTTYPE),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PACKET_OUTGOING, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 128),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog prog = { .len = 4, .filter = outgoing };
	struct sockaddr_ll addr = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
	};
	int room = 32 << 20;

	memset(wire, 0, sizeof(*wire));
	wire->fd = check(socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
	/* There each packet comes by twice. */
	if (!strcmp(device, "lo"))
		check(setsockopt(wire->fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog,
				 sizeof(prog)));
	/* Without the privilege there is less, and a loss is noticed. */
	if (setsockopt(wire->fd, SOL_SOCKET, SO_RCVBUFFORCE, &room,
		       sizeof(room)))
		check(setsockopt(wire->fd, SOL_SOCKET, SO_RCVBUF, &room,
				 sizeof(room)));
	addr.sll_ifindex = if_nametoindex(device);
	check(bind(wire->fd, (struct sockaddr *)&addr, sizeof(addr)));
}

void wire_open(struct wire *wire)
{
	wire_open_on(wire, "lo");
}

static bool after(__u32 a, __u32 b)
{
	return (__s32)(a - b) > 0;
}

static void wire_note(struct wire_side *side, const struct tcphdr *th,
		      size_t len)
{
	size_t head = th->doff * 4;
	__u32 end = ntohl(th->seq) + len - head;
	__u32 ack = ntohl(th->ack_seq);

	side->packets++;
	side->fin += th->fin;
	side->rst += th->rst;
	if (th->syn)
		side->start = end + 1;
	if (len > head && (!side->data++ || after(end, side->end)))
		side->end = end;
	if (th->ack && (!side->ack || after(ack, side->ack)))
		side->ack = ack;
	if (!th->rst) {
		side->window = ntohs(th->window);
		side->edge = ack + (side->window << side->scale);
	}
}

const struct wire *wire_look(struct wire *wire)
{
	struct tpacket_stats stats = { 0 };
	socklen_t len = sizeof(stats);
	struct sockaddr_ll from;
	unsigned char buf[128];
	struct tcphdr th;
	size_t head, size;

	for (;;) {
		socklen_t fromlen = sizeof(from);
		ssize_t got = recvfrom(wire->fd, buf, sizeof(buf), MSG_DONTWAIT,
				       (struct sockaddr *)&from, &fromlen);

		if (got < 0 && errno == EAGAIN)
			break;
		check(got);
		if (from.sll_protocol == htons(ETH_P_IP)) {
			struct iphdr ip;

			memcpy(&ip, buf, sizeof(ip));
			head = ip.ihl * 4;
			size = ntohs(ip.tot_len) - head;
			if (ip.protocol != IPPROTO_TCP)
				continue;
		} else if (from.sll_protocol == htons(ETH_P_IPV6)) {
			struct ip6_hdr ip6;

			memcpy(&ip6, buf, sizeof(ip6));
			head = sizeof(ip6);
			size = ntohs(ip6.ip6_plen);
			if (ip6.ip6_nxt != IPPROTO_TCP)
				continue;
		} else {
			continue;
		}
		memcpy(&th, buf + head, sizeof(th));
		if (th.source == wire->local && th.dest == wire->remote)
			wire_note(&wire->sent, &th, size);
		else if (th.source == wire->remote && th.dest == wire->local)
			wire_note(&wire->received, &th, size);
	}
	check(getsockopt(wire->fd, SOL_PACKET, PACKET_STATISTICS, &stats,
			 &len));
	if (stats.tp_drops)
		fail("the capture lost %u packets", stats.tp_drops);
	return wire;
}

__u32 wire_acked(struct wire *wire)
{
	wire_look(wire);
	return wire->received.ack - wire->sent.start;
}
