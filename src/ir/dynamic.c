/* SPDX-License-Identifier: Apache-2.0 */
/* Reading what a graph says of its gears and ranges; the text may come from a hostile file. */
#include "ir/dynamic.h"

#include <inttypes.h>
#include <string.h>

#include "base/aipp.h"
#include "base/alloc.h"

static const char *const kind_names[] = {
    [DYNAMIC_NONE] = "",       [DYNAMIC_BATCH] = "batch", [DYNAMIC_IMAGE] = "image",
    [DYNAMIC_DIMS] = "dims", [DYNAMIC_RANGE] = "range",
};

#define BAD(...) FAIL(STATUS_FORMAT, DYNAMIC_META ": " __VA_ARGS__)
#define NO_MEMORY "out of memory for the gears of a model"

/* A size from 1 to 2^31 - 1, as the INT32 input that chooses a gear can hold; -1 if there is
 * none. */
static int64_t read_size(const char **s) {
    size_t digits = strspn(*s, "0123456789");
    int64_t v = 0;
    if (!digits || digits > 10) return -1;
    for (; digits--; ++*s) v = 10 * v + (**s - '0');
    return v >= 1 && v <= INT32_MAX ? v : -1;
}

static int count_open(const struct shape *s) {
    int n = 0;
    for (int i = 0; i < s->rank; i++) n += s->dim[i] < 0;
    return n;
}

/* Whether the open dimensions of an input are those the kind leaves open. */
static bool is_open_right(const struct shape *s, enum dynamic_kind kind, int picture) {
    if (s->rank < 0) return false;
    if (kind == DYNAMIC_DIMS || !count_open(s)) return true;
    if (kind == DYNAMIC_BATCH) return count_open(s) == 1 && s->dim[0] < 0;
    const int h = picture || (s->rank == 4 && s->dim[3] >= 0) ? 1 : 2; /* (N,H,W,C), (N,C,H,W) */
    return s->rank == 4 && count_open(s) == 2 && s->dim[h] < 0 && s->dim[h + 1] < 0;
}

/* The formats of pictures, where static AIPP follows an input. */
static enum status find_pictures(const struct graph *g, struct arena *arena, struct dynamic *d) {
    int *input_of = arena_calloc(arena, (size_t)g->n_tensors + 1, sizeof *input_of);
    int *formats = arena_calloc(arena, (size_t)g->n_inputs + 1, sizeof *formats);
    CHECK(input_of && formats, STATUS_MEMORY, NO_MEMORY);
    for (int i = 0; i < g->n_inputs; i++) input_of[g->inputs[i]] = i + 1;
    for (int i = 0; i < g->n_nodes; i++) {
        const struct node *n = &g->nodes[i];
        if (n->op != OP_Aipp || n->n_inputs < 1 || n->inputs[0] < 0 ||
            (n->n_inputs > 1 && n->inputs[1] >= 0) || !input_of[n->inputs[0]])
            continue;
        formats[input_of[n->inputs[0]] - 1] =
            aipp_format_find(node_string(n, "input_format", ""));
    }
    d->pictures = formats;
    return STATUS_OK;
}

/* How many sizes a gear has. */
static enum status count_values(const struct graph *g, const struct dynamic *d, int *out) {
    const enum dynamic_kind kind = d->kind;
    int n_open = 0;
    for (int i = 0; i < g->n_inputs; i++) {
        const struct tensor *t = &g->tensors[g->inputs[i]];
        char text[128];
        if (!is_open_right(&t->shape, kind, d->pictures ? d->pictures[i] : 0))
            BAD("input '%s' is %s, which does not suit gears of kind '%s'", t->name,
                shape_text(&t->shape, text), kind_names[kind]);
        n_open += count_open(&t->shape);
    }
    if (!n_open) BAD("no input has a size to choose");
    *out = kind == DYNAMIC_BATCH ? 1 : kind == DYNAMIC_IMAGE ? 2 : n_open;
    if (*out > DYNAMIC_MAX_VALUES)
        BAD("a gear has %d sizes; at most %d are supported", *out, DYNAMIC_MAX_VALUES);
    return STATUS_OK;
}

