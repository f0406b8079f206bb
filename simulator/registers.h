/* The registers of one machine: which addresses exist, and what lies there.
 *
 * Made from the register map; values go in by tag and are laid out here, independently of the
 * gateway's decoder. Nothing is allocated after registers_create. */
#ifndef SIMULATOR_REGISTERS_H
#define SIMULATOR_REGISTERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/factory.h"

struct registers;

/* Addresses that a device answers although no tag of its map lies there; they read as 0. */
struct registers_range {
    enum table table;
    uint16_t first; /* as on the wire */
    uint16_t count; /* 0 ends a list */
    uint16_t width; /* registers a value takes: 1, 2 or 4 */
};

/* `extra` is a list, or NULL. The machine outlives the registers. */
struct registers *registers_create(const struct machine *machine,
                                   const struct registers_range *extra);
void registers_destroy(struct registers *registers);

const struct map *registers_map(const struct registers *registers);

/* The words from `address` on, bits as words of 0 and 1; NULL when not all of them exist. */
const uint16_t *registers_find(const struct registers *registers, enum table table,
                               uint16_t address, uint16_t count);

/* Whether the range, which exists, starts or ends inside a value of several registers. */
bool registers_cuts_value(const struct registers *registers, enum table table, uint16_t address,
                          uint16_t count);

/* Where a client may write: NULL when not all of the range exists and is writable. */
uint16_t *registers_find_writable(struct registers *registers, enum table table,
                                  uint16_t address, uint16_t count);

/* Values by tag, an index into the map. Numbers are what the tag means: scale and offset are
 * taken off here. */

/* Exact, and cut to the width of the tag like a counter that wraps. */
void registers_put_integer(struct registers *registers, size_t tag, int64_t value);

/* Rounded to the nearest and limited to what the tag can hold. NaN means not available: the
 * map's `absent` where there is one, else NaN in floats and 0 elsewhere. */
void registers_put_number(struct registers *registers, size_t tag, double value);

/* Padded with NULs, cut to the tag's length. Only for strings. */
void registers_put_text(struct registers *registers, size_t tag, const char *text);

/* The raw integer itself, before scale and offset, cut to the width of the tag; one that means
 * not available by the map's sentinels is replaced by the next one. Not for strings and times.
 */
void registers_put_counted(struct registers *registers, size_t tag, int64_t raw);

/* A moment, in microseconds since 1970 UTC. Only for unix32, datetime4 and datetime3r. */
void registers_put_time(struct registers *registers, size_t tag, int64_t time_us);

/* The last 64 bits of the tag's registers as they arrive, big-endian; those before become 0. */
void registers_put_raw(struct registers *registers, size_t tag, uint64_t raw);

/* Turns the order of the words of a number of several registers; leaves the others alone. */
void registers_swap_words(struct registers *registers, size_t tag);

/* Neighbouring addresses that exist, by table and address. */
struct registers_block {
    enum table table;
    uint16_t first;
    uint32_t count;
    const uint16_t *words;
};
/* False behind the last one. */
bool registers_block(const struct registers *registers, size_t index,
                     struct registers_block *block);

/* What a numeric tag or a boolean now means. */
double registers_get_number(const struct registers *registers, size_t tag);

/* The tag's raw integer, before scale and offset. */
int64_t registers_get_integer(const struct registers *registers, size_t tag);

/* A hash of everything, to compare histories. */
uint64_t registers_hash(const struct registers *registers);

#endif
