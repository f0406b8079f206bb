#include "gateway/web_bus.h"

#include <stdio.h>
#include <stdlib.h>

#include "gateway/clock.h"

void web_bus_put_bytes(struct json *json, const char *name, const uint8_t *bytes, size_t count)
{
    static const char digits[] = "0123456789ABCDEF";
    char text[3 * DRIVER_REPLY_MAX + 1];
    size_t length = 0;
    for (size_t at = 0; at < count; at++) {
        text[length++] = digits[bytes[at] >> 4];
        text[length++] = digits[bytes[at] & 0xF];
        text[length++] = ' ';
    }
    text[length > 0 ? length - 1 : 0] = '\0';
    json_string(json, name, text);
}

static void put_rtt(struct json *json, const struct driver_counters *counters)
{
    uint64_t mean_us = counters->answers > 0 ? counters->rtt_sum_us / counters->answers : 0;
    json_open(json, "rtt_us", '{');
    json_unsigned(json, "last", counters->rtt_last_us);
    json_unsigned(json, "min", counters->rtt_min_us);
    json_unsigned(json, "mean", mean_us);
    json_unsigned(json, "max", counters->rtt_max_us);
    json_open(json, "histogram", '[');
    for (size_t at = 0; at < DRIVER_RTT_STEPS; at++) {
        json_open(json, NULL, '[');
        if (at < DRIVER_RTT_STEPS - 1) {
            json_unsigned(json, NULL, driver_rtt_us[at]);
        } else {
            json_raw(json, NULL, "null", 4);
        }
        json_unsigned(json, NULL, counters->rtt_steps[at]);
        json_close(json, ']');
    }
    json_close(json, ']');
    json_close(json, '}');
}

static void put_counters(struct json *json, const struct driver_counters *counters)
{
    json_unsigned(json, "requests", counters->requests);
    json_unsigned(json, "answers", counters->answers);
    json_unsigned(json, "timeouts", counters->timeouts);
    json_open(json, "exceptions", '{');
    for (size_t code = 0; code < DRIVER_EXCEPTIONS_MAX; code++) {
        char name[16];
        if (counters->exceptions[code] > 0) {
            (void)snprintf(name, sizeof name, "%zu", code);
            json_unsigned(json, name, counters->exceptions[code]);
        }
    }
    json_close(json, '}');
    json_unsigned(json, "bad_replies", counters->bad_replies);
    json_unsigned(json, "broken", counters->broken);
    json_unsigned(json, "dropped", counters->dropped);
    put_rtt(json, counters);
}

static void put_exchange(struct json *json, const struct driver_exchange *exchange)
{
    if (exchange->request_length == 0) { /* never asked */
        json_raw(json, "last", "null", 4);
        return;
    }
    json_open(json, "last", '{');
    json_signed(json, "sent", exchange->sent_us / 1000);
    json_unsigned(json, "duration_us", exchange->duration_us);
    json_string(json, "status", driver_status_text(exchange->status));
    json_unsigned(json, "exception", exchange->exception);
    web_bus_put_bytes(json, "request", exchange->request, exchange->request_length);
    web_bus_put_bytes(json, "reply", exchange->reply, exchange->reply_length);
    json_close(json, '}');
}

static void put_request(struct json *json, const struct machine *machine,
                        const struct bus_request *of)
{
    const struct driver_request *request = &of->request;
    json_open(json, NULL, '{');
    json_string(json, "table", table_name(request->table));
    json_unsigned(json, "address", request->address);
    json_unsigned(json, "count", request->count);
    json_unsigned(json, "tags", request->tags_count);
    json_unsigned(json, "unused", request->unused);
    json_unsigned(json, "every_ms", machine->periods_ms[request->period]);
    json_boolean(json, "quarantined", request->is_quarantined);
    put_exchange(json, &of->exchange);
    json_close(json, '}');
}

static void put_machine(struct json *json, const struct web_parts *parts, size_t index,
                        struct bus_plan *plan)
{
    const struct machine *machine = &parts->factory->machines[index];
    struct health health;
    live_health(parts->live, index, &health);
    bus_look_at_plan(parts->bus, index, plan);
    json_open(json, NULL, '{');
    json_string(json, "name", machine->name);
    json_unsigned(json, "unit_id", machine->unit_id);
    json_unsigned(json, "every_ms", machine->every_ms);
    json_unsigned(json, "achieved_ms", health.achieved_ms);
    json_unsigned(json, "missed", health.missed);
    json_open(json, "plan", '[');
    for (size_t at = 0; at < plan->count; at++) {
        put_request(json, machine, &plan->requests[at]);
    }
    json_close(json, ']');
    json_close(json, '}');
}

static void put_link(struct json *json, const struct web_parts *parts, size_t index,
                     struct bus_plan *plan)
{
    const struct link *link = &parts->factory->links[index];
    struct bus_link state;
    bus_look(parts->bus, index, &state);
    json_open(json, NULL, '{');
    json_string(json, "name", link->name);
    json_string(json, "host", link->host);
    json_unsigned(json, "port", link->port);
    json_string(json, "state",
                state.is_open        ? "open"
                : state.retry_us > 0 ? "waiting"
                                     : "closed");
    json_string(json, "status", driver_status_text(state.status));
    if (state.retry_us > 0) {
        json_signed(json, "retry", state.retry_us / 1000);
    } else {
        json_raw(json, "retry", "null", 4);
    }
    json_unsigned(json, "opened", state.opened);
    put_counters(json, &state.counters);
    json_open(json, "machines", '[');
    for (size_t at = 0; at < link->machines_count; at++) {
        put_machine(json, parts, link->machines[at], plan);
    }
    json_close(json, ']');
    json_close(json, '}');
}

char *web_bus_write(const struct web_parts *parts, size_t *length)
{
    struct json json = json_begin_growing();
    struct bus_plan plan = {.count = 0};
    bus_watch(parts->bus, clock_monotonic_us());
    json_signed(&json, "time", clock_wall_us() / 1000);
    json_open(&json, "links", '[');
    for (size_t at = 0; at < parts->factory->links_count; at++) {
        put_link(&json, parts, at, &plan);
    }
    json_close(&json, ']');
    free(plan.requests);
    *length = json_end(&json);
    return json.text;
}
