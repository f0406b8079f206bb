/* A SQLite VFS that breaks things on purpose, the system's default while it is registered: the
 * n-th operation fails, or the power goes out at it. What the product does to files without
 * SQLite (rename, unlink, fsync of a folder) is counted and broken with it. One thread. Include
 * it once in a test; everything is static but the calls of libc that it stands before.
 *
 * Power: what was written since a file's last sync may be there or not, sector by sector, one
 * of them half; its size may be the old one or the new one; renames and removals since the
 * folder's last sync may not have happened, the last ones first. */
#ifndef TESTS_UNIT_FAULT_VFS_H
#define TESTS_UNIT_FAULT_VFS_H

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sqlite3.h>

enum fault_kind {
    FAULT_WRITE = 1,
    FAULT_SYNC = 2,
    FAULT_TRUNCATE = 4,
    FAULT_OPEN = 8,
    FAULT_REMOVE = 16,
    FAULT_RENAME = 32,
    FAULT_SHARE = 64, /* the -shm */
    FAULT_ANY = 127,
};

enum fault_effect {
    FAULT_FULL,     /* no room */
    FAULT_IO_ERROR, /* and nothing was done */
    FAULT_TORN,     /* a write is done by half, the rest fails as an I/O error */
    FAULT_POWER,    /* nothing is done any more: fault_restore_power() shows what is left */
    FAULT_EFFECTS_COUNT,
};

static struct {
    unsigned kinds; /* that count; 0: nothing is armed */
    unsigned at;    /* the operation that fails, counted from 1 */
    bool is_sticky; /* and all behind it */
    enum fault_effect effect;
    unsigned count; /* of operations so far */
    unsigned struck;
    bool is_dark; /* the power is out */
    bool is_all_lost;
    uint32_t random;
    uint32_t seed;
    char folder[128]; /* whose files have images */
} fault;

/* Deterministic: the seed tells everything. */
static uint32_t fault_random(uint32_t below)
{
    fault.random = fault.random * 1664525 + 1013904223;
    return (fault.random >> 8) % below;
}

static bool fault_strikes(enum fault_kind kind)
{
    if (fault.is_dark) {
        return true;
    }
    if ((fault.kinds & kind) == 0) {
        return false;
    }
    fault.count++;
    bool is_struck = fault.count == fault.at || (fault.is_sticky && fault.count > fault.at);
    fault.struck += is_struck ? 1 : 0;
    fault.is_dark = is_struck && fault.effect == FAULT_POWER;
    return is_struck;
}

/* ---- images ---- */

enum { FAULT_SECTOR = 512, FAULT_SECTORS = 4096, FAULT_IMAGES = 64 };

/* A file as the disk has it for sure. */
struct fault_image {
    ino_t inode;
    size_t size;
    bool is_dirty[FAULT_SECTORS];
    unsigned char bytes[FAULT_SECTOR * FAULT_SECTORS];
};
static struct fault_image *fault_images[FAULT_IMAGES];

static struct fault_image *fault_image_of(ino_t inode, bool is_made)
{
    for (size_t at = 0; at < FAULT_IMAGES; at++) {
        if (fault_images[at] == NULL && is_made) {
            fault_images[at] = calloc(1, sizeof *fault_images[at]);
            fault_images[at]->inode = inode;
            return fault_images[at];
        }
        if (fault_images[at] == NULL || fault_images[at]->inode == inode) {
            return fault_images[at];
        }
    }
    abort(); /* more files than any scenario has */
}

static void fault_forget_images(void)
{
    for (size_t at = 0; at < FAULT_IMAGES; at++) {
        free(fault_images[at]);
        fault_images[at] = NULL;
    }
}

/* ---- libc's calls ---- */

/* Not SQLite's own, which come through the VFS. */
static unsigned fault_inside;

struct fault_move {
    char from[PATH_MAX];
    char to[PATH_MAX]; /* a removed file's: where it is kept */
};
enum { FAULT_MOVES = 64 };
static struct fault_move fault_moves[FAULT_MOVES]; /* since the folder's last sync */
static unsigned fault_moves_count;
static unsigned fault_graves;

static int fault_real_rename(const char *from, const char *to)
{
    static int (*real)(const char *, const char *);
    *(void **)&real = real == NULL ? dlsym(RTLD_NEXT, "rename") : *(void **)&real;
    return real(from, to);
}

static int fault_real_unlink(const char *path)
{
    static int (*real)(const char *);
    *(void **)&real = real == NULL ? dlsym(RTLD_NEXT, "unlink") : *(void **)&real;
    return real(path);
}

static int fault_real_fsync(int descriptor)
{
    static int (*real)(int);
    *(void **)&real = real == NULL ? dlsym(RTLD_NEXT, "fsync") : *(void **)&real;
    return real(descriptor);
}

