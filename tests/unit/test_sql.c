/* What SQLite says arrives in few words, and nothing lasts longer than it was told. */

#include "gateway/clock.h"
#include "gateway/sql.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define ENDLESS "with recursive n(i) as (select 1 union all select i + 1 from n) "

static char folder[32];
static char file[64];

static void write_file(const char *text)
{
    FILE *stream = fopen(file, "we");
    assert_non_null(stream);
    assert_true(fputs(text, stream) >= 0);
    assert_int_equal(fclose(stream), 0);
}

static struct sql *open_or_fail(enum sql_access access)
{
    struct sql *sql = sql_open(file, access);
    assert_string_equal(sql_message(sql), "");
    assert_int_equal(sql_status(sql), SQL_DONE);
    return sql;
}

static int setup(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof folder, "/tmp/formlab-test-XXXXXX");
    assert_non_null(mkdtemp(folder));
    (void)snprintf(file, sizeof file, "%s/a?%%41#.db", folder); /* hard for an URI */
    write_file("");
    struct sql *sql = open_or_fail(SQL_WRITE);
    assert_int_equal(sql_execute(sql, "pragma journal_mode = wal; create table t(a, b);"
                                      "insert into t values(1, 'one'), (2, null)"),
                     SQL_DONE);
    sql_checkpoint(sql, SQL_EMPTY_LOG);
    sql_close(sql);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    for (size_t at = 0; at < 3; at++) {
        char name[80];
        (void)snprintf(name, sizeof name, "%s%s", file, suffixes[at]);
        (void)unlink(name); /* not every test has left all */
    }
    return rmdir(folder);
}

static void failures_have_a_word_and_a_reason(void **state)
{
    (void)state;
    struct sql *sql = open_or_fail(SQL_WRITE);
    assert_int_equal(sql_execute(sql, "select a from nowhere"), SQL_UNFIT);
    assert_string_equal(sql_message(sql), "no such table: nowhere");
    assert_int_equal(sql_execute(sql, "select a from t"), SQL_DONE);
    assert_string_equal(sql_message(sql), "");
    assert_int_equal(sql_execute(sql, "pragma max_page_count = 3;"
                                      "insert into t values(3, zeroblob(100000))"),
                     SQL_FULL);
    sql_close(sql);
    sql = open_or_fail(SQL_READ);
    assert_int_equal(sql_execute(sql, "delete from t"), SQL_DENIED);
    sql_close(sql);
    write_file(
        "Certainly no database, but longer than the hundred bytes of the header that every"
        " database begins with.");
    sql = open_or_fail(SQL_READ);
    assert_int_equal(sql_ask(sql, "select count(*) from sqlite_schema", -1), -1);
    assert_int_equal(sql_status(sql), SQL_DAMAGED);
    sql_close(sql);
    assert_int_equal(unlink(file), 0);
    sql = sql_open(file, SQL_WRITE); /* makes no file */
    assert_int_equal(sql_status(sql), SQL_DENIED);
    assert_non_null(strstr(sql_message(sql), "No such file"));
    sql_close(sql);
}

static void questions_have_a_number_or_none(void **state)
{
    (void)state;
    struct sql *sql = open_or_fail(SQL_READ);
    assert_int_equal(sql_ask(sql, "select max(a) from t", -1), 2);
    assert_int_equal(sql_ask(sql, "select a from t where a = 9", -1), -1);
    assert_int_equal(sql_status(sql), SQL_DONE); /* no row is no failure */
    assert_int_equal(sql_ask(sql, "select b from t", -1), -1);
    assert_true(sql_agrees(sql, "select b from t where a = 1", "one"));
    assert_false(sql_agrees(sql, "select b from t order by a", "one"));
    assert_true(sql_agrees(sql, "select b from nowhere", "one"));
    assert_int_equal(sql_status(sql), SQL_UNFIT);
    sql_close(sql);
}

static void statements_come_from_tables(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "insert into t values(?1, ?2)",
        "select a, b from t where a >= ?1 order by a",
    };
    struct sql *sql = open_or_fail(SQL_WRITE);
    struct sql_statements *statements = sql_prepare(sql, texts, 2);
    assert_non_null(statements);
    sql_bind_number(statements, 0, 1, INT64_MAX);
    sql_bind_text(statements, 0, 2, "much more", 4);
    assert_int_equal(sql_run(statements, 0), SQL_DONE);
    sql_bind_number(statements, 1, 1, 2);
    size_t length;
    for (unsigned round = 0; round < 2; round++) { /* its end resets it, its bindings stay */
        assert_int_equal(sql_step(statements, 1), SQL_ROW);
        assert_int_equal(sql_number(statements, 1, 0), 2);
        assert_string_equal(sql_text(statements, 1, 1, &length), "");
        assert_int_equal(length, 0);
        assert_int_equal(sql_step(statements, 1), SQL_ROW);
        assert_int_equal(sql_number(statements, 1, 0), INT64_MAX);
        assert_string_equal(sql_text(statements, 1, 1, &length), "much");
        assert_int_equal(length, 4);
        assert_int_equal(sql_step(statements, 1), SQL_DONE);
    }
    static const char *const unfit[] = {"select a from t", "select c from t"};
    assert_null(sql_prepare(sql, unfit, 2));
    assert_int_equal(sql_status(sql), SQL_UNFIT);
    sql_close(sql); /* with all of them */
    sql_bind_number(NULL, 1, 1, 2);
    sql_bind_text(NULL, 1, 2, "none", 4);
    assert_int_equal(sql_step(NULL, 1), SQL_FAILED);
    assert_int_equal(sql_run(NULL, 1), SQL_FAILED);
    sql_reset(NULL, 1);
}

