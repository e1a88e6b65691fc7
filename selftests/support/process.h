/* SPDX-License-Identifier: GPL-2.0 */
/* Child processes, and descriptors sent between them. */
#ifndef WINSOCK_TEST_PROCESS_H
#define WINSOCK_TEST_PROCESS_H

#include <sys/types.h>

/* A descriptor in a message over a Unix socket: SCM_RIGHTS. */
void rights_send(int via, int fd);
int rights_receive(int via);

/* fork(2); the child does not outlive the test. */
pid_t child_fork(void);
/* The same, of the same descriptors: one more task of this process. */
pid_t clone_files(void);
/* Run the rest of a test in a child process; wait for it, bounded. */
void child_join(pid_t pid);

/* RLIMIT_NOFILE */
void allow_descriptors(unsigned int number);

#endif
