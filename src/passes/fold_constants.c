/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Computes at once what does not depend on the inputs' values.
 *
 * One sweep in execution order: a node's shapes are inferred from what is known by now; if all its
 * inputs are constants, or if it reads only shapes and these are known, its reference kernel runs
 * and its outputs become constants. So the shape arithmetic that exporters leave behind (Shape,
 * Gather, Concat, Reshape) folds from its beginning to the Reshape that reads it.
 *
 * Where only some dimensions are known, the elements of small integer vectors are followed one by
 * one (`struct partial`): what is known in the end becomes a constant, and the shape operand of a
 * Reshape with one unknown element gets -1 there, which means the same.
 *
 * Left alone: random numbers, values that depend on inputs, and results so much larger than their
 * operands (Expand, Tile, ConstantOfShape) that storing them would cost more than computing them.
 */
#include <string.h>

#include "base/alloc.h"
#include "ops/op.h"
#include "passes/internal.h"
#include "passes/edit.h"

#define MAX_RESULT_BYTES ((size_t)64 << 20)
#define MAX_BLOWN_UP_BYTES ((size_t)1 << 20)

enum { PARTIAL_MAX = 16 };

/* A vector or scalar of integers some of whose elements are known. */
struct partial {
    int n; /* -1: nothing known */
    uint32_t known; /* bit i: value[i] is what element i will be */
    int64_t value[PARTIAL_MAX];
};

struct folder {
    struct edit *e;
    size_t in_bytes, out_bytes; /* of the node being folded */
    bool too_large;
    int *partial_of; /* per tensor of the graph as it was: index + 1 into partials */
    int n_tensors, n_partials, cap_partials;
    struct partial *partials;
};

/* ---- whole values ---- */

static bool result_fits(struct folder *f, const struct view *v, size_t *bytes) {
    *bytes = (size_t)shape_elements(&v->shape) * dtype_size(v->dtype);
    if (*bytes > MAX_RESULT_BYTES - f->out_bytes) return false;
    f->out_bytes += *bytes;
    return f->out_bytes <= MAX_BLOWN_UP_BYTES || f->out_bytes / 4 <= f->in_bytes;
}

static enum status alloc_output(struct op_call *c, int i) {
    struct folder *f = c->user;
    size_t bytes;
    f->too_large = !result_fits(f, &c->out[i], &bytes);
    CHECK(!f->too_large, STATUS_LIMIT, "the result is too large to be stored");
    c->out[i].data = arena_alloc_data(&f->e->g->arena, bytes ? bytes : 1);
    CHECK(c->out[i].data, STATUS_MEMORY, "out of memory while folding constants");
    return STATUS_OK;
}

/* The views of outputs, with memory where the shape is known by now. False: leave the node. */
static enum status prepare_outputs(struct folder *f, const struct node *n, struct op_call *c,
                                   bool *fits) {
    const struct graph *g = f->e->g;
    *fits = true;
    bool late = op_def(n->op)->flags & OP_LATE_SHAPE;
    for (int i = 0; *fits && i < n->n_outputs; i++) {
        const struct tensor *t = node_output(g, n, i);
        if (!t) continue;
        size_t bytes;
        c->out[i].dtype = t->dtype;
        c->out[i].shape = t->shape;
        bool known = shape_known(&t->shape) && t->dtype != DT_NONE;
        if (!known || late) *fits = late && t->dtype != DT_NONE;
        else if (!result_fits(f, &c->out[i], &bytes)) *fits = false;
        else {
            c->out[i].data = arena_alloc_data(&f->e->g->arena, bytes ? bytes : 1);
            CHECK(c->out[i].data, STATUS_MEMORY, "out of memory while folding constants");
        }
    }
    return STATUS_OK;
}

