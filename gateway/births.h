/* What is said to a broker after connecting and before leaving, one message at a time: a
 * factory of 100,000 tags has as many `meta`, which no list in memory needs to hold. One
 * thread. */
#ifndef GATEWAY_BIRTHS_H
#define GATEWAY_BIRTHS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/factory.h"
#include "gateway/mqtt.h"
#include "gateway/payload.h"

struct births;

/* `obsolete` are the retained topics to clear, below the site's root; it outlives the births,
 * and so do the texts of `info`. */
struct births *births_create(const struct factory *factory, char *const *obsolete,
                             size_t obsolete_count, const struct gateway_info *info);
void births_destroy(struct births *births);

/* After connecting: gateway status and info, the obsolete topics cleared (all QoS 1), then each
 * tag's meta (QoS 0: what is lost with the connection comes again with the next). */
void births_begin(struct births *births);

/* Before leaving: the gateway, then each machine, is offline (QoS 1). */
void births_begin_farewell(struct births *births);

/* The message to be sent now, valid until the next call; NULL when all were. */
const struct mqtt_message *births_peek(struct births *births);

/* It was handed over: to the next. */
void births_advance(struct births *births);

/* Whether the message of births_peek() clears an obsolete topic. */
bool births_is_clearing(const struct births *births);

#endif
