#include "gateway/inspect.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config/memory.h"
#include "config/text.h"
#include "drivers/driver.h"
#include "gateway/clock.h"
#include "gateway/sample.h"
#include "gateway/sentence.h"

enum {
    REQUESTS_MAX = 1024,
    WORDS_SHOWN = 8, /* of a long text */
    CELL_SIZE = 96,
    VALUE_SHOWN = 48, /* characters */
    NAMES_SHOWN = 6,  /* tags that are bad for one reason */
    /* What a request takes when nothing was measured: small PLCs answer within their cycle. */
    ASSUMED_ROUND_TRIP_US = 10000,
};

/* A machine with a driver's link of its own. */
struct inspection {
    const struct factory *factory;
    const struct machine *machine;
    const struct link *link;
    size_t index; /* of the machine, in the factory */
    size_t place; /* of the machine, in its link */
    const struct driver *driver;
    void *driver_link;
    int64_t duration_us; /* of the poll */
};

enum { COLUMNS_COUNT = 6 };
struct row {
    char cells[COLUMNS_COUNT][CELL_SIZE];
};

static bool begin(struct inspection *inspection, const struct factory *factory, size_t machine)
{
    *inspection = (struct inspection){
        .factory = factory,
        .machine = &factory->machines[machine],
        .link = &factory->links[factory->machines[machine].link],
        .index = machine,
    };
    while (inspection->link->machines[inspection->place] != machine) {
        inspection->place++;
    }
    struct driver_error error;
    inspection->driver = driver_find(inspection->link->driver);
    inspection->driver_link = inspection->driver->create(factory, inspection->link, &error);
    if (inspection->driver_link == NULL) {
        (void)fprintf(stderr, "%s:%u: link %s: %s\n", factory->path, inspection->link->line,
                      inspection->link->name, error.text);
        return false;
    }
    return true;
}

static size_t copy_plan(const struct inspection *inspection, struct driver_request *requests)
{
    size_t count = inspection->driver->plan(inspection->driver_link, inspection->place,
                                            requests, REQUESTS_MAX);
    return count < REQUESTS_MAX ? count : REQUESTS_MAX;
}

bool inspect_find(const struct factory *factory, const char *name, size_t *machine)
{
    for (size_t at = 0; at < factory->machines_count; at++) {
        if (strcmp(factory->machines[at].name, name) == 0) {
            *machine = at;
            return true;
        }
    }
    (void)fprintf(stderr, "There is no machine \"%s\" in %s. There are:", name, factory->path);
    for (size_t at = 0; at < factory->machines_count; at++) {
        (void)fprintf(stderr, " %s", factory->machines[at].name);
    }
    (void)fprintf(stderr, "\n");
    return false;
}

/* The exchange that carried the tag's registers last, and where they begin in its reply; NULL
 * when there is none, or it was refused. */
static const struct driver_exchange *find_exchange(const struct inspection *inspection,
                                                   const struct tag *tag,
                                                   const struct driver_request *requests,
                                                   size_t count, unsigned *offset)
{
    enum { REPLY_DATA = 9 }; /* MBAP header, function, byte count */
    uint16_t address = machine_wire_address(inspection->machine, tag);
    for (size_t at = 0; at < count; at++) {
        const struct driver_request *request = &requests[at];
        bool is_covered = request->table == tag->table && address >= request->address &&
                          address + tag->registers <= request->address + request->count;
        if (is_covered && request->last->reply_length > REPLY_DATA &&
            request->last->exception == 0) {
            *offset = (unsigned)(address - request->address);
            return request->last;
        }
    }
    return NULL;
}

static void write_raw(const struct tag *tag, const struct driver_exchange *exchange,
                      unsigned offset, char cell[CELL_SIZE])
{
    const uint8_t *data = exchange->reply + 9;
    size_t length = 0;
    if (table_is_bits(tag->table)) {
        (void)snprintf(cell, CELL_SIZE, "%d", data[offset / 8] >> (offset % 8) & 1);
        return;
    }
    for (unsigned word = 0; word < tag->registers && word < WORDS_SHOWN; word++) {
        const uint8_t *bytes = data + (size_t)2 * (offset + word);
        length += (size_t)snprintf(cell + length, CELL_SIZE - length, "%s%02X%02X",
                                   word == 0 ? "" : " ", bytes[0], bytes[1]);
    }
    if (tag->registers > WORDS_SHOWN) {
        (void)snprintf(cell + length, CELL_SIZE - length, " …");
    }
}

