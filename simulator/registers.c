#include "simulator/registers.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "config/memory.h"

enum { ADDRESSES = 65536 };

/* What is known of an address. */
enum { EXISTS = 1, CONTINUES = 2, WRITABLE = 4 }; /* CONTINUES: not the first of its value */

/* Neighbouring addresses that exist. */
struct segment {
    enum table table;
    uint16_t first;
    uint32_t count;
    uint16_t *words;
    uint8_t *marks;
};

/* Where a tag lies, and its scaling as doubles. */
struct place {
    uint16_t *words;
    double scale;
    double offset;
};

struct registers {
    const struct map *map;
    struct segment *segments; /* by table and address */
    size_t segments_count;
    struct place *places; /* one a tag */
    uint16_t *words;      /* of all segments */
    uint8_t *marks;
    size_t words_count;
};

/* ---- Which addresses exist ---- */

static void mark_range(uint8_t *marks, uint32_t first, uint32_t count, uint32_t width)
{
    for (uint32_t i = 0; i < count && first + i < ADDRESSES; i++) {
        marks[first + i] =
            (uint8_t)(marks[first + i] | EXISTS | (i % width > 0 ? CONTINUES : 0));
    }
}

static void mark_all(uint8_t *marks, const struct machine *machine,
                     const struct registers_range *extra)
{
    for (; extra != NULL && extra->count > 0; extra++) {
        mark_range(marks + (size_t)extra->table * ADDRESSES, extra->first, extra->count,
                   extra->width);
    }
    for (size_t i = 0; i < machine->map->tags_count; i++) {
        const struct tag *tag = &machine->map->tags[i];
        uint8_t *table = marks + (size_t)tag->table * ADDRESSES;
        uint16_t address = machine_wire_address(machine, tag);
        mark_range(table, address, tag->registers, tag->registers);
        for (uint32_t k = 0; tag->is_writable && k < tag->registers; k++) {
            table[address + k] |= WRITABLE;
        }
    }
}

static size_t count_segments(const uint8_t *marks, size_t *words_count)
{
    size_t count = 0;
    for (size_t i = 0; i < (size_t)TABLES_COUNT * ADDRESSES; i++) {
        bool is_start = marks[i] != 0 && (i % ADDRESSES == 0 || marks[i - 1] == 0);
        count += is_start ? 1 : 0;
        *words_count += marks[i] != 0 ? 1 : 0;
    }
    return count;
}

static void make_segments(struct registers *registers, const uint8_t *marks)
{
    struct segment *segment = NULL;
    size_t used = 0;
    for (size_t i = 0; i < (size_t)TABLES_COUNT * ADDRESSES; i++) {
        if (marks[i] == 0) {
            segment = NULL;
            continue;
        }
        if (segment == NULL || i % ADDRESSES == 0) {
            segment = &registers->segments[registers->segments_count++];
            segment->table = (enum table)(i / ADDRESSES);
            segment->first = (uint16_t)(i % ADDRESSES);
            segment->words = registers->words + used;
            segment->marks = registers->marks + used;
        }
        segment->marks[segment->count++] = marks[i];
        used++;
    }
    assert(used == registers->words_count);
}

static const struct segment *find_segment(const struct registers *registers, enum table table,
                                          uint16_t address, uint16_t count)
{
    size_t low = 0;
    size_t high = registers->segments_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        const struct segment *segment = &registers->segments[middle];
        bool is_at_or_before =
            segment->table < table || (segment->table == table && segment->first <= address);
        if (is_at_or_before) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == 0) {
        return NULL;
    }
    const struct segment *segment = &registers->segments[low - 1];
    bool is_inside =
        segment->table == table && (uint32_t)address + count <= segment->first + segment->count;
    return is_inside ? segment : NULL;
}

