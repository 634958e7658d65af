/* SPDX-License-Identifier: Apache-2.0 */
/* Normalization over channels, groups, or trailing axes: BatchNormalization,
 * InstanceNormalization, GroupNormalization, LayerNormalization, RMSNormalization, and the older
 * LpNormalization, LRN and MeanVarianceNormalization. */
#include <inttypes.h>
#include <math.h>

#include "ops/access.h"

/* Mean and variance (over n, not n - 1) of n elements. */
static void moments(const struct view *x, int64_t at, int64_t n, double *mean, double *variance) {
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < n; i++) sum += get(x, at + i);
    *mean = n ? sum / (double)n : 0;
    for (int64_t i = 0; i < n; i++) {
        double d = get(x, at + i) - *mean;
        squares += d * d;
    }
    *variance = n ? squares / (double)n : 0;
}

/* ---- BatchNormalization ---- */

static int64_t channels_of(const struct shape *x) { return x->rank < 2 ? 1 : x->dim[1]; }

static enum status infer_batch_norm(struct op_call *c) {
    const struct view *x = &c->in[0];
    TRY(op_check_rank(c, 0, 1, SHAPE_MAX_RANK));
    for (int i = 0; i < 5; i++) {
        TRY(op_check_dtype(c, i, DTYPES_FLOAT));
        if (i && x->shape.rank >= 0) TRY(op_check_vector(c, i, channels_of(&x->shape), "channels"));
    }
    op_output(c, 0, x->dtype, x->shape);
    OP_CHECK(
        c, node_int(c->node, "training_mode", 0) || (!op_has_output(c, 1) && !op_has_output(c, 2)),
        STATUS_UNSUPPORTED,
        "the outputs running_mean and running_var exist only with attribute "
        "'training_mode' 1");
    op_output(c, 1, c->in[3].dtype, c->in[3].shape);
    op_output(c, 2, c->in[4].dtype, c->in[4].shape);
    return STATUS_OK;
}

static enum status run_batch_norm(struct op_call *c) {
    const struct view *x = &c->in[0], *y = &c->out[0];
    const struct shape *s = &x->shape;
    int64_t batch = s->dim[0], channels = channels_of(s);
    int64_t plane = s->rank < 2 ? 1 : shape_product(s, 2, s->rank);
    double epsilon = node_float(c->node, "epsilon", 1e-5f);
    double momentum = node_float(c->node, "momentum", 0.9f);
    bool training = node_int(c->node, "training_mode", 0) != 0;
    for (int64_t ch = 0; ch < channels; ch++) {
        double mean = get(&c->in[3], ch), variance = get(&c->in[4], ch);
        if (training) {
            double count = (double)batch * (double)plane, sum = 0, squares = 0;
            for (int64_t n = 0; n < batch; n++)
                for (int64_t i = 0; i < plane; i++) sum += get(x, (n * channels + ch) * plane + i);
            double now = count > 0 ? sum / count : 0;
            for (int64_t n = 0; n < batch; n++)
                for (int64_t i = 0; i < plane; i++) {
                    double d = get(x, (n * channels + ch) * plane + i) - now;
                    squares += d * d;
                }
            double spread = count > 0 ? squares / count : 0;
            if (op_has_output(c, 1)) set(&c->out[1], ch, mean * momentum + now * (1 - momentum));
            if (op_has_output(c, 2))
                set(&c->out[2], ch, variance * momentum + spread * (1 - momentum));
            mean = now;
            variance = spread;
        }
        double scale = get(&c->in[1], ch) / sqrt(variance + epsilon), bias = get(&c->in[2], ch);
        for (int64_t n = 0; n < batch; n++)
            for (int64_t i = 0; op_has_output(c, 0) && i < plane; i++) {
                int64_t at = (n * channels + ch) * plane + i;
                set(y, at, (get(x, at) - mean) * scale + bias);
            }
    }
    return STATUS_OK;
}

