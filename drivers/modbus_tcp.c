#include "drivers/modbus_tcp.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <modbus/modbus.h>

#include "config/memory.h"
#include "drivers/modbus_frame.h"
#include "drivers/modbus_plan.h"
#include "drivers/modbus_tag.h"
#include "drivers/moment.h"
#include "drivers/tcp.h"

enum {
    /* Frames for earlier requests (a device that answers twice) that are dropped before one
     * answer; also how far back their numbers may lie. A timeout ends the connection, so that
     * more than one or two is no device but a flood. */
    STALE_MAX = 16,
    /* Requests that bisecting may add to one read: enough to find 5 guilty among 100 at once,
     * few enough not to starve the machines that share the link. */
    BISECT_MAX = 64,
    /* Quarantined requests that are tried again in one read. */
    RETRIES_MAX = 8,
    /* Tried every 60 s, less the beats that it may take until its turn. */
    RETRY_MS = 57000,
    EXCEPTION_ADDRESS = 2, /* illegal data address */
    EXCEPTION_VALUE = 3,   /* illegal data value: some devices mean the address */
    EXCEPTION_PATH = 10,   /* gateway path unavailable */
    EXCEPTION_TARGET = 11, /* gateway target device failed to respond */
};

_Static_assert(DRIVER_REPLY_MAX == MODBUS_TCP_MAX_ADU_LENGTH, "libmodbus fills a whole ADU");
_Static_assert(FACTORY_PERIODS_MAX <= 32, "a bit of `due` for each");

/* Where a tag is found on the wire, and where its text is kept. */
struct place {
    uint32_t text_at; /* in the unit's text */
    uint16_t address;
    uint8_t plain; /* enum modbus_plain: its tag need not be looked at */
};

/* A machine behind the link. */
struct unit {
    const struct machine *machine;
    struct modbus_plan *plan;
    /* By the first tag of their request; NULL where none begins. A machine with many tags has
     * few requests: only those that were planned or split off have one. */
    struct driver_exchange **exchanges;
    char *text;
    struct place *places; /* by tag */
};

struct modbus_link {
    const struct link *link;
    struct tcp *tcp;
    modbus_t *modbus;
    struct unit *units;
    bool is_usable;       /* connected, and nothing went wrong since */
    uint16_t transaction; /* of the last request */
    uint16_t earlier;     /* requests before it on this connection, up to STALE_MAX */
    int64_t answered_us;  /* monotonic: end of the last reply */
    struct driver_counters counters;
};

/* One call of read. */
struct visit {
    struct modbus_link *link;
    struct unit *unit;
    struct reading *readings;
    enum driver_status status;
    uint8_t exception; /* with DRIVER_UNIT_DEAD */
    unsigned bisected; /* requests added so far */
    unsigned retried;
    bool is_held;  /* something due waits in quarantine */
    bool is_asked; /* something went over the wire */
};

/* ---- create and destroy ---- */

static bool refuse(struct driver_error *error, const struct machine *machine,
                   const struct tag *tag, const char *text)
{
    (void)snprintf(error->text, sizeof error->text, "machine %.40s: tag %.40s %s",
                   machine->name, tag->name, text);
    return false;
}

static bool plan_tag(const struct machine *machine, size_t index,
                     const struct modbus_plan_limits *limits, struct modbus_plan_tag *planned,
                     struct driver_error *error)
{
    const struct tag *tag = &machine->map->tags[index];
    bool is_bits = table_is_bits(tag->table);

    planned->table = tag->table;
    planned->address = machine_wire_address(machine, tag);
    planned->count = is_bits ? 1 : tag->registers;
    planned->period = machine->tag_periods[index];
    planned->partner = tag->scale_tag;
    if (planned->count > (is_bits ? limits->max_bits : limits->max_registers)) {
        return refuse(error, machine, tag,
                      "is longer than max_registers: it cannot be read whole");
    }
    if (planned->address + planned->count > UINT16_MAX + 1) {
        return refuse(error, machine, tag, "reaches past address 65535");
    }
    return true;
}

