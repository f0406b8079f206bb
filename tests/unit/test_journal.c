/* Claim: what was committed is there, whole, after any end of the process; what is damaged
 * shows; students read the file with the plain sqlite3. */
#include "tests/unit/journal_fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include <sqlite3.h>

static const char payload_full[] =
    "{\"seq\":1,\"run\":7,\"time\":\"2026-11-23T16:20:01.123Z\",\"t\":1795450801123,"
    "\"q\":\"uncertain\",\"spindle_speed\":21.4,\"door_open\":true,\"program\":\"O'"
    "1\\\"\\u0009\","
    "\"energy\":18446744073709551615,\"oil\":null,\"bad\":{\"oil\":\"exception-2\"}}";

static void open_begin(struct journal **journal)
{
    *journal = open_or_fail();
    assert_int_equal(journal_begin(*journal), JOURNAL_OK);
}

static void students_read_one_row_a_tag(void **state)
{
    (void)state;
    struct journal *journal;
    open_begin(&journal);
    struct journal_row row = make_row(1, 0, payload_full, "[\"door_open\"]");
    assert_int_equal(journal_append(journal, &row), JOURNAL_OK);
    row = make_row(2, 1, "{\"seq\":2,\"run\":7,\"door_open\":false,\"energy\":5}", "true");
    assert_int_equal(journal_append(journal, &row), JOURNAL_OK);
    assert_int_equal(journal_commit(journal, 1), JOURNAL_OK);
    ASSERT_QUERY("select * from readings where seq = 1",
                 "1|2026-11-23T16:20:01.123Z|m3_mill|spindle_speed|21.4|good\n"
                 "1|2026-11-23T16:20:01.123Z|m3_mill|door_open|1|uncertain\n"
                 "1|2026-11-23T16:20:01.123Z|m3_mill|program|O'1\"\t|good\n"
                 "1|2026-11-23T16:20:01.123Z|m3_mill|energy|1.84467440737096e+19|good\n"
                 "1|2026-11-23T16:20:01.123Z|m3_mill|oil||bad\n");
    ASSERT_QUERY("select tag, value, quality from readings where machine='u2_meter'",
                 "door_open|0|uncertain\nenergy|5|uncertain\n");
    ASSERT_QUERY(
        "select distinct tag, typeof(value) from readings order by seq limit 5",
        "spindle_speed|real\ndoor_open|integer\nprogram|text\nenergy|real\noil|null\n");
    ASSERT_QUERY("select typeof(seq), typeof(time) from readings limit 1", "integer|text\n");
    char answer[1000];
    query("select payload from samples where seq = 1", answer, sizeof answer);
    assert_memory_equal(answer, payload_full, sizeof payload_full - 1);
    ASSERT_QUERY("select samples.seq, name, area from samples join machines on machines.id ="
                 " samples.machine",
                 "1|m3_mill|machining\n2|u2_meter|utilities\n");
    journal_close(journal);
}

static void a_query_walks_from_the_newest(void **state)
{
    (void)state;
    struct journal *journal = open_or_fail();
    assert_int_equal(append_range(journal, 1, 50, 0), JOURNAL_OK);
    ASSERT_QUERY("select seq, value from readings where machine='m3_mill' and"
                 " tag='spindle_speed' order by seq desc limit 3",
                 "50|500\n48|480\n46|460\n");
    char answer[2000];
    query("explain query plan select time, value from readings where machine='m3_mill' and"
          " tag='spindle_speed' order by seq desc limit 20",
          answer, sizeof answer);
    assert_null(strstr(answer, "TEMP B-TREE")); /* nothing is sorted */
    journal_close(journal);
}

static void a_broken_payload_does_not_break_the_view(void **state)
{
    (void)state;
    struct journal *journal;
    open_begin(&journal);
    struct journal_row row = make_row(1, 0, "{\"seq\":1,\"spin", "");
    assert_int_equal(journal_append(journal, &row), JOURNAL_OK);
    row = make_row(2, 0, "{\"seq\":2,\"energy\":3}", "");
    assert_int_equal(journal_append(journal, &row), JOURNAL_OK);
    assert_int_equal(journal_commit(journal, 0), JOURNAL_OK);
    ASSERT_QUERY("select seq, value from readings", "2|3\n");
    journal_close(journal);
}

static uint64_t count_rows(struct journal_reader *reader)
{
    struct journal_row row;
    uint64_t count = 0;
    bool is_open = journal_reader_seek(reader, 0);
    while (is_open && journal_reader_next(reader, &row) == JOURNAL_NEXT_ROW) {
        count++;
    }
    return count;
}

/* As another user, who may write neither the files nor the folder. */
static uint64_t count_as_nobody(void)
{
    int answer[2];
    assert_int_equal(pipe(answer), 0);
    pid_t child = fork();
    if (child == 0) {
        struct journal_error error;
        (void)!setgid(65534);
        (void)!setuid(65534);
        struct journal_reader *reader =
            journal_reader_open(journal_factory->journal.file, &error);
        uint64_t count = reader == NULL ? 0 : count_rows(reader);
        (void)!write(answer[1], &count, sizeof count);
        _exit(0);
    }
    uint64_t count = 0;
    assert_int_equal(read(answer[0], &count, sizeof count), sizeof count);
    assert_int_equal(waitpid(child, NULL, 0), child);
    (void)close(answer[0]);
    (void)close(answer[1]);
    return count;
}

static void strangers_may_read(void **state)
{
    (void)state;
    assert_int_equal(chmod(fixture_folder, 0755), 0);
    struct journal *journal = open_or_fail();
    assert_int_equal(append_range(journal, 1, 3, 0), JOURNAL_OK);
    assert_int_equal(count_as_nobody(), 3); /* while it is written */
    journal_close(journal);
    assert_int_equal(count_as_nobody(), 3); /* when it is at rest */
    char path[160];
    static const char *const suffixes[] = {"-wal", "-shm"};
    for (size_t at = 0; at < 2; at++) {
        (void)snprintf(path, sizeof path, "%s%s", journal_factory->journal.file, suffixes[at]);
        assert_int_equal(unlink(path), 0);
    }
    assert_int_equal(count_as_nobody(), 3); /* a lone copy */
}

