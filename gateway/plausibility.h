/* How plausible is it that these registers are a value of that type in that order? Pure.
 *
 * A reading is the more plausible the less it takes to say it, compared with the registers it
 * is made of: 30.56 is four digits out of 32 bits, -9.83e+32 takes all of them. So each guess
 * scores bits: those of its registers, less those that its value needs, less what its type or
 * order is rarer than the usual. Chance scores 0. Guesses of one width compete; which width is
 * right, the manual says (two small counters side by side are a 32-bit number too). The device
 * sends raw values, so these score; scaled ones are shown, and held against min and max. */
#ifndef GATEWAY_PLAUSIBILITY_H
#define GATEWAY_PLAUSIBILITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/map.h"
#include "drivers/reading.h"

enum { GUESSES_MAX = 32, GUESS_TEXT_SIZE = 256, GUESS_REASON_SIZE = 160 };
enum { GUESS_RANGE_SIZE = 136 }; /* two numbers and … */
enum { GUESS_PLAUSIBLE = 2 };    /* the last rank that is worth a look */

/* One type and order over the same registers. */
struct guess {
    char type[16];     /* as a map writes it: "float32", "string:8" */
    const char *order; /* "CDAB"; "" when the type has none, or its own */
    struct tag tag;
    struct reading reading; /* its text points to `text` */
    char text[GUESS_TEXT_SIZE];
    char value[GUESS_TEXT_SIZE]; /* as text; "" when the registers are no such value */
    bool is_no_value;            /* NaN, or what devices send for "no value" */
    bool is_outside;             /* the row's min or max */
    double score;                /* bits */
    unsigned rank; /* 1: the most plausible of its width; those that show the same value share
                      one; 0: not plausible */
    char reason[GUESS_REASON_SIZE]; /* in words; "" when not plausible */
};

/* The driver's own decoder: driver.interpret. */
typedef void guess_interpret(const struct tag *tag, const uint16_t *words, char *text,
                             struct reading *reading);

/* Registers as they were read; guesses also look at the neighbours of the same width. */
struct guess_block {
    const uint16_t *words;
    size_t count;
    guess_interpret *interpret;
    struct tag row; /* of the map: scale, offset, min and max of every number, as far as
                       is_scaled, has_min and has_max say so */
};

/* Every type and order that takes `width` registers from `start` on, in the order of their
 * table, ranked. Returns how many there are: none for a width that only strings have below 2.
 */
size_t plausibility_guess(const struct guess_block *block, size_t start, size_t width,
                          struct guess guesses[static GUESSES_MAX]);

/* "-40…85", "0…", "…100": the row's min and max. */
void plausibility_write_range(const struct tag *row, char text[static GUESS_RANGE_SIZE]);

#endif
