/* SPDX-License-Identifier: Apache-2.0 */
/* Operators that pool over boxes, RoiAlign, MaxRoiPool, PsRoiPool and CropAndResize, and MaxUnpool,
 * the partial inverse of MaxPool. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "ops/access.h"

enum { ROI_LIMIT = 1 << 24 }; /* of output sizes and sampling points */

/* ---- RoiAlign: X (N, C, H, W), rois (R, 4) as x1 y1 x2 y2, batch_indices (R) ---- */

struct roi_align {
    int64_t height, width, samples;
    bool average;
    double scale, shift; /* shift 0.5 with half_pixel */
};

static enum status roi_align_init(const struct op_call *c, struct roi_align *r) {
    const char *mode = node_string(c->node, "mode", "avg");
    const char *transform = node_string(c->node, "coordinate_transformation_mode", "half_pixel");
    r->average = !strcmp(mode, "avg");
    bool half = !strcmp(transform, "half_pixel");
    OP_CHECK(c, r->average || !strcmp(mode, "max"), STATUS_UNSUPPORTED, "attribute 'mode' is '%s'",
             mode);
    OP_CHECK(c, half || !strcmp(transform, "output_half_pixel"), STATUS_UNSUPPORTED,
             "attribute 'coordinate_transformation_mode' is '%s'", transform);
    r->shift = half ? 0.5 : 0;
    r->scale = node_float(c->node, "spatial_scale", 1);
    r->height = node_int(c->node, "output_height", 1);
    r->width = node_int(c->node, "output_width", 1);
    r->samples = node_int(c->node, "sampling_ratio", 0);
    OP_CHECK(c, r->height >= 1 && r->height <= ROI_LIMIT && r->width >= 1 && r->width <= ROI_LIMIT,
             STATUS_SHAPE, "the output would be %" PRId64 " by %" PRId64, r->height, r->width);
    OP_CHECK(c, r->samples >= 0 && r->samples <= 4096, STATUS_LIMIT,
             "attribute 'sampling_ratio' is %" PRId64, r->samples);
    return STATUS_OK;
}

static enum status infer_roi_align(struct op_call *c) {
    const struct view *x = &c->in[0], *rois = &c->in[1], *batch = &c->in[2];
    struct roi_align r;
    TRY(roi_align_init(c, &r));
    TRY(op_check_dtype(c, 0, DTYPES_FLOAT));
    TRY(op_check_same_dtype(c, 0, 1));
    TRY(op_check_dtype(c, 2, DTYPES_OF(DT_I64) | DTYPES_OF(DT_I32)));
    TRY(op_check_rank(c, 0, 4, 4));
    TRY(op_check_rank(c, 1, 2, 2));
    TRY(op_check_dim(c, 1, 1, 4, "x1 y1 x2 y2"));
    int64_t n = rois->shape.rank < 0 ? -1 : rois->shape.dim[0];
    TRY(op_check_vector(c, 2, n, "boxes"));
    if (n < 0 && batch->shape.rank == 1) n = batch->shape.dim[0];
    op_output(c, 0, x->dtype, (struct shape){
        .rank = 4, .dim = {n, x->shape.rank < 0 ? -1 : x->shape.dim[1], r.height, r.width}});
    return STATUS_OK;
}

/* Where a bin samples along one axis: two elements and the weight of the second. */
static bool sample_axis(double at, int64_t size, int64_t *low, int64_t *high, double *fraction) {
    if (!(at >= -1 && at <= (double)size)) return false;
    if (at < 0) at = 0;
    *low = (int64_t)at;
    if (*low >= size - 1) {
        *low = *high = size - 1;
        *fraction = 0;
    } else {
        *high = *low + 1;
        *fraction = at - (double)*low;
    }
    return true;
}

