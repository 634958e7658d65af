/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of PRUSIK_PROF: what each step of a run took, and how near to the machine's limits that
 * is. The limits are measured at the first table. A step whose weights and activations come from a
 * cache can be above the limit of memory, and a Winograd convolution above that of multiply-adds,
 * since both are counted for the plain algorithm.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/env.h"
#include "exec/exec.h"
#include "kernels/limits.h"

static double fma_gflops, memory_gbs; /* measured once, like the CPU's features */
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void measure(void) {
    fma_gflops = limits_fma_gflops(isa_selected());
    memory_gbs = limits_memory_gbs();
}

/* What a step takes beyond what the machine allows: what could be won. A limit that the step beats,
 * out of a cache or by Winograd's algorithm, is none for it. */
static double excess_ms(const struct step_time *t, int n_threads) {
    double compute = (double)t->macs * 2e-6 / (fma_gflops * n_threads);
    double memory = memory_gbs > 0 ? (double)t->bytes * 1e-6 / memory_gbs : 0;
    double bound = compute < t->ms ? compute : 0;
    if (memory < t->ms && memory > bound) bound = memory;
    return compute < t->ms ? t->ms - bound : 0;
}

struct row {
    const struct step_time *time;
    double excess;
};

static int worse_first(const void *a, const void *b) {
    const struct row *x = a, *y = b;
    return (x->excess < y->excess) - (x->excess > y->excess);
}

static double share(double part, double whole) { return whole > 0 ? 100 * part / whole : 0; }

void times_print(const struct step_time *times, int n, int n_threads) {
    pthread_once(&once, measure);
    struct row *rows = mem_alloc(((size_t)n + 1) * sizeof *rows);
    if (!rows) return; /* the run itself is fine */
    double total = 0;
    for (int i = 0; i < n; i++) {
        rows[i] = (struct row){&times[i], excess_ms(&times[i], n_threads)};
        total += times[i].ms;
    }
    if (env_int(ENV_PROF) > 1) qsort(rows, (size_t)n, sizeof *rows, worse_first);
    flockfile(stderr);
    fprintf(stderr, "# %d steps, %.3f ms; limits: %.1f GFLOP/s with %d threads, %.1f GB/s\n"
                    "#      ms      %%   GFLOP/s  %%limit    GB/s  %%limit  op                 "
                    "kernel\n",
            n, total, fma_gflops * n_threads, n_threads, memory_gbs);
    for (int i = 0; i < n; i++) {
        const struct step_time *t = rows[i].time;
        double gflops = t->ms > 0 ? (double)t->macs * 2e-6 / t->ms : 0;
        double gbs = t->ms > 0 ? (double)t->bytes * 1e-6 / t->ms : 0;
        fprintf(stderr, "%9.4f  %5.1f  %8.1f  %6.1f  %6.1f  %6.1f  %-18s %-28s %s\n", t->ms,
                share(t->ms, total), gflops, share(gflops, fma_gflops * n_threads), gbs,
                share(gbs, memory_gbs), t->op, t->kernel, t->node);
    }
    funlockfile(stderr);
    mem_free(rows);
}
