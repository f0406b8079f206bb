#include "config/factory.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "config/arena.h"
#include "config/draft.h"
#include "config/endpoint.h"
#include "config/keys.h"
#include "config/memory.h"
#include "config/names.h"
#include "config/reference.h"
#include "config/source.h"
#include "config/text.h"

/* The maps that were read, each once however many machines name it. */
struct map_cache {
    struct names *paths;
    const struct map **maps; /* NULL: could not be read, see errors */
    const char **errors;
    size_t count;
    size_t maps_room;
    size_t errors_room;
};

/* A factory being made. */
struct loader {
    struct factory *factory;
    struct draft draft;
    struct arena *arena;
    long port_offset;
    const struct section **link_sections; /* of factory.links */
    struct names *link_names;
    struct names *addresses; /* host:port of the links so far */
    struct map_cache cache;
};

static void parse_section(struct loader *loader, const struct section *section, void *target)
{
    size_t count = 0;
    const struct key *keys = keys_of(section->kind, &count);
    for (size_t i = 0; i < count; i++) {
        const struct setting *setting = &section->settings[i];
        char error[KEYS_ERROR_SIZE];
        if (setting->text == NULL && keys[i].standard == NULL) {
            keys_accepted(&keys[i], error);
            draft_problem(&loader->draft, section, keys[i].name, "is missing; accepted: %s",
                          error);
        } else if (setting->text != NULL && !keys_parse(&keys[i], loader->arena, setting->from,
                                                        setting->text, target, error)) {
            draft_problem(&loader->draft, section, keys[i].name, "%s", error);
        }
    }
}

/* Defaults first: what is then refused leaves a value that the later checks can live with. */
static void parse_standards(struct loader *loader, enum section_kind kind, void *target)
{
    size_t count = 0;
    const struct key *keys = keys_of(kind, &count);
    for (size_t i = 0; i < count; i++) {
        char error[KEYS_ERROR_SIZE];
        const char *standard = keys[i].standard;
        if (standard == NULL) {
            *(const char **)((char *)target + keys[i].offset) = "";
        } else if (!keys_parse(&keys[i], loader->arena, loader->draft.path, standard, target,
                               error)) {
            abort(); /* the table of keys contradicts itself */
        }
    }
}

static const char *setting_text(const struct section *section, const char *name)
{
    size_t count = 0;
    const struct key *keys = keys_of(section->kind, &count);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(keys[i].name, name) == 0) {
            return section->settings[i].text;
        }
    }
    return NULL;
}

/* ---- broker, journal ---- */

static size_t commas_count(const char *text)
{
    size_t count = 0;
    for (const char *p = text; *p != '\0'; p++) {
        count += *p == ',';
    }
    return count;
}

static void parse_urls(struct loader *loader, const struct section *section,
                       struct broker_draft *draft)
{
    struct broker_url *urls =
        arena_allocate(loader->arena, commas_count(draft->url) + 1, sizeof *urls);
    const char *rest = draft->url;
    for (;;) {
        size_t length = strcspn(rest, ",");
        const char *start = rest;
        size_t trimmed = length;
        text_trim(&start, &trimmed);
        const char *text = arena_copy(loader->arena, start, trimmed);
        const char *error =
            endpoint_parse_broker(loader->arena, text, &urls[draft->broker.urls_count]);
        if (error == NULL) {
            draft->broker.urls_count++;
        } else if (strchr(text, '@') != NULL) {
            /* Not printed: it may hold a password. */
            draft_problem(&loader->draft, section, "url", "%s", error);
        } else {
            draft_problem(&loader->draft, section, "url", "\"%.80s\" %s", text, error);
        }
        if (rest[length] == '\0') {
            break;
        }
        rest += length + 1;
    }
    draft->broker.urls = urls;
}

static void check_tls(struct loader *loader, const struct section *section,
                      const struct broker *broker)
{
    bool has_tls = false;
    for (size_t i = 0; i < broker->urls_count; i++) {
        has_tls |= broker->urls[i].is_tls;
    }
    if (has_tls && *broker->ca_file == '\0') {
        draft_problem(&loader->draft, section, "url",
                      "mqtts needs ca_file: without it nobody could tell the broker from a "
                      "stranger; accepted: a file of PEM certificates");
    }
    if (*broker->cert_file != '\0' && *broker->key_file == '\0') {
        draft_problem(&loader->draft, section, "cert_file", "needs key_file beside it");
    }
    if (*broker->key_file != '\0' && *broker->cert_file == '\0') {
        draft_problem(&loader->draft, section, "key_file", "needs cert_file beside it");
    }
    if (*broker->password_file != '\0' && *broker->username == '\0') {
        draft_problem(&loader->draft, section, "password_file", "needs username beside it");
    }
}

