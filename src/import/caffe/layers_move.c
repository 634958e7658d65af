/* SPDX-License-Identifier: Apache-2.0 */
/* Layers that move elements, copy them or name them anew. */
#include <inttypes.h>

#include "import/caffe/caffe.h"

/* Dropout (which scales while training), Split: every top is the bottom. */
enum status caffe_pass_on(struct caffe_import *im, struct caffe_layer *l) {
    for (int i = 0; i < l->n_out; i++)
        TRY(caffe_emit(im, l, OP_Identity, IN(l->in[0]), NULL, &l->out[i]));
    return STATUS_OK;
}

/* Keeps its bottoms from being outputs. */
enum status caffe_silence(struct caffe_import *im, struct caffe_layer *l) {
    (void)im;
    (void)l;
    return STATUS_OK;
}

enum status caffe_concat(struct caffe_import *im, struct caffe_layer *l) {
    PARAM(l, concat_param, CONCAT_PARAMETER, ConcatParameter, p);
    int axis;
    TRY(caffe_axis(im, l, p->has_concat_dim ? (int64_t)p->concat_dim : p->axis, &axis));
    return caffe_emit(im, l, OP_Concat, l->n_in, l->in, ATTRS(A_INT("axis", axis)), &l->out[0]);
}

enum status caffe_slice(struct caffe_import *im, struct caffe_layer *l) {
    PARAM(l, slice_param, SLICE_PARAMETER, SliceParameter, p);
    int axis, split;
    int64_t size;
    TRY(caffe_axis(im, l, p->has_slice_dim ? (int64_t)p->slice_dim : p->axis, &axis));
    TRY(caffe_dim(im, l, 0, axis, &size));
    int64_t *parts = arena_calloc(im->arena, (size_t)l->n_out, sizeof *parts);
    CHECK(parts, STATUS_MEMORY, CAFFE_NO_MEMORY);
    L_CHECK(l, !p->n_slice_point || p->n_slice_point == (size_t)l->n_out - 1, STATUS_FORMAT,
            "it has %d tops but %zu slice points; it takes one less than tops", l->n_out,
            p->n_slice_point);
    L_CHECK(l, p->n_slice_point || size % l->n_out == 0, STATUS_SHAPE,
            "axis %d of size %" PRId64 " cannot be cut into %d equal parts", axis, size, l->n_out);
    int64_t at = 0;
    for (int i = 0; i < l->n_out; i++) {
        int64_t end = i == l->n_out - 1 ? size
                      : p->n_slice_point ? (int64_t)p->slice_point[i] : at + size / l->n_out;
        L_CHECK(l, end > at && end <= size, STATUS_SHAPE,
                "slice point %" PRId64 " does not lie behind %" PRId64 " and within %" PRId64, end,
                at, size);
        parts[i] = end - at;
        at = end;
    }
    TRY(caffe_ints(im, l, l->n_out, parts, &split));
    return caffe_emit_many(im, l, OP_Split, IN(l->in[0], split), ATTRS(A_INT("axis", axis)),
                           l->n_out, l->out);
}

enum status caffe_flatten(struct caffe_import *im, struct caffe_layer *l) {
    PARAM(l, flatten_param, FLATTEN_PARAMETER, FlattenParameter, p);
    int first, last, rank, n = 0;
    int64_t dims[SHAPE_MAX_RANK];
    TRY(caffe_rank(im, l, 0, &rank));
    TRY(caffe_axis(im, l, p->axis, &first));
    TRY(caffe_axis(im, l, p->end_axis, &last));
    L_CHECK(l, first <= last, STATUS_SHAPE, "axis %d lies behind end_axis %d", first, last);
    if (first == 1 && last == rank - 1)
        return caffe_emit(im, l, OP_Flatten, IN(l->in[0]), ATTRS(A_INT("axis", 1)), &l->out[0]);
    for (int i = 0; i < first; i++) dims[n++] = 0;
    dims[n++] = -1;
    for (int i = last + 1; i < rank; i++) TRY(caffe_dim(im, l, 0, i, &dims[n++]));
    return caffe_reshape(im, l, l->in[0], n, dims, &l->out[0]);
}

