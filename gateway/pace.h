/* A fixed rate without drift: beats lie on a grid, a missed one is skipped and counted. Pure.
 */
#ifndef GATEWAY_PACE_H
#define GATEWAY_PACE_H

#include <stdint.h>

struct pace {
    int64_t due_us; /* monotonic: the next beat */
    int64_t period_us;
};

/* The first beat is due at `first_us`. */
struct pace pace_start(int64_t first_us, int64_t period_us);

/* Moves to the first beat after `now_us`; returns how many beats before it were missed. */
uint64_t pace_advance(struct pace *pace, int64_t now_us);

/* Where in its period a machine of this name starts, 0 … period_us - 1: spread over all names,
 * the same at each start. */
int64_t pace_phase_us(const char *name, int64_t period_us);

#endif