static void load_broker(struct loader *loader, const struct section *section)
{
    struct broker_draft draft = {0};
    parse_standards(loader, SECTION_BROKER, &draft);
    parse_section(loader, section, &draft);
    parse_urls(loader, section, &draft);
    check_tls(loader, section, &draft.broker);
    if (!section->is_repeated) {
        loader->factory->broker = draft.broker;
    }
}

static void load_journal(struct loader *loader, const struct section *section)
{
    struct journal_settings journal = {0};
    parse_standards(loader, SECTION_JOURNAL, &journal);
    parse_section(loader, section, &journal);
    const char *written = setting_text(section, "file");
    bool is_uri = strncmp(journal.file, "file:", 5) == 0 ||
                  (written != NULL && strncmp(written, "file:", 5) == 0);
    if (is_uri || journal.file[0] == ':') {
        draft_problem(
            &loader->draft, section, "file",
            "SQLite would not take it for a file's name; accepted: a path that begins "
            "neither with file: nor with :");
    }
    if (!section->is_repeated) {
        loader->factory->journal = journal;
    }
}

static void load_site(struct loader *loader, const struct section *section)
{
    struct site site = {0};
    parse_standards(loader, SECTION_SITE, &site);
    parse_section(loader, section, &site);
    if (!section->is_repeated) {
        loader->factory->site = site;
    }
}

static void load_gateway(struct loader *loader, const struct section *section)
{
    struct gateway gateway = {0};
    parse_standards(loader, SECTION_GATEWAY, &gateway);
    parse_section(loader, section, &gateway);
    if (!section->is_repeated) {
        loader->factory->gateway = gateway;
    }
}

/* The machines are there already. */
static void load_web(struct loader *loader, const struct section *section)
{
    struct web_draft draft = {0};
    parse_standards(loader, SECTION_WEB, &draft);
    parse_section(loader, section, &draft);
    const struct {
        const char *key;
        const char *text;
        struct tag_reference *reference;
    } references[] = {
        {"power", draft.power, &draft.web.power},
        {"good", draft.good, &draft.web.good},
        {"scrap", draft.scrap, &draft.web.scrap},
    };
    for (size_t i = 0; i < sizeof references / sizeof references[0]; i++) {
        char error[REFERENCE_ERROR_SIZE];
        if (!reference_machine_tag(loader->factory, references[i].text, references[i].reference,
                                   error)) {
            draft_problem(&loader->draft, section, references[i].key, "%s", error);
        }
    }
    if (!section->is_repeated) {
        loader->factory->web = draft.web;
    }
}

/* ---- links ---- */

static void check_address(struct loader *loader, const struct section *section,
                          struct link *link, size_t index)
{
    long port = 0;
    if (__builtin_add_overflow((long)link->port, loader->port_offset, &port) || port < 1 ||
        port > UINT16_MAX) {
        draft_problem(&loader->draft, section, "port",
                      "%u with --port-offset %ld is no port; accepted: 1 to 65535 in all",
                      link->port, loader->port_offset);
        return;
    }
    link->port = (uint16_t)port;
    if (*link->host == '\0') {
        return;
    }
    size_t size = strlen(link->host) + sizeof " 65535";
    char *address = arena_allocate(loader->arena, size, 1);
    (void)snprintf(address, size, "%s %u", link->host, link->port);
    for (char *p = address; *p != '\0'; p++) {
        *p = (char)tolower((unsigned char)*p);
    }
    long other = names_add(loader->addresses, address, (long)index);
    if (other != NAMES_NONE) {
        const struct section *first = loader->link_sections[other];
        draft_problem(
            &loader->draft, section, "port",
            "host and port are those of [link %s] (%s:%u); accepted: one link for one "
            "host and port, with several machines behind it",
            first->name, first->place.file, first->place.line);
    }
}

static void load_link(struct loader *loader, const struct section *section)
{
    struct factory *factory = loader->factory;
    size_t index = factory->links_count++;
    struct link *link = &factory->links[index];
    loader->link_sections[index] = section;
    parse_standards(loader, SECTION_LINK, link);
    parse_section(loader, section, link);
    link->name = section->name;
    link->line = section->place.line;
    (void)names_add(loader->link_names, link->name, (long)index);
    check_address(loader, section, link, index);
}

