/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Channel shuffles vanish: whoever reads a shuffled tensor reads the channels where they were made.
 *
 * ShuffleNet's units join two halves, shuffle their channels (Reshape, Transpose, Reshape) and
 * split them again, so most of a stage's channels are moved from unit to unit without being
 * touched. Here each channel of a Concat, Split, Slice or shuffle is traced to the tensor that was
 * computed, its root, and a reader gets them by GatherChannels(roots). A 1x1 convolution takes its
 * input that way for nothing (plan/channels.c); everybody else pays for one copy instead of one in
 * each unit.
 *
 * A 1x1 convolution behind such a tensor does not care for the order of its channels, and one that
 * makes a root can make them in any: weights are reordered so that what is read together lies
 * together.
 */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "passes/edit.h"
#include "passes/internal.h"

enum { MOST_CHANNELS = 4096, MOST_TRACED = 1 << 20 }; /* of a tensor, and of all together */
#define NO_MEMORY "out of memory while tracing channels"

struct channel {
    int root, c; /* tensor that was computed, and which of its channels */
};

struct traced {
    struct channel *channels; /* NULL: not made by moving channels */
    bool shuffled;            /* a shuffle lies between it and a root */
    bool keep;                /* roots: the order of channels must stay */
    int moved;                /* roots: the same with channels in the order below; -1: none */
    int *place;               /* roots: where channel c went */
};

struct trace {
    struct edit e;
    struct graph *g;
    struct graph_uses uses;
    struct arena memory;
    struct traced *tensors;
    int n_tensors; /* as the graph was */
    bool *moves;   /* per node: only moves channels */
    int *place;    /* list_roots(): per tensor, 0 in between */
    int64_t n_traced;
    size_t room; /* bytes of weights that may still be reordered: a file may share one for many */
};

static int64_t channels_of(const struct trace *t, int x) {
    const struct shape *s = &t->g->tensors[x].shape;
    return s->rank == 4 && s->dim[1] > 0 && s->dim[1] <= MOST_CHANNELS ? s->dim[1] : -1;
}

static struct channel channel_at(const struct trace *t, int x, int64_t c) {
    const struct channel *made = t->tensors[x].channels;
    return made ? made[c] : (struct channel){x, (int)c};
}

/* ---- tracing ---- */

/* Memory for the channels of y; *out stays NULL when there are too many to follow. */
static enum status start(struct trace *t, int y, struct channel **out) {
    int64_t n = y >= 0 ? channels_of(t, y) : -1;
    *out = NULL;
    if (n < 0 || t->n_traced + n > MOST_TRACED) return STATUS_OK;
    *out = arena_calloc(&t->memory, (size_t)n, sizeof **out);
    CHECK(*out, STATUS_MEMORY, NO_MEMORY);
    t->n_traced += n;
    return STATUS_OK;
}

static void finish(struct trace *t, int node, int y, int x, struct channel *channels) {
    t->tensors[y].channels = channels;
    t->tensors[y].shuffled |= t->tensors[x].shuffled;
    t->moves[node] = true;
}

static enum status trace_concat(struct trace *t, int node) {
    const struct node *n = &t->g->nodes[node];
    int64_t axis = node_int(n, "axis", 0), at = 0;
    struct channel *channels;
    if (axis != 1 && axis != -3) return STATUS_OK;
    for (int i = 0; i < n->n_inputs; i++)
        if (channels_of(t, n->inputs[i]) < 0 || t->g->tensors[n->inputs[i]].data) return STATUS_OK;
    TRY(start(t, n->outputs[0], &channels));
    for (int i = 0; channels && i < n->n_inputs; i++) {
        int64_t size = channels_of(t, n->inputs[i]);
        for (int64_t c = 0; c < size; c++) channels[at++] = channel_at(t, n->inputs[i], c);
        finish(t, node, n->outputs[0], n->inputs[i], channels);
    }
    return STATUS_OK;
}

/* Output y is the channels of x from `first` on. */
static enum status trace_part(struct trace *t, int node, int x, int y, int64_t first) {
    struct channel *channels;
    TRY(start(t, y, &channels));
    if (!channels || first < 0 || first + channels_of(t, y) > channels_of(t, x)) return STATUS_OK;
    for (int64_t c = 0; c < channels_of(t, y); c++) channels[c] = channel_at(t, x, first + c);
    finish(t, node, y, x, channels);
    return STATUS_OK;
}

static enum status trace_split(struct trace *t, int node) {
    const struct node *n = &t->g->nodes[node];
    int64_t axis = node_int(n, "axis", 0), at = 0;
    if ((axis != 1 && axis != -3) || channels_of(t, n->inputs[0]) < 0) return STATUS_OK;
    for (int i = 0; i < n->n_outputs; i++)
        if (n->outputs[i] < 0 || channels_of(t, n->outputs[i]) < 0) return STATUS_OK;
    for (int i = 0; i < n->n_outputs; i++) {
        TRY(trace_part(t, node, n->inputs[0], n->outputs[i], at));
        at += channels_of(t, n->outputs[i]);
    }
    return STATUS_OK;
}

