/* The commands of formlab-gateway, one file each; main.c lists them in its table.
 *
 * Each returns the exit code. Single-threaded, but for command_run. */
#ifndef GATEWAY_COMMAND_H
#define GATEWAY_COMMAND_H

#include "config/command.h"

extern const struct command_option command_run_options[];
extern const struct command_option command_check_options[];
extern const struct command_option command_explain_options[];
extern const struct command_option command_map_options[];
extern const struct command_option command_export_options[];

int command_run(const struct command_line *line);
int command_check(const struct command_line *line);
int command_read(const struct command_line *line);
int command_explain(const struct command_line *line);
int command_map(const struct command_line *line);
int command_topics(const struct command_line *line);
int command_export(const struct command_line *line);

#endif
