/* Claim: a step of the wall clock is noticed, either way and however small its parts; what
 * corrects a clock is none. */
#include "gateway/steady_clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define SECOND  INT64_C(1000000)
#define DAY     (86400 * SECOND)
#define WALL_US INT64_C(1795450800123456) /* 2026-11-23T16:20:00.123 */

static void a_clock_that_goes_on_is_steady_since_the_start(void **state)
{
    (void)state;
    struct steady_clock clock = steady_clock_start(WALL_US, 5 * SECOND);
    assert_int_equal(steady_clock_follow(&clock, WALL_US, 5 * SECOND), 0);
    assert_int_equal(steady_clock_follow(&clock, WALL_US + DAY, DAY + 5 * SECOND), DAY);
    int64_t leapt_us = WALL_US + 2 * DAY - SECOND;
    assert_int_equal(steady_clock_follow(&clock, leapt_us, 2 * DAY + 5 * SECOND), 2 * DAY);
}

static void a_step_begins_it_anew(void **state)
{
    (void)state;
    struct steady_clock clock = steady_clock_start(WALL_US, 0);
    assert_int_equal(steady_clock_follow(&clock, WALL_US + DAY, DAY), DAY);
    int64_t wrong_us = WALL_US + 41 * DAY;
    assert_int_equal(steady_clock_follow(&clock, wrong_us, DAY), 0);
    assert_int_equal(steady_clock_follow(&clock, wrong_us + 9, DAY + 9), 9);
    assert_int_equal(steady_clock_follow(&clock, WALL_US + DAY + 20, DAY + 20), 0); /* back */
    assert_int_equal(steady_clock_follow(&clock, WALL_US + 2 * DAY, 2 * DAY), DAY - 20);
}

static void many_small_steps_are_one(void **state)
{
    (void)state;
    struct steady_clock clock = steady_clock_start(0, 0); /* nobody has set it */
    for (int64_t step = 1; step <= 60; step++) {
        assert_int_equal(steady_clock_follow(&clock, step * 2 * SECOND, step * SECOND),
                         step * SECOND);
    }
    assert_int_equal(steady_clock_follow(&clock, 122 * SECOND, 61 * SECOND), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_clock_that_goes_on_is_steady_since_the_start),
        cmocka_unit_test(a_step_begins_it_anew),
        cmocka_unit_test(many_small_steps_are_one),
    };
    return cmocka_run_group_tests_name("steady_clock", tests, NULL, NULL);
}
