#include "gateway/sample.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "config/memory.h"
#include "gateway/clock.h"
#include "gateway/number.h"

/* What precedes a tag in the payload. The first two members are written by sample_number() in
 * front of the rest, so HEADROOM bytes are kept free for them. */
enum { HEADROOM = 64, FRAME_SIZE = 160 };
enum { EXPONENT_MAX = 30 }; /* of a scale_tag; SunSpec's own limit is 10 */
_Static_assert(sizeof "{\"seq\":18446744073709551615,\"run\":18446744073709551615," <= HEADROOM,
               "seq and run fit");

static const char *const quality_texts[] = {
    [QUALITY_GOOD] = "good",
    [QUALITY_UNCERTAIN] = "uncertain",
    [QUALITY_BAD] = "bad",
};

const char *quality_text(enum quality quality)
{
    return quality_texts[quality];
}

/* Characters that the largest value takes as it is: neither scaled nor named. Others may take
 * NUMBER_SIZE; date-times are shorter. */
static size_t number_size(const struct tag *tag)
{
    static const uint8_t sizes[] = {
        [TYPE_BOOL] = sizeof "false",        [TYPE_BIT] = sizeof "false",
        [TYPE_INT16] = sizeof "-32768",      [TYPE_UINT16] = sizeof "65535",
        [TYPE_BITS] = sizeof "65535",        [TYPE_INT32] = sizeof "-2147483648",
        [TYPE_UINT32] = sizeof "4294967295", [TYPE_FLOAT32] = sizeof "-340282350000000000000",
    };
    bool is_plain = !tag->is_scaled && tag->words_count == 0 &&
                    tag->type < sizeof sizes / sizeof *sizes && sizes[tag->type] > 0;
    return is_plain ? sizes[tag->type] : NUMBER_SIZE;
}

/* Escapes double a byte at most: control characters do not get this far. */
size_t sample_value_size(const struct tag *tag)
{
    size_t size = number_size(tag);
    size_t characters = tag->characters * (size_t)2 + 2;
    size = characters > size ? characters : size;
    for (size_t at = 0; at < tag->words_count; at++) {
        size_t word = strlen(tag->words[at].text) * 2 + 2;
        size = word > size ? word : size;
    }
    return size;
}

size_t sample_payload_size(const struct map *map)
{
    size_t size = HEADROOM + FRAME_SIZE;
    for (size_t at = 0; at < map->tags_count; at++) {
        const struct tag *tag = &map->tags[at];
        /* Once as a value, once in `bad` or in the list of uncertain ones. */
        size += 2 * (strlen(tag->name) + sizeof "\"\":,") + sample_value_size(tag) +
                REASON_TEXT_SIZE;
    }
    return size;
}

struct sample *sample_create(const struct factory *factory, const struct link *link)
{
    struct sample *sample = memory_allocate(1, sizeof *sample);
    size_t size = HEADROOM;
    size_t count = link != NULL ? link->machines_count : factory->machines_count;
    for (size_t at = 0; at < count; at++) {
        const struct map *map = factory->machines[link != NULL ? link->machines[at] : at].map;
        size_t needed = sample_payload_size(map);
        size = needed > size ? needed : size;
        if (map->tags_count > sample->points_max) {
            sample->points_max = map->tags_count;
        }
    }
    assert(size <= UINT32_MAX);
    sample->points = memory_allocate(sample->points_max + 1, sizeof *sample->points);
    size_t room = 0;
    sample->text = memory_grow(NULL, &room, size, 1); /* most of it is never touched */
    sample->text_size = (uint32_t)size;
    return sample;
}

void sample_destroy(struct sample *sample)
{
    free(sample->points);
    free(sample->text);
    free(sample);
}

/* A place in the sample's text; sample_payload_size() has made room for all that can come. */
static char *put(char *at, const char *text, size_t length)
{
    (void)memcpy(at, text, length);
    return at + length;
}

static char *put_text(char *at, const char *text)
{
    return put(at, text, strlen(text));
}

/* JSON's two-character escapes, of what can be in a text here; 0 for all others. */
static char escape_of(char character)
{
    switch (character) {
    case '"': return '"';
    case '\\': return '\\';
    case '\t': return 't';
    default: return '\0';
    }
}

