/* SPDX-License-Identifier: Apache-2.0 */
/* ConvInteger and QLinearConv with constant weights on the f32 convolution kernels; integer.h says
 * why their sums are exact. */
#include <limits.h>

#include "base/alloc.h"
#include "plan/conv_steps.h"
#include "plan/integer.h"

/* The convolution that the node is, but for where it writes; false when the kernels do not take
 * it. */
static bool describe(const struct plan *s, const struct node *n, const struct tensor *w,
                     struct conv_desc *d) {
    const struct shape *sx = &s->g->tensors[n->inputs[0]].shape,
                       *sy = &s->g->tensors[n->outputs[0]].shape;
    struct window win;
    if (!plan_window(n, sx, sy, (int)w->shape.dim[2], (int)w->shape.dim[3], &win)) return false;
    for (int i = 0; i < 4; i++)
        if (sx->dim[i] > INT_MAX / 4 || sy->dim[i] > INT_MAX / 4) return false;
    *d = (struct conv_desc){
        .n = (int)sx->dim[0], .ic = (int)sx->dim[1], .ih = (int)sx->dim[2], .iw = (int)sx->dim[3],
        .oc = (int)sy->dim[1], .oh = (int)sy->dim[2], .ow = (int)sy->dim[3],
        .kh = win.kh, .kw = win.kw, .sh = win.sh, .sw = win.sw, .dh = win.dh, .dw = win.dw,
        .pt = win.pt, .pl = win.pl, .groups = (int)node_int(n, "group", 1),
        .src = CONV_BLOCKED, .dst = CONV_PLANAR,
        .only = CONV_ONLY_DIRECT, /* Winograd's sums are not exact */
    };
    return true;
}

static enum status pack(struct plan *s, const struct conv_plan *p, const struct tensor *w,
                        const struct tensor *zero, void **out) {
    int64_t elements = shape_elements(&w->shape), oc = w->shape.dim[0];
    struct integer_weights weights = {w, zero, oc, elements / oc, elements / oc, 1};
    *out = NULL;
    float *wide = mem_alloc_aligned((size_t)elements * sizeof *wide);
    CHECK(wide, STATUS_MEMORY, "out of memory while planning");
    bool is_exact = plan_widen_weights(&weights, wide);
    if (is_exact) *out = arena_alloc_data(&s->p->memory, p->packed_bytes);
    if (*out) conv_pack(p, wide, NULL, *out);
    mem_free(wide);
    CHECK(*out || !is_exact, STATUS_MEMORY, "out of memory while planning");
    return STATUS_OK;
}

static enum status add_input(struct plan *s, const struct node *n, struct value *blocked) {
    const struct shape *x = &s->g->tensors[n->inputs[0]].shape;
    int64_t stride[SHAPE_MAX_RANK];
    struct value plain;
    *blocked = (struct value){.valid = true, .batch_stride = plan_blocked_image(s, x)};
    TRY(plan_add_buffer(s, (size_t)(blocked->batch_stride * x->dim[0]) * sizeof(float),
                        &blocked->buffer));
    TRY(plan_widen(s, n, 0, 2, &plain));
    plan_contiguous(x, stride);
    return plan_to_blocked(s, n, x, &plain, stride, blocked);
}

enum status lower_conv_integer(struct plan *s, const struct node *n, bool *done) {
    const struct graph *g = s->g;
    if (n->op != OP_ConvInteger && n->op != OP_QLinearConv) return STATUS_OK;
    int y = n->outputs[0];
    bool linear = n->op == OP_QLinearConv, ok = true;
    const struct tensor *w = node_input(g, n, linear ? 3 : 1),
                        *w_zero = node_input(g, n, linear ? 5 : 3);
    const struct shape *sx = &g->tensors[n->inputs[0]].shape, *sy = &g->tensors[y].shape;
    struct conv_desc d;
    if (!plan_can_widen(s, n, 0, 2) || s->tensors[y].dynamic >= 0 || sx->rank != 4 || !w->data ||
        shape_elements(sy) <= 0 || shape_elements(&w->shape) <= 0 || (w_zero && !w_zero->data) ||
        !describe(s, n, w, &d))
        return STATUS_OK;
    struct requantise to_bytes = {.rows = 0};
    if (linear) TRY(plan_read_requantise(s, n, d.oc, &to_bytes, &ok));
    if (!ok) return STATUS_OK;
    const struct node *cast = linear ? NULL : plan_only_cast(s, y);
    if (cast && !plan_blockable(s, cast->outputs[0])) cast = NULL;
    if (cast) d.dst = CONV_BLOCKED;
    struct conv_plan p;
    void *packed;
    TRY(conv_plan_init(s->k, &d, &p));
    TRY(pack(s, &p, w, w_zero, &packed));
    if (!packed) return STATUS_OK;
    *done = true;

    struct conv_input from = {0};
    struct value to = {.valid = true};
    TRY(add_input(s, n, &from.whole));
    int64_t plane = sy->dim[2] * sy->dim[3];
    struct conv_args a = {.src_batch = from.whole.batch_stride,
                          .src_channel = sx->dim[2] * sx->dim[3] * s->block};
    if (cast) {
        TRY(plan_define(s, cast->outputs[0], LAYOUT_BLOCKED, &to));
        a.dst_batch = to.batch_stride;
        a.dst_channel = plane * s->block;
        s->done[cast - g->nodes] = 1;
        return plan_conv_steps(s, n, &p, packed, &a, &from, &to, NULL);
    }
    TRY(plan_add_buffer(s, (size_t)shape_elements(sy) * sizeof(float), &to.buffer));
    a.dst_batch = d.oc * plane;
    a.dst_channel = plane;
    TRY(plan_conv_steps(s, n, &p, packed, &a, &from, &to, NULL));
    if (!linear) return plan_narrow(s, n, &to, y);
    to_bytes.rows = sy->dim[0] * sy->dim[1];
    to_bytes.row = plane;
    return plan_requantise(s, n, &to_bytes, &to, y);
}
