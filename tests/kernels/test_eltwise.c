/* SPDX-License-Identifier: Apache-2.0 */
/* Element-wise kernels against the C library in double, at every length up to a few vectors, in
 * place and not, and with special values. */
#include "support.h"

#include "kernels/eltwise.h"

static const char *const unary_names[] = {
#define UNARY(id, name) #name,
    UNARY_TABLE(UNARY)
#undef UNARY
};
static const char *const binary_names[] = {
#define BINARY(id, name) #name,
    BINARY_TABLE(BINARY)
#undef BINARY
};

static double unary(enum unary_op op, double x, double a, double b) {
    switch (op) {
    case UNARY_RELU: return x < 0 ? 0 : x;
    case UNARY_LEAKY_RELU: return x < 0 ? a * x : x;
    case UNARY_THRESHOLDED_RELU: return x > a ? x : 0;
    case UNARY_CLIP: return x < a ? a : x > b ? b : x;
    case UNARY_SIGMOID: return 1 / (1 + exp(-x));
    case UNARY_HARD_SIGMOID: return fmin(1, fmax(0, a * x + b));
    case UNARY_HARD_SWISH: return x * fmin(1, fmax(0, x / 6 + 0.5));
    case UNARY_SWISH: return x / (1 + exp(-a * x));
    case UNARY_TANH: return tanh(x);
    case UNARY_MISH: return x * tanh(x > 30 ? x : log1p(exp(x)));
    case UNARY_GELU: return x * (1 + erf(x / sqrt(2.0))) / 2;
    case UNARY_GELU_TANH:
        return x * (1 + tanh(0.7978845608028654 * (x + 0.044715 * x * x * x))) / 2;
    case UNARY_ELU: return x < 0 ? a * expm1(x) : x;
    case UNARY_SELU: return b * (x < 0 ? a * expm1(x) : x);
    case UNARY_CELU: return fmax(x, 0) + fmin(0, a * expm1(x / a));
    case UNARY_SOFTPLUS: return x > 40 ? x : log1p(exp(x));
    case UNARY_SOFTSIGN: return x / (1 + fabs(x));
    case UNARY_EXP: return exp(x);
    case UNARY_LOG: return log(x);
    case UNARY_SQRT: return sqrt(x);
    case UNARY_RECIPROCAL: return 1 / x;
    case UNARY_NEG: return -x;
    case UNARY_ABS: return fabs(x);
    case UNARY_SIGN: return x > 0 ? 1 : x < 0 ? -1 : x;
    case UNARY_FLOOR: return floor(x);
    case UNARY_CEIL: return ceil(x);
    case UNARY_ROUND: return nearbyint(x);
    case UNARY_ERF: return erf(x);
    case UNARY_SQUARE: return x * x;
    case UNARY_AFFINE: return a * x + b;
    case UNARY_POW: return pow(x, a);
    case UNARY_SIN: return sin(x);
    case UNARY_COS: return cos(x);
    default: return NAN;
    }
}

/* Domain, parameters, and the size against which an error near zero is measured. */
struct kind {
    float from, to, a, b;
    double tolerance, range;
};

static struct kind kind_of(enum unary_op op) {
    struct kind k = {-8, 8, 0.1f, 0.7f, 0, 1};
    switch (op) {
    case UNARY_CLIP: return (struct kind){-8, 8, -1, 3, 0, 1};
    case UNARY_LEAKY_RELU: k.tolerance = 1e-7; return k;
    case UNARY_HARD_SIGMOID: k.tolerance = 2e-7; return k;
    case UNARY_AFFINE: k.tolerance = 2e-7; return k;
    case UNARY_SWISH: return (struct kind){-30, 30, random_int(0, 1) ? 1 : 0.7f, 0, 1e-6, 1};
    case UNARY_LOG:
    case UNARY_SQRT: return (struct kind){1e-3f, 100, 0, 0, 3e-7, 1};
    case UNARY_RECIPROCAL: return (struct kind){0.01f, 100, 0, 0, 1e-7, 0};
    case UNARY_EXP: return (struct kind){-80, 80, 0, 0, 4e-7, 0};
    case UNARY_POW: {
        static const float exponent[] = {2, 3, 0.5f, -0.5f, -1, 1, 1.7f, 0, 5};
        return (struct kind){0.1f, 9, exponent[random_int(0, 8)], 0, 4e-7, 0};
    }
    case UNARY_SELU: return (struct kind){-8, 8, 1.67326f, 1.0507f, 1e-6, 1};
    case UNARY_CELU: return (struct kind){-8, 8, 1.5f, 0, 1e-6, 1};
    case UNARY_SIGN:
    case UNARY_NEG:
    case UNARY_ABS:
    case UNARY_RELU:
    case UNARY_THRESHOLDED_RELU:
    case UNARY_FLOOR:
    case UNARY_CEIL:
    case UNARY_ROUND: return k;
    default: return (struct kind){-12, 12, 0.9f, 0.7f, 1e-6, 1};
    }
}

