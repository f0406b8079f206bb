#include "config/draft.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "config/ini.h"
#include "config/memory.h"
#include "config/text.h"

enum { INCLUDE_DEPTH_MAX = 16, WHERE_SIZE = 160 };

void draft_start(struct draft *draft, const char *path, struct arena *arena,
                 struct problems *problems)
{
    *draft = (struct draft){
        .arena = arena,
        .problems = problems,
        .path = arena_copy(arena, path, strlen(path)),
        .index = names_create(),
        .files = names_create(),
    };
}

void draft_end(struct draft *draft)
{
    names_destroy(draft->index);
    names_destroy(draft->files);
    free(draft->sections);
}

static const char *index_name(const struct draft *draft, enum section_kind kind,
                              const char *name)
{
    size_t size = strlen(keys_section_name(kind)) + 1 + strlen(name) + 1;
    char *text = arena_allocate(draft->arena, size, 1);
    (void)snprintf(text, size, "%s %s", keys_section_name(kind), name);
    return text;
}

const struct section *draft_find(const struct draft *draft, enum section_kind kind,
                                 const char *name)
{
    long found = names_find(draft->index, index_name(draft, kind, name));
    return found == NAMES_NONE ? NULL : draft->sections[found];
}

static int key_index(enum section_kind kind, const char *name, const char **nearest)
{
    size_t count = 0;
    const struct key *keys = keys_of(kind, &count);
    struct nearest search;
    text_nearest_start(&search, name);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(keys[i].name, name) == 0) {
            return (int)i;
        }
        text_nearest_try(&search, keys[i].name);
    }
    *nearest = text_nearest_found(&search);
    return -1;
}

/* "link m3_mill/port" */
static void write_where(const struct section *section, const char *key, char *where)
{
    (void)snprintf(where, WHERE_SIZE, "%s%s%.64s%s%.64s", keys_section_name(section->kind),
                   *section->name == '\0' ? "" : " ", section->name, key == NULL ? "" : "/",
                   key == NULL ? "" : key);
}

void draft_problem(const struct draft *draft, const struct section *section, const char *key,
                   const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    char where[WHERE_SIZE];
    write_where(section, key, where);
    const char *nearest = NULL;
    int index = key == NULL ? -1 : key_index(section->kind, key, &nearest);
    bool is_set = index >= 0 && section->settings[index].text != NULL;
    struct place place = is_set ? section->settings[index].place : section->place;
    problems_add(draft->problems, place.file, place.line, where, "%s", text);
}

static struct section *add_section(struct draft *draft, enum section_kind kind,
                                   const char *name, struct place place)
{
    struct section *section = arena_allocate(draft->arena, 1, sizeof *section);
    section->kind = kind;
    section->name = name;
    section->place = place;
    size_t index = draft->sections_count++;
    draft->sections = memory_grow(draft->sections, &draft->sections_room, draft->sections_count,
                                  sizeof(struct section *));
    draft->sections[index] = section;
    long first = names_add(draft->index, index_name(draft, kind, name), (long)index);
    if (first != NAMES_NONE) {
        const struct place *other = &draft->sections[first]->place;
        section->is_repeated = true;
        draft_problem(draft, section, NULL,
                      "the section stands already at %s:%u; accepted: once", other->file,
                      other->line);
    }
    return section;
}

void draft_complete(struct draft *draft, enum section_kind kind)
{
    if (draft_find(draft, kind, "") == NULL) {
        (void)add_section(draft, kind, "", (struct place){.file = draft->path});
    }
}

/* One file being read: what is left of it, and the section that its lines belong to. */
struct reader {
    struct draft *draft;
    const char *path;
    const char *rest;
    unsigned line;
    struct section *section; /* NULL: none, or an unknown one */
    bool is_in_unknown;      /* its settings cannot be checked */
};

static const char *copy_part(const struct draft *draft, struct ini_part part)
{
    return arena_copy(draft->arena, part.text, part.length);
}

static struct place here(const struct reader *reader)
{
    return (struct place){.file = reader->path, .line = reader->line};
}

