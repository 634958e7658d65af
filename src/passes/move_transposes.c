/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Takes a channels-last model's Transposes out from between its convolutions.
 *
 * A model made for NHWC arrives with each convolution between two Transposes: into NCHW, and back
 * (TensorFlow, through its importer; TFLite and Keras, through their exports to ONNX). Whatever
 * stands between them does not care about the order of dimensions, or names them: a Transpose back
 * to NHWC moves from its inputs behind it, until it meets the next one into NCHW, and both vanish.
 *
 *     Transpose(a), Transpose(b) -> Add      becomes      Add(a, b) -> Transpose
 *
 * Only Transposes from NCHW to NHWC of four dimensions move, so that other models stay as they are.
 * Constants beside them are transposed here. Where a Transpose meets an operator that needs the
 * order (Reshape, MatMul), or inputs in several orders, it stays.
 */
#include <string.h>

#include "ops/op.h"
#include "passes/edit.h"
#include "passes/internal.h"

#define NO_MEMORY "out of memory while moving transposes"

enum { RANK = 4 };
/* Dimension i of NHWC is dimension from[i] of NCHW; dimension i of NCHW is to[i] of NHWC. */
static const int64_t from[RANK] = {0, 2, 3, 1}, to[RANK] = {0, 3, 1, 2};

/* ---- what an operator lets pass ---- */

enum way {
    STAYS,
    EACH,      /* element by element; further inputs are numbers */
    BROADCAST, /* element by element, several inputs */
    JOIN,      /* Concat: all inputs, `axis` */
    AXIS,      /* one tensor, `axis`; further inputs do not depend on the order */
    SLICE,
    PAD,
    REDUCE,
    RESIZE
};

static enum way way_of(enum op_kind op) {
    switch (op) {
    case OP_Abs: case OP_Acos: case OP_Asin: case OP_Atan: case OP_Cast: case OP_Ceil: case OP_Celu:
    case OP_Clip: case OP_Cos: case OP_DequantizeLinear: case OP_Elu: case OP_Erf: case OP_Exp:
    case OP_Floor: case OP_Gelu: case OP_HardSigmoid: case OP_HardSwish: case OP_Identity:
    case OP_LeakyRelu: case OP_Log: case OP_Mish: case OP_Neg: case OP_Not: case OP_QuantizeLinear:
    case OP_Reciprocal: case OP_Relu: case OP_Round: case OP_Selu: case OP_Sigmoid: case OP_Sign:
    case OP_Sin: case OP_Softplus: case OP_Softsign: case OP_Sqrt: case OP_Swish: case OP_Tan:
    case OP_Tanh: case OP_ThresholdedRelu:
        return EACH;
    case OP_Add: case OP_And: case OP_Div: case OP_Equal: case OP_Greater: case OP_GreaterOrEqual:
    case OP_Less: case OP_LessOrEqual: case OP_Max: case OP_Mean: case OP_Min: case OP_Mod:
    case OP_Mul: case OP_Or: case OP_PRelu: case OP_Pow: case OP_Sub: case OP_Sum: case OP_Where:
        return BROADCAST;
    case OP_Concat: return JOIN;
    case OP_LogSoftmax: case OP_Softmax: case OP_Split: return AXIS;
    case OP_Slice: return SLICE;
    case OP_Pad: return PAD;
    case OP_ReduceL1: case OP_ReduceL2: case OP_ReduceMax: case OP_ReduceMean: case OP_ReduceMin:
    case OP_ReduceProd: case OP_ReduceSum: case OP_ReduceSumSquare:
        return REDUCE;
    case OP_Resize: return RESIZE;
    default: return STAYS;
    }
}

/* ---- inputs ---- */

static bool has_perm(const struct node *n, const int64_t perm[RANK]) {
    int64_t p[RANK + 1];
    return n->op == OP_Transpose && node_ints(n, "perm", p, RANK + 1) == RANK &&
           !memcmp(p, perm, sizeof(int64_t[RANK]));
}

/* What the Transpose to NHWC behind tensor t reads; -1 if there is none. */
static int behind(const struct graph *g, int t) {
    int at = t >= 0 ? g->tensors[t].producer : -1;
    return at >= 0 && has_perm(&g->nodes[at], from) ? g->nodes[at].inputs[0] : -1;
}

static bool is_number(const struct graph *g, int t) {
    return t < 0 || shape_elements(&g->tensors[t].shape) == 1;
}

static bool is_small_rank(const struct tensor *t) {
    return t->data && t->shape.rank <= RANK && dtype_size(t->dtype) <= 8;
}

