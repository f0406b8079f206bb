#include "gateway/web_steps.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "config/map_type.h"
#include "gateway/frame.h"
#include "gateway/json.h"
#include "gateway/number.h"
#include "gateway/payload.h"
#include "gateway/web_bus.h"

enum {
    WORDS_MAX = MAP_STRING_MAX / 2,
    HEX_SIZE = 24,
    VALUES_AT = 9 /* bytes: header, function, count */
};

/* What is known of the tag's place in the reply. */
struct place {
    const struct tag *tag;
    const struct trace_view *view;
    bool is_bits;
    bool is_there;             /* the reply holds it */
    size_t at;                 /* register or bit, from the request's first */
    size_t count;              /* registers */
    uint16_t words[WORDS_MAX]; /* or the one bit */
    const struct driver *driver;
};

static struct place find_place(const struct factory *factory, const struct tag_reference *of,
                               const struct trace_view *view)
{
    struct place place = {.tag = of->tag, .view = view};
    uint16_t address = machine_wire_address(of->machine, of->tag);
    const uint8_t *reply = view->exchange.reply;
    size_t length = view->exchange.reply_length;
    place.driver = driver_find(factory->links[of->machine->link].driver);
    place.is_bits = table_is_bits(of->tag->table);
    place.at = (size_t)(address - view->address);
    place.count = place.is_bits ? 1 : of->tag->registers;
    size_t end = place.is_bits ? place.at / 8 + 1 : 2 * (place.at + place.count);
    place.is_there = view->is_asked && view->exchange.exception == 0 &&
                     view->exchange.status == DRIVER_OK && VALUES_AT + end <= length &&
                     place.count <= WORDS_MAX;
    for (size_t index = 0; place.is_there && index < place.count; index++) {
        const uint8_t *bytes = reply + VALUES_AT + 2 * (place.at + index);
        place.words[index] =
            place.is_bits ? (uint16_t)(reply[VALUES_AT + place.at / 8] >> place.at % 8 & 1)
                          : (uint16_t)(bytes[0] << 8 | bytes[1]);
    }
    return place;
}

static void put_null(struct json *json, const char *name)
{
    json_raw(json, name, "null", 4);
}

/* ---- frames ---- */

static void put_field(struct json *json, const char *name, size_t offset, size_t length,
                      const char *value)
{
    json_open(json, NULL, '{');
    json_string(json, "name", name);
    json_unsigned(json, "offset", offset);
    json_unsigned(json, "length", length);
    json_string(json, "value", value);
}

/* The data of a reply: register by register, or byte by byte of eight bits. */
static void put_data(struct json *json, const struct place *place,
                     const struct frame_field *field)
{
    const struct trace_view *view = place->view;
    size_t width = place->is_bits ? 1 : 2;
    size_t tag_first = place->is_bits ? place->at / 8 : place->at;
    for (size_t at = 0; at + width <= field->length; at += width) {
        const uint8_t *bytes = view->exchange.reply + field->offset + at;
        size_t index = at / width;
        char name[48];
        char value[HEX_SIZE];
        if (place->is_bits) {
            (void)snprintf(name, sizeof name, "bits %zu-%zu", view->address + 8 * index,
                           view->address + 8 * index + 7);
            (void)snprintf(value, sizeof value, "0x%02X", bytes[0]);
        } else {
            (void)snprintf(name, sizeof name, "register %zu", view->address + index);
            (void)snprintf(value, sizeof value, "0x%02X%02X", bytes[0], bytes[1]);
        }
        put_field(json, name, field->offset + at, width, value);
        json_boolean(json, "is_tag", index >= tag_first && index < tag_first + place->count);
        json_close(json, '}');
    }
}

static void put_fields(struct json *json, enum frame_kind kind, const struct place *place)
{
    const struct driver_exchange *exchange = &place->view->exchange;
    bool is_request = kind == FRAME_REQUEST;
    const uint8_t *bytes = is_request ? exchange->request : exchange->reply;
    size_t length = is_request ? exchange->request_length : exchange->reply_length;
    struct frame_field fields[FRAME_FIELDS_MAX];
    size_t count = frame_fields(kind, bytes, length, fields);
    web_bus_put_bytes(json, "bytes", bytes, length);
    json_open(json, "fields", '[');
    for (size_t at = 0; at < count; at++) {
        if (kind == FRAME_REPLY && strcmp(fields[at].name, "data") == 0) {
            put_data(json, place, &fields[at]);
        } else {
            put_field(json, fields[at].name, fields[at].offset, fields[at].length,
                      fields[at].note);
            json_close(json, '}');
        }
    }
    json_close(json, ']');
}

