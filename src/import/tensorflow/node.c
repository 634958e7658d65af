/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What conversions are made of: reading a NodeDef's attributes and inputs, adding nodes of ours.
 *
 * The last node a conversion adds carries the source's name; helpers get the operator's name behind
 * it. Shapes are inferred and small values worked out as nodes are added, because conversions need
 * to know ranks and values.
 */
#include <stdarg.h>
#include <string.h>

#include "import/tensorflow/tensorflow.h"
#include "ops/op.h"

#define NO_MEMORY "out of memory while importing the model"

/* ---- reading ---- */

const TfAttr *tf_attr(const struct tf_node *n, const char *name) {
    for (size_t i = 0; i < n->def->n_attr; i++) {
        const Tensorflow__NodeDef__AttrEntry *e = n->def->attr[i];
        if (e->key && e->value && !strcmp(e->key, name)) return e->value;
    }
    return NULL;
}

int64_t tf_int(const struct tf_node *n, const char *name, int64_t fallback) {
    const TfAttr *a = tf_attr(n, name);
    return a && a->has_i ? a->i : fallback;
}

float tf_float(const struct tf_node *n, const char *name, float fallback) {
    const TfAttr *a = tf_attr(n, name);
    return a && a->has_f ? a->f : fallback;
}

bool tf_bool(const struct tf_node *n, const char *name, bool fallback) {
    const TfAttr *a = tf_attr(n, name);
    return a && a->has_b ? a->b : fallback;
}

bool tf_text_is(const struct tf_node *n, const char *name, const char *value) {
    const TfAttr *a = tf_attr(n, name);
    return a && a->has_s && a->s.len == strlen(value) && !memcmp(a->s.data, value, a->s.len);
}

int tf_int_list(const struct tf_node *n, const char *name, int64_t *out, int max) {
    const TfAttr *a = tf_attr(n, name);
    if (!a || !a->list) return -1;
    int count = a->list->n_i < (size_t)max ? (int)a->list->n_i : max;
    for (int i = 0; i < count; i++) out[i] = a->list->i[i];
    return count;
}

const struct tensor *tf_input(const struct tf_node *n, int i) {
    return i < n->n_inputs ? &n->im->g->tensors[n->inputs[i]] : NULL;
}

enum status tf_input_ints(const struct tf_node *n, int i, int64_t *out, int max, int *count) {
    *count = i < n->n_inputs ? -1 : 0;
    const struct tensor *t = tf_input(n, i);
    if (!t || !t->data || t->dtype == DT_F32 || t->dtype == DT_NONE) return STATUS_OK;
    int64_t k = shape_elements(&t->shape);
    if (k > max) return STATUS_OK;
    struct view v = {t->dtype, t->shape, (void *)(uintptr_t)t->data, t->name, true};
    for (int64_t e = 0; e < k; e++) out[e] = view_get_i64(&v, e);
    *count = (int)k;
    return STATUS_OK;
}

enum status tf_need_inputs(struct tf_node *n, int count) {
    CHECK(n->n_inputs >= count, STATUS_FORMAT, "%s '%s' has %d inputs; it needs %d", n->def->op,
          n->def->name, n->n_inputs, count);
    return STATUS_OK;
}

enum status tf_unsupported(struct tf_node *n, const char *format, ...) {
    va_list args;
    va_start(args, format);
    lacks_add(&n->im->lacks, n->def->op, n->def->name, format, args);
    va_end(args);
    for (int i = 0; i < n->n_outputs; i++) n->outputs[i] = TF_POISON;
    return STATUS_OK;
}

/* ---- writing ---- */

static enum status add_node(struct tf_node *n, enum op_kind op, const char *name, int n_inputs,
                            const int *inputs, const struct attr *attrs, int n_outputs,
                            const int *outputs) {
    struct graph *g = n->im->g;
    int at;
    TRY(graph_add_node(g, op, name, n_inputs, inputs, n_outputs, outputs, &at));
    for (const struct attr *a = attrs; a && a->name; a++) TRY(node_set_attr(g, at, a));
    enum status s = graph_infer_node(g, at);
    if (s == STATUS_OK) return import_fold(g, at);
    if (s != STATUS_UNSUPPORTED) {
        status_prefix("%s '%.100s'", n->def->op, n->def->name);
        return s;
    }
    /* The sentence begins with a node of ours; keep what follows. */
    const char *text = status_message(), *colon = strstr(text, "': ");
    return tf_unsupported(n, "%.300s", colon ? colon + 3 : text);
}

static enum status add_tensor(struct tf_node *n, const char *name, int *out) {
    return graph_add_tensor(n->im->g, name, DT_NONE, shape_unknown(), out);
}

enum status tf_add(struct tf_node *n, enum op_kind op, int n_inputs, const int *inputs,
                   const struct attr *attrs, int *out) {
    char *name = arena_printf(n->im->arena, "%.1000s/%s", n->def->name, op_name(op));
    CHECK(name, STATUS_MEMORY, NO_MEMORY);
    int y; /* `out` may be one of `inputs` */
    TRY(add_tensor(n, name, &y));
    enum status s = n->outputs[0] == TF_POISON
                        ? STATUS_OK
                        : add_node(n, op, name, n_inputs, inputs, attrs, 1, &y);
    *out = y;
    return s;
}

