/* A damaged journal is set aside, never deleted at once: somebody may want to look at it.
 *
 * Nobody may have the file open. One thread. */
#ifndef GATEWAY_ASIDE_H
#define GATEWAY_ASIDE_H

#include <stdbool.h>
#include <stdint.h>

enum { ASIDE_KEPT_MAX = 3 }; /* the newest; older ones go */

/* Renames `file` with its -wal to `file.damaged-<time>`, so that SQLite still takes the two for
 * one, and removes its -shm. `name` gets the new name. False (see errno) when the folder does
 * not permit it. */
bool aside_move(const char *file, int64_t now_us, char *name, unsigned size);

#endif