static void test_unary(void **state) {
    FOR_EACH_ISA(k)
        for (int op = 0; op < UNARY_COUNT; op++)
            for (int n = 0; n < 71; n++) {
                const struct kind kind = kind_of((enum unary_op)op);
                const size_t bytes = (size_t)n * sizeof(float);
                float *x = source_floats(n), *y = guarded_floats(n);
                for (int i = 0; i < n; i++) x[i] = random_float(kind.from, kind.to);
                /* Halves, where rounding is a matter of ties. */
                for (int i = 0; i < n / 4 && kind.from < 0; i++) x[i] = (float)(i - 8) / 2;
                k->eltwise->unary[op](x, y, (size_t)n, kind.a, kind.b);
                for (int i = 0; i < n; i++) {
                    const double want =
                        unary((enum unary_op)op, (double)x[i], (double)kind.a, (double)kind.b);
                    if (!close_to((double)y[i], want, kind.tolerance + 6e-8, kind.range))
                        fail_msg("%s %s(%.9g; %g, %g) = %.9g, not %.9g", k->name, unary_names[op],
                                 (double)x[i], (double)kind.a, (double)kind.b, (double)y[i], want);
                }
                guarded_free(y, bytes, unary_names[op]);
                y = guarded_floats(n);
                if (n) memcpy(y, x, bytes);
                float *z = source_floats(n);
                k->eltwise->unary[op](x, z, (size_t)n, kind.a, kind.b);
                k->eltwise->unary[op](y, y, (size_t)n, kind.a, kind.b);
                assert_memory_equal(y, z, bytes);
                guarded_free(y, bytes, unary_names[op]);
                mem_free(x);
                mem_free(z);
            }
}

static void test_special(void **state) {
    const float inf = INFINITY;
    static const struct {
        enum unary_op op;
        float x, want, a, b;
    } cases[] = {
        {UNARY_RELU, NAN, NAN}, {UNARY_CLIP, NAN, NAN, -1, 1}, {UNARY_SIGMOID, NAN, NAN},
        {UNARY_EXP, NAN, NAN}, {UNARY_LOG, -1, NAN}, {UNARY_LOG, 0, -INFINITY},
        {UNARY_LOG, INFINITY, INFINITY}, {UNARY_LOG, 1e-40f, -92.1034037f},
        {UNARY_EXP, INFINITY, INFINITY}, {UNARY_EXP, -INFINITY, 0}, {UNARY_EXP, 100, INFINITY},
        {UNARY_EXP, -200, 0}, {UNARY_EXP, 88.5f, 2.7232e38f}, {UNARY_SIGMOID, 200, 1},
        {UNARY_SIGMOID, -200, 0}, {UNARY_TANH, 100, 1}, {UNARY_TANH, -100, -1},
        {UNARY_SWISH, 300, 300, 1}, {UNARY_SWISH, -300, 0, 1}, {UNARY_MISH, 200, 200},
        {UNARY_MISH, -200, 0}, {UNARY_SOFTPLUS, 200, 200}, {UNARY_SOFTPLUS, -200, 0},
        {UNARY_FLOOR, 1e30f, 1e30f}, {UNARY_FLOOR, -0.5f, -1}, {UNARY_CEIL, -0.5f, 0},
        {UNARY_ROUND, 2.5f, 2}, {UNARY_ROUND, 3.5f, 4}, {UNARY_ROUND, 8388609, 8388609},
        {UNARY_ROUND, INFINITY, INFINITY}, {UNARY_GELU, 50, 50}, {UNARY_GELU, -50, 0},
        {UNARY_ERF, 100, 1}, {UNARY_ERF, -100, -1}, {UNARY_SQRT, -1, NAN}, {UNARY_SIGN, NAN, NAN},
        {UNARY_ELU, -200, -2, 2}, {UNARY_POW, -2, -8, 3}, {UNARY_POW, 0, INFINITY, -1},
        {UNARY_RECIPROCAL, 0, INFINITY},
    };
    FOR_EACH_ISA(k)
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
            for (int n = 1; n < 40; n += 19) {
                float x[40], y[40];
                for (int j = 0; j < n; j++) x[j] = cases[i].x;
                k->eltwise->unary[cases[i].op](x, y, (size_t)n, cases[i].a, cases[i].b);
                for (int j = 0; j < n; j++)
                    if (!close_to((double)y[j], (double)cases[i].want, 1e-4, 1e-30))
                        fail_msg("%s %s(%g) = %g, not %g", k->name, unary_names[cases[i].op],
                                 (double)cases[i].x, (double)y[j], (double)cases[i].want);
            }
    FOR_EACH_ISA(k) {
        const float x[3] = {NAN, 1, -inf}, y[3] = {1, NAN, inf};
        float z[3];
        k->eltwise->binary[BINARY_MAX].flat(x, y, z, 3);
        assert_true(isnan(z[0]) && isnan(z[1]) && isinf(z[2]));
        k->eltwise->binary[BINARY_MIN].flat(x, y, z, 3);
        assert_true(isnan(z[0]) && isnan(z[1]) && isinf(z[2]));
    }
}

