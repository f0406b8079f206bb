/* Registers become the value that the device means: golden vectors, all types, all orders. */
#include "drivers/modbus_tag.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { REGISTERS_MAX = 16, BYTES_MAX = 2 * REGISTERS_MAX };

/* The order's letters name the bytes as they arrive; A is the most significant. */
static struct tag make_tag(enum tag_type type, uint8_t registers, const char *order)
{
    struct tag tag = {.type = type,
                      .table = TABLE_HOLDING,
                      .registers = registers,
                      .scale_tag = -1,
                      .mask = UINT64_MAX};

    for (unsigned i = 0; i < MAP_ORDER_MAX; i++) {
        tag.order[i] = (uint8_t)(order[0] == '\0' ? i : 0);
    }
    for (size_t i = 0; i < strlen(order); i++) {
        tag.order[i] = (uint8_t)(order[i] - 'A');
    }
    return tag;
}

/* The short way of plain tags must not come to anything else. */
static void assert_plain_is_the_same(const struct tag *tag, const uint8_t *bytes,
                                     const struct reading *wanted)
{
    enum modbus_plain plain = modbus_tag_plain(tag);
    struct reading reading = {.exception = 0};

    if (plain == MODBUS_PLAIN_NOT) {
        return;
    }
    modbus_tag_decode_plain(plain, bytes, 7, &reading);
    assert_int_equal(reading.time_us, 7);
    assert_int_equal(reading.kind, wanted->kind);
    assert_int_equal(reading.reason, wanted->reason);
    assert_int_equal(reading.value.integer, wanted->value.integer);
    assert_int_equal(reading.text_length, wanted->text_length);
}

static struct reading decode(const struct tag *tag, const uint16_t *registers)
{
    static char text[256];
    struct reading reading;
    uint8_t bytes[BYTES_MAX] = {0};

    memset(&reading, 0xA5, sizeof reading);
    reading.exception = 0;
    for (size_t i = 0; i < tag->registers; i++) {
        bytes[2 * i] = (uint8_t)(registers[i] >> 8);
        bytes[2 * i + 1] = (uint8_t)registers[i];
    }
    assert_true(modbus_tag_text_size(tag) <= sizeof text);
    memset(text, '#', sizeof text);
    modbus_tag_decode(tag, bytes, text, &reading);
    assert_plain_is_the_same(tag, bytes, &reading);
    return reading;
}

static void assert_text(const struct reading *reading, const char *text)
{
    assert_int_equal(reading->kind, READING_TEXT);
    assert_int_equal(reading->reason, REASON_NONE);
    assert_int_equal(reading->text_length, strlen(text));
    assert_memory_equal(reading->value.text, text, strlen(text));
}

static void assert_bad(const struct reading *reading, enum reason reason)
{
    assert_int_equal(reading->kind, READING_BAD);
    assert_int_equal(reading->reason, reason);
}

/* Numbers given by their vendors. `wanted` is the raw value: scale and offset are the
 * gateway's. */
struct golden {
    const char *id;
    enum tag_type type;
    uint8_t registers_count;
    const char *order;
    uint16_t registers[4];
    enum reading_kind kind;
    double wanted; /* all of them exact in a double */
};

