/* What a file that was set aside still holds comes into the new one, in small steps: first what
 * is unsent, in order, for the publisher waits for it; then the history, the newest first. */
#include <stdio.h>
#include <string.h>

#include "gateway/clock.h"
#include "gateway/journal_private.h"

enum {
    ROWS_MAX = 256, /* of one step */
    STEP_BYTES_MAX = 128 * 1024,
    WINDOW = 64,      /* seqs of history at once */
    FAILURES_MAX = 10 /* that may pass, before they count as damage */
};

enum statement {
    FIRST_RANGE,
    ENTER_RANGE,
    MOVE_RANGE,
    DROP_RANGE,
    COUNT_OF_FILE,
    GAP_AROUND,
    OLDEST_SEQ,
    STATEMENTS_COUNT,
};

static const char *const texts[STATEMENTS_COUNT] = {
    [FIRST_RANGE] = ("select id, file, is_history, first, last, next from salvage"
                     " order by is_history, iif(is_history, -last, first) limit 1"),
    [ENTER_RANGE] = ("insert into salvage(file, is_history, first, last, next)"
                     " values(?1, ?2, ?3, ?4, ?5)"),
    [MOVE_RANGE] = "update salvage set next = ?2 where id = ?1",
    [DROP_RANGE] = "delete from salvage where id = ?1",
    [COUNT_OF_FILE] = "select count(*) from salvage where file = ?1",
    [GAP_AROUND] = "select max(last) from gaps where first <= ?1 and last >= ?1",
    [OLDEST_SEQ] = "select min(seq) from samples",
};

static uint64_t ask(struct journal *journal, enum statement which)
{
    bool is_row = sql_step(journal->salvages, which) == SQL_ROW;
    int64_t number = is_row ? sql_number(journal->salvages, which, 0) : 0;
    sql_reset(journal->salvages, which);
    return (uint64_t)number;
}

/* ---- what is to be done ---- */

static void close_damaged(struct journal *journal)
{
    journal_reader_close(journal->damaged);
    journal->damaged = NULL;
}

/* The next range; one that is neither is done at once. */
static void load_range(struct journal *journal)
{
    struct sql_statements *statements = journal->salvages;
    struct salvage *range = &journal->salvage;
    char before[ASIDE_NAME_SIZE];
    (void)snprintf(before, sizeof before, "%s", range->file);
    *range = (struct salvage){0};
    if (sql_step(statements, FIRST_RANGE) == SQL_ROW) {
        range->id = sql_number(statements, FIRST_RANGE, 0);
        (void)snprintf(range->file, sizeof range->file, "%s",
                       sql_text(statements, FIRST_RANGE, 1, NULL));
        range->is_history = sql_number(statements, FIRST_RANGE, 2) != 0;
        range->first = (uint64_t)sql_number(statements, FIRST_RANGE, 3);
        range->last = (uint64_t)sql_number(statements, FIRST_RANGE, 4);
        range->next = (uint64_t)sql_number(statements, FIRST_RANGE, 5);
    }
    sql_reset(statements, FIRST_RANGE);
    if (strcmp(before, range->file) != 0) {
        close_damaged(journal);
    }
    journal->salvage_failures = 0;
}

enum journal_connection journal_salvage_prepare(struct journal *journal)
{
    journal->salvages = sql_prepare(journal->sql, texts, STATEMENTS_COUNT);
    if (journal->salvages == NULL) {
        return journal_refuse(journal, "reading");
    }
    load_range(journal);
    return JOURNAL_READY;
}

enum journal_status journal_salvage_enter(struct journal *journal, const struct salvage *range)
{
    struct sql_statements *statements = journal->salvages;
    sql_bind_text(statements, ENTER_RANGE, 1, range->file, strlen(range->file));
    sql_bind_number(statements, ENTER_RANGE, 2, range->is_history ? 1 : 0);
    sql_bind_number(statements, ENTER_RANGE, 3, (int64_t)range->first);
    sql_bind_number(statements, ENTER_RANGE, 4, (int64_t)range->last);
    sql_bind_number(statements, ENTER_RANGE, 5, (int64_t)range->next);
    return journal_run(journal, statements, ENTER_RANGE, "writing");
}

bool journal_is_salvaging(const struct journal *journal)
{
    return journal->sql != NULL && journal->salvage.id != 0;
}

uint64_t journal_sendable(const struct journal *journal)
{
    const struct salvage *range = &journal->salvage;
    return range->id != 0 && !range->is_history ? range->next - 1 : UINT64_MAX;
}

/* ---- one step ---- */

/* What is found on the way from `next` to `last`. */
struct walk {
    uint64_t next;
    uint64_t last;
    uint64_t saved;
    uint64_t bytes;
    bool is_history;
    bool is_over;            /* the step is large enough, or must not go on */
    struct journal_gap lost; /* in one piece */
    int64_t newest_us;       /* of the rows */
    enum journal_status status;
};

