#include "config/map_row.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "config/factory.h"
#include "config/map_type.h"
#include "config/text.h"
#include "config/units.h"

enum { PERIOD_MAX_MS = 86400000, NUMBER_SIZE = 64 };

void map_row_problem(struct map_row *row, const char *column, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    char where[128];
    const char *tag = row->tag->name;
    (void)snprintf(where, sizeof where, "%.70s%s%s", tag, *tag == '\0' ? "" : "/", column);
    problems_add(row->problems, row->path, row->record->line, where, "%s", text);
    row->has_error = true;
}

static void read_tag(struct map_row *row, const char *text)
{
    static const char *const reserved[] = {"seq", "run", "time", "t", "q", "bad", "late"};
    row->tag->name = text;
    if (!text_is_name(text, false)) {
        map_row_problem(
            row, "tag",
            "\"%.70s\" is no tag name; accepted: 1 to %d of the characters a-z 0-9 _", text,
            TEXT_NAME_MAX);
    }
    for (size_t i = 0; i < sizeof reserved / sizeof reserved[0]; i++) {
        if (strcmp(text, reserved[i]) == 0) {
            map_row_problem(row, "tag",
                            "is reserved: every sample has a key of that name; accepted: any "
                            "name but seq run time t q bad late");
        }
    }
}

static void read_table(struct map_row *row, const char *text)
{
    struct nearest nearest;
    text_nearest_start(&nearest, text);
    for (int i = 0; i < TABLES_COUNT; i++) {
        if (strcmp(text, table_name((enum table)i)) == 0) {
            row->tag->table = (enum table)i;
            row->is_table_known = true;
            return;
        }
        text_nearest_try(&nearest, table_name((enum table)i));
    }
    char hint[TEXT_HINT_SIZE];
    map_row_problem(
        row, "table",
        "unknown table \"%.40s\"%s accepted: coil, discrete, input, holding, or empty "
        "with an address such as 40001",
        text, text_hint(text_nearest_found(&nearest), hint));
}

static bool has_table_column(const struct map_row *row);

static void read_modicon(struct map_row *row, const char *text)
{
    if (table_parse_modicon(text, &row->tag->table, &row->tag->address)) {
        row->tag->is_modicon = true;
        row->is_table_known = true;
        return;
    }
    map_row_problem(
        row, "address",
        "\"%.40s\" without a table is no Modicon number; accepted: 00001 coil, 10001 "
        "discrete, 30001 input, 40001 holding (5 or 6 digits), or name the table",
        text);
}

static void read_address(struct map_row *row, const char *text)
{
    uint64_t number = 0;
    if (!has_table_column(row)) {
        read_modicon(row, text);
    } else if (!units_parse_unsigned(text, &number) || number >= TABLE_SIZE) {
        map_row_problem(
            row, "address",
            "\"%.40s\" is no address; accepted: 0 to 65535 as on the wire, decimal or "
            "0x…",
            text);
    } else {
        row->tag->address = (uint16_t)number;
    }
}

static void read_type(struct map_row *row, const char *text)
{
    char error[MAP_TYPE_ERROR_SIZE];
    bool is_bits = row->is_table_known && table_is_bits(row->tag->table);
    if (*text == '\0' && is_bits) {
        text = "bool";
    }
    if (*text == '\0') {
        map_row_problem(row, "type",
                        "is missing; accepted: bool for coils and discrete inputs, "
                        "else uint16, int16, float32 …");
        return;
    }
    row->is_type_known = map_type_parse(row->tag, text, error);
    if (!row->is_type_known) {
        map_row_problem(row, "type", "%s", error);
    } else if (row->is_table_known && is_bits != (row->tag->type == TYPE_BOOL)) {
        map_row_problem(row, "type",
                        is_bits ? "a coil or discrete input is one bit; accepted: bool"
                                : "a register is no single bit; accepted: bit:N for one of its "
                                  "bits, uint16 for all of it");
    }
}

static void read_order(struct map_row *row, const char *text)
{
    char error[MAP_TYPE_ERROR_SIZE];
    if (row->is_type_known && !map_type_parse_order(row->tag, text, error)) {
        map_row_problem(row, "order", "%s", error);
    } else if (!row->is_type_known && strcmp(text, "reverse") != 0 &&
               (text[strspn(text, "ABCDEFGH")] != '\0' || strlen(text) % 2 != 0)) {
        map_row_problem(row, "order",
                        "\"%.40s\" is no order; accepted: AB BA, ABCD CDAB BADC "
                        "DCBA, eight letters A to H for 64 bits, reverse for "
                        "mod10k",
                        text);
    }
}

