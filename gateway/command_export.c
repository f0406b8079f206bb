#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/names.h"
#include "gateway/clock.h"
#include "gateway/command.h"
#include "gateway/export.h"
#include "gateway/journal_reader.h"

enum {
    PAGE_ROWS = 1000, /* read in one transaction, which ends before they are written out */
    PAGE_BYTES = 256 * 1024,
    PROGRESS_US = 1000000,
    PROGRESS_AFTER_US = 2000000,
    UNEXPLAINED_SHOWN = 20,
};

enum option {
    OPTION_MACHINE,
    OPTION_TAG,
    OPTION_FROM,
    OPTION_TO,
    OPTION_FORMAT,
    OPTION_VERIFY
};

const struct command_option command_export_options[] = {
    [OPTION_MACHINE] = {"machine", "MACHINE", "only samples of this machine"},
    [OPTION_TAG] = {"tag", "TAG", "only this tag"},
    [OPTION_FROM] = {"from", "TIME",
                     "from this time on, UTC: 2026-11-23T16:20, or \"15 min\" before now"},
    [OPTION_TO] = {"to", "TIME", "before this time"},
    [OPTION_FORMAT] = {"format", "FORMAT",
                       "csv: seq,run,time,machine,tag,value,quality,reason; csv-fr: with"
                       " semicolons and decimal commas; jsonl: samples as published"},
    [OPTION_VERIFY] = {"verify", NULL,
                       "checks every sample and the numbers instead; 1 on an unexplained gap"},
    {.name = NULL},
};

/* What was asked for, and how far it has come. */
struct task {
    const struct factory *factory;
    struct journal_selection selection;
    const char *tag;
    const struct export_format *format;
    struct journal_reader *reader;
    FILE *page; /* lines of one page; its bytes are `text` */
    char *text;
    size_t text_length;
    uint64_t samples;
    uint64_t lines;
    uint64_t damaged;
    uint64_t last_seq;
    int64_t progress_due_us;
    bool is_begun; /* the header is written */
};

/* ---- what was typed ---- */

static bool parse_time(const struct command_line *line, enum option option, int64_t *time_us)
{
    const char *text = line->values[option];
    if (text == NULL || clock_parse(text, clock_wall_us(), time_us)) {
        return true;
    }
    (void)fprintf(stderr,
                  "export: --%s: \"%s\" is not a time; accepted are 2026-11-23,"
                  " 2026-11-23T16:20, 2026-11-23T16:20:00Z, or \"15 min\" before now\n",
                  command_export_options[option].name, text);
    return false;
}

static bool is_usage_right(const struct command_line *line)
{
    for (enum option option = OPTION_MACHINE; option < OPTION_VERIFY; option++) {
        if (line->values[OPTION_VERIFY] != NULL && line->values[option] != NULL) {
            (void)fprintf(stderr,
                          "export: --verify checks the whole journal: it goes without"
                          " --%s\n",
                          command_export_options[option].name);
            return false;
        }
    }
    return true;
}

static bool read_line(const struct command_line *line, struct task *task)
{
    const char *format = line->values[OPTION_FORMAT];
    task->selection.machine = line->values[OPTION_MACHINE];
    task->tag = line->values[OPTION_TAG];
    task->format = export_find(format != NULL ? format : "csv");
    if (task->format == NULL) {
        (void)fprintf(stderr,
                      "export: --format: \"%s\" is unknown; accepted are csv, csv-fr,"
                      " jsonl\n",
                      format);
        return false;
    }
    if (!is_usage_right(line) || !parse_time(line, OPTION_FROM, &task->selection.from_us) ||
        !parse_time(line, OPTION_TO, &task->selection.to_us)) {
        return false;
    }
    bool is_empty =
        task->selection.to_us != 0 && task->selection.to_us <= task->selection.from_us;
    if (is_empty) {
        (void)fputs("export: --to is not after --from\n", stderr);
    }
    return !is_empty;
}

/* ---- unknown names ---- */

static void add_tags(struct names *names, const struct machine *machine)
{
    for (size_t at = 0; at < machine->map->tags_count; at++) {
        (void)names_add(names, machine->map->tags[at].name, 0);
    }
}

/* Machines, or the tags of the machine asked for, or of all. */
static struct names *collect_names(const struct task *task, bool is_tags)
{
    struct names *names = names_create();
    for (size_t at = 0; at < task->factory->machines_count; at++) {
        const struct machine *machine = &task->factory->machines[at];
        const char *asked = task->selection.machine;
        if (!is_tags) {
            (void)names_add(names, machine->name, 0);
        } else if (asked == NULL || strcmp(asked, machine->name) == 0) {
            add_tags(names, machine);
        }
    }
    return names;
}

/* Whether the configuration knows the name; if not, says so. The journal is asked before: it
 * may well hold what has left the configuration since. */
