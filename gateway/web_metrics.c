#include "gateway/web_metrics.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/command.h"
#include "config/memory.h"
#include "gateway/json.h"

/* All that one scrape tells, copied before a line is written. */
struct scrape {
    const struct web_parts *parts;
    FILE *stream;
    struct live_totals totals;
    struct ledger_view ledger;
    struct uplink_view uplink;
    struct live_view *views; /* by machine */
    struct bus_link *links;
};

static void head(const struct scrape *scrape, const char *name, const char *type,
                 const char *help)
{
    (void)fprintf(scrape->stream, "# HELP formlab_%s %s\n# TYPE formlab_%s %s\n", name, help,
                  name, type);
}

/* ---- the gateway ---- */

static double read_started(const struct scrape *scrape)
{
    return (double)scrape->parts->started_us / 1e6;
}

static double read_run(const struct scrape *scrape)
{
    return (double)scrape->parts->run;
}

static double read_connected(const struct scrape *scrape)
{
    return scrape->uplink.state == UPLINK_CONNECTED ? 1 : 0;
}

static double read_reconnects(const struct scrape *scrape)
{
    return (double)scrape->uplink.reconnects;
}

static double read_backlog(const struct scrape *scrape)
{
    return (double)(scrape->ledger.committed - scrape->ledger.acknowledged);
}

static double read_samples(const struct scrape *scrape)
{
    return (double)scrape->totals.samples;
}

static double read_readings(const struct scrape *scrape)
{
    return (double)scrape->totals.readings;
}

static double read_published(const struct scrape *scrape)
{
    return (double)scrape->uplink.published;
}

static double read_rejected(const struct scrape *scrape)
{
    return (double)scrape->uplink.rejected;
}

static double read_evicted(const struct scrape *scrape)
{
    return (double)scrape->ledger.evicted_count;
}

static double read_bytes(const struct scrape *scrape)
{
    return (double)scrape->ledger.journal_bytes;
}

static double read_journal_ok(const struct scrape *scrape)
{
    return scrape->ledger.is_journal_ok ? 1 : 0;
}

static const struct {
    const char *name;
    const char *type;
    const char *help;
    double (*read)(const struct scrape *scrape);
} gauges[] = {
    {"start_time_seconds", "gauge", "When this run began, since 1970.", read_started},
    {"run", "gauge", "Which run this is, as in every sample.", read_run},
    {"broker_connected", "gauge", "1 while connected to the broker.", read_connected},
    {"broker_reconnects_total", "counter", "Connections lost since the start.",
     read_reconnects},
    {"backlog_samples", "gauge", "Committed and not yet acknowledged by the broker.",
     read_backlog},
    {"samples_total", "counter", "Samples taken since the start.", read_samples},
    {"readings_total", "counter", "Values read that are not bad.", read_readings},
    {"published_total", "counter", "Samples acknowledged by the broker since the start.",
     read_published},
    {"rejected_total", "counter", "Samples that the broker refused.", read_rejected},
    {"evicted_total", "counter", "Unsent samples lost to retention or a full disk.",
     read_evicted},
    {"journal_bytes", "gauge", "Size of the journal and its log.", read_bytes},
    {"journal_ok", "gauge", "0 while commits fail.", read_journal_ok},
};

static void put_gateway(const struct scrape *scrape)
{
    head(scrape, "info", "gauge", "The program.");
    (void)fprintf(scrape->stream, "formlab_info{gateway=\"%s\",version=\"%s\"} 1\n",
                  scrape->parts->factory->gateway.name, FORMLAB_VERSION);
    for (size_t at = 0; at < sizeof gauges / sizeof gauges[0]; at++) {
        head(scrape, gauges[at].name, gauges[at].type, gauges[at].help);
        (void)fprintf(scrape->stream, "formlab_%s %.15g\n", gauges[at].name,
                      gauges[at].read(scrape));
    }
}

/* ---- machines ---- */

static double read_online(const struct health *health)
{
    return health->is_online ? 1 : 0;
}

static double read_polls(const struct health *health)
{
    return (double)health->polls;
}

static double read_failed(const struct health *health)
{
    return (double)health->failed;
}

static double read_missed(const struct health *health)
{
    return (double)health->missed;
}

static double read_period(const struct health *health)
{
    return health->achieved_ms / 1000.0;
}

