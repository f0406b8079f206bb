/* The journal as a file among others: its path, its permissions, its size. Any thread. */
#ifndef GATEWAY_JOURNAL_FILE_H
#define GATEWAY_JOURNAL_FILE_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* The absolute path of `file`, with room for "-wal" and the like behind it. A folder reached by
 * links is fine; the file itself must be what its name says, because it is locked and set aside
 * by its name. It need not exist. False (see errno) when the folder does not, or when the name
 * is something else's than a file's. */
bool journal_file_resolve(const char *file, char path[static PATH_MAX]);

/* Makes an empty file when there is none, and gives it, its -wal and its -shm the permission
 * bits `mode` as far as we may. What cannot be made, opening will find. */
void journal_file_create(const char *path, mode_t mode);

/* Removes the file with that suffix, if there is one. */
void journal_file_remove(const char *path, const char *suffix);

/* In bytes, with `suffix` ("", "-wal") behind the path; 0 when there is no such file. */
uint64_t journal_file_size(const char *path, const char *suffix);

#endif