static enum status trace_slice(struct trace *t, int node) {
    struct graph *g = t->g;
    const struct node *n = &g->nodes[node];
    int64_t start_at, axis, step = 1, channels = channels_of(t, n->inputs[0]);
    if (channels < 0 || graph_const_ints(g, n->inputs[1], &start_at, 1) != 1 ||
        !node_input(g, n, 3) || graph_const_ints(g, n->inputs[3], &axis, 1) != 1 ||
        (node_input(g, n, 4) && graph_const_ints(g, n->inputs[4], &step, 1) != 1) || step != 1 ||
        (axis != 1 && axis != -3))
        return STATUS_OK;
    if (start_at < 0) start_at = start_at < -channels ? 0 : start_at + channels;
    return trace_part(t, node, n->inputs[0], n->outputs[0], start_at);
}

/* Reshape to [N, groups, C / groups, ..], a Transpose of the two, Reshape to [N, C, H, W]. */
static enum status trace_shuffle(struct trace *t, int node) {
    struct graph *g = t->g;
    int last = edit_only_producer(&t->e, node, 0, OP_Transpose);
    int first = last < 0 ? -1 : edit_only_producer(&t->e, last, 0, OP_Reshape);
    if (first < 0) return STATUS_OK;
    int x = g->nodes[first].inputs[0], y = g->nodes[node].outputs[0];
    const struct shape *sx = &g->tensors[x].shape, *sy = &g->tensors[y].shape;
    const struct shape *mid = &g->tensors[g->nodes[last].inputs[0]].shape;
    int64_t perm[SHAPE_MAX_RANK];
    if (!shape_known(sx) || !shape_known(mid) || channels_of(t, x) < 0 || mid->rank < 4 ||
        !shape_equal(sx, sy) || mid->dim[0] != sx->dim[0] ||
        mid->dim[1] * mid->dim[2] != sx->dim[1] ||
        node_ints(&g->nodes[last], "perm", perm, SHAPE_MAX_RANK) != mid->rank)
        return STATUS_OK;
    for (int d = 0; d < mid->rank; d++)
        if (perm[d] != (d == 1 ? 2 : d == 2 ? 1 : d)) return STATUS_OK;
    struct channel *channels;
    TRY(start(t, y, &channels));
    if (!channels) return STATUS_OK;
    for (int64_t c = 0; c < sx->dim[1]; c++)
        channels[c] = channel_at(t, x, c % mid->dim[1] * mid->dim[2] + c / mid->dim[1]);
    finish(t, node, y, x, channels);
    t->tensors[y].shuffled = true;
    t->moves[first] = t->moves[last] = true;
    return STATUS_OK;
}

static enum status trace_node(struct trace *t, int node) {
    switch (t->g->nodes[node].op) {
    case OP_Concat: return trace_concat(t, node);
    case OP_Split: return trace_split(t, node);
    case OP_Slice: return trace_slice(t, node);
    case OP_Reshape: return trace_shuffle(t, node);
    default: return STATUS_OK;
    }
}

/* ---- who reads ---- */

/* A tensor's use number i that is not a move itself: the node, else -1. */
static int reader(const struct trace *t, int x, int i) {
    int node = t->uses.node[t->uses.first[x] + i];
    return t->moves[node] ? -1 : node;
}

static int count_uses(const struct trace *t, int x) {
    return t->uses.first[x + 1] - t->uses.first[x];
}

static bool is_read(const struct trace *t, int x) {
    for (int i = 0; i < count_uses(t, x); i++)
        if (reader(t, x, i) >= 0) return true;
    return false;
}

/* A tensor whose readers get GatherChannels. */
static bool is_rewritten(const struct trace *t, int x) {
    return t->tensors[x].channels && t->tensors[x].shuffled && !t->uses.count_outputs[x] &&
           is_read(t, x);
}

/* A convolution that may take and make its channels in any order. */
static bool is_free_conv(const struct graph *g, const struct node *n) {
    const struct tensor *w = node_input(g, n, 1), *bias = node_input(g, n, 2);
    return n->op == OP_Conv && w && w->data && w->shape.rank == 4 && (!bias || bias->data) &&
           node_int(n, "group", 1) == 1 && !node_input(g, n, 3);
}

/* All readers take their channels in any order, each from this tensor only. */
static bool order_is_free(const struct trace *t, int x) {
    for (int i = 0; i < count_uses(t, x); i++) {
        int node = reader(t, x, i);
        if (node < 0) continue;
        const struct node *n = &t->g->nodes[node];
        const struct tensor *w = node_input(t->g, n, 1);
        if (!is_free_conv(t->g, n) || n->inputs[0] != x || w->shape.dim[2] != 1 ||
            w->shape.dim[3] != 1)
            return false;
    }
    return true;
}

