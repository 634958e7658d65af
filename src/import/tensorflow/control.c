/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loops and branches. Our graph is flat, so a loop is unrolled, which needs a number of trips that
 * follows from constants and shapes, and a branch is taken while importing.
 *
 * A loop is what TensorFlow 1 wrote: a value comes in by Enter, passes Merge and Switch once a
 * trip, and goes back by NextIteration or out by Exit; LoopCond decides. An Exit is made to wait
 * for the Enters, and its conversion runs the loop: what depends on a Merge is converted anew for
 * each trip, the rest once.
 */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "import/tensorflow/tensorflow.h"
#include "ops/op.h"

#define NO_MEMORY "out of memory while importing the model"

enum { MAX_TRIPS = 1 << 14, MAX_LOOPS = 1 << 12, MAX_NESTING = 32 };

struct tf_loop {
    const uint8_t *name; /* of the frame */
    size_t n_name;
    int n_enters, n_merges, n_inner, n_body;
    struct tf_edge *enters; /* what comes in; for Exits to wait for */
    int *inputs;            /* what the Enters give, as inputs of an Exit */
    struct tf_edge *inner;  /* condition and Merges: what leads to all else */
    struct tf_node **merges;
    struct tf_node *condition;
    struct tf_node **body; /* what a trip converts */
    bool running, done, failed;
};

static bool is(const struct tf_node *n, const char *op) { return !strcmp(n->def->op, op); }

static struct tf_node *source(const struct tf_node *n, int i) {
    return i < n->n_inputs ? &n->im->nodes[n->edges[i].node] : NULL;
}

/* ---- finding loops ---- */

static int by_frame(const void *a, const void *b) {
    const struct tf_node *x = *(struct tf_node *const *)a, *y = *(struct tf_node *const *)b;
    const TfAttr *v = tf_attr(x, "frame_name"), *w = tf_attr(y, "frame_name");
    size_t n = v->s.len < w->s.len ? v->s.len : w->s.len;
    int c = n ? memcmp(v->s.data, w->s.data, n) : 0;
    return c ? c : v->s.len != w->s.len ? (v->s.len < w->s.len ? -1 : 1) : (x > y) - (x < y);
}

/* Enters of one frame_name are one loop. */
static enum status group_enters(struct tf_importer *im, struct tf_node **enters, int n) {
    qsort(enters, (size_t)n, sizeof *enters, by_frame);
    for (int i = 0; i < n; i++) {
        const ProtobufCBinaryData *name = &tf_attr(enters[i], "frame_name")->s;
        struct tf_loop *l = im->n_loops ? &im->loops[im->n_loops - 1] : NULL;
        if (!l || l->n_name != name->len ||
            (name->len && memcmp(l->name, name->data, name->len))) {
            CHECK(im->n_loops < MAX_LOOPS, STATUS_LIMIT, "the model has more than %d loops",
                  MAX_LOOPS);
            l = &im->loops[im->n_loops++];
            *l = (struct tf_loop){.name = name->data, .n_name = name->len};
            l->enters = arena_calloc(im->arena, (size_t)(n - i), sizeof *l->enters);
            CHECK(l->enters, STATUS_MEMORY, NO_MEMORY);
        }
        l->enters[l->n_enters++] = (struct tf_edge){(int)(enters[i] - im->nodes), 0};
        enters[i]->loop = l;
    }
    for (int i = 0; i < im->n_loops; i++) {
        struct tf_loop *l = &im->loops[i];
        l->merges = arena_calloc(im->arena, (size_t)l->n_enters, sizeof *l->merges);
        l->inputs = arena_calloc(im->arena, (size_t)l->n_enters, sizeof *l->inputs);
        CHECK(l->merges && l->inputs, STATUS_MEMORY, NO_MEMORY);
    }
    return STATUS_OK;
}

/* A Merge that begins a loop's trips: an Enter's value first, a NextIteration's then. */
static enum status find_merge(struct tf_node *n) {
    struct tf_node *enter = source(n, 0), *next = source(n, 1);
    if (!enter || !next || !enter->loop || !is(enter, "Enter")) return STATUS_OK;
    CHECK(is(next, "NextIteration") && enter->loop->n_merges < enter->loop->n_enters,
          STATUS_FORMAT, "Merge '%s' joins an Enter with something else than a NextIteration",
          n->def->name);
    n->loop = enter->loop;
    n->loop->merges[n->loop->n_merges++] = n;
    return STATUS_OK;
}

