/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A MODEL that is an .onnx: converted by atc on the fly and kept in a private folder,
 * $XDG_CACHE_HOME/prusik or ~/.cache/prusik, mode 0700. An entry is named
 *
 *     KEY-SUM.om
 *
 * KEY is SHA-256 over the file, the files of weights it names, the version of atc and the options;
 * SUM is SHA-256 over the entry itself, checked before each use. Entries are renamed into place
 * when complete, so several programs may come at once; one that is damaged is made anew. The oldest
 * go when all together are larger than CACHE_BYTES.
 */
#ifndef PK_CMD_CONVERT_H
#define PK_CMD_CONVERT_H

#include <limits.h>

#define CACHE_BYTES (4LL << 30)

struct converted {
    char path[PATH_MAX];      /* to load */
    char temporary[PATH_MAX]; /* folder to take away afterwards; "" when the cache holds it */
};

/* Whether a file is one to convert, by its name and its first bytes. */
int converted_is_onnx(const char *path);
/* An offline model is taken as it is. input_shape as atc's --input_shape; NULL: the model's, open
 * sizes at likely values, which a line on stderr names. 0, or -1 after a sentence on stderr;
 * converted_close() is due after 0, once the model is loaded. */
int converted_open(const char *command, const char *model, const char *input_shape,
                   struct converted *out);
void converted_close(struct converted *c);

#endif
