/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One operator as a graph of its own, named and described as AscendCL does. Names of CANN's
 * operator library ("ArgMaxV2", "TransposeD") mean what they mean there; every other name is an ONNX
 * operator's in its newest form. Where both know a name (Transpose, Slice, Concat, ReduceSum),
 * CANN's inputs decide, and ONNX's attributes ("axis", "perm", "keepdims") choose ONNX's meaning.
 */
#ifndef PK_IMPORT_SINGLE_OP_H
#define PK_IMPORT_SINGLE_OP_H

#include "ir/graph.h"

enum { SINGLE_OP_MAX = 64, SINGLE_OP_MAX_VALUES = 1024 }; /* tensors, attributes; known elements */

enum single_layout { LAYOUT_PLAIN, LAYOUT_NHWC, LAYOUT_HWCN }; /* plain: ND, NCHW */

struct single_tensor {
    enum dtype dtype; /* DT_NONE: an optional input left out; an output that takes what comes */
    enum single_layout layout;
    struct shape shape;
    const void *data; /* inputs: the elements, where they are known */
};

struct single_op {
    const char *type;
    int n_inputs, n_outputs, n_attrs; /* at most SINGLE_OP_MAX of each */
    struct single_tensor *inputs, *outputs;
    const struct attr *attrs;
};

bool single_op_known(const char *type);
/* The inputs, a bit each, whose elements shape the graph: axes, shapes, sizes. They become
 * constants of the graph; its inputs are the others that are not left out, in their order. */
uint64_t single_op_values(const struct single_op *op);
/* The graph has all shapes; an output is cast to the type its description asks for. */
enum status single_op_build(const struct single_op *op, struct graph **out);
/* Text that is the same for operators with the same graph; mem_free() releases it. */
enum status single_op_key(const struct single_op *op, char **out);

#endif
