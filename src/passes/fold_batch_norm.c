/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Folds what scales and shifts each output channel into the weights and bias before it.
 *
 * After a Conv, ConvTranspose, Gemm or MatMul that nobody else reads: BatchNormalization, and Add,
 * Sub, Mul, Div with a constant per channel. y = scale * (W x + b) + shift is W' x + b' with
 * W' = scale W and b' = scale b + shift, worked out in double. A MatMul of two matrices that gets a
 * bias becomes a Gemm.
 *
 * After Aipp with static parameters the same goes into its normalisation (ops/aipp.h).
 *
 * A BatchNormalization with nothing to fold into becomes Mul and Add, which other passes and the
 * planner know. 16-bit weights are left alone: their rounding would show.
 */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "ops/aipp.h"
#include "passes/edit.h"
#include "passes/internal.h"

/* What happens to each channel; one allocation holds both. */
struct affine {
    int64_t n;
    double *scale, *shift;
    bool scales, shifts; /* not all 1, not all 0 */
};

static enum status affine_init(struct affine *a, int64_t n) {
    size_t bytes;
    *a = (struct affine){.n = n};
    CHECK(n >= 0 && size_mul((size_t)n, 2 * sizeof(double), &bytes), STATUS_LIMIT,
          "too many channels");
    a->scale = mem_alloc(bytes);
    CHECK(a->scale, STATUS_MEMORY, "out of memory while folding weights");
    a->shift = a->scale + n;
    return STATUS_OK;
}

static struct view view_of(const struct graph *g, int t) {
    const struct tensor *x = &g->tensors[t];
    return (struct view){x->dtype, x->shape, (void *)(uintptr_t)x->data, x->name, true};
}

static bool is_wide_float(enum dtype t) { return t == DT_F32 || t == DT_F64; }

/* False if some channel's numbers cannot be worked with. Notes what there is to do. */
static bool affine_check(struct affine *a) {
    for (int64_t i = 0; i < a->n; i++) {
        if (!isfinite(a->scale[i]) || !isfinite(a->shift[i])) return false;
        a->scales |= a->scale[i] != 1;
        a->shifts |= a->shift[i] != 0;
    }
    return true;
}

/* ---- what the second node does to each channel ---- */

static bool batch_norm_is_constant(const struct edit *e, const struct node *n, int64_t channels) {
    if (node_int(n, "training_mode", 0)) return false;
    for (int i = 1; i < n->n_outputs; i++)
        if (n->outputs[i] >= 0) return false;
    for (int i = 1; i < 5; i++)
        if (!edit_is_constant(e, n->inputs[i]) ||
            shape_elements(&e->g->tensors[n->inputs[i]].shape) != channels)
            return false;
    return is_wide_float(e->g->tensors[n->inputs[0]].dtype);
}

static void batch_norm_affine(const struct graph *g, const struct node *n, struct affine *a) {
    struct view gamma = view_of(g, n->inputs[1]), beta = view_of(g, n->inputs[2]);
    struct view mean = view_of(g, n->inputs[3]), variance = view_of(g, n->inputs[4]);
    double epsilon = (double)node_float(n, "epsilon", 1e-5f);
    for (int64_t i = 0; i < a->n; i++) {
        a->scale[i] = view_get_f64(&gamma, i) / sqrt(view_get_f64(&variance, i) + epsilon);
        a->shift[i] = view_get_f64(&beta, i) - view_get_f64(&mean, i) * a->scale[i];
    }
}

/* Whether constant `t` has one value, or one for each of `channels` along `axis` of a tensor of
 * that rank; *step is then 0 or 1. */
static bool is_per_channel(const struct graph *g, int t, int rank, int axis, int64_t channels,
                           int *step) {
    const struct shape *s = &g->tensors[t].shape;
    if (s->rank > rank || !is_wide_float(g->tensors[t].dtype)) return false;
    for (int i = 0; i < s->rank; i++)
        if (s->dim[i] != 1 && (i + rank - s->rank != axis || s->dim[i] != channels)) return false;
    *step = shape_elements(s) == 1 ? 0 : 1;
    return true;
}

