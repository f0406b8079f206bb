/* The cursor moves over the contiguous done samples and nothing else, whatever the order of the
 * answers. */
#include "gateway/outbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void test_answers_in_any_order(void **state)
{
    (void)state;
    struct outbox outbox;
    outbox_init(&outbox, 10);
    for (uint64_t seq = 11; seq <= 15; seq++) {
        outbox_add(&outbox, seq, OUTBOX_SENT);
    }
    assert_int_equal(outbox.sent, 5);
    outbox_settle(&outbox, 12, OUTBOX_ACKNOWLEDGED);
    outbox_settle(&outbox, 15, OUTBOX_ACKNOWLEDGED);
    assert_int_equal(outbox.cursor, 10);
    outbox_settle(&outbox, 11, OUTBOX_ACKNOWLEDGED);
    assert_int_equal(outbox.cursor, 12);
    outbox_settle(&outbox, 11, OUTBOX_ACKNOWLEDGED); /* a repeated answer */
    outbox_settle(&outbox, 15, OUTBOX_REFUSED);      /* one after the end */
    outbox_settle(&outbox, 99, OUTBOX_ACKNOWLEDGED); /* one for nobody */
    assert_int_equal(outbox.cursor, 12);
    assert_int_equal(outbox.sent, 2);
    assert_int_equal(outbox.refused, 0);
    outbox_settle(&outbox, 14, OUTBOX_SET_ASIDE);
    outbox_settle(&outbox, 13, OUTBOX_ACKNOWLEDGED);
    assert_int_equal(outbox.cursor, 15);
    assert_int_equal(outbox.acknowledged, 4);
    assert_int_equal(outbox.count, 0);
}

static void test_gaps_are_passed_and_done_ones_do_not_wait(void **state)
{
    (void)state;
    struct outbox outbox;
    outbox_init(&outbox, 0);
    outbox_add(&outbox, 7, OUTBOX_SET_ASIDE);
    assert_int_equal(outbox.cursor, 7);
    outbox_add(&outbox, 9, OUTBOX_SENT);
    outbox_add(&outbox, 20, OUTBOX_SET_ASIDE);
    assert_int_equal(outbox.cursor, 7);
    outbox_settle(&outbox, 9, OUTBOX_ACKNOWLEDGED);
    assert_int_equal(outbox.cursor, 20);
    assert_int_equal(outbox.acknowledged, 1);
}

static void test_refused_ones_come_again_the_oldest_first(void **state)
{
    (void)state;
    struct outbox outbox;
    uint64_t seq = 0;
    outbox_init(&outbox, 0);
    for (uint64_t at = 1; at <= 4; at++) {
        outbox_add(&outbox, at, OUTBOX_SENT);
    }
    assert_false(outbox_first_refused(&outbox, &seq));
    outbox_settle(&outbox, 3, OUTBOX_REFUSED);
    outbox_settle(&outbox, 2, OUTBOX_REFUSED);
    outbox_settle(&outbox, 1, OUTBOX_ACKNOWLEDGED);
    outbox_settle(&outbox, 4, OUTBOX_ACKNOWLEDGED);
    assert_int_equal(outbox.cursor, 1);
    assert_int_equal(outbox.sent, 0);
    assert_int_equal(outbox.refused, 2);
    assert_true(outbox_first_refused(&outbox, &seq));
    assert_int_equal(seq, 2);
    outbox_settle(&outbox, 2, OUTBOX_SENT);
    assert_true(outbox_first_refused(&outbox, &seq));
    assert_int_equal(seq, 3);
    outbox_settle(&outbox, 2, OUTBOX_ACKNOWLEDGED);
    assert_int_equal(outbox.cursor, 2);
    outbox_settle(&outbox, 3, OUTBOX_SENT);
    outbox_settle(&outbox, 3, OUTBOX_ACKNOWLEDGED);
    assert_int_equal(outbox.cursor, 4);
}

static void test_rewinding_forgets_all_behind_the_cursor(void **state)
{
    (void)state;
    struct outbox outbox;
    outbox_init(&outbox, 0);
    outbox_add(&outbox, 1, OUTBOX_SENT);
    outbox_add(&outbox, 2, OUTBOX_SENT);
    outbox_add(&outbox, 3, OUTBOX_SENT);
    outbox_settle(&outbox, 1, OUTBOX_ACKNOWLEDGED);
    outbox_settle(&outbox, 3, OUTBOX_REFUSED);
    outbox_rewind(&outbox);
    assert_int_equal(outbox.cursor, 1);
    assert_int_equal(outbox.newest, 1);
    assert_int_equal(outbox.refused + outbox.sent, 0);
    outbox_settle(&outbox, 2, OUTBOX_ACKNOWLEDGED); /* of the old connection */
    assert_int_equal(outbox.cursor, 1);
    outbox_add(&outbox, 2, OUTBOX_SENT);
    assert_int_equal(outbox_room(&outbox), OUTBOX_MAX - 1);
}

/* A million random answers against the simplest model: a table of what is done. */
static void test_random_answers_agree_with_a_table(void **state)
{
    (void)state;
    enum { STEPS = 1000000, SEQS = STEPS + OUTBOX_MAX };
    bool *is_done = calloc(SEQS, sizeof *is_done);
    struct outbox outbox;
    uint64_t chance = 42;
    outbox_init(&outbox, 0);
    for (unsigned step = 0; step < STEPS; step++) {
        chance = chance * UINT64_C(6364136223846793005) + 1442695040888963407U;
        if (outbox_room(&outbox) > 0 && chance >> 63 == 0) {
            outbox_add(&outbox, outbox.newest + 1, OUTBOX_SENT);
        } else {
            uint64_t seq = outbox.cursor + 1 + (chance >> 32) % OUTBOX_MAX;
            is_done[seq] = is_done[seq] || seq <= outbox.newest;
            outbox_settle(&outbox, seq, OUTBOX_ACKNOWLEDGED);
        }
        assert_true(outbox.cursor == 0 || is_done[outbox.cursor]);
        assert_false(is_done[outbox.cursor + 1]);
        assert_int_equal(outbox.acknowledged, outbox.cursor);
    }
    free(is_done);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers_in_any_order),
        cmocka_unit_test(test_gaps_are_passed_and_done_ones_do_not_wait),
        cmocka_unit_test(test_refused_ones_come_again_the_oldest_first),
        cmocka_unit_test(test_rewinding_forgets_all_behind_the_cursor),
        cmocka_unit_test(test_random_answers_agree_with_a_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