/* ---- machines ---- */

static size_t cached_map(struct loader *loader, const char *path)
{
    struct map_cache *cache = &loader->cache;
    long known = names_find(cache->paths, path);
    if (known != NAMES_NONE) {
        return (size_t)known;
    }
    size_t index = cache->count++;
    cache->maps =
        memory_grow(cache->maps, &cache->maps_room, cache->count, sizeof(const struct map *));
    cache->errors =
        memory_grow(cache->errors, &cache->errors_room, cache->count, sizeof *cache->errors);
    (void)names_add(cache->paths, path, (long)index);
    char error[SOURCE_ERROR_SIZE] = "";
    struct arena *arena = arena_create();
    struct source source = source_read(arena, path, error);
    cache->maps[index] = source.text == NULL ? NULL
                                             : map_parse(path, source.text, source.length,
                                                         loader->draft.problems);
    arena_destroy(arena);
    cache->errors[index] = arena_copy(loader->arena, error, strlen(error));
    return index;
}

static const struct map *find_map(struct loader *loader, const struct section *section,
                                  const char *path)
{
    if (*path == '\0') {
        return NULL;
    }
    size_t index = cached_map(loader, path);
    if (loader->cache.maps[index] == NULL) {
        draft_problem(&loader->draft, section, "map", "\"%.200s\" %s", path,
                      loader->cache.errors[index]);
    }
    return loader->cache.maps[index];
}

static const struct link *find_link(struct loader *loader, const struct section *section,
                                    const char *name, struct machine *machine)
{
    if (*name == '\0') {
        return NULL;
    }
    long index = names_find(loader->link_names, name);
    if (index == NAMES_NONE) {
        char hint[TEXT_HINT_SIZE];
        draft_problem(&loader->draft, section, "link",
                      "there is no [link %.64s]%s accepted: the name of a link of this factory",
                      name, text_hint(names_nearest(loader->link_names, name), hint));
        return NULL;
    }
    machine->link = (size_t)index;
    return &loader->factory->links[index];
}

static void check_unit_id(struct loader *loader, const struct section *section,
                          const struct machine *machine)
{
    if (machine->unit_id >= 248 && machine->unit_id <= 254) {
        draft_problem(
            &loader->draft, section, "unit_id",
            "%u is reserved in Modbus and libmodbus refuses it; accepted: 0 to 247, or "
            "255",
            machine->unit_id);
    }
}

static uint32_t pace_of(const struct machine *machine, const struct tag *tag)
{
    return tag->every_ms != 0 ? tag->every_ms : machine->every_ms;
}

/* Read at another beat, the exponent would not be there when the value is. */
static void check_exponent(struct loader *loader, const struct section *section,
                           const struct machine *machine, const struct tag *tag)
{
    const struct tag *exponent = &machine->map->tags[tag->scale_tag];
    if (pace_of(machine, exponent) != pace_of(machine, tag)) {
        draft_problem(&loader->draft, section, "map",
                      "\"%s\" (%s:%u) is read every %u ms, its scale_tag \"%s\" every %u ms; "
                      "accepted: one pace (column every) for both",
                      tag->name, machine->map->path, tag->line, pace_of(machine, tag),
                      exponent->name, pace_of(machine, exponent));
    }
}

static void check_tags(struct loader *loader, const struct section *section,
                       const struct machine *machine, const struct link *link)
{
    for (size_t i = 0; i < machine->map->tags_count; i++) {
        const struct tag *tag = &machine->map->tags[i];
        if (machine->base == 1 && tag->address == 0 && !tag->is_modicon) {
            draft_problem(
                &loader->draft, section, "base",
                "1 leaves no address for \"%s\" (%s:%u), which has 0; accepted: 0, or "
                "addresses from 1 on",
                tag->name, machine->map->path, tag->line);
        }
        if (link != NULL && !table_is_bits(tag->table) &&
            tag->registers > link->max_registers) {
            draft_problem(&loader->draft, section, "map",
                          "\"%s\" (%s:%u) has %u registers, but [link %s] reads at most %u at "
                          "once; accepted: tags up to max_registers",
                          tag->name, machine->map->path, tag->line, tag->registers, link->name,
                          link->max_registers);
        }
        if (tag->scale_tag >= 0) {
            check_exponent(loader, section, machine, tag);
        }
    }
}

