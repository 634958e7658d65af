/* SPDX-License-Identifier: Apache-2.0 */
#include "evaluate.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "ops/op.h"

static struct graph *parse(const char *lines) {
    struct graph *g;
    size_t n = strlen(lines) + 64;
    char *text = malloc(n);
    assert_non_null(text);
    snprintf(text, n, "graph \"test\" {\n%s}\n", lines);
    assert_ok(graph_parse(text, strlen(text), &g));
    free(text);
    assert_ok(graph_sort(g));
    assert_ok(graph_verify(g));
    return g;
}

static enum status alloc_output(struct op_call *c, int i) {
    struct graph *g = c->user;
    size_t bytes = (size_t)shape_elements(&c->out[i].shape) * dtype_size(c->out[i].dtype);
    c->out[i].data = arena_alloc_data(&g->arena, bytes ? bytes : 1);
    CHECK(c->out[i].data, STATUS_MEMORY, "out of memory");
    /* What a kernel does not write shows. */
    memset(c->out[i].data, 0xcd, bytes);
    return STATUS_OK;
}

/* What the rule says knowing less must agree with the outputs. */
static void check_knowing_less(struct op_call *c, bool dims) {
    int n = c->n_inputs + c->n_outputs;
    struct view *views = mem_calloc((size_t)n + 1, sizeof *views);
    assert_non_null(views);
    struct op_call less = *c;
    less.in = views;
    less.out = views + c->n_inputs;
    for (int i = 0; i < c->n_inputs; i++) {
        less.in[i] = c->in[i];
        less.in[i].data = NULL;
        for (int d = 0; d < less.in[i].shape.rank && !dims; d++) less.in[i].shape.dim[d] = -1;
    }
    for (int i = 0; i < c->n_outputs; i++)
        less.out[i] = (struct view){.shape = shape_unknown(), .name = c->out[i].name,
                                    .wanted = c->out[i].wanted};
    assert_ok(op_def(c->node->op)->infer(&less));
    for (int i = 0; i < c->n_outputs; i++) {
        if (!c->out[i].wanted) continue;
        const struct shape *said = &less.out[i].shape, *is = &c->out[i].shape;
        assert_int_equal(less.out[i].dtype, c->out[i].dtype);
        if (said->rank < 0) continue;
        assert_int_equal(said->rank, is->rank);
        for (int d = 0; d < is->rank; d++)
            if (said->dim[d] >= 0) assert_int_equal(said->dim[d], is->dim[d]);
    }
    mem_free(views);
}

static enum status run_call(struct graph *g, struct op_call *c, bool check) {
    const struct op_def *def = op_def(c->node->op);
    c->alloc_output = alloc_output;
    c->user = g;
    TRY(def->infer(c));
    for (int i = 0; i < c->n_outputs && !(def->flags & OP_LATE_SHAPE); i++) {
        if (!c->out[i].wanted) continue;
        CHECK(shape_known(&c->out[i].shape), STATUS_INTERNAL, "output %d has no known shape", i);
        TRY(alloc_output(c, i));
    }
    TRY(def->run(c));
    for (int pass = 0; check && pass < 2; pass++) check_knowing_less(c, pass == 0);
    return STATUS_OK;
}

/* Every result becomes a constant. */
static enum status evaluate(struct graph *g, bool check) {
    for (int k = 0; k < g->n_nodes; k++) {
        struct node *n = &g->nodes[k];
        struct op_call c;
        TRY(op_call_init(&c, g, n));
        enum status s = run_call(g, &c, check);
        for (int i = 0; s == STATUS_OK && i < n->n_outputs; i++) {
            if (n->outputs[i] < 0) continue;
            struct tensor *t = &g->tensors[n->outputs[i]];
            t->dtype = c.out[i].dtype;
            t->shape = c.out[i].shape;
            t->data = c.out[i].data;
            t->producer = -1;
        }
        op_call_deinit(&c);
        TRY(s);
    }
    return STATUS_OK;
}

static struct tensor *find(struct graph *g, const char *name) {
    int t = graph_find_tensor(g, name);
    assert_true(t >= 0);
    return &g->tensors[t];
}

void assert_gives(const char *lines) {
    struct graph *g = parse(lines);
    enum status s = evaluate(g, true);
    if (s != STATUS_OK) fail_msg("%s: %s\n%s", status_name(s), status_message(), lines);
    struct tensor *got = find(g, "y"), *want = find(g, "want");
    char a[128], b[128];
    if (got->dtype != want->dtype || !shape_equal(&got->shape, &want->shape))
        fail_msg("y is %s%s instead of %s%s\n%s", dtype_name(got->dtype),
                 shape_text(&got->shape, a), dtype_name(want->dtype), shape_text(&want->shape, b),
                 lines);
    struct view x = {.dtype = got->dtype, .data = (void *)(uintptr_t)got->data};
    struct view y = {.dtype = want->dtype, .data = (void *)(uintptr_t)want->data};
    for (int64_t i = 0; i < shape_elements(&want->shape); i++) {
        double p = view_get_f64(&x, i), q = view_get_f64(&y, i);
        bool same = dtype_is_float(want->dtype)
                        ? p == q || (isnan(p) && isnan(q)) || fabs(p - q) <= 1e-5 * fabs(q) + 1e-7
                        : view_get_i64(&x, i) == view_get_i64(&y, i);
        if (!same) fail_msg("y[%d] is %.9g instead of %.9g\n%s", (int)i, p, q, lines);
    }
    graph_destroy(g);
}

void assert_infers(const char *lines, const char *type) {
    struct graph *g = parse(lines);
    enum status s = graph_infer(g);
    if (s != STATUS_OK) fail_msg("%s: %s\n%s", status_name(s), status_message(), lines);
    char text[192], shape[128];
    struct tensor *y = find(g, "y");
    snprintf(text, sizeof text, "%s%s", dtype_name(y->dtype), shape_text(&y->shape, shape));
    assert_string_equal(text, type);
    graph_destroy(g);
}

void assert_refuses(const char *lines, enum status code, const char *part) {
    struct graph *g = parse(lines);
    enum status s = evaluate(g, false);
    if (s != code)
        fail_msg("%s instead of %s: %s\n%s", status_name(s), status_name(code),
                 s == STATUS_OK ? "" : status_message(), lines);
    if (!strstr(status_message(), part))
        fail_msg("\"%s\" does not say \"%s\"", status_message(), part);
    graph_destroy(g);
}
