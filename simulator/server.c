#include "simulator/server.h"

#include <assert.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "config/memory.h"
#include "simulator/answer.h"
#include "simulator/deadline.h"
#include "simulator/mbap.h"

enum {
    CONNECTIONS_MAX = 6000,
    INPUT_SIZE = 1024, /* several requests in a row */
    EVENTS_MAX = 256,  /* taken from epoll at once */
    BACKLOG = 128,
    WAIT_MIN_US = 5000,     /* at high speed several steps are made at once */
    FLUSH_AFTER_US = 50000, /* the oldest line of the journal waits no longer */
};

enum phase {
    TAKES_REQUESTS,
    HOLDS_REPLY, /* until the deadline */
    SENDS_REPLY, /* bit by bit, or because the client does not read */
};

struct endpoint {
    struct server_source source;
    struct server *server;
    struct answer_endpoint answers;
    const struct link *link;
    struct sockaddr_storage address;
    socklen_t address_length;
    int fd;          /* -1: refuses */
    int64_t kick_us; /* when the intruder comes next; 0: there is none */
    struct connection *connections;
    size_t connections_count;
};

struct connection {
    struct server_source source;
    struct deadline deadline;
    struct endpoint *endpoint; /* NULL: free */
    struct connection *next;   /* of the endpoint, or of the free ones */
    struct connection *previous;
    int fd;
    uint32_t interest; /* what epoll looks for */
    enum phase phase;
    int64_t opened_us;
    int64_t replied_us; /* the end of its last reply; 0: none yet */
    size_t sent;
    size_t input_length;
    uint8_t input[INPUT_SIZE];
    struct answer answer;
};

struct server {
    struct server_parts parts;
    int epoll_fd;
    struct endpoint *endpoints;
    size_t endpoints_count;
    struct world_unit **units; /* of all endpoints, one after the other */
    struct connection *connections;
    size_t connections_used; /* those behind were never used */
    struct connection *free_connections;
    struct deadlines *deadlines;
    struct random random;
    struct answer_parts answers;
    uint64_t faults_version;
    int64_t started_us;
    int64_t now_us;   /* monotonic, once a turn of the loop */
    int64_t flush_us; /* when the journal is to be written; INT64_MAX: it is empty */
    bool is_stopping;
};

