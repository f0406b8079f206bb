#include "gateway/plausibility.h"

#include <assert.h>
#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/map_type.h"
#include "gateway/number.h"
#include "gateway/sample.h"

enum { WORD_BITS = 16, TYPE_WIDTH_ANY = 0 };

/* What is decoded, in the order of the printed tables. `cost` is how many bits the type is
 * rarer than plain integers and floats in registers of real devices. */
static const struct {
    const char *name;
    size_t width; /* registers; TYPE_WIDTH_ANY: `name` takes a number of characters */
    const char *orders[8];
    double cost;
} types[] = {
    {"int16", 1, {"AB", "BA"}, 0},
    {"uint16", 1, {"AB", "BA"}, 0},
    {"bcd16", 1, {"AB", "BA"}, 4},
    {"float16", 1, {"AB", "BA"}, 8},
    {"int32", 2, {"ABCD", "CDAB", "BADC", "DCBA"}, 0},
    {"uint32", 2, {"ABCD", "CDAB", "BADC", "DCBA"}, 0},
    {"float32", 2, {"ABCD", "CDAB", "BADC", "DCBA"}, 0},
    {"bcd32", 2, {"ABCD", "CDAB"}, 5},
    {"unix32", 2, {"ABCD", "CDAB"}, 1},
    {"mod10k2", 2, {"", "reverse"}, 8},
    {"int64", 4, {"ABCDEFGH", "GHEFCDAB", "BADCFEHG", "HGFEDCBA", "EFGHABCD", "CDABGHEF"}, 0},
    {"uint64", 4, {"ABCDEFGH", "GHEFCDAB", "BADCFEHG", "HGFEDCBA", "EFGHABCD", "CDABGHEF"}, 0},
    {"float64", 4, {"ABCDEFGH", "GHEFCDAB", "BADCFEHG", "HGFEDCBA", "EFGHABCD", "CDABGHEF"}, 0},
    {"mod10k3", 3, {"", "reverse"}, 8},
    {"mod10k4", 4, {"", "reverse"}, 8},
    {"datetime3r", 3, {""}, 4},
    {"datetime4", 4, {""}, 4},
    {"string", TYPE_WIDTH_ANY, {"AB", "BA"}, 2},
    {"string1", TYPE_WIDTH_ANY, {"AB", "BA"}, 3},
};
enum { TYPES_COUNT = sizeof types / sizeof types[0] };

/* How many bits an order is rarer than the one that the standard asks for. */
static const struct {
    const char *order;
    double cost;
} order_costs[] = {
    {"BA", 6}, /* a register itself is big-endian: Modbus Application Protocol, 4.2 */
    {"CDAB", 1},     {"BADC", 4},     {"DCBA", 4},     {"GHEFCDAB", 1}, {"BADCFEHG", 4},
    {"HGFEDCBA", 4}, {"EFGHABCD", 4}, {"CDABGHEF", 5}, {"reverse", 1},
};

/* What devices send for "no value", after order; NaN needs no row. */
static const struct {
    enum tag_type type;
    uint64_t raw;
    const char *who;
} sentinels[] = {
    {TYPE_INT16, 0x8000, "SunSpec, Vaisala"},
    {TYPE_INT16, 0x7FFF, "ABB; Vaisala for above its range"},
    {TYPE_INT16, 0x8001, "Vaisala for below its range"},
    {TYPE_UINT16, 0xFFFF, "SunSpec, ABB"},
    {TYPE_UINT16, 0xFFFE, "Wiren Board"},
    {TYPE_INT32, 0x80000000, "SunSpec"},
    {TYPE_INT32, 0x7FFFFFFF, "ABB"},
    {TYPE_INT32, 0xFFFEFFFE, "Wiren Board"},
    {TYPE_UINT32, 0xFFFFFFFF, "SunSpec, ABB"},
    {TYPE_UINT32, 0xFFFEFFFE, "Wiren Board"},
    {TYPE_FLOAT32, 0xFF7FFFFF, "SolarEdge: the least float there is"},
    {TYPE_FLOAT32, 0x7F7FFFFF, "the greatest float there is"},
    {TYPE_INT64, UINT64_C(1) << 63, "SunSpec"},
    {TYPE_INT64, INT64_MAX, "ABB"},
    {TYPE_UINT64, UINT64_MAX, "SunSpec, ABB"},
};
enum {
    SENTINEL_BITS = 3,   /* that it takes to say which */
    CHANCE_NAN_BITS = 2, /* one float of 128 is a NaN, but hardly a device sends an odd one */
    NEIGHBOUR_BITS = 3,  /* that a neighbour needs to speak for another, and lends it */
};
/* What is left of the score of a value outside the range that was told: less than any neighbour
 * needs, and enough to tell such values apart. */
