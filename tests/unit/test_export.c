/* Claim: what export prints are the journal's digits, and --verify tells a hole from a gap that
 * was announced. */
#include "config/command.h"
#include "gateway/command.h"
#include "gateway/export.h"
#include "tests/unit/journal_fixture.h"

#include <fcntl.h>

static const char payload_full[] =
    "{\"seq\":1,\"run\":7,\"time\":\"2026-11-23T16:20:01.123Z\",\"t\":1795450801123,"
    "\"q\":\"uncertain\",\"spindle_speed\":0.1,\"door_open\":true,"
    "\"program\":\"O'1\\\"\\\\ ;,\\u0009\\u00e9\\n\",\"energy\":18446744073709551615,"
    "\"oil\":null,\"bad\":{\"oil\":\"exception-2\"}}";

/* The command as it is typed, its output in `answer`; returns the exit code. */
static int export(char *answer, size_t size, const char *first, const char *second)
{
    static const struct command commands[] = {
        {"export", "CONFIG", 1, 1, true, "", command_export_options, command_export},
        {.name = NULL},
    };
    char path[128];
    (void)snprintf(path, sizeof path, "%s/factory.conf", fixture_folder);
    char *arguments[8] = {(char[]){"gateway"}, (char[]){"export"}, path};
    int count = 3;
    char words[2][64];
    const char *const options[] = {first, second};
    for (size_t at = 0; at < 2; at++) {
        if (options[at] != NULL) {
            (void)snprintf(words[at], sizeof words[at], "%s", options[at]);
            arguments[count++] = words[at];
        }
    }
    (void)fflush(stdout);
    int before = dup(STDOUT_FILENO);
    FILE *file = tmpfile();
    assert_non_null(file);
    assert_true(dup2(fileno(file), STDOUT_FILENO) >= 0);
    int code = command_main("gateway", commands, count, arguments);
    (void)fflush(stdout);
    assert_true(dup2(before, STDOUT_FILENO) >= 0);
    (void)close(before);
    rewind(file);
    answer[fread(answer, 1, size - 1, file)] = '\0';
    (void)fclose(file);
    return code;
}

static void fill(void)
{
    struct journal *journal = open_or_fail();
    assert_int_equal(journal_begin(journal), JOURNAL_OK);
    struct journal_row row = make_row(1, 0, payload_full, "[\"door_open\"]");
    assert_int_equal(journal_append(journal, &row), JOURNAL_OK);
    row = make_row(2, 1, "{\"seq\":2,\"run\":7,\"energy\":-1.5e-07}", "");
    assert_int_equal(journal_append(journal, &row), JOURNAL_OK);
    assert_int_equal(journal_commit(journal, 0), JOURNAL_OK);
    journal_close(journal);
}

static void digits_and_texts_are_exact(void **state)
{
    (void)state;
    fill();
    char answer[4000];
    assert_int_equal(export(answer, sizeof answer, NULL, NULL), EXIT_DONE);
    assert_string_equal(
        answer,
        "seq,run,time,machine,tag,value,quality,reason\r\n"
        "1,7,2026-11-23T16:20:01.123Z,m3_mill,spindle_speed,0.1,good,\r\n"
        "1,7,2026-11-23T16:20:01.123Z,m3_mill,door_open,true,uncertain,\r\n"
        "1,7,2026-11-23T16:20:01.123Z,m3_mill,program,\"O'1\"\"\\ ;,\t\xC3\xA9\n\",good,\r\n"
        "1,7,2026-11-23T16:20:01.123Z,m3_mill,energy,18446744073709551615,good,\r\n"
        "1,7,2026-11-23T16:20:01.123Z,m3_mill,oil,,bad,exception-2\r\n"
        "2,7,2026-11-23T16:20:02.123Z,u2_meter,energy,-1.5e-07,good,\r\n");
    assert_int_equal(export(answer, sizeof answer, "--format=csv-fr", "--tag=spindle_speed"),
                     EXIT_DONE);
    assert_string_equal(answer,
                        "\xEF\xBB\xBFseq;run;time;machine;tag;value;quality;reason\r\n"
                        "1;7;2026-11-23T16:20:01.123Z;m3_mill;spindle_speed;0,1;good;\r\n");
}

