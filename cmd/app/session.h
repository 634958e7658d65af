/* SPDX-License-Identifier: Apache-2.0 */
/* A loaded model with buffers for any inputs and outputs, for `run` and `bench`. */
#ifndef PK_CMD_SESSION_H
#define PK_CMD_SESSION_H

#include "app.h"

enum { SESSION_MAX = 64 };

struct session {
    uint32_t model;
    aclmdlDesc *desc;
    aclmdlDataset *inputs, *outputs;
    int loaded, n_inputs, n_outputs; /* n_inputs without the one that chooses a gear */
    aclmdlIODims in_dims[SESSION_MAX]; /* of the gear chosen; -1: open, -2 alone: even the rank */
    aclTensorDesc *in_descs[SESSION_MAX]; /* of inputs that were open; else NULL */
    void *in[SESSION_MAX], *out[SESSION_MAX];
    size_t in_bytes[SESSION_MAX], out_bytes[SESSION_MAX];
};

/* An .onnx is converted first (convert.h), with the shapes that session_shape() then finds; shape
 * may be NULL. Prints a sentence and returns -1 on failure; session_close() is due either way. */
int session_open(const char *command, const char *model, const char *shape, struct session *s);
/* Chooses a gear, "4" or "416,416"; NULL is the largest, or nothing for a model without gears. */
int session_choose(const char *command, struct session *s, const char *model, const char *gear);
/* Gives open inputs their shapes: "NAME:1,3,9,9;OTHER:4"; "1,3,9,9" does if there is but one. */
int session_shape(const char *command, struct session *s, const char *text);
/* Whether dims are of the shape that the model says. */
int session_agrees(const aclmdlIODims *model, const aclmdlIODims *dims);
/* One input's shape; what the model says of it must agree. */
int session_shape_input(const char *command, struct session *s, int i, const aclmdlIODims *dims);
/* Fails, naming it, if an input is still open. */
int session_need_shapes(const char *command, const struct session *s);
/* Fills input i with random numbers of its type: floats in 0..1, integers 0 or 1. The parameters of
 * dynamic AIPP become such that pictures of the network's size are taken as they are. */
void session_fill(struct session *s, int i, uint64_t seed);
/* Outputs of sizes not known before get their memory, and out and out_bytes, here. */
int session_execute(const char *command, struct session *s);
void session_output_dims(const struct session *s, int i, aclmdlIODims *dims); /* after a run */
void session_close(struct session *s);
/* "float32[1,3,416,416]" of dims */
const char *session_text(aclDataType t, const aclmdlIODims *d, char buf[static 256]);

#endif
