#include "gateway/web_history.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "config/memory.h"
#include "gateway/clock.h"
#include "gateway/journal_reader.h"
#include "gateway/thread.h"
#include "gateway/wake.h"
#include "gateway/web_series.h"
#include "gateway/web_tag.h"

enum {
    QUERY_US = 200000,
    QUEUE_MAX = 32,
    BLOCK_ROWS = 2048, /* of one transaction */
    ROWS_MAX = 150000, /* what is read whole; a longer past is thinned */
    THIN_ROWS = 64,    /* of a block that stands for its neighbourhood */
    THIN_BLOCKS_MAX = 1500,
    POINTS_USUAL = 600,
    SPAN_USUAL_MS = 15 * 60 * 1000,
    /* How far a row's time may lie from its neighbours': of its oldest reading. */
    DISORDER_US = 10 * 1000000,
    /* The journal is silent when a tag's row is missing for so many periods, and so long. */
    SILENCE_PERIODS = 3,
    SILENCE_MS = 60000,
    /* So many times further apart than chance puts the rows of a past that is thinned. */
    THIN_SILENCE = 12,
};

/* A question on its way. */
struct query {
    struct query *next;
    struct web_history *history;
    struct http_waiter *waiter;
    const struct machine *machine;
    const struct tag *tag;
    int64_t from_ms;
    int64_t to_ms;
    size_t points;
};

struct web_history {
    const struct factory *factory;
    struct journal_reader *reader; /* the thread's; NULL until the first query */
    pthread_t thread;
    struct wake wake;
    pthread_mutex_t mutex; /* for what follows */
    struct query *first;
    struct query *last;
    size_t count;
    bool is_stopping;
};

/* What a query found beside the points. */
struct coverage {
    int64_t until_us; /* monotonic: then the time is over */
    int64_t covered_from_ms;
    bool is_truncated; /* the time did not suffice */
    bool is_thinned;
    bool is_failed; /* the journal could not be read: nothing is known */
};

/* ---- reading ---- */

/* The first row from that seq on; its texts are gone again. */
static enum journal_next first_from(struct journal_reader *reader, uint64_t seq,
                                    struct journal_row *row)
{
    enum journal_next next = journal_reader_seek(reader, seq - 1)
                                 ? journal_reader_next(reader, row)
                                 : JOURNAL_NEXT_FAILED;
    journal_reader_reset(reader);
    return next;
}

