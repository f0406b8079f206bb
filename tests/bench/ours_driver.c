/* Our driver, through its contract, as the poller calls it: every due tag read and decoded.
 *
 *     ours_driver CONFIG SPAN_MS
 *
 * Reads the first machine of the first link without a pause. */
#include "drivers/driver.h"
#include "tests/bench/factory.h"
#include "tests/bench/meter.h"

static uint64_t read_until(const struct driver *driver, void *link, size_t tags_count,
                           int64_t end_ns)
{
    const uint32_t all = UINT32_MAX;
    struct reading *readings = calloc(tags_count, sizeof *readings);
    uint64_t reads = 0;
    while (readings != NULL && meter_now_ns() < end_ns) {
        enum driver_status status = driver->read(link, 0, all, readings);
        if (status != DRIVER_OK || readings[0].kind == READING_BAD) {
            meter_fail("the read ended with %s", driver_status_text(status));
        }
        reads++;
    }
    free(readings);
    return reads;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        meter_fail("ours_driver CONFIG SPAN_MS");
    }
    struct factory *factory = bench_factory(argv[1]);
    const struct link *link = &factory->links[0];
    const struct driver *driver = driver_find(link->driver);
    struct driver_error error = {.text = ""};
    void *handle = driver->create(factory, link, &error);
    if (handle == NULL) {
        meter_fail("%s", error.text);
    }
    enum driver_status status = driver->open(handle);
    if (status != DRIVER_OK) {
        meter_fail("opening ended with %s", driver_status_text(status));
    }
    const struct map *map = factory->machines[0].map;
    struct meter start = meter_start();
    int64_t end_ns = start.wall_ns + meter_number(argv[2]) * METER_US_PER_MS * METER_NS_PER_US;
    uint64_t reads = read_until(driver, handle, map->tags_count, end_ns);
    meter_print(&start, reads);
    driver->destroy(handle);
    factory_destroy(factory);
    return EXIT_SUCCESS;
}
