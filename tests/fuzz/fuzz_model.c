/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever graph text parses into a verified graph must also load, plan and run, or fail with a
 * sentence: the planner and the kernels trust what the shape rules have let through. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "exec/model.h"
#include "passes/passes.h"
#include "plan/hints.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct device *device;

/* Hints count under this machine's name only. */
static void take_hints(struct graph *g) {
    char key[HINTS_KEY];
    const char *hints = graph_get_meta(g, TUNING_META "test");
    hints_key(key);
    if (hints) graph_set_meta(g, key, hints);
}

static int64_t small_bytes(const struct graph *g) {
    int64_t total = 0;
    for (int t = 0; t < g->n_tensors; t++) {
        int64_t n = shape_elements(&g->tensors[t].shape);
        if (n < 0) continue; /* known only while running */
        if (n > 1 << 20) return -1;
        total += n * 8;
    }
    return total;
}

static void run(struct model *m) {
    struct instance *r;
    if (instance_create(m, &r) != STATUS_OK) return;
    const struct graph *g = model_graph(m);
    void *inputs[16] = {0};
    bool ready = g->n_inputs <= 16;
    for (int i = 0; ready && i < g->n_inputs; i++) {
        const struct tensor *t = &g->tensors[g->inputs[i]];
        struct shape s = t->shape;
        for (int d = 0; d < s.rank; d++)
            if (s.dim[d] < 0) s.dim[d] = 2;
        int64_t n = shape_elements(&s);
        ready = n >= 0 && n < 1 << 20;
        if (!ready) break;
        size_t bytes = (size_t)n * dtype_size(t->dtype);
        inputs[i] = mem_calloc(bytes + 1, 1);
        ready = inputs[i] && instance_set_input(r, i, s, inputs[i], bytes) == STATUS_OK;
    }
    if (ready && model_macs(m) < 10000000) instance_run(r, 0);
    for (int i = 0; i < 16; i++) mem_free(inputs[i]);
    instance_destroy(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct graph *g;
    struct model *m;
    if (!device && device_create(1, &device) != STATUS_OK) return 0;
    if (graph_parse((const char *)data, size, &g) != STATUS_OK) return 0;
    if (graph_sort(g) != STATUS_OK || graph_verify(g) != STATUS_OK || graph_infer(g) != STATUS_OK ||
        small_bytes(g) < 0 || small_bytes(g) > 64 << 20) {
        graph_destroy(g);
        return 0;
    }
    take_hints(g);
    if (model_create(g, device, &m) != STATUS_OK) return 0;
    run(m);
    model_destroy(m);
    return 0;
}
