/* Claim: what was pushed is committed in order, or counted as lost with its range; a disk that
 * refuses is outlived without a restart. */
#include "gateway/clock.h"
#include "gateway/recorder.h"
#include "tests/unit/journal_fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>

#include <sqlite3.h>

enum { TEXT_OFFSET = 64, TEXT_SIZE = 32 * 1024, WAIT_US = 20000000 };

static _Atomic int64_t wall_ahead_us;
static _Atomic uint64_t looks; /* at the monotonic clock */

/* Instead of libc's: the wall clock can be set, and who looks at the other one is counted. */
int clock_gettime(clockid_t id, struct timespec *now)
{
    int code = (int)syscall(SYS_clock_gettime, id, now);
    if (code == 0 && id == CLOCK_REALTIME) {
        int64_t us = (int64_t)now->tv_sec * 1000000 + now->tv_nsec / 1000 + wall_ahead_us;
        now->tv_sec = (time_t)(us / 1000000);
        now->tv_nsec = (long)(us % 1000000 * 1000);
    }
    looks += id == CLOCK_MONOTONIC ? 1 : 0;
    return code;
}

/* Sleeps without a look at the clock. */
static void let_pass(int64_t time_us)
{
    struct wake nobody;
    wake_init(&nobody);
    (void)wake_wait(&nobody, clock_monotonic_us() + time_us);
    wake_destroy(&nobody);
}

/* A recorder with all that it needs. */
struct bench {
    struct wake recorder_wake;
    struct wake publisher_wake;
    struct recorder_parts parts;
    struct recorder *recorder;
    struct sample sample;
    char *text;
};

static void bench_start(struct bench *bench, size_t queue_bytes)
{
    wake_init(&bench->recorder_wake);
    wake_init(&bench->publisher_wake);
    struct journal *journal = open_or_fail();
    uint64_t run;
    assert_true((journal_begin_run(journal, 9, &run) == JOURNAL_OK) ==
                journal_is_open(journal));
    uint64_t last = journal_last_seq(journal);
    bench->parts = (struct recorder_parts){
        .factory = journal_factory,
        .queue = queue_create(queue_bytes, run, last + 1, &bench->recorder_wake),
        .journal = journal,
        .ledger = ledger_create(run, last, journal_cursor(journal), &bench->publisher_wake),
        .events = events_create(&bench->publisher_wake),
        .wake = &bench->recorder_wake,
        .run = run,
    };
    bench->text = calloc(1, TEXT_SIZE);
    assert_non_null(bench->text);
    bench->recorder = recorder_start(&bench->parts);
}

static void bench_end(struct bench *bench)
{
    if (bench->recorder != NULL) {
        recorder_stop(bench->recorder);
    }
    journal_close(bench->parts.journal);
    events_destroy(bench->parts.events);
    ledger_destroy(bench->parts.ledger);
    queue_destroy(bench->parts.queue);
    wake_destroy(&bench->publisher_wake);
    wake_destroy(&bench->recorder_wake);
    free(bench->text);
}

static uint64_t push_at(struct bench *bench, size_t length, int64_t time_us)
{
    bench->sample = (struct sample){.machine = 1,
                                    .time_us = time_us,
                                    .text = bench->text,
                                    .payload = TEXT_OFFSET,
                                    .payload_length = (uint32_t)length};
    char *payload = bench->text + TEXT_OFFSET;
    memset(payload, ' ', length);
    static const char member[] = "\"energy\":1";
    memcpy(payload, member, sizeof member - 1);
    payload[length - 1] = '}';
    queue_push(bench->parts.queue, &bench->sample);
    return bench->sample.seq;
}

static uint64_t push(struct bench *bench, size_t length)
{
    return push_at(bench, length, clock_wall_us());
}

static struct ledger_view await_committed(struct bench *bench, uint64_t seq)
{
    int64_t until_us = clock_monotonic_us() + WAIT_US;
    struct ledger_view view;
    ledger_read(bench->parts.ledger, &view);
    while (view.committed < seq) {
        assert_true(wake_wait(&bench->publisher_wake, until_us));
        ledger_read(bench->parts.ledger, &view);
    }
    return view;
}