enum status caffe_reshape_layer(struct caffe_import *im, struct caffe_layer *l) {
    PARAM(l, reshape_param, RESHAPE_PARAMETER, ReshapeParameter, p);
    int rank, first, last, n = 0;
    int64_t dims[SHAPE_MAX_RANK];
    size_t n_dim = p->shape ? p->shape->n_dim : 0;
    TRY(caffe_rank(im, l, 0, &rank));
    /* The axis may lie behind the last: then dimensions are added there. */
    int64_t axis = p->axis < 0 ? p->axis + rank + 1 : p->axis;
    L_CHECK(l,
            axis >= 0 && axis <= rank && p->num_axes >= -1 &&
                (p->num_axes < 0 || p->num_axes <= rank - axis),
            STATUS_SHAPE, "axis %d and num_axes %d do not fit a bottom of %d dimensions", p->axis,
            p->num_axes, rank);
    first = (int)axis;
    last = p->num_axes < 0 ? rank : first + p->num_axes;
    L_CHECK(l, (size_t)first + n_dim + (size_t)(rank - last) <= SHAPE_MAX_RANK, STATUS_LIMIT,
            "its top would have more than %d dimensions", SHAPE_MAX_RANK);
    for (int i = 0; i < first; i++) dims[n++] = 0;
    for (size_t i = 0; i < n_dim; i++) {
        int64_t d = p->shape->dim[i];
        L_CHECK(l, d >= -1 && d <= INT32_MAX && (d || first + (int)i < last), STATUS_SHAPE,
                "dimension %zu of its shape is %" PRId64, i, d);
        dims[n++] = d;
    }
    for (int i = last; i < rank; i++) TRY(caffe_dim(im, l, 0, i, &dims[n++]));
    return caffe_reshape(im, l, l->in[0], n, dims, &l->out[0]);
}

/* Axes that `order` leaves out follow in their own order. */
enum status caffe_permute(struct caffe_import *im, struct caffe_layer *l) {
    PARAM(l, permute_param, PERMUTE_PARAMETER, PermuteParameter, p);
    int rank, n = 0;
    int64_t order[SHAPE_MAX_RANK];
    bool used[SHAPE_MAX_RANK] = {false};
    TRY(caffe_rank(im, l, 0, &rank));
    for (size_t i = 0; i < p->n_order; i++) {
        uint32_t a = p->order[i];
        L_CHECK(l, a < (uint32_t)rank && !used[a], STATUS_FORMAT,
                "its order names axis %u, which its bottom does not have or which is named twice",
                a);
        used[a] = true;
        order[n++] = a;
    }
    for (int i = 0; i < rank; i++)
        if (!used[i]) order[n++] = i;
    return caffe_emit(im, l, OP_Transpose, IN(l->in[0]), ATTRS(A_INTS("perm", n, order)),
                      &l->out[0]);
}

/* x[start:end:step] on `n` axes from `first` on, or on given ones. */
static enum status cut(struct caffe_import *im, struct caffe_layer *l, int n, const int64_t *axes,
                       const int64_t *start, const int64_t *end, const int64_t *step) {
    int t[4];
    TRY(caffe_ints(im, l, n, start, &t[0]));
    TRY(caffe_ints(im, l, n, end, &t[1]));
    TRY(caffe_ints(im, l, n, axes, &t[2]));
    TRY(caffe_ints(im, l, n, step, &t[3]));
    return caffe_emit(im, l, OP_Slice, IN(l->in[0], t[0], t[1], t[2], t[3]), NULL, &l->out[0]);
}

