/* Claim: the command line is sorted by its table; what the table does not know is one sentence
 * and exit code 64. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct command_line seen; /* what the command was run with */
static char seen_settings[2][64];
static int runs;

static int run(const struct command_line *line)
{
    seen = *line;
    for (size_t i = 0; i < line->overrides.settings_count && i < 2; i++) {
        (void)snprintf(seen_settings[i], sizeof seen_settings[i], "%s",
                       line->overrides.settings[i]);
    }
    runs++;
    return 7;
}

static const struct command_option run_options[] = {
    {"ready-file", "FILE", "is written when ready"},
    {"quick", NULL, "goes faster"},
    {NULL, NULL, NULL},
};

static const struct command commands[] = {
    {"run", "CONFIG [MACHINE]", 1, 2, true, "Runs it.", run_options, run},
    {"list", "", 0, 0, false, "Lists it all.", NULL, run},
    {NULL, NULL, 0, 0, false, NULL, NULL, NULL},
};

struct outcome {
    int code;
    char output[4096]; /* stdout and stderr */
};

/* Runs with both streams in a file. */
static struct outcome call(const char *const *words, size_t count)
{
    char *argv[16] = {NULL};
    char copies[16][64];
    for (size_t i = 0; i < count; i++) {
        (void)snprintf(copies[i], sizeof copies[i], "%s", words[i]);
        argv[i + 1] = copies[i];
    }
    char program[] = "formlab";
    argv[0] = program;
    FILE *file = tmpfile();
    assert_non_null(file);
    int old_out = dup(1);
    int old_err = dup(2);
    (void)fflush(NULL);
    assert_true(dup2(fileno(file), 1) == 1 && dup2(fileno(file), 2) == 2);
    runs = 0;
    struct outcome outcome = {.code = command_main("formlab", commands, (int)count + 1, argv)};
    (void)fflush(NULL);
    assert_true(dup2(old_out, 1) == 1 && dup2(old_err, 2) == 2);
    (void)close(old_out);
    (void)close(old_err);
    rewind(file);
    outcome.output[fread(outcome.output, 1, sizeof outcome.output - 1, file)] = '\0';
    (void)fclose(file);
    return outcome;
}

#define CALL(...)                                                                              \
    call((const char *const[]){__VA_ARGS__}, COUNT(((const char *const[]){__VA_ARGS__})))

static void options_stand_anywhere(void **state)
{
    (void)state;
    struct outcome outcome =
        CALL("run", "--set", "link a.port=5", "--ready-file", "/x", "c.conf", "--quick",
             "--port-offset=-100", "m", "--set=site.root=r");
    assert_int_equal(outcome.code, 7);
    assert_string_equal(outcome.output, "");
    assert_int_equal(seen.overrides.settings_count, 2);
    assert_string_equal(seen_settings[0], "link a.port=5");
    assert_string_equal(seen_settings[1], "site.root=r");
    assert_int_equal(seen.overrides.port_offset, -100);
    assert_int_equal(seen.arguments_count, 2);
    assert_int_equal(CALL("--port-offset", "5", "run", "c.conf").code, 7);
    assert_int_equal(seen.overrides.port_offset, 5);
    assert_int_equal(CALL("run", "--", "--quick").code, 7);
    assert_int_equal(seen.arguments_count, 1);
    assert_null(command_value(&commands[0], &seen, "quick"));
    assert_int_equal(CALL("run", "c", "--quick").code, 7);
    assert_string_equal(command_value(&commands[0], &seen, "quick"), "");
    assert_null(command_value(&commands[0], &seen, "ready-file"));
    assert_null(command_value(&commands[0], &seen, "unheard-of"));
}

static void wrong_lines_are_one_sentence(void **state)
{
    (void)state;
    static const struct {
        const char *words[4];
        size_t count;
        const char *expected;
    } cases[] = {
        {{"rnu", "c"}, 2, "no command \"rnu\"; did you mean \"run\"?"},
        {{"whatever"}, 1, "accepted: run list"},
        {{""}, 1, "no command \"\""},
        {{"run"}, 1, "run needs more; accepted: formlab run CONFIG"},
        {{"run", "a", "b", "c"}, 4, "\"c\" is one argument too many"},
        {{"run", "a", "--quik"}, 3, "did you mean --quick?"},
        {{"run", "a", "--prot-offset=1"}, 3, "did you mean --port-offset?"},
        {{"run", "a", "-q"}, 3, "\"-q\" is no option"},
        {{"run", "a", "--set"}, 3, "--set needs a value"},
        {{"run", "a", "--ready-file"}, 3, "--ready-file needs a value"},
        {{"run", "a", "--quick=1"}, 3, "--quick takes no value"},
        {{"run", "a", "--port-offset", "x"}, 4, "--port-offset \"x\" is no number"},
        {{"run", "a", "--port-offset", "65536"}, 4, "is no number"},
        {{"list", "--set", "a.b=c"}, 3, "list knows no option --set"},
        {{"--quick"}, 1, "which command?"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct outcome outcome = call(cases[i].words, cases[i].count);
        bool is_right = outcome.code == EXIT_USAGE && runs == 0 &&
                        strstr(outcome.output, cases[i].expected) != NULL &&
                        strchr(outcome.output, '\n') == strrchr(outcome.output, '\n');
        if (!is_right) {
            print_error("code %d, expected: %s\n%s", outcome.code, cases[i].expected,
                        outcome.output);
        }
        assert_true(is_right);
    }
    assert_int_equal(call(NULL, 0).code, EXIT_USAGE);
}

static void help_is_printed_from_the_table(void **state)
{
    (void)state;
    struct outcome outcome = CALL("--help");
    assert_int_equal(outcome.code, EXIT_DONE);
    assert_non_null(strstr(outcome.output, "run CONFIG [MACHINE]"));
    assert_non_null(strstr(outcome.output, "Lists it all."));
    outcome = CALL("run", "--help");
    assert_int_equal(outcome.code, EXIT_DONE);
    assert_non_null(strstr(outcome.output, "--ready-file FILE"));
    assert_non_null(strstr(outcome.output, "--set SECTION.KEY=VALUE"));
    outcome = CALL("list", "--help");
    assert_null(strstr(outcome.output, "--set"));
    outcome = CALL("--version");
    assert_int_equal(outcome.code, EXIT_DONE);
    assert_string_equal(outcome.output, "formlab " FORMLAB_VERSION "\n");
    assert_int_equal(runs, 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_stand_anywhere),
        cmocka_unit_test(wrong_lines_are_one_sentence),
        cmocka_unit_test(help_is_printed_from_the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
