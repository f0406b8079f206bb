#include "drivers/driver.h"

#include <assert.h>
#include <string.h>

#include "drivers/modbus_tcp.h"

static const struct driver *const drivers[] = {
    &modbus_tcp_driver, NULL, /* the end */
};

static const struct {
    const char *text;
    enum reason reason;
} statuses[] = {
    [DRIVER_OK] = {"ok", REASON_NONE},
    [DRIVER_IDLE] = {"idle", REASON_NONE},
    [DRIVER_UNIT_DEAD] = {"unit-dead", REASON_EXCEPTION},
    [DRIVER_TIMEOUT] = {"timeout", REASON_TIMEOUT},
    [DRIVER_REFUSED] = {"refused", REASON_NO_LINK},
    [DRIVER_UNREACHABLE] = {"unreachable", REASON_NO_LINK},
    [DRIVER_CLOSED] = {"closed", REASON_NO_LINK},
    [DRIVER_BAD_REPLY] = {"bad-reply", REASON_BAD_REPLY},
    [DRIVER_INTERRUPTED] = {"interrupted", REASON_NO_LINK},
    [DRIVER_LIMIT] = {"limit", REASON_NO_LINK},
};

const uint32_t driver_rtt_us[DRIVER_RTT_STEPS - 1] = {
    250, 500, 1000, 2000, 5000, 10000, 20000, 50000, 100000, 200000, 500000, 1000000, 2000000,
};

const struct driver *driver_find(const char *name)
{
    const struct driver *const *driver = drivers;

    while (*driver != NULL && strcmp((*driver)->name, name) != 0) {
        driver++;
    }
    return *driver;
}

const struct driver *const *driver_all(size_t *count)
{
    *count = 0;
    while (drivers[*count] != NULL) {
        (*count)++;
    }
    return drivers;
}

const char *driver_status_text(enum driver_status status)
{
    assert((size_t)status < sizeof statuses / sizeof *statuses);
    return statuses[status].text;
}

enum reason driver_status_reason(enum driver_status status)
{
    assert((size_t)status < sizeof statuses / sizeof *statuses);
    return statuses[status].reason;
}
