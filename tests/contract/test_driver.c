/* Every driver keeps the contract of drivers/driver.h, with devices that behave and that do
 * not.
 *
 * M1, M2 … are the traps of the protocol library that each claim guards against. */
#include "config/factory.h"
#include "drivers/driver.h"
#include "tests/contract/world.h"
#include "tests/contract/world_modbus.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <cmocka.h>

enum {
    TIMEOUT_MS = 300,
    TIMEOUT_MORE_MS = 360, /* 20 % more */
    INTERRUPT_MS = 100,
    LINE_TAGS = 100, /* holding registers 0 … 99 */
    BIT_TAGS = 20,   /* coils and discrete inputs 0 … 19 */
    INPUT_TAGS = 10, /* input registers 0 … 9, at the slower pace */
    TAGS_MAX = LINE_TAGS + 2 * BIT_TAGS + INPUT_TAGS,
    FAST = 1, /* bits of `due` */
    SLOW = 2,
    EACH = FAST | SLOW,
    RETRY_US = 60000000,
    REQUESTS_MAX = 128,
};

static const struct world *const worlds[] = {
    &world_modbus, NULL, /* the end */
};

static const struct driver *driver;
static const struct world *world;

/* The monotonic clock of this program can be put forward, for what happens once a minute. */
static _Atomic int64_t skipped_s;

int clock_gettime(clockid_t clock, struct timespec *time)
{
    long result = syscall(SYS_clock_gettime, clock, time);

    if (clock == CLOCK_MONOTONIC) {
        time->tv_sec += atomic_load(&skipped_s);
    }
    return (int)result;
}

static int64_t now_ms(void)
{
    struct timespec time;

    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/* A device, a factory with one link of two machines, units 1 and 2, and the driver's link. */
struct bench {
    struct device *device;
    struct tag tags[TAGS_MAX];
    uint8_t periods[TAGS_MAX];
    struct map map;
    struct machine machines[2];
    struct link link;
    struct factory factory;
    struct reading readings[TAGS_MAX];
    void *handle;
};

static const size_t machine_indices[] = {0, 1};

static void add_tag(struct bench *bench, enum table table, uint16_t address, uint8_t period)
{
    struct tag *tag = &bench->tags[bench->map.tags_count];

    memset(tag, 0, sizeof *tag);
    tag->name = "tag";
    tag->table = table;
    tag->address = address;
    tag->type = table_is_bits(table) ? TYPE_BOOL : TYPE_UINT16;
    tag->registers = 1;
    tag->order[1] = 1;
    tag->scale_tag = -1;
    tag->mask = UINT64_MAX;
    bench->periods[bench->map.tags_count++] = period;
}

static void add_default_tags(struct bench *bench)
{
    for (int i = 0; i < LINE_TAGS; i++) {
        add_tag(bench, TABLE_HOLDING, (uint16_t)i, 0);
    }
    for (int i = 0; i < BIT_TAGS; i++) {
        add_tag(bench, TABLE_COIL, (uint16_t)i, 0);
        add_tag(bench, TABLE_DISCRETE, (uint16_t)i, 0);
    }
    for (int i = 0; i < INPUT_TAGS; i++) {
        add_tag(bench, TABLE_INPUT, (uint16_t)i, 1);
    }
}

static struct bench *prepare(void)
{
    struct bench *bench = calloc(1, sizeof *bench);

    assert_non_null(bench);
    bench->device = world->start();
    bench->map.tags = bench->tags;
    for (size_t i = 0; i < 2; i++) {
        bench->machines[i] = (struct machine){.name = i == 0 ? "first" : "second",
                                              .unit_id = (uint8_t)(i + 1),
                                              .map = &bench->map,
                                              .periods_ms = {100, 1000},
                                              .periods_count = 2,
                                              .tag_periods = bench->periods};
    }
    bench->link = (struct link){.name = "link",
                                .driver = driver->name,
                                .timeout_ms = TIMEOUT_MS,
                                .max_registers = 125,
                                .max_bits = 2000,
                                .max_hole = 16,
                                .machines = machine_indices,
                                .machines_count = 2};
    bench->factory = (struct factory){.links = &bench->link,
                                      .links_count = 1,
                                      .machines = bench->machines,
                                      .machines_count = 2};
    world->locate(bench->device, &bench->link);
    return bench;
}

static void create(struct bench *bench)
{
    struct driver_error error = {""};

    bench->handle = driver->create(&bench->factory, &bench->link, &error);
    assert_string_equal(error.text, "");
    assert_non_null(bench->handle);
}

static void open_link(struct bench *bench)
{
    assert_int_equal(driver->open(bench->handle), DRIVER_OK);
}

static struct bench *prepare_open(void)
{
    struct bench *bench = prepare();

    add_default_tags(bench);
    create(bench);
    open_link(bench);
    return bench;
}

static void finish(struct bench *bench)
{
    driver->destroy(bench->handle);
    world->stop(bench->device);
    atomic_store(&skipped_s, 0);
    free(bench);
}

static enum driver_status read_first(struct bench *bench, uint32_t due)
{
    return driver->read(bench->handle, 0, due, bench->readings);
}

static bool is_right(const struct bench *bench, uint8_t unit_id, size_t index)
{
    const struct reading *reading = &bench->readings[index];
    const struct tag *tag = &bench->tags[index];

    if (table_is_bits(tag->table)) {
        return reading->kind == READING_BOOLEAN &&
               reading->value.boolean == world_bit(unit_id, tag->table, tag->address);
    }
    return reading->kind == READING_UNSIGNED &&
           reading->value.natural == world_word(unit_id, tag->table, tag->address);
}

static bool is_bad(const struct reading *reading, const char *reason)
{
    char text[REASON_TEXT_SIZE];

    assert_true(reading->time_us > 0);
    return reading->kind == READING_BAD &&
           reason_text(reading->reason, reading->exception, text) == strlen(reason) &&
           strcmp(text, reason) == 0;
}

/* How many of the tags that are due have the value that the device has; the others are bad. */
static size_t count_right(const struct bench *bench, uint8_t unit_id, uint32_t due)
{
    size_t right = 0;

    for (size_t i = 0; i < bench->map.tags_count; i++) {
        if ((due >> bench->periods[i] & 1) == 0) {
            assert_int_equal(bench->readings[i].kind, READING_ABSENT);
        } else if (bench->readings[i].kind != READING_BAD) {
            assert_true(is_right(bench, unit_id, i));
            assert_true(bench->readings[i].time_us > 0);
            right++;
        }
    }
    return right;
}

static void assert_all_right(const struct bench *bench, uint8_t unit_id, uint32_t due)
{
    for (size_t i = 0; i < bench->map.tags_count; i++) {
        bool is_due = (due >> bench->periods[i] & 1) != 0;

        assert_int_equal(bench->readings[i].kind == READING_ABSENT, !is_due);
        assert_true(!is_due || is_right(bench, unit_id, i));
    }
}

static void assert_all_bad(const struct bench *bench, const char *reason)
{
    for (size_t i = 0; i < bench->map.tags_count; i++) {
        assert_true(is_bad(&bench->readings[i], reason));
    }
}

static void reopen(struct bench *bench)
{
    world->behave(bench->device, BEHAVE_WELL, 0);
    driver->close(bench->handle);
    open_link(bench);
    assert_int_equal(read_first(bench, EACH), DRIVER_OK);
    assert_all_right(bench, 1, EACH);
}

/* ---- create, open, close ---- */

static void create_opens_nothing(void **state)
{
    struct bench *bench = prepare();

    (void)state;
    add_default_tags(bench);
    create(bench);
    assert_int_equal(read_first(bench, EACH), DRIVER_CLOSED);
    assert_all_bad(bench, "no-link");
    assert_int_equal(world->connections(bench->device), 0);
    finish(bench);
}

static void create_refuses_a_value_longer_than_a_request(void **state)
{
    struct bench *bench = prepare();
    struct driver_error error = {""};

    (void)state;
    add_tag(bench, TABLE_HOLDING, 0, 0);
    bench->tags[0].type = TYPE_UINT64;
    bench->tags[0].registers = 4;
    bench->link.max_registers = 3;
    assert_null(driver->create(&bench->factory, &bench->link, &error));
    assert_non_null(strstr(error.text, "first"));
    assert_non_null(strstr(error.text, "max_registers"));
    finish(bench);
}

static void create_without_tags_or_machines_works(void **state)
{
    struct bench *bench = prepare();

    (void)state;
    create(bench);
    open_link(bench);
    assert_int_equal(read_first(bench, EACH), DRIVER_OK);
    assert_int_equal(driver->plan(bench->handle, 0, NULL, 0), 0);
    finish(bench);
}

static void open_says_refused_when_nobody_listens(void **state)
{
    struct bench *bench = prepare();
    int64_t begun_ms = now_ms();

    (void)state;
    create(bench);
    world->stop(bench->device);
    assert_int_equal(driver->open(bench->handle), DRIVER_REFUSED);
    assert_int_equal(driver->open(bench->handle), DRIVER_REFUSED);
    assert_true(now_ms() - begun_ms < TIMEOUT_MS);
    bench->device = world->start();
    finish(bench);
}

/* A port whose queue is full: SYNs are dropped, as behind a firewall. */
struct hole {
    int listener;
    int fillers[3];
};

static void dig(struct hole *hole, struct link *link)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof address;

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    hole->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(hole->listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(hole->listener, 0), 0);
    assert_int_equal(getsockname(hole->listener, (struct sockaddr *)&address, &size), 0);
    for (size_t i = 0; i < 3; i++) {
        hole->fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        (void)connect(hole->fillers[i], (struct sockaddr *)&address, size);
    }
    link->port = ntohs(address.sin_port);
}

