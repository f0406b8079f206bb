/* /api/trace: one value from the bytes on the wire to the broker's acknowledgement.
 *
 * One thread; up to TRACES_MAX at once, each answered when its sample is acknowledged or after
 * the tag's period and three seconds. */
#ifndef GATEWAY_WEB_TRACE_H
#define GATEWAY_WEB_TRACE_H

#include "gateway/http.h"
#include "gateway/web_parts.h"

struct web_trace;

struct web_trace *web_trace_start(const struct web_parts *parts);

/* Whoever waits is answered; then web_trace_destroy frees, once nobody asks any more. */
void web_trace_stop(struct web_trace *trace);
void web_trace_destroy(struct web_trace *trace);

void web_trace_answer(struct web_trace *trace, const struct http_request *request,
                      struct http_response *response);

#endif