/* The next event of that name; all are announced by a wake. */
static struct event await_event(struct bench *bench, const char *name)
{
    int64_t until_us = clock_monotonic_us() + WAIT_US;
    struct event event;
    while (!events_pop(bench->parts.events, &event) || strcmp(event.name, name) != 0) {
        assert_true(wake_wait(&bench->publisher_wake, until_us));
    }
    return event;
}

/* `"count":N,…` */
static uint64_t count_of(const struct event *event)
{
    static const char name[] = "\"count\":";
    assert_int_equal(strncmp(event->text, name, sizeof name - 1), 0);
    return strtoull(event->text + sizeof name - 1, NULL, 10);
}

/* Every number from 1 to `last` is a whole row or lies in a gap, never both; returns the rows.
 */
static uint64_t account_for(uint64_t last, uint64_t *lost)
{
    struct journal_error error;
    struct journal_reader *reader = journal_reader_open(journal_factory->journal.file, &error);
    assert_non_null(reader);
    struct journal_gap gap = {0};
    *lost = 0;
    for (size_t at = 0; journal_reader_gap(reader, at, &gap); at++) {
        *lost += gap.count;
    }
    struct journal_row row;
    uint64_t rows = 0;
    uint64_t before = 0;
    assert_true(journal_reader_seek(reader, 0));
    while (journal_reader_next(reader, &row) == JOURNAL_NEXT_ROW) {
        assert_false(row.is_damaged);
        assert_true(row.seq > before);
        before = row.seq;
        rows++;
    }
    assert_true(before <= last);
    assert_int_equal(rows + *lost, last);
    journal_reader_close(reader);
    ASSERT_QUERY("select count(*) from samples, gaps where seq between first and last", "0\n");
    return rows;
}

static void all_is_committed_in_order(void **state)
{
    (void)state;
    struct bench bench = {0};
    journal_factory->journal.commit_ms = 5;
    bench_start(&bench, 1 << 20);
    uint64_t seq = 0;
    for (int at = 0; at < 2000; at++) {
        seq = push(&bench, 100);
    }
    struct ledger_view view = await_committed(&bench, seq);
    assert_true(view.is_journal_ok);
    uint64_t lost;
    assert_int_equal(account_for(seq, &lost), 2000);
    assert_int_equal(lost, 0);
    ASSERT_QUERY("select machine, tag, value from readings limit 1", "u2_meter|energy|1\n");
    bench_end(&bench);
}

static void finish_commits_what_is_in_hand(void **state)
{
    (void)state;
    struct bench bench = {0};
    journal_factory->journal.commit_ms = 60000;
    bench_start(&bench, 1 << 20);
    (void)await_committed(&bench, push(&bench, 100)); /* the first after a pause: at once */
    for (int at = 1; at < 10; at++) {
        (void)push(&bench, 100);
    }
    int64_t began_us = clock_monotonic_us();
    recorder_finish(bench.recorder);
    assert_true(clock_monotonic_us() - began_us < 900000);
    struct ledger_view view;
    ledger_read(bench.parts.ledger, &view);
    assert_int_equal(view.committed, 10);
    ledger_acknowledge(bench.parts.ledger, 7);
    recorder_stop(bench.recorder);
    bench.recorder = NULL;
    assert_int_equal(journal_cursor(bench.parts.journal), 7);
    bench_end(&bench);
    struct journal *journal = open_or_fail();
    assert_int_equal(journal_cursor(journal), 7);
    journal_close(journal);
}

static void a_commit_waits_for_its_interval(void **state)
{
    (void)state;
    struct bench bench = {0};
    journal_factory->journal.commit_ms = 200;
    bench_start(&bench, 1 << 20);
    int64_t began_us = clock_monotonic_us();
    (void)await_committed(&bench, push(&bench, 100));
    (void)push(&bench, 100);
    uint64_t seq = push(&bench, 100);
    (void)await_committed(&bench, 2);
    assert_true(clock_monotonic_us() - began_us >= 200000);
    struct ledger_view view;
    ledger_read(bench.parts.ledger, &view);
    assert_int_equal(view.committed, seq); /* both in one transaction */
    bench_end(&bench);
}

