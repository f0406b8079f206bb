#include <stdbool.h>
#include <stdio.h>

#include "gateway/command.h"
#include "gateway/inspect.h"

enum { OPTION_KEYS, OPTION_LIVE };

const struct command_option command_check_options[] = {
    [OPTION_KEYS] = {"keys", NULL, "print the table of all keys of the factory file"},
    [OPTION_LIVE] = {"live", NULL, "read every tag once from the real devices"},
    {.name = NULL},
};

/* What several machines cost the line that they share. */
static void tell_load(const struct link *link, double load)
{
    if (link->machines_count > 1) {
        (void)printf("link %s: its %zu machines take %.0f %% of its time\n", link->name,
                     link->machines_count, 100 * load);
    }
    if (load > 1) {
        (void)printf("warning: link %s cannot hold the pace: ask less often, or for less\n",
                     link->name);
    }
}

/* Link by link, since machines that share one share its time. `totals`: with --live. */
static int check_link(const struct factory *factory, const struct link *link,
                      struct inspect_totals *totals)
{
    int code = EXIT_DONE;
    double load = 0;
    for (size_t at = 0; at < link->machines_count; at++) {
        if (!inspect_plan(factory, link->machines[at], totals, &load, stdout)) {
            code = EXIT_CONFIGURATION;
        }
    }
    tell_load(link, load);
    return code;
}

static int check_all(const struct factory *factory, bool is_live)
{
    int code = EXIT_DONE;
    struct inspect_totals totals = {0};
    for (size_t at = 0; at < factory->links_count; at++) {
        int found = check_link(factory, &factory->links[at], is_live ? &totals : NULL);
        code = found == EXIT_DONE ? code : found;
    }
    if (code == EXIT_DONE) {
        (void)printf("%s: %zu links, %zu machines, %zu maps: no error\n", factory->path,
                     factory->links_count, factory->machines_count, factory->maps_count);
    }
    if (is_live) {
        inspect_print_totals(&totals, stdout);
        (void)printf("; %zu of %zu machines did not answer\n", totals.silent,
                     factory->machines_count);
    }
    bool is_sound = totals.bad == 0 && totals.silent == 0;
    return code == EXIT_DONE && !is_sound ? EXIT_FAILED : code;
}

int command_check(const struct command_line *line)
{
    if (line->values[OPTION_KEYS] != NULL) {
        factory_print_keys(stdout);
        return EXIT_DONE;
    }
    if (line->arguments_count == 0) {
        (void)fprintf(stderr, "formlab-gateway check: which CONFIG? (or --keys)\n");
        return EXIT_USAGE;
    }
    struct factory *factory = command_load_factory(line);
    if (factory == NULL) {
        return EXIT_CONFIGURATION;
    }
    int code = check_all(factory, line->values[OPTION_LIVE] != NULL);
    factory_destroy(factory);
    return code;
}
