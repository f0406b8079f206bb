/* The journal's readers: connections of their own that only read, one per thread.
 *
 * A reader holds no transaction longer than from seek to the last next: while it does, the log
 * of the journal cannot shrink. Reading needs no permission to write, and while a writer or an
 * earlier one has left its log beside the file, none in the folder either. */
#ifndef GATEWAY_JOURNAL_READER_H
#define GATEWAY_JOURNAL_READER_H

#include "gateway/journal_row.h"

struct journal_reader;

/* NULL and fills `error` when there is no such journal or it cannot be read. */
struct journal_reader *journal_reader_open(const char *file, struct journal_error *error);
void journal_reader_close(struct journal_reader *reader); /* NULL is harmless */

/* Positions before the first row with a higher seq. When the journal was set aside meanwhile,
 * the new one is opened. False: see journal_reader_message(). */
bool journal_reader_seek(struct journal_reader *reader, uint64_t after_seq);

/* What `export` asks for: NULL or 0 for no limit; times in microseconds, `to_us` exclusive. */
struct journal_selection {
    const char *machine;
    int64_t from_us;
    int64_t to_us;
    uint64_t to_seq; /* exclusive */
};

/* Only such rows from here on (NULL: all again); seek comes next. False when no such machine
 * was ever journaled. */
bool journal_reader_select(struct journal_reader *reader,
                           const struct journal_selection *selection);

enum journal_next {
    JOURNAL_NEXT_ROW,
    JOURNAL_NEXT_END,
    JOURNAL_NEXT_FAILED, /* there may be more, but here it cannot be read */
};

/* The next row in order of seq; its texts are valid until the next call. */
enum journal_next journal_reader_next(struct journal_reader *reader, struct journal_row *row);

/* After JOURNAL_NEXT_FAILED behind `after_seq`: finds the first seq up to `last_seq` from which
 * on it can be read again. False when there is none. Costs some hundred seeks. */
bool journal_reader_find_readable(struct journal_reader *reader, uint64_t after_seq,
                                  uint64_t last_seq, uint64_t *readable_seq);

/* Ends the read transaction, so that checkpoints can pass. */
void journal_reader_reset(struct journal_reader *reader);

/* Why the last seek or next ended early; "" when it did not. */
const char *journal_reader_message(const struct journal_reader *reader);

/* Whether it did because of what is in the file; else it may pass. */
bool journal_reader_is_damage(const struct journal_reader *reader);

/* Whether the journal's gaps name all of these seqs; then `gap` tells of them, with the reason
 * of the first. */
bool journal_reader_explains(struct journal_reader *reader, uint64_t from, uint64_t to,
                             struct journal_gap *gap);

/* Gaps in order; `index` counts from 0. False when there is no such. */
bool journal_reader_gap(struct journal_reader *reader, size_t index, struct journal_gap *gap);

/* The highest seq that the journal has ever given, to a row or to a gap. */
uint64_t journal_reader_last_seq(struct journal_reader *reader);

#endif
