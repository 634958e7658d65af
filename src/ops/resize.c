/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Resize: nearest, linear and cubic, with every coordinate transformation of the specification.
 *
 * All modes are separable: an output element is a sum over the product of per-axis taps. Taps are
 * worked out once per axis and position in double; nearest is the case of one tap and copies
 * elements of any type unchanged.
 *
 * Inputs: X, roi (optional), scales (optional), sizes (optional); one of the last two is needed.
 */
#include "ops/resize.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "ops/access.h"

enum transform {
    HALF_PIXEL, HALF_PIXEL_SYMMETRIC, PYTORCH_HALF_PIXEL, ALIGN_CORNERS, ASYMMETRIC,
    TF_HALF_PIXEL_FOR_NN, TF_CROP_AND_RESIZE, TRANSFORM_COUNT
};
static const char *const transform_names[] = {
    "half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners", "asymmetric",
    "tf_half_pixel_for_nn", "tf_crop_and_resize", NULL,
};
enum nearest { ROUND_PREFER_FLOOR, ROUND_PREFER_CEIL, NEAREST_FLOOR, NEAREST_CEIL };
static const char *const nearest_names[] = {
    "round_prefer_floor", "round_prefer_ceil", "floor", "ceil", NULL,
};
static const char *const mode_names[] = {"nearest", "linear", "cubic", NULL};
static const char *const policy_names[] = {"stretch", "not_larger", "not_smaller", NULL};

/* Position of a string attribute's value in a list of names; the first one when absent. */
static enum status choice(const struct op_call *c, const char *attr, const char *const *names,
                          int *out) {
    const char *s = node_string(c->node, attr, names[0]);
    for (*out = 0; names[*out]; ++*out)
        if (!strcmp(names[*out], s)) return STATUS_OK;
    OP_FAIL(c, STATUS_UNSUPPORTED, "attribute '%s' is '%s'", attr, s);
}

/* An input that is present and not empty; old exporters give an empty tensor for "none". */
static bool has_values(const struct op_call *c, int i) {
    return op_has_input(c, i) && shape_elements(&c->in[i].shape) != 0;
}

static enum status read_axes(const struct op_call *c, int rank, int *axes, int *n) {
    int64_t v[SHAPE_MAX_RANK];
    int count = node_ints(c->node, "axes", v, SHAPE_MAX_RANK);
    *n = count < 0 ? rank : count;
    OP_CHECK(c, *n <= rank, STATUS_SHAPE, "attribute 'axes' has %d values for rank %d", *n, rank);
    bool seen[SHAPE_MAX_RANK] = {0};
    for (int i = 0; i < *n; i++) {
        axes[i] = i;
        if (count >= 0) TRY(op_axis(c, v[i], rank, &axes[i]));
        OP_CHECK(c, !seen[axes[i]], STATUS_SHAPE, "attribute 'axes' names axis %d twice", axes[i]);
        seen[axes[i]] = true;
    }
    return STATUS_OK;
}

static enum status set_axis(const struct op_call *c, struct resize *r, int axis, int64_t size,
                            double scale) {
    OP_CHECK(c, size >= 0 && size <= INT32_MAX, STATUS_LIMIT,
             "axis %d would be resized to %" PRId64, axis, size);
    OP_CHECK(c, r->in[axis] > 0 || size == 0, STATUS_SHAPE,
             "axis %d is empty and cannot be resized to %" PRId64, axis, size);
    r->out[axis] = size;
    r->scale[axis] = scale;
    return STATUS_OK;
}

static enum status from_scales(const struct op_call *c, struct resize *r, const int *axes, int n,
                               const float *scales) {
    for (int i = 0; i < n; i++) {
        int a = axes[i];
        OP_CHECK(c, scales[i] > 0 && isfinite(scales[i]), STATUS_SHAPE, "scale %g of axis %d",
                 scales[i], a);
        r->resized[a] = scales[i] != 1;
        if (r->in[a] < 0) r->out[a] = -1;
        if (r->in[a] < 0 || !r->resized[a]) continue;
        double roi = r->has_extrapolation ? r->roi_end[a] - r->roi_start[a] : 1;
        /* In f32, as the reference does: 0.7f times 10 must be 7. */
        float size = floorf((float)r->in[a] * scales[i]);
        if (r->has_extrapolation) size = (float)floor((double)r->in[a] * roi * scales[i]);
        OP_CHECK(c, size >= 0 && size <= (float)INT32_MAX, STATUS_LIMIT,
                 "axis %d would be resized to %g", a, size);
        TRY(set_axis(c, r, a, (int64_t)size, scales[i]));
    }
    return STATUS_OK;
}

