/* Claim: a frame is taken apart as the specification says, whatever arrives, and every reply
 * has the bytes that the specification prints. */
#include "simulator/mbap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

struct sample_frame {
    const char *what;
    uint8_t bytes[32];
    size_t length;
    uint8_t exception;
    uint16_t address;
    uint16_t count;
};

#define FRAME(what, length, exception, address, count, ...)                                    \
    {                                                                                          \
        what, {__VA_ARGS__}, length, exception, address, count                                 \
    }
static const struct sample_frame frames[] = {
    FRAME("read 3 input registers from 8", 12, 0, 8, 3, 0x12, 0x34, 0, 0, 0, 6, 17, 4, 0, 8, 0,
          3),
    FRAME("125 registers", 12, 0, 0, 125, 0, 1, 0, 0, 0, 6, 1, 3, 0, 0, 0, 125),
    FRAME("126 registers", 12, 3, 0, 0, 0, 1, 0, 0, 0, 6, 1, 3, 0, 0, 0, 126),
    FRAME("no registers", 12, 3, 0, 0, 0, 1, 0, 0, 0, 6, 1, 3, 0, 0, 0, 0),
    FRAME("2000 coils", 12, 0, 5, 2000, 0, 1, 0, 0, 0, 6, 1, 1, 0, 5, 0x07, 0xD0),
    FRAME("2001 coils", 12, 3, 0, 0, 0, 1, 0, 0, 0, 6, 1, 1, 0, 5, 0x07, 0xD1),
    FRAME("a read that is a byte short", 11, 3, 0, 0, 0, 1, 0, 0, 0, 5, 1, 3, 0, 0, 0),
    FRAME("a read that is a byte long", 13, 3, 0, 0, 0, 1, 0, 0, 0, 7, 1, 3, 0, 0, 0, 1, 9),
    FRAME("nothing but a function", 8, 3, 0, 0, 0, 1, 0, 0, 0, 2, 1, 3),
    FRAME("function 0", 8, 1, 0, 0, 0, 1, 0, 0, 0, 2, 1, 0),
    FRAME("function 7", 8, 1, 0, 0, 0, 1, 0, 0, 0, 2, 1, 7),
    FRAME("function 43", 11, 1, 0, 0, 0, 1, 0, 0, 0, 5, 1, 43, 14, 1, 0),
    FRAME("coil on", 12, 0, 2, 1, 0, 1, 0, 0, 0, 6, 1, 5, 0, 2, 0xFF, 0),
    FRAME("coil half on", 12, 3, 0, 0, 0, 1, 0, 0, 0, 6, 1, 5, 0, 2, 0x12, 0),
    FRAME("one register", 12, 0, 2, 1, 0, 1, 0, 0, 0, 6, 1, 6, 0, 2, 0x12, 0),
    FRAME("ten coils", 15, 0, 2, 10, 0, 1, 0, 0, 0, 9, 1, 15, 0, 2, 0, 10, 2, 0xCD, 1),
    FRAME("ten coils, one byte", 14, 3, 0, 0, 0, 1, 0, 0, 0, 8, 1, 15, 0, 2, 0, 10, 1, 0xCD),
    FRAME("two registers", 17, 0, 2, 2, 0, 1, 0, 0, 0, 11, 1, 16, 0, 2, 0, 2, 4, 1, 2, 3, 4),
    FRAME("byte count lies", 17, 3, 0, 0, 0, 1, 0, 0, 0, 11, 1, 16, 0, 2, 0, 2, 6, 1, 2, 3, 4),
};

static void test_frames(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof frames / sizeof frames[0]; i++) {
        struct mbap_request request;
        const struct sample_frame *frame = &frames[i];
        print_message("%s\n", frame->what);
        for (size_t length = 0; length < frame->length; length++) {
            assert_int_equal(mbap_parse(frame->bytes, length, &request), MBAP_INCOMPLETE);
        }
        assert_int_equal(mbap_parse(frame->bytes, sizeof frame->bytes, &request),
                         MBAP_COMPLETE);
        assert_int_equal(request.size, frame->length);
        assert_int_equal(request.transaction, frame->bytes[0] << 8 | frame->bytes[1]);
        assert_int_equal(request.unit, frame->bytes[6]);
        assert_int_equal(request.function, frame->bytes[7]);
        assert_int_equal(request.exception, frame->exception);
        if (frame->exception == 0) {
            assert_int_equal(request.address, frame->address);
            assert_int_equal(request.count, frame->count);
        }
    }
}

