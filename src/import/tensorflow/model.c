/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The TensorFlow importer: a frozen GraphDef, or what TensorFlow.js makes of it, becomes a graph.
 * See tensorflow.h for the other files.
 *
 * Outputs are the caller's choice, else the signature's, else the nodes nobody reads. Only what
 * they need is converted, in the file's order where that is an execution order.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "import/tensorflow/tensorflow.h"
#include "ops/op.h"

#define NO_MEMORY "out of memory while importing the model"

static const struct tf_operator operators[] = {
#define OPERATOR(name, convert, kind) {#name, convert, OP_##kind},
#include "import/tensorflow/operators.def"
#undef OPERATOR
    {"_Choose", tf_choose, OP_NONE}, /* ours, from functions.c */
};
enum { N_OPERATORS = sizeof operators / sizeof operators[0] };

static const struct tf_operator *find_operator(const char *name) {
    for (int i = 0; i < N_OPERATORS; i++)
        if (!strcmp(operators[i].name, name)) return &operators[i];
    return NULL;
}

static bool is_op(const struct tf_node *n, const char *op) { return !strcmp(n->def->op, op); }

static bool is_listed(const char *op, const char *const *list) {
    for (; *list; list++)
        if (!strcmp(*list, op)) return true;
    return false;
}

/* ---- names ---- */

static uint64_t hash_text(const char *s, size_t n) {
    uint64_t h = 1469598103934665603u;
    for (size_t i = 0; i < n; i++) h = (h ^ (unsigned char)s[i]) * 1099511628211u;
    return h;
}

static int *find_slot(const struct tf_importer *im, const char *name, size_t n) {
    for (uint64_t i = hash_text(name, n);; i++) {
        int *slot = &im->slots[i & (uint64_t)(im->n_slots - 1)];
        const char *at = *slot ? im->nodes[*slot - 1].def->name : NULL;
        if (!at || (!strncmp(at, name, n) && !at[n])) return slot;
    }
}

struct tf_node *tf_find(const struct tf_importer *im, const char *name, size_t length) {
    int *slot = find_slot(im, name, length);
    return *slot ? &im->nodes[*slot - 1] : NULL;
}

static enum status add_nodes(struct tf_importer *im, const struct tf_nodes *list) {
    CHECK(list->n, STATUS_FORMAT,
          "the file holds no TensorFlow graph (a SavedModel must be frozen first)");
    CHECK(list->n <= TF_MAX_NODES, STATUS_LIMIT, "the model has more than %d nodes", TF_MAX_NODES);
    im->n_slots = 16;
    while ((size_t)im->n_slots < 2 * list->n) im->n_slots *= 2;
    im->nodes = arena_calloc(im->arena, list->n, sizeof *im->nodes);
    im->slots = arena_calloc(im->arena, (size_t)im->n_slots, sizeof *im->slots);
    CHECK(im->nodes && im->slots, STATUS_MEMORY, NO_MEMORY);
    for (size_t i = 0; i < list->n; i++) {
        TfNodeDef *d = list->def[i];
        CHECK(d->name && *d->name && d->op && *d->op, STATUS_FORMAT,
              "node %zu has no name or no operator", i);
        im->nodes[i].im = im;
        im->nodes[i].def = d;
        im->nodes[i].row = find_operator(d->op);
        int *slot = find_slot(im, d->name, strlen(d->name));
        CHECK(!*slot, STATUS_FORMAT, "two nodes are named '%s'", d->name);
        *slot = ++im->n_nodes;
    }
    return STATUS_OK;
}

/* "node", "node:index" */
static enum status parse_reference(const struct tf_importer *im, const char *text,
                                   struct tf_edge *out) {
    const char *colon = strrchr(text, ':');
    char *end = NULL;
    unsigned long k = colon ? strtoul(colon + 1, &end, 10) : 0;
    if (colon && (end == colon + 1 || *end || k >= TF_MAX_OUTPUTS)) colon = NULL, k = 0;
    const struct tf_node *n = tf_find(im, text, colon ? (size_t)(colon - text) : strlen(text));
    *out = (struct tf_edge){n ? (int)(n - im->nodes) : -1, (int)k};
    return STATUS_OK;
}