static void put_exchange(struct json *json, const struct place *place)
{
    const struct driver_exchange *exchange = &place->view->exchange;
    if (!place->view->is_asked) {
        put_null(json, "request");
        put_null(json, "reply");
        return;
    }
    json_open(json, "request", '{');
    json_signed(json, "sent_us", exchange->sent_us);
    put_fields(json, FRAME_REQUEST, place);
    json_close(json, '}');
    json_open(json, "reply", '{');
    json_signed(json, "answered_us", exchange->answered_us);
    json_unsigned(json, "duration_us", exchange->duration_us);
    json_string(json, "status", driver_status_text(exchange->status));
    json_unsigned(json, "exception", exchange->exception);
    put_fields(json, exchange->exception != 0 ? FRAME_REFUSAL : FRAME_REPLY, place);
    json_close(json, '}');
}

/* ---- registers ---- */

static void put_registers(struct json *json, const struct place *place)
{
    json_open(json, "registers", '[');
    for (size_t at = 0; place->is_there && !place->is_bits && at < place->count; at++) {
        char text[HEX_SIZE];
        (void)snprintf(text, sizeof text, "%04X", place->words[at]);
        json_string(json, NULL, text);
    }
    json_close(json, ']');
    if (place->is_there && place->is_bits) {
        json_unsigned(json, "bit", place->words[0]);
    } else {
        put_null(json, "bit");
    }
}

/* A reading as text, before scale and words; "" when it is none. */
static void put_reading(struct json *json, const char *name, const struct reading *reading)
{
    char text[DRIVER_TEXT_MAX + 1];
    unsigned length = 0;
    _Static_assert(sizeof text > NUMBER_SIZE, "a number fits");
    switch ((enum reading_kind)reading->kind) {
    case READING_BOOLEAN:
        length = (unsigned)snprintf(text, sizeof text, "%s",
                                    reading->value.boolean ? "true" : "false");
        break;
    case READING_INTEGER: length = number_format_signed(reading->value.integer, text); break;
    case READING_UNSIGNED: length = number_format_unsigned(reading->value.natural, text); break;
    case READING_FLOAT32: length = number_format_float(reading->value.float32, text); break;
    case READING_FLOAT64: length = number_format_double(reading->value.float64, text); break;
    case READING_TEXT:
        length = reading->text_length;
        (void)memcpy(text, reading->value.text, length);
        break;
    case READING_ABSENT:
    case READING_BAD: break;
    }
    text[length] = '\0';
    json_string(json, name, text);
}

static void put_raw(struct json *json, const char *name, const struct place *place,
                    const struct tag *tag)
{
    char text[DRIVER_TEXT_MAX];
    struct reading reading = {.kind = READING_BAD};
    if (place->is_there) {
        place->driver->interpret(tag, place->words, text, &reading);
    }
    put_reading(json, name, &reading);
}

/* Every order that this type can have, the map's among them. */
static const char *const orders[] = {
    "AB",       "BA",       "ABCD",     "CDAB",     "BADC",     "DCBA",    "ABCDEFGH",
    "GHEFCDAB", "BADCFEHG", "HGFEDCBA", "EFGHABCD", "CDABGHEF", "reverse",
};

static void put_order(struct json *json, const struct place *place, const struct tag *tag,
                      bool is_chosen)
{
    struct tag plain = *tag;
    plain.sentinels_count = 0; /* what the registers say in that order, whatever it means */
    json_open(json, NULL, '{');
    json_string(json, "order", tag->order_text);
    put_raw(json, "value", place, &plain);
    json_boolean(json, "is_chosen", is_chosen);
    json_close(json, '}');
}

