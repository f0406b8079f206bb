/* The plan reads every tag once, in the fewest requests, within the limits, and splits no
 * value. */
#include "drivers/modbus_plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { TAGS_MAX = 200, BRUTE_MAX = 7, BITS_PER_REGISTER = 16, RETRY_US = 60000000 };

static const struct modbus_plan_limits usual = {
    .max_registers = 125, .max_bits = 2000, .max_hole = 16};

static uint32_t seed;

static uint32_t draw(uint32_t below)
{
    seed = seed * 1664525U + 1013904223U;
    return (uint32_t)((uint64_t)seed * below >> 32);
}

static struct modbus_plan_tag holding(uint16_t address, uint16_t count)
{
    return (struct modbus_plan_tag){
        .table = TABLE_HOLDING, .address = address, .count = count, .partner = -1};
}

static void assert_request(const struct modbus_plan *plan, size_t index, uint16_t address,
                           uint16_t count)
{
    const struct modbus_plan_request *request = modbus_plan_get(plan, index);

    assert_int_equal(request->address, address);
    assert_int_equal(request->count, count);
}

/* ---- by example ---- */

static void holes_are_bridged_up_to_the_limit(void **state)
{
    const struct modbus_plan_tag tags[] = {holding(0, 2), holding(18, 2), holding(37, 1)};
    struct modbus_plan *plan = modbus_plan_create(tags, 3, &usual);

    (void)state;
    assert_int_equal(modbus_plan_count(plan), 2);
    assert_request(plan, 0, 0, 20); /* a hole of 16 */
    assert_int_equal(modbus_plan_get(plan, 0)->unused, 16);
    assert_request(plan, 1, 37, 1); /* a hole of 17 */
    modbus_plan_destroy(plan);
    modbus_plan_destroy(NULL);
}

static void bits_bridge_sixteen_times_as_much(void **state)
{
    struct modbus_plan_tag tags[] = {holding(0, 1), holding(257, 1), holding(515, 1)};
    struct modbus_plan *plan;

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        tags[i].table = TABLE_COIL;
    }
    plan = modbus_plan_create(tags, 3, &usual);
    assert_int_equal(modbus_plan_count(plan), 2);
    assert_request(plan, 0, 0, 258);
    assert_request(plan, 1, 515, 1);
    modbus_plan_destroy(plan);
}

static void a_value_at_the_limit_moves_to_the_next_request(void **state)
{
    struct modbus_plan_tag tags[64];
    struct modbus_plan *plan;

    (void)state;
    for (uint16_t i = 0; i < 64; i++) {
        tags[i] = holding((uint16_t)(2 * i), 2);
    }
    plan = modbus_plan_create(tags, 64, &usual);
    assert_int_equal(modbus_plan_count(plan), 2);
    assert_request(plan, 0, 0, 124);
    assert_request(plan, 1, 124, 4);
    modbus_plan_destroy(plan);
}

static void the_last_register_of_a_table_is_reached(void **state)
{
    const struct modbus_plan_tag tags[] = {holding(65532, 4), holding(0, 1)};
    struct modbus_plan *plan = modbus_plan_create(tags, 2, &usual);

    (void)state;
    assert_int_equal(modbus_plan_count(plan), 2);
    assert_request(plan, 1, 65532, 4);
    modbus_plan_destroy(plan);
}

static void d16_tags_on_one_register_share_it(void **state)
{
    const struct modbus_plan_tag tags[] = {holding(7, 1), holding(7, 1), holding(7, 1)};
    struct modbus_plan *plan = modbus_plan_create(tags, 3, &usual);

    (void)state;
    assert_int_equal(modbus_plan_count(plan), 1);
    assert_request(plan, 0, 7, 1);
    assert_int_equal(modbus_plan_get(plan, 0)->tags_count, 3);
    modbus_plan_destroy(plan);
}

static void no_request_ends_inside_a_value(void **state)
{
    /* The high word at 3 would still fit into the first request; the double word would not. */
    const struct modbus_plan_tag tags[] = {holding(0, 3), holding(3, 1), holding(3, 2)};
    const struct modbus_plan_limits limits = {.max_registers = 4, .max_bits = 4, .max_hole = 0};
    struct modbus_plan *plan = modbus_plan_create(tags, 3, &limits);

    (void)state;
    assert_int_equal(modbus_plan_count(plan), 2);
    assert_request(plan, 0, 0, 3);
    assert_request(plan, 1, 3, 2);
    modbus_plan_destroy(plan);
}

