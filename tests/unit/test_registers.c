/* Claim: the simulator lays every type and order out as the devices' manuals print them, and
 * refuses what its map does not have. Expected words are literals, none comes from the encoder.
 */
#include "simulator/registers.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static struct problems *problems;
static struct map *map;
static struct machine machine;
static struct registers *registers;

static void load(const char *csv, const struct registers_range *extra)
{
    problems = problems_create();
    map = map_parse("test.csv", csv, strlen(csv), problems);
    problems_print(problems, stderr);
    assert_int_equal(problems_count(problems), 0);
    machine = (struct machine){.name = "m", .map = map, .simulate = "pattern"};
    registers = registers_create(&machine, extra);
}

static void unload(void)
{
    registers_destroy(registers);
    map_destroy(map);
    problems_destroy(problems);
}

enum put { PUT_NUMBER, PUT_INTEGER, PUT_TEXT, PUT_TIME };

struct encoding {
    const char *row; /* type,order,scale,offset,absent */
    enum put put;
    double number;
    int64_t integer;
    const char *text;
    unsigned count;
    uint16_t words[4];
};

#define ROW(type, put, number, integer, text, count, ...)                                      \
    {                                                                                          \
        type, put, number, integer, text, count,                                               \
        {                                                                                      \
            __VA_ARGS__                                                                        \
        }                                                                                      \
    }
static const struct encoding encodings[] = {
    ROW("float32,,,,", PUT_NUMBER, 123.456, 0, "", 2, 0x42F6, 0xE979),
    ROW("float32,BADC,,,", PUT_NUMBER, 123.456, 0, "", 2, 0xF642, 0x79E9),
    ROW("float32,CDAB,,,", PUT_NUMBER, 123.456, 0, "", 2, 0xE979, 0x42F6),
    ROW("float32,DCBA,,,", PUT_NUMBER, 123.456, 0, "", 2, 0x79E9, 0xF642),
    ROW("float32,CDAB,,,", PUT_NUMBER, 30.56, 0, "", 2, 0x7AE1, 0x41F4),
    ROW("float32,,,,", PUT_NUMBER, (double)NAN, 0, "", 2, 0x7FC0, 0x0000),
    ROW("float32,CDAB,,,0xFFFFFF7F", PUT_NUMBER, (double)NAN, 0, "", 2, 0xFFFF, 0xFF7F),
    ROW("float64,,,,", PUT_NUMBER, 1234567.875, 0, "", 4, 0x4132, 0xD687, 0xE000, 0),
    ROW("float64,GHEFCDAB,,,", PUT_NUMBER, 1234567.875, 0, "", 4, 0, 0xE000, 0xD687, 0x4132),
    ROW("float64,BADCFEHG,,,", PUT_NUMBER, 1234567.875, 0, "", 4, 0x3241, 0x87D6, 0x00E0, 0),
    ROW("float16,,,,", PUT_NUMBER, 1.5, 0, "", 1, 0x3E00),
    ROW("float16,,,,", PUT_NUMBER, -2.0, 0, "", 1, 0xC000),
    ROW("float16,,,,", PUT_NUMBER, 0.1, 0, "", 1, 0x2E66),
    ROW("float16,,,,", PUT_NUMBER, 65504.0, 0, "", 1, 0x7BFF),
    ROW("float16,,,,", PUT_NUMBER, 2047.9, 0, "", 1, 0x6800),
    ROW("float16,,,,", PUT_NUMBER, 0x1p-24, 0, "", 1, 0x0001),
    ROW("float16,BA,,,", PUT_NUMBER, 1e6, 0, "", 1, 0x007C),
    ROW("int16,,0.1,,", PUT_NUMBER, -3.2, 0, "", 1, 0xFFE0),
    ROW("int16,BA,0.1,,", PUT_NUMBER, 21.4, 0, "", 1, 0xD600),
    ROW("int16,,0.1,,0x8000", PUT_NUMBER, (double)NAN, 0, "", 1, 0x8000),
    ROW("int16,,0.1,,", PUT_NUMBER, 5000.0, 0, "", 1, 0x7FFF),
    ROW("int16,,0.1,,", PUT_NUMBER, -5000.0, 0, "", 1, 0x8000),
    ROW("uint16,,,,", PUT_NUMBER, -1.0, 0, "", 1, 0),
    ROW("uint16,,,,", PUT_NUMBER, (double)NAN, 0, "", 1, 0),
    ROW("uint16,,0.01,-273.15,", PUT_NUMBER, 25.0, 0, "", 1, 0x7477),
    ROW("uint16,,,,", PUT_INTEGER, 0, 65536 + 5, "", 1, 5),
    ROW("int32,CDAB,0.1,,", PUT_NUMBER, -20.0, 0, "", 2, 0xFF38, 0xFFFF),
    ROW("int32,CDAB,0.001,,", PUT_NUMBER, -150.25, 0, "", 2, 0xB516, 0xFFFD),
    ROW("uint32,,,,", PUT_INTEGER, 0, 65538, "", 2, 1, 2),
    ROW("uint32,,,,", PUT_NUMBER, 1e12, 0, "", 2, 0xFFFF, 0xFFFF),
    ROW("int64,GHEFCDAB,,,", PUT_INTEGER, 0, -2, "", 4, 0xFFFE, 0xFFFF, 0xFFFF, 0xFFFF),
    ROW("uint64,GHEFCDAB,1e-05,,", PUT_NUMBER, 1234.56789, 0, "", 4, 0xCD15, 0x075B, 0, 0),
    ROW("uint64,,,,", PUT_INTEGER, 0, 0x0102030405060708, "", 4, 0x102, 0x304, 0x506, 0x708),
    ROW("uint64,,,,", PUT_NUMBER, 1e30, 0, "", 4, 0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF),
    ROW("bcd16,,,,", PUT_INTEGER, 0, 1234, "", 1, 0x1234),
    ROW("bcd16,,,,", PUT_NUMBER, 20000.0, 0, "", 1, 0x9999),
    ROW("bcd32,,,,", PUT_INTEGER, 0, 12345678, "", 2, 0x1234, 0x5678),
    ROW("mod10k3,,,,", PUT_INTEGER, 0, 123456789, "", 3, 6789, 2345, 1),
    ROW("mod10k3,reverse,,,", PUT_INTEGER, 0, 123456789, "", 3, 1, 2345, 6789),
    ROW("string:4,,,,", PUT_TEXT, 0, 0, "SOCO", 2, 0x534F, 0x434F),
    ROW("string:4,BA,,,", PUT_TEXT, 0, 0, "SOC", 2, 0x4F53, 0x0043),
    ROW("string1:4,,,,", PUT_TEXT, 0, 0, "SOCO?", 4, 0x53, 0x4F, 0x43, 0x4F),
    ROW("unix32,,,,", PUT_TIME, 0, 1795448322500000, "", 2, 0x6B04, 0x5E02),
    ROW("datetime4,,,,", PUT_TIME, 0, 1795448322500000, "", 4, 26, 0x0B17, 0x0F26, 0xA604),
    ROW("datetime3r,,,,", PUT_TIME, 0, 1795448322500000, "", 3, 0xA604, 0x0F26, 0x0B17),
};

