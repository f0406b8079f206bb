/* A journal that cannot be used is replaced: a new one is prepared beside it, goes on where the
 * old one ended, and knows what is to be saved from it. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "gateway/clock.h"
#include "gateway/journal_file.h"
#include "gateway/journal_private.h"

enum { RANGES_MAX = 34 }; /* more pieces than a journal is ever set aside in */
enum { GAPS_MAX = 256 };  /* the newest, carried over */

enum statement { SALVAGES, GAPS, STATEMENTS_COUNT };
static const char *const texts[STATEMENTS_COUNT] = {
    [SALVAGES] = "select file, is_history, first, last, next from salvage order by first",
    [GAPS] = "select first, last, count, reason from gaps order by id desc limit ?1",
};

/* Each question stands alone: one damaged page leaves the other answers. */
static uint64_t ask_plausible(struct sql *sql, const char *text)
{
    uint64_t number = (uint64_t)sql_ask(sql, text, 0);
    return number <= NUMBER_MAX ? number : 0;
}

static uint64_t larger(uint64_t left, uint64_t right)
{
    return left > right ? left : right;
}

static void ask_remains(struct sql *sql, struct journal_remains *remains)
{
    remains->last_seq = larger(ask_plausible(sql, "select max(seq) from sqlite_sequence"),
                               ask_plausible(sql, "select max(seq) from samples"));
    remains->last_run =
        larger(ask_plausible(sql, "select max(run) from runs"),
               ask_plausible(sql, "select run from samples order by seq desc limit 1"));
    remains->cursor = journal_ask_state(sql, "cursor", remains->last_seq);
    remains->parked = journal_ask_state(sql, "parked", remains->last_seq);
}

void journal_read_remains(const char *file, struct journal_remains *remains)
{
    struct sql *sql = sql_open(file, SQL_READ);
    *remains = (struct journal_remains){0};
    if (sql_status(sql) == SQL_DONE) {
        ask_remains(sql, remains);
    }
    sql_close(sql);
}

/* ---- what is to be saved ---- */

/* In order of their first seq. */
struct plan {
    struct salvage ranges[RANGES_MAX];
    size_t count;
};

static void add_range(struct plan *plan, const char *file, uint64_t first, uint64_t last)
{
    if (first <= last) {
        struct salvage *range = &plan->ranges[plan->count++];
        *range = (struct salvage){.first = first, .last = last, .next = first};
        (void)snprintf(range->file, sizeof range->file, "%s", file);
    }
}

static void add_history(struct plan *plan, const char *file, uint64_t last)
{
    if (last > 0) {
        struct salvage *range = &plan->ranges[plan->count++];
        *range =
            (struct salvage){.is_history = true, .first = 1, .last = last, .next = last + 1};
        (void)snprintf(range->file, sizeof range->file, "%s", file);
    }
}

/* The unsent seqs of `file` in pieces between those that it had yet to get from older ones. */
static void make_plan(struct sql *sql, const char *file, const struct journal_remains *remains,
                      struct plan *plan)
{
    struct sql_statements *statements = sql_prepare(sql, texts, STATEMENTS_COUNT);
    uint64_t parked = remains->parked;
    uint64_t done = parked > 0 && parked <= remains->cursor ? parked - 1 : remains->cursor;
    uint64_t next = done + 1;
    plan->count = 0;
    while (plan->count < RANGES_MAX - 4 && sql_step(statements, SALVAGES) == SQL_ROW) {
        const char *older = sql_text(statements, SALVAGES, 0, NULL);
        bool is_history = sql_number(statements, SALVAGES, 1) != 0;
        uint64_t first = (uint64_t)sql_number(statements, SALVAGES, is_history ? 2 : 4);
        uint64_t last = (uint64_t)sql_number(statements, SALVAGES, is_history ? 4 : 3);
        if (is_history && last > 0) {
            add_history(plan, older, last - 1);
        } else if (!is_history && first >= next && last <= remains->last_seq) {
            add_range(plan, file, next, first - 1);
            add_range(plan, older, first, last);
            next = last + 1;
        }
    }
    sql_reset(statements, SALVAGES);
    add_range(plan, file, next, remains->last_seq);
    add_history(plan, file, done < remains->last_seq ? done : remains->last_seq);
}

static bool enter_plan(struct journal *journal, const struct plan *plan)
{
    bool is_done = true;
    for (size_t at = 0; is_done && at < plan->count; at++) {
        is_done = journal_salvage_enter(journal, &plan->ranges[at]) == JOURNAL_OK;
    }
    return is_done;
}