static struct modbus_plan *plan_unit(const struct machine *machine, const struct link *link,
                                     struct driver_error *error)
{
    size_t count = machine->map->tags_count;
    struct modbus_plan_tag *planned = memory_allocate(count, sizeof *planned);
    struct modbus_plan_limits limits = {
        .max_registers = link->max_registers < MODBUS_FRAME_REGISTERS_MAX
                             ? link->max_registers
                             : MODBUS_FRAME_REGISTERS_MAX,
        .max_bits =
            link->max_bits < MODBUS_FRAME_BITS_MAX ? link->max_bits : MODBUS_FRAME_BITS_MAX,
        .max_hole = link->max_hole,
    };
    struct modbus_plan *plan = NULL;
    bool is_sound = true;

    for (size_t i = 0; i < count && is_sound; i++) {
        is_sound = plan_tag(machine, i, &limits, &planned[i], error);
    }
    if (is_sound) {
        plan = modbus_plan_create(planned, count, &limits);
    }
    free(planned);
    return plan;
}

/* Made with the request's first use: at create, and when the device refuses a block. */
static struct driver_exchange *exchange_of(const struct unit *unit,
                                           const struct modbus_plan_request *request)
{
    struct driver_exchange **exchange = &unit->exchanges[request->tags[0]];

    if (*exchange == NULL) {
        *exchange = memory_allocate(1, sizeof **exchange);
    }
    return *exchange;
}

static bool create_unit(struct unit *unit, const struct machine *machine,
                        const struct link *link, struct driver_error *error)
{
    size_t count = machine->map->tags_count;
    size_t text_size = 0;

    unit->machine = machine;
    unit->plan = plan_unit(machine, link, error);
    unit->exchanges = memory_allocate(count, sizeof(struct driver_exchange *));
    unit->places = memory_allocate(count, sizeof *unit->places);
    for (size_t i = 0; i < count; i++) {
        unit->places[i].address = machine_wire_address(machine, &machine->map->tags[i]);
        unit->places[i].text_at = (uint32_t)text_size;
        unit->places[i].plain = (uint8_t)modbus_tag_plain(&machine->map->tags[i]);
        text_size += modbus_tag_text_size(&machine->map->tags[i]);
    }
    unit->text = memory_allocate(text_size, 1);
    for (size_t i = 0; unit->plan != NULL && i < modbus_plan_count(unit->plan); i++) {
        (void)exchange_of(unit, modbus_plan_get(unit->plan, i));
    }
    return unit->plan != NULL;
}

static void destroy_unit(struct unit *unit)
{
    for (size_t i = 0; unit->exchanges != NULL && i < unit->machine->map->tags_count; i++) {
        free(unit->exchanges[i]);
    }
    modbus_plan_destroy(unit->plan);
    free(unit->exchanges);
    free(unit->places);
    free(unit->text);
}

static void link_destroy(void *handle)
{
    struct modbus_link *link = handle;

    if (link == NULL) {
        return;
    }
    for (size_t i = 0; i < link->link->machines_count; i++) {
        destroy_unit(&link->units[i]);
    }
    free(link->units);
    modbus_free(link->modbus); /* leaves the socket alone */
    tcp_destroy(link->tcp);
    free(link);
}

static bool create_context(struct modbus_link *link, struct driver_error *error)
{
    /* It never connects by itself: the address is of no matter. */
    link->modbus = modbus_new_tcp("127.0.0.1", MODBUS_TCP_DEFAULT_PORT);
    if (link->modbus == NULL ||
        /* Else each byte begins the time anew: 260 bytes would hold a read for minutes. */
        modbus_set_byte_timeout(link->modbus, 0, 0) != 0 ||
        modbus_set_error_recovery(link->modbus, MODBUS_ERROR_RECOVERY_NONE) != 0 ||
        modbus_set_socket(link->modbus, tcp_descriptor(link->tcp)) != 0) {
        (void)snprintf(error->text, sizeof error->text, "libmodbus: no context");
        return false;
    }
    return true;
}

static void *link_create(const struct factory *factory, const struct link *settings,
                         struct driver_error *error)
{
    struct modbus_link *link = memory_allocate(1, sizeof *link);
    bool is_sound;

    link->link = settings;
    link->units = memory_allocate(settings->machines_count, sizeof *link->units);
    link->tcp = tcp_create(settings->host, settings->port, error);
    is_sound = link->tcp != NULL && create_context(link, error);
    for (size_t i = 0; i < settings->machines_count && is_sound; i++) {
        is_sound = create_unit(&link->units[i], &factory->machines[settings->machines[i]],
                               settings, error);
    }
    if (!is_sound) {
        link_destroy(link);
        return NULL;
    }
    return link;
}

