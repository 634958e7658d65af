/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tensors that are channels of others: what Split, Slice, Concat and GatherChannels make of blocked
 * tensors where their borders are no borders of blocks.
 *
 * Such a node becomes no step at all: its result is a list that names a channel of a blocked tensor
 * for each of its own, and further nodes make lists of lists. A 1x1 convolution reads the channels
 * where they are (lower_conv.c). Whoever else wants the tensor blocked gets one gather of just
 * these channels (plan_want); whoever wants it plain, and its channels lie side by side, gets them
 * straight from where they are. So the half of a ShuffleNet unit that only passes through is never
 * moved until a convolution reads it.
 */
#include <string.h>

#include "kernels/kernels.h"
#include "kernels/move.h"
#include "plan/plan.h"

/* ---- lists ---- */

static enum status new_list(struct plan *s, int t, struct channel **out) {
    *out = arena_calloc(&s->notes, (size_t)s->g->tensors[t].shape.dim[1], sizeof **out);
    CHECK(*out, STATUS_MEMORY, "out of memory while planning");
    return STATUS_OK;
}

/* Where channel c of tensor t is. */
static struct channel find(const struct plan *s, int t, int64_t c) {
    const struct plan_tensor *x = &s->tensors[t];
    return x->channels && !x->in[LAYOUT_BLOCKED].valid ? x->channels[c]
                                                       : (struct channel){t, (int)c};
}

bool plan_channel_run(const struct plan *s, int t, int *source, int64_t *first) {
    const struct channel *list = s->tensors[t].channels;
    for (int64_t c = 0; c < s->g->tensors[t].shape.dim[1]; c++)
        if (list[c].tensor != list[0].tensor || list[c].channel != list[0].channel + c)
            return false;
    *source = list[0].tensor;
    *first = list[0].channel;
    return true;
}

enum status plan_slice_channels(struct plan *s, int x, int y, int64_t at) {
    struct channel *list;
    TRY(new_list(s, y, &list));
    for (int64_t c = 0; c < s->g->tensors[y].shape.dim[1]; c++) list[c] = find(s, x, at + c);
    s->tensors[y].channels = list;
    return STATUS_OK;
}

enum status plan_concat_channels(struct plan *s, const struct node *n) {
    struct channel *list;
    int y = n->outputs[0], at = 0;
    TRY(new_list(s, y, &list));
    for (int i = 0; i < n->n_inputs; i++)
        for (int64_t c = 0; c < s->g->tensors[n->inputs[i]].shape.dim[1]; c++)
            list[at++] = find(s, n->inputs[i], c);
    s->tensors[y].channels = list;
    return STATUS_OK;
}

enum status plan_gather_from(struct plan *s, const struct node *n, bool *done) {
    const struct attr *channels = node_attr(n, "channels");
    int y = n->outputs[0];
    if (n->op != OP_GatherChannels || !plan_blockable(s, y)) return STATUS_OK;
    for (int i = 0; i < n->n_inputs; i++)
        if (!plan_blockable(s, n->inputs[i])) return STATUS_OK;
    struct channel *list;
    TRY(new_list(s, y, &list));
    for (int k = 0; k < channels->n; k++) {
        int64_t c = channels->ints[k];
        int i = 0;
        for (int64_t size; c >= (size = s->g->tensors[n->inputs[i]].shape.dim[1]); i++) c -= size;
        list[k] = find(s, n->inputs[i], c);
    }
    s->tensors[y].channels = list;
    *done = true;
    return STATUS_OK;
}

/* ---- Concat ---- */

static bool along_channels(const struct node *n) {
    int64_t axis = node_int(n, "axis", 0);
    return axis == 1 || axis == -3;
}

/* Whether `n` would have input 0 blocked, or go on by channels itself. */
static bool wants_blocked(const struct node *n) {
    switch (n->op) {
    case OP_Conv:
    case OP_MaxPool:
    case OP_AveragePool:
    case OP_GlobalAveragePool: return true;
    case OP_Split:
    case OP_Concat: return along_channels(n);
    case OP_Slice:
    case OP_GatherChannels: return true;
    default: return false;
    }
}

bool plan_concat_is_by_channel(const struct plan *s, const struct node *n) {
    int y = n->outputs[0];
    if (s->reference || !along_channels(n) || !plan_blockable(s, y) ||
        s->uses.count_outputs[y])
        return false;
    if (s->tensors[y].home.valid && s->tensors[y].home.layout == LAYOUT_PLAIN) return false;
    bool whole = true;
    for (int i = 0; i < n->n_inputs; i++) {
        int x = n->inputs[i];
        if (s->g->tensors[x].data || !plan_blockable(s, x)) return false;
        whole &= i + 1 == n->n_inputs || s->g->tensors[x].shape.dim[1] % s->block == 0;
    }
    /* Where every input but the last fills its blocks, they are written side by side. */
    if (whole) return false;
    for (int u = s->uses.first[y]; u < s->uses.first[y + 1]; u++)
        if (!wants_blocked(&s->g->nodes[s->uses.node[u]])) return false;
    return true;
}

/* ---- the gather ---- */

