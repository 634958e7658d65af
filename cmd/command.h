/* SPDX-License-Identifier: Apache-2.0 */
/* What the subcommands of `prusik` share; see commands.def. */
#ifndef PK_CMD_COMMAND_H
#define PK_CMD_COMMAND_H

/* Exit codes of every subcommand. */
enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

#define COMMAND(name, arguments, sentence) int command_##name(int argc, char **argv);
#include "commands.def"
#undef COMMAND

/* Prints how subcommand `name` is called to stderr; returns EXIT_USAGE. */
int command_usage(const char *name);
/* Finds a script of prusik's own, beside the program or installed with it; -1 with a sentence. */
int command_find_part(const char *name, char path[4096]);

#endif
