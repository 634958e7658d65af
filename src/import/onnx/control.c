/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What has a body: functions of the model, If, Loop and Scan. Our graph is flat, so bodies are
 * inlined.
 *
 * A decided If becomes the branch it takes; an open one becomes both branches and a Where, if they
 * give tensors of one shape. A Loop whose trips are known and a Scan over a known length are
 * unrolled. The rest is unsupported.
 */
#include <string.h>

#include "base/alloc.h"
#include "import/onnx/onnx.h"
#include "ops/op.h"

#define NO_MEMORY "out of memory while importing the model"

/* ---- bodies ---- */

/* An output of a body: into which tensor it goes (-1: whichever it is), and where it went. */
struct body_output {
    const char *name;
    bool wanted;
    int tensor;
};

static enum status new_block(struct importer *im, const struct onnx_node *n, int trip,
                             struct onnx_block **out) {
    struct onnx_block *b = arena_alloc(im->arena, sizeof *b);
    CHECK(b, STATUS_MEMORY, NO_MEMORY);
    /* Names of nodes carry the prefixes of the blocks around them already. */
    const char *name =
        n->name && *n->name ? n->name : n->proto->n_output ? n->proto->output[0] : "";
    b->prefix = trip < 0 ? arena_printf(im->arena, "%.500s/", name)
                         : arena_printf(im->arena, "%.500s/%d/", name, trip);
    CHECK(b->prefix, STATUS_MEMORY, NO_MEMORY);
    b->opset = n->opset;
    *out = b;
    return STATUS_OK;
}

static enum status add_block_input(struct importer *im, const struct onnx_node *n,
                                   struct onnx_block *b, const char *name, int tensor) {
    struct onnx_value *v;
    char label[160];
    CHECK(name && *name && !block_find(b, name), STATUS_FORMAT,
          "%s: input '%s' of its body has no name or is given twice", node_label(n, label),
          name ? name : "");
    return block_add_value(im, b, name, tensor, &v);
}

static enum status convert_body(struct importer *im, const struct onnx_node *n,
                                struct onnx_block *b,
                                size_t n_outputs, struct body_output *outputs) {
    char label[160];
    struct onnx_value **wanted = arena_calloc(im->arena, n_outputs + 1, sizeof *wanted);
    CHECK(wanted, STATUS_MEMORY, NO_MEMORY);
    CHECK(++im->nesting <= ONNX_MAX_NESTING, STATUS_LIMIT,
          "%s: functions and branches are nested more than %d deep", node_label(n, label),
          ONNX_MAX_NESTING);
    TRY(block_add_nodes(im, b));
    int n_wanted = 0;
    for (size_t i = 0; i < n_outputs; i++) {
        struct onnx_value *v = outputs[i].wanted ? block_find(b, outputs[i].name) : NULL;
        if (!v) continue;
        /* What a node of the block produces goes into the caller's tensor at once. */
        if (v->node >= 0 && v->tensor < 0 && outputs[i].tensor >= 0) v->tensor = outputs[i].tensor;
        wanted[n_wanted++] = v;
    }
    TRY(block_convert(im, b, n_wanted, wanted));
    for (size_t i = 0; i < n_outputs; i++) {
        if (!outputs[i].wanted) continue;
        int t, to = outputs[i].tensor;
        TRY(block_tensor(im, b, outputs[i].name, &t));
        CHECK(t >= 0, STATUS_FORMAT, "%s: output '%s' of its body is produced by nothing",
              node_label(n, label), outputs[i].name);
        outputs[i].tensor = t;
        if (to < 0 || to == t) continue;
        /* It comes from elsewhere, or is an output twice. */
        struct onnx_node copy = *n;
        copy.op = "Identity";
        copy.n_inputs = copy.n_outputs = 1;
        copy.inputs = &t;
        copy.outputs = &to;
        copy.n_attrs = 0;
        TRY(node_commit(im, &copy));
        outputs[i].tensor = to;
    }
    im->nesting--;
    return STATUS_OK;
}

/* ---- functions ---- */

static enum status function_key(struct importer *im, const char *domain, const char *name,
                                const char *overload, const char **out) {
    *out = arena_printf(im->arena, "%s\n%s\n%s", domain ? domain : "", name ? name : "",
                        overload ? overload : "");
    CHECK(*out, STATUS_MEMORY, NO_MEMORY);
    return STATUS_OK;
}

