/* Whatever bytes arrive, a frame is taken apart within them, and its reply is a sound frame. */
#include "simulator/mbap.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* The name is libFuzzer's. NOLINTNEXTLINE(readability-identifier-naming) */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_reply(const struct mbap_request *request, const uint8_t *reply, size_t length)
{
    assert(length >= MBAP_HEADER_SIZE + 2);
    assert(length <= MBAP_ADU_MAX);
    assert(length == 6U + (size_t)(reply[4] << 8 | reply[5]));
    assert((reply[0] << 8 | reply[1]) == request->transaction);
    assert(reply[6] == request->unit);
    assert((reply[7] & 0x7F) == (request->function & 0x7F));
}

static void answer(const struct mbap_request *request)
{
    static const uint16_t words[MBAP_BITS_MAX];
    uint8_t reply[MBAP_ADU_MAX] = {0};
    if (request->exception != MBAP_NO_EXCEPTION) {
        size_t length = mbap_build_exception(request, request->exception, reply);
        check_reply(request, reply, length);
        return;
    }
    if (mbap_is_read(request->function)) {
        check_reply(request, reply, mbap_build_read(request, words, reply));
        return;
    }
    unsigned sum = 0;
    for (size_t i = 0; i < request->count; i++) {
        sum += mbap_written_word(request, i);
    }
    assert(sum <= 65535U * MBAP_WRITE_BITS_MAX);
    check_reply(request, reply, mbap_build_written(request, reply));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* A copy of its own size, so that the sanitizer sees a read behind it. */
    uint8_t *bytes = malloc(size > 0 ? size : 1);
    size_t used = 0;
    struct mbap_request request;
    assert(bytes != NULL);
    if (size > 0) {
        memcpy(bytes, data, size);
    }
    while (mbap_parse(bytes + used, size - used, &request) == MBAP_COMPLETE) {
        assert(request.size <= size - used);
        answer(&request);
        used += request.size;
    }
    free(bytes);
    return 0;
}
