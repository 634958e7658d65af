/* SPDX-License-Identifier: Apache-2.0 */
/* Aipp: parameters, shape rule and reference kernel; see ops/aipp.h. */
#include "ops/aipp.h"

#include <math.h>
#include <string.h>

#include "ops/access.h"

struct shape aipp_picture_shape(int format, int64_t n, int64_t h, int64_t w) {
    const struct aipp_layout *f = aipp_layout(format);
    return shape_from(4, (int64_t[]){n, aipp_rows(format, h), w, f ? f->bytes : 1});
}

/* ---- parameters ---- */

#define NEED(condition, ...) CHECK(condition, STATUS_ARGUMENT, __VA_ARGS__)

static enum status check_numbers(const struct aipp *a) {
    for (int i = 0; i < 9; i++)
        NEED(a->matrix[i] >= -32768 && a->matrix[i] <= 32767,
             "matrix_r%dc%d is %d; it has 16 bits, -32768 to 32767", i / 3, i % 3, a->matrix[i]);
    for (int i = 0; i < 3; i++) {
        NEED(a->input_bias[i] >= 0 && a->input_bias[i] <= 255,
             "input_bias_%d is %d; it is 0 to 255", i, a->input_bias[i]);
        NEED(a->output_bias[i] >= 0 && a->output_bias[i] <= 255,
             "output_bias_%d is %d; it is 0 to 255", i, a->output_bias[i]);
    }
    for (int i = 0; i < 4; i++) {
        NEED(a->mean[i] >= 0 && a->mean[i] <= 255, "mean_chn_%d is %d; it is 0 to 255", i,
             a->mean[i]);
        NEED(a->min[i] >= 0 && a->min[i] <= 255, "min_chn_%d is %g; it is 0 to 255", i,
             (double)a->min[i]);
        NEED(fabsf(a->var_reci[i]) <= 65504, "var_reci_chn_%d is %g; it is -65504 to 65504", i,
             (double)a->var_reci[i]);
    }
    NEED(fabsf(a->padding_value) <= 65504, "padding_value is %g; it is -65504 to 65504",
         (double)a->padding_value);
    return STATUS_OK;
}

static enum status check_sizes(const struct aipp *a, const struct aipp_layout *f) {
    const char *name = f->name;
    NEED(a->src_w >= 1 && a->src_w <= AIPP_MAX_SIZE, "src_image_size_w is %d; it is 1 to 4096",
         a->src_w);
    NEED(a->src_h >= 1 && a->src_h <= AIPP_MAX_SIZE, "src_image_size_h is %d; it is 1 to 4096",
         a->src_h);
    NEED(!f->even_w || a->src_w % 2 == 0,
         "src_image_size_w is %d; a picture in %s has an even width", a->src_w, name);
    NEED(!f->even_h || a->src_h % 2 == 0,
         "src_image_size_h is %d; a picture in %s has an even height", a->src_h, name);
    NEED(a->crop_w >= 1 && a->crop_h >= 1, "crop_size is %d x %d; nothing is left of the picture",
         a->crop_w, a->crop_h);
    NEED(a->crop_x >= 0 && a->crop_x < a->src_w && a->crop_w <= a->src_w - a->crop_x,
         "crop_size_w: %d columns from %d on are cropped; the picture has %d", a->crop_w, a->crop_x,
         a->src_w);
    NEED(a->crop_y >= 0 && a->crop_y < a->src_h && a->crop_h <= a->src_h - a->crop_y,
         "crop_size_h: %d rows from %d on are cropped; the picture has %d", a->crop_h, a->crop_y,
         a->src_h);
    if (a->format == AIPP_YUV420SP_U8) {
        NEED(a->crop_x % 2 == 0, "load_start_pos_w is %d; with %s it is even", a->crop_x, name);
        NEED(a->crop_y % 2 == 0, "load_start_pos_h is %d; with %s it is even", a->crop_y, name);
    }
    NEED(!a->resize || (a->resize_w >= 16 && a->resize_w <= AIPP_MAX_SIZE),
         "resize_output_w is %d; it is 16 to 4096", a->resize_w);
    NEED(!a->resize || (a->resize_h >= 16 && a->resize_h <= AIPP_MAX_SIZE),
         "resize_output_h is %d; it is 16 to 4096", a->resize_h);
    const struct {
        const char *name;
        int n;
    } pads[] = {{"left", a->left}, {"right", a->right}, {"top", a->top}, {"bottom", a->bottom}};
    for (int i = 0; i < 4; i++)
        NEED(pads[i].n >= 0 && pads[i].n <= 32, "%s_padding_size is %d; it is 0 to 32",
             pads[i].name, pads[i].n);
    return STATUS_OK;
}

