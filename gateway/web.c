#include "gateway/web.h"

#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <microhttpd.h>

#include "config/memory.h"
#include "gateway/clock.h"
#include "gateway/http.h"
#include "gateway/log.h"
#include "gateway/thread.h"
#include "gateway/wake.h"
#include "gateway/web_api.h"
#include "gateway/web_listen.h"
#include "gateway/web_rates.h"
#include "gateway/web_stream.h"

enum {
    CONNECTIONS_MAX = 160,
    /* From here on somebody has to go for each who comes: the library takes up to ten at once.
     */
    CONNECTIONS_SCARCE = 144,
    MEMORY_PER_CONNECTION = 16 * 1024, /* bytes: its request, and a piece of its answer */
    SILENCE_S = 10,                    /* in which a client neither sends nor takes a byte */
    REQUEST_US = 5 * 1000000,          /* for a request to be complete */
    ANSWER_US = 30 * 1000000,          /* for an answer to be taken */
    IDLE_US = 15 * 1000000, /* between two requests of a connection, the next included */
    STACK_SIZE = 256 * 1024,
    STREAM_PIECE = 8 * 1024,     /* bytes */
    STREAM_BACKLOG = 256 * 1024, /* bytes that the kernel keeps for a viewer */
    HOST_NAME_SIZE = 256,
    LOG_PAUSE_US = 60 * 1000000,
};

struct web {
    struct web_parts parts;
    char url[HOST_NAME_SIZE + 16];
    char error[WEB_LISTEN_ERROR_SIZE];
    struct web_rates *rates;
    struct web_api *api;
    struct web_stream *stream;
    struct http_site site;
    char listen_name[HOST_NAME_SIZE];
    char host_name[HOST_NAME_SIZE];
    char local_name[HOST_NAME_SIZE + 8];
    const char *names[4]; /* of the site; the last is NULL */
    struct MHD_Daemon *daemon;
    atomic_bool is_stopping;
    struct wake wake;
    pthread_t thread; /* ticks the stream, cuts off who is late */
    _Atomic int64_t logged_us;

    pthread_mutex_t mutex; /* for the visitors */
    struct visitor *visitors;
    size_t visitors_count;
};

/* A connection. The library's thread makes and frees it; what the mutex guards is marked. */
struct visitor {
    struct web *web;
    struct MHD_Connection *connection;
    struct web_stream_viewer *viewer; /* NULL: no stream */
    struct visitor *next;             /* guarded, as all below */
    struct visitor *previous;
    int descriptor;
    int64_t due_us;   /* monotonic: when it is cut off; WAKE_NEVER */
    int64_t since_us; /* of its last request, answer or end of one */
    bool is_waiting;  /* suspended until the stream has something new */
    bool is_cut;
};

/* A request. It is also who waits for a job's end. */
struct http_waiter {
    struct visitor *visitor;
    struct http_response response; /* once the job is done */
    bool is_done;
    bool is_body_too_long;
    char *body; /* NULL: none came yet */
    size_t body_length;
};

/* ---- deadlines ---- */

static void cut(struct visitor *visitor)
{
    visitor->is_cut = true;
    visitor->due_us = WAKE_NEVER;
    visitor->web->visitors_count--;
    (void)shutdown(visitor->descriptor,
                   SHUT_RDWR); /* the library sees the end, and closes it */
}

/* Sets when it is cut off, and has our thread look then. */
static void set_due(struct visitor *visitor, int64_t due_us)
{
    struct web *web = visitor->web;
    (void)pthread_mutex_lock(&web->mutex);
    if (!visitor->is_cut) {
        visitor->due_us = due_us;
        visitor->since_us = clock_monotonic_us();
    }
    (void)pthread_mutex_unlock(&web->mutex);
    wake_up(&web->wake);
}

/* With the lock held: whoever has done nothing for longest makes room. A viewer never does. */
static void make_room(struct web *web)
{
    struct visitor *oldest = NULL;
    for (struct visitor *at = web->visitors; at != NULL; at = at->next) {
        if (at->due_us != WAKE_NEVER && (oldest == NULL || at->since_us <= oldest->since_us)) {
            oldest = at;
        }
    }
    if (oldest != NULL) {
        cut(oldest);
    }
}

/* Returns when the next is due. */
static int64_t cut_late(struct web *web, int64_t now_us)
{
    int64_t due_us = WAKE_NEVER;
    (void)pthread_mutex_lock(&web->mutex);
    for (struct visitor *at = web->visitors; at != NULL; at = at->next) {
        if (at->due_us <= now_us) {
            cut(at);
        }
        due_us = at->due_us < due_us ? at->due_us : due_us;
    }
    (void)pthread_mutex_unlock(&web->mutex);
    return due_us;
}

