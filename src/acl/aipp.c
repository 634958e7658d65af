/* SPDX-License-Identifier: Apache-2.0 */
/* Preprocessing in models (AIPP): what a model has behind an input. */
#include <string.h>

#include "acl/internal.h"
#include "acl/model.h"

/* ---- asking ---- */

/* The preprocessing of input `index`; NULL if it has none. *info is to be released. */
static aclError aipp_of(const char *call, uint32_t id, size_t index, struct model_info **info,
                        const struct border_aipp **out) {
    struct loaded *m;
    void *handle;
    *out = NULL;
    ACL_TRY(model_get(call, id, &m, &handle));
    *info = model_info_share(m->info);
    handle_release(handle);
    if (index < (size_t)(*info)->n_inputs) {
        *out = (*info)->inputs[index].aipp;
        return ACL_SUCCESS;
    }
    int n = (*info)->n_inputs;
    model_info_release(*info);
    return acl_fail(ACL_ERROR_INVALID_PARAM, call, "index is %zu; model %u has %d inputs", index,
                    id, n);
}

aclError aclmdlGetAippType(uint32_t modelId, size_t index, aclmdlInputAippType *type,
                           size_t *dynamicAttachedDataIndex) {
    ACL_NEED(type);
    ACL_NEED(dynamicAttachedDataIndex);
    struct model_info *info;
    const struct border_aipp *a = NULL;
    ACL_TRY(aipp_of(__func__, modelId, index, &info, &a));
    *type = a ? a->type : ACL_DATA_WITHOUT_AIPP;
    *dynamicAttachedDataIndex = a ? a->attached : ACL_INVALID_NODE_INDEX;
    model_info_release(info);
    return ACL_SUCCESS;
}

static void fill_dims(aclmdlIODims *to, const char *name, const struct shape *shape) {
    memset(to, 0, sizeof *to);
    memcpy(to->name, name, strnlen(name, sizeof to->name - 1));
    to->dimCount = (size_t)shape->rank;
    memcpy(to->dims, shape->dim, (size_t)shape->rank * sizeof *to->dims);
}

static size_t product(const aclmdlIODims *dims) {
    size_t n = 1;
    for (size_t i = 0; i < dims->dimCount; i++) n *= (size_t)dims->dims[i];
    return n;
}

/* One entry, or one for each gear that makes a difference to it. */
static void fill_shapes(const struct model_info *info, size_t index, aclAippInfo *to) {
    const struct model_border *b = &info->inputs[index];
    const struct border_aipp *a = b->aipp;
    const bool open = !shape_known(&b->shape);
    to->shapeCount = open ? (size_t)info->dynamic.n_gears : 1;
    for (size_t i = 0; i < to->shapeCount; i++) {
        aclAippDims *d = &to->outDims[i];
        struct shape from = open ? gear_shapes(info, (int)i)[index] : b->shape, made = a->made;
        made.dim[0] = from.dim[0];
        if (made.dim[2] < 0) made.dim[2] = aipp_height(a->parameters.format, from.dim[1]);
        if (made.dim[3] < 0) made.dim[3] = from.dim[2];
        fill_dims(&d->srcDims, b->short_name, &from);
        fill_dims(&d->aippOutdims, b->short_name, &made);
        d->srcSize = product(&d->srcDims);
        d->aippOutSize = product(&d->aippOutdims) * dtype_size(a->made_type);
    }
}

static void fill_info(const struct aipp *a, aclAippInfo *to) {
    const bool crop = a->crop_x || a->crop_y || a->crop_w != a->src_w || a->crop_h != a->src_h;
    const bool padding = a->left || a->right || a->top || a->bottom;
    *to = (aclAippInfo){
        .inputFormat = (aclAippInputFormat)a->format,
        .srcImageSizeW = a->src_w, .srcImageSizeH = a->src_h, .cropSwitch = crop,
        .resizeSwitch = a->resize, .resizeOutputW = a->resize ? a->resize_w : 0,
        .resizeOutputH = a->resize ? a->resize_h : 0, .paddingSwitch = padding,
        .leftPaddingSize = a->left, .rightPaddingSize = a->right, .topPaddingSize = a->top,
        .bottomPaddingSize = a->bottom, .cscSwitch = a->csc, .rbuvSwapSwitch = a->rbuv_swap,
        .axSwapSwitch = a->ax_swap, .matrixR0C0 = a->matrix[0], .matrixR0C1 = a->matrix[1],
        .matrixR0C2 = a->matrix[2], .matrixR1C0 = a->matrix[3], .matrixR1C1 = a->matrix[4],
        .matrixR1C2 = a->matrix[5], .matrixR2C0 = a->matrix[6], .matrixR2C1 = a->matrix[7],
        .matrixR2C2 = a->matrix[8], .outputBias0 = a->output_bias[0],
        .outputBias1 = a->output_bias[1], .outputBias2 = a->output_bias[2],
        .inputBias0 = a->input_bias[0], .inputBias1 = a->input_bias[1],
        .inputBias2 = a->input_bias[2], .meanChn0 = a->mean[0], .meanChn1 = a->mean[1],
        .meanChn2 = a->mean[2], .meanChn3 = a->mean[3], .minChn0 = a->min[0],
        .minChn1 = a->min[1], .minChn2 = a->min[2], .minChn3 = a->min[3],
        .varReciChn0 = a->var_reci[0], .varReciChn1 = a->var_reci[1],
        .varReciChn2 = a->var_reci[2], .varReciChn3 = a->var_reci[3],
        .srcFormat = ACL_FORMAT_NHWC, .srcDatatype = ACL_UINT8, .srcDimNum = 4};
    if (!crop) return;
    to->loadStartPosW = a->crop_x;
    to->loadStartPosH = a->crop_y;
    to->cropSizeW = a->crop_w;
    to->cropSizeH = a->crop_h;
}

aclError aclmdlGetFirstAippInfo(uint32_t modelId, size_t index, aclAippInfo *aippInfo) {
    ACL_NEED(aippInfo);
    struct model_info *info;
    const struct border_aipp *a = NULL;
    ACL_TRY(aipp_of(__func__, modelId, index, &info, &a));
    const bool found = a && a->type == ACL_DATA_WITH_STATIC_AIPP;
    if (found) {
        fill_info(&a->parameters, aippInfo);
        fill_shapes(info, index, aippInfo);
    }
    model_info_release(info);
    ACL_CHECK(found, ACL_ERROR_NOT_STATIC_AIPP, "input %zu of model %u has no static AIPP%s", index,
              modelId, a ? "; its parameters are set before each run" : "");
    return ACL_SUCCESS;
}
