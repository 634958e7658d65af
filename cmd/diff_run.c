/* SPDX-License-Identifier: Apache-2.0 */
/* Running a side with the kernels of this machine, and tensors that other processes computed. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/npy.h"
#include "base/alloc.h"
#include "diff.h"
#include "passes/passes.h"

/* ---- a run ---- */

enum status diff_plan(const struct diff_side *s, struct diff_run *out) {
    struct shape shapes[DIFF_INPUTS];
    *out = (struct diff_run){0};
    for (int i = 0; i < s->n_inputs; i++) shapes[i] = s->inputs[i].shape;
    TRY(passes_specialise(s->graph, shapes, &out->graph));
    struct graph *g = out->graph;
    out->output = mem_calloc((size_t)g->n_tensors + 1, sizeof *out->output);
    CHECK(out->output, STATUS_MEMORY, "out of memory for the tensors");
    for (int t = 0; t < g->n_tensors; t++) out->output[t] = -1;
    for (int i = 0; i < g->n_outputs; i++) out->output[g->outputs[i]] = i;
    return STATUS_OK;
}

enum status diff_run(const struct diff_side *s, struct diff_run *r) {
    struct graph *g = r->graph, *runs;
    /* An output is written out by its step; nothing else about the step changes. */
    for (int t = 0; t < g->n_tensors; t++) {
        if (g->tensors[t].producer < 0 || r->output[t] >= 0) continue;
        r->output[t] = g->n_outputs;
        TRY(graph_add_output(g, t));
    }
    TRY(graph_clone(g, true, &runs));
    enum status status = device_create(0, &r->device);
    if (status != STATUS_OK) graph_destroy(runs);
    TRY(status);
    TRY(model_create(runs, r->device, &r->model));
    TRY(instance_create(r->model, &r->instance));
    for (int i = 0; i < s->n_inputs; i++) {
        const struct view *v = &s->inputs[i];
        TRY(instance_set_input(r->instance, i, v->shape, v->data,
                               (size_t)shape_elements(&v->shape) * dtype_size(v->dtype)));
    }
    return instance_run(r->instance, 0);
}

bool diff_find(const struct diff_run *r, const char *name, struct view *out) {
    int t = graph_find_tensor(r->graph, name);
    if (t < 0) return false;
    const struct tensor *x = &r->graph->tensors[t];
    if (r->output[t] >= 0) *out = *instance_output(r->instance, r->output[t]);
    else if (x->data)
        *out = (struct view){x->dtype, x->shape, (void *)(uintptr_t)x->data, x->name, true};
    else return false;
    return true;
}

const struct view *diff_output(const struct diff_run *r, int i) {
    return instance_output(r->instance, i);
}

void diff_run_deinit(struct diff_run *r) {
    instance_destroy(r->instance);
    model_destroy(r->model);
    device_destroy(r->device);
    graph_destroy(r->graph);
    mem_free(r->output);
}

/* ---- tensors in files ---- */

static const struct {
    aclDataType acl;
    enum dtype core;
} types[] = {
    {ACL_FLOAT, DT_F32}, {ACL_FLOAT16, DT_F16}, {ACL_DOUBLE, DT_F64}, {ACL_INT8, DT_I8},
    {ACL_UINT8, DT_U8},  {ACL_INT16, DT_I16},   {ACL_UINT16, DT_U16}, {ACL_INT32, DT_I32},
    {ACL_UINT32, DT_U32}, {ACL_INT64, DT_I64},  {ACL_UINT64, DT_U64}, {ACL_BOOL, DT_BOOL},
};

enum dtype diff_dtype(int acl_type) {
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if ((int)types[i].acl == acl_type) return types[i].core;
    return DT_NONE;
}

static enum status path_of(const char *folder, int number, char path[static PATH_MAX]) {
    CHECK(snprintf(path, PATH_MAX, "%s/%d.npy", folder, number) < PATH_MAX, STATUS_ARGUMENT,
          "the path %s is too long", folder);
    return STATUS_OK;
}

enum status diff_write(const char *folder, int number, const struct view *v) {
    char path[PATH_MAX], error[512];
    TRY(path_of(folder, number, path));
    struct npy a = {.type = ACL_DT_UNDEFINED, .rank = v->shape.rank, .data = v->data,
                    .bytes = (size_t)shape_elements(&v->shape) * dtype_size(v->dtype)};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (types[i].core == v->dtype) a.type = types[i].acl;
    if (a.type == ACL_DT_UNDEFINED) return STATUS_OK; /* NumPy has no such type: left out */
    for (int d = 0; d < a.rank; d++) a.dim[d] = v->shape.dim[d];
    CHECK(!npy_write(path, &a, error), STATUS_FILE, "%s", error);
    return STATUS_OK;
}

enum status diff_read(const char *folder, int number, struct view *v, bool *found) {
    char path[PATH_MAX], error[512];
    struct npy a;
    TRY(path_of(folder, number, path));
    *found = access(path, R_OK) == 0;
    if (!*found) return STATUS_OK;
    CHECK(!npy_read(path, &a, error), STATUS_FILE, "%s", error);
    *v = (struct view){diff_dtype((int)a.type), shape_unknown(), a.data, NULL, true};
    if (v->dtype == DT_NONE || a.rank > SHAPE_MAX_RANK) {
        free(a.data);
        *found = false;
        return STATUS_OK;
    }
    v->shape = shape_from(a.rank, a.dim);
    return STATUS_OK;
}
