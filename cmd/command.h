/* SPDX-License-Identifier: Apache-2.0 */
/* What the subcommands of `prusik` share; see commands.def. */
#ifndef PK_CMD_COMMAND_H
#define PK_CMD_COMMAND_H

/* Exit codes of every subcommand. */
enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

#define COMMAND(name, arguments, sentence, options) int command_##name(int argc, char **argv);
#include "commands.def"
#undef COMMAND

/* Says on stderr what is wrong with a command line, as help_wrong of help.h does, and how
 * subcommand `name` is called; returns EXIT_USAGE. */
int command_usage(const char *name, const char *why, const char *what);
/* The same for a plain argument too many, an option that does not exist, or, when it is NULL, an
 * argument that is missing. */
int command_usage_of(const char *name, const char *argument);
/* Finds a script of prusik's own, beside the program or installed with it; -1 with a sentence. */
int command_find_part(const char *name, char path[4096]);

#endif