/* A disk that takes no byte more; SQLite sees its write fail. */
static void refuse_writes(bool is_refused)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = is_refused ? 1 : limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void await_failing(struct bench *bench)
{
    int64_t until_us = clock_monotonic_us() + WAIT_US;
    struct ledger_view view;
    ledger_read(bench->parts.ledger, &view);
    while (view.is_journal_ok) {
        assert_true(clock_monotonic_us() < until_us);
        ledger_read(bench->parts.ledger, &view); /* nobody is told of it */
    }
}

static void a_refusing_disk_is_outlived_without_loss(void **state)
{
    (void)state;
    struct bench bench = {0};
    journal_factory->journal.commit_ms = 1;
    bench_start(&bench, 1 << 20);
    (void)await_committed(&bench, push(&bench, 100));
    refuse_writes(true);
    uint64_t seq = push(&bench, 100);
    await_failing(&bench);
    for (int at = 0; at < 1000; at++) {
        seq = push(&bench, 100);
    }
    struct ledger_view view;
    ledger_read(bench.parts.ledger, &view);
    assert_int_equal(view.committed, 1);
    refuse_writes(false);
    view = await_committed(&bench, seq);
    uint64_t lost;
    assert_int_equal(account_for(seq, &lost), seq);
    bench_end(&bench);
}

static void what_memory_cannot_hold_is_counted(void **state)
{
    (void)state;
    struct bench bench = {0};
    journal_factory->journal.commit_ms = 0;
    bench_start(&bench, 4 << 20);
    (void)await_committed(&bench, push(&bench, 100));
    refuse_writes(true);
    uint64_t seq = push(&bench, 100);
    await_failing(&bench);
    for (int at = 0; at < 3000; at++) { /* 96 MB: more than is held */
        seq = push(&bench, TEXT_SIZE - TEXT_OFFSET);
    }
    refuse_writes(false);
    (void)await_committed(&bench, seq);
    uint64_t lost;
    uint64_t rows = account_for(seq, &lost);
    assert_true(lost > 500);
    assert_true(rows > 100); /* what queue and ring held */
    ASSERT_QUERY("select distinct reason from gaps", "disk-full\n");
    for (uint64_t told = 0; told < lost;) { /* of the ring and of the queue */
        struct event event = await_event(&bench, "evicted");
        uint64_t count = count_of(&event);
        assert_true(event.machine == EVENT_OF_GATEWAY);
        assert_true(count > 0);
        told += count;
        assert_true(told <= lost);
    }
    recorder_finish(bench.recorder);
    bench_end(&bench);
}

static void finish_does_not_wait_for_a_refusing_disk(void **state)
{
    (void)state;
    struct bench bench = {0};
    journal_factory->journal.commit_ms = 0;
    bench_start(&bench, 1 << 20);
    (void)await_committed(&bench, push(&bench, 100));
    refuse_writes(true);
    (void)push(&bench, 100);
    await_failing(&bench);
    int64_t began_us = clock_monotonic_us();
    recorder_finish(bench.recorder);
    assert_true(clock_monotonic_us() - began_us < 1500000);
    struct ledger_view view;
    ledger_read(bench.parts.ledger, &view);
    assert_int_equal(view.committed, 1);
    bench_end(&bench);
    refuse_writes(false);
}

/* Another process that writes, for as long as it likes. */
static sqlite3 *take_write_lock(void)
{
    sqlite3 *holder;
    assert_int_equal(sqlite3_open(journal_factory->journal.file, &holder), SQLITE_OK);
    assert_int_equal(sqlite3_busy_timeout(holder, 5000), SQLITE_OK);
    assert_int_equal(sqlite3_exec(holder, "begin immediate", NULL, NULL, NULL), SQLITE_OK);
    return holder;
}

static void another_writers_lock_is_outwaited_in_silence(void **state)
{
    (void)state;
    struct bench bench = {0};
    journal_factory->journal.commit_ms = 0;
    bench_start(&bench, 1 << 20);
    (void)await_committed(&bench, push(&bench, 100));
    sqlite3 *holder = take_write_lock();
    uint64_t seq = push(&bench, 100);
    recorder_finish(bench.recorder); /* in vain */
    struct ledger_view view;
    ledger_read(bench.parts.ledger, &view);
    assert_int_equal(view.committed, 1);
    assert_true(view.is_journal_ok);
    assert_int_equal(sqlite3_close(holder), SQLITE_OK);
    view = await_committed(&bench, seq);
    assert_true(view.is_journal_ok);
    assert_true(recorder_stop(bench.recorder));
    bench.recorder = NULL;
    bench_end(&bench);
}

