/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Activation functions that exporters wrote in parts become one operator again.
 *
 *     Mul(x, Sigmoid(x))                               Swish
 *     Clip(x + 3, 0, 6) / 6                            HardSigmoid
 *     x * HardSigmoid(x), x * Clip(x + 3, 0, 6) / 6    HardSwish
 *     x * Tanh(Softplus(x))                            Mish
 *     x * (1 + Erf(x / sqrt 2)) / 2                    Gelu
 *     x * (1 + Tanh(c (x + 0.044715 x^3))) / 2         Gelu, approximate
 *     Min(Max(x, a), b), Min(Relu(x), b)               Clip
 *     PRelu with one slope for all                     LeakyRelu
 *
 * Products are taken apart into factors first, so the order of the Muls and where the constant
 * stands do not matter. Constants are compared to 1e-4: exporters write 0.16666666 or 1.41421.
 */
#include <math.h>
#include <string.h>

#include "ops/op.h"
#include "passes/edit.h"
#include "passes/internal.h"

enum { MAX_FACTORS = 6 };

struct product {
    double constant;
    int n, factor[MAX_FACTORS]; /* tensors */
};

static bool near(double a, double b) { return fabs(a - b) <= 1e-4 * fabs(b); }

/* `t` comes from an `op` that only `user` reads; -1 if not. */
static int only_producer(const struct edit *e, int t, enum op_kind op) {
    int at = t < 0 ? -1 : e->g->tensors[t].producer;
    return at >= 0 && e->g->nodes[at].op == op && edit_only_user(e, t) >= 0 ? at : -1;
}

static bool is_scalar_constant(const struct edit *e, int t, double *value) {
    return t >= 0 && shape_elements(&e->g->tensors[t].shape) == 1 && graph_splat(e->g, t, value);
}

/* The other operand of a commutative node that has a scalar constant near `value`; -1 if not. */
static int other_than(const struct edit *e, int node, double value) {
    const struct node *n = &e->g->nodes[node];
    double v;
    for (int i = 0; i < 2; i++)
        if (is_scalar_constant(e, n->inputs[i], &v) && near(v, value)) return n->inputs[1 - i];
    return -1;
}

/* Multiplies what tensor `t` is made of into the product; a tensor that others read is one
 * factor. */
static bool gather_factors(const struct edit *e, int t, bool root, struct product *p, int depth) {
    const struct graph *g = e->g;
    double v;
    if (is_scalar_constant(e, t, &v)) {
        p->constant *= v;
        return true;
    }
    int at = g->tensors[t].producer;
    bool inside = root || (at >= 0 && edit_only_user(e, t) >= 0);
    if (inside && depth < MAX_FACTORS && at >= 0 && g->nodes[at].op == OP_Mul)
        return gather_factors(e, g->nodes[at].inputs[0], false, p, depth + 1) &&
               gather_factors(e, g->nodes[at].inputs[1], false, p, depth + 1);
    if (inside && at >= 0 && g->nodes[at].op == OP_Div &&
        is_scalar_constant(e, g->nodes[at].inputs[1], &v) && v != 0) {
        p->constant /= v;
        return depth < MAX_FACTORS &&
               gather_factors(e, g->nodes[at].inputs[0], false, p, depth + 1);
    }
    if (p->n == MAX_FACTORS) return false;
    p->factor[p->n++] = t;
    return true;
}

/* ---- the functions, as factors ---- */

/* t = Clip(x + 3, 0, 6); returns x or -1. */
static int relu6_of_plus_3(const struct edit *e, int t) {
    int clip = only_producer(e, t, OP_Clip);
    double low, high;
    if (clip < 0) return -1;
    const struct node *n = &e->g->nodes[clip];
    if (n->n_inputs < 3 || !is_scalar_constant(e, n->inputs[1], &low) || low != 0 ||
        !is_scalar_constant(e, n->inputs[2], &high) || !near(high, 6))
        return -1;
    int add = only_producer(e, n->inputs[0], OP_Add);
    return add < 0 ? -1 : other_than(e, add, 3);
}