static void come(struct web *web, struct MHD_Connection *connection, void **context)
{
    struct visitor *visitor = memory_allocate(1, sizeof *visitor);
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    visitor->web = web;
    visitor->connection = connection;
    visitor->descriptor = info->connect_fd;
    visitor->since_us = clock_monotonic_us();
    visitor->due_us = visitor->since_us + REQUEST_US;
    (void)pthread_mutex_lock(&web->mutex);
    if (web->visitors_count >= CONNECTIONS_SCARCE) {
        make_room(web);
    }
    visitor->next = web->visitors;
    if (visitor->next != NULL) {
        visitor->next->previous = visitor;
    }
    web->visitors = visitor;
    web->visitors_count++;
    (void)pthread_mutex_unlock(&web->mutex);
    *context = visitor;
    wake_up(&web->wake);
}

static void go(struct web *web, struct visitor *visitor)
{
    (void)pthread_mutex_lock(&web->mutex);
    struct visitor **place =
        visitor->previous != NULL ? &visitor->previous->next : &web->visitors;
    *place = visitor->next;
    if (visitor->next != NULL) {
        visitor->next->previous = visitor->previous;
    }
    web->visitors_count -= visitor->is_cut ? 0 : 1;
    (void)pthread_mutex_unlock(&web->mutex);
    free(visitor);
}

static void on_connection(void *argument, struct MHD_Connection *connection, void **context,
                          enum MHD_ConnectionNotificationCode code)
{
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        come(argument, connection, context);
    } else if (*context != NULL) {
        go(argument, *context);
    }
}

/* ---- streams ---- */

/* Whether this visitor was waiting, and from now on is not. */
static bool claim(struct visitor *visitor)
{
    (void)pthread_mutex_lock(&visitor->web->mutex);
    bool was_waiting = visitor->is_waiting;
    visitor->is_waiting = false;
    (void)pthread_mutex_unlock(&visitor->web->mutex);
    return was_waiting;
}

/* What comes between looking and falling asleep must not be missed: asleep first, then a second
 * look; whoever wakes it has to claim it. */
static void fall_asleep(struct visitor *visitor)
{
    struct web *web = visitor->web;
    MHD_suspend_connection(visitor->connection);
    (void)pthread_mutex_lock(&web->mutex);
    visitor->is_waiting = true;
    (void)pthread_mutex_unlock(&web->mutex);
    bool is_due =
        atomic_load(&web->is_stopping) || web_stream_has_more(web->stream, visitor->viewer);
    if (is_due && claim(visitor)) {
        MHD_resume_connection(visitor->connection);
    }
}

static ssize_t read_stream(void *argument, uint64_t position, char *text, size_t size)
{
    static const char greeting[] = "retry: 1000\n\n";
    struct visitor *visitor = argument;
    if (position == 0) {
        (void)memcpy(text, greeting, sizeof greeting - 1);
        return sizeof greeting - 1;
    }
    if (atomic_load(&visitor->web->is_stopping)) {
        return MHD_CONTENT_READER_END_OF_STREAM;
    }
    size_t length = web_stream_read(visitor->web->stream, visitor->viewer, text, size);
    if (length == 0) {
        fall_asleep(visitor);
    }
    return (ssize_t)length;
}

static void wake_viewers(struct web *web)
{
    struct MHD_Connection *asleep[CONNECTIONS_MAX];
    size_t count = 0;
    (void)pthread_mutex_lock(&web->mutex);
    for (struct visitor *at = web->visitors; at != NULL && count < CONNECTIONS_MAX;
         at = at->next) {
        if (at->is_waiting) {
            at->is_waiting = false;
            asleep[count++] = at->connection;
        }
    }
    (void)pthread_mutex_unlock(&web->mutex);
    /* What is suspended stays until it is resumed: these are all there. */
    for (size_t at = 0; at < count; at++) {
        MHD_resume_connection(asleep[at]);
    }
}

static struct MHD_Response *begin_stream(struct visitor *visitor)
{
    int size = STREAM_BACKLOG;
    visitor->viewer = web_stream_join(visitor->web->stream);
    if (visitor->viewer == NULL) {
        return NULL;
    }
    (void)setsockopt(visitor->descriptor, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_PIECE, read_stream,
                                             visitor, NULL);
}

