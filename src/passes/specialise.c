/* SPDX-License-Identifier: Apache-2.0 */
/* A graph for given input shapes. */
#include "ops/op.h"
#include "passes/passes.h"

enum status passes_specialise(const struct graph *g, const struct shape *shapes,
                              struct graph **out) {
    struct graph *copy;
    TRY(graph_clone(g, true, &copy));
    for (int i = 0; i < copy->n_inputs; i++) copy->tensors[copy->inputs[i]].shape = shapes[i];
    /* What the file said of shapes inside was for its own input shapes. */
    for (int t = 0; t < copy->n_tensors; t++)
        if (copy->tensors[t].producer >= 0) copy->tensors[t].shape = shape_unknown();
    enum status s = graph_infer(copy);
    if (s == STATUS_OK) s = passes_run(copy, PASSES_LOAD);
    if (s == STATUS_OK) *out = copy;
    else graph_destroy(copy);
    return s;
}
