/* gzip (RFC 1952) in memory. Pure but for the allocation. */
#ifndef GATEWAY_GZIP_H
#define GATEWAY_GZIP_H

#include <stddef.h>

/* Both return a block that the caller frees; NULL when the input is not gzip of exactly
 * `length` bytes, or when there is no memory. */
unsigned char *gzip_inflate(const unsigned char *gzip, size_t gzip_length, size_t length);
unsigned char *gzip_deflate(const void *data, size_t length, size_t *gzip_length);

#endif
