/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Functions of a graph's library are written into the graph where they are called.
 *
 * PartitionedCall becomes the nodes of its function. If and While become what TensorFlow 1 wrote
 * for them, Switch and Merge, and Enter, NextIteration and Exit, which control.c knows. The node
 * that called stays, as an IdentityN of the results, so that its readers need not change. Inner
 * nodes are named CALL/NODE.
 */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "import/tensorflow/tensorflow.h"

#define NO_MEMORY "out of memory while importing the model"

enum { MAX_CALLS_WITHIN = 32 };

struct function {
    const Tensorflow__FunctionDef *def;
    const Tensorflow__OpDef *signature;
    const char *name;
    const TfNodeDef **nodes; /* by name */
};

struct expansion {
    struct arena *arena;
    size_t n_functions;
    struct function *functions; /* by name */
    size_t n, cap;
    TfNodeDef **nodes;
    const char **origin;
    int depth;
};

/* What a function's arguments are called outside. */
struct scope {
    const char *prefix;
    const struct function *function;
    size_t n_args;
    char **args; /* references */
};

/* ---- making nodes ---- */

static enum status push(struct expansion *e, TfNodeDef *node, const char *origin) {
    CHECK(e->n < TF_MAX_NODES, STATUS_LIMIT,
          "the model has more than %d nodes with its functions written out", TF_MAX_NODES);
    if (e->n == e->cap) {
        size_t cap = 2 * e->cap + 64;
        TfNodeDef **nodes = arena_calloc(e->arena, cap, sizeof *nodes);
        const char **origins = arena_calloc(e->arena, cap, sizeof *origins);
        CHECK(nodes && origins, STATUS_MEMORY, NO_MEMORY);
        if (e->n) {
            memcpy(nodes, e->nodes, e->n * sizeof *nodes);
            memcpy(origins, e->origin, e->n * sizeof *origins);
        }
        e->nodes = nodes;
        e->origin = origins;
        e->cap = cap;
    }
    e->nodes[e->n] = node;
    e->origin[e->n++] = origin;
    return STATUS_OK;
}

/* A node with `n` inputs yet to be set. */
static enum status make(struct expansion *e, const char *op, char *name, size_t n,
                        TfNodeDef **out) {
    TfNodeDef *d = arena_calloc(e->arena, 1, sizeof *d);
    CHECK(d && name, STATUS_MEMORY, NO_MEMORY);
    tensorflow__node_def__init(d);
    d->op = arena_strdup(e->arena, op);
    d->name = name;
    d->n_input = n;
    d->input = arena_calloc(e->arena, n + 1, sizeof *d->input);
    CHECK(d->op && d->input, STATUS_MEMORY, NO_MEMORY);
    *out = d;
    return push(e, d, name);
}

static enum status make_with(struct expansion *e, const char *op, char *name, char *first,
                             char *second, TfNodeDef **out) {
    TRY(make(e, op, name, second ? 2 : 1, out));
    (*out)->input[0] = first;
    if (second) (*out)->input[1] = second;
    return STATUS_OK;
}

/* ---- names within functions ---- */

/* Within a function "node:output:index" counts within an output of the operator. 0 for operators
 * with one output, whatever it is called; -1 when one with several has none of that name. */
