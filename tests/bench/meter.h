/* What every bench program needs: its own CPU and wall time, the payload to send or store, and
 * one line of JSON for the result. Bench programs end with 1 and a sentence when they cannot
 * measure. Everything is static; include it once in a program. */
#ifndef TESTS_BENCH_METER_H
#define TESTS_BENCH_METER_H

#include <inttypes.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#define METER_UNUSED __attribute__((unused))

enum { METER_NS_PER_US = 1000, METER_US_PER_S = 1000000, METER_US_PER_MS = 1000 };
enum { PAYLOAD_ROOM = 65536 };

static METER_UNUSED void meter_fail(const char *format, ...)
    __attribute__((format(printf, 1, 2), noreturn));

static void meter_fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vfprintf(stderr, format, arguments);
    va_end(arguments);
    (void)fputc('\n', stderr);
    exit(EXIT_FAILURE); /* NOLINT(concurrency-mt-unsafe): nothing is registered with atexit */
}

/* A monotonic time in nanoseconds. */
static METER_UNUSED int64_t meter_now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * METER_US_PER_S * METER_NS_PER_US + now.tv_nsec;
}

/* CPU time of all threads of this process, user and system, in nanoseconds. The kernel's own
 * count of what was run: getrusage() gives the same sum in steps of microseconds. */
static METER_UNUSED int64_t meter_cpu_ns(void)
{
    struct timespec used;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (int64_t)used.tv_sec * METER_US_PER_S * METER_NS_PER_US + used.tv_nsec;
}

struct meter {
    int64_t wall_ns;
    int64_t cpu_ns;
};

static METER_UNUSED struct meter meter_start(void)
{
    return (struct meter){.wall_ns = meter_now_ns(), .cpu_ns = meter_cpu_ns()};
}

/* {"count":…,"wall_ns":…,"cpu_ns":…} of what was done since the start. */
static METER_UNUSED void meter_print(const struct meter *start, uint64_t count)
{
    int64_t cpu_ns = meter_cpu_ns() - start->cpu_ns;
    int64_t wall_ns = meter_now_ns() - start->wall_ns;
    (void)printf("{\"count\":%" PRIu64 ",\"wall_ns\":%" PRId64 ",\"cpu_ns\":%" PRId64 "}\n",
                 count, wall_ns, cpu_ns);
    (void)fflush(stdout);
}

/* Waits for the next beat of a period; `due_ns` moves by one period. */
static METER_UNUSED void meter_wait(int64_t *due_ns, long period_ms)
{
    const int64_t per_s = (int64_t)METER_US_PER_S * METER_NS_PER_US;
    *due_ns += (int64_t)period_ms * METER_US_PER_MS * METER_NS_PER_US;
    struct timespec due = {.tv_sec = *due_ns / per_s, .tv_nsec = *due_ns % per_s};
    (void)clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL);
}

static METER_UNUSED long meter_number(const char *text)
{
    char *end;
    long number = strtol(text, &end, 10);
    if (end == text || *end != '\0' || number < 0) {
        meter_fail("%s is no number", text);
    }
    return number;
}

struct payload {
    char text[PAYLOAD_ROOM];
    size_t length;
};

/* The file's whole content: the same bytes for the bare library and for us. */
static METER_UNUSED void meter_read_payload(const char *file, struct payload *payload)
{
    FILE *stream = fopen(file, "re");
    if (stream == NULL) {
        meter_fail("%s cannot be opened", file);
    }
    payload->length = fread(payload->text, 1, sizeof payload->text - 1, stream);
    payload->text[payload->length] = '\0';
    (void)fclose(stream);
    if (payload->length == 0) {
        meter_fail("%s is empty", file);
    }
}

#endif
