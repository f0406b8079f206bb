/* One process per journal: a lock that the kernel takes back when its holder ends, however.
 *
 * A file that was left behind locks nothing and is never removed: that would race. One thread.
 * The lock is lost when any descriptor of the file is closed in this process, so nothing else
 * may open it. */
#ifndef GATEWAY_LOCK_H
#define GATEWAY_LOCK_H

#include <sys/types.h>

/* Takes the lock and writes our pid into the file, which is made with the permission bits
 * `mode`. Returns the descriptor that holds it, or -1: then `holder` is the pid of the process
 * that has it, or 0 and errno tells why the file cannot be used. */
int lock_take(const char *file, mode_t mode, pid_t *holder);

void lock_release(int lock); /* -1 is harmless */

#endif
