/* How a connection is established: locked, opened, configured, checked, and when what is there
 * cannot be used, set aside for a new file. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/memory.h"
#include "gateway/aside.h"
#include "gateway/clock.h"
#include "gateway/journal_crc.h"
#include "gateway/journal_file.h"
#include "gateway/journal_private.h"
#include "gateway/lock.h"

enum {
    PAGE_SIZE_BYTES = 4096,
    CHECK_US = 1000000, /* the check at start may take so long */
    CHECKPOINT_PAGES_MAX = 250,
    CHECKPOINT_PAGES_MIN = 8,
};

/* The log's usual size is an eighth of max_size, within these. */
#define WAL_MIN_BYTES     (UINT64_C(64) << 10)
#define WAL_MAX_BYTES     (UINT64_C(1) << 20)
#define CHECK_WHOLE_BYTES (UINT64_C(64) << 20) /* quick_check of it: some 0.1 s, warm */
#define NUMBER_MAX        (UINT64_C(1) << 53)  /* beyond, JSON's readers differ: a fallen bit */

/* After retention has emptied the table, only SQLite's own count knows. While there are rows,
 * they know better: a fallen bit there would leave a hole in the numbers. */
static const char last_seq_text[] =
    "select max(coalesce((select max(seq) from samples),"
    " (select seq from sqlite_sequence where name = 'samples'), 0),"
    " coalesce((select max(last) from gaps), 0))";

/* ------------------------------------------------------------------ the steps */

static enum journal_connection open_file(struct journal *journal)
{
    journal_file_create(journal->file, (mode_t)journal->settings->mode);
    journal->sql = sql_open(journal->file, SQL_WRITE);
    sql_set_patience(journal->sql, &journal->patience_until_us);
    return sql_status(journal->sql) == SQL_DONE ? JOURNAL_READY
                                                : journal_refuse(journal, "opening");
}

/* Of `number`, what lies within the bounds. */
static uint64_t clamp(uint64_t number, uint64_t min, uint64_t max)
{
    return number < min ? min : number > max ? max : number;
}

static enum journal_connection configure_size(struct journal *journal)
{
    const struct journal_settings *settings = journal->settings;
    journal->page_bytes = (uint64_t)sql_ask(journal->sql, "pragma page_size", PAGE_SIZE_BYTES);
    journal->wal_limit_bytes =
        clamp(settings->max_size_bytes / 8, WAL_MIN_BYTES, WAL_MAX_BYTES);
    uint64_t pages = settings->max_size_bytes / journal->page_bytes;
    uint64_t checkpoint = clamp(pages / 32, CHECKPOINT_PAGES_MIN, CHECKPOINT_PAGES_MAX);
    /* Beyond its usual size the log holds one transaction more: a chunk of samples or a step of
     * retention, which are a sixteenth at most. */
    uint64_t log_bytes = journal->wal_limit_bytes + settings->max_size_bytes / 16;
    journal->quota_bytes = settings->max_size_bytes - log_bytes;
    char text[256];
    (void)snprintf(text, sizeof text,
                   "pragma synchronous = %s; pragma wal_autocheckpoint = %" PRIu64 ";"
                   "pragma journal_size_limit = %" PRIu64 "; pragma max_page_count = %" PRIu64
                   ";",
                   settings->sync == JOURNAL_SYNC_FULL ? "full" : "normal", checkpoint,
                   journal->wal_limit_bytes, journal->quota_bytes / journal->page_bytes);
    return sql_execute(journal->sql, text) == SQL_DONE ? JOURNAL_READY
                                                       : journal_refuse(journal, "opening");
}

static enum journal_connection configure(struct journal *journal)
{
    static const char text[] = "pragma page_size = 4096; pragma auto_vacuum = incremental;"
                               "pragma trusted_schema = off; pragma cell_size_check = on;"
                               "pragma foreign_keys = off; pragma temp_store = memory;"
                               /* Zeroing what retention frees would double the writing. */
                               "pragma secure_delete = off;";
    if (sql_execute(journal->sql, text) != SQL_DONE) {
        return journal_refuse(journal, "opening");
    }
    bool is_wal = sql_agrees(journal->sql, "pragma journal_mode = wal", "wal");
    if (sql_status(journal->sql) != SQL_DONE) {
        return journal_refuse(journal, "choosing WAL");
    }
    if (!is_wal) {
        journal_tell(journal, "this file system does not carry SQLite's WAL");
        return JOURNAL_REFUSED;
    }
    return configure_size(journal);
}