static const double outside_share = 0.01;

/* A guess while it is judged. */
struct judgement {
    struct guess *guess;
    const uint16_t *words;
    double bits; /* of its registers */
};

__attribute__((format(printf, 2, 3))) static void give_reason(struct guess *guess,
                                                              const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(guess->reason, GUESS_REASON_SIZE, format, arguments);
    va_end(arguments);
}

/* ---- each kind of value ---- */

/* The raw value, put in order as the decoder does. */
static uint64_t raw_of(const struct tag *tag, const uint16_t *words)
{
    unsigned bytes = 2U * tag->registers;
    uint64_t raw = 0;
    for (unsigned at = 0; at < bytes; at++) {
        uint64_t byte = words[at / 2] >> (at % 2 == 0 ? 8 : 0) & 0xFF;
        raw |= byte << 8 * (bytes - 1 - tag->order[at]);
    }
    return raw;
}

static bool judge_sentinel(const struct judgement *judgement)
{
    struct guess *guess = judgement->guess;
    for (size_t at = 0; at < sizeof sentinels / sizeof sentinels[0]; at++) {
        if (sentinels[at].type == guess->tag.type &&
            sentinels[at].raw == raw_of(&guess->tag, judgement->words)) {
            guess->is_no_value = true;
            guess->score = judgement->bits - SENTINEL_BITS;
            give_reason(guess, "no value: what some devices send for it (%s)",
                        sentinels[at].who);
            return true;
        }
    }
    return false;
}

/* All ones, or one of the two quiet NaNs that processors make, are meant; others are chance. */
static void judge_nan(const struct judgement *judgement)
{
    struct guess *guess = judgement->guess;
    bool is_wide = guess->tag.type == TYPE_FLOAT64;
    uint64_t raw = raw_of(&guess->tag, judgement->words);
    uint64_t quiet = is_wide ? UINT64_C(0x7FF8000000000000) : 0x7FC00000;
    uint64_t sign = is_wide ? UINT64_C(1) << 63 : 0x80000000;
    uint64_t ones = is_wide ? UINT64_MAX : UINT32_MAX;
    uint64_t infinity = is_wide ? UINT64_C(0x7FF0000000000000) : 0x7F800000;
    bool is_usual = (raw & ~sign) == quiet || (raw & ~sign) == infinity || raw == ones;
    guess->is_no_value = true;
    (void)snprintf(guess->value, sizeof guess->value, "%s",
                   (raw & ~sign) == infinity ? (raw & sign ? "-inf" : "inf") : "NaN");
    guess->score = is_usual ? judgement->bits - SENTINEL_BITS : CHANCE_NAN_BITS;
    give_reason(guess, "no value: %s",
                (raw & ~sign) == infinity ? "an infinity" : "not a number (NaN)");
}

