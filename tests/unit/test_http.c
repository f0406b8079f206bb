/* Claim: whoever asks under a foreign name, by another method or for what is not there gets
 * nothing, every answer can be sent as it is, and files come as the asker takes them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/gzip.h"
#include "gateway/http.h"

static const char index_text[] = "<!doctype html><title>page</title>";
static struct web_asset assets[2];
static unsigned asked;

static void answer_things(void *context, const struct http_request *request,
                          struct http_response *response)
{
    (void)context;
    (void)request;
    asked++;
    *response = (struct http_response){.status = 200, .type = "application/json"};
}

static const struct http_route routes[] = {
    {"/api/things", HTTP_GET, answer_things},
    {"/api/lab", HTTP_GET | HTTP_POST, answer_things},
};
static const char *const names[] = {"gateway.lan", NULL};
static const struct http_site site = {
    .assets = assets,
    .assets_count = 2,
    .routes = routes,
    .routes_count = 2,
    .names = names,
};

static int set_up(void **state)
{
    (void)state;
    size_t size;
    unsigned char *gzip = gzip_deflate(index_text, sizeof index_text - 1, &size);
    assets[0] = (struct web_asset){.path = "/assets/app.js",
                                   .type = "text/javascript",
                                   .etag = "\"aa\"",
                                   .gzip = gzip,
                                   .gzip_size = size,
                                   .size = sizeof index_text - 1};
    assets[1] = assets[0];
    assets[1].path = "/index.html";
    assets[1].etag = "\"bb\"";
    return gzip == NULL;
}

static int tear_down(void **state)
{
    (void)state;
    union {
        const unsigned char *kept;
        void *freed;
    } gzip = {.kept = assets[0].gzip};
    free(gzip.freed);
    return 0;
}

static struct http_request request_of(enum http_method method, const char *path)
{
    return (struct http_request){.method = method,
                                 .path = path,
                                 .host = "127.0.0.1:8080",
                                 .origin = "",
                                 .accept_encoding = "",
                                 .if_none_match = "",
                                 .content_type = "application/json",
                                 .pin = "",
                                 .body = ""};
}

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

static unsigned status_of(const struct http_request *request)
{
    struct http_response response;
    http_handle(&site, request, &response);
    assert_non_null(response.type);
    release(&response);
    return response.status;
}

/* Names the row of the table that was answered otherwise. */
static void expect(unsigned wanted, unsigned got, const char *row)
{
    if (wanted != got) {
        fail_msg("\"%s\" gave %u instead of %u", row, got, wanted);
    }
}

static void a_foreign_name_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *host;
        unsigned status;
    } hosts[] = {
        {"127.0.0.1", 200},
        {"127.0.0.1:8080", 200},
        {"192.168.1.7:8080", 200},
        {"[::1]:8080", 200},
        {"localhost", 200},
        {"LOCALHOST:1", 200},
        {"gateway.lan", 200},
        {"Gateway.LAN:80", 200},
        {"", 200},
        {"evil.example", 403},
        {"evil.example:80", 403},
        {"127.0.0.1.evil.example", 403},
        {"localhost.evil", 403},
        {"[::1", 403},
        {"localhost:80x", 403},
        {":80", 403},
        {"127.0.0.1@evil", 403},
        {"[evil.example]", 403},
    };
    for (size_t at = 0; at < sizeof hosts / sizeof hosts[0]; at++) {
        struct http_request request = request_of(HTTP_GET, "/api/things");
        request.host = hosts[at].host;
        expect(hosts[at].status, status_of(&request), hosts[at].host);
    }
}

static void another_sites_page_is_refused(void **state)
{
    (void)state;
    struct http_request request = request_of(HTTP_POST, "/api/lab");
    request.origin = "http://127.0.0.1:8080";
    assert_int_equal(status_of(&request), 200);
    request.origin = "http://evil.example";
    assert_int_equal(status_of(&request), 403);
    request.origin = "null";
    assert_int_equal(status_of(&request), 403);
    request.origin = "";
    request.content_type = "text/plain"; /* what a form of another site can send */
    assert_int_equal(status_of(&request), 400);
    request.content_type = "application/json; charset=utf-8";
    assert_int_equal(status_of(&request), 200);
}

