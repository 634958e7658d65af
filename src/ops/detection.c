/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DetectionOutput, the last layer of SSD: offsets (N, P*4) and scores (N, P*classes) on prior boxes
 * (1, 2, P*4: corners, then variances) become rows (1, 1, K, 7) of image, class, score and corners.
 *
 * Each class of each image has its own non-maximum suppression; then the keep_top_k best of an
 * image remain. Rows are in order of image, class and falling score. Caffe makes as many rows as it
 * finds; here there are as many as it could at most find, so that a program knows the size
 * beforehand, and those left over are -1 throughout.
 */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "ops/access.h"

enum { MOST_ROWS = 1 << 24 };

struct box {
    float x0, y0, x1, y1;
};

struct found {
    int64_t prior, label;
    float score;
};

struct detector {
    int64_t images, priors, classes, background, top_k, keep_top_k;
    float iou, least;
    enum { CODE_CORNER, CODE_CENTER_SIZE, CODE_CORNER_SIZE } code;
    bool encoded; /* variances are in the offsets already */
    struct box *boxes;    /* of the image at hand */
    struct found *order;  /* of the class at hand */
    struct found *kept;   /* of all images so far */
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
        .encoded = node_int(n, "variance_encoded_in_target", 0) != 0,
    };
    d->code = k == 0 ? CODE_CORNER : k == 1 ? CODE_CENTER_SIZE : CODE_CORNER_SIZE;
    OP_CHECK(c, d->classes > 0 && d->classes <= 1 << 16, STATUS_SHAPE,
             "attribute 'num_classes' is %" PRId64, d->classes);
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

static float area(const struct box *b) {
    return b->x1 < b->x0 || b->y1 < b->y0 ? 0 : (b->x1 - b->x0) * (b->y1 - b->y0);
}

static float overlap(const struct box *a, const struct box *b) {
    struct box both = {fmaxf(a->x0, b->x0), fmaxf(a->y0, b->y0), fminf(a->x1, b->x1),
                       fminf(a->y1, b->y1)};
    float shared = area(&both), whole = area(a) + area(b) - shared;
    return whole > 0 ? shared / whole : 0;
}

/* The better score first; equals by class and box, so that the order is one. */
static int compare_scores(const void *a, const void *b) {
    const struct found *x = a, *y = b;
    if (x->score != y->score) return x->score < y->score ? 1 : -1;
    if (x->label != y->label) return x->label > y->label ? 1 : -1;
    return (x->prior > y->prior) - (x->prior < y->prior);
}

static int compare_labels(const void *a, const void *b) {
    const struct found *x = a, *y = b;
    return x->label != y->label ? (x->label > y->label ? 1 : -1) : compare_scores(a, b);
}

static bool keep(struct detector *d, struct found f, int64_t image) {
    if (d->n_kept == d->cap_kept) {
        int64_t cap = d->cap_kept ? 2 * d->cap_kept : 64;
        struct found *kept = mem_realloc(d->kept, (size_t)cap * sizeof *kept);
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
    int64_t n = 0, first = d->n_kept;
    for (int64_t i = 0; i < d->priors; i++) {
        float score = scores[i * d->classes + label];
        if (score > d->least) d->order[n++] = (struct found){i, label, score};
    }
    qsort(d->order, (size_t)n, sizeof *d->order, compare_scores);
    if (d->top_k >= 0 && n > d->top_k) n = d->top_k;
    for (int64_t i = 0; i < n; i++) {
        bool free = true;
        for (int64_t k = first; free && k < d->n_kept; k++)
            free = overlap(&d->boxes[d->kept[k].prior], &d->boxes[d->order[i].prior]) <= d->iou;
        if (free && !keep(d, d->order[i], image)) return false;
    }
    return true;
}

/* One image; its rows are written behind those of the images before it. */
static bool detect(struct detector *d, const float *scores, int64_t image) {
    int64_t first = d->n_kept;
    for (int64_t label = 0; label < d->classes; label++)
        if (label != d->background && !suppress(d, scores, label, image)) return false;
    int64_t n = d->n_kept - first;
    if (d->keep_top_k < 0 || n <= d->keep_top_k) return true;
    qsort(d->kept + first, (size_t)n, sizeof *d->kept, compare_scores);
    d->n_kept = first + d->keep_top_k;
    qsort(d->kept + first, (size_t)d->keep_top_k, sizeof *d->kept, compare_labels);
    return true;
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
    int64_t rows = c->out[0].shape.dim[2];
    if (!enough) {
        status_set(STATUS_MEMORY, __FILE__, __LINE__, "out of memory for %" PRId64 " boxes",
                   d.priors);
        s = op_fail(c, STATUS_MEMORY);
    }
    for (int64_t i = 0; s == STATUS_OK && i < rows; i++) {
        float *to = (float *)c->out[0].data + 7 * i;
        if (i >= d.n_kept) {
            for (int k = 0; k < 7; k++) to[k] = -1;
            continue;
        }
        const struct found *f = &d.kept[i];
        const struct box *b = &all[d.image[i] * d.priors + f->prior];
        memcpy(to,
               (const float[]){(float)d.image[i], (float)f->label, f->score, b->x0, b->y0, b->x1,
                               b->y1},
               7 * sizeof *to);
    }
    mem_free(d.image);
    mem_free(d.kept);
    mem_free(d.order);
    mem_free(all);
    return s;
}

const struct op_def op_def_DetectionOutput = {
    .name = "DetectionOutput", .min_inputs = 3, .max_inputs = 3, .min_outputs = 1, .max_outputs = 1,
    .infer = infer_detection, .run = run_detection,
    .attrs = (const struct attr_spec[]){
        {"num_classes", ATTR_INT}, {"background_label_id", ATTR_INT}, {"nms_threshold", ATTR_FLOAT},
        {"top_k", ATTR_INT}, {"keep_top_k", ATTR_INT}, {"confidence_threshold", ATTR_FLOAT},
        {"code_type", ATTR_STRING}, {"variance_encoded_in_target", ATTR_INT}, {0}},
};