/* The map's own first, then all others that the type can have. */
static void put_orders(struct json *json, const struct place *place)
{
    const struct tag *tag = place->tag;
    char error[MAP_TYPE_ERROR_SIZE];
    bool is_shown = place->is_there && !place->is_bits;
    json_string(json, "type", tag->type_text);
    json_string(json, "order", tag->order_text);
    json_open(json, "orders", '[');
    if (is_shown) {
        put_order(json, place, tag, true);
    }
    for (size_t at = 0; is_shown && at < sizeof orders / sizeof orders[0]; at++) {
        struct tag other = *tag;
        if (strcmp(orders[at], tag->order_text) != 0 &&
            map_type_parse_order(&other, orders[at], error)) {
            other.order_text = orders[at];
            put_order(json, place, &other, false);
        }
    }
    json_close(json, ']');
}

/* ---- meaning ---- */

static uint64_t whole_of(const struct place *place)
{
    uint64_t whole = 0;
    for (size_t at = 0; at < place->count; at++) {
        whole = whole << 16 | place->words[at];
    }
    return whole;
}

/* Those of one kind; returns whether the registers are one of them. */
static bool put_sentinel_kind(struct json *json, const struct place *place,
                              enum sentinel_kind kind)
{
    const struct tag *tag = place->tag;
    bool is_hit = false;
    for (size_t at = 0; at < tag->sentinels_count; at++) {
        const struct sentinel *sentinel = &tag->sentinels[at];
        char text[HEX_SIZE];
        if (sentinel->kind == kind) {
            (void)snprintf(text, sizeof text, "0x%0*" PRIX64, 4 * (int)place->count,
                           sentinel->raw);
            json_string(json, NULL, text);
            is_hit |= place->is_there && whole_of(place) == sentinel->raw;
        }
    }
    return is_hit;
}

static void put_sentinels(struct json *json, const struct place *place)
{
    static const char *const names[] = {
        [SENTINEL_ABSENT] = "absent", [SENTINEL_OVER] = "over", [SENTINEL_UNDER] = "under"};
    const char *hit = "";
    json_open(json, "sentinel", '{');
    for (size_t kind = 0; kind < sizeof names / sizeof names[0]; kind++) {
        json_open(json, names[kind], '[');
        hit = put_sentinel_kind(json, place, (enum sentinel_kind)kind) ? names[kind] : hit;
        json_close(json, ']');
    }
    json_string(json, "hit", hit);
    json_close(json, '}');
}

static void put_decimal(struct json *json, const char *name, struct decimal decimal)
{
    char text[NUMBER_SIZE + 1];
    text[number_format_decimal(decimal, text)] = '\0';
    json_string(json, name, text);
}

static void put_scaling(struct json *json, const struct place *place,
                        const struct tag_reference *of)
{
    const struct tag *tag = place->tag;
    char mask[HEX_SIZE];
    (void)snprintf(mask, sizeof mask, "0x%0*" PRIX64, 4 * (int)place->count, tag->mask);
    if (tag->mask != UINT64_MAX) {
        json_string(json, "mask", mask);
    } else {
        put_null(json, "mask");
    }
    put_raw(json, "raw", place, tag);
    put_decimal(json, "scale", tag->scale);
    put_decimal(json, "offset", tag->offset);
    json_string(json, "scale_tag",
                tag->scale_tag >= 0 ? of->machine->map->tags[tag->scale_tag].name : "");
    json_string(json, "unit", tag->unit);
    if (tag->has_min) {
        json_decimal(json, "min", tag->min);
    }
    if (tag->has_max) {
        json_decimal(json, "max", tag->max);
    }
}

/* Why there is none: what the newest poll said of the tag, or else of the machine. */
static void put_absence(struct json *json, const struct web_parts *parts,
                        const struct tag_reference *of)
{
    struct live_view live;
    char reason[REASON_TEXT_SIZE];
    size_t machine = (size_t)(of->machine - parts->factory->machines);
    live_view_create(parts->live, machine, &live);
    (void)live_look(parts->live, machine, &live);
    const struct point *point = &live.points[of->tag - of->machine->map->tags];
    bool is_told = point->is_present && point->quality == QUALITY_BAD;
    uint8_t why = is_told ? point->reason : live.health.reason;
    (void)reason_text(why, is_told ? point->exception : live.health.exception, reason);
    json_string(json, "quality", quality_text(QUALITY_BAD));
    json_string(json, "reason", why != REASON_NONE ? reason : "");
    live_view_release(&live);
}

