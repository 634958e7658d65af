/* SPDX-License-Identifier: Apache-2.0 */
/* Operators that copy elements, as they are or in another type: Identity, Dropout (at inference),
 * Cast, CastLike, BitCast. The attribute `to` holds the name of the type as base/dtype.h spells
 * it. */
#include <string.h>

#include "ops/elements.h"

static enum status run_copy(struct op_call *c) {
    size_t bytes = (size_t)shape_elements(&c->in[0].shape) * dtype_size(c->in[0].dtype);
    if (bytes && c->out[0].data != c->in[0].data) memcpy(c->out[0].data, c->in[0].data, bytes);
    return STATUS_OK;
}

const struct op_def op_def_Identity = {
    .name = "Identity", .min_inputs = 1, .max_inputs = 1, .min_outputs = 1, .max_outputs = 1,
    .infer = infer_same, .run = run_copy,
};

/* ---- Dropout ---- */

static enum status check_inference(const struct op_call *c) {
    int64_t training = 0;
    double ratio = 0.5;
    bool known;
    TRY(op_known_int(c, 2, &training, &known));
    TRY(op_known_f64(c, 1, &ratio, &known));
    OP_CHECK(c, !training || (known && ratio == 0), STATUS_UNSUPPORTED,
             "training mode is not supported; export the model for inference");
    return STATUS_OK;
}

static enum status infer_dropout(struct op_call *c) {
    TRY(check_inference(c));
    op_output(c, 0, c->in[0].dtype, c->in[0].shape);
    op_output(c, 1, DT_BOOL, c->in[0].shape);
    return STATUS_OK;
}

static enum status run_dropout(struct op_call *c) {
    TRY(check_inference(c));
    int64_t n = shape_elements(&c->in[0].shape);
    if (op_has_output(c, 1) && n) memset(c->out[1].data, 1, (size_t)n);
    return run_copy(c);
}

const struct op_def op_def_Dropout = {
    .name = "Dropout", .min_inputs = 1, .max_inputs = 3, .min_outputs = 1, .max_outputs = 2,
    .infer = infer_dropout, .run = run_dropout,
    .attrs = (const struct attr_spec[]){{"seed", ATTR_INT}, {0}},
};

/* ---- conversions ---- */

static enum status target_type(const struct op_call *c, enum dtype *out) {
    const char *to = node_string(c->node, "to", "");
    *out = dtype_from_name(to);
    OP_CHECK(c, *out != DT_NONE, STATUS_UNSUPPORTED,
             "attribute 'to' is '%s', which is no supported element type", to);
    return STATUS_OK;
}

static enum status infer_cast(struct op_call *c) {
    enum dtype to;
    TRY(target_type(c, &to));
    op_output(c, 0, to, c->in[0].shape);
    return STATUS_OK;
}

static enum status infer_cast_like(struct op_call *c) {
    op_output(c, 0, c->in[1].dtype, c->in[0].shape);
    return STATUS_OK;
}

static enum status run_cast(struct op_call *c) {
    enum dtype from = c->in[0].dtype, to = c->out[0].dtype;
    if (from == to && to != DT_BOOL) return run_copy(c);
    int64_t n = shape_elements(&c->in[0].shape), whole[ELEMENTS_BLOCK];
    double real[ELEMENTS_BLOCK];
    for (int64_t i = 0; i < n; i += ELEMENTS_BLOCK) {
        int m = n - i < ELEMENTS_BLOCK ? (int)(n - i) : ELEMENTS_BLOCK;
        if (dtype_is_float(from) || dtype_is_float(to)) {
            elements_get_f64(&c->in[0], i, 1, m, real);
            elements_put_f64(&c->out[0], i, m, real);
        } else {
            elements_get_i64(&c->in[0], i, 1, m, whole);
            elements_put_i64(&c->out[0], i, m, whole);
        }
    }
    return STATUS_OK;
}

/* Rounding and saturation matter for 8-bit floats only, which do not exist here. */
static const struct attr_spec cast_attrs[] = {
    {"to", ATTR_STRING}, {"saturate", ATTR_INT}, {"round_mode", ATTR_STRING}, {0}};

const struct op_def op_def_Cast = {
    .name = "Cast", .min_inputs = 1, .max_inputs = 1, .min_outputs = 1, .max_outputs = 1,
    .infer = infer_cast, .run = run_cast, .attrs = cast_attrs,
};

const struct op_def op_def_CastLike = {
    .name = "CastLike", .min_inputs = 2, .max_inputs = 2, .min_outputs = 1, .max_outputs = 1,
    .infer = infer_cast_like, .run = run_cast, .attrs = cast_attrs + 1,
};

static enum status infer_bit_cast(struct op_call *c) {
    enum dtype to, from = c->in[0].dtype;
    TRY(target_type(c, &to));
    OP_CHECK(c, from == DT_NONE || dtype_size(from) == dtype_size(to), STATUS_SHAPE,
             "%s and %s differ in size", dtype_name(from), dtype_name(to));
    op_output(c, 0, to, c->in[0].shape);
    return STATUS_OK;
}

const struct op_def op_def_BitCast = {
    .name = "BitCast", .min_inputs = 1, .max_inputs = 1, .min_outputs = 1, .max_outputs = 1,
    .infer = infer_bit_cast, .run = run_copy, .attrs = cast_attrs,
};