enum status importer_add_functions(struct importer *im) {
    for (size_t i = 0; i < im->model->n_functions; i++) {
        const Onnx__FunctionProto *f = im->model->functions[i];
        const char *key;
        struct onnx_value *v;
        TRY(function_key(im, f->domain, f->name, f->overload, &key));
        TRY(block_add_value(im, &im->functions, key, -1, &v));
        CHECK(v->node < 0, STATUS_FORMAT, "the model has two functions named '%s'",
              f->name ? f->name : "");
        v->node = (int)i;
    }
    return STATUS_OK;
}

enum status node_call(struct importer *im, const struct onnx_node *n, bool *done) {
    *done = false;
    if (!im->model->n_functions) return STATUS_OK;
    const char *key;
    TRY(function_key(im, n->proto->domain, n->proto->op_type, n->proto->overload, &key));
    const struct onnx_value *v = block_find(&im->functions, key);
    if (!v) return STATUS_OK;
    *done = true;
    const Onnx__FunctionProto *f = im->model->functions[v->node];
    struct onnx_block *b;
    TRY(new_block(im, n, -1, &b));
    b->nodes = f->node;
    b->n_nodes = f->n_node;
    b->call = n;
    b->function = f;
    for (size_t i = 0; i < f->n_opset_import; i++) {
        const char *domain = f->opset_import[i]->domain;
        if (!domain || !*domain || !strcmp(domain, "ai.onnx"))
            b->opset = (int)f->opset_import[i]->version;
    }
    for (size_t i = 0; i < f->n_input; i++)
        TRY(add_block_input(im, n, b, f->input[i], (int)i < n->n_inputs ? n->inputs[i] : -1));
    struct body_output *outputs = arena_calloc(im->arena, f->n_output + 1, sizeof *outputs);
    CHECK(outputs, STATUS_MEMORY, NO_MEMORY);
    for (size_t i = 0; i < f->n_output; i++) {
        int to = (int)i < n->n_outputs ? n->outputs[i] : -1;
        outputs[i] = (struct body_output){f->output[i], to >= 0, to};
    }
    return convert_body(im, n, b, f->n_output, outputs);
}

/* ---- subgraphs ---- */

static enum status find_body(const struct onnx_node *n, const char *attr,
                             const Onnx__GraphProto **out) {
    const Onnx__AttributeProto *a = onode_attr(n, attr);
    char label[160];
    CHECK(a && a->g, STATUS_FORMAT, "%s has no %s", node_label(n, label), attr);
    *out = a->g;
    return STATUS_OK;
}

/* Converts a subgraph whose inputs are `inputs`; outputs[i].name is filled in. */
static enum status convert_graph(struct importer *im, const struct onnx_node *n, int trip,
                                 const Onnx__GraphProto *g, int n_inputs, const int *inputs,
                                 int n_outputs, struct body_output *outputs) {
    struct onnx_block *b;
    char label[160];
    CHECK((int)g->n_input == n_inputs && (int)g->n_output >= n_outputs, STATUS_FORMAT,
          "%s: its body has %zu inputs and %zu outputs instead of %d and %d", node_label(n, label),
          g->n_input, g->n_output, n_inputs, n_outputs);
    TRY(new_block(im, n, trip, &b));
    b->parent = n->block;
    TRY(block_add_graph(im, b, g));
    for (int i = 0; i < n_inputs; i++) TRY(add_block_input(im, n, b, g->input[i]->name, inputs[i]));
    for (int i = 0; i < n_outputs; i++)
        outputs[i].name = g->output[i]->name ? g->output[i]->name : "";
    return convert_body(im, n, b, (size_t)n_outputs, outputs);
}

/* 1, 0, or -1 if the value of tensor t is not known. */
static int known_bool(const struct importer *im, int t) {
    const struct tensor *x = &im->g->tensors[t];
    if (!x->data || x->dtype != DT_BOOL || x->data_bytes != 1) return -1;
    return *(const uint8_t *)x->data != 0;
}

static enum status move_to(struct importer *im, const struct onnx_node *n, const char *op,
                           int n_inputs, int *inputs, int output) {
    struct onnx_node h = *n;
    h.op = op;
    h.n_inputs = n_inputs;
    h.inputs = inputs;
    h.n_outputs = 1;
    h.outputs = &output;
    h.n_attrs = 0;
    return node_commit(im, &h);
}

/* ---- If ---- */

