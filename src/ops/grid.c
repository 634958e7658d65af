/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GridSample and AffineGrid, in two and three spatial dimensions.
 *
 * A grid's last dimension holds normalized coordinates, x first: -1 and 1 are the centres of the
 * corner elements with align_corners, their outer edges without.
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "ops/access.h"

enum grid_mode { GRID_LINEAR, GRID_NEAREST, GRID_CUBIC };
enum grid_padding { PAD_ZEROS, PAD_BORDER, PAD_REFLECTION };
enum { GRID_AXES = 3 };

struct grid {
    enum grid_mode mode;
    enum grid_padding padding;
    bool align;
    int n; /* spatial dimensions */
    int64_t size[GRID_AXES];
};

static enum status grid_init(const struct op_call *c, struct grid *g) {
    const char *mode = node_string(c->node, "mode", "linear");
    const char *padding = node_string(c->node, "padding_mode", "zeros");
    bool nearest = !strcmp(mode, "nearest"), cubic = !strcmp(mode, "cubic");
    bool border = !strcmp(padding, "border"), reflection = !strcmp(padding, "reflection");
    OP_CHECK(c, nearest || cubic || !strcmp(mode, "linear"), STATUS_UNSUPPORTED,
             "attribute 'mode' is '%s'", mode);
    OP_CHECK(c, border || reflection || !strcmp(padding, "zeros"), STATUS_UNSUPPORTED,
             "attribute 'padding_mode' is '%s'", padding);
    *g = (struct grid){
        .mode = nearest ? GRID_NEAREST : cubic ? GRID_CUBIC : GRID_LINEAR,
        .padding = border ? PAD_BORDER : reflection ? PAD_REFLECTION : PAD_ZEROS,
        .align = node_int(c->node, "align_corners", 0) != 0,
    };
    return STATUS_OK;
}

static enum status infer_grid_sample(struct op_call *c) {
    const struct view *x = &c->in[0], *grid = &c->in[1];
    struct grid g;
    TRY(grid_init(c, &g));
    TRY(op_check_dtype(c, 1, DTYPES_FLOAT));
    struct shape s = shape_unknown();
    int rank = x->shape.rank >= 0 ? x->shape.rank : grid->shape.rank;
    if (rank >= 0) {
        OP_CHECK(c, rank == 4 || rank == 5, STATUS_UNSUPPORTED,
                 "inputs have rank %d; two or three spatial dimensions are supported", rank);
        TRY(op_check_rank(c, 0, rank, rank));
        TRY(op_check_rank(c, 1, rank, rank));
        TRY(op_check_dim(c, 1, rank - 1, rank - 2, "coordinates"));
        s.rank = rank;
        s.dim[0] = s.dim[1] = -1;
        for (int i = 2; i < rank; i++)
            s.dim[i] = grid->shape.rank < 0 ? -1 : grid->shape.dim[i - 1];
        if (grid->shape.rank >= 0) s.dim[0] = grid->shape.dim[0];
        if (x->shape.rank >= 0) {
            TRY(op_check_dim(c, 1, 0, x->shape.dim[0], "batch"));
            s.dim[0] = dim_known(x->shape.dim[0], s.dim[0]);
            s.dim[1] = x->shape.dim[1];
            for (int i = 2; i < rank; i++)
                OP_CHECK(c, x->shape.dim[i], STATUS_SHAPE, "input '%s' has no elements to sample",
                         x->name);
        }
    }
    op_output(c, 0, x->dtype, s);
    return STATUS_OK;
}

/* Reflects a coordinate at low and high until it lies between them. */
static double reflect(double x, double low, double high) {
    double range = high - low;
    if (range <= 0) return low;
    double d = fmod(fabs(x - low), 2 * range);
    return low + (d > range ? 2 * range - d : d);
}

