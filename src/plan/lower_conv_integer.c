/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ConvInteger and QLinearConv with constant weights on the f32 convolution kernels.
 *
 * Zero points are taken off first; what is left are integers, and sums of products of integers are
 * exact in f32 as long as they stay below 2^24. That is checked against the weights of every output
 * channel; where it could fail, the reference kernel runs. QLinearConv scales the exact sums by the
 * reference kernel's own arithmetic, so that both give the same bytes.
 */
#include <limits.h>
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "kernels/eltwise.h"
#include "kernels/move.h"
#include "plan/conv_steps.h"

enum { UNIT = 4096 };

struct widen {
    struct ref src, zero, dst;
    bool has_zero;
    enum dtype type;
    int64_t elements;
    void (*to_f32)(const void *, float *, size_t);
    void (*subtract)(const float *, float, float *, size_t);
};

static enum status run_widen(const struct step *s, struct run_env *env, int tile, int worker) {
    (void)worker;
    const struct widen *w = s->params;
    int64_t begin, end;
    tile_range((w->elements + UNIT - 1) / UNIT, s->n_tiles, tile, &begin, &end);
    begin *= UNIT;
    end = end * UNIT < w->elements ? end * UNIT : w->elements;
    struct view zero = {.dtype = w->type, .data = w->has_zero ? ref_at(env, &w->zero) : NULL};
    float *dst = (float *)ref_at(env, &w->dst) + begin;
    w->to_f32((const unsigned char *)ref_at(env, &w->src) + begin, dst, (size_t)(end - begin));
    if (w->has_zero)
        w->subtract(dst, (float)view_get_i64(&zero, 0), dst, (size_t)(end - begin));
    return STATUS_OK;
}

struct narrow {
    struct ref src, dst;
    int64_t elements;
    void (*from_f32)(const float *, void *, size_t);
};

static enum status run_narrow(const struct step *s, struct run_env *env, int tile, int worker) {
    (void)worker;
    const struct narrow *c = s->params;
    int64_t begin, end;
    tile_range((c->elements + UNIT - 1) / UNIT, s->n_tiles, tile, &begin, &end);
    begin *= UNIT;
    end = end * UNIT < c->elements ? end * UNIT : c->elements;
    c->from_f32((const float *)ref_at(env, &c->src) + begin, (int32_t *)ref_at(env, &c->dst) + begin,
                (size_t)(end - begin));
    return STATUS_OK;
}

/* Exact sums to the 8 bits of the output: bias, scale, half to even, zero point, saturation. */
struct requantise {
    struct ref src, dst;
    int64_t planes, plane; /* planes: images times channels */
    int channels, zero, low, high;
    const float *scale;  /* per channel */
    const int32_t *bias; /* per channel */
};

static enum status run_requantise(const struct step *s, struct run_env *env, int tile, int worker) {
    (void)worker;
    const struct requantise *r = s->params;
    /* Adding 3 * 2^51 leaves no bits for a fraction. */
    const double far = 1 << 20, magic = 6755399441055744.0;
    int64_t begin, end;
    tile_range(r->planes, s->n_tiles, tile, &begin, &end);
    for (int64_t p = begin; p < end; p++) {
        const float *src = (const float *)ref_at(env, &r->src) + p * r->plane;
        uint8_t *dst = (uint8_t *)ref_at(env, &r->dst) + p * r->plane;
        double scale = (double)r->scale[p % r->channels], bias = r->bias[p % r->channels];
        for (int64_t i = 0; i < r->plane; i++) {
            double v = scale * ((double)src[i] + bias);
            v = v < -far ? -far : v > far ? far : v;
            int q = (int)(v + magic - magic) + r->zero;
            dst[i] = (uint8_t)(q < r->low ? r->low : q > r->high ? r->high : q);
        }
    }
    return STATUS_OK;
}

/* Scales, bias and zero point of a QLinearConv; false if one of them is not a constant, or a scale
 * is out of range: then products may be NaN, which the reference kernel sees to. */