/* sized: the size of the pictures is known. */
static enum status check(const struct aipp *a, bool sized) {
    const struct aipp_layout *f = aipp_layout(a->format);
    NEED(f, "input_format %d is no format of 8-bit pictures", (int)a->format);
    const char *name = f->name;
    if (sized) TRY(check_sizes(a, f));
    NEED(!a->csc || f->channels > 1,
         "csc_switch is on; %s has one channel, which has no colour to convert", name);
    NEED(!a->ax_swap || f->channels == 4,
         "ax_swap_switch is on; %s has no fourth channel to move", name);
    NEED(a->channels == f->channels || (a->channels == 3 && f->channels == 4),
         "input_format %s has %d channels; the model takes %d", name, f->channels,
         a->channels);
    return check_numbers(a);
}

enum status aipp_check(const struct aipp *a) { return check(a, true); }

/* ---- attributes ---- */

static const struct attr_spec aipp_attrs[] = {
    {"input_format", ATTR_STRING}, {"src_image_size", ATTR_INTS},  {"crop", ATTR_INTS},
    {"rbuv_swap_switch", ATTR_INT}, {"ax_swap_switch", ATTR_INT},   {"matrix", ATTR_INTS},
    {"input_bias", ATTR_INTS},      {"output_bias", ATTR_INTS},     {"resize", ATTR_INTS},
    {"padding", ATTR_INTS},         {"padding_value", ATTR_FLOAT},  {"mean_chn", ATTR_INTS},
    {"min_chn", ATTR_FLOATS},       {"var_reci_chn", ATTR_FLOATS},  {"channels", ATTR_INT},
    {"dtype", ATTR_STRING},         {"max_src_image_size", ATTR_INT},
    {"output", ATTR_INTS},          {"scale", ATTR_FLOATS},         {"offset", ATTR_FLOATS},
    {0}};

static int small(int64_t v) { return v < -(1 << 20) ? -(1 << 20) : v > 1 << 20 ? 1 << 20 : (int)v; }

/* n integers of an attribute; *given tells whether it is there. */
static enum status ints_of(const struct node *n, const char *name, int count, int *out,
                           bool *given) {
    int64_t v[16];
    int have = node_ints(n, name, v, 16);
    NEED(have < 0 || have == count, "attribute '%s' has %d values instead of %d", name, have,
         count);
    for (int i = 0; i < have; i++) out[i] = small(v[i]);
    if (given) *given = have >= 0;
    return STATUS_OK;
}

static enum status floats_of(const struct node *n, const char *name, float out[static 4]) {
    float v[4];
    int have = node_floats(n, name, v, 4);
    NEED(have < 0 || have == 4, "attribute '%s' has %d values instead of 4", name, have);
    for (int i = 0; i < have; i++) out[i] = v[i];
    return STATUS_OK;
}

