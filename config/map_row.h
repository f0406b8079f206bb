/* One row of a register map becomes a tag: the table of columns. Private to the map. */
#ifndef CONFIG_MAP_ROW_H
#define CONFIG_MAP_ROW_H

#include <stdbool.h>
#include <stddef.h>

#include "config/arena.h"
#include "config/csv.h"
#include "config/map.h"
#include "config/problems.h"

enum { MAP_COLUMNS_COUNT = 24 };

/* What is known while a row is read. */
struct map_row {
    const char *path;
    struct problems *problems;
    struct arena *arena;
    bool comma_is_point; /* the separator is `;`: numbers may have a decimal comma */
    /* Field number of each column in this file, -1 where it is not there. */
    int fields[MAP_COLUMNS_COUNT];
    size_t fields_count; /* of the header */
    const struct csv_record *record;
    struct tag *tag;
    const char *scale_tag; /* resolved when all rows are known; "" when none */
    bool is_type_known;
    bool is_table_known;
    bool has_error;
};

/* Reads the header line into `fields`; false when nothing can be read with it. */
bool map_row_read_header(struct map_row *row, const struct csv_record *record);

/* Fills `tag` from the record. Every problem is added; false when there was any. */
bool map_row_read(struct map_row *row, const struct csv_record *record, struct tag *tag);

/* A problem of the row's tag, in the named column. */
void map_row_problem(struct map_row *row, const char *column, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
