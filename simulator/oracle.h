/* The journal of what was served: one JSON line a reply, the tests' oracle.
 *
 *     {"time_us":…,"endpoint":"m3_mill","unit":1,"table":"input","address":0,"words":[…]}
 *
 * Written when the reply is handed to the socket, after faults; only replies that carry the
 * values unharmed are listed. Hand-made text into one large buffer. One thread. */
#ifndef SIMULATOR_ORACLE_H
#define SIMULATOR_ORACLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/map.h"

struct oracle;

/* NULL with errno set when the file cannot be made. An existing file is emptied. */
struct oracle *oracle_create(const char *path);
void oracle_destroy(struct oracle *oracle); /* writes the rest; NULL is harmless */

struct oracle_entry {
    int64_t time_us; /* wall clock */
    const char *endpoint;
    uint8_t unit;
    enum table table;
    uint16_t address;
    uint16_t count;
    const uint16_t *words;
};
void oracle_add(struct oracle *oracle, const struct oracle_entry *entry);

/* Writes what is in the buffer; false with errno set when the file refuses it (it is lost
 * then). */
bool oracle_flush(struct oracle *oracle);

#endif