static bool parse_decimal(const struct map_row *row, const char *text, struct decimal *decimal)
{
    char number[NUMBER_SIZE];
    size_t length = strlen(text);
    if (length >= sizeof number) {
        return false;
    }
    memcpy(number, text, length + 1);
    char *comma = row->comma_is_point ? strchr(number, ',') : NULL;
    if (comma != NULL) {
        *comma = '.';
    }
    return units_parse_decimal(number, decimal);
}

/* Scale, range and deadband are for numbers only. */
static bool is_for_number(struct map_row *row, const char *column)
{
    if (row->is_type_known && !map_type_is_number(row->tag->type)) {
        map_row_problem(row, column, "%s is no number; leave it empty", row->tag->type_text);
        return false;
    }
    return true;
}

static bool read_decimal(struct map_row *row, const char *column, const char *text,
                         struct decimal *decimal)
{
    if (!parse_decimal(row, text, decimal)) {
        map_row_problem(
            row, column,
            "\"%.40s\" is no number; accepted: a decimal with up to 18 digits such as "
            "0.1 or 1e-05%s",
            text,
            row->comma_is_point ? ", or 0,1"
                                : "; a decimal comma only where ; "
                                  "separates the columns");
        return false;
    }
    return is_for_number(row, column);
}

static void read_scale(struct map_row *row, const char *text)
{
    if (read_decimal(row, "scale", text, &row->tag->scale)) {
        row->tag->is_scaled = true;
        if (row->tag->scale.mantissa == 0) {
            map_row_problem(row, "scale",
                            "0 would make every value the same; accepted: any "
                            "other number, or empty");
        }
    }
}

static void read_offset(struct map_row *row, const char *text)
{
    row->tag->is_scaled |= read_decimal(row, "offset", text, &row->tag->offset);
}

static void read_scale_tag(struct map_row *row, const char *text)
{
    if (is_for_number(row, "scale_tag")) {
        row->scale_tag = text;
        row->tag->is_scaled = true;
    }
}

static void read_min(struct map_row *row, const char *text)
{
    row->tag->has_min = read_decimal(row, "min", text, &row->tag->min);
}

static void read_max(struct map_row *row, const char *text)
{
    row->tag->has_max = read_decimal(row, "max", text, &row->tag->max);
    if (row->tag->has_min && row->tag->has_max &&
        decimal_to_double(row->tag->min) > decimal_to_double(row->tag->max)) {
        map_row_problem(row, "max", "%.40s is below min", text);
    }
}

/* Texts go to people and into messages: blanks instead of line ends and tabs. */
static const char *read_text(struct map_row *row, const char *column, const char *text)
{
    char *clean = arena_copy(row->arena, text, strlen(text));
    for (char *p = clean; *p != '\0'; p++) {
        if (*p == '\n' || *p == '\r' || *p == '\t') {
            *p = ' ';
        }
    }
    if (text_has_control(clean)) {
        map_row_problem(row, column, "holds a control character; accepted: any other text");
    }
    return clean;
}

static void read_unit(struct map_row *row, const char *text)
{
    row->tag->unit = read_text(row, "unit", text);
}

static void read_description(struct map_row *row, const char *text)
{
    row->tag->description = read_text(row, "description", text);
}

static void read_title_fr(struct map_row *row, const char *text)
{
    row->tag->titles[0] = read_text(row, "title_fr", text);
}

static void read_title_de(struct map_row *row, const char *text)
{
    row->tag->titles[1] = read_text(row, "title_de", text);
}

static void read_title_en(struct map_row *row, const char *text)
{
    row->tag->titles[2] = read_text(row, "title_en", text);
}

/* Walks over a list separated by `|`: copies and trims the next part. False at the end. */
static bool next_part(struct map_row *row, const char **rest, char **part)
{
    if (*rest == NULL) {
        return false;
    }
    const char *start = *rest;
    size_t length = strcspn(start, "|");
    *rest = start[length] == '|' ? start + length + 1 : NULL;
    text_trim(&start, &length);
    *part = arena_copy(row->arena, start, length);
    return true;
}

static size_t parts_count(const char *text)
{
    size_t count = 1;
    for (const char *p = text; *p != '\0'; p++) {
        count += *p == '|';
    }
    return count;
}

/* Bits of the raw value; 64 for as long as the type is unknown. */
static unsigned raw_bits(const struct map_row *row)
{
    unsigned bits = row->is_type_known ? row->tag->registers * 16U : 64;
    return bits > 64 ? 64 : bits;
}

static bool fits(uint64_t value, unsigned bits)
{
    return bits >= 64 || value >> bits == 0;
}

