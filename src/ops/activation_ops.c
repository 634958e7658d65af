/* SPDX-License-Identifier: Apache-2.0 */
/* Activations: element by element, most with constants in attributes. */
#include <math.h>

#include "ops/elements.h"

/* Up to two attributes, in the order of the operator's list. */
struct constants {
    double a, b;
};
typedef double activation(double x, const struct constants *k);

static inline __attribute__((always_inline)) enum status map(struct op_call *c, activation *f,
                                                             struct constants constants) {
    int64_t n = shape_elements(&c->out[0].shape);
    double x[ELEMENTS_BLOCK];
    for (int64_t i = 0; i < n; i += ELEMENTS_BLOCK) {
        int m = n - i < ELEMENTS_BLOCK ? (int)(n - i) : ELEMENTS_BLOCK;
        elements_get_f64(&c->in[0], i, 1, m, x);
        for (int k = 0; k < m; k++) x[k] = f(x[k], &constants);
        elements_put_f64(&c->out[0], i, m, x);
    }
    return STATUS_OK;
}

static enum status infer_float(struct op_call *c) {
    TRY(op_check_dtype(c, 0, DTYPES_FLOAT));
    return infer_same(c);
}

static struct constants read_constants(const struct node *n, const char *a, float fallback_a,
                                       const char *b, float fallback_b) {
    return (struct constants){a ? (double)node_float(n, a, fallback_a) : 0,
                              b ? (double)node_float(n, b, fallback_b) : 0};
}

static double logistic(double x) { return 1 / (1 + exp(-x)); }
/* log(1 + exp(x)) without overflow for large x. */
static double soft_plus(double x) { return x > 30 ? x : log1p(exp(x)); }
static double clamp01(double x) { return x < 0 ? 0 : x > 1 ? 1 : x; }

#define ACTIVATION(op, attr_a, value_a, attr_b, value_b, expression)                               \
    static double f_##op(double x, const struct constants *k) {                                    \
        (void)k;                                                                                   \
        return expression;                                                                         \
    }                                                                                              \
    static enum status run_##op(struct op_call *c) {                                               \
        return map(c, f_##op, read_constants(c->node, attr_a, value_a, attr_b, value_b));          \
    }                                                                                              \
    const struct op_def op_def_##op = {                                                            \
        .name = #op, .min_inputs = 1, .max_inputs = 1, .min_outputs = 1, .max_outputs = 1,         \
        .infer = infer_float, .run = run_##op,                                                     \
        .attrs = (const struct attr_spec[]){{attr_a, ATTR_FLOAT}, {attr_b, ATTR_FLOAT}, {0}},      \
    }

ACTIVATION(Sigmoid, NULL, 0, NULL, 0, logistic(x));
ACTIVATION(Softplus, NULL, 0, NULL, 0, soft_plus(x));
ACTIVATION(Softsign, NULL, 0, NULL, 0, x / (1 + fabs(x)));
ACTIVATION(Mish, NULL, 0, NULL, 0, x * tanh(soft_plus(x)));
ACTIVATION(HardSwish, NULL, 0, NULL, 0, x * clamp01(x / 6 + 0.5));
ACTIVATION(HardSigmoid, "alpha", 0.2f, "beta", 0.5f, clamp01(k->a * x + k->b));
ACTIVATION(Swish, "alpha", 1, NULL, 0, x * logistic(k->a * x));
ACTIVATION(LeakyRelu, "alpha", 0.01f, NULL, 0, x < 0 ? k->a * x : x);
ACTIVATION(ThresholdedRelu, "alpha", 1, NULL, 0, x > k->a ? x : x != x ? x : 0);
ACTIVATION(Elu, "alpha", 1, NULL, 0, x < 0 ? k->a * expm1(x) : x);
ACTIVATION(Celu, "alpha", 1, NULL, 0, x < 0 ? k->a * expm1(x / k->a) : x);
ACTIVATION(Selu, "alpha", 1.67326319217681884765625f, "gamma", 1.05070102214813232421875f,
           k->b * (x > 0 ? x : k->a * expm1(x)));

