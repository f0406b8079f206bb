#include "gateway/web_stream.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/memory.h"
#include "gateway/json.h"
#include "gateway/web_events.h"
#include "gateway/web_state.h"

enum {
    TICK_US = WEB_STREAM_TICK_MS * 1000,
    ALIVE_US = 4000000,     /* the longest silence */
    HURRY_US = 20000,       /* between two ticks at the least, however many join */
    EVENTS_MAX_A_TICK = 16, /* the next tick has the others */
    /* Messages: what two ticks can put in, so that a viewer that reads between them never falls
     * out when much happens. In quiet times six seconds. */
    RING_SIZE = 2 * (EVENTS_MAX_A_TICK + 1),
};

/* Shared by all who are sending it; freed with the last. */
struct message {
    size_t uses;
    size_t length;
    char text[];
};

struct web_stream_viewer {
    uint64_t next;      /* number of the message to be read after `at` */
    bool wants_state;   /* the next one is the whole state */
    struct message *at; /* being read; NULL: none */
    size_t offset;      /* within it */
};

struct web_stream {
    const struct web_parts *parts;
    struct web_rates *rates;
    struct wake *wake;
    struct web_state *state; /* the ticking thread's; NULL while nobody looks */
    int64_t ticked_us;       /* likewise, monotonic */
    int64_t sent_us;         /* likewise: of the last message */
    uint64_t events_next;    /* likewise: number of the next event to be told */

    pthread_mutex_t mutex; /* for what follows */
    size_t viewers_count;
    bool is_state_wanted;            /* by somebody, and there is none */
    struct message *whole;           /* the whole state; NULL: none */
    uint64_t whole_next;             /* the message that continues it */
    struct message *ring[RING_SIZE]; /* number n at n % RING_SIZE */
    uint64_t count;                  /* messages so far: the number of the next */
};

struct web_stream *web_stream_create(const struct web_parts *parts, struct web_rates *rates,
                                     struct wake *wake)
{
    struct web_stream *stream = memory_allocate(1, sizeof *stream);
    (void)pthread_mutex_init(&stream->mutex, NULL);
    stream->parts = parts;
    stream->rates = rates;
    stream->wake = wake;
    return stream;
}

/* With the lock held. */
static void release(struct message *message)
{
    if (message != NULL && --message->uses == 0) {
        free(message);
    }
}

/* With the lock held: nobody reads the ring any more. */
static void clear(struct web_stream *stream)
{
    for (size_t at = 0; at < RING_SIZE; at++) {
        release(stream->ring[at]);
        stream->ring[at] = NULL;
    }
    release(stream->whole);
    stream->whole = NULL;
}

void web_stream_destroy(struct web_stream *stream)
{
    clear(stream);
    web_state_destroy(stream->state);
    (void)pthread_mutex_destroy(&stream->mutex);
    free(stream);
}

/* ---- viewers ---- */

struct web_stream_viewer *web_stream_join(struct web_stream *stream)
{
    struct web_stream_viewer *viewer = memory_allocate(1, sizeof *viewer);
    viewer->wants_state = true;
    (void)pthread_mutex_lock(&stream->mutex);
    bool is_full = stream->viewers_count == WEB_STREAM_VIEWERS_MAX;
    stream->viewers_count += is_full ? 0 : 1;
    (void)pthread_mutex_unlock(&stream->mutex);
    if (is_full) {
        free(viewer);
        return NULL;
    }
    return viewer;
}

void web_stream_leave(struct web_stream *stream, struct web_stream_viewer *viewer)
{
    (void)pthread_mutex_lock(&stream->mutex);
    release(viewer->at);
    stream->viewers_count--;
    bool is_last = stream->viewers_count == 0;
    (void)pthread_mutex_unlock(&stream->mutex);
    free(viewer);
    if (is_last) {
        wake_up(stream->wake);
    }
}

/* With the lock held. Whether the ring still holds everything from that number on. */
static bool is_kept(const struct web_stream *stream, uint64_t number)
{
    return stream->count - number <= RING_SIZE;
}

/* With the lock held. The message that this viewer reads next; NULL: none at present. */
static struct message *next_of(struct web_stream *stream, struct web_stream_viewer *viewer)
{
    if (!viewer->wants_state && !is_kept(stream, viewer->next)) {
        viewer->wants_state = true;
    }
    if (viewer->wants_state) {
        bool is_usable = stream->whole != NULL && is_kept(stream, stream->whole_next);
        stream->is_state_wanted |= !is_usable;
        return is_usable ? stream->whole : NULL;
    }
    return viewer->next < stream->count ? stream->ring[viewer->next % RING_SIZE] : NULL;
}

/* With the lock held. */
static void take_next(struct web_stream *stream, struct web_stream_viewer *viewer)
{
    if (viewer->at != NULL && viewer->offset < viewer->at->length) {
        return;
    }
    release(viewer->at);
    viewer->at = next_of(stream, viewer);
    if (viewer->at == NULL) {
        return;
    }
    viewer->at->uses++;
    viewer->offset = 0;
    viewer->next = viewer->wants_state ? stream->whole_next : viewer->next + 1;
    viewer->wants_state = false;
}

