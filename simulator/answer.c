#include "simulator/answer.h"

#include <assert.h>
#include <math.h>
#include <string.h>
#include <time.h>

static const enum table tables[] = {
    [MBAP_READ_COILS] = TABLE_COIL,       [MBAP_READ_DISCRETES] = TABLE_DISCRETE,
    [MBAP_READ_HOLDINGS] = TABLE_HOLDING, [MBAP_READ_INPUTS] = TABLE_INPUT,
    [MBAP_WRITE_COIL] = TABLE_COIL,       [MBAP_WRITE_HOLDING] = TABLE_HOLDING,
    [MBAP_WRITE_COILS] = TABLE_COIL,      [MBAP_WRITE_HOLDINGS] = TABLE_HOLDING,
};

static int64_t wall_clock_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static struct world_unit *find_unit(const struct answer_endpoint *endpoint, uint8_t unit_id)
{
    for (size_t i = 0; i < endpoint->units_count; i++) {
        if (endpoint->units[i]->machine->unit_id == unit_id) {
            return endpoint->units[i];
        }
    }
    bool is_first = endpoint->personality->ignores_unit;
    for (size_t i = 0; i < endpoint->personality->aliases_count; i++) {
        is_first = is_first || endpoint->personality->aliases[i] == unit_id;
    }
    return is_first ? endpoint->units[0] : NULL;
}

/* What the unit itself insists on, unless the scene took all personalities away. */
static const struct personality *manners(const struct answer_endpoint *endpoint,
                                         const struct world_unit *unit)
{
    return endpoint->personality == personality_none() ? personality_none() : unit->personality;
}

static bool is_gone(const struct faults *faults, const struct world_unit *unit,
                    const struct answer *answer)
{
    for (const struct fault *fault = faults_next(faults, NULL); fault != NULL;
         fault = faults_next(faults, fault)) {
        bool overlaps = fault->table == answer->table &&
                        fault->address < (uint32_t)answer->address + answer->count &&
                        answer->address < (uint32_t)fault->address + fault->count;
        if (overlaps &&
            fault_strikes(fault, FAULT_ON_ADDRESS, unit->link, unit->machine->name)) {
            return true;
        }
    }
    return false;
}

static enum mbap_exception read_unit(struct world *world, struct world_unit *unit,
                                     const struct personality *personality,
                                     const struct mbap_request *request, struct answer *answer)
{
    if (!mbap_is_bits(request->function) && request->count > personality->max_registers) {
        return MBAP_ILLEGAL_VALUE;
    }
    const struct registers *registers = world_read(world, unit, wall_clock_us());
    const uint16_t *words =
        registers_find(registers, answer->table, request->address, request->count);
    if (words == NULL) {
        return MBAP_ILLEGAL_ADDRESS;
    }
    if (personality->refuses_cut_values &&
        registers_cuts_value(registers, answer->table, request->address, request->count)) {
        return MBAP_ILLEGAL_ADDRESS;
    }
    answer->reply.length = mbap_build_read(request, words, answer->reply.bytes);
    answer->is_served = true;
    return MBAP_NO_EXCEPTION;
}

static enum mbap_exception write_unit(struct world *world, struct world_unit *unit,
                                      const struct personality *personality,
                                      const struct mbap_request *request, struct answer *answer)
{
    /* What the client did not write is as it was. */
    (void)world_read(world, unit, wall_clock_us());
    uint16_t *words = registers_find_writable(unit->registers, answer->table, request->address,
                                              request->count);
    if (words == NULL) {
        return MBAP_ILLEGAL_ADDRESS;
    }
    for (size_t i = 0; i < request->count; i++) {
        words[i] = mbap_written_word(request, i);
    }
    world_written(unit, answer->table, request->address, request->count);
    answer->reply.length = mbap_build_written(request, answer->reply.bytes);
    bool is_acknowledged = personality->acknowledged != NULL &&
                           answer->table == TABLE_HOLDING &&
                           answer->address == *personality->acknowledged;
    return is_acknowledged ? MBAP_ACKNOWLEDGE : MBAP_NO_EXCEPTION;
}