static enum status from_sizes(const struct op_call *c, struct resize *r, const int *axes, int n,
                              const int64_t *sizes) {
    int policy;
    TRY(choice(c, "keep_aspect_ratio_policy", policy_names, &policy));
    double common = 0;
    for (int i = 0; i < n; i++) {
        int a = axes[i];
        OP_CHECK(c, sizes[i] >= 0, STATUS_SHAPE, "size %" PRId64 " of axis %d", sizes[i], a);
        r->resized[a] = r->in[a] != sizes[i] || policy;
        r->out[a] = -1;
        if (policy && r->in[a] < 0) return STATUS_OK; /* the common scale is not known yet */
        if (r->in[a] < 0) r->out[a] = sizes[i];
        if (r->in[a] <= 0) continue;
        double scale = (double)sizes[i] / (double)r->in[a];
        if (!i || (policy == 1 ? scale < common : scale > common)) common = scale;
    }
    for (int i = 0; i < n; i++) {
        int a = axes[i];
        if (r->in[a] < 0) continue;
        double scale = policy ? common : r->in[a] ? (double)sizes[i] / (double)r->in[a] : 1;
        double size = policy ? floor(scale * (double)r->in[a] + 0.5) : (double)sizes[i];
        OP_CHECK(c, size <= INT32_MAX, STATUS_LIMIT, "axis %d would be resized to %g", a, size);
        TRY(set_axis(c, r, a, (int64_t)size, scale));
    }
    return STATUS_OK;
}

enum status resize_init(const struct op_call *c, struct resize *r) {
    const struct shape *x = &c->in[0].shape;
    int mode, transform, nearest, axes[SHAPE_MAX_RANK], n, count;
    *r = (struct resize){.rank = x->rank};
    TRY(choice(c, "mode", mode_names, &mode));
    TRY(choice(c, "coordinate_transformation_mode", transform_names, &transform));
    TRY(choice(c, "nearest_mode", nearest_names, &nearest));
    r->mode = (enum resize_mode)mode;
    r->has_extrapolation = transform == TF_CROP_AND_RESIZE;
    TRY(read_axes(c, x->rank, axes, &n));
    for (int i = 0; i < x->rank; i++) {
        r->in[i] = r->out[i] = x->dim[i];
        r->scale[i] = 1;
        r->roi_end[i] = 1;
    }
    if (r->has_extrapolation) {
        float roi[2 * SHAPE_MAX_RANK];
        OP_CHECK(c, has_values(c, 1), STATUS_SHAPE, "tf_crop_and_resize needs the input 'roi'");
        TRY(op_known_floats(c, 1, roi, 2 * SHAPE_MAX_RANK, &count));
        OP_CHECK(c, count < 0 || count == 2 * n, STATUS_SHAPE, "'roi' has %d values for %d axes",
                 count, n);
        for (int i = 0; i < n && count >= 0; i++) {
            OP_CHECK(c, isfinite(roi[i]) && isfinite(roi[n + i]), STATUS_SHAPE,
                     "'roi' is not finite");
            r->roi_start[axes[i]] = roi[i];
            r->roi_end[axes[i]] = roi[n + i];
        }
        if (count < 0 && !has_values(c, 3)) {
            for (int i = 0; i < n; i++) r->out[axes[i]] = -1;
            return STATUS_OK;
        }
    }
    OP_CHECK(c, has_values(c, 2) != has_values(c, 3), STATUS_SHAPE,
             "exactly one of the inputs 'scales' and 'sizes' is needed");
    float scales[SHAPE_MAX_RANK];
    int64_t sizes[SHAPE_MAX_RANK];
    if (has_values(c, 2)) TRY(op_known_floats(c, 2, scales, SHAPE_MAX_RANK, &count));
    else TRY(op_known_ints(c, 3, sizes, SHAPE_MAX_RANK, &count));
    if (count < 0) {
        for (int i = 0; i < n; i++) r->out[axes[i]] = -1;
        return STATUS_OK;
    }
    OP_CHECK(c, count == n, STATUS_SHAPE, "%s has %d values for %d axes",
             has_values(c, 2) ? "'scales'" : "'sizes'", count, n);
    TRY(has_values(c, 2) ? from_scales(c, r, axes, n, scales) : from_sizes(c, r, axes, n, sizes));
    /* A crop moves even an axis that keeps its size. */
    for (int i = 0; i < n; i++)
        if (r->roi_start[axes[i]] != 0 || r->roi_end[axes[i]] != 1) r->resized[axes[i]] = true;
    return STATUS_OK;
}

/* Where output position o lies in the input. In f32, which is what the scales are given in: 3 /
 * 0.6f is 5 then, as its author meant, and not a little less. */
