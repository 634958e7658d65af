/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LSTM, GRU and RNN.
 *
 * One frame for the three: per direction and sequence of the batch, step through time, work out the
 * gates' inputs W x + R h + biases, and let the cell turn them into the next state. They differ in
 * the number of gates (4, 3, 1) and in the cell.
 *
 * The attribute `activations` is one string with commas between the names.
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "ops/access.h"
#include "ops/activation.h"

/* Inputs. initial_c and the peepholes P are LSTM's alone. */
enum { IN_X, IN_W, IN_R, IN_B, IN_LENGTHS, IN_H, IN_C, IN_P };
enum { RNN_MAX_ACTIVATIONS = 6 };

struct rnn {
    int gates, directions;
    bool reverse, batch_first;
    int64_t steps, batch, input, hidden; /* -1 unknown */
    double clip;                         /* infinity: none */
    int per_direction;                   /* activations */
    struct activation activation[RNN_MAX_ACTIVATIONS];
};

/* Copies the next name of a comma-separated list; returns what follows, NULL at the end. */
static const char *next_name(const char *at, char name[static 32]) {
    size_t n = strcspn(at, ",");
    snprintf(name, 32, "%.*s", (int)(n < 31 ? n : 31), at);
    return at[n] ? at + n + 1 : NULL;
}

static enum status read_activations(const struct op_call *c, struct rnn *r) {
    static const char *const lstm[] = {"Sigmoid", "Tanh", "Tanh"}, *const gru[] = {"Sigmoid",
                                                                                   "Tanh"};
    static const char *const plain[] = {"Tanh"};
    const char *const *names = r->gates == 4 ? lstm : r->gates == 3 ? gru : plain;
    const char *list = node_string(c->node, "activations", "");
    float alpha[RNN_MAX_ACTIVATIONS], beta[RNN_MAX_ACTIVATIONS];
    int n_alpha = node_floats(c->node, "activation_alpha", alpha, RNN_MAX_ACTIVATIONS),
        at_alpha = 0;
    int n_beta = node_floats(c->node, "activation_beta", beta, RNN_MAX_ACTIVATIONS), at_beta = 0;
    if (!*list) list = NULL;
    bool given = list != NULL;
    for (int i = 0; i < r->per_direction * r->directions; i++) {
        char name[32];
        OP_CHECK(c, !given || list, STATUS_FORMAT,
                 "attribute 'activations' has %d names instead of %d", i,
                 r->per_direction * r->directions);
        if (given) list = next_name(list, name);
        else snprintf(name, sizeof name, "%s", names[i % r->per_direction]);
        struct activation *a = &r->activation[i];
        OP_CHECK(c, activation_find(name, a), STATUS_UNSUPPORTED, "activation '%s' is not known",
                 name);
        /* Values are handed out in order to the functions that have such a parameter. */
        bool has_alpha = a->kind == ACT_LEAKY_RELU || a->kind == ACT_THRESHOLDED_RELU ||
                         a->kind == ACT_ELU || a->kind == ACT_SCALED_TANH ||
                         a->kind == ACT_AFFINE || a->kind == ACT_HARD_SIGMOID;
        bool has_beta =
            a->kind == ACT_SCALED_TANH || a->kind == ACT_AFFINE || a->kind == ACT_HARD_SIGMOID;
        if (has_alpha && at_alpha < n_alpha && at_alpha < RNN_MAX_ACTIVATIONS)
            a->alpha = alpha[at_alpha++];
        if (has_beta && at_beta < n_beta && at_beta < RNN_MAX_ACTIVATIONS)
            a->beta = beta[at_beta++];
    }
    return STATUS_OK;
}

/* Input i has the given shape; want -1 for what is not known. */
static enum status check_shape(const struct op_call *c, int i, int rank, const int64_t *want,
                               const char *what) {
    TRY(op_check_rank(c, i, rank, rank));
    for (int d = 0; d < rank; d++) TRY(op_check_dim(c, i, d, want[d], what));
    return STATUS_OK;
}

static int64_t times(int64_t a, int64_t b) {
    int64_t n;
    return i64_mul(a, b, &n) ? n : -1;
}

