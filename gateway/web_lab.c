#include "gateway/web_lab.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "config/memory.h"
#include "gateway/clock.h"
#include "gateway/json.h"
#include "gateway/thread.h"
#include "gateway/wake.h"
#include "gateway/web_order.h"
#include "gateway/web_pin.h"

enum {
    QUEUE_MAX = 16,
    ANSWER_S = 2,
    REPLY_PIECE = 16 * 1024,
    REPLY_MAX = 1024 * 1024, /* the simulator is ours; but nothing grows without bound */
};

/* A question on its way. */
struct order {
    struct order *next;
    struct web_lab *lab;
    struct http_waiter *waiter;
    bool is_look; /* GET: the list and the status; else `line` */
    bool is_trusted;
    unsigned pause_s; /* until the PIN that was given is looked at; 0: it was */
    char line[WEB_ORDER_SIZE];
};

struct web_lab {
    const char *path; /* of the socket; "": no Lab */
    struct web_pin *pin;
    pthread_t thread;
    struct wake wake;
    pthread_mutex_t mutex; /* for what follows */
    struct order *first;
    struct order **last;
    size_t count;
    bool is_stopping;
};

/* ---- the simulator ---- */

static int open_socket(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct timeval patience = {.tv_sec = ANSWER_S};
    if (strlen(path) >= sizeof address.sun_path) {
        return -1;
    }
    (void)memcpy(address.sun_path, path, strlen(path));
    int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0) {
        return -1;
    }
    (void)setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    (void)setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (connect(descriptor, (const struct sockaddr *)&address, sizeof address) != 0) {
        (void)close(descriptor);
        return -1;
    }
    return descriptor;
}

/* A line from the socket, its end cut; the caller frees. NULL: none came in time. */
static char *read_line(int descriptor)
{
    char *text = NULL;
    size_t room = 0;
    size_t length = 0;
    while (length < REPLY_MAX) {
        text = memory_grow(text, &room, length + REPLY_PIECE, 1);
        ssize_t got = recv(descriptor, text + length, REPLY_PIECE, 0);
        if (got <= 0) {
            break;
        }
        char *end = memchr(text + length, '\n', (size_t)got);
        if (end != NULL) {
            *end = '\0';
            return text;
        }
        length += (size_t)got;
    }
    free(text);
    return NULL;
}

static char *ask(int descriptor, const char *line)
{
    size_t length = strlen(line);
    if (send(descriptor, line, length, MSG_NOSIGNAL) != (ssize_t)length) {
        return NULL;
    }
    return read_line(descriptor);
}

/* ---- the answers ---- */

static void put(struct json *json, const char *name, const char *text)
{
    json_raw(json, name, text, strlen(text));
}

static void look(int descriptor, const struct order *order, struct http_response *response)
{
    char *list = ask(descriptor, "{\"command\":\"list\"}\n");
    char *status = list == NULL
                       ? NULL
                       : ask(descriptor, order->is_trusted ? "{\"command\":\"status\"}\n"
                                                           : "{\"command\":\"status\","
                                                             "\"audience\":\"learner\"}\n");
    if (status == NULL) {
        http_fail(response, 503, "the simulator does not answer");
    } else {
        struct json json = json_begin_growing();
        put(&json, "list", list);
        put(&json, "status", status);
        json_boolean(&json, "pin_needed", web_pin_is_needed(order->lab->pin));
        json_boolean(&json, "pin_ok", order->is_trusted);
        json_unsigned(&json, "pin_pause_s", order->pause_s);
        size_t length = json_end(&json);
        http_json(response, json.text, length);
    }
    free(status);
    free(list);
}

static void obey(int descriptor, const struct order *order, struct http_response *response)
{
    char *reply = ask(descriptor, order->line);
    if (reply == NULL) {
        http_fail(response, 503, "the simulator does not answer");
        return;
    }
    bool is_done = strncmp(reply, "{\"ok\":true", 10) == 0;
    http_json(response, reply, strlen(reply));
    response->status = is_done ? 200 : 400;
}

static void carry_out(const struct order *order, struct http_response *response)
{
    int descriptor = open_socket(order->lab->path);
    if (descriptor < 0) {
        http_fail(response, 503, "there is no simulator at the socket that [web] lab names");
        return;
    }
    (order->is_look ? look : obey)(descriptor, order, response);
    (void)close(descriptor);
}

/* ---- the thread ---- */

/* NULL: there is none. */
static struct order *take(struct web_lab *lab, bool *is_stopping)
{
    (void)pthread_mutex_lock(&lab->mutex);
    struct order *order = lab->first;
    *is_stopping = lab->is_stopping;
    if (order != NULL) {
        lab->first = order->next;
        lab->count--;
    }
    if (lab->first == NULL) {
        lab->last = &lab->first;
    }
    (void)pthread_mutex_unlock(&lab->mutex);
    return order;
}

