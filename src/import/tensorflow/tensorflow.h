/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside the TensorFlow importer. Reading order: model.c (a file becomes a graph), node.c (what the
 * conversions are made of), operators.def (which operator is converted by what), convert_*.c (the
 * conversions), control.c, lists.c and functions.c (loops, lists of tensors, calls), tensor.c
 * (constants), json.c and tfjs.c (the form TensorFlow.js ships).
 *
 * Convolutions and pools of NHWC graphs become NCHW operators between two Transposes each; a pass
 * (passes/move_transposes.c) takes those out again.
 */
#ifndef PK_IMPORT_TENSORFLOW_TENSORFLOW_H
#define PK_IMPORT_TENSORFLOW_TENSORFLOW_H

#include <jansson.h>

#include "import/frontend.h"
#include "import/tensorflow.pb-c.h"
#include "import/wire.h"

enum {
    TF_MAX_NODES = 1 << 20,
    TF_MAX_OUTPUTS = 64,  /* of a node */
    TF_POISON = -2,       /* output of a node that could not be converted */
    TF_DEAD = -3,         /* output of a branch that is not taken */
    TF_LIST = -16,        /* and below: a list of tensors, see lists.c */
};

typedef Tensorflow__NodeDef TfNodeDef;
typedef Tensorflow__AttrValue TfAttr;
typedef Tensorflow__TensorProto TfTensor;

/* A constant kept beside the graph, as TensorFlow.js does. */
struct tf_weight {
    const char *name;
    enum dtype dtype;  /* of the values */
    struct shape shape;
    enum dtype stored; /* type in the file; differs from dtype where quantised */
    double scale, min; /* value = stored * scale + min */
    const uint8_t *data;
};

struct tf_importer;

/* A node of the file, on its way. */
struct tf_node {
    struct tf_importer *im;
    const TfNodeDef *def;
    const struct tf_operator *row; /* NULL: unknown operator */
    const struct tf_weight *weight; /* of a Const */
    int n_inputs;                  /* data inputs */
    int n_pivots; /* control inputs that say in which branch it is; the others are dropped */
    struct tf_edge {
        int node, output;
    } *edges; /* both */
    int *inputs;  /* tensors, once converted */
    int n_outputs, cap_outputs, *outputs; /* tensors; -1: not made */
    enum { TF_NEW, TF_NEEDED, TF_OPEN, TF_DONE } state; /* open: what it needs is converted */
    int next; /* edge to follow; while nodes are put in order */
    int consumers; /* outputs of the model included, once those are known */
    bool in_loop;  /* converted anew for each trip, by control.c */
    bool dead;     /* in a branch that is not taken */
    struct tf_loop *loop; /* of an Enter, Merge or Exit */
    struct tf_node *exit_of; /* of an Exit: the Merge */
    bool waits;    /* one of the three around a dilated convolution, see convert_blocks.c */
    const struct tf_dilated {
        int64_t dilation[2], pads[4];
    } *dilated; /* what a convolution has instead of its own */
};

typedef enum status tf_convert(struct tf_node *n);

struct tf_operator {
    const char *name;
    tf_convert *convert;
    enum op_kind kind; /* for conversions that serve several operators */
};

struct tf_importer {
    struct graph *g;
    struct arena *arena; /* scratch of the import */
    const uint8_t *bytes; /* where tensor_content lies */
    size_t n_bytes;
    size_t filled_bytes; /* of constants that repeat one value */
    int n_nodes;
    struct tf_node *nodes;
    int n_slots, *slots; /* hash of names: index + 1 */
    int *stack, stack_depth; /* of conversions under way */
    int n_conversions;       /* all trips of loops counted */
    int n_loops, loop_nesting;
    struct tf_loop *loops;
    int n_lists, cap_lists;
    struct tf_list *lists;
    const struct import_options *options;
    struct lacks lacks;
    const char *const *signature; /* outputs the file names; NULL-terminated, or NULL */
};

/* ---- functions.c ---- */
/* The graph's nodes with its functions written out where they are called. */
struct tf_nodes {
    size_t n;
    TfNodeDef **def;
    const char **origin; /* what the file calls each; NULL: as they are called now */
};
enum status tf_write_functions(struct arena *arena, const Tensorflow__GraphDef *def,
                               struct tf_nodes *out);

/* ---- model.c ---- */
struct tf_node *tf_find(const struct tf_importer *im, const char *name, size_t length);
/* Converts a node and what it needs. */
enum status tf_convert_from(struct tf_importer *im, int node);

/* ---- lists.c ---- */
bool tf_is_list_operator(const struct tf_node *n);

