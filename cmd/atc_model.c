/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options that speak of the model: their text is parsed here, and what they ask for at the graph's
 * borders is done here, before any pass runs. Names of inputs and outputs stay.
 */
#include "atc_model.h"

#include <stdlib.h>
#include <string.h>

#include "ops/aipp.h"

#define NO_MEMORY "out of memory while reading the options"

/* Calls for each non-empty part between semicolons. */
static const char *next_part(const char **text, size_t *n) {
    while (**text == ';' || **text == ' ') ++*text;
    const char *part = *text;
    *n = strcspn(part, ";");
    *text += *n;
    while (*n && part[*n - 1] == ' ') --*n;
    return *n ? part : NULL;
}

static int count_parts(const char *text) {
    size_t n;
    int count = 0;
    while (next_part(&text, &n)) count++;
    return count;
}

/* ---- --input_shape ---- */

#define SHAPE_SAMPLE "\"input1:1,3,224,224;input2:1,10\""

static enum status parse_sizes(const char *text, const char *whole, bool open, struct shape *out,
                               struct atc_error *e) {
    *out = (struct shape){.rank = 0};
    for (const char *c = text; *c;) {
        while (*c == ' ') c++;
        char *end;
        size_t digits = strspn(c + (*c == '-'), "0123456789");
        if (!digits || digits > 18)
            return atc_fail(e, ATC_E10002, whole, "a size is not a whole number", SHAPE_SAMPLE);
        long long v = strtoll(c, &end, 10);
        if (v <= 0 && !(open && v == -1)) return atc_fail(e, ATC_E10011, whole, text);
        if (out->rank == SHAPE_MAX_RANK)
            return atc_fail(e, ATC_E10002, whole, "an input has more than 8 sizes", SHAPE_SAMPLE);
        out->dim[out->rank++] = v;
        while (*end == ' ') end++;
        if (*end && *end != ',')
            return atc_fail(e, ATC_E10002, whole, "sizes are not separated by commas",
                            SHAPE_SAMPLE);
        if (*end && !end[1])
            return atc_fail(e, ATC_E10002, whole, "a size is missing after a comma", SHAPE_SAMPLE);
        c = *end ? end + 1 : end;
    }
    return STATUS_OK;
}

enum status atc_parse_shapes(const char *text, bool open, struct arena *arena,
                             struct import_options *out, struct atc_error *e) {
    struct import_shape *shapes =
        arena_calloc(arena, (size_t)count_parts(text) + 1, sizeof *shapes);
    CHECK(shapes, STATUS_MEMORY, NO_MEMORY);
    const char *rest = text, *part;
    int n_shapes = 0;
    for (size_t n; (part = next_part(&rest, &n));) {
        char *name = arena_strndup(arena, part, n);
        CHECK(name, STATUS_MEMORY, NO_MEMORY);
        char *colon = strrchr(name, ':');
        if (!colon || colon == name)
            return atc_fail(e, ATC_E10002, text, "a part has no name, or no colon after it",
                            SHAPE_SAMPLE);
        *colon = '\0';
        for (int i = 0; i < n_shapes; i++)
            if (!strcmp(shapes[i].name, name))
                return atc_fail(e, ATC_E10002, text, "an input is named twice", SHAPE_SAMPLE);
        shapes[n_shapes].name = name;
        TRY(parse_sizes(colon + 1, text, open, &shapes[n_shapes++].shape, e));
    }
    if (*text && !n_shapes)
        return atc_fail(e, ATC_E10002, text, "it names no input", SHAPE_SAMPLE);
    out->shapes = shapes;
    out->n_shapes = n_shapes;
    return STATUS_OK;
}

enum status atc_parse_list(const char *text, struct arena *arena, const char *const **out,
                           struct atc_error *e) {
    (void)e;
    *out = NULL;
    int count = count_parts(text), i = 0;
    if (!count) return STATUS_OK;
    const char **list = arena_calloc(arena, (size_t)count + 1, sizeof *list);
    CHECK(list, STATUS_MEMORY, NO_MEMORY);
    const char *part;
    for (size_t n; (part = next_part(&text, &n)); i++) {
        list[i] = arena_strndup(arena, part, n);
        CHECK(list[i], STATUS_MEMORY, NO_MEMORY);
    }
    *out = list;
    return STATUS_OK;
}

static bool is_named(const struct import_options *o, const char *name) {
    for (int i = 0; i < o->n_shapes; i++)
        if (!strcmp(o->shapes[i].name, name)) return true;
    return false;
}

enum status atc_check_inputs(const struct graph *g, const struct import_options *open,
                             struct atc_error *e) {
    for (int i = 0; i < g->n_inputs; i++) {
        const struct tensor *t = &g->tensors[g->inputs[i]];
        char text[256] = "", reason[512];
        if (shape_known(&t->shape) || is_named(open, t->name)) continue;
        for (int k = 0, n = 0; k < t->shape.rank; k++)
            n += snprintf(text + n, sizeof text - (size_t)n, "%s%lld", k ? "," : "",
                          (long long)t->shape.dim[k]);
        snprintf(reason, sizeof reason,
                 "every size must be known; say it with --input_shape=\"%.200s:...\"", t->name);
        return atc_fail(e, ATC_E10001, text, t->name, reason);
    }
    return STATUS_OK;
}

/* ---- types at the borders ---- */