static void *run(void *argument)
{
    struct web *web = argument;
    while (!atomic_load(&web->is_stopping)) {
        int64_t now_us = clock_monotonic_us();
        int64_t tick_us = WAKE_NEVER;
        int64_t late_us = cut_late(web, now_us);
        if (web_stream_tick(web->stream, now_us, &tick_us)) {
            wake_viewers(web);
        }
        (void)wake_wait(&web->wake, late_us < tick_us ? late_us : tick_us);
    }
    return NULL;
}

/* ---- requests ---- */

static const char *header(struct MHD_Connection *connection, const char *name)
{
    const char *value = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
    return value != NULL ? value : "";
}

static enum MHD_Result take_argument(void *context, enum MHD_ValueKind kind, const char *name,
                                     const char *value)
{
    struct http_request *request = context;
    (void)kind;
    if (request->arguments_count == HTTP_ARGUMENTS_MAX) {
        return MHD_NO;
    }
    request->arguments[request->arguments_count++] =
        (struct http_argument){.name = name, .value = value != NULL ? value : ""};
    return MHD_YES;
}

static enum http_method method_of(const char *name)
{
    static const struct {
        const char *name;
        enum http_method method;
    } methods[] = {{MHD_HTTP_METHOD_GET, HTTP_GET},
                   {MHD_HTTP_METHOD_HEAD, HTTP_HEAD},
                   {MHD_HTTP_METHOD_POST, HTTP_POST}};
    for (size_t at = 0; at < sizeof methods / sizeof methods[0]; at++) {
        if (strcmp(methods[at].name, name) == 0) {
            return methods[at].method;
        }
    }
    return HTTP_OTHER;
}

static void take_peer(struct MHD_Connection *connection, uint8_t peer[HTTP_PEER_SIZE])
{
    static const uint8_t mapped[HTTP_PEER_SIZE] = {[10] = 0xFF, [11] = 0xFF};
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    (void)memcpy(peer, mapped, HTTP_PEER_SIZE);
    if (info->client_addr->sa_family == AF_INET) {
        struct sockaddr_in address;
        (void)memcpy(&address, info->client_addr, sizeof address);
        (void)memcpy(peer + 12, &address.sin_addr, 4);
    } else if (info->client_addr->sa_family == AF_INET6) {
        struct sockaddr_in6 address;
        (void)memcpy(&address, info->client_addr, sizeof address);
        (void)memcpy(peer, &address.sin6_addr, HTTP_PEER_SIZE);
    }
}

static struct MHD_Response *create_response(const struct http_response *response)
{
    /* The library's interface knows no const; it does not write. */
    union {
        const void *given;
        void *taken;
    } body = {.given = response->body};
    struct MHD_Response *made = MHD_create_response_from_buffer(
        response->length, body.taken,
        response->is_owned ? MHD_RESPMEM_MUST_FREE : MHD_RESPMEM_PERSISTENT);
    if (made == NULL && response->is_owned) {
        free(body.taken);
    }
    return made;
}

static void add_headers(struct MHD_Response *made, const struct http_response *response)
{
    char retry[16];
    (void)snprintf(retry, sizeof retry, "%u", response->retry_s);
    const struct http_header own[] = {
        {"Content-Type", response->type},
        {"ETag", response->etag},
        {"Content-Encoding", response->encoding},
        {"Allow", response->allow},
        {"Retry-After", response->retry_s > 0 ? retry : NULL},
        {"Cache-Control", response->etag != NULL ? "no-cache" : "no-store"},
        {"Vary", response->etag != NULL ? "Accept-Encoding" : NULL},
    };
    for (size_t at = 0; at < sizeof own / sizeof own[0]; at++) {
        if (own[at].value != NULL) {
            (void)MHD_add_response_header(made, own[at].name, own[at].value);
        }
    }
    for (const struct http_header *at = http_headers; at->name != NULL; at++) {
        (void)MHD_add_response_header(made, at->name, at->value);
    }
}

static enum MHD_Result queue(struct visitor *visitor, const struct http_response *response)
{
    struct http_response instead;
    struct MHD_Response *made = NULL;
    if (response->kind == HTTP_STREAM) {
        made = begin_stream(visitor);
        if (made == NULL) {
            http_fail(&instead, 503, "as many as can look are looking");
            instead.retry_s = SILENCE_S;
            response = &instead;
        }
    }
    if (made == NULL) {
        made = create_response(response);
    }
    if (made == NULL) {
        return MHD_NO;
    }
    add_headers(made, response);
    set_due(visitor, visitor->viewer != NULL ? WAKE_NEVER : clock_monotonic_us() + ANSWER_US);
    enum MHD_Result result = MHD_queue_response(visitor->connection, response->status, made);
    MHD_destroy_response(made);
    return result;
}