static enum status rnn_init(const struct op_call *c, struct rnn *r) {
    bool lstm = c->node->op == OP_LSTM, gru = c->node->op == OP_GRU;
    const char *direction = node_string(c->node, "direction", "forward");
    *r = (struct rnn){.gates = lstm ? 4 : gru ? 3 : 1, .per_direction = lstm ? 3 : gru ? 2 : 1};
    r->reverse = !strcmp(direction, "reverse");
    r->directions = !strcmp(direction, "bidirectional") ? 2 : 1;
    OP_CHECK(c, r->reverse || r->directions == 2 || !strcmp(direction, "forward"),
             STATUS_UNSUPPORTED, "attribute 'direction' is '%s'", direction);
    r->batch_first = node_int(c->node, "layout", 0) != 0;
    r->clip = node_float(c->node, "clip", 0) > 0 ? node_float(c->node, "clip", 0) : INFINITY;
    TRY(read_activations(c, r));

    for (int i = 0; i < 3; i++) TRY(op_check_rank(c, i, 3, 3));
    const struct shape *x = &c->in[IN_X].shape, *w = &c->in[IN_W].shape, *rec = &c->in[IN_R].shape;
    r->steps = x->rank < 0 ? -1 : x->dim[r->batch_first ? 1 : 0];
    r->batch = x->rank < 0 ? -1 : x->dim[r->batch_first ? 0 : 1];
    r->input = dim_known(x->rank < 0 ? -1 : x->dim[2], w->rank < 0 ? -1 : w->dim[2]);
    int64_t attr = node_int(c->node, "hidden_size", -1);
    r->hidden = rec->rank >= 0 && rec->dim[2] >= 0 ? rec->dim[2] : attr;
    OP_CHECK(c, attr < 0 || attr == r->hidden, STATUS_SHAPE,
             "attribute 'hidden_size' is %" PRId64 " but input 'R' is made for %" PRId64, attr,
             r->hidden);
    int64_t rows = times(r->gates, r->hidden), dirs = r->directions, h = r->hidden;
    OP_CHECK(c, r->hidden < INT32_MAX, STATUS_LIMIT, "%" PRId64 " hidden values", r->hidden);
    TRY(check_shape(c, IN_W, 3, (int64_t[]){dirs, rows, r->input}, "weights"));
    TRY(check_shape(c, IN_R, 3, (int64_t[]){dirs, rows, h}, "recurrence weights"));
    TRY(check_shape(c, IN_B, 2, (int64_t[]){dirs, times(2, rows)}, "biases"));
    TRY(op_check_vector(c, IN_LENGTHS, r->batch, "batch"));
    int64_t state[3] = {dirs, r->batch, h}, state_batch_first[3] = {r->batch, dirs, h};
    TRY(check_shape(c, IN_H, 3, r->batch_first ? state_batch_first : state, "initial state"));
    TRY(check_shape(c, IN_C, 3, r->batch_first ? state_batch_first : state, "initial cell"));
    return check_shape(c, IN_P, 2, (int64_t[]){dirs, times(3, h)}, "peepholes");
}

static enum status infer_rnn(struct op_call *c) {
    struct rnn r;
    TRY(op_check_dtype(c, IN_X, DTYPES_FLOAT));
    for (int i = 1; i < c->n_inputs; i++) {
        if (i == IN_LENGTHS) TRY(op_check_dtype(c, i, DTYPES_OF(DT_I32)));
        else TRY(op_check_same_dtype(c, 0, i));
    }
    TRY(rnn_init(c, &r));
    struct shape y = {.rank = 4, .dim = {r.steps, r.directions, r.batch, r.hidden}};
    struct shape state = {.rank = 3, .dim = {r.directions, r.batch, r.hidden}};
    if (r.batch_first) {
        y = (struct shape){.rank = 4, .dim = {r.batch, r.steps, r.directions, r.hidden}};
        state = (struct shape){.rank = 3, .dim = {r.batch, r.directions, r.hidden}};
    }
    op_output(c, 0, c->in[0].dtype, y);
    op_output(c, 1, c->in[0].dtype, state);
    op_output(c, 2, c->in[0].dtype, state);
    return STATUS_OK;
}

/* One direction of one sequence while it runs. */
struct cell {
    const struct op_call *call;
    const struct rnn *r;
    const struct activation *act;
    int direction;
    double *h, *c, *gate, *reset; /* hidden values each, gate: gates times as many */
};

static double dot(const struct view *m, int64_t at, const double *v, int64_t n) {
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += get(m, at + i) * v[i];
    return sum;
}

