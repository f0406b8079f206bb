/* Claim: what the broker refuses waits by topic, is offered in order after growing pauses, and
 * nothing of it is forgotten. */
#include "gateway/parking.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "gateway/refusal.h"

enum {
    UNSPECIFIED = 0x80,
    NOT_AUTHORIZED = 0x87,
    PACKET_TOO_LARGE = 0x95,
    QUOTA_EXCEEDED = 0x97,
    PAYLOAD_INVALID = 0x99,
};
enum { SHORT = 100, LONG = 200, LONGER = 300 }; /* payloads */
#define SECOND_US INT64_C(1000000)

static void only_what_may_be_taken_later_waits(void **state)
{
    (void)state;
    assert_true(parking_takes(NOT_AUTHORIZED));
    assert_true(parking_takes(PACKET_TOO_LARGE));
    assert_true(parking_takes(UNSPECIFIED)); /* after many tries */
    assert_false(parking_takes(PAYLOAD_INVALID));
    assert_false(parking_takes(QUOTA_EXCEEDED)); /* that concerns all */
    assert_int_not_equal(parking_topic("a/mill"), parking_topic("a/oven"));
}

static void a_lot_is_offered_in_order_and_goes_when_it_is_empty(void **state)
{
    (void)state;
    static struct parking parking;
    struct parking_lot done;
    struct parking_lot *lot = parking_add(&parking, 1, 10, SHORT, NOT_AUTHORIZED, 0);
    assert_non_null(lot);
    assert_ptr_equal(parking_find(&parking, 1), lot);
    /* Answered after 10. */
    assert_ptr_equal(parking_add(&parking, 1, 9, SHORT, NOT_AUTHORIZED, 0), lot);
    parking_join(lot, 12, LONG);
    parking_join(lot, 12, LONG); /* sent again by a new connection */
    assert_int_equal(lot->from, 9);
    assert_int_equal(lot->to, 12);
    assert_int_equal(lot->count, 2);
    assert_false(parking_pass(&parking, lot, 9, &done));
    assert_int_equal(lot->from, 10);
    assert_ptr_equal(parking_due(&parking, 0), lot); /* it was taken: the next one at once */
    lot->from = 12;                                  /* no other is left */
    assert_true(parking_pass(&parking, lot, 12, &done));
    assert_int_equal(done.to, 12);
    assert_null(parking_find(&parking, 1));
    assert_int_equal(parking_due_us(&parking), INT64_MAX);
}

/* A new connection may offer 10 while 9, refused too, has not been sent again. */
static void an_older_one_that_joins_meanwhile_is_not_passed(void **state)
{
    (void)state;
    static struct parking parking;
    struct parking_lot done;
    struct parking_lot *lot = parking_add(&parking, 1, 10, SHORT, NOT_AUTHORIZED, 0);
    parking_join(lot, 9, SHORT);
    assert_false(parking_pass(&parking, lot, 10, &done));
    assert_int_equal(lot->from, 9);
    parking_release(&parking);
}

static void what_is_too_large_waits_beside_its_topic(void **state)
{
    (void)state;
    static struct parking parking;
    struct parking_lot *large = parking_add(&parking, 1, 10, LONG, PACKET_TOO_LARGE, 0);
    assert_non_null(large);
    assert_null(parking_find(&parking, 1)); /* what is shorter goes on */
    assert_ptr_equal(parking_add(&parking, 1, 20, LONGER, PACKET_TOO_LARGE, 0), large);
    assert_true(parking_holds(large, 1, LONG));
    assert_true(parking_holds(large, 1, LONGER));
    assert_false(parking_holds(large, 1, SHORT));
    assert_false(parking_holds(large, 3, LONG));
    struct parking_lot *lot = parking_add(&parking, 1, 30, SHORT, NOT_AUTHORIZED, 0);
    assert_ptr_not_equal(lot, large);
    assert_ptr_equal(parking_find(&parking, 1), lot);
    assert_true(parking_holds(lot, 1, SHORT));
    assert_int_equal(parking_first(&parking), 10);
    parking_release(&parking);
}

