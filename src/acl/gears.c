/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Gears: models that can run at one of several sizes. The choice for a run lies in the buffer of
 * the model's last input, ascend_mbatch_shape_data, which belongs to the dataset: runs of one model
 * at different gears, in several threads or streams, do not meet.
 */
#include <inttypes.h>
#include <string.h>

#include "acl/internal.h"
#include "acl/model.h"

/* ---- asking ---- */

/* What the description says, if its model has gears of that kind; NULL info otherwise. */
static aclError gears_of(const char *call, const aclmdlDesc *desc, enum dynamic_kind kind,
                         struct model_info **info) {
    *info = model_info_of(call, desc);
    if (!*info) return ACL_ERROR_INVALID_PARAM;
    if ((*info)->dynamic.kind == kind) return ACL_SUCCESS;
    model_info_release(*info);
    *info = NULL;
    return ACL_SUCCESS;
}

aclError aclmdlGetDynamicBatch(const aclmdlDesc *modelDesc, aclmdlBatch *batch) {
    ACL_NEED(batch);
    struct model_info *info;
    ACL_TRY(gears_of(__func__, modelDesc, DYNAMIC_BATCH, &info));
    memset(batch, 0, sizeof *batch);
    if (!info) return ACL_SUCCESS;
    batch->batchCount = (size_t)info->dynamic.n_gears;
    for (int i = 0; i < info->dynamic.n_gears; i++)
        batch->batch[i] = (uint64_t)info->dynamic.values[i];
    model_info_release(info);
    return ACL_SUCCESS;
}

aclError aclmdlGetDynamicHW(const aclmdlDesc *modelDesc, size_t index, aclmdlHW *hw) {
    (void)index;
    ACL_NEED(hw);
    struct model_info *info;
    ACL_TRY(gears_of(__func__, modelDesc, DYNAMIC_IMAGE, &info));
    memset(hw, 0, sizeof *hw);
    if (!info) return ACL_SUCCESS;
    hw->hwCount = (size_t)info->dynamic.n_gears;
    for (int i = 0; i < info->dynamic.n_gears; i++)
        for (int k = 0; k < 2; k++) hw->hw[i][k] = (uint64_t)info->dynamic.values[2 * i + k];
    model_info_release(info);
    return ACL_SUCCESS;
}

#define CHECK_WHOLE_MODEL(index)                                                                   \
    ACL_CHECK((index) == (size_t)-1, ACL_ERROR_INVALID_PARAM, "index is %zu; it must be -1", index)

aclError aclmdlGetInputDynamicGearCount(const aclmdlDesc *modelDesc, size_t index,
                                        size_t *gearCount) {
    ACL_NEED(gearCount);
    CHECK_WHOLE_MODEL(index);
    struct model_info *info;
    ACL_TRY(gears_of(__func__, modelDesc, DYNAMIC_DIMS, &info));
    *gearCount = info ? (size_t)info->dynamic.n_gears : 0;
    model_info_release(info);
    return ACL_SUCCESS;
}

/* The dimensions of all data inputs at a gear, one behind the other; false if they are too many. */
static bool concatenate(const struct model_info *info, int gear, aclmdlIODims *dims) {
    const struct shape *shapes = gear_shapes(info, gear);
    memset(dims, 0, sizeof *dims);
    for (int i = 0; i < info->n_data; i++)
        for (int k = 0; k < shapes[i].rank; k++) {
            if (dims->dimCount == sizeof dims->dims / sizeof *dims->dims) return false;
            dims->dims[dims->dimCount++] = shapes[i].dim[k];
        }
    return true;
}

aclError aclmdlGetInputDynamicDims(const aclmdlDesc *modelDesc, size_t index, aclmdlIODims *dims,
                                   size_t gearCount) {
    ACL_NEED(dims);
    CHECK_WHOLE_MODEL(index);
    struct model_info *info;
    ACL_TRY(gears_of(__func__, modelDesc, DYNAMIC_DIMS, &info));
    size_t n = info ? (size_t)info->dynamic.n_gears : 0;
    aclError code = ACL_SUCCESS;
    if (gearCount < n || (!n && gearCount))
        code = acl_fail(ACL_ERROR_INVALID_PARAM, __func__,
                        "gearCount is %zu; the model has %zu gears", gearCount, n);
    for (size_t i = 0; i < n && code == ACL_SUCCESS; i++)
        if (!concatenate(info, (int)i, &dims[i]))
            code = acl_fail(ACL_ERROR_INVALID_PARAM, __func__,
                            "the inputs have more dimensions than an aclmdlIODims holds");
    model_info_release(info);
    return code;
}

