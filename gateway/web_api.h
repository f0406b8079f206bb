/* The paths of the interface, in one table: what each answers stands in the web_* modules. */
#ifndef GATEWAY_WEB_API_H
#define GATEWAY_WEB_API_H

#include "gateway/http.h"
#include "gateway/web_parts.h"
#include "gateway/web_rates.h"

struct web_api;

/* Starts the threads that some answers need; destroying comes after stopping, once nobody asks
 * any more. */
struct web_api *web_api_create(const struct web_parts *parts, struct web_rates *rates);
void web_api_stop(struct web_api *api);
void web_api_destroy(struct web_api *api);

/* The routes' context is the web_api. */
const struct http_route *web_api_routes(size_t *count);

#endif
