#include "gateway/web_events.h"

static void put_members(struct json *json, const struct web_parts *parts,
                        const struct event *event)
{
    json_signed(json, "time", event->time_us / 1000);
    if (event->machine == EVENT_OF_GATEWAY) {
        json_raw(json, "machine", "null", 4);
    } else {
        json_string(json, "machine", parts->factory->machines[event->machine].name);
    }
    json_string(json, "name", event->name);
    json_open(json, "members", '{');
    json_members(json, event->text);
    json_close(json, '}');
}

bool web_events_put(struct json *json, const struct web_parts *parts, uint64_t number)
{
    struct event event;
    bool is_kept = events_get(parts->events, number, &event);
    if (is_kept) {
        put_members(json, parts, &event);
    }
    return is_kept;
}

void web_events_put_one(struct json *json, const struct web_parts *parts, uint64_t number)
{
    struct event event;
    if (events_get(parts->events, number, &event)) {
        json_open(json, NULL, '{');
        put_members(json, parts, &event);
        json_close(json, '}');
    }
}