static enum status select_branches(struct importer *im, const struct onnx_node *n) {
    struct body_output *branch[2];
    static const char *const names[2] = {"then_branch", "else_branch"};
    for (int k = 0; k < 2; k++) {
        const Onnx__GraphProto *g;
        TRY(find_body(n, names[k], &g));
        branch[k] = arena_calloc(im->arena, (size_t)n->n_outputs + 1, sizeof *branch[k]);
        CHECK(branch[k], STATUS_MEMORY, NO_MEMORY);
        for (int i = 0; i < n->n_outputs; i++)
            branch[k][i] = (struct body_output){"", n->outputs[i] >= 0, -1};
        TRY(convert_graph(im, n, k, g, 0, NULL, n->n_outputs, branch[k]));
    }
    for (int i = 0; i < n->n_outputs && !im->lacks.n_nodes; i++) {
        if (n->outputs[i] < 0) continue;
        int t[3] = {n->inputs[0], branch[0][i].tensor, branch[1][i].tensor};
        const struct tensor *c = &im->g->tensors[t[0]], *a = &im->g->tensors[t[1]],
                            *b = &im->g->tensors[t[2]];
        if (a->dtype != b->dtype || !shape_known(&a->shape) || !shape_equal(&a->shape, &b->shape) ||
            c->shape.rank < 0 || c->shape.rank > a->shape.rank)
            return node_unsupported(im, n, "an If whose condition is known only when running is "
                                    "supported where both branches give tensors of one shape");
        TRY(move_to(im, n, "Where", 3, t, n->outputs[i]));
    }
    return STATUS_OK;
}

static enum status convert_if(struct importer *im, const struct onnx_node *n) {
    char label[160];
    CHECK(n->n_inputs == 1 && n->inputs[0] >= 0, STATUS_FORMAT, "%s needs one input",
          node_label(n, label));
    int taken = known_bool(im, n->inputs[0]);
    /* With something unsupported before it, nothing is known and both branches are looked
     * through. */
    if (taken < 0) return select_branches(im, n);
    const Onnx__GraphProto *g;
    TRY(find_body(n, taken ? "then_branch" : "else_branch", &g));
    struct body_output *outputs = arena_calloc(im->arena, (size_t)n->n_outputs + 1,
                                               sizeof *outputs);
    CHECK(outputs, STATUS_MEMORY, NO_MEMORY);
    for (int i = 0; i < n->n_outputs; i++)
        outputs[i] = (struct body_output){"", n->outputs[i] >= 0, n->outputs[i]};
    return convert_graph(im, n, -1, g, 0, NULL, n->n_outputs, outputs);
}

/* ---- Loop and Scan ---- */

/* Outputs that collect one element a trip. */
struct stack {
    int n, cap;
    int *tensors;
};

static enum status stack_push(struct importer *im, struct stack *s, int tensor) {
    if (s->n == s->cap) {
        int wider = s->cap ? 2 * s->cap : 8;
        int *fresh = arena_calloc(im->arena, (size_t)wider, sizeof *fresh);
        CHECK(fresh, STATUS_MEMORY, NO_MEMORY);
        if (s->n) memcpy(fresh, s->tensors, (size_t)s->n * sizeof *fresh);
        s->tensors = fresh;
        s->cap = wider;
    }
    s->tensors[s->n++] = tensor;
    return STATUS_OK;
}

static enum status stack_join(struct importer *im, const struct onnx_node *n, const struct stack *s,
                              int64_t axis, bool backwards, int output) {
    int *parts = arena_calloc(im->arena, (size_t)s->n, sizeof *parts);
    CHECK(parts, STATUS_MEMORY, NO_MEMORY);
    for (int i = 0; i < s->n; i++) {
        int t[2] = {s->tensors[i]};
        TRY(constant_ints(im, n, "axis", 1, &axis, &t[1]));
        TRY(emit(im, n, "Unsqueeze", 2, t, &parts[backwards ? s->n - 1 - i : i]));
    }
    struct onnx_node h = *n;
    h.op = "Concat";
    h.n_inputs = s->n;
    h.inputs = parts;
    h.n_outputs = 1;
    h.outputs = &output;
    h.n_attrs = 0;
    TRY(onode_set_int(im, &h, "axis", axis));
    return node_commit(im, &h);
}

/* What runs through a loop: `n_state` values from trip to trip, and `n_stacks` collected. */
struct loop {
    const Onnx__GraphProto *body;
    int n_state, n_stacks;
    int *state;
    struct stack *stacks;
};