static enum status fold_call(struct folder *f, int node, struct op_call *c) {
    struct graph *g = f->e->g;
    const struct node *n = &g->nodes[node];
    bool fits;
    TRY(prepare_outputs(f, n, c, &fits));
    if (!fits) return STATUS_OK;
    enum status s = op_def(n->op)->run(c);
    if (s == STATUS_MEMORY) return s;
    /* What the kernel refuses stays in the graph: the run will say so, if it ever gets there. */
    if (s != STATUS_OK) return STATUS_OK;
    for (int i = 0; i < n->n_outputs; i++) {
        if (n->outputs[i] < 0) continue;
        const struct view *v = &c->out[i];
        g->tensors[n->outputs[i]].shape = v->shape;
        edit_fold(f->e, node, i, v->data,
                     (size_t)shape_elements(&v->shape) * dtype_size(v->dtype));
    }
    edit_remove(f->e, node);
    return STATUS_OK;
}

static bool inputs_are_known(const struct folder *f, const struct node *n) {
    const struct graph *g = f->e->g;
    bool shape_only = op_def(n->op)->flags & OP_SHAPE_ONLY;
    for (int i = 0; i < n->n_inputs; i++) {
        const struct tensor *t = node_input(g, n, i);
        if (t && !t->data && !(shape_only && shape_known(&t->shape))) return false;
    }
    return true;
}

static enum status fold_node(struct folder *f, int node) {
    const struct node *n = &f->e->g->nodes[node];
    struct op_call c;
    TRY(op_call_init(&c, f->e->g, n));
    c.alloc_output = alloc_output;
    c.user = f;
    f->in_bytes = f->out_bytes = 0;
    for (int i = 0; i < n->n_inputs; i++)
        if (n->inputs[i] >= 0) f->in_bytes += f->e->g->tensors[n->inputs[i]].data_bytes;
    enum status s = fold_call(f, node, &c);
    op_call_deinit(&c);
    return s;
}

/* ---- partly known values ---- */

/* What is known of a tensor's elements. */
static struct partial look(const struct folder *f, int t) {
    struct partial p = {.n = -1};
    if (t < 0) return p;
    const struct tensor *x = &f->e->g->tensors[t];
    if (x->data && x->shape.rank <= 1) {
        int64_t v[PARTIAL_MAX];
        int n = graph_const_ints(f->e->g, t, v, PARTIAL_MAX);
        if (n < 0) return p;
        p.n = n;
        p.known = (1u << n) - 1;
        memcpy(p.value, v, (size_t)n * sizeof *v);
    } else if (t < f->n_tensors && f->partial_of[t]) {
        p = f->partials[f->partial_of[t] - 1];
    }
    return p;
}

static int64_t bounded(int64_t x, int64_t low, int64_t high) {
    return x < low ? low : x > high ? high : x;
}

static struct partial partial_shape(const struct graph *g, const struct node *n) {
    struct partial p = {.n = -1};
    const struct shape *s = &node_input(g, n, 0)->shape;
    if (s->rank < 0) return p;
    int64_t from = node_int(n, "start", 0), to = node_int(n, "end", s->rank);
    from = bounded(from < 0 ? from + s->rank : from, 0, s->rank);
    to = bounded(to < 0 ? to + s->rank : to, 0, s->rank);
    p.n = 0;
    for (int64_t i = from; i < to; i++, p.n++) {
        if (s->dim[i] < 0) continue;
        p.known |= 1u << p.n;
        p.value[p.n] = s->dim[i];
    }
    return p;
}

/* Picks elements `index` out of `x`. */
static struct partial partial_pick(const struct partial *x, const int64_t *index, int n) {
    struct partial p = {.n = n};
    for (int i = 0; i < n; i++) {
        int64_t k = index[i] < 0 ? index[i] + x->n : index[i];
        if (k < 0 || k >= x->n) return (struct partial){.n = -1};
        if (!(x->known >> k & 1)) continue;
        p.known |= 1u << i;
        p.value[i] = x->value[k];
    }
    return p;
}

static struct partial partial_slice(const struct folder *f, const struct node *n,
                                    const struct partial *x) {
    struct partial none = {.n = -1};
    int64_t start, end, step = 1, index[PARTIAL_MAX];
    int at = 0;
    if (graph_const_ints(f->e->g, n->inputs[1], &start, 1) != 1 ||
        graph_const_ints(f->e->g, n->inputs[2], &end, 1) != 1 ||
        (n->n_inputs > 4 && n->inputs[4] >= 0 &&
         graph_const_ints(f->e->g, n->inputs[4], &step, 1) != 1) || step != 1)
        return none;
    start = bounded(start < 0 ? start + x->n : start, 0, x->n);
    end = bounded(end < 0 ? end + x->n : end, 0, x->n);
    while (start < end) index[at++] = start++;
    return partial_pick(x, index, at);
}