/* A destination block: where its channels come from. */
struct part {
    int n; /* source blocks */
    struct {
        int ref;
        int64_t offset; /* floats from that tensor's image to the block's first pixel */
    } source[16];
    int32_t channel[16];
};

struct gather_step {
    struct ref dst, *refs;
    const int64_t *batch; /* per ref: floats from one image to the next */
    struct part *parts;
    int64_t images, blocks, bands, pixels, dst_batch;
    int block;
    void (*gather)(const struct move_gather *);
};

static enum status run_gather(const struct step *s, struct run_env *env, int tile, int worker) {
    (void)worker;
    const struct gather_step *c = s->params;
    int64_t begin, end;
    tile_range(c->images * c->blocks * c->bands, s->n_tiles, tile, &begin, &end);
    for (int64_t u = begin; u < end; u++) {
        int64_t band = u % c->bands, block = u / c->bands % c->blocks,
                image = u / c->bands / c->blocks;
        int64_t first = c->pixels * band / c->bands, stop = c->pixels * (band + 1) / c->bands;
        const struct part *p = &c->parts[block];
        const float *from[16];
        for (int i = 0; i < p->n; i++)
            from[i] = (const float *)ref_at(env, &c->refs[p->source[i].ref]) +
                      image * c->batch[p->source[i].ref] + p->source[i].offset + first * c->block;
        float *dst = (float *)ref_at(env, &c->dst) + image * c->dst_batch +
                     (block * c->pixels + first) * c->block;
        c->gather(&(struct move_gather){.block = from, .channel = p->channel, .dst = dst,
                                        .n_pixels = (size_t)(stop - first)});
    }
    return STATUS_OK;
}

/* Entry of `list` for `t`, added if it is new. */
static int index_of(int *list, int *n, int t) {
    int i = 0;
    while (i < *n && list[i] != t) i++;
    if (i == *n) list[(*n)++] = t;
    return i;
}

static void fill_part(const struct plan *s, const struct channel *list, int n, int64_t plane,
                      const int *tensors, int n_tensors, struct part *p) {
    int blocks[16];
    for (int l = 0; l < s->block; l++) {
        p->channel[l] = -1;
        if (l >= n) continue;
        int ref = 0, block = list[l].channel / s->block, k = 0;
        while (ref < n_tensors - 1 && tensors[ref] != list[l].tensor) ref++;
        while (k < p->n && (blocks[k] != block || p->source[k].ref != ref)) k++;
        if (k == p->n) {
            blocks[p->n] = block;
            p->source[p->n].ref = ref;
            p->source[p->n++].offset = block * plane * s->block;
        }
        p->channel[l] = k * s->block + list[l].channel % s->block;
    }
}

enum status plan_gather_channels(struct plan *s, const struct node *n, int t,
                                 const struct value *to) {
    const struct shape *shape = &s->g->tensors[t].shape;
    const struct channel *list = s->tensors[t].channels;
    int64_t channels = shape->dim[1], pixels = shape->dim[2] * shape->dim[3];
    int64_t blocks = (channels + s->block - 1) / s->block,
            bands = pixels >= 1024 ? pixels / 512 : 1;
    int n_tensors = 0, *tensors = arena_calloc(&s->notes, (size_t)channels, sizeof *tensors);
    struct value *from = arena_calloc(&s->notes, (size_t)channels, sizeof *from);
    CHECK(tensors && from, STATUS_MEMORY, "out of memory while planning");
    for (int64_t c = 0; c < channels; c++) index_of(tensors, &n_tensors, list[c].tensor);
    for (int i = 0; i < n_tensors; i++)
        TRY(plan_want(s, n, tensors[i], LAYOUT_BLOCKED, &from[i]));
    struct step *step;
    struct gather_step *g;
    TRY(plan_add_step(s, n, "gather channels",
                      plan_tiles(shape->dim[0] * blocks * bands, 2.0 * (double)(pixels / bands)),
                      run_gather, sizeof *g, &step, &g));
    struct ref *refs = arena_calloc(&s->p->memory, (size_t)n_tensors, sizeof *refs);
    int64_t *batch = arena_calloc(&s->p->memory, (size_t)n_tensors, sizeof *batch);
    struct part *parts = arena_calloc(&s->p->memory, (size_t)blocks, sizeof *parts);
    CHECK(refs && batch && parts, STATUS_MEMORY, "out of memory while planning");
    for (int64_t b = 0; b < blocks; b++) {
        int64_t at = b * s->block, rest = channels - at;
        fill_part(s, list + at, (int)(rest < s->block ? rest : s->block), pixels, tensors,
                  n_tensors, &parts[b]);
    }
    *g = (struct gather_step){.refs = refs, .batch = batch, .parts = parts, .images = shape->dim[0],
                              .blocks = blocks, .bands = bands, .pixels = pixels,
                              .dst_batch = to->batch_stride, .block = s->block,
                              .gather = s->k->move->gather_channels};
    for (int i = 0; i < n_tensors; i++) {
        batch[i] = from[i].batch_stride;
        TRY(plan_ref(s, &from[i], &refs[i]));
    }
    return plan_ref(s, to, &g->dst);
}
