#include "drivers/modbus_tag.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum {
    TIMESTAMP_SIZE = 32, /* "2026-11-23T15:38:42.500" and to spare */
    VALUE_BYTES_MAX = 8, /* of everything but text */
    REGISTERS_OF_64_BITS = 4,
    MOD10K_BASE = 10000,
    TEXT_BYTES_MAX = 2 * MAP_STRING_MAX,
};

typedef enum reason decode_function(const struct tag *tag, const uint8_t *bytes, char *text,
                                    struct reading *reading);

static uint64_t big_endian(const uint8_t *bytes, size_t count)
{
    uint64_t value = 0;

    for (size_t i = 0; i < count; i++) {
        value = value << 8 | bytes[i];
    }
    return value;
}

static unsigned word_at(const uint8_t *bytes, size_t index)
{
    return (unsigned)big_endian(bytes + 2 * index, 2);
}

/* The value's bits, put in order: at most 64. */
static uint64_t raw_bits(const struct tag *tag, const uint8_t *bytes)
{
    unsigned count = 2U * tag->registers;
    uint64_t raw = 0;

    assert(count <= VALUE_BYTES_MAX);
    for (unsigned i = 0; i < count; i++) {
        assert(tag->order[i] < count);
        raw |= (uint64_t)bytes[i] << 8 * (count - 1 - tag->order[i]);
    }
    return raw;
}

static enum reason decode_boolean(const struct tag *tag, const uint8_t *bytes, char *text,
                                  struct reading *reading)
{
    (void)text;
    reading->kind = READING_BOOLEAN;
    reading->value.boolean = (raw_bits(tag, bytes) & tag->mask) != 0;
    return REASON_NONE;
}

static enum reason decode_bit(const struct tag *tag, const uint8_t *bytes, char *text,
                              struct reading *reading)
{
    (void)text;
    assert(tag->shift < 16);
    reading->kind = READING_BOOLEAN;
    reading->value.boolean = (raw_bits(tag, bytes) >> tag->shift & 1) != 0;
    return REASON_NONE;
}

static enum reason decode_bits(const struct tag *tag, const uint8_t *bytes, char *text,
                               struct reading *reading)
{
    (void)text;
    assert(tag->shift < 16);
    assert(tag->width >= 1 && tag->width <= 16);
    reading->kind = READING_UNSIGNED;
    reading->value.natural =
        raw_bits(tag, bytes) >> tag->shift & ((UINT64_C(1) << tag->width) - 1);
    return REASON_NONE;
}

static enum reason decode_signed(const struct tag *tag, const uint8_t *bytes, char *text,
                                 struct reading *reading)
{
    uint64_t raw = raw_bits(tag, bytes);
    uint64_t sign = UINT64_C(1) << (16U * tag->registers - 1);
    uint64_t extended = (raw ^ sign) - sign;

    (void)text;
    reading->kind = READING_INTEGER;
    memcpy(&reading->value.integer, &extended, sizeof extended);
    return REASON_NONE;
}

static enum reason decode_unsigned(const struct tag *tag, const uint8_t *bytes, char *text,
                                   struct reading *reading)
{
    (void)text;
    reading->kind = READING_UNSIGNED;
    reading->value.natural = raw_bits(tag, bytes);
    return REASON_NONE;
}

static enum reason take_float32(float value, struct reading *reading)
{
    reading->kind = READING_FLOAT32;
    reading->value.float32 = value;
    return isfinite(value) ? REASON_NONE : REASON_NOT_A_NUMBER;
}

/* IEEE 754 binary16: 1 sign, 5 exponent, 10 fraction bits; each is a float32 too, exactly. */
static enum reason decode_float16(const struct tag *tag, const uint8_t *bytes, char *text,
                                  struct reading *reading)
{
    unsigned raw = (unsigned)raw_bits(tag, bytes);
    int exponent = (int)(raw >> 10 & 0x1F);
    int fraction = (int)(raw & 0x3FF);
    float value;

    (void)text;
    if (exponent == 0x1F) {
        return REASON_NOT_A_NUMBER;
    }
    value = exponent == 0 ? ldexpf((float)fraction, -24)
                          : ldexpf((float)(fraction + 0x400), exponent - 25);
    return take_float32((raw & 0x8000) != 0 ? -value : value, reading);
}

