#include "gateway/journal_reader.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "config/memory.h"
#include "gateway/journal_crc.h"
#include "gateway/journal_file.h"
#include "gateway/sql.h"

enum statement {
    ROWS,
    MACHINE,
    MACHINE_ID,
    GAPS,
    GAP_AROUND,
    LAST_SEQ,
    STATEMENTS_COUNT,
};

static const char settings[] = "pragma trusted_schema = off; pragma cell_size_check = on;"
                               "pragma wal_autocheckpoint = 0; pragma query_only = on";

static const char *const texts[STATEMENTS_COUNT] = {
    [ROWS] = ("select seq, run, time_us, machine, payload, uncertain, crc from samples"
              " where seq >= ?1 and seq < ?2 order by seq"),
    [MACHINE] = "select name, area, crc from machines where id = ?1",
    [MACHINE_ID] = "select id from machines where name = ?1",
    [GAPS] =
        "select first, last, count, reason from gaps order by first, id limit -1 offset ?1",
    [GAP_AROUND] = ("select last, reason from gaps where first <= ?1 and last >= ?1"
                    " order by last desc limit 1"),
    [LAST_SEQ] = ("select max(coalesce((select max(seq) from samples), 0),"
                  " coalesce((select seq from sqlite_sequence where name = 'samples'), 0),"
                  " coalesce((select max(last) from gaps), 0))"),
};

/* A machine as the journal knows it, read once. */
struct source {
    char *topic; /* "area/name"; NULL: not read yet */
    char *name;  /* within `topic` */
};

enum { SOURCES_MAX = 65536 }; /* a machine's number beyond is not ours */

struct journal_reader {
    char file[PATH_MAX];
    struct stat identity; /* of the file that is open */
    struct sql *sql;      /* NULL after a seek that failed; so are the statements */
    struct sql_statements *statements;
    struct source *sources; /* by the machine's number */
    size_t sources_room;
    int64_t machine; /* 0: all */
    int64_t from_us;
    int64_t to_us;
    int64_t to_seq;
    uint64_t passed_seq; /* all rows up to it are behind */
    size_t gap_next;     /* the index that GAPS yields next, 0: it is at rest */
    bool is_damage;
    char message[256];
};

/* ---- connecting ---- */

static void disconnect(struct journal_reader *reader)
{
    sql_close(reader->sql);
    reader->sql = NULL;
    reader->statements = NULL;
    for (size_t at = 0; at < reader->sources_room; at++) {
        free(reader->sources[at].topic);
        reader->sources[at] = (struct source){0};
    }
    reader->gap_next = 0;
}

static void note_failure(struct journal_reader *reader)
{
    enum sql_status status = sql_status(reader->sql);
    reader->is_damage =
        status == SQL_DAMAGED || status == SQL_UNFIT; /* or a table is missing */
    (void)snprintf(reader->message, sizeof reader->message, "%s", sql_message(reader->sql));
}

/* SQLite checks no page against the others: a fallen bit may lead from one back to another, and
 * the rows would never end. That is why they are selected here and not by a `where`: SQLite
 * would go round inside one step. */
static void note_circle(struct journal_reader *reader)
{
    sql_reset(reader->statements, ROWS);
    reader->is_damage = true;
    (void)snprintf(reader->message, sizeof reader->message, "its rows run in a circle");
}

/* On failure the message tells why, and no connection is left. */
static enum sql_status try_access(struct journal_reader *reader, enum sql_access access)
{
    struct sql *sql = sql_open(reader->file, access);
    reader->sql = sql;
    if (sql_status(sql) == SQL_DONE && sql_execute(sql, settings) == SQL_DONE) {
        reader->statements = sql_prepare(sql, texts, STATEMENTS_COUNT);
    }
    enum sql_status status = sql_status(sql);
    note_failure(reader);
    if (status != SQL_DONE) {
        disconnect(reader);
    }
    return status;
}

/* A copy on a medium that cannot be written. Whoever writes a journal has both beside it. */
static bool is_lone(const char *file)
{
    char path[PATH_MAX + 8];
    struct stat status;
    (void)snprintf(path, sizeof path, "%s-shm", file);
    return journal_file_size(file, "-wal") == 0 && lstat(path, &status) != 0;
}

static bool reader_connect(struct journal_reader *reader)
{
    reader->is_damage = false;
    if (stat(reader->file, &reader->identity) != 0) {
        (void)snprintf(reader->message, sizeof reader->message, "%s", strerrordesc_np(errno));
        return false;
    }
    enum sql_status status = try_access(reader, SQL_READ);
    if (status == SQL_DENIED && is_lone(reader->file)) {
        status = try_access(reader, SQL_READ_IMMUTABLE);
    }
    return status == SQL_DONE;
}

