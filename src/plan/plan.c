/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a graph to a program: decide homes, lower the nodes in order, write the outputs, lay out the
 * memory. This file is that list and the bookkeeping of steps; what an operator becomes is decided
 * in lower_*.c.
 */
#include "plan/plan.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cpu.h"
#include "base/env.h"
#include "kernels/kernels.h"
#include "plan/hints.h"

enum status plan_add_step(struct plan *s, const struct node *n, const char *kernel, int n_tiles,
                          enum status (*run)(const struct step *, struct run_env *, int, int),
                          size_t params_bytes, struct step **step, void *params) {
    struct program *p = s->p;
    if (p->n_steps == s->cap_steps) {
        int cap = s->cap_steps ? 2 * s->cap_steps : 64;
        struct step *wider = arena_calloc(&p->memory, (size_t)cap, sizeof *wider);
        CHECK(wider, STATUS_MEMORY, "out of memory while planning");
        if (p->n_steps) memcpy(wider, p->steps, (size_t)p->n_steps * sizeof *wider);
        p->steps = wider;
        s->cap_steps = cap;
    }
    void *memory = arena_alloc(&p->memory, params_bytes);
    CHECK(memory, STATUS_MEMORY, "out of memory while planning");
    *step = &p->steps[p->n_steps++];
    **step = (struct step){.node = n ? n->name : "", .op = n ? n->op : OP_NONE,
                           .source = n ? (int)(n - s->g->nodes) : -1,
                           .kernel = kernel, .n_tiles = n_tiles < 1 ? 1 : n_tiles, .run = run,
                           .params = memory};
    *(void **)params = memory;
    return STATUS_OK;
}

void plan_want_scratch(struct plan *s, size_t bytes) {
    bytes = (bytes + PK_ALIGNMENT - 1) / PK_ALIGNMENT * PK_ALIGNMENT;
    if (bytes > s->p->scratch_bytes) s->p->scratch_bytes = bytes;
}

int plan_tiles(int64_t units, double unit_cost_ns) {
    const double tile_ns = 10000;
    double n = (double)units * unit_cost_ns / tile_ns;
    if (n > 64) n = 64;
    /* An odd number of equal tiles leaves a core idle at the end: round up to a multiple of 4. */
    int tiles = n <= 1 ? 1 : n <= 2 ? 2 : ((int)n + 3) / 4 * 4;
    return tiles > units ? (int)units : tiles;
}

static enum status lower_node(struct plan *s, const struct node *n) {
    bool done = false;
    if (!s->reference) {
        TRY(lower_move(s, n, &done));
        if (!done && n->op == OP_Conv) TRY(lower_conv(s, n, &done));
        if (!done) TRY(lower_conv_integer(s, n, &done));
        if (!done) TRY(lower_matmul_integer(s, n, &done));
        if (!done) TRY(lower_quant(s, n, &done));
        if (!done) TRY(lower_gemm(s, n, &done));
        if (!done) TRY(lower_pool(s, n, &done));
        if (!done) TRY(lower_eltwise(s, n, &done));
        if (!done) TRY(lower_rows(s, n, &done));
        if (!done) TRY(lower_cast(s, n, &done));
        if (!done) TRY(lower_aipp(s, n, &done));
    }
    return done ? STATUS_OK : lower_reference(s, n);
}

