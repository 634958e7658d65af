/* SPDX-License-Identifier: Apache-2.0 */
/* Representations of tensors: asking for one, defining one, converting between layouts, and
 * bringing a tensor to its home. */
#include <string.h>

#include "base/alloc.h"
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
    return s->tensors[t].in[layout].valid;
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
    size_t element_bytes;
    int rank;
    int64_t dim[SHAPE_MAX_RANK], src_stride[SHAPE_MAX_RANK], dst_stride[SHAPE_MAX_RANK];
    int64_t blocks; /* BLOCKED sides: block size, else 0 */
};

static void copy_elements(const unsigned char *src, unsigned char *dst, int64_t n, int64_t ss,
                          int64_t ds, size_t e) {
    if (ss == 1 && ds == 1) {
        memcpy(dst, src, (size_t)n * e);
        return;
    }
#define LOOP(T)                                                                                    \
    for (int64_t i = 0; i < n; i++) ((T *)dst)[i * ds] = ((const T *)src)[i * ss]
    switch (e) {
    case 1: LOOP(uint8_t); break;
    case 2: LOOP(uint16_t); break;
    case 4: LOOP(uint32_t); break;
    default: LOOP(uint64_t); break;
    }
#undef LOOP
}

static void copy_dims(const struct copy *c, const unsigned char *src, unsigned char *dst, int d) {
    if (d == c->rank - 1) {
        copy_elements(src, dst, c->dim[d], c->src_stride[d], c->dst_stride[d], c->element_bytes);
        return;
    }
    for (int64_t i = 0; i < c->dim[d]; i++)
        copy_dims(c, src + (size_t)(i * c->src_stride[d]) * c->element_bytes,
                  dst + (size_t)(i * c->dst_stride[d]) * c->element_bytes, d + 1);
}

static enum status run_copy(const struct step *s, struct run_env *env, int tile, int worker) {
    (void)worker;
    const struct copy *c = s->params;
    struct copy part = *c;
    int64_t begin, end;
    tile_range(c->dim[0], s->n_tiles, tile, &begin, &end);
    part.dim[0] = end - begin;
    size_t e = c->element_bytes;
    copy_dims(&part, (const unsigned char *)ref_at(env, &c->src) + (size_t)(begin * c->src_stride[0]) * e,
              (unsigned char *)ref_at(env, &c->dst) + (size_t)(begin * c->dst_stride[0]) * e, 0);
    return STATUS_OK;
}

/* A strided copy, dims of size 1 dropped and the largest destination stride outermost, so that
 * writes go forward. */
enum status plan_copy(struct plan *s, const struct node *n, const char *kernel,
                      const struct value *src, const int64_t *src_stride, const struct value *dst,
                      const int64_t *dst_stride, const struct shape *shape, size_t element_bytes) {
    struct copy c = {.element_bytes = element_bytes};
    for (int i = 0; i < shape->rank; i++) {
        if (shape->dim[i] == 1) continue;
        int at = c.rank++;
        while (at > 0 && c.dst_stride[at - 1] < dst_stride[i]) {
            c.dim[at] = c.dim[at - 1];
            c.src_stride[at] = c.src_stride[at - 1];
            c.dst_stride[at] = c.dst_stride[at - 1];
            at--;
        }
        c.dim[at] = shape->dim[i];
        c.src_stride[at] = src_stride[i];
        c.dst_stride[at] = dst_stride[i];
    }
    if (!c.rank) c.dim[c.rank++] = 1;
    /* Join neighbours that are evenly spaced on both sides. */
    for (int i = c.rank - 2; i >= 0; i--) {
        if (c.src_stride[i] != c.src_stride[i + 1] * c.dim[i + 1] ||
            c.dst_stride[i] != c.dst_stride[i + 1] * c.dim[i + 1])
            continue;
        c.dim[i] *= c.dim[i + 1];
        c.src_stride[i] = c.src_stride[i + 1];
        c.dst_stride[i] = c.dst_stride[i + 1];
        for (int k = i + 1; k + 1 < c.rank; k++) {
            c.dim[k] = c.dim[k + 1];
            c.src_stride[k] = c.src_stride[k + 1];
            c.dst_stride[k] = c.dst_stride[k + 1];
        }
        c.rank--;
    }
    int64_t elements = shape_elements(shape);
    struct step *step;
    struct copy *params;
    int tiles = plan_tiles(c.dim[0], 0.5 * (double)elements / (double)c.dim[0]);
    TRY(plan_add_step(s, n, kernel, tiles, run_copy, sizeof *params, &step, &params));
    *params = c;
    TRY(plan_ref(s, src, &params->src));
    return plan_ref(s, dst, &params->dst);
}

struct reorder {
    struct ref src, dst;
    int block, to_blocked;
    int64_t n, c, plane;
    int64_t plain_n, plain_c, plain_p, blocked_n; /* strides in floats */
};

