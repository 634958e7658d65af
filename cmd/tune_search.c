/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The search behind `prusik tune`. Three coordinates, one after the other: which algorithm, how
 * many blocks of output channels in a group, how many tiles in a block. What they lead to is then
 * measured against the cost model's choice anew, so that a lucky measurement does not win.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "app/progress.h"
#include "base/alloc.h"
#include "ops/op.h"
#include "plan/conv_steps.h"
#include "plan/hints.h"
#include "tune.h"

#define NO_MEMORY "out of memory while tuning"
#define LEAST_GAIN 0.02  /* of a layer's time: less is not worth a hint */
#define MOST_ERROR 1e-4  /* of a layer's range, against the direct algorithm */
#define HOPELESS 3.0     /* times the least estimate: not measured */

enum axis { ALGORITHM, GROUP, BLOCK, N_AXES };
enum { RUNS = 3, TURNS = 8 /* for each round, of what is compared in the end */ };
static const int blocks[] = {4, 5, 6, 7, 9, 13, 16, 20, 28};

/* ---- a model with hints ---- */

struct bench {
    struct model *model;
    struct instance *instance;
    const struct planned_conv **conv; /* per convolution */
    double *ms;                       /* per step: the least */
    int *step_of;                     /* of each convolution */
    int n_steps;
};

static void bench_close(struct bench *b) {
    instance_destroy(b->instance);
    model_destroy(b->model);
    mem_free(b->conv);
    mem_free(b->ms);
    mem_free(b->step_of);
    *b = (struct bench){0};
}

static int next_conv(const struct step_time *times, int n, int i) {
    while (i < n && !times[i].conv) i++;
    return i;
}

static enum status bench_run(struct bench *b) {
    const struct step_time *times;
    TRY(instance_run(b->instance, 0));
    int n = instance_step_times(b->instance, &times);
    for (int i = 0; i < n; i++)
        if (times[i].ms < b->ms[i]) b->ms[i] = times[i].ms;
    return STATUS_OK;
}

static enum status write_hints(const struct tune_way *ways, struct tune *t, struct graph *g) {
    struct arena arena;
    arena_init(&arena, 0);
    struct tuning_hint *hints = arena_calloc(&arena, (size_t)t->n_layers + 1, sizeof *hints);
    struct tuning all = {.threads = device_threads(t->device), .hints = hints};
    for (int i = 0; hints && ways && i < t->n_layers; i++) {
        if (!ways[i].only) continue;
        struct tuning_hint *h = &hints[all.n++];
        memcpy(h->size, t->layers[i].size, sizeof h->size);
        h->only = ways[i].only;
        h->group = ways[i].group;
        h->block = ways[i].block;
    }
    char key[HINTS_KEY];
    const char *text = NULL;
    hints_key(key);
    enum status s = STATUS_OK;
    if (!hints) s = status_set(STATUS_MEMORY, __FILE__, __LINE__, NO_MEMORY);
    if (s == STATUS_OK) s = tuning_write(&all, &arena, &text);
    if (s == STATUS_OK) s = graph_set_meta(g, key, text);
    arena_deinit(&arena);
    return s;
}

/* ways: one a layer, `only` 0 for the cost model's; NULL: that for all. */
static enum status open_model(struct tune *t, const struct tune_way *ways, struct bench *b) {
    struct graph *g;
    TRY(graph_clone(t->graph, true, &g));
    enum status s = write_hints(ways, t, g);
    if (s != STATUS_OK) {
        graph_destroy(g);
        return s;
    }
    TRY(model_create(g, t->device, &b->model));
    TRY(instance_create(b->model, &b->instance));
    instance_profile(b->instance, true);
    for (int i = 0; i < t->graph->n_inputs; i++) {
        const struct tensor *x = &t->graph->tensors[t->graph->inputs[i]];
        TRY(instance_set_input(b->instance, i, t->shapes[i], t->inputs[i],
                               (size_t)shape_elements(&t->shapes[i]) * dtype_size(x->dtype)));
    }
    TRY(instance_run(b->instance, 0)); /* touches the memory */
    const struct step_time *times;
    int n = instance_step_times(b->instance, &times), n_convs = 0;
    for (int i = next_conv(times, n, 0); i < n; i = next_conv(times, n, i + 1)) n_convs++;
    if (!t->layers) t->n_convs = n_convs;
    CHECK(n_convs == t->n_convs, STATUS_INTERNAL, "hints have changed the number of steps");
    b->conv = mem_calloc((size_t)n_convs + 1, sizeof *b->conv);
    b->step_of = mem_calloc((size_t)n_convs + 1, sizeof *b->step_of);
    b->ms = mem_calloc((size_t)n + 1, sizeof *b->ms);
    CHECK(b->conv && b->step_of && b->ms, STATUS_MEMORY, NO_MEMORY);
    for (int i = next_conv(times, n, 0), k = 0; i < n; i = next_conv(times, n, i + 1), k++) {
        b->conv[k] = times[i].conv;
        b->step_of[k] = i;
    }
    b->n_steps = n;
    for (int i = 0; i < n; i++) b->ms[i] = INFINITY;
    return STATUS_OK;
}