static void a_deadline_ends_what_would_not_end(void **state)
{
    (void)state;
    struct sql *sql = open_or_fail(SQL_READ);
    sql_set_deadline(sql, clock_monotonic_us() + 20000);
    assert_int_equal(sql_execute(sql, ENDLESS "select count(*) from n"), SQL_FAILED);
    sql_set_deadline(sql, 0);
    assert_int_equal(sql_execute(sql, ENDLESS "select i from n limit 100000"), SQL_DONE);
    sql_close(sql);
}

static void what_is_rolled_back_leaves_the_reason(void **state)
{
    (void)state;
    struct sql *sql = open_or_fail(SQL_WRITE);
    assert_int_equal(sql_execute(sql, "begin immediate; insert into t values(3, 'three')"),
                     SQL_DONE);
    assert_int_equal(sql_execute(sql, "insert into nowhere values(1)"), SQL_UNFIT);
    sql_roll_back(sql);
    sql_roll_back(sql);
    assert_int_equal(sql_status(sql), SQL_UNFIT);
    assert_string_equal(sql_message(sql), "no such table: nowhere");
    assert_int_equal(sql_ask(sql, "select max(a) from t", -1), 2);
    sql_close(sql);
}

static void the_log_waits_for_a_reader(void **state)
{
    (void)state;
    static const char *const texts[] = {"select a from t"};
    char wal[80];
    (void)snprintf(wal, sizeof wal, "%s-wal", file);
    struct stat status;
    struct sql *writer = open_or_fail(SQL_WRITE);
    struct sql *reader = open_or_fail(SQL_READ);
    struct sql_statements *statements = sql_prepare(reader, texts, 1);
    assert_int_equal(sql_step(statements, 0), SQL_ROW);
    assert_int_equal(sql_execute(writer, "insert into t values(3, 'three')"), SQL_DONE);
    int64_t begun_us = clock_monotonic_us();
    sql_checkpoint(writer, SQL_EMPTY_LOG);
    assert_true(clock_monotonic_us() - begun_us < 1000000); /* other locks: two seconds */
    assert_int_equal(stat(wal, &status), 0);
    assert_true(status.st_size > 0);
    sql_reset(statements, 0);
    sql_checkpoint(writer, SQL_EMPTY_LOG);
    assert_int_equal(stat(wal, &status), 0);
    assert_int_equal(status.st_size, 0);
    sql_close(reader);
    sql_close(writer);
    assert_int_equal(stat(wal, &status), 0); /* stays, for those who may not create it */
}

static void a_lock_of_others_is_awaited_while_there_is_time(void **state)
{
    (void)state;
    struct sql *holder = open_or_fail(SQL_WRITE);
    struct sql *sql = open_or_fail(SQL_WRITE);
    assert_int_equal(sql_execute(holder, "begin immediate"), SQL_DONE);
    _Atomic int64_t until_us = clock_monotonic_us() + 100000;
    sql_set_patience(sql, &until_us);
    assert_int_equal(sql_execute(sql, "begin immediate"), SQL_BUSY);
    int64_t late_us = clock_monotonic_us() - until_us;
    assert_true(late_us >= 0 && late_us < 500000);
    assert_int_equal(sql_execute(holder, "commit"), SQL_DONE);
    assert_int_equal(sql_execute(sql, "begin immediate; commit"), SQL_DONE);
    sql_close(sql);
    sql_close(holder);
}

static void an_immutable_file_is_left_alone(void **state)
{
    (void)state;
    struct sql *sql = open_or_fail(SQL_WRITE);
    sql_checkpoint(sql, SQL_EMPTY_LOG);
    sql_close(sql);
    char name[80];
    (void)snprintf(name, sizeof name, "%s-wal", file);
    assert_int_equal(unlink(name), 0);
    (void)snprintf(name, sizeof name, "%s-shm", file);
    assert_int_equal(unlink(name), 0);
    sql = open_or_fail(SQL_READ_IMMUTABLE);
    assert_int_equal(sql_ask(sql, "select max(a) from t", -1), 2);
    assert_int_equal(access(name, F_OK), -1);
    sql_close(sql);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(failures_have_a_word_and_a_reason),
        TEST(questions_have_a_number_or_none),
        TEST(statements_come_from_tables),
        TEST(a_deadline_ends_what_would_not_end),
        TEST(what_is_rolled_back_leaves_the_reason),
        TEST(the_log_waits_for_a_reader),
        TEST(a_lock_of_others_is_awaited_while_there_is_time),
        TEST(an_immutable_file_is_left_alone),
    };
    return cmocka_run_group_tests_name("sql", tests, NULL, NULL);
}