/* Index to read for an index that may lie outside, or -1 for a zero. */
static int64_t inside(const struct grid *g, int axis, int64_t i) {
    int64_t n = g->size[axis];
    if (i >= 0 && i < n) return i;
    if (g->padding == PAD_ZEROS) return -1;
    if (g->padding == PAD_BORDER) return i < 0 ? 0 : n - 1;
    double low = g->align ? 0 : -0.5, high = (double)n - (g->align ? 1 : 0.5);
    int64_t r = (int64_t)reflect((double)i, low, high);
    return r < 0 ? 0 : r >= n ? n - 1 : r;
}

static void cubic_weights(double t, double *w) {
    const double a = -0.75;
    for (int i = 0; i < 4; i++) {
        double d = fabs(t + 1 - i);
        w[i] = d <= 1 ? ((a + 2) * d - (a + 3)) * d * d + 1
                      : ((a * d - 5 * a) * d + 8 * a) * d - 4 * a;
    }
}

/* Taps of one axis for a coordinate in elements; index -1 reads zero. Returns how many. */
static int axis_taps(const struct grid *g, int axis, double x, int64_t *index, double *weight) {
    double n = (double)g->size[axis];
    double low = g->align ? 0 : -0.5, high = n - (g->align ? 1 : 0.5);
    if (g->mode == GRID_NEAREST) x = nearbyint(x);
    if (!(x >= low && x <= high)) {
        if (g->padding == PAD_REFLECTION) x = isfinite(x) ? reflect(x, low, high) : 0;
        /* Far outside every tap is a zero or the border; NaN counts as that, too. The taps of a
         * cubic near the border are clamped one by one, not the coordinate. */
        else if (!(x > -4 && x < n + 4)) x = x > 0 ? n + 4 : -4;
        if (g->padding == PAD_BORDER && g->mode != GRID_CUBIC) x = x < 0 ? 0 : n - 1;
    }
    if (g->mode == GRID_NEAREST) {
        index[0] = inside(g, axis, (int64_t)x);
        weight[0] = 1;
        return 1;
    }
    int64_t base = (int64_t)floor(x);
    int count = g->mode == GRID_CUBIC ? 4 : 2;
    if (count == 4) {
        cubic_weights(x - (double)base, weight);
        base--;
    } else {
        weight[1] = x - (double)base;
        weight[0] = 1 - weight[1];
    }
    for (int i = 0; i < count; i++) index[i] = inside(g, axis, base + i);
    return count;
}

static enum status run_grid_sample(struct op_call *c) {
    const struct view *x = &c->in[0], *grid = &c->in[1], *y = &c->out[0];
    struct grid g;
    TRY(grid_init(c, &g));
    /* Always three axes; the first has one element when there are two. */
    int n = x->shape.rank - 2;
    for (int i = 0; i < GRID_AXES; i++) {
        int from = i - (GRID_AXES - n);
        g.size[i] = from < 0 ? 1 : x->shape.dim[2 + from];
    }
    int64_t channels = x->shape.dim[1], plane = g.size[0] * g.size[1] * g.size[2];
    int64_t points = shape_product(&y->shape, 2, y->shape.rank);
    size_t bytes = dtype_size(x->dtype);
    for (int64_t p = 0; p < x->shape.dim[0] * points; p++) {
        int64_t index[GRID_AXES][4] = {{0}};
        double weight[GRID_AXES][4] = {{1}};
        int count[GRID_AXES] = {1, 1, 1};
        for (int i = GRID_AXES - n; i < GRID_AXES; i++) {
            double v = get(grid, p * n + (GRID_AXES - 1 - i)), size = (double)g.size[i];
            v = g.align ? (v + 1) / 2 * (size - 1) : ((v + 1) * size - 1) / 2;
            count[i] = axis_taps(&g, i, (float)v, index[i], weight[i]);
        }
        for (int64_t ch = 0; ch < channels; ch++) {
            int64_t base = (p / points * channels + ch) * plane;
            int64_t to = (p / points * channels + ch) * points + p % points;
            double sum = 0;
            for (int a = 0; a < count[0]; a++)
                for (int b = 0; b < count[1]; b++)
                    for (int d = 0; d < count[2]; d++) {
                        int64_t iz = index[0][a], iy = index[1][b], ix = index[2][d];
                        bool outside = iz < 0 || iy < 0 || ix < 0;
                        int64_t at = outside ? -1 : base + (iz * g.size[1] + iy) * g.size[2] + ix;
                        if (g.mode == GRID_NEAREST) { /* any type, unchanged */
                            char *out = (char *)y->data + (size_t)to * bytes;
                            if (outside) memset(out, 0, bytes);
                            else memcpy(out, (const char *)x->data + (size_t)at * bytes, bytes);
                        } else if (!outside) {
                            sum += weight[0][a] * weight[1][b] * weight[2][d] * get(x, at);
                        }
                    }
            if (g.mode != GRID_NEAREST) set(y, to, sum);
        }
    }
    return STATUS_OK;
}