static char *put_quoted(char *at, const char *text, size_t length)
{
    *at++ = '"';
    for (size_t index = 0; index < length; index++) {
        char character = text[index];
        char escape = escape_of(character);
        if (escape != '\0') {
            *at++ = '\\';
            character = escape;
        }
        *at++ = character;
    }
    *at++ = '"';
    return at;
}

/* A value on its way to the sample: what is known beside its text. */
struct shaping {
    const struct tag *tag;
    const struct reading *reading;
    int exponent; /* from the scale_tag */
    struct point *point;
};

static void become_bad(struct point *point, uint8_t reason, uint8_t exception)
{
    point->quality = QUALITY_BAD;
    point->reason = reason;
    point->exception = exception;
    point->number = NAN;
}

/* The word of an enumerated value. A value without a word keeps its tag's JSON type: its digits
 * as a string, and uncertain, since the map did not foresee it. */
static char *put_word(char *at, const struct shaping *shaping, uint64_t magnitude,
                      bool is_negative)
{
    const struct tag *tag = shaping->tag;
    uint64_t wanted = is_negative ? -magnitude : magnitude;
    for (size_t index = 0; index < tag->words_count; index++) {
        int64_t value = tag->words[index].value;
        if ((uint64_t)value == wanted && (value < 0) == is_negative) {
            return put_quoted(at, tag->words[index].text, strlen(tag->words[index].text));
        }
    }
    shaping->point->quality = QUALITY_UNCERTAIN;
    at = put_text(at, is_negative ? "\"-" : "\"");
    at += number_format_unsigned(magnitude, at);
    *at++ = '"';
    return at;
}

static char *put_whole(char *at, const struct shaping *shaping, uint64_t magnitude,
                       bool is_negative)
{
    const struct tag *tag = shaping->tag;
    if (tag->words_count > 0) {
        return put_word(at, shaping, magnitude, is_negative);
    }
    if (tag->is_scaled) {
        struct number_scaling scaling = {
            .scale = tag->scale, .offset = tag->offset, .exponent = shaping->exponent};
        return at + number_format_scaled(magnitude, is_negative, &scaling, at,
                                         &shaping->point->number);
    }
    shaping->point->number = is_negative ? -(double)magnitude : (double)magnitude;
    if (is_negative) {
        *at++ = '-';
    }
    return at + number_format_unsigned(magnitude, at);
}

static char *put_float(char *at, const struct shaping *shaping)
{
    const struct reading *reading = shaping->reading;
    const struct tag *tag = shaping->tag;
    double value = reading->kind == READING_FLOAT32 ? (double)reading->value.float32
                                                    : reading->value.float64;
    if (!tag->is_scaled) {
        shaping->point->number = value;
        return at + (reading->kind == READING_FLOAT32
                         ? number_format_float(reading->value.float32, at)
                         : number_format_double(value, at));
    }
    struct number_scaling scaling = {
        .scale = tag->scale, .offset = tag->offset, .exponent = shaping->exponent};
    unsigned length = number_format_scaled_double(value, &scaling, at, &shaping->point->number);
    if (length == 0) {
        become_bad(shaping->point, REASON_NOT_A_NUMBER, 0);
        return put_text(at, "null");
    }
    return at + length;
}

static char *put_value(char *at, const struct shaping *shaping)
{
    const struct reading *reading = shaping->reading;
    int64_t integer = reading->value.integer;
    switch ((enum reading_kind)reading->kind) {
    case READING_BOOLEAN:
        shaping->point->number = reading->value.boolean ? 1.0 : 0.0;
        return put_text(at, reading->value.boolean ? "true" : "false");
    case READING_INTEGER:
        return put_whole(at, shaping, integer < 0 ? -(uint64_t)integer : (uint64_t)integer,
                         integer < 0);
    case READING_UNSIGNED: return put_whole(at, shaping, reading->value.natural, false);
    case READING_FLOAT32:
    case READING_FLOAT64: return put_float(at, shaping);
    case READING_TEXT: return put_quoted(at, reading->value.text, reading->text_length);
    case READING_ABSENT:
    case READING_BAD: break;
    }
    become_bad(shaping->point, reading->reason, reading->exception);
    return put_text(at, "null");
}

/* The exponent of ten that another tag of the same read holds. Without it the value is
 * unusable: false, and the point is bad for the reason of the other. */
