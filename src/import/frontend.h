/* SPDX-License-Identifier: Apache-2.0 */
/* What front ends share: files, the caller's shapes, folding, and the list of what is missing. */
#ifndef PK_IMPORT_FRONTEND_H
#define PK_IMPORT_FRONTEND_H

#include <stdarg.h>
#include <string.h>

#include "import/import.h"

/* ---- frontend.c: files ---- */
/* A plain file of 1 byte to 2 GiB, read rather than mapped, so that nobody can change or truncate
 * it under us. mem_free() releases it. */
enum status import_read_file(const char *path, void **out, size_t *n_bytes);
/* The folder a file lies in; mem_free() releases it. */
enum status import_folder(const char *path, char **out);
/* Opens folder/location, one component at a time, following no symbolic link below the folder, so
 * that a model reads nothing outside its own. `what` begins the sentence of a failure. */
enum status import_open_beside(const char *folder, const char *location, const char *what,
                               int *out);

/* ---- frontend.c: from bytes to a graph ---- */
/* Fills the empty graph `g` from a model's bytes, which outlive it. `folder` is where the model
 * lies; NULL: nothing beside it can be read. */
typedef enum status import_bytes_fn(struct graph *g, const void *bytes, size_t n_bytes,
                                    const char *folder, const struct import_options *options);
/* The graph of a model in memory, copied if the caller's bytes do not outlive the graph. */
enum status import_from_memory(import_bytes_fn *convert, const void *bytes, size_t n_bytes,
                               bool copy, const struct import_options *options,
                               struct graph **out);
enum status import_from_file(import_bytes_fn *convert, const char *path,
                             const struct import_options *options, struct graph **out);

/* ---- frontend.c: the caller's shapes ---- */
/* *shape, what the file says of input `name`, becomes what the caller says. */
enum status import_override_shape(const struct import_options *o, const char *name,
                                  struct shape *shape);
/* Every name the caller gave a shape for must be an input. */
enum status import_check_shapes(const struct graph *g, const struct import_options *o);

/* ---- fold.c ---- */
/* Turns a node that computes a small value from small constants, or from shapes, into that
 * value. */
enum status import_fold(struct graph *g, int node);

/* ---- attributes of nodes to be made ---- */
/* ATTRS(A_INT("axis", 1), A_STRING("mode", "linear")): ends with a NULL name. */
#define A_INT(key, v) {(key), ATTR_INT, 1, {.ints = (const int64_t[]){v}}}
#define A_FLOAT(key, v) {(key), ATTR_FLOAT, 1, {.floats = (const float[]){v}}}
#define A_STRING(key, v) {(key), ATTR_STRING, (int)strlen(v), {.string = (v)}}
#define A_INTS(key, count, v) {(key), ATTR_INTS, (count), {.ints = (v)}}
#define A_FLOATS(key, count, v) {(key), ATTR_FLOATS, (int)(count), {.floats = (v)}}
#define ATTRS(...) ((const struct attr[]){__VA_ARGS__, {0}})

/* ---- lacks.c ---- */
/* Records a node; the import goes on, to find the rest. */
void lacks_add(struct lacks *l, const char *op, const char *name, const char *format, va_list args);
enum status lacks_report(const struct lacks *l); /* fails with all of it */
/* Tells the caller, who may have asked, what was seen of the model: its format and opset (or 0),
 * the inputs that `g` has, and what is lacking. Called before the import succeeds or fails. */
void import_tell(const struct import_options *o, const char *format, int opset,
                 const struct graph *g, const struct lacks *l);

#endif
