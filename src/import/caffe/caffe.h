/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside the Caffe importer. Reading order: net.c (two files become a graph), upgrade.c (older
 * forms of a layer become the newest), weights.c (the caffemodel), emit.c (nodes and constants),
 * layers.def (which kind of layer is converted where), layers_*.c.
 *
 * Caffe names blobs, and a layer may write over a blob it reads (in place). Each writing makes a
 * tensor here; the last one of a blob has the blob's name, those before it "blob.layer".
 */
#ifndef PK_IMPORT_CAFFE_CAFFE_H
#define PK_IMPORT_CAFFE_CAFFE_H

#include "import/caffe.pb-c.h"
#include "import/frontend.h"

enum {
    CAFFE_MAX_LAYERS = 1 << 16,
    CAFFE_MAX_ENDS = 4096 /* bottoms or tops of a layer */
};

#define CAFFE_NO_MEMORY "out of memory while importing the network"

struct caffe_weights {
    const char *path;
    const uint8_t *bytes;
    size_t n_bytes;
    int n_layers;
    struct caffe_weight_layer {
        const char *name;
        size_t n_blobs;
        Caffe__WeightBlob **blobs;
    } *layers; /* sorted by name */
};

struct caffe_layer {
    const Caffe__LayerParameter *p;
    const char *name, *type;
    int n_in, *in;   /* tensors of the bottoms */
    int n_out, *out; /* tensors of the tops, made before the layer is converted */
    const struct caffe_weight_layer *weights; /* NULL: the caffemodel has none of this name */
    int n_extra; /* nodes and constants besides its own, for names */
};

struct caffe_import {
    struct graph *g;
    struct arena *arena;
    const char *path; /* of the prototxt */
    struct caffe_weights weights;
    struct lacks lacks; /* layers that cannot be converted */
    int n_layers;
    struct caffe_layer *layers;
    /* Blobs by name. */
    int n_blobs, cap_slots;
    struct caffe_blob_state *blobs;
    int *slots; /* hash of names: index + 1 */
};

/* ---- weights.c ---- */
/* Reads the structure of a caffemodel; the bytes stay where they are. *message is to be released
 * with wire_message_deinit() once nothing reads `out` any more. */
struct wire_message;
enum status caffe_weights_init(const char *path, const void *bytes, size_t n_bytes,
                               struct arena *arena, struct wire_message *message,
                               struct caffe_weights *out);
/* NULL if the caffemodel has no layer of this name. */
const struct caffe_weight_layer *caffe_weights_find(const struct caffe_weights *w,
                                                    const char *name);
/* Blob `i` of the layer as a constant of the given shape; `what` is its role, for messages. Caffe's
 * older files write all blobs with four dimensions, so only the count must agree. */
enum status caffe_blob(struct caffe_import *im, struct caffe_layer *l, int i, const char *what,
                       struct shape shape, int *out);
/* The same as values, in the import's arena. */
enum status caffe_blob_values(struct caffe_import *im, const struct caffe_layer *l, int i,
                              const char *what, int64_t n, const float **out);
/* Elements of blob i; -1 if there is no such blob. */
int64_t caffe_blob_count(const struct caffe_layer *l, int i);

/* ---- emit.c ---- */
#define IN(...) (int)(sizeof((int[]){__VA_ARGS__}) / sizeof(int)), (const int[]){__VA_ARGS__}

/* Adds a node and infers it. *out >= 0: the tensor it writes; -1: one is made. NULL: no attributes.
 *     int y = -1;
 *     TRY(caffe_emit(im, l, OP_Mul, IN(l->in[0], factor), NULL, &y));
 *     TRY(caffe_emit(im, l, OP_Relu, IN(y), NULL, &l->out[0])); */
enum status caffe_emit(struct caffe_import *im, struct caffe_layer *l, enum op_kind op, int n_in,
                       const int *in, const struct attr *attrs, int *out);
enum status caffe_emit_many(struct caffe_import *im, struct caffe_layer *l, enum op_kind op,
                            int n_in, const int *in, const struct attr *attrs, int n_out,
                            int *out);
enum status caffe_constant(struct caffe_import *im, struct caffe_layer *l, struct shape shape,
                           const float *values, int *out);
enum status caffe_ints(struct caffe_import *im, struct caffe_layer *l, int n, const int64_t *values,
                       int *out);
enum status caffe_scalar(struct caffe_import *im, struct caffe_layer *l, float value, int *out);
/* x combined with one number: *out = op(x, value). */
enum status caffe_with_scalar(struct caffe_import *im, struct caffe_layer *l, enum op_kind op,
                              int x, float value, int *out);
/* 0 in `dims` keeps the dimension, -1 takes what is left. */
enum status caffe_reshape(struct caffe_import *im, struct caffe_layer *l, int x, int n,
                          const int64_t *dims, int *out);
enum status caffe_reduce(struct caffe_import *im, struct caffe_layer *l, enum op_kind op, int x,
                         int n_axes, const int64_t *axes, bool keep, int *out);

/* ---- for layers ---- */
/* FAIL and CHECK with "layer 'name' (Type): " before the sentence. */
#define L_FAIL(l, code, format, ...)                                                               \
    FAIL(code, "layer '%s' (%s): " format, (l)->name, (l)->type, ##__VA_ARGS__)
#define L_CHECK(l, condition, code, format, ...)                                                   \
    do {                                                                                           \
        if (__builtin_expect(!(condition), 0)) L_FAIL(l, code, format, ##__VA_ARGS__);             \
    } while (0)

const struct shape *caffe_shape(const struct caffe_import *im, int tensor);
/* The rank of bottom i, which must be known. */
enum status caffe_rank(const struct caffe_import *im, const struct caffe_layer *l, int i, int *out);
/* A dimension of bottom i, which must be known and not 0. */
enum status caffe_dim(const struct caffe_import *im, const struct caffe_layer *l, int i, int axis,
                      int64_t *out);
/* Axis in -rank..rank-1 of bottom 0 to 0..rank-1. */
enum status caffe_axis(const struct caffe_import *im, const struct caffe_layer *l, int64_t axis,
                       int *out);
/* The parameter message of a layer, or one with every field at its default if it has none:
 *     PARAM(l, pooling_param, pooling_parameter, PoolingParameter, p);   */
#define PARAM(l, field, lower, Upper, p)                                                           \
    static const Caffe__##Upper p##_default = CAFFE__##lower##__INIT;                              \
    const Caffe__##Upper *p = (l)->p->field ? (l)->p->field : &p##_default

/* ---- upgrade.c ---- */
/* The layers of a network in the newest form: `layer` as it is, or `layers` brought to it. */
enum status caffe_upgrade(const Caffe__NetParameter *net, struct arena *arena, size_t *n_layers,
                          Caffe__LayerParameter ***out);

/* ---- layers_*.c, by layers.def ---- */
#define LAYER(type, function, min_in, max_in, min_out, max_out)                                    \
    enum status caffe_##function(struct caffe_import *im, struct caffe_layer *l);
#define REFUSE(type, advice)
#include "import/caffe/layers.def"
#undef LAYER
#undef REFUSE

#endif