static void finish(struct order *order, bool is_stopping)
{
    struct http_response response;
    if (is_stopping) {
        http_fail(&response, 503, "the gateway is stopping");
    } else {
        carry_out(order, &response);
    }
    http_finish(order->waiter, &response);
    free(order);
}

static void *run(void *argument)
{
    struct web_lab *lab = argument;
    bool is_stopping = false;
    while (true) {
        struct order *order = take(lab, &is_stopping);
        if (order != NULL) {
            finish(order, is_stopping);
        } else if (is_stopping) {
            return NULL;
        } else {
            (void)wake_wait(&lab->wake, WAKE_NEVER);
        }
    }
}

struct web_lab *web_lab_start(const struct factory *factory)
{
    struct web_lab *lab = memory_allocate(1, sizeof *lab);
    lab->path = factory->web.lab;
    lab->last = &lab->first;
    if (*lab->path == '\0') {
        return lab;
    }
    lab->pin = web_pin_create(factory->web.lab_pin_file);
    (void)pthread_mutex_init(&lab->mutex, NULL);
    wake_init(&lab->wake);
    thread_start(&lab->thread, "lab", run, lab);
    return lab;
}

void web_lab_stop(struct web_lab *lab)
{
    if (*lab->path == '\0') {
        return;
    }
    (void)pthread_mutex_lock(&lab->mutex);
    lab->is_stopping = true;
    (void)pthread_mutex_unlock(&lab->mutex);
    wake_up(&lab->wake);
    (void)pthread_join(lab->thread, NULL);
}

void web_lab_destroy(struct web_lab *lab)
{
    if (*lab->path != '\0') {
        wake_destroy(&lab->wake);
        (void)pthread_mutex_destroy(&lab->mutex);
        web_pin_destroy(lab->pin);
    }
    free(lab);
}

/* ---- requests ---- */

static void start_order(void *data, struct http_waiter *waiter)
{
    struct order *order = data;
    struct web_lab *lab = order->lab;
    struct http_response response;
    order->waiter = waiter;
    (void)pthread_mutex_lock(&lab->mutex);
    bool is_taken = lab->count < QUEUE_MAX && !lab->is_stopping;
    if (is_taken) {
        *lab->last = order;
        lab->last = &order->next;
        lab->count++;
    }
    (void)pthread_mutex_unlock(&lab->mutex);
    if (is_taken) {
        wake_up(&lab->wake);
        return;
    }
    http_fail(&response, 503, "too many ask the simulator: again in a moment");
    free(order);
    http_finish(waiter, &response);
}

static bool may_order(const struct order *order, enum web_pin_verdict verdict,
                      struct http_response *response)
{
    char again[64];
    (void)snprintf(again, sizeof again, "too many wrong PINs: again in %u s", order->pause_s);
    const char *const sentences[] = {
        [WEB_PIN_RIGHT] = NULL,
        [WEB_PIN_ABSENT] = "the PIN is needed: header X-Lab-PIN",
        [WEB_PIN_WRONG] = "that is not the PIN",
        [WEB_PIN_PAUSED] = again,
    };
    if (verdict != WEB_PIN_RIGHT) {
        http_fail(response, 403, sentences[verdict]);
        response->retry_s = order->pause_s;
    }
    return verdict == WEB_PIN_RIGHT;
}

/* Whether the order may be, and is written; else the response says why not. */
static bool prepare(struct order *order, enum web_pin_verdict verdict,
                    const struct http_request *request, struct http_response *response)
{
    char error[WEB_ORDER_ERROR_SIZE];
    if (!may_order(order, verdict, response)) {
        return false;
    }
    if (!web_order_write(request, order->line, error)) {
        http_fail(response, 400, error);
        return false;
    }
    return true;
}

void web_lab_answer(struct web_lab *lab, const struct http_request *request,
                    struct http_response *response)
{
    if (*lab->path == '\0') {
        http_fail(response, 404,
                  "no simulator is connected: [web] lab names its control socket");
        return;
    }
    int64_t now_us = clock_monotonic_us();
    enum web_pin_verdict verdict = web_pin_check(lab->pin, request->peer, request->pin, now_us);
    struct order *order = memory_allocate(1, sizeof *order);
    order->lab = lab;
    order->is_look = request->method != HTTP_POST;
    order->is_trusted = verdict == WEB_PIN_RIGHT;
    order->pause_s =
        verdict == WEB_PIN_PAUSED ? web_pin_pause_s(lab->pin, request->peer, now_us) : 0;
    if (!order->is_look && !prepare(order, verdict, request, response)) {
        free(order);
        return;
    }
    *response = (struct http_response){
        .kind = HTTP_LATER,
        .job = {.start = start_order, .discard = free, .data = order},
    };
}
