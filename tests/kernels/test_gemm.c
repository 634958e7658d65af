/* SPDX-License-Identifier: Apache-2.0 */
/* The matrix product against a plain loop, for odd sizes, both transposes, constant and run-time B,
 * every form of bias, on every instruction set of this CPU. */
#include "../check.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/alloc.h"
#include "kernels/gemm.h"

static uint64_t state, seed;

static uint32_t next(void) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 33);
}
static int64_t between(int64_t a, int64_t b) { return a + next() % (b - a + 1); }

static float *numbers(int64_t n) {
    float *p = mem_alloc_aligned((size_t)(n ? n : 1) * sizeof(float));
    assert_non_null(p);
    for (int64_t i = 0; i < n; i++) p[i] = (float)(next() & 0xffff) / 32768.0f - 1.0f;
    return p;
}

static void check(const struct kernels *k, const struct gemm_desc *d) {
    char text[200];
    struct gemm_plan p;
    assert_ok(gemm_plan_init(k, d, &p));
    snprintf(text, sizeof text,
             "%s %s: %lldx%lldx%lld ta%d tb%d bias %d %lld %lld act%d const%d", k->name,
             p.name, (long long)d->m, (long long)d->n, (long long)d->k, d->trans_a, d->trans_b,
             d->has_bias, (long long)d->bias_row, (long long)d->bias_column, d->act, d->b_constant);
    float *a = numbers((d->trans_a ? d->k : d->m) * d->lda), *c = numbers(d->m * d->ldc + 64);
    float *b = numbers((d->trans_b ? d->n : d->k) * d->ldb), *bias = numbers(d->m * (d->n + 1) + 1);
    float *packed = numbers((int64_t)(p.packed_bytes / 4));
    float *scratch = numbers((int64_t)(p.scratch_bytes / 4));
    for (int64_t i = 0; i < d->m * d->ldc + 64; i++) c[i] = 777;
    if (d->b_constant) gemm_pack(&p, b, packed);
    struct gemm_args args = {a, d->b_constant ? NULL : b, bias, c};
    for (int t = p.n_tiles - 1; t >= 0; t--)
        gemm_run(&p, d->b_constant ? packed : NULL, &args, t, scratch);
    for (int64_t m = 0; m < d->m; m++)
        for (int64_t n = 0; n < d->ldc; n++) {
            float got = c[m * d->ldc + n];
            if (n >= d->n) {
                if (got != 777) fail_msg("%s: wrote beyond row %lld", text, (long long)m);
                continue;
            }
            double sum = 0, size = 1;
            for (int64_t i = 0; i < d->k; i++) {
                double v = (double)(d->trans_a ? a[i * d->lda + m] : a[m * d->lda + i]) *
                           (double)(d->trans_b ? b[n * d->ldb + i] : b[i * d->ldb + n]);
                sum += v;
                size += fabs(v);
            }
            sum *= (double)d->alpha;
            if (d->has_bias)
                sum += (double)d->beta * (double)bias[m * d->bias_row + n * d->bias_column];
            if (d->act == ACT_RELU && sum < 0) sum = 0;
            if (d->act == ACT_SIGMOID) sum = 1 / (1 + exp(-sum));
            if (!(fabs((double)got - sum) <= 4e-6 * size))
                fail_msg("%s: at %lld %lld: %.9g instead of %.9g", text, (long long)m, (long long)n,
                         (double)got, sum);
        }
    for (int i = 0; i < 64; i++)
        if (c[d->m * d->ldc + i] != 777) fail_msg("%s: wrote beyond the end", text);
    mem_free(a);
    mem_free(b);
    mem_free(c);
    mem_free(bias);
    mem_free(packed);
    mem_free(scratch);
}

static void products(void **unused) {
    if (!seed) seed = (uint64_t)time(NULL);
    printf("seed %llu\n", (unsigned long long)seed);
    state = seed;
    for (int i = 0; i < 300; i++) {
        struct gemm_desc d = {.m = between(1, i % 3 ? 70 : 12), .n = between(1, 150),
                              .k = between(0, 90)};
        if (i % 20 == 0) d.k = between(500, 1300);
        if (i % 29 == 0) d.n = between(800, 1500);
        d.trans_a = next() % 2;
        d.trans_b = next() % 2;
        d.lda = (d.trans_a ? d.m : d.k) + (next() % 2 ? 0 : 3);
        d.ldb = (d.trans_b ? d.k : d.n) + (next() % 2 ? 0 : 5);
        d.ldc = d.n + (next() % 2 ? 0 : 2);
        d.alpha = next() % 2 ? 1 : 0.5f;
        d.beta = next() % 2 ? 1 : -2;
        d.has_bias = next() % 4 != 0;
        d.bias_column = next() % 2;
        d.bias_row = next() % 3 ? 0 : d.n + 1;
        d.act = next() % 3 == 0 ? ACT_RELU : next() % 2 ? ACT_SIGMOID : ACT_NONE;
        d.b_constant = next() % 2;
        for (int isa = 0; isa < ISA_COUNT; isa++)
            if (kernels_for((enum isa)isa)) check(kernels_for((enum isa)isa), &d);
    }
}

static void nonsense(void **unused) {
    struct gemm_plan p;
    struct gemm_desc d = {.m = 3, .n = 4, .k = -1};
    assert_fails(gemm_plan_init(kernels_for(ISA_BASE), &d, &p), STATUS_ARGUMENT, "negative");
    d = (struct gemm_desc){.m = 3, .n = 4, .k = 5, .lda = 4, .ldb = 4, .ldc = 4};
    assert_fails(gemm_plan_init(kernels_for(ISA_BASE), &d, &p), STATUS_ARGUMENT, "shorter");
    d = (struct gemm_desc){.m = 1, .n = INT64_MAX / 8, .k = 1000, .lda = 1000, .ldb = INT64_MAX / 8,
                           .ldc = INT64_MAX / 8};
    assert_fails(gemm_plan_init(kernels_for(ISA_BASE), &d, &p), STATUS_LIMIT, "too large");
}

/* The seed of the random shapes may be given, to repeat a failure. */
int main(int argc, char **argv) {
    if (argc > 1) seed = strtoull(argv[1], NULL, 0);
    const struct CMUnitTest tests[] = {cmocka_unit_test(products), cmocka_unit_test(nonsense)};
    return cmocka_run_group_tests_name("gemm", tests, NULL, NULL);
}