enum status aipp_declared(const struct node *n, const struct shape *picture, struct aipp *a) {
    const char *name = node_string(n, "input_format", "");
    int format = aipp_format_find(name), size[2] = {0}, crop[4], resize[2] = {0}, pad[4] = {0};
    bool cropped = false, sized = false;
    NEED(format, "attribute 'input_format' is '%s', which is no picture format", name);
    TRY(ints_of(n, "src_image_size", 2, size, &sized));
    if (!sized && picture && picture->rank == 4 && picture->dim[1] >= 0 && picture->dim[2] >= 0) {
        size[0] = small(picture->dim[2]);
        size[1] = small(aipp_height(format, picture->dim[1]));
        sized = true;
    }
    aipp_init(a, format, size[0], size[1]);
    TRY(ints_of(n, "crop", 4, crop, &cropped));
    if (cropped) {
        a->crop_x = crop[0];
        a->crop_y = crop[1];
        a->crop_w = crop[2];
        a->crop_h = crop[3];
    }
    a->rbuv_swap = node_int(n, "rbuv_swap_switch", 0) != 0;
    a->ax_swap = node_int(n, "ax_swap_switch", 0) != 0;
    TRY(ints_of(n, "matrix", 9, a->matrix, &a->csc));
    TRY(ints_of(n, "input_bias", 3, a->input_bias, NULL));
    TRY(ints_of(n, "output_bias", 3, a->output_bias, NULL));
    TRY(ints_of(n, "resize", 2, resize, &a->resize));
    a->resize_w = resize[0];
    a->resize_h = resize[1];
    TRY(ints_of(n, "padding", 4, pad, NULL));
    a->left = pad[0];
    a->right = pad[1];
    a->top = pad[2];
    a->bottom = pad[3];
    a->padding_value = node_float(n, "padding_value", 0);
    TRY(ints_of(n, "mean_chn", 4, a->mean, NULL));
    TRY(floats_of(n, "min_chn", a->min));
    TRY(floats_of(n, "var_reci_chn", a->var_reci));
    a->channels = small(node_int(n, "channels", a->channels));
    return check(a, sized);
}

/* ---- what passes fold ---- */

/* False if the parameters cannot express it: one value pads all channels. */
static bool fold(struct aipp *a, const double *scale, const double *offset) {
    const bool padded = a->left || a->right || a->top || a->bottom;
    const double padding = (double)a->padding_value;
    for (int i = 0; i < a->channels; i++) {
        const double v = (double)a->var_reci[i] * scale[i];
        const double min = (double)a->min[i] - offset[i] / v;
        if (!(fabs(v) >= 1e-30 && fabs(v) < 1e30 && fabs(min) < 1e30)) return false;
        a->var_reci[i] = (float)v;
        a->min[i] = (float)min;
        const float made = (float)(padding * scale[i] + offset[i]);
        if (padded && i && made != a->padding_value) return false;
        if (padded) a->padding_value = made;
    }
    return true;
}

bool aipp_folded(const struct node *n, int channels, double scale[static 4],
                 double offset[static 4]) {
    float s[4], o[4];
    const bool dynamic = n->n_inputs > 1 && n->inputs[1] >= 0;
    if (n->op != OP_Aipp || dynamic || channels < 1 || channels > 4 ||
        strcmp(node_string(n, "dtype", "f32"), "f32"))
        return false;
    const int n_scale = node_floats(n, "scale", s, 4), n_offset = node_floats(n, "offset", o, 4);
    if ((n_scale >= 0 && n_scale != channels) || (n_offset >= 0 && n_offset != channels))
        return false;
    for (int i = 0; i < channels; i++) {
        scale[i] = n_scale < 0 ? 1 : (double)s[i];
        offset[i] = n_offset < 0 ? 0 : (double)o[i];
    }
    return true;
}

bool aipp_can_fold(const struct node *n, int channels, const double *scale, const double *offset) {
    struct aipp a;
    return aipp_declared(n, NULL, &a) == STATUS_OK && a.channels == channels &&
           fold(&a, scale, offset);
}

enum status aipp_set_folded(struct graph *g, int node, int channels, const double *scale,
                            const double *offset) {
    float s[4], o[4];
    for (int i = 0; i < channels && i < 4; i++) {
        s[i] = (float)scale[i];
        o[i] = (float)offset[i];
    }
    TRY(node_set_floats(g, node, "scale", channels, s));
    return node_set_floats(g, node, "offset", channels, o);
}

enum status aipp_from_node(const struct node *n, const struct shape *picture, struct aipp *a) {
    double scale[4], offset[4];
    TRY(aipp_declared(n, picture, a));
    if (!node_attr(n, "scale") && !node_attr(n, "offset")) return STATUS_OK;
    NEED(aipp_folded(n, a->channels, scale, offset) && fold(a, scale, offset),
         "attributes 'scale' and 'offset' are not %d numbers that the other parameters can take",
         a->channels);
    return STATUS_OK;
}

static enum status set_ints(struct graph *g, int node, const char *name, int n, const int *from) {
    int64_t v[16];
    for (int i = 0; i < n; i++) v[i] = from[i];
    return node_set_ints(g, node, name, n, v);
}

