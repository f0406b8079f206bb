/* The window of the safe lane: which samples are under way, and how far all are done. Pure.
 *
 * Samples enter in order of seq and may be settled in any order; the cursor moves over the
 * contiguous done ones. */
#ifndef GATEWAY_OUTBOX_H
#define GATEWAY_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* More gains nothing: paho's lists are linear, and each loss repeats the window. */
enum { OUTBOX_MAX = 64 };

enum outbox_state {
    OUTBOX_SENT,    /* no answer yet */
    OUTBOX_REFUSED, /* to be sent again */
    OUTBOX_ACKNOWLEDGED,
    OUTBOX_SET_ASIDE, /* done without having arrived: rejected for good, damaged, gone */
};

struct outbox_entry {
    uint64_t seq;
    enum outbox_state state;
};

struct outbox {
    uint64_t cursor;                         /* all up to here are done */
    uint64_t newest;                         /* the highest seq that entered */
    uint64_t acknowledged;                   /* how many the cursor passed that had arrived */
    struct outbox_entry entries[OUTBOX_MAX]; /* a ring, oldest at `first` */
    size_t first;
    size_t count;
    size_t sent;    /* entries without an answer */
    size_t refused; /* entries to be sent again */
};

/* Nothing is under way; all up to `cursor` are done. */
void outbox_init(struct outbox *outbox, uint64_t cursor);

/* `seq` is above `newest` and outbox_room() is not 0. */
void outbox_add(struct outbox *outbox, uint64_t seq, enum outbox_state state);
size_t outbox_room(const struct outbox *outbox);

/* Changes the state of one that is not done; one that is unknown or done is left alone. */
void outbox_settle(struct outbox *outbox, uint64_t seq, enum outbox_state state);

/* The oldest one to be sent again; false when there is none. */
bool outbox_first_refused(const struct outbox *outbox, uint64_t *seq);

/* The seq of the oldest one under way, 0 when there is none. */
uint64_t outbox_oldest(const struct outbox *outbox);

/* The connection is gone: everything behind the cursor is to enter again. */
void outbox_rewind(struct outbox *outbox);

#endif
