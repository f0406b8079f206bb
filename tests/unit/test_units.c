/* Claim: a text with a unit becomes exactly the number it says, or is refused and changes
 * nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/text.h"
#include "config/units.h"

#include <math.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { UNTOUCHED = 424242 };

struct number_case {
    const char *text;
    uint64_t number; /* UNTOUCHED: must be refused */
};

static void check(const struct number_case *cases, size_t count,
                  bool (*parse)(const char *text, uint64_t *number))
{
    for (size_t i = 0; i < count; i++) {
        uint64_t number = UNTOUCHED;
        bool is_right = parse(cases[i].text, &number);
        if (number != cases[i].number || is_right != (number != UNTOUCHED)) {
            print_error("\"%s\" became %llu\n", cases[i].text, (unsigned long long)number);
        }
        assert_true(number == cases[i].number);
        assert_int_equal(is_right, number != UNTOUCHED);
    }
}

static void durations_are_exact(void **state)
{
    (void)state;
    static const struct number_case cases[] = {
        {"250 ms", 250000},
        {"250ms", 250000},
        {"1 s", 1000000},
        {"0.5 s", 500000},
        {"1.5 h", 5400000000},
        {"0.000001 s", 1},
        {"5 min", 300000000},
        {"30 d", 2592000000000},
        {"100 us", 100},
        {"100 µs", 100},
        {"0", 0},
        {"0 ms", 0},
        {"0.0", 0},
        {"0.125 ms", 125},
        {"100", UNTOUCHED},
        {"", UNTOUCHED},
        {"s", UNTOUCHED},
        {"-1 s", UNTOUCHED},
        {"1 S", UNTOUCHED},
        {"1  s", UNTOUCHED},
        {"1 s ", UNTOUCHED},
        {"1 sec", UNTOUCHED},
        {"1.5 us", UNTOUCHED},
        {"1.2.3 s", UNTOUCHED},
        {"1. s", UNTOUCHED},
        {"1e3 s", UNTOUCHED},
        {"0x10 s", UNTOUCHED},
        {"999999999999999999 d", UNTOUCHED},
        {"99999999999999999999 us", UNTOUCHED},
        {"nan s", UNTOUCHED},
    };
    check(cases, COUNT(cases), units_parse_duration_us);
}

static void sizes_are_exact(void **state)
{
    (void)state;
    static const struct number_case cases[] = {
        {"4096 B", 4096},
        {"64 KiB", 65536},
        {"2 GiB", UINT64_C(2) << 30},
        {"1.5 MiB", UINT64_C(3) << 19},
        {"1 kB", 1000},
        {"1.001 kB", 1001},
        {"3 TB", UINT64_C(3) * 1000000000000},
        {"0", 0},
        {"4096", UNTOUCHED},
        {"1 GIB", UNTOUCHED},
        {"1 K", UNTOUCHED},
        {"0.3 B", UNTOUCHED},
        {"0.001 KiB", UNTOUCHED},
        {"99999999999 TiB", UNTOUCHED},
    };
    check(cases, COUNT(cases), units_parse_size);
}

static void decimals_are_normal(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t mantissa;
        int exponent;
    } cases[] = {
        {"0.1", 1, -1},
        {"0.10", 1, -1},
        {"-273.15", -27315, -2},
        {"1e-05", 1, -5},
        {"1E5", 1, 5},
        {"+12", 12, 0},
        {"1200", 12, 2},
        {"0", 0, 0},
        {"-0.000", 0, 0},
        {"0e99999999999", 0, 0},
        {".5", 5, -1},
        {"123456789012345678", 123456789012345678, 0},
        {"1.00000000000000000000", 1, 0},
        {"0.000000000000000000001", 1, -21},
        {"1e340", 1, 340},
        {"10e-341", 1, -340},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct decimal decimal = {.mantissa = 7, .exponent = 7};
        assert_true(units_parse_decimal(cases[i].text, &decimal));
        assert_int_equal(decimal.mantissa, cases[i].mantissa);
        assert_int_equal(decimal.exponent, cases[i].exponent);
    }
}