static void judge_whole(const struct judgement *judgement, uint64_t magnitude, bool is_negative)
{
    struct guess *guess = judgement->guess;
    double needed = log2((double)magnitude + 1) + (is_negative ? 2 : 0);
    double below_wrap = ldexp(1, (int)judgement->bits) - (double)magnitude;
    if (guess->reading.kind == READING_UNSIGNED && log2(below_wrap) + 5 < needed) {
        guess->score = judgement->bits - log2(below_wrap) - 5;
        give_reason(guess, "a counter %.0f below its wrap, or a negative number", below_wrap);
        return;
    }
    guess->score = judgement->bits - needed;
    if (guess->score < (judgement->bits - WORD_BITS) / 8) {
        guess->score = -1; /* of a wide integer nearly all bits are in use: by chance */
    } else if (magnitude == 0) {
        give_reason(guess, "zero");
    } else if (guess->score < judgement->bits / 4) {
        give_reason(guess, "an integer, neither small nor round");
    } else {
        give_reason(guess, "a small integer: %.0f of %.0f bits in use", ceil(needed),
                    judgement->bits);
    }
}

/* The digits of a number's text, without the zeros at either end: as an integer. */
static double significant_digits(const char *text)
{
    char digits[NUMBER_SIZE];
    size_t count = 0;
    for (const char *at = text; *at != '\0' && *at != 'e' && count < sizeof digits - 1; at++) {
        if (isdigit((unsigned char)*at) && (count > 0 || *at != '0')) {
            digits[count++] = *at;
        }
    }
    while (count > 0 && digits[count - 1] == '0') {
        count--;
    }
    digits[count] = '\0';
    return strtod(count == 0 ? "0" : digits, NULL);
}

static void judge_float(const struct judgement *judgement, double value)
{
    static const double least = 1e-3;
    static const double greatest = 1e7;
    struct guess *guess = judgement->guess;
    double digits = significant_digits(guess->value);
    double magnitude = fabs(value);
    double decades = magnitude < least      ? log10(least / magnitude)
                     : magnitude > greatest ? log10(magnitude / greatest)
                                            : 0;
    if (magnitude == 0) {
        guess->score = judgement->bits - 2;
        give_reason(guess, "zero");
        return;
    }
    guess->score = judgement->bits - log2(digits + 1) - 4 - 2 * decades - (value < 0 ? 1 : 0);
    give_reason(guess, "%s magnitude, %.0f digits",
                decades > 0 ? "finite, of unusual" : "finite, of ordinary",
                floor(log10(digits)) + 1);
}

static double count_letters(const struct reading *reading)
{
    double letters = 0;
    for (size_t at = 0; at < reading->text_length; at++) {
        letters += isalnum((unsigned char)reading->value.text[at]) != 0;
    }
    return letters;
}

/* A letter or digit needs 6 bits, every other printable character 8, the padding none. */
static void judge_string(const struct judgement *judgement)
{
    struct guess *guess = judgement->guess;
    double length = guess->reading.text_length;
    double letters = count_letters(&guess->reading);
    bool is_narrow = guess->tag.type == TYPE_STRING1;
    bool has_other_half = false;
    for (size_t at = 0; at < guess->tag.registers; at++) {
        has_other_half |= (guess->tag.order[0] == 1 ? judgement->words[at] & 0xFF
                                                    : judgement->words[at] >> 8) != 0;
    }
    if (length < 2 || (is_narrow && has_other_half)) {
        guess->score = -1;
        return;
    }
    guess->score = judgement->bits - 6 * letters - 10 * (length - letters);
    give_reason(guess, "printable text");
}

/* IEC 870-5-4: what the decoder does not look at is zero in a date, but not by chance. */
static void judge_datetime4(const struct judgement *judgement)
{
    struct guess *guess = judgement->guess;
    bool is_clean = judgement->words[0] < 100 && judgement->words[1] >> 12 == 0 &&
                    judgement->words[2] >> 13 == 0;
    guess->score = is_clean ? judgement->bits - 46 : -1;
    give_reason(guess, "a valid date and time");
}