enum status caffe_crop(struct caffe_import *im, struct caffe_layer *l) {
    PARAM(l, crop_param, CROP_PARAMETER, CropParameter, p);
    int rank, axis, n = 0;
    int64_t axes[SHAPE_MAX_RANK], start[SHAPE_MAX_RANK], end[SHAPE_MAX_RANK], step[SHAPE_MAX_RANK];
    TRY(caffe_rank(im, l, 0, &rank));
    TRY(caffe_axis(im, l, p->axis, &axis));
    L_CHECK(l, p->n_offset <= 1 || p->n_offset == (size_t)(rank - axis), STATUS_FORMAT,
            "it has %zu offsets; it takes one, or one for each of %d axes", p->n_offset,
            rank - axis);
    for (; axis + n < rank; n++) {
        int64_t have, want;
        TRY(caffe_dim(im, l, 0, axis + n, &have));
        TRY(caffe_dim(im, l, 1, axis + n, &want));
        axes[n] = axis + n;
        start[n] = p->n_offset ? p->offset[p->n_offset == 1 ? 0 : n] : 0;
        end[n] = start[n] + want;
        step[n] = 1;
        L_CHECK(l, end[n] <= have, STATUS_SHAPE, "on axis %d it would take %" PRId64 " to %" PRId64
                " of a size of %" PRId64, axis + n, start[n], end[n], have);
    }
    return cut(im, l, n, axes, start, end, step);
}

enum status caffe_reverse(struct caffe_import *im, struct caffe_layer *l) {
    PARAM(l, reverse_param, REVERSE_PARAMETER, ReverseParameter, p);
    int n = 0;
    int64_t axes[SHAPE_MAX_RANK], start[SHAPE_MAX_RANK], end[SHAPE_MAX_RANK], step[SHAPE_MAX_RANK];
    L_CHECK(l, p->n_axis && p->n_axis <= SHAPE_MAX_RANK, STATUS_FORMAT, "it has %zu axes",
            p->n_axis);
    for (; (size_t)n < p->n_axis; n++) {
        int axis;
        TRY(caffe_axis(im, l, p->axis[n], &axis));
        axes[n] = axis;
        start[n] = -1;
        end[n] = INT64_MIN;
        step[n] = -1;
    }
    return cut(im, l, n, axes, start, end, step);
}

enum status caffe_tile(struct caffe_import *im, struct caffe_layer *l) {
    PARAM(l, tile_param, TILE_PARAMETER, TileParameter, p);
    int rank, axis, repeats;
    int64_t n[SHAPE_MAX_RANK];
    TRY(caffe_rank(im, l, 0, &rank));
    TRY(caffe_axis(im, l, p->axis, &axis));
    L_CHECK(l, p->tiles > 0, STATUS_FORMAT, "it has %d tiles", p->tiles);
    for (int i = 0; i < rank; i++) n[i] = i == axis ? p->tiles : 1;
    TRY(caffe_ints(im, l, rank, n, &repeats));
    return caffe_emit(im, l, OP_Tile, IN(l->in[0], repeats), NULL, &l->out[0]);
}

/* (N, g, C/g, H, W) with the two in the middle changed over. */
enum status caffe_shuffle_channel(struct caffe_import *im, struct caffe_layer *l) {
    PARAM(l, shuffle_channel_param, SHUFFLE_CHANNEL_PARAMETER, ShuffleChannelParameter, p);
    int64_t c, h, w, g = p->group;
    TRY(caffe_dim(im, l, 0, 1, &c));
    TRY(caffe_dim(im, l, 0, 2, &h));
    TRY(caffe_dim(im, l, 0, 3, &w));
    L_CHECK(l, g > 0 && c % g == 0, STATUS_SHAPE, "group %" PRId64 " does not divide %" PRId64
            " channels", g, c);
    int grouped = -1, turned = -1;
    TRY(caffe_reshape(im, l, l->in[0], 5, (int64_t[]){0, g, c / g, h, w}, &grouped));
    TRY(caffe_emit(im, l, OP_Transpose, IN(grouped),
                   ATTRS(A_INTS("perm", 5, ((int64_t[]){0, 2, 1, 3, 4}))), &turned));
    return caffe_reshape(im, l, turned, 4, (int64_t[]){0, c, h, w}, &l->out[0]);
}

