/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef WS_ASYNC_H
#define WS_ASYNC_H

#include <stdbool.h>
#include <stdint.h>

struct winsock_queue;
struct ws_target;

bool ws_queue_post(struct winsock_queue *queue, const struct ws_target *target,
		   uint64_t origin, long event, int error);
bool ws_queue_is_open(const struct winsock_queue *queue);
void ws_queue_purge(struct winsock_queue *queue, uint64_t origin);

#endif
