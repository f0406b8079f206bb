/* How much of the fast lane a broker is given, so that samples are not buried. Pure.
 *
 * QoS 0 knows no window: what a broker cannot take piles up on the way to it, and samples and
 * their PUBACKs wait behind. As TCP does with a network: when a PUBACK comes late, the broker
 * gets one message of QoS 0 for each answer; each second without delay doubles that share,
 * until there is no limit again. Nothing is lost by it: the fast lane is a set of newest
 * values. All times are monotonic, in microseconds. */
#ifndef GATEWAY_THROTTLE_H
#define GATEWAY_THROTTLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct throttle {
    size_t share;      /* messages from one refill to the next; 0: no limit */
    size_t left;       /* of the share */
    int64_t refill_us; /* when it is refilled without an answer */
    int64_t grow_us;   /* when the share may double */
};

/* A new connection: no limit. */
void throttle_reset(struct throttle *throttle);

/* Whether a message of QoS 0 may be sent now, which then counts. The oldest message without an
 * answer was sent at `waiting_since_us` (INT64_MAX: there is none). */
bool throttle_allows(struct throttle *throttle, int64_t waiting_since_us, int64_t now_us);

/* A PUBACK came. */
void throttle_answered(struct throttle *throttle, int64_t now_us);

/* After a refusal: when to ask again if no PUBACK comes before. */
int64_t throttle_due_us(const struct throttle *throttle);

#endif