static enum status add_cast(struct graph *g, int from, int to) {
    char name[512];
    int node;
    snprintf(name, sizeof name, "%.400s_cast", g->tensors[from].name);
    TRY(graph_add_node(g, OP_Cast, name, 1, &from, 1, &to, &node));
    return node_set_string(g, node, "to", dtype_name(g->tensors[to].dtype));
}

/* Tensor named after `t`, of type `dtype`. */
static enum status add_like(struct graph *g, int t, enum dtype dtype, int *out) {
    char name[512];
    snprintf(name, sizeof name, "%.400s_%s", g->tensors[t].name, dtype_name(dtype));
    return graph_add_tensor(g, name, dtype, g->tensors[t].shape, out);
}

static enum status finish(struct graph *g) {
    TRY(graph_sort(g));
    TRY(graph_infer(g));
    return graph_verify(g);
}

enum status atc_set_fp16_inputs(struct graph *g, const char *const *names, struct atc_error *e) {
    if (!names) return STATUS_OK;
    for (; *names; names++) {
        int t = graph_find_tensor(g, *names), wide;
        if (t < 0) return atc_fail(e, ATC_E10016, *names, "--input_fp16_nodes");
        if (!graph_is_input(g, t)) return atc_fail(e, ATC_E10017, *names, "--input_fp16_nodes");
        if (aipp_node_of(g, t, 0) || aipp_node_of(g, t, 1)) return atc_fail(e, ATC_E10034, *names);
        if (g->tensors[t].dtype == DT_F16) continue;
        if (g->tensors[t].dtype != DT_F32)
            return atc_fail(e, ATC_E10001, *names, "--input_fp16_nodes",
                            "the input is no float32 tensor");
        TRY(add_like(g, t, DT_F32, &wide));
        graph_replace_uses(g, t, wide, true);
        g->tensors[t].dtype = DT_F16;
        TRY(add_cast(g, t, wide));
    }
    return finish(g);
}

static enum dtype output_dtype(const char *name) {
    return !strcmp(name, "FP32")    ? DT_F32
           : !strcmp(name, "FP16")  ? DT_F16
           : !strcmp(name, "UINT8") ? DT_U8
                                    : DT_NONE;
}

/* Output i of the graph gets another type. Its tensor, with its name, becomes what the cast makes;
 * everybody else uses the value before it. */
static enum status cast_output(struct graph *g, int i, enum dtype dtype) {
    int t = g->outputs[i], inner;
    struct tensor *x = &g->tensors[t];
    if (x->dtype == dtype) return STATUS_OK;
    if (x->producer < 0) { /* an input or a constant, which keeps its name */
        TRY(add_like(g, t, dtype, &inner));
        g->outputs[i] = inner;
        return add_cast(g, t, inner);
    }
    TRY(add_like(g, t, x->dtype, &inner));
    x = &g->tensors[t];
    struct node *n = &g->nodes[x->producer];
    for (int k = 0; k < n->n_outputs; k++)
        if (n->outputs[k] == t) n->outputs[k] = inner;
    g->tensors[inner].producer = x->producer;
    x->producer = -1;
    x->dtype = dtype;
    graph_replace_uses(g, t, inner, false);
    return add_cast(g, inner, t);
}

/* The output that "NODE:INDEX", or the name of its tensor, means; -1 if none. */
static int find_output(const struct graph *g, const char *node, const char *index) {
    for (int i = 0; i < g->n_outputs; i++) {
        const struct tensor *t = &g->tensors[g->outputs[i]];
        if (t->producer < 0) continue;
        const struct node *n = &g->nodes[t->producer];
        int k = 0;
        while (n->outputs[k] != g->outputs[i]) k++;
        if (!strcmp(n->name, node) && strspn(index, "0123456789") == strlen(index) &&
            *index && atoi(index) == k)
            return i;
    }
    for (int i = 0; i < g->n_outputs; i++)
        if (!strcmp(g->tensors[g->outputs[i]].name, node)) return i;
    return -1;
}

#define OUTPUT_TYPE "--output_type"

static enum status cast_named(struct graph *g, char *text, struct atc_error *e) {
    char whole[1024];
    snprintf(whole, sizeof whole, "%s", text);
    char *type = strrchr(text, ':'), *index = NULL;
    if (type) {
        *type++ = '\0';
        index = strrchr(text, ':');
    }
    enum dtype dtype = type ? output_dtype(type) : DT_NONE;
    if (!index || dtype == DT_NONE)
        return atc_fail(e, ATC_E10001, whole, OUTPUT_TYPE,
                        "it must be FP32, FP16 or UINT8, or NODE:INDEX:TYPE for each output");
    *index++ = '\0';
    int i = find_output(g, text, index);
    if (i < 0) return atc_fail(e, ATC_E10016, whole, OUTPUT_TYPE);
    return cast_output(g, i, dtype);
}

enum status atc_set_output_types(struct graph *g, const char *text, struct arena *arena,
                                 struct atc_error *e) {
    if (!*text) return STATUS_OK;
    enum dtype all = output_dtype(text);
    if (all != DT_NONE) {
        for (int i = 0; i < g->n_outputs; i++)
            if (dtype_is_float(g->tensors[g->outputs[i]].dtype)) TRY(cast_output(g, i, all));
        return finish(g);
    }
    const char *part;
    for (size_t n; (part = next_part(&text, &n));) {
        char *copy = arena_strndup(arena, part, n);
        CHECK(copy, STATUS_MEMORY, NO_MEMORY);
        TRY(cast_named(g, copy, e));
    }
    return finish(g);
}
