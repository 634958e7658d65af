/* SPDX-License-Identifier: Apache-2.0 */
#include "base/dtype.h"

static const struct {
    const char *name;
    size_t size;
} types[DT_COUNT] = {
    [DT_NONE] = {"none", 0}, [DT_F32] = {"f32", 4}, [DT_F16] = {"f16", 2}, [DT_BF16] = {"bf16", 2},
    [DT_F64] = {"f64", 8},   [DT_I8] = {"i8", 1},   [DT_U8] = {"u8", 1},   [DT_I16] = {"i16", 2},
    [DT_U16] = {"u16", 2},   [DT_I32] = {"i32", 4}, [DT_U32] = {"u32", 4}, [DT_I64] = {"i64", 8},
    [DT_U64] = {"u64", 8},   [DT_BOOL] = {"bool", 1},
};

size_t dtype_size(enum dtype t) { return (unsigned)t < DT_COUNT ? types[t].size : 0; }
const char *dtype_name(enum dtype t) { return (unsigned)t < DT_COUNT ? types[t].name : "none"; }
enum dtype dtype_from_name(const char *name) {
    for (int t = DT_F32; t < DT_COUNT; t++)
        if (!strcmp(types[t].name, name)) return (enum dtype)t;
    return DT_NONE;
}

float f16_to_f32(uint16_t h) {
    uint32_t sign = (uint32_t)(h & 0x8000) << 16, exponent = (h >> 10) & 31, fraction = h & 0x3ff,
             u;
    if (exponent == 31) {
        u = sign | 0x7f800000 | fraction << 13;
    } else if (exponent) {
        u = sign | (exponent + 112) << 23 | fraction << 13;
    } else {
        /* Subnormals are fraction * 2^-24, exact in binary32. */
        float f = (float)fraction * 5.9604644775390625e-8f;
        memcpy(&u, &f, sizeof u);
        u |= sign;
    }
    float f;
    memcpy(&f, &u, sizeof f);
    return f;
}

uint16_t f32_to_f16(float f) {
    uint32_t u;
    memcpy(&u, &f, sizeof u);
    uint32_t sign = u >> 16 & 0x8000, magnitude = u & 0x7fffffff;
    if (magnitude > 0x7f800000) return (uint16_t)(sign | 0x7e00 | (magnitude >> 13 & 0x1ff));
    if (magnitude >= 0x477ff000) return (uint16_t)(sign | 0x7c00); /* rounds to infinity */
    if (magnitude < 0x38800000) {
        /* Below 2^-14: adding 0.5 aligns the 10-bit subnormal fraction with the low bits and lets
         * the FPU round to nearest even. */
        float m;
        memcpy(&m, &magnitude, sizeof m);
        m += 0.5f;
        uint32_t v;
        memcpy(&v, &m, sizeof v);
        return (uint16_t)(sign | (v - 0x3f000000));
    }
    uint32_t odd = magnitude >> 13 & 1;
    return (uint16_t)(sign | ((magnitude - 0x38000000 + 0xfff + odd) >> 13));
}

uint16_t f32_to_bf16(float f) {
    uint32_t u;
    memcpy(&u, &f, sizeof u);
    if ((u & 0x7fffffff) > 0x7f800000) return (uint16_t)(u >> 16 | 0x40);
    return (uint16_t)((u + 0x7fff + (u >> 16 & 1)) >> 16);
}