static enum status bench_open(struct tune *t, const struct tune_way *ways, struct bench *b) {
    *b = (struct bench){0};
    enum status s = open_model(t, ways, b);
    if (s != STATUS_OK) bench_close(b);
    return s;
}

/* The time of all convolutions of layer i. */
static double layer_ms(const struct tune *t, const struct bench *b, int i) {
    double sum = 0;
    for (int k = 0; k < t->n_convs; k++)
        if (t->layer_of[k] == i) sum += b->ms[b->step_of[k]];
    return sum;
}

/* What a run takes when nothing interrupts it: the least times of all steps. */
static double whole_ms(const struct bench b[2]) {
    double sum = 0;
    for (int i = 0; i < b[0].n_steps; i++) sum += fmin(b[0].ms[i], b[1].ms[i]);
    return sum;
}

static const struct planned_conv *layer_conv(const struct tune *t, const struct bench *b, int i) {
    for (int k = 0; k < t->n_convs; k++)
        if (t->layer_of[k] == i) return b->conv[k];
    return NULL;
}

/* ---- precision ---- */

static float *random_floats(size_t n, float low) {
    float *p = mem_alloc_aligned(n * sizeof *p + 64);
    uint64_t state = 88172645463325252u;
    for (size_t i = 0; p && i < n; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        p[i] = low + (float)(state >> 40) * (1.0f - low) * 0x1p-24f;
    }
    return p;
}

/* Just the sums, blocked, of one convolution on `src`, all in one piece. */
static bool run_alone(const struct planned_conv *c, const float *src, float *dst) {
    struct conv_plan p = c->plan;
    p.d.act = ACT_NONE;
    p.d.residual = CONV_RESIDUAL_NONE;
    p.d.dst = CONV_BLOCKED;
    p.d.n_pieces = 0;
    const int64_t vl = p.k->vl, in = (int64_t)p.d.ih * p.d.iw, out = (int64_t)p.d.oh * p.d.ow;
    struct conv_args a = {.src = src, .dst = dst, .src_channel = in, .dst_channel = out * vl};
    if (p.d.src == CONV_BLOCKED) a.src_channel *= vl;
    a.src_batch = a.src_channel * (p.d.src == CONV_BLOCKED ? (p.d.ic + vl - 1) / vl : p.d.ic);
    a.dst_batch = a.dst_channel * p.ocb;
    void *scratch = mem_alloc_aligned(p.scratch_bytes + 64);
    for (int step = 0; scratch && step < p.n_steps; step++)
        for (int tile = 0; tile < p.n_tiles[step]; tile++)
            conv_run(&p, c->packed, &a, step, tile, scratch);
    mem_free(scratch);
    return scratch != NULL;
}

/* How far `other` is from `direct`, as a share of the range, with the layer's own weights on random
 * input. */
