/* Any bytes instead of an answer: no crash, and no value that was not answered for. */
#include "drivers/driver.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* The claim does not hold: let the fuzzer keep the input. */
#define CHECK(claim) ((claim) ? (void)0 : abort())

enum { READS = 3, PREFIX_BYTES = 9, VALUE_BYTES = 4 };

/* NOLINTNEXTLINE(readability-identifier-naming): the fuzzer calls it so */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const size_t machine_indices[] = {0};
static const uint8_t periods[] = {0};

static struct tag tags[] = {{.name = "tag",
                             .table = TABLE_HOLDING,
                             .type = TYPE_UINT32,
                             .registers = 2,
                             .order = {0, 1, 2, 3},
                             .scale_tag = -1,
                             .mask = UINT64_MAX}};
static const struct map map_of_one = {.path = "map.csv", .tags = tags, .tags_count = 1};
static struct machine machine = {.name = "machine",
                                 .unit_id = 1,
                                 .map = &map_of_one,
                                 .periods_ms = {100},
                                 .periods_count = 1,
                                 .tag_periods = periods};
static struct link device = {.name = "link",
                             .driver = "modbus-tcp",
                             .host = "127.0.0.1",
                             .timeout_ms = 1000,
                             .max_registers = 125,
                             .max_bits = 2000,
                             .machines = machine_indices,
                             .machines_count = 1};
static const struct factory factory_of_one = {
    .links = &device, .links_count = 1, .machines = &machine, .machines_count = 1};

static int start_listening(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof address;
    int made = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(bind(made, (struct sockaddr *)&address, size) == 0);
    CHECK(listen(made, 4) == 0);
    CHECK(getsockname(made, (struct sockaddr *)&address, &size) == 0);
    device.port = ntohs(address.sin_port);
    return made;
}

/* Whether the bytes begin with a whole right answer to the first request. */
static bool begins_right(const uint8_t *data, size_t size)
{
    static const uint8_t prefix[PREFIX_BYTES] = {0, 1, 0,          0, 0, 3 + VALUE_BYTES,
                                                 1, 3, VALUE_BYTES};

    return size >= PREFIX_BYTES + VALUE_BYTES && memcmp(data, prefix, PREFIX_BYTES) == 0;
}

/* Whether a whole right answer to that transaction, with this value, is among the bytes. */
static bool is_answered(const uint8_t *data, size_t size, unsigned transaction, uint64_t value)
{
    const uint8_t wanted[PREFIX_BYTES + VALUE_BYTES] = {
        0,
        (uint8_t)transaction,
        0,
        0,
        0,
        3 + VALUE_BYTES,
        1,
        3,
        VALUE_BYTES,
        (uint8_t)(value >> 24),
        (uint8_t)(value >> 16),
        (uint8_t)(value >> 8),
        (uint8_t)value,
    };

    return memmem(data, size, wanted, sizeof wanted) != NULL;
}

static void try_reads(const struct driver *driver, void *link, const uint8_t *data, size_t size)
{
    for (unsigned transaction = 1; transaction <= READS; transaction++) {
        struct reading reading;
        enum driver_status status = driver->read(link, 0, 1, &reading);

        CHECK(reading.kind == READING_UNSIGNED || reading.kind == READING_BAD);
        if (reading.kind == READING_UNSIGNED) {
            CHECK(status == DRIVER_OK);
            CHECK(is_answered(data, size, transaction, reading.value.natural));
        }
        if (transaction == 1 && begins_right(data, size)) {
            CHECK(reading.kind == READING_UNSIGNED); /* what fits is taken */
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int listener = -1;
    const struct linger reset = {.l_onoff = 1, .l_linger = 0};
    const struct driver *driver = driver_find("modbus-tcp");
    struct driver_error error;
    void *link;
    int peer;

    if (listener < 0) {
        listener = start_listening();
    }
    link = driver->create(&factory_of_one, &device, &error);
    CHECK(link != NULL);
    CHECK(driver->open(link) == DRIVER_OK);
    peer = accept(listener, NULL, NULL);
    CHECK(peer >= 0);
    if (size > 0) {
        CHECK(send(peer, data, size, MSG_NOSIGNAL) == (ssize_t)size);
    }
    (void)shutdown(peer, SHUT_WR);
    try_reads(driver, link, data, size);
    /* By reset, so that no port waits after its end: there are thousands a second. */
    (void)setsockopt(peer, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    (void)close(peer);
    driver->destroy(link);
    return 0;
}
