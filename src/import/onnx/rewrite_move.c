/* SPDX-License-Identifier: Apache-2.0 */
/* Rewrites of operators that move data: constants, slicing, reshaping, resizing. */
#include <string.h>

#include "base/alloc.h"
#include "import/onnx/onnx.h"
#include "ops/op.h"

/* An attribute with integers becomes input i. */
static enum status ints_to_input(struct importer *im, struct onnx_node *n, const char *attr,
                                 int i) {
    const Onnx__AttributeProto *a = onode_attr(n, attr);
    if (!a) return STATUS_OK;
    char label[160];
    CHECK(a->type == ONNX_INTS, STATUS_FORMAT, "%s: attribute '%s' is no list of integers",
          node_label(n, label), attr);
    int t;
    TRY(constant_ints(im, n, attr, a->n_ints, a->ints, &t));
    onode_drop(n, attr);
    return onode_set_input(im, n, i, t);
}

/* Squeeze, Unsqueeze, Reduce*: attribute `axes` became input 1. */
enum status rewrite_axes(struct importer *im, struct onnx_node *n, bool *done) {
    return ints_to_input(im, n, "axes", 1);
}

enum status rewrite_reshape(struct importer *im, struct onnx_node *n, bool *done) {
    return ints_to_input(im, n, "shape", 1);
}

enum status rewrite_concat(struct importer *im, struct onnx_node *n, bool *done) {
    return onode_attr(n, "axis") ? STATUS_OK : onode_set_int(im, n, "axis", 1);
}

/* ---- constants ---- */

static enum status add_constant_tensor(struct importer *im, const char *name,
                                       const Onnx__TensorProto *p, int *out) {
    enum dtype dtype;
    struct shape shape;
    TRY(onnx_tensor_describe(&im->src, p, &dtype, &shape));
    const void *lent = onnx_tensor_borrow(&im->src, p);
    TRY(graph_add_constant(im->g, name, dtype, shape, lent, lent != NULL, out));
    const struct tensor *t = &im->g->tensors[*out];
    if (lent) return STATUS_OK;
    return onnx_tensor_fill(&im->src, p, (void *)(uintptr_t)t->data, t->data_bytes);
}

/* The tensor made for the node's output becomes a constant itself. */
static enum status become_constant(struct importer *im, int t, enum dtype dtype, struct shape shape,
                                   const void *data, size_t bytes, bool borrow) {
    struct tensor *x = &im->g->tensors[t];
    if (!borrow) {
        void *copy = arena_alloc_data(&im->g->arena, bytes ? bytes : 1);
        CHECK(copy, STATUS_MEMORY, "out of memory for constant '%s'", x->name);
        if (bytes) memcpy(copy, data, bytes);
        data = copy;
    }
    x->dtype = dtype;
    x->shape = shape;
    x->data = data;
    x->data_bytes = bytes;
    return STATUS_OK;
}

enum status rewrite_constant_node(struct importer *im, struct onnx_node *n, bool *done) {
    char label[160];
    CHECK(n->n_outputs == 1 && n->n_inputs == 0 && n->n_attrs == 1, STATUS_FORMAT,
          "%s needs one attribute and one output", node_label(n, label));
    const Onnx__AttributeProto *a = n->attrs[0];
    int t = n->outputs[0];
    int64_t count;
    *done = true;
    if (a->type == ONNX_TENSOR && a->t) {
        enum dtype dtype;
        struct shape shape;
        if (onnx_dtype(a->t->data_type) == DT_NONE)
            return node_unsupported(im, n, "elements of type %s are not supported",
                                    onnx_type_name(a->t->data_type));
        enum status s = onnx_tensor_describe(&im->src, a->t, &dtype, &shape);
        if (s != STATUS_OK) status_prefix("%s", node_label(n, label));
        TRY(s);
        const void *lent = onnx_tensor_borrow(&im->src, a->t);
        size_t bytes = (size_t)shape_elements(&shape) * dtype_size(dtype);
        if (lent) return become_constant(im, t, dtype, shape, lent, bytes, true);
        void *data = arena_alloc_data(&im->g->arena, bytes ? bytes : 1);
        CHECK(data, STATUS_MEMORY, "%s: out of memory", node_label(n, label));
        TRY(onnx_tensor_fill(&im->src, a->t, data, bytes));
        return become_constant(im, t, dtype, shape, data, bytes, true);
    }
    switch (a->type) {
    case ONNX_FLOAT: return become_constant(im, t, DT_F32, shape_of(0), &a->f, 4, false);
    case ONNX_INT: return become_constant(im, t, DT_I64, shape_of(0), &a->i, 8, false);
    case ONNX_FLOATS:
        count = (int64_t)a->n_floats;
        return become_constant(im, t, DT_F32, shape_from(1, &count), a->floats, 4 * a->n_floats,
                               false);
    case ONNX_INTS:
        count = (int64_t)a->n_ints;
        return become_constant(im, t, DT_I64, shape_from(1, &count), a->ints, 8 * a->n_ints, false);
    default: return node_unsupported(im, n, "attribute '%.60s' is not supported", a->name);
    }
}