static bool is_configured(const struct task *task, bool is_tag, const char *name)
{
    struct names *names = collect_names(task, is_tag);
    bool is_known = names_find(names, name) != NAMES_NONE;
    const char *nearest = names_nearest(names, name);
    if (!is_known) {
        (void)fprintf(stderr, "export: %s \"%s\" is neither in %s nor in the journal%s%s%s\n",
                      is_tag ? "tag" : "machine", name, task->factory->path,
                      nearest != NULL ? "; did you mean \"" : "",
                      nearest != NULL ? nearest : "", nearest != NULL ? "\"?" : "");
    }
    names_destroy(names);
    return is_known;
}

static void list_machines(const struct factory *factory)
{
    (void)fputs("machines:", stderr);
    for (size_t at = 0; at < factory->machines_count; at++) {
        (void)fprintf(stderr, " %s", factory->machines[at].name);
    }
    (void)fputc('\n', stderr);
}

/* ---- exporting ---- */

static void show_progress(struct task *task)
{
    int64_t now_us = clock_monotonic_us();
    if (now_us >= task->progress_due_us && isatty(STDERR_FILENO) && !isatty(STDOUT_FILENO)) {
        (void)fprintf(stderr, "\r%" PRIu64 " samples", task->samples);
        task->progress_due_us = now_us + PROGRESS_US;
    }
}

static void write_row(struct task *task, const struct journal_row *row)
{
    task->last_seq = row->seq;
    if (row->is_damaged) {
        task->damaged++;
        return;
    }
    task->samples++;
    task->lines += export_row(task->format, row, task->tag, task->page);
}

static void begin_output(struct task *task)
{
    if (!task->is_begun) {
        export_header(task->format, stdout);
        task->is_begun = true;
    }
}

/* Reads one page and writes it out; `is_end` when nothing follows. No transaction is open while
 * the one who reads our output takes his time. */
static bool export_page(struct task *task, bool *is_end)
{
    struct journal_row row;
    unsigned rows = 0;
    (void)fseeko(task->page, 0, SEEK_SET);
    *is_end = !journal_reader_seek(task->reader, task->last_seq);
    while (!*is_end && rows < PAGE_ROWS && ftello(task->page) < PAGE_BYTES) {
        *is_end = journal_reader_next(task->reader, &row) != JOURNAL_NEXT_ROW;
        if (!*is_end) {
            write_row(task, &row);
        }
        rows++;
    }
    journal_reader_reset(task->reader);
    size_t length = (size_t)ftello(task->page);
    if (task->lines > 0) {
        begin_output(task);
    }
    if (fflush(task->page) != 0 || fwrite(task->text, 1, length, stdout) != length) {
        (void)fputs("export: the output cannot be written\n", stderr);
        return false;
    }
    show_progress(task);
    if (journal_reader_message(task->reader)[0] != '\0') {
        (void)fprintf(stderr, "export: after seq %" PRIu64 ": %s\n", task->last_seq,
                      journal_reader_message(task->reader));
        return false;
    }
    return true;
}

static int export_all(struct task *task)
{
    const char *machine = task->selection.machine;
    bool is_journaled = journal_reader_select(task->reader, &task->selection);
    if (!is_journaled && !is_configured(task, false, machine)) {
        list_machines(task->factory);
        return EXIT_USAGE;
    }
    task->progress_due_us = clock_monotonic_us() + PROGRESS_AFTER_US;
    bool is_end = false;
    bool is_right = true;
    while (is_right && !is_end) {
        is_right = export_page(task, &is_end);
    }
    if (task->damaged > 0) {
        (void)fprintf(stderr, "export: %" PRIu64 " damaged samples were left out\n",
                      task->damaged);
        is_right = false;
    }
    /* Only now is it known that the journal does not know the tag either. */
    if (task->lines == 0 && task->tag != NULL && !is_configured(task, true, task->tag)) {
        return EXIT_USAGE;
    }
    begin_output(task);
    return fflush(stdout) == 0 && is_right ? EXIT_DONE : EXIT_FAILED;
}

/* ---- verifying ---- */

struct verdict {
    uint64_t first_seq;
    uint64_t explained;         /* gaps */
    uint64_t explained_samples; /* numbers within them */
    uint64_t unexplained;
    uint64_t last_seq; /* ever given, when it began */
};

/* Whether the gaps of the journal together cover all numbers of the range. */
static bool is_explained(struct journal_reader *reader, uint64_t from, uint64_t to)
{
    struct journal_gap gap;
    for (size_t at = 0; from <= to && journal_reader_gap(reader, at, &gap); at++) {
        if (gap.from <= from && gap.to >= from) {
            from = gap.to + 1;
        }
    }
    return from > to;
}

