#include "gateway/web_state.h"

#include <stdlib.h>
#include <string.h>

#include "config/memory.h"
#include "gateway/clock.h"
#include "gateway/json.h"

enum {
    /* That a value was read again, and is the same, is told no oftener than that. */
    RENEW_US = 1000000,
};

/* What stands beside the machines. */
struct surroundings {
    struct uplink_view uplink;
    struct ledger_view ledger;
    struct web_rates_view rates;
};

/* A machine: as it was told last, and as it is. */
struct machine_state {
    struct live_view told;
    struct live_view seen;
    int64_t renewed_us; /* monotonic: when times alone were told */
    bool is_told;
};

struct web_state {
    const struct web_parts *parts;
    struct web_rates *rates;
    struct surroundings told;
    struct surroundings seen;
    struct machine_state *machines;
    int64_t time_us; /* wall clock, of the look */
};

struct web_state *web_state_create(const struct web_parts *parts, struct web_rates *rates)
{
    struct web_state *state = memory_allocate(1, sizeof *state);
    state->parts = parts;
    state->rates = rates;
    state->machines = memory_allocate(parts->factory->machines_count, sizeof *state->machines);
    for (size_t at = 0; at < parts->factory->machines_count; at++) {
        live_view_create(parts->live, at, &state->machines[at].told);
        live_view_create(parts->live, at, &state->machines[at].seen);
    }
    return state;
}

void web_state_destroy(struct web_state *state)
{
    if (state == NULL) {
        return;
    }
    for (size_t at = 0; at < state->parts->factory->machines_count; at++) {
        live_view_release(&state->machines[at].told);
        live_view_release(&state->machines[at].seen);
    }
    free(state->machines);
    free(state);
}

void web_state_look(struct web_state *state)
{
    const struct web_parts *parts = state->parts;
    state->time_us = clock_wall_us();
    uplink_read(parts->uplink, &state->seen.uplink);
    ledger_read(parts->ledger, &state->seen.ledger);
    web_rates_read(state->rates, &state->seen.rates);
    for (size_t at = 0; at < parts->factory->machines_count; at++) {
        (void)live_look(parts->live, at, &state->machines[at].seen);
    }
}

/* ---- beside the machines ---- */

static void put_ms(struct json *json, const char *name, int64_t time_us)
{
    json_signed(json, name, time_us / 1000);
}

static void put_uplink(struct json *json, const struct uplink_view *uplink)
{
    json_open(json, "broker", '{');
    json_string(json, "state", uplink_state_text(uplink->state));
    json_string(json, "url", uplink->url);
    put_ms(json, "since", uplink->since_us);
    json_string(json, "error", uplink->error);
    json_unsigned(json, "reconnects", uplink->reconnects);
    json_close(json, '}');
}

static void put_journal(struct json *json, const struct ledger_view *ledger)
{
    json_open(json, "journal", '{');
    json_boolean(json, "ok", ledger->is_journal_ok);
    json_unsigned(json, "bytes", ledger->journal_bytes);
    json_boolean(json, "held", ledger->is_journal_held);
    json_close(json, '}');
}

static uint64_t backlog_of(const struct surroundings *around)
{
    return around->ledger.committed - around->ledger.acknowledged;
}

static void put_backlog(struct json *json, const struct surroundings *around)
{
    json_open(json, "backlog", '{');
    json_unsigned(json, "count", backlog_of(around));
    if (around->ledger.oldest_us > 0) {
        put_ms(json, "oldest", around->ledger.oldest_us);
    } else {
        json_raw(json, "oldest", "null", 4);
    }
    json_rate(json, "per_s", around->rates.published_per_s);
    json_close(json, '}');
}

static void put_rates(struct json *json, const struct web_rates_view *rates)
{
    json_open(json, "rates", '{');
    json_rate(json, "samples_per_s", rates->samples_per_s);
    json_rate(json, "readings_per_s", rates->readings_per_s);
    json_rate(json, "published_per_s", rates->published_per_s);
    json_close(json, '}');
}

