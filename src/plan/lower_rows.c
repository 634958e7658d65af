/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Operators that combine elements along dimensions of a plain f32 tensor: Softmax, normalisation
 * and reductions. The reduced dimensions must lie side by side, so that the tensor reads as
 * [outer][n][inner]; then rows (inner = 1) or columns are what tiles cut.
 */
#include <string.h>

#include "kernels/kernels.h"
#include "kernels/move.h"
#include "kernels/reduce.h"
#include "plan/plan.h"

struct rows_step {
    struct ref src, dst, gamma, beta;
    bool has_gamma, has_beta;
    int64_t outer, n, inner, out_n; /* out_n: n where the result keeps the dimension, else 1 */
    int64_t strips, strip;          /* pieces of `inner` */
    float epsilon;
    void (*rows)(const float *, float *, int64_t, int64_t);
    void (*strided)(const float *, float *, int64_t, int64_t, int64_t);
    void (*norm)(const float *, float *, int64_t, int64_t, const float *, const float *, float,
                 float *, float *);
};

static enum status run_rows(const struct step *s, struct run_env *env, int tile, int worker) {
    (void)worker;
    const struct rows_step *r = s->params;
    const float *src = ref_at(env, &r->src);
    float *dst = ref_at(env, &r->dst);
    int64_t begin, end;
    if (r->inner == 1) {
        tile_range(r->outer, s->n_tiles, tile, &begin, &end);
        if (end <= begin) return STATUS_OK;
        src += begin * r->n;
        dst += begin * r->out_n;
        if (r->norm)
            r->norm(src, dst, end - begin, r->n, r->has_gamma ? ref_at(env, &r->gamma) : NULL,
                    r->has_beta ? ref_at(env, &r->beta) : NULL, r->epsilon, NULL, NULL);
        else r->rows(src, dst, end - begin, r->n);
        return STATUS_OK;
    }
    tile_range(r->outer * r->strips, s->n_tiles, tile, &begin, &end);
    for (int64_t i = begin; i < end; i++) {
        int64_t o = i / r->strips, first = i % r->strips * r->strip;
        int64_t count = r->inner - first < r->strip ? r->inner - first : r->strip;
        r->strided(src + o * r->n * r->inner + first, dst + o * r->out_n * r->inner + first, r->n,
                   r->inner, count);
    }
    return STATUS_OK;
}

static enum status add_rows(struct plan *s, const struct node *n, const char *kernel,
                            struct rows_step want, const struct value *gamma,
                            const struct value *beta) {
    struct value from, to;
    TRY(plan_want(s, n, n->inputs[0], LAYOUT_PLAIN, &from));
    TRY(plan_define(s, n->outputs[0], LAYOUT_PLAIN, &to));
    want.strip = want.inner < 256 ? want.inner : 256;
    want.strips = (want.inner + want.strip - 1) / want.strip;
    int64_t units = want.inner == 1 ? want.outer : want.outer * want.strips;
    struct step *step;
    struct rows_step *r;
    double unit_ns = (double)want.n * (double)(want.inner == 1 ? 1 : want.strip);
    TRY(plan_add_step(s, n, kernel, plan_tiles(units, unit_ns), run_rows, sizeof *r, &step, &r));
    *r = want;
    if (gamma) TRY(plan_ref(s, gamma, &r->gamma));
    if (beta) TRY(plan_ref(s, beta, &r->beta));
    TRY(plan_ref(s, &from, &r->src));
    return plan_ref(s, &to, &r->dst);
}

/* The tensor as [outer][n][inner] with dimensions first..last as n. */
static void split_dims(const struct shape *x, int first, int last, struct rows_step *r) {
    r->outer = r->n = r->inner = 1;
    for (int i = 0; i < x->rank; i++)
        *(i < first ? &r->outer : i <= last ? &r->n : &r->inner) *= x->dim[i];
}

