/* Tags as the factory file names them: TAG of a map, MACHINE.TAG of the factory. Pure. Private
 * to config/. */
#ifndef CONFIG_REFERENCE_H
#define CONFIG_REFERENCE_H

#include <stdbool.h>

#include "config/factory.h"

enum { REFERENCE_ERROR_SIZE = 300 };

/* "" is none: true, and the result is NULL. False, with `error` saying what is wrong and what
 * is accepted, when there is no such tag. */
bool reference_tag(const struct map *map, const char *text, const struct tag **tag,
                   char error[static REFERENCE_ERROR_SIZE]);
bool reference_machine_tag(const struct factory *factory, const char *text,
                           struct tag_reference *reference,
                           char error[static REFERENCE_ERROR_SIZE]);

#endif
