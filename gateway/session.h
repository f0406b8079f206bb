/* The connection to the broker: which URL next and when, and one log line for each change.
 *
 *     waiting -> looking up -> connecting -> up -> waiting
 *
 * At once, then after 0.2 s doubling to 5 s, the next URL of the list at each failure. A try
 * takes 5 s at most; a message without an answer for 5 s ends the connection. One thread. */
#ifndef GATEWAY_SESSION_H
#define GATEWAY_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "config/factory.h"
#include "gateway/mqtt.h"
#include "gateway/wake.h"

enum { SESSION_TRY_S = 5, SESSION_SILENCE_S = 5, SESSION_KEEPALIVE_S = 5 };

struct session;

/* `wake` belongs to the owner, who calls session_next_event() when told or due. */
struct session *session_create(const struct factory *factory, struct wake *wake);

/* Ends the connection; orderly: without the will. */
void session_destroy(struct session *session, bool is_orderly);

/* Does what is due and takes the next event: those of mqtt.h, failures and losses found out
 * here among them. False when there is none. */
bool session_next_event(struct session *session, int64_t now_us, struct mqtt_event *event);

/* When to call session_next_event() again without being told. */
int64_t session_due_us(struct session *session);

/* The URL of this connection or try; after a failure the next one. */
const char *session_url(const struct session *session);

/* Sends what was handed over, and sleeps until told, an event has come, or `until_us`. */
void session_wait(struct session *session, int64_t until_us);

/* NULL unless up. */
struct mqtt *session_mqtt(struct session *session);

#endif