/* ---- Gelu ---- */

static double f_gelu(double x, const struct constants *k) {
    return 0.5 * x * (1 + erf(x * 0.70710678118654752440));
}
static double f_gelu_tanh(double x, const struct constants *k) {
    return 0.5 * x * (1 + tanh(0.79788456080286535588 * (x + 0.044715 * x * x * x)));
}
static enum status infer_gelu(struct op_call *c) {
    const char *how = node_string(c->node, "approximate", "none");
    OP_CHECK(c, !strcmp(how, "none") || !strcmp(how, "tanh"), STATUS_UNSUPPORTED,
             "attribute 'approximate' is '%s' instead of 'none' or 'tanh'", how);
    return infer_float(c);
}
static enum status run_gelu(struct op_call *c) {
    struct constants none = {0};
    if (!strcmp(node_string(c->node, "approximate", "none"), "tanh"))
        return map(c, f_gelu_tanh, none);
    return map(c, f_gelu, none);
}

const struct op_def op_def_Gelu = {
    .name = "Gelu", .min_inputs = 1, .max_inputs = 1, .min_outputs = 1, .max_outputs = 1,
    .infer = infer_gelu, .run = run_gelu,
    .attrs = (const struct attr_spec[]){{"approximate", ATTR_STRING}, {0}},
};

/* ---- of any number type ---- */

static double f_relu(double x, const struct constants *k) { return x < 0 ? 0 : x; } /* NaN stays */
/* Shrink of an integer works in double, exact up to 2^53. */
static double f_shrink(double x, const struct constants *k) {
    return x < -k->b ? x + k->a : x > k->b ? x - k->a : x != x ? x : 0;
}

static enum status infer_number(struct op_call *c) {
    TRY(op_check_dtype(c, 0, DTYPES_NUMBER));
    return infer_same(c);
}

static enum status run_relu(struct op_call *c) {
    if (dtype_is_float(c->in[0].dtype)) return map(c, f_relu, (struct constants){0});
    int64_t n = shape_elements(&c->out[0].shape), x[ELEMENTS_BLOCK];
    bool is_signed = dtype_is_signed(c->in[0].dtype);
    for (int64_t i = 0; i < n; i += ELEMENTS_BLOCK) {
        int m = n - i < ELEMENTS_BLOCK ? (int)(n - i) : ELEMENTS_BLOCK;
        elements_get_i64(&c->in[0], i, 1, m, x);
        for (int k = 0; is_signed && k < m; k++) x[k] = x[k] < 0 ? 0 : x[k];
        elements_put_i64(&c->out[0], i, m, x);
    }
    return STATUS_OK;
}

static enum status run_shrink(struct op_call *c) {
    return map(c, f_shrink, read_constants(c->node, "bias", 0, "lambd", 0.5f));
}

const struct op_def op_def_Relu = {
    .name = "Relu", .min_inputs = 1, .max_inputs = 1, .min_outputs = 1, .max_outputs = 1,
    .infer = infer_number, .run = run_relu,
};
const struct op_def op_def_Shrink = {
    .name = "Shrink", .min_inputs = 1, .max_inputs = 1, .min_outputs = 1, .max_outputs = 1,
    .infer = infer_number, .run = run_shrink,
    .attrs = (const struct attr_spec[]){{"bias", ATTR_FLOAT}, {"lambd", ATTR_FLOAT}, {0}},
};

/* ---- PRelu ---- */

