/* Claim: readings become the payload that the README shows: scaled, ranged, named, valid JSON,
 * bad ones null with their reason. */
#include "tests/unit/factory_fixture.h"

#include "gateway/queue.h"
#include "gateway/sample.h"

#include <math.h>

static const char factory_text[] =
    "[site]\nroot = formlab\n[broker]\nurl = mqtt://127.0.0.1:1\n"
    "[link one]\ndriver = modbus-tcp\nhost = 127.0.0.1\n"
    "[machine mill]\nlink = one\narea = cutting\nunit_id = 1\n"
    "map = map.csv\nevery = 1 s\n";

enum { SPEED, OIL, STATE, DOOR, NAME, POWER, EXPONENT, COUNT, TAGS_COUNT };
static const char map_text[] =
    "tag,table,address,type,scale,unit,min,max,words,scale_tag,deadband\n"
    "speed,input,0,float32,,rpm,,9000,,,1 %\n"
    "oil,input,2,int16,0.1,Cel,0,90,,,0.5\n"
    "state,input,3,uint16,,,,,\"0=idle|6=\"\"run\"\" fast\",,\n"
    "door,discrete,0,bool,,,,,,,\n"
    "name,holding,10,string:8,,,,,,,\n"
    "power,input,4,uint16,,W,,,,exponent,\n"
    "exponent,input,5,int16,,,,,,,\n"
    "count,input,6,uint64,,,,,,,\n";

struct fixture {
    struct factory *factory;
    struct sample *sample;
    struct reading readings[TAGS_COUNT];
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    assert_non_null(fixture);
    fixture->factory = fixture_load(factory_text, map_text);
    fixture->sample = sample_create(fixture->factory, &fixture->factory->links[0]);
    struct reading *readings = fixture->readings;
    for (size_t tag = 0; tag < TAGS_COUNT; tag++) {
        readings[tag].time_us = INT64_C(1795450800123456) + (int64_t)tag;
    }
    readings[SPEED].kind = READING_FLOAT32;
    readings[SPEED].value.float32 = 8000.5f;
    readings[OIL].kind = READING_INTEGER;
    readings[OIL].value.integer = 214;
    readings[STATE].kind = READING_UNSIGNED;
    readings[STATE].value.natural = 6;
    readings[DOOR].kind = READING_BOOLEAN;
    readings[DOOR].value.boolean = true;
    readings[NAME].kind = READING_TEXT;
    readings[NAME].value.text = "a\"\\\tØ";
    readings[NAME].text_length = 6;
    readings[POWER].kind = READING_UNSIGNED;
    readings[POWER].value.natural = 2301;
    readings[EXPONENT].kind = READING_INTEGER;
    readings[EXPONENT].value.integer = -1;
    readings[COUNT].kind = READING_UNSIGNED;
    readings[COUNT].value.natural = UINT64_MAX;
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    sample_destroy(fixture->sample);
    fixture_unload(fixture->factory);
    free(fixture);
    return 0;
}

/* The payload as text, numbered 4711 in run 3. */
static const char *build(struct fixture *fixture)
{
    static char text[2048];
    struct sample *sample = fixture->sample;
    sample_build(sample, fixture->factory, 0, fixture->readings);
    sample_number(sample, 4711, 3);
    (void)memcpy(text, sample->text + sample->payload, sample->payload_length);
    text[sample->payload_length] = '\0';
    return text;
}

static const char *uncertain(const struct fixture *fixture)
{
    static char text[512];
    const struct sample *sample = fixture->sample;
    (void)memcpy(text, sample->text + sample->payload + sample->payload_length,
                 sample->uncertain_length);
    text[sample->uncertain_length] = '\0';
    return text;
}

#define HEAD                                                                                   \
    "{\"seq\":4711,\"run\":3,\"time\":\"2026-11-23T16:20:00.123Z\",\"t\":1795450800123,"

static void a_good_sample_is_flat_json(void **state)
{
    assert_string_equal(build(*state),
                        HEAD "\"q\":\"good\",\"speed\":8000.5,\"oil\":21.4,"
                             "\"state\":\"\\\"run\\\" fast\",\"door\":true,"
                             "\"name\":\"a\\\"\\\\\\tØ\",\"power\":230.1,\"exponent\":-1,"
                             "\"count\":18446744073709551615}");
    assert_string_equal(uncertain(*state), "");
}

static void a_bad_tag_is_null_and_named(void **state)
{
    struct fixture *fixture = *state;
    fixture->readings[OIL].kind = READING_BAD;
    fixture->readings[OIL].reason = REASON_EXCEPTION;
    fixture->readings[OIL].exception = 2;
    fixture->readings[NAME].kind = READING_BAD;
    fixture->readings[NAME].reason = REASON_BAD_ENCODING;
    fixture->readings[STATE].kind = READING_ABSENT;
    assert_string_equal(build(fixture),
                        HEAD "\"q\":\"uncertain\",\"speed\":8000.5,\"oil\":null,\"door\":true,"
                             "\"name\":null,\"power\":230.1,\"exponent\":-1,"
                             "\"count\":18446744073709551615,"
                             "\"bad\":{\"oil\":\"exception-2\",\"name\":\"bad-encoding\"}}");
    assert_false(fixture->sample->points[STATE].is_present);
}