static void constant_affine(const struct graph *g, enum op_kind op, int t, int step,
                            bool constant_first, struct affine *a) {
    struct view v = view_of(g, t);
    for (int64_t i = 0; i < a->n; i++) {
        double c = view_get_f64(&v, i * step);
        a->scale[i] =
            op == OP_Mul ? c : op == OP_Div ? 1 / c : op == OP_Sub && constant_first ? -1 : 1;
        a->shift[i] = op == OP_Add ? c : op != OP_Sub ? 0 : constant_first ? c : -c;
    }
}

/* ---- the product before it ---- */

struct product {
    int node;
    int axis;         /* of the channels in its output */
    int64_t channels; /* its output's */
    int x, weights, bias; /* tensors; bias -1 if there is none; Aipp has no weights either */
};

/* Which channel element i of the weights belongs to. */
static int64_t weight_channel(const struct graph *g, const struct product *p, int64_t i) {
    const struct node *n = &g->nodes[p->node];
    const struct shape *w = &g->tensors[p->weights].shape;
    if (n->op == OP_Gemm || n->op == OP_MatMul)
        return node_int(n, "transB", 0) ? i / w->dim[1] : i % w->dim[1];
    int64_t kernel = 1;
    for (int d = 2; d < w->rank; d++) kernel *= w->dim[d];
    if (n->op == OP_Conv) return i / (w->dim[1] * kernel);
    /* ConvTranspose: input channels (all groups), output channels of a group, kernel. */
    int64_t per_group = w->dim[0] / node_int(n, "group", 1);
    return i / kernel / w->dim[1] / per_group * w->dim[1] + i / kernel % w->dim[1];
}

/* The bias must be one value a channel (or one for all, for Gemm). */
static bool bias_fits(const struct graph *g, const struct product *p) {
    if (p->bias < 0) return true;
    if (!g->tensors[p->bias].data) return false;
    int step;
    enum op_kind op = g->nodes[p->node].op;
    return op != OP_Gemm ? shape_elements(&g->tensors[p->bias].shape) == p->channels
                         : is_per_channel(g, p->bias, 2, 1, p->channels, &step);
}

/* Output channels by the shape of the weights; false where it is none that goes with the node. */
static bool count_channels(const struct node *n, const struct shape *w, int64_t *channels) {
    /* Shape rules look at the weights only once they know the input's rank. */
    bool matrix = n->op == OP_Gemm || n->op == OP_MatMul;
    int64_t group = node_int(n, "group", 1);
    if (matrix ? w->rank != 2 : w->rank < 3 || group < 1 || w->dim[0] % group) return false;
    switch (n->op) {
    case OP_Conv: *channels = w->dim[0]; return true;
    case OP_ConvTranspose: return i64_mul(w->dim[1], group, channels);
    case OP_Gemm: *channels = w->dim[node_int(n, "transB", 0) ? 0 : 1]; return true;
    default: *channels = w->dim[1]; return true;
    }
}

static bool find_aipp(const struct graph *g, int t, struct product *p) {
    const struct tensor *y = &g->tensors[t];
    const struct node *n = &g->nodes[y->producer];
    double scale[4], offset[4];
    *p = (struct product){y->producer, 1, y->shape.dim[1], n->inputs[0], -1, -1};
    return y->shape.rank == 4 && p->channels <= 4 &&
           aipp_folded(n, (int)p->channels, scale, offset);
}

/* Whether input i of `node` comes from a product that can take more into its weights. */
static bool find_product(const struct edit *e, int node, int i, struct product *p) {
    const struct graph *g = e->g;
    int t = i < g->nodes[node].n_inputs ? g->nodes[node].inputs[i] : -1;
    if (t < 0 || edit_only_user(e, t) != node || g->tensors[t].producer < 0) return false;
    const struct node *n = &g->nodes[g->tensors[t].producer];
    if (n->op == OP_Aipp) return find_aipp(g, t, p);
    if (n->op != OP_Conv && n->op != OP_ConvTranspose && n->op != OP_Gemm && n->op != OP_MatMul)
        return false;
    if (node_attr(n, "activation") || (n->op == OP_Conv && node_input(g, n, 3))) return false;
    int rank = g->tensors[t].shape.rank;
    *p = (struct product){.node = g->tensors[t].producer,
                          .axis = n->op == OP_MatMul ? rank - 1 : 1,
                          .x = n->inputs[0],
                          .weights = n->inputs[1],
                          .bias = node_input(g, n, 2) ? n->inputs[2] : -1};
    const struct tensor *w = &g->tensors[p->weights];
    return w->data && is_wide_float(w->dtype) && shape_elements(&w->shape) != 0 &&
           count_channels(n, &w->shape, &p->channels) && rank >= 2 && bias_fits(g, p);
}

