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
static bool has_room(const struct journal *journal, int file)
{
    struct statvfs status;
    return fstatvfs(file, &status) == 0 &&
           (uint64_t)status.f_bavail * status.f_frsize > 4 * ballast_bytes(journal);
}

void journal_keep_ballast(struct journal *journal)
{
    char path[PATH_MAX + 16];
    make_path(journal, path);
    if (journal->sql == NULL || access(path, F_OK) == 0) {
        return;
    }
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
                    (mode_t)journal->settings->mode & 0666);
    if (file < 0) {
        return;
    }
    bool is_made =
        has_room(journal, file) && posix_fallocate(file, 0, (off_t)ballast_bytes(journal)) == 0;
    (void)close(file);
    if (!is_made) {
        (void)unlink(path);
    }
}

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
    journal->must_shrink = true;
    return JOURNAL_OK;
}
