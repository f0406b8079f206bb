/* What the parts of the writer share. For journal*.c only; the readers have none of it.
 *
 * journal_open.c establishes a connection with what journal_schema.c and journal_factory.c
 * enter, and journal_replace.c a new file where that is not possible; journal.c writes with it;
 * journal_retention.c deletes, journal_room.c helps where the disk is full, and
 * journal_salvage.c brings back what a damaged file still holds. */
#ifndef GATEWAY_JOURNAL_PRIVATE_H
#define GATEWAY_JOURNAL_PRIVATE_H

#define NUMBER_MAX                                                                             \
    (UINT64_C(1) << 53) /* of a seq; beyond, JSON's readers differ: a fallen bit */

#include <limits.h>

#include "gateway/aside.h"
#include "gateway/journal.h"
#include "gateway/journal_reader.h"
#include "gateway/lock.h"
#include "gateway/sql.h"

/* One range of one file that was set aside: a row of the table `salvage`. */
struct salvage {
    int64_t id; /* 0: nothing is to be done */
    char file[ASIDE_NAME_SIZE];
    bool is_history;
    uint64_t first;
    uint64_t last;
    uint64_t next; /* going up: all before are done; history, going down: all from here on */
};

struct journal {
    const struct factory *factory;
    const struct journal_settings *settings;
    char file[PATH_MAX];
    bool is_draft; /* what `file` names at present */
    int lock;
    struct lock_note note;  /* as it was last left */
    uint64_t parked;        /* stored: samples from there on wait, refused; 0: none */
    uint64_t parked_wanted; /* with the next commit */
    uint64_t note_cursor;   /* of the note, before this connection */
    bool is_hopeless;       /* a later version wrote it, or no WAL is possible there */
    struct sql *sql; /* NULL between a reopening that failed and the next, with what follows */
    struct sql_statements *writes;    /* of journal.c */
    struct sql_statements *evictions; /* of journal_retention.c */
    struct sql_statements *entries;   /* of journal_factory.c */
    struct sql_statements *salvages;  /* of journal_salvage.c */
    int64_t *machines;                /* their numbers in the journal, as in factory.machines */
    uint64_t last_seq;
    uint64_t cursor;
    uint64_t pending_seq; /* last_seq, should the open transaction be committed */
    uint64_t last_run;    /* at least: what note, or a file set aside, still told */
    uint64_t pending_run; /* given; entered with the next transaction; 0: none */
    uint64_t page_bytes;
    uint64_t max_bytes;                /* max_size, or what the disk can hold of it */
    uint64_t wal_limit_bytes;          /* the log's usual size */
    uint64_t wal_bytes;                /* when it was last measured */
    uint64_t room_bytes;               /* likewise: what file and log may still grow by */
    uint64_t unmeasured_bytes;         /* what they can have grown by since then */
    uint64_t quota_bytes;              /* what the file itself may take of max_size */
    _Atomic int64_t patience_until_us; /* 0: two seconds a call */
    bool is_clock_doubted;             /* nobody knows how old a row is */
    bool is_found_damaged;             /* in use: the next opening sets it aside */
    bool is_frozen;                    /* it must not grow: the disk was full */
    bool must_shrink;                  /* the disk is full: the oldest rows go in any case */
    char set_aside[PATH_MAX];
    struct journal_gap lost; /* behind the end of the file */
    struct salvage salvage;  /* at present */
    unsigned salvage_failures;
    uint64_t salvage_saved; /* of the file at hand, since it was opened */
    uint64_t salvage_lost;
    struct journal_reader *damaged; /* the file that is salvaged; NULL: not open */
    char message[256];
};

/* What became of an attempt to connect. */
enum journal_connection {
    JOURNAL_READY,
    JOURNAL_DAMAGED, /* or no journal at all: to be set aside */
    JOURNAL_REFUSED, /* the message tells why */
};

/* What must not be forgotten with a damaged file: numbers given, runs used, samples unsent. */
struct journal_remains {
    uint64_t last_seq;
    uint64_t last_run;
    uint64_t cursor;
    uint64_t parked; /* unsent from there on, though the cursor has passed; 0: none */
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

/* Within a transaction: a row of a machine of that number; a gap, whatever seqs it spans. */
enum journal_status journal_put_row(struct journal *journal, const struct journal_row *row,
                                    int64_t machine);
enum journal_status journal_put_gap(struct journal *journal, const struct journal_gap *gap);

/* The steps of a connection that are not journal_open.c's own. */
enum journal_connection journal_schema_migrate(struct journal *journal);
enum journal_connection journal_prepare(struct journal *journal);
enum journal_connection journal_retention_prepare(struct journal *journal);
enum journal_connection journal_factory_enter(struct journal *journal);
enum journal_connection journal_salvage_prepare(struct journal *journal);

/* Rows from before that time are older than max_age; 0: nobody knows how old a row is. */
int64_t journal_expiry_us(const struct journal *journal, int64_t now_us);

/* Within a transaction: the number of the machine of that name, entered when it has none. 0
 * when that failed. */
int64_t journal_factory_machine(struct journal *journal, const char *name, const char *area);

/* journal_open.c: all steps, on `journal->file`; not READY: no connection is left. */
enum journal_connection journal_establish(struct journal *journal);
void journal_disconnect(struct journal *journal);

/* A seq of the table `state`, 0 when it cannot be trusted. */
uint64_t journal_ask_state(struct sql *sql, const char *name, uint64_t last_seq);

/* What can be read of the file without a connection that writes; zeros for what cannot. */
void journal_read_remains(const char *file, struct journal_remains *remains);

/* Within a transaction: what is to be saved later. */
enum journal_status journal_salvage_enter(struct journal *journal, const struct salvage *range);

/* Puts a new, connected journal in place of one that cannot be used. False: to be tried again;
 * the message tells why. */
bool journal_replace(struct journal *journal);

/* journal_room.c. Before a transaction: JOURNAL_FULL when a reader keeps the log so long that
 * it may not fit into max_size. */
enum journal_status journal_look_for_room(struct journal *journal);
void journal_take_room(struct journal *journal, size_t row_bytes);

/* Whether a reader keeps the log so long that the next transaction may not fit into max_size.
 */
bool journal_is_held(struct journal *journal);

/* Whether another step's worth of rows would bring retention about. */
bool journal_is_crowded(struct journal *journal);

/* max_size, or three quarters of a smaller disk: the ballast takes the most of the rest. */
uint64_t journal_fitting_size(const struct journal *journal);

/* The most pages that the file may have. */
void journal_set_quota(struct journal *journal, uint64_t pages);

/* Gives the ballast back. Returns whether there was any. */
bool journal_release_ballast(struct journal *journal);

#endif
