#include "gateway/mqtt_socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

enum { DESCRIPTORS_MAX = 4096 }; /* the process allows itself no more */

/* The kernel doubles it for its own needs. POLLOUT says that a third of that is free. */
enum { BUFFER_SIZE = 208 * 1024, BUFFER_FREE = 2 * BUFFER_SIZE / 3 };

/* What a packet takes of it at most, beside itself: the kernel's own about it. */
enum { PACKET_OVERHEAD = 1536 };

static bool is_peer(int descriptor, const char *address, uint16_t port)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } peer;
    char text[INET6_ADDRSTRLEN] = "";
    socklen_t size = sizeof peer;
    memset(&peer, 0, sizeof peer);
    if (getpeername(descriptor, &peer.any, &size) != 0) {
        return false;
    }
    bool is_v6 = peer.any.sa_family == AF_INET6;
    if (!is_v6 && peer.any.sa_family != AF_INET) {
        return false;
    }
    const void *bytes = is_v6 ? (const void *)&peer.v6.sin6_addr : &peer.v4.sin_addr;
    bool is_port = ntohs(is_v6 ? peer.v6.sin6_port : peer.v4.sin_port) == port;
    return is_port && inet_ntop(peer.any.sa_family, bytes, text, sizeof text) != NULL &&
           (address[0] == '\0' || strcmp(text, address) == 0);
}

static void set_option(int descriptor, int level, int name, int value)
{
    /* A socket that refuses one still carries MQTT. */
    (void)setsockopt(descriptor, level, name, &value, sizeof value);
}

bool mqtt_socket_find(struct mqtt_socket *socket, const char *address, uint16_t port)
{
    int descriptor = 0;
    while (descriptor < DESCRIPTORS_MAX && !is_peer(descriptor, address, port)) {
        descriptor++;
    }
    *socket = (struct mqtt_socket){.descriptor = descriptor};
    if (descriptor == DESCRIPTORS_MAX) {
        return false;
    }
    set_option(descriptor, IPPROTO_TCP, TCP_NODELAY, 1);
    set_option(descriptor, IPPROTO_TCP, TCP_USER_TIMEOUT, MQTT_SOCKET_PATIENCE_MS);
    set_option(descriptor, SOL_SOCKET, SO_SNDBUF, BUFFER_SIZE);
    return true;
}

static bool is_writable(int descriptor)
{
    struct pollfd asked = {.fd = descriptor, .events = POLLOUT};
    return poll(&asked, 1, 0) > 0;
}

static bool is_empty(int descriptor)
{
    int unsent = 0;
    return ioctl(descriptor, SIOCOUTQ, &unsent) != 0 || unsent == 0;
}

bool mqtt_socket_has_room(struct mqtt_socket *socket, size_t size_bytes)
{
    size_t needed = size_bytes + PACKET_OVERHEAD;
    if (needed > socket->room) {
        bool is_large = needed > BUFFER_FREE;
        if (is_large) {
            mqtt_socket_flush(socket);
        }
        bool has_room =
            is_large ? is_empty(socket->descriptor) : is_writable(socket->descriptor);
        socket->room = has_room && !is_large ? BUFFER_FREE : 0;
        socket->is_full = !has_room;
        if (!has_room || is_large) {
            return has_room;
        }
    }
    socket->room -= needed;
    if (!socket->is_corked) {
        socket->is_corked = true;
        set_option(socket->descriptor, IPPROTO_TCP, TCP_CORK, 1);
    }
    return true;
}

void mqtt_socket_flush(struct mqtt_socket *socket)
{
    if (socket->is_corked) {
        socket->is_corked = false;
        set_option(socket->descriptor, IPPROTO_TCP, TCP_CORK, 0);
    }
}

enum { DISCONNECT = 0xE0, HEADER = 2, SHORT_MAX = 0x7F };

/* Whole packets of a length in one byte, as PUBACKs are, from the first on. */
static unsigned count_packets(const uint8_t *bytes, size_t length)
{
    unsigned count = 0;
    size_t at = 0;
    while (at + HEADER <= length && bytes[at] != DISCONNECT && bytes[at + 1] <= SHORT_MAX &&
           at + HEADER + bytes[at + 1] <= length) {
        at += HEADER + bytes[at + 1];
        count++;
    }
    return count;
}

enum mqtt_socket_input mqtt_socket_peek(const struct mqtt_socket *socket, uint8_t *reason_code,
                                        unsigned *packets)
{
    enum { REASON = 2, PEEKED = 256 };
    uint8_t bytes[PEEKED];
    ssize_t length = recv(socket->descriptor, bytes, sizeof bytes, MSG_PEEK | MSG_DONTWAIT);
    if (length < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) {
        return MQTT_SOCKET_NOTHING;
    }
    /* A longer one, or one behind other packets, is no more than the end of the connection. */
    if (length > REASON && bytes[0] == DISCONNECT && length == HEADER + bytes[1]) {
        *reason_code = bytes[REASON];
        return MQTT_SOCKET_DISCONNECT;
    }
    unsigned count = length > 0 ? count_packets(bytes, (size_t)length) : 0;
    *packets = count > 0 ? count : 1;
    return MQTT_SOCKET_SOMETHING;
}