/* Input of an activation, clipped as the attribute says. */
static double activate(const struct cell *s, int which, double x) {
    double clip = s->r->clip;
    x = x > clip ? clip : x < -clip ? -clip : x;
    return activation_apply(&s->act[which], x);
}

static double bias(const struct cell *s, int64_t i) {
    if (!op_has_input(s->call, IN_B)) return 0;
    return get(&s->call->in[IN_B], s->direction * 2 * s->r->gates * s->r->hidden + i);
}
static double peephole(const struct cell *s, int64_t i) {
    if (!op_has_input(s->call, IN_P)) return 0;
    return get(&s->call->in[IN_P], s->direction * 3 * s->r->hidden + i);
}

static void lstm_step(struct cell *s) {
    int64_t n = s->r->hidden;
    bool coupled = node_int(s->call->node, "input_forget", 0) != 0;
    for (int64_t j = 0; j < n; j++) { /* gates in the order i o f c, peepholes i o f */
        double i = activate(s, 0, s->gate[j] + peephole(s, j) * s->c[j]);
        double f = activate(s, 0, s->gate[2 * n + j] + peephole(s, 2 * n + j) * s->c[j]);
        double g = activate(s, 1, s->gate[3 * n + j]);
        s->c[j] = (coupled ? 1 - i : f) * s->c[j] + i * g;
        double o = activate(s, 0, s->gate[n + j] + peephole(s, n + j) * s->c[j]);
        s->h[j] = o * activate(s, 2, s->c[j]);
    }
}

/* The hidden gate's recurrent part is left out of gate[]: it depends on the reset gate. */
static void gru_step(struct cell *s) {
    const struct view *rec = &s->call->in[IN_R];
    int64_t n = s->r->hidden, at = (s->direction * 3 + 2) * n * n;
    bool linear = node_int(s->call->node, "linear_before_reset", 0) != 0;
    for (int64_t j = 0; j < n; j++) {
        s->gate[j] = activate(s, 0, s->gate[j]);
        s->gate[n + j] = activate(s, 0, s->gate[n + j]);
        s->reset[j] = linear ? s->h[j] : s->gate[n + j] * s->h[j];
    }
    for (int64_t j = 0; j < n; j++) {
        double recurrent = dot(rec, at + j * n, s->reset, n) + bias(s, 5 * n + j);
        if (linear) recurrent *= s->gate[n + j];
        s->gate[2 * n + j] = activate(s, 1, s->gate[2 * n + j] + recurrent);
    }
    for (int64_t j = 0; j < n; j++)
        s->h[j] = (1 - s->gate[j]) * s->gate[2 * n + j] + s->gate[j] * s->h[j];
}

static void step(struct cell *s, const double *x) {
    const struct rnn *r = s->r;
    const struct op_call *c = s->call;
    int64_t n = r->hidden, rows = r->gates * n;
    for (int64_t j = 0; j < rows; j++) {
        double v =
            dot(&c->in[IN_W], (s->direction * rows + j) * r->input, x, r->input) + bias(s, j);
        if (r->gates != 3 || j < 2 * n)
            v += dot(&c->in[IN_R], (s->direction * rows + j) * n, s->h, n) + bias(s, rows + j);
        s->gate[j] = v;
    }
    if (r->gates == 4) lstm_step(s);
    else if (r->gates == 3) gru_step(s);
    else
        for (int64_t j = 0; j < n; j++) s->h[j] = activate(s, 0, s->gate[j]);
}

static void run_sequence(struct cell *s, int64_t b, double *x) {
    const struct rnn *r = s->r;
    const struct op_call *c = s->call;
    int64_t n = r->hidden, d = s->direction;
    int64_t state = (r->batch_first ? b * r->directions + d : d * r->batch + b) * n;
    int64_t length = op_has_input(c, IN_LENGTHS) ? view_get_i64(&c->in[IN_LENGTHS], b) : r->steps;
    for (int64_t j = 0; j < n; j++) {
        s->h[j] = op_has_input(c, IN_H) ? get(&c->in[IN_H], state + j) : 0;
        s->c[j] = op_has_input(c, IN_C) ? get(&c->in[IN_C], state + j) : 0;
    }
    for (int64_t k = 0; k < r->steps; k++) {
        bool back = r->reverse || d == 1;
        int64_t t = k < length && back ? length - 1 - k : k;
        int64_t row = r->batch_first ? b * r->steps + t : t * r->batch + b;
        if (k < length) {
            for (int64_t j = 0; j < r->input; j++) x[j] = get(&c->in[IN_X], row * r->input + j);
            step(s, x);
        }
        if (!op_has_output(c, 0)) continue;
        int64_t to = r->batch_first ? row * r->directions + d
                                    : (t * r->directions + d) * r->batch + b;
        /* Beyond a sequence's own length its output is zero. */
        for (int64_t j = 0; j < n; j++) set(&c->out[0], to * n + j, k < length ? s->h[j] : 0);
    }
    for (int64_t j = 0; j < n; j++) {
        if (op_has_output(c, 1)) set(&c->out[1], state + j, s->h[j]);
        if (op_has_output(c, 2)) set(&c->out[2], state + j, s->c[j]);
    }
}

