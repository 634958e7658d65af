/* SPDX-License-Identifier: Apache-2.0 */
/* Einsum: sums of products named by an equation such as "bij,bjk->bik". */
#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include "ops/access.h"

/* Labels are letters; dimensions an ellipsis stands for get the labels after 'z'. */
enum { EINSUM_LABELS = 52 + SHAPE_MAX_RANK, EINSUM_TERMS = 16 };

struct einsum {
    int n_terms;
    struct {
        int rank, label[SHAPE_MAX_RANK];
    } term[EINSUM_TERMS], out;
    int64_t size[EINSUM_LABELS]; /* -1 unknown, 0 and above; -2 not used */
};

static int label_of(char ch) { return ch >= 'a' ? ch - 'a' + 26 : ch - 'A'; }

/* One term of the equation, without spaces, up to a comma, an arrow or the end. `rank` -1: of the
 * output, whose ellipsis has `dots` dimensions. */
static enum status read_term(const struct op_call *c, const char **at, int rank, int dots,
                             int *out_rank, int *label) {
    const char *p = *at;
    int letters = 0, n = 0;
    for (const char *q = p; *q && *q != ',' && *q != '-'; q++)
        letters += isalpha((unsigned char)*q) != 0;
    if (rank >= 0) dots = rank - letters;
    bool ellipsis = false;
    for (; *p && *p != ',' && *p != '-'; p++) {
        if (*p == ' ') continue;
        if (*p == '.') {
            OP_CHECK(c, !ellipsis && p[1] == '.' && p[2] == '.', STATUS_FORMAT,
                     "the equation has a stray '.'");
            OP_CHECK(c, dots >= 0 && dots <= SHAPE_MAX_RANK, STATUS_SHAPE,
                     "an input has fewer dimensions than its part of the equation");
            ellipsis = true;
            p += 2;
            /* Aligned at the end, as broadcasting wants. */
            for (int i = 0; i < dots; i++, n++) {
                OP_CHECK(c, n < SHAPE_MAX_RANK, STATUS_LIMIT,
                         "a part of the equation has too many dimensions");
                label[n] = 52 + SHAPE_MAX_RANK - dots + i;
            }
            continue;
        }
        OP_CHECK(c, isalpha((unsigned char)*p), STATUS_FORMAT, "the equation has an unknown '%c'",
                 *p);
        OP_CHECK(c, n < SHAPE_MAX_RANK, STATUS_LIMIT,
                 "a part of the equation has too many dimensions");
        label[n++] = label_of(*p);
    }
    OP_CHECK(c, rank < 0 || n == rank, STATUS_SHAPE,
             "an input of rank %d has %d labels in the equation", rank, n);
    *out_rank = n;
    *at = p;
    return STATUS_OK;
}

static enum status einsum_init(const struct op_call *c, struct einsum *e) {
    const char *p = node_string(c->node, "equation", "");
    OP_CHECK(c, *p, STATUS_FORMAT, "attribute 'equation' is missing");
    OP_CHECK(c, c->n_inputs <= EINSUM_TERMS, STATUS_LIMIT, "more than %d inputs", EINSUM_TERMS);
    *e = (struct einsum){.n_terms = c->n_inputs};
    for (int l = 0; l < EINSUM_LABELS; l++) e->size[l] = -2;
    int uses[EINSUM_LABELS] = {0}, dots = 0;
    for (int t = 0; t < e->n_terms; t++) {
        const struct shape *s = &c->in[t].shape;
        TRY(read_term(c, &p, s->rank, 0, &e->term[t].rank, e->term[t].label));
        for (int d = 0; d < e->term[t].rank; d++) {
            int l = e->term[t].label[d];
            int64_t *size = &e->size[l], have = s->dim[d];
            uses[l]++;
            if (l >= 52 && EINSUM_LABELS - l > dots) dots = EINSUM_LABELS - l;
            OP_CHECK(c, *size < 0 || have < 0 || *size == have || *size == 1 || have == 1,
                     STATUS_SHAPE, "a label of the equation is %" PRId64 " long and %" PRId64,
                     *size, have);
            if (*size == -2 || *size == 1 || (*size == -1 && have != 1)) *size = have;
        }
        if (t + 1 < e->n_terms)
            OP_CHECK(c, *p++ == ',', STATUS_SHAPE,
                     "the equation names fewer inputs than there are");
    }
    if (*p) {
        OP_CHECK(c, p[0] == '-' && p[1] == '>', STATUS_FORMAT,
                 "the equation names more inputs than there are");
        p += 2;
        TRY(read_term(c, &p, -1, dots, &e->out.rank, e->out.label));
        OP_CHECK(c, !*p, STATUS_FORMAT, "the equation goes on after its output");
    } else {
        /* Implicit output: the ellipsis, then labels used once, in alphabetical order. */
        for (int l = EINSUM_LABELS - dots; l < EINSUM_LABELS; l++) e->out.label[e->out.rank++] = l;
        for (int l = 0; l < 52; l++) {
            if (uses[l] != 1) continue;
            OP_CHECK(c, e->out.rank < SHAPE_MAX_RANK, STATUS_LIMIT,
                     "the output has too many dimensions");
            e->out.label[e->out.rank++] = l;
        }
    }
    bool seen[EINSUM_LABELS] = {0};
    for (int d = 0; d < e->out.rank; d++) {
        int l = e->out.label[d];
        OP_CHECK(c, e->size[l] != -2 && !seen[l], STATUS_SHAPE,
                 "the equation's output has a label that no input has, or one twice");
        seen[l] = true;
    }
    return STATUS_OK;
}