static int fault_error(void)
{
    errno = fault.effect == FAULT_FULL ? ENOSPC : EIO;
    return -1;
}

static bool fault_is_ours(const char *path)
{
    size_t length = strlen(fault.folder);
    return length > 0 && strncmp(path, fault.folder, length) == 0;
}

static int fault_move(const char *from, const char *to, const char *kept)
{
    if (fault_moves_count == FAULT_MOVES) {
        abort();
    }
    struct fault_move *move = &fault_moves[fault_moves_count];
    (void)snprintf(move->from, sizeof move->from, "%s", from);
    (void)snprintf(move->to, sizeof move->to, "%s", kept);
    if (fault_real_rename(from, to) != 0) {
        return -1;
    }
    fault_moves_count++;
    return 0;
}

int rename(const char *from, const char *to);
int rename(const char *from, const char *to)
{
    if (!fault_is_ours(from)) {
        return fault_real_rename(from, to);
    }
    return fault_strikes(FAULT_RENAME) ? fault_error() : fault_move(from, to, to);
}

int unlink(const char *path);
int unlink(const char *path)
{
    char grave[PATH_MAX];
    if (!fault_is_ours(path)) {
        return fault_real_unlink(path);
    }
    if (fault_inside == 0 && fault_strikes(FAULT_REMOVE)) {
        return fault_error();
    }
    if (access(path, F_OK) != 0) {
        return -1;
    }
    (void)snprintf(grave, sizeof grave, "%s/.grave%u", fault.folder, fault_graves++);
    return fault_move(path, grave, grave);
}

static void fault_bury(const char *grave)
{
    struct stat status;
    if (stat(grave, &status) != 0) {
        return;
    }
    struct fault_image *image = fault_image_of(status.st_ino, false);
    if (image != NULL) {
        image->inode = 0; /* the number may soon be another file's */
    }
    (void)fault_real_unlink(grave);
}

static void fault_settle_moves(void)
{
    for (unsigned at = 0; at < fault_moves_count; at++) {
        if (strstr(fault_moves[at].to, "/.grave") != NULL) {
            fault_bury(fault_moves[at].to);
        }
    }
    fault_moves_count = 0;
}

int fsync(int descriptor);
int fsync(int descriptor)
{
    struct stat status;
    bool is_folder = fault.folder[0] != '\0' && fault_inside == 0 &&
                     fstat(descriptor, &status) == 0 && S_ISDIR(status.st_mode);
    if (is_folder && fault_strikes(FAULT_SYNC)) {
        return fault_error();
    }
    if (is_folder) {
        fault_settle_moves();
        return 0; /* the disk is ours */
    }
    return fault_real_fsync(descriptor);
}

/* ---- SQLite's files ---- */

struct fault_file {
    sqlite3_file base;
    struct fault_image *image; /* NULL: not in our folder */
    sqlite3_file *real;        /* behind this */
};

static sqlite3_vfs *fault_system; /* the VFS below */

static sqlite3_file *fault_real(sqlite3_file *file)
{
    return ((struct fault_file *)(void *)file)->real;
}

static int fault_code(int io_error)
{
    return fault.effect == FAULT_FULL ? SQLITE_FULL : io_error;
}

static int fault_write_real(struct fault_file *file, const void *bytes, int length,
                            sqlite3_int64 offset)
{
    struct fault_image *image = file->image;
    if (image != NULL && length > 0) {
        sqlite3_int64 last = (offset + length - 1) / FAULT_SECTOR;
        if (last >= FAULT_SECTORS) {
            abort();
        }
        for (sqlite3_int64 at = offset / FAULT_SECTOR; at <= last; at++) {
            image->is_dirty[at] = true;
        }
    }
    return file->real->pMethods->xWrite(file->real, bytes, length, offset);
}

static int fault_write(sqlite3_file *base, const void *bytes, int length, sqlite3_int64 offset)
{
    struct fault_file *file = (struct fault_file *)(void *)base;
    if (!fault_strikes(FAULT_WRITE)) {
        return fault_write_real(file, bytes, length, offset);
    }
    bool is_half = fault.effect == FAULT_TORN || (fault.effect == FAULT_POWER && fault.struck);
    if (is_half && (!fault.is_dark || fault.count == fault.at)) {
        (void)fault_write_real(file, bytes, length / 2, offset);
    }
    return fault_code(SQLITE_IOERR_WRITE);
}

static int fault_truncate(sqlite3_file *base, sqlite3_int64 size)
{
    return fault_strikes(FAULT_TRUNCATE)
               ? fault_code(SQLITE_IOERR_TRUNCATE)
               : fault_real(base)->pMethods->xTruncate(fault_real(base), size);
}