static void find_fixed_roots(struct trace *t) {
    for (int x = 0; x < t->n_tensors; x++) {
        if (is_rewritten(t, x) || (!is_read(t, x) && !t->uses.count_outputs[x])) continue;
        int64_t n = channels_of(t, x);
        for (int64_t c = 0; c < n; c++) t->tensors[channel_at(t, x, c).root].keep = true;
        if (!t->tensors[x].channels) t->tensors[x].keep = true;
    }
}

/* ---- reordering ---- */

static bool has_room(struct trace *t, int w) {
    size_t bytes = t->g->tensors[w].data_bytes;
    if (bytes > t->room) return false;
    t->room -= bytes;
    return true;
}

struct sortable {
    int64_t key;
    int at;
};

static int by_key(const void *a, const void *b) {
    const struct sortable *x = a, *y = b;
    if (x->key != y->key) return x->key < y->key ? -1 : 1;
    return x->at < y->at ? -1 : x->at > y->at;
}

/* from[k] = which of n entries comes k-th, by `key` and then by where it was. */
static enum status sort_order(struct trace *t, const int64_t *key, int64_t n, int **from) {
    struct sortable *s = arena_calloc(&t->memory, (size_t)n, sizeof *s);
    *from = arena_calloc(&t->memory, (size_t)n, sizeof **from);
    CHECK(s && *from, STATUS_MEMORY, NO_MEMORY);
    for (int i = 0; i < n; i++) s[i] = (struct sortable){key[i], i};
    qsort(s, (size_t)n, sizeof *s, by_key);
    for (int i = 0; i < n; i++) (*from)[i] = s[i].at;
    return STATUS_OK;
}

/* A copy of the convolution that makes `root`, with its channels in the order in which they are
 * read for the first time. */
static enum status reorder_root(struct trace *t, int root, const int64_t *first_reader) {
    struct graph *g = t->g;
    struct traced *r = &t->tensors[root];
    int at = g->tensors[root].producer, *from;
    int64_t n = channels_of(t, root);
    struct tensor made = g->tensors[root];
    struct node conv = g->nodes[at];
    if (!has_room(t, conv.inputs[1])) return STATUS_OK;
    TRY(sort_order(t, first_reader, n, &from));
    r->place = arena_calloc(&t->memory, (size_t)n, sizeof *r->place);
    CHECK(r->place, STATUS_MEMORY, NO_MEMORY);
    for (int k = 0; k < n; k++) r->place[from[k]] = k;
    int in[3] = {conv.inputs[0], -1, -1}, node;
    TRY(edit_take(&t->e, conv.inputs[1], 0, from, n, &in[1]));
    if (node_input(g, &conv, 2)) TRY(edit_take(&t->e, conv.inputs[2], 0, from, n, &in[2]));
    TRY(edit_insert(&t->e, at, OP_Conv, conv.name, in[2] < 0 ? 2 : 3, in, made.dtype, made.shape,
                    &node, &r->moved));
    g->nodes[node].attrs = conv.attrs;
    g->nodes[node].n_attrs = conv.n_attrs;
    return STATUS_OK;
}

static enum status reorder_roots(struct trace *t) {
    const struct graph *g = t->g;
    int64_t **first = arena_calloc(&t->memory, (size_t)t->n_tensors, sizeof *first);
    CHECK(first, STATUS_MEMORY, NO_MEMORY);
    for (int x = 0; x < t->n_tensors; x++) {
        if (!is_rewritten(t, x)) continue;
        for (int64_t k = 0; k < channels_of(t, x); k++) {
            struct channel c = t->tensors[x].channels[k];
            int at = g->tensors[c.root].producer;
            if (t->tensors[c.root].keep || at < 0 || !is_free_conv(g, &g->nodes[at])) continue;
            if (!first[c.root]) {
                int64_t n = channels_of(t, c.root);
                first[c.root] = arena_calloc(&t->memory, (size_t)n, sizeof **first);
                CHECK(first[c.root], STATUS_MEMORY, NO_MEMORY);
                for (int64_t i = 0; i < n; i++) first[c.root][i] = INT64_MAX;
            }
            int64_t *f = &first[c.root][c.c], reader_at = g->tensors[x].producer;
            if (reader_at < *f) *f = reader_at;
        }
    }
    for (int x = 0; x < t->n_tensors; x++)
        if (first[x]) TRY(reorder_root(t, x, first[x]));
    return STATUS_OK;
}

/* ---- rewriting ---- */

/* The roots of x's channels, each once, in *roots, and which of their channels, counted through, in
 * `at`. */
