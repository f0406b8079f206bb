/* A scene file: what goes wrong, when, in a run of the simulator.
 *
 * One fault a line, as fault.h says; blank lines, and `#` at a line's start or after white
 * space begins a comment. `personality = off` makes every device answer at once. */
#ifndef SIMULATOR_SCENE_H
#define SIMULATOR_SCENE_H

#include <stdbool.h>
#include <stddef.h>

#include "config/problems.h"
#include "simulator/fault.h"

struct scene {
    bool has_personalities;
};

/* Adds the faults of the file to `faults`. Every problem is added to `problems`. */
void scene_load(const char *path, struct faults *faults, struct scene *scene,
                struct problems *problems);

/* The same from memory; `path` only names it. */
void scene_parse(const char *path, const char *text, size_t length, struct faults *faults,
                 struct scene *scene, struct problems *problems);

#endif