/* ---- one request ---- */

static void link_close(void *handle)
{
    struct modbus_link *link = handle;

    link->is_usable = false;
    tcp_close(link->tcp);
}

static enum driver_status link_open(void *handle)
{
    struct modbus_link *link = handle;
    enum driver_status status;

    if (tcp_is_interrupted(link->tcp)) {
        return DRIVER_INTERRUPTED;
    }
    status = tcp_open(link->tcp, link->link->timeout_ms);
    if (status != DRIVER_OK) {
        return status;
    }
    if (link->link->settle_ms > 0 &&
        !tcp_wait(link->tcp, (int64_t)link->link->settle_ms * MOMENT_US_PER_MS)) {
        return DRIVER_INTERRUPTED;
    }
    link->is_usable = true;
    link->earlier = 0;
    link->answered_us = 0;
    return DRIVER_OK;
}

static void set_timeout(struct modbus_link *link, int64_t timeout_us)
{
    /* Zero would be refused: it means "for ever" to select(). */
    int64_t least_us = timeout_us > 0 ? timeout_us : 1;
    int failed =
        modbus_set_response_timeout(link->modbus, (uint32_t)(least_us / MOMENT_US_PER_S),
                                    (uint32_t)(least_us % MOMENT_US_PER_S));

    assert(!failed);
}

static enum driver_status status_of(const struct modbus_link *link, int error)
{
    if (tcp_is_interrupted(link->tcp)) {
        return DRIVER_INTERRUPTED;
    }
    return error == EMBBADDATA ? DRIVER_BAD_REPLY : tcp_status(error);
}

static enum driver_status send_request(const struct modbus_link *link,
                                       const struct driver_exchange *exchange)
{
    ssize_t sent = send(tcp_descriptor(link->tcp), exchange->request, exchange->request_length,
                        MSG_NOSIGNAL);

    if (sent == (ssize_t)exchange->request_length) {
        return DRIVER_OK;
    }
    return sent < 0 ? status_of(link, errno) : DRIVER_CLOSED;
}

/* Receives until the answer, past at most STALE_MAX frames that answer earlier requests. */
static enum driver_status receive_answer(struct modbus_link *link,
                                         const struct modbus_frame_read *read,
                                         struct driver_exchange *exchange, int64_t deadline_us)
{
    for (int i = 0; i <= STALE_MAX; i++) {
        int length;

        if (i > 0) {
            set_timeout(link, deadline_us - moment_monotonic_us());
        }
        length = modbus_receive_confirmation(link->modbus, exchange->reply);
        if (length < 0) {
            return status_of(link, errno);
        }
        exchange->reply_length = (uint16_t)length;
        switch (modbus_frame_check(read, exchange->reply, (size_t)length, link->earlier)) {
        case MODBUS_FRAME_ANSWER: return DRIVER_OK;
        case MODBUS_FRAME_EXCEPTION:
            exchange->exception = exchange->reply[MODBUS_FRAME_VALUES - 1];
            return exchange->exception == EXCEPTION_PATH ||
                           exchange->exception == EXCEPTION_TARGET
                       ? DRIVER_UNIT_DEAD
                       : DRIVER_OK;
        case MODBUS_FRAME_STALE: link->counters.dropped++; break;
        case MODBUS_FRAME_WRONG: return DRIVER_BAD_REPLY;
        }
        exchange->reply_length = 0;
    }
    return DRIVER_BAD_REPLY;
}

static bool keep_gap(struct modbus_link *link)
{
    int64_t gap_us = (int64_t)link->link->gap_ms * MOMENT_US_PER_MS;
    int64_t left_us;

    if (gap_us == 0) {
        return true;
    }
    left_us = link->answered_us + gap_us - moment_monotonic_us();
    return left_us <= 0 || tcp_wait(link->tcp, left_us);
}

