/* SPDX-License-Identifier: Apache-2.0 */
/* Sweeps along one axis: ArgMax, ArgMin, CumSum, CumProd. */
#include "ops/elements.h"

/* A tensor as outer x axis x inner. */
struct lanes {
    int64_t outer, size, inner;
};

static struct lanes split_at(const struct shape *s, int axis) {
    return (struct lanes){shape_span(s, 0, axis), s->dim[axis], shape_span(s, axis + 1, s->rank)};
}

/* ---- ArgMax, ArgMin ---- */

static enum status infer_arg(struct op_call *c) {
    const struct shape *in = &c->in[0].shape;
    struct shape s = shape_unknown();
    TRY(op_check_dtype(c, 0, DTYPES_NUMBER));
    if (in->rank >= 0) {
        bool keep = node_int(c->node, "keepdims", 1);
        int axis;
        TRY(op_axis(c, node_int(c->node, "axis", 0), in->rank, &axis));
        OP_CHECK(c, in->dim[axis] != 0, STATUS_SHAPE, "axis %d is empty", axis);
        s.rank = 0;
        for (int d = 0; d < in->rank; d++)
            if (d != axis) s.dim[s.rank++] = in->dim[d];
            else if (keep) s.dim[s.rank++] = 1;
    }
    return op_output_bounded(c, 0, DT_I64, s);
}

/* Does b come before a? NaN counts as the extreme, the first one wins, as in NumPy. */
static bool better_f64(double a, double b, bool max) {
    if (a != a) return false;
    return b != b || (max ? b > a : b < a);
}

static enum status arg(struct op_call *c, bool max) {
    const struct view *x = &c->in[0];
    bool last = node_int(c->node, "select_last_index", 0), is_u64 = x->dtype == DT_U64;
    int axis;
    TRY(op_axis(c, node_int(c->node, "axis", 0), x->shape.rank, &axis));
    struct lanes l = split_at(&x->shape, axis);
    int64_t *y = c->out[0].data, i = 0;
    double real[ELEMENTS_BLOCK], best_real = 0;
    int64_t whole[ELEMENTS_BLOCK], best_whole = 0;
    for (int64_t o = 0; o < l.outer; o++)
        for (int64_t in = 0; in < l.inner; in++) {
            int64_t best = -1, start = o * l.size * l.inner + in;
            for (int64_t k = 0; k < l.size; k += ELEMENTS_BLOCK) {
                int m = l.size - k < ELEMENTS_BLOCK ? (int)(l.size - k) : ELEMENTS_BLOCK;
                bool is_float = dtype_is_float(x->dtype);
                if (is_float) elements_get_f64(x, start + k * l.inner, l.inner, m, real);
                else elements_get_i64(x, start + k * l.inner, l.inner, m, whole);
                for (int j = 0; j < m; j++) {
                    bool take = best < 0;
                    if (!take && is_float)
                        take = last ? !better_f64(real[j], best_real, max)
                                    : better_f64(best_real, real[j], max);
                    else if (!take) {
                        int64_t a = max ? best_whole : whole[j], b = max ? whole[j] : best_whole;
                        take = last ? !elements_less(b, a, is_u64) : elements_less(a, b, is_u64);
                    }
                    if (!take) continue;
                    best = k + j;
                    if (is_float) best_real = real[j];
                    else best_whole = whole[j];
                }
            }
            y[i++] = best;
        }
    return STATUS_OK;
}

static enum status run_arg_max(struct op_call *c) { return arg(c, true); }
static enum status run_arg_min(struct op_call *c) { return arg(c, false); }

static const struct attr_spec arg_attrs[] = {
    {"axis", ATTR_INT}, {"keepdims", ATTR_INT}, {"select_last_index", ATTR_INT}, {0}};

const struct op_def op_def_ArgMax = {
    .name = "ArgMax", .min_inputs = 1, .max_inputs = 1, .min_outputs = 1, .max_outputs = 1,
    .infer = infer_arg, .run = run_arg_max, .attrs = arg_attrs,
};
const struct op_def op_def_ArgMin = {
    .name = "ArgMin", .min_inputs = 1, .max_inputs = 1, .min_outputs = 1, .max_outputs = 1,
    .infer = infer_arg, .run = run_arg_min, .attrs = arg_attrs,
};

/* ---- CumSum, CumProd ---- */

static enum status infer_cumulative(struct op_call *c) {
    int64_t axis;
    int checked;
    bool known;
    TRY(op_check_dtype(c, 0, DTYPES_NUMBER));
    TRY(op_check_dtype(c, 1, DTYPES_INDEX));
    TRY(op_known_int(c, 1, &axis, &known));
    if (known && c->in[0].shape.rank >= 0) TRY(op_axis(c, axis, c->in[0].shape.rank, &checked));
    return infer_same(c);
}

static enum status cumulate(struct op_call *c, bool product) {
    const struct view *x = &c->in[0], *y = &c->out[0];
    bool exclusive = node_int(c->node, "exclusive", 0), reverse = node_int(c->node, "reverse", 0);
    bool is_float = dtype_is_float(x->dtype);
    int axis;
    TRY(op_axis(c, view_get_i64(&c->in[1], 0), x->shape.rank, &axis));
    struct lanes l = split_at(&x->shape, axis);
    for (int64_t o = 0; o < l.outer; o++)
        for (int64_t in = 0; in < l.inner; in++) {
            double real = product;
            uint64_t whole = product;
            for (int64_t k = 0; k < l.size; k++) {
                int64_t at = (o * l.size + (reverse ? l.size - 1 - k : k)) * l.inner + in;
                double r = real;
                uint64_t w = whole;
                if (is_float) real = product ? r * view_get_f64(x, at) : r + view_get_f64(x, at);
                else {
                    uint64_t v = (uint64_t)view_get_i64(x, at);
                    whole = product ? w * v : w + v;
                }
                if (is_float) view_set_f64(y, at, exclusive ? r : real);
                else view_set_i64(y, at, (int64_t)(exclusive ? w : whole));
            }
        }
    return STATUS_OK;
}

static enum status run_cum_sum(struct op_call *c) { return cumulate(c, false); }
static enum status run_cum_prod(struct op_call *c) { return cumulate(c, true); }

static const struct attr_spec cumulative_attrs[] = {
    {"exclusive", ATTR_INT}, {"reverse", ATTR_INT}, {0}};

const struct op_def op_def_CumSum = {
    .name = "CumSum", .min_inputs = 2, .max_inputs = 2, .min_outputs = 1, .max_outputs = 1,
    .infer = infer_cumulative, .run = run_cum_sum, .attrs = cumulative_attrs,
};
const struct op_def op_def_CumProd = {
    .name = "CumProd", .min_inputs = 2, .max_inputs = 2, .min_outputs = 1, .max_outputs = 1,
    .infer = infer_cumulative, .run = run_cum_prod, .attrs = cumulative_attrs,
};
