/* SPDX-License-Identifier: Apache-2.0 */
/* Reductions, softmax and normalisation against sums in double, over lengths around the vector
 * sizes and long ones, contiguous and strided. */
#include "support.h"

#include "kernels/reduce.h"

static const char *const names[REDUCE_COUNT] = {"sum", "mean", "max", "min", "prod", "sum square",
                                                "l1", "l2", "log sum exp"};
static const int lengths[] = {1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 64, 67, 129, 1000, 5000};
enum { N_LENGTHS = sizeof lengths / sizeof *lengths };

/* Reduces n elements `stride` apart; *size is what an error is measured against. */
static double reduce(enum reduce_op op, const float *x, int64_t n, int64_t stride, double *size) {
    double sum = 0, absolute = 0, square = 0, product = 1, top = -INFINITY, low = INFINITY, e = 0;
    for (int64_t i = 0; i < n; i++) {
        const double v = (double)x[i * stride];
        sum += v;
        absolute += fabs(v);
        square += v * v;
        product *= v;
        top = fmax(top, v);
        low = fmin(low, v);
    }
    for (int64_t i = 0; i < n && op == REDUCE_LOG_SUM_EXP; i++)
        e += exp((double)x[i * stride] - top);
    *size = 0;
    switch (op) {
    case REDUCE_SUM: *size = absolute; return sum;
    case REDUCE_MEAN: *size = absolute / (double)n; return sum / (double)n;
    case REDUCE_MAX: return top;
    case REDUCE_MIN: return low;
    case REDUCE_PROD: return product;
    case REDUCE_SUM_SQUARE: return square;
    case REDUCE_L1: return absolute;
    case REDUCE_L2: return sqrt(square);
    default: *size = 1; return top + log(e);
    }
}

static float *source_for(enum reduce_op op, int64_t n) {
    float *x = source_floats(n);
    if (op == REDUCE_PROD)
        for (int64_t i = 0; i < n; i++) x[i] = random_float(0.98f, 1.02f) * (i % 3 ? 1 : -1);
    return x;
}

static void test_rows(void **state) {
    FOR_EACH_ISA(k)
        for (int op = 0; op < REDUCE_COUNT; op++)
            for (int j = 0; j < N_LENGTHS; j++) {
                const int n = lengths[j], rows = random_int(1, 4);
                float *x = source_for((enum reduce_op)op, n * rows), *y = guarded_floats(rows);
                k->reduce->rows[op](x, y, rows, n);
                for (int r = 0; r < rows; r++) {
                    double size;
                    const double want = reduce((enum reduce_op)op, x + r * n, n, 1, &size);
                    if (!close_to((double)y[r], want, op == REDUCE_PROD ? 1e-4 : 1e-6, size))
                        fail_msg("%s rows %s of %d: %.9g, not %.9g", k->name, names[op], n,
                                 (double)y[r], want);
                }
                mem_free(x);
                guarded_free(y, (size_t)rows * sizeof(float), names[op]);
            }
}

static void test_strided(void **state) {
    FOR_EACH_ISA(k)
        for (int op = 0; op < REDUCE_COUNT; op++)
            for (int j = 0; j < N_LENGTHS - 1; j++) {
                const int n = lengths[j], count = lengths[random_int(0, 15)];
                const int64_t stride = count + random_int(0, 2);
                const int64_t total = (n - 1) * stride + count;
                float *x = source_for((enum reduce_op)op, total), *y = guarded_floats(count);
                k->reduce->strided[op](x, y, n, stride, count);
                for (int c = 0; c < count; c++) {
                    double size;
                    const double want = reduce((enum reduce_op)op, x + c, n, stride, &size);
                    if (!close_to((double)y[c], want, op == REDUCE_PROD ? 1e-4 : 1e-6, size))
                        fail_msg("%s strided %s of %d: %.9g, not %.9g", k->name, names[op], n,
                                 (double)y[c], want);
                }
                mem_free(x);
                guarded_free(y, (size_t)count * sizeof(float), names[op]);
            }
}