/* The first of these seqs that the gaps, which came over from the file, do not name; `to` + 1
 * when they name all. */
static uint64_t pass_gaps(struct journal *journal, uint64_t from, uint64_t to)
{
    uint64_t last = from;
    while (from <= to && last >= from) {
        sql_bind_number(journal->salvages, GAP_AROUND, 1, (int64_t)from);
        last = ask(journal, GAP_AROUND);
        from = last >= from ? last + 1 : from;
    }
    return from;
}

/* Nothing of `next` … `to` is in the file. Were it to tear what is lost in two, the step ends.
 */
static void pass_over(struct journal *journal, struct walk *walk, uint64_t to)
{
    struct journal_gap *lost = &walk->lost;
    if (to < walk->next || walk->status != JOURNAL_OK) {
        return;
    }
    uint64_t from = pass_gaps(journal, walk->next, to);
    if (from <= to && !walk->is_history && lost->count > 0 && lost->to + 1 != from) {
        walk->is_over = true;
        return;
    }
    if (from <= to) {
        struct journal_gap gap = {
            .from = from, .to = to, .count = to - from + 1, .reason = "damaged"};
        walk->status = journal_put_gap(journal, &gap);
        if (lost->count == 0) {
            *lost = gap;
        } else {
            lost->to = to;
            lost->count += gap.count;
        }
    }
    walk->next = to + 1;
}

static void save_row(struct journal *journal, struct walk *walk, const struct journal_row *row)
{
    char area[256];
    (void)snprintf(area, sizeof area, "%.*s", (int)(row->name - row->topic - 1), row->topic);
    int64_t machine = journal_factory_machine(journal, row->name, area);
    walk->status = machine > 0 ? journal_put_row(journal, row, machine)
                               : journal_fail(journal, "entering a machine");
    walk->newest_us = row->time_us > walk->newest_us ? row->time_us : walk->newest_us;
    walk->saved++;
    walk->bytes += row->payload_length + row->uncertain_length;
    walk->next = row->seq + 1;
}

/* Reading failed at `next`: damage is passed over, anything else may pass by itself. */
static void meet_failure(struct journal *journal, struct walk *walk)
{
    uint64_t readable = 0;
    if (!journal_reader_is_damage(journal->damaged) &&
        ++journal->salvage_failures < FAILURES_MAX) {
        close_damaged(journal);
        walk->is_over = true;
        return;
    }
    if (!journal_reader_find_readable(journal->damaged, walk->next - 1, walk->last,
                                      &readable)) {
        readable = walk->last + 1;
    }
    if (readable == walk->next && ++journal->salvage_failures < FAILURES_MAX) {
        walk->is_over = true; /* it can be read after all */
        return;
    }
    pass_over(journal, walk, readable == walk->next ? readable : readable - 1);
    walk->is_over = walk->is_over || walk->next > walk->last ||
                    !journal_reader_seek(journal->damaged, walk->next - 1);
}

static void take_row(struct journal *journal, struct walk *walk, const struct journal_row *row)
{
    bool is_within = row->seq <= walk->last;
    pass_over(journal, walk, is_within ? row->seq - 1 : walk->last);
    if (!is_within || walk->is_over || walk->status != JOURNAL_OK) {
        walk->is_over = true;
    } else if (row->is_damaged) {
        pass_over(journal, walk, row->seq);
    } else {
        save_row(journal, walk, row);
    }
}

static void walk_on(struct journal *journal, struct walk *walk)
{
    struct journal_row row;
    walk->is_over = !journal_reader_seek(journal->damaged, walk->next - 1);
    while (!walk->is_over && walk->status == JOURNAL_OK && walk->next <= walk->last) {
        switch (journal_reader_next(journal->damaged, &row)) {
        case JOURNAL_NEXT_ROW: take_row(journal, walk, &row); break;
        case JOURNAL_NEXT_END: pass_over(journal, walk, walk->last); break;
        case JOURNAL_NEXT_FAILED: meet_failure(journal, walk); break;
        }
        bool is_enough = walk->bytes >= STEP_BYTES_MAX || walk->saved >= ROWS_MAX;
        walk->is_over = walk->is_over || (is_enough && !walk->is_history);
    }
    if (journal->damaged != NULL) {
        journal_reader_reset(journal->damaged);
    }
}

/* ---- the two directions ---- */

static bool open_damaged(struct journal *journal, bool *is_hopeless)
{
    struct journal_error error = {.text = ""};
    char path[PATH_MAX + ASIDE_NAME_SIZE];
    int folder_length = (int)(strrchr(journal->file, '/') - journal->file);
    (void)snprintf(path, sizeof path, "%.*s/%s", folder_length, journal->file,
                   journal->salvage.file);
    if (journal->damaged == NULL) {
        journal->damaged = journal_reader_open(path, &error);
    }
    *is_hopeless = journal->damaged == NULL &&
                   (error.is_damage || ++journal->salvage_failures >= FAILURES_MAX);
    return journal->damaged != NULL;
}

