/* Scenarios: what an instructor lets happen, each a bundle of faults under a name.
 *
 *     P04 [strength=2] [start=10s | delay=10s] [duration=60s] [hidden]
 *
 * The same line stands in a scene file and on the command line of `inject`. Strength 1 is what
 * the table says; other strengths move every figure away from its usual value. One thread. */
#ifndef SIMULATOR_SCENARIO_H
#define SIMULATOR_SCENARIO_H

#include "simulator/fault.h"

enum { SCENARIO_FAULTS_MAX = 4, SCENARIO_LANGUAGES_COUNT = 3 };

/* How strength acts on a fault's value. */
enum scenario_scale {
    SCENARIO_PLAIN,     /* not at all */
    SCENARIO_SCALED,    /* as a factor */
    SCENARIO_PARAMETER, /* as a factor on the distance from the parameter's usual value */
};

struct scenario_fault {
    const char *text; /* a fault's line without its value; NULL ends the list */
    double value;
    enum scenario_scale scale;
};

struct scenario {
    const char *id; /* NULL ends the table */
    const char *category;
    const char *target;
    const char *titles[SCENARIO_LANGUAGES_COUNT]; /* fr, de, en */
    const char *duration;                         /* NULL: until it is cleared */
    bool is_hidden;                               /* from learners, unless said otherwise */
    struct scenario_fault faults[SCENARIO_FAULTS_MAX]; /* none: it concerns no device */
};

const struct scenario *scenario_all(void);

/* Adds the faults of a scenario's line, or the fault of a fault's line: `start` counts from
 * `steps`. Returns the id that they share, 0 with `error` filled when there is none. */
unsigned scenario_add(struct faults *faults, const char *text, uint64_t steps,
                      struct fault_error *error);

#endif
