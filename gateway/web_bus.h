/* /api/bus: links, their counters, plans and last frames, as JSON. */
#ifndef GATEWAY_WEB_BUS_H
#define GATEWAY_WEB_BUS_H

#include <stddef.h>
#include <stdint.h>

#include "gateway/json.h"
#include "gateway/web_parts.h"

/* Looking makes the pollers copy their plans from now on. The caller frees. */
char *web_bus_write(const struct web_parts *parts, size_t *length);

/* `"name":"00 01 …"`: bytes in hex. */
void web_bus_put_bytes(struct json *json, const char *name, const uint8_t *bytes, size_t count);

#endif