struct registers *registers_create(const struct machine *machine,
                                   const struct registers_range *extra)
{
    struct registers *registers = memory_allocate(1, sizeof *registers);
    uint8_t *marks = memory_allocate(TABLES_COUNT, ADDRESSES);
    registers->map = machine->map;
    mark_all(marks, machine, extra);
    size_t segments_count = count_segments(marks, &registers->words_count);
    registers->segments = memory_allocate(segments_count + 1, sizeof *registers->segments);
    registers->words = memory_allocate(registers->words_count + 1, sizeof *registers->words);
    registers->marks = memory_allocate(registers->words_count + 1, 1);
    make_segments(registers, marks);
    free(marks);
    registers->places = memory_allocate(machine->map->tags_count + 1, sizeof(struct place));
    for (size_t i = 0; i < machine->map->tags_count; i++) {
        const struct tag *tag = &machine->map->tags[i];
        uint16_t address = machine_wire_address(machine, tag);
        const struct segment *segment =
            find_segment(registers, tag->table, address, tag->registers);
        assert(segment != NULL);
        registers->places[i] = (struct place){
            .words = segment->words + (address - segment->first),
            .scale = tag->is_scaled ? decimal_to_double(tag->scale) : 1.0,
            .offset = tag->is_scaled ? decimal_to_double(tag->offset) : 0.0,
        };
    }
    return registers;
}

void registers_destroy(struct registers *registers)
{
    if (registers != NULL) {
        free(registers->places);
        free(registers->marks);
        free(registers->words);
        free(registers->segments);
        free(registers);
    }
}

const struct map *registers_map(const struct registers *registers)
{
    return registers->map;
}

const uint16_t *registers_find(const struct registers *registers, enum table table,
                               uint16_t address, uint16_t count)
{
    const struct segment *segment = find_segment(registers, table, address, count);
    return segment != NULL ? segment->words + (address - segment->first) : NULL;
}

bool registers_cuts_value(const struct registers *registers, enum table table, uint16_t address,
                          uint16_t count)
{
    const struct segment *segment = find_segment(registers, table, address, count);
    assert(segment != NULL);
    uint32_t start = (uint32_t)(address - segment->first);
    uint32_t end = start + count;
    return (segment->marks[start] & CONTINUES) != 0 ||
           (end < segment->count && (segment->marks[end] & CONTINUES) != 0);
}

uint16_t *registers_find_writable(struct registers *registers, enum table table,
                                  uint16_t address, uint16_t count)
{
    const struct segment *segment = find_segment(registers, table, address, count);
    for (uint32_t i = 0; segment != NULL && i < count; i++) {
        if ((segment->marks[address - segment->first + i] & WRITABLE) == 0) {
            return NULL;
        }
    }
    return segment != NULL ? segment->words + (address - segment->first) : NULL;
}

/* ---- Bytes and words ---- */

/* Lays `size` bytes, the most significant first, out in the order in which they arrive. */
static void store_bytes(const struct registers *registers, size_t index, const uint8_t *bytes,
                        size_t size)
{
    const struct tag *tag = &registers->map->tags[index];
    uint16_t *words = registers->places[index].words;
    assert(size <= MAP_ORDER_MAX);
    for (size_t i = 0; i < size; i += 2) {
        words[i / 2] = (uint16_t)(bytes[tag->order[i]] << 8 | bytes[tag->order[i + 1]]);
    }
}

static void load_bytes(const struct registers *registers, size_t index, uint8_t *bytes,
                       size_t size)
{
    const struct tag *tag = &registers->map->tags[index];
    const uint16_t *words = registers->places[index].words;
    assert(size <= MAP_ORDER_MAX);
    for (size_t i = 0; i < size; i += 2) {
        bytes[tag->order[i]] = (uint8_t)(words[i / 2] >> 8);
        bytes[tag->order[i + 1]] = (uint8_t)words[i / 2];
    }
}

static void store_number(struct registers *registers, size_t index, uint64_t number)
{
    uint8_t bytes[MAP_ORDER_MAX] = {0};
    size_t size = (size_t)2 * registers->map->tags[index].registers;
    assert(size <= sizeof bytes);
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (uint8_t)(number >> (8 * (size - 1 - i)));
    }
    store_bytes(registers, index, bytes, size);
}

static uint64_t load_number(const struct registers *registers, size_t index)
{
    uint8_t bytes[MAP_ORDER_MAX] = {0};
    size_t size = (size_t)2 * registers->map->tags[index].registers;
    uint64_t number = 0;
    load_bytes(registers, index, bytes, size);
    for (size_t i = 0; i < size; i++) {
        number = number << 8 | bytes[i];
    }
    return number;
}

