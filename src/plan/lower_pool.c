/* SPDX-License-Identifier: Apache-2.0 */
/* Pooling and resizing, on blocked tensors. */
#include <limits.h>
#include <string.h>

#include "kernels/kernels.h"
#include "kernels/pool.h"
#include "kernels/resize.h"
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
    CHECK(scratch < SIZE_MAX / 8, STATUS_LIMIT, "node '%s': the pooling window is too large", n->name);
    plan_want_scratch(s, scratch * sizeof(float));
    struct step *step;
    struct pool_step *p;
    TRY(plan_add_step(s, n, max ? "max pool" : "average pool",
                      plan_tiles(rows, 0.5 * a.ow * (w.kh + w.kw)), run_pool, sizeof *p, &step, &p));
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
        p->interpolate(&a, begin, end, (float *)(env->scratch + (size_t)worker * env->scratch_stride));
    return STATUS_OK;
}

static int find_name(const char *name, const char *const *names) {
    for (int i = 0; names[i]; i++)
        if (!strcmp(name, names[i])) return i;
    return -1;
}

static bool resize_parameters(const struct node *n, struct resize_params *p) {
    static const char *const modes[] = {"nearest", "linear", "cubic", NULL};
    static const char *const coordinates[] = {
        "half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners", "asymmetric",
        "tf_crop_and_resize", "tf_half_pixel_for_nn", NULL};
    static const char *const nearest[] = {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil",
                                          NULL};
    int mode = find_name(node_string(n, "mode", "nearest"), modes);
    int coordinate =
        find_name(node_string(n, "coordinate_transformation_mode", "half_pixel"), coordinates);
    int round = find_name(node_string(n, "nearest_mode", "round_prefer_floor"), nearest);
    if (mode < 0 || coordinate < 0 || round < 0 || coordinate == RESIZE_TF_CROP_AND_RESIZE)
        return false;
    *p = (struct resize_params){
        .mode = (enum resize_mode)mode, .coordinates = (enum resize_coordinates)coordinate,
        .nearest = (enum resize_nearest)round, .antialias = (int)node_int(n, "antialias", 0),
        .exclude_outside = (int)node_int(n, "exclude_outside", 0),
        .cubic_coeff_a = node_float(n, "cubic_coeff_a", -0.75f)};
    return true;
}

static enum status build_axis(struct plan *s, struct resize_params p, int64_t in, int64_t out,
                              struct resize_axis *axis) {
    size_t entries = (size_t)out * (size_t)resize_axis_taps(&p);
    int32_t *index = arena_calloc(&s->p->memory, entries, sizeof *index);
    float *weight = arena_calloc(&s->p->memory, entries, sizeof *weight);
    CHECK(index && weight, STATUS_MEMORY, "out of memory while planning");
    return resize_axis_build(&p, (int)in, (int)out, index, weight, axis);
}

static enum status lower_resize(struct plan *s, const struct node *n, bool *done) {
    const struct graph *g = s->g;
    int x = n->inputs[0], y = n->outputs[0];
    if (!plan_blockable(s, x) || !plan_blockable(s, y)) return STATUS_OK;
    const struct shape *sx = &g->tensors[x].shape, *sy = &g->tensors[y].shape;
    const struct tensor *scales = node_input(g, n, 2), *sizes = node_input(g, n, 3);
    struct resize_params p;
    /* `axes` reorders the operands; exporters of image networks never write it. */
    if (!fits_int(sx) || !fits_int(sy) || node_attr(n, "axes") || !resize_parameters(n, &p) ||
        sx->dim[0] != sy->dim[0] || sx->dim[1] != sy->dim[1] || (scales && !scales->data))
        return STATUS_OK;
    /* With sizes the reference takes out / in; keeping the aspect ratio changes that. */
    if (strcmp(node_string(n, "keep_aspect_ratio_policy", "stretch"), "stretch")) return STATUS_OK;
    bool by_scale = scales && shape_elements(&scales->shape) == 4 && !sizes;
    const float *scale = by_scale && scales->dtype == DT_F32 ? scales->data : NULL;
    struct resize_args a = {.n_blocks = (int)((sx->dim[1] + s->block - 1) / s->block)};
    struct resize_params py = p, px = p;
    py.scale = scale ? scale[2] : (float)sy->dim[2] / (float)sx->dim[2];
    px.scale = scale ? scale[3] : (float)sy->dim[3] / (float)sx->dim[3];
    if (scale && (scale[0] != 1 || scale[1] != 1)) return STATUS_OK;
    struct value from, to;
    TRY(build_axis(s, py, sx->dim[2], sy->dim[2], &a.y));
    TRY(build_axis(s, px, sx->dim[3], sy->dim[3], &a.x));
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
    bool nearest = p.mode == RESIZE_NEAREST;
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
