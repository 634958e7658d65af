/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attention and RotaryEmbedding.
 *
 * Both take their tensors either as (batch, heads, sequence, size) or as (batch, sequence,
 * heads * size); struct heads hides which.
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "ops/access.h"

/* How a tensor of heads lies in memory: element (b, h, s, i) is at b * batch_step + h * head_step +
 * s * row_step + i. */
struct heads {
    int64_t batch, n, length, size; /* -1 unknown */
    int64_t batch_step, head_step, row_step;
};

/* -1 when one is unknown, or where the result would overflow. */
static int64_t add_known(int64_t a, int64_t b) {
    int64_t sum;
    return a < 0 || b < 0 || __builtin_add_overflow(a, b, &sum) ? -1 : sum;
}
static int64_t mul_known(int64_t a, int64_t b) {
    int64_t n;
    return i64_mul(a, b, &n) ? n : -1;
}

static enum status heads_init(const struct op_call *c, int i, int64_t n_attr, const char *attr,
                              struct heads *h) {
    const struct shape *s = &c->in[i].shape;
    if (s->rank == 4) {
        *h = (struct heads){
            .batch = s->dim[0], .n = s->dim[1], .length = s->dim[2], .size = s->dim[3]};
        h->row_step = h->size;
        h->head_step = mul_known(h->size, h->length);
    } else {
        OP_CHECK(c, n_attr >= 1, STATUS_SHAPE, "attribute '%s' is needed for inputs of rank 3",
                 attr);
        OP_CHECK(c, s->dim[2] % n_attr == 0 || s->dim[2] < 0, STATUS_SHAPE,
                 "input '%s' has %" PRId64 " columns, which do not divide into %" PRId64 " heads",
                 c->in[i].name, s->dim[2], n_attr);
        *h = (struct heads){.batch = s->dim[0], .n = n_attr, .length = s->dim[1],
                            .size = s->dim[2] < 0 ? -1 : s->dim[2] / n_attr};
        h->head_step = h->size;
        h->row_step = mul_known(h->size, h->n);
    }
    h->batch_step = mul_known(h->n, mul_known(h->length, h->size));
    return STATUS_OK;
}

/* ---- Attention ---- */

enum { IN_Q, IN_K, IN_V, IN_MASK, IN_PAST_K, IN_PAST_V, IN_NONPAD };
enum { OUT_Y, OUT_K, OUT_V, OUT_QK };

struct attention {
    struct heads q, k, v;
    int64_t past, total; /* cached keys; with the new ones */
};

static enum status attention_init(const struct op_call *c, struct attention *a) {
    int rank = c->in[0].shape.rank;
    for (int i = 0; i < 3; i++) TRY(op_check_rank(c, i, rank, rank));
    int64_t q_heads = node_int(c->node, "q_num_heads", 0),
            kv_heads = node_int(c->node, "kv_num_heads", 0);
    TRY(heads_init(c, IN_Q, q_heads, "q_num_heads", &a->q));
    TRY(heads_init(c, IN_K, kv_heads, "kv_num_heads", &a->k));
    TRY(heads_init(c, IN_V, kv_heads, "kv_num_heads", &a->v));
    const struct heads *q = &a->q, *k = &a->k, *v = &a->v;
    OP_CHECK(c,
             (q->batch == k->batch || q->batch < 0 || k->batch < 0) &&
                 (k->batch == v->batch || k->batch < 0 || v->batch < 0),
             STATUS_SHAPE, "Q, K and V differ in batch: %" PRId64 ", %" PRId64 ", %" PRId64,
             q->batch, k->batch, v->batch);
    OP_CHECK(c, (k->n == v->n && k->length == v->length) || k->n < 0 || v->n < 0 || k->length < 0 ||
                    v->length < 0,
             STATUS_SHAPE, "K and V differ in heads or length");
    OP_CHECK(c, q->n < 0 || k->n < 0 || (k->n > 0 && q->n % k->n == 0), STATUS_SHAPE,
             "%" PRId64 " query heads do not divide among %" PRId64 " key heads", q->n, k->n);
    OP_CHECK(c, q->size == k->size || q->size < 0 || k->size < 0, STATUS_SHAPE,
             "queries have size %" PRId64 " but keys %" PRId64, q->size, k->size);
    OP_CHECK(c, op_has_input(c, IN_PAST_K) == op_has_input(c, IN_PAST_V), STATUS_SHAPE,
             "past_key and past_value go together");
    OP_CHECK(c, !op_has_input(c, IN_PAST_K) || !op_has_input(c, IN_NONPAD), STATUS_SHAPE,
             "nonpad_kv_seqlen cannot be used together with past_key");
    a->past = 0;
    if (op_has_input(c, IN_PAST_K)) {
        TRY(op_check_rank(c, IN_PAST_K, 4, 4));
        TRY(op_check_rank(c, IN_PAST_V, 4, 4));
        a->past = c->in[IN_PAST_K].shape.rank < 0 ? -1 : c->in[IN_PAST_K].shape.dim[2];
        for (int i = IN_PAST_K; i <= IN_PAST_V; i++) {
            TRY(op_check_dim(c, i, 0, k->batch, "batch"));
            TRY(op_check_dim(c, i, 1, k->n, "heads"));
            TRY(op_check_dim(c, i, 2, a->past, "cached keys"));
            TRY(op_check_dim(c, i, 3, i == IN_PAST_K ? k->size : v->size, "size"));
        }
    }
    a->total = add_known(a->past, k->length);
    return STATUS_OK;
}

