/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DetectionOutput, the last layer of SSD: offsets (N, P*4) and scores (N, P*classes) on prior boxes
 * (1, 2, P*4: corners, then variances) become rows (1, 1, K, 7) of image, class, score and corners.
 *
 * Each class of each image has its own non-maximum suppression; then the keep_top_k best of an
 * image remain. Rows are in order of image, class and falling score. Caffe makes as many rows as it
 * finds; here there are as many as it could at most find, so that a program knows the size
 * beforehand, and those left over are -1 throughout. With `per_image` each image has keep_top_k
 * rows of its own, (N, K, 8) with a zero at the end and zeros throughout in those left over, and
 * the second output (N, 8) begins with how many there are.
 */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "ops/access.h"
#include "ops/boxes.h"

enum { MOST_ROWS = 1 << 24 };

struct detector {
    int64_t images, priors, classes, background, top_k, keep_top_k;
    float iou, least;
    enum { CODE_CORNER, CODE_CENTER_SIZE, CODE_CORNER_SIZE } code;
    bool per_image;
    bool encoded; /* variances are in the offsets already */
    struct box *boxes;    /* of the image at hand */
    struct scored *order;  /* of the class at hand */
    struct scored *kept;   /* of all images so far */
    int64_t *image;       /* of each of them */
    int64_t n_kept, cap_kept;
};

static enum status detector_init(const struct op_call *c, struct detector *d) {
    static const char *const codes[] = {"corner", "center_size", "corner_size"};
    const struct node *n = c->node;
    const char *code = node_string(n, "code_type", "corner");
    int k = 0;
    while (k < 3 && strcmp(codes[k], code)) k++;
    OP_CHECK(c, k < 3, STATUS_UNSUPPORTED, "attribute 'code_type' is '%s'", code);
    *d = (struct detector){
        .classes = node_int(n, "num_classes", 0),
        .background = node_int(n, "background_label_id", 0),
        .top_k = node_int(n, "top_k", -1),
        .keep_top_k = node_int(n, "keep_top_k", -1),
        .iou = node_float(n, "nms_threshold", 0.3f),
        .least = node_float(n, "confidence_threshold", -3.4e38f),
        .per_image = node_int(n, "per_image", 0) != 0,
        .encoded = node_int(n, "variance_encoded_in_target", 0) != 0,
    };
    d->code = k == 0 ? CODE_CORNER : k == 1 ? CODE_CENTER_SIZE : CODE_CORNER_SIZE;
    OP_CHECK(c, d->classes > 0 && d->classes <= 1 << 16, STATUS_SHAPE,
             "attribute 'num_classes' is %" PRId64, d->classes);
    OP_CHECK(c, !d->per_image || (d->keep_top_k > 0 && d->keep_top_k <= MOST_ROWS), STATUS_SHAPE,
             "attribute 'keep_top_k' is %" PRId64, d->keep_top_k);
    OP_CHECK(c, d->per_image || c->n_outputs == 1, STATUS_SHAPE,
             "it counts boxes only with attribute 'per_image'");
    return STATUS_OK;
}

