/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hints of `prusik tune`: how convolutions are computed fastest on a machine where that was
 * measured. They travel through passes, the text form and the .om as the graph's meta entry
 * "prusik.tuning.ISA.CPU" (prusik.tuning.avx512.AuthenticAMD-25-17): another machine finds none and
 * chooses by its cost model. The value is lines of numbers:
 *
 *     1 THREADS                          version, and with how many threads it was measured
 *     21 sizes : algorithm group block   of one convolution, struct tuning_hint
 *
 * A hint belongs to a convolution by its sizes, not by its name, so that it holds for every gear
 * and survives renaming; one that fits none is never looked at. THREADS is for people: the choice
 * holds for any number, or results would depend on it.
 */
#ifndef PK_IR_TUNING_H
#define PK_IR_TUNING_H

#include "ir/graph.h"

#define TUNING_META "prusik.tuning."
enum { TUNING_VERSION = 1, TUNING_SIZES = 21, TUNING_MOST = 4096 };

struct tuning_hint {
    int size[TUNING_SIZES]; /* in the order of hints_sizes(), plan/hints.c */
    int only, group, block; /* of struct conv_desc, kernels/conv.h; only > 0 */
};

struct tuning {
    int threads, n;
    const struct tuning_hint *hints; /* NULL: none */
};

/* Reads a value, which may be hostile, into `arena`. The error names the line. What the numbers ask
 * for may still be impossible. */
enum status tuning_read(const char *text, struct arena *arena, struct tuning *out);
/* The value for these hints, in `arena`. */
enum status tuning_write(const struct tuning *t, struct arena *arena, const char **out);
/* The hint for these sizes; NULL if there is none. */
const struct tuning_hint *tuning_find(const struct tuning *t, const int size[TUNING_SIZES]);

#endif