static int first_of_output(const char *op, const char *output) {
    static const struct {
        const char *op, *outputs[6];
    } many[] = {
        {"CombinedNonMaxSuppression",
         {"nmsed_boxes", "nmsed_scores", "nmsed_classes", "valid_detections"}},
        {"FusedBatchNorm", {"y", "batch_mean", "batch_variance"}},
        {"FusedBatchNormV2", {"y", "batch_mean", "batch_variance"}},
        {"FusedBatchNormV3", {"y", "batch_mean", "batch_variance"}},
        {"Merge", {"output", "value_index"}},
        {"NonMaxSuppressionV4", {"selected_indices", "valid_outputs"}},
        {"NonMaxSuppressionV5", {"selected_indices", "selected_scores", "valid_outputs"}},
        {"Switch", {"output_false", "output_true"}},
        {"TensorArrayConcatV3", {"value", "lengths"}},
        {"TensorArrayV3", {"handle", "flow"}},
        {"TensorListConcatV2", {"tensor", "lengths"}},
        {"TensorListPopBack", {"output_handle", "tensor"}},
        {"TopKV2", {"values", "indices"}},
    };
    for (size_t i = 0; i < sizeof many / sizeof many[0]; i++) {
        if (strcmp(many[i].op, op)) continue;
        for (int k = 0; k < 6 && many[i].outputs[k]; k++)
            if (!strcmp(many[i].outputs[k], output)) return k;
        return -1;
    }
    return 0;
}

/* The operator of a node of the body; NULL: there is none of that name. */
static const char *find_inner(const struct function *f, const char *name, size_t length) {
    size_t low = 0, high = f->def->n_node_def;
    while (low < high) {
        size_t mid = (low + high) / 2;
        const char *at = f->nodes[mid]->name;
        int c = strncmp(name, at, length);
        if (!c && at[length]) c = -1;
        if (!c) return f->nodes[mid]->op;
        if (c < 0) high = mid;
        else low = mid + 1;
    }
    return NULL;
}

/* `text` of a function's body, as the graph around calls it. */
static enum status resolve(struct expansion *e, const struct scope *s, const char *text,
                           char **out) {
    const Tensorflow__OpDef *signature = s->function->signature;
    size_t length = strcspn(text, ":");
    for (size_t i = 0; i < signature->n_input_arg; i++) {
        const char *arg = signature->input_arg[i]->name;
        if (!arg || strlen(arg) != length || strncmp(arg, text, length)) continue;
        *out = s->args[i];
        return STATUS_OK;
    }
    const char *node = find_inner(s->function, text, length), *at = text + length;
    const char *second = *at ? strchr(at + 1, ':') : NULL;
    CHECK(node, STATUS_FORMAT, "function '%s': '%s' is produced by nothing", s->function->name,
          text);
    int index = 0;
    if (second) {
        char *output = arena_strndup(e->arena, at + 1, (size_t)(second - at - 1));
        CHECK(output, STATUS_MEMORY, NO_MEMORY);
        int first = first_of_output(node, output);
        CHECK(first >= 0, STATUS_FORMAT, "function '%s': '%s': %s has no output of that name",
              s->function->name, text, node);
        index = first + atoi(second + 1);
    }
    *out = arena_printf(e->arena, "%s/%.*s:%d", s->prefix, (int)length, text, index);
    CHECK(*out, STATUS_MEMORY, NO_MEMORY);
    return STATUS_OK;
}

/* ---- calls ---- */

static enum status expand(struct expansion *e, TfNodeDef *d, const char *origin);

