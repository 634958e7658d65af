/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inputs whose sizes are chosen when the model runs: gears, one of a list, or ranges.
 *
 * The graph's inputs have dimension -1 where a size is chosen; the meta entry "prusik.dynamic" says
 * how, so it travels through passes, the text form and the .om as it is:
 *
 *     batch 1;2;4            one size: every -1 of every input, which is its first dimension
 *     image 224,224;448,672  height and width: dimensions 2 and 3 of four, or 1 and 2: of
 *                            TensorFlow's inputs, and of pictures where static AIPP follows the
 *                            input (ops/aipp.h)
 *     dims 1,20;8,40         one size for each -1, input after input
 *     range 1~4,3,1~,8;2,2   for each dimension of each input its size, LOW~HIGH, or LOW~
 */
#ifndef PK_IR_DYNAMIC_H
#define PK_IR_DYNAMIC_H

#include "ir/graph.h"

#define DYNAMIC_META "prusik.dynamic"
enum { DYNAMIC_MAX_GEARS = 100, DYNAMIC_MAX_VALUES = 128 };

enum dynamic_kind { DYNAMIC_NONE, DYNAMIC_BATCH, DYNAMIC_IMAGE, DYNAMIC_DIMS, DYNAMIC_RANGE };

struct dynamic_range {
    int64_t low, high; /* high -1: no limit */
};

struct dynamic {
    enum dynamic_kind kind;
    int n_gears, n_values; /* gears, and sizes in each; 0 with ranges */
    const int64_t *values; /* n_gears rows */
    int largest;           /* the gear whose inputs have the most elements; the first of several */
    const struct dynamic_range *ranges; /* of every dimension of every input, in order */
    const int *pictures; /* kind image: of each input the format of its pictures (base/aipp.h), or
                            0 where the network reads it itself; else NULL */
};

/* What the graph says, checked against its inputs; DYNAMIC_NONE if nothing. Lies in `arena`. */
enum status dynamic_read(const struct graph *g, struct arena *arena, struct dynamic *out);
/* The shapes of all inputs at a gear. */
void dynamic_shapes(const struct dynamic *d, const struct graph *g, int gear, struct shape *shapes);
int dynamic_find(const struct dynamic *d, const int64_t *values); /* the gear, or -1 */
/* "batch 4", "image 224,224": for messages. Returns buf. */
const char *dynamic_text(const struct dynamic *d, int gear, char buf[static 128]);

#endif