static enum status scale_weights(struct edit *e, const struct product *p, const struct affine *a,
                                 int *out) {
    const struct tensor *w = &e->g->tensors[p->weights];
    void *data;
    TRY(edit_constant(e, w->name, w->dtype, w->shape, NULL, out, &data));
    struct view from = view_of(e->g, p->weights), to = view_of(e->g, *out);
    int64_t n = shape_elements(&from.shape);
    for (int64_t i = 0; i < n; i++)
        view_set_f64(&to, i, view_get_f64(&from, i) * a->scale[weight_channel(e->g, p, i)]);
    return STATUS_OK;
}

static enum status shift_bias(struct edit *e, const struct product *p, const struct affine *a,
                              int *out) {
    struct graph *g = e->g;
    const struct node *n = &g->nodes[p->node];
    const char *name = p->bias >= 0 ? g->tensors[p->bias].name
                                    : arena_printf(&g->arena, "%s.bias", n->name);
    double beta = n->op == OP_Gemm ? (double)node_float(n, "beta", 1) : 1;
    CHECK(name, STATUS_MEMORY, "out of memory while folding weights");
    TRY(edit_constant(e, name, g->tensors[p->weights].dtype, shape_of(1, (int)p->channels), NULL,
                      out, NULL));
    struct view to = view_of(g, *out), from = {0};
    int64_t step = 0;
    if (p->bias >= 0) {
        from = view_of(g, p->bias);
        step = shape_elements(&from.shape) == 1 ? 0 : 1;
    }
    for (int64_t i = 0; i < p->channels; i++) {
        double b = p->bias >= 0 ? beta * view_get_f64(&from, i * step) : 0;
        view_set_f64(&to, i, b * a->scale[i] + a->shift[i]);
    }
    return STATUS_OK;
}

/* `node` becomes Aipp, if that can take it; else nothing happens. */
static enum status fold_into_aipp(struct edit *e, int node, const struct product *p,
                                  const struct affine *a, bool *done) {
    struct graph *g = e->g;
    double scale[4], offset[4];
    const int channels = (int)p->channels;
    *done = aipp_folded(&g->nodes[p->node], channels, scale, offset);
    if (!*done) return STATUS_OK;
    for (int i = 0; i < channels; i++) {
        scale[i] *= a->scale[i];
        offset[i] = offset[i] * a->scale[i] + a->shift[i];
    }
    *done = aipp_can_fold(&g->nodes[p->node], channels, scale, offset);
    if (!*done) return STATUS_OK;
    TRY(edit_become(e, node, p->node, 1, &p->x));
    return aipp_set_folded(g, node, channels, scale, offset);
}

/* `node` becomes the product with other weights. */
static enum status fold_into(struct edit *e, int node, const struct product *p,
                             const struct affine *a) {
    struct graph *g = e->g;
    bool biased = p->bias >= 0 || a->shifts;
    int in[3] = {p->x, p->weights, -1};
    if (a->scales) TRY(scale_weights(e, p, a, &in[1]));
    if (biased) TRY(shift_bias(e, p, a, &in[2]));
    enum op_kind op = g->nodes[p->node].op;
    TRY(edit_become(e, node, p->node, biased ? 3 : 2, in));
    if (op == OP_Gemm) node_remove_attr(&g->nodes[node], "beta");
    if (op == OP_MatMul && biased) edit_set_op(e, node, OP_Gemm);
    return STATUS_OK;
}

/* ---- BatchNormalization on its own ---- */