static void a_closed_journal_is_read_by_others(void **state)
{
    (void)state;
    struct journal *journal = open_or_fail();
    assert_int_equal(append_range(journal, 1, 3, 0), JOURNAL_OK);
    journal_close(journal);
    struct stat status;
    assert_int_equal(stat(journal_factory->journal.file, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0644);
    ASSERT_QUERY("select count(*) from samples", "3\n");
    struct journal_error error;
    struct journal_reader *reader = journal_reader_open(journal_factory->journal.file, &error);
    assert_non_null(reader);
    assert_int_equal(count_rows(reader), 3);
    journal_reader_close(reader);
}

static void log_and_index_have_the_mode_too(void **state)
{
    (void)state;
    mode_t before = umask(0077);
    struct journal *journal = open_or_fail();
    assert_int_equal(append_range(journal, 1, 3, 0), JOURNAL_OK);
    static const char *const suffixes[] = {"", "-wal", "-shm", ".lock"};
    for (size_t at = 0; at < 4; at++) {
        char path[160];
        struct stat status;
        (void)snprintf(path, sizeof path, "%s%s", journal_factory->journal.file, suffixes[at]);
        assert_int_equal(stat(path, &status), 0);
        assert_int_equal(status.st_mode & 0777, 0644);
    }
    journal_close(journal);
    (void)umask(before);
}

static void readers_get_rows_in_order_and_gaps(void **state)
{
    (void)state;
    struct journal *journal;
    open_begin(&journal);
    struct journal_row row = make_row(1, 0, payload_full, "[\"door_open\"]");
    assert_int_equal(journal_append(journal, &row), JOURNAL_OK);
    const struct journal_gap lost = {.from = 2, .to = 9, .count = 7, .reason = "disk-full"};
    const struct journal_gap more = {.from = 10, .to = 10, .count = 1, .reason = "disk-full"};
    assert_int_equal(journal_append_gap(journal, &lost), JOURNAL_OK);
    assert_int_equal(journal_append_gap(journal, &more), JOURNAL_OK); /* joins the one before */
    row = make_row(11, 1, "{\"seq\":11}", "");
    assert_int_equal(journal_append(journal, &row), JOURNAL_OK);
    assert_int_equal(journal_commit(journal, 1), JOURNAL_OK);
    struct journal_error error;
    struct journal_reader *reader = journal_reader_open(journal_factory->journal.file, &error);
    assert_non_null(reader);
    assert_true(journal_reader_seek(reader, 0));
    assert_int_equal(journal_reader_next(reader, &row), JOURNAL_NEXT_ROW);
    assert_int_equal(row.seq, 1);
    assert_int_equal(row.run, FIXTURE_RUN);
    assert_int_equal(row.time_us, FIXTURE_TIME_US + 1000000);
    assert_string_equal(row.topic, "machining/m3_mill");
    assert_string_equal(row.name, "m3_mill");
    assert_int_equal(row.payload_length, sizeof payload_full - 1);
    assert_string_equal(row.payload, payload_full);
    assert_string_equal(row.uncertain, "[\"door_open\"]");
    assert_false(row.is_damaged);
    assert_int_equal(journal_reader_next(reader, &row), JOURNAL_NEXT_ROW);
    assert_int_equal(row.seq, 11);
    assert_string_equal(row.topic, "utilities/u2_meter");
    assert_int_equal(journal_reader_next(reader, &row), JOURNAL_NEXT_END);
    assert_string_equal(journal_reader_message(reader), "");
    struct journal_gap gap;
    assert_true(journal_reader_gap(reader, 0, &gap));
    assert_int_equal(gap.from, 2);
    assert_int_equal(gap.to, 10);
    assert_int_equal(gap.count, 8);
    assert_string_equal(gap.reason, "disk-full");
    assert_false(journal_reader_gap(reader, 1, &gap));
    assert_int_equal(journal_reader_last_seq(reader), 11);
    const struct journal_selection meter = {.machine = "u2_meter"};
    assert_true(journal_reader_select(reader, &meter));
    assert_true(journal_reader_seek(reader, 0));
    assert_int_equal(journal_reader_next(reader, &row), JOURNAL_NEXT_ROW);
    assert_int_equal(row.seq, 11);
    const struct journal_selection unknown = {.machine = "m9"};
    assert_false(journal_reader_select(reader, &unknown));
    journal_reader_close(reader);
    journal_close(journal);
}

static void an_ended_reader_lets_the_log_shrink(void **state)
{
    (void)state;
    journal_factory->journal.max_size_bytes = 1 << 20;
    struct journal *journal = open_or_fail();
    struct journal_error error;
    struct journal_reader *reader = journal_reader_open(journal_factory->journal.file, &error);
    assert_int_equal(append_range(journal, 1, 10, 0), JOURNAL_OK);
    struct journal_row row;
    assert_true(journal_reader_seek(reader, 0));
    assert_int_equal(journal_reader_next(reader, &row),
                     JOURNAL_NEXT_ROW); /* holds its transaction open */
    enum journal_status status = JOURNAL_OK;
    uint64_t seq = 10;
    while (status == JOURNAL_OK && seq < 100000) {
        status = append_range(journal, seq + 1, seq + 10, 0);
        seq += 10;
    }
    assert_int_equal(status, JOURNAL_FULL); /* never beyond max_size for a reader's sake */
    assert_non_null(strstr(journal_message(journal), "reader"));
    assert_true(journal_size(journal) <= 1 << 20);
    assert_true(journal_size(journal) > (1 << 20) * 9 / 10);
    journal_reader_reset(reader);
    assert_int_equal(append_range(journal, seq - 9, seq, 0), JOURNAL_OK);
    assert_true(journal_wal_size(journal) < 200000);
    journal_reader_close(reader);
    journal_close(journal);
}

static void numbers_never_come_back(void **state)
{
    (void)state;
    struct journal *journal = open_or_fail();
    uint64_t run;
    assert_int_equal(journal_begin_run(journal, 1000, &run), JOURNAL_OK);
    assert_int_equal(run, 1000);
    assert_int_equal(journal_begin_run(journal, 500, &run),
                     JOURNAL_OK); /* the clock went back */
    assert_int_equal(run, 1001);
    assert_int_equal(append_range(journal, 1, 30, 30), JOURNAL_OK);
    journal_close(journal);
    journal_factory->journal.max_age_s = 1;
    journal = open_or_fail();
    assert_int_equal(journal_last_seq(journal), 30);
    assert_int_equal(journal_cursor(journal), 30);
    struct journal_gap gap = {0};
    bool is_more;
    assert_int_equal(journal_evict(journal, &(struct journal_unsent){.cursor = 30},
                                   FIXTURE_TIME_US + INT64_C(900000000), 100, &gap, &is_more),
                     JOURNAL_OK);
    assert_int_equal(gap.count, 0);
    journal_close(journal);
    ASSERT_QUERY("select count(*) from samples", "0\n");
    journal = open_or_fail();
    assert_int_equal(journal_last_seq(journal), 30);
    assert_int_equal(journal_begin_run(journal, 2000, &run), JOURNAL_OK);
    assert_int_equal(run, 2000);
    journal_close(journal);
}

static void what_was_lost_last_is_not_numbered_again(void **state)
{
    (void)state;
    struct journal *journal;
    open_begin(&journal);
    const struct journal_gap lost = {.from = 1, .to = 9, .count = 9, .reason = "disk-full"};
    assert_int_equal(journal_append_gap(journal, &lost), JOURNAL_OK);
    assert_int_equal(journal_commit(journal, 9), JOURNAL_OK);
    journal_close(journal);
    journal = open_or_fail();
    assert_int_equal(journal_last_seq(journal), 9);
    assert_int_equal(journal_cursor(journal), 9);
    journal_close(journal);
}

static void what_the_broker_refused_is_remembered(void **state)
{
    (void)state;
    uint64_t run;
    struct journal *journal;
    open_begin(&journal);
    const struct journal_gap lost = {.from = 1, .to = 9, .count = 9, .reason = "disk-full"};
    assert_int_equal(journal_append_gap(journal, &lost), JOURNAL_OK);
    journal_park(journal, 3);
    assert_int_equal(journal_commit(journal, 9), JOURNAL_OK);
    assert_int_equal(journal_parked(journal), 3);
    journal_close(journal);
    journal = open_or_fail();
    assert_int_equal(journal_begin_run(journal, 2000, &run), JOURNAL_OK); /* commits as well */
    assert_int_equal(journal_parked(journal), 3);
    journal_close(journal);
    journal = open_or_fail();
    assert_int_equal(journal_parked(journal), 3);
    journal_close(journal);
}

static void a_rolled_back_transaction_leaves_nothing(void **state)
{
    (void)state;
    struct journal *journal;
    open_begin(&journal);
    struct journal_row row = make_row(1, 0, payload_full, "");
    assert_int_equal(journal_append(journal, &row), JOURNAL_OK);
    journal_rollback(journal);
    assert_int_equal(journal_last_seq(journal), 0);
    ASSERT_QUERY("select count(*) from samples", "0\n");
    assert_int_equal(append_range(journal, 1, 2, 1), JOURNAL_OK);
    assert_int_equal(journal_reopen(journal), JOURNAL_OK);
    assert_int_equal(journal_last_seq(journal), 2);
    assert_int_equal(journal_cursor(journal), 1);
    /* A commit that failed while syncing may be there after all: it is written once more. */
    assert_int_equal(append_range(journal, 2, 3, 1), JOURNAL_OK);
    ASSERT_QUERY("select count(*) from samples", "3\n");
    journal_close(journal);
}

static void the_second_writer_is_told_the_first_ones_pid(void **state)
{
    (void)state;
    int ready[2];
    int end[2];
    assert_int_equal(pipe(ready), 0);
    assert_int_equal(pipe(end), 0);
    pid_t holder = fork();
    if (holder == 0) {
        struct journal_error error;
        struct journal *journal = journal_open(journal_factory, &error);
        char byte = journal == NULL ? 'n' : 'y';
        (void)close(end[1]);
        (void)!write(ready[1], &byte, 1);
        (void)!read(end[0], &byte, 1);
        _exit(0); /* without closing: the kernel takes the lock back */
    }
    char byte = 0;
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(byte, 'y');
    struct journal_error error;
    assert_null(journal_open(journal_factory, &error));
    char pid[32];
    (void)snprintf(pid, sizeof pid, "pid %ld ", (long)holder);
    assert_non_null(strstr(error.text, pid));
    (void)close(end[1]);
    assert_int_equal(waitpid(holder, NULL, 0), holder);
    journal_close(open_or_fail()); /* the file that was left behind harms nobody */
    (void)close(end[0]);
    (void)close(ready[0]);
    (void)close(ready[1]);
}

/* Changes the file behind the journal's back, as a tired disk does. */
static void execute(const char *sql)
{
    sqlite3 *database;
    assert_int_equal(sqlite3_open(journal_factory->journal.file, &database), SQLITE_OK);
    assert_int_equal(sqlite3_exec(database, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(database), SQLITE_OK);
}

static size_t count_damaged(void)
{
    struct journal_error error;
    struct journal_reader *reader = journal_reader_open(journal_factory->journal.file, &error);
    assert_non_null(reader);
    struct journal_row row;
    size_t count = 0;
    assert_true(journal_reader_seek(reader, 0));
    while (journal_reader_next(reader, &row) == JOURNAL_NEXT_ROW) {
        count += row.is_damaged ? 1 : 0;
    }
    journal_reader_close(reader);
    return count;
}

static void a_fallen_bit_shows_wherever_it_is(void **state)
{
    (void)state;
    static const char *const changes[] = {
        "update samples set payload = replace(payload, '20', '21') where seq = 2",
        "update samples set uncertain = '[]' where seq = 2",
        "update samples set machine = 2 where seq = 2",
        "update samples set run = run + 1 where seq = 2",
        "update samples set time_us = time_us + 1 where seq = 2",
        "update samples set seq = 9 where seq = 2",
        "update samples set crc = crc + 1 where seq = 2",
        "update samples set payload = null where seq = 2",
    };
    for (size_t at = 0; at < sizeof changes / sizeof changes[0]; at++) {
        struct journal *journal = open_or_fail();
        assert_int_equal(append_range(journal, 1, 3, 0), JOURNAL_OK);
        journal_close(journal);
        assert_int_equal(count_damaged(), 0);
        if (strstr(changes[at], "null") == NULL) { /* the schema itself refuses that one */
            execute(changes[at]);
            assert_int_equal(count_damaged(), 1);
        }
        execute("delete from samples");
    }
    struct journal *journal = open_or_fail();
    assert_int_equal(append_range(journal, 1, 3, 0), JOURNAL_OK);
    journal_close(journal);
    execute("update machines set area = 'nowhere' where name = 'm3_mill'");
    assert_int_equal(count_damaged(), 1);
    journal_close(open_or_fail()); /* the configuration knows better */
    assert_int_equal(count_damaged(), 0);
}

static void a_doubtful_cursor_sends_all_again(void **state)
{
    (void)state;
    struct journal *journal = open_or_fail();
    assert_int_equal(append_range(journal, 1, 9, 4), JOURNAL_OK);
    journal_close(journal);
    execute("update state set value = 6 where name = 'cursor'");
    journal = open_or_fail();
    assert_int_equal(journal_cursor(journal), 0);
    journal_close(journal);
}

static void overwrite(const char *bytes, size_t length, off_t offset)
{
    FILE *file = fopen(journal_factory->journal.file, "r+e");
    if (file == NULL) {
        file = fopen(journal_factory->journal.file, "we");
    }
    assert_non_null(file);
    assert_int_equal(fseeko(file, offset, SEEK_SET), 0);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

static void what_is_no_journal_is_set_aside(void **state)
{
    (void)state;
    for (int at = 0; at < 5; at++) {
        char junk[8192];
        memset(junk, 'x', sizeof junk);
        overwrite(junk, sizeof junk, 0);
        struct journal *journal = open_or_fail();
        assert_non_null(strstr(journal_set_aside(journal), "lab.db.damaged-20"));
        assert_int_equal(access(journal_set_aside(journal), F_OK), 0);
        assert_int_equal(salvage_all(journal), at); /* nothing is legible */
        assert_int_equal(append_range(journal, (uint64_t)at + 1, (uint64_t)at + 1, 0),
                         JOURNAL_OK);
        journal_close(journal);
        struct timespec pause = {.tv_nsec = 2000000}; /* the names carry milliseconds */
        (void)nanosleep(&pause, NULL);
    }
    assert_int_equal(count_files(".damaged-*Z"), 3); /* the newest */
    execute("drop view readings; drop table samples");
    struct journal *journal = open_or_fail();
    assert_string_not_equal(journal_set_aside(journal), "");
    assert_int_equal(salvage_all(journal), 1); /* the others are known to be lost */
    journal_close(journal);
    journal = open_or_fail();
    assert_string_equal(journal_set_aside(journal), "");
    journal_close(journal);
}

static void the_database_of_another_program_is_set_aside(void **state)
{
    (void)state;
    execute("create table recipes(name text); insert into recipes values('bread')");
    struct journal *journal = open_or_fail();
    assert_non_null(strstr(journal_set_aside(journal), "lab.db.damaged-20"));
    sqlite3 *database;
    assert_int_equal(sqlite3_open(journal_set_aside(journal), &database), SQLITE_OK);
    assert_int_equal(sqlite3_exec(database, "select name from recipes", NULL, NULL, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_exec(database, "select seq from samples", NULL, NULL, NULL),
                     SQLITE_ERROR); /* nothing of ours was put in */
    assert_int_equal(sqlite3_close(database), SQLITE_OK);
    journal_close(journal);
}

static void fill(uint64_t cursor)
{
    struct journal *journal = open_or_fail();
    for (uint64_t seq = 0; seq < 2000; seq += 100) {
        assert_int_equal(append_range(journal, seq + 1, seq + 100, cursor), JOURNAL_OK);
    }
    journal_close(journal);
}

static void numbers_go_on_behind_a_damaged_file(void **state)
{
    (void)state;
    struct journal *journal = open_or_fail();
    uint64_t run;
    assert_int_equal(journal_begin_run(journal, 5000, &run), JOURNAL_OK);
    journal_close(journal);
    fill(1500);
    char junk[4096];
    memset(junk, 0x5a, sizeof junk);
    overwrite(junk, sizeof junk, (off_t)60 * 4096); /* one page in the midst of the samples */
    journal = open_or_fail();
    assert_string_not_equal(journal_set_aside(journal), "");
    assert_int_equal(journal_last_seq(journal), 2000);
    assert_int_equal(journal_begin_run(journal, 10, &run), JOURNAL_OK);
    assert_int_equal(run, 5001);
    journal_close(journal);
    journal = open_or_fail(); /* before anything was saved: told again, and done now */
    assert_non_null(strstr(journal_set_aside(journal), "lab.db.damaged-20"));
    assert_int_equal(salvage_all(journal), 0);
    ASSERT_QUERY("select count(*) from samples where seq > 1500", "500\n");
    ASSERT_QUERY("select count(*) > 1900 from samples", "1\n");
    ASSERT_QUERY("select (select count(*) from samples) + sum(count), count(*), min(reason)"
                 " from gaps",
                 "2000|1|damaged\n");
    journal_close(journal);
}

static void what_is_unsent_is_saved_in_order(void **state)
{
    (void)state;
    fill(300);
    char junk[4096];
    memset(junk, 0x5a, sizeof junk);
    overwrite(junk, sizeof junk, (off_t)60 * 4096);
    struct journal *journal = open_or_fail();
    assert_int_equal(journal_cursor(journal), 300);
    assert_int_equal(journal_sendable(journal), 300);
    assert_int_equal(append_range(journal, 2001, 2001, 300), JOURNAL_OK); /* meanwhile */
    uint64_t sendable = 300;
    uint64_t lost = 0;
    struct journal_salvaged salvaged = {.is_done = false};
    while (journal_is_salvaging(journal)) {
        assert_int_equal(journal_salvage(journal, &salvaged), JOURNAL_OK);
        assert_true(journal_sendable(journal) >= sendable);
        sendable = journal_sendable(journal);
        lost += salvaged.lost.count;
    }
    assert_true(salvaged.is_done);
    assert_int_equal(salvaged.saved, 2000 - lost);
    assert_int_equal(salvaged.lost_count, lost);
    assert_true(lost > 5 && lost < 40); /* one page of rows */
    assert_true(sendable == UINT64_MAX);
    struct journal_error error;
    struct journal_reader *reader = journal_reader_open(journal_factory->journal.file, &error);
    assert_int_equal(count_rows(reader), 2001 - lost);
    assert_int_equal(count_damaged(), 0);
    journal_reader_close(reader);
    journal_close(journal);
    assert_int_equal(count_files(".damaged-*Z"), 1);
}

static void what_the_broker_refused_is_saved_with_the_unsent(void **state)
{
    (void)state;
    fill(0);
    struct journal *journal = open_or_fail();
    journal_park(journal, 200);
    assert_int_equal(append_range(journal, 2001, 2001, 1500), JOURNAL_OK);
    journal_close(journal);
    char junk[4096];
    memset(junk, 0x5a, sizeof junk);
    overwrite(junk, sizeof junk, (off_t)60 * 4096); /* among what the cursor has passed */
    journal = open_or_fail();
    assert_int_equal(journal_cursor(journal), 1500);
    assert_int_equal(journal_parked(journal), 200);
    assert_int_equal(journal_sendable(journal), 199);
    uint64_t lost = salvage_all(journal);
    assert_true(lost > 5 && lost < 40); /* they count as unsent, and are announced */
    ASSERT_QUERY("select count(*) + (select sum(count) from gaps) from samples", "2001\n");
    journal_close(journal);
}

/* SQLite ends a log at the first frame that is damaged, and says nothing. */
static void a_log_that_was_cut_is_noticed(void **state)
{
    (void)state;
    static struct copy main_file;
    static struct copy log_file;
    struct journal *journal = open_or_fail();
    assert_int_equal(append_range(journal, 1, 10, 3), JOURNAL_OK);
    assert_int_equal(append_range(journal, 11, 14, 12), JOURNAL_OK);
    copy_file("", "re", &main_file);
    copy_file("-wal", "re", &log_file);
    journal_close(journal);
    copy_file("", "we", &main_file);
    log_file.length -= 4000; /* within the last transaction */
    copy_file("-wal", "we", &log_file);
    journal = open_or_fail();
    assert_string_equal(journal_set_aside(journal), "");
    assert_int_equal(journal_last_seq(journal), 14); /* not given again */
    assert_int_equal(journal_cursor(journal), 3);
    assert_int_equal(journal_lost(journal).count, 2); /* the broker has the others */
    assert_int_equal(journal_lost(journal).from, 13);
    assert_int_equal(journal_lost(journal).to, 14);
    ASSERT_QUERY("select max(seq) from samples", "10\n");
    ASSERT_QUERY("select first, last, count, reason from gaps", "11|14|4|damaged\n");
    journal_close(journal);
    journal = open_or_fail(); /* told once */
    assert_int_equal(journal_lost(journal).count, 0);
    journal_close(journal);
}

static void a_reader_finds_its_way_behind_an_unreadable_page(void **state)
{
    (void)state;
    struct journal *journal = open_or_fail();
    for (uint64_t seq = 0; seq < 2000; seq += 100) {
        assert_int_equal(append_range(journal, seq + 1, seq + 100, 0), JOURNAL_OK);
    }
    journal_close(journal);
    static const char zeros[4096];
    overwrite(zeros, sizeof zeros, (off_t)60 * 4096);
    struct journal_error error;
    struct journal_reader *reader = journal_reader_open(journal_factory->journal.file, &error);
    assert_non_null(reader);
    uint64_t before = count_rows(reader);
    assert_string_not_equal(journal_reader_message(reader), "");
    uint64_t readable = 0;
    assert_false(journal_reader_find_readable(reader, before, before + 2, &readable));
    assert_true(journal_reader_find_readable(reader, before, 2000, &readable));
    assert_true(readable > before + 5 && readable < before + 40); /* one page of rows */
    assert_true(journal_reader_seek(reader, readable - 1));
    struct journal_row row;
    for (uint64_t seq = readable; seq <= 2000; seq++) {
        assert_int_equal(journal_reader_next(reader, &row), JOURNAL_NEXT_ROW);
        assert_int_equal(row.seq, seq);
        assert_false(row.is_damaged);
    }
    assert_int_equal(journal_reader_next(reader, &row), JOURNAL_NEXT_END);
    journal_reader_close(reader);
}

/* The second child of the tree's root becomes its first once more (SQLite file format, 1.6: an
 * interior page has its cells' places from byte 12 on, a cell begins with its child's number).
 */
static void lead_back_to_the_first_page(void)
{
    enum { PAGE = 4096, PLACES = 12, INTERIOR = 5 };
    unsigned char page[PAGE];
    char answer[32];
    query("select rootpage from sqlite_schema where name = 'samples'", answer, sizeof answer);
    off_t root = (off_t)(strtol(answer, NULL, 10) - 1) * PAGE;
    int file = open(journal_factory->journal.file, O_RDONLY | O_CLOEXEC);
    assert_int_equal(pread(file, page, sizeof page, root), PAGE);
    assert_int_equal(close(file), 0);
    assert_int_equal(page[0], INTERIOR);
    size_t first = (size_t)page[PLACES] << 8 | page[PLACES + 1];
    size_t second = (size_t)page[PLACES + 2] << 8 | page[PLACES + 3];
    overwrite((const char *)page + first, sizeof(uint32_t), root + (off_t)second);
}

static void rows_that_run_in_a_circle_are_damage(void **state)
{
    (void)state;
    struct journal *journal = open_or_fail();
    assert_int_equal(append_range(journal, 1, 300, 0), JOURNAL_OK);
    journal_close(journal);
    lead_back_to_the_first_page();
    struct journal_error error;
    struct journal_reader *reader = journal_reader_open(journal_factory->journal.file, &error);
    assert_non_null(reader);
    assert_in_range(count_rows(reader), 1, 100); /* those of the first page, once */
    assert_non_null(strstr(journal_reader_message(reader), "circle"));
    assert_true(journal_reader_is_damage(reader));
    uint64_t readable = 0;
    assert_true(journal_reader_find_readable(reader, 100, 300, &readable)); /* beyond it */
    const struct journal_selection nothing = {.from_us = INT64_MAX - 1};
    assert_true(journal_reader_select(reader, &nothing));
    assert_int_equal(count_rows(reader), 0); /* it ends, though no row stops it */
    assert_true(journal_reader_is_damage(reader));
    journal_reader_close(reader);
}

static void a_newer_journal_is_left_alone(void **state)
{
    (void)state;
    journal_close(open_or_fail());
    execute("pragma user_version = 99");
    struct journal_error error;
    assert_null(journal_open(journal_factory, &error));
    assert_non_null(strstr(error.text, "newer"));
    assert_int_equal(count_files(".damaged-*"), 0);
}

static void a_path_that_cannot_be_is_named(void **state)
{
    (void)state;
    struct journal_error error;
    const char *file = journal_factory->journal.file;
    journal_factory->journal.file = "/nonexistent/lab.db";
    assert_null(journal_open(journal_factory, &error));
    assert_non_null(strstr(error.text, "/nonexistent/lab.db"));
    assert_non_null(strstr(error.text, "No such file"));
    assert_null(journal_reader_open("/nonexistent/lab.db", &error));
    assert_non_null(strstr(error.text, "/nonexistent/lab.db"));
    journal_factory->journal.file = file;
    assert_null(journal_reader_open(file, &error)); /* reading makes no file */
    assert_int_equal(count_files(""), 0);
}

/* Whatever the path names by mistake keeps its mode, and no lock appears beside it. */
static void what_is_no_file_is_left_alone(void **state)
{
    (void)state;
    const char *file = journal_factory->journal.file;
    struct journal_error error;
    struct stat status;
    assert_int_equal(mkdir(file, 0755), 0);
    assert_null(journal_open(journal_factory, &error));
    assert_non_null(strstr(error.text, "directory"));
    assert_int_equal(stat(file, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0755);
    assert_int_equal(count_files("?*"), 0);
    assert_int_equal(rmdir(file), 0);
    char folder[80];
    (void)snprintf(folder, sizeof folder, "%s/", fixture_folder);
    journal_factory->journal.file = folder; /* a folder with its slash has no name of its own */
    assert_null(journal_open(journal_factory, &error));
    journal_factory->journal.file = file;
    assert_int_equal(stat(fixture_folder, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0700);
    char target[80];
    (void)snprintf(target, sizeof target, "%s/map.csv", fixture_folder);
    assert_int_equal(chmod(target, 0600), 0);
    assert_int_equal(symlink(target, file), 0);
    assert_null(journal_open(journal_factory, &error));
    assert_int_equal(stat(target, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_int_equal(count_files("?*"), 0);
}

static void evict_all(struct journal *journal, uint64_t cursor, int64_t now_us,
                      struct journal_gap *gap)
{
    bool is_more = true;
    for (int step = 0; is_more; step++) {
        assert_true(step < 1000);
        assert_int_equal(journal_evict(journal, &(struct journal_unsent){.cursor = cursor},
                                       now_us, 100, gap, &is_more),
                         JOURNAL_OK);
    }
}

static void the_acknowledged_go_first_and_the_rest_is_named(void **state)
{
    (void)state;
    struct journal *journal = open_or_fail();
    assert_int_equal(append_range(journal, 1, 1000, 0), JOURNAL_OK);
    journal_factory->journal.max_age_s = 60;
    struct journal_gap gap = {0};
    /* Row n was taken n seconds after FIXTURE_TIME: n + 60 s is its end. */
    evict_all(journal, 400, FIXTURE_TIME_US + INT64_C(360500000), &gap);
    assert_int_equal(gap.count, 0); /* 1..300, all acknowledged */
    ASSERT_QUERY("select min(seq), count(*) from samples", "301|700\n");
    evict_all(journal, 400, FIXTURE_TIME_US + INT64_C(760500000), &gap);
    assert_int_equal(gap.from, 401); /* 301..700, acknowledged only up to 400 */
    assert_int_equal(gap.to, 700);
    assert_int_equal(gap.count, 300);
    assert_string_equal(gap.reason, "evicted");
    ASSERT_QUERY("select first, last, count, reason from gaps", "401|700|300|evicted\n");
    ASSERT_QUERY("select min(seq) from samples", "701\n");
    evict_all(journal, 400, 0, &gap); /* while the clock is not set nothing is old */
    ASSERT_QUERY("select min(seq) from samples", "701\n");
    journal_close(journal);
}

static void a_hole_is_explained_with_its_reason(void **state)
{
    (void)state;
    struct journal *journal = open_or_fail();
    assert_int_equal(append_range(journal, 1, 100, 0), JOURNAL_OK);
    journal_factory->journal.max_age_s = 60;
    struct journal_gap gap = {0};
    evict_all(journal, 0, FIXTURE_TIME_US + INT64_C(80500000), &gap);
    evict_all(journal, 0, FIXTURE_TIME_US + INT64_C(90500000), &gap);
    journal_close(journal);
    struct journal_error error;
    struct journal_reader *reader = journal_reader_open(journal_factory->journal.file, &error);
    assert_non_null(reader);
    assert_true(
        journal_reader_explains(reader, 2, 30, &gap)); /* two gaps, one behind the other */
    assert_int_equal(gap.from, 2);
    assert_int_equal(gap.to, 30);
    assert_int_equal(gap.count, 29);
    assert_string_equal(gap.reason, "evicted");
    assert_false(journal_reader_explains(reader, 2, 31, &gap));
    journal_reader_close(reader);
}

/* Of the second machine all from 11 on, which the broker refuses. */
static bool meter_waits(void *context, uint64_t seq, const char *topic, size_t length)
{
    assert_true(length > 200);
    (*(unsigned *)context)++;
    return seq >= 11 && strcmp(topic, "utilities/u2_meter") == 0;
}

static void what_waits_refused_is_named_when_it_goes(void **state)
{
    (void)state;
    struct journal *journal = open_or_fail();
    assert_int_equal(append_range(journal, 1, 100, 50), JOURNAL_OK);
    journal_factory->journal.max_age_s = 60;
    unsigned asked = 0;
    const struct journal_unsent unsent = {
        .cursor = 50, .is_waiting = meter_waits, .context = &asked};
    struct journal_gap gap = {0};
    bool is_more;
    assert_int_equal(journal_evict(journal, &unsent, FIXTURE_TIME_US + INT64_C(100500000), 100,
                                   &gap, &is_more),
                     JOURNAL_OK);
    ASSERT_QUERY("select min(seq) from samples", "41\n");
    assert_int_equal(asked, 40);
    assert_int_equal(gap.from, 11);
    assert_int_equal(gap.to, 39);
    assert_int_equal(gap.count, 15); /* the odd ones */
    journal_close(journal);
}

static void an_unset_clock_makes_no_sample_old(void **state)
{
    (void)state;
    struct journal *journal;
    open_begin(&journal);
    struct journal_row row = make_row(1, 0, payload_full, "");
    row.time_us = 5000000; /* 1970 */
    assert_int_equal(journal_append(journal, &row), JOURNAL_OK);
    assert_int_equal(journal_commit(journal, 0), JOURNAL_OK);
    assert_int_equal(append_range(journal, 2, 9, 0), JOURNAL_OK);
    journal_factory->journal.max_age_s = 60;
    struct journal_gap gap = {0};
    evict_all(journal, 0, FIXTURE_TIME_US + 1000000, &gap);
    ASSERT_QUERY("select count(*) from samples", "9\n");
    evict_all(journal, 0, FIXTURE_TIME_US + 63500000, &gap); /* 2 and 3 are old, so 1 is too */
    assert_int_equal(gap.from, 1);
    assert_int_equal(gap.to, 3);
    journal_close(journal);
}

static void a_doubted_clock_makes_no_sample_old(void **state)
{
    (void)state;
    struct journal *journal = open_or_fail();
    assert_int_equal(append_range(journal, 1, 9, 9), JOURNAL_OK);
    journal_factory->journal.max_age_s = 60;
    struct journal_gap gap = {0};
    journal_doubt_clock(journal, true);
    evict_all(journal, 9, FIXTURE_TIME_US + INT64_C(3456000000000), &gap); /* 40 days later */
    ASSERT_QUERY("select count(*) from samples", "9\n");
    journal_doubt_clock(journal, false);
    evict_all(journal, 9, FIXTURE_TIME_US + INT64_C(3456000000000), &gap);
    ASSERT_QUERY("select count(*) from samples", "0\n");
    journal_close(journal);
}

static void the_file_stays_below_its_size(void **state)
{
    (void)state;
    journal_factory->journal.max_size_bytes = SMALL_BYTES;
    journal_factory->journal.max_age_s = 1000000000;
    struct journal *journal = open_or_fail();
    struct journal_gap gap = {0};
    for (uint64_t seq = 0; seq < 10000; seq += 20) {
        enum journal_status status = append_range(journal, seq + 1, seq + 20, seq / 2);
        assert_int_equal(status, JOURNAL_OK);
        evict_all(journal, seq / 2, FIXTURE_TIME_US, &gap);
        assert_true(journal_size(journal) <= SMALL_BYTES);
    }
    assert_true(gap.count > 1000);
    assert_true(gap.count <= gap.to - gap.from + 1);
    char expected[100];
    (void)snprintf(expected, sizeof expected, "%" PRIu64 "|%" PRIu64 "\n", gap.to, gap.count);
    ASSERT_QUERY("select max(last), sum(count) from gaps", expected);
    ASSERT_QUERY("select count(*) from samples where seq <= (select max(last) from gaps)",
                 "0\n");
    ASSERT_QUERY("pragma integrity_check", "ok\n");
    journal_close(journal);
}

/* Two rows a page, nothing sent: what goes must not be much more than the room asks for. */
static void a_small_journal_of_large_samples_keeps_what_fits(void **state)
{
    (void)state;
    journal_factory->journal.max_size_bytes = SMALL_BYTES;
    struct journal *journal = open_or_fail();
    char payload[1900];
    (void)snprintf(payload, sizeof payload, "{\"program\":\"%01800d\"}", 0); /* 60 tags */
    struct journal_gap gap = {0};
    uint64_t seq = 0;
    while (seq < 2000) {
        assert_int_equal(journal_begin(journal), JOURNAL_OK);
        for (unsigned at = 0; at < 7; at++) {
            struct journal_row row = make_row(++seq, 0, payload, "");
            assert_int_equal(journal_append(journal, &row), JOURNAL_OK);
        }
        assert_int_equal(journal_commit(journal, 0), JOURNAL_OK);
        evict_all(journal, 0, FIXTURE_TIME_US, &gap);
        assert_true(journal_size(journal) <= SMALL_BYTES);
        assert_true(gap.count == 0 || seq - gap.count > 160);
    }
    assert_true(gap.count > 1000);
    journal_close(journal);
}

static void beyond_the_quota_it_says_full_and_heals(void **state)
{
    (void)state;
    journal_factory->journal.max_size_bytes = SMALL_BYTES;
    struct journal *journal = open_or_fail();
    enum journal_status status = JOURNAL_OK;
    uint64_t seq = 0;
    while (status == JOURNAL_OK && seq < 100000) {
        status = append_range(journal, seq + 1, seq + 20, 0);
        seq += status == JOURNAL_OK ? 20 : 0;
    }
    assert_int_equal(status, JOURNAL_FULL);
    assert_int_equal(journal_last_seq(journal), seq);
    struct journal_gap gap = {0};
    evict_all(journal, 0, FIXTURE_TIME_US, &gap);
    assert_true(gap.count > 0);
    assert_int_equal(append_range(journal, seq + 1, seq + 20, 0), JOURNAL_OK);
    journal_close(journal);
}

static void topics_that_left_are_found_once(void **state)
{
    (void)state;
    journal_close(open_or_fail());
    size_t machines = journal_factory->machines_count;
    journal_factory->machines_count = 1; /* u2_meter has left */
    struct journal *journal = open_or_fail();
    size_t count;
    char **topics = journal_obsolete_topics(journal, &count);
    assert_int_equal(count, 3 + 2 * 4);
    assert_string_equal(topics[0], "utilities/u2_meter/info");
    assert_string_equal(topics[count - 1], "utilities/u2_meter/status");
    free(topics);
    journal_close(journal);
    journal = open_or_fail(); /* not yet cleared: found again */
    free(journal_obsolete_topics(journal, &count));
    assert_int_equal(count, 11);
    assert_int_equal(journal_forget_obsolete(journal), JOURNAL_OK);
    assert_null(journal_obsolete_topics(journal, &count));
    assert_int_equal(count, 0);
    journal_close(journal);
    journal_factory->machines_count = machines;
}

/* A child appends and says through a pipe what was committed; it is killed at any moment. */
static void append_for_ever(int told, uint64_t seq)
{
    struct journal_error error;
    struct journal *journal = journal_open(journal_factory, &error);
    while (journal != NULL) {
        if (append_range(journal, seq + 1, seq + 5, seq / 2) != JOURNAL_OK) {
            break;
        }
        seq += 5;
        if (write(told, &seq, sizeof seq) != sizeof seq) {
            break;
        }
    }
    _exit(1);
}

static void kill_9_takes_nothing_that_was_committed(void **state)
{
    (void)state;
    uint64_t last = 0;
    unsigned random = 12345;
    for (int round = 0; round < 20; round++) {
        int told[2];
        assert_int_equal(pipe(told), 0);
        pid_t child = fork();
        if (child == 0) {
            (void)close(told[0]);
            append_for_ever(told[1], last);
        }
        (void)close(told[1]);
        uint64_t seq = last;
        random = random * 1103515245 + 12345;
        for (unsigned commits = random >> 16 & 63; commits > 0; commits--) {
            assert_int_equal(read(told[0], &seq, sizeof seq), sizeof seq);
        }
        struct timespec pause = {.tv_nsec = (long)(random % 2000) * 1000};
        (void)nanosleep(&pause, NULL); /* the moment is the test */
        (void)kill(child, SIGKILL);
        assert_int_equal(waitpid(child, NULL, 0), child);
        while (read(told[0], &seq, sizeof seq) == sizeof seq) {
        }
        (void)close(told[0]);
        struct journal *journal = open_or_fail();
        assert_string_equal(journal_set_aside(journal), "");
        assert_true(journal_last_seq(journal) >= seq);
        last = journal_last_seq(journal);
        char expected[100];
        (void)snprintf(expected, sizeof expected, "%" PRIu64 "|%" PRIu64 "\n", last, last);
        ASSERT_QUERY("select count(*), max(seq) from samples", last == 0 ? "0|\n" : expected);
        journal_close(journal);
    }
    assert_true(last > 100);
    assert_int_equal(count_damaged(), 0);
    ASSERT_QUERY("pragma integrity_check", "ok\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(students_read_one_row_a_tag),
        TEST(a_query_walks_from_the_newest),
        TEST(a_broken_payload_does_not_break_the_view),
        TEST(strangers_may_read),
        TEST(a_closed_journal_is_read_by_others),
        TEST(log_and_index_have_the_mode_too),
        TEST(readers_get_rows_in_order_and_gaps),
        TEST(an_ended_reader_lets_the_log_shrink),
        TEST(numbers_never_come_back),
        TEST(what_was_lost_last_is_not_numbered_again),
        TEST(what_the_broker_refused_is_remembered),
        TEST(a_rolled_back_transaction_leaves_nothing),
        TEST(the_second_writer_is_told_the_first_ones_pid),
        TEST(a_fallen_bit_shows_wherever_it_is),
        TEST(a_doubtful_cursor_sends_all_again),
        TEST(the_database_of_another_program_is_set_aside),
        TEST(what_is_no_journal_is_set_aside),
        TEST(numbers_go_on_behind_a_damaged_file),
        TEST(what_is_unsent_is_saved_in_order),
        TEST(what_the_broker_refused_is_saved_with_the_unsent),
        TEST(a_log_that_was_cut_is_noticed),
        TEST(a_newer_journal_is_left_alone),
        TEST(a_path_that_cannot_be_is_named),
        TEST(what_is_no_file_is_left_alone),
        TEST(the_acknowledged_go_first_and_the_rest_is_named),
        TEST(a_hole_is_explained_with_its_reason),
        TEST(what_waits_refused_is_named_when_it_goes),
        TEST(an_unset_clock_makes_no_sample_old),
        TEST(a_doubted_clock_makes_no_sample_old),
        TEST(the_file_stays_below_its_size),
        TEST(a_small_journal_of_large_samples_keeps_what_fits),
        TEST(a_reader_finds_its_way_behind_an_unreadable_page),
        TEST(rows_that_run_in_a_circle_are_damage),
        TEST(beyond_the_quota_it_says_full_and_heals),
        TEST(topics_that_left_are_found_once),
        TEST(kill_9_takes_nothing_that_was_committed),
    };
    return cmocka_run_group_tests_name("journal", tests, NULL, NULL);
}