static const struct {
    const char *name;
    const char *type;
    const char *help;
    double (*read)(const struct health *health);
} of_machines[] = {
    {"machine_online", "gauge", "1 while the machine answers.", read_online},
    {"machine_polls_total", "counter", "Polls since the start.", read_polls},
    {"machine_failed_polls_total", "counter", "Polls without an answer.", read_failed},
    {"machine_missed_beats_total", "counter", "Beats skipped because a poll took too long.",
     read_missed},
    {"machine_period_seconds", "gauge", "Mean period of the last polls.", read_period},
};

static void put_machines(const struct scrape *scrape)
{
    const struct factory *factory = scrape->parts->factory;
    for (size_t row = 0; row < sizeof of_machines / sizeof of_machines[0]; row++) {
        head(scrape, of_machines[row].name, of_machines[row].type, of_machines[row].help);
        for (size_t at = 0; at < factory->machines_count; at++) {
            (void)fprintf(scrape->stream, "formlab_%s{machine=\"%s\"} %.15g\n",
                          of_machines[row].name, factory->machines[at].name,
                          of_machines[row].read(&scrape->views[at].health));
        }
    }
}

/* ---- links ---- */

static uint64_t read_requests(const struct bus_link *link)
{
    return link->counters.requests;
}

static uint64_t read_timeouts(const struct bus_link *link)
{
    return link->counters.timeouts;
}

static uint64_t read_bad_replies(const struct bus_link *link)
{
    return link->counters.bad_replies;
}

static uint64_t read_dropped(const struct bus_link *link)
{
    return link->counters.dropped;
}

static uint64_t read_opened(const struct bus_link *link)
{
    return link->opened;
}

static const struct {
    const char *name;
    const char *help;
    uint64_t (*read)(const struct bus_link *link);
} of_links[] = {
    {"link_requests_total", "Requests sent.", read_requests},
    {"link_timeouts_total", "Requests without an answer in time.", read_timeouts},
    {"link_bad_replies_total", "Answers that did not fit.", read_bad_replies},
    {"link_dropped_replies_total", "Late or doubled answers.", read_dropped},
    {"link_connections_total", "Connections made.", read_opened},
};

static void put_rtt(const struct scrape *scrape, size_t link)
{
    const char *name = scrape->parts->factory->links[link].name;
    const struct driver_counters *counters = &scrape->links[link].counters;
    uint64_t count = 0;
    for (size_t at = 0; at < DRIVER_RTT_STEPS - 1; at++) {
        count += counters->rtt_steps[at];
        (void)fprintf(scrape->stream,
                      "formlab_link_rtt_seconds_bucket{link=\"%s\",le=\"%g\"} %" PRIu64 "\n",
                      name, driver_rtt_us[at] / 1e6, count);
    }
    (void)fprintf(scrape->stream,
                  "formlab_link_rtt_seconds_bucket{link=\"%s\",le=\"+Inf\"} %" PRIu64 "\n"
                  "formlab_link_rtt_seconds_sum{link=\"%s\"} %.15g\n"
                  "formlab_link_rtt_seconds_count{link=\"%s\"} %" PRIu64 "\n",
                  name, counters->answers, name, (double)counters->rtt_sum_us / 1e6, name,
                  counters->answers);
}

static void put_exceptions(const struct scrape *scrape, size_t link)
{
    const uint64_t *exceptions = scrape->links[link].counters.exceptions;
    for (size_t code = 0; code < DRIVER_EXCEPTIONS_MAX; code++) {
        if (exceptions[code] > 0) {
            (void)fprintf(scrape->stream,
                          "formlab_link_exceptions_total{link=\"%s\",code=\"%zu\"} %" PRIu64
                          "\n",
                          scrape->parts->factory->links[link].name, code, exceptions[code]);
        }
    }
}

static void put_links(const struct scrape *scrape)
{
    const struct factory *factory = scrape->parts->factory;
    for (size_t row = 0; row < sizeof of_links / sizeof of_links[0]; row++) {
        head(scrape, of_links[row].name, "counter", of_links[row].help);
        for (size_t at = 0; at < factory->links_count; at++) {
            (void)fprintf(scrape->stream, "formlab_%s{link=\"%s\"} %" PRIu64 "\n",
                          of_links[row].name, factory->links[at].name,
                          of_links[row].read(&scrape->links[at]));
        }
    }
    head(scrape, "link_exceptions_total", "counter", "Requests that the device refused.");
    for (size_t at = 0; at < factory->links_count; at++) {
        put_exceptions(scrape, at);
    }
    head(scrape, "link_rtt_seconds", "histogram", "From a request to its answer.");
    for (size_t at = 0; at < factory->links_count; at++) {
        put_rtt(scrape, at);
    }
}