static void json_lines_are_the_published_bytes(void **state)
{
    (void)state;
    fill();
    char answer[4000];
    char expected[2000];
    assert_int_equal(export(answer, sizeof answer, "--format=jsonl", "--machine=m3_mill"),
                     EXIT_DONE);
    (void)snprintf(expected, sizeof expected, "{\"machine\":\"m3_mill\",%s\n",
                   payload_full + 1);
    assert_string_equal(answer, expected);
    assert_int_equal(export(answer, sizeof answer, "--format=jsonl", "--tag=oil"), EXIT_DONE);
    assert_string_equal(answer, "{\"machine\":\"m3_mill\",\"seq\":1,\"run\":7,"
                                "\"time\":\"2026-11-23T16:20:01.123Z\",\"t\":1795450801123,"
                                "\"q\":\"bad\",\"oil\":null,"
                                "\"bad\":{\"oil\":\"exception-2\"}}\n");
}

static void times_and_machines_select(void **state)
{
    (void)state;
    fill();
    char answer[4000];
    assert_int_equal(export(answer, sizeof answer, "--from=2026-11-23T16:20:02", NULL),
                     EXIT_DONE);
    assert_null(strstr(answer, "\r\n1,"));
    assert_non_null(strstr(answer, "\r\n2,"));
    assert_int_equal(export(answer, sizeof answer, "--to=2026-11-23T16:20:02", NULL),
                     EXIT_DONE);
    assert_non_null(strstr(answer, "\r\n1,"));
    assert_null(strstr(answer, "\r\n2,"));
    assert_int_equal(export(answer, sizeof answer, "--machine=u2_meter", NULL), EXIT_DONE);
    assert_null(strstr(answer, "m3_mill"));
    assert_non_null(strstr(answer, "u2_meter"));
}

static void what_is_unknown_is_refused(void **state)
{
    (void)state;
    fill();
    char answer[4000];
    assert_int_equal(export(answer, sizeof answer, "--machine=m3_mil", NULL), EXIT_USAGE);
    assert_string_equal(answer, "");
    assert_int_equal(export(answer, sizeof answer, "--tag=spindle", NULL), EXIT_USAGE);
    assert_string_equal(answer, "");
    assert_int_equal(export(answer, sizeof answer, "--tag=oil", NULL),
                     EXIT_DONE); /* was once */
    assert_int_equal(strncmp(answer, "seq,run,", 8), 0);
    assert_int_equal(export(answer, sizeof answer, "--format=xls", NULL), EXIT_USAGE);
    assert_int_equal(export(answer, sizeof answer, "--from=yesterday", NULL), EXIT_USAGE);
    assert_int_equal(export(answer, sizeof answer, "--verify", "--machine=m3_mill"),
                     EXIT_USAGE);
    assert_int_equal(export(answer, sizeof answer, "--from=2026-11-24", "--to=2026-11-23"),
                     EXIT_USAGE);
}

static void many_pages_are_one_stream(void **state)
{
    (void)state;
    struct journal *journal = open_or_fail();
    assert_int_equal(append_range(journal, 1, 5000, 0), JOURNAL_OK);
    journal_close(journal);
    static char answer[4000000];
    assert_int_equal(export(answer, sizeof answer, "--tag=spindle_speed", NULL), EXIT_DONE);
    const char *at = strchr(answer, '\n') + 1;
    for (unsigned seq = 1; seq <= 5000; seq++) {
        char expected[32];
        (void)snprintf(expected, sizeof expected, "%u,7,", seq);
        assert_int_equal(strncmp(at, expected, strlen(expected)), 0);
        at = strchr(at, '\n') + 1;
    }
    assert_string_equal(at, "");
    assert_int_equal(export(answer, sizeof answer, "--verify", NULL), EXIT_DONE);
    assert_string_equal(answer, "5000 samples, seq 1 to 5000; 0 gaps explained (0 numbers),"
                                " 0 unexplained; 0 damaged\n");
}

static void change(const char *sql)
{
    char command[400];
    (void)snprintf(command, sizeof command, "sqlite3 '%s' \"%s\"",
                   journal_factory->journal.file, sql);
    FILE *pipe = popen(command, "re"); /* NOLINT(cert-env33-c): a test's own words */
    assert_non_null(pipe);
    assert_int_equal(pclose(pipe), 0);
}