size_t web_stream_read(struct web_stream *stream, struct web_stream_viewer *viewer, char *text,
                       size_t size)
{
    (void)pthread_mutex_lock(&stream->mutex);
    take_next(stream, viewer);
    bool is_wanted = stream->is_state_wanted;
    (void)pthread_mutex_unlock(&stream->mutex);
    if (viewer->at == NULL) {
        if (is_wanted) {
            wake_up(stream->wake);
        }
        return 0;
    }
    size_t left = viewer->at->length - viewer->offset;
    size_t length = left < size ? left : size;
    (void)memcpy(text, viewer->at->text + viewer->offset, length);
    viewer->offset += length;
    return length;
}

bool web_stream_has_more(struct web_stream *stream, const struct web_stream_viewer *viewer)
{
    (void)pthread_mutex_lock(&stream->mutex);
    bool has_more =
        (viewer->at != NULL && viewer->offset < viewer->at->length) ||
        (viewer->wants_state ? stream->whole != NULL && is_kept(stream, stream->whole_next)
                             : viewer->next < stream->count);
    (void)pthread_mutex_unlock(&stream->mutex);
    return has_more;
}

/* ---- ticking ---- */

/* `event: NAME`, one line of data, an empty line. */
static struct message *make(const char *name, const char *data, size_t length)
{
    static const char frame[] = "event: \ndata: \n\n";
    size_t size = sizeof frame + strlen(name) + length;
    struct message *message = memory_allocate(1, sizeof *message + size);
    message->uses = 1;
    message->length = (size_t)snprintf(message->text, size, "event: %s\ndata: ", name);
    (void)memcpy(message->text + message->length, data, length);
    message->length += length;
    message->text[message->length++] = '\n';
    message->text[message->length++] = '\n';
    return message;
}

static void append(struct web_stream *stream, struct message *message)
{
    (void)pthread_mutex_lock(&stream->mutex);
    struct message **place = &stream->ring[stream->count % RING_SIZE];
    release(*place);
    *place = message;
    stream->count++;
    (void)pthread_mutex_unlock(&stream->mutex);
}

static bool tell_events(struct web_stream *stream)
{
    uint64_t pushed = events_pushed(stream->parts->events);
    uint64_t first = stream->events_next;
    if (pushed - first > EVENTS_MAX) {
        first = pushed - EVENTS_MAX; /* nobody has the others any more */
    }
    uint64_t end = pushed - first > EVENTS_MAX_A_TICK ? first + EVENTS_MAX_A_TICK : pushed;
    stream->events_next = end;
    bool has_told = false;
    for (uint64_t number = first; number < end; number++) {
        struct json json = json_begin_growing();
        if (web_events_put(&json, stream->parts, number)) {
            size_t length = json_end(&json);
            append(stream, make("event", json.text, length));
            has_told = true;
        }
        free(json.text);
    }
    return has_told;
}

/* When nothing changes for long, that is told too: a viewer takes silence for an outage. */
static bool tell_change(struct web_stream *stream, int64_t now_us)
{
    bool is_alive_due = now_us - stream->sent_us >= ALIVE_US;
    size_t length;
    char *text = web_state_write_change(stream->state, is_alive_due, &length);
    if (text == NULL) {
        return false;
    }
    append(stream, make("change", text, length));
    free(text);
    return true;
}

/* The whole state as of this look, for those who want it. */
static bool tell_state(struct web_stream *stream)
{
    (void)pthread_mutex_lock(&stream->mutex);
    bool is_wanted = stream->is_state_wanted;
    (void)pthread_mutex_unlock(&stream->mutex);
    if (!is_wanted) {
        return false;
    }
    size_t length;
    char *text = web_state_write_whole(stream->state, &length);
    struct message *message = make("state", text, length);
    free(text);
    (void)pthread_mutex_lock(&stream->mutex);
    release(stream->whole);
    stream->whole = message;
    stream->whole_next = stream->count;
    stream->is_state_wanted = false;
    (void)pthread_mutex_unlock(&stream->mutex);
    return true;
}

static bool tell(struct web_stream *stream, int64_t now_us)
{
    if (stream->state == NULL) {
        stream->state = web_state_create(stream->parts, stream->rates);
        stream->events_next = events_pushed(stream->parts->events);
        stream->sent_us = now_us;
    }
    stream->ticked_us = now_us;
    web_state_look(stream->state);
    bool has_new = tell_events(stream);
    has_new |= tell_change(stream, now_us);
    has_new |= tell_state(stream);
    stream->sent_us = has_new ? now_us : stream->sent_us;
    return has_new;
}

bool web_stream_tick(struct web_stream *stream, int64_t now_us, int64_t *due_us)
{
    (void)pthread_mutex_lock(&stream->mutex);
    bool is_watched = stream->viewers_count > 0;
    bool is_hurried = stream->is_state_wanted;
    if (!is_watched) {
        clear(stream);
        stream->is_state_wanted = false;
    }
    (void)pthread_mutex_unlock(&stream->mutex);
    if (!is_watched) {
        web_state_destroy(stream->state);
        stream->state = NULL;
        *due_us = WAKE_NEVER;
        return false;
    }
    int64_t next_us = stream->ticked_us + (is_hurried ? HURRY_US : TICK_US);
    bool is_due = stream->state == NULL || now_us >= next_us;
    bool has_new = is_due && tell(stream, now_us);
    *due_us = is_due ? now_us + TICK_US : next_us;
    return has_new;
}
