/* Memory for what is made at start: it succeeds, or the program ends with a sentence.
 *
 * Any thread. Everything returned is released with free(). */
#ifndef CONFIG_MEMORY_H
#define CONFIG_MEMORY_H

#include <stddef.h>

/* `count` zeroed elements of `size` bytes; never NULL, also for none. */
void *memory_allocate(size_t count, size_t size);

/* A copy of the text. */
char *memory_copy(const char *text);

/* Room for at least `needed` elements of `size` bytes: moves `block` when `*room` is smaller,
 * at least doubling it. The new part is not zeroed. */
void *memory_grow(void *block, size_t *room, size_t needed, size_t size);

#endif
