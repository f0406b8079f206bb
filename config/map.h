/* The register map of a type of machine: a CSV, one row a tag (config/README.md).
 *
 * Immutable after loading, shared by all machines of the type and by all threads. */
#ifndef CONFIG_MAP_H
#define CONFIG_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/problems.h"
#include "config/table.h"
#include "config/units.h"

enum tag_type {
    TYPE_BOOL,
    TYPE_INT16,
    TYPE_UINT16,
    TYPE_INT32,
    TYPE_UINT32,
    TYPE_INT64,
    TYPE_UINT64,
    TYPE_FLOAT16,
    TYPE_FLOAT32,
    TYPE_FLOAT64,
    TYPE_BCD16,
    TYPE_BCD32,
    TYPE_MOD10K,     /* 2 to 4 registers of 0…9999 */
    TYPE_STRING,     /* two characters a register */
    TYPE_STRING1,    /* one character a register, in the low byte */
    TYPE_BIT,        /* bit `shift` of a register: boolean */
    TYPE_BITS,       /* `width` bits of a register from bit `shift`: unsigned */
    TYPE_UNIX32,     /* seconds since 1970, published as ISO 8601 text */
    TYPE_DATETIME4,  /* Schneider iEM3000, 4 registers: ISO 8601 text */
    TYPE_DATETIME3R, /* Siemens SICAM, 3 registers, reversed: ISO 8601 text */
};

/* What a raw value that is no value means. */
enum sentinel_kind { SENTINEL_ABSENT, SENTINEL_OVER, SENTINEL_UNDER };

/* The registers of the tag as they arrive, big-endian, before order and type: at most 64 bits.
 */
struct sentinel {
    uint64_t raw;
    enum sentinel_kind kind;
};

struct word {
    int64_t value;
    const char *text;
};

enum { MAP_ORDER_MAX = 8, MAP_LANGUAGES_COUNT = 3 }; /* titles: fr, de, en */
enum { MAP_STRING_MAX = 250 };                       /* characters: 125 registers */

struct tag {
    const char *name;
    enum table table;
    uint16_t address; /* as the map says; machine_wire_address() takes the machine's base off */
    bool is_modicon;  /* written as 40001: `address` is the wire's, whatever the base */
    enum tag_type type;
    uint8_t registers;  /* registers the value takes; 1 for a coil or discrete input */
    uint8_t characters; /* strings: N */
    uint8_t shift;      /* bit, bits */
    uint8_t width;      /* bits */
    bool reversed;      /* mod10k: the first register is the most significant */
    /* order[i] is the significance of the i-th byte as it arrives, 0 the most significant:
     * ABCD = {0,1,2,3}, CDAB = {2,3,0,1}. Strings: {0,1} or {1,0} within each register. */
    uint8_t order[MAP_ORDER_MAX];
    const char *order_text; /* "ABCD", for people */
    const char *type_text;  /* as written: "bits:8:8" */

    bool is_scaled; /* scale, offset or scale_tag is given */
    struct decimal scale;
    struct decimal offset;
    int scale_tag; /* index of the tag that holds the exponent of ten; -1: none. Of the same
                      table and, in a machine, of the same pace */

    const char *unit; /* "" when none; likewise the texts below */
    bool has_min;
    bool has_max;
    struct decimal min;
    struct decimal max;
    const struct sentinel *sentinels;
    size_t sentinels_count;
    uint64_t mask; /* all ones when none */
    const struct word *words;
    size_t words_count;

    uint32_t every_ms; /* 0: the machine's own pace */
    double deadband;   /* absolute, or a fraction of the last value; 0: every change */
    bool deadband_is_relative;
    bool is_writable; /* access = rw; the factory file must arm it too */
    const char *description;
    const char *titles[MAP_LANGUAGES_COUNT]; /* "" when not given */
    unsigned line;                           /* in the map's file */
};

struct map {
    const char *path;
    struct tag *tags; /* in the order of the file */
    size_t tags_count;
    struct map_storage
        *storage; /* its strings and index of names; NULL in a map made by hand */
};

/* Reads and checks one map; every problem is added. Returns a map also when there were problems
 * (with the rows that are right), NULL only when the file cannot be read at all. */
struct map *map_load(const char *path, struct problems *problems);

/* The same from memory: `path` only names it. For tests and fuzzers. */
struct map *map_parse(const char *path, const char *text, size_t length,
                      struct problems *problems);

void map_destroy(struct map *map);

/* The address of the tag on the wire, on a machine whose map counts from `base`. */
uint16_t tag_wire_address(const struct tag *tag, uint8_t base);

/* Prints the map aligned: wire addresses and Modicon numbers beside each other, and what the
 * map says where that is another number (`base` 1). */
void map_print(const struct map *map, uint8_t base, FILE *stream);

/* NULL where there is none. */
const struct tag *map_find(const struct map *map, const char *name);

/* What a tag's readings are in JSON, for ever: "boolean", "number" or "string". */
const char *tag_datatype(const struct tag *tag);

#endif