static enum status loop_init(struct importer *im, const struct onnx_node *n, struct loop *l,
                             const int *initial) {
    char label[160];
    CHECK(l->n_state >= 0 && l->n_stacks >= 0 && n->n_outputs <= l->n_state + l->n_stacks,
          STATUS_FORMAT, "%s: inputs, outputs and body do not fit together", node_label(n, label));
    l->state = arena_calloc(im->arena, (size_t)l->n_state + 1, sizeof *l->state);
    l->stacks = arena_calloc(im->arena, (size_t)l->n_stacks + 1, sizeof *l->stacks);
    CHECK(l->state && l->stacks, STATUS_MEMORY, NO_MEMORY);
    for (int i = 0; i < l->n_state; i++) {
        CHECK(initial[i] >= 0, STATUS_FORMAT, "%s: an initial value is missing",
              node_label(n, label));
        l->state[i] = initial[i];
    }
    return STATUS_OK;
}

/* One trip. The body's outputs are `n_first` others (put into first[]), the state, the stacks. */
static enum status loop_trip(struct importer *im, const struct onnx_node *n, struct loop *l,
                             int trip, int n_inputs, const int *inputs, int n_first, int *first) {
    int n_outputs = n_first + l->n_state + l->n_stacks;
    struct body_output *outputs = arena_calloc(im->arena, (size_t)n_outputs + 1, sizeof *outputs);
    CHECK(outputs, STATUS_MEMORY, NO_MEMORY);
    for (int i = 0; i < n_outputs; i++) {
        int stacked = i - n_first; /* a collected output that nobody reads is not made */
        bool wanted = stacked < l->n_state ||
                      (stacked < n->n_outputs && n->outputs[stacked] >= 0);
        outputs[i] = (struct body_output){"", wanted, -1};
    }
    TRY(convert_graph(im, n, trip, l->body, n_inputs, inputs, n_outputs, outputs));
    for (int i = 0; i < n_first; i++) first[i] = outputs[i].tensor;
    for (int i = 0; i < l->n_state; i++) l->state[i] = outputs[n_first + i].tensor;
    for (int i = 0; i < l->n_stacks; i++) {
        const struct body_output *o = &outputs[n_first + l->n_state + i];
        if (o->wanted) TRY(stack_push(im, &l->stacks[i], o->tensor));
    }
    return STATUS_OK;
}

static enum status convert_loop(struct importer *im, const struct onnx_node *n) {
    struct loop l = {0};
    char label[160];
    CHECK(n->n_inputs >= 2, STATUS_FORMAT, "%s needs two inputs", node_label(n, label));
    TRY(find_body(n, "body", &l.body));
    l.n_state = n->n_inputs - 2;
    l.n_stacks = (int)l.body->n_output - 1 - l.n_state;
    TRY(loop_init(im, n, &l, n->inputs + 2));
    int64_t trips = INT64_MAX;
    int known = 1, go = 1;
    if (n->inputs[0] >= 0) TRY(input_ints(im, n, 0, &trips, 1, &known));
    if (n->inputs[1] >= 0) go = known_bool(im, n->inputs[1]);
    if (im->lacks.n_nodes) return STATUS_OK; /* then values are not known anyway */
    const char *open = "a Loop is supported where the number of trips can be told when importing";
    if (known != 1 || go < 0) return node_unsupported(im, n, "%s", open);
    int *inputs = arena_calloc(im->arena, (size_t)n->n_inputs, sizeof *inputs);
    CHECK(inputs, STATUS_MEMORY, NO_MEMORY);
    for (int trip = 0; trip < trips && go; trip++) {
        int condition = -1;
        if (trip >= ONNX_MAX_TRIPS)
            return node_unsupported(im, n, "a Loop of more than %d trips is not supported",
                                    ONNX_MAX_TRIPS);
        TRY(constant_scalar(im, n, "trip", DT_I64, trip, &inputs[0]));
        TRY(constant_scalar(im, n, "condition", DT_BOOL, 1, &inputs[1]));
        for (int i = 0; i < l.n_state; i++) inputs[2 + i] = l.state[i];
        TRY(loop_trip(im, n, &l, trip, n->n_inputs, inputs, 1, &condition));
        if (im->lacks.n_nodes) return STATUS_OK;
        go = known_bool(im, condition);
        if (go < 0) return node_unsupported(im, n, "%s", open);
    }
    for (int i = 0; i < n->n_outputs; i++) {
        if (n->outputs[i] < 0) continue;
        if (i < l.n_state) TRY(move_to(im, n, "Identity", 1, &l.state[i], n->outputs[i]));
        else if (l.stacks[i - l.n_state].n)
            TRY(stack_join(im, n, &l.stacks[i - l.n_state], 0, false, n->outputs[i]));
        else
            return node_unsupported(im, n,
                                    "a Loop of no trips that collects values is not supported");
    }
    return STATUS_OK;
}

