/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: the configuration of AIPP, and the parameter block of dynamic AIPP. The input is the
 * configuration, a line "----", and the bytes of the block. What is taken must be a model that
 * runs, or fails with a sentence, on pictures of zeros. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "exec/model.h"
#include "import/aipp.h"
#include "ops/op.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct device *device;

/* Two pictures of 20x18 in colour, read twice, and a grey one. */
static enum status make_graph(struct graph **out) {
    int a, b, t[3], node;
    TRY(graph_create(out));
    struct graph *g = *out;
    TRY(graph_add_tensor(g, "a", DT_F32, shape_of(4, 2, 3, 18, 20), &a));
    TRY(graph_add_tensor(g, "b", DT_F32, shape_of(4, 1, 1, 18, 20), &b));
    for (int i = 0; i < 3; i++) {
        TRY(graph_add_tensor(g, NULL, DT_NONE, shape_unknown(), &t[i]));
        TRY(graph_add_node(g, i == 1 ? OP_Neg : OP_Relu, NULL, 1, i == 2 ? &b : &a, 1, &t[i],
                           &node));
        TRY(graph_add_output(g, t[i]));
    }
    TRY(graph_add_input(g, a));
    TRY(graph_add_input(g, b));
    TRY(graph_sort(g));
    TRY(graph_infer(g));
    return graph_verify(g);
}

static void run(struct model *m, const uint8_t *block, size_t n_block) {
    struct instance *r;
    const struct graph *g = model_graph(m);
    void *inputs[8] = {0};
    if (instance_create(m, &r) != STATUS_OK) return;
    bool ready = g->n_inputs <= 8;
    for (int i = 0; ready && i < g->n_inputs; i++) {
        const struct tensor *t = &g->tensors[g->inputs[i]];
        size_t bytes = (size_t)shape_elements(&t->shape) * dtype_size(t->dtype);
        ready = bytes <= (size_t)64 << 20 && (inputs[i] = mem_calloc(bytes + 1, 1)) != NULL;
        if (!ready) break;
        if (!strncmp(t->name, AIPP_DATA_NAME, strlen(AIPP_DATA_NAME)))
            memcpy(inputs[i], block, n_block < bytes ? n_block : bytes);
        ready = instance_set_input(r, i, t->shape, inputs[i], bytes) == STATUS_OK;
    }
    if (ready && instance_run(r, 0) != STATUS_OK && !*status_message()) abort();
    for (int i = 0; i < 8; i++) mem_free(inputs[i]);
    instance_destroy(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    static const char mark[] = "\n----\n";
    const uint8_t *at = memmem(data, n, mark, sizeof mark - 1);
    const size_t n_text = at ? (size_t)(at - data) : n;
    const uint8_t *block = at ? at + sizeof mark - 1 : data + n;
    struct graph *g = NULL;
    struct model *m;
    if (!device && device_create(1, &device) != STATUS_OK) return 0;
    if (make_graph(&g) != STATUS_OK) abort();
    const struct aipp_options options = {.name = "fuzz"};
    if (aipp_insert(g, (const char *)data, n_text, &options) != STATUS_OK) {
        if (!*status_message()) abort();
        graph_destroy(g);
        return 0;
    }
    if (model_create(g, device, &m) != STATUS_OK) return 0;
    run(m, block, n - (size_t)(block - data));
    model_destroy(m);
    return 0;
}
