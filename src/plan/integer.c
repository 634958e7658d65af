/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/integer.h"

#include <math.h>

#include "kernels/eltwise.h"
#include "kernels/kernels.h"
#include "kernels/move.h"

enum { UNIT = 4096 };

static int64_t units(int64_t elements) { return (elements + UNIT - 1) / UNIT; }

/* ---- 8 bits to floats ---- */

bool plan_widen_weights(const struct integer_weights *w, float *to) {
    struct view v = {.dtype = w->w->dtype, .data = (void *)(uintptr_t)w->w->data};
    struct view z = {.dtype = w->zero ? w->zero->dtype : DT_NONE,
                     .data = w->zero ? (void *)(uintptr_t)w->zero->data : NULL};
    int64_t n_zeros = w->zero ? shape_elements(&w->zero->shape) : 0;
    for (int64_t o = 0; o < w->out; o++) {
        int64_t off = n_zeros ? view_get_i64(&z, n_zeros == 1 ? 0 : o) : 0, sum = 0;
        for (int64_t i = 0; i < w->each; i++) {
            int64_t at = o * w->out_step + i * w->each_step, value = view_get_i64(&v, at) - off;
            to[at] = (float)value;
            sum += value < 0 ? -value : value;
        }
        if (sum * 255 >= 1 << 24) return false;
    }
    return true;
}

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
    tile_range(units(w->elements), s->n_tiles, tile, &begin, &end);
    begin *= UNIT;
    end = end * UNIT < w->elements ? end * UNIT : w->elements;
    struct view zero = {.dtype = w->type, .data = w->has_zero ? ref_at(env, &w->zero) : NULL};
    float *dst = (float *)ref_at(env, &w->dst) + begin;
    w->to_f32((const unsigned char *)ref_at(env, &w->src) + begin, dst, (size_t)(end - begin));
    if (w->has_zero)
        w->subtract(dst, (float)view_get_i64(&zero, 0), dst, (size_t)(end - begin));
    return STATUS_OK;
}

bool plan_can_widen(const struct plan *s, const struct node *n, int i, int zero) {
    const struct tensor *x = node_input(s->g, n, i), *z = node_input(s->g, n, zero);
    return s->tensors[n->inputs[i]].dynamic < 0 && shape_elements(&x->shape) > 0 &&
           s->k->move->to_f32[x->dtype] &&
           (!z || (shape_elements(&z->shape) == 1 && s->tensors[n->inputs[zero]].dynamic < 0));
}

enum status plan_widen(struct plan *s, const struct node *n, int i, int zero, struct value *to) {
    const struct tensor *x = node_input(s->g, n, i), *z = node_input(s->g, n, zero);
    int64_t elements = shape_elements(&x->shape);
    struct value src, vz;
    TRY(plan_want(s, n, n->inputs[i], LAYOUT_PLAIN, &src));
    if (z) TRY(plan_want(s, n, n->inputs[zero], LAYOUT_PLAIN, &vz));
    *to = (struct value){.valid = true};
    TRY(plan_add_buffer(s, (size_t)elements * sizeof(float), &to->buffer));
    struct step *step;
    struct widen *w;
    TRY(plan_add_step(s, n, "widen", plan_tiles(units(elements), 1000), run_widen, sizeof *w,
                      &step, &w));
    *w = (struct widen){.has_zero = z != NULL, .type = x->dtype, .elements = elements,
                        .to_f32 = s->k->move->to_f32[x->dtype],
                        .subtract = s->k->eltwise->binary[BINARY_SUB].scalar};
    TRY(plan_ref(s, &src, &w->src));
    if (z) TRY(plan_ref(s, &vz, &w->zero));
    return plan_ref(s, to, &w->dst);
}

/* ---- sums to 32 bits ---- */

const struct node *plan_only_cast(const struct plan *s, int y) {
    if (s->uses.count_outputs[y] || s->uses.first[y + 1] - s->uses.first[y] != 1) return NULL;
    const struct node *c = &s->g->nodes[s->uses.node[s->uses.first[y]]];
    if (c->op != OP_Cast || s->tensors[c->outputs[0]].dynamic >= 0) return NULL;
    return s->g->tensors[c->outputs[0]].dtype == DT_F32 ? c : NULL;
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
    tile_range(units(c->elements), s->n_tiles, tile, &begin, &end);
    begin *= UNIT;
    end = end * UNIT < c->elements ? end * UNIT : c->elements;
    c->from_f32((const float *)ref_at(env, &c->src) + begin,
                (int32_t *)ref_at(env, &c->dst) + begin, (size_t)(end - begin));
    return STATUS_OK;
}

