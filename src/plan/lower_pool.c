/* SPDX-License-Identifier: Apache-2.0 */
/* Pooling and resizing, on blocked tensors. */
#include <limits.h>
#include <string.h>

#include "kernels/kernels.h"
#include "kernels/pool.h"
#include "kernels/resize.h"
#include "ops/resize.h"
#include "plan/plan.h"

static bool fits_int(const struct shape *s) {
    for (int i = 0; i < s->rank; i++)
        if (s->dim[i] > INT_MAX / 4) return false;
    return true;
}

/* ---- windows ---- */

struct pool_step {
    struct pool_args args;
    struct ref src, dst;
    int64_t rows;
    void (*pool)(const struct pool_args *, int64_t, int64_t, float *);
};

static enum status run_pool(const struct step *s, struct run_env *env, int tile, int worker) {
    const struct pool_step *p = s->params;
    struct pool_args a = p->args;
    a.src = ref_at(env, &p->src);
    a.dst = ref_at(env, &p->dst);
    int64_t begin, end;
    tile_range(p->rows, s->n_tiles, tile, &begin, &end);
    p->pool(&a, begin, end, (float *)(env->scratch + (size_t)worker * env->scratch_stride));
    return STATUS_OK;
}

static enum status lower_window(struct plan *s, const struct node *n, bool *done) {
    const struct graph *g = s->g;
    int x = n->inputs[0], y = n->outputs[0];
    if (!plan_blockable(s, x) || !plan_blockable(s, y) || node_output(g, n, 1)) return STATUS_OK;
    const struct shape *sx = &g->tensors[x].shape, *sy = &g->tensors[y].shape;
    int64_t kernel[2];
    struct window w;
    if (!fits_int(sx) || !fits_int(sy) || node_ints(n, "kernel_shape", kernel, 2) != 2 ||
        !plan_window(n, sx, sy, (int)kernel[0], (int)kernel[1], &w))
        return STATUS_OK;
    struct value from, to;
    TRY(plan_want(s, n, x, LAYOUT_BLOCKED, &from));
    TRY(plan_define(s, y, LAYOUT_BLOCKED, &to));
    struct pool_args a = {
        .src_n = from.batch_stride, .dst_n = to.batch_stride,
        .src_c = sx->dim[2] * sx->dim[3] * s->block, .dst_c = sy->dim[2] * sy->dim[3] * s->block,
        .n_blocks = (int)((sx->dim[1] + s->block - 1) / s->block),
        .h = (int)sx->dim[2], .w = (int)sx->dim[3], .oh = (int)sy->dim[2], .ow = (int)sy->dim[3],
        .kh = w.kh, .kw = w.kw, .sh = w.sh, .sw = w.sw, .dh = w.dh, .dw = w.dw,
        .pad_top = w.pt, .pad_left = w.pl, .pad_bottom = w.pb, .pad_right = w.pr,
        .count_include_pad = (int)node_int(n, "count_include_pad", 0),
    };
    bool max = n->op == OP_MaxPool;
    int64_t rows = sx->dim[0] * a.n_blocks * a.oh;
    size_t scratch = pool_scratch_floats(&a, s->block);
    CHECK(scratch < SIZE_MAX / 8, STATUS_LIMIT, "node '%s': the pooling window is too large",
          n->name);
    plan_want_scratch(s, scratch * sizeof(float));
    struct step *step;
    struct pool_step *p;
    TRY(plan_add_step(s, n, max ? "max pool" : "average pool",
                      plan_tiles(rows, 0.5 * a.ow * (w.kh + w.kw)), run_pool, sizeof *p, &step,
                      &p));
    *p = (struct pool_step){.args = a, .rows = rows,
                            .pool = max ? s->k->pool->max_pool : s->k->pool->average_pool};
    TRY(plan_ref(s, &from, &p->src));
    TRY(plan_ref(s, &to, &p->dst));
    *done = true;
    return STATUS_OK;
}

/* ---- whole planes ---- */

