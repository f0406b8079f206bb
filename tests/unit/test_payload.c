/* Claim: every JSON text that leaves is what the README says, complete or empty, and our own
 * sample payloads can be walked member by member, whatever they hold. */
#include "tests/unit/factory_fixture.h"

#include "gateway/json.h"
#include "gateway/payload.h"
#include "gateway/topic.h"

static const char factory_text[] =
    "[site]\nroot = formlab\ntitle = FORMLAB\n[gateway]\nname = gw1\n"
    "[broker]\nurl = mqtt://127.0.0.1:1\n"
    "[link one]\ndriver = modbus-tcp\nhost = 127.0.0.1\n"
    "[machine mill]\nlink = one\narea = cutting\nunit_id = 1\nmap = map.csv\nevery = 200 ms\n"
    "title_fr = Fraiseuse\nsimulate = mill\n";
static const char map_text[] =
    "tag,table,address,type,order,scale,unit,min,max,words,every,description\n"
    "oil,input,2,int16,,0.1,°C,-40,90.5,,1 s,\"oil, \"\"sump\"\"\"\n"
    "state,holding,40,uint32,CDAB,,,,,0=idle|6=execute,,\n";

static char text[PAYLOAD_META_SIZE];

static void a_now_message_is_the_one_of_the_design(void **state)
{
    const struct factory *factory = *state;
    const struct tag *tag = &factory->machines[0].map->tags[0];
    static char value[] = "21.4";
    struct live_item item = {
        .kind = LIVE_NOW,
        .point = {.time_us = INT64_C(1795450800123456), .quality = QUALITY_GOOD},
        .text = value,
        .text_length = 4,
    };
    assert_true(payload_now(tag, &item, text, sizeof text) > 0);
    assert_string_equal(text, "{\"value\":21.4,\"unit\":\"°C\",\"q\":\"good\","
                              "\"time\":\"2026-11-23T16:20:00.123Z\",\"t\":1795450800123}");
    static char null[] = "null";
    item.text = null;
    item.point.quality = QUALITY_BAD;
    item.point.reason = REASON_TIMEOUT;
    assert_true(payload_now(tag, &item, text, sizeof text) > 0);
    assert_string_equal(text,
                        "{\"value\":null,\"unit\":\"°C\",\"q\":\"bad\",\"reason\":\"timeout\","
                        "\"time\":\"2026-11-23T16:20:00.123Z\",\"t\":1795450800123}");
}

static void meta_says_where_a_value_comes_from(void **state)
{
    assert_true(payload_meta(*state, 0, 0, text, sizeof text) > 0);
    assert_string_equal(
        text,
        "{\"unit\":\"°C\",\"description\":\"oil, \\\"sump\\\"\",\"titles\":{},"
        "\"datatype\":\"number\",\"min\":-40,\"max\":90.5,\"every_ms\":1000,\"access\":\"r\","
        "\"source\":{\"link\":\"one\",\"unit_id\":1,\"table\":\"input\",\"address\":2,"
        "\"type\":\"int16\",\"order\":\"AB\",\"scale\":0.1,\"offset\":0}}");
    assert_true(payload_meta(*state, 0, 1, text, sizeof text) > 0);
    assert_non_null(strstr(text, "\"datatype\":\"string\""));
    assert_non_null(strstr(text, "\"words\":[\"idle\",\"execute\"]"));
    assert_non_null(strstr(text, "\"order\":\"CDAB\""));
}

static void info_says_how_a_machine_is_doing(void **state)
{
    struct health health = {.is_known = true, .reason = REASON_TIMEOUT, .achieved_ms = 201};
    assert_true(payload_info(*state, 0, &health, text, sizeof text) > 0);
    assert_string_equal(text,
                        "{\"state\":\"offline\",\"since\":\"1970-01-01T00:00:00.000Z\","
                        "\"reason\":\"timeout\",\"link\":\"one\",\"unit_id\":1,\"tags\":2,"
                        "\"every_ms\":200,\"achieved_ms\":201,\"gateway\":\"gw1\","
                        "\"titles\":{\"fr\":\"Fraiseuse\"},\"simulated\":true}");
}

