#include "config/units.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DIGITS_MAX = 18, EXPONENT_MAX = 340, EXPONENT_READ_MAX = 100000 };

/* Digits with at most one point: mantissa × 10^exponent, no more than 18 significant digits.
 * Returns what follows, NULL when there is no number. */
static const char *read_digits(const char *text, uint64_t *mantissa, int *exponent)
{
    uint64_t value = 0;
    int digits = 0;
    int significant = 0;
    int zeros = 0; /* seen, but not yet part of the value: trailing ones need no digits */
    int scale = 0;
    bool has_point = false;
    const char *p = text;
    for (; isdigit((unsigned char)*p) || (*p == '.' && !has_point); p++) {
        if (*p == '.') {
            has_point = true;
            continue;
        }
        digits++;
        scale -= has_point ? 1 : 0;
        if (*p == '0') {
            zeros += value != 0;
            continue;
        }
        significant += zeros + 1;
        if (significant > DIGITS_MAX) {
            return NULL;
        }
        for (; zeros > 0; zeros--) {
            value *= 10;
        }
        value = value * 10 + (uint64_t)(*p - '0');
    }
    if (digits == 0 || p[-1] == '.' || digits > EXPONENT_READ_MAX) {
        return NULL;
    }
    /* The zeros of "0.000" or "0.50" are behind the point and already counted in the scale. */
    *mantissa = value;
    *exponent = value == 0 ? 0 : scale + zeros;
    return p;
}

/* "e-05"; returns what follows, `text` itself when there is no exponent, NULL when it is wrong.
 */
static const char *read_exponent(const char *text, int *exponent)
{
    if (*text != 'e' && *text != 'E') {
        return text;
    }
    const char *p = text + 1;
    bool is_negative = *p == '-';
    p += *p == '-' || *p == '+';
    if (!isdigit((unsigned char)*p)) {
        return NULL;
    }
    int value = 0;
    for (; isdigit((unsigned char)*p); p++) {
        value = value > EXPONENT_READ_MAX ? value : value * 10 + (*p - '0');
    }
    *exponent += is_negative ? -value : value;
    return p;
}

bool units_parse_decimal(const char *text, struct decimal *decimal)
{
    const char *p = text;
    bool is_negative = *p == '-';
    p += *p == '-' || *p == '+';
    uint64_t mantissa = 0;
    int exponent = 0;
    p = read_digits(p, &mantissa, &exponent);
    p = p == NULL ? NULL : read_exponent(p, &exponent);
    if (p == NULL || *p != '\0') {
        return false;
    }
    if (mantissa == 0) {
        *decimal = (struct decimal){0};
        return true;
    }
    if (exponent < -EXPONENT_MAX || exponent > EXPONENT_MAX) {
        return false;
    }
    decimal->mantissa = is_negative ? -(int64_t)mantissa : (int64_t)mantissa;
    decimal->exponent = exponent;
    return true;
}

struct unit {
    const char *name;
    uint64_t factor;
};

/* number × factor of its unit; only when the product is whole and fits. */
static bool parse_with_unit(const char *text, const struct unit *units, uint64_t *result)
{
    uint64_t value = 0;
    int exponent = 0;
    const char *p = read_digits(text, &value, &exponent);
    if (p == NULL) {
        return false;
    }
    p += *p == ' ';
    const struct unit *unit = units;
    while (unit->name != NULL && strcmp(unit->name, p) != 0) {
        unit++;
    }
    if (unit->name == NULL) {
        if (*p != '\0' || value != 0) {
            return false;
        }
        *result = 0;
        return true;
    }
    uint64_t factor = unit->factor;
    for (; exponent < 0 && value != 0; exponent++) {
        if (factor % 10 == 0) {
            factor /= 10;
        } else if (factor % 2 == 0 && value % 5 == 0) {
            factor /= 2;
            value /= 5;
        } else {
            return false;
        }
    }
    for (; exponent > 0; exponent--) {
        if (__builtin_mul_overflow(value, 10, &value)) {
            return false;
        }
    }
    if (__builtin_mul_overflow(value, factor, &value)) {
        return false;
    }
    *result = value;
    return true;
}

bool units_parse_duration_us(const char *text, uint64_t *duration_us)
{
    static const struct unit units[] = {
        {"us", 1},         {"µs", 1},         {"ms", 1000},       {"s", 1000000},
        {"min", 60000000}, {"h", 3600000000}, {"d", 86400000000}, {NULL, 0},
    };
    return parse_with_unit(text, units, duration_us);
}

bool units_parse_size(const char *text, uint64_t *size_bytes)
{
    static const struct unit units[] = {
        {"B", 1},
        {"kB", 1000},
        {"MB", 1000000},
        {"GB", 1000000000},
        {"TB", 1000000000000},
        {"KiB", UINT64_C(1) << 10},
        {"MiB", UINT64_C(1) << 20},
        {"GiB", UINT64_C(1) << 30},
        {"TiB", UINT64_C(1) << 40},
        {NULL, 0},
    };
    return parse_with_unit(text, units, size_bytes);
}

static int digit_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : 16;
}

bool units_parse_unsigned(const char *text, uint64_t *number)
{
    bool is_hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    uint64_t base = is_hex ? 16 : 10;
    const char *p = is_hex ? text + 2 : text;
    if (*p == '\0') {
        return false;
    }
    uint64_t value = 0;
    for (; *p != '\0'; p++) {
        uint64_t digit = (uint64_t)digit_value(*p);
        if (digit >= base || __builtin_mul_overflow(value, base, &value) ||
            __builtin_add_overflow(value, digit, &value)) {
            return false;
        }
    }
    *number = value;
    return true;
}

bool units_parse_signed(const char *text, int64_t *number)
{
    bool is_negative = *text == '-';
    uint64_t magnitude = 0;
    if (!units_parse_unsigned(text + is_negative, &magnitude)) {
        return false;
    }
    uint64_t largest = (uint64_t)INT64_MAX + (is_negative ? 1 : 0);
    if (magnitude > largest) {
        return false;
    }
    *number = is_negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
    return true;
}

double decimal_to_double(struct decimal decimal)
{
    char text[48];
    (void)snprintf(text, sizeof text, "%llde%d", (long long)decimal.mantissa, decimal.exponent);
    return strtod(text, NULL);
}
