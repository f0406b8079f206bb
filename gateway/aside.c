#include "gateway/aside.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/clock.h"

static const char mark[] = ".damaged-";

/* "20261123T162000.123Z": the ISO time without what file systems elsewhere refuse. */
static void make_stamp(int64_t now_us, char stamp[static CLOCK_ISO_LENGTH + 1])
{
    char iso[CLOCK_ISO_LENGTH];
    clock_format_iso(now_us, iso);
    size_t length = 0;
    for (size_t at = 0; at < sizeof iso; at++) {
        if (iso[at] != '-' && iso[at] != ':') {
            stamp[length++] = iso[at];
        }
    }
    stamp[length] = '\0';
}

/* The part of a name behind `.damaged-`, NULL when it is not one of this file's main files. */
static const char *find_stamp(const char *entry, const char *base)
{
    size_t length = strlen(base);
    if (strncmp(entry, base, length) != 0 ||
        strncmp(entry + length, mark, sizeof mark - 1) != 0) {
        return NULL;
    }
    const char *stamp = entry + length + sizeof mark - 1;
    return strchr(stamp, '-') == NULL ? stamp : NULL; /* -wal and -shm go with their file */
}

/* One file set aside beyond those kept: the oldest stamp, "" when there are few enough. */
static void find_surplus(const char *folder, const char *base, char oldest[static NAME_MAX + 1])
{
    char found[NAME_MAX + 1] = "";
    unsigned count = 0;
    DIR *entries = opendir(folder);
    const struct dirent *entry;
    /* readdir is safe here: the stream is ours alone. NOLINTNEXTLINE(concurrency-mt-unsafe) */
    while (entries != NULL && (entry = readdir(entries)) != NULL) {
        const char *stamp = find_stamp(entry->d_name, base);
        if (stamp == NULL) {
            continue;
        }
        count++;
        if (found[0] == '\0' || strcmp(stamp, found) < 0) {
            (void)snprintf(found, sizeof found, "%s", stamp);
        }
    }
    if (entries != NULL) {
        (void)closedir(entries);
    }
    (void)snprintf(oldest, NAME_MAX + 1, "%s", count > ASIDE_KEPT_MAX ? found : "");
}

static void remove_surplus(const char *file)
{
    char folder[PATH_MAX];
    (void)snprintf(folder, sizeof folder, "%s", file);
    char *slash = strrchr(folder, '/');
    const char *base = slash != NULL ? strrchr(file, '/') + 1 : file;
    if (slash != NULL) {
        slash[slash == folder ? 1 : 0] = '\0';
    }
    char stamp[NAME_MAX + 1];
    bool is_removed = true;
    while (is_removed) {
        find_surplus(slash != NULL ? folder : ".", base, stamp);
        char name[PATH_MAX + NAME_MAX];
        (void)snprintf(name, sizeof name, "%s%s%s-wal", file, mark, stamp);
        (void)unlink(name);
        name[strlen(name) - strlen("-wal")] = '\0';
        is_removed = stamp[0] != '\0' && unlink(name) == 0;
    }
}

bool aside_move(const char *file, int64_t now_us, char *name, unsigned size)
{
    char stamp[CLOCK_ISO_LENGTH + 1];
    make_stamp(now_us, stamp);
    char from[PATH_MAX];
    char to[PATH_MAX];
    int length = snprintf(to, sizeof to, "%s%s%s-wal", file, mark, stamp);
    if (length < 0 || length >= PATH_MAX || (unsigned)length >= size) {
        errno = ENAMETOOLONG;
        return false;
    }
    /* The log goes first: should the power fail in between, a main file that lacks it is set
     * aside at the next start, while a log beside a new main file would be a riddle. */
    (void)snprintf(from, sizeof from, "%s-wal", file);
    if (rename(from, to) != 0 && errno != ENOENT) {
        return false;
    }
    (void)snprintf(from, sizeof from, "%s-shm", file);
    (void)unlink(from);
    (void)snprintf(name, size, "%.*s", length - (int)strlen("-wal"), to);
    if (rename(file, name) != 0) {
        name[0] = '\0';
        return false;
    }
    remove_surplus(file);
    return true;
}
