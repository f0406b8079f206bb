/* Claim: no bytes in a journal's file make opening or salvage crash, leak or go on for ever;
 * what stands in the new journal afterwards is sound, and says where it lacks something. */
#include "gateway/journal.h"
#include "gateway/journal_reader.h"

#include <glob.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The names are libFuzzer's. NOLINTBEGIN(readability-identifier-naming) */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);
/* NOLINTEND(readability-identifier-naming) */

enum { STEPS_MAX = 100000 };

static char folder[] = "/dev/shm/formlab-fuzz-XXXXXX";
static char file[64];
static struct factory factory = {
    .site.root = "lab",
    .journal = {
        .file = file, .max_size_bytes = 1 << 20, .max_age_s = 1000000000, .mode = 0600}};

static void require(bool is_true)
{
    if (!is_true) {
        abort();
    }
}

static void remove_all(void)
{
    char pattern[64];
    glob_t found;
    (void)snprintf(pattern, sizeof pattern, "%s/*", folder);
    /* One thread. NOLINTNEXTLINE(concurrency-mt-unsafe) */
    (void)glob(pattern, 0, NULL, &found);
    for (size_t at = 0; at < found.gl_pathc; at++) {
        (void)unlink(found.gl_pathv[at]);
    }
    globfree(&found);
}

/* The last input's files go with the process. */
static void remove_folder(void)
{
    remove_all();
    (void)rmdir(folder);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    require(mkdtemp(folder) != NULL);
    (void)snprintf(file, sizeof file, "%s/j.db", folder);
    return atexit(remove_folder);
}

static void check_rows(void)
{
    struct journal_error error;
    struct journal_reader *reader = journal_reader_open(file, &error);
    struct journal_row row;
    uint64_t before = 0;
    require(reader != NULL && journal_reader_seek(reader, 0));
    while (journal_reader_next(reader, &row) == JOURNAL_NEXT_ROW) {
        require(row.seq > before);
        before = row.seq;
    }
    journal_reader_close(reader);
}

static void write_file(const uint8_t *data, size_t size)
{
    FILE *stream = fopen(file, "we");
    require(stream != NULL);
    size_t written = fwrite(data, 1, size, stream);
    require(fclose(stream) == 0);
    require(written == size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct journal_error error;
    remove_all();
    write_file(data, size);
    struct journal *journal = journal_open(&factory, &error);
    if (journal == NULL) {
        return 0; /* a newer version's */
    }
    require(journal_is_open(journal));
    for (int step = 0; journal_is_salvaging(journal); step++) {
        struct journal_salvaged salvaged;
        require(step < STEPS_MAX);
        require(journal_salvage(journal, &salvaged) == JOURNAL_OK);
    }
    journal_close(journal);
    check_rows();
    return 0;
}
