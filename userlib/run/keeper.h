/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RUN_KEEPER_H
#define RUN_KEEPER_H

/**
 * run_keeper - start the process that outlives the program
 * @device: of the module
 * @report: where to report each close, or -1
 * @messages: of run_report_keep_stderr(), or -1
 *
 * It ends when nobody has the way to it any more and the last wait is over.
 *
 * Return: the way to it, to be inherited by the program; -1 with errno.
 */
int run_keeper(int device, int report, int messages);

#endif
