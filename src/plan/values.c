/* SPDX-License-Identifier: Apache-2.0 */
/* Representations of tensors: asking for one, defining one, converting between layouts, and
 * bringing a tensor to its home. */
#include <string.h>

#include "kernels/kernels.h"
#include "kernels/move.h"
#include "plan/plan.h"

bool plan_blockable(const struct plan *s, int t) {
    const struct tensor *x = &s->g->tensors[t];
    return x->dtype == DT_F32 && x->shape.rank == 4 && shape_elements(&x->shape) > 0 &&
           s->tensors[t].dynamic < 0;
}

int64_t plan_blocked_image(const struct plan *s, const struct shape *shape) {
    int64_t blocks = (shape->dim[1] + s->block - 1) / s->block;
    return blocks * s->block * shape->dim[2] * shape->dim[3];
}

bool plan_has(const struct plan *s, int t, enum layout layout) {
    const struct plan_tensor *x = &s->tensors[t];
    return x->in[layout].valid || (layout == LAYOUT_BLOCKED && x->channels);
}

void plan_alias(struct plan *s, int t, enum layout layout, const struct value *v) {
    s->tensors[t].in[layout] = *v;
    const struct home *h = &s->tensors[t].home;
    if (h->valid && h->layout == layout && v->buffer == h->buffer && v->offset == h->offset)
        s->tensors[t].at_home = true;
}

static bool home_is_contiguous(const struct plan *s, int t) {
    const struct home *h = &s->tensors[t].home;
    const struct shape *shape = &s->g->tensors[t].shape;
    int64_t stride[SHAPE_MAX_RANK];
    plan_contiguous(shape, stride);
    for (int i = 0; i < shape->rank; i++)
        if (shape->dim[i] != 1 && h->stride[i] != stride[i]) return false;
    return true;
}

/* The value that lies at t's home, if it can be read as one of `layout`. */
static bool home_value(const struct plan *s, int t, enum layout layout, struct value *out) {
    const struct home *h = &s->tensors[t].home;
    if (!h->valid || h->layout != layout) return false;
    if (layout == LAYOUT_PLAIN && !home_is_contiguous(s, t)) return false;
    *out = (struct value){.valid = true, .buffer = h->buffer, .offset = h->offset,
                          .batch_stride = h->batch_stride};
    return true;
}

enum status plan_define(struct plan *s, int t, enum layout layout, struct value *out) {
    const struct tensor *x = &s->g->tensors[t];
    if (home_value(s, t, layout, out)) {
        s->tensors[t].at_home = true;
    } else {
        *out = (struct value){.valid = true};
        int64_t elements = shape_elements(&x->shape);
        if (layout == LAYOUT_BLOCKED) {
            out->batch_stride = plan_blocked_image(s, &x->shape);
            elements = out->batch_stride * x->shape.dim[0];
        }
        TRY(plan_add_buffer(s, (size_t)elements * dtype_size(x->dtype), &out->buffer));
    }
    s->tensors[t].in[layout] = *out;
    return STATUS_OK;
}

void plan_set_home_written(struct plan *s, int t) {
    struct value v;
    s->tensors[t].at_home = true;
    enum layout layout = s->tensors[t].home.layout;
    if (home_value(s, t, layout, &v)) s->tensors[t].in[layout] = v;
}

/* ---- steps that move ---- */

struct copy {
    struct ref src, dst;
    struct move_copy args;
    void (*copy)(const struct move_copy *, int64_t, int64_t);
};

static enum status run_copy(const struct step *s, struct run_env *env, int tile, int worker) {
    (void)worker;
    const struct copy *c = s->params;
    struct move_copy a = c->args;
    a.src = ref_at(env, &c->src);
    a.dst = ref_at(env, &c->dst);
    int64_t begin, end;
    tile_range(a.n_units, s->n_tiles, tile, &begin, &end);
    c->copy(&a, begin, end);
    return STATUS_OK;
}

enum status plan_copy(struct plan *s, const struct node *n, const char *kernel,
                      const struct value *src, const int64_t *src_stride, const struct value *dst,
                      const int64_t *dst_stride, const struct shape *shape, size_t element_bytes) {
    struct move_copy a;
    TRY(move_copy_init(&a, (int)element_bytes, shape->rank, shape->dim, src_stride, dst_stride));
    struct step *step;
    struct copy *c;
    double unit_ns = 0.3 * (double)shape_elements(shape) / (double)(a.n_units ? a.n_units : 1);
    TRY(plan_add_step(s, n, kernel, plan_tiles(a.n_units, unit_ns), run_copy, sizeof *c, &step,
                      &c));
    *c = (struct copy){.args = a, .copy = s->k->move->copy};
    TRY(plan_ref(s, src, &c->src));
    return plan_ref(s, dst, &c->dst);
}

struct reorder {
    struct ref src, dst;
    const struct move_kernels *k;
    bool to_blocked;
    int64_t block, n, c, plane;
    int64_t groups, bands; /* units an image: of channel blocks, and pieces of a plane */
    int64_t lane;          /* of the first channel in its block */
    int64_t plain_n, plain_c, plain_p, blocked_n; /* strides in floats */
};

