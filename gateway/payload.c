#include "gateway/payload.h"

#include <string.h>

#include "config/command.h"
#include "gateway/json.h"

static const char *const languages[MAP_LANGUAGES_COUNT] = {"fr", "de", "en"};

size_t payload_now(const struct tag *tag, const struct live_item *item, char *text, size_t size)
{
    const struct point *point = &item->point;
    struct json json = json_begin(text, size);
    json_raw(&json, "value", item->text, item->text_length);
    if (tag->unit[0] != '\0') {
        json_string(&json, "unit", tag->unit);
    }
    json_string(&json, "q", quality_text(point->quality));
    if (point->quality == QUALITY_BAD) {
        char reason[REASON_TEXT_SIZE];
        (void)reason_text(point->reason, point->exception, reason);
        json_string(&json, "reason", reason);
    }
    json_time(&json, "time", point->time_us);
    json_signed(&json, "t", point->time_us / 1000);
    return json_end(&json);
}

static void put_titles(struct json *json, const char *const *titles)
{
    json_open(json, "titles", '{');
    for (size_t at = 0; at < MAP_LANGUAGES_COUNT; at++) {
        if (titles[at][0] != '\0') {
            json_string(json, languages[at], titles[at]);
        }
    }
    json_close(json, '}');
}

size_t payload_info(const struct factory *factory, size_t machine, const struct health *health,
                    char *text, size_t size)
{
    const struct machine *of = &factory->machines[machine];
    char reason[REASON_TEXT_SIZE];
    (void)reason_text(health->reason, health->exception, reason);
    struct json json = json_begin(text, size);
    json_string(&json, "state", health->is_online ? "online" : "offline");
    json_time(&json, "since", health->since_us);
    json_string(&json, "reason", health->reason != REASON_NONE ? reason : "");
    if (health->detail[0] != '\0') {
        json_string(&json, "detail", health->detail);
    }
    json_string(&json, "link", factory->links[of->link].name);
    json_unsigned(&json, "unit_id", of->unit_id);
    json_unsigned(&json, "tags", of->map->tags_count);
    json_unsigned(&json, "every_ms", of->every_ms);
    json_unsigned(&json, "achieved_ms", health->achieved_ms);
    json_string(&json, "gateway", factory->gateway.name);
    put_titles(&json, of->titles);
    json_boolean(&json, "simulated", of->simulate[0] != '\0');
    return json_end(&json);
}

static void put_source(struct json *json, const struct factory *factory,
                       const struct machine *machine, const struct tag *tag)
{
    json_open(json, "source", '{');
    json_string(json, "link", factory->links[machine->link].name);
    json_unsigned(json, "unit_id", machine->unit_id);
    json_string(json, "table", table_name(tag->table));
    json_unsigned(json, "address", machine_wire_address(machine, tag));
    json_string(json, "type", tag->type_text);
    json_string(json, "order", tag->order_text);
    json_decimal(json, "scale", tag->scale);
    json_decimal(json, "offset", tag->offset);
    if (tag->scale_tag >= 0) {
        json_string(json, "scale_tag", machine->map->tags[tag->scale_tag].name);
    }
    json_close(json, '}');
}

size_t payload_meta(const struct factory *factory, size_t machine, size_t tag_index, char *text,
                    size_t size)
{
    const struct machine *of = &factory->machines[machine];
    const struct tag *tag = &of->map->tags[tag_index];
    struct json json = json_begin(text, size);
    json_string(&json, "unit", tag->unit);
    json_string(&json, "description", tag->description);
    put_titles(&json, tag->titles);
    json_string(&json, "datatype", tag_datatype(tag));
    if (tag->has_min) {
        json_decimal(&json, "min", tag->min);
    }
    if (tag->has_max) {
        json_decimal(&json, "max", tag->max);
    }
    if (tag->words_count > 0) {
        json_open(&json, "words", '[');
        for (size_t at = 0; at < tag->words_count; at++) {
            json_string(&json, NULL, tag->words[at].text);
        }
        json_close(&json, ']');
    }
    json_unsigned(&json, "every_ms", machine_tag_period_ms(of, tag_index));
    json_string(&json, "access", tag->is_writable ? "rw" : "r");
    put_source(&json, factory, of, tag);
    return json_end(&json);
}

