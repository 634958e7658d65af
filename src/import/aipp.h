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
    const char *name; /* of the file, for messages */
    bool nhwc;        /* the inputs of the graph are [N,H,W,C] */
};

/* The graph is inferred and verified before and after; what it says of its gears or ranges
 * (ir/dynamic.h) is heeded, and afterwards true of the inputs as they are then. Height and width
 * may be chosen at run time with --dynamic_image_size, as CANN has it: static AIPP without crop,
 * resize, padding or a size of its own; dynamic AIPP, which --input_shape_range also allows.
 * STATUS_ARGUMENT: the configuration is wrong; STATUS_UNSUPPORTED: it asks for what there is not.
 * The graph is of no use then. */
enum status aipp_insert(struct graph *g, const char *text, size_t n_bytes,
                        const struct aipp_options *options);

#endif
