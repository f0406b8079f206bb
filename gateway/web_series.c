#include "gateway/web_series.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/memory.h"
#include "config/text.h"
#include "gateway/number.h"
#include "gateway/sample.h"

enum { PATTERN_SIZE = TEXT_NAME_MAX + 8, CHANGES_MAX = 2 * WEB_SERIES_POINTS_MAX };

/* A span of time, or for changes a moment. */
struct bucket {
    int64_t time_ms; /* of the last row; 0: none */
    double min;
    double max;
    uint8_t quality; /* the best */
    char *last;      /* JSON; NULL: bad only */
};

/* When the journal spoke of the tag. */
struct mark {
    int64_t time_ms;
    uint64_t run; /* 0: none, it is an end of the span */
};

struct web_series {
    const struct tag *tag;
    bool is_number;
    int64_t from_ms;
    int64_t to_ms;
    int64_t step_ms;
    struct bucket *buckets; /* of changes: newest block first, each block in order */
    size_t count;
    size_t block_start;
    bool has_pace;
    struct web_series_pace pace;
    struct mark newer;          /* the first row after this block */
    struct mark first;          /* of this block */
    struct mark last;           /* likewise, so far; run 0: no row yet */
    char pattern[PATTERN_SIZE]; /* `,"tag":` */
    char quoted[PATTERN_SIZE];  /* `"tag"` */
};

/* A row's value: JSON text within the payload. */
struct found {
    const char *text;
    size_t length;
    uint8_t quality;
};

struct web_series *web_series_create(const struct tag *tag, int64_t from_ms, int64_t to_ms,
                                     size_t points)
{
    struct web_series *series = memory_allocate(1, sizeof *series);
    int64_t span_ms = to_ms - from_ms;
    series->tag = tag;
    series->is_number = strcmp(tag_datatype(tag), "number") == 0;
    series->from_ms = from_ms;
    series->to_ms = to_ms;
    series->newer.time_ms = to_ms;
    series->step_ms = (span_ms + (int64_t)points - 1) / (int64_t)points;
    series->step_ms = series->step_ms > 0 ? series->step_ms : 1;
    series->count = series->is_number ? points : 0;
    series->buckets = memory_allocate(series->is_number ? points : (size_t)CHANGES_MAX,
                                      sizeof *series->buckets);
    (void)snprintf(series->pattern, sizeof series->pattern, ",\"%.64s\":", tag->name);
    (void)snprintf(series->quoted, sizeof series->quoted, "\"%.64s\"", tag->name);
    return series;
}

void web_series_expect(struct web_series *series, const struct web_series_pace *pace)
{
    series->has_pace = !series->is_number;
    series->pace = *pace;
}

void web_series_destroy(struct web_series *series)
{
    for (size_t at = 0; at < series->count; at++) {
        free(series->buckets[at].last);
    }
    free(series->buckets);
    free(series);
}

static size_t value_length(const char *text, size_t room)
{
    if (*text != '"') {
        size_t length = 0;
        while (length < room && text[length] != ',' && text[length] != '}') {
            length++;
        }
        return length;
    }
    for (size_t at = 1; at < room; at++) {
        if (text[at] == '\\') {
            at++;
        } else if (text[at] == '"') {
            return at + 1;
        }
    }
    return 0;
}

/* The first match is the member: `bad`, which repeats names, comes last, and within a text each
 * quote is escaped. False when this row does not speak of the tag. */
static bool find(const struct web_series *series, const struct journal_row *row,
                 struct found *found)
{
    size_t length = strlen(series->pattern);
    const char *member = memmem(row->payload, row->payload_length, series->pattern, length);
    if (member == NULL) {
        return false;
    }
    const char *end = row->payload + row->payload_length;
    found->text = member + length;
    found->length = value_length(found->text, (size_t)(end - found->text));
    found->quality = QUALITY_GOOD;
    if (found->length == 4 && memcmp(found->text, "null", 4) == 0) {
        found->quality = QUALITY_BAD;
    } else if (row->uncertain_length > 0 &&
               (row->uncertain[0] == 't' || strstr(row->uncertain, series->quoted) != NULL)) {
        found->quality = QUALITY_UNCERTAIN;
    }
    return found->length > 0;
}

static void keep_text(struct bucket *bucket, const struct found *found)
{
    free(bucket->last);
    bucket->last = NULL;
    if (found->quality != QUALITY_BAD) {
        bucket->last = memory_allocate(found->length + 1, 1);
        (void)memcpy(bucket->last, found->text, found->length);
    }
}

static void add_number(struct web_series *series, int64_t time_ms, const struct found *found)
{
    struct bucket *bucket = &series->buckets[(time_ms - series->from_ms) / series->step_ms];
    bool is_first = bucket->time_ms == 0;
    bool was_bad = is_first || bucket->quality == QUALITY_BAD;
    if (found->quality != QUALITY_BAD) {
        double number = strtod(found->text, NULL); /* a comma or brace ends it */
        bucket->min = was_bad ? number : fmin(bucket->min, number);
        bucket->max = was_bad ? number : fmax(bucket->max, number);
    }
    bucket->quality =
        is_first || found->quality < bucket->quality ? found->quality : bucket->quality;
    if (time_ms >= bucket->time_ms) {
        bucket->time_ms = time_ms;
        if (found->quality != QUALITY_BAD || was_bad) {
            keep_text(bucket, found);
        }
    }
}