struct global_step {
    struct pool_global_args args;
    struct ref src, dst;
    int64_t planes;
    void (*pool)(const struct pool_global_args *, int64_t, int64_t);
};

static enum status run_global(const struct step *s, struct run_env *env, int tile, int worker) {
    (void)worker;
    const struct global_step *p = s->params;
    struct pool_global_args a = p->args;
    a.src = ref_at(env, &p->src);
    a.dst = ref_at(env, &p->dst);
    int64_t begin, end;
    tile_range(p->planes, s->n_tiles, tile, &begin, &end);
    p->pool(&a, begin, end);
    return STATUS_OK;
}

static enum status lower_global(struct plan *s, const struct node *n, bool *done) {
    int x = n->inputs[0], y = n->outputs[0];
    if (!plan_blockable(s, x) || !plan_blockable(s, y)) return STATUS_OK;
    const struct shape *sx = &s->g->tensors[x].shape;
    if (!fits_int(sx)) return STATUS_OK;
    struct value from, to;
    TRY(plan_want(s, n, x, LAYOUT_BLOCKED, &from));
    TRY(plan_define(s, y, LAYOUT_BLOCKED, &to));
    int64_t pixels = sx->dim[2] * sx->dim[3], blocks = (sx->dim[1] + s->block - 1) / s->block;
    struct step *step;
    struct global_step *p;
    TRY(plan_add_step(s, n, "global pool", plan_tiles(sx->dim[0] * blocks, (double)pixels),
                      run_global, sizeof *p, &step, &p));
    *p = (struct global_step){
        .args = {.src_n = from.batch_stride, .src_c = pixels * s->block, .dst_n = to.batch_stride,
                 .n_blocks = (int)blocks, .pixels = pixels},
        .planes = sx->dim[0] * blocks,
        .pool = n->op == OP_GlobalMaxPool ? s->k->pool->global_max : s->k->pool->global_average,
    };
    TRY(plan_ref(s, &from, &p->src));
    TRY(plan_ref(s, &to, &p->dst));
    *done = true;
    return STATUS_OK;
}

/* ReduceMean over both spatial axes is a global average pool. */
static bool reduces_space(const struct graph *g, const struct node *n) {
    const struct tensor *axes = node_input(g, n, 1);
    if (!axes || !axes->data || shape_elements(&axes->shape) != 2 || !node_int(n, "keepdims", 1))
        return false;
    struct view v = {.dtype = axes->dtype, .data = (void *)(uintptr_t)axes->data};
    int64_t a = view_get_i64(&v, 0), b = view_get_i64(&v, 1);
    if (a < 0) a += 4;
    if (b < 0) b += 4;
    return (a == 2 && b == 3) || (a == 3 && b == 2);
}

/* ---- resize ---- */

struct resize_step {
    struct resize_args args;
    struct ref src, dst;
    int64_t rows;
    void (*nearest)(const struct resize_args *, int64_t, int64_t);
    void (*interpolate)(const struct resize_args *, int64_t, int64_t, float *);
};

static enum status run_resize(const struct step *s, struct run_env *env, int tile, int worker) {
    const struct resize_step *p = s->params;
    struct resize_args a = p->args;
    a.src = ref_at(env, &p->src);
    a.dst = ref_at(env, &p->dst);
    int64_t begin, end;
    tile_range(p->rows, s->n_tiles, tile, &begin, &end);
    if (p->nearest) p->nearest(&a, begin, end);
    else
        p->interpolate(&a, begin, end,
                       (float *)(env->scratch + (size_t)worker * env->scratch_stride));
    return STATUS_OK;
}

