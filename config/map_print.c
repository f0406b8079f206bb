#include <stdlib.h>
#include <string.h>

#include "config/map.h"
#include "config/memory.h"
#include "config/text.h"

enum { COLUMNS_COUNT = 11, CELL_SIZE = 200, NUMBER_SIZE = 48 };

struct cells {
    char texts[COLUMNS_COUNT][CELL_SIZE];
};

static void write_decimal(struct decimal decimal, char *text, size_t size)
{
    if (decimal.exponent >= 0 && decimal.exponent <= 9) {
        (void)snprintf(text, size, "%lld%.*s", (long long)decimal.mantissa, decimal.exponent,
                       "000000000");
    } else if (decimal.exponent < 0 && decimal.exponent >= -9) {
        char digits[32];
        int places = -decimal.exponent;
        bool is_negative = decimal.mantissa < 0;
        (void)snprintf(digits, sizeof digits, "%0*lld", places + 1,
                       llabs((long long)decimal.mantissa));
        int whole = (int)strlen(digits) - places;
        (void)snprintf(text, size, "%s%.*s.%s", is_negative ? "-" : "", whole, digits,
                       digits + whole);
    } else {
        (void)snprintf(text, size, "%llde%d", (long long)decimal.mantissa, decimal.exponent);
    }
}

static void write_scale(const struct map *map, const struct tag *tag, char *text, size_t size)
{
    char scale[NUMBER_SIZE];
    char offset[NUMBER_SIZE];
    write_decimal(tag->scale, scale, sizeof scale);
    write_decimal(tag->offset, offset, sizeof offset);
    bool has_scale = tag->scale.mantissa != 1 || tag->scale.exponent != 0;
    bool has_offset = tag->offset.mantissa != 0;
    (void)snprintf(text, size, "%s%s%s%s%s", has_scale ? scale : "",
                   has_offset && tag->offset.mantissa > 0 ? "+" : "", has_offset ? offset : "",
                   tag->scale_tag < 0 ? "" : " 10^",
                   tag->scale_tag < 0 ? "" : map->tags[tag->scale_tag].name);
}

static void write_range(const struct tag *tag, char *text, size_t size)
{
    char min[NUMBER_SIZE] = "";
    char max[NUMBER_SIZE] = "";
    if (tag->has_min) {
        write_decimal(tag->min, min, sizeof min);
    }
    if (tag->has_max) {
        write_decimal(tag->max, max, sizeof max);
    }
    (void)snprintf(text, size, "%s%s%s", min, tag->has_min || tag->has_max ? "…" : "", max);
}

static void write_every(const struct tag *tag, char *text, size_t size)
{
    if (tag->every_ms != 0) {
        (void)snprintf(text, size, "%u ms", tag->every_ms);
    }
}

static void write_cells(const struct map *map, const struct tag *tag, uint8_t base,
                        struct cells *cells)
{
    uint16_t address = tag_wire_address(tag, base);
    *cells = (struct cells){0};
    (void)snprintf(cells->texts[0], CELL_SIZE, "%s", tag->name);
    (void)snprintf(cells->texts[1], CELL_SIZE, "%s", table_name(tag->table));
    if (address != tag->address) {
        (void)snprintf(cells->texts[2], CELL_SIZE, "%u", tag->address);
    }
    (void)snprintf(cells->texts[3], CELL_SIZE, "%u", address);
    (void)snprintf(cells->texts[4], CELL_SIZE, "%06u", table_modicon(tag->table, address));
    (void)snprintf(cells->texts[5], CELL_SIZE, "%s", tag->type_text);
    (void)snprintf(cells->texts[6], CELL_SIZE, "%s", tag->order_text);
    write_scale(map, tag, cells->texts[7], CELL_SIZE);
    (void)snprintf(cells->texts[8], CELL_SIZE, "%s", tag->unit);
    write_range(tag, cells->texts[9], CELL_SIZE);
    write_every(tag, cells->texts[10], CELL_SIZE);
}

static void print_row(const struct cells *cells, const size_t *widths, const char *last,
                      FILE *stream)
{
    for (size_t i = 0; i < COLUMNS_COUNT; i++) {
        if (widths[i] > 0) {
            text_print(cells->texts[i], widths[i] + 2, stream);
        }
    }
    (void)fprintf(stream, "%s\n", last);
}

void map_print(const struct map *map, uint8_t base, FILE *stream)
{
    static const struct cells header = {{"tag", "table", "manual", "wire", "modicon", "type",
                                         "order", "scale", "unit", "range", "every"}};
    size_t widths[COLUMNS_COUNT] = {0};
    struct cells *rows = memory_allocate(map->tags_count, sizeof *rows);
    for (size_t i = 0; i < map->tags_count; i++) {
        write_cells(map, &map->tags[i], base, &rows[i]);
        for (size_t j = 0; j < COLUMNS_COUNT; j++) {
            size_t width = text_width(rows[i].texts[j]);
            widths[j] = width > widths[j] ? width : widths[j];
        }
    }
    /* A column that no tag uses is left out. */
    for (size_t j = 0; j < COLUMNS_COUNT; j++) {
        size_t width = text_width(header.texts[j]);
        widths[j] = widths[j] > 0 && width > widths[j] ? width : widths[j];
    }
    print_row(&header, widths, "access  description", stream);
    for (size_t i = 0; i < map->tags_count; i++) {
        const struct tag *tag = &map->tags[i];
        char last[CELL_SIZE];
        (void)snprintf(last, sizeof last, "%-6s  %.100s", tag->is_writable ? "rw" : "r",
                       tag->description);
        print_row(&rows[i], widths, last, stream);
    }
    free(rows);
}
