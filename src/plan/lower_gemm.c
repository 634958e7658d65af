/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Gemm and MatMul on plain f32 tensors. A constant B is packed at load; batches of a MatMul are
 * products of their own, cut into tiles together.
 */
#include <limits.h>
#include <string.h>

#include "kernels/gemm.h"
#include "plan/plan.h"

struct gemm_step {
    struct gemm_plan plan;
    const float *packed; /* NULL: B is read at run time */
    struct ref a, b, bias, c;
    bool has_bias;
    /* Batches: offsets of A and B in floats for each dimension of the result before the last
     * two. */
    int rank;
    int64_t dim[SHAPE_MAX_RANK], a_stride[SHAPE_MAX_RANK], b_stride[SHAPE_MAX_RANK], c_stride;
};

static enum status run_gemm(const struct step *s, struct run_env *env, int tile, int worker) {
    const struct gemm_step *g = s->params;
    int64_t batch = tile / g->plan.n_tiles, a = 0, b = 0;
    struct gemm_args args = {.bias = g->has_bias ? ref_at(env, &g->bias) : NULL};
    args.c = (float *)ref_at(env, &g->c) + batch * g->c_stride;
    for (int i = g->rank - 1; i >= 0; i--) {
        a += batch % g->dim[i] * g->a_stride[i];
        b += batch % g->dim[i] * g->b_stride[i];
        batch /= g->dim[i];
    }
    args.a = (const float *)ref_at(env, &g->a) + a;
    args.b = g->packed ? NULL : (const float *)ref_at(env, &g->b) + b;
    gemm_run(&g->plan, g->packed, &args, tile % g->plan.n_tiles,
             env->scratch + (size_t)worker * env->scratch_stride);
    return STATUS_OK;
}

struct pack_job {
    struct gemm_plan plan;
    const float *b;
};

static void pack(const void *context, void *memory) {
    const struct pack_job *j = context;
    gemm_pack(&j->plan, j->b, memory);
}

struct signature {
    enum isa isa;
    int nv, trans_b;
    int64_t n, k, ldb;
};

/* `shape`: bias broadcast to M x N. False when the kernel cannot address it so. */
static bool bias_steps(const struct shape *shape, int64_t m, int64_t n, struct gemm_desc *d) {
    int64_t rows = shape->rank >= 2 ? shape->dim[shape->rank - 2] : 1;
    int64_t columns = shape->rank >= 1 ? shape->dim[shape->rank - 1] : 1;
    if (shape->rank > 2 || (rows != 1 && rows != m) || (columns != 1 && columns != n)) return false;
    d->bias_row = rows == 1 ? 0 : columns;
    d->bias_column = columns == 1 ? 0 : 1;
    return true;
}

static enum status add_step(struct plan *s, const struct node *n, const struct gemm_step *want,
                            int64_t batches, struct gemm_step **out) {
    const struct gemm_desc *d = &want->plan.d;
    struct step *step;
    plan_want_scratch(s, want->plan.scratch_bytes);
    TRY(plan_add_step(s, n, "", (int)(want->plan.n_tiles * batches), run_gemm, sizeof **out, &step,
                      out));
    **out = *want;
    step->kernel = (*out)->plan.name;
    step->macs = batches * d->m * d->n * d->k;
    return STATUS_OK;
}

enum status plan_gemm_packed(struct plan *s, const struct node *n, const struct gemm_plan *p,
                             const void *packed, const struct value *a, const struct value *c) {
    struct gemm_step *step;
    TRY(add_step(s, n, &(struct gemm_step){.plan = *p, .packed = packed}, 1, &step));
    TRY(plan_ref(s, a, &step->a));
    return plan_ref(s, c, &step->c);
}

static enum status add_gemm(struct plan *s, const struct node *n, const struct gemm_desc *d,
                            struct gemm_step want, int64_t batches) {
    const struct graph *g = s->g;
    const struct tensor *b = node_input(g, n, 1);
    TRY(gemm_plan_init(s->k, d, &want.plan));
    const void *packed = NULL;
    if (d->b_constant && want.plan.packed_bytes) {
        struct pack_job job = {want.plan, b->data};
        struct signature sig;
        memset(&sig, 0, sizeof sig);
        sig = (struct signature){want.plan.k->isa, want.plan.nv, d->trans_b, d->n, d->k, d->ldb};
        TRY(plan_pack(s, b, NULL, &(struct packing){&sig, sizeof sig, want.plan.packed_bytes, pack,
                                                    &job, sizeof job}, &packed));
    }
    want.packed = packed;
    struct value va, vb, vbias, vc;
    TRY(plan_want(s, n, n->inputs[0], LAYOUT_PLAIN, &va));
    if (!packed) TRY(plan_want(s, n, n->inputs[1], LAYOUT_PLAIN, &vb));
    if (want.has_bias) TRY(plan_want(s, n, n->inputs[2], LAYOUT_PLAIN, &vbias));
    TRY(plan_define(s, n->outputs[0], LAYOUT_PLAIN, &vc));
    struct gemm_step *p;
    TRY(add_step(s, n, &want, batches, &p));
    TRY(plan_ref(s, &va, &p->a));
    if (!packed) TRY(plan_ref(s, &vb, &p->b));
    if (want.has_bias) TRY(plan_ref(s, &vbias, &p->bias));
    return plan_ref(s, &vc, &p->c);
}

