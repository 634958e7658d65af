/* SPDX-License-Identifier: Apache-2.0 */
/* Operators that carry a state from one call to the next: LinearAttention and
 * CausalConvWithState. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "ops/access.h"

/* ---- LinearAttention: query, key, value (batch, time, heads * size), past_state, decay, beta ----
 */

enum { IN_QUERY, IN_KEY, IN_VALUE, IN_STATE, IN_DECAY, IN_BETA };

struct linear {
    int64_t q_heads, heads, batch, steps, k_size, v_size; /* -1 unknown */
    bool gated, delta;
};

static enum status head_size(const struct op_call *c, int i, int64_t heads, int64_t *size) {
    const struct shape *s = &c->in[i].shape;
    *size = -1;
    if (s->rank < 0 || s->dim[2] < 0) return STATUS_OK;
    OP_CHECK(c, s->dim[2] % heads == 0, STATUS_SHAPE,
             "input '%s' has %" PRId64 " columns, which do not divide into %" PRId64 " heads",
             c->in[i].name, s->dim[2], heads);
    *size = s->dim[2] / heads;
    return STATUS_OK;
}

static enum status linear_init(const struct op_call *c, struct linear *v) {
    const char *rule = node_string(c->node, "update_rule", "gated_delta");
    v->gated = !strcmp(rule, "gated") || !strcmp(rule, "gated_delta");
    v->delta = !strcmp(rule, "delta") || !strcmp(rule, "gated_delta");
    OP_CHECK(c, v->gated || v->delta || !strcmp(rule, "linear"), STATUS_UNSUPPORTED,
             "attribute 'update_rule' is '%s'", rule);
    OP_CHECK(c, v->gated == op_has_input(c, IN_DECAY) && v->delta == op_has_input(c, IN_BETA),
             STATUS_SHAPE, "update_rule '%s' does not go with the inputs 'decay' and 'beta' given",
             rule);
    v->q_heads = node_int(c->node, "q_num_heads", 0);
    v->heads = node_int(c->node, "kv_num_heads", 0);
    OP_CHECK(c,
             v->heads >= 1 && v->q_heads >= 1 && v->q_heads % v->heads == 0 &&
                 v->q_heads <= INT32_MAX,
             STATUS_SHAPE, "%" PRId64 " query heads do not divide among %" PRId64 " key heads",
             v->q_heads, v->heads);
    v->batch = v->steps = -1;
    for (int i = 0; i < c->n_inputs; i++) {
        if (i == IN_STATE || !op_has_input(c, i)) continue;
        TRY(op_check_rank(c, i, 3, 3));
        if (c->in[i].shape.rank < 0) continue;
        v->batch = dim_known(v->batch, c->in[i].shape.dim[0]);
        v->steps = dim_known(v->steps, c->in[i].shape.dim[1]);
        TRY(op_check_dim(c, i, 0, v->batch, "batch"));
        TRY(op_check_dim(c, i, 1, v->steps, "time"));
    }
    int64_t key_size;
    TRY(head_size(c, IN_QUERY, v->q_heads, &v->k_size));
    TRY(head_size(c, IN_KEY, v->heads, &key_size));
    TRY(head_size(c, IN_VALUE, v->heads, &v->v_size));
    OP_CHECK(c, v->k_size < 0 || key_size < 0 || v->k_size == key_size, STATUS_SHAPE,
             "queries have size %" PRId64 " but keys %" PRId64, v->k_size, key_size);
    v->k_size = dim_known(v->k_size, key_size);
    if (op_has_input(c, IN_DECAY) && c->in[IN_DECAY].shape.rank == 3 && v->k_size >= 0) {
        int64_t n = c->in[IN_DECAY].shape.dim[2];
        OP_CHECK(c, n < 0 || n == v->heads || (n % v->heads == 0 && n / v->heads == v->k_size),
                 STATUS_SHAPE, "input 'decay' has %" PRId64 " columns", n);
    }
    if (op_has_input(c, IN_BETA) && c->in[IN_BETA].shape.rank == 3) {
        int64_t n = c->in[IN_BETA].shape.dim[2];
        OP_CHECK(c, n < 0 || n == 1 || n == v->heads, STATUS_SHAPE,
                 "input 'beta' has %" PRId64 " columns", n);
    }
    TRY(op_check_rank(c, IN_STATE, 4, 4));
    const int64_t state[4] = {v->batch, v->heads, v->k_size, v->v_size};
    for (int d = 0; d < 4; d++) TRY(op_check_dim(c, IN_STATE, d, state[d], "state"));
    return STATUS_OK;
}

