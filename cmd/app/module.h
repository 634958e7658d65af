/* SPDX-License-Identifier: Apache-2.0 */
/* Loads those parts of this program that are libraries of their own, so that only who needs what
 * they link has it: libprusik_video.so, libprusik_draw.so. */
#ifndef PK_CMD_MODULE_H
#define PK_CMD_MODULE_H

#include <stddef.h>

struct module {
    const char *file;
    const char *in_build; /* its folder, seen from this program's in the build tree */
    const char *get;      /* its one function: gives a table that begins with its size, a size_t */
    size_t table_bytes;
    const char *missing;  /* what to say when there is no such file */
    const char *unusable; /* and when it cannot be loaded, before the reason */
    const void *table;    /* once it is loaded */
};

/* The module's table, loaded by whichever thread asks first; NULL after a sentence in `error`. */
const void *module_load(struct module *m, char *error, size_t error_bytes);

#endif