static enum status infer_einsum(struct op_call *c) {
    struct shape s = {.rank = 0};
    bool known = true;
    for (int i = 0; i < c->n_inputs; i++) {
        TRY(op_check_dtype(c, i, DTYPES_FLOAT | DTYPES_INT));
        TRY(op_check_same_dtype(c, 0, i));
        known = known && c->in[i].shape.rank >= 0;
    }
    if (!known) {
        op_output(c, 0, c->in[0].dtype, shape_unknown());
        return STATUS_OK;
    }
    struct einsum e;
    TRY(einsum_init(c, &e));
    s.rank = e.out.rank;
    for (int d = 0; d < s.rank; d++) s.dim[d] = e.size[e.out.label[d]];
    op_output(c, 0, c->in[0].dtype, s);
    return STATUS_OK;
}

/* Labels in order: the output's first, then those summed over. */
static int label_order(const struct einsum *e, int *order) {
    int n = 0;
    bool seen[EINSUM_LABELS] = {0};
    for (int d = 0; d < e->out.rank; d++) {
        order[n++] = e->out.label[d];
        seen[e->out.label[d]] = true;
    }
    for (int l = 0; l < EINSUM_LABELS; l++)
        if (e->size[l] != -2 && !seen[l]) order[n++] = l;
    return n;
}

static enum status run_einsum(struct op_call *c) {
    struct einsum e;
    TRY(einsum_init(c, &e));
    const struct view *y = &c->out[0];
    int order[EINSUM_LABELS], n = label_order(&e, order);
    /* Step of each label in each term; a label used twice in a term adds both. */
    int64_t step[EINSUM_TERMS][EINSUM_LABELS] = {{0}}, index[EINSUM_LABELS] = {0};
    int64_t outputs = 1, inner = 1;
    for (int t = 0; t < e.n_terms; t++) {
        int64_t stride = 1;
        for (int d = e.term[t].rank - 1; d >= 0; d--) {
            if (c->in[t].shape.dim[d] != 1) step[t][e.term[t].label[d]] += stride;
            stride *= c->in[t].shape.dim[d];
        }
    }
    for (int i = 0; i < n; i++) {
        int64_t *product = i < e.out.rank ? &outputs : &inner;
        OP_CHECK(c, i64_mul(*product, e.size[order[i]], product), STATUS_LIMIT,
                 "the sum is too long");
    }
    bool whole = !dtype_is_float(y->dtype);
    for (int64_t o = 0; o < outputs; o++) {
        double sum = 0;
        uint64_t int_sum = 0;
        for (int64_t k = 0; k < inner; k++) {
            double product = 1;
            uint64_t int_product = 1;
            for (int t = 0; t < e.n_terms; t++) {
                int64_t at = 0;
                for (int i = 0; i < n; i++) at += index[order[i]] * step[t][order[i]];
                if (whole) int_product *= (uint64_t)view_get_i64(&c->in[t], at);
                else product *= get(&c->in[t], at);
            }
            sum += product;
            int_sum += int_product;
            for (int i = n - 1; i >= e.out.rank && ++index[order[i]] == e.size[order[i]]; i--)
                index[order[i]] = 0;
        }
        if (whole) view_set_i64(y, o, (int64_t)int_sum);
        else set(y, o, sum);
        for (int i = e.out.rank - 1; i >= 0 && ++index[order[i]] == e.size[order[i]]; i--)
            index[order[i]] = 0;
    }
    return STATUS_OK;
}

static int64_t macs_einsum(const struct op_call *c) {
    struct einsum e;
    for (int i = 0; i < c->n_inputs; i++)
        if (c->in[i].shape.rank < 0) return 0;
    if (einsum_init(c, &e) != STATUS_OK) return 0;
    int64_t macs = 1;
    for (int l = 0; l < EINSUM_LABELS; l++)
        if (e.size[l] != -2) macs = macs_mul(macs, e.size[l]);
    return macs;
}

static const struct attr_spec einsum_attrs[] = {{"equation", ATTR_STRING}, {NULL}};

const struct op_def op_def_Einsum = {
    .name = "Einsum", .min_inputs = 1, .max_inputs = -1, .min_outputs = 1, .max_outputs = 1,
    .infer = infer_einsum, .run = run_einsum, .attrs = einsum_attrs, .macs = macs_einsum,
};
