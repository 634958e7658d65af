/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Picture preprocessing put into a model: the configuration of --insert_op_conf.
 *
 * Each aipp_op of the file names an input of the graph. The input keeps its name and becomes the
 * pictures, u8; an operator Aipp (ops/aipp.h) makes of them what the input was. Dynamic AIPP adds
 * an input for the parameters, AIPP_DATA_NAME, behind all others.
 *
 * A field that is not known, does not fit, or contradicts another or the model is refused with the
 * file's name and the line.
 */
#ifndef PK_IMPORT_AIPP_H
#define PK_IMPORT_AIPP_H

#include "ir/graph.h"

#define AIPP_DATA_NAME "ascend_dynamic_aipp_data"

struct aipp_options {
    const char *name;  /* of the file, for messages */
    bool nhwc;         /* the inputs of the graph are [N,H,W,C] */
    int64_t max_batch; /* where the batch of an input is left open: the largest to come */
};

/* The graph is inferred and verified before and after. STATUS_ARGUMENT: the configuration is wrong;
 * STATUS_UNSUPPORTED: it asks for what there is not. The graph is of no use then. */
enum status aipp_insert(struct graph *g, const char *text, size_t n_bytes,
                        const struct aipp_options *options);

#endif
