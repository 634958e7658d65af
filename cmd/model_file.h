/* SPDX-License-Identifier: Apache-2.0 */
/* What subcommands of `prusik` ask of a model file before they read it. */
#ifndef PK_CMD_MODEL_FILE_H
#define PK_CMD_MODEL_FILE_H

#include "import/import.h"

/* By the end of its name; ONNX if it says nothing. */
enum framework model_file_framework(const char *path);
/* Whether `arg` is --weight=FILE or --framework=N, which it then writes to the request. */
bool model_file_option(const char *arg, struct import_request *r, bool *framework_given);
/* By its first bytes. */
bool model_file_is_offline(const char *path);
/* For a size a model leaves open: a batch of one, pictures of 224 x 224, sequences of 128. */
int64_t model_file_likely_size(const struct shape *s, int axis);

#endif
