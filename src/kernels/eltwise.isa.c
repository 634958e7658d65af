/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Element-wise kernels; eltwise.h says what a call covers. One macro line an operator: the formula
 * on vectors, from which the loops over every operand form are made. Tails go through the same
 * formula on a partial vector whose other lanes are zero.
 */
#include "kernels/eltwise.h"
#include "kernels/simd.h"

#include <math.h>

extern const struct eltwise_kernels K(eltwise);

/* ---- unary ---- */

#define UNARY_LOOP(name, formula)                                                                  \
    static void unary_##name(const float *x_, float *y_, size_t n, float a, float b) {             \
        size_t i = 0;                                                                              \
        for (; i + 2 * VL <= n; i += 2 * VL) {                                                     \
            vf r[2];                                                                               \
            UNROLL_FULL for (int j = 0; j < 2; j++) {                                              \
                vf x = vf_load(x_ + i + (size_t)j * VL);                                           \
                r[j] = (formula);                                                                  \
            }                                                                                      \
            vf_store(y_ + i, r[0]);                                                                \
            vf_store(y_ + i + VL, r[1]);                                                           \
        }                                                                                          \
        for (; i < n; i += VL) {                                                                   \
            const size_t m = n - i < VL ? n - i : VL;                                              \
            vf x = vf_load_n(x_ + i, m);                                                           \
            vf_store_n(y_ + i, (formula), m);                                                      \
        }                                                                                          \
        (void)a, (void)b;                                                                          \
    }

/* One by one through the C library, for what is rare and hard. */
#define UNARY_LIBRARY(name, f)                                                                     \
    static void unary_##name(const float *x, float *y, size_t n, float a, float b) {               \
        for (size_t i = 0; i < n; i++) y[i] = f(x[i]);                                             \
        (void)a, (void)b;                                                                          \
    }

INLINE vf sign(vf x) {
    vf one = vf_select(x == 0.0f, x, vf_copysign(vf_set(1.0f), x));
    return vf_select(x != x, x, one);
}

/* e^x - 1, for x <= 0: the difference alone loses digits near 0. */
INLINE vf expm1_negative(vf x) {
    vf small = x * (1.0f + x * (0.5f + x * (0.166666667f + x * 0.0416666667f)));
    return vf_select(x > -0.125f, small, vf_exp_clamped(x) - 1.0f);
}
INLINE vf elu(vf x, float a) { return vf_select(x < 0.0f, a * expm1_negative(x), x); }

UNARY_LOOP(relu, vf_max(vf_set(0.0f), x))
UNARY_LOOP(leaky_relu, vf_select(x < 0.0f, x * a, x))
UNARY_LOOP(thresholded_relu, vf_and(x, x > a))
UNARY_LOOP(clip, vf_min(vf_set(b), vf_max(vf_set(a), x)))
UNARY_LOOP(sigmoid, vf_sigmoid(x))
UNARY_LOOP(hard_sigmoid, vf_min(vf_set(1.0f), vf_max(vf_set(0.0f), x * a + b)))
UNARY_LOOP(hard_swish, x * vf_min(vf_set(1.0f), vf_max(vf_set(0.0f), x * (1.0f / 6) + 0.5f)))
UNARY_LOOP(silu, vf_swish(x))
UNARY_LOOP(swish_scaled, x / (1.0f + vf_exp_clamped(x * -a)))
UNARY_LOOP(tanh, vf_tanh(x))
UNARY_LOOP(mish, vf_mish(x))
UNARY_LOOP(gelu, vf_gelu(x))
UNARY_LOOP(gelu_tanh, vf_gelu_tanh(x))
UNARY_LOOP(elu, elu(x, a))
UNARY_LOOP(selu, b * elu(x, a))
UNARY_LOOP(celu, vf_select(x < 0.0f, a * expm1_negative(x / a), x))
UNARY_LOOP(softplus, vf_softplus(x))
UNARY_LOOP(softsign, x / (1.0f + vf_abs(x)))
UNARY_LOOP(exp, vf_exp(x))
UNARY_LOOP(log, vf_log(x))
UNARY_LOOP(sqrt, vf_sqrt(x))
UNARY_LOOP(reciprocal, 1.0f / x)
UNARY_LOOP(neg, -x)
UNARY_LOOP(abs, vf_abs(x))
UNARY_LOOP(sign, sign(x))
UNARY_LOOP(floor, vf_floor(x))
UNARY_LOOP(ceil, vf_ceil(x))
UNARY_LOOP(round, vf_round(x))
UNARY_LOOP(erf, vf_erf(x))
UNARY_LOOP(square, x * x)
UNARY_LOOP(cube, x * x * x)
UNARY_LOOP(reciprocal_sqrt, 1.0f / vf_sqrt(x))
UNARY_LOOP(affine, x * a + b)
UNARY_LIBRARY(sin, sinf)
UNARY_LIBRARY(cos, cosf)

