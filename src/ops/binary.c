/* SPDX-License-Identifier: Apache-2.0 */
/* Operators of several inputs that work element by element, with NumPy broadcasting: arithmetic,
 * comparison, logic, bits, the variadic Max Min Sum Mean, and Where. */
#include <math.h>

#include "ops/elements.h"

typedef double binary_f64(double a, double b);
typedef int64_t binary_i64(int64_t a, int64_t b, enum dtype t);

/* y = f(a, b) over the shape of y; y may be a itself when their shapes are equal. */
static inline __attribute__((always_inline)) void zip_f64(const struct view *y,
                                                          const struct view *a,
                                                          const struct view *b, binary_f64 *f) {
    double p[ELEMENTS_BLOCK], q[ELEMENTS_BLOCK];
    struct walk w = {.n = 3};
    walk_broadcast(&w, &y->shape, 0, &y->shape);
    walk_broadcast(&w, &y->shape, 1, &a->shape);
    walk_broadcast(&w, &y->shape, 2, &b->shape);
    for (walk_begin(&w); !w.done; walk_next(&w))
        for (int64_t i = 0; i < w.row; i += ELEMENTS_BLOCK) {
            int m = w.row - i < ELEMENTS_BLOCK ? (int)(w.row - i) : ELEMENTS_BLOCK;
            elements_get_f64(a, w.at[1] + i * w.step[1], w.step[1], m, p);
            elements_get_f64(b, w.at[2] + i * w.step[2], w.step[2], m, q);
            for (int k = 0; k < m; k++) p[k] = f(p[k], q[k]);
            elements_put_f64(y, w.at[0] + i, m, p);
        }
}

static inline __attribute__((always_inline)) void zip_i64(const struct view *y,
                                                          const struct view *a,
                                                          const struct view *b, binary_i64 *f) {
    int64_t p[ELEMENTS_BLOCK], q[ELEMENTS_BLOCK];
    enum dtype t = a->dtype;
    struct walk w = {.n = 3};
    walk_broadcast(&w, &y->shape, 0, &y->shape);
    walk_broadcast(&w, &y->shape, 1, &a->shape);
    walk_broadcast(&w, &y->shape, 2, &b->shape);
    for (walk_begin(&w); !w.done; walk_next(&w))
        for (int64_t i = 0; i < w.row; i += ELEMENTS_BLOCK) {
            int m = w.row - i < ELEMENTS_BLOCK ? (int)(w.row - i) : ELEMENTS_BLOCK;
            elements_get_i64(a, w.at[1] + i * w.step[1], w.step[1], m, p);
            elements_get_i64(b, w.at[2] + i * w.step[2], w.step[2], m, q);
            for (int k = 0; k < m; k++) p[k] = f(p[k], q[k], t);
            elements_put_i64(y, w.at[0] + i, m, p);
        }
}

static enum status infer_zip(struct op_call *c, unsigned set, bool same, enum dtype out) {
    struct shape s;
    TRY(op_check_dtype(c, 0, set));
    TRY(op_check_dtype(c, 1, set));
    if (same) TRY(op_check_same_dtype(c, 0, 1));
    TRY(op_broadcast(c, &c->in[0].shape, &c->in[1].shape, &s));
    return op_output_bounded(c, 0, out == DT_NONE ? c->in[0].dtype : out, s);
}

static enum status infer_number(struct op_call *c) {
    return infer_zip(c, DTYPES_NUMBER, true, DT_NONE);
}
static enum status infer_logic(struct op_call *c) {
    return infer_zip(c, DTYPES_BOOL, true, DT_BOOL);
}
static enum status infer_bits(struct op_call *c) { return infer_zip(c, DTYPES_INT, true, DT_NONE); }
static enum status infer_compare(struct op_call *c) {
    return infer_zip(c, DTYPES_ANY, true, DT_BOOL);
}

#define BINARY(op, rule, kernel)                                                                   \
    const struct op_def op_def_##op = {                                                            \
        .name = #op, .min_inputs = 2, .max_inputs = 2, .min_outputs = 1, .max_outputs = 1,         \
        .infer = rule, .run = kernel,                                                              \
    }