static double align_bin(const struct roi_align *r, const struct view *x, int64_t plane, double y0,
                        double x0, double bin_h, double bin_w, int64_t n_h, int64_t n_w) {
    int64_t height = x->shape.dim[2], width = x->shape.dim[3];
    double sum = 0, max = 0;
    for (int64_t i = 0; i < n_h; i++)
        for (int64_t j = 0; j < n_w; j++) {
            int64_t top, bottom, left, right;
            double fy, fx, part[4] = {0};
            if (sample_axis(y0 + ((double)i + 0.5) * bin_h / (double)n_h, height, &top, &bottom,
                            &fy) &&
                sample_axis(x0 + ((double)j + 0.5) * bin_w / (double)n_w, width, &left, &right,
                            &fx)) {
                part[0] = (1 - fy) * (1 - fx) * get(x, plane + top * width + left);
                part[1] = (1 - fy) * fx * get(x, plane + top * width + right);
                part[2] = fy * (1 - fx) * get(x, plane + bottom * width + left);
                part[3] = fy * fx * get(x, plane + bottom * width + right);
            }
            sum += part[0] + part[1] + part[2] + part[3];
            /* The operator takes the largest weighted corner, not the largest sample. */
            double best = fmax(fmax(part[0], part[1]), fmax(part[2], part[3]));
            if ((!i && !j) || best > max) max = best;
        }
    int64_t count = n_h * n_w > 1 ? n_h * n_w : 1;
    return r->average ? sum / (double)count : max;
}

static enum status run_roi_align(struct op_call *c) {
    const struct view *x = &c->in[0], *rois = &c->in[1], *y = &c->out[0];
    struct roi_align r;
    TRY(roi_align_init(c, &r));
    const int64_t *dim = x->shape.dim;
    int64_t at = 0;
    for (int64_t n = 0; n < y->shape.dim[0]; n++) {
        int64_t batch = view_get_i64(&c->in[2], n);
        OP_CHECK(c, batch >= 0 && batch < dim[0], STATUS_SHAPE,
                 "box %" PRId64 " is of image %" PRId64 ", but there are %" PRId64, n, batch,
                 dim[0]);
        OP_CHECK(c, dim[2] > 0 && dim[3] > 0, STATUS_SHAPE, "input '%s' has no elements", x->name);
        double x0 = get(rois, n * 4) * r.scale - r.shift,
               y0 = get(rois, n * 4 + 1) * r.scale - r.shift;
        double w = get(rois, n * 4 + 2) * r.scale - r.shift - x0;
        double h = get(rois, n * 4 + 3) * r.scale - r.shift - y0;
        if (r.shift == 0) { /* the older mode makes degenerate boxes one element large */
            w = fmax(w, 1);
            h = fmax(h, 1);
        }
        double bin_h = h / (double)r.height, bin_w = w / (double)r.width;
        OP_CHECK(c, bin_h < 4096 && bin_w < 4096, STATUS_LIMIT, "box %" PRId64 " is too large", n);
        int64_t n_h = r.samples ? r.samples : bin_h > 0 ? (int64_t)ceil(bin_h) : 0;
        int64_t n_w = r.samples ? r.samples : bin_w > 0 ? (int64_t)ceil(bin_w) : 0;
        for (int64_t ch = 0; ch < dim[1]; ch++)
            for (int64_t ph = 0; ph < r.height; ph++)
                for (int64_t pw = 0; pw < r.width; pw++)
                    set(y, at++, align_bin(&r, x, (batch * dim[1] + ch) * dim[2] * dim[3],
                                           y0 + (double)ph * bin_h, x0 + (double)pw * bin_w, bin_h,
                                           bin_w, n_h, n_w));
    }
    return STATUS_OK;
}

static const struct attr_spec roi_align_attrs[] = {
    {"coordinate_transformation_mode", ATTR_STRING}, {"mode", ATTR_STRING},
    {"output_height", ATTR_INT}, {"output_width", ATTR_INT}, {"sampling_ratio", ATTR_INT},
    {"spatial_scale", ATTR_FLOAT}, {NULL},
};

const struct op_def op_def_RoiAlign = {
    .name = "RoiAlign", .min_inputs = 3, .max_inputs = 3, .min_outputs = 1, .max_outputs = 1,
    .infer = infer_roi_align, .run = run_roi_align, .attrs = roi_align_attrs,
};

/* ---- MaxRoiPool: X (N, C, H, W), rois (R, 5) as image x1 y1 x2 y2 ---- */

