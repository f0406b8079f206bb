#include "gateway/wake.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "gateway/clock.h"

/* A semaphore, where a condition would do: after a sleep that nobody ended, a condition costs
 * one system call more, and most sleeps of a poller are such. */

static struct timespec timespec_of(int64_t time_us)
{
    return (struct timespec){.tv_sec = (time_t)(time_us / 1000000),
                             .tv_nsec = (long)(time_us % 1000000) * 1000};
}

void wake_init(struct wake *wake)
{
    int failed = pthread_mutex_init(&wake->mutex, NULL);
    failed |= sem_init(&wake->told, 0, 0);
    assert(failed == 0);
    (void)failed;
    wake->is_told = false;
    wake->is_polled = false;
    wake->alarm = -1;
}

void wake_destroy(struct wake *wake)
{
    if (wake->alarm >= 0) {
        (void)close(wake->alarm);
    }
    (void)sem_destroy(&wake->told);
    (void)pthread_mutex_destroy(&wake->mutex);
}

void wake_up(struct wake *wake)
{
    (void)pthread_mutex_lock(&wake->mutex);
    if (wake->is_polled) {
        wake->is_polled = false;
        (void)eventfd_write(wake->alarm, 1); /* it cannot be full: read after each wait */
    } else if (!wake->is_told) {
        wake->is_told = true;
        (void)sem_post(&wake->told);
    }
    (void)pthread_mutex_unlock(&wake->mutex);
}

bool wake_wait(struct wake *wake, int64_t until_us)
{
    struct timespec until = timespec_of(until_us);
    int ended;
    do {
        ended = until_us == WAKE_NEVER ? sem_wait(&wake->told)
                                       : sem_clockwait(&wake->told, CLOCK_MONOTONIC, &until);
    } while (ended != 0 && errno == EINTR);
    if (ended != 0) {
        return false;
    }
    (void)pthread_mutex_lock(&wake->mutex);
    wake->is_told = false;
    (void)pthread_mutex_unlock(&wake->mutex);
    return true;
}

/* Whether to sleep at all; from then on a telling rings the alarm. */
static bool begin_polling(struct wake *wake)
{
    (void)pthread_mutex_lock(&wake->mutex);
    if (wake->alarm < 0) {
        wake->alarm = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    }
    wake->is_polled = !wake->is_told && wake->alarm >= 0;
    bool is_polled = wake->is_polled;
    (void)pthread_mutex_unlock(&wake->mutex);
    return is_polled;
}

static void end_polling(struct wake *wake)
{
    (void)pthread_mutex_lock(&wake->mutex);
    if (!wake->is_polled) {
        eventfd_t count;
        (void)eventfd_read(wake->alarm, &count);
    }
    wake->is_polled = false;
    (void)pthread_mutex_unlock(&wake->mutex);
}

int wake_wait_or(struct wake *wake, int descriptor, int events, int64_t until_us)
{
    enum { WITHOUT_ALARM_US = 10000 };
    struct pollfd awaited[] = {{.fd = descriptor, .events = (short)events}, {.events = POLLIN}};
    if (!begin_polling(wake)) {
        /* It was told; or there is no descriptor left for an alarm, for the time being. */
        (void)wake_wait(wake, clock_monotonic_us() + WITHOUT_ALARM_US);
        return 0;
    }
    awaited[1].fd = wake->alarm;
    int64_t left_us = until_us == WAKE_NEVER ? 0 : until_us - clock_monotonic_us();
    struct timespec left = timespec_of(left_us > 0 ? left_us : 0);
    int ready = ppoll(awaited, 2, until_us == WAKE_NEVER ? NULL : &left, NULL);
    end_polling(wake);
    return ready > 0 ? awaited[0].revents : 0;
}
