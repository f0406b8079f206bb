/* Claim: a scene is understood or refused line by line, faults come and go at their steps, and
 * each changes a reply in exactly the way that its name says. */
#include "simulator/scene.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t good_reply[] = {0x12, 0x34, 0, 0, 0, 7, 17, 4, 4, 1, 2, 3, 4};

static size_t parse(const char *text, struct faults *faults, struct scene *scene)
{
    struct problems *problems = problems_create();
    scene_parse("test.scene", text, strlen(text), faults, scene, problems);
    size_t count = problems_count(problems);
    problems_destroy(problems);
    return count;
}

static void test_scene_lines(void **state)
{
    (void)state;
    struct faults *faults = faults_create(NULL);
    struct scene scene;
    assert_int_equal(parse("# nothing\n\n  mute target=m3_mill start=10s duration=20s # here\n"
                           "exception-6 target=m4_oven chance=0.5\r\n"
                           "gone at=input:18 count=12\nset tag=jam value=0.5 hidden\n"
                           "personality = off\n",
                           faults, &scene),
                     0);
    assert_false(scene.has_personalities);
    static const char *const expected[] = {
        "mute value=0 target=m3_mill start=10.0s duration=20.0s",
        "exception-6 target=m4_oven start=0.0s chance=0.5",
        "gone value=0 target=* start=0.0s at=input:18 count=12",
        "set value=0.5 target=* start=0.0s tag=jam hidden",
    };
    const struct fault *fault = NULL;
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        char text[FAULT_TEXT_MAX];
        fault = faults_next(faults, fault);
        assert_non_null(fault);
        fault_format(fault, text);
        assert_string_equal(text, expected[i]);
    }
    assert_null(faults_next(faults, fault));
    faults_destroy(faults);
}

static void test_wrong_lines(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "explode",
        "mute target=",
        "mute start=10",
        "mute start=soon",
        "mute duration=-1s",
        "mute chance=2",
        "mute color=red",
        "mute mute",
        "exception-0",
        "exception-256",
        "exception-N",
        "exception-",
        "delay value=-5",
        "garbage value=513",
        "gone",
        "gone at=input",
        "gone at=inputs:1",
        "gone at=input:65536",
        "gone at=input:1 count=0",
        "set value=1",
        "set tag=nonsense value=1",
        "mute ramp=5",
        "refuse ramp=5s",
        "power-cycle ramp=5s",
        "kick ramp=5s",
        "gone at=input:1 ramp=5s",
        "stuck tag=power ramp=5s",
        "raw tag=power ramp=5s",
        "swap ramp=5s",
        "set tag=estop value=1 ramp=5s",
        "set tag=wear value=0.5 ramp=5s",
        "personality = maybe",
        "personality off",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct faults *faults = faults_create(NULL);
        struct scene scene;
        print_message("%s\n", wrong[i]);
        assert_int_equal(parse(wrong[i], faults, &scene), 1);
        assert_null(faults_next(faults, NULL));
        faults_destroy(faults);
    }
}

/* Claim: a value that cannot be is refused with what can; its limits themselves are taken. */
static void test_bounds_of_values(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        const char *error; /* NULL: none */
    } values[] = {
        {"kick value=1e13", "value must be from 0.1 to 10000000: \"kick value=1e13\""},
        {"kick value=0.09", "value must be from 0.1 to 10000000: \"kick value=0.09\""},
        {"kick value=0.1", NULL},
        {"kick value=1e7", NULL},
        {"power-cycle value=-5", "value must be from 0 to 10000000: \"power-cycle value=-5\""},
        {"power-cycle value=1e18",
         "value must be from 0 to 10000000: \"power-cycle value=1e18\""},
        {"power-cycle value=0", NULL},
        {"delay value=10000001", "value must be from 0 to 10000000: \"delay value=10000001\""},
        {"garbage value=513", "value must be from 0 to 512: \"garbage value=513\""},
        {"garbage value=512", NULL},
        {"wrong-unit value=-1e13", NULL},
    };
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        struct faults *faults = faults_create(NULL);
        struct fault_error error = {""};
        unsigned id = faults_add(faults, values[i].line, 0, &error);
        print_message("%s\n", values[i].line);
        assert_int_equal(id != 0, values[i].error == NULL);
        assert_string_equal(error.text, values[i].error != NULL ? values[i].error : "");
        faults_destroy(faults);
    }
}

