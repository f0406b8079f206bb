/* Claim: a register map is read as the manual of its columns says; every mistake of it is told
 * with its line, and costs no other row. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/map.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* What problems_print writes; the caller frees it. */
static char *printed(const struct problems *problems)
{
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    assert_non_null(stream);
    problems_print(problems, stream);
    (void)fclose(stream);
    return text;
}

static struct map *parse(const char *text, struct problems *problems)
{
    struct map *map = map_parse("test.csv", text, strlen(text), problems);
    assert_non_null(map);
    return map;
}

/* A map without a mistake. */
static struct map *parse_right(const char *text)
{
    struct problems *problems = problems_create();
    struct map *map = parse(text, problems);
    char *found = printed(problems);
    assert_string_equal(found, "");
    free(found);
    problems_destroy(problems);
    return map;
}

static const struct tag *tag(const struct map *map, const char *name)
{
    const struct tag *found = map_find(map, name);
    assert_non_null(found);
    return found;
}

static void columns_come_in_any_order(void **state)
{
    (void)state;
    struct map *map = parse_right("\xEF\xBB\xBFtype,comment,tag,unit,address,table\r\n"
                                  "# a comment, with \"quotes\r\n"
                                  "float32,\"a \"\"b\"\", c\",speed,rpm,0x10,input\r\n"
                                  "\r\n"
                                  "bool,,door,,3,coil");
    assert_int_equal(map->tags_count, 2);
    const struct tag *speed = tag(map, "speed");
    assert_int_equal(speed->table, TABLE_INPUT);
    assert_int_equal(speed->address, 16);
    assert_int_equal(speed->type, TYPE_FLOAT32);
    assert_int_equal(speed->registers, 2);
    assert_string_equal(speed->unit, "rpm");
    assert_int_equal(speed->line, 3);
    assert_int_equal(speed->scale_tag, -1);
    assert_false(speed->is_scaled);
    assert_int_equal(tag(map, "door")->line, 5);
    assert_int_equal(tag(map, "door")->registers, 1);
    assert_null(map_find(map, "nobody"));
    map_destroy(map);
}

static void semicolons_allow_decimal_commas(void **state)
{
    (void)state;
    struct map *map = parse_right("tag;table;address;type;scale;min;deadband;description\n"
                                  "a;holding;0;int16;0,1;-273,15;0,5;\"one; two\nthree\"\n"
                                  "b;holding;1;int16;1e-05;;1 %;\n");
    assert_int_equal(tag(map, "a")->scale.mantissa, 1);
    assert_int_equal(tag(map, "a")->scale.exponent, -1);
    assert_int_equal(tag(map, "a")->min.mantissa, -27315);
    assert_true(tag(map, "a")->deadband == 0.5);
    assert_string_equal(tag(map, "a")->description, "one; two three");
    assert_int_equal(tag(map, "b")->scale.exponent, -5);
    assert_true(tag(map, "b")->deadband == 0.01);
    assert_true(tag(map, "b")->deadband_is_relative);
    assert_int_equal(tag(map, "b")->line, 4);
    map_destroy(map);
}