static void write_place(const struct inspection *inspection, const struct tag *tag,
                        char cell[CELL_SIZE])
{
    unsigned address = machine_wire_address(inspection->machine, tag);
    int length = snprintf(cell, CELL_SIZE, "%s %u", table_name(tag->table), address);
    if (tag->registers > 1) {
        (void)snprintf(cell + length, CELL_SIZE - (size_t)length, "-%u",
                       address + tag->registers - 1U);
    }
}

/* A long text is cut between two characters. */
static void write_value(const char *value, size_t length, char cell[CELL_SIZE])
{
    size_t shown = 0;
    size_t used = 0;
    while (used < length && shown < VALUE_SHOWN) {
        size_t step = text_utf8_length(value + used, length - used);
        if (step == 0 || used + step + sizeof "…" > CELL_SIZE) {
            break;
        }
        used += step;
        shown++;
    }
    (void)snprintf(cell, CELL_SIZE, "%.*s%s", (int)used, value, used < length ? "…" : "");
}

static void write_quality(const struct point *point, char cell[CELL_SIZE])
{
    char reason[REASON_TEXT_SIZE] = "";
    if (point->quality == QUALITY_BAD) {
        (void)reason_text(point->reason, point->exception, reason);
    }
    (void)snprintf(cell, CELL_SIZE, "%s%s%s", quality_text(point->quality),
                   reason[0] != '\0' ? " " : "", reason);
}

static void write_row(const struct inspection *inspection, const struct sample *sample,
                      size_t index, const struct driver_request *requests, size_t count,
                      struct row *row)
{
    const struct tag *tag = &inspection->machine->map->tags[index];
    const struct point *point = &sample->points[index];
    unsigned offset;
    const struct driver_exchange *exchange =
        find_exchange(inspection, tag, requests, count, &offset);
    (void)snprintf(row->cells[0], CELL_SIZE, "%s", tag->name);
    write_value(sample_value(sample, index), point->text_length, row->cells[1]);
    (void)snprintf(row->cells[2], CELL_SIZE, "%s", tag->unit);
    write_quality(point, row->cells[3]);
    write_place(inspection, tag, row->cells[4]);
    if (exchange != NULL) {
        write_raw(tag, exchange, offset, row->cells[5]);
    }
}

static void print_rows(const struct row *rows, size_t count, FILE *stream)
{
    size_t widths[COLUMNS_COUNT] = {0};
    for (size_t at = 0; at < count; at++) {
        /* Nothing follows the last one. */
        for (size_t column = 0; column + 1 < COLUMNS_COUNT; column++) {
            size_t width = text_width(rows[at].cells[column]) + 2;
            widths[column] = width > widths[column] ? width : widths[column];
        }
    }
    for (size_t at = 0; at < count; at++) {
        for (size_t column = 0; column < COLUMNS_COUNT; column++) {
            text_print(rows[at].cells[column], widths[column], stream);
        }
        (void)fputc('\n', stream);
    }
}

static void print_points(const struct inspection *inspection, const struct sample *sample,
                         const struct driver_request *requests, size_t count, FILE *stream)
{
    static const struct row header = {{"TAG", "VALUE", "UNIT", "QUALITY", "REGISTER", "RAW"}};
    size_t tags_count = inspection->machine->map->tags_count;
    struct row *rows = memory_allocate(tags_count + 1, sizeof *rows);
    rows[0] = header;
    for (size_t at = 0; at < tags_count; at++) {
        write_row(inspection, sample, at, requests, count, &rows[at + 1]);
    }
    print_rows(rows, tags_count + 1, stream);
    free(rows);
}

/* ---- what it came to ---- */

void inspect_print_totals(const struct inspect_totals *totals, FILE *stream)
{
    (void)fprintf(stream, "%zu tags good, ", totals->good);
    if (totals->uncertain > 0) {
        (void)fprintf(stream, "%zu out of range, ", totals->uncertain);
    }
    (void)fprintf(stream, "%zu bad", totals->bad);
}

static struct inspect_totals count_qualities(const struct sample *sample)
{
    struct inspect_totals totals = {0};
    for (size_t at = 0; at < sample->points_count; at++) {
        totals.good += sample->points[at].quality == QUALITY_GOOD;
        totals.uncertain += sample->points[at].quality == QUALITY_UNCERTAIN;
        totals.bad += sample->points[at].quality == QUALITY_BAD;
    }
    return totals;
}