static bool is_active(const struct faults *faults, enum fault_effect effect)
{
    for (const struct fault *fault = faults_next(faults, NULL); fault != NULL;
         fault = faults_next(faults, fault)) {
        if (fault_strikes(fault, effect, "m1", "machine")) {
            return true;
        }
    }
    return false;
}

static void test_times(void **state)
{
    (void)state;
    struct faults *faults = faults_create(NULL);
    struct fault_error error;
    assert_int_not_equal(faults_add(faults, "mute target=m1 start=1s duration=2s", 5, &error),
                         0);
    assert_int_not_equal(faults_add(faults, "mute target=other", 0, &error), 0);
    for (uint64_t step = 0; step < 60; step++) {
        bool changed = faults_advance(faults, step);
        assert_int_equal(is_active(faults, FAULT_ON_REPLY), step >= 15 && step < 35);
        assert_int_equal(changed, step == 0 || step == 15 || step == 35);
    }
    faults_destroy(faults);
}

/* Claim: what lasts less than a step lasts one, and is not taken for what has no duration. */
static void test_short_durations(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        uint64_t steps;
    } lasting[] = {
        {"mute duration=1us", 1},
        {"mute duration=50ms", 1},
        {"mute duration=100ms", 1},
        {"mute duration=1500ms", 15},
        {"power-cycle duration=50ms value=0", 1},
    };
    for (size_t i = 0; i < sizeof lasting / sizeof lasting[0]; i++) {
        struct faults *faults = faults_create(NULL);
        struct fault_error error;
        print_message("%s\n", lasting[i].line);
        assert_int_not_equal(faults_add(faults, lasting[i].line, 7, &error), 0);
        assert_int_equal(faults_next(faults, NULL)->end_step, 7 + lasting[i].steps);
        faults_destroy(faults);
    }
}

static void test_power_cycle_then_zeros(void **state)
{
    (void)state;
    struct faults *faults = faults_create(NULL);
    struct fault_error error;
    assert_int_not_equal(faults_add(faults, "power-cycle target=m1", 0, &error), 0);
    for (uint64_t step = 0; step < 120; step++) {
        (void)faults_advance(faults, step);
        assert_int_equal(is_active(faults, FAULT_ON_LISTENING), step < 80);
        assert_int_equal(is_active(faults, FAULT_ON_TAG), step >= 80 && step < 100);
    }
    assert_null(faults_next(faults, NULL));
    faults_destroy(faults);
}

/* Claim: what has a value grows in it, what has none grows in its chance. */
static void test_ramp(void **state)
{
    (void)state;
    struct random random;
    random_seed(&random, 1, "network");
    struct faults *faults = faults_create(NULL);
    struct fault_error error;
    unsigned late = faults_add(faults, "delay value=1000 start=2s ramp=10s", 0, &error);
    assert_int_not_equal(late, 0);
    assert_int_not_equal(faults_add(faults, "mute ramp=10s chance=0.5", 0, &error), 0);
    const struct fault *delay = faults_next(faults, NULL);
    const struct fault *mute = faults_next(faults, delay);
    char text[FAULT_TEXT_MAX];
    fault_format(delay, text);
    assert_string_equal(text, "delay value=1000 target=* start=2.0s ramp=10.0s");
    unsigned muted[3] = {0};
    for (uint64_t step = 0; step < 300; step++) {
        (void)faults_advance(faults, step);
        assert_int_equal(faults_have_grown(faults), step > 0 && step <= 120);
        struct fault_reply reply = {.length = sizeof good_reply};
        memcpy(reply.bytes, good_reply, sizeof good_reply);
        fault_apply(delay, &reply, &random);
        int64_t expected_us = step < 20     ? 0
                              : step >= 120 ? 1000000
                                            : (int64_t)(step - 20) * 10000;
        assert_true(llabs(reply.delay_us - expected_us) <= 1);
        for (unsigned i = 0; i < 20; i++) {
            reply.length = sizeof good_reply;
            fault_apply(mute, &reply, &random);
            muted[step / 100] += reply.length == 0 ? 1 : 0;
        }
    }
    /* 2000 replies each: a quarter in the mean of the ramp, then half of them. */
    assert_in_range(muted[0], 400, 600);
    assert_in_range(muted[1], 900, 1100);
    assert_in_range(muted[2], 900, 1100);
    faults_destroy(faults);
}