static void test_broken_headers(void **state)
{
    (void)state;
    struct mbap_request request;
    uint8_t protocol[] = {0, 1, 0, 7};
    assert_int_equal(mbap_parse(protocol, 3, &request), MBAP_INCOMPLETE);
    assert_int_equal(mbap_parse(protocol, 4, &request), MBAP_BROKEN);
    static const uint16_t lengths[] = {0, 1, 255, 3000, 65535};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        uint8_t bytes[] = {0, 1, 0, 0, (uint8_t)(lengths[i] >> 8), (uint8_t)lengths[i]};
        assert_int_equal(mbap_parse(bytes, sizeof bytes, &request), MBAP_BROKEN);
    }
    uint8_t longest[6] = {0, 1, 0, 0, 0, 254};
    assert_int_equal(mbap_parse(longest, sizeof longest, &request), MBAP_INCOMPLETE);
}

static void test_written_words(void **state)
{
    (void)state;
    struct mbap_request request;
    uint8_t coils[] = {0, 1, 0, 0, 0, 9, 1, 15, 0, 2, 0, 10, 2, 0xCD, 0x01};
    static const uint16_t bits[] = {1, 0, 1, 1, 0, 0, 1, 1, 1, 0};
    assert_int_equal(mbap_parse(coils, sizeof coils, &request), MBAP_COMPLETE);
    for (size_t i = 0; i < 10; i++) {
        assert_int_equal(mbap_written_word(&request, i), bits[i]);
    }
    uint8_t registers[] = {0, 1, 0, 0, 0, 11, 1, 16, 0, 2, 0, 2, 4, 0xAB, 0xCD, 3, 4};
    assert_int_equal(mbap_parse(registers, sizeof registers, &request), MBAP_COMPLETE);
    assert_int_equal(mbap_written_word(&request, 0), 0xABCD);
    assert_int_equal(mbap_written_word(&request, 1), 0x0304);
    uint8_t coil[] = {0, 1, 0, 0, 0, 6, 1, 5, 0, 2, 0xFF, 0};
    assert_int_equal(mbap_parse(coil, sizeof coil, &request), MBAP_COMPLETE);
    assert_int_equal(mbap_written_word(&request, 0), 1);
}

/* The examples of the Modbus Application Protocol V1.1b3, 6.4, 6.2, 6.12, 7. */
static void test_replies(void **state)
{
    (void)state;
    uint8_t reply[MBAP_ADU_MAX];
    struct mbap_request request = {
        .transaction = 0xBEEF, .unit = 17, .function = 4, .count = 2};
    static const uint16_t words[] = {0x022B, 0x0064};
    static const uint8_t expected_words[] = {0xBE, 0xEF, 0,    0,    0, 7,   17,
                                             4,    4,    0x02, 0x2B, 0, 0x64};
    assert_int_equal(mbap_build_read(&request, words, reply), sizeof expected_words);
    assert_memory_equal(reply, expected_words, sizeof expected_words);

    static const uint16_t bits[] = {0, 0, 1, 1, 0, 1, 0, 1, 1, 1};
    static const uint8_t expected_bits[] = {0xBE, 0xEF, 0, 0, 0, 5, 17, 2, 2, 0xAC, 0x03};
    request.function = 2;
    request.count = 10;
    assert_int_equal(mbap_build_read(&request, bits, reply), sizeof expected_bits);
    assert_memory_equal(reply, expected_bits, sizeof expected_bits);

    static const uint8_t expected_exception[] = {0xBE, 0xEF, 0, 0, 0, 3, 17, 0x82, 2};
    assert_int_equal(mbap_build_exception(&request, 2, reply), sizeof expected_exception);
    assert_memory_equal(reply, expected_exception, sizeof expected_exception);

    uint8_t write[] = {0, 1, 0, 0, 0, 11, 1, 16, 0, 1, 0, 2, 4, 0, 10, 1, 2};
    static const uint8_t expected_written[] = {0, 1, 0, 0, 0, 6, 1, 16, 0, 1, 0, 2};
    assert_int_equal(mbap_parse(write, sizeof write, &request), MBAP_COMPLETE);
    assert_int_equal(mbap_build_written(&request, reply), sizeof expected_written);
    assert_memory_equal(reply, expected_written, sizeof expected_written);

    uint8_t coil[] = {0, 1, 0, 0, 0, 6, 1, 5, 0, 0xAC, 0xFF, 0};
    assert_int_equal(mbap_parse(coil, sizeof coil, &request), MBAP_COMPLETE);
    assert_int_equal(mbap_build_written(&request, reply), sizeof coil);
    assert_memory_equal(reply, coil, sizeof coil);
}

static void test_longest_replies_fit(void **state)
{
    (void)state;
    uint8_t reply[MBAP_ADU_MAX];
    static uint16_t words[MBAP_BITS_MAX];
    struct mbap_request request = {.function = 3, .count = MBAP_REGISTERS_MAX};
    assert_int_equal(mbap_build_read(&request, words, reply), 259);
    request = (struct mbap_request){.function = 1, .count = MBAP_BITS_MAX};
    assert_int_equal(mbap_build_read(&request, words, reply), 259);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frames),
        cmocka_unit_test(test_broken_headers),
        cmocka_unit_test(test_written_words),
        cmocka_unit_test(test_replies),
        cmocka_unit_test(test_longest_replies_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