static enum status build_axis(struct plan *s, const struct op_call *c, const struct resize *r,
                              int axis, struct resize_axis *out) {
    struct resize_taps t;
    TRY(resize_taps_init(c, r, axis, &t));
    size_t entries = (size_t)r->out[axis] * (size_t)t.n;
    int32_t *index = arena_calloc(&s->p->memory, entries, sizeof *index);
    float *weight = arena_calloc(&s->p->memory, entries, sizeof *weight);
    if (index && weight)
        resize_axis_init(out, (int)r->in[axis], (int)r->out[axis], t.n, t.index, t.weight,
                         t.outside, index, weight);
    resize_taps_deinit(&t);
    CHECK(index && weight, STATUS_MEMORY, "out of memory while planning");
    return STATUS_OK;
}

/* The tables of a Resize along H and W; *fits is false where it does anything else. */
static enum status resize_tables(struct plan *s, const struct node *n, struct resize_args *a,
                                 bool *nearest, bool *fits) {
    struct op_call c;
    struct resize r;
    TRY(op_call_init(&c, s->g, n));
    enum status status = resize_init(&c, &r);
    *fits = status == STATUS_OK && !r.resized[0] && !r.resized[1] && r.out[2] > 0 && r.out[3] > 0;
    if (*fits) status = build_axis(s, &c, &r, 2, &a->y);
    if (*fits && status == STATUS_OK) status = build_axis(s, &c, &r, 3, &a->x);
    op_call_deinit(&c);
    *nearest = r.mode == RESIZE_NEAREST;
    a->extrapolation_value = node_float(n, "extrapolation_value", 0);
    return status;
}

static enum status lower_resize(struct plan *s, const struct node *n, bool *done) {
    const struct graph *g = s->g;
    int x = n->inputs[0], y = n->outputs[0];
    if (!plan_blockable(s, x) || !plan_blockable(s, y)) return STATUS_OK;
    const struct shape *sx = &g->tensors[x].shape, *sy = &g->tensors[y].shape;
    for (int i = 1; i < n->n_inputs; i++)
        if (node_input(g, n, i) && !node_input(g, n, i)->data) return STATUS_OK;
    if (!fits_int(sx) || !fits_int(sy)) return STATUS_OK;
    struct resize_args a = {.n_blocks = (int)((sx->dim[1] + s->block - 1) / s->block)};
    bool nearest, fits;
    TRY(resize_tables(s, n, &a, &nearest, &fits));
    if (!fits) return STATUS_OK;
    struct value from, to;
    TRY(plan_want(s, n, x, LAYOUT_BLOCKED, &from));
    TRY(plan_define(s, y, LAYOUT_BLOCKED, &to));
    a.src_n = from.batch_stride;
    a.dst_n = to.batch_stride;
    a.src_c = sx->dim[2] * sx->dim[3] * s->block;
    a.dst_c = sy->dim[2] * sy->dim[3] * s->block;
    plan_want_scratch(s, resize_scratch_floats(&a, s->block) * sizeof(float));
    struct step *step;
    struct resize_step *r;
    int64_t rows = sx->dim[0] * a.n_blocks * sy->dim[2];
    TRY(plan_add_step(s, n, nearest ? "nearest" : "interpolate",
                      plan_tiles(rows, (double)sy->dim[3] * (nearest ? 1 : 4)), run_resize,
                      sizeof *r, &step, &r));
    *r = (struct resize_step){.args = a, .rows = rows,
                              .nearest = nearest ? s->k->resize->nearest : NULL,
                              .interpolate = s->k->resize->interpolate};
    TRY(plan_ref(s, &from, &r->src));
    TRY(plan_ref(s, &to, &r->dst));
    *done = true;
    return STATUS_OK;
}

enum status lower_pool(struct plan *s, const struct node *n, bool *done) {
    switch (n->op) {
    case OP_MaxPool:
    case OP_AveragePool: return lower_window(s, n, done);
    case OP_GlobalAveragePool:
    case OP_GlobalMaxPool: return lower_global(s, n, done);
    case OP_ReduceMean:
        return plan_has(s, n->inputs[0], LAYOUT_BLOCKED) && reduces_space(s->g, n)
                   ? lower_global(s, n, done)
                   : STATUS_OK;
    case OP_Resize: return lower_resize(s, n, done);
    default: return STATUS_OK;
    }
}