static enum status add_edges(struct tf_importer *im) {
    for (int i = 0; i < im->n_nodes; i++) {
        struct tf_node *n = &im->nodes[i];
        const TfNodeDef *d = n->def;
        CHECK(d->n_input < TF_MAX_NODES, STATUS_LIMIT, "'%s' has too many inputs", d->name);
        n->edges = arena_calloc(im->arena, d->n_input + 1, sizeof *n->edges);
        n->inputs = arena_calloc(im->arena, d->n_input + 1, sizeof *n->inputs);
        n->outputs = arena_calloc(im->arena, 1, sizeof *n->outputs);
        CHECK(n->edges && n->inputs && n->outputs, STATUS_MEMORY, NO_MEMORY);
        n->outputs[0] = -1;
        n->n_outputs = n->cap_outputs = 1;
        for (size_t k = 0; k < d->n_input; k++) {
            if (*d->input[k] == '^') continue; /* an order of execution, no data */
            struct tf_edge *e = &n->edges[n->n_inputs];
            TRY(parse_reference(im, d->input[k], e));
            CHECK(e->node >= 0, STATUS_FORMAT, "%s '%s': input '%s' is produced by nothing", d->op,
                  d->name, d->input[k]);
            n->n_inputs++;
            im->nodes[e->node].consumers++;
        }
    }
    for (int i = 0; i < im->n_nodes; i++) {
        struct tf_node *n = &im->nodes[i];
        for (size_t k = 0; k < n->def->n_input; k++) {
            if (*n->def->input[k] != '^') continue;
            struct tf_edge pivot = tf_find_pivot(im, n->def->input[k] + 1);
            if (pivot.node >= 0) n->edges[n->n_inputs + n->n_pivots++] = pivot;
        }
    }
    return STATUS_OK;
}

static int by_weight_name(const void *a, const void *b) {
    return strcmp(((const struct tf_weight *)a)->name, ((const struct tf_weight *)b)->name);
}

/* Constants whose values lie beside the graph; those of functions have the names they have
 * there. */
static void add_weights(struct tf_importer *im, const struct tf_nodes *list,
                        const struct tfjs_model *js) {
    if (!js->n_weights) return;
    qsort(js->weights, (size_t)js->n_weights, sizeof *js->weights, by_weight_name);
    for (int i = 0; i < im->n_nodes; i++) {
        struct tf_node *n = &im->nodes[i];
        struct tf_weight key = {.name = list->origin ? list->origin[i] : n->def->name};
        if (is_op(n, "Const"))
            n->weight = bsearch(&key, js->weights, (size_t)js->n_weights, sizeof *js->weights,
                                by_weight_name);
    }
}

/* ---- inputs ---- */

static bool is_placeholder(const struct tf_node *n) { return is_op(n, "Placeholder"); }

static enum status add_input(struct tf_node *n, const struct import_options *options) {
    struct graph *g = n->im->g;
    const char *name = n->def->name;
    /* Of an inner node that --input_shape cuts off, the type of its output. */
    const TfAttr *type = tf_attr(n, "dtype"), *shaped = tf_attr(n, "shape");
    if (!type) type = tf_attr(n, "DstT");
    if (!type) type = tf_attr(n, "T");
    int number = type && type->has_type ? (int)type->type : TENSORFLOW__DATA_TYPE__DT_FLOAT;
    enum dtype dtype = tf_dtype(number);
    CHECK(dtype != DT_NONE, STATUS_UNSUPPORTED,
          "input '%s' has elements of type %s, which is not supported", name, tf_type_name(number));
    struct shape shape = shape_unknown();
    if (is_placeholder(n) && shaped) TRY(tf_shape(shaped->shape, name, &shape));
    /* Older files write an unknown rank as no dimensions. */
    if (shape.rank == 0) shape = shape_unknown();
    TRY(import_override_shape(options, name, &shape));
    int t;
    TRY(graph_add_tensor(g, name, dtype, shape, &t));
    TRY(graph_add_input(g, t));
    return tf_result(n, 0, t);
}

/* ---- outputs ---- */

struct wanted {
    int n;
    struct tf_edge *edge;
};

