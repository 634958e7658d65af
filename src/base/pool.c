/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Worker pool; see pool.h.
 *
 * A run lives on its caller's stack. A step's tiles are dealt out in ranges, one for each thread,
 * in order, so that a thread mostly works on the same part of the picture from step to step and
 * finds it in its own cache; who is through with its range takes from the others'. What is left of
 * a range is one atomic word, the ticket: step, end and next tile together, so that a late worker
 * can never take a tile of one step for a tile of another. Whoever finishes a step's last tile
 * opens the next.
 *
 * A worker is lent to a run through its slot. A worker that has not woken up when the run ends is
 * taken back without being waited for; one that has joined is waited for, which is short because it
 * is polling the ticket.
 */
#include "base/pool.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/env.h"

enum { MAX_THREADS = 256, TILE_BITS = 22, STEP_BITS = 20 };
#define TILE_MASK ((UINT64_C(1) << TILE_BITS) - 1)
#define ENDED ((UINT64_C(1) << STEP_BITS) - 1) /* the step number of a finished run */

struct ticket {
    _Alignas(64) atomic_uint_fast64_t word; /* step | end of the range | next tile */
};

struct run {
    struct ticket *ticket; /* per thread, by rank */
    int n_threads;
    _Alignas(64) atomic_int left; /* tiles of this step that are not done */
    atomic_int sleepers;
    pthread_mutex_t mutex; /* for sleeping only */
    pthread_cond_t opened;
    int n_steps;
    pool_tiles_fn tiles_of;
    pool_fn fn;
    void *context;
};

struct worker {
    _Alignas(64) _Atomic(struct run *) lent; /* NULL: idle or joined */
    atomic_bool joined;
    int rank; /* which scratch; valid while lent */
    pthread_t thread;
    struct pool *pool;
};

struct pool {
    int n_threads;
    int64_t spin_ns;
    struct core_set cores; /* of the workers */
    pthread_mutex_t mutex; /* guards everything below */
    pthread_cond_t wake;
    bool stop;
    int n_runs;    /* under way, each with its caller's thread */
    int n_started; /* workers 0..n_started-1 have a thread */
    bool busy[MAX_THREADS];
    struct worker worker[];
};