static enum status lower_softmax(struct plan *s, const struct node *n, bool *done) {
    const struct shape *x = &s->g->tensors[n->inputs[0]].shape;
    int64_t axis = node_int(n, "axis", -1);
    if (axis < 0) axis += x->rank;
    if (axis < 0 || axis >= x->rank) return STATUS_OK;
    const struct reduce_kernels *k = s->k->reduce;
    bool log = n->op == OP_LogSoftmax;
    struct rows_step r = {.rows = log ? k->log_softmax_rows : k->softmax_rows,
                          .strided = log ? k->log_softmax_strided : k->softmax_strided};
    split_dims(x, (int)axis, (int)axis, &r);
    r.out_n = r.n;
    *done = true;
    return add_rows(s, n, "softmax", r, NULL, NULL);
}

static enum status lower_layer_norm(struct plan *s, const struct node *n, bool *done) {
    const struct graph *g = s->g;
    const struct tensor *gamma = node_input(g, n, 1), *beta = node_input(g, n, 2);
    const struct shape *x = &g->tensors[n->inputs[0]].shape;
    int64_t axis = node_int(n, "axis", -1);
    if (axis < 0) axis += x->rank;
    if (axis < 0 || axis >= x->rank || node_output(g, n, 1) || node_output(g, n, 2))
        return STATUS_OK;
    struct rows_step r = {.norm = s->k->reduce->layer_norm, .has_gamma = gamma, .has_beta = beta,
                          .epsilon = node_float(n, "epsilon", 1e-5f)};
    split_dims(x, (int)axis, x->rank - 1, &r);
    r.out_n = r.n;
    /* Scale and bias may broadcast in the operator; the kernel wants one entry an element. */
    if ((gamma && (gamma->dtype != DT_F32 || shape_elements(&gamma->shape) != r.n)) ||
        (beta && (beta->dtype != DT_F32 || shape_elements(&beta->shape) != r.n)))
        return STATUS_OK;
    struct value vg, vb;
    if (gamma) TRY(plan_want(s, n, n->inputs[1], LAYOUT_PLAIN, &vg));
    if (beta) TRY(plan_want(s, n, n->inputs[2], LAYOUT_PLAIN, &vb));
    *done = true;
    return add_rows(s, n, "layer norm", r, gamma ? &vg : NULL, beta ? &vb : NULL);
}

static bool choose_reduction(enum op_kind op, enum reduce_op *out) {
    switch (op) {
    case OP_ReduceSum: *out = REDUCE_SUM; return true;
    case OP_ReduceMean: *out = REDUCE_MEAN; return true;
    case OP_ReduceMax: *out = REDUCE_MAX; return true;
    case OP_ReduceMin: *out = REDUCE_MIN; return true;
    case OP_ReduceProd: *out = REDUCE_PROD; return true;
    case OP_ReduceSumSquare: *out = REDUCE_SUM_SQUARE; return true;
    case OP_ReduceL1: *out = REDUCE_L1; return true;
    case OP_ReduceL2: *out = REDUCE_L2; return true;
    case OP_ReduceLogSumExp: *out = REDUCE_LOG_SUM_EXP; return true;
    default: return false;
    }
}

static enum status lower_reduction(struct plan *s, const struct node *n, enum reduce_op op,
                                   bool *done) {
    const struct graph *g = s->g;
    const struct tensor *axes = node_input(g, n, 1);
    const struct shape *x = &g->tensors[n->inputs[0]].shape;
    bool reduced[SHAPE_MAX_RANK] = {false};
    int first = x->rank, last = -1;
    if (axes && !axes->data) return STATUS_OK;
    int64_t count = axes ? shape_elements(&axes->shape) : 0;
    if (count == 0 && node_int(n, "noop_with_empty_axes", 0)) return STATUS_OK;
    for (int i = 0; i < x->rank; i++) reduced[i] = count == 0;
    for (int64_t i = 0; i < count; i++) {
        struct view v = {.dtype = axes->dtype, .data = (void *)(uintptr_t)axes->data};
        int64_t a = view_get_i64(&v, i);
        reduced[a < 0 ? a + x->rank : a] = true;
    }
    for (int i = 0; i < x->rank; i++)
        if (reduced[i]) first = i < first ? i : first, last = i;
    for (int i = first; i <= last; i++)
        if (!reduced[i]) return STATUS_OK;
    if (last < 0) return STATUS_OK;
    struct rows_step r = {.out_n = 1, .rows = s->k->reduce->rows[op],
                          .strided = s->k->reduce->strided[op]};
    split_dims(x, first, last, &r);
    *done = true;
    return add_rows(s, n, "reduce", r, NULL, NULL);
}