static double source(const struct resize *r, int a, enum transform transform, int64_t o) {
    float in = (float)r->in[a], out = (float)r->out[a], scale = (float)r->scale[a], x = (float)o;
    switch (transform) {
    case HALF_PIXEL: return (x + 0.5f) / scale - 0.5f;
    case HALF_PIXEL_SYMMETRIC:
        return in / 2 * (1 - out / (scale * in)) + (x + 0.5f) / scale - 0.5f;
    case PYTORCH_HALF_PIXEL: return out == 1 ? 0 : (x + 0.5f) / scale - 0.5f;
    case ALIGN_CORNERS: return out == 1 ? 0 : x * (in - 1) / (out - 1);
    case ASYMMETRIC: return x / scale;
    case TF_HALF_PIXEL_FOR_NN: return (x + 0.5f) / scale;
    default: {
        float from = (float)r->roi_start[a], to = (float)r->roi_end[a];
        if (out == 1) return 0.5f * (from + to) * (in - 1);
        return from * (in - 1) + x * (to - from) * (in - 1) / (out - 1);
    }
    }
}

static double cubic_weight(double x, double a) {
    x = fabs(x);
    if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
    if (x < 2) return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
    return 0;
}

static int64_t nearest_index(double x, enum nearest how) {
    switch (how) {
    case ROUND_PREFER_FLOOR: return (int64_t)ceil(x - 0.5);
    case ROUND_PREFER_CEIL: return (int64_t)floor(x + 0.5);
    case NEAREST_FLOOR: return (int64_t)floor(x);
    default: return (int64_t)ceil(x);
    }
}

enum status resize_taps_init(const struct op_call *c, const struct resize *r, int a,
                             struct resize_taps *t) {
    int transform, nearest;
    *t = (struct resize_taps){.n = 1};
    TRY(choice(c, "coordinate_transformation_mode", transform_names, &transform));
    TRY(choice(c, "nearest_mode", nearest_names, &nearest));
    bool weighted = r->resized[a] && r->mode != RESIZE_NEAREST;
    double shrink = 1, cubic = node_float(c->node, "cubic_coeff_a", -0.75f);
    /* Antialiasing widens the filter where the axis shrinks. */
    if (node_int(c->node, "antialias", 0) && r->scale[a] < 1) shrink = r->scale[a];
    int64_t first = 0; /* tap 0 relative to the position's base */
    if (weighted) {
        double reach = (r->mode == RESIZE_CUBIC ? 2 : 1) / shrink;
        OP_CHECK(c, reach < 1 << 24, STATUS_LIMIT, "scale %g of axis %d is too small", r->scale[a],
                 a);
        first = (int64_t)floor(-reach) + 1;
        t->n = (int)(2 - 2 * first);
    }
    bool exclude = node_int(c->node, "exclude_outside", 0) != 0;
    size_t count, bytes;
    bool fits = size_mul((size_t)r->out[a], (size_t)t->n, &count) && size_mul(count, 16, &bytes);
    t->index = fits ? mem_alloc(count * sizeof *t->index + 1) : NULL;
    t->weight = fits ? mem_alloc(count * sizeof *t->weight + 1) : NULL;
    t->outside = mem_calloc((size_t)r->out[a] + 1, 1);
    if (!t->index || !t->weight || !t->outside) {
        resize_taps_deinit(t);
        OP_FAIL(c, STATUS_MEMORY, "out of memory for the taps of axis %d", a);
    }
    double low = -(double)r->in[a], high = 2 * (double)r->in[a];
    for (int64_t o = 0; o < r->out[a]; o++) {
        int64_t *index = t->index + o * t->n;
        double *weight = t->weight + o * t->n;
        double x = r->resized[a] ? source(r, a, (enum transform)transform, o) : (double)o;
        t->outside[o] =
            r->has_extrapolation && r->resized[a] && (x < 0 || x > (double)r->in[a] - 1);
        /* Far outside every tap is the border element; keeps the conversion to integers in range.
         */
        x = x > low ? x < high ? x : high : low;
        if (!weighted) {
            index[0] = nearest_index(x, r->resized[a] ? (enum nearest)nearest : NEAREST_FLOOR);
            weight[0] = 1;
        } else {
            /* Base and fraction in (0, 1]: of two equally near elements the left one is the base.
             */
            int64_t base = (int64_t)ceil(x) - 1;
            double fraction = x - (double)base, sum = 0;
            for (int i = 0; i < t->n; i++) {
                double distance = ((double)(first + i) - fraction) * shrink;
                double w = r->mode == RESIZE_CUBIC ? cubic_weight(distance, cubic)
                                                   : fmax(0, 1 - fabs(distance));
                index[i] = base + first + i;
                if (exclude && (index[i] < 0 || index[i] >= r->in[a])) w = 0;
                weight[i] = w;
                sum += w;
            }
            /* Without shrinking and excluding, the weights already sum to 1. */
            if ((shrink < 1 || exclude) && sum != 0)
                for (int i = 0; i < t->n; i++) weight[i] /= sum;
        }
        for (int i = 0; i < t->n; i++)
            index[i] = index[i] < 0 ? 0 : index[i] >= r->in[a] ? r->in[a] - 1 : index[i];
    }
    return STATUS_OK;
}