static void fill(const struct hole *hole)
{
    for (size_t i = 0; i < 3; i++) {
        (void)close(hole->fillers[i]);
    }
    (void)close(hole->listener);
}

static void m8_open_unanswered_ends_within_the_timeout(void **state)
{
    struct bench *bench = prepare();
    struct hole hole;
    int64_t begun_ms;

    (void)state;
    dig(&hole, &bench->link);
    create(bench);
    begun_ms = now_ms();
    assert_int_equal(driver->open(bench->handle), DRIVER_TIMEOUT);
    assert_in_range(now_ms() - begun_ms, TIMEOUT_MS - 5, TIMEOUT_MORE_MS);
    fill(&hole);
    finish(bench);
}

static void m9_an_unknown_name_ends_within_the_timeout(void **state)
{
    struct bench *bench = prepare();
    int64_t begun_ms;
    enum driver_status status;

    (void)state;
    bench->link.host = "no-such-host.invalid";
    create(bench);
    begun_ms = now_ms();
    status = driver->open(bench->handle);
    assert_true(status == DRIVER_UNREACHABLE || status == DRIVER_TIMEOUT);
    assert_true(now_ms() - begun_ms <= TIMEOUT_MORE_MS);
    finish(bench);
}

static void m10_names_are_resolved(void **state)
{
    struct bench *bench = prepare();

    (void)state;
    bench->link.host = "localhost"; /* ::1 first, where nobody listens */
    add_default_tags(bench);
    create(bench);
    for (int i = 0; i < 3; i++) {
        reopen(bench);
    }
    finish(bench);
}

static void m11_close_twice_and_reopen(void **state)
{
    struct bench *bench = prepare_open();

    (void)state;
    driver->close(bench->handle);
    driver->close(bench->handle);
    assert_int_equal(read_first(bench, EACH), DRIVER_CLOSED);
    assert_all_bad(bench, "no-link");
    reopen(bench);
    driver->destroy(NULL);
    finish(bench);
}

static size_t count_descriptors(void)
{
    size_t count = 0;

    for (int i = 0; i < 2048; i++) {
        count += fcntl(i, F_GETFD) >= 0;
    }
    return count;
}

static void m11_no_descriptor_and_no_byte_more_after_1000_cycles(void **state)
{
    struct bench *bench = prepare_open();
    size_t descriptors;
    size_t bytes;

    (void)state;
    reopen(bench);
    descriptors = count_descriptors();
    bytes = mallinfo2().uordblks;
    for (int i = 0; i < 1000; i++) {
        driver->close(bench->handle);
        open_link(bench);
        assert_int_equal(read_first(bench, EACH), DRIVER_OK);
    }
    assert_int_equal(mallinfo2().uordblks, bytes);
    assert_int_equal(count_descriptors(), descriptors);
    finish(bench);
}