static enum status find_exit(struct tf_node *n) {
    struct tf_node *way = source(n, 0), *merge = way ? source(way, 0) : NULL;
    CHECK(way && merge && is(way, "Switch") && merge->loop && is(merge, "Merge") &&
              source(way, 1) && is(source(way, 1), "LoopCond"),
          STATUS_FORMAT, "Exit '%s' leaves no loop", n->def->name);
    n->loop = merge->loop;
    n->exit_of = merge;
    CHECK(!n->loop->condition || n->loop->condition == source(way, 1), STATUS_FORMAT,
          "the loop that Exit '%s' leaves has two conditions", n->def->name);
    n->loop->condition = source(way, 1);
    return STATUS_OK;
}

enum status tf_find_loops(struct tf_importer *im) {
    struct tf_node **enters = arena_calloc(im->arena, (size_t)im->n_nodes + 1, sizeof *enters);
    int n = 0;
    CHECK(enters, STATUS_MEMORY, NO_MEMORY);
    for (int i = 0; i < im->n_nodes; i++) {
        const TfAttr *frame = tf_attr(&im->nodes[i], "frame_name");
        if (is(&im->nodes[i], "Enter") && frame && frame->has_s) enters[n++] = &im->nodes[i];
    }
    im->loops = arena_calloc(im->arena, (size_t)(n < MAX_LOOPS ? n : MAX_LOOPS) + 1,
                             sizeof *im->loops);
    CHECK(im->loops, STATUS_MEMORY, NO_MEMORY);
    TRY(group_enters(im, enters, n));
    for (int i = 0; i < im->n_nodes; i++)
        if (is(&im->nodes[i], "Merge")) TRY(find_merge(&im->nodes[i]));
    for (int i = 0; i < im->n_nodes; i++)
        if (is(&im->nodes[i], "Exit")) TRY(find_exit(&im->nodes[i]));
    for (int i = 0; i < im->n_loops; i++) {
        struct tf_loop *l = &im->loops[i];
        l->inner = arena_calloc(im->arena, (size_t)l->n_merges + 1, sizeof *l->inner);
        CHECK(l->inner, STATUS_MEMORY, NO_MEMORY);
        for (int k = 0; k < l->n_merges; k++)
            l->inner[l->n_inner++].node = (int)(l->merges[k] - im->nodes);
        if (l->condition) l->inner[l->n_inner++].node = (int)(l->condition - im->nodes);
    }
    return STATUS_OK;
}

/* An Exit's edges are the Enters from now on; needed besides is what those of `edges` tell. */
void tf_exit_edges(struct tf_node *n, int *count, const struct tf_edge **edges) {
    n->edges = n->loop->enters;
    n->inputs = n->loop->inputs;
    n->n_inputs = n->loop->n_enters;
    n->n_pivots = 0;
    *count = n->loop->n_inner;
    *edges = n->loop->inner;
}

/* ---- what a trip converts ---- */

/* Readers of each node: of node i those from first[i] on. */
struct readers {
    int *first, *node;
};

static enum status list_readers(struct tf_importer *im, struct readers *r) {
    size_t total = 0;
    r->first = arena_calloc(im->arena, (size_t)im->n_nodes + 2, sizeof *r->first);
    CHECK(r->first, STATUS_MEMORY, NO_MEMORY);
    for (int i = 0; i < im->n_nodes; i++)
        for (int k = 0; k < im->nodes[i].n_inputs + im->nodes[i].n_pivots; k++) {
            r->first[im->nodes[i].edges[k].node + 2]++;
            CHECK(++total < INT32_MAX, STATUS_LIMIT, "the model has too many edges");
        }
    for (int i = 2; i < im->n_nodes + 2; i++) r->first[i] += r->first[i - 1];
    r->node = arena_calloc(im->arena, total + 1, sizeof *r->node);
    CHECK(r->node, STATUS_MEMORY, NO_MEMORY);
    for (int i = 0; i < im->n_nodes; i++)
        for (int k = 0; k < im->nodes[i].n_inputs + im->nodes[i].n_pivots; k++)
            r->node[r->first[im->nodes[i].edges[k].node + 1]++] = i;
    return STATUS_OK;
}

