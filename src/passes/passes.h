/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Graph passes: each reads a verified graph and leaves a verified graph that computes the same.
 *
 * pipeline.c is the ordered list and nothing else. PRUSIK_DUMP=dir writes the graph after each
 * pass; PRUSIK_SKIP and PRUSIK_STOP leave passes out; debug builds verify after each.
 */
#ifndef PK_PASSES_PASSES_H
#define PK_PASSES_PASSES_H

#include "ir/graph.h"

enum pass_stage {
    PASSES_OFFLINE, /* atc: everything that does not depend on the machine */
    PASSES_LOAD     /* at load, with all input shapes known: widening of f16, folding with shapes */
};

struct pass {
    const char *name;
    enum status (*run)(struct graph *g);
};

enum status passes_run(struct graph *g, enum pass_stage stage);
/* A copy of a graph with open input dimensions for these input shapes, through PASSES_LOAD. It
 * borrows the constants' data: `g` must outlive it. */
enum status passes_specialise(const struct graph *g, const struct shape *shapes,
                              struct graph **out);
/* One pass by name; NULL if there is none. For tests. */
const struct pass *pass_find(const char *name);

#endif
