/* Every JSON text that leaves the gateway, but for the samples themselves (sample.h). Pure.
 *
 * Each function writes a complete, terminated JSON object and returns its length; when `size`
 * does not hold it, it returns 0 and writes "". */
#ifndef GATEWAY_PAYLOAD_H
#define GATEWAY_PAYLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/factory.h"
#include "gateway/events.h"
#include "gateway/ledger.h"
#include "gateway/live.h"

enum { PAYLOAD_META_SIZE = 8192, PAYLOAD_SIZE = 2048 };

size_t payload_now(const struct tag *tag, const struct live_item *item, char *text,
                   size_t size);
size_t payload_info(const struct factory *factory, size_t machine, const struct health *health,
                    char *text, size_t size);
size_t payload_meta(const struct factory *factory, size_t machine, size_t tag, char *text,
                    size_t size);
size_t payload_event(const struct event *event, char *text, size_t size);

/* root/_gateway/NAME/info: versions, machines, when and as which run it started, its page. */
struct gateway_info {
    uint64_t run;
    int64_t started_us;
    const char *page;       /* its address; "" when there is none */
    const char *page_error; /* why there is none though one is wanted, else "" */
};
size_t payload_gateway_info(const struct factory *factory, const struct gateway_info *info,
                            char *text, size_t size);

/* root/_gateway/NAME/stats. */
struct stats {
    int64_t time_us;
    struct ledger_view ledger;
    struct live_totals totals;
    uint64_t published; /* samples acknowledged since the start */
    uint64_t rejected;  /* parked because the broker refused them */
    uint64_t reconnects;
    double samples_per_s; /* since the last stats */
    double readings_per_s;
};
size_t payload_stats(const struct stats *stats, char *text, size_t size);

/* Walks the members of one of our own flat sample payloads; for export. Values are raw JSON. */
struct payload_member {
    const char *name;
    size_t name_length;
    const char *value;
    size_t value_length;
};
/* `position` starts at 0; false at the end or when the text is not such an object. */
bool payload_next(const char *text, size_t length, size_t *position,
                  struct payload_member *member);

#endif
