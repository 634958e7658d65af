/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of `prusik diff` share: two models, their inputs, and every tensor of a run. */
#ifndef PK_CMD_DIFF_H
#define PK_CMD_DIFF_H

#include "exec/model.h"
#include "ir/graph.h"
#include "ops/op.h"

enum { DIFF_INPUTS = 64 };

/* One of the two models. */
struct diff_side {
    const char *letter; /* "A", "B": for messages */
    const char *path, *weights;
    bool optimise;       /* as a run would, else as the file says */
    struct graph *graph; /* with the shapes of this comparison */
    int n_inputs;
    struct view *inputs; /* per input of the graph; data is ours */
    struct arena arena;  /* of names, and what else the side needs */
};

struct diff_options {
    const char *input[DIFF_INPUTS]; /* "FILE", "NAME=FILE", "random" */
    int n_inputs;
    uint64_t seed;
};

/* Reads both, agrees on the shapes of their inputs, and fills them with the same values.
 * diff_side.c */
enum status diff_open(struct diff_side side[2], const struct diff_options *o);
void diff_close(struct diff_side *s);

/* A run that keeps every tensor. diff_run.c */
struct diff_run {
    struct graph *graph; /* as it ran: optimised, with known shapes */
    int *output;         /* per tensor of it: number of the run's output, or -1 */
    struct device *device;
    struct model *model;
    struct instance *instance;
};
/* What a run of the side would be, without running it yet: nothing has looked at the CPU so far. */
enum status diff_plan(const struct diff_side *s, struct diff_run *out);
enum status diff_run(const struct diff_side *s, struct diff_run *r);
/* A tensor by its name, a constant too; false if the run has none. */
bool diff_find(const struct diff_run *r, const char *name, struct view *out);
const struct view *diff_output(const struct diff_run *r, int i); /* output i of the side's graph */
void diff_run_deinit(struct diff_run *r);

/* Tensors in a folder, as N.npy: what another process computed. diff_run.c */
enum status diff_write(const char *folder, int number, const struct view *v);
/* *found: the file is there. The data is to be freed with free(). */
enum status diff_read(const char *folder, int number, struct view *v, bool *found);
enum dtype diff_dtype(int acl_type);

#endif