static void destroy_gives_everything_back(void **state)
{
    enum { CACHED_BLOCKS = 8 }; /* glibc keeps 7 of a size for itself, and counts them */
    struct bench *bench = prepare();
    size_t descriptors;
    size_t bytes;

    (void)state;
    add_default_tags(bench);
    for (int i = 0; i < CACHED_BLOCKS; i++) {
        create(bench);
        driver->destroy(bench->handle);
    }
    descriptors = count_descriptors();
    bytes = mallinfo2().uordblks;
    for (int i = 0; i < 100; i++) {
        create(bench);
        open_link(bench);
        assert_int_equal(read_first(bench, EACH), DRIVER_OK);
        driver->destroy(bench->handle);
    }
    assert_int_equal(mallinfo2().uordblks, bytes);
    assert_in_range(count_descriptors(), descriptors - 1,
                    descriptors + 1); /* the device's own */
    bench->handle = NULL;
    finish(bench);
}

/* ---- reading ---- */

static void read_fills_every_reading(void **state)
{
    struct bench *bench = prepare_open();

    (void)state;
    for (uint32_t due = 0; due <= EACH; due++) {
        memset(bench->readings, 0xA5, sizeof bench->readings);
        assert_int_equal(read_first(bench, due), DRIVER_OK);
        assert_all_right(bench, 1, due);
    }
    finish(bench);
}

static void values_of_one_request_have_one_time(void **state)
{
    struct bench *bench = prepare_open();
    struct driver_request requests[REQUESTS_MAX];
    size_t count;

    (void)state;
    assert_int_equal(read_first(bench, EACH), DRIVER_OK);
    count = driver->plan(bench->handle, 0, requests, REQUESTS_MAX);
    assert_int_equal(count, 4);
    for (size_t i = 0; i < bench->map.tags_count; i++) {
        size_t k = 0;

        while (requests[k].table != bench->tags[i].table) {
            k++;
        }
        assert_int_equal(bench->readings[i].time_us, requests[k].last->answered_us);
        assert_true(requests[k].last->sent_us <= requests[k].last->answered_us);
    }
    finish(bench);
}

static void units_share_the_connection(void **state)
{
    struct bench *bench = prepare_open();

    (void)state;
    for (size_t i = 0; i < 10; i++) {
        size_t machine = i % 2;

        assert_int_equal(driver->read(bench->handle, machine, EACH, bench->readings),
                         DRIVER_OK);
        assert_all_right(bench, (uint8_t)(machine + 1), EACH);
    }
    assert_int_equal(world->connections(bench->device), 1);
    finish(bench);
}

static void plan_lists_the_requests(void **state)
{
    struct bench *bench = prepare_open();
    struct driver_request requests[REQUESTS_MAX];
    size_t tags = 0;

    (void)state;
    assert_int_equal(driver->plan(bench->handle, 0, NULL, 0), 4);
    assert_int_equal(driver->plan(bench->handle, 0, requests, 1), 4);
    assert_int_equal(driver->plan(bench->handle, 0, requests, REQUESTS_MAX), 4);
    for (size_t i = 0; i < 4; i++) {
        assert_non_null(requests[i].last);
        assert_int_equal(requests[i].last->request_length, 0);
        assert_false(requests[i].is_quarantined);
        tags += requests[i].tags_count;
    }
    assert_int_equal(tags, TAGS_MAX);
    finish(bench);
}

static void m15_probe_reads_to_the_limits_of_the_protocol(void **state)
{
    static const struct {
        enum table table;
        uint16_t count;
    } cases[] = {
        {TABLE_COIL, 2000}, {TABLE_DISCRETE, 1}, {TABLE_HOLDING, 125}, {TABLE_INPUT, 1}};
    struct bench *bench = prepare_open();
    struct driver_exchange exchange;
    uint16_t words[2000];

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(driver->probe(bench->handle, 2, cases[i].table, 1000, cases[i].count,
                                       words, &exchange),
                         DRIVER_OK);
        assert_int_equal(exchange.exception, 0);
        assert_int_equal(exchange.request_length, DRIVER_REQUEST_MAX);
        for (uint16_t k = 0; k < cases[i].count; k++) {
            uint16_t address = (uint16_t)(1000 + k);

            assert_int_equal(words[k], table_is_bits(cases[i].table)
                                           ? world_bit(2, cases[i].table, address)
                                           : world_word(2, cases[i].table, address));
        }
    }
    assert_int_equal(
        driver->probe(bench->handle, 2, TABLE_INPUT, WORLD_SIZE, 1, words, &exchange),
        DRIVER_OK);
    assert_int_equal(exchange.exception, 2);
    driver->close(bench->handle);
    assert_int_equal(driver->probe(bench->handle, 2, TABLE_INPUT, 0, 1, words, &exchange),
                     DRIVER_CLOSED);
    assert_int_equal(exchange.status, DRIVER_CLOSED);
    finish(bench);
}

/* What is taken by hand is decoded as what is polled: the words of a probe, interpreted, are
 * the readings of a read. */
static void a_probe_interpreted_is_a_reading(void **state)
{
    struct bench *bench = prepare_open();
    struct driver_exchange exchange;
    char text[DRIVER_TEXT_MAX];

    (void)state;
    assert_int_equal(read_first(bench, EACH), DRIVER_OK);
    for (size_t i = 0; i < bench->map.tags_count; i++) {
        const struct tag *tag = &bench->tags[i];
        struct reading reading = {.kind = READING_ABSENT};
        uint16_t word;

        assert_int_equal(
            driver->probe(bench->handle, 1, tag->table, tag->address, 1, &word, &exchange),
            DRIVER_OK);
        driver->interpret(tag, &word, text, &reading);
        assert_int_equal(reading.kind, bench->readings[i].kind);
        assert_int_equal(reading.reason, REASON_NONE);
        assert_true(table_is_bits(tag->table)
                        ? reading.value.boolean == bench->readings[i].value.boolean
                        : reading.value.natural == bench->readings[i].value.natural);
    }
    finish(bench);
}