static void list_roots(struct trace *t, int x, int *roots, int *n_roots, int64_t *at) {
    int64_t n = channels_of(t, x);
    int *place = t->place;
    *n_roots = 0;
    for (int64_t k = 0, total = 0; k < n; k++) {
        struct channel c = t->tensors[x].channels[k];
        const struct traced *r = &t->tensors[c.root];
        if (!place[c.root]) {
            place[c.root] = (int)total + 1;
            total += channels_of(t, c.root);
            roots[(*n_roots)++] = r->moved >= 0 ? r->moved : c.root;
        }
        at[k] = place[c.root] - 1 + (r->place ? r->place[c.c] : c.c);
    }
    for (int64_t k = 0; k < n; k++) place[t->tensors[x].channels[k].root] = 0;
}

static enum status rewrite(struct trace *t, int x) {
    struct graph *g = t->g;
    int64_t n = channels_of(t, x);
    int *roots = arena_calloc(&t->memory, (size_t)n, sizeof *roots), n_roots, node, y, *from = NULL;
    int64_t *at = arena_calloc(&t->memory, (size_t)n, sizeof *at);
    CHECK(roots && at, STATUS_MEMORY, NO_MEMORY);
    list_roots(t, x, roots, &n_roots, at);
    /* Its readers now, among them convolutions that reorder_root() added. */
    int n_users = edit_n_uses(&t->e, x), w;
    int *user = arena_calloc(&t->memory, (size_t)n_users + 1, sizeof *user);
    CHECK(user, STATUS_MEMORY, NO_MEMORY);
    n_users = 0;
    for (int u = t->e.tensors[x].first; u >= 0; u = t->e.uses[u].next) {
        int at_node = t->e.uses[u].node;
        if (at_node >= t->e.n_nodes || !t->moves[at_node]) user[n_users++] = at_node;
    }
    bool reorder = order_is_free(t, x);
    for (int i = 0; reorder && i < n_users; i++)
        reorder = has_room(t, g->nodes[user[i]].inputs[1]);
    if (reorder) {
        TRY(sort_order(t, at, n, &from));
        qsort(at, (size_t)n, sizeof *at, by_key);
    }
    struct tensor made = g->tensors[x];
    bool whole = n_roots == 1 && n == channels_of(t, roots[0]);
    for (int64_t k = 0; k < n; k++) whole &= at[k] == k;
    if (whole) {
        y = roots[0];
    } else {
        TRY(edit_insert(&t->e, made.producer, OP_GatherChannels, made.name, n_roots, roots,
                        made.dtype, made.shape, &node, &y));
        TRY(node_set_ints(g, node, "channels", (int)n, at));
    }
    for (int i = 0; i < n_users; i++) {
        if (from) {
            TRY(edit_take(&t->e, g->nodes[user[i]].inputs[1], 1, from, n, &w));
            TRY(edit_set_input(&t->e, user[i], 1, w));
        }
        for (int k = 0; k < g->nodes[user[i]].n_inputs; k++)
            if (g->nodes[user[i]].inputs[k] == x) TRY(edit_set_input(&t->e, user[i], k, y));
    }
    return STATUS_OK;
}

static enum status run(struct trace *t) {
    bool any = false;
    t->tensors = arena_calloc(&t->memory, (size_t)t->n_tensors + 1, sizeof *t->tensors);
    t->moves = arena_calloc(&t->memory, (size_t)t->e.n_nodes + 1, sizeof *t->moves);
    t->place = arena_calloc(&t->memory, (size_t)t->n_tensors + 1, sizeof *t->place);
    CHECK(t->tensors && t->moves && t->place, STATUS_MEMORY, NO_MEMORY);
    /* A weight is reordered for its convolution's input and output, and for what these replace. */
    for (int x = 0; x < t->n_tensors; x++) t->room += 4 * t->g->tensors[x].data_bytes;
    for (int x = 0; x < t->n_tensors; x++) t->tensors[x].moved = -1;
    for (int n = 0; n < t->e.n_nodes; n++) TRY(trace_node(t, n));
    for (int x = 0; x < t->n_tensors && !any; x++) any = is_rewritten(t, x);
    if (!any) return STATUS_OK;
    find_fixed_roots(t);
    TRY(reorder_roots(t));
    for (int x = 0; x < t->n_tensors; x++)
        if (is_rewritten(t, x)) TRY(rewrite(t, x));
    return STATUS_OK;
}

enum status pass_trace_channels(struct graph *g) {
    struct trace t = {.g = g, .n_tensors = g->n_tensors};
    TRY(edit_init(&t.e, g));
    arena_init(&t.memory, 0);
    enum status s = graph_find_uses(g, &t.uses);
    if (s == STATUS_OK) s = run(&t);
    graph_uses_deinit(&t.uses);
    arena_deinit(&t.memory);
    return edit_finish(&t.e, s);
}
