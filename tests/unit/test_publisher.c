/* Every committed sample reaches a real broker, in order, whatever happens to the broker; and
 * the publisher stops in time whatever the broker does. */
#include "gateway/publisher.h"

#include <dirent.h>
#include <inttypes.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "config/problems.h"
#include "gateway/clock.h"
#include "gateway/journal.h"
#include "gateway/mqtt.h"
#include "tests/unit/broker.h"

#define SECOND_US INT64_C(1000000)

static struct test_broker mosquitto;
static struct factory *factory;
static struct journal *journal;
static uint64_t run;
static uint64_t seq;
static struct wake wake;
static struct ledger *ledger;
static struct events *events;
static struct live *live;
static struct ready *ready;
static struct uplink *uplink;
static struct publisher *publisher;
static const char keeping[] = "allow_anonymous true\npersistence true\nautosave_interval 1\n"
                              "autosave_on_changes true\nmax_queued_messages 100000";

static void load_factory(const char *broker)
{
    char script[1024];
    char path[128];
    (void)snprintf(
        script, sizeof script,
        "printf 'tag,table,address,type\\nspeed,holding,0,uint16\\n' > map.csv\n"
        "cat > formlab.conf <<END\n[site]\nroot = t\n[gateway]\nname = gw\n"
        "[broker]\n%s\n[journal]\nfile = j.db\n"
        "[link l]\ndriver = modbus-tcp\nhost = 127.0.0.1\nport = 5020\n"
        "[machine good]\nlink = l\narea = a\nmap = map.csv\nevery = 1 s\n"
        "[machine bad]\nlink = l\narea = a\nunit_id = 2\nmap = map.csv\nevery = 1 s\n"
        "END\n",
        broker);
    assert_true(broker_shell(mosquitto.folder, script));
    (void)snprintf(path, sizeof path, "%s/formlab.conf", mosquitto.folder);
    struct problems *problems = problems_create();
    factory = factory_load(path, NULL, problems);
    problems_print(problems, stderr);
    problems_destroy(problems);
    assert_non_null(factory);
}

/* Samples as the recorder would commit them, `count` in one transaction. */
static void commit(unsigned count, size_t machine)
{
    assert_int_equal(journal_begin(journal), JOURNAL_OK);
    for (unsigned at = 0; at < count; at++) {
        char payload[128];
        seq++;
        int length =
            snprintf(payload, sizeof payload,
                     "{\"seq\":%" PRIu64 ",\"run\":%" PRIu64 ",\"speed\":1}", seq, run);
        struct journal_row row = {
            .seq = seq,
            .run = run,
            .time_us = clock_wall_us(),
            .machine = machine,
            .payload = payload,
            .payload_length = (size_t)length,
            .uncertain = "",
        };
        assert_int_equal(journal_append(journal, &row), JOURNAL_OK);
    }
    struct ledger_view view;
    ledger_read(ledger, &view);
    assert_int_equal(journal_commit(journal, view.acknowledged), JOURNAL_OK);
    ledger_commit(ledger, seq, clock_monotonic_us());
}

static void await_broker_state(void)
{
    struct pollfd known = {.fd = ready_descriptor(ready), .events = POLLIN};
    assert_int_equal(poll(&known, 1, 10000), 1);
}

static void start_publisher(void)
{
    struct journal_error error;
    journal = journal_open(factory, &error);
    assert_non_null(journal);
    assert_int_equal(journal_begin_run(journal, 1, &run), JOURNAL_OK);
    seq = journal_last_seq(journal);
    wake_init(&wake);
    ledger = ledger_create(run, seq, journal_cursor(journal), &wake);
    events = events_create(&wake);
    live = live_create(factory, &wake);
    ready = ready_create(1);
    uplink = uplink_create();
    struct publisher_parts parts = {
        .factory = factory,
        .live = live,
        .ledger = ledger,
        .events = events,
        .ready = ready,
        .wake = &wake,
        .uplink = uplink,
        .info = {.run = run, .page = "", .page_error = ""},
    };
    publisher = publisher_start(&parts);
    await_broker_state();
}

/* Returns how long stopping took. */
static int64_t stop_publisher(int64_t allowed_us)
{
    int64_t before_us = clock_monotonic_us();
    publisher_stop(publisher, before_us + allowed_us);
    publisher = NULL;
    int64_t took_us = clock_monotonic_us() - before_us;
    struct ledger_view view;
    ledger_read(ledger, &view);
    assert_int_equal(journal_begin(journal), JOURNAL_OK);
    assert_int_equal(journal_commit(journal, view.acknowledged), JOURNAL_OK);
    ready_destroy(ready);
    uplink_destroy(uplink);
    live_destroy(live);
    events_destroy(events);
    ledger_destroy(ledger);
    wake_destroy(&wake);
    journal_close(journal);
    return took_us;
}

