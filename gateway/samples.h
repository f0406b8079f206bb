/* Samples: the few that are being built at any time, lent to the pollers.
 *
 * A sample is a dozen KiB of room that a poller needs for some microseconds a poll: a thousand
 * pollers share a handful. Any thread. */
#ifndef GATEWAY_SAMPLES_H
#define GATEWAY_SAMPLES_H

#include "config/factory.h"
#include "gateway/sample.h"

struct samples;

/* Large enough for every machine of the factory. Never NULL. */
struct samples *samples_create(const struct factory *factory);
void samples_destroy(struct samples *samples); /* all are back */

/* Waits while all are lent; who has one waits for nobody, so that is short. */
struct sample *samples_take(struct samples *samples);
void samples_release(struct samples *samples, struct sample *sample);

#endif
