/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text form of a graph, read back. The text is treated as hostile: what it can make us allocate
 * is bounded by its own length, but for splats and zeros, which share a budget.
 *
 *     graph     = 'graph' string '{' { line } '}'
 *     line      = [ statement ] [ '#' anything ] newline
 *     statement = 'meta' string '=' string
 *               | 'input' name [ type ]
 *               | 'tensor' name [ type ]                      -- neither input nor produced;
 *                                                      invalid, but dumps of broken graphs have it
 *               | 'const' name type '=' data
 *               | result { ',' result } '=' operator '(' [ argument { ',' argument } ] ')'
 *                 [ '{' attribute { ',' attribute } '}' ] [ string ]          -- the node's name
 *               | 'output' name
 *     result    = name [ type ] | '_'                         -- '_': left out
 *     argument  = name | '_'
 *     type      = dtype '[' ( '*' | [ dim { ',' dim } ] ) ']'  -- f32[1,3,?,224]; [*]: rank unknown
 *     data      = '{' [ number { ',' number } ] '}' | 'splat' '(' number ')' | 'zeros'
 *               | 'hex' digits                                -- the bytes in memory order
 *     attribute = identifier '=' value
 *     value     = number | string | '[' [ number { ',' number } ] ']' | 'floats' '[' ']'
 *     name      = identifier | string                       -- identifier: letters digits _ . / : -
 *     string    = '"' { character | '\"' | '\\' | '\n' | '\xHH' } '"'
 *
 * A number with a point, an exponent, or nan or inf is a float, any other an integer; a list is of
 * floats if one of its members is. Names may be used before the line that defines them. Inside the
 * braces of data, lines may break.
 */
#include <errno.h>
#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "ir/graph.h"
#include "ir/internal.h"

/* What splats and zeros may take together: a dump of a large network with its data left out. */
#define FILL_BUDGET ((size_t)512 << 20)

struct parser {
    const char *text, *at, *end;
    struct graph *g;
    size_t fill_bytes;
    char *word; /* the last name or string read, NUL-terminated */
    size_t cap_word;
    int64_t *ints; /* of the attribute being read */
    float *floats;
    int cap_values;
    int *list; /* tensors of the node being read: results, then arguments */
    int n_list, cap_list;
    size_t *seen; /* per tensor: where it was first named, +1; 0 once it is defined */
    int cap_seen;
};

#define NO_MEMORY "out of memory while reading the text of a graph"

static enum status fail_at(struct parser *p, const char *at, const char *what) {
    int line = 1;
    const char *start = p->text;
    for (const char *c = p->text; c < at; c++)
        if (*c == '\n') {
            line++;
            start = c + 1;
        }
    return status_set(STATUS_FORMAT, __FILE__, __LINE__, "graph text, line %d, column %d: %s", line,
                      (int)(at - start) + 1, what);
}
#define FAIL_AT(p, at, what) return fail_at((p), (at), (what))
#define CHECK_AT(p, condition, at, what)                                                           \
    do {                                                                                           \
        if (!(condition)) FAIL_AT(p, at, what);                                                    \
    } while (0)

/* Room for `n` elements in an array that mem_realloc grows. */
static enum status reserve(void *array, size_t n, size_t *cap, size_t element_bytes) {
    if (n <= *cap) return STATUS_OK;
    size_t wider = *cap ? 2 * *cap : 64, bytes;
    while (wider < n) wider *= 2;
    CHECK(size_mul(wider, element_bytes, &bytes), STATUS_LIMIT, NO_MEMORY);
    void *fresh = mem_realloc(*(void **)array, bytes);
    CHECK(fresh, STATUS_MEMORY, NO_MEMORY);
    *(void **)array = fresh;
    *cap = wider;
    return STATUS_OK;
}

/* ---- words ---- */

static void skip_blanks(struct parser *p) {
    while (p->at < p->end && (*p->at == ' ' || *p->at == '\t' || *p->at == '\r')) p->at++;
}

