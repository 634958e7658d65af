/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Proposal, the middle of Faster R-CNN: what a region proposal network says becomes regions.
 *
 * Inputs: probabilities (N, 2 * A, H, W: background of every anchor, then foreground), offsets (N,
 * 4 * A, H, W: x, y, width, height of each anchor in turn) and (N or 1, 2 or more) height and width
 * of the picture, and a scale that min_size is in. Anchors lie at every cell, feat_stride pixels
 * apart; their sizes come from base_size, ratios (height to width) and scales. Boxes of both edges
 * included: one from 3 to 3 is one wide. (Faster R-CNN, arXiv:1506.01497, and its published code's
 * rounding.)
 *
 * Output 0 (N, 5, R) or, `by_row`, (N * R, 5), R being `rows` or post_nms_topn: image, left, upper,
 * right and lower edge, best first; zeros in those left over (by_row: only their image is set).
 * Output 1 (N, 8) begins with how many there are.
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "ops/access.h"
#include "ops/boxes.h"

enum { MOST_ANCHORS = 256, MOST_BOXES = 1 << 24, MOST_ROWS = 1 << 16, MOST_SIDES = 64 };

struct proposal {
    float stride, min_size, iou;
    int64_t before, after, rows, anchors, height, width;
    bool by_row;
    struct box anchor[MOST_ANCHORS];
};

static enum status proposal_init(const struct op_call *c, struct proposal *p) {
    float ratio[MOST_SIDES], scale[MOST_SIDES];
    const struct node *n = c->node;
    *p = (struct proposal){
        .stride = node_float(n, "feat_stride", 16),
        .min_size = node_float(n, "min_size", 16),
        .iou = node_float(n, "iou_threshold", 0.7f),
        .before = node_int(n, "pre_nms_topn", 6000),
        .after = node_int(n, "post_nms_topn", 300),
        .rows = node_int(n, "rows", node_int(n, "post_nms_topn", 300)),
        .by_row = node_int(n, "by_row", 0) != 0,
    };
    float base = node_float(n, "base_size", 16);
    int n_ratios = node_floats(n, "ratios", ratio, MOST_SIDES);
    int n_scales = node_floats(n, "scales", scale, MOST_SIDES);
    OP_CHECK(c, n_ratios > 0 && n_ratios <= MOST_SIDES && n_scales > 0 && n_scales <= MOST_SIDES &&
                    n_ratios * n_scales <= MOST_ANCHORS,
             STATUS_SHAPE, "it has %d ratios and %d scales", n_ratios, n_scales);
    OP_CHECK(c, p->before >= 1 && p->before <= MOST_BOXES && p->after >= 1 &&
                    p->after <= p->rows && p->rows <= MOST_ROWS,
             STATUS_SHAPE, "attributes 'pre_nms_topn', 'post_nms_topn' and 'rows' are %" PRId64
             ", %" PRId64 " and %" PRId64, p->before, p->after, p->rows);
    OP_CHECK(c, p->stride > 0 && base > 0, STATUS_SHAPE,
             "attributes 'feat_stride' and 'base_size' are %g and %g", (double)p->stride,
             (double)base);
    float centre = (base - 1) / 2;
    for (int r = 0; r < n_ratios; r++) {
        OP_CHECK(c, ratio[r] > 0, STATUS_SHAPE, "it has a ratio of %g", (double)ratio[r]);
        float w = roundf(sqrtf(base * base / ratio[r])), h = roundf(w * ratio[r]);
        for (int s = 0; s < n_scales; s++) {
            float x = (w * scale[s] - 1) / 2, y = (h * scale[s] - 1) / 2;
            p->anchor[p->anchors++] =
                (struct box){centre - x, centre - y, centre + x, centre + y};
        }
    }
    return STATUS_OK;
}

static enum status infer_proposal(struct op_call *c) {
    struct proposal p;
    TRY(proposal_init(c, &p));
    for (int i = 0; i < 3; i++) {
        TRY(op_check_dtype(c, i, DTYPES_OF(DT_F32)));
        TRY(op_check_rank(c, i, i < 2 ? 4 : 2, i < 2 ? 4 : 2));
    }
    const struct shape *prob = &c->in[0].shape, *offset = &c->in[1].shape, *info = &c->in[2].shape;
    int64_t images = prob->rank == 4 ? prob->dim[0] : -1, rows = -1;
    if (prob->rank == 4) {
        TRY(op_check_dim(c, 0, 1, 2 * p.anchors, "probabilities of anchors"));
        int64_t plane = shape_product(prob, 2, 4);
        OP_CHECK(c, plane <= MOST_BOXES / p.anchors, STATUS_LIMIT, "there are more than %d boxes",
                 MOST_BOXES);
    }
    if (offset->rank == 4) {
        TRY(op_check_dim(c, 1, 1, 4 * p.anchors, "offsets of anchors"));
        for (int i = 0; i < 4; i++)
            if (i != 1 && prob->rank == 4 && prob->dim[i] >= 0)
                TRY(op_check_dim(c, 1, i, prob->dim[i], "of the probabilities"));
    }
    OP_CHECK(c, info->rank < 0 || info->dim[1] < 0 || (info->dim[1] >= 2 && info->dim[1] <= 8),
             STATUS_SHAPE, "the picture's size has %" PRId64 " values", info->dim[1]);
    OP_CHECK(c, info->rank < 0 || info->dim[0] < 0 || images < 0 || info->dim[0] == 1 ||
                    info->dim[0] == images,
             STATUS_SHAPE, "there are %" PRId64 " images, but sizes of %" PRId64, images,
             info->dim[0]);
    if (images >= 0)
        OP_CHECK(c, i64_mul(images, p.rows, &rows) && rows <= MOST_BOXES, STATUS_LIMIT,
                 "there could be more than %d regions", MOST_BOXES);
    op_output(c, 0, DT_F32,
              p.by_row ? (struct shape){.rank = 2, .dim = {rows, 5}}
                       : (struct shape){.rank = 3, .dim = {images, 5, p.rows}});
    op_output(c, 1, DT_I32, (struct shape){.rank = 2, .dim = {images, 8}});
    return STATUS_OK;
}

