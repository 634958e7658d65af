/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The graph: what every stage of the pipeline reads and writes. Read this file first.
 *
 * A graph is an array of tensors and an array of nodes that refer to each other by index. Each
 * tensor has one producer: a node, or none if it is a constant or an input of the graph. Operators
 * are ONNX operators in their newest form (importers rewrite older ones), plus the fused attributes
 * that src/ops documents. Layouts are the operators' own (NCHW); how a tensor lies in memory while
 * running is the planner's business, not the graph's.
 *
 *     struct graph *g;
 *     TRY(graph_create(&g));
 *     int x, y, n;
 *     TRY(graph_add_tensor(g, "x", DT_F32, shape_of(4, 1, 3, 224, 224), &x));
 *     TRY(graph_add_tensor(g, "y", DT_NONE, shape_unknown(), &y));
 *     TRY(graph_add_node(g, OP_Relu, "relu", 1, &x, 1, &y, &n));
 *     TRY(graph_add_input(g, x));  TRY(graph_add_output(g, y));
 *     TRY(graph_sort(g));  TRY(graph_infer(g));  TRY(graph_verify(g));   // ops/op.h
 *
 * Names from the source model survive to the end. All memory belongs to the graph's arena, except
 * constants' data that an importer lends with graph_attach().
 *
 * Dimension letters, the same everywhere: N batch, C channels, H height, W width; M N K in matrix
 * products; KH KW kernel; G groups. Byte counts end in _bytes, counts begin with n_.
 */
#ifndef PK_IR_GRAPH_H
#define PK_IR_GRAPH_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/dtype.h"
#include "base/status.h"

enum { SHAPE_MAX_RANK = 8 };

/* rank -1: nothing known. dim -1: that dimension is unknown. Rank 0 is a scalar. */
struct shape {
    int rank;
    int64_t dim[SHAPE_MAX_RANK];
};

struct shape shape_of(int rank, ...); /* dims as int; at most SHAPE_MAX_RANK */
struct shape shape_from(int rank, const int64_t *dims);
static inline struct shape shape_unknown(void) { return (struct shape){.rank = -1}; }
bool shape_known(const struct shape *s); /* rank and every dimension */
bool shape_equal(const struct shape *a, const struct shape *b);
/* Number of elements; -1 if not known. Shapes in a graph never overflow (checked on entry). */
int64_t shape_elements(const struct shape *s);
/* "[1,3,?,224]" into buf; "[*]" when the rank is unknown. Returns buf. */
const char *shape_text(const struct shape *s, char buf[static 128]);

/* Operators; ops.def is a plain list of names, the one thing taken from the folder below. */
enum op_kind {
    OP_NONE = 0, /* a removed node */
#define OP(name) OP_##name,
#include "ops/ops.def"
#undef OP
    OP_COUNT
};

const char *op_name(enum op_kind op);     /* as ONNX spells it; "None" for a removed node */
enum op_kind op_find(const char *name); /* OP_NONE if there is none */

enum attr_type { ATTR_INT, ATTR_FLOAT, ATTR_STRING, ATTR_INTS, ATTR_FLOATS };

struct attr {
    const char *name;
    enum attr_type type;
    int n; /* elements of ints / floats; 1 for INT and FLOAT; bytes of the string */
    union {
        const int64_t *ints; /* INT: one element */
        const float *floats; /* FLOAT: one element */
        const char *string;
    };
};

struct tensor {
    const char *name; /* unique in the graph, never empty */
    enum dtype dtype;
    struct shape shape;
    const void *data;  /* constant: the elements, row-major; else NULL */
    size_t data_bytes; /* of data */
    int producer;      /* node index, or -1: input or constant */
};

struct node {
    enum op_kind op;
    const char *name; /* the source model's; made up, and unique, where it had none */
    int n_inputs, n_outputs;
    int *inputs;  /* tensor index, or -1 for an optional input left out */
    int *outputs; /* tensor index, or -1 for an optional output not wanted */
    int n_attrs;
    struct attr *attrs;
};

struct graph {
    const char *name;
    int n_tensors, n_nodes, n_inputs, n_outputs;
    struct tensor *tensors;
    struct node *nodes; /* in execution order after graph_sort() */
    int *inputs, *outputs; /* tensor indices, in the source model's order */
    /* Free text about the model that travels into the .om: "prusik.family", "atc_cmdline", ... */
    int n_meta;
    struct graph_meta {
        const char *key, *value;
    } *meta;
    /* The block that most constants' data lies in, of what graph_attach() was given; or NULL. */
    void *constants;
    size_t constants_bytes;

    /* private to graph.c */
    struct arena arena;
    int cap_tensors, cap_nodes, cap_inputs, cap_outputs, cap_meta;
    struct graph_attachment *attachments;
    struct graph_names *names; /* name -> tensor index */
};

/* ---- life ---- */
enum status graph_create(struct graph **out);
void graph_destroy(struct graph *g); /* NULL is fine */
/* A deep copy without dead nodes and unused tensors. With share_data the copy borrows the data of
 * constants, and `g` must outlive it; else they are copied too. */
