#include "config/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/text.h"

__attribute__((format(printf, 2, 3))) static struct source fail(char *error, const char *format,
                                                                ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(error, SOURCE_ERROR_SIZE, format, arguments);
    va_end(arguments);
    return (struct source){0};
}

static struct source fail_errno(char *error, int number)
{
    char text[64];
    return fail(error, "cannot be read: %s", strerror_r(number, text, sizeof text));
}

/* Reads to the end rather than trusting the size that the file system tells. */
static struct source read_all(struct arena *arena, int descriptor, size_t size, char *error)
{
    size_t room = size + 1;
    char *text = arena_allocate(arena, room + 1, 1);
    size_t length = 0;
    for (;;) {
        ssize_t count = read(descriptor, text + length, room - length);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count < 0) {
            return fail_errno(error, errno);
        }
        if (count == 0) {
            break;
        }
        length += (size_t)count;
        if (length > SOURCE_SIZE_MAX) {
            return fail(error, "is larger than %d MiB", SOURCE_SIZE_MAX >> 20);
        }
        if (length == room) {
            room *= 2;
            char *larger = arena_allocate(arena, room + 1, 1);
            memcpy(larger, text, length);
            text = larger;
        }
    }
    text[length] = '\0';
    return (struct source){.text = text, .length = length};
}

struct source source_read(struct arena *arena, const char *path,
                          char error[static SOURCE_ERROR_SIZE])
{
    /* Not to hang on a FIFO that nobody writes. */
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (descriptor < 0) {
        return fail_errno(error, errno);
    }
    struct source source = {0};
    struct stat status;
    if (fstat(descriptor, &status) != 0) {
        source = fail_errno(error, errno);
    } else if (S_ISDIR(status.st_mode)) {
        source = fail(error, "is a directory, a file is needed");
    } else if (!S_ISREG(status.st_mode)) {
        source = fail(error, "is not a regular file");
    } else if (status.st_size > SOURCE_SIZE_MAX) {
        source = fail(error, "is larger than %d MiB", SOURCE_SIZE_MAX >> 20);
    } else {
        source = read_all(arena, descriptor, (size_t)status.st_size, error);
    }
    (void)close(descriptor); /* nothing was written */
    return source;
}

struct source source_copy(struct arena *arena, const char *text, size_t length)
{
    return (struct source){.text = arena_copy(arena, text, length), .length = length};
}

static void drop_byte_order_mark(struct source *source)
{
    static const char mark[] = "\xEF\xBB\xBF";
    if (source->length >= 3 && memcmp(source->text, mark, 3) == 0) {
        source->text += 3;
        source->length -= 3;
    }
}

static bool is_utf16(const struct source *source)
{
    return source->length >= 2 && (memcmp(source->text, "\xFF\xFE", 2) == 0 ||
                                   memcmp(source->text, "\xFE\xFF", 2) == 0);
}

void source_mend(struct source *source, const char *path, struct problems *problems)
{
    if (is_utf16(source)) {
        problems_add(problems, path, 1, NULL, "the file is UTF-16; save it as UTF-8");
        source->length = 0;
        source->text[0] = '\0';
        return;
    }
    drop_byte_order_mark(source);
    unsigned line = 1;
    unsigned line_told = 0;
    for (size_t i = 0; i < source->length;) {
        size_t length = text_utf8_length(source->text + i, source->length - i);
        if (length > 0) {
            line += source->text[i] == '\n';
            i += length;
            continue;
        }
        if (line != line_told) {
            problems_add(problems, path, line, NULL, "%s; the file must be UTF-8 text",
                         source->text[i] == '\0' ? "a NUL byte" : "bytes that are not UTF-8");
            line_told = line;
        }
        source->text[i++] = '?';
    }
}

const char *source_beside(struct arena *arena, const char *from, const char *path)
{
    const char *slash = strrchr(from, '/');
    size_t folder = path[0] == '/' || slash == NULL ? 0 : (size_t)(slash - from) + 1;
    size_t size = folder + strlen(path) + 1;
    char *whole = arena_allocate(arena, size, 1);
    (void)snprintf(whole, size, "%.*s%s", (int)folder, from, path);
    return whole;
}
