/* What a broker's refusal of a message concerns: the reason codes of a PUBACK (MQTT
 * 5, 3.4.2.1). Pure. */
#ifndef GATEWAY_REFUSAL_H
#define GATEWAY_REFUSAL_H

#include <stdint.h>

enum refusal {
    REFUSAL_OF_ALL,    /* the broker's state, however long it lasts: its quota is used up */
    REFUSAL_UNSAID,    /* may be its state, or the message: nobody tells */
    REFUSAL_OF_TOPIC,  /* until somebody allows it */
    REFUSAL_OF_SIZE,   /* until a broker takes larger packets */
    REFUSAL_OF_SAMPLE, /* what it is; it will not be otherwise the next time */
};

/* A REFUSAL_UNSAID is the message's own when it came so often: it must not block the rest for
 * ever. */
enum { REFUSAL_TRIES_MAX = 10 };

enum refusal refusal_of(uint8_t reason_code);

#endif
