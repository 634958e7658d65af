/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One ONNX node becomes a node of ours: names are resolved, functions and branches inlined
 * (control.c), the older forms rewritten (rewrite.c), attributes copied where our operator knows
 * them.
 *
 * Shapes are inferred as nodes are added, because some rewrites need to know a rank or a type. Once
 * something was found unsupported the rest is only looked through, so that one failure names all.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "import/onnx/onnx.h"
#include "ops/op.h"

#define NO_MEMORY "out of memory while importing the model"

const char *node_label(const struct onnx_node *n, char buf[static 160]) {
    const Onnx__NodeProto *p = n->proto;
    const char *name = n->name && *n->name ? n->name : p->n_output ? p->output[0] : "";
    snprintf(buf, 160, "%.40s '%.100s'", p->op_type ? p->op_type : "", name);
    return buf;
}

enum status node_unsupported(struct importer *im, const struct onnx_node *n, const char *format,
                             ...) {
    const Onnx__NodeProto *p = n->proto;
    va_list args;
    va_start(args, format);
    lacks_add(&im->lacks, p->op_type ? p->op_type : "",
              n->name && *n->name ? n->name : p->n_output ? p->output[0] : "", format, args);
    va_end(args);
    return STATUS_OK;
}

/* ---- attributes ---- */

const Onnx__AttributeProto *onode_attr(const struct onnx_node *n, const char *name) {
    for (int i = 0; i < n->n_attrs; i++)
        if (!strcmp(n->attrs[i]->name, name)) return n->attrs[i];
    return NULL;
}

int64_t onode_int(const struct onnx_node *n, const char *name, int64_t fallback) {
    const Onnx__AttributeProto *a = onode_attr(n, name);
    return a && a->type == ONNX_INT ? a->i : fallback;
}

float onode_float(const struct onnx_node *n, const char *name, float fallback) {
    const Onnx__AttributeProto *a = onode_attr(n, name);
    return a && a->type == ONNX_FLOAT ? a->f : fallback;
}

bool onode_string_is(const struct onnx_node *n, const char *name, const char *value) {
    const Onnx__AttributeProto *a = onode_attr(n, name);
    return a && a->type == ONNX_STRING && a->s.len == strlen(value) &&
           !memcmp(a->s.data, value, a->s.len);
}

void onode_drop(struct onnx_node *n, const char *name) {
    for (int i = 0; i < n->n_attrs; i++)
        if (!strcmp(n->attrs[i]->name, name)) n->attrs[i--] = n->attrs[--n->n_attrs];
}

static enum status new_attr(struct importer *im, struct onnx_node *n, const char *name, int type,
                            Onnx__AttributeProto **out) {
    onode_drop(n, name);
    const Onnx__AttributeProto **wider =
        arena_calloc(im->arena, (size_t)n->n_attrs + 1, sizeof *wider);
    Onnx__AttributeProto *a = arena_alloc(im->arena, sizeof *a);
    CHECK(wider && a, STATUS_MEMORY, NO_MEMORY);
    onnx__attribute_proto__init(a);
    a->name = arena_strdup(im->arena, name);
    CHECK(a->name, STATUS_MEMORY, NO_MEMORY);
    a->type = type;
    if (n->n_attrs) memcpy(wider, n->attrs, (size_t)n->n_attrs * sizeof *wider);
    wider[n->n_attrs++] = a;
    n->attrs = wider;
    *out = a;
    return STATUS_OK;
}

enum status onode_set_int(struct importer *im, struct onnx_node *n, const char *name, int64_t v) {
    Onnx__AttributeProto *a;
    TRY(new_attr(im, n, name, ONNX_INT, &a));
    a->i = v;
    return STATUS_OK;
}

enum status onode_set_string(struct importer *im, struct onnx_node *n, const char *name,
                             const char *v) {
    Onnx__AttributeProto *a;
    TRY(new_attr(im, n, name, ONNX_STRING, &a));
    a->s.data = (uint8_t *)arena_strdup(im->arena, v);
    CHECK(a->s.data, STATUS_MEMORY, NO_MEMORY);
    a->s.len = strlen(v);
    return STATUS_OK;
}

