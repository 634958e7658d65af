/* SPDX-License-Identifier: Apache-2.0 */
/* Devices, models, and the programs a model keeps by input shape; see model.h. */
#include <string.h>

#include "base/alloc.h"
#include "base/cpu.h"
#include "base/env.h"
#include "exec/exec.h"
#include "ir/dynamic.h"
#include "passes/passes.h"

/* ---- devices ---- */

enum status device_create(int n_threads, struct device **out) {
    *out = NULL;
    struct device *d = mem_calloc(1, sizeof *d);
    CHECK(d, STATUS_MEMORY, "out of memory for a device");
    if (n_threads <= 0) n_threads = env_int(ENV_THREADS);
    if (n_threads <= 0) n_threads = cpu_usable_cores();
    enum status s = pool_create(n_threads, &d->pool);
    if (s != STATUS_OK) mem_free(d);
    else *out = d;
    return s;
}

void device_pin(struct device *d, const struct core_set *cores) { pool_pin(d->pool, cores); }

void device_destroy(struct device *d) {
    if (!d) return;
    pool_destroy(d->pool);
    mem_free(d);
}

int device_threads(const struct device *d) { return pool_threads(d->pool); }

struct pool *device_pool(struct device *d) { return d->pool; }

/* ---- models ---- */

/* What a program may keep of constants it has no more use for. */
enum { MOST_HELD = 256 << 10 };

static void free_cached(struct cached_program *c) {
    if (!c) return;
    program_destroy(c->program);
    mem_free(c->shapes);
    mem_free(c);
}

/* Gears are all the shapes their model is ever run with. Without a source, no shapes are new. */
static enum status check_new_shapes(struct model *m, const struct shape *shapes) {
    const struct dynamic *d = &m->dynamic;
    bool found = d->n_gears == 0;
    for (int i = 0; i < d->n_gears && !found; i++) {
        dynamic_shapes(d, m->graph, i, m->gear_shapes);
        found = true;
        for (int k = 0; found && k < m->graph->n_inputs; k++)
            found = shape_equal(&m->gear_shapes[k], &shapes[k]);
    }
    CHECK(found && m->source, STATUS_SHAPE,
          "the input shapes are none of those the model was made for");
    return STATUS_OK;
}

/* Bytes of constants that lie in the graph's own memory, and stay as long as it does. */
static size_t held_bytes(const struct graph *g) {
    size_t sum = 0;
    for (int t = 0; t < g->n_tensors; t++)
        if ((uintptr_t)g->tensors[t].data - (uintptr_t)g->constants >= g->constants_bytes)
            sum += g->tensors[t].data_bytes;
    return sum;
}

/* No other program is made of a source whose shapes are fixed, so it becomes the program's graph,
 * and loses the memory of its constants. Where much of that is its own, a copy does. */
static enum status plan_fixed(struct model *m, struct program **out) {
    struct graph *g = m->source;
    const bool is_copy = held_bytes(g) > MOST_HELD;
    if (is_copy) {
        TRY(graph_clone(m->source, true, &g));
    } else {
        m->source = NULL;
        enum status s = graph_compact(g);
        if (s != STATUS_OK) graph_destroy(g);
        TRY(s);
    }
    const struct graph *source = is_copy ? m->source : g;
    TRY(program_create(g, source, m->weights, true, out));
    weight_store_fill(m->weights, m->device->pool, source->constants, source->constants_bytes);
    if (!is_copy) graph_release(g);
    return STATUS_OK;
}

/* The model's graph stays as it is. */
static enum status plan_open(struct model *m, const struct shape *shapes, struct program **out) {
    struct graph *g;
    TRY(passes_specialise(m->source, shapes, &g));
    enum status s = program_create(g, m->source, m->weights, m->dynamic.n_gears, out);
    weight_store_fill(m->weights, m->device->pool, NULL, 0);
    return s;
}

/* A program for `shapes`. */
static enum status plan_for(struct model *m, const struct shape *shapes,
                            struct cached_program **out) {
    struct program *p;
    TRY(check_new_shapes(m, shapes));
    TRY(m->fixed ? plan_fixed(m, &p) : plan_open(m, shapes, &p));
    struct cached_program *c = mem_calloc(1, sizeof *c);
    struct shape *copy = mem_calloc((size_t)m->graph->n_inputs + 1, sizeof *copy);
    if (!c || !copy) {
        mem_free(c);
        mem_free(copy);
        program_destroy(p);
        FAIL(STATUS_MEMORY, "out of memory for a program");
    }
    memcpy(copy, shapes, (size_t)m->graph->n_inputs * sizeof *copy);
    *c = (struct cached_program){.program = p, .shapes = copy, .serial = ++m->n_planned};
    *out = c;
    return STATUS_OK;
}

