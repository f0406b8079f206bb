#include "gateway/web_factory.h"

#include <string.h>

#include "config/command.h"
#include "gateway/json.h"
#include "gateway/number.h"
#include "gateway/topic.h"

static void put_titles(struct json *json, const char *const titles[MAP_LANGUAGES_COUNT])
{
    static const char *const languages[MAP_LANGUAGES_COUNT] = {"fr", "de", "en"};
    json_open(json, "titles", '{');
    for (size_t at = 0; at < MAP_LANGUAGES_COUNT; at++) {
        json_string(json, languages[at], titles[at]);
    }
    json_close(json, '}');
}

static void put_null(struct json *json, const char *name)
{
    json_raw(json, name, "null", 4);
}

/* A decimal as text: the page shows it as the map has it. */
static void put_decimal_text(struct json *json, const char *name, struct decimal value)
{
    char text[NUMBER_SIZE + 1];
    text[number_format_decimal(value, text)] = '\0';
    json_string(json, name, text);
}

static void put_bound(struct json *json, const char *name, bool is_given, struct decimal value)
{
    if (is_given) {
        json_decimal(json, name, value);
    } else {
        put_null(json, name);
    }
}

static void put_words(struct json *json, const struct tag *tag)
{
    if (tag->words_count == 0) {
        put_null(json, "words");
        return;
    }
    json_open(json, "words", '{');
    for (size_t at = 0; at < tag->words_count; at++) {
        char value[NUMBER_SIZE + 1];
        value[number_format_signed(tag->words[at].value, value)] = '\0';
        json_string(json, value, tag->words[at].text);
    }
    json_close(json, '}');
}

/* "boolean", "number", "text" */
static const char *kind_of(const struct tag *tag)
{
    const char *type = tag_datatype(tag);
    return strcmp(type, "string") == 0 ? "text" : type;
}

static void put_deadband(struct json *json, const struct tag *tag)
{
    char text[NUMBER_SIZE + 3];
    double shown = tag->deadband_is_relative ? tag->deadband * 100 : tag->deadband;
    unsigned length = number_format_double(shown, text);
    (void)memcpy(text + length, tag->deadband_is_relative ? " %" : "",
                 tag->deadband_is_relative ? 3 : 1);
    json_string(json, "deadband", text);
}

static void put_tag(struct json *json, const struct machine *machine, size_t index)
{
    const struct tag *tag = &machine->map->tags[index];
    json_open(json, NULL, '{');
    json_string(json, "name", tag->name);
    json_string(json, "kind", kind_of(tag));
    json_string(json, "unit", tag->unit);
    json_string(json, "table", table_name(tag->table));
    json_unsigned(json, "address", machine_wire_address(machine, tag));
    json_unsigned(json, "registers", tag->registers);
    json_string(json, "type", tag->type_text);
    json_string(json, "order", tag->order_text);
    put_decimal_text(json, "scale", tag->scale);
    json_string(json, "scale_tag",
                tag->scale_tag >= 0 ? machine->map->tags[tag->scale_tag].name : "");
    put_decimal_text(json, "offset", tag->offset);
    put_bound(json, "min", tag->has_min, tag->min);
    put_bound(json, "max", tag->has_max, tag->max);
    put_words(json, tag);
    json_string(json, "access", tag->is_writable ? "rw" : "r");
    put_deadband(json, tag);
    json_unsigned(json, "every_ms", machine_tag_period_ms(machine, index));
    json_string(json, "description", tag->description);
    put_titles(json, tag->titles);
    json_close(json, '}');
}

/* What the page calls the machine's state: the tag of that name, or the first that speaks
 * PackML. */
static const struct tag *state_of(const struct map *map)
{
    const struct tag *state = map_find(map, "state");
    for (size_t at = 0; state == NULL && at < map->tags_count; at++) {
        const struct tag *tag = &map->tags[at];
        for (size_t word = 0; word < tag->words_count; word++) {
            state = strcmp(tag->words[word].text, "execute") == 0 ? tag : state;
        }
    }
    return state;
}

static void put_tag_name(struct json *json, const char *name, const struct tag *tag)
{
    if (tag != NULL) {
        json_string(json, name, tag->name);
    } else {
        put_null(json, name);
    }
}

static void put_normal(struct json *json, const struct band *normal)
{
    if (normal->is_given) {
        json_open(json, "normal", '[');
        json_decimal(json, NULL, normal->low);
        json_decimal(json, NULL, normal->high);
        json_close(json, ']');
    } else {
        put_null(json, "normal");
    }
}

