#include "gateway/explain.h"

#include <stdlib.h>
#include <string.h>

#include "config/map_type.h"
#include "config/memory.h"
#include "gateway/frame.h"
#include "gateway/number.h"

enum {
    DATA_PER_LINE = 16, /* bytes */
    GRID_COLUMNS_MAX = 8,
    SAME_SHOWN = 4, /* types and orders that show the same value */
    WIDTHS_COUNT = 4,
    REGISTERS_MAX = 125, /* of one read */
    VALUE_SHOWN = 60,    /* characters of a text */
};

/* ---- frames ---- */

static void print_field(const struct frame_field *field, const uint8_t *bytes, FILE *stream)
{
    (void)fprintf(stream, "  %-12s", field->name);
    for (size_t at = 0; at < field->length; at++) {
        bool is_line_full = at > 0 && at % DATA_PER_LINE == 0;
        (void)fprintf(stream, "%s %02X", is_line_full ? "\n              " : "",
                      bytes[field->offset + at]);
    }
    if (field->note[0] != '\0') {
        (void)fprintf(stream, "%*s  %s", (int)(6 - 3 * field->length), "", field->note);
    }
    (void)fputc('\n', stream);
}

static void print_frame(enum frame_kind kind, const uint8_t *bytes, size_t length, FILE *stream)
{
    struct frame_field fields[FRAME_FIELDS_MAX];
    size_t count = frame_fields(kind, bytes, length, fields);
    for (size_t at = 0; at < count; at++) {
        print_field(&fields[at], bytes, stream);
    }
}

void explain_exchange(const struct driver_exchange *exchange, FILE *stream)
{
    bool is_refused = exchange->exception != 0;
    (void)fprintf(stream, "Request, %u bytes:\n", exchange->request_length);
    print_frame(FRAME_REQUEST, exchange->request, exchange->request_length, stream);
    if (exchange->reply_length == 0) {
        (void)fprintf(stream, "No reply.\n");
        return;
    }
    (void)fprintf(stream, "Reply, %u bytes, after %.1f ms:\n", exchange->reply_length,
                  exchange->duration_us / 1000.0);
    print_frame(is_refused ? FRAME_REFUSAL : FRAME_REPLY, exchange->reply,
                exchange->reply_length, stream);
}

/* ---- registers ---- */

static int printable(int character)
{
    return character >= ' ' && character <= '~' ? character : '.';
}

static void print_register(const struct target *target, unsigned address, uint16_t word,
                           FILE *stream)
{
    char bits[20];
    size_t length = 0;
    for (int bit = 15; bit >= 0; bit--) {
        bits[length++] = (word >> bit & 1) != 0 ? '1' : '0';
        if (bit % 4 == 0 && bit > 0) {
            bits[length++] = ' ';
        }
    }
    bits[length] = '\0';
    (void)fprintf(stream, "  %7u  %06u  %04X  %8u  %6d  %s  %c%c\n", address,
                  table_modicon(target->table, (uint16_t)address), word, word, (int16_t)word,
                  bits, printable(word >> 8), printable(word & 0xFF));
}

void explain_words(const struct target *target, const uint16_t *words, FILE *stream)
{
    bool is_bits = table_is_bits(target->table);
    (void)fprintf(stream, "\n%s\n",
                  is_bits ? "  address  modicon  bit"
                          : "  address modicon  hex  unsigned  signed  bits                 "
                            "characters");
    for (unsigned at = 0; at < target->count; at++) {
        unsigned address = target->address + at;
        if (is_bits) {
            (void)fprintf(stream, "  %7u   %06u  %s\n", address,
                          table_modicon(target->table, (uint16_t)address),
                          words[at] != 0 ? "1, true" : "0, false");
        } else {
            print_register(target, address, words[at], stream);
        }
    }
}

/* ---- readings ---- */

/* Types side by side, one order a line: what has letters for its order, but no text. */
struct grid {
    const struct guess *guesses;
    size_t count;
    const char *types[GRID_COLUMNS_MAX];
    size_t widths[GRID_COLUMNS_MAX];
    size_t columns_count;
};