static enum reason decode_float32(const struct tag *tag, const uint8_t *bytes, char *text,
                                  struct reading *reading)
{
    uint32_t raw = (uint32_t)raw_bits(tag, bytes);
    float value;

    (void)text;
    memcpy(&value, &raw, sizeof value);
    return take_float32(value, reading);
}

static enum reason decode_float64(const struct tag *tag, const uint8_t *bytes, char *text,
                                  struct reading *reading)
{
    uint64_t raw = raw_bits(tag, bytes);
    double value;

    (void)text;
    memcpy(&value, &raw, sizeof value);
    reading->kind = READING_FLOAT64;
    reading->value.float64 = value;
    return isfinite(value) ? REASON_NONE : REASON_NOT_A_NUMBER;
}

static enum reason decode_bcd(const struct tag *tag, const uint8_t *bytes, char *text,
                              struct reading *reading)
{
    uint64_t raw = raw_bits(tag, bytes);
    uint64_t value = 0;

    (void)text;
    for (int shift = 16 * tag->registers - 4; shift >= 0; shift -= 4) {
        unsigned digit = (unsigned)(raw >> shift & 0xF);

        if (digit > 9) {
            return REASON_BAD_ENCODING;
        }
        value = value * 10 + digit;
    }
    reading->kind = READING_UNSIGNED;
    reading->value.natural = value;
    return REASON_NONE;
}

static enum reason decode_mod10k(const struct tag *tag, const uint8_t *bytes, char *text,
                                 struct reading *reading)
{
    uint64_t value = 0;

    (void)text;
    for (unsigned i = 0; i < tag->registers; i++) {
        unsigned word = word_at(bytes, tag->reversed ? i : tag->registers - 1U - i);

        if (word >= MOD10K_BASE) {
            return REASON_BAD_ENCODING;
        }
        value = value * MOD10K_BASE + word;
    }
    reading->kind = READING_UNSIGNED;
    reading->value.natural = value;
    return REASON_NONE;
}

/* The length of the UTF-8 character at `bytes`, 0 when it is none that we pass on: not
 * shortest, a surrogate, beyond U+10FFFF, or a control character other than tab. */
static size_t character_length(const uint8_t *bytes, size_t left)
{
    static const struct {
        uint8_t mask;
        uint8_t lead;
        uint32_t least;
    } forms[] = {
        {0x80, 0x00, 0}, {0xE0, 0xC0, 0x80}, {0xF0, 0xE0, 0x800}, {0xF8, 0xF0, 0x10000}};
    size_t form = 0;
    uint32_t code;

    while (form < 4 && (bytes[0] & forms[form].mask) != forms[form].lead) {
        form++;
    }
    if (form >= 4 || form + 1 > left) {
        return 0;
    }
    code = bytes[0] & (uint8_t)~forms[form].mask;
    for (size_t i = 1; i <= form; i++) {
        if ((bytes[i] & 0xC0) != 0x80) {
            return 0;
        }
        code = code << 6 | (bytes[i] & 0x3F);
    }
    if (code < forms[form].least || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF) ||
        (code < 0x20 && code != '\t') || (code >= 0x7F && code <= 0x9F)) {
        return 0;
    }
    return form + 1;
}

static enum reason take_text(const uint8_t *bytes, size_t length, char *text,
                             struct reading *reading)
{
    while (length > 0 && (bytes[length - 1] == '\0' || bytes[length - 1] == ' ')) {
        length--;
    }
    for (size_t at = 0; at < length;) {
        size_t step = character_length(bytes + at, length - at);

        if (step == 0) {
            return REASON_BAD_ENCODING;
        }
        at += step;
    }
    memcpy(text, bytes, length);
    reading->kind = READING_TEXT;
    reading->value.text = text;
    reading->text_length = (uint16_t)length;
    return REASON_NONE;
}

static enum reason decode_string(const struct tag *tag, const uint8_t *bytes, char *text,
                                 struct reading *reading)
{
    uint8_t packed[TEXT_BYTES_MAX];

    assert(tag->characters <= 2 * tag->registers);
    for (size_t i = 0; i < tag->registers; i++) {
        packed[2 * i + tag->order[0]] = bytes[2 * i];
        packed[2 * i + tag->order[1]] = bytes[2 * i + 1];
    }
    return take_text(packed, tag->characters, text, reading);
}