static void add_totals(struct inspect_totals *totals, const struct inspect_totals *found)
{
    totals->good += found->good;
    totals->uncertain += found->uncertain;
    totals->bad += found->bad;
    totals->silent += found->silent;
}

static bool is_bad_alike(const struct point *one, const struct point *other)
{
    return one->quality == QUALITY_BAD && other->quality == QUALITY_BAD &&
           one->reason == other->reason && one->exception == other->exception;
}

/* The tags that are bad like the one at `first`, and why. */
static void print_reason(const struct map *map, const struct sample *sample, size_t first,
                         FILE *stream)
{
    const struct point *point = &sample->points[first];
    size_t alike = 0;
    for (size_t at = first; at < sample->points_count; at++) {
        if (is_bad_alike(&sample->points[at], point) && alike++ < NAMES_SHOWN) {
            (void)fprintf(stream, "%s%s", at == first ? "" : ", ", map->tags[at].name);
        }
    }
    if (alike > NAMES_SHOWN) {
        (void)fprintf(stream, " and %zu more", alike - NAMES_SHOWN);
    }
    char reason[REASON_TEXT_SIZE];
    (void)reason_text(point->reason, point->exception, reason);
    (void)fprintf(stream, ": %s: %s\n", reason,
                  sentence_reason(point->reason, point->exception));
}

static void print_reasons(const struct map *map, const struct sample *sample, FILE *stream)
{
    for (size_t at = 0; at < sample->points_count; at++) {
        bool is_first = sample->points[at].quality == QUALITY_BAD;
        for (size_t before = 0; before < at && is_first; before++) {
            is_first = !is_bad_alike(&sample->points[before], &sample->points[at]);
        }
        if (is_first) {
            print_reason(map, sample, at, stream);
        }
    }
}

/* ---- one poll ---- */

/* Connects and reads all tags; the readings are filled in any case. */
static enum driver_status read_all(struct inspection *inspection, struct reading *readings)
{
    enum driver_status status = inspection->driver->open(inspection->driver_link);
    if (status != DRIVER_OK) {
        for (size_t at = 0; at < inspection->machine->map->tags_count; at++) {
            readings[at] = (struct reading){
                .time_us = clock_wall_us(),
                .kind = READING_BAD,
                .reason = (uint8_t)driver_status_reason(status),
            };
        }
        return status;
    }
    int64_t begun_us = clock_monotonic_us();
    status = inspection->driver->read(inspection->driver_link, inspection->place, UINT32_MAX,
                                      readings);
    inspection->duration_us = clock_monotonic_us() - begun_us;
    return status;
}

static void report(const struct inspection *inspection, const struct sample *sample,
                   const struct inspect_totals *found, FILE *stream)
{
    struct driver_request *requests = memory_allocate(REQUESTS_MAX, sizeof *requests);
    size_t count = copy_plan(inspection, requests);
    print_points(inspection, sample, requests, count, stream);
    inspect_print_totals(found, stream);
    (void)fprintf(stream, "; %zu requests, %.1f ms\n", inspection->duration_us > 0 ? count : 0,
                  (double)inspection->duration_us / 1000.0);
    print_reasons(inspection->machine->map, sample, stream);
    free(requests);
}

static void poll_once(struct inspection *inspection, struct inspect_totals *totals,
                      FILE *stream)
{
    size_t tags_count = inspection->machine->map->tags_count;
    struct reading *readings = memory_allocate(tags_count + 1, sizeof *readings);
    struct sample *sample = sample_create(inspection->factory, inspection->link);
    struct inspect_totals found = {0};
    enum driver_status status = read_all(inspection, readings);
    if (tags_count > 0) {
        sample_build(sample, inspection->factory, inspection->index, readings);
        found = count_qualities(sample);
        report(inspection, sample, &found, stream);
    }
    if (status != DRIVER_OK) {
        (void)fflush(stream);
        (void)fprintf(stderr, "%s at %s:%u unit %u: %s: %s\n", inspection->machine->name,
                      inspection->link->host, inspection->link->port,
                      inspection->machine->unit_id, driver_status_text(status),
                      sentence_status(status));
        found.silent = 1;
    }
    add_totals(totals, &found);
    sample_destroy(sample);
    free(readings);
}

bool inspect_machine(const struct factory *factory, size_t machine,
                     struct inspect_totals *totals, FILE *stream)
{
    struct inspection inspection;
    struct inspect_totals found = {0};
    if (!begin(&inspection, factory, machine)) {
        return false;
    }
    poll_once(&inspection, &found, stream);
    add_totals(totals, &found);
    inspection.driver->destroy(inspection.driver_link);
    return found.bad == 0 && found.silent == 0;
}