static void methods_and_paths_are_those_of_the_table(void **state)
{
    (void)state;
    static const struct {
        enum http_method method;
        const char *path;
        unsigned status;
    } cases[] = {
        {HTTP_GET, "/api/things", 200},
        {HTTP_HEAD, "/api/things", 200},
        {HTTP_POST, "/api/things", 405},
        {HTTP_OTHER, "/api/things", 405},
        {HTTP_POST, "/", 405},
        {HTTP_GET, "/", 200},
        {HTTP_GET, "/bus", 200},
        {HTTP_GET, "/m/m3_mill", 200},
        {HTTP_GET, "/trace/m3_mill/oil", 200},
        {HTTP_GET, "/assets/app.js", 200},
        {HTTP_GET, "/assets/", 404},
        {HTTP_GET, "/assets/../index.html", 404},
        {HTTP_GET, "/../../etc/passwd", 404},
        {HTTP_GET, "/api/thing", 404},
        {HTTP_GET, "/api/things/", 404},
        {HTTP_GET, "", 404},
        {HTTP_GET, "/busy", 404},
    };
    for (size_t at = 0; at < sizeof cases / sizeof cases[0]; at++) {
        struct http_request request = request_of(cases[at].method, cases[at].path);
        expect(cases[at].status, status_of(&request), cases[at].path);
    }
    struct http_request request = request_of(HTTP_POST, "/api/things");
    struct http_response response;
    http_handle(&site, &request, &response);
    assert_string_equal(response.allow, "GET, HEAD");
    release(&response);
    request = request_of(HTTP_POST, "/api/lab");
    request.is_body_too_long = true;
    assert_int_equal(status_of(&request), 413);
}

static void files_come_compressed_or_plain_or_not_again(void **state)
{
    (void)state;
    static const struct {
        const char *accepted;
        bool is_compressed;
    } cases[] = {
        {"", false},
        {"gzip", true},
        {"br, gzip", true},
        {"gzip;q=0", false},
        {"gzip;q=0.0", false},
        {"gzip;q=0.5", true},
        {"deflate, br", false},
        {"*", true},
        {"gzipped", false},
        {"identity", false},
        {"br;q=0, gzip", true},
    };
    struct http_response response;
    for (size_t at = 0; at < sizeof cases / sizeof cases[0]; at++) {
        struct http_request request = request_of(HTTP_GET, "/");
        request.accept_encoding = cases[at].accepted;
        http_handle(&site, &request, &response);
        expect(cases[at].is_compressed, response.encoding != NULL, cases[at].accepted);
        if (!cases[at].is_compressed) {
            assert_int_equal(response.length, sizeof index_text - 1);
            assert_memory_equal(response.body, index_text, response.length);
        }
        release(&response);
    }
    struct http_request request = request_of(HTTP_GET, "/");
    request.if_none_match = "\"aa\", \"bb\"";
    http_handle(&site, &request, &response);
    assert_int_equal(response.status, 304);
    assert_null(response.body);
}

static void damaged_gzip_is_not_inflated(void **state)
{
    (void)state;
    unsigned char bytes[256];
    size_t size = assets[0].gzip_size;
    assert_true(size <= sizeof bytes);
    assert_null(gzip_inflate(assets[0].gzip, size - 1, assets[0].size));
    assert_null(gzip_inflate(assets[0].gzip, size, assets[0].size - 1));
    (void)memcpy(bytes, assets[0].gzip, size);
    bytes[size - 5] ^= 0x10; /* of its checksum */
    assert_null(gzip_inflate(bytes, size, assets[0].size));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_foreign_name_is_refused),
        cmocka_unit_test(another_sites_page_is_refused),
        cmocka_unit_test(methods_and_paths_are_those_of_the_table),
        cmocka_unit_test(files_come_compressed_or_plain_or_not_again),
        cmocka_unit_test(damaged_gzip_is_not_inflated),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
