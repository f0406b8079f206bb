#include "config/command.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/memory.h"
#include "config/text.h"
#include "config/units.h"

static const struct command_option no_options[] = {{NULL, NULL, NULL}};

static const struct command_option factory_options[] = {
    {"set", "SECTION.KEY=VALUE", "overrides a key of the file; may stand several times"},
    {"port-offset", "N", "is added to every link's port"},
    {NULL, NULL, NULL},
};

static const struct command_option common_options[] = {
    {"help", NULL, "this text"},
    {"version", NULL, "the version"},
    {NULL, NULL, NULL},
};

/* A command line while it is read. */
struct reader {
    const char *program;
    const struct command *command;
    struct command_line line;
    const char **settings;
    int argc;
    char **argv;
    int next;
};

static const struct command_option *options_of(const struct command *command)
{
    return command->options == NULL ? no_options : command->options;
}

static int find_option(const struct command_option *options, const char *name, size_t length)
{
    for (int i = 0; options[i].name != NULL; i++) {
        if (strlen(options[i].name) == length && memcmp(options[i].name, name, length) == 0) {
            return i;
        }
    }
    return -1;
}

__attribute__((format(printf, 2, 3))) static bool fail(const struct reader *reader,
                                                       const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)fprintf(stderr, "%s: ", reader->program);
    (void)vfprintf(stderr, format, arguments);
    (void)fputc('\n', stderr);
    va_end(arguments);
    return false;
}

static void try_options(struct nearest *nearest, const struct command_option *options)
{
    for (const struct command_option *option = options; option->name != NULL; option++) {
        text_nearest_try(nearest, option->name);
    }
}

static bool fail_unknown_option(const struct reader *reader, const char *name, size_t length)
{
    char *typed = strndup(name, length);
    if (typed == NULL) {
        return false;
    }
    struct nearest nearest;
    text_nearest_start(&nearest, typed);
    try_options(&nearest, options_of(reader->command));
    try_options(&nearest, reader->command->takes_factory ? factory_options : no_options);
    try_options(&nearest, common_options);
    const char *meant = text_nearest_found(&nearest);
    (void)fail(reader, "%s knows no option --%s; %s%s%s accepted: see `%s %s --help`",
               reader->command->name, typed, meant == NULL ? "" : "did you mean --",
               meant == NULL ? "" : meant, meant == NULL ? "" : "?", reader->program,
               reader->command->name);
    free(typed);
    return false;
}

/* The value behind `=`, else the next argument; NULL when there is none. */
static const char *take_value(struct reader *reader, const char *equals)
{
    if (equals != NULL) {
        return equals + 1;
    }
    return reader->next < reader->argc ? reader->argv[reader->next++] : NULL;
}

static bool read_own_option(struct reader *reader, int index, const char *equals)
{
    const struct command_option *option = &options_of(reader->command)[index];
    if (option->value_name == NULL) {
        reader->line.values[index] = "";
        return equals == NULL || fail(reader, "--%s takes no value", option->name);
    }
    const char *value = take_value(reader, equals);
    if (value == NULL) {
        return fail(reader, "--%s needs a value; accepted: --%s %s", option->name, option->name,
                    option->value_name);
    }
    if (reader->line.values[index] != NULL) {
        return fail(reader, "--%s is given twice", option->name);
    }
    reader->line.values[index] = value;
    return true;
}

static bool read_factory_option(struct reader *reader, int index, const char *equals)
{
    struct factory_overrides *overrides = &reader->line.overrides;
    const struct command_option *option = &factory_options[index];
    const char *value = take_value(reader, equals);
    if (value == NULL) {
        return fail(reader, "--%s needs a value; accepted: --%s %s", option->name, option->name,
                    option->value_name);
    }
    if (strcmp(option->name, "set") == 0) {
        reader->settings[overrides->settings_count++] = value;
        return true;
    }
    int64_t offset = 0;
    if (!units_parse_signed(value, &offset) || offset < -UINT16_MAX || offset > UINT16_MAX) {
        return fail(reader, "--port-offset \"%s\" is no number; accepted: -65535 to 65535",
                    value);
    }
    overrides->port_offset = (long)offset;
    return true;
}

static bool read_option(struct reader *reader, const char *text)
{
    if (text[1] != '-') {
        return fail(reader,
                    "\"%s\" is no option; accepted: options with two dashes, see `%s %s "
                    "--help`",
                    text, reader->program, reader->command->name);
    }
    const char *name = text + 2;
    const char *equals = strchr(name, '=');
    size_t length = equals == NULL ? strlen(name) : (size_t)(equals - name);
    int index = find_option(options_of(reader->command), name, length);
    if (index >= 0) {
        return read_own_option(reader, index, equals);
    }
    index = reader->command->takes_factory ? find_option(factory_options, name, length) : -1;
    if (index >= 0) {
        return read_factory_option(reader, index, equals);
    }
    return fail_unknown_option(reader, name, length);
}

static bool read_argument(struct reader *reader, const char *text)
{
    struct command_line *line = &reader->line;
    const struct command *command = reader->command;
    if (line->arguments_count == command->arguments_max ||
        line->arguments_count == COMMAND_ARGUMENTS_MAX) {
        return fail(reader, "\"%s\" is one argument too many; accepted: %s %s", text,
                    command->name, command->arguments);
    }
    line->arguments[line->arguments_count++] = text;
    return true;
}

