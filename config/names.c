#include "config/names.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config/hash.h"
#include "config/memory.h"
#include "config/text.h"

struct entry {
    const char *name; /* NULL: free */
    long number;
};

struct names {
    struct entry *entries;
    size_t size; /* a power of two */
    size_t count;
};

enum { SIZE_FIRST = 64 };

struct names *names_create(void)
{
    struct names *names = memory_allocate(1, sizeof *names);
    names->size = SIZE_FIRST;
    names->entries = memory_allocate(names->size, sizeof *names->entries);
    return names;
}

void names_destroy(struct names *names)
{
    if (names != NULL) {
        free(names->entries);
        free(names);
    }
}

static struct entry *entry_of(const struct names *names, const char *name)
{
    size_t place = (size_t)hash_text(name, strlen(name)) & (names->size - 1);
    while (names->entries[place].name != NULL &&
           strcmp(names->entries[place].name, name) != 0) {
        place = (place + 1) & (names->size - 1);
    }
    return &names->entries[place];
}

static void grow(struct names *names)
{
    struct entry *old = names->entries;
    size_t old_size = names->size;
    names->size *= 2;
    names->entries = memory_allocate(names->size, sizeof *names->entries);
    for (size_t i = 0; i < old_size; i++) {
        if (old[i].name != NULL) {
            *entry_of(names, old[i].name) = old[i];
        }
    }
    free(old);
}

long names_add(struct names *names, const char *name, long number)
{
    struct entry *entry = entry_of(names, name);
    if (entry->name != NULL) {
        return entry->number;
    }
    *entry = (struct entry){.name = name, .number = number};
    names->count++;
    if (names->count * 2 > names->size) {
        grow(names);
    }
    return NAMES_NONE;
}

long names_find(const struct names *names, const char *name)
{
    const struct entry *entry = entry_of(names, name);
    return entry->name == NULL ? NAMES_NONE : entry->number;
}

const char *names_nearest(const struct names *names, const char *name)
{
    struct nearest nearest;
    text_nearest_start(&nearest, name);
    for (size_t i = 0; i < names->size; i++) {
        if (names->entries[i].name != NULL) {
            text_nearest_try(&nearest, names->entries[i].name);
        }
    }
    return text_nearest_found(&nearest);
}