static enum status want(struct tf_importer *im, struct wanted *w, const char *name) {
    struct tf_edge *e = &w->edge[w->n++];
    TRY(parse_reference(im, name, e));
    CHECK(e->node >= 0, STATUS_ARGUMENT,
          "output '%s' is no node of the model; write \"NODE:INDEX\", for example '%s:0'", name,
          im->nodes[im->n_nodes - 1].def->name);
    for (int i = 0; i < w->n - 1; i++)
        CHECK(w->edge[i].node != e->node || w->edge[i].output != e->output, STATUS_ARGUMENT,
              "output '%s' is named twice", name);
    return STATUS_OK;
}

static enum status find_outputs(struct tf_importer *im, const char *const *names,
                                struct wanted *w) {
    static const char *const no_results[] = {"NoOp", "Const", "Assert", "Placeholder",
                                             "PlaceholderWithDefault", "SaveV2", "RestoreV2", NULL};
    size_t count = 0;
    if (!names) names = im->signature;
    while (names && names[count]) count++;
    w->edge = arena_calloc(im->arena, count + (size_t)im->n_nodes + 1, sizeof *w->edge);
    CHECK(w->edge && count <= TF_MAX_NODES, STATUS_MEMORY, NO_MEMORY);
    for (size_t i = 0; i < count; i++) TRY(want(im, w, names[i]));
    for (int i = 0; i < im->n_nodes && !count; i++)
        if (!im->nodes[i].consumers && !is_listed(im->nodes[i].def->op, no_results))
            w->edge[w->n++] = (struct tf_edge){i, 0};
    CHECK(w->n, STATUS_FORMAT, "the model has no outputs; choose some with --out_nodes");
    return STATUS_OK;
}

/* ---- which nodes, in which order ---- */

/* Puts the nodes behind edges on the stack that are not marked yet; the new height. */
static int push_new(struct tf_importer *im, const struct tf_edge *edges, int count, int *stack,
                    int n) {
    for (int i = 0; i < count; i++) {
        struct tf_node *from = &im->nodes[edges[i].node];
        if (from->state != TF_NEW) continue;
        from->state = TF_NEEDED;
        stack[n++] = edges[i].node;
    }
    return n;
}

/* Marks what the outputs need, not looking behind inputs; unknown operators are collected. */
static enum status mark_needed(struct tf_importer *im, const struct wanted *w,
                               const struct import_options *options) {
    int *stack = arena_calloc(im->arena, (size_t)im->n_nodes + 1, sizeof *stack), n = 0;
    CHECK(stack, STATUS_MEMORY, NO_MEMORY);
    for (int i = 0; i < w->n; i++) im->nodes[w->edge[i].node].consumers++;
    n = push_new(im, w->edge, w->n, stack, n);
    while (n) {
        struct tf_node *at = &im->nodes[stack[--n]];
        bool input = is_placeholder(at);
        for (int i = 0; options && i < options->n_shapes; i++)
            input |= !strcmp(options->shapes[i].name, at->def->name);
        if (input) {
            at->n_inputs = at->n_pivots = 0;
            at->row = NULL;
            at->next = -1; /* an input */
        } else if (at->exit_of) {
            int more;
            const struct tf_edge *inner;
            tf_exit_edges(at, &more, &inner);
            n = push_new(im, inner, more, stack, n);
        }
        n = push_new(im, at->edges, at->n_inputs + at->n_pivots, stack, n);
    }
    return tf_mark_loops(im);
}

static enum status refuse_unknown(struct tf_node *n) {
    static const char *const state[] = {"VarHandleOp", "ReadVariableOp", "VariableV2", "Variable",
                                        NULL};
    static const char *const calls[] = {"While", "StatelessWhile", "If", "StatelessIf",
                                        "StatefulPartitionedCall", "PartitionedCall", NULL};
    if (is_listed(n->def->op, calls))
        return tf_unsupported(n, "it calls a function, and the file has none");
    if (is_listed(n->def->op, state))
        return tf_unsupported(n, "the graph is not frozen; write variables into it "
                                 "(convert_variables_to_constants_v2)");
    return tf_unsupported(n, "the operator is not supported");
}

static bool takes_lists(const struct tf_node *n) {
    return !n->row || n->row->convert == tf_pass_on || n->row->convert == tf_pass_on_all ||
           n->row->convert == tf_switch || n->row->convert == tf_merge ||
           n->row->convert == tf_choose || n->row->convert == tf_exit || tf_is_list_operator(n);
}

