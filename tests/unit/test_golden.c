/* Claim: the vendors' own numbers, written as rows of a map, are published as their manuals
 * say: registers in, JSON out, through map, decoder and sample. */
#include "tests/unit/factory_fixture.h"

#include "drivers/modbus_frame.h"
#include "drivers/modbus_tag.h"
#include "gateway/sample.h"

enum { REGISTERS_MAX = 4, TAGS_MAX = 2, PAYLOAD_SIZE = 1024 };

static const char factory_text[] =
    "[site]\nroot = formlab\n[broker]\nurl = mqtt://127.0.0.1:1\n"
    "[link one]\ndriver = modbus-tcp\nhost = 127.0.0.1\n"
    "[machine device]\nlink = one\narea = hall\nunit_id = 1\nmap = map.csv\nevery = 1 s\n";

static const char columns[] = "tag,table,address,type,order,scale,offset,absent,over,under,"
                              "mask,words,scale_tag\n";

struct golden {
    const char *id; /* of the collection of vectors */
    const char *source;
    const char *row; /* of tag `v`, from its type on */
    uint16_t registers[REGISTERS_MAX];
    const char *value;  /* as published; NULL: bad */
    const char *reason; /* of a bad one */
};

/* Two lines a vector. */
/* clang-format off */
static const struct golden golden_rows[] = {
    {"G01", "Vaisala Indigo500 manual, page 118", "float32,CDAB,,,,,,,,",
     {0x7AE1, 0x41F4}, "30.56", NULL},
    {"G03", "the same page: 32767 or larger", "int16,,0.01,,0x8000,0x7FFF,0x8001,,,",
     {0x7FFF}, NULL, "over-range"},
    {"G05", "the same page: the last normal value", "int16,,0.01,,0x8000,0x7FFF,0x8001,,,",
     {0x7FFE}, "327.66", NULL},
    {"G07", "Schneider VW3A3303 manual, page 27: address 3102, kHz", "uint16,,0.1,,,,,,,",
     {0x0028}, "4", NULL},
    {"G09", "the same page: address 3104, Hz", "uint16,,0.1,,,,,,,",
     {0x01F4}, "50", NULL},
    {"G11", "Socomec, as OpenEMS reads it", "string1:4,,,,,,,,,",
     {0x0053, 0x004F, 0x0043, 0x004F}, "\"SOCO\"", NULL},
    {"G13", "DirectLOGIC DL205: BCD is the default", "bcd16,,,,,,,,,",
     {0x1234}, "1234", NULL},
    {"G15", "Siemens S7 MB_SERVER: ABCD", "uint32,ABCD,,,,,,,,",
     {0x0001, 0x0002}, "65538", NULL},
    {"G17", "computed", "float32,ABCD,,,,,,,,",
     {0x42F6, 0xE979}, "123.456", NULL},
    {"G17", "computed", "float32,CDAB,,,,,,,,",
     {0xE979, 0x42F6}, "123.456", NULL},
    {"G19", "computed", "float32,BADC,,,,,,,,",
     {0xF642, 0x79E9}, "123.456", NULL},
    {"G19", "computed", "float32,DCBA,,,,,,,,",
     {0x79E9, 0xF642}, "123.456", NULL},
    {"G21", "computed", "float64,ABCDEFGH,,,,,,,,",
     {0x4132, 0xD687, 0xE000, 0}, "1234567.875", NULL},
    {"G23", "Wiren Board map3e, order from its template", "uint64,GHEFCDAB,1e-05,,,,,,,",
     {0xCD15, 0x075B, 0, 0}, "1234.56789", NULL},
    {"G25", "computed", "int64,ABCDEFGH,,,,,,,,",
     {0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF}, "-1", NULL},
    {"G27", "ABB B23: undefined for signed values", "int32,ABCD,0.01,,0x7FFFFFFF,,,,,",
     {0x7FFF, 0xFFFF}, NULL, "sentinel"},
    {"G29", "SunSpec: not implemented", "uint16,,,,0xFFFF,,,,,",
     {0xFFFF}, NULL, "sentinel"},
    {"G31", "SunSpec: exponent -1 in the next register", "uint16,,,,0xFFFF,,,,,exponent",
     {0x08FD, 0xFFFF}, "230.1", NULL},
    {"G33", "SunSpec: the exponent is not implemented", "uint16,,,,0xFFFF,,,,,exponent",
     {0x08FD, 0x8000}, NULL, "sentinel"},
    {"G35", "SolarEdge, as evcc reads it: -FLT_MAX", "float32,CDAB,,,0xFFFFFF7F,,,,,",
     {0xFFFF, 0xFF7F}, NULL, "sentinel"},
    {"G37", "Wiren Board map3e template: unsupported", "int32,CDAB,0.01,,0xFFFEFFFE,,,,,",
     {0xFFFE, 0xFFFE}, NULL, "sentinel"},
    {"G39", "Carlo Gavazzi EM24 E1, computed", "int32,CDAB,0.1,,,,,,,",
     {0xFF38, 0xFFFF}, "-20", NULL},
    {"G41", "Grundfos: 298.15 K in degrees Celsius", "uint16,,0.01,-273.15,,,,,,",
     {0x7477}, "25", NULL},
    {"G43", "Siemens SICAM manual, page 111", "datetime3r,,,,,,,,,",
     {0xA604, 0x0F26, 0x0B17}, "\"--11-23T15:38:42.500\"", NULL},
    {"G45", "CiA 402 on an Altivar", "uint16,,,,,,,0x006F,39=operation enabled,",
     {0x0237}, "\"operation enabled\"", NULL},
    {"G47", "computed: before the counter's wrap", "uint32,ABCD,,,,,,,,",
     {0xFFFF, 0xFFFE}, "4294967294", NULL},
    {"G47", "computed: behind it, as it was read", "uint32,ABCD,,,,,,,,",
     {0x0000, 0x0003}, "3", NULL},
    {"G49", "kodebach/hacs-idm-heatpump issue 322: an energy counter", "float32,,,,,,,,,",
     {0x471E, 0x22D4}, "40482.83", NULL},
    {"G49", "the same: 0 for a moment, told as it was read", "float32,,,,,,,,,",
     {0, 0}, "0", NULL},
};
/* clang-format on */

