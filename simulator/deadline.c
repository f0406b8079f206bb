#include "simulator/deadline.h"

#include <assert.h>
#include <stdlib.h>

#include "config/memory.h"

struct deadlines {
    struct deadline **heap; /* from 1 on */
    size_t count;
    size_t size;
};

struct deadlines *deadlines_create(size_t size)
{
    struct deadlines *deadlines = memory_allocate(1, sizeof *deadlines);
    deadlines->heap = memory_allocate(size + 1, sizeof(struct deadline *));
    deadlines->size = size;
    return deadlines;
}

void deadlines_destroy(struct deadlines *deadlines)
{
    if (deadlines != NULL) {
        free(deadlines->heap);
        free(deadlines);
    }
}

static void put(struct deadlines *deadlines, size_t place, struct deadline *deadline)
{
    deadlines->heap[place] = deadline;
    deadline->place = place;
}

static void rise(struct deadlines *deadlines, struct deadline *deadline)
{
    size_t place = deadline->place;
    while (place > 1 && deadlines->heap[place / 2]->due_us > deadline->due_us) {
        put(deadlines, place, deadlines->heap[place / 2]);
        place /= 2;
    }
    put(deadlines, place, deadline);
}

static void sink(struct deadlines *deadlines, struct deadline *deadline)
{
    size_t place = deadline->place;
    for (size_t child = 2 * place; child <= deadlines->count; child = 2 * place) {
        if (child < deadlines->count &&
            deadlines->heap[child + 1]->due_us < deadlines->heap[child]->due_us) {
            child++;
        }
        if (deadlines->heap[child]->due_us >= deadline->due_us) {
            break;
        }
        put(deadlines, place, deadlines->heap[child]);
        place = child;
    }
    put(deadlines, place, deadline);
}

void deadline_set(struct deadlines *deadlines, struct deadline *deadline, int64_t due_us)
{
    if (deadline->place == 0) {
        assert(deadlines->count < deadlines->size);
        deadline->place = ++deadlines->count;
    }
    deadline->due_us = due_us;
    rise(deadlines, deadline);
    sink(deadlines, deadline);
}

void deadline_clear(struct deadlines *deadlines, struct deadline *deadline)
{
    size_t place = deadline->place;
    if (place == 0) {
        return;
    }
    deadline->place = 0;
    struct deadline *last = deadlines->heap[deadlines->count--];
    if (last != deadline) {
        put(deadlines, place, last);
        rise(deadlines, last);
        sink(deadlines, last);
    }
}

struct deadline *deadlines_first(const struct deadlines *deadlines)
{
    return deadlines->count > 0 ? deadlines->heap[1] : NULL;
}
