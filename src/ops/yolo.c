/* SPDX-License-Identifier: Apache-2.0 */
/*
 * YoloDetectionOutput, the last layer of YOLOv2 and v3 as CANN adds it to Caffe's networks.
 *
 * Inputs: for each of n scales coordinates (N, 4 * B, H, W: x of every box, then y, height, width),
 * then for each scale objectness (N, B, H, W), then for each scale class probabilities
 * (N, classes * B, H, W), and last (N or 1, 4) height and width of the network's input and of the
 * picture. x, y, objectness and probabilities are between 0 and 1 already, height and width are
 * logarithms. A box of cell (i, j) and anchor (aw, ah):
 *
 *     x = (x + j) / W,  y = (y + i) / H,  w = aw * exp(w) / input width,  h likewise
 *
 * with anchors in cells of the grid instead of pixels of the input where `cells`. With `letterbox`
 * the picture is taken to lie in the middle of the input with its ratio kept. (YOLOv3,
 * arXiv:1804.02767.)
 *
 * Each class has its own non-maximum suppression among boxes of objectness above obj_threshold and
 * of objectness times probability above score_threshold; the post_nms_topn best of an image remain,
 * best first. Output 0 (N, 6 * post_nms_topn): with k boxes, k left edges, k upper edges, k right,
 * k lower edges in pixels of the picture, k scores, k classes, then zeros. Output 1 (N, 8) begins
 * with k.
 */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ops/access.h"
#include "ops/boxes.h"

enum { MOST_SCALES = 3, MOST_ANCHORS = 64, MOST_BOXES = 1 << 24, MOST_ROWS = 1 << 16 };

struct yolo {
    int scales;
    int64_t anchors, classes, before, after; /* anchors of each scale */
    bool cells, letterbox;
    float objectness, score, iou;
    float size[MOST_SCALES * MOST_ANCHORS * 2]; /* width and height of each anchor */
    int64_t n;                                  /* boxes of an image, all scales */
};

static enum status yolo_init(const struct op_call *c, struct yolo *y) {
    const struct node *n = c->node;
    *y = (struct yolo){
        .scales = (c->n_inputs - 1) / 3,
        .anchors = node_int(n, "boxes", 0),
        .classes = node_int(n, "classes", 0),
        .before = node_int(n, "pre_nms_topn", 512),
        .after = node_int(n, "post_nms_topn", 512),
        .cells = node_int(n, "cells", 0) != 0,
        .letterbox = node_int(n, "letterbox", 0) != 0,
        .objectness = node_float(n, "obj_threshold", 0.5f),
        .score = node_float(n, "score_threshold", 0.5f),
        .iou = node_float(n, "iou_threshold", 0.45f),
    };
    OP_CHECK(c, c->n_inputs % 3 == 1 && y->scales >= 1 && y->scales <= MOST_SCALES, STATUS_SHAPE,
             "it has %d inputs instead of three for each scale and one", c->n_inputs);
    OP_CHECK(c, y->anchors >= 1 && y->anchors <= MOST_ANCHORS, STATUS_SHAPE,
             "attribute 'boxes' is %" PRId64, y->anchors);
    OP_CHECK(c, y->classes >= 1 && y->classes <= 1 << 16, STATUS_SHAPE,
             "attribute 'classes' is %" PRId64, y->classes);
    OP_CHECK(c, y->before >= 1 && y->before <= MOST_ROWS && y->after >= 1 && y->after <= MOST_ROWS,
             STATUS_SHAPE, "attributes 'pre_nms_topn' and 'post_nms_topn' are %" PRId64 " and %"
             PRId64, y->before, y->after);
    int64_t want = y->scales * y->anchors * 2;
    int have = node_floats(n, "anchors", y->size, MOST_SCALES * MOST_ANCHORS * 2);
    OP_CHECK(c, have == want, STATUS_SHAPE, "attribute 'anchors' has %d values instead of %" PRId64,
             have, want);
    return STATUS_OK;
}

