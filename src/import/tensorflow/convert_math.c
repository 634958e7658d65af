/* SPDX-License-Identifier: Apache-2.0 */
/* Element by element, reductions, and products of matrices. */
#include <string.h>

#include "import/tensorflow/tensorflow.h"
#include "ops/op.h"

/* ---- one input ---- */

/* Constants, and lists, pass under their own name; a value that runs keeps both. */
enum status tf_pass_on(struct tf_node *n) {
    TRY(tf_need_inputs(n, 1));
    if (n->inputs[0] < 0 || tf_input(n, 0)->data) return tf_result(n, 0, n->inputs[0]);
    return tf_finish(n, OP_Identity, 1, n->inputs, NULL);
}

enum status tf_pass_on_all(struct tf_node *n) {
    for (int i = 0; i < n->n_inputs; i++) TRY(tf_result(n, i, n->inputs[i]));
    return STATUS_OK;
}

enum status tf_unary(struct tf_node *n) {
    TRY(tf_need_inputs(n, 1));
    return tf_finish(n, n->row->kind, 1, n->inputs, NULL);
}

enum status tf_leaky_relu(struct tf_node *n) {
    TRY(tf_need_inputs(n, 1));
    return tf_finish(n, OP_LeakyRelu, 1, n->inputs,
                     ATTRS(A_FLOAT("alpha", tf_float(n, "alpha", 0.2f))));
}

enum status tf_relu6(struct tf_node *n) {
    TRY(tf_need_inputs(n, 1));
    int in[3] = {n->inputs[0]};
    enum dtype dtype = tf_input(n, 0)->dtype;
    TRY(tf_scalar(n, dtype, 0, &in[1]));
    TRY(tf_scalar(n, dtype, 6, &in[2]));
    return tf_finish(n, OP_Clip, 3, in, NULL);
}

enum status tf_prelu(struct tf_node *n) {
    TRY(tf_need_inputs(n, 2));
    return tf_finish(n, OP_PRelu, 2, n->inputs, NULL);
}

enum status tf_softmax(struct tf_node *n) {
    TRY(tf_need_inputs(n, 1));
    return tf_finish(n, n->row->kind, 1, n->inputs, ATTRS(A_INT("axis", -1)));
}

enum status tf_rsqrt(struct tf_node *n) {
    int root;
    TRY(tf_need_inputs(n, 1));
    TRY(tf_add(n, OP_Sqrt, 1, n->inputs, NULL, &root));
    return tf_finish(n, OP_Reciprocal, 1, &root, NULL);
}

enum status tf_square(struct tf_node *n) {
    TRY(tf_need_inputs(n, 1));
    return tf_finish(n, OP_Mul, 2, (int[]){n->inputs[0], n->inputs[0]}, NULL);
}

enum status tf_expm1(struct tf_node *n) {
    int in[2];
    TRY(tf_need_inputs(n, 1));
    TRY(tf_add(n, OP_Exp, 1, n->inputs, NULL, &in[0]));
    TRY(tf_scalar(n, tf_input(n, 0)->dtype, 1, &in[1]));
    return tf_finish(n, OP_Sub, 2, in, NULL);
}

enum status tf_log1p(struct tf_node *n) {
    TRY(tf_need_inputs(n, 1));
    int in[2] = {n->inputs[0]}, sum;
    TRY(tf_scalar(n, tf_input(n, 0)->dtype, 1, &in[1]));
    TRY(tf_add(n, OP_Add, 2, in, NULL, &sum));
    return tf_finish(n, OP_Log, 1, &sum, NULL);
}

enum status tf_cast(struct tf_node *n) {
    TRY(tf_need_inputs(n, 1));
    const TfAttr *to = tf_attr(n, "DstT");
    int type = to && to->has_type ? (int)to->type : 0;
    if (tf_dtype(type) == DT_NONE)
        return tf_unsupported(n, "elements of type %s are not supported", tf_type_name(type));
    return tf_finish(n, OP_Cast, 1, n->inputs, ATTRS(A_STRING("to", dtype_name(tf_dtype(type)))));
}

