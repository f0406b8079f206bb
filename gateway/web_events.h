/* What happened, as the page tells it: events as JSON. Any thread. */
#ifndef GATEWAY_WEB_EVENTS_H
#define GATEWAY_WEB_EVENTS_H

#include <stdbool.h>

#include "gateway/json.h"
#include "gateway/web_parts.h"

/* Adds the members of the `number`-th event: time, machine, name, members. False, and nothing
 * is added, when it is no longer kept. */
bool web_events_put(struct json *json, const struct web_parts *parts, uint64_t number);

/* The same as an object of an array. */
void web_events_put_one(struct json *json, const struct web_parts *parts, uint64_t number);

#endif