static void tables_and_paces_are_kept_apart(void **state)
{
    struct modbus_plan_tag tags[8];
    struct modbus_plan *plan;

    (void)state;
    for (uint16_t i = 0; i < 8; i++) {
        tags[i] = holding((uint16_t)(i / 4), 1);
        tags[i].table = i % 2 == 0 ? TABLE_HOLDING : TABLE_INPUT;
        tags[i].period = (uint8_t)(i / 2 % 2);
    }
    plan = modbus_plan_create(tags, 8, &usual);
    assert_int_equal(modbus_plan_count(plan), 4);
    modbus_plan_destroy(plan);
}

static void a_value_and_its_exponent_come_together(void **state)
{
    /* Filled from the left, the request would end between the last value and its exponent. */
    struct modbus_plan_tag tags[] = {holding(0, 1), holding(4, 1), holding(9, 1),
                                     holding(12, 1)};
    struct modbus_plan_limits limits = {.max_registers = 10, .max_bits = 100, .max_hole = 4};
    struct modbus_plan *plan;

    (void)state;
    tags[2].partner = 3;
    tags[1].partner = 3; /* shares the exponent */
    plan = modbus_plan_create(tags, 4, &limits);
    assert_int_equal(modbus_plan_count(plan), 2);
    assert_request(plan, 0, 0, 1);
    assert_request(plan, 1, 4, 9);
    modbus_plan_destroy(plan);
}

/* ---- refusals ---- */

/* Runs the plan against a device that refuses what `is_refused` says, with at most so many
 * splits; returns the requests. */
static size_t run(struct modbus_plan *plan, const bool *is_refused, size_t splits_most,
                  int64_t now_us)
{
    size_t requests = 0;
    size_t splits = 0;

    (void)modbus_plan_renew(plan);
    for (size_t i = 0; i < modbus_plan_count(plan);) {
        const struct modbus_plan_request *request = modbus_plan_get(plan, i);
        bool is_bad = false;

        if (request->is_quarantined && modbus_plan_retry_us(plan, i) > now_us) {
            i++;
            continue;
        }
        requests++;
        for (size_t k = 0; k < request->count; k++) {
            is_bad = is_bad || is_refused[request->address + k];
        }
        if (!is_bad) {
            modbus_plan_accept(plan, i++);
        } else if (modbus_plan_refuse(plan, i, splits < splits_most, 2, now_us + RETRY_US)) {
            splits++;
        } else {
            i++;
        }
    }
    return requests;
}

static size_t count_quarantined(const struct modbus_plan *plan)
{
    size_t count = 0;

    for (size_t i = 0; i < modbus_plan_count(plan); i++) {
        if (modbus_plan_get(plan, i)->is_quarantined) {
            assert_int_equal(modbus_plan_exception(plan, i), 2);
            count += modbus_plan_get(plan, i)->tags_count;
        }
    }
    return count;
}

static void a_refused_hole_is_found_first(void **state)
{
    const struct modbus_plan_tag tags[] = {holding(0, 1), holding(1, 1), holding(2, 1),
                                           holding(3, 1), holding(5, 1)};
    struct modbus_plan *plan = modbus_plan_create(tags, 5, &usual);
    bool is_refused[TAGS_MAX] = {[4] = true};

    (void)state;
    assert_int_equal(modbus_plan_count(plan), 1);
    assert_int_equal(run(plan, is_refused, 100, 0), 3); /* the whole, and at once its halves */
    assert_int_equal(run(plan, is_refused, 100, 0), 2);
    assert_int_equal(modbus_plan_count(plan), 2);
    assert_int_equal(count_quarantined(plan), 0);
    modbus_plan_destroy(plan);
}

