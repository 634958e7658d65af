/* SPDX-License-Identifier: Apache-2.0 */
/* Model descriptions: the answers of struct model_info in AscendCL's form. A description shares the
 * answers with the model and outlives it. */
#include <string.h>

#include "acl/internal.h"
#include "acl/model.h"
#include "base/alloc.h"

struct description {
    pthread_mutex_t lock;
    struct model_info *info; /* NULL: empty */
};

static void description_destroy(void *object) {
    struct description *d = object;
    model_info_release(d->info);
    pthread_mutex_destroy(&d->lock);
    mem_free(d);
}

aclmdlDesc *aclmdlCreateDesc(void) {
    struct description *d = mem_calloc(1, sizeof *d);
    if (d) pthread_mutex_init(&d->lock, NULL);
    return handle_make(HANDLE_MODEL_DESC, d, description_destroy, __func__);
}

aclError aclmdlDestroyDesc(aclmdlDesc *modelDesc) {
    return handle_end(modelDesc, HANDLE_MODEL_DESC, __func__, "modelDesc");
}

/* Takes the share of info. */
static aclError fill(const char *call, aclmdlDesc *desc, struct model_info *info) {
    struct description *d = handle_get(desc, HANDLE_MODEL_DESC, call, "modelDesc");
    if (!d) {
        model_info_release(info);
        return ACL_ERROR_INVALID_PARAM;
    }
    pthread_mutex_lock(&d->lock);
    struct model_info *old = d->info;
    d->info = info;
    pthread_mutex_unlock(&d->lock);
    model_info_release(old);
    handle_release(desc);
    return ACL_SUCCESS;
}

aclError aclmdlGetDesc(aclmdlDesc *modelDesc, uint32_t modelId) {
    struct loaded *m;
    void *handle;
    ACL_TRY(model_get(__func__, modelId, &m, &handle));
    struct model_info *info = model_info_share(m->info);
    handle_release(handle);
    return fill(__func__, modelDesc, info);
}

/* Before a file is read for nothing. */
static aclError need_description(const char *call, const aclmdlDesc *desc) {
    if (!handle_get(desc, HANDLE_MODEL_DESC, call, "modelDesc")) return ACL_ERROR_INVALID_PARAM;
    handle_release(desc);
    return ACL_SUCCESS;
}

aclError aclmdlGetDescFromFile(aclmdlDesc *modelDesc, const char *modelPath) {
    ACL_NEED(modelPath);
    ACL_TRY(need_description(__func__, modelDesc));
    struct model_info *info;
    ACL_TRY(model_describe_file(__func__, modelPath, &info));
    return fill(__func__, modelDesc, info);
}

aclError aclmdlGetDescFromMem(aclmdlDesc *modelDesc, const void *model, size_t modelSize) {
    ACL_TRY(need_description(__func__, modelDesc));
    struct model_info *info;
    ACL_TRY(model_describe_memory(__func__, model, modelSize, &info));
    return fill(__func__, modelDesc, info);
}

/* ---- access ---- */

struct model_info *model_info_of(const char *call, const aclmdlDesc *desc) {
    struct description *d = handle_get(desc, HANDLE_MODEL_DESC, call, "modelDesc");
    if (!d) return NULL;
    pthread_mutex_lock(&d->lock);
    struct model_info *info = model_info_share(d->info);
    pthread_mutex_unlock(&d->lock);
    handle_release(desc);
    if (!info)
        acl_fail(ACL_ERROR_INVALID_PARAM, call,
                 "modelDesc is still empty; fill it with aclmdlGetDesc");
    return info;
}

enum side { INPUT, OUTPUT };
static const char *const side_names[] = {"inputs", "outputs"};

/* Input or output `index`. *info is to be released; on failure it is not held. */
static const struct model_border *border(const char *call, const aclmdlDesc *desc, enum side side,
                                         size_t index, struct model_info **info) {
    *info = model_info_of(call, desc);
    if (!*info) return NULL;
    int n = side == INPUT ? (*info)->n_inputs : (*info)->n_outputs;
    if (index < (size_t)n) return (side == INPUT ? (*info)->inputs : (*info)->outputs) + index;
    acl_fail(ACL_ERROR_INVALID_PARAM, call, "index is %zu; model '%s' has %d %s", index,
             (*info)->name, n, side_names[side]);
    model_info_release(*info);
    *info = NULL;
    return NULL;
}

/* A copy of it, for answers that are values; what it points to lives in the model's information,
 * which the description keeps. False with the failure recorded. */
static bool copy_border(const char *call, const aclmdlDesc *desc, enum side side, size_t index,
                        struct model_border *to) {
    struct model_info *info;
    const struct model_border *b = border(call, desc, side, index, &info);
    if (b) *to = *b;
    model_info_release(info);
    return b != NULL;
}