/* A unit is one band of pixels of one channel block, or of all where pixels are rows of channels:
 * rows are written through, which is twice as fast as 64 bytes here and there. */
static void reorder_unit(const struct reorder *r, const float *src, float *dst, int64_t unit) {
    const int64_t b = r->block;
    int64_t band = unit % r->bands, cb = unit / r->bands % r->groups,
            n = unit / r->bands / r->groups;
    int64_t first = r->plane * band / r->bands, end = r->plane * (band + 1) / r->bands;
    size_t pixels = (size_t)(end - first);
    int64_t lane = cb ? 0 : r->lane, channel = cb ? cb * b - r->lane : 0;
    int channels = (int)(r->groups == 1 || r->c - channel < b - lane ? r->c - channel : b - lane);
    int64_t blocked = n * r->blocked_n + cb * b * r->plane + first * b;
    int64_t plain = n * r->plain_n + channel * r->plain_c + first * r->plain_p;
    if (r->plain_c == 1 && r->plain_p != 1) {
        if (r->to_blocked)
            r->k->nhwc_to_block(src + plain, r->plain_p, channels, dst + blocked, b * r->plane,
                                pixels);
        else
            r->k->block_to_nhwc(src + blocked, b * r->plane, (int)lane, channels, dst + plain,
                                r->plain_p, pixels);
    } else if (r->plain_p == 1) {
        if (r->to_blocked)
            r->k->nchw_to_block(src + plain, r->plain_c, channels, dst + blocked, pixels);
        else r->k->block_to_nchw(src + blocked, (int)lane, channels, dst + plain, r->plain_c,
                                 pixels);
    } else {
        /* Neither pixels nor channels side by side: only into a home of an odd stride. */
        for (size_t p = 0; p < pixels; p++)
            for (int c = 0; c < channels; c++)
                dst[plain + c * r->plain_c + (int64_t)p * r->plain_p] =
                    src[blocked + (int64_t)p * b + lane + c];
    }
}

static enum status run_reorder(const struct step *s, struct run_env *env, int tile, int worker) {
    (void)worker;
    const struct reorder *r = s->params;
    const float *src = ref_at(env, &r->src);
    float *dst = ref_at(env, &r->dst);
    int64_t begin, end;
    tile_range(r->n * r->groups * r->bands, s->n_tiles, tile, &begin, &end);
    for (int64_t i = begin; i < end; i++) reorder_unit(r, src, dst, i);
    return STATUS_OK;
}

static enum status reorder(struct plan *s, const struct node *n, const struct shape *shape,
                           const struct value *src, const struct value *dst, bool to_blocked,
                           int64_t lane, const int64_t *plain_stride) {
    struct step *step;
    struct reorder *r;
    /* With one column, consecutive pixels are consecutive rows. */
    int64_t plain_c = plain_stride[1], plain_p = plain_stride[shape->dim[3] == 1 ? 2 : 3];
    bool rows = plain_c == 1 && plain_p != 1;
    int64_t blocks = (lane + shape->dim[1] + s->block - 1) / s->block;
    int64_t plane = shape->dim[2] * shape->dim[3], groups = rows ? 1 : blocks;
    int64_t each = plane * blocks / groups, bands = each >= 4096 ? each / 2048 : 1;
    if (bands > plane) bands = plane;
    TRY(plan_add_step(s, n, to_blocked ? "plain to blocked" : "blocked to plain",
                      plan_tiles(shape->dim[0] * groups * bands,
                                 0.15 * (double)(each / bands * s->block)),
                      run_reorder, sizeof *r, &step, &r));
    *r = (struct reorder){.k = s->k->move, .block = s->block, .to_blocked = to_blocked,
                          .n = shape->dim[0], .c = shape->dim[1], .plane = plane, .groups = groups,
                          .lane = lane, .bands = bands, .plain_n = plain_stride[0],
                          .plain_c = plain_c, .plain_p = plain_p,
                          .blocked_n = to_blocked ? dst->batch_stride : src->batch_stride};
    TRY(plan_ref(s, src, &r->src));
    return plan_ref(s, dst, &r->dst);
}

enum status plan_to_blocked(struct plan *s, const struct node *n, const struct shape *shape,
                            const struct value *src, const int64_t *src_stride,
                            const struct value *dst) {
    return reorder(s, n, shape, src, dst, true, 0, src_stride);
}

enum status plan_from_blocked(struct plan *s, const struct node *n, const struct shape *shape,
                              const struct value *src, int64_t first, const struct value *dst,
                              const int64_t *dst_stride) {
    struct value from = *src;
    from.offset += (size_t)(first / s->block * s->block * shape->dim[2] * shape->dim[3]) *
                   sizeof(float);
    return reorder(s, n, shape, &from, dst, false, first % s->block, dst_stride);
}

/* The blocked channels tensor t can be had plain from: itself, or a run of another's. */
static enum status want_run(struct plan *s, const struct node *n, int t, struct value *from,
                            int64_t *first) {
    int source = t;
    *first = 0;
    if (!s->tensors[t].in[LAYOUT_BLOCKED].valid && !plan_channel_run(s, t, &source, first)) {
        source = t;
        *first = 0;
    }
    return plan_want(s, n, source, LAYOUT_BLOCKED, from);
}