enum status lower_rows(struct plan *s, const struct node *n, bool *done) {
    const struct graph *g = s->g;
    enum reduce_op op;
    if (n->n_inputs < 1 || n->n_outputs < 1 || n->inputs[0] < 0 || n->outputs[0] < 0)
        return STATUS_OK;
    for (int i = 0; i < n->n_inputs; i++)
        if (n->inputs[i] >= 0 && s->tensors[n->inputs[i]].dynamic >= 0) return STATUS_OK;
    const struct tensor *x = &g->tensors[n->inputs[0]], *y = &g->tensors[n->outputs[0]];
    if (x->dtype != DT_F32 || y->dtype != DT_F32 || s->tensors[n->outputs[0]].dynamic >= 0 ||
        shape_elements(&x->shape) <= 0 || x->shape.rank < 1)
        return STATUS_OK;
    if (n->op == OP_Softmax || n->op == OP_LogSoftmax) return lower_softmax(s, n, done);
    if (n->op == OP_LayerNormalization) return lower_layer_norm(s, n, done);
    if (choose_reduction(n->op, &op)) return lower_reduction(s, n, op, done);
    return STATUS_OK;
}

/* ---- element types ---- */

struct cast_step {
    struct ref src, dst;
    int64_t elements;
    size_t src_bytes, dst_bytes;
    void (*to_f32)(const void *, float *, size_t);
    void (*from_f32)(const float *, void *, size_t);
};

enum { CAST_UNIT = 4096 };

static enum status run_cast(const struct step *s, struct run_env *env, int tile, int worker) {
    (void)worker;
    const struct cast_step *c = s->params;
    int64_t begin, end;
    tile_range((c->elements + CAST_UNIT - 1) / CAST_UNIT, s->n_tiles, tile, &begin, &end);
    begin *= CAST_UNIT;
    end = end * CAST_UNIT < c->elements ? end * CAST_UNIT : c->elements;
    const char *src = (const char *)ref_at(env, &c->src) + (size_t)begin * c->src_bytes;
    char *dst = (char *)ref_at(env, &c->dst) + (size_t)begin * c->dst_bytes;
    if (c->to_f32) c->to_f32(src, (float *)dst, (size_t)(end - begin));
    else c->from_f32((const float *)src, dst, (size_t)(end - begin));
    return STATUS_OK;
}

enum status lower_cast(struct plan *s, const struct node *n, bool *done) {
    const struct graph *g = s->g;
    int x = n->inputs[0], y = n->outputs[0];
    if (n->op != OP_Cast || s->tensors[x].dynamic >= 0 || s->tensors[y].dynamic >= 0)
        return STATUS_OK;
    enum dtype from = g->tensors[x].dtype, to = g->tensors[y].dtype;
    struct cast_step want = {.elements = shape_elements(&g->tensors[x].shape),
                             .src_bytes = dtype_size(from), .dst_bytes = dtype_size(to)};
    if (to == DT_F32) want.to_f32 = s->k->move->to_f32[from];
    /* Integers wrap in the operator and saturate in the kernel; only floats agree everywhere. */
    else if (from == DT_F32 && (to == DT_F16 || to == DT_BF16))
        want.from_f32 = s->k->move->from_f32[to];
    if ((!want.to_f32 && !want.from_f32) || want.elements <= 0) return STATUS_OK;
    struct value vx, vy;
    TRY(plan_want(s, n, x, LAYOUT_PLAIN, &vx));
    TRY(plan_define(s, y, LAYOUT_PLAIN, &vy));
    struct step *step;
    struct cast_step *c;
    TRY(plan_add_step(s, n, "cast", plan_tiles((want.elements + CAST_UNIT - 1) / CAST_UNIT, 1000),
                      run_cast, sizeof *c, &step, &c));
    *c = want;
    *done = true;
    TRY(plan_ref(s, &vx, &c->src));
    return plan_ref(s, &vy, &c->dst);
}