/* ---- control.c ---- */
/* Finds the loops; Exit nodes then wait for what their loop begins with. */
enum status tf_find_loops(struct tf_importer *im);
/* Sets the edges of an Exit; what is needed besides. */
void tf_exit_edges(struct tf_node *n, int *count, const struct tf_edge **edges);
/* Marks what runs once a trip, among the nodes that are needed. */
enum status tf_mark_loops(struct tf_importer *im);
/* The output of a Switch that control input `name` stands for; node -1: it stands for none. */
struct tf_edge tf_find_pivot(const struct tf_importer *im, const char *name);
/* Inputs: what decides, the value if false, the value if true. */
tf_convert tf_choose;

/* ---- tensor.c ---- */
enum dtype tf_dtype(int type); /* DT_NONE for what we have no type for */
const char *tf_type_name(int type);
enum status tf_shape(const Tensorflow__TensorShapeProto *p, const char *what, struct shape *out);
tf_convert tf_const;
extern const struct wire_options tf_wire_options;

/* ---- json.c ---- */
/* The JSON form of a protocol buffer becomes its wire form; mem_free() releases *out. */
enum status tf_json_to_wire(const json_t *json, const ProtobufCMessageDescriptor *type,
                            uint8_t **out, size_t *n_bytes);

/* ---- tfjs.c ---- */
/* A model.json: the graph in wire form (mem_free() releases it), the outputs its signature names,
 * and its weights, whose data belongs to `g`. */
struct tfjs_model {
    uint8_t *graph;
    size_t n_graph;
    const char *const *outputs;
    int n_weights;
    struct tf_weight *weights;
};
enum status tfjs_read(const void *text, size_t n_bytes, const char *folder, struct graph *g,
                      struct arena *arena, struct tfjs_model *out);

/* ---- node.c: reading ---- */
const TfAttr *tf_attr(const struct tf_node *n, const char *name);
int64_t tf_int(const struct tf_node *n, const char *name, int64_t fallback);
float tf_float(const struct tf_node *n, const char *name, float fallback);
bool tf_bool(const struct tf_node *n, const char *name, bool fallback);
bool tf_text_is(const struct tf_node *n, const char *name, const char *value);
/* Up to max values of a list; -1 if absent, more than max is cut off. */
int tf_int_list(const struct tf_node *n, const char *name, int64_t *out, int max);
const struct tensor *tf_input(const struct tf_node *n, int i);
/* Input i if it is a constant of integers: *count values, else -1. */
enum status tf_input_ints(const struct tf_node *n, int i, int64_t *out, int max, int *count);
/* Records that the node cannot be converted. */
enum status tf_unsupported(struct tf_node *n, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static inline bool tf_failed(const struct tf_node *n) { return n->outputs[0] == TF_POISON; }
enum status tf_need_inputs(struct tf_node *n, int count);

/* ---- node.c: writing ---- */
/* Adds a helper node with one output. `attrs` ends with a NULL name; NULL: none. */
enum status tf_add(struct tf_node *n, enum op_kind op, int n_inputs, const int *inputs,
                   const struct attr *attrs, int *out);
/* Adds the node that gives output 0 and carries the source's name. */
enum status tf_finish(struct tf_node *n, enum op_kind op, int n_inputs, const int *inputs,
                      const struct attr *attrs);
/* The same with several outputs. */
enum status tf_finish_outputs(struct tf_node *n, enum op_kind op, int n_inputs, const int *inputs,
                              const struct attr *attrs, int n_outputs);
/* Output k is this tensor. */
enum status tf_result(struct tf_node *n, int k, int tensor);

enum status tf_ints(struct tf_node *n, int count, const int64_t *v, int *out); /* rank 1 */
enum status tf_scalar(struct tf_node *n, enum dtype dtype, double v, int *out);
enum status tf_as(struct tf_node *n, int tensor, enum dtype dtype, int *out);
enum status tf_transpose(struct tf_node *n, int x, int rank, const int64_t *perm, int *out);
enum status tf_reshape(struct tf_node *n, int x, int rank, const int64_t *dims, int *out);
bool tf_is_nhwc(const struct tf_node *n);
/* x as NCHW, whatever the node's data_format. */
enum status tf_to_nchw(struct tf_node *n, int x, int *out);
/* Output 0 from an NCHW tensor, in the node's data_format. */
enum status tf_finish_nchw(struct tf_node *n, int x);

/* ---- convert_*.c ---- */
/* Marks the convolutions that are dilated by the nodes around them. */
void tf_find_dilated(struct tf_importer *im);
/* What fused_ops lists behind a product: input `first` and following are its operands, the channels
 * of *y stand at dimension `axis`. */
enum status tf_fused(struct tf_node *n, int first, int axis, int *y);

#define OPERATOR(name, convert, kind) tf_convert convert;
#include "import/tensorflow/operators.def"
#undef OPERATOR

#endif
