#include "gateway/web_listen.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HOST_SIZE = 256, BACKLOG = 1024 };

static bool bind_and_listen(int descriptor, const struct addrinfo *address)
{
    int on = 1;
    int off = 0;
    (void)setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (address->ai_family == AF_INET6) { /* [::] means everybody */
        (void)setsockopt(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    }
    return bind(descriptor, address->ai_addr, address->ai_addrlen) == 0 &&
           listen(descriptor, BACKLOG) == 0;
}

static int try_address(const struct addrinfo *address)
{
    int descriptor = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (descriptor >= 0 && !bind_and_listen(descriptor, address)) {
        int error = errno;
        (void)close(descriptor);
        errno = error;
        return -1;
    }
    return descriptor;
}

int web_listen_open(const char *address, char error[static WEB_LISTEN_ERROR_SIZE])
{
    static const struct addrinfo hints = {
        .ai_family = AF_UNSPEC,
        .ai_socktype = SOCK_STREAM,
        .ai_flags = AI_PASSIVE | AI_NUMERICSERV,
    };
    char host[HOST_SIZE];
    const char *colon = strrchr(address, ':');
    (void)snprintf(host, sizeof host, "%.*s",
                   (int)((colon != NULL ? colon : address) - address), address);
    size_t length = strlen(host);
    bool is_bracketed = length > 2 && host[0] == '[' && host[length - 1] == ']';
    if (is_bracketed) {
        host[length - 1] = '\0';
    }
    struct addrinfo *found = NULL;
    int code = getaddrinfo(is_bracketed ? host + 1 : host, colon != NULL ? colon + 1 : "",
                           &hints, &found);
    if (code != 0) {
        (void)snprintf(error, WEB_LISTEN_ERROR_SIZE, "%s: %s", address, gai_strerror(code));
        return -1;
    }
    int descriptor = try_address(found);
    if (descriptor < 0) {
        (void)snprintf(error, WEB_LISTEN_ERROR_SIZE, "%s: %s", address, strerrordesc_np(errno));
    }
    freeaddrinfo(found);
    return descriptor;
}
