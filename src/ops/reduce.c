/* SPDX-License-Identifier: Apache-2.0 */
/* Reductions over axes: ReduceSum and its kin. ArgMax and running sums are in scan.c. */
#include <inttypes.h>
#include <math.h>

#include "ops/elements.h"

/* Axes to reduce as marks. *known is false while they are not known; *all when none are named and
 * that means every one. */
static enum status read_axes(const struct op_call *c, bool mark[SHAPE_MAX_RANK], bool *known) {
    int rank = c->in[0].shape.rank, n = -1;
    int64_t axes[SHAPE_MAX_RANK];
    memset(mark, 0, SHAPE_MAX_RANK * sizeof *mark);
    TRY(op_check_dtype(c, 1, DTYPES_INDEX));
    TRY(op_known_ints(c, 1, axes, SHAPE_MAX_RANK, &n));
    *known = n >= 0 || !op_has_input(c, 1) || shape_elements(&c->in[1].shape) == 0;
    if (n <= 0) {
        bool every = *known && !node_int(c->node, "noop_with_empty_axes", 0);
        for (int d = 0; d < rank; d++) mark[d] = every;
        return STATUS_OK;
    }
    for (int i = 0; i < n; i++) {
        int d;
        TRY(op_axis(c, axes[i], rank, &d));
        OP_CHECK(c, !mark[d], STATUS_SHAPE, "axis %d is named twice", d);
        mark[d] = true;
    }
    return STATUS_OK;
}

static enum status infer_reduce(struct op_call *c) {
    const struct shape *in = &c->in[0].shape;
    struct shape s = shape_unknown();
    bool keep = node_int(c->node, "keepdims", 1), mark[SHAPE_MAX_RANK], known;
    if (in->rank >= 0) {
        TRY(read_axes(c, mark, &known));
        if (known) {
            s.rank = 0;
            for (int d = 0; d < in->rank; d++)
                if (!mark[d]) s.dim[s.rank++] = in->dim[d];
                else if (keep) s.dim[s.rank++] = 1;
        } else if (keep) {
            s.rank = in->rank;
            for (int d = 0; d < in->rank; d++) s.dim[d] = in->dim[d] == 1 ? 1 : -1;
        } else {
            int64_t n = shape_elements(&c->in[1].shape);
            OP_CHECK(c, n <= in->rank, STATUS_SHAPE,
                     "%" PRId64 " axes are named, but the input has rank %d", n, in->rank);
            s.rank = n > 0 ? in->rank - (int)n : -1;
            for (int d = 0; d < s.rank; d++) s.dim[d] = -1;
        }
    }
    op_output(c, 0, c->in[0].dtype, s);
    return STATUS_OK;
}

static enum status infer_reduce_number(struct op_call *c) {
    TRY(op_check_dtype(c, 0, DTYPES_NUMBER));
    return infer_reduce(c);
}
static enum status infer_reduce_any(struct op_call *c) {
    TRY(op_check_dtype(c, 0, DTYPES_ANY));
    return infer_reduce(c);
}

/* ---- what is accumulated ---- */

/* One running result; `shift` is the largest element, for LogSumExp. Integer sums, products and
 * extremes are exact (wrapping); everything else is double. */
struct state {
    double real, shift;
    int64_t whole;
};

typedef void take_f64(struct state *s, const double *x, int n);
typedef void take_i64(struct state *s, const int64_t *x, int n, enum dtype t);

struct reduction {
    double start;            /* of state.real */
    take_f64 *real;          /* takes in n elements */
    take_i64 *whole;         /* for integers; NULL: in double */
    double (*finish)(double x, int64_t n); /* NULL: nothing */
    enum { WHOLE_ZERO, WHOLE_ONE, WHOLE_LOWEST, WHOLE_HIGHEST } whole_start;
    bool shifted;            /* a first sweep finds the largest element */
};

static void take_sum(struct state *s, const double *x, int n) {
    for (int i = 0; i < n; i++) s->real += x[i];
}
static void take_abs(struct state *s, const double *x, int n) {
    for (int i = 0; i < n; i++) s->real += fabs(x[i]);
}
static void take_square(struct state *s, const double *x, int n) {
    for (int i = 0; i < n; i++) s->real += x[i] * x[i];
}
static void take_exp(struct state *s, const double *x, int n) {
    for (int i = 0; i < n; i++) s->real += exp(x[i] - s->shift);
}
static void take_product(struct state *s, const double *x, int n) {
    for (int i = 0; i < n; i++) s->real *= x[i];
}
/* NaN wins, as in NumPy. */
static void take_max(struct state *s, const double *x, int n) {
    for (int i = 0; i < n; i++)
        if (!(x[i] <= s->real) && s->real == s->real) s->real = x[i];
}
static void take_min(struct state *s, const double *x, int n) {
    for (int i = 0; i < n; i++)
        if (!(x[i] >= s->real) && s->real == s->real) s->real = x[i];
}
static void whole_sum(struct state *s, const int64_t *x, int n, enum dtype t) {
    for (int i = 0; i < n; i++) s->whole = (int64_t)((uint64_t)s->whole + (uint64_t)x[i]);
}
static void whole_abs(struct state *s, const int64_t *x, int n, enum dtype t) {
    for (int i = 0; i < n; i++) {
        uint64_t v = (uint64_t)x[i];
        s->whole = (int64_t)((uint64_t)s->whole + (x[i] < 0 && t != DT_U64 ? 0 - v : v));
    }
}
static void whole_square(struct state *s, const int64_t *x, int n, enum dtype t) {
    for (int i = 0; i < n; i++)
        s->whole = (int64_t)((uint64_t)s->whole + (uint64_t)x[i] * (uint64_t)x[i]);
}
static void whole_product(struct state *s, const int64_t *x, int n, enum dtype t) {
    for (int i = 0; i < n; i++) s->whole = (int64_t)((uint64_t)s->whole * (uint64_t)x[i]);
}
static void whole_max(struct state *s, const int64_t *x, int n, enum dtype t) {
    for (int i = 0; i < n; i++)
        if (elements_less(s->whole, x[i], t == DT_U64)) s->whole = x[i];
}
static void whole_min(struct state *s, const int64_t *x, int n, enum dtype t) {
    for (int i = 0; i < n; i++)
        if (elements_less(x[i], s->whole, t == DT_U64)) s->whole = x[i];
}

