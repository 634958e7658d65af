/* SPDX-License-Identifier: Apache-2.0 */
/* The hints of `prusik tune` (ir/tuning.h) as the planner takes them. */
#ifndef PK_PLAN_HINTS_H
#define PK_PLAN_HINTS_H

#include "ir/tuning.h"
#include "kernels/conv.h"

/* The meta entry with this machine's hints: its ISA and class of processor. */
enum { HINTS_KEY = 96 };
void hints_key(char key[static HINTS_KEY]);
/* This machine's hints in `g`; none when there are none. Fails on hints that cannot be read, which
 * a model runs without. */
enum status hints_read(const struct graph *g, struct arena *arena, struct tuning *out);
/* What a hint knows a convolution by. */
void hints_sizes(const struct conv_desc *d, int size[TUNING_SIZES]);

#endif
