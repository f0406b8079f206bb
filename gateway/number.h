/* Numbers as decimal text, exactly: the shortest that gives back the same number. Pure.
 *
 * Each writes JSON without a terminator and returns its length, at most NUMBER_SIZE. */
#ifndef GATEWAY_NUMBER_H
#define GATEWAY_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

#include "config/units.h"

enum { NUMBER_SIZE = 64 };

/* The value must be finite. */
unsigned number_format_float(float value, char *text);
unsigned number_format_double(double value, char *text);

unsigned number_format_unsigned(uint64_t value, char *text);
unsigned number_format_signed(int64_t value, char *text);

/* (-1)^negative × magnitude × scale × 10^exponent + offset, exact to all digits where 38 digits
 * hold it (always without an offset); otherwise the shortest decimal of the double result.
 * 214 × 0.1 is "21.4", 210 × 0.1 is "21". `approximate` gets the double nearest to it. */
struct number_scaling {
    struct decimal scale;
    struct decimal offset;
    int exponent; /* from the tag's scale_tag, else 0 */
};
unsigned number_format_scaled(uint64_t magnitude, bool is_negative,
                              const struct number_scaling *scaling, char *text,
                              double *approximate);

/* value × scale × 10^exponent + offset in double arithmetic, as its shortest decimal; `result`
 * gets it. 0, and no text, when that is not finite. */
unsigned number_format_scaled_double(double value, const struct number_scaling *scaling,
                                     char *text, double *result);

/* All its digits. */
unsigned number_format_decimal(struct decimal decimal, char *text);

#endif