static const struct attr_spec batch_norm_attrs[] = {
    {"epsilon", ATTR_FLOAT}, {"momentum", ATTR_FLOAT}, {"training_mode", ATTR_INT}, {NULL},
};

const struct op_def op_def_BatchNormalization = {
    .name = "BatchNormalization", .min_inputs = 5, .max_inputs = 5, .min_outputs = 1,
    .max_outputs = 3, .infer = infer_batch_norm, .run = run_batch_norm, .attrs = batch_norm_attrs,
};

/* ---- InstanceNormalization and GroupNormalization ---- */

static enum status infer_group_norm(struct op_call *c) {
    const struct shape *x = &c->in[0].shape;
    TRY(op_check_dtype(c, 0, DTYPES_FLOAT));
    TRY(op_check_rank(c, 0, 2, SHAPE_MAX_RANK));
    int64_t channels = x->rank < 0 ? -1 : x->dim[1];
    int64_t groups = channels;
    if (c->node->op == OP_GroupNormalization) {
        groups = node_int(c->node, "num_groups", 0);
        OP_CHECK(c, groups >= 1 && (channels < 0 || channels % groups == 0), STATUS_SHAPE,
                 "%" PRId64 " channels do not divide into %" PRId64 " groups", channels, groups);
    }
    for (int i = 1; i <= 2; i++) {
        TRY(op_check_same_dtype(c, 0, i));
        /* Up to opset 20 GroupNormalization had one scale and bias a group. */
        const struct shape *s = &c->in[i].shape;
        if (s->rank != 1 || s->dim[0] != groups)
            TRY(op_check_vector(c, i, channels, "channels"));
    }
    op_output(c, 0, c->in[0].dtype, *x);
    return STATUS_OK;
}

static enum status run_group_norm(struct op_call *c) {
    const struct view *x = &c->in[0], *y = &c->out[0];
    const struct shape *s = &x->shape;
    int64_t channels = s->dim[1], plane = shape_product(s, 2, s->rank);
    int64_t groups = c->node->op == OP_GroupNormalization ? node_int(c->node, "num_groups", 1)
                                                          : channels;
    if (!shape_elements(s)) return STATUS_OK;
    int64_t size = channels / groups * plane;
    double epsilon = node_float(c->node, "epsilon", 1e-5f);
    /* Channels that share a scale. */
    int64_t per[3];
    for (int i = 1; i <= 2; i++) per[i] = channels / c->in[i].shape.dim[0];
    for (int64_t g = 0; g < s->dim[0] * groups; g++) {
        double mean, variance;
        moments(x, g * size, size, &mean, &variance);
        double r = 1 / sqrt(variance + epsilon);
        for (int64_t i = g * size; i < (g + 1) * size; i++) {
            int64_t ch = i / plane % channels;
            set(y, i, (get(x, i) - mean) * r * get(&c->in[1], ch / per[1]) +
                          get(&c->in[2], ch / per[2]));
        }
    }
    return STATUS_OK;
}

static const struct attr_spec instance_norm_attrs[] = {{"epsilon", ATTR_FLOAT}, {NULL}};
static const struct attr_spec group_norm_attrs[] = {
    {"epsilon", ATTR_FLOAT}, {"num_groups", ATTR_INT}, {"stash_type", ATTR_INT}, {NULL},
};

const struct op_def op_def_InstanceNormalization = {
    .name = "InstanceNormalization", .min_inputs = 3, .max_inputs = 3, .min_outputs = 1,
    .max_outputs = 1, .infer = infer_group_norm, .run = run_group_norm,
    .attrs = instance_norm_attrs,
};
const struct op_def op_def_GroupNormalization = {
    .name = "GroupNormalization", .min_inputs = 3, .max_inputs = 3, .min_outputs = 1,
    .max_outputs = 1, .infer = infer_group_norm, .run = run_group_norm, .attrs = group_norm_attrs,
};

/* ---- LayerNormalization and RMSNormalization: trailing axes ---- */