static enum journal_status move_range(struct journal *journal, uint64_t next, bool is_done)
{
    enum statement which = is_done ? DROP_RANGE : MOVE_RANGE;
    sql_bind_number(journal->salvages, which, 1, journal->salvage.id);
    if (!is_done) {
        sql_bind_number(journal->salvages, which, 2, (int64_t)next);
    }
    return journal_run(journal, journal->salvages, which, "writing");
}

/* The last step of history leaves alone what retention would take at once. */
static bool is_surplus(struct journal *journal, int64_t newest_us)
{
    return (newest_us > 0 && newest_us < journal_expiry_us(journal, clock_wall_us())) ||
           journal_is_crowded(journal);
}

/* Goes down window by window. Above, everything is in the journal or in its gaps. */
static enum journal_status save_history(struct journal *journal, struct walk *walk)
{
    struct salvage *range = &journal->salvage;
    uint64_t top = range->next - 1;
    uint64_t bottom = top > range->first + WINDOW ? top - WINDOW : range->first;
    *walk = (struct walk){.next = bottom, .last = top, .is_history = true};
    struct journal_row row;
    enum journal_next next = journal_reader_seek(journal->damaged, bottom - 1)
                                 ? journal_reader_next(journal->damaged, &row)
                                 : JOURNAL_NEXT_FAILED;
    uint64_t oldest = ask(journal, OLDEST_SEQ);
    if (next == JOURNAL_NEXT_FAILED || (next == JOURNAL_NEXT_ROW && row.seq <= top)) {
        /* Below the first row there may have been nothing at all. */
        walk->next = next == JOURNAL_NEXT_ROW ? row.seq : bottom;
        walk->last = oldest > top ? oldest - 1 : top;
        walk_on(journal, walk);
    } else {
        journal_reader_reset(journal->damaged);
    }
    if (walk->status != JOURNAL_OK || journal->damaged == NULL) {
        return walk->status; /* this window once more */
    }
    bool is_done = bottom <= range->first || is_surplus(journal, walk->newest_us);
    return move_range(journal, bottom, is_done);
}

static enum journal_status save_unsent(struct journal *journal, struct walk *walk)
{
    struct salvage *range = &journal->salvage;
    *walk = (struct walk){.next = range->next, .last = range->last};
    walk_on(journal, walk);
    return walk->status == JOURNAL_OK ? move_range(journal, walk->next, walk->next > walk->last)
                                      : walk->status;
}

/* Nothing of the file can be read. */
static enum journal_status give_up(struct journal *journal, struct walk *walk)
{
    struct salvage *range = &journal->salvage;
    *walk = (struct walk){.next = range->next, .last = range->last};
    if (!range->is_history) {
        pass_over(journal, walk, walk->last);
    }
    return walk->status == JOURNAL_OK ? move_range(journal, 0, true) : walk->status;
}

static bool is_of_salvage(void *context, const char *name)
{
    struct journal *journal = context;
    sql_bind_text(journal->salvages, COUNT_OF_FILE, 1, name, strlen(name));
    return ask(journal, COUNT_OF_FILE) > 0;
}

static void tell_step(struct journal *journal, const struct walk *walk,
                      struct journal_salvaged *salvaged)
{
    if (!walk->is_history) {
        salvaged->lost = walk->lost;
    }
    (void)snprintf(salvaged->file, sizeof salvaged->file, "%s", journal->salvage.file);
    journal->salvage_saved += walk->saved;
    journal->salvage_lost += salvaged->lost.count;
    load_range(journal);
    salvaged->is_done = !is_of_salvage(journal, salvaged->file);
    if (salvaged->is_done) {
        salvaged->saved = journal->salvage_saved;
        salvaged->lost_count = journal->salvage_lost;
        journal->salvage_saved = 0;
        journal->salvage_lost = 0;
        aside_prune(journal->file, is_of_salvage, journal);
    }
}

enum journal_status journal_salvage(struct journal *journal, struct journal_salvaged *salvaged)
{
    *salvaged = (struct journal_salvaged){.is_done = false};
    if (!journal_is_salvaging(journal)) {
        return JOURNAL_OK;
    }
    bool is_hopeless;
    if (!open_damaged(journal, &is_hopeless) && !is_hopeless) {
        salvaged->is_waiting = true;
        return JOURNAL_OK;
    }
    struct walk walk = {0};
    enum journal_status status = journal_begin(journal);
    if (status == JOURNAL_OK) {
        status = is_hopeless                   ? give_up(journal, &walk)
                 : journal->salvage.is_history ? save_history(journal, &walk)
                                               : save_unsent(journal, &walk);
        status = journal_end(journal, status);
    }
    if (status == JOURNAL_OK) {
        salvaged->is_waiting =
            walk.saved == 0 && walk.lost.count == 0 && journal->damaged == NULL;
        tell_step(journal, &walk, salvaged);
    }
    return status;
}