/* Whether tensor t can be had in NCHW. */
static bool can_move(const struct graph *g, int t) {
    return behind(g, t) >= 0 || (t >= 0 && (g->tensors[t].shape.rank == 0 ||
                                            is_small_rank(&g->tensors[t])));
}

/* The constant t, which broadcasts against NHWC, in NCHW. */
static enum status transpose_constant(struct edit *e, int t, int *out) {
    struct graph *g = e->g;
    struct tensor x = g->tensors[t];
    struct shape s = {.rank = RANK, .dim = {1, 1, 1, 1}}, y = {.rank = RANK};
    *out = t;
    if (shape_elements(&x.shape) == 1 && x.shape.rank < RANK) return STATUS_OK;
    for (int i = 0; i < x.shape.rank; i++) s.dim[RANK - x.shape.rank + i] = x.shape.dim[i];
    for (int i = 0; i < RANK; i++) y.dim[i] = s.dim[to[i]];
    void *room;
    TRY(edit_constant(e, x.name, x.dtype, y, NULL, out, &room));
    size_t size = dtype_size(x.dtype);
    const char *in = x.data;
    char *p = room;
    int64_t step[RANK];
    for (int i = RANK - 1; i >= 0; i--) step[i] = i == RANK - 1 ? 1 : step[i + 1] * s.dim[i + 1];
    for (int64_t n = 0; n < y.dim[0]; n++)
        for (int64_t c = 0; c < y.dim[1]; c++)
            for (int64_t h = 0; h < y.dim[2]; h++)
                for (int64_t w = 0; w < y.dim[3]; w++, p += size)
                    memcpy(p, in + (size_t)(n * step[0] + h * step[1] + w * step[2] + c) * size,
                           size);
    return STATUS_OK;
}

/* ---- moving ---- */

/* A node on its way: the inputs it will have in NCHW, its axis and its attribute `axes`. */
struct moved {
    int node, n, *inputs;
    int64_t axis;    /* of JOIN and AXIS */
    int n_axes;      /* of RESIZE; -1: has none */
    int64_t axes[RANK];
};

static bool read_axis(const struct node *n, struct moved *m) {
    int64_t fallback = n->op == OP_Softmax || n->op == OP_LogSoftmax ? -1 : 0;
    int64_t axis = node_int(n, "axis", fallback);
    if (axis < 0) axis += RANK;
    if (axis < 0 || axis >= RANK) return false;
    m->axis = from[axis];
    return true;
}

/* List i of `n` names dimensions: constant, and mapped to NCHW. */
static bool map_axes(int n, const int64_t *axes, int64_t out[RANK]) {
    for (int i = 0; i < n; i++) {
        int64_t axis = axes[i] < 0 ? axes[i] + RANK : axes[i];
        if (axis < 0 || axis >= RANK) return false;
        out[i] = from[axis];
    }
    return true;
}

static enum status add_ints(struct edit *e, int node, int n, const int64_t *v, int *out) {
    return edit_constant(e, e->g->nodes[node].name, DT_I64, shape_of(1, n), v, out, NULL);
}

/* An operand that lists dimensions; left out it names all in order. */
static enum status move_axes_input(struct edit *e, struct moved *m, int i, int count, bool *ok) {
    struct graph *g = e->g;
    int64_t given[RANK] = {0, 1, 2, 3}, mapped[RANK];
    int n = count;
    if (i < m->n && m->inputs[i] >= 0) n = graph_const_ints(g, m->inputs[i], given, RANK);
    *ok = n >= 0 && n <= RANK && map_axes(n, given, mapped);
    return *ok ? add_ints(e, m->node, n, mapped, &m->inputs[i]) : STATUS_OK;
}

/* A list with `per` runs of one value for each dimension. */
static enum status move_values(struct edit *e, struct moved *m, int i, int per, bool *ok) {
    int64_t given[2 * RANK], mapped[2 * RANK];
    *ok = graph_const_ints(e->g, m->inputs[i], given, 2 * RANK) == per * RANK;
    for (int k = 0; *ok && k < per * RANK; k++) mapped[k] = given[k / RANK * RANK + to[k % RANK]];
    return *ok ? add_ints(e, m->node, per * RANK, mapped, &m->inputs[i]) : STATUS_OK;
}

static enum status move_slice(struct edit *e, struct moved *m, bool *ok) {
    int starts = (int)shape_elements(&e->g->tensors[m->inputs[1]].shape);
    *ok = starts >= 0 && starts <= RANK;
    return *ok ? move_axes_input(e, m, 3, starts, ok) : STATUS_OK;
}

static enum status move_pad(struct edit *e, struct moved *m, bool *ok) {
    bool has_axes = m->n > 3 && m->inputs[3] >= 0;
    return has_axes ? move_axes_input(e, m, 3, RANK, ok) : move_values(e, m, 1, 2, ok);
}