static enum status infer_detection(struct op_call *c) {
    struct detector d;
    TRY(detector_init(c, &d));
    for (int i = 0; i < 3; i++) TRY(op_check_dtype(c, i, DTYPES_OF(DT_F32)));
    TRY(op_check_rank(c, 0, 2, 2));
    TRY(op_check_rank(c, 1, 2, 2));
    TRY(op_check_rank(c, 2, 3, 3));
    const struct shape *loc = &c->in[0].shape, *conf = &c->in[1].shape, *prior = &c->in[2].shape;
    if (prior->rank == 3) {
        OP_CHECK(
            c,
            (prior->dim[0] < 0 || prior->dim[0] == 1) && (prior->dim[1] < 0 || prior->dim[1] == 2),
            STATUS_SHAPE, "the prior boxes are [%" PRId64 ",%" PRId64 ",...] instead of [1,2,...]",
            prior->dim[0], prior->dim[1]);
        int64_t n = prior->dim[2];
        OP_CHECK(c, n < 0 || n % 4 == 0, STATUS_SHAPE, "prior boxes have %" PRId64 " coordinates",
                 n);
        OP_CHECK(c, n < 0 || loc->rank < 0 || loc->dim[1] < 0 || loc->dim[1] == n, STATUS_SHAPE,
                 "there are %" PRId64 " offsets for %" PRId64 " coordinates of prior boxes",
                 loc->dim[1], n);
        OP_CHECK(c,
                 n < 0 || conf->rank < 0 || conf->dim[1] < 0 || conf->dim[1] == n / 4 * d.classes,
                 STATUS_SHAPE,
                 "there are %" PRId64 " scores for %" PRId64 " boxes and %" PRId64 " classes",
                 conf->dim[1], n / 4, d.classes);
    }
    OP_CHECK(c, loc->rank < 0 || conf->rank < 0 || loc->dim[0] < 0 || conf->dim[0] < 0 ||
                    loc->dim[0] == conf->dim[0], STATUS_SHAPE,
             "offsets are of %" PRId64 " images, scores of %" PRId64, loc->dim[0], conf->dim[0]);
    int64_t images = loc->rank == 2 ? loc->dim[0] : -1, rows = -1;
    if (d.per_image) {
        OP_CHECK(c, images < 0 || (i64_mul(images, d.keep_top_k, &rows) && rows <= MOST_ROWS),
                 STATUS_LIMIT, "there could be more than %d rows", MOST_ROWS);
        op_output(c, 0, DT_F32, (struct shape){.rank = 3, .dim = {images, d.keep_top_k, 8}});
        op_output(c, 1, DT_I32, (struct shape){.rank = 2, .dim = {images, 8}});
        return STATUS_OK;
    }
    int64_t priors = prior->rank == 3 && prior->dim[2] >= 0 ? prior->dim[2] / 4 : -1;
    int64_t each = d.keep_top_k >= 0 ? d.keep_top_k : -1;
    if (each < 0 && priors >= 0)
        each = (d.top_k >= 0 && d.top_k < priors ? d.top_k : priors) * d.classes;
    if (images >= 0 && each >= 0)
        OP_CHECK(c, i64_mul(images, each, &rows) && rows <= MOST_ROWS, STATUS_LIMIT,
                 "there could be more than %d rows; set keep_top_k", MOST_ROWS);
    op_output(c, 0, DT_F32, (struct shape){.rank = 4, .dim = {1, 1, rows, 7}});
    return STATUS_OK;
}

static void decode(struct detector *d, const float *loc, const float *prior) {
    for (int64_t i = 0; i < d->priors; i++) {
        const float *p = prior + 4 * i, *var = p + 4 * d->priors, *o = loc + 4 * i;
        float v[4];
        for (int k = 0; k < 4; k++) v[k] = d->encoded ? o[k] : o[k] * var[k];
        float w = p[2] - p[0], h = p[3] - p[1];
        if (d->code == CODE_CENTER_SIZE) {
            float cx = v[0] * w + (p[0] + p[2]) / 2, cy = v[1] * h + (p[1] + p[3]) / 2;
            w *= expf(v[2]);
            h *= expf(v[3]);
            d->boxes[i] = (struct box){cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2};
        } else {
            if (d->code == CODE_CORNER) w = h = 1;
            d->boxes[i] = (struct box){p[0] + v[0] * w, p[1] + v[1] * h, p[2] + v[2] * w,
                                       p[3] + v[3] * h};
        }
    }
}

static bool keep(struct detector *d, struct scored f, int64_t image) {
    if (d->n_kept == d->cap_kept) {
        int64_t cap = d->cap_kept ? 2 * d->cap_kept : 64;
        struct scored *kept = mem_realloc(d->kept, (size_t)cap * sizeof *kept);
        if (kept) d->kept = kept;
        int64_t *images = mem_realloc(d->image, (size_t)cap * sizeof *images);
        if (images) d->image = images;
        if (!kept || !images) return false;
        d->cap_kept = cap;
    }
    d->kept[d->n_kept] = f;
    d->image[d->n_kept++] = image;
    return true;
}

static bool suppress(struct detector *d, const float *scores, int64_t label, int64_t image) {
    int64_t n = 0;
    for (int64_t i = 0; i < d->priors; i++) {
        float score = scores[i * d->classes + label];
        if (score > d->least) d->order[n++] = (struct scored){i, label, score};
    }
    n = scored_suppress(d->order, n, d->boxes, d->iou, 0, d->top_k, -1);
    for (int64_t i = 0; i < n; i++)
        if (!keep(d, d->order[i], image)) return false;
    return true;
}

