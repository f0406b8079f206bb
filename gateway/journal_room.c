/* Room: within max_size, and on the disk.
 *
 * A reader may keep the log from being emptied; then a transaction is given no more rows than
 * what is left of max_size surely holds, and none begins where not even its own pages may fit.
 *
 * On a full disk nothing can be deleted: a deletion is written to the log first. So a ballast
 * file lies beside the journal, which is given up when the disk is full and made again when it
 * is not. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "gateway/journal_file.h"
#include "gateway/journal_private.h"

#define TRANSACTION_BYTES_MAX (UINT64_C(1) << 20) /* of rows: the log stays small */
/* What a transaction adds to file and log at most beside its rows. */
#define TRANSACTION_GROWTH (UINT64_C(64) << 10)
/* A row takes up to twice its length, since a page may hold one that fills little more than
 * half of it; first in the log and then in the file. */
enum { ROW_GROWTH = 4 };

/* ---- within max_size ---- */

uint64_t journal_wal_size(const struct journal *journal)
{
    return journal_file_size(journal->file, "-wal");
}

uint64_t journal_size(const struct journal *journal)
{
    return journal_file_size(journal->file, "") + journal_wal_size(journal);
}

uint64_t journal_max_size(const struct journal *journal)
{
    return journal->max_bytes;
}

static void measure(struct journal *journal)
{
    journal->wal_bytes = journal_wal_size(journal);
    uint64_t bytes = journal_file_size(journal->file, "") + journal->wal_bytes;
    journal->room_bytes = bytes < journal->max_bytes ? journal->max_bytes - bytes : 0;
    journal->unmeasured_bytes = 0;
}

/* Every transaction may touch some pages beyond its rows': the cursor's, the tree's, the
 * header. */
static bool is_tight(const struct journal *journal)
{
    return journal->room_bytes <= journal->max_bytes / 64;
}

bool journal_is_held(struct journal *journal)
{
    measure(journal);
    return is_tight(journal) && journal->wal_bytes > journal->wal_limit_bytes;
}

enum journal_status journal_look_for_room(struct journal *journal)
{
    /* Two looks at the files cost as much as a row: not while there is plenty. */
    if (journal->unmeasured_bytes >= journal->room_bytes / 2) {
        measure(journal);
    }
    journal->unmeasured_bytes += TRANSACTION_GROWTH;
    if (!is_tight(journal)) {
        return JOURNAL_OK;
    }
    sql_checkpoint(journal->sql, SQL_EMPTY_LOG);
    if (!journal_is_held(journal)) {
        return JOURNAL_OK;
    }
    journal_tell(journal, "a reader holds %" PRIu64 " MiB of its log, max_size is reached",
                 journal->wal_bytes >> 20);
    return JOURNAL_FULL;
}

void journal_take_room(struct journal *journal, size_t row_bytes)
{
    journal->unmeasured_bytes += ROW_GROWTH * (uint64_t)row_bytes;
}

uint64_t journal_transaction_bytes(const struct journal *journal)
{
    uint64_t share = journal->max_bytes / 32;
    uint64_t most = share < TRANSACTION_BYTES_MAX ? share : TRANSACTION_BYTES_MAX;
    uint64_t taken = journal->unmeasured_bytes;
    uint64_t room =
        taken < journal->room_bytes ? (journal->room_bytes - taken) / ROW_GROWTH : 0;
    return room < most ? room : most;
}

/* ---- on the disk ---- */

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
