/* How long to wait before the next try: doubling, with some chance in it. Pure but for `state`.
 */
#ifndef GATEWAY_BACKOFF_H
#define GATEWAY_BACKOFF_H

#include <stdint.h>

struct backoff {
    uint32_t first_ms;
    uint32_t max_ms;
    uint32_t next_ms;
    uint64_t state; /* of the ±10 %, so that many that fell together do not rise together */
};

/* `seed` may be any number that differs between the parties. */
struct backoff backoff_create(uint32_t first_ms, uint32_t max_ms, uint64_t seed);

/* The pause before the next try, in microseconds, ±10 %; the one after will be twice as long.
 */
int64_t backoff_next_us(struct backoff *backoff);

/* After a success. */
void backoff_reset(struct backoff *backoff);

#endif
