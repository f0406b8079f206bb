/* Claim: the fast lane shows the newest, no oftener than asked, cannot grow, and after a
 * reconnect says everything again. */
#include "tests/unit/factory_fixture.h"

#include "gateway/live.h"

static const char factory_text[] =
    "[site]\nroot = formlab\n[gateway]\nname = gw1\nnow = 100 ms\n"
    "[broker]\nurl = mqtt://127.0.0.1:1\n"
    "[link one]\ndriver = modbus-tcp\nhost = 127.0.0.1\n"
    "[machine mill]\nlink = one\narea = a\nunit_id = 1\nmap = map.csv\nevery = 10 ms\n"
    "[machine oven]\nlink = one\narea = a\nunit_id = 2\nmap = map.csv\nevery = 1 s\nnow = "
    "off\n"
    "[machine press]\nlink = one\narea = a\nunit_id = 3\nmap = map.csv\nevery = 100 ms\n";
static const char map_text[] =
    "tag,table,address,type\nspeed,input,0,uint16\nload,input,1,uint16\n";

enum { SPEED, LOAD, TAGS_COUNT, MILL = 0, OVEN = 1, PRESS = 2 };
#define MS INT64_C(1000)

struct fixture {
    struct factory *factory;
    struct wake wake;
    struct live *live;
    struct sample *sample;
    struct live_item item;
    uint64_t seq;
    int64_t due_us;
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    assert_non_null(fixture);
    fixture->factory = fixture_load(factory_text, map_text);
    wake_init(&fixture->wake);
    fixture->live = live_create(fixture->factory, &fixture->wake);
    fixture->sample = sample_create(fixture->factory, &fixture->factory->links[0]);
    fixture->item.text_size = live_text_size(fixture->live);
    fixture->item.text = malloc(fixture->item.text_size);
    assert_non_null(fixture->item.text);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    sample_destroy(fixture->sample);
    live_destroy(fixture->live);
    wake_destroy(&fixture->wake);
    fixture_unload(fixture->factory);
    free(fixture->item.text);
    free(fixture);
    return 0;
}

/* A sample of the machine; a negative value is absent. */
static void update(struct fixture *fixture, size_t machine, int speed, int load)
{
    const int values[TAGS_COUNT] = {[SPEED] = speed, [LOAD] = load};
    struct reading readings[TAGS_COUNT] = {0};
    for (size_t tag = 0; tag < TAGS_COUNT; tag++) {
        readings[tag].time_us = INT64_C(1795450800123456);
        readings[tag].kind = values[tag] < 0 ? READING_ABSENT : READING_UNSIGNED;
        readings[tag].value.natural = values[tag] < 0 ? 0 : (uint64_t)values[tag];
    }
    sample_build(fixture->sample, fixture->factory, machine, readings);
    sample_number(fixture->sample, ++fixture->seq, 1);
    live_update(fixture->live, fixture->sample);
}

static bool take(struct fixture *fixture, int64_t now_us)
{
    return live_take(fixture->live, now_us, &fixture->item, &fixture->due_us);
}

static void assert_now(struct fixture *fixture, int64_t now_us, size_t tag, const char *value)
{
    assert_true(take(fixture, now_us));
    assert_int_equal(fixture->item.kind, LIVE_NOW);
    assert_int_equal(fixture->item.tag, tag);
    assert_int_equal(fixture->item.text_length, strlen(value));
    assert_memory_equal(fixture->item.text, value, strlen(value));
}

static void assert_nothing_until(struct fixture *fixture, int64_t now_us, int64_t due_us)
{
    assert_false(take(fixture, now_us));
    assert_int_equal(fixture->due_us, due_us);
}

static void newest_values_leave_once_and_no_oftener_than_asked(void **state)
{
    struct fixture *fixture = *state;
    assert_nothing_until(fixture, 0, WAKE_NEVER);
    update(fixture, MILL, 10, 20);
    assert_true(wake_wait(&fixture->wake, 0)); /* the publisher slept for ever */
    assert_now(fixture, 0, SPEED, "10");
    assert_now(fixture, 0, LOAD, "20");
    assert_true(take(fixture, 0));
    assert_int_equal(fixture->item.kind, LIVE_SNAPSHOT);
    assert_nothing_until(fixture, 0, WAKE_NEVER);
    /* Two changes within the 100 ms: the first is never seen, the second at its time. */
    update(fixture, MILL, 11, 20);
    update(fixture, MILL, 12, 20);
    assert_nothing_until(fixture, 50 * MS, 100 * MS);
    assert_now(fixture, 100 * MS, SPEED, "12");
    assert_nothing_until(fixture, 100 * MS, 1000 * MS); /* the snapshot, at most one a second */
    assert_true(take(fixture, 1000 * MS));
    assert_int_equal(fixture->item.kind, LIVE_SNAPSHOT);
    assert_memory_equal(fixture->item.text, "{\"seq\":3,", 9);
    assert_nothing_until(fixture, 1000 * MS, WAKE_NEVER);
}

static void a_value_on_its_way_out_is_overtaken_by_a_newer_one(void **state)
{
    struct fixture *fixture = *state;
    update(fixture, MILL, 1, 2);
    assert_now(fixture, 0, SPEED, "1");
    update(fixture, MILL, 3, 4); /* load was not taken yet */
    assert_now(fixture, 0, LOAD, "4");
    assert_true(take(fixture, 0));
    assert_int_equal(fixture->item.kind, LIVE_SNAPSHOT);
    assert_nothing_until(fixture, 0, 100 * MS);
    assert_now(fixture, 100 * MS, SPEED, "3");
}

