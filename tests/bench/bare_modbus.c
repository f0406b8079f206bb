/* libmodbus as its manual shows it: a context a device, modbus_read_registers in a loop.
 *
 *     bare_modbus REGISTERS PERIOD_MS SPAN_MS PORT...
 *
 * A thread a port, each with a place of its own in the period, as the product has them: ten
 * reads at one moment would find warm caches and a server that is awake. PERIOD_MS 0: as fast
 * as answers come. */
#include <modbus/modbus.h>
#include <pthread.h>

#include "tests/bench/meter.h"

enum { PORTS_MAX = 1000 };

static long registers;
static long period_ms;
static size_t devices_count;
static int64_t end_ns;

struct device {
    pthread_t thread;
    const char *port;
    modbus_t *context;
    uint64_t reads;
};

static struct device devices[PORTS_MAX];

/* How much earlier than the others' its beats lie. */
static int64_t place_of(const struct device *device)
{
    const int64_t period_ns = period_ms * METER_US_PER_MS * METER_NS_PER_US;
    return period_ns * (device - devices) / (int64_t)devices_count;
}

static void *poll_device(void *argument)
{
    struct device *device = argument;
    uint16_t words[MODBUS_MAX_READ_REGISTERS];
    int64_t due_ns = meter_now_ns();
    if (period_ms > 0) {
        due_ns -= place_of(device);
        meter_wait(&due_ns, period_ms);
    }
    while (meter_now_ns() < end_ns) {
        if (modbus_read_registers(device->context, 0, (int)registers, words) != registers) {
            meter_fail("port %s does not answer", device->port);
        }
        device->reads++;
        if (period_ms > 0) {
            meter_wait(&due_ns, period_ms);
        }
    }
    return NULL;
}

static void connect_to(struct device *device, const char *port)
{
    device->port = port;
    device->context = modbus_new_tcp("127.0.0.1", (int)meter_number(port));
    if (device->context == NULL || modbus_set_slave(device->context, 1) != 0 ||
        modbus_connect(device->context) != 0) {
        meter_fail("nobody answers at port %s", port);
    }
}

int main(int argc, char **argv)
{
    if (argc < 5 || argc - 4 > PORTS_MAX) {
        meter_fail("bare_modbus REGISTERS PERIOD_MS SPAN_MS PORT...");
    }
    registers = meter_number(argv[1]);
    period_ms = meter_number(argv[2]);
    size_t count = devices_count = (size_t)(argc - 4);
    if (registers > MODBUS_MAX_READ_REGISTERS) {
        meter_fail("libmodbus reads %d registers at most", MODBUS_MAX_READ_REGISTERS);
    }
    for (size_t at = 0; at < count; at++) {
        connect_to(&devices[at], argv[4 + at]);
    }
    struct meter start = meter_start();
    end_ns = start.wall_ns + meter_number(argv[3]) * METER_US_PER_MS * METER_NS_PER_US;
    uint64_t reads = 0;
    for (size_t at = 0; at < count; at++) {
        if (pthread_create(&devices[at].thread, NULL, poll_device, &devices[at]) != 0) {
            meter_fail("no thread");
        }
    }
    for (size_t at = 0; at < count; at++) {
        (void)pthread_join(devices[at].thread, NULL);
        reads += devices[at].reads;
    }
    meter_print(&start, reads);
    return EXIT_SUCCESS;
}
