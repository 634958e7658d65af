/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Layers of YOLOv2 and v3: CANN's Yolo and YoloV2/V3DetectionOutput, and Region of networks that
 * were converted from darknet.
 *
 * Bottoms have for each box x, y, width, height, objectness and class scores, one box after the
 * other (N, boxes * (5 + classes), H, W). Yolo's tops have the boxes innermost: coordinates (N, 4 *
 * boxes, H, W) as x of every box, then y, height and width; objectness (N, boxes, H, W); class
 * probabilities (N, classes * boxes, H, W). CANN pads them for its processor, here they are not
 * padded.
 */
#include <inttypes.h>
#include <string.h>

#include "import/caffe/caffe.h"

struct parts {
    int64_t boxes, classes, h, w;
    int xy, width, height, object, classed; /* (N, 2 or 1 or classes, boxes, H, W) */
};

/* Cuts the bottom up and applies the activations: x and y are between 0 and 1, and so are
 * objectness and class probabilities, of which with `background` the former stays as it is or takes
 * part in the softmax. */
static enum status cut_up(struct caffe_import *im, struct caffe_layer *l, int64_t coords,
                          bool softmax, bool background, struct parts *p) {
    int64_t channels;
    int five = -1, turned = -1, sizes, part[5] = {-1, -1, -1, -1, -1}, both = -1;
    L_CHECK(l, coords == 4, STATUS_UNSUPPORTED, "%" PRId64 " coords are not supported", coords);
    L_CHECK(l, p->boxes > 0 && p->boxes <= 64 && p->classes > 0 && p->classes <= 1 << 16,
            STATUS_FORMAT, "it has %" PRId64 " boxes and %" PRId64 " classes", p->boxes,
            p->classes);
    TRY(caffe_dim(im, l, 0, 1, &channels));
    TRY(caffe_dim(im, l, 0, 2, &p->h));
    TRY(caffe_dim(im, l, 0, 3, &p->w));
    L_CHECK(l, channels == p->boxes * (5 + p->classes), STATUS_SHAPE,
            "its bottom has %" PRId64 " channels instead of %" PRId64 " for %" PRId64 " boxes and %"
            PRId64 " classes", channels, p->boxes * (5 + p->classes), p->boxes, p->classes);
    TRY(caffe_reshape(im, l, l->in[0], 5, (int64_t[]){0, p->boxes, 5 + p->classes, p->h, p->w},
                      &five));
    TRY(caffe_emit(im, l, OP_Transpose, IN(five),
                   ATTRS(A_INTS("perm", 5, ((int64_t[]){0, 2, 1, 3, 4}))), &turned));
    TRY(caffe_ints(im, l, 5, (int64_t[]){2, 1, 1, 1, p->classes}, &sizes));
    TRY(caffe_emit_many(im, l, OP_Split, IN(turned, sizes), ATTRS(A_INT("axis", 1)), 5, part));
    p->xy = p->object = p->classed = -1;
    p->width = part[1];
    p->height = part[2];
    TRY(caffe_emit(im, l, OP_Sigmoid, IN(part[0]), NULL, &p->xy));
    if (softmax && background) {
        int soft = -1, out[2] = {-1, -1};
        TRY(caffe_emit(im, l, OP_Concat, IN(part[3], part[4]), ATTRS(A_INT("axis", 1)), &both));
        TRY(caffe_emit(im, l, OP_Softmax, IN(both), ATTRS(A_INT("axis", 1)), &soft));
        TRY(caffe_ints(im, l, 2, (int64_t[]){1, p->classes}, &sizes));
        TRY(caffe_emit_many(im, l, OP_Split, IN(soft, sizes), ATTRS(A_INT("axis", 1)), 2, out));
        p->object = out[0];
        p->classed = out[1];
        return STATUS_OK;
    }
    if (background) p->object = part[3];
    else TRY(caffe_emit(im, l, OP_Sigmoid, IN(part[3]), NULL, &p->object));
    if (softmax)
        return caffe_emit(im, l, OP_Softmax, IN(part[4]), ATTRS(A_INT("axis", 1)), &p->classed);
    return caffe_emit(im, l, OP_Sigmoid, IN(part[4]), NULL, &p->classed);
}

static enum status write_tops(struct caffe_import *im, struct caffe_layer *l,
                              const struct parts *p) {
    int coords = -1;
    TRY(caffe_emit(im, l, OP_Concat, IN(p->xy, p->height, p->width), ATTRS(A_INT("axis", 1)),
                   &coords));
    TRY(caffe_reshape(im, l, coords, 4, (int64_t[]){0, 4 * p->boxes, p->h, p->w}, &l->out[0]));
    TRY(caffe_reshape(im, l, p->object, 4, (int64_t[]){0, p->boxes, p->h, p->w}, &l->out[1]));
    return caffe_reshape(im, l, p->classed, 4, (int64_t[]){0, p->classes * p->boxes, p->h, p->w},
                         &l->out[2]);
}