static void test_clear_and_room(void **state)
{
    (void)state;
    struct faults *faults = faults_create(NULL);
    struct fault_error error;
    unsigned first = faults_add(faults, "mute", 0, &error);
    for (unsigned i = 1; i < FAULTS_MAX; i++) {
        assert_int_not_equal(faults_add(faults, "mute", 0, &error), 0);
    }
    assert_int_equal(faults_add(faults, "mute", 0, &error), 0);
    assert_int_equal(faults_clear(faults, first), 1);
    assert_true(faults_advance(faults, 1));
    assert_int_not_equal(faults_add(faults, "mute", 0, &error), 0);
    assert_int_equal(faults_clear(faults, 0), FAULTS_MAX);
    (void)faults_advance(faults, 2);
    assert_false(is_active(faults, FAULT_ON_REPLY));
    faults_destroy(faults);
}

struct effect {
    const char *line;
    uint8_t bytes[16];
    size_t length;
    int64_t delay_us;
    int64_t dribble_us;
    bool resets;
};

static const struct effect effects[] = {
    {"mute", {0}, 0, 0, 0, false},
    {"delay value=40", {0x12, 0x34, 0, 0, 0, 7, 17, 4, 4, 1, 2, 3, 4}, 13, 40000, 0, false},
    {"dribble value=5", {0x12, 0x34, 0, 0, 0, 7, 17, 4, 4, 1, 2, 3, 4}, 13, 0, 5000, false},
    {"truncate value=8", {0x12, 0x34, 0, 0, 0, 7, 17, 4}, 8, 0, 0, false},
    {"wrong-transaction", {0x12, 0x33, 0, 0, 0, 7, 17, 4, 4, 1, 2, 3, 4}, 13, 0, 0, false},
    {"wrong-protocol", {0x12, 0x34, 0, 7, 0, 7, 17, 4, 4, 1, 2, 3, 4}, 13, 0, 0, false},
    {"wrong-unit", {0x12, 0x34, 0, 0, 0, 7, 18, 4, 4, 1, 2, 3, 4}, 13, 0, 0, false},
    {"lying-length", {0x12, 0x34, 0, 0, 0, 47, 17, 4, 4, 1, 2, 3, 4}, 13, 0, 0, false},
    {"lying-length value=-7", {0x12, 0x34, 0, 0, 0, 0, 17, 4, 4, 1, 2, 3, 4}, 13, 0, 0, false},
    {"exception-11", {0x12, 0x34, 0, 0, 0, 3, 17, 0x84, 11}, 9, 0, 0, false},
    {"reset", {0x12, 0x34, 0, 0, 0, 7, 17, 4, 4, 1, 2, 3, 4}, 13, 0, 0, true},
    {"mute chance=0", {0x12, 0x34, 0, 0, 0, 7, 17, 4, 4, 1, 2, 3, 4}, 13, 0, 0, false},
};

static void test_effects(void **state)
{
    (void)state;
    struct random random;
    random_seed(&random, 1, "network");
    for (size_t i = 0; i < sizeof effects / sizeof effects[0]; i++) {
        const struct effect *effect = &effects[i];
        struct faults *faults = faults_create(NULL);
        struct fault_error error;
        struct fault_reply reply = {.length = sizeof good_reply};
        print_message("%s\n", effect->line);
        assert_int_not_equal(faults_add(faults, effect->line, 0, &error), 0);
        (void)faults_advance(faults, 0);
        memcpy(reply.bytes, good_reply, sizeof good_reply);
        fault_apply(faults_next(faults, NULL), &reply, &random);
        assert_int_equal(reply.length, effect->length);
        assert_memory_equal(reply.bytes, effect->bytes, effect->length);
        assert_int_equal(reply.delay_us, effect->delay_us);
        assert_int_equal(reply.dribble_us, effect->dribble_us);
        assert_int_equal(reply.resets, effect->resets);
        faults_destroy(faults);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scene_lines),
        cmocka_unit_test(test_wrong_lines),
        cmocka_unit_test(test_bounds_of_values),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_short_durations),
        cmocka_unit_test(test_power_cycle_then_zeros),
        cmocka_unit_test(test_ramp),
        cmocka_unit_test(test_clear_and_room),
        cmocka_unit_test(test_effects),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
