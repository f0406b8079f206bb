/* Every reason has the word that is published, and it fits. */
#include "drivers/driver.h"
#include "drivers/reading.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void each_reason_has_its_word(void **state)
{
    static const struct {
        enum reason reason;
        uint8_t exception;
        const char *text;
    } rows[] = {
        {REASON_NONE, 0, "none"},
        {REASON_TIMEOUT, 0, "timeout"},
        {REASON_NO_LINK, 0, "no-link"},
        {REASON_BAD_REPLY, 0, "bad-reply"},
        {REASON_EXCEPTION, 1, "exception-1"},
        {REASON_EXCEPTION, 2, "exception-2"},
        {REASON_EXCEPTION, 11, "exception-11"},
        {REASON_EXCEPTION, 255, "exception-255"},
        {REASON_NOT_A_NUMBER, 0, "not-a-number"},
        {REASON_SENTINEL, 0, "sentinel"},
        {REASON_OVER_RANGE, 0, "over-range"},
        {REASON_UNDER_RANGE, 0, "under-range"},
        {REASON_BAD_ENCODING, 0, "bad-encoding"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[REASON_TEXT_SIZE];

        memset(text, 'x', sizeof text);
        assert_int_equal(reason_text((uint8_t)rows[i].reason, rows[i].exception, text),
                         strlen(rows[i].text));
        assert_string_equal(text, rows[i].text);
    }
}

static void each_status_has_its_word_and_reason(void **state)
{
    static const struct {
        enum driver_status status;
        const char *text;
        enum reason reason;
    } rows[] = {
        {DRIVER_OK, "ok", REASON_NONE},
        {DRIVER_UNIT_DEAD, "unit-dead", REASON_EXCEPTION},
        {DRIVER_TIMEOUT, "timeout", REASON_TIMEOUT},
        {DRIVER_REFUSED, "refused", REASON_NO_LINK},
        {DRIVER_UNREACHABLE, "unreachable", REASON_NO_LINK},
        {DRIVER_CLOSED, "closed", REASON_NO_LINK},
        {DRIVER_BAD_REPLY, "bad-reply", REASON_BAD_REPLY},
        {DRIVER_INTERRUPTED, "interrupted", REASON_NO_LINK},
        {DRIVER_LIMIT, "limit", REASON_NO_LINK},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_string_equal(driver_status_text(rows[i].status), rows[i].text);
        assert_int_equal(driver_status_reason(rows[i].status), rows[i].reason);
    }
}

static void drivers_are_found_by_name(void **state)
{
    (void)state;
    assert_non_null(driver_find("modbus-tcp"));
    assert_null(driver_find("modbus"));
    assert_null(driver_find(""));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_reason_has_its_word),
        cmocka_unit_test(each_status_has_its_word_and_reason),
        cmocka_unit_test(drivers_are_found_by_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
