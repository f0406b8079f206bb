/* A wall clock that a test sets: CLOCK_REALTIME moves by as many microseconds as the first
 * eight bytes of the file FORMLAB_CLOCK say, at any moment. The monotonic clock is the real
 * one, as when somebody sets a real clock. For LD_PRELOAD. */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static const _Atomic int64_t *offset_us;

__attribute__((constructor)) static void begin(void)
{
    /* Before any thread. NOLINTNEXTLINE(concurrency-mt-unsafe) */
    const char *path = getenv("FORMLAB_CLOCK");
    int file = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    void *memory =
        file >= 0 ? mmap(NULL, sizeof *offset_us, PROT_READ, MAP_SHARED, file, 0) : MAP_FAILED;
    if (file >= 0) {
        (void)close(file);
    }
    offset_us = memory != MAP_FAILED ? memory : NULL;
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    int code = (int)syscall(SYS_clock_gettime, clock, now);
    if (code == 0 && clock == CLOCK_REALTIME && offset_us != NULL) {
        int64_t us = (int64_t)now->tv_sec * 1000000 + now->tv_nsec / 1000 + *offset_us;
        now->tv_sec = us / 1000000;
        now->tv_nsec = us % 1000000 * 1000;
    }
    return code;
}
