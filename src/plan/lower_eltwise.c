/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Operators that work element by element, on f32. A tensor that is blocked stays blocked: as long
 * as all operands can be, and as long as the zeros in padding lanes cannot become infinite or NaN.
 */
#include <math.h>
#include <string.h>

#include "kernels/eltwise.h"
#include "kernels/kernels.h"
#include "plan/plan.h"

/* ---- one operand ---- */

struct unary_step {
    struct ref src, dst;
    int64_t images, src_batch, dst_batch, elements; /* per image */
    unary_fn fn;
    float a, b;
};

/* Tiles cut the images' elements as one line, in units of a cache line. */
enum { LINE = 16 };

static enum status run_unary(const struct step *s, struct run_env *env, int tile, int worker) {
    (void)worker;
    const struct unary_step *u = s->params;
    const float *src = ref_at(env, &u->src);
    float *dst = ref_at(env, &u->dst);
    int64_t lines = (u->elements + LINE - 1) / LINE, begin, end;
    tile_range(u->images * lines, s->n_tiles, tile, &begin, &end);
    while (begin < end) {
        int64_t image = begin / lines, from = begin % lines * LINE;
        int64_t stop = image == end / lines ? end % lines * LINE : u->elements;
        if (stop > u->elements) stop = u->elements;
        u->fn(src + image * u->src_batch + from, dst + image * u->dst_batch + from,
              (size_t)(stop - from), u->a, u->b);
        begin = (image + 1) * lines;
    }
    return STATUS_OK;
}

struct unary_choice {
    enum unary_op op;
    float a, b;
    bool pads_finite; /* zeros in padding lanes stay finite */
};

static bool constant_scalar(const struct tensor *t, float *out) {
    if (!t || !t->data || shape_elements(&t->shape) != 1) return false;
    struct view v = {.dtype = t->dtype, .data = (void *)(uintptr_t)t->data};
    *out = (float)view_get_f64(&v, 0);
    return true;
}

static bool choose_unary(const struct graph *g, const struct node *n, struct unary_choice *c) {
    *c = (struct unary_choice){.pads_finite = true};
    switch (n->op) {
    case OP_Relu: c->op = UNARY_RELU; return true;
    case OP_LeakyRelu:
        c->op = UNARY_LEAKY_RELU;
        c->a = node_float(n, "alpha", 0.01f);
        return true;
    case OP_ThresholdedRelu:
        c->op = UNARY_THRESHOLDED_RELU;
        c->a = node_float(n, "alpha", 1);
        return true;
    case OP_Clip:
        c->op = UNARY_CLIP;
        c->a = -INFINITY;
        c->b = INFINITY;
        return (!node_input(g, n, 1) || constant_scalar(node_input(g, n, 1), &c->a)) &&
               (!node_input(g, n, 2) || constant_scalar(node_input(g, n, 2), &c->b));
    case OP_Sigmoid: c->op = UNARY_SIGMOID; return true;
    case OP_HardSigmoid:
        c->op = UNARY_HARD_SIGMOID;
        c->a = node_float(n, "alpha", 0.2f);
        c->b = node_float(n, "beta", 0.5f);
        return true;
    case OP_HardSwish: c->op = UNARY_HARD_SWISH; return true;
    case OP_Swish:
        c->op = UNARY_SWISH;
        c->a = node_float(n, "alpha", 1);
        return true;
    case OP_Tanh: c->op = UNARY_TANH; return true;
    case OP_Mish: c->op = UNARY_MISH; return true;
    case OP_Gelu:
        c->op = strcmp(node_string(n, "approximate", "none"),
                       "tanh") ? UNARY_GELU : UNARY_GELU_TANH;
        return true;
    case OP_Elu:
        c->op = UNARY_ELU;
        c->a = node_float(n, "alpha", 1);
        return true;
    case OP_Selu:
        c->op = UNARY_SELU;
        c->a = node_float(n, "alpha", 1.67326319217681884765625f);
        c->b = node_float(n, "gamma", 1.05070102214813232421875f);
        return true;
    case OP_Celu:
        c->op = UNARY_CELU;
        c->a = node_float(n, "alpha", 1);
        return c->a != 0;
    case OP_Pow: {
        float power;
        c->op = UNARY_SQUARE;
        return constant_scalar(node_input(g, n, 1), &power) && power == 2 &&
               g->tensors[n->inputs[1]].shape.rank <= g->tensors[n->inputs[0]].shape.rank;
    }
    case OP_Softplus: c->op = UNARY_SOFTPLUS; return true;
    case OP_Softsign: c->op = UNARY_SOFTSIGN; return true;
    case OP_Exp: c->op = UNARY_EXP; return true;
    case OP_Log: c->op = UNARY_LOG; c->pads_finite = false; return true;
    case OP_Sqrt: c->op = UNARY_SQRT; c->pads_finite = false; return true;
    case OP_Reciprocal: c->op = UNARY_RECIPROCAL; c->pads_finite = false; return true;
    case OP_Neg: c->op = UNARY_NEG; return true;
    case OP_Abs: c->op = UNARY_ABS; return true;
    case OP_Sign: c->op = UNARY_SIGN; return true;
    case OP_Floor: c->op = UNARY_FLOOR; return true;
    case OP_Ceil: c->op = UNARY_CEIL; return true;
    case OP_Round: c->op = UNARY_ROUND; return true;
    case OP_Erf: c->op = UNARY_ERF; return true;
    case OP_Sin: c->op = UNARY_SIN; return true;
    case OP_Cos: c->op = UNARY_COS; return true;
    default: return false;
    }
}

