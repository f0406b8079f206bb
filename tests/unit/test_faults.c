/* Claim: whatever operation on the disk fails, and wherever the power goes out, the journal
 * opens again, what was committed is there, nothing is wrong, and no number is given twice.
 *
 * FORMLAB_FAULTS=N plays every operation of every scenario, with N seeds of power cuts; without
 * it, a part that takes some seconds. */
#include "tests/unit/fault_vfs.h"
#include "tests/unit/journal_fixture.h"

#include <sqlite3.h>

enum { ROWS_MAX = 4096, BATCH = 4, TRIES = 4 };

/* What was promised. */
static struct {
    uint64_t next;             /* the next seq to give */
    uint64_t committed;        /* all up to here are */
    uint64_t cursor;           /* the highest that was given to a commit */
    uint64_t evicted;          /* acknowledged ones up to here may be gone */
    uint64_t run;              /* the highest that was given */
    bool is_missing[ROWS_MAX]; /* what nobody can read */
} promise;

static unsigned seeds; /* of power cuts; 0: the short part */
static unsigned long played;

static const char *context = "";

static void check(bool is_so, const char *text)
{
    if (!is_so) {
        fail_msg("%s, operation %u (%s), effect %d, seed %u: %s", context, fault.at,
                 fault.is_sticky ? "and all behind" : "once", (int)fault.effect, fault.seed,
                 text);
    }
}

#define CHECK(condition) check((condition), #condition)

/* ---- files ---- */

static void remove_matching(const char *name)
{
    char pattern[128];
    glob_t found;
    (void)snprintf(pattern, sizeof pattern, "%s/%s", fixture_folder, name);
    /* One thread. NOLINTNEXTLINE(concurrency-mt-unsafe) */
    (void)glob(pattern, 0, NULL, &found);
    for (size_t at = 0; at < found.gl_pathc; at++) {
        (void)fault_real_unlink(found.gl_pathv[at]);
    }
    globfree(&found);
}

static void remove_files(void)
{
    remove_matching("lab.db*");
    remove_matching(".grave*");
}

/* ---- scenarios ---- */

static void make_payload(uint64_t seq, char payload[static 300])
{
    (void)snprintf(payload, 300,
                   "{\"seq\":%" PRIu64 ",\"run\":7,\"spindle_speed\":%" PRIu64
                   ",\"program\":\"%0200d\"}",
                   seq, seq * 10, 0);
}

/* As the recorder does: what fails is tried again, on a new connection or with more room. */
static enum journal_status recover(struct journal *journal, enum journal_status status)
{
    if (status != JOURNAL_FULL || !journal_is_open(journal)) {
        return journal_reopen(journal);
    }
    struct journal_gap gap = {0};
    bool is_more;
    promise.evicted = promise.committed;
    status = journal_make_room(journal);
    return status == JOURNAL_OK
               ? journal_evict(journal, &(struct journal_unsent){.cursor = promise.cursor},
                               FIXTURE_TIME_US, 100, &gap, &is_more)
               : status;
}

static bool write_batch(struct journal *journal)
{
    uint64_t to = promise.next + BATCH - 1;
    uint64_t cursor = promise.next > 6 ? promise.next - 6 : promise.cursor;
    cursor = cursor > promise.cursor ? cursor : promise.cursor;
    for (int attempt = 0; attempt < TRIES && !fault.is_dark; attempt++) {
        promise.cursor = cursor; /* found there even when the commit failed */
        enum journal_status status = append_range(journal, promise.next, to, cursor);
        if (status == JOURNAL_OK) {
            promise.committed = to;
            promise.next = to + 1;
            return true;
        }
        journal_rollback(journal);
        (void)recover(journal, status);
    }
    return false;
}

static struct journal *start(void)
{
    struct journal_error error;
    struct journal *journal = journal_open(journal_factory, &error);
    for (int attempt = 0; journal != NULL && attempt < TRIES && !journal_is_open(journal);
         attempt++) {
        (void)journal_reopen(journal);
    }
    if (journal == NULL || !journal_is_open(journal)) {
        CHECK(fault.struck > 0);
        journal_close(journal);
        return NULL;
    }
    uint64_t run;
    (void)journal_begin_run(journal, 100, &run);
    CHECK(run > promise.run);
    promise.run = run;
    CHECK(journal_last_seq(journal) >= promise.committed);
    promise.next = journal_last_seq(journal) + 1;
    return journal;
}

static void age(struct journal *journal)
{
    struct journal_gap gap = {0};
    bool is_more;
    uint64_t to = promise.committed / 2;
    promise.evicted = to > promise.evicted ? to : promise.evicted;
    (void)journal_evict(journal, &(struct journal_unsent){.cursor = promise.cursor},
                        FIXTURE_TIME_US +
                            (int64_t)(to + journal_factory->journal.max_age_s) * 1000000,
                        100, &gap, &is_more);
}

