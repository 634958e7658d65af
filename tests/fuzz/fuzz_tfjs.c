/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: TensorFlow.js's model.json with weights beside it. The input is the JSON, a line
 * "----", and what lies in the file "w.bin" that it may name. What comes in must be a graph that
 * verifies; everything else a status. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "import/import.h"
#include "ops/op.h"

static char folder[] = "/tmp/fuzz_tfjs.XXXXXX", model[64], shard[64];

static void remove_files(void) {
    unlink(model);
    unlink(shard);
    rmdir(folder);
}

static void write_file(const char *path, const uint8_t *bytes, size_t n) {
    FILE *f = fopen(path, "wb");
    if (!f || (n && fwrite(bytes, 1, n, f) != n) || fclose(f)) {
        perror(path);
        exit(2);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    static const char mark[] = "\n----\n";
    if (!*model) {
        if (!mkdtemp(folder)) exit(2);
        snprintf(model, sizeof model, "%s/model.json", folder);
        snprintf(shard, sizeof shard, "%s/w.bin", folder);
        atexit(remove_files);
    }
    const uint8_t *at = memmem(data, n, mark, sizeof mark - 1);
    size_t text = at ? (size_t)(at - data) : n;
    write_file(model, data, text);
    write_file(shard, at ? at + sizeof mark - 1 : data + n, at ? n - text - (sizeof mark - 1) : 0);
    struct graph *g;
    if (import_tensorflow_file(model, NULL, &g) == STATUS_OK) {
        if (graph_verify(g) != STATUS_OK) abort();
        graph_destroy(g);
    }
    return 0;
}
