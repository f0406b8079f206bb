#include "gateway/http.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "gateway/gzip.h"

enum { HOST_MAX = 255 };

const struct http_header http_headers[] = {
    {"Content-Security-Policy",
     "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
     "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
    {"X-Content-Type-Options", "nosniff"},
    {"Referrer-Policy", "no-referrer"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {NULL, NULL},
};

/* What the page itself finds out from its address: all of them are its one document. */
static const struct {
    const char *path;
    bool is_prefix;
} places[] = {
    {"/", false},    {"/bus", false}, {"/topics", false},
    {"/lab", false}, {"/m/", true},   {"/trace/", true},
};
enum { PLACES_COUNT = sizeof places / sizeof places[0] };

const char *http_argument(const struct http_request *request, const char *name)
{
    for (size_t at = 0; at < request->arguments_count; at++) {
        if (strcmp(request->arguments[at].name, name) == 0) {
            return request->arguments[at].value;
        }
    }
    return NULL;
}

void http_json(struct http_response *response, char *text, size_t length)
{
    *response = (struct http_response){
        .status = 200,
        .type = "application/json",
        .body = text,
        .length = length,
        .is_owned = true,
    };
}

void http_fail(struct http_response *response, unsigned status, const char *sentence)
{
    static const char nothing[] = "{\"error\":\"\"}";
    size_t size = strlen(sentence) + sizeof nothing;
    char *text = malloc(size);
    *response = (struct http_response){.status = status,
                                       .type = "application/json",
                                       .body = nothing,
                                       .length = sizeof nothing - 1};
    if (text != NULL) { /* our own sentences need no escapes */
        response->length = (size_t)snprintf(text, size, "{\"error\":\"%s\"}", sentence);
        response->body = text;
        response->is_owned = true;
    }
}

/* ---- who may ask ---- */

static bool is_address(const char *host)
{
    unsigned char address[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
}

/* "host:port" without the port, "[::1]:port" without the brackets; false when it is neither. */
static bool strip_port(const char *text, char host[static HOST_MAX + 1])
{
    bool is_bracketed = text[0] == '[';
    const char *start = text + (is_bracketed ? 1 : 0);
    size_t length = strcspn(start, is_bracketed ? "]" : ":");
    if (length == 0 || length > HOST_MAX || (is_bracketed && start[length] != ']')) {
        return false;
    }
    const char *rest = start + length + (is_bracketed ? 1 : 0);
    if (*rest != '\0' && (*rest != ':' || rest[1 + strspn(rest + 1, "0123456789")] != '\0')) {
        return false;
    }
    (void)memcpy(host, start, length);
    host[length] = '\0';
    return true;
}

/* Browsers always send it; HTTP/1.0, which need not, is no browser. */
static bool is_our_host(const struct http_site *site, const char *text)
{
    char host[HOST_MAX + 1];
    if (*text == '\0') {
        return true;
    }
    if (!strip_port(text, host)) {
        return false;
    }
    for (const char *const *name = site->names; *name != NULL; name++) {
        if (strcasecmp(host, *name) == 0) {
            return true;
        }
    }
    return is_address(host) || strcasecmp(host, "localhost") == 0;
}

/* A page of another site must not make its reader's browser do things here. */
static bool is_our_origin(const struct http_request *request)
{
    static const char scheme[] = "http://";
    return *request->origin == '\0' ||
           (strncmp(request->origin, scheme, sizeof scheme - 1) == 0 &&
            strcasecmp(request->origin + sizeof scheme - 1, request->host) == 0);
}

/* ---- the page's files ---- */

/* "gzip", "gzip;q=0.5", "*"; not "gzip;q=0". */
static bool accepts_gzip(const char *header)
{
    const char *item = header;
    while (*item != '\0') {
        item += strspn(item, " \t,");
        size_t length = strcspn(item, ",");
        size_t name = strcspn(item, ";, \t");
        bool is_gzip =
            (name == 4 && strncasecmp(item, "gzip", name) == 0) || (name == 1 && *item == '*');
        const char *quality = memmem(item, length, "q=", 2);
        bool is_refused =
            quality != NULL && strspn(quality + 2, "0.") == strcspn(quality + 2, ",; \t");
        if (is_gzip) {
            return !is_refused;
        }
        item += length;
    }
    return false;
}

/* RFC 9110, 13.1.2: a list of tags, weak ones too, or a star. */
static bool is_known_tag(const char *header, const char *etag)
{
    return strstr(header, etag) != NULL || strcmp(header, "*") == 0;
}

static void answer_asset(const struct web_asset *asset, const struct http_request *request,
                         struct http_response *response)
{
    *response = (struct http_response){.status = 200, .type = asset->type, .etag = asset->etag};
    if (is_known_tag(request->if_none_match, asset->etag)) {
        response->status = 304;
        return;
    }
    response->body = asset->gzip;
    response->length = asset->gzip_size;
    response->encoding = "gzip";
    if (!accepts_gzip(request->accept_encoding)) {
        unsigned char *plain = gzip_inflate(asset->gzip, asset->gzip_size, asset->size);
        if (plain == NULL) {
            http_fail(response, 503, "no memory to inflate this file");
            return;
        }
        response->body = plain;
        response->length = asset->size;
        response->encoding = NULL;
        response->is_owned = true;
    }
}

static bool is_place(const char *path)
{
    for (size_t at = 0; at < PLACES_COUNT; at++) {
        size_t length = strlen(places[at].path);
        if (strncmp(path, places[at].path, length) == 0 &&
            (places[at].is_prefix || path[length] == '\0')) {
            return true;
        }
    }
    return false;
}

/* Paths are compared with the table, and never opened: there is nothing to climb out of. */
static const struct web_asset *find_asset(const struct http_site *site, const char *path)
{
    const char *wanted = is_place(path) ? "/index.html" : path;
    for (size_t at = 0; at < site->assets_count; at++) {
        if (strcmp(site->assets[at].path, wanted) == 0) {
            return &site->assets[at];
        }
    }
    return NULL;
}

/* ---- the answer ---- */

static const struct http_route *find_route(const struct http_site *site, const char *path)
{
    for (size_t at = 0; at < site->routes_count; at++) {
        if (strcmp(site->routes[at].path, path) == 0) {
            return &site->routes[at];
        }
    }
    return NULL;
}

static void refuse_method(struct http_response *response, unsigned methods)
{
    http_fail(response, 405, "this path does not take that method");
    response->allow = (methods & HTTP_POST) != 0 ? "GET, HEAD, POST" : "GET, HEAD";
}

/* Whether a POST is one that a form or a link of another site cannot send. */
static bool is_deliberate(const struct http_request *request)
{
    static const char json[] = "application/json";
    size_t length = sizeof json - 1;
    return strncasecmp(request->content_type, json, length) == 0 &&
           (request->content_type[length] == '\0' || request->content_type[length] == ';');
}

void http_handle(const struct http_site *site, const struct http_request *request,
                 struct http_response *response)
{
    const struct http_route *route = find_route(site, request->path);
    const struct web_asset *asset = route == NULL ? find_asset(site, request->path) : NULL;
    unsigned methods = route != NULL ? route->methods : HTTP_GET;
    methods |= HTTP_HEAD;
    if (!is_our_host(site, request->host)) {
        http_fail(response, 403, "this is not the name of this gateway");
    } else if (!is_our_origin(request)) {
        http_fail(response, 403, "another site asks");
    } else if (request->is_body_too_long) {
        http_fail(response, 413, "the body is longer than 4096 bytes");
    } else if (route == NULL && asset == NULL) {
        http_fail(response, 404, "there is nothing here");
    } else if ((methods & request->method) == 0) {
        refuse_method(response, methods);
    } else if (request->method == HTTP_POST && !is_deliberate(request)) {
        http_fail(response, 400, "the body must be application/json");
    } else if (route != NULL) {
        route->answer(site->context, request, response);
    } else {
        answer_asset(asset, request, response);
    }
}
