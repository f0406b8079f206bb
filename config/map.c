#include "config/map.h"

#include <stdlib.h>
#include <string.h>

#include "config/arena.h"
#include "config/csv.h"
#include "config/map_row.h"
#include "config/map_type.h"
#include "config/memory.h"
#include "config/names.h"
#include "config/source.h"
#include "config/text.h"

/* Everything behind the pointers of a map, released with it. */
struct map_storage {
    struct arena *arena;
    struct names *names;
    size_t tags_room;
};

/* What is only needed while the rows are read. */
struct reading_state {
    struct names *lines; /* every tag name with its line, of wrong rows too */
    struct pending *pending;
    size_t pending_room;
    size_t pending_count;
};

/* A tag whose scale_tag must be looked up once all names are known. */
struct pending {
    size_t tag;
    const char *scale_tag;
};

static struct map *map_create(const char *path)
{
    struct map *map = memory_allocate(1, sizeof *map);
    map->storage = memory_allocate(1, sizeof *map->storage);
    map->storage->arena = arena_create();
    map->storage->names = names_create();
    map->path = arena_copy(map->storage->arena, path, strlen(path));
    return map;
}

void map_destroy(struct map *map)
{
    if (map == NULL) {
        return;
    }
    names_destroy(map->storage->names);
    arena_destroy(map->storage->arena);
    free(map->storage);
    free(map->tags);
    free(map);
}

static void add_tag(struct map *map, const struct map_row *row, const struct tag *tag,
                    struct reading_state *state)
{
    struct map_storage *storage = map->storage;
    size_t index = map->tags_count;
    map->tags = memory_grow(map->tags, &storage->tags_room, index + 1, sizeof *map->tags);
    map->tags[index] = *tag;
    map->tags_count++;
    if (*row->scale_tag != '\0') {
        state->pending = memory_grow(state->pending, &state->pending_room,
                                     state->pending_count + 1, sizeof *state->pending);
        state->pending[state->pending_count++] = (struct pending){index, row->scale_tag};
    }
}

static void read_rows(struct map *map, struct csv *csv, struct map_row *row,
                      struct reading_state *state)
{
    struct csv_record record;
    while (csv_next(csv, &record)) {
        struct tag tag;
        bool is_right = map_row_read(row, &record, &tag);
        long line =
            *tag.name == '\0' ? NAMES_NONE : names_add(state->lines, tag.name, tag.line);
        if (line != NAMES_NONE) {
            map_row_problem(row, "tag",
                            "the name is taken by the tag of line %ld; every tag needs "
                            "its own",
                            line);
        } else if (is_right) {
            (void)names_add(map->storage->names, tag.name, (long)map->tags_count);
            add_tag(map, row, &tag, state);
        }
    }
}

static void resolve(struct map *map, const struct pending *pending, const struct names *lines,
                    struct problems *problems)
{
    struct tag *tag = &map->tags[pending->tag];
    char where[128];
    (void)snprintf(where, sizeof where, "%s/scale_tag", tag->name);
    long found = names_find(map->storage->names, pending->scale_tag);
    if (found == NAMES_NONE && names_find(lines, pending->scale_tag) != NAMES_NONE) {
        return; /* its row is wrong, and says so itself */
    }
    if (found == NAMES_NONE) {
        char hint[TEXT_HINT_SIZE];
        bool is_told = problems_count(problems) < 200; /* looking for a hint costs time */
        problems_add(
            problems, map->path, tag->line, where,
            "no tag \"%.70s\" in this map%s accepted: a tag of this map that holds the "
            "exponent",
            pending->scale_tag,
            text_hint(is_told ? names_nearest(map->storage->names, pending->scale_tag) : NULL,
                      hint));
        return;
    }
    const struct tag *exponent = &map->tags[found];
    if (!map_type_is_integer(exponent->type) || exponent->is_scaled ||
        exponent->words_count > 0 || exponent->table != tag->table) {
        problems_add(
            problems, map->path, tag->line, where,
            "\"%s\" cannot be an exponent of ten; accepted: a tag of the same table (%s) "
            "with an integer type, neither scaled nor with words",
            exponent->name, table_name(tag->table));
        return;
    }
    tag->scale_tag = (int)found;
}

static void read_map(struct map *map, struct source source, struct problems *problems)
{
    source_mend(&source, map->path, problems);
    struct csv csv;
    csv_start(&csv, source.text);
    struct map_row row = {
        .path = map->path,
        .problems = problems,
        .arena = map->storage->arena,
        .comma_is_point = csv.separator == ';',
    };
    struct csv_record header;
    if (!csv_next(&csv, &header)) {
        problems_add(problems, map->path, 0, NULL,
                     "the map is empty; the first line names the columns, such as "
                     "tag,table,address,type");
        return;
    }
    if (header.error != NULL) {
        problems_add(problems, map->path, header.line, "header", "%s", header.error);
    }
    size_t problems_before = problems_count(problems);
    if (!map_row_read_header(&row, &header)) {
        return;
    }
    struct reading_state state = {.lines = names_create()};
    read_rows(map, &csv, &row, &state);
    for (size_t i = 0; i < state.pending_count; i++) {
        resolve(map, &state.pending[i], state.lines, problems);
    }
    free(state.pending);
    names_destroy(state.lines);
    if (map->tags_count == 0 && problems_count(problems) == problems_before) {
        problems_add(problems, map->path, 0, NULL,
                     "the map has no tag; one line a tag is needed");
    }
}

struct map *map_parse(const char *path, const char *text, size_t length,
                      struct problems *problems)
{
    struct map *map = map_create(path);
    read_map(map, source_copy(map->storage->arena, text, length), problems);
    return map;
}

struct map *map_load(const char *path, struct problems *problems)
{
    struct map *map = map_create(path);
    char error[SOURCE_ERROR_SIZE];
    struct source source = source_read(map->storage->arena, path, error);
    if (source.text == NULL) {
        problems_add(problems, path, 0, NULL, "the register map %s", error);
        map_destroy(map);
        return NULL;
    }
    read_map(map, source, problems);
    return map;
}

const struct tag *map_find(const struct map *map, const char *name)
{
    if (map->storage != NULL) {
        long found = names_find(map->storage->names, name);
        return found == NAMES_NONE ? NULL : &map->tags[found];
    }
    for (size_t i = 0; i < map->tags_count; i++) {
        if (strcmp(map->tags[i].name, name) == 0) {
            return &map->tags[i];
        }
    }
    return NULL;
}

uint16_t tag_wire_address(const struct tag *tag, uint8_t base)
{
    return tag->is_modicon ? tag->address : (uint16_t)(tag->address - base);
}

const char *tag_datatype(const struct tag *tag)
{
    if (tag->type == TYPE_BOOL || tag->type == TYPE_BIT) {
        return "boolean";
    }
    return tag->words_count > 0 || !map_type_is_number(tag->type) ? "string" : "number";
}