static enum MHD_Result answer(struct visitor *visitor, struct http_waiter *waiter,
                              struct http_request *request)
{
    struct web *web = visitor->web;
    struct http_response response;
    if (atomic_load(&web->is_stopping)) {
        http_fail(&response, 503, "the gateway is stopping");
        return queue(visitor, &response);
    }
    struct MHD_Connection *connection = visitor->connection;
    request->host = header(connection, MHD_HTTP_HEADER_HOST);
    request->origin = header(connection, MHD_HTTP_HEADER_ORIGIN);
    request->accept_encoding = header(connection, MHD_HTTP_HEADER_ACCEPT_ENCODING);
    request->if_none_match = header(connection, MHD_HTTP_HEADER_IF_NONE_MATCH);
    request->content_type = header(connection, MHD_HTTP_HEADER_CONTENT_TYPE);
    request->pin = header(connection, "X-Lab-PIN");
    request->body = waiter->body != NULL ? waiter->body : "";
    request->body_length = waiter->body_length;
    request->is_body_too_long = waiter->is_body_too_long;
    (void)MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, take_argument, request);
    take_peer(connection, request->peer);
    http_handle(&web->site, request, &response);
    if (response.kind != HTTP_LATER) {
        return queue(visitor, &response);
    }
    set_due(visitor, WAKE_NEVER); /* a job ends by itself */
    MHD_suspend_connection(connection);
    response.job.start(response.job.data, waiter);
    return MHD_YES;
}

void http_finish(struct http_waiter *waiter, const struct http_response *response)
{
    struct MHD_Connection *connection = waiter->visitor->connection;
    waiter->response = *response;
    waiter->is_done = true;
    MHD_resume_connection(connection);
}

/* What is too long is let pass, so that the answer can be read. */
static void take_body(struct http_waiter *waiter, const char *data, size_t *size)
{
    if (waiter->body == NULL) {
        waiter->body = memory_allocate(HTTP_BODY_MAX, 1);
    }
    if (*size > HTTP_BODY_MAX - waiter->body_length) {
        waiter->is_body_too_long = true;
    } else {
        (void)memcpy(waiter->body + waiter->body_length, data, *size);
        waiter->body_length += *size;
    }
    *size = 0;
}

/* Called once when the headers are there, then for each piece of the body, then at its end, and
 * again when a job is done. The signature is the library's.
 * NOLINTNEXTLINE(readability-function-size) */
static enum MHD_Result on_request(void *argument, struct MHD_Connection *connection,
                                  const char *path, const char *method, const char *version,
                                  const char *data, size_t *size, void **context)
{
    (void)argument;
    (void)version;
    struct http_waiter *waiter = *context;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct visitor *visitor = info->socket_context;
    if (waiter == NULL) {
        waiter = memory_allocate(1, sizeof *waiter);
        waiter->visitor = visitor;
        *context = waiter;
        return MHD_YES;
    }
    if (*size > 0) {
        take_body(waiter, data, size);
        return MHD_YES;
    }
    if (waiter->is_done) {
        return queue(visitor, &waiter->response);
    }
    struct http_request request = {.method = method_of(method), .path = path};
    return answer(visitor, waiter, &request);
}

static void on_completed(void *argument, struct MHD_Connection *connection, void **context,
                         enum MHD_RequestTerminationCode code)
{
    struct web *web = argument;
    struct http_waiter *waiter = *context;
    (void)connection;
    (void)code;
    if (waiter == NULL) {
        return;
    }
    struct visitor *visitor = waiter->visitor;
    if (visitor->viewer != NULL) {
        web_stream_leave(web->stream, visitor->viewer);
        visitor->viewer = NULL;
    }
    set_due(visitor, clock_monotonic_us() + IDLE_US);
    free(waiter->body);
    free(waiter);
    *context = NULL;
}

/* Any stranger can make the library complain: one line a minute. */
__attribute__((format(printf, 2, 0))) static void on_log(void *argument, const char *format,
                                                         va_list arguments)
{
    struct web *web = argument;
    int64_t now_us = clock_monotonic_us();
    char text[200];
    if (now_us < atomic_load(&web->logged_us) + LOG_PAUSE_US) {
        return;
    }
    atomic_store(&web->logged_us, now_us);
    (void)vsnprintf(text, sizeof text, format, arguments);
    text[strcspn(text, "\n\"")] = '\0';
    log_line(LOG_LEVEL_INFO, "web", "event=bad-client said=\"%s\"", text);
}