/* t = 1 + f(...) with f the given operator; returns f's input or -1. */
static int one_plus(const struct edit *e, int t, enum op_kind f) {
    int add = only_producer(e, t, OP_Add), at;
    int inner = add < 0 ? -1 : other_than(e, add, 1);
    return inner >= 0 && (at = only_producer(e, inner, f)) >= 0 ? e->g->nodes[at].inputs[0] : -1;
}

/* t = c * x; x, or -1 if the constant is another. */
static int scaled(const struct edit *e, int t, double c) {
    struct product p = {.constant = 1};
    if (t < 0 || edit_only_user(e, t) < 0) return -1;
    return gather_factors(e, t, true, &p, 0) && p.n == 1 && near(p.constant, c) ? p.factor[0] : -1;
}

/* t = 1 + Erf(x / sqrt 2). */
static int gelu_factor(const struct edit *e, int t) {
    return scaled(e, one_plus(e, t, OP_Erf), 0.70710678118654752);
}

/* t = 1 + Tanh(0.7978845608 (x + 0.044715 x^3)). */
static int gelu_tanh_factor(const struct edit *e, int t) {
    int sum = scaled(e, one_plus(e, t, OP_Tanh), 0.79788456080286536);
    int add = sum < 0 ? -1 : only_producer(e, sum, OP_Add);
    if (add < 0) return -1;
    for (int i = 0; i < 2; i++) {
        int x = e->g->nodes[add].inputs[i], cube = e->g->nodes[add].inputs[1 - i], pow;
        struct product p = {.constant = 1};
        double three;
        if (edit_only_user(e, cube) < 0 || !gather_factors(e, cube, true, &p, 0) ||
            !near(p.constant, 0.044715))
            continue;
        if (p.n == 3 && p.factor[0] == x && p.factor[1] == x && p.factor[2] == x) return x;
        if (p.n == 1 && (pow = only_producer(e, p.factor[0], OP_Pow)) >= 0 &&
            e->g->nodes[pow].inputs[0] == x &&
            is_scalar_constant(e, e->g->nodes[pow].inputs[1], &three) && three == 3)
            return x;
    }
    return -1;
}

/* If `t` is f(x), the operator that x * constant * f(x) is. */
static enum op_kind product_with(const struct edit *e, int x, int t, double constant, float *alpha,
                                 bool *approximate) {
    const struct graph *g = e->g;
    int at;
    if ((at = only_producer(e, t, OP_Sigmoid)) >= 0 && constant == 1) {
        struct product p = {.constant = 1};
        int inner = g->nodes[at].inputs[0];
        *alpha = 1;
        if (inner == x) return OP_Swish;
        /* x * Sigmoid(1.702 x) */
        if (edit_only_user(e, inner) >= 0 && gather_factors(e, inner, true, &p, 0) && p.n == 1 &&
            p.factor[0] == x) {
            *alpha = (float)p.constant;
            return OP_Swish;
        }
        return OP_NONE;
    }
    if ((at = only_producer(e, t, OP_HardSigmoid)) >= 0 && constant == 1)
        return g->nodes[at].inputs[0] == x &&
               near((double)node_float(&g->nodes[at], "alpha", 0.2f), 1.0 / 6) &&
                       near((double)node_float(&g->nodes[at], "beta", 0.5f), 0.5)
                   ? OP_HardSwish : OP_NONE;
    if ((at = only_producer(e, t, OP_Tanh)) >= 0 && constant == 1) {
        int plus = only_producer(e, g->nodes[at].inputs[0], OP_Softplus);
        return plus >= 0 && g->nodes[plus].inputs[0] == x ? OP_Mish : OP_NONE;
    }
    if (near(constant, 1.0 / 6) && relu6_of_plus_3(e, t) == x) return OP_HardSwish;
    if (near(constant, 0.5) && gelu_factor(e, t) == x) return OP_Gelu;
    *approximate = near(constant, 0.5) && gelu_tanh_factor(e, t) == x;
    return *approximate ? OP_Gelu : OP_NONE;
}

/* The node becomes `op` of x alone. */
static enum status become(struct edit *e, int node, enum op_kind op, int x) {
    edit_set_op(e, node, op);
    return edit_set_inputs(e, node, 1, &x);
}

