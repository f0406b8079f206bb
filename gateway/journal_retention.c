/* Retention: the oldest rows go, for their age or for the room, in small steps. */
#include "gateway/clock.h"
#include "gateway/journal_private.h"

/* A step's log must stay small beside the room that is being made. */
enum { STEP_BYTES_MAX = 256 * 1024, STEP_SHARE = 16 /* of max_size, at most */ };
enum { SLACK_SHARE = 64 }; /* of max_size, which goes beyond need: not every row costs a step */
enum { VACUUM_PAGES_SPARE = 1024 }; /* free pages kept for the next samples; more goes back */

enum statement {
    OLDEST_ROWS,
    TOPIC,
    DELETE_ROWS,
    PAGES_COUNT,
    PAGES_FREE,
    VACUUM,
    STATEMENTS_COUNT,
};

static const char *const texts[STATEMENTS_COUNT] = {
    [OLDEST_ROWS] = ("select seq, time_us, length(cast(payload as blob)), machine from samples"
                     " order by seq limit ?1"),
    [TOPIC] = "select area || '/' || name from machines where id = ?1",
    [DELETE_ROWS] = "delete from samples where seq <= ?1",
    [PAGES_COUNT] = "pragma page_count",
    [PAGES_FREE] = "pragma freelist_count",
    [VACUUM] = "pragma incremental_vacuum(64)",
};

enum journal_connection journal_retention_prepare(struct journal *journal)
{
    journal->evictions = sql_prepare(journal->sql, texts, STATEMENTS_COUNT);
    return journal->evictions != NULL ? JOURNAL_READY : journal_refuse(journal, "reading");
}

void journal_doubt_clock(struct journal *journal, bool is_doubted)
{
    journal->is_clock_doubted = is_doubted;
}

int64_t journal_expiry_us(const struct journal *journal, int64_t now_us)
{
    int64_t max_age_us = (int64_t)(journal->settings->max_age_s * 1000000);
    return clock_is_set(now_us) && !journal->is_clock_doubted ? now_us - max_age_us : 0;
}

static enum journal_status ask_count(struct journal *journal, enum statement which,
                                     uint64_t *count)
{
    if (sql_step(journal->evictions, which) != SQL_ROW) {
        return journal_fail(journal, "reading");
    }
    *count = (uint64_t)sql_number(journal->evictions, which, 0);
    sql_reset(journal->evictions, which);
    return JOURNAL_OK;
}

/* The rows that one step takes: all up to `last_seq`. */
struct eviction {
    uint64_t rows;
    uint64_t bytes; /* of their texts */
    uint64_t last_seq;
    struct journal_gap unsent;
};

/* What may go in one step. */
struct surplus {
    int64_t before_us; /* older rows go; INT64_MAX: any */
    unsigned rows_max;
    uint64_t bytes_max;
};

/* Whether it waits although the cursor has passed it: the broker refuses its topic. */
static bool is_waiting(struct journal *journal, const struct journal_unsent *unsent,
                       uint64_t seq, int64_t machine, size_t length)
{
    if (unsent->is_waiting == NULL) {
        return false;
    }
    sql_bind_number(journal->evictions, TOPIC, 1, machine);
    bool is_waiting = sql_step(journal->evictions, TOPIC) == SQL_ROW &&
                      unsent->is_waiting(unsent->context, seq,
                                         sql_text(journal->evictions, TOPIC, 0, NULL), length);
    sql_reset(journal->evictions, TOPIC);
    return is_waiting;
}

/* Walks from the oldest row to the first that is to stay. A row stamped while the clock was not
 * set is as old as the rows behind it. */
static enum journal_status find_surplus(struct journal *journal,
                                        const struct journal_unsent *unsent,
                                        const struct surplus *surplus,
                                        struct eviction *eviction)
{
    int64_t before_us = surplus->before_us;
    struct sql_statements *statements = journal->evictions;
    sql_bind_number(statements, OLDEST_ROWS, 1, surplus->rows_max);
    struct eviction walked = {.unsent.reason = "evicted"};
    enum sql_status status;
    while ((status = sql_step(statements, OLDEST_ROWS)) == SQL_ROW &&
           walked.bytes < surplus->bytes_max) {
        uint64_t seq = (uint64_t)sql_number(statements, OLDEST_ROWS, 0);
        int64_t time_us = sql_number(statements, OLDEST_ROWS, 1);
        bool is_stamped = clock_is_set(time_us) || before_us == INT64_MAX;
        if (is_stamped && time_us >= before_us) {
            sql_reset(statements, OLDEST_ROWS);
            return JOURNAL_OK;
        }
        walked.rows++;
        uint64_t length = (uint64_t)sql_number(statements, OLDEST_ROWS, 2);
        walked.bytes += length;
        walked.last_seq = seq;
        int64_t machine = sql_number(statements, OLDEST_ROWS, 3);
        if (seq > unsent->cursor || is_waiting(journal, unsent, seq, machine, length)) {
            walked.unsent.from = walked.unsent.count == 0 ? seq : walked.unsent.from;
            walked.unsent.to = seq;
            walked.unsent.count++;
        }
        if (is_stamped) {
            *eviction = walked;
        }
    }
    if (status == SQL_ROW) {
        sql_reset(statements, OLDEST_ROWS);
        return JOURNAL_OK;
    }
    return status == SQL_DONE ? JOURNAL_OK : journal_fail(journal, "reading");
}