/* scale and bias broadcast to the input in one direction. */
static enum status check_broadcasts_to_x(const struct op_call *c, int i) {
    if (!op_has_input(c, i)) return STATUS_OK;
    const struct shape *x = &c->in[0].shape, *s = &c->in[i].shape;
    if (x->rank < 0 || s->rank < 0) return STATUS_OK;
    char tx[128], ts[128];
    bool fits = s->rank <= x->rank;
    for (int d = 0; fits && d < s->rank; d++) {
        int64_t want = x->dim[x->rank - s->rank + d];
        fits = s->dim[d] == 1 || s->dim[d] < 0 || want < 0 || s->dim[d] == want;
    }
    OP_CHECK(c, fits, STATUS_SHAPE, "input '%s' %s does not broadcast to %s", c->in[i].name,
             shape_text(s, ts), shape_text(x, tx));
    return STATUS_OK;
}

static enum status infer_layer_norm(struct op_call *c) {
    const struct view *x = &c->in[0];
    bool rms = c->node->op == OP_RMSNormalization;
    TRY(op_check_dtype(c, 0, DTYPES_FLOAT));
    TRY(op_check_dtype(c, 1, DTYPES_FLOAT));
    if (!rms) TRY(op_check_same_dtype(c, 0, 1));
    TRY(op_check_same_dtype(c, 0, 2));
    TRY(check_broadcasts_to_x(c, 1));
    TRY(check_broadcasts_to_x(c, 2));
    int64_t stash = node_int(c->node, "stash_type", 1); /* an ONNX element type: 1 f32, 16 bf16 */
    OP_CHECK(c, stash == 1 || stash == 16, STATUS_UNSUPPORTED, "attribute 'stash_type' is %" PRId64,
             stash);
    struct shape s = x->shape;
    if (s.rank >= 0) {
        int axis;
        TRY(op_axis(c, node_int(c->node, "axis", -1), s.rank, &axis));
        for (int i = axis; i < s.rank; i++) s.dim[i] = 1;
    }
    op_output(c, 0, rms ? c->in[1].dtype : x->dtype, x->shape);
    op_output(c, 1, stash == 1 ? DT_F32 : DT_BF16, s);
    op_output(c, 2, stash == 1 ? DT_F32 : DT_BF16, s);
    return STATUS_OK;
}

static enum status run_layer_norm(struct op_call *c) {
    const struct view *x = &c->in[0], *y = &c->out[0], *scale = &c->in[1];
    const struct view *bias = op_has_input(c, 2) ? &c->in[2] : NULL;
    bool rms = c->node->op == OP_RMSNormalization;
    int axis;
    TRY(op_axis(c, node_int(c->node, "axis", -1), x->shape.rank, &axis));
    int64_t outer = shape_product(&x->shape, 0, axis);
    int64_t n = shape_product(&x->shape, axis, x->shape.rank);
    double epsilon = node_float(c->node, "epsilon", 1e-5f);
    for (int64_t o = 0; o < outer; o++) {
        double mean, variance;
        moments(x, o * n, n, &mean, &variance);
        if (rms) {
            variance += mean * mean; /* the mean of the squares */
            mean = 0;
        }
        double r = 1 / sqrt(variance + epsilon);
        for (int64_t i = o * n; op_has_output(c, 0) && i < (o + 1) * n; i++) {
            double v = (get(x, i) - mean) * r;
            v *= get(scale, broadcast_index(&x->shape, &scale->shape, i));
            if (bias) v += get(bias, broadcast_index(&x->shape, &bias->shape, i));
            set(y, i, v);
        }
        if (op_has_output(c, 1)) set(&c->out[1], o, mean);
        if (op_has_output(c, 2)) set(&c->out[2], o, r);
    }
    return STATUS_OK;
}

static const struct attr_spec layer_norm_attrs[] = {
    {"axis", ATTR_INT}, {"epsilon", ATTR_FLOAT}, {"stash_type", ATTR_INT}, {NULL},
};