static void a_text_of_the_largest_length_is_interpreted(void **state)
{
    struct tag tag = {.type = TYPE_STRING,
                      .table = TABLE_HOLDING,
                      .registers = MAP_STRING_MAX / 2,
                      .characters = MAP_STRING_MAX,
                      .order = {0, 1},
                      .mask = UINT64_MAX,
                      .scale_tag = -1};
    uint16_t words[MAP_STRING_MAX / 2];
    char text[DRIVER_TEXT_MAX];
    struct reading reading = {.kind = READING_ABSENT};

    (void)state;
    for (size_t i = 0; i < MAP_STRING_MAX / 2; i++) {
        words[i] = 'A' << 8 | 'b';
    }
    driver->interpret(&tag, words, text, &reading);
    assert_int_equal(reading.kind, READING_TEXT);
    assert_int_equal(reading.text_length, MAP_STRING_MAX);
    assert_memory_equal(reading.value.text, "AbAb", 4);
    words[MAP_STRING_MAX / 2 - 1] = 0xFFFF;
    driver->interpret(&tag, words, text, &reading);
    assert_int_equal(reading.kind, READING_BAD);
    assert_int_equal(reading.reason, REASON_BAD_ENCODING);
}

/* ---- answers that are none ---- */

static void ends_as(int behaviour, enum driver_status status, const char *reason)
{
    struct bench *bench = prepare_open();
    int64_t begun_ms;

    world->behave(bench->device, behaviour, 0);
    begun_ms = now_ms();
    assert_int_equal(read_first(bench, EACH), status);
    assert_true(now_ms() - begun_ms <= TIMEOUT_MORE_MS);
    assert_all_bad(bench, reason);
    /* What still comes on this connection is never taken for an answer. */
    world->await(bench->device);
    assert_int_equal(read_first(bench, EACH), DRIVER_CLOSED);
    assert_all_bad(bench, "no-link");
    reopen(bench);
    finish(bench);
}

static void m1_a_late_answer_is_never_taken_for_the_next(void **state)
{
    (void)state;
    ends_as(BEHAVE_LATE, DRIVER_TIMEOUT, "timeout");
}

static void m4_one_byte_then_nothing_ends_within_the_timeout(void **state)
{
    (void)state;
    ends_as(BEHAVE_ONE_BYTE, DRIVER_TIMEOUT, "timeout");
}

static void m5_a_dribbled_answer_ends_within_the_timeout(void **state)
{
    (void)state;
    ends_as(BEHAVE_DRIBBLE, DRIVER_TIMEOUT, "timeout");
}

static void no_answer_ends_within_the_timeout(void **state)
{
    (void)state;
    ends_as(BEHAVE_MUTE, DRIVER_TIMEOUT, "timeout");
}

static void m3_a_foreign_transaction_is_refused(void **state)
{
    (void)state;
    ends_as(BEHAVE_TRANSACTION, DRIVER_BAD_REPLY, "bad-reply");
}

static void m12_another_unit_is_refused(void **state)
{
    (void)state;
    ends_as(BEHAVE_UNIT, DRIVER_BAD_REPLY, "bad-reply");
}

static void m12_another_protocol_is_refused(void **state)
{
    (void)state;
    ends_as(BEHAVE_PROTOCOL, DRIVER_BAD_REPLY, "bad-reply");
}

static void m12_a_lying_length_is_refused(void **state)
{
    (void)state;
    ends_as(BEHAVE_LENGTH, DRIVER_BAD_REPLY, "bad-reply");
    ends_as(BEHAVE_LENGTH_LESS, DRIVER_BAD_REPLY, "bad-reply");
}

static void another_function_is_refused(void **state)
{
    (void)state;
    ends_as(BEHAVE_FUNCTION, DRIVER_BAD_REPLY, "bad-reply");
}

static void a_lying_byte_count_is_refused(void **state)
{
    (void)state;
    ends_as(BEHAVE_BYTES_MORE, DRIVER_TIMEOUT, "timeout"); /* it waits for what was promised */
    ends_as(BEHAVE_BYTES_LESS, DRIVER_BAD_REPLY, "bad-reply");
}

static void an_exception_without_code_is_refused(void **state)
{
    (void)state;
    ends_as(BEHAVE_EXCEPTION_ZERO, DRIVER_BAD_REPLY, "bad-reply");
}

static void m13_garbage_is_refused(void **state)
{
    (void)state;
    ends_as(BEHAVE_GARBAGE, DRIVER_BAD_REPLY, "bad-reply");
}

static void m18_a_closed_connection_is_told(void **state)
{
    (void)state;
    ends_as(BEHAVE_CLOSE, DRIVER_CLOSED, "no-link");
    ends_as(BEHAVE_TRUNCATE, DRIVER_CLOSED, "no-link");
}

static void m18_a_reset_connection_is_told(void **state)
{
    (void)state;
    ends_as(BEHAVE_RESET, DRIVER_CLOSED, "no-link");
}

static void stays_good(int behaviour)
{
    struct bench *bench = prepare_open();

    world->behave(bench->device, behaviour, 1);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(read_first(bench, EACH), DRIVER_OK);
        assert_all_right(bench, 1, EACH);
    }
    assert_int_equal(world->connections(bench->device), 1);
    finish(bench);
}

static void m2_a_second_answer_does_no_harm(void **state)
{
    (void)state;
    stays_good(BEHAVE_TWICE);
}

static void m2_a_stale_answer_before_the_right_one_is_dropped(void **state)
{
    (void)state;
    stays_good(BEHAVE_STALE_FIRST);
}

static void an_answer_in_single_bytes_is_good(void **state)
{
    (void)state;
    stays_good(BEHAVE_BYTE_BY_BYTE);
}

static void stale_answers_alone_end_within_the_timeout(void **state)
{
    struct bench *bench = prepare_open();
    int64_t begun_ms = now_ms();

    (void)state;
    world->behave(bench->device, BEHAVE_STALE_ONLY, 2);
    assert_int_equal(read_first(bench, EACH), DRIVER_TIMEOUT);
    assert_in_range(now_ms() - begun_ms, TIMEOUT_MS - 5, TIMEOUT_MORE_MS);
    assert_true(count_right(bench, 1, EACH) > 0);
    finish(bench);
}

