/* A factory made from text, for tests of what needs one: the maps lie in a folder of the test's
 * own. Include it once in a test; everything is static. */
#ifndef TESTS_UNIT_FACTORY_FIXTURE_H
#define TESTS_UNIT_FACTORY_FIXTURE_H

#include "config/factory.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char fixture_folder[64];

static void fixture_write(const char *name, const char *text)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/%s", fixture_folder, name);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* The map becomes map.csv beside the factory file. */
static struct factory *fixture_load(const char *factory_text, const char *map_text)
{
    (void)snprintf(fixture_folder, sizeof fixture_folder, "/tmp/formlab-test-XXXXXX");
    assert_non_null(mkdtemp(fixture_folder));
    fixture_write("factory.conf", factory_text);
    fixture_write("map.csv", map_text);
    char path[128];
    (void)snprintf(path, sizeof path, "%s/factory.conf", fixture_folder);
    struct problems *problems = problems_create();
    static const struct factory_overrides none;
    struct factory *factory = factory_load(path, &none, problems);
    problems_print(problems, stderr);
    problems_destroy(problems);
    assert_non_null(factory);
    return factory;
}

static void fixture_unload(struct factory *factory)
{
    static const char *const names[] = {"factory.conf", "map.csv"};
    factory_destroy(factory);
    for (size_t at = 0; at < sizeof names / sizeof *names; at++) {
        char path[128];
        (void)snprintf(path, sizeof path, "%s/%s", fixture_folder, names[at]);
        (void)unlink(path);
    }
    (void)rmdir(fixture_folder);
}

#endif
