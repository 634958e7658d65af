/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: the Caffe importer. The input is a prototxt, a line "----", and a caffemodel. What
 * comes in must be a graph that verifies; everything else a status. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

#include "import/import.h"
#include "ops/op.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    static const char mark[] = "\n----\n";
    const uint8_t *at = memmem(data, n, mark, sizeof mark - 1);
    size_t text = at ? (size_t)(at - data) : n;
    const uint8_t *weights = at ? at + sizeof mark - 1 : data + n;
    struct graph *g;
    if (import_caffe_memory(data, text, weights, n - (size_t)(weights - data), NULL,
                            &g) == STATUS_OK) {
        if (graph_verify(g) != STATUS_OK) abort();
        graph_destroy(g);
    }
    return 0;
}
