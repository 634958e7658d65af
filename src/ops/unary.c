/* SPDX-License-Identifier: Apache-2.0 */
/* Mathematical and logical operators of one input that work element by element. Activations are in
 * activation.c, conversions in cast.c. */
#include <math.h>

#include "ops/elements.h"

typedef double unary_f64(double x);
typedef int64_t unary_i64(int64_t x, enum dtype t);

/* Inlined into each kernel so that `f` is a direct call inside the loop. */
static inline __attribute__((always_inline)) enum status map_f64(struct op_call *c, unary_f64 *f) {
    int64_t n = shape_elements(&c->out[0].shape);
    double x[ELEMENTS_BLOCK];
    for (int64_t i = 0; i < n; i += ELEMENTS_BLOCK) {
        int m = n - i < ELEMENTS_BLOCK ? (int)(n - i) : ELEMENTS_BLOCK;
        elements_get_f64(&c->in[0], i, 1, m, x);
        for (int k = 0; k < m; k++) x[k] = f(x[k]);
        elements_put_f64(&c->out[0], i, m, x);
    }
    return STATUS_OK;
}

static inline __attribute__((always_inline)) enum status map_i64(struct op_call *c, unary_i64 *f) {
    int64_t n = shape_elements(&c->out[0].shape), x[ELEMENTS_BLOCK];
    enum dtype t = c->in[0].dtype;
    for (int64_t i = 0; i < n; i += ELEMENTS_BLOCK) {
        int m = n - i < ELEMENTS_BLOCK ? (int)(n - i) : ELEMENTS_BLOCK;
        elements_get_i64(&c->in[0], i, 1, m, x);
        for (int k = 0; k < m; k++) x[k] = f(x[k], t);
        elements_put_i64(&c->out[0], i, m, x);
    }
    return STATUS_OK;
}

static enum status infer_float(struct op_call *c) {
    TRY(op_check_dtype(c, 0, DTYPES_FLOAT));
    return infer_same(c);
}
static enum status infer_signed(struct op_call *c) {
    TRY(op_check_dtype(c, 0, DTYPES_FLOAT | DTYPES_SIGNED_INT));
    return infer_same(c);
}
static enum status infer_number(struct op_call *c) {
    TRY(op_check_dtype(c, 0, DTYPES_NUMBER));
    return infer_same(c);
}
static enum status infer_int(struct op_call *c) {
    TRY(op_check_dtype(c, 0, DTYPES_INT));
    return infer_same(c);
}
static enum status infer_bool(struct op_call *c) {
    TRY(op_check_dtype(c, 0, DTYPES_BOOL));
    return infer_same(c);
}
static enum status infer_test(struct op_call *c) {
    TRY(op_check_dtype(c, 0, DTYPES_FLOAT));
    op_output(c, 0, DT_BOOL, c->in[0].shape);
    return STATUS_OK;
}

#define UNARY(op, rule, kernel)                                                                    \
    const struct op_def op_def_##op = {                                                            \
        .name = #op, .min_inputs = 1, .max_inputs = 1, .min_outputs = 1, .max_outputs = 1,         \
        .infer = rule, .run = kernel,                                                              \
    }

/* ---- functions of a real number ---- */

