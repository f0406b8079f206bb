#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "gateway/clock.h"
#include "gateway/journal_crc.h"
#include "gateway/journal_private.h"

enum {
    RUNS_KEPT = 1000,
    GAPS_KEPT = 1000, /* of those older than every row */
};

enum statement {
    BEGIN,
    COMMIT,
    INSERT_SAMPLE,
    SET_CURSOR,
    SET_PARKED,
    LAST_GAP,
    EXTEND_GAP,
    INSERT_GAP,
    PRUNE_GAPS,
    LAST_RUN,
    LAST_RUN_SAMPLED,
    INSERT_RUN,
    PRUNE_RUNS,
    FIRST_TIME,
    STATEMENTS_COUNT,
};

static const char *const texts[STATEMENTS_COUNT] = {
    [BEGIN] = "begin immediate",
    [COMMIT] = "commit",
    /* `or replace`: a commit that failed while syncing may be found in the file after all, and
     * is then written, and synced, once more. */
    [INSERT_SAMPLE] =
        ("insert or replace into samples(seq, run, machine, time_us, payload, crc,"
         " uncertain) values(?1, ?2, ?3, ?4, ?5, ?6, ?7)"),
    [SET_CURSOR] = "insert or replace into state(name, value, crc) values('cursor', ?1, ?2)",
    [SET_PARKED] = "insert or replace into state(name, value, crc) values('parked', ?1, ?2)",
    [LAST_GAP] = "select id, last, reason from gaps order by id desc limit 1",
    [EXTEND_GAP] = "update gaps set last = ?2, count = count + ?3 where id = ?1",
    [INSERT_GAP] = ("insert into gaps(first, last, count, reason, time_us)"
                    " values(?1, ?2, ?3, ?4, ?5)"),
    [PRUNE_GAPS] = ("delete from gaps where id <= (select max(id) from gaps) - ?1"
                    " and last < coalesce((select min(seq) from samples), 0)"),
    [LAST_RUN] = "select max(run) from runs",
    [LAST_RUN_SAMPLED] = "select run from samples order by seq desc limit 1",
    [INSERT_RUN] = "insert or ignore into runs(run, started) values(?1, ?2)",
    [PRUNE_RUNS] = ("delete from runs where run not in"
                    " (select run from runs order by run desc limit ?1)"),
    [FIRST_TIME] = "select time_us from samples where seq > ?1 order by seq limit 1",
};

/* ---- shared with the other parts ---- */

void journal_tell(struct journal *journal, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(journal->message, sizeof journal->message, format, arguments);
    va_end(arguments);
}

enum journal_status journal_fail(struct journal *journal, const char *doing)
{
    journal_tell(journal, "%s: %s", doing, sql_message(journal->sql));
    enum sql_status status = sql_status(journal->sql);
    journal->is_found_damaged = journal->is_found_damaged || status == SQL_DAMAGED;
    return status == SQL_FULL   ? JOURNAL_FULL
           : status == SQL_BUSY ? JOURNAL_BUSY
                                : JOURNAL_FAILED;
}

enum journal_connection journal_refuse(struct journal *journal, const char *doing)
{
    enum sql_status status = sql_status(journal->sql);
    (void)journal_fail(journal, doing);
    bool is_damaged = status == SQL_DAMAGED || status == SQL_UNFIT; /* or a table is missing */
    return is_damaged ? JOURNAL_DAMAGED : JOURNAL_REFUSED;
}

enum journal_status journal_run(struct journal *journal, struct sql_statements *statements,
                                size_t which, const char *doing)
{
    return sql_run(statements, which) == SQL_DONE ? JOURNAL_OK : journal_fail(journal, doing);
}

enum journal_status journal_end(struct journal *journal, enum journal_status status)
{
    if (status == JOURNAL_OK) {
        return journal_commit(journal, journal->cursor);
    }
    journal_rollback(journal);
    return status;
}

enum journal_connection journal_prepare(struct journal *journal)
{
    journal->writes = sql_prepare(journal->sql, texts, STATEMENTS_COUNT);
    return journal->writes != NULL ? JOURNAL_READY : journal_refuse(journal, "reading");
}

/* ---- how it stands ---- */

const char *journal_set_aside(const struct journal *journal)
{
    return journal->set_aside;
}

struct journal_gap journal_lost(const struct journal *journal)
{
    return journal->lost;
}

void journal_hurry(struct journal *journal, int64_t until_us)
{
    atomic_store(&journal->patience_until_us, until_us);
}