static void judge_datetime3r(const struct judgement *judgement)
{
    judgement->guess->score = 13;
    give_reason(judgement->guess, "a valid date and time");
}

static void judge_unix32(const struct judgement *judgement)
{
    struct guess *guess = judgement->guess;
    long year = strtol(guess->value, NULL, 10);
    bool is_near = year >= 2015 && year < 2040;
    guess->score = is_near ? 3 : -1; /* 25 of 136 years */
    give_reason(guess, "a time between 2015 and 2040");
}

static void judge_digits(const struct judgement *judgement)
{
    struct guess *guess = judgement->guess;
    uint64_t value = guess->reading.value.natural;
    guess->score = judgement->bits - log2((double)value + 1);
    give_reason(guess, "%s",
                value == 0                       ? "zero"
                : guess->tag.type == TYPE_MOD10K ? "every register is below 10000"
                                                 : "every digit is below ten");
}

/* ---- one guess ---- */

static void judge_by_kind(const struct judgement *judgement)
{
    const struct reading *reading = &judgement->guess->reading;
    int64_t integer = reading->value.integer;
    switch ((enum reading_kind)reading->kind) {
    case READING_INTEGER:
        judge_whole(judgement, integer < 0 ? -(uint64_t)integer : (uint64_t)integer,
                    integer < 0);
        break;
    case READING_UNSIGNED: judge_whole(judgement, reading->value.natural, false); break;
    case READING_FLOAT32: judge_float(judgement, (double)reading->value.float32); break;
    case READING_FLOAT64: judge_float(judgement, reading->value.float64); break;
    case READING_TEXT: judge_string(judgement); break;
    case READING_BOOLEAN:
    case READING_ABSENT:
    case READING_BAD: judgement->guess->score = -1; break;
    }
}

static void judge(const struct judgement *judgement)
{
    static void (*const judges[])(const struct judgement *) = {
        [TYPE_BCD16] = judge_digits,        [TYPE_BCD32] = judge_digits,
        [TYPE_MOD10K] = judge_digits,       [TYPE_UNIX32] = judge_unix32,
        [TYPE_DATETIME4] = judge_datetime4, [TYPE_DATETIME3R] = judge_datetime3r,
    };
    struct guess *guess = judgement->guess;
    size_t type = (size_t)guess->tag.type;
    if (guess->reading.kind == READING_BAD) {
        guess->score = -1;
        if (guess->reading.reason == REASON_NOT_A_NUMBER && guess->tag.type != TYPE_FLOAT16) {
            judge_nan(judgement);
        }
    } else if (judge_sentinel(judgement)) {
        return;
    } else if (type < sizeof judges / sizeof judges[0] && judges[type] != NULL) {
        judges[type](judgement);
    } else {
        judge_by_kind(judgement);
    }
}

static void write_value(struct guess *guess)
{
    const struct reading *reading = &guess->reading;
    unsigned length = 0;
    switch ((enum reading_kind)reading->kind) {
    case READING_INTEGER:
        length = number_format_signed(reading->value.integer, guess->value);
        break;
    case READING_UNSIGNED:
        length = number_format_unsigned(reading->value.natural, guess->value);
        break;
    case READING_FLOAT32:
        length = number_format_float(reading->value.float32, guess->value);
        break;
    case READING_FLOAT64:
        length = number_format_double(reading->value.float64, guess->value);
        break;
    case READING_TEXT:
        length = reading->text_length;
        memcpy(guess->value, reading->value.text, length);
        break;
    case READING_BOOLEAN:
    case READING_ABSENT:
    case READING_BAD: break;
    }
    guess->value[length] = '\0';
}

static double cost_of(size_t type, const char *order)
{
    bool is_string = types[type].width == TYPE_WIDTH_ANY;
    double cost = types[type].cost;
    for (size_t at = 0; at < sizeof order_costs / sizeof order_costs[0] && !is_string; at++) {
        cost += strcmp(order_costs[at].order, order) == 0 ? order_costs[at].cost : 0;
    }
    return cost;
}

