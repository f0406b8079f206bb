#include "gateway/journal_crc.h"

#include <assert.h>
#include <string.h>

#include <libdeflate.h>

static uint32_t crc_of_numbers(const uint64_t *numbers, size_t count)
{
    unsigned char bytes[4 * sizeof *numbers];
    assert(count * sizeof *numbers <= sizeof bytes);
    for (size_t at = 0; at < count * sizeof *numbers; at++) {
        bytes[at] = (unsigned char)(numbers[at / 8] >> (at % 8 * 8));
    }
    return libdeflate_crc32(0, bytes, count * sizeof *numbers);
}

static uint32_t crc_of_text(uint32_t crc, const char *text, size_t length)
{
    return length == 0 ? crc : libdeflate_crc32(crc, text, length);
}

uint32_t journal_crc_row(const struct journal_row *row, int64_t machine)
{
    const uint64_t numbers[] = {row->seq, row->run, (uint64_t)machine, (uint64_t)row->time_us};
    uint32_t crc = crc_of_numbers(numbers, 4);
    crc = crc_of_text(crc, row->payload, row->payload_length);
    return crc_of_text(crc, row->uncertain, row->uncertain_length);
}

uint32_t journal_crc_machine(int64_t machine, const char *name, const char *area)
{
    const uint64_t number = (uint64_t)machine;
    uint32_t crc = crc_of_numbers(&number, 1);
    crc = crc_of_text(crc, name, strlen(name) + 1);
    return crc_of_text(crc, area, strlen(area));
}

uint32_t journal_crc_cursor(uint64_t cursor)
{
    return crc_of_numbers(&cursor, 1);
}

uint32_t journal_crc_note(uint64_t run, uint64_t seq, uint64_t cursor)
{
    const uint64_t numbers[] = {run, seq, cursor};
    return crc_of_numbers(numbers, 3);
}