enum status aipp_to_node(struct graph *g, int node, const struct aipp *a) {
    TRY(node_set_string(g, node, "input_format", aipp_format_name(a->format)));
    if (a->src_w) TRY(set_ints(g, node, "src_image_size", 2, (int[]){a->src_w, a->src_h}));
    if (a->crop_x || a->crop_y || a->crop_w != a->src_w || a->crop_h != a->src_h)
        TRY(set_ints(g, node, "crop", 4, (int[]){a->crop_x, a->crop_y, a->crop_w, a->crop_h}));
    TRY(node_set_int(g, node, "rbuv_swap_switch", a->rbuv_swap));
    TRY(node_set_int(g, node, "ax_swap_switch", a->ax_swap));
    if (a->csc) {
        TRY(set_ints(g, node, "matrix", 9, a->matrix));
        TRY(set_ints(g, node, "input_bias", 3, a->input_bias));
        TRY(set_ints(g, node, "output_bias", 3, a->output_bias));
    }
    if (a->resize) TRY(set_ints(g, node, "resize", 2, (int[]){a->resize_w, a->resize_h}));
    if (a->left || a->right || a->top || a->bottom) {
        TRY(set_ints(g, node, "padding", 4, (int[]){a->left, a->right, a->top, a->bottom}));
        TRY(node_set_float(g, node, "padding_value", a->padding_value));
    }
    TRY(set_ints(g, node, "mean_chn", 4, a->mean));
    TRY(node_set_floats(g, node, "min_chn", 4, a->min));
    TRY(node_set_floats(g, node, "var_reci_chn", 4, a->var_reci));
    return node_set_int(g, node, "channels", a->channels);
}

/* ---- the parameter block ---- */

static int32_t i32_at(const uint8_t *p) {
    int32_t v;
    memcpy(&v, p, sizeof v);
    return v;
}
static int16_t i16_at(const uint8_t *p) {
    int16_t v;
    memcpy(&v, p, sizeof v);
    return v;
}
static float half_at(const uint8_t *p) {
    uint16_t v;
    memcpy(&v, p, sizeof v);
    return f16_to_f32(v);
}

enum status aipp_from_block(const void *block, size_t bytes, int image, int channels,
                            struct aipp *a) {
    const uint8_t *head = block;
    NEED(bytes >= AIPP_HEAD_BYTES + AIPP_IMAGE_BYTES, "the parameter block has %zu bytes", bytes);
    int n = (int8_t)head[4];
    NEED(head[0] && n > 0, "no parameters are set; call aclmdlSetInputAIPP before each run");
    NEED(image < n, "the parameters are for %d pictures; the run has more", n);
    NEED((size_t)n <= (bytes - AIPP_HEAD_BYTES) / AIPP_IMAGE_BYTES,
         "the parameter block of %zu bytes is too small for %d pictures", bytes, n);
    const uint8_t *b = head + AIPP_HEAD_BYTES + (size_t)image * AIPP_IMAGE_BYTES;
    aipp_init(a, head[0], small(i32_at(head + 8)), small(i32_at(head + 12)));
    NEED(aipp_format_name(a->format), "input_format %d is no format of 8-bit pictures", head[0]);
    a->channels = channels;
    a->csc = head[1] != 0;
    a->rbuv_swap = head[2] != 0;
    a->ax_swap = head[3] != 0;
    for (int i = 0; i < 9; i++) a->matrix[i] = i16_at(head + 16 + 2 * i);
    for (int i = 0; i < 3; i++) a->output_bias[i] = head[40 + i];
    for (int i = 0; i < 3; i++) a->input_bias[i] = head[43 + i];
    if (b[0]) {
        a->crop_x = small(i32_at(b + 8));
        a->crop_y = small(i32_at(b + 12));
        a->crop_w = small(i32_at(b + 16));
        a->crop_h = small(i32_at(b + 20));
    }
    a->resize = b[1] != 0;
    int in_w = i32_at(b + 24), in_h = i32_at(b + 28);
    NEED(!a->resize || (in_w == a->crop_w && in_h == a->crop_h),
         "scfInputSize is %d x %d; what is resized has %d x %d", in_w, in_h, a->crop_w, a->crop_h);
    a->resize_w = small(i32_at(b + 32));
    a->resize_h = small(i32_at(b + 36));
    if (b[2]) {
        a->top = small(i32_at(b + 40));
        a->bottom = small(i32_at(b + 44));
        a->left = small(i32_at(b + 48));
        a->right = small(i32_at(b + 52));
    }
    for (int i = 0; i < 4; i++) {
        a->mean[i] = i16_at(b + 56 + 2 * i);
        a->min[i] = half_at(b + 64 + 2 * i);
        a->var_reci[i] = half_at(b + 72 + 2 * i);
    }
    return aipp_check(a);
}

