#include "gateway/gzip.h"

#include <stdbool.h>
#include <stdlib.h>

#include <libdeflate.h>

enum { COMPRESSION = 6 }; /* of 12: libdeflate's own proposal */

static bool inflate_into(unsigned char *data, size_t length, const unsigned char *gzip,
                         size_t gzip_length)
{
    struct libdeflate_decompressor *decompressor = libdeflate_alloc_decompressor();
    if (decompressor == NULL) {
        return false;
    }
    size_t read = 0;
    size_t written = 0;
    enum libdeflate_result result = libdeflate_gzip_decompress_ex(
        decompressor, gzip, gzip_length, data, length, &read, &written);
    libdeflate_free_decompressor(decompressor);
    return result == LIBDEFLATE_SUCCESS && read == gzip_length && written == length;
}

unsigned char *gzip_inflate(const unsigned char *gzip, size_t gzip_length, size_t length)
{
    unsigned char *data = malloc(length + 1); /* of nothing, too */
    if (data != NULL && !inflate_into(data, length, gzip, gzip_length)) {
        free(data);
        data = NULL;
    }
    return data;
}

unsigned char *gzip_deflate(const void *data, size_t length, size_t *gzip_length)
{
    struct libdeflate_compressor *compressor = libdeflate_alloc_compressor(COMPRESSION);
    if (compressor == NULL) {
        return NULL;
    }
    size_t room = libdeflate_gzip_compress_bound(compressor, length);
    unsigned char *gzip = malloc(room);
    if (gzip != NULL) {
        *gzip_length = libdeflate_gzip_compress(compressor, data, length, gzip, room);
    }
    libdeflate_free_compressor(compressor);
    return gzip;
}