/* The function's body, with `args` for its arguments; its results are references in *rets. */
static enum status write_body(struct expansion *e, const struct function *f, const char *prefix,
                              size_t n_args, char **args, char ***rets) {
    const Tensorflow__OpDef *signature = f->signature;
    CHECK(n_args == signature->n_input_arg, STATUS_FORMAT,
          "'%s' gives function '%s' %zu inputs; it has %zu", prefix, f->name, n_args,
          signature->n_input_arg);
    CHECK(e->depth < MAX_CALLS_WITHIN, STATUS_UNSUPPORTED,
          "'%s' calls functions more than %d deep; recursion is not supported", prefix,
          MAX_CALLS_WITHIN);
    struct scope s = {prefix, f, n_args, args};
    e->depth++;
    for (size_t i = 0; i < f->def->n_node_def; i++) {
        const TfNodeDef *from = f->def->node_def[i];
        TfNodeDef *d = arena_calloc(e->arena, 1, sizeof *d);
        CHECK(d, STATUS_MEMORY, NO_MEMORY);
        *d = *from;
        d->n_input = 0;
        d->name = arena_printf(e->arena, "%s/%s", prefix, from->name);
        d->input = arena_calloc(e->arena, from->n_input + 1, sizeof *d->input);
        CHECK(d->name && d->input, STATUS_MEMORY, NO_MEMORY);
        for (size_t k = 0; k < from->n_input; k++)
            if (*from->input[k] != '^')
                TRY(resolve(e, &s, from->input[k], &d->input[d->n_input++]));
        TRY(expand(e, d, from->name));
    }
    e->depth--;
    *rets = arena_calloc(e->arena, signature->n_output_arg + 1, sizeof **rets);
    CHECK(*rets, STATUS_MEMORY, NO_MEMORY);
    for (size_t i = 0; i < signature->n_output_arg; i++) {
        const char *name = signature->output_arg[i]->name, *value = NULL;
        for (size_t k = 0; k < f->def->n_ret && name; k++)
            if (f->def->ret[k]->key && !strcmp(f->def->ret[k]->key, name))
                value = f->def->ret[k]->value;
        CHECK(value, STATUS_FORMAT, "function '%s' does not say what it returns",
              f->name);
        TRY(resolve(e, &s, value, &(*rets)[i]));
    }
    return STATUS_OK;
}

static enum status find_function(const struct expansion *e, const TfNodeDef *d, const char *attr,
                                 const struct function **out) {
    *out = NULL;
    for (size_t i = 0; i < d->n_attr; i++) {
        const Tensorflow__NodeDef__AttrEntry *a = d->attr[i];
        if (!a->key || !a->value || strcmp(a->key, attr) || !a->value->func) continue;
        const char *name = a->value->func->name;
        size_t low = 0, high = e->n_functions;
        while (name && low < high && !*out) {
            size_t mid = (low + high) / 2;
            int c = strcmp(name, e->functions[mid].name);
            if (!c) *out = &e->functions[mid];
            else if (c < 0) high = mid;
            else low = mid + 1;
        }
    }
    CHECK(*out, STATUS_FORMAT, "%s '%s' calls a function ('%s') that the file does not have", d->op,
          d->name, attr);
    return STATUS_OK;
}

static enum status call(struct expansion *e, const TfNodeDef *d, TfNodeDef *out) {
    const struct function *f;
    TRY(find_function(e, d, "f", &f));
    out->n_input = f->signature->n_output_arg;
    return write_body(e, f, d->name, d->n_input, d->input, &out->input);
}

/* Inputs: the condition, then what both functions are given. */
static enum status branch(struct expansion *e, const TfNodeDef *d, TfNodeDef *out) {
    const struct function *f[2];
    char **rets[2];
    CHECK(d->n_input >= 1, STATUS_FORMAT, "%s '%s' has no condition", d->op, d->name);
    TRY(find_function(e, d, "else_branch", &f[0]));
    TRY(find_function(e, d, "then_branch", &f[1]));
    size_t n = d->n_input - 1, n_out = f[0]->signature->n_output_arg;
    CHECK(f[1]->signature->n_output_arg == n_out, STATUS_FORMAT,
          "%s '%s': its branches return %zu and %zu values", d->op, d->name, n_out,
          f[1]->signature->n_output_arg);
    char **args = arena_calloc(e->arena, 2 * n + 1, sizeof *args);
    CHECK(args, STATUS_MEMORY, NO_MEMORY);
    TfNodeDef *made;
    for (size_t i = 0; i < n; i++) {
        char *name = arena_printf(e->arena, "%s/switch_%zu", d->name, i);
        TRY(make_with(e, "Switch", name, d->input[1 + i], d->input[0], &made));
        args[i] = arena_printf(e->arena, "%s:0", name);
        args[n + i] = arena_printf(e->arena, "%s:1", name);
        CHECK(args[i] && args[n + i], STATUS_MEMORY, NO_MEMORY);
    }
    for (int k = 0; k < 2; k++) {
        const char *prefix = arena_printf(e->arena, "%s/%s", d->name, k ? "then" : "else");
        CHECK(prefix, STATUS_MEMORY, NO_MEMORY);
        TRY(write_body(e, f[k], prefix, n, args + (size_t)k * n, &rets[k]));
    }
    out->n_input = n_out;
    out->input = arena_calloc(e->arena, n_out + 1, sizeof *out->input);
    CHECK(out->input, STATUS_MEMORY, NO_MEMORY);
    for (size_t i = 0; i < n_out; i++) {
        /* A branch may return what it does not get from its Switch; the choice is made here. */
        char *name = arena_printf(e->arena, "%s/choice_%zu", d->name, i);
        TRY(make(e, "_Choose", name, 3, &made));
        made->input[0] = d->input[0];
        made->input[1] = rets[0][i];
        made->input[2] = rets[1][i];
        out->input[i] = name;
    }
    return STATUS_OK;
}

