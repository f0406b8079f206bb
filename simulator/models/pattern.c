/* A counter in every tag of any map: for tests, benches and load. No personality, no physics.
 *
 * Each value changes with each step and is a function of the tag's place and the step alone. A
 * 64-bit integer tag named `stamp` carries the wall clock in microseconds at the read. */
#include <stdio.h>
#include <string.h>

#include "simulator/model.h"

#define STAMP     "stamp"
#define EPOCH_US  1700000000000000 /* where the moments begin */
#define TAG_SHIFT 7                /* steps that each tag is ahead of the one before */

static int64_t power_of_ten(unsigned exponent)
{
    int64_t power = 1;
    while (exponent-- > 0) {
        power *= 10;
    }
    return power;
}

static bool is_stamp(const struct tag *tag)
{
    return strcmp(tag->name, STAMP) == 0 &&
           (tag->type == TYPE_INT64 || tag->type == TYPE_UINT64);
}

static void fill_text(struct registers *registers, size_t index, int64_t counter)
{
    const struct tag *tag = &registers_map(registers)->tags[index];
    char text[MAP_STRING_MAX + 1];
    int64_t turn = power_of_ten(tag->characters < 9 ? tag->characters : 9);
    (void)snprintf(text, sizeof text, "%lld", (long long)(counter % turn));
    registers_put_text(registers, index, text);
}

/* The raw integer, within the type's digits. */
static int64_t counted(const struct tag *tag, int64_t counter)
{
    if (tag->words_count > 0) {
        return tag->words[(size_t)counter % tag->words_count].value;
    }
    if (tag->type == TYPE_BCD16 || tag->type == TYPE_BCD32 || tag->type == TYPE_MOD10K) {
        return counter * 10007 % power_of_ten(4U * tag->registers);
    }
    if (tag->registers == 1) {
        return counter;
    }
    /* Every byte of the wider ones moves. */
    return (int64_t)((uint64_t)counter * (tag->registers == 2 ? 0x01000193U : 0x100000001B3U));
}

static void fill_tag(struct registers *registers, size_t index, int64_t counter)
{
    const struct tag *tag = &registers_map(registers)->tags[index];
    switch (tag->type) {
    case TYPE_STRING:
    case TYPE_STRING1: fill_text(registers, index, counter); break;
    case TYPE_UNIX32:
    case TYPE_DATETIME4:
    case TYPE_DATETIME3R:
        registers_put_time(registers, index, EPOCH_US + counter * 1000000 + 250000);
        break;
    case TYPE_FLOAT16:
        registers_put_number(registers, index, (double)(counter % 1024) + 0.5);
        break;
    case TYPE_FLOAT32:
        registers_put_number(registers, index, (double)(counter % 100000) / 8.0 + 0.0625);
        break;
    case TYPE_FLOAT64: registers_put_number(registers, index, (double)counter / 7.0); break;
    case TYPE_BOOL:
    case TYPE_INT16:
    case TYPE_UINT16:
    case TYPE_INT32:
    case TYPE_UINT32:
    case TYPE_INT64:
    case TYPE_UINT64:
    case TYPE_BCD16:
    case TYPE_BCD32:
    case TYPE_MOD10K:
    case TYPE_BIT:
    case TYPE_BITS: {
        bool is_flag = tag->type == TYPE_BOOL || tag->type == TYPE_BIT;
        registers_put_counted(registers, index, is_flag ? counter & 1 : counted(tag, counter));
        break;
    }
    }
}

static void fill(struct registers *registers, size_t tag, uint64_t steps)
{
    if (!is_stamp(&registers_map(registers)->tags[tag])) {
        fill_tag(registers, tag, (int64_t)(steps + tag * TAG_SHIFT));
    }
}

static void touch(struct registers *registers, int64_t time_us)
{
    const struct map *map = registers_map(registers);
    for (size_t i = 0; i < map->tags_count; i++) {
        if (is_stamp(&map->tags[i])) {
            registers_put_integer(registers, i, time_us);
        }
    }
}

const struct model pattern_model = {.name = "pattern", .fill = fill, .touch = touch};
