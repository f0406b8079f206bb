#include "config/csv.h"

#include <string.h>

static bool is_line_end(const char *p)
{
    return *p == '\0' || *p == '\n' || (p[0] == '\r' && p[1] == '\n');
}

static void pass_line_end(struct csv *csv, char *end)
{
    if (*end == '\r') {
        end++;
    }
    csv->line += *end == '\n';
    csv->next = *end == '\0' ? end : end + 1;
}

static void pass_ignored_lines(struct csv *csv)
{
    while (*csv->next != '\0' && (*csv->next == '#' || is_line_end(csv->next))) {
        char *end = csv->next;
        while (!is_line_end(end)) {
            end++;
        }
        pass_line_end(csv, end);
    }
}

void csv_start(struct csv *csv, char *text)
{
    *csv = (struct csv){.next = text, .separator = ',', .line = 1};
    pass_ignored_lines(csv);
    bool is_quoted = false;
    for (const char *p = csv->next; is_quoted ? *p != '\0' : !is_line_end(p); p++) {
        is_quoted = is_quoted != (*p == '"');
        if (!is_quoted && (*p == ',' || *p == ';')) {
            csv->separator = *p;
            return;
        }
    }
}

/* Both return where the field's separator or line end is, and terminate nothing yet: the byte
 * after the field may be that very separator. `*end` is where the text's terminator goes. */
static char *read_plain(const struct csv *csv, char *field, char **end, const char **error)
{
    char *p = field;
    while (*p != csv->separator && !is_line_end(p)) {
        if (*p == '"') {
            *error = "a quote inside a field; write the field in quotes and the quote twice";
        }
        p++;
    }
    *end = p;
    return p;
}

static char *read_quoted(struct csv *csv, char *field, char **end, const char **error)
{
    char *to = field;
    char *from = field + 1;
    for (;; from++) {
        if (*from == '\0') {
            *error = "a quote is opened and never closed";
            break;
        }
        if (*from == '"' && from[1] != '"') {
            from++;
            break;
        }
        from += *from == '"';
        csv->line += *from == '\n';
        *to++ = *from;
    }
    while (*from != csv->separator && !is_line_end(from)) {
        *error = "something follows a closing quote; a separator or the line's end must";
        from++;
    }
    *end = to;
    return from;
}

bool csv_next(struct csv *csv, struct csv_record *record)
{
    pass_ignored_lines(csv);
    if (*csv->next == '\0') {
        return false;
    }
    *record = (struct csv_record){.line = csv->line};
    char *field = csv->next;
    for (;;) {
        char *end = NULL;
        char *stop = *field == '"' ? read_quoted(csv, field, &end, &record->error)
                                   : read_plain(csv, field, &end, &record->error);
        bool is_last = *stop != csv->separator;
        if (record->fields_count < CSV_FIELDS_MAX) {
            record->fields[record->fields_count++] = field;
        } else {
            record->error = "more than 64 fields";
        }
        if (is_last) {
            pass_line_end(csv, stop);
            *end = '\0';
            return true;
        }
        *end = '\0';
        field = stop + 1;
    }
}