static enum status read_requantise(struct plan *s, const struct node *n, int channels,
                                   struct requantise *r, bool *ok) {
    static const int needed[] = {1, 4, 6, 7};
    const struct graph *g = s->g;
    *ok = false;
    for (int i = 0; i < 4; i++)
        if (!node_input(g, n, needed[i]) || !node_input(g, n, needed[i])->data) return STATUS_OK;
    const struct tensor *bias = node_input(g, n, 8), *w = node_input(g, n, 4),
                        *zero = node_input(g, n, 7);
    if (bias && !bias->data) return STATUS_OK;
    float x_scale = *(const float *)node_input(g, n, 1)->data,
          y_scale = *(const float *)node_input(g, n, 6)->data;
    const float *w_scale = w->data;
    float *scales = arena_alloc_data(&s->p->memory, (size_t)channels * sizeof *scales);
    int32_t *sums = arena_alloc_data(&s->p->memory, (size_t)channels * sizeof *sums);
    CHECK(scales && sums, STATUS_MEMORY, "out of memory while planning");
    for (int c = 0; c < channels; c++) {
        scales[c] = x_scale * w_scale[shape_elements(&w->shape) == 1 ? 0 : c] / y_scale;
        sums[c] = bias ? ((const int32_t *)bias->data)[c] : 0;
        if (!isfinite(scales[c])) return STATUS_OK;
    }
    bool is_signed = zero->dtype == DT_I8;
    struct view z = {.dtype = zero->dtype, .data = (void *)(uintptr_t)zero->data};
    *r = (struct requantise){.channels = channels, .zero = (int)view_get_i64(&z, 0),
                             .low = is_signed ? -128 : 0, .high = is_signed ? 127 : 255,
                             .scale = scales, .bias = sums};
    *ok = true;
    return STATUS_OK;
}

/* The weights without their zero point, as floats; false when a sum could leave 2^24. */
static bool widen_weights(const struct tensor *w, const struct tensor *zero, float *out) {
    struct view v = {.dtype = w->dtype, .data = (void *)(uintptr_t)w->data};
    struct view z = {.dtype = zero ? zero->dtype : DT_NONE,
                     .data = zero ? (void *)(uintptr_t)zero->data : NULL};
    int64_t oc = w->shape.dim[0], each = shape_elements(&w->shape) / oc;
    int64_t n_zeros = zero ? shape_elements(&zero->shape) : 0;
    for (int64_t o = 0; o < oc; o++) {
        int64_t off = n_zeros ? view_get_i64(&z, n_zeros == 1 ? 0 : o) : 0, sum = 0;
        for (int64_t i = 0; i < each; i++) {
            int64_t value = view_get_i64(&v, o * each + i) - off;
            out[o * each + i] = (float)value;
            sum += value < 0 ? -value : value;
        }
        if (sum * 255 >= 1 << 24) return false;
    }
    return true;
}

static enum status pack(struct plan *s, const struct conv_plan *p, const struct tensor *w,
                        const struct tensor *zero, void **out) {
    *out = NULL;
    float *wide = mem_alloc_aligned((size_t)shape_elements(&w->shape) * sizeof *wide);
    CHECK(wide, STATUS_MEMORY, "out of memory while planning");
    if (widen_weights(w, zero, wide)) {
        *out = arena_alloc_data(&s->p->memory, p->packed_bytes);
        if (*out) conv_pack(p, wide, NULL, *out);
        else {
            mem_free(wide);
            FAIL(STATUS_MEMORY, "out of memory while planning");
        }
    }
    mem_free(wide);
    return STATUS_OK;
}

/* The Cast to f32 that is the only reader of tensor y; NULL if there is none. */
static const struct node *only_cast(const struct plan *s, int y) {
    if (s->uses.count_outputs[y] || s->uses.first[y + 1] - s->uses.first[y] != 1) return NULL;
    const struct node *c = &s->g->nodes[s->uses.node[s->uses.first[y]]];
    return c->op == OP_Cast && plan_blockable(s, c->outputs[0]) ? c : NULL;
}

static enum status add_widen(struct plan *s, const struct node *n, struct value *blocked) {
    const struct graph *g = s->g;
    const struct tensor *x = node_input(g, n, 0), *zero = node_input(g, n, 2);
    int64_t elements = shape_elements(&x->shape), stride[SHAPE_MAX_RANK];
    struct value src, vz, plain = {.valid = true};
    TRY(plan_want(s, n, n->inputs[0], LAYOUT_PLAIN, &src));
    if (zero) TRY(plan_want(s, n, n->inputs[2], LAYOUT_PLAIN, &vz));
    TRY(plan_add_buffer(s, (size_t)elements * sizeof(float), &plain.buffer));
    *blocked = (struct value){.valid = true, .batch_stride = plan_blocked_image(s, &x->shape)};
    TRY(plan_add_buffer(s, (size_t)(blocked->batch_stride * x->shape.dim[0]) * sizeof(float),
                        &blocked->buffer));
    struct step *step;
    struct widen *w;
    TRY(plan_add_step(s, n, "widen", plan_tiles((elements + UNIT - 1) / UNIT, 1000), run_widen,
                      sizeof *w, &step, &w));
    *w = (struct widen){.has_zero = zero != NULL, .type = x->dtype, .elements = elements,
                        .to_f32 = s->k->move->to_f32[x->dtype],
                        .subtract = s->k->eltwise->binary[BINARY_SUB].scalar};
    TRY(plan_ref(s, &src, &w->src));
    if (zero) TRY(plan_ref(s, &vz, &w->zero));
    TRY(plan_ref(s, &plain, &w->dst));
    plan_contiguous(&x->shape, stride);
    return plan_to_blocked(s, n, &x->shape, &plain, stride, blocked);
}

