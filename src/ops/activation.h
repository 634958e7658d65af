/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scalar activation functions: the ones fused into Conv, Gemm and MatMul, and those of recurrent
 * networks.
 *
 * A fused node carries three attributes, written by the passes and read by its reference kernel,
 * the planner and the fast kernels alike:
 *
 *     activation        string: "Relu", "LeakyRelu", "Clip", "Sigmoid", "HardSigmoid",
 *                       "HardSwish", "Swish", "Tanh", "Mish", "Gelu", "Elu", "Softplus"
 *     activation_alpha  float: slope of LeakyRelu (0.01), lower bound of Clip (-infinity),
 *                       alpha of HardSigmoid (0.2), Swish (1) and Elu (1)
 *     activation_beta   float: upper bound of Clip (infinity), beta of HardSigmoid (0.5)
 *
 * In brackets what holds when the attribute is absent; it is the ONNX operator's own default.
 */
#ifndef PK_OPS_ACTIVATION_H
#define PK_OPS_ACTIVATION_H

#include "ops/op.h"

enum activation_kind {
    ACT_NONE = 0,
    ACT_RELU,
    ACT_LEAKY_RELU,   /* x < 0 ? alpha x : x */
    ACT_CLIP,         /* min(max(x, alpha), beta) */
    ACT_SIGMOID,
    ACT_HARD_SIGMOID, /* clip(alpha x + beta, 0, 1) */
    ACT_HARD_SWISH,   /* x clip(x/6 + 1/2, 0, 1) */
    ACT_SWISH,        /* x sigmoid(alpha x); SiLU with alpha 1 */
    ACT_TANH,
    ACT_MISH,         /* x tanh(softplus(x)) */
    ACT_GELU,         /* x (1 + erf(x / sqrt 2)) / 2 */
    ACT_ELU,          /* x < 0 ? alpha (e^x - 1) : x */
    ACT_SOFTPLUS,     /* log(1 + e^x) */
    ACT_LAST_FUSED = ACT_SOFTPLUS,
    /* Of LSTM, GRU and RNN only. */
    ACT_AFFINE,       /* alpha x + beta */
    ACT_THRESHOLDED_RELU, /* x >= alpha ? x : 0 */
    ACT_SCALED_TANH,  /* alpha tanh(beta x) */
    ACT_SOFTSIGN,     /* x / (1 + |x|) */
    ACT_COUNT
};

struct activation {
    enum activation_kind kind;
    float alpha, beta;
};

const char *activation_name(enum activation_kind k); /* "" for ACT_NONE */
/* By name, letter case ignored (old models write "sigmoid"), alpha and beta set to their defaults.
 * False if there is no such function. */
bool activation_find(const char *name, struct activation *out);
/* The activation fused into a node; ACT_NONE without the attribute. */
enum status activation_of_node(const struct node *n, struct activation *out);
double activation_apply(const struct activation *a, double x);

/* The entries an operator with a fused activation adds to its attributes. */
#define ACTIVATION_ATTRS                                                                           \
    {"activation", ATTR_STRING}, {"activation_alpha", ATTR_FLOAT}, {"activation_beta", ATTR_FLOAT}

#endif
