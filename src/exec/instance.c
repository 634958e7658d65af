/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One run at a time of a model: its memory, its borders, its timings.
 *
 * Memory is sized when the input shapes change and kept; a run for shapes already seen allocates
 * nothing, except where an operator's output size depends on values and grows.
 */
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/env.h"
#include "exec/exec.h"

struct instance {
    struct model *model;
    struct cached_program *held;
    int n_inputs, n_outputs;
    struct view *inputs;    /* what was set; data borrowed */
    struct view *outputs;   /* results of the last run */
    void **set_output;      /* memory the caller gave, or NULL */
    size_t *output_capacity;
    void **own_output; /* memory we keep where the caller gave none */
    size_t *own_bytes;
    struct shape *shapes; /* of the inputs, scratch for the lookup */
    struct run_env env;
    size_t arena_bytes, scratch_bytes;
    const struct instance_lender *lender; /* of arena and scratch; NULL: they are our own */
    int n_dynamic;
    bool profile;
    int64_t step_limit_ns, step_began;
    int64_t *began; /* per step, nanoseconds; one more for the end */
    struct step_time *times;
    int n_times;
};

static int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

enum status instance_create(struct model *m, struct instance **out) {
    *out = NULL;
    struct instance *r = mem_calloc(1, sizeof *r);
    CHECK(r, STATUS_MEMORY, "out of memory for an execution");
    r->model = m;
    r->n_inputs = m->graph->n_inputs;
    r->n_outputs = m->graph->n_outputs;
    size_t ni = (size_t)r->n_inputs + 1, no = (size_t)r->n_outputs + 1;
    r->inputs = mem_calloc(ni, sizeof *r->inputs);
    r->outputs = mem_calloc(no, sizeof *r->outputs);
    r->set_output = mem_calloc(no, sizeof *r->set_output);
    r->output_capacity = mem_calloc(no, sizeof *r->output_capacity);
    r->own_output = mem_calloc(no, sizeof *r->own_output);
    r->own_bytes = mem_calloc(no, sizeof *r->own_bytes);
    r->shapes = mem_calloc(ni, sizeof *r->shapes);
    r->env.border = mem_calloc(ni + no, sizeof *r->env.border);
    r->env.input_bytes = mem_calloc(ni, sizeof *r->env.input_bytes);
    r->profile = env_int(ENV_PROF) != 0;
    if (!r->inputs || !r->outputs || !r->set_output || !r->output_capacity || !r->own_output ||
        !r->own_bytes || !r->shapes || !r->env.border || !r->env.input_bytes) {
        instance_destroy(r);
        FAIL(STATUS_MEMORY, "out of memory for an execution");
    }
    for (int i = 0; i < r->n_outputs; i++)
        r->outputs[i].name = m->graph->tensors[m->graph->outputs[i]].name;
    *out = r;
    return STATUS_OK;
}

void instance_destroy(struct instance *r) {
    if (!r) return;
    model_release(r->model, r->held);
    for (int i = 0; r->env.dynamic && i < r->n_dynamic; i++) mem_free(r->env.dynamic[i].data);
    for (int i = 0; r->own_output && i < r->n_outputs; i++) mem_free(r->own_output[i]);
    mem_free(r->env.dynamic);
    mem_free(r->env.border);
    mem_free(r->env.input_bytes);
    mem_free(r->env.arena);
    mem_free(r->env.scratch);
    mem_free(r->inputs);
    mem_free(r->outputs);
    mem_free(r->set_output);
    mem_free(r->output_capacity);
    mem_free(r->own_output);
    mem_free(r->own_bytes);
    mem_free(r->shapes);
    mem_free(r->began);
    mem_free(r->times);
    mem_free(r);
}

