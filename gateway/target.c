#include "gateway/target.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "config/endpoint.h"
#include "config/units.h"

enum {
    DEFAULT_PORT = 502, /* Modbus on TCP/IP V1.0b, 4.3.2: registered with IANA */
    DEFAULT_TIMEOUT_MS = 1000,
    DEFAULT_COUNT = 4,   /* shows the neighbours of a 32-bit value, or a 64-bit one whole */
    REGISTERS_MAX = 125, /* Modbus Application Protocol V1.1b3, 6.3 */
    BITS_MAX = 2000,     /* the same, 6.1 */
    TIMEOUT_MAX_MS = 60000,
};

static const char scheme[] = "modbus-tcp://";

__attribute__((format(printf, 2, 3))) static bool fail(char *error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(error, TARGET_ERROR_SIZE, format, arguments);
    va_end(arguments);
    return false;
}

/* ---- the URL ---- */

static bool parse_unit_id(const char *text, struct target *target, char *error)
{
    uint64_t number;
    if (!units_parse_unsigned(text, &number) || number > UINT8_MAX) {
        return fail(error, "unit_id \"%.40s\" is no unit; accepted: 0 to 255", text);
    }
    target->unit_id = (uint8_t)number;
    return true;
}

static bool parse_timeout(const char *text, struct target *target, char *error)
{
    uint64_t timeout_us;
    if (!units_parse_duration_us(text, &timeout_us) || timeout_us < 10000 ||
        timeout_us > TIMEOUT_MAX_MS * UINT64_C(1000)) {
        return fail(error, "timeout \"%.40s\" is none; accepted: 10ms to 60s, such as 2s",
                    text);
    }
    target->timeout_ms = (uint32_t)(timeout_us / 1000);
    return true;
}

static const struct {
    const char *name;
    bool (*parse)(const char *text, struct target *target, char *error);
} settings[] = {
    {"unit_id", parse_unit_id},
    {"timeout", parse_timeout},
};
enum { SETTINGS_COUNT = sizeof settings / sizeof settings[0] };

static bool parse_setting(char *setting, struct target *target, char *error)
{
    char *equals = strchr(setting, '=');
    if (equals != NULL) {
        *equals = '\0';
    }
    for (size_t at = 0; at < SETTINGS_COUNT && equals != NULL; at++) {
        if (strcmp(settings[at].name, setting) == 0) {
            return settings[at].parse(equals + 1, target, error);
        }
    }
    return fail(error,
                "\"%.40s\" is nothing that a URL can tell; accepted: unit_id=1, "
                "timeout=2s, joined by &",
                setting);
}

/* "unit_id=1&timeout=2s"; cuts it to pieces. */
static bool parse_settings(char *text, struct target *target, char *error)
{
    while (text != NULL) {
        char *setting = text;
        text = strchr(text, '&');
        if (text != NULL) {
            *text++ = '\0';
        }
        if (!parse_setting(setting, target, error)) {
            return false;
        }
    }
    return true;
}

bool target_parse_url(struct arena *arena, const char *text, struct target *target,
                      char error[static TARGET_ERROR_SIZE])
{
    static const char accepted[] = "accepted: modbus-tcp://HOST[:PORT][?unit_id=N], the host a "
                                   "name, an IPv4 address or an IPv6 address in brackets";
    if (strncmp(text, scheme, sizeof scheme - 1) != 0) {
        return fail(error, "\"%.80s\" is no URL of a device; %s", text, accepted);
    }
    const char *rest = text + sizeof scheme - 1;
    char *place = arena_copy(arena, rest, strlen(rest));
    char *question = strchr(place, '?');
    if (question != NULL) {
        *question = '\0';
    }
    size_t length = strlen(place);
    if (length > 0 && place[length - 1] == '/') {
        place[length - 1] = '\0';
    }
    target->driver = "modbus-tcp";
    target->port = DEFAULT_PORT;
    target->unit_id = 1;
    target->timeout_ms = DEFAULT_TIMEOUT_MS;
    if (!endpoint_parse(arena, place, &target->host, &target->port)) {
        return fail(error, "\"%.80s\" is no host with a port; %s", place, accepted);
    }
    return question == NULL || parse_settings(question + 1, target, error);
}

