/* A number for a text: FNV-1a, 64 bits. For texts that nobody attacks. Pure. */
#ifndef CONFIG_HASH_H
#define CONFIG_HASH_H

#include <stddef.h>
#include <stdint.h>

uint64_t hash_text(const char *text, size_t length);

#endif
