/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A graph as text; the grammar stands at the top of parse.c. Constants are printed before the node
 * that uses them first, so that the diff of two dumps stays local. Numbers are written with as few
 * digits as bring the same bits back.
 */
#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "ir/graph.h"
#include "ir/internal.h"

bool text_is_identifier(const char *s, size_t n) {
    static const char *const reserved[] = {"_",     "graph",  "meta",   "input",
                                           "const", "output", "tensor", NULL};
    if (!n || *s == '-') return false;
    for (size_t i = 0; i < n; i++) {
        char c = s[i];
        bool ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  (c && strchr("_./:-", c));
        if (!ok) return false;
    }
    for (int i = 0; reserved[i]; i++)
        if (strlen(reserved[i]) == n && !memcmp(reserved[i], s, n)) return false;
    return true;
}

static void print_quoted(FILE *to, const char *s, size_t n) {
    fputc('"', to);
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c == '"' || c == '\\') fprintf(to, "\\%c", c);
        else if (c == '\n') fputs("\\n", to);
        else if (c < 0x20 || c == 0x7f) fprintf(to, "\\x%02x", c);
        else fputc(c, to);
    }
    fputc('"', to);
}

static void print_name(FILE *to, const char *s) {
    if (text_is_identifier(s, strlen(s))) fputs(s, to);
    else print_quoted(to, s, strlen(s));
}

static void print_type(FILE *to, const struct tensor *t) {
    char buf[128];
    if (t->dtype == DT_NONE && t->shape.rank < 0) return;
    fprintf(to, " %s%s", dtype_name(t->dtype), shape_text(&t->shape, buf));
}

/* `point`: attributes tell floats from integers by a point, an exponent, inf or nan. */
static void print_float(FILE *to, float f, bool point) {
    char buf[40];
    if (isnan(f)) {
        fputs("nan", to);
        return;
    }
    for (int digits = 6; digits <= 9; digits++) {
        snprintf(buf, sizeof buf, "%.*g", digits, (double)f);
        if (strtof(buf, NULL) == f) break;
    }
    if (point && !strpbrk(buf, ".eni")) strcat(buf, ".0");
    fputs(buf, to);
}

static void print_double(FILE *to, double d) {
    char buf[40];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(buf, sizeof buf, "%.*g", digits, d);
        if (strtod(buf, NULL) == d) break;
    }
    fputs(isnan(d) ? "nan" : buf, to);
}

static void print_element(FILE *to, enum dtype type, const unsigned char *p) {
    union {
        float f32;
        double f64;
        uint16_t u16;
        int16_t i16;
        uint32_t u32;
        int32_t i32;
        uint64_t u64;
        int64_t i64;
    } v = {0};
    memcpy(&v, p, dtype_size(type));
    switch (type) {
    case DT_F32: print_float(to, v.f32, false); break;
    case DT_F16: print_float(to, f16_to_f32(v.u16), false); break;
    case DT_BF16: print_float(to, bf16_to_f32(v.u16), false); break;
    case DT_F64: print_double(to, v.f64); break;
    case DT_I8: fprintf(to, "%d", (int8_t)*p); break;
    case DT_U8:
    case DT_BOOL: fprintf(to, "%d", *p); break;
    case DT_I16: fprintf(to, "%d", v.i16); break;
    case DT_U16: fprintf(to, "%d", v.u16); break;
    case DT_I32: fprintf(to, "%" PRId32, v.i32); break;
    case DT_U32: fprintf(to, "%" PRIu32, v.u32); break;
    case DT_I64: fprintf(to, "%" PRId64, v.i64); break;
    case DT_U64: fprintf(to, "%" PRIu64, v.u64); break;
    default: break;
    }
}

/* NaNs other than the usual one have bits that "nan" would lose, and booleans may hold what is no
 * boolean; such constants are written as bytes. */
static bool needs_hex(const struct tensor *t, size_t n) {
    const unsigned char *p = t->data;
    for (size_t i = 0; i < n; i++) {
        uint64_t u = 0;
        memcpy(&u, p + i * dtype_size(t->dtype), dtype_size(t->dtype));
        switch (t->dtype) {
        case DT_F32: if ((u & 0x7fffffff) > 0x7f800000 && u != 0x7fc00000) return true; break;
        case DT_F16: if ((u & 0x7fff) > 0x7c00 && u != 0x7e00) return true; break;
        case DT_BF16: if ((u & 0x7fff) > 0x7f80 && u != 0x7fc0) return true; break;
        case DT_F64:
            if ((u & INT64_MAX) > 0x7ff0000000000000 && u != 0x7ff8000000000000) return true;
            break;
        case DT_BOOL: if (u > 1) return true; break;
        default: return false;
        }
    }
    return false;
}

static void print_constant(FILE *to, const struct tensor *t, int max_inline) {
    fputs("  const ", to);
    print_name(to, t->name);
    print_type(to, t);
    fputs(" = ", to);
    const unsigned char *p = t->data;
    size_t size = dtype_size(t->dtype), n = size ? t->data_bytes / size : 0;
    bool equal = n > 1, zero = n > 0;
    for (size_t i = 1; i < n && equal; i++) equal = !memcmp(p, p + i * size, size);
    for (size_t i = 0; i < size && zero; i++) zero = equal && !p[i];
    if (zero) {
        fputs("zeros\n", to);
    } else if (max_inline >= 0 && n > (size_t)max_inline && !equal) {
        uint64_t hash = 1469598103934665603u;
        for (size_t i = 0; i < t->data_bytes; i++) hash = (hash ^ p[i]) * 1099511628211u;
        fprintf(to, "zeros  # %zu values left out, hash %016" PRIx64 "\n", n, hash);
    } else if (needs_hex(t, n)) {
        fputs("hex ", to);
        for (size_t i = 0; i < t->data_bytes; i++) fprintf(to, "%02x", p[i]);
        fputc('\n', to);
    } else if (equal) {
        fputs("splat(", to);
        print_element(to, t->dtype, p);
        fputs(")\n", to);
    } else {
        fputc('{', to);
        for (size_t i = 0; i < n; i++) {
            if (i) fputs(", ", to);
            print_element(to, t->dtype, p + i * size);
        }
        fputs("}\n", to);
    }
}

