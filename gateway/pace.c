#include "gateway/pace.h"

#include <string.h>

#include "config/hash.h"

struct pace pace_start(int64_t first_us, int64_t period_us)
{
    return (struct pace){.due_us = first_us, .period_us = period_us};
}

uint64_t pace_advance(struct pace *pace, int64_t now_us)
{
    pace->due_us += pace->period_us;
    if (pace->due_us > now_us) {
        return 0;
    }
    int64_t missed = (now_us - pace->due_us) / pace->period_us + 1;
    pace->due_us += missed * pace->period_us;
    return (uint64_t)missed;
}

int64_t pace_phase_us(const char *name, int64_t period_us)
{
    return (int64_t)((hash_text(name, strlen(name)) >> 16) % (uint64_t)period_us);
}