static bool can_have_sentinels(struct map_row *row, const char *column)
{
    if (row->is_type_known && (row->tag->type == TYPE_BOOL || row->tag->registers > 4)) {
        map_row_problem(row, column, "%s has no raw value of 16 to 64 bits; leave it empty",
                        row->tag->type_text);
        return false;
    }
    return true;
}

static void add_sentinel(struct map_row *row, const char *column, struct sentinel *sentinels,
                         struct sentinel sentinel)
{
    for (size_t i = 0; i < row->tag->sentinels_count; i++) {
        if (sentinels[i].raw == sentinel.raw) {
            map_row_problem(row, column, "the raw value 0x%llX is named twice",
                            (unsigned long long)sentinel.raw);
            return;
        }
    }
    sentinels[row->tag->sentinels_count++] = sentinel;
}

static void read_sentinels(struct map_row *row, const char *column, const char *text,
                           enum sentinel_kind kind)
{
    if (!can_have_sentinels(row, column)) {
        return;
    }
    size_t count = row->tag->sentinels_count;
    struct sentinel *sentinels =
        arena_allocate(row->arena, count + parts_count(text), sizeof *sentinels);
    if (count > 0) {
        memcpy(sentinels, row->tag->sentinels, count * sizeof *sentinels);
    }
    char *part = NULL;
    while (next_part(row, &text, &part)) {
        struct sentinel sentinel = {.kind = kind};
        if (!units_parse_unsigned(part, &sentinel.raw) || !fits(sentinel.raw, raw_bits(row))) {
            map_row_problem(row, column,
                            "\"%.40s\" is no raw value of %u bits; accepted: as it arrives, "
                            "before order and type, such as 0x8000 or 0x8000|0xFFFF",
                            part, raw_bits(row));
        } else {
            add_sentinel(row, column, sentinels, sentinel);
        }
    }
    row->tag->sentinels = sentinels;
}

static void read_absent(struct map_row *row, const char *text)
{
    read_sentinels(row, "absent", text, SENTINEL_ABSENT);
}

static void read_over(struct map_row *row, const char *text)
{
    read_sentinels(row, "over", text, SENTINEL_OVER);
}

static void read_under(struct map_row *row, const char *text)
{
    read_sentinels(row, "under", text, SENTINEL_UNDER);
}

static bool is_for_integer(struct map_row *row, const char *column)
{
    if (row->is_type_known && !map_type_is_integer(row->tag->type)) {
        map_row_problem(row, column, "%s is no whole number; leave it empty",
                        row->tag->type_text);
        return false;
    }
    return true;
}

static void read_mask(struct map_row *row, const char *text)
{
    if (!is_for_integer(row, "mask")) {
        return;
    }
    if (strncmp(text, "0x", 2) != 0 || !units_parse_unsigned(text, &row->tag->mask) ||
        row->tag->mask == 0 || !fits(row->tag->mask, raw_bits(row))) {
        map_row_problem(
            row, "mask",
            "\"%.40s\" is no mask of %u bits; accepted: hexadecimal, such as 0x006F", text,
            raw_bits(row));
    }
}

static bool parse_word(char *part, struct word *word)
{
    char *equals = strchr(part, '=');
    if (equals == NULL) {
        return false;
    }
    *equals = '\0';
    const char *number = part;
    size_t number_length = strlen(part);
    text_trim(&number, &number_length);
    part[number_length + (size_t)(number - part)] = '\0';
    word->text = equals + 1 + strspn(equals + 1, " \t");
    return units_parse_signed(number, &word->value) && *word->text != '\0' &&
           !text_has_control(word->text);
}

static void add_word(struct map_row *row, struct word *words, struct word word)
{
    for (size_t i = 0; i < row->tag->words_count; i++) {
        if (words[i].value == word.value) {
            map_row_problem(row, "words", "the value %lld has two words",
                            (long long)word.value);
            return;
        }
    }
    words[row->tag->words_count++] = word;
}

static void read_words(struct map_row *row, const char *text)
{
    enum { WORDS_MAX = 1000 };
    if (!is_for_integer(row, "words")) {
        return;
    }
    if (parts_count(text) > WORDS_MAX) {
        map_row_problem(row, "words", "more than %d words", WORDS_MAX);
        return;
    }
    struct word *words = arena_allocate(row->arena, parts_count(text), sizeof *words);
    char *part = NULL;
    while (next_part(row, &text, &part)) {
        const char *written = arena_copy(row->arena, part, strlen(part));
        struct word word = {0};
        if (parse_word(part, &word)) {
            add_word(row, words, word);
        } else {
            map_row_problem(row, "words",
                            "\"%.60s\" is no word; accepted: 0=idle|1=running|2=fault",
                            written);
        }
    }
    row->tag->words = words;
    if (row->tag->is_scaled) {
        map_row_problem(row, "words",
                        "a value with words is not scaled; drop words, or scale, "
                        "offset and scale_tag");
    }
}