/* Inputs are values that exist already; tensors whose shape is not known get a dynamic value. */
static enum status find_values(struct plan *s) {
    struct graph *g = s->g;
    for (int t = 0; t < g->n_tensors; t++) {
        s->tensors[t].dynamic = -1;
        if (!shape_known(&g->tensors[t].shape) || g->tensors[t].dtype == DT_NONE)
            s->tensors[t].dynamic = s->p->n_dynamic++;
    }
    /* A node with OP_LATE_SHAPE never trusts a shape the file declared. */
    for (int n = 0; n < g->n_nodes; n++)
        for (int i = 0; op_def(g->nodes[n].op)->flags & OP_LATE_SHAPE && i < g->nodes[n].n_outputs;
             i++) {
            int t = g->nodes[n].outputs[i];
            if (t >= 0 && s->tensors[t].dynamic < 0) s->tensors[t].dynamic = s->p->n_dynamic++;
        }
    for (int i = 0; i < g->n_inputs; i++) {
        struct value *v = &s->tensors[g->inputs[i]].in[LAYOUT_PLAIN];
        *v = (struct value){.valid = true};
        TRY(plan_add_buffer(s, 0, &v->buffer));
        s->buffers[v->buffer].place = PLACE_BORDER;
        s->buffers[v->buffer].border = i;
    }
    return STATUS_OK;
}

static enum status describe_borders(struct plan *s) {
    struct graph *g = s->g;
    struct program *p = s->p;
    p->n_inputs = g->n_inputs;
    p->n_outputs = g->n_outputs;
    p->borders = arena_calloc(&p->memory, (size_t)(g->n_inputs + g->n_outputs) + 1,
                              sizeof *p->borders);
    CHECK(p->borders, STATUS_MEMORY, "out of memory while planning");
    for (int i = 0; i < g->n_inputs + g->n_outputs; i++) {
        int t = i < g->n_inputs ? g->inputs[i] : g->outputs[i - g->n_inputs];
        const struct tensor *x = &g->tensors[t];
        struct border *b = &p->borders[i];
        *b = (struct border){
            .dtype = x->dtype, .shape = x->shape, .dynamic = s->tensors[t].dynamic};
        if (b->dynamic < 0) b->bytes = (size_t)shape_elements(&x->shape) * dtype_size(x->dtype);
        else CHECK(i >= g->n_inputs, STATUS_SHAPE, "the shape of input '%s' is not known", x->name);
    }
    return STATUS_OK;
}

/* Outputs whose producer did not write to the caller's memory are copied there. */
static enum status write_outputs(struct plan *s) {
    struct graph *g = s->g;
    for (int i = 0; i < g->n_outputs; i++) {
        int t = g->outputs[i], border = -1;
        const struct tensor *x = &g->tensors[t];
        if (s->tensors[t].dynamic >= 0 || shape_elements(&x->shape) == 0) continue;
        for (int b = 0; b < s->n_buffers; b++)
            if (s->buffers[b].place == PLACE_BORDER && s->buffers[b].border == g->n_inputs + i)
                border = b;
        const struct home *own = &s->tensors[t].home;
        struct home h = {.valid = true, .layout = LAYOUT_PLAIN, .buffer = border};
        plan_contiguous(&x->shape, h.stride);
        if (own->valid && own->buffer == border && own->offset == 0 &&
            own->layout == LAYOUT_PLAIN && !memcmp(own->stride, h.stride, sizeof h.stride)) {
            TRY(plan_bring_home(s, x->producer < 0 ? NULL : &g->nodes[x->producer], t));
        } else {
            TRY(plan_write_to(s, x->producer < 0 ? NULL : &g->nodes[x->producer], t, &h));
        }
    }
    return STATUS_OK;
}

static enum status make_plan(struct plan *s) {
    struct graph *g = s->g;
    /* Hints are advice: without any, or with some that are no good, the cost model chooses. */
    if (hints_read(g, &s->notes, &s->tuning) != STATUS_OK) s->tuning.n = 0;
    TRY(graph_find_uses(g, &s->uses));
    s->tensors = mem_calloc((size_t)g->n_tensors + 1, sizeof *s->tensors);
    s->done = mem_calloc((size_t)g->n_nodes + 1, 1);
    CHECK(s->tensors && s->done, STATUS_MEMORY, "out of memory while planning");
    TRY(find_values(s));
    TRY(describe_borders(s));
    TRY(plan_find_homes(s));
    for (int n = 0; n < g->n_nodes; n++)
        if (g->nodes[n].op != OP_NONE && !s->done[n]) TRY(lower_node(s, &g->nodes[n]));
    TRY(write_outputs(s));
    TRY(plan_layout_memory(s));
    for (int i = 0; i < s->p->n_steps; i++) s->p->macs += s->p->steps[i].macs;
    return STATUS_OK;
}

