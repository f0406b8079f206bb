#include "config/memory.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void end_without_memory(void)
{
    (void)fputs("<2>memory is exhausted; nothing can be done without it\n", stderr);
    abort();
}

void *memory_allocate(size_t count, size_t size)
{
    void *block = calloc(count == 0 ? 1 : count, size == 0 ? 1 : size);
    if (block == NULL) {
        end_without_memory();
    }
    return block;
}

char *memory_copy(const char *text)
{
    char *copy = strdup(text);
    if (copy == NULL) {
        end_without_memory();
    }
    return copy;
}

void *memory_grow(void *block, size_t *room, size_t needed, size_t size)
{
    enum { ROOM_FIRST = 16 };
    if (block != NULL && needed <= *room) {
        return block;
    }
    size_t wanted = *room > SIZE_MAX / 2 ? needed : *room * 2;
    wanted = wanted < needed ? needed : wanted;
    wanted = wanted < ROOM_FIRST ? ROOM_FIRST : wanted;
    void *moved = reallocarray(block, wanted, size);
    if (moved == NULL) {
        end_without_memory();
    }
    *room = wanted;
    return moved;
}
