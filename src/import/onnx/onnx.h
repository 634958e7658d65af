/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside the ONNX importer. Reading order: model.c (a file becomes a graph), block.c (a list of
 * nodes with its names: the main graph, a function body, a branch), node.c (one node becomes one of
 * ours), control.c (functions, branches and loops), rewrite.c (older forms become the newest),
 * tensor.c (TensorProto).
 */
#ifndef PK_IMPORT_ONNX_ONNX_H
#define PK_IMPORT_ONNX_ONNX_H

#include "import/frontend.h"
#include "import/onnx.pb-c.h"

enum {
    ONNX_MIN_OPSET = 1,
    ONNX_MAX_OPSET = 27,
    ONNX_MAX_NESTING = 24,      /* function calls and branches within each other */
    ONNX_MAX_NODES = 1 << 19,   /* after inlining: functions calling functions grow like 2^n */
    ONNX_MAX_TRIPS = 1024       /* of a Loop or Scan, which are unrolled */
};

/* Attribute types of AttributeProto.type. */
enum {
    ONNX_FLOAT = 1, ONNX_INT, ONNX_STRING, ONNX_TENSOR, ONNX_GRAPH, ONNX_FLOATS, ONNX_INTS,
    ONNX_STRINGS
};

/* Where raw and external data of tensors come from. */
struct onnx_source {
    const uint8_t *bytes; /* the file */
    size_t n_bytes;
    const char *folder;    /* of the model; NULL: external data is refused */
    uint64_t external_bytes; /* read so far */
};

/* ---- tensor.c ---- */
/* DT_NONE for what we have no type for (strings, complex, 8-bit floats and smaller). */
enum dtype onnx_dtype(int32_t data_type);
const char *onnx_type_name(int32_t data_type);
/* Type and shape; checks that as many elements are there as the shape says, without reading. */
enum status onnx_tensor_describe(struct onnx_source *src, const Onnx__TensorProto *t,
                                 enum dtype *dtype, struct shape *shape);
/* The elements where they lie in the file, or NULL if they must be copied. After describe. */
const void *onnx_tensor_borrow(const struct onnx_source *src, const Onnx__TensorProto *t);
/* Writes all elements; `bytes` is what the described shape needs. */
enum status onnx_tensor_fill(struct onnx_source *src, const Onnx__TensorProto *t, void *out,
                             size_t bytes);
/* Wire options that keep raw_data where it is. */
extern const struct wire_options onnx_wire_options;

/* ---- block.c ---- */
/* A name of a block: where its value comes from, and its tensor once somebody needed it. */
struct onnx_value {
    const char *name;
    const Onnx__TensorProto *init; /* initializer, or */
    int node;                      /* node of the block that produces it, or -1 */
    int tensor;                    /* -1: none yet */
    int uses;
};

struct onnx_block {
    struct onnx_block *parent;  /* whose names are visible too; NULL for the graph and functions */
    const char *prefix;         /* of tensor and node names; "" in the main graph */
    Onnx__NodeProto **nodes;
    size_t n_nodes;
    int opset;                  /* of the default domain */
    int n_values, cap_values, cap_slots;
    struct onnx_value *values;
    int *slots;                 /* hash of names: index + 1 */
    /* Within a function body: the attributes of the call, and the function's own defaults. */
    const struct onnx_node *call;
    const Onnx__FunctionProto *function;
};

struct importer {
    struct graph *g;
    struct arena *arena; /* scratch of the import */
    struct onnx_source src;
    const Onnx__ModelProto *model;
    struct onnx_block functions; /* its values: functions by domain, name and overload */
    int nesting, n_nodes;
    struct lacks lacks;
};

enum status block_add_value(struct importer *im, struct onnx_block *b, const char *name, int tensor,
                            struct onnx_value **out);
struct onnx_value *block_find(const struct onnx_block *b, const char *name); /* this block only */
enum status block_add_graph(struct importer *im, struct onnx_block *b, const Onnx__GraphProto *g);
/* Names of node outputs; a name given twice is an error. */
enum status block_add_nodes(struct importer *im, struct onnx_block *b);
/* The tensor of a name of this block or one around it; made now if need be. */
enum status block_tensor(struct importer *im, struct onnx_block *b, const char *name, int *out);
/* Converts the nodes that the n values need, in a fitting order. */
enum status block_convert(struct importer *im, struct onnx_block *b, int n,
                          struct onnx_value *const *wanted);

