/* From raw readings to a sample: scale, offset, range, words, and the JSON text of every value.
 *
 * A sample is formatted once; the journal's row, the MQTT message and the page all carry these
 * bytes. Pure but for the allocation in sample_create; one thread at a time. */
#ifndef GATEWAY_SAMPLE_H
#define GATEWAY_SAMPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/factory.h"
#include "drivers/reading.h"

enum quality { QUALITY_GOOD, QUALITY_UNCERTAIN, QUALITY_BAD };

/* One tag of a sample, ready to be published. */
struct point {
    int64_t time_us;      /* when the answer that carried it was complete */
    double number;        /* for deadbands; NAN when the value is no number */
    uint32_t text;        /* where its JSON value starts in sample.text */
    uint16_t text_length; /* "null" when bad */
    uint8_t quality;      /* enum quality */
    uint8_t reason;       /* enum reason when bad */
    uint8_t exception;
    bool is_present; /* false: not read on this beat */
};

/* All readings of one machine from one poll. */
struct sample {
    size_t machine;       /* index into factory.machines */
    uint64_t seq;         /* 0 until the queue has numbered it */
    int64_t time_us;      /* of its oldest reading */
    enum quality quality; /* of the sample: good or bad only when all its values are */
    struct point *points; /* one a tag, in the map's order */
    size_t points_count;
    size_t points_max;
    /* The payload is text[payload … payload + payload_length), complete from '{' to '}' once
     * numbered. Behind it, as a JSON array, the names of uncertain tags ("" when none). */
    char *text;
    uint32_t text_size;
    uint32_t payload;
    uint32_t payload_length;
    uint32_t uncertain_length;
};

/* Large enough for any machine of the link, or of the factory when that is NULL. Never NULL;
 * the caller destroys it. */
struct sample *sample_create(const struct factory *factory, const struct link *link);
void sample_destroy(struct sample *sample);

/* The most bytes that a payload of this map, and the JSON text of this tag's value, can take.
 */
size_t sample_payload_size(const struct map *map);
size_t sample_value_size(const struct tag *tag);

/* Builds the sample of `machine` from its readings (one a tag of its map, in its order). When
 * the clock was not set yet at the oldest, every good value is uncertain. Needs at least one
 * reading that is not absent. Everything but run and seq is then in place. */
void sample_build(struct sample *sample, const struct factory *factory, size_t machine,
                  const struct reading *readings);

/* Writes `{"seq":…,"run":…,` before the rest of the payload. Once per build. */
void sample_number(struct sample *sample, uint64_t seq, uint64_t run);

/* Whether the tag's min or max forbids the number, as scaled. */
bool sample_is_out_of_range(const struct tag *tag, double number);

/* The JSON text of a point's value; not terminated. */
const char *sample_value(const struct sample *sample, size_t point);

/* "good", "uncertain", "bad". */
const char *quality_text(enum quality quality);

/* What was last told of a tag, to decide whether it has moved. */
struct told {
    double number;
    uint64_t text_hash; /* FNV-1a of the value's text */
    uint8_t quality;
    uint8_t reason;
    uint8_t exception;
    bool is_told; /* false: nothing was told yet */
};

/* Whether the point, with its value's text, differs from what was told: quality or reason
 * changed, a number moved beyond the tag's deadband, a text changed. */
bool told_has_moved(const struct told *told, const struct tag *tag, const struct point *point,
                    const char *text);
void told_remember(struct told *told, const struct point *point, const char *text);

#endif
