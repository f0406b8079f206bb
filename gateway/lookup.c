#include "gateway/lookup.h"

#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "config/memory.h"
#include "gateway/thread.h"

struct lookup {
    pthread_mutex_t mutex;
    struct wake *wake; /* NULL: the owner has released it */
    enum lookup_state state;
    bool is_ended; /* the thread is done with it, or there was none */
    char address[LOOKUP_ADDRESS_SIZE];
    char *host;
};

static void destroy(struct lookup *lookup)
{
    (void)pthread_mutex_destroy(&lookup->mutex);
    free(lookup->host);
    free(lookup);
}

static const struct addrinfo *choose(const struct addrinfo *found)
{
    const struct addrinfo *at = found;
    while (at != NULL && at->ai_family != AF_INET) {
        at = at->ai_next;
    }
    return at != NULL ? at : found;
}

static enum lookup_state resolve(const char *host, int flags,
                                 char address[static LOOKUP_ADDRESS_SIZE])
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = flags};
    struct addrinfo *found = NULL;
    int failed = getaddrinfo(host, NULL, &hints, &found);
    if (failed == 0) {
        const struct addrinfo *chosen = choose(found);
        failed = getnameinfo(chosen->ai_addr, chosen->ai_addrlen, address, LOOKUP_ADDRESS_SIZE,
                             NULL, 0, NI_NUMERICHOST);
        freeaddrinfo(found);
    }
    if (failed != 0) {
        (void)snprintf(address, LOOKUP_ADDRESS_SIZE, "%s", gai_strerror(failed));
        return LOOKUP_FAILED;
    }
    return LOOKUP_FOUND;
}

static void *run(void *argument)
{
    struct lookup *lookup = argument;
    char address[LOOKUP_ADDRESS_SIZE];
    enum lookup_state state = resolve(lookup->host, 0, address);
    (void)pthread_mutex_lock(&lookup->mutex);
    lookup->state = state;
    memcpy(lookup->address, address, sizeof address);
    bool is_released = lookup->wake == NULL;
    if (!is_released) {
        wake_up(lookup->wake); /* under the lock: it may be gone once released */
    }
    lookup->is_ended = true;
    (void)pthread_mutex_unlock(&lookup->mutex);
    if (is_released) {
        destroy(lookup);
    }
    return NULL;
}

struct lookup *lookup_start(const char *host, struct wake *wake)
{
    struct lookup *lookup = memory_allocate(1, sizeof *lookup);
    (void)pthread_mutex_init(&lookup->mutex, NULL);
    lookup->wake = wake;
    lookup->host = memory_copy(host);
    lookup->state = resolve(host, AI_NUMERICHOST, lookup->address);
    lookup->is_ended = true;
    if (lookup->state == LOOKUP_FOUND) {
        return lookup;
    }
    lookup->state = LOOKUP_PENDING;
    lookup->is_ended = false;
    if (!thread_detach(run, lookup)) {
        lookup->state = LOOKUP_FAILED;
        lookup->is_ended = true;
        (void)snprintf(lookup->address, sizeof lookup->address, "no more threads");
    }
    return lookup;
}

enum lookup_state lookup_result(struct lookup *lookup, char address[static LOOKUP_ADDRESS_SIZE])
{
    (void)pthread_mutex_lock(&lookup->mutex);
    enum lookup_state state = lookup->state;
    memcpy(address, lookup->address, LOOKUP_ADDRESS_SIZE);
    (void)pthread_mutex_unlock(&lookup->mutex);
    return state;
}

void lookup_release(struct lookup *lookup)
{
    if (lookup == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&lookup->mutex);
    lookup->wake = NULL;
    bool is_ended = lookup->is_ended;
    (void)pthread_mutex_unlock(&lookup->mutex);
    if (is_ended) {
        destroy(lookup);
    }
}
