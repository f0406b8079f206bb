/* What went wrong with a device, in plain words, for people at a bench. Pure.
 *
 * Each returns what follows a colon: no capital, no full stop. */
#ifndef GATEWAY_SENTENCE_H
#define GATEWAY_SENTENCE_H

#include <stdint.h>

#include "drivers/driver.h"

/* A Modbus exception code. */
const char *sentence_exception(uint8_t exception);

/* How a call to a driver ended. */
const char *sentence_status(enum driver_status status);

/* Why a tag is bad: `reason` of its reading. */
const char *sentence_reason(uint8_t reason, uint8_t exception);

#endif
