/* How a connection is established: locked, opened, configured, checked, and when what is there
 * cannot be used, replaced. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/memory.h"
#include "gateway/clock.h"
#include "gateway/journal_crc.h"
#include "gateway/journal_file.h"
#include "gateway/journal_private.h"

enum {
    PAGE_SIZE_BYTES = 4096,
    CHECK_US = 1000000,          /* the check at start may take so long */
    CHECKPOINT_PAGES_MAX = 1000, /* SQLite's own */
    CHECKPOINT_PAGES_MIN = 8,
};

/* The log's usual size is an eighth of max_size, within these. */
#define WAL_MIN_BYTES     (UINT64_C(64) << 10)
#define WAL_MAX_BYTES     (UINT64_C(5) << 20)
#define CHECK_WHOLE_BYTES (UINT64_C(64) << 20) /* quick_check of it: some 0.1 s, warm */
/* After retention has emptied the table, only SQLite's own count knows. While there are rows,
 * they know better: a fallen bit there would leave a hole in the numbers. */
static const char last_seq_text[] =
    "select max(coalesce((select max(seq) from samples),"
    " (select seq from sqlite_sequence where name = 'samples'), 0),"
    " coalesce((select max(last) from gaps), 0))";

/* ---- the steps ---- */

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

void journal_set_quota(struct journal *journal, uint64_t pages)
{
    char text[64];
    (void)snprintf(text, sizeof text, "pragma max_page_count = %" PRIu64, pages);
    (void)sql_execute(journal->sql, text);
}

static enum journal_connection configure_size(struct journal *journal)
{
    const struct journal_settings *settings = journal->settings;
    journal->max_bytes = journal_fitting_size(journal);
    journal->page_bytes = (uint64_t)sql_ask(journal->sql, "pragma page_size", PAGE_SIZE_BYTES);
    journal->wal_limit_bytes = clamp(journal->max_bytes / 8, WAL_MIN_BYTES, WAL_MAX_BYTES);
    uint64_t pages = journal->max_bytes / journal->page_bytes;
    uint64_t checkpoint = clamp(pages / 32, CHECKPOINT_PAGES_MIN, CHECKPOINT_PAGES_MAX);
    /* Beyond its usual size the log holds one transaction more: a chunk of samples or a step of
     * retention, which are a sixteenth at most. */
    uint64_t log_bytes = journal->wal_limit_bytes + journal->max_bytes / 16;
    journal->quota_bytes = journal->max_bytes - log_bytes;
    char text[256];
    (void)snprintf(text, sizeof text,
                   "pragma synchronous = %s; pragma wal_autocheckpoint = %" PRIu64 ";"
                   "pragma journal_size_limit = %" PRIu64,
                   settings->sync == JOURNAL_SYNC_FULL ? "full" : "normal", checkpoint,
                   journal->wal_limit_bytes);
    if (sql_execute(journal->sql, text) != SQL_DONE) {
        return journal_refuse(journal, "opening");
    }
    journal_set_quota(journal,
                      journal->is_frozen ? 1 : journal->quota_bytes / journal->page_bytes);
    return JOURNAL_READY;
}

