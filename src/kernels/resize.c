/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables of one axis for the resize kernels, from the parameters of ONNX Resize, as its reference
 * implementation computes them. Interpolating modes work in double; nearest rounds every step to
 * float as the frameworks do, because at ties the last bit decides which pixel is taken.
 */
#include "kernels/resize.h"

#include <math.h>

enum { MAX_TAPS = 4096 };

static double rounded(double v, int to_float) { return to_float ? (double)(float)v : v; }

/* Source coordinate of output x. */
static double coordinate(const struct resize_params *p, int n_in, int n_out, int x, int f) {
    const double scale = p->scale, length = rounded(scale * n_in, f);
    switch (p->coordinates) {
    case RESIZE_ALIGN_CORNERS:
        if (length == 1) return 0;
        return rounded(rounded((double)x * (n_in - 1), f) / rounded(length - 1, f), f);
    case RESIZE_ASYMMETRIC: return rounded(x / scale, f);
    case RESIZE_TF_CROP_AND_RESIZE: {
        const double begin = p->roi_begin, end = p->roi_end;
        double at = length == 1 ? (end - begin) * (n_in - 1) / 2
                                : x * (end - begin) * (n_in - 1) / (length - 1);
        return rounded(at + begin * (n_in - 1), f);
    }
    case RESIZE_TF_HALF_PIXEL_FOR_NN: return rounded(rounded(x + 0.5, f) / scale, f);
    case RESIZE_PYTORCH_HALF_PIXEL:
        if (length == 1) return -0.5;
        return rounded(rounded(rounded(x + 0.5, f) / scale, f) - 0.5, f);
    case RESIZE_HALF_PIXEL_SYMMETRIC: {
        const double adjustment = rounded(n_out / length, f);
        const double offset = rounded(n_in / 2.0 * rounded(1 - adjustment, f), f);
        return rounded(offset + rounded(rounded(rounded(x + 0.5, f) / scale, f) - 0.5, f), f);
    }
    default: return rounded(rounded(rounded(x + 0.5, f) / scale, f) - 0.5, f);
    }
}

static int32_t clamped(double i, int n) {
    return i < 0 ? 0 : i > n - 1 ? (int32_t)(n - 1) : (int32_t)i;
}

static int32_t nearest_index(enum resize_nearest mode, double at, int n_in) {
    switch (mode) {
    case RESIZE_ROUND_PREFER_CEIL: return clamped(floor(at + 0.5), n_in);
    case RESIZE_FLOOR: return clamped(floor(at), n_in);
    case RESIZE_CEIL: return clamped(ceil(at), n_in);
    default: return clamped(ceil(at - 0.5), n_in);
    }
}

/* Keys' cubic, 0 beyond a distance of 2. */
static double cubic_weight(double d, double a) {
    d = fabs(d);
    if (d <= 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
    if (d < 2) return ((a * d - 5 * a) * d + 8 * a) * d - 4 * a;
    return 0;
}

/* Filters that shrink are stretched by 1/scale when antialiased; they never shrink. */
static double filter_scale(const struct resize_params *p) {
    return p->antialias && p->scale < 1 ? p->scale : 1;
}

/* Taps left of the pixel before the coordinate, that pixel included, less one, negated. */
static int first_tap(const struct resize_params *p) {
    const double support = p->mode == RESIZE_CUBIC ? 2 : 1;
    return (int)floor(-support / filter_scale(p)) + 1;
}

int resize_axis_taps(const struct resize_params *p) {
    if (p->mode == RESIZE_NEAREST) return 1;
    if (!(p->scale > 0) || 2 / filter_scale(p) > MAX_TAPS) return MAX_TAPS + 1;
    return 2 - 2 * first_tap(p);
}

static void find_factor(struct resize_axis *a) {
    const int factor = a->n_out / a->n_in;
    if (a->n_taps != 1 || a->has_outside || factor < 1 || factor * a->n_in != a->n_out) return;
    for (int o = 0; o < a->n_out; o++)
        if (a->index[o] != o / factor) return;
    a->factor = factor;
}

enum status resize_axis_build(const struct resize_params *p, int n_in, int n_out, int32_t *index,
                              float *weight, struct resize_axis *out) {
    CHECK(n_in > 0 && n_out > 0, STATUS_SHAPE, "resize of %d to %d elements", n_in, n_out);
    CHECK(p->scale > 0 && isfinite(p->scale), STATUS_ARGUMENT, "resize by a scale of %g",
          (double)p->scale);
    const int taps = resize_axis_taps(p);
    CHECK(taps <= MAX_TAPS, STATUS_LIMIT, "antialiased resize by a scale of %g",
          (double)p->scale);
    *out = (struct resize_axis){n_in, n_out, taps, 0, 0, index, weight};
    const int nearest = p->mode == RESIZE_NEAREST;
    const int first = first_tap(p);
    for (int o = 0; o < n_out; o++, index += taps) {
        const double at = coordinate(p, n_in, n_out, o, nearest);
        const int outside =
            p->coordinates == RESIZE_TF_CROP_AND_RESIZE && !(at >= 0 && at <= n_in - 1);
        if (nearest) {
            *index = outside ? -1 : nearest_index(p->nearest, at, n_in);
            out->has_outside |= outside;
            if (weight) *weight++ = 1;
            continue;
        }
        const double base = floor(at), ratio = at - base;
        double sum = 0, kept = 0;
        for (int t = 0; t < taps; t++) {
            const double d = first + t - ratio, s = filter_scale(p);
            const double i = base + first + t;
            double v = p->mode == RESIZE_CUBIC ? cubic_weight(d * s, p->cubic_coeff_a)
                                               : fmax(0, 1 - fabs(d * s));
            sum += v;
            if (p->exclude_outside && (i < 0 || i > n_in - 1)) v = 0;
            kept += v;
            index[t] = clamped(i, n_in);
            weight[t] = (float)v;
        }
        /* The plain filters sum to 1 by themselves. */
        const double divisor = p->exclude_outside ? kept : p->antialias ? sum : 1;
        if (divisor != 1 && divisor != 0)
            for (int t = 0; t < taps; t++) weight[t] = (float)(weight[t] / divisor);
        if (outside) {
            index[0] = -1;
            out->has_outside = 1;
        }
        weight += taps;
    }
    find_factor(out);
    return STATUS_OK;
}
