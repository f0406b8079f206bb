/* What `explain` prints: the frames byte by byte, the registers, and every reading of them. */
#ifndef GATEWAY_EXPLAIN_H
#define GATEWAY_EXPLAIN_H

#include <stdio.h>

#include "drivers/driver.h"
#include "gateway/plausibility.h"
#include "gateway/target.h"

/* Request and reply in hex, each field of MBAP header and PDU with its name. */
void explain_exchange(const struct driver_exchange *exchange, FILE *stream);

/* Each register in hex, unsigned, signed, as bits and as two characters; or each bit. */
void explain_words(const struct target *target, const uint16_t *words, FILE *stream);

/* Every type and order from each register on, the plausible ones marked, with the reason; at
 * the end the most plausible ones as rows of a register map. */
void explain_readings(const struct target *target, const struct guess_block *block,
                      FILE *stream);

#endif
