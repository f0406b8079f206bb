/* The socket at which the page's server listens. */
#ifndef GATEWAY_WEB_LISTEN_H
#define GATEWAY_WEB_LISTEN_H

enum { WEB_LISTEN_ERROR_SIZE = 320 };

/* Opens it at "host:port" or "[::1]:port". Returns its descriptor, the caller's; -1 with a
 * sentence in `error` when that cannot be. */
int web_listen_open(const char *address, char error[static WEB_LISTEN_ERROR_SIZE]);

#endif