static inline void relax(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static uint64_t step_of(uint64_t ticket) { return ticket >> (2 * TILE_BITS); }

static void give(struct run *r, int rank, uint64_t step, int begin, int end) {
    atomic_store(&r->ticket[rank].word,
                 step << (2 * TILE_BITS) | (uint64_t)end << TILE_BITS | (uint64_t)begin);
}

/* Opens step `step` or the next one that has tiles. Called by one thread at a time: the run's
 * starter, then whoever finished the step before. */
static void open_step(struct run *r, int step, int rank) {
    const int threads = r->n_threads;
    int n = 0;
    for (; step < r->n_steps; step++) {
        n = r->tiles_of(r->context, step);
        if (n != 0) break;
    }
    atomic_store_explicit(&r->left, n, memory_order_relaxed);
    if (step >= r->n_steps || n < 0) {
        for (int i = 0; i < threads; i++) give(r, i, ENDED, 0, 0);
    } else if (n < threads) {
        /* The first tile stays with who is here already, and who gets none is not disturbed. */
        for (int i = n - 1; i >= 0; i--)
            give(r, (rank + i) % threads, (uint64_t)step, i, i + 1);
    } else {
        for (int i = 0; i < threads; i++)
            give(r, i, (uint64_t)step, (int)((int64_t)n * i / threads),
                 (int)((int64_t)n * (i + 1) / threads));
    }
    if (atomic_load(&r->sleepers)) {
        pthread_mutex_lock(&r->mutex);
        pthread_cond_broadcast(&r->opened);
        pthread_mutex_unlock(&r->mutex);
    }
}

/* Waits until the run has left `step`: spins for a bounded time, then sleeps. */
static void await_step(struct pool *p, struct run *r, int rank, uint64_t step) {
    atomic_uint_fast64_t *word = &r->ticket[rank].word;
    int64_t until = 0;
    for (unsigned spins = 0; step_of(atomic_load_explicit(word, memory_order_acquire)) == step;
         spins++) {
        relax();
        if (spins % 64 != 63) continue;
        int64_t t = now_ns();
        if (!until) until = t + p->spin_ns;
        if (t < until) continue;
        pthread_mutex_lock(&r->mutex);
        atomic_fetch_add(&r->sleepers, 1);
        while (step_of(atomic_load(word)) == step) pthread_cond_wait(&r->opened, &r->mutex);
        atomic_fetch_sub(&r->sleepers, 1);
        pthread_mutex_unlock(&r->mutex);
    }
}

/* Takes a tile of the range of thread `from` and runs it; false when there was none. */
static bool take_tile(struct run *r, int from, int rank) {
    atomic_uint_fast64_t *word = &r->ticket[from].word;
    uint64_t seen = atomic_load_explicit(word, memory_order_acquire);
    if ((seen & TILE_MASK) >= (seen >> TILE_BITS & TILE_MASK)) return false;
    uint64_t mine = atomic_fetch_add(word, 1);
    int tile = (int)(mine & TILE_MASK), end = (int)(mine >> TILE_BITS & TILE_MASK);
    if (tile >= end) return false;
    int step = (int)step_of(mine);
    r->fn(r->context, step, tile, rank);
    if (atomic_fetch_sub(&r->left, 1) == 1) open_step(r, step + 1, rank);
    return true;
}

static void take_part(struct pool *p, struct run *r, int rank) {
    for (;;) {
        uint64_t step = step_of(atomic_load_explicit(&r->ticket[rank].word, memory_order_acquire));
        if (step == ENDED) return;
        bool found = false;
        for (int i = 0; i < r->n_threads && !found; i++)
            found = take_tile(r, (rank + i) % r->n_threads, rank);
        if (!found) await_step(p, r, rank, step);
    }
}

static void *worker_main(void *argument) {
    struct worker *w = argument;
    struct pool *p = w->pool;
    core_set_pin_self(&p->cores);
    pthread_mutex_lock(&p->mutex);
    while (!p->stop) {
        struct run *r = atomic_load(&w->lent);
        if (!r) {
            pthread_cond_wait(&p->wake, &p->mutex);
            continue;
        }
        pthread_mutex_unlock(&p->mutex);
        /* `joined` is set before the slot is emptied, so the lender sees one or the other. */
        atomic_store(&w->joined, true);
        if (atomic_compare_exchange_strong(&w->lent, &r, NULL)) take_part(p, r, w->rank);
        atomic_store(&w->joined, false);
        pthread_mutex_lock(&p->mutex);
    }
    pthread_mutex_unlock(&p->mutex);
    return NULL;
}

enum status pool_create(int n_threads, struct pool **out) {
    *out = NULL;
    if (n_threads < 1) n_threads = 1;
    if (n_threads > MAX_THREADS) n_threads = MAX_THREADS;
    size_t bytes = sizeof(struct pool) + (size_t)n_threads * sizeof(struct worker);
    struct pool *p = mem_alloc_aligned(bytes);
    CHECK(p, STATUS_MEMORY, "out of memory for a pool of %d threads", n_threads);
    memset(p, 0, bytes);
    p->n_threads = n_threads;
    p->spin_ns = (int64_t)env_int(ENV_SPIN_US) * 1000;
    pthread_mutex_init(&p->mutex, NULL);
    pthread_cond_init(&p->wake, NULL);
    for (int i = 0; i < n_threads; i++) p->worker[i].pool = p;
    *out = p;
    return STATUS_OK;
}

void pool_destroy(struct pool *p) {
    if (!p) return;
    pthread_mutex_lock(&p->mutex);
    p->stop = true;
    pthread_cond_broadcast(&p->wake);
    pthread_mutex_unlock(&p->mutex);
    for (int i = 0; i < p->n_started; i++) pthread_join(p->worker[i].thread, NULL);
    pthread_cond_destroy(&p->wake);
    pthread_mutex_destroy(&p->mutex);
    mem_free(p);
}

void pool_pin(struct pool *p, const struct core_set *cores) { p->cores = *cores; }

int pool_threads(const struct pool *p) { return p->n_threads; }

/* Begins a run and reserves idle workers for it, up to `wanted`: as many as are left of the pool's
 * threads when each run under way has one. A worker is idle once its last run has ended, whatever
 * else still runs; lent then, it would share a core with another run's caller and hold up both.
 * Returns how many, and which in `lent`. A worker whose thread cannot be started is done
 * without. */
static int reserve(struct pool *p, int wanted, short lent[static MAX_THREADS]) {
    int n = 0;
    pthread_mutex_lock(&p->mutex);
    p->n_runs++;
    if (wanted > p->n_threads - p->n_runs) wanted = p->n_threads - p->n_runs;
    for (int i = 0; i < p->n_threads - 1 && n < wanted; i++) {
        if (p->busy[i]) continue;
        struct worker *w = &p->worker[i];
        if (i >= p->n_started) {
            if (pthread_create(&w->thread, NULL, worker_main, w) != 0) break;
            p->n_started++;
        }
        p->busy[i] = true;
        w->rank = n + 1;
        lent[n++] = (short)i;
    }
    pthread_mutex_unlock(&p->mutex);
    return n;
}

static void lend(struct pool *p, struct run *r, int n, const short *lent) {
    if (!n) return;
    pthread_mutex_lock(&p->mutex);
    for (int i = 0; i < n; i++) atomic_store(&p->worker[lent[i]].lent, r);
    pthread_cond_broadcast(&p->wake);
    pthread_mutex_unlock(&p->mutex);
}

static void take_back(struct pool *p, struct run *r, int n, const short *lent) {
    for (int i = 0; i < n; i++) {
        struct worker *w = &p->worker[lent[i]];
        struct run *expected = r;
        if (!atomic_compare_exchange_strong(&w->lent, &expected, NULL))
            while (atomic_load(&w->joined)) relax();
    }
    pthread_mutex_lock(&p->mutex);
    for (int i = 0; i < n; i++) p->busy[lent[i]] = false;
    p->n_runs--;
    pthread_mutex_unlock(&p->mutex);
}

void pool_run(struct pool *p, int n_steps, pool_tiles_fn tiles_of, pool_fn fn, void *context,
              int max_threads) {
    int wanted = p->n_threads;
    if (max_threads > 0 && max_threads < wanted) wanted = max_threads;
    if (wanted <= 1) {
        for (int s = 0; s < n_steps; s++) {
            int n = tiles_of(context, s);
            if (n < 0) return;
            for (int t = 0; t < n; t++) fn(context, s, t, 0);
        }
        return;
    }
    short lent[MAX_THREADS];
    struct ticket ticket[MAX_THREADS];
    int n = reserve(p, wanted - 1, lent);
    for (int i = 0; i <= n; i++) atomic_init(&ticket[i].word, 0); /* nothing of step 0 yet */
    struct run r = {.ticket = ticket, .n_threads = n + 1, .n_steps = n_steps,
                    .tiles_of = tiles_of, .fn = fn, .context = context};
    pthread_mutex_init(&r.mutex, NULL);
    pthread_cond_init(&r.opened, NULL);
    open_step(&r, 0, 0);
    lend(p, &r, n, lent);
    take_part(p, &r, 0);
    take_back(p, &r, n, lent);
    pthread_cond_destroy(&r.opened);
    pthread_mutex_destroy(&r.mutex);
}
