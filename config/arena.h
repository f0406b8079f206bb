/* Many small pieces of memory that are released together.
 *
 * What is loaded from files lives in one; nothing in it is freed alone. One thread at a time.
 */
#ifndef CONFIG_ARENA_H
#define CONFIG_ARENA_H

#include <stddef.h>

struct arena;

struct arena *arena_create(void);
void arena_destroy(struct arena *arena); /* NULL is harmless */

/* `count` zeroed elements of `size` bytes, aligned for any type; never NULL. */
void *arena_allocate(struct arena *arena, size_t count, size_t size);

/* A terminated copy of `length` bytes. */
char *arena_copy(struct arena *arena, const char *text, size_t length);

#endif
