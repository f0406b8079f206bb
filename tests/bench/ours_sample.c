/* What a value costs between the wire and the payload: decoding, and a sample's JSON.
 *
 *     ours_sample CONFIG decode SPAN_MS   nanoseconds for each type of the map of machine 0
 *     ours_sample CONFIG encode SPAN_MS   nanoseconds for one sample of machine 0
 *     ours_sample CONFIG payload          prints one payload of machine 0
 *
 * SPAN_MS of CPU time in all. Every type gets bytes that it takes for good; integers then have
 * four digits. */
#include <stdbool.h>
#include <string.h>

#include "drivers/modbus_tag.h"
#include "gateway/sample.h"
#include "tests/bench/factory.h"
#include "tests/bench/meter.h"

enum { ROUNDS = 1000 }; /* between two looks at the clock */
enum { BYTES_MAX = 2 * 125 };
#define TIME_US INT64_C(1795450800123456)

/* Words are digits of BCD, below 10,000, and month and day, hour and minute; strings are text.
 */
static void fill_bytes(const struct tag *tag, size_t place, uint8_t *bytes)
{
    bool is_text = tag->type == TYPE_STRING || tag->type == TYPE_STRING1;
    for (size_t at = 0; at < BYTES_MAX; at++) {
        uint8_t number = (uint8_t)(at % 2 == 0 ? 0x09 : 0x11 + place % 8);
        bytes[at] = is_text ? 'A' : number;
    }
}

static void decode_type(const struct tag *tag, int64_t span_ns)
{
    uint8_t bytes[BYTES_MAX];
    char text[MAP_STRING_MAX];
    struct reading reading = {.kind = READING_ABSENT};
    uint64_t count = 0;
    fill_bytes(tag, 0, bytes);
    int64_t start_ns = meter_cpu_ns();
    int64_t used_ns = 0;
    while (used_ns < span_ns) {
        for (size_t at = 0; at < ROUNDS; at++) {
            bytes[1] = (uint8_t)(0x20 + at % 8);
            modbus_tag_decode(tag, bytes, text, &reading);
        }
        count += ROUNDS;
        used_ns = meter_cpu_ns() - start_ns;
    }
    if (reading.kind == READING_BAD) {
        meter_fail("%s: these bytes are no value of its type", tag->name);
    }
    (void)printf("{\"tag\":\"%s\",\"ns\":%.2f}\n", tag->name, (double)used_ns / (double)count);
}

static void decode_all(const struct map *map, int64_t span_ns)
{
    for (size_t at = 0; at < map->tags_count; at++) {
        decode_type(&map->tags[at], span_ns / (int64_t)map->tags_count);
    }
}

static struct reading *make_readings(const struct map *map)
{
    struct reading *readings = calloc(map->tags_count, sizeof *readings);
    char *texts = calloc(map->tags_count, MAP_STRING_MAX);
    uint8_t bytes[BYTES_MAX];
    if (readings == NULL || texts == NULL) {
        meter_fail("out of memory");
    }
    for (size_t at = 0; at < map->tags_count; at++) {
        fill_bytes(&map->tags[at], at, bytes);
        modbus_tag_decode(&map->tags[at], bytes, texts + at * MAP_STRING_MAX, &readings[at]);
        readings[at].time_us = TIME_US;
    }
    return readings; /* with their texts for as long as the program runs */
}

static void build(struct sample *sample, const struct factory *factory,
                  const struct reading *readings, uint64_t seq)
{
    sample_build(sample, factory, 0, readings);
    sample_number(sample, seq, TIME_US / METER_US_PER_S);
}

static void encode(struct sample *sample, const struct factory *factory,
                   const struct reading *readings, int64_t span_ns)
{
    uint64_t count = 0;
    struct meter start = meter_start();
    while (meter_cpu_ns() - start.cpu_ns < span_ns) {
        for (size_t at = 0; at < ROUNDS; at++) {
            build(sample, factory, readings, ++count);
        }
    }
    meter_print(&start, count);
}

int main(int argc, char **argv)
{
    if (argc != 3 && argc != 4) {
        meter_fail("ours_sample CONFIG decode|encode|payload [SPAN_MS]");
    }
    struct factory *factory = bench_factory(argv[1]);
    const struct map *map = factory->machines[0].map;
    int64_t span_ns = argc == 4 ? meter_number(argv[3]) * METER_US_PER_MS * METER_NS_PER_US : 0;
    if (strcmp(argv[2], "decode") == 0) {
        decode_all(map, span_ns);
        factory_destroy(factory);
        return EXIT_SUCCESS;
    }
    struct reading *readings = make_readings(map);
    struct sample *sample = sample_create(factory, &factory->links[0]);
    if (strcmp(argv[2], "encode") == 0) {
        encode(sample, factory, readings, span_ns);
    } else {
        build(sample, factory, readings, 1);
        (void)fwrite(sample->text + sample->payload, 1, sample->payload_length, stdout);
    }
    sample_destroy(sample);
    free(readings);
    factory_destroy(factory);
    return EXIT_SUCCESS;
}
