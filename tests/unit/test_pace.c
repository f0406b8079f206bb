/* Claim: beats lie on a grid without drift, missed ones are skipped and counted, and waits
 * double up to their limit. */
#include "gateway/backoff.h"
#include "gateway/pace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static void beats_do_not_drift(void **state)
{
    (void)state;
    struct pace pace = pace_start(1000, 100);
    for (int64_t beat = 1; beat <= 1000; beat++) {
        int64_t late_us = beat % 7; /* each poll begins a little late */
        assert_int_equal(pace_advance(&pace, pace.due_us + late_us), 0);
        assert_int_equal(pace.due_us, 1000 + beat * 100);
    }
}

static void missed_beats_are_skipped_and_counted(void **state)
{
    (void)state;
    struct pace pace = pace_start(1000, 100);
    assert_int_equal(pace_advance(&pace, 1450), 4); /* 1100, 1200, 1300, 1400 */
    assert_int_equal(pace.due_us, 1500);
    assert_int_equal(pace_advance(&pace, 1600),
                     1); /* a beat that is just due is too late, too */
    assert_int_equal(pace.due_us, 1700);
}

static void phases_are_spread_and_the_same_at_each_start(void **state)
{
    (void)state;
    unsigned tenths[10] = {0};
    for (unsigned number = 0; number < 1000; number++) {
        char name[32];
        (void)snprintf(name, sizeof name, "machine_%u", number);
        int64_t phase_us = pace_phase_us(name, 100000);
        assert_in_range(phase_us, 0, 99999);
        assert_int_equal(phase_us, pace_phase_us(name, 100000));
        tenths[phase_us / 10000]++;
    }
    for (unsigned tenth = 0; tenth < 10; tenth++) {
        assert_in_range(tenths[tenth], 60, 140);
    }
}

static void waits_double_with_some_chance(void **state)
{
    (void)state;
    struct backoff backoff = backoff_create(500, 5000, 42);
    const int64_t expected_ms[] = {500, 1000, 2000, 4000, 5000, 5000};
    for (size_t at = 0; at < sizeof expected_ms / sizeof *expected_ms; at++) {
        int64_t pause_us = backoff_next_us(&backoff);
        assert_in_range(pause_us, expected_ms[at] * 900, expected_ms[at] * 1100);
    }
    backoff_reset(&backoff);
    assert_in_range(backoff_next_us(&backoff), 450000, 550000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(beats_do_not_drift),
        cmocka_unit_test(missed_beats_are_skipped_and_counted),
        cmocka_unit_test(phases_are_spread_and_the_same_at_each_start),
        cmocka_unit_test(waits_double_with_some_chance),
    };
    return cmocka_run_group_tests_name("pace", tests, NULL, NULL);
}