static void unary_swish(const float *x, float *y, size_t n, float a, float b) {
    (a == 1.0f ? unary_silu : unary_swish_scaled)(x, y, n, a, b);
}

/* The exponents that networks use have their own loops; +-0.5 only agree with pow from 0 up, which
 * is where roots are taken (pow(-inf, .5) is inf, sqrt NaN: not worth a branch an element). */
static void unary_pow(const float *x, float *y, size_t n, float a, float b) {
    if (a == 2.0f) {
        unary_square(x, y, n, a, b);
    } else if (a == 3.0f) {
        unary_cube(x, y, n, a, b);
    } else if (a == 0.5f) {
        unary_sqrt(x, y, n, a, b);
    } else if (a == -0.5f) {
        unary_reciprocal_sqrt(x, y, n, a, b);
    } else if (a == -1.0f) {
        unary_reciprocal(x, y, n, a, b);
    } else if (a == 1.0f) {
        unary_affine(x, y, n, 1.0f, 0.0f);
    } else {
        for (size_t i = 0; i < n; i++) y[i] = powf(x[i], a);
    }
}

/* ---- binary ---- */

/* One loop for an operand form: X(i) and Y(i) give vectors, XN and YN partial ones. */
#define BINARY_LOOP(formula, X, Y, XN, YN)                                                         \
    size_t i = 0;                                                                                  \
    for (; i + 2 * VL <= n; i += 2 * VL) {                                                         \
        vf r[2];                                                                                   \
        UNROLL_FULL for (int j = 0; j < 2; j++) {                                                  \
            const size_t k = i + (size_t)j * VL;                                                   \
            vf x = X(k), y = Y(k);                                                                 \
            r[j] = (formula);                                                                      \
        }                                                                                          \
        vf_store(z_ + i, r[0]);                                                                    \
        vf_store(z_ + i + VL, r[1]);                                                               \
    }                                                                                              \
    for (; i < n; i += VL) {                                                                       \
        const size_t m = n - i < VL ? n - i : VL;                                                  \
        vf x = XN(i, m), y = YN(i, m);                                                             \
        vf_store_n(z_ + i, (formula), m);                                                          \
    }
#define LOAD_X(i) vf_load(x_ + (i))
#define LOAD_Y(i) vf_load(y_ + (i))
#define PART_X(i, m) vf_load_n(x_ + (i), m)
#define PART_Y(i, m) vf_load_n(y_ + (i), m)
#define SAME_X(...) same_x
#define SAME_Y(...) same_y

#define BINARY_FORMS(name, formula)                                                                \
    static void name##_flat(const float *x_, const float *y_, float *z_, size_t n) {               \
        BINARY_LOOP(formula, LOAD_X, LOAD_Y, PART_X, PART_Y)                                       \
    }                                                                                              \
    static void name##_scalar(const float *x_, float y_, float *z_, size_t n) {                    \
        const vf same_y = vf_set(y_);                                                              \
        BINARY_LOOP(formula, LOAD_X, SAME_Y, PART_X, SAME_Y)                                       \
    }                                                                                              \
    static void name##_scalar_left(float x_, const float *y_, float *z_, size_t n) {               \
        const vf same_x = vf_set(x_);                                                              \
        BINARY_LOOP(formula, SAME_X, LOAD_Y, SAME_X, PART_Y)                                       \
    }                                                                                              \
    static void name##_channel(const float *x_, const float *y_, float *z_, size_t n_pixels) {     \
        const vf same_y = vf_load(y_);                                                             \
        const size_t n = n_pixels * VL;                                                            \
        BINARY_LOOP(formula, LOAD_X, SAME_Y, PART_X, SAME_Y)                                       \
    }                                                                                              \
    static void name##_channel_left(const float *x_, const float *y_, float *z_,                   \
                                    size_t n_pixels) {                                             \
        const vf same_x = vf_load(x_);                                                             \
        const size_t n = n_pixels * VL;                                                            \
        BINARY_LOOP(formula, SAME_X, LOAD_Y, SAME_X, PART_Y)                                       \
    }

