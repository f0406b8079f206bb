/* Claim: of all readings of some registers, the one that the device means is ranked first or
 * second, and says why; shown with the numbers that vendors give. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/driver.h"
#include "gateway/plausibility.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { WORDS_MAX = 8 };

static struct guess guesses[GUESSES_MAX];

static size_t guess(const uint16_t *words, size_t count, size_t start, size_t width)
{
    struct guess_block block = {
        .words = words,
        .count = count,
        .interpret = driver_find("modbus-tcp")->interpret,
    };
    return plausibility_guess(&block, start, width, guesses);
}

static const struct guess *find(size_t count, const char *type, const char *order)
{
    for (size_t at = 0; at < count; at++) {
        if (strcmp(guesses[at].type, type) == 0 && strcmp(guesses[at].order, order) == 0) {
            return &guesses[at];
        }
    }
    fail_msg("%s %s is no guess", type, order);
    return guesses; /* not reached */
}

/* The vendors' vectors that tell how registers are decoded (G49 and G51 tell of sequences and
 * frames). Scale, offset and mask are the map's: the raw value is what is guessed. */
struct vector {
    const char *id;
    const char *type;
    const char *order;
    size_t count;
    uint16_t words[WORDS_MAX];
    const char *value; /* NULL: no value */
};

static const struct vector golden[] = {
    {"G01", "float32", "CDAB", 2, {0x7AE1, 0x41F4}, "30.56"},
    {"G03", "int16", "AB", 1, {0x7FFF}, NULL},
    {"G03b", "int16", "AB", 1, {0x8001}, NULL},
    {"G03c", "int16", "AB", 1, {0x8000}, NULL},
    {"G05", "int16", "AB", 1, {0x7FFE}, "32766"},
    {"G07", "uint16", "AB", 1, {0x0028}, "40"},
    {"G09", "uint16", "AB", 1, {0x01F4}, "500"},
    {"G11", "string1:4", "AB", 4, {0x0053, 0x004F, 0x0043, 0x004F}, "SOCO"},
    {"G13", "bcd16", "AB", 1, {0x1234}, "1234"},
    {"G15", "uint32", "ABCD", 2, {0x0001, 0x0002}, "65538"},
    {"G17", "float32", "ABCD", 2, {0x42F6, 0xE979}, "123.456"},
    {"G17b", "float32", "CDAB", 2, {0xE979, 0x42F6}, "123.456"},
    {"G17c", "float32", "DCBA", 2, {0x79E9, 0xF642}, "123.456"},
    {"G19", "float32", "BADC", 2, {0xF642, 0x79E9}, "123.456"},
    {"G21", "float64", "ABCDEFGH", 4, {0x4132, 0xD687, 0xE000, 0}, "1234567.875"},
    {"G23", "uint64", "GHEFCDAB", 4, {0xCD15, 0x075B, 0, 0}, "123456789"},
    {"G25", "int64", "ABCDEFGH", 4, {0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF}, "-1"},
    {"G27", "int32", "ABCD", 2, {0x7FFF, 0xFFFF}, NULL},
    {"G29", "uint16", "AB", 1, {0xFFFF}, NULL},
    {"G31", "uint16", "AB", 1, {0x08FD}, "2301"},
    {"G31b", "int16", "AB", 1, {0xFFFF}, "-1"},
    {"G33", "int16", "AB", 1, {0x8000}, NULL},
    {"G35", "float32", "CDAB", 2, {0xFFFF, 0xFF7F}, NULL},
    {"G37", "int32", "CDAB", 2, {0xFFFE, 0xFFFE}, NULL},
    {"G39", "int32", "CDAB", 2, {0xFF38, 0xFFFF}, "-200"},
    {"G41", "uint16", "AB", 1, {0x7477}, "29815"},
    {"G43", "datetime3r", "", 3, {0xA604, 0x0F26, 0x0B17}, "--11-23T15:38:42.500"},
    {"G45", "uint16", "AB", 1, {0x0237}, "567"},
    {"G47", "uint32", "ABCD", 2, {0xFFFF, 0xFFFE}, "4294967294"},
};

static size_t guess_vector(const struct vector *vector)
{
    return guess(vector->words, vector->count, 0, vector->count);
}

static void assert_found(const struct vector *vector)
{
    const struct guess *right = find(guess_vector(vector), vector->type, vector->order);
    if (right->rank < 1 || right->rank > GUESS_PLAUSIBLE) {
        fail_msg("%s: rank %u, score %.1f", vector->id, right->rank, right->score);
    }
    assert_int_equal(right->is_no_value, vector->value == NULL);
    assert_true(right->reason[0] != '\0');
    if (vector->value != NULL) {
        assert_string_equal(right->value, vector->value);
    } else {
        assert_non_null(strstr(right->reason, "no value"));
    }
}