static enum status read_gears(const char *s, struct arena *arena, struct dynamic *d) {
    d->n_gears = 1;
    for (const char *c = s; *c; c++) d->n_gears += *c == ';';
    if (d->n_gears > DYNAMIC_MAX_GEARS)
        BAD("it has %d gears; at most %d are supported", d->n_gears, DYNAMIC_MAX_GEARS);
    int64_t *v = arena_calloc(arena, (size_t)d->n_gears * (size_t)d->n_values, sizeof *v);
    CHECK(v, STATUS_MEMORY, NO_MEMORY);
    d->values = v;
    for (int i = 0; i < d->n_gears * d->n_values; i++) {
        v[i] = read_size(&s);
        bool last = i == d->n_gears * d->n_values - 1;
        char wanted = last ? '\0' : (i + 1) % d->n_values ? ',' : ';';
        if (v[i] < 0 || *s != wanted)
            BAD("gear %d is not %d positive sizes", i / d->n_values, d->n_values);
        if (!last) s++;
    }
    for (int i = 0; i < d->n_gears; i++)
        if (dynamic_find(d, v + (size_t)i * (size_t)d->n_values) != i)
            BAD("gear %d is there twice", i);
    return STATUS_OK;
}

/* Formats with colours at half the height have even heights. */
static enum status check_pictures(const struct graph *g, const struct dynamic *d) {
    for (int i = 0; d->pictures && i < g->n_inputs; i++) {
        const struct aipp_layout *f = aipp_layout(d->pictures[i]);
        if (!f || !f->even_h || !count_open(&g->tensors[g->inputs[i]].shape)) continue;
        for (int gear = 0; gear < d->n_gears; gear++)
            if (d->values[gear * d->n_values] % 2)
                BAD("gear %d has an odd height; pictures in %s have an even one", gear, f->name);
    }
    return STATUS_OK;
}

/* The number of elements of all inputs, which must not overflow. */
static enum status find_largest(const struct graph *g, struct dynamic *d, struct arena *arena) {
    struct shape *shapes = arena_calloc(arena, (size_t)g->n_inputs + 1, sizeof *shapes);
    CHECK(shapes, STATUS_MEMORY, NO_MEMORY);
    int64_t most = -1;
    for (int gear = 0; gear < d->n_gears; gear++) {
        int64_t sum = 0;
        dynamic_shapes(d, g, gear, shapes);
        for (int i = 0; i < g->n_inputs; i++) {
            int64_t n = 1;
            for (int k = 0; k < shapes[i].rank; k++)
                if (!i64_mul(n, shapes[i].dim[k], &n) || n > INT64_MAX / 4096)
                    BAD("gear %d makes input %d too large", gear, i);
            sum += n; /* a graph has far fewer inputs than would overflow here */
            if (sum > INT64_MAX / 4096) BAD("gear %d makes the inputs too large", gear);
        }
        if (sum > most) d->largest = gear;
        if (sum > most) most = sum;
    }
    return STATUS_OK;
}

static enum status read_range(const char **s, int64_t dim, struct dynamic_range *r) {
    r->low = r->high = dim == 0 && **s == '0' ? (++*s, 0) : read_size(s);
    if (r->low >= 0 && **s == '~') {
        ++*s;
        r->high = **s >= '0' && **s <= '9' ? read_size(s) : -1;
        if (r->high >= 0 && r->high < r->low) BAD("a range ends before it begins");
    } else if (r->low < 0) {
        BAD("a size or a range is not readable at \"%.20s\"", *s);
    }
    if (dim >= 0 && (r->low != dim || r->high != dim))
        BAD("a range is given for a dimension of fixed size");
    return STATUS_OK;
}

