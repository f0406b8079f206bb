/* The journal: every sample, in order, in one SQLite file, until retention takes it.
 *
 * This is its writer: one connection for all writes and all checkpoints (two would meet the
 * WAL-reset bug of SQLite 3.40.1), which belongs to the recorder's thread, or to main before
 * the recorder starts. journal_reader.h is for those who read; sql.h alone knows SQLite.
 *
 * Tables and view are a public interface: students open the file with `sqlite3 -readonly`. */
#ifndef GATEWAY_JOURNAL_H
#define GATEWAY_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/factory.h"
#include "gateway/journal_row.h"

enum journal_status {
    JOURNAL_OK,
    JOURNAL_FULL,   /* disk full or quota reached */
    JOURNAL_BUSY,   /* another process holds it: the same may be tried again */
    JOURNAL_FAILED, /* I/O error, read-only file system …: reopen before the next try */
};

struct journal;

/* Takes the lock, opens or creates the file, migrates it, and enters the factory's machines and
 * tags. A file that is no journal, or damaged, is set aside as `<file>.damaged-<time>` and a
 * new one begun; journal_set_aside() then names it. Returns NULL and fills `error` when another
 * process holds the journal (its pid is named) or the folder cannot be written. */
struct journal *journal_open(const struct factory *factory, struct journal_error *error);
void journal_close(struct journal *journal); /* NULL is harmless */

/* Closes and opens the connection again after JOURNAL_FAILED; the lock is kept. */
enum journal_status journal_reopen(struct journal *journal);

/* The file that the last opening or reopening set aside, "" when it did not; and the unsent
 * samples that went with it, count 0: none. */
const char *journal_set_aside(const struct journal *journal);
struct journal_gap journal_lost(const struct journal *journal);

const char *journal_message(const struct journal *journal); /* why the last call failed */

/* From this monotonic time on no call waits for the locks of others; two seconds each before.
 * Any thread. */
void journal_hurry(struct journal *journal, int64_t until_us);

/* The number of this start: max(last run + 1, `now_s`), entered durably before it returns. */
enum journal_status journal_begin_run(struct journal *journal, uint64_t now_s, uint64_t *run);

uint64_t journal_last_seq(const struct journal *journal); /* highest ever given; 0: none yet */
uint64_t journal_cursor(const struct journal *journal);   /* acknowledged up to here */

/* One transaction: begin, appends, commit. Any failure rolls it back; nothing of it stays. */
enum journal_status journal_begin(struct journal *journal);
enum journal_status journal_append(struct journal *journal, const struct journal_row *row);
enum journal_status journal_append_gap(struct journal *journal, const struct journal_gap *gap);
enum journal_status journal_commit(struct journal *journal, uint64_t cursor);
void journal_rollback(struct journal *journal);

/* File and WAL in bytes, and the WAL alone: beyond a megabyte or so, somebody's reading holds
 * it. */
uint64_t journal_size(const struct journal *journal);
uint64_t journal_wal_size(const struct journal *journal);

/* Time of the first row after `after_seq`, 0 when there is none. */
int64_t journal_oldest_us(struct journal *journal, uint64_t after_seq);

/* One small step of retention: deletes at most `rows_max` of the oldest rows that are older
 * than max_age or in excess of max_size, acknowledged ones (seq <= cursor) first. What had to
 * go unsent is added to `gap` (count 0: nothing) and entered in the journal with it. `is_more`
 * tells that another step is wanted. */
enum journal_status journal_evict(struct journal *journal, uint64_t cursor, int64_t now_us,
                                  unsigned rows_max, struct journal_gap *gap, bool *is_more);

/* Topics below the site's root ("area/machine/now/tag") that were retained by an earlier
 * configuration and are not part of this one; the caller frees the array in one piece. */
char **journal_obsolete_topics(struct journal *journal, size_t *count);
enum journal_status journal_forget_obsolete(struct journal *journal);

#endif
