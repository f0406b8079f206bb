/* formlab-gateway: polls machines, journals every sample, publishes it until it is
 * acknowledged. Where to read on is said in README.md. */
#include "gateway/command.h"

static const struct command commands[] = {
    {"run", "CONFIG", 1, 1, true, "the daemon, in the foreground; logs to stderr",
     command_run_options, command_run},
    {"check", "[CONFIG]", 0, 1, true, "reads everything, prints all errors, then the poll plan",
     command_check_options, command_check},
    {"read", "CONFIG MACHINE", 2, 2, true,
     "polls one machine once: tag, value, unit, quality, register, raw hex", NULL,
     command_read},
    {"explain", "URL TABLE:ADDRESS [COUNT]", 2, 3, false,
     "reads registers and prints every type and order, the plausible ones marked",
     command_explain_options, command_explain},
    {"map", "FILE", 1, 1, false, "validates one register map and prints it aligned",
     command_map_options, command_map},
    {"topics", "CONFIG", 1, 1, true, "prints every topic that will be published, one a line",
     NULL, command_topics},
    {"export", "CONFIG", 1, 1, true, "prints samples from the journal, while the daemon runs",
     command_export_options, command_export},
    {.name = NULL},
};

int main(int argc, char **argv)
{
    return command_main("formlab-gateway", commands, argc, argv);
}