static void print_attr(FILE *to, const struct attr *a) {
    fprintf(to, "%s=", a->name);
    switch (a->type) {
    case ATTR_INT: fprintf(to, "%" PRId64, a->ints[0]); break;
    case ATTR_FLOAT: print_float(to, a->floats[0], true); break;
    case ATTR_STRING: print_quoted(to, a->string, (size_t)a->n); break;
    case ATTR_INTS:
        fputc('[', to);
        for (int i = 0; i < a->n; i++) fprintf(to, "%s%" PRId64, i ? "," : "", a->ints[i]);
        fputc(']', to);
        break;
    case ATTR_FLOATS:
        fputs(a->n ? "[" : "floats[", to);
        for (int i = 0; i < a->n; i++) {
            if (i) fputc(',', to);
            print_float(to, a->floats[i], true);
        }
        fputc(']', to);
        break;
    }
}

static void print_node(FILE *to, const struct graph *g, const struct node *n, int at) {
    fputs("  ", to);
    for (int i = 0; i < n->n_outputs; i++) {
        if (i) fputs(", ", to);
        const struct tensor *t = node_output(g, n, i);
        if (!t) {
            fputc('_', to);
            continue;
        }
        print_name(to, t->name);
        print_type(to, t);
    }
    fprintf(to, " = %s(", op_name(n->op));
    for (int i = 0; i < n->n_inputs; i++) {
        const struct tensor *t = node_input(g, n, i);
        if (i) fputs(", ", to);
        if (t) print_name(to, t->name);
        else fputc('_', to);
    }
    fputc(')', to);
    for (int i = 0; i < n->n_attrs; i++) {
        fputs(i ? ", " : " {", to);
        print_attr(to, &n->attrs[i]);
    }
    if (n->n_attrs) fputc('}', to);
    char made_up[32];
    snprintf(made_up, sizeof made_up, "node_%d", at);
    if (strcmp(made_up, n->name)) {
        fputc(' ', to);
        print_quoted(to, n->name, strlen(n->name));
    }
    fputc('\n', to);
}

/* Once each: a tensor no node produces. */
static void print_source(FILE *to, const struct tensor *t, int max_inline, unsigned char *done) {
    if (*done || t->producer >= 0) return;
    *done = 1;
    if (t->data) {
        print_constant(to, t, max_inline);
        return;
    }
    fputs("  tensor ", to);
    print_name(to, t->name);
    print_type(to, t);
    fputc('\n', to);
}

static void print_body(FILE *to, const struct graph *g, int max_inline, unsigned char *done) {
    fputs("graph ", to);
    print_quoted(to, g->name, strlen(g->name));
    fputs(" {\n", to);
    for (int i = 0; i < g->n_meta; i++) {
        fputs("  meta ", to);
        print_quoted(to, g->meta[i].key, strlen(g->meta[i].key));
        fputs(" = ", to);
        print_quoted(to, g->meta[i].value, strlen(g->meta[i].value));
        fputc('\n', to);
    }
    for (int i = 0; i < g->n_inputs; i++) {
        const struct tensor *t = &g->tensors[g->inputs[i]];
        done[g->inputs[i]] = 1;
        fputs("  input ", to);
        print_name(to, t->name);
        print_type(to, t);
        fputc('\n', to);
    }
    for (int n = 0, at = 0; n < g->n_nodes; n++) {
        const struct node *d = &g->nodes[n];
        if (d->op == OP_NONE) continue;
        for (int i = 0; i < d->n_inputs; i++)
            if (d->inputs[i] >= 0)
                print_source(to, &g->tensors[d->inputs[i]], max_inline, &done[d->inputs[i]]);
        print_node(to, g, d, at++);
    }
    for (int t = 0; t < g->n_tensors; t++)
        if (g->tensors[t].data) print_source(to, &g->tensors[t], max_inline, &done[t]);
    for (int i = 0; i < g->n_outputs; i++) {
        print_source(to, &g->tensors[g->outputs[i]], max_inline, &done[g->outputs[i]]);
        fputs("  output ", to);
        print_name(to, g->tensors[g->outputs[i]].name);
        fputc('\n', to);
    }
    fputs("}\n", to);
}

enum status graph_print(const struct graph *g, FILE *to, int max_inline) {
    unsigned char *done = mem_calloc((size_t)g->n_tensors + 1, 1);
    CHECK(done, STATUS_MEMORY, "out of memory while printing the graph");
    /* The program we live in may have chosen a locale with decimal commas. */
    locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    locale_t old = c ? uselocale(c) : (locale_t)0;
    print_body(to, g, max_inline, done);
    if (c) {
        uselocale(old);
        freelocale(c);
    }
    mem_free(done);
    CHECK(!ferror(to), STATUS_FILE, "cannot write the text of graph '%s'", g->name);
    return STATUS_OK;
}