static void bisecting_can_be_spread_over_reads(void **state)
{
    struct modbus_plan_tag tags[100];
    bool is_refused[TAGS_MAX] = {[3] = true, [40] = true, [41] = true, [99] = true};
    struct modbus_plan *plan;

    (void)state;
    for (uint16_t i = 0; i < 100; i++) {
        tags[i] = holding(i, 1);
    }
    plan = modbus_plan_create(tags, 100, &usual);
    for (int i = 0; i < 20; i++) {
        (void)run(plan, is_refused, 10, 0);
    }
    assert_int_equal(count_quarantined(plan), 4);
    assert_int_equal(modbus_plan_count(plan), 4 + 3);
    assert_int_equal(run(plan, is_refused, 10, 0), 3);
    memset(is_refused, 0, sizeof is_refused);
    assert_int_equal(run(plan, is_refused, 10, RETRY_US), 3 + 4);
    assert_int_equal(run(plan, is_refused, 10, RETRY_US), 1);
    assert_int_equal(modbus_plan_count(plan), 1);
    modbus_plan_destroy(plan);
}

static void tags_on_one_refused_register_are_refused_together(void **state)
{
    const struct modbus_plan_tag tags[] = {holding(7, 1), holding(7, 1), holding(8, 1)};
    bool is_refused[TAGS_MAX] = {[7] = true};
    struct modbus_plan *plan = modbus_plan_create(tags, 3, &usual);

    (void)state;
    (void)run(plan, is_refused, 100, 0);
    assert_int_equal(count_quarantined(plan), 2);
    assert_int_equal(run(plan, is_refused, 100, 0), 1);
    modbus_plan_destroy(plan);
}

static void overlapping_values_are_told_apart(void **state)
{
    /* A double word at 10, its high word, and the one after it that is not there. */
    const struct modbus_plan_tag tags[] = {holding(10, 2), holding(10, 1), holding(11, 2)};
    bool is_refused[TAGS_MAX] = {[12] = true};
    struct modbus_plan *plan = modbus_plan_create(tags, 3, &usual);

    (void)state;
    assert_int_equal(modbus_plan_count(plan), 1);
    for (int i = 0; i < 3; i++) {
        (void)run(plan, is_refused, 100, 0);
    }
    assert_int_equal(count_quarantined(plan), 1);
    assert_int_equal(run(plan, is_refused, 100, 0), 1);
    modbus_plan_destroy(plan);
}

static void overlapping_values_that_are_refused_together_are_kept_apart(void **state)
{
    /* Three registers at once are refused, any two are not. */
    const struct modbus_plan_tag tags[] = {holding(10, 2), holding(11, 2)};
    struct modbus_plan *plan = modbus_plan_create(tags, 2, &usual);

    (void)state;
    assert_true(modbus_plan_refuse(plan, 0, true, 3, RETRY_US));
    modbus_plan_accept(plan, 0);
    modbus_plan_accept(plan, 1);
    assert_true(modbus_plan_renew(plan));
    assert_int_equal(modbus_plan_count(plan), 2);
    assert_request(plan, 0, 10, 2);
    assert_request(plan, 1, 11, 2);
    assert_int_equal(count_quarantined(plan), 0);
    modbus_plan_destroy(plan);
}

static void bisecting_halves(void **state)
{
    struct modbus_plan_tag tags[125];

    (void)state;
    for (uint16_t i = 0; i < 125; i++) {
        tags[i] = holding(i, 1);
    }
    for (uint16_t guilty = 0; guilty < 125; guilty++) {
        struct modbus_plan *plan = modbus_plan_create(tags, 125, &usual);
        bool is_refused[TAGS_MAX] = {false};

        is_refused[guilty] = true;
        assert_true(run(plan, is_refused, 100, 0) <= 1 + 2 * 7); /* 2^7 = 128 */
        assert_int_equal(count_quarantined(plan), 1);
        modbus_plan_destroy(plan);
    }
}

/* ---- at random ---- */

struct problem {
    struct modbus_plan_tag tags[TAGS_MAX];
    size_t count;
    struct modbus_plan_limits limits;
};

static void draw_problem(struct problem *problem, size_t most, uint16_t spread)
{
    problem->count = 1 + draw((uint32_t)most);
    problem->limits.max_registers = (uint16_t)(8 + draw(20));
    problem->limits.max_bits = (uint16_t)(8 + draw(200));
    problem->limits.max_hole = (uint16_t)draw(6);
    for (size_t i = 0; i < problem->count; i++) {
        struct modbus_plan_tag *tag = &problem->tags[i];

        tag->table = (enum table)draw(TABLES_COUNT);
        tag->address = (uint16_t)draw(spread);
        tag->count = table_is_bits(tag->table) ? 1 : (uint16_t)(1 + draw(4));
        tag->period = (uint8_t)draw(2);
        tag->partner = -1;
    }
}

