/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target: the text form. What parses must print, and what was printed must parse again and
 * print the same. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ir/graph.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static char *print(const struct graph *g) {
    char *text = NULL;
    size_t n;
    FILE *to = open_memstream(&text, &n);
    if (!to) return NULL;
    enum status s = graph_print(g, to, 4096);
    fclose(to);
    if (s == STATUS_OK) return text;
    free(text);
    return NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    struct graph *g, *again;
    if (graph_parse((const char *)data, n, &g) != STATUS_OK) return 0;
    char *first = print(g);
    if (first) {
        if (graph_parse(first, strlen(first), &again) != STATUS_OK) abort();
        char *second = print(again);
        /* Left-out data comes back as zeros, so only texts without it must be equal. */
        if (second && !strstr(first, "values left out") && strcmp(first, second)) abort();
        free(second);
        graph_destroy(again);
    }
    free(first);
    graph_destroy(g);
    return 0;
}