static struct partial partial_binary(const struct folder *f, const struct node *n) {
    struct partial a = look(f, n->inputs[0]), b = look(f, n->inputs[1]), none = {.n = -1};
    if (a.n < 1 || b.n < 1 || (a.n != b.n && a.n != 1 && b.n != 1)) return none;
    struct partial p = {.n = a.n > b.n ? a.n : b.n};
    for (int i = 0; i < p.n; i++) {
        int ia = a.n == 1 ? 0 : i, ib = b.n == 1 ? 0 : i;
        if (!(a.known >> ia & 1) || !(b.known >> ib & 1)) continue;
        int64_t x = a.value[ia], y = b.value[ib], z = 0;
        bool overflow = false;
        if (n->op == OP_Add) overflow = __builtin_add_overflow(x, y, &z);
        else if (n->op == OP_Sub) overflow = __builtin_sub_overflow(x, y, &z);
        else if (n->op == OP_Mul) overflow = __builtin_mul_overflow(x, y, &z);
        else if (y > 0 && x >= 0) z = x / y; /* negative quotients round in several ways */
        else overflow = true;
        if (overflow) continue;
        p.known |= 1u << i;
        p.value[i] = z;
    }
    return p;
}

static struct partial partial_concat(const struct folder *f, const struct node *n) {
    struct partial p = {.n = 0}, none = {.n = -1};
    for (int i = 0; i < n->n_inputs; i++) {
        struct partial x = look(f, n->inputs[i]);
        const struct tensor *t = node_input(f->e->g, n, i);
        if (x.n < 0) {
            /* Known by its size alone. */
            if (!t || t->shape.rank != 1 || t->shape.dim[0] < 0) return none;
            if (t->shape.dim[0] > PARTIAL_MAX) return none;
            x.n = (int)t->shape.dim[0];
            x.known = 0;
        }
        if (p.n + x.n > PARTIAL_MAX) return none;
        p.known |= x.known << p.n;
        memcpy(p.value + p.n, x.value, (size_t)x.n * sizeof *x.value);
        p.n += x.n;
    }
    return p;
}

static struct partial evaluate(const struct folder *f, const struct node *n) {
    const struct graph *g = f->e->g;
    struct partial none = {.n = -1}, x;
    switch (n->op) {
    case OP_Shape: return partial_shape(g, n);
    case OP_Identity:
    case OP_Squeeze:
    case OP_Unsqueeze:
    case OP_Reshape: return look(f, n->inputs[0]);
    case OP_Cast: {
        const char *to = node_string(n, "to", "");
        return strcmp(to, "i64") && strcmp(to, "i32") ? none : look(f, n->inputs[0]);
    }
    case OP_Gather: {
        int64_t index[PARTIAL_MAX];
        int count = graph_const_ints(g, n->inputs[1], index, PARTIAL_MAX);
        x = look(f, n->inputs[0]);
        return count < 0 || x.n < 0 ? none : partial_pick(&x, index, count);
    }
    case OP_Slice: x = look(f, n->inputs[0]); return x.n < 0 ? none : partial_slice(f, n, &x);
    case OP_Concat: return partial_concat(f, n);
    case OP_Add:
    case OP_Sub:
    case OP_Mul:
    case OP_Div: return partial_binary(f, n);
    default: return none;
    }
}

