/* The factory file that a bench program is told; everything is static. */
#ifndef TESTS_BENCH_FACTORY_H
#define TESTS_BENCH_FACTORY_H

#include "config/factory.h"
#include "tests/bench/meter.h"

static struct factory *bench_factory(const char *path)
{
    static const struct factory_overrides none;
    struct problems *problems = problems_create();
    struct factory *factory = factory_load(path, &none, problems);
    problems_print(problems, stderr);
    problems_destroy(problems);
    if (factory == NULL) {
        meter_fail("%s cannot be used", path);
    }
    return factory;
}

#endif
