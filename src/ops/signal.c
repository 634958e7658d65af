/* SPDX-License-Identifier: Apache-2.0 */
/* Spectra: DFT, STFT, MelWeightMatrix. The last dimension of a signal holds 1 (real) or 2 (real and
 * imaginary) values. */
#include <inttypes.h>
#include <math.h>

#include "ops/elements.h"

#define TWO_PI 6.28318530717958647692
#define MAX_LENGTH (INT64_C(1) << 26) /* of one transform; its scratch is 48 bytes an element */

struct complex {
    double re, im;
};

/* Scratch of one transform of n points. */
struct transform {
    int64_t n;
    struct complex *in, *out, *root; /* root[k] = exp(-+2 pi i k / n) */
};

static enum status transform_init(struct transform *t, int64_t n, bool inverse) {
    *t = (struct transform){.n = n};
    CHECK(n <= MAX_LENGTH, STATUS_LIMIT, "a transform of %" PRId64 " points is too long", n);
    t->in = mem_calloc((size_t)n * 3, sizeof *t->in);
    CHECK(t->in, STATUS_MEMORY, "out of memory for a transform of %" PRId64 " points", n);
    t->out = t->in + n;
    t->root = t->out + n;
    for (int64_t k = 0; k < n; k++) {
        double angle = TWO_PI * (double)k / (double)n;
        t->root[k] = (struct complex){cos(angle), inverse ? sin(angle) : -sin(angle)};
    }
    return STATUS_OK;
}

/* y = transform of n elements of x, `step` apart; halves while n is even, then by definition. */
static void transform_part(const struct transform *t, const struct complex *x, int64_t step,
                           struct complex *y, int64_t n) {
    int64_t half = n / 2, turn = t->n / n;
    if (n % 2 || n == 0) {
        for (int64_t k = 0; k < n; k++) {
            struct complex sum = {0};
            for (int64_t i = 0, angle = 0; i < n; i++, angle = (angle + k) % n) {
                struct complex a = x[i * step], w = t->root[angle * turn];
                sum.re += a.re * w.re - a.im * w.im;
                sum.im += a.re * w.im + a.im * w.re;
            }
            y[k] = sum;
        }
        return;
    }
    transform_part(t, x, 2 * step, y, half);
    transform_part(t, x + step, 2 * step, y + half, half);
    for (int64_t k = 0; k < half; k++) {
        struct complex a = y[k], b = y[k + half], w = t->root[k * turn];
        struct complex c = {b.re * w.re - b.im * w.im, b.re * w.im + b.im * w.re};
        y[k] = (struct complex){a.re + c.re, a.im + c.im};
        y[k + half] = (struct complex){a.re - c.re, a.im - c.im};
    }
}

static void transform_run(const struct transform *t) {
    transform_part(t, t->in, 1, t->out, t->n);
}

/* Complex element i of a signal. */
static struct complex signal_get(const struct view *v, int64_t i) {
    if (v->shape.dim[v->shape.rank - 1] == 1) return (struct complex){get(v, i), 0};
    return (struct complex){get(v, 2 * i), get(v, 2 * i + 1)};
}
static void signal_set(const struct view *v, int64_t i, struct complex x) {
    if (v->shape.dim[v->shape.rank - 1] == 1) {
        set(v, i, x.re);
        return;
    }
    set(v, 2 * i, x.re);
    set(v, 2 * i + 1, x.im);
}

/* ---- DFT ---- */

struct dft {
    int axis;
    bool inverse, one_sided, known; /* known: axis, length and n_in */
    int64_t n_in, length, n_out;
};

