#include "gateway/web_api.h"

#include <stdlib.h>
#include <string.h>

#include "config/memory.h"
#include "gateway/gzip.h"
#include "gateway/web_bus.h"
#include "gateway/web_events.h"
#include "gateway/web_factory.h"
#include "gateway/web_history.h"
#include "gateway/web_lab.h"
#include "gateway/web_metrics.h"
#include "gateway/web_state.h"
#include "gateway/web_tag.h"
#include "gateway/web_topics.h"
#include "gateway/web_trace.h"

enum { EVENTS_TOLD_MAX = 200 };

struct web_api {
    const struct web_parts *parts;
    struct web_rates *rates;
    struct web_history *history;
    struct web_lab *lab;
    struct web_trace *trace;
};

struct web_api *web_api_create(const struct web_parts *parts, struct web_rates *rates)
{
    struct web_api *api = memory_allocate(1, sizeof *api);
    api->parts = parts;
    api->rates = rates;
    api->history = web_history_start(parts);
    api->lab = web_lab_start(parts->factory);
    api->trace = web_trace_start(parts);
    return api;
}

void web_api_stop(struct web_api *api)
{
    web_trace_stop(api->trace);
    web_history_stop(api->history);
    web_lab_stop(api->lab);
}

void web_api_destroy(struct web_api *api)
{
    web_trace_destroy(api->trace);
    web_history_destroy(api->history);
    web_lab_destroy(api->lab);
    free(api);
}

static void answer_factory(void *context, const struct http_request *request,
                           struct http_response *response)
{
    const struct web_api *api = context;
    (void)request;
    size_t length;
    char *text = web_factory_write(api->parts, &length);
    http_json(response, text, length);
}

static void answer_live(void *context, const struct http_request *request,
                        struct http_response *response)
{
    const struct web_api *api = context;
    (void)request;
    struct web_state *state = web_state_create(api->parts, api->rates);
    web_state_look(state);
    size_t length;
    char *text = web_state_write_whole(state, &length);
    web_state_destroy(state);
    http_json(response, text, length);
}

static void answer_stream(void *context, const struct http_request *request,
                          struct http_response *response)
{
    (void)context;
    (void)request;
    *response =
        (struct http_response){.kind = HTTP_STREAM, .status = 200, .type = "text/event-stream"};
}

static void answer_events(void *context, const struct http_request *request,
                          struct http_response *response)
{
    const struct web_api *api = context;
    (void)request;
    struct json json = json_begin_growing();
    json_open(&json, "events", '[');
    uint64_t pushed = events_pushed(api->parts->events);
    for (uint64_t back = 1; back <= pushed && back <= EVENTS_TOLD_MAX; back++) {
        web_events_put_one(&json, api->parts, pushed - back);
    }
    json_close(&json, ']');
    size_t length = json_end(&json);
    http_json(response, json.text, length);
}

static void answer_history(void *context, const struct http_request *request,
                           struct http_response *response)
{
    const struct web_api *api = context;
    web_history_answer(api->history, request, response);
}

static void answer_trace(void *context, const struct http_request *request,
                         struct http_response *response)
{
    const struct web_api *api = context;
    web_trace_answer(api->trace, request, response);
}

static void answer_topics(void *context, const struct http_request *request,
                          struct http_response *response)
{
    const struct web_api *api = context;
    const char *name = http_argument(request, "machine");
    const struct machine *machine = web_tag_find_machine(api->parts->factory, request);
    if (machine == NULL && (name == NULL || strcmp(name, "_gateway") != 0)) {
        http_fail(response, 404, "there is no such machine");
        return;
    }
    size_t length;
    char *text = web_topics_write(api->parts, api->rates, machine, &length);
    http_json(response, text, length);
}

static void answer_bus(void *context, const struct http_request *request,
                       struct http_response *response)
{
    const struct web_api *api = context;
    (void)request;
    size_t length;
    char *text = web_bus_write(api->parts, &length);
    http_json(response, text, length);
}

static void answer_lab(void *context, const struct http_request *request,
                       struct http_response *response)
{
    const struct web_api *api = context;
    web_lab_answer(api->lab, request, response);
}

static void answer_metrics(void *context, const struct http_request *request,
                           struct http_response *response)
{
    const struct web_api *api = context;
    (void)request;
    size_t length = 0;
    char *text = web_metrics_write(api->parts, &length);
    http_json(response, text, length);
    response->type = "text/plain; version=0.0.4; charset=utf-8";
}

static void answer_health(void *context, const struct http_request *request,
                          struct http_response *response)
{
    const struct web_api *api = context;
    (void)request;
    size_t length;
    enum web_health health;
    char *text = web_metrics_write_health(api->parts, &length, &health);
    http_json(response, text, length);
    response->status = health == WEB_HEALTH_STARTING ? 503 : 200;
}

static const struct http_route routes[] = {
    {"/api/factory", HTTP_GET, answer_factory},     {"/api/live", HTTP_GET, answer_live},
    {"/api/stream", HTTP_GET, answer_stream},       {"/api/events", HTTP_GET, answer_events},
    {"/api/history", HTTP_GET, answer_history},     {"/api/bus", HTTP_GET, answer_bus},
    {"/api/topics", HTTP_GET, answer_topics},       {"/api/trace", HTTP_GET, answer_trace},
    {"/metrics", HTTP_GET, answer_metrics},         {"/healthz", HTTP_GET, answer_health},
    {"/api/lab", HTTP_GET | HTTP_POST, answer_lab},
};

const struct http_route *web_api_routes(size_t *count)
{
    *count = sizeof routes / sizeof routes[0];
    return routes;
}