static enum status infer_prelu(struct op_call *c) {
    const struct shape *x = &c->in[0].shape, *slope = &c->in[1].shape;
    struct shape s;
    TRY(op_check_dtype(c, 0, DTYPES_NUMBER));
    TRY(op_check_same_dtype(c, 0, 1));
    TRY(op_broadcast(c, x, slope, &s));
    char a[128], b[128];
    OP_CHECK(c, !shape_known(x) || !shape_known(slope) || shape_equal(x, &s), STATUS_SHAPE,
             "slope %s does not broadcast to input %s", shape_text(slope, a), shape_text(x, b));
    return infer_same(c);
}

static enum status run_prelu(struct op_call *c) {
    const struct view *x = &c->in[0], *slope = &c->in[1], *y = &c->out[0];
    double a[ELEMENTS_BLOCK], b[ELEMENTS_BLOCK];
    struct walk w = {.n = 2};
    walk_broadcast(&w, &y->shape, 0, &y->shape);
    walk_broadcast(&w, &y->shape, 1, &slope->shape);
    for (walk_begin(&w); !w.done; walk_next(&w))
        for (int64_t i = 0; i < w.row; i += ELEMENTS_BLOCK) {
            int m = w.row - i < ELEMENTS_BLOCK ? (int)(w.row - i) : ELEMENTS_BLOCK;
            elements_get_f64(x, w.at[0] + i, 1, m, a);
            elements_get_f64(slope, w.at[1] + i * w.step[1], w.step[1], m, b);
            for (int k = 0; k < m; k++) a[k] = a[k] < 0 ? a[k] * b[k] : a[k];
            elements_put_f64(y, w.at[0] + i, m, a);
        }
    return STATUS_OK;
}

const struct op_def op_def_PRelu = {
    .name = "PRelu", .min_inputs = 2, .max_inputs = 2, .min_outputs = 1, .max_outputs = 1,
    .infer = infer_prelu, .run = run_prelu,
};

/* ---- Clip ---- */

static enum status infer_clip(struct op_call *c) {
    int64_t ignored;
    bool known;
    TRY(op_check_dtype(c, 0, DTYPES_NUMBER));
    TRY(op_check_same_dtype(c, 0, 1));
    TRY(op_check_same_dtype(c, 0, 2));
    TRY(op_known_int(c, 1, &ignored, &known)); /* each bound is one value */
    TRY(op_known_int(c, 2, &ignored, &known));
    return infer_same(c);
}

static double f_clip(double x, const struct constants *k) {
    x = x < k->a ? k->a : x;
    return x > k->b ? k->b : x; /* a lower bound above the upper one gives the upper one */
}

static enum status run_clip(struct op_call *c) {
    enum dtype t = c->in[0].dtype;
    bool known, is_u64 = t == DT_U64;
    if (dtype_is_float(t)) {
        struct constants k = {-INFINITY, INFINITY};
        TRY(op_known_f64(c, 1, &k.a, &known));
        TRY(op_known_f64(c, 2, &k.b, &known));
        return map(c, f_clip, k);
    }
    int64_t low = dtype_limit(t, false), high = dtype_limit(t, true);
    TRY(op_known_int(c, 1, &low, &known));
    TRY(op_known_int(c, 2, &high, &known));
    int64_t n = shape_elements(&c->out[0].shape), x[ELEMENTS_BLOCK];
    for (int64_t i = 0; i < n; i += ELEMENTS_BLOCK) {
        int m = n - i < ELEMENTS_BLOCK ? (int)(n - i) : ELEMENTS_BLOCK;
        elements_get_i64(&c->in[0], i, 1, m, x);
        for (int k = 0; k < m; k++) {
            int64_t v = elements_less(x[k], low, is_u64) ? low : x[k];
            x[k] = elements_less(high, v, is_u64) ? high : v;
        }
        elements_put_i64(&c->out[0], i, m, x);
    }
    return STATUS_OK;
}

const struct op_def op_def_Clip = {
    .name = "Clip", .min_inputs = 1, .max_inputs = 3, .min_outputs = 1, .max_outputs = 1,
    .infer = infer_clip, .run = run_clip,
};
