#include "gateway/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

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

/* For people only: the kernel knows the holder without it. */
static void write_pid(int lock)
{
    char text[24];
    int length = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    if (ftruncate(lock, 0) == 0) {
        (void)!pwrite(lock, text, (size_t)length, 0);
    }
}

int lock_take(const char *file, mode_t mode, pid_t *holder)
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
    write_pid(lock);
    return lock;
}

void lock_release(int lock)
{
    if (lock >= 0) {
        (void)close(lock);
    }
}