#define FLOAT_UNARY(op, expression)                                                                \
    static double f64_##op(double x) { return expression; }                                        \
    static enum status run_##op(struct op_call *c) { return map_f64(c, f64_##op); }                \
    UNARY(op, infer_float, run_##op)

FLOAT_UNARY(Floor, floor(x));
FLOAT_UNARY(Ceil, ceil(x));
FLOAT_UNARY(Round, rint(x)); /* halves to even, the default rounding mode */
FLOAT_UNARY(Sqrt, sqrt(x));
FLOAT_UNARY(Exp, exp(x));
FLOAT_UNARY(Log, log(x));
FLOAT_UNARY(Reciprocal, 1 / x);
FLOAT_UNARY(Erf, erf(x));
FLOAT_UNARY(Sin, sin(x));
FLOAT_UNARY(Cos, cos(x));
FLOAT_UNARY(Tan, tan(x));
FLOAT_UNARY(Asin, asin(x));
FLOAT_UNARY(Acos, acos(x));
FLOAT_UNARY(Atan, atan(x));
FLOAT_UNARY(Sinh, sinh(x));
FLOAT_UNARY(Cosh, cosh(x));
FLOAT_UNARY(Tanh, tanh(x));
FLOAT_UNARY(Asinh, asinh(x));
FLOAT_UNARY(Acosh, acosh(x));
FLOAT_UNARY(Atanh, atanh(x));

/* ---- functions of any number ---- */

static double f64_abs(double x) { return fabs(x); }
static double f64_neg(double x) { return -x; }
static double f64_sign(double x) { return x > 0 ? 1 : x < 0 ? -1 : x; } /* NaN stays, zeros too */
static int64_t i64_neg(int64_t x, enum dtype t) { return (int64_t)(0 - (uint64_t)x); }
static int64_t i64_abs(int64_t x, enum dtype t) { return x < 0 && t != DT_U64 ? i64_neg(x, t) : x; }
static int64_t i64_sign(int64_t x, enum dtype t) {
    return x > 0 || (x && t == DT_U64) ? 1 : -(x < 0);
}
static int64_t i64_flip(int64_t x, enum dtype t) { return ~x; }
static int64_t i64_not(int64_t x, enum dtype t) { return !x; }

static enum status run_abs(struct op_call *c) {
    return dtype_is_float(c->in[0].dtype) ? map_f64(c, f64_abs) : map_i64(c, i64_abs);
}
static enum status run_neg(struct op_call *c) {
    return dtype_is_float(c->in[0].dtype) ? map_f64(c, f64_neg) : map_i64(c, i64_neg);
}
static enum status run_sign(struct op_call *c) {
    return dtype_is_float(c->in[0].dtype) ? map_f64(c, f64_sign) : map_i64(c, i64_sign);
}
static enum status run_flip(struct op_call *c) { return map_i64(c, i64_flip); }
static enum status run_not(struct op_call *c) { return map_i64(c, i64_not); }

UNARY(Abs, infer_number, run_abs);
UNARY(Neg, infer_signed, run_neg);
UNARY(Sign, infer_number, run_sign);
UNARY(BitwiseNot, infer_int, run_flip);
UNARY(Not, infer_bool, run_not);

/* ---- tests ---- */

static double f64_is_nan(double x) { return isnan(x) ? 1 : 0; }
static double f64_is_plus_inf(double x) { return isinf(x) && x > 0; }
static double f64_is_minus_inf(double x) { return isinf(x) && x < 0; }
static double f64_is_inf(double x) { return isinf(x) ? 1 : 0; }
static double f64_never(double x) { return 0; }

static enum status run_is_nan(struct op_call *c) { return map_f64(c, f64_is_nan); }
static enum status run_is_inf(struct op_call *c) {
    bool plus = node_int(c->node, "detect_positive", 1);
    bool minus = node_int(c->node, "detect_negative", 1);
    if (plus && minus) return map_f64(c, f64_is_inf);
    if (plus) return map_f64(c, f64_is_plus_inf);
    return minus ? map_f64(c, f64_is_minus_inf) : map_f64(c, f64_never);
}

UNARY(IsNaN, infer_test, run_is_nan);
const struct op_def op_def_IsInf = {
    .name = "IsInf", .min_inputs = 1, .max_inputs = 1, .min_outputs = 1, .max_outputs = 1,
    .infer = infer_test, .run = run_is_inf,
    .attrs = (const struct attr_spec[]){{"detect_positive", ATTR_INT},
                                        {"detect_negative", ATTR_INT}, {0}},
};