static bool is_in_grid(const struct guess *guess)
{
    return guess->order[0] >= 'A' && guess->order[0] <= 'Z' && guess->tag.characters == 0;
}

static bool is_marked(const struct guess *guess)
{
    return guess->rank >= 1 && guess->rank <= GUESS_PLAUSIBLE;
}

static size_t write_cell(const struct guess *guess, char cell[GUESS_TEXT_SIZE])
{
    (void)snprintf(cell, GUESS_TEXT_SIZE, "%.*s", VALUE_SHOWN,
                   guess->value[0] == '\0' ? "-" : guess->value);
    return strlen(cell);
}

static void measure(struct grid *grid)
{
    char cell[GUESS_TEXT_SIZE];
    for (size_t at = 0; at < grid->count; at++) {
        const struct guess *guess = &grid->guesses[at];
        size_t column = 0;
        while (column < grid->columns_count && strcmp(grid->types[column], guess->type) != 0) {
            column++;
        }
        if (!is_in_grid(guess) || column == GRID_COLUMNS_MAX) {
            continue;
        }
        if (column == grid->columns_count) {
            grid->types[grid->columns_count++] = guess->type;
            grid->widths[column] = strlen(guess->type);
        }
        size_t width = write_cell(guess, cell);
        grid->widths[column] = width > grid->widths[column] ? width : grid->widths[column];
    }
}

static const struct guess *find_guess(const struct grid *grid, const char *type,
                                      const char *order)
{
    for (size_t at = 0; at < grid->count; at++) {
        if (strcmp(grid->guesses[at].type, type) == 0 &&
            strcmp(grid->guesses[at].order, order) == 0) {
            return &grid->guesses[at];
        }
    }
    return NULL;
}

static void print_grid_line(const struct grid *grid, const char *order, FILE *stream)
{
    char cell[GUESS_TEXT_SIZE] = "";
    (void)fprintf(stream, "  %-8s", order);
    for (size_t column = 0; column < grid->columns_count; column++) {
        const struct guess *guess = find_guess(grid, grid->types[column], order);
        cell[0] = '\0';
        if (guess != NULL) {
            (void)write_cell(guess, cell);
        }
        (void)fprintf(stream, "  %*s", (int)grid->widths[column], cell);
        if (guess != NULL && is_marked(guess)) {
            (void)fprintf(stream, " *%u", guess->rank);
        } else {
            (void)fputs("   ", stream);
        }
    }
    (void)fputc('\n', stream);
}

static void print_grid(const struct guess *guesses, size_t count, FILE *stream)
{
    struct grid grid = {.guesses = guesses, .count = count};
    measure(&grid);
    if (grid.columns_count == 0) {
        return;
    }
    (void)fprintf(stream, "  %-8s", "");
    for (size_t column = 0; column < grid.columns_count; column++) {
        (void)fprintf(stream, "  %*s   ", (int)grid.widths[column], grid.types[column]);
    }
    (void)fputc('\n', stream);
    /* The first type has every order. */
    for (size_t at = 0; at < count && strcmp(guesses[at].type, grid.types[0]) == 0; at++) {
        print_grid_line(&grid, guesses[at].order, stream);
    }
}

/* What is not in the grid, if the registers can be read so at all. */
static void print_others(const struct guess *guesses, size_t count, FILE *stream)
{
    char cell[GUESS_TEXT_SIZE];
    for (size_t at = 0; at < count; at++) {
        const struct guess *guess = &guesses[at];
        bool is_text = guess->reading.kind == READING_TEXT;
        if (is_in_grid(guess) || guess->value[0] == '\0' || guess->score < 0) {
            continue;
        }
        (void)write_cell(guess, cell);
        (void)fprintf(stream, "  %-10s  %-7s  %s%s%s", guess->type, guess->order,
                      is_text ? "\"" : "", cell, is_text ? "\"" : "");
        if (is_marked(guess)) {
            (void)fprintf(stream, " *%u", guess->rank);
        }
        (void)fputc('\n', stream);
    }
}

