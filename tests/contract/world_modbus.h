/* The world of `modbus-tcp`: a small Modbus TCP server in a thread, its own frame code. */
#ifndef TESTS_CONTRACT_WORLD_MODBUS_H
#define TESTS_CONTRACT_WORLD_MODBUS_H

#include "tests/contract/world.h"

#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FRAME_MAX = 600, REQUEST_SIZE = 12, DRIBBLE_MS = 75, DRIBBLE_BYTES = 10, LATE_MS = 450 };

struct device {
    pthread_mutex_t mutex; /* guards all below but the thread's own */
    pthread_t thread;
    int wake; /* eventfd: the end has come */
    bool is_ending;
    int listener; /* constant, like the port */
    uint16_t port;
    int behaviour;
    unsigned good;
    uint16_t limit;
    unsigned requests;
    unsigned served;        /* of the requests */
    pthread_cond_t changed; /* `served` */
    unsigned connections;
    bool refused[TABLES_COUNT][WORLD_SIZE];

    int connection; /* the thread's own from here on; -1: none */
    uint8_t last[FRAME_MAX];
    size_t last_length;
};

static void device_put(uint8_t *bytes, unsigned value)
{
    bytes[0] = (uint8_t)(value >> 8);
    bytes[1] = (uint8_t)value;
}

static unsigned device_get(const uint8_t *bytes)
{
    return (unsigned)bytes[0] << 8 | bytes[1];
}

static int device_listen(uint16_t *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(*port)};
    socklen_t size = sizeof address;
    int on = 1;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert(listener >= 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    (void)setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, (struct sockaddr *)&address, size) != 0 || listen(listener, 16) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &size) != 0) {
        abort();
    }
    *port = ntohs(address.sin_port);
    return listener;
}

/* Waits so long; false as soon as the device is to end or the driver has hung up. */
static bool device_pause(const struct device *device, int duration_ms)
{
    struct pollfd wanted[] = {
        {.fd = device->wake, .events = POLLIN},
        {.fd = device->connection, .events = POLLRDHUP},
    };

    return poll(wanted, 2, duration_ms) == 0;
}

static void device_send(const struct device *device, const uint8_t *bytes, size_t length)
{
    (void)send(device->connection, bytes, length, MSG_NOSIGNAL); /* the driver may be gone */
}

static void device_hang_up(struct device *device)
{
    if (device->connection >= 0) {
        (void)close(device->connection);
    }
    device->connection = -1;
    device->last_length = 0;
}

