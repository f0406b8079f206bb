#include "gateway/gzip.h"

#include <limits.h>
#include <stdlib.h>

#define ZLIB_CONST /* its interface then knows const */
#include <zlib.h>

enum { GZIP_WINDOW_BITS = 15 + 16 }; /* zlib's way to say gzip */
enum { MEMORY_LEVEL = 8 };           /* zlib's default */

unsigned char *gzip_inflate(const unsigned char *gzip, size_t gzip_length, size_t length)
{
    if (gzip_length > UINT_MAX || length >= UINT_MAX) {
        return NULL;
    }
    unsigned char *data = malloc(length + 1);
    z_stream stream = {
        .next_in = gzip,
        .avail_in = (uInt)gzip_length,
        .next_out = data,
        .avail_out = (uInt)length + 1,
    };
    if (data == NULL || inflateInit2(&stream, GZIP_WINDOW_BITS) != Z_OK) {
        free(data);
        return NULL;
    }
    int end = inflate(&stream, Z_FINISH);
    (void)inflateEnd(&stream); /* fails only on a stream that was not begun */
    if (end != Z_STREAM_END || stream.total_out != length) {
        free(data);
        return NULL;
    }
    return data;
}

unsigned char *gzip_deflate(const void *data, size_t length, size_t *gzip_length)
{
    z_stream stream = {.next_in = data, .avail_in = (uInt)length};
    if (length > UINT_MAX ||
        deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, GZIP_WINDOW_BITS, MEMORY_LEVEL,
                     Z_DEFAULT_STRATEGY) != Z_OK) {
        return NULL;
    }
    uLong room = deflateBound(&stream, (uLong)length);
    unsigned char *gzip = malloc(room);
    stream.next_out = gzip;
    stream.avail_out = (uInt)room;
    int end = gzip != NULL ? deflate(&stream, Z_FINISH) : Z_MEM_ERROR;
    *gzip_length = stream.total_out;
    (void)deflateEnd(&stream); /* says only that it was not at its end */
    if (end != Z_STREAM_END) {
        free(gzip);
        return NULL;
    }
    return gzip;
}
