#include "gateway/outbox.h"

#include <assert.h>

static struct outbox_entry *entry_at(struct outbox *outbox, size_t index)
{
    return &outbox->entries[(outbox->first + index) % OUTBOX_MAX];
}

static bool is_done(enum outbox_state state)
{
    return state == OUTBOX_ACKNOWLEDGED || state == OUTBOX_SET_ASIDE;
}

static void move_cursor(struct outbox *outbox)
{
    while (outbox->count > 0 && is_done(entry_at(outbox, 0)->state)) {
        const struct outbox_entry *oldest = entry_at(outbox, 0);
        outbox->cursor = oldest->seq;
        outbox->acknowledged += oldest->state == OUTBOX_ACKNOWLEDGED ? 1 : 0;
        outbox->first = (outbox->first + 1) % OUTBOX_MAX;
        outbox->count--;
    }
}

static void count_state(struct outbox *outbox, enum outbox_state state, size_t difference)
{
    if (state == OUTBOX_SENT) {
        outbox->sent += difference;
    } else if (state == OUTBOX_REFUSED) {
        outbox->refused += difference;
    }
}

void outbox_init(struct outbox *outbox, uint64_t cursor)
{
    *outbox = (struct outbox){.cursor = cursor, .newest = cursor};
}

size_t outbox_room(const struct outbox *outbox)
{
    return OUTBOX_MAX - outbox->count;
}

void outbox_add(struct outbox *outbox, uint64_t seq, enum outbox_state state)
{
    assert(seq > outbox->newest);
    assert(outbox->count < OUTBOX_MAX);
    *entry_at(outbox, outbox->count) = (struct outbox_entry){.seq = seq, .state = state};
    outbox->count++;
    outbox->newest = seq;
    count_state(outbox, state, 1);
    move_cursor(outbox);
}

void outbox_settle(struct outbox *outbox, uint64_t seq, enum outbox_state state)
{
    for (size_t at = 0; at < outbox->count; at++) {
        struct outbox_entry *entry = entry_at(outbox, at);
        if (entry->seq == seq && !is_done(entry->state)) {
            count_state(outbox, entry->state, SIZE_MAX); /* one less */
            entry->state = state;
            count_state(outbox, state, 1);
            break;
        }
    }
    move_cursor(outbox);
}

bool outbox_first_refused(const struct outbox *outbox, uint64_t *seq)
{
    for (size_t at = 0; outbox->refused > 0 && at < outbox->count; at++) {
        const struct outbox_entry *entry = &outbox->entries[(outbox->first + at) % OUTBOX_MAX];
        if (entry->state == OUTBOX_REFUSED) {
            *seq = entry->seq;
            return true;
        }
    }
    return false;
}

uint64_t outbox_oldest(const struct outbox *outbox)
{
    return outbox->count > 0 ? outbox->entries[outbox->first].seq : 0;
}

void outbox_rewind(struct outbox *outbox)
{
    outbox->newest = outbox->cursor;
    outbox->count = 0;
    outbox->sent = 0;
    outbox->refused = 0;
}
