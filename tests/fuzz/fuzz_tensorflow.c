/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: the TensorFlow importer, for frozen graphs and for TensorFlow.js's JSON. What comes
 * in must be a graph that verifies; everything else a status. */
#include <stdlib.h>

#include "import/import.h"
#include "ops/op.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    struct graph *g;
    if (import_tensorflow_memory(data, n, false, NULL, &g) == STATUS_OK) {
        if (graph_verify(g) != STATUS_OK) abort();
        graph_destroy(g);
    }
    return 0;
}
