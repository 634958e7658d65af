/* SPDX-License-Identifier: Apache-2.0 */
/* What a model takes and gives, taken from its graph once and shared by all who ask. */
#include <stdio.h>
#include <string.h>

#include "acl/model.h"
#include "base/alloc.h"
#include "om/om.h"

aclDataType acl_type(enum dtype t) {
    switch (t) {
    case DT_F32: return ACL_FLOAT;
    case DT_F16: return ACL_FLOAT16;
    case DT_BF16: return ACL_BF16;
    case DT_F64: return ACL_DOUBLE;
    case DT_I8: return ACL_INT8;
    case DT_U8: return ACL_UINT8;
    case DT_I16: return ACL_INT16;
    case DT_U16: return ACL_UINT16;
    case DT_I32: return ACL_INT32;
    case DT_U32: return ACL_UINT32;
    case DT_I64: return ACL_INT64;
    case DT_U64: return ACL_UINT64;
    case DT_BOOL: return ACL_BOOL;
    case DT_NONE:
    case DT_COUNT: break;
    }
    return ACL_DT_UNDEFINED;
}

static enum status fill_border(struct model_info *info, const struct tensor *t, const char *side,
                               int index, struct model_border *b) {
    b->name = arena_strdup(&info->arena, t->name);
    CHECK(b->name, STATUS_MEMORY, "out of memory for the description of a model");
    if (strlen(t->name) < sizeof b->short_name)
        snprintf(b->short_name, sizeof b->short_name, "%s", t->name);
    else
        snprintf(b->short_name, sizeof b->short_name, "acl_modelId_%u_%s_%d", info->id, side,
                 index);
    b->core_type = t->dtype;
    b->type = acl_type(t->dtype);
    b->shape = t->shape;
    b->format = t->shape.rank == 4 ? ACL_FORMAT_NCHW : ACL_FORMAT_ND;
    int64_t n = shape_elements(&t->shape);
    b->is_fixed = n >= 0;
    b->bytes = n >= 0 ? (size_t)n * dtype_size(t->dtype) : 0;
    return STATUS_OK;
}

static enum status fill(struct model_info *info, const struct graph *g) {
    info->name = arena_strdup(&info->arena, g->name ? g->name : "");
    info->inputs = arena_calloc(&info->arena, (size_t)g->n_inputs + 1, sizeof *info->inputs);
    info->outputs = arena_calloc(&info->arena, (size_t)g->n_outputs + 1, sizeof *info->outputs);
    CHECK(info->name && info->inputs && info->outputs, STATUS_MEMORY,
          "out of memory for the description of a model");
    info->n_inputs = g->n_inputs;
    info->n_outputs = g->n_outputs;
    for (int i = 0; i < g->n_inputs; i++)
        TRY(fill_border(info, &g->tensors[g->inputs[i]], "input", i, &info->inputs[i]));
    for (int i = 0; i < g->n_outputs; i++)
        TRY(fill_border(info, &g->tensors[g->outputs[i]], "output", i, &info->outputs[i]));
    for (int i = 0; i < g->n_tensors; i++)
        if (g->tensors[i].data) info->weight_bytes += g->tensors[i].data_bytes;
    int64_t work = om_activation_bytes(g);
    /* Programs hand both to aclrtMalloc, which takes no 0. */
    info->work_bytes = work > 0 ? (size_t)work : 1;
    if (info->weight_bytes == 0) info->weight_bytes = 1;
    return STATUS_OK;
}

enum status model_info_create(const struct graph *g, uint32_t id, struct model_info **out) {
    struct model_info *info = mem_calloc(1, sizeof *info);
    CHECK(info, STATUS_MEMORY, "out of memory for the description of a model");
    atomic_init(&info->n_users, 1);
    arena_init(&info->arena, 0);
    info->id = id;
    enum status s = fill(info, g);
    if (s != STATUS_OK) {
        model_info_release(info);
        return s;
    }
    *out = info;
    return STATUS_OK;
}

struct model_info *model_info_share(struct model_info *info) {
    if (info) atomic_fetch_add_explicit(&info->n_users, 1, memory_order_relaxed);
    return info;
}

void model_info_release(struct model_info *info) {
    if (!info || atomic_fetch_sub_explicit(&info->n_users, 1, memory_order_acq_rel) != 1) return;
    arena_deinit(&info->arena);
    mem_free(info);
}