static enum status compare(const struct planned_conv *direct, const struct planned_conv *other,
                           double *error) {
    const struct conv_plan *p = &direct->plan;
    const size_t vl = (size_t)p->k->vl, channels = (size_t)p->d.ic + vl;
    const size_t plane = (size_t)p->d.oh * (size_t)p->d.ow * vl;
    const size_t out = plane * (size_t)p->ocb * (size_t)p->d.n;
    float *src = random_floats(channels * (size_t)p->d.ih * (size_t)p->d.iw * (size_t)p->d.n, -1);
    float *want = random_floats(out, 0), *got = random_floats(out, 0);
    bool ran = src && want && got && run_alone(direct, src, want) && run_alone(other, src, got);
    double low = INFINITY, high = -INFINITY, most = 0;
    for (size_t i = 0; ran && i < out; i++) {
        size_t channel = i / plane % (size_t)p->ocb * vl + i % vl;
        if (channel >= (size_t)p->d.oc) continue; /* padding */
        low = fmin(low, (double)want[i]);
        high = fmax(high, (double)want[i]);
        most = fmax(most, fabs((double)got[i] - (double)want[i]));
        if (isnan(got[i])) most = INFINITY;
    }
    mem_free(src);
    mem_free(want);
    mem_free(got);
    CHECK(ran, STATUS_MEMORY, NO_MEMORY);
    *error = most == 0 ? 0 : most / (high - low);
    return STATUS_OK;
}

/* Fills in the errors of what `b` has and was not known. */
static enum status check_errors(struct tune *t, const struct bench *direct, const struct bench *b) {
    for (int i = 0; i < t->n_layers; i++) {
        const struct planned_conv *c = layer_conv(t, b, i), *d = layer_conv(t, direct, i);
        double *error = &t->layers[i].error[c->plan.way];
        if (*error < 0 && d->plan.way == CONV_ONLY_DIRECT) TRY(compare(d, c, error));
    }
    return STATUS_OK;
}

/* ---- layers and candidates ---- */

static bool same_way(const struct tune_way *a, const struct tune_way *b) {
    return a->only == b->only && a->group == b->group && a->block == b->block;
}

static struct tune_way way_of(const struct conv_plan *p) {
    return (struct tune_way){p->way, p->ocv, p->algorithm == CONV_WINOGRAD ? p->unit : 0};
}

static bool plan_way(const struct tune_layer *l, const struct tune_way *w, struct conv_plan *out) {
    struct conv_desc d = l->d;
    d.only = w->only;
    d.group = w->group;
    d.block = w->block;
    return conv_plan_init(l->k, &d, out) == STATUS_OK && out->way == w->only;
}

const char *tune_name(const struct tune_layer *l, const struct tune_way *w, char buf[static 48]) {
    struct conv_plan p;
    snprintf(buf, 48, "%s", plan_way(l, w, &p) ? p.name : "?");
    return buf;
}

static enum status find_layers(struct tune *t, const struct bench *b) {
    const struct step_time *times;
    int n = instance_step_times(b->instance, &times), k = 0;
    t->layer_of = arena_calloc(&t->arena, (size_t)t->n_convs + 1, sizeof *t->layer_of);
    t->layers = arena_calloc(&t->arena, (size_t)t->n_convs + 1, sizeof *t->layers);
    CHECK(t->layer_of && t->layers, STATUS_MEMORY, NO_MEMORY);
    for (int i = next_conv(times, n, 0); i < n; i = next_conv(times, n, i + 1), k++) {
        const struct conv_plan *p = &b->conv[k]->plan;
        int size[TUNING_SIZES], at = 0;
        t->layer_of[k] = -1;
        if (!p->way) continue;
        hints_sizes(&p->d, size);
        while (at < t->n_layers && memcmp(t->layers[at].size, size, sizeof size)) at++;
        struct tune_layer *l = &t->layers[at];
        t->layer_of[k] = at;
        if (l->count++) continue;
        t->n_layers++;
        l->node = arena_strdup(&t->arena, times[i].node);
        CHECK(l->node, STATUS_MEMORY, NO_MEMORY);
        memcpy(l->size, size, sizeof size);
        l->d = p->d;
        l->k = p->k;
        l->before = l->after = way_of(p);
        for (int w = 0; w <= CONV_MOST_WAY; w++) l->error[w] = w > CONV_ONLY_DIRECT ? -1 : 0;
    }
    return STATUS_OK;
}