static int64_t clock_us(clockid_t clock)
{
    struct timespec now;
    (void)clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* ---- Connections ---- */

static struct connection *take_connection(struct server *server)
{
    struct connection *connection = server->free_connections;
    if (connection != NULL) {
        server->free_connections = connection->next;
        return connection;
    }
    return server->connections_used < CONNECTIONS_MAX
               ? &server->connections[server->connections_used++]
               : NULL;
}

static void close_connection(struct connection *connection, bool resets)
{
    struct endpoint *endpoint = connection->endpoint;
    assert(endpoint != NULL);
    struct server *server = endpoint->server;
    if (resets) {
        struct linger at_once = {.l_onoff = 1, .l_linger = 0};
        (void)setsockopt(connection->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    }
    (void)close(connection->fd);
    deadline_clear(server->deadlines, &connection->deadline);
    if (connection->previous != NULL) {
        connection->previous->next = connection->next;
    } else {
        endpoint->connections = connection->next;
    }
    if (connection->next != NULL) {
        connection->next->previous = connection->previous;
    }
    endpoint->connections_count--;
    connection->endpoint = NULL;
    connection->next = server->free_connections;
    server->free_connections = connection;
}

static void look_for(struct connection *connection, uint32_t interest)
{
    if (connection->interest != interest) {
        struct epoll_event event = {.events = interest, .data = {.ptr = &connection->source}};
        connection->interest = interest;
        (void)epoll_ctl(connection->endpoint->server->epoll_fd, EPOLL_CTL_MOD, connection->fd,
                        &event);
    }
}

static void journal(struct server *server, const struct connection *connection)
{
    uint16_t words[MBAP_BITS_MAX];
    const struct answer *answer = &connection->answer;
    if (server->parts.oracle == NULL || !answer->is_served) {
        return;
    }
    for (size_t i = 0; i < answer->count; i++) {
        words[i] = answer_word(answer, i);
    }
    oracle_add(server->parts.oracle, &(struct oracle_entry){
                                         .time_us = clock_us(CLOCK_REALTIME),
                                         .endpoint = connection->endpoint->link->name,
                                         .unit = answer->unit,
                                         .table = answer->table,
                                         .address = answer->address,
                                         .count = answer->count,
                                         .words = words,
                                     });
    if (server->flush_us == INT64_MAX) {
        server->flush_us = server->now_us + FLUSH_AFTER_US;
    }
}

static const struct personality *personality_of(const struct connection *connection)
{
    return connection->endpoint->answers.personality;
}

/* Waits for requests, at most as long as the device's patience. */
static void await_request(struct server *server, struct connection *connection)
{
    uint32_t idle_us = personality_of(connection)->idle_us;
    connection->phase = TAKES_REQUESTS;
    if (idle_us > 0) {
        deadline_set(server->deadlines, &connection->deadline, server->now_us + idle_us);
    }
}

/* Hands bytes to the socket as the device does it; returns how many, or -1. */
static ssize_t send_bytes(const struct connection *connection)
{
    const struct personality *personality = personality_of(connection);
    const struct fault_reply *reply = &connection->answer.reply;
    size_t rest = reply->length - connection->sent;
    bool is_glued = personality->glues_replies && connection->input_length > 0;
    bool is_single = reply->dribble_us > 0 || (personality->sends_single_bytes && !is_glued);
    return send(connection->fd, reply->bytes + connection->sent, is_single ? 1 : rest,
                MSG_NOSIGNAL | MSG_DONTWAIT | (is_glued ? MSG_MORE : 0));
}

/* Sends what is due of the reply; false when the connection is gone. */
static bool send_reply(struct server *server, struct connection *connection)
{
    const struct fault_reply *reply = &connection->answer.reply;
    if (reply->resets) {
        close_connection(connection, true);
        return false;
    }
    if (connection->sent == 0) {
        journal(server, connection);
    }
    ssize_t sent = 0;
    do {
        sent = send_bytes(connection);
        connection->sent += sent > 0 ? (size_t)sent : 0;
    } while (sent > 0 && connection->sent < reply->length && reply->dribble_us == 0);
    if (sent < 0 && errno != EAGAIN && errno != EINTR) {
        close_connection(connection, false);
        return false;
    }
    if (connection->sent == reply->length) {
        connection->replied_us = server->now_us;
        await_request(server, connection);
        look_for(connection, EPOLLIN);
        return true;
    }
    connection->phase = SENDS_REPLY;
    if (reply->dribble_us > 0) {
        deadline_set(server->deadlines, &connection->deadline,
                     server->now_us + reply->dribble_us);
    } else {
        look_for(connection, EPOLLOUT);
    }
    return true;
}

/* Whether the device has no ear for a request that comes now. */
static bool is_deaf(const struct server *server, const struct connection *connection)
{
    const struct personality *personality = personality_of(connection);
    return (personality->settle_us > 0 &&
            server->now_us - connection->opened_us < personality->settle_us) ||
           (personality->gap_us > 0 &&
            server->now_us - connection->replied_us < personality->gap_us);
}

/* Whether as many older connections as the device serves are open still: when one of them ends,
 * the next in line is served. */
static bool is_surplus(const struct connection *connection)
{
    unsigned places = personality_of(connection)->max_connections;
    if (places == 0 || connection->endpoint->connections_count <= places) {
        return false;
    }
    const struct connection *older = connection->next; /* the newest stands first */
    while (older != NULL && places > 0) {
        older = older->next;
        places--;
    }
    return places == 0;
}

/* Makes the reply to one request and sends it, or holds it until it is due. */
static bool serve_request(struct server *server, struct connection *connection,
                          const struct mbap_request *request)
{
    struct answer *answer = &connection->answer;
    if (is_deaf(server, connection)) {
        return true;
    }
    answer_request(&server->answers, &connection->endpoint->answers, request,
                   is_surplus(connection), answer);
    connection->sent = 0;
    if (answer->reply.length == 0) {
        await_request(server, connection);
        return true;
    }
    if (answer->reply.delay_us == 0) {
        return send_reply(server, connection);
    }
    connection->phase = HOLDS_REPLY;
    deadline_set(server->deadlines, &connection->deadline,
                 server->now_us + answer->reply.delay_us);
    return true;
}

/* Answers the requests that have arrived, one after the other; false when the connection is
 * gone. A device does one thing at a time: while a reply waits, requests wait behind it. */
static bool serve_input(struct server *server, struct connection *connection)
{
    size_t used = 0;
    bool is_open = true;
    while (is_open && connection->phase == TAKES_REQUESTS) {
        struct mbap_request request;
        enum mbap_status status =
            mbap_parse(connection->input + used, connection->input_length - used, &request);
        if (status == MBAP_INCOMPLETE) {
            break;
        }
        if (status == MBAP_BROKEN) {
            close_connection(connection, false);
            return false;
        }
        used += request.size;
        is_open = serve_request(server, connection, &request);
    }
    if (is_open && used > 0) {
        connection->input_length -= used;
        memmove(connection->input, connection->input + used, connection->input_length);
    }
    return is_open;
}

static void connection_due(struct server *server, struct connection *connection)
{
    deadline_clear(server->deadlines, &connection->deadline);
    if (connection->phase == TAKES_REQUESTS) {
        close_connection(connection, false); /* idle for too long */
        return;
    }
    if (send_reply(server, connection)) {
        (void)serve_input(server, connection);
    }
}

static void connection_ready(struct server_source *source, uint32_t events)
{
    struct connection *connection = (struct connection *)(void *)source;
    if (connection->endpoint == NULL) {
        return; /* closed by an event before this one */
    }
    struct server *server = connection->endpoint->server;
    if ((events & EPOLLOUT) != 0 && !send_reply(server, connection)) {
        return;
    }
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) == 0) {
        (void)serve_input(server, connection);
        return;
    }
    size_t room = INPUT_SIZE - connection->input_length;
    if (room == 0 && (events & (EPOLLHUP | EPOLLERR)) != 0) {
        close_connection(connection, false);
        return;
    }
    if (room == 0) {
        look_for(connection, connection->interest & ~(uint32_t)EPOLLIN);
        return;
    }
    ssize_t got =
        recv(connection->fd, connection->input + connection->input_length, room, MSG_DONTWAIT);
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) {
        close_connection(connection, false);
        return;
    }
    connection->input_length += got > 0 ? (size_t)got : 0;
    (void)serve_input(server, connection);
}