static enum status read_dft(const struct op_call *c, struct dft *d) {
    const struct shape *in = &c->in[0].shape;
    int64_t axis = -2;
    bool known;
    *d = (struct dft){.inverse = node_int(c->node, "inverse", 0),
                      .one_sided = node_int(c->node, "onesided", 0)};
    TRY(op_check_dtype(c, 0, DTYPES_FLOAT));
    TRY(op_check_dtype(c, 1, DTYPES_INDEX));
    TRY(op_check_dtype(c, 2, DTYPES_INDEX));
    TRY(op_known_int(c, 2, &axis, &known));
    if (in->rank < 0 || (op_has_input(c, 2) && !known)) return STATUS_OK;
    OP_CHECK(c, in->rank >= 2, STATUS_SHAPE, "the signal has rank %d; at least 2 is needed",
             in->rank);
    TRY(op_axis(c, axis, in->rank, &d->axis));
    OP_CHECK(c, d->axis < in->rank - 1, STATUS_SHAPE, "the last axis holds complex numbers");
    int64_t parts = in->dim[in->rank - 1];
    OP_CHECK(c, parts < 0 || parts == 1 || parts == 2, STATUS_SHAPE,
             "the last dimension is %" PRId64 " instead of 1 or 2", parts);
    OP_CHECK(c, !d->one_sided || d->inverse || parts != 2, STATUS_SHAPE,
             "a one-sided transform needs a real signal");
    d->n_in = in->dim[d->axis];
    d->length = d->one_sided && d->inverse ? 2 * (d->n_in - 1) : d->n_in;
    TRY(op_known_int(c, 1, &d->length, &known));
    d->known = op_has_input(c, 1) ? known : d->n_in >= 0;
    if (!d->known) return STATUS_OK;
    OP_CHECK(c, d->length >= 1, STATUS_ARGUMENT, "the length is %" PRId64, d->length);
    d->n_out = d->one_sided && !d->inverse ? d->length / 2 + 1 : d->length;
    return STATUS_OK;
}

static enum status infer_dft(struct op_call *c) {
    struct shape s = c->in[0].shape;
    struct dft d;
    TRY(read_dft(c, &d));
    for (int i = 0; i < s.rank; i++) {
        if (i == s.rank - 1) s.dim[i] = d.one_sided && d.inverse ? 1 : 2;
        else if (d.known && i == d.axis) s.dim[i] = d.n_out;
        else if (!d.known) s.dim[i] = -1;
    }
    return op_output_bounded(c, 0, c->in[0].dtype, s);
}

static enum status run_dft(struct op_call *c) {
    const struct view *x = &c->in[0], *y = &c->out[0];
    struct dft d;
    struct transform t;
    TRY(op_confirm_outputs(c));
    TRY(read_dft(c, &d));
    enum status status = transform_init(&t, d.length, d.inverse);
    if (status != STATUS_OK) return op_fail(c, status);
    int64_t outer = shape_span(&x->shape, 0, d.axis);
    int64_t inner = shape_span(&x->shape, d.axis + 1, x->shape.rank - 1);
    double scale = d.inverse ? 1 / (double)d.length : 1;
    bool mirrored = d.one_sided && d.inverse; /* the upper half is the conjugate of the lower */
    for (int64_t lane = 0; lane < outer * inner; lane++) {
        int64_t o = lane / inner, in = lane % inner;
        for (int64_t i = 0; i < d.length; i++) {
            bool upper = mirrored && i > d.length / 2;
            int64_t from = upper ? d.length - i : i;
            struct complex v = {0};
            if (from < d.n_in) v = signal_get(x, (o * d.n_in + from) * inner + in);
            t.in[i] = (struct complex){v.re, upper ? -v.im : v.im};
        }
        transform_run(&t);
        for (int64_t i = 0; i < d.n_out; i++)
            signal_set(y, (o * d.n_out + i) * inner + in,
                       (struct complex){t.out[i].re * scale, t.out[i].im * scale});
    }
    mem_free(t.in);
    return STATUS_OK;
}

const struct op_def op_def_DFT = {
    .name = "DFT", .min_inputs = 1, .max_inputs = 3, .min_outputs = 1, .max_outputs = 1,
    .infer = infer_dft, .run = run_dft,
    .attrs = (const struct attr_spec[]){{"inverse", ATTR_INT}, {"onesided", ATTR_INT}, {0}},
};

