#include "gateway/web_order.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How much of a scenario, and for how long: what the simulator can mean by it. */
static const double strength_max = 10;
static const double seconds_max = 86400;
static const double id_max = 4294967295.0;

struct number {
    bool is_given;
    double value;
};

/* False: it is no number within its bounds. Absent: not given. */
static bool take_number(const struct http_request *request, const char *name, double max,
                        struct number *number, char *error)
{
    const char *text = http_argument(request, name);
    *number = (struct number){.is_given = text != NULL};
    if (text == NULL) {
        return true;
    }
    char *end = NULL;
    number->value = strtod(text, &end);
    bool is_number = end != text && *end == '\0' && isfinite(number->value);
    if (!is_number || number->value < 0 || number->value > max) {
        (void)snprintf(error, WEB_ORDER_ERROR_SIZE, "%s must be a number from 0 to %.0f", name,
                       max);
        return false;
    }
    return true;
}

static bool is_scenario(const char *text)
{
    return text != NULL && strlen(text) == 3 && text[0] >= 'A' && text[0] <= 'Z' &&
           text[1] >= '0' && text[1] <= '9' && text[2] >= '0' && text[2] <= '9';
}

static bool write_inject(const struct http_request *request, const char *command, char *line,
                         char *error)
{
    const char *scenario = http_argument(request, "scenario");
    const char *hidden = http_argument(request, "hidden");
    struct number strength;
    struct number delay;
    struct number duration;
    char options[WEB_ORDER_SIZE / 2];
    if (!is_scenario(scenario)) {
        (void)snprintf(error, WEB_ORDER_ERROR_SIZE, "which scenario? a letter and two digits");
        return false;
    }
    if (!take_number(request, "strength", strength_max, &strength, error) ||
        !take_number(request, "delay_s", seconds_max, &delay, error) ||
        !take_number(request, "duration_s", seconds_max, &duration, error)) {
        return false;
    }
    int length = 0;
    if (strength.is_given) {
        length = snprintf(options, sizeof options, " strength=%.3g", strength.value);
    }
    if (delay.value > 0) {
        length += snprintf(options + length, sizeof options - (size_t)length, " start=%.0fs",
                           delay.value);
    }
    if (duration.value > 0) {
        length += snprintf(options + length, sizeof options - (size_t)length, " duration=%.0fs",
                           duration.value);
    }
    options[length] = '\0';
    (void)snprintf(line, WEB_ORDER_SIZE, "{\"command\":\"%s\",\"fault\":\"%s%s %s\"}\n",
                   command, scenario, options,
                   hidden != NULL && strcmp(hidden, "1") == 0 ? "hidden" : "shown");
    return true;
}

static bool write_by_id(const struct http_request *request, const char *command, char *line,
                        char *error)
{
    struct number id;
    if (!take_number(request, "id", id_max, &id, error)) {
        return false;
    }
    if (!id.is_given || id.value < 1) {
        (void)snprintf(error, WEB_ORDER_ERROR_SIZE,
                       "which id? as the list of what runs gives it");
        return false;
    }
    (void)snprintf(line, WEB_ORDER_SIZE, "{\"command\":\"%s\",\"id\":%.0f}\n", command,
                   id.value);
    return true;
}

static bool write_for_all(const struct http_request *request, const char *command, char *line,
                          char *error)
{
    (void)request;
    (void)error;
    (void)snprintf(line, WEB_ORDER_SIZE, "{\"command\":\"%s\",\"id\":0}\n", command);
    return true;
}

static const struct {
    const char *action;
    const char *command;
    bool (*write)(const struct http_request *, const char *, char *, char *);
} actions[] = {
    {"inject", "inject", write_inject},    {"clear", "clear", write_by_id},
    {"clear-all", "clear", write_for_all}, {"reveal", "reveal", write_by_id},
    {"hide", "hide", write_by_id},
};

bool web_order_write(const struct http_request *request, char line[WEB_ORDER_SIZE],
                     char error[WEB_ORDER_ERROR_SIZE])
{
    const char *action = http_argument(request, "action");
    for (size_t at = 0; action != NULL && at < sizeof actions / sizeof actions[0]; at++) {
        if (strcmp(actions[at].action, action) == 0) {
            return actions[at].write(request, actions[at].command, line, error);
        }
    }
    (void)snprintf(error, WEB_ORDER_ERROR_SIZE,
                   "which action? inject, clear, clear-all, reveal or hide");
    return false;
}
