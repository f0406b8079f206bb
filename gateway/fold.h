/* Repeated log lines folded: who says too much is cut short, and what it said last is kept.
 * Pure.
 *
 * A source is a line's module and its first pair, `poller machine=m3_mill`. It may say
 * FOLD_BURST lines at once and one more every FOLD_PAUSE_S seconds; of what goes beyond, the
 * newest line is kept until it may be said, with ` suppressed=N`: the log's last word on a
 * source is always how it is. */
#ifndef GATEWAY_FOLD_H
#define GATEWAY_FOLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FOLD_BURST = 20, FOLD_PAUSE_S = 3 };
enum { FOLD_SOURCES = 256 }; /* that spoke last; more are not told apart from new ones */
enum { FOLD_LINE_SIZE = 320 };

struct fold_source {
    uint64_t name;   /* its hash; 0: nobody */
    int64_t full_us; /* when it may say FOLD_BURST lines again (monotonic) */
    unsigned suppressed;
    char line[FOLD_LINE_SIZE]; /* the newest of them, without its line feed */
};

struct fold {
    struct fold_source sources[FOLD_SOURCES];
};

/* Whether the line may be said now; `suppressed`: how many of its source were not, before. */
bool fold_take(struct fold *fold, const char *line, int64_t now_us, unsigned *suppressed);

/* Takes a kept line that may be said now: a source that fell silent after a flood. */
bool fold_next(struct fold *fold, int64_t now_us, char line[static FOLD_LINE_SIZE],
               unsigned *suppressed);

/* When the next kept line may be said; INT64_MAX when none is kept. */
int64_t fold_due_us(const struct fold *fold);

#endif