static void put_value(struct json *json, const struct web_parts *parts,
                      const struct tag_reference *of, const struct trace_view *view)
{
    char reason[REASON_TEXT_SIZE];
    if (!view->has_sample) {
        put_null(json, "value");
        put_null(json, "word");
        put_absence(json, parts, of);
        return;
    }
    (void)reason_text(view->point.reason, view->point.exception, reason);
    json_raw(json, "value", view->value, strlen(view->value));
    if (of->tag->words_count > 0 && view->point.quality != QUALITY_BAD) {
        json_raw(json, "word", view->value, strlen(view->value));
    } else {
        put_null(json, "word");
    }
    json_string(json, "quality", quality_text(view->point.quality));
    json_string(json, "reason", view->point.quality == QUALITY_BAD ? reason : "");
    json_signed(json, "time", view->point.time_us / 1000);
}

/* ---- row and message ---- */

static void put_message(struct json *json, const struct web_parts *parts,
                        const struct tag_reference *of, const struct trace_view *view)
{
    const struct factory *factory = parts->factory;
    size_t machine = (size_t)(of->machine - factory->machines);
    char topic[TOPIC_SIZE];
    char payload[PAYLOAD_SIZE];
    struct live_item item = {.kind = LIVE_NOW,
                             .point = view->point,
                             .text = view->value,
                             .text_length = strlen(view->value)};
    json_open(json, "row", '{');
    json_unsigned(json, "seq", view->seq);
    json_unsigned(json, "run", parts->run);
    json_string(json, "payload", view->payload);
    json_close(json, '}');
    topic_of_machine(factory, machine, "samples", NULL, topic);
    json_string(json, "topic", topic);
    json_string(json, "payload", view->sent != NULL ? view->sent : "");
    topic_of_machine(factory, machine, "now", of->tag->name, topic);
    (void)payload_now(of->tag, &item, payload, sizeof payload);
    json_open(json, "now", '{');
    json_string(json, "topic", of->machine->now_is_enabled ? topic : "");
    json_string(json, "payload", of->machine->now_is_enabled ? payload : "");
    json_close(json, '}');
}

static void put_steps(struct json *json, const struct trace_view *view)
{
    static const char *const names[TRACE_STEPS_COUNT] = {
        "request", "decode", "queue", "commit", "publish", "puback",
    };
    int64_t before_us = view->begun_us;
    json_open(json, "steps", '[');
    for (size_t step = 0; step < TRACE_STEPS_COUNT; step++) {
        int64_t ended_us = view->ended_us[step];
        if (ended_us == 0) {
            continue;
        }
        /* Where two clocks meet a step may seem to end before it began. */
        ended_us = ended_us > before_us ? ended_us : before_us;
        json_open(json, NULL, '{');
        json_string(json, "name", names[step]);
        json_signed(json, "at_us", before_us - view->begun_us);
        json_signed(json, "took_us", ended_us - before_us);
        json_close(json, '}');
        before_us = ended_us;
    }
    json_close(json, ']');
}

static const char *waiting_for(const struct trace_view *view)
{
    if (!view->has_sample) {
        return "machine";
    }
    if (view->ended_us[TRACE_COMMIT] == 0) {
        return "journal";
    }
    return view->ended_us[TRACE_PUBACK] == 0 ? "broker" : "";
}

char *web_steps_write(const struct web_parts *parts, const struct tag_reference *of,
                      const struct trace_view *view, size_t *length)
{
    struct json json = json_begin_growing();
    struct place place = find_place(parts->factory, of, view);
    json_string(&json, "machine", of->machine->name);
    json_string(&json, "tag", of->tag->name);
    put_exchange(&json, &place);
    put_registers(&json, &place);
    put_orders(&json, &place);
    put_sentinels(&json, &place);
    put_scaling(&json, &place, of);
    put_value(&json, parts, of, view);
    if (view->has_sample) {
        put_message(&json, parts, of, view);
    } else {
        put_null(&json, "row");
    }
    put_steps(&json, view);
    json_string(&json, "waiting", waiting_for(view));
    *length = json_end(&json);
    return json.text;
}
