/* The state of everything as the page shows it: whole, or what changed since the last look.
 *
 * Copies machine by machine out of live.h, so that no lock is held while text is made. One
 * thread.
 */
#ifndef GATEWAY_WEB_STATE_H
#define GATEWAY_WEB_STATE_H

#include <stddef.h>

#include "gateway/web_parts.h"
#include "gateway/web_rates.h"

struct web_state;

/* `parts` and `rates` outlive it. */
struct web_state *web_state_create(const struct web_parts *parts, struct web_rates *rates);
void web_state_destroy(struct web_state *state);

/* Takes a new look. */
void web_state_look(struct web_state *state);

/* All of it, as JSON; the caller frees. */
char *web_state_write_whole(struct web_state *state, size_t *length);

/* What differs from the look before; when nothing does NULL, or, if `is_always`, the time
 * alone. The caller frees. */
char *web_state_write_change(struct web_state *state, bool is_always, size_t *length);

#endif
