#include "gateway/frame.h"

#include <stdbool.h>
#include <stdio.h>

#include "gateway/sentence.h"

enum { EXCEPTION_FLAG = 0x80 };

/* A field of a frame; `size` in bytes, 0: all that is left. */
struct field {
    const char *name;
    size_t size;
    void (*note)(unsigned value, char note[FRAME_NOTE_SIZE]);
};

static void note_number(unsigned value, char note[FRAME_NOTE_SIZE])
{
    (void)snprintf(note, FRAME_NOTE_SIZE, "%u", value);
}

static void note_protocol(unsigned value, char note[FRAME_NOTE_SIZE])
{
    (void)snprintf(note, FRAME_NOTE_SIZE, "%s", value == 0 ? "Modbus" : "not Modbus");
}

static void note_length(unsigned value, char note[FRAME_NOTE_SIZE])
{
    (void)snprintf(note, FRAME_NOTE_SIZE, "%u bytes follow", value);
}

static void note_function(unsigned value, char note[FRAME_NOTE_SIZE])
{
    static const char *const names[] = {"", "read coils", "read discrete inputs",
                                        "read holding registers", "read input registers"};
    unsigned function = value & ~(unsigned)EXCEPTION_FLAG;
    bool is_known = function < sizeof names / sizeof names[0];
    (void)snprintf(note, FRAME_NOTE_SIZE, "%s%s", is_known ? names[function] : "",
                   (value & EXCEPTION_FLAG) != 0 ? ": refused" : "");
}

static void note_exception(unsigned value, char note[FRAME_NOTE_SIZE])
{
    (void)snprintf(note, FRAME_NOTE_SIZE, "%u: %s", value, sentence_exception((uint8_t)value));
}

/* The MBAP header, then the PDU (Messaging on TCP/IP V1.0b, 3.1.3). */
enum { MBAP_FIELDS_COUNT = 4, PDU_FIELDS_COUNT = 3 };
_Static_assert(MBAP_FIELDS_COUNT + PDU_FIELDS_COUNT == FRAME_FIELDS_MAX, "room for all");
static const struct field mbap[MBAP_FIELDS_COUNT] = {
    {"transaction", 2, note_number},
    {"protocol", 2, note_protocol},
    {"length", 2, note_length},
    {"unit", 1, note_number},
};
static const struct field request_pdu[PDU_FIELDS_COUNT] = {
    {"function", 1, note_function},
    {"address", 2, note_number},
    {"count", 2, note_number},
};
static const struct field reply_pdu[PDU_FIELDS_COUNT] = {
    {"function", 1, note_function},
    {"byte count", 1, note_number},
    {"data", 0, NULL},
};
static const struct field refusal_pdu[PDU_FIELDS_COUNT] = {
    {"function", 1, note_function},
    {"exception", 1, note_exception},
    {"data", 0, NULL},
};

static const struct field *const pdus[] = {
    [FRAME_REQUEST] = request_pdu,
    [FRAME_REPLY] = reply_pdu,
    [FRAME_REFUSAL] = refusal_pdu,
};

static void take(const struct field *of, const uint8_t *bytes, struct frame_field *field)
{
    unsigned value = 0;
    field->name = of->name;
    field->note[0] = '\0';
    for (size_t at = 0; at < field->length; at++) {
        value = value << 8 | bytes[field->offset + at];
    }
    if (of->note != NULL) {
        of->note(value, field->note);
    }
}

size_t frame_fields(enum frame_kind kind, const uint8_t *bytes, size_t length,
                    struct frame_field fields[static FRAME_FIELDS_MAX])
{
    size_t at = 0;
    size_t count = 0;
    while (count < FRAME_FIELDS_MAX && at < length) {
        const struct field *of =
            count < MBAP_FIELDS_COUNT ? &mbap[count] : &pdus[kind][count - MBAP_FIELDS_COUNT];
        bool is_rest = of->size == 0 || at + of->size > length;
        fields[count].offset = at;
        fields[count].length = is_rest ? length - at : of->size;
        take(of, bytes, &fields[count]);
        at += fields[count].length;
        count++;
    }
    return count;
}