enum status graph_clone(const struct graph *g, bool share_data, struct graph **out);
/* The inputs and outputs alone: their names, types and shapes, without nodes and constants. */
enum status graph_clone_borders(const struct graph *g, struct graph **out);
/* Gives `g` something to release when it is destroyed: release(p) is called then. On failure
 * release(p) is called at once. */
enum status graph_attach(struct graph *g, void *p, void (*release)(void *));
/* Releases it now; the constants that borrow from it must be gone. */
void graph_release(struct graph *g);

/* ---- building ---- */
/* A name already taken gets "_1", "_2", ... appended; "" and NULL get one made up. */
enum status graph_add_tensor(struct graph *g, const char *name, enum dtype dtype,
                             struct shape shape, int *out);
/* A constant. data NULL: zeroed memory is allocated, to be filled through the returned tensor
 * (cast the const away before anybody else sees it). Otherwise copied, or borrowed if `borrow`. */
enum status graph_add_constant(struct graph *g, const char *name, enum dtype dtype,
                               struct shape shape, const void *data, bool borrow, int *out);
enum status graph_add_node(struct graph *g, enum op_kind op, const char *name, int n_inputs,
                           const int *inputs, int n_outputs, const int *outputs, int *out);
enum status graph_add_input(struct graph *g, int tensor);
enum status graph_add_output(struct graph *g, int tensor);
enum status graph_set_meta(struct graph *g, const char *key, const char *value);
const char *graph_get_meta(const struct graph *g, const char *key); /* NULL if absent */

/* Attributes; a second set of one name replaces the first. Values are copied. */
enum status node_set_attr(struct graph *g, int node, const struct attr *from);
enum status node_set_int(struct graph *g, int node, const char *name, int64_t value);
enum status node_set_float(struct graph *g, int node, const char *name, float value);
enum status node_set_string(struct graph *g, int node, const char *name, const char *value);
enum status node_set_ints(struct graph *g, int node, const char *name, int n, const int64_t *v);
enum status node_set_floats(struct graph *g, int node, const char *name, int n, const float *v);
void node_remove_attr(struct node *n, const char *name);

/* ---- reading ---- */
const struct attr *node_attr(const struct node *n, const char *name); /* NULL if absent */
size_t attr_bytes(const struct attr *a); /* of its values, or of the string without its end */
int64_t node_int(const struct node *n, const char *name, int64_t fallback);
float node_float(const struct node *n, const char *name, float fallback);
const char *node_string(const struct node *n, const char *name, const char *fallback);
/* Copies up to max values; returns how many there are, or -1 if the attribute is absent. */
int node_ints(const struct node *n, const char *name, int64_t *out, int max);
int node_floats(const struct node *n, const char *name, float *out, int max);
int graph_find_tensor(const struct graph *g, const char *name); /* -1 if none */
/* The tensor behind input i of a node; NULL if left out or i is beyond n_inputs. */
const struct tensor *node_input(const struct graph *g, const struct node *n, int i);
const struct tensor *node_output(const struct graph *g, const struct node *n, int i);
bool graph_is_input(const struct graph *g, int tensor);
bool graph_is_output(const struct graph *g, int tensor);

/* ---- changing ---- */
/* Every node input (and, if `outputs` is true, graph output) that is `from` becomes `to`. */
void graph_replace_uses(struct graph *g, int from, int to, bool outputs);
/* Turns a node into a tombstone; its outputs lose their producer. */
void graph_remove_node(struct graph *g, int node);
enum status node_set_inputs(struct graph *g, int node, int n, const int *inputs);
/* Consumers of each tensor, as lists; recomputed on call, freed with mem_free(uses->first). */
struct graph_uses {
    int *first;  /* n_tensors + 1 entries: uses of t are node[first[t]] .. node[first[t+1]-1] */
    int *node;   /* node indices, ascending; a node appears once per input it uses t for */
    int *count_outputs; /* how often t is a graph output */
};
enum status graph_find_uses(const struct graph *g, struct graph_uses *out);
void graph_uses_deinit(struct graph_uses *u);

/* Topological order, tombstones dropped, node indices change. A cycle or a dangling edge is an
 * error that names the nodes. */
enum status graph_sort(struct graph *g);
/* Drops nodes and constants nothing needs. Inputs and outputs stay. */
enum status graph_compact(struct graph *g);

/* ---- text form; ir/print.c and ir/parse.c ---- */
/* Prints the graph so that graph_parse() gives it back. Constants up to max_inline elements are
 * written out; larger ones as zeros with a hash behind (data lost) with max_inline >= 0; -1 =
 * all. */
enum status graph_print(const struct graph *g, FILE *to, int max_inline);
/* The text may be hostile and need not end in a NUL. Errors name line and column. The graph is as
 * written: neither sorted nor inferred nor verified. */
enum status graph_parse(const char *text, size_t n_bytes, struct graph **out);

#endif