/* The fill value, a tensor of one element, becomes input 1; absent it is float zero. */
enum status rewrite_constant_of_shape(struct importer *im, struct onnx_node *n, bool *done) {
    const Onnx__AttributeProto *a = onode_attr(n, "value");
    int t;
    if (!a) TRY(constant_scalar(im, n, "value", DT_F32, 0, &t));
    else {
        char label[160];
        CHECK(a->type == ONNX_TENSOR && a->t, STATUS_FORMAT, "%s: attribute 'value' is no tensor",
              node_label(n, label));
        if (onnx_dtype(a->t->data_type) == DT_NONE) {
            *done = true;
            return node_unsupported(im, n, "elements of type %s are not supported",
                                    onnx_type_name(a->t->data_type));
        }
        const char *name = arena_printf(im->arena, "%s/value",
                                        n->name ? n->name : "ConstantOfShape");
        CHECK(name, STATUS_MEMORY, "%s: out of memory", node_label(n, label));
        TRY(add_constant_tensor(im, name, a->t, &t));
        struct tensor *x = &im->g->tensors[t];
        CHECK(shape_elements(&x->shape) == 1, STATUS_FORMAT,
              "%s: attribute 'value' must have one element", node_label(n, label));
        x->shape = shape_of(0);
        onode_drop(n, "value");
    }
    return onode_set_input(im, n, 1, t);
}

/* An experimental operator of opset 1 that exporters of its time used. */
enum status rewrite_constant_fill(struct importer *im, struct onnx_node *n, bool *done) {
    int shape, value;
    const Onnx__AttributeProto *a = onode_attr(n, "shape");
    enum dtype dtype = onnx_dtype((int32_t)onode_int(n, "dtype", 1));
    if (dtype == DT_NONE || onode_attr(n, "extra_shape") || (!a && !input_tensor(im, n, 0))) {
        *done = true;
        return node_unsupported(im, n, "this form of ConstantFill is not supported");
    }
    if (a && a->type == ONNX_INTS) TRY(constant_ints(im, n, "shape", a->n_ints, a->ints, &shape));
    else if (onode_int(n, "input_as_shape", 0)) shape = n->inputs[0];
    else TRY(emit(im, n, "Shape", 1, n->inputs, &shape));
    TRY(constant_scalar(im, n, "value", dtype, onode_float(n, "value", 0), &value));
    n->op = "ConstantOfShape";
    n->n_attrs = 0;
    n->n_inputs = 0;
    TRY(onode_set_input(im, n, 0, shape));
    return onode_set_input(im, n, 1, value);
}

/* ---- parts ---- */

enum status rewrite_slice(struct importer *im, struct onnx_node *n, bool *done) {
    TRY(ints_to_input(im, n, "starts", 1));
    TRY(ints_to_input(im, n, "ends", 2));
    return ints_to_input(im, n, "axes", 3);
}

enum status rewrite_split(struct importer *im, struct onnx_node *n, bool *done) {
    if (n->opset < 13) TRY(ints_to_input(im, n, "split", 1));
    /* Since 18 an even split says into how many; before, the outputs were counted. */
    if (!input_tensor(im, n, 1) && !onode_attr(n, "num_outputs"))
        return onode_set_int(im, n, "num_outputs", (int64_t)n->proto->n_output);
    return STATUS_OK;
}

enum status rewrite_pad(struct importer *im, struct onnx_node *n, bool *done) {
    TRY(ints_to_input(im, n, onode_attr(n, "paddings") ? "paddings" : "pads", 1));
    const Onnx__AttributeProto *a = onode_attr(n, "value");
    const struct tensor *x = input_tensor(im, n, 0);
    if (a) {
        int t;
        TRY(constant_scalar(im, n, "value", x && x->dtype != DT_NONE ? x->dtype : DT_F32, a->f,
                            &t));
        TRY(onode_set_input(im, n, 2, t));
        onode_drop(n, "value");
    }
    return STATUS_OK;
}

enum status rewrite_topk(struct importer *im, struct onnx_node *n, bool *done) {
    const Onnx__AttributeProto *a = onode_attr(n, "k");
    if (!a) return STATUS_OK;
    int t;
    int64_t k = a->i;
    TRY(constant_ints(im, n, "k", 1, &k, &t));
    onode_drop(n, "k");
    return onode_set_input(im, n, 1, t);
}

