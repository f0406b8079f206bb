#include "config/hash.h"

uint64_t hash_text(const char *text, size_t length)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (size_t at = 0; at < length; at++) {
        hash = (hash ^ (unsigned char)text[at]) * UINT64_C(1099511628211);
    }
    return hash;
}