enum status instance_set_input(struct instance *r, int i, struct shape shape, const void *data,
                               size_t bytes) {
    CHECK(i >= 0 && i < r->n_inputs, STATUS_ARGUMENT, "input %d of %d", i, r->n_inputs);
    const struct tensor *t = &r->model->graph->tensors[r->model->graph->inputs[i]];
    char wanted[128], given[128];
    int64_t n = shape_elements(&shape);
    CHECK(n >= 0, STATUS_SHAPE, "input '%s': the shape %s is not complete", t->name,
          shape_text(&shape, given));
    bool fits = t->shape.rank < 0 || t->shape.rank == shape.rank;
    for (int d = 0; fits && d < t->shape.rank; d++)
        fits = t->shape.dim[d] < 0 || t->shape.dim[d] == shape.dim[d];
    CHECK(fits, STATUS_SHAPE, "input '%s' is %s; the model takes %s", t->name,
          shape_text(&shape, given), shape_text(&t->shape, wanted));
    CHECK(bytes / dtype_size(t->dtype) >= (size_t)n, STATUS_ARGUMENT,
          "input '%s' has %zu bytes; %s of %s needs %" PRId64, t->name, bytes,
          shape_text(&shape, given), dtype_name(t->dtype), n * (int64_t)dtype_size(t->dtype));
    CHECK(data || n == 0, STATUS_ARGUMENT, "input '%s' has no data", t->name);
    r->inputs[i] = (struct view){t->dtype, shape, (void *)(uintptr_t)data, t->name, true};
    r->env.input_bytes[i] = bytes;
    return STATUS_OK;
}

enum status instance_set_output(struct instance *r, int i, void *data, size_t capacity) {
    CHECK(i >= 0 && i < r->n_outputs, STATUS_ARGUMENT, "output %d of %d", i, r->n_outputs);
    r->set_output[i] = data;
    r->output_capacity[i] = data ? capacity : 0;
    return STATUS_OK;
}

/* ---- memory ---- */

static enum status ensure(unsigned char **p, size_t *have, size_t want, const char *what) {
    if (*p && *have >= want) return STATUS_OK;
    unsigned char *wider = mem_alloc_aligned(want);
    CHECK(wider, STATUS_MEMORY, "out of memory for the %s of an execution (%zu bytes)", what, want);
    mem_free(*p);
    *p = wider;
    *have = want;
#ifdef PK_HOSTILE
    memset(wider, 0xff, want); /* NaN: a read of what nobody wrote shows */
#endif
    return STATUS_OK;
}

/* One block, with the arena first. */
static enum status borrow(struct instance *r, size_t arena, size_t scratch) {
    const size_t align = 64;
    size_t bytes;
    CHECK(size_add(arena, align - 1, &arena), STATUS_LIMIT, "the arena is too large");
    arena &= ~(align - 1);
    CHECK(size_add(arena, scratch, &bytes) && size_add(bytes, align, &bytes), STATUS_LIMIT,
          "the working memory is too large");
    unsigned char *p = r->lender->take(r->lender->user, bytes);
    CHECK(p, STATUS_MEMORY, "the stream's allocator gave no memory (%zu bytes)", bytes);
    p += (align - (uintptr_t)p % align) % align;
    r->env.arena = p;
    r->env.scratch = p + arena;
#ifdef PK_HOSTILE
    memset(p, 0xff, arena + scratch);
#endif
    return STATUS_OK;
}

static enum status prepare(struct instance *r) {
    const struct program *p = r->held->program;
    const struct model *m = r->model;
    size_t arena = p->arena_bytes > m->arena_bytes ? p->arena_bytes : m->arena_bytes;
    size_t threads = (size_t)pool_threads(m->device->pool), scratch = p->scratch_bytes;
    if (scratch < m->scratch_bytes) scratch = m->scratch_bytes;
    CHECK(size_mul(threads, scratch, &scratch), STATUS_LIMIT, "scratch is too large");
    if (r->lender) {
        TRY(borrow(r, arena, scratch));
    } else {
        TRY(ensure(&r->env.arena, &r->arena_bytes, arena, "arena"));
        TRY(ensure(&r->env.scratch, &r->scratch_bytes, scratch, "scratch"));
    }
    r->env.scratch_stride = p->scratch_bytes;
    if (p->n_dynamic > r->n_dynamic) {
        struct dynamic_value *wider =
            mem_realloc(r->env.dynamic, (size_t)p->n_dynamic * sizeof *wider);
        CHECK(wider, STATUS_MEMORY, "out of memory for an execution");
        memset(wider + r->n_dynamic, 0, (size_t)(p->n_dynamic - r->n_dynamic) * sizeof *wider);
        r->env.dynamic = wider;
        r->n_dynamic = p->n_dynamic;
    }
    if (r->profile && p->n_steps > r->n_times) {
        int64_t *began = mem_realloc(r->began, ((size_t)p->n_steps + 1) * sizeof *began);
        if (began) r->began = began;
        struct step_time *times = mem_realloc(r->times, (size_t)p->n_steps * sizeof *times);
        if (times) r->times = times;
        CHECK(began && times, STATUS_MEMORY, "out of memory for timings");
    }
    return STATUS_OK;
}