/* Follows the elements of a node's result, and stores it where all are known. */
static enum status follow(struct folder *f, int node) {
    struct graph *g = f->e->g;
    const struct node *n = &g->nodes[node];
    int t = n->n_outputs == 1 ? n->outputs[0] : -1;
    if (t < 0 || t >= f->n_tensors) return STATUS_OK;
    struct tensor *y = &g->tensors[t];
    if ((y->dtype != DT_I64 && y->dtype != DT_I32) || y->shape.rank < 0 || y->shape.rank > 1 ||
        (n->n_inputs && n->inputs[0] < 0))
        return STATUS_OK;
    struct partial p = evaluate(f, n);
    if (p.n < 0 || !p.known || (y->shape.rank == 0 && p.n != 1)) return STATUS_OK;
    if (p.known == (1u << p.n) - 1) {
        void *data = arena_alloc_data(&g->arena, (size_t)p.n * 8);
        CHECK(data, STATUS_MEMORY, "out of memory while folding constants");
        if (y->shape.rank == 1) y->shape.dim[0] = p.n;
        struct view v = {y->dtype, y->shape, data, y->name, true};
        for (int i = 0; i < p.n; i++) view_set_i64(&v, i, p.value[i]);
        edit_fold(f->e, node, 0, data, (size_t)p.n * dtype_size(y->dtype));
        edit_remove(f->e, node);
        return STATUS_OK;
    }
    if (f->n_partials == f->cap_partials) {
        int wider = f->cap_partials ? 2 * f->cap_partials : 32;
        void *fresh = mem_realloc(f->partials, (size_t)wider * sizeof *f->partials);
        CHECK(fresh, STATUS_MEMORY, "out of memory while folding constants");
        f->partials = fresh;
        f->cap_partials = wider;
    }
    f->partials[f->n_partials++] = p;
    f->partial_of[t] = f->n_partials;
    return STATUS_OK;
}

/* A Reshape to [?, 3, 85] is one to [-1, 3, 85]. */
static enum status open_reshape(struct folder *f, int node) {
    struct graph *g = f->e->g;
    const struct node *n = &g->nodes[node];
    int t = n->inputs[1], out;
    if (t < 0 || g->tensors[t].data) return STATUS_OK;
    struct partial p = look(f, t);
    int unknown = -1;
    if (p.n < 1) return STATUS_OK;
    for (int i = 0; i < p.n; i++) {
        bool known = p.known >> i & 1;
        /* A -1 or 0 already there has a meaning of its own that the unknown element may share. */
        if (known && p.value[i] <= 0) return STATUS_OK;
        if (known) continue;
        if (unknown >= 0) return STATUS_OK;
        unknown = i;
    }
    if (unknown < 0) return STATUS_OK;
    p.value[unknown] = -1;
    TRY(edit_constant(f->e, g->tensors[t].name, DT_I64, shape_of(1, p.n), p.value, &out, NULL));
    return edit_set_input(f->e, node, 1, out);
}

/* ---- the sweep ---- */

static bool outputs_are_known(const struct graph *g, const struct node *n) {
    for (int i = 0; i < n->n_outputs; i++) {
        const struct tensor *t = node_output(g, n, i);
        if (t && (t->dtype == DT_NONE || !shape_known(&t->shape))) return false;
    }
    return true;
}

static enum status visit(struct folder *f, int node) {
    struct graph *g = f->e->g;
    const struct op_def *def = op_def(g->nodes[node].op);
    if (g->nodes[node].op == OP_Reshape) TRY(open_reshape(f, node));
    if (!outputs_are_known(g, &g->nodes[node])) TRY(graph_infer_node(g, node));
    if (def->flags & OP_RANDOM || !def->run) return STATUS_OK;
    if (inputs_are_known(f, &g->nodes[node])) return fold_node(f, node);
    return follow(f, node);
}

enum status pass_fold_constants(struct graph *g) {
    struct edit e;
    TRY(edit_init(&e, g));
    struct folder f = {.e = &e, .n_tensors = g->n_tensors};
    f.partial_of = mem_calloc((size_t)g->n_tensors + 1, sizeof *f.partial_of);
    enum status s = STATUS_OK;
    if (!f.partial_of)
        s = status_set(STATUS_MEMORY, __FILE__, __LINE__, "out of memory while folding constants");
    for (int n = 0; s == STATUS_OK && n < e.n_nodes; n++)
        if (g->nodes[n].op != OP_NONE) s = visit(&f, n);
    mem_free(f.partials);
    mem_free(f.partial_of);
    return edit_finish(&e, s);
}