struct journal_reader *journal_reader_open(const char *file, struct journal_error *error)
{
    struct journal_reader *reader = memory_allocate(1, sizeof *reader);
    (void)journal_reader_select(reader, NULL);
    bool is_found = journal_file_resolve(file, reader->file);
    if (!is_found) {
        (void)snprintf(reader->message, sizeof reader->message, "%s", strerrordesc_np(errno));
    }
    if (!is_found || !reader_connect(reader)) {
        (void)snprintf(error->text, sizeof error->text, "%s: %.160s", file, reader->message);
        error->is_damage = reader->is_damage;
        journal_reader_close(reader);
        return NULL;
    }
    return reader;
}

void journal_reader_close(struct journal_reader *reader)
{
    if (reader == NULL) {
        return;
    }
    disconnect(reader);
    free(reader->sources);
    free(reader);
}

const char *journal_reader_message(const struct journal_reader *reader)
{
    return reader->message;
}

bool journal_reader_is_damage(const struct journal_reader *reader)
{
    return reader->is_damage;
}

/* ---- where to read ---- */

bool journal_reader_select(struct journal_reader *reader,
                           const struct journal_selection *selection)
{
    static const struct journal_selection everything = {0};
    selection = selection == NULL ? &everything : selection;
    const char *machine = selection->machine;
    reader->machine = 0;
    reader->from_us = selection->from_us == 0 ? INT64_MIN : selection->from_us;
    reader->to_us = selection->to_us == 0 ? INT64_MAX : selection->to_us;
    reader->to_seq = selection->to_seq == 0 ? INT64_MAX : (int64_t)selection->to_seq;
    if (machine == NULL) {
        return true;
    }
    sql_bind_text(reader->statements, MACHINE_ID, 1, machine, strlen(machine));
    bool is_known = sql_step(reader->statements, MACHINE_ID) == SQL_ROW;
    reader->machine = is_known ? sql_number(reader->statements, MACHINE_ID, 0) : -1;
    sql_reset(reader->statements, MACHINE_ID);
    return is_known;
}

/* Whether the file that is open is still the one of that name. */
static bool is_current(const struct journal_reader *reader)
{
    struct stat now;
    return reader->sql != NULL && stat(reader->file, &now) == 0 &&
           now.st_ino == reader->identity.st_ino && now.st_dev == reader->identity.st_dev;
}

bool journal_reader_seek(struct journal_reader *reader, uint64_t after_seq)
{
    reader->message[0] = '\0';
    if (!is_current(reader)) {
        disconnect(reader);
        if (!reader_connect(reader)) {
            return false;
        }
    }
    reader->passed_seq = after_seq;
    sql_reset(reader->statements, ROWS);
    sql_bind_number(reader->statements, ROWS, 1, (int64_t)(after_seq + 1));
    sql_bind_number(reader->statements, ROWS, 2, reader->to_seq);
    return true;
}

void journal_reader_reset(struct journal_reader *reader)
{
    for (size_t at = 0; at < STATEMENTS_COUNT; at++) {
        sql_reset(reader->statements, at);
    }
    reader->gap_next = 0;
}

/* ---- rows ---- */

/* Leaves `source` as it is when the journal does not know the machine, or its entry is damaged.
 */
static void read_source(struct journal_reader *reader, int64_t machine, struct source *source)
{
    struct sql_statements *statements = reader->statements;
    sql_bind_number(statements, MACHINE, 1, machine);
    if (sql_step(statements, MACHINE) == SQL_ROW) {
        size_t name_length;
        size_t area_length;
        const char *name = sql_text(statements, MACHINE, 0, &name_length);
        const char *area = sql_text(statements, MACHINE, 1, &area_length);
        if (sql_number(statements, MACHINE, 2) == journal_crc_machine(machine, name, area)) {
            size_t size = area_length + name_length + 2;
            source->topic = memory_allocate(1, size);
            (void)snprintf(source->topic, size, "%s/%s", area, name);
            source->name = source->topic + area_length + 1;
        }
    }
    sql_reset(statements, MACHINE);
}

static const struct source *find_source(struct journal_reader *reader, int64_t machine)
{
    if (machine <= 0 || machine >= SOURCES_MAX) {
        return NULL;
    }
    size_t known = reader->sources_room;
    reader->sources = memory_grow(reader->sources, &reader->sources_room, (size_t)machine + 1,
                                  sizeof *reader->sources);
    for (size_t at = known; at < reader->sources_room; at++) {
        reader->sources[at] = (struct source){0};
    }
    struct source *source = &reader->sources[machine];
    if (source->topic == NULL) {
        read_source(reader, machine, source);
    }
    return source->topic == NULL ? NULL : source;
}

static bool is_selected(const struct journal_reader *reader)
{
    struct sql_statements *rows = reader->statements;
    int64_t time_us = sql_number(rows, ROWS, 2);
    return time_us >= reader->from_us && time_us < reader->to_us &&
           (reader->machine == 0 || reader->machine == sql_number(rows, ROWS, 3));
}

