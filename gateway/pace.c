#include "gateway/pace.h"

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
    uint64_t sum = UINT64_C(14695981039346656037); /* FNV-1a, 64 bits */
    for (; *name != '\0'; name++) {
        sum = (sum ^ (unsigned char)*name) * UINT64_C(1099511628211);
    }
    return (int64_t)((sum >> 16) % (uint64_t)period_us);
}
