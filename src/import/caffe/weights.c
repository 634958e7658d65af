/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The caffemodel. Only names and blobs are read from it; what the layers are stands in the
 * prototxt. Blobs stay where they lie in the file's bytes.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "import/caffe/caffe.h"
#include "import/wire.h"

static int compare_names(const void *a, const void *b) {
    const struct caffe_weight_layer *x = a, *y = b;
    return strcmp(x->name, y->name);
}

static void add_layer(struct caffe_weights *w, const char *name, size_t n_blobs,
                      Caffe__WeightBlob **blobs) {
    if (n_blobs)
        w->layers[w->n_layers++] = (struct caffe_weight_layer){
            .name = name ? name : "", .n_blobs = n_blobs, .blobs = blobs};
}

enum status caffe_weights_init(const char *path, const void *bytes, size_t n_bytes,
                               struct arena *arena, struct wire_message *message,
                               struct caffe_weights *out) {
    static const struct wire_cut cuts[] = {{&caffe__weight_blob__descriptor, 5, 1001},
                                           {&caffe__weight_blob__descriptor, 8, 1003}};
    *out = (struct caffe_weights){.path = path, .bytes = bytes, .n_bytes = n_bytes};
    TRY(wire_unpack(&caffe__weights__descriptor, bytes, n_bytes,
                    &(struct wire_options){.cut = cuts, .n_cuts = 2}, message));
    const Caffe__Weights *w = (const Caffe__Weights *)message->message;
    CHECK(w->n_layer <= CAFFE_MAX_LAYERS && w->n_layers <= CAFFE_MAX_LAYERS, STATUS_LIMIT,
          "the weights are of more than %d layers", CAFFE_MAX_LAYERS);
    CHECK(w->n_layer || w->n_layers, STATUS_FORMAT,
          "the file holds no layers; it is no caffemodel (a .prototxt goes to --model, a "
          ".caffemodel to --weight)");
    out->layers = arena_calloc(arena, w->n_layer + w->n_layers, sizeof *out->layers);
    CHECK(out->layers, STATUS_MEMORY, CAFFE_NO_MEMORY);
    for (size_t i = 0; i < w->n_layer; i++)
        add_layer(out, w->layer[i]->name, w->layer[i]->n_blobs, w->layer[i]->blobs);
    for (size_t i = 0; i < w->n_layers; i++) {
        const Caffe__V1WeightLayer *v1 = w->layers[i];
        if (v1->layer) add_layer(out, v1->layer->name, v1->layer->n_blobs, v1->layer->blobs);
        else add_layer(out, v1->name, v1->n_blobs, v1->blobs);
    }
    qsort(out->layers, (size_t)out->n_layers, sizeof *out->layers, compare_names);
    return STATUS_OK;
}

const struct caffe_weight_layer *caffe_weights_find(const struct caffe_weights *w,
                                                    const char *name) {
    struct caffe_weight_layer key = {.name = name};
    return w->n_layers ? bsearch(&key, w->layers, (size_t)w->n_layers, sizeof key, compare_names)
                       : NULL;
}

/* ---- blobs ---- */

int64_t caffe_blob_count(const struct caffe_layer *l, int i) {
    if (!l->weights || (size_t)i >= l->weights->n_blobs) return -1;
    const Caffe__WeightBlob *b = l->weights->blobs[i];
    return (int64_t)(b->has_double_length && b->double_length ? b->double_length / 8
                                                              : b->data_length / 4);
}

/* The shape the file says, for messages. */
static const char *blob_text(const Caffe__WeightBlob *b, char buf[static 128]) {
    if (b->shape && b->shape->n_dim <= SHAPE_MAX_RANK) {
        struct shape s = shape_from((int)b->shape->n_dim, b->shape->dim);
        return shape_text(&s, buf);
    }
    snprintf(buf, 128, "[%d,%d,%d,%d]", (int)b->num, (int)b->channels, (int)b->height,
             (int)b->width);
    return buf;
}

static enum status check_blob(const struct caffe_import *im, const struct caffe_layer *l, int i,
                              const char *what, const char *wanted, int64_t n) {
    char text[128];
    L_CHECK(l, l->weights, STATUS_FORMAT,
            "'%s' has no weights for it; are the two files of the same network?", im->weights.path);
    L_CHECK(l, (size_t)i < l->weights->n_blobs, STATUS_FORMAT,
            "'%s' has %zu blobs for it, but its %s would be blob %d (bias_term tells whether there "
            "is a bias)",
            im->weights.path, l->weights->n_blobs, what, i);
    const Caffe__WeightBlob *b = l->weights->blobs[i];
    int64_t have = caffe_blob_count(l, i);
    L_CHECK(l, have == n, STATUS_SHAPE,
            "its %s (blob %d) has %" PRId64 " values of shape %s in '%s', but the prototxt "
            "asks for %s",
            what, i, have, blob_text(b, text), im->weights.path, wanted);
    return STATUS_OK;
}

/* Floats where they lie; NULL if they must be copied. */
static const float *borrowed(const struct caffe_weights *w, const Caffe__WeightBlob *b) {
    const uint8_t *p = w->bytes + b->data_offset;
    bool doubles = b->has_double_length && b->double_length;
    return doubles || (uintptr_t)p % sizeof(float) ? NULL : (const float *)(const void *)p;
}

static void copy_values(const struct caffe_weights *w, const Caffe__WeightBlob *b, int64_t n,
                        float *out) {
    if (!b->has_double_length || !b->double_length) {
        if (n) memcpy(out, w->bytes + b->data_offset, (size_t)n * sizeof *out);
        return;
    }
    for (int64_t i = 0; i < n; i++) {
        double d;
        memcpy(&d, w->bytes + b->double_offset + (size_t)i * sizeof d, sizeof d);
        out[i] = (float)d;
    }
}

enum status caffe_blob(struct caffe_import *im, struct caffe_layer *l, int i, const char *what,
                       struct shape shape, int *out) {
    char wanted[128];
    TRY(check_blob(im, l, i, what, shape_text(&shape, wanted), shape_elements(&shape)));
    const Caffe__WeightBlob *b = l->weights->blobs[i];
    const float *p = borrowed(&im->weights, b);
    const char *name = arena_printf(im->arena, "%s.%s", l->name, what);
    CHECK(name, STATUS_MEMORY, CAFFE_NO_MEMORY);
    TRY(graph_add_constant(im->g, name, DT_F32, shape, p, p != NULL, out));
    if (!p)
        copy_values(&im->weights, b, shape_elements(&shape), (float *)im->g->tensors[*out].data);
    return STATUS_OK;
}

enum status caffe_blob_values(struct caffe_import *im, const struct caffe_layer *l, int i,
                              const char *what, int64_t n, const float **out) {
    char wanted[32];
    snprintf(wanted, sizeof wanted, "%" PRId64, n);
    TRY(check_blob(im, l, i, what, wanted, n));
    float *values = arena_calloc(im->arena, (size_t)n, sizeof *values);
    CHECK(values, STATUS_MEMORY, CAFFE_NO_MEMORY);
    copy_values(&im->weights, l->weights->blobs[i], n, values);
    *out = values;
    return STATUS_OK;
}