/* ---- Endpoints ---- */

static bool is_full(const struct endpoint *endpoint)
{
    const struct personality *personality = endpoint->answers.personality;
    return personality->max_connections > 0 &&
           endpoint->connections_count >= personality->max_connections;
}

static void kick_out_oldest(struct endpoint *endpoint)
{
    struct connection *oldest = endpoint->connections;
    while (oldest != NULL && oldest->next != NULL) {
        oldest = oldest->next;
    }
    if (oldest != NULL) {
        close_connection(oldest, false);
    }
}

static void open_connection(struct endpoint *endpoint, int fd)
{
    struct server *server = endpoint->server;
    if (is_full(endpoint) && endpoint->answers.personality->kicks_out) {
        kick_out_oldest(endpoint);
    }
    bool is_welcome = !is_full(endpoint) || endpoint->answers.personality->answers_surplus;
    struct connection *connection = is_welcome ? take_connection(server) : NULL;
    if (connection == NULL) {
        (void)close(fd);
        return;
    }
    /* The buffers need no clearing. */
    memset(connection, 0, offsetof(struct connection, input));
    connection->source.ready = connection_ready;
    connection->endpoint = endpoint;
    connection->fd = fd;
    connection->interest = EPOLLIN;
    connection->opened_us = server->now_us;
    connection->next = endpoint->connections;
    if (connection->next != NULL) {
        connection->next->previous = connection;
    }
    endpoint->connections = connection;
    endpoint->connections_count++;
    int on = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    await_request(server, connection);
    if (!server_watch(server, fd, &connection->source)) {
        close_connection(connection, true);
    }
}

static void endpoint_ready(struct server_source *source, uint32_t events)
{
    struct endpoint *endpoint = (struct endpoint *)(void *)source;
    (void)events;
    for (unsigned i = 0; i < BACKLOG && endpoint->fd >= 0; i++) {
        int fd = accept4(endpoint->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            return;
        }
        open_connection(endpoint, fd);
    }
}

static bool listen_at(struct endpoint *endpoint)
{
    int on = 1;
    int fd = socket(endpoint->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return false;
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&endpoint->address, endpoint->address_length) != 0 ||
        listen(fd, BACKLOG) != 0 || !server_watch(endpoint->server, fd, &endpoint->source)) {
        int error = errno;
        (void)close(fd);
        errno = error;
        return false;
    }
    endpoint->fd = fd;
    return true;
}

static void refuse(struct endpoint *endpoint)
{
    if (endpoint->fd >= 0) {
        (void)close(endpoint->fd);
        endpoint->fd = -1;
    }
    while (endpoint->connections != NULL) {
        close_connection(endpoint->connections, true);
    }
}

