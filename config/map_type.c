#include "config/map_type.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "config/text.h"
#include "config/units.h"

enum nature { NATURE_BOOLEAN, NATURE_INTEGER, NATURE_FLOAT, NATURE_TEXT };

/* How the letters of `order` count. */
enum letters { LETTERS_NONE, LETTERS_VALUE, LETTERS_REGISTER, LETTERS_REVERSE };

struct type_row {
    const char *name;
    const char *parameters; /* as people write them */
    enum tag_type type;
    enum nature nature;
    enum letters letters;
    uint8_t registers; /* 0: told by the parameters */
};

static const struct type_row types[] = {
    {"bool", "", TYPE_BOOL, NATURE_BOOLEAN, LETTERS_NONE, 1},
    {"int16", "", TYPE_INT16, NATURE_INTEGER, LETTERS_VALUE, 1},
    {"uint16", "", TYPE_UINT16, NATURE_INTEGER, LETTERS_VALUE, 1},
    {"int32", "", TYPE_INT32, NATURE_INTEGER, LETTERS_VALUE, 2},
    {"uint32", "", TYPE_UINT32, NATURE_INTEGER, LETTERS_VALUE, 2},
    {"int64", "", TYPE_INT64, NATURE_INTEGER, LETTERS_VALUE, 4},
    {"uint64", "", TYPE_UINT64, NATURE_INTEGER, LETTERS_VALUE, 4},
    {"float16", "", TYPE_FLOAT16, NATURE_FLOAT, LETTERS_VALUE, 1},
    {"float32", "", TYPE_FLOAT32, NATURE_FLOAT, LETTERS_VALUE, 2},
    {"float64", "", TYPE_FLOAT64, NATURE_FLOAT, LETTERS_VALUE, 4},
    {"bcd16", "", TYPE_BCD16, NATURE_INTEGER, LETTERS_VALUE, 1},
    {"bcd32", "", TYPE_BCD32, NATURE_INTEGER, LETTERS_VALUE, 2},
    {"mod10k2", "", TYPE_MOD10K, NATURE_INTEGER, LETTERS_REVERSE, 2},
    {"mod10k3", "", TYPE_MOD10K, NATURE_INTEGER, LETTERS_REVERSE, 3},
    {"mod10k4", "", TYPE_MOD10K, NATURE_INTEGER, LETTERS_REVERSE, 4},
    {"string", ":N", TYPE_STRING, NATURE_TEXT, LETTERS_REGISTER, 0},
    {"string1", ":N", TYPE_STRING1, NATURE_TEXT, LETTERS_REGISTER, 0},
    {"bit", ":N", TYPE_BIT, NATURE_BOOLEAN, LETTERS_VALUE, 1},
    {"bits", ":SHIFT:WIDTH", TYPE_BITS, NATURE_INTEGER, LETTERS_VALUE, 1},
    {"unix32", "", TYPE_UNIX32, NATURE_TEXT, LETTERS_VALUE, 2},
    {"datetime4", "", TYPE_DATETIME4, NATURE_TEXT, LETTERS_NONE, 4},
    {"datetime3r", "", TYPE_DATETIME3R, NATURE_TEXT, LETTERS_NONE, 3},
};

enum { TYPES_COUNT = sizeof types / sizeof types[0] };

__attribute__((format(printf, 2, 3))) static bool fail(char *error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(error, MAP_TYPE_ERROR_SIZE, format, arguments);
    va_end(arguments);
    return false;
}

static const struct type_row *row_of(enum tag_type type)
{
    const struct type_row *row = types;
    while (row->type != type) {
        row++;
    }
    return row;
}

static const struct type_row *row_named(const char *name, size_t length)
{
    for (const struct type_row *row = types; row < types + TYPES_COUNT; row++) {
        if (strlen(row->name) == length && memcmp(row->name, name, length) == 0) {
            return row;
        }
    }
    return NULL;
}

static bool fail_unknown(const char *text, size_t length, char *error)
{
    char name[TEXT_NAME_MAX];
    (void)snprintf(name, sizeof name, "%.*s", (int)(length < 40 ? length : 40), text);
    struct nearest nearest;
    text_nearest_start(&nearest, name);
    for (size_t i = 0; i < TYPES_COUNT; i++) {
        text_nearest_try(&nearest, types[i].name);
    }
    if (text_nearest_found(&nearest) != NULL) {
        return fail(error, "unknown type \"%s\"; did you mean \"%s\"?", name,
                    text_nearest_found(&nearest));
    }
    int used = snprintf(error, MAP_TYPE_ERROR_SIZE, "unknown type \"%s\"; accepted:", name);
    for (size_t i = 0; i < TYPES_COUNT && used < MAP_TYPE_ERROR_SIZE; i++) {
        used += snprintf(error + used, (size_t)(MAP_TYPE_ERROR_SIZE - used), " %s%s",
                         types[i].name, types[i].parameters);
    }
    return false;
}

/* Splits ":8:4" into at most two numbers; returns how many, -1 when it is not understood. */
static int read_parameters(const char *text, uint64_t numbers[static 2])
{
    int count = 0;
    while (*text != '\0') {
        size_t length = strcspn(text + 1, ":");
        char digits[8];
        if (*text != ':' || length >= sizeof digits || count == 2) {
            return -1;
        }
        memcpy(digits, text + 1, length);
        digits[length] = '\0';
        if (!units_parse_unsigned(digits, &numbers[count++])) {
            return -1;
        }
        text += 1 + length;
    }
    return count;
}

