/* SPDX-License-Identifier: Apache-2.0 */
/* Scalar activation functions in double. */
#include "ops/activation.h"

#include <math.h>
#include <string.h>
#include <strings.h>

static const struct {
    const char *name;
    float alpha, beta;
} functions[ACT_COUNT] = {
    [ACT_NONE] = {"", 0, 0},
    [ACT_RELU] = {"Relu", 0, 0},
    [ACT_LEAKY_RELU] = {"LeakyRelu", 0.01f, 0},
    [ACT_CLIP] = {"Clip", -INFINITY, INFINITY},
    [ACT_SIGMOID] = {"Sigmoid", 0, 0},
    [ACT_HARD_SIGMOID] = {"HardSigmoid", 0.2f, 0.5f},
    [ACT_HARD_SWISH] = {"HardSwish", 0, 0},
    [ACT_SWISH] = {"Swish", 1, 0},
    [ACT_TANH] = {"Tanh", 0, 0},
    [ACT_MISH] = {"Mish", 0, 0},
    [ACT_GELU] = {"Gelu", 0, 0},
    [ACT_ELU] = {"Elu", 1, 0},
    [ACT_SOFTPLUS] = {"Softplus", 0, 0},
    [ACT_AFFINE] = {"Affine", 1, 0},
    [ACT_THRESHOLDED_RELU] = {"ThresholdedRelu", 1, 0},
    [ACT_SCALED_TANH] = {"ScaledTanh", 1, 1},
    [ACT_SOFTSIGN] = {"Softsign", 0, 0},
};

const char *activation_name(enum activation_kind k) {
    return (unsigned)k < ACT_COUNT ? functions[k].name : "";
}

bool activation_find(const char *name, struct activation *out) {
    for (int k = ACT_RELU; k < ACT_COUNT; k++) {
        if (strcasecmp(functions[k].name, name)) continue;
        *out = (struct activation){(enum activation_kind)k, functions[k].alpha, functions[k].beta};
        return true;
    }
    return false;
}

enum status activation_of_node(const struct node *n, struct activation *out) {
    *out = (struct activation){ACT_NONE, 0, 0};
    const char *name = node_string(n, "activation", "");
    if (!*name) return STATUS_OK;
    CHECK(activation_find(name, out) && out->kind <= ACT_LAST_FUSED, STATUS_UNSUPPORTED,
          "node '%s' has a fused activation '%s', which is not one", n->name, name);
    out->alpha = node_float(n, "activation_alpha", out->alpha);
    out->beta = node_float(n, "activation_beta", out->beta);
    return STATUS_OK;
}

static double softplus(double x) { return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x)); }
static double sigmoid(double x) { return 1 / (1 + exp(-x)); }
/* Keeps NaN. */
static double clip(double x, double low, double high) {
    return x < low ? low : x > high ? high : x;
}

double activation_apply(const struct activation *a, double x) {
    switch (a->kind) {
    case ACT_RELU: return x < 0 ? 0 : x;
    case ACT_LEAKY_RELU: return x < 0 ? a->alpha * x : x;
    case ACT_CLIP: return clip(x, a->alpha, a->beta);
    case ACT_SIGMOID: return sigmoid(x);
    case ACT_HARD_SIGMOID: return clip(a->alpha * x + a->beta, 0, 1);
    case ACT_HARD_SWISH: return x * clip(x / 6 + 0.5, 0, 1);
    case ACT_SWISH: return x * sigmoid(a->alpha * x);
    case ACT_TANH: return tanh(x);
    case ACT_MISH: return x * tanh(softplus(x));
    case ACT_GELU: return 0.5 * x * (1 + erf(x * 0.70710678118654752440));
    case ACT_ELU: return x < 0 ? a->alpha * expm1(x) : x;
    case ACT_SOFTPLUS: return softplus(x);
    case ACT_AFFINE: return a->alpha * x + a->beta;
    case ACT_THRESHOLDED_RELU: return x >= a->alpha ? x : 0;
    case ACT_SCALED_TANH: return a->alpha * tanh(a->beta * x);
    case ACT_SOFTSIGN: return x / (1 + fabs(x));
    default: return x;
    }
}
