/* Hosts and ports in text: host, host:port, URLs of brokers. Pure. */
#ifndef CONFIG_ENDPOINT_H
#define CONFIG_ENDPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/arena.h"
#include "config/factory.h"

/* A name, an IPv4 or an IPv6 address (with or without brackets). Returns it without brackets,
 * in the arena; NULL when it is none of them. */
const char *endpoint_parse_host(struct arena *arena, const char *text, size_t length);

/* "host:port", "[::1]:port", or without port when `port` is not 0 beforehand: its default. */
bool endpoint_parse(struct arena *arena, const char *text, const char **host, uint16_t *port);

/* "mqtt://host[:port]" or "mqtts://…". Returns NULL and fills `url`, or what is wrong and what
 * is accepted. */
const char *endpoint_parse_broker(struct arena *arena, const char *text,
                                  struct broker_url *url);

#endif