/* One operator from its formula in double and in int64 (u64 has t == DT_U64). */
#define NUMBER_BINARY(op, rule, real, whole)                                                       \
    static double f64_##op(double a, double b) { return real; }                                    \
    static int64_t i64_##op(int64_t a, int64_t b, enum dtype t) {                                  \
        (void)t;                                                                                   \
        return whole;                                                                              \
    }                                                                                              \
    static enum status run_##op(struct op_call *c) {                                               \
        if (dtype_is_float(c->in[0].dtype))                                                        \
            zip_f64(&c->out[0], &c->in[0], &c->in[1], f64_##op);                                   \
        else zip_i64(&c->out[0], &c->in[0], &c->in[1], i64_##op);                                  \
        return STATUS_OK;                                                                          \
    }                                                                                              \
    BINARY(op, rule, run_##op)

/* ---- arithmetic ---- */

/* Division by zero gives 0 and the smallest integer by -1 wraps: neither may trap. */
static int64_t i64_divide(int64_t a, int64_t b, enum dtype t) {
    if (b == 0) return 0;
    if (t == DT_U64) return (int64_t)((uint64_t)a / (uint64_t)b);
    return b == -1 ? (int64_t)(0 - (uint64_t)a) : a / b;
}

NUMBER_BINARY(Add, infer_number, a + b, (int64_t)((uint64_t)a + (uint64_t)b));
NUMBER_BINARY(Sub, infer_number, a - b, (int64_t)((uint64_t)a - (uint64_t)b));
NUMBER_BINARY(Mul, infer_number, a *b, (int64_t)((uint64_t)a * (uint64_t)b));
NUMBER_BINARY(Div, infer_number, a / b, i64_divide(a, b, t));

/* Remainder with the sign of the divisor; by zero it is 0. */
static int64_t i64_floor_mod(int64_t a, int64_t b, enum dtype t) {
    if (b == 0) return 0;
    if (t == DT_U64) return (int64_t)((uint64_t)a % (uint64_t)b);
    if (b == -1) return 0;
    int64_t r = a % b;
    return r && (r < 0) != (b < 0) ? r + b : r;
}
static int64_t i64_fmod(int64_t a, int64_t b, enum dtype t) {
    if (b == 0 || (b == -1 && t != DT_U64)) return 0;
    return t == DT_U64 ? (int64_t)((uint64_t)a % (uint64_t)b) : a % b;
}
static double f64_floor_mod(double a, double b) {
    double r = fmod(a, b);
    if (r == 0) return copysign(r, b);
    return (r < 0) != (b < 0) ? r + b : r;
}
static double f64_fmod(double a, double b) { return fmod(a, b); }

static enum status run_mod(struct op_call *c) {
    const struct view *y = &c->out[0], *a = &c->in[0], *b = &c->in[1];
    bool is_float = dtype_is_float(a->dtype), fmod_way = node_int(c->node, "fmod", 0);
    if (is_float && fmod_way) zip_f64(y, a, b, f64_fmod);
    else if (is_float) zip_f64(y, a, b, f64_floor_mod);
    else if (fmod_way) zip_i64(y, a, b, i64_fmod);
    else zip_i64(y, a, b, i64_floor_mod);
    return STATUS_OK;
}

const struct op_def op_def_Mod = {
    .name = "Mod", .min_inputs = 2, .max_inputs = 2, .min_outputs = 1, .max_outputs = 1,
    .infer = infer_number, .run = run_mod,
    .attrs = (const struct attr_spec[]){{"fmod", ATTR_INT}, {0}},
};

/* Base and exponent may differ in type; the result has the base's. */
static enum status infer_pow(struct op_call *c) {
    return infer_zip(c, DTYPES_NUMBER, false, DT_NONE);
}

static int64_t i64_power(int64_t base, int64_t exponent, enum dtype t) {
    if (exponent < 0) return base == 1 ? 1 : base == -1 ? (exponent & 1 ? -1 : 1) : 0;
    uint64_t r = 1, b = (uint64_t)base;
    for (; exponent; exponent >>= 1, b *= b)
        if (exponent & 1) r *= b;
    return (int64_t)r;
}
static double f64_power(double a, double b) { return pow(a, b); }

static enum status run_pow(struct op_call *c) {
    if (dtype_is_float(c->in[0].dtype) || dtype_is_float(c->in[1].dtype))
        zip_f64(&c->out[0], &c->in[0], &c->in[1], f64_power);
    else zip_i64(&c->out[0], &c->in[0], &c->in[1], i64_power);
    return STATUS_OK;
}
BINARY(Pow, infer_pow, run_pow);

/* ---- comparison ---- */

/* The two sides have the type the operands have; the result is bool, which the put converts. */
NUMBER_BINARY(Equal, infer_compare, a == b, a == b);
NUMBER_BINARY(Less, infer_compare, a < b, elements_less(a, b, t == DT_U64));
NUMBER_BINARY(LessOrEqual, infer_compare, a <= b, !elements_less(b, a, t == DT_U64));
NUMBER_BINARY(Greater, infer_compare, a > b, elements_less(b, a, t == DT_U64));
NUMBER_BINARY(GreaterOrEqual, infer_compare, a >= b, !elements_less(a, b, t == DT_U64));

/* ---- logic and bits ---- */

#define WHOLE_BINARY(op, rule, whole)                                                              \
    static int64_t i64_##op(int64_t a, int64_t b, enum dtype t) { return whole; }                  \
    static enum status run_##op(struct op_call *c) {                                               \
        zip_i64(&c->out[0], &c->in[0], &c->in[1], i64_##op);                                       \
        return STATUS_OK;                                                                          \
    }                                                                                              \
    BINARY(op, rule, run_##op)

WHOLE_BINARY(And, infer_logic, a & b);
WHOLE_BINARY(Or, infer_logic, a | b);
WHOLE_BINARY(Xor, infer_logic, a ^ b);
WHOLE_BINARY(BitwiseAnd, infer_bits, a & b);
WHOLE_BINARY(BitwiseOr, infer_bits, a | b);
WHOLE_BINARY(BitwiseXor, infer_bits, a ^ b);

/* A count below 0 or beyond the width leaves only sign bits (right) or zeros (left). */
static int64_t i64_shift_left(int64_t a, int64_t b, enum dtype t) {
    return (uint64_t)b >= 8 * dtype_size(t) ? 0 : (int64_t)((uint64_t)a << b);
}
static int64_t i64_shift_right(int64_t a, int64_t b, enum dtype t) {
    if ((uint64_t)b >= 8 * dtype_size(t)) return a < 0 && t != DT_U64 ? -1 : 0;
    return t == DT_U64 ? (int64_t)((uint64_t)a >> b) : a >> b;
}
static enum status infer_shift(struct op_call *c) {
    const char *way = node_string(c->node, "direction", "");
    OP_CHECK(c, !strcmp(way, "LEFT") || !strcmp(way, "RIGHT"), STATUS_FORMAT,
             "attribute 'direction' is '%s' instead of 'LEFT' or 'RIGHT'", way);
    return infer_bits(c);
}
static enum status run_shift(struct op_call *c) {
    const struct view *y = &c->out[0], *a = &c->in[0], *b = &c->in[1];
    if (!strcmp(node_string(c->node, "direction", ""), "LEFT")) zip_i64(y, a, b, i64_shift_left);
    else zip_i64(y, a, b, i64_shift_right);
    return STATUS_OK;
}

const struct op_def op_def_BitShift = {
    .name = "BitShift", .min_inputs = 2, .max_inputs = 2, .min_outputs = 1, .max_outputs = 1,
    .infer = infer_shift, .run = run_shift,
    .attrs = (const struct attr_spec[]){{"direction", ATTR_STRING}, {0}},
};

/* ---- any number of inputs ---- */

static enum status infer_variadic(struct op_call *c, unsigned set) {
    struct shape s = c->in[0].shape;
    for (int i = 0; i < c->n_inputs; i++) {
        OP_CHECK(c, op_has_input(c, i), STATUS_FORMAT, "input %d is missing", i);
        TRY(op_check_dtype(c, i, set));
        TRY(op_check_same_dtype(c, 0, i));
        struct shape so_far = s;
        if (i) TRY(op_broadcast(c, &so_far, &c->in[i].shape, &s));
    }
    return op_output_bounded(c, 0, c->in[0].dtype, s);
}

static enum status infer_variadic_number(struct op_call *c) {
    return infer_variadic(c, DTYPES_NUMBER);
}
static enum status infer_variadic_float(struct op_call *c) {
    return infer_variadic(c, DTYPES_FLOAT);
}

/* NaN on either side wins, as in NumPy. */
static double f64_max(double a, double b) { return a != a ? a : a > b ? a : b; }
static double f64_min(double a, double b) { return a != a ? a : a < b ? a : b; }
static double f64_second(double a, double b) { return b; }
static int64_t i64_max(int64_t a, int64_t b, enum dtype t) {
    return elements_less(a, b, t == DT_U64) ? b : a;
}
static int64_t i64_min(int64_t a, int64_t b, enum dtype t) {
    return elements_less(b, a, t == DT_U64) ? b : a;
}
static int64_t i64_second(int64_t a, int64_t b, enum dtype t) { return b; }

/* The output starts as the first input, broadcast, and takes in the others one by one. */
static inline __attribute__((always_inline)) enum status fold(struct op_call *c, binary_f64 *f,
                                                              binary_i64 *g) {
    const struct view *y = &c->out[0];
    bool is_float = dtype_is_float(y->dtype);
    if (is_float) zip_f64(y, &c->in[0], &c->in[0], f64_second);
    else zip_i64(y, &c->in[0], &c->in[0], i64_second);
    for (int i = 1; i < c->n_inputs; i++)
        if (is_float) zip_f64(y, y, &c->in[i], f);
        else zip_i64(y, y, &c->in[i], g);
    return STATUS_OK;
}

static enum status run_max(struct op_call *c) { return fold(c, f64_max, i64_max); }
static enum status run_min(struct op_call *c) { return fold(c, f64_min, i64_min); }
static enum status run_sum(struct op_call *c) { return fold(c, f64_Add, i64_Add); }

static enum status run_mean(struct op_call *c) {
    TRY(fold(c, f64_Add, i64_Add));
    const struct view *y = &c->out[0];
    int64_t n = shape_elements(&y->shape);
    double x[ELEMENTS_BLOCK];
    for (int64_t i = 0; i < n; i += ELEMENTS_BLOCK) {
        int m = n - i < ELEMENTS_BLOCK ? (int)(n - i) : ELEMENTS_BLOCK;
        elements_get_f64(y, i, 1, m, x);
        for (int k = 0; k < m; k++) x[k] /= c->n_inputs;
        elements_put_f64(y, i, m, x);
    }
    return STATUS_OK;
}

#define VARIADIC(op, rule, kernel)                                                                 \
    const struct op_def op_def_##op = {                                                            \
        .name = #op, .min_inputs = 1, .max_inputs = -1, .min_outputs = 1, .max_outputs = 1,        \
        .infer = rule, .run = kernel,                                                              \
    }
VARIADIC(Max, infer_variadic_number, run_max);
VARIADIC(Min, infer_variadic_number, run_min);
VARIADIC(Sum, infer_variadic_number, run_sum);
VARIADIC(Mean, infer_variadic_float, run_mean);

/* ---- Where ---- */

static enum status infer_where(struct op_call *c) {
    struct shape ab, s;
    TRY(op_check_dtype(c, 0, DTYPES_BOOL));
    TRY(op_check_same_dtype(c, 1, 2));
    TRY(op_broadcast(c, &c->in[1].shape, &c->in[2].shape, &ab));
    TRY(op_broadcast(c, &c->in[0].shape, &ab, &s));
    return op_output_bounded(c, 0, c->in[1].dtype, s);
}

#define SELECT_ROW(type)                                                                           \
    do {                                                                                           \
        type *to = (type *)y->data + w.at[0];                                                      \
        const type *p = (const type *)c->in[1].data + w.at[2];                                     \
        const type *q = (const type *)c->in[2].data + w.at[3];                                     \
        for (int64_t i = 0; i < w.row; i++)                                                        \
            to[i] = truth[i * w.step[1]] ? p[i * w.step[2]] : q[i * w.step[3]];                    \
    } while (0)

static enum status run_where(struct op_call *c) {
    const struct view *y = &c->out[0];
    struct walk w = {.n = 4};
    walk_broadcast(&w, &y->shape, 0, &y->shape);
    for (int i = 0; i < 3; i++) walk_broadcast(&w, &y->shape, i + 1, &c->in[i].shape);
    for (walk_begin(&w); !w.done; walk_next(&w)) {
        const uint8_t *truth = (const uint8_t *)c->in[0].data + w.at[1];
        switch (dtype_size(y->dtype)) {
        case 1: SELECT_ROW(uint8_t); break;
        case 2: SELECT_ROW(uint16_t); break;
        case 4: SELECT_ROW(uint32_t); break;
        default: SELECT_ROW(uint64_t); break;
        }
    }
    return STATUS_OK;
}

const struct op_def op_def_Where = {
    .name = "Where", .min_inputs = 3, .max_inputs = 3, .min_outputs = 1, .max_outputs = 1,
    .infer = infer_where, .run = run_where,
};