static void add_candidate(struct tune_layer *l, struct tune_way w, double *least_us) {
    struct conv_plan p;
    if (l->n_candidates == TUNE_CANDIDATES || !plan_way(l, &w, &p)) return;
    if (*least_us > 0 && p.cost_us > HOPELESS * *least_us) return;
    w = way_of(&p);
    for (int i = 0; i < l->n_candidates; i++)
        if (same_way(&w, &l->candidate[i].way)) return;
    if (*least_us == 0 || p.cost_us < *least_us) *least_us = p.cost_us;
    l->candidate[l->n_candidates].way = w;
    l->candidate[l->n_candidates++].ms = INFINITY;
}

/* The best so far and what differs from it along an axis; what follows from that axis is left to
 * the cost model. */
static void find_candidates(struct tune_layer *l, enum axis axis) {
    const struct tune_way now = l->after;
    double least_us = 0;
    l->n_candidates = 0;
    add_candidate(l, now, &least_us);
    if (axis == ALGORITHM)
        for (int way = CONV_ONLY_DIRECT; way <= CONV_MOST_WAY; way++)
            add_candidate(l, (struct tune_way){way, 0, 0}, &least_us);
    if (axis == GROUP)
        for (int group = 1; group <= 8; group++)
            add_candidate(l, (struct tune_way){now.only, group, 0}, &least_us);
    if (axis == BLOCK && now.block)
        for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
            add_candidate(l, (struct tune_way){now.only, now.group, blocks[i]}, &least_us);
}

/* ---- the search ---- */

static void step_done(struct tune *t) {
    if (t->progress) progress_step(t->progress);
}

/* One model in which layer i takes its candidate `slot`, or one of the few it has. */
static enum status try_slot(struct tune *t, int slot, struct tune_way *ways,
                            const struct bench *direct) {
    struct bench b;
    for (int i = 0; i < t->n_layers; i++)
        ways[i] = t->layers[i].candidate[slot % t->layers[i].n_candidates].way;
    TRY(bench_open(t, ways, &b));
    enum status s = direct ? check_errors(t, direct, &b) : STATUS_OK;
    for (int r = 0; s == STATUS_OK && r < RUNS; r++) s = bench_run(&b);
    for (int i = 0; s == STATUS_OK && i < t->n_layers; i++) {
        struct tune_layer *l = &t->layers[i];
        const struct planned_conv *c = layer_conv(t, &b, i);
        double ms = layer_ms(t, &b, i), *least = &l->candidate[slot % l->n_candidates].ms;
        if (c->plan.way == ways[i].only && l->error[c->plan.way] <= MOST_ERROR && ms < *least)
            *least = ms;
    }
    bench_close(&b);
    return s;
}

static enum status search(struct tune *t, enum axis axis, struct tune_way *ways,
                          const struct bench *direct) {
    int slots = 0;
    for (int i = 0; i < t->n_layers; i++) {
        find_candidates(&t->layers[i], axis);
        if (t->layers[i].n_candidates > slots) slots = t->layers[i].n_candidates;
    }
    for (int r = 0; r < t->rounds; r++)
        for (int slot = 0; slot < TUNE_CANDIDATES; slot++) {
            if (slot < slots) TRY(try_slot(t, slot, ways, direct));
            step_done(t);
        }
    for (int i = 0; i < t->n_layers; i++) {
        struct tune_layer *l = &t->layers[i];
        int best = 0;
        for (int c = 1; c < l->n_candidates; c++)
            if (l->candidate[c].ms < l->candidate[best].ms) best = c;
        if (l->candidate[best].ms < INFINITY) l->after = l->candidate[best].way;
    }
    return STATUS_OK;
}

static double differ(double a, double b) { return fabs(a - b) / fmin(a, b); }

/* What differs from the cost model's choice and wins by more than two measurements of the same
 * differ, or has the precision that the cost model's choice lacks. */
static void judge(struct tune *t, const struct bench *before, const struct bench *after) {
    for (int i = 0; i < t->n_layers; i++) {
        struct tune_layer *l = &t->layers[i];
        double b[2], a[2];
        for (int half = 0; half < 2; half++) {
            b[half] = layer_ms(t, &before[half], i);
            a[half] = layer_ms(t, &after[half], i);
        }
        l->before_ms = fmin(b[0], b[1]);
        l->after_ms = fmin(a[0], a[1]);
        double noise = fmax(LEAST_GAIN, fmax(differ(b[0], b[1]), differ(a[0], a[1])));
        l->kept = !same_way(&l->before, &l->after) &&
                  (l->after_ms < l->before_ms * (1 - noise) ||
                   l->error[l->before.only] > MOST_ERROR);
        if (!l->kept) l->after = l->before;
        if (!l->kept) l->after_ms = l->before_ms;
    }
}