/* One image; its rows are written behind those of the images before it. */
static bool detect(struct detector *d, const float *scores, int64_t image) {
    int64_t first = d->n_kept;
    for (int64_t label = 0; label < d->classes; label++)
        if (label != d->background && !suppress(d, scores, label, image)) return false;
    int64_t n = d->n_kept - first;
    if (d->keep_top_k < 0 || n <= d->keep_top_k) return true;
    qsort(d->kept + first, (size_t)n, sizeof *d->kept, scored_by_score);
    d->n_kept = first + d->keep_top_k;
    qsort(d->kept + first, (size_t)d->keep_top_k, sizeof *d->kept, scored_by_label);
    return true;
}

static void write_row(float *to, int64_t image, const struct scored *f, const struct box *b) {
    const float row[] = {(float)image, (float)f->label, f->score, b->x0, b->y0, b->x1, b->y1};
    memcpy(to, row, sizeof row);
}

static void write_rows(const struct op_call *c, const struct detector *d, const struct box *all) {
    int64_t rows = c->out[0].shape.dim[2];
    float *to = c->out[0].data;
    for (int64_t i = 0; i < rows; i++, to += 7) {
        if (i < d->n_kept)
            write_row(to, d->image[i], &d->kept[i], &all[d->image[i] * d->priors + d->kept[i].box]);
        else
            for (int k = 0; k < 7; k++) to[k] = -1;
    }
}

static void write_images(const struct op_call *c, const struct detector *d, const struct box *all) {
    int32_t *count = op_has_output(c, 1) ? c->out[1].data : NULL;
    if (count) memset(count, 0, (size_t)d->images * 8 * sizeof *count);
    if (op_has_output(c, 0))
        memset(c->out[0].data, 0, (size_t)(d->images * d->keep_top_k) * 8 * sizeof(float));
    for (int64_t i = 0, row = 0; i < d->n_kept; i++) {
        int64_t image = d->image[i];
        row = i && d->image[i - 1] == image ? row + 1 : 0;
        if (count) count[image * 8] = (int32_t)row + 1;
        if (op_has_output(c, 0))
            write_row((float *)c->out[0].data + (image * d->keep_top_k + row) * 8, image,
                      &d->kept[i], &all[image * d->priors + d->kept[i].box]);
    }
}

static enum status run_detection(struct op_call *c) {
    struct detector d;
    TRY(detector_init(c, &d));
    d.images = c->in[0].shape.dim[0];
    d.priors = c->in[2].shape.dim[2] / 4;
    const float *loc = c->in[0].data, *conf = c->in[1].data, *prior = c->in[2].data;
    d.boxes = mem_calloc((size_t)(d.images * d.priors) + 1, sizeof *d.boxes);
    d.order = mem_calloc((size_t)d.priors + 1, sizeof *d.order);
    struct box *all = d.boxes;
    bool enough = d.boxes && d.order;
    for (int64_t i = 0; i < d.images && enough; i++) {
        d.boxes = all + i * d.priors;
        decode(&d, loc + i * d.priors * 4, prior);
        enough = detect(&d, conf + i * d.priors * d.classes, i);
    }
    enum status s = STATUS_OK;
    if (!enough) {
        status_set(STATUS_MEMORY, __FILE__, __LINE__, "out of memory for %" PRId64 " boxes",
                   d.priors);
        s = op_fail(c, STATUS_MEMORY);
    } else if (d.per_image) {
        write_images(c, &d, all);
    } else {
        write_rows(c, &d, all);
    }
    mem_free(d.image);
    mem_free(d.kept);
    mem_free(d.order);
    mem_free(all);
    return s;
}

const struct op_def op_def_DetectionOutput = {
    .name = "DetectionOutput", .min_inputs = 3, .max_inputs = 3, .min_outputs = 1, .max_outputs = 2,
    .infer = infer_detection, .run = run_detection,
    .attrs = (const struct attr_spec[]){
        {"num_classes", ATTR_INT}, {"background_label_id", ATTR_INT}, {"nms_threshold", ATTR_FLOAT},
        {"top_k", ATTR_INT}, {"keep_top_k", ATTR_INT}, {"confidence_threshold", ATTR_FLOAT},
        {"code_type", ATTR_STRING}, {"variance_encoded_in_target", ATTR_INT},
        {"per_image", ATTR_INT}, {0}},
};
