/* Claim: numbers are written as the shortest decimal that gives back the same number, and
 * scaled integers are exact to all digits. The C library's strtof, strtod and printf are the
 * witness. */
#include "gateway/number.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char text[NUMBER_SIZE + 1];

static const char *of_float(float value)
{
    text[number_format_float(value, text)] = '\0';
    return text;
}

static const char *of_double(double value)
{
    text[number_format_double(value, text)] = '\0';
    return text;
}

static const char *scaled(int64_t value, struct decimal scale, struct decimal offset)
{
    struct number_scaling scaling = {.scale = scale, .offset = offset};
    double approximate;
    uint64_t magnitude = value < 0 ? -(uint64_t)value : (uint64_t)value;
    unsigned length = number_format_scaled(magnitude, value < 0, &scaling, text, &approximate);
    text[length] = '\0';
    double parsed = strtod(text, NULL);
    assert_true(fabs(parsed - approximate) <= fabs(parsed) * 1e-14);
    return text;
}

static void floats_a_person_knows(void **state)
{
    (void)state;
    assert_string_equal(of_float(0.1f), "0.1");
    assert_string_equal(of_float(21.4f), "21.4");
    assert_string_equal(of_float(8000.0f), "8000");
    assert_string_equal(of_float(-0.0f), "-0.0");
    assert_string_equal(of_float(0.0f), "0");
    assert_string_equal(of_float(1e-45f), "1e-45");
    assert_string_equal(of_float(3.4028235e38f), "3.4028235e+38");
    assert_string_equal(of_float(33554432.0f), "33554432");
    assert_string_equal(of_float(0.000001f), "0.000001");
    assert_string_equal(of_float(123.456f), "123.456");
}

static void doubles_a_person_knows(void **state)
{
    (void)state;
    assert_string_equal(of_double(0.1), "0.1");
    assert_string_equal(of_double(1234567.875), "1234567.875");
    assert_string_equal(of_double(5e-324), "5e-324");
    assert_string_equal(of_double(1.7976931348623157e308), "1.7976931348623157e+308");
    assert_string_equal(of_double(1e21), "1e+21");
    assert_string_equal(of_double(9007199254740993.0), "9007199254740992");
    /* The nearest 16 digits lie below and are read back as the double below: 2^-44. */
    assert_string_equal(of_double(ldexp(1.0, -44)), "5.684341886080802e-14");
}

static unsigned count_digits(const char *number)
{
    unsigned count = 0;
    unsigned zeros = 0;
    for (; *number != '\0' && *number != 'e'; number++) {
        if (*number < '0' || *number > '9' || (count == 0 && *number == '0')) {
            continue;
        }
        zeros = *number == '0' ? zeros + 1 : 0;
        count++;
    }
    return count - zeros;
}

static void assert_shortest(float value)
{
    const char *written = of_float(value);
    assert_true(strtof(written, NULL) == value);
    unsigned digits = count_digits(written);
    char shorter[40];
    (void)snprintf(shorter, sizeof shorter, "%.*e", digits > 1 ? (int)digits - 2 : 0,
                   (double)value);
    if (digits > 1 && strtof(shorter, NULL) == value) {
        fail_msg("%s is longer than %s", written, shorter);
    }
}

/* Every 7,919th float, the powers of two and their neighbours: the same bits come back, and no
 * decimal with fewer digits would do. */
static void each_float_comes_back_from_the_fewest_digits(void **state)
{
    (void)state;
    for (uint64_t bits = 1; bits < UINT64_C(0x7f800000);
         bits += bits % 8388608 < 2 ? 1 : 7919) {
        uint32_t narrow = (uint32_t)bits;
        float value;
        (void)memcpy(&value, &narrow, sizeof value);
        assert_shortest(value);
    }
}

static void random_doubles_come_back(void **state)
{
    (void)state;
    uint64_t bits = 88172645463325252; /* xorshift64 */
    for (unsigned turn = 0; turn < 200000; turn++) {
        bits ^= bits << 13;
        bits ^= bits >> 7;
        bits ^= bits << 17;
        double value;
        (void)memcpy(&value, &bits, sizeof value);
        if (isfinite(value)) {
            assert_true(strtod(of_double(value), NULL) == value);
        }
    }
}

static void whole_numbers_to_the_last_digit(void **state)
{
    (void)state;
    text[number_format_unsigned(UINT64_MAX, text)] = '\0';
    assert_string_equal(text, "18446744073709551615");
    text[number_format_signed(INT64_MIN, text)] = '\0';
    assert_string_equal(text, "-9223372036854775808");
    text[number_format_unsigned(0, text)] = '\0';
    assert_string_equal(text, "0");
}

static void scaled_integers_are_exact(void **state)
{
    (void)state;
    struct decimal none = {0, 0};
    assert_string_equal(scaled(214, (struct decimal){1, -1}, none), "21.4");
    assert_string_equal(scaled(210, (struct decimal){1, -1}, none), "21");
    assert_string_equal(scaled(-5, (struct decimal){1, -3}, none), "-0.005");
    assert_string_equal(scaled(0, (struct decimal){1, -3}, none), "0");
    assert_string_equal(scaled(0x7477, (struct decimal){1, -2}, (struct decimal){-27315, -2}),
                        "25"); /* Grundfos: 298.15 K */
    assert_string_equal(scaled(123456789, (struct decimal){1, -5}, none), "1234.56789");
    assert_string_equal(scaled(INT64_MAX, (struct decimal){999999999999999999, -18}, none),
                        "9223372036854775797.776627963145224193");
    assert_string_equal(scaled(7, (struct decimal){1, 3}, (struct decimal){1, -1}), "7000.1");
    assert_string_equal(scaled(0, (struct decimal){1, 3}, (struct decimal){-5, -1}), "-0.5");
}

/* Where 38 digits cannot hold the sum, the double result is written instead. */
static void far_apart_scales_fall_back_to_double(void **state)
{
    (void)state;
    assert_string_equal(scaled(3, (struct decimal){1, 200}, (struct decimal){1, -200}),
                        "3e+200");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(floats_a_person_knows),
        cmocka_unit_test(doubles_a_person_knows),
        cmocka_unit_test(each_float_comes_back_from_the_fewest_digits),
        cmocka_unit_test(random_doubles_come_back),
        cmocka_unit_test(whole_numbers_to_the_last_digit),
        cmocka_unit_test(scaled_integers_are_exact),
        cmocka_unit_test(far_apart_scales_fall_back_to_double),
    };
    return cmocka_run_group_tests_name("number", tests, NULL, NULL);
}