static void assert_sound(const struct problem *problem, const struct modbus_plan *plan)
{
    size_t times[TAGS_MAX] = {0};

    for (size_t i = 0; i < modbus_plan_count(plan); i++) {
        const struct modbus_plan_request *request = modbus_plan_get(plan, i);
        uint32_t end = (uint32_t)request->address + request->count;

        assert_true(request->count >= 1);
        assert_true(request->count <= (table_is_bits(request->table)
                                           ? problem->limits.max_bits
                                           : problem->limits.max_registers));
        assert_true(end <= UINT16_MAX + 1);
        assert_true(request->unused < request->count);
        for (size_t k = 0; k < request->tags_count; k++) {
            const struct modbus_plan_tag *tag = &problem->tags[request->tags[k]];

            times[request->tags[k]]++;
            assert_int_equal(tag->table, request->table);
            assert_int_equal(tag->period, request->period);
            assert_true(tag->address >= request->address);
            assert_true((uint32_t)tag->address + tag->count <= end);
        }
    }
    for (size_t i = 0; i < problem->count; i++) {
        assert_int_equal(times[i], 1);
    }
}

static void random_plans_are_sound(void **state)
{
    struct problem problem;

    (void)state;
    seed = 7;
    for (int round = 0; round < 3000; round++) {
        struct modbus_plan *plan;

        draw_problem(&problem, TAGS_MAX - 1, round % 2 == 0 ? 400 : 60);
        for (size_t i = 0; i < problem.count && round % 3 == 0; i += 3) {
            problem.tags[i].partner = (int)draw((uint32_t)problem.count);
            problem.tags[i].table = problem.tags[problem.tags[i].partner].table;
            problem.tags[i].period = problem.tags[problem.tags[i].partner].period;
            problem.tags[i].count = 1;
        }
        plan = modbus_plan_create(problem.tags, problem.count, &problem.limits);
        assert_sound(&problem, plan);
        modbus_plan_destroy(plan);
    }
}

static size_t count_guilty(const struct problem *problem, const bool *is_refused)
{
    size_t count = 0;

    for (size_t i = 0; i < problem->count; i++) {
        const bool *first = is_refused + problem->tags[i].address;

        count += memchr(first, 1, problem->tags[i].count) != NULL;
    }
    return count;
}

static void random_refusals_end_with_the_guilty_alone(void **state)
{
    struct problem problem;

    (void)state;
    seed = 11;
    for (int round = 0; round < 1000; round++) {
        bool is_refused[500] = {false};
        struct modbus_plan *plan;

        draw_problem(&problem, 100, 400);
        for (size_t i = 0; i < 400; i++) {
            is_refused[i] = draw(12) == 0;
        }
        plan = modbus_plan_create(problem.tags, problem.count, &problem.limits);
        for (int i = 0; i < 30; i++) {
            (void)run(plan, is_refused, 64, 0);
        }
        assert_sound(&problem, plan);
        assert_int_equal(count_quarantined(plan), count_guilty(&problem, is_refused));
        assert_false(modbus_plan_renew(plan)); /* it has come to rest */
        memset(is_refused, 0, sizeof is_refused);
        (void)run(plan, is_refused, 64, RETRY_US);
        assert_int_equal(count_quarantined(plan), 0);
        modbus_plan_destroy(plan);
    }
}

/* ---- the fewest, by trying all ---- */

static uint32_t end_of(const struct modbus_plan_tag *tag)
{
    return (uint32_t)tag->address + tag->count;
}

