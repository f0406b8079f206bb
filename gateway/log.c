#include "gateway/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "gateway/clock.h"
#include "gateway/fold.h"

enum { LINE_MAX_BYTES = 1000 };

static struct {
    pthread_mutex_t mutex;
    struct fold fold;
    int kept; /* an eventfd: a line is kept; -1: nobody wants to know */
} state = {.mutex = PTHREAD_MUTEX_INITIALIZER, .kept = -1};

/* One write() a line, so that those of several threads do not mix. `room` is that of `line`. */
static void write_line(char *line, size_t room, unsigned suppressed)
{
    size_t length = strlen(line);
    char tail[32] = "";
    if (suppressed > 0) {
        (void)snprintf(tail, sizeof tail, " suppressed=%u", suppressed);
    }
    size_t tail_length = strlen(tail);
    if (length + tail_length + 2 > room) {
        length = room - tail_length - 2;
    }
    (void)memcpy(line + length, tail, tail_length);
    line[length + tail_length] = '\n';
    /* A log that cannot be written has nobody to be told. */
    if (write(STDERR_FILENO, line, length + tail_length + 1) < 0) {
        return;
    }
}

static bool take(const char *line, unsigned *suppressed)
{
    static const uint64_t one = 1;
    (void)pthread_mutex_lock(&state.mutex);
    bool is_taken = fold_take(&state.fold, line, clock_monotonic_us(), suppressed);
    int kept = state.kept;
    (void)pthread_mutex_unlock(&state.mutex);
    if (!is_taken && kept >= 0 && write(kept, &one, sizeof one) < 0) {
        return false; /* it is full: told often enough */
    }
    return is_taken;
}

void log_line(enum log_level level, const char *module, const char *format, ...)
{
    char line[LINE_MAX_BYTES + 1];
    int head = snprintf(line, sizeof line, "<%d>%s ", (int)level, module);
    if (head < 0 || head >= LINE_MAX_BYTES) {
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    int body = vsnprintf(line + head, (size_t)(LINE_MAX_BYTES - head), format, arguments);
    va_end(arguments);
    if (body < 0) {
        return;
    }
    for (char *at = line + head; *at != '\0'; at++) {
        if ((unsigned char)*at < ' ' || *at == '\x7f') {
            *at = '?';
        }
    }
    unsigned suppressed = 0;
    if (take(line, &suppressed)) {
        write_line(line, sizeof line, suppressed);
    }
}

int log_descriptor(void)
{
    (void)pthread_mutex_lock(&state.mutex);
    if (state.kept < 0) {
        state.kept = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    }
    int kept = state.kept;
    (void)pthread_mutex_unlock(&state.mutex);
    return kept;
}

int log_flush(void)
{
    enum { US_PER_MS = 1000 };
    char line[FOLD_LINE_SIZE + 32];
    uint64_t told;
    int kept = log_descriptor();
    if (kept >= 0 && read(kept, &told, sizeof told) < 0) {
        told = 0; /* nothing new is kept; what was may be due */
    }
    for (;;) {
        int64_t now_us = clock_monotonic_us();
        unsigned suppressed = 0;
        (void)pthread_mutex_lock(&state.mutex);
        bool is_there = fold_next(&state.fold, now_us, line, &suppressed);
        int64_t due_us = fold_due_us(&state.fold);
        (void)pthread_mutex_unlock(&state.mutex);
        if (!is_there) {
            return due_us == INT64_MAX ? -1 : (int)((due_us - now_us) / US_PER_MS) + 1;
        }
        write_line(line, sizeof line, suppressed);
    }
}
