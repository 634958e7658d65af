/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this folder share; private to them. */
#ifndef PK_IR_INTERNAL_H
#define PK_IR_INTERNAL_H

#include "ir/graph.h"

#define GRAPH_NO_MEMORY "out of memory while building the graph"

/* Whether a name may stand without quotes in the text form. */
bool text_is_identifier(const char *s, size_t n);
/* After tensors have moved: makes the table of names anew. Allocates nothing. */
void graph_rebuild_names(struct graph *g);

#endif
