/* Text with a unit becomes a number: durations, sizes, exact decimals. Pure functions.
 *
 * All return false and leave the result alone when the text is not wholly understood. */
#ifndef CONFIG_UNITS_H
#define CONFIG_UNITS_H

#include <stdbool.h>
#include <stdint.h>

/* An exact decimal number: mantissa × 10^exponent. The mantissa has at most 18 digits and no
 * trailing zero (zero is 0 × 10^0), so that equal numbers are equal structures. */
struct decimal {
    int64_t mantissa;
    int exponent; /* -340 … 340 */
};

/* "250 ms", "1 s", "5 min", "2 h", "30 d", "100 us": a number with at most one decimal point,
 * optional blank, unit. "0" needs no unit. In microseconds. */
bool units_parse_duration_us(const char *text, uint64_t *duration_us);

/* "4096 B", "64 KiB", "2 GiB" (also kB, MB, GB, decimal). "0" needs no unit. In bytes. */
bool units_parse_size(const char *text, uint64_t *size_bytes);

/* "0.1", "-273.15", "1e-05", "12": up to 18 significant digits. */
bool units_parse_decimal(const char *text, struct decimal *decimal);

/* Whole numbers: decimal, or hexadecimal with 0x. No sign for the unsigned one. */
bool units_parse_unsigned(const char *text, uint64_t *number);
bool units_parse_signed(const char *text, int64_t *number);

/* The double nearest to a decimal. */
double decimal_to_double(struct decimal decimal);

#endif