/* Without `keepdims` the dimensions left must stand in one order in both layouts. */
static enum status move_reduce(struct edit *e, struct moved *m, bool *ok) {
    const struct graph *g = e->g;
    const struct node *n = &g->nodes[m->node];
    int64_t axes[RANK] = {0, 1, 2, 3}, last = -1;
    bool gone[RANK] = {false};
    int count = RANK;
    bool given = node_input(g, n, 1) != NULL;
    if (given) count = graph_const_ints(g, n->inputs[1], axes, RANK);
    /* No axes may mean all or none. */
    if (given ? !count : node_int(n, "noop_with_empty_axes", 0)) count = -1;
    *ok = count >= 0;
    for (int i = 0; i < count; i++) {
        int64_t axis = axes[i] < 0 ? axes[i] + RANK : axes[i];
        if (axis < 0 || axis >= RANK) *ok = false;
        else gone[axis] = true;
    }
    for (int i = 0; i < RANK && !node_int(n, "keepdims", 1); i++) {
        if (gone[i]) continue;
        if (from[i] < last) *ok = false;
        last = from[i];
    }
    return *ok ? move_axes_input(e, m, 1, RANK, ok) : STATUS_OK;
}

static enum status move_resize(struct edit *e, struct moved *m, bool *ok) {
    const struct node *n = &e->g->nodes[m->node];
    int64_t axes[RANK + 1];
    m->n_axes = node_ints(n, "axes", axes, RANK + 1);
    *ok = (m->inputs[1] < 0 || shape_elements(&e->g->tensors[m->inputs[1]].shape) == 0) &&
          m->n_axes <= RANK;
    if (!*ok) return STATUS_OK;
    if (m->n_axes >= 0) {
        *ok = map_axes(m->n_axes, axes, m->axes);
        return STATUS_OK;
    }
    if (m->n < 4 || m->inputs[3] < 0) { /* scales are no integers */
        *ok = m->inputs[2] >= 0 && e->g->tensors[m->inputs[2]].data &&
              e->g->tensors[m->inputs[2]].dtype == DT_F32 &&
              shape_elements(&e->g->tensors[m->inputs[2]].shape) == RANK;
        float scales[RANK];
        for (int i = 0; *ok && i < RANK; i++)
            scales[i] = ((const float *)e->g->tensors[m->inputs[2]].data)[to[i]];
        return *ok ? edit_constant(e, n->name, DT_F32, shape_of(1, RANK), scales, &m->inputs[2],
                                   NULL)
                   : STATUS_OK;
    }
    return move_values(e, m, 3, 1, ok);
}

/* Fills the inputs in NCHW. *ok: all can be had. */
static enum status move_inputs(struct edit *e, struct moved *m, enum way way, bool *ok) {
    struct graph *g = e->g;
    const struct node *n = &g->nodes[m->node];
    bool all = way == BROADCAST || way == JOIN, some = false;
    *ok = false;
    for (int i = 0; i < n->n_inputs; i++) {
        some |= behind(g, n->inputs[i]) >= 0;
        if (i > 0 && all && !can_move(g, n->inputs[i])) return STATUS_OK;
        if (i > 0 && way == EACH && !is_number(g, n->inputs[i])) return STATUS_OK;
    }
    if (!some || !(all ? can_move(g, n->inputs[0]) : behind(g, n->inputs[0]) >= 0))
        return STATUS_OK;
    if (way == JOIN)
        for (int i = 0; i < n->n_inputs; i++)
            if (g->tensors[n->inputs[i]].shape.rank != RANK) return STATUS_OK;
    if ((way == JOIN || way == AXIS) && !read_axis(n, m)) return STATUS_OK;
    m->n = n->n_inputs;
    m->inputs = arena_calloc(&g->arena, (size_t)m->n + RANK, sizeof *m->inputs);
    CHECK(m->inputs, STATUS_MEMORY, NO_MEMORY);
    for (int i = 0; i < RANK; i++) m->inputs[m->n + i] = -1;
    for (int i = 0; i < m->n; i++) {
        int x = behind(g, n->inputs[i]);
        m->inputs[i] = i > 0 && !all ? n->inputs[i] : x >= 0 ? x : n->inputs[i];
        if (all && x < 0) TRY(transpose_constant(e, n->inputs[i], &m->inputs[i]));
        n = &g->nodes[m->node];
    }
    *ok = true;
    if (way == SLICE) return move_slice(e, m, ok);
    if (way == PAD) return move_pad(e, m, ok);
    if (way == REDUCE) return move_reduce(e, m, ok);
    if (way == RESIZE) return move_resize(e, m, ok);
    return STATUS_OK;
}

