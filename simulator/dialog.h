/* What the control socket understands: one JSON object a line in, one a line out.
 *
 *     {"command":"inject","fault":"P04 strength=2 duration=60s"}   → {"ok":true,"id":3}
 *     {"command":"clear","id":3}            (0 or no id: all)      → {"ok":true,"cleared":2}
 *     {"command":"list"}       the scenarios                       →
 * {"ok":true,"scenarios":[…]}
 *     {"command":"status"}     time, line, what is wrong now       → {"ok":true,"steps":…}
 *     {"command":"dump"}       every register of every machine     → {"ok":true,"machines":{…}}
 *
 * What is not understood: {"ok":false,"error":"…"}. No sockets here. One thread. */
#ifndef SIMULATOR_DIALOG_H
#define SIMULATOR_DIALOG_H

#include <stdio.h>

#include "simulator/fault.h"
#include "simulator/world.h"

enum { DIALOG_LINE_MAX = 4096 };

/* All belong to the caller. */
struct dialog_parts {
    struct world *world;
    struct faults *faults;
    uint64_t seed;
    double speed;
};

/* Does what the line says, and writes the reply with its newline. */
void dialog_answer(const struct dialog_parts *parts, const char *line, FILE *reply);

/* A text as a JSON string, with its quotes. Bytes outside ASCII pass as they are. */
void dialog_put_string(FILE *stream, const char *text);

#endif
