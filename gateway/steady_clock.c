#include "gateway/steady_clock.h"

enum { STEP_US = 60000000 };

struct steady_clock steady_clock_start(int64_t wall_us, int64_t now_us)
{
    return (struct steady_clock){.ahead_us = wall_us - now_us, .since_us = now_us};
}

int64_t steady_clock_follow(struct steady_clock *clock, int64_t wall_us, int64_t now_us)
{
    int64_t moved_us = wall_us - now_us - clock->ahead_us;
    if (moved_us > STEP_US || moved_us < -STEP_US) {
        *clock = steady_clock_start(wall_us, now_us);
    }
    return now_us - clock->since_us;
}
