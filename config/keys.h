/* The one table of keys of the factory file: what the loader, `check --keys` and the errors
 * know of a key comes from its row. Private to config/. */
#ifndef CONFIG_KEYS_H
#define CONFIG_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "config/arena.h"
#include "config/factory.h"

enum section_kind {
    SECTION_SITE,
    SECTION_GATEWAY,
    SECTION_BROKER,
    SECTION_JOURNAL,
    SECTION_WEB,
    SECTION_LINK,
    SECTION_MACHINE,
};
enum { SECTIONS_COUNT = 7 };

/* What the keys of a section are written to: the factory's own structures, and beside them what
 * is resolved later. */
struct broker_draft {
    struct broker broker;
    const char *url;
};
struct web_draft {
    struct web_settings web;
    const char *power;
    const char *good;
    const char *scrap;
};
struct machine_draft {
    struct machine machine;
    const char *headline;
    const char *link;
    const char *map;
};

enum key_type {
    KEY_TEXT,    /* any UTF-8 without control characters; const char * */
    KEY_NAME,    /* const char * */
    KEY_TOPIC,   /* one topic level; const char * */
    KEY_TOPICS,  /* one topic level or several; const char * */
    KEY_FILE,    /* relative to the file that names it; const char * */
    KEY_HOST,    /* without the brackets of an IPv6 address; const char * */
    KEY_LISTEN,  /* host:port, "" for off; const char * */
    KEY_BYTE,    /* uint8_t */
    KEY_NUMBER,  /* uint16_t */
    KEY_MS,      /* a duration; uint32_t milliseconds */
    KEY_SECONDS, /* a duration; uint64_t seconds */
    KEY_SIZE,    /* uint64_t bytes */
    KEY_MODE,    /* octal; unsigned */
    KEY_CHOICE,  /* one of `choices`; its index, int */
    KEY_WORD,    /* one of `choices`; const char * */
    KEY_BAND,    /* two decimals, or nothing; struct band */
    KEY_NOW, /* a duration or off; uint32_t milliseconds at offset, bool at offset_enabled */
};

struct key {
    enum section_kind section;
    enum key_type type;
    const char *name;
    uint64_t min; /* numbers, in the unit of the type */
    uint64_t max;
    const char *standard; /* the default as people write it; NULL: the key must be given */
    const char *choices;  /* "full|normal" */
    const char *help;
    size_t offset;
    size_t offset_enabled;
};

enum { KEYS_SECTION_MAX = 16 }; /* keys of one section */
enum { KEYS_ERROR_SIZE = 300 };

/* "site", "link" …; whether its sections have names; the size of what its keys are written to.
 */
const char *keys_section_name(enum section_kind kind);
bool keys_section_is_named(enum section_kind kind);
size_t keys_section_size(enum section_kind kind);

/* The kind of that name, -1 when there is none; then `nearest` is what may have been meant. */
int keys_section_find(const char *name, const char **nearest);

/* The rows of a section. */
const struct key *keys_of(enum section_kind kind, size_t *count);

/* Parses a value and writes it to `target`, the section's structure. `file` is the file that
 * names it (for paths), "" for the command line. On failure fills `error` with what is wrong
 * and what is accepted, and leaves `target` alone. */
bool keys_parse(const struct key *key, struct arena *arena, const char *file, const char *text,
                void *target, char error[static KEYS_ERROR_SIZE]);

/* What the key accepts, as the rest of a sentence. */
void keys_accepted(const struct key *key, char accepted[static KEYS_ERROR_SIZE]);

#endif
