#include "drivers/tcp.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

#include "config/memory.h"
#include "drivers/moment.h"

/* A device whose cable was pulled is noticed after 10 + 3 × 5 s, also between slow polls. */
enum { KEEPALIVE_IDLE_S = 10, KEEPALIVE_INTERVAL_S = 5, KEEPALIVE_COUNT = 3 };

/* Enough for the resolver's modules; the default of 8 MiB would count against small boards. */
enum { RESOLVER_STACK_BYTES = 256 * 1024 };

struct tcp {
    pthread_mutex_t mutex;  /* guards all but the constants; held across no blocking call */
    pthread_cond_t changed; /* interrupted, or the resolver has ended */
    atomic_bool is_interrupted;
    bool is_open; /* the descriptor is a socket that interrupt may shut down */
    int descriptor;

    char *host;
    char service[sizeof "65535"];
    struct addrinfo *literal; /* the host is a number: its address, constant; else NULL */

    /* A name is resolved by a thread of its own, since getaddrinfo() heeds neither deadline nor
     * interrupt. It may outlive the call that started it, and the owner too. */
    unsigned owners;
    bool is_resolving;
    int resolved_error; /* EAI_… */
    struct addrinfo *resolved;
};

static const struct addrinfo default_hints = {
    .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};

/* Of two failures the one that tells a person more: the order of the enumeration. */
static enum driver_status more_telling(enum driver_status a, enum driver_status b)
{
    return a < b ? a : b;
}

enum driver_status tcp_status(int error)
{
    static const struct {
        int error;
        enum driver_status status;
    } table[] = {
        {ETIMEDOUT, DRIVER_TIMEOUT},
        {ECONNREFUSED, DRIVER_REFUSED},
        {ENETUNREACH, DRIVER_UNREACHABLE},
        {EHOSTUNREACH, DRIVER_UNREACHABLE},
        {ENETDOWN, DRIVER_UNREACHABLE},
        {EHOSTDOWN, DRIVER_UNREACHABLE},
        {EADDRNOTAVAIL, DRIVER_UNREACHABLE},
        {EAFNOSUPPORT, DRIVER_UNREACHABLE},
        {EACCES, DRIVER_UNREACHABLE},
        {EPERM, DRIVER_UNREACHABLE},
        {EINVAL, DRIVER_UNREACHABLE},
        {EMFILE, DRIVER_LIMIT},
        {ENFILE, DRIVER_LIMIT},
        {ENOMEM, DRIVER_LIMIT},
        {ENOBUFS, DRIVER_LIMIT},
    };

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        if (table[i].error == error) {
            return table[i].status;
        }
    }
    return DRIVER_CLOSED;
}

static int reserve_descriptor(struct driver_error *error)
{
    int descriptor = open("/dev/null", O_RDONLY | O_CLOEXEC);

    if (descriptor < 0 || descriptor >= FD_SETSIZE) {
        (void)snprintf(error->text, sizeof error->text,
                       "no descriptor below %d is free for its connection", FD_SETSIZE);
        if (descriptor >= 0) {
            (void)close(descriptor);
        }
        return -1;
    }
    return descriptor;
}

struct tcp *tcp_create(const char *host, uint16_t port, struct driver_error *error)
{
    struct addrinfo hints = default_hints;
    pthread_condattr_t attributes;
    struct tcp *tcp;
    int descriptor = reserve_descriptor(error);

    if (descriptor < 0) {
        return NULL;
    }
    tcp = memory_allocate(1, sizeof *tcp);
    tcp->descriptor = descriptor;
    tcp->owners = 1;
    tcp->host = memory_copy(host);
    (void)snprintf(tcp->service, sizeof tcp->service, "%u", (unsigned)port);
    (void)pthread_mutex_init(&tcp->mutex, NULL);
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&tcp->changed, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    hints.ai_flags |= AI_NUMERICHOST;
    if (getaddrinfo(host, tcp->service, &hints, &tcp->literal) != 0) {
        tcp->literal = NULL;
    }
    return tcp;
}

int tcp_descriptor(const struct tcp *tcp)
{
    return tcp->descriptor;
}

bool tcp_is_interrupted(const struct tcp *tcp)
{
    return atomic_load_explicit(&tcp->is_interrupted, memory_order_relaxed);
}

/* Unlocks, and frees with the last owner. */
static void release(struct tcp *tcp)
{
    bool is_last = --tcp->owners == 0;

    (void)pthread_mutex_unlock(&tcp->mutex);
    if (!is_last) {
        return;
    }
    if (tcp->literal != NULL) {
        freeaddrinfo(tcp->literal);
    }
    if (tcp->resolved != NULL) {
        freeaddrinfo(tcp->resolved);
    }
    (void)pthread_cond_destroy(&tcp->changed);
    (void)pthread_mutex_destroy(&tcp->mutex);
    free(tcp->host);
    free(tcp);
}