static enum status lower_unary(struct plan *s, const struct node *n, const struct unary_choice *c) {
    int x = n->inputs[0], y = n->outputs[0];
    const struct shape *shape = &s->g->tensors[x].shape;
    const struct home *h = &s->tensors[y].home;
    bool blocked = plan_has(s, x, LAYOUT_BLOCKED) &&
                   (c->pads_finite || shape->dim[1] % s->block == 0);
    /* Few channels are less work plain, where they are to be had plain, or where they are yet to be
     * fetched out of another tensor. */
    if (blocked && 2 * shape->dim[1] <= s->block)
        blocked = s->tensors[x].in[LAYOUT_BLOCKED].valid &&
                  !(h->valid && h->layout == LAYOUT_PLAIN);
    enum layout layout = blocked ? LAYOUT_BLOCKED : LAYOUT_PLAIN;
    struct value from, to;
    TRY(plan_want(s, n, x, layout, &from));
    TRY(plan_define(s, y, layout, &to));
    struct step *step;
    struct unary_step *u;
    int64_t images = blocked ? shape->dim[0] : 1;
    int64_t elements = blocked ? plan_blocked_image(s, shape) : shape_elements(shape);
    TRY(plan_add_step(s, n, blocked ? "unary, blocked" : "unary",
                      plan_tiles(images * ((elements + LINE - 1) / LINE), LINE * 0.4), run_unary,
                      sizeof *u, &step, &u));
    *u = (struct unary_step){.images = images, .src_batch = from.batch_stride,
                             .dst_batch = to.batch_stride, .elements = elements,
                             .fn = s->k->eltwise->unary[c->op], .a = c->a, .b = c->b};
    TRY(plan_ref(s, &from, &u->src));
    return plan_ref(s, &to, &u->dst);
}

/* ---- two operands ---- */

enum operand { OPERAND_FULL, OPERAND_CHANNEL, OPERAND_SCALAR, OPERAND_OTHER };

/* What operand t is to a blocked result of shape `y`. */
static enum operand classify(const struct plan *s, int t, const struct shape *y) {
    const struct tensor *x = &s->g->tensors[t];
    if (shape_equal(&x->shape, y)) return OPERAND_FULL;
    if (x->data && shape_elements(&x->shape) == 1) return OPERAND_SCALAR;
    /* [N,C,1,1] or [1,C,1,1] or [C,1,1]. */
    int r = x->shape.rank;
    if ((r == 3 || r == 4) && x->shape.dim[r - 1] == 1 && x->shape.dim[r - 2] == 1 &&
        x->shape.dim[r - 3] == y->dim[1] &&
        (r == 3 || x->shape.dim[0] == 1 || x->shape.dim[0] == y->dim[0]))
        return x->data || r == 4 ? OPERAND_CHANNEL : OPERAND_OTHER;
    return OPERAND_OTHER;
}

struct binary_step {
    struct ref x, y, z;
    int64_t images, blocks, plane; /* plane: floats of one channel block */
    int64_t x_batch, y_batch, z_batch;
    int block;
    enum operand kind_x, kind_y;
    struct binary_fns fn;
    float scalar;
};