static enum status infer_yolo(struct op_call *c) {
    struct yolo y;
    TRY(yolo_init(c, &y));
    int64_t images = -1, cells = 0;
    for (int i = 0; i < c->n_inputs; i++) {
        TRY(op_check_dtype(c, i, DTYPES_OF(DT_F32)));
        if (i == c->n_inputs - 1) break;
        TRY(op_check_rank(c, i, 4, 4));
        const struct shape *s = &c->in[i].shape;
        if (s->rank < 0) continue;
        int64_t each = i < y.scales ? 4 : i < 2 * y.scales ? 1 : y.classes;
        TRY(op_check_dim(c, i, 1, each * y.anchors, "channels"));
        if (images >= 0) TRY(op_check_dim(c, i, 0, images, "images"));
        images = dim_known(images, s->dim[0]);
        for (int k = 2; k < 4; k++)
            if (c->in[i % y.scales].shape.rank == 4 && c->in[i % y.scales].shape.dim[k] >= 0)
                TRY(op_check_dim(c, i, k, c->in[i % y.scales].shape.dim[k], "of its scale"));
        int64_t plane = shape_product(s, 2, 4);
        if (i < y.scales && plane > 0) cells += plane < MOST_BOXES ? plane : MOST_BOXES;
        OP_CHECK(c, cells * y.anchors <= MOST_BOXES, STATUS_LIMIT, "there are more than %d boxes",
                 MOST_BOXES);
    }
    int last = c->n_inputs - 1;
    TRY(op_check_rank(c, last, 2, 2));
    TRY(op_check_dim(c, last, 1, 4, "heights and widths"));
    int64_t infos = c->in[last].shape.rank == 2 ? c->in[last].shape.dim[0] : -1;
    OP_CHECK(c, images < 0 || infos < 0 || infos == 1 || infos == images, STATUS_SHAPE,
             "there are %" PRId64 " images, but sizes of %" PRId64, images, infos);
    op_output(c, 0, DT_F32, (struct shape){.rank = 2, .dim = {images, 6 * y.after}});
    op_output(c, 1, DT_I32, (struct shape){.rank = 2, .dim = {images, 8}});
    return STATUS_OK;
}

/* From fractions of the input to pixels of the picture: value * factor + shift. */
struct fit {
    float factor[2], shift[2]; /* x, y */
};

static enum status fit_init(const struct op_call *c, const struct yolo *y, int64_t image,
                            struct fit *f, float net[static 2]) {
    const struct view *info = &c->in[c->n_inputs - 1];
    const float *v = (const float *)info->data + (info->shape.dim[0] == 1 ? 0 : image * 4);
    for (int i = 0; i < 4; i++)
        OP_CHECK(c, v[i] > 0 && v[i] <= 1e9f, STATUS_ARGUMENT,
                 "'%s' holds %g, %g, %g, %g for image %" PRId64 "; it takes height and width of "
                 "the network's input, then of the picture", info->name, (double)v[0], (double)v[1],
                 (double)v[2], (double)v[3], image);
    for (int k = 0; k < 2; k++) { /* x, then y */
        float input = v[1 - k], picture = v[3 - k], other = v[k], other_picture = v[2 + k];
        float part = 1; /* of the input that the picture covers */
        if (y->letterbox && input / picture > other / other_picture)
            part = picture * (other / other_picture) / input;
        net[k] = input;
        f->factor[k] = picture / part;
        f->shift[k] = -(1 - part) / 2 * f->factor[k];
    }
    return STATUS_OK;
}

static void decode(const struct op_call *c, const struct yolo *y, int64_t image,
                   const struct fit *f, const float net[static 2], struct box *boxes) {
    for (int s = 0; s < y->scales; s++) {
        const int64_t *dim = c->in[s].shape.dim;
        int64_t plane = dim[2] * dim[3], step = plane * y->anchors;
        const float *at = (const float *)c->in[s].data + image * 4 * step;
        float unit[2] = {y->cells ? (float)dim[3] : net[0], y->cells ? (float)dim[2] : net[1]};
        for (int64_t a = 0; a < y->anchors; a++) {
            const float *size = y->size + 2 * (s * y->anchors + a);
            for (int64_t i = 0; i < plane; i++, at++) {
                float x = (at[0] + (float)(i % dim[3])) / (float)dim[3];
                float v = (at[step] + (float)(i / dim[3])) / (float)dim[2];
                float h = expf(at[2 * step]) * size[1] / unit[1];
                float w = expf(at[3 * step]) * size[0] / unit[0];
                *boxes++ = (struct box){(x - w / 2) * f->factor[0] + f->shift[0],
                                        (v - h / 2) * f->factor[1] + f->shift[1],
                                        (x + w / 2) * f->factor[0] + f->shift[0],
                                        (v + h / 2) * f->factor[1] + f->shift[1]};
            }
        }
    }
}

