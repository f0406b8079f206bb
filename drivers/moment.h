/* The two clocks as the drivers need them: wall time for stamps, monotonic time for deadlines.
 */
#ifndef DRIVERS_MOMENT_H
#define DRIVERS_MOMENT_H

#include <stdint.h>
#include <time.h>

enum { MOMENT_US_PER_S = 1000000, MOMENT_US_PER_MS = 1000, MOMENT_NS_PER_US = 1000 };

static inline int64_t moment_of(clockid_t clock)
{
    struct timespec time;

    (void)clock_gettime(clock, &time); /* cannot fail for these two clocks */
    return (int64_t)time.tv_sec * MOMENT_US_PER_S + time.tv_nsec / MOMENT_NS_PER_US;
}

/* Microseconds since 1970, UTC. */
static inline int64_t moment_wall_us(void)
{
    return moment_of(CLOCK_REALTIME);
}

/* Microseconds of a clock that never steps. */
static inline int64_t moment_monotonic_us(void)
{
    return moment_of(CLOCK_MONOTONIC);
}

static inline struct timespec moment_timespec(int64_t time_us)
{
    return (struct timespec){.tv_sec = time_us / MOMENT_US_PER_S,
                             .tv_nsec = time_us % MOMENT_US_PER_S * MOMENT_NS_PER_US};
}

#endif
