/* SPDX-License-Identifier: Apache-2.0 */
/* What converting a layer is written with: nodes, constants, and questions about shapes. */
#include <inttypes.h>
#include <string.h>

#include "import/caffe/caffe.h"
#include "ops/op.h"

/* A name for what a layer needs besides its tops. */
static const char *extra_name(struct caffe_import *im, struct caffe_layer *l) {
    return arena_printf(im->arena, "%s/%d", l->name, ++l->n_extra);
}

enum status caffe_emit_many(struct caffe_import *im, struct caffe_layer *l, enum op_kind op,
                            int n_in, const int *in, const struct attr *attrs, int n_out,
                            int *out) {
    bool last = false; /* a node that writes a top has the layer's name */
    for (int i = 0; i < n_out; i++) {
        last |= out[i] >= 0;
        if (out[i] >= 0) continue;
        const char *name = extra_name(im, l);
        CHECK(name, STATUS_MEMORY, CAFFE_NO_MEMORY);
        TRY(graph_add_tensor(im->g, name, DT_NONE, shape_unknown(), &out[i]));
    }
    const char *name = last ? l->name : im->g->tensors[out[0]].name;
    int node;
    TRY(graph_add_node(im->g, op, name, n_in, in, n_out, out, &node));
    for (const struct attr *a = attrs; a && a->name; a++) TRY(node_set_attr(im->g, node, a));
    enum status s = graph_infer_node(im->g, node);
    if (s != STATUS_OK) status_prefix("layer '%s' (%s)", l->name, l->type);
    return s;
}

enum status caffe_emit(struct caffe_import *im, struct caffe_layer *l, enum op_kind op, int n_in,
                       const int *in, const struct attr *attrs, int *out) {
    return caffe_emit_many(im, l, op, n_in, in, attrs, 1, out);
}

enum status caffe_constant(struct caffe_import *im, struct caffe_layer *l, struct shape shape,
                           const float *values, int *out) {
    const char *name = extra_name(im, l);
    CHECK(name, STATUS_MEMORY, CAFFE_NO_MEMORY);
    return graph_add_constant(im->g, name, DT_F32, shape, values, false, out);
}

enum status caffe_ints(struct caffe_import *im, struct caffe_layer *l, int n, const int64_t *values,
                       int *out) {
    const char *name = extra_name(im, l);
    CHECK(name, STATUS_MEMORY, CAFFE_NO_MEMORY);
    return graph_add_constant(im->g, name, DT_I64, shape_of(1, n), values, false, out);
}

enum status caffe_scalar(struct caffe_import *im, struct caffe_layer *l, float value, int *out) {
    return caffe_constant(im, l, shape_of(0), &value, out);
}

enum status caffe_with_scalar(struct caffe_import *im, struct caffe_layer *l, enum op_kind op,
                              int x, float value, int *out) {
    int c;
    TRY(caffe_scalar(im, l, value, &c));
    return caffe_emit(im, l, op, IN(x, c), NULL, out);
}

enum status caffe_reshape(struct caffe_import *im, struct caffe_layer *l, int x, int n,
                          const int64_t *dims, int *out) {
    int shape;
    TRY(caffe_ints(im, l, n, dims, &shape));
    return caffe_emit(im, l, OP_Reshape, IN(x, shape), NULL, out);
}

enum status caffe_reduce(struct caffe_import *im, struct caffe_layer *l, enum op_kind op, int x,
                         int n_axes, const int64_t *axes, bool keep, int *out) {
    int t;
    TRY(caffe_ints(im, l, n_axes, axes, &t));
    return caffe_emit(im, l, op, IN(x, t), ATTRS(A_INT("keepdims", keep)), out);
}

/* ---- shapes ---- */

const struct shape *caffe_shape(const struct caffe_import *im, int tensor) {
    return &im->g->tensors[tensor].shape;
}

enum status caffe_rank(const struct caffe_import *im, const struct caffe_layer *l, int i,
                       int *out) {
    *out = caffe_shape(im, l->in[i])->rank;
    L_CHECK(l, *out >= 0, STATUS_SHAPE,
            "the shape of its bottom '%s' is only known when the network "
            "runs, which this layer cannot have",
            l->p->bottom[i]);
    return STATUS_OK;
}

enum status caffe_dim(const struct caffe_import *im, const struct caffe_layer *l, int i, int axis,
                      int64_t *out) {
    int rank;
    char text[128];
    TRY(caffe_rank(im, l, i, &rank));
    const struct shape *s = caffe_shape(im, l->in[i]);
    L_CHECK(l, axis < rank, STATUS_SHAPE, "its bottom '%s' has shape %s, which has no axis %d",
            l->p->bottom[i], shape_text(s, text), axis);
    *out = s->dim[axis];
    L_CHECK(l, *out > 0, STATUS_SHAPE, "axis %d of its bottom '%s' (%s) must be fixed; give the "
            "input a fixed size there", axis, l->p->bottom[i], shape_text(s, text));
    return STATUS_OK;
}

enum status caffe_axis(const struct caffe_import *im, const struct caffe_layer *l, int64_t axis,
                       int *out) {
    int rank;
    char text[128];
    TRY(caffe_rank(im, l, 0, &rank));
    L_CHECK(l, axis >= -rank && axis < rank, STATUS_SHAPE,
            "axis %" PRId64 " is outside of its bottom "
            "'%s' of shape %s",
            axis, l->p->bottom[0], shape_text(caffe_shape(im, l->in[0]), text));
    *out = (int)(axis < 0 ? axis + rank : axis);
    return STATUS_OK;
}
