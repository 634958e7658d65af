/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Front ends: a file of some framework becomes a graph.
 *
 * A front end keeps the source's names, rewrites operators to the newest ONNX form, and does
 * nothing else; it knows no kernels and no .om. What it cannot express is collected: one failure
 * names all unsupported nodes and says what to do.
 *
 * Files are hostile: nesting depth, message counts and bytes are bounded before anything is
 * unpacked, external weights stay inside the model's own folder.
 */
#ifndef PK_IMPORT_IMPORT_H
#define PK_IMPORT_IMPORT_H

#include "ir/graph.h"

struct import_shape {
    const char *name; /* of the input */
    struct shape shape;
};

enum {
    LACKS_KINDS = 20, /* kinds of unsupported nodes that are listed */
    LACKS_NAMES = 4,  /* node names of each kind */
    IMPORT_REPORT_INPUTS = 32
};

/* Everything a model needs that we do not have; frontend.h says how it is gathered. */
struct lacks {
    int n_nodes;
    int n_kinds;
    struct lack {
        char op[48], reason[320], names[280];
        int n;
    } kind[LACKS_KINDS]; /* by operator and reason, as far as they fit */
};

/* What a front end saw of a model, whether or not it could import it. */
struct import_report {
    const char *format; /* "ONNX"; NULL: the file could not be read */
    int opset;          /* 0 where the framework has none */
    int n_inputs;       /* of which IMPORT_REPORT_INPUTS are told */
    struct import_input {
        char name[128];
        enum dtype dtype;
        struct shape shape;
    } input[IMPORT_REPORT_INPUTS];
    struct lacks lacks;
};

struct import_options {
    /* Shapes that replace what the file says of its inputs (--input_shape). A name the model does
     * not have, or a shape that contradicts a fixed one's rank, is an error. */
    int n_shapes;
    const struct import_shape *shapes;
    /* New outputs ("node:index", or a tensor name) instead of the file's own (--out_nodes);
     * NULL-terminated, or NULL. */
    const char *const *out_nodes;
    struct import_report *report; /* filled even where the import fails; or NULL */
};

/* As --framework numbers them. */
enum framework {
    FRAMEWORK_CAFFE = 0,
    FRAMEWORK_MINDSPORE = 1,
    FRAMEWORK_TENSORFLOW = 3,
    FRAMEWORK_ONNX = 5,
};

struct import_request {
    enum framework framework;
    const char *model;
    const char *weights; /* a second file; NULL for frameworks that have none */
    struct import_options options;
};

/* The front end of the request's framework. */
enum status import_model(const struct import_request *request, struct graph **out);

/* `options` may be NULL. On success *out belongs to the caller, is sorted, inferred and
 * verified. */
enum status import_onnx_file(const char *path, const struct import_options *options,
                             struct graph **out);
/* `bytes` must outlive the graph (constants borrow from it) unless `copy`. External data is
 * refused: there is no folder. */
enum status import_onnx_memory(const void *bytes, size_t n_bytes, bool copy,
                               const struct import_options *options, struct graph **out);

/* A frozen GraphDef, or a model.json of TensorFlow.js with its weights beside it; the content says
 * which. A shape for a node that is no Placeholder makes it an input, and what is in front of it is
 * left out. */
enum status import_tensorflow_file(const char *path, const struct import_options *options,
                                   struct graph **out);
/* As import_onnx_memory(). */
enum status import_tensorflow_memory(const void *bytes, size_t n_bytes, bool copy,
                                     const struct import_options *options, struct graph **out);
/* A prototxt (`model`) and its caffemodel (`weights`). */
enum status import_caffe_files(const char *model, const char *weights,
                               const struct import_options *options, struct graph **out);
/* The same from memory. `weights` must outlive the graph: constants borrow from it. */
enum status import_caffe_memory(const void *model, size_t model_bytes, const void *weights,
                                size_t weight_bytes, const struct import_options *options,
                                struct graph **out);

/* One serialised ONNX TensorProto (the .pb files of node tests). Data is written to memory from
 * mem_alloc_aligned that the caller frees. */
enum status import_onnx_tensor(const void *bytes, size_t n_bytes, enum dtype *dtype,
                               struct shape *shape, void **data, size_t *data_bytes);

#endif
