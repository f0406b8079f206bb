/* What stands in the journal, as its writer takes it and its readers give it. Plain values. */
#ifndef GATEWAY_JOURNAL_ROW_H
#define GATEWAY_JOURNAL_ROW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct journal_row {
    uint64_t seq;
    uint64_t run;
    int64_t time_us;
    size_t machine; /* writer: index into factory.machines */
    const char *payload;
    size_t payload_length;
    const char *uncertain; /* JSON array of the names of uncertain tags */
    size_t uncertain_length;
    const char *topic; /* reader: "area/machine" */
    const char *name;  /* reader: the machine's name */
    bool is_damaged;   /* reader: its CRC is wrong; the payload must not be used */
};

/* A range of seqs that will never be published. */
struct journal_gap {
    uint64_t from;
    uint64_t to;
    uint64_t count;  /* samples lost, at most to - from + 1 */
    char reason[24]; /* "evicted", "disk-full", "damaged" */
};

/* Why a journal cannot be opened. */
struct journal_error {
    char text[256];
    bool is_damage; /* of the file; else it may pass */
};

#endif
