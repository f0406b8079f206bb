/* Samples that the broker refused for whose they are, or for their size: kept to be offered
 * again. Pure.
 *
 * A lot is what one topic has waiting, from a seq to a seq. While the broker refuses the topic
 * itself, what comes later of that topic joins its lot without being sent, so that the lot is
 * offered in order; the other topics go on. A lot is offered one sample at a time, after pauses
 * that grow from 1 s to 60 s, and at once on a new connection. */
#ifndef GATEWAY_PARKING_H
#define GATEWAY_PARKING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/backoff.h"

enum { PARKING_MAX = 1024 }; /* topics */

/* Instead of a topic, for an earlier run's samples of any: see parking_resume(). */
#define PARKING_ANY UINT64_C(0)

struct parking_lot {
    uint64_t topic; /* parking_topic(), or PARKING_ANY */
    uint64_t from;  /* the next to be offered */
    uint64_t to;
    uint64_t count;      /* that waited since the lot was made */
    bool is_whole_topic; /* all that comes of it waits as well */
    uint8_t reason_code; /* of the last refusal that tells what the lot waits for */
    unsigned unsaid;     /* how often `from` was refused without a reason */
    int64_t offer_us;    /* monotonic: not before */
    struct backoff backoff;
};

struct parking {
    struct parking_lot *lots[PARKING_MAX];
    size_t count;
};

/* The topic's number. Two topics with one number would wait together: nothing is lost by it. */
uint64_t parking_topic(const char *topic);

/* Whether what is refused with this code waits, with others of its topic or alone. */
bool parking_takes(uint8_t reason_code);

/* At the start: an earlier run left refused samples among these; which ones nobody knows any
 * more, so all are offered once, and those that are refused wait by topic again. */
void parking_resume(struct parking *parking, uint64_t from, uint64_t to);

/* The first seq that waits; 0: nothing does. */
uint64_t parking_first(const struct parking *parking);

/* The topic's lot; NULL when nothing of it waits. */
struct parking_lot *parking_find(const struct parking *parking, uint64_t topic);

/* A refused sample enters; false when there are too many lots. Seqs of one topic grow. */
bool parking_add(struct parking *parking, uint64_t topic, uint64_t seq, uint8_t reason_code,
                 int64_t now_us);

/* The sample joins the lot without having been sent. */
void parking_join(struct parking_lot *lot, uint64_t seq);

/* The lot whose turn it is; NULL when it is nobody's. */
struct parking_lot *parking_due(const struct parking *parking, int64_t now_us);

/* The earliest turn; INT64_MAX when nothing waits. */
int64_t parking_due_us(const struct parking *parking);

/* The broker took `seq`, or it need not be offered any more; returns whether the lot is empty
 * and gone, which then is in `done`. */
bool parking_pass(struct parking *parking, struct parking_lot *lot, uint64_t seq,
                  struct parking_lot *done);

/* What was offered, `lot->from`, is refused again: what the lot waits for may be something else
 * now. False: this sample is refused for good. */
bool parking_refuse(struct parking_lot *lot, uint8_t reason_code, int64_t now_us);

/* It could not be offered: once more after a pause. */
void parking_wait(struct parking_lot *lot, int64_t now_us);

/* A new connection: all are offered at once. */
void parking_renew(struct parking *parking);

void parking_release(struct parking *parking);

#endif