/* Puts a pace into its place; false when there is no room for another one. */
static bool add_period(struct machine *machine, uint32_t period_ms)
{
    size_t place = 0;
    while (place < machine->periods_count && machine->periods_ms[place] < period_ms) {
        place++;
    }
    if (place < machine->periods_count && machine->periods_ms[place] == period_ms) {
        return true;
    }
    if (machine->periods_count == FACTORY_PERIODS_MAX) {
        return false;
    }
    memmove(&machine->periods_ms[place + 1], &machine->periods_ms[place],
            (machine->periods_count - place) * sizeof machine->periods_ms[0]);
    machine->periods_ms[place] = period_ms;
    machine->periods_count++;
    return true;
}

static void set_periods(struct loader *loader, const struct section *section,
                        struct machine *machine)
{
    const struct map *map = machine->map;
    for (size_t i = 0; i < map->tags_count; i++) {
        if (!add_period(machine, pace_of(machine, &map->tags[i]))) {
            draft_problem(&loader->draft, section, "map",
                          "its tags have too many different paces (column every); accepted: %d "
                          "in one machine",
                          FACTORY_PERIODS_MAX);
            return;
        }
    }
    uint8_t *tag_periods = arena_allocate(loader->arena, map->tags_count, 1);
    for (size_t i = 0; i < map->tags_count; i++) {
        uint32_t pace_ms = pace_of(machine, &map->tags[i]);
        while (machine->periods_ms[tag_periods[i]] != pace_ms) {
            tag_periods[i]++;
        }
    }
    machine->tag_periods = tag_periods;
}

static void set_headline(struct loader *loader, const struct section *section, const char *text,
                         struct machine *machine)
{
    char error[REFERENCE_ERROR_SIZE];
    if (!reference_tag(machine->map, text, &machine->headline, error)) {
        draft_problem(&loader->draft, section, "headline", "%s", error);
    }
    if (machine->normal.is_given && *text == '\0') {
        draft_problem(&loader->draft, section, "normal", "needs headline beside it");
    }
}

static void load_machine(struct loader *loader, const struct section *section)
{
    struct factory *factory = loader->factory;
    size_t index = factory->machines_count++;
    struct machine_draft draft = {
        .link = "",
        .map = "",
        .headline = "",
        .machine = {.name = section->name,
                    .line = section->place.line,
                    .now_ms = factory->gateway.now_ms,
                    .now_is_enabled = factory->gateway.now_is_enabled}};
    parse_standards(loader, SECTION_MACHINE, &draft);
    parse_section(loader, section, &draft);
    struct machine *machine = &draft.machine;
    check_unit_id(loader, section, machine);
    const struct link *link = find_link(loader, section, draft.link, machine);
    machine->map = find_map(loader, section, draft.map);
    if (machine->map != NULL) {
        check_tags(loader, section, machine, link);
        set_periods(loader, section, machine);
        set_headline(loader, section, draft.headline, machine);
    }
    factory->machines[index] = *machine;
}

/* ---- all ---- */

static void load_sections(struct loader *loader, enum section_kind kind,
                          void (*load)(struct loader *loader, const struct section *section))
{
    for (size_t i = 0; i < loader->draft.sections_count; i++) {
        if (loader->draft.sections[i]->kind == kind) {
            load(loader, loader->draft.sections[i]);
        }
    }
}

static size_t sections_of(const struct draft *draft, enum section_kind kind)
{
    size_t count = 0;
    for (size_t i = 0; i < draft->sections_count; i++) {
        count += draft->sections[i]->kind == kind;
    }
    return count;
}

static void check_counts(struct loader *loader)
{
    const struct factory *factory = loader->factory;
    if (factory->machines_count == 0) {
        problems_add(loader->draft.problems, factory->path, 0, NULL,
                     "there is no machine; accepted: at least one [machine NAME]");
    }
    if (factory->links_count > FACTORY_LINKS_MAX) {
        problems_add(loader->draft.problems, factory->path, 0, NULL,
                     "%zu links are too many for one process; accepted: up to %d, a second "
                     "gateway takes the rest",
                     factory->links_count, FACTORY_LINKS_MAX);
    }
}

/* Gives every link the list of its machines: counted first, then filled. */
static void connect_machines(struct factory *factory)
{
    for (size_t i = 0; i < factory->machines_count; i++) {
        factory->links[factory->machines[i].link].machines_count++;
    }
    size_t *indices =
        arena_allocate(factory->arena, factory->machines_count + 1, sizeof *indices);
    size_t **next = memory_allocate(factory->links_count, sizeof *next);
    for (size_t i = 0; i < factory->links_count; i++) {
        next[i] = indices;
        factory->links[i].machines = indices;
        indices += factory->links[i].machines_count;
    }
    for (size_t i = 0; i < factory->machines_count; i++) {
        *next[factory->machines[i].link]++ = i;
    }
    free(next);
}

