/* How the connection to the broker is doing, for the page and /metrics. Any thread.
 *
 * The publisher enters; whoever looks gets a copy. */
#ifndef GATEWAY_UPLINK_H
#define GATEWAY_UPLINK_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/mqtt.h"

enum uplink_state {
    UPLINK_CONNECTING, /* for the first time: nothing is known yet */
    UPLINK_CONNECTED,
    UPLINK_DOWN,
};

struct uplink_view {
    enum uplink_state state;
    int64_t since_us; /* wall clock: of the last change of state */
    const char *url;  /* the factory's, without credentials: connected to, or tried next */
    uint64_t reconnects;
    uint64_t published;          /* samples acknowledged since the start */
    uint64_t rejected;           /* parked because the broker refused them */
    char error[MQTT_ERROR_SIZE]; /* a sentence; "" while connected */
};

struct uplink;
struct uplink *uplink_create(void);
void uplink_destroy(struct uplink *uplink);

/* Publisher. `error` is NULL while connected. */
void uplink_report(struct uplink *uplink, enum uplink_state state, const char *url,
                   const char *error);
void uplink_count(struct uplink *uplink, uint64_t published, uint64_t rejected);

void uplink_read(struct uplink *uplink, struct uplink_view *view);

/* "connecting", "connected", "down". */
const char *uplink_state_text(enum uplink_state state);

#endif
