/* The server: every endpoint of the factory on one epoll loop and one thread.
 *
 * It listens, takes frames from connections, and sends what answer.h makes of them, when it is
 * due. Nothing is allocated per connection or request. */
#ifndef SIMULATOR_SERVER_H
#define SIMULATOR_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "config/factory.h"
#include "simulator/fault.h"
#include "simulator/oracle.h"
#include "simulator/world.h"

struct server;

/* All parts belong to the caller and outlive the server. */
struct server_parts {
    const struct factory *factory;
    struct world *world;
    struct faults *faults;
    struct oracle *oracle; /* NULL: no journal */
    uint64_t seed;         /* of the network's luck */
    double speed;
    bool has_personalities;
};

struct server_error {
    char text[256];
};

/* Listens everywhere. NULL with `error` filled, naming host and port, when that fails. */
struct server *server_create(const struct server_parts *parts, struct server_error *error);
void server_destroy(struct server *server); /* NULL is harmless */

size_t server_endpoints_count(const struct server *server);

/* Someone else's descriptor on the same loop. The source lives as long as it is watched;
 * closing the descriptor ends that. */
struct server_source {
    void (*ready)(struct server_source *source, uint32_t events);
};
bool server_watch(struct server *server, int fd, struct server_source *source);

/* The same, told once each time that it becomes readable or writable. */
bool server_watch_edges(struct server *server, int fd, struct server_source *source);

/* Serves until server_stop is called from a source. */
void server_run(struct server *server);
void server_stop(struct server *server);

#endif