static bool is_same(const struct bucket *bucket, const struct found *found)
{
    if (bucket->quality != found->quality) {
        return false;
    }
    return bucket->last == NULL || (strlen(bucket->last) == found->length &&
                                    memcmp(bucket->last, found->text, found->length) == 0);
}

static void add_change(struct web_series *series, int64_t time_ms, const struct found *found)
{
    if (series->count == CHANGES_MAX || (series->count > series->block_start &&
                                         is_same(&series->buckets[series->count - 1], found))) {
        return;
    }
    struct bucket *bucket = &series->buckets[series->count++];
    *bucket = (struct bucket){.time_ms = time_ms, .quality = found->quality};
    keep_text(bucket, found);
}

/* Whether the journal was silent from one row to the other for longer than it is of itself. */
static bool is_silence(const struct web_series *series, const struct mark *from,
                       const struct mark *to)
{
    bool is_restart = from->run != 0 && to->run != 0 && from->run != to->run;
    int64_t most_ms = is_restart ? series->pace.restart : series->pace.silence;
    return series->has_pace && to->time_ms - from->time_ms > most_ms;
}

/* A reading holds for its period: then nothing is known until `next`. */
static void end_stretch(struct web_series *series, const struct mark *next)
{
    static const struct found nothing = {.text = "null", .quality = QUALITY_BAD};
    if (series->last.run != 0 && is_silence(series, &series->last, next)) {
        add_change(series, series->last.time_ms + series->pace.period, &nothing);
    }
}

static void note_row(struct web_series *series, const struct mark *row)
{
    end_stretch(series, row);
    series->first = series->last.run == 0 ? *row : series->first;
    series->last = *row;
}

static void turn(struct bucket *buckets, size_t count)
{
    for (size_t at = 0; at < count / 2; at++) {
        struct bucket other = buckets[at];
        buckets[at] = buckets[count - 1 - at];
        buckets[count - 1 - at] = other;
    }
}

/* The block so far is turned, so that all changes stand newest first. */
void web_series_begin_block(struct web_series *series)
{
    if (series->is_number) {
        return;
    }
    end_stretch(series, &series->newer);
    series->newer = series->last.run != 0 ? series->first : series->newer;
    series->last = (struct mark){0};
    turn(series->buckets + series->block_start, series->count - series->block_start);
    series->block_start = series->count;
}

/* The oldest of all: what lies before the first row that was found. */
static void begin_unknown(struct web_series *series)
{
    struct mark from = {.time_ms = series->from_ms};
    if (is_silence(series, &from, &series->newer) && web_series_has_room(series)) {
        series->buckets[series->count++] =
            (struct bucket){.time_ms = series->from_ms, .quality = QUALITY_BAD};
    }
}

void web_series_add(struct web_series *series, const struct journal_row *row)
{
    int64_t time_ms = row->time_us / 1000;
    struct found found;
    if (row->is_damaged || time_ms < series->from_ms || time_ms >= series->to_ms ||
        !find(series, row, &found)) {
        return;
    }
    if (series->is_number) {
        add_number(series, time_ms, &found);
    } else {
        note_row(series, &(struct mark){.time_ms = time_ms, .run = row->run});
        add_change(series, time_ms, &found);
    }
}

bool web_series_has_room(const struct web_series *series)
{
    return series->is_number || series->count < CHANGES_MAX;
}

static void put_number(struct json *json, double number)
{
    char text[NUMBER_SIZE];
    json_raw(json, NULL, text, number_format_double(number, text));
}

static void put_null(struct json *json)
{
    json_raw(json, NULL, "null", 4);
}

static void put_bucket(struct json *json, const struct bucket *bucket, bool is_number)
{
    json_open(json, NULL, '[');
    json_signed(json, NULL, bucket->time_ms);
    if (is_number && bucket->last != NULL) {
        put_number(json, bucket->min);
        put_number(json, bucket->max);
    } else {
        put_null(json);
        put_null(json);
    }
    if (bucket->last != NULL) {
        json_raw(json, NULL, bucket->last, strlen(bucket->last));
    } else {
        put_null(json);
    }
    json_unsigned(json, NULL, bucket->quality);
    json_close(json, ']');
}

/* Where the value began, though each block told it again. */
static bool is_repeat(const struct web_series *series, size_t at)
{
    if (series->is_number || at == 0) {
        return false;
    }
    const struct bucket *before = &series->buckets[at - 1];
    const struct bucket *bucket = &series->buckets[at];
    const char *text = bucket->last != NULL ? bucket->last : "";
    struct found found = {.text = text, .length = strlen(text), .quality = bucket->quality};
    return is_same(before, &found);
}

void web_series_put(struct json *json, struct web_series *series)
{
    web_series_begin_block(series);
    if (!series->is_number) {
        begin_unknown(series);
        turn(series->buckets, series->count);
    }
    json_signed(json, "step_ms", series->is_number ? series->step_ms : 0);
    json_open(json, "points", '[');
    for (size_t at = 0; at < series->count; at++) {
        if (series->buckets[at].time_ms != 0 && !is_repeat(series, at)) {
            put_bucket(json, &series->buckets[at], series->is_number);
        }
    }
    json_close(json, ']');
}
