/* Room on a full disk. Nothing can be deleted there: a deletion is written to the log first. So
 * a ballast file lies beside the journal, which is given up when the disk is full and made
 * again when it is not. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "gateway/journal_private.h"

/* What a checkpoint, and the deletion after it, may write. */
static uint64_t ballast_bytes(const struct journal *journal)
{
    return 2 * journal->wal_limit_bytes;
}

uint64_t journal_fitting_size(const struct journal *journal)
{
    struct statvfs status;
    uint64_t max_bytes = journal->settings->max_size_bytes;
    if (statvfs(journal->file, &status) != 0 || status.f_blocks == 0) {
        return max_bytes;
    }
    uint64_t share = (uint64_t)status.f_blocks * status.f_frsize / 4 * 3;
    return share < max_bytes ? share : max_bytes;
}

static void make_path(const struct journal *journal, char path[static PATH_MAX + 16])
{
    (void)snprintf(path, PATH_MAX + 16, "%s.ballast", journal->file);
}

bool journal_release_ballast(struct journal *journal)
{
    char path[PATH_MAX + 16];
    make_path(journal, path);
    return unlink(path) == 0;
}

/* Room for it and as much again as it takes, so that it does not fill the disk itself. */
static bool has_room(const struct journal *journal)
{
    struct statvfs status;
    return statvfs(journal->file, &status) == 0 &&
           (uint64_t)status.f_bavail * status.f_frsize > 4 * ballast_bytes(journal);
}

static void make_ballast(const struct journal *journal, const char *path)
{
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
                    (mode_t)journal->settings->mode & 0666);
    if (file < 0) {
        return;
    }
    bool is_made = posix_fallocate(file, 0, (off_t)ballast_bytes(journal)) == 0;
    (void)close(file);
    if (!is_made) {
        (void)unlink(path);
    }
}

void journal_keep_ballast(struct journal *journal)
{
    char path[PATH_MAX + 16];
    make_path(journal, path);
    bool is_there = access(path, F_OK) == 0;
    if (journal->sql == NULL || (is_there && !journal->is_frozen) || !has_room(journal)) {
        return;
    }
    if (!is_there) {
        make_ballast(journal, path);
    }
    journal_set_quota(journal, journal->quota_bytes / journal->page_bytes);
    journal->is_frozen = false;
}

/* The file must not grow from here on: pages that are only in the log would need room that
 * nobody has, the log could not be emptied into the file, and without that nothing deleted. */
enum journal_status journal_make_room(struct journal *journal)
{
    if (journal->sql == NULL) {
        return JOURNAL_FAILED;
    }
    if (journal_is_held(journal)) {
        return JOURNAL_FULL; /* by a reader, not by the disk */
    }
    (void)journal_release_ballast(journal);
    sql_checkpoint(journal->sql, SQL_KEEP_LOG); /* its blocks are the only ones that are sure */
    journal_set_quota(journal, 1);              /* SQLite takes it for the present size */
    journal->is_frozen = true;
    journal->must_shrink = true;
    return JOURNAL_OK;
}