static NOINLINE vf pow_lanes(vf x, vf y) {
    for (int l = 0; l < VL; l++) x[l] = powf(x[l], y[l]);
    return x;
}
/* NaN on either side wins, as ONNX (NumPy) has it; vf_max alone keeps only y's. */
INLINE vf max_nan(vf x, vf y) { return vf_select(x != x, x, vf_max(x, y)); }
INLINE vf min_nan(vf x, vf y) { return vf_select(x != x, x, vf_min(x, y)); }

BINARY_FORMS(add, x + y)
BINARY_FORMS(sub, x - y)
BINARY_FORMS(mul, x * y)
BINARY_FORMS(div, x / y)
BINARY_FORMS(max, max_nan(x, y))
BINARY_FORMS(min, min_nan(x, y))
BINARY_FORMS(pow, pow_lanes(x, y))
BINARY_FORMS(prelu, vf_select(x < 0.0f, x * y, x))

static void broadcast(const struct eltwise_broadcast *a, int64_t begin, int64_t end) {
    if (begin >= end) return;
    const struct binary_fns *f = &K(eltwise).binary[a->op];
    const int last = a->rank - 1;
    const int64_t n = a->dim[last];
    const float *x = a->x, *y = a->y;
    float *z = a->z + begin * n;
    int64_t index[ELTWISE_MAX_RANK] = {0};
    int64_t rest = begin;
    for (int d = last - 1; d >= 0; d--) {
        index[d] = rest % a->dim[d];
        rest /= a->dim[d];
        x += index[d] * a->x_stride[d];
        y += index[d] * a->y_stride[d];
    }
    for (int64_t r = begin; r < end; r++, z += n) {
        if (!a->y_stride[last])
            f->scalar(x, *y, z, (size_t)n);
        else if (!a->x_stride[last])
            f->scalar_left(*x, y, z, (size_t)n);
        else
            f->flat(x, y, z, (size_t)n);
        for (int d = last - 1; d >= 0; d--) {
            x += a->x_stride[d];
            y += a->y_stride[d];
            if (++index[d] < a->dim[d]) break;
            x -= a->dim[d] * a->x_stride[d];
            y -= a->dim[d] * a->y_stride[d];
            index[d] = 0;
        }
    }
}

static void flat_then_unary(enum binary_op op, const float *x, const float *y, float *z, size_t n,
                            enum unary_op act, float a, float b) {
    enum { PIECE = 2048 }; /* stays in L1 between the two steps */
    for (size_t i = 0; i < n; i += PIECE) {
        const size_t m = n - i < PIECE ? n - i : PIECE;
        K(eltwise).binary[op].flat(x + i, y + i, z + i, m);
        K(eltwise).unary[act](z + i, z + i, m, a, b);
    }
}

static void where(const uint8_t *condition, const float *x, int x_stride, const float *y,
                  int y_stride, float *z, size_t n) {
    if (x_stride && y_stride) {
        for (size_t i = 0; i < n; i++) z[i] = condition[i] ? x[i] : y[i];
    } else if (x_stride) {
        const float same = *y;
        for (size_t i = 0; i < n; i++) z[i] = condition[i] ? x[i] : same;
    } else if (y_stride) {
        const float same = *x;
        for (size_t i = 0; i < n; i++) z[i] = condition[i] ? same : y[i];
    } else {
        const float yes = *x, no = *y;
        for (size_t i = 0; i < n; i++) z[i] = condition[i] ? yes : no;
    }
}

const struct eltwise_kernels K(eltwise) = {
    .unary = {
#define UNARY(id, name) [UNARY_##id] = unary_##name,
        UNARY_TABLE(UNARY)
#undef UNARY
    },
    .binary = {
#define BINARY(id, name)                                                                           \
    [BINARY_##id] = {name##_flat, name##_scalar, name##_scalar_left, name##_channel,               \
                     name##_channel_left},
        BINARY_TABLE(BINARY)
#undef BINARY
    },
    .broadcast = broadcast,
    .flat_then_unary = flat_then_unary,
    .where = where,
};