static void types_have_their_shape(void **state)
{
    (void)state;
    static const struct {
        const char *type;
        enum tag_type expected;
        unsigned registers;
        unsigned characters;
        unsigned shift;
        unsigned width;
        const char *datatype;
    } cases[] = {
        {"int16", TYPE_INT16, 1, 0, 0, 0, "number"},
        {"uint64", TYPE_UINT64, 4, 0, 0, 0, "number"},
        {"float16", TYPE_FLOAT16, 1, 0, 0, 0, "number"},
        {"bcd32", TYPE_BCD32, 2, 0, 0, 0, "number"},
        {"mod10k3", TYPE_MOD10K, 3, 0, 0, 0, "number"},
        {"string:7", TYPE_STRING, 4, 7, 0, 0, "string"},
        {"string:250", TYPE_STRING, 125, 250, 0, 0, "string"},
        {"string1:125", TYPE_STRING1, 125, 125, 0, 0, "string"},
        {"bit:15", TYPE_BIT, 1, 0, 15, 1, "boolean"},
        {"bits:8:8", TYPE_BITS, 1, 0, 8, 8, "number"},
        {"bits:0:16", TYPE_BITS, 1, 0, 0, 16, "number"},
        {"unix32", TYPE_UNIX32, 2, 0, 0, 0, "string"},
        {"datetime4", TYPE_DATETIME4, 4, 0, 0, 0, "string"},
        {"datetime3r", TYPE_DATETIME3R, 3, 0, 0, 0, "string"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[120];
        (void)snprintf(text, sizeof text, "tag,table,address,type\nx,holding,1,%s\n",
                       cases[i].type);
        struct map *map = parse_right(text);
        const struct tag *x = tag(map, "x");
        assert_int_equal(x->type, cases[i].expected);
        assert_int_equal(x->registers, cases[i].registers);
        assert_int_equal(x->characters, cases[i].characters);
        assert_int_equal(x->shift, cases[i].shift);
        assert_int_equal(x->width, cases[i].width);
        assert_string_equal(x->type_text, cases[i].type);
        assert_string_equal(tag_datatype(x), cases[i].datatype);
        map_destroy(map);
    }
}

static void orders_are_permutations(void **state)
{
    (void)state;
    struct map *map = parse_right("tag,table,address,type,order\n"
                                  "a,input,0,float32,CDAB\n"
                                  "b,input,2,float64,EFGHABCD\n"
                                  "c,input,6,uint16,BA\n"
                                  "d,input,7,string:4,BA\n"
                                  "e,input,9,mod10k2,reverse\n"
                                  "f,input,11,int32,\n"
                                  "g,input,13,uint32,ACBD\n");
    static const uint8_t cdab[] = {2, 3, 0, 1};
    static const uint8_t efghabcd[] = {4, 5, 6, 7, 0, 1, 2, 3};
    static const uint8_t ba[] = {1, 0};
    static const uint8_t abcd[] = {0, 1, 2, 3};
    assert_memory_equal(tag(map, "a")->order, cdab, sizeof cdab);
    assert_memory_equal(tag(map, "b")->order, efghabcd, sizeof efghabcd);
    assert_memory_equal(tag(map, "c")->order, ba, sizeof ba);
    assert_memory_equal(tag(map, "d")->order, ba, sizeof ba);
    assert_true(tag(map, "e")->reversed);
    assert_memory_equal(tag(map, "f")->order, abcd, sizeof abcd);
    assert_string_equal(tag(map, "f")->order_text, "ABCD");
    map_destroy(map);
}

static void modicon_numbers_name_the_table(void **state)
{
    (void)state;
    struct map *map = parse_right("tag,address,type,table\n"
                                  "a,00001,,\nb,10001,bool,\nc,30001,uint16,\nd,40001,uint16,\n"
                                  "e,465536,uint16,\nf,000010,,\ng,40001,uint16,input\n");
    static const struct {
        const char *name;
        enum table table;
        unsigned address;
        bool is_modicon;
    } cases[] = {
        {"a", TABLE_COIL, 0, true},        {"b", TABLE_DISCRETE, 0, true},
        {"c", TABLE_INPUT, 0, true},       {"d", TABLE_HOLDING, 0, true},
        {"e", TABLE_HOLDING, 65535, true}, {"f", TABLE_COIL, 9, true},
        {"g", TABLE_INPUT, 40001, false},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_int_equal(tag(map, cases[i].name)->table, cases[i].table);
        assert_int_equal(tag(map, cases[i].name)->address, cases[i].address);
        assert_int_equal(tag(map, cases[i].name)->is_modicon, cases[i].is_modicon);
    }
    map_destroy(map);
}

static void values_of_all_columns(void **state)
{
    (void)state;
    struct map *map = parse_right(
        "tag,table,address,type,scale_tag,offset,absent,over,under,mask,words,every,access,"
        "max\n"
        "power,holding,0,int16,power_sf,-273.15,0x8000|0xFFFF,0x7FFF,0x8001,,,5 s,rw,1e3\n"
        "power_sf,holding,1,int16,,,,,,,,,,\n"
        "status,holding,2,uint16,,,,,,0x006F,0=off|0x27=running|-1=what now,,r,\n");
    const struct tag *power = tag(map, "power");
    assert_int_equal(power->scale_tag, 1);
    assert_true(power->is_scaled);
    assert_int_equal(power->offset.mantissa, -27315);
    assert_int_equal(power->sentinels_count, 4);
    assert_int_equal(power->sentinels[1].raw, 0xFFFF);
    assert_int_equal(power->sentinels[1].kind, SENTINEL_ABSENT);
    assert_int_equal(power->sentinels[2].kind, SENTINEL_OVER);
    assert_int_equal(power->sentinels[3].raw, 0x8001);
    assert_int_equal(power->sentinels[3].kind, SENTINEL_UNDER);
    assert_true(power->mask == UINT64_MAX);
    assert_int_equal(power->every_ms, 5000);
    assert_true(power->is_writable);
    assert_true(power->has_max);
    assert_false(power->has_min);
    const struct tag *status = tag(map, "status");
    assert_int_equal(status->mask, 0x6F);
    assert_int_equal(status->words_count, 3);
    assert_int_equal(status->words[1].value, 0x27);
    assert_string_equal(status->words[2].text, "what now");
    assert_int_equal(status->words[2].value, -1);
    assert_string_equal(tag_datatype(status), "string");
    map_destroy(map);
}

/* One mistake a line: where it must be found, and a word of the message. */
static const struct {
    const char *row; /* of tag,table,address,type,order,scale,min,max,absent,mask,words,… */
    const char *expected;
} mistakes[] = {
    {"a b,holding,0,int16", "test.csv:2: a b/tag: "},
    {"seq,holding,0,int16", "seq/tag: is reserved"},
    {"x,holdin,0,int16", "x/table: unknown table \"holdin\"; did you mean \"holding\"?"},
    {"x,holding,65536,int16", "x/address: \"65536\" is no address"},
    {"x,holding,65535,float32", "x/address: 65535 with 2 registers reaches past"},
    {"x,,50001,int16", "x/address: \"50001\" without a table"},
    {"x,,40000,int16", "x/address: \"40000\" without a table"},
    {"x,,4001,int16", "x/address: \"4001\" without a table"},
    {"x,,465537,int16", "x/address: \"465537\" without a table"},
    {"x,holding,,int16", "x/address: \"\" is no address"},
    {"x,holding,0,flaot32", "x/type: unknown type \"flaot32\"; did you mean \"float32\"?"},
    {"x,holding,0,", "x/type: is missing"},
    {"x,holding,0,bool", "x/type: a register is no single bit"},
    {"x,coil,0,int16", "x/type: a coil or discrete input is one bit"},
    {"x,holding,0,string:251", "x/type: the number of characters"},
    {"x,holding,0,string1:126", "x/type: the number of characters"},
    {"x,holding,0,bit:16", "x/type: the bit is missing"},
    {"x,holding,0,bits:8:9", "x/type: the part is missing"},
    {"x,holding,0,int16:2", "x/type: \"int16\" takes no parameter"},
    {"x,holding,0,mod10k5", "x/type: unknown type"},
    {"x,holding,0,int32,AB", "x/order: \"AB\" does not fit int32"},
    {"x,holding,0,int32,ABBA", "x/order: \"ABBA\" does not fit int32"},
    {"x,coil,0,bool,AB", "x/order: bool has no order"},
    {"x,holding,0,mod10k2,ABCD", "x/order: \"ABCD\" is no order of mod10k"},
    {"x,holding,0,int16,,zero", "x/scale: \"zero\" is no number"},
    {"x,holding,0,int16,,0", "x/scale: 0 would make"},
    {"x,holding,0,string:2,,2", "x/scale: string:2 is no number"},
    {"x,holding,0,int16,,\"0,1\"", "x/scale: \"0,1\" is no number"},
    {"x,holding,0,int16,,,10,5", "x/max: 5 is below min"},
    {"x,holding,0,int16,,,,,0x10000", "x/absent: \"0x10000\" is no raw value of 16 bits"},
    {"x,holding,0,int16,,,,,1|1", "x/absent: the raw value 0x1 is named twice"},
    {"x,coil,0,bool,,,,,1", "x/absent: bool has no raw value"},
    {"x,holding,0,uint16,,,,,,111", "x/mask: \"111\" is no mask"},
    {"x,holding,0,float32,,,,,,0x1", "x/mask: float32 is no whole number"},
    {"x,holding,0,uint16,,,,,,,0-idle", "x/words: \"0-idle\" is no word"},
    {"x,holding,0,uint16,,,,,,,0=a|0=b", "x/words: the value 0 has two words"},
    {"x,holding,0,uint16,,2,,,,,0=a", "x/words: a value with words is not scaled"},
    {"x,holding,0,int16,,,,,,,,1 ms", "x/every: \"1 ms\" is no pace"},
    {"x,holding,0,int16,,,,,,,,5", "x/every: \"5\" is no pace"},
    {"x,holding,0,int16,,,,,,,,,-1", "x/deadband: \"-1\" is no deadband"},
    {"x,holding,0,int16,,,,,,,,,,w", "x/access: \"w\" is no access"},
    {"x,input,0,int16,,,,,,,,,,rw", "x/access: the table input can only be read"},
    {"x,holding,0,int16,,,,,,,,,,,nobody", "x/scale_tag: no tag \"nobody\""},
    {"x,holding,0,int16,,,,,,,,,,,,\x01", "x/unit: holds a control character"},
    {"x,holding,0,int16,,,,,,,,,,,,\xB0", "test.csv:2: bytes that are not UTF-8"},
    {"x,holding,0,int16,,,,,,,,,,,,,more", "x/row: has 17 fields, the header 16"},
    {"x,hold\"ing,0,int16", "row: a quote inside a field"},
    {"\"x\"y,holding,0,int16", "row: something follows a closing quote"},
    {"x,holding,0,\"int16", "row: a quote is opened and never closed"},
};

static void mistakes_are_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(mistakes); i++) {
        char text[400];
        (void)snprintf(text, sizeof text,
                       "tag,table,address,type,order,scale,min,max,absent,mask,words,every,"
                       "deadband,access,scale_tag,unit\n%s\n",
                       mistakes[i].row);
        struct problems *problems = problems_create();
        struct map *map = parse(text, problems);
        char *found = printed(problems);
        bool is_told =
            problems_count(problems) == 1 && strstr(found, mistakes[i].expected) != NULL;
        if (!is_told) {
            print_error("%s\nexpected one problem with: %s\nfound:\n%s", mistakes[i].row,
                        mistakes[i].expected, found);
        }
        assert_true(is_told);
        free(found);
        map_destroy(map);
        problems_destroy(problems);
    }
}

