#include "gateway/ready.h"

#include <assert.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "config/memory.h"

struct ready {
    pthread_mutex_t mutex;
    size_t missing;
    int descriptor;
};

struct ready *ready_create(size_t parts_count)
{
    struct ready *ready = memory_allocate(1, sizeof *ready);
    (void)pthread_mutex_init(&ready->mutex, NULL);
    ready->missing = parts_count;
    ready->descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return ready;
}

void ready_destroy(struct ready *ready)
{
    (void)close(ready->descriptor);
    (void)pthread_mutex_destroy(&ready->mutex);
    free(ready);
}

void ready_report(struct ready *ready)
{
    (void)pthread_mutex_lock(&ready->mutex);
    assert(ready->missing > 0);
    ready->missing--;
    if (ready->missing == 0) {
        (void)eventfd_write(ready->descriptor, 1); /* an empty eventfd always takes one */
    }
    (void)pthread_mutex_unlock(&ready->mutex);
}

bool ready_is_complete(struct ready *ready)
{
    (void)pthread_mutex_lock(&ready->mutex);
    bool is_complete = ready->missing == 0;
    (void)pthread_mutex_unlock(&ready->mutex);
    return is_complete;
}

int ready_descriptor(const struct ready *ready)
{
    return ready->descriptor;
}