static enum status read_ranges(const struct graph *g, const char *s, struct arena *arena,
                               struct dynamic *d) {
    size_t n = 0;
    for (int i = 0; i < g->n_inputs; i++) {
        int rank = g->tensors[g->inputs[i]].shape.rank;
        if (rank < 0) BAD("input %d has no known rank", i);
        n += (size_t)rank;
    }
    struct dynamic_range *r = arena_calloc(arena, n + 1, sizeof *r);
    CHECK(r, STATUS_MEMORY, NO_MEMORY);
    d->ranges = r;
    for (int i = 0; i < g->n_inputs; i++) {
        const struct shape *shape = &g->tensors[g->inputs[i]].shape;
        for (int k = 0; k < shape->rank; k++) {
            if (k && *s++ != ',') BAD("input %d does not have %d ranges", i, shape->rank);
            TRY(read_range(&s, shape->dim[k], r++));
        }
        bool last = i == g->n_inputs - 1;
        if (*s != (last ? '\0' : ';')) BAD("input %d does not have %d ranges", i, shape->rank);
        if (!last) s++;
    }
    return STATUS_OK;
}

enum status dynamic_read(const struct graph *g, struct arena *arena, struct dynamic *out) {
    *out = (struct dynamic){.kind = DYNAMIC_NONE};
    const char *text = graph_get_meta(g, DYNAMIC_META);
    if (!text) return STATUS_OK;
    size_t n = strcspn(text, " ");
    for (enum dynamic_kind k = DYNAMIC_BATCH; k <= DYNAMIC_RANGE; k++)
        if (strlen(kind_names[k]) == n && !memcmp(kind_names[k], text, n)) out->kind = k;
    if (out->kind == DYNAMIC_NONE || !text[n])
        BAD("\"%.40s\" does not begin with batch, image, dims or range", text);
    if (out->kind == DYNAMIC_RANGE) return read_ranges(g, text + n + 1, arena, out);
    if (out->kind == DYNAMIC_IMAGE) TRY(find_pictures(g, arena, out));
    TRY(count_values(g, out, &out->n_values));
    TRY(read_gears(text + n + 1, arena, out));
    TRY(check_pictures(g, out));
    return find_largest(g, out, arena);
}

void dynamic_shapes(const struct dynamic *d, const struct graph *g, int gear,
                    struct shape *shapes) {
    const int64_t *v = d->n_values ? d->values + (size_t)gear * (size_t)d->n_values : NULL;
    int at = 0;
    for (int i = 0; i < g->n_inputs; i++) {
        shapes[i] = g->tensors[g->inputs[i]].shape;
        if (d->kind != DYNAMIC_DIMS) at = 0;
        for (int k = 0; k < shapes[i].rank; k++)
            if (shapes[i].dim[k] < 0) shapes[i].dim[k] = v[at++];
        const bool is_picture = d->pictures && d->pictures[i];
        if (is_picture && g->tensors[g->inputs[i]].shape.dim[1] < 0)
            shapes[i].dim[1] = aipp_rows(d->pictures[i], shapes[i].dim[1]);
    }
}

int dynamic_find(const struct dynamic *d, const int64_t *values) {
    size_t n = (size_t)d->n_values;
    for (int i = 0; i < d->n_gears; i++)
        if (!memcmp(d->values + (size_t)i * n, values, n * sizeof *values)) return i;
    return -1;
}

const char *dynamic_text(const struct dynamic *d, int gear, char buf[static 128]) {
    size_t at = (size_t)snprintf(buf, 128, "%s", kind_names[d->kind]);
    for (int i = 0; i < d->n_values && at < 100; i++)
        at += (size_t)snprintf(buf + at, 128 - at, "%c%" PRId64, i ? ',' : ' ',
                               d->values[gear * d->n_values + i]);
    return buf;
}
