/* For how long the wall clock has gone on without a step, which the monotonic clock tells.
 * Pure.
 */
#ifndef GATEWAY_STEADY_CLOCK_H
#define GATEWAY_STEADY_CLOCK_H

#include <stdint.h>

struct steady_clock {
    int64_t ahead_us; /* wall minus monotonic, since the last step */
    int64_t since_us; /* monotonic: when that was */
};

struct steady_clock steady_clock_start(int64_t wall_us, int64_t now_us);

/* What both show at one moment. Returns the microseconds since the last step, or since the
 * start. Up to a minute in all, either way, is none: clocks are corrected, and seconds leap. */
int64_t steady_clock_follow(struct steady_clock *clock, int64_t wall_us, int64_t now_us);

#endif
