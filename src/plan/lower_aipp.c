/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Aipp by rows of the pictures made. A convolution that alone reads them makes them itself
 * (lower_conv.c): lower_aipp() then leaves no more than a note of who makes the tensor. Whoever
 * else wants it gets a step that writes the planes.
 */
#include "kernels/aipp.h"

#include "kernels/kernels.h"
#include "ops/aipp.h"
#include "plan/pictures.h"

enum status plan_pictures(struct plan *s, const struct node *n, struct pictures *out) {
    const struct tensor *x = node_input(s->g, n, 0), *block = node_input(s->g, n, 1);
    struct value from, parameters;
    *out = (struct pictures){.dynamic = block != NULL, .node = n->name, .k = s->k->aipp,
                             .is_input = graph_is_input(s->g, n->inputs[0]),
                             .made = node_output(s->g, n, 0)->shape,
                             .room = shape_elements(&x->shape),
                             .bytes = shape_elements(&x->shape) / x->shape.dim[0]};
    TRY(plan_want(s, n, n->inputs[0], LAYOUT_PLAIN, &from));
    TRY(plan_ref(s, &from, &out->src));
    if (!block) return aipp_from_node(n, &x->shape, &out->fixed);
    out->block_bytes = (size_t)block->shape.dim[0];
    TRY(plan_want(s, n, n->inputs[1], LAYOUT_PLAIN, &parameters));
    return plan_ref(s, &parameters, &out->block);
}

enum status pictures_find(const struct pictures *p, const struct run_env *env, int image,
                          struct aipp *a, const uint8_t **src) {
    int64_t bytes = p->bytes, have = p->room;
    /* A program may give more than the model has room for, and then larger pictures. */
    if (p->is_input && p->src.place == PLACE_BORDER)
        have = (int64_t)env->input_bytes[p->src.index];
    *a = p->fixed;
    if (p->dynamic) {
        enum status status = aipp_for_picture(ref_at(env, &p->block), p->block_bytes, image, have,
                                              &p->made, a, &bytes);
        if (status != STATUS_OK) {
            status_prefix("Aipp '%s'", p->node);
            return status;
        }
    }
    *src = (const uint8_t *)ref_at(env, &p->src) + image * bytes;
    return STATUS_OK;
}

struct aipp_step {
    struct pictures from;
    struct ref dst;
    bool only_resized; /* the reader makes the others itself */
};

static enum status run_aipp(const struct step *s, struct run_env *env, int tile, int worker) {
    const struct aipp_step *p = s->params;
    float *dst = ref_at(env, &p->dst);
    void *work = env->scratch + (size_t)worker * env->scratch_stride;
    const int64_t c = p->from.made.dim[1], h = p->from.made.dim[2], w = p->from.made.dim[3];
    int64_t begin, end;
    tile_range(p->from.made.dim[0] * h, s->n_tiles, tile, &begin, &end);
    while (begin < end) {
        const int64_t n = begin / h, last = (n + 1) * h < end ? (n + 1) * h : end;
        struct aipp a;
        const uint8_t *src;
        TRY(pictures_find(&p->from, env, (int)n, &a, &src));
        if (a.resize || !p->only_resized) {
            p->from.k->start(work, &a, src);
            for (int64_t y = begin - n * h; y < last - n * h; y++)
                p->from.k->row(work, (int)y, dst + (n * c * h + y) * w, h * w);
        }
        begin = last;
    }
    return STATUS_OK;
}

enum status plan_aipp_step(struct plan *s, const struct node *n, bool only_resized,
                           struct value *to) {
    const struct shape *y = &node_output(s->g, n, 0)->shape;
    struct step *step;
    struct aipp_step *p;
    struct value before;
    /* Conversions of what it reads, if any, come before it. */
    for (int i = 0; i < n->n_inputs; i++)
        if (n->inputs[i] >= 0) TRY(plan_want(s, n, n->inputs[i], LAYOUT_PLAIN, &before));
    TRY(plan_define(s, n->outputs[0], LAYOUT_PLAIN, to));
    plan_want_scratch(s, aipp_scratch_bytes());
    TRY(plan_add_step(s, n, only_resized ? "rows if resized" : "rows",
                      plan_tiles(y->dim[0] * y->dim[2], 2.0 * (double)y->dim[3]), run_aipp,
                      sizeof *p, &step, &p));
    p->only_resized = only_resized;
    TRY(plan_pictures(s, n, &p->from));
    return plan_ref(s, to, &p->dst);
}

/* Whether a convolution is all that reads the pictures, which the caller keeps until the end. Rows
 * that are resized cost more than writing and reading them, and a convolution makes some of them
 * twice: where its tiles meet. */
static bool can_wait(const struct plan *s, const struct node *n) {
    if (node_attr(n, "resize")) return false;
    const int y = n->outputs[0], first = s->uses.first[y];
    if (s->uses.first[y + 1] - first != 1 || s->uses.count_outputs[y]) return false;
    const struct node *reader = &s->g->nodes[s->uses.node[first]];
    for (int i = 0; i < n->n_inputs; i++)
        if (n->inputs[i] >= 0 && !graph_is_input(s->g, n->inputs[i])) return false;
    return reader->op == OP_Conv && reader->inputs[0] == y;
}

enum status lower_aipp(struct plan *s, const struct node *n, bool *done) {
    const struct graph *g = s->g;
    if (n->op != OP_Aipp || n->outputs[0] < 0) return STATUS_OK;
    const struct tensor *x = node_input(g, n, 0), *y = node_output(g, n, 0);
    const struct tensor *block = node_input(g, n, 1);
    struct value to;
    if (y->dtype != DT_F32 || !shape_known(&x->shape) || !shape_known(&y->shape) ||
        shape_elements(&y->shape) == 0 || (block && !shape_known(&block->shape)))
        return STATUS_OK;
    *done = true;
    if (!can_wait(s, n)) return plan_aipp_step(s, n, false, &to);
    s->tensors[n->outputs[0]].made_by = n;
    return STATUS_OK;
}