void registers_put_raw(struct registers *registers, size_t tag, uint64_t raw)
{
    size_t count = registers->map->tags[tag].registers;
    for (size_t i = 0; i < count; i++) {
        size_t distance = count - 1 - i; /* strings are longer than 64 bits */
        uint64_t word = distance < 4 ? raw >> (16 * distance) : 0;
        registers->places[tag].words[i] = (uint16_t)word;
    }
}

void registers_swap_words(struct registers *registers, size_t tag)
{
    uint16_t *words = registers->places[tag].words;
    size_t count = registers->map->tags[tag].registers;
    bool is_number = count <= 4 && registers->map->tags[tag].characters == 0;
    for (size_t i = 0; is_number && i < count / 2; i++) {
        uint16_t word = words[i];
        words[i] = words[count - 1 - i];
        words[count - 1 - i] = word;
    }
}

bool registers_block(const struct registers *registers, size_t index,
                     struct registers_block *block)
{
    if (index >= registers->segments_count) {
        return false;
    }
    const struct segment *segment = &registers->segments[index];
    *block = (struct registers_block){segment->table, segment->first, segment->count,
                                      segment->words};
    return true;
}

/* ---- Types ---- */

/* The nearest IEEE 754 half, ties to even. */
static uint16_t half_from_double(double value)
{
    unsigned sign = signbit(value) ? 0x8000 : 0;
    double magnitude = fabs(value);
    if (isnan(value)) {
        return 0x7E00;
    }
    if (magnitude >= 65520.0) {
        return (uint16_t)(sign | 0x7C00);
    }
    if (magnitude < 0x1p-14) { /* subnormal, or rounding up to the least normal number */
        return (uint16_t)(sign | (unsigned)nearbyint(magnitude * 0x1p24));
    }
    int exponent = 0;
    double fraction = frexp(magnitude, &exponent);              /* [0.5, 1) */
    unsigned mantissa = (unsigned)nearbyint(fraction * 2048.0); /* 1024 … 2048 */
    unsigned bits =
        (unsigned)(exponent + 13) * 1024U + mantissa; /* a carry moves on by itself */
    return (uint16_t)(sign | bits);
}

static double half_to_double(uint16_t half)
{
    int exponent = half >> 10 & 31;
    double fraction = half & 0x3FF;
    double magnitude = exponent == 0    ? fraction * 0x1p-24
                       : exponent == 31 ? (fraction > 0 ? nan("") : HUGE_VAL)
                                        : ldexp(1024.0 + fraction, exponent - 25);
    return (half & 0x8000) != 0 ? -magnitude : magnitude;
}

static uint64_t float_bits(double value)
{
    float narrow = (float)value;
    uint32_t bits = 0;
    memcpy(&bits, &narrow, sizeof bits);
    return bits;
}