/* Places of a square become channels, the place's number outermost, or back (`reverse`). */
enum status caffe_reorg(struct caffe_import *im, struct caffe_layer *l) {
    PARAM(l, reorg_param, REORG_PARAMETER, ReorgParameter, p);
    L_CHECK(l, p->stride > 0 && p->stride <= 1 << 10, STATUS_FORMAT, "its stride is %u", p->stride);
    return caffe_emit(im, l, p->reverse ? OP_DepthToSpace : OP_SpaceToDepth, IN(l->in[0]),
                      ATTRS(A_INT("blocksize", p->stride)), &l->out[0]);
}

/* ---- larger and smaller ---- */

/* `stride` copies of each element, times `scale`. Files made for darknet's networks have no stride
 * and mean by scale what is stride here. */
enum status caffe_upsample(struct caffe_import *im, struct caffe_layer *l) {
    PARAM(l, upsample_param, UPSAMPLE_PARAMETER, UpsampleParameter, p);
    bool by_scale = !p->has_stride && !p->has_stride_h && !p->has_stride_w && p->has_scale &&
                    p->scale > 1 && p->scale == (float)(int)p->scale;
    int stride = p->has_stride ? p->stride : by_scale ? (int)p->scale : 2;
    int h = p->has_stride_h ? p->stride_h : stride, w = p->has_stride_w ? p->stride_w : stride;
    float scale = by_scale ? 1 : p->scale;
    L_CHECK(l, h > 0 && w > 0 && h < 1 << 10 && w < 1 << 10, STATUS_FORMAT,
            "its stride is %d by %d", h, w);
    L_CHECK(l, !p->has_upsample_h && !p->has_upsample_w, STATUS_UNSUPPORTED,
            "upsample_h and upsample_w are not supported");
    int scales, y = scale == 1 ? l->out[0] : -1;
    TRY(caffe_constant(im, l, shape_of(1, 4), (float[]){1, 1, (float)h, (float)w}, &scales));
    TRY(caffe_emit(im, l, OP_Resize, IN(l->in[0], -1, scales),
                   ATTRS(A_STRING("mode", "nearest"), A_STRING("nearest_mode", "floor"),
                         A_STRING("coordinate_transformation_mode", "asymmetric")), &y));
    return scale == 1 ? STATUS_OK : caffe_with_scalar(im, l, OP_Mul, y, scale, &l->out[0]);
}

/* Bilinear between aligned corners; to the size of the second bottom, if there is one. */
enum status caffe_interp(struct caffe_import *im, struct caffe_layer *l) {
    PARAM(l, interp_param, INTERP_PARAMETER, InterpParameter, p);
    int64_t size[4], channels;
    int sizes;
    L_CHECK(l, !p->pad_beg && !p->pad_end, STATUS_UNSUPPORTED,
            "pad_beg and pad_end are not supported");
    TRY(caffe_dim(im, l, 0, 0, &size[0]));
    TRY(caffe_dim(im, l, 0, 1, &channels));
    size[1] = channels;
    for (int i = 2; i < 4; i++) {
        int64_t given = i == 2 ? p->height : p->width, have;
        TRY(caffe_dim(im, l, 0, i, &have));
        L_CHECK(l, p->zoom_factor > 0 && p->shrink_factor > 0, STATUS_FORMAT,
                "zoom_factor is %d, shrink_factor %d", p->zoom_factor, p->shrink_factor);
        if (l->n_in == 2) {
            TRY(caffe_dim(im, l, 1, i, &size[i]));
        } else if (given) {
            size[i] = given;
        } else {
            size[i] = (have - 1) / p->shrink_factor + 1;
            size[i] += (size[i] - 1) * (p->zoom_factor - 1);
        }
        L_CHECK(l, size[i] > 0, STATUS_SHAPE, "its top would be %" PRId64 " long", size[i]);
    }
    TRY(caffe_ints(im, l, 4, size, &sizes));
    return caffe_emit(im, l, OP_Resize, IN(l->in[0], -1, -1, sizes),
                      ATTRS(A_STRING("mode", "linear"),
                            A_STRING("coordinate_transformation_mode", "align_corners")),
                      &l->out[0]);
}