static enum journal_status delete_surplus(struct journal *journal,
                                          const struct eviction *eviction)
{
    if (eviction->rows == 0) {
        return JOURNAL_OK;
    }
    sql_bind_number(journal->evictions, DELETE_ROWS, 1, (int64_t)eviction->last_seq);
    enum journal_status status =
        journal_run(journal, journal->evictions, DELETE_ROWS, "deleting");
    if (status == JOURNAL_OK && eviction->unsent.count > 0) {
        status = journal_append_gap(journal, &eviction->unsent);
    }
    return status;
}

/* Rows stop short of the quota, so that a step of retention comes before SQLite says full. */
static enum journal_status measure(struct journal *journal, uint64_t spare_bytes,
                                   uint64_t *excess_bytes, bool *is_loose)
{
    uint64_t pages = 0;
    uint64_t free_pages = 0;
    enum journal_status status = ask_count(journal, PAGES_COUNT, &pages);
    if (status == JOURNAL_OK) {
        status = ask_count(journal, PAGES_FREE, &free_pages);
    }
    uint64_t used_bytes = (pages - free_pages) * journal->page_bytes;
    uint64_t limit_bytes = journal->quota_bytes - journal->max_bytes / 16 - spare_bytes;
    *excess_bytes = used_bytes > limit_bytes ? used_bytes - limit_bytes : 0;
    *is_loose = free_pages > VACUUM_PAGES_SPARE;
    return status;
}

bool journal_is_crowded(struct journal *journal)
{
    uint64_t excess_bytes = 0;
    bool is_loose;
    uint64_t step = journal->max_bytes / STEP_SHARE;
    return measure(journal, step, &excess_bytes, &is_loose) != JOURNAL_OK || excess_bytes > 0;
}

/* How much one step may take; of what is old but not in excess, as much as it can. */
static uint64_t step_bytes(const struct journal *journal, uint64_t excess_bytes)
{
    uint64_t max_bytes = journal->max_bytes;
    uint64_t most = max_bytes / STEP_SHARE < STEP_BYTES_MAX ? max_bytes / STEP_SHARE
                                                            : (uint64_t)STEP_BYTES_MAX;
    uint64_t wanted = excess_bytes > 0 ? excess_bytes + max_bytes / SLACK_SHARE : most;
    return wanted < most ? wanted : most;
}

static void add_gap(struct journal_gap *gap, const struct journal_gap *more)
{
    if (gap->count == 0) {
        *gap = *more;
    } else if (more->count > 0) {
        gap->to = more->to;
        gap->count += more->count;
    }
}

enum journal_status journal_evict(struct journal *journal, const struct journal_unsent *unsent,
                                  int64_t now_us, unsigned rows_max, struct journal_gap *gap,
                                  bool *is_more)
{
    *is_more = false;
    if (journal->sql == NULL) {
        return JOURNAL_FAILED;
    }
    uint64_t excess_bytes;
    bool is_loose;
    enum journal_status status = measure(journal, 0, &excess_bytes, &is_loose);
    bool is_over = excess_bytes > 0 || journal->must_shrink;
    journal->must_shrink = false;
    struct eviction eviction = {0};
    struct surplus surplus = {
        .before_us = is_over ? INT64_MAX : journal_expiry_us(journal, now_us),
        .rows_max = rows_max,
        .bytes_max = step_bytes(journal, excess_bytes),
    };
    if (status == JOURNAL_OK) {
        status = find_surplus(journal, unsent, &surplus, &eviction);
    }
    if (status != JOURNAL_OK || (eviction.rows == 0 && !is_loose)) {
        return status;
    }
    status = journal_begin(journal);
    if (status != JOURNAL_OK) {
        return status;
    }
    status = delete_surplus(journal, &eviction);
    if (status == JOURNAL_OK && is_loose) {
        status = journal_run(journal, journal->evictions, VACUUM, "shrinking");
    }
    status = journal_end(journal, status);
    if (status == JOURNAL_OK) {
        add_gap(gap, &eviction.unsent);
        *is_more = is_loose || (is_over && eviction.rows > 0) || eviction.rows >= rows_max ||
                   eviction.bytes >= surplus.bytes_max;
    }
    return status;
}