static int reset(void **state)
{
    (void)state;
    char broker[64];
    broker_prepare(&mosquitto);
    (void)snprintf(broker, sizeof broker, "url = mqtt://127.0.0.1:%u", mosquitto.port);
    load_factory(broker);
    return 0;
}

static int tidy(void **state)
{
    (void)state;
    if (publisher != NULL) { /* the test has failed */
        (void)stop_publisher(0);
    }
    factory_destroy(factory);
    broker_end(&mosquitto);
    return 0;
}

static bool await_acknowledged(uint64_t wanted, int64_t timeout_us)
{
    const struct timespec moment = {.tv_nsec = 5000000};
    int64_t until_us = clock_monotonic_us() + timeout_us;
    struct ledger_view view;
    do {
        ledger_read(ledger, &view);
        (void)nanosleep(&moment, NULL); /* the ledger tells nobody of PUBACKs */
    } while (view.acknowledged < wanted && clock_monotonic_us() < until_us);
    return view.acknowledged >= wanted;
}

static char line[1024];

/* The next line whose topic begins so; its payload. */
static const char *next_line(struct witness *witness, const char *topic)
{
    (void)alarm(30); /* ends the test program when it never comes */
    do {
        assert_non_null(fgets(line, sizeof line, witness->lines));
    } while (strncmp(line, topic, strlen(topic)) != 0);
    (void)alarm(0);
    line[strcspn(line, "\n")] = '\0';
    return strchr(line, ' ') + 1;
}

/* The witness subscribes before anything is published. */
static void start_witness(struct witness *witness)
{
    char script[128];
    (void)snprintf(script, sizeof script, "mosquitto_pub -p %u -q 1 -r -t ready -m 1",
                   mosquitto.port);
    assert_true(broker_shell("/", script));
    witness_start(witness, mosquitto.port, "%t %p");
    (void)next_line(witness, "ready");
}

static void expect_sample_of(struct witness *witness, const char *topic, uint64_t wanted,
                             bool is_late)
{
    char expected[128];
    (void)snprintf(expected, sizeof expected,
                   "{\"seq\":%" PRIu64 ",\"run\":%" PRIu64 ",\"speed\":1%s}", wanted, run,
                   is_late ? ",\"late\":true" : "");
    assert_string_equal(next_line(witness, topic), expected);
}

static void expect_sample(struct witness *witness, uint64_t wanted, bool is_late)
{
    expect_sample_of(witness, "t/a/good/samples", wanted, is_late);
}

static void test_live_samples_births_and_farewell(void **state)
{
    (void)state;
    struct witness witness;
    broker_start(&mosquitto, keeping);
    start_witness(&witness);
    start_publisher();
    assert_string_equal(next_line(&witness, "t/_gateway/gw/status"), "online");
    assert_non_null(strstr(next_line(&witness, "t/_gateway/gw/info"), "\"run\":1"));
    assert_non_null(strstr(next_line(&witness, "t/a/good/meta/speed"), "\"holding\""));
    for (unsigned at = 0; at < 5; at++) {
        commit(100, 0);
        for (uint64_t wanted = seq - 99; wanted <= seq; wanted++) {
            expect_sample(&witness, wanted, false);
        }
    }
    assert_true(await_acknowledged(500, SECOND_US));
    assert_in_range(stop_publisher(2 * SECOND_US), 0, SECOND_US);
    assert_string_equal(next_line(&witness, "t/_gateway/gw/status"), "offline");
    assert_string_equal(next_line(&witness, "t/a/good/status"), "offline");
    assert_string_equal(next_line(&witness, "t/a/bad/status"), "offline");
    witness_end(&witness);
}

static void test_broker_killed_and_back(void **state)
{
    (void)state;
    struct witness witness;
    broker_start(&mosquitto, keeping);
    start_witness(&witness);
    start_publisher();
    commit(10, 0);
    assert_true(await_acknowledged(10, 5 * SECOND_US));
    for (uint64_t wanted = 1; wanted <= 10; wanted++) {
        expect_sample(&witness, wanted, false);
    }
    broker_kill(&mosquitto);
    for (unsigned at = 0; at < 50; at++) {
        commit(20, 0);
    }
    broker_start(&mosquitto, keeping);
    assert_true(await_acknowledged(1010, 20 * SECOND_US));
    commit(1, 0);
    assert_true(await_acknowledged(1011, 5 * SECOND_US));
    assert_non_null(
        strstr(next_line(&witness, "t/_gateway/gw/event/backlog-started"), "\"from\":11"));
    uint64_t wanted = 11;
    for (; wanted <= 1010; wanted++) {
        expect_sample(&witness, wanted, true);
    }
    expect_sample(&witness, wanted, false);
    (void)stop_publisher(2 * SECOND_US);
    witness_end(&witness);
}

