/* Readiness: told once when every link was tried once and the broker's state is known.
 *
 * Any thread. main waits on the descriptor together with the signals. */
#ifndef GATEWAY_READY_H
#define GATEWAY_READY_H

#include <stdbool.h>
#include <stddef.h>

struct ready;

/* `parts_count` parts must report, each once. */
struct ready *ready_create(size_t parts_count);
void ready_destroy(struct ready *ready);
void ready_report(struct ready *ready);

bool ready_is_complete(struct ready *ready);

/* Readable when all have reported. */
int ready_descriptor(const struct ready *ready);

#endif
