/* What the parts of the writer share. For journal*.c only; the readers have none of it.
 *
 * journal_open.c establishes a connection with what journal_schema.c and journal_factory.c
 * enter; journal.c writes with it; journal_retention.c deletes. */
#ifndef GATEWAY_JOURNAL_PRIVATE_H
#define GATEWAY_JOURNAL_PRIVATE_H

#include <limits.h>

#include "gateway/journal.h"
#include "gateway/sql.h"

struct journal {
    const struct factory *factory;
    const struct journal_settings *settings;
    char file[PATH_MAX];
    int lock;
    struct sql *sql; /* NULL between a reopening that failed and the next, with what follows */
    struct sql_statements *writes;    /* of journal.c */
    struct sql_statements *evictions; /* of journal_retention.c */
    struct sql_statements *entries;   /* of journal_factory.c */
    int64_t *machines;                /* their numbers in the journal, as in factory.machines */
    uint64_t last_seq;
    uint64_t cursor;
    uint64_t pending_seq; /* last_seq, should the open transaction be committed */
    uint64_t last_run;    /* at least: what a file set aside still told */
    uint64_t page_bytes;
    uint64_t wal_limit_bytes;          /* the log's usual size */
    uint64_t quota_bytes;              /* what the file itself may take of max_size */
    _Atomic int64_t patience_until_us; /* 0: two seconds a call */
    char set_aside[PATH_MAX];
    struct journal_gap lost; /* with the file set aside */
    char message[256];
};

/* What became of an attempt to connect. */
enum journal_connection {
    JOURNAL_READY,
    JOURNAL_DAMAGED, /* or no journal at all: to be set aside */
    JOURNAL_REFUSED, /* the message tells why */
};

/* Sets the message. */
void journal_tell(struct journal *journal, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* After a call of sql.h that failed: sets the message, and tells what that means. */
enum journal_status journal_fail(struct journal *journal, const char *doing);
enum journal_connection journal_refuse(struct journal *journal, const char *doing);

/* Runs a bound statement of one of the journal's tables to its end. */
enum journal_status journal_run(struct journal *journal, struct sql_statements *statements,
                                size_t which, const char *doing);

/* Ends the open transaction: commits it with the cursor where it was when `status` is
 * JOURNAL_OK, else rolls it back. */
enum journal_status journal_end(struct journal *journal, enum journal_status status);

/* The steps of a connection that are not journal_open.c's own. */
enum journal_connection journal_schema_migrate(struct journal *journal);
enum journal_connection journal_prepare(struct journal *journal);
enum journal_connection journal_retention_prepare(struct journal *journal);
enum journal_connection journal_factory_enter(struct journal *journal);

#endif