const char *journal_message(const struct journal *journal)
{
    return journal->message;
}

uint64_t journal_last_seq(const struct journal *journal)
{
    return journal->last_seq;
}

uint64_t journal_cursor(const struct journal *journal)
{
    return journal->cursor;
}

void journal_park(struct journal *journal, uint64_t seq)
{
    journal->parked_wanted = seq;
}

uint64_t journal_parked(const struct journal *journal)
{
    return journal->parked;
}

/* The first column of the first row; 0 when there is none. */
static int64_t ask(struct journal *journal, enum statement which)
{
    bool is_row = sql_step(journal->writes, which) == SQL_ROW;
    int64_t number = is_row ? sql_number(journal->writes, which, 0) : 0;
    sql_reset(journal->writes, which);
    return number;
}

int64_t journal_oldest_us(struct journal *journal, uint64_t after_seq)
{
    sql_bind_number(journal->writes, FIRST_TIME, 1, (int64_t)after_seq);
    return ask(journal, FIRST_TIME);
}

/* ---- transactions ---- */

static enum journal_status finish(struct journal *journal, enum statement which,
                                  const char *doing)
{
    return journal_run(journal, journal->writes, which, doing);
}

/* The transaction is gone with the first failure. */
static enum journal_status abandon_unless(struct journal *journal, enum journal_status status)
{
    if (status != JOURNAL_OK) {
        journal_rollback(journal);
    }
    return status;
}

static enum journal_status put_run(struct journal *journal)
{
    sql_bind_number(journal->writes, INSERT_RUN, 1, (int64_t)journal->pending_run);
    sql_bind_number(journal->writes, INSERT_RUN, 2, clock_wall_us() / 1000000);
    sql_bind_number(journal->writes, PRUNE_RUNS, 1, RUNS_KEPT);
    enum journal_status status = finish(journal, INSERT_RUN, "entering the run");
    if (status == JOURNAL_OK) {
        status = finish(journal, PRUNE_RUNS, "entering the run");
    }
    return abandon_unless(journal, status);
}

enum journal_status journal_begin(struct journal *journal)
{
    if (journal->sql == NULL) {
        return JOURNAL_FAILED;
    }
    enum journal_status status = journal_look_for_room(journal);
    if (status != JOURNAL_OK) {
        return status;
    }
    journal->pending_seq = journal->last_seq;
    status = finish(journal, BEGIN, "beginning");
    if (status == JOURNAL_OK && journal->pending_run != 0 && !journal->is_draft) {
        status = put_run(journal);
    }
    return status;
}

void journal_rollback(struct journal *journal)
{
    if (journal->sql != NULL) {
        sql_roll_back(journal->sql);
    }
}

/* Of the file that is in its place, not of a draft. */
static void leave_note(struct journal *journal)
{
    if (journal->is_draft) {
        return;
    }
    journal->note.seq = journal->last_seq;
    journal->note.cursor = journal->cursor;
    lock_leave_note(journal->lock, &journal->note);
}

enum journal_status journal_commit(struct journal *journal, uint64_t cursor)
{
    enum journal_status status = JOURNAL_OK;
    if (cursor != journal->cursor) {
        sql_bind_number(journal->writes, SET_CURSOR, 1, (int64_t)cursor);
        sql_bind_number(journal->writes, SET_CURSOR, 2, journal_crc_cursor(cursor));
        status = finish(journal, SET_CURSOR, "writing");
    }
    if (status == JOURNAL_OK && journal->parked_wanted != journal->parked) {
        uint64_t parked = journal->parked_wanted;
        sql_bind_number(journal->writes, SET_PARKED, 1, (int64_t)parked);
        sql_bind_number(journal->writes, SET_PARKED, 2, journal_crc_cursor(parked));
        status = finish(journal, SET_PARKED, "writing");
    }
    if (status == JOURNAL_OK) {
        status = finish(journal, COMMIT, "committing");
    }
    if (status == JOURNAL_OK) {
        journal->parked = journal->parked_wanted;
        journal->last_seq = journal->pending_seq;
        journal->cursor = cursor;
        journal->pending_run = journal->is_draft ? journal->pending_run : 0;
        leave_note(journal);
    }
    return abandon_unless(journal, status);
}

/* ---- samples ---- */