/* Boxes of an image, moved and cut off at the picture, and those that are large enough. */
static int64_t decode(const struct op_call *c, const struct proposal *p, int64_t image,
                      struct box *boxes, struct scored *order) {
    int64_t plane = p->height * p->width, n = 0;
    const float *score = (const float *)c->in[0].data + (image * 2 + 1) * p->anchors * plane;
    const float *offset = (const float *)c->in[1].data + image * 4 * p->anchors * plane;
    const struct view *v = &c->in[2];
    const float *info = (const float *)v->data +
                        (v->shape.dim[0] == 1 ? 0 : image * v->shape.dim[1]);
    float least = p->min_size * (v->shape.dim[1] > 2 ? info[2] : 1);
    for (int64_t i = 0; i < plane; i++)
        for (int64_t a = 0; a < p->anchors; a++) {
            const float *o = offset + 4 * a * plane + i;
            const struct box *from = &p->anchor[a];
            float w = from->x1 - from->x0 + 1, h = from->y1 - from->y0 + 1;
            float x = from->x0 + (float)(i % p->width) * p->stride + w / 2 + o[0] * w;
            float y = from->y0 + (float)(i / p->width) * p->stride + h / 2 + o[plane] * h;
            w *= expf(o[2 * plane]);
            h *= expf(o[3 * plane]);
            struct box *b = &boxes[i * p->anchors + a];
            b->x0 = fminf(fmaxf(x - w / 2, 0), info[1] - 1);
            b->y0 = fminf(fmaxf(y - h / 2, 0), info[0] - 1);
            b->x1 = fminf(fmaxf(x + w / 2, 0), info[1] - 1);
            b->y1 = fminf(fmaxf(y + h / 2, 0), info[0] - 1);
            float s = score[a * plane + i];
            if (b->x1 - b->x0 + 1 >= least && b->y1 - b->y0 + 1 >= least && s == s)
                order[n++] = (struct scored){i * p->anchors + a, 0, s};
        }
    return n;
}

static void write_image(const struct op_call *c, const struct proposal *p, int64_t image,
                        const struct scored *kept, int64_t n, const struct box *boxes) {
    if (op_has_output(c, 1)) ((int32_t *)c->out[1].data)[image * 8] = (int32_t)n;
    if (!op_has_output(c, 0)) return;
    float *to = (float *)c->out[0].data + image * 5 * p->rows;
    int64_t across = p->by_row ? 5 : 1, down = p->by_row ? 1 : p->rows;
    for (int64_t i = 0; i < p->rows; i++, to += across) {
        if (i >= n && !p->by_row) continue;
        to[0] = (float)image;
        if (i >= n) continue;
        const struct box *b = &boxes[kept[i].box];
        to[down] = b->x0;
        to[2 * down] = b->y0;
        to[3 * down] = b->x1;
        to[4 * down] = b->y1;
    }
}

static enum status run_proposal(struct op_call *c) {
    struct proposal p;
    TRY(proposal_init(c, &p));
    p.height = c->in[0].shape.dim[2];
    p.width = c->in[0].shape.dim[3];
    int64_t n = p.anchors * p.height * p.width;
    struct box *boxes = mem_calloc((size_t)n + 1, sizeof *boxes);
    struct scored *order = mem_calloc((size_t)n + 1, sizeof *order);
    enum status s = STATUS_OK;
    if (!boxes || !order) {
        status_set(STATUS_MEMORY, __FILE__, __LINE__, "out of memory for %" PRId64 " boxes", n);
        s = op_fail(c, STATUS_MEMORY);
    }
    for (int i = 0; i < 2; i++)
        if (op_has_output(c, i))
            memset(c->out[i].data, 0,
                   (size_t)shape_elements(&c->out[i].shape) * dtype_size(c->out[i].dtype));
    for (int64_t image = 0; s == STATUS_OK && image < c->in[0].shape.dim[0]; image++) {
        int64_t k = decode(c, &p, image, boxes, order);
        k = scored_suppress(order, k, boxes, p.iou, 1, p.before, p.after);
        write_image(c, &p, image, order, k, boxes);
    }
    mem_free(order);
    mem_free(boxes);
    return s;
}

const struct op_def op_def_Proposal = {
    .name = "Proposal", .min_inputs = 3, .max_inputs = 3, .min_outputs = 1, .max_outputs = 2,
    .infer = infer_proposal, .run = run_proposal,
    .attrs = (const struct attr_spec[]){
        {"feat_stride", ATTR_FLOAT}, {"base_size", ATTR_FLOAT}, {"min_size", ATTR_FLOAT},
        {"ratios", ATTR_FLOATS}, {"scales", ATTR_FLOATS}, {"iou_threshold", ATTR_FLOAT},
        {"pre_nms_topn", ATTR_INT}, {"post_nms_topn", ATTR_INT}, {"rows", ATTR_INT},
        {"by_row", ATTR_INT}, {0}},
};
