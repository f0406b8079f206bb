/* The stream of server-sent events: made once for all viewers, copied by each.
 *
 * One thread ticks: it looks, and puts the message of what changed into a short ring. Each
 * viewer's reader copies from there; one that has fallen out of the ring skips to a fresh
 * `state`. While nobody looks nothing is made and nothing is kept. */
#ifndef GATEWAY_WEB_STREAM_H
#define GATEWAY_WEB_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/wake.h"
#include "gateway/web_parts.h"
#include "gateway/web_rates.h"

enum { WEB_STREAM_VIEWERS_MAX = 128, WEB_STREAM_TICK_MS = 200 };

struct web_stream;
struct web_stream_viewer;

/* `wake` is told when a tick is due at once: whoever ticks sleeps on it. */
struct web_stream *web_stream_create(const struct web_parts *parts, struct web_rates *rates,
                                     struct wake *wake);
void web_stream_destroy(struct web_stream *stream); /* after the last viewer has left */

/* Any thread. NULL: there are WEB_STREAM_VIEWERS_MAX already. */
struct web_stream_viewer *web_stream_join(struct web_stream *stream);
void web_stream_leave(struct web_stream *stream, struct web_stream_viewer *viewer);

/* Copies up to `size` bytes of what this viewer has not had; 0: nothing at present. One thread
 * at a time for one viewer. */
size_t web_stream_read(struct web_stream *stream, struct web_stream_viewer *viewer, char *text,
                       size_t size);
bool web_stream_has_more(struct web_stream *stream, const struct web_stream_viewer *viewer);

/* The ticking thread: does what is due at the monotonic time `now_us`. Returns whether readers
 * have something new; `due_us` gets when to come again. */
bool web_stream_tick(struct web_stream *stream, int64_t now_us, int64_t *due_us);

#endif