static enum status lower_matmul(struct plan *s, const struct node *n, struct gemm_desc d,
                                bool *done) {
    const struct graph *g = s->g;
    const struct shape *sa = &g->tensors[n->inputs[0]].shape, *sb = &g->tensors[n->inputs[1]].shape,
                       *sy = &g->tensors[n->outputs[0]].shape;
    if (sa->rank < 2 || sb->rank < 2) return STATUS_OK;
    d.m = sa->dim[sa->rank - 2];
    d.k = sa->dim[sa->rank - 1];
    d.n = sb->dim[sb->rank - 1];
    /* One B for all rows of A: the batches of A are just more rows. */
    int64_t b_elements = shape_elements(sb);
    struct gemm_step want = {0};
    int64_t batches = 1;
    if (b_elements == d.k * d.n) {
        d.m = shape_elements(sa) / d.k;
    } else {
        d.b_constant = 0;
        want.rank = sy->rank - 2;
        int64_t a_step = d.m * d.k, b_step = d.k * d.n;
        for (int i = want.rank - 1; i >= 0; i--) {
            int ia = i - (sy->rank - sa->rank), ib = i - (sy->rank - sb->rank);
            want.dim[i] = sy->dim[i];
            want.a_stride[i] = ia < 0 || sa->dim[ia] == 1 ? 0 : a_step;
            want.b_stride[i] = ib < 0 || sb->dim[ib] == 1 ? 0 : b_step;
            if (ia >= 0) a_step *= sa->dim[ia];
            if (ib >= 0) b_step *= sb->dim[ib];
            batches *= sy->dim[i];
        }
        want.c_stride = d.m * d.n;
    }
    d.lda = d.k;
    d.ldb = d.ldc = d.n;
    if (batches > 1 << 16) return STATUS_OK;
    *done = true;
    return add_gemm(s, n, &d, want, batches);
}

enum status lower_gemm(struct plan *s, const struct node *n, bool *done) {
    const struct graph *g = s->g;
    if (n->op != OP_Gemm && n->op != OP_MatMul) return STATUS_OK;
    for (int i = 0; i < n->n_inputs; i++) {
        int t = n->inputs[i];
        if (t >= 0 && (s->tensors[t].dynamic >= 0 || g->tensors[t].dtype != DT_F32))
            return STATUS_OK;
    }
    int y = n->outputs[0];
    const struct tensor *a = node_input(g, n, 0), *b = node_input(g, n, 1),
                        *c = node_input(g, n, 2);
    struct fused_activation act;
    if (s->tensors[y].dynamic >= 0 || shape_elements(&g->tensors[y].shape) <= 0 ||
        shape_elements(&a->shape) <= 0 || shape_elements(&b->shape) <= 0 ||
        !plan_fused_activation(n, &act))
        return STATUS_OK;
    struct gemm_desc d = {.alpha = 1, .beta = 1, .act = act.act, .act_alpha = act.alpha,
                          .act_beta = act.beta, .b_constant = b->data != NULL};
    if (n->op == OP_MatMul) return lower_matmul(s, n, d, done);
    d.trans_a = node_int(n, "transA", 0) != 0;
    d.trans_b = node_int(n, "transB", 0) != 0;
    d.alpha = node_float(n, "alpha", 1);
    d.beta = node_float(n, "beta", 1);
    d.lda = a->shape.dim[1];
    d.ldb = b->shape.dim[1];
    d.m = a->shape.dim[d.trans_a ? 1 : 0];
    d.k = a->shape.dim[d.trans_a ? 0 : 1];
    d.n = b->shape.dim[d.trans_b ? 0 : 1];
    d.ldc = d.n;
    d.has_bias = c != NULL;
    if (c && !bias_steps(&c->shape, d.m, d.n, &d)) return STATUS_OK;
    *done = true;
    return add_gemm(s, n, &d, (struct gemm_step){.has_bias = c != NULL}, 1);
}