static void verify_tells_holes_from_gaps(void **state)
{
    (void)state;
    struct journal *journal = open_or_fail();
    assert_int_equal(append_range(journal, 1, 1000, 0), JOURNAL_OK);
    assert_int_equal(journal_begin(journal), JOURNAL_OK);
    const struct journal_gap gaps[] = {
        {.from = 1001, .to = 1500, .count = 300, .reason = "disk-full"},
        {.from = 1400, .to = 2000, .count = 601, .reason = "damaged"},
    };
    assert_int_equal(journal_append_gap(journal, &gaps[0]), JOURNAL_OK);
    assert_int_equal(journal_append_gap(journal, &gaps[1]), JOURNAL_OK);
    assert_int_equal(journal_commit(journal, 0), JOURNAL_OK);
    assert_int_equal(append_range(journal, 2001, 3000, 0), JOURNAL_OK);
    journal_close(journal);
    char answer[1000];
    assert_int_equal(export(answer, sizeof answer, "--verify", NULL), EXIT_DONE);
    assert_string_equal(answer, "2000 samples, seq 1 to 3000; 1 gaps explained (1000 numbers),"
                                " 0 unexplained; 0 damaged\n");
    change("delete from samples where seq <= 10"); /* what retention does */
    assert_int_equal(export(answer, sizeof answer, "--verify", NULL), EXIT_DONE);
    change("delete from samples where seq = 2500");
    assert_int_equal(export(answer, sizeof answer, "--verify", NULL), EXIT_FAILED);
    assert_non_null(strstr(answer, ", 1 unexplained; 0 damaged"));
    change("update samples set time_us = 0 where seq = 20");
    assert_int_equal(export(answer, sizeof answer, "--verify", NULL), EXIT_FAILED);
    assert_non_null(strstr(answer, "; 1 damaged"));
    assert_int_equal(export(answer, sizeof answer, "--tag=energy", NULL), EXIT_FAILED);
    assert_null(strstr(answer, "1970"));
}

static void verify_shows_what_lies_outside_the_rows(void **state)
{
    (void)state;
    struct journal *journal = open_or_fail();
    assert_int_equal(append_range(journal, 1, 100, 0), JOURNAL_OK);
    assert_int_equal(journal_begin(journal), JOURNAL_OK);
    const struct journal_gap head = {.from = 1, .to = 40, .count = 40, .reason = "evicted"};
    assert_int_equal(journal_append_gap(journal, &head), JOURNAL_OK);
    assert_int_equal(journal_commit(journal, 0), JOURNAL_OK);
    journal_close(journal);
    change("delete from samples where seq <= 50"); /* 41 to 50 were sent before they went */
    char answer[1000];
    assert_int_equal(export(answer, sizeof answer, "--verify", NULL), EXIT_DONE);
    assert_string_equal(answer, "gap: seq 1 to 40, 40 samples evicted\n"
                                "50 samples, seq 51 to 100; 0 gaps explained (0 numbers),"
                                " 0 unexplained; 0 damaged\n");
    change("delete from samples where seq > 90");
    assert_int_equal(export(answer, sizeof answer, "--verify", NULL), EXIT_FAILED);
    assert_non_null(strstr(answer, "40 samples, seq 51 to 90;"));
    assert_non_null(strstr(answer, ", 1 unexplained; 0 damaged"));
    change("insert into gaps(first, last, count, reason, time_us)"
           " values(91, 100, 10, 'disk-full', 0)");
    assert_int_equal(export(answer, sizeof answer, "--verify", NULL), EXIT_DONE);
    assert_non_null(strstr(answer, "gap: seq 91 to 100, 10 samples disk-full\n"));
}

static void without_a_journal_it_says_so(void **state)
{
    (void)state;
    char answer[1000];
    assert_int_equal(export(answer, sizeof answer, NULL, NULL), EXIT_FAILED);
    assert_string_equal(answer, "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(digits_and_texts_are_exact),
        TEST(json_lines_are_the_published_bytes),
        TEST(times_and_machines_select),
        TEST(what_is_unknown_is_refused),
        TEST(many_pages_are_one_stream),
        TEST(verify_tells_holes_from_gaps),
        TEST(verify_shows_what_lies_outside_the_rows),
        TEST(without_a_journal_it_says_so),
    };
    return cmocka_run_group_tests_name("export", tests, NULL, NULL);
}