/* The boxes of one class that have a chance. */
static int64_t candidates(const struct op_call *c, const struct yolo *y, int64_t image,
                          int64_t label, struct scored *order) {
    int64_t n = 0, first = 0;
    for (int s = 0; s < y->scales; s++) {
        const int64_t *dim = c->in[s].shape.dim;
        int64_t step = dim[2] * dim[3] * y->anchors;
        const float *obj = (const float *)c->in[y->scales + s].data + image * step;
        const float *p = (const float *)c->in[2 * y->scales + s].data +
                         (image * y->classes + label) * step;
        for (int64_t i = 0; i < step; i++) {
            float score = obj[i] * p[i];
            if (obj[i] > y->objectness && score > y->score)
                order[n++] = (struct scored){first + i, label, score};
        }
        first += step;
    }
    return n;
}

static void write_image(const struct op_call *c, const struct yolo *y, int64_t image,
                        const struct scored *kept, int64_t n, const struct box *boxes) {
    if (op_has_output(c, 1)) ((int32_t *)c->out[1].data)[image * 8] = (int32_t)n;
    if (!op_has_output(c, 0)) return;
    float *to = (float *)c->out[0].data + image * 6 * y->after;
    for (int64_t i = 0; i < n; i++) {
        const struct box *b = &boxes[kept[i].box];
        const float row[6] = {b->x0, b->y0, b->x1, b->y1, kept[i].score, (float)kept[i].label};
        for (int k = 0; k < 6; k++) to[k * n + i] = row[k];
    }
}

static enum status run_yolo(struct op_call *c) {
    struct yolo y;
    TRY(yolo_init(c, &y));
    for (int s = 0; s < y.scales; s++)
        y.n += y.anchors * c->in[s].shape.dim[2] * c->in[s].shape.dim[3];
    struct box *boxes = mem_calloc((size_t)y.n + 1, sizeof *boxes);
    struct scored *order = mem_calloc((size_t)y.n + 1, sizeof *order);
    struct scored *kept = mem_calloc((size_t)(y.after + y.before), sizeof *kept);
    enum status s = STATUS_OK;
    if (!boxes || !order || !kept) {
        status_set(STATUS_MEMORY, __FILE__, __LINE__, "out of memory for %" PRId64 " boxes", y.n);
        s = op_fail(c, STATUS_MEMORY);
    }
    for (int i = 0; i < 2; i++)
        if (op_has_output(c, i))
            memset(c->out[i].data, 0,
                   (size_t)shape_elements(&c->out[i].shape) * dtype_size(c->out[i].dtype));
    for (int64_t image = 0; s == STATUS_OK && image < c->in[0].shape.dim[0]; image++) {
        struct fit f;
        float net[2];
        int64_t n_kept = 0;
        s = fit_init(c, &y, image, &f, net);
        if (s != STATUS_OK) break;
        decode(c, &y, image, &f, net, boxes);
        for (int64_t label = 0; label < y.classes; label++) {
            int64_t n = candidates(c, &y, image, label, order);
            n = scored_suppress(order, n, boxes, y.iou, 0, y.before, -1);
            memcpy(kept + n_kept, order, (size_t)n * sizeof *kept);
            n_kept += n;
            if (n) qsort(kept, (size_t)n_kept, sizeof *kept, scored_by_score);
            if (n_kept > y.after) n_kept = y.after;
        }
        write_image(c, &y, image, kept, n_kept, boxes);
    }
    mem_free(kept);
    mem_free(order);
    mem_free(boxes);
    return s;
}

const struct op_def op_def_YoloDetectionOutput = {
    .name = "YoloDetectionOutput", .min_inputs = 4, .max_inputs = 3 * MOST_SCALES + 1,
    .min_outputs = 1, .max_outputs = 2, .infer = infer_yolo, .run = run_yolo,
    .attrs = (const struct attr_spec[]){
        {"anchors", ATTR_FLOATS}, {"boxes", ATTR_INT}, {"classes", ATTR_INT}, {"cells", ATTR_INT},
        {"letterbox", ATTR_INT}, {"obj_threshold", ATTR_FLOAT}, {"score_threshold", ATTR_FLOAT},
        {"iou_threshold", ATTR_FLOAT}, {"pre_nms_topn", ATTR_INT}, {"post_nms_topn", ATTR_INT},
        {0}},
};