/* ---- choosing ---- */

static const char *const setters[] = {
    [DYNAMIC_NONE] = "",
    [DYNAMIC_BATCH] = "aclmdlSetDynamicBatchSize",
    [DYNAMIC_IMAGE] = "aclmdlSetDynamicHWSize",
    [DYNAMIC_DIMS] = "aclmdlSetInputDynamicDims",
    [DYNAMIC_RANGE] = "aclmdlSetDatasetTensorDesc",
};

static aclError fail_gear(const char *call, const struct model_info *info, const int64_t *values) {
    struct dynamic given = info->dynamic;
    char text[128];
    given.values = values;
    return acl_fail(ACL_ERROR_GE_DYNAMIC_BATCH_SIZE_INVALID, call,
                    "%s is none of the %d gears of model '%s'; choose one with %s before each run",
                    dynamic_text(&given, 0, text), info->dynamic.n_gears, info->name,
                    setters[info->dynamic.kind]);
}

/* Bytes of one value in a buffer of that size: 8 where there is room, else 4. */
static aclError check_buffer(const char *call, const struct model_info *info, const void *data,
                             size_t bytes, size_t *width) {
    size_t n = (size_t)info->dynamic.n_values;
    if (!data)
        return acl_fail(ACL_ERROR_GE_DYNAMIC_INPUT_ADDR_INVALID, call,
                        "input %d ('" ACL_DYNAMIC_TENSOR_NAME "'): its buffer has no memory",
                        info->n_data);
    if (bytes < n * sizeof(int32_t))
        return acl_fail(ACL_ERROR_GE_DYNAMIC_INPUT_LENGTH_INVALID, call,
                        "input %d ('" ACL_DYNAMIC_TENSOR_NAME "') needs %zu bytes; its buffer has "
                        "%zu",
                        info->n_data, n * sizeof(int32_t), bytes);
    *width = bytes >= n * sizeof(int64_t) ? sizeof(int64_t) : sizeof(int32_t);
    return ACL_SUCCESS;
}

aclError gear_read(const char *call, const struct model_info *info, const void *data, size_t bytes,
                   int *gear) {
    int64_t values[DYNAMIC_MAX_VALUES];
    size_t width = 0;
    ACL_TRY(check_buffer(call, info, data, bytes, &width));
    for (int i = 0; i < info->dynamic.n_values; i++) {
        int32_t narrow;
        memcpy(&narrow, (const char *)data + (size_t)i * sizeof narrow, sizeof narrow);
        values[i] = narrow;
        if (width == sizeof *values)
            memcpy(&values[i], (const char *)data + (size_t)i * width, width);
    }
    *gear = dynamic_find(&info->dynamic, values);
    return *gear >= 0 ? ACL_SUCCESS : fail_gear(call, info, values);
}

/* With the dataset's lock held. */
static aclError write_values(const char *call, const struct model_info *info, struct dataset *d,
                             size_t index, const int64_t *values) {
    if (index >= d->n)
        return acl_fail(ACL_ERROR_INVALID_PARAM, call,
                        "index is %zu; the dataset has %zu buffers (add that of input '"
                        ACL_DYNAMIC_TENSOR_NAME "' first)", index, d->n);
    struct data_buffer *b = handle_get(d->entries[index].buffer, HANDLE_DATA_BUFFER, call,
                                       "the buffer of '" ACL_DYNAMIC_TENSOR_NAME "'");
    if (!b) return ACL_ERROR_INVALID_PARAM;
    pthread_mutex_lock(&b->lock);
    size_t width = 0;
    aclError code = check_buffer(call, info, b->data, b->bytes, &width);
    if (code == ACL_SUCCESS) code = memory_check(call, "input", b->data, b->bytes);
    for (int i = 0; i < info->dynamic.n_values && code == ACL_SUCCESS; i++) {
        int32_t narrow = (int32_t)values[i];
        const void *from = width == sizeof narrow ? (const void *)&narrow : &values[i];
        memcpy((char *)b->data + (size_t)i * width, from, width);
    }
    pthread_mutex_unlock(&b->lock);
    handle_release(d->entries[index].buffer);
    return code;
}

