/* SPDX-License-Identifier: Apache-2.0 */
/* Finds what belongs to a program and is a file of its own, from where the program lies: some
 * folders away in the build tree, others when installed. */
#ifndef PK_CMD_PART_H
#define PK_CMD_PART_H

#include <limits.h>
#include <stddef.h>

/* The folder this program lies in. 0, or -1. */
int part_home(char folder[static PATH_MAX]);
/* The first of `folders`, seen from there, that holds `name` for what `mode` says (access(2)).
 * 0, or -1 when none does. */
int part_find(const char *const *folders, size_t n, const char *name, int mode,
              char path[static PATH_MAX]);

#endif
