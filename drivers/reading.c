#include "drivers/reading.h"

#include <assert.h>
#include <stddef.h>
#include <stdio.h>

static const char *const reason_texts[] = {
    [REASON_NONE] = "none",
    [REASON_TIMEOUT] = "timeout",
    [REASON_NO_LINK] = "no-link",
    [REASON_BAD_REPLY] = "bad-reply",
    [REASON_EXCEPTION] = "exception",
    [REASON_NOT_A_NUMBER] = "not-a-number",
    [REASON_SENTINEL] = "sentinel",
    [REASON_OVER_RANGE] = "over-range",
    [REASON_UNDER_RANGE] = "under-range",
    [REASON_BAD_ENCODING] = "bad-encoding",
};

bool reading_is_silence(const struct reading *reading)
{
    return reading->kind == READING_BAD &&
           (reading->reason == REASON_TIMEOUT || reading->reason == REASON_NO_LINK ||
            reading->reason == REASON_BAD_REPLY);
}

unsigned reason_text(uint8_t reason, uint8_t exception, char text[static REASON_TEXT_SIZE])
{
    int length;

    assert(reason < sizeof reason_texts / sizeof *reason_texts);
    if (reason == REASON_EXCEPTION) {
        length = snprintf(text, REASON_TEXT_SIZE, "%s-%u", reason_texts[reason],
                          (unsigned)exception);
    } else {
        length = snprintf(text, REASON_TEXT_SIZE, "%s", reason_texts[reason]);
    }
    assert(length > 0);
    return (unsigned)length;
}