static enum status check_mask(const struct op_call *c, const struct attention *a) {
    if (!op_has_input(c, IN_MASK) || c->in[IN_MASK].shape.rank < 0) return STATUS_OK;
    const struct shape *m = &c->in[IN_MASK].shape;
    const int64_t want[4] = {a->q.batch, a->q.n, a->q.length, a->total};
    char text[128];
    bool fits = m->rank >= 1 && m->rank <= 4;
    for (int d = 0; fits && d < m->rank; d++) {
        int64_t w = want[4 - m->rank + d], have = m->dim[d];
        if (d == m->rank - 1) fits = have <= w || w < 0; /* shorter is padded with minus infinity */
        else fits = have == w || have == 1 || have < 0 || w < 0;
    }
    OP_CHECK(c, fits, STATUS_SHAPE, "attn_mask %s does not fit [%" PRId64 ",%" PRId64 ",%" PRId64
             ",%" PRId64 "]", shape_text(m, text), want[0], want[1], want[2], want[3]);
    return STATUS_OK;
}

static enum status infer_attention(struct op_call *c) {
    TRY(op_check_dtype(c, IN_Q, DTYPES_FLOAT));
    TRY(op_check_dtype(c, IN_V, DTYPES_FLOAT));
    TRY(op_check_same_dtype(c, IN_Q, IN_K));
    TRY(op_check_same_dtype(c, IN_K, IN_PAST_K));
    TRY(op_check_same_dtype(c, IN_V, IN_PAST_V));
    TRY(op_check_dtype(c, IN_NONPAD, DTYPES_OF(DT_I64)));
    int64_t mode = node_int(c->node, "qk_matmul_output_mode", 0);
    OP_CHECK(c, mode >= 0 && mode <= 3, STATUS_UNSUPPORTED,
             "attribute 'qk_matmul_output_mode' is %" PRId64, mode);
    for (int i = 0; i < 2; i++) {
        const char *name = i ? "left_window_size" : "right_window_size";
        OP_CHECK(c, node_int(c->node, name, -1) >= -1, STATUS_SHAPE, "attribute '%s' is negative",
                 name);
    }
    for (int i = IN_Q; i <= IN_V; i++) TRY(op_check_rank(c, i, 3, 4));
    enum dtype t = c->in[IN_Q].dtype, tv = c->in[IN_V].dtype;
    if (c->in[0].shape.rank < 0 || c->in[1].shape.rank < 0 || c->in[2].shape.rank < 0) {
        for (int i = 0; i < 4; i++) op_output(c, i, i == OUT_V ? tv : t, shape_unknown());
        return STATUS_OK;
    }
    struct attention a;
    TRY(attention_init(c, &a));
    TRY(check_mask(c, &a));
    TRY(op_check_vector(c, IN_NONPAD, a.q.batch, "batch"));
    int64_t batch = dim_known(a.q.batch, a.k.batch);
    struct shape y = {.rank = 4, .dim = {batch, a.q.n, a.q.length, a.v.size}};
    if (c->in[0].shape.rank == 3)
        y = (struct shape){.rank = 3, .dim = {batch, a.q.length, mul_known(a.q.n, a.v.size)}};
    op_output(c, OUT_Y, t, y);
    op_output(c, OUT_K, t, (struct shape){.rank = 4, .dim = {batch, a.k.n, a.total, a.k.size}});
    op_output(c, OUT_V, tv, (struct shape){.rank = 4, .dim = {batch, a.v.n, a.total, a.v.size}});
    op_output(c, OUT_QK, t, (struct shape){.rank = 4, .dim = {batch, a.q.n, a.q.length, a.total}});
    return STATUS_OK;
}

