/* /metrics and /healthz: how the gateway does, for machines that watch it.
 *
 * Text of the Prometheus exposition format 0.0.4. Every label comes from the factory file, so
 * that their number does not grow. The caller frees. */
#ifndef GATEWAY_WEB_METRICS_H
#define GATEWAY_WEB_METRICS_H

#include <stddef.h>

#include "gateway/web_parts.h"

char *web_metrics_write(const struct web_parts *parts, size_t *length);

/* `{"status":"ok","reasons":[]}`; the status is "starting" until every link was tried and the
 * broker's state is known, then "degraded" with its reasons while something is amiss. */
enum web_health { WEB_HEALTH_OK, WEB_HEALTH_DEGRADED, WEB_HEALTH_STARTING };
char *web_metrics_write_health(const struct web_parts *parts, size_t *length,
                               enum web_health *health);

#endif
