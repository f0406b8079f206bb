/* Which requests read a machine's tags: the fewest that its limits and its device allow.
 *
 * Tags of one table and pace are joined over holes. No request starts or ends inside a value of
 * that pace, and the tag with the exponent (scale_tag) comes with the value it belongs to, as
 * far as the limits allow. What the device refuses is split in halves, at holes first; what
 * cannot be split is quarantined, what may not be read together is kept apart, and the rest is
 * joined anew.
 *
 * Pure: no time but the argument. Memory is taken in create, and where something is learnt: in
 * modbus_plan_refuse(), modbus_plan_accept() and modbus_plan_renew(). Indices of requests, and
 * what modbus_plan_get() returned, hold until the next refuse or renew. */
#ifndef DRIVERS_MODBUS_PLAN_H
#define DRIVERS_MODBUS_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/map.h"

struct modbus_plan_limits {
    uint16_t max_registers; /* of one request */
    uint16_t max_bits;
    uint16_t max_hole; /* registers; 16 times as many bits */
};

struct modbus_plan_tag {
    enum table table;
    uint16_t address; /* on the wire */
    uint16_t count;   /* registers or bits, at most the limit; ends at 65536 or before */
    uint8_t period;
    int partner; /* index of its scale_tag, of the same table and pace; -1: none */
};

struct modbus_plan_request {
    enum table table;
    uint16_t address;
    uint16_t count;
    uint16_t unused; /* registers or bits that belong to none of its tags */
    uint8_t period;
    bool is_quarantined;
    const uint32_t *tags; /* indices, ascending by address */
    size_t tags_count;
};

struct modbus_plan;

/* Copies the tags. */
struct modbus_plan *modbus_plan_create(const struct modbus_plan_tag *tags, size_t tags_count,
                                       const struct modbus_plan_limits *limits);
void modbus_plan_destroy(struct modbus_plan *plan); /* NULL is harmless */

size_t modbus_plan_count(const struct modbus_plan *plan);
const struct modbus_plan_request *modbus_plan_get(const struct modbus_plan *plan,
                                                  size_t request);

/* The device answered the request. */
void modbus_plan_accept(struct modbus_plan *plan, size_t request);

/* The device refused it with exception 2 or 3. With `may_split` a request that can be split is:
 * true is returned, its halves are `request` and the next one. Otherwise it stays as it is
 * until it is asked for again. One that cannot be split is quarantined until `retry_us`. */
bool modbus_plan_refuse(struct modbus_plan *plan, size_t request, bool may_split,
                        uint8_t exception, int64_t retry_us);

/* The code a quarantined request was refused with, and when it is due for another try. */
uint8_t modbus_plan_exception(const struct modbus_plan *plan, size_t request);
int64_t modbus_plan_retry_us(const struct modbus_plan *plan, size_t request);

/* Joins anew when something was learnt and nothing is left to be split; true when it did. */
bool modbus_plan_renew(struct modbus_plan *plan);

#endif