static void what_does_not_fit_is_empty(void **state)
{
    struct health health = {.is_known = true};
    size_t length = payload_info(*state, 0, &health, text, sizeof text);
    for (size_t size = 1; size <= length; size++) {
        assert_int_equal(payload_info(*state, 0, &health, text, size), 0);
        assert_string_equal(text, "");
    }
    assert_int_equal(payload_info(*state, 0, &health, text, length + 1), length);
}

static void control_characters_are_escaped(void **state)
{
    (void)state;
    struct json json = json_begin(text, sizeof text);
    json_string(&json, "a\"b", "line\nquote\" \\ \x01 é");
    assert_true(json_end(&json) > 0);
    assert_string_equal(text, "{\"a\\\"b\":\"line\\u000aquote\\\" \\\\ \\u0001 é\"}");
}

static void a_payload_is_walked_member_by_member(void **state)
{
    (void)state;
    static const char payload[] = "{\"seq\":4711,\"name\":\"a,\\\"}{\",\"door\":null,"
                                  "\"bad\":{\"door\":\"timeout\",\"x\":\"}\"},\"last\":-1e+21}";
    static const char *const expected[][2] = {
        {"seq", "4711"},    {"name", "\"a,\\\"}{\""},
        {"door", "null"},   {"bad", "{\"door\":\"timeout\",\"x\":\"}\"}"},
        {"last", "-1e+21"},
    };
    size_t position = 0;
    struct payload_member member;
    for (size_t at = 0; at < sizeof expected / sizeof *expected; at++) {
        assert_true(payload_next(payload, sizeof payload - 1, &position, &member));
        assert_int_equal(member.name_length, strlen(expected[at][0]));
        assert_memory_equal(member.name, expected[at][0], member.name_length);
        assert_int_equal(member.value_length, strlen(expected[at][1]));
        assert_memory_equal(member.value, expected[at][1], member.value_length);
    }
    assert_false(payload_next(payload, sizeof payload - 1, &position, &member));
    /* A payload that is cut anywhere ends the walk, and nothing is read behind it. */
    for (size_t length = 0; length < sizeof payload - 1; length++) {
        char *cut = malloc(length + 1);
        assert_non_null(cut);
        (void)memcpy(cut, payload, length);
        position = 0;
        while (payload_next(cut, length, &position, &member)) {
            assert_true(member.value + member.value_length <= cut + length);
        }
        free(cut);
    }
}

static void topics_are_those_of_the_design(void **state)
{
    char topic[TOPIC_SIZE];
    topic_of_machine(*state, 0, "samples", NULL, topic);
    assert_string_equal(topic, "formlab/cutting/mill/samples");
    topic_of_machine(*state, 0, "now", "oil", topic);
    assert_string_equal(topic, "formlab/cutting/mill/now/oil");
    topic_of_gateway(*state, "event", "evicted", topic);
    assert_string_equal(topic, "formlab/_gateway/gw1/event/evicted");
    topic_below_root(*state, "cutting/mill", "samples", topic);
    assert_string_equal(topic, "formlab/cutting/mill/samples");
}

static int load(void **state)
{
    *state = fixture_load(factory_text, map_text);
    return 0;
}

static int unload(void **state)
{
    fixture_unload(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_now_message_is_the_one_of_the_design),
        cmocka_unit_test(meta_says_where_a_value_comes_from),
        cmocka_unit_test(info_says_how_a_machine_is_doing),
        cmocka_unit_test(what_does_not_fit_is_empty),
        cmocka_unit_test(control_characters_are_escaped),
        cmocka_unit_test(a_payload_is_walked_member_by_member),
        cmocka_unit_test(topics_are_those_of_the_design),
    };
    return cmocka_run_group_tests_name("payload", tests, load, unload);
}