static size_t count_borders(const char *call, const aclmdlDesc *desc, enum side side) {
    struct model_info *info = model_info_of(call, desc);
    int n = !info ? 0 : side == INPUT ? info->n_inputs : info->n_outputs;
    model_info_release(info);
    return (size_t)n;
}

size_t aclmdlGetNumInputs(aclmdlDesc *modelDesc) {
    return count_borders(__func__, modelDesc, INPUT);
}

size_t aclmdlGetNumOutputs(aclmdlDesc *modelDesc) {
    return count_borders(__func__, modelDesc, OUTPUT);
}

static size_t border_bytes(const char *call, const aclmdlDesc *desc, enum side side,
                           size_t index) {
    struct model_border b;
    if (!copy_border(call, desc, side, index, &b)) return 0;
    if (!b.is_fixed)
        acl_fail(ACL_ERROR_INVALID_PARAM, call,
                 "the size of '%s' is not known before the run; give its shape with "
                 "aclmdlSetDatasetTensorDesc",
                 b.name);
    return b.bytes;
}

size_t aclmdlGetInputSizeByIndex(aclmdlDesc *modelDesc, size_t index) {
    return border_bytes(__func__, modelDesc, INPUT, index);
}

size_t aclmdlGetOutputSizeByIndex(aclmdlDesc *modelDesc, size_t index) {
    return border_bytes(__func__, modelDesc, OUTPUT, index);
}

/* With dynamic AIPP and open sizes the shape is that of the network; how much memory pictures take
 * is theirs to say. */
static const struct shape *told_shape(const struct model_border *b) {
    const bool is_room = b->aipp && b->aipp->type == ACL_DATA_WITH_DYNAMIC_AIPP &&
                         b->shape.rank == 4;
    return is_room ? &b->aipp->image : &b->shape;
}

static void fill_dims(const struct shape *shape, aclmdlIODims *dims) {
    if (shape->rank < 0) { /* the way formats here spell a rank that is not known */
        dims->dimCount = 1;
        dims->dims[0] = -2;
    } else {
        dims->dimCount = (size_t)shape->rank;
        memcpy(dims->dims, shape->dim, (size_t)shape->rank * sizeof dims->dims[0]);
    }
}

static aclError border_dims(const char *call, const aclmdlDesc *desc, enum side side, size_t index,
                            aclmdlIODims *dims) {
    if (!dims) return acl_fail(ACL_ERROR_INVALID_PARAM, call, "dims is NULL");
    struct model_info *info;
    const struct model_border *b = border(call, desc, side, index, &info);
    if (!b) return ACL_ERROR_INVALID_PARAM;
    memset(dims, 0, sizeof *dims);
    memcpy(dims->name, b->short_name, sizeof b->short_name);
    fill_dims(told_shape(b), dims);
    model_info_release(info);
    return ACL_SUCCESS;
}

/* With preprocessing in the model, N,H,W,C of the picture; V2 says how it lies in memory. */
aclError aclmdlGetInputDims(const aclmdlDesc *modelDesc, size_t index, aclmdlIODims *dims) {
    ACL_TRY(border_dims(__func__, modelDesc, INPUT, index, dims));
    struct model_info *info;
    const struct model_border *b = border(__func__, modelDesc, INPUT, index, &info);
    if (!b) return ACL_ERROR_INVALID_PARAM;
    if (b->aipp) fill_dims(&b->aipp->image, dims);
    model_info_release(info);
    return ACL_SUCCESS;
}

aclError aclmdlGetInputDimsV2(const aclmdlDesc *modelDesc, size_t index, aclmdlIODims *dims) {
    return border_dims(__func__, modelDesc, INPUT, index, dims);
}

aclError aclmdlGetOutputDims(const aclmdlDesc *modelDesc, size_t index, aclmdlIODims *dims) {
    return border_dims(__func__, modelDesc, OUTPUT, index, dims);
}

/* With gears, of the one last chosen. */
aclError aclmdlGetCurOutputDims(const aclmdlDesc *modelDesc, size_t index, aclmdlIODims *dims) {
    ACL_TRY(border_dims(__func__, modelDesc, OUTPUT, index, dims));
    struct model_info *info = model_info_of(__func__, modelDesc);
    if (!info) return ACL_ERROR_INVALID_PARAM;
    if (info->dynamic.n_gears)
        fill_dims(gear_shapes(info, atomic_load(&info->last_gear)) + info->n_data + index, dims);
    model_info_release(info);
    return ACL_SUCCESS;
}

