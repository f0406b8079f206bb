#include "config/reference.h"

#include <stdio.h>
#include <string.h>

#include "config/text.h"

bool reference_tag(const struct map *map, const char *text, const struct tag **tag,
                   char error[static REFERENCE_ERROR_SIZE])
{
    struct nearest nearest;
    char hint[TEXT_HINT_SIZE];
    *tag = NULL;
    if (*text == '\0') {
        return true;
    }
    *tag = map_find(map, text);
    if (*tag != NULL) {
        return true;
    }
    text_nearest_start(&nearest, text);
    for (size_t at = 0; at < map->tags_count; at++) {
        text_nearest_try(&nearest, map->tags[at].name);
    }
    (void)snprintf(error, REFERENCE_ERROR_SIZE,
                   "there is no tag \"%.64s\"%s accepted: a tag of %.80s", text,
                   text_hint(text_nearest_found(&nearest), hint), map->path);
    return false;
}

static const struct machine *find_machine(const struct factory *factory, const char *name,
                                          struct nearest *nearest)
{
    text_nearest_start(nearest, name);
    for (size_t at = 0; at < factory->machines_count; at++) {
        if (strcmp(factory->machines[at].name, name) == 0) {
            return &factory->machines[at];
        }
        text_nearest_try(nearest, factory->machines[at].name);
    }
    return NULL;
}

bool reference_machine_tag(const struct factory *factory, const char *text,
                           struct tag_reference *reference,
                           char error[static REFERENCE_ERROR_SIZE])
{
    struct nearest nearest;
    char hint[TEXT_HINT_SIZE];
    char name[TEXT_NAME_MAX + 1];
    const char *dot = strchr(text, '.');
    *reference = (struct tag_reference){.tag = NULL};
    if (*text == '\0') {
        return true;
    }
    if (dot == NULL || (size_t)(dot - text) >= sizeof name) {
        (void)snprintf(error, REFERENCE_ERROR_SIZE,
                       "\"%.80s\" is not accepted; accepted: MACHINE.TAG", text);
        return false;
    }
    (void)snprintf(name, sizeof name, "%.*s", (int)(dot - text), text);
    reference->machine = find_machine(factory, name, &nearest);
    if (reference->machine == NULL) {
        (void)snprintf(error, REFERENCE_ERROR_SIZE,
                       "there is no [machine %s]%s accepted: MACHINE.TAG of this factory", name,
                       text_hint(text_nearest_found(&nearest), hint));
        return false;
    }
    /* A machine whose map could not be read was complained about already. */
    return reference->machine->map == NULL ||
           reference_tag(reference->machine->map, dot + 1, &reference->tag, error);
}