/* One tile is a range of (image, channel block) pairs. */
static enum status run_reorder(const struct step *s, struct run_env *env, int tile, int worker) {
    (void)worker;
    const struct reorder *r = s->params;
    const int64_t b = r->block, blocks = (r->c + b - 1) / b;
    int64_t begin, end;
    tile_range(r->n * blocks, s->n_tiles, tile, &begin, &end);
    const float *src = ref_at(env, &r->src);
    float *dst = ref_at(env, &r->dst);
    for (int64_t i = begin; i < end; i++) {
        int64_t n = i / blocks, cb = i % blocks, lanes = r->c - cb * b < b ? r->c - cb * b : b;
        int64_t blocked = n * r->blocked_n + cb * b * r->plane;
        int64_t plain = n * r->plain_n + cb * b * r->plain_c;
        if (r->to_blocked) {
            for (int64_t p = 0; p < r->plane; p++)
                for (int64_t c = 0; c < b; c++)
                    dst[blocked + p * b + c] =
                        c < lanes ? src[plain + c * r->plain_c + p * r->plain_p] : 0;
        } else if (r->plain_c == 1) {
            for (int64_t p = 0; p < r->plane; p++)
                memcpy(&dst[plain + p * r->plain_p], &src[blocked + p * b],
                       (size_t)lanes * sizeof *dst);
        } else {
            for (int64_t c = 0; c < lanes; c++)
                for (int64_t p = 0; p < r->plane; p++)
                    dst[plain + c * r->plain_c + p * r->plain_p] = src[blocked + p * b + c];
        }
    }
    return STATUS_OK;
}

/* Between BLOCKED and a plain layout whose pixels are evenly spaced. */
static enum status add_reorder(struct plan *s, const struct node *n, const struct shape *shape,
                               const struct value *src, const struct value *dst, bool to_blocked,
                               const int64_t *plain_stride) {
    struct step *step;
    struct reorder *r;
    int64_t blocks = (shape->dim[1] + s->block - 1) / s->block, plane = shape->dim[2] * shape->dim[3];
    TRY(plan_add_step(s, n, to_blocked ? "plain to blocked" : "blocked to plain",
                      plan_tiles(shape->dim[0] * blocks, (double)(plane * s->block)), run_reorder,
                      sizeof *r, &step, &r));
    *r = (struct reorder){.block = s->block, .to_blocked = to_blocked, .n = shape->dim[0],
                          .c = shape->dim[1], .plane = plane, .plain_n = plain_stride[0],
                          .plain_c = plain_stride[1], .plain_p = plain_stride[3],
                          .blocked_n = to_blocked ? dst->batch_stride : src->batch_stride};
    /* With one column, consecutive pixels are consecutive rows. */
    if (shape->dim[3] == 1) r->plain_p = plain_stride[2];
    TRY(plan_ref(s, src, &r->src));
    return plan_ref(s, dst, &r->dst);
}

static bool pixels_are_even(const struct shape *shape, const int64_t *stride) {
    return shape->dim[2] == 1 || shape->dim[3] == 1 || stride[2] == stride[3] * shape->dim[3];
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
        x->in[layout] = (struct value){.valid = true, .buffer = -1, .constant = tensor->data};
        *out = x->in[layout];
        return STATUS_OK;
    }
    int64_t stride[SHAPE_MAX_RANK];
    plan_contiguous(&tensor->shape, stride);
    if (layout == LAYOUT_BLOCKED) {
        struct value plain;
        TRY(plan_want(s, n, t, LAYOUT_PLAIN, &plain));
        TRY(plan_define(s, t, layout, out));
        return add_reorder(s, n, &tensor->shape, &plain, out, true, stride);
    }
    if (x->in[LAYOUT_BLOCKED].valid) {
        TRY(plan_define(s, t, layout, out));
        return add_reorder(s, n, &tensor->shape, &x->in[LAYOUT_BLOCKED], out, false, stride);
    }
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
        if (!x->in[LAYOUT_BLOCKED].valid) {
            TRY(plan_want(s, n, t, LAYOUT_PLAIN, &from));
            return add_reorder(s, n, &tensor->shape, &from, &to, true, stride);
        }
        /* Already blocked, elsewhere: an image is contiguous in both places. */
        from = x->in[LAYOUT_BLOCKED];
        struct shape flat = shape_from(
            2, (int64_t[]){tensor->shape.dim[0], plan_blocked_image(s, &tensor->shape)});
        return plan_copy(s, n, "copy", &from, (int64_t[]){from.batch_stride, 1}, &to,
                         (int64_t[]){to.batch_stride, 1}, &flat, sizeof(float));
    }
    if (x->in[LAYOUT_BLOCKED].valid && !x->in[LAYOUT_PLAIN].valid &&
        pixels_are_even(&tensor->shape, h->stride))
        return add_reorder(s, n, &tensor->shape, &x->in[LAYOUT_BLOCKED], &to, false, h->stride);
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
