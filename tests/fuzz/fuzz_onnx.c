/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: the ONNX importer, for models and for single tensors. What comes in must be a graph
 * that verifies; everything else a status. */
#include <stdlib.h>

#include "base/alloc.h"
#include "import/import.h"
#include "ops/op.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    struct graph *g;
    if (import_onnx_memory(data, n, false, NULL, &g) == STATUS_OK) {
        if (graph_verify(g) != STATUS_OK) abort();
        graph_destroy(g);
    }
    enum dtype dtype;
    struct shape shape;
    void *tensor;
    size_t bytes;
    if (import_onnx_tensor(data, n, &dtype, &shape, &tensor, &bytes) == STATUS_OK) mem_free(tensor);
    return 0;
}