static bool is_sound(struct sql *sql, const char *question)
{
    bool is_agreed = sql_agrees(sql, question, "ok");
    return is_agreed && sql_status(sql) != SQL_DAMAGED;
}

static bool are_parts_sound(struct sql *sql)
{
    static const char *const questions[] = {
        "pragma quick_check(machines)", "pragma quick_check(runs)",  "pragma quick_check(gaps)",
        "pragma quick_check(retained)", "pragma quick_check(state)",
    };
    for (size_t at = 0; at < sizeof questions / sizeof questions[0]; at++) {
        if (!is_sound(sql, questions[at])) {
            return false;
        }
    }
    return sql_execute(sql, "select crc from samples order by seq desc") != SQL_DAMAGED;
}

/* quick_check cannot be interrupted everywhere, so a large file is checked in the parts that
 * everything hangs on, then from the newest row back. Each row's CRC is checked on reading. */
static enum journal_connection check(struct journal *journal)
{
    sql_set_deadline(journal->sql, clock_monotonic_us() + CHECK_US);
    bool is_small = journal_file_size(journal->file, "") <= CHECK_WHOLE_BYTES;
    bool is_right = is_small ? is_sound(journal->sql, "pragma quick_check(1)")
                             : are_parts_sound(journal->sql);
    sql_set_deadline(journal->sql, 0);
    if (!is_right) {
        journal_tell(journal, "it is damaged");
    }
    return is_right ? JOURNAL_READY : JOURNAL_DAMAGED;
}

static uint64_t ask_cursor(struct sql *sql, uint64_t last_seq)
{
    int64_t value = sql_ask(sql, "select value from state where name = 'cursor'", 0);
    int64_t crc = sql_ask(sql, "select crc from state where name = 'cursor'", 0);
    uint64_t cursor = (uint64_t)value;
    bool is_right = crc == journal_crc_cursor(cursor) && cursor <= last_seq;
    return is_right ? cursor : 0; /* all is sent again: repeats can be told, losses cannot */
}

static enum journal_connection load_numbers(struct journal *journal)
{
    int64_t last_seq = sql_ask(journal->sql, last_seq_text, -1);
    if (last_seq < 0) {
        return journal_refuse(journal, "reading");
    }
    journal->last_seq = (uint64_t)last_seq;
    journal->cursor = ask_cursor(journal->sql, journal->last_seq);
    return JOURNAL_READY;
}

static void disconnect(struct journal *journal)
{
    sql_close(journal->sql);
    journal->sql = NULL;
    journal->writes = NULL;
    journal->evictions = NULL;
    journal->entries = NULL;
}

static enum journal_connection establish(struct journal *journal)
{
    static enum journal_connection (*const steps[])(struct journal *) = {
        open_file,
        configure,
        journal_schema_migrate,
        check,
        journal_prepare,
        journal_retention_prepare,
        journal_factory_enter,
        load_numbers,
    };
    enum journal_connection connection = JOURNAL_READY;
    for (size_t at = 0; at < sizeof steps / sizeof steps[0]; at++) {
        connection = connection == JOURNAL_READY ? steps[at](journal) : connection;
    }
    if (connection != JOURNAL_READY) {
        disconnect(journal);
    }
    return connection;
}

/* ------------------------------------------------------------------ setting aside */

/* What must not be forgotten with a damaged file: numbers given, runs used, samples unsent. */
struct remains {
    uint64_t last_seq;
    uint64_t last_run;
    uint64_t cursor;
};

/* Each question stands alone: one damaged page leaves the other answers. */
static uint64_t ask_plausible(struct sql *sql, const char *text)
{
    uint64_t number = (uint64_t)sql_ask(sql, text, 0);
    return number <= NUMBER_MAX ? number : 0;
}

