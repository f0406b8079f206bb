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
 * tags. A file that is no journal, or damaged, is set aside and a new one begun, into which
 * journal_salvage() brings back what can be read. Returns NULL and fills `error` when another
 * process holds the journal (its pid is named), the folder is missing or may not be written, or
 * a later version wrote the file. Anything else may pass (a full disk, a read-only file system,
 * no descriptors): then the journal is not open, numbers are given that nobody has used as far
 * as can be known, and journal_reopen() is to be tried again. */
struct journal *journal_open(const struct factory *factory, struct journal_error *error);
void journal_close(struct journal *journal); /* NULL is harmless */

bool journal_is_open(const struct journal *journal);
bool journal_is_begun(const struct journal *journal); /* its run is entered */

/* Closes and opens the connection again after JOURNAL_FAILED; the lock is kept. */
enum journal_status journal_reopen(struct journal *journal);

/* The file that the last opening or reopening set aside, or that an earlier one did and that
 * still holds unsent samples; "" when there is none. */
const char *journal_set_aside(const struct journal *journal);

/* What the last opening or reopening missed behind the end of the file though it had been
 * committed, and that the broker does not have; count 0: nothing. */
struct journal_gap journal_lost(const struct journal *journal);

const char *journal_message(const struct journal *journal); /* why the last call failed */

/* From this monotonic time on no call waits for the locks of others; two seconds each before.
 * Any thread. */
void journal_hurry(struct journal *journal, int64_t until_us);

/* The number of this start: max(last run + 1, `now_s`). Entered durably before it returns, or,
 * when that fails, with the next commit. */
enum journal_status journal_begin_run(struct journal *journal, uint64_t now_s, uint64_t *run);

uint64_t journal_last_seq(const struct journal *journal); /* highest ever given; 0: none yet */
uint64_t journal_cursor(const struct journal *journal);   /* acknowledged up to here */

/* Samples from this seq on wait because the broker refused some of them, though the cursor has
 * passed; stored with the next commit. 0: none do. */
void journal_park(struct journal *journal, uint64_t seq);
uint64_t journal_parked(const struct journal *journal); /* as stored */

/* One transaction: begin, appends, commit. Any failure rolls it back; nothing of it stays. */
enum journal_status journal_begin(struct journal *journal);
enum journal_status journal_append(struct journal *journal, const struct journal_row *row);
enum journal_status journal_append_gap(struct journal *journal, const struct journal_gap *gap);
enum journal_status journal_commit(struct journal *journal, uint64_t cursor);
void journal_rollback(struct journal *journal);

/* File and WAL in bytes, and the WAL alone: beyond five megabytes or so, somebody's reading
 * holds it. */
uint64_t journal_size(const struct journal *journal);
uint64_t journal_wal_size(const struct journal *journal);

/* What both may take at most: max_size, or less where the disk is smaller. */
uint64_t journal_max_size(const struct journal *journal);

/* How many bytes of rows the transaction that was begun should take: the less, the less room
 * there is. One row always may. */
uint64_t journal_transaction_bytes(const struct journal *journal);

/* Time of the first row after `after_seq`, 0 when there is none. */
int64_t journal_oldest_us(struct journal *journal, uint64_t after_seq);

/* Which rows the broker does not have: all above the cursor, and of the others those that
 * `is_waiting` tells by seq, topic ("area/machine") and the payload's length; NULL: none of
 * them. */
struct journal_unsent {
    uint64_t cursor;
    bool (*is_waiting)(void *context, uint64_t seq, const char *topic, size_t length);
    void *context;
};

/* While the clock is doubted nothing is taken for old, whatever time it shows. At first it is
 * not. */
void journal_doubt_clock(struct journal *journal, bool is_doubted);

/* One small step of retention: deletes at most `rows_max` of the oldest rows that are older
 * than max_age or in excess of max_size. What had to go unsent is added to `gap` (count 0:
 * nothing) and entered in the journal with it. `is_more` tells that another step is wanted. */
enum journal_status journal_evict(struct journal *journal, const struct journal_unsent *unsent,
                                  int64_t now_us, unsigned rows_max, struct journal_gap *gap,
                                  bool *is_more);

/* Helps where the disk is full: gives back the ballast, empties the log, and lets the next
 * journal_evict() take a step whatever the size. JOURNAL_FULL: the disk is not the cause. */
enum journal_status journal_make_room(struct journal *journal);

/* Makes the ballast again once there is room. */
void journal_keep_ballast(struct journal *journal);

/* One step of salvage. */
struct journal_salvaged {
    char file[256]; /* from which, without its folder */
    struct journal_gap
        lost;        /* unsent samples that cannot be read, found in this step; count 0 */
    bool is_waiting; /* the file cannot be read at present: later */
    bool is_done;    /* everything of this file is: so many were saved, so many lost */
    uint64_t saved;
    uint64_t lost_count;
};
enum journal_status journal_salvage(struct journal *journal, struct journal_salvaged *salvaged);
bool journal_is_salvaging(const struct journal *journal);

/* Nothing beyond may be published before salvage has come so far; UINT64_MAX: all may. */
uint64_t journal_sendable(const struct journal *journal);

/* Topics below the site's root ("area/machine/now/tag") that were retained by an earlier
 * configuration and are not part of this one; the caller frees the array in one piece. */
char **journal_obsolete_topics(struct journal *journal, size_t *count);
enum journal_status journal_forget_obsolete(struct journal *journal);

#endif