static enum status run_rnn(struct op_call *c) {
    struct rnn r;
    TRY(rnn_init(c, &r));
    for (int64_t b = 0; op_has_input(c, IN_LENGTHS) && b < r.batch; b++) {
        int64_t n = view_get_i64(&c->in[IN_LENGTHS], b);
        OP_CHECK(c, n >= 0 && n <= r.steps, STATUS_SHAPE,
                 "sequence %" PRId64 " has length %" PRId64 "; there are %" PRId64 " steps", b, n,
                 r.steps);
    }
    size_t n = (size_t)r.hidden, values, bytes;
    OP_CHECK(c,
             size_mul(n, (size_t)r.gates + 3, &values) &&
                 size_add(values, (size_t)r.input + 1, &values) &&
                 size_mul(values, sizeof(double), &bytes),
             STATUS_LIMIT, "the state is too large");
    double *memory = mem_alloc(bytes);
    OP_CHECK(c, memory, STATUS_MEMORY, "out of memory for the state");
    for (int d = 0; d < r.directions; d++) {
        struct cell s = {
            .call = c, .r = &r, .act = r.activation + d * r.per_direction, .direction = d};
        s.h = memory;
        s.c = memory + n;
        s.reset = memory + 2 * n;
        s.gate = memory + 3 * n;
        double *x = s.gate + (size_t)r.gates * n;
        for (int64_t b = 0; b < r.batch; b++) run_sequence(&s, b, x);
    }
    mem_free(memory);
    return STATUS_OK;
}

static int64_t macs_rnn(const struct op_call *c) {
    struct rnn r;
    if (rnn_init(c, &r) != STATUS_OK || r.hidden < 0 || r.input < 0) return 0;
    int64_t rows = macs_mul(r.gates * r.directions, r.hidden);
    return macs_mul(macs_mul(r.steps, r.batch), macs_mul(rows, r.hidden + r.input));
}

#define RNN_ATTRS                                                                                  \
    {"activation_alpha", ATTR_FLOATS}, {"activation_beta", ATTR_FLOATS},                           \
        {"activations", ATTR_STRING}, {"clip", ATTR_FLOAT}, {"direction", ATTR_STRING},            \
        {"hidden_size", ATTR_INT}, {"layout", ATTR_INT}

static const struct attr_spec rnn_attrs[] = {RNN_ATTRS, {NULL}};
static const struct attr_spec gru_attrs[] = {RNN_ATTRS, {"linear_before_reset", ATTR_INT}, {NULL}};
static const struct attr_spec lstm_attrs[] = {RNN_ATTRS, {"input_forget", ATTR_INT}, {NULL}};

const struct op_def op_def_RNN = {
    .name = "RNN", .min_inputs = 3, .max_inputs = 6, .min_outputs = 0, .max_outputs = 2,
    .infer = infer_rnn, .run = run_rnn, .attrs = rnn_attrs, .macs = macs_rnn,
};
const struct op_def op_def_GRU = {
    .name = "GRU", .min_inputs = 3, .max_inputs = 6, .min_outputs = 0, .max_outputs = 2,
    .infer = infer_rnn, .run = run_rnn, .attrs = gru_attrs, .macs = macs_rnn,
};
const struct op_def op_def_LSTM = {
    .name = "LSTM", .min_inputs = 3, .max_inputs = 8, .min_outputs = 0, .max_outputs = 3,
    .infer = infer_rnn, .run = run_rnn, .attrs = lstm_attrs, .macs = macs_rnn,
};