size_t payload_event(const struct event *event, char *text, size_t size)
{
    struct json json = json_begin(text, size);
    json_string(&json, "event", event->name);
    json_time(&json, "time", event->time_us);
    json_signed(&json, "t", event->time_us / 1000);
    json_members(&json, event->text);
    return json_end(&json);
}

size_t payload_gateway_info(const struct factory *factory, const struct gateway_info *info,
                            char *text, size_t size)
{
    size_t tags_count = 0;
    for (size_t at = 0; at < factory->machines_count; at++) {
        tags_count += factory->machines[at].map->tags_count;
    }
    struct json json = json_begin(text, size);
    json_string(&json, "gateway", factory->gateway.name);
    json_string(&json, "title", factory->site.title);
    json_string(&json, "version", FORMLAB_VERSION);
    json_unsigned(&json, "run", info->run);
    json_time(&json, "started", info->started_us);
    json_unsigned(&json, "links", factory->links_count);
    json_unsigned(&json, "machines", factory->machines_count);
    json_unsigned(&json, "tags", tags_count);
    if (info->page[0] != '\0') {
        json_string(&json, "page", info->page);
    }
    if (info->page_error[0] != '\0') {
        json_string(&json, "page_error", info->page_error);
    }
    return json_end(&json);
}

size_t payload_stats(const struct stats *stats, char *text, size_t size)
{
    const struct ledger_view *ledger = &stats->ledger;
    const struct live_totals *totals = &stats->totals;
    struct json json = json_begin(text, size);
    json_time(&json, "time", stats->time_us);
    json_signed(&json, "t", stats->time_us / 1000);
    json_unsigned(&json, "run", ledger->run);
    json_unsigned(&json, "backlog", ledger->committed - ledger->acknowledged);
    if (ledger->oldest_us > 0) {
        json_time(&json, "oldest", ledger->oldest_us);
    }
    json_unsigned(&json, "committed", ledger->committed);
    json_unsigned(&json, "acknowledged", ledger->acknowledged);
    json_rate(&json, "samples_per_s", stats->samples_per_s);
    json_rate(&json, "readings_per_s", stats->readings_per_s);
    json_unsigned(&json, "machines_online", totals->machines_online);
    json_unsigned(&json, "polls", totals->polls);
    json_unsigned(&json, "errors", totals->failed);
    json_unsigned(&json, "overruns", totals->missed);
    json_unsigned(&json, "evictions", ledger->evicted_count);
    json_unsigned(&json, "published", stats->published);
    json_unsigned(&json, "rejected", stats->rejected);
    json_unsigned(&json, "reconnects", stats->reconnects);
    json_unsigned(&json, "journal_bytes", ledger->journal_bytes);
    json_boolean(&json, "journal_ok", ledger->is_journal_ok);
    if (ledger->is_salvaging) {
        json_boolean(&json, "journal_salvaging", true);
    }
    return json_end(&json);
}

/* Where the string that starts at `at` ends, behind its quote; `length` when it does not. */
static size_t skip_string(const char *text, size_t length, size_t at)
{
    for (at++; at < length; at++) {
        if (text[at] == '\\') {
            at++;
        } else if (text[at] == '"') {
            return at + 1;
        }
    }
    return length;
}

/* Where the value that starts at `at` ends: at the comma or bracket behind it. */
static size_t skip_value(const char *text, size_t length, size_t at)
{
    unsigned depth = 0;
    while (at < length) {
        char character = text[at];
        if (character == '"') {
            at = skip_string(text, length, at);
            continue;
        }
        if (depth == 0 && (character == ',' || character == '}')) {
            return at;
        }
        if (character == '{' || character == '[') {
            depth++;
        } else if (character == '}' || character == ']') {
            depth--;
        }
        at++;
    }
    return length;
}

bool payload_next(const char *text, size_t length, size_t *position,
                  struct payload_member *member)
{
    size_t at = *position + 1; /* behind the brace or comma */
    if (*position >= length || (text[*position] != '{' && text[*position] != ',') ||
        at >= length || text[at] != '"') {
        return false;
    }
    size_t name_end = skip_string(text, length, at);
    if (name_end >= length || text[name_end] != ':') {
        return false;
    }
    size_t value_end = skip_value(text, length, name_end + 1);
    if (value_end >= length) {
        return false;
    }
    *member = (struct payload_member){
        .name = text + at + 1,
        .name_length = name_end - at - 2,
        .value = text + name_end + 1,
        .value_length = value_end - name_end - 1,
    };
    *position = value_end;
    return true;
}
