/* Claim: no bytes in a factory file make the loader crash, leak or accept what it complained
 * of.
 *
 * The file is named below a folder that does not exist, so that it finds no include and no map.
 * What stands behind a line `--set` is given to the command line. */
#include "config/factory.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* The name is libFuzzer's. NOLINTNEXTLINE(readability-identifier-naming) */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char mark[] = "\n--set\n";
    const char *text = (const char *)data;
    const char *found = size == 0 ? NULL : memmem(text, size, mark, sizeof mark - 1);
    size_t length = found == NULL ? size : (size_t)(found - text);
    size_t set_length = found == NULL ? 0 : size - length - (sizeof mark - 1);
    char *setting = calloc(set_length + 1, 1);
    if (setting == NULL) {
        abort();
    }
    if (found != NULL) {
        memcpy(setting, found + sizeof mark - 1, set_length);
    }
    const char *const settings[] = {setting};
    struct factory_overrides overrides = {.settings = settings,
                                          .settings_count = found == NULL ? 0 : 1,
                                          .port_offset = (long)size};
    struct problems *problems = problems_create();
    struct factory *factory =
        factory_parse("/nonexistent/formlab.conf", text, length, &overrides, problems);
    if ((factory == NULL) != (problems_count(problems) > 0)) {
        abort();
    }
    factory_destroy(factory);
    FILE *sink = fopen("/dev/null", "we");
    if (sink != NULL) {
        problems_print(problems, sink);
        (void)fclose(sink);
    }
    problems_destroy(problems);
    free(setting);
    return 0;
}
