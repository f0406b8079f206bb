/* Claim: each message handed over has one answer, whatever the order of the PUBACKs, and no
 * more are under way than the broker takes and the window holds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/mqtt_window.h"

enum { ANY = 65535, NONE = -1 };

static void assert_answer(struct mqtt_window *window, uint64_t token, uint8_t reason_code)
{
    struct mqtt_answer answer;
    assert_true(mqtt_window_take(window, &answer));
    assert_int_equal(answer.token, token);
    assert_int_equal(answer.reason_code, reason_code);
}

static void assert_no_answer(struct mqtt_window *window)
{
    struct mqtt_answer answer;
    assert_false(mqtt_window_take(window, &answer));
}

static void answers_come_as_the_pubacks_do(void **state)
{
    (void)state;
    struct mqtt_window window = {0};
    mqtt_window_enter(&window, 100, 1, 10);
    mqtt_window_enter(&window, 200, 2, 20);
    mqtt_window_enter(&window, 300, 3, 30);
    assert_no_answer(&window);
    mqtt_window_acknowledge(&window, 2, 0x97);
    mqtt_window_acknowledge(&window, 1, 0);
    assert_answer(&window, 200, 0x97);
    assert_answer(&window, 100, 0);
    assert_no_answer(&window);
    assert_int_equal(window.unacknowledged, 1);
}

static void the_oldest_without_puback_is_known(void **state)
{
    (void)state;
    struct mqtt_window window = {0};
    assert_int_equal(mqtt_window_since_us(&window, NONE), NONE);
    mqtt_window_enter(&window, 100, 1, 10);
    mqtt_window_enter(&window, 200, 2, 20);
    mqtt_window_enter(&window, 300, 3, 30);
    mqtt_window_acknowledge(&window, 2, 0);
    assert_int_equal(mqtt_window_since_us(&window, NONE), 10);
    mqtt_window_acknowledge(&window, 1, 0);
    assert_int_equal(mqtt_window_since_us(&window, NONE), 30);
    mqtt_window_acknowledge(&window, 3, 0);
    assert_int_equal(mqtt_window_since_us(&window, NONE), NONE);
}

static void a_puback_may_come_before_its_message_is_entered(void **state)
{
    (void)state;
    struct mqtt_window window = {0};
    mqtt_window_acknowledge(&window, 7, 0x10);
    assert_no_answer(&window);
    mqtt_window_enter(&window, 700, 7, 10);
    assert_answer(&window, 700, 0x10);
    assert_int_equal(window.unacknowledged, 0);
}

/* The number comes again when it is free: the old answer must not be taken for the new one's.
 */
static void a_puback_of_nobody_answers_nobody(void **state)
{
    (void)state;
    struct mqtt_window window = {0};
    mqtt_window_acknowledge(&window, 7, 0);
    mqtt_window_enter(&window, 800, 8, 10);
    mqtt_window_enter(&window, 700, 7, 20);
    assert_no_answer(&window);
    mqtt_window_acknowledge(&window, 8, 0);
    mqtt_window_acknowledge(&window, 8, 0); /* twice */
    assert_answer(&window, 800, 0);
    assert_no_answer(&window);
    assert_int_equal(window.unacknowledged, 1);
}

static void a_number_is_used_again_while_an_older_message_waits(void **state)
{
    (void)state;
    struct mqtt_window window = {0};
    mqtt_window_enter(&window, 100, 1, 10);
    mqtt_window_enter(&window, 200, 2, 20);
    mqtt_window_acknowledge(&window, 2, 0);
    mqtt_window_enter(&window, 201, 2, 30);
    assert_answer(&window, 200, 0);
    mqtt_window_acknowledge(&window, 2, 0x99);
    assert_answer(&window, 201, 0x99);
    assert_int_equal(mqtt_window_since_us(&window, NONE), 10);
}

static void the_broker_says_how_many_it_takes(void **state)
{
    (void)state;
    struct mqtt_window window = {0};
    mqtt_window_enter(&window, 100, 1, 10);
    assert_true(mqtt_window_has_room(&window, 2));
    mqtt_window_enter(&window, 200, 2, 20);
    assert_false(mqtt_window_has_room(&window, 2));
    mqtt_window_acknowledge(&window, 2, 0); /* out of order, but it no longer counts */
    assert_true(mqtt_window_has_room(&window, 2));
}

/* Every third message waits for no PUBACK; the others get theirs, the youngest first. */
static int fill_and_answer(struct mqtt_window *window, int sent)
{
    for (; mqtt_window_has_room(window, ANY); sent++) {
        if (sent % 3 == 0) {
            mqtt_window_settle(window, (uint64_t)sent, 0);
        } else {
            mqtt_window_enter(window, (uint64_t)sent, sent + 1, sent);
        }
    }
    for (int id = sent; id > 0; id--) {
        mqtt_window_acknowledge(window, id, 0);
    }
    return sent;
}

static void what_was_not_taken_has_its_place(void **state)
{
    (void)state;
    struct mqtt_window window = {0};
    int sent = 0;
    for (int round = 0; round < 3; round++) { /* the rings go round */
        uint64_t first = (uint64_t)sent;
        sent = fill_and_answer(&window, sent);
        assert_int_equal(window.unacknowledged, 0);
        assert_int_equal(window.answers_count, MQTT_WINDOW_MAX);
        assert_false(mqtt_window_has_room(&window, ANY));
        struct mqtt_answer answer;
        uint64_t sum = 0;
        while (mqtt_window_take(&window, &answer)) {
            sum += answer.token;
        }
        assert_int_equal(sum, (2 * first + MQTT_WINDOW_MAX - 1) * MQTT_WINDOW_MAX / 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_come_as_the_pubacks_do),
        cmocka_unit_test(the_oldest_without_puback_is_known),
        cmocka_unit_test(a_puback_may_come_before_its_message_is_entered),
        cmocka_unit_test(a_puback_of_nobody_answers_nobody),
        cmocka_unit_test(a_number_is_used_again_while_an_older_message_waits),
        cmocka_unit_test(the_broker_says_how_many_it_takes),
        cmocka_unit_test(what_was_not_taken_has_its_place),
    };
    return cmocka_run_group_tests_name("mqtt_window", tests, NULL, NULL);
}