static enum status infer_max_roi(struct op_call *c) {
    const struct view *x = &c->in[0], *rois = &c->in[1];
    int64_t size[2] = {0};
    TRY(op_check_dtype(c, 0, DTYPES_FLOAT));
    TRY(op_check_same_dtype(c, 0, 1));
    TRY(op_check_rank(c, 0, 4, 4));
    TRY(op_check_rank(c, 1, 2, 2));
    TRY(op_check_dim(c, 1, 1, 5, "image x1 y1 x2 y2"));
    int n = node_ints(c->node, "pooled_shape", size, 2);
    OP_CHECK(c,
             n == 2 && size[0] >= 1 && size[0] <= ROI_LIMIT && size[1] >= 1 && size[1] <= ROI_LIMIT,
             STATUS_SHAPE, "attribute 'pooled_shape' must hold two positive values");
    op_output(c, 0, x->dtype, (struct shape){
        .rank = 4, .dim = {rois->shape.rank < 0 ? -1 : rois->shape.dim[0],
                           x->shape.rank < 0 ? -1 : x->shape.dim[1], size[0], size[1]}});
    return STATUS_OK;
}

static int64_t clamp_to(double v, int64_t high) {
    return v > 0 ? v < (double)high ? (int64_t)v : high : 0;
}

static enum status run_max_roi(struct op_call *c) {
    const struct view *x = &c->in[0], *rois = &c->in[1], *y = &c->out[0];
    const int64_t *dim = x->shape.dim, *out = y->shape.dim;
    double scale = node_float(c->node, "spatial_scale", 1);
    int64_t at = 0;
    for (int64_t n = 0; n < out[0]; n++) {
        double box[5];
        for (int i = 0; i < 5; i++) box[i] = get(rois, n * 5 + i);
        OP_CHECK(c, box[0] >= 0 && box[0] < (double)dim[0], STATUS_SHAPE,
                 "box %" PRId64 " is of image %g, but there are %" PRId64, n, box[0], dim[0]);
        double x0 = round(box[1] * scale), y0 = round(box[2] * scale);
        /* A box includes its last element and is never smaller than one. */
        double bin_w = fmax(round(box[3] * scale) - x0 + 1, 1) / (double)out[3];
        double bin_h = fmax(round(box[4] * scale) - y0 + 1, 1) / (double)out[2];
        for (int64_t i = 0; i < out[1] * out[2] * out[3]; i++) {
            int64_t pw = i % out[3], ph = i / out[3] % out[2], ch = i / out[3] / out[2];
            int64_t plane = ((int64_t)box[0] * dim[1] + ch) * dim[2] * dim[3];
            int64_t top = clamp_to(floor((double)ph * bin_h) + y0, dim[2]);
            int64_t bottom = clamp_to(ceil((double)(ph + 1) * bin_h) + y0, dim[2]);
            int64_t left = clamp_to(floor((double)pw * bin_w) + x0, dim[3]);
            int64_t right = clamp_to(ceil((double)(pw + 1) * bin_w) + x0, dim[3]);
            double best = 0;
            for (int64_t h = top; h < bottom; h++)
                for (int64_t w = left; w < right; w++) {
                    double v = get(x, plane + h * dim[3] + w);
                    if ((h == top && w == left) || v > best) best = v;
                }
            set(y, at++, best);
        }
    }
    return STATUS_OK;
}

static const struct attr_spec max_roi_attrs[] = {
    {"pooled_shape", ATTR_INTS}, {"spatial_scale", ATTR_FLOAT}, {NULL},
};

const struct op_def op_def_MaxRoiPool = {
    .name = "MaxRoiPool", .min_inputs = 2, .max_inputs = 2, .min_outputs = 1, .max_outputs = 1,
    .infer = infer_max_roi, .run = run_max_roi, .attrs = max_roi_attrs,
};

/* ---- PsRoiPool: X (N, D * G * G, H, W), rois (R, 5) as MaxRoiPool ---- */

/* Each of G by G bins of a box has D channels of its own, whose mean over the bin is the result
 * (R, D, G, G). Edges are rounded to pixels first, the right and lower ones included. (R-FCN,
 * arXiv:1605.06409.) */
static enum status infer_ps_roi(struct op_call *c) {
    const struct view *x = &c->in[0], *rois = &c->in[1];
    int64_t group = node_int(c->node, "group_size", 0), dim = node_int(c->node, "output_dim", 0);
    TRY(op_check_dtype(c, 0, DTYPES_FLOAT));
    TRY(op_check_same_dtype(c, 0, 1));
    TRY(op_check_rank(c, 0, 4, 4));
    TRY(op_check_rank(c, 1, 2, 2));
    TRY(op_check_dim(c, 1, 1, 5, "image, x1 y1 x2 y2"));
    OP_CHECK(c, group >= 1 && group <= 1024 && dim >= 1 && dim <= ROI_LIMIT, STATUS_SHAPE,
             "attributes 'group_size' and 'output_dim' are %" PRId64 " and %" PRId64, group, dim);
    TRY(op_check_dim(c, 0, 1, dim * group * group, "channels"));
    op_output(c, 0, x->dtype,
              (struct shape){.rank = 4, .dim = {rois->shape.rank < 0 ? -1 : rois->shape.dim[0], dim,
                                                group, group}});
    return STATUS_OK;
}