static void read_section(struct reader *reader, const struct ini_line *line)
{
    struct draft *draft = reader->draft;
    const char *kind_name = copy_part(draft, line->key);
    const char *name = copy_part(draft, line->value);
    const char *nearest = NULL;
    int kind = keys_section_find(kind_name, &nearest);
    if (kind < 0) {
        char hint[TEXT_HINT_SIZE];
        problems_add(draft->problems, reader->path, reader->line, NULL,
                     "unknown section [%.60s]%s accepted: site, gateway, broker, journal, web, "
                     "link NAME, machine NAME",
                     kind_name, text_hint(nearest, hint));
        /* A misspelt section is read as the one that was meant, so that its keys are checked.
         */
        kind = nearest == NULL ? -1 : keys_section_find(nearest, &nearest);
    }
    reader->is_in_unknown = kind < 0;
    reader->section = NULL;
    if (kind < 0) {
        return;
    }
    bool is_named = keys_section_is_named((enum section_kind)kind);
    reader->section =
        add_section(draft, (enum section_kind)kind, is_named ? name : "", here(reader));
    if (is_named && !text_is_name(name, true)) {
        draft_problem(
            draft, reader->section, NULL,
            "\"%.64s\" is no name; accepted: [%s NAME] with 1 to %d of the characters "
            "a-z 0-9 _ -",
            name, keys_section_name((enum section_kind)kind), TEXT_NAME_MAX);
    } else if (!is_named && *name != '\0') {
        draft_problem(draft, reader->section, NULL, "takes no name; accepted: [%s]",
                      keys_section_name((enum section_kind)kind));
    }
}

static void read_setting(struct reader *reader, const struct ini_line *line)
{
    struct draft *draft = reader->draft;
    const char *key = copy_part(draft, line->key);
    const char *text = copy_part(draft, line->value);
    if (reader->section == NULL) {
        if (!reader->is_in_unknown) {
            problems_add(draft->problems, reader->path, reader->line, NULL,
                         "\"%.60s\" stands before the first section; accepted there: include",
                         key);
        }
        return;
    }
    struct section *section = reader->section;
    const char *nearest = NULL;
    int index = key_index(section->kind, key, &nearest);
    if (index < 0) {
        char where[WHERE_SIZE];
        char hint[TEXT_HINT_SIZE];
        write_where(section, key, where);
        problems_add(draft->problems, reader->path, reader->line, where,
                     "unknown key%s accepted: the keys that `check --keys` lists for [%s]",
                     text_hint(nearest, hint), keys_section_name(section->kind));
        return;
    }
    struct setting *setting = &section->settings[index];
    struct setting written = {.text = text, .from = reader->path, .place = here(reader)};
    if (setting->text != NULL) {
        struct place first = setting->place;
        *setting = written; /* so that this value is checked too */
        draft_problem(draft, section, key, "the key is set already at %s:%u; accepted: once",
                      first.file, first.line);
    }
    *setting = written;
}

/* A file is known by its place on the disk, whatever path leads there. */
static const char *identity_of(const struct draft *draft, const char *path)
{
    struct stat status;
    if (stat(path, &status) != 0) {
        return arena_copy(draft->arena, path, strlen(path));
    }
    char text[64];
    int length = snprintf(text, sizeof text, "%llx %llx", (unsigned long long)status.st_dev,
                          (unsigned long long)status.st_ino);
    return arena_copy(draft->arena, text, (size_t)length);
}

/* The files being read, the innermost last: a stack rather than recursion, so that it is
 * bounded. */
struct stack {
    struct reader readers[INCLUDE_DEPTH_MAX];
    size_t depth;
};

static void push(struct stack *stack, struct draft *draft, const char *path,
                 struct source source)
{
    source_mend(&source, path, draft->problems);
    stack->readers[stack->depth++] =
        (struct reader){.draft = draft, .path = path, .rest = source.text};
}

static void include(struct stack *stack, const char *path)
{
    const struct reader *from = &stack->readers[stack->depth - 1];
    struct draft *draft = from->draft;
    char error[SOURCE_ERROR_SIZE];
    if (*path == '\0') {
        problems_add(draft->problems, from->path, from->line, "include",
                     "is empty; accepted: a path, relative to this file");
        return;
    }
    const char *whole = source_beside(draft->arena, from->path, path);
    if (names_add(draft->files, identity_of(draft, whole), 1) != NAMES_NONE) {
        problems_add(draft->problems, from->path, from->line, "include",
                     "\"%.200s\" is read already; accepted: each file once, no loops", path);
        return;
    }
    if (stack->depth == INCLUDE_DEPTH_MAX) {
        problems_add(draft->problems, from->path, from->line, "include",
                     "is more than %d files deep", INCLUDE_DEPTH_MAX);
        return;
    }
    struct source source = source_read(draft->arena, whole, error);
    if (source.text == NULL) {
        problems_add(draft->problems, from->path, from->line, "include", "\"%.200s\" %s", path,
                     error);
        return;
    }
    push(stack, draft, whole, source);
}

static bool is_include(const struct ini_line *line)
{
    static const char word[] = "include";
    return line->kind == INI_SETTING && line->key.length == sizeof word - 1 &&
           memcmp(line->key.text, word, sizeof word - 1) == 0;
}

