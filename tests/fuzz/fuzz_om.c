/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: the offline model. What reads must be a valid graph, and written it must read back
 * the same; whatever the bytes, describing them does no harm.
 *
 * Input that does not begin as an offline model is taken for the MODEL_DEF of one, so that its
 * length may change freely.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "om/container.h"
#include "ops/op.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static char *print(const struct graph *g) {
    char *text = NULL;
    size_t n;
    FILE *to = open_memstream(&text, &n);
    if (!to) return NULL;
    enum status s = graph_print(g, to, -1);
    fclose(to);
    if (s == STATUS_OK) return text;
    free(text);
    return NULL;
}

static void read_back(const struct graph *g) {
    void *bytes;
    size_t n;
    struct graph *again;
    if (graph_verify(g) != STATUS_OK) abort();
    if (om_write_memory(g, &bytes, &n) != STATUS_OK) abort();
    if (om_read_memory(bytes, n, NULL, &again) != STATUS_OK) {
        fprintf(stderr, "%s\n", status_message());
        abort();
    }
    char *a = print(g), *b = print(again);
    if (a && b && strcmp(a, b)) abort();
    free(a);
    free(b);
    mem_free(bytes);
    graph_destroy(again);
}

static void try_model(const uint8_t *data, size_t n) {
    struct graph *g;
    if (om_read_memory(data, n, NULL, &g) == STATUS_OK) {
        read_back(g);
        graph_destroy(g);
    } else if (!*status_message() || om_last_fault() == OM_FAULT_NONE) {
        abort();
    }
    struct om_description d;
    if (om_describe_memory(data, n, &d) == STATUS_OK) {
        FILE *to = fopen("/dev/null", "w");
        if (to && (om_description_print(&d, true, to) || om_description_print(&d, false, to)))
            abort();
        if (to) fclose(to);
        om_description_deinit(&d);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    if (n >= 4 && !memcmp(data, "IMOD", 4)) {
        try_model(data, n);
        return 0;
    }
    enum { WEIGHT_BYTES = 512 };
    size_t n_file = OM_OWN_HEAD_BYTES + n + WEIGHT_BYTES;
    uint8_t *file = calloc(1, n_file);
    if (!file) return 0;
    om_container_write(file, "wrapped", (const uint32_t[]){(uint32_t)n, WEIGHT_BYTES, 0});
    memcpy(file + OM_OWN_HEAD_BYTES, data, n);
    try_model(file, n_file);
    free(file);
    return 0;
}
