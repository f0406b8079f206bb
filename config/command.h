/* The command line of both programs: one table of commands, from which --help is printed.
 *
 *     PROGRAM COMMAND ARGUMENTS… [--option VALUE]…        options may stand anywhere
 *
 * Single-threaded; used by main() only. */
#ifndef CONFIG_COMMAND_H
#define CONFIG_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "config/factory.h"

/* Exit codes, of every command; README, "Commands". */
enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 64, EXIT_CONFIGURATION = 78 };

enum { COMMAND_OPTIONS_MAX = 12, COMMAND_ARGUMENTS_MAX = 8 };

/* One option of a command. --set and --port-offset exist for every command that takes a factory
 * file, --help and --version everywhere. */
struct command_option {
    const char *name;       /* without the dashes; NULL ends the table */
    const char *value_name; /* "FILE"; NULL: a flag without value */
    const char *help;
};

/* What was typed, sorted. Strings are argv's. */
struct command_line {
    const char *arguments[COMMAND_ARGUMENTS_MAX]; /* after the command's name */
    size_t arguments_count;
    const char *values[COMMAND_OPTIONS_MAX]; /* by the option's index; NULL: not given; a flag
                                                that was given is "" */
    struct factory_overrides overrides;
};

struct command {
    const char *name;      /* NULL ends the table */
    const char *arguments; /* "CONFIG MACHINE", for --help */
    size_t arguments_min;
    size_t arguments_max;
    bool takes_factory; /* its first argument is the factory file: --set, --port-offset */
    const char *help;   /* one sentence */
    const struct command_option *options;        /* NULL: none of its own */
    int (*run)(const struct command_line *line); /* returns the exit code */
};

/* Finds and runs the command; usage errors are one sentence on stderr (with "did you mean") and
 * EXIT_USAGE. --help (of the program or one command) and --version go to stdout, EXIT_DONE. */
int command_main(const char *program, const struct command *commands, int argc, char **argv);

/* The value of the option of that name, NULL when it was not given. */
const char *command_value(const struct command *command, const struct command_line *line,
                          const char *option);

/* Loads the factory named by the first argument; on problems prints them to stderr and returns
 * NULL (the caller then returns EXIT_CONFIGURATION). */
struct factory *command_load_factory(const struct command_line *line);

#define FORMLAB_VERSION "0.1.0"

#endif
