/* SPDX-License-Identifier: Apache-2.0 */
/* Element types of tensors, and conversions of the two 16-bit float formats. */
#ifndef PK_BASE_DTYPE_H
#define PK_BASE_DTYPE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum dtype {
    DT_NONE = 0, /* unknown */
    DT_F32, DT_F16, DT_BF16, DT_F64,
    DT_I8, DT_U8, DT_I16, DT_U16, DT_I32, DT_U32, DT_I64, DT_U64,
    DT_BOOL, /* one byte, 0 or 1 */
    DT_COUNT
};

size_t dtype_size(enum dtype t);       /* bytes; 0 for DT_NONE */
const char *dtype_name(enum dtype t);  /* "f32", "i64", ... as the text form writes it */
enum dtype dtype_from_name(const char *name); /* DT_NONE if there is none */
static inline int dtype_is_float(enum dtype t) { return t >= DT_F32 && t <= DT_F64; }
static inline int dtype_is_signed(enum dtype t) {
    return dtype_is_float(t) || t == DT_I8 || t == DT_I16 || t == DT_I32 || t == DT_I64;
}

/* IEEE 754 binary16, round to nearest even, NaN kept. */
float f16_to_f32(uint16_t h);
uint16_t f32_to_f16(float f);
static inline float bf16_to_f32(uint16_t h) {
    uint32_t u = (uint32_t)h << 16;
    float f;
    memcpy(&f, &u, sizeof f);
    return f;
}
uint16_t f32_to_bf16(float f);

#endif
