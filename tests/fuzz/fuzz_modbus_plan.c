/* Any tags, limits and refusals: the plan stays sound, and comes to rest. */
#include "drivers/modbus_plan.h"

#include <stdlib.h>
#include <string.h>

/* The claim does not hold: let the fuzzer keep the input. */
#define CHECK(claim) ((claim) ? (void)0 : abort())

enum { TAGS_MAX = 60, TAG_BYTES = 4, HEADER_BYTES = 4, SPREAD = 128, READS_MAX = 200 };

/* NOLINTNEXTLINE(readability-identifier-naming): the fuzzer calls it so */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct problem {
    struct modbus_plan_tag tags[TAGS_MAX];
    size_t count;
    struct modbus_plan_limits limits;
    unsigned refused; /* which addresses are refused: those that divide by it */
};

static void choose(struct problem *problem, const uint8_t *data, size_t size)
{
    problem->limits.max_registers = (uint16_t)(1 + data[0] % 125);
    problem->limits.max_bits = (uint16_t)(1 + data[1] * 4);
    problem->limits.max_hole = data[2] % 32;
    problem->refused = data[3];
    data += HEADER_BYTES;
    size -= HEADER_BYTES;
    while (size >= TAG_BYTES && problem->count < TAGS_MAX) {
        struct modbus_plan_tag *tag = &problem->tags[problem->count++];

        tag->table = (enum table)(data[0] % TABLES_COUNT);
        tag->period = data[0] / TABLES_COUNT % 2;
        tag->address = (uint16_t)(data[1] % SPREAD + ((data[0] & 0x80) != 0 ? 65400 : 0));
        tag->count = table_is_bits(tag->table)
                         ? 1
                         : (uint16_t)(1 + data[2] % 8 % problem->limits.max_registers);
        tag->partner = -1;
        data += TAG_BYTES;
        size -= TAG_BYTES;
    }
    for (size_t i = 0; i < problem->count; i++) {
        size_t partner = problem->tags[i].address % problem->count;

        if (problem->tags[partner].table == problem->tags[i].table &&
            problem->tags[partner].period == problem->tags[i].period &&
            problem->tags[i].count == 1) {
            problem->tags[i].partner = (int)partner;
        }
    }
}

static void check(const struct problem *problem, const struct modbus_plan *plan)
{
    size_t times[TAGS_MAX] = {0};

    for (size_t i = 0; i < modbus_plan_count(plan); i++) {
        const struct modbus_plan_request *request = modbus_plan_get(plan, i);
        uint32_t end = (uint32_t)request->address + request->count;

        CHECK(end <= UINT16_MAX + 1);
        CHECK(request->count <= (table_is_bits(request->table)
                                     ? problem->limits.max_bits
                                     : problem->limits.max_registers));
        CHECK(request->unused < request->count);
        for (size_t k = 0; k < request->tags_count; k++) {
            const struct modbus_plan_tag *tag = &problem->tags[request->tags[k]];

            times[request->tags[k]]++;
            CHECK(tag->table == request->table && tag->period == request->period);
            CHECK(tag->address >= request->address &&
                  (uint32_t)tag->address + tag->count <= end);
        }
    }
    for (size_t i = 0; i < problem->count; i++) {
        CHECK(times[i] == 1);
    }
}

static bool is_refused(const struct problem *problem, uint32_t address, uint32_t count)
{
    for (uint32_t i = address; i < address + count; i++) {
        if (problem->refused != 0 && i % problem->refused == 0) {
            return true;
        }
    }
    return false;
}

static void serve(const struct problem *problem, struct modbus_plan *plan)
{
    unsigned splits = 0;

    for (size_t i = 0; i < modbus_plan_count(plan);) {
        const struct modbus_plan_request *request = modbus_plan_get(plan, i);

        if (request->is_quarantined) {
            i++;
            continue;
        }
        if (!is_refused(problem, request->address, request->count)) {
            modbus_plan_accept(plan, i++);
            continue;
        }
        if (modbus_plan_refuse(plan, i, splits < 32, 2, 0)) {
            splits++;
        } else {
            i++;
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct problem problem = {.count = 0};
    struct modbus_plan *plan;
    size_t guilty = 0;
    int reads = 0;

    if (size < HEADER_BYTES) {
        return 0;
    }
    choose(&problem, data, size);
    plan = modbus_plan_create(problem.tags, problem.count, &problem.limits);
    check(&problem, plan);
    do {
        serve(&problem, plan);
        check(&problem, plan);
        CHECK(reads++ < READS_MAX);
    } while (modbus_plan_renew(plan) || reads < 10);
    for (size_t i = 0; i < modbus_plan_count(plan); i++) {
        const struct modbus_plan_request *request = modbus_plan_get(plan, i);

        guilty += request->is_quarantined ? request->tags_count : 0;
    }
    for (size_t i = 0; i < problem.count; i++) {
        guilty -= is_refused(&problem, problem.tags[i].address, problem.tags[i].count);
    }
    CHECK(guilty == 0);
    modbus_plan_destroy(plan);
    return 0;
}