static const struct guess *best_of(const struct guess *guesses, size_t count, unsigned rank)
{
    const struct guess *best = NULL;
    for (size_t at = 0; at < count; at++) {
        if (guesses[at].rank == rank && (best == NULL || guesses[at].score > best->score)) {
            best = &guesses[at];
        }
    }
    return best;
}

static void print_reason(const struct guess *guesses, size_t count, unsigned rank, FILE *stream)
{
    const struct guess *best = best_of(guesses, count, rank);
    if (best == NULL) {
        return;
    }
    unsigned same = 0;
    (void)fprintf(stream, "  *%u %s%s%s", rank, best->type, best->order[0] != '\0' ? " " : "",
                  best->order);
    for (size_t at = 0; at < count; at++) {
        const struct guess *guess = &guesses[at];
        if (guess->rank != rank || guess == best || ++same > SAME_SHOWN) {
            continue;
        }
        (void)fprintf(stream, ", %s%s%s", guess->type, guess->order[0] != '\0' ? " " : "",
                      guess->order);
    }
    (void)fprintf(stream, "%s: %s\n", same > SAME_SHOWN ? " …" : "", best->reason);
}

/* Three registers, and more than four, are worth showing for a text or a date alone, unless
 * they are all that was asked for. */
static bool is_dull(const struct guess_block *block, size_t width, const struct guess *first)
{
    bool is_usual = width == 1 || width == 2 || width == WIDTHS_COUNT;
    bool is_text = first != NULL && first->reading.kind == READING_TEXT;
    return !is_usual && !is_text && (width > WIDTHS_COUNT || block->count != width);
}

static void print_scaling(const struct tag *row, FILE *stream)
{
    char scale[NUMBER_SIZE];
    char offset[NUMBER_SIZE];
    if (row->is_scaled) {
        unsigned scale_length = number_format_decimal(row->scale, scale);
        unsigned offset_length = number_format_decimal(row->offset, offset);
        (void)fprintf(stream, "; numbers are raw × %.*s + %.*s", (int)scale_length, scale,
                      (int)offset_length, offset);
    }
}

/* One width from one register on; `best` gets the first of the ranking. */
static void print_width(const struct target *target, const struct guess_block *block,
                        size_t start, size_t width, struct guess *best, FILE *stream)
{
    struct guess *guesses = memory_allocate(GUESSES_MAX, sizeof *guesses);
    size_t count = plausibility_guess(block, start, width, guesses);
    size_t from = target->address + start;
    const struct guess *first = best_of(guesses, count, 1);
    if (is_dull(block, width, first)) {
        free(guesses);
        return;
    }
    (void)fprintf(stream, "\n%s %zu", table_name(target->table), from);
    if (width > 1) {
        (void)fprintf(stream, "-%zu", from + width - 1);
    }
    (void)fputc(':', stream);
    for (size_t at = 0; at < width; at++) {
        (void)fprintf(stream, " %04X", block->words[start + at]);
    }
    print_scaling(&block->row, stream);
    (void)fputc('\n', stream);
    print_grid(guesses, count, stream);
    print_others(guesses, count, stream);
    for (unsigned rank = 1; rank <= GUESS_PLAUSIBLE; rank++) {
        print_reason(guesses, count, rank, stream);
    }
    if (first == NULL) {
        (void)fprintf(stream, "  No reading of these registers stands out.\n");
    } else {
        *best = *first;
    }
    free(guesses);
}

/* ---- the layout ---- */

/* The best guess from each register on, by width; those that do not exist have no type. */
struct layout {
    struct guess *best; /* [start * WIDTHS_COUNT + width - 1] */
    double *score;      /* of the best way to cover the registers up to here */
    size_t *width;      /* of its last value; 1 also for a register of which nothing is known */
};

/* Tries a value of that width as the last one before `end`. */
static void try_width(struct layout *layout, size_t end, size_t width)
{
    const struct guess *guess = &layout->best[(end - width) * WIDTHS_COUNT + width - 1];
    double score = layout->score[end - width] + guess->score;
    /* Of equals the wider: a high word of zero is more often part of a value. */
    if (guess->type[0] != '\0' && score >= layout->score[end]) {
        layout->score[end] = score;
        layout->width[end] = width;
    }
}