static enum status run_binary_blocked(const struct step *s, struct run_env *env, int tile,
                                      int worker) {
    (void)worker;
    const struct binary_step *b = s->params;
    const float *x = ref_at(env, &b->x), *y = ref_at(env, &b->y);
    float *z = ref_at(env, &b->z);
    int64_t begin, end;
    tile_range(b->images * b->blocks, s->n_tiles, tile, &begin, &end);
    size_t n = (size_t)b->plane, pixels = n / (size_t)b->block;
    for (int64_t i = begin; i < end; i++) {
        int64_t image = i / b->blocks, block = i % b->blocks;
        int64_t at_x = b->kind_x == OPERAND_CHANNEL ? b->block : b->plane;
        int64_t at_y = b->kind_y == OPERAND_CHANNEL ? b->block : b->plane;
        /* A scalar has no memory to point into. */
        const float *px = x ? x + image * b->x_batch + block * at_x : NULL;
        const float *py = y ? y + image * b->y_batch + block * at_y : NULL;
        float *pz = z + image * b->z_batch + block * b->plane;
        if (b->kind_x == OPERAND_SCALAR) b->fn.scalar_left(b->scalar, py, pz, n);
        else if (b->kind_y == OPERAND_SCALAR) b->fn.scalar(px, b->scalar, pz, n);
        else if (b->kind_x == OPERAND_CHANNEL) b->fn.channel_left(px, py, pz, pixels);
        else if (b->kind_y == OPERAND_CHANNEL) b->fn.channel(px, py, pz, pixels);
        else b->fn.flat(px, py, pz, n);
    }
    return STATUS_OK;
}

/* The operand's blocked value; a constant per-channel vector is laid out now. */
static enum status want_operand(struct plan *s, const struct node *n, int t, enum operand kind,
                                int64_t channels, struct value *v) {
    const struct tensor *x = &s->g->tensors[t];
    if (kind == OPERAND_SCALAR) return STATUS_OK;
    if (kind == OPERAND_FULL || !x->data) {
        TRY(plan_want(s, n, t, LAYOUT_BLOCKED, v));
        if (kind == OPERAND_CHANNEL && x->shape.dim[0] == 1) v->batch_stride = 0;
        return STATUS_OK;
    }
    int64_t images = x->shape.rank == 4 ? x->shape.dim[0] : 1;
    int64_t padded = (channels + s->block - 1) / s->block * s->block;
    float *copy = arena_alloc_data(&s->p->memory, (size_t)(images * padded) * sizeof *copy);
    CHECK(copy, STATUS_MEMORY, "out of memory while planning");
    memset(copy, 0, (size_t)(images * padded) * sizeof *copy);
    for (int64_t i = 0; i < images; i++)
        memcpy(copy + i * padded, (const float *)x->data + i * channels,
               (size_t)channels * sizeof *copy);
    *v = (struct value){.valid = true, .buffer = -1, .constant = copy,
                        .batch_stride = images == 1 ? 0 : padded};
    return STATUS_OK;
}

static enum status lower_blocked(struct plan *s, const struct node *n, enum binary_op op, int x,
                                 int y, int z, enum operand kx, enum operand ky) {
    const struct shape *shape = &s->g->tensors[z].shape;
    struct value vx = {.buffer = -1}, vy = {.buffer = -1}, vz;
    TRY(want_operand(s, n, x, kx, shape->dim[1], &vx));
    TRY(want_operand(s, n, y, ky, shape->dim[1], &vy));
    TRY(plan_define(s, z, LAYOUT_BLOCKED, &vz));
    int64_t plane = shape->dim[2] * shape->dim[3] * s->block;
    int64_t blocks = (shape->dim[1] + s->block - 1) / s->block;
    struct step *step;
    struct binary_step *b;
    TRY(plan_add_step(s, n, "binary, blocked",
                      plan_tiles(shape->dim[0] * blocks, (double)plane * 0.2), run_binary_blocked,
                      sizeof *b, &step, &b));
    *b = (struct binary_step){.images = shape->dim[0], .blocks = blocks, .plane = plane,
                              .x_batch = vx.batch_stride, .y_batch = vy.batch_stride,
                              .z_batch = vz.batch_stride, .block = s->block, .kind_x = kx,
                              .kind_y = ky, .fn = s->k->eltwise->binary[op]};
    if (kx == OPERAND_SCALAR) constant_scalar(&s->g->tensors[x], &b->scalar);
    if (ky == OPERAND_SCALAR) constant_scalar(&s->g->tensors[y], &b->scalar);
    TRY(plan_ref(s, &vx, &b->x));
    TRY(plan_ref(s, &vy, &b->y));
    return plan_ref(s, &vz, &b->z);
}

struct broadcast_step {
    struct eltwise_broadcast args;
    struct ref x, y, z;
    void (*run)(const struct eltwise_broadcast *, int64_t, int64_t);
};

