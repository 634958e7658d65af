/* SPDX-License-Identifier: Apache-2.0 */
/* What a model takes and gives, taken from its graph once and shared by all who ask. */
#include <stdio.h>
#include <string.h>

#include "acl/model.h"
#include "base/alloc.h"
#include "om/om.h"
#include "passes/passes.h"

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

enum dtype core_type(aclDataType type) {
    for (int t = DT_NONE + 1; t < DT_COUNT; t++)
        if (acl_type((enum dtype)t) == type) return (enum dtype)t;
    return DT_NONE;
}

#define NO_MEMORY "out of memory for the description of a model"

static enum status fill_border(struct model_info *info, const struct tensor *t, const char *side,
                               int index, struct model_border *b) {
    b->name = arena_strdup(&info->arena, t->name);
    CHECK(b->name, STATUS_MEMORY, NO_MEMORY);
    if (strlen(t->name) < sizeof b->short_name)
        snprintf(b->short_name, sizeof b->short_name, "%s", t->name);
    else
        snprintf(b->short_name, sizeof b->short_name, "acl_modelId_%u_%s_%d", info->id, side,
                 index);
    b->core_type = t->dtype;
    b->type = acl_type(t->dtype);
    b->shape = t->shape;
    b->format = t->shape.rank == 4 ? ACL_FORMAT_NCHW : ACL_FORMAT_ND;
    return STATUS_OK;
}

/* Whether another input or output has this one's short name as its own. */
static bool is_taken(const struct model_info *info, const struct model_border *b) {
    for (int i = 0; i < info->n_inputs; i++)
        if (!strcmp(info->inputs[i].name, b->short_name)) return true;
    for (int i = 0; i < info->n_outputs; i++)
        if (!strcmp(info->outputs[i].name, b->short_name)) return true;
    return false;
}

/* A stand-in that is the name of something else grows a number until it is not. */
static void part_names(const struct model_info *info, struct model_border *borders, int n) {
    for (int i = 0; i < n; i++) {
        struct model_border *b = &borders[i];
        if (strlen(b->name) < sizeof b->short_name) continue;
        size_t end = strlen(b->short_name);
        for (int k = 1; is_taken(info, b); k++)
            snprintf(b->short_name + end, sizeof b->short_name - end, "_%d", k);
    }
}

static void set_size(struct model_border *b, const struct shape *shape) {
    int64_t n = shape_elements(shape);
    b->is_fixed = n >= 0;
    b->bytes = n >= 0 ? (size_t)n * dtype_size(b->core_type) : 0;
}

/* ---- gears ---- */

static enum status fill_gear(struct model_info *info, const struct graph *g, int gear) {
    struct shape *to = info->gear_shapes + (size_t)gear * (size_t)(g->n_inputs + g->n_outputs);
    struct graph *at;
    dynamic_shapes(&info->dynamic, g, gear, to);
    TRY(passes_specialise(g, to, &at));
    for (int i = 0; i < at->n_outputs; i++)
        to[g->n_inputs + i] = at->tensors[at->outputs[i]].shape;
    int64_t work = om_activation_bytes(at);
    if (work > 0 && (size_t)work > info->work_bytes) info->work_bytes = (size_t)work;
    graph_destroy(at);
    return STATUS_OK;
}

/* What dimensions and sizes the gears make; a size is that of the largest gear. */
static enum status fill_gears(struct model_info *info, const struct graph *g) {
    struct dynamic *d = &info->dynamic;
    size_t n = (size_t)(g->n_inputs + g->n_outputs);
    info->gear_shapes = arena_calloc(&info->arena, (size_t)d->n_gears * n, sizeof(struct shape));
    CHECK(info->gear_shapes, STATUS_MEMORY, NO_MEMORY);
    for (int i = 0; i < d->n_gears; i++) TRY(fill_gear(info, g, i));
    const struct shape *largest = gear_shapes(info, d->largest);
    for (int i = 0; i < g->n_inputs; i++) set_size(&info->inputs[i], &largest[i]);
    for (int i = 0; i < g->n_outputs; i++) {
        info->outputs[i].shape = largest[g->n_inputs + i];
        set_size(&info->outputs[i], &largest[g->n_inputs + i]);
    }
    const struct tensor chooser = {.name = ACL_DYNAMIC_TENSOR_NAME, .dtype = DT_I32,
                                   .shape = shape_of(1, d->n_values)};
    struct model_border *b = &info->inputs[info->n_inputs++];
    TRY(fill_border(info, &chooser, "input", g->n_inputs, b));
    set_size(b, &chooser.shape);
    atomic_init(&info->last_gear, d->largest);
    return STATUS_OK;
}

/* ---- preprocessing ---- */

static int input_of(const struct graph *g, int t) {
    for (int i = 0; i < g->n_inputs; i++)
        if (g->inputs[i] == t) return i;
    return -1;
}

static enum status fill_static(const struct graph *g, const struct node *n, struct model_border *b,
                               struct border_aipp *a) {
    TRY(aipp_declared(n, &b->shape, &a->parameters));
    const struct aipp *p = &a->parameters;
    a->type = ACL_DATA_WITH_STATIC_AIPP;
    a->attached = ACL_INVALID_NODE_INDEX;
    a->made = g->tensors[n->outputs[0]].shape;
    a->image = shape_from(4, (int64_t[]){b->shape.dim[0], p->src_h ? p->src_h : -1,
                                         p->src_w ? p->src_w : -1,
                                         aipp_format_channels(p->format)});
    b->format = ACL_FORMAT_NHWC;
    return STATUS_OK;
}

