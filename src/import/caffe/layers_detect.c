/* SPDX-License-Identifier: Apache-2.0 */
/* Layers of SSD: prior boxes, and what becomes of offsets and scores. */
#include <inttypes.h>
#include <math.h>

#include "import/caffe/caffe.h"

/* ---- PriorBox ---- */

enum { MOST_PRIORS = 256 };

/* Sizes of the boxes around every place of the feature map, in pixels of the picture: for each
 * min_size the square, the square of sqrt(min * max) if there is a max_size, and one for each
 * aspect ratio (with its inverse if `flip`) that has not been met yet. */
static enum status prior_sizes(const struct caffe_layer *l, const Caffe__PriorBoxParameter *p,
                               int *n, float size[static MOST_PRIORS][2]) {
    float ratio[MOST_PRIORS] = {1};
    int n_ratios = 1;
    for (size_t i = 0; i < p->n_aspect_ratio; i++) {
        bool met = false;
        float a = p->aspect_ratio[i];
        L_CHECK(l, a > 0 && n_ratios < MOST_PRIORS - 2, STATUS_FORMAT,
                "it has an aspect_ratio of %g", (double)a);
        for (int k = 0; k < n_ratios; k++) met |= fabsf(ratio[k] - a) < 1e-6f;
        if (met) continue;
        ratio[n_ratios++] = a;
        if (p->flip) ratio[n_ratios++] = 1 / a;
    }
    L_CHECK(l, p->n_min_size > 0, STATUS_FORMAT, "it has no min_size");
    L_CHECK(l, !p->n_max_size || p->n_max_size == p->n_min_size, STATUS_FORMAT,
            "it has %zu max_size for %zu min_size", p->n_max_size, p->n_min_size);
    L_CHECK(l, p->n_min_size * (size_t)(n_ratios + 1) <= MOST_PRIORS, STATUS_LIMIT,
            "it has more than %d boxes at each place", MOST_PRIORS);
    *n = 0;
    for (size_t i = 0; i < p->n_min_size; i++) {
        float min = p->min_size[i];
        L_CHECK(l, min > 0 && (!p->n_max_size || p->max_size[i] > min), STATUS_FORMAT,
                "its min_size must be above 0, and max_size above that");
        size[*n][0] = size[*n][1] = min;
        ++*n;
        if (p->n_max_size) {
            size[*n][0] = size[*n][1] = sqrtf(min * p->max_size[i]);
            ++*n;
        }
        for (int k = 1; k < n_ratios; k++, ++*n) {
            size[*n][0] = min * sqrtf(ratio[k]);
            size[*n][1] = min / sqrtf(ratio[k]);
        }
    }
    return STATUS_OK;
}

/* Depends on nothing but sizes, so it is a constant: (1, 2, H * W * n * 4), corners as fractions of
 * the picture and then their variances. */
enum status caffe_prior_box(struct caffe_import *im, struct caffe_layer *l) {
    PARAM(l, prior_box_param, PRIOR_BOX_PARAMETER, PriorBoxParameter, p);
    static const float one_tenth = 0.1f;
    float size[MOST_PRIORS][2];
    int64_t map[2], picture[2];
    int n;
    TRY(prior_sizes(l, p, &n, size));
    for (int i = 0; i < 2; i++) {
        TRY(caffe_dim(im, l, 0, 2 + i, &map[i]));
        TRY(caffe_dim(im, l, 1, 2 + i, &picture[i]));
    }
    if (p->has_img_size) picture[0] = picture[1] = p->img_size;
    if (p->has_img_h) picture[0] = p->img_h;
    if (p->has_img_w) picture[1] = p->img_w;
    L_CHECK(l, picture[0] > 0 && picture[1] > 0, STATUS_FORMAT, "its picture has no size");
    float step_h = p->has_step_h ? p->step_h
                   : p->has_step ? p->step
                                 : (float)picture[0] / (float)map[0];
    float step_w = p->has_step_w ? p->step_w
                   : p->has_step ? p->step
                                 : (float)picture[1] / (float)map[1];
    if (p->has_step && p->step == 0) { /* written out by some tools; means: by the sizes */
        step_h = (float)picture[0] / (float)map[0];
        step_w = (float)picture[1] / (float)map[1];
    }
    L_CHECK(l, p->n_variance <= 1 || p->n_variance == 4, STATUS_FORMAT,
            "it has %zu variances; it takes one or four", p->n_variance);
    const float *variance = p->n_variance ? p->variance : &one_tenth;
    int64_t count;
    L_CHECK(l, !__builtin_mul_overflow(map[0], map[1] * n * 4, &count) && count <= 1 << 26,
            STATUS_LIMIT, "it would make more than %d boxes", 1 << 24);
    int t;
    struct shape s = {.rank = 3, .dim = {1, 2, count}};
    TRY(caffe_constant(im, l, s, NULL, &t));
    float *to = (float *)im->g->tensors[t].data, *var = to + count;
    for (int64_t y = 0; y < map[0]; y++)
        for (int64_t x = 0; x < map[1]; x++)
            for (int k = 0; k < n; k++) {
                float cx = ((float)x + p->offset) * step_w, cy = ((float)y + p->offset) * step_h;
                *to++ = (cx - size[k][0] / 2) / (float)picture[1];
                *to++ = (cy - size[k][1] / 2) / (float)picture[0];
                *to++ = (cx + size[k][0] / 2) / (float)picture[1];
                *to++ = (cy + size[k][1] / 2) / (float)picture[0];
            }
    for (float *b = to - count; p->clip && b < to; b++) *b = fminf(fmaxf(*b, 0), 1);
    for (int64_t i = 0; i < count; i++) var[i] = variance[p->n_variance == 4 ? i % 4 : 0];
    return caffe_emit(im, l, OP_Identity, IN(t), NULL, &l->out[0]);
}

