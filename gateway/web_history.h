/* /api/history: a tag's past from the journal, as points of minimum, maximum and last.
 *
 * One thread with a reader of its own; one query at a time, 200 ms long at most, in brief
 * transactions; a short queue, and whoever finds it full is told to come again. A long past is
 * thinned: blocks of rows, evenly spread, stand for what lies between them. */
#ifndef GATEWAY_WEB_HISTORY_H
#define GATEWAY_WEB_HISTORY_H

#include "gateway/http.h"
#include "gateway/web_parts.h"

struct web_history;

struct web_history *web_history_start(const struct web_parts *parts);

/* Whoever waits is answered; then `web_history_destroy` frees, once nobody asks any more. */
void web_history_stop(struct web_history *history);
void web_history_destroy(struct web_history *history);

/* Machine, tag, from, to, points: checks them, and makes the job. */
void web_history_answer(struct web_history *history, const struct http_request *request,
                        struct http_response *response);

#endif
