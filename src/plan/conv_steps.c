/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/conv_steps.h"

#include "base/alloc.h"
#include "kernels/aipp.h"
#include "plan/pictures.h"

struct conv_step {
    struct planned_conv conv;
    struct conv_args args; /* strides; the pointers are filled in at run time */
    struct ref src, dst, residual;
    struct conv_step_piece {
        struct ref from;
        int64_t batch;
        int channels;
    } *pieces;
    struct pictures pictures; /* with d.made */
    int kernel_step;
};

/* Behind what the kernel takes of the scratch: the sources, or the work of who makes rows. */
static size_t sources_at(const struct conv_plan *p) {
    return (p->scratch_bytes + PK_ALIGNMENT - 1) / PK_ALIGNMENT * PK_ALIGNMENT;
}

static enum status run_conv(const struct step *s, struct run_env *env, int tile, int worker) {
    const struct conv_step *c = s->params;
    struct conv_args a = c->args;
    a.src = ref_at(env, &c->src);
    a.dst = ref_at(env, &c->dst);
    a.residual = ref_at(env, &c->residual);
    unsigned char *scratch = env->scratch + (size_t)worker * env->scratch_stride;
    struct conv_source *sources = (struct conv_source *)(scratch + sources_at(&c->conv.plan));
    for (int i = 0; i < c->conv.plan.d.n_pieces; i++) {
        const struct conv_step_piece *p = &c->pieces[i];
        sources[i] = (struct conv_source){ref_at(env, &p->from), p->batch, p->channels};
    }
    a.sources = sources;
    if (c->conv.plan.d.made) {
        struct aipp how;
        const uint8_t *picture;
        const int image = conv_tile_image(&c->conv.plan, tile);
        TRY(pictures_find(&c->pictures, env, image, &how, &picture));
        if (!how.resize) { /* else it is in src: parameters that come with a run, and resize */
            c->pictures.k->start(sources, &how, picture);
            a.make_row = c->pictures.k->row;
            a.maker = sources;
        }
    }
    conv_run(&c->conv.plan, c->conv.packed, &a, c->kernel_step, tile, scratch);
    return STATUS_OK;
}

enum status plan_conv_steps(struct plan *s, const struct node *n, const struct conv_plan *p,
                            const void *packed, const struct conv_args *a,
                            const struct conv_input *src, const struct value *dst,
                            const struct value *residual) {
    const int n_pieces = p->d.n_pieces;
    plan_want_scratch(s, sources_at(p) + (size_t)n_pieces * sizeof(struct conv_source) +
                             (p->d.made ? aipp_scratch_bytes() : 0));
    for (int i = 0; i < p->n_steps; i++) {
        struct step *step;
        struct conv_step *c;
        TRY(plan_add_step(s, n, "", p->n_tiles[i], run_conv, sizeof *c, &step, &c));
        *c = (struct conv_step){.conv = {*p, packed}, .args = *a, .kernel_step = i};
        step->kernel = c->conv.plan.name;
        if (i == 0 && n->op == OP_Conv) step->conv = &c->conv;
        if (i == 0)
            step->macs = (int64_t)p->d.n * p->d.oc * p->d.oh * p->d.ow * (p->d.ic / p->d.groups) *
                         p->d.kh * p->d.kw;
        if (p->d.made) TRY(plan_pictures(s, src->aipp, &c->pictures));
        if (src->whole.valid) TRY(plan_ref(s, &src->whole, &c->src));
        c->pieces = arena_calloc(&s->p->memory, (size_t)n_pieces + 1, sizeof *c->pieces);
        CHECK(c->pieces, STATUS_MEMORY, "out of memory while planning");
        for (int k = 0; k < n_pieces; k++) {
            const struct conv_input_piece *piece = &src->pieces[k];
            c->pieces[k].batch = piece->from.batch_stride;
            c->pieces[k].channels = piece->channels;
            TRY(plan_ref(s, &piece->from, &c->pieces[k].from));
        }
        TRY(plan_ref(s, dst, &c->dst));
        if (residual) TRY(plan_ref(s, residual, &c->residual));
    }
    return STATUS_OK;
}
