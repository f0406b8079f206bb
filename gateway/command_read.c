#include "gateway/command.h"
#include "gateway/inspect.h"

int command_read(const struct command_line *line)
{
    struct factory *factory = command_load_factory(line);
    if (factory == NULL) {
        return EXIT_CONFIGURATION;
    }
    size_t machine;
    struct inspect_totals totals = {0};
    int code = EXIT_USAGE;
    if (inspect_find(factory, line->arguments[1], &machine)) {
        code = inspect_machine(factory, machine, &totals, stdout) ? EXIT_DONE : EXIT_FAILED;
    }
    factory_destroy(factory);
    return code;
}
