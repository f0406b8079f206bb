/* The Lab's PIN: who knows it, and who guesses. Pure but for the file it is read from.
 *
 * Five wrong PINs from an address close it for 30 s; so do they, together, for addresses beyond
 * those that are remembered. One thread. */
#ifndef GATEWAY_WEB_PIN_H
#define GATEWAY_WEB_PIN_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/http.h"

enum web_pin_verdict {
    WEB_PIN_RIGHT,
    WEB_PIN_ABSENT, /* none was given: no guess */
    WEB_PIN_WRONG,
    WEB_PIN_PAUSED, /* not even looked at */
};

struct web_pin;

/* `path` "": there is none, and everybody may. A file that cannot be read, or has no first
 * line, lets nobody in; the log says so. Never NULL. */
struct web_pin *web_pin_create(const char *path);
void web_pin_destroy(struct web_pin *pin);

bool web_pin_is_needed(const struct web_pin *pin);

/* `now_us`: monotonic. */
enum web_pin_verdict web_pin_check(struct web_pin *pin, const uint8_t peer[HTTP_PEER_SIZE],
                                   const char *given, int64_t now_us);

/* After WEB_PIN_PAUSED: seconds until this address may try again, at least 1. */
unsigned web_pin_pause_s(struct web_pin *pin, const uint8_t peer[HTTP_PEER_SIZE],
                         int64_t now_us);

#endif