/* Forwards from the Merges, as far as nodes are needed, not beyond the Exits. */
static enum status mark_body(struct tf_importer *im, struct tf_loop *l, const struct readers *r,
                             int *stack, int *seen, int mark) {
    int n = 0, n_body = 0;
    for (int i = 0; i < l->n_merges; i++) {
        stack[n++] = (int)(l->merges[i] - im->nodes);
        seen[stack[n - 1]] = mark;
    }
    /* The stack is also the list: what was taken from it stays. */
    for (; n_body < n; n_body++) {
        const struct tf_node *at = &im->nodes[stack[n_body]];
        if (is(at, "Exit") && at->loop == l) continue;
        for (int k = r->first[stack[n_body]]; k < r->first[stack[n_body] + 1]; k++) {
            int to = r->node[k];
            if (seen[to] == mark || im->nodes[to].state != TF_NEEDED) continue;
            seen[to] = mark;
            stack[n++] = to;
        }
    }
    l->body = arena_calloc(im->arena, (size_t)n + 1, sizeof *l->body);
    CHECK(l->body, STATUS_MEMORY, NO_MEMORY);
    for (int i = 0; i < n; i++) {
        struct tf_node *at = &im->nodes[stack[i]];
        if ((is(at, "Exit") || is(at, "Merge")) && at->loop == l) {
            at->in_loop |= is(at, "Merge");
            continue;
        }
        at->in_loop = true;
        l->body[l->n_body++] = at;
    }
    return STATUS_OK;
}

enum status tf_mark_loops(struct tf_importer *im) {
    struct readers r;
    if (!im->n_loops) return STATUS_OK;
    int *stack = arena_calloc(im->arena, (size_t)im->n_nodes + 1, sizeof *stack);
    int *seen = arena_calloc(im->arena, (size_t)im->n_nodes + 1, sizeof *seen);
    CHECK(stack && seen, STATUS_MEMORY, NO_MEMORY);
    TRY(list_readers(im, &r));
    for (int i = 0; i < im->n_loops; i++)
        TRY(mark_body(im, &im->loops[i], &r, stack, seen, i + 1));
    return STATUS_OK;
}

/* ---- running loops ---- */

/* The one truth value behind an output; -1: not known. */
static int known_bool(const struct tf_importer *im, int tensor) {
    const struct tensor *t = tensor >= 0 ? &im->g->tensors[tensor] : NULL;
    if (!t || !t->data || t->dtype != DT_BOOL || shape_elements(&t->shape) != 1) return -1;
    return *(const uint8_t *)t->data != 0;
}

static void start_anew(struct tf_node *n) {
    n->state = TF_NEEDED;
    n->next = 0;
    n->n_outputs = 1;
    n->outputs[0] = -1;
    n->dead = false;
    if (n->loop && is(n, "Exit")) n->loop->done = false;
}

static enum status fail_loop(struct tf_loop *l, struct tf_node *exit, const char *format, int v) {
    l->failed = l->done = true;
    return format ? tf_unsupported(exit, format, v) : STATUS_OK;
}

/* values[i] is what Merge i has; the last ones are what the Exits give. */
static enum status run_trips(struct tf_importer *im, struct tf_loop *l, struct tf_node *exit,
                             int *values) {
    int lacking = im->lacks.n_nodes;
    for (int trip = 0;; trip++) {
        for (int i = 0; i < l->n_body; i++) start_anew(l->body[i]);
        for (int i = 0; i < l->n_merges; i++) {
            l->merges[i]->state = TF_DONE;
            l->merges[i]->n_outputs = 1;
            l->merges[i]->outputs[0] = values[i];
        }
        TRY(tf_convert_from(im, (int)(l->condition - im->nodes)));
        int go = known_bool(im, l->condition->outputs[0]);
        if (im->lacks.n_nodes > lacking) return fail_loop(l, exit, NULL, 0);
        if (go < 0)
            return fail_loop(l, exit,
                             "a loop is supported where the number of trips can be told when "
                             "importing; cut the model in front of it (--out_nodes), or behind it "
                             "(name the tensor in --input_shape)", 0);
        if (!go) break;
        if (trip == MAX_TRIPS) return fail_loop(l, exit, "a loop of more than %d trips", MAX_TRIPS);
        for (int i = 0; i < l->n_merges; i++)
            TRY(tf_convert_from(im, l->merges[i]->edges[1].node));
        if (im->lacks.n_nodes > lacking) return fail_loop(l, exit, NULL, 0);
        for (int i = 0; i < l->n_merges; i++) values[i] = source(l->merges[i], 1)->outputs[0];
    }
    l->done = true;
    return STATUS_OK;
}

