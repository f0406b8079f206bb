/* Claim: what a machine's polls come to: the first failure publishes every tag as bad, the
 * third makes it offline, an unreachable one is journaled once a minute, and beats are counted.
 */
#include "tests/unit/factory_fixture.h"

#include "gateway/clock.h"
#include "gateway/station.h"

static const char factory_text[] =
    "[site]\nroot = formlab\n[broker]\nurl = mqtt://127.0.0.1:1\n"
    "[link one]\ndriver = modbus-tcp\nhost = 127.0.0.1\n"
    "[machine mill]\nlink = one\narea = a\nunit_id = 1\nmap = map.csv\nevery = 100 ms\n"
    "[machine oven]\nlink = one\narea = a\nunit_id = 2\nmap = map.csv\nevery = 100 ms\n"
    "record = changes\n";
static const char map_text[] = "tag,table,address,type,every\nspeed,input,0,uint16,\n"
                               "hours,input,1,uint16,1 s\n";

enum { SPEED, HOURS, TAGS_COUNT, MILL = 0, OVEN = 1 };
#define US_PER_S INT64_C(1000000)
enum { OFFLINE_POLLS = 3 };

struct fixture {
    struct factory *factory;
    struct wake wake;
    struct station_parts parts;
    struct ring *ring;
    struct station station;
    struct reading readings[TAGS_COUNT];
};

static struct fixture *create(size_t machine)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    assert_non_null(fixture);
    fixture->factory = fixture_load(factory_text, map_text);
    wake_init(&fixture->wake);
    fixture->parts = (struct station_parts){
        .factory = fixture->factory,
        .queue = queue_create(1 << 20, 1, 1, &fixture->wake),
        .live = live_create(fixture->factory, &fixture->wake),
        .events = events_create(&fixture->wake),
        .samples = samples_create(fixture->factory),
    };
    fixture->ring = ring_create(1 << 20);
    station_init(&fixture->station, &fixture->parts, machine);
    for (size_t tag = 0; tag < TAGS_COUNT; tag++) {
        fixture->readings[tag] = (struct reading){.time_us = 1, .kind = READING_UNSIGNED};
    }
    return fixture;
}

static void destroy(struct fixture *fixture)
{
    station_release(&fixture->station);
    ring_destroy(fixture->ring);
    samples_destroy(fixture->parts.samples);
    events_destroy(fixture->parts.events);
    live_destroy(fixture->parts.live);
    queue_destroy(fixture->parts.queue);
    wake_destroy(&fixture->wake);
    fixture_unload(fixture->factory);
    free(fixture);
}

/* How many samples reached the journal's queue since the last time; the newest is kept. */
static unsigned count_samples(struct fixture *fixture, char payload[512])
{
    unsigned count = 0;
    ring_clear(fixture->ring);
    (void)queue_take(fixture->parts.queue, fixture->ring, 0);
    for (const struct record *record = ring_first(fixture->ring); record != NULL;
         record = ring_next(fixture->ring, record)) {
        assert_true(record->payload_length < 512);
        (void)memcpy(payload, record_payload(record), record->payload_length);
        payload[record->payload_length] = '\0';
        count++;
    }
    return count;
}

static struct health health_of(struct fixture *fixture)
{
    struct health health;
    live_health(fixture->parts.live, fixture->station.index, &health);
    return health;
}

static void an_unreachable_machine_is_bad_at_once_and_offline_at_the_third_poll(void **state)
{
    (void)state;
    struct fixture *fixture = create(MILL);
    struct station *station = &fixture->station;
    char payload[512];
    struct event event;
    station_answered(station, fixture->readings, 0);
    assert_true(health_of(fixture).is_online);
    assert_int_equal(count_samples(fixture, payload), 1);

    station_failed(station, REASON_TIMEOUT, 0, fixture->readings, 1 * US_PER_S);
    assert_int_equal(count_samples(fixture, payload), 1);
    assert_non_null(strstr(payload, "\"q\":\"bad\",\"speed\":null,\"hours\":null"));
    assert_non_null(strstr(payload, "\"bad\":{\"speed\":\"timeout\",\"hours\":\"timeout\"}"));
    assert_true(health_of(fixture).is_online);
    station_failed(station, REASON_TIMEOUT, 0, fixture->readings, 2 * US_PER_S);
    assert_true(health_of(fixture).is_online);
    assert_false(events_pop(fixture->parts.events, &event));
    station_failed(station, REASON_TIMEOUT, 0, fixture->readings, 3 * US_PER_S);
    assert_false(health_of(fixture).is_online);
    assert_true(events_pop(fixture->parts.events, &event));
    assert_string_equal(event.name, "link-lost");
    assert_string_equal(event.text, "\"reason\":\"timeout\"");
    assert_int_equal(count_samples(fixture, payload), 0);

    /* For two more minutes: one bad sample a minute. */
    for (int64_t second = 4; second <= 121; second++) {
        station_failed(station, REASON_NO_LINK, 0, fixture->readings, second * US_PER_S);
    }
    assert_int_equal(count_samples(fixture, payload), 2);
    assert_non_null(strstr(payload, "\"speed\":\"no-link\""));

    fixture->readings[SPEED] = (struct reading){.time_us = 9, .kind = READING_UNSIGNED};
    station_answered(station, fixture->readings, 122 * US_PER_S);
    assert_true(health_of(fixture).is_online);
    assert_true(events_pop(fixture->parts.events, &event));
    assert_string_equal(event.name, "link-back");
    assert_string_equal(event.text, "\"after_ms\":121000");
    assert_int_equal(count_samples(fixture, payload), 1);
    assert_int_equal(health_of(fixture).failed, 121);
    destroy(fixture);
}