/* ---- DetectionOutput ---- */

/* Bottoms: offsets (N, P*4), scores (N, P*classes), prior boxes (1, 2, P*4). */
enum status caffe_detection_output(struct caffe_import *im, struct caffe_layer *l) {
    static const char *const codes[] = {NULL, "corner", "center_size", "corner_size"};
    static const Caffe__NonMaximumSuppressionParameter nms_default =
        CAFFE__NON_MAXIMUM_SUPPRESSION_PARAMETER__INIT;
    PARAM(l, detection_output_param, DETECTION_OUTPUT_PARAMETER, DetectionOutputParameter, p);
    const Caffe__NonMaximumSuppressionParameter *nms = p->nms_param ? p->nms_param : &nms_default;
    L_CHECK(l, p->num_classes > 0 && p->num_classes <= 1 << 16, STATUS_FORMAT,
            "it has no num_classes");
    L_CHECK(l, p->share_location, STATUS_UNSUPPORTED,
            "boxes of their own for each class (share_location: false) are not supported");
    L_CHECK(l, nms->eta == 1, STATUS_UNSUPPORTED,
            "a threshold that adapts (eta %g) is not supported", (double)nms->eta);
    float least = p->has_confidence_threshold ? p->confidence_threshold : -3.4e38f;
    return caffe_emit(im, l, OP_DetectionOutput, IN(l->in[0], l->in[1], l->in[2]),
                      ATTRS(A_INT("num_classes", p->num_classes),
                            A_INT("background_label_id", p->background_label_id),
                            A_FLOAT("nms_threshold", nms->nms_threshold),
                            A_INT("top_k", nms->top_k), A_INT("keep_top_k", p->keep_top_k),
                            A_FLOAT("confidence_threshold", least),
                            A_STRING("code_type", codes[p->code_type]),
                            A_INT("variance_encoded_in_target", p->variance_encoded_in_target)),
                      &l->out[0]);
}

/* The same as CANN has it: how many boxes each picture has (N, 8), of which the first counts, and
 * the boxes (N, keep_top_k, 8). */
enum status caffe_ssd_detection_output(struct caffe_import *im, struct caffe_layer *l) {
    static const char *const codes[] = {NULL, "corner", "center_size", "corner_size"};
    PARAM(l, ssddetectionoutput_param, SSDDETECTION_OUTPUT_PARAMETER, SSDDetectionOutputParameter,
          p);
    L_CHECK(l, p->num_classes > 0 && p->num_classes <= 1 << 16, STATUS_FORMAT,
            "its num_classes is %d", p->num_classes);
    L_CHECK(l, p->code_type >= 1 && p->code_type <= 3, STATUS_FORMAT, "its code_type is %d",
            p->code_type);
    L_CHECK(l, p->keep_top_k > 0, STATUS_FORMAT, "its keep_top_k is %d", p->keep_top_k);
    L_CHECK(l, p->share_location, STATUS_UNSUPPORTED,
            "boxes of their own for each class (share_location: false) are not supported");
    L_CHECK(l, p->eta == 1, STATUS_UNSUPPORTED,
            "a threshold that adapts (eta %g) is not supported", (double)p->eta);
    return caffe_emit_many(im, l, OP_DetectionOutput, IN(l->in[0], l->in[1], l->in[2]),
                           ATTRS(A_INT("num_classes", p->num_classes),
                                 A_INT("background_label_id", p->background_label_id),
                                 A_FLOAT("nms_threshold", p->iou_threshold),
                                 A_INT("top_k", p->top_k), A_INT("keep_top_k", p->keep_top_k),
                                 A_FLOAT("confidence_threshold", p->confidence_threshold),
                                 A_STRING("code_type", codes[p->code_type]),
                                 A_INT("variance_encoded_in_target", p->variance_encoded_in_target),
                                 A_INT("per_image", 1)),
                           2, (int[]){l->out[1], l->out[0]});
}
