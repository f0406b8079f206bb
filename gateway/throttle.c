#include "gateway/throttle.h"

enum {
    LATE_US = 250 * 1000,   /* a PUBACK: more than the way to a distant broker and back */
    REFILL_US = 100 * 1000, /* where no samples go, there are no answers */
    GROW_US = 1000 * 1000,
    SHARE_MAX = 1024, /* beyond it there is no limit */
};

void throttle_reset(struct throttle *throttle)
{
    *throttle = (struct throttle){0};
}

static void refill(struct throttle *throttle, int64_t now_us)
{
    throttle->left = throttle->share;
    throttle->refill_us = now_us + REFILL_US;
}

static void grow(struct throttle *throttle, int64_t now_us)
{
    throttle->share = throttle->share < SHARE_MAX ? throttle->share * 2 : 0;
    throttle->grow_us = now_us + GROW_US;
}

bool throttle_allows(struct throttle *throttle, int64_t waiting_since_us, int64_t now_us)
{
    if (now_us > waiting_since_us && now_us - waiting_since_us > LATE_US) {
        if (throttle->share != 1) {
            throttle->share = 1;
            refill(throttle, now_us);
        }
        throttle->grow_us = now_us + GROW_US;
    }
    if (throttle->share != 0 && now_us >= throttle->grow_us) {
        grow(throttle, now_us);
    }
    if (throttle->share == 0) {
        return true;
    }
    if (throttle->left == 0 && now_us >= throttle->refill_us) {
        refill(throttle, now_us);
    }
    if (throttle->left == 0) {
        return false;
    }
    throttle->left--;
    return true;
}

void throttle_answered(struct throttle *throttle, int64_t now_us)
{
    refill(throttle, now_us);
}

int64_t throttle_due_us(const struct throttle *throttle)
{
    return throttle->refill_us;
}
