/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Layers of Faster R-CNN and R-FCN: regions, and pooling over them.
 *
 * Regions are rows of image, left, upper, right and lower edge (R, 5), as Caffe's own layers make
 * them, or (N, 5, R) as CANN's do.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "import/caffe/caffe.h"

/* Bottom 1 as rows (R, 5). */
static enum status region_rows(struct caffe_import *im, struct caffe_layer *l, int *out) {
    int rank, turned = -1;
    TRY(caffe_rank(im, l, 1, &rank));
    *out = l->in[1];
    if (rank == 2) return STATUS_OK;
    *out = -1;
    if (rank == 4) return caffe_reshape(im, l, l->in[1], 2, (int64_t[]){0, 5}, out);
    L_CHECK(l, rank == 3, STATUS_SHAPE, "its regions have %d dimensions", rank);
    TRY(caffe_emit(im, l, OP_Transpose, IN(l->in[1]),
                   ATTRS(A_INTS("perm", 3, ((int64_t[]){0, 2, 1}))), &turned));
    return caffe_reshape(im, l, turned, 2, (int64_t[]){-1, 5}, out);
}

enum status caffe_roi_pooling(struct caffe_import *im, struct caffe_layer *l) {
    PARAM(l, roi_pooling_param, ROIPOOLING_PARAMETER, ROIPoolingParameter, p);
    int rows;
    float scale = p->has_spatial_scale_h ? p->spatial_scale_h : p->spatial_scale;
    L_CHECK(l, p->pooled_h > 0 && p->pooled_w > 0, STATUS_FORMAT,
            "it has no pooled_h or no pooled_w");
    L_CHECK(l, !p->has_spatial_scale_w || p->spatial_scale_w == scale, STATUS_UNSUPPORTED,
            "spatial_scale_h and spatial_scale_w that differ are not supported");
    TRY(region_rows(im, l, &rows));
    return caffe_emit(im, l, OP_MaxRoiPool, IN(l->in[0], rows),
                      ATTRS(A_INTS("pooled_shape", 2, ((int64_t[]){p->pooled_h, p->pooled_w})),
                            A_FLOAT("spatial_scale", scale)), &l->out[0]);
}

enum status caffe_ps_roi_pooling(struct caffe_import *im, struct caffe_layer *l) {
    PARAM(l, psroi_pooling_param, PSROIPOOLING_PARAMETER, PSROIPoolingParameter, p);
    int rows;
    L_CHECK(l, p->output_dim > 0 && p->group_size > 0, STATUS_FORMAT,
            "it has no output_dim or no group_size");
    TRY(region_rows(im, l, &rows));
    return caffe_emit(im, l, OP_PsRoiPool, IN(l->in[0], rows),
                      ATTRS(A_INT("group_size", p->group_size), A_INT("output_dim", p->output_dim),
                            A_FLOAT("spatial_scale", p->spatial_scale)), &l->out[0]);
}

enum status caffe_roi_align(struct caffe_import *im, struct caffe_layer *l) {
    PARAM(l, roi_align_param, ROIALIGN_PARAMETER, ROIAlignParameter, p);
    int rows, sizes, part[2] = {-1, -1}, flat = -1, image = -1;
    L_CHECK(l, p->pooled_h > 0 && p->pooled_w > 0, STATUS_FORMAT,
            "it has no pooled_h or no pooled_w");
    L_CHECK(l, p->roi_end_mode == 0 || p->roi_end_mode == 1, STATUS_UNSUPPORTED,
            "a roi_end_mode of %d is not supported", p->roi_end_mode);
    TRY(region_rows(im, l, &rows));
    TRY(caffe_ints(im, l, 2, (int64_t[]){1, 4}, &sizes));
    TRY(caffe_emit_many(im, l, OP_Split, IN(rows, sizes), ATTRS(A_INT("axis", 1)), 2, part));
    TRY(caffe_reshape(im, l, part[0], 1, (int64_t[]){-1}, &flat));
    TRY(caffe_emit(im, l, OP_Cast, IN(flat), ATTRS(A_STRING("to", dtype_name(DT_I64))), &image));
    if (p->roi_end_mode) { /* right and lower edges belong to the box */
        int one, longer = -1;
        TRY(caffe_constant(im, l, shape_of(2, 1, 4), (float[]){0, 0, 1, 1}, &one));
        TRY(caffe_emit(im, l, OP_Add, IN(part[1], one), NULL, &longer));
        part[1] = longer;
    }
    return caffe_emit(im, l, OP_RoiAlign, IN(l->in[0], part[1], image),
                      ATTRS(A_STRING("coordinate_transformation_mode", "output_half_pixel"),
                            A_INT("output_height", p->pooled_h), A_INT("output_width", p->pooled_w),
                            A_INT("sampling_ratio",
                                  p->has_sample_num ? p->sample_num : p->sampling_ratio),
                            A_FLOAT("spatial_scale", p->spatial_scale)), &l->out[0]);
}