static enum status batch_norm_to_mul_add(struct edit *e, int node, const struct affine *a) {
    struct graph *g = e->g;
    const struct node *n = &g->nodes[node];
    const struct tensor *x = node_input(g, n, 0);
    struct shape s = {.rank = x->shape.rank - 1};
    for (int i = 0; i < s.rank; i++) s.dim[i] = 1;
    s.dim[0] = a->n;
    int scale, shift, product, unused;
    const char *name = n->name;
    enum dtype dtype = x->dtype;
    struct shape x_shape = x->shape;
    int in[2] = {n->inputs[0], -1};
    TRY(edit_constant(e, arena_printf(&g->arena, "%s.scale", name), dtype, s, NULL, &scale, NULL));
    TRY(edit_constant(e, arena_printf(&g->arena, "%s.shift", name), dtype, s, NULL, &shift, NULL));
    struct view to_scale = view_of(g, scale), to_shift = view_of(g, shift);
    for (int64_t i = 0; i < a->n; i++) {
        view_set_f64(&to_scale, i, a->scale[i]);
        view_set_f64(&to_shift, i, a->shift[i]);
    }
    in[1] = scale;
    TRY(edit_insert(e, node, OP_Mul, arena_printf(&g->arena, "%s.mul", name), 2, in, dtype, x_shape,
                    &unused, &product));
    in[0] = product;
    in[1] = shift;
    edit_set_op(e, node, OP_Add);
    g->nodes[node].n_outputs = 1;
    return edit_set_inputs(e, node, 2, in);
}

/* ---- the sweep ---- */

static enum status fold_batch_norm(struct edit *e, int node, struct affine *a) {
    const struct graph *g = e->g;
    const struct node *n = &g->nodes[node];
    const struct shape *x = &node_input(g, n, 0)->shape;
    int64_t channels = shape_elements(&node_input(g, n, 1)->shape);
    struct product p;
    if (channels < 0 || x->rank < 2 || !batch_norm_is_constant(e, n, channels)) return STATUS_OK;
    TRY(affine_init(a, channels));
    batch_norm_affine(g, n, a);
    if (!affine_check(a)) return STATUS_OK;
    if (find_product(e, node, 0, &p) && p.axis == 1 && p.channels == channels &&
        (g->nodes[p.node].op != OP_MatMul || x->rank == 2)) {
        bool done = true;
        if (g->nodes[p.node].op == OP_Aipp) TRY(fold_into_aipp(e, node, &p, a, &done));
        else TRY(fold_into(e, node, &p, a));
        if (done) return STATUS_OK;
    }
    return batch_norm_to_mul_add(e, node, a);
}

static enum status fold_arithmetic(struct edit *e, int node, struct affine *a) {
    struct graph *g = e->g;
    const struct node *n = &g->nodes[node];
    for (int i = 0; i < 2; i++) {
        int c = n->inputs[1 - i], step, rank = g->tensors[n->inputs[i]].shape.rank;
        struct product p;
        if (!edit_is_constant(e, c) || (n->op == OP_Div && i == 1)) continue;
        if (!find_product(e, node, i, &p) || !is_per_channel(g, c, rank, p.axis, p.channels, &step))
            continue;
        TRY(affine_init(a, p.channels));
        constant_affine(g, n->op, c, step, i == 1, a);
        if (g->nodes[p.node].op == OP_Aipp) {
            bool done;
            return affine_check(a) ? fold_into_aipp(e, node, &p, a, &done) : STATUS_OK;
        }
        /* Only two matrices make a Gemm. */
        if (!affine_check(a) || (g->nodes[p.node].op == OP_MatMul && a->shifts && rank != 2))
            return STATUS_OK;
        if (g->nodes[p.node].op == OP_MatMul && a->shifts && g->tensors[p.x].shape.rank != 2)
            return STATUS_OK;
        return fold_into(e, node, &p, a);
    }
    return STATUS_OK;
}

static enum status visit(struct edit *e, int node) {
    struct affine a = {0};
    enum status s = STATUS_OK;
    switch (e->g->nodes[node].op) {
    case OP_BatchNormalization: s = fold_batch_norm(e, node, &a); break;
    case OP_Add:
    case OP_Sub:
    case OP_Mul:
    case OP_Div: s = fold_arithmetic(e, node, &a); break;
    default: break;
    }
    mem_free(a.scale);
    return s;
}

enum status pass_fold_batch_norm(struct graph *g) { return edit_sweep(g, visit); }
