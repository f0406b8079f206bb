/* Checksums of what the journal holds: SQLite has none, and a bit may fall over on any disk.
 *
 * CRC-32 as zlib and Python's binascii reckon it, over numbers as 64 bits little-endian and
 * texts as their bytes. Any thread. */
#ifndef GATEWAY_JOURNAL_CRC_H
#define GATEWAY_JOURNAL_CRC_H

#include "gateway/journal_row.h"

/* Over seq, run, the machine's number and time_us, then payload and uncertain. */
uint32_t journal_crc_row(const struct journal_row *row, int64_t machine);

/* Over the machine's number, its name with the terminating zero, its area. */
uint32_t journal_crc_machine(int64_t machine, const char *name, const char *area);

uint32_t journal_crc_cursor(uint64_t cursor);

/* Over the three numbers of a lock's note. */
uint32_t journal_crc_note(uint64_t run, uint64_t seq, uint64_t cursor);

#endif
