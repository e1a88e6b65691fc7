/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef STAT_STAT_H
#define STAT_STAT_H

/* Each ends the program with a sentence if it cannot do its work. */
void stat_need_module(void);
/* After each line: what cannot be written is not to be left out in silence. */
void stat_flush(void);
/* A row of totals, or @count rows of what happens per second; 0 is for ever. */
void stat_counters(unsigned int interval, unsigned long count);
/* Each close as it happens; @count of them, 0 is for ever. */
void stat_trace(unsigned long count);

#endif
