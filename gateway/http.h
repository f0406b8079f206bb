/* What the page's server answers: a request in, a response out. No socket, no library, so that
 * a fuzzer can ask anything.
 *
 * Looks after what every answer owes: who may ask (Host, Origin: a foreign site whose name was
 * bent to our address must not read the factory), the security headers, methods, conditional
 * requests, compression. What is said stands in the routes. One thread at a time. */
#ifndef GATEWAY_HTTP_H
#define GATEWAY_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/web_assets.h"

enum { HTTP_ARGUMENTS_MAX = 8, HTTP_BODY_MAX = 4096, HTTP_PEER_SIZE = 16 };

enum http_method { HTTP_GET = 1, HTTP_HEAD = 2, HTTP_POST = 4, HTTP_OTHER = 8 };

struct http_argument {
    const char *name;
    const char *value; /* decoded; "" when there is none */
};

/* Texts are never NULL: "" where a header was not sent. */
struct http_request {
    enum http_method method;
    const char *path; /* decoded, without the arguments */
    struct http_argument arguments[HTTP_ARGUMENTS_MAX];
    size_t arguments_count;
    const char *host;
    const char *origin;
    const char *accept_encoding;
    const char *if_none_match;
    const char *content_type;
    const char *pin;  /* X-Lab-PIN */
    const char *body; /* not terminated */
    size_t body_length;
    bool is_body_too_long;
    uint8_t peer[HTTP_PEER_SIZE]; /* its address; IPv4 mapped into IPv6 */
};

/* The value of an argument, NULL when it is missing. */
const char *http_argument(const struct http_request *request, const char *name);

/* Whoever will answer later, from any thread, once: see http_finish(). */
struct http_waiter;

/* Work that is not done at once. After `start` it ends in exactly one http_finish(). */
struct http_job {
    void (*start)(void *data, struct http_waiter *waiter);
    void (*discard)(void *data); /* instead of `start`, when it cannot come to that */
    void *data;
};

enum http_kind {
    HTTP_BODY,   /* `body` */
    HTTP_STREAM, /* server-sent events until the reader leaves */
    HTTP_LATER,  /* `job` */
};

struct http_response {
    enum http_kind kind;
    unsigned status;
    const char *type;     /* Content-Type */
    const char *etag;     /* NULL: none, and the answer is not to be stored */
    const char *encoding; /* Content-Encoding; NULL: none */
    const char *allow;    /* NULL: none */
    unsigned retry_s;     /* Retry-After; 0: none */
    const void *body;
    size_t length;
    bool is_owned; /* the body is freed by whoever sends it */
    struct http_job job;
};

/* One path of the interface. `answer` fills the response; method, Host and Origin were looked
 * at. */
struct http_route {
    const char *path;
    unsigned methods; /* of enum http_method; GET brings HEAD with it */
    void (*answer)(void *context, const struct http_request *request,
                   struct http_response *response);
};

/* All that is served. */
struct http_site {
    const struct web_asset *assets;
    size_t assets_count;
    const struct http_route *routes;
    size_t routes_count;
    void *context; /* of the routes */
    const char *const
        *names; /* hosts that are us, beside addresses and "localhost"; up to NULL */
};

void http_handle(const struct http_site *site, const struct http_request *request,
                 struct http_response *response);

/* Fill a response: with `{"error":"sentence"}`, a sentence that needs no escapes; with JSON
 * text of the heap, which whoever sends it frees. */
void http_fail(struct http_response *response, unsigned status, const char *sentence);
void http_json(struct http_response *response, char *text, size_t length);

/* The headers that every answer carries, up to one without name. */
struct http_header {
    const char *name;
    const char *value;
};
extern const struct http_header http_headers[];

/* Ends the job of a waiter: copies the response. The web's (web.c); fuzzers bring their own. */
void http_finish(struct http_waiter *waiter, const struct http_response *response);

#endif
