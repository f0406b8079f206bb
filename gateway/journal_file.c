#include "gateway/journal_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SUFFIX_MAX = 64 }; /* ".damaged-", a time and "-wal" are the longest */

bool journal_file_resolve(const char *file, char path[static PATH_MAX])
{
    const char *slash = strrchr(file, '/');
    const char *base = slash == NULL ? file : slash + 1;
    char folder[PATH_MAX];
    int length = slash == NULL ? snprintf(folder, sizeof folder, ".")
                               : snprintf(folder, sizeof folder, "%.*s",
                                          (int)(slash == file ? 1 : slash - file), file);
    if (length < 0 || length >= PATH_MAX) {
        errno = ENAMETOOLONG;
        return false;
    }
    if (strlen(base) > NAME_MAX - SUFFIX_MAX) {
        errno = ENAMETOOLONG;
        return false;
    }
    char *resolved = realpath(folder, NULL);
    if (resolved == NULL) {
        return false;
    }
    length =
        snprintf(path, PATH_MAX, "%s/%s", strcmp(resolved, "/") == 0 ? "" : resolved, base);
    free(resolved);
    if (length < 0 || length >= PATH_MAX - SUFFIX_MAX) {
        errno = ENAMETOOLONG;
        return false;
    }
    /* Nothing that is not ours is locked, renamed or given another mode. */
    struct stat status;
    if (lstat(path, &status) == 0 && !S_ISREG(status.st_mode)) {
        errno = S_ISDIR(status.st_mode) ? EISDIR : S_ISLNK(status.st_mode) ? ELOOP : EINVAL;
        return false;
    }
    return true;
}

static void set_mode(const char *path, const char *suffix, mode_t mode)
{
    char name[PATH_MAX + SUFFIX_MAX];
    struct stat status;
    (void)snprintf(name, sizeof name, "%s%s", path, suffix);
    if (lstat(name, &status) == 0 && S_ISREG(status.st_mode)) {
        (void)chmod(name, mode); /* not our own: as it is */
    }
}

/* SQLite gives -wal and -shm the permissions of the main file, so that is made first. By name,
 * never by descriptor: closing one would drop the locks SQLite holds on the same file. */
void journal_file_create(const char *path, mode_t mode)
{
    int made = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (made >= 0) {
        (void)close(made);
    }
    set_mode(path, "", mode);
    set_mode(path, "-wal", mode);
    set_mode(path, "-shm", mode);
}

void journal_file_remove(const char *path, const char *suffix)
{
    char name[PATH_MAX + SUFFIX_MAX];
    (void)snprintf(name, sizeof name, "%s%s", path, suffix);
    (void)unlink(name);
}

uint64_t journal_file_size(const char *path, const char *suffix)
{
    char name[PATH_MAX + SUFFIX_MAX];
    struct stat status;
    (void)snprintf(name, sizeof name, "%s%s", path, suffix);
    return stat(name, &status) == 0 ? (uint64_t)status.st_size : 0;
}