/* ---- the place ---- */

static bool fail_place(const char *text, char *error)
{
    return fail(error,
                "\"%.80s\" is no place; accepted: TABLE:ADDRESS with coil, discrete, input or "
                "holding and the address on the wire, 0 to 65535 or 0x0 to 0xFFFF, such as "
                "input:0; or Modicon's number, such as 40001 or 400001",
                text);
}

bool target_parse_place(const char *text, struct target *target,
                        char error[static TARGET_ERROR_SIZE])
{
    const char *colon = strchr(text, ':');
    uint64_t address;
    if (colon == NULL) {
        return table_parse_modicon(text, &target->table, &target->address) ||
               fail_place(text, error);
    }
    if (!table_find(text, (size_t)(colon - text), &target->table) ||
        !units_parse_unsigned(colon + 1, &address) || address >= TABLE_SIZE) {
        return fail_place(text, error);
    }
    target->address = (uint16_t)address;
    return true;
}

bool target_parse_count(const char *text, struct target *target,
                        char error[static TARGET_ERROR_SIZE])
{
    const char *what = table_is_bits(target->table) ? "bits" : "registers";
    unsigned most = table_is_bits(target->table) ? BITS_MAX : REGISTERS_MAX;
    unsigned left = TABLE_SIZE - (unsigned)target->address;
    uint64_t count = left < DEFAULT_COUNT ? left : DEFAULT_COUNT;
    most = left < most ? left : most;
    if (text != NULL && (!units_parse_unsigned(text, &count) || count < 1 || count > most)) {
        return fail(error, "\"%.40s\" %s from %s:%u cannot be read at once; accepted: 1 to %u",
                    text, what, table_name(target->table), target->address, most);
    }
    target->count = (uint16_t)count;
    return true;
}

/* ---- its numbers ---- */

static const char *const decimal_names[TARGET_DECIMALS_COUNT] = {
    [TARGET_SCALE] = "scale",
    [TARGET_OFFSET] = "offset",
    [TARGET_MIN] = "min",
    [TARGET_MAX] = "max",
};

bool target_parse_decimals(const char *const texts[static TARGET_DECIMALS_COUNT],
                           struct target *target, char error[static TARGET_ERROR_SIZE])
{
    target->row = (struct tag){.scale = {.mantissa = 1}};
    struct tag *row = &target->row;
    struct decimal *const decimals[TARGET_DECIMALS_COUNT] = {
        [TARGET_SCALE] = &row->scale,
        [TARGET_OFFSET] = &row->offset,
        [TARGET_MIN] = &row->min,
        [TARGET_MAX] = &row->max,
    };
    for (size_t at = 0; at < TARGET_DECIMALS_COUNT; at++) {
        if (texts[at] != NULL && !units_parse_decimal(texts[at], decimals[at])) {
            return fail(error,
                        "--%s \"%.40s\" is no number; accepted: a decimal with up to 18 "
                        "digits such as 0.1 or 1e-05",
                        decimal_names[at], texts[at]);
        }
        if (texts[at] != NULL && table_is_bits(target->table)) {
            return fail(error, "--%s is for numbers; accepted: with input or holding",
                        decimal_names[at]);
        }
    }
    row->is_scaled = texts[TARGET_SCALE] != NULL || texts[TARGET_OFFSET] != NULL;
    row->has_min = texts[TARGET_MIN] != NULL;
    row->has_max = texts[TARGET_MAX] != NULL;
    if (row->scale.mantissa == 0) {
        return fail(error, "--scale 0 would make every value the same; accepted: any other "
                           "number");
    }
    if (row->has_min && row->has_max &&
        decimal_to_double(row->min) > decimal_to_double(row->max)) {
        return fail(error, "--max %.40s is below --min %.40s; accepted: --min up to --max",
                    texts[TARGET_MAX], texts[TARGET_MIN]);
    }
    return true;
}