enum status onode_set_ints(struct importer *im, struct onnx_node *n, const char *name, size_t count,
                           const int64_t *v) {
    Onnx__AttributeProto *a;
    TRY(new_attr(im, n, name, ONNX_INTS, &a));
    a->ints = arena_calloc(im->arena, count + 1, sizeof *a->ints);
    CHECK(a->ints, STATUS_MEMORY, NO_MEMORY);
    memcpy(a->ints, v, count * sizeof *v);
    a->n_ints = count;
    return STATUS_OK;
}

enum status onode_set_input(struct importer *im, struct onnx_node *n, int i, int t) {
    if (i >= n->n_inputs) {
        int *wider = arena_calloc(im->arena, (size_t)i + 1, sizeof *wider);
        CHECK(wider, STATUS_MEMORY, NO_MEMORY);
        for (int k = 0; k <= i; k++) wider[k] = k < n->n_inputs ? n->inputs[k] : -1;
        n->inputs = wider;
        n->n_inputs = i + 1;
    }
    n->inputs[i] = t;
    return STATUS_OK;
}

/* Files of the first IR version leave the type out. */
static int guessed_type(const Onnx__AttributeProto *a) {
    return a->has_f ? ONNX_FLOAT : a->has_i ? ONNX_INT : a->has_s ? ONNX_STRING : a->t ? ONNX_TENSOR
           : a->g ? ONNX_GRAPH : a->n_floats ? ONNX_FLOATS : a->n_ints ? ONNX_INTS
           : a->n_strings ? ONNX_STRINGS : 0;
}

/* The attributes of a node; within a function those that name one of the function's are replaced by
 * what the call gives. */
static enum status resolve_attrs(struct importer *im, struct onnx_node *n) {
    const Onnx__NodeProto *p = n->proto;
    n->attrs = arena_calloc(im->arena, p->n_attribute + 1, sizeof *n->attrs);
    CHECK(n->attrs, STATUS_MEMORY, NO_MEMORY);
    char label[160];
    for (size_t i = 0; i < p->n_attribute; i++) {
        const Onnx__AttributeProto *a = p->attribute[i];
        CHECK(a->name && *a->name, STATUS_FORMAT, "%s has an attribute without a name",
              node_label(n, label));
        CHECK(!onode_attr(n, a->name), STATUS_FORMAT, "%s has attribute '%s' twice",
              node_label(n, label), a->name);
        if (a->ref_attr_name && *a->ref_attr_name) {
            const struct onnx_block *b = n->block;
            while (b && !b->call) b = b->parent;
            const Onnx__AttributeProto *given = b ? onode_attr(b->call, a->ref_attr_name) : NULL;
            for (size_t k = 0; b && !given && k < b->function->n_attribute_proto; k++) {
                const Onnx__AttributeProto *d = b->function->attribute_proto[k];
                if (d->name && !strcmp(d->name, a->ref_attr_name)) given = d;
            }
            if (!given) continue; /* the operator's default holds */
            Onnx__AttributeProto *renamed = arena_alloc(im->arena, sizeof *renamed);
            CHECK(renamed, STATUS_MEMORY, NO_MEMORY);
            *renamed = *given;
            renamed->name = a->name;
            a = renamed;
        }
        if (!a->type) {
            Onnx__AttributeProto *typed = arena_alloc(im->arena, sizeof *typed);
            CHECK(typed, STATUS_MEMORY, NO_MEMORY);
            *typed = *a;
            typed->type = guessed_type(a);
            a = typed;
        }
        n->attrs[n->n_attrs++] = a;
    }
    return STATUS_OK;
}

