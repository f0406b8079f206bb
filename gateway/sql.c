#include "gateway/sql.h"

#include <assert.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sqlite3.h>

#include "config/memory.h"
#include "gateway/clock.h"

enum {
    PATIENCE_US = 2000000,
    LOOK_AGAIN_NS = 5000000, /* nobody tells when a lock is released */
    DEADLINE_INSTRUCTIONS =
        1000, /* of SQLite's machine, some 10 us, between looks at the clock */
};

struct sql {
    sqlite3 *database;
    struct sql_statements *statements; /* all, newest first */
    int64_t until_us;
    int64_t waiting_since_us;
    const _Atomic int64_t *patience_until_us; /* NULL: none */
    enum sql_status status;
    char message[256];
};

struct sql_statements {
    struct sql *sql;
    struct sql_statements *next;
    size_t count;
    sqlite3_stmt *prepared[];
};

/* ---- how it went ---- */

static enum sql_status status_of(int code)
{
    static const struct {
        int code;
        enum sql_status status;
    } statuses[] = {
        {SQLITE_OK, SQL_DONE},         {SQLITE_DONE, SQL_DONE},
        {SQLITE_ROW, SQL_ROW},         {SQLITE_FULL, SQL_FULL},
        {SQLITE_CORRUPT, SQL_DAMAGED}, {SQLITE_NOTADB, SQL_DAMAGED},
        {SQLITE_CANTOPEN, SQL_DENIED}, {SQLITE_READONLY, SQL_DENIED},
        {SQLITE_BUSY, SQL_BUSY},       {SQLITE_ERROR, SQL_UNFIT},
    };
    for (size_t at = 0; at < sizeof statuses / sizeof statuses[0]; at++) {
        if (statuses[at].code == (code & 0xff)) { /* above it: the extended code */
            return statuses[at].status;
        }
    }
    return SQL_FAILED;
}

/* Keeps what SQLite says: its own words last only until its next call. */
static enum sql_status note(struct sql *sql, int code)
{
    sql->status = status_of(code);
    sql->message[0] = '\0';
    if (sql->status == SQL_DONE || sql->status == SQL_ROW) {
        return sql->status;
    }
    bool is_system = (code & 0xff) == SQLITE_IOERR || (code & 0xff) == SQLITE_CANTOPEN;
    int cause = is_system ? sqlite3_system_errno(sql->database) : 0;
    (void)snprintf(sql->message, sizeof sql->message, "%s%s%s", sqlite3_errmsg(sql->database),
                   cause != 0 ? ": " : "", cause != 0 ? strerrordesc_np(cause) : "");
    return sql->status;
}

enum sql_status sql_status(const struct sql *sql)
{
    return sql->status;
}

const char *sql_message(const struct sql *sql)
{
    return sql->message;
}

/* ---- connections ---- */

/* Only an URI can say that a file is immutable. */
static int open_immutable(const char *file, sqlite3 **database)
{
    static const char digits[] = "0123456789ABCDEF";
    char uri[3 * PATH_MAX + 32] = "file:";
    size_t length = strlen(uri);
    assert(strlen(file) < PATH_MAX);
    for (const char *at = file; *at != '\0'; at++) {
        unsigned char byte = (unsigned char)*at;
        uri[length++] = '%';
        uri[length++] = digits[byte >> 4];
        uri[length++] = digits[byte & 15];
    }
    (void)snprintf(uri + length, sizeof uri - length, "?immutable=1");
    return sqlite3_open_v2(uri, database,
                           SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_URI, NULL);
}

/* Whether to try again for a lock that another holds. */
static int is_patient(void *argument, int tries)
{
    static const struct timespec pause = {.tv_nsec = LOOK_AGAIN_NS};
    struct sql *sql = argument;
    int64_t now_us = clock_monotonic_us();
    sql->waiting_since_us = tries == 0 ? now_us : sql->waiting_since_us;
    int64_t until_us = sql->patience_until_us != NULL ? atomic_load(sql->patience_until_us) : 0;
    if (now_us - sql->waiting_since_us >= PATIENCE_US ||
        (until_us != 0 && now_us >= until_us)) {
        return 0;
    }
    (void)nanosleep(&pause, NULL); /* another process's lock tells nobody that it is free */
    return 1;
}

void sql_set_patience(struct sql *sql, const _Atomic int64_t *until_us)
{
    sql->patience_until_us = until_us;
}

struct sql *sql_open(const char *file, enum sql_access access)
{
    struct sql *sql = memory_allocate(1, sizeof *sql);
    int flags = access == SQL_WRITE ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW
                                    : SQLITE_OPEN_READONLY;
    int code = access == SQL_READ_IMMUTABLE
                   ? open_immutable(file, &sql->database)
                   : sqlite3_open_v2(file, &sql->database, flags | SQLITE_OPEN_NOMUTEX, NULL);
    if (note(sql, code) == SQL_DONE) {
        (void)sqlite3_extended_result_codes(sql->database, 1);
        (void)sqlite3_busy_handler(sql->database, is_patient, sql);
        /* Others can read without permission to write in the folder while both stay. */
        int is_kept = access == SQL_WRITE;
        (void)sqlite3_file_control(sql->database, NULL, SQLITE_FCNTL_PERSIST_WAL, &is_kept);
    }
    return sql;
}

void sql_close(struct sql *sql)
{
    if (sql == NULL) {
        return;
    }
    while (sql->statements != NULL) {
        struct sql_statements *statements = sql->statements;
        sql->statements = statements->next;
        for (size_t at = 0; at < statements->count; at++) {
            (void)sqlite3_finalize(statements->prepared[at]); /* repeats an error noted */
        }
        free(statements);
    }
    int code = sqlite3_close(sql->database);
    assert(code == SQLITE_OK); /* else a statement was forgotten */
    (void)code;
    free(sql);
}

