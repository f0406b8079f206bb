/* What a simulated machine is: a state, a step of 0.1 s, and a table of its tags.
 *
 * A model keeps the value of each tag in a field of its state; the world copies the fields into
 * the registers. A new machine is one file in models/ and one line in model.c. */
#ifndef SIMULATOR_MODEL_H
#define SIMULATOR_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "simulator/line.h"
#include "simulator/random.h"
#include "simulator/registers.h"

/* What kind of field holds a tag's value. */
enum model_kind {
    MODEL_BOOLEAN, /* bool */
    MODEL_INTEGER, /* int64_t: exact, wraps at the tag's width like a counter */
    MODEL_NUMBER,  /* double: rounded and limited; NaN means not available */
    MODEL_TEXT,    /* char[], ended by NUL; bytes as they lie in the device */
    MODEL_TIME,    /* int64_t: us since 1970 UTC */
};

struct model_tag {
    const char *name; /* as in the register map; NULL ends the table */
    enum model_kind kind;
    size_t offset; /* of the field in the state */
};

struct model {
    const char *name; /* of the factory file's `simulate` */

    /* A machine of the line is stepped whether or not anyone serves it; `size` 0 and no `init`
     * or `step` for models that are no machine of the line. */
    size_t size; /* bytes of its state */
    void (*init)(void *state, struct line *line, struct random *random);
    void (*step)(void *state, struct line *line, struct random *random);

    /* NULL for machines that cannot be served yet, and for models that use `fill`. */
    const struct model_tag *tags;

    /* For models without a state: fills a tag's registers as they are after `steps` steps. */
    void (*fill)(struct registers *registers, size_t tag, uint64_t steps);
    /* Called before each read, with the wall clock; NULL when not wanted. */
    void (*touch)(struct registers *registers, int64_t time_us);
};

/* All models; those of the line in the order of the flow. */
const struct model *const *model_all(size_t *count);

/* The model of that name that can be served, or NULL. */
const struct model *model_find(const char *name);

/* Whether it is stepped as a part of the line. */
bool model_is_of_line(const struct model *model);

#endif
