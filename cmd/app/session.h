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
    aclmdlIODims in_dims[SESSION_MAX]; /* of the gear chosen; -1: open */
    void *in[SESSION_MAX], *out[SESSION_MAX];
    size_t in_bytes[SESSION_MAX], out_bytes[SESSION_MAX];
};

/* Prints a sentence and returns -1 on failure; session_close() is due either way. */
int session_open(const char *command, const char *om_path, struct session *s);
/* Chooses a gear, "4" or "416,416"; NULL is the largest, or nothing for a model without gears. */
int session_choose(const char *command, struct session *s, const char *gear);
/* Fills input i with random numbers of its type: floats in 0..1, integers 0 or 1. */
void session_fill(struct session *s, int i, uint64_t seed);
int session_execute(const char *command, struct session *s);
void session_close(struct session *s);
/* "float32[1,3,416,416]" of dims */
const char *session_text(aclDataType t, const aclmdlIODims *d, char buf[static 256]);

#endif
