/* SPDX-License-Identifier: Apache-2.0 */
/* Reads what a call says about a single operator: its type, tensors and attributes. */
#include <string.h>

#include "acl/internal.h"
#include "acl/model.h"
#include "acl/op.h"
#include "base/alloc.h"

static aclError no_memory(const char *call) {
    return acl_fail(ACL_ERROR_BAD_ALLOC, call, "no memory for an operator");
}

/* ---- attributes ---- */

static void *copy_bytes(struct arena *a, const void *from, size_t bytes) {
    void *to = arena_alloc(a, bytes + 1);
    if (to && bytes) memcpy(to, from, bytes);
    return to;
}

/* Truth values and data types become integers. */
static const int64_t *widen(struct arena *arena, const struct op_attr *a) {
    int64_t *to = arena_calloc(arena, a->n + 1, sizeof *to);
    for (size_t i = 0; to && i < a->n; i++)
        to[i] = a->type == OP_ATTR_BOOL ? ((const uint8_t *)a->value)[i]
                                        : (int64_t)((const aclDataType *)a->value)[i];
    return to;
}

static aclError convert_attr(const char *call, struct arena *arena, const struct op_attr *a,
                             struct attr *to) {
    to->name = arena_strdup(arena, a->name);
    to->n = (int)a->n;
    switch (a->type) {
    case OP_ATTR_INT:
        to->type = a->is_list ? ATTR_INTS : ATTR_INT;
        to->ints = copy_bytes(arena, a->value, a->n * sizeof *to->ints);
        break;
    case OP_ATTR_BOOL:
    case OP_ATTR_DATA_TYPE:
        to->type = a->is_list ? ATTR_INTS : ATTR_INT;
        to->ints = widen(arena, a);
        break;
    case OP_ATTR_FLOAT:
        to->type = a->is_list ? ATTR_FLOATS : ATTR_FLOAT;
        to->floats = copy_bytes(arena, a->value, a->n * sizeof *to->floats);
        break;
    case OP_ATTR_STRING:
    case OP_ATTR_LIST_INT:
        if (a->is_list)
            return acl_fail(ACL_ERROR_OP_ATTR_NOT_MATCH, call,
                            "attribute '%s': no operator here takes lists of strings or of lists",
                            a->name);
        to->type = ATTR_STRING;
        to->n = (int)strlen(a->value);
        to->string = arena_strdup(arena, a->value);
        break;
    }
    return to->name && to->ints ? ACL_SUCCESS : no_memory(call);
}

static aclError convert_attrs(const char *call, struct op_request *r,
                              const struct op_attrs *attrs) {
    if (attrs->n >= SINGLE_OP_MAX)
        return acl_fail(ACL_ERROR_STORAGE_OVER_LIMIT, call,
                        "%zu attributes; fewer than %d are possible", attrs->n, SINGLE_OP_MAX);
    struct attr *to = arena_calloc(&r->arena, attrs->n + 1, sizeof *to);
    if (!to) return no_memory(call);
    for (size_t i = 0; i < attrs->n; i++)
        ACL_TRY(convert_attr(call, &r->arena, &attrs->entries[i], &to[i]));
    r->op.attrs = to;
    r->op.n_attrs = (int)attrs->n;
    return ACL_SUCCESS;
}

static aclError read_attrs(const char *call, struct op_request *r, const aclopAttr *handle) {
    if (!handle) return ACL_SUCCESS;
    struct op_attrs *attrs = handle_get(handle, HANDLE_OP_ATTR, call, "attr");
    if (!attrs) return ACL_ERROR_INVALID_PARAM;
    pthread_mutex_lock(&attrs->lock);
    aclError code = convert_attrs(call, r, attrs);
    pthread_mutex_unlock(&attrs->lock);
    handle_release(handle);
    return code;
}

/* ---- tensors ---- */

static aclError set_layout(const char *call, const char *side, int i, aclFormat format,
                           struct single_tensor *to) {
    switch ((int)format) {
    case ACL_FORMAT_NHWC: to->layout = LAYOUT_NHWC; return ACL_SUCCESS;
    case ACL_FORMAT_HWCN: to->layout = LAYOUT_HWCN; return ACL_SUCCESS;
    case ACL_FORMAT_UNDEFINED:
    case ACL_FORMAT_NCHW:
    case ACL_FORMAT_ND:
    case ACL_FORMAT_NCDHW:
    case ACL_FORMAT_NC:
    case ACL_FORMAT_NCL: to->layout = LAYOUT_PLAIN; return ACL_SUCCESS;
    default:
        return acl_fail(ACL_ERROR_FEATURE_UNSUPPORTED, call,
                        "%s %d has format %d; ND, NCHW, NHWC and HWCN are supported", side, i,
                        (int)format);
    }
}

static aclError keep_constant(const char *call, struct op_request *r, int i,
                              const struct tensor_desc *t) {
    struct single_tensor *to = &r->op.inputs[i];
    int64_t n = shape_elements(&to->shape);
    if (!t->constant || n < 0 || n > SINGLE_OP_MAX_VALUES) return ACL_SUCCESS;
    size_t bytes = (size_t)n * dtype_size(to->dtype);
    if (t->constant_bytes < bytes)
        return acl_fail(ACL_ERROR_INVALID_PARAM, call,
                        "input %d has a constant of %zu bytes; its description says %zu", i,
                        t->constant_bytes, bytes);
    to->data = copy_bytes(&r->arena, t->constant, bytes);
    return to->data ? ACL_SUCCESS : no_memory(call);
}