static void every_golden_vector_is_first_or_second(void **state)
{
    (void)state;
    for (size_t at = 0; at < COUNT(golden); at++) {
        assert_found(&golden[at]);
    }
}

static void assert_one_first_value(size_t count)
{
    const struct guess *first = NULL;
    for (size_t index = 0; index < count; index++) {
        if (guesses[index].rank == 1) {
            first = first == NULL ? &guesses[index] : first;
            assert_string_equal(guesses[index].value, first->value);
        }
    }
    assert_non_null(first);
}

/* The first and second places of a ranking are worth nothing when many share them. */
static void few_share_a_place(void **state)
{
    (void)state;
    for (size_t at = 0; at < COUNT(golden); at++) {
        assert_one_first_value(guess_vector(&golden[at]));
    }
}

/* A reading of some registers, and a part of what is said of it; NULL: it must not come first.
 */
struct saying {
    const char *type;
    const char *order;
    size_t count;
    uint16_t words[WORDS_MAX];
    const char *reason;
};

static void assert_said(const struct saying *saying)
{
    size_t count = guess(saying->words, saying->count, 0, saying->count);
    const struct guess *found = find(count, saying->type, saying->order);
    bool is_said = saying->reason != NULL ? strstr(found->reason, saying->reason) != NULL
                                          : found->rank != 1;
    if (!is_said) {
        fail_msg("%s %s: \"%s\", not \"%s\"", saying->type, saying->order, found->reason,
                 saying->reason != NULL ? saying->reason : "behind");
    }
}

static void reasons_are_told_in_words(void **state)
{
    static const struct saying cases[] = {
        {"float32", "ABCD", 2, {0x42F6, 0xE979}, "finite, of ordinary magnitude"},
        {"float32", "ABCD", 2, {0x7FC0, 0x0000}, "NaN"},
        {"float32", "ABCD", 2, {0xFF80, 0x0000}, "infinity"},
        {"uint32", "CDAB", 2, {0x0028, 0x0000}, "small integer"},
        {"uint16", "AB", 1, {0xFFFB}, "5 below its wrap"},
        {"bcd32", "ABCD", 2, {0x1234, 0x5678}, "every digit is below ten"},
        {"mod10k2", "", 2, {0x1388, 0x0002}, "below 10000"},
        {"string:4", "AB", 2, {0x4D33, 0x2D41}, "printable text"},
        {"string:4", "BA", 2, {0x334D, 0x412D}, "printable text"},
        {"unix32", "ABCD", 2, {0x6A4F, 0x2E80}, "between 2015 and 2040"},
        {"datetime4", "", 4, {26, 0x0B17, 0x0F26, 42500}, "valid date"},
        {"int32", "ABCD", 2, {0x8000, 0x0000}, "SunSpec"},
    };
    (void)state;
    for (size_t at = 0; at < COUNT(cases); at++) {
        assert_said(&cases[at]);
    }
}

static void what_cannot_be_is_not_marked(void **state)
{
    static const struct saying cases[] = {
        {"float32", "ABCD", 2, {0x0000, 0x0001}, NULL}, /* 1e-45 */
        {"float32", "ABCD", 2, {0x7ABC, 0x1234}, NULL}, /* 4.9e35 */
        {"float32", "CDAB", 2, {0x1234, 0x7FA1}, NULL}, /* a NaN that nobody sends */
        {"bcd16", "AB", 1, {0x12A4}, NULL},
        {"mod10k2", "", 2, {0x2710, 0x0001}, NULL}, /* 10000 */
        {"string:4", "AB", 2, {0x4D33, 0x2D00 | 0x01}, NULL},
        {"string:4", "AB", 2, {0, 0}, NULL},
        {"unix32", "ABCD", 2, {0x0000, 0xFFFF}, NULL}, /* 1970 */
        {"uint64", "ABCDEFGH", 4, {0x9132, 0xD687, 5, 7}, NULL},
    };
    (void)state;
    for (size_t at = 0; at < COUNT(cases); at++) {
        assert_said(&cases[at]);
    }
}

/* Three phases of a meter: each alone could be much, together they are floats. */
static void neighbours_speak_for_each_other(void **state)
{
    static const uint16_t words[] = {0x4367, 0xDA19, 0x4364, 0xA95C};
    (void)state;
    size_t count = guess(words, 2, 0, 2);
    double alone = find(count, "float32", "ABCD")->score;
    assert_null(strstr(find(count, "float32", "ABCD")->reason, "neighbour"));
    for (size_t start = 0; start <= 2; start += 2) {
        count = guess(words, 4, start, 2);
        const struct guess *both = find(count, "float32", "ABCD");
        assert_non_null(strstr(both->reason, "neighbour"));
        assert_int_equal(both->rank, 1);
        assert_true(start > 0 || both->score > alone);
    }
    /* Zeros beside it say nothing. */
    static const uint16_t lonely[] = {0x4367, 0xDA19, 0, 0};
    count = guess(lonely, 4, 0, 2);
    assert_null(strstr(find(count, "float32", "ABCD")->reason, "neighbour"));
}

