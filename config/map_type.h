/* The types and orders of registers, by the names that people write: text to tag. Pure. */
#ifndef CONFIG_MAP_TYPE_H
#define CONFIG_MAP_TYPE_H

#include <stdbool.h>
#include <stddef.h>

#include "config/map.h"

enum { MAP_TYPE_ERROR_SIZE = 300 };

/* Sets type, registers, characters, shift and width, and the default order. On failure fills
 * `error` with what is wrong and what is accepted. */
bool map_type_parse(struct tag *tag, const char *text, char error[static MAP_TYPE_ERROR_SIZE]);

/* Sets order, order_text and reversed; the type must be known. Likewise. */
bool map_type_parse_order(struct tag *tag, const char *text,
                          char error[static MAP_TYPE_ERROR_SIZE]);

/* The value is a whole number: it can have words, a mask, or be an exponent. */
bool map_type_is_integer(enum tag_type type);

/* The value is a number: it can be scaled, ranged and have a deadband. */
bool map_type_is_number(enum tag_type type);

#endif