static void read_line(struct reader *reader, const char *text, const struct ini_line *line)
{
    switch (line->kind) {
    case INI_EMPTY: return;
    case INI_SECTION: read_section(reader, line); return;
    case INI_SETTING: read_setting(reader, line); return;
    case INI_WRONG:
        problems_add(reader->draft->problems, reader->path, reader->line, NULL, "%s",
                     line->error);
        /* A section that cannot be read must not give its settings to the one before. */
        if (text[strspn(text, " \t")] == '[') {
            reader->section = NULL;
            reader->is_in_unknown = true;
        }
        return;
    }
}

void draft_read(struct draft *draft, struct source source)
{
    struct stack stack = {.depth = 0};
    (void)names_add(draft->files, identity_of(draft, draft->path), 1);
    push(&stack, draft, draft->path, source);
    while (stack.depth > 0) {
        struct reader *reader = &stack.readers[stack.depth - 1];
        const char *text = reader->rest;
        if (*text == '\0') {
            stack.depth--;
            continue;
        }
        size_t length = strcspn(text, "\n");
        reader->rest += length + (text[length] == '\n');
        reader->line++;
        struct ini_line line = ini_parse(text, length);
        if (is_include(&line)) {
            include(&stack, copy_part(draft, line.value));
        } else {
            read_line(reader, text, &line);
        }
    }
}

/* Finds the section of "link m3_mill"; adds one of the kinds that have no name. */
static struct section *overridden_section(struct draft *draft, const char *file, char *text)
{
    char hint[TEXT_HINT_SIZE];
    const char *nearest = NULL;
    size_t kind_length = strcspn(text, " ");
    const char *name = text + kind_length + strspn(text + kind_length, " ");
    bool has_name = *name != '\0';
    text[kind_length] = '\0';
    int kind = keys_section_find(text, &nearest);
    if (kind < 0) {
        problems_add(draft->problems, file, 0, NULL,
                     "unknown section \"%.60s\"%s accepted: site, gateway, broker, journal, "
                     "web, link NAME, machine NAME",
                     text, text_hint(nearest, hint));
        return NULL;
    }
    bool is_named = keys_section_is_named((enum section_kind)kind);
    if (is_named != has_name) {
        problems_add(draft->problems, file, 0, NULL, "[%s] %s; accepted: %s%s.KEY=VALUE", text,
                     is_named ? "needs a name" : "takes no name", text,
                     is_named ? " NAME" : "");
        return NULL;
    }
    if (!is_named) {
        draft_complete(draft, (enum section_kind)kind);
    }
    long found = names_find(draft->index, index_name(draft, (enum section_kind)kind, name));
    if (found == NAMES_NONE) {
        const char *meant =
            names_nearest(draft->index, index_name(draft, (enum section_kind)kind, name));
        problems_add(draft->problems, file, 0, NULL,
                     "there is no [%s %.64s]%s accepted: a section that the file has", text,
                     name, text_hint(meant, hint));
        return NULL;
    }
    return draft->sections[found];
}

void draft_override(struct draft *draft, const char *text)
{
    size_t size = strlen(text) + sizeof "--set ";
    char *file = arena_allocate(draft->arena, size, 1);
    (void)snprintf(file, size, "--set %s", text);
    struct source source = source_copy(draft->arena, text, strlen(text));
    source_mend(&source, file, draft->problems);
    char *equals = strchr(source.text, '=');
    char *dot =
        equals == NULL ? NULL : memrchr(source.text, '.', (size_t)(equals - source.text));
    if (dot == NULL) {
        problems_add(draft->problems, file, 0, NULL,
                     "is no setting; accepted: SECTION.KEY=VALUE, such as "
                     "web.listen=127.0.0.1:8081 or link NAME.port=5023");
        return;
    }
    *equals = '\0';
    *dot = '\0';
    struct section *section = overridden_section(draft, file, source.text);
    if (section == NULL) {
        return;
    }
    const char *nearest = NULL;
    const char *key = dot + 1;
    int index = key_index(section->kind, key, &nearest);
    if (index < 0) {
        char where[WHERE_SIZE];
        char hint[TEXT_HINT_SIZE];
        write_where(section, key, where);
        problems_add(draft->problems, file, 0, where,
                     "unknown key%s accepted: the keys that `check --keys` lists for [%s]",
                     text_hint(nearest, hint), keys_section_name(section->kind));
        return;
    }
    const char *value = equals + 1;
    size_t length = strlen(value);
    text_trim(&value, &length);
    section->settings[index] = (struct setting){
        .text = arena_copy(draft->arena, value, length), .from = "", .place = {.file = file}};
}