enum status rewrite_scatter(struct importer *im, struct onnx_node *n, bool *done) {
    n->op = "ScatterElements";
    return STATUS_OK;
}

/* ---- resizing ---- */

static enum status constant_floats(struct importer *im, const struct onnx_node *n, size_t count,
                                   const float *v, int *out) {
    int64_t dim = (int64_t)count;
    const char *name = arena_printf(im->arena, "%s/scales", n->name ? n->name : n->op);
    CHECK(name && count, STATUS_MEMORY, "out of memory, or no scales");
    return graph_add_constant(im->g, name, DT_F32, shape_from(1, &dim), v, false, out);
}

/* Upsample and the first Resize: pixel i of the output lies at i / scale. */
static enum status to_resize(struct importer *im, struct onnx_node *n, int scales, bool *done) {
    if (onode_string_is(n, "mode", "bilinear")) TRY(onode_set_string(im, n, "mode", "linear"));
    TRY(onode_set_string(im, n, "coordinate_transformation_mode", "asymmetric"));
    n->op = "Resize";
    const struct tensor *s = &im->g->tensors[scales];
    bool known = s->data && s->dtype == DT_F32;
    bool up = known || !strcmp(n->proto->op_type, "Upsample"), down = known;
    for (int64_t i = 0; known && i < shape_elements(&s->shape); i++) {
        if (((const float *)s->data)[i] < 1) up = false;
        if (((const float *)s->data)[i] > 1) down = false;
    }
    bool nearest = !onode_attr(n, "mode") || onode_string_is(n, "mode", "nearest");
    if (nearest && !up && !down && !im->lacks.n_nodes) {
        *done = true;
        return node_unsupported(im, n,
                                "nearest resizing by %s scales in the form of opset 10; export "
                                "the model with opset 11 or newer", known ? "mixed" : "computed");
    }
    /* Enlarging took the pixel before, shrinking the pixel after. */
    if (nearest) TRY(onode_set_string(im, n, "nearest_mode", up ? "floor" : "ceil"));
    TRY(onode_set_input(im, n, 2, scales));
    n->inputs[1] = -1;
    return STATUS_OK;
}

enum status rewrite_resize_10(struct importer *im, struct onnx_node *n, bool *done) {
    char label[160];
    CHECK(n->n_inputs == 2 && n->inputs[1] >= 0, STATUS_FORMAT, "%s needs two inputs",
          node_label(n, label));
    return to_resize(im, n, n->inputs[1], done);
}

enum status rewrite_upsample(struct importer *im, struct onnx_node *n, bool *done) {
    char label[160];
    int scales;
    if (n->n_inputs >= 2 && n->inputs[1] >= 0) return to_resize(im, n, n->inputs[1], done);
    const Onnx__AttributeProto *a = onode_attr(n, "scales");
    if (a && a->type == ONNX_FLOATS) {
        TRY(constant_floats(im, n, a->n_floats, a->floats, &scales));
        onode_drop(n, "scales");
        return to_resize(im, n, scales, done);
    }
    float v[4] = {1, 1, onode_float(n, "height_scale", 0), onode_float(n, "width_scale", 0)};
    CHECK(v[2] > 0 && v[3] > 0, STATUS_FORMAT, "%s has no scales", node_label(n, label));
    onode_drop(n, "height_scale");
    onode_drop(n, "width_scale");
    TRY(constant_floats(im, n, 4, v, &scales));
    return to_resize(im, n, scales, done);
}

/* An input without elements is one left out. */
enum status rewrite_resize(struct importer *im, struct onnx_node *n, bool *done) {
    for (int i = 1; i < n->n_inputs; i++) {
        const struct tensor *t = input_tensor(im, n, i);
        if (t && shape_elements(&t->shape) == 0) n->inputs[i] = -1;
    }
    return STATUS_OK;
}

enum status rewrite_grid_sample(struct importer *im, struct onnx_node *n, bool *done) {
    if (onode_string_is(n, "mode", "bilinear")) return onode_set_string(im, n, "mode", "linear");
    if (onode_string_is(n, "mode", "bicubic")) return onode_set_string(im, n, "mode", "cubic");
    return STATUS_OK;
}

/* The default was "output_half_pixel" before 16, in all but the name. */
enum status rewrite_roi_align(struct importer *im, struct onnx_node *n, bool *done) {
    if (onode_attr(n, "coordinate_transformation_mode")) return STATUS_OK;
    return onode_set_string(im, n, "coordinate_transformation_mode", "output_half_pixel");
}