enum status aipp_for_picture(const void *block, size_t block_bytes, int image, int64_t have,
                             const struct shape *made, struct aipp *a, int64_t *bytes) {
    int w, h;
    TRY(aipp_from_block(block, block_bytes, image, (int)made->dim[1], a));
    aipp_output_size(a, &w, &h);
    NEED(w == made->dim[3] && h == made->dim[2],
         "the parameters make pictures of %d x %d; the model takes %lld x %lld", w, h,
         (long long)made->dim[3], (long long)made->dim[2]);
    struct shape one = aipp_picture_shape(a->format, 1, a->src_h, a->src_w);
    *bytes = shape_elements(&one);
    const int64_t need = *bytes * made->dim[0];
    NEED(need <= have, "%lld pictures of %d x %d in %s have %lld bytes; the input has %lld",
         (long long)made->dim[0], a->src_w, a->src_h, aipp_format_name(a->format),
         (long long)need, (long long)have);
    return STATUS_OK;
}

/* ---- graphs ---- */

const struct node *aipp_node_of(const struct graph *g, int t, int input) {
    for (int i = 0; i < g->n_nodes; i++)
        if (g->nodes[i].op == OP_Aipp && input < g->nodes[i].n_inputs &&
            g->nodes[i].inputs[input] == t)
            return &g->nodes[i];
    return NULL;
}

/* ---- the operator ---- */

static bool is_u8(const struct op_call *c) {
    return !strcmp(node_string(c->node, "dtype", "f32"), "u8");
}

static enum status infer_static(struct op_call *c) {
    struct aipp a;
    int w, h;
    const struct shape *x = &c->in[0].shape;
    enum status s = aipp_from_node(c->node, x, &a);
    if (s != STATUS_OK) return op_fail(c, s);
    const bool open = a.src_w == 0;
    struct shape want = aipp_picture_shape(a.format, -1, a.src_h, a.src_w);
    for (int d = open ? 3 : 1; d < 4; d++)
        OP_CHECK(c, x->rank < 0 || x->dim[d] < 0 || x->dim[d] == want.dim[d], STATUS_SHAPE,
                 "dimension %d of the picture is %lld; %s of %d x %d needs %lld", d,
                 (long long)x->dim[d], aipp_format_name(a.format), a.src_w, a.src_h,
                 (long long)want.dim[d]);
    aipp_output_size(&a, &w, &h);
    if (open) w = h = -1;
    op_output(c, 0, is_u8(c) ? DT_U8 : DT_F32,
              shape_from(4, (int64_t[]){x->rank < 0 ? -1 : x->dim[0], a.channels, h, w}));
    return STATUS_OK;
}