static enum status run_broadcast(const struct step *s, struct run_env *env, int tile, int worker) {
    (void)worker;
    const struct broadcast_step *b = s->params;
    struct eltwise_broadcast a = b->args;
    a.x = ref_at(env, &b->x);
    a.y = ref_at(env, &b->y);
    a.z = ref_at(env, &b->z);
    int64_t begin, end;
    if (a.n_rows == 1) {
        /* One long row: cut along it instead. */
        int64_t at = a.rank - 1;
        tile_range(a.dim[at], s->n_tiles, tile, &begin, &end);
        a.x += begin * a.x_stride[at];
        a.y += begin * a.y_stride[at];
        a.z += begin;
        a.dim[at] = end - begin;
        if (end > begin) b->run(&a, 0, 1);
        return STATUS_OK;
    }
    tile_range(a.n_rows, s->n_tiles, tile, &begin, &end);
    b->run(&a, begin, end);
    return STATUS_OK;
}

static enum status lower_broadcast(struct plan *s, const struct node *n, enum binary_op op, int x,
                                   int y, int z) {
    const struct shape *sx = &s->g->tensors[x].shape, *sy = &s->g->tensors[y].shape,
                       *sz = &s->g->tensors[z].shape;
    struct eltwise_broadcast a;
    TRY(eltwise_broadcast_init(&a, op, sz->rank, sz->dim, sx->rank, sx->dim, sy->rank, sy->dim));
    struct value vx, vy, vz;
    TRY(plan_want(s, n, x, LAYOUT_PLAIN, &vx));
    TRY(plan_want(s, n, y, LAYOUT_PLAIN, &vy));
    TRY(plan_define(s, z, LAYOUT_PLAIN, &vz));
    struct step *step;
    struct broadcast_step *b;
    int64_t elements = shape_elements(sz), units = a.n_rows == 1 ? elements : a.n_rows;
    TRY(plan_add_step(s, n, "binary", plan_tiles(units, 0.3 * (double)elements / (double)units),
                      run_broadcast, sizeof *b, &step, &b));
    *b = (struct broadcast_step){.args = a, .run = s->k->eltwise->broadcast};
    TRY(plan_ref(s, &vx, &b->x));
    TRY(plan_ref(s, &vy, &b->y));
    return plan_ref(s, &vz, &b->z);
}

static bool choose_binary(const struct node *n, enum binary_op *op, bool *pads_finite) {
    *pads_finite = true;
    switch (n->op) {
    case OP_Add: *op = BINARY_ADD; break;
    case OP_Sub: *op = BINARY_SUB; break;
    case OP_Mul: *op = BINARY_MUL; break;
    case OP_Div: *op = BINARY_DIV; *pads_finite = false; break;
    case OP_Pow: *op = BINARY_POW; *pads_finite = false; break;
    case OP_PRelu: *op = BINARY_PRELU; break;
    case OP_Max: *op = BINARY_MAX; break;
    case OP_Min: *op = BINARY_MIN; break;
    case OP_Sum: *op = BINARY_ADD; break;
    default: return false;
    }
    return n->n_inputs == 2;
}

enum status lower_eltwise(struct plan *s, const struct node *n, bool *done) {
    const struct graph *g = s->g;
    int z = n->outputs[0];
    for (int i = 0; i < n->n_inputs; i++)
        if (n->inputs[i] >= 0 && s->tensors[n->inputs[i]].dynamic >= 0) return STATUS_OK;
    if (n->n_outputs != 1 || s->tensors[z].dynamic >= 0 || g->tensors[z].dtype != DT_F32 ||
        g->tensors[n->inputs[0]].dtype != DT_F32 || shape_elements(&g->tensors[z].shape) <= 0)
        return STATUS_OK;
    struct unary_choice c;
    if (choose_unary(g, n, &c)) {
        *done = true;
        return lower_unary(s, n, &c);
    }
    enum binary_op op;
    bool pads_finite;
    if (!choose_binary(n, &op, &pads_finite) || g->tensors[n->inputs[1]].dtype != DT_F32)
        return STATUS_OK;
    int x = n->inputs[0], y = n->inputs[1];
    *done = true;
    const struct shape *shape = &g->tensors[z].shape;
    if (plan_blockable(s, z) && (pads_finite || shape->dim[1] % s->block == 0)) {
        enum operand kx = classify(s, x, shape), ky = classify(s, y, shape);
        bool any = (kx == OPERAND_FULL && plan_has(s, x, LAYOUT_BLOCKED)) ||
                   (ky == OPERAND_FULL && plan_has(s, y, LAYOUT_BLOCKED));
        if (any && kx != OPERAND_OTHER && ky != OPERAND_OTHER)
            return lower_blocked(s, n, op, x, y, z, kx, ky);
    }
    return lower_broadcast(s, n, op, x, y, z);
}