static enum status acquire(struct model *m, const struct shape *shapes,
                           struct cached_program **out) {
    int n_inputs = m->graph->n_inputs, victim = -1;
    for (int i = 0; i < m->n_programs; i++) {
        struct cached_program *c = m->programs[i];
        bool same = true;
        for (int k = 0; same && k < n_inputs; k++) same = shape_equal(&c->shapes[k], &shapes[k]);
        if (same) {
            *out = c;
            return STATUS_OK;
        }
        if (!c->users && (victim < 0 || c->last_used < m->programs[victim]->last_used)) victim = i;
    }
    bool full = m->n_programs == m->cap_programs;
    CHECK(!full || victim >= 0, STATUS_LIMIT,
          "this model is running with %d different input shapes at once; wait for some to end",
          m->cap_programs);
    TRY(plan_for(m, shapes, out));
    if (full) {
        free_cached(m->programs[victim]);
        m->programs[victim] = *out;
    } else {
        m->programs[m->n_programs++] = *out;
    }
    /* Every program there can be: from now on the source weights would be dead memory. */
    if (m->fixed || m->n_programs == m->dynamic.n_gears) {
        graph_destroy(m->source);
        m->source = NULL;
    }
    return STATUS_OK;
}

enum status model_acquire(struct model *m, const struct shape *shapes,
                          struct cached_program **out) {
    pthread_mutex_lock(&m->mutex);
    enum status s = acquire(m, shapes, out);
    if (s == STATUS_OK) {
        (*out)->users++;
        (*out)->last_used = ++m->clock;
    }
    pthread_mutex_unlock(&m->mutex);
    return s;
}

void model_release(struct model *m, struct cached_program *c) {
    if (!c) return;
    pthread_mutex_lock(&m->mutex);
    c->users--;
    pthread_mutex_unlock(&m->mutex);
}

enum status model_plan(struct model *m, const struct shape *shapes) {
    struct cached_program *c;
    TRY(model_acquire(m, shapes, &c));
    model_release(m, c);
    return STATUS_OK;
}

/* The one program of a model of fixed shapes, or that of the largest gear. Other gears are planned
 * when they are first run: a hundred of a large network would make loading take seconds. */
static enum status plan_at_load(struct model *m) {
    const struct dynamic *d = &m->dynamic;
    TRY(dynamic_read(m->source, &m->arena, &m->dynamic));
    m->cap_programs = d->n_gears > MODEL_MAX_PROGRAMS ? d->n_gears : MODEL_MAX_PROGRAMS;
    m->programs = mem_calloc((size_t)m->cap_programs, sizeof(struct cached_program *));
    m->gear_shapes = arena_calloc(&m->arena, (size_t)m->graph->n_inputs + 1, sizeof(struct shape));
    CHECK(m->programs && m->gear_shapes, STATUS_MEMORY, "out of memory for a model");
    if (!m->fixed && !d->n_gears) return STATUS_OK;
    struct shape *shapes = arena_calloc(&m->arena, (size_t)m->graph->n_inputs + 1, sizeof *shapes);
    CHECK(shapes, STATUS_MEMORY, "out of memory for a model");
    dynamic_shapes(d, m->graph, d->largest, shapes);
    TRY(model_plan(m, shapes));
    m->arena_bytes = m->programs[0]->program->arena_bytes;
    m->scratch_bytes = m->programs[0]->program->scratch_bytes;
    return STATUS_OK;
}

static size_t constant_bytes(const struct graph *g) {
    size_t sum = 0;
    for (int t = 0; t < g->n_tensors; t++)
        if (!size_add(sum, g->tensors[t].data_bytes, &sum)) return SIZE_MAX;
    return sum;
}

enum status model_create(struct graph *g, struct device *d, struct model **out) {
    *out = NULL;
    struct model *m = mem_calloc(1, sizeof *m);
    if (!m) {
        graph_destroy(g);
        FAIL(STATUS_MEMORY, "out of memory for a model");
    }
    m->source = g;
    m->device = d;
    arena_init(&m->arena, 0);
    pthread_mutex_init(&m->mutex, NULL);
    m->fixed = true;
    for (int i = 0; i < g->n_inputs; i++) m->fixed &= shape_known(&g->tensors[g->inputs[i]].shape);
    /* Once here for what does not depend on input shapes, so that programs share the result. */
    enum status s = passes_run(g, PASSES_LOAD);
    if (s == STATUS_OK) s = weight_store_create(constant_bytes(g), &m->weights);
    if (s == STATUS_OK) s = graph_clone_borders(m->source, &m->graph);
    if (s == STATUS_OK) s = plan_at_load(m);
    if (s != STATUS_OK) model_destroy(m);
    else *out = m;
    return s;
}

void model_destroy(struct model *m) {
    if (!m) return;
    for (int i = 0; i < m->n_programs; i++) free_cached(m->programs[i]);
    mem_free(m->programs);
    weight_store_destroy(m->weights);
    graph_destroy(m->graph);
    graph_destroy(m->source);
    arena_deinit(&m->arena);
    pthread_mutex_destroy(&m->mutex);
    mem_free(m);
}

const struct graph *model_graph(const struct model *m) { return m->graph; }
size_t model_arena_bytes(const struct model *m) {
    return m->n_programs ? m->programs[0]->program->arena_bytes : 0;
}
size_t model_weights_bytes(const struct model *m) { return weight_store_bytes(m->weights); }
int64_t model_macs(const struct model *m) {
    return m->n_programs ? m->programs[0]->program->macs : 0;
}

enum status model_print_plan(const struct model *m, FILE *to) {
    CHECK(m->n_programs, STATUS_STATE,
          "nothing is planned yet: the input shapes are known only when the model runs");
    return program_print(m->programs[0]->program, to);
}