enum status caffe_yolo(struct caffe_import *im, struct caffe_layer *l) {
    PARAM(l, yolo_param, YOLO_PARAMETER, YoloParameter, p);
    bool v2 = !strcmp(p->yolo_version, "V2");
    L_CHECK(l, v2 || !strcmp(p->yolo_version, "V3"), STATUS_UNSUPPORTED,
            "its yolo_version is '%.20s', neither V2 nor V3", p->yolo_version);
    L_CHECK(l, !p->softmaxtree, STATUS_UNSUPPORTED, "softmaxtree is not supported");
    struct parts parts = {.boxes = p->boxes, .classes = p->classes};
    /* Version 3 has independent classes, whatever softmax says. */
    TRY(cut_up(im, l, p->coords, v2 && p->softmax, v2 && p->background, &parts));
    return write_tops(im, l, &parts);
}

/* With one top: the activations alone, everything where it was. */
enum status caffe_region(struct caffe_import *im, struct caffe_layer *l) {
    PARAM(l, region_param, REGION_PARAMETER, RegionParameter, p);
    struct parts q = {.boxes = p->num, .classes = p->classes};
    int all = -1, turned = -1;
    L_CHECK(l, l->n_out != 2, STATUS_FORMAT, "it has 2 tops; it takes one or three");
    TRY(cut_up(im, l, p->coords, p->softmax, p->background, &q));
    if (l->n_out == 3) return write_tops(im, l, &q);
    TRY(caffe_emit(im, l, OP_Concat, IN(q.xy, q.width, q.height, q.object, q.classed),
                   ATTRS(A_INT("axis", 1)), &all));
    TRY(caffe_emit(im, l, OP_Transpose, IN(all),
                   ATTRS(A_INTS("perm", 5, ((int64_t[]){0, 2, 1, 3, 4}))), &turned));
    return caffe_reshape(im, l, turned, 4, (int64_t[]){0, q.boxes * (5 + q.classes), q.h, q.w},
                         &l->out[0]);
}

/* ---- boxes ---- */

static enum status check_output(const struct caffe_layer *l, int coords, bool relative) {
    L_CHECK(l, coords == 4, STATUS_UNSUPPORTED, "%d coords are not supported", coords);
    L_CHECK(l, relative, STATUS_UNSUPPORTED, "relative: false is not supported");
    return STATUS_OK;
}

enum status caffe_yolov2_detection_output(struct caffe_import *im, struct caffe_layer *l) {
    PARAM(l, yolov2_detection_output_param, YOLO_V2_DETECTION_OUTPUT_PARAMETER,
          YoloV2DetectionOutputParameter, p);
    TRY(check_output(l, p->coords, p->relative));
    L_CHECK(l, p->n_biases == (size_t)p->boxes * 2, STATUS_FORMAT,
            "it has %zu biases; %d boxes take %d", p->n_biases, p->boxes, p->boxes * 2);
    return caffe_emit_many(
        im, l, OP_YoloDetectionOutput, l->n_in, l->in,
        ATTRS(A_FLOATS("anchors", p->n_biases, p->biases), A_INT("boxes", p->boxes),
              A_INT("classes", p->classes), A_INT("cells", 1), A_INT("letterbox", 1),
              A_FLOAT("obj_threshold", p->obj_threshold),
              A_FLOAT("score_threshold", p->score_threshold),
              A_FLOAT("iou_threshold", p->iou_threshold), A_INT("pre_nms_topn", p->pre_nms_topn),
              A_INT("post_nms_topn", p->post_nms_topn)),
        2, l->out);
}

enum status caffe_yolov3_detection_output(struct caffe_import *im, struct caffe_layer *l) {
    PARAM(l, yolov3_detection_output_param, YOLO_V3_DETECTION_OUTPUT_PARAMETER,
          YoloV3DetectionOutputParameter, p);
    enum { MOST = 128 };
    const struct {
        const char *name;
        size_t n;
        const float *v;
    } scale[] = {{"biases_low", p->n_biases_low, p->biases_low},
                 {"biases_mid", p->n_biases_mid, p->biases_mid},
                 {"biases_high", p->n_biases_high, p->biases_high}};
    float biases[3 * MOST];
    TRY(check_output(l, p->coords, p->relative));
    L_CHECK(l, p->boxes > 0 && p->boxes <= MOST / 2, STATUS_FORMAT, "it has %d boxes", p->boxes);
    for (int i = 0; i < 3; i++) {
        L_CHECK(l, scale[i].n == (size_t)p->boxes * 2, STATUS_FORMAT,
                "it has %zu %s; %d boxes take %d", scale[i].n, scale[i].name, p->boxes,
                p->boxes * 2);
        memcpy(biases + i * p->boxes * 2, scale[i].v, scale[i].n * sizeof *biases);
    }
    return caffe_emit_many(
        im, l, OP_YoloDetectionOutput, l->n_in, l->in,
        ATTRS(A_FLOATS("anchors", p->boxes * 6, biases), A_INT("boxes", p->boxes),
              A_INT("classes", p->classes), A_INT("letterbox", !p->resize_origin_img_to_net),
              A_FLOAT("obj_threshold", p->obj_threshold),
              A_FLOAT("score_threshold", p->score_threshold),
              A_FLOAT("iou_threshold", p->iou_threshold), A_INT("pre_nms_topn", p->pre_nms_topn),
              A_INT("post_nms_topn", p->post_nms_topn)),
        2, l->out);
}