/* The next row that was selected is that of the statement. */
static enum journal_next step(struct journal_reader *reader)
{
    enum sql_status status;
    while ((status = sql_step(reader->statements, ROWS)) == SQL_ROW) {
        uint64_t seq = (uint64_t)sql_number(reader->statements, ROWS, 0);
        if (seq <= reader->passed_seq) {
            note_circle(reader);
            return JOURNAL_NEXT_FAILED;
        }
        reader->passed_seq = seq;
        if (is_selected(reader)) {
            return JOURNAL_NEXT_ROW;
        }
    }
    if (reader->sql != NULL) { /* else the message is that of seek */
        note_failure(reader);
    }
    return status == SQL_DONE ? JOURNAL_NEXT_END : JOURNAL_NEXT_FAILED;
}

enum journal_next journal_reader_next(struct journal_reader *reader, struct journal_row *row)
{
    struct sql_statements *statements = reader->statements;
    enum journal_next next = step(reader);
    if (next != JOURNAL_NEXT_ROW) {
        return next;
    }
    *row = (struct journal_row){
        .seq = reader->passed_seq,
        .run = (uint64_t)sql_number(statements, ROWS, 1),
        .time_us = sql_number(statements, ROWS, 2),
        .topic = "",
        .name = "",
    };
    int64_t machine = sql_number(statements, ROWS, 3);
    row->payload = sql_text(statements, ROWS, 4, &row->payload_length);
    row->uncertain = sql_text(statements, ROWS, 5, &row->uncertain_length);
    row->is_damaged = sql_number(statements, ROWS, 6) != journal_crc_row(row, machine);
    const struct source *source = row->is_damaged ? NULL : find_source(reader, machine);
    row->is_damaged = source == NULL;
    if (source != NULL) {
        row->topic = source->topic;
        row->name = source->name;
    }
    return JOURNAL_NEXT_ROW;
}

static bool is_readable(struct journal_reader *reader, uint64_t seq)
{
    struct journal_row row;
    bool is_row = journal_reader_seek(reader, seq - 1) &&
                  journal_reader_next(reader, &row) == JOURNAL_NEXT_ROW;
    journal_reader_reset(reader);
    return is_row;
}

/* Steps that grow by an eighth of the way lead out of the damage; halving the last finds its
 * end. What lies whole between two damaged pages close to each other may be passed over. */
bool journal_reader_find_readable(struct journal_reader *reader, uint64_t after_seq,
                                  uint64_t last_seq, uint64_t *readable_seq)
{
    uint64_t low = after_seq;
    uint64_t high = after_seq + 1;
    while (high < last_seq && !is_readable(reader, high)) {
        uint64_t next = high + 1 + (high - after_seq) / 8;
        low = high;
        high = next < last_seq ? next : last_seq;
    }
    if (high > last_seq || !is_readable(reader, high)) {
        return false;
    }
    while (high - low > 1) {
        uint64_t middle = low + (high - low) / 2;
        if (is_readable(reader, middle)) {
            high = middle;
        } else {
            low = middle;
        }
    }
    *readable_seq = high;
    return true;
}

/* ---- gaps and numbers ---- */

bool journal_reader_gap(struct journal_reader *reader, size_t index, struct journal_gap *gap)
{
    struct sql_statements *statements = reader->statements;
    if (index == 0 || index != reader->gap_next) {
        sql_reset(statements, GAPS);
        sql_bind_number(statements, GAPS, 1, (int64_t)index);
    }
    if (sql_step(statements, GAPS) != SQL_ROW) {
        reader->gap_next = 0;
        return false;
    }
    gap->from = (uint64_t)sql_number(statements, GAPS, 0);
    gap->to = (uint64_t)sql_number(statements, GAPS, 1);
    gap->count = (uint64_t)sql_number(statements, GAPS, 2);
    (void)snprintf(gap->reason, sizeof gap->reason, "%s", sql_text(statements, GAPS, 3, NULL));
    reader->gap_next = index + 1;
    return true;
}

bool journal_reader_explains(struct journal_reader *reader, uint64_t from, uint64_t to,
                             struct journal_gap *gap)
{
    struct sql_statements *statements = reader->statements;
    *gap = (struct journal_gap){.from = from, .to = to, .count = to - from + 1};
    bool is_named = true;
    for (uint64_t seq = from; is_named && seq <= to; seq++) {
        sql_bind_number(statements, GAP_AROUND, 1, (int64_t)seq);
        is_named = sql_step(statements, GAP_AROUND) == SQL_ROW;
        if (is_named && seq == from) {
            (void)snprintf(gap->reason, sizeof gap->reason, "%s",
                           sql_text(statements, GAP_AROUND, 1, NULL));
        }
        seq = is_named ? (uint64_t)sql_number(statements, GAP_AROUND, 0) : seq;
        sql_reset(statements, GAP_AROUND);
    }
    return is_named;
}

uint64_t journal_reader_last_seq(struct journal_reader *reader)
{
    bool is_row = sql_step(reader->statements, LAST_SEQ) == SQL_ROW;
    int64_t seq = is_row ? sql_number(reader->statements, LAST_SEQ, 0) : 0;
    sql_reset(reader->statements, LAST_SEQ);
    return (uint64_t)seq;
}