static void *resolve(void *argument)
{
    struct tcp *tcp = argument;
    struct addrinfo *list = NULL;
    int error = getaddrinfo(tcp->host, tcp->service, &default_hints, &list);

    (void)pthread_mutex_lock(&tcp->mutex);
    tcp->resolved = error == 0 ? list : NULL;
    tcp->resolved_error = error;
    tcp->is_resolving = false;
    (void)pthread_cond_broadcast(&tcp->changed);
    release(tcp);
    return NULL;
}

/* With the mutex held. */
static bool start_resolver(struct tcp *tcp)
{
    pthread_attr_t attributes;
    pthread_t thread;
    bool is_started;

    if (tcp->resolved != NULL) { /* came too late for the call that wanted it */
        freeaddrinfo(tcp->resolved);
        tcp->resolved = NULL;
    }
    (void)pthread_attr_init(&attributes);
    (void)pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    (void)pthread_attr_setstacksize(&attributes, RESOLVER_STACK_BYTES);
    is_started = pthread_create(&thread, &attributes, resolve, tcp) == 0;
    (void)pthread_attr_destroy(&attributes);
    if (is_started) {
        (void)pthread_setname_np(thread, "resolver");
        tcp->owners++;
        tcp->is_resolving = true;
    }
    return is_started;
}

/* With the mutex held: until the condition is signalled or the time is up; false for the
 * latter. */
static bool await(struct tcp *tcp, int64_t until_us)
{
    struct timespec until = moment_timespec(until_us);

    return pthread_cond_timedwait(&tcp->changed, &tcp->mutex, &until) == 0;
}

/* The caller frees the list unless it is the literal. */
static enum driver_status look_up(struct tcp *tcp, int64_t deadline_us, struct addrinfo **list)
{
    enum driver_status status = DRIVER_OK;
    bool is_in_time = true;

    *list = tcp->literal;
    if (*list != NULL) {
        return DRIVER_OK;
    }
    (void)pthread_mutex_lock(&tcp->mutex);
    if (!tcp->is_resolving && !start_resolver(tcp)) {
        status = DRIVER_LIMIT;
    }
    while (tcp->is_resolving && is_in_time && !tcp_is_interrupted(tcp)) {
        is_in_time = await(tcp, deadline_us);
    }
    if (tcp_is_interrupted(tcp)) {
        status = DRIVER_INTERRUPTED;
    } else if (tcp->is_resolving) {
        status = DRIVER_TIMEOUT;
    } else if (status == DRIVER_OK && tcp->resolved == NULL) {
        status = tcp->resolved_error == EAI_MEMORY ? DRIVER_LIMIT : DRIVER_UNREACHABLE;
    }
    if (status == DRIVER_OK) {
        *list = tcp->resolved;
        tcp->resolved = NULL;
    }
    (void)pthread_mutex_unlock(&tcp->mutex);
    return status;
}

static void set_options(int descriptor)
{
    static const struct {
        int level;
        int name;
        int value;
    } options[] = {
        {IPPROTO_TCP, TCP_NODELAY, 1},
        {SOL_SOCKET, SO_KEEPALIVE, 1},
        {IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S},
        {IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S},
        {IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_COUNT},
    };

    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        /* A socket that refuses one of them still carries Modbus. */
        (void)setsockopt(descriptor, options[i].level, options[i].name, &options[i].value,
                         sizeof options[i].value);
    }
}

/* With the mutex held: a new socket on our number, connecting. Returns 0 or the errno. */
static int begin_connect(struct tcp *tcp, const struct addrinfo *address)
{
    int made = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int error = 0;

    if (made < 0) {
        return errno;
    }
    if (dup3(made, tcp->descriptor, O_CLOEXEC) < 0) {
        error = errno;
    }
    (void)close(made);
    if (error != 0) {
        return error;
    }
    set_options(tcp->descriptor);
    tcp->is_open = true;
    return connect(tcp->descriptor, address->ai_addr, address->ai_addrlen) == 0 ? 0 : errno;
}

/* Returns 0 or the errno that the connection ended with. */
static int await_connect(int descriptor, int64_t deadline_us)
{
    struct pollfd wanted = {.fd = descriptor, .events = POLLOUT};
    socklen_t size = sizeof(int);
    int error = 0;
    int ready;

    do {
        int64_t left_us = deadline_us - moment_monotonic_us();
        struct timespec left = moment_timespec(left_us > 0 ? left_us : 0);

        ready = ppoll(&wanted, 1, &left, NULL);
    } while (ready < 0 && errno == EINTR);
    if (ready == 0) {
        return ETIMEDOUT;
    }
    if (ready < 0 || getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &size) != 0) {
        return errno;
    }
    return error;
}