static void now_off_leaves_the_snapshot(void **state)
{
    struct fixture *fixture = *state;
    update(fixture, OVEN, 1, 2);
    assert_true(take(fixture, 0));
    assert_int_equal(fixture->item.kind, LIVE_SNAPSHOT);
    assert_int_equal(fixture->item.machine, OVEN);
    assert_nothing_until(fixture, 0, WAKE_NEVER);
}

static void after_a_reconnect_everything_is_said_again(void **state)
{
    struct fixture *fixture = *state;
    struct health health = {.is_online = true, .is_known = true, .polls = 1};
    live_report(fixture->live, MILL, &health);
    update(fixture, MILL, 1, 2);
    update(fixture, MILL, 5, -1); /* load keeps its value from before */
    while (take(fixture, 0)) {
        continue;
    }
    live_renew(fixture->live);
    assert_true(wake_wait(&fixture->wake, 0));
    assert_true(take(fixture, 0));
    assert_int_equal(fixture->item.kind, LIVE_STATUS);
    assert_true(fixture->item.health.is_online);
    assert_true(take(fixture, 0));
    assert_int_equal(fixture->item.kind, LIVE_INFO);
    assert_now(fixture, 0, SPEED, "5");
    assert_now(fixture, 0, LOAD, "2");
    assert_true(take(fixture, 0));
    assert_int_equal(fixture->item.kind, LIVE_SNAPSHOT);
    for (int others = 0; others < 2;
         others++) { /* what an earlier run said of them may be old */
        assert_true(take(fixture, 0));
        assert_int_equal(fixture->item.kind, LIVE_STATUS);
        assert_int_not_equal(fixture->item.machine, MILL);
        assert_false(fixture->item.health.is_online);
    }
    assert_nothing_until(fixture, 0, WAKE_NEVER);
}

/* Read every 100 ms, shown every 100 ms: however unpunctual the reads are, none waits. */
static void a_value_is_shown_when_it_is_read(void **state)
{
    struct fixture *fixture = *state;
    static const int64_t read_us[] = {0, 100 * MS, 198 * MS, 340 * MS, 400 * MS};
    for (size_t at = 0; at < sizeof read_us / sizeof *read_us; at++) {
        char value[8];
        (void)snprintf(value, sizeof value, "%zu", at);
        update(fixture, PRESS, (int)at, -1);
        assert_now(fixture, read_us[at], SPEED, value);
        if (at == 0) {
            assert_true(take(fixture, 0)); /* the snapshot */
        }
        assert_nothing_until(fixture, read_us[at], at == 0 ? WAKE_NEVER : 1000 * MS);
    }
}

static void status_is_told_when_it_is_known_and_when_it_changes(void **state)
{
    struct fixture *fixture = *state;
    struct health health = {.polls = 1, .failed = 1, .reason = REASON_NO_LINK};
    live_report(fixture->live, MILL, &health);
    assert_nothing_until(fixture, 0, WAKE_NEVER);
    health.is_known = true;
    health.polls = 3;
    health.failed = 3;
    live_report(fixture->live, MILL, &health);
    assert_true(take(fixture, 0));
    assert_int_equal(fixture->item.kind, LIVE_STATUS);
    assert_false(fixture->item.health.is_online);
    assert_true(take(fixture, 0));
    assert_int_equal(fixture->item.kind, LIVE_INFO);
    health.polls = 4; /* a counter alone is no news */
    live_report(fixture->live, MILL, &health);
    assert_nothing_until(fixture, 0, WAKE_NEVER);
    struct live_totals totals;
    live_totals(fixture->live, &totals);
    assert_int_equal(totals.polls, 4);
    assert_int_equal(totals.failed, 3);
    assert_int_equal(totals.machines_online, 0);
}

static void the_earliest_due_comes_first(void **state)
{
    struct fixture *fixture = *state;
    update(fixture, OVEN, 1, 1);
    assert_true(take(fixture, 0)); /* its next snapshot is due at 1 s */
    update(fixture, MILL, 1, 1);
    while (take(fixture, 500 * MS)) {
        continue;
    }
    update(fixture, OVEN, 2, 2);
    update(fixture, MILL, 2, 2);
    assert_nothing_until(fixture, 500 * MS, 600 * MS);
    assert_now(fixture, 600 * MS, SPEED, "2");
    assert_now(fixture, 600 * MS, LOAD, "2");
    assert_nothing_until(fixture, 600 * MS, 1000 * MS);
    assert_true(take(fixture, 1000 * MS));
    assert_int_equal(fixture->item.machine, OVEN);
    assert_nothing_until(fixture, 1000 * MS, 1500 * MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(newest_values_leave_once_and_no_oftener_than_asked,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_value_on_its_way_out_is_overtaken_by_a_newer_one,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(now_off_leaves_the_snapshot, set_up, tear_down),
        cmocka_unit_test_setup_teardown(after_a_reconnect_everything_is_said_again, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_value_is_shown_when_it_is_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(status_is_told_when_it_is_known_and_when_it_changes,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_earliest_due_comes_first, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("live", tests, NULL, NULL);
}
