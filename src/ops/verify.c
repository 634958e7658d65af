/* SPDX-License-Identifier: Apache-2.0 */
/* Checks every invariant of graph.h. Run between passes in debug builds, and on every graph that
 * comes out of a file. */
#include <string.h>

#include "base/alloc.h"
#include "ops/op.h"

static enum status verify_tensor(const struct graph *g, int t) {
    const struct tensor *x = &g->tensors[t];
    CHECK(x->name && *x->name, STATUS_INTERNAL, "tensor %d has no name", t);
    CHECK(x->shape.rank >= -1 && x->shape.rank <= SHAPE_MAX_RANK, STATUS_INTERNAL,
          "tensor '%s' has rank %d", x->name, x->shape.rank);
    for (int i = 0; i < x->shape.rank; i++)
        CHECK(x->shape.dim[i] >= -1, STATUS_INTERNAL, "tensor '%s' has dimension %lld", x->name,
              (long long)x->shape.dim[i]);
    if (x->data) {
        CHECK(x->producer < 0, STATUS_INTERNAL, "constant '%s' has a producer", x->name);
        int64_t n = shape_elements(&x->shape);
        CHECK(n >= 0 && (uint64_t)n * dtype_size(x->dtype) == x->data_bytes, STATUS_INTERNAL,
              "constant '%s' has %zu bytes, which do not fit its type and shape", x->name,
              x->data_bytes);
    }
    if (x->producer >= 0) {
        CHECK(x->producer < g->n_nodes, STATUS_INTERNAL, "tensor '%s' has no such producer %d",
              x->name, x->producer);
        const struct node *n = &g->nodes[x->producer];
        bool found = false;
        for (int i = 0; i < n->n_outputs; i++) found |= n->outputs[i] == t;
        CHECK(found, STATUS_INTERNAL, "node '%s' does not produce '%s'", n->name, x->name);
    }
    return STATUS_OK;
}

static enum status verify_node(const struct graph *g, int at, const unsigned char *is_input) {
    const struct node *n = &g->nodes[at];
    if (n->op == OP_NONE) return STATUS_OK;
    CHECK((unsigned)n->op < OP_COUNT, STATUS_INTERNAL, "node '%s' has operator %d", n->name, n->op);
    const struct op_def *def = op_def(n->op);
    CHECK(n->n_inputs >= def->min_inputs && (def->max_inputs < 0 || n->n_inputs <= def->max_inputs),
          STATUS_FORMAT, "%s '%s' has %d inputs", def->name, n->name, n->n_inputs);
    CHECK(n->n_outputs >= def->min_outputs &&
              (def->max_outputs < 0 || n->n_outputs <= def->max_outputs),
          STATUS_FORMAT, "%s '%s' has %d outputs", def->name, n->name, n->n_outputs);
    for (int i = 0; i < n->n_inputs; i++) {
        int t = n->inputs[i];
        CHECK(t >= -1 && t < g->n_tensors, STATUS_INTERNAL, "%s '%s': input %d is tensor %d",
              def->name, n->name, i, t);
        CHECK(t >= 0 || i >= def->min_inputs, STATUS_FORMAT, "%s '%s': input %d is missing",
              def->name, n->name, i);
        if (t < 0) continue;
        const struct tensor *x = &g->tensors[t];
        CHECK(x->data || x->producer >= 0 || is_input[t], STATUS_FORMAT,
              "%s '%s': input '%s' is produced by nothing", def->name, n->name, x->name);
        CHECK(x->producer < at, STATUS_INTERNAL, "%s '%s': input '%s' is produced later",
              def->name, n->name, x->name);
    }
    for (int i = 0; i < n->n_outputs; i++) {
        int t = n->outputs[i];
        CHECK(t >= -1 && t < g->n_tensors, STATUS_INTERNAL, "%s '%s': output %d is tensor %d",
              def->name, n->name, i, t);
        CHECK(t >= 0 || i > 0 || def->min_outputs != 1 || def->max_outputs != 1, STATUS_FORMAT,
              "%s '%s': its only output is missing", def->name, n->name);
        CHECK(t < 0 || g->tensors[t].producer == at, STATUS_INTERNAL,
              "%s '%s': output '%s' has another producer", def->name, n->name, g->tensors[t].name);
    }
    for (int i = 0; i < n->n_attrs; i++) {
        const struct attr_spec *spec = def->attrs;
        while (spec && spec->name && strcmp(spec->name, n->attrs[i].name)) spec++;
        CHECK(spec && spec->name, STATUS_FORMAT, "%s '%s' has an unknown attribute '%s'", def->name,
              n->name, n->attrs[i].name);
        CHECK(spec->type == n->attrs[i].type, STATUS_FORMAT,
              "%s '%s': attribute '%s' has the wrong type", def->name, n->name, n->attrs[i].name);
    }
    return STATUS_OK;
}

enum status graph_verify(const struct graph *g) {
    unsigned char *is_input = mem_calloc((size_t)g->n_tensors + 1, 1);
    CHECK(is_input, STATUS_MEMORY, "out of memory while checking the graph");
    enum status s = STATUS_OK;
    for (int i = 0; s == STATUS_OK && i < g->n_inputs; i++) {
        int t = g->inputs[i];
        if (t < 0 || t >= g->n_tensors)
            s = status_set(STATUS_INTERNAL, __FILE__, __LINE__, "graph input %d is no tensor", i);
        else if (g->tensors[t].data || g->tensors[t].producer >= 0 || is_input[t])
            s = status_set(STATUS_FORMAT, __FILE__, __LINE__,
                           "graph input '%s' is also a constant, a node's output or an input again",
                           g->tensors[t].name);
        else is_input[t] = 1;
    }
    for (int t = 0; s == STATUS_OK && t < g->n_tensors; t++) s = verify_tensor(g, t);
    for (int n = 0; s == STATUS_OK && n < g->n_nodes; n++) s = verify_node(g, n, is_input);
    for (int i = 0; s == STATUS_OK && i < g->n_outputs; i++) {
        int t = g->outputs[i];
        if (t < 0 || t >= g->n_tensors)
            s = status_set(STATUS_INTERNAL, __FILE__, __LINE__, "graph output %d is no tensor", i);
        else if (!g->tensors[t].data && g->tensors[t].producer < 0 && !is_input[t])
            s = status_set(STATUS_FORMAT, __FILE__, __LINE__,
                           "graph output '%s' is produced by nothing", g->tensors[t].name);
    }
    mem_free(is_input);
    return s;
}
