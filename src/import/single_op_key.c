/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Single operators as text: a key for one, or a pattern that stands for many.
 *
 *     Add in f321[2,3] f321[2,3] out f321[2,3]            type, then tensors: type, layout, shape
 *     ReduceSum in f320[2,3] i320[1]=01000000 out ...     the elements of an input that shapes it
 *     ReduceSum in f320[<1~4>,3] i320[1]=? out f320[*]    a pattern: sizes, values and a shape open
 *
 * and the attributes, by name, with the bytes of their values.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "import/single_op.h"
#include "ops/op.h"

static int compare_attr(const void *a, const void *b) {
    return strcmp((*(const struct attr *const *)a)->name, (*(const struct attr *const *)b)->name);
}

static void print_bytes(FILE *to, const void *data, size_t n) {
    const unsigned char *p = data;
    for (size_t i = 0; i < n; i++) fprintf(to, "%02x", p[i]);
}

static void print_shape(FILE *to, const struct single_tensor *t, bool pattern) {
    if (t->shape.rank < 0) {
        fputs("[*]", to);
        return;
    }
    for (int d = 0; d < t->shape.rank; d++) {
        int64_t size = t->shape.dim[d];
        fputc(d ? ',' : '[', to);
        if (size >= 0) fprintf(to, "%" PRId64, size);
        else if (!pattern) fputc('?', to);
        else if (!t->ranges) fputs("<0~-1>", to);
        else fprintf(to, "<%" PRId64 "~%" PRId64 ">", t->ranges[d].low, t->ranges[d].high);
    }
    fputs(t->shape.rank ? "]" : "[]", to);
}

static void print_tensors(FILE *to, int n, const struct single_tensor *t, uint64_t values,
                          bool pattern) {
    for (int i = 0; i < n; i++) {
        fprintf(to, " %s%d", dtype_name(t[i].dtype), (int)t[i].layout);
        print_shape(to, &t[i], pattern);
        if (!(values >> i & 1)) continue;
        int64_t count = shape_elements(&t[i].shape);
        bool known = t[i].data && count >= 0 && count <= SINGLE_OP_MAX_VALUES;
        if (known || pattern) fputc('=', to);
        if (known) print_bytes(to, t[i].data, (size_t)count * dtype_size(t[i].dtype));
        else if (pattern) fputc('?', to);
    }
}

static enum status print_key(const struct single_op *op, bool pattern, char **out) {
    const struct attr *sorted[SINGLE_OP_MAX];
    char *text = NULL;
    size_t n_bytes;
    CHECK(op->n_inputs <= SINGLE_OP_MAX && op->n_outputs <= SINGLE_OP_MAX &&
              op->n_attrs < SINGLE_OP_MAX,
          STATUS_LIMIT, "operator '%s': at most %d inputs, outputs and attributes are possible",
          op->type, SINGLE_OP_MAX);
    FILE *to = open_memstream(&text, &n_bytes);
    CHECK(to, STATUS_MEMORY, "no memory for an operator");
    fprintf(to, "%s in", op->type);
    print_tensors(to, op->n_inputs, op->inputs, single_op_values(op), pattern);
    fputs(" out", to);
    print_tensors(to, op->n_outputs, op->outputs, 0, pattern);
    for (int i = 0; i < op->n_attrs; i++) sorted[i] = &op->attrs[i];
    qsort(sorted, (size_t)op->n_attrs, sizeof *sorted, compare_attr);
    for (int i = 0; i < op->n_attrs; i++) {
        const struct attr *a = sorted[i];
        fprintf(to, " %s:%d=", a->name, (int)a->type);
        size_t size = a->type == ATTR_STRING                             ? 1
                      : a->type == ATTR_INT || a->type == ATTR_INTS ? sizeof *a->ints
                                                                         : sizeof *a->floats;
        print_bytes(to, a->ints, (size_t)a->n * size);
    }
    bool failed = ferror(to);
    failed |= fclose(to) != 0;
    *out = failed ? NULL : mem_strdup(text);
    free(text);
    CHECK(*out, STATUS_MEMORY, "no memory for an operator");
    return STATUS_OK;
}

enum status single_op_key(const struct single_op *op, char **out) {
    return print_key(op, false, out);
}

enum status single_op_pattern(const struct single_op *op, char **out) {
    return print_key(op, true, out);
}

bool single_op_is_closed(const struct single_op *op) {
    uint64_t values = single_op_values(op);
    for (int i = 0; i < op->n_inputs; i++) {
        const struct single_tensor *t = &op->inputs[i];
        if (t->dtype == DT_NONE) continue;
        if (!shape_known(&t->shape)) return false;
        if (values >> i & 1 && !t->data && shape_elements(&t->shape) != 0) return false;
    }
    return true;
}

/* ---- matching ---- */

static bool take_number(const char **at, int64_t *out) {
    char *end;
    size_t digits = strspn(*at + (**at == '-'), "0123456789");
    if (digits == 0 || digits > 18) return false;
    *out = strtoll(*at, &end, 10);
    *at = end;
    return true;
}

/* "<LOW~HIGH>" against a size, or against one that is open: "?". */
static bool match_range(const char **pattern, const char **key) {
    int64_t low, high, size;
    const char *p = *pattern + 1;
    if (!take_number(&p, &low) || *p++ != '~' || !take_number(&p, &high) || *p++ != '>')
        return false;
    *pattern = p;
    if (**key == '?') return ++*key;
    return take_number(key, &size) && size >= low && (high < 0 || size <= high);
}

bool single_op_matches(const char *pattern, const char *key) {
    const char *p = pattern, *k = key;
    while (*p) {
        if (*p == '<') {
            if (!match_range(&p, &k)) return false;
        } else if (!strncmp(p, "[*]", 3) && *k == '[') {
            p += 3;
            k += strcspn(k, "]");
            if (*k) k++;
        } else if (!strncmp(p, "=?", 2) && *k == '=') {
            p += 2;
            k += 1 + strspn(k + 1, "0123456789abcdef");
        } else if (*p++ != *k++) {
            return false;
        }
    }
    return !*k;
}

/* ---- models ---- */

/* Nothing but the operator's inputs, as they are known. */
static enum status show_inputs(const struct single_op *op, struct graph *g) {
    char name[16];
    int x;
    for (int i = 0; i < op->n_inputs; i++) {
        if (op->inputs[i].dtype == DT_NONE) continue;
        snprintf(name, sizeof name, "x%d", i);
        TRY(graph_add_tensor(g, name, op->inputs[i].dtype, op->inputs[i].shape, &x));
        TRY(graph_add_input(g, x));
        TRY(graph_add_output(g, x));
    }
    return STATUS_OK;
}

static enum status describe(const struct single_op *op, const char *pattern, struct graph *g) {
    if (!single_op_is_closed(op)) {
        TRY(show_inputs(op, g));
        TRY(graph_set_meta(g, SINGLE_OP_META_OPEN, "1"));
    }
    TRY(graph_set_meta(g, SINGLE_OP_META, pattern));
    return graph_verify(g);
}

enum status single_op_model(const struct single_op *op, struct graph **out) {
    char *pattern;
    struct graph *g;
    CHECK(single_op_known(op->type), STATUS_UNSUPPORTED, "there is no operator '%s'", op->type);
    TRY(single_op_pattern(op, &pattern));
    enum status s = single_op_is_closed(op) ? single_op_build(op, &g) : graph_create(&g);
    if (s == STATUS_OK) {
        s = describe(op, pattern, g);
        if (s != STATUS_OK) graph_destroy(g);
    }
    mem_free(pattern);
    if (s == STATUS_OK) *out = g;
    return s;
}
