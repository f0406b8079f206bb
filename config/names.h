/* A set of names, each with a number: what finds duplicates and resolves references.
 *
 * A hash table that grows; the names themselves stay the caller's and outlive it. One thread at
 * a time, any number of readers once it is complete. */
#ifndef CONFIG_NAMES_H
#define CONFIG_NAMES_H

#include <stddef.h>

enum { NAMES_NONE = -1 };

struct names;

struct names *names_create(void);
void names_destroy(struct names *names); /* NULL is harmless */

/* Adds a name with its number. When the name is there already nothing changes and the number it
 * has is returned; else NAMES_NONE. */
long names_add(struct names *names, const char *name, long number);

/* The name's number, NAMES_NONE when it is not there. */
long names_find(const struct names *names, const char *name);

/* The most similar name that a person may have meant, NULL when none is near. */
const char *names_nearest(const struct names *names, const char *name);

#endif