static enum status run_loop(struct tf_importer *im, struct tf_loop *l, struct tf_node *exit) {
    int *values = arena_calloc(im->arena, (size_t)l->n_merges + 1, sizeof *values);
    CHECK(values, STATUS_MEMORY, NO_MEMORY);
    CHECK(!l->running, STATUS_FORMAT, "Exit '%s' is read within its own loop", exit->def->name);
    CHECK(im->loop_nesting < MAX_NESTING, STATUS_LIMIT, "loops are nested more than %d deep",
          MAX_NESTING);
    for (int i = 0; i < l->n_merges; i++) values[i] = source(l->merges[i], 0)->outputs[0];
    l->running = true;
    im->loop_nesting++;
    enum status s = run_trips(im, l, exit, values);
    im->loop_nesting--;
    l->running = false;
    return s;
}

enum status tf_exit(struct tf_node *n) {
    struct tf_loop *l = n->loop;
    if (!l->done) TRY(run_loop(n->im, l, n));
    return tf_result(n, 0, l->failed ? TF_POISON : n->exit_of->outputs[0]);
}

/* ---- branches ---- */

/* Inputs: data and what decides; outputs: the data if false, if true. */
enum status tf_switch(struct tf_node *n) {
    TRY(tf_need_inputs(n, 2));
    int way = known_bool(n->im, n->inputs[1]);
    if (way < 0)
        return tf_unsupported(n, "a branch that depends on values known only when running is not "
                                 "supported; cut the model in front of it (--out_nodes), or behind "
                                 "it (name the tensor in --input_shape)");
    TRY(tf_result(n, !way, TF_DEAD));
    return tf_result(n, way, n->inputs[0]);
}

/* The input that is there. */
enum status tf_merge(struct tf_node *n) {
    int live = -1, index;
    for (int i = 0; i < n->n_inputs; i++) {
        if (n->inputs[i] == TF_DEAD) continue;
        CHECK(live < 0, STATUS_FORMAT, "Merge '%s' has two values at once", n->def->name);
        live = i;
    }
    CHECK(live >= 0, STATUS_INTERNAL, "Merge '%s' has no value", n->def->name);
    TRY(tf_result(n, 0, n->inputs[live]));
    TRY(tf_scalar(n, DT_I32, live, &index));
    return tf_result(n, 1, index);
}

/* Ours, from functions.c: what decides, the value if false, if true. */
enum status tf_choose(struct tf_node *n) {
    TRY(tf_need_inputs(n, 3));
    int way = known_bool(n->im, n->inputs[0]);
    CHECK(way >= 0 && n->inputs[1 + way] != TF_DEAD, STATUS_FORMAT,
          "the branch that '%s' takes has no value", n->def->name);
    return tf_result(n, 0, n->inputs[1 + way]);
}

/* ---- branches: what has no data from them ---- */

/* The Switch that a control input stands for, through what TensorFlow puts between. */
struct tf_edge tf_find_pivot(const struct tf_importer *im, const char *name) {
    struct tf_edge none = {-1, 0}, e = {-1, 0};
    for (int depth = 0; depth < 4; depth++) {
        const struct tf_node *n = tf_find(im, name, strlen(name));
        if (!n) return none;
        if (is(n, "Switch")) {
            const struct tf_node *decides = source(n, 1);
            e.node = (int)(n - im->nodes);
            return depth && decides && !is(decides, "LoopCond") ? e : none;
        }
        if (is(n, "Identity") && n->n_inputs == 1) {
            e = n->edges[0];
            name = im->nodes[e.node].def->name;
        } else if (is(n, "NoOp") && n->def->n_input == 1 && *n->def->input[0] == '^') {
            name = n->def->input[0] + 1;
        } else {
            return none;
        }
    }
    return none;
}