static enum status infer_linear(struct op_call *c) {
    struct linear v;
    for (int i = 0; i < c->n_inputs; i++) TRY(op_check_dtype(c, i, DTYPES_FLOAT));
    TRY(linear_init(c, &v));
    int64_t columns = -1;
    if (v.v_size >= 0 && !i64_mul(v.q_heads, v.v_size, &columns)) columns = -1;
    op_output(c, 0, c->in[0].dtype, (struct shape){.rank = 3, .dim = {v.batch, v.steps, columns}});
    op_output(c, 1, op_has_input(c, IN_STATE) ? c->in[IN_STATE].dtype : c->in[0].dtype,
              (struct shape){.rank = 4, .dim = {v.batch, v.heads, v.k_size, v.v_size}});
    return STATUS_OK;
}

/* One step of one head: decay the state, write key times value into it. s is (k_size, v_size). */
static void linear_step(const struct op_call *c, const struct linear *v, int64_t row, int64_t h,
                        double *s, double *value) {
    const struct view *key = &c->in[IN_KEY];
    int64_t k0 = (row * v->heads + h) * v->k_size, v0 = (row * v->heads + h) * v->v_size;
    if (v->gated) {
        const struct view *decay = &c->in[IN_DECAY];
        bool per_key = decay->shape.dim[2] != v->heads;
        for (int64_t d = 0; d < v->k_size; d++) {
            double g = exp(get(decay, per_key ? k0 + d : row * v->heads + h));
            for (int64_t m = 0; m < v->v_size; m++) s[d * v->v_size + m] *= g;
        }
    }
    for (int64_t m = 0; m < v->v_size; m++) value[m] = get(&c->in[IN_VALUE], v0 + m);
    if (v->delta) {
        /* Only what the state does not say already is written. */
        const struct view *beta = &c->in[IN_BETA];
        double b = get(beta, beta->shape.dim[2] == 1 ? row : row * v->heads + h);
        for (int64_t m = 0; m < v->v_size; m++) {
            double known = 0;
            for (int64_t d = 0; d < v->k_size; d++)
                known += s[d * v->v_size + m] * get(key, k0 + d);
            value[m] = b * (value[m] - known);
        }
    }
    for (int64_t d = 0; d < v->k_size; d++)
        for (int64_t m = 0; m < v->v_size; m++) s[d * v->v_size + m] += get(key, k0 + d) * value[m];
}

static enum status run_linear(struct op_call *c) {
    struct linear v;
    TRY(linear_init(c, &v));
    double scale = node_float(c->node, "scale", 0);
    if (scale == 0) scale = v.k_size ? 1 / sqrt((double)v.k_size) : 1;
    int64_t size, group = v.q_heads / v.heads;
    size_t bytes;
    OP_CHECK(c,
             i64_mul(v.k_size + 1, v.v_size, &size) &&
                 size_mul((size_t)size + 1, sizeof(double), &bytes),
             STATUS_LIMIT, "the state is too large");
    double *s = mem_alloc(bytes);
    OP_CHECK(c, s, STATUS_MEMORY, "out of memory for the state");
    double *value = s + v.k_size * v.v_size;
    for (int64_t bh = 0; bh < v.batch * v.heads; bh++) {
        int64_t b = bh / v.heads, h = bh % v.heads, n = v.k_size * v.v_size;
        for (int64_t i = 0; i < n; i++)
            s[i] = op_has_input(c, IN_STATE) ? get(&c->in[IN_STATE], bh * n + i) : 0;
        for (int64_t t = 0; t < v.steps; t++) {
            int64_t row = b * v.steps + t;
            linear_step(c, &v, row, h, s, value);
            /* Query heads of one group read the same state. */
            for (int64_t q = h * group; op_has_output(c, 0) && q < (h + 1) * group; q++)
                for (int64_t m = 0; m < v.v_size; m++) {
                    double sum = 0;
                    for (int64_t d = 0; d < v.k_size; d++)
                        sum += get(&c->in[IN_QUERY], (row * v.q_heads + q) * v.k_size + d) *
                               s[d * v.v_size + m];
                    set(&c->out[0], (row * v.q_heads + q) * v.v_size + m, scale * sum);
                }
        }
        for (int64_t i = 0; op_has_output(c, 1) && i < n; i++) set(&c->out[1], bh * n + i, s[i]);
    }
    mem_free(s);
    return STATUS_OK;
}