static void what_was_answered_before_the_end_keeps_its_values(void **state)
{
    struct bench *bench = prepare_open();
    unsigned requests;

    (void)state;
    world->behave(bench->device, BEHAVE_MUTE, 1);
    requests = world->requests(bench->device);
    assert_int_equal(read_first(bench, FAST), DRIVER_TIMEOUT);
    assert_int_equal(world->requests(bench->device), requests + 2); /* none after the failure */
    for (size_t i = 0; i < bench->map.tags_count; i++) {
        assert_true(bench->readings[i].kind == READING_ABSENT || is_right(bench, 1, i) ||
                    is_bad(&bench->readings[i], "timeout"));
    }
    assert_int_equal(count_right(bench, 1, FAST), BIT_TAGS);
    finish(bench);
}

/* ---- exceptions ---- */

static struct driver_counters counted(const struct bench *bench)
{
    struct driver_counters counters;

    driver->count(bench->handle, &counters);
    return counters;
}

static uint64_t sum_of(const uint64_t *numbers, size_t count)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < count; i++) {
        sum += numbers[i];
    }
    return sum;
}

/* Asks again after the device was told to misbehave; the connection is made anew. */
static void read_misbehaving(struct bench *bench, int behaviour)
{
    world->behave(bench->device, behaviour, 0);
    (void)read_first(bench, EACH);
    world->behave(bench->device, BEHAVE_WELL, 0);
    driver->close(bench->handle);
    assert_int_equal(driver->open(bench->handle), DRIVER_OK);
}

static void every_exchange_is_counted_as_what_it_was(void **state)
{
    struct bench *bench = prepare_open();
    struct driver_counters counters = counted(bench);

    (void)state;
    assert_int_equal(counters.requests, 0);
    assert_int_equal(read_first(bench, EACH), DRIVER_OK);
    counters = counted(bench);
    assert_int_equal(counters.requests, 4);
    assert_int_equal(counters.answers, 4);
    assert_int_equal(sum_of(counters.rtt_steps, DRIVER_RTT_STEPS), 4);
    assert_in_range(counters.rtt_last_us, counters.rtt_min_us, counters.rtt_max_us);
    assert_true(counters.rtt_sum_us >= 4 * (uint64_t)counters.rtt_min_us);
    read_misbehaving(bench, BEHAVE_MUTE);
    read_misbehaving(bench, BEHAVE_GARBAGE);
    read_misbehaving(bench, BEHAVE_CLOSE);
    read_misbehaving(bench, BEHAVE_EXCEPTION + 6);
    read_misbehaving(bench, BEHAVE_EXCEPTION + 0x55);
    read_misbehaving(bench, BEHAVE_STALE_FIRST);
    counters = counted(bench);
    assert_int_equal(counters.timeouts, 1);
    assert_int_equal(counters.bad_replies, 1);
    assert_int_equal(counters.broken, 1);
    assert_int_equal(counters.exceptions[6], 4);
    assert_int_equal(counters.exceptions[0], 4); /* 0x55 has no name */
    assert_int_equal(counters.dropped, 3);       /* the first had nothing before it */
    assert_int_equal(counters.answers, 4 + 4 + 4 + 4);
    assert_int_equal(counters.requests, counters.answers + 3);
    finish(bench);
}

static void d9_an_exception_keeps_the_connection(void **state)
{
    static const uint8_t codes[] = {1, 4, 5, 6, 7, 0x55};
    struct bench *bench = prepare_open();
    unsigned requests;

    (void)state;
    for (size_t i = 0; i < sizeof codes; i++) {
        char reason[REASON_TEXT_SIZE];

        (void)reason_text(REASON_EXCEPTION, codes[i], reason);
        world->behave(bench->device, BEHAVE_EXCEPTION + codes[i], 0);
        requests = world->requests(bench->device);
        assert_int_equal(read_first(bench, EACH), DRIVER_OK);
        assert_all_bad(bench, reason);
        assert_int_equal(world->requests(bench->device), requests + 4); /* no second try */
    }
    world->behave(bench->device, BEHAVE_WELL, 0);
    assert_int_equal(read_first(bench, EACH), DRIVER_OK);
    assert_all_right(bench, 1, EACH);
    assert_int_equal(world->connections(bench->device), 1);
    finish(bench);
}

static void a_dead_unit_is_not_a_dead_link(void **state)
{
    static const uint8_t codes[] = {10, 11};
    struct bench *bench = prepare_open();

    (void)state;
    for (size_t i = 0; i < sizeof codes; i++) {
        char reason[REASON_TEXT_SIZE];
        unsigned requests = world->requests(bench->device);

        (void)reason_text(REASON_EXCEPTION, codes[i], reason);
        world->behave(bench->device, BEHAVE_EXCEPTION + codes[i], 0);
        assert_int_equal(read_first(bench, EACH), DRIVER_UNIT_DEAD);
        assert_all_bad(bench, reason);
        assert_int_equal(world->requests(bench->device), requests + 1);
        world->behave(bench->device, BEHAVE_WELL, 0);
        assert_int_equal(driver->read(bench->handle, 1, EACH, bench->readings), DRIVER_OK);
        assert_all_right(bench, 2, EACH);
    }
    assert_int_equal(world->connections(bench->device), 1);
    finish(bench);
}

static unsigned requests_of_a_read(struct bench *bench)
{
    unsigned requests = world->requests(bench->device);

    assert_int_equal(read_first(bench, EACH), DRIVER_OK);
    return world->requests(bench->device) - requests;
}

/* Refuses five of the line's registers, at random. */
static void refuse_five(struct bench *bench, unsigned *seed, bool *is_guilty)
{
    int guilty = 0;

    while (guilty < 5) {
        uint16_t address;

        *seed = *seed * 1664525U + 1013904223U;
        address = (uint16_t)((*seed >> 16) % LINE_TAGS);
        guilty += !is_guilty[address];
        is_guilty[address] = true;
        world->refuse(bench->device, TABLE_HOLDING, address, true);
    }
}