static void the_lots_take_turns(void **state)
{
    (void)state;
    static struct parking parking;
    struct parking_lot *mill = parking_add(&parking, 1, 10, SHORT, NOT_AUTHORIZED, 0);
    struct parking_lot *oven = parking_add(&parking, 3, 11, SHORT, NOT_AUTHORIZED, 0);
    parking_renew(&parking);
    assert_ptr_equal(parking_due(&parking, 0), mill);
    assert_ptr_equal(parking_due(&parking, 0), oven);
    assert_ptr_equal(parking_due(&parking, 0), mill);
    parking_wait(oven, 0);
    assert_ptr_equal(parking_due(&parking, 0), mill);
    parking_release(&parking);
}

static void pauses_grow_and_a_new_connection_ends_them(void **state)
{
    (void)state;
    static struct parking parking;
    int64_t now_us = 0;
    struct parking_lot *lot = parking_add(&parking, 1, 10, LONG, PACKET_TOO_LARGE, now_us);
    for (unsigned tries = 0; tries < 20; tries++) {
        now_us = parking_due_us(&parking);
        assert_null(parking_due(&parking, now_us - 1));
        assert_ptr_equal(parking_due(&parking, now_us), lot);
        parking_wait(lot, now_us);
    }
    assert_in_range(lot->offer_us - now_us, 54 * SECOND_US, 66 * SECOND_US);
    parking_renew(&parking);
    assert_ptr_equal(parking_due(&parking, now_us), lot);
    parking_release(&parking);
}

/* The place may be taken by what no broker will ever take; the rest must not wait for that. */
static void a_refusal_for_good_is_told(void **state)
{
    (void)state;
    static struct parking parking;
    struct parking_lot *lot = parking_add(&parking, 1, 10, SHORT, NOT_AUTHORIZED, 0);
    assert_true(parking_refuse(lot, NOT_AUTHORIZED, 0));
    assert_false(parking_refuse(lot, PAYLOAD_INVALID, 0));
    for (int tries = 1; tries < REFUSAL_TRIES_MAX; tries++) {
        assert_true(parking_refuse(lot, QUOTA_EXCEEDED, 0));
        assert_true(parking_refuse(lot, UNSPECIFIED, 0));
    }
    assert_false(parking_refuse(lot, UNSPECIFIED, 0));
    parking_join(lot, 11, SHORT);
    struct parking_lot done;
    assert_false(parking_pass(&parking, lot, 10, &done));
    assert_true(parking_refuse(lot, UNSPECIFIED, 0)); /* the next one is asked as often */
    parking_release(&parking);
}

static void topics_are_bounded(void **state)
{
    (void)state;
    static struct parking parking;
    for (uint64_t topic = 0; topic < PARKING_MAX; topic++) {
        assert_non_null(parking_add(&parking, topic, 1, SHORT, NOT_AUTHORIZED, 0));
    }
    assert_null(parking_add(&parking, PARKING_MAX, 1, SHORT, NOT_AUTHORIZED, 0));
    assert_non_null(parking_add(&parking, 7, 2, SHORT, NOT_AUTHORIZED, 0));
    parking_release(&parking);
    assert_int_equal(parking.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_may_be_taken_later_waits),
        cmocka_unit_test(a_lot_is_offered_in_order_and_goes_when_it_is_empty),
        cmocka_unit_test(pauses_grow_and_a_new_connection_ends_them),
        cmocka_unit_test(an_older_one_that_joins_meanwhile_is_not_passed),
        cmocka_unit_test(what_is_too_large_waits_beside_its_topic),
        cmocka_unit_test(the_lots_take_turns),
        cmocka_unit_test(a_refusal_for_good_is_told),
        cmocka_unit_test(topics_are_bounded),
    };
    return cmocka_run_group_tests_name("parking", tests, NULL, NULL);
}
