/* SPDX-License-Identifier: Apache-2.0 */
/* QuantizeLinear and DequantizeLinear between f32 and 8 bits with one scale for all, which networks
 * have nearly everywhere. */
#include "kernels/kernels.h"
#include "kernels/quant.h"
#include "plan/plan.h"

enum { UNIT = 4096 };

struct quant_step {
    struct ref src, scale, zero, dst;
    bool has_zero, to_bytes;
    enum dtype type; /* of the bytes */
    int64_t elements;
    const struct quant_kernels *k;
};

static enum status run_quant(const struct step *s, struct run_env *env, int tile, int worker) {
    (void)worker;
    const struct quant_step *q = s->params;
    int64_t begin, end;
    tile_range((q->elements + UNIT - 1) / UNIT, s->n_tiles, tile, &begin, &end);
    begin *= UNIT;
    end = end * UNIT < q->elements ? end * UNIT : q->elements;
    struct view zero = {.dtype = q->type, .data = q->has_zero ? ref_at(env, &q->zero) : NULL};
    const bool is_signed = q->type == DT_I8;
    struct quant_range range = {q->has_zero ? (int)view_get_i64(&zero, 0) : 0,
                                is_signed ? -128 : 0, is_signed ? 127 : 255};
    const float scale = *(const float *)ref_at(env, &q->scale);
    const void *src = ref_at(env, &q->src);
    void *dst = ref_at(env, &q->dst);
    if (q->to_bytes)
        q->k->quantise((const float *)src + begin, (uint8_t *)dst + begin, (size_t)(end - begin),
                       scale, &range);
    else
        q->k->dequantise((const uint8_t *)src + begin, (float *)dst + begin,
                         (size_t)(end - begin), scale, &range);
    return STATUS_OK;
}

/* What the kernels take: 8 bits and f32, one f32 scale, no other precision asked for. */
static bool fits(const struct plan *s, const struct node *n, bool to_bytes) {
    const struct graph *g = s->g;
    for (int i = 0; i < n->n_inputs; i++) {
        int t = n->inputs[i];
        if (t >= 0 && s->tensors[t].dynamic >= 0) return false;
        if (t >= 0 && i > 0 && shape_elements(&g->tensors[t].shape) != 1) return false;
    }
    const struct tensor *x = node_input(g, n, 0), *y = &g->tensors[n->outputs[0]];
    const struct tensor *bytes = to_bytes ? y : x, *floats = to_bytes ? x : y;
    int64_t precision = node_int(n, "precision", 0);
    return s->tensors[n->outputs[0]].dynamic < 0 && shape_elements(&x->shape) > 0 &&
           floats->dtype == DT_F32 && (bytes->dtype == DT_U8 || bytes->dtype == DT_I8) &&
           node_input(g, n, 1)->dtype == DT_F32 && (precision == 0 || precision == 1);
}

enum status lower_quant(struct plan *s, const struct node *n, bool *done) {
    const bool to_bytes = n->op == OP_QuantizeLinear;
    if ((!to_bytes && n->op != OP_DequantizeLinear) || !fits(s, n, to_bytes)) return STATUS_OK;
    const struct tensor *x = node_input(s->g, n, 0), *y = &s->g->tensors[n->outputs[0]];
    const bool has_zero = node_input(s->g, n, 2) != NULL;
    const int64_t elements = shape_elements(&x->shape);
    struct value from, scale, zero, to;
    *done = true;
    TRY(plan_want(s, n, n->inputs[0], LAYOUT_PLAIN, &from));
    TRY(plan_want(s, n, n->inputs[1], LAYOUT_PLAIN, &scale));
    if (has_zero) TRY(plan_want(s, n, n->inputs[2], LAYOUT_PLAIN, &zero));
    TRY(plan_define(s, n->outputs[0], LAYOUT_PLAIN, &to));
    struct step *step;
    struct quant_step *q;
    TRY(plan_add_step(s, n, to_bytes ? "quantise" : "dequantise",
                      plan_tiles((elements + UNIT - 1) / UNIT, 1000), run_quant, sizeof *q, &step,
                      &q));
    *q = (struct quant_step){.has_zero = has_zero, .to_bytes = to_bytes, .elements = elements,
                             .type = to_bytes ? y->dtype : x->dtype, .k = s->k->quant};
    TRY(plan_ref(s, &from, &q->src));
    TRY(plan_ref(s, &scale, &q->scale));
    if (has_zero) TRY(plan_ref(s, &zero, &q->zero));
    return plan_ref(s, &to, &q->dst);
}
