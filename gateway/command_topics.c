#include "gateway/command.h"
#include "gateway/topic.h"

int command_topics(const struct command_line *line)
{
    struct factory *factory = command_load_factory(line);
    if (factory == NULL) {
        return EXIT_CONFIGURATION;
    }
    topic_print_all(factory, stdout);
    factory_destroy(factory);
    return EXIT_DONE;
}
