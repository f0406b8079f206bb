/* Any registers, for any tag that a map can hold, decode to a sound reading. */
#include "drivers/modbus_tag.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The claim does not hold: let the fuzzer keep the input. */
#define CHECK(claim) ((claim) ? (void)0 : abort())

enum { HEADER_BYTES = 16, TYPES_COUNT = TYPE_DATETIME3R + 1 };

/* NOLINTNEXTLINE(readability-identifier-naming): the fuzzer calls it so */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t registers[TYPES_COUNT] = {
    [TYPE_BOOL] = 1,    [TYPE_INT16] = 1,     [TYPE_UINT16] = 1,  [TYPE_INT32] = 2,
    [TYPE_UINT32] = 2,  [TYPE_INT64] = 4,     [TYPE_UINT64] = 4,  [TYPE_FLOAT16] = 1,
    [TYPE_FLOAT32] = 2, [TYPE_FLOAT64] = 4,   [TYPE_BCD16] = 1,   [TYPE_BCD32] = 2,
    [TYPE_MOD10K] = 3,  [TYPE_STRING] = 0,    [TYPE_STRING1] = 0, [TYPE_BIT] = 1,
    [TYPE_BITS] = 1,    [TYPE_DATETIME4] = 4, [TYPE_UNIX32] = 2,  [TYPE_DATETIME3R] = 3,
};

static void choose_order(struct tag *tag, const uint8_t *choice, unsigned bytes)
{
    for (unsigned i = 0; i < MAP_ORDER_MAX; i++) {
        tag->order[i] = (uint8_t)i;
    }
    for (unsigned i = 0; i + 1 < bytes; i++) {
        unsigned other = i + choice[i] % (bytes - i);
        uint8_t kept = tag->order[i];

        tag->order[i] = tag->order[other];
        tag->order[other] = kept;
    }
}

static struct tag choose_tag(const uint8_t *header)
{
    struct tag tag = {.type = (enum tag_type)(header[0] % TYPES_COUNT),
                      .table = TABLE_HOLDING,
                      .scale_tag = -1,
                      .mask = (header[1] & 1) != 0 ? UINT64_MAX : 0xFFFF,
                      .reversed = (header[1] & 2) != 0};

    tag.registers = registers[tag.type];
    if (tag.type == TYPE_STRING || tag.type == TYPE_STRING1) {
        tag.characters = (uint8_t)(1 + header[2] % (tag.type == TYPE_STRING ? 250 : 125));
        tag.registers =
            tag.type == TYPE_STRING ? (uint8_t)((tag.characters + 1) / 2) : tag.characters;
    }
    tag.shift = header[2] % 16;
    tag.width = (uint8_t)(1 + header[3] % (16 - tag.shift));
    if (tag.registers == 4 || tag.registers <= 2) {
        choose_order(&tag, header + 4, tag.characters > 0 ? 2 : 2U * tag.registers);
    }
    return tag;
}

static void check_text(const struct reading *reading, const char *text, size_t room)
{
    CHECK(reading->value.text == text);
    CHECK(reading->text_length <= room);
    for (size_t i = 0; i < reading->text_length; i++) {
        CHECK((unsigned char)text[i] >= 0x20 || text[i] == '\t');
        CHECK((unsigned char)text[i] < 0xF5);
    }
    if (reading->text_length > 0) {
        CHECK(text[reading->text_length - 1] != ' ');
    }
}

static void check(const struct tag *tag, const struct reading *reading, const char *text,
                  size_t room)
{
    CHECK((reading->kind == READING_BAD) == (reading->reason != REASON_NONE));
    switch ((enum reading_kind)reading->kind) {
    case READING_TEXT: check_text(reading, text, room); break;
    case READING_FLOAT32: CHECK(isfinite(reading->value.float32)); break;
    case READING_FLOAT64: CHECK(isfinite(reading->value.float64)); break;
    case READING_UNSIGNED: CHECK((reading->value.natural & ~tag->mask) == 0); break;
    case READING_BAD:
        CHECK(reading->reason == REASON_SENTINEL || reading->reason == REASON_BAD_ENCODING ||
              reading->reason == REASON_NOT_A_NUMBER);
        break;
    case READING_BOOLEAN:
    case READING_INTEGER: break;
    case READING_ABSENT: abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sentinel sentinel = {.kind = SENTINEL_ABSENT};
    struct reading reading = {.kind = READING_ABSENT};
    struct tag tag;
    uint8_t *bytes;
    size_t room;
    char *text;

    if (size < HEADER_BYTES) {
        return 0;
    }
    tag = choose_tag(data);
    if ((data[1] & 4) != 0) {
        sentinel.raw = data[12];
        tag.sentinels = &sentinel;
        tag.sentinels_count = 1;
    }
    size -= HEADER_BYTES;
    if (size > (size_t)2 * tag.registers) {
        size = (size_t)2 * tag.registers;
    }
    bytes = calloc(tag.registers, 2); /* not a byte more, so that each one over is seen */
    room = modbus_tag_text_size(&tag);
    text = malloc(room > 0 ? room : 1);
    CHECK(bytes != NULL && text != NULL);
    memcpy(bytes, data + HEADER_BYTES, size);
    modbus_tag_decode(&tag, bytes, text, &reading);
    check(&tag, &reading, text, room);
    free(bytes);
    free(text);
    return 0;
}