static void read_every(struct map_row *row, const char *text)
{
    uint64_t every_us = 0;
    char number[NUMBER_SIZE];
    (void)snprintf(number, sizeof number, "%.*s", NUMBER_SIZE - 1, text);
    char *comma = row->comma_is_point ? strchr(number, ',') : NULL;
    if (comma != NULL) {
        *comma = '.';
    }
    if (!units_parse_duration_us(number, &every_us) || every_us % 1000 != 0 ||
        every_us / 1000 < FACTORY_PERIOD_MIN_MS || every_us / 1000 > PERIOD_MAX_MS) {
        map_row_problem(
            row, "every",
            "\"%.40s\" is no pace; accepted: whole milliseconds from %d ms to 24 h, "
            "such as 200 ms, 5 s or 1 min",
            text, FACTORY_PERIOD_MIN_MS);
        return;
    }
    row->tag->every_ms = (uint32_t)(every_us / 1000);
}

static void read_deadband(struct map_row *row, const char *text)
{
    if (!is_for_number(row, "deadband")) {
        return;
    }
    char number[NUMBER_SIZE];
    size_t length = strlen(text);
    bool is_relative = length > 0 && text[length - 1] == '%';
    length -= is_relative;
    while (is_relative && length > 0 && text[length - 1] == ' ') {
        length--;
    }
    (void)snprintf(number, sizeof number, "%.*s",
                   (int)(length < NUMBER_SIZE ? length : NUMBER_SIZE - 1), text);
    struct decimal decimal = {0};
    if (length >= NUMBER_SIZE || !parse_decimal(row, number, &decimal) ||
        decimal.mantissa < 0) {
        map_row_problem(row, "deadband",
                        "\"%.40s\" is no deadband; accepted: a number from 0 on in the tag's "
                        "unit, such as 0.5, or a part of the value, such as 1 %%",
                        text);
        return;
    }
    row->tag->deadband = decimal_to_double(decimal) / (is_relative ? 100.0 : 1.0);
    row->tag->deadband_is_relative = is_relative;
}

static void read_access(struct map_row *row, const char *text)
{
    row->tag->is_writable = strcmp(text, "rw") == 0;
    if (!row->tag->is_writable && strcmp(text, "r") != 0) {
        map_row_problem(row, "access", "\"%.40s\" is no access; accepted: r, rw", text);
    } else if (row->tag->is_writable && row->is_table_known &&
               (row->tag->table == TABLE_DISCRETE || row->tag->table == TABLE_INPUT)) {
        map_row_problem(row, "access", "the table %s can only be read; accepted: r",
                        table_name(row->tag->table));
    }
}

static void read_comment(struct map_row *row, const char *text)
{
    (void)row;
    (void)text;
}

/* In the order in which the columns of a row are read: type needs table, order needs type. */
static const struct column {
    const char *name;
    void (*read)(struct map_row *row, const char *text);
    bool sees_empty;  /* read() is called for an empty field too */
    bool is_required; /* the file must have the column */
} columns[MAP_COLUMNS_COUNT] = {
    {"tag", read_tag, true, true},
    {"table", read_table, false, false},
    {"address", read_address, true, true},
    {"type", read_type, true, true},
    {"order", read_order, false, false},
    {"scale", read_scale, false, false},
    {"offset", read_offset, false, false},
    {"scale_tag", read_scale_tag, false, false},
    {"unit", read_unit, false, false},
    {"min", read_min, false, false},
    {"max", read_max, false, false},
    {"absent", read_absent, false, false},
    {"over", read_over, false, false},
    {"under", read_under, false, false},
    {"mask", read_mask, false, false},
    {"words", read_words, false, false},
    {"every", read_every, false, false},
    {"deadband", read_deadband, false, false},
    {"access", read_access, false, false},
    {"description", read_description, false, false},
    {"title_fr", read_title_fr, false, false},
    {"title_de", read_title_de, false, false},
    {"title_en", read_title_en, false, false},
    {"comment", read_comment, false, false},
};

enum { COLUMN_TABLE = 1 };

static const char *trimmed(char *field)
{
    const char *text = field;
    size_t length = strlen(field);
    text_trim(&text, &length);
    field[(size_t)(text - field) + length] = '\0';
    return text;
}