/* Where each output goes; too small a place is an error before anything runs. */
static enum status place_outputs(struct instance *r) {
    const struct program *p = r->held->program;
    for (int i = 0; i < r->n_outputs; i++) {
        const struct border *b = &p->borders[p->n_inputs + i];
        struct view *y = &r->outputs[i];
        y->dtype = b->dtype;
        y->shape = b->shape;
        y->data = NULL;
        if (b->dynamic >= 0) continue;
        if (r->set_output[i]) {
            CHECK(r->output_capacity[i] >= b->bytes, STATUS_ARGUMENT,
                  "output %d ('%s') needs %zu bytes; the buffer given has %zu", i, y->name,
                  b->bytes,
                  r->output_capacity[i]);
            y->data = r->set_output[i];
        } else {
            TRY(ensure((unsigned char **)&r->own_output[i], &r->own_bytes[i], b->bytes, "outputs"));
            y->data = r->own_output[i];
        }
        r->env.border[r->n_inputs + i] = y->data;
    }
    return STATUS_OK;
}

/* Outputs whose size only running told. */
static enum status deliver_dynamic(struct instance *r) {
    const struct program *p = r->held->program;
    for (int i = 0; i < r->n_outputs; i++) {
        const struct border *b = &p->borders[p->n_inputs + i];
        if (b->dynamic < 0) continue;
        const struct dynamic_value *d = &r->env.dynamic[b->dynamic];
        struct view *y = &r->outputs[i];
        y->dtype = d->dtype;
        y->shape = d->shape;
        y->data = d->data;
        if (!r->set_output[i]) continue;
        size_t bytes = (size_t)shape_elements(&d->shape) * dtype_size(d->dtype);
        CHECK(r->output_capacity[i] >= bytes, STATUS_ARGUMENT,
              "output %d ('%s') needs %zu bytes; the buffer given has %zu", i, y->name, bytes,
              r->output_capacity[i]);
        memcpy(r->set_output[i], d->data, bytes);
        y->data = r->set_output[i];
    }
    return STATUS_OK;
}

/* ---- running ---- */

void instance_limit_steps(struct instance *r, int64_t ns) { r->step_limit_ns = ns; }

/* Called when a step has ended; `step` is the next. */
static void check_time(struct instance *r, int step) {
    int64_t now = now_ns(), took = now - r->step_began;
    r->step_began = now;
    int none = 0;
    if (step == 0 || took <= r->step_limit_ns ||
        !atomic_compare_exchange_strong(&r->env.status, &none, STATUS_TIMEOUT))
        return;
    snprintf(r->env.error, RUN_ERROR_BYTES, "step %d took %.3f s; the limit is %.3f s", step - 1,
             (double)took * 1e-9, (double)r->step_limit_ns * 1e-9);
}

static int tiles_of(void *context, int step) {
    struct instance *r = context;
    if (r->step_limit_ns) check_time(r, step);
    if (r->profile) r->began[step] = now_ns();
    if (atomic_load_explicit(&r->env.status, memory_order_relaxed)) return -1;
    return r->held->program->steps[step].n_tiles;
}

static void run_tile(void *context, int step, int tile, int worker) {
    struct instance *r = context;
    const struct step *s = &r->held->program->steps[step];
    enum status status = s->run(s, &r->env, tile, worker);
    if (status == STATUS_OK) return;
    /* The sentence is the worker thread's; the first failure's is taken along. */
    int none = 0;
    if (atomic_compare_exchange_strong(&r->env.status, &none, (int)status)) {
        size_t n = strnlen(status_message(), RUN_ERROR_BYTES - 1);
        memcpy(r->env.error, status_message(), n);
        r->env.error[n] = '\0';
    }
}