static void live_once(struct journal *journal, bool is_reopened)
{
    for (int batch = 0; batch < 5 && !fault.is_dark; batch++) {
        (void)write_batch(journal);
        if (batch == 2) {
            age(journal);
        } else if (batch == 3 && is_reopened) {
            (void)journal_reopen(journal); /* checkpoints too */
        }
    }
    (void)journal_forget_obsolete(journal);
    journal_keep_ballast(journal);
}

static void live(void)
{
    for (int round = 0; round < 3 && !fault.is_dark; round++) {
        struct journal *journal = start();
        if (journal == NULL) {
            return;
        }
        live_once(journal, round == 1);
        journal_close(journal);
    }
}

static struct copy old_file;
static struct copy old_lock;

static void put_old(void)
{
    copy_file("", "we", &old_file);
    copy_file(".lock", "we", &old_lock);
}

static void save_once(struct journal *journal)
{
    struct journal_salvaged salvaged = {.is_done = false};
    (void)write_batch(journal);
    for (int step = 0; step < 60 && !fault.is_dark && journal_is_salvaging(journal); step++) {
        if (journal_salvage(journal, &salvaged) != JOURNAL_OK) {
            (void)journal_reopen(journal);
        }
        if (step == 1) {
            (void)write_batch(journal);
        }
    }
}

static void save(void)
{
    for (int round = 0; round < 2 && !fault.is_dark; round++) {
        struct journal *journal = start();
        if (journal == NULL) {
            return;
        }
        save_once(journal);
        journal_close(journal);
    }
}

/* ---- afterwards ---- */

static void check_sound(void)
{
    sqlite3 *database;
    sqlite3_stmt *statement;
    CHECK(sqlite3_open(journal_factory->journal.file, &database) == SQLITE_OK);
    CHECK(sqlite3_prepare_v2(database, "pragma integrity_check", -1, &statement, NULL) ==
          SQLITE_OK);
    CHECK(sqlite3_step(statement) == SQLITE_ROW);
    CHECK(strcmp((const char *)sqlite3_column_text(statement, 0), "ok") == 0);
    CHECK(sqlite3_finalize(statement) == SQLITE_OK);
    CHECK(sqlite3_close(database) == SQLITE_OK);
}

static bool is_excused(struct journal_reader *reader, uint64_t seq)
{
    bool is_evicted = seq <= promise.evicted && seq <= promise.cursor;
    struct journal_gap gap;
    bool is_named = journal_reader_explains(reader, seq, seq, &gap);
    return is_evicted || (is_named && (seq <= promise.evicted || promise.is_missing[seq]));
}

static void check_rows(void)
{
    struct journal_error error;
    struct journal_reader *reader = journal_reader_open(journal_factory->journal.file, &error);
    CHECK(reader != NULL);
    static bool is_there[ROWS_MAX];
    memset(is_there, 0, sizeof is_there);
    struct journal_row row;
    CHECK(journal_reader_seek(reader, 0));
    while (journal_reader_next(reader, &row) == JOURNAL_NEXT_ROW) {
        char payload[300];
        CHECK(!row.is_damaged);
        CHECK(row.seq < ROWS_MAX);
        make_payload(row.seq, payload);
        CHECK(strcmp(row.payload, payload) == 0);
        is_there[row.seq] = true;
    }
    CHECK(journal_reader_message(reader)[0] == '\0');
    journal_reader_reset(reader);
    for (uint64_t seq = 1; seq <= promise.committed; seq++) {
        CHECK(is_there[seq] || is_excused(reader, seq));
    }
    journal_reader_close(reader);
}

static void check_all(size_t set_aside_max)
{
    fault.kinds = 0;
    struct journal *journal = start();
    CHECK(journal != NULL);
    CHECK(journal_lost(journal).count == 0);
    CHECK(journal_cursor(journal) <= promise.cursor);
    (void)salvage_all(journal);
    CHECK(write_batch(journal));
    journal_close(journal);
    check_sound();
    check_rows();
    CHECK(count_files(".draft*") == 0);
    CHECK(count_files(".next-*") == 0);
    CHECK(count_files(".damaged-*Z") <= set_aside_max);
}

/* ---- the loops ---- */

struct scenario {
    const char *name;
    void (*prepare)(void);
    void (*play)(void);
    size_t set_aside_max;
};

/* As the disk is before, and what was promised of it. */
static void prepare(const struct scenario *scenario)
{
    bool is_missing[ROWS_MAX];
    memcpy(is_missing, promise.is_missing, sizeof is_missing);
    memset(&promise, 0, sizeof promise);
    memcpy(promise.is_missing, is_missing, sizeof is_missing);
    remove_files();
    if (scenario->prepare != NULL) {
        promise.committed = 400;
        promise.cursor = 150;
        scenario->prepare();
    }
}

/* The power comes back; with an odd seed it goes out once more at the first start. */
static void come_back(const struct scenario *scenario)
{
    fault_restore_power();
    if (fault.seed % 2 == 0) {
        return;
    }
    fault_arm(FAULT_ANY, 1 + fault_random(60), false, FAULT_POWER);
    scenario->play();
    if (fault_disarm()) {
        fault_restore_power();
    }
}

