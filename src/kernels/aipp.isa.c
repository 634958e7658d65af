/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AIPP kernels; aipp.h says what a call covers. A row is taken apart into planes of bytes, which is
 * all that depends on the format; colours and normalisation then go over the planes in vectors.
 * Without resizing both are one pass. With it, the last two converted rows are kept: as long as
 * output rows follow each other, each source row is converted once. Resizing weights along y first,
 * where the reference weights along x: in whole numbers the sum is the same.
 */
#include "kernels/aipp.h"
#include "kernels/simd.h"

typedef uint8_t vb __attribute__((vector_size(VL)));
typedef uint8_t vb_unaligned __attribute__((vector_size(VL), aligned(1), may_alias));

/* n bytes, 0 < n, of which the first VL are taken, as integers. */
INLINE vi vi_load_u8(const uint8_t *p, int n) {
    vb v = {0};
    if (n < VL) memcpy(&v, p, (size_t)n);
#if VL == 8 /* gcc may widen what it loads as a vector byte by byte */
    const void *from = n < VL ? (const void *)&v : p;
    return (vi)_mm256_cvtepu8_epi32(_mm_loadl_epi64(from));
#else
    if (n >= VL) v = *(const vb_unaligned *)p;
    return __builtin_convertvector(v, vi);
#endif
}
INLINE vf vf_load_u8(const uint8_t *p, int n) {
    return __builtin_convertvector(vi_load_u8(p, n), vf);
}
INLINE void vi_store_u8(uint8_t *p, vi v, int n) {
    vb b = __builtin_convertvector(v, vb);
    if (n >= VL) *(vb_unaligned *)p = b;
    else memcpy(p, &b, (size_t)n);
}
INLINE void vf_store_first(float *p, vf v, int n) {
    if (n >= VL) vf_store(p, v);
    else vf_store_n(p, v, (size_t)n);
}

/* ---- a row as planes ---- */

typedef uint16_t u16_unaligned __attribute__((aligned(1), may_alias));

/* n pairs of bytes: the first of each goes twice to `low`, the second to `high`. */
static void spread_pairs(const uint8_t *from, int n, uint8_t *low, uint8_t *high) {
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    uint8_t *swapped = low;
    low = high;
    high = swapped;
#endif
    const u16_unaligned *restrict p = (const u16_unaligned *)from;
    u16_unaligned *restrict l = (u16_unaligned *)low, *restrict h = (u16_unaligned *)high;
    for (int i = 0; i < n; i++) {
        const uint16_t v = p[i];
        l[i] = (uint16_t)((v & 255) * 257);
        h[i] = (uint16_t)((v >> 8) * 257);
    }
}

/* Pairs of u and v, each for two pixels, from pixel x of the row on. `step` bytes from pair to
 * pair. */
static void unpack_pairs(const uint8_t *u, const uint8_t *v, int step, int x, int w, uint8_t *to_u,
                         uint8_t *to_v) {
    u += (int64_t)(x / 2) * step;
    v += (int64_t)(x / 2) * step;
    if (x % 2) {
        *to_u++ = *u;
        *to_v++ = *v;
        u += step;
        v += step;
        w--;
    }
    if (step == 2 && u < v) spread_pairs(u, w / 2, to_u, to_v);
    else if (step == 2) spread_pairs(v, w / 2, to_v, to_u);
    else
        for (int i = 0; i < w / 2; i++) {
            to_u[2 * i] = to_u[2 * i + 1] = u[4 * i];
            to_v[2 * i] = to_v[2 * i + 1] = v[4 * i];
        }
    if (w % 2) {
        to_u[w - 1] = u[(int64_t)(w / 2) * step];
        to_v[w - 1] = v[(int64_t)(w / 2) * step];
    }
}

