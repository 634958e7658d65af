/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pooling: MaxPool, AveragePool, LpPool over windows, and their Global forms over whole planes.
 *
 * MaxPool's second output, Indices, counts elements in the whole input tensor, row-major, or with
 * storage_order 1 column-major within each plane.
 */
#include <inttypes.h>
#include <math.h>

#include "ops/access.h"
#include "ops/window.h"

static enum status pool_window(const struct op_call *c, struct window *w) {
    const struct shape *x = &c->in[0].shape;
    int64_t kernel[WINDOW_MAX] = {-1, -1, -1};
    OP_CHECK(c, x->rank >= 3, STATUS_SHAPE, "input has rank %d; batch, channels and at least one "
             "spatial dimension are needed", x->rank);
    OP_CHECK(c, x->rank <= 2 + WINDOW_MAX, STATUS_UNSUPPORTED,
             "input has %d spatial dimensions; at most %d are supported", x->rank - 2, WINDOW_MAX);
    OP_CHECK(c, node_ints(c->node, "kernel_shape", kernel, 0) > 0, STATUS_FORMAT,
             "attribute 'kernel_shape' is missing");
    TRY(window_kernel(c, x->rank - 2, kernel));
    return window_init(c, x, kernel, node_int(c->node, "ceil_mode", 0) != 0, w);
}

static enum status infer_pool(struct op_call *c) {
    const struct view *x = &c->in[0];
    bool max = c->node->op == OP_MaxPool;
    TRY(op_check_dtype(c, 0, max ? DTYPES_FLOAT | DTYPES_8BIT : DTYPES_FLOAT));
    int64_t order = node_int(c->node, "storage_order", 0);
    OP_CHECK(c, order == 0 || order == 1, STATUS_UNSUPPORTED,
             "attribute 'storage_order' is %" PRId64, order);
    OP_CHECK(c, node_int(c->node, "p", 2) >= 1, STATUS_SHAPE, "attribute 'p' must be 1 or more");
    struct shape s = shape_unknown();
    if (x->shape.rank >= 0) {
        struct window w;
        TRY(pool_window(c, &w));
        s = x->shape;
        for (int i = 0; i < w.n; i++) s.dim[2 + i] = w.out[i];
    }
    op_output(c, 0, x->dtype, s);
    op_output(c, 1, DT_I64, s);
    return STATUS_OK;
}

/* One window of one plane, already clipped to the input. */
struct place {
    int64_t lo[WINDOW_MAX], hi[WINDOW_MAX], start[WINDOW_MAX];
};

static struct place place_of(const struct window *w, const int64_t *o) {
    struct place p;
    for (int i = 0; i < WINDOW_MAX; i++) {
        p.start[i] = o[i] * w->stride[i] - w->begin[i];
        window_clip(w, i, o[i], &p.lo[i], &p.hi[i]);
    }
    return p;
}

/* Calls `body` for each input element under the window; `at` is its index in the plane. */
#define FOR_PLACE(w, p, body)                                                                      \
    for (int64_t kd = (p).lo[0]; kd < (p).hi[0]; kd++)                                             \
        for (int64_t kh = (p).lo[1]; kh < (p).hi[1]; kh++)                                         \
            for (int64_t kw = (p).lo[2]; kw < (p).hi[2]; kw++) {                                   \
                int64_t d = (p).start[0] + kd * (w).dilation[0];                                   \
                int64_t h = (p).start[1] + kh * (w).dilation[1];                                   \
                int64_t at =                                                                       \
                    (d * (w).in[1] + h) * (w).in[2] + (p).start[2] + kw * (w).dilation[2];         \
                body                                                                               \
            }

/* The value a window without any element gets. */
static double lowest(enum dtype t) {
    switch (t) {
    case DT_I8: return -128;
    case DT_U8: return 0;
    default: return -INFINITY;
    }
}

static void max_at(const struct op_call *c, const struct window *w, int64_t plane, const int64_t *o,
                   int64_t to) {
    const struct view *x = &c->in[0];
    int64_t size = w->in[0] * w->in[1] * w->in[2], best_at = 0;
    double best = lowest(x->dtype);
    bool any = false;
    struct place p = place_of(w, o);
    FOR_PLACE(*w, p, {
        double v = get(x, plane * size + at);
        if (!any || v > best) {
            best = v;
            best_at = at;
            any = true;
        }
    })
    if (op_has_output(c, 0)) set(&c->out[0], to, best);
    if (!op_has_output(c, 1)) return;
    if (node_int(c->node, "storage_order", 0)) {
        int64_t x0 = best_at % w->in[2], h = best_at / w->in[2] % w->in[1];
        int64_t d = best_at / w->in[2] / w->in[1];
        best_at = d + w->in[0] * (h + w->in[1] * x0);
    }
    ((int64_t *)c->out[1].data)[to] = plane * size + best_at;
}

/* Kernel positions on axis i that fall on the input or its explicit padding. */
static int64_t counted(const struct window *w, int i, int64_t o) {
    int64_t start = o * w->stride[i] - w->begin[i], room = w->in[i] + w->end[i] - start;
    int64_t n = (room + w->dilation[i] - 1) / w->dilation[i];
    return n < w->kernel[i] ? n : w->kernel[i];
}

static void average_at(const struct op_call *c, const struct window *w, int64_t plane,
                       const int64_t *o, int64_t to) {
    int64_t size = w->in[0] * w->in[1] * w->in[2], n = 0;
    double sum = 0;
    struct place p = place_of(w, o);
    FOR_PLACE(*w, p, {
        sum += get(&c->in[0], plane * size + at);
        n++;
    })
    double count = (double)n;
    if (node_int(c->node, "count_include_pad", 0))
        count = (double)counted(w, 0, o[0]) * (double)counted(w, 1, o[1]) *
                (double)counted(w, 2, o[2]);
    set(&c->out[0], to, count > 0 ? sum / count : 0);
}

