/* Scenarios: what an instructor lets happen, each a bundle of faults under a name.
 *
 *     P04 [strength=2] [start=10s | delay=10s] [duration=60s] [ramp=30s] [hidden | shown]
 *
 * The same line stands in a scene file and on the command line of `inject`. Strength 1 is what
 * the table says; other strengths move every figure away from its usual value, and a ramp moves
 * it there slowly. What is there or is not takes neither. One thread. */
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
    const char *id;   /* NULL ends the table */
    const char *kind; /* process, sensor, network, protocol, counter */
    const char *target;
    const char *titles[SCENARIO_LANGUAGES_COUNT];    /* fr, de, en */
    const char *questions[SCENARIO_LANGUAGES_COUNT]; /* what happens, what to look for */
    const char *unit;     /* of the figure that strength moves; NULL: a number, or none */
    double factor;        /* from the figure to that unit; 0: 1 */
    const char *duration; /* NULL: until it is cleared */
    bool is_hidden;       /* from learners, unless said otherwise */
    struct scenario_fault faults[SCENARIO_FAULTS_MAX]; /* none: it concerns no device */
};

extern const struct scenario scenario_table[];

const struct scenario *scenario_all(void);

/* The scenario whose id is the first word of the text, NULL when there is none. */
const struct scenario *scenario_find(const char *text);

/* What a scenario's strength moves: its figure at strength 0 and 1, in its unit; false when it
 * has no strength. */
bool scenario_figure(const struct scenario *scenario, double *usual, double *amount);

/* Whether it can come slowly: it takes a ramp. */
bool scenario_can_grow(const struct scenario *scenario);

/* Adds the faults of a scenario's line, or the fault of a fault's line: `start` counts from
 * `steps`. Returns the id that they share, 0 with `error` filled when there is none. */
unsigned scenario_add(struct faults *faults, const char *text, uint64_t steps,
                      struct fault_error *error);

#endif