static const struct attr_spec linear_attrs[] = {
    {"chunk_size", ATTR_INT}, {"kv_num_heads", ATTR_INT}, {"q_num_heads", ATTR_INT},
    {"scale", ATTR_FLOAT}, {"update_rule", ATTR_STRING}, {NULL},
};

const struct op_def op_def_LinearAttention = {
    .name = "LinearAttention", .min_inputs = 3, .max_inputs = 6, .min_outputs = 1,
    .max_outputs = 2, .infer = infer_linear, .run = run_linear, .attrs = linear_attrs,
};

/* ---- CausalConvWithState: depthwise, over time, padded on the left by the past ---- */

static enum status causal_init(const struct op_call *c, int64_t *k, bool *silu) {
    const struct shape *x = &c->in[0].shape, *w = &c->in[1].shape;
    const char *activation = node_string(c->node, "activation", "none");
    *silu = !strcmp(activation, "silu") || !strcmp(activation, "swish");
    OP_CHECK(c, *silu || !strcmp(activation, "none"), STATUS_UNSUPPORTED,
             "attribute 'activation' is '%s'", activation);
    TRY(op_check_rank(c, 0, 3, 3));
    TRY(op_check_rank(c, 1, 3, 3));
    TRY(op_check_rank(c, 3, 3, 3));
    *k = w->rank < 0 ? -1 : w->dim[2];
    OP_CHECK(c, *k != 0, STATUS_SHAPE, "the kernel is empty");
    TRY(op_check_dim(c, 1, 1, 1, "depthwise"));
    if (x->rank >= 0) {
        TRY(op_check_dim(c, 1, 0, x->dim[1], "channels"));
        TRY(op_check_vector(c, 2, x->dim[1], "channels"));
        TRY(op_check_dim(c, 3, 0, x->dim[0], "batch"));
        TRY(op_check_dim(c, 3, 1, x->dim[1], "channels"));
    }
    return op_check_dim(c, 3, 2, *k < 0 ? -1 : *k - 1, "kernel less one");
}

static enum status infer_causal(struct op_call *c) {
    int64_t k;
    bool silu;
    TRY(op_check_dtype(c, 0, DTYPES_FLOAT));
    for (int i = 1; i <= 3; i++) TRY(op_check_same_dtype(c, 0, i));
    TRY(causal_init(c, &k, &silu));
    struct shape s = c->in[0].shape;
    op_output(c, 0, c->in[0].dtype, s);
    if (s.rank == 3) s.dim[2] = k < 0 ? -1 : k - 1;
    op_output(c, 1, c->in[0].dtype, s);
    return STATUS_OK;
}

/* Element `at` of a row; a negative one lies in the past, of which there are `before`. */
static double input_at(const struct op_call *c, int64_t row, int64_t at, int64_t before) {
    if (at >= 0) return get(&c->in[0], row * c->in[0].shape.dim[2] + at);
    return op_has_input(c, 3) ? get(&c->in[3], row * before + before + at) : 0;
}

static enum status run_causal(struct op_call *c) {
    const struct view *x = &c->in[0], *w = &c->in[1];
    int64_t k;
    bool silu;
    TRY(causal_init(c, &k, &silu));
    int64_t length = x->shape.dim[2], channels = x->shape.dim[1], before = k - 1;
    for (int64_t row = 0; row < x->shape.dim[0] * channels; row++) {
        int64_t ch = row % channels;
        for (int64_t t = 0; op_has_output(c, 0) && t < length; t++) {
            double sum = op_has_input(c, 2) ? get(&c->in[2], ch) : 0;
            for (int64_t i = 0; i < k; i++)
                sum += input_at(c, row, t + i - before, before) * get(w, ch * k + i);
            set(&c->out[0], row * length + t, silu ? sum / (1 + exp(-sum)) : sum);
        }
        for (int64_t i = 0; op_has_output(c, 1) && i < before; i++)
            set(&c->out[1], row * before + i, input_at(c, row, length - before + i, before));
    }
    return STATUS_OK;
}

static const struct attr_spec causal_attrs[] = {{"activation", ATTR_STRING}, {NULL}};

const struct op_def op_def_CausalConvWithState = {
    .name = "CausalConvWithState", .min_inputs = 2, .max_inputs = 4, .min_outputs = 1,
    .max_outputs = 2, .infer = infer_causal, .run = run_causal, .attrs = causal_attrs,
};
