/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conv with constant f32 weights becomes a planned convolution kernel (kernels/conv.h).
 *
 * It reads a planar input when there are too few channels to fill a block, else a blocked one; of
 * pictures that an Aipp makes it has the rows made as it reads them. It writes to its home where
 * the home's strides are ones the kernel knows, else a blocked tensor.
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/env.h"
#include "plan/conv_steps.h"
#include "plan/hints.h"

bool plan_fused_activation(const struct node *n, struct fused_activation *out) {
    static const struct {
        const char *name;
        enum activation act;
        float alpha, beta; /* where the attribute is absent */
    } table[] = {
        {"", ACT_NONE, 0, 0},
        {"Relu", ACT_RELU, 0, 0},
        {"LeakyRelu", ACT_LEAKY, 0.01f, 0},
        {"Clip", ACT_CLIP, -__FLT_MAX__, __FLT_MAX__},
        {"Sigmoid", ACT_SIGMOID, 0, 0},
        {"HardSigmoid", ACT_HARD_SIGMOID, 0.2f, 0.5f},
        {"HardSwish", ACT_HARD_SWISH, 0, 0},
        {"Swish", ACT_SWISH, 1, 0},
        {"Tanh", ACT_TANH, 0, 0},
        {"Mish", ACT_MISH, 0, 0},
        {"Gelu", ACT_GELU, 0, 0},
        {"Elu", ACT_ELU, 1, 0},
        {"Softplus", ACT_SOFTPLUS, 0, 0},
    };
    const char *name = node_string(n, "activation", "");
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (strcmp(table[i].name, name)) continue;
        *out = (struct fused_activation){table[i].act,
                                         node_float(n, "activation_alpha", table[i].alpha),
                                         node_float(n, "activation_beta", table[i].beta)};
        /* The kernel knows only x sigmoid(x). */
        return !(out->act == ACT_SWISH && out->alpha != 1);
    }
    return false;
}

/* What PRUSIK_ALGO asks for, as conv_desc.only. */
static enum status wanted_algorithm(int *only) {
    static const char *const names[] = {[CONV_FASTEST] = "", [CONV_ONLY_DIRECT] = "direct",
                                        [2] = "winograd2", [4] = "winograd4", [5] = "winograd5",
                                        [6] = "winograd6", [CONV_ONLY_PAIRS] = "pairs"};
    const char *wanted = env_string(ENV_ALGO);
    for (int i = 0; i < (int)(sizeof names / sizeof *names); i++)
        if (names[i] && strcmp(wanted, names[i]) == 0) {
            *only = i;
            return STATUS_OK;
        }
    FAIL(STATUS_ARGUMENT, "%s=%s is not known; it takes direct, winograd2, winograd4, winograd5, "
         "winograd6 or pairs", env_name(ENV_ALGO), wanted);
}

struct pack_job {
    struct conv_plan plan;
    const float *weights, *bias;
};

static void pack(const void *context, void *memory) {
    const struct pack_job *j = context;
    conv_pack(&j->plan, j->weights, j->bias, memory);
}

/* What the packed form depends on; two plans that agree in it share their weights. */
struct signature {
    enum isa isa;
    int algorithm, ic, oc, kh, kw, groups, icb, ocb, ocv, n_groups, merged, wino_form, wino_pairs;
    int src, odd_pt, odd_pl;
    size_t group_floats;
};

static enum status pack_weights(struct plan *s, const struct tensor *w, const struct tensor *bias,
                                const struct conv_plan *p, const void **out) {
    struct pack_job job = {*p, w->data, bias ? bias->data : NULL};
    struct signature sig;
    memset(&sig, 0, sizeof sig);
    sig = (struct signature){p->k->isa, (int)p->algorithm, p->d.ic, p->d.oc, p->d.kh, p->d.kw,
                             p->d.groups, p->icb, p->ocb, p->ocv, p->n_groups, p->merged,
                             p->wino_form, p->wino_pairs, (int)p->d.src, p->d.pt % 2, p->d.pl % 2,
                             p->group_floats};
    return plan_pack(s, w, bias, &(struct packing){&sig, sizeof sig, p->packed_bytes, pack, &job,
                                                   sizeof job}, out);
}

