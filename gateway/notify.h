/* Tells a service manager that the daemon is ready: systemd's protocol in a few lines. */
#ifndef GATEWAY_NOTIFY_H
#define GATEWAY_NOTIFY_H

/* Sends "READY=1" or "STOPPING=1" to the socket that NOTIFY_SOCKET names; nothing when it names
 * none (sd_notify(3): a datagram, '@' first means the abstract name space). */
void notify_send(const char *state);

#endif