static int64_t tensor_bytes(const struct graph *g, const int *tensors, int n) {
    int64_t sum = 0;
    for (int i = 0; i < n; i++) {
        const struct tensor *t = tensors[i] >= 0 ? &g->tensors[tensors[i]] : NULL;
        int64_t elements = t ? shape_elements(&t->shape) : 0;
        if (elements > 0) sum += elements * (int64_t)dtype_size(t->dtype);
    }
    return sum;
}

static void keep_times(struct instance *r) {
    const struct program *p = r->held->program;
    const struct graph *g = p->graph;
    r->began[p->n_steps] = now_ns();
    r->n_times = p->n_steps;
    for (int i = 0; i < p->n_steps; i++) {
        const struct step *s = &p->steps[i];
        const struct node *n = s->source >= 0 ? &g->nodes[s->source] : NULL;
        int64_t bytes = 0;
        if (n)
            bytes = tensor_bytes(g, n->inputs, n->n_inputs) +
                    tensor_bytes(g, n->outputs, n->n_outputs);
        r->times[i] = (struct step_time){.node = s->node, .op = op_def(s->op)->name,
                                         .kernel = s->kernel,
                                         .ms = (double)(r->began[i + 1] - r->began[i]) * 1e-6,
                                         .macs = s->macs, .begin_ns = r->began[i],
                                         .end_ns = r->began[i + 1], .bytes = bytes,
                                         .n_tiles = s->n_tiles, .source = n,
                                         .conv = s->conv};
    }
}

static enum status run(struct instance *r, int max_threads) {
    bool same = r->held != NULL;
    for (int i = 0; i < r->n_inputs; i++) {
        CHECK(r->inputs[i].wanted, STATUS_STATE, "input %d ('%s') has not been set", i,
              r->model->graph->tensors[r->model->graph->inputs[i]].name);
        same = same && shape_equal(&r->held->shapes[i], &r->inputs[i].shape);
        r->shapes[i] = r->inputs[i].shape;
        r->env.border[i] = r->inputs[i].data;
    }
    if (!same) {
        struct cached_program *c;
        TRY(model_acquire(r->model, r->shapes, &c));
        model_release(r->model, r->held);
        r->held = c;
    }
    TRY(prepare(r));
    TRY(place_outputs(r));
    atomic_store(&r->env.status, STATUS_OK);
    const struct program *p = r->held->program;
    pool_run(r->model->device->pool, p->n_steps, tiles_of, run_tile, r, max_threads);
    if (r->step_limit_ns) check_time(r, p->n_steps);
    int status = atomic_load(&r->env.status);
    if (status != STATUS_OK) FAIL((enum status)status, "%s", r->env.error);
    if (r->profile) {
        keep_times(r);
        if (env_int(ENV_PROF))
            times_print(r->times, r->n_times, pool_threads(r->model->device->pool));
    }
    return deliver_dynamic(r);
}

enum status instance_run(struct instance *r, int max_threads) {
    if (!r->lender) return run(r, max_threads);
    unsigned char *arena = r->env.arena, *scratch = r->env.scratch;
    r->env.arena = NULL;
    enum status s = run(r, max_threads);
    if (r->env.arena) r->lender->give_back(r->lender->user);
    r->env.arena = arena;
    r->env.scratch = scratch;
    return s;
}

void instance_borrow(struct instance *r, const struct instance_lender *from) { r->lender = from; }

const struct view *instance_output(const struct instance *r, int i) {
    return i >= 0 && i < r->n_outputs ? &r->outputs[i] : NULL;
}

void instance_profile(struct instance *r, bool on) { r->profile = on || env_int(ENV_PROF); }
int instance_step_times(const struct instance *r, const struct step_time **out) {
    *out = r->times;
    return r->n_times;
}

const struct graph *instance_program(const struct instance *r, uint64_t *serial) {
    *serial = r->held->serial;
    return r->held->program->graph;
}
