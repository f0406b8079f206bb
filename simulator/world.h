/* The world: every simulated machine of the factory, its state and its registers, in step.
 *
 * Machines of the line's models stand in lines: the first mill, oven, meter … of the factory
 * file form the first line, the second ones a second line. A line is always complete: machines
 * that the file does not name are stepped too, they only cannot be read. One thread. */
#ifndef SIMULATOR_WORLD_H
#define SIMULATOR_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/factory.h"
#include "config/problems.h"
#include "simulator/fault.h"
#include "simulator/model.h"
#include "simulator/personality.h"

struct world;

/* What a fault does to the registers of a tag. */
struct world_hold {
    bool is_held;
    enum fault_hold hold;
    double value;
    uint64_t first_step;
    uint64_t ramp_steps;
};

/* One machine that can be read. */
struct world_unit {
    const struct machine *machine;
    const char *link;
    const struct model *model;
    const struct personality *personality; /* its own limits; the wire is the endpoint's */
    struct registers *registers;
    struct line *line;        /* NULL: no machine of a line */
    void *state;              /* the model's */
    size_t *fields;           /* by the map's tags: index into model->tags, or WORLD_NO_FIELD */
    struct world_hold *holds; /* by the map's tags */
    uint64_t noise_seed;      /* what the noise in its tags is drawn from */
    uint64_t filled_steps;    /* the registers are as they were after so many steps */
    bool is_filled;
};
#define WORLD_NO_FIELD SIZE_MAX

/* The world begins after its first step. NULL when a machine asks for a model that there is
 * not; the problems say so. Tags that a model does not know are reported on stderr, once a map.
 * `faults` outlives the world. */
struct world *world_create(const struct factory *factory, uint64_t seed, struct faults *faults,
                           struct problems *problems);
void world_destroy(struct world *world);

/* One step of 0.1 simulated seconds. */
void world_step(struct world *world);
uint64_t world_steps(const struct world *world);

/* How many steps there must be `elapsed_us` after the start; makes them, at most a bounded
 * number. What a stall of this process left behind beyond that is skipped; returns how many
 * steps were skipped. */
uint64_t world_advance(struct world *world, int64_t elapsed_us, double speed);

size_t world_units_count(const struct world *world);
struct world_unit *world_unit(struct world *world, size_t index);

/* The registers as they are now: fills them when the world has moved. */
const struct registers *world_read(struct world *world, struct world_unit *unit,
                                   int64_t time_us);

/* After registers of the unit were written by a client: tells the model. */
void world_written(struct world_unit *unit, enum table table, uint16_t address, uint16_t count);

/* The index-th line, NULL behind the last. For tests and the status. */
const struct line *world_line(const struct world *world, size_t index);

#endif