static void test_softmax(void **state) {
    FOR_EACH_ISA(k)
        for (int j = 0; j < N_LENGTHS - 1; j++)
            for (int form = 0; form < 8; form++) {
                const int strided = form & 1, log_form = form >> 1 & 1, in_place = form >> 2;
                const int n = lengths[j], count = lengths[random_int(0, 15)];
                const int64_t stride = strided ? count + random_int(0, 2) : 1;
                const int64_t next = strided ? 1 : n; /* from one softmax to the next */
                const int64_t total = strided ? (n - 1) * stride + count : n * count;
                float *x = source_floats(total), *y = guarded_floats(total);
                for (int64_t i = 0; i < total; i++) x[i] *= 10;
                if (in_place) memcpy(y, x, (size_t)total * sizeof(float));
                const float *from = in_place ? y : x;
                if (strided)
                    (log_form ? k->reduce->log_softmax_strided : k->reduce->softmax_strided)(
                        from, y, n, stride, count);
                else
                    (log_form ? k->reduce->log_softmax_rows : k->reduce->softmax_rows)(from, y,
                                                                                       count, n);
                for (int c = 0; c < count; c++) {
                    double size;
                    const double shift =
                        reduce(REDUCE_LOG_SUM_EXP, x + c * next, n, stride, &size);
                    for (int i = 0; i < n; i++) {
                        const int64_t at = c * next + i * stride;
                        const double l = (double)x[at] - shift, want = log_form ? l : exp(l);
                        if (!close_to((double)y[at], want, 2e-6, log_form ? 1 : 1e-3))
                            fail_msg("%s softmax (form %d) of %d: %.9g, not %.9g", k->name, form, n,
                                     (double)y[at], want);
                    }
                }
                mem_free(x);
                guarded_free(y, (size_t)total * sizeof(float), "softmax");
            }
    FOR_EACH_ISA(k) { /* a mask of -inf gives exact zeros */
        float x[37], y[37];
        for (int i = 0; i < 37; i++) x[i] = i % 3 ? -INFINITY : 1;
        k->reduce->softmax_rows(x, y, 1, 37);
        for (int i = 0; i < 37; i++)
            assert_true(i % 3 ? y[i] == 0 : close_to((double)y[i], 1.0 / 13, 1e-6, 0));
        k->reduce->softmax_strided(x, y, 37, 1, 1);
        for (int i = 0; i < 37; i++)
            assert_true(i % 3 ? y[i] == 0 : close_to((double)y[i], 1.0 / 13, 1e-6, 0));
    }
}

static void test_special(void **state) {
    FOR_EACH_ISA(k)
        for (int n = 1; n < 70; n += 17)
            for (int at = 0; at < n; at += 3) {
                float x[70], top, low, sum;
                for (int i = 0; i < n; i++) x[i] = (float)i;
                x[at] = NAN;
                k->reduce->rows[REDUCE_MAX](x, &top, 1, n);
                k->reduce->rows[REDUCE_MIN](x, &low, 1, n);
                assert_true(isnan(top) && isnan(low));
                k->reduce->strided[REDUCE_MAX](x, &top, n, 1, 1);
                assert_true(isnan(top));
                for (int i = 0; i < n; i++) x[i] = -INFINITY;
                k->reduce->rows[REDUCE_LOG_SUM_EXP](x, &sum, 1, n);
                assert_true(sum == -INFINITY);
                k->reduce->strided[REDUCE_LOG_SUM_EXP](x, &sum, n, 1, 1);
                assert_true(sum == -INFINITY);
                k->reduce->rows[REDUCE_MAX](x, &top, 1, n);
                assert_true(top == -INFINITY);
            }
}

static int64_t arg(const float *x, int64_t n, int64_t stride, int smallest, int last) {
    int64_t at = 0;
    for (int64_t i = 1; i < n; i++) {
        const float a = x[i * stride], b = x[at * stride];
        if ((smallest ? a < b : a > b) || (last && a == b)) at = i;
    }
    return at;
}

static void test_arg(void **state) {
    FOR_EACH_ISA(k)
        for (int j = 0; j < N_LENGTHS; j++)
            for (int form = 0; form < 8; form++) {
                const int smallest = form & 1, last = form >> 1 & 1, strided = form >> 2;
                const int n = lengths[j], count = strided ? lengths[random_int(0, 10)] : 2;
                const int64_t stride = strided ? count + 1 : 1;
                float *x = source_floats(strided ? n * stride : n * count);
                /* Few values, so that ties are common. */
                for (int64_t i = 0; i < (strided ? n * stride : n * count); i++)
                    x[i] = floorf(x[i] * 4);
                int64_t *y = guarded((size_t)count * sizeof *y);
                if (strided)
                    (smallest ? k->reduce->argmin_strided : k->reduce->argmax_strided)(
                        x, y, n, stride, count, last);
                else
                    (smallest ? k->reduce->argmin_rows : k->reduce->argmax_rows)(x, y, count, n,
                                                                                 last);
                for (int c = 0; c < count; c++)
                    assert_int_equal(y[c], arg(x + c * (strided ? 1 : n), n, stride, smallest,
                                               last));
                mem_free(x);
                guarded_free(y, (size_t)count * sizeof *y, "arg");
            }
}

