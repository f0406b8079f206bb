/* SQL: the few things that the journal asks of SQLite. sql.c alone knows it.
 *
 * A connection, with all its statements, belongs to one thread at a time. Statements are
 * prepared from a table of texts, are named by their index in it, and live as long as their
 * connection. Without a connection there are none: NULL takes what is bound to it, and fails
 * when it is stepped. */
#ifndef GATEWAY_SQL_H
#define GATEWAY_SQL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sql;            /* a connection */
struct sql_statements; /* what was prepared from one table */

enum sql_status {
    SQL_DONE,    /* as it was asked; of a step: no row is left */
    SQL_ROW,     /* of a step: the columns can be read */
    SQL_FULL,    /* the disk is, or the file has reached `max_page_count` */
    SQL_DAMAGED, /* the file is no database, or not in order */
    SQL_DENIED,  /* the file cannot be opened, or not be written */
    SQL_BUSY,    /* another's lock: the same may be tried again */
    SQL_UNFIT,   /* the text does not fit the tables that are there */
    SQL_FAILED,  /* anything else: I/O error, the deadline … */
};

enum sql_access {
    SQL_WRITE,          /* the file exists; its -wal and -shm stay when all have closed it */
    SQL_READ,           /* may create -shm beside it */
    SQL_READ_IMMUTABLE, /* creates and locks nothing: nobody writes, and there is no -wal */
};

/* Opens `file`, an absolute path. Never NULL: sql_status() tells whether it succeeded. Waits
 * two seconds for the locks of others, in all that follows. */
struct sql *sql_open(const char *file, enum sql_access access);

/* Releases the statements too, and rolls back what was not committed. NULL is harmless. */
void sql_close(struct sql *sql);

/* From the monotonic time `*until_us` on, others' locks are not waited for; 0: no such time.
 * Any thread may change it while a call waits. It outlives the connection. */
void sql_set_patience(struct sql *sql, const _Atomic int64_t *until_us);

enum sql_status sql_status(const struct sql *sql); /* of the last call */
const char *sql_message(const struct sql *sql);    /* why that failed; "" when it did not */

/* Runs one text or several to their end; rows are discarded. */
enum sql_status sql_execute(struct sql *sql, const char *text);

/* The number in the first column of the first row; `otherwise` when there is none. */
int64_t sql_ask(struct sql *sql, const char *text, int64_t otherwise);

/* Whether the first column of every row says `expected`. It ends with the first that does not,
 * and also when it fails: then nothing that was read spoke against it. */
bool sql_agrees(struct sql *sql, const char *text, const char *expected);

/* What runs when clock_monotonic_us() has passed `until_us` fails; 0: no deadline. */
void sql_set_deadline(struct sql *sql, int64_t until_us);

enum sql_log {
    SQL_EMPTY_LOG, /* cut to nothing */
    SQL_KEEP_LOG,  /* written from its start again; the file keeps its size */
};

/* Moves the write-ahead log into the file. Without waiting: while somebody reads, the log
 * stays. No transaction may be open. */
void sql_checkpoint(struct sql *sql, enum sql_log log);

/* Undoes the open transaction. Harmless when there is none, and after SQLite itself rolled
 * back. Changes neither status nor message. */
void sql_roll_back(struct sql *sql);

/* NULL when one of the texts cannot be prepared. */
struct sql_statements *sql_prepare(struct sql *sql, const char *const *texts, size_t count);

/* `index` counts from 1, like ?1. A text is not copied: it stays until the next reset. NULL is
 * SQL's null. */
void sql_bind_number(struct sql_statements *statements, size_t which, int index,
                     int64_t number);
void sql_bind_text(struct sql_statements *statements, size_t which, int index, const char *text,
                   size_t length);

/* The next row. With any other status the statement is reset already. */
enum sql_status sql_step(struct sql_statements *statements, size_t which);

/* Steps to the end: SQL_DONE, or why not. */
enum sql_status sql_run(struct sql_statements *statements, size_t which);

/* Ends what was stepped, and with the last of them the read transaction. Bindings stay. */
void sql_reset(struct sql_statements *statements, size_t which);

/* Columns count from 0. A text is valid until the next step or reset, is terminated, and "" for
 * null; `length` may be NULL. */
int64_t sql_number(struct sql_statements *statements, size_t which, int column);
const char *sql_text(struct sql_statements *statements, size_t which, int column,
                     size_t *length);

#endif