static void fault_learn(struct fault_file *file, bool is_all)
{
    struct fault_image *image = file->image;
    sqlite3_int64 size = 0;
    (void)file->real->pMethods->xFileSize(file->real, &size);
    for (size_t at = 0; at < FAULT_SECTORS; at++) {
        sqlite3_int64 offset = (sqlite3_int64)at * FAULT_SECTOR;
        if ((image->is_dirty[at] || is_all) && offset < size) {
            (void)file->real->pMethods->xRead(file->real, image->bytes + offset, FAULT_SECTOR,
                                              offset);
        }
        image->is_dirty[at] = false;
    }
    image->size = (size_t)size;
}

static int fault_sync(sqlite3_file *base, int flags)
{
    struct fault_file *file = (struct fault_file *)(void *)base;
    (void)flags;
    if (fault_strikes(FAULT_SYNC)) {
        return SQLITE_IOERR_FSYNC;
    }
    if (file->image != NULL) {
        fault_learn(file, false); /* the disk is ours: nothing else is to be awaited */
    }
    return SQLITE_OK;
}

static int fault_close(sqlite3_file *base)
{
    fault_inside++; /* a database that closes may remove its files */
    int code = fault_real(base)->pMethods->xClose(fault_real(base));
    fault_inside--;
    return code;
}

static int fault_read(sqlite3_file *base, void *bytes, int length, sqlite3_int64 offset)
{
    return fault_real(base)->pMethods->xRead(fault_real(base), bytes, length, offset);
}

static int fault_size(sqlite3_file *base, sqlite3_int64 *size)
{
    return fault_real(base)->pMethods->xFileSize(fault_real(base), size);
}

static int fault_lock(sqlite3_file *base, int level)
{
    return fault_real(base)->pMethods->xLock(fault_real(base), level);
}

static int fault_unlock(sqlite3_file *base, int level)
{
    return fault_real(base)->pMethods->xUnlock(fault_real(base), level);
}

static int fault_reserved(sqlite3_file *base, int *is_reserved)
{
    return fault_real(base)->pMethods->xCheckReservedLock(fault_real(base), is_reserved);
}

static int fault_control(sqlite3_file *base, int what, void *argument)
{
    return fault_real(base)->pMethods->xFileControl(fault_real(base), what, argument);
}

static int fault_sector_size(sqlite3_file *base)
{
    return fault_real(base)->pMethods->xSectorSize(fault_real(base));
}

static int fault_characteristics(sqlite3_file *base)
{
    return fault_real(base)->pMethods->xDeviceCharacteristics(fault_real(base));
}

static int fault_shm_map(sqlite3_file *base, int region, int size, int is_made,
                         void volatile **memory)
{
    if (is_made != 0 && fault_strikes(FAULT_SHARE)) {
        return fault_code(SQLITE_IOERR_SHMSIZE);
    }
    return fault_real(base)->pMethods->xShmMap(fault_real(base), region, size, is_made, memory);
}

static int fault_shm_lock(sqlite3_file *base, int offset, int count, int flags)
{
    return fault_real(base)->pMethods->xShmLock(fault_real(base), offset, count, flags);
}

static void fault_shm_barrier(sqlite3_file *base)
{
    fault_real(base)->pMethods->xShmBarrier(fault_real(base));
}

static int fault_shm_unmap(sqlite3_file *base, int is_removed)
{
    return fault_real(base)->pMethods->xShmUnmap(fault_real(base), is_removed);
}

static const sqlite3_io_methods fault_methods = {
    .iVersion = 2,
    .xClose = fault_close,
    .xRead = fault_read,
    .xWrite = fault_write,
    .xTruncate = fault_truncate,
    .xSync = fault_sync,
    .xFileSize = fault_size,
    .xLock = fault_lock,
    .xUnlock = fault_unlock,
    .xCheckReservedLock = fault_reserved,
    .xFileControl = fault_control,
    .xSectorSize = fault_sector_size,
    .xDeviceCharacteristics = fault_characteristics,
    .xShmMap = fault_shm_map,
    .xShmLock = fault_shm_lock,
    .xShmBarrier = fault_shm_barrier,
    .xShmUnmap = fault_shm_unmap,
};

static int fault_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *base, int flags,
                      int *flags_got)
{
    (void)vfs;
    struct fault_file *file = (struct fault_file *)(void *)base;
    struct stat status;
    *file = (struct fault_file){.real = (sqlite3_file *)(void *)(file + 1)};
    if (fault_strikes(FAULT_OPEN)) {
        return fault.effect == FAULT_FULL ? SQLITE_FULL : SQLITE_CANTOPEN;
    }
    int code = fault_system->xOpen(fault_system, name, file->real, flags, flags_got);
    if (code != SQLITE_OK) {
        return code;
    }
    base->pMethods = &fault_methods;
    if (name != NULL && fault_is_ours(name) && stat(name, &status) == 0 &&
        (flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL)) != 0) {
        file->image = fault_image_of(status.st_ino, false);
        if (file->image == NULL) {
            file->image = fault_image_of(status.st_ino, true);
            fault_learn(file, true);
        }
    }
    return SQLITE_OK;
}

