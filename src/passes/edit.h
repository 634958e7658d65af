/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A graph while a pass changes it: who uses each tensor is kept up to date, so that a pass over
 * 100,000 nodes stays linear.
 *
 *     static enum status visit(struct edit *e, int node) ...
 *     enum status pass_this(struct graph *g) { return edit_sweep(g, visit); }
 *
 * A pattern is replaced by rewriting its last node in place: that node takes another operator,
 * other inputs and attributes, and keeps its outputs, their names and its place in the order. Nodes
 * whose outputs nobody uses any more disappear at once, and become OP_NONE until the end.
 */
#ifndef PK_PASSES_EDIT_H
#define PK_PASSES_EDIT_H

#include "ir/graph.h"

struct edit_use {
    int node, input, next, previous; /* next, previous: other uses of the same tensor; -1 ends */
};

struct edit {
    struct graph *g;
    int n_nodes; /* of the graph as it was; nodes added later stand behind */
    bool changed;

    /* private */
    struct edit_tensor {
        int first, n_uses; /* first: in `uses`; n_uses: by nodes and as graph output */
        bool is_output;
    } *tensors;
    int cap_tensors;
    struct edit_use *uses;
    int n_uses, cap_uses;
    int *node_uses; /* per node: its first entry in `uses`; its inputs are consecutive */
    int *anchor;    /* per added node: the node it goes in front of */
    int cap_nodes;
    int *dying; /* stack of tensors that lost their last use */
    int n_dying, cap_dying;
};

enum status edit_init(struct edit *e, struct graph *g);
/* Brings added nodes into their places, drops what is dead, releases `e`. Returns `s` if that is a
 * failure, else its own. */
enum status edit_finish(struct edit *e, enum status s);
/* Both, and between them a visit to each node there was and still is, in order. */
enum status edit_sweep(struct graph *g, enum status (*visit)(struct edit *e, int node));

/* ---- looking ---- */
static inline int edit_n_uses(const struct edit *e, int t) { return e->tensors[t].n_uses; }
static inline bool edit_is_output(const struct edit *e, int t) { return e->tensors[t].is_output; }
/* The node that is the only user of a tensor and uses it once; -1 if there are more, or if it is a
 * graph output. */
int edit_only_user(const struct edit *e, int t);
/* The nodes that use a tensor, at most `max` of them, ascending; a node stands there once. Returns
 * how many. */
int edit_users(const struct edit *e, int t, int max, int *nodes);
/* The node that produces input i of `node`, if its operator is `op`; else -1. */
int edit_producer(const struct edit *e, int node, int i, enum op_kind op);
/* The same, if besides `node` nobody uses that tensor. */
int edit_only_producer(const struct edit *e, int node, int i, enum op_kind op);

/* ---- changing ---- */
enum status edit_set_inputs(struct edit *e, int node, int n, const int *inputs);
enum status edit_set_input(struct edit *e, int node, int i, int t);
/* Makes the node an `op` without attributes; its name and outputs stay. */
void edit_set_op(struct edit *e, int node, enum op_kind op);
/* `node` becomes what `model` is (operator, name, attributes) with the given inputs. `model` must
 * die of it: nobody but `node` may have used it. */
enum status edit_become(struct edit *e, int node, int model, int n, const int *inputs);
/* Takes `node`, whose only wanted output is `y`, out of the graph: users of y read x instead. A
 * graph output keeps its name: then whatever produces x produces y instead. Where that cannot be (x
 * is itself an input, a constant or an output) the node stays as Identity. */
enum status edit_bypass(struct edit *e, int node, int y, int x);
/* Takes `node`, whose only wanted output is `y`, out of the graph: whatever produces x, which is no
 * output, produces y instead, and users of x read y. */
void edit_absorb(struct edit *e, int node, int y, int x);
/* A new tensor takes the place of `t`, which a node produces and which is no output, because it
 * does not hold any more what went by the name of t. */
enum status edit_rename(struct edit *e, int t, const char *name, int *out);
/* Users of tensor `from` (as graph output: not) read `to` instead. */
void edit_replace(struct edit *e, int from, int to);
/* Output i of the node becomes a constant. Data belongs to the graph's arena or outlives it. */
void edit_fold(struct edit *e, int node, int i, const void *data, size_t bytes);
void edit_remove(struct edit *e, int node);
/* A new constant; data NULL: zeroed memory, returned through `out_data` (may be NULL) to fill. */
enum status edit_constant(struct edit *e, const char *name, enum dtype dtype,
                             struct shape shape, const void *data, int *out, void **out_data);
/* A new constant with the entries from[0] to from[n - 1] of an axis of constant `t`; `t` itself
 * where that is what it has. */
enum status edit_take(struct edit *e, int t, int axis, const int *from, int64_t n, int *out);
/* A new node with one new output, in front of node `before`. */
enum status edit_insert(struct edit *e, int before, enum op_kind op, const char *name,
                           int n_inputs, const int *inputs, enum dtype dtype, struct shape shape,
                           int *out_node, int *out_tensor);

/* Gives `node` the attributes of `from`, but for those whose names begin with `but` (if not ""). */
enum status edit_copy_attrs(struct edit *e, int node, int from, const char *but);

/* ---- values ---- */
/* Whether all elements of an attribute are `value`; an absent one has none that is not. */
bool node_ints_are(const struct node *n, const char *name, int64_t value);
static inline bool edit_is_constant(const struct edit *e, int t) {
    return t >= 0 && e->g->tensors[t].data;
}
/* The value of a constant all of whose elements are equal; false otherwise. */
bool graph_splat(const struct graph *g, int t, double *out);
/* A constant of any integer type with at most `max` elements; -1 if it is not one. */
int graph_const_ints(const struct graph *g, int t, int64_t *out, int max);

#endif
