/* Claim: a broker that answers in time gets all; one that answers late gets one live message
 * for each answer, and more and more again once it answers in time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/throttle.h"

#define MS INT64_C(1000)
#define S  INT64_C(1000000)

/* How many pass at one moment, of 5000. */
static int passing(struct throttle *throttle, int64_t waiting_since_us, int64_t now_us)
{
    int count = 0;
    for (int at = 0; at < 5000; at++) {
        count += throttle_allows(throttle, waiting_since_us, now_us) ? 1 : 0;
    }
    return count;
}

static void a_prompt_broker_gets_all(void **state)
{
    (void)state;
    struct throttle throttle;
    throttle_reset(&throttle);
    assert_int_equal(passing(&throttle, INT64_MAX, 10 * S), 5000);
    assert_int_equal(passing(&throttle, 10 * S, 10 * S + 250 * MS), 5000);
}

static void a_late_broker_gets_one_an_answer(void **state)
{
    (void)state;
    struct throttle throttle;
    throttle_reset(&throttle);
    assert_int_equal(passing(&throttle, 10 * S, 10 * S + 251 * MS), 1);
    for (int64_t now_us = 10 * S + 260 * MS; now_us < 10 * S + 350 * MS; now_us += 10 * MS) {
        throttle_answered(&throttle, now_us);
        assert_int_equal(passing(&throttle, 10 * S, now_us), 1);
    }
}

static void without_answers_it_gets_ten_a_second(void **state)
{
    (void)state;
    struct throttle throttle;
    throttle_reset(&throttle);
    int count = 0;
    for (int64_t now_us = 10 * S + 300 * MS; now_us < 11 * S + 300 * MS; now_us += MS) {
        count += passing(&throttle, 10 * S, now_us);
        assert_true(throttle_due_us(&throttle) <= now_us + 100 * MS);
    }
    assert_int_equal(count, 10);
}

static void the_share_doubles_each_second(void **state)
{
    (void)state;
    struct throttle throttle;
    throttle_reset(&throttle);
    int64_t now_us = 10 * S;
    assert_int_equal(passing(&throttle, now_us - S, now_us), 1);
    for (int share = 2; share <= 1024; share *= 2) {
        now_us += S;
        assert_int_equal(passing(&throttle, INT64_MAX, now_us), share);
    }
    now_us += S;
    assert_int_equal(passing(&throttle, INT64_MAX, now_us), 5000);
    assert_int_equal(passing(&throttle, now_us - S, now_us), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_prompt_broker_gets_all),
        cmocka_unit_test(a_late_broker_gets_one_an_answer),
        cmocka_unit_test(without_answers_it_gets_ten_a_second),
        cmocka_unit_test(the_share_doubles_each_second),
    };
    return cmocka_run_group_tests_name("throttle", tests, NULL, NULL);
}