static enum status loop(struct expansion *e, const TfNodeDef *d, TfNodeDef *out) {
    const struct function *condition, *body;
    char **rets;
    size_t n = d->n_input;
    TRY(find_function(e, d, "cond", &condition));
    TRY(find_function(e, d, "body", &body));
    CHECK(condition->signature->n_output_arg == 1 && body->signature->n_output_arg == n,
          STATUS_FORMAT, "%s '%s': what its functions return does not fit its %zu inputs", d->op,
          d->name, n);
    TfNodeDef **merges = arena_calloc(e->arena, n + 1, sizeof *merges), *made;
    char **args = arena_calloc(e->arena, n + 1, sizeof *args);
    CHECK(merges && args, STATUS_MEMORY, NO_MEMORY);
    for (size_t i = 0; i < n; i++) {
        char *enter = arena_printf(e->arena, "%s/enter_%zu", d->name, i);
        char *next = arena_printf(e->arena, "%s/next_%zu", d->name, i);
        TRY(make_with(e, "Enter", enter, d->input[i], NULL, &made));
        TRY(make_with(e, "Merge", arena_printf(e->arena, "%s/merge_%zu", d->name, i), enter, next,
                      &merges[i]));
        CHECK(next, STATUS_MEMORY, NO_MEMORY);
        args[i] = merges[i]->name;
        /* As an attribute of Enter; the node's own name is a frame's. */
        made->attr = arena_calloc(e->arena, 1, sizeof *made->attr);
        Tensorflow__NodeDef__AttrEntry *entry = arena_calloc(e->arena, 1, sizeof *entry);
        TfAttr *value = arena_calloc(e->arena, 1, sizeof *value);
        CHECK(made->attr && entry && value, STATUS_MEMORY, NO_MEMORY);
        tensorflow__node_def__attr_entry__init(entry);
        tensorflow__attr_value__init(value);
        value->has_s = true;
        value->s = (ProtobufCBinaryData){strlen(d->name), (uint8_t *)d->name};
        entry->key = (char *)(uintptr_t)"frame_name";
        entry->value = value;
        made->attr[made->n_attr++] = entry;
    }
    const char *prefix = arena_printf(e->arena, "%s/cond", d->name);
    char *go = arena_printf(e->arena, "%s/loop_cond", d->name);
    CHECK(prefix, STATUS_MEMORY, NO_MEMORY);
    TRY(write_body(e, condition, prefix, n, args, &rets));
    TRY(make_with(e, "LoopCond", go, rets[0], NULL, &made));
    out->n_input = n;
    out->input = arena_calloc(e->arena, n + 1, sizeof *out->input);
    CHECK(out->input, STATUS_MEMORY, NO_MEMORY);
    for (size_t i = 0; i < n; i++) {
        char *way = arena_printf(e->arena, "%s/switch_%zu", d->name, i);
        out->input[i] = arena_printf(e->arena, "%s/exit_%zu", d->name, i);
        TRY(make_with(e, "Switch", way, merges[i]->name, go, &made));
        TRY(make_with(e, "Exit", out->input[i], way, NULL, &made));
        args[i] = arena_printf(e->arena, "%s:1", way);
        CHECK(args[i], STATUS_MEMORY, NO_MEMORY);
    }
    prefix = arena_printf(e->arena, "%s/body", d->name);
    CHECK(prefix, STATUS_MEMORY, NO_MEMORY);
    TRY(write_body(e, body, prefix, n, args, &rets));
    for (size_t i = 0; i < n; i++)
        TRY(make_with(e, "NextIteration", merges[i]->input[1], rets[i], NULL, &made));
    return STATUS_OK;
}

