/* Claim: no bytes in a register map make the parser crash or leak, and every tag it lets
 * through keeps the promises of map.h. */
#include "config/map.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* The name is libFuzzer's. NOLINTNEXTLINE(readability-identifier-naming) */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool is_true)
{
    if (!is_true) {
        abort();
    }
}

static void check_tag(const struct map *map, const struct tag *tag)
{
    require(tag->registers >= 1 && tag->registers <= 125);
    require((unsigned)tag->address + tag->registers <= 65536);
    require(table_is_bits(tag->table) == (tag->type == TYPE_BOOL));
    require(tag->scale_tag >= -1 && tag->scale_tag < (int)map->tags_count);
    require(map_find(map, tag->name) == tag);
    require(tag->shift + tag->width <= 16);
    unsigned seen = 0;
    for (size_t i = 0; i < MAP_ORDER_MAX; i++) {
        seen |= 1U << tag->order[i];
    }
    require(tag->type == TYPE_STRING || tag->type == TYPE_STRING1 || tag->registers > 4 ||
            seen == 0xFF);
    require(strlen(tag->unit) + strlen(tag->description) + strlen(tag->order_text) < SIZE_MAX);
    require(tag_datatype(tag) != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct problems *problems = problems_create();
    struct map *map = map_parse("fuzz.csv", (const char *)data, size, problems);
    for (size_t i = 0; i < map->tags_count; i++) {
        check_tag(map, &map->tags[i]);
    }
    FILE *sink = fopen("/dev/null", "we");
    if (sink != NULL) {
        map_print(map, 0, sink);
        problems_print(problems, sink);
        (void)fclose(sink);
    }
    map_destroy(map);
    problems_destroy(problems);
    return 0;
}