static double binary(enum binary_op op, double x, double y) {
    switch (op) {
    case BINARY_ADD: return x + y;
    case BINARY_SUB: return x - y;
    case BINARY_MUL: return x * y;
    case BINARY_DIV: return x / y;
    case BINARY_MAX: return x > y ? x : y;
    case BINARY_MIN: return x < y ? x : y;
    case BINARY_POW: return pow(x, y);
    default: return x < 0 ? x * y : x;
    }
}

static void expect(const struct kernels *k, int op, const char *form, float got, float x, float y) {
    const double want = binary((enum binary_op)op, (double)x, (double)y);
    if (!close_to((double)got, want, 2e-7, 1e-3))
        fail_msg("%s %s.%s(%g, %g) = %g, not %g", k->name, binary_names[op], form, (double)x,
                 (double)y, (double)got, want);
}

static void test_binary(void **state) {
    FOR_EACH_ISA(k)
        for (int op = 0; op < BINARY_COUNT; op++)
            for (int n = 0; n < 71; n++) {
                const struct binary_fns *f = &k->eltwise->binary[op];
                const size_t bytes = (size_t)n * sizeof(float);
                float *x = source_floats(n), *y = source_floats(n), *z = guarded_floats(n);
                if (op == BINARY_POW)
                    for (int i = 0; i < n; i++) x[i] = fabsf(x[i]) + 0.1f;
                f->flat(x, y, z, (size_t)n);
                for (int i = 0; i < n; i++) expect(k, op, "flat", z[i], x[i], y[i]);
                f->scalar(x, 1.5f, z, (size_t)n);
                for (int i = 0; i < n; i++) expect(k, op, "scalar", z[i], x[i], 1.5f);
                f->scalar_left(1.5f, y, z, (size_t)n);
                for (int i = 0; i < n; i++) expect(k, op, "scalar_left", z[i], 1.5f, y[i]);
                guarded_free(z, bytes, binary_names[op]);
                const int pixels = n / k->vl;
                const size_t whole = (size_t)(pixels * k->vl) * sizeof(float);
                z = guarded_floats(pixels * k->vl);
                if (pixels) {
                    f->channel(x, y, z, (size_t)pixels);
                    for (int i = 0; i < pixels * k->vl; i++)
                        expect(k, op, "channel", z[i], x[i], y[i % k->vl]);
                    f->channel_left(x, y, z, (size_t)pixels);
                    for (int i = 0; i < pixels * k->vl; i++)
                        expect(k, op, "channel_left", z[i], x[i % k->vl], y[i]);
                }
                guarded_free(z, whole, binary_names[op]);
                z = guarded_floats(n);
                k->eltwise->flat_then_unary((enum binary_op)op, x, y, z, (size_t)n,
                                            UNARY_LEAKY_RELU, 0.5f, 0);
                for (int i = 0; i < n; i++) {
                    const double v = binary((enum binary_op)op, (double)x[i], (double)y[i]);
                    assert_true(close_to((double)z[i], v < 0 ? v / 2 : v, 2e-7, 1e-3));
                }
                guarded_free(z, bytes, "flat_then_unary");
                mem_free(x);
                mem_free(y);
            }
}