/* Bin i of n over a box's edges, within 0..size. */
static void ps_bin(double low, double high, int64_t i, int64_t n, int64_t size, int64_t *from,
                   int64_t *to) {
    double extent = fmax(high - low, 0.1) / (double)n;
    *from = (int64_t)fmin(fmax(floor(low + (double)i * extent), 0), (double)size);
    *to = (int64_t)fmin(fmax(ceil(low + (double)(i + 1) * extent), 0), (double)size);
}

static enum status run_ps_roi(struct op_call *c) {
    const struct view *x = &c->in[0], *rois = &c->in[1], *y = &c->out[0];
    const int64_t *in = x->shape.dim, *out = y->shape.dim;
    double scale = (double)node_float(c->node, "spatial_scale", 1);
    int64_t at = 0, g = out[2];
    for (int64_t r = 0; r < out[0]; r++) {
        double image = get(rois, r * 5), edge[4];
        OP_CHECK(c, image >= 0 && image < (double)in[0], STATUS_SHAPE,
                 "box %" PRId64 " is of image %g, but there are %" PRId64, r, image, in[0]);
        for (int k = 0; k < 4; k++)
            edge[k] = (floor(get(rois, r * 5 + 1 + k) + 0.5) + (k > 1)) * scale;
        for (int64_t d = 0; d < out[1]; d++)
            for (int64_t i = 0; i < g; i++)
                for (int64_t j = 0; j < g; j++) {
                    int64_t top, bottom, left, right;
                    ps_bin(edge[1], edge[3], i, g, in[2], &top, &bottom);
                    ps_bin(edge[0], edge[2], j, g, in[3], &left, &right);
                    int64_t plane = ((int64_t)image * in[1] + (d * g + i) * g + j) * in[2] * in[3];
                    double sum = 0;
                    for (int64_t v = top; v < bottom; v++)
                        for (int64_t u = left; u < right; u++) sum += get(x, plane + v * in[3] + u);
                    int64_t n = bottom > top && right > left ? (bottom - top) * (right - left) : 1;
                    set(y, at++, sum / (double)n);
                }
    }
    return STATUS_OK;
}

const struct op_def op_def_PsRoiPool = {
    .name = "PsRoiPool", .min_inputs = 2, .max_inputs = 2, .min_outputs = 1, .max_outputs = 1,
    .infer = infer_ps_roi, .run = run_ps_roi,
    .attrs = (const struct attr_spec[]){
        {"group_size", ATTR_INT}, {"output_dim", ATTR_INT}, {"spatial_scale", ATTR_FLOAT}, {0}},
};

/* ---- CropAndResize: X (N, C, H, W), boxes (R, 4), images (R) ---- */

/* Boxes are top, left, bottom, right, 1 being the middle of the last element. `size` samples, the
 * outer ones on the box's edges; those outside of X are extrapolation_value. TensorFlow's. */
static enum status infer_crop(struct op_call *c) {
    const struct view *x = &c->in[0], *rois = &c->in[1];
    const char *mode = node_string(c->node, "mode", "linear");
    int64_t size[2] = {0, 0};
    TRY(op_check_dtype(c, 0, DTYPES_FLOAT));
    TRY(op_check_dtype(c, 1, DTYPES_OF(DT_F32)));
    TRY(op_check_dtype(c, 2, DTYPES_OF(DT_I64) | DTYPES_OF(DT_I32)));
    TRY(op_check_rank(c, 0, 4, 4));
    TRY(op_check_rank(c, 1, 2, 2));
    TRY(op_check_dim(c, 1, 1, 4, "y1 x1 y2 x2"));
    int64_t n = rois->shape.rank < 0 ? -1 : rois->shape.dim[0];
    TRY(op_check_vector(c, 2, n, "boxes"));
    OP_CHECK(c, !strcmp(mode, "linear") || !strcmp(mode, "nearest"), STATUS_UNSUPPORTED,
             "attribute 'mode' is '%s'", mode);
    OP_CHECK(c, node_ints(c->node, "size", size, 2) == 2 && size[0] >= 1 && size[0] <= ROI_LIMIT &&
                    size[1] >= 1 && size[1] <= ROI_LIMIT,
             STATUS_SHAPE, "the output would be %" PRId64 " by %" PRId64, size[0], size[1]);
    op_output(c, 0, x->dtype, (struct shape){
        .rank = 4, .dim = {n, x->shape.rank < 0 ? -1 : x->shape.dim[1], size[0], size[1]}});
    return STATUS_OK;
}

