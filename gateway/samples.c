#include "gateway/samples.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

#include "config/memory.h"

/* More than processors, since one that was interrupted while building keeps its sample. */
enum { SAMPLES_COUNT = 8 };

struct samples {
    pthread_mutex_t mutex;
    pthread_cond_t released;
    struct sample *free[SAMPLES_COUNT];
    size_t free_count;
};

struct samples *samples_create(const struct factory *factory)
{
    struct samples *samples = memory_allocate(1, sizeof *samples);
    (void)pthread_mutex_init(&samples->mutex, NULL);
    (void)pthread_cond_init(&samples->released, NULL);
    while (samples->free_count < SAMPLES_COUNT) {
        samples->free[samples->free_count++] = sample_create(factory, NULL);
    }
    return samples;
}

void samples_destroy(struct samples *samples)
{
    assert(samples->free_count == SAMPLES_COUNT);
    while (samples->free_count > 0) {
        sample_destroy(samples->free[--samples->free_count]);
    }
    (void)pthread_cond_destroy(&samples->released);
    (void)pthread_mutex_destroy(&samples->mutex);
    free(samples);
}

struct sample *samples_take(struct samples *samples)
{
    (void)pthread_mutex_lock(&samples->mutex);
    while (samples->free_count == 0) {
        (void)pthread_cond_wait(&samples->released, &samples->mutex);
    }
    struct sample *sample = samples->free[--samples->free_count];
    (void)pthread_mutex_unlock(&samples->mutex);
    return sample;
}

void samples_release(struct samples *samples, struct sample *sample)
{
    (void)pthread_mutex_lock(&samples->mutex);
    assert(samples->free_count < SAMPLES_COUNT);
    samples->free[samples->free_count++] = sample;
    (void)pthread_mutex_unlock(&samples->mutex);
    (void)pthread_cond_signal(&samples->released);
}
