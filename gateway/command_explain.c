#include <stdlib.h>
#include <string.h>

#include "config/memory.h"
#include "gateway/command.h"
#include "gateway/explain.h"
#include "gateway/sentence.h"

enum { EXCEPTION_ADDRESS = 2, EXCEPTION_VALUE = 3, BITS_MAX = 2000 };

const struct command_option command_explain_options[] = {
    [TARGET_SCALE] = {"scale", "S", "shows every number as raw × S, as the daemon would"},
    [TARGET_OFFSET] = {"offset", "O", "adds O to that"},
    [TARGET_MIN] = {"min", "A", "what is less is ranked behind"},
    [TARGET_MAX] = {"max", "B", "what is more is ranked behind"},
    {.name = NULL},
};

/* A device with a driver's link of its own, that no factory file names. */
struct device {
    const struct driver *driver;
    void *link;
    struct link settings;
    struct factory factory;
    uint16_t *words;
    struct driver_exchange exchange;
};

static bool create_device(struct device *device, const struct target *target)
{
    struct driver_error error;
    device->settings = (struct link){
        .name = "explain",
        .driver = target->driver,
        .host = target->host,
        .port = target->port,
        .timeout_ms = target->timeout_ms,
    };
    device->factory = (struct factory){.links = &device->settings, .links_count = 1};
    device->driver = driver_find(target->driver);
    device->link = device->driver->create(&device->factory, &device->settings, &error);
    device->words = memory_allocate(BITS_MAX, sizeof *device->words);
    if (device->link == NULL) {
        (void)fprintf(stderr, "formlab-gateway explain: %s\n", error.text);
    }
    return device->link != NULL;
}

static void destroy_device(struct device *device)
{
    device->driver->destroy(device->link);
    free(device->words);
}

static void tell_status(const struct target *target, enum driver_status status)
{
    bool is_ipv6 = strchr(target->host, ':') != NULL;
    (void)fprintf(stderr, "formlab-gateway explain: %s%s%s:%u unit %u: %s.\n",
                  is_ipv6 ? "[" : "", target->host, is_ipv6 ? "]" : "", target->port,
                  target->unit_id, sentence_status(status));
}

static enum driver_status probe(struct device *device, const struct target *target)
{
    return device->driver->probe(device->link, target->unit_id, target->table, target->address,
                                 target->count, device->words, &device->exchange);
}

static void show(struct device *device, const struct target *target)
{
    explain_words(target, device->words, stdout);
    if (!table_is_bits(target->table)) {
        struct guess_block block = {
            .words = device->words,
            .count = target->count,
            .interpret = device->driver->interpret,
            .row = target->row,
        };
        explain_readings(target, &block, stdout);
    }
}

/* ---- a refused address ---- */

/* Another place that may have been meant. */
struct attempt {
    int distance; /* from the address that was asked for */
    bool is_single;
    const char *meaning;
};

static const struct attempt attempts[] = {
    {-1, false, "the manual may count from 1"},
    {1, false, "the manual may count from 0 where this device does not"},
    {0, true, "ask for less at a time"},
};
enum { ATTEMPTS_COUNT = sizeof attempts / sizeof attempts[0] };

static bool move_target(const struct target *target, const struct attempt *attempt,
                        struct target *moved)
{
    *moved = *target;
    long address = (long)target->address + attempt->distance;
    moved->count = attempt->is_single ? 1 : target->count;
    moved->address = (uint16_t)address;
    bool is_other = attempt->distance != 0 || target->count > 1;
    return is_other && address >= 0 && address + moved->count <= TABLE_SIZE;
}

static void print_range(const struct target *target)
{
    (void)printf("%u", target->address);
    if (target->count > 1) {
        (void)printf("-%u", target->address + target->count - 1U);
    }
}

static void tell_attempt(const struct target *target, const struct target *moved,
                         const struct attempt *attempt, bool is_answered)
{
    bool is_one = target->count == 1;
    (void)fputs(is_one ? "Address " : "Addresses ", stdout);
    print_range(target);
    (void)fputs(is_one ? " is refused; " : " are refused; ", stdout);
    print_range(moved);
    if (is_answered) {
        (void)printf(" %s%s: %s.\n", attempt->is_single ? "alone " : "",
                     moved->count == 1 ? "answers" : "answer", attempt->meaning);
    } else {
        (void)printf("%s too.\n", attempt->is_single ? " alone" : "");
    }
}

/* Tries what else may have been meant, says what answers, and shows the first. */
static enum driver_status try_others(struct device *device, const struct target *target)
{
    enum driver_status status = DRIVER_OK;
    uint16_t *kept = memory_allocate(BITS_MAX, sizeof *kept);
    struct target first = {.count = 0};
    for (size_t at = 0; at < ATTEMPTS_COUNT && status == DRIVER_OK; at++) {
        struct target moved;
        if (!move_target(target, &attempts[at], &moved)) {
            continue;
        }
        status = probe(device, &moved);
        bool is_answered = status == DRIVER_OK && device->exchange.exception == 0;
        if (status == DRIVER_OK) {
            tell_attempt(target, &moved, &attempts[at], is_answered);
        }
        if (is_answered && first.count == 0) {
            first = moved;
            memcpy(kept, device->words, moved.count * sizeof *kept);
        }
    }
    if (first.count > 0) {
        memcpy(device->words, kept, first.count * sizeof *kept);
        show(device, &first);
    }
    free(kept);
    return status;
}

/* ---- the command ---- */

static int explain(struct device *device, const struct target *target)
{
    enum driver_status status = device->driver->open(device->link);
    if (status == DRIVER_OK) {
        status = probe(device, target);
        explain_exchange(&device->exchange, stdout);
    }
    uint8_t exception = device->exchange.exception;
    if (exception != 0) {
        (void)printf("\nException %u: %s.\n", exception, sentence_exception(exception));
    }
    if (status == DRIVER_OK && exception == 0) {
        show(device, target);
        return EXIT_DONE;
    }
    if (status == DRIVER_OK &&
        (exception == EXCEPTION_ADDRESS || exception == EXCEPTION_VALUE)) {
        status = try_others(device, target);
    }
    if (status != DRIVER_OK) {
        (void)fflush(stdout);
        tell_status(target, status);
    }
    return EXIT_FAILED;
}

int command_explain(const struct command_line *line)
{
    char error[TARGET_ERROR_SIZE];
    struct target target;
    struct arena *arena = arena_create();
    const char *count = line->arguments_count > 2 ? line->arguments[2] : NULL;
    int code = EXIT_USAGE;
    if (!target_parse_url(arena, line->arguments[0], &target, error) ||
        !target_parse_place(line->arguments[1], &target, error) ||
        !target_parse_count(count, &target, error) ||
        !target_parse_decimals(line->values, &target, error)) {
        (void)fprintf(stderr, "formlab-gateway explain: %s\n", error);
    } else {
        struct device device = {.driver = NULL};
        code = create_device(&device, &target) ? explain(&device, &target) : EXIT_FAILED;
        destroy_device(&device);
    }
    arena_destroy(arena);
    return code;
}
