/* SPDX-License-Identifier: Apache-2.0 */
/* The MODEL argument of the commands about pictures: a network, its family and its labels. */
#ifndef PK_CMD_MODEL_H
#define PK_CMD_MODEL_H

#include "prusik/vision.h"

struct model_options {
    struct pk_network_options network;
    const char *labels_path; /* NULL: the model's own, or COCO's */
    const char *input_shape; /* for converting a model that leaves sizes open; NULL: its own */
};

struct model {
    const char *command;
    struct pk_network *network;
    struct pk_labels *labels;
    char labels_path[4096]; /* that were read; "" when they are built in */
};

/* Loads the network and its labels; `command` is set before. It must be of the command's kind, if
 * the command is detect or classify. 0, or -1 after a sentence on stderr; model_close() is due
 * either way. */
int model_open(struct model *m, const char *path, const struct model_options *options);
void model_close(struct model *m);

#endif
