/* SPDX-License-Identifier: Apache-2.0 */
/* Where a command puts its files: a folder the user names, or runs/COMMAND/exp, exp2, ... */
#ifndef PK_CMD_FOLDER_H
#define PK_CMD_FOLDER_H

#include <limits.h>
#include <stdio.h>

enum { FOLDER_MAX = PATH_MAX / 2 };

/* 0 when it is there now; else -1 and errno. */
int folder_make(const char *path);
/* `wanted` NULL: the first of runs/COMMAND/exp, exp2, ... that is not there; several runs may do so
 * at once. *made: whether it is new. 0, or -1 after a sentence on stderr. */
int folder_open(const char *command, const char *wanted, char folder[static FOLDER_MAX], int *made);
/* A folder in it; 0, or -1 after a sentence. */
int folder_below(const char *command, const char *folder, const char *name);
/* A file in it, to write; NULL after a sentence. */
FILE *folder_file(const char *command, const char *folder, const char *name);

/* A field of a CSV file, quoted where it must be (RFC 4180). */
void folder_csv_text(FILE *f, const char *text);

#endif
