#include "config/problems.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "config/memory.h"
#include "config/names.h"

enum { KEPT_MAX = 200, TEXT_SIZE = 600 };

struct problem {
    size_t file; /* order in which the file was first complained about */
    unsigned line;
    size_t number; /* order of adding */
    char *text;    /* the whole line */
};

struct problems {
    struct problem *kept;
    size_t room;
    size_t count;
    struct names *files;
    char **file_names;
    size_t files_room;
    size_t files_count;
};

struct problems *problems_create(void)
{
    struct problems *problems = memory_allocate(1, sizeof *problems);
    problems->files = names_create();
    return problems;
}

static size_t kept_count(const struct problems *problems)
{
    return problems->count < KEPT_MAX ? problems->count : KEPT_MAX;
}

void problems_destroy(struct problems *problems)
{
    if (problems == NULL) {
        return;
    }
    for (size_t i = 0; i < kept_count(problems); i++) {
        free(problems->kept[i].text);
    }
    for (size_t i = 0; i < problems->files_count; i++) {
        free(problems->file_names[i]);
    }
    names_destroy(problems->files);
    free(problems->file_names);
    free(problems->kept);
    free(problems);
}

static size_t file_number(struct problems *problems, const char *file)
{
    long number = names_find(problems->files, file);
    if (number != NAMES_NONE) {
        return (size_t)number;
    }
    size_t index = problems->files_count++;
    problems->file_names = memory_grow(problems->file_names, &problems->files_room,
                                       problems->files_count, sizeof *problems->file_names);
    problems->file_names[index] = memory_copy(file);
    (void)names_add(problems->files, problems->file_names[index], (long)index);
    return index;
}

static void make_harmless(char *text)
{
    for (char *p = text; *p != '\0'; p++) {
        if ((unsigned char)*p < ' ' || *p == 0x7F) {
            *p = '?';
        }
        /* C1 controls are two bytes in UTF-8, 0xC2 and 0x80 to 0x9F. */
        if ((unsigned char)*p == 0xC2 && (unsigned char)p[1] >= 0x80 &&
            (unsigned char)p[1] <= 0x9F) {
            p[0] = '?';
            p[1] = '?';
        }
    }
}

void problems_add(struct problems *problems, const char *file, unsigned line, const char *where,
                  const char *format, ...)
{
    if (problems->count++ >= KEPT_MAX) {
        return;
    }
    char text[TEXT_SIZE];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    char place[16] = "";
    if (line > 0) {
        (void)snprintf(place, sizeof place, ":%u", line);
    }
    char *whole = NULL;
    if (asprintf(&whole, "%s%s: %s%s%s", file, place, where == NULL ? "" : where,
                 where == NULL ? "" : ": ", text) < 0) {
        whole = memory_copy(text);
    }
    make_harmless(whole);
    problems->kept =
        memory_grow(problems->kept, &problems->room, problems->count, sizeof *problems->kept);
    problems->kept[problems->count - 1] = (struct problem){.file = file_number(problems, file),
                                                           .line = line,
                                                           .number = problems->count,
                                                           .text = whole};
}

size_t problems_count(const struct problems *problems)
{
    return problems->count;
}

static int compare(const void *left, const void *right)
{
    const struct problem *a = left;
    const struct problem *b = right;
    if (a->file != b->file) {
        return a->file < b->file ? -1 : 1;
    }
    if (a->line != b->line) {
        return a->line < b->line ? -1 : 1;
    }
    return a->number < b->number ? -1 : a->number > b->number;
}

void problems_print(const struct problems *problems, FILE *stream)
{
    size_t count = kept_count(problems);
    if (count == 0) {
        return;
    }
    struct problem *sorted = memory_allocate(count, sizeof *sorted);
    memcpy(sorted, problems->kept, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, compare);
    for (size_t i = 0; i < count; i++) {
        (void)fprintf(stream, "%s\n", sorted[i].text);
    }
    free(sorted);
    if (problems->count > count) {
        (void)fprintf(stream, "… and %zu more\n", problems->count - count);
    }
}
