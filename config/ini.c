#include "config/ini.h"

#include <stdbool.h>

#include "config/text.h"

static size_t length_without_comment(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '#' && (i == 0 || text[i - 1] == ' ' || text[i - 1] == '\t')) {
            return i;
        }
    }
    return length;
}

static struct ini_part part_of(const char *text, size_t length)
{
    text_trim(&text, &length);
    return (struct ini_part){.text = text, .length = length};
}

static struct ini_line wrong(const char *error)
{
    return (struct ini_line){.kind = INI_WRONG, .error = error};
}

static struct ini_line parse_section(const char *text, size_t length)
{
    if (text[length - 1] != ']') {
        return wrong("a section's line ends with ]; accepted: [section] or [section name]");
    }
    struct ini_part inside = part_of(text + 1, length - 2);
    size_t kind = 0;
    while (kind < inside.length && inside.text[kind] != ' ' && inside.text[kind] != '\t') {
        kind++;
    }
    struct ini_line line = {.kind = INI_SECTION};
    line.key = (struct ini_part){.text = inside.text, .length = kind};
    line.value = part_of(inside.text + kind, inside.length - kind);
    return kind == 0 ? wrong("a section without a name; accepted: [section] or [section name]")
                     : line;
}

struct ini_line ini_parse(const char *text, size_t length)
{
    struct ini_part whole = part_of(text, length_without_comment(text, length));
    if (whole.length == 0) {
        return (struct ini_line){.kind = INI_EMPTY};
    }
    if (whole.text[0] == '[') {
        return whole.length == 1 ? wrong("a section's line ends with ]; accepted: [section] or "
                                         "[section name]")
                                 : parse_section(whole.text, whole.length);
    }
    size_t equals = 0;
    while (equals < whole.length && whole.text[equals] != '=') {
        equals++;
    }
    if (equals == whole.length) {
        return wrong("neither a [section] nor a setting; accepted: key = value");
    }
    struct ini_line line = {.kind = INI_SETTING};
    line.key = part_of(whole.text, equals);
    line.value = part_of(whole.text + equals + 1, whole.length - equals - 1);
    return line.key.length == 0 ? wrong("a value without a key; accepted: key = value") : line;
}
