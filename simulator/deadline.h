/* Many moments, and which comes first: a binary heap that its members know their place in. */
#ifndef SIMULATOR_DEADLINE_H
#define SIMULATOR_DEADLINE_H

#include <stddef.h>
#include <stdint.h>

/* A member; zeroed means not set. */
struct deadline {
    int64_t due_us;
    size_t place; /* from 1 in the heap; 0: not in it */
};

struct deadlines;

/* Room for `size` members at the same time. */
struct deadlines *deadlines_create(size_t size);
void deadlines_destroy(struct deadlines *deadlines);

void deadline_set(struct deadlines *deadlines, struct deadline *deadline, int64_t due_us);
void deadline_clear(struct deadlines *deadlines, struct deadline *deadline);

/* The one that is due first, NULL when there is none. */
struct deadline *deadlines_first(const struct deadlines *deadlines);

#endif