/* Element i of a list attribute; 0 if there is none. */
static int64_t list_at(const struct onnx_node *n, const char *name, int i) {
    const Onnx__AttributeProto *a = onode_attr(n, name);
    return a && a->type == ONNX_INTS && (size_t)i < a->n_ints ? a->ints[i] : 0;
}

static enum status convert_scan(struct importer *im, const struct onnx_node *n) {
    struct loop l = {0};
    char label[160];
    if (n->opset < 9) return node_unsupported(im, n, "a Scan of opset 8 is not supported");
    TRY(find_body(n, "body", &l.body));
    int64_t n_scanned = onode_int(n, "num_scan_inputs", 0), length = -1;
    CHECK(n_scanned > 0 && n_scanned <= n->n_inputs, STATUS_FORMAT, "%s: num_scan_inputs is %lld",
          node_label(n, label), (long long)n_scanned);
    l.n_state = n->n_inputs - (int)n_scanned;
    l.n_stacks = (int)l.body->n_output - l.n_state;
    TRY(loop_init(im, n, &l, n->inputs));
    if (im->lacks.n_nodes) return STATUS_OK;
    for (int i = l.n_state; i < n->n_inputs; i++) {
        const struct tensor *x = input_tensor(im, n, i);
        CHECK(x, STATUS_FORMAT, "%s: input %d is missing", node_label(n, label), i);
        int64_t axis = list_at(n, "scan_input_axes", i - l.n_state);
        if (axis < 0) axis += x->shape.rank;
        int64_t dim = axis >= 0 && axis < x->shape.rank ? x->shape.dim[axis] : -1;
        if (dim < 0)
            return node_unsupported(im, n, "a Scan is supported where its length is known when "
                                    "importing; give the inputs' shapes");
        CHECK(length < 0 || dim == length, STATUS_SHAPE,
              "%s: its inputs have lengths %lld and %lld",
              node_label(n, label), (long long)length, (long long)dim);
        length = dim;
    }
    if (length < 1 || length > ONNX_MAX_TRIPS)
        return node_unsupported(im, n, "a Scan over %lld elements is not supported; 1 to %d are",
                                (long long)length, ONNX_MAX_TRIPS);
    int *inputs = arena_calloc(im->arena, (size_t)n->n_inputs, sizeof *inputs);
    CHECK(inputs, STATUS_MEMORY, NO_MEMORY);
    for (int trip = 0; trip < length; trip++) {
        for (int i = 0; i < l.n_state; i++) inputs[i] = l.state[i];
        for (int i = l.n_state; i < n->n_inputs; i++) {
            int k = i - l.n_state, t[2] = {n->inputs[i]};
            bool backwards = list_at(n, "scan_input_directions", k) == 1;
            double at = backwards ? (double)(length - 1 - trip) : trip;
            TRY(constant_scalar(im, n, "at", DT_I64, at, &t[1]));
            TRY(emit_axis(im, n, "Gather", 2, t, list_at(n, "scan_input_axes", k), &inputs[i]));
        }
        TRY(loop_trip(im, n, &l, trip, n->n_inputs, inputs, 0, NULL));
        if (im->lacks.n_nodes) return STATUS_OK;
    }
    for (int i = 0; i < n->n_outputs; i++) {
        int k = i - l.n_state;
        if (n->outputs[i] < 0) continue;
        if (k < 0) TRY(move_to(im, n, "Identity", 1, &l.state[i], n->outputs[i]));
        else
            TRY(stack_join(im, n, &l.stacks[k], list_at(n, "scan_output_axes", k),
                           list_at(n, "scan_output_directions", k) == 1, n->outputs[i]));
    }
    return STATUS_OK;
}

enum status node_control(struct importer *im, struct onnx_node *n, bool *done) {
    *done = true;
    if (!strcmp(n->op, "If")) return convert_if(im, n);
    if (!strcmp(n->op, "Loop")) return convert_loop(im, n);
    if (!strcmp(n->op, "Scan")) return convert_scan(im, n);
    *done = false;
    return STATUS_OK;
}
