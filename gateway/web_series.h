/* A tag's past while it is gathered, from the newest rows to the oldest. One thread. */
#ifndef GATEWAY_WEB_SERIES_H
#define GATEWAY_WEB_SERIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/map.h"
#include "gateway/journal_row.h"
#include "gateway/json.h"

enum { WEB_SERIES_POINTS_MAX = 2000 };

struct web_series;

/* `points` equal buckets from `from_ms` to `to_ms` for numbers; changes for all else. */
struct web_series *web_series_create(const struct tag *tag, int64_t from_ms, int64_t to_ms,
                                     size_t points);
void web_series_destroy(struct web_series *series);

/* How often the journal gets a row of the tag while all is well, in ms. */
struct web_series_pace {
    int64_t period;
    int64_t silence; /* when two rows lie further apart, nothing is known between them */
    int64_t restart; /* the same, when the later is of another run of the gateway */
};

/* Before the first block. From here on changes end one period after the last row before a
 * silence, with a bad point; without this they last until the next, however long that is. */
void web_series_expect(struct web_series *series, const struct web_series_pace *pace);

/* A block of rows, each in order; blocks come newest first. */
void web_series_begin_block(struct web_series *series);
void web_series_add(struct web_series *series, const struct journal_row *row);

/* False when it holds as much as it can: what is older has no place. */
bool web_series_has_room(const struct web_series *series);

/* `"step_ms":…,"points":[[t,min,max,last,quality],…]` */
void web_series_put(struct json *json, struct web_series *series);

#endif
