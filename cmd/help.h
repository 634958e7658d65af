/* SPDX-License-Identifier: Apache-2.0 */
/* Help that fits the terminal, for every command: one text, wrapped where it is printed.
 *
 *     help_print(stdout, "usage: prusik info [options] FILE\n"
 *                        "  describe a model\n"
 *                        "  --json  print JSON\n");
 */
#ifndef PK_CMD_HELP_H
#define PK_CMD_HELP_H

#include <stdio.h>

/* Width of the terminal, or what COLUMNS says: 20 to 100, so that lines stay readable; 80 if
 * nobody says. */
int help_columns(void);

/* Each line of `text`, wrapped. A line keeps the blanks it begins with, for what is wrapped, too;
 * "  --name VALUE", two blanks or more, and a text become two columns, or, where there is no room
 * for two, the text below. After "usage: " the rest is indented below the program's name. */
void help_print(FILE *to, const char *text);

/* For a wrong command line, to stderr: what is wrong ("no option", "--x"; NULL: it has been said),
 * how `command` is called, and where more is. */
void help_wrong(const char *command, const char *arguments, const char *why, const char *what);

/* At the end of a program: `code`, or `failed` with a sentence when not all that was printed got
 * out. */
int help_end(const char *command, int code, int failed);

#endif