static void two_paces_share_one_grid(void **state)
{
    (void)state;
    struct fixture *fixture = create(MILL);
    struct station *station = &fixture->station;
    station_start(station, 0);
    assert_int_equal(station_due_us(station), 0); /* all at once at the start */
    assert_int_equal(station_begin_poll(station, 0), 3);
    unsigned both = 0;
    unsigned polls = 0;
    int64_t first_us = station_due_us(station);
    assert_in_range(first_us, 0, 99999);
    for (int64_t due_us = first_us; due_us < first_us + 10 * US_PER_S;
         due_us = station_due_us(station)) {
        uint32_t due = station_begin_poll(station, due_us);
        assert_int_equal((due_us - first_us) % 100000, 0);
        assert_int_equal(due & 1, 1);
        both += due >> 1 & 1;
        polls++;
    }
    assert_int_equal(polls, 100);
    assert_int_equal(both, 9); /* the first poll was before */
    assert_int_equal(station->health.missed, 0);
    assert_int_equal(station->health.achieved_ms, 100);
    /* Half a second late: five beats of the fast pace are gone, none of the slow one. */
    (void)station_begin_poll(station, station_due_us(station) + 500000);
    assert_int_equal(station->health.missed, 5);
    destroy(fixture);
}

/* The next beat, as the poller takes it. */
static uint32_t begin_next(struct station *station)
{
    return station_begin_poll(station, station_due_us(station));
}

static void fail_poll(struct fixture *fixture)
{
    station_failed(&fixture->station, REASON_NO_LINK, 0, fixture->readings,
                   station_due_us(&fixture->station));
}

static void answer_poll(struct fixture *fixture)
{
    for (size_t tag = 0; tag < TAGS_COUNT; tag++) {
        fixture->readings[tag] = (struct reading){.time_us = 1, .kind = READING_UNSIGNED};
    }
    station_answered(&fixture->station, fixture->readings, station_due_us(&fixture->station));
}

static void the_poll_after_a_failed_one_reads_all_tags(void **state)
{
    (void)state;
    struct fixture *fixture = create(MILL);
    struct station *station = &fixture->station;
    station_start(station, 0);
    assert_int_equal(begin_next(station), 3);
    answer_poll(fixture);
    assert_int_equal(begin_next(station), 1);
    int64_t slow_us = station->paces[1].due_us;
    fail_poll(fixture);
    assert_int_equal(begin_next(station), 3);
    fail_poll(fixture);
    assert_int_equal(begin_next(station), 3);
    assert_int_equal(station->paces[1].due_us, slow_us); /* their grid stays */
    answer_poll(fixture);
    assert_int_equal(begin_next(station), 1);
    answer_poll(fixture);

    /* The beat of the slow ones is itself the one that fails. */
    while (begin_next(station) == 1) {
        answer_poll(fixture);
    }
    assert_int_equal(station->paces[1].due_us, slow_us + US_PER_S);
    fail_poll(fixture);
    assert_int_equal(begin_next(station), 3);
    answer_poll(fixture);
    assert_int_equal(begin_next(station), 1);
    destroy(fixture);
}

/* A block that the device always leaves unanswered must not be asked for at every beat. */
static void what_a_poll_left_unanswered_is_read_once_more(void **state)
{
    (void)state;
    struct fixture *fixture = create(MILL);
    struct station *station = &fixture->station;
    station_start(station, 0);
    assert_int_equal(begin_next(station), 3);
    fixture->readings[HOURS] =
        (struct reading){.time_us = 1, .kind = READING_BAD, .reason = REASON_TIMEOUT};
    station_answered(station, fixture->readings, 0);
    assert_int_equal(begin_next(station), 3);
    station_answered(station, fixture->readings, 0);
    assert_int_equal(begin_next(station), 1);
    destroy(fixture);
}

/* A dead unit behind a shared link is asked less and less often: what is not asked cannot fail.
 */
