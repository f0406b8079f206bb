#include "gateway/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/journal_crc.h"

static struct flock whole_file(void)
{
    return (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET};
}

static bool is_taken(int lock)
{
    struct flock range = whole_file();
    return fcntl(lock, F_SETLK, &range) == 0;
}

/* 0 when it has been given back meanwhile. */
static pid_t find_holder(int lock)
{
    struct flock range = whole_file();
    if (fcntl(lock, F_GETLK, &range) != 0 || range.l_type == F_UNLCK) {
        return 0;
    }
    return range.l_pid;
}

/* One line of fixed width, written in place: pid, run, seq, cursor, CRC. It needs no room on a
 * full disk, and one that was cut shows in the CRC. */
#define NOTE_FORMAT "%-10ld %016" PRIx64 " %016" PRIx64 " %016" PRIx64 " %08" PRIx32 "\n"
enum { NOTE_SIZE = 80, FIELDS_COUNT = 5 };

void lock_leave_note(int lock, const struct lock_note *note)
{
    char text[NOTE_SIZE];
    int length = snprintf(text, sizeof text, NOTE_FORMAT, (long)getpid(), note->run, note->seq,
                          note->cursor, journal_crc_note(note->run, note->seq, note->cursor));
    if (lock >= 0 && length > 0) {
        (void)!pwrite(lock, text, (size_t)length, 0); /* the journal itself knows better */
    }
}

static void read_note(int lock, struct lock_note *note)
{
    char text[NOTE_SIZE] = "";
    uint64_t fields[FIELDS_COUNT] = {0};
    char *at = text;
    if (pread(lock, text, sizeof text - 1, 0) > 0) {
        for (size_t field = 0; field < FIELDS_COUNT; field++) {
            fields[field] = strtoull(at, &at, field == 0 ? 10 : 16);
        }
    }
    *note = (struct lock_note){.run = fields[1], .seq = fields[2], .cursor = fields[3]};
    if (fields[4] != journal_crc_note(note->run, note->seq, note->cursor)) {
        *note = (struct lock_note){0};
    }
}

int lock_take(const char *file, mode_t mode, struct lock_note *note, pid_t *holder)
{
    *holder = 0;
    int lock = open(file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, mode);
    if (lock < 0) {
        return -1;
    }
    /* The holder may end between our two questions: then ours is asked again. */
    while (!is_taken(lock)) {
        bool is_refused = errno == EACCES || errno == EAGAIN;
        int cause = errno;
        *holder = is_refused ? find_holder(lock) : 0;
        if (!is_refused || *holder != 0) {
            (void)close(lock);
            errno = cause;
            return -1;
        }
    }
    (void)fchmod(lock, mode);
    read_note(lock, note);
    lock_leave_note(lock, note);
    return lock;
}

void lock_release(int lock)
{
    if (lock >= 0) {
        (void)close(lock);
    }
}
