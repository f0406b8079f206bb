/* The control socket: a Unix socket on the server's loop that speaks JSON lines (dialog.h).
 *
 * Its file is made with mode 0600 and taken away at the end; one that nobody listens at any
 * more is replaced. It keeps the diary, and tells the dialog what time it is. One thread. */
#ifndef SIMULATOR_CONTROL_H
#define SIMULATOR_CONTROL_H

#include "simulator/dialog.h"
#include "simulator/server.h"

struct control;

/* NULL with errno set when there can be no socket at `path`. The server outlives it. */
struct control *control_create(const char *path, const struct dialog_parts *parts,
                               struct server *server);
void control_destroy(struct control *control); /* NULL is harmless */

/* The other end: sends one line and copies the reply's line to `reply`. Returns false with
 * errno set when nobody listens at `path` or the connection breaks. */
bool control_ask(const char *path, const char *line, FILE *reply);

#endif