static bool set_string(struct tag *tag, int count, uint64_t characters, char *error)
{
    uint64_t largest = tag->type == TYPE_STRING ? MAP_STRING_MAX : MAP_STRING_MAX / 2;
    if (count != 1 || characters < 1 || characters > largest) {
        return fail(error,
                    "the number of characters is missing or wrong; accepted: %s:N with "
                    "N from 1 to %u",
                    row_of(tag->type)->name, (unsigned)largest);
    }
    tag->characters = (uint8_t)characters;
    tag->registers = (uint8_t)(tag->type == TYPE_STRING ? (characters + 1) / 2 : characters);
    return true;
}

static bool set_bits(struct tag *tag, int count, const uint64_t *numbers, char *error)
{
    if (tag->type == TYPE_BIT) {
        tag->width = 1;
        tag->shift = (uint8_t)(numbers[0] & 15);
        return (count == 1 && numbers[0] <= 15) ||
               fail(error, "the bit is missing or wrong; accepted: bit:0 to bit:15, bit 0 is "
                           "the least significant");
    }
    if (count != 2 || numbers[0] > 15 || numbers[1] < 1 || numbers[0] + numbers[1] > 16) {
        return fail(error, "the part is missing or outside its register; accepted: "
                           "bits:SHIFT:WIDTH with SHIFT + WIDTH up to 16, such as bits:8:8");
    }
    tag->shift = (uint8_t)numbers[0];
    tag->width = (uint8_t)numbers[1];
    return true;
}

static void set_default_order(struct tag *tag)
{
    static const char *const straight[] = {"", "AB", "ABCD", "", "ABCDEFGH"};
    for (size_t i = 0; i < MAP_ORDER_MAX; i++) {
        tag->order[i] = (uint8_t)i;
    }
    enum letters letters = row_of(tag->type)->letters;
    tag->order_text = letters == LETTERS_VALUE      ? straight[tag->registers]
                      : letters == LETTERS_REGISTER ? "AB"
                                                    : "";
}

bool map_type_parse(struct tag *tag, const char *text, char error[static MAP_TYPE_ERROR_SIZE])
{
    size_t length = strcspn(text, ":");
    const struct type_row *row = row_named(text, length);
    if (row == NULL) {
        return fail_unknown(text, length, error);
    }
    uint64_t numbers[2] = {0, 0};
    int count = read_parameters(text + length, numbers);
    tag->type = row->type;
    tag->registers = row->registers;
    bool is_right = true;
    if (row->letters == LETTERS_REGISTER) {
        is_right = set_string(tag, count, numbers[0], error);
    } else if (row->type == TYPE_BIT || row->type == TYPE_BITS) {
        is_right = set_bits(tag, count, numbers, error);
    } else if (count != 0) {
        is_right = fail(error, "\"%s\" takes no parameter; accepted: %s", row->name, row->name);
    }
    if (is_right) {
        set_default_order(tag);
        tag->type_text = text;
    }
    return is_right;
}

static bool set_letters(struct tag *tag, const char *text, size_t bytes)
{
    uint8_t order[MAP_ORDER_MAX] = {0};
    unsigned seen = 0;
    if (strlen(text) != bytes) {
        return false;
    }
    for (size_t i = 0; i < bytes; i++) {
        if (text[i] < 'A' || (size_t)(text[i] - 'A') >= bytes) {
            return false;
        }
        order[i] = (uint8_t)(text[i] - 'A');
        seen |= 1U << order[i];
    }
    if (seen != (1U << bytes) - 1) {
        return false;
    }
    memcpy(tag->order, order, bytes);
    tag->order_text = text;
    return true;
}

bool map_type_parse_order(struct tag *tag, const char *text,
                          char error[static MAP_TYPE_ERROR_SIZE])
{
    const struct type_row *row = row_of(tag->type);
    switch (row->letters) {
    case LETTERS_NONE: return fail(error, "%s has no order; leave it empty", row->name);
    case LETTERS_REVERSE:
        tag->reversed = strcmp(text, "reverse") == 0;
        tag->order_text = tag->reversed ? "reverse" : "";
        return tag->reversed || fail(error,
                                     "\"%.40s\" is no order of mod10k; accepted: empty "
                                     "(the first register is the least significant), "
                                     "reverse",
                                     text);
    case LETTERS_REGISTER:
        return set_letters(tag, text, 2) ||
               fail(error, "\"%.40s\" is no order of a string; accepted: AB, BA", text);
    case LETTERS_VALUE: break;
    }
    size_t bytes = (size_t)tag->registers * 2;
    return set_letters(tag, text, bytes) ||
           fail(error,
                "\"%.40s\" does not fit %s; accepted: the letters %.*s in any order, A "
                "the most significant byte",
                text, tag->type_text, (int)bytes, "ABCDEFGH");
}

bool map_type_is_integer(enum tag_type type)
{
    return row_of(type)->nature == NATURE_INTEGER;
}

bool map_type_is_number(enum tag_type type)
{
    enum nature nature = row_of(type)->nature;
    return nature == NATURE_INTEGER || nature == NATURE_FLOAT;
}
