/* The topics, each named in one place: what they say stands in the README, "What is published".
 * Pure. */
#ifndef GATEWAY_TOPIC_H
#define GATEWAY_TOPIC_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "config/factory.h"

enum { TOPIC_SIZE = 512 };

/* The events of the gateway, which are listed and published under these names alone. */
enum topic_event {
    TOPIC_BACKLOG_STARTED,
    TOPIC_BACKLOG_DRAINED,
    TOPIC_EVICTED,
    TOPIC_REJECTED,
    TOPIC_DAMAGED,
    TOPIC_JOURNAL_HELD,
    TOPIC_JOURNAL_DAMAGED,
    TOPIC_JOURNAL_SALVAGED,
    TOPIC_EVENTS_COUNT
};
extern const char *const topic_events[TOPIC_EVENTS_COUNT + 1]; /* NULL behind the last */

/* root/area/machine/LEAF, or root/area/machine/LEAF/NAME when `name` is not NULL: leaf is
 * "status", "info", "now", "snapshot", "samples", "meta", "event". */
void topic_of_machine(const struct factory *factory, size_t machine, const char *leaf,
                      const char *name, char topic[static TOPIC_SIZE]);

/* root/_gateway/NAME/LEAF: "status", "info", "stats", "event" (with a name). */
void topic_of_gateway(const struct factory *factory, const char *leaf, const char *name,
                      char topic[static TOPIC_SIZE]);

/* root/PATH, for what the journal names below the root. */
void topic_below_root(const struct factory *factory, const char *path, const char *leaf,
                      char topic[static TOPIC_SIZE]);

/* Whoever wants to see each topic: its leaf, the name behind that (NULL: none), and the index
 * of its tag. */
#define TOPIC_OF_NO_TAG SIZE_MAX
struct topic_visit {
    void (*see)(void *context, const char *leaf, const char *name, size_t tag);
    void *context;
};
void topic_visit_gateway(const struct topic_visit *visit);
void topic_visit_machine(const struct machine *machine, const struct topic_visit *visit);

/* Every topic that will be published, one a line; events by their names. */
void topic_print_all(const struct factory *factory, FILE *stream);

#endif