/* ---- values ---- */

static void put_label_text(const char *text, FILE *stream)
{
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\') {
            (void)fputc('\\', stream);
        }
        (void)fputc(*text, stream);
    }
}

/* Numbers and booleans that are not bad: a text has no place here. */
static void put_value(const struct scrape *scrape, size_t machine, size_t index)
{
    const struct machine *of = &scrape->parts->factory->machines[machine];
    const struct live_view *view = &scrape->views[machine];
    const struct point *point = &view->points[index];
    const char *text = view->texts + point->text;
    if (!point->is_present || point->quality == QUALITY_BAD || text[0] == '"') {
        return;
    }
    (void)fprintf(scrape->stream, "formlab_value{machine=\"%s\",tag=\"%s\",unit=\"", of->name,
                  of->map->tags[index].name);
    put_label_text(of->map->tags[index].unit, scrape->stream);
    (void)fprintf(scrape->stream, "\"} %.*s\n",
                  text[0] == 't' || text[0] == 'f' ? 1 : point->text_length,
                  text[0] == 't'   ? "1"
                  : text[0] == 'f' ? "0"
                                   : text);
}

static void put_values(const struct scrape *scrape)
{
    const struct factory *factory = scrape->parts->factory;
    head(scrape, "value", "gauge", "The newest value of a tag, in its unit.");
    for (size_t machine = 0; machine < factory->machines_count; machine++) {
        for (size_t tag = 0; tag < factory->machines[machine].map->tags_count; tag++) {
            put_value(scrape, machine, tag);
        }
    }
}

char *web_metrics_write(const struct web_parts *parts, size_t *length)
{
    size_t machines_count = parts->factory->machines_count;
    char *text = NULL;
    struct scrape scrape = {
        .parts = parts,
        .stream = open_memstream(&text, length),
        .views = memory_allocate(machines_count, sizeof *scrape.views),
        .links = memory_allocate(parts->factory->links_count, sizeof *scrape.links),
    };
    live_totals(parts->live, &scrape.totals);
    ledger_read(parts->ledger, &scrape.ledger);
    uplink_read(parts->uplink, &scrape.uplink);
    for (size_t at = 0; at < parts->factory->links_count; at++) {
        bus_look(parts->bus, at, &scrape.links[at]);
    }
    for (size_t at = 0; at < machines_count; at++) {
        live_view_create(parts->live, at, &scrape.views[at]);
        (void)live_look(parts->live, at, &scrape.views[at]);
    }
    if (scrape.stream != NULL) {
        put_gateway(&scrape);
        put_machines(&scrape);
        put_links(&scrape);
        put_values(&scrape);
        (void)fclose(scrape.stream);
    }
    for (size_t at = 0; at < machines_count; at++) {
        live_view_release(&scrape.views[at]);
    }
    free(scrape.views);
    free(scrape.links);
    return text;
}

/* ---- health ---- */

static bool put_reasons(struct json *json, const struct web_parts *parts)
{
    struct uplink_view uplink;
    struct ledger_view ledger;
    size_t before = json->length;
    uplink_read(parts->uplink, &uplink);
    ledger_read(parts->ledger, &ledger);
    if (uplink.state != UPLINK_CONNECTED) {
        json_string(json, NULL, "the broker is not connected");
    }
    if (!ledger.is_journal_ok) {
        json_string(json, NULL, "the journal cannot be written");
    }
    for (size_t at = 0; at < parts->factory->machines_count; at++) {
        struct health health;
        char text[160];
        live_health(parts->live, at, &health);
        if (health.is_known && !health.is_online) {
            (void)snprintf(text, sizeof text, "%s is offline",
                           parts->factory->machines[at].name);
            json_string(json, NULL, text);
        }
    }
    return json->length > before;
}

char *web_metrics_write_health(const struct web_parts *parts, size_t *length,
                               enum web_health *health)
{
    static const char *const texts[] = {"ok", "degraded", "starting"};
    struct json json = json_begin_growing();
    json_open(&json, "reasons", '[');
    bool has_reasons = put_reasons(&json, parts);
    json_close(&json, ']');
    *health = has_reasons ? WEB_HEALTH_DEGRADED : WEB_HEALTH_OK;
    if (!ready_is_complete(parts->ready)) {
        *health = WEB_HEALTH_STARTING;
    }
    json_string(&json, "status", texts[*health]);
    *length = json_end(&json);
    return json.text;
}