/* ---- STFT ---- */

/* Frame length and step; -1 where not known yet. */
static enum status read_frames(const struct op_call *c, int64_t *length, int64_t *step) {
    const struct shape *in = &c->in[0].shape;
    int64_t window = -1, given = -1;
    bool known;
    *length = *step = -1;
    TRY(op_check_dtype(c, 0, DTYPES_FLOAT));
    TRY(op_check_dtype(c, 1, DTYPES_INDEX));
    TRY(op_check_same_dtype(c, 0, 2));
    TRY(op_check_dtype(c, 3, DTYPES_INDEX));
    TRY(op_check_rank(c, 0, 3, 3));
    TRY(op_check_rank(c, 2, 1, 1));
    TRY(op_known_int(c, 1, step, &known));
    OP_CHECK(c, !known || *step > 0, STATUS_ARGUMENT, "frame_step is %" PRId64, *step);
    if (op_has_input(c, 2)) window = shape_elements(&c->in[2].shape);
    TRY(op_known_int(c, 3, &given, &known));
    OP_CHECK(c, !known || given > 0, STATUS_ARGUMENT, "frame_length is %" PRId64, given);
    OP_CHECK(c, window < 0 || !known || window == given, STATUS_SHAPE,
             "the window has %" PRId64 " values, frame_length is %" PRId64, window, given);
    if (op_has_input(c, 3)) *length = given;
    else if (op_has_input(c, 2)) *length = window;
    else if (in->rank == 3) *length = in->dim[1];
    if (in->rank != 3) return STATUS_OK;
    OP_CHECK(c, in->dim[2] < 0 || in->dim[2] == 1 ||
                    (in->dim[2] == 2 && !node_int(c->node, "onesided", 1)),
             STATUS_SHAPE, "the signal holds %" PRId64 " values an element; a one-sided transform "
             "needs 1, another takes 2 as well", in->dim[2]);
    OP_CHECK(c, *length < 0 || in->dim[1] < 0 || (*length > 0 && *length <= in->dim[1]),
             STATUS_SHAPE, "a frame has %" PRId64 " elements, the signal %" PRId64, *length,
             in->dim[1]);
    return STATUS_OK;
}

static enum status infer_stft(struct op_call *c) {
    const struct shape *in = &c->in[0].shape;
    struct shape s = shape_of(4, -1, -1, -1, 2);
    int64_t length, step;
    TRY(read_frames(c, &length, &step));
    if (in->rank == 3) {
        s.dim[0] = in->dim[0];
        if (in->dim[1] >= 0 && length >= 0 && step > 0) s.dim[1] = (in->dim[1] - length) / step + 1;
    }
    if (length >= 0) s.dim[2] = node_int(c->node, "onesided", 1) ? length / 2 + 1 : length;
    return op_output_bounded(c, 0, c->in[0].dtype, s);
}

static enum status run_stft(struct op_call *c) {
    const struct view *x = &c->in[0], *y = &c->out[0];
    int64_t length, step, n_frames = y->shape.dim[1], bins = y->shape.dim[2];
    struct transform t;
    TRY(op_confirm_outputs(c));
    TRY(read_frames(c, &length, &step));
    enum status status = transform_init(&t, length, false);
    if (status != STATUS_OK) return op_fail(c, status);
    for (int64_t f = 0; f < x->shape.dim[0] * n_frames; f++) {
        int64_t first = f / n_frames * x->shape.dim[1] + f % n_frames * step;
        for (int64_t i = 0; i < length; i++) {
            double w = op_has_input(c, 2) ? get(&c->in[2], i) : 1;
            struct complex v = signal_get(x, first + i);
            t.in[i] = (struct complex){v.re * w, v.im * w};
        }
        transform_run(&t);
        for (int64_t k = 0; k < bins; k++) signal_set(y, f * bins + k, t.out[k]);
    }
    mem_free(t.in);
    return STATUS_OK;
}

