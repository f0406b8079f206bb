/* What the control socket tells, as members of a JSON object: scenarios, what is wrong now,
 * what was done, how the line is, every register. Nothing here changes anything. One thread. */
#ifndef SIMULATOR_ACCOUNT_H
#define SIMULATOR_ACCOUNT_H

#include <stdio.h>

#include "simulator/dialog.h"

/* A text as a JSON string, with its quotes. Bytes outside ASCII pass as they are. */
void account_put_string(FILE *stream, const char *text);

/* "scenarios":[…], see dialog.h for what each of these holds. */
void account_put_scenarios(FILE *stream);

/* "active":[…],"log":[…],"faults":[…]; a learner is told nothing of what is hidden. */
void account_put_faults(const struct dialog_parts *parts, bool is_for_learners, FILE *stream);

/* "lines":[…] */
void account_put_lines(const struct world *world, FILE *stream);

/* "machines":{…} */
void account_put_machines(const struct dialog_parts *parts, FILE *stream);

#endif
