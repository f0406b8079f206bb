/* The Lab passes on only what its table knows, and only for who knows the PIN. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "gateway/web_order.h"
#include "gateway/web_pin.h"

static struct http_request asked(size_t count, const struct http_argument *arguments)
{
    struct http_request request = {.method = HTTP_POST, .arguments_count = count};
    (void)memcpy(request.arguments, arguments, count * sizeof *arguments);
    return request;
}

#define ASKED(...)                                                                             \
    asked(sizeof((struct http_argument[]){__VA_ARGS__}) / sizeof(struct http_argument),        \
          (struct http_argument[]){__VA_ARGS__})

static void assert_order(struct http_request request, const char *expected)
{
    char line[WEB_ORDER_SIZE];
    char error[WEB_ORDER_ERROR_SIZE];
    assert_true(web_order_write(&request, line, error));
    assert_string_equal(line, expected);
}

static void assert_refused(struct http_request request, const char *why)
{
    char line[WEB_ORDER_SIZE];
    char error[WEB_ORDER_ERROR_SIZE];
    assert_false(web_order_write(&request, line, error));
    assert_non_null(strstr(error, why));
    assert_null(strpbrk(error, "\"\\"));
}

static void orders_are_written_from_the_table(void **state)
{
    (void)state;
    assert_order(ASKED({"action", "inject"}, {"scenario", "P04"}, {"strength", "2.5"},
                       {"delay_s", "10"}, {"duration_s", "600"}, {"hidden", "1"}),
                 "{\"command\":\"inject\",\"fault\":\"P04 strength=2.5 start=10s duration=600s "
                 "hidden\"}\n");
    assert_order(ASKED({"action", "inject"}, {"scenario", "P11"}),
                 "{\"command\":\"inject\",\"fault\":\"P11 shown\"}\n");
    assert_order(ASKED({"action", "clear"}, {"id", "7"}), "{\"command\":\"clear\",\"id\":7}\n");
    assert_order(ASKED({"action", "clear-all"}), "{\"command\":\"clear\",\"id\":0}\n");
    assert_order(ASKED({"action", "reveal"}, {"id", "4294967295"}),
                 "{\"command\":\"reveal\",\"id\":4294967295}\n");
}

static void what_the_table_does_not_know_is_refused(void **state)
{
    (void)state;
    assert_refused(ASKED({"action", "dump"}), "which action");
    assert_refused(ASKED({"scenario", "P04"}), "which action");
    assert_refused(ASKED({"action", "inject"}), "which scenario");
    assert_refused(ASKED({"action", "inject"}, {"scenario", "P04 x"}), "which scenario");
    assert_refused(ASKED({"action", "inject"}, {"scenario", "\"\"\""}), "which scenario");
    assert_refused(ASKED({"action", "inject"}, {"scenario", "P04"}, {"strength", "1\"}"}),
                   "strength");
    assert_refused(ASKED({"action", "inject"}, {"scenario", "P04"}, {"strength", "nan"}),
                   "strength");
    assert_refused(ASKED({"action", "inject"}, {"scenario", "P04"}, {"delay_s", "-1"}),
                   "delay_s");
    assert_refused(ASKED({"action", "inject"}, {"scenario", "P04"}, {"duration_s", "1e9"}),
                   "duration_s");
    assert_refused(ASKED({"action", "clear"}), "which id");
    assert_refused(ASKED({"action", "clear"}, {"id", "0"}), "which id");
}

static const uint8_t alice[HTTP_PEER_SIZE] = {1};
static const uint8_t bob[HTTP_PEER_SIZE] = {2};

static struct web_pin *pin_of(const char *content)
{
    char path[] = "/tmp/formlab-pin-XXXXXX";
    int descriptor = mkstemp(path);
    assert_true(descriptor >= 0);
    assert_int_equal(write(descriptor, content, strlen(content)), strlen(content));
    (void)close(descriptor);
    struct web_pin *pin = web_pin_create(path);
    (void)unlink(path);
    return pin;
}

static void the_first_line_is_the_pin(void **state)
{
    (void)state;
    struct web_pin *pin = pin_of("4711\r\nother\n");
    assert_true(web_pin_is_needed(pin));
    assert_int_equal(web_pin_check(pin, alice, "4711", 0), WEB_PIN_RIGHT);
    assert_int_equal(web_pin_check(pin, alice, "", 0), WEB_PIN_ABSENT);
    assert_int_equal(web_pin_check(pin, alice, "471", 0), WEB_PIN_WRONG);
    assert_int_equal(web_pin_check(pin, alice, "47111", 0), WEB_PIN_WRONG);
    web_pin_destroy(pin);
}

static void an_empty_file_lets_nobody_in_and_no_file_everybody(void **state)
{
    (void)state;
    struct web_pin *empty = pin_of("");
    assert_int_equal(web_pin_check(empty, alice, "x", 0), WEB_PIN_WRONG);
    web_pin_destroy(empty);
    struct web_pin *none = web_pin_create("");
    assert_false(web_pin_is_needed(none));
    assert_int_equal(web_pin_check(none, alice, "", 0), WEB_PIN_RIGHT);
    web_pin_destroy(none);
}

static void five_guesses_close_an_address_for_30_s(void **state)
{
    (void)state;
    struct web_pin *pin = pin_of("4711\n");
    for (int guess = 0; guess < 5; guess++) {
        assert_int_equal(web_pin_check(pin, alice, "0000", 1000000), WEB_PIN_WRONG);
    }
    assert_int_equal(web_pin_check(pin, alice, "4711", 2000000), WEB_PIN_PAUSED);
    assert_int_equal(web_pin_pause_s(pin, alice, 2000000), 29);
    assert_int_equal(web_pin_check(pin, alice, "4711", 30999999), WEB_PIN_PAUSED);
    assert_int_equal(web_pin_pause_s(pin, alice, 30999999), 1);
    assert_int_equal(web_pin_check(pin, bob, "4711", 2000000), WEB_PIN_RIGHT);
    assert_int_equal(web_pin_check(pin, alice, "4711", 31000000), WEB_PIN_RIGHT);
    web_pin_destroy(pin);
}

static void many_addresses_do_not_give_many_guesses(void **state)
{
    (void)state;
    struct web_pin *pin = pin_of("4711\n");
    unsigned looked_at = 0;
    for (unsigned who = 0; who < 1000; who++) {
        uint8_t peer[HTTP_PEER_SIZE] = {3, (uint8_t)(who >> 8), (uint8_t)who};
        looked_at += web_pin_check(pin, peer, "0000", 1000000) == WEB_PIN_WRONG ? 1 : 0;
    }
    assert_true(looked_at <= 40);
    web_pin_destroy(pin);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(orders_are_written_from_the_table),
        cmocka_unit_test(what_the_table_does_not_know_is_refused),
        cmocka_unit_test(the_first_line_is_the_pin),
        cmocka_unit_test(an_empty_file_lets_nobody_in_and_no_file_everybody),
        cmocka_unit_test(five_guesses_close_an_address_for_30_s),
        cmocka_unit_test(many_addresses_do_not_give_many_guesses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