static void put(const struct encoding *encoding)
{
    switch (encoding->put) {
    case PUT_NUMBER: registers_put_number(registers, 0, encoding->number); break;
    case PUT_INTEGER: registers_put_integer(registers, 0, encoding->integer); break;
    case PUT_TEXT: registers_put_text(registers, 0, encoding->text); break;
    case PUT_TIME: registers_put_time(registers, 0, encoding->integer); break;
    }
}

static void test_encodings(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof encodings / sizeof encodings[0]; i++) {
        const struct encoding *encoding = &encodings[i];
        char csv[256];
        (void)snprintf(csv, sizeof csv,
                       "tag,table,address,type,order,scale,offset,absent\nx,holding,7,%s\n",
                       encoding->row);
        print_message("%s\n", encoding->row);
        load(csv, NULL);
        put(encoding);
        const uint16_t *words =
            registers_find(registers, TABLE_HOLDING, 7, (uint16_t)encoding->count);
        assert_non_null(words);
        for (unsigned k = 0; k < encoding->count; k++) {
            assert_int_equal(words[k], encoding->words[k]);
        }
        assert_null(
            registers_find(registers, TABLE_HOLDING, 7, (uint16_t)(encoding->count + 1)));
        unload();
    }
}

static void test_bits_share_a_register(void **state)
{
    (void)state;
    load("tag,table,address,type\nlow,input,3,bits:0:8\nhigh,input,3,bits:8:8\n"
         "flag,input,3,bit:3\nworks,coil,9,bool\n",
         NULL);
    registers_put_integer(registers, 0, 0x51);
    registers_put_integer(registers, 1, 0xA2);
    assert_int_equal(registers_find(registers, TABLE_INPUT, 3, 1)[0], 0xA251);
    registers_put_integer(registers, 2, 1);
    assert_int_equal(registers_find(registers, TABLE_INPUT, 3, 1)[0], 0xA259);
    registers_put_integer(registers, 2, 0);
    assert_int_equal(registers_find(registers, TABLE_INPUT, 3, 1)[0], 0xA251);
    registers_put_integer(registers, 3, 1);
    assert_int_equal(registers_find(registers, TABLE_COIL, 9, 1)[0], 1);
    unload();
}