static void unpack_3(const uint8_t *restrict p, int w, uint8_t *restrict c0, uint8_t *restrict c1,
                     uint8_t *restrict c2) {
    for (int x = 0; x < w; x++) {
        c0[x] = p[3 * x];
        c1[x] = p[3 * x + 1];
        c2[x] = p[3 * x + 2];
    }
}

static void unpack_4(const uint8_t *restrict p, int w, uint8_t *restrict c0, uint8_t *restrict c1,
                     uint8_t *restrict c2, uint8_t *restrict c3) {
    for (int x = 0; x < w; x++) {
        c0[x] = p[4 * x];
        c1[x] = p[4 * x + 1];
        c2[x] = p[4 * x + 2];
        c3[x] = p[4 * x + 3];
    }
}

/* Row y of the cropped picture; c[i] points to the w bytes of channel i, in `room` or in the
 * picture itself. */
static void unpack(const struct aipp *a, const uint8_t *src, int y, uint8_t *room,
                   const uint8_t *c[static 4]) {
    const int64_t w = a->src_w, h = a->src_h, py = a->crop_y + y;
    const int x = a->crop_x, n = a->crop_w;
    uint8_t *r[4];
    for (int i = 0; i < 4; i++) c[i] = r[i] = room + (int64_t)i * AIPP_ROW_BYTES;
    const bool swap = a->rbuv_swap;
    const uint8_t *pair;
    switch (a->format) {
    case AIPP_YUV400_U8: c[0] = src + py * w + x; return;
    case AIPP_YUV420SP_U8:
    case AIPP_YUV422SP_U8:
        pair = src + w * h + (a->format == AIPP_YUV420SP_U8 ? py / 2 : py) * w;
        c[0] = src + py * w + x;
        unpack_pairs(pair + swap, pair + !swap, 2, x, n, r[1], r[2]);
        return;
    case AIPP_YUYV_U8:
        pair = src + py * w * 2;
        for (int i = 0; i < n; i++) r[0][i] = pair[2 * (x + i)];
        unpack_pairs(pair + (swap ? 3 : 1), pair + (swap ? 1 : 3), 4, x, n, r[1], r[2]);
        return;
    case AIPP_RGB888_U8:
        unpack_3(src + (py * w + x) * 3, n, r[swap ? 2 : 0], r[1], r[swap ? 0 : 2]);
        return;
    case AIPP_AYUV444_U8:
        unpack_3(src + (py * w + x) * 3, n, r[0], r[swap ? 2 : 1], r[swap ? 1 : 2]);
        return;
    case AIPP_XRGB8888_U8:
    case AIPP_ARGB8888_U8: break;
    }
    int to[4] = {0, swap ? 3 : 1, 2, swap ? 1 : 3}; /* where byte i goes once in order */
    const int turn = a->ax_swap ? 1 : 0;            /* byte i is channel i + turn */
    unpack_4(src + (py * w + x) * 4, n, r[to[turn]], r[to[(1 + turn) % 4]], r[to[(2 + turn) % 4]],
             r[to[(3 + turn) % 4]]);
}

/* ---- colours ---- */

struct colours {
    vi m[9], before[3], after[3];
};

static void colours_init(struct colours *k, const struct aipp *a) {
    const bool yuv = aipp_format_is_yuv(a->format);
    for (int i = 0; i < 9; i++) k->m[i] = vi_set(a->matrix[i]);
    for (int i = 0; i < 3; i++) {
        k->before[i] = vi_set(yuv ? a->input_bias[i] : 0);
        k->after[i] = vi_set(yuv ? 0 : a->output_bias[i]);
    }
}

/* As floats, which hold every value exactly and have a minimum on every instruction set. */
INLINE void convert(const struct colours *k, const uint8_t *const c[static 3], int x, int n,
                    vf out[static 3]) {
    vi in[3];
    for (int i = 0; i < 3; i++) in[i] = vi_load_u8(c[i] + x, n) - k->before[i];
    for (int i = 0; i < 3; i++) {
        const vi sum = k->m[3 * i] * in[0] + k->m[3 * i + 1] * in[1] + k->m[3 * i + 2] * in[2];
        const vf v = __builtin_convertvector((sum >> 8) + k->after[i], vf);
        out[i] = vf_min(vf_set(255.0f), vf_max(vf_set(0.0f), v));
    }
}