const struct op_def op_def_LayerNormalization = {
    .name = "LayerNormalization", .min_inputs = 2, .max_inputs = 3, .min_outputs = 1,
    .max_outputs = 3, .infer = infer_layer_norm, .run = run_layer_norm, .attrs = layer_norm_attrs,
};
const struct op_def op_def_RMSNormalization = {
    .name = "RMSNormalization", .min_inputs = 2, .max_inputs = 2, .min_outputs = 1,
    .max_outputs = 1, .infer = infer_layer_norm, .run = run_layer_norm, .attrs = layer_norm_attrs,
};

/* ---- LpNormalization ---- */

static enum status infer_lp_norm(struct op_call *c) {
    int axis;
    int64_t p = node_int(c->node, "p", 2);
    TRY(op_check_dtype(c, 0, DTYPES_FLOAT));
    OP_CHECK(c, p == 1 || p == 2, STATUS_UNSUPPORTED, "attribute 'p' is %" PRId64 "; 1 and 2 are "
             "supported", p);
    if (c->in[0].shape.rank >= 0)
        TRY(op_axis(c, node_int(c->node, "axis", -1), c->in[0].shape.rank, &axis));
    return infer_same(c);
}

static enum status run_lp_norm(struct op_call *c) {
    const struct view *x = &c->in[0], *y = &c->out[0];
    const struct shape *s = &x->shape;
    int axis;
    TRY(op_axis(c, node_int(c->node, "axis", -1), s->rank, &axis));
    bool squares = node_int(c->node, "p", 2) == 2;
    int64_t outer = shape_product(s, 0, axis), n = s->dim[axis];
    int64_t step = shape_product(s, axis + 1, s->rank);
    for (int64_t line = 0; line < outer * step; line++) {
        int64_t at = line / step * n * step + line % step;
        double norm = 0;
        for (int64_t i = 0; i < n; i++) {
            double v = get(x, at + i * step);
            norm += squares ? v * v : fabs(v);
        }
        if (squares) norm = sqrt(norm);
        /* A line of zeros stays one. */
        for (int64_t i = 0; i < n; i++)
            set(y, at + i * step, norm == 0 ? 0 : get(x, at + i * step) / norm);
    }
    return STATUS_OK;
}

static const struct attr_spec lp_norm_attrs[] = {{"axis", ATTR_INT}, {"p", ATTR_INT}, {NULL}};

const struct op_def op_def_LpNormalization = {
    .name = "LpNormalization", .min_inputs = 1, .max_inputs = 1, .min_outputs = 1,
    .max_outputs = 1, .infer = infer_lp_norm, .run = run_lp_norm, .attrs = lp_norm_attrs,
};

/* ---- LRN ---- */

static enum status infer_lrn(struct op_call *c) {
    TRY(op_check_dtype(c, 0, DTYPES_FLOAT));
    TRY(op_check_rank(c, 0, 2, SHAPE_MAX_RANK));
    int64_t size = node_int(c->node, "size", 0);
    OP_CHECK(c, size >= 1 && size <= INT32_MAX, STATUS_SHAPE, "attribute 'size' is %" PRId64, size);
    return infer_same(c);
}

static enum status run_lrn(struct op_call *c) {
    const struct view *x = &c->in[0], *y = &c->out[0];
    int64_t channels = x->shape.dim[1], plane = shape_product(&x->shape, 2, x->shape.rank);
    int64_t size = node_int(c->node, "size", 1), before = (size - 1) / 2;
    double alpha = node_float(c->node, "alpha", 1e-4f), beta = node_float(c->node, "beta", 0.75f);
    double bias = node_float(c->node, "bias", 1);
    int64_t n = shape_elements(&x->shape);
    for (int64_t i = 0; i < n; i++) {
        int64_t ch = i / plane % channels, first = ch - before, last = first + size;
        if (first < 0) first = 0;
        if (last > channels) last = channels;
        double squares = 0;
        for (int64_t k = first; k < last; k++) {
            double v = get(x, i + (k - ch) * plane);
            squares += v * v;
        }
        set(y, i, get(x, i) / pow(bias + alpha / (double)size * squares, beta));
    }
    return STATUS_OK;
}

