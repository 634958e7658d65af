/* SPDX-License-Identifier: Apache-2.0 */
/* The pool runs each tile of each step exactly once, steps in order, from any number of threads. */
#include "../check.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/pool.h"

enum { N_STEPS = 300 };

struct job {
    atomic_int ran[N_STEPS];
    atomic_int out_of_order, bad_worker;
    int stop_at, max_workers;
};

static int tiles_in(int step) { return step * 7 % 23; }

static int tiles_of(void *context, int step) {
    struct job *j = context;
    if (step == j->stop_at) return -1;
    for (int s = 0; s < step; s++)
        if (atomic_load(&j->ran[s]) != tiles_in(s)) atomic_fetch_add(&j->out_of_order, 1);
    return tiles_in(step);
}

static void run_tile(void *context, int step, int tile, int worker) {
    struct job *j = context;
    (void)tile;
    if (worker < 0 || worker >= j->max_workers) atomic_fetch_add(&j->bad_worker, 1);
    for (volatile int i = 0; i < 200 * (tile % 5); i++) {}
    atomic_fetch_add(&j->ran[step], 1);
}

static void run_once(struct pool *p, int max_threads) {
    struct job j = {.stop_at = -1, .max_workers = pool_threads(p)};
    pool_run(p, N_STEPS, tiles_of, run_tile, &j, max_threads);
    for (int s = 0; s < N_STEPS; s++) assert_int_equal(atomic_load(&j.ran[s]), tiles_in(s));
    assert_int_equal(atomic_load(&j.out_of_order), 0);
    assert_int_equal(atomic_load(&j.bad_worker), 0);
}

static void every_thread_count(void **state) {
    (void)state;
    for (int n = 1; n <= 5; n++) {
        struct pool *p;
        assert_ok(pool_create(n, &p));
        for (int i = 0; i < 20; i++) run_once(p, i % 3);
        pool_destroy(p);
    }
}

static void negative_tiles_end_the_run(void **state) {
    (void)state;
    struct pool *p;
    assert_ok(pool_create(3, &p));
    struct job j = {.stop_at = 10, .max_workers = 3};
    pool_run(p, N_STEPS, tiles_of, run_tile, &j, 0);
    assert_int_equal(atomic_load(&j.ran[9]), tiles_in(9));
    for (int s = 10; s < N_STEPS; s++) assert_int_equal(atomic_load(&j.ran[s]), 0);
    pool_destroy(p);
}

static void *from_thread(void *pool) {
    for (int i = 0; i < 30; i++) run_once(pool, 0);
    return NULL;
}

static void several_runs_at_once(void **state) {
    (void)state;
    struct pool *p;
    assert_ok(pool_create(3, &p));
    pthread_t t[4];
    for (int i = 0; i < 4; i++) assert_int_equal(pthread_create(&t[i], NULL, from_thread, p), 0);
    for (int i = 0; i < 4; i++) pthread_join(t[i], NULL);
    pool_destroy(p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_thread_count),
        cmocka_unit_test(negative_tiles_end_the_run),
        cmocka_unit_test(several_runs_at_once),
    };
    return cmocka_run_group_tests_name("pool", tests, NULL, NULL);
}
