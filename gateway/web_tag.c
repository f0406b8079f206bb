#include "gateway/web_tag.h"

#include <string.h>

const struct machine *web_tag_find_machine(const struct factory *factory,
                                           const struct http_request *request)
{
    const char *name = http_argument(request, "machine");
    for (size_t at = 0; name != NULL && at < factory->machines_count; at++) {
        if (strcmp(factory->machines[at].name, name) == 0) {
            return &factory->machines[at];
        }
    }
    return NULL;
}

struct tag_reference web_tag_find(const struct factory *factory,
                                  const struct http_request *request)
{
    const char *name = http_argument(request, "tag");
    struct tag_reference found = {.machine = web_tag_find_machine(factory, request)};
    if (found.machine != NULL && name != NULL) {
        found.tag = map_find(found.machine->map, name);
    }
    return found;
}