static void lay_out(struct layout *layout, size_t count)
{
    for (size_t end = 1; end <= count; end++) {
        layout->score[end] = layout->score[end - 1];
        layout->width[end] = 1;
        for (size_t width = 1; width <= WIDTHS_COUNT && width <= end; width++) {
            try_width(layout, end, width);
        }
    }
}

static bool has_row(const struct tag *row)
{
    return row->is_scaled || row->has_min || row->has_max;
}

/* The columns scale, offset, min and max; empty where the type is no number. */
static void print_decimals(const struct tag *tag, FILE *stream)
{
    bool is_number = map_type_is_number(tag->type);
    const struct {
        bool is_told;
        struct decimal decimal;
    } columns[TARGET_DECIMALS_COUNT] = {
        [TARGET_SCALE] = {tag->is_scaled, tag->scale},
        [TARGET_OFFSET] = {tag->is_scaled, tag->offset},
        [TARGET_MIN] = {tag->has_min, tag->min},
        [TARGET_MAX] = {tag->has_max, tag->max},
    };
    for (size_t at = 0; at < TARGET_DECIMALS_COUNT; at++) {
        char text[NUMBER_SIZE];
        bool is_shown = is_number && columns[at].is_told;
        unsigned length = is_shown ? number_format_decimal(columns[at].decimal, text) : 0;
        (void)fprintf(stream, "%.*s,", (int)length, text);
    }
}

static void print_row(const struct target *target, size_t address, const struct guess *guess,
                      FILE *stream)
{
    bool is_text = guess->reading.kind == READING_TEXT;
    (void)fprintf(stream, "value_%zu,%s,%zu,%s,%s,", address, table_name(target->table),
                  address, guess->type, guess->order);
    if (has_row(&target->row)) {
        print_decimals(&guess->tag, stream);
    }
    (void)fprintf(stream, "%s%.*s\n", guess->is_no_value ? "no value: " : "", VALUE_SHOWN,
                  is_text ? "a text" : guess->value);
}

/* Turns the widths, known at the end of each value, into the ends of values in order. */
static void print_layout(const struct target *target, const struct layout *layout, FILE *stream)
{
    size_t starts[REGISTERS_MAX];
    size_t values = 0;
    for (size_t end = target->count; end > 0; end -= layout->width[end]) {
        starts[values++] = end - layout->width[end];
    }
    (void)fprintf(stream,
                  "\nAll in all most plausible, as rows of a register map:\n"
                  "tag,table,address,type,order,%scomment\n",
                  has_row(&target->row) ? "scale,offset,min,max," : "");
    while (values > 0) {
        size_t start = starts[--values];
        size_t end = values > 0 ? starts[values - 1] : target->count;
        const struct guess *guess = &layout->best[start * WIDTHS_COUNT + end - start - 1];
        if (guess->type[0] != '\0') {
            print_row(target, target->address + start, guess, stream);
        }
    }
}

void explain_readings(const struct target *target, const struct guess_block *block,
                      FILE *stream)
{
    size_t count = block->count;
    struct layout layout = {
        .best = memory_allocate(count * WIDTHS_COUNT, sizeof *layout.best),
        .score = memory_allocate(count + 1, sizeof *layout.score),
        .width = memory_allocate(count + 1, sizeof *layout.width),
    };
    for (size_t start = 0; start < count; start++) {
        for (size_t width = 1; width <= WIDTHS_COUNT && start + width <= count; width++) {
            print_width(target, block, start, width,
                        &layout.best[start * WIDTHS_COUNT + width - 1], stream);
        }
    }
    if (count > WIDTHS_COUNT) {
        struct guess text;
        print_width(target, block, 0, count, &text, stream);
    }
    lay_out(&layout, count);
    print_layout(target, &layout, stream);
    free(layout.best);
    free(layout.score);
    free(layout.width);
}
