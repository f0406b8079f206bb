/* A trace as JSON: frames with their fields, registers, every order, sentinel, mask, scale,
 * quality, row, message, and the time of each step. */
#ifndef GATEWAY_WEB_STEPS_H
#define GATEWAY_WEB_STEPS_H

#include <stddef.h>

#include "config/factory.h"
#include "gateway/trace.h"
#include "gateway/web_parts.h"

/* The caller frees. */
char *web_steps_write(const struct web_parts *parts, const struct tag_reference *of,
                      const struct trace_view *view, size_t *length);

#endif