enum status tf_erfc(struct tf_node *n) {
    int in[2];
    TRY(tf_need_inputs(n, 1));
    TRY(tf_scalar(n, tf_input(n, 0)->dtype, 1, &in[0]));
    TRY(tf_add(n, OP_Erf, 1, n->inputs, NULL, &in[1]));
    return tf_finish(n, OP_Sub, 2, in, NULL);
}

/* x rounded to the steps a quantised network would have; zero is one of them. */
static enum status fake_quant(struct tf_node *n, double min, double max) {
    int64_t bits = tf_int(n, "num_bits", 8);
    CHECK(bits >= 2 && bits <= 16 && min < max, STATUS_FORMAT,
          "%s '%s' has %lld bits from %g to %g", n->def->op, n->def->name, (long long)bits, min,
          max);
    float least = tf_bool(n, "narrow_range", false), most = (float)((1 << bits) - 1);
    float step = ((float)max - (float)min) / (most - least), zero = least - (float)min / step;
    zero = zero < least ? least : zero > most ? most : (float)(int64_t)(zero + 0.5f);
    float low = (least - zero) * step, high = (most - zero) * step;
    int x[3] = {n->inputs[0]};
    TRY(tf_scalar(n, DT_F32, (double)low, &x[1]));
    TRY(tf_scalar(n, DT_F32, (double)high, &x[2]));
    TRY(tf_add(n, OP_Clip, 3, x, NULL, &x[0]));
    TRY(tf_add(n, OP_Sub, 2, x, NULL, &x[0]));
    TRY(tf_scalar(n, DT_F32, (double)(1 / step), &x[1]));
    TRY(tf_add(n, OP_Mul, 2, x, NULL, &x[0]));
    TRY(tf_scalar(n, DT_F32, 0.5, &x[1]));
    TRY(tf_add(n, OP_Add, 2, x, NULL, &x[0]));
    TRY(tf_add(n, OP_Floor, 1, x, NULL, &x[0]));
    TRY(tf_scalar(n, DT_F32, (double)step, &x[1]));
    TRY(tf_add(n, OP_Mul, 2, x, NULL, &x[0]));
    TRY(tf_scalar(n, DT_F32, (double)low, &x[1]));
    return tf_finish(n, OP_Add, 2, x, NULL);
}

enum status tf_fake_quant_args(struct tf_node *n) {
    TRY(tf_need_inputs(n, 1));
    return fake_quant(n, (double)tf_float(n, "min", -6), (double)tf_float(n, "max", 6));
}

enum status tf_fake_quant_vars(struct tf_node *n) {
    float range[2];
    TRY(tf_need_inputs(n, 3));
    for (int i = 0; i < 2; i++) {
        const struct tensor *t = tf_input(n, 1 + i);
        if (!t->data || t->dtype != DT_F32 || shape_elements(&t->shape) != 1)
            return tf_unsupported(n, "its range is no constant");
        memcpy(&range[i], t->data, sizeof range[i]);
    }
    return fake_quant(n, (double)range[0], (double)range[1]);
}

/* ---- two and more inputs ---- */

enum status tf_binary(struct tf_node *n) {
    TRY(tf_need_inputs(n, 2));
    return tf_finish(n, n->row->kind, 2, n->inputs, NULL);
}

enum status tf_bias_add(struct tf_node *n) {
    TRY(tf_need_inputs(n, 2));
    int in[2] = {n->inputs[0], n->inputs[1]};
    int rank = tf_input(n, 0)->shape.rank;
    if (!tf_is_nhwc(n) && rank > 2) { /* the channels stand second */
        int64_t dims[SHAPE_MAX_RANK] = {-1};
        for (int i = 1; i < rank - 1; i++) dims[i] = 1;
        TRY(tf_reshape(n, in[1], rank - 1, dims, &in[1]));
    }
    return tf_finish(n, OP_Add, 2, in, NULL);
}

enum status tf_not_equal(struct tf_node *n) {
    int same;
    TRY(tf_need_inputs(n, 2));
    TRY(tf_add(n, OP_Equal, 2, n->inputs, NULL, &same));
    return tf_finish(n, OP_Not, 1, &same, NULL);
}