/* False when the type cannot be so wide. */
static bool prepare(const struct tag *row, struct guess *guess, size_t type, const char *order,
                    size_t width)
{
    char error[MAP_TYPE_ERROR_SIZE];
    guess->tag = *row;
    guess->tag.table = TABLE_HOLDING;
    guess->tag.scale_tag = -1;
    guess->tag.mask = UINT64_MAX;
    guess->order = order;
    if (types[type].width == TYPE_WIDTH_ANY) {
        bool is_narrow = strcmp(types[type].name, "string1") == 0;
        (void)snprintf(guess->type, sizeof guess->type, "%s:%zu", types[type].name,
                       is_narrow ? width : 2 * width);
    } else {
        (void)snprintf(guess->type, sizeof guess->type, "%s", types[type].name);
    }
    return map_type_parse(&guess->tag, guess->type, error) &&
           (order[0] == '\0' || map_type_parse_order(&guess->tag, order, error));
}

/* ---- what the row says ---- */

/* The text as it would be published, and its number; NAN when it cannot be. */
static double write_scaled(const struct guess *guess, const struct number_scaling *scaling,
                           char text[NUMBER_SIZE + 1])
{
    const struct reading *reading = &guess->reading;
    int64_t integer = reading->value.integer;
    uint64_t magnitude = integer < 0 ? -(uint64_t)integer : (uint64_t)integer;
    double number = NAN;
    unsigned length = 0;
    switch ((enum reading_kind)reading->kind) {
    case READING_INTEGER:
        length = number_format_scaled(magnitude, integer < 0, scaling, text, &number);
        break;
    case READING_UNSIGNED:
        length = number_format_scaled(reading->value.natural, false, scaling, text, &number);
        break;
    case READING_FLOAT32:
        length =
            number_format_scaled_double((double)reading->value.float32, scaling, text, &number);
        break;
    case READING_FLOAT64:
        length = number_format_scaled_double(reading->value.float64, scaling, text, &number);
        break;
    case READING_TEXT:
    case READING_BOOLEAN:
    case READING_ABSENT:
    case READING_BAD: break;
    }
    text[length] = '\0';
    return number;
}

void plausibility_write_range(const struct tag *row, char text[static GUESS_RANGE_SIZE])
{
    char *at = text;
    at += row->has_min ? number_format_decimal(row->min, at) : 0;
    at = stpcpy(at, "…");
    at += row->has_max ? number_format_decimal(row->max, at) : 0;
    *at = '\0';
}

/* Shows a number as the row has it; what is out of its range goes behind what is within. */
static void apply_row(struct guess *guess)
{
    const struct tag *row = &guess->tag;
    struct number_scaling scaling = {.scale = {.mantissa = 1}};
    char text[NUMBER_SIZE + 1];
    char range[GUESS_RANGE_SIZE];
    if (row->is_scaled) {
        scaling.scale = row->scale;
        scaling.offset = row->offset;
    }
    double number = write_scaled(guess, &scaling, text);
    if (row->is_scaled) {
        (void)snprintf(guess->value, sizeof guess->value, "%s", text);
        guess->score = isfinite(number) ? guess->score : -1;
    }
    /* What is sent for "no value" is no number that a range could tell of. */
    guess->is_outside = !guess->is_no_value && sample_is_out_of_range(row, number);
    if (guess->is_outside) {
        plausibility_write_range(row, range);
        guess->score *= guess->score > 0 ? outside_share : 1;
        give_reason(guess, "outside %s", range);
    }
}

static void make_guess(const struct guess_block *block, size_t start, size_t type,
                       struct guess *guess)
{
    struct judgement judgement = {
        .guess = guess,
        .words = block->words + start,
        .bits = (double)guess->tag.registers * WORD_BITS,
    };
    block->interpret(&guess->tag, judgement.words, guess->text, &guess->reading);
    write_value(guess);
    judge(&judgement);
    guess->score -= cost_of(type, guess->order);
    if (map_type_is_number(guess->tag.type) && guess->reading.kind != READING_BAD) {
        apply_row(guess);
    }
}

