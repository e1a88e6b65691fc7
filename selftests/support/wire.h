/* SPDX-License-Identifier: GPL-2.0 */
/* The packets of one connection. */
#ifndef WINSOCK_TEST_WIRE_H
#define WINSOCK_TEST_WIRE_H

#include <netinet/in.h>
#include <stddef.h>
#include <linux/types.h>

/**
 * struct wire_side - what one end has put on the wire
 * @packets: all of its packets
 * @data: packets with payload
 * @fin: packets with FIN
 * @rst: packets with RST
 * @start: sequence number of its first byte of payload, after its SYN
 * @end: sequence number after the last byte of payload it has sent
 * @ack: the highest acknowledgment it has sent
 * @window: window field of its last packet, unscaled
 * @edge: right edge of that window, provided @scale is set
 * @scale: its window scale
 */
struct wire_side {
	unsigned int packets;
	unsigned int data;
	unsigned int fin;
	unsigned int rst;
	__u32 start;
	__u32 end;
	__u32 ack;
	__u32 window;
	__u32 edge;
	unsigned int scale;
};

/**
 * struct wire - a capture of one device, one copy of each packet
 * @fd: packet socket
 * @local: port of the socket under test, network order
 * @remote: port of its peer, network order
 * @sent: by the socket under test
 * @received: by the socket under test, that is, sent by its peer
 *
 * The tap is in the sender's own path: a packet that a system call sent is
 * here when the system call returns.
 */
struct wire {
	int fd;
	in_port_t local;
	in_port_t remote;
	struct wire_side sent;
	struct wire_side received;
};

/* Of the loopback device, or another. */
void wire_open(struct wire *wire);
void wire_open_on(struct wire *wire, const char *device);
/* Take in what has passed since the last look, without waiting. */
const struct wire *wire_look(struct wire *wire);
/* Bytes of the socket under test that acknowledgments seen so far cover. */
__u32 wire_acked(struct wire *wire);

#endif
