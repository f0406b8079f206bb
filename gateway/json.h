/* JSON text in a buffer of fixed size: append, and look at the end whether it all fitted. Pure.
 *
 *     struct json json = json_begin(text, size);
 *     json_string(&json, "unit", tag->unit);
 *     return json_end(&json);            `{"unit":"°C"}`, 0 and "" when it did not fit
 *
 * What has no bound that is known beforehand (the page's lists) grows: json_begin_growing(). */
#ifndef GATEWAY_JSON_H
#define GATEWAY_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/units.h"

struct json {
    char *text;
    size_t size;
    size_t length;
    bool is_cut;    /* something did not fit */
    bool has_comma; /* a comma is due before the next member */
    bool is_growing;
};

struct json json_begin(char *text, size_t size);
size_t json_end(struct json *json);

/* Its text is allocated as it is needed; the caller frees `text` after json_end(). */
struct json json_begin_growing(void);

/* Members of the object, `"name":value`. Strings must be UTF-8; they are escaped. */
void json_string(struct json *json, const char *name, const char *value);
void json_unsigned(struct json *json, const char *name, uint64_t value);
void json_signed(struct json *json, const char *name, int64_t value);
void json_decimal(struct json *json, const char *name, struct decimal value);
void json_rate(struct json *json, const char *name, double value); /* one decimal */
void json_boolean(struct json *json, const char *name, bool value);
void json_time(struct json *json, const char *name, int64_t wall_us); /* ISO 8601 text */
void json_raw(struct json *json, const char *name, const char *value, size_t length);

/* Further members as they stand, `"reason":"timeout"`; nothing when empty. */
void json_members(struct json *json, const char *members);

/* An object or array as a member: open with '{' or '[', close with '}' or ']'. Within an array
 * `name` is NULL. */
void json_open(struct json *json, const char *name, char bracket);
void json_close(struct json *json, char bracket);

#endif