static void count_answer(struct driver_counters *counters,
                         const struct driver_exchange *exchange)
{
    uint32_t rtt_us = exchange->duration_us;
    size_t step = 0;

    while (step < DRIVER_RTT_STEPS - 1 && rtt_us > driver_rtt_us[step]) {
        step++;
    }
    counters->answers++;
    counters->rtt_steps[step]++;
    counters->rtt_sum_us += rtt_us;
    counters->rtt_last_us = rtt_us;
    if (counters->rtt_min_us == 0 || rtt_us < counters->rtt_min_us) {
        counters->rtt_min_us = rtt_us;
    }
    if (rtt_us > counters->rtt_max_us) {
        counters->rtt_max_us = rtt_us;
    }
    if (exchange->exception != 0) {
        bool is_named = exchange->exception < DRIVER_EXCEPTIONS_MAX;

        counters->exceptions[is_named ? exchange->exception : 0]++;
    }
}

static void count_exchange(struct driver_counters *counters,
                           const struct driver_exchange *exchange)
{
    counters->requests++;
    switch (exchange->status) {
    case DRIVER_OK:
    case DRIVER_UNIT_DEAD: count_answer(counters, exchange); break;
    case DRIVER_TIMEOUT: counters->timeouts++; break;
    case DRIVER_BAD_REPLY: counters->bad_replies++; break;
    case DRIVER_REFUSED:
    case DRIVER_UNREACHABLE:
    case DRIVER_CLOSED:
    case DRIVER_LIMIT: counters->broken++; break;
    case DRIVER_IDLE:
    case DRIVER_INTERRUPTED: break;
    }
}

static enum driver_status transact(struct modbus_link *link, struct modbus_frame_read *read,
                                   struct driver_exchange *exchange)
{
    int64_t timeout_us = (int64_t)link->link->timeout_ms * MOMENT_US_PER_MS;
    int64_t begun_us;
    enum driver_status status;

    read->transaction = ++link->transaction;
    modbus_frame_encode(read, exchange->request);
    exchange->request_length = DRIVER_REQUEST_MAX;
    exchange->reply_length = 0;
    exchange->exception = 0;
    if (!keep_gap(link) || tcp_is_interrupted(link->tcp)) {
        status = DRIVER_INTERRUPTED;
        begun_us = link->answered_us = moment_monotonic_us();
    } else {
        begun_us = moment_monotonic_us();
        set_timeout(link, timeout_us);
        status = send_request(link, exchange);
        if (status == DRIVER_OK) {
            status = receive_answer(link, read, exchange, begun_us + timeout_us);
        }
        link->answered_us = moment_monotonic_us();
    }
    exchange->answered_us = moment_wall_us();
    exchange->duration_us = (uint32_t)(link->answered_us - begun_us);
    exchange->sent_us = exchange->answered_us - exchange->duration_us;
    exchange->status = status;
    count_exchange(&link->counters, exchange);
    if (link->earlier < STALE_MAX) {
        link->earlier++;
    }
    link->is_usable = status < DRIVER_TIMEOUT;
    return status;
}

/* ---- read ---- */

static void set_bad(struct reading *reading, int64_t time_us, enum reason reason,
                    uint8_t exception)
{
    reading->time_us = time_us;
    reading->kind = READING_BAD;
    reading->reason = (uint8_t)reason;
    reading->exception = reason == REASON_EXCEPTION ? exception : 0;
}

static void refuse_tags(const struct visit *visit, const struct modbus_plan_request *request,
                        int64_t time_us, enum reason reason, uint8_t exception)
{
    for (size_t i = 0; i < request->tags_count; i++) {
        set_bad(&visit->readings[request->tags[i]], time_us, reason, exception);
    }
}

static void decode_tags(const struct visit *visit, const struct modbus_plan_request *request,
                        const struct driver_exchange *exchange)
{
    const struct unit *unit = visit->unit;
    const struct tag *tags = unit->machine->map->tags;
    const uint8_t *values = exchange->reply + MODBUS_FRAME_VALUES;
    const int64_t time_us = exchange->answered_us;
    const bool is_bits = table_is_bits(request->table);

    for (size_t i = 0; i < request->tags_count; i++) {
        const uint32_t index = request->tags[i];
        const struct place *place = &unit->places[index];
        const size_t at = (size_t)(place->address - request->address);
        struct reading *reading = &visit->readings[index];

        if (place->plain != MODBUS_PLAIN_NOT) {
            modbus_tag_decode_plain((enum modbus_plain)place->plain, values + 2 * at, time_us,
                                    reading);
            continue;
        }
        reading->time_us = time_us;
        if (is_bits) {
            modbus_tag_decode_bit(modbus_frame_word(request->table, values, at) != 0, reading);
        } else {
            modbus_tag_decode(&tags[index], values + 2 * at, unit->text + place->text_at,
                              reading);
        }
    }
}

