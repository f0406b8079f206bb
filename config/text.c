#include "config/text.h"

#include <stdio.h>
#include <string.h>

size_t text_utf8_length(const char *text, size_t length)
{
    const unsigned char *b = (const unsigned char *)text;
    if (length == 0 || b[0] == 0) {
        return 0;
    }
    if (b[0] < 0x80) {
        return 1;
    }
    size_t size = b[0] >= 0xF0 ? 4 : b[0] >= 0xE0 ? 3 : 2;
    if (b[0] < 0xC2 || b[0] > 0xF4 || length < size) {
        return 0;
    }
    for (size_t i = 1; i < size; i++) {
        if ((b[i] & 0xC0) != 0x80) {
            return 0;
        }
    }
    bool is_overlong = (b[0] == 0xE0 && b[1] < 0xA0) || (b[0] == 0xF0 && b[1] < 0x90);
    bool is_surrogate = b[0] == 0xED && b[1] > 0x9F;
    bool is_too_large = b[0] == 0xF4 && b[1] > 0x8F;
    return is_overlong || is_surrogate || is_too_large ? 0 : size;
}

size_t text_width(const char *text)
{
    size_t width = 0;
    for (const char *p = text; *p != '\0'; p++) {
        width += ((unsigned char)*p & 0xC0) != 0x80;
    }
    return width;
}

void text_print(const char *text, size_t width, FILE *stream)
{
    size_t used = text_width(text);
    (void)fprintf(stream, "%s%*s", text, used < width ? (int)(width - used) : 0, "");
}

bool text_is_name(const char *text, bool dash)
{
    size_t length = strspn(text, dash ? "abcdefghijklmnopqrstuvwxyz0123456789_-"
                                      : "abcdefghijklmnopqrstuvwxyz0123456789_");
    return length > 0 && length <= TEXT_NAME_MAX && text[length] == '\0';
}

bool text_has_control(const char *text)
{
    for (const char *p = text; *p != '\0'; p++) {
        if ((unsigned char)*p < ' ' || *p == 0x7F) {
            return true;
        }
    }
    return false;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

void text_trim(const char **text, size_t *length)
{
    while (*length > 0 && is_blank(**text)) {
        (*text)++;
        (*length)--;
    }
    while (*length > 0 && is_blank((*text)[*length - 1])) {
        (*length)--;
    }
}

enum { COMPARED_MAX = 64 }; /* nobody misspells longer names recognisably */

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

struct texts {
    const char *a;
    size_t a_length;
    const char *b;
    size_t b_length;
};

/* Row i of the table of distances, from the two rows above it; returns its least. */
static size_t fill_row(const struct texts *texts, size_t i,
                       unsigned char rows[3][COMPARED_MAX + 1])
{
    const char *a = texts->a;
    const char *b = texts->b;
    unsigned char *row = rows[i % 3];
    const unsigned char *above = rows[(i - 1) % 3];
    row[0] = (unsigned char)i;
    size_t least = i;
    for (size_t j = 1; j <= texts->b_length; j++) {
        size_t cost = smaller(smaller(above[j], row[j - 1]) + 1U,
                              above[j - 1] + (size_t)(a[i - 1] != b[j - 1]));
        if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
            cost = smaller(cost, rows[(i - 2) % 3][j - 2] + 1U);
        }
        row[j] = (unsigned char)cost;
        least = smaller(least, cost);
    }
    return least;
}

/* Optimal string alignment distance; gives up with `limit` when it cannot stay below it. */
static size_t distance(const struct texts *texts, size_t limit)
{
    unsigned char rows[3][COMPARED_MAX + 1];
    for (size_t j = 0; j <= texts->b_length; j++) {
        rows[0][j] = (unsigned char)j;
    }
    for (size_t i = 1; i <= texts->a_length; i++) {
        if (fill_row(texts, i, rows) >= limit) {
            return limit;
        }
    }
    return rows[texts->a_length % 3][texts->b_length];
}

void text_nearest_start(struct nearest *nearest, const char *text)
{
    size_t length = strlen(text);
    /* A third of the letters may be wrong: one of three, two of six, at most three. */
    size_t allowed = smaller(length < 3 ? 1 : length / 3, 3);
    *nearest = (struct nearest){.text = text, .length = length, .distance = allowed + 1};
}

void text_nearest_try(struct nearest *nearest, const char *candidate)
{
    size_t length = strlen(candidate);
    size_t longer = length > nearest->length ? length : nearest->length;
    size_t shorter = smaller(length, nearest->length);
    if (longer > COMPARED_MAX || shorter == 0 || longer - shorter >= nearest->distance) {
        return;
    }
    struct texts texts = {nearest->text, nearest->length, candidate, length};
    size_t found = distance(&texts, nearest->distance);
    if (found < nearest->distance && found < longer) {
        nearest->found = candidate;
        nearest->distance = found;
    }
}

const char *text_nearest_found(const struct nearest *nearest)
{
    return nearest->found;
}

const char *text_hint(const char *candidate, char hint[static TEXT_HINT_SIZE])
{
    (void)snprintf(hint, TEXT_HINT_SIZE, candidate == NULL ? ";" : "; did you mean \"%.80s\"?",
                   candidate);
    return hint;
}
