/* SPDX-License-Identifier: Apache-2.0 */
/* Writes small ONNX files, right or wrong, field by field. Memory is the test's own (malloc), so
 * that counting the library's allocations stays simple. */
#ifndef PK_TESTS_ONNX_WRITER_H
#define PK_TESTS_ONNX_WRITER_H

#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct bytes {
    uint8_t *p;
    size_t n, cap;
};

static inline void w_raw(struct bytes *b, const void *p, size_t n) {
    if (b->n + n > b->cap) {
        b->cap = 2 * (b->n + n) + 64;
        b->p = realloc(b->p, b->cap);
        if (!b->p) abort();
    }
    if (n) memcpy(b->p + b->n, p, n);
    b->n += n;
}
static inline void w_varint(struct bytes *b, uint64_t v) {
    for (; v > 127; v >>= 7) w_raw(b, &(uint8_t){(uint8_t)(v | 128)}, 1);
    w_raw(b, &(uint8_t){(uint8_t)v}, 1);
}
static inline void w_int(struct bytes *b, int id, int64_t v) {
    w_varint(b, (uint64_t)id << 3);
    w_varint(b, (uint64_t)v);
}
static inline void w_float(struct bytes *b, int id, float v) {
    w_varint(b, (uint64_t)id << 3 | 5);
    w_raw(b, &v, 4);
}
static inline void w_bytes(struct bytes *b, int id, const void *p, size_t n) {
    w_varint(b, (uint64_t)id << 3 | 2);
    w_varint(b, n);
    w_raw(b, p, n);
}
static inline void w_text(struct bytes *b, int id, const char *s) { w_bytes(b, id, s, strlen(s)); }
/* Appends `inner` as a message and frees it. */
static inline void w_message(struct bytes *b, int id, struct bytes inner) {
    w_bytes(b, id, inner.p, inner.n);
    free(inner.p);
}

/* ---- ONNX ---- */

enum { GRAPH_NODE = 1, GRAPH_INITIALIZER = 5, GRAPH_INPUT = 11, GRAPH_OUTPUT = 12 };

static inline struct bytes w_attr_int(const char *name, int64_t v) {
    struct bytes a = {0};
    w_text(&a, 1, name);
    w_int(&a, 3, v);
    w_int(&a, 20, 2);
    return a;
}
static inline struct bytes w_attr_ints(const char *name, int n, const int64_t *v) {
    struct bytes a = {0};
    w_text(&a, 1, name);
    for (int i = 0; i < n; i++) w_int(&a, 8, v[i]);
    w_int(&a, 20, 7);
    return a;
}
static inline struct bytes w_attr_graph(const char *name, struct bytes graph) {
    struct bytes a = {0};
    w_text(&a, 1, name);
    w_message(&a, 6, graph);
    w_int(&a, 20, 5);
    return a;
}

static inline void w_names(struct bytes *b, int id, const char *names) {
    while (*names) {
        size_t n = strcspn(names, " ");
        w_bytes(b, id, names, n == 1 && *names == '-' ? 0 : n); /* "-": left out */
        names += n + (names[n] == ' ');
    }
}
/* Names separated by spaces; attributes given as struct bytes, which are freed. */
static inline struct bytes w_node(const char *op, const char *name, const char *inputs,
                                  const char *outputs, int n_attrs, ...) {
    struct bytes n = {0};
    w_names(&n, 1, inputs);
    w_names(&n, 2, outputs);
    w_text(&n, 3, name);
    w_text(&n, 4, op);
    va_list args;
    va_start(args, n_attrs);
    for (int i = 0; i < n_attrs; i++) w_message(&n, 5, va_arg(args, struct bytes));
    va_end(args);
    return n;
}
/* A dimension of -1 is written as a name. */
static inline struct bytes w_value_info(const char *name, int type, int rank, ...) {
    struct bytes shape = {0}, tensor = {0}, t = {0}, v = {0};
    va_list args;
    va_start(args, rank);
    for (int i = 0; i < rank; i++) {
        struct bytes d = {0};
        int dim = va_arg(args, int);
        if (dim < 0) w_text(&d, 2, "N");
        else w_int(&d, 1, dim);
        w_message(&shape, 1, d);
    }
    va_end(args);
    w_int(&tensor, 1, type);
    w_message(&tensor, 2, shape);
    w_message(&t, 1, tensor);
    w_text(&v, 1, name);
    w_message(&v, 2, t);
    return v;
}
static inline struct bytes w_tensor(const char *name, int type, int n, const int64_t *dims,
                                    const void *raw, size_t n_raw) {
    struct bytes t = {0};
    for (int i = 0; i < n; i++) w_int(&t, 1, dims[i]);
    w_int(&t, 2, type);
    if (name) w_text(&t, 8, name);
    if (raw) w_bytes(&t, 9, raw, n_raw);
    return t;
}
static inline void w_external(struct bytes *t, const char *key, const char *value) {
    struct bytes e = {0};
    w_text(&e, 1, key);
    w_text(&e, 2, value);
    w_message(t, 13, e);
}
static inline struct bytes w_opset(const char *domain, int version) {
    struct bytes o = {0};
    if (*domain) w_text(&o, 1, domain);
    w_int(&o, 2, version);
    return o;
}
static inline struct bytes w_model(struct bytes graph, int opset) {
    struct bytes m = {0};
    w_int(&m, 1, 8);
    w_message(&m, 7, graph);
    w_message(&m, 8, w_opset("", opset));
    return m;
}

#endif