/* Left by old releases and by exporters; they change nothing of what inference computes. */
static bool harmless_attr(const char *name) {
    static const char *const names[] = {"consumed_inputs", "is_test", "saturate", "round_mode",
                                        "doc_string", "onnx_name", "pytorch_name"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (!strcmp(name, names[i])) return true;
    return false;
}

static enum status copy_text(struct importer *im, const Onnx__AttributeProto *a, const char **out) {
    if (a->type == ONNX_STRING) {
        /* An empty one has no address. */
        *out = a->s.len ? arena_strndup(im->arena, (const char *)a->s.data, a->s.len) : "";
        CHECK(*out, STATUS_MEMORY, NO_MEMORY);
        return STATUS_OK;
    }
    /* A list of names ("activations") becomes one text with commas. */
    const char *text = "";
    for (size_t i = 0; i < a->n_strings; i++) {
        text = arena_printf(im->arena, "%s%s%.*s", text, i ? "," : "", (int)a->strings[i].len,
                            a->strings[i].len ? (const char *)a->strings[i].data : "");
        CHECK(text && a->n_strings <= 64, STATUS_MEMORY, NO_MEMORY);
    }
    *out = text;
    return STATUS_OK;
}

/* Copies attribute `a` to node `at`. *fits: its type is what the operator wants. */
static enum status copy_attr(struct importer *im, int at, const Onnx__AttributeProto *a,
                             const struct attr_spec *spec, bool *fits) {
    struct graph *g = im->g;
    *fits = true;
    switch (spec->type) {
    case ATTR_INT:
        if (a->type == ONNX_INT) return node_set_int(g, at, a->name, a->i);
        break;
    case ATTR_FLOAT:
        if (a->type == ONNX_FLOAT) return node_set_float(g, at, a->name, a->f);
        break;
    case ATTR_INTS:
        if (a->type == ONNX_INTS)
            return node_set_ints(g, at, a->name, (int)a->n_ints, a->ints);
        break;
    case ATTR_FLOATS:
        if (a->type == ONNX_FLOATS)
            return node_set_floats(g, at, a->name, (int)a->n_floats, a->floats);
        break;
    case ATTR_STRING:
        if (a->type == ONNX_STRING || a->type == ONNX_STRINGS) {
            const char *text;
            TRY(copy_text(im, a, &text));
            return node_set_string(g, at, a->name, text);
        }
        /* An element type: ONNX has a number, we write its name. */
        if (a->type == ONNX_INT && a->i >= 0 && a->i < 64 && onnx_dtype((int32_t)a->i) != DT_NONE)
            return node_set_string(g, at, a->name, dtype_name(onnx_dtype((int32_t)a->i)));
        break;
    }
    *fits = false;
    return STATUS_OK;
}

/* ---- into the graph ---- */

static enum status infer_added(struct importer *im, const struct onnx_node *n, int at) {
    if (im->lacks.n_nodes) return STATUS_OK;
    enum status s = graph_infer_node(im->g, at);
    if (s == STATUS_OK) return import_fold(im->g, at);
    if (s != STATUS_UNSUPPORTED) return s;
    /* The sentence begins with the node already; keep what follows. */
    const char *text = status_message(), *colon = strstr(text, "': ");
    return node_unsupported(im, n, "%.300s", colon ? colon + 3 : text);
}

enum status node_commit(struct importer *im, struct onnx_node *n) {
    enum op_kind kind = op_find(n->op);
    char label[160];
    if (kind == OP_NONE)
        return node_unsupported(im, n, "the operator is not supported");
    const struct op_def *def = op_def(kind);
    while (n->n_inputs > def->min_inputs && n->inputs[n->n_inputs - 1] < 0) n->n_inputs--;
    /* Of an operator with any number of outputs the number means something. */
    while (def->max_outputs >= 0 && n->n_outputs > 1 && n->outputs[n->n_outputs - 1] < 0)
        n->n_outputs--;
    CHECK(n->n_inputs >= def->min_inputs, STATUS_FORMAT, "%s has %d inputs; it needs %d",
          node_label(n, label), n->n_inputs, def->min_inputs);
    for (int i = 0; i < def->min_inputs; i++)
        CHECK(n->inputs[i] >= 0, STATUS_FORMAT, "%s: input %d is missing", node_label(n, label), i);
    if (def->max_inputs >= 0 && n->n_inputs > def->max_inputs)
        return node_unsupported(im, n, "%d inputs; at most %d are supported", n->n_inputs,
                                def->max_inputs);
    if (def->max_outputs >= 0 && n->n_outputs > def->max_outputs)
        return node_unsupported(im, n, "%d outputs; at most %d are supported", n->n_outputs,
                                def->max_outputs);
    CHECK(n->n_outputs >= def->min_outputs, STATUS_FORMAT, "%s has %d outputs; it has %d",
          node_label(n, label), n->n_outputs, def->min_outputs);
    CHECK(++im->n_nodes <= ONNX_MAX_NODES, STATUS_LIMIT, "the model has more than %d nodes",
          ONNX_MAX_NODES);
    int at;
    TRY(graph_add_node(im->g, kind, n->name, n->n_inputs, n->inputs, n->n_outputs, n->outputs,
                       &at));
    for (int i = 0; i < n->n_attrs; i++) {
        const Onnx__AttributeProto *a = n->attrs[i];
        const struct attr_spec *spec = def->attrs;
        while (spec && spec->name && strcmp(spec->name, a->name)) spec++;
        bool fits = true;
        if (spec && spec->name) TRY(copy_attr(im, at, a, spec, &fits));
        else if (!harmless_attr(a->name))
            TRY(node_unsupported(im, n, "attribute '%.60s' is not supported", a->name));
        if (!fits && spec->type == ATTR_STRING && a->type == ONNX_INT)
            TRY(node_unsupported(im, n, "elements of type %s are not supported",
                                 onnx_type_name((int32_t)a->i)));
        else if (!fits)
            TRY(node_unsupported(im, n, "attribute '%.60s' has a type that is not supported",
                                 a->name));
    }
    return infer_added(im, n, at);
}

/* ---- one node ---- */

static enum status resolve_names(struct importer *im, struct onnx_node *n) {
    const Onnx__NodeProto *p = n->proto;
    char label[160];
    CHECK(p->n_input < INT32_MAX / 8 && p->n_output < INT32_MAX / 8, STATUS_LIMIT,
          "a node has too many inputs");
    n->n_inputs = (int)p->n_input;
    n->n_outputs = (int)p->n_output;
    n->inputs = arena_calloc(im->arena, p->n_input + 1, sizeof *n->inputs);
    n->outputs = arena_calloc(im->arena, p->n_output + 1, sizeof *n->outputs);
    CHECK(n->inputs && n->outputs, STATUS_MEMORY, NO_MEMORY);
    for (size_t i = 0; i < p->n_input; i++) {
        n->inputs[i] = -1;
        if (!*p->input[i]) continue;
        TRY(block_tensor(im, n->block, p->input[i], &n->inputs[i]));
        /* A function's input that its caller left out is known, but has no tensor. */
        const struct onnx_block *b = n->block;
        while (n->inputs[i] < 0 && b && !block_find(b, p->input[i])) b = b->parent;
        CHECK(b, STATUS_FORMAT, "%s: input '%s' is produced by nothing", node_label(n, label),
              p->input[i]);
    }
    for (size_t i = 0; i < p->n_output; i++) {
        n->outputs[i] = -1;
        if (!*p->output[i]) continue;
        const struct onnx_value *v = block_find(n->block, p->output[i]);
        /* The first output is always made, and each part of a Split; the others where somebody
         * reads them. */
        if (i == 0 || v->uses || v->tensor >= 0 || !strcmp(n->op, "Split"))
            TRY(block_tensor(im, n->block, p->output[i], &n->outputs[i]));
    }
    return STATUS_OK;
}

enum status node_convert(struct importer *im, struct onnx_block *b, const Onnx__NodeProto *p) {
    struct onnx_node *n = arena_alloc(im->arena, sizeof *n);
    CHECK(n, STATUS_MEMORY, NO_MEMORY);
    *n = (struct onnx_node){.proto = p, .block = b, .op = p->op_type, .opset = b->opset};
    CHECK(p->op_type && *p->op_type, STATUS_FORMAT, "node '%s' has no operator",
          p->name ? p->name : "");
    n->name = p->name && *p->name ? p->name : NULL;
    if (n->name && *b->prefix) {
        n->name = arena_printf(im->arena, "%s%s", b->prefix, p->name);
        CHECK(n->name, STATUS_MEMORY, NO_MEMORY);
    }
    TRY(resolve_attrs(im, n));
    TRY(resolve_names(im, n));
    bool done = false;
    TRY(node_call(im, n, &done));
    if (done) return STATUS_OK;
    if (p->domain && !strcmp(p->domain, "com.microsoft")) {
        TRY(node_contrib(im, n, &done));
        return done ? STATUS_OK : node_commit(im, n);
    }
    if (p->domain && *p->domain && strcmp(p->domain, "ai.onnx"))
        return node_unsupported(im, n, "the operator is of domain '%.80s', which is not supported",
                                p->domain);
    TRY(node_control(im, n, &done));
    if (!done) TRY(node_rewrite(im, n, &done));
    return done ? STATUS_OK : node_commit(im, n);
}