/* ---- the graph ---- */

static enum status expand(struct expansion *e, TfNodeDef *d, const char *origin) {
    static const struct {
        const char *op;
        enum status (*write)(struct expansion *, const TfNodeDef *, TfNodeDef *);
    } calls[] = {{"PartitionedCall", call}, {"StatefulPartitionedCall", call}, {"If", branch},
                 {"StatelessIf", branch},   {"While", loop},      {"StatelessWhile", loop}};
    for (size_t i = 0; d->op && d->name && i < sizeof calls / sizeof calls[0]; i++) {
        if (strcmp(d->op, calls[i].op)) continue;
        /* Control inputs come last. */
        while (d->n_input && *d->input[d->n_input - 1] == '^') d->n_input--;
        TfNodeDef *results;
        TRY(make(e, "IdentityN", d->name, 0, &results));
        return calls[i].write(e, d, results);
    }
    return push(e, d, origin);
}

static int by_function_name(const void *a, const void *b) {
    return strcmp(((const struct function *)a)->name, ((const struct function *)b)->name);
}

static int by_node_name(const void *a, const void *b) {
    return strcmp((*(const TfNodeDef *const *)a)->name, (*(const TfNodeDef *const *)b)->name);
}

static enum status read_function(struct expansion *e, const Tensorflow__FunctionDef *def) {
    struct function *f = &e->functions[e->n_functions++];
    CHECK(def->signature && def->signature->name, STATUS_FORMAT, "a function has no name");
    *f = (struct function){.def = def, .signature = def->signature, .name = def->signature->name};
    f->nodes = arena_calloc(e->arena, def->n_node_def + 1, sizeof *f->nodes);
    CHECK(f->nodes, STATUS_MEMORY, NO_MEMORY);
    for (size_t i = 0; i < def->n_node_def; i++) {
        f->nodes[i] = def->node_def[i];
        CHECK(f->nodes[i]->name && *f->nodes[i]->name && f->nodes[i]->op && *f->nodes[i]->op,
              STATUS_FORMAT, "function '%s': a node has no name or no operator", f->name);
    }
    qsort(f->nodes, def->n_node_def, sizeof *f->nodes, by_node_name);
    return STATUS_OK;
}

enum status tf_write_functions(struct arena *arena, const Tensorflow__GraphDef *def,
                               struct tf_nodes *out) {
    struct expansion e = {.arena = arena};
    const Tensorflow__FunctionDefLibrary *library = def->library;
    if (!library || !library->n_function) {
        *out = (struct tf_nodes){def->n_node, def->node, NULL};
        return STATUS_OK;
    }
    e.functions = arena_calloc(arena, library->n_function, sizeof *e.functions);
    CHECK(e.functions, STATUS_MEMORY, NO_MEMORY);
    for (size_t i = 0; i < library->n_function; i++)
        TRY(read_function(&e, library->function[i]));
    qsort(e.functions, e.n_functions, sizeof *e.functions, by_function_name);
    for (size_t i = 0; i < def->n_node; i++)
        TRY(expand(&e, def->node[i], def->node[i]->name));
    *out = (struct tf_nodes){e.n, e.nodes, e.origin};
    return STATUS_OK;
}
