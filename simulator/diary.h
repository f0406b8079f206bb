/* The diary: what somebody let happen through the control socket, the last entries of it.
 *
 * A plain value, empty when zeroed. One thread. */
#ifndef SIMULATOR_DIARY_H
#define SIMULATOR_DIARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "simulator/fault.h"

enum { DIARY_SIZE = 64 };

struct diary_entry {
    const char *action; /* a literal: inject, clear, hide, reveal */
    unsigned id;        /* of the fault; 0: all */
    int64_t time_ms;    /* wall clock, since 1970 UTC */
    uint64_t steps;
    bool is_hidden; /* from learners */
    double strength;
    const char *scenario; /* its id, "" for a fault of its own */
    char fault[FAULT_TEXT_MAX];
};

struct diary {
    struct diary_entry entries[DIARY_SIZE];
    size_t count; /* ever written */
};

/* Takes a copy; the oldest entry makes room. */
void diary_write(struct diary *diary, const struct diary_entry *entry);

/* The entry that `age` others are newer than, or NULL. */
const struct diary_entry *diary_read(const struct diary *diary, size_t age);

/* What is told of the fault of that id (0: of all) is hidden or shown from now on. */
void diary_hide(struct diary *diary, unsigned id, bool is_hidden);

#endif
