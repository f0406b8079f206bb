/* The factory file as it is written: sections and their settings, with all includes and what
 * the command line adds, before any value is looked at. Private to config/. */
#ifndef CONFIG_DRAFT_H
#define CONFIG_DRAFT_H

#include <stdbool.h>
#include <stddef.h>

#include "config/arena.h"
#include "config/keys.h"
#include "config/names.h"
#include "config/problems.h"
#include "config/source.h"

/* Where something was written. */
struct place {
    const char *file; /* for messages */
    unsigned line;    /* 0: on the command line, or nowhere */
};

struct setting {
    const char *text; /* NULL: not given */
    const char *from; /* the file that its paths are relative to */
    struct place place;
};

struct section {
    enum section_kind kind;
    const char *name; /* "" when it has none */
    bool is_repeated; /* another section of that kind and name stands before it */
    struct place place;
    struct setting settings[KEYS_SECTION_MAX]; /* in the order of keys_of() */
};

struct draft {
    struct arena *arena;
    struct problems *problems;
    const char *path; /* of the main file */
    struct section **sections;
    size_t sections_count;
    size_t sections_room;
    struct names *index; /* "kind name" → index of its first section */
    struct names *files; /* identities of all files read so far */
};

void draft_start(struct draft *draft, const char *path, struct arena *arena,
                 struct problems *problems);
void draft_end(struct draft *draft); /* what lives in the arena stays */

/* Reads a text, and every file that it includes. */
void draft_read(struct draft *draft, struct source source);

/* "SECTION.KEY=VALUE" of the command line: overrides the files. */
void draft_override(struct draft *draft, const char *text);

/* The section of that kind and name; NULL when there is none. */
const struct section *draft_find(const struct draft *draft, enum section_kind kind,
                                 const char *name);

/* Adds an empty section of that kind if there is none. */
void draft_complete(struct draft *draft, enum section_kind kind);

/* A problem of a section's key, where it was set (or where the section stands). `key` may be
 * NULL: the section as a whole. */
void draft_problem(const struct draft *draft, const struct section *section, const char *key,
                   const char *format, ...) __attribute__((format(printf, 4, 5)));

#endif
