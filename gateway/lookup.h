/* Looks a host's name up without making its owner wait: a resolver may take half a minute.
 *
 * Every lookup of a name has a thread of its own, which ends by itself when its owner has lost
 * interest. One owner's thread. */
#ifndef GATEWAY_LOOKUP_H
#define GATEWAY_LOOKUP_H

#include "gateway/wake.h"

enum lookup_state { LOOKUP_PENDING, LOOKUP_FOUND, LOOKUP_FAILED };

/* Of a numeric IPv6 address with its scope. */
enum { LOOKUP_ADDRESS_SIZE = 64 };

struct lookup;

/* `wake` is told when the state has changed. A numeric address is found at once. */
struct lookup *lookup_start(const char *host, struct wake *wake);

/* LOOKUP_FOUND: `address` is numeric, of IPv4 where there is one. LOOKUP_FAILED: it is the
 * reason. */
enum lookup_state lookup_result(struct lookup *lookup,
                                char address[static LOOKUP_ADDRESS_SIZE]);

/* At any time; does not wait for the thread. NULL is harmless. */
void lookup_release(struct lookup *lookup);

#endif
