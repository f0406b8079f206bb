#include "simulator/oracle.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/memory.h"

enum {
    BUFFER_SIZE = 1 << 20,
    LINE_MAX_SIZE = 16384, /* 2000 bits of two letters, 125 words of six, and a long name */
};

struct oracle {
    int fd;
    size_t length;
    char buffer[BUFFER_SIZE];
};

struct oracle *oracle_create(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0640);
    if (fd < 0) {
        return NULL;
    }
    struct oracle *oracle = memory_allocate(1, sizeof *oracle);
    oracle->fd = fd;
    return oracle;
}

void oracle_destroy(struct oracle *oracle)
{
    if (oracle != NULL) {
        (void)oracle_flush(oracle);
        (void)close(oracle->fd);
        free(oracle);
    }
}

bool oracle_flush(struct oracle *oracle)
{
    size_t done = 0;
    bool is_sound = true;
    while (done < oracle->length && is_sound) {
        ssize_t written = write(oracle->fd, oracle->buffer + done, oracle->length - done);
        is_sound = written > 0 || (written < 0 && errno == EINTR);
        done += written > 0 ? (size_t)written : 0;
    }
    oracle->length = 0;
    return is_sound;
}

static void add_text(struct oracle *oracle, const char *text)
{
    size_t length = strlen(text);
    memcpy(oracle->buffer + oracle->length, text, length);
    oracle->length += length;
}

static void add_number(struct oracle *oracle, uint64_t number)
{
    char digits[20];
    size_t count = 0;
    do {
        digits[count++] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    while (count > 0) {
        oracle->buffer[oracle->length++] = digits[--count];
    }
}

void oracle_add(struct oracle *oracle, const struct oracle_entry *entry)
{
    if (BUFFER_SIZE - oracle->length < LINE_MAX_SIZE) {
        (void)oracle_flush(oracle);
    }
    assert(strlen(entry->endpoint) < 1024);
    add_text(oracle, "{\"time_us\":");
    add_number(oracle, (uint64_t)entry->time_us);
    add_text(oracle, ",\"endpoint\":\"");
    add_text(oracle, entry->endpoint);
    add_text(oracle, "\",\"unit\":");
    add_number(oracle, entry->unit);
    add_text(oracle, ",\"table\":\"");
    add_text(oracle, table_name(entry->table));
    add_text(oracle, "\",\"address\":");
    add_number(oracle, entry->address);
    add_text(oracle, ",\"words\":[");
    for (size_t i = 0; i < entry->count; i++) {
        if (i > 0) {
            oracle->buffer[oracle->length++] = ',';
        }
        add_number(oracle, entry->words[i]);
    }
    add_text(oracle, "]}\n");
}
