#include "gateway/web_topics.h"

#include <stdlib.h>
#include <string.h>

#include "config/memory.h"
#include "gateway/clock.h"
#include "gateway/json.h"
#include "gateway/payload.h"
#include "gateway/topic.h"

/* What was last said in a topic. */
struct said {
    char *text; /* PAYLOAD_META_SIZE, or as large as a sample; "" when nothing was */
    size_t size;
    int64_t time_us; /* 0: never */
    uint64_t count;  /* since the start */
    bool is_counted; /* false: nobody counts these */
};

/* While the topics are visited. */
struct writing {
    const struct web_parts *parts;
    struct web_rates *rates;
    struct json json;
    const struct machine *machine; /* NULL: the gateway */
    size_t index;                  /* of the machine */
    struct live_view view;
    struct said said;
};

static void count(struct said *said, uint64_t number)
{
    said->count = number;
    said->is_counted = true;
}

static void say(struct said *said, const char *text, size_t length, int64_t time_us)
{
    (void)snprintf(said->text, said->size, "%.*s", (int)length, text);
    said->time_us = time_us;
}

static void say_now(struct writing *writing, size_t tag)
{
    const struct point *point = &writing->view.points[tag];
    struct live_item item = {.kind = LIVE_NOW,
                             .point = *point,
                             .text = writing->view.texts + point->text,
                             .text_length = point->text_length};
    count(&writing->said, writing->view.taken_now[tag]);
    if (point->is_present) {
        (void)payload_now(&writing->machine->map->tags[tag], &item, writing->said.text,
                          writing->said.size);
        writing->said.time_us = point->time_us;
    }
}

/* The newest event of that name, if it is still kept. */
static void say_event(struct writing *writing, const char *name)
{
    struct events *events = writing->parts->events;
    size_t wanted = writing->machine != NULL ? writing->index : EVENT_OF_GATEWAY;
    struct event event;
    for (uint64_t number = events_pushed(events); number > 0; number--) {
        if (!events_get(events, number - 1, &event)) {
            return;
        }
        if (event.machine == wanted && strcmp(event.name, name) == 0) {
            (void)payload_event(&event, writing->said.text, writing->said.size);
            writing->said.time_us = event.time_us;
            return;
        }
    }
}

static void say_of_machine(struct writing *writing, const char *leaf, size_t tag)
{
    const struct live_view *view = &writing->view;
    struct said *said = &writing->said;
    const char *status = view->health.is_online ? "online" : "offline";
    if (strcmp(leaf, "now") == 0) {
        say_now(writing, tag);
    } else if (strcmp(leaf, "meta") == 0) {
        (void)payload_meta(writing->parts->factory, writing->index, tag, said->text,
                           said->size);
        said->time_us = writing->parts->started_us;
    } else if (strcmp(leaf, "status") == 0 && view->health.is_known) {
        count(said, view->taken[LIVE_STATUS]);
        say(said, status, strlen(status), view->health.since_us);
    } else if (strcmp(leaf, "info") == 0 && view->health.is_known) {
        count(said, view->taken[LIVE_INFO]);
        (void)payload_info(writing->parts->factory, writing->index, &view->health, said->text,
                           said->size);
        said->time_us = view->health.since_us;
    } else if (view->payload_length > 0 &&
               (strcmp(leaf, "snapshot") == 0 || strcmp(leaf, "samples") == 0)) {
        count(said, strcmp(leaf, "samples") == 0 ? view->samples : view->taken[LIVE_SNAPSHOT]);
        say(said, view->payload, view->payload_length, view->time_us);
    }
}

static void say_stats(struct writing *writing)
{
    const struct web_parts *parts = writing->parts;
    struct web_rates_view rates;
    struct uplink_view uplink;
    struct stats stats = {.time_us = clock_wall_us()};
    web_rates_read(writing->rates, &rates);
    uplink_read(parts->uplink, &uplink);
    ledger_read(parts->ledger, &stats.ledger);
    live_totals(parts->live, &stats.totals);
    stats.published = uplink.published;
    stats.rejected = uplink.rejected;
    stats.reconnects = uplink.reconnects;
    stats.samples_per_s = rates.samples_per_s;
    stats.readings_per_s = rates.readings_per_s;
    (void)payload_stats(&stats, writing->said.text, writing->said.size);
    writing->said.time_us = stats.time_us;
}

static void say_of_gateway(struct writing *writing, const char *leaf)
{
    const struct web_parts *parts = writing->parts;
    if (strcmp(leaf, "status") == 0) {
        say(&writing->said, "online", strlen("online"), parts->started_us);
    } else if (strcmp(leaf, "info") == 0) {
        struct gateway_info info = {.run = parts->run,
                                    .started_us = parts->started_us,
                                    .page = parts->page,
                                    .page_error = ""};
        (void)payload_gateway_info(parts->factory, &info, writing->said.text,
                                   writing->said.size);
        writing->said.time_us = parts->started_us;
    } else {
        say_stats(writing);
    }
}

static void see(void *context, const char *leaf, const char *name, size_t tag)
{
    struct writing *writing = context;
    struct json *json = &writing->json;
    char topic[TOPIC_SIZE];
    bool is_event = strcmp(leaf, "event") == 0;
    bool is_sample = strcmp(leaf, "samples") == 0;
    writing->said.text[0] = '\0';
    writing->said.time_us = 0;
    writing->said.is_counted = false;
    if (is_event) {
        say_event(writing, name);
    } else if (writing->machine != NULL) {
        say_of_machine(writing, leaf, tag);
    } else {
        say_of_gateway(writing, leaf);
    }
    if (writing->machine != NULL) {
        topic_of_machine(writing->parts->factory, writing->index, leaf, name, topic);
    } else {
        topic_of_gateway(writing->parts->factory, leaf, name, topic);
    }
    json_open(json, NULL, '{');
    json_string(json, "topic", topic);
    json_boolean(json, "retained", !is_event && !is_sample);
    json_unsigned(json, "qos", is_event || is_sample || writing->machine == NULL ? 1 : 0);
    if (writing->said.is_counted) {
        json_unsigned(json, "count", writing->said.count);
    } else {
        json_raw(json, "count", "null", 4);
    }
    json_string(json, "payload", writing->said.text);
    if (writing->said.time_us != 0) {
        json_signed(json, "time", writing->said.time_us / 1000);
    } else {
        json_raw(json, "time", "null", 4);
    }
    json_close(json, '}');
}

char *web_topics_write(const struct web_parts *parts, struct web_rates *rates,
                       const struct machine *machine, size_t *length)
{
    struct writing writing = {.parts = parts, .rates = rates, .machine = machine};
    struct topic_visit visit = {.see = see, .context = &writing};
    writing.json = json_begin_growing();
    writing.said.size = PAYLOAD_META_SIZE;
    if (machine != NULL) {
        size_t sample_size = sample_payload_size(machine->map);
        writing.index = (size_t)(machine - parts->factory->machines);
        writing.said.size += sample_size;
        live_view_create(parts->live, writing.index, &writing.view);
        (void)live_look(parts->live, writing.index, &writing.view);
    }
    writing.said.text = memory_allocate(writing.said.size, 1);
    json_open(&writing.json, "topics", '[');
    if (machine != NULL) {
        topic_visit_machine(machine, &visit);
        live_view_release(&writing.view);
    } else {
        topic_visit_gateway(&visit);
    }
    json_close(&writing.json, ']');
    free(writing.said.text);
    *length = json_end(&writing.json);
    return writing.json.text;
}
