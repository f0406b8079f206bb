/* The page's server: the only file that knows libmicrohttpd.
 *
 * One thread of the library answers requests; one of ours ticks the stream and cuts off who
 * keeps us waiting: 5 s for a request, 30 s to take its answer, however slowly bytes trickle.
 * At most 160 connections; when they get scarce, whoever has done nothing for longest goes
 * first, so that nobody can keep others out. Costs nothing while nobody looks. */
#ifndef GATEWAY_WEB_H
#define GATEWAY_WEB_H

#include "gateway/web_parts.h"

struct web;

/* Never NULL. Where `[web] listen` is off there is no server. One that cannot listen says so in
 * the log and in web_error(): no reason not to poll. */
struct web *web_start(const struct web_parts *parts);
void web_stop(struct web *web);

/* "http://127.0.0.1:8080/", or "" where there is none. */
const char *web_url(const struct web *web);

/* Why there is none though one is wanted; "" otherwise. */
const char *web_error(const struct web *web);

#endif