/* The first seq at or after that time: seqs are in order of time. */
static uint64_t find_seq(struct journal_reader *reader, uint64_t low, uint64_t high,
                         int64_t time_us, struct coverage *coverage)
{
    while (low < high && !coverage->is_failed) {
        struct journal_row row;
        uint64_t middle = low + (high - low) / 2;
        enum journal_next next = first_from(reader, middle, &row);
        coverage->is_failed = next == JOURNAL_NEXT_FAILED;
        if (next == JOURNAL_NEXT_ROW && row.time_us < time_us) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Rows of the machine with seqs in [from, to). Returns the time of the first, INT64_MAX: none.
 * A row of another machine: the journal was replaced after the machine was looked up. */
static int64_t read_block(struct journal_reader *reader, const struct query *query,
                          struct web_series *series, const uint64_t seqs[2],
                          struct coverage *coverage)
{
    struct journal_selection selection = {.machine = query->machine->name, .to_seq = seqs[1]};
    struct journal_row row;
    int64_t first_us = INT64_MAX;
    enum journal_next next = JOURNAL_NEXT_END;
    web_series_begin_block(series);
    if (journal_reader_select(reader, &selection)) {
        bool is_there = journal_reader_seek(reader, seqs[0] - 1);
        next = is_there ? journal_reader_next(reader, &row) : JOURNAL_NEXT_FAILED;
    }
    while (next == JOURNAL_NEXT_ROW) {
        first_us = row.time_us < first_us ? row.time_us : first_us;
        web_series_add(series, &row);
        bool is_mine = row.is_damaged || strcmp(row.name, query->machine->name) == 0;
        next = is_mine ? journal_reader_next(reader, &row) : JOURNAL_NEXT_FAILED;
    }
    coverage->is_failed |= next == JOURNAL_NEXT_FAILED;
    journal_reader_reset(reader);
    (void)journal_reader_select(reader, NULL);
    return first_us;
}

/* What lies between two rows that were read is, where it is thinned, no silence until it is far
 * longer than from block to block; and where the machine is not in each block, than that. With
 * `record = changes` every silence is well. */
static void expect_pace(struct web_series *series, const struct query *query, uint64_t count)
{
    size_t tag = (size_t)(query->tag - query->machine->map->tags);
    int64_t period = machine_tag_period_ms(query->machine, tag);
    int64_t span = query->to_ms - query->from_ms;
    int64_t least =
        SILENCE_PERIODS * period > SILENCE_MS ? SILENCE_PERIODS * period : SILENCE_MS;
    struct web_series_pace pace = {.period = period,
                                   .silence = least + DISORDER_US / 1000,
                                   .restart = SILENCE_PERIODS * period};
    if (count > ROWS_MAX) {
        int64_t read = span * THIN_ROWS / (int64_t)count + 1; /* of each block */
        int64_t blocks = period > read ? period / read + 1 : 1;
        int64_t thin = THIN_SILENCE * (span / THIN_BLOCKS_MAX) * blocks;
        pace.silence = thin > pace.silence ? thin : pace.silence;
        pace.restart = pace.silence;
    }
    if (query->machine->record == RECORD_ALL) {
        web_series_expect(series, &pace);
    }
}

/* From the newest block to the oldest, until the time is over. */
static void read_blocks(struct journal_reader *reader, const struct query *query,
                        struct web_series *series, const uint64_t seqs[2],
                        struct coverage *coverage)
{
    uint64_t from = seqs[0];
    uint64_t count = seqs[1] - from;
    coverage->is_thinned = count > ROWS_MAX;
    expect_pace(series, query, count);
    uint64_t step = coverage->is_thinned ? count / THIN_BLOCKS_MAX : BLOCK_ROWS;
    uint64_t rows = coverage->is_thinned ? THIN_ROWS : BLOCK_ROWS;
    int64_t seen_us = query->to_ms * 1000;
    for (uint64_t end = seqs[1]; end > from && !coverage->is_truncated && !coverage->is_failed;
         end -= end - from > step ? step : end - from) {
        uint64_t block[2] = {end - from > rows ? end - rows : from, end};
        int64_t first_us = read_block(reader, query, series, block, coverage);
        seen_us = first_us < seen_us ? first_us : seen_us;
        coverage->is_truncated =
            clock_monotonic_us() >= coverage->until_us || !web_series_has_room(series);
    }
    if (coverage->is_truncated && seen_us / 1000 > coverage->covered_from_ms) {
        coverage->covered_from_ms = seen_us / 1000;
    }
}

static struct coverage read_all(struct journal_reader *reader, const struct query *query,
                                struct web_series *series)
{
    struct coverage coverage = {.until_us = clock_monotonic_us() + QUERY_US,
                                .covered_from_ms = query->from_ms};
    struct journal_row row = {.seq = 1};
    enum journal_next next = first_from(reader, 1, &row);
    if (next != JOURNAL_NEXT_ROW) {
        coverage.is_failed = next == JOURNAL_NEXT_FAILED;
        return coverage;
    }
    uint64_t last = journal_reader_last_seq(reader) + 1;
    uint64_t seqs[2];
    coverage.is_failed = last <= row.seq; /* it could not be asked */
    seqs[0] = find_seq(reader, row.seq, last, query->from_ms * 1000 - DISORDER_US, &coverage);
    seqs[1] = find_seq(reader, seqs[0], last, query->to_ms * 1000 + DISORDER_US, &coverage);
    if (!coverage.is_failed) {
        read_blocks(reader, query, series, seqs, &coverage);
    }
    return coverage;
}

static void put_words(struct json *json, const struct tag *tag)
{
    json_open(json, "words", '[');
    for (size_t at = 0; at < tag->words_count; at++) {
        json_string(json, NULL, tag->words[at].text);
    }
    json_close(json, ']');
}

static void refuse(const struct query *query, const char *sentence)
{
    struct http_response response;
    http_fail(&response, 503, sentence);
    response.retry_s = 1;
    http_finish(query->waiter, &response);
}

static void put_answer(struct json *json, const struct query *query,
                       const struct coverage *coverage, struct web_series *series)
{
    json_string(json, "machine", query->machine->name);
    json_string(json, "tag", query->tag->name);
    json_signed(json, "from", query->from_ms);
    json_signed(json, "to", query->to_ms);
    json_boolean(json, "truncated", coverage->is_truncated);
    json_boolean(json, "thinned", coverage->is_thinned);
    json_signed(json, "covered_from", coverage->covered_from_ms);
    put_words(json, query->tag);
    web_series_put(json, series);
}

static void answer_query(struct web_history *history, const struct query *query)
{
    static const char unreadable[] = "the journal cannot be read at present";
    struct http_response response;
    struct journal_error error;
    if (history->reader == NULL) {
        history->reader = journal_reader_open(history->factory->journal.file, &error);
    }
    if (history->reader == NULL) {
        refuse(query, unreadable);
        return;
    }
    struct web_series *series =
        web_series_create(query->tag, query->from_ms, query->to_ms, query->points);
    struct coverage coverage = read_all(history->reader, query, series);
    if (coverage.is_failed) {
        refuse(query, unreadable);
    } else {
        struct json json = json_begin_growing();
        put_answer(&json, query, &coverage, series);
        size_t length = json_end(&json);
        http_json(&response, json.text, length);
        http_finish(query->waiter, &response);
    }
    web_series_destroy(series);
}

/* ---- the thread ---- */

static struct query *take(struct web_history *history, bool *is_stopping)
{
    (void)pthread_mutex_lock(&history->mutex);
    struct query *query = history->first;
    if (query != NULL) {
        history->first = query->next;
        history->count--;
    }
    *is_stopping = history->is_stopping;
    (void)pthread_mutex_unlock(&history->mutex);
    return query;
}

static void *run(void *argument)
{
    struct web_history *history = argument;
    bool is_stopping = false;
    while (!is_stopping) {
        struct query *query = take(history, &is_stopping);
        if (query != NULL && is_stopping) {
            refuse(query, "the gateway is stopping");
            is_stopping = false; /* until the queue is empty */
        } else if (query != NULL) {
            answer_query(history, query);
        } else if (!is_stopping) {
            (void)wake_wait(&history->wake, WAKE_NEVER);
        }
        free(query);
    }
    return NULL;
}

struct web_history *web_history_start(const struct web_parts *parts)
{
    struct web_history *history = memory_allocate(1, sizeof *history);
    history->factory = parts->factory;
    (void)pthread_mutex_init(&history->mutex, NULL);
    wake_init(&history->wake);
    thread_start(&history->thread, "history", run, history);
    return history;
}

void web_history_stop(struct web_history *history)
{
    (void)pthread_mutex_lock(&history->mutex);
    history->is_stopping = true;
    (void)pthread_mutex_unlock(&history->mutex);
    wake_up(&history->wake);
    (void)pthread_join(history->thread, NULL);
}

void web_history_destroy(struct web_history *history)
{
    journal_reader_close(history->reader);
    wake_destroy(&history->wake);
    (void)pthread_mutex_destroy(&history->mutex);
    free(history);
}

/* ---- questions ---- */

static void start(void *data, struct http_waiter *waiter)
{
    struct query *query = data;
    struct web_history *history = query->history;
    query->waiter = waiter;
    (void)pthread_mutex_lock(&history->mutex);
    bool is_taken = !history->is_stopping && history->count < QUEUE_MAX;
    if (is_taken) {
        *(history->first != NULL ? &history->last->next : &history->first) = query;
        history->last = query;
        history->count++;
    }
    (void)pthread_mutex_unlock(&history->mutex);
    if (is_taken) {
        wake_up(&history->wake);
    } else {
        refuse(query, "too many ask for the past");
        free(query);
    }
}

static bool read_number(const struct http_request *request, const char *name, int64_t usual,
                        int64_t *number)
{
    const char *text = http_argument(request, name);
    char *end = NULL;
    *number = usual;
    if (text == NULL) {
        return true;
    }
    *number = strtoll(text, &end, 10);
    return *text != '\0' && *end == '\0' && *number >= 0 && *number < INT64_MAX / 2000;
}

void web_history_answer(struct web_history *history, const struct http_request *request,
                        struct http_response *response)
{
    int64_t from_ms;
    int64_t to_ms;
    int64_t points;
    struct tag_reference of = web_tag_find(history->factory, request);
    bool is_right = read_number(request, "to", clock_wall_us() / 1000, &to_ms) &&
                    read_number(request, "from", to_ms - SPAN_USUAL_MS, &from_ms) &&
                    read_number(request, "points", POINTS_USUAL, &points);
    if (of.tag == NULL) {
        http_fail(response, 404, "there is no such machine or tag");
    } else if (!is_right || from_ms >= to_ms || points < 1 || points > WEB_SERIES_POINTS_MAX) {
        http_fail(response, 400,
                  "from and to are milliseconds since 1970, points are 1 to 2000");
    } else {
        struct query *query = memory_allocate(1, sizeof *query);
        *query = (struct query){.history = history,
                                .machine = of.machine,
                                .tag = of.tag,
                                .from_ms = from_ms,
                                .to_ms = to_ms,
                                .points = (size_t)points};
        *response = (struct http_response){
            .kind = HTTP_LATER, .job = {.start = start, .discard = free, .data = query}};
    }
}