static void beats_held_back_are_no_polls(void **state)
{
    (void)state;
    struct fixture *fixture = create(MILL);
    struct station *station = &fixture->station;
    char payload[512];
    struct event event;
    station_start(station, 0);
    (void)begin_next(station);
    answer_poll(fixture);
    (void)begin_next(station);
    (void)begin_next(station);
    fail_poll(fixture);
    assert_int_equal(count_samples(fixture, payload), 2); /* the good one and the bad one */
    /* For two minutes and a half: one bad sample a minute, as for one that is asked. */
    for (unsigned beat = 0; beat < 1500; beat++) {
        station_hold_back(station, fixture->readings, station_due_us(station));
    }
    assert_int_equal(count_samples(fixture, payload), 2);
    assert_non_null(strstr(payload, "\"bad\":{\"speed\":\"no-link\",\"hours\":\"no-link\"}"));
    struct health health = health_of(fixture);
    assert_true(health.is_online);
    assert_int_equal(health.polls, 3);
    assert_int_equal(health.failed, 1);
    assert_int_equal(health.missed, 0);
    assert_int_equal(begin_next(station), 3);
    assert_int_equal(station->health.achieved_ms, 100);
    fail_poll(fixture);
    assert_false(events_pop(fixture->parts.events, &event));
    (void)begin_next(station);
    fail_poll(fixture);
    assert_true(events_pop(fixture->parts.events, &event));
    assert_string_equal(event.name, "link-lost");
    destroy(fixture);
}

static void refused_registers_are_named(void **state)
{
    (void)state;
    struct fixture *fixture = create(MILL);
    fixture->readings[HOURS] = (struct reading){
        .time_us = 1, .kind = READING_BAD, .reason = REASON_EXCEPTION, .exception = 2};
    station_answered(&fixture->station, fixture->readings, 0);
    assert_string_equal(health_of(fixture).detail, "refused: input 1 (hours)");
    assert_true(health_of(fixture).is_online);
    /* On a beat that does not read it, it is refused all the same. */
    fixture->readings[HOURS].kind = READING_ABSENT;
    station_answered(&fixture->station, fixture->readings, 1);
    assert_string_equal(health_of(fixture).detail, "refused: input 1 (hours)");
    fixture->readings[HOURS].kind = READING_UNSIGNED;
    station_answered(&fixture->station, fixture->readings, 2);
    assert_string_equal(health_of(fixture).detail, "");
    destroy(fixture);
}

/* A mute machine of which some registers are quarantined: beats that ask nothing are no sign of
 * life, and do not hide that the others fail. */
static void a_beat_that_asks_nothing_is_no_answer(void **state)
{
    (void)state;
    struct fixture *fixture = create(MILL);
    char payload[512];
    station_answered(&fixture->station, fixture->readings, 0);
    for (int64_t second = 1; second <= OFFLINE_POLLS; second++) {
        station_failed(&fixture->station, REASON_TIMEOUT, 0, fixture->readings,
                       second * US_PER_S);
        station_idle(&fixture->station, fixture->readings);
    }
    assert_false(health_of(fixture).is_online);
    assert_int_equal(count_samples(fixture, payload), 2); /* the good one and one bad */
    destroy(fixture);
}

/* The wall clock may be set between the answer and the sample. */
static void a_sample_is_judged_by_the_clock_of_its_oldest_reading(void **state)
{
    (void)state;
    struct fixture *fixture = create(MILL);
    char payload[512];
    fixture->readings[SPEED].time_us = clock_wall_us();
    station_answered(&fixture->station, fixture->readings, 0);
    assert_int_equal(count_samples(fixture, payload), 1);
    assert_non_null(strstr(payload, "\"time\":\"1970-01-01T00:00:00.000Z\""));
    assert_non_null(strstr(payload, "\"q\":\"uncertain\""));
    fixture->readings[HOURS].time_us = fixture->readings[SPEED].time_us;
    station_answered(&fixture->station, fixture->readings, 0);
    assert_int_equal(count_samples(fixture, payload), 1);
    assert_non_null(strstr(payload, "\"q\":\"good\""));
    destroy(fixture);
}

static void record_changes_keeps_only_what_moved(void **state)
{
    (void)state;
    struct fixture *fixture = create(OVEN);
    struct station *station = &fixture->station;
    char payload[512];
    station_answered(station, fixture->readings, 0);
    station_answered(station, fixture->readings, 1);
    assert_int_equal(count_samples(fixture, payload), 1);
    fixture->readings[SPEED].value.natural = 7;
    station_answered(station, fixture->readings, 2);
    assert_int_equal(count_samples(fixture, payload), 1);
    assert_non_null(strstr(payload, "\"speed\":7"));
    /* Away for two minutes: bad at once, and once a minute. */
    for (int64_t second = 1; second <= 121; second++) {
        station_failed(station, REASON_TIMEOUT, 0, fixture->readings, second * US_PER_S);
    }
    assert_int_equal(count_samples(fixture, payload), 3);
    destroy(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_unreachable_machine_is_bad_at_once_and_offline_at_the_third_poll),
        cmocka_unit_test(two_paces_share_one_grid),
        cmocka_unit_test(the_poll_after_a_failed_one_reads_all_tags),
        cmocka_unit_test(what_a_poll_left_unanswered_is_read_once_more),
        cmocka_unit_test(beats_held_back_are_no_polls),
        cmocka_unit_test(refused_registers_are_named),
        cmocka_unit_test(a_beat_that_asks_nothing_is_no_answer),
        cmocka_unit_test(a_sample_is_judged_by_the_clock_of_its_oldest_reading),
        cmocka_unit_test(record_changes_keeps_only_what_moved),
    };
    return cmocka_run_group_tests_name("station", tests, NULL, NULL);
}
