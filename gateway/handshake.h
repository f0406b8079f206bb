/* Why a TLS handshake failed, as a sentence: from OpenSSL's alerts and error lines.
 *
 * Paho hands them out through callbacks that belong to the process, not to a connection, so
 * there is one memory of them; only one connection is being made at a time. Any thread. */
#ifndef GATEWAY_HANDSHAKE_H
#define GATEWAY_HANDSHAKE_H

#include <stdbool.h>
#include <stddef.h>

/* Before a connection is tried. */
void handshake_forget(void);

/* A line of paho's trace: "SSL alert write:fatal:certificate expired", "SSL handshake done" …
 */
void handshake_note_trace(const char *line);

/* A line of ERR_print_errors_cb: "thread:error:code:library:function:reason:file:line:…". */
void handshake_note_error(const char *line, size_t length);

/* Writes what is known: `place` is "host:port", `host` the name that the certificate must bear,
 * `ca_file` "" for the system's authorities. False when nothing is known. */
bool handshake_explain(const char *place, const char *host, const char *ca_file, char *sentence,
                       size_t size);

#endif
