#include <string.h>

#include "config/map.h"
#include "gateway/command.h"

enum { OPTION_BASE };

const struct command_option command_map_options[] = {
    [OPTION_BASE] = {"base", "0|1",
                     "what the machine's `base` will be: 1 if the manual counts from 1"},
    {.name = NULL},
};

static bool read_base(const struct command_line *line, uint8_t *base)
{
    const char *text = line->values[OPTION_BASE];
    *base = text != NULL && strcmp(text, "1") == 0 ? 1 : 0;
    if (*base == 1 || text == NULL || strcmp(text, "0") == 0) {
        return true;
    }
    (void)fprintf(stderr, "formlab-gateway map: --base \"%s\" is none; accepted: 0, 1\n", text);
    return false;
}

/* What counts from 1 has no register 0. */
static void check_base(const struct map *map, uint8_t base, struct problems *problems)
{
    for (size_t at = 0; at < map->tags_count && base == 1; at++) {
        const struct tag *tag = &map->tags[at];
        if (tag->address == 0 && !tag->is_modicon) {
            problems_add(problems, map->path, tag->line, tag->name,
                         "address 0 with base 1; accepted: 1 to 65536");
        }
    }
}

int command_map(const struct command_line *line)
{
    uint8_t base;
    if (!read_base(line, &base)) {
        return EXIT_USAGE;
    }
    struct problems *problems = problems_create();
    struct map *map = map_load(line->arguments[0], problems);
    if (map != NULL) {
        check_base(map, base, problems);
    }
    int code = problems_count(problems) > 0 ? EXIT_CONFIGURATION : EXIT_DONE;
    problems_print(problems, stderr);
    if (map != NULL) {
        map_print(map, base, stdout);
        map_destroy(map);
    }
    problems_destroy(problems);
    return code;
}