static void put_machine(struct json *json, const struct factory *factory, size_t index)
{
    const struct machine *machine = &factory->machines[index];
    char topic[TOPIC_SIZE];
    topic_of_machine(factory, index, "", NULL, topic);
    topic[strlen(topic) - 1] = '\0'; /* its slash */
    json_open(json, NULL, '{');
    json_string(json, "name", machine->name);
    json_string(json, "area", machine->area);
    json_string(json, "link", factory->links[machine->link].name);
    json_unsigned(json, "unit_id", machine->unit_id);
    json_string(json, "map", machine->map->path);
    json_unsigned(json, "every_ms", machine->every_ms);
    json_boolean(json, "simulated", *machine->simulate != '\0');
    put_titles(json, machine->titles);
    json_string(json, "topic", topic);
    put_tag_name(json, "headline", machine->headline);
    put_normal(json, &machine->normal);
    put_tag_name(json, "state", state_of(machine->map));
    json_open(json, "tags", '[');
    for (size_t at = 0; at < machine->map->tags_count; at++) {
        put_tag(json, machine, at);
    }
    json_close(json, ']');
    json_close(json, '}');
}

static void put_link(struct json *json, const struct factory *factory, const struct link *link)
{
    json_open(json, NULL, '{');
    json_string(json, "name", link->name);
    json_string(json, "driver", link->driver);
    json_string(json, "host", link->host);
    json_unsigned(json, "port", link->port);
    json_unsigned(json, "timeout_ms", link->timeout_ms);
    json_unsigned(json, "gap_ms", link->gap_ms);
    json_unsigned(json, "max_registers", link->max_registers);
    json_open(json, "machines", '[');
    for (size_t at = 0; at < link->machines_count; at++) {
        json_string(json, NULL, factory->machines[link->machines[at]].name);
    }
    json_close(json, ']');
    json_close(json, '}');
}

static bool is_simulated(const struct factory *factory)
{
    for (size_t at = 0; at < factory->machines_count; at++) {
        if (*factory->machines[at].simulate != '\0') {
            return true;
        }
    }
    return false;
}

static void put_reference(struct json *json, const char *name,
                          const struct tag_reference *reference)
{
    if (reference->tag == NULL) {
        put_null(json, name);
        return;
    }
    json_open(json, name, '{');
    json_string(json, "machine", reference->machine->name);
    json_string(json, "tag", reference->tag->name);
    json_close(json, '}');
}

static void put_site(struct json *json, const struct web_parts *parts)
{
    const struct factory *factory = parts->factory;
    json_string(json, "title", factory->site.title);
    json_string(json, "root", factory->site.root);
    json_string(json, "gateway", factory->gateway.name);
    json_string(json, "version", FORMLAB_VERSION);
    json_unsigned(json, "run", parts->run);
    json_signed(json, "started", parts->started_us / 1000);
    json_unsigned(json, "now_ms", factory->gateway.now_ms);
    json_boolean(json, "lab", *factory->web.lab != '\0');
    json_boolean(json, "simulated", is_simulated(factory));
    json_open(json, "broker", '{');
    json_open(json, "urls", '[');
    for (size_t at = 0; at < factory->broker.urls_count; at++) {
        json_string(json, NULL, factory->broker.urls[at].text);
    }
    json_close(json, ']');
    json_close(json, '}');
    json_open(json, "journal", '{');
    json_unsigned(json, "max_bytes", factory->journal.max_size_bytes);
    json_close(json, '}');
    json_open(json, "wall", '{');
    put_reference(json, "power", &factory->web.power);
    put_reference(json, "good", &factory->web.good);
    put_reference(json, "scrap", &factory->web.scrap);
    json_close(json, '}');
}

char *web_factory_write(const struct web_parts *parts, size_t *length)
{
    const struct factory *factory = parts->factory;
    struct json json = json_begin_growing();
    put_site(&json, parts);
    json_open(&json, "links", '[');
    for (size_t at = 0; at < factory->links_count; at++) {
        put_link(&json, factory, &factory->links[at]);
    }
    json_close(&json, ']');
    json_open(&json, "machines", '[');
    for (size_t at = 0; at < factory->machines_count; at++) {
        put_machine(&json, factory, at);
    }
    json_close(&json, ']');
    *length = json_end(&json);
    return json.text;
}