/* Whether one request may read the tags of `group` (a set of bits), of one table and pace. */
static bool is_allowed(const struct problem *problem, unsigned group)
{
    uint32_t low = UINT32_MAX;
    uint32_t high = 0;
    uint32_t hole = 0;

    for (size_t i = 0; i < problem->count; i++) {
        if ((group >> i & 1) != 0) {
            low = problem->tags[i].address < low ? problem->tags[i].address : low;
            high = end_of(&problem->tags[i]) > high ? end_of(&problem->tags[i]) : high;
        }
    }
    for (size_t i = 0; i < problem->count; i++) { /* not to begin or end inside a value */
        uint32_t first = problem->tags[i].address;
        uint32_t end = end_of(&problem->tags[i]);

        if ((first < low && end > low) || (first < high && end > high)) {
            return false;
        }
    }
    for (uint32_t at = low; at < high; at++) { /* any tag makes an address no hole */
        bool is_hole = true;

        for (size_t i = 0; i < problem->count; i++) {
            is_hole =
                is_hole && (at < problem->tags[i].address || at >= end_of(&problem->tags[i]));
        }
        hole = is_hole ? hole + 1 : 0;
        if (hole > problem->limits.max_hole) {
            return false;
        }
    }
    return high - low <= problem->limits.max_registers;
}

/* The fewest requests for the tags left; each set holds the lowest one that is left. */
/* NOLINTNEXTLINE(misc-no-recursion): as deep as there are tags */
static size_t fewest(const struct problem *problem, const bool *allowed, unsigned left)
{
    size_t best = problem->count + 1;
    unsigned lowest = left & (0U - left);
    unsigned rest = left & ~lowest;

    if (left == 0) {
        return 0;
    }
    for (unsigned with = rest;; with = (with - 1) & rest) {
        if (allowed[with | lowest]) {
            size_t count = 1 + fewest(problem, allowed, left & ~(with | lowest));

            best = count < best ? count : best;
        }
        if (with == 0) {
            break;
        }
    }
    return best;
}

static void draw_small_problem(struct problem *problem)
{
    draw_problem(problem, BRUTE_MAX, 40);
    problem->limits.max_registers = (uint16_t)(15 + draw(6)); /* no chain is longer */
    for (size_t i = 0; i < problem->count; i++) {
        problem->tags[i].table = TABLE_HOLDING;
        problem->tags[i].period = 0;
        problem->tags[i].count = (uint16_t)(1 + draw(3));
    }
}

static unsigned group_of(const struct modbus_plan_request *request)
{
    unsigned group = 0;

    for (size_t i = 0; i < request->tags_count; i++) {
        group |= 1U << request->tags[i];
    }
    return group;
}

static void the_requests_are_the_fewest(void **state)
{
    struct problem problem;

    (void)state;
    seed = 13;
    for (int round = 0; round < 3000; round++) {
        bool allowed[1U << BRUTE_MAX] = {false};
        struct modbus_plan *plan;

        draw_small_problem(&problem);
        for (unsigned group = 1; group < 1U << problem.count; group++) {
            allowed[group] = is_allowed(&problem, group);
        }
        plan = modbus_plan_create(problem.tags, problem.count, &problem.limits);
        assert_int_equal(modbus_plan_count(plan),
                         fewest(&problem, allowed, (1U << problem.count) - 1));
        for (size_t i = 0; i < modbus_plan_count(plan); i++) {
            assert_true(allowed[group_of(modbus_plan_get(plan, i))]);
        }
        modbus_plan_destroy(plan);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(holes_are_bridged_up_to_the_limit),
        cmocka_unit_test(bits_bridge_sixteen_times_as_much),
        cmocka_unit_test(a_value_at_the_limit_moves_to_the_next_request),
        cmocka_unit_test(the_last_register_of_a_table_is_reached),
        cmocka_unit_test(d16_tags_on_one_register_share_it),
        cmocka_unit_test(no_request_ends_inside_a_value),
        cmocka_unit_test(tables_and_paces_are_kept_apart),
        cmocka_unit_test(a_value_and_its_exponent_come_together),
        cmocka_unit_test(a_refused_hole_is_found_first),
        cmocka_unit_test(bisecting_can_be_spread_over_reads),
        cmocka_unit_test(tags_on_one_refused_register_are_refused_together),
        cmocka_unit_test(overlapping_values_are_told_apart),
        cmocka_unit_test(overlapping_values_that_are_refused_together_are_kept_apart),
        cmocka_unit_test(bisecting_halves),
        cmocka_unit_test(random_plans_are_sound),
        cmocka_unit_test(random_refusals_end_with_the_guilty_alone),
        cmocka_unit_test(the_requests_are_the_fewest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