/* Where row `at` of past-then-new keys or values begins; *v becomes the tensor that holds it. */
static int64_t cached_row(const struct op_call *c, const struct heads *h, int input, int past_input,
                          int64_t past, int64_t b, int64_t head, int64_t at,
                          const struct view **v) {
    *v = &c->in[at < past ? past_input : input];
    if (at < past) return ((b * h->n + head) * past + at) * h->size;
    return b * h->batch_step + head * h->head_step + (at - past) * h->row_step;
}

/* The additive mask of one score; minus infinity where the key may not be seen. */
static double mask_at(const struct op_call *c, const struct attention *a, int64_t b, int64_t h,
                      int64_t q, int64_t key) {
    int64_t position = q + a->past, left = node_int(c->node, "left_window_size", -1);
    int64_t right = node_int(c->node, "right_window_size", -1);
    if (op_has_input(c, IN_NONPAD)) {
        int64_t valid = view_get_i64(&c->in[IN_NONPAD], b);
        if (key >= valid) return -INFINITY;
        position = q + valid - a->q.length;
    }
    if (node_int(c->node, "is_causal", 0) && key > position) return -INFINITY;
    if (left >= 0 && position - key > left) return -INFINITY;
    if (right >= 0 && key - position > right) return -INFINITY;
    if (!op_has_input(c, IN_MASK)) return 0;
    const struct view *m = &c->in[IN_MASK];
    const int64_t index[4] = {b, h, q, key};
    int64_t at = 0;
    for (int d = 0; d < m->shape.rank; d++) {
        int64_t n = m->shape.dim[d], i = index[4 - m->shape.rank + d];
        if (d == m->shape.rank - 1) {
            if (i >= n) return -INFINITY;
        } else if (n == 1) {
            i = 0;
        }
        at = at * n + i;
    }
    double v = get(m, at);
    return m->dtype == DT_BOOL ? (v != 0 ? 0 : -INFINITY) : v;
}

/* Scores of one query against all keys become weights in w; qk receives what the mode asks for. */
static void attend(const struct op_call *c, const struct attention *a, int64_t b, int64_t h,
                   int64_t q, double scale, double *w) {
    const struct view *query = &c->in[IN_Q], *key;
    int64_t mode = node_int(c->node, "qk_matmul_output_mode", 0);
    int64_t row = ((b * a->q.n + h) * a->q.length + q) * a->total;
    int64_t from = b * a->q.batch_step + h * a->q.head_step + q * a->q.row_step;
    double softcap = node_float(c->node, "softcap", 0), max = -INFINITY, sum = 0;
    bool masked = true, wanted = op_has_output(c, OUT_QK);
    for (int64_t t = 0; t < a->total; t++) {
        int64_t at =
            cached_row(c, &a->k, IN_K, IN_PAST_K, a->past, b, h / (a->q.n / a->k.n), t, &key);
        double s = 0;
        for (int64_t i = 0; i < a->q.size; i++) s += get(query, from + i) * get(key, at + i);
        s *= scale;
        if (wanted && mode == 0) set(&c->out[OUT_QK], row + t, s);
        if (softcap > 0) s = softcap * tanh(s / softcap);
        if (wanted && mode == 1) set(&c->out[OUT_QK], row + t, s);
        double m = mask_at(c, a, b, h, q, t);
        if (m != -INFINITY) masked = false;
        w[t] = s + m;
        if (wanted && mode == 2) set(&c->out[OUT_QK], row + t, w[t]);
        if (w[t] > max) max = w[t];
    }
    for (int64_t t = 0; t < a->total; t++) sum += w[t] = max == -INFINITY ? 0 : exp(w[t] - max);
    for (int64_t t = 0; t < a->total; t++) {
        /* A query that may see no key at all gets zeros, not NaN. */
        w[t] = masked || sum == 0 ? 0 : w[t] / sum;
        if (wanted && mode == 3) set(&c->out[OUT_QK], row + t, w[t]);
    }
}

