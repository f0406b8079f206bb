/* One process per journal: a lock that the kernel takes back when its holder ends, however.
 *
 * A file that was left behind locks nothing and is never removed: that would race. One thread.
 * The lock is lost when any descriptor of the file is closed in this process, so nothing else
 * may open it.
 *
 * Beside the holder's pid stands a note: what the journal was last known to hold. SQLite ends
 * its log silently at the first frame that is damaged; the note tells that there was more. */
#ifndef GATEWAY_LOCK_H
#define GATEWAY_LOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct lock_note {
    uint64_t run;    /* of the last start */
    uint64_t seq;    /* the last that was committed */
    uint64_t cursor; /* acknowledged up to here */
};

/* Takes the lock and writes our pid into the file, which is made with the permission bits
 * `mode`; `note` is what the last holder left, zeros when that cannot be trusted. Returns the
 * descriptor that holds the lock, or -1: then `holder` is the pid of the process that has it,
 * or 0 and errno tells why the file cannot be used. */
int lock_take(const char *file, mode_t mode, struct lock_note *note, pid_t *holder);

/* Leaves a note. Survives the end of the process at once, and a power cut once the kernel has
 * written it: then the note is older than the journal, never newer. -1 is harmless. */
void lock_leave_note(int lock, const struct lock_note *note);

void lock_release(int lock); /* -1 is harmless */

#endif