enum status tf_squared_difference(struct tf_node *n) {
    int d;
    TRY(tf_need_inputs(n, 2));
    TRY(tf_add(n, OP_Sub, 2, n->inputs, NULL, &d));
    return tf_finish(n, OP_Mul, 2, (int[]){d, d}, NULL);
}

enum status tf_div_no_nan(struct tf_node *n) {
    int zero, is_zero, quotient;
    TRY(tf_need_inputs(n, 2));
    TRY(tf_scalar(n, tf_input(n, 1)->dtype, 0, &zero));
    TRY(tf_add(n, OP_Equal, 2, (int[]){n->inputs[1], zero}, NULL, &is_zero));
    TRY(tf_add(n, OP_Div, 2, n->inputs, NULL, &quotient));
    return tf_finish(n, OP_Where, 3, (int[]){is_zero, zero, quotient}, NULL);
}

/* Towards minus infinity, as in Python. Our Mod of integers takes the divisor's sign. */
enum status tf_floor_div(struct tf_node *n) {
    int a, b;
    TRY(tf_need_inputs(n, 2));
    if (dtype_is_float(tf_input(n, 0)->dtype)) {
        TRY(tf_add(n, OP_Div, 2, n->inputs, NULL, &a));
        return tf_finish(n, OP_Floor, 1, &a, NULL);
    }
    TRY(tf_add(n, OP_Mod, 2, n->inputs, NULL, &a));
    TRY(tf_add(n, OP_Sub, 2, (int[]){n->inputs[0], a}, NULL, &b));
    return tf_finish(n, OP_Div, 2, (int[]){b, n->inputs[1]}, NULL);
}

enum status tf_floor_mod(struct tf_node *n) {
    int a, b;
    TRY(tf_need_inputs(n, 2));
    if (!dtype_is_float(tf_input(n, 0)->dtype)) return tf_finish(n, OP_Mod, 2, n->inputs, NULL);
    TRY(tf_add(n, OP_Div, 2, n->inputs, NULL, &a));
    TRY(tf_add(n, OP_Floor, 1, &a, NULL, &b));
    TRY(tf_add(n, OP_Mul, 2, (int[]){b, n->inputs[1]}, NULL, &a));
    return tf_finish(n, OP_Sub, 2, (int[]){n->inputs[0], a}, NULL);
}

enum status tf_add_n(struct tf_node *n) {
    TRY(tf_need_inputs(n, 1));
    if (n->n_inputs == 2) return tf_finish(n, OP_Add, 2, n->inputs, NULL);
    return tf_finish(n, OP_Sum, n->n_inputs, n->inputs, NULL);
}

enum status tf_clip_by_value(struct tf_node *n) {
    int low;
    TRY(tf_need_inputs(n, 3));
    TRY(tf_add(n, OP_Max, 2, n->inputs, NULL, &low));
    return tf_finish(n, OP_Min, 2, (int[]){low, n->inputs[2]}, NULL);
}

enum status tf_select(struct tf_node *n) {
    TRY(tf_need_inputs(n, 3));
    int in[3] = {n->inputs[0], n->inputs[1], n->inputs[2]};
    /* The first version takes a list that chooses whole rows. */
    int rank = tf_input(n, 1)->shape.rank;
    if (!strcmp(n->row->name, "Select") && tf_input(n, 0)->shape.rank == 1 && rank > 1) {
        int64_t dims[SHAPE_MAX_RANK] = {-1};
        for (int i = 1; i < rank; i++) dims[i] = 1;
        TRY(tf_reshape(n, in[0], rank, dims, &in[0]));
    }
    return tf_finish(n, OP_Where, 3, in, NULL);
}

/* ---- reductions ---- */

static int64_t keep_dims(const struct tf_node *n) {
    return tf_bool(n, "keep_dims", tf_bool(n, "keepdims", false));
}

