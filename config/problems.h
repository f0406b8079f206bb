/* Every problem of every file, collected in one run, so that a person mends them all at once.
 *
 * Single-threaded; used before the first thread starts. */
#ifndef CONFIG_PROBLEMS_H
#define CONFIG_PROBLEMS_H

#include <stddef.h>
#include <stdio.h>

struct problems;

struct problems *problems_create(void);
void problems_destroy(struct problems *problems);

/* Adds one problem, a single line: `what is wrong, what is accepted`. `where` is "section/key"
 * (or a column, or NULL); `line` counts from 1, 0 means the file as a whole. Strings are
 * copied. Control characters of the input are printed as '?', so that a binary file cannot harm
 * a terminal. After 200 problems the rest is only counted. */
void problems_add(struct problems *problems, const char *file, unsigned line, const char *where,
                  const char *format, ...) __attribute__((format(printf, 5, 6)));

size_t problems_count(const struct problems *problems);

/* Prints `file:line: section/key: text`, one a line, in the order of file and line. */
void problems_print(const struct problems *problems, FILE *stream);

#endif
