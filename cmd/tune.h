/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tuning the convolutions of one model for one set of input shapes.
 *
 *     struct tune t = {.graph = g, .device = device, .shapes = shapes, .rounds = 3};
 *     enum status s = tune_search(&t);     // t.layers say what is best
 *     tune_deinit(&t);
 *
 * A candidate is measured where it will run: as a step of the whole model, with the threads of the
 * device. All convolutions try one candidate each in a run; models take turns, and the least time
 * of each step counts.
 */
#ifndef PK_CMD_TUNE_H
#define PK_CMD_TUNE_H

#include "base/arena.h"
#include "exec/model.h"
#include "ir/tuning.h"
#include "kernels/conv.h"

struct progress;

struct tune_way {
    int only, group, block; /* of struct conv_desc */
};

enum { TUNE_CANDIDATES = 16 };

/* All convolutions of the same sizes. */
struct tune_layer {
    const char *node; /* the first of them */
    int count;
    struct conv_desc d;
    const struct kernels *k;
    int size[TUNING_SIZES];
    struct tune_way before, after; /* by the cost model; the fastest found */
    bool kept;                     /* `after` is faster by more than noise */
    double before_ms, after_ms;    /* all of them, in one run */
    double error[CONV_MOST_WAY + 1]; /* of Winograd by its m, a share of the range; < 0 unknown */
    int n_candidates;
    struct {
        struct tune_way way;
        double ms;
    } candidate[TUNE_CANDIDATES];
};

struct tune {
    const struct graph *graph;  /* with its constants; outlives the tune */
    struct device *device;
    const struct shape *shapes; /* of the inputs */
    int rounds;
    struct progress *progress; /* one step a measured model; may be NULL */

    struct arena arena; /* from here on: results */
    int n_layers, n_convs;
    struct tune_layer *layers;
    int *layer_of;   /* of each step with a convolution; -1: it has no choice */
    void **inputs;
    double before_ms, after_ms; /* all steps: by the cost model, with what is kept */
    double error;               /* the largest among what is kept */
};

/* Steps that t->progress will make. */
int tune_work(int rounds);
enum status tune_search(struct tune *t);
void tune_deinit(struct tune *t);
/* "wino4 2x13", for people. Returns buf. */
const char *tune_name(const struct tune_layer *l, const struct tune_way *w, char buf[static 48]);

#endif
