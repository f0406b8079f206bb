#include "config/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config/memory.h"

enum { BLOCK_SIZE = 32768 };

struct block {
    struct block *next;
    size_t used;
    size_t size;
    alignas(max_align_t) unsigned char bytes[];
};

struct arena {
    struct block *newest;
};

struct arena *arena_create(void)
{
    return memory_allocate(1, sizeof(struct arena));
}

void arena_destroy(struct arena *arena)
{
    if (arena == NULL) {
        return;
    }
    while (arena->newest != NULL) {
        struct block *block = arena->newest;
        arena->newest = block->next;
        free(block);
    }
    free(arena);
}

static struct block *block_create(struct arena *arena, size_t size)
{
    struct block *block = memory_allocate(1, sizeof *block + size);
    block->size = size;
    block->next = arena->newest;
    arena->newest = block;
    return block;
}

void *arena_allocate(struct arena *arena, size_t count, size_t size)
{
    const size_t unit = alignof(max_align_t);
    if (size != 0 && count > (SIZE_MAX / 2) / size) {
        return memory_allocate(count, size); /* cannot be had: ends the program */
    }
    size_t wanted = (count * size + unit - 1) / unit * unit;
    struct block *block = arena->newest;
    if (block == NULL || block->size - block->used < wanted) {
        block = block_create(arena, wanted > BLOCK_SIZE ? wanted : BLOCK_SIZE);
    }
    void *piece = block->bytes + block->used;
    block->used += wanted;
    return piece;
}

char *arena_copy(struct arena *arena, const char *text, size_t length)
{
    char *copy = arena_allocate(arena, length + 1, 1);
    memcpy(copy, text, length);
    return copy;
}