/* Reads the results that come in; *alive: the node runs. */
static enum status read_inputs(struct tf_node *n, bool *alive) {
    int dead = 0;
    tf_convert *convert = n->row ? n->row->convert : NULL;
    bool choice = convert == tf_merge || convert == tf_choose;
    for (int i = 0; i < n->n_inputs + n->n_pivots; i++) {
        const struct tf_node *from = &n->im->nodes[n->edges[i].node];
        int k = n->edges[i].output, t = k < from->n_outputs ? from->outputs[k] : -1;
        if (from->outputs[0] == TF_POISON) {
            n->outputs[0] = TF_POISON;
            *alive = false;
            return STATUS_OK;
        }
        if (from->dead) t = TF_DEAD;
        CHECK(t >= 0 || t == TF_DEAD || t <= TF_LIST, STATUS_FORMAT,
              "%s '%s' reads output %d of %s '%s', which has none", n->def->op, n->def->name, k,
              from->def->op, from->def->name);
        CHECK(t > TF_LIST || i >= n->n_inputs || takes_lists(n), STATUS_FORMAT,
              "%s '%s' reads a list of tensors as a tensor", n->def->op, n->def->name);
        dead += t == TF_DEAD;
        if (i < n->n_inputs) n->inputs[i] = t;
        else choice &= t != TF_DEAD;
    }
    if (convert == tf_choose) choice &= n->n_inputs && n->inputs[0] != TF_DEAD;
    *alive = !dead || (choice && dead < n->n_inputs);
    n->dead = !*alive;
    return STATUS_OK;
}

/* All inputs are converted. */
static enum status convert_node(struct tf_node *n) {
    struct tf_importer *im = n->im;
    bool alive;
    CHECK(im->n_conversions++ < TF_MAX_NODES, STATUS_LIMIT,
          "the model has more than %d nodes with its loops unrolled", TF_MAX_NODES);
    if (n->next < 0) return add_input(n, im->options);
    TRY(read_inputs(n, &alive));
    if (!n->row && !n->dead) return refuse_unknown(n);
    if (!alive) return STATUS_OK;
    enum status s = n->row->convert(n);
    /* What failed behind something unsupported need not be said. */
    return n->outputs[0] == TF_POISON && s != STATUS_MEMORY ? STATUS_OK : s;
}

enum status tf_convert_from(struct tf_importer *im, int node) {
    int base = im->stack_depth; /* a loop's Exit converts what is in the loop */
    im->stack[im->stack_depth++] = node;
    while (im->stack_depth > base) {
        struct tf_node *at = &im->nodes[im->stack[im->stack_depth - 1]];
        if (at->state == TF_DONE) {
            im->stack_depth--;
            continue;
        }
        at->state = TF_OPEN;
        int wait = -1;
        while (wait < 0 && at->next >= 0 && at->next < at->n_inputs + at->n_pivots) {
            int from = at->edges[at->next++].node;
            if (im->nodes[from].state == TF_DONE) continue;
            CHECK(im->nodes[from].state != TF_OPEN, STATUS_FORMAT,
                  "the graph has a cycle through %s '%s'; a model must be acyclic",
                  im->nodes[from].def->op, im->nodes[from].def->name);
            wait = from;
        }
        if (wait >= 0) {
            CHECK(im->stack_depth < im->n_nodes, STATUS_FORMAT, "a loop reads what follows it");
            im->stack[im->stack_depth++] = wait;
            continue;
        }
        TRY(convert_node(at));
        at->state = TF_DONE;
        im->stack_depth--;
    }
    return STATUS_OK;
}

static enum status convert_nodes(struct tf_importer *im) {
    im->stack = arena_calloc(im->arena, (size_t)im->n_nodes + 1, sizeof *im->stack);
    CHECK(im->stack, STATUS_MEMORY, NO_MEMORY);
    for (int i = 0; i < im->n_nodes; i++)
        if (im->nodes[i].state == TF_NEEDED && !im->nodes[i].in_loop) TRY(tf_convert_from(im, i));
    return im->lacks.n_nodes ? lacks_report(&im->lacks) : STATUS_OK;
}

