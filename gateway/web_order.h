/* What somebody asks of the Lab, as a line for the simulator's control socket. Pure.
 *
 * Nothing of the request is passed on as it stands: an action of the table, a scenario's id,
 * numbers within their bounds. simulator/dialog.h says what the lines mean. */
#ifndef GATEWAY_WEB_ORDER_H
#define GATEWAY_WEB_ORDER_H

#include <stdbool.h>
#include <stddef.h>

#include "gateway/http.h"

enum { WEB_ORDER_SIZE = 256, WEB_ORDER_ERROR_SIZE = 96 };

/* From the arguments `action`, `scenario`, `id`, `strength`, `delay_s`, `duration_s`, `hidden`.
 * False: `error` says what is wrong, in a sentence without quotes; else `line` is a line of
 * JSON. */
bool web_order_write(const struct http_request *request, char line[WEB_ORDER_SIZE],
                     char error[WEB_ORDER_ERROR_SIZE]);

#endif