static bool find_exponent(const struct shaping *shaping, const struct reading *readings,
                          int *exponent)
{
    const struct reading *other = &readings[shaping->tag->scale_tag];
    int64_t value = 0;
    uint8_t reason = REASON_BAD_ENCODING; /* no power of ten: text, a fraction, far too large */
    switch ((enum reading_kind)other->kind) {
    case READING_INTEGER: value = other->value.integer; break;
    case READING_UNSIGNED:
        value = other->value.natural > EXPONENT_MAX ? INT64_MAX : (int64_t)other->value.natural;
        break;
    case READING_BAD:
        reason = other->reason;
        value = INT64_MAX;
        break;
    case READING_ABSENT:
    case READING_BOOLEAN:
    case READING_FLOAT32:
    case READING_FLOAT64:
    case READING_TEXT: value = INT64_MAX; break;
    }
    if (value < -EXPONENT_MAX || value > EXPONENT_MAX) {
        become_bad(shaping->point, reason, other->exception);
        return false;
    }
    *exponent = (int)value;
    return true;
}

bool sample_is_out_of_range(const struct tag *tag, double number)
{
    return (tag->has_min && number < decimal_to_double(tag->min)) ||
           (tag->has_max && number > decimal_to_double(tag->max));
}

static char *shape(char *at, const struct tag *tag, const struct reading *readings,
                   size_t index, struct point *point)
{
    const struct reading *reading = &readings[index];
    *point = (struct point){.time_us = reading->time_us, .number = NAN, .is_present = true};
    struct shaping shaping = {.tag = tag, .reading = reading, .point = point};
    if (tag->scale_tag >= 0 && reading->kind != READING_BAD &&
        !find_exponent(&shaping, readings, &shaping.exponent)) {
        return put_text(at, "null");
    }
    at = put_value(at, &shaping);
    if (point->quality == QUALITY_GOOD && sample_is_out_of_range(tag, point->number)) {
        point->quality = QUALITY_UNCERTAIN;
    }
    return at;
}

/* Every due tag as `,"tag":value`. */
static char *put_members(char *at, struct sample *sample, const struct map *map,
                         const struct reading *readings)
{
    for (size_t index = 0; index < map->tags_count; index++) {
        struct point *point = &sample->points[index];
        if (readings[index].kind == READING_ABSENT) {
            point->is_present = false;
            continue;
        }
        const struct tag *tag = &map->tags[index];
        *at++ = ',';
        *at++ = '"';
        at = put_text(at, tag->name);
        at = put(at, "\":", 2);
        char *value = at;
        at = shape(at, tag, readings, index, point);
        point->text = (uint32_t)(value - sample->text);
        point->text_length = (uint16_t)(at - value);
    }
    return at;
}

static char *put_bad(char *at, const struct sample *sample, const struct map *map)
{
    const char *start = at;
    for (size_t index = 0; index < map->tags_count; index++) {
        const struct point *point = &sample->points[index];
        if (point->is_present && point->quality == QUALITY_BAD) {
            at = put_text(at, at == start ? ",\"bad\":{\"" : ",\"");
            at = put_text(at, map->tags[index].name);
            at = put(at, "\":\"", 3);
            at += reason_text(point->reason, point->exception, at);
            *at++ = '"';
        }
    }
    return at == start ? at : put(at, "}", 1);
}

/* What is uncertain, for the journal alone: on the wire `q` and `now` say it. */
static uint32_t put_uncertain(char *at, const struct sample *sample, const struct map *map)
{
    const char *start = at;
    if (!clock_is_set(sample->time_us)) {
        at = put_text(at, "true");
        return (uint32_t)(at - start);
    }
    for (size_t index = 0; index < map->tags_count; index++) {
        const struct point *point = &sample->points[index];
        if (point->is_present && point->quality == QUALITY_UNCERTAIN) {
            at = put_text(at, at == start ? "[\"" : ",\"");
            at = put_text(at, map->tags[index].name);
            *at++ = '"';
        }
    }
    if (at > start) {
        *at++ = ']';
    }
    return (uint32_t)(at - start);
}

static enum quality quality_of_all(struct sample *sample)
{
    bool is_clock_set = clock_is_set(sample->time_us);
    size_t counts[] = {[QUALITY_GOOD] = 0, [QUALITY_UNCERTAIN] = 0, [QUALITY_BAD] = 0};
    for (size_t index = 0; index < sample->points_count; index++) {
        struct point *point = &sample->points[index];
        if (!is_clock_set && point->quality == QUALITY_GOOD) {
            point->quality = QUALITY_UNCERTAIN;
        }
        counts[point->quality] += point->is_present ? 1 : 0;
    }
    if (counts[QUALITY_GOOD] + counts[QUALITY_UNCERTAIN] == 0) {
        return QUALITY_BAD;
    }
    return counts[QUALITY_UNCERTAIN] + counts[QUALITY_BAD] > 0 ? QUALITY_UNCERTAIN
                                                               : QUALITY_GOOD;
}