/* ---- start and stop ---- */

static void find_names(struct web *web, const char *listen_address)
{
    size_t count = 0;
    (void)snprintf(web->listen_name, sizeof web->listen_name, "%.*s",
                   (int)strcspn(listen_address, ":"), listen_address);
    web->names[count++] = web->listen_name;
    if (gethostname(web->host_name, sizeof web->host_name - 1) == 0) {
        (void)snprintf(web->local_name, sizeof web->local_name, "%s.local", web->host_name);
        web->names[count++] = web->host_name;
        web->names[count++] = web->local_name;
    }
}

static struct MHD_Daemon *start_daemon(struct web *web, int descriptor)
{
    struct MHD_OptionItem options[] = {
        {MHD_OPTION_EXTERNAL_LOGGER, (intptr_t)on_log, web}, /* first: it hears of the others */
        {MHD_OPTION_LISTEN_SOCKET, descriptor, NULL},
        {MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX, NULL},
        {MHD_OPTION_CONNECTION_MEMORY_LIMIT, MEMORY_PER_CONNECTION, NULL},
        {MHD_OPTION_CONNECTION_TIMEOUT, SILENCE_S, NULL},
        {MHD_OPTION_THREAD_STACK_SIZE, STACK_SIZE, NULL},
        {MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)on_connection, web},
        {MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)on_completed, web},
        {MHD_OPTION_END, 0, NULL},
    };
    unsigned flags =
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
    return MHD_start_daemon(flags, 0, NULL, NULL, on_request, web, MHD_OPTION_ARRAY, options,
                            MHD_OPTION_END);
}

static void create_site(struct web *web, const char *address)
{
    (void)pthread_mutex_init(&web->mutex, NULL);
    wake_init(&web->wake);
    web->rates = web_rates_create(&web->parts);
    web->stream = web_stream_create(&web->parts, web->rates, &web->wake);
    web->api = web_api_create(&web->parts, web->rates);
    find_names(web, address);
    web->site = (struct http_site){
        .assets = web_assets,
        .assets_count = web_assets_count,
        .context = web->api,
        .names = web->names,
    };
    web->site.routes = web_api_routes(&web->site.routes_count);
}

static void destroy_site(struct web *web)
{
    web_api_destroy(web->api);
    web_stream_destroy(web->stream);
    web_rates_destroy(web->rates);
    wake_destroy(&web->wake);
    (void)pthread_mutex_destroy(&web->mutex);
}

/* Returns whether it listens; else the error says why not. */
static bool listen_at(struct web *web, const char *address)
{
    int descriptor = web_listen_open(address, web->error);
    if (descriptor < 0) {
        return false;
    }
    (void)snprintf(web->url, sizeof web->url, "http://%.256s/", address);
    web->parts.page = web->url;
    create_site(web, address);
    web->daemon = start_daemon(web, descriptor);
    if (web->daemon == NULL) {
        (void)snprintf(web->error, sizeof web->error, "%s: %s", address,
                       strerrordesc_np(errno));
        (void)close(descriptor);
        web_api_stop(web->api);
        destroy_site(web);
        web->url[0] = '\0';
        return false;
    }
    thread_start(&web->thread, "web", run, web);
    return true;
}

struct web *web_start(const struct web_parts *parts)
{
    struct web *web = memory_allocate(1, sizeof *web);
    const char *address = parts->factory->web.listen;
    web->parts = *parts;
    web->logged_us = -LOG_PAUSE_US;
    if (*address == '\0') {
        return web;
    }
    if (listen_at(web, address)) {
        log_line(LOG_LEVEL_INFO, "web", "event=listening url=%s", web->url);
    } else {
        log_line(LOG_LEVEL_ERROR, "web", "event=no-page error=\"%s\"", web->error);
    }
    return web;
}

/* Whoever waits is let go first: the library cannot stop while anybody is suspended. */
void web_stop(struct web *web)
{
    if (web->daemon != NULL) {
        atomic_store(&web->is_stopping, true);
        wake_up(&web->wake);
        (void)pthread_join(web->thread, NULL);
        web_api_stop(web->api);
        wake_viewers(web);
        MHD_stop_daemon(web->daemon);
        destroy_site(web);
    }
    free(web);
}

const char *web_url(const struct web *web)
{
    return web->url;
}

const char *web_error(const struct web *web)
{
    return web->error;
}