/* Where sample i of n lies between two edges, on an axis of `size` elements. */
static float crop_at(float low, float high, int64_t i, int64_t n, int64_t size) {
    float last = (float)(size - 1);
    return n > 1 ? low * last + (float)i * ((high - low) * last / (float)(n - 1))
                 : 0.5f * (low + high) * last;
}

static enum status run_crop(struct op_call *c) {
    const struct view *x = &c->in[0], *y = &c->out[0];
    const float *box = c->in[1].data;
    const int64_t *in = x->shape.dim, *out = y->shape.dim;
    bool nearest = !strcmp(node_string(c->node, "mode", "linear"), "nearest");
    double outside = (double)node_float(c->node, "extrapolation_value", 0);
    int64_t at = 0;
    for (int64_t r = 0; r < out[0]; r++, box += 4) {
        int64_t image = view_get_i64(&c->in[2], r);
        OP_CHECK(c, image >= 0 && image < in[0], STATUS_SHAPE,
                 "box %" PRId64 " is of image %" PRId64 ", but there are %" PRId64, r, image,
                 in[0]);
        for (int64_t ch = 0; ch < out[1]; ch++)
            for (int64_t i = 0; i < out[2]; i++)
                for (int64_t j = 0; j < out[3]; j++) {
                    float v = crop_at(box[0], box[2], i, out[2], in[2]);
                    float u = crop_at(box[1], box[3], j, out[3], in[3]);
                    double value = outside;
                    if (v >= 0 && v <= (float)(in[2] - 1) && u >= 0 && u <= (float)(in[3] - 1)) {
                        int64_t plane = (image * in[1] + ch) * in[2] * in[3];
                        if (nearest) v = roundf(v), u = roundf(u);
                        int64_t top = (int64_t)v, bottom = (int64_t)ceilf(v);
                        int64_t left = (int64_t)u, right = (int64_t)ceilf(u);
                        double fy = (double)(v - (float)top), fx = (double)(u - (float)left);
                        double upper = (1 - fx) * get(x, plane + top * in[3] + left) +
                                       fx * get(x, plane + top * in[3] + right);
                        double lower = (1 - fx) * get(x, plane + bottom * in[3] + left) +
                                       fx * get(x, plane + bottom * in[3] + right);
                        value = (1 - fy) * upper + fy * lower;
                    }
                    set(y, at++, value);
                }
    }
    return STATUS_OK;
}

const struct op_def op_def_CropAndResize = {
    .name = "CropAndResize", .min_inputs = 3, .max_inputs = 3, .min_outputs = 1, .max_outputs = 1,
    .infer = infer_crop, .run = run_crop,
    .attrs = (const struct attr_spec[]){
        {"size", ATTR_INTS}, {"mode", ATTR_STRING}, {"extrapolation_value", ATTR_FLOAT}, {0}},
};

/* ---- MaxUnpool: X and the indices of MaxPool, output_shape optional ---- */