static void apply_faults(struct server *server)
{
    const struct faults *faults = server->parts.faults;
    bool are_all_right = true;
    for (size_t i = 0; i < server->endpoints_count; i++) {
        struct endpoint *endpoint = &server->endpoints[i];
        struct answer_endpoint *answers = &endpoint->answers;
        answers->has_faults = answer_endpoint_fault(answers, faults, FAULT_ON_REPLY) != NULL ||
                              answer_endpoint_fault(answers, faults, FAULT_ON_ADDRESS) != NULL;
        endpoint->kick_us = 0;
        if (answer_endpoint_fault(answers, faults, FAULT_ON_LISTENING) != NULL) {
            refuse(endpoint);
        } else if (endpoint->fd < 0) {
            are_all_right = listen_at(endpoint) && are_all_right;
        }
    }
    /* A port that someone took meanwhile is tried again at the next turn. */
    server->faults_version = are_all_right ? faults_version(faults) : UINT64_MAX;
}

/* The intruder of a `kick` comes in and pushes everybody out, again and again. */
static void kick(struct server *server)
{
    for (size_t i = 0; i < server->endpoints_count; i++) {
        struct endpoint *endpoint = &server->endpoints[i];
        const struct fault *fault = answer_endpoint_fault(
            &endpoint->answers, server->parts.faults, FAULT_ON_CONNECTIONS);
        if (fault == NULL || server->now_us < endpoint->kick_us) {
            continue;
        }
        endpoint->kick_us = server->now_us + (int64_t)(fault->value * 1e6);
        while (endpoint->connections != NULL) {
            close_connection(endpoint->connections, false);
        }
    }
}

/* ---- Making it ---- */

static bool fail(struct server_error *error, const struct link *link, const char *why)
{
    bool is_ipv6 = strchr(link->host, ':') != NULL;
    (void)snprintf(error->text, sizeof error->text,
                   is_ipv6 ? "[%s]:%u (link %s): %s" : "%s:%u (link %s): %s", link->host,
                   link->port, link->name, why);
    return false;
}

static bool resolve(struct endpoint *endpoint, struct server_error *error)
{
    char port[8];
    struct addrinfo *found = NULL;
    struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICSERV,
                             .ai_socktype = SOCK_STREAM};
    (void)snprintf(port, sizeof port, "%u", endpoint->link->port);
    int status = getaddrinfo(endpoint->link->host, port, &hints, &found);
    if (status != 0) {
        return fail(error, endpoint->link, gai_strerror(status));
    }
    memcpy(&endpoint->address, found->ai_addr, found->ai_addrlen);
    endpoint->address_length = found->ai_addrlen;
    freeaddrinfo(found);
    return true;
}

/* The units behind a link; returns how many. */
static size_t collect_units(const struct server *server, size_t link, struct world_unit **units)
{
    size_t count = 0;
    for (size_t i = 0; i < world_units_count(server->parts.world); i++) {
        struct world_unit *unit = world_unit(server->parts.world, i);
        if (unit->machine->link == link) {
            units[count++] = unit;
        }
    }
    return count;
}

static void make_endpoints(struct server *server)
{
    const struct factory *factory = server->parts.factory;
    struct world_unit **units = server->units;
    for (size_t i = 0; i < factory->links_count; i++) {
        size_t count = collect_units(server, i, units);
        if (count == 0) {
            continue;
        }
        struct endpoint *endpoint = &server->endpoints[server->endpoints_count++];
        *endpoint = (struct endpoint){
            .source = {.ready = endpoint_ready},
            .server = server,
            .link = &factory->links[i],
            .fd = -1,
            .answers =
                {
                    .link = factory->links[i].name,
                    .units = units,
                    .units_count = count,
                    .personality = server->parts.has_personalities
                                       ? personality_find(units[0]->machine->simulate)
                                       : personality_none(),
                },
        };
        units += count;
    }
}

static bool listen_everywhere(struct server *server, struct server_error *error)
{
    for (size_t i = 0; i < server->endpoints_count; i++) {
        struct endpoint *endpoint = &server->endpoints[i];
        if (!resolve(endpoint, error)) {
            return false;
        }
        if (!listen_at(endpoint)) {
            return fail(error, endpoint->link,
                        errno == EADDRINUSE ? "another program listens there already"
                                            : strerrordesc_np(errno));
        }
    }
    return true;
}