static void device_reset(struct device *device)
{
    struct linger linger = {.l_onoff = 1, .l_linger = 0};

    (void)setsockopt(device->connection, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    device_hang_up(device);
}

static size_t device_exception(const uint8_t *request, unsigned code, uint8_t *reply)
{
    memcpy(reply, request, 8);
    device_put(reply + 4, 3);
    reply[7] = (uint8_t)(request[7] | 0x80);
    reply[8] = (uint8_t)code;
    return 9;
}

/* The honest answer. */
static size_t device_answer(struct device *device, const uint8_t *request, uint8_t *reply)
{
    enum table table = (enum table)(request[7] - 1);
    unsigned address = device_get(request + 8);
    unsigned count = device_get(request + 10);
    bool is_bits = table == TABLE_COIL || table == TABLE_DISCRETE;
    unsigned bytes = is_bits ? (count + 7) / 8 : 2 * count;

    if (request[7] < 1 || request[7] > 4) {
        return device_exception(request, 1, reply);
    }
    if (count < 1 || count > (is_bits ? 2000 : 125) || (!is_bits && count > device->limit)) {
        return device_exception(request, 3, reply);
    }
    memcpy(reply, request, 8);
    device_put(reply + 4, 3 + bytes);
    reply[8] = (uint8_t)bytes;
    memset(reply + 9, 0, bytes);
    for (unsigned i = 0; i < count; i++) {
        unsigned at = address + i;

        if (at >= WORLD_SIZE || device->refused[table][at]) {
            return device_exception(request, 2, reply);
        }
        if (!is_bits) {
            device_put(reply + 9 + 2 * (size_t)i, world_word(request[6], table, (uint16_t)at));
        } else if (world_bit(request[6], table, (uint16_t)at)) {
            reply[9 + i / 8] |= (uint8_t)(1U << i % 8);
        }
    }
    return 9 + bytes;
}

static void device_dribble(struct device *device, const uint8_t *reply, size_t length)
{
    for (size_t i = 0; i < DRIBBLE_BYTES && i < length && device_pause(device, DRIBBLE_MS);
         i++) {
        device_send(device, reply + i, 1);
    }
}

static void device_send_twice(struct device *device, const uint8_t *first, size_t first_length,
                              const uint8_t *second, size_t second_length)
{
    uint8_t both[2 * FRAME_MAX];

    memcpy(both, first, first_length);
    memcpy(both + first_length, second, second_length);
    device_send(device, both, first_length + second_length);
}

/* Answers that are wrong in one place. */
static size_t device_distort(int behaviour, uint8_t *reply, size_t length)
{
    switch (behaviour) {
    case BEHAVE_TRANSACTION: device_put(reply, device_get(reply) + 0x5555); break;
    case BEHAVE_UNIT: reply[6]++; break;
    case BEHAVE_PROTOCOL: device_put(reply + 2, 0x0100); break;
    case BEHAVE_FUNCTION: reply[7] = reply[7] == 3 ? 4 : 3; break;
    case BEHAVE_LENGTH: device_put(reply + 4, device_get(reply + 4) + 4); break;
    case BEHAVE_LENGTH_LESS: device_put(reply + 4, device_get(reply + 4) - 2); break;
    case BEHAVE_BYTES_MORE: reply[8] = (uint8_t)(reply[8] + 2); break;
    case BEHAVE_BYTES_LESS:
        reply[8] = (uint8_t)(reply[8] - 2);
        device_put(reply + 4, device_get(reply + 4) - 2);
        length -= 2;
        break;
    case BEHAVE_EXCEPTION_ZERO: length = device_exception(reply, 0, reply); break;
    case BEHAVE_GARBAGE:
        for (size_t i = 0; i < length; i++) {
            reply[i] = (uint8_t)(0x9D * i + 0x31);
        }
        break;
    default: break;
    }
    return length;
}

static void device_misbehave(struct device *device, int behaviour, uint8_t *reply,
                             size_t length)
{
    switch (behaviour) {
    case BEHAVE_MUTE: break;
    case BEHAVE_ONE_BYTE: device_send(device, reply, 1); break;
    case BEHAVE_DRIBBLE: device_dribble(device, reply, length); break;
    case BEHAVE_BYTE_BY_BYTE:
        for (size_t i = 0; i < length; i++) {
            device_send(device, reply + i, 1);
        }
        break;
    case BEHAVE_LATE:
        if (device_pause(device, LATE_MS)) {
            device_send(device, reply, length);
        }
        break;
    case BEHAVE_TWICE: device_send_twice(device, reply, length, reply, length); break;
    case BEHAVE_STALE_FIRST:
        device_send_twice(device, device->last, device->last_length, reply, length);
        break;
    case BEHAVE_STALE_ONLY:
        for (int i = 0; i < DRIBBLE_BYTES && device_pause(device, DRIBBLE_MS); i++) {
            device_send(device, device->last, device->last_length);
        }
        break;
    case BEHAVE_TRUNCATE:
        device_send(device, reply, length / 2);
        device_hang_up(device);
        break;
    case BEHAVE_CLOSE: device_hang_up(device); break;
    case BEHAVE_RESET: device_reset(device); break;
    default:
        length = device_distort(behaviour, reply, length);
        device_send(device, reply, length);
        break;
    }
}

static void device_respond(struct device *device, const uint8_t *request)
{
    uint8_t reply[FRAME_MAX];
    size_t length;
    int behaviour;

    (void)pthread_mutex_lock(&device->mutex);
    device->requests++;
    behaviour = device->good > 0 ? BEHAVE_WELL : device->behaviour;
    device->good -= device->good > 0;
    length = behaviour >= BEHAVE_EXCEPTION
                 ? device_exception(request, (unsigned)(behaviour - BEHAVE_EXCEPTION), reply)
                 : device_answer(device, request, reply);
    (void)pthread_mutex_unlock(&device->mutex);
    device_misbehave(device, behaviour, reply, length);
    if (device->connection >= 0) {
        memcpy(device->last, reply, length);
        device->last_length = length;
    }
    (void)pthread_mutex_lock(&device->mutex);
    device->served++;
    (void)pthread_cond_broadcast(&device->changed);
    (void)pthread_mutex_unlock(&device->mutex);
}

static void device_serve(struct device *device)
{
    uint8_t request[REQUEST_SIZE];

    if (recv(device->connection, request, sizeof request, MSG_WAITALL) == REQUEST_SIZE) {
        device_respond(device, request);
    } else {
        device_hang_up(device);
    }
}

static void device_accept(struct device *device, int listener)
{
    int on = 1;
    int connection = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

    if (connection < 0) {
        return;
    }
    device_hang_up(device);
    (void)setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    device->connection = connection;
    (void)pthread_mutex_lock(&device->mutex);
    device->connections++;
    (void)pthread_mutex_unlock(&device->mutex);
}

static bool device_is_ending(struct device *device)
{
    bool is_ending;

    (void)pthread_mutex_lock(&device->mutex);
    is_ending = device->is_ending;
    (void)pthread_mutex_unlock(&device->mutex);
    return is_ending;
}

static void *device_run(void *argument)
{
    struct device *device = argument;

    for (;;) {
        struct pollfd wanted[] = {
            {.fd = device->wake, .events = POLLIN},
            {.fd = device->listener, .events = POLLIN},
            {.fd = device->connection, .events = POLLIN},
        };

        if (poll(wanted, 3, -1) < 0) {
            continue;
        }
        if (device_is_ending(device)) {
            return NULL;
        }
        if (wanted[1].revents != 0) {
            device_accept(device, device->listener);
        } else if (wanted[2].revents != 0) {
            device_serve(device);
        }
    }
}

static struct device *device_start(void)
{
    struct device *device = calloc(1, sizeof *device);

    assert(device != NULL);
    (void)pthread_mutex_init(&device->mutex, NULL);
    (void)pthread_cond_init(&device->changed, NULL);
    device->wake = eventfd(0, EFD_CLOEXEC);
    device->listener = device_listen(&device->port);
    device->limit = UINT16_MAX;
    device->connection = -1;
    if (device->wake < 0 || pthread_create(&device->thread, NULL, device_run, device) != 0) {
        abort();
    }
    return device;
}

static void device_stop(struct device *device)
{
    (void)pthread_mutex_lock(&device->mutex);
    device->is_ending = true;
    (void)eventfd_write(device->wake, 1);
    (void)pthread_mutex_unlock(&device->mutex);
    (void)pthread_join(device->thread, NULL);
    device_hang_up(device);
    (void)close(device->listener);
    (void)close(device->wake);
    (void)pthread_cond_destroy(&device->changed);
    (void)pthread_mutex_destroy(&device->mutex);
    free(device);
}

static void device_locate(const struct device *device, struct link *link)
{
    link->host = "127.0.0.1";
    link->port = device->port;
}

static void device_behave(struct device *device, int behaviour, unsigned good)
{
    (void)pthread_mutex_lock(&device->mutex);
    device->behaviour = behaviour;
    device->good = good;
    (void)pthread_mutex_unlock(&device->mutex);
}

static void device_refuse(struct device *device, enum table table, uint16_t address,
                          bool is_refused)
{
    (void)pthread_mutex_lock(&device->mutex);
    device->refused[table][address] = is_refused;
    (void)pthread_mutex_unlock(&device->mutex);
}

static void device_limit(struct device *device, uint16_t count)
{
    (void)pthread_mutex_lock(&device->mutex);
    device->limit = count;
    (void)pthread_mutex_unlock(&device->mutex);
}

static void device_await(struct device *device)
{
    (void)pthread_mutex_lock(&device->mutex);
    while (device->served != device->requests) {
        (void)pthread_cond_wait(&device->changed, &device->mutex);
    }
    (void)pthread_mutex_unlock(&device->mutex);
}

static unsigned device_requests(struct device *device)
{
    unsigned count;

    (void)pthread_mutex_lock(&device->mutex);
    count = device->requests;
    (void)pthread_mutex_unlock(&device->mutex);
    return count;
}

static unsigned device_connections(struct device *device)
{
    unsigned count;

    (void)pthread_mutex_lock(&device->mutex);
    count = device->connections;
    (void)pthread_mutex_unlock(&device->mutex);
    return count;
}

static const struct world world_modbus = {
    .driver = "modbus-tcp",
    .start = device_start,
    .stop = device_stop,
    .locate = device_locate,
    .behave = device_behave,
    .refuse = device_refuse,
    .limit = device_limit,
    .await = device_await,
    .requests = device_requests,
    .connections = device_connections,
};

#endif
