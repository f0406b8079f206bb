/* Claim: nobody floods the log, how many lines were left out is told, and its last word on a
 * source is the newest. */
#include "gateway/fold.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define SECOND_US INT64_C(1000000)

static struct fold fold;

static int reset(void **state)
{
    (void)state;
    fold = (struct fold){0};
    return 0;
}

static unsigned said_of(const char *source, unsigned lines, int64_t from_us, int64_t every_us)
{
    unsigned said = 0;
    for (unsigned at = 0; at < lines; at++) {
        char line[64];
        unsigned suppressed;
        (void)snprintf(line, sizeof line, "<4>poller machine=%s event=lost n=%u", source, at);
        said += fold_take(&fold, line, from_us + at * every_us, &suppressed) ? 1 : 0;
    }
    return said;
}

static void a_burst_passes_and_a_flood_does_not(void **state)
{
    (void)state;
    assert_int_equal(said_of("mill", FOLD_BURST, 0, 0), FOLD_BURST);
    assert_int_equal(said_of("mill", 1000, 0, 0), 0);
    assert_int_equal(said_of("oven", FOLD_BURST, 0, 0), FOLD_BURST); /* another source */
    /* Ten a second for a minute. */
    assert_in_range(said_of("pump", 600, 100 * SECOND_US, SECOND_US / 10), FOLD_BURST, 60);
}

static void the_next_line_tells_how_many_were_left_out(void **state)
{
    (void)state;
    unsigned suppressed = 99;
    assert_int_equal(said_of("mill", FOLD_BURST + 7, 0, 0), FOLD_BURST);
    assert_true(fold_take(&fold, "<6>poller machine=mill event=back", FOLD_PAUSE_S * SECOND_US,
                          &suppressed));
    assert_int_equal(suppressed, 7);
    assert_int_equal(fold_due_us(&fold), INT64_MAX);
}

static void who_falls_silent_is_quoted(void **state)
{
    (void)state;
    char line[FOLD_LINE_SIZE];
    unsigned suppressed;
    assert_int_equal(said_of("mill", FOLD_BURST + 3, 0, 0), FOLD_BURST);
    int64_t due_us = fold_due_us(&fold);
    assert_int_equal(due_us, FOLD_PAUSE_S * SECOND_US);
    assert_false(fold_next(&fold, due_us - 1, line, &suppressed));
    assert_true(fold_next(&fold, due_us, line, &suppressed));
    assert_string_equal(line, "<4>poller machine=mill event=lost n=22");
    assert_int_equal(suppressed, 2);
    assert_false(fold_next(&fold, due_us, line, &suppressed));
    assert_int_equal(said_of("mill", 1, due_us, 0), 0); /* the quotation counted */
}

static void more_sources_than_places_are_all_heard(void **state)
{
    (void)state;
    for (unsigned at = 0; at < 3 * FOLD_SOURCES; at++) {
        char name[16];
        (void)snprintf(name, sizeof name, "m%u", at);
        assert_int_equal(said_of(name, 1, at, 0), 1);
    }
    assert_int_equal(fold_due_us(&fold), INT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_burst_passes_and_a_flood_does_not, reset),
        cmocka_unit_test_setup(the_next_line_tells_how_many_were_left_out, reset),
        cmocka_unit_test_setup(who_falls_silent_is_quoted, reset),
        cmocka_unit_test_setup(more_sources_than_places_are_all_heard, reset),
    };
    return cmocka_run_group_tests_name("fold", tests, NULL, NULL);
}