enum status tf_result(struct tf_node *n, int k, int tensor) {
    CHECK(k < TF_MAX_OUTPUTS, STATUS_LIMIT, "%s '%s' has more than %d outputs", n->def->op,
          n->def->name, TF_MAX_OUTPUTS);
    if (k >= n->cap_outputs) {
        int *wider = arena_calloc(n->im->arena, TF_MAX_OUTPUTS, sizeof *wider);
        CHECK(wider, STATUS_MEMORY, NO_MEMORY);
        memcpy(wider, n->outputs, (size_t)n->n_outputs * sizeof *wider);
        n->outputs = wider;
        n->cap_outputs = TF_MAX_OUTPUTS;
    }
    while (n->n_outputs <= k) n->outputs[n->n_outputs++] = -1;
    n->outputs[k] = tensor;
    return STATUS_OK;
}

enum status tf_finish_outputs(struct tf_node *n, enum op_kind op, int n_inputs, const int *inputs,
                              const struct attr *attrs, int n_outputs) {
    CHECK(n_outputs <= TF_MAX_OUTPUTS, STATUS_LIMIT, "%s '%s' has more than %d outputs", n->def->op,
          n->def->name, TF_MAX_OUTPUTS);
    int outputs[TF_MAX_OUTPUTS];
    if (n->outputs[0] == TF_POISON) return STATUS_OK;
    for (int i = 0; i < n_outputs; i++) {
        char *name = arena_printf(n->im->arena, i ? "%s:%d" : "%s", n->def->name, i);
        CHECK(name, STATUS_MEMORY, NO_MEMORY);
        TRY(add_tensor(n, name, &outputs[i]));
        TRY(tf_result(n, i, outputs[i]));
    }
    return add_node(n, op, n->def->name, n_inputs, inputs, attrs, n_outputs, outputs);
}

enum status tf_finish(struct tf_node *n, enum op_kind op, int n_inputs, const int *inputs,
                      const struct attr *attrs) {
    return tf_finish_outputs(n, op, n_inputs, inputs, attrs, 1);
}

/* ---- small helpers ---- */

enum status tf_ints(struct tf_node *n, int count, const int64_t *v, int *out) {
    char *name = arena_printf(n->im->arena, "%.1000s/ints", n->def->name);
    CHECK(name, STATUS_MEMORY, NO_MEMORY);
    /* An empty list has no data to copy, but must still be a constant. */
    static const int64_t nothing = 0;
    return graph_add_constant(n->im->g, name, DT_I64, shape_of(1, count), count ? v : &nothing,
                              false, out);
}

enum status tf_scalar(struct tf_node *n, enum dtype dtype, double v, int *out) {
    char *name = arena_printf(n->im->arena, "%.1000s/scalar", n->def->name);
    CHECK(name, STATUS_MEMORY, NO_MEMORY);
    uint64_t room = 0;
    struct view view = {.dtype = dtype, .shape = shape_of(0), .data = &room};
    view_set_f64(&view, 0, v);
    return graph_add_constant(n->im->g, name, dtype, shape_of(0), &room, false, out);
}

enum status tf_as(struct tf_node *n, int tensor, enum dtype dtype, int *out) {
    *out = tensor;
    if (tensor < 0 || n->im->g->tensors[tensor].dtype == dtype) return STATUS_OK;
    return tf_add(n, OP_Cast, 1, &tensor, ATTRS(A_STRING("to", dtype_name(dtype))), out);
}

enum status tf_transpose(struct tf_node *n, int x, int rank, const int64_t *perm, int *out) {
    return tf_add(n, OP_Transpose, 1, &x, ATTRS(A_INTS("perm", rank, perm)), out);
}

enum status tf_reshape(struct tf_node *n, int x, int rank, const int64_t *dims, int *out) {
    int in[2] = {x};
    TRY(tf_ints(n, rank, dims, &in[1]));
    return tf_add(n, OP_Reshape, 2, in, NULL, out);
}

bool tf_is_nhwc(const struct tf_node *n) { return !tf_text_is(n, "data_format", "NCHW"); }

static const int64_t to_nchw[4] = {0, 3, 1, 2}, to_nhwc[4] = {0, 2, 3, 1};

enum status tf_to_nchw(struct tf_node *n, int x, int *out) {
    *out = x;
    return tf_is_nhwc(n) ? tf_transpose(n, x, 4, to_nchw, out) : STATUS_OK;
}

enum status tf_finish_nchw(struct tf_node *n, int x) {
    if (!tf_is_nhwc(n)) return tf_finish(n, OP_Identity, 1, &x, NULL);
    return tf_finish(n, OP_Transpose, 1, &x, ATTRS(A_INTS("perm", 4, to_nhwc)));
}
