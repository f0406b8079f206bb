/* /api/lab: a proxy to the simulator's control socket, for who knows the PIN.
 *
 * The gateway itself can break nothing: it passes on what web_order.h lets through, to a
 * program that plays machines. One thread, one question at a time, each at most 2 s. */
#ifndef GATEWAY_WEB_LAB_H
#define GATEWAY_WEB_LAB_H

#include "config/factory.h"
#include "gateway/http.h"

struct web_lab;

/* Never NULL; where `[web] lab` names no socket every question is answered with 404. */
struct web_lab *web_lab_start(const struct factory *factory);

/* Whoever waits is answered; then `web_lab_destroy` frees, once nobody asks any more. */
void web_lab_stop(struct web_lab *lab);
void web_lab_destroy(struct web_lab *lab);

/* GET: what there is, what runs and what was done; what is hidden only with the PIN. POST: an
 * order. */
void web_lab_answer(struct web_lab *lab, const struct http_request *request,
                    struct http_response *response);

#endif