/* Mean and inverse deviation of n elements `stride` apart, in double. */
static void moments(const float *x, int64_t n, int64_t stride, double epsilon, double *mean,
                    double *inverse) {
    double sum = 0, square = 0;
    for (int64_t i = 0; i < n; i++) sum += (double)x[i * stride];
    *mean = sum / (double)n;
    for (int64_t i = 0; i < n; i++)
        square += ((double)x[i * stride] - *mean) * ((double)x[i * stride] - *mean);
    *inverse = 1 / sqrt(square / (double)n + epsilon);
}

static void test_norm(void **state) {
    const float epsilon = 1e-3f;
    FOR_EACH_ISA(k)
        for (int j = 0; j < N_LENGTHS; j++)
            for (int form = 0; form < 4; form++) {
                const int n = lengths[j], rows = 2;
                float *x = source_floats(n * rows), *y = guarded_floats(n * rows);
                float *g = source_floats(n), *b = source_floats(n), mean[2], inverse[2];
                const float *gamma = form & 1 ? g : NULL, *beta = form & 2 ? b : NULL;
                double m = 0, s = 0;
                for (int i = 0; i < n * rows; i++) x[i] += 3;
                k->reduce->layer_norm(x, y, rows, n, gamma, beta, epsilon, mean, inverse);
                for (int i = 0; i < n * rows; i++) {
                    const int c = i % n;
                    if (c == 0) moments(x + i, n, 1, (double)epsilon, &m, &s);
                    const double want = ((double)x[i] - m) * s * (double)(gamma ? gamma[c] : 1) +
                                        (double)(beta ? beta[c] : 0);
                    /* Where values are nearly equal, s enlarges the rounding of their mean. */
                    assert_true(close_to((double)y[i], want, 1e-5, fmax(1, s / 5)));
                    assert_true(close_to((double)mean[i / n], m, 1e-6, 1));
                    assert_true(close_to((double)inverse[i / n], s, 1e-5, 0));
                }
                k->reduce->rms_norm(x, y, rows, n, gamma, epsilon);
                double size, square = 0;
                for (int i = 0; i < n * rows; i++) {
                    const int c = i % n;
                    if (c == 0) square = reduce(REDUCE_SUM_SQUARE, x + i, n, 1, &size);
                    const double want = (double)x[i] / sqrt(square / n + (double)epsilon) *
                                        (double)(gamma ? gamma[c] : 1);
                    assert_true(close_to((double)y[i], want, 3e-6, 1));
                }
                guarded_free(y, (size_t)(n * rows) * sizeof(float), "norm");
                mem_free(x);
                mem_free(g);
                mem_free(b);
            }
}

static void test_groups(void **state) {
    const float epsilon = 1e-5f;
    FOR_EACH_ISA(k)
        for (int j = 0; j < N_LENGTHS - 1; j++)
            for (int form = 0; form < 4; form++) {
                const int pixels = lengths[j], channels = random_int(1, 5), b = k->vl;
                const int n = pixels * channels;
                float *x = source_floats(n), *y = guarded_floats(n);
                float *g = source_floats(64), *beta_values = source_floats(64);
                const float *gamma = form & 1 ? g : NULL, *beta = form & 2 ? beta_values : NULL;
                double m, s;
                k->reduce->group_norm(x, y, channels, pixels, gamma, beta, epsilon);
                moments(x, n, 1, (double)epsilon, &m, &s);
                for (int i = 0; i < n; i++) {
                    const int c = i / pixels;
                    const double want = ((double)x[i] - m) * s * (double)(gamma ? gamma[c] : 1) +
                                        (double)(beta ? beta[c] : 0);
                    /* One pixel alone: 0 / sqrt(epsilon), where the mean's rounding shows. */
                    assert_true(close_to((double)y[i], want, n == 1 ? 1e-3 : 2e-5, 1));
                }
                mem_free(x);
                guarded_free(y, (size_t)n * sizeof(float), "group norm");
                x = source_floats(pixels * b);
                y = guarded_floats(pixels * b);
                k->reduce->instance_norm_block(x, y, pixels, gamma, beta, epsilon);
                for (int l = 0; l < b; l++) {
                    moments(x + l, pixels, b, (double)epsilon, &m, &s);
                    for (int i = 0; i < pixels; i++) {
                        const double want = ((double)x[i * b + l] - m) * s *
                                                (double)(gamma ? gamma[l] : 1) +
                                            (double)(beta ? beta[l] : 0);
                        assert_true(close_to((double)y[i * b + l], want, 3e-5, 1));
                    }
                }
                mem_free(x);
                mem_free(g);
                mem_free(beta_values);
                guarded_free(y, (size_t)(pixels * b) * sizeof(float), "instance norm");
            }
}

int main(int argc, char **argv) {
    random_start(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),    cmocka_unit_test(test_strided),
        cmocka_unit_test(test_softmax), cmocka_unit_test(test_special),
        cmocka_unit_test(test_arg),     cmocka_unit_test(test_norm),
        cmocka_unit_test(test_groups),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
