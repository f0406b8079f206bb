/* A TCP connection that any thread may interrupt, on a descriptor number of its own.
 *
 * libmodbus aborts the process on a descriptor of 1024 or more (FD_SET). So a number below that
 * is reserved when the connection is created, each new socket is put there, and closing leaves
 * the dead socket in its place until the next one: nothing else can ever take the number.
 *
 * One thread uses a connection; tcp_interrupt() and tcp_is_interrupted() are for all. */
#ifndef DRIVERS_TCP_H
#define DRIVERS_TCP_H

#include <stdbool.h>
#include <stdint.h>

#include "drivers/driver.h"

struct tcp;

/* `host` is a name, an IPv4 or an IPv6 address without brackets. Opens nothing but reserves the
 * descriptor number; when there is none, returns NULL and fills `error`. */
struct tcp *tcp_create(const char *host, uint16_t port, struct driver_error *error);

/* The number that every socket of this connection has; constant. */
int tcp_descriptor(const struct tcp *tcp);

/* Resolves the name anew, then tries each of its addresses, all within `timeout_ms`; an address
 * that does not answer leaves the others their share of it. The socket does not block, has
 * TCP_NODELAY and keep-alive. On failure the most telling status of all addresses is returned.
 */
enum driver_status tcp_open(struct tcp *tcp, uint32_t timeout_ms);

/* Waits so long; false when interrupted, then at once. */
bool tcp_wait(struct tcp *tcp, int64_t duration_us);

/* What the errno of a send or a receive means for the connection. */
enum driver_status tcp_status(int error);

/* Ends a call in progress, and every later one, until destroy. */
void tcp_interrupt(struct tcp *tcp);
bool tcp_is_interrupted(const struct tcp *tcp);

/* Ends the connection; harmless when there is none. */
void tcp_close(struct tcp *tcp);

void tcp_destroy(struct tcp *tcp); /* closes first; NULL is harmless */

#endif
