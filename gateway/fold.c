#include "gateway/fold.h"

#include <stdio.h>
#include <string.h>

#include "config/hash.h"

static const int64_t pause_us = FOLD_PAUSE_S * INT64_C(1000000);

/* The line up to its second blank. */
static uint64_t name_of(const char *line)
{
    size_t first = strcspn(line, " ");
    size_t length = line[first] == '\0' ? first : first + 1 + strcspn(line + first + 1, " ");
    return hash_text(line, length) | 1; /* 0 is nobody */
}

/* Its place, else one that is free or that has been silent longest. Whoever keeps a line stays,
 * as long as others can go. */
static struct fold_source *find(struct fold *fold, uint64_t name)
{
    struct fold_source *oldest = &fold->sources[0];
    for (size_t at = 0; at < FOLD_SOURCES; at++) {
        struct fold_source *source = &fold->sources[at];
        if (source->name == name) {
            return source;
        }
        bool is_freer = (source->suppressed == 0) > (oldest->suppressed == 0);
        bool is_alike = (source->suppressed == 0) == (oldest->suppressed == 0);
        if (is_freer || (is_alike && source->full_us < oldest->full_us)) {
            oldest = source;
        }
    }
    *oldest = (struct fold_source){.name = name};
    return oldest;
}

static int64_t free_us(const struct fold_source *source)
{
    return source->full_us - (FOLD_BURST - 1) * pause_us;
}

static void count(struct fold_source *source, int64_t now_us)
{
    source->full_us = (source->full_us > now_us ? source->full_us : now_us) + pause_us;
    source->suppressed = 0;
}

bool fold_take(struct fold *fold, const char *line, int64_t now_us, unsigned *suppressed)
{
    /* The severity is no part of the name: `lost` and `back` are of one source. */
    const char *text = line[0] == '<' && line[1] != '\0' && line[2] == '>' ? line + 3 : line;
    struct fold_source *source = find(fold, name_of(text));
    if (free_us(source) > now_us) {
        source->suppressed++;
        (void)snprintf(source->line, sizeof source->line, "%s", line);
        return false;
    }
    *suppressed = source->suppressed;
    count(source, now_us);
    return true;
}

bool fold_next(struct fold *fold, int64_t now_us, char line[static FOLD_LINE_SIZE],
               unsigned *suppressed)
{
    for (size_t at = 0; at < FOLD_SOURCES; at++) {
        struct fold_source *source = &fold->sources[at];
        if (source->suppressed > 0 && free_us(source) <= now_us) {
            (void)memcpy(line, source->line, FOLD_LINE_SIZE);
            *suppressed = source->suppressed - 1; /* this one is said after all */
            count(source, now_us);
            return true;
        }
    }
    return false;
}

int64_t fold_due_us(const struct fold *fold)
{
    int64_t due_us = INT64_MAX;
    for (size_t at = 0; at < FOLD_SOURCES; at++) {
        const struct fold_source *source = &fold->sources[at];
        if (source->suppressed > 0 && free_us(source) < due_us) {
            due_us = free_us(source);
        }
    }
    return due_us;
}
