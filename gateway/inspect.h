/* One machine looked at outside the daemon: its plan, and one poll of it, register by register.
 * For `read` and `check`.
 *
 * Opens a connection of its own; a device that allows only one refuses while the daemon runs.
 */
#ifndef GATEWAY_INSPECT_H
#define GATEWAY_INSPECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "config/factory.h"

/* What was found, added up over machines. */
struct inspect_totals {
    size_t good; /* tags; those out of their range are `uncertain` */
    size_t uncertain;
    size_t bad;
    size_t silent; /* machines that did not answer */
};

/* Reads every tag once and prints a line a tag (value, unit, quality, register, raw hex), then
 * what it took and why tags are bad. Returns whether the machine answered and no tag was bad.
 */
bool inspect_machine(const struct factory *factory, size_t machine,
                     struct inspect_totals *totals, FILE *stream);

/* Prints the machine's requests of one cycle, with `totals` also reads it (the same as
 * inspect_machine), and tells what the cycle costs of the pace that is asked for. Adds to
 * `load` which part of its link's time that is, 1 for all. Returns false with a sentence on
 * stderr when the driver refuses the configuration. */
bool inspect_plan(const struct factory *factory, size_t machine, struct inspect_totals *totals,
                  double *load, FILE *stream);

/* "12 tags good, 1 bad" */
void inspect_print_totals(const struct inspect_totals *totals, FILE *stream);

/* The index of the machine of that name; false with a sentence naming all on stderr. */
bool inspect_find(const struct factory *factory, const char *name, size_t *machine);

#endif