static void load_all(struct loader *loader)
{
    struct factory *factory = loader->factory;
    static const struct {
        enum section_kind kind;
        void (*load)(struct loader *loader, const struct section *section);
    } steps[] = {
        {SECTION_SITE, load_site},     {SECTION_GATEWAY, load_gateway},
        {SECTION_BROKER, load_broker}, {SECTION_JOURNAL, load_journal},
        {SECTION_LINK, load_link},     {SECTION_MACHINE, load_machine},
        {SECTION_WEB, load_web},
    };
    size_t links = sections_of(&loader->draft, SECTION_LINK);
    size_t machines = sections_of(&loader->draft, SECTION_MACHINE);
    factory->links = arena_allocate(loader->arena, links, sizeof *factory->links);
    factory->machines = arena_allocate(loader->arena, machines, sizeof *factory->machines);
    loader->link_sections =
        arena_allocate(loader->arena, links, sizeof(const struct section *));
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        if (!keys_section_is_named(steps[i].kind)) {
            draft_complete(&loader->draft, steps[i].kind);
        }
        load_sections(loader, steps[i].kind, steps[i].load);
    }
    check_counts(loader);
}

static void keep_maps(struct factory *factory, const struct map_cache *cache)
{
    factory->maps = arena_allocate(factory->arena, cache->count, sizeof(const struct map *));
    for (size_t i = 0; i < cache->count; i++) {
        if (cache->maps[i] != NULL) {
            factory->maps[factory->maps_count++] = cache->maps[i];
        }
    }
}

static struct factory *load(struct arena *arena, const char *path, struct source source,
                            const struct factory_overrides *overrides,
                            struct problems *problems)
{
    size_t problems_before = problems_count(problems);
    struct factory *factory = memory_allocate(1, sizeof *factory);
    struct loader loader = {
        .factory = factory,
        .arena = arena,
        .port_offset = overrides == NULL ? 0 : overrides->port_offset,
        .link_names = names_create(),
        .addresses = names_create(),
        .cache = {.paths = names_create()},
    };
    draft_start(&loader.draft, path, arena, problems);
    factory->arena = arena;
    factory->path = loader.draft.path;
    draft_read(&loader.draft, source);
    for (size_t i = 0; overrides != NULL && i < overrides->settings_count; i++) {
        draft_override(&loader.draft, overrides->settings[i]);
    }
    load_all(&loader);
    keep_maps(factory, &loader.cache);
    draft_end(&loader.draft);
    names_destroy(loader.link_names);
    names_destroy(loader.addresses);
    names_destroy(loader.cache.paths);
    free(loader.cache.maps);
    free(loader.cache.errors);
    if (problems_count(problems) > problems_before) {
        factory_destroy(factory);
        return NULL;
    }
    connect_machines(factory);
    return factory;
}

struct factory *factory_parse(const char *path, const char *text, size_t length,
                              const struct factory_overrides *overrides,
                              struct problems *problems)
{
    struct arena *arena = arena_create();
    return load(arena, path, source_copy(arena, text, length), overrides, problems);
}

struct factory *factory_load(const char *path, const struct factory_overrides *overrides,
                             struct problems *problems)
{
    struct arena *arena = arena_create();
    char error[SOURCE_ERROR_SIZE];
    struct source source = source_read(arena, path, error);
    if (source.text == NULL) {
        problems_add(problems, path, 0, NULL, "the factory file %s", error);
        arena_destroy(arena);
        return NULL;
    }
    return load(arena, path, source, overrides, problems);
}

static void destroy_map(const struct map *map)
{
    union {
        const struct map *shared;
        struct map *own;
    } pointer = {.shared = map};
    map_destroy(pointer.own);
}

void factory_destroy(struct factory *factory)
{
    if (factory == NULL) {
        return;
    }
    for (size_t i = 0; i < factory->maps_count; i++) {
        destroy_map(factory->maps[i]);
    }
    arena_destroy(factory->arena);
    free(factory);
}

uint16_t machine_wire_address(const struct machine *machine, const struct tag *tag)
{
    return tag_wire_address(tag, machine->base);
}

uint32_t machine_tag_period_ms(const struct machine *machine, size_t index)
{
    return machine->periods_ms[machine->tag_periods[index]];
}
