/* SPDX-License-Identifier: Apache-2.0 */
/* What model.c and instance.c share; the outside sees model.h. */
#ifndef PK_EXEC_EXEC_H
#define PK_EXEC_EXEC_H

#include <pthread.h>

#include "base/pool.h"
#include "exec/model.h"
#include "ir/dynamic.h"
#include "plan/program.h"

/* Programs a model keeps; the least recently used is not kept beyond. A model with gears keeps one
 * for each, and its source weights until every gear has been planned. (Mapping the file instead
 * would keep a loaded model dependent on it.) */
enum { MODEL_MAX_PROGRAMS = 32 };

struct device {
    struct pool *pool;
};

struct cached_program {
    struct program *program;
    struct shape *shapes; /* n_inputs, as asked for */
    uint64_t last_used;
    int users; /* instances that hold it */
    uint64_t serial; /* among all the model has planned */
};

struct model {
    struct graph *graph;  /* the borders alone */
    struct graph *source; /* with it: what programs are made from. NULL when no more will be */
    struct arena arena;   /* of `dynamic` */
    struct dynamic dynamic;
    struct shape *gear_shapes; /* room for those of one gear, with the mutex held */
    struct device *device;
    struct weight_store *weights;
    pthread_mutex_t mutex; /* guards the cache */
    int n_programs, cap_programs;
    uint64_t clock, n_planned;
    struct cached_program **programs;
    /* Of the program planned at load, the largest gear's: every execution has at least these, so
     * that changing to that gear allocates nothing. */
    size_t arena_bytes, scratch_bytes;
    bool fixed; /* every input shape is known: one program, never another */
};

/* The program for these input shapes, planned if need be and held until released. */
enum status model_acquire(struct model *m, const struct shape *shapes, struct cached_program **out);
void model_release(struct model *m, struct cached_program *c);

/* The table of PRUSIK_PROF; times.c. */
void times_print(const struct step_time *times, int n, int n_threads);

#endif
