/* One thread sleeps until it is told to look again, or until a time. Any thread may tell.
 *
 * A telling before the sleep is not lost; several tellings wake once. */
#ifndef GATEWAY_WAKE_H
#define GATEWAY_WAKE_H

#include <limits.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdint.h>

struct wake {
    pthread_mutex_t mutex;
    sem_t told;
    bool is_told;   /* `told` is posted, once */
    bool is_polled; /* somebody sleeps in wake_wait_or(): `alarm` ends that */
    int alarm;      /* an eventfd, made by the first wake_wait_or(); -1: none */
};

#define WAKE_NEVER INT64_MAX

void wake_init(struct wake *wake);
void wake_destroy(struct wake *wake);

/* Costs no system call while nobody sleeps. */
void wake_up(struct wake *wake);

/* Sleeps until told or until the monotonic time `until_us`; returns whether it was told. */
bool wake_wait(struct wake *wake, int64_t until_us);

/* The same, or until the descriptor is ready for one of `events` (as for poll()); returns those
 * that it is ready for, and errors, whatever they were not asked for. */
int wake_wait_or(struct wake *wake, int descriptor, int events, int64_t until_us);

#endif
