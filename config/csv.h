/* Comma-separated values, RFC 4180: a pure machine over a text in memory, no file, no globals.
 *
 * Fields are unquoted and terminated in place, so the text is the caller's to give away. Quotes
 * and line ends inside quotes are understood; LF and CRLF end a record. */
#ifndef CONFIG_CSV_H
#define CONFIG_CSV_H

#include <stdbool.h>
#include <stddef.h>

enum { CSV_FIELDS_MAX = 64 };

struct csv {
    char *next;     /* the rest of the text */
    char separator; /* ',' or ';' */
    unsigned line;  /* of `next`, from 1 */
};

struct csv_record {
    char *fields[CSV_FIELDS_MAX];
    size_t fields_count;
    unsigned line;     /* where it starts */
    const char *error; /* NULL, or what is wrong with it: a sentence */
};

/* `text` is terminated. The separator is the first `;` or `,` outside quotes in the first
 * record that is neither empty nor a comment. */
void csv_start(struct csv *csv, char *text);

/* The next record; lines that are empty or begin with `#` are passed over. False at the end. */
bool csv_next(struct csv *csv, struct csv_record *record);

#endif
