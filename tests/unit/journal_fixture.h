/* A journal in a folder of the test's own, and rows for it. Include it once in a test;
 * everything is static, and what a test does not use costs nothing. */
#ifndef TESTS_UNIT_JOURNAL_FIXTURE_H
#define TESTS_UNIT_JOURNAL_FIXTURE_H

#include "gateway/journal.h"
#include "gateway/journal_reader.h"
#include "tests/unit/factory_fixture.h"

#include <glob.h>
#include <inttypes.h>

#define FIXTURE_UNUSED __attribute__((unused))

enum { FIXTURE_RUN = 7, SMALL_BYTES = 524288 };
#define FIXTURE_TIME_US INT64_C(1795450800123456) /* 2026-11-23T16:20:00.123 */

static struct factory *journal_factory;

static int fixture_setup(void **state)
{
    (void)state;
    journal_factory = fixture_load(
        "[site]\nroot = lab\n"
        "[journal]\nfile = lab.db\nmode = 0644\n"
        "[link l]\nhost = 127.0.0.1\ndriver = modbus-tcp\nport = 5020\n"
        "[machine m3_mill]\nlink = l\narea = machining\nmap = map.csv\nunit_id = 1\n"
        "[machine u2_meter]\nlink = l\narea = utilities\nmap = map.csv\nunit_id = 2\n",
        "tag,table,address,type\nspindle_speed,holding,0,uint16\n"
        "door_open,coil,0,bool\nprogram,holding,10,string:8\n"
        "energy,holding,20,uint64\n");
    return 0;
}

static int fixture_teardown(void **state)
{
    (void)state;
    char pattern[128];
    (void)snprintf(pattern, sizeof pattern, "%s/lab.db*", fixture_folder);
    glob_t found;
    /* One thread. NOLINTNEXTLINE(concurrency-mt-unsafe) */
    if (glob(pattern, 0, NULL, &found) == 0) {
        for (size_t at = 0; at < found.gl_pathc; at++) {
            (void)unlink(found.gl_pathv[at]);
        }
    }
    globfree(&found);
    fixture_unload(journal_factory);
    return 0;
}

static FIXTURE_UNUSED size_t count_files(const char *suffix)
{
    char pattern[160];
    (void)snprintf(pattern, sizeof pattern, "%s/lab.db%s", fixture_folder, suffix);
    glob_t found;
    /* One thread. NOLINTNEXTLINE(concurrency-mt-unsafe) */
    size_t count = glob(pattern, 0, NULL, &found) == 0 ? found.gl_pathc : 0;
    globfree(&found);
    return count;
}

static struct journal *open_or_fail(void)
{
    struct journal_error error;
    struct journal *journal = journal_open(journal_factory, &error);
    if (journal == NULL) {
        fail_msg("%s", error.text);
    }
    return journal;
}

static FIXTURE_UNUSED struct journal_row make_row(uint64_t seq, size_t machine,
                                                  const char *payload, const char *uncertain)
{
    return (struct journal_row){.seq = seq,
                                .run = FIXTURE_RUN,
                                .time_us = FIXTURE_TIME_US + (int64_t)seq * 1000000,
                                .machine = machine,
                                .payload = payload,
                                .payload_length = strlen(payload),
                                .uncertain = uncertain,
                                .uncertain_length = strlen(uncertain)};
}

/* One transaction of rows from..to with small payloads. */
static FIXTURE_UNUSED enum journal_status append_range(struct journal *journal, uint64_t from,
                                                       uint64_t to, uint64_t cursor)
{
    enum journal_status status = journal_begin(journal);
    for (uint64_t seq = from; seq <= to && status == JOURNAL_OK; seq++) {
        char payload[300];
        (void)snprintf(payload, sizeof payload,
                       "{\"seq\":%" PRIu64 ",\"run\":7,\"spindle_speed\":%" PRIu64
                       ",\"program\":\"%0200d\"}",
                       seq, seq * 10, 0);
        struct journal_row row = make_row(seq, seq % 2, payload, "");
        status = journal_append(journal, &row);
    }
    return status == JOURNAL_OK ? journal_commit(journal, cursor) : status;
}

/* All steps of salvage; returns how many unsent samples could not be read. */
static FIXTURE_UNUSED uint64_t salvage_all(struct journal *journal)
{
    uint64_t lost = 0;
    for (int step = 0; journal_is_salvaging(journal); step++) {
        struct journal_salvaged salvaged;
        assert_true(step < 100000);
        assert_int_equal(journal_salvage(journal, &salvaged), JOURNAL_OK);
        lost += salvaged.lost.count;
    }
    return lost;
}

/* What the real sqlite3 prints, as a student types it. */
static FIXTURE_UNUSED void query(const char *sql, char *answer, size_t size)
{
    char command[1500];
    (void)snprintf(command, sizeof command, "sqlite3 -readonly '%s' \"%s\" 2>&1",
                   journal_factory->journal.file, sql);
    FILE *pipe = popen(command, "re"); /* NOLINT(cert-env33-c): a test's own words */
    assert_non_null(pipe);
    size_t length = fread(answer, 1, size - 1, pipe);
    answer[length] = '\0';
    (void)pclose(pipe);
}

#define ASSERT_QUERY(sql, expected)                                                            \
    do {                                                                                       \
        char printed[4000];                                                                    \
        query(sql, printed, sizeof printed);                                                   \
        assert_string_equal(printed, expected);                                                \
    } while (0)

struct copy {
    char bytes[1 << 20];
    size_t length;
};

/* Out of the journal's file with that suffix (mode "re"), or into it ("we"). */
static FIXTURE_UNUSED void copy_file(const char *suffix, const char *mode, struct copy *copy)
{
    char path[160];
    (void)snprintf(path, sizeof path, "%s%s", journal_factory->journal.file, suffix);
    FILE *file = fopen(path, mode);
    assert_non_null(file);
    if (mode[0] == 'r') {
        copy->length = fread(copy->bytes, 1, sizeof copy->bytes, file);
    } else {
        assert_int_equal(fwrite(copy->bytes, 1, copy->length, file), copy->length);
    }
    assert_int_equal(fclose(file), 0);
}

#endif
