/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RUN_REPORTER_H
#define RUN_REPORTER_H

/**
 * run_reporter - start the process that writes the report
 * @device: descriptor of the device, to be inherited by the program; outcomes are read
 *	    from it
 * @report: descriptor of the report
 * @messages: from run_report_keep_stderr()
 *
 * The process ends when no program has the socket any more and no outcome is expected.
 *
 * Return: the socket to the process, to be inherited by the program; -1 with errno.
 */
int run_reporter(int device, int report, int messages);

#endif
