/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A graph while a pass changes it: who uses each tensor is kept up to date, so that a pass over
 * 100,000 nodes stays linear.
 *
 *     struct rewrite r;
 *     TRY(rewrite_init(&r, g));
 *     for (int n = 0; s == STATUS_OK && n < r.n_nodes; n++) ...      // skip OP_NONE
 *     return rewrite_finish(&r, s);
 *
 * A pattern is replaced by rewriting its last node in place: that node takes another operator,
 * other inputs and attributes, and keeps its outputs, their names and its place in the order. Nodes
 * whose outputs nobody uses any more disappear at once, and become OP_NONE until the end.
 */
#ifndef PK_PASSES_REWRITE_H
#define PK_PASSES_REWRITE_H

#include "ir/graph.h"

struct rewrite_use {
    int node, input, next, previous; /* next, previous: other uses of the same tensor; -1 ends */
};

struct rewrite {
    struct graph *g;
    int n_nodes; /* of the graph as it was; nodes added later stand behind */
    bool changed;

    /* private */
    struct rewrite_tensor {
        int first, n_uses; /* first: in `uses`; n_uses: by nodes and as graph output */
        bool is_input, is_output;
    } *tensors;
    int cap_tensors;
    struct rewrite_use *uses;
    int n_uses, cap_uses;
    int *node_uses; /* per node: its first entry in `uses`; its inputs are consecutive */
    int *anchor;    /* per added node: the node it goes in front of */
    int cap_nodes;
    int *dying; /* stack of tensors that lost their last use */
    int n_dying, cap_dying;
};

enum status rewrite_init(struct rewrite *r, struct graph *g);
/* Brings added nodes into their places, drops what is dead, releases `r`. Returns `s` if that is a
 * failure, else its own. */
enum status rewrite_finish(struct rewrite *r, enum status s);

/* ---- looking ---- */
static inline int rewrite_n_uses(const struct rewrite *r, int t) { return r->tensors[t].n_uses; }
/* The node that is the only user of a tensor and uses it once; -1 if there are more, or if it is a
 * graph output. */
int rewrite_only_user(const struct rewrite *r, int t);
/* The node that produces input i of `node`, if its operator is `op`; else -1. */
int rewrite_producer(const struct rewrite *r, int node, int i, enum op_kind op);
/* The same, if besides `node` nobody uses that tensor. */
int rewrite_only_producer(const struct rewrite *r, int node, int i, enum op_kind op);

/* ---- changing ---- */
enum status rewrite_set_inputs(struct rewrite *r, int node, int n, const int *inputs);
enum status rewrite_set_input(struct rewrite *r, int node, int i, int t);
/* Makes the node an `op` without attributes; its name and outputs stay. */
void rewrite_set_op(struct rewrite *r, int node, enum op_kind op);
/* `node` becomes what `model` is: operator, name, attributes, inputs. `model` must die of it. */
enum status rewrite_become(struct rewrite *r, int node, int model);
/* Takes `node`, whose only wanted output is `y`, out of the graph: users of y read x instead. A
 * graph output keeps its name: then whatever produces x produces y instead. Where that cannot be (x
 * is itself an input, a constant or an output) the node stays as Identity. */
enum status rewrite_bypass(struct rewrite *r, int node, int y, int x);
/* Users of tensor `from` (as graph output: not) read `to` instead. */
void rewrite_replace(struct rewrite *r, int from, int to);
/* Output i of the node becomes a constant. Data belongs to the graph's arena or outlives it. */
void rewrite_fold(struct rewrite *r, int node, int i, const void *data, size_t bytes);
void rewrite_remove(struct rewrite *r, int node);
/* A new constant; data NULL: zeroed memory, returned through `out_data` (may be NULL) to fill. */
enum status rewrite_constant(struct rewrite *r, const char *name, enum dtype dtype,
                             struct shape shape, const void *data, int *out, void **out_data);
/* A new node with one new output, in front of node `before`. */
enum status rewrite_insert(struct rewrite *r, int before, enum op_kind op, const char *name,
                           int n_inputs, const int *inputs, enum dtype dtype, struct shape shape,
                           int *out_node, int *out_tensor);

/* ---- values ---- */
static inline bool rewrite_is_constant(const struct rewrite *r, int t) {
    return t >= 0 && r->g->tensors[t].data;
}
/* The value of a constant all of whose elements are equal; false otherwise. */
bool graph_splat(const struct graph *g, int t, double *out);
/* A constant of any integer type with at most `max` elements; -1 if it is not one. */
int graph_const_ints(const struct graph *g, int t, int64_t *out, int max);

#endif