/* The shape MaxPool must have had as input if nothing was cut off. Indices count in it. */
static enum status unpool_shape(const struct op_call *c, struct shape *s) {
    const struct shape *x = &c->in[0].shape;
    int n = x->rank - 2;
    int64_t kernel[SHAPE_MAX_RANK], stride[SHAPE_MAX_RANK], pads[2 * SHAPE_MAX_RANK];
    int n_kernel = node_ints(c->node, "kernel_shape", kernel, SHAPE_MAX_RANK);
    int n_stride = node_ints(c->node, "strides", stride, SHAPE_MAX_RANK);
    int n_pads = node_ints(c->node, "pads", pads, 2 * SHAPE_MAX_RANK);
    OP_CHECK(c, n >= 1 && n_kernel == n && (n_stride <= 0 || n_stride == n) &&
                    (n_pads <= 0 || n_pads == 2 * n),
             STATUS_SHAPE, "attributes do not fit an input of rank %d", x->rank);
    *s = *x;
    for (int i = 0; i < n; i++) {
        int64_t step = n_stride > 0 ? stride[i] : 1;
        int64_t before = n_pads > 0 ? pads[i] : 0, after = n_pads > 0 ? pads[n + i] : 0;
        OP_CHECK(c, kernel[i] >= 1 && kernel[i] <= ROI_LIMIT && step >= 1 && step <= ROI_LIMIT &&
                        before >= 0 && before <= ROI_LIMIT && after >= 0 && after <= ROI_LIMIT &&
                        x->dim[2 + i] <= INT32_MAX,
                 STATUS_LIMIT, "kernel, stride or padding of spatial axis %d is out of range", i);
        if (x->dim[2 + i] < 0) continue;
        s->dim[2 + i] = (x->dim[2 + i] - 1) * step + kernel[i] - before - after;
        OP_CHECK(c, s->dim[2 + i] >= 1, STATUS_SHAPE,
                 "spatial axis %d of the output would be %" PRId64 " long", i, s->dim[2 + i]);
    }
    return STATUS_OK;
}

static enum status infer_unpool(struct op_call *c) {
    const struct view *x = &c->in[0];
    TRY(op_check_dtype(c, 0, DTYPES_FLOAT | DTYPES_INT));
    TRY(op_check_dtype(c, 1, DTYPES_OF(DT_I64)));
    int64_t wanted[SHAPE_MAX_RANK];
    int n;
    TRY(op_known_ints(c, 2, wanted, SHAPE_MAX_RANK, &n));
    struct shape s = shape_unknown();
    if (x->shape.rank >= 0) {
        TRY(op_check_rank(c, 1, x->shape.rank, x->shape.rank));
        for (int i = 0; i < x->shape.rank; i++)
            TRY(op_check_dim(c, 1, i, x->shape.dim[i], "of input 0"));
        TRY(unpool_shape(c, &s));
        if (op_has_input(c, 2))
            for (int i = 0; i < s.rank; i++) {
                OP_CHECK(c, n < 0 || n == s.rank, STATUS_SHAPE, "'output_shape' has %d values", n);
                /* Larger than inferred: the rest stays zero. */
                OP_CHECK(c, n < 0 || s.dim[i] < 0 || wanted[i] >= s.dim[i], STATUS_SHAPE,
                         "'output_shape' holds %" PRId64 " where at least %" PRId64 " are needed",
                         wanted[i], s.dim[i]);
                s.dim[i] = n < 0 ? -1 : wanted[i];
            }
    }
    op_output(c, 0, x->dtype, s);
    return STATUS_OK;
}

static enum status run_unpool(struct op_call *c) {
    const struct view *x = &c->in[0], *y = &c->out[0];
    struct shape s;
    TRY(unpool_shape(c, &s));
    size_t bytes = dtype_size(x->dtype);
    memset(y->data, 0, (size_t)shape_elements(&y->shape) * bytes);
    int64_t n = shape_elements(&x->shape), size = shape_elements(&s);
    for (int64_t i = 0; i < n; i++) {
        int64_t from = view_get_i64(&c->in[1], i), at = 0, stride = 1;
        OP_CHECK(c, from >= 0 && from < size, STATUS_SHAPE,
                 "index %" PRId64 " lies outside the %" PRId64 " elements of the output", from,
                 size);
        for (int d = s.rank - 1; d >= 0; d--) {
            at += from % s.dim[d] * stride;
            from /= s.dim[d];
            stride *= y->shape.dim[d];
        }
        memcpy((char *)y->data + (size_t)at * bytes, (const char *)x->data + (size_t)i * bytes,
               bytes);
    }
    return STATUS_OK;
}

static const struct attr_spec unpool_attrs[] = {
    {"kernel_shape", ATTR_INTS}, {"pads", ATTR_INTS}, {"strides", ATTR_INTS}, {NULL},
};

const struct op_def op_def_MaxUnpool = {
    .name = "MaxUnpool", .min_inputs = 2, .max_inputs = 3, .min_outputs = 1, .max_outputs = 1,
    .infer = infer_unpool, .run = run_unpool, .attrs = unpool_attrs,
};
