/* Claim: what a person may type for a device and a place is understood, everything else is
 * refused with what is accepted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/target.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void refuses(const char *text, bool is_understood, const char *error)
{
    if (is_understood || strstr(error, "accepted: ") == NULL) {
        fail_msg("%s: \"%s\"", text, error);
    }
}

static void urls_are_understood(void **state)
{
    static const struct {
        const char *url;
        const char *host;
        unsigned port;
        unsigned unit_id;
        unsigned timeout_ms;
    } cases[] = {
        {"modbus-tcp://127.0.0.1:5023?unit_id=17", "127.0.0.1", 5023, 17, 1000},
        {"modbus-tcp://plc.hall-3.lan", "plc.hall-3.lan", 502, 1, 1000},
        {"modbus-tcp://plc/", "plc", 502, 1, 1000},
        {"modbus-tcp://plc:1502/?unit_id=0", "plc", 1502, 0, 1000},
        {"modbus-tcp://[::1]", "::1", 502, 1, 1000},
        {"modbus-tcp://[fe80::1%eth0]:503?unit_id=255", "fe80::1%eth0", 503, 255, 1000},
        {"modbus-tcp://10.0.0.7?unit_id=0x11&timeout=2s", "10.0.0.7", 502, 17, 2000},
        {"modbus-tcp://10.0.0.7?timeout=250 ms", "10.0.0.7", 502, 1, 250},
    };
    (void)state;
    struct arena *arena = arena_create();
    for (size_t at = 0; at < COUNT(cases); at++) {
        struct target target;
        char error[TARGET_ERROR_SIZE] = "";
        bool is_right = target_parse_url(arena, cases[at].url, &target, error);
        assert_string_equal(error, "");
        assert_true(is_right);
        assert_string_equal(target.driver, "modbus-tcp");
        assert_string_equal(target.host, cases[at].host);
        assert_int_equal(target.port, cases[at].port);
        assert_int_equal(target.unit_id, cases[at].unit_id);
        assert_int_equal(target.timeout_ms, cases[at].timeout_ms);
    }
    arena_destroy(arena);
}

static void wrong_urls_are_refused(void **state)
{
    static const char *const urls[] = {
        "",
        "127.0.0.1:5023",
        "http://127.0.0.1",
        "modbus-tcp:127.0.0.1",
        "modbus-tcp://",
        "modbus-tcp://:502",
        "modbus-tcp://plc:0",
        "modbus-tcp://plc:65536",
        "modbus-tcp://plc:",
        "modbus-tcp://plc/path",
        "modbus-tcp://1.2.3",
        "modbus-tcp://::1",
        "modbus-tcp://[::1",
        "modbus-tcp://[plc]",
        "modbus-tcp://plc?unit_id=256",
        "modbus-tcp://plc?unit_id=",
        "modbus-tcp://plc?unit_id",
        "modbus-tcp://plc?unit=1",
        "modbus-tcp://plc?",
        "modbus-tcp://plc?unit_id=1&",
        "modbus-tcp://plc?timeout=0s",
        "modbus-tcp://plc?timeout=2",
        "modbus-tcp://plc?timeout=10min",
    };
    (void)state;
    struct arena *arena = arena_create();
    for (size_t at = 0; at < COUNT(urls); at++) {
        struct target target;
        char error[TARGET_ERROR_SIZE] = "";
        refuses(urls[at], target_parse_url(arena, urls[at], &target, error), error);
    }
    arena_destroy(arena);
}

static void places_are_understood(void **state)
{
    static const struct {
        const char *text;
        enum table table;
        unsigned address;
    } cases[] = {
        {"input:0", TABLE_INPUT, 0},       {"holding:0x1462", TABLE_HOLDING, 5218},
        {"coil:65535", TABLE_COIL, 65535}, {"discrete:7", TABLE_DISCRETE, 7},
        {"40001", TABLE_HOLDING, 0},       {"49999", TABLE_HOLDING, 9998},
        {"400001", TABLE_HOLDING, 0},      {"465536", TABLE_HOLDING, 65535},
        {"30011", TABLE_INPUT, 10},        {"10001", TABLE_DISCRETE, 0},
        {"00001", TABLE_COIL, 0},          {"065536", TABLE_COIL, 65535},
    };
    (void)state;
    for (size_t at = 0; at < COUNT(cases); at++) {
        struct target target;
        char error[TARGET_ERROR_SIZE] = "";
        assert_true(target_parse_place(cases[at].text, &target, error));
        assert_int_equal(target.table, cases[at].table);
        assert_int_equal(target.address, cases[at].address);
    }
}

static void wrong_places_are_refused(void **state)
{
    static const char *const places[] = {
        "",      "0",       "input",         "input:", "input:-1", "inputs:0",
        "inp:0", ":0",      "input:65536",   "40000",  "20001",    "465537",
        "4001",  "4000001", "input:0x10000", "0x001"};
    (void)state;
    for (size_t at = 0; at < COUNT(places); at++) {
        struct target target;
        char error[TARGET_ERROR_SIZE] = "";
        refuses(places[at], target_parse_place(places[at], &target, error), error);
    }
}

static void counts_keep_to_the_limits(void **state)
{
    static const struct {
        enum table table;
        unsigned address;
        const char *text;
        unsigned count; /* 0: refused */
    } cases[] = {
        {TABLE_INPUT, 0, NULL, 4},      {TABLE_INPUT, 65534, NULL, 2},
        {TABLE_HOLDING, 0, "125", 125}, {TABLE_HOLDING, 0, "126", 0},
        {TABLE_COIL, 0, "2000", 2000},  {TABLE_COIL, 0, "2001", 0},
        {TABLE_HOLDING, 65535, "1", 1}, {TABLE_HOLDING, 65535, "2", 0},
        {TABLE_HOLDING, 0, "0", 0},     {TABLE_HOLDING, 0, "-1", 0},
        {TABLE_HOLDING, 0, "four", 0},
    };
    (void)state;
    for (size_t at = 0; at < COUNT(cases); at++) {
        struct target target = {.table = cases[at].table,
                                .address = (uint16_t)cases[at].address};
        char error[TARGET_ERROR_SIZE] = "";
        bool is_right = target_parse_count(cases[at].text, &target, error);
        assert_int_equal(is_right, cases[at].count > 0);
        assert_int_equal(is_right ? target.count : 0, cases[at].count);
        assert_int_equal(strstr(error, "accepted: ") != NULL, !is_right);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(urls_are_understood),       cmocka_unit_test(wrong_urls_are_refused),
        cmocka_unit_test(places_are_understood),     cmocka_unit_test(wrong_places_are_refused),
        cmocka_unit_test(counts_keep_to_the_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