/* Pictures of any size, up to that many bytes each. */
static enum status infer_dynamic(struct op_call *c) {
    const struct shape *x = &c->in[0].shape;
    int64_t most = node_int(c->node, "max_src_image_size", 0);
    int y[3] = {0};
    bool fixed = false;
    enum status s = ints_of(c->node, "output", 3, y, &fixed);
    if (s != STATUS_OK) return op_fail(c, s);
    if (!fixed) y[0] = small(node_int(c->node, "channels", 0));
    OP_CHECK(c, x->rank < 0 || x->rank == (fixed ? 2 : 4), STATUS_SHAPE,
             "input 0 has %d dimensions; with%s attribute 'output' it has %d", x->rank,
             fixed ? "" : "out", fixed ? 2 : 4);
    for (int d = 2; d < 4 && !fixed; d++) y[d - 1] = x->rank < 0 ? -1 : small(x->dim[d]);
    OP_CHECK(c, fixed || x->rank < 0 || x->dim[1] == 4, STATUS_SHAPE,
             "dimension 1 of the pictures is %lld; it is 4", (long long)x->dim[1]);
    OP_CHECK(c, most > 0 && most <= INT32_MAX, STATUS_ARGUMENT,
             "attribute 'max_src_image_size' is %lld", (long long)most);
    OP_CHECK(c, y[0] == 1 || y[0] == 3 || y[0] == 4, STATUS_SHAPE,
             "no picture format has %d channels", y[0]);
    for (int d = 1; d < 3; d++)
        OP_CHECK(c, (y[d] > 0 && y[d] <= AIPP_MAX_OUTPUT) || (!fixed && y[d] < 0), STATUS_SHAPE,
                 "%d x %d pixels are asked for; at most %d are made each way", y[2], y[1],
                 AIPP_MAX_OUTPUT);
    op_output(c, 0, is_u8(c) ? DT_U8 : DT_F32,
              shape_from(4, (int64_t[]){x->rank < 0 ? -1 : x->dim[0], y[0], y[1], y[2]}));
    return STATUS_OK;
}

static enum status infer_aipp(struct op_call *c) {
    const bool dynamic = op_has_input(c, 1);
    TRY(op_check_dtype(c, 0, DTYPES_OF(DT_U8)));
    TRY(op_check_dtype(c, 1, DTYPES_OF(DT_U8)));
    TRY(op_check_rank(c, 0, dynamic ? 2 : 4, 4));
    TRY(op_check_rank(c, 1, 1, 1));
    const char *type = node_string(c->node, "dtype", "f32");
    OP_CHECK(c, !strcmp(type, "f32") || !strcmp(type, "u8"), STATUS_UNSUPPORTED,
             "attribute 'dtype' is '%s'; it is f32 or u8", type);
    return dynamic ? infer_dynamic(c) : infer_static(c);
}

static uint8_t clamp(int v) { return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v); }

static void swap(uint8_t *a, uint8_t *b) {
    uint8_t t = *a;
    *a = *b;
    *b = t;
}

/* The channels of pixel (x, y) of the picture, in the format's order: RGB, YUV, ARGB, AYUV. */
static void fetch(const struct aipp *a, const uint8_t *src, int x, int y, uint8_t c[static 4]) {
    const size_t w = (size_t)a->src_w, h = (size_t)a->src_h, px = (size_t)x, py = (size_t)y;
    const uint8_t *p = src + py * w + px, *uv;
    switch (a->format) {
    case AIPP_YUV400_U8: c[0] = *p; return;
    case AIPP_YUV420SP_U8:
    case AIPP_YUV422SP_U8:
        uv = src + w * h + (a->format == AIPP_YUV420SP_U8 ? py / 2 : py) * w + px / 2 * 2;
        c[0] = *p;
        c[1] = uv[0];
        c[2] = uv[1];
        break;
    case AIPP_YUYV_U8:
        p = src + (py * w + px) * 2;
        uv = src + (py * w + px / 2 * 2) * 2;
        c[0] = *p;
        c[1] = uv[1];
        c[2] = uv[3];
        break;
    case AIPP_AYUV444_U8: memcpy(c, src + (py * w + px) * 3, 3); break;
    case AIPP_RGB888_U8:
        memcpy(c, src + (py * w + px) * 3, 3);
        if (a->rbuv_swap) swap(&c[0], &c[2]);
        return;
    case AIPP_XRGB8888_U8:
    case AIPP_ARGB8888_U8:
        p = src + (py * w + px) * 4;
        for (int i = 0; i < 4; i++) c[i] = p[a->ax_swap ? (i + 3) % 4 : i];
        if (a->rbuv_swap) swap(&c[1], &c[3]);
        return;
    }
    if (a->rbuv_swap) swap(&c[1], &c[2]);
}

static void convert(const struct aipp *a, uint8_t c[static 3]) {
    const bool yuv = aipp_format_is_yuv(a->format);
    int in[3], out[3];
    for (int i = 0; i < 3; i++) in[i] = c[i] - (yuv ? a->input_bias[i] : 0);
    for (int r = 0; r < 3; r++) {
        const int *m = a->matrix + 3 * r;
        out[r] = (m[0] * in[0] + m[1] * in[1] + m[2] * in[2]) >> 8;
        if (!yuv) out[r] += a->output_bias[r];
    }
    for (int i = 0; i < 3; i++) c[i] = clamp(out[i]);
}