/* (v - mean - min) * var_reci of a channel, from registers: a store might change what `a` says. */
struct scale {
    vf mean, min, var_reci;
};
INLINE struct scale scale_of(const struct aipp *a, int i) {
    return (struct scale){vf_set((float)a->mean[i]), vf_set(a->min[i]), vf_set(a->var_reci[i])};
}
INLINE vf normal(const struct scale *k, vf v) { return (v - k->mean - k->min) * k->var_reci; }

/* ---- rows ---- */

/* The channels of a row that the output has, behind A or X where it is left out. */
static int first_channel(const struct aipp *a) {
    return aipp_format_channels(a->format) - a->channels;
}

/* Without resizing: a row of the cropped picture to floats. */
static void make_row(const struct aipp *a, const struct colours *k,
                     const uint8_t *const c[static 4], float *dst, int64_t plane) {
    const int n = a->crop_w, skip = first_channel(a);
    const int colour = aipp_format_channels(a->format) == 4; /* the first that is converted */
    if (!a->csc || (colour && a->channels == 4))
        for (int i = 0; i < (a->csc ? 1 : a->channels); i++) {
            const struct scale scale = scale_of(a, i);
            for (int x = 0; x < n; x += VL)
                vf_store_first(dst + i * plane + x,
                               normal(&scale, vf_load_u8(c[skip + i] + x, n - x)), n - x);
        }
    if (!a->csc) return;
    const int to = colour && a->channels == 4; /* output channel of the first colour */
    const struct scale scale[3] = {scale_of(a, to), scale_of(a, to + 1), scale_of(a, to + 2)};
    for (int x = 0; x < n; x += VL) {
        vf v[3];
        convert(k, c + colour, x, n - x, v);
        for (int i = 0; i < 3; i++)
            vf_store_first(dst + (to + i) * plane + x, normal(&scale[i], v[i]), n - x);
    }
}

/* What a picture's rows are made with; it lies in scratch, its buffers behind it. */
struct work {
    struct colours colours;
    struct aipp a;
    const uint8_t *src;
    int w, h;         /* of the picture made */
    uint8_t *row[2];  /* four planes each */
    int at[2];        /* which row of the cropped picture lies there; -1: none */
    int32_t *left, *right, *part, *sum;
};
_Static_assert(sizeof(struct work) <= AIPP_STATE_BYTES, "see kernels/aipp.h");

static void start(void *work, const struct aipp *a, const uint8_t *src) {
    struct work *s = work;
    s->a = *a;
    s->src = src;
    if (a->csc) colours_init(&s->colours, a);
    aipp_output_size(a, &s->w, &s->h);
    s->left = (int32_t *)(void *)((unsigned char *)work + AIPP_STATE_BYTES);
    s->right = s->left + AIPP_ROW_BYTES;
    s->part = s->right + AIPP_ROW_BYTES;
    s->sum = s->part + AIPP_ROW_BYTES;
    s->row[0] = (uint8_t *)(s->sum + AIPP_ROW_BYTES);
    s->row[1] = s->row[0] + 4 * AIPP_ROW_BYTES;
    s->at[0] = s->at[1] = -1;
    for (int x = 0; a->resize && x < a->resize_w; x++) {
        const int32_t p_x = aipp_position(x, a->resize_w, a->crop_w);
        s->left[x] = p_x >> 11;
        s->right[x] = s->left[x] + 1 < a->crop_w ? s->left[x] + 1 : s->left[x];
        s->part[x] = p_x & 2047;
    }
}

/* Converted planes of row y of the cropped picture, those of the output first; `keep` is a row that
 * must stay. */
