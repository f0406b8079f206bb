#include "gateway/wake.h"

#include <assert.h>
#include <errno.h>
#include <time.h>

void wake_init(struct wake *wake)
{
    pthread_condattr_t attributes;
    int failed = pthread_condattr_init(&attributes);
    failed |= pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    failed |= pthread_cond_init(&wake->condition, &attributes);
    failed |= pthread_condattr_destroy(&attributes);
    failed |= pthread_mutex_init(&wake->mutex, NULL);
    assert(failed == 0);
    (void)failed;
    wake->is_told = false;
}

void wake_destroy(struct wake *wake)
{
    (void)pthread_cond_destroy(&wake->condition);
    (void)pthread_mutex_destroy(&wake->mutex);
}

void wake_up(struct wake *wake)
{
    (void)pthread_mutex_lock(&wake->mutex);
    wake->is_told = true;
    (void)pthread_mutex_unlock(&wake->mutex);
    (void)pthread_cond_signal(&wake->condition);
}

bool wake_wait(struct wake *wake, int64_t until_us)
{
    struct timespec until = {
        .tv_sec = (time_t)(until_us / 1000000),
        .tv_nsec = (long)(until_us % 1000000) * 1000,
    };
    (void)pthread_mutex_lock(&wake->mutex);
    while (!wake->is_told) {
        int ended = until_us == WAKE_NEVER
                        ? pthread_cond_wait(&wake->condition, &wake->mutex)
                        : pthread_cond_timedwait(&wake->condition, &wake->mutex, &until);
        if (ended == ETIMEDOUT) {
            break;
        }
    }
    bool was_told = wake->is_told;
    wake->is_told = false;
    (void)pthread_mutex_unlock(&wake->mutex);
    return was_told;
}
