/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The worker pool of a device.
 *
 * A run is a list of steps; a step is a fixed list of tiles. pool_run() executes the steps in order
 * on 1..N threads (the caller is one of them); all tiles of step i are done before a tile of step
 * i+1 starts. Which thread runs which tile is not fixed, so a tile's result must not depend on it;
 * then results are the same for every number of threads.
 *
 * A run is granted threads when it starts: all when alone; with others under way those that are
 * left when each of them has one, its caller's. Workers spin only inside a granted run, for at most
 * PRUSIK_SPIN_US, then sleep.
 */
#ifndef PK_BASE_POOL_H
#define PK_BASE_POOL_H

#include "base/cpu.h"
#include "base/status.h"

struct pool;

/* n_threads counts the caller, so n-1 threads are started (at the first run that wants them). */
enum status pool_create(int n_threads, struct pool **out);
void pool_destroy(struct pool *p); /* waits for the workers to end; NULL is fine */
/* Keeps the workers on these cores; before the first run. Callers of pool_run stay where they
 * are. */
void pool_pin(struct pool *p, const struct core_set *cores);
int pool_threads(const struct pool *p);

/* One step: run(context, step, tile, worker) for tile = 0..n_tiles-1; worker is 0..granted-1 and
 * tells tiles which scratch is theirs. */
typedef void (*pool_fn)(void *context, int step, int tile, int worker);

/* tiles_of(context, step) gives n_tiles when the step begins (steps of unknown size until run);
 * returning a negative number ends the run after the steps before it. */
typedef int (*pool_tiles_fn)(void *context, int step);

/* Runs all steps; returns when done. max_threads bounds the grant (0 = no bound). Reentrant: may
 * be called from several threads at once. Allocates nothing. */
void pool_run(struct pool *p, int n_steps, pool_tiles_fn tiles_of, pool_fn run, void *context,
              int max_threads);

#endif
