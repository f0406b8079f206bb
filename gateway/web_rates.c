#include "gateway/web_rates.h"

#include <pthread.h>
#include <stdlib.h>

#include "config/memory.h"
#include "gateway/clock.h"

enum { PERIOD_US = 1000000 };

struct counters {
    int64_t time_us; /* monotonic */
    uint64_t samples;
    uint64_t readings;
    uint64_t published;
};

struct web_rates {
    const struct web_parts *parts;
    pthread_mutex_t mutex;
    struct counters last;
    struct web_rates_view view;
};

static struct counters count(const struct web_parts *parts)
{
    struct live_totals totals;
    struct uplink_view uplink;
    live_totals(parts->live, &totals);
    uplink_read(parts->uplink, &uplink);
    return (struct counters){
        .time_us = clock_monotonic_us(),
        .samples = totals.samples,
        .readings = totals.readings,
        .published = uplink.published,
    };
}

struct web_rates *web_rates_create(const struct web_parts *parts)
{
    struct web_rates *rates = memory_allocate(1, sizeof *rates);
    (void)pthread_mutex_init(&rates->mutex, NULL);
    rates->parts = parts;
    rates->last = count(parts);
    return rates;
}

void web_rates_destroy(struct web_rates *rates)
{
    (void)pthread_mutex_destroy(&rates->mutex);
    free(rates);
}

static double rate(uint64_t after, uint64_t before, int64_t elapsed_us)
{
    return (double)(after - before) * 1e6 / (double)elapsed_us;
}

void web_rates_read(struct web_rates *rates, struct web_rates_view *view)
{
    struct counters now = count(rates->parts);
    (void)pthread_mutex_lock(&rates->mutex);
    int64_t elapsed_us = now.time_us - rates->last.time_us;
    if (elapsed_us >= PERIOD_US) {
        rates->view = (struct web_rates_view){
            .samples_per_s = rate(now.samples, rates->last.samples, elapsed_us),
            .readings_per_s = rate(now.readings, rates->last.readings, elapsed_us),
            .published_per_s = rate(now.published, rates->last.published, elapsed_us),
        };
        rates->last = now;
    }
    *view = rates->view;
    (void)pthread_mutex_unlock(&rates->mutex);
}
