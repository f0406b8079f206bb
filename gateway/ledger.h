/* How far things have come: committed by the recorder, acknowledged by the broker. Any thread.
 *
 * The two threads meet only here: the recorder enters commits and losses, the publisher reads
 * them and enters PUBACKs, which the recorder stores with its next commit. */
#ifndef GATEWAY_LEDGER_H
#define GATEWAY_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/parking.h"
#include "gateway/wake.h"

struct ledger_view {
    uint64_t run;
    uint64_t committed;     /* highest seq in the journal */
    uint64_t acknowledged;  /* highest seq with all before it acknowledged, or gone */
    uint64_t parked;        /* the first of those that wait, refused, before that; 0: none */
    int64_t oldest_us;      /* time of the oldest unacknowledged sample, 0: none */
    uint64_t evicted_count; /* unsent samples lost to retention or a full disk, since start */
    uint64_t journal_bytes; /* file and WAL */
    bool is_journal_ok;     /* false: commits fail at present */
    bool is_journal_held;   /* a reader keeps the log long */
    bool is_salvaging;      /* a damaged file's samples are being saved */
    bool is_obsolete_cleared;
};

struct ledger;

/* `publisher` is told of each commit. */
struct ledger *ledger_create(uint64_t run, uint64_t committed, uint64_t acknowledged,
                             struct wake *publisher);
void ledger_destroy(struct ledger *ledger);

void ledger_read(struct ledger *ledger, struct ledger_view *view);

/* Recorder. `now_us` is monotonic: the publisher asks later how old a commit is. */
void ledger_commit(struct ledger *ledger, uint64_t seq, int64_t now_us);
void ledger_report(struct ledger *ledger, bool is_journal_ok, uint64_t journal_bytes,
                   uint64_t evicted_count, int64_t oldest_us, bool is_salvaging);

void ledger_hold(struct ledger *ledger, bool is_held);

/* Recorder: nothing beyond `seq` may be published before it is allowed; UINT64_MAX: all may. */
void ledger_allow(struct ledger *ledger, uint64_t seq);

/* Recorder: the journal, which could not be opened at the start, tells how far things are. */
void ledger_open(struct ledger *ledger, uint64_t committed, uint64_t acknowledged);

/* Whoever opened the journal: an earlier run left refused samples from `first` on, of whatever
 * topic; 0: none. */
void ledger_park_any(struct ledger *ledger, uint64_t first);

/* Whether this sample, which the cursor has passed, may wait to be offered again. `length` is
 * its payload's. */
bool ledger_is_parked(struct ledger *ledger, uint64_t seq, uint64_t topic, size_t length);

/* What is allowed. To be asked after a row was read: what it says then covers that row. */
uint64_t ledger_allowed(struct ledger *ledger);

/* Publisher. */
void ledger_acknowledge(struct ledger *ledger, uint64_t seq);
void ledger_park(struct ledger *ledger, const struct parking *parking); /* before the cursor
                                                                           passes them */
void ledger_obsolete_cleared(struct ledger *ledger);

/* The highest seq that was committed more than `age_us` before `now_us` (the seq at the start
 * of this run at least): what is still to be sent up to it is late. */
uint64_t ledger_committed_before(struct ledger *ledger, int64_t now_us, int64_t age_us);

#endif
