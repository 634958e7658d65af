/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One operator as a graph of its own, named and described as AscendCL does. Names of CANN's
 * operator library ("ArgMaxV2", "TransposeD") mean what they mean there; every other name is an
 * ONNX operator's in its newest form. Where both know a name (Transpose, Slice, Concat, ReduceSum),
 * CANN's inputs decide, and ONNX's attributes ("axis", "perm", "keepdims") choose ONNX's meaning.
 */
#ifndef PK_IMPORT_SINGLE_OP_H
#define PK_IMPORT_SINGLE_OP_H

#include "ir/dynamic.h"
#include "ir/graph.h"

enum { SINGLE_OP_MAX = 64, SINGLE_OP_MAX_VALUES = 1024 }; /* tensors, attributes; known elements */

enum single_layout { LAYOUT_PLAIN, LAYOUT_NHWC, LAYOUT_HWCN }; /* plain: ND, NCHW */

struct single_tensor {
    enum dtype dtype; /* DT_NONE: an optional input left out; an output that takes what comes */
    enum single_layout layout;
    struct shape shape;
    const void *data; /* inputs: the elements, where they are known */
    const struct dynamic_range *ranges; /* patterns: of the dimensions that are -1; NULL: any */
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

/* ---- keys; single_op_key.c ---- */

/* Text that is the same for operators with the same graph; mem_free() releases it. */
enum status single_op_key(const struct single_op *op, char **out);
/* A key in which sizes and values may be open: input dimensions of -1 stand for what their ranges
 * allow, values that are not known for any, an output of unknown shape for every shape. */
enum status single_op_pattern(const struct single_op *op, char **out);
/* Whether the inputs are known as far as they shape the graph, so that it can be built. */
bool single_op_is_closed(const struct single_op *op);
/* Whether the operator with that key is one the pattern stands for. Takes any text. */
bool single_op_matches(const char *pattern, const char *key);

/* What an offline model of one operator says of it: its pattern, and whether it is open. The graph
 * of one that is open only shows its inputs. */
#define SINGLE_OP_META "prusik.single_op"
#define SINGLE_OP_META_OPEN "prusik.single_op.open"
/* The graph of such a model; it has all of the above. */
enum status single_op_model(const struct single_op *op, struct graph **out);

#endif