static const uint8_t *converted_row(struct work *s, int y, int keep) {
    const struct aipp *a = &s->a;
    for (int i = 0; i < 2; i++)
        if (s->at[i] == y) return s->row[i];
    const int slot = s->at[0] == keep;
    const uint8_t *c[4];
    uint8_t *row = s->row[slot];
    s->at[slot] = y;
    unpack(a, s->src, y, row, c);
    const int n = a->crop_w, native = aipp_format_channels(a->format);
    for (int i = 0; i < native; i++)
        if (c[i] != row + (int64_t)i * AIPP_ROW_BYTES) {
            memcpy(row + (int64_t)i * AIPP_ROW_BYTES, c[i], (size_t)n);
            c[i] = row + (int64_t)i * AIPP_ROW_BYTES;
        }
    uint8_t *colour = row + (native == 4) * AIPP_ROW_BYTES;
    for (int x = 0; a->csc && x < n; x += VL) {
        vf v[3];
        convert(&s->colours, c + (native == 4), x, n - x, v);
        for (int i = 0; i < 3; i++)
            vi_store_u8(colour + (int64_t)i * AIPP_ROW_BYTES + x,
                        __builtin_convertvector(v[i], vi), n - x);
    }
    return row;
}

static void resize_row(struct work *s, int y, float *dst, int64_t plane) {
    const struct aipp *a = &s->a;
    const int32_t p = aipp_position(y, a->resize_h, a->crop_h);
    const int y0 = p >> 11, y1 = y0 + 1 < a->crop_h ? y0 + 1 : y0, skip = first_channel(a);
    const int32_t fy = p & 2047;
    const uint8_t *top = converted_row(s, y0, y1);
    const uint8_t *bottom = converted_row(s, y1, y0);
    int32_t *restrict sum = s->sum;
    const int32_t *restrict left = s->left, *restrict right = s->right, *restrict part = s->part;
    for (int i = 0; i < a->channels; i++) {
        const uint8_t *t = top + (int64_t)(skip + i) * AIPP_ROW_BYTES;
        const uint8_t *b = bottom + (int64_t)(skip + i) * AIPP_ROW_BYTES;
        const float mean = (float)a->mean[i], min = a->min[i], var = a->var_reci[i];
        float *restrict to = dst + i * plane;
        for (int x = 0; x < a->crop_w; x += VL)
            vi_store(sum + x, vi_load_u8(t + x, a->crop_w - x) * (2048 - fy) +
                                  vi_load_u8(b + x, a->crop_w - x) * fy);
        for (int x = 0; x < a->resize_w; x++) {
            const int32_t v = (sum[left[x]] * (2048 - part[x]) + sum[right[x]] * part[x] +
                               (1 << 21)) >> 22;
            to[x] = ((float)v - mean - min) * var;
        }
    }
}

static void fill(float *p, int n, float value) {
    for (int x = 0; x < n; x += VL) vf_store_first(p + x, vf_set(value), n - x);
}

static void row(void *work, int y, float *dst, int64_t plane) {
    struct work *s = work;
    const struct aipp *a = &s->a;
    const bool outside = y < a->top || y >= s->h - a->bottom;
    for (int i = 0; i < a->channels; i++) {
        fill(dst + i * plane, outside ? s->w : a->left, a->padding_value);
        if (!outside) fill(dst + i * plane + s->w - a->right, a->right, a->padding_value);
    }
    if (outside) return;
    if (a->resize) {
        resize_row(s, y - a->top, dst + a->left, plane);
    } else {
        const uint8_t *c[4];
        unpack(a, s->src, y - a->top, s->row[0], c);
        const struct colours k = s->colours; /* its own: stores to dst leave it as it is */
        make_row(a, &k, c, dst + a->left, plane);
    }
}

const struct aipp_kernels K(aipp) = {.start = start, .row = row};
