#include "gateway/number.h"

#include <assert.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* 38 digits: a 64-bit register value times a scale of 18 digits. */
__extension__ typedef __int128 wide;
__extension__ typedef unsigned __int128 unsigned_wide;

/* Powers of ten that a double holds exactly. */
enum { EXACT_POWERS_COUNT = 23 };
static const double exact_powers[EXACT_POWERS_COUNT] = {
    1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

enum { FLOAT_DIGITS_MAX = 9, DOUBLE_DIGITS_MIN = 15, DOUBLE_DIGITS_MAX = 17, DIGITS_SIZE = 40 };

/* A decimal number on its way to text: 0.DIGITS × 10^point. */
struct digits {
    char text[DIGITS_SIZE]; /* no leading and no trailing zero */
    unsigned count;
    int point;
};

static void strip_zeros(struct digits *digits)
{
    while (digits->count > 0 && digits->text[digits->count - 1] == '0') {
        digits->count--;
    }
}

static void digits_from_unsigned(unsigned_wide value, int exponent, struct digits *digits)
{
    char backwards[DIGITS_SIZE];
    unsigned at = DIGITS_SIZE;
    /* 64-bit divisions are several times faster, and nearly all values fit. */
    while (value > UINT64_MAX) {
        backwards[--at] = (char)('0' + (int)(value % 10));
        value /= 10;
    }
    for (uint64_t rest = (uint64_t)value; rest > 0; rest /= 10) {
        backwards[--at] = (char)('0' + rest % 10);
    }
    unsigned count = DIGITS_SIZE - at;
    (void)memcpy(digits->text, backwards + at, count);
    digits->count = count;
    digits->point = (int)count + exponent;
    strip_zeros(digits);
}

static unsigned put_exponent(int exponent, char *text)
{
    text[0] = 'e';
    text[1] = exponent < 0 ? '-' : '+';
    return 2 + number_format_unsigned((uint64_t)abs(exponent), text + 2);
}

/* Plain where a person would write it plain, else with an exponent: the rule of ECMAScript's
 * Number::toString, so that a browser shows the same text. */
static unsigned lay_out(const struct digits *digits, bool is_negative, char *text)
{
    unsigned length = 0;
    unsigned count = digits->count;
    int point = digits->point;
    if (is_negative) {
        text[length++] = '-';
    }
    if (count == 0) {
        text[length++] = '0';
    } else if (point > 21 || point <= -6) {
        text[length++] = digits->text[0];
        if (count > 1) {
            text[length++] = '.';
            (void)memcpy(text + length, digits->text + 1, count - 1);
            length += count - 1;
        }
        length += put_exponent(point - 1, text + length);
    } else if (point <= 0) {
        (void)memcpy(text + length, "0.00000", (size_t)(2 - point));
        length += (unsigned)(2 - point);
        (void)memcpy(text + length, digits->text, count);
        length += count;
    } else {
        unsigned whole = (unsigned)point < count ? (unsigned)point : count;
        (void)memcpy(text + length, digits->text, whole);
        length += whole;
        for (unsigned zeros = (unsigned)point - whole; zeros > 0; zeros--) {
            text[length++] = '0';
        }
        if (count > whole) {
            text[length++] = '.';
            (void)memcpy(text + length, digits->text + whole, count - whole);
            length += count - whole;
        }
    }
    return length;
}

/* JSON's -0 is read as the integer 0 by some; -0.0 keeps its sign everywhere. */
static unsigned put_zero(bool is_negative, char *text)
{
    (void)memcpy(text, is_negative ? "-0.0" : "0", is_negative ? 4 : 1);
    return is_negative ? 4 : 1;
}

/* Whether the decimal mantissa / 10^decimals is read back as `value`. The quotient is correctly
 * rounded to double, so it lies on the same side of the middle between two floats as the
 * decimal itself; only when it hits the middle exactly must the decimal be the middle, too. */
static bool gives_back_float(double mantissa, int decimals, float value)
{
    double power = exact_powers[decimals < 0 ? -decimals : decimals];
    double candidate = decimals < 0 ? mantissa * power : mantissa / power;
    if ((float)candidate != value) {
        return false;
    }
    double exact = (double)value;
    double neighbour = (double)nextafterf(value, candidate > exact ? INFINITY : -INFINITY);
    if (candidate == exact || candidate != exact + (neighbour - exact) / 2) {
        return true;
    }
    return decimals < 0 ? fma(mantissa, power, -candidate) == 0.0
                        : fma(candidate, power, -mantissa) == 0.0;
}

/* Tries 1 to 9 digits by arithmetic in double, which holds float's decimals exactly enough as
 * long as the power of ten is exact. False where it is not: very large and very small values.
 */
static bool shortest_float(float value, struct digits *digits)
{
    double exact = (double)value;
    int exponent = (int)floor(log10(exact));
    int binary_exponent;
    bool is_power_of_two = frexpf(value, &binary_exponent) == 0.5f;
    for (int count = 1; count <= FLOAT_DIGITS_MAX; count++) {
        int decimals = count - 1 - exponent;
        if (decimals <= -EXACT_POWERS_COUNT || decimals >= EXACT_POWERS_COUNT) {
            return false;
        }
        double power = exact_powers[decimals < 0 ? -decimals : decimals];
        double mantissa = nearbyint(decimals < 0 ? exact / power : exact * power);
        bool is_found = gives_back_float(mantissa, decimals, value);
        if (!is_found && is_power_of_two) {
            /* Floats lie twice as dense below a power of two: the next decimal above may fit
             * where the nearest, below, does not. */
            mantissa += 1.0;
            is_found = gives_back_float(mantissa, decimals, value);
        }
        if (is_found) {
            digits_from_unsigned((uint64_t)mantissa, -decimals, digits);
            return true;
        }
    }
    return false;
}

/* Digits and exponent of "d.ddde±xx" as printf writes it. */
static void digits_from_scientific(const char *text, struct digits *digits)
{
    digits->count = 0;
    const char *at = text;
    for (; *at != 'e'; at++) {
        if (*at != '.') {
            digits->text[digits->count++] = *at;
        }
    }
    digits->point = (int)strtol(at + 1, NULL, 10) + 1;
    strip_zeros(digits);
}

/* The next decimal above with as many digits. */
static void bump_last_digit(char *text)
{
    char *at = strchr(text, 'e') - 1;
    while (at > text && *at == '9') {
        *at-- = '0';
        if (*at == '.') {
            at--;
        }
    }
    (*at)++; /* nine followed by nines only is a power of ten, found with one digit before */
}

/* Writes `count` digits of the value, the last one `bump` higher, and tells whether the text is
 * read back as the value. */
static bool try_digits(double value, bool is_float, int count, bool bump,
                       char text[DIGITS_SIZE])
{
    (void)snprintf(text, DIGITS_SIZE, "%.*e", count - 1, value);
    if (bump) {
        bump_last_digit(text);
    }
    return is_float ? strtof(text, NULL) == (float)value : strtod(text, NULL) == value;
}

static void shortest_double(double value, bool is_float, struct digits *digits)
{
    /* 15 digits always survive in a normal double; printf strips nothing, strip_zeros does. */
    int count = is_float || value < DBL_MIN ? 1 : DOUBLE_DIGITS_MIN;
    int count_max = is_float ? FLOAT_DIGITS_MAX : DOUBLE_DIGITS_MAX;
    int binary_exponent;
    bool is_power_of_two = frexp(value, &binary_exponent) == 0.5;
    char text[DIGITS_SIZE];
    while (count <= count_max && !try_digits(value, is_float, count, false, text) &&
           !(is_power_of_two && try_digits(value, is_float, count, true, text))) {
        count++;
    }
    digits_from_scientific(text, digits);
}

unsigned number_format_float(float value, char *text)
{
    assert(isfinite(value));
    bool is_negative = signbit(value) != 0;
    float magnitude = fabsf(value);
    if (magnitude == 0.0f) {
        return put_zero(is_negative, text);
    }
    struct digits digits;
    if (magnitude < 16777216.0f && magnitude == floorf(magnitude)) {
        digits_from_unsigned((uint64_t)magnitude, 0, &digits);
    } else if (!shortest_float(magnitude, &digits)) {
        shortest_double((double)magnitude, true, &digits);
    }
    return lay_out(&digits, is_negative, text);
}

unsigned number_format_double(double value, char *text)
{
    assert(isfinite(value));
    bool is_negative = signbit(value) != 0;
    double magnitude = fabs(value);
    if (magnitude == 0.0) {
        return put_zero(is_negative, text);
    }
    struct digits digits;
    if (magnitude < 9007199254740992.0 && magnitude == floor(magnitude)) {
        digits_from_unsigned((uint64_t)magnitude, 0, &digits);
    } else {
        shortest_double(magnitude, false, &digits);
    }
    return lay_out(&digits, is_negative, text);
}

unsigned number_format_unsigned(uint64_t value, char *text)
{
    char reversed[20];
    unsigned count = 0;
    do {
        reversed[count++] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    for (unsigned at = 0; at < count; at++) {
        text[at] = reversed[count - 1 - at];
    }
    return count;
}

unsigned number_format_signed(int64_t value, char *text)
{
    if (value >= 0) {
        return number_format_unsigned((uint64_t)value, text);
    }
    text[0] = '-';
    return 1 + number_format_unsigned(-(uint64_t)value, text + 1);
}

/* value × 10^power, false when 38 digits do not hold it. */
static bool raise_exactly(wide *value, int power)
{
    /* The result stays below 8 × 10^37, so that two of them can be added. */
    const wide limit = (wide)8000000000000000000 * 1000000000 * 1000000000;
    for (; power > 0 && *value != 0; power--) {
        if (*value > limit || *value < -limit) {
            return false;
        }
        *value *= 10;
    }
    return true;
}

/* Brings both to the smaller exponent and adds. */
static bool add_exactly(wide *sum, int *exponent, struct decimal offset)
{
    wide addend = offset.mantissa;
    int difference = *exponent - offset.exponent;
    if (*sum == 0) {
        *sum = addend;
        *exponent = offset.exponent;
        return true;
    }
    if (difference > 0) {
        *exponent = offset.exponent;
        if (!raise_exactly(sum, difference)) {
            return false;
        }
    } else if (!raise_exactly(&addend, -difference)) {
        return false;
    }
    *sum += addend; /* both are below 10^38 */
    return true;
}

static double scaled_double(wide value, int exponent)
{
    double mantissa = (double)value;
    if (exponent > -EXACT_POWERS_COUNT && exponent <= 0) {
        return mantissa / exact_powers[-exponent];
    }
    if (exponent > 0 && exponent < EXACT_POWERS_COUNT) {
        return mantissa * exact_powers[exponent];
    }
    return mantissa * pow(10.0, exponent);
}

unsigned number_format_scaled(uint64_t magnitude, bool is_negative,
                              const struct number_scaling *scaling, char *text,
                              double *approximate)
{
    wide value = (wide)magnitude * scaling->scale.mantissa;
    if (is_negative) {
        value = -value;
    }
    int exponent = scaling->scale.exponent + scaling->exponent;
    double product = scaled_double(value, exponent);
    if (scaling->offset.mantissa != 0 && !add_exactly(&value, &exponent, scaling->offset)) {
        *approximate = product + decimal_to_double(scaling->offset);
        return number_format_double(*approximate, text);
    }
    *approximate = scaled_double(value, exponent);
    struct digits digits;
    digits_from_unsigned((unsigned_wide)(value < 0 ? -value : value), exponent, &digits);
    return lay_out(&digits, value < 0, text);
}

unsigned number_format_scaled_double(double value, const struct number_scaling *scaling,
                                     char *text, double *result)
{
    struct decimal scale = scaling->scale;
    scale.exponent += scaling->exponent;
    *result = value * decimal_to_double(scale) + decimal_to_double(scaling->offset);
    return isfinite(*result) ? number_format_double(*result, text) : 0;
}

unsigned number_format_decimal(struct decimal decimal, char *text)
{
    struct number_scaling scaling = {.scale = decimal};
    double approximate;
    return number_format_scaled(1, false, &scaling, text, &approximate);
}