/* Returns whether there was such an operation. */
static bool play_once(const struct scenario *scenario, unsigned at, bool is_sticky,
                      enum fault_effect effect, uint32_t seed)
{
    prepare(scenario);
    context = scenario->name;
    fault_begin(fixture_folder, seed);
    fault.is_all_lost = seed == 0;
    fault_arm(FAULT_ANY, at, is_sticky, effect);
    scenario->play();
    bool is_struck = fault_disarm();
    if (effect == FAULT_POWER && is_struck) {
        come_back(scenario);
    }
    fault_forget_images();
    fault.folder[0] = '\0';
    check_all(scenario->set_aside_max);
    played++;
    return is_struck;
}

/* Every operation, or in the short part one of many. */
static void play_turn(const struct scenario *scenario, enum fault_effect effect, unsigned turn)
{
    enum { STRIDE = 29 };
    unsigned stride = seeds > 0 ? 1 : STRIDE;
    bool is_power = effect == FAULT_POWER;
    unsigned at = 1 + turn % stride;
    while (play_once(scenario, at, !is_power && turn == 1, effect, is_power ? turn : 1)) {
        at += stride;
    }
}

static void play_all(const struct scenario *scenario)
{
    enum { TURNS = 2 };                                 /* once, and for ever */
    (void)play_once(scenario, 0, false, FAULT_FULL, 0); /* without any fault */
    for (enum fault_effect effect = 0; effect < FAULT_EFFECTS_COUNT; effect++) {
        unsigned turns = effect == FAULT_POWER && seeds > 0 ? seeds : TURNS;
        for (unsigned turn = 0; turn < turns; turn++) {
            play_turn(scenario, effect, turn);
        }
    }
}

static void any_failure_in_a_journals_life_is_outlived(void **state)
{
    (void)state;
    static const struct scenario scenario = {"life", NULL, live, 0};
    memset(&promise, 0, sizeof promise);
    play_all(&scenario);
}

/* 400 rows, 150 acknowledged, one page of them gone. */
static void make_damaged(void)
{
    remove_files();
    struct journal *journal = open_or_fail();
    for (uint64_t seq = 0; seq < 400; seq += 50) {
        assert_int_equal(append_range(journal, seq + 1, seq + 50, 150), JOURNAL_OK);
    }
    journal_close(journal);
    copy_file("", "re", &old_file);
    copy_file(".lock", "re", &old_lock);
    memset(old_file.bytes + (size_t)30 * 4096, 0, 4096);
}

static void any_failure_while_a_damaged_journal_is_saved_is_outlived(void **state)
{
    (void)state;
    static const struct scenario scenario = {"salvage", put_old, save, 3};
    make_damaged();
    put_old();
    struct journal *journal = open_or_fail();
    (void)salvage_all(journal);
    journal_close(journal);
    struct journal_error error;
    struct journal_reader *reader = journal_reader_open(journal_factory->journal.file, &error);
    memset(promise.is_missing, 0, sizeof promise.is_missing);
    unsigned missing = 0;
    for (uint64_t seq = 1; seq <= 400; seq++) {
        struct journal_gap gap;
        promise.is_missing[seq] = journal_reader_explains(reader, seq, seq, &gap);
        missing += promise.is_missing[seq] ? 1 : 0;
    }
    journal_reader_close(reader);
    assert_true(missing > 5 && missing < 40);
    play_all(&scenario);
}

static void any_failure_of_a_migration_is_outlived(void **state)
{
    (void)state;
    static const struct scenario scenario = {"migration", put_old, live, 0};
    memset(&promise, 0, sizeof promise);
    struct journal *journal = open_or_fail();
    for (uint64_t seq = 0; seq < 400; seq += 50) {
        assert_int_equal(append_range(journal, seq + 1, seq + 50, 150), JOURNAL_OK);
    }
    journal_close(journal);
    sqlite3 *database;
    assert_int_equal(sqlite3_open(journal_factory->journal.file, &database), SQLITE_OK);
    assert_int_equal(sqlite3_exec(database,
                                  "drop table salvage; pragma user_version = 1;"
                                  "pragma wal_checkpoint(truncate)",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_close(database), SQLITE_OK);
    copy_file("", "re", &old_file);
    copy_file(".lock", "re", &old_lock);
    play_all(&scenario);
}

static int tell(void **state)
{
    (void)state;
    (void)fprintf(stderr, "%lu runs\n", played);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    /* One thread. NOLINTNEXTLINE(concurrency-mt-unsafe) */
    const char *wanted = getenv("FORMLAB_FAULTS");
    seeds = wanted != NULL ? (unsigned)strtoul(wanted, NULL, 10) : 0;
    const struct CMUnitTest tests[] = {
        TEST(any_failure_in_a_journals_life_is_outlived),
        TEST(any_failure_while_a_damaged_journal_is_saved_is_outlived),
        TEST(any_failure_of_a_migration_is_outlived),
    };
    fault_install();
    return cmocka_run_group_tests_name("faults", tests, NULL, tell);
}