static enum reason decode_string1(const struct tag *tag, const uint8_t *bytes, char *text,
                                  struct reading *reading)
{
    uint8_t packed[TEXT_BYTES_MAX];

    assert(tag->characters <= tag->registers);
    for (size_t i = 0; i < tag->registers; i++) {
        packed[i] = bytes[2 * i + (tag->order[0] == 1 ? 0 : 1)];
    }
    return take_text(packed, tag->characters, text, reading);
}

static enum reason take_timestamp(int length, char *text, struct reading *reading)
{
    assert(length > 0 && length < TIMESTAMP_SIZE);
    reading->kind = READING_TEXT;
    reading->value.text = text;
    reading->text_length = (uint16_t)length;
    return REASON_NONE;
}

static enum reason decode_unix32(const struct tag *tag, const uint8_t *bytes, char *text,
                                 struct reading *reading)
{
    time_t seconds = (time_t)raw_bits(tag, bytes);
    struct tm parts;

    (void)gmtime_r(&seconds, &parts); /* cannot fail below the year 2107 */
    return take_timestamp(snprintf(text, TIMESTAMP_SIZE, "%04d-%02d-%02dT%02d:%02d:%02dZ",
                                   parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday,
                                   parts.tm_hour, parts.tm_min, parts.tm_sec),
                          text, reading);
}

struct instant {
    unsigned year;
    unsigned month;
    unsigned day;
    unsigned hour;
    unsigned minute;
    unsigned milliseconds; /* within the minute */
};