/* Where `expected` stands behind `from`; it must. */
static const char *next_place(const char *from, const char *expected, const char *found)
{
    const char *place = strstr(from, expected);
    if (place == NULL) {
        fail_msg("not there, or out of order: %s\nfound:\n%s", expected, found);
    }
    return place;
}

static void wrong_rows_cost_no_others(void **state)
{
    (void)state;
    struct problems *problems = problems_create();
    struct map *map = parse("tag,table,adress,type,colour,scale_tag\n"
                            "a,holding,0,int16,,\n"
                            "b,holding,x,int16,,b\n"
                            "a,holding,1,int16,,\n"
                            "c,holding,2,int8,,\n"
                            "d,holding,3,float32,,e\n"
                            "e,input,3,int16,,\n"
                            "f,holding,9,int16,,c\n",
                            problems);
    char *found = printed(problems);
    static const char *const expected[] = {
        "test.csv:1: adress: unknown column; did you mean \"address\"?",
        "test.csv:1: colour: unknown column 5; accepted: tag",
        "test.csv:3: b/address:",
        "test.csv:4: a/tag: the name is taken by the tag of line 2",
        "test.csv:5: c/type: unknown type \"int8\"",
        "test.csv:6: d/scale_tag: \"e\" cannot be an exponent",
    };
    const char *last = found;
    for (size_t i = 0; i < COUNT(expected); i++) {
        last = next_place(last, expected[i], found);
    }
    assert_int_equal(problems_count(problems), COUNT(expected));
    assert_int_equal(map->tags_count, 4);
    free(found);
    map_destroy(map);
    problems_destroy(problems);
}