static void another_writers_lock_does_not_delay_the_end(void **state)
{
    (void)state;
    struct bench bench = {0};
    journal_factory->journal.commit_ms = 0;
    bench_start(&bench, 1 << 20);
    (void)await_committed(&bench, push(&bench, 100));
    sqlite3 *holder = take_write_lock();
    (void)push(&bench, 100);
    int64_t began_us = clock_monotonic_us();
    recorder_finish(bench.recorder);
    assert_false(recorder_stop(bench.recorder)); /* the sample is lost, and that is told */
    assert_true(clock_monotonic_us() - began_us < 1200000);
    bench.recorder = NULL;
    assert_int_equal(sqlite3_close(holder), SQLITE_OK);
    bench_end(&bench);
}

/* In the midst of the samples. */
static void damage_a_page(void)
{
    static const char zeros[4096];
    int file = open(journal_factory->journal.file, O_WRONLY | O_CLOEXEC);
    assert_int_equal(pwrite(file, zeros, sizeof zeros, (off_t)60 * 4096), sizeof zeros);
    assert_int_equal(close(file), 0);
}

static void a_journal_set_aside_is_announced_with_what_it_lost(void **state)
{
    (void)state;
    struct journal *journal = open_or_fail();
    for (uint64_t seq = 0; seq < 2000; seq += 100) {
        assert_int_equal(append_range(journal, seq + 1, seq + 100, 300), JOURNAL_OK);
    }
    journal_close(journal);
    damage_a_page();
    struct bench bench = {0};
    bench_start(&bench, 1 << 20);
    struct event event = await_event(&bench, "journal-damaged");
    assert_int_equal(strncmp(event.text, "\"file\":\"lab.db.damaged-20", 25), 0);
    event = await_event(&bench, "damaged");
    uint64_t count = count_of(&event);
    assert_true(count > 5 && count < 40); /* one page of rows */
    event = await_event(&bench, "journal-salvaged");
    char expected[64];
    (void)snprintf(expected, sizeof expected, "\"saved\":%" PRIu64 ",\"lost\":%" PRIu64,
                   2000 - count, count);
    assert_non_null(strstr(event.text, expected));
    assert_true(ledger_allowed(bench.parts.ledger) == UINT64_MAX);
    (void)await_committed(&bench, push(&bench, 100));
    uint64_t lost;
    assert_int_equal(account_for(2001, &lost), 2001 - count);
    bench_end(&bench);
}

/* No descriptor is left: not even the lock can be made. */
static void refuse_descriptors(bool is_refused)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = is_refused ? 3 : limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static void numbers_given_without_a_journal_move_behind_it(void **state)
{
    (void)state;
    struct journal *journal = open_or_fail();
    assert_int_equal(append_range(journal, 1, 50, 40), JOURNAL_OK);
    journal_close(journal);
    struct bench bench = {0};
    journal_factory->journal.commit_ms = 0;
    refuse_descriptors(true);
    bench_start(&bench, 1 << 20);
    assert_false(journal_is_open(bench.parts.journal));
    assert_int_equal(ledger_allowed(bench.parts.ledger), 0); /* nothing leaves */
    for (uint64_t seq = 1; seq <= 10; seq++) {
        assert_int_equal(push(&bench, 100), seq); /* nobody knows better */
    }
    await_failing(&bench);
    refuse_descriptors(false);
    struct ledger_view view = await_committed(&bench, 60);
    assert_int_equal(view.acknowledged, 40);
    assert_true(ledger_allowed(bench.parts.ledger) == UINT64_MAX);
    assert_int_equal(push(&bench, 100), 61);
    (void)await_committed(&bench, 61);
    ASSERT_QUERY("select count(*), sum(seq = payload ->> '$.seq'), min(run), max(run)"
                 " from samples where seq > 50",
                 "11|11|9|9\n");
    uint64_t lost;
    assert_int_equal(account_for(61, &lost), 61);
    bench_end(&bench);
}