static const struct golden golden_rows[] = {
    /* Vaisala Indigo500 manual, page 118: 41F47AE1 is 30.56 %RH, least significant word first
     */
    {"G01", TYPE_FLOAT32, 2, "CDAB", {0x7AE1, 0x41F4}, READING_FLOAT32, 0x1.e8f5c2p+4},
    /* the same page: 32766 is the last normal value (327.66 at 0.01) */
    {"G05", TYPE_INT16, 1, "AB", {0x7FFE}, READING_INTEGER, 32766},
    /* Schneider VW3A3303 manual, page 27: addresses 3102 and 3104, 4.0 kHz and 50.0 Hz at 0.1
     */
    {"G07", TYPE_UINT16, 1, "AB", {0x0028}, READING_UNSIGNED, 40},
    {"G09", TYPE_UINT16, 1, "AB", {0x01F4}, READING_UNSIGNED, 500},
    /* DirectLOGIC DL205: BCD is the default storage, 0x1234 means 1234 */
    {"G13", TYPE_BCD16, 1, "AB", {0x1234}, READING_UNSIGNED, 1234},
    /* Siemens S7 MB_SERVER: ABCD */
    {"G15", TYPE_UINT32, 2, "ABCD", {0x0001, 0x0002}, READING_UNSIGNED, 65538},
    /* 123.456 in the four orders, computed */
    {"G17", TYPE_FLOAT32, 2, "ABCD", {0x42F6, 0xE979}, READING_FLOAT32, 0x1.edd2f2p+6},
    {"G17", TYPE_FLOAT32, 2, "CDAB", {0xE979, 0x42F6}, READING_FLOAT32, 0x1.edd2f2p+6},
    {"G19", TYPE_FLOAT32, 2, "BADC", {0xF642, 0x79E9}, READING_FLOAT32, 0x1.edd2f2p+6},
    {"G19", TYPE_FLOAT32, 2, "DCBA", {0x79E9, 0xF642}, READING_FLOAT32, 0x1.edd2f2p+6},
    /* computed */
    {"G21",
     TYPE_FLOAT64,
     4,
     "ABCDEFGH",
     {0x4132, 0xD687, 0xE000, 0},
     READING_FLOAT64,
     1234567.875},
    /* Wiren Board map3e (order from its template): 1234.56789 kWh at 1e-05 */
    {"G23", TYPE_UINT64, 4, "GHEFCDAB", {0xCD15, 0x075B, 0, 0}, READING_UNSIGNED, 123456789},
    /* computed */
    {"G25", TYPE_INT64, 4, "ABCDEFGH", {0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF}, READING_INTEGER, -1},
    /* SunSpec: 230.1 V is 2301 with the exponent 0xFFFF = -1 in a register of its own */
    {"G31", TYPE_UINT16, 1, "AB", {0x08FD}, READING_UNSIGNED, 2301},
    {"G31", TYPE_INT16, 1, "AB", {0xFFFF}, READING_INTEGER, -1},
    /* Carlo Gavazzi EM24 E1: -20.0 W at 0.1, low word first */
    {"G39", TYPE_INT32, 2, "CDAB", {0xFF38, 0xFFFF}, READING_INTEGER, -200},
    /* Grundfos: 25.00 °C is 298.15 K, 0.01 and -273.15 */
    {"G41", TYPE_UINT16, 1, "AB", {0x7477}, READING_UNSIGNED, 29815},
    /* a counter just before its wrap, computed */
    {"G47", TYPE_UINT32, 2, "ABCD", {0xFFFF, 0xFFFE}, READING_UNSIGNED, 4294967294.0},
};

static double number_of(const struct reading *reading)
{
    switch ((enum reading_kind)reading->kind) {
    case READING_INTEGER: return (double)reading->value.integer;
    case READING_UNSIGNED: return (double)reading->value.natural;
    case READING_FLOAT32: return (double)reading->value.float32;
    case READING_FLOAT64: return reading->value.float64;
    case READING_ABSENT:
    case READING_BAD:
    case READING_BOOLEAN:
    case READING_TEXT: break;
    }
    fail_msg("kind %d is no number", reading->kind);
    return 0;
}

static bool is_equal(double a, double b)
{
    return !(a < b) && !(a > b);
}

static void check_golden(const struct golden *row)
{
    struct tag tag = make_tag(row->type, row->registers_count, row->order);
    struct reading reading = decode(&tag, row->registers);

    if (reading.kind != row->kind || !is_equal(number_of(&reading), row->wanted)) {
        fail_msg("%s %s", row->id, row->order);
    }
}

