/* Two clocks: the wall tells the time of a reading, the monotonic one paces. Any thread. */
#ifndef GATEWAY_CLOCK_H
#define GATEWAY_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

enum { CLOCK_ISO_LENGTH = 24 }; /* "2026-11-23T16:20:00.123Z" */

/* Microseconds since 1970-01-01 UTC. May step. */
int64_t clock_wall_us(void);

/* Microseconds of CLOCK_MONOTONIC. Never steps. */
int64_t clock_monotonic_us(void);

/* The earlier of two times. */
static inline int64_t clock_sooner(int64_t one_us, int64_t other_us)
{
    return one_us < other_us ? one_us : other_us;
}

/* False while the wall clock shows a time before this program was written: nobody has set it
 * yet, and samples are `uncertain`. */
bool clock_is_set(int64_t wall_us);

/* Writes exactly CLOCK_ISO_LENGTH characters, milliseconds truncated, not terminated. Times
 * outside the years 1970 to 9999 are shown as the nearest bound. */
void clock_format_iso(int64_t wall_us, char text[static CLOCK_ISO_LENGTH]);

/* "2026-11-23", "2026-11-23T16:20", "…:00", "…:00.123" with an optional "Z" (UTC in any case),
 * or "15 min": that long before `now_us`. */
bool clock_parse(const char *text, int64_t now_us, int64_t *wall_us);

#endif