enum status plan_pack(struct plan *s, const struct tensor *w, const struct tensor *second,
                      const struct packing *how, const void **out) {
    bool shared = true;
    for (int i = 0; i < 2; i++) {
        const struct tensor *t = i ? second : w;
        int m = t ? graph_find_tensor(s->model, t->name) : -1;
        shared &= !t || (m >= 0 && s->model->tensors[m].data == t->data);
    }
    if (shared) return weight_store_get(s->weights, w, second, how, out);
    void *memory = arena_alloc_data(&s->p->memory, how->packed_bytes);
    CHECK(memory, STATUS_MEMORY, "out of memory for %zu bytes of packed weights",
          how->packed_bytes);
    how->pack(how->context, memory);
    *out = memory;
    return STATUS_OK;
}

static enum status dump_plan(const struct program *p) {
    char path[512];
    int n = snprintf(path, sizeof path, "%s/plan.txt", env_string(ENV_DUMP));
    CHECK(n > 0 && (size_t)n < sizeof path, STATUS_ARGUMENT, "the path in %s is too long",
          env_name(ENV_DUMP));
    FILE *to = fopen(path, "w");
    CHECK(to, STATUS_FILE, "cannot write '%s', which %s asks for", path, env_name(ENV_DUMP));
    enum status s = program_print(p, to);
    if (fclose(to) && s == STATUS_OK) FAIL(STATUS_FILE, "cannot write '%s'", path);
    return s;
}

enum status program_create(struct graph *g, const struct graph *model, struct weight_store *weights,
                           bool own_constants, struct program **out) {
    *out = NULL;
    struct plan s = {.g = g, .model = model, .weights = weights, .own_constants = own_constants,
                     .k = kernels_for(isa_selected()), .reference = env_int(ENV_REF) != 0};
    s.block = s.k ? s.k->vl : 4;
    if (!s.k) s.reference = true;
    s.p = mem_calloc(1, sizeof *s.p);
    if (!s.p) {
        graph_destroy(g);
        FAIL(STATUS_MEMORY, "out of memory while planning");
    }
    s.p->graph = g;
    arena_init(&s.p->memory, 0);
    arena_init(&s.notes, 0);
    enum status status = make_plan(&s);
    if (status == STATUS_OK && *env_string(ENV_DUMP)) status = dump_plan(s.p);
    mem_free(s.tensors);
    mem_free(s.done);
    arena_deinit(&s.notes);
    mem_free(s.buffers);
    mem_free(s.fixups);
    graph_uses_deinit(&s.uses);
    /* Everything a step reads has been copied or packed; what is left would dangle. */
    for (int t = 0; own_constants && t < g->n_tensors; t++) g->tensors[t].data = NULL;
    if (status == STATUS_OK) *out = s.p;
    else program_destroy(s.p);
    return status;
}

void program_destroy(struct program *p) {
    if (!p) return;
    graph_destroy(p->graph);
    arena_deinit(&p->memory);
    mem_free(p);
}

enum status program_print(const struct program *p, FILE *to) {
    fprintf(to, "# %d steps, arena %zu bytes, scratch %zu bytes a worker, %lld multiply-adds\n",
            p->n_steps, p->arena_bytes, p->scratch_bytes, (long long)p->macs);
    for (int i = 0; i < p->n_steps; i++) {
        const struct step *s = &p->steps[i];
        fprintf(to, "%4d  %-18s %-28s %3d tiles %12lld macs  %s\n", i,
                s->op ? op_def(s->op)->name : "-", s->kernel, s->n_tiles, (long long)s->macs,
                s->node);
    }
    return ferror(to) ? status_set(STATUS_FILE, __FILE__, __LINE__, "cannot write the plan")
                      : STATUS_OK;
}
