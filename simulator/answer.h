/* From a request to the reply of the device: registers, personality, faults. No sockets.
 *
 * One thread; nothing is allocated. */
#ifndef SIMULATOR_ANSWER_H
#define SIMULATOR_ANSWER_H

#include "simulator/fault.h"
#include "simulator/mbap.h"
#include "simulator/personality.h"
#include "simulator/random.h"
#include "simulator/world.h"

/* What stands behind one host and port. */
struct answer_endpoint {
    const char *link;
    struct world_unit **units; /* in the order of the file */
    size_t units_count;
    const struct personality *personality; /* on the wire: the first unit's */
    bool has_faults;                       /* some fault may strike its replies or addresses */
};

struct answer {
    struct fault_reply reply;
    bool is_served; /* the reply carries values of a unit, unharmed */
    uint8_t unit;
    enum table table;
    uint16_t address;
    uint16_t count;
};

/* All belong to the caller. */
struct answer_parts {
    struct world *world;
    const struct faults *faults;
    struct random *random; /* the network's own luck: it changes no register */
};

/* `is_surplus`: the connection is beyond the endpoint's limit. */
void answer_request(const struct answer_parts *parts, const struct answer_endpoint *endpoint,
                    const struct mbap_request *request, bool is_surplus, struct answer *answer);

/* The first fault of this effect that is active now and aimed at it; NULL when there is none.
 */
const struct fault *answer_endpoint_fault(const struct answer_endpoint *endpoint,
                                          const struct faults *faults,
                                          enum fault_effect effect);

/* The i-th word that a served answer carries, a bit as 0 or 1. */
uint16_t answer_word(const struct answer *answer, size_t i);

#endif