static void golden_numbers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof golden_rows / sizeof *golden_rows; i++) {
        check_golden(&golden_rows[i]);
    }
}

static void golden_sentinels(void **state)
{
    static const struct sentinel vaisala[] = {
        {0x8000, SENTINEL_ABSENT}, {0x7FFF, SENTINEL_OVER}, {0x8001, SENTINEL_UNDER}};
    static const struct sentinel abb[] = {{0x7FFFFFFF, SENTINEL_ABSENT}};
    static const struct sentinel sunspec[] = {{0xFFFF, SENTINEL_ABSENT}};
    static const struct sentinel exponent[] = {{0x8000, SENTINEL_ABSENT}};
    static const struct sentinel solaredge[] = {{0xFFFFFF7F, SENTINEL_ABSENT}};
    static const struct sentinel map3e[] = {{0xFFFEFFFE, SENTINEL_ABSENT}};
    static const struct {
        enum tag_type type;
        const char *order;
        const struct sentinel *sentinels;
        size_t count;
        uint16_t registers[2];
        enum reason reason;
    } rows[] = {
        {TYPE_INT16, "AB", vaisala, 3, {0x7FFF}, REASON_OVER_RANGE},             /* G03 */
        {TYPE_INT16, "AB", vaisala, 3, {0x8001}, REASON_UNDER_RANGE},            /* G03 */
        {TYPE_INT16, "AB", vaisala, 3, {0x8000}, REASON_SENTINEL},               /* G03 */
        {TYPE_INT16, "AB", vaisala, 3, {0x7FFE}, REASON_NONE},                   /* G05 */
        {TYPE_INT32, "ABCD", abb, 1, {0x7FFF, 0xFFFF}, REASON_SENTINEL},         /* G27 */
        {TYPE_UINT16, "AB", sunspec, 1, {0xFFFF}, REASON_SENTINEL},              /* G29 */
        {TYPE_INT16, "AB", exponent, 1, {0x8000}, REASON_SENTINEL},              /* G33 */
        {TYPE_FLOAT32, "CDAB", solaredge, 1, {0xFFFF, 0xFF7F}, REASON_SENTINEL}, /* G35 */
        {TYPE_INT32, "CDAB", map3e, 1, {0xFFFE, 0xFFFE}, REASON_SENTINEL},       /* G37 */
        /* as they arrive, not as they mean: put in order this is 0x7FFF */
        {TYPE_INT16, "BA", vaisala, 3, {0xFF7F}, REASON_NONE},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct tag tag =
            make_tag(rows[i].type, (uint8_t)(strlen(rows[i].order) / 2), rows[i].order);
        struct reading reading;

        tag.sentinels = rows[i].sentinels;
        tag.sentinels_count = rows[i].count;
        reading = decode(&tag, rows[i].registers);
        assert_int_equal(reading.reason, rows[i].reason);
        assert_int_equal(reading.kind == READING_BAD, rows[i].reason != REASON_NONE);
    }
}

static void golden_mask(void **state)
{
    struct tag tag = make_tag(TYPE_UINT16, 1, "AB");
    struct reading reading;

    (void)state;
    tag.mask = 0x006F; /* G45, CiA 402: 0x0237 is 0x27, operation enabled */
    reading = decode(&tag, (uint16_t[]){0x0237});
    assert_int_equal(reading.value.natural, 0x27);
}

static void golden_texts(void **state)
{
    struct tag socomec = make_tag(TYPE_STRING1, 4, "");
    struct tag sicam = make_tag(TYPE_DATETIME3R, 3, "");
    struct reading reading;

    (void)state;
    socomec.characters = 4; /* G11: one character a register, low byte (OpenEMS) */
    reading = decode(&socomec, (uint16_t[]){0x0053, 0x004F, 0x0043, 0x004F});
    assert_text(&reading, "SOCO");
    /* G43: Siemens SICAM manual, page 111 */
    reading = decode(&sicam, (uint16_t[]){0xA604, 0x0F26, 0x0B17});
    assert_text(&reading, "--11-23T15:38:42.500");
}