static bool is_refusal(uint8_t exception)
{
    return exception == EXCEPTION_ADDRESS || exception == EXCEPTION_VALUE;
}

/* What the device refused: true when the request was split, its first half is to be asked. */
static bool handle_refusal(struct visit *visit, size_t index,
                           const struct driver_exchange *exchange)
{
    struct modbus_plan *plan = visit->unit->plan;
    bool may_split = visit->bisected + 2 <= BISECT_MAX;
    int64_t retry_us = visit->link->answered_us + (int64_t)RETRY_MS * MOMENT_US_PER_MS;

    if (!modbus_plan_refuse(plan, index, may_split, exchange->exception, retry_us)) {
        refuse_tags(visit, modbus_plan_get(plan, index), exchange->answered_us,
                    REASON_EXCEPTION, exchange->exception);
        return false;
    }
    visit->bisected += 2;
    return true;
}

/* Asks for the plan's request; true when the same index is to be asked again: it was split. */
static bool serve(struct visit *visit, size_t index)
{
    struct modbus_plan *plan = visit->unit->plan;
    const struct modbus_plan_request *request = modbus_plan_get(plan, index);
    struct driver_exchange *exchange = exchange_of(visit->unit, request);
    struct modbus_frame_read read = {.unit_id = visit->unit->machine->unit_id,
                                     .table = request->table,
                                     .address = request->address,
                                     .count = request->count};

    visit->status = transact(visit->link, &read, exchange);
    if (visit->status != DRIVER_OK) {
        visit->exception = exchange->exception;
        refuse_tags(visit, request, exchange->answered_us, driver_status_reason(visit->status),
                    exchange->exception);
        return false;
    }
    if (is_refusal(exchange->exception)) {
        return handle_refusal(visit, index, exchange);
    }
    if (exchange->exception != 0) {
        refuse_tags(visit, request, exchange->answered_us, REASON_EXCEPTION,
                    exchange->exception);
        return false;
    }
    decode_tags(visit, request, exchange);
    modbus_plan_accept(plan, index);
    return false;
}

/* A quarantined request whose time has not come, or that finds enough others tried again. */
static bool is_waiting(struct visit *visit, size_t index)
{
    const struct modbus_plan *plan = visit->unit->plan;

    if (!modbus_plan_get(plan, index)->is_quarantined) {
        return false;
    }
    if (visit->retried >= RETRIES_MAX ||
        moment_monotonic_us() < modbus_plan_retry_us(plan, index)) {
        return true;
    }
    visit->retried++;
    return false;
}

static void join_anew(struct unit *unit)
{
    if (!modbus_plan_renew(unit->plan)) {
        return;
    }
    for (size_t i = 0; i < modbus_plan_count(unit->plan); i++) {
        const struct modbus_plan_request *request = modbus_plan_get(unit->plan, i);
        struct driver_exchange *exchange = exchange_of(unit, request);
        struct modbus_frame_read read = {.table = request->table,
                                         .unit_id = unit->machine->unit_id,
                                         .address = request->address,
                                         .count = request->count};
        uint8_t encoded[DRIVER_REQUEST_MAX];

        modbus_frame_encode(&read, encoded);
        if (memcmp(encoded + 2, exchange->request + 2, sizeof encoded - 2) != 0) {
            memset(exchange, 0, sizeof *exchange); /* it told of another request */
        }
    }
}

static enum driver_status link_read(void *handle, size_t machine, uint32_t due,
                                    struct reading *readings)
{
    struct modbus_link *link = handle;
    struct unit *unit = &link->units[machine];
    struct visit visit = {.link = link, .unit = unit, .readings = readings};