static void test_broadcast(void **state) {
    FOR_EACH_ISA(k)
        for (int round = 0; round < 300; round++) {
            const int rank = random_int(0, 5), x_rank = random_int(0, rank);
            int64_t dims[5], x_dims[5], y_dims[5], n = 1, nx = 1, ny = 1;
            int y_rank = rank; /* x may be shorter; one of the two has every dimension */
            for (int d = 0; d < rank; d++) {
                dims[d] = random_int(1, d == rank - 1 ? 40 : 4);
                n *= dims[d];
                const int xd = d - (rank - x_rank);
                const int has_x = xd >= 0 && random_int(0, 2) > 0;
                if (xd >= 0) {
                    x_dims[xd] = has_x ? dims[d] : 1;
                    nx *= x_dims[xd];
                }
                y_dims[d] = has_x && random_int(0, 2) == 0 ? 1 : dims[d];
                ny *= y_dims[d];
            }
            float *x = source_floats(nx), *y = source_floats(ny), *z = guarded_floats(n);
            const int swap = random_int(0, 1), op = BINARY_SUB;
            struct eltwise_broadcast a;
            if (swap)
                assert_ok(eltwise_broadcast_init(&a, (enum binary_op)op, rank, dims, y_rank, y_dims,
                                                 x_rank, x_dims));
            else
                assert_ok(eltwise_broadcast_init(&a, (enum binary_op)op, rank, dims, x_rank, x_dims,
                                                 y_rank, y_dims));
            a.x = swap ? y : x;
            a.y = swap ? x : y;
            a.z = z;
            const int64_t cut = a.n_rows * random_int(0, 4) / 4;
            k->eltwise->broadcast(&a, 0, cut);
            k->eltwise->broadcast(&a, cut, a.n_rows);
            for (int64_t i = 0; i < n; i++) {
                int64_t rest = i, xi = 0, yi = 0, xs = 1, ys = 1;
                for (int d = rank - 1; d >= 0; d--) {
                    const int64_t at = rest % dims[d];
                    rest /= dims[d];
                    const int xd = d - (rank - x_rank);
                    if (xd >= 0) {
                        xi += x_dims[xd] == 1 ? 0 : at * xs;
                        xs *= x_dims[xd];
                    }
                    yi += y_dims[d] == 1 ? 0 : at * ys;
                    ys *= y_dims[d];
                }
                assert_true(z[i] == (swap ? y[yi] - x[xi] : x[xi] - y[yi]));
            }
            guarded_free(z, (size_t)n * sizeof(float), "broadcast");
            mem_free(x);
            mem_free(y);
        }
    struct eltwise_broadcast a;
    assert_fails(eltwise_broadcast_init(&a, BINARY_ADD, 2, (int64_t[]){2, 3}, 1, (int64_t[]){2}, 1,
                                        (int64_t[]){3}),
                 STATUS_SHAPE, "does not broadcast");
    assert_fails(eltwise_broadcast_init(&a, BINARY_ADD, 9, NULL, 0, NULL, 0, NULL), STATUS_LIMIT,
                 "9 dimensions");
}

static void test_where(void **state) {
    FOR_EACH_ISA(k)
        for (int n = 1; n < 70; n++)
            for (int form = 0; form < 4; form++) {
                const int xs = form & 1, ys = form >> 1;
                uint8_t *c = source_bytes((size_t)n);
                for (int i = 0; i < n; i++) c[i] &= 1;
                float *x = source_floats(xs ? n : 1), *y = source_floats(ys ? n : 1);
                float *z = guarded_floats(n);
                k->eltwise->where(c, x, xs, y, ys, z, (size_t)n);
                for (int i = 0; i < n; i++) assert_true(z[i] == (c[i] ? x[i * xs] : y[i * ys]));
                guarded_free(z, (size_t)n * sizeof(float), "where");
                mem_free(c);
                mem_free(x);
                mem_free(y);
            }
}

int main(int argc, char **argv) {
    random_start(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unary),     cmocka_unit_test(test_special),
        cmocka_unit_test(test_binary),    cmocka_unit_test(test_broadcast),
        cmocka_unit_test(test_where),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