/* ---- every order of every width, signed, unsigned and float alike (PITFALLS D13, D14) ---- */

/* Sends `natural` (most significant byte first) as a device with this order does. */
static void arrive(const uint8_t *natural, size_t bytes, const char *order, uint16_t *registers)
{
    for (size_t i = 0; i < bytes; i += 2) {
        registers[i / 2] =
            (uint16_t)(natural[order[i] - 'A'] << 8 | natural[order[i + 1] - 'A']);
    }
}

/* NOLINTNEXTLINE(misc-no-recursion): as deep as the value has bytes */
static void permute(char *letters, size_t count, size_t fixed, void (*check)(const char *order))
{
    if (fixed == count) {
        check(letters);
        return;
    }
    for (size_t i = fixed; i < count; i++) {
        char kept = letters[fixed];

        letters[fixed] = letters[i];
        letters[i] = kept;
        permute(letters, count, fixed + 1, check);
        letters[i] = letters[fixed];
        letters[fixed] = kept;
    }
}

static void check_order(const char *order)
{
    static const uint8_t natural[] = {0xC1, 0x23, 0x45, 0x67, 0x89, 0xAB, 0xCD, 0xEF};
    static const struct {
        enum tag_type sign;
        enum tag_type plain;
        enum tag_type real;
        int64_t integer;
        uint64_t whole;
        double number;
    } widths[] = {
        [1] = {TYPE_INT16, TYPE_UINT16, TYPE_FLOAT16, INT64_C(0xC123) - 0x10000, 0xC123,
               -0x1.48cp+1},
        [2] = {TYPE_INT32, TYPE_UINT32, TYPE_FLOAT32, INT64_C(0xC1234567) - 0x100000000,
               0xC1234567, -0x1.468acep+3},
        [4] = {TYPE_INT64, TYPE_UINT64, TYPE_FLOAT64, INT64_C(-4529700489210901009),
               UINT64_C(0xC123456789ABCDEF), -0x1.3456789abcdefp+19},
    };
    uint16_t registers[4];
    uint8_t count = (uint8_t)(strlen(order) / 2);
    struct tag tag = make_tag(widths[count].sign, count, order);
    struct reading reading;

    arrive(natural, strlen(order), order, registers);
    reading = decode(&tag, registers);
    assert_int_equal(reading.kind, READING_INTEGER);
    assert_true(reading.value.integer == widths[count].integer);
    tag.type = widths[count].plain;
    reading = decode(&tag, registers);
    assert_int_equal(reading.kind, READING_UNSIGNED);
    assert_true(reading.value.natural == widths[count].whole);
    tag.type = widths[count].real;
    reading = decode(&tag, registers);
    assert_int_equal(reading.kind, count == 4 ? READING_FLOAT64 : READING_FLOAT32);
    assert_true(is_equal(number_of(&reading), widths[count].number));
}

static void d13_d14_every_order_of_16_32_and_64_bits(void **state)
{
    static const uint8_t widths[] = {2, 4, 8};

    (void)state;
    for (size_t i = 0; i < sizeof widths; i++) {
        char letters[MAP_ORDER_MAX + 1] = "ABCDEFGH";

        letters[widths[i]] = '\0';
        permute(letters, widths[i], 0, check_order);
    }
}

static void integers_are_exact_to_64_bits(void **state)
{
    struct tag tag = make_tag(TYPE_UINT64, 4, "ABCDEFGH");
    struct reading reading = decode(&tag, (uint16_t[]){0x0020, 0, 0, 1});

    (void)state;
    assert_true(reading.value.natural == (UINT64_C(1) << 53) + 1);
    reading = decode(&tag, (uint16_t[]){0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF});
    assert_true(reading.value.natural == UINT64_MAX);
    tag.type = TYPE_INT64;
    reading = decode(&tag, (uint16_t[]){0x8000, 0, 0, 0});
    assert_true(reading.value.integer == INT64_MIN);
}