static enum status fill_dynamic(const struct graph *g, const struct node *n, struct model_border *b,
                                struct border_aipp *a) {
    const int data = input_of(g, n->inputs[1]);
    CHECK(data >= 0, STATUS_FORMAT, "the parameters of '%s' are no input of the model", n->name);
    a->type = ACL_DATA_WITH_DYNAMIC_AIPP;
    a->attached = (size_t)data;
    a->made = a->image = g->tensors[n->outputs[0]].shape;
    const size_t most = (size_t)node_int(n, "max_src_image_size", 0);
    if (a->made.rank == 4 && b->shape.rank == 4) { /* sizes are open; see ops/aipp.h */
        b->bytes = most;
        b->is_fixed = true;
    }
    if (most > b->bytes) b->bytes = most; /* the shape has it divided by the batch, rounded down */
    b->format = ACL_FORMAT_NCHW;
    return STATUS_OK;
}

static enum status fill_aipp(struct model_info *info, const struct graph *g) {
    for (int i = 0; i < g->n_inputs; i++) {
        const struct node *n = aipp_node_of(g, g->inputs[i], 0);
        struct model_border *b = &info->inputs[i];
        if (!n) n = aipp_node_of(g, g->inputs[i], 1);
        if (!n || n->outputs[0] < 0) continue;
        struct border_aipp *a = arena_calloc(&info->arena, 1, sizeof *a);
        CHECK(a, STATUS_MEMORY, NO_MEMORY);
        if (n->inputs[0] != g->inputs[i]) {
            const int picture = input_of(g, n->inputs[0]);
            *a = (struct border_aipp){.type = ACL_DYNAMIC_AIPP_NODE, .image = b->shape};
            a->attached = picture < 0 ? ACL_INVALID_NODE_INDEX : (size_t)picture;
        } else if (n->n_inputs > 1 && n->inputs[1] >= 0) {
            TRY(fill_dynamic(g, n, b, a));
        } else {
            TRY(fill_static(g, n, b, a));
        }
        a->made_type = g->tensors[n->outputs[0]].dtype;
        b->aipp = a;
    }
    return STATUS_OK;
}

/* ---- filling ---- */

static enum status fill_nodes(struct model_info *info, const struct graph *g) {
    info->nodes = arena_calloc(&info->arena, (size_t)g->n_nodes + 1, sizeof *info->nodes);
    CHECK(info->nodes, STATUS_MEMORY, NO_MEMORY);
    for (int i = 0; i < g->n_nodes; i++) {
        const char *name = g->nodes[i].name;
        if (!name) name = "";
        struct model_node *n = &info->nodes[i];
        n->name = arena_strdup(&info->arena, name);
        n->origins = arena_printf(&info->arena, "[%zu]%s", strlen(name), name);
        CHECK(n->name && n->origins, STATUS_MEMORY, NO_MEMORY);
    }
    info->n_nodes = g->n_nodes;
    return STATUS_OK;
}

static enum status fill(struct model_info *info, const struct graph *g) {
    info->name = arena_strdup(&info->arena, g->name ? g->name : "");
    info->inputs = arena_calloc(&info->arena, (size_t)g->n_inputs + 1, sizeof *info->inputs);
    info->outputs = arena_calloc(&info->arena, (size_t)g->n_outputs + 1, sizeof *info->outputs);
    CHECK(info->name && info->inputs && info->outputs, STATUS_MEMORY, NO_MEMORY);
    TRY(dynamic_read(g, &info->arena, &info->dynamic));
    const struct dynamic_range *ranges = info->dynamic.ranges;
    info->n_data = info->n_inputs = g->n_inputs;
    info->n_outputs = g->n_outputs;
    for (int i = 0; i < g->n_inputs; i++) {
        struct model_border *b = &info->inputs[i];
        TRY(fill_border(info, &g->tensors[g->inputs[i]], "input", i, b));
        set_size(b, &b->shape);
        b->ranges = ranges;
        if (ranges) ranges += b->shape.rank;
    }
    for (int i = 0; i < g->n_outputs; i++) {
        struct model_border *b = &info->outputs[i];
        TRY(fill_border(info, &g->tensors[g->outputs[i]], "output", i, b));
        set_size(b, &b->shape);
    }
    part_names(info, info->inputs, info->n_inputs);
    part_names(info, info->outputs, info->n_outputs);
    TRY(fill_nodes(info, g));
    for (int i = 0; i < g->n_tensors; i++)
        if (g->tensors[i].data) info->weight_bytes += g->tensors[i].data_bytes;
    int64_t work = om_activation_bytes(g);
    /* Programs hand both to aclrtMalloc, which takes no 0. */
    info->work_bytes = work > 0 ? (size_t)work : 1;
    if (info->weight_bytes == 0) info->weight_bytes = 1;
    if (info->dynamic.n_gears) TRY(fill_gears(info, g));
    return fill_aipp(info, g);
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