static enum mbap_exception serve(const struct answer_parts *parts,
                                 const struct answer_endpoint *endpoint,
                                 struct world_unit *unit, const struct mbap_request *request,
                                 struct answer *answer)
{
    if (request->exception != MBAP_NO_EXCEPTION) {
        return (enum mbap_exception)request->exception;
    }
    answer->table = tables[request->function];
    answer->address = request->address;
    answer->count = request->count;
    if (endpoint->has_faults && is_gone(parts->faults, unit, answer)) {
        return MBAP_ILLEGAL_ADDRESS;
    }
    const struct personality *own = manners(endpoint, unit);
    if (mbap_is_read(request->function)) {
        return read_unit(parts->world, unit, own, request, answer);
    }
    bool is_busy = own->busy_chance > 0 && random_uniform(parts->random) < own->busy_chance;
    return is_busy ? MBAP_BUSY : write_unit(parts->world, unit, own, request, answer);
}

static void apply_faults(const struct answer_parts *parts,
                         const struct answer_endpoint *endpoint, const char *machine,
                         struct answer *answer)
{
    uint8_t before[MBAP_ADU_MAX];
    size_t length = answer->reply.length;
    memcpy(before, answer->reply.bytes, length);
    for (const struct fault *fault = faults_next(parts->faults, NULL); fault != NULL;
         fault = faults_next(parts->faults, fault)) {
        if (fault_strikes(fault, FAULT_ON_REPLY, endpoint->link, machine)) {
            fault_apply(fault, &answer->reply, parts->random);
        }
    }
    bool is_unharmed = !answer->reply.resets && answer->reply.length == length &&
                       memcmp(before, answer->reply.bytes, length) == 0;
    answer->is_served = answer->is_served && is_unharmed;
}

static int64_t draw_latency(const struct personality *personality, struct random *random)
{
    if (personality->latency_us == 0) {
        return 0;
    }
    double spread = (2.0 * random_uniform(random) - 1.0) * personality->jitter_us;
    bool is_late = random_uniform(random) < personality->late_chance;
    double latency_us = fmax(0.0, personality->latency_us + spread);
    return (int64_t)latency_us + (is_late ? personality->late_us : 0);
}

void answer_request(const struct answer_parts *parts, const struct answer_endpoint *endpoint,
                    const struct mbap_request *request, bool is_surplus, struct answer *answer)
{
    const struct personality *personality = endpoint->personality;
    struct world_unit *unit = find_unit(endpoint, request->unit);
    bool is_silent = request->unit == personality->silent_unit ||
                     (unit == NULL && personality->is_silent_for_others);
    answer->reply.length = 0;
    answer->reply.delay_us = 0;
    answer->reply.dribble_us = 0;
    answer->reply.resets = false;
    answer->is_served = false;
    answer->unit = request->unit;
    if (is_silent) {
        return;
    }
    enum mbap_exception exception = unit == NULL || is_surplus
                                        ? MBAP_TARGET_SILENT
                                        : serve(parts, endpoint, unit, request, answer);
    if (exception != MBAP_NO_EXCEPTION) {
        answer->reply.length =
            mbap_build_exception(request, (uint8_t)exception, answer->reply.bytes);
    }
    answer->reply.delay_us = draw_latency(personality, parts->random) +
                             (unit == NULL ? personality->stranger_us : 0);
    answer->reply.resets = personality->drop_chance > 0 &&
                           random_uniform(parts->random) < personality->drop_chance;
    if (endpoint->has_faults) {
        apply_faults(parts, endpoint, unit != NULL ? unit->machine->name : "", answer);
    }
}

static bool is_struck(const struct answer_endpoint *endpoint, const struct fault *fault,
                      enum fault_effect effect)
{
    for (size_t i = 0; i < endpoint->units_count; i++) {
        if (fault_strikes(fault, effect, endpoint->link, endpoint->units[i]->machine->name)) {
            return true;
        }
    }
    return false;
}

const struct fault *answer_endpoint_fault(const struct answer_endpoint *endpoint,
                                          const struct faults *faults, enum fault_effect effect)
{
    for (const struct fault *fault = faults_next(faults, NULL); fault != NULL;
         fault = faults_next(faults, fault)) {
        if (is_struck(endpoint, fault, effect)) {
            return fault;
        }
    }
    return NULL;
}

uint16_t answer_word(const struct answer *answer, size_t i)
{
    assert(answer->is_served);
    assert(i < answer->count);
    const uint8_t *data = answer->reply.bytes + MBAP_HEADER_SIZE + 2;
    return (uint16_t)(table_is_bits(answer->table) ? data[i / 8] >> (i % 8) & 1
                                                   : data[2 * i] << 8 | data[2 * i + 1]);
}
