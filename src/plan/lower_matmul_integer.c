/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MatMulInteger and QLinearMatMul with one constant B on the f32 matrix product; integer.h says why
 * its sums are exact. A's rows share their zero point and scale, B's columns may have their own.
 */
#include "base/alloc.h"
#include "kernels/gemm.h"
#include "plan/integer.h"

static enum status pack(struct plan *s, const struct gemm_plan *p, const struct tensor *b,
                        const struct tensor *zero, void **out) {
    const int64_t n = p->d.n, k = p->d.k;
    struct integer_weights weights = {b, zero, n, k, 1, n};
    *out = NULL;
    float *wide = mem_alloc_aligned((size_t)(n * k) * sizeof *wide);
    CHECK(wide, STATUS_MEMORY, "out of memory while planning");
    bool is_exact = plan_widen_weights(&weights, wide);
    if (is_exact) *out = arena_alloc_data(&s->p->memory, p->packed_bytes);
    if (*out) gemm_pack(p, wide, *out);
    mem_free(wide);
    CHECK(*out || !is_exact, STATUS_MEMORY, "out of memory while planning");
    return STATUS_OK;
}

enum status lower_matmul_integer(struct plan *s, const struct node *n, bool *done) {
    const struct graph *g = s->g;
    if (n->op != OP_MatMulInteger && n->op != OP_QLinearMatMul) return STATUS_OK;
    int y = n->outputs[0];
    bool linear = n->op == OP_QLinearMatMul, ok = true;
    const struct tensor *b = node_input(g, n, linear ? 3 : 1),
                        *b_zero = node_input(g, n, linear ? 5 : 3);
    const struct shape *sa = &g->tensors[n->inputs[0]].shape, *sb = &b->shape,
                       *sy = &g->tensors[y].shape;
    if (!plan_can_widen(s, n, 0, 2) || s->tensors[y].dynamic >= 0 || sa->rank < 2 ||
        sb->rank < 2 || !b->data || shape_elements(sy) <= 0 || shape_elements(sb) <= 0 ||
        (b_zero && !b_zero->data))
        return STATUS_OK;
    struct gemm_desc d = {.k = sa->dim[sa->rank - 1], .n = sb->dim[sb->rank - 1], .alpha = 1,
                          .beta = 1, .b_constant = 1};
    /* One B for all: the batches of A are just more rows. */
    if (shape_elements(sb) != d.k * d.n || d.n > INT32_MAX) return STATUS_OK;
    int64_t n_zeros = b_zero ? shape_elements(&b_zero->shape) : 1;
    if (n_zeros != 1 && n_zeros != d.n) return STATUS_OK;
    d.m = shape_elements(sa) / d.k;
    d.lda = d.k;
    d.ldb = d.ldc = d.n;
    struct requantise to_bytes = {.rows = 0};
    if (linear) TRY(plan_read_requantise(s, n, (int)d.n, &to_bytes, &ok));
    if (!ok) return STATUS_OK;
    struct gemm_plan p;
    void *packed;
    TRY(gemm_plan_init(s->k, &d, &p));
    TRY(pack(s, &p, b, b_zero, &packed));
    if (!packed) return STATUS_OK;
    *done = true;

    struct value from, to = {.valid = true};
    TRY(plan_widen(s, n, 0, 2, &from));
    const struct node *cast = linear ? NULL : plan_only_cast(s, y);
    if (cast) {
        TRY(plan_define(s, cast->outputs[0], LAYOUT_PLAIN, &to));
        s->done[cast - g->nodes] = 1;
        return plan_gemm_packed(s, n, &p, packed, &from, &to);
    }
    TRY(plan_add_buffer(s, (size_t)shape_elements(sy) * sizeof(float), &to.buffer));
    TRY(plan_gemm_packed(s, n, &p, packed, &from, &to));
    if (!linear) return plan_narrow(s, n, &to, y);
    to_bytes.rows = d.m;
    to_bytes.row = d.n;
    to_bytes.by_column = true;
    return plan_requantise(s, n, &to_bytes, &to, y);
}