/* ---- Proposal ---- */

static const float usual_ratios[] = {0.5f, 1, 2}, usual_scales[] = {8, 16, 32};

/* As CANN has it: regions (N, 5, R), R being post_nms_topn and up to 15 more, and how many of each
 * picture count (N, 8). Without a third bottom the picture's size is CANN's own. */
enum status caffe_proposal(struct caffe_import *im, struct caffe_layer *l) {
    PARAM(l, proposal_param, PROPOSAL_PARAMETER, ProposalParameter, p);
    int info = l->n_in == 3 ? l->in[2] : -1, out[2] = {l->out[0], l->n_out == 2 ? l->out[1] : -1};
    L_CHECK(l, p->post_nms_topn > 0 && p->post_nms_topn <= 1 << 14 && p->pre_nms_topn > 0,
            STATUS_FORMAT, "its pre_nms_topn and post_nms_topn are %d and %d", p->pre_nms_topn,
            p->post_nms_topn);
    if (info < 0) TRY(caffe_constant(im, l, shape_of(2, 1, 2), (float[]){375, 1240}, &info));
    return caffe_emit_many(
        im, l, OP_Proposal, IN(l->in[0], l->in[1], info),
        ATTRS(A_FLOAT("feat_stride", p->feat_stride), A_FLOAT("base_size", p->base_size),
              A_FLOAT("min_size", p->min_size),
              A_FLOATS("ratios", p->n_ratio ? p->n_ratio : 3, p->n_ratio ? p->ratio : usual_ratios),
              A_FLOATS("scales", p->n_scale ? p->n_scale : 3, p->n_scale ? p->scale : usual_scales),
              A_FLOAT("iou_threshold", p->has_nms_thresh ? p->nms_thresh : p->iou_threshold),
              A_INT("pre_nms_topn", p->pre_nms_topn),
              A_INT("post_nms_topn", p->post_nms_topn),
              A_INT("rows", (p->post_nms_topn + 15) / 16 * 16)),
        l->n_out, out);
}

/* The numbers behind 'key': in Python's notation, one or a list; how many, 0 without such a
 * key, -1 if no number follows it. */
static int python_numbers(const char *text, const char *key, float *out, int max) {
    const char *at = strstr(text, key);
    if (!at) return 0;
    at += strlen(key);
    while (*at && strchr("'\": \t([", *at)) at++;
    int n = 0;
    for (char *end; n < max; n++, at = end + strspn(end, ", \t")) {
        out[n] = strtof(at, &end);
        if (end == at) break;
    }
    return n ? n : -1;
}

/* The one layer in Python that networks are published with: py-faster-rcnn's proposals (R, 5), with
 * the numbers that its TEST phase has. */
enum status caffe_python(struct caffe_import *im, struct caffe_layer *l) {
    PARAM(l, python_param, PYTHON_PARAMETER, PythonParameter, p);
    enum { MOST = 16 };
    float stride = 16, scales[MOST];
    L_CHECK(l, p->layer && !strcmp(p->layer, "ProposalLayer"), STATUS_UNSUPPORTED,
            "layers written in Python are not supported, but for ProposalLayer");
    L_CHECK(l, l->n_in == 3 && l->n_out == 1, STATUS_UNSUPPORTED,
            "it has %d bottoms and %d tops instead of three and one", l->n_in, l->n_out);
    const char *text = p->param_str ? p->param_str : "";
    int n = python_numbers(text, "scales", scales, MOST);
    L_CHECK(l, n >= 0 && python_numbers(text, "feat_stride", &stride, 1) >= 0, STATUS_FORMAT,
            "its param_str \"%.100s\" cannot be read", text);
    return caffe_emit(
        im, l, OP_Proposal, IN(l->in[0], l->in[1], l->in[2]),
        ATTRS(A_FLOAT("feat_stride", stride), A_FLOATS("ratios", 3, usual_ratios),
              A_FLOATS("scales", n ? n : 3, n ? scales : usual_scales), A_INT("by_row", 1)),
        &l->out[0]);
}
