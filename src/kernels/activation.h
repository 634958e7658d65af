/* SPDX-License-Identifier: Apache-2.0 */
/* The activations that kernels apply to a result before it is stored. */
#ifndef PK_KERNELS_ACTIVATION_H
#define PK_KERNELS_ACTIVATION_H

enum activation {
    ACT_NONE,
    ACT_RELU,
    ACT_LEAKY,        /* x < 0 ? alpha x : x */
    ACT_CLIP,         /* min(max(x, alpha), beta) */
    ACT_SIGMOID,
    ACT_HARD_SIGMOID, /* min(max(alpha x + beta, 0), 1) */
    ACT_HARD_SWISH,   /* x min(max(x / 6 + 1/2, 0), 1) */
    ACT_SWISH,        /* x sigmoid(x), also called SiLU */
    ACT_TANH,
    ACT_MISH,         /* x tanh(log(1 + e^x)) */
    ACT_GELU,         /* x (1 + erf(x / sqrt 2)) / 2 */
    ACT_GELU_TANH,    /* the approximation by tanh */
    ACT_ELU,          /* x < 0 ? alpha (e^x - 1) : x */
    ACT_SOFTPLUS,     /* log(1 + e^x) */
    ACT_COUNT
};

#endif
