#include "gateway/json.h"

#include <stdio.h>
#include <string.h>

#include "config/memory.h"
#include "gateway/clock.h"
#include "gateway/number.h"

enum { GROWING_FIRST = 4096 }; /* bytes */

static void put(struct json *json, const char *text, size_t length)
{
    if (json->is_growing) {
        json->text = memory_grow(json->text, &json->size, json->length + length + 1, 1);
    }
    if (json->is_cut || length >= json->size - json->length) {
        json->is_cut = true;
        return;
    }
    (void)memcpy(json->text + json->length, text, length);
    json->length += length;
}

static void put_character(struct json *json, char character)
{
    put(json, &character, 1);
}

static void put_quoted(struct json *json, const char *text)
{
    put_character(json, '"');
    for (; *text != '\0'; text++) {
        unsigned char character = (unsigned char)*text;
        if (character == '"' || character == '\\') {
            put_character(json, '\\');
            put_character(json, *text);
        } else if (character < ' ') {
            char escape[8];
            int length = snprintf(escape, sizeof escape, "\\u%04x", character);
            put(json, escape, (size_t)length);
        } else {
            put_character(json, *text);
        }
    }
    put_character(json, '"');
}

static void put_name(struct json *json, const char *name)
{
    if (json->has_comma) {
        put_character(json, ',');
    }
    json->has_comma = true;
    if (name != NULL) {
        put_quoted(json, name);
        put_character(json, ':');
    }
}

struct json json_begin(char *text, size_t size)
{
    struct json json = {.text = text, .size = size};
    put_character(&json, '{');
    return json;
}

struct json json_begin_growing(void)
{
    struct json json = {
        .text = memory_allocate(GROWING_FIRST, 1), .size = GROWING_FIRST, .is_growing = true};
    put_character(&json, '{');
    return json;
}

size_t json_end(struct json *json)
{
    put_character(json, '}');
    if (json->is_cut) {
        json->length = 0;
    }
    json->text[json->length] = '\0';
    return json->length;
}

void json_string(struct json *json, const char *name, const char *value)
{
    put_name(json, name);
    put_quoted(json, value);
}

void json_unsigned(struct json *json, const char *name, uint64_t value)
{
    char text[NUMBER_SIZE];
    json_raw(json, name, text, number_format_unsigned(value, text));
}

void json_signed(struct json *json, const char *name, int64_t value)
{
    char text[NUMBER_SIZE];
    json_raw(json, name, text, number_format_signed(value, text));
}

void json_decimal(struct json *json, const char *name, struct decimal value)
{
    struct number_scaling scaling = {.scale = value};
    char text[NUMBER_SIZE];
    double approximate;
    json_raw(json, name, text, number_format_scaled(1, false, &scaling, text, &approximate));
}

void json_rate(struct json *json, const char *name, double value)
{
    char text[NUMBER_SIZE];
    int length = snprintf(text, sizeof text, "%.1f", value);
    json_raw(json, name, text, (size_t)length);
}

void json_boolean(struct json *json, const char *name, bool value)
{
    json_raw(json, name, value ? "true" : "false", value ? 4 : 5);
}

void json_time(struct json *json, const char *name, int64_t wall_us)
{
    char text[CLOCK_ISO_LENGTH + 1];
    clock_format_iso(wall_us, text);
    text[CLOCK_ISO_LENGTH] = '\0';
    json_string(json, name, text);
}

void json_raw(struct json *json, const char *name, const char *value, size_t length)
{
    put_name(json, name);
    put(json, value, length);
}

void json_members(struct json *json, const char *members)
{
    if (*members != '\0') {
        json_raw(json, NULL, members, strlen(members));
    }
}

void json_open(struct json *json, const char *name, char bracket)
{
    put_name(json, name);
    put_character(json, bracket);
    json->has_comma = false;
}

void json_close(struct json *json, char bracket)
{
    put_character(json, bracket);
    json->has_comma = true;
}