void resize_taps_deinit(struct resize_taps *t) {
    mem_free(t->index);
    mem_free(t->weight);
    mem_free(t->outside);
    *t = (struct resize_taps){0};
}

static enum status infer_resize(struct op_call *c) {
    const struct view *x = &c->in[0];
    struct shape s = shape_unknown();
    if (x->shape.rank >= 0) {
        struct resize r;
        TRY(resize_init(c, &r));
        s = shape_from(r.rank, r.out);
    }
    op_output(c, 0, x->dtype, s);
    return STATUS_OK;
}

/* The weighted sum over axes a.. below input element `at` (in elements of axis a - 1's step). */
static double gather(const struct view *x, const struct resize_taps *t, const int64_t *o, int a,
                     int64_t at) {
    if (a == x->shape.rank) return get(x, at);
    double sum = 0;
    for (int i = 0; i < t[a].n; i++) {
        double w = t[a].weight[o[a] * t[a].n + i];
        if (w == 0) continue;
        int64_t next = at * x->shape.dim[a] + t[a].index[o[a] * t[a].n + i];
        double v = gather(x, t, o, a + 1, next);
        sum += t[a].n == 1 ? v : w * v;
    }
    return sum;
}

static void resize_elements(const struct op_call *c, const struct resize *r,
                            const struct resize_taps *taps) {
    const struct view *x = &c->in[0], *y = &c->out[0];
    int64_t total = shape_elements(&y->shape), o[SHAPE_MAX_RANK] = {0};
    double extrapolation = node_float(c->node, "extrapolation_value", 0);
    double low = y->dtype == DT_U8 || y->dtype == DT_U16 || y->dtype == DT_U32 || y->dtype == DT_U64
                     ? 0 : -ldexp(1, (int)dtype_size(y->dtype) * 8 - 1);
    double high = low == 0 ? ldexp(1, (int)dtype_size(y->dtype) * 8) - 1 : -low - 1;
    size_t size = dtype_size(x->dtype);
    for (int64_t i = 0; i < total; i++) {
        bool outside = false;
        for (int a = 0; a < r->rank; a++) outside |= taps[a].outside[o[a]];
        if (outside) {
            view_set_f64(y, i, extrapolation);
        } else if (r->mode == RESIZE_NEAREST) {
            int64_t at = 0;
            for (int a = 0; a < r->rank; a++) at = at * r->in[a] + taps[a].index[o[a]];
            memcpy((char *)y->data + (size_t)i * size, (const char *)x->data + (size_t)at * size,
                   size);
        } else {
            double v = gather(x, taps, o, 0, 0);
            /* Cubic filters overshoot; integers saturate. */
            if (!dtype_is_float(y->dtype)) v = v < low ? low : v > high ? high : v;
            set(y, i, v);
        }
        for (int a = r->rank - 1; a >= 0 && ++o[a] == r->out[a]; a--) o[a] = 0;
    }
}

static enum status run_resize(struct op_call *c) {
    struct resize r;
    TRY(resize_init(c, &r));
    struct resize_taps taps[SHAPE_MAX_RANK] = {0};
    enum status s = STATUS_OK;
    for (int a = 0; s == STATUS_OK && a < r.rank; a++) s = resize_taps_init(c, &r, a, &taps[a]);
    if (s == STATUS_OK) resize_elements(c, &r, taps);
    for (int a = 0; a < r.rank; a++) resize_taps_deinit(&taps[a]);
    return s;
}

static const struct attr_spec resize_attrs[] = {
    {"antialias", ATTR_INT}, {"axes", ATTR_INTS}, {"coordinate_transformation_mode", ATTR_STRING},
    {"cubic_coeff_a", ATTR_FLOAT}, {"exclude_outside", ATTR_INT},
    {"extrapolation_value", ATTR_FLOAT}, {"keep_aspect_ratio_policy", ATTR_STRING},
    {"mode", ATTR_STRING}, {"nearest_mode", ATTR_STRING}, {NULL},
};

const struct op_def op_def_Resize = {
    .name = "Resize", .min_inputs = 1, .max_inputs = 4, .min_outputs = 1, .max_outputs = 1,
    .infer = infer_resize, .run = run_resize, .attrs = resize_attrs,
};
