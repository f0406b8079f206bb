#include "gateway/sentence.h"

#include <assert.h>
#include <stddef.h>

/* Modbus Application Protocol V1.1b3, 7. */
static const char *const exceptions[] = {
    [1] = "the device does not know this function: it has no such table",
    [2] = "the device does not have these addresses, or not all of them",
    [3] = "the device does not accept this count",
    [4] = "the device failed while it answered",
    [5] = "the device has taken the request, but needs a long time for it",
    [6] = "the device is busy with another request; try again",
    [8] = "the device found its memory damaged",
    [10] = "the gateway device in between has no path to this unit",
    [11] = "the gateway device in between got no answer from this unit: is unit_id right?",
};

static const char *const statuses[] = {
    [DRIVER_OK] = "it answers",
    [DRIVER_IDLE] = "it refuses all that was asked; that is tried again once a minute",
    [DRIVER_UNIT_DEAD] = "a gateway device answers, but the unit behind it does not",
    [DRIVER_TIMEOUT] = "no answer in time: is it on, are address and unit_id right?",
    [DRIVER_REFUSED] = "nobody listens there: the address answers, the port does not",
    [DRIVER_UNREACHABLE] = "it cannot be reached: no route, or the name has no address",
    [DRIVER_CLOSED] = "it closed the connection: many devices allow one client, or few",
    [DRIVER_BAD_REPLY] = "it sent something that is no answer to the request",
    [DRIVER_INTERRUPTED] = "interrupted",
    [DRIVER_LIMIT] = "no more descriptors or memory on this computer",
};

static const char *const reasons[] = {
    [REASON_NONE] = "nothing is wrong",
    [REASON_TIMEOUT] = "no answer in time",
    [REASON_NO_LINK] = "there is no connection",
    [REASON_BAD_REPLY] = "the device sent something that is no answer to the request",
    [REASON_EXCEPTION] = "the device refused",
    [REASON_NOT_A_NUMBER] = "the device sent NaN: no value, or type or order are wrong",
    [REASON_SENTINEL] = "the device sent what the map's `absent` takes for \"no value\"",
    [REASON_OVER_RANGE] = "the device says that it is above its range",
    [REASON_UNDER_RANGE] = "the device says that it is below its range",
    [REASON_BAD_ENCODING] = "the registers are no such value; `explain` shows all readings",
};

const char *sentence_exception(uint8_t exception)
{
    bool is_known = exception < sizeof exceptions / sizeof exceptions[0];
    const char *sentence = is_known ? exceptions[exception] : NULL;
    return sentence == NULL ? "the standard does not know this code; the device's manual may"
                            : sentence;
}

const char *sentence_status(enum driver_status status)
{
    assert((size_t)status < sizeof statuses / sizeof statuses[0]);
    return statuses[status];
}

const char *sentence_reason(uint8_t reason, uint8_t exception)
{
    assert(reason < sizeof reasons / sizeof reasons[0]);
    return reason == REASON_EXCEPTION ? sentence_exception(exception) : reasons[reason];
}