/* What is known to be lost needs not be announced again. */
static void carry_gaps(struct journal *journal, struct sql *from)
{
    struct sql_statements *statements = sql_prepare(from, texts, STATEMENTS_COUNT);
    sql_bind_number(statements, GAPS, 1, GAPS_MAX);
    while (sql_step(statements, GAPS) == SQL_ROW) {
        struct journal_gap gap = {.from = (uint64_t)sql_number(statements, GAPS, 0),
                                  .to = (uint64_t)sql_number(statements, GAPS, 1),
                                  .count = (uint64_t)sql_number(statements, GAPS, 2)};
        (void)snprintf(gap.reason, sizeof gap.reason, "%s",
                       sql_text(statements, GAPS, 3, NULL));
        if (gap.from <= gap.to && gap.to <= NUMBER_MAX && gap.count > 0) {
            (void)journal_put_gap(journal, &gap); /* one less: announced once more */
        }
    }
    sql_reset(statements, GAPS);
}

/* ---- the new journal ---- */

/* The new journal goes on where the old one ended, and says what it lacks. */
static bool enter_remains(struct journal *journal, const char *old, const char *name,
                          const struct journal_remains *remains)
{
    struct sql *sql = sql_open(old, SQL_READ);
    struct plan plan;
    char text[192];
    make_plan(sql, name, remains, &plan);
    (void)snprintf(text, sizeof text,
                   "insert into sqlite_sequence(name, seq) values('samples', %" PRIu64 ");"
                   "insert or ignore into runs(run, started)"
                   " select %" PRIu64 ", 0 where %" PRIu64 " > 0",
                   remains->last_seq, remains->last_run, remains->last_run);
    journal->last_seq = remains->last_seq;
    journal_park(journal, remains->parked);
    bool is_done = journal_begin(journal) == JOURNAL_OK;
    if (is_done) {
        carry_gaps(journal, sql);
        is_done = sql_execute(journal->sql, text) == SQL_DONE && enter_plan(journal, &plan);
    }
    sql_close(sql);
    return is_done && journal_commit(journal, remains->cursor) == JOURNAL_OK;
}

/* Complete and closed, with nothing left in its log. */
static bool make_draft(struct journal *journal, const char *name,
                       const struct journal_remains *remains)
{
    char file[PATH_MAX];
    uint64_t cursor = journal->cursor;
    uint64_t parked = journal->parked;
    (void)snprintf(file, sizeof file, "%s", journal->file);
    aside_draft(file, journal->file);
    journal->is_draft = true;
    bool is_done = journal_establish(journal) == JOURNAL_READY &&
                   enter_remains(journal, file, name, remains);
    if (is_done) {
        sql_checkpoint(journal->sql, SQL_EMPTY_LOG);
        is_done = journal_file_size(journal->file, "-wal") == 0;
    }
    journal_disconnect(journal);
    if (is_done) {
        journal_file_remove(journal->file, "-wal");
        journal_file_remove(journal->file, "-shm");
    } else {
        aside_draft(file, journal->file);
    }
    (void)snprintf(journal->file, sizeof journal->file, "%s", file);
    journal->cursor = cursor;
    journal->parked = parked;
    journal->is_draft = false;
    return is_done;
}

bool journal_replace(struct journal *journal)
{
    struct journal_remains remains;
    char name[ASIDE_NAME_SIZE];
    journal_read_remains(journal->file, &remains);
    remains.last_seq = larger(remains.last_seq, journal->note.seq);
    remains.last_run = larger(remains.last_run, journal->last_run);
    remains.cursor = larger(remains.cursor, journal->cursor);
    remains.parked = remains.parked > 0 ? remains.parked : journal->parked;
    aside_name(journal->file, clock_wall_us(), name);
    if (!make_draft(journal, name, &remains)) {
        (void)journal_release_ballast(journal); /* for the next attempt */
        return false;
    }
    if (!aside_decide(journal->file, name)) {
        journal_tell(journal, "it is damaged and cannot be set aside: %s",
                     strerrordesc_np(errno));
        return false;
    }
    journal->is_found_damaged = false;
    (void)snprintf(journal->set_aside, sizeof journal->set_aside, "%.*s/%s",
                   (int)(strrchr(journal->file, '/') - journal->file), journal->file, name);
    if (!aside_finish(journal->file)) {
        journal_tell(journal, "setting aside what is damaged: %s", strerrordesc_np(errno));
        return false;
    }
    return journal_establish(journal) == JOURNAL_READY;
}
