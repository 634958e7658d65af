/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/conv_steps.h"

struct conv_step {
    struct conv_plan plan;
    const void *packed;
    struct conv_args args; /* strides; the pointers are filled in at run time */
    struct ref src, dst, residual;
    int kernel_step;
};

static enum status run_conv(const struct step *s, struct run_env *env, int tile, int worker) {
    const struct conv_step *c = s->params;
    struct conv_args a = c->args;
    a.src = ref_at(env, &c->src);
    a.dst = ref_at(env, &c->dst);
    a.residual = ref_at(env, &c->residual);
    conv_run(&c->plan, c->packed, &a, c->kernel_step, tile,
             env->scratch + (size_t)worker * env->scratch_stride);
    return STATUS_OK;
}

enum status plan_conv_steps(struct plan *s, const struct node *n, const struct conv_plan *p,
                            const void *packed, const struct conv_args *a,
                            const struct value *src, const struct value *dst,
                            const struct value *residual) {
    plan_want_scratch(s, p->scratch_bytes);
    for (int i = 0; i < p->n_steps; i++) {
        struct step *step;
        struct conv_step *c;
        TRY(plan_add_step(s, n, "", p->n_tiles[i], run_conv, sizeof *c, &step, &c));
        *c = (struct conv_step){.plan = *p, .packed = packed, .args = *a, .kernel_step = i};
        step->kernel = c->plan.name;
        if (i == 0)
            step->macs = (int64_t)p->d.n * p->d.oc * p->d.oh * p->d.ow * (p->d.ic / p->d.groups) *
                         p->d.kh * p->d.kw;
        TRY(plan_ref(s, src, &c->src));
        TRY(plan_ref(s, dst, &c->dst));
        if (residual) TRY(plan_ref(s, residual, &c->residual));
    }
    return STATUS_OK;
}