/* ---- all of them ---- */

/* The neighbour of the same type and order, `step` registers on: plausible as well? */
static bool has_neighbour(const struct guess_block *block, size_t start, size_t type,
                          const struct guess *guess)
{
    struct guess other;
    size_t width = guess->tag.registers;
    for (int side = 0; side < 2; side++) {
        bool is_there = side == 0 ? start + 2 * width <= block->count : start >= width;
        if (!is_there) {
            continue;
        }
        other = *guess;
        other.reason[0] = '\0';
        make_guess(block, side == 0 ? start + width : start - width, type, &other);
        /* Zeros and sentinels are what every reading makes of unused registers. */
        if (other.score > NEIGHBOUR_BITS && !other.is_no_value &&
            strcmp(other.reason, "zero") != 0) {
            return true;
        }
    }
    return false;
}

static void add_neighbour(struct guess *guess)
{
    size_t length = strlen(guess->reason);
    guess->score += NEIGHBOUR_BITS;
    (void)snprintf(guess->reason + length, GUESS_REASON_SIZE - length,
                   "; its neighbour reads well too");
}

static bool is_same(const struct guess *one, const struct guess *other)
{
    return one->is_no_value == other->is_no_value && one->value[0] != '\0' &&
           strcmp(one->value, other->value) == 0;
}

static bool is_better(const struct guess *one, const struct guess *other)
{
    return one->is_outside != other->is_outside ? other->is_outside : one->score > other->score;
}

static struct guess *best_unranked(struct guess *guesses, size_t count)
{
    struct guess *best = NULL;
    for (size_t at = 0; at < count; at++) {
        struct guess *guess = &guesses[at];
        bool is_candidate = guess->rank == 0 && guess->score > 0;
        if (is_candidate && (best == NULL || is_better(guess, best))) {
            best = guess;
        }
    }
    return best;
}

/* The best that none of the better ones has shown already gets the next rank, and lends it to
 * all that show the same. */
static void rank_all(struct guess *guesses, size_t count)
{
    struct guess *best = best_unranked(guesses, count);
    for (unsigned rank = 1; best != NULL; rank++) {
        best->rank = rank;
        for (size_t at = 0; at < count; at++) {
            bool is_lent = guesses[at].rank == 0 && is_same(&guesses[at], best);
            guesses[at].rank = is_lent ? rank : guesses[at].rank;
        }
        best = best_unranked(guesses, count);
    }
}

/* All orders of one type; returns how many. */
static size_t guess_type(const struct guess_block *block, size_t start, size_t width,
                         size_t type, struct guess *guesses)
{
    size_t count = 0;
    while (types[type].orders[count] != NULL) {
        struct guess *guess = &guesses[count];
        *guess = (struct guess){.score = -1};
        if (!prepare(&block->row, guess, type, types[type].orders[count], width)) {
            return 0;
        }
        make_guess(block, start, type, guess);
        if (guess->score > 0 && !guess->is_outside &&
            has_neighbour(block, start, type, guess)) {
            add_neighbour(guess);
        }
        count++;
    }
    return count;
}

size_t plausibility_guess(const struct guess_block *block, size_t start, size_t width,
                          struct guess guesses[static GUESSES_MAX])
{
    size_t count = 0;
    assert(start + width <= block->count);
    for (size_t type = 0; type < TYPES_COUNT; type++) {
        if (types[type].width == width || (types[type].width == TYPE_WIDTH_ANY && width >= 2)) {
            count += guess_type(block, start, width, type, guesses + count);
            assert(count <= GUESSES_MAX);
        }
    }
    rank_all(guesses, count);
    return count;
}