/* A free port of our own range may be given to the connecting socket itself: TCP then connects
 * it to itself, and would keep the device's port taken. */
static bool is_own_echo(int descriptor)
{
    struct sockaddr_storage here;
    struct sockaddr_storage there;
    socklen_t here_size = sizeof here;
    socklen_t there_size = sizeof there;

    memset(&here, 0, sizeof here);
    memset(&there, 0, sizeof there);
    return getsockname(descriptor, (struct sockaddr *)&here, &here_size) == 0 &&
           getpeername(descriptor, (struct sockaddr *)&there, &there_size) == 0 &&
           here_size == there_size && memcmp(&here, &there, here_size) == 0;
}

static enum driver_status try_address(struct tcp *tcp, const struct addrinfo *address,
                                      int64_t deadline_us)
{
    int error;

    /* Under the lock, so that interrupt comes either before and is seen here, or after and
     * finds a socket that is connecting. */
    (void)pthread_mutex_lock(&tcp->mutex);
    error = tcp_is_interrupted(tcp) ? ECANCELED : begin_connect(tcp, address);
    (void)pthread_mutex_unlock(&tcp->mutex);
    if (error == EINPROGRESS) {
        error = await_connect(tcp->descriptor, deadline_us);
    }
    if (error == 0 && is_own_echo(tcp->descriptor)) {
        error = ECONNREFUSED;
    }
    if (error != 0) {
        tcp_close(tcp); /* ends the SYNs too */
    }
    if (tcp_is_interrupted(tcp)) {
        return DRIVER_INTERRUPTED;
    }
    return error == 0 ? DRIVER_OK : tcp_status(error);
}

enum driver_status tcp_open(struct tcp *tcp, uint32_t timeout_ms)
{
    int64_t deadline_us = moment_monotonic_us() + (int64_t)timeout_ms * MOMENT_US_PER_MS;
    enum driver_status worst = DRIVER_LIMIT;
    struct addrinfo *list = NULL;
    int64_t left = 0;
    enum driver_status status = look_up(tcp, deadline_us, &list);

    if (status != DRIVER_OK) {
        return status;
    }
    for (const struct addrinfo *address = list; address != NULL; address = address->ai_next) {
        left++;
    }
    for (const struct addrinfo *address = list; address != NULL; address = address->ai_next) {
        int64_t now_us = moment_monotonic_us();

        status = try_address(tcp, address, now_us + (deadline_us - now_us) / left);
        left--;
        if (status == DRIVER_OK || status == DRIVER_INTERRUPTED) {
            break;
        }
        worst = more_telling(worst, status);
        status = worst;
    }
    if (list != tcp->literal) {
        freeaddrinfo(list);
    }
    return status;
}

bool tcp_wait(struct tcp *tcp, int64_t duration_us)
{
    int64_t until_us = moment_monotonic_us() + duration_us;
    bool is_in_time = true;

    (void)pthread_mutex_lock(&tcp->mutex);
    while (is_in_time && !tcp_is_interrupted(tcp)) {
        is_in_time = await(tcp, until_us);
    }
    (void)pthread_mutex_unlock(&tcp->mutex);
    return !tcp_is_interrupted(tcp);
}

void tcp_interrupt(struct tcp *tcp)
{
    (void)pthread_mutex_lock(&tcp->mutex);
    atomic_store_explicit(&tcp->is_interrupted, true, memory_order_relaxed);
    if (tcp->is_open) {
        (void)shutdown(tcp->descriptor,
                       SHUT_RDWR); /* wakes poll, also before the SYN's answer */
    }
    (void)pthread_cond_broadcast(&tcp->changed);
    (void)pthread_mutex_unlock(&tcp->mutex);
}

void tcp_close(struct tcp *tcp)
{
    (void)pthread_mutex_lock(&tcp->mutex);
    if (tcp->is_open) {
        tcp->is_open = false;
        (void)shutdown(tcp->descriptor,
                       SHUT_RDWR); /* the device sees the end; the number stays */
    }
    (void)pthread_mutex_unlock(&tcp->mutex);
}

void tcp_destroy(struct tcp *tcp)
{
    if (tcp == NULL) {
        return;
    }
    tcp_close(tcp);
    (void)pthread_mutex_lock(&tcp->mutex);
    (void)close(tcp->descriptor);
    release(tcp);
}
