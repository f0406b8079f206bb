/* Claim: one line of an INI file is a section, a setting, nothing, or told to be wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/ini.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void assert_part(struct ini_part part, const char *expected)
{
    assert_int_equal(part.length, strlen(expected));
    if (part.length > 0) {
        assert_memory_equal(part.text, expected, part.length);
    }
}

static void lines_are_understood(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        enum ini_kind kind;
        const char *key;
        const char *value;
    } cases[] = {
        {"", INI_EMPTY, "", ""},
        {" \t\r", INI_EMPTY, "", ""},
        {"# a = b", INI_EMPTY, "", ""},
        {"\t# [x]", INI_EMPTY, "", ""},
        {"[site]", INI_SECTION, "site", ""},
        {"  [ link  m3_mill ]  # x\r", INI_SECTION, "link", "m3_mill"},
        {"[link a b]", INI_SECTION, "link", "a b"},
        {"port=502", INI_SETTING, "port", "502"},
        {" timeout =  1 s # first", INI_SETTING, "timeout", "1 s"},
        {"title = a#b", INI_SETTING, "title", "a#b"},
        {"title = #b", INI_SETTING, "title", ""},
        {"url = mqtt://h?x=y", INI_SETTING, "url", "mqtt://h?x=y"},
        {"title =", INI_SETTING, "title", ""},
        {"title = \xC3\xA9t\xC3\xA9", INI_SETTING, "title", "\xC3\xA9t\xC3\xA9"},
        {"[site", INI_WRONG, "", ""},
        {"[", INI_WRONG, "", ""},
        {"[]", INI_WRONG, "", ""},
        {"[ ]", INI_WRONG, "", ""},
        {"[site] x", INI_WRONG, "", ""},
        {"port", INI_WRONG, "", ""},
        {"= 5", INI_WRONG, "", ""},
        {"=", INI_WRONG, "", ""},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct ini_line line = ini_parse(cases[i].line, strlen(cases[i].line));
        if (line.kind != cases[i].kind) {
            print_error("\"%s\" is of kind %d\n", cases[i].line, (int)line.kind);
        }
        assert_int_equal(line.kind, cases[i].kind);
        assert_int_equal(line.error != NULL, line.kind == INI_WRONG);
        assert_part(line.key, cases[i].key);
        assert_part(line.value, cases[i].value);
    }
}

static void nothing_is_read_beyond_the_length(void **state)
{
    (void)state;
    struct ini_line line = ini_parse("port = 502", 8);
    assert_part(line.value, "5");
    assert_int_equal(ini_parse("[site]", 5).kind, INI_WRONG);
    assert_int_equal(ini_parse("x", 0).kind, INI_EMPTY);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_understood),
        cmocka_unit_test(nothing_is_read_beyond_the_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