static enum journal_connection configure(struct journal *journal)
{
    static const char text[] = "pragma page_size = 4096; pragma auto_vacuum = incremental;"
                               "pragma trusted_schema = off; pragma cell_size_check = on;"
                               "pragma foreign_keys = off; pragma temp_store = memory;"
                               /* Zeroing what retention frees would double the writing. */
                               "pragma secure_delete = off;"
                               /* Turning to WAL takes a rollback journal: were its removal not
                                * on the disk, a power cut would bring it, and undo, back. */
                               "pragma synchronous = extra;";
    if (sql_execute(journal->sql, text) != SQL_DONE) {
        return journal_refuse(journal, "opening");
    }
    bool is_wal = sql_agrees(journal->sql, "pragma journal_mode = wal", "wal");
    if (sql_status(journal->sql) != SQL_DONE) {
        return journal_refuse(journal, "choosing WAL");
    }
    if (!is_wal) {
        journal->is_hopeless = true;
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

/* A doubtful cursor sends all again: repeats can be told, losses cannot. */
uint64_t journal_ask_state(struct sql *sql, const char *name, uint64_t last_seq)
{
    char text[96];
    (void)snprintf(text, sizeof text, "select value from state where name = '%s'", name);
    uint64_t value = (uint64_t)sql_ask(sql, text, 0);
    (void)snprintf(text, sizeof text, "select crc from state where name = '%s'", name);
    int64_t crc = sql_ask(sql, text, 0);
    return crc == journal_crc_cursor(value) && value <= last_seq ? value : 0;
}

static enum journal_connection load_numbers(struct journal *journal)
{
    int64_t last_seq = sql_ask(journal->sql, last_seq_text, -1);
    if (last_seq < 0) {
        return journal_refuse(journal, "reading");
    }
    journal->last_seq = (uint64_t)last_seq;
    journal->cursor = journal_ask_state(journal->sql, "cursor", journal->last_seq);
    journal->parked = journal_ask_state(journal->sql, "parked", journal->last_seq);
    journal->parked_wanted = journal->parked;
    return JOURNAL_READY;
}

void journal_disconnect(struct journal *journal)
{
    sql_close(journal->sql);
    journal->sql = NULL;
    journal->writes = NULL;
    journal->evictions = NULL;
    journal->entries = NULL;
    journal->salvages = NULL;
}

enum journal_connection journal_establish(struct journal *journal)
{
    static enum journal_connection (*const steps[])(struct journal *) = {
        open_file,
        configure,
        journal_schema_migrate,
        check,
        journal_prepare,
        journal_retention_prepare,
        journal_factory_enter,
        journal_salvage_prepare,
        load_numbers,
    };
    enum journal_connection connection = JOURNAL_READY;
    for (size_t at = 0; at < sizeof steps / sizeof steps[0]; at++) {
        connection = connection == JOURNAL_READY ? steps[at](journal) : connection;
    }
    if (connection != JOURNAL_READY) {
        journal_disconnect(journal);
    }
    return connection;
}

/* ---- connecting ---- */

/* SQLite ends a log silently at the first frame that is damaged, and a file may come back from
 * a backup: what the note knows beyond the end is lost, and its numbers are not given again. */
static bool check_end(struct journal *journal)
{
    uint64_t known = journal->note.seq;
    if (known <= journal->last_seq || known > NUMBER_MAX) {
        return true;
    }
    struct journal_gap gap = {.from = journal->last_seq + 1,
                              .to = known,
                              .count = known - journal->last_seq,
                              .reason = "damaged"};
    if (journal_begin(journal) != JOURNAL_OK ||
        journal_append_gap(journal, &gap) != JOURNAL_OK ||
        journal_commit(journal, journal->cursor) != JOURNAL_OK) {
        journal_disconnect(journal);
        return false;
    }
    uint64_t sent = journal->note_cursor; /* what the broker has is not lost to it */
    gap.from = sent >= gap.from && sent < gap.to ? sent + 1 : gap.from;
    gap.count = sent >= gap.to ? 0 : gap.to - gap.from + 1;
    journal->lost = gap;
    return true;
}

static enum journal_connection connect_once(struct journal *journal)
{
    if (!aside_finish(journal->file)) {
        journal_tell(journal, "setting aside what is damaged: %s", strerrordesc_np(errno));
        return JOURNAL_REFUSED;
    }
    char draft[PATH_MAX];
    aside_draft(journal->file, draft); /* of an attempt that was cut short */
    return journal->is_found_damaged ? JOURNAL_DAMAGED : journal_establish(journal);
}

/* Connects; what cannot be used makes room for a new file, and a full disk is given its ballast
 * back. */
static bool connect_or_replace(struct journal *journal)
{
    journal->set_aside[0] = '\0';
    journal->lost = (struct journal_gap){0};
    journal->note_cursor = journal->note.cursor;
    enum journal_connection connection = connect_once(journal);
    if (connection == JOURNAL_REFUSED && journal_release_ballast(journal)) {
        connection = connect_once(journal);
    }
    bool is_ready =
        connection == JOURNAL_DAMAGED ? journal_replace(journal) : connection == JOURNAL_READY;
    return is_ready && check_end(journal);
}

/* ---- opening ---- */

/* What may be different in a moment: a disk that is full, descriptors used up … */
static bool may_pass(int cause)
{
    static const int passing[] = {ENOSPC, EDQUOT, EROFS, EIO, EMFILE, ENFILE, ENOMEM, EAGAIN};
    for (size_t at = 0; at < sizeof passing / sizeof passing[0]; at++) {
        if (passing[at] == cause) {
            return true;
        }
    }
    return false;
}

/* A lock that cannot be made at present is no reason not to start; one that another holds is.
 */
static bool take_lock(struct journal *journal, struct journal_error *error)
{
    char file[PATH_MAX + 8];
    (void)snprintf(file, sizeof file, "%s.lock", journal->file);
    pid_t holder;
    journal->lock = lock_take(file, (mode_t)journal->settings->mode, &journal->note, &holder);
    if (journal->lock >= 0) {
        journal->last_run = journal->note.run;
        return true;
    }
    if (holder != 0) {
        (void)snprintf(error->text, sizeof error->text,
                       "%s: the process with pid %ld holds this journal; two cannot write one",
                       journal->settings->file, (long)holder);
        errno = EBUSY;
        return false;
    }
    (void)snprintf(error->text, sizeof error->text, "%s.lock: %s", journal->settings->file,
                   strerrordesc_np(errno));
    return false;
}

/* Without a connection: numbers that nobody has used, as far as can be known. */
static void look_at_numbers(struct journal *journal)
{
    struct journal_remains remains;
    journal_read_remains(journal->file, &remains);
    journal->last_seq =
        remains.last_seq > journal->note.seq ? remains.last_seq : journal->note.seq;
    journal->cursor = 0; /* nothing is sent before the journal is open */
    journal->last_run =
        remains.last_run > journal->last_run ? remains.last_run : journal->last_run;
}

/* Whether the connection that failed may come about later. */
static bool is_worth_waiting(const struct journal *journal)
{
    bool is_ours = access(journal->file, W_OK) == 0 || errno == ENOENT || may_pass(errno);
    return is_ours && !journal->is_hopeless;
}

/* What an earlier start set aside, and had no time to save. */
static void tell_unfinished(struct journal *journal)
{
    if (journal->set_aside[0] == '\0' && journal_sendable(journal) != UINT64_MAX) {
        (void)snprintf(journal->set_aside, sizeof journal->set_aside, "%.*s/%s",
                       (int)(strrchr(journal->file, '/') - journal->file), journal->file,
                       journal->salvage.file);
    }
}

static void open_locked(struct journal *journal, struct journal_error *error)
{
    if (connect_or_replace(journal)) {
        tell_unfinished(journal);
        journal_keep_ballast(journal);
    } else if (is_worth_waiting(journal)) {
        look_at_numbers(journal);
    } else {
        (void)snprintf(error->text, sizeof error->text, "%s: %.160s", journal->settings->file,
                       journal->message);
    }
}

struct journal *journal_open(const struct factory *factory, struct journal_error *error)
{
    struct journal *journal = memory_allocate(1, sizeof *journal);
    journal->factory = factory;
    journal->settings = &factory->journal;
    journal->lock = -1;
    journal->machines = memory_allocate(factory->machines_count, sizeof *journal->machines);
    *error = (struct journal_error){.text = ""};
    if (!journal_file_resolve(factory->journal.file, journal->file)) {
        (void)snprintf(error->text, sizeof error->text, "%s: %s", factory->journal.file,
                       strerrordesc_np(errno));
    } else if (take_lock(journal, error)) {
        open_locked(journal, error);
    } else if (may_pass(errno)) {
        journal_tell(journal, "%.200s", error->text);
        error->text[0] = '\0';
        look_at_numbers(journal);
    }
    if (error->text[0] != '\0') {
        journal_close(journal);
        return NULL;
    }
    return journal;
}

bool journal_is_open(const struct journal *journal)
{
    return journal->sql != NULL;
}

bool journal_is_begun(const struct journal *journal)
{
    return journal->pending_run == 0;
}

void journal_close(struct journal *journal)
{
    if (journal == NULL) {
        return;
    }
    journal_disconnect(journal);
    journal_reader_close(journal->damaged);
    lock_release(journal->lock);
    free(journal->machines);
    free(journal);
}

enum journal_status journal_reopen(struct journal *journal)
{
    struct journal_error error;
    journal_disconnect(journal);
    if (journal->lock < 0 && !take_lock(journal, &error)) {
        journal_tell(journal, "%.200s", error.text);
        return JOURNAL_FAILED;
    }
    if (!connect_or_replace(journal)) {
        return JOURNAL_FAILED;
    }
    sql_checkpoint(journal->sql, SQL_EMPTY_LOG); /* nothing before a failed sync is trusted */
    return JOURNAL_OK;
}