static size_t count_refused(const struct bench *bench, const bool *is_guilty)
{
    size_t count = 0;

    for (size_t i = 0; i < LINE_TAGS; i++) {
        count += is_guilty[i] && is_bad(&bench->readings[i], "exception-2");
    }
    return count;
}

static void five_of_a_hundred_refused_leave_ninety_five(void **state)
{
    unsigned seed = 1;

    (void)state;
    for (int round = 0; round < 20; round++) {
        struct bench *bench = prepare_open();
        bool is_guilty[TAGS_MAX] = {false};
        unsigned planned = requests_of_a_read(bench);

        refuse_five(bench, &seed, is_guilty);
        (void)requests_of_a_read(bench);
        (void)requests_of_a_read(bench);
        for (int cycle = 0; cycle < 3; cycle++) {
            assert_true(requests_of_a_read(bench) <= planned + 10);
            assert_int_equal(count_right(bench, 1, EACH), TAGS_MAX - 5);
            assert_int_equal(count_refused(bench, is_guilty), 5);
        }
        assert_int_equal(world->connections(bench->device), 1);
        finish(bench);
    }
}

static void the_refused_heal_within_a_minute(void **state)
{
    struct bench *bench = prepare_open();
    unsigned planned = requests_of_a_read(bench);
    unsigned steady;

    (void)state;
    for (uint16_t i = 10; i < 60; i += 10) {
        world->refuse(bench->device, TABLE_HOLDING, i, true);
    }
    (void)requests_of_a_read(bench);
    steady = requests_of_a_read(bench);
    assert_int_equal(count_right(bench, 1, EACH), TAGS_MAX - 5);
    atomic_fetch_add(&skipped_s, RETRY_US / 1000000);
    assert_int_equal(requests_of_a_read(bench), steady + 5); /* each on its own, once */
    assert_true(steady + 5 <= planned + 10);
    assert_int_equal(count_right(bench, 1, EACH), TAGS_MAX - 5); /* still refused */
    for (uint16_t i = 10; i < 60; i += 10) {
        world->refuse(bench->device, TABLE_HOLDING, i, false);
    }
    assert_int_equal(requests_of_a_read(bench), steady);
    assert_int_equal(count_right(bench, 1, EACH), TAGS_MAX - 5); /* not tried yet */
    atomic_fetch_add(&skipped_s, RETRY_US / 1000000);
    (void)requests_of_a_read(bench);
    assert_all_right(bench, 1, EACH); /* the try is itself a reading */
    assert_int_equal(requests_of_a_read(bench), planned);
    assert_all_right(bench, 1, EACH);
    finish(bench);
}

/* Which of the line's registers are refused in the tests below. */
typedef bool guilty_function(uint16_t address);

static bool is_any(uint16_t address)
{
    (void)address;
    return true;
}

static bool is_second(uint16_t address)
{
    return address % 2 == 1;
}

static bool is_first(uint16_t address)
{
    return address == 0;
}

static bool is_last(uint16_t address)
{
    return address == LINE_TAGS - 1;
}

static void only_the_guilty_are_bad(guilty_function *is_guilty, int reads,
                                    unsigned requests_most)
{
    struct bench *bench = prepare_open();
    unsigned requests;

    for (int i = 0; i < LINE_TAGS; i++) {
        world->refuse(bench->device, TABLE_HOLDING, (uint16_t)i, is_guilty((uint16_t)i));
    }
    for (int i = 0; i < reads; i++) {
        assert_true(requests_of_a_read(bench) <= 4 + 64 + 60); /* bisecting is bounded */
    }
    requests = requests_of_a_read(bench);
    assert_true(requests <= requests_most);
    for (size_t i = 0; i < bench->map.tags_count; i++) {
        assert_true(i < LINE_TAGS && is_guilty((uint16_t)i)
                        ? is_bad(&bench->readings[i], "exception-2")
                        : is_right(bench, 1, i));
    }
    finish(bench);
}

static void a_refused_first_register_is_alone(void **state)
{
    (void)state;
    only_the_guilty_are_bad(is_first, 1, 4);
}

static void a_refused_last_register_is_alone(void **state)
{
    (void)state;
    only_the_guilty_are_bad(is_last, 1, 4);
}

static void every_second_register_refused(void **state)
{
    (void)state;
    only_the_guilty_are_bad(is_second, 5, 53);
}

static void a_whole_table_refused(void **state)
{
    (void)state;
    only_the_guilty_are_bad(is_any, 5, 3);
}

/* A read that asks nothing says so: nobody may take it for a sign of life. */
static void a_read_of_quarantined_registers_alone_is_idle(void **state)
{
    struct bench *bench = prepare_open();
    unsigned requests;
    int reads = 0;

    (void)state;
    world->behave(bench->device, BEHAVE_EXCEPTION + 2, 0);
    while (read_first(bench, EACH) != DRIVER_IDLE) {
        assert_true(++reads < 20); /* bisecting takes a few */
    }
    requests = world->requests(bench->device);
    assert_int_equal(read_first(bench, EACH), DRIVER_IDLE);
    assert_all_bad(bench, "exception-2");
    assert_int_equal(world->requests(bench->device), requests);
    finish(bench);
}

static void a_refused_hole_is_found_and_no_longer_bridged(void **state)
{
    struct bench *bench = prepare();
    struct driver_request requests[REQUESTS_MAX];

    (void)state;
    for (uint16_t i = 0; i < 80; i++) {
        add_tag(bench, TABLE_HOLDING, (uint16_t)(i + i / 10), 0); /* a hole after each ten */
    }
    world->refuse(bench->device, TABLE_HOLDING, 43, true); /* one of the holes */
    create(bench);
    open_link(bench);
    assert_int_equal(driver->plan(bench->handle, 0, NULL, 0), 1);
    assert_true(requests_of_a_read(bench) <= 3); /* at the middle hole: at once */
    assert_all_right(bench, 1, EACH);
    world->refuse(bench->device, TABLE_HOLDING, 10, true); /* another */
    assert_true(requests_of_a_read(bench) <= 8);
    assert_all_right(bench, 1, EACH);
    assert_int_equal(requests_of_a_read(bench), 3);
    assert_all_right(bench, 1, EACH);
    assert_int_equal(driver->plan(bench->handle, 0, requests, REQUESTS_MAX), 3);
    for (size_t i = 0; i < 3; i++) {
        assert_false(requests[i].is_quarantined);
    }
    finish(bench);
}