/* A dimension of fixed size is a range of one; -1 stands for no upper limit. */
static void border_range(const struct model_info *info, const struct model_border *b, int k,
                         int64_t range[2]) {
    range[0] = range[1] = told_shape(b)->dim[k];
    if (b->ranges && b->shape.dim[k] < 0) {
        range[0] = b->ranges[k].low;
        range[1] = b->ranges[k].high;
        return;
    }
    if (b->shape.dim[k] >= 0) return;
    range[0] = info->dynamic.n_gears ? INT64_MAX : 0;
    for (int i = 0; i < info->dynamic.n_gears; i++) {
        int64_t n = gear_shapes(info, i)[b - info->inputs].dim[k];
        if (n < range[0]) range[0] = n;
        if (n > range[1]) range[1] = n;
    }
}

aclError aclmdlGetInputDimsRange(const aclmdlDesc *modelDesc, size_t index,
                                 aclmdlIODimsRange *dimsRange) {
    ACL_NEED(dimsRange);
    struct model_info *info;
    const struct model_border *b = border(__func__, modelDesc, INPUT, index, &info);
    if (!b) return ACL_ERROR_INVALID_PARAM;
    memset(dimsRange, 0, sizeof *dimsRange);
    for (int k = 0; k < b->shape.rank; k++) border_range(info, b, k, dimsRange->range[k]);
    dimsRange->rangeCount = b->shape.rank < 0 ? 0 : (size_t)b->shape.rank;
    model_info_release(info);
    return ACL_SUCCESS;
}

static const char *border_name(const char *call, const aclmdlDesc *desc, enum side side,
                               size_t index) {
    struct model_border b;
    return copy_border(call, desc, side, index, &b) ? b.name : "";
}

const char *aclmdlGetInputNameByIndex(const aclmdlDesc *modelDesc, size_t index) {
    return border_name(__func__, modelDesc, INPUT, index);
}

const char *aclmdlGetOutputNameByIndex(const aclmdlDesc *modelDesc, size_t index) {
    return border_name(__func__, modelDesc, OUTPUT, index);
}

static aclFormat border_format(const char *call, const aclmdlDesc *desc, enum side side,
                               size_t index) {
    struct model_border b;
    return copy_border(call, desc, side, index, &b) ? b.format : ACL_FORMAT_UNDEFINED;
}

aclFormat aclmdlGetInputFormat(const aclmdlDesc *modelDesc, size_t index) {
    return border_format(__func__, modelDesc, INPUT, index);
}

aclFormat aclmdlGetOutputFormat(const aclmdlDesc *modelDesc, size_t index) {
    return border_format(__func__, modelDesc, OUTPUT, index);
}

static aclDataType border_type(const char *call, const aclmdlDesc *desc, enum side side,
                               size_t index) {
    struct model_border b;
    return copy_border(call, desc, side, index, &b) ? b.type : ACL_DT_UNDEFINED;
}

aclDataType aclmdlGetInputDataType(const aclmdlDesc *modelDesc, size_t index) {
    return border_type(__func__, modelDesc, INPUT, index);
}

aclDataType aclmdlGetOutputDataType(const aclmdlDesc *modelDesc, size_t index) {
    return border_type(__func__, modelDesc, OUTPUT, index);
}

/* ---- names ---- */

static const struct model_border *find(const struct model_border *borders, int n,
                                       const char *name) {
    for (int i = 0; i < n; i++)
        if (strcmp(borders[i].name, name) == 0 || strcmp(borders[i].short_name, name) == 0)
            return &borders[i];
    return NULL;
}

static aclError index_of(const char *call, const aclmdlDesc *desc, enum side side, const char *name,
                         size_t *index) {
    if (!name) return acl_fail(ACL_ERROR_INVALID_PARAM, call, "name is NULL");
    if (!index) return acl_fail(ACL_ERROR_INVALID_PARAM, call, "index is NULL");
    struct model_info *info = model_info_of(call, desc);
    if (!info) return ACL_ERROR_INVALID_PARAM;
    const struct model_border *all = side == INPUT ? info->inputs : info->outputs;
    const struct model_border *b =
        find(all, side == INPUT ? info->n_inputs : info->n_outputs, name);
    aclError code = ACL_SUCCESS;
    if (b) *index = (size_t)(b - all);
    else if (side == INPUT && strcmp(name, ACL_DYNAMIC_TENSOR_NAME) == 0)
        code = acl_fail(ACL_ERROR_INVALID_PARAM, call, "model '%s' has no gears, so no input '%s'",
                        info->name, name);
    else
        code = acl_fail(ACL_ERROR_INVALID_PARAM, call, "model '%s' has no '%s' among its %s",
                        info->name, name, side_names[side]);
    model_info_release(info);
    return code;
}

aclError aclmdlGetInputIndexByName(const aclmdlDesc *modelDesc, const char *name, size_t *index) {
    return index_of(__func__, modelDesc, INPUT, name, index);
}

