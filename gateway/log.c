#include "gateway/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 1000 };

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
    int length = head + body;
    if (length > LINE_MAX_BYTES - 1) {
        length = LINE_MAX_BYTES - 1; /* what vsnprintf kept */
    }
    for (int at = head; at < length; at++) {
        if ((unsigned char)line[at] < ' ' || line[at] == '\x7f') {
            line[at] = '?';
        }
    }
    line[length] = '\n';
    /* A log that cannot be written has nobody to be told. */
    if (write(STDERR_FILENO, line, (size_t)length + 1) < 0) {
        return;
    }
}