/* How the destination can be written: *dst, and for a home its stride. */
static enum conv_layout choose_destination(const struct plan *s, int y, int64_t *stride) {
    const struct home *h = &s->tensors[y].home;
    const struct shape *shape = &s->g->tensors[y].shape;
    if (!h->valid || h->layout != LAYOUT_PLAIN || !h->only_use) return CONV_BLOCKED;
    int64_t height = shape->dim[2], width = shape->dim[3];
    int64_t pixel = width > 1 ? h->stride[3] : h->stride[2];
    bool even = height == 1 || width == 1 || h->stride[2] == h->stride[3] * width;
    if (!even) return CONV_BLOCKED;
    if (h->stride[1] == 1 && pixel >= shape->dim[1]) {
        *stride = pixel;
        return CONV_PIXEL;
    }
    if (pixel == 1 || height * width == 1) {
        *stride = h->stride[1];
        return CONV_PLANAR;
    }
    return CONV_BLOCKED;
}

/* Tensor t, of which only the list of channels exists, as pieces that lie side by side. */
static enum status find_pieces(struct plan *s, const struct node *n, int t, int *n_pieces,
                               struct conv_input_piece **out) {
    const struct channel *list = s->tensors[t].channels;
    const struct shape *shape = &s->g->tensors[t].shape;
    const int64_t channels = shape->dim[1], plane = shape->dim[2] * shape->dim[3];
    struct conv_input_piece *pieces = arena_calloc(&s->notes, (size_t)channels, sizeof *pieces);
    CHECK(pieces, STATUS_MEMORY, "out of memory while planning");
    int count = 0;
    for (int64_t c = 0; c < channels; c++) {
        const int lane = list[c].channel % s->block;
        if (c && lane && list[c].tensor == list[c - 1].tensor &&
            list[c].channel == list[c - 1].channel + 1) {
            pieces[count - 1].channels++;
            continue;
        }
        struct conv_input_piece *p = &pieces[count++];
        TRY(plan_want(s, n, list[c].tensor, LAYOUT_BLOCKED, &p->from));
        p->from.offset += (size_t)((list[c].channel - lane) * plane + lane) * sizeof(float);
        p->channels = 1;
    }
    *n_pieces = count;
    *out = pieces;
    return STATUS_OK;
}

/* As PRUSIK_ALGO asks, as a hint advises where that is possible, or by the cost model. */
static enum status plan_kernel(struct plan *s, struct conv_desc *d, struct conv_plan *out) {
    int size[TUNING_SIZES];
    TRY(wanted_algorithm(&d->only));
    hints_sizes(d, size);
    const struct tuning_hint *h = d->only ? NULL : tuning_find(&s->tuning, size);
    if (h) {
        struct conv_desc hinted = *d;
        hinted.only = h->only;
        hinted.group = h->group;
        hinted.block = h->block;
        if (conv_plan_init(s->k, &hinted, out) == STATUS_OK && out->way == h->only)
            return STATUS_OK;
    }
    return conv_plan_init(s->k, d, out);
}

enum status lower_conv(struct plan *s, const struct node *n, bool *done) {
    const struct graph *g = s->g;
    int x = n->inputs[0], y = n->outputs[0];
    const struct tensor *w = node_input(g, n, 1), *bias = node_input(g, n, 2),
                        *res = node_input(g, n, 3);
    if (!plan_blockable(s, x) || !plan_blockable(s, y) || !w->data || w->dtype != DT_F32 ||
        (bias && !bias->data) || (res && !plan_blockable(s, n->inputs[3])))
        return STATUS_OK;
    const struct shape *sx = &g->tensors[x].shape, *sy = &g->tensors[y].shape;
    struct fused_activation act;
    struct window win;
    if (!plan_fused_activation(n, &act) ||
        !plan_window(n, sx, sy, (int)w->shape.dim[2], (int)w->shape.dim[3], &win))
        return STATUS_OK;
    for (int i = 0; i < 4; i++)
        if (sx->dim[i] > INT_MAX / 4 || sy->dim[i] > INT_MAX / 4) return STATUS_OK;