static void float16_is_exact(void **state)
{
    static const struct {
        uint16_t raw;
        double value;
    } rows[] = {
        {0x3C00, 1},           {0xC000, -2},      {0x7BFF, 65504},      {0x0400, 0x1p-14},
        {0x03FF, 0x1.ff8p-15}, {0x0001, 0x1p-24}, {0x3555, 0x1.554p-2}, {0x0000, 0}};
    struct tag tag = make_tag(TYPE_FLOAT16, 1, "AB");
    struct reading reading;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        reading = decode(&tag, &rows[i].raw);
        assert_int_equal(reading.kind, READING_FLOAT32);
        assert_true(is_equal(number_of(&reading), rows[i].value));
    }
    reading = decode(&tag, (uint16_t[]){0x8000});
    assert_true(signbit(reading.value.float32));
}

static void floats_that_are_no_numbers(void **state)
{
    static const struct {
        enum tag_type type;
        uint8_t count;
        uint16_t registers[4];
    } rows[] = {
        {TYPE_FLOAT16, 1, {0x7C00}},          {TYPE_FLOAT16, 1, {0xFE01}},
        {TYPE_FLOAT32, 2, {0x7F80, 0}},       {TYPE_FLOAT32, 2, {0xFF80, 0}},
        {TYPE_FLOAT32, 2, {0x7FC0, 0}},       {TYPE_FLOAT32, 2, {0x7FBF, 0xFF80}}, /* Fronius */
        {TYPE_FLOAT64, 4, {0x7FF0, 0, 0, 0}}, {TYPE_FLOAT64, 4, {0xFFF8, 0, 0, 1}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct tag tag = make_tag(rows[i].type, rows[i].count, "");
        struct reading reading = decode(&tag, rows[i].registers);

        assert_bad(&reading, REASON_NOT_A_NUMBER);
    }
}

/* ---- the rarer encodings ---- */

static void bcd_digits(void **state)
{
    struct tag tag = make_tag(TYPE_BCD32, 2, "CDAB");
    struct reading reading = decode(&tag, (uint16_t[]){0x5678, 0x1234});

    (void)state;
    assert_int_equal(reading.value.natural, 12345678);
    reading = decode(&tag, (uint16_t[]){0x5678, 0x123A});
    assert_bad(&reading, REASON_BAD_ENCODING);
    tag = make_tag(TYPE_BCD16, 1, "BA");
    reading = decode(&tag, (uint16_t[]){0x9910});
    assert_int_equal(reading.value.natural, 1099);
    reading = decode(&tag, (uint16_t[]){0xF000});
    assert_bad(&reading, REASON_BAD_ENCODING);
}

static void mod10k_words(void **state)
{
    struct tag tag = make_tag(TYPE_MOD10K, 3, "");
    struct reading reading = decode(&tag, (uint16_t[]){5678, 1234, 9});

    (void)state;
    assert_int_equal(reading.value.natural, 912345678);
    tag.reversed = true;
    reading = decode(&tag, (uint16_t[]){9, 1234, 5678});
    assert_int_equal(reading.value.natural, 912345678);
    reading = decode(&tag, (uint16_t[]){9, 10000, 0});
    assert_bad(&reading, REASON_BAD_ENCODING);
    tag = make_tag(TYPE_MOD10K, 4, "");
    reading = decode(&tag, (uint16_t[]){9999, 9999, 9999, 9999});
    assert_int_equal(reading.value.natural, 9999999999999999);
}

static void bits_and_masks(void **state)
{
    struct tag tag = make_tag(TYPE_BIT, 1, "AB");
    struct reading reading;

    (void)state;
    for (uint8_t shift = 0; shift < 16; shift++) {
        tag.shift = shift;
        reading = decode(&tag, (uint16_t[]){0xA53C});
        assert_int_equal(reading.kind, READING_BOOLEAN);
        assert_int_equal(reading.value.boolean, 0xA53C >> shift & 1);
    }
    tag = make_tag(TYPE_BITS, 1, "AB");
    tag.shift = 8;
    tag.width = 8;
    reading = decode(&tag, (uint16_t[]){0xA53C});
    assert_int_equal(reading.value.natural, 0xA5);
    tag.order[0] = 1;
    tag.order[1] = 0;
    reading = decode(&tag, (uint16_t[]){0xA53C});
    assert_int_equal(reading.value.natural, 0x3C);
    tag.shift = 0;
    tag.width = 16;
    reading = decode(&tag, (uint16_t[]){0xA53C});
    assert_int_equal(reading.value.natural, 0x3CA5);
    tag = make_tag(TYPE_INT16, 1, "AB");
    tag.mask = 0xFF00; /* of a negative value: what is masked is a plain number */
    reading = decode(&tag, (uint16_t[]){0xFFFE});
    assert_int_equal(reading.value.integer, 0xFF00);
    tag = make_tag(TYPE_BOOL, 1, "AB");
    reading = decode(&tag, (uint16_t[]){0x0100});
    assert_true(reading.value.boolean);
    reading = decode(&tag, (uint16_t[]){0});
    assert_false(reading.value.boolean);
}

static void strings_in_each_packing(void **state)
{
    struct tag tag = make_tag(TYPE_STRING, 4, "AB");
    struct reading reading;

    (void)state;
    tag.characters = 8;
    reading = decode(&tag, (uint16_t[]){0x4142, 0x4320, 0x2020, 0x2000});
    assert_text(&reading, "ABC");
    reading = decode(&tag, (uint16_t[]){0x2041, 0x0942, 0, 0});
    assert_text(&reading, " A\tB");
    reading = decode(&tag, (uint16_t[]){0, 0, 0, 0});
    assert_text(&reading, "");
    tag.characters = 7;
    reading = decode(&tag, (uint16_t[]){0x4142, 0x4344, 0x4546, 0x47FF});
    assert_text(&reading, "ABCDEFG");
    tag.order[0] = 1;
    tag.order[1] = 0;
    reading = decode(&tag, (uint16_t[]){0x4241, 0x4443, 0x4645, 0xFF47});
    assert_text(&reading, "ABCDEFG");
    tag.type = TYPE_STRING1;
    tag.characters = 3;
    reading = decode(&tag, (uint16_t[]){0x4100, 0x4200, 0x4300, 0});
    assert_text(&reading, "ABC");
}

static void only_utf8_without_controls_is_text(void **state)
{
    static const struct {
        const char *bytes;
        bool is_text;
    } rows[] = {
        {"\xC3\xA9t\xC3\xA9", true}, /* été */
        {"\xE2\x82\xAC", true},      /* € */
        {"\xF0\x9F\x98\x80", true},  /* beyond 16 bits */
        {"\xF4\x8F\xBF\xBF", true},  /* U+10FFFF */
        {"\xF4\x90\x80\x80", false}, /* beyond it */
        {"AB\xFF\xFF", false},       /* padding of 0xFF */
        {"\xC3", false},             /* cut short */
        {"\xA9", false},             /* no beginning */
        {"\xC0\x80", false},         /* not shortest */
        {"\xE0\x80\xAF", false},     /* not shortest */
        {"\xF0\x80\x80\xAF", false}, /* not shortest */
        {"\xED\xA0\x80", false},     /* surrogate */
        {"\xC3\x28", false},         /* no continuation */
        {"A\nB", false},             /* control */
        {"A\x1B[2J", false},         /* control */
        {"A\x7F", false},            /* control */
        {"A\xC2\x85", false},        /* control */
        {"A\0B", false},             /* NUL within */
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct tag tag = make_tag(TYPE_STRING, 4, "AB");
        uint16_t registers[4] = {0};
        struct reading reading;
        size_t length = strlen(rows[i].bytes);

        length = length == 1 && rows[i].bytes[0] == 'A' ? 3 : length; /* the NUL within */
        for (size_t k = 0; k < length; k++) {
            unsigned byte = (unsigned char)rows[i].bytes[k];

            registers[k / 2] = (uint16_t)(registers[k / 2] | byte << (k % 2 == 0 ? 8 : 0));
        }
        tag.characters = 8;
        reading = decode(&tag, registers);
        if (rows[i].is_text) {
            assert_text(&reading, rows[i].bytes);
        } else {
            assert_bad(&reading, REASON_BAD_ENCODING);
        }
    }
}

static void a_character_cut_by_the_length_is_no_text(void **state)
{
    struct tag tag = make_tag(TYPE_STRING, 1, "AB");
    struct reading reading;

    (void)state;
    tag.characters = 1;
    reading = decode(&tag, (uint16_t[]){0xC3A9});
    assert_bad(&reading, REASON_BAD_ENCODING);
}

static void timestamps(void **state)
{
    static const struct {
        enum tag_type type;
        uint8_t count;
        uint16_t registers[4];
        const char *text; /* NULL: bad-encoding */
    } rows[] = {
        {TYPE_UNIX32, 2, {0, 0}, "1970-01-01T00:00:00Z"},
        {TYPE_UNIX32, 2, {0xFFFF, 0xFFFF}, "2106-02-07T06:28:15Z"},
        /* 2026, 23 November (a Monday), 15:38, 42.500 s */
        {TYPE_DATETIME4, 4, {26, 0x0B37, 0x0F26, 42500}, "2026-11-23T15:38:42.500"},
        {TYPE_DATETIME4,
         4,
         {0xFF80 | 26, 0xF0 << 8 | 0x0B37, 0xE000 | 0x0F26, 0},
         "2026-11-23T15:38:00.000"}, /* bits without meaning */
        {TYPE_DATETIME4, 4, {24, 0x021D, 0, 59999}, "2024-02-29T00:00:59.999"},
        {TYPE_DATETIME4, 4, {100, 0x021D, 0, 0}, NULL},     /* 2100 is no leap year */
        {TYPE_DATETIME4, 4, {23, 0x021D, 0, 0}, NULL},      /* nor is 2023 */
        {TYPE_DATETIME4, 4, {26, 0x0B37, 0x0FA6, 0}, NULL}, /* the clock was never set */
        {TYPE_DATETIME4, 4, {26, 0x0037, 0, 0}, NULL},      /* month 0 */
        {TYPE_DATETIME4, 4, {26, 0x0D01, 0, 0}, NULL},      /* month 13 */
        {TYPE_DATETIME4, 4, {26, 0x0B00, 0, 0}, NULL},      /* day 0 */
        {TYPE_DATETIME4, 4, {26, 0x0B1F, 0, 0}, NULL},      /* 31 November */
        {TYPE_DATETIME4, 4, {26, 0x0B17, 0x1800, 0}, NULL}, /* hour 24 */
        {TYPE_DATETIME4, 4, {26, 0x0B17, 0x003C, 0}, NULL}, /* minute 60 */
        {TYPE_DATETIME4, 4, {26, 0x0B17, 0, 60000}, NULL},  /* second 60 */
        {TYPE_DATETIME3R, 3, {0, 0, 0x021D}, "--02-29T00:00:00.000"},
        {TYPE_DATETIME3R, 3, {0, 0, 0x021E}, NULL},
        {TYPE_DATETIME3R, 3, {0, 0x1800, 0x0B17}, NULL},
        {TYPE_DATETIME3R, 3, {0, 0, 0xFF17}, NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct tag tag = make_tag(rows[i].type, rows[i].count, "");
        struct reading reading = decode(&tag, rows[i].registers);

        if (rows[i].text != NULL) {
            assert_text(&reading, rows[i].text);
        } else {
            assert_bad(&reading, REASON_BAD_ENCODING);
        }
    }
}

/* By assert_plain_is_the_same(), with every sign and carry. */
static void decode_patterns(const struct tag *tag)
{
    static const uint16_t patterns[] = {0, 1, 0x7FFF, 0x8000, 0xFFFF, 0x1234};
    enum { COUNT = sizeof patterns / sizeof *patterns };

    for (size_t i = 0; i < (size_t)COUNT * COUNT; i++) {
        uint16_t registers[REGISTERS_MAX] = {patterns[i / COUNT], patterns[i % COUNT]};

        (void)decode(tag, registers);
    }
}

static void only_whole_registers_in_their_order_are_plain(void **state)
{
    static const struct {
        enum tag_type type;
        uint8_t registers;
        const char *order;
        enum modbus_plain wanted;
    } rows[] = {
        {TYPE_UINT16, 1, "AB", MODBUS_PLAIN_UINT16},
        {TYPE_UINT16, 1, "BA", MODBUS_PLAIN_NOT},
        {TYPE_INT16, 1, "AB", MODBUS_PLAIN_INT16},
        {TYPE_INT16, 1, "BA", MODBUS_PLAIN_NOT},
        {TYPE_UINT32, 2, "ABCD", MODBUS_PLAIN_UINT32},
        {TYPE_UINT32, 2, "CDAB", MODBUS_PLAIN_NOT},
        {TYPE_INT32, 2, "ABCD", MODBUS_PLAIN_INT32},
        {TYPE_INT32, 2, "BADC", MODBUS_PLAIN_NOT},
        {TYPE_FLOAT32, 2, "ABCD", MODBUS_PLAIN_NOT},
        {TYPE_UINT64, 4, "ABCDEFGH", MODBUS_PLAIN_NOT},
        {TYPE_BOOL, 1, "AB", MODBUS_PLAIN_NOT},
        {TYPE_STRING, 1, "AB", MODBUS_PLAIN_NOT},
    };
    static const struct sentinel sentinel = {.raw = 0x8000};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct tag tag = make_tag(rows[i].type, rows[i].registers, rows[i].order);

        assert_int_equal(modbus_tag_plain(&tag), rows[i].wanted);
        if (rows[i].wanted != MODBUS_PLAIN_NOT) {
            decode_patterns(&tag);
        }
        tag.sentinels = &sentinel;
        tag.sentinels_count = 1;
        assert_int_equal(modbus_tag_plain(&tag), MODBUS_PLAIN_NOT);
        tag.sentinels_count = 0;
        tag.mask = 0xFF;
        assert_int_equal(modbus_tag_plain(&tag), MODBUS_PLAIN_NOT);
    }
}

static void coils(void **state)
{
    struct reading reading;

    (void)state;
    modbus_tag_decode_bit(true, &reading);
    assert_int_equal(reading.kind, READING_BOOLEAN);
    assert_true(reading.value.boolean);
    modbus_tag_decode_bit(false, &reading);
    assert_false(reading.value.boolean);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_numbers),
        cmocka_unit_test(golden_sentinels),
        cmocka_unit_test(golden_mask),
        cmocka_unit_test(golden_texts),
        cmocka_unit_test(d13_d14_every_order_of_16_32_and_64_bits),
        cmocka_unit_test(integers_are_exact_to_64_bits),
        cmocka_unit_test(float16_is_exact),
        cmocka_unit_test(floats_that_are_no_numbers),
        cmocka_unit_test(bcd_digits),
        cmocka_unit_test(mod10k_words),
        cmocka_unit_test(bits_and_masks),
        cmocka_unit_test(strings_in_each_packing),
        cmocka_unit_test(only_utf8_without_controls_is_text),
        cmocka_unit_test(a_character_cut_by_the_length_is_no_text),
        cmocka_unit_test(timestamps),
        cmocka_unit_test(only_whole_registers_in_their_order_are_plain),
        cmocka_unit_test(coils),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