static void read_remains(const char *file, struct remains *remains)
{
    struct sql *sql = sql_open(file, SQL_READ);
    *remains = (struct remains){0};
    if (sql_status(sql) == SQL_DONE) {
        uint64_t counted = ask_plausible(sql, "select max(seq) from sqlite_sequence");
        uint64_t highest = ask_plausible(sql, "select max(seq) from samples");
        remains->last_seq = counted > highest ? counted : highest;
        remains->last_run = ask_plausible(sql, "select max(run) from runs");
        remains->cursor = ask_cursor(sql, remains->last_seq);
    }
    sql_close(sql);
}

/* The new journal goes on where the old one ended, and says what it lacks. */
static bool enter_remains(struct journal *journal, const struct remains *remains)
{
    journal->last_run = remains->last_run;
    if (remains->last_seq == 0) {
        return true;
    }
    char text[128];
    (void)snprintf(text, sizeof text,
                   "insert into sqlite_sequence(name, seq) values('samples', %" PRIu64 ")",
                   remains->last_seq);
    bool is_done = sql_execute(journal->sql, text) == SQL_DONE;
    journal->last_seq = remains->last_seq;
    struct journal_gap gap = {.from = remains->cursor + 1,
                              .to = remains->last_seq,
                              .count = remains->last_seq - remains->cursor,
                              .reason = "damaged"};
    is_done = is_done && journal_begin(journal) == JOURNAL_OK;
    journal->lost = gap;
    if (is_done && gap.count > 0) {
        is_done = journal_append_gap(journal, &gap) == JOURNAL_OK;
    }
    return is_done && journal_commit(journal, remains->last_seq) == JOURNAL_OK;
}

/* Connects; what cannot be used makes room for a new file, once. */
static bool connect_or_replace(struct journal *journal)
{
    enum journal_connection connection = establish(journal);
    if (connection != JOURNAL_DAMAGED) {
        return connection == JOURNAL_READY;
    }
    struct remains remains;
    read_remains(journal->file, &remains);
    if (!aside_move(journal->file, clock_wall_us(), journal->set_aside,
                    sizeof journal->set_aside)) {
        journal_tell(journal, "it is damaged and cannot be set aside: %s",
                     strerrordesc_np(errno));
        return false;
    }
    return establish(journal) == JOURNAL_READY && enter_remains(journal, &remains);
}

/* ------------------------------------------------------------------ opening */

static bool take_lock(struct journal *journal, struct journal_error *error)
{
    char file[PATH_MAX + 8];
    (void)snprintf(file, sizeof file, "%s.lock", journal->file);
    pid_t holder;
    journal->lock = lock_take(file, (mode_t)journal->settings->mode, &holder);
    if (journal->lock >= 0) {
        return true;
    }
    if (holder != 0) {
        (void)snprintf(error->text, sizeof error->text,
                       "%s: the process with pid %ld holds this journal; two cannot write one",
                       journal->settings->file, (long)holder);
    } else {
        (void)snprintf(error->text, sizeof error->text, "%s.lock: %s", journal->settings->file,
                       strerrordesc_np(errno));
    }
    return false;
}

struct journal *journal_open(const struct factory *factory, struct journal_error *error)
{
    struct journal *journal = memory_allocate(1, sizeof *journal);
    journal->factory = factory;
    journal->settings = &factory->journal;
    journal->lock = -1;
    journal->machines = memory_allocate(factory->machines_count, sizeof *journal->machines);
    error->text[0] = '\0';
    if (!journal_file_resolve(factory->journal.file, journal->file)) {
        (void)snprintf(error->text, sizeof error->text, "%s: %s", factory->journal.file,
                       strerrordesc_np(errno));
    } else if (take_lock(journal, error) && !connect_or_replace(journal)) {
        (void)snprintf(error->text, sizeof error->text, "%s: %.160s", factory->journal.file,
                       journal->message);
    }
    if (error->text[0] != '\0') {
        journal_close(journal);
        return NULL;
    }
    return journal;
}

void journal_close(struct journal *journal)
{
    if (journal == NULL) {
        return;
    }
    disconnect(journal);
    lock_release(journal->lock);
    free(journal->machines);
    free(journal);
}

enum journal_status journal_reopen(struct journal *journal)
{
    disconnect(journal);
    journal->set_aside[0] = '\0';
    journal->lost = (struct journal_gap){0};
    if (!connect_or_replace(journal)) {
        return JOURNAL_FAILED;
    }
    sql_checkpoint(journal->sql); /* so that nothing written before a failed sync is trusted */
    return JOURNAL_OK;
}