    int64_t home_stride = 0;
    struct conv_desc d = {
        .n = (int)sx->dim[0], .ic = (int)sx->dim[1], .ih = (int)sx->dim[2], .iw = (int)sx->dim[3],
        .oc = (int)sy->dim[1], .oh = (int)sy->dim[2], .ow = (int)sy->dim[3],
        .kh = win.kh, .kw = win.kw, .sh = win.sh, .sw = win.sw, .dh = win.dh, .dw = win.dw,
        .pt = win.pt, .pl = win.pl, .groups = (int)node_int(n, "group", 1),
        .act = act.act, .alpha = act.alpha, .beta = act.beta,
        .residual = !res ? CONV_RESIDUAL_NONE
                    : node_int(n, "residual_after_activation", 0) ? CONV_RESIDUAL_AFTER
                                                                  : CONV_RESIDUAL_BEFORE,
    };
    bool planar = d.groups == 1 && d.ic <= 4 && !plan_has(s, x, LAYOUT_BLOCKED);
    d.src = planar ? CONV_PLANAR : CONV_BLOCKED;
    d.dst = choose_destination(s, y, &home_stride);
    struct conv_input from = {0};
    struct value to, residual = {0};
    bool pointwise = d.groups == 1 && d.kh * d.kw * d.sh * d.sw == 1 && d.pt == 0 && d.pl == 0 &&
                     d.oh == d.ih && d.ow == d.iw;
    if (planar && !plan_has(s, x, LAYOUT_PLAIN)) from.aipp = s->tensors[x].made_by;
    d.made = from.aipp != NULL;
    if (d.made && node_input(g, from.aipp, 1))
        TRY(plan_aipp_step(s, from.aipp, true, &from.whole));
    if (pointwise && !planar && s->tensors[x].channels && !s->tensors[x].in[LAYOUT_BLOCKED].valid)
        TRY(find_pieces(s, n, x, &d.n_pieces, &from.pieces));
    else if (!d.made) TRY(plan_want(s, n, x, planar ? LAYOUT_PLAIN : LAYOUT_BLOCKED, &from.whole));
    struct conv_plan p;
    TRY(plan_kernel(s, &d, &p));
    if (d.made) snprintf(p.name + strlen(p.name), sizeof p.name - strlen(p.name), " aipp");

    if (res) TRY(plan_want(s, n, n->inputs[3], LAYOUT_BLOCKED, &residual));
    const void *packed;
    TRY(pack_weights(s, w, bias, &p, &packed));
    struct conv_args a = {0};
    int64_t src_plane = sx->dim[2] * sx->dim[3], dst_plane = sy->dim[2] * sy->dim[3];
    a.src_batch = planar ? d.ic * src_plane : from.whole.batch_stride;
    a.src_channel = planar ? src_plane : src_plane * s->block;
    if (d.dst == CONV_BLOCKED) {
        TRY(plan_define(s, y, LAYOUT_BLOCKED, &to));
        a.dst_batch = to.batch_stride;
        a.dst_channel = dst_plane * s->block;
    } else {
        const struct home *h = &s->tensors[y].home;
        to = (struct value){.valid = true, .buffer = h->buffer, .offset = h->offset};
        a.dst_batch = h->stride[0];
        a.dst_channel = home_stride;
        plan_set_home_written(s, y);
    }
    a.residual_batch = residual.batch_stride;
    a.residual_channel = dst_plane * s->block;
    *done = true;
    return plan_conv_steps(s, n, &p, packed, &a, &from, &to, res ? &residual : NULL);
}