static uint64_t double_bits(double value)
{
    uint64_t bits = 0;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static double float_from_bits(uint64_t bits)
{
    uint32_t narrow = (uint32_t)bits;
    float value = 0;
    memcpy(&value, &narrow, sizeof value);
    return (double)value;
}

static double double_from_bits(uint64_t bits)
{
    double value = 0;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static uint64_t bcd_from_integer(uint64_t value, unsigned digits)
{
    uint64_t bcd = 0;
    for (unsigned i = 0; i < digits; i++, value /= 10) {
        bcd |= value % 10 << (4 * i);
    }
    return bcd;
}

static uint64_t bcd_to_integer(uint64_t bcd, unsigned digits)
{
    uint64_t value = 0;
    for (unsigned i = digits; i-- > 0;) {
        value = value * 10 + (bcd >> (4 * i) & 15);
    }
    return value;
}

static void store_mod10k(struct registers *registers, size_t index, uint64_t value)
{
    const struct tag *tag = &registers->map->tags[index];
    for (unsigned i = 0; i < tag->registers; i++, value /= 10000) {
        unsigned position = tag->reversed ? tag->registers - 1U - i : i;
        registers->places[index].words[position] = (uint16_t)(value % 10000);
    }
}

static uint64_t load_mod10k(const struct registers *registers, size_t index)
{
    const struct tag *tag = &registers->map->tags[index];
    uint64_t value = 0;
    for (unsigned i = tag->registers; i-- > 0;) {
        unsigned position = tag->reversed ? tag->registers - 1U - i : i;
        value = value * 10000 + registers->places[index].words[position];
    }
    return value;
}

static void store_bits(struct registers *registers, size_t index, unsigned width,
                       uint64_t value)
{
    const struct tag *tag = &registers->map->tags[index];
    uint64_t mask = ((UINT64_C(1) << width) - 1) << tag->shift;
    uint64_t others = load_number(registers, index) & ~mask;
    store_number(registers, index, others | (value << tag->shift & mask));
}

/* Cut to the tag's width; the type's own coding, no scaling. */
static void put_unscaled(struct registers *registers, size_t index, int64_t value)
{
    const struct tag *tag = &registers->map->tags[index];
    uint64_t natural = value < 0 ? 0 : (uint64_t)value;
    switch (tag->type) {
    case TYPE_BOOL: registers->places[index].words[0] = value != 0; break;
    case TYPE_INT16:
    case TYPE_UINT16:
    case TYPE_INT32:
    case TYPE_UINT32:
    case TYPE_INT64:
    case TYPE_UINT64: store_number(registers, index, (uint64_t)value); break;
    case TYPE_FLOAT16: store_number(registers, index, half_from_double((double)value)); break;
    case TYPE_FLOAT32: store_number(registers, index, float_bits((double)value)); break;
    case TYPE_FLOAT64: store_number(registers, index, double_bits((double)value)); break;
    case TYPE_BCD16: store_number(registers, index, bcd_from_integer(natural, 4)); break;
    case TYPE_BCD32: store_number(registers, index, bcd_from_integer(natural, 8)); break;
    case TYPE_MOD10K: store_mod10k(registers, index, natural); break;
    case TYPE_BIT: store_bits(registers, index, 1, value != 0); break;
    case TYPE_BITS: store_bits(registers, index, tag->width, (uint64_t)value); break;
    case TYPE_STRING:
    case TYPE_STRING1: registers_put_text(registers, index, ""); break;
    case TYPE_UNIX32:
    case TYPE_DATETIME4:
    case TYPE_DATETIME3R: registers_put_time(registers, index, value * 1000000); break;
    }
}

int64_t registers_get_integer(const struct registers *registers, size_t tag_index)
{
    const struct tag *tag = &registers->map->tags[tag_index];
    uint64_t number = tag->registers <= 4 ? load_number(registers, tag_index) : 0;
    switch (tag->type) {
    case TYPE_BOOL: return registers->places[tag_index].words[0];
    case TYPE_INT16: return (int16_t)number;
    case TYPE_INT32: return (int32_t)number;
    case TYPE_UINT16:
    case TYPE_UINT32:
    case TYPE_INT64:
    case TYPE_UINT64:
    case TYPE_UNIX32: return (int64_t)number;
    case TYPE_FLOAT16: return llround(half_to_double((uint16_t)number));
    case TYPE_FLOAT32: return llround(float_from_bits(number));
    case TYPE_FLOAT64: return llround(double_from_bits(number));
    case TYPE_BCD16: return (int64_t)bcd_to_integer(number, 4);
    case TYPE_BCD32: return (int64_t)bcd_to_integer(number, 8);
    case TYPE_MOD10K: return (int64_t)load_mod10k(registers, tag_index);
    case TYPE_BIT: return (int64_t)(number >> tag->shift & 1);
    case TYPE_BITS: return (int64_t)(number >> tag->shift & ((UINT64_C(1) << tag->width) - 1));
    case TYPE_STRING:
    case TYPE_STRING1:
    case TYPE_DATETIME4:
    case TYPE_DATETIME3R: break;
    }
    return 0;
}

/* The least and the greatest raw integer of a type. */
static void get_limits(const struct tag *tag, double *least, double *greatest)
{
    unsigned bits = 16U * tag->registers;
    *least = 0;
    switch (tag->type) {
    case TYPE_INT16:
    case TYPE_INT32:
    case TYPE_INT64:
        *least = -ldexp(1.0, (int)bits - 1);
        *greatest = ldexp(1.0, (int)bits - 1) - 1;
        return;
    case TYPE_BCD16:
    case TYPE_BCD32:
    case TYPE_MOD10K: *greatest = pow(10.0, 4.0 * tag->registers) - 1; return;
    case TYPE_BOOL:
    case TYPE_BIT: *greatest = 1; return;
    case TYPE_BITS: *greatest = ldexp(1.0, tag->width) - 1; return;
    case TYPE_UINT16:
    case TYPE_UINT32:
    case TYPE_UINT64:
    case TYPE_UNIX32:
    case TYPE_FLOAT16:
    case TYPE_FLOAT32:
    case TYPE_FLOAT64:
    case TYPE_STRING:
    case TYPE_STRING1:
    case TYPE_DATETIME4:
    case TYPE_DATETIME3R: *greatest = ldexp(1.0, (int)bits) - 1; return;
    }
}

static int64_t round_within_limits(const struct tag *tag, double raw)
{
    double least = 0;
    double greatest = 0;
    get_limits(tag, &least, &greatest);
    if (raw <= least) {
        return (int64_t)least;
    }
    if (raw >= greatest) {
        /* As a double, the greatest of 64 bits is one too many. */
        return greatest >= 0x1p64   ? (int64_t)UINT64_MAX
               : greatest >= 0x1p63 ? INT64_MAX
                                    : (int64_t)greatest;
    }
    return raw >= 0x1p63 ? (int64_t)(uint64_t)raw : llround(raw);
}

static void put_absent(struct registers *registers, size_t index)
{
    const struct tag *tag = &registers->map->tags[index];
    for (size_t i = 0; i < tag->sentinels_count; i++) {
        if (tag->sentinels[i].kind == SENTINEL_ABSENT) {
            registers_put_raw(registers, index, tag->sentinels[i].raw);
            return;
        }
    }
    if (tag->type == TYPE_FLOAT32) {
        store_number(registers, index, 0x7FC00000);
    } else if (tag->type == TYPE_FLOAT64) {
        store_number(registers, index, 0x7FF8000000000000);
    } else if (tag->type == TYPE_FLOAT16) {
        store_number(registers, index, 0x7E00);
    } else {
        put_unscaled(registers, index, 0);
    }
}

static double unit_of_last_digit(const struct registers *registers, size_t index)
{
    int exponent_tag = registers->map->tags[index].scale_tag;
    double scale = registers->places[index].scale;
    return exponent_tag < 0
               ? scale
               : scale *
                     pow(10.0, (double)registers_get_integer(registers, (size_t)exponent_tag));
}

void registers_put_number(struct registers *registers, size_t tag, double value)
{
    if (isnan(value)) {
        put_absent(registers, tag);
        return;
    }
    double raw = (value - registers->places[tag].offset) / unit_of_last_digit(registers, tag);
    switch (registers->map->tags[tag].type) {
    case TYPE_FLOAT16: store_number(registers, tag, half_from_double(raw)); break;
    case TYPE_FLOAT32: store_number(registers, tag, float_bits(raw)); break;
    case TYPE_FLOAT64: store_number(registers, tag, double_bits(raw)); break;
    case TYPE_BOOL:
    case TYPE_INT16:
    case TYPE_UINT16:
    case TYPE_INT32:
    case TYPE_UINT32:
    case TYPE_INT64:
    case TYPE_UINT64:
    case TYPE_BCD16:
    case TYPE_BCD32:
    case TYPE_MOD10K:
    case TYPE_STRING:
    case TYPE_STRING1:
    case TYPE_BIT:
    case TYPE_BITS:
    case TYPE_UNIX32:
    case TYPE_DATETIME4:
    case TYPE_DATETIME3R:
        put_unscaled(registers, tag, round_within_limits(&registers->map->tags[tag], raw));
        break;
    }
}

void registers_put_integer(struct registers *registers, size_t tag, int64_t value)
{
    if (registers->map->tags[tag].is_scaled) {
        double raw = ((double)value - registers->places[tag].offset) /
                     unit_of_last_digit(registers, tag);
        bool is_integer = fabs(raw) < 0x1p53;
        value =
            is_integer ? llround(raw) : round_within_limits(&registers->map->tags[tag], raw);
    }
    put_unscaled(registers, tag, value);
}

static bool is_sentinel(const struct registers *registers, size_t index)
{
    const struct tag *tag = &registers->map->tags[index];
    uint64_t raw = 0;
    for (size_t i = 0; i < tag->registers; i++) {
        raw = raw << 16 | registers->places[index].words[i];
    }
    for (size_t i = 0; i < tag->sentinels_count; i++) {
        if (tag->sentinels[i].raw == raw) {
            return true;
        }
    }
    return false;
}

void registers_put_counted(struct registers *registers, size_t tag, int64_t raw)
{
    put_unscaled(registers, tag, raw);
    for (size_t tries = 0; tries <= registers->map->tags[tag].sentinels_count; tries++) {
        if (is_sentinel(registers, tag)) {
            raw = (int64_t)((uint64_t)raw + 1);
            put_unscaled(registers, tag, raw);
        }
    }
}

double registers_get_number(const struct registers *registers, size_t tag)
{
    double raw = 0;
    switch (registers->map->tags[tag].type) {
    case TYPE_FLOAT16: raw = half_to_double((uint16_t)load_number(registers, tag)); break;
    case TYPE_FLOAT32: raw = float_from_bits(load_number(registers, tag)); break;
    case TYPE_FLOAT64: raw = double_from_bits(load_number(registers, tag)); break;
    case TYPE_UINT64: raw = (double)(uint64_t)registers_get_integer(registers, tag); break;
    case TYPE_BOOL:
    case TYPE_INT16:
    case TYPE_UINT16:
    case TYPE_INT32:
    case TYPE_UINT32:
    case TYPE_INT64:
    case TYPE_BCD16:
    case TYPE_BCD32:
    case TYPE_MOD10K:
    case TYPE_STRING:
    case TYPE_STRING1:
    case TYPE_BIT:
    case TYPE_BITS:
    case TYPE_UNIX32:
    case TYPE_DATETIME4:
    case TYPE_DATETIME3R: raw = (double)registers_get_integer(registers, tag); break;
    }
    return raw * unit_of_last_digit(registers, tag) + registers->places[tag].offset;
}

void registers_put_text(struct registers *registers, size_t tag_index, const char *text)
{
    const struct tag *tag = &registers->map->tags[tag_index];
    uint16_t *words = registers->places[tag_index].words;
    size_t length = strlen(text);
    memset(words, 0, tag->registers * sizeof *words);
    for (size_t i = 0; i < length && i < tag->characters; i++) {
        uint16_t letter = (uint8_t)text[i];
        if (tag->type == TYPE_STRING1) {
            words[i] = letter;
        } else {
            bool is_high_byte = tag->order[0] == i % 2;
            words[i / 2] = (uint16_t)(words[i / 2] | (is_high_byte ? letter << 8 : letter));
        }
    }
}

void registers_put_time(struct registers *registers, size_t tag, int64_t time_us)
{
    time_t seconds = time_us / 1000000;
    struct tm utc;
    if (registers->map->tags[tag].type == TYPE_UNIX32 || gmtime_r(&seconds, &utc) == NULL) {
        store_number(registers, tag, (uint64_t)seconds);
        return;
    }
    uint64_t year = (uint64_t)(utc.tm_year - 100) & 0x7F;
    uint64_t month_day = (uint64_t)(utc.tm_mon + 1) << 8 | (uint64_t)utc.tm_mday;
    uint64_t hour_minute = (uint64_t)utc.tm_hour << 8 | (uint64_t)utc.tm_min;
    uint64_t ms = (uint64_t)utc.tm_sec * 1000 + (uint64_t)(time_us / 1000 % 1000);
    if (registers->map->tags[tag].type == TYPE_DATETIME4) {
        store_number(registers, tag, year << 48 | month_day << 32 | hour_minute << 16 | ms);
    } else {
        store_number(registers, tag, ms << 32 | hour_minute << 16 | month_day);
    }
}

uint64_t registers_hash(const struct registers *registers)
{
    uint64_t hash = 0xCBF29CE484222325U;
    for (size_t i = 0; i < registers->words_count; i++) {
        hash = (hash ^ registers->words[i]) * 0x100000001B3U;
    }
    return hash;
}