static size_t guess_scaled(const uint16_t *words, size_t width, const struct tag *row)
{
    struct guess_block block = {
        .words = words,
        .count = width,
        .interpret = driver_find("modbus-tcp")->interpret,
        .row = *row,
    };
    return plausibility_guess(&block, 0, width, guesses);
}

static void numbers_are_shown_as_they_will_be_published(void **state)
{
    static const struct tag row = {
        .is_scaled = true, .scale = {1, -1}, .offset = {-4, 1}}; /* × 0.1 - 40 */
    static const uint16_t words[] = {0x42F6, 0xE979};
    static const uint16_t text[] = {0x4D33, 0x2D41};
    static const uint16_t greatest[] = {0xFFFF, 0xFFFF, 0xFFFF, 0xFFFE};
    (void)state;
    size_t count = guess_scaled(words, 2, &row);
    assert_string_equal(find(count, "int32", "ABCD")->value, "112347748.1");
    assert_string_equal(find(count, "float32", "ABCD")->value, "-27.654399871826172");
    assert_int_equal(find(count, "float32", "ABCD")->rank, 1);
    count = guess_scaled(words, 1, &row);
    assert_string_equal(find(count, "uint16", "AB")->value, "1674.2");
    count = guess_scaled(greatest, 4, &row);
    assert_string_equal(find(count, "uint64", "ABCDEFGH")->value, "1844674407370955121.4");
    count = guess_scaled(text, 2, &row);
    assert_string_equal(find(count, "string:4", "AB")->value, "M3-A");
}

static void what_is_outside_is_ranked_behind(void **state)
{
    static const struct tag none_told = {.is_scaled = false};
    static const struct tag row = {
        .has_min = true, .min = {1, 3}, .has_max = true, .max = {2, 4}};
    static const struct tag above = {.has_min = true, .min = {24001, -3}};
    static const struct tag scaled = {
        .is_scaled = true, .scale = {1, 1}, .has_max = true, .max = {240, 0}};
    static const uint16_t words[] = {0, 0x41C0};
    static const uint16_t none[] = {0x7FC0, 0};
    (void)state;
    size_t count = guess_scaled(words, 2, &none_told);
    assert_int_equal(find(count, "float32", "CDAB")->rank, 1);
    count = guess_scaled(words, 2, &row);
    assert_int_equal(find(count, "int32", "ABCD")->rank, 1);
    const struct guess *outside = find(count, "float32", "CDAB");
    assert_string_equal(outside->value, "24");
    assert_string_equal(outside->reason, "outside 1000…20000");
    for (size_t at = 0; at < count; at++) {
        assert_true(guesses[at].is_outside || guesses[at].rank < outside->rank);
    }
    count = guess_scaled(words, 2, &above);
    assert_string_equal(find(count, "float32", "CDAB")->reason, "outside 24.001…");
    count = guess_scaled(words, 2, &scaled); /* the scaled number counts */
    assert_false(find(count, "float32", "CDAB")->is_outside);
    assert_true(find(count, "int32", "ABCD")->is_outside);
    count = guess_scaled(none, 2, &row);
    assert_non_null(strstr(find(count, "float32", "ABCD")->reason, "no value"));
}

static void assert_ranks_without_hole(size_t count)
{
    unsigned seen = 0;
    for (size_t at = 0; at < count; at++) {
        assert_true(guesses[at].rank > 0 || guesses[at].score <= 0);
        seen |= 1U << guesses[at].rank;
    }
    assert_int_equal((seen >> 1 & ((seen >> 1) + 1)), 0);
}

/* Whatever is read, nothing is out of bounds, ranks begin at 1 and have no hole. */
static void any_registers_are_ranked(void **state)
{
    uint32_t seed = 7;
    uint16_t words[125];
    (void)state;
    for (unsigned round = 0; round < 300; round++) {
        for (size_t at = 0; at < COUNT(words); at++) {
            seed = seed * 1664525 + 1013904223;
            words[at] = round % 3 == 0 ? (uint16_t)(seed >> 16)
                                       : (uint16_t)((seed >> 16) & (seed >> 8) & 0x7F7F);
        }
        for (size_t width = 1; width <= (round == 0 ? COUNT(words) : 4); width++) {
            assert_ranks_without_hole(guess(words, COUNT(words), COUNT(words) - width, width));
        }
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_golden_vector_is_first_or_second),
        cmocka_unit_test(few_share_a_place),
        cmocka_unit_test(reasons_are_told_in_words),
        cmocka_unit_test(what_cannot_be_is_not_marked),
        cmocka_unit_test(neighbours_speak_for_each_other),
        cmocka_unit_test(numbers_are_shown_as_they_will_be_published),
        cmocka_unit_test(what_is_outside_is_ranked_behind),
        cmocka_unit_test(any_registers_are_ranked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
