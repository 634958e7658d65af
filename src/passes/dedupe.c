/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Of equal constants and of nodes that compute the same from the same inputs one remains.
 *
 * One sweep in execution order with a hash table: once the inputs of two nodes have become one, the
 * nodes are found equal in turn. Nodes that produce outputs of the graph stay, for their names.
 */
#include <string.h>

#include "base/alloc.h"
#include "ops/op.h"
#include "passes/edit.h"
#include "passes/internal.h"

/* Open addressing; the caller knows what the entries mean. */
struct table {
    size_t capacity; /* a power of two */
    struct entry {
        uint64_t hash;
        int value; /* + 1; 0 = empty */
    } *slot;
};

static enum status table_init(struct table *t, int n) {
    t->capacity = 16;
    while (t->capacity < 2 * (size_t)n) t->capacity *= 2;
    t->slot = mem_calloc(t->capacity, sizeof *t->slot);
    CHECK(t->slot, STATUS_MEMORY, "out of memory while looking for equal nodes");
    return STATUS_OK;
}

static uint64_t mix(uint64_t h, uint64_t x) {
    h = (h ^ x) * 0x9e3779b97f4a7c15u;
    return h ^ h >> 29;
}

static uint64_t hash_bytes(uint64_t h, const void *p, size_t n) {
    const char *at = p;
    uint64_t word;
    for (; n >= 8; n -= 8, at += 8) {
        memcpy(&word, at, 8);
        h = mix(h, word);
    }
    word = n;
    memcpy(&word, at, n);
    return mix(h, word ^ (uint64_t)n << 56);
}

/* ---- equality ---- */

static uint64_t hash_constant(const struct tensor *t) {
    uint64_t h = mix((uint64_t)t->dtype, (uint64_t)t->shape.rank);
    for (int i = 0; i < t->shape.rank; i++) h = mix(h, (uint64_t)t->shape.dim[i]);
    return hash_bytes(h, t->data, t->data_bytes);
}

static bool equal_constants(const struct tensor *a, const struct tensor *b) {
    return a->dtype == b->dtype && shape_equal(&a->shape, &b->shape) &&
           !memcmp(a->data, b->data, a->data_bytes);
}

static uint64_t hash_node(const struct node *n) {
    uint64_t h = mix((uint64_t)n->op, (uint64_t)n->n_outputs << 32 | (uint64_t)n->n_inputs);
    for (int i = 0; i < n->n_inputs; i++) h = mix(h, (uint64_t)n->inputs[i]);
    for (int i = 0; i < n->n_attrs; i++) {
        h = hash_bytes(h, n->attrs[i].name, strlen(n->attrs[i].name));
        h = hash_bytes(h, n->attrs[i].ints, attr_bytes(&n->attrs[i]));
    }
    return h;
}

static bool equal_nodes(const struct node *a, const struct node *b) {
    if (a->op != b->op || a->n_inputs != b->n_inputs || a->n_outputs != b->n_outputs ||
        a->n_attrs != b->n_attrs || memcmp(a->inputs, b->inputs, (size_t)a->n_inputs * sizeof(int)))
        return false;
    for (int i = 0; i < a->n_outputs; i++)
        if ((a->outputs[i] < 0) != (b->outputs[i] < 0)) return false;
    for (int i = 0; i < a->n_attrs; i++) {
        const struct attr *x = &a->attrs[i], *y = &b->attrs[i];
        if (strcmp(x->name, y->name) || x->type != y->type || x->n != y->n ||
            memcmp(x->ints, y->ints, attr_bytes(x)))
            return false;
    }
    return true;
}

/* ---- the sweep ---- */

static void merge_constants(struct edit *e, struct table *t) {
    struct graph *g = e->g;
    for (int c = 0; c < g->n_tensors; c++) {
        if (!g->tensors[c].data || !edit_n_uses(e, c)) continue;
        uint64_t hash = hash_constant(&g->tensors[c]);
        for (size_t at = hash;; at++) {
            struct entry *s = &t->slot[at & (t->capacity - 1)];
            if (!s->value) {
                *s = (struct entry){hash, c + 1};
                break;
            }
            if (s->hash != hash || !equal_constants(&g->tensors[s->value - 1], &g->tensors[c]))
                continue;
            edit_replace(e, c, s->value - 1);
            break;
        }
    }
}

static bool makes_an_output(const struct edit *e, const struct node *n) {
    for (int i = 0; i < n->n_outputs; i++)
        if (n->outputs[i] >= 0 && edit_is_output(e, n->outputs[i])) return true;
    return false;
}

static void merge_nodes(struct edit *e, struct table *t) {
    struct graph *g = e->g;
    for (int k = 0; k < e->n_nodes; k++) {
        struct node *n = &g->nodes[k];
        if (n->op == OP_NONE || op_def(n->op)->flags & OP_RANDOM) continue;
        uint64_t hash = hash_node(n);
        for (size_t at = hash;; at++) {
            struct entry *s = &t->slot[at & (t->capacity - 1)];
            if (!s->value) {
                *s = (struct entry){hash, k + 1};
                break;
            }
            const struct node *first = &g->nodes[s->value - 1];
            if (s->hash != hash || first->op == OP_NONE || !equal_nodes(first, n)) continue;
            if (makes_an_output(e, n)) break;
            /* The node dies when the last of its outputs has lost its uses. */
            for (int i = 0; i < first->n_outputs && n->op != OP_NONE; i++)
                if (first->outputs[i] >= 0) edit_replace(e, n->outputs[i], first->outputs[i]);
            break;
        }
    }
}

enum status pass_dedupe(struct graph *g) {
    struct edit e;
    struct table constants = {0}, nodes = {0};
    TRY(edit_init(&e, g));
    enum status s = table_init(&constants, g->n_tensors);
    if (s == STATUS_OK) s = table_init(&nodes, g->n_nodes);
    if (s == STATUS_OK) {
        merge_constants(&e, &constants);
        merge_nodes(&e, &nodes);
    }
    mem_free(constants.slot);
    mem_free(nodes.slot);
    return edit_finish(&e, s);
}