static void test_holes(void **state)
{
    (void)state;
    static const struct registers_range extra[] = {{TABLE_INPUT, 20, 4, 2}, {.count = 0}};
    load("tag,table,address,type\na,input,16,int32\nb,input,30,uint32\nc,holding,16,int16\n"
         "d,input,65535,int16\n",
         extra);
    assert_non_null(registers_find(registers, TABLE_INPUT, 16, 2));
    assert_null(registers_find(registers, TABLE_INPUT, 15, 2));
    assert_null(registers_find(registers, TABLE_INPUT, 16, 3));
    assert_null(registers_find(registers, TABLE_INPUT, 18, 1));
    assert_null(registers_find(registers, TABLE_INPUT, 16, 16));
    assert_non_null(registers_find(registers, TABLE_INPUT, 20, 4));
    assert_null(registers_find(registers, TABLE_HOLDING, 17, 1));
    assert_null(registers_find(registers, TABLE_COIL, 16, 1));
    assert_null(registers_find(registers, TABLE_DISCRETE, 0, 1));
    assert_non_null(registers_find(registers, TABLE_INPUT, 65535, 1));
    assert_null(registers_find(registers, TABLE_INPUT, 65535, 2));
    unload();
}

static void test_cut_values(void **state)
{
    (void)state;
    load("tag,table,address,type\na,input,1,float32\nb,input,3,float32\nc,input,5,int16\n",
         NULL);
    assert_false(registers_cuts_value(registers, TABLE_INPUT, 1, 5));
    assert_false(registers_cuts_value(registers, TABLE_INPUT, 3, 2));
    assert_true(registers_cuts_value(registers, TABLE_INPUT, 1, 1));
    assert_true(registers_cuts_value(registers, TABLE_INPUT, 2, 1));
    assert_true(registers_cuts_value(registers, TABLE_INPUT, 1, 3));
    assert_true(registers_cuts_value(registers, TABLE_INPUT, 4, 2));
    unload();
}

static void test_writing(void **state)
{
    (void)state;
    load("tag,table,address,type,scale,access\na,holding,1,int16,0.1,rw\nb,holding,2,int16,,\n"
         "c,holding,3,float32,,rw\nd,coil,0,bool,,rw\n",
         NULL);
    assert_null(registers_find_writable(registers, TABLE_HOLDING, 1, 2));
    assert_null(registers_find_writable(registers, TABLE_HOLDING, 2, 1));
    assert_null(registers_find_writable(registers, TABLE_HOLDING, 9, 1));
    uint16_t *words = registers_find_writable(registers, TABLE_HOLDING, 1, 1);
    assert_non_null(words);
    words[0] = 0xFFE0;
    assert_true(fabs(registers_get_number(registers, 0) + 3.2) < 1e-12);
    words = registers_find_writable(registers, TABLE_HOLDING, 3, 2);
    assert_non_null(words);
    words[0] = 0xC020;
    words[1] = 0x0000;
    assert_true(fabs(registers_get_number(registers, 2) + 2.5) < 1e-12);
    words = registers_find_writable(registers, TABLE_COIL, 0, 1);
    assert_non_null(words);
    words[0] = 1;
    assert_true(registers_get_number(registers, 3) > 0.5);
    unload();
}

static void test_addresses_from_one(void **state)
{
    (void)state;
    load("tag,table,address,type\na,input,1,int16\n", NULL);
    registers_destroy(registers);
    machine.base = 1;
    registers = registers_create(&machine, NULL);
    assert_non_null(registers_find(registers, TABLE_INPUT, 0, 1));
    assert_null(registers_find(registers, TABLE_INPUT, 1, 1));
    unload();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_encodings), cmocka_unit_test(test_bits_share_a_register),
        cmocka_unit_test(test_holes),     cmocka_unit_test(test_cut_values),
        cmocka_unit_test(test_writing),   cmocka_unit_test(test_addresses_from_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