enum status tf_reduce(struct tf_node *n) {
    TRY(tf_need_inputs(n, 2));
    int in[2] = {n->inputs[0]};
    TRY(tf_as(n, n->inputs[1], DT_I64, &in[1]));
    return tf_finish(n, n->row->kind, 2, in,
                     ATTRS(A_INT("keepdims", keep_dims(n)), A_INT("noop_with_empty_axes", 1)));
}

enum status tf_reduce_bool(struct tf_node *n) {
    int in[2], y;
    TRY(tf_need_inputs(n, 2));
    TRY(tf_as(n, n->inputs[0], DT_I32, &in[0]));
    TRY(tf_as(n, n->inputs[1], DT_I64, &in[1]));
    TRY(tf_add(n, n->row->kind, 2, in,
               ATTRS(A_INT("keepdims", keep_dims(n)), A_INT("noop_with_empty_axes", 1)), &y));
    return tf_finish(n, OP_Cast, 1, &y, ATTRS(A_STRING("to", dtype_name(DT_BOOL))));
}

/* The type attribute `name`, by default int64. */
static enum dtype index_type(const struct tf_node *n, const char *name) {
    const TfAttr *a = tf_attr(n, name);
    return a && a->type == TENSORFLOW__DATA_TYPE__DT_INT32 ? DT_I32 : DT_I64;
}

enum status tf_arg(struct tf_node *n) {
    int64_t axis = 0;
    int count, y;
    TRY(tf_need_inputs(n, 1));
    TRY(tf_input_ints(n, 1, &axis, 1, &count));
    if (count < 0) return tf_unsupported(n, "the axis is no constant");
    TRY(tf_add(n, n->row->kind, 1, n->inputs,
               ATTRS(A_INT("axis", axis), A_INT("keepdims", 0)), &y));
    return tf_finish(n, OP_Cast, 1, &y,
                     ATTRS(A_STRING("to", dtype_name(index_type(n, "output_type")))));
}

enum status tf_cumsum(struct tf_node *n) {
    TRY(tf_need_inputs(n, 2));
    return tf_finish(n, OP_CumSum, 2, n->inputs,
                     ATTRS(A_INT("exclusive", tf_bool(n, "exclusive", false)),
                           A_INT("reverse", tf_bool(n, "reverse", false))));
}

/* ---- matrices ---- */

static enum status swap_last(struct tf_node *n, int *x) {
    int64_t perm[SHAPE_MAX_RANK];
    int rank = n->im->g->tensors[*x].shape.rank;
    CHECK(rank >= 2, STATUS_SHAPE, "%s '%s' transposes an input whose rank is not known",
          n->def->op, n->def->name);
    for (int i = 0; i < rank; i++) perm[i] = i;
    perm[rank - 1] = rank - 2;
    perm[rank - 2] = rank - 1;
    return tf_transpose(n, *x, rank, perm, x);
}

enum status tf_matmul(struct tf_node *n) {
    TRY(tf_need_inputs(n, 2));
    int in[2] = {n->inputs[0], n->inputs[1]}, y;
    if (tf_bool(n, "transpose_a", false) || tf_bool(n, "adj_x", false)) TRY(swap_last(n, &in[0]));
    if (tf_bool(n, "transpose_b", false) || tf_bool(n, "adj_y", false)) TRY(swap_last(n, &in[1]));
    if (n->def->op[0] != '_') return tf_finish(n, OP_MatMul, 2, in, NULL);
    TRY(tf_add(n, OP_MatMul, 2, in, NULL, &y));
    TRY(tf_fused(n, 2, 1, &y));
    return tf_failed(n) ? STATUS_OK : tf_finish(n, OP_Identity, 1, &y, NULL);
}

enum status tf_einsum(struct tf_node *n) {
    const TfAttr *a = tf_attr(n, "equation");
    CHECK(a && a->has_s && a->s.len < 256, STATUS_FORMAT, "Einsum '%s' has no equation",
          n->def->name);
    char *text = arena_strndup(n->im->arena, a->s.len ? (const char *)a->s.data : "", a->s.len);
    CHECK(text, STATUS_MEMORY, "out of memory while importing the model");
    return tf_finish(n, OP_Einsum, n->n_inputs, n->inputs, ATTRS(A_STRING("equation", text)));
}
