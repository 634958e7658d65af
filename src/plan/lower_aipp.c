/* SPDX-License-Identifier: Apache-2.0 */
/* Aipp by rows of the pictures made, from the caller's bytes to the planes the first layer
 * reads. */
#include "kernels/aipp.h"
#include "kernels/kernels.h"
#include "ops/aipp.h"
#include "plan/plan.h"

struct aipp_step {
    struct aipp fixed; /* static: the parameters */
    bool dynamic, is_input; /* is_input: the pictures come from the caller */
    struct ref src, dst, block;
    struct shape made;
    int64_t room; /* bytes of all pictures, as the shape has it */
    int64_t bytes; /* static: of a picture */
    size_t block_bytes;
    void (*rows)(const struct aipp *, const uint8_t *, float *, int64_t, int, int, void *);
};

static enum status run_aipp(const struct step *s, struct run_env *env, int tile, int worker) {
    const struct aipp_step *p = s->params;
    const uint8_t *src = ref_at(env, &p->src);
    float *dst = ref_at(env, &p->dst);
    void *scratch = env->scratch + (size_t)worker * env->scratch_stride;
    const int64_t h = p->made.dim[2], plane = h * p->made.dim[3];
    int64_t begin, end, have = p->room;
    /* A program may give more than the model has room for, and then larger pictures. */
    if (p->is_input && p->src.place == PLACE_BORDER)
        have = (int64_t)env->input_bytes[p->src.index];
    tile_range(p->made.dim[0] * h, s->n_tiles, tile, &begin, &end);
    while (begin < end) {
        const int64_t n = begin / h, last = (n + 1) * h < end ? (n + 1) * h : end;
        struct aipp a = p->fixed;
        int64_t bytes = p->bytes;
        if (p->dynamic) {
            enum status status = aipp_for_picture(ref_at(env, &p->block), p->block_bytes, (int)n,
                                                  have, &p->made, &a, &bytes);
            if (status != STATUS_OK) {
                status_prefix("Aipp '%s'", s->node);
                return status;
            }
        }
        p->rows(&a, src + n * bytes, dst + n * p->made.dim[1] * plane, plane, (int)(begin - n * h),
                (int)(last - n * h), scratch);
        begin = last;
    }
    return STATUS_OK;
}

enum status lower_aipp(struct plan *s, const struct node *n, bool *done) {
    const struct graph *g = s->g;
    if (n->op != OP_Aipp || n->outputs[0] < 0) return STATUS_OK;
    const struct tensor *x = node_input(g, n, 0), *y = node_output(g, n, 0);
    const struct tensor *block = node_input(g, n, 1);
    if (y->dtype != DT_F32 || !shape_known(&x->shape) || !shape_known(&y->shape) ||
        shape_elements(&y->shape) == 0 || (block && !shape_known(&block->shape)))
        return STATUS_OK;
    struct value from, to, parameters;
    TRY(plan_want(s, n, n->inputs[0], LAYOUT_PLAIN, &from));
    if (block) TRY(plan_want(s, n, n->inputs[1], LAYOUT_PLAIN, &parameters));
    TRY(plan_define(s, n->outputs[0], LAYOUT_PLAIN, &to));
    plan_want_scratch(s, aipp_scratch_bytes());
    struct step *step;
    struct aipp_step *p;
    const int64_t rows = y->shape.dim[0] * y->shape.dim[2];
    TRY(plan_add_step(s, n, "rows", plan_tiles(rows, 2.0 * (double)y->shape.dim[3]), run_aipp,
                      sizeof *p, &step, &p));
    p->rows = s->k->aipp->rows;
    p->dynamic = block != NULL;
    p->is_input = graph_is_input(g, n->inputs[0]);
    p->room = shape_elements(&x->shape);
    p->made = y->shape;
    p->bytes = shape_elements(&x->shape) / x->shape.dim[0];
    p->block_bytes = block ? (size_t)block->shape.dim[0] : 0;
    if (!block) TRY(aipp_from_node(n, &x->shape, &p->fixed));
    TRY(plan_ref(s, &from, &p->src));
    TRY(plan_ref(s, &to, &p->dst));
    if (block) TRY(plan_ref(s, &parameters, &p->block));
    *done = true;
    return STATUS_OK;
}