static const struct attr_spec lrn_attrs[] = {
    {"alpha", ATTR_FLOAT}, {"beta", ATTR_FLOAT}, {"bias", ATTR_FLOAT}, {"size", ATTR_INT}, {NULL},
};

const struct op_def op_def_LRN = {
    .name = "LRN", .min_inputs = 1, .max_inputs = 1, .min_outputs = 1, .max_outputs = 1,
    .infer = infer_lrn, .run = run_lrn, .attrs = lrn_attrs,
};

/* ---- MeanVarianceNormalization ---- */

/* Which axes are averaged over; default 0, 2, 3. */
static enum status mvn_axes(const struct op_call *c, int rank, bool *over) {
    int64_t axes[SHAPE_MAX_RANK] = {0, 2, 3};
    int n = node_ints(c->node, "axes", axes, SHAPE_MAX_RANK);
    if (n < 0) n = 3;
    OP_CHECK(c, n <= SHAPE_MAX_RANK, STATUS_SHAPE, "attribute 'axes' has %d values", n);
    for (int i = 0; i < n; i++) {
        int axis;
        TRY(op_axis(c, axes[i], rank, &axis));
        over[axis] = true;
    }
    return STATUS_OK;
}

static enum status infer_mvn(struct op_call *c) {
    bool over[SHAPE_MAX_RANK] = {0};
    TRY(op_check_dtype(c, 0, DTYPES_FLOAT));
    if (c->in[0].shape.rank >= 0) TRY(mvn_axes(c, c->in[0].shape.rank, over));
    return infer_same(c);
}

static enum status run_mvn(struct op_call *c) {
    const struct view *x = &c->in[0], *y = &c->out[0];
    const struct shape *s = &x->shape;
    bool over[SHAPE_MAX_RANK] = {0};
    TRY(mvn_axes(c, s->rank, over));
    /* The kept and the averaged axes as two shapes with their strides in x. */
    int64_t keep_n = 1, over_n = 1, stride[SHAPE_MAX_RANK], step = 1;
    for (int i = s->rank - 1; i >= 0; i--) {
        stride[i] = step;
        step *= s->dim[i];
        *(over[i] ? &over_n : &keep_n) *= s->dim[i];
    }
    for (int64_t k = 0; k < keep_n; k++) {
        double sum = 0, squares = 0, mean = 0, deviation = 0;
        /* Three sweeps over the same elements: mean, deviation, result. */
        for (int sweep = 0; sweep < 3; sweep++) {
            for (int64_t o = 0; o < over_n; o++) {
                int64_t at = 0, a = k, b = o;
                for (int i = s->rank - 1; i >= 0; i--) {
                    int64_t *rest = over[i] ? &b : &a;
                    at += *rest % s->dim[i] * stride[i];
                    *rest /= s->dim[i];
                }
                double v = get(x, at);
                if (sweep == 0) sum += v;
                else if (sweep == 1) squares += (v - mean) * (v - mean);
                else set(y, at, (v - mean) / deviation);
            }
            if (sweep == 0) mean = sum / (double)over_n;
            /* 1e-9 is in the operator's definition: it keeps a constant input at zero. */
            if (sweep == 1) deviation = sqrt(squares / (double)over_n) + 1e-9;
        }
    }
    return STATUS_OK;
}

static const struct attr_spec mvn_attrs[] = {{"axes", ATTR_INTS}, {NULL}};

const struct op_def op_def_MeanVarianceNormalization = {
    .name = "MeanVarianceNormalization", .min_inputs = 1, .max_inputs = 1, .min_outputs = 1,
    .max_outputs = 1, .infer = infer_mvn, .run = run_mvn, .attrs = mvn_attrs,
};