/* Pixel (x, y) of the cropped and converted picture. */
static void pixel(const struct aipp *a, const uint8_t *src, int x, int y, uint8_t c[static 4]) {
    const int native = aipp_format_channels(a->format);
    fetch(a, src, a->crop_x + x, a->crop_y + y, c);
    if (a->csc) convert(a, c + (native == 4));
    if (native == 4 && a->channels == 3) memmove(c, c + 1, 3);
}

static void resized(const struct aipp *a, const uint8_t *src, int x, int y, uint8_t c[static 4]) {
    if (!a->resize) {
        pixel(a, src, x, y, c);
        return;
    }
    const int px = aipp_position(x, a->resize_w, a->crop_w);
    const int py = aipp_position(y, a->resize_h, a->crop_h);
    const int x0 = px >> 11, y0 = py >> 11, fx = px & 2047, fy = py & 2047;
    const int x1 = x0 + 1 < a->crop_w ? x0 + 1 : x0, y1 = y0 + 1 < a->crop_h ? y0 + 1 : y0;
    uint8_t p[4][4] = {{0}};
    pixel(a, src, x0, y0, p[0]);
    pixel(a, src, x1, y0, p[1]);
    pixel(a, src, x0, y1, p[2]);
    pixel(a, src, x1, y1, p[3]);
    for (int i = 0; i < a->channels; i++)
        c[i] = (uint8_t)(((p[0][i] * (2048 - fx) + p[1][i] * fx) * (2048 - fy) +
                          (p[2][i] * (2048 - fx) + p[3][i] * fx) * fy + (1 << 21)) >> 22);
}

/* A whole picture: to `whole` as bytes, without normalisation, or, where that is NULL, to
 * `real`. */
static void reference(const struct aipp *a, const uint8_t *src, float *real, uint8_t *whole) {
    int w, h;
    aipp_output_size(a, &w, &h);
    const int64_t plane = (int64_t)w * h;
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++) {
            const bool outside = x < a->left || y < a->top || x >= w - a->right ||
                                 y >= h - a->bottom;
            uint8_t c[4] = {0};
            if (!outside) resized(a, src, x - a->left, y - a->top, c);
            for (int i = 0; i < a->channels; i++) {
                const int64_t at = i * plane + (int64_t)y * w + x;
                if (whole)
                    whole[at] = outside ? clamp((int)lrintf(a->padding_value)) : c[i];
                else if (outside) real[at] = a->padding_value;
                else real[at] = ((float)c[i] - (float)a->mean[i] - a->min[i]) * a->var_reci[i];
            }
        }
}

void aipp_reference(const struct aipp *a, const uint8_t *src, float *dst) {
    reference(a, src, dst, NULL);
}

static enum status run_aipp(struct op_call *c) {
    const struct shape *y = &c->out[0].shape;
    const int64_t image = y->dim[1] * y->dim[2] * y->dim[3];
    for (int n = 0; n < y->dim[0]; n++) {
        struct aipp a;
        int64_t bytes = shape_elements(&c->in[0].shape) / y->dim[0];
        enum status s = op_has_input(c, 1)
                            ? aipp_for_picture(c->in[1].data, (size_t)c->in[1].shape.dim[0], n,
                                               shape_elements(&c->in[0].shape), y, &a, &bytes)
                            : aipp_from_node(c->node, &c->in[0].shape, &a);
        if (s != STATUS_OK) return op_fail(c, s);
        const uint8_t *src = (const uint8_t *)c->in[0].data + n * bytes;
        if (is_u8(c)) reference(&a, src, NULL, (uint8_t *)c->out[0].data + n * image);
        else reference(&a, src, (float *)c->out[0].data + n * image, NULL);
    }
    return STATUS_OK;
}

const struct op_def op_def_Aipp = {
    .name = "Aipp", .min_inputs = 1, .max_inputs = 2, .min_outputs = 1, .max_outputs = 1,
    .infer = infer_aipp, .run = run_aipp, .attrs = aipp_attrs,
};