static int is_late(void *argument)
{
    const struct sql *sql = argument;
    return clock_monotonic_us() > sql->until_us;
}

void sql_set_deadline(struct sql *sql, int64_t until_us)
{
    sql->until_us = until_us;
    sqlite3_progress_handler(sql->database, until_us == 0 ? 0 : DEADLINE_INSTRUCTIONS, is_late,
                             sql);
}

void sql_checkpoint(struct sql *sql, enum sql_log log)
{
    int mode = log == SQL_EMPTY_LOG ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_RESTART;
    (void)sqlite3_busy_handler(sql->database, NULL, NULL);
    /* What it could not move now, the next one will. */
    (void)sqlite3_wal_checkpoint_v2(sql->database, NULL, mode, NULL, NULL);
    (void)sqlite3_busy_handler(sql->database, is_patient, sql);
}

void sql_roll_back(struct sql *sql)
{
    if (sqlite3_get_autocommit(sql->database) == 0) {
        (void)sqlite3_exec(sql->database, "rollback", NULL, NULL, NULL);
    }
}

/* ---- asked once ---- */

enum sql_status sql_execute(struct sql *sql, const char *text)
{
    return note(sql, sqlite3_exec(sql->database, text, NULL, NULL, NULL));
}

/* Takes the first step of a text; `statement` is to be finalized in any case. */
static int begin(struct sql *sql, const char *text, sqlite3_stmt **statement)
{
    int code = sqlite3_prepare_v2(sql->database, text, -1, statement, NULL);
    return code == SQLITE_OK ? sqlite3_step(*statement) : code;
}

int64_t sql_ask(struct sql *sql, const char *text, int64_t otherwise)
{
    sqlite3_stmt *statement = NULL;
    int64_t number = otherwise;
    int code = begin(sql, text, &statement);
    if (code == SQLITE_ROW) {
        bool is_number = sqlite3_column_type(statement, 0) == SQLITE_INTEGER;
        number = is_number ? sqlite3_column_int64(statement, 0) : otherwise;
        code = SQLITE_DONE;
    }
    (void)note(sql, code);
    (void)sqlite3_finalize(statement); /* repeats the error noted */
    return number;
}

bool sql_agrees(struct sql *sql, const char *text, const char *expected)
{
    sqlite3_stmt *statement = NULL;
    bool is_agreed = true;
    int code = begin(sql, text, &statement);
    while (code == SQLITE_ROW && is_agreed) {
        const unsigned char *said = sqlite3_column_text(statement, 0);
        is_agreed = said != NULL && strcmp((const char *)said, expected) == 0;
        code = is_agreed ? sqlite3_step(statement) : SQLITE_DONE;
    }
    (void)note(sql, code);
    (void)sqlite3_finalize(statement); /* repeats the error noted */
    return is_agreed;
}

/* ---- prepared statements ---- */

struct sql_statements *sql_prepare(struct sql *sql, const char *const *texts, size_t count)
{
    struct sql_statements *statements =
        memory_allocate(1, sizeof *statements + count * sizeof(sqlite3_stmt *));
    statements->sql = sql;
    statements->count = count;
    statements->next = sql->statements;
    sql->statements = statements;
    for (size_t at = 0; at < count; at++) {
        int code = sqlite3_prepare_v3(sql->database, texts[at], -1, SQLITE_PREPARE_PERSISTENT,
                                      &statements->prepared[at], NULL);
        if (note(sql, code) != SQL_DONE) {
            return NULL;
        }
    }
    return statements;
}

/* SQLite takes NULL for a statement as sql.h says. */
static sqlite3_stmt *find(const struct sql_statements *statements, size_t which)
{
    if (statements == NULL) {
        return NULL;
    }
    assert(which < statements->count);
    return statements->prepared[which];
}

void sql_bind_number(struct sql_statements *statements, size_t which, int index, int64_t number)
{
    (void)sqlite3_bind_int64(find(statements, which), index, number);
}

void sql_bind_text(struct sql_statements *statements, size_t which, int index, const char *text,
                   size_t length)
{
    assert(length <= INT_MAX);
    (void)sqlite3_bind_text(find(statements, which), index, text, (int)length, SQLITE_STATIC);
}

enum sql_status sql_step(struct sql_statements *statements, size_t which)
{
    if (statements == NULL) {
        return SQL_FAILED;
    }
    sqlite3_stmt *statement = find(statements, which);
    enum sql_status status = note(statements->sql, sqlite3_step(statement));
    if (status != SQL_ROW) {
        (void)sqlite3_reset(statement); /* repeats the error noted */
    }
    return status;
}

enum sql_status sql_run(struct sql_statements *statements, size_t which)
{
    enum sql_status status;
    do {
        status = sql_step(statements, which);
    } while (status == SQL_ROW);
    return status;
}

void sql_reset(struct sql_statements *statements, size_t which)
{
    (void)sqlite3_reset(find(statements, which)); /* repeats an error noted */
}

int64_t sql_number(struct sql_statements *statements, size_t which, int column)
{
    return sqlite3_column_int64(find(statements, which), column);
}

const char *sql_text(struct sql_statements *statements, size_t which, int column,
                     size_t *length)
{
    sqlite3_stmt *statement = find(statements, which);
    const unsigned char *text = sqlite3_column_text(statement, column);
    if (length != NULL) {
        *length = text == NULL ? 0 : (size_t)sqlite3_column_bytes(statement, column);
    }
    return text == NULL ? "" : (const char *)text;
}