static void copy_cache(const struct op_call *c, const struct heads *h, int input, int past_input,
                       const struct attention *a, int out) {
    if (!op_has_output(c, out)) return;
    int64_t to = 0;
    for (int64_t r = 0; r < h->batch * h->n * a->total; r++) {
        const struct view *from;
        int64_t at = cached_row(c, h, input, past_input, a->past, r / a->total / h->n,
                                r / a->total % h->n, r % a->total, &from);
        for (int64_t i = 0; i < h->size; i++) set(&c->out[out], to++, get(from, at + i));
    }
}

static enum status run_attention(struct op_call *c) {
    struct attention a;
    TRY(attention_init(c, &a));
    TRY(check_mask(c, &a));
    const struct view *y = &c->out[OUT_Y];
    double scale = a.q.size > 0 ? 1 / sqrt((double)a.q.size) : 1;
    scale = node_float(c->node, "scale", (float)scale);
    size_t bytes;
    OP_CHECK(c, size_mul((size_t)(a.total + a.v.size) + 1, sizeof(double), &bytes), STATUS_LIMIT,
             "%" PRId64 " keys", a.total);
    double *w = mem_alloc(bytes);
    OP_CHECK(c, w, STATUS_MEMORY, "out of memory for %" PRId64 " keys", a.total);
    double *sum = w + a.total;
    bool flat = c->in[0].shape.rank == 3;
    for (int64_t r = 0; r < a.q.batch * a.q.n * a.q.length; r++) {
        int64_t q = r % a.q.length, h = r / a.q.length % a.q.n, b = r / a.q.length / a.q.n;
        attend(c, &a, b, h, q, scale, w);
        if (!op_has_output(c, OUT_Y)) continue;
        for (int64_t i = 0; i < a.v.size; i++) sum[i] = 0;
        for (int64_t t = 0; t < a.total; t++) {
            const struct view *v;
            int64_t at =
                cached_row(c, &a.v, IN_V, IN_PAST_V, a.past, b, h / (a.q.n / a.k.n), t, &v);
            if (w[t] != 0) add_scaled(sum, a.v.size, w[t], v, at, 1, 0);
        }
        int64_t to = (flat ? (b * a.q.length + q) * a.q.n + h : r) * a.v.size;
        for (int64_t i = 0; i < a.v.size; i++) set(y, to + i, sum[i]);
    }
    mem_free(w);
    copy_cache(c, &a.k, IN_K, IN_PAST_K, &a, OUT_K);
    copy_cache(c, &a.v, IN_V, IN_PAST_V, &a, OUT_V);
    return STATUS_OK;
}

static int64_t macs_attention(const struct op_call *c) {
    struct attention a;
    for (int i = 0; i < 3; i++)
        if (c->in[i].shape.rank < 3) return 0;
    if (attention_init(c, &a) != STATUS_OK) return 0;
    int64_t rows = macs_mul(macs_mul(a.q.batch, a.q.n), macs_mul(a.q.length, a.total));
    return macs_mul(rows, add_known(a.q.size, a.v.size));
}

static const struct attr_spec attention_attrs[] = {
    {"is_causal", ATTR_INT}, {"kv_num_heads", ATTR_INT}, {"left_window_size", ATTR_INT},
    {"q_num_heads", ATTR_INT}, {"qk_matmul_output_mode", ATTR_INT},
    {"right_window_size", ATTR_INT}, {"scale", ATTR_FLOAT}, {"softcap", ATTR_FLOAT},
    {"softmax_precision", ATTR_INT}, /* we always work in double */
    {NULL},
};

const struct op_def op_def_Attention = {
    .name = "Attention", .min_inputs = 3, .max_inputs = 7, .min_outputs = 1, .max_outputs = 4,
    .infer = infer_attention, .run = run_attention, .attrs = attention_attrs,
    .macs = macs_attention,
};

/* ---- RotaryEmbedding: X, cos_cache, sin_cache, position_ids (optional) ---- */