static bool read_line(struct reader *reader)
{
    bool are_options_over = false;
    while (reader->next < reader->argc) {
        const char *text = reader->argv[reader->next++];
        if (!are_options_over && strcmp(text, "--") == 0) {
            are_options_over = true;
            continue;
        }
        bool is_option = !are_options_over && text[0] == '-' && text[1] != '\0';
        if (!(is_option ? read_option(reader, text) : read_argument(reader, text))) {
            return false;
        }
    }
    const struct command *command = reader->command;
    return reader->line.arguments_count >= command->arguments_min ||
           fail(reader, "%s needs more; accepted: %s %s %s", command->name, reader->program,
                command->name, command->arguments);
}

static void print_options(const char *title, const struct command_option *options)
{
    if (options->name == NULL) {
        return;
    }
    (void)printf("\n%s\n", title);
    for (const struct command_option *option = options; option->name != NULL; option++) {
        char text[64];
        (void)snprintf(text, sizeof text, "--%s%s%s", option->name,
                       option->value_name == NULL ? "" : " ",
                       option->value_name == NULL ? "" : option->value_name);
        (void)printf("  %-26s %s\n", text, option->help);
    }
}

static void print_command_help(const char *program, const struct command *command)
{
    (void)printf("%s %s %s\n%s\n", program, command->name, command->arguments, command->help);
    print_options("Options:", options_of(command));
    if (command->takes_factory) {
        print_options("With the factory file:", factory_options);
    }
    print_options("Always:", common_options);
}

static void print_help(const char *program, const struct command *commands)
{
    (void)printf("%s COMMAND ARGUMENTS… [--option VALUE]…\n\nCommands:\n", program);
    for (const struct command *command = commands; command->name != NULL; command++) {
        char text[64];
        (void)snprintf(text, sizeof text, "%s %s", command->name, command->arguments);
        (void)printf("  %-34s %s\n", text, command->help);
    }
    print_options("With a factory file:", factory_options);
    print_options("Always:", common_options);
    (void)printf("\n`%s COMMAND --help` tells the options of one command.\n", program);
}

static const struct command *find_command(const struct command *commands, const char *name)
{
    for (const struct command *command = commands; command->name != NULL; command++) {
        if (strcmp(command->name, name) == 0) {
            return command;
        }
    }
    return NULL;
}

static void fail_unknown_command(const char *program, const struct command *commands,
                                 const char *name)
{
    struct nearest nearest;
    text_nearest_start(&nearest, name);
    (void)fprintf(stderr, "%s: there is no command \"%s\";", program, name);
    for (const struct command *command = commands; command->name != NULL; command++) {
        text_nearest_try(&nearest, command->name);
    }
    if (text_nearest_found(&nearest) != NULL) {
        (void)fprintf(stderr, " did you mean \"%s\"?", text_nearest_found(&nearest));
    }
    (void)fputs(" accepted:", stderr);
    for (const struct command *command = commands; command->name != NULL; command++) {
        (void)fprintf(stderr, " %s", command->name);
    }
    (void)fputc('\n', stderr);
}

/* Whether a common option stands before `--`: it then goes before everything else. */
static bool is_asked(int argc, char **argv, const char *option)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], option) == 0) {
            return true;
        }
    }
    return false;
}

static int run(struct reader *reader)
{
    reader->settings = memory_allocate((size_t)reader->argc, sizeof *reader->settings);
    reader->line.overrides.settings = reader->settings;
    int code = read_line(reader) ? reader->command->run(&reader->line) : EXIT_USAGE;
    free(reader->settings);
    return code;
}

/* The command's name comes first, or behind options and their values. */
static int find_name(const struct command *commands, int argc, char **argv)
{
    if (argc > 1 && argv[1][0] != '-') {
        return 1;
    }
    for (int i = 2; i < argc; i++) {
        if (find_command(commands, argv[i]) != NULL) {
            return i;
        }
    }
    return 0;
}

static void move_to_front(char **argv, int place)
{
    char *name = argv[place];
    memmove(&argv[2], &argv[1], (size_t)(place - 1) * sizeof argv[0]);
    argv[1] = name;
}

int command_main(const char *program, const struct command *commands, int argc, char **argv)
{
    if (is_asked(argc, argv, "--version")) {
        (void)printf("%s %s\n", program, FORMLAB_VERSION);
        return EXIT_DONE;
    }
    int place = find_name(commands, argc, argv);
    const struct command *command = place == 0 ? NULL : find_command(commands, argv[place]);
    if (is_asked(argc, argv, "--help")) {
        if (command == NULL) {
            print_help(program, commands);
        } else {
            print_command_help(program, command);
        }
        return EXIT_DONE;
    }
    if (place == 0) {
        (void)fprintf(stderr, "%s: which command? `%s --help` lists them\n", program, program);
        return EXIT_USAGE;
    }
    if (command == NULL) {
        fail_unknown_command(program, commands, argv[place]);
        return EXIT_USAGE;
    }
    move_to_front(argv, place);
    struct reader reader = {
        .program = program, .command = command, .argc = argc, .argv = argv, .next = 2};
    return run(&reader);
}

const char *command_value(const struct command *command, const struct command_line *line,
                          const char *option)
{
    int index = find_option(options_of(command), option, strlen(option));
    return index < 0 ? NULL : line->values[index];
}

struct factory *command_load_factory(const struct command_line *line)
{
    struct problems *problems = problems_create();
    struct factory *factory = factory_load(line->arguments[0], &line->overrides, problems);
    problems_print(problems, stderr);
    problems_destroy(problems);
    return factory;
}