static bool have_rates_moved(const struct web_rates_view *one,
                             const struct web_rates_view *other)
{
    return one->samples_per_s < other->samples_per_s ||
           one->samples_per_s > other->samples_per_s ||
           one->readings_per_s < other->readings_per_s ||
           one->readings_per_s > other->readings_per_s ||
           one->published_per_s < other->published_per_s ||
           one->published_per_s > other->published_per_s;
}

/* What moved, or all of it. */
static void put_surroundings(struct json *json, const struct web_state *state, bool is_whole)
{
    const struct surroundings *seen = &state->seen;
    const struct surroundings *told = &state->told;
    bool have_moved = have_rates_moved(&seen->rates, &told->rates);
    if (is_whole || seen->uplink.state != told->uplink.state ||
        seen->uplink.since_us != told->uplink.since_us ||
        seen->uplink.url != told->uplink.url ||
        strcmp(seen->uplink.error, told->uplink.error) != 0) {
        put_uplink(json, &seen->uplink);
    }
    if (is_whole || seen->ledger.is_journal_ok != told->ledger.is_journal_ok ||
        seen->ledger.is_journal_held != told->ledger.is_journal_held ||
        seen->ledger.journal_bytes != told->ledger.journal_bytes) {
        put_journal(json, &seen->ledger);
    }
    if (is_whole || have_moved || backlog_of(seen) != backlog_of(told) ||
        seen->ledger.oldest_us != told->ledger.oldest_us) {
        put_backlog(json, seen);
    }
    if (is_whole || have_moved) {
        put_rates(json, &seen->rates);
    }
}

/* ---- machines ---- */

static void put_health(struct json *json, const struct health *health)
{
    char reason[REASON_TEXT_SIZE];
    (void)reason_text(health->reason, health->exception, reason);
    const char *state = health->is_online ? "online" : "offline";
    json_string(json, "state", health->is_known ? state : "unknown");
    put_ms(json, "since", health->since_us);
    json_string(json, "reason", health->reason != REASON_NONE ? reason : "");
    json_string(json, "detail", health->detail);
    json_unsigned(json, "achieved_ms", health->achieved_ms);
}

static void put_counters(struct json *json, const struct live_view *view)
{
    json_unsigned(json, "polls", view->health.polls);
    json_unsigned(json, "failed", view->health.failed);
    json_unsigned(json, "missed", view->health.missed);
    if (view->seq > 0) {
        json_unsigned(json, "seq", view->seq);
        put_ms(json, "time", view->time_us);
    }
}

static void put_value(struct json *json, const struct tag *tag, const struct live_view *view,
                      size_t index)
{
    const struct point *point = &view->points[index];
    json_open(json, tag->name, '{');
    json_raw(json, "v", view->texts + point->text, point->text_length);
    json_string(json, "q", quality_text(point->quality));
    if (point->quality == QUALITY_BAD) {
        char reason[REASON_TEXT_SIZE];
        (void)reason_text(point->reason, point->exception, reason);
        json_string(json, "r", reason);
    }
    put_ms(json, "t", point->time_us);
    json_close(json, '}');
}

static bool has_value_moved(const struct live_view *seen, const struct live_view *told,
                            size_t index, bool is_time_told)
{
    const struct point *new = &seen->points[index];
    const struct point *old = &told->points[index];
    return new->is_present != old->is_present || new->quality != old->quality ||
           new->reason != old->reason || new->exception != old->exception ||
           new->text_length != old->text_length ||
           memcmp(seen->texts + new->text, told->texts + old->text, new->text_length) != 0 ||
           (is_time_told && new->time_us != old->time_us);
}