struct rotary {
    struct heads x;
    int64_t rotated; /* leading values of each head that turn; the rest is copied */
};

static enum status rotary_init(const struct op_call *c, struct rotary *r) {
    TRY(heads_init(c, 0, node_int(c->node, "num_heads", 0), "num_heads", &r->x));
    r->rotated = node_int(c->node, "rotary_embedding_dim", 0);
    if (!r->rotated) r->rotated = r->x.size;
    OP_CHECK(c,
             r->x.size < 0 || (r->rotated >= 0 && r->rotated <= r->x.size && r->rotated % 2 == 0),
             STATUS_SHAPE, "%" PRId64 " of %" PRId64 " values of a head cannot be rotated",
             r->rotated, r->x.size);
    bool by_position = op_has_input(c, 3);
    int rank = by_position ? 2 : 3;
    for (int i = 1; i <= 2; i++) {
        TRY(op_check_rank(c, i, rank, rank));
        if (r->x.size >= 0) TRY(op_check_dim(c, i, rank - 1, r->rotated / 2, "rotated pairs"));
        if (by_position) continue;
        TRY(op_check_dim(c, i, 0, r->x.batch, "batch"));
        TRY(op_check_dim(c, i, 1, r->x.length, "sequence"));
    }
    if (c->in[1].shape.rank >= 0) TRY(op_check_dim(c, 2, 0, c->in[1].shape.dim[0], "of cos_cache"));
    TRY(op_check_rank(c, 3, 2, 2));
    TRY(op_check_dim(c, 3, 0, r->x.batch, "batch"));
    return op_check_dim(c, 3, 1, r->x.length, "sequence");
}

static enum status infer_rotary(struct op_call *c) {
    TRY(op_check_dtype(c, 0, DTYPES_FLOAT));
    TRY(op_check_same_dtype(c, 0, 1));
    TRY(op_check_same_dtype(c, 0, 2));
    TRY(op_check_dtype(c, 3, DTYPES_OF(DT_I64)));
    TRY(op_check_rank(c, 0, 3, 4));
    struct rotary r;
    if (c->in[0].shape.rank >= 0) TRY(rotary_init(c, &r));
    return infer_same(c);
}

static enum status run_rotary(struct op_call *c) {
    const struct view *x = &c->in[0], *y = &c->out[0];
    struct rotary r;
    TRY(rotary_init(c, &r));
    bool interleaved = node_int(c->node, "interleaved", 0) != 0;
    int64_t half = r.rotated / 2;
    for (int64_t i = 0; i < r.x.batch * r.x.n * r.x.length; i++) {
        int64_t s = i % r.x.length, h = i / r.x.length % r.x.n, b = i / r.x.length / r.x.n;
        int64_t at = b * r.x.batch_step + h * r.x.head_step + s * r.x.row_step;
        int64_t row = b * r.x.length + s;
        if (op_has_input(c, 3)) {
            row = view_get_i64(&c->in[3], row);
            OP_CHECK(c, row >= 0 && row < c->in[1].shape.dim[0], STATUS_SHAPE,
                     "position %" PRId64 " is outside the cache of %" PRId64, row,
                     c->in[1].shape.dim[0]);
        }
        for (int64_t k = 0; k < half; k++) {
            double cosine = get(&c->in[1], row * half + k), sine = get(&c->in[2], row * half + k);
            int64_t i0 = at + (interleaved ? 2 * k : k),
                    i1 = at + (interleaved ? 2 * k + 1 : half + k);
            double a = get(x, i0), d = get(x, i1);
            set(y, i0, cosine * a - sine * d);
            set(y, i1, sine * a + cosine * d);
        }
        for (int64_t k = r.rotated; k < r.x.size; k++) set(y, at + k, get(x, at + k));
    }
    return STATUS_OK;
}

static const struct attr_spec rotary_attrs[] = {
    {"interleaved", ATTR_INT}, {"num_heads", ATTR_INT}, {"rotary_embedding_dim", ATTR_INT}, {NULL},
};

const struct op_def op_def_RotaryEmbedding = {
    .name = "RotaryEmbedding", .min_inputs = 3, .max_inputs = 4, .min_outputs = 1,
    .max_outputs = 1, .infer = infer_rotary, .run = run_rotary, .attrs = rotary_attrs,
};