static void a_device_with_a_lower_limit_is_found_out(void **state)
{
    struct bench *bench = prepare_open();

    (void)state;
    world->limit(bench->device, 29); /* Altivar 312 */
    for (int i = 0; i < 4; i++) {
        (void)requests_of_a_read(bench);
        assert_all_right(bench, 1, EACH);
    }
    assert_in_range(requests_of_a_read(bench), 7, 11); /* 4 to 8 for 100 registers, 3 others */
    finish(bench);
}

static uint64_t world_quad(uint16_t address)
{
    uint64_t value = 0;

    for (int i = 0; i < 4; i++) {
        value = value << 16 | world_word(1, TABLE_HOLDING, (uint16_t)(address + i));
    }
    return value;
}

static void values_of_several_registers_are_never_split(void **state)
{
    struct bench *bench = prepare();
    unsigned planned;

    (void)state;
    for (int i = 0; i < 30; i++) {
        add_tag(bench, TABLE_HOLDING, (uint16_t)(4 * i), 0);
        bench->tags[i].type = TYPE_UINT64;
        bench->tags[i].registers = 4;
        memcpy(bench->tags[i].order, (const uint8_t[]){0, 1, 2, 3, 4, 5, 6, 7}, MAP_ORDER_MAX);
    }
    world->refuse(bench->device, TABLE_HOLDING, 42, true); /* within the tag at 40 */
    create(bench);
    open_link(bench);
    planned = (unsigned)driver->plan(bench->handle, 0, NULL, 0);
    for (int cycle = 0; cycle < 3; cycle++) {
        (void)requests_of_a_read(bench);
        for (size_t i = 0; i < 30; i++) {
            assert_true(i == 10 ? is_bad(&bench->readings[i], "exception-2")
                                : bench->readings[i].value.natural ==
                                      world_quad(bench->tags[i].address));
        }
    }
    assert_true(requests_of_a_read(bench) <= planned + 1);
    finish(bench);
}

/* ---- pauses, interrupt, limits ---- */

static void gap_and_settle_are_kept(void **state)
{
    struct bench *bench = prepare();
    int64_t begun_ms;

    (void)state;
    add_default_tags(bench);
    bench->link.gap_ms = 20;
    bench->link.settle_ms = 50;
    create(bench);
    begun_ms = now_ms();
    open_link(bench);
    assert_in_range(now_ms() - begun_ms, 50, 150);
    begun_ms = now_ms();
    assert_int_equal(read_first(bench, EACH), DRIVER_OK);
    assert_in_range(now_ms() - begun_ms, 3 * 20 - 1, 200);
    begun_ms = now_ms();
    assert_int_equal(read_first(bench, SLOW), DRIVER_OK);
    assert_in_range(now_ms() - begun_ms, 19, 100); /* between reads too */
    finish(bench);
}

struct call {
    struct bench *bench;
    enum driver_status (*make)(struct bench *bench);
    enum driver_status status;
    int64_t ended_ms;
};

static void *run_call(void *argument)
{
    struct call *call = argument;

    call->status = call->make(call->bench);
    call->ended_ms = now_ms();
    return NULL;
}

static enum driver_status call_open(struct bench *bench)
{
    return driver->open(bench->handle);
}

static enum driver_status call_read(struct bench *bench)
{
    return read_first(bench, EACH);
}

/* Interrupts the call once it is under way (or not yet: that must not matter). */
static void interrupt_ends(struct bench *bench, enum driver_status (*make)(struct bench *bench),
                           int after_ms)
{
    struct call call = {.bench = bench, .make = make};
    pthread_t thread;
    int64_t interrupted_ms;

    assert_int_equal(pthread_create(&thread, NULL, run_call, &call), 0);
    (void)poll(NULL, 0, after_ms);
    interrupted_ms = now_ms();
    driver->interrupt(bench->handle);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(call.status, DRIVER_INTERRUPTED);
    assert_true(call.ended_ms - interrupted_ms < INTERRUPT_MS);
    assert_int_equal(read_first(bench, EACH), DRIVER_INTERRUPTED);
    assert_all_bad(bench, "no-link");
    driver->close(bench->handle);
    assert_int_equal(driver->open(bench->handle), DRIVER_INTERRUPTED); /* and every later one */
    finish(bench);
}

static struct bench *prepare_patient(void)
{
    struct bench *bench = prepare();

    add_default_tags(bench);
    bench->link.timeout_ms = 20000;
    return bench;
}

static void m17_interrupt_ends_a_read(void **state)
{
    (void)state;
    for (int after_ms = 0; after_ms <= 50; after_ms += 25) {
        struct bench *bench = prepare_patient();

        create(bench);
        open_link(bench);
        world->behave(bench->device, BEHAVE_MUTE, 0);
        interrupt_ends(bench, call_read, after_ms);
    }
}

static void m17_interrupt_ends_an_open_without_answer(void **state)
{
    (void)state;
    for (int after_ms = 0; after_ms <= 50; after_ms += 25) {
        struct bench *bench = prepare_patient();
        struct hole hole;

        dig(&hole, &bench->link);
        create(bench);
        interrupt_ends(bench, call_open, after_ms);
        fill(&hole);
    }
}

static void m17_interrupt_ends_the_settle_time(void **state)
{
    struct bench *bench = prepare_patient();

    (void)state;
    bench->link.settle_ms = 20000;
    create(bench);
    interrupt_ends(bench, call_open, 50);
}

static void m17_interrupt_ends_a_gap(void **state)
{
    struct bench *bench = prepare_patient();

    (void)state;
    bench->link.gap_ms = 20000;
    create(bench);
    open_link(bench);
    assert_int_equal(read_first(bench, SLOW), DRIVER_OK);
    interrupt_ends(bench, call_read, 50);
}

static enum driver_status call_open_and_read(struct bench *bench)
{
    enum driver_status status = DRIVER_OK;

    while (status == DRIVER_OK) {
        driver->close(bench->handle);
        status = driver->open(bench->handle);
        if (status == DRIVER_OK) {
            status = read_first(bench, EACH);
        }
    }
    return status;
}