static void what_is_dropped_after_a_late_opening_has_its_true_number(void **state)
{
    (void)state;
    struct journal *journal = open_or_fail();
    assert_int_equal(append_range(journal, 1, 50, 50), JOURNAL_OK);
    journal_close(journal);
    struct bench bench = {0};
    journal_factory->journal.commit_ms = 0;
    refuse_descriptors(true);
    bench_start(&bench, (size_t)128 << 20); /* the ring is what runs over */
    for (int at = 0; at < 2500; at++) {     /* 80 MB: some go already */
        (void)push(&bench, TEXT_SIZE - TEXT_OFFSET);
    }
    await_failing(&bench);
    refuse_descriptors(false);
    (void)await_committed(&bench, 51);
    refuse_writes(true); /* while most of them are still in hand */
    uint64_t seq = push(&bench, 100);
    await_failing(&bench);
    for (int at = 0; at < 2000; at++) {
        seq = push(&bench, TEXT_SIZE - TEXT_OFFSET);
    }
    refuse_writes(false);
    (void)await_committed(&bench, seq);
    assert_int_equal(seq, 4551);
    uint64_t lost;
    (void)account_for(seq, &lost);
    assert_true(lost > 1000);
    bench_end(&bench);
}

static void what_retention_takes_unsent_is_announced(void **state)
{
    (void)state;
    struct bench bench = {0};
    journal_factory->journal.commit_ms = 0;
    journal_factory->journal.max_age_s = 1; /* after that, too, the clock is believed */
    bench_start(&bench, 1 << 20);
    int64_t now_us = clock_wall_us();
    for (int at = 0; at < 5; at++) {
        (void)push_at(&bench, 100, now_us - INT64_C(7200000000));
    }
    (void)await_committed(&bench, push_at(&bench, 100, now_us + INT64_C(7200000000)));
    for (uint64_t from = 1;
         from <= 5;) { /* in one piece, or in several when commits are slow */
        struct event event = await_event(&bench, "evicted");
        uint64_t count = count_of(&event);
        char expected[EVENT_TEXT_SIZE];
        (void)snprintf(expected, sizeof expected,
                       "\"count\":%" PRIu64 ",\"from\":%" PRIu64 ",\"to\":%" PRIu64
                       ",\"reason\":\"evicted\"",
                       count, from, from + count - 1);
        assert_string_equal(event.text, expected);
        assert_true(count > 0);
        from += count;
    }
    uint64_t lost;
    assert_int_equal(account_for(6, &lost), 1);
    bench_end(&bench);
}

#define MAX_AGE_AHEAD_US INT64_C(3456000000000) /* 40 days; max_age is 30 */

static void a_step_of_the_clock_makes_no_sample_old(void **state)
{
    (void)state;
    struct bench bench = {0};
    journal_factory->journal.commit_ms = 0;
    bench_start(&bench, 1 << 20);
    (void)await_committed(&bench, push(&bench, 100));
    wall_ahead_us = MAX_AGE_AHEAD_US;
    let_pass(2500000); /* two looks at the oldest samples */
    uint64_t seq = push(&bench, 100);
    (void)await_committed(&bench, seq);
    wall_ahead_us = 0;
    uint64_t lost;
    assert_int_equal(account_for(seq, &lost), seq);
    bench_end(&bench);
}

static void a_wrong_clock_at_the_start_ends_no_salvage(void **state)
{
    (void)state;
    struct journal *journal = open_or_fail();
    for (uint64_t seq = 0; seq < 8000; seq += 100) {
        assert_int_equal(append_range(journal, seq + 1, seq + 100, seq + 100), JOURNAL_OK);
    }
    journal_close(journal);
    damage_a_page();
    wall_ahead_us = MAX_AGE_AHEAD_US;
    struct bench bench = {0};
    bench_start(&bench, 1 << 20);
    (void)await_event(&bench, "journal-salvaged");
    wall_ahead_us = 0;
    uint64_t lost;
    assert_true(account_for(8000, &lost) > 7900); /* all acknowledged, and kept all the same */
    bench_end(&bench);
}