static bool pixels_are_even(const struct shape *shape, const int64_t *stride) {
    return shape->dim[2] == 1 || shape->dim[3] == 1 || stride[2] == stride[3] * shape->dim[3];
}

static const char as_it_is[] = "as it is";

struct copy_job {
    const void *data;
    size_t bytes;
};

static void copy_constant(const void *context, void *memory) {
    const struct copy_job *j = context;
    if (j->bytes) memcpy(memory, j->data, j->bytes);
}

enum status plan_want(struct plan *s, const struct node *n, int t, enum layout layout,
                      struct value *out) {
    struct plan_tensor *x = &s->tensors[t];
    const struct tensor *tensor = &s->g->tensors[t];
    if (x->in[layout].valid) {
        *out = x->in[layout];
        return STATUS_OK;
    }
    if (tensor->data && layout == LAYOUT_PLAIN) {
        const void *data = tensor->data;
        size_t bytes = tensor->data_bytes;
        if (s->own_constants) {
            const struct copy_job job = {data, bytes};
            TRY(plan_pack(s, tensor, NULL, &(struct packing){as_it_is, sizeof as_it_is,
                                                             bytes ? bytes : 1, copy_constant, &job,
                                                             sizeof job}, &data));
        }
        x->in[layout] = (struct value){.valid = true, .buffer = -1, .constant = data};
        *out = x->in[layout];
        return STATUS_OK;
    }
    int64_t stride[SHAPE_MAX_RANK];
    plan_contiguous(&tensor->shape, stride);
    struct value from;
    int64_t first;
    if (layout == LAYOUT_BLOCKED) {
        if (!x->channels) TRY(plan_want(s, n, t, LAYOUT_PLAIN, &from));
        TRY(plan_define(s, t, layout, out));
        return x->channels ? plan_gather_channels(s, n, t, out)
                           : plan_to_blocked(s, n, &tensor->shape, &from, stride, out);
    }
    if (plan_has(s, t, LAYOUT_BLOCKED)) {
        TRY(want_run(s, n, t, &from, &first));
        TRY(plan_define(s, t, layout, out));
        return plan_from_blocked(s, n, &tensor->shape, &from, first, out, stride);
    }
    if (x->made_by) return plan_aipp_step(s, x->made_by, false, out);
    CHECK(x->at_home, STATUS_INTERNAL, "tensor '%s' is read before it is written", tensor->name);
    struct value home = {.valid = true, .buffer = x->home.buffer, .offset = x->home.offset};
    TRY(plan_define(s, t, layout, out));
    return plan_copy(s, n, "gather", &home, x->home.stride, out, stride, &tensor->shape,
                     dtype_size(tensor->dtype));
}

enum status plan_write_to(struct plan *s, const struct node *n, int t, const struct home *h) {
    const struct plan_tensor *x = &s->tensors[t];
    const struct tensor *tensor = &s->g->tensors[t];
    struct value to = {.valid = true, .buffer = h->buffer, .offset = h->offset,
                       .batch_stride = h->batch_stride};
    struct value from;
    int64_t stride[SHAPE_MAX_RANK];
    plan_contiguous(&tensor->shape, stride);
    if (h->layout == LAYOUT_BLOCKED) {
        if (!x->in[LAYOUT_BLOCKED].valid && x->channels)
            return plan_gather_channels(s, n, t, &to);
        if (!x->in[LAYOUT_BLOCKED].valid) {
            TRY(plan_want(s, n, t, LAYOUT_PLAIN, &from));
            return plan_to_blocked(s, n, &tensor->shape, &from, stride, &to);
        }
        /* Already blocked, elsewhere: an image is contiguous in both places. */
        from = x->in[LAYOUT_BLOCKED];
        struct shape flat = shape_from(
            2, (int64_t[]){tensor->shape.dim[0], plan_blocked_image(s, &tensor->shape)});
        return plan_copy(s, n, "copy", &from, (int64_t[]){from.batch_stride, 1}, &to,
                         (int64_t[]){to.batch_stride, 1}, &flat, sizeof(float));
    }
    if (plan_has(s, t, LAYOUT_BLOCKED) && !x->in[LAYOUT_PLAIN].valid &&
        pixels_are_even(&tensor->shape, h->stride)) {
        int64_t first;
        TRY(want_run(s, n, t, &from, &first));
        return plan_from_blocked(s, n, &tensor->shape, &from, first, &to, h->stride);
    }
    TRY(plan_want(s, n, t, LAYOUT_PLAIN, &from));
    return plan_copy(s, n, "copy", &from, stride, &to, h->stride, &tensor->shape,
                     dtype_size(tensor->dtype));
}

enum status plan_bring_home(struct plan *s, const struct node *n, int t) {
    if (s->tensors[t].at_home) return STATUS_OK;
    TRY(plan_write_to(s, n, t, &s->tensors[t].home));
    plan_set_home_written(s, t);
    return STATUS_OK;
}