enum status plan_narrow(struct plan *s, const struct node *n, const struct value *sums, int y) {
    int64_t elements = shape_elements(&s->g->tensors[y].shape);
    struct value out;
    TRY(plan_define(s, y, LAYOUT_PLAIN, &out));
    struct step *step;
    struct narrow *c;
    TRY(plan_add_step(s, n, "narrow", plan_tiles(units(elements), 1000), run_narrow, sizeof *c,
                      &step, &c));
    *c = (struct narrow){.elements = elements, .from_f32 = s->k->move->from_f32[DT_I32]};
    TRY(plan_ref(s, sums, &c->src));
    return plan_ref(s, &out, &c->dst);
}

/* ---- sums to 8 bits ---- */

static enum status run_requantise(const struct step *s, struct run_env *env, int tile, int worker) {
    (void)worker;
    const struct requantise *r = s->params;
    int64_t begin, end;
    tile_range(r->rows, s->n_tiles, tile, &begin, &end);
    for (int64_t i = begin; i < end; i++) {
        int64_t c = r->by_column ? 0 : i % r->channels;
        r->run((const float *)ref_at(env, &r->src) + i * r->row,
               (uint8_t *)ref_at(env, &r->dst) + i * r->row, (size_t)r->row, r->scale + c,
               r->bias + c, r->by_column, &r->to);
    }
    return STATUS_OK;
}

/* Constant f32 data of one element or, with `channels`, one each. */
static const float *read_scale(const struct plan *s, const struct node *n, int i, int channels) {
    const struct tensor *t = node_input(s->g, n, i);
    if (!t || !t->data || t->dtype != DT_F32) return NULL;
    int64_t elements = shape_elements(&t->shape);
    return elements == 1 || (channels && elements == channels) ? t->data : NULL;
}

enum status plan_read_requantise(struct plan *s, const struct node *n, int channels,
                                 struct requantise *r, bool *ok) {
    const struct graph *g = s->g;
    const struct tensor *bias = node_input(g, n, 8), *zero = node_input(g, n, 7);
    const float *x_scale = read_scale(s, n, 1, 0), *w_scale = read_scale(s, n, 4, channels),
                *y_scale = read_scale(s, n, 6, 0);
    *ok = false;
    if (!x_scale || !w_scale || !y_scale || !zero || !zero->data || (bias && !bias->data) ||
        shape_elements(&zero->shape) != 1)
        return STATUS_OK;
    bool is_single = shape_elements(&node_input(g, n, 4)->shape) == 1;
    float *scales = arena_alloc_data(&s->p->memory, (size_t)channels * sizeof *scales);
    int32_t *sums = arena_alloc_data(&s->p->memory, (size_t)channels * sizeof *sums);
    CHECK(scales && sums, STATUS_MEMORY, "out of memory while planning");
    for (int c = 0; c < channels; c++) {
        scales[c] = *x_scale * w_scale[is_single ? 0 : c] / *y_scale;
        sums[c] = bias ? ((const int32_t *)bias->data)[c] : 0;
        if (!isfinite(scales[c])) return STATUS_OK;
    }
    bool is_signed = zero->dtype == DT_I8;
    struct view z = {.dtype = zero->dtype, .data = (void *)(uintptr_t)zero->data};
    *r = (struct requantise){.channels = channels, .scale = scales, .bias = sums,
                             .to = {(int)view_get_i64(&z, 0), is_signed ? -128 : 0,
                                    is_signed ? 127 : 255},
                             .run = s->k->quant->requantise};
    *ok = true;
    return STATUS_OK;
}

enum status plan_requantise(struct plan *s, const struct node *n, const struct requantise *r,
                            const struct value *sums, int y) {
    struct value out;
    TRY(plan_define(s, y, LAYOUT_PLAIN, &out));
    struct step *step;
    struct requantise *params;
    TRY(plan_add_step(s, n, "requantise", plan_tiles(r->rows, (double)r->row), run_requantise,
                      sizeof *params, &step, &params));
    *params = *r;
    TRY(plan_ref(s, sums, &params->src));
    return plan_ref(s, &out, &params->dst);
}