aclError aclmdlGetOutputIndexByName(const aclmdlDesc *modelDesc, const char *name, size_t *index) {
    return index_of(__func__, modelDesc, OUTPUT, name, index);
}

const char *aclmdlGetTensorRealName(const aclmdlDesc *modelDesc, const char *name) {
    if (!name) {
        acl_fail(ACL_ERROR_INVALID_PARAM, __func__, "name is NULL");
        return NULL;
    }
    struct model_info *info = model_info_of(__func__, modelDesc);
    if (!info) return NULL;
    const struct model_border *b = find(info->inputs, info->n_inputs, name);
    if (!b) b = find(info->outputs, info->n_outputs, name);
    const char *real = b ? b->name : NULL;
    if (!b)
        acl_fail(ACL_ERROR_INVALID_PARAM, __func__, "model '%s' has no input or output '%s'",
                 info->name, name);
    model_info_release(info);
    return real;
}

const char *aclmdlGetOpAttr(aclmdlDesc *modelDesc, const char *opName, const char *attr) {
    if (!opName || !attr) {
        acl_fail(ACL_ERROR_INVALID_PARAM, __func__, "%s is NULL", opName ? "attr" : "opName");
        return NULL;
    }
    struct model_info *info = model_info_of(__func__, modelDesc);
    if (!info) return NULL;
    const char *value = "";
    if (!strcmp(attr, ACL_ATTR_NAME_DATA_DUMP_ORIGIN_OP_NAMES))
        for (int i = 0; i < info->n_nodes && !value[0]; i++)
            if (!strcmp(info->nodes[i].name, opName)) value = info->nodes[i].origins;
    model_info_release(info);
    return value;
}

/* ---- what failed ---- */

static void retire_all(void **handles, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (handles[i]) handle_retire(handles[i], HANDLE_TENSOR_DESC);
}

/* Descriptions of one side as a row; *first is NULL when there are none. */
static aclError describe_side(const char *call, const struct model_border *borders, int n,
                              aclTensorDesc **first) {
    *first = NULL;
    if (n == 0) return ACL_SUCCESS;
    void **handles = mem_calloc((size_t)n, sizeof *handles);
    if (!handles) return acl_fail(ACL_ERROR_BAD_ALLOC, call, "no memory for descriptions");
    aclError code = ACL_SUCCESS;
    for (int i = 0; i < n && code == ACL_SUCCESS; i++) {
        const struct model_border *b = &borders[i];
        int rank = b->shape.rank < 0 ? 0 : b->shape.rank;
        handles[i] = tensor_create(call, b->type, b->format, rank, b->shape.dim);
        if (handles[i]) aclSetTensorDescName(handles[i], b->name);
        else code = ACL_ERROR_BAD_ALLOC;
    }
    if (code == ACL_SUCCESS) code = tensor_make_row(call, handles, (size_t)n);
    if (code == ACL_SUCCESS) *first = handles[0];
    else retire_all(handles, (size_t)n);
    mem_free(handles);
    return code;
}

aclError aclmdlCreateAndGetOpDesc(uint32_t deviceId, uint32_t streamId, uint32_t taskId,
                                  char *opName, size_t opNameLen, aclTensorDesc **inputDesc,
                                  size_t *numInputs, aclTensorDesc **outputDesc,
                                  size_t *numOutputs) {
    ACL_NEED(opName);
    ACL_NEED(inputDesc);
    ACL_NEED(numInputs);
    ACL_NEED(outputDesc);
    ACL_NEED(numOutputs);
    ACL_CHECK(opNameLen > 0, ACL_ERROR_INVALID_PARAM, "opNameLen is 0");
    ACL_NEED_STARTED();
    struct model_info *info = exception_find(deviceId, streamId, taskId);
    ACL_CHECK(info, ACL_ERROR_INVALID_PARAM,
              "no failure is known of device %u, stream %u, task %u; take the numbers from an "
              "exception callback",
              deviceId, streamId, taskId);
    aclTensorDesc *inputs = NULL, *outputs = NULL;
    aclError code = describe_side(__func__, info->inputs, info->n_inputs, &inputs);
    if (code == ACL_SUCCESS)
        code = describe_side(__func__, info->outputs, info->n_outputs, &outputs);
    if (code == ACL_SUCCESS) {
        size_t n = strnlen(info->name, opNameLen - 1);
        memcpy(opName, info->name, n);
        opName[n] = '\0';
        *inputDesc = inputs;
        *numInputs = (size_t)info->n_inputs;
        *outputDesc = outputs;
        *numOutputs = (size_t)info->n_outputs;
    } else if (inputs) {
        aclDestroyTensorDesc(inputs);
    }
    model_info_release(info);
    return code;
}