/* What an earlier run left is sent first, as late, and announced with its range. */
static void test_backlog_of_an_earlier_run(void **state)
{
    (void)state;
    struct witness witness;
    start_publisher(); /* no broker */
    commit(30, 0);
    assert_in_range(stop_publisher(2 * SECOND_US), 0, SECOND_US / 2);
    broker_start(&mosquitto, keeping);
    start_witness(&witness);
    start_publisher();
    run--; /* of the samples */
    for (uint64_t wanted = 1; wanted <= 30; wanted++) {
        expect_sample(&witness, wanted, true);
    }
    assert_non_null(strstr(next_line(&witness, "t/_gateway/gw/event/backlog-drained"),
                           "\"count\":30,\"from\":1,\"to\":30"));
    (void)stop_publisher(2 * SECOND_US);
    witness_end(&witness);
}

static void test_stopped_broker_is_found_out_and_stops_nobody(void **state)
{
    (void)state;
    struct witness witness;
    broker_start(&mosquitto, keeping);
    start_witness(&witness);
    start_publisher();
    commit(5, 0);
    assert_true(await_acknowledged(5, 5 * SECOND_US));
    (void)kill(mosquitto.pid, SIGSTOP);
    commit(5, 0);
    assert_false(await_acknowledged(10, 6 * SECOND_US));
    (void)kill(mosquitto.pid, SIGCONT);
    assert_true(await_acknowledged(10, 10 * SECOND_US));
    /* The connection was given up within 6 s, and all of its window is repeated, in order. What
     * the broker still had of the old connection may come in between. */
    for (uint64_t wanted = 6; wanted <= 10; wanted++) {
        char expected[32];
        (void)snprintf(expected, sizeof expected, "\"seq\":%" PRIu64 ",", wanted);
        while (strstr(next_line(&witness, "t/a/good/samples"), "\"late\"") == NULL) {
        }
        assert_non_null(strstr(line, expected));
    }
    witness_end(&witness);
    (void)kill(mosquitto.pid, SIGSTOP);
    commit(5, 0);
    assert_in_range(stop_publisher(2 * SECOND_US), SECOND_US, 2 * SECOND_US + SECOND_US / 2);
    broker_kill(&mosquitto);
}

/* The second machine's topic is refused, and has a sample that waits. */
static void start_refused(struct witness *witness)
{
    char conf[256];
    assert_true(broker_shell(
        mosquitto.folder, "printf 'topic readwrite t/a/good/#\ntopic readwrite t/_gateway/#\n"
                          "topic read #\ntopic write ready\n' > acl"));
    (void)snprintf(conf, sizeof conf, "%s\nacl_file %s/acl", keeping, mosquitto.folder);
    broker_start(&mosquitto, conf);
    start_witness(witness);
    start_publisher();
    commit(1, 0);
    expect_sample(witness, 1, false);
    commit(1, 1);
    assert_non_null(strstr(next_line(witness, "t/_gateway/gw/event/rejected"),
                           "\"seq\":2,\"count\":1,\"from\":2,\"to\":2,\"reason\":\"Not "
                           "authorized\",\"reason_code\":135"));
}

static void test_refused_sample_blocks_nobody(void **state)
{
    (void)state;
    struct witness witness;
    start_refused(&witness);
    commit(1, 0);
    expect_sample(&witness, 3, false);
    assert_true(await_acknowledged(3, 5 * SECOND_US));
    /* What follows of the refused topic waits behind it, and all comes when it may. */
    commit(2, 1);
    commit(1, 0);
    expect_sample(&witness, 6, false);
    assert_true(broker_shell(mosquitto.folder, "printf 'topic readwrite #\n' > acl"));
    assert_int_equal(kill(mosquitto.pid, SIGHUP), 0);
    expect_sample_of(&witness, "t/a/bad/samples", 2, true);
    expect_sample_of(&witness, "t/a/bad/samples", 4, true);
    expect_sample_of(&witness, "t/a/bad/samples", 5, true);
    (void)stop_publisher(2 * SECOND_US);
    witness_end(&witness);
}

/* While a damaged journal is being saved, nothing that was refused may be offered: its turn
 * comes, and passes, without the thread going round for it. */