static bool has_health_moved(const struct health *new, const struct health *old)
{
    return new->is_known != old->is_known || new->is_online != old->is_online ||
           new->since_us != old->since_us || new->reason != old->reason ||
           new->exception != old->exception || new->achieved_ms != old->achieved_ms ||
           strcmp(new->detail, old->detail) != 0;
}

static void put_values(struct json *json, const struct machine *machine,
                       const struct machine_state *of, bool is_whole, bool is_time_told)
{
    json_open(json, "values", '{');
    for (size_t at = 0; at < machine->map->tags_count; at++) {
        if (of->seen.points[at].is_present &&
            (is_whole || has_value_moved(&of->seen, &of->told, at, is_time_told))) {
            put_value(json, &machine->map->tags[at], &of->seen, at);
        }
    }
    json_close(json, '}');
}

static void put_machine(struct json *json, const struct machine *machine,
                        const struct machine_state *of, bool is_whole, bool is_time_told)
{
    json_open(json, machine->name, '{');
    if (is_whole || has_health_moved(&of->seen.health, &of->told.health)) {
        put_health(json, &of->seen.health);
    }
    put_counters(json, &of->seen);
    if (is_whole || of->seen.seq != of->told.seq) {
        put_values(json, machine, of, is_whole, is_time_told);
    }
    json_close(json, '}');
}

/* A time that was not told stays due. */
static void remember(struct machine_state *of, const struct machine *machine, bool is_time_told)
{
    struct live_view *told = &of->told;
    const struct live_view *seen = &of->seen;
    for (size_t at = 0; at < machine->map->tags_count; at++) {
        if (has_value_moved(seen, told, at, is_time_told)) {
            told->points[at] = seen->points[at];
        }
    }
    told->revision = seen->revision;
    told->health = seen->health;
    told->seq = seen->seq;
    told->time_us = seen->time_us;
    (void)memcpy(told->texts, seen->texts, seen->texts_size);
}

/* ---- both ---- */

static char *end(struct json *json, size_t *length)
{
    *length = json_end(json);
    return json->text;
}

char *web_state_write_whole(struct web_state *state, size_t *length)
{
    const struct factory *factory = state->parts->factory;
    struct json json = json_begin_growing();
    put_ms(&json, "time", state->time_us);
    json_open(&json, "gateway", '{');
    json_unsigned(&json, "run", state->parts->run);
    json_close(&json, '}');
    put_surroundings(&json, state, true);
    json_open(&json, "machines", '{');
    for (size_t at = 0; at < factory->machines_count; at++) {
        put_machine(&json, &factory->machines[at], &state->machines[at], true, true);
    }
    json_close(&json, '}');
    return end(&json, length);
}

static void put_changed_machines(struct json *json, struct web_state *state)
{
    const struct factory *factory = state->parts->factory;
    int64_t now_us = clock_monotonic_us();
    for (size_t at = 0; at < factory->machines_count; at++) {
        struct machine_state *of = &state->machines[at];
        if (of->seen.revision == of->told.revision) {
            continue;
        }
        bool is_time_told = now_us - of->renewed_us >= RENEW_US;
        of->renewed_us = is_time_told ? now_us : of->renewed_us;
        put_machine(json, &factory->machines[at], of, false, is_time_told);
        remember(of, &factory->machines[at], is_time_told);
    }
}

char *web_state_write_change(struct web_state *state, bool is_always, size_t *length)
{
    struct json json = json_begin_growing();
    put_ms(&json, "time", state->time_us);
    size_t nothing = json.length;
    put_surroundings(&json, state, false);
    state->told = state->seen;
    size_t before = json.length;
    json_open(&json, "machines", '{');
    size_t empty = json.length;
    put_changed_machines(&json, state);
    if (json.length == empty) {
        json.length = before;
        json.has_comma = true;
    } else {
        json_close(&json, '}');
    }
    if (json.length == nothing && !is_always) {
        free(json.text);
        return NULL;
    }
    return end(&json, length);
}