static bool is_instant(const struct instant *instant)
{
    static const uint8_t days[] = {0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool is_leap =
        (instant->year % 4 == 0 && instant->year % 100 != 0) || instant->year % 400 == 0;

    return instant->month >= 1 && instant->month <= 12 && instant->day >= 1 &&
           instant->day <= days[instant->month] &&
           (instant->month != 2 || instant->day < 29 || is_leap) && instant->hour < 24 &&
           instant->minute < 60 && instant->milliseconds < 60000;
}

/* "year" or "-" first: a date without a year is written --MM-DD (ISO 8601:2000, 5.2.1.3). */
static enum reason write_instant(const char *year, const struct instant *instant, char *text,
                                 struct reading *reading)
{
    int length;

    if (!is_instant(instant)) {
        return REASON_BAD_ENCODING;
    }
    length = snprintf(text, TIMESTAMP_SIZE, "%s-%02u-%02uT%02u:%02u:%02u.%03u", year,
                      instant->month, instant->day, instant->hour, instant->minute,
                      instant->milliseconds / 1000, instant->milliseconds % 1000);
    return take_timestamp(length, text, reading);
}

/* IEC 870-5-4 in four registers: year, month and day, hour and minute, milliseconds. Bit 7 of
 * the third says that the meter's clock was never set (Schneider DOCA0005EN, page 53). */
static enum reason decode_datetime4(const struct tag *tag, const uint8_t *bytes, char *text,
                                    struct reading *reading)
{
    struct instant instant = {
        .year = 2000 + (word_at(bytes, 0) & 0x7F),
        .month = word_at(bytes, 1) >> 8 & 0xF,
        .day = word_at(bytes, 1) & 0x1F,
        .hour = word_at(bytes, 2) >> 8 & 0x1F,
        .minute = word_at(bytes, 2) & 0x3F,
        .milliseconds = word_at(bytes, 3),
    };
    char year[TIMESTAMP_SIZE / 2];

    (void)tag;
    if ((word_at(bytes, 2) & 0x80) != 0) {
        return REASON_BAD_ENCODING;
    }
    (void)snprintf(year, sizeof year, "%04u", instant.year);
    return write_instant(year, &instant, text, reading);
}

/* Siemens SICAM: milliseconds, hour and minute, month and day; no year (so any day may be a
 * leap day). */
static enum reason decode_datetime3r(const struct tag *tag, const uint8_t *bytes, char *text,
                                     struct reading *reading)
{
    struct instant instant = {
        .year = 2000,
        .month = word_at(bytes, 2) >> 8,
        .day = word_at(bytes, 2) & 0xFF,
        .hour = word_at(bytes, 1) >> 8,
        .minute = word_at(bytes, 1) & 0xFF,
        .milliseconds = word_at(bytes, 0),
    };

    (void)tag;
    return write_instant("-", &instant, text, reading);
}

static const struct {
    decode_function *decode;
    bool is_timestamp;
} types[] = {
    [TYPE_BOOL] = {decode_boolean, false},       [TYPE_INT16] = {decode_signed, false},
    [TYPE_UINT16] = {decode_unsigned, false},    [TYPE_INT32] = {decode_signed, false},
    [TYPE_UINT32] = {decode_unsigned, false},    [TYPE_INT64] = {decode_signed, false},
    [TYPE_UINT64] = {decode_unsigned, false},    [TYPE_FLOAT16] = {decode_float16, false},
    [TYPE_FLOAT32] = {decode_float32, false},    [TYPE_FLOAT64] = {decode_float64, false},
    [TYPE_BCD16] = {decode_bcd, false},          [TYPE_BCD32] = {decode_bcd, false},
    [TYPE_MOD10K] = {decode_mod10k, false},      [TYPE_STRING] = {decode_string, false},
    [TYPE_STRING1] = {decode_string1, false},    [TYPE_BIT] = {decode_bit, false},
    [TYPE_BITS] = {decode_bits, false},          [TYPE_UNIX32] = {decode_unix32, true},
    [TYPE_DATETIME4] = {decode_datetime4, true}, [TYPE_DATETIME3R] = {decode_datetime3r, true},
};

static const uint8_t sentinel_reasons[] = {
    [SENTINEL_ABSENT] = REASON_SENTINEL,
    [SENTINEL_OVER] = REASON_OVER_RANGE,
    [SENTINEL_UNDER] = REASON_UNDER_RANGE,
};

size_t modbus_tag_text_size(const struct tag *tag)
{
    return types[tag->type].is_timestamp ? TIMESTAMP_SIZE : tag->characters;
}

static enum reason find_sentinel(const struct tag *tag, const uint8_t *bytes)
{
    uint64_t raw;

    if (tag->sentinels_count == 0 || tag->registers > REGISTERS_OF_64_BITS) {
        return REASON_NONE;
    }
    raw = big_endian(bytes, (size_t)2 * tag->registers);
    for (size_t i = 0; i < tag->sentinels_count; i++) {
        if (tag->sentinels[i].raw == raw) {
            return sentinel_reasons[tag->sentinels[i].kind];
        }
    }
    return REASON_NONE;
}

void modbus_tag_decode(const struct tag *tag, const uint8_t *bytes, char *text,
                       struct reading *reading)
{
    enum reason reason = find_sentinel(tag, bytes);

    reading->text_length = 0;
    if (reason == REASON_NONE) {
        reason = types[tag->type].decode(tag, bytes, text, reading);
    }
    reading->reason = (uint8_t)reason;
    if (reason != REASON_NONE) {
        reading->kind = READING_BAD;
    } else if (reading->kind == READING_UNSIGNED) {
        reading->value.natural &= tag->mask;
    } else if (reading->kind == READING_INTEGER) {
        reading->value.integer &= (int64_t)tag->mask;
    }
}

enum modbus_plain modbus_tag_plain(const struct tag *tag)
{
    static const uint8_t plains[] = {
        [TYPE_INT16] = MODBUS_PLAIN_INT16,
        [TYPE_UINT16] = MODBUS_PLAIN_UINT16,
        [TYPE_INT32] = MODBUS_PLAIN_INT32,
        [TYPE_UINT32] = MODBUS_PLAIN_UINT32,
    };
    bool is_straight =
        !table_is_bits(tag->table) && tag->sentinels_count == 0 && tag->mask == UINT64_MAX;

    for (unsigned i = 0; i < 2U * tag->registers && i < MAP_ORDER_MAX; i++) {
        is_straight = is_straight && tag->order[i] == i;
    }
    return is_straight && tag->type < sizeof plains ? (enum modbus_plain)plains[tag->type]
                                                    : MODBUS_PLAIN_NOT;
}

void modbus_tag_decode_bit(bool bit, struct reading *reading)
{
    reading->kind = READING_BOOLEAN;
    reading->reason = REASON_NONE;
    reading->text_length = 0;
    reading->value.boolean = bit;
}
