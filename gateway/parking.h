/* Samples that the broker refused for whose they are, or for their size: kept to be offered
 * again. Pure.
 *
 * A lot is what one topic has waiting, from a seq to a seq. While the broker refuses the topic
 * itself, what comes later of that topic joins its lot without being sent, so that the lot is
 * offered in order; the other topics go on. What is too large waits in a lot beside that: there
 * all that is shorter was taken, and is. A lot is offered one sample at a time, after pauses
 * that grow from 1 s to 60 s, and at once on a new connection; the lots take turns. */
#ifndef GATEWAY_PARKING_H
#define GATEWAY_PARKING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/backoff.h"

enum { PARKING_MAX = 1024 }; /* lots */

/* Instead of a topic, for an earlier run's samples of any: see parking_resume(). */
#define PARKING_ANY UINT64_C(0)

struct parking_lot {
    uint64_t topic;      /* parking_topic(), or PARKING_ANY */
    bool is_whole_topic; /* all that comes of it waits as well */
    size_t length_min;   /* else: only what is so long; 0: any */
    uint64_t from;       /* the next to be offered */
    uint64_t to;
    uint64_t count;      /* that waited since the lot was made */
    uint8_t reason_code; /* of its first refusal */
    unsigned unsaid;     /* how often `from` was refused without a reason */
    bool has_grown;      /* since it was announced */
    int64_t offer_us;    /* monotonic: not before */
    struct backoff backoff;
};

struct parking {
    struct parking_lot *lots[PARKING_MAX];
    size_t count;
    size_t turn; /* where to look first for whose turn it is */
};

/* The topic's number. Two topics with one number would wait together: nothing is lost by it. */
uint64_t parking_topic(const char *topic);

/* Whether what is refused with this code waits: for its topic, for its size, or, after many
 * tries, for nobody knows what. */
bool parking_takes(uint8_t reason_code);

/* At the start: an earlier run left refused samples among these; which ones nobody knows any
 * more, so all are offered once, and those that are refused wait by topic again. */
void parking_resume(struct parking *parking, uint64_t from, uint64_t to);

/* The first seq that waits; 0: nothing does. */
uint64_t parking_first(const struct parking *parking);

/* The lot that all of a topic has to join; NULL when the topic is not refused. */
struct parking_lot *parking_find(const struct parking *parking, uint64_t topic);

/* Whether a sample of that topic and length is one of the lot's, between `from` and `to`. */
bool parking_holds(const struct parking_lot *lot, uint64_t topic, size_t length);

/* A refused sample enters the lot that its reason gives it, which is returned; NULL when there
 * are too many lots. Seqs of one topic grow, but for answers in another order. */
struct parking_lot *parking_add(struct parking *parking, uint64_t topic, uint64_t seq,
                                size_t length, uint8_t reason_code, int64_t now_us);

/* The sample joins the lot without having been sent. */
void parking_join(struct parking_lot *lot, uint64_t seq, size_t length);

/* The lot whose turn it is; NULL when it is nobody's. */
struct parking_lot *parking_due(struct parking *parking, int64_t now_us);

/* The earliest turn; INT64_MAX when nothing waits. */
int64_t parking_due_us(const struct parking *parking);

/* The broker took `seq`, or it need not be offered any more; returns whether the lot is empty
 * and gone, which then is in `done`. */
bool parking_pass(struct parking *parking, struct parking_lot *lot, uint64_t seq,
                  struct parking_lot *done);

/* What was offered, `lot->from`, is refused again. False: for good. */
bool parking_refuse(struct parking_lot *lot, uint8_t reason_code, int64_t now_us);

/* It could not be offered: once more after a pause. */
void parking_wait(struct parking_lot *lot, int64_t now_us);

/* A new connection: all are offered at once. */
void parking_renew(struct parking *parking);

void parking_release(struct parking *parking);

#endif