static double root(double sum, double p) {
    return p == 1 ? sum : p == 2 ? sqrt(sum) : pow(sum, 1 / p);
}
static double power(double x, double p) {
    return p == 1 ? fabs(x) : p == 2 ? x * x : pow(fabs(x), p);
}

static void lp_at(const struct op_call *c, const struct window *w, int64_t plane, const int64_t *o,
                  int64_t to) {
    int64_t size = w->in[0] * w->in[1] * w->in[2];
    double sum = 0, exponent = (double)node_int(c->node, "p", 2);
    struct place p = place_of(w, o);
    FOR_PLACE(*w, p, { sum += power(get(&c->in[0], plane * size + at), exponent); })
    set(&c->out[0], to, root(sum, exponent));
}

typedef void pool_at(const struct op_call *, const struct window *, int64_t plane, const int64_t *o,
                     int64_t to);

static enum status run_windows(struct op_call *c, pool_at *at) {
    struct window narrow, w;
    TRY(pool_window(c, &narrow));
    w = window_3d(&narrow);
    int64_t planes = shape_product(&c->in[0].shape, 0, 2), to = 0;
    for (int64_t plane = 0; plane < planes; plane++)
        for (int64_t d = 0; d < w.out[0]; d++)
            for (int64_t h = 0; h < w.out[1]; h++)
                for (int64_t x = 0; x < w.out[2]; x++)
                    at(c, &w, plane, (int64_t[]){d, h, x}, to++);
    return STATUS_OK;
}

static enum status run_max_pool(struct op_call *c) { return run_windows(c, max_at); }
static enum status run_average_pool(struct op_call *c) { return run_windows(c, average_at); }
static enum status run_lp_pool(struct op_call *c) { return run_windows(c, lp_at); }

static const struct attr_spec max_pool_attrs[] = {
    WINDOW_ATTRS, {"ceil_mode", ATTR_INT}, {"storage_order", ATTR_INT}, {NULL},
};
static const struct attr_spec average_pool_attrs[] = {
    WINDOW_ATTRS, {"ceil_mode", ATTR_INT}, {"count_include_pad", ATTR_INT}, {NULL},
};
static const struct attr_spec lp_pool_attrs[] = {
    WINDOW_ATTRS, {"ceil_mode", ATTR_INT}, {"p", ATTR_INT}, {NULL},
};

const struct op_def op_def_MaxPool = {
    .name = "MaxPool", .min_inputs = 1, .max_inputs = 1, .min_outputs = 1, .max_outputs = 2,
    .infer = infer_pool, .run = run_max_pool, .attrs = max_pool_attrs,
};
const struct op_def op_def_AveragePool = {
    .name = "AveragePool", .min_inputs = 1, .max_inputs = 1, .min_outputs = 1, .max_outputs = 1,
    .infer = infer_pool, .run = run_average_pool, .attrs = average_pool_attrs,
};
const struct op_def op_def_LpPool = {
    .name = "LpPool", .min_inputs = 1, .max_inputs = 1, .min_outputs = 1, .max_outputs = 1,
    .infer = infer_pool, .run = run_lp_pool, .attrs = lp_pool_attrs,
};

/* ---- whole planes ---- */

static enum status infer_global(struct op_call *c) {
    const struct view *x = &c->in[0];
    TRY(op_check_dtype(c, 0, DTYPES_FLOAT));
    TRY(op_check_rank(c, 0, 2, SHAPE_MAX_RANK));
    OP_CHECK(c, node_int(c->node, "p", 2) >= 1, STATUS_SHAPE, "attribute 'p' must be 1 or more");
    struct shape s = x->shape;
    for (int i = 2; i < s.rank; i++) s.dim[i] = 1;
    op_output(c, 0, x->dtype, s);
    return STATUS_OK;
}

static enum status run_global(struct op_call *c) {
    const struct view *x = &c->in[0], *y = &c->out[0];
    int64_t planes = shape_product(&x->shape, 0, 2);
    int64_t size = shape_product(&x->shape, 2, x->shape.rank);
    double p = (double)node_int(c->node, "p", 2);
    for (int64_t plane = 0; plane < planes; plane++) {
        double sum = 0, max = -INFINITY;
        for (int64_t i = plane * size; i < (plane + 1) * size; i++) {
            double v = get(x, i);
            sum += c->node->op == OP_GlobalLpPool ? power(v, p) : v;
            if (v > max || v != v) max = v;
        }
        set(y, plane, c->node->op == OP_GlobalMaxPool      ? max
                      : c->node->op == OP_GlobalLpPool     ? root(sum, p)
                                                           : sum / (double)size);
    }
    return STATUS_OK;
}

static const struct attr_spec global_lp_attrs[] = {{"p", ATTR_INT}, {NULL}};

const struct op_def op_def_GlobalAveragePool = {
    .name = "GlobalAveragePool", .min_inputs = 1, .max_inputs = 1, .min_outputs = 1,
    .max_outputs = 1, .infer = infer_global, .run = run_global,
};
const struct op_def op_def_GlobalMaxPool = {
    .name = "GlobalMaxPool", .min_inputs = 1, .max_inputs = 1, .min_outputs = 1,
    .max_outputs = 1, .infer = infer_global, .run = run_global,
};
const struct op_def op_def_GlobalLpPool = {
    .name = "GlobalLpPool", .min_inputs = 1, .max_inputs = 1, .min_outputs = 1,
    .max_outputs = 1, .infer = infer_global, .run = run_global, .attrs = global_lp_attrs,
};