const struct op_def op_def_STFT = {
    .name = "STFT", .min_inputs = 2, .max_inputs = 4, .min_outputs = 1, .max_outputs = 1,
    .infer = infer_stft, .run = run_stft,
    .attrs = (const struct attr_spec[]){{"onesided", ATTR_INT}, {0}},
};

/* ---- MelWeightMatrix ---- */

static enum status infer_mel(struct op_call *c) {
    const char *name = node_string(c->node, "output_datatype", "f32");
    enum dtype t = dtype_from_name(name);
    struct shape s = shape_of(2, -1, -1);
    int64_t v[3] = {0};
    bool known[3];
    OP_CHECK(c, t != DT_NONE && t != DT_BOOL, STATUS_UNSUPPORTED,
             "attribute 'output_datatype' is '%s', which is no supported type", name);
    for (int i = 0; i < 3; i++) {
        TRY(op_check_dtype(c, i, DTYPES_INDEX));
        TRY(op_known_int(c, i, &v[i], &known[i]));
        OP_CHECK(c, !known[i] || v[i] > 0, STATUS_ARGUMENT, "input %d is %" PRId64, i, v[i]);
    }
    if (known[0]) s.dim[1] = v[0];
    if (known[1]) s.dim[0] = v[1] / 2 + 1;
    return op_output_bounded(c, 0, t, s);
}

/* The DFT bin in which point i of n_bands + 2 on the mel scale lies. */
static int64_t mel_bin(int64_t i, int64_t n_bands, int64_t length, double rate, double low,
                       double high) {
    double from = log10(1 + low / 700), to = log10(1 + high / 700);
    double mel = from + (double)i * (to - from) / (double)(n_bands + 2);
    return (int64_t)floor((double)(length + 1) * 700 * (pow(10, mel) - 1) / rate);
}

static enum status run_mel(struct op_call *c) {
    const struct view *y = &c->out[0];
    TRY(op_confirm_outputs(c));
    int64_t n_bins = y->shape.dim[0], n_bands = y->shape.dim[1], size = n_bins * n_bands;
    int64_t length = view_get_i64(&c->in[1], 0);
    double rate = view_get_f64(&c->in[2], 0), edge[2];
    bool known;
    for (int i = 0; i < 2; i++) {
        TRY(op_known_f64(c, 3 + i, &edge[i], &known));
        OP_CHECK(c, known && edge[i] >= 0 && edge[i] <= rate / 2, STATUS_ARGUMENT,
                 "an edge of %g Hz is outside 0..%g", edge[i], rate / 2);
    }
    OP_CHECK(c, edge[0] <= edge[1], STATUS_ARGUMENT, "the lower edge %g lies above the upper %g",
             edge[0], edge[1]);
    for (int64_t i = 0; i < size; i++) view_set_f64(y, i, 0);
    for (int64_t band = 0; band < n_bands; band++) {
        int64_t bin[3];
        for (int k = 0; k < 3; k++) {
            bin[k] = mel_bin(band + k, n_bands, length, rate, edge[0], edge[1]);
            if (bin[k] > n_bins - 1) bin[k] = n_bins - 1;
        }
        int64_t rise = bin[1] - bin[0], fall = bin[2] - bin[1];
        if (rise == 0) view_set_f64(y, bin[1] * n_bands + band, 1);
        for (int64_t j = bin[0]; rise && j <= bin[1]; j++)
            view_set_f64(y, j * n_bands + band, (double)(j - bin[0]) / (double)rise);
        for (int64_t j = bin[1]; j < bin[2]; j++)
            view_set_f64(y, j * n_bands + band, (double)(bin[2] - j) / (double)fall);
    }
    return STATUS_OK;
}

const struct op_def op_def_MelWeightMatrix = {
    .name = "MelWeightMatrix", .min_inputs = 5, .max_inputs = 5, .min_outputs = 1,
    .max_outputs = 1, .infer = infer_mel, .run = run_mel,
    .attrs = (const struct attr_spec[]){{"output_datatype", ATTR_STRING}, {0}},
};