static const char *field_of(const struct map_row *row, size_t column)
{
    int field = row->fields[column];
    return field >= 0 && (size_t)field < row->record->fields_count
               ? trimmed(row->record->fields[field])
               : "";
}

static bool has_table_column(const struct map_row *row)
{
    return *field_of(row, COLUMN_TABLE) != '\0';
}

static int column_named(const char *name)
{
    for (int i = 0; i < MAP_COLUMNS_COUNT; i++) {
        if (strcmp(columns[i].name, name) == 0) {
            return i;
        }
    }
    return -1;
}

/* A misspelt column is taken for the one that was meant, so that its rows are checked too. */
static void take_unknown_column(struct map_row *row, const struct csv_record *record,
                                size_t field)
{
    const char *name = record->fields[field];
    struct nearest nearest;
    text_nearest_start(&nearest, name);
    for (size_t i = 0; i < MAP_COLUMNS_COUNT; i++) {
        text_nearest_try(&nearest, columns[i].name);
    }
    const char *meant = text_nearest_found(&nearest);
    if (meant == NULL) {
        problems_add(
            row->problems, row->path, record->line, *name == '\0' ? NULL : name,
            "unknown column %zu; accepted: tag table address type order scale offset "
            "scale_tag unit min max absent over under mask words every deadband access "
            "description title_fr title_de title_en comment",
            field + 1);
        return;
    }
    problems_add(row->problems, row->path, record->line, name,
                 "unknown column; did you mean \"%s\"?", meant);
    int column = column_named(meant);
    if (row->fields[column] < 0) {
        row->fields[column] = (int)field;
    }
}

bool map_row_read_header(struct map_row *row, const struct csv_record *record)
{
    bool is_known[CSV_FIELDS_MAX] = {false};
    for (size_t i = 0; i < MAP_COLUMNS_COUNT; i++) {
        row->fields[i] = -1;
    }
    row->fields_count = record->fields_count;
    for (size_t i = 0; i < record->fields_count; i++) {
        const char *name = trimmed(record->fields[i]);
        int column = column_named(name);
        is_known[i] = column >= 0;
        if (column >= 0 && row->fields[column] >= 0) {
            problems_add(row->problems, row->path, record->line, name,
                         "the column stands twice in the header");
        } else if (column >= 0) {
            row->fields[column] = (int)i;
        }
    }
    for (size_t i = 0; i < record->fields_count; i++) {
        if (!is_known[i]) {
            take_unknown_column(row, record, i);
        }
    }
    bool has_any = false;
    for (size_t i = 0; i < MAP_COLUMNS_COUNT; i++) {
        has_any |= row->fields[i] >= 0;
        if (columns[i].is_required && row->fields[i] < 0) {
            problems_add(
                row->problems, row->path, record->line, columns[i].name,
                "the column is missing; the first line names the columns, at least tag, "
                "address and type");
        }
    }
    return has_any;
}

static void check_row(struct map_row *row)
{
    const struct tag *tag = row->tag;
    unsigned length = row->is_type_known ? tag->registers : 1;
    if (tag->address + length > TABLE_SIZE) {
        map_row_problem(row, "address",
                        "%u with %u registers reaches past 65535, the last "
                        "address there is",
                        tag->address, length);
    }
    for (size_t i = row->fields_count; i < row->record->fields_count; i++) {
        if (*trimmed(row->record->fields[i]) != '\0') {
            map_row_problem(row, "row",
                            "has %zu fields, the header %zu; quote a text that holds "
                            "the separator",
                            row->record->fields_count, row->fields_count);
            return;
        }
    }
}

bool map_row_read(struct map_row *row, const struct csv_record *record, struct tag *tag)
{
    *tag = (struct tag){
        .name = "",
        .order_text = "",
        .type_text = "",
        .scale = {.mantissa = 1},
        .scale_tag = -1,
        .unit = "",
        .mask = UINT64_MAX,
        .description = "",
        .titles = {"", "", ""},
        .line = record->line,
    };
    row->record = record;
    row->tag = tag;
    row->scale_tag = "";
    row->is_type_known = false;
    row->is_table_known = false;
    row->has_error = false;
    if (record->error != NULL) {
        map_row_problem(row, "row", "%s", record->error);
        return false;
    }
    for (size_t i = 0; i < MAP_COLUMNS_COUNT; i++) {
        const char *text = field_of(row, i);
        if (row->fields[i] >= 0 && (columns[i].sees_empty || *text != '\0')) {
            columns[i].read(row, text);
        }
        row->has_error |= columns[i].is_required && row->fields[i] < 0;
    }
    check_row(row);
    return !row->has_error;
}
