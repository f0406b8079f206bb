/* The product's journal, given the same payload and batch as the bare one.
 *
 *     ours_journal CONFIG PAYLOAD_FILE BATCH COUNT
 *
 * The journal is the one that CONFIG names; its rows stay unacknowledged, so that a gateway
 * that is started on it has a backlog of COUNT samples. */
#include "gateway/journal.h"
#include "tests/bench/factory.h"
#include "tests/bench/meter.h"

#define TIME_US INT64_C(1795450800123456)

static void check(struct journal *journal, enum journal_status status)
{
    if (status != JOURNAL_OK) {
        meter_fail("%s", journal_message(journal));
    }
}

static void append_all(struct journal *journal, struct journal_row *row, long batch, long count)
{
    uint64_t last = row->seq + (uint64_t)count;
    while (row->seq < last) {
        check(journal, journal_begin(journal));
        for (long at = 0; at < batch && row->seq < last; at++) {
            row->seq++;
            row->time_us++;
            check(journal, journal_append(journal, row));
        }
        check(journal, journal_commit(journal, journal_cursor(journal)));
    }
}

int main(int argc, char **argv)
{
    static struct payload payload;
    if (argc != 5) {
        meter_fail("ours_journal CONFIG PAYLOAD_FILE BATCH COUNT");
    }
    struct factory *factory = bench_factory(argv[1]);
    meter_read_payload(argv[2], &payload);
    struct journal_error error;
    struct journal *journal = journal_open(factory, &error);
    if (journal == NULL) {
        meter_fail("%s", error.text);
    }
    struct journal_row row = {.seq = journal_last_seq(journal),
                              .time_us = TIME_US,
                              .payload = payload.text,
                              .payload_length = payload.length,
                              .uncertain = ""};
    check(journal, journal_begin_run(journal, 1, &row.run));
    long count = meter_number(argv[4]);
    struct meter start = meter_start();
    append_all(journal, &row, meter_number(argv[3]), count);
    meter_print(&start, (uint64_t)count);
    journal_close(journal);
    factory_destroy(factory);
    return EXIT_SUCCESS;
}