static void all_bad_is_bad(void **state)
{
    struct fixture *fixture = *state;
    for (size_t tag = 0; tag < TAGS_COUNT; tag++) {
        fixture->readings[tag].kind = tag == DOOR ? READING_ABSENT : READING_BAD;
        fixture->readings[tag].reason = REASON_TIMEOUT;
    }
    const char *text = build(fixture);
    assert_non_null(strstr(text, "\"q\":\"bad\",\"speed\":null,"));
    assert_null(strstr(text, "door"));
    assert_non_null(strstr(text, "\"bad\":{\"speed\":\"timeout\",\"oil\":\"timeout\""));
}

static void out_of_range_is_uncertain_and_keeps_its_value(void **state)
{
    struct fixture *fixture = *state;
    fixture->readings[SPEED].value.float32 = 9000.5f;
    fixture->readings[OIL].value.integer = 900; /* exactly max: inside */
    fixture->readings[STATE].value.natural = 5; /* no such word */
    const char *text = build(fixture);
    assert_non_null(
        strstr(text, "\"q\":\"uncertain\",\"speed\":9000.5,\"oil\":90,\"state\":\"5\""));
    assert_string_equal(uncertain(fixture), "[\"speed\",\"state\"]");
    assert_int_equal(fixture->sample->points[OIL].quality, QUALITY_GOOD);
}

static void without_a_clock_all_is_uncertain(void **state)
{
    struct fixture *fixture = *state;
    fixture->readings[COUNT].time_us = 1;
    assert_non_null(strstr(build(fixture), "\"q\":\"uncertain\""));
    assert_string_equal(uncertain(fixture), "true");
    assert_int_equal(fixture->sample->points[DOOR].quality, QUALITY_UNCERTAIN);
}

static void a_scale_that_is_not_there_makes_the_value_bad(void **state)
{
    struct fixture *fixture = *state;
    fixture->readings[EXPONENT].kind = READING_BAD;
    fixture->readings[EXPONENT].reason = REASON_SENTINEL;
    assert_non_null(
        strstr(build(fixture), "\"bad\":{\"power\":\"sentinel\",\"exponent\":\"sentinel\"}"));
    fixture->readings[EXPONENT].kind = READING_INTEGER;
    fixture->readings[EXPONENT].reason = REASON_NONE;
    fixture->readings[EXPONENT].value.integer = 31;
    assert_non_null(strstr(build(fixture), "\"bad\":{\"power\":\"bad-encoding\"}"));
}

static void the_sample_carries_the_oldest_time(void **state)
{
    struct fixture *fixture = *state;
    fixture->readings[COUNT].time_us = INT64_C(1795450799000000);
    assert_non_null(strstr(build(fixture), "\"time\":\"2026-11-23T16:19:59.000Z\""));
}

/* What moves, and what does not, told a first time. */
static void only_what_moves_beyond_the_deadband_is_told(void **state)
{
    struct fixture *fixture = *state;
    const struct tag *tags = fixture->factory->machines[0].map->tags;
    struct sample *sample = fixture->sample;
    struct told told[TAGS_COUNT] = {0};
    (void)build(fixture);
    for (size_t tag = 0; tag < TAGS_COUNT; tag++) {
        const struct point *point = &sample->points[tag];
        assert_true(told_has_moved(&told[tag], &tags[tag], point, sample_value(sample, tag)));
        told_remember(&told[tag], point, sample_value(sample, tag));
    }
    fixture->readings[SPEED].value.float32 = 8079.0f; /* below 1 % */
    fixture->readings[OIL].value.integer = 219;       /* 0.5: not beyond */
    fixture->readings[COUNT].value.natural = UINT64_MAX - 1;
    fixture->readings[NAME].value.text = "b\"\\\tØ";
    fixture->readings[DOOR].kind = READING_BAD;
    fixture->readings[DOOR].reason = REASON_TIMEOUT;
    (void)build(fixture);
    static const bool has_moved[TAGS_COUNT] = {
        [COUNT] = true, /* a double could not tell the two apart */
        [NAME] = true,
        [DOOR] = true,
    };
    for (size_t tag = 0; tag < TAGS_COUNT; tag++) {
        assert_int_equal(told_has_moved(&told[tag], &tags[tag], &sample->points[tag],
                                        sample_value(sample, tag)),
                         has_moved[tag]);
    }
    fixture->readings[OIL].value.integer = 220;
    (void)build(fixture);
    assert_true(told_has_moved(&told[OIL], &tags[OIL], &sample->points[OIL],
                               sample_value(sample, OIL)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_good_sample_is_flat_json, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_bad_tag_is_null_and_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(all_bad_is_bad, set_up, tear_down),
        cmocka_unit_test_setup_teardown(out_of_range_is_uncertain_and_keeps_its_value, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(without_a_clock_all_is_uncertain, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_scale_that_is_not_there_makes_the_value_bad, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(the_sample_carries_the_oldest_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(only_what_moves_beyond_the_deadband_is_told, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests_name("sample", tests, NULL, NULL);
}
