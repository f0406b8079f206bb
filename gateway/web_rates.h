/* How many a second: samples, readings, acknowledgements. Any thread.
 *
 * Reckoned from counters that run anyway, over the second before; the first look after a pause
 * tells the mean of that pause. */
#ifndef GATEWAY_WEB_RATES_H
#define GATEWAY_WEB_RATES_H

#include "gateway/web_parts.h"

struct web_rates;

struct web_rates_view {
    double samples_per_s;
    double readings_per_s;
    double published_per_s;
};

struct web_rates *web_rates_create(const struct web_parts *parts);
void web_rates_destroy(struct web_rates *rates);
void web_rates_read(struct web_rates *rates, struct web_rates_view *view);

#endif
