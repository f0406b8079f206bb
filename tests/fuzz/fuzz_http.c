/* Whatever is asked, the handler stays within it, and its answer is one that can be sent. */
#include "gateway/http.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/gzip.h"

/* The name is libFuzzer's. NOLINTNEXTLINE(readability-identifier-naming) */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TEXTS_COUNT = 8 };

static void answer_things(void *context, const struct http_request *request,
                          struct http_response *response)
{
    (void)context;
    assert(request->method == HTTP_GET || request->method == HTTP_HEAD ||
           request->method == HTTP_POST);
    const char *thing = http_argument(request, "thing");
    http_fail(response, thing != NULL && *thing != '\0' ? 200 : 404, "told");
}

static const struct http_route routes[] = {
    {"/api/things", HTTP_GET, answer_things},
    {"/api/lab", HTTP_GET | HTTP_POST, answer_things},
};
static const char *const names[] = {"gateway.lan", NULL};

static void release(struct http_response *response)
{
    union {
        const void *kept;
        void *freed;
    } body = {.kept = response->body};
    if (response->is_owned) {
        free(body.freed);
    }
}

/* The input's lines are the request's texts, each of its own size. */
static size_t split(const uint8_t *data, size_t size, char *texts[TEXTS_COUNT])
{
    size_t at = 0;
    for (size_t index = 0; index < TEXTS_COUNT; index++) {
        const uint8_t *end = at < size ? memchr(data + at, '\n', size - at) : NULL;
        size_t length = end != NULL ? (size_t)(end - data) - at : size - at;
        texts[index] = calloc(1, length + 1); /* strndup() wants an end to what it reads from */
        assert(texts[index] != NULL);
        if (length > 0) {
            (void)memcpy(texts[index], data + at, length);
        }
        at += length + (end != NULL ? 1 : 0);
    }
    return at;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char page[] = "<!doctype html>";
    char *texts[TEXTS_COUNT];
    size_t used = split(data, size, texts);
    size_t gzip_size;
    unsigned char *gzip = gzip_deflate(page, sizeof page - 1, &gzip_size);
    const struct web_asset asset = {"/index.html", "text/html", "\"e\"",
                                    gzip,          gzip_size,   sizeof page - 1};
    struct http_site site = {&asset, 1, routes, 2, NULL, names};
    struct http_request request = {.method = (enum http_method)(1 << size % 4),
                                   .path = texts[0],
                                   .arguments = {{texts[1], texts[2]}},
                                   .arguments_count = 1,
                                   .host = texts[3],
                                   .origin = texts[4],
                                   .accept_encoding = texts[5],
                                   .if_none_match = texts[6],
                                   .content_type = texts[7],
                                   .pin = "",
                                   .body = (const char *)data + used,
                                   .body_length = size - used};
    struct http_response response;
    http_handle(&site, &request, &response);
    assert(response.status >= 200 && response.status < 600);
    assert(response.type != NULL);
    assert(response.body != NULL || response.length == 0);
    release(&response);
    for (size_t index = 0; index < TEXTS_COUNT; index++) {
        free(texts[index]);
    }
    free(gzip);
    return 0;
}
