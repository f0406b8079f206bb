/* Claim: times are written as ISO 8601 and read back, for every day that can be written. The C
 * library's timegm and gmtime_r are the witness. */
#include "gateway/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static const char *iso(int64_t wall_us)
{
    static char text[CLOCK_ISO_LENGTH + 1];
    clock_format_iso(wall_us, text);
    return text;
}

static void every_day_agrees_with_the_c_library(void **state)
{
    (void)state;
    for (int64_t day = 0; day < 2932896; day += 13) {
        time_t seconds = (time_t)(day * 86400 + day % 86400);
        struct tm broken;
        assert_non_null(gmtime_r(&seconds, &broken));
        char expected[64];
        (void)snprintf(expected, sizeof expected, "%04d-%02d-%02dT%02d:%02d:%02d.789Z",
                       broken.tm_year + 1900, broken.tm_mon + 1, broken.tm_mday, broken.tm_hour,
                       broken.tm_min, broken.tm_sec);
        int64_t wall_us = (int64_t)seconds * 1000000 + 789999;
        assert_string_equal(iso(wall_us), expected);
        int64_t parsed_us;
        assert_true(clock_parse(expected, 0, &parsed_us));
        assert_int_equal(parsed_us, wall_us - 999);
    }
}

static void bounds_are_kept(void **state)
{
    (void)state;
    assert_string_equal(iso(-1), "1970-01-01T00:00:00.000Z");
    assert_string_equal(iso(INT64_MAX), "9999-12-31T23:59:59.999Z");
}

static void what_people_type_is_understood(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t seconds; /* -1: refused */
    } cases[] = {
        {"1970-01-02", 86400},
        {"1970-01-01T01:02", 3720},
        {"1970-01-01 01:02:03", 3723},
        {"1970-01-01T01:02:03.000Z", 3723},
        {"15 min", 10000 - 900},
        {"1970-02-30", -1},
        {"1970-13-01", -1},
        {"1970-01-01T24:00", -1},
        {"1970-01-01T01", -1},
        {"1970-01-01T01:02:03.000Zulu", -1},
        {"yesterday", -1},
        {"", -1},
    };
    for (size_t at = 0; at < sizeof cases / sizeof *cases; at++) {
        int64_t parsed_us = -1000000;
        bool is_understood = clock_parse(cases[at].text, INT64_C(10000) * 1000000, &parsed_us);
        assert_int_equal(is_understood, cases[at].seconds >= 0);
        assert_int_equal(parsed_us, cases[at].seconds * 1000000);
    }
}

static void a_clock_that_nobody_set_is_known(void **state)
{
    (void)state;
    assert_false(clock_is_set(0));
    assert_false(clock_is_set(INT64_C(1500000000) * 1000000));
    assert_true(clock_is_set(clock_wall_us()));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_day_agrees_with_the_c_library),
        cmocka_unit_test(bounds_are_kept),
        cmocka_unit_test(what_people_type_is_understood),
        cmocka_unit_test(a_clock_that_nobody_set_is_known),
    };
    return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