/* The shape in NCHW of what has `s` in NHWC. */
static struct shape moved_shape(const struct shape *s) {
    struct shape x = {.rank = s->rank};
    if (s->rank != RANK) return shape_unknown();
    for (int i = 0; i < RANK; i++) x.dim[i] = s->dim[to[i]];
    return x;
}

static enum status set_moved_attrs(struct graph *g, int node, const struct moved *m) {
    if (m->axis >= 0) TRY(node_set_int(g, node, "axis", m->axis));
    return m->n_axes >= 0 ? node_set_ints(g, node, "axes", m->n_axes, m->axes) : STATUS_OK;
}

/* The number of inputs with the ones that were added. */
static int moved_count(const struct moved *m) {
    int n = m->n;
    for (int i = 0; i < RANK; i++)
        if (m->inputs[m->n + i] >= 0) n = m->n + i + 1;
    return n;
}

/* The node's place is taken by the Transpose, which keeps its output and the name of that; a new
 * node in front of it does the work. */
static enum status move_one(struct edit *e, const struct moved *m) {
    struct graph *g = e->g;
    struct node old = g->nodes[m->node];
    struct tensor y = g->tensors[old.outputs[0]];
    int work, t;
    TRY(edit_insert(e, m->node, old.op, old.name, moved_count(m), m->inputs, y.dtype,
                    moved_shape(&y.shape), &work, &t));
    g->nodes[work].attrs = old.attrs;
    g->nodes[work].n_attrs = old.n_attrs;
    TRY(set_moved_attrs(g, work, m));
    const char *name = arena_printf(&g->arena, "%s/Transpose", old.name);
    CHECK(name, STATUS_MEMORY, NO_MEMORY);
    edit_set_op(e, m->node, OP_Transpose);
    g->nodes[m->node].name = name;
    TRY(node_set_ints(g, m->node, "perm", RANK, from));
    return edit_set_inputs(e, m->node, 1, &t);
}

/* Split has several outputs: it stays, and a Transpose goes behind each that is read. */
static enum status move_split(struct edit *e, const struct moved *m) {
    struct graph *g = e->g;
    int n_outputs = g->nodes[m->node].n_outputs;
    TRY(edit_set_inputs(e, m->node, m->n, m->inputs));
    TRY(set_moved_attrs(g, m->node, m));
    for (int i = 0; i < n_outputs; i++) {
        int y = g->nodes[m->node].outputs[i], node, t;
        if (y < 0 || !edit_n_uses(e, y)) continue;
        struct tensor x = g->tensors[y];
        g->tensors[y].shape = moved_shape(&x.shape);
        TRY(edit_insert(e, m->node + 1, OP_Transpose, x.name, 0, NULL, x.dtype, x.shape, &node,
                        &t));
        TRY(node_set_ints(g, node, "perm", RANK, from));
        edit_replace(e, y, t);
        TRY(edit_set_inputs(e, node, 1, &y));
    }
    return STATUS_OK;
}

static bool split_can_move(const struct edit *e, const struct node *n, int node) {
    for (int i = 0; i < n->n_outputs; i++)
        if (n->outputs[i] >= 0 && edit_is_output(e, n->outputs[i])) return false;
    return node + 1 < e->n_nodes;
}

/* Into NCHW what was NCHW before. */
static enum status cancel(struct edit *e, int node) {
    const struct node *n = &e->g->nodes[node];
    int x = has_perm(n, to) ? behind(e->g, n->inputs[0]) : -1;
    return x >= 0 ? edit_bypass(e, node, n->outputs[0], x) : STATUS_OK;
}

static enum status visit(struct edit *e, int node) {
    const struct node *n = &e->g->nodes[node];
    struct moved m = {.node = node, .axis = -1, .n_axes = -1};
    enum way way = way_of(n->op);
    bool ok;
    if (n->op == OP_Transpose) return cancel(e, node);
    if (way == STAYS || n->n_outputs < 1 || n->outputs[0] < 0) return STATUS_OK;
    if (n->op == OP_Split ? !split_can_move(e, n, node) : n->n_outputs > 1) return STATUS_OK;
    bool keeps_rank = way != REDUCE || node_int(n, "keepdims", 1);
    if (keeps_rank && e->g->tensors[n->outputs[0]].shape.rank != RANK) return STATUS_OK;
    TRY(move_inputs(e, &m, way, &ok));
    if (!ok) return STATUS_OK;
    if (e->g->nodes[node].op == OP_Split) return move_split(e, &m);
    if (keeps_rank) return move_one(e, &m);
    return edit_set_inputs(e, node, moved_count(&m), m.inputs);
}

enum status pass_move_transposes(struct graph *g) { return edit_sweep(g, visit); }