static enum status recognise_product(struct edit *e, int node) {
    struct graph *g = e->g;
    struct product p = {.constant = 1};
    int y = g->nodes[node].outputs[0];
    if (!dtype_is_float(g->tensors[y].dtype) || !gather_factors(e, y, true, &p, 0))
        return STATUS_OK;
    if (p.n == 1 && near(p.constant, 1.0 / 6)) {
        int x = relu6_of_plus_3(e, p.factor[0]);
        if (x < 0) return STATUS_OK;
        TRY(become(e, node, OP_HardSigmoid, x));
        TRY(node_set_float(g, node, "alpha", 1.0f / 6));
        return node_set_float(g, node, "beta", 0.5f);
    }
    if (p.n != 2) return STATUS_OK;
    for (int i = 0; i < 2; i++) {
        float alpha = 1;
        bool approximate = false;
        enum op_kind op = product_with(e, p.factor[i], p.factor[1 - i], p.constant, &alpha,
                                       &approximate);
        if (op == OP_NONE) continue;
        /* One more or fewer dimension of size 1 in the constant must not change the shape. */
        if (!shape_equal(&g->tensors[y].shape, &g->tensors[p.factor[i]].shape)) return STATUS_OK;
        TRY(become(e, node, op, p.factor[i]));
        if (alpha != 1) TRY(node_set_float(g, node, "alpha", alpha));
        return approximate ? node_set_string(g, node, "approximate", "tanh") : STATUS_OK;
    }
    return STATUS_OK;
}

/* ---- Clip and LeakyRelu ---- */

/* Min(Max(x, low), high); Relu is Max with 0. */
static enum status recognise_clip(struct edit *e, int node) {
    struct graph *g = e->g;
    const struct node *n = &g->nodes[node];
    double v;
    if (n->n_inputs != 2 || !dtype_is_float(g->tensors[n->outputs[0]].dtype)) return STATUS_OK;
    for (int i = 0; i < 2; i++) {
        int in[3] = {-1, -1, n->inputs[i]}, relu = only_producer(e, n->inputs[1 - i], OP_Relu);
        int max = only_producer(e, n->inputs[1 - i], OP_Max);
        if (!is_scalar_constant(e, in[2], &v) || g->tensors[in[2]].shape.rank != 0) continue;
        if (relu >= 0) {
            const char zero[8] = {0};
            in[0] = g->nodes[relu].inputs[0];
            if (!(v >= 0)) continue;
            TRY(edit_constant(e, "zero", g->tensors[in[2]].dtype, shape_of(0), zero, &in[1], NULL));
        } else if (max >= 0 && g->nodes[max].n_inputs == 2) {
            const int *from = g->nodes[max].inputs;
            double low;
            int k = is_scalar_constant(e, from[0], &low) ? 0 : 1;
            if (!is_scalar_constant(e, from[k], &low) || low > v ||
                g->tensors[from[k]].shape.rank != 0)
                continue;
            in[0] = from[1 - k];
            in[1] = from[k];
        } else {
            continue;
        }
        edit_set_op(e, node, OP_Clip);
        return edit_set_inputs(e, node, 3, in);
    }
    return STATUS_OK;
}

static enum status recognise_leaky_relu(struct edit *e, int node) {
    struct graph *g = e->g;
    double slope;
    const struct node *n = &g->nodes[node];
    if (!graph_splat(g, n->inputs[1], &slope) || !dtype_is_float(g->tensors[n->outputs[0]].dtype))
        return STATUS_OK;
    TRY(become(e, node, OP_LeakyRelu, n->inputs[0]));
    return node_set_float(g, node, "alpha", (float)slope);
}

static enum status visit(struct edit *e, int node) {
    const struct node *n = &e->g->nodes[node];
    if (n->op == OP_NONE || n->n_outputs != 1 || n->outputs[0] < 0) return STATUS_OK;
    switch (n->op) {
    case OP_Mul:
    case OP_Div: return recognise_product(e, node);
    case OP_Min: return recognise_clip(e, node);
    case OP_PRelu: return recognise_leaky_relu(e, node);
    default: return STATUS_OK;
    }
}

enum status pass_recognise_activation(struct graph *g) { return edit_sweep(g, visit); }