static void test_what_may_not_be_offered_keeps_nobody_awake(void **state)
{
    (void)state;
    const struct timespec turns = {.tv_sec = 3}; /* the first turn is after a second */
    struct witness witness;
    start_refused(&witness);
    ledger_allow(ledger, 2);
    clock_t before = clock();
    (void)nanosleep(&turns, NULL);
    assert_true(clock() - before < CLOCKS_PER_SEC);
    ledger_allow(ledger, UINT64_MAX);
    (void)stop_publisher(2 * SECOND_US);
    witness_end(&witness);
}

/* One page of the file is gone while all around it can be read. */
static void test_unreadable_page_blocks_nobody(void **state)
{
    (void)state;
    struct witness witness;
    broker_start(&mosquitto, keeping);
    start_witness(&witness);
    start_publisher();
    commit(1, 0);
    assert_true(await_acknowledged(1, 5 * SECOND_US));
    broker_kill(&mosquitto);
    commit(1999, 0);
    assert_true(broker_shell(mosquitto.folder,
                             "sqlite3 j.db 'pragma wal_checkpoint(truncate)' > checkpointed &&"
                             "dd if=/dev/zero of=j.db bs=4096 seek=24 count=1 conv=notrunc"
                             " status=none"));
    broker_start(&mosquitto, keeping);
    const char *members =
        strstr(next_line(&witness, "t/_gateway/gw/event/damaged"), "\"count\":");
    assert_non_null(members);
    uint64_t count = 0;
    uint64_t from = 0;
    uint64_t to = 0;
    /* NOLINTNEXTLINE(cert-err34-c): all three must be there */
    int found = sscanf(members, "\"count\":%" SCNu64 ",\"from\":%" SCNu64 ",\"to\":%" SCNu64,
                       &count, &from, &to);
    assert_int_equal(found, 3);
    assert_int_equal(count, to - from + 1);
    assert_in_range(count, 5, 200); /* a page's rows */
    for (uint64_t wanted = to + 1; wanted <= 2000; wanted++) {
        expect_sample(&witness, wanted, true);
    }
    assert_true(await_acknowledged(2000, 5 * SECOND_US));
    (void)stop_publisher(2 * SECOND_US);
    witness_end(&witness);
}

/* Voluntary context switches of the thread, -1 when it is not the publisher's. */
static long count_switches(const char *thread)
{
    char path[300];
    char row[128];
    long switches = -1;
    bool is_publisher = false;
    (void)snprintf(path, sizeof path, "/proc/self/task/%s/status", thread);
    FILE *file = fopen(path, "r");
    while (file != NULL && fgets(row, sizeof row, file) != NULL) {
        is_publisher = is_publisher || strcmp(row, "Name:\tpublisher\n") == 0;
        if (strncmp(row, "voluntary_ctxt_switches:", 24) == 0) {
            switches = strtol(row + 24, NULL, 10);
        }
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return is_publisher ? switches : -1;
}

static long publisher_switches(void)
{
    long switches = -1;
    DIR *tasks = opendir("/proc/self/task");
    const struct dirent *task;
    assert_non_null(tasks);
    while ((task = readdir(tasks)) != NULL) { /* NOLINT(concurrency-mt-unsafe) */
        long counted = count_switches(task->d_name);
        switches = counted > switches ? counted : switches;
    }
    (void)closedir(tasks);
    return switches;
}

static void test_idle_publisher_sleeps(void **state)
{
    (void)state;
    const struct timespec while_idle = {.tv_sec = 6}; /* what is claimed is about time */
    broker_start(&mosquitto, keeping);
    start_publisher();
    commit(1, 0);
    assert_true(await_acknowledged(1, 5 * SECOND_US));
    long before = publisher_switches();
    assert_true(before > 0);
    (void)nanosleep(&while_idle, NULL);
    assert_in_range(publisher_switches() - before, 0, 6);
    (void)stop_publisher(2 * SECOND_US);
}

int main(void)
{
    (void)signal(SIGPIPE, SIG_IGN);
    mqtt_global_init();
#define WITH_BROKER(test) cmocka_unit_test_setup_teardown(test, reset, tidy)
    const struct CMUnitTest tests[] = {
        WITH_BROKER(test_live_samples_births_and_farewell),
        WITH_BROKER(test_broker_killed_and_back),
        WITH_BROKER(test_backlog_of_an_earlier_run),
        WITH_BROKER(test_stopped_broker_is_found_out_and_stops_nobody),
        WITH_BROKER(test_refused_sample_blocks_nobody),
        WITH_BROKER(test_what_may_not_be_offered_keeps_nobody_awake),
        WITH_BROKER(test_unreadable_page_blocks_nobody),
        WITH_BROKER(test_idle_publisher_sleeps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