static void skip_lines(struct parser *p) {
    for (;; p->at++) {
        skip_blanks(p);
        if (p->at < p->end && *p->at == '#')
            while (p->at < p->end && *p->at != '\n') p->at++;
        if (p->at == p->end || *p->at != '\n') return;
    }
}

static bool peek(struct parser *p, char c) {
    skip_blanks(p);
    return p->at < p->end && *p->at == c;
}

static bool accept(struct parser *p, char c) {
    if (!peek(p, c)) return false;
    p->at++;
    return true;
}

static enum status expect(struct parser *p, char c) {
    char what[32];
    if (accept(p, c)) return STATUS_OK;
    snprintf(what, sizeof what, "expected '%c'", c);
    FAIL_AT(p, p->at, what);
}

static bool is_word_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c && strchr("_./:-", c));
}

static size_t word_length(const struct parser *p) {
    size_t n = 0;
    while (p->at + n < p->end && is_word_char(p->at[n])) n++;
    return n;
}

static bool accept_word(struct parser *p, const char *word) {
    skip_blanks(p);
    size_t n = word_length(p);
    if (n != strlen(word) || memcmp(p->at, word, n)) return false;
    p->at += n;
    return true;
}

/* An operator's or attribute's name into p->word. */
static enum status read_word(struct parser *p, const char *expected) {
    skip_blanks(p);
    size_t n = word_length(p);
    CHECK_AT(p, n, p->at, expected);
    TRY(reserve(&p->word, n + 1, &p->cap_word, 1));
    memcpy(p->word, p->at, n);
    p->word[n] = '\0';
    p->at += n;
    return STATUS_OK;
}