static double finish_mean(double x, int64_t n) { return x / (double)n; }
static double finish_root(double x, int64_t n) { return sqrt(x); }
static double finish_log(double x, int64_t n) { return log(x); }

/* ---- the walk ---- */

static enum status reduce(struct op_call *c, const struct reduction *r) {
    const struct view *x = &c->in[0], *y = &c->out[0];
    int64_t from[SHAPE_MAX_RANK], n_reduced = 1, i = 0;
    bool mark[SHAPE_MAX_RANK], known;
    double real[ELEMENTS_BLOCK];
    int64_t whole[ELEMENTS_BLOCK];
    TRY(op_confirm_outputs(c));
    TRY(read_axes(c, mark, &known));
    shape_strides(&x->shape, from);
    struct walk kept = {.n = 1}, reduced = {.n = 1};
    for (int d = 0; d < x->shape.rank; d++) {
        struct walk *w = mark[d] ? &reduced : &kept;
        w->size[w->rank] = x->shape.dim[d];
        w->stride[0][w->rank++] = from[d];
        if (mark[d]) n_reduced *= x->shape.dim[d];
    }
    bool is_whole = r->whole && !dtype_is_float(x->dtype);
    static const bool largest[] = {[WHOLE_LOWEST] = false, [WHOLE_HIGHEST] = true};
    int64_t whole_start = r->whole_start <= WHOLE_ONE
                              ? r->whole_start
                              : dtype_limit(x->dtype, largest[r->whole_start]);
    for (walk_begin(&kept); !kept.done; walk_next(&kept))
        for (int64_t o = 0; o < kept.row; o++) {
            struct state s = {.real = r->start, .shift = -INFINITY, .whole = whole_start};
            for (int sweep = r->shifted ? 0 : 1; sweep < 2; sweep++) {
                struct walk w = reduced;
                w.start[0] = kept.at[0] + o * kept.step[0];
                for (walk_begin(&w); !w.done; walk_next(&w))
                    for (int64_t k = 0; k < w.row; k += ELEMENTS_BLOCK) {
                        int m = w.row - k < ELEMENTS_BLOCK ? (int)(w.row - k) : ELEMENTS_BLOCK;
                        int64_t at = w.at[0] + k * w.step[0];
                        if (is_whole) {
                            elements_get_i64(x, at, w.step[0], m, whole);
                            r->whole(&s, whole, m, x->dtype);
                            continue;
                        }
                        elements_get_f64(x, at, w.step[0], m, real);
                        if (sweep) r->real(&s, real, m);
                        else
                            for (int j = 0; j < m; j++)
                                s.shift = real[j] > s.shift ? real[j] : s.shift;
                    }
                /* Infinite shifts would make inf - inf; 0 gives the right infinity. */
                if (!sweep && !isfinite(s.shift)) s.shift = 0;
            }
            if (is_whole) {
                view_set_i64(y, i++, s.whole);
                continue;
            }
            if (r->finish) s.real = r->finish(s.real, n_reduced);
            view_set_f64(y, i++, r->shifted ? s.real + s.shift : s.real);
        }
    return STATUS_OK;
}

static const struct attr_spec reduce_attrs[] = {
    {"keepdims", ATTR_INT}, {"noop_with_empty_axes", ATTR_INT}, {0}};

#define REDUCE(op, rule, ...)                                                                      \
    static enum status run_##op(struct op_call *c) {                                               \
        static const struct reduction r = {__VA_ARGS__};                                           \
        return reduce(c, &r);                                                                      \
    }                                                                                              \
    const struct op_def op_def_##op = {                                                            \
        .name = #op, .min_inputs = 1, .max_inputs = 2, .min_outputs = 1, .max_outputs = 1,         \
        .infer = rule, .run = run_##op, .attrs = reduce_attrs,                                     \
    }

REDUCE(ReduceSum, infer_reduce_number, .real = take_sum, .whole = whole_sum);
REDUCE(ReduceMean, infer_reduce_number, .real = take_sum, .finish = finish_mean);
REDUCE(ReduceMax, infer_reduce_any, .start = -INFINITY, .real = take_max, .whole = whole_max,
       .whole_start = WHOLE_LOWEST);
REDUCE(ReduceMin, infer_reduce_any, .start = INFINITY, .real = take_min, .whole = whole_min,
       .whole_start = WHOLE_HIGHEST);
REDUCE(ReduceProd, infer_reduce_number, .start = 1, .real = take_product, .whole = whole_product,
       .whole_start = WHOLE_ONE);
REDUCE(ReduceL1, infer_reduce_number, .real = take_abs, .whole = whole_abs);
REDUCE(ReduceL2, infer_reduce_number, .real = take_square, .finish = finish_root);
REDUCE(ReduceSumSquare, infer_reduce_number, .real = take_square, .whole = whole_square);
REDUCE(ReduceLogSum, infer_reduce_number, .real = take_sum, .finish = finish_log);
REDUCE(ReduceLogSumExp, infer_reduce_number, .real = take_exp, .finish = finish_log,
       .shifted = true);