/* Two models of each kind take turns; `after` has hints where the ways differ. */
static enum status compare_models(struct tune *t, struct tune_way *ways, struct bench before[2],
                                  struct bench after[2]) {
    for (int i = 0; i < t->n_layers; i++) {
        const struct tune_layer *l = &t->layers[i];
        ways[i] = same_way(&l->before, &l->after) ? (struct tune_way){0} : l->after;
    }
    for (int half = 0; half < 2; half++) {
        TRY(bench_open(t, NULL, &before[half]));
        TRY(bench_open(t, ways, &after[half]));
    }
    for (int turn = 0; turn < t->rounds * TURNS; turn++) {
        TRY(bench_run(&before[turn % 2]));
        TRY(bench_run(&after[turn % 2]));
        step_done(t);
    }
    return STATUS_OK;
}

static void close_models(struct bench before[2], struct bench after[2]) {
    for (int half = 0; half < 2; half++) {
        bench_close(&before[half]);
        bench_close(&after[half]);
    }
}

static enum status make_inputs(struct tune *t) {
    const struct graph *g = t->graph;
    t->inputs = arena_calloc(&t->arena, (size_t)g->n_inputs + 1, sizeof *t->inputs);
    CHECK(t->inputs, STATUS_MEMORY, NO_MEMORY);
    for (int i = 0; i < g->n_inputs; i++) {
        const struct tensor *x = &g->tensors[g->inputs[i]];
        int64_t n = shape_elements(&t->shapes[i]);
        CHECK(n >= 0, STATUS_SHAPE, "input '%s' has open sizes; a model to tune has fixed ones or "
              "gears (atc --input_shape, --dynamic_batch_size and the like)", x->name);
        size_t bytes;
        CHECK(size_mul((size_t)n, dtype_size(x->dtype), &bytes), STATUS_LIMIT,
              "input '%s' is too large", x->name);
        t->inputs[i] = x->dtype == DT_F32 ? (void *)random_floats((size_t)n, 0)
                                          : mem_calloc(bytes + 64, 1);
        CHECK(t->inputs[i], STATUS_MEMORY, NO_MEMORY);
    }
    return STATUS_OK;
}

int tune_work(int rounds) { return rounds * (N_AXES * TUNE_CANDIDATES + 2 * TURNS); }

enum status tune_search(struct tune *t) {
    arena_init(&t->arena, 0);
    TRY(make_inputs(t));
    struct bench direct, before[2] = {0}, after[2] = {0};
    TRY(bench_open(t, NULL, &direct));
    enum status s = find_layers(t, &direct);
    bench_close(&direct);
    TRY(s);
    struct tune_way *ways = arena_calloc(&t->arena, (size_t)t->n_layers + 1, sizeof *ways);
    CHECK(ways, STATUS_MEMORY, NO_MEMORY);
    for (int i = 0; i < t->n_layers; i++) ways[i].only = CONV_ONLY_DIRECT;
    TRY(bench_open(t, ways, &direct));
    s = search(t, ALGORITHM, ways, &direct);
    bench_close(&direct);
    for (enum axis axis = GROUP; s == STATUS_OK && axis < N_AXES; axis++)
        s = search(t, axis, ways, NULL);
    for (int final = 0; s == STATUS_OK && final < 2; final++) {
        s = compare_models(t, ways, before, after);
        if (s == STATUS_OK && !final) judge(t, before, after);
        if (s == STATUS_OK) {
            t->before_ms = whole_ms(before);
            t->after_ms = whole_ms(after);
        }
        close_models(before, after);
    }
    for (int i = 0; i < t->n_layers; i++)
        if (t->layers[i].kept)
            t->error = fmax(t->error, t->layers[i].error[t->layers[i].after.only]);
    return s;
}

void tune_deinit(struct tune *t) {
    for (int i = 0; t->inputs && i < t->graph->n_inputs; i++) mem_free(t->inputs[i]);
    arena_deinit(&t->arena);
}