struct server *server_create(const struct server_parts *parts, struct server_error *error)
{
    struct server *server = memory_allocate(1, sizeof *server);
    server->parts = *parts;
    server->flush_us = INT64_MAX;
    server->endpoints = memory_allocate(parts->factory->links_count, sizeof(struct endpoint));
    server->units = memory_allocate(world_units_count(parts->world), sizeof(void *));
    server->connections = memory_allocate(CONNECTIONS_MAX, sizeof(struct connection));
    server->deadlines = deadlines_create(CONNECTIONS_MAX);
    random_seed(&server->random, parts->seed, "network");
    server->answers = (struct answer_parts){
        .world = parts->world, .faults = parts->faults, .random = &server->random};
    server->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (server->epoll_fd < 0) {
        (void)snprintf(error->text, sizeof error->text, "epoll: %s", strerrordesc_np(errno));
        server_destroy(server);
        return NULL;
    }
    make_endpoints(server);
    if (!listen_everywhere(server, error)) {
        server_destroy(server);
        return NULL;
    }
    return server;
}

void server_destroy(struct server *server)
{
    if (server == NULL) {
        return;
    }
    for (size_t i = 0; i < server->endpoints_count; i++) {
        refuse(&server->endpoints[i]);
    }
    if (server->epoll_fd >= 0) {
        (void)close(server->epoll_fd);
    }
    deadlines_destroy(server->deadlines);
    free(server->connections);
    free(server->units);
    free(server->endpoints);
    free(server);
}

size_t server_endpoints_count(const struct server *server)
{
    return server->endpoints_count;
}

bool server_watch(struct server *server, int fd, struct server_source *source)
{
    struct epoll_event event = {.events = EPOLLIN, .data = {.ptr = source}};
    return epoll_ctl(server->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

bool server_watch_edges(struct server *server, int fd, struct server_source *source)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET,
                                .data = {.ptr = source}};
    return epoll_ctl(server->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

/* ---- The loop ---- */

static void advance(struct server *server)
{
    uint64_t skipped = world_advance(server->parts.world, server->now_us - server->started_us,
                                     server->parts.speed);
    if (skipped > 0) {
        (void)fprintf(stderr, "<4>server event=stalled skipped_steps=%llu\n",
                      (unsigned long long)skipped);
    }
    if (server->faults_version != faults_version(server->parts.faults)) {
        apply_faults(server);
    }
    if (faults_next(server->parts.faults, NULL) != NULL) {
        kick(server);
    }
}

static void flush(struct server *server)
{
    if (server->now_us >= server->flush_us) {
        server->flush_us = INT64_MAX;
        if (!oracle_flush(server->parts.oracle)) {
            (void)fprintf(stderr, "<3>oracle event=lost error=\"%s\"\n",
                          strerrordesc_np(errno));
        }
    }
}

static int64_t next_wait_us(const struct server *server)
{
    int64_t wait_us = (int64_t)(1e6 * LINE_STEP_S / server->parts.speed);
    wait_us = wait_us < WAIT_MIN_US ? WAIT_MIN_US : wait_us;
    const struct deadline *first = deadlines_first(server->deadlines);
    if (first != NULL && first->due_us - server->now_us < wait_us) {
        wait_us = first->due_us - server->now_us;
    }
    if (server->flush_us != INT64_MAX && server->flush_us - server->now_us < wait_us) {
        wait_us = server->flush_us - server->now_us;
    }
    return wait_us < 0 ? 0 : wait_us;
}

static void serve_due(struct server *server)
{
    struct deadline *first = deadlines_first(server->deadlines);
    while (first != NULL && first->due_us <= server->now_us) {
        size_t offset = offsetof(struct connection, deadline);
        connection_due(server, (struct connection *)(void *)((char *)first - offset));
        first = deadlines_first(server->deadlines);
    }
}

void server_run(struct server *server)
{
    struct epoll_event events[EVENTS_MAX];
    server->started_us = clock_us(CLOCK_MONOTONIC);
    server->now_us = server->started_us;
    while (!server->is_stopping) {
        int64_t wait_us = next_wait_us(server);
        struct timespec wait = {.tv_sec = wait_us / 1000000,
                                .tv_nsec = wait_us % 1000000 * 1000};
        int count = epoll_pwait2(server->epoll_fd, events, EVENTS_MAX, &wait, NULL);
        server->now_us = clock_us(CLOCK_MONOTONIC);
        advance(server);
        serve_due(server);
        for (int i = 0; i < count; i++) {
            struct server_source *source = events[i].data.ptr;
            source->ready(source, events[i].events);
        }
        flush(server);
    }
}

void server_stop(struct server *server)
{
    server->is_stopping = true;
}
