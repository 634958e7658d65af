/* SPDX-License-Identifier: Apache-2.0 */
/* Names of operator kinds, so that the text form needs nothing of the operators but the list. */
#include <string.h>

#include "ir/graph.h"

static const char *const names[OP_COUNT] = {
    [OP_NONE] = "None",
#define OP(name) [OP_##name] = #name,
#include "ops/ops.def"
#undef OP
};

const char *op_name(enum op_kind op) { return names[(unsigned)op < OP_COUNT ? op : OP_NONE]; }

enum op_kind op_find(const char *name) {
    for (int i = 1; i < OP_COUNT; i++)
        if (names[i][0] == name[0] && !strcmp(names[i], name)) return (enum op_kind)i;
    return OP_NONE;
}