static void other_decimals_are_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"",
                                        "-",
                                        ".",
                                        "1.",
                                        "1,5",
                                        "1e",
                                        "1e+",
                                        "0x10",
                                        "1 ",
                                        " 1",
                                        "nan",
                                        "inf",
                                        "1e341",
                                        "1e-341",
                                        "--1",
                                        "1e99999999999",
                                        "1234567890123456789"};
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct decimal decimal = {.mantissa = 7, .exponent = 7};
        assert_false(units_parse_decimal(texts[i], &decimal));
        assert_int_equal(decimal.mantissa, 7);
        assert_int_equal(decimal.exponent, 7);
    }
}

static void doubles_are_nearest(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double number;
    } cases[] = {
        {"0.1", 0.1}, {"-273.15", -273.15}, {"1e-05", 1e-05}, {"1.52588e-07", 1.52588e-07},
        {"0", 0},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct decimal decimal;
        assert_true(units_parse_decimal(cases[i].text, &decimal));
        double number = decimal_to_double(decimal);
        assert_memory_equal(&number, &cases[i].number, sizeof number);
    }
}

static void whole_numbers(void **state)
{
    (void)state;
    static const struct number_case cases[] = {
        {"0", 0},
        {"65535", 65535},
        {"0x8000", 32768},
        {"0XfF", 255},
        {"18446744073709551615", UINT64_MAX},
        {"0xFFFFFFFFFFFFFFFF", UINT64_MAX},
        {"18446744073709551616", UNTOUCHED},
        {"0x10000000000000000", UNTOUCHED},
        {"0x", UNTOUCHED},
        {"-1", UNTOUCHED},
        {"+1", UNTOUCHED},
        {"1a", UNTOUCHED},
        {"", UNTOUCHED},
        {" 1", UNTOUCHED},
    };
    check(cases, COUNT(cases), units_parse_unsigned);
    int64_t number = 0;
    assert_true(units_parse_signed("-9223372036854775808", &number));
    assert_true(number == INT64_MIN);
    assert_true(units_parse_signed("9223372036854775807", &number));
    assert_true(number == INT64_MAX);
    assert_false(units_parse_signed("9223372036854775808", &number));
    assert_false(units_parse_signed("--1", &number));
    assert_true(number == INT64_MAX);
}

static void utf8_is_checked(void **state)
{
    (void)state;
    assert_int_equal(text_utf8_length("a", 1), 1);
    assert_int_equal(text_utf8_length("°", 2), 2);
    assert_int_equal(text_utf8_length("…", 3), 3);
    assert_int_equal(text_utf8_length("\xF0\x9F\x8F\xAD", 4), 4);
    static const char *const wrong[] = {"\xB0",
                                        "\xC0\x80",
                                        "\xC3",
                                        "\xE0\x80\x80",
                                        "\xED\xA0\x80",
                                        "\xF4\x90\x80\x80",
                                        "\xF8\x88\x80\x80\x80",
                                        "\xFF"};
    for (size_t i = 0; i < COUNT(wrong); i++) {
        assert_int_equal(text_utf8_length(wrong[i], strlen(wrong[i])), 0);
    }
    assert_int_equal(text_utf8_length("", 1), 0); /* NUL */
}

static void misspellings_are_recognised(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *meant; /* NULL: nothing is near */
    } cases[] = {
        {"timeuot", "timeout"},
        {"tiemout", "timeout"},
        {"prot", "port"},
        {"maxregisters", "max_registers"},
        {"colour", NULL},
        {"x", NULL},
        {"", NULL},
    };
    static const char *const names[] = {"timeout", "port", "host", "max_registers"};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct nearest nearest;
        text_nearest_start(&nearest, cases[i].text);
        for (size_t j = 0; j < COUNT(names); j++) {
            text_nearest_try(&nearest, names[j]);
        }
        const char *found = text_nearest_found(&nearest);
        assert_int_equal(found == NULL, cases[i].meant == NULL);
        if (found != NULL) {
            assert_string_equal(found, cases[i].meant);
        }
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations_are_exact), cmocka_unit_test(sizes_are_exact),
        cmocka_unit_test(decimals_are_normal), cmocka_unit_test(other_decimals_are_refused),
        cmocka_unit_test(doubles_are_nearest), cmocka_unit_test(whole_numbers),
        cmocka_unit_test(utf8_is_checked),     cmocka_unit_test(misspellings_are_recognised),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
