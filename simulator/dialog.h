/* What the control socket understands: one JSON object a line in, one a line out.
 *
 *     {"command":"inject","fault":"P04 strength=2 duration=60s hidden"}  → {"ok":true,"id":3}
 *     {"command":"clear","id":3}                (0 or no id: all)  → {"ok":true,"cleared":2}
 *     {"command":"hide","id":3}  {"command":"reveal","id":3}       → {"ok":true,"changed":1}
 *     {"command":"list"}    the scenarios                          →
 * {"ok":true,"scenarios":[…]}
 *     {"command":"status"}  time, line, what is wrong now          → {"ok":true,"steps":…}
 *     {"command":"dump"}    every register of every machine        → {"ok":true,"machines":{…}}
 *
 * A scenario of `list` has id, kind, target; title_fr, _de, _en; description_fr, _de, _en;
 * strength 1 and what that means (amount, and usual for strength 0, in unit), all null where
 * there is no strength; duration_s or null; ramps, hidden (as a rule), simulated (false: N03,
 * N04).
 *
 * `status` has steps, time_s, seed, speed, lines, and:
 *     active  what is set, one entry an id: id, scenario ("" for a fault of its own), fault,
 * target, started (its delay has passed), since and ends (wall clock, ms since 1970; null:
 *             until it is cleared), since_s and ends_s (simulated), strength, share (how far
 * its ramp is, 0 to 1), hidden log     what was done through this socket, newest first: time
 * (ms), time_s, action, id, scenario, fault, strength, hidden faults  every single fault: id,
 * scenario, active, hidden, fault With "audience":"learner" nothing in there tells of what is
 * hidden.
 *
 * What is not understood: {"ok":false,"error":"…"}. No sockets here. One thread. */
#ifndef SIMULATOR_DIALOG_H
#define SIMULATOR_DIALOG_H

#include <stdio.h>

#include "simulator/diary.h"
#include "simulator/fault.h"
#include "simulator/world.h"

enum { DIALOG_LINE_MAX = 4096 };

/* All belong to the caller. */
struct dialog_parts {
    struct world *world;
    struct faults *faults;
    struct diary *diary;
    uint64_t seed;
    double speed;
    int64_t now_ms; /* wall clock, since 1970 UTC */
};

/* Does what the line says, and writes the reply with its newline. */
void dialog_answer(const struct dialog_parts *parts, const char *line, FILE *reply);

#endif