/* The registers lie side by side from address 0 on; the exponent, where there is one, is the
 * second. */
static void decode_all(const struct map *map, const uint16_t *registers,
                       struct reading *readings)
{
    static char text[TAGS_MAX][64];
    assert_in_range(map->tags_count, 1, TAGS_MAX);
    for (size_t at = 0; at < map->tags_count; at++) {
        const struct tag *tag = &map->tags[at];
        uint8_t bytes[2 * REGISTERS_MAX];
        for (size_t i = 0; i < tag->registers; i++) {
            bytes[2 * i] = (uint8_t)(registers[tag->address + i] >> 8);
            bytes[2 * i + 1] = (uint8_t)registers[tag->address + i];
        }
        readings[at] = (struct reading){.time_us = INT64_C(1795450800123456)};
        assert_true(modbus_tag_text_size(tag) <= sizeof text[at]);
        modbus_tag_decode(tag, bytes, text[at], &readings[at]);
    }
}

static void publish(const struct factory *factory, const struct golden *row,
                    char payload[static PAYLOAD_SIZE])
{
    struct reading readings[TAGS_MAX];
    struct sample *sample = sample_create(factory, &factory->links[0]);
    decode_all(factory->machines[0].map, row->registers, readings);
    sample_build(sample, factory, 0, readings);
    sample_number(sample, 1, 1);
    assert_true(sample->payload_length < PAYLOAD_SIZE);
    (void)memcpy(payload, sample->text + sample->payload, sample->payload_length);
    payload[sample->payload_length] = '\0';
    sample_destroy(sample);
}

static void check(const struct golden *row)
{
    char map_text[512];
    char wanted[128];
    char reason[64] = "";
    char payload[PAYLOAD_SIZE];
    bool has_exponent = strstr(row->row, "exponent") != NULL;
    (void)snprintf(map_text, sizeof map_text, "%sv,holding,0,%s\n%s", columns, row->row,
                   has_exponent ? "exponent,holding,1,int16,,,,0x8000,,,,,\n" : "");
    struct factory *factory = fixture_load(factory_text, map_text);
    publish(factory, row, payload);
    fixture_unload(factory);
    (void)snprintf(wanted, sizeof wanted, "\"v\":%s%s",
                   row->value != NULL ? row->value : "null",
                   has_exponent || row->reason != NULL ? "," : "}");
    if (row->reason != NULL) {
        (void)snprintf(reason, sizeof reason, "\"bad\":{\"v\":\"%s\"", row->reason);
    }
    if (strstr(payload, wanted) == NULL || strstr(payload, reason) == NULL ||
        (row->reason == NULL && strstr(payload, "\"q\":\"good\"") == NULL)) {
        fail_msg("%s (%s): %s, must have %s %s", row->id, row->source, payload, wanted, reason);
    }
}

static void what_vendors_print_is_published(void **state)
{
    (void)state;
    for (size_t at = 0; at < sizeof golden_rows / sizeof *golden_rows; at++) {
        check(&golden_rows[at]);
    }
}

/* G51, EasyModbusTCP.NET issue 56: two frames came in one segment, the first of them the answer
 * to the request before. */
static void g51_a_late_frame_before_the_answer_is_dropped(void **state)
{
    static const uint8_t late[] = {0x00, 0x0F, 0x00, 0x00, 0x00, 0x13, 0x32, 0x03, 0x10,
                                   0x3F, 0x73, 0xDE, 0x37, 0x3F, 0x75, 0x41, 0xB3, 0x3F,
                                   0x77, 0x4C, 0x57, 0x3F, 0x75, 0x7A, 0x45};
    static const uint8_t answer[] = {0x00, 0x10, 0x00, 0x00, 0x00, 0x0B, 0x32, 0x03, 0x08,
                                     0x49, 0x31, 0x13, 0x88, 0x3A, 0x83, 0x12, 0x6F};
    static const uint16_t words[] = {0x4931, 0x1388, 0x3A83, 0x126F};
    static const uint8_t asked[] = {0x00, 0x10, 0x00, 0x00, 0x00, 0x06,
                                    0x32, 0x03, 0x0A, 0x8B, 0x00, 0x04};
    struct modbus_frame_read read = {.transaction = 0x0010,
                                     .unit_id = 0x32,
                                     .table = TABLE_HOLDING,
                                     .address = 0x0A8B,
                                     .count = 4};
    uint8_t request[DRIVER_REQUEST_MAX];
    (void)state;
    modbus_frame_encode(&read, request);
    assert_memory_equal(request, asked, sizeof asked);
    assert_int_equal(modbus_frame_check(&read, late, sizeof late, 1), MODBUS_FRAME_STALE);
    assert_int_equal(modbus_frame_check(&read, answer, sizeof answer, 1), MODBUS_FRAME_ANSWER);
    for (size_t at = 0; at < sizeof words / sizeof *words; at++) {
        assert_int_equal(modbus_frame_word(TABLE_HOLDING, answer + MODBUS_FRAME_VALUES, at),
                         words[at]);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_vendors_print_is_published),
        cmocka_unit_test(g51_a_late_frame_before_the_answer_is_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