static void interrupt_at_any_moment(void **state)
{
    (void)state;
    for (int i = 0; i < 200; i++) {
        struct bench *bench = prepare_patient();

        create(bench);
        interrupt_ends(bench, call_open_and_read, i % 3);
    }
}

static void set_descriptors_limit(rlim_t count)
{
    struct rlimit limit;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = count;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static void m6_descriptors_beyond_1024_do_no_harm(void **state)
{
    struct bench *bench = prepare();
    struct driver_error error = {""};
    int taken[1100];
    size_t count = 0;

    (void)state;
    add_default_tags(bench);
    set_descriptors_limit(2048);
    create(bench);
    while (count < 1100) {
        taken[count++] = open("/dev/null", O_RDONLY | O_CLOEXEC);
    }
    assert_true(taken[count - 1] >= 1024);
    for (int i = 0; i < 3; i++) {
        reopen(bench);
    }
    assert_null(driver->create(&bench->factory, &bench->link, &error));
    assert_non_null(strstr(error.text, "descriptor"));
    driver->close(bench->handle);
    set_descriptors_limit((rlim_t)taken[count - 1]);
    assert_int_equal(driver->open(bench->handle), DRIVER_LIMIT);
    set_descriptors_limit(2048);
    while (count > 0) {
        (void)close(taken[--count]);
    }
    reopen(bench);
    finish(bench);
}

/* ---- the list ---- */

static const struct CMUnitTest claims[] = {
    cmocka_unit_test(create_opens_nothing),
    cmocka_unit_test(create_refuses_a_value_longer_than_a_request),
    cmocka_unit_test(create_without_tags_or_machines_works),
    cmocka_unit_test(open_says_refused_when_nobody_listens),
    cmocka_unit_test(m8_open_unanswered_ends_within_the_timeout),
    cmocka_unit_test(m9_an_unknown_name_ends_within_the_timeout),
    cmocka_unit_test(m10_names_are_resolved),
    cmocka_unit_test(m11_close_twice_and_reopen),
    cmocka_unit_test(m11_no_descriptor_and_no_byte_more_after_1000_cycles),
    cmocka_unit_test(destroy_gives_everything_back),
    cmocka_unit_test(read_fills_every_reading),
    cmocka_unit_test(values_of_one_request_have_one_time),
    cmocka_unit_test(units_share_the_connection),
    cmocka_unit_test(plan_lists_the_requests),
    cmocka_unit_test(m15_probe_reads_to_the_limits_of_the_protocol),
    cmocka_unit_test(a_probe_interpreted_is_a_reading),
    cmocka_unit_test(a_text_of_the_largest_length_is_interpreted),
    cmocka_unit_test(m1_a_late_answer_is_never_taken_for_the_next),
    cmocka_unit_test(m4_one_byte_then_nothing_ends_within_the_timeout),
    cmocka_unit_test(m5_a_dribbled_answer_ends_within_the_timeout),
    cmocka_unit_test(no_answer_ends_within_the_timeout),
    cmocka_unit_test(m3_a_foreign_transaction_is_refused),
    cmocka_unit_test(m12_another_unit_is_refused),
    cmocka_unit_test(m12_another_protocol_is_refused),
    cmocka_unit_test(m12_a_lying_length_is_refused),
    cmocka_unit_test(another_function_is_refused),
    cmocka_unit_test(a_lying_byte_count_is_refused),
    cmocka_unit_test(an_exception_without_code_is_refused),
    cmocka_unit_test(m13_garbage_is_refused),
    cmocka_unit_test(m18_a_closed_connection_is_told),
    cmocka_unit_test(m18_a_reset_connection_is_told),
    cmocka_unit_test(m2_a_second_answer_does_no_harm),
    cmocka_unit_test(m2_a_stale_answer_before_the_right_one_is_dropped),
    cmocka_unit_test(an_answer_in_single_bytes_is_good),
    cmocka_unit_test(stale_answers_alone_end_within_the_timeout),
    cmocka_unit_test(what_was_answered_before_the_end_keeps_its_values),
    cmocka_unit_test(every_exchange_is_counted_as_what_it_was),
    cmocka_unit_test(d9_an_exception_keeps_the_connection),
    cmocka_unit_test(a_dead_unit_is_not_a_dead_link),
    cmocka_unit_test(five_of_a_hundred_refused_leave_ninety_five),
    cmocka_unit_test(the_refused_heal_within_a_minute),
    cmocka_unit_test(a_refused_first_register_is_alone),
    cmocka_unit_test(a_refused_last_register_is_alone),
    cmocka_unit_test(every_second_register_refused),
    cmocka_unit_test(a_whole_table_refused),
    cmocka_unit_test(a_read_of_quarantined_registers_alone_is_idle),
    cmocka_unit_test(a_refused_hole_is_found_and_no_longer_bridged),
    cmocka_unit_test(a_device_with_a_lower_limit_is_found_out),
    cmocka_unit_test(values_of_several_registers_are_never_split),
    cmocka_unit_test(gap_and_settle_are_kept),
    cmocka_unit_test(m17_interrupt_ends_a_read),
    cmocka_unit_test(m17_interrupt_ends_an_open_without_answer),
    cmocka_unit_test(m17_interrupt_ends_the_settle_time),
    cmocka_unit_test(m17_interrupt_ends_a_gap),
    cmocka_unit_test(interrupt_at_any_moment),
    cmocka_unit_test(m6_descriptors_beyond_1024_do_no_harm),
};

static const struct world *find_world(const char *name)
{
    const struct world *const *found = worlds;

    while (*found != NULL && strcmp((*found)->driver, name) != 0) {
        found++;
    }
    return *found;
}

int main(void)
{
    size_t count;
    const struct driver *const *drivers = driver_all(&count);
    int failed = 0;

    for (size_t i = 0; i < count; i++) {
        driver = drivers[i];
        world = find_world(driver->name);
        if (world == NULL || driver_find(driver->name) != driver) {
            (void)fprintf(stderr, "driver %s has no world here\n", driver->name);
            return 1;
        }
        failed += _cmocka_run_group_tests(driver->name, claims, sizeof claims / sizeof *claims,
                                          NULL, NULL);
    }
    return failed;
}
