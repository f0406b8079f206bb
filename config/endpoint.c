#include "config/endpoint.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>

#include "config/units.h"

enum { HOST_MAX = 253 }; /* RFC 1035, 2.3.4, as text without the last dot */

static bool is_ipv6(const char *text)
{
    char address[INET6_ADDRSTRLEN + 1];
    struct in6_addr ignored;
    size_t length = strcspn(text, "%"); /* fe80::1%eth0 */
    if (length >= sizeof address || (text[length] == '%' && text[length + 1] == '\0')) {
        return false;
    }
    memcpy(address, text, length);
    address[length] = '\0';
    return inet_pton(AF_INET6, address, &ignored) == 1;
}

/* Letters, digits, - and _ between dots. What looks like an IPv4 address must be one. */
static bool is_name_or_ipv4(const char *text)
{
    struct in_addr ignored;
    if (text[strspn(text, "0123456789.")] == '\0') {
        return inet_pton(AF_INET, text, &ignored) == 1;
    }
    size_t label = 0;
    for (const char *p = text; *p != '\0'; p++) {
        bool is_letter = isalnum((unsigned char)*p) || *p == '_' || (*p == '-' && label > 0);
        if (!is_letter && (*p != '.' || label == 0)) {
            return false;
        }
        label = *p == '.' ? 0 : label + 1;
        if (label > 63) {
            return false;
        }
    }
    return true;
}

const char *endpoint_parse_host(struct arena *arena, const char *text, size_t length)
{
    bool has_brackets = length >= 2 && text[0] == '[' && text[length - 1] == ']';
    if (has_brackets) {
        text++;
        length -= 2;
    }
    if (length == 0 || length > HOST_MAX) {
        return NULL;
    }
    const char *host = arena_copy(arena, text, length);
    return is_ipv6(host) || (!has_brackets && is_name_or_ipv4(host)) ? host : NULL;
}

bool endpoint_parse(struct arena *arena, const char *text, const char **host, uint16_t *port)
{
    const char *bracket = strrchr(text, ']');
    const char *colon = strrchr(bracket == NULL ? text : bracket, ':');
    size_t host_length = colon == NULL ? strlen(text) : (size_t)(colon - text);
    uint64_t number = *port;
    if (colon != NULL && (colon[1] == '0' || !units_parse_unsigned(colon + 1, &number))) {
        return false;
    }
    /* An IPv6 address without brackets would lose its last group to the port. */
    if (bracket == NULL && memchr(text, ':', host_length) != NULL) {
        return false;
    }
    const char *found = endpoint_parse_host(arena, text, host_length);
    if (found == NULL || number < 1 || number > UINT16_MAX) {
        return false;
    }
    *host = found;
    *port = (uint16_t)number;
    return true;
}

const char *endpoint_parse_broker(struct arena *arena, const char *text, struct broker_url *url)
{
    static const struct {
        const char *scheme;
        uint16_t port;
        bool is_tls;
    } schemes[] = {
        {"mqtt://", 1883, false},
        {"mqtts://", 8883, true},
    };
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        size_t length = strlen(schemes[i].scheme);
        if (strncmp(text, schemes[i].scheme, length) != 0) {
            continue;
        }
        if (strchr(text, '@') != NULL) {
            return "holds a user or a password; accepted: an address only, use username and "
                   "password_file";
        }
        url->text = text;
        url->port = schemes[i].port;
        url->is_tls = schemes[i].is_tls;
        return endpoint_parse(arena, text + length, &url->host, &url->port)
                   ? NULL
                   : "is no address of a broker; accepted: mqtt://host, mqtt://host:port or "
                     "mqtts://…, an IPv6 address in brackets, a port from 1 to 65535, no path";
    }
    return "has no known scheme; accepted: mqtt://host[:port], or mqtts://host[:port] for TLS";
}