    assert(machine < link->link->machines_count);
    visit.status = tcp_is_interrupted(link->tcp) ? DRIVER_INTERRUPTED
                   : link->is_usable             ? DRIVER_OK
                                                 : DRIVER_CLOSED;
    memset(readings, 0, unit->machine->map->tags_count * sizeof *readings);
    join_anew(unit);
    for (size_t i = 0; i < modbus_plan_count(unit->plan);) {
        const struct modbus_plan_request *request = modbus_plan_get(unit->plan, i);
        bool is_again = false;

        if ((due >> request->period & 1) == 0) {
            i++;
            continue;
        }
        if (visit.status != DRIVER_OK) {
            refuse_tags(&visit, request, moment_wall_us(), driver_status_reason(visit.status),
                        visit.exception);
        } else if (is_waiting(&visit, i)) {
            visit.is_held = true;
            refuse_tags(&visit, request, moment_wall_us(), REASON_EXCEPTION,
                        modbus_plan_exception(unit->plan, i));
        } else {
            visit.is_asked = true;
            is_again = serve(&visit, i);
        }
        i += !is_again;
    }
    bool is_idle = visit.is_held && !visit.is_asked && visit.status == DRIVER_OK;

    return is_idle ? DRIVER_IDLE : visit.status;
}

/* ---- probe, interpret, plan, interrupt ---- */

/* NOLINTNEXTLINE(readability-function-size): the contract's parameters */
static enum driver_status link_probe(void *handle, uint8_t unit_id, enum table table,
                                     uint16_t address, uint16_t count, uint16_t *words,
                                     struct driver_exchange *exchange)
{
    struct modbus_link *link = handle;
    struct modbus_frame_read read = {
        .unit_id = unit_id, .table = table, .address = address, .count = count};
    enum driver_status status;

    assert(count >= 1);
    assert(count <=
           (table_is_bits(table) ? MODBUS_FRAME_BITS_MAX : MODBUS_FRAME_REGISTERS_MAX));
    memset(exchange, 0, sizeof *exchange);
    if (!link->is_usable) {
        exchange->sent_us = exchange->answered_us = moment_wall_us();
        exchange->status = tcp_is_interrupted(link->tcp) ? DRIVER_INTERRUPTED : DRIVER_CLOSED;
        return exchange->status;
    }
    status = transact(link, &read, exchange);
    if (status == DRIVER_OK && exchange->exception == 0) {
        for (size_t i = 0; i < count; i++) {
            words[i] = modbus_frame_word(table, exchange->reply + MODBUS_FRAME_VALUES, i);
        }
    }
    return status;
}

static void interpret(const struct tag *tag, const uint16_t *words, char *text,
                      struct reading *reading)
{
    uint8_t bytes[2 * MODBUS_FRAME_REGISTERS_MAX];

    reading->exception = 0;
    if (table_is_bits(tag->table)) {
        modbus_tag_decode_bit(words[0] != 0, reading);
        return;
    }
    assert(tag->registers <= MODBUS_FRAME_REGISTERS_MAX);
    assert(modbus_tag_text_size(tag) <= DRIVER_TEXT_MAX);
    for (size_t i = 0; i < tag->registers; i++) {
        bytes[2 * i] = (uint8_t)(words[i] >> 8);
        bytes[2 * i + 1] = (uint8_t)words[i];
    }
    modbus_tag_decode(tag, bytes, text, reading);
}

static size_t link_plan(const void *handle, size_t machine, struct driver_request *requests,
                        size_t size)
{
    const struct modbus_link *link = handle;
    const struct unit *unit = &link->units[machine];
    size_t count = modbus_plan_count(unit->plan);

    assert(machine < link->link->machines_count);
    for (size_t i = 0; i < count && i < size; i++) {
        const struct modbus_plan_request *request = modbus_plan_get(unit->plan, i);

        requests[i] = (struct driver_request){
            .table = request->table,
            .address = request->address,
            .count = request->count,
            .tags_count = (uint16_t)request->tags_count,
            .unused = request->unused,
            .period = request->period,
            .is_quarantined = request->is_quarantined,
            .last = exchange_of(unit, request),
        };
    }
    return count;
}

static void link_count(const void *handle, struct driver_counters *counters)
{
    const struct modbus_link *link = handle;

    *counters = link->counters;
}

static void link_interrupt(void *handle)
{
    struct modbus_link *link = handle;

    tcp_interrupt(link->tcp);
}

const struct driver modbus_tcp_driver = {
    .name = "modbus-tcp",
    .create = link_create,
    .open = link_open,
    .read = link_read,
    .probe = link_probe,
    .interpret = interpret,
    .plan = link_plan,
    .count = link_count,
    .interrupt = link_interrupt,
    .close = link_close,
    .destroy = link_destroy,
};
