/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RUN_REPORTER_H
#define RUN_REPORTER_H

/**
 * run_reporter - start the process that writes the report
 * @device: of the module, which the program is to inherit: outcomes are read from it
 * @report: where to report each close
 * @messages: of run_report_keep_stderr()
 *
 * It ends when nobody has the socket to it any more and no outcome is outstanding.
 *
 * Return: the socket to it, to be inherited by the program; -1 with errno.
 */
int run_reporter(int device, int report, int messages);

#endif
