/* Claim: the recorder and the publisher tell each other how far they are, and the age of a
 * commit is known well enough to call a sample late. */
#include "gateway/events.h"
#include "gateway/ledger.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void commits_and_acknowledgements_meet(void **state)
{
    (void)state;
    struct wake wake;
    wake_init(&wake);
    struct ledger *ledger = ledger_create(5, 100, 90, &wake);
    struct ledger_view view;
    ledger_commit(ledger, 120, 1000000);
    assert_true(wake_wait(&wake, 0));
    ledger_acknowledge(ledger, 110);
    ledger_report(ledger, false, 4096, 3, 77, true);
    ledger_obsolete_cleared(ledger);
    ledger_read(ledger, &view);
    assert_int_equal(view.run, 5);
    assert_int_equal(view.committed, 120);
    assert_int_equal(view.acknowledged, 110);
    assert_int_equal(view.journal_bytes, 4096);
    assert_int_equal(view.evicted_count, 3);
    assert_int_equal(view.oldest_us, 77);
    assert_false(view.is_journal_ok);
    assert_true(view.is_obsolete_cleared);
    ledger_destroy(ledger);
    wake_destroy(&wake);
}

static void what_waits_refused_is_known_by_topic(void **state)
{
    (void)state;
    enum { NOT_AUTHORIZED = 0x87, PACKET_TOO_LARGE = 0x95, MILL = 1, OVEN = 3, METER = 5 };
    struct wake wake;
    wake_init(&wake);
    struct ledger *ledger = ledger_create(5, 100, 90, &wake);
    struct ledger_view view;
    static struct parking parking;
    assert_false(ledger_is_parked(ledger, 10, MILL, 200));
    ledger_park_any(ledger, 10); /* an earlier run's, of whatever topic */
    assert_true(ledger_is_parked(ledger, 10, MILL, 200));
    assert_false(ledger_is_parked(ledger, 9, MILL, 200));
    assert_true(parking_add(&parking, MILL, 20, 200, NOT_AUTHORIZED, 0) != NULL);
    assert_true(parking_add(&parking, OVEN, 30, 200, PACKET_TOO_LARGE, 0) != NULL);
    ledger_park(ledger, &parking);
    assert_true(ledger_is_parked(ledger, 99, MILL, 200)); /* with all that comes of it */
    assert_true(ledger_is_parked(ledger, 30, OVEN, 200));
    assert_false(ledger_is_parked(ledger, 31, OVEN, 200));
    assert_false(ledger_is_parked(ledger, 30, OVEN, 199)); /* what is shorter was taken */
    assert_false(ledger_is_parked(ledger, 30, METER, 200));
    ledger_read(ledger, &view);
    assert_int_equal(view.parked, 20);
    parking_release(&parking);
    ledger_park(ledger, &parking);
    assert_false(ledger_is_parked(ledger, 20, MILL, 200));
    ledger_destroy(ledger);
    wake_destroy(&wake);
}

static void what_is_older_than_a_second_is_known(void **state)
{
    (void)state;
    struct wake wake;
    wake_init(&wake);
    struct ledger *ledger = ledger_create(5, 100, 100, &wake);
    /* What an earlier run left is old from the start. */
    assert_int_equal(ledger_committed_before(ledger, 0, 1000000), 100);
    /* A commit every 10 ms for ten seconds, one sample each. */
    for (int64_t now_us = 0; now_us <= 10000000; now_us += 10000) {
        ledger_commit(ledger, 101 + (uint64_t)(now_us / 10000), now_us);
        uint64_t exact = now_us > 1000000 ? 100 + (uint64_t)((now_us - 1000000) / 10000) : 100;
        uint64_t seq = ledger_committed_before(ledger, now_us, 1000000);
        assert_in_range(seq, exact > 105 ? exact - 5 : 100, exact + 5); /* one step of 50 ms */
    }
    assert_int_equal(ledger_committed_before(ledger, 20000000, 1000000), 1101);
    ledger_destroy(ledger);
    wake_destroy(&wake);
}

static void events_leave_in_order_and_the_oldest_go_first(void **state)
{
    (void)state;
    struct wake wake;
    wake_init(&wake);
    struct events *events = events_create(&wake);
    struct event event;
    assert_false(events_pop(events, &event));
    for (unsigned number = 0; number < EVENTS_MAX + 10; number++) {
        events_push(events, number, "link-lost", "\"number\":%u", number);
    }
    assert_true(wake_wait(&wake, 0));
    for (unsigned number = 10; number < EVENTS_MAX + 10; number++) {
        assert_true(events_pop(events, &event));
        assert_int_equal(event.machine, number);
        assert_string_equal(event.name, "link-lost");
    }
    assert_false(events_pop(events, &event));
    char long_text[2 * EVENT_TEXT_SIZE];
    (void)memset(long_text, 'x', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';
    events_push(events, EVENT_OF_GATEWAY, "evicted", "\"text\":\"%s\"", long_text);
    assert_true(events_pop(events, &event));
    assert_string_equal(event.text, ""); /* rather nothing than half a member */
    events_destroy(events);
    wake_destroy(&wake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commits_and_acknowledgements_meet),
        cmocka_unit_test(what_waits_refused_is_known_by_topic),
        cmocka_unit_test(what_is_older_than_a_second_is_known),
        cmocka_unit_test(events_leave_in_order_and_the_oldest_go_first),
    };
    return cmocka_run_group_tests_name("ledger", tests, NULL, NULL);
}
