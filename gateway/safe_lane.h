/* The safe lane: every sample from the journal to the broker, in order of seq, QoS 1.
 *
 * A connection repeats everything behind the cursor. A sample that the broker refuses for what
 * it is is set aside, counted and announced; while the broker refuses for its own reasons
 * (quota) one sample is tried again and again, after pauses. One thread; the reader of the
 * journal is opened when first needed and holds no transaction while anybody waits. */
#ifndef GATEWAY_SAFE_LANE_H
#define GATEWAY_SAFE_LANE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/factory.h"
#include "gateway/events.h"
#include "gateway/ledger.h"
#include "gateway/mqtt.h"
#include "gateway/trace.h"

struct safe_lane;

/* `trace` is told of what is sent and acknowledged; NULL: none. */
struct safe_lane *safe_lane_create(const struct factory *factory, struct ledger *ledger,
                                   struct events *events, struct trace *trace, uint64_t run);
void safe_lane_destroy(struct safe_lane *lane);

/* A connection has come up; at most `window` samples may be under way. */
void safe_lane_open(struct safe_lane *lane, size_t window);

/* Connecting failed or the connection was lost. */
void safe_lane_close(struct safe_lane *lane);

/* While there is no connection: announces the backlog once samples pile up. */
void safe_lane_watch(struct safe_lane *lane);

/* Sends what the window has room for; each sample's token is its seq. */
void safe_lane_fill(struct safe_lane *lane, struct mqtt *mqtt, int64_t now_us);

/* ACKNOWLEDGED or REJECTED of a token of this lane. */
void safe_lane_answer(struct safe_lane *lane, const struct mqtt_event *event, int64_t now_us);

/* When to call safe_lane_fill() again without an answer or a commit; WAKE_NEVER. */
int64_t safe_lane_due_us(const struct safe_lane *lane);

/* Everything committed is acknowledged, or set aside. */
bool safe_lane_is_drained(const struct safe_lane *lane);

uint64_t safe_lane_published(const struct safe_lane *lane); /* acknowledged since the start */
uint64_t safe_lane_rejected(const struct safe_lane *lane);

#endif