/* ---- node.c ---- */
/* A node on its way: rewrites change it until it is in the newest form. */
struct onnx_node {
    const Onnx__NodeProto *proto;
    struct onnx_block *block;
    const char *op, *name;
    int opset;
    int n_inputs, *inputs; /* tensor indices, -1: left out */
    int n_outputs, *outputs;
    int n_attrs;
    const Onnx__AttributeProto **attrs;
};

enum status node_convert(struct importer *im, struct onnx_block *b, const Onnx__NodeProto *p);
/* Adds the node as it now stands to the graph. */
enum status node_commit(struct importer *im, struct onnx_node *n);
/* Records something the model needs and we lack; the import goes on, to find the rest. */
enum status node_unsupported(struct importer *im, const struct onnx_node *n, const char *format,
                             ...)
    __attribute__((format(printf, 3, 4)));
const char *node_label(const struct onnx_node *n, char buf[static 160]); /* "Conv 'name'" */

/* Attributes by name; NULL if absent. */
const Onnx__AttributeProto *onode_attr(const struct onnx_node *n, const char *name);
int64_t onode_int(const struct onnx_node *n, const char *name, int64_t fallback);
float onode_float(const struct onnx_node *n, const char *name, float fallback);
bool onode_string_is(const struct onnx_node *n, const char *name, const char *value);
void onode_drop(struct onnx_node *n, const char *name);
enum status onode_set_int(struct importer *im, struct onnx_node *n, const char *name, int64_t v);
enum status onode_set_string(struct importer *im, struct onnx_node *n, const char *name,
                             const char *v);
enum status onode_set_ints(struct importer *im, struct onnx_node *n, const char *name, size_t count,
                           const int64_t *v);
/* Input i becomes tensor t; inputs between are left out. */
enum status onode_set_input(struct importer *im, struct onnx_node *n, int i, int t);

/* ---- control.c ---- */
enum status importer_add_functions(struct importer *im);
/* A call of one of the model's functions becomes the function's nodes; *done: it was one. */
enum status node_call(struct importer *im, const struct onnx_node *n, bool *done);
/* If, Loop and Scan become the nodes of their bodies; *done: it was one of them. */
enum status node_control(struct importer *im, struct onnx_node *n, bool *done);

/* ---- rewrite.c ---- */
/* Brings a node to the newest form. *done: it is in the graph already (or was unsupported). */
enum status node_rewrite(struct importer *im, struct onnx_node *n, bool *done);
/* Adds a helper node with one output, which becomes *out. */
enum status emit(struct importer *im, const struct onnx_node *n, const char *op, int n_inputs,
                 const int *inputs, int *out);
/* The same with the node's own attributes. */
enum status emit_same(struct importer *im, const struct onnx_node *n, const char *op, int n_inputs,
                      const int *inputs, int *out);
/* The same with attribute `axis`. */
enum status emit_axis(struct importer *im, const struct onnx_node *n, const char *op, int n_inputs,
                      const int *inputs, int64_t axis, int *out);
enum status constant_ints(struct importer *im, const struct onnx_node *n, const char *suffix,
                          size_t count, const int64_t *v, int *out);
/* A scalar of a float or integer type. */
enum status constant_scalar(struct importer *im, const struct onnx_node *n, const char *suffix,
                            enum dtype dtype, double v, int *out);

/* The types of input i, as far as they are known. */
const struct tensor *input_tensor(const struct importer *im, const struct onnx_node *n, int i);
/* The one integer tensor behind input i if it is a constant: *count values, else -1. */
enum status input_ints(struct importer *im, const struct onnx_node *n, int i, int64_t *out, int max,
                       int *count);

/* ---- rewrite_contrib.c ---- */
/* An operator of domain com.microsoft becomes plain ones; *done: it was unsupported. */
enum status node_contrib(struct importer *im, struct onnx_node *n, bool *done);

/* ---- rewrite_*.c ---- */
typedef enum status rewrite_fn(struct importer *im, struct onnx_node *n, bool *done);
rewrite_fn rewrite_axes, rewrite_batchnorm, rewrite_broadcast, rewrite_cast, rewrite_clip,
    rewrite_concat, rewrite_constant_node, rewrite_constant_fill, rewrite_constant_of_shape,
    rewrite_dft, rewrite_dropout, rewrite_grid_sample, rewrite_groupnorm, rewrite_pad,
    rewrite_prelu, rewrite_reshape, rewrite_resize, rewrite_resize_10, rewrite_rnn,
    rewrite_roi_align, rewrite_scatter, rewrite_sequence_at, rewrite_slice, rewrite_softmax,
    rewrite_split, rewrite_split_to_sequence, rewrite_topk, rewrite_upsample;

#endif
