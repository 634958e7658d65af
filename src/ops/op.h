/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an operator is: its attributes, its shape rule and its reference kernel.
 *
 * One file per operator family; ops.def lists the operators, and each has one definition:
 *
 *     const struct op_def op_def_Relu = {
 *         .name = "Relu", .min_inputs = 1, .max_inputs = 1, .min_outputs = 1, .max_outputs = 1,
 *         .infer = infer_same, .run = run_relu,
 *     };
 *
 * The same call structure serves shape inference, constant folding and execution. In infer() an
 * input's data is NULL unless it is a constant; the rule sets dtype and shape of each wanted output
 * (dims -1, or rank -1, where they cannot be known yet). In run() every input has data and a known
 * shape and every wanted output has a known dtype, shape and memory, except for operators with
 * OP_LATE_SHAPE, which call op_set_output_shape() before they write.
 *
 * Reference kernels are plain loops, right rather than fast: they accumulate in double where the
 * operator sums, and touch only what the shapes allow. They are what every fast kernel is tested
 * against.
 */
#ifndef PK_OPS_OP_H
#define PK_OPS_OP_H

#include "ir/graph.h"

enum { OP_MAX_INPUTS = 64, OP_MAX_OUTPUTS = 64 }; /* of a call on the stack; Concat may have more */

struct view {
    enum dtype dtype;
    struct shape shape;
    void *data;        /* row-major, contiguous; 64-byte aligned for outputs */
    const char *name;  /* of the tensor, for messages */
    bool wanted;       /* inputs: present; outputs: somebody uses it */
};

struct op_call {
    const struct node *node;
    int n_inputs, n_outputs;
    struct view *in, *out;
    /* Memory for an output whose shape only running tells. Set by whoever calls run(). */
    enum status (*alloc_output)(struct op_call *call, int i);
    void *user; /* of alloc_output */
};

enum op_flags {
    OP_LATE_SHAPE = 1, /* output shapes depend on input values even at run time: NonZero, NMS */
    OP_SHAPE_ONLY = 2, /* reads only shapes of its inputs, never their data: Shape, Size */
    OP_RANDOM = 4,     /* never folded */
};

/* One attribute an operator knows; the importer refuses others, the verifier checks types. */
struct attr_spec {
    const char *name; /* NULL ends the list */
    enum attr_type type;
};

struct op_def {
    const char *name;
    int min_inputs, max_inputs; /* max -1: any number */
    int min_outputs, max_outputs;
    int flags;
    enum status (*infer)(struct op_call *call);
    enum status (*run)(struct op_call *call);
    const struct attr_spec *attrs; /* NULL: none */
    /* Multiply-adds of one execution, for describing models; NULL: 0. Shapes are known. */
    int64_t (*macs)(const struct op_call *call);
};

#define OP(name) extern const struct op_def op_def_##name;
#include "ops/ops.def"
#undef OP

const struct op_def *op_def(enum op_kind op); /* never NULL for a valid kind */

/* ---- for rules and kernels ---- */
static inline bool op_has_input(const struct op_call *c, int i) {
    return i < c->n_inputs && c->in[i].wanted;
}
static inline bool op_has_output(const struct op_call *c, int i) {
    return i < c->n_outputs && c->out[i].wanted;
}
/* Sets dtype and shape of output i (ignored when not wanted). */
void op_output(struct op_call *c, int i, enum dtype t, struct shape s);
/* OP_LATE_SHAPE kernels: fixes the shape of output i and gets memory for it. */
enum status op_set_output_shape(struct op_call *c, int i, struct shape s);
/* Input i as integers (any integer dtype), when its value is known; *n = -1 when it is not.
 * More than `max` values is an error. */
enum status op_known_ints(const struct op_call *c, int i, int64_t *out, int max, int *n);
/* Input i as floats (any float or integer dtype); same rules. */
enum status op_known_floats(const struct op_call *c, int i, float *out, int max, int *n);
/* Axis in -rank..rank-1 to 0..rank-1. */
enum status op_axis(const struct op_call *c, int64_t axis, int rank, int *out);
/* NumPy broadcasting of two shapes; unknown dims stay unknown unless the other side decides. */
enum status op_broadcast(const struct op_call *c, const struct shape *a, const struct shape *b,
                         struct shape *out);
/* Sentence prefix "Conv 'name'": op_text(c, buf). */
const char *op_text(const struct op_call *c, char buf[static 160]);
#define OP_FAIL(call, code, ...)                                                                   \
    do {                                                                                           \
        status_set((code), __FILE__, __LINE__, __VA_ARGS__);                                       \
        op_fail((call), (code));                                                                   \
        return (code);                                                                             \
    } while (0)
#define OP_CHECK(call, condition, code, ...)                                                       \
    do {                                                                                           \
        if (!(condition)) OP_FAIL(call, code, __VA_ARGS__);                                        \
    } while (0)
/* Puts "Conv 'name': " before the current sentence. */
enum status op_fail(const struct op_call *c, enum status code) __attribute__((cold));
/* Element i of a view as double or int64, whatever its type (f16 and bf16 included), and back
 * (rounded and saturated like a C cast of an in-range value). Slow; for kernels where that is
 * fine. */
double view_get_f64(const struct view *v, int64_t i);
int64_t view_get_i64(const struct view *v, int64_t i);
void view_set_f64(const struct view *v, int64_t i, double value);
void view_set_i64(const struct view *v, int64_t i, int64_t value);

/* Output 0 has the dtype and shape of input 0. */
enum status infer_same(struct op_call *c);

/* ---- whole graphs; ops/infer.c ---- */
/* Runs every node's shape rule in order and writes dtypes and shapes into the tensors. A tensor
 * that already has a shape (from the source model) keeps the better known of the two; a
 * contradiction is an error. */
enum status graph_infer(struct graph *g);
/* The same for one node, whose inputs are inferred already. */
enum status graph_infer_node(struct graph *g, int node);
/* Checks every invariant of graph.h, arity and attributes included; ops/verify.c. Run between
 * passes in debug builds, and on every graph that comes out of a file. */
enum status graph_verify(const struct graph *g);
/* Builds the call of one node from the graph: n = max(inputs, outputs) views each, allocated with
 * mem_alloc; op_call_deinit frees. Data only of constants. */
enum status op_call_init(struct op_call *c, const struct graph *g, const struct node *n);
void op_call_deinit(struct op_call *c);

/* ---- whole graphs; ops/evaluate.c ---- */
/* Told of each tensor once it is computed, in execution order: `t` is its number in `g`, a copy
 * whose shapes are known as far as the run has come. `value` is valid during the call only. */
typedef enum status evaluate_visit(void *user, const struct graph *g, const struct node *n, int t,
                                   const struct view *value);
/* Runs a graph node by node with the reference kernels: as plain, and as slow, as it gets. `inputs`
 * has the data and shape of each input of the graph. Ends early when visit() does not give
 * STATUS_OK. */
enum status graph_evaluate(const struct graph *g, const struct view *inputs,
                           evaluate_visit *visit, void *user);

#endif
