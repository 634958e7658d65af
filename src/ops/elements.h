/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What element-wise and moving reference kernels are made of: blocks of elements converted to
 * double or int64, and walks over strided operands.
 *
 * Kernels convert ELEMENTS_BLOCK elements at a time, so that one loop serves every dtype and still
 * runs at a decent speed. double holds every float dtype exactly and rounds single operations on
 * f32 as f32 would; integers go through int64 (u64 by its bits, so only order and division need
 * care, see elements_less).
 *
 *     struct walk w = {.n = 3};
 *     walk_broadcast(&w, &y->shape, 0, &y->shape);     // operand 0: y itself
 *     walk_broadcast(&w, &y->shape, 1, &a->shape);
 *     walk_broadcast(&w, &y->shape, 2, &b->shape);
 *     for (walk_begin(&w); !w.done; walk_next(&w))
 *         // w.row elements; operand k starts at w.at[k] and steps by w.step[k]
 */
#ifndef PK_OPS_ELEMENTS_H
#define PK_OPS_ELEMENTS_H

#include "ops/access.h"

/* ---- sets of dtypes, beside those of access.h ---- */
#define DTYPES_SIGNED_INT                                                                          \
    (DTYPES_OF(DT_I8) | DTYPES_OF(DT_I16) | DTYPES_OF(DT_I32) | DTYPES_OF(DT_I64))
#define DTYPES_NUMBER (DTYPES_FLOAT | DTYPES_INT)
#define DTYPES_BOOL DTYPES_OF(DT_BOOL)
#define DTYPES_ANY (DTYPES_NUMBER | DTYPES_BOOL)
#define DTYPES_INDEX (DTYPES_OF(DT_I32) | DTYPES_OF(DT_I64))

/* ---- shape rules ---- */
/* op_output for operators that can make something large out of little: a tensor of more than
 * 2^31 bytes is STATUS_LIMIT. */
enum status op_output_bounded(struct op_call *c, int i, enum dtype t, struct shape s);
/* Runs the shape rule again, now with every input's data, and fails unless it gives the shapes the
 * outputs have. For kernels that would otherwise trust a run-time operand. */
enum status op_confirm_outputs(struct op_call *c);
/* The one value of input i as int64 or double; an error unless it has exactly one. *known is false
 * when the value is not known yet. */
enum status op_known_int(const struct op_call *c, int i, int64_t *out, bool *known);
enum status op_known_f64(const struct op_call *c, int i, double *out, bool *known);

/* Element `at` of input i as an index into an axis of `size`; negative ones count from the end. */
enum status op_read_index(const struct op_call *c, int i, int64_t at, int64_t size, int64_t *out);

/* ---- blocks ---- */
enum { ELEMENTS_BLOCK = 256 };
/* n <= ELEMENTS_BLOCK elements from `at` on, `step` apart. */
void elements_get_f64(const struct view *v, int64_t at, int64_t step, int n, double *out);
void elements_get_i64(const struct view *v, int64_t at, int64_t step, int n, int64_t *out);
/* Consecutive elements; rounded, or wrapped like view_set_f64 and view_set_i64. */
void elements_put_f64(const struct view *v, int64_t at, int n, const double *x);
void elements_put_i64(const struct view *v, int64_t at, int n, const int64_t *x);
static inline bool elements_less(int64_t a, int64_t b, bool is_u64) {
    return is_u64 ? (uint64_t)a < (uint64_t)b : a < b;
}
/* Smallest (or largest) value of an integer dtype or bool, as int64 (u64 by its bits). */
int64_t dtype_limit(enum dtype t, bool largest);

/* ---- sorting indices ---- */

/* Whether a comes before b; a total order, which ties broken by index give. */
typedef bool index_before(const void *context, int64_t a, int64_t b);
/* The heap's root is its last element in order; entries lie `step` apart. */
void index_heap_sift(int64_t *heap, int64_t step, int64_t n, int64_t at, index_before *before,
                     const void *context);
void index_sort(int64_t *index, int64_t step, int64_t n, index_before *before,
                const void *context);

/* ---- walks ---- */
enum { WALK_MAX_RANK = 2 * SHAPE_MAX_RANK, WALK_MAX_OPERANDS = 4 };

struct walk {
    int n;    /* operands */
    int rank; /* of size and stride */
    int64_t size[WALK_MAX_RANK];
    int64_t stride[WALK_MAX_OPERANDS][WALK_MAX_RANK]; /* in elements; 0 repeats, < 0 reverses */
    int64_t start[WALK_MAX_OPERANDS];                 /* offset of the first element */
    /* while walking */
    bool done;
    int64_t row;                     /* elements in this row */
    int64_t at[WALK_MAX_OPERANDS];   /* where the row starts */
    int64_t step[WALK_MAX_OPERANDS]; /* between elements of the row */
    int64_t index[WALK_MAX_RANK];
};

/* Product of dimensions first..end-1 of a known shape. */
int64_t shape_span(const struct shape *s, int first, int end);
/* Row-major strides of a known shape. */
void shape_strides(const struct shape *s, int64_t stride[SHAPE_MAX_RANK]);
/* Walks `out`; operand k has shape `in`, broadcast to it. */
void walk_broadcast(struct walk *w, const struct shape *out, int k, const struct shape *in);
/* Joins dimensions that lie behind each other in every operand, and goes to the first row. */
void walk_begin(struct walk *w);
void walk_next(struct walk *w);
/* Copies operand 1 to operand 0, element by element. */
void walk_copy(struct walk *w, void *to, const void *from, size_t element_bytes);

#endif