static void empty_and_missing_files_are_told(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "\n\n# nothing\n", "tag,table,address,type\n",
                                        "x\n"};
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct problems *problems = problems_create();
        map_destroy(parse(texts[i], problems));
        assert_true(problems_count(problems) > 0);
        problems_destroy(problems);
    }
    static const char *const paths[] = {"/nonexistent/map.csv", "/tmp", "/dev/zero"};
    for (size_t i = 0; i < COUNT(paths); i++) {
        struct problems *problems = problems_create();
        assert_null(map_load(paths[i], problems));
        assert_int_equal(problems_count(problems), 1);
        problems_destroy(problems);
    }
}

static void a_nul_byte_is_a_problem(void **state)
{
    (void)state;
    static const char text[] =
        "tag,table,address,type\na,holding,0,int16\n\0b,holding,1,int16\n";
    struct problems *problems = problems_create();
    struct map *map = map_parse("test.csv", text, sizeof text - 1, problems);
    char *found = printed(problems);
    assert_non_null(strstr(found, "test.csv:3: a NUL byte"));
    free(found);
    map_destroy(map);
    problems_destroy(problems);
}

static double seconds_now(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Quadratic search would take minutes; the limit leaves room for sanitizers. */
static void large_maps_load_quickly(void **state)
{
    (void)state;
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    assert_non_null(stream);
    (void)fprintf(stream, "tag,table,address,type,scale_tag\n");
    for (int i = 0; i < 10000; i++) {
        (void)fprintf(stream, "tag_%d,holding,%d,int16,%s%d\n", i, i, i % 2 ? "tag_" : "",
                      i % 2 ? i - 1 : 0);
    }
    (void)fclose(stream);
    struct problems *problems = problems_create();
    double started = seconds_now();
    struct map *map = parse(text, problems); /* "0" names no tag: 5000 problems with hints */
    double taken_s = seconds_now() - started;
    assert_int_equal(map->tags_count, 10000);
    assert_int_equal(map_find(map, "tag_9999")->scale_tag, -1); /* tag_9998 is scaled itself */
    assert_true(taken_s < 3.0);
    free(text);
    map_destroy(map);
    problems_destroy(problems);
}

static void maps_are_printed_aligned(void **state)
{
    (void)state;
    struct map *map = parse_right("tag,table,address,type,scale,unit,max,offset\n"
                                  "temperature,input,9,int16,0.1,°C,1200,-40\n"
                                  "door,coil,0,bool,,,,\n");
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    assert_non_null(stream);
    map_print(map, 0, stream);
    (void)fclose(stream);
    assert_non_null(strstr(text, "temperature  input  9     300010   int16  AB     0.1-40"));
    assert_non_null(strstr(text, "…1200"));
    assert_non_null(strstr(text, "door         coil   0     000001   bool"));
    free(text);
    map_destroy(map);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_come_in_any_order),
        cmocka_unit_test(semicolons_allow_decimal_commas),
        cmocka_unit_test(types_have_their_shape),
        cmocka_unit_test(orders_are_permutations),
        cmocka_unit_test(modicon_numbers_name_the_table),
        cmocka_unit_test(values_of_all_columns),
        cmocka_unit_test(mistakes_are_told),
        cmocka_unit_test(wrong_rows_cost_no_others),
        cmocka_unit_test(empty_and_missing_files_are_told),
        cmocka_unit_test(a_nul_byte_is_a_problem),
        cmocka_unit_test(large_maps_load_quickly),
        cmocka_unit_test(maps_are_printed_aligned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