/* ---- the plan and its price ---- */

/* What a cycle costs on the line. */
struct price {
    double request_us; /* one request and its answer */
    bool is_measured;
    double fastest_us; /* all requests of the fastest pace, with their gaps */
    double gaps_us;    /* of these */
    uint32_t fastest_ms;
    double load; /* of the link's time, over all paces */
};

static void print_requests(const struct inspection *inspection,
                           const struct driver_request *requests, size_t count, FILE *stream)
{
    unsigned unused = 0;
    for (size_t at = 0; at < count; at++) {
        const struct driver_request *request = &requests[at];
        unsigned last = request->address + request->count - 1U;
        (void)fprintf(stream, "  %-8s %5u-%-5u %4u %s  %3u tags  every %u ms\n",
                      table_name(request->table), request->address, last, request->count,
                      table_is_bits(request->table) ? "bits     " : "registers",
                      request->tags_count, inspection->machine->periods_ms[request->period]);
        unused += request->unused;
    }
    (void)fprintf(stream, "  %zu requests a cycle, %u registers or bits read for nothing\n",
                  count, unused);
}

/* The mean over the requests that were answered; assumed when none was. */
static void price_request(const struct driver_request *requests, size_t count,
                          struct price *price)
{
    double sum_us = 0;
    size_t answered = 0;
    for (size_t at = 0; at < count; at++) {
        bool is_answered = requests[at].last->reply_length > 0;
        sum_us += is_answered ? requests[at].last->duration_us : 0;
        answered += is_answered;
    }
    price->is_measured = answered > 0;
    price->request_us = answered > 0 ? sum_us / (double)answered : ASSUMED_ROUND_TRIP_US;
}

static void price_plan(const struct inspection *inspection,
                       const struct driver_request *requests, size_t count, struct price *price)
{
    double gap_us = inspection->link->gap_ms * 1000.0;
    price->fastest_ms = UINT32_MAX;
    for (size_t at = 0; at < count; at++) {
        uint32_t period_ms = inspection->machine->periods_ms[requests[at].period];
        if (period_ms < price->fastest_ms) {
            price->fastest_ms = period_ms;
            price->fastest_us = price->gaps_us = 0;
        }
        if (period_ms == price->fastest_ms) {
            price->fastest_us += price->request_us + gap_us;
            price->gaps_us += gap_us;
        }
        price->load += (price->request_us + gap_us) / (period_ms * 1000.0);
    }
}

static void print_price(const struct price *price, FILE *stream)
{
    const char *source = price->is_measured ? "measured" : "assumed; --live measures it";
    (void)fprintf(stream,
                  "  about %.0f ms of every %u ms, %.0f %% of the line's time (%.1f ms a "
                  "request, %s)\n",
                  price->fastest_us / 1000, price->fastest_ms, 100 * price->load,
                  price->request_us / 1000, source);
    if (price->fastest_us > price->fastest_ms * 1000.0) {
        (void)fprintf(stream,
                      "  warning: a cycle takes about %.0f ms (%.0f ms of it gaps), more than"
                      " every = %u ms: beats will be skipped\n",
                      price->fastest_us / 1000, price->gaps_us / 1000, price->fastest_ms);
    }
}

bool inspect_plan(const struct factory *factory, size_t machine, struct inspect_totals *totals,
                  double *load, FILE *stream)
{
    struct inspection inspection;
    struct price price = {0};
    if (!begin(&inspection, factory, machine)) {
        return false;
    }
    (void)fprintf(stream, "%s: %zu tags, every %u ms, link %s (%s:%u), unit %u\n",
                  inspection.machine->name, inspection.machine->map->tags_count,
                  inspection.machine->every_ms, inspection.link->name, inspection.link->host,
                  inspection.link->port, inspection.machine->unit_id);
    struct driver_request *requests = memory_allocate(REQUESTS_MAX, sizeof *requests);
    size_t count = copy_plan(&inspection, requests);
    print_requests(&inspection, requests, count, stream);
    if (totals != NULL) {
        poll_once(&inspection, totals, stream);
        count = copy_plan(&inspection, requests); /* what was refused is apart now */
    }
    price_request(requests, count, &price);
    price_plan(&inspection, requests, count, &price);
    if (count > 0) {
        print_price(&price, stream);
    }
    *load += price.load;
    free(requests);
    inspection.driver->destroy(inspection.driver_link);
    return true;
}
