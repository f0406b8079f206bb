/* What the parts of the safe lane share: the window (safe_lane.c), the rows on their way out of
 * the journal (safe_lane_rows.c), and what the broker refused (safe_lane_refused.c). */
#ifndef GATEWAY_SAFE_LANE_PRIVATE_H
#define GATEWAY_SAFE_LANE_PRIVATE_H

#include "gateway/backoff.h"
#include "gateway/journal_reader.h"
#include "gateway/outbox.h"
#include "gateway/parking.h"
#include "gateway/safe_lane.h"

struct safe_lane {
    const struct factory *factory;
    struct ledger *ledger;
    struct events *events;
    struct trace *trace;
    uint64_t run;

    /* Rows. */
    struct journal_reader *reader;
    bool is_reader_failing;
    unsigned read_failures; /* at the present place */
    uint64_t hole_told;     /* the row behind the last hole that was announced */
    char *payload;          /* a late sample's */
    size_t payload_room;

    /* The window. */
    struct outbox outbox;
    bool is_blind; /* nobody knows yet how far things are: no journal could be opened */
    size_t window;
    uint64_t opened_at; /* late up to this seq: committed before the connection came up */
    bool was_closed;    /* a connection ended before, or a try failed */
    uint64_t read_to;   /* no row beyond outbox.newest up to this seq */
    int64_t pause_us;   /* nothing is sent before (monotonic) */
    struct backoff backoff;
    bool is_refusing; /* the broker takes nothing at present, for reasons of its own */
    unsigned tries;   /* pauses since it last took something, or since one was set aside */
    uint64_t rejected;
    uint8_t rejected_code; /* the last one that the log knows */

    /* What was refused. */
    struct parking parking;
    struct parking_lot *offered; /* the lot that has one under way; NULL: none */
    uint64_t offered_seq;
    unsigned parked_failures; /* to read the one whose turn it is */
    uint64_t parked_damage;   /* the last damaged row that was announced */
    int64_t told_us;          /* when the lots were last announced */
    unsigned told;            /* lots since then */
    size_t tell_turn;         /* with which to begin */

    /* The backlog. */
    bool has_backlog;      /* announced, and not yet drained */
    uint64_t backlog_from; /* the first seq of it */
    uint64_t backlog_to;   /* the last one, once the connection is up; 0: not known */
    uint64_t backlog_base; /* outbox.acknowledged when it began */
};

/* ---- rows ---- */

enum { READ_TRIES = 3 }; /* at one place, before what is behind it is looked for */

/* Places the reader before the first row after `after_seq`. False: not now; after a pause. */
bool safe_lane_seek(struct safe_lane *lane, uint64_t after_seq, int64_t now_us);

/* A new one may fare better. */
void safe_lane_close_reader(struct safe_lane *lane);

/* The log is told once that the journal cannot be read, and that it can be again. */
void safe_lane_note_unreadable(struct safe_lane *lane, const char *error, int64_t now_us);
void safe_lane_note_readable(struct safe_lane *lane);

/* Hands the row over, with `late` when it is an earlier run's or its seq is not above
 * `late_to`. False: not now. */
bool safe_lane_send_row(struct safe_lane *lane, struct mqtt *mqtt,
                        const struct journal_row *row, uint64_t late_to);

/* These samples will never be sent. */
void safe_lane_tell_damaged(struct safe_lane *lane, uint64_t from, uint64_t to);

/* `seq` is the next row: announces what is missing before it. Returns the last seq that is to
 * be passed for it, 0: none. */
uint64_t safe_lane_find_hole(struct safe_lane *lane, uint64_t seq);

/* ---- what was refused ---- */

enum parked {
    PARKED,        /* it will be offered again */
    PARKED_NEVER,  /* it is refused for good, or gone */
    PARKED_NOT_YET /* the journal cannot be read, or there are too many lots */
};

/* A refused sample waits, if this code lets it. */
enum parked safe_lane_park(struct safe_lane *lane, uint64_t seq, uint8_t reason_code,
                           int64_t now_us);

/* Says in the log what is refused, once for each reason in a row. One that will not be offered
 * again is announced, each. */
void safe_lane_note_refused(struct safe_lane *lane, uint64_t seq, uint8_t reason_code,
                            bool is_parked);

/* Lets a row wait unsent when its whole topic is refused; returns whether it does. */
bool safe_lane_join(struct safe_lane *lane, const struct journal_row *row);

/* Announces lots that have grown. */
void safe_lane_tell_lots(struct safe_lane *lane, int64_t now_us);

/* When to do so again; WAKE_NEVER. */
int64_t safe_lane_tell_due_us(const struct safe_lane *lane);

/* Offers what waits, one sample at a time. */
void safe_lane_offer(struct safe_lane *lane, struct mqtt *mqtt, int64_t now_us);

/* The answer to that. */
void safe_lane_take_offer(struct safe_lane *lane, const struct mqtt_event *event,
                          int64_t now_us);

#endif