enum journal_status journal_put_row(struct journal *journal, const struct journal_row *row,
                                    int64_t machine)
{
    struct sql_statements *writes = journal->writes;
    bool is_certain = row->uncertain_length == 0;
    journal_take_room(journal, row->payload_length);
    sql_bind_number(writes, INSERT_SAMPLE, 1, (int64_t)row->seq);
    sql_bind_number(writes, INSERT_SAMPLE, 2, (int64_t)row->run);
    sql_bind_number(writes, INSERT_SAMPLE, 3, machine);
    sql_bind_number(writes, INSERT_SAMPLE, 4, row->time_us);
    sql_bind_text(writes, INSERT_SAMPLE, 5, row->payload, row->payload_length);
    sql_bind_number(writes, INSERT_SAMPLE, 6, journal_crc_row(row, machine));
    sql_bind_text(writes, INSERT_SAMPLE, 7, is_certain ? NULL : row->uncertain,
                  row->uncertain_length);
    return finish(journal, INSERT_SAMPLE, "writing");
}

enum journal_status journal_append(struct journal *journal, const struct journal_row *row)
{
    assert(row->machine < journal->factory->machines_count);
    assert(row->seq > 0);
    if (row->seq > journal->pending_seq) {
        journal->pending_seq = row->seq;
    }
    return abandon_unless(journal,
                          journal_put_row(journal, row, journal->machines[row->machine]));
}

/* ---- gaps ---- */

/* The id of the last gap when `gap` goes on where it ends, for the same reason; else 0. */
static int64_t find_neighbour(struct journal *journal, const struct journal_gap *gap)
{
    int64_t id = 0;
    if (sql_step(journal->writes, LAST_GAP) == SQL_ROW &&
        (uint64_t)sql_number(journal->writes, LAST_GAP, 1) + 1 == gap->from &&
        strcmp(sql_text(journal->writes, LAST_GAP, 2, NULL), gap->reason) == 0) {
        id = sql_number(journal->writes, LAST_GAP, 0);
    }
    sql_reset(journal->writes, LAST_GAP);
    return id;
}

enum journal_status journal_put_gap(struct journal *journal, const struct journal_gap *gap)
{
    struct sql_statements *writes = journal->writes;
    int64_t id = find_neighbour(journal, gap);
    if (id != 0) {
        sql_bind_number(writes, EXTEND_GAP, 1, id);
        sql_bind_number(writes, EXTEND_GAP, 2, (int64_t)gap->to);
        sql_bind_number(writes, EXTEND_GAP, 3, (int64_t)gap->count);
        return finish(journal, EXTEND_GAP, "writing");
    }
    sql_bind_number(writes, INSERT_GAP, 1, (int64_t)gap->from);
    sql_bind_number(writes, INSERT_GAP, 2, (int64_t)gap->to);
    sql_bind_number(writes, INSERT_GAP, 3, (int64_t)gap->count);
    sql_bind_text(writes, INSERT_GAP, 4, gap->reason, strlen(gap->reason));
    sql_bind_number(writes, INSERT_GAP, 5, clock_wall_us());
    enum journal_status status = finish(journal, INSERT_GAP, "writing");
    sql_bind_number(writes, PRUNE_GAPS, 1, GAPS_KEPT);
    return status == JOURNAL_OK ? finish(journal, PRUNE_GAPS, "writing") : status;
}

enum journal_status journal_append_gap(struct journal *journal, const struct journal_gap *gap)
{
    assert(gap->count > 0);
    assert(gap->from <= gap->to);
    if (gap->to > journal->pending_seq) {
        journal->pending_seq = gap->to;
    }
    return abandon_unless(journal, journal_put_gap(journal, gap));
}

/* ---- runs ---- */

/* The run after all that are known. One of them may be illegible; the others still count. */
static uint64_t next_run(struct journal *journal, uint64_t now_s)
{
    uint64_t last = (uint64_t)ask(journal, LAST_RUN);
    uint64_t sampled = (uint64_t)ask(journal, LAST_RUN_SAMPLED);
    last = last > sampled ? last : sampled;
    last = last > journal->last_run ? last : journal->last_run;
    return now_s > last ? now_s : last + 1;
}

enum journal_status journal_begin_run(struct journal *journal, uint64_t now_s, uint64_t *run)
{
    *run = next_run(journal, now_s);
    journal->last_run = *run;
    journal->pending_run = *run;
    journal->note.run = *run;
    lock_leave_note(journal->lock, &journal->note);
    enum journal_status status = journal_begin(journal);
    return status == JOURNAL_OK ? journal_end(journal, status) : status;
}