static int fault_delete(sqlite3_vfs *vfs, const char *name, int is_synced)
{
    (void)vfs;
    if (fault_strikes(FAULT_REMOVE)) {
        return fault_code(SQLITE_IOERR_DELETE);
    }
    fault_inside++;
    int code = fault_system->xDelete(fault_system, name, 0);
    fault_inside--;
    if (is_synced != 0 && code == SQLITE_OK) {
        fault_settle_moves();
    }
    return code;
}

static void fault_install(void)
{
    static sqlite3_vfs vfs;
    fault_system = sqlite3_vfs_find(NULL);
    vfs = *fault_system;
    vfs.zName = "fault";
    vfs.szOsFile = (int)sizeof(struct fault_file) + fault_system->szOsFile;
    vfs.xOpen = fault_open;
    vfs.xDelete = fault_delete;
    if (sqlite3_vfs_register(&vfs, 1) != SQLITE_OK) {
        abort();
    }
}

/* ---- before and after ---- */

/* Nothing fails; the files of `folder` are as they are. */
static void fault_begin(const char *folder, uint32_t seed)
{
    memset(&fault, 0, sizeof fault);
    fault.random = seed;
    fault.seed = seed;
    fault_forget_images();
    fault_moves_count = 0;
    fault_graves = 0;
    (void)snprintf(fault.folder, sizeof fault.folder, "%s", folder);
}

static void fault_arm(unsigned kinds, unsigned at, bool is_sticky, enum fault_effect effect)
{
    fault.kinds = kinds;
    fault.at = at;
    fault.is_sticky = is_sticky;
    fault.effect = effect;
    fault.count = 0;
    fault.struck = 0;
}

/* Returns whether the fault came: when not, the scenario has no n-th operation. */
static bool fault_disarm(void)
{
    fault.kinds = 0;
    return fault.struck > 0;
}

static void fault_mix(const char *path, struct fault_image *image)
{
    static unsigned char now[FAULT_SECTOR * FAULT_SECTORS];
    int file = open(path, O_RDWR | O_CLOEXEC);
    ssize_t length = pread(file, now, sizeof now, 0);
    size_t size_now = length > 0 ? (size_t)length : 0;
    size_t size = fault.is_all_lost || fault_random(2) == 0 ? image->size : size_now;
    for (size_t at = 0; at < FAULT_SECTORS; at++) {
        if (!image->is_dirty[at]) {
            continue;
        }
        size_t offset = at * FAULT_SECTOR;
        uint32_t choice = fault.is_all_lost ? 0 : fault_random(5);
        size_t kept = choice == 0 || choice == 1 ? 0
                      : choice == 2              ? FAULT_SECTOR / 2
                                                 : FAULT_SECTOR;
        bool is_beyond = offset >= image->size;
        if (is_beyond) {
            memset(now + offset + kept, 0, FAULT_SECTOR - kept);
        } else {
            memcpy(now + offset + kept, image->bytes + offset + kept, FAULT_SECTOR - kept);
        }
    }
    if (size > size_now) {
        memcpy(now + size_now, image->bytes + size_now, size - size_now);
    }
    if (ftruncate(file, 0) != 0 || pwrite(file, now, size, 0) != (ssize_t)size) {
        abort();
    }
    (void)close(file);
}

/* Makes the files what a disk would show after the cut. Nobody has them open. */
static void fault_restore_power(void)
{
    unsigned kept = fault.is_all_lost ? 0 : fault_random(fault_moves_count + 1);
    while (fault_moves_count > kept) {
        const struct fault_move *move = &fault_moves[--fault_moves_count];
        (void)fault_real_rename(move->to, move->from);
    }
    fault_settle_moves();
    DIR *entries = opendir(fault.folder);
    const struct dirent *entry;
    /* One thread. NOLINTNEXTLINE(concurrency-mt-unsafe) */
    while ((entry = readdir(entries)) != NULL) {
        char path[PATH_MAX + NAME_MAX + 2];
        struct stat status;
        (void)snprintf(path, sizeof path, "%s/%s", fault.folder, entry->d_name);
        struct fault_image *image =
            stat(path, &status) == 0 ? fault_image_of(status.st_ino, false) : NULL;
        if (image != NULL && image->inode == status.st_ino) {
            fault_mix(path, image);
        }
    }
    (void)closedir(entries);
    fault_forget_images();
    fault.is_dark = false;
    fault.kinds = 0;
}

#endif