static aclError read_tensor(const char *call, struct op_request *r, bool is_input, int i,
                            const aclTensorDesc *desc) {
    const char *side = is_input ? "input" : "output";
    struct single_tensor *to = is_input ? &r->op.inputs[i] : &r->op.outputs[i];
    aclDataType type;
    aclFormat format;
    ACL_TRY(tensor_read(call, desc, &type, &format, &to->shape));
    to->dtype = core_type(type);
    if (to->dtype == DT_NONE && type != ACL_DT_UNDEFINED)
        return acl_fail(ACL_ERROR_UNSUPPORTED_DATA_TYPE, call,
                        "%s %d is of data type %d, which operators here do not take", side, i,
                        (int)type);
    ACL_TRY(set_layout(call, side, i, format, to));
    ((aclFormat *)r->formats)[is_input ? i : r->op.n_inputs + i] = format;
    if (to->shape.rank == 1 && to->shape.dim[0] == -2) to->shape = shape_unknown();
    int64_t n = 1;
    for (int d = 0; d < to->shape.rank; d++)
        if (to->shape.dim[d] > 0 && !i64_mul(n, to->shape.dim[d], &n))
            return acl_fail(ACL_ERROR_INVALID_PARAM, call, "%s %d is larger than memory", side, i);
    if (!is_input || to->dtype == DT_NONE) return ACL_SUCCESS;
    if (!shape_known(&to->shape))
        return acl_fail(ACL_ERROR_INVALID_PARAM, call,
                        "input %d has dimensions that are not known; describe the data as it is",
                        i);
    struct tensor_desc *t = handle_get(desc, HANDLE_TENSOR_DESC, call, "inputDesc");
    if (!t) return ACL_ERROR_INVALID_PARAM;
    pthread_mutex_lock(&t->lock);
    if (t->placement != ACL_MEMTYPE_DEVICE) r->on_host |= (uint64_t)1 << i;
    aclError code = keep_constant(call, r, i, t);
    pthread_mutex_unlock(&t->lock);
    handle_release(desc);
    return code;
}

static aclError read_tensors(const char *call, struct op_request *r, bool is_input, int n,
                             const aclTensorDesc *const *descs) {
    const char *side = is_input ? "input" : "output";
    if (n < 0 || n > SINGLE_OP_MAX)
        return acl_fail(ACL_ERROR_INVALID_PARAM, call, "there are %d %ss; 0 to %d are possible", n,
                        side, SINGLE_OP_MAX);
    if (n > 0 && !descs) return acl_fail(ACL_ERROR_INVALID_PARAM, call, "%sDesc is NULL", side);
    struct single_tensor *to = arena_calloc(&r->arena, (size_t)n + 1, sizeof *to);
    if (!to) return no_memory(call);
    if (is_input) r->op.inputs = to, r->op.n_inputs = n;
    else r->op.outputs = to, r->op.n_outputs = n;
    for (int i = 0; i < n; i++) ACL_TRY(read_tensor(call, r, is_input, i, descs[i]));
    return ACL_SUCCESS;
}

/* ---- requests ---- */

static aclError fill(const char *call, struct op_request *r, const struct op_arguments *a) {
    r->op.type = arena_strdup(&r->arena, a->type);
    r->formats = arena_calloc(&r->arena, 2 * SINGLE_OP_MAX, sizeof *r->formats);
    if (!r->op.type || !r->formats) return no_memory(call);
    ACL_TRY(read_tensors(call, r, true, a->n_inputs, a->inputs));
    ACL_TRY(read_tensors(call, r, false, a->n_outputs, a->outputs));
    ACL_TRY(read_attrs(call, r, a->attr));
    uint64_t values = single_op_values(&r->op);
    for (int i = 0; i < r->op.n_inputs; i++)
        if (values >> i & 1 && !r->op.inputs[i].data) r->missing |= (uint64_t)1 << i;
    return ACL_SUCCESS;
}

aclError op_request_create(const char *call, const struct op_arguments *a,
                           struct op_request **out) {
    if (!a->type || !a->type[0])
        return acl_fail(ACL_ERROR_INVALID_PARAM, call, "opType is NULL or empty");
    if (!single_op_known(a->type))
        return acl_fail(ACL_ERROR_OP_NOT_FOUND, call,
                        "there is no operator '%s'; docs/single-operators.md lists them", a->type);
    struct op_request *r = mem_calloc(1, sizeof *r);
    if (!r) return no_memory(call);
    atomic_init(&r->n_users, 1);
    arena_init(&r->arena, 0);
    aclError code = fill(call, r, a);
    if (code == ACL_SUCCESS) *out = r;
    else op_request_release(r);
    return code;
}

struct op_request *op_request_share(struct op_request *r) {
    atomic_fetch_add_explicit(&r->n_users, 1, memory_order_relaxed);
    return r;
}

void op_request_release(struct op_request *r) {
    if (atomic_fetch_sub_explicit(&r->n_users, 1, memory_order_acq_rel) != 1) return;
    arena_deinit(&r->arena);
    mem_free(r);
}