static void a_small_journal_makes_room_for_itself(void **state)
{
    (void)state;
    struct bench bench = {0};
    journal_factory->journal.commit_ms = 0;
    journal_factory->journal.max_size_bytes = SMALL_BYTES;
    bench_start(&bench, 1 << 20);
    uint64_t seq = 0;
    for (int at = 0; at < 3000; at++) {
        seq = push(&bench, 1000);
        assert_true(journal_size(bench.parts.journal) <= SMALL_BYTES); /* at any moment */
        if (at % 50 == 0) {
            (void)await_committed(&bench, seq);
        }
    }
    struct ledger_view view = await_committed(&bench, seq);
    assert_true(view.is_journal_ok);
    assert_true(journal_size(bench.parts.journal) <= SMALL_BYTES);
    recorder_stop(bench.recorder);
    bench.recorder = NULL;
    uint64_t lost;
    assert_true(account_for(seq, &lost) > 100);
    bench_end(&bench);
}

/* Opens a reader in the midst of its reading. */
static struct journal_reader *hold_log(void)
{
    struct journal_error error;
    struct journal_reader *reader = journal_reader_open(journal_factory->journal.file, &error);
    assert_non_null(reader);
    struct journal_row row;
    assert_true(journal_reader_seek(reader, 0));
    assert_int_equal(journal_reader_next(reader, &row), JOURNAL_NEXT_ROW);
    return reader;
}

static void what_cannot_be_evicted_is_tried_at_a_calm_pace(void **state)
{
    (void)state;
    enum { AHEAD_US = 50000000, WATCHED_US = 2500000, LOOKS_MAX = 200 };
    struct bench bench = {0};
    journal_factory->journal.commit_ms = 0;
    journal_factory->journal.max_size_bytes = SMALL_BYTES;
    journal_factory->journal.max_age_s = 1;
    struct journal *journal = open_or_fail();
    struct journal_row row = make_row(1, 0, "{}", "");
    row.time_us = clock_wall_us() + AHEAD_US;
    assert_int_equal(journal_begin(journal), JOURNAL_OK);
    assert_int_equal(journal_append(journal, &row), JOURNAL_OK);
    assert_int_equal(journal_commit(journal, 0), JOURNAL_OK);
    journal_close(journal); /* the file has its tables: emptying the log adds little to it */
    bench_start(&bench, 1 << 20);
    struct journal_reader *reader = hold_log();
    while (SMALL_BYTES - journal_size(bench.parts.journal) > SMALL_BYTES / 64) {
        (void)await_committed(&bench, push_at(&bench, 1000, clock_wall_us() + AHEAD_US));
    }
    /* All are old now, nothing is in hand, and a deletion has no room in the log. */
    wall_ahead_us += AHEAD_US + 2000000;
    uint64_t looks_before = looks;
    let_pass(WATCHED_US);
    assert_in_range(looks - looks_before, 1, LOOKS_MAX);
    (void)await_event(&bench, "journal-held"); /* the rest of the house is kept */
    journal_reader_close(reader);
    (void)await_event(&bench, "evicted");
    wall_ahead_us = 0;
    bench_end(&bench);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    (void)signal(SIGXFSZ, SIG_IGN); /* a write beyond the limit shall fail, not kill */
    const struct CMUnitTest tests[] = {
        TEST(all_is_committed_in_order),
        TEST(finish_commits_what_is_in_hand),
        TEST(a_commit_waits_for_its_interval),
        TEST(a_refusing_disk_is_outlived_without_loss),
        TEST(what_memory_cannot_hold_is_counted),
        TEST(finish_does_not_wait_for_a_refusing_disk),
        TEST(another_writers_lock_is_outwaited_in_silence),
        TEST(another_writers_lock_does_not_delay_the_end),
        TEST(a_journal_set_aside_is_announced_with_what_it_lost),
        TEST(numbers_given_without_a_journal_move_behind_it),
        TEST(what_is_dropped_after_a_late_opening_has_its_true_number),
        TEST(what_retention_takes_unsent_is_announced),
        TEST(a_step_of_the_clock_makes_no_sample_old),
        TEST(a_wrong_clock_at_the_start_ends_no_salvage),
        TEST(a_small_journal_makes_room_for_itself),
        TEST(what_cannot_be_evicted_is_tried_at_a_calm_pace),
    };
    return cmocka_run_group_tests_name("recorder", tests, NULL, NULL);
}