static void judge_gap(struct task *task, struct verdict *verdict, uint64_t from, uint64_t to)
{
    if (is_explained(task->reader, from, to)) {
        verdict->explained++;
        verdict->explained_samples += to - from + 1;
        return;
    }
    if (verdict->unexplained < UNEXPLAINED_SHOWN) {
        (void)fprintf(stderr,
                      "export: seq %" PRIu64 " to %" PRIu64 " is missing, unexplained\n", from,
                      to);
    }
    verdict->unexplained++;
}

static void judge_row(struct task *task, struct verdict *verdict, const struct journal_row *row,
                      bool is_page_start)
{
    if (is_page_start && row->seq == task->last_seq) {
        return; /* the last row of the page before is still there */
    }
    if (task->samples + task->damaged == 0) {
        verdict->first_seq = row->seq;
    } else if (row->seq > task->last_seq + 1 && !is_page_start) {
        judge_gap(task, verdict, task->last_seq + 1, row->seq - 1);
    } /* else retention has overtaken us: the journal begins here now */
    task->last_seq = row->seq;
    task->samples += row->is_damaged ? 0 : 1;
    task->damaged += row->is_damaged ? 1 : 0;
}

/* Each page begins with the last row of the one before, to see both ends of a gap at once. */
static bool verify_page(struct task *task, struct verdict *verdict)
{
    uint64_t before = task->last_seq;
    struct journal_row row;
    unsigned rows = 0;
    bool is_open = journal_reader_seek(task->reader, before == 0 ? 0 : before - 1);
    while (is_open && rows < PAGE_ROWS &&
           journal_reader_next(task->reader, &row) == JOURNAL_NEXT_ROW) {
        judge_row(task, verdict, &row, rows == 0);
        rows++;
    }
    journal_reader_reset(task->reader);
    show_progress(task);
    return task->last_seq != before;
}

/* What is not there before the first row went for its age or for the room once it was sent, or
 * is announced: both are told, neither is a hole. Behind the last row nothing may be missing.
 */
static void judge_ends(struct task *task, struct verdict *verdict)
{
    struct journal_gap gap;
    for (size_t at = 0; journal_reader_gap(task->reader, at, &gap); at++) {
        if (gap.to < verdict->first_seq || gap.from > task->last_seq) {
            (void)printf("gap: seq %" PRIu64 " to %" PRIu64 ", %" PRIu64 " samples %s\n",
                         gap.from, gap.to, gap.count, gap.reason);
        }
    }
    journal_reader_reset(task->reader);
    bool is_whole = journal_reader_message(task->reader)[0] == '\0';
    uint64_t rows = task->samples + task->damaged;
    if (is_whole && rows > 0 && verdict->last_seq > task->last_seq) {
        judge_gap(task, verdict, task->last_seq + 1, verdict->last_seq);
    }
}

static int verify_all(struct task *task)
{
    struct verdict verdict = {0};
    task->progress_due_us = clock_monotonic_us() + PROGRESS_AFTER_US;
    verdict.last_seq = journal_reader_last_seq(task->reader);
    while (verify_page(task, &verdict)) {
    }
    judge_ends(task, &verdict);
    const char *message = journal_reader_message(task->reader);
    if (message[0] != '\0') {
        (void)fprintf(stderr, "export: after seq %" PRIu64 ": %s\n", task->last_seq, message);
    }
    (void)printf("%" PRIu64 " samples, seq %" PRIu64 " to %" PRIu64 "; %" PRIu64
                 " gaps explained (%" PRIu64 " numbers), %" PRIu64 " unexplained; %" PRIu64
                 " damaged\n",
                 task->samples, verdict.first_seq, task->last_seq, verdict.explained,
                 verdict.explained_samples, verdict.unexplained, task->damaged);
    bool is_right = verdict.unexplained == 0 && task->damaged == 0 && message[0] == '\0';
    return is_right ? EXIT_DONE : EXIT_FAILED;
}

/* ---- the command ---- */

static int run_task(const struct command_line *line, struct task *task)
{
    struct journal_error error;
    task->reader = journal_reader_open(task->factory->journal.file, &error);
    task->page = open_memstream(&task->text, &task->text_length);
    int code = EXIT_FAILED;
    if (task->reader == NULL) {
        (void)fprintf(stderr, "export: %s\n", error.text);
    } else if (task->page == NULL) {
        (void)fputs("export: memory is exhausted\n", stderr);
    } else {
        code = line->values[OPTION_VERIFY] != NULL ? verify_all(task) : export_all(task);
    }
    if (task->page != NULL) {
        (void)fclose(task->page);
    }
    free(task->text);
    journal_reader_close(task->reader);
    return code;
}

int command_export(const struct command_line *line)
{
    struct factory *factory = command_load_factory(line);
    if (factory == NULL) {
        return EXIT_CONFIGURATION;
    }
    struct task task = {.factory = factory};
    int code = read_line(line, &task) ? run_task(line, &task) : EXIT_USAGE;
    factory_destroy(factory);
    return code;
}
