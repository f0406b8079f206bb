/* /api/topics: the topics of a machine, or of the gateway, and what was last said there. */
#ifndef GATEWAY_WEB_TOPICS_H
#define GATEWAY_WEB_TOPICS_H

#include <stddef.h>

#include "gateway/web_parts.h"
#include "gateway/web_rates.h"

/* JSON; the caller frees. `machine` NULL: the gateway. */
char *web_topics_write(const struct web_parts *parts, struct web_rates *rates,
                       const struct machine *machine, size_t *length);

#endif