enum status lower_conv_integer(struct plan *s, const struct node *n, bool *done) {
    const struct graph *g = s->g;
    int x = n->inputs[0], y = n->outputs[0];
    bool linear = n->op == OP_QLinearConv, ok = true;
    const struct tensor *tx = &g->tensors[x], *ty = &g->tensors[y],
                        *w = node_input(g, n, linear ? 3 : 1), *x_zero = node_input(g, n, 2),
                        *w_zero = node_input(g, n, linear ? 5 : 3);
    if (s->tensors[x].dynamic >= 0 || s->tensors[y].dynamic >= 0 || tx->shape.rank != 4 || !w->data ||
        shape_elements(&tx->shape) <= 0 || shape_elements(&ty->shape) <= 0 ||
        shape_elements(&w->shape) <= 0 || (w_zero && !w_zero->data) ||
        (x_zero && (shape_elements(&x_zero->shape) != 1 || s->tensors[n->inputs[2]].dynamic >= 0)) ||
        !s->k->move->to_f32[tx->dtype])
        return STATUS_OK;
    struct window win;
    const struct shape *sx = &tx->shape, *sy = &ty->shape;
    if (!plan_window(n, sx, sy, (int)w->shape.dim[2], (int)w->shape.dim[3], &win)) return STATUS_OK;
    for (int i = 0; i < 4; i++)
        if (sx->dim[i] > INT_MAX / 4 || sy->dim[i] > INT_MAX / 4) return STATUS_OK;
    struct requantise to_bytes = {.planes = 0};
    if (linear) TRY(read_requantise(s, n, (int)sy->dim[1], &to_bytes, &ok));
    if (!ok) return STATUS_OK;
    const struct node *cast = linear ? NULL : only_cast(s, y);
    struct conv_desc d = {
        .n = (int)sx->dim[0], .ic = (int)sx->dim[1], .ih = (int)sx->dim[2], .iw = (int)sx->dim[3],
        .oc = (int)sy->dim[1], .oh = (int)sy->dim[2], .ow = (int)sy->dim[3],
        .kh = win.kh, .kw = win.kw, .sh = win.sh, .sw = win.sw, .dh = win.dh, .dw = win.dw,
        .pt = win.pt, .pl = win.pl, .groups = (int)node_int(n, "group", 1),
        .src = CONV_BLOCKED, .dst = cast ? CONV_BLOCKED : CONV_PLANAR,
        .only = CONV_ONLY_DIRECT, /* Winograd's sums are not exact */
    };
    struct conv_plan p;
    void *packed;
    TRY(conv_plan_init(s->k, &d, &p));
    TRY(pack(s, &p, w, w_zero, &packed));
    if (!packed) return STATUS_OK;
    *done = true;
    struct conv_input from = {0};
    struct value to = {.valid = true};
    TRY(add_widen(s, n, &from.whole));
    int64_t src_plane = sx->dim[2] * sx->dim[3], dst_plane = sy->dim[2] * sy->dim[3];
    struct conv_args a = {.src_batch = from.whole.batch_stride, .src_channel = src_plane * s->block};
    if (cast) {
        TRY(plan_define(s, cast->outputs[0], LAYOUT_BLOCKED, &to));
        a.dst_batch = to.batch_stride;
        a.dst_channel = dst_plane * s->block;
        s->done[cast - g->nodes] = 1;
        return plan_conv_steps(s, n, &p, packed, &a, &from, &to, NULL);
    }
    int64_t elements = shape_elements(sy);
    TRY(plan_add_buffer(s, (size_t)elements * sizeof(float), &to.buffer));
    a.dst_batch = d.oc * dst_plane;
    a.dst_channel = dst_plane;
    TRY(plan_conv_steps(s, n, &p, packed, &a, &from, &to, NULL));
    struct value out;
    TRY(plan_define(s, y, LAYOUT_PLAIN, &out));
    struct step *step;
    if (linear) {
        struct requantise *r;
        to_bytes.planes = sy->dim[0] * sy->dim[1];
        to_bytes.plane = dst_plane;
        TRY(plan_add_step(s, n, "requantise",
                          plan_tiles(to_bytes.planes, (double)dst_plane), run_requantise,
                          sizeof *r, &step, &r));
        *r = to_bytes;
        TRY(plan_ref(s, &to, &r->src));
        return plan_ref(s, &out, &r->dst);
    }
    struct narrow *c;
    TRY(plan_add_step(s, n, "narrow", plan_tiles((elements + UNIT - 1) / UNIT, 1000), run_narrow,
                      sizeof *c, &step, &c));
    *c = (struct narrow){.elements = elements, .from_f32 = s->k->move->from_f32[DT_I32]};
    TRY(plan_ref(s, &to, &c->src));
    return plan_ref(s, &out, &c->dst);
}