static const struct attr_spec grid_sample_attrs[] = {
    {"align_corners", ATTR_INT}, {"mode", ATTR_STRING}, {"padding_mode", ATTR_STRING}, {NULL},
};

const struct op_def op_def_GridSample = {
    .name = "GridSample", .min_inputs = 2, .max_inputs = 2, .min_outputs = 1, .max_outputs = 1,
    .infer = infer_grid_sample, .run = run_grid_sample, .attrs = grid_sample_attrs,
};

/* ---- AffineGrid: theta (N, n, n + 1), size (N, C, spatial...) -> grid (N, spatial..., n) ---- */

static enum status infer_affine_grid(struct op_call *c) {
    const struct view *theta = &c->in[0];
    TRY(op_check_dtype(c, 0, DTYPES_FLOAT));
    TRY(op_check_rank(c, 0, 3, 3));
    int64_t size[5];
    int n;
    TRY(op_known_ints(c, 1, size, 5, &n));
    struct shape s = shape_unknown();
    if (n >= 0) {
        OP_CHECK(c, n == 4 || n == 5, STATUS_SHAPE, "'size' has %d values; 4 or 5 are needed", n);
        for (int i = 0; i < n; i++)
            OP_CHECK(c, size[i] >= 0 && size[i] <= INT32_MAX, STATUS_SHAPE,
                     "'size' holds %" PRId64, size[i]);
        TRY(op_check_dim(c, 0, 0, size[0], "batch"));
        TRY(op_check_dim(c, 0, 1, n - 2, "spatial dimensions"));
        TRY(op_check_dim(c, 0, 2, n - 1, "spatial dimensions and one"));
        s.rank = n;
        s.dim[0] = size[0];
        for (int i = 2; i < n; i++) s.dim[i - 1] = size[i];
        s.dim[n - 1] = n - 2;
    }
    op_output(c, 0, theta->dtype, s);
    return STATUS_OK;
}

static enum status run_affine_grid(struct op_call *c) {
    const struct view *theta = &c->in[0], *y = &c->out[0];
    bool align = node_int(c->node, "align_corners", 0) != 0;
    int n = y->shape.rank - 2;
    int64_t points = shape_product(&y->shape, 1, y->shape.rank - 1);
    for (int64_t p = 0; p < y->shape.dim[0] * points; p++) {
        double at[GRID_AXES];
        int64_t rest = p % points;
        for (int i = 0; i < n; i++) { /* x first: the innermost axis */
            int64_t size = y->shape.dim[n - i], o = rest % size;
            rest /= size;
            at[i] = align ? (size > 1 ? -1 + 2 * (double)o / (double)(size - 1) : -1)
                          : -1 + (2 * (double)o + 1) / (double)size;
        }
        for (int i = 0; i < n; i++) {
            int64_t row = (p / points * n + i) * (n + 1);
            double v = get(theta, row + n);
            for (int k = 0; k < n; k++) v += get(theta, row + k) * at[k];
            set(y, p * n + i, v);
        }
    }
    return STATUS_OK;
}

static const struct attr_spec affine_grid_attrs[] = {{"align_corners", ATTR_INT}, {NULL}};

const struct op_def op_def_AffineGrid = {
    .name = "AffineGrid", .min_inputs = 2, .max_inputs = 2, .min_outputs = 1, .max_outputs = 1,
    .infer = infer_affine_grid, .run = run_affine_grid, .attrs = affine_grid_attrs,
};
