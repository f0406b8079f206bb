/* The socket below a connection of paho's: paho makes it, keeps it and reads and writes it, but
 * sets no option and tells nobody its number. We find it, and then can wait for it, send what
 * belongs together in one piece, and know whether it takes a packet without blocking.
 *
 * One thread at a time. */
#ifndef GATEWAY_MQTT_SOCKET_H
#define GATEWAY_MQTT_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mqtt_socket {
    int descriptor;
    bool is_corked; /* what is written waits in the kernel for more */
    bool is_full;   /* room was asked for, and there was none */
    size_t room;    /* that surely is left */
};

/* Finds the process's socket that is connected to this port, of this address unless that is "",
 * and prepares it: small packets leave at once, and a peer that takes nothing for
 * MQTT_SOCKET_PATIENCE_MS ends the connection. */
enum { MQTT_SOCKET_PATIENCE_MS = 5000 };
bool mqtt_socket_find(struct mqtt_socket *socket, const char *address, uint16_t port);

/* Whether a packet of this size can be written without blocking, and if so corks. One that is
 * larger than the kernel's buffer is let through when the buffer is empty. */
bool mqtt_socket_has_room(struct mqtt_socket *socket, size_t size_bytes);

/* Sends what was written since the last flush. */
void mqtt_socket_flush(struct mqtt_socket *socket);

enum mqtt_socket_input {
    MQTT_SOCKET_NOTHING,
    MQTT_SOCKET_SOMETHING,  /* data, or the end of it */
    MQTT_SOCKET_DISCONNECT, /* DISCONNECT with a reason code (MQTT 5, 3.14), and nothing else */
};

/* Looks at what came, without taking it; not with TLS. With SOMETHING `packets` tells how many
 * packets can be taken before the next look: at least one. */
enum mqtt_socket_input mqtt_socket_peek(const struct mqtt_socket *socket, uint8_t *reason_code,
                                        unsigned *packets);

#endif
