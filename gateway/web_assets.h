#ifndef GATEWAY_WEB_ASSETS_H
#define GATEWAY_WEB_ASSETS_H

/* The files of the page, compressed, as they stand in the program.
 *
 * The table is made by gateway/web/embed.py at build time, from gateway/web/ and the libraries
 * that its lock file names; it is sorted by path and never changes while the program runs. */

#include <stddef.h>

struct web_asset {
    const char *path;          /* as requested: "/index.html", "/assets/main.js" */
    const char *type;          /* Content-Type, with its charset */
    const char *etag;          /* in its quotes, as the header wants it */
    const unsigned char *gzip; /* the content, compressed */
    size_t gzip_size;          /* bytes */
    size_t size;               /* bytes, once inflated */
};

extern const struct web_asset web_assets[];
extern const size_t web_assets_count;

#endif
