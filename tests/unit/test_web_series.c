/* Claim: a state lasts as long as the journal speaks of it: what nobody recorded is not known.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config/problems.h"
#include "gateway/web_series.h"

enum { FROM_MS = 1000000, TO_MS = 2000000, PERIOD_MS = 1000 };

static const struct web_series_pace pace = {PERIOD_MS, 60000, 3000};
static struct map *map;

static int setup(void **state)
{
    static const char text[] = "tag,table,address,type\nstate,holding,0,string:8\n";
    struct problems *problems = problems_create();
    (void)state;
    map = map_parse("test.csv", text, strlen(text), problems);
    size_t count = problems_count(problems);
    problems_destroy(problems);
    return map == NULL || count > 0;
}

static int teardown(void **state)
{
    (void)state;
    map_destroy(map);
    return 0;
}

static struct web_series *begin(const struct web_series_pace *of)
{
    struct web_series *series = web_series_create(&map->tags[0], FROM_MS, TO_MS, 100);
    if (of != NULL) {
        web_series_expect(series, of);
    }
    return series;
}

/* A row each period with times in [from, to). */
static void add(struct web_series *series, uint64_t run, int64_t from_ms, int64_t to_ms)
{
    static const char payload[] = "{\"q\":\"good\",\"state\":\"run\"}";
    for (int64_t time_ms = from_ms; time_ms < to_ms; time_ms += PERIOD_MS) {
        struct journal_row row = {.run = run,
                                  .time_us = time_ms * 1000,
                                  .payload = payload,
                                  .payload_length = strlen(payload)};
        web_series_add(series, &row);
    }
}

static void assert_points(struct web_series *series, const char *expected)
{
    struct json json = json_begin_growing();
    web_series_put(&json, series);
    (void)json_end(&json);
    assert_non_null(strstr(json.text, "\"points\":"));
    assert_string_equal(strstr(json.text, "\"points\":") + 9, expected);
    free(json.text);
    web_series_destroy(series);
}

static void a_state_that_is_told_again_and_again_is_one_stretch(void **state)
{
    (void)state;
    struct web_series *series = begin(&pace);
    web_series_begin_block(series);
    add(series, 1, 1500000, TO_MS);
    web_series_begin_block(series);
    add(series, 1, FROM_MS, 1500000);
    assert_points(series, "[[1000000,null,null,\"run\",0]]}");
}

static void an_outage_ends_it_within_a_block_and_between_two(void **state)
{
    static const char expected[] = "[[1000000,null,null,\"run\",0],[1200000,null,null,null,2],"
                                   "[1700000,null,null,\"run\",0]]}";
    (void)state;
    struct web_series *series = begin(&pace);
    web_series_begin_block(series);
    add(series, 1, FROM_MS, 1200000);
    add(series, 1, 1700000, TO_MS);
    assert_points(series, expected);
    series = begin(&pace);
    web_series_begin_block(series);
    add(series, 1, 1700000, TO_MS);
    web_series_begin_block(series); /* of other machines only */
    web_series_begin_block(series);
    add(series, 1, FROM_MS, 1200000);
    assert_points(series, expected);
}

static void a_short_silence_is_none_unless_the_gateway_began_anew(void **state)
{
    (void)state;
    struct web_series *series = begin(&pace);
    web_series_begin_block(series);
    add(series, 1, FROM_MS, 1200000);
    add(series, 1, 1250000, 1500000);
    add(series, 2, 1502000, 1600000);
    add(series, 3, 1610000, TO_MS);
    assert_points(series, "[[1000000,null,null,\"run\",0],[1600000,null,null,null,2],"
                          "[1610000,null,null,\"run\",0]]}");
}

static void nothing_is_known_before_the_first_row_nor_long_after_the_last(void **state)
{
    (void)state;
    struct web_series *series = begin(&pace);
    web_series_begin_block(series);
    add(series, 1, 1300000, 1400000);
    assert_points(series, "[[1000000,null,null,null,2],[1300000,null,null,\"run\",0],"
                          "[1400000,null,null,null,2]]}");
    assert_points(begin(&pace), "[[1000000,null,null,null,2]]}");
}

static void what_is_recorded_when_it_changes_lasts(void **state)
{
    (void)state;
    struct web_series *series = begin(NULL);
    web_series_begin_block(series);
    add(series, 1, 1300000, 1300001);
    add(series, 2, 1900000, 1900001);
    assert_points(series, "[[1300000,null,null,\"run\",0]]}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_state_that_is_told_again_and_again_is_one_stretch),
        cmocka_unit_test(an_outage_ends_it_within_a_block_and_between_two),
        cmocka_unit_test(a_short_silence_is_none_unless_the_gateway_began_anew),
        cmocka_unit_test(nothing_is_known_before_the_first_row_nor_long_after_the_last),
        cmocka_unit_test(what_is_recorded_when_it_changes_lasts),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
