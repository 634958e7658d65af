/* SPDX-License-Identifier: Apache-2.0 */
/* The pool runs each tile of each step exactly once, steps in order, from any number of threads. */
#define _GNU_SOURCE
#include "../check.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

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

static int one_tile(void *context, int step) {
    (void)context;
    (void)step;
    return 1;
}

static void slow_tile(void *context, int step, int tile, int worker) {
    for (volatile int i = 0; i < 5000; i++) {} /* until the others have woken up */
    run_tile(context, step, tile, worker);
}

/* Leaves words on the stack that look like ranges of tiles. */
static void __attribute__((noinline)) soil_the_stack(void) {
    volatile uint64_t words[8192];
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        words[i] = UINT64_C(5) << 44 | 9 << 22;
}

/* Steps of one tile leave all other threads without any. */
static void single_tiles(void **state) {
    (void)state;
    struct pool *p;
    assert_ok(pool_create(4, &p));
    for (int i = 0; i < 200; i++) {
        struct job j = {.stop_at = -1, .max_workers = 4};
        soil_the_stack();
        pool_run(p, 40, one_tile, slow_tile, &j, 0);
        for (int s = 0; s < 40; s++) assert_int_equal(atomic_load(&j.ran[s]), 1);
    }
    pool_destroy(p);
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

struct pair { /* a first run that alone gets the worker, and one beside it that does not end yet */
    struct pool *pool;
    atomic_int first_may_end, second_is_on, second_may_end, with_worker;
};

static void wait_for_first(void *context, int step, int tile, int worker) {
    (void)step, (void)tile, (void)worker;
    struct pair *p = context;
    while (!atomic_load(&p->first_may_end)) sched_yield();
}

static void wait_for_second(void *context, int step, int tile, int worker) {
    (void)step, (void)tile, (void)worker;
    struct pair *p = context;
    atomic_store(&p->second_is_on, 1);
    while (!atomic_load(&p->second_may_end)) sched_yield();
}

static void note_worker(void *context, int step, int tile, int worker) {
    (void)step, (void)tile;
    struct pair *p = context;
    if (worker > 0) atomic_fetch_add(&p->with_worker, 1);
    for (volatile int i = 0; i < 20000; i++) {}
}

static int hundred_tiles(void *context, int step) {
    (void)context, (void)step;
    return 100;
}

static void *second_run(void *context) {
    struct pair *p = context;
    pool_run(p->pool, 1, one_tile, wait_for_second, p, 0);
    return NULL;
}

static void *first_run(void *context) {
    struct pair *p = context;
    pool_run(p->pool, 1, one_tile, wait_for_first, p, 0);
    return NULL;
}

/* With as many callers as the pool has threads no worker helps, also one that was left idle. */
static void each_caller_counts(void **state) {
    (void)state;
    struct pair p = {0};
    assert_ok(pool_create(2, &p.pool));
    pthread_t first, second;
    assert_int_equal(pthread_create(&first, NULL, first_run, &p), 0);
    assert_int_equal(pthread_create(&second, NULL, second_run, &p), 0);
    while (!atomic_load(&p.second_is_on)) sched_yield();
    atomic_store(&p.first_may_end, 1);
    pthread_join(first, NULL);
    for (int i = 0; i < 20; i++) pool_run(p.pool, 1, hundred_tiles, note_worker, &p, 0);
    assert_int_equal(atomic_load(&p.with_worker), 0);
    atomic_store(&p.second_may_end, 1);
    pthread_join(second, NULL);
    for (time_t end = time(NULL) + 60; time(NULL) < end && !atomic_load(&p.with_worker);)
        pool_run(p.pool, 1, hundred_tiles, note_worker, &p, 0);
    assert_true(atomic_load(&p.with_worker) > 0);
    pool_destroy(p.pool);
}

static void see_core(void *context, int step, int tile, int worker) {
    (void)step;
    (void)tile;
    cpu_set_t on;
    assert_int_equal(sched_getaffinity(0, sizeof on, &on), 0);
    if (worker > 0) atomic_fetch_add(&((atomic_int *)context)[CPU_COUNT(&on) == 1], 1);
    for (volatile int i = 0; i < 20000; i++) {}
}

static void workers_stay_on_their_cores(void **state) {
    (void)state;
    cpu_set_t before, after;
    assert_int_equal(sched_getaffinity(0, sizeof before, &before), 0);
    char text[16];
    int last = CPU_SETSIZE - 1;
    while (!CPU_ISSET(last, &before)) last--;
    snprintf(text, sizeof text, "%d", last);
    const char *p = text;
    struct core_set cores;
    assert_true(core_set_parse(&p, &cores));
    assert_true(core_set_is_usable(&cores));
    struct pool *pool;
    assert_ok(pool_create(3, &pool));
    pool_pin(pool, &cores);
    atomic_int seen[2] = {0}; /* tiles of workers that were free, and that were not */
    /* Somebody else may hold that core for a while. */
    for (time_t end = time(NULL) + 60; time(NULL) < end && !atomic_load(&seen[1]);)
        pool_run(pool, 1, hundred_tiles, see_core, seen, 0);
    pool_destroy(pool);
    assert_true(atomic_load(&seen[1]) > 0);
    if (CPU_COUNT(&before) > 1) assert_int_equal(atomic_load(&seen[0]), 0);
    assert_int_equal(sched_getaffinity(0, sizeof after, &after), 0);
    assert_true(CPU_EQUAL(&before, &after)); /* the caller was not moved */
}

static void core_lists(void **state) {
    (void)state;
    struct core_set set;
    const char *p = "0-3,2,70;5";
    assert_true(core_set_parse(&p, &set));
    assert_int_equal(set.n, 5);
    assert_int_equal(set.bits[0], 0xF);
    assert_int_equal(set.bits[1], 1 << 6);
    assert_string_equal(p, ";5");
    static const char *const nonsense[] = {"",   ";",    "a",      "1-",   "3-1",
                                           "-1", "1024", "0-5000", "1,,2", "1 2"};
    for (size_t i = 0; i < sizeof nonsense / sizeof nonsense[0]; i++) {
        p = nonsense[i];
        assert_false(core_set_parse(&p, &set));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_thread_count),
        cmocka_unit_test(single_tiles),
        cmocka_unit_test(negative_tiles_end_the_run),
        cmocka_unit_test(several_runs_at_once),
        cmocka_unit_test(each_caller_counts),
        cmocka_unit_test(workers_stay_on_their_cores),
        cmocka_unit_test(core_lists),
    };
    return cmocka_run_group_tests_name("pool", tests, NULL, NULL);
}