static int hex_digit(char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10
         : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static enum status read_string(struct parser *p) {
    skip_blanks(p);
    const char *start = p->at;
    CHECK_AT(p, p->at < p->end && *p->at == '"', start, "expected a string in double quotes");
    const char *stop = ++p->at;
    while (stop < p->end && *stop != '"' && *stop != '\n') stop += *stop == '\\' ? 2 : 1;
    CHECK_AT(p, stop < p->end && *stop == '"', start, "the string has no closing quote");
    TRY(reserve(&p->word, (size_t)(stop - p->at) + 1, &p->cap_word, 1));
    size_t n = 0;
    while (p->at < stop) {
        char c = *p->at++;
        if (c == '\\') {
            c = *p->at++;
            if (c == 'n') {
                c = '\n';
            } else if (c == 'x') {
                int high = stop - p->at >= 2 ? hex_digit(p->at[0]) : -1;
                int low = high >= 0 ? hex_digit(p->at[1]) : -1;
                CHECK_AT(p, low >= 0, p->at, "expected two hexadecimal digits");
                c = (char)(high << 4 | low);
                p->at += 2;
            } else {
                CHECK_AT(p, c == '"' || c == '\\', p->at - 1, "unknown escape in a string");
            }
        }
        CHECK_AT(p, c, p->at - 1, "a string cannot hold a zero byte");
        p->word[n++] = c;
    }
    p->word[n] = '\0';
    p->at = stop + 1;
    return STATUS_OK;
}

static enum status read_name(struct parser *p) {
    if (peek(p, '"')) {
        const char *start = p->at;
        TRY(read_string(p));
        CHECK_AT(p, *p->word, start, "a name cannot be empty");
        return STATUS_OK;
    }
    size_t n = word_length(p);
    CHECK_AT(p, text_is_identifier(p->at, n), p->at, "expected a name");
    return read_word(p, "expected a name");
}

/* ---- numbers ---- */

/* A number's text into buf, moving past it. */
static enum status number_text(struct parser *p, char buf[static 64]) {
    skip_blanks(p);
    size_t n = 0;
    while (p->at + n < p->end && n < 63 &&
           (is_word_char(p->at[n]) || p->at[n] == '+') && p->at[n] != ':' && p->at[n] != '/')
        n++;
    CHECK_AT(p, n && n < 63, p->at, "expected a number");
    memcpy(buf, p->at, n);
    buf[n] = '\0';
    p->at += n;
    return STATUS_OK;
}

static bool is_float_text(const char *s) { return strpbrk(s, ".eEnN") != NULL; }

static enum status read_float(struct parser *p, const char *start, const char *s, float *out) {
    char *stop;
    *out = strtof(s, &stop);
    CHECK_AT(p, !*stop && !strpbrk(s, "xX"), start, "expected a number");
    return STATUS_OK;
}

static enum status read_int(struct parser *p, const char *start, const char *s, int64_t *out) {
    char *stop;
    errno = 0;
    *out = strtoll(s, &stop, 10);
    CHECK_AT(p, !*stop, start, "expected an integer");
    CHECK_AT(p, !errno, start, "the integer does not fit into 64 bits");
    return STATUS_OK;
}

/* One element of a constant. */
static enum status read_element(struct parser *p, enum dtype type, unsigned char *to) {
    char buf[64], *stop;
    skip_blanks(p);
    const char *start = p->at;
    TRY(number_text(p, buf));
    if (type == DT_F64) {
        double d = strtod(buf, &stop);
        CHECK_AT(p, !*stop && !strpbrk(buf, "xX"), start, "expected a number");
        memcpy(to, &d, sizeof d);
    } else if (dtype_is_float(type)) {
        float f;
        TRY(read_float(p, start, buf, &f));
        uint16_t half = type == DT_F16 ? f32_to_f16(f) : f32_to_bf16(f);
        if (type == DT_F32) memcpy(to, &f, sizeof f);
        else memcpy(to, &half, sizeof half);
    } else if (type == DT_U64) {
        errno = 0;
        uint64_t u = strtoull(buf, &stop, 10);
        CHECK_AT(p, !*stop && !errno && buf[0] != '-', start, "expected an integer that fits u64");
        memcpy(to, &u, sizeof u);
    } else {
        int64_t i, low = 0, high;
        TRY(read_int(p, start, buf, &i));
        int bits = 8 * (int)dtype_size(type);
        if (type == DT_BOOL) {
            high = 1;
        } else if (dtype_is_signed(type)) {
            high = (int64_t)(UINT64_MAX >> (65 - bits));
            low = -high - 1;
        } else {
            high = (int64_t)(UINT64_MAX >> (64 - bits));
        }
        CHECK_AT(p, i >= low && i <= high, start, "the integer does not fit the constant's type");
        /* Little-endian or not: the low bytes of the right width. */
        int8_t i8 = (int8_t)i;
        int16_t i16 = (int16_t)i;
        int32_t i32 = (int32_t)i;
        memcpy(to, bits == 8 ? (void *)&i8 : bits == 16 ? (void *)&i16
                   : bits == 32 ? (void *)&i32 : (void *)&i, dtype_size(type));
    }
    return STATUS_OK;
}

/* ---- tensors ---- */

/* The tensor named p->word, made on first mention. */
static enum status find_tensor(struct parser *p, const char *at, int *out) {
    *out = graph_find_tensor(p->g, p->word);
    if (*out >= 0) return STATUS_OK;
    TRY(graph_add_tensor(p->g, p->word, DT_NONE, shape_unknown(), out));
    size_t cap = (size_t)p->cap_seen;
    TRY(reserve(&p->seen, (size_t)*out + 1, &cap, sizeof *p->seen));
    p->cap_seen = (int)cap;
    p->seen[*out] = (size_t)(at - p->text) + 1;
    return STATUS_OK;
}

/* dtype [ dims ]; nothing read when no word follows. */
static enum status read_type(struct parser *p, bool required, enum dtype *dtype,
                             struct shape *shape) {
    *dtype = DT_NONE;
    *shape = shape_unknown();
    skip_blanks(p);
    if (!required && !word_length(p)) return STATUS_OK;
    const char *start = p->at;
    TRY(read_word(p, "expected a type such as f32[1,3]"));
    *dtype = dtype_from_name(p->word);
    CHECK_AT(p, *dtype || (!required && !strcmp(p->word, "none")), start, "unknown element type");
    TRY(expect(p, '['));
    if (accept(p, '*')) {
        CHECK_AT(p, !required, start, "a constant needs a known shape");
        return expect(p, ']');
    }
    shape->rank = 0;
    while (!accept(p, ']')) {
        if (shape->rank) TRY(expect(p, ','));
        CHECK_AT(p, shape->rank < SHAPE_MAX_RANK, p->at, "too many dimensions");
        int64_t dim = -1;
        if (!accept(p, '?')) {
            char buf[64];
            skip_blanks(p);
            const char *at = p->at;
            TRY(number_text(p, buf));
            TRY(read_int(p, at, buf, &dim));
            CHECK_AT(p, dim >= 0, at, "a dimension cannot be negative; write ? for unknown");
        }
        shape->dim[shape->rank++] = dim;
    }
    if (!shape_known(shape)) {
        CHECK_AT(p, !required, start, "a constant needs a known shape");
        return STATUS_OK;
    }
    int64_t n = shape_elements(shape);
    CHECK_AT(p, n >= 0 && n <= INT64_MAX / 16, start, "the shape overflows");
    return STATUS_OK;
}

/* name [type], defining the tensor. */
static enum status read_definition(struct parser *p, bool constant, int *out) {
    skip_blanks(p);
    const char *start = p->at;
    TRY(read_name(p));
    TRY(find_tensor(p, start, out));
    CHECK_AT(p, p->seen[*out], start, "the tensor is defined a second time");
    p->seen[*out] = 0;
    enum dtype dtype;
    struct shape shape;
    TRY(read_type(p, constant, &dtype, &shape));
    p->g->tensors[*out].dtype = dtype;
    p->g->tensors[*out].shape = shape;
    return STATUS_OK;
}

static enum status read_list_data(struct parser *p, const struct tensor *t, size_t n,
                                  unsigned char *data) {
    for (size_t i = 0; i < n; i++) {
        skip_lines(p);
        if (i) TRY(expect(p, ','));
        skip_lines(p);
        TRY(read_element(p, t->dtype, data + i * dtype_size(t->dtype)));
    }
    skip_lines(p);
    return expect(p, '}');
}

static enum status read_constant(struct parser *p) {
    int id;
    TRY(read_definition(p, true, &id));
    TRY(expect(p, '='));
    skip_blanks(p);
    const char *start = p->at;
    struct tensor *t = &p->g->tensors[id];
    size_t size = dtype_size(t->dtype), n = (size_t)shape_elements(&t->shape), bytes = n * size;
    bool zeros = accept_word(p, "zeros"), splat = !zeros && accept_word(p, "splat");
    bool hex = !zeros && !splat && accept_word(p, "hex");
    if (zeros || splat) {
        CHECK_AT(p, bytes <= FILL_BUDGET - p->fill_bytes, start,
                 "splats and zeros may take at most 512 MiB together");
        p->fill_bytes += bytes;
    } else {
        if (!hex) TRY(expect(p, '{'));
        CHECK_AT(p, (hex ? bytes : n) <= (size_t)(p->end - p->at), start,
                 "the shape has more elements than the data");
    }
    unsigned char *data = arena_alloc_data(&p->g->arena, bytes ? bytes : 1);
    CHECK(data, STATUS_MEMORY, NO_MEMORY);
    if (zeros) {
        memset(data, 0, bytes ? bytes : 1);
    } else if (splat) {
        unsigned char element[8];
        TRY(expect(p, '('));
        TRY(read_element(p, t->dtype, element));
        TRY(expect(p, ')'));
        for (size_t i = 0; i < n; i++) memcpy(data + i * size, element, size);
    } else if (hex) {
        skip_blanks(p);
        for (size_t i = 0; i < bytes; i++, p->at += 2) {
            int high = p->end - p->at >= 2 ? hex_digit(p->at[0]) : -1;
            int low = high >= 0 ? hex_digit(p->at[1]) : -1;
            CHECK_AT(p, low >= 0, p->at, "expected two hexadecimal digits");
            data[i] = (unsigned char)(high << 4 | low);
        }
    } else {
        TRY(read_list_data(p, t, n, data));
    }
    t->data = data;
    t->data_bytes = bytes;
    return STATUS_OK;
}

/* ---- nodes ---- */

static enum status list_add(struct parser *p, int tensor) {
    size_t cap = (size_t)p->cap_list;
    CHECK(p->n_list < INT32_MAX / 4, STATUS_LIMIT, "a node has too many inputs");
    TRY(reserve(&p->list, (size_t)p->n_list + 1, &cap, sizeof *p->list));
    p->cap_list = (int)cap;
    p->list[p->n_list++] = tensor;
    return STATUS_OK;
}

static enum status read_attr_list(struct parser *p, int node, const char *name) {
    int n = 0;
    bool any_float = false;
    while (!accept(p, ']')) {
        if (n) TRY(expect(p, ','));
        char buf[64];
        skip_blanks(p);
        const char *start = p->at;
        TRY(number_text(p, buf));
        size_t cap = (size_t)p->cap_values, cap2 = cap;
        TRY(reserve(&p->ints, (size_t)n + 1, &cap, sizeof *p->ints));
        TRY(reserve(&p->floats, (size_t)n + 1, &cap2, sizeof *p->floats));
        p->cap_values = (int)cap;
        p->ints[n] = 0;
        if (is_float_text(buf)) any_float = true;
        else TRY(read_int(p, start, buf, &p->ints[n]));
        TRY(read_float(p, start, buf, &p->floats[n]));
        n++;
    }
    return any_float ? node_set_floats(p->g, node, name, n, p->floats)
                     : node_set_ints(p->g, node, name, n, p->ints);
}

static enum status read_attr_value(struct parser *p, int node, const char *name) {
    if (accept(p, '[')) return read_attr_list(p, node, name);
    if (peek(p, '"')) {
        TRY(read_string(p));
        return node_set_string(p->g, node, name, p->word);
    }
    if (accept_word(p, "floats")) {
        TRY(expect(p, '['));
        TRY(expect(p, ']'));
        return node_set_floats(p->g, node, name, 0, NULL);
    }
    char buf[64];
    skip_blanks(p);
    const char *start = p->at;
    TRY(number_text(p, buf));
    if (is_float_text(buf)) {
        float f;
        TRY(read_float(p, start, buf, &f));
        return node_set_float(p->g, node, name, f);
    }
    int64_t i;
    TRY(read_int(p, start, buf, &i));
    return node_set_int(p->g, node, name, i);
}

static enum status read_attrs(struct parser *p, int node) {
    for (bool first = true; !accept(p, '}'); first = false) {
        if (!first) TRY(expect(p, ','));
        skip_blanks(p);
        const char *start = p->at;
        TRY(read_word(p, "expected an attribute"));
        char name[64];
        CHECK_AT(p, strlen(p->word) < sizeof name, start, "the attribute's name is too long");
        CHECK_AT(p, !node_attr(&p->g->nodes[node], p->word), start,
                 "the attribute is given a second time");
        strcpy(name, p->word);
        TRY(expect(p, '='));
        TRY(read_attr_value(p, node, name));
    }
    return STATUS_OK;
}

static enum status read_node(struct parser *p) {
    p->n_list = 0;
    do {
        int t = -1;
        if (!accept_word(p, "_")) TRY(read_definition(p, false, &t));
        TRY(list_add(p, t));
    } while (accept(p, ','));
    int n_outputs = p->n_list;
    TRY(expect(p, '='));
    skip_blanks(p);
    const char *start = p->at;
    TRY(read_word(p, "expected an operator"));
    enum op_kind op = op_find(p->word);
    CHECK_AT(p, op != OP_NONE, start, "unknown operator");
    TRY(expect(p, '('));
    for (bool first = true; !accept(p, ')'); first = false) {
        if (!first) TRY(expect(p, ','));
        int t = -1;
        if (!accept_word(p, "_")) {
            skip_blanks(p);
            const char *at = p->at;
            TRY(read_name(p));
            TRY(find_tensor(p, at, &t));
        }
        TRY(list_add(p, t));
    }
    int node;
    TRY(graph_add_node(p->g, op, NULL, p->n_list - n_outputs, p->list + n_outputs, n_outputs,
                       p->list, &node));
    if (accept(p, '{')) TRY(read_attrs(p, node));
    if (peek(p, '"')) {
        TRY(read_string(p));
        const char *name = arena_strdup(&p->g->arena, p->word);
        CHECK(name, STATUS_MEMORY, NO_MEMORY);
        p->g->nodes[node].name = name;
    }
    return STATUS_OK;
}

/* ---- the whole ---- */

static enum status read_meta(struct parser *p) {
    TRY(read_string(p));
    char *key = mem_strdup(p->word);
    CHECK(key, STATUS_MEMORY, NO_MEMORY);
    enum status s = expect(p, '=');
    if (s == STATUS_OK) s = read_string(p);
    if (s == STATUS_OK) s = graph_set_meta(p->g, key, p->word);
    mem_free(key);
    return s;
}

static enum status read_statement(struct parser *p) {
    int t;
    if (accept_word(p, "meta")) return read_meta(p);
    if (accept_word(p, "const")) return read_constant(p);
    if (accept_word(p, "tensor")) return read_definition(p, false, &t);
    if (accept_word(p, "input")) {
        TRY(read_definition(p, false, &t));
        return graph_add_input(p->g, t);
    }
    if (accept_word(p, "output")) {
        skip_blanks(p);
        const char *at = p->at;
        TRY(read_name(p));
        TRY(find_tensor(p, at, &t));
        return graph_add_output(p->g, t);
    }
    return read_node(p);
}

static enum status read_graph(struct parser *p) {
    skip_lines(p);
    CHECK_AT(p, accept_word(p, "graph"), p->at, "expected 'graph'");
    TRY(read_string(p));
    p->g->name = arena_strdup(&p->g->arena, p->word);
    CHECK(p->g->name, STATUS_MEMORY, NO_MEMORY);
    TRY(expect(p, '{'));
    for (;;) {
        skip_lines(p);
        if (accept(p, '}')) break;
        TRY(read_statement(p));
        CHECK_AT(p, peek(p, '\n') || peek(p, '#') || peek(p, '}'), p->at,
                 "expected the end of the line");
    }
    skip_lines(p);
    CHECK_AT(p, p->at == p->end, p->at, "expected nothing after the graph");
    for (int t = 0; t < p->g->n_tensors; t++)
        CHECK_AT(p, !p->seen[t], p->text + p->seen[t] - 1, "the tensor is defined nowhere");
    return STATUS_OK;
}

enum status graph_parse(const char *text, size_t n_bytes, struct graph **out) {
    *out = NULL;
    struct parser p = {.text = text, .at = text, .end = text + n_bytes};
    TRY(graph_create(&p.g));
    /* The program we live in may have chosen a locale with decimal commas. */
    locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    locale_t old = c ? uselocale(c) : (locale_t)0;
    enum status s = read_graph(&p);
    if (c) {
        uselocale(old);
        freelocale(c);
    }
    mem_free(p.word);
    mem_free(p.ints);
    mem_free(p.floats);
    mem_free(p.list);
    mem_free(p.seen);
    if (s != STATUS_OK) graph_destroy(p.g);
    else *out = p.g;
    return s;
}