static aclError choose(const char *call, struct model_info *info, struct dataset *d, size_t index,
                       enum dynamic_kind kind, const int64_t *values) {
    if (info->dynamic.kind != kind)
        return acl_fail(info->dynamic.n_gears ? ACL_ERROR_INVALID_PARAM
                                              : ACL_ERROR_MODEL_NOT_DYNAMIC,
                        call,
                        info->dynamic.kind ? "the sizes of model '%s' are chosen with %s"
                                           : "model '%s' has no gears to choose from; its shapes "
                                             "are fixed%s",
                        info->name, setters[info->dynamic.kind]);
    int gear = dynamic_find(&info->dynamic, values);
    if (gear < 0) return fail_gear(call, info, values);
    if (index != (size_t)info->n_data)
        return acl_fail(ACL_ERROR_INVALID_PARAM, call,
                        "index is %zu; input '" ACL_DYNAMIC_TENSOR_NAME "' is %d "
                        "(aclmdlGetInputIndexByName)",
                        index, info->n_data);
    pthread_mutex_lock(&d->lock);
    aclError code = write_values(call, info, d, index, values);
    pthread_mutex_unlock(&d->lock);
    if (code == ACL_SUCCESS) atomic_store(&info->last_gear, gear);
    return code;
}

static aclError choose_in(const char *call, uint32_t id, aclmdlDataset *dataset, size_t index,
                          enum dynamic_kind kind, const int64_t *values) {
    struct loaded *m;
    void *handle;
    ACL_TRY(model_get(call, id, &m, &handle));
    struct dataset *d = handle_get(dataset, HANDLE_DATASET, call, "dataset");
    aclError code = ACL_ERROR_INVALID_PARAM;
    if (d) {
        code = choose(call, m->info, d, index, kind, values);
        handle_release(dataset);
    }
    handle_release(handle);
    return code;
}

aclError aclmdlSetDynamicBatchSize(uint32_t modelId, aclmdlDataset *dataset, size_t index,
                                   uint64_t batchSize) {
    ACL_CHECK(batchSize > 0, ACL_ERROR_INVALID_PARAM, "batchSize is 0");
    return choose_in(__func__, modelId, dataset, index, DYNAMIC_BATCH,
                     (int64_t[DYNAMIC_MAX_VALUES]){(int64_t)batchSize});
}

aclError aclmdlSetDynamicHWSize(uint32_t modelId, aclmdlDataset *dataset, size_t index,
                                uint64_t height, uint64_t width) {
    ACL_CHECK(height > 0 && width > 0, ACL_ERROR_INVALID_PARAM, "height or width is 0");
    return choose_in(__func__, modelId, dataset, index, DYNAMIC_IMAGE,
                     (int64_t[DYNAMIC_MAX_VALUES]){(int64_t)height, (int64_t)width});
}

/* The sizes a gear has, from the dimensions of all data inputs. */
static aclError pick_values(const char *call, const struct model_info *info,
                            const aclmdlIODims *dims, int64_t *values) {
    size_t at = 0;
    int n = 0;
    for (int i = 0; i < info->n_data; i++)
        for (int k = 0; k < info->inputs[i].shape.rank; k++, at++) {
            int64_t dim = info->inputs[i].shape.dim[k];
            if (at >= dims->dimCount) continue;
            if (dim < 0) values[n++] = dims->dims[at];
            else if (dims->dims[at] != dim)
                return acl_fail(ACL_ERROR_INVALID_PARAM, call,
                                "dims[%zu] is %" PRId64 "; dimension %d of input %d ('%s') is %"
                                PRId64, at, dims->dims[at], k, i, info->inputs[i].name, dim);
        }
    if (at != dims->dimCount)
        return acl_fail(ACL_ERROR_INVALID_PARAM, call,
                        "dimCount is %zu; the inputs of model '%s' have %zu dimensions together",
                        dims->dimCount, info->name, at);
    return ACL_SUCCESS;
}

aclError aclmdlSetInputDynamicDims(uint32_t modelId, aclmdlDataset *dataset, size_t index,
                                   const aclmdlIODims *dims) {
    ACL_NEED(dims);
    ACL_CHECK(dims->dimCount <= sizeof dims->dims / sizeof *dims->dims, ACL_ERROR_INVALID_PARAM,
              "dimCount is %zu; an aclmdlIODims holds at most 128", dims->dimCount);
    struct loaded *m;
    void *handle;
    ACL_TRY(model_get(__func__, modelId, &m, &handle));
    int64_t values[DYNAMIC_MAX_VALUES] = {0};
    aclError code = m->info->dynamic.kind == DYNAMIC_DIMS
                        ? pick_values(__func__, m->info, dims, values)
                        : ACL_SUCCESS;
    handle_release(handle);
    ACL_TRY(code);
    return choose_in(__func__, modelId, dataset, index, DYNAMIC_DIMS, values);
}
