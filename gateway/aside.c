#include "gateway/aside.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "gateway/clock.h"

static const char damaged_mark[] = ".damaged-";
static const char next_mark[] = ".next-";
static const char log_suffix[] = "-wal";

/* A path with room for everything that is put behind it: see SUFFIX_MAX of journal_file.c. */
struct path {
    char text[PATH_MAX + NAME_MAX];
};

static const char *base_of(const char *file)
{
    const char *slash = strrchr(file, '/');
    assert(slash != NULL); /* absolute */
    return slash + 1;
}

static struct path join(const char *file, const char *suffix, const char *more)
{
    struct path path;
    int length = snprintf(path.text, sizeof path.text, "%s%s%s", file, suffix, more);
    assert(length > 0 && length < PATH_MAX + NAME_MAX); /* see journal_file_resolve() */
    (void)length;
    return path;
}

/* `name` in the folder of `file`. */
static struct path beside(const char *file, const char *name, const char *suffix)
{
    struct path path;
    int folder_length = (int)(base_of(file) - file);
    int length =
        snprintf(path.text, sizeof path.text, "%.*s%s%s", folder_length, file, name, suffix);
    assert(length > 0 && length < PATH_MAX + NAME_MAX);
    (void)length;
    return path;
}

/* Renaming is done when the folder is on the disk. */
static bool sync_folder(const char *file)
{
    struct path folder = beside(file, ".", "");
    int descriptor = open(folder.text, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) {
        return false;
    }
    bool is_done = fsync(descriptor) == 0;
    (void)close(descriptor);
    return is_done;
}

void aside_draft(const char *file, char draft[static PATH_MAX])
{
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    (void)snprintf(draft, PATH_MAX, "%s.draft", file);
    for (size_t at = 0; at < sizeof suffixes / sizeof suffixes[0]; at++) {
        (void)unlink(join(draft, suffixes[at], "").text);
    }
}

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

void aside_name(const char *file, int64_t now_us, char name[static ASIDE_NAME_SIZE])
{
    char stamp[CLOCK_ISO_LENGTH + 1];
    do {
        make_stamp(now_us, stamp);
        (void)snprintf(name, ASIDE_NAME_SIZE, "%s%s%s", base_of(file), damaged_mark, stamp);
        now_us += 1000;
    } while (access(beside(file, name, "").text, F_OK) == 0);
}

/* What stands behind the mark in one of this file's names; NULL when it is another's, or the
 * -wal or -shm of one. */
static const char *find_stamp(const char *entry, const char *base, const char *mark)
{
    size_t length = strlen(base);
    if (strncmp(entry, base, length) != 0 || strncmp(entry + length, mark, strlen(mark)) != 0) {
        return NULL;
    }
    const char *stamp = entry + length + strlen(mark);
    return strchr(stamp, '-') == NULL ? stamp : NULL;
}

bool aside_decide(const char *file, const char *name)
{
    const char *stamp = find_stamp(name, base_of(file), damaged_mark);
    assert(stamp != NULL);
    struct path draft = join(file, ".draft", "");
    struct path next = join(file, next_mark, stamp);
    return sync_folder(file) && rename(draft.text, next.text) == 0 && sync_folder(file);
}

/* The names that a folder holds with this mark. */
struct found {
    unsigned count;
    char oldest[NAME_MAX + 1]; /* "" when none was asked for */
};

static struct found find_marked(const char *file, const char *mark,
                                bool (*is_needed)(void *context, const char *name),
                                void *context)
{
    struct found found = {.oldest = ""};
    DIR *entries = opendir(beside(file, ".", "").text);
    const struct dirent *entry;
    /* readdir is safe here: the stream is ours alone. NOLINTNEXTLINE(concurrency-mt-unsafe) */
    while (entries != NULL && (entry = readdir(entries)) != NULL) {
        const char *name = entry->d_name;
        if (find_stamp(name, base_of(file), mark) == NULL) {
            continue;
        }
        found.count++;
        bool is_free = is_needed == NULL || !is_needed(context, name);
        if (is_free && (found.oldest[0] == '\0' || strcmp(name, found.oldest) < 0)) {
            (void)snprintf(found.oldest, sizeof found.oldest, "%s", name);
        }
    }
    if (entries != NULL) {
        (void)closedir(entries);
    }
    return found;
}

/* The log goes with its file, and first: left behind, it would be taken for the new file's. */
static bool move_old(const char *file, const char *stamp)
{
    struct path log = join(file, log_suffix, "");
    struct path aside = join(file, damaged_mark, stamp);
    struct path aside_log = join(aside.text, log_suffix, "");
    bool is_gone = access(aside_log.text, F_OK) == 0 || access(aside.text, F_OK) == 0
                       ? unlink(log.text) == 0 || errno == ENOENT /* moved before: another's */
                       : rename(log.text, aside_log.text) == 0 || errno == ENOENT;
    (void)unlink(join(file, "-shm", "").text);
    return is_gone && (rename(file, aside.text) == 0 || errno == ENOENT) && sync_folder(file);
}

bool aside_finish(const char *file)
{
    struct found found = find_marked(file, next_mark, NULL, NULL);
    if (found.count == 0) {
        return true;
    }
    const char *stamp = find_stamp(found.oldest, base_of(file), next_mark);
    return move_old(file, stamp) && rename(beside(file, found.oldest, "").text, file) == 0 &&
           sync_folder(file);
}

void aside_prune(const char *file, bool (*is_needed)(void *context, const char *name),
                 void *context)
{
    struct found found = find_marked(file, damaged_mark, is_needed, context);
    while (found.count > ASIDE_KEPT_MAX && found.oldest[0] != '\0') {
        (void)unlink(beside(file, found.oldest, log_suffix).text);
        (void)unlink(beside(file, found.oldest, "-shm").text);
        if (unlink(beside(file, found.oldest, "").text) != 0) {
            return;
        }
        found = find_marked(file, damaged_mark, is_needed, context);
    }
}
