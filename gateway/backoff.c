#include "gateway/backoff.h"

struct backoff backoff_create(uint32_t first_ms, uint32_t max_ms, uint64_t seed)
{
    return (struct backoff){
        .first_ms = first_ms, .max_ms = max_ms, .next_ms = first_ms, .state = seed};
}

int64_t backoff_next_us(struct backoff *backoff)
{
    /* Knuth's 64-bit linear congruential generator: its high bits are good enough for this. */
    backoff->state =
        backoff->state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    int64_t percent = 90 + (int64_t)((backoff->state >> 33) % 21);
    int64_t pause_us = (int64_t)backoff->next_ms * 10 * percent;
    backoff->next_ms =
        backoff->next_ms > backoff->max_ms / 2 ? backoff->max_ms : backoff->next_ms * 2;
    return pause_us;
}

void backoff_reset(struct backoff *backoff)
{
    backoff->next_ms = backoff->first_ms;
}