/* A graph output needs a name of its own: inputs, constants and second names get an Identity. */
static enum status add_output(struct tf_importer *im, const struct tf_edge *e) {
    struct tf_node *n = &im->nodes[e->node];
    struct graph *g = im->g;
    CHECK(!n->dead && !n->in_loop, STATUS_ARGUMENT, "output '%s:%d' lies in a %s", n->def->name,
          e->output, n->dead ? "branch that is not taken" : "loop");
    CHECK(e->output < n->n_outputs && n->outputs[e->output] >= 0, STATUS_ARGUMENT,
          "output '%s:%d': the node has %d outputs", n->def->name, e->output, n->n_outputs);
    int t = n->outputs[e->output];
    if (graph_is_input(g, t) || graph_is_output(g, t) || g->tensors[t].producer < 0) {
        n->n_outputs = 1;
        TRY(tf_add(n, OP_Identity, 1, (int[]){t}, NULL, &t));
    }
    return graph_add_output(g, t);
}

static enum status convert_graph(struct tf_importer *im, const Tensorflow__GraphDef *def,
                                 const struct tfjs_model *js,
                                 const struct import_options *options) {
    struct wanted w = {0};
    struct tf_nodes nodes;
    TRY(tf_write_functions(im->arena, def, &nodes));
    TRY(add_nodes(im, &nodes));
    TRY(add_edges(im));
    add_weights(im, &nodes, js);
    TRY(tf_find_loops(im));
    TRY(find_outputs(im, options ? options->out_nodes : NULL, &w));
    TRY(mark_needed(im, &w, options));
    im->options = options;
    tf_find_dilated(im);
    TRY(convert_nodes(im));
    TRY(import_check_shapes(im->g, options));
    for (int i = 0; i < w.n; i++) TRY(add_output(im, &w.edge[i]));
    TRY(graph_sort(im->g));
    TRY(graph_compact(im->g));
    TRY(graph_infer(im->g));
    return graph_verify(im->g);
}

/* ---- files ---- */

static enum status unpack(const void *bytes, size_t n_bytes, struct tf_importer *im,
                          const struct tfjs_model *js, const struct import_options *options) {
    struct wire_message m;
    im->bytes = bytes;
    im->n_bytes = n_bytes;
    enum status s =
        wire_unpack(&tensorflow__graph_def__descriptor, bytes, n_bytes, &tf_wire_options, &m);
    if (s == STATUS_FORMAT) status_prefix("this is no frozen TensorFlow graph");
    TRY(s);
    s = convert_graph(im, (const Tensorflow__GraphDef *)m.message, js, options);
    wire_message_deinit(&m);
    return s;
}

static bool is_json(const char *bytes, size_t n) {
    while (n && strchr(" \t\r\n", *bytes) && *bytes) bytes++, n--;
    return n && *bytes == '{';
}

static enum status import_bytes(struct graph *g, const void *bytes, size_t n_bytes,
                                const char *folder, const struct import_options *options) {
    struct arena scratch;
    struct tfjs_model js = {0};
    const char *format = "TensorFlow, a frozen graph";
    enum status s = STATUS_OK;
    arena_init(&scratch, (size_t)2 << 30);
    struct tf_importer im = {.g = g, .arena = &scratch};
    if (is_json(bytes, n_bytes)) {
        format = "TensorFlow.js";
        s = tfjs_read(bytes, n_bytes, folder, g, &scratch, &js);
        if (s == STATUS_OK) s = graph_attach(g, js.graph, mem_free);
        im.signature = js.outputs;
        bytes = js.graph;
        n_bytes = js.n_graph;
    }
    if (s == STATUS_OK) s = unpack(bytes, n_bytes, &im, &js, options);
    import_tell(options, format, 0, g, &im.lacks);
    arena_deinit(&scratch);
    return s;
}

enum status import_tensorflow_memory(const void *bytes, size_t n_bytes, bool copy,
                                     const struct import_options *options, struct graph **out) {
    return import_from_memory(import_bytes, bytes, n_bytes, copy, options, out);
}

enum status import_tensorflow_file(const char *path, const struct import_options *options,
                                   struct graph **out) {
    return import_from_file(import_bytes, path, options, out);
}
