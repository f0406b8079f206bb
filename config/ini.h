/* One line of an INI file: a pure machine, no file, no globals, nothing allocated.
 *
 *     [section] · [section name] · key = value · # comment, also after white space */
#ifndef CONFIG_INI_H
#define CONFIG_INI_H

#include <stddef.h>

enum ini_kind {
    INI_EMPTY,   /* nothing, or a comment */
    INI_SECTION, /* `key` is the section's kind, `value` its name, empty when it has none */
    INI_SETTING, /* `key` and `value`, the value may be empty */
    INI_WRONG,   /* `error` says why */
};

/* A part of the line, not terminated. */
struct ini_part {
    const char *text;
    size_t length;
};

struct ini_line {
    enum ini_kind kind;
    struct ini_part key;
    struct ini_part value;
    const char *error;
};

/* `text` is one line without its line end. */
struct ini_line ini_parse(const char *text, size_t length);

#endif