static int64_t oldest_time(const struct reading *readings, size_t count)
{
    int64_t oldest_us = INT64_MAX;
    for (size_t index = 0; index < count; index++) {
        if (readings[index].kind != READING_ABSENT && readings[index].time_us < oldest_us) {
            oldest_us = readings[index].time_us;
        }
    }
    assert(oldest_us != INT64_MAX);
    return oldest_us;
}

/* `"time":"…","t":…`. */
static char *put_frame(char *at, int64_t time_us)
{
    at = put_text(at, "\"time\":\"");
    clock_format_iso(time_us, at);
    at += CLOCK_ISO_LENGTH;
    at = put_text(at, "\",\"t\":");
    return at + number_format_signed(time_us / 1000, at);
}

void sample_build(struct sample *sample, const struct factory *factory, size_t machine,
                  const struct reading *readings)
{
    const struct map *map = factory->machines[machine].map;
    assert(map->tags_count <= sample->points_max);
    sample->machine = machine;
    sample->seq = 0;
    sample->points_count = map->tags_count;
    sample->time_us = oldest_time(readings, map->tags_count);

    /* The members first, behind the largest frame; then the frame is put before them. */
    char *members = sample->text + HEADROOM + FRAME_SIZE;
    char *end = put_members(members, sample, map, readings);
    sample->quality = quality_of_all(sample);
    end = put_bad(end, sample, map);
    *end++ = '}';

    char frame[FRAME_SIZE];
    char *frame_end = put_frame(frame, sample->time_us);
    frame_end = put_text(frame_end, ",\"q\":\"");
    frame_end = put_text(frame_end, quality_text(sample->quality));
    *frame_end++ = '"';
    size_t frame_length = (size_t)(frame_end - frame);
    (void)memcpy(members - frame_length, frame, frame_length);
    sample->payload = (uint32_t)(members - frame_length - sample->text);
    sample->payload_length = (uint32_t)(end - (members - frame_length));
    sample->uncertain_length = put_uncertain(end, sample, map);
    assert((size_t)(end - sample->text) + sample->uncertain_length <= sample->text_size);
}

void sample_number(struct sample *sample, uint64_t seq, uint64_t run)
{
    assert(sample->seq == 0);
    char text[HEADROOM];
    char *at = put_text(text, "{\"seq\":");
    at += number_format_unsigned(seq, at);
    at = put_text(at, ",\"run\":");
    at += number_format_unsigned(run, at);
    *at++ = ',';
    uint32_t length = (uint32_t)(at - text);
    sample->seq = seq;
    sample->payload -= length;
    sample->payload_length += length;
    (void)memcpy(sample->text + sample->payload, text, length);
}

const char *sample_value(const struct sample *sample, size_t point)
{
    return sample->text + sample->points[point].text;
}

static uint64_t hash(const char *text, size_t length)
{
    uint64_t sum = UINT64_C(14695981039346656037); /* FNV-1a, 64 bits */
    for (size_t at = 0; at < length; at++) {
        sum = (sum ^ (unsigned char)text[at]) * UINT64_C(1099511628211);
    }
    return sum;
}

bool told_has_moved(const struct told *told, const struct tag *tag, const struct point *point,
                    const char *text)
{
    if (!told->is_told || told->quality != point->quality || told->reason != point->reason ||
        told->exception != point->exception) {
        return true;
    }
    if (tag->deadband > 0 && !isnan(point->number) && !isnan(told->number)) {
        double limit =
            tag->deadband_is_relative ? fabs(told->number) * tag->deadband : tag->deadband;
        return fabs(point->number - told->number) > limit;
    }
    return told->text_hash != hash(text, point->text_length);
}

void told_remember(struct told *told, const struct point *point, const char *text)
{
    *told = (struct told){
        .number = point->number,
        .text_hash = hash(text, point->text_length),
        .quality = point->quality,
        .reason = point->reason,
        .exception = point->exception,
        .is_told = true,
    };
}
