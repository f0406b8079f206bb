/* What befalls the journal, told to the log and to the broker: one line and one event each. Any
 * thread. */
#ifndef GATEWAY_INCIDENT_H
#define GATEWAY_INCIDENT_H

#include "gateway/events.h"
#include "gateway/journal.h"

/* Samples that will never be sent: `damaged`, or else `evicted` with the gap's reason.
 * `component` says in the log who found that. */
void incident_lost(struct events *events, const char *component, const struct journal_gap *gap);

/* A file that was set aside; its unsent samples are being saved. */
void incident_set_aside(struct events *events, const char *file);

/* The end of that. */
void incident_salvaged(struct events *events, const struct journal_salvaged *salvaged);

/* A reader makes the log grow, to so many bytes; or no longer does. */
void incident_held(struct events *events, bool is_held, uint64_t log_bytes);

#endif
