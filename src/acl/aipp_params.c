/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parameters of dynamic AIPP: what a program fills for a run. An object holds the parameter block
 * itself, as the model's extra input takes it: a head for all pictures and a part for each.
 *
 *     head, 64 bytes     0 format, 1 csc, 2 rbuv swap, 3 ax swap, 4 pictures; 8 width, 12 height
 *                        (i32); 16 matrix (9 x i16); 40 output bias, 43 input bias (3 x u8 each)
 *     picture, 96 bytes  0 crop, 1 resize, 2 padding; 8 crop x, y, w, h; 24 resize from w, h,
 *                        to w, h; 40 padding top, bottom, left, right (i32); 56 mean (4 x i16);
 *                        64 min, 72 var_reci (4 x f16 each)
 */
#include <math.h>
#include <string.h>

#include "acl/internal.h"
#include "acl/model.h"
#include "base/alloc.h"

struct parameters {
    pthread_mutex_t lock;
    int n; /* pictures */
    uint8_t block[AIPP_HEAD_BYTES + AIPP_MAX_IMAGES * AIPP_IMAGE_BYTES];
};

static size_t block_bytes(int n) {
    return AIPP_HEAD_BYTES + (size_t)n * AIPP_IMAGE_BYTES;
}

static void parameters_destroy(void *object) {
    struct parameters *p = object;
    pthread_mutex_destroy(&p->lock);
    mem_free(p);
}

/* n numbers of 16 bits. */
static void put_i16(uint8_t *to, int n, const int16_t *v) { memcpy(to, v, (size_t)n * sizeof *v); }
static void put_i32(uint8_t *to, int n, const int32_t *v) { memcpy(to, v, (size_t)n * sizeof *v); }
static void put_half(uint8_t *to, const float v[static 4]) {
    uint16_t half[4];
    for (int i = 0; i < 4; i++) half[i] = f32_to_f16(v[i]);
    memcpy(to, half, sizeof half);
}

/* ---- life ---- */

static aclError check_batch(const char *call, uint64_t batch) {
    if (batch >= 1 && batch <= AIPP_MAX_IMAGES) return ACL_SUCCESS;
    return acl_fail(ACL_ERROR_INVALID_PARAM, call, "batchSize is %llu; it is 1 to %d",
                    (unsigned long long)batch, AIPP_MAX_IMAGES);
}

aclmdlAIPP *aclmdlCreateAIPP(uint64_t batchSize) {
    if (check_batch(__func__, batchSize) != ACL_SUCCESS) return NULL;
    struct parameters *p = mem_calloc(1, sizeof *p);
    if (p) {
        pthread_mutex_init(&p->lock, NULL);
        p->n = (int)batchSize;
        p->block[4] = (uint8_t)p->n;
        for (int i = 0; i < p->n; i++)
            put_half(p->block + block_bytes(i) + 72, (const float[4]){1, 1, 1, 1});
    }
    return handle_make(HANDLE_AIPP, p, parameters_destroy, __func__);
}

aclError aclmdlDestroyAIPP(const aclmdlAIPP *aippParmsSet) {
    return handle_end(aippParmsSet, HANDLE_AIPP, __func__, "aippParmsSet");
}

aclError aclmdlGetAippDataSize(uint64_t batchSize, size_t *size) {
    ACL_NEED(size);
    ACL_TRY(check_batch(__func__, batchSize));
    *size = block_bytes((int)batchSize);
    return ACL_SUCCESS;
}

/* ---- setting ---- */

/* The object, locked; end with put(). */
static struct parameters *take(const char *call, const aclmdlAIPP *handle) {
    struct parameters *p = handle_get(handle, HANDLE_AIPP, call, "aippParmsSet");
    if (p) pthread_mutex_lock(&p->lock);
    return p;
}

static void put(const aclmdlAIPP *handle, struct parameters *p) {
    pthread_mutex_unlock(&p->lock);
    handle_release(handle);
}

/* A number and its range. */
struct limited {
    const char *name;
    int64_t value, low, high;
};

static aclError check_numbers(const char *call, const struct limited *v, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (v[i].value < v[i].low || v[i].value > v[i].high)
            return acl_fail(ACL_ERROR_INVALID_PARAM, call, "%s is %lld; it is %lld to %lld",
                            v[i].name, (long long)v[i].value, (long long)v[i].low,
                            (long long)v[i].high);
    return ACL_SUCCESS;
}
#define CHECK_NUMBERS(...)                                                                         \
    ACL_TRY(check_numbers(__func__, (const struct limited[]){__VA_ARGS__},                         \
                          sizeof((const struct limited[]){__VA_ARGS__}) / sizeof(struct limited)))

/* As take(), and the part of picture `index`. */
static struct parameters *take_picture(const char *call, const aclmdlAIPP *handle, uint64_t index,
                                       uint8_t **picture) {
    struct parameters *p = take(call, handle);
    if (!p) return NULL;
    if (index < (uint64_t)p->n) {
        *picture = p->block + block_bytes((int)index);
        return p;
    }
    acl_fail(ACL_ERROR_INVALID_PARAM, call,
             "batchIndex is %llu; the parameters are for %d pictures", (unsigned long long)index,
             p->n);
    put(handle, p);
    return NULL;
}

#define TAKE(p)                                                                                    \
    struct parameters *p = take(__func__, aippParmsSet);                                           \
    if (!p) return ACL_ERROR_INVALID_PARAM
#define TAKE_PICTURE(p, picture)                                                                   \
    uint8_t *picture;                                                                              \
    struct parameters *p = take_picture(__func__, aippParmsSet, batchIndex, &picture);             \
    if (!p) return ACL_ERROR_INVALID_PARAM
#define PUT(p)                                                                                     \
    put(aippParmsSet, p);                                                                          \
    return ACL_SUCCESS

aclError aclmdlSetAIPPInputFormat(aclmdlAIPP *aippParmsSet, aclAippInputFormat inputFormat) {
    ACL_CHECK(aipp_format_name((int)inputFormat), ACL_ERROR_INVALID_PARAM,
              "inputFormat is %d, which is no format of 8-bit pictures", (int)inputFormat);
    TAKE(p);
    p->block[0] = (uint8_t)inputFormat;
    PUT(p);
}

aclError aclmdlSetAIPPSrcImageSize(aclmdlAIPP *aippParmsSet, int32_t srcImageSizeW,
                                   int32_t srcImageSizeH) {
    CHECK_NUMBERS({"srcImageSizeW", srcImageSizeW, 1, AIPP_MAX_SIZE},
                  {"srcImageSizeH", srcImageSizeH, 1, AIPP_MAX_SIZE});
    TAKE(p);
    put_i32(p->block + 8, 2, (int32_t[]){srcImageSizeW, srcImageSizeH});
    PUT(p);
}

aclError aclmdlSetAIPPRbuvSwapSwitch(aclmdlAIPP *aippParmsSet, int8_t rbuvSwapSwitch) {
    CHECK_NUMBERS({"rbuvSwapSwitch", rbuvSwapSwitch, 0, 1});
    TAKE(p);
    p->block[2] = (uint8_t)rbuvSwapSwitch;
    PUT(p);
}

aclError aclmdlSetAIPPAxSwapSwitch(aclmdlAIPP *aippParmsSet, int8_t axSwapSwitch) {
    CHECK_NUMBERS({"axSwapSwitch", axSwapSwitch, 0, 1});
    TAKE(p);
    p->block[3] = (uint8_t)axSwapSwitch;
    PUT(p);
}

aclError aclmdlSetAIPPCscParams(aclmdlAIPP *aippParmsSet, int8_t cscSwitch, int16_t cscMatrixR0C0,
                                int16_t cscMatrixR0C1, int16_t cscMatrixR0C2,
                                int16_t cscMatrixR1C0, int16_t cscMatrixR1C1,
                                int16_t cscMatrixR1C2, int16_t cscMatrixR2C0,
                                int16_t cscMatrixR2C1, int16_t cscMatrixR2C2,
                                uint8_t cscOutputBiasR0, uint8_t cscOutputBiasR1,
                                uint8_t cscOutputBiasR2, uint8_t cscInputBiasR0,
                                uint8_t cscInputBiasR1, uint8_t cscInputBiasR2) {
    CHECK_NUMBERS({"cscSwitch", cscSwitch, 0, 1});
    TAKE(p);
    const int16_t matrix[9] = {cscMatrixR0C0, cscMatrixR0C1, cscMatrixR0C2,
                               cscMatrixR1C0, cscMatrixR1C1, cscMatrixR1C2,
                               cscMatrixR2C0, cscMatrixR2C1, cscMatrixR2C2};
    const uint8_t bias[6] = {cscOutputBiasR0, cscOutputBiasR1, cscOutputBiasR2,
                             cscInputBiasR0,  cscInputBiasR1,  cscInputBiasR2};
    p->block[1] = (uint8_t)cscSwitch;
    put_i16(p->block + 16, 9, matrix);
    memcpy(p->block + 40, bias, sizeof bias);
    PUT(p);
}

aclError aclmdlSetAIPPCropParams(aclmdlAIPP *aippParmsSet, int8_t cropSwitch,
                                 int32_t cropStartPosW, int32_t cropStartPosH, int32_t cropSizeW,
                                 int32_t cropSizeH, uint64_t batchIndex) {
    CHECK_NUMBERS({"cropSwitch", cropSwitch, 0, 1});
    if (cropSwitch)
        CHECK_NUMBERS({"cropStartPosW", cropStartPosW, 0, AIPP_MAX_SIZE - 1},
                      {"cropStartPosH", cropStartPosH, 0, AIPP_MAX_SIZE - 1},
                      {"cropSizeW", cropSizeW, 1, AIPP_MAX_SIZE},
                      {"cropSizeH", cropSizeH, 1, AIPP_MAX_SIZE});
    TAKE_PICTURE(p, picture);
    picture[0] = (uint8_t)cropSwitch;
    put_i32(picture + 8, 4, (int32_t[]){cropStartPosW, cropStartPosH, cropSizeW, cropSizeH});
    PUT(p);
}

aclError aclmdlSetAIPPScfParams(aclmdlAIPP *aippParmsSet, int8_t scfSwitch, int32_t scfInputSizeW,
                                int32_t scfInputSizeH, int32_t scfOutputSizeW,
                                int32_t scfOutputSizeH, uint64_t batchIndex) {
    CHECK_NUMBERS({"scfSwitch", scfSwitch, 0, 1});
    if (scfSwitch)
        CHECK_NUMBERS({"scfInputSizeW", scfInputSizeW, 1, AIPP_MAX_SIZE},
                      {"scfInputSizeH", scfInputSizeH, 1, AIPP_MAX_SIZE},
                      {"scfOutputSizeW", scfOutputSizeW, 16, AIPP_MAX_SIZE},
                      {"scfOutputSizeH", scfOutputSizeH, 16, AIPP_MAX_SIZE});
    TAKE_PICTURE(p, picture);
    picture[1] = (uint8_t)scfSwitch;
    put_i32(picture + 24, 4,
            (int32_t[]){scfInputSizeW, scfInputSizeH, scfOutputSizeW, scfOutputSizeH});
    PUT(p);
}

aclError aclmdlSetAIPPPaddingParams(aclmdlAIPP *aippParmsSet, int8_t paddingSwitch,
                                    int32_t paddingSizeTop, int32_t paddingSizeBottom,
                                    int32_t paddingSizeLeft, int32_t paddingSizeRight,
                                    uint64_t batchIndex) {
    CHECK_NUMBERS({"paddingSwitch", paddingSwitch, 0, 1});
    if (paddingSwitch)
        CHECK_NUMBERS({"paddingSizeTop", paddingSizeTop, 0, 32},
                      {"paddingSizeBottom", paddingSizeBottom, 0, 32},
                      {"paddingSizeLeft", paddingSizeLeft, 0, 32},
                      {"paddingSizeRight", paddingSizeRight, 0, 32});
    TAKE_PICTURE(p, picture);
    picture[2] = (uint8_t)paddingSwitch;
    put_i32(picture + 40, 4,
            (int32_t[]){paddingSizeTop, paddingSizeBottom, paddingSizeLeft, paddingSizeRight});
    PUT(p);
}

aclError aclmdlSetAIPPDtcPixelMean(aclmdlAIPP *aippParmsSet, int16_t dtcPixelMeanChn0,
                                   int16_t dtcPixelMeanChn1, int16_t dtcPixelMeanChn2,
                                   int16_t dtcPixelMeanChn3, uint64_t batchIndex) {
    CHECK_NUMBERS({"dtcPixelMeanChn0", dtcPixelMeanChn0, 0, 255},
                  {"dtcPixelMeanChn1", dtcPixelMeanChn1, 0, 255},
                  {"dtcPixelMeanChn2", dtcPixelMeanChn2, 0, 255},
                  {"dtcPixelMeanChn3", dtcPixelMeanChn3, 0, 255});
    TAKE_PICTURE(p, picture);
    put_i16(picture + 56, 4, (int16_t[]){dtcPixelMeanChn0, dtcPixelMeanChn1, dtcPixelMeanChn2,
                                         dtcPixelMeanChn3});
    PUT(p);
}

static aclError check_floats(const char *call, const char *name, const float v[static 4], float low,
                             float high) {
    for (int i = 0; i < 4; i++)
        if (!(v[i] >= low && v[i] <= high))
            return acl_fail(ACL_ERROR_INVALID_PARAM, call, "%s%d is %g; it is %g to %g", name, i,
                            (double)v[i], (double)low, (double)high);
    return ACL_SUCCESS;
}

aclError aclmdlSetAIPPDtcPixelMin(aclmdlAIPP *aippParmsSet, float dtcPixelMinChn0,
                                  float dtcPixelMinChn1, float dtcPixelMinChn2,
                                  float dtcPixelMinChn3, uint64_t batchIndex) {
    const float v[4] = {dtcPixelMinChn0, dtcPixelMinChn1, dtcPixelMinChn2, dtcPixelMinChn3};
    ACL_TRY(check_floats(__func__, "dtcPixelMinChn", v, 0, 255));
    TAKE_PICTURE(p, picture);
    put_half(picture + 64, v);
    PUT(p);
}

aclError aclmdlSetAIPPPixelVarReci(aclmdlAIPP *aippParmsSet, float dtcPixelVarReciChn0,
                                   float dtcPixelVarReciChn1, float dtcPixelVarReciChn2,
                                   float dtcPixelVarReciChn3, uint64_t batchIndex) {
    const float v[4] = {dtcPixelVarReciChn0, dtcPixelVarReciChn1, dtcPixelVarReciChn2,
                        dtcPixelVarReciChn3};
    ACL_TRY(check_floats(__func__, "dtcPixelVarReciChn", v, -65504, 65504));
    TAKE_PICTURE(p, picture);
    put_half(picture + 72, v);
    PUT(p);
}

/* ---- into a dataset ---- */

/* With the dataset's lock held. */
static aclError write_block(const char *call, struct dataset *d, size_t index,
                            const struct parameters *p) {
    if (index >= d->n)
        return acl_fail(ACL_ERROR_INVALID_PARAM, call,
                        "the dataset has %zu buffers; add that of input %zu ('"
                        ACL_DYNAMIC_AIPP_NAME "') first", d->n, index);
    struct data_buffer *b = handle_get(d->entries[index].buffer, HANDLE_DATA_BUFFER, call,
                                       "the buffer of '" ACL_DYNAMIC_AIPP_NAME "'");
    if (!b) return ACL_ERROR_INVALID_PARAM;
    pthread_mutex_lock(&b->lock);
    const size_t need = block_bytes(p->n);
    aclError code = ACL_SUCCESS;
    if (!b->data)
        code = acl_fail(ACL_ERROR_GE_DYNAMIC_INPUT_ADDR_INVALID, call,
                        "input %zu ('" ACL_DYNAMIC_AIPP_NAME "'): its buffer has no memory", index);
    else if (b->bytes < need)
        code = acl_fail(ACL_ERROR_GE_DYNAMIC_INPUT_LENGTH_INVALID, call,
                        "input %zu ('" ACL_DYNAMIC_AIPP_NAME "') needs %zu bytes for %d pictures; "
                        "its buffer has %zu (aclmdlGetInputSizeByIndex)", index, need, p->n,
                        b->bytes);
    if (code == ACL_SUCCESS) code = memory_check(call, "input", b->data, b->bytes);
    if (code == ACL_SUCCESS) memcpy(b->data, p->block, need);
    pthread_mutex_unlock(&b->lock);
    handle_release(d->entries[index].buffer);
    return code;
}

/* With gears of height and width the pictures are as large as the gear, as CANN has it. */
static aclError check_gears(const char *call, const struct model_info *info, size_t block,
                            const struct parameters *p) {
    const size_t pictures = info->inputs[block].aipp->attached;
    if (info->dynamic.kind != DYNAMIC_IMAGE || pictures >= (size_t)info->n_data ||
        shape_known(&info->inputs[pictures].shape))
        return ACL_SUCCESS;
    for (int i = 0; i < p->n; i++)
        for (int k = 0; k < 3; k++)
            if (p->block[block_bytes(i) + (size_t)k])
                return acl_fail(ACL_ERROR_INVALID_PARAM, call,
                                "%s is on for picture %d; with aclmdlSetDynamicHWSize pictures are "
                                "neither cropped, resized nor padded, and have the size chosen "
                                "there",
                                (const char *const[]){"cropping", "resizing", "padding"}[k], i);
    return ACL_SUCCESS;
}

static aclError write_parameters(const char *call, const struct model_info *info,
                                 aclmdlDataset *dataset, size_t index, const aclmdlAIPP *handle) {
    const struct model_border *block = &info->inputs[index];
    struct dataset *d = handle_get(dataset, HANDLE_DATASET, call, "dataset");
    if (!d) return ACL_ERROR_INVALID_PARAM;
    struct parameters *p = take(call, handle);
    aclError code = p ? ACL_SUCCESS : ACL_ERROR_INVALID_PARAM;
    if (p && block_bytes(p->n) > block->bytes)
        code = acl_fail(ACL_ERROR_INVALID_PARAM, call,
                        "the parameters are for %d pictures; the model takes at most %zu at once",
                        p->n, (block->bytes - AIPP_HEAD_BYTES) / AIPP_IMAGE_BYTES);
    if (p && code == ACL_SUCCESS) code = check_gears(call, info, index, p);
    if (p && code == ACL_SUCCESS) {
        pthread_mutex_lock(&d->lock);
        code = write_block(call, d, index, p);
        pthread_mutex_unlock(&d->lock);
    }
    if (p) put(handle, p);
    handle_release(dataset);
    return code;
}

/* The input of the parameters for what `index` says: itself, or what it is attached to. */
static aclError find_block(const char *call, const struct model_info *info, size_t index,
                           aclmdlInputAippType wanted, size_t *block) {
    if (index >= (size_t)info->n_inputs)
        return acl_fail(ACL_ERROR_INVALID_PARAM, call, "index is %zu; model '%s' has %d inputs",
                        index, info->name, info->n_inputs);
    const struct border_aipp *a = info->inputs[index].aipp;
    if (a && a->type == wanted) {
        *block = wanted == ACL_DYNAMIC_AIPP_NODE ? index : a->attached;
        return ACL_SUCCESS;
    }
    if (a && a->type == ACL_DATA_WITH_STATIC_AIPP)
        return acl_fail(ACL_ERROR_GE_AIPP_MODE_INVALID, call,
                        "input %zu ('%s') has static AIPP, whose parameters lie in the model",
                        index, info->inputs[index].name);
    for (int i = 0; i < info->n_data; i++)
        if (info->inputs[i].aipp && info->inputs[i].aipp->type == wanted)
            return acl_fail(ACL_ERROR_INVALID_PARAM, call,
                            "index is %zu ('%s'); it is %d ('%s') that is meant", index,
                            info->inputs[index].name, i, info->inputs[i].name);
    return acl_fail(ACL_ERROR_GE_AIPP_NOT_EXIST, call, "model '%s' has no dynamic AIPP",
                    info->name);
}

static aclError set(const char *call, uint32_t id, aclmdlDataset *dataset, size_t index,
                    const aclmdlAIPP *parameters, aclmdlInputAippType wanted) {
    struct loaded *m;
    void *handle;
    ACL_TRY(model_get(call, id, &m, &handle));
    const void *const given[] = {dataset, parameters};
    const enum handle_kind kinds[] = {HANDLE_DATASET, HANDLE_AIPP};
    const char *const names[] = {"dataset", "aippParmsSet"};
    aclError code = ACL_SUCCESS;
    for (int i = 0; i < 2 && code == ACL_SUCCESS; i++) {
        if (handle_get(given[i], kinds[i], call, names[i])) handle_release(given[i]);
        else code = ACL_ERROR_INVALID_PARAM;
    }
    size_t block = 0;
    if (code == ACL_SUCCESS) code = find_block(call, m->info, index, wanted, &block);
    if (code == ACL_SUCCESS)
        code = write_parameters(call, m->info, dataset, block, parameters);
    handle_release(handle);
    return code;
}

aclError aclmdlSetInputAIPP(uint32_t modelId, aclmdlDataset *dataset, size_t index,
                            const aclmdlAIPP *aippParmsSet) {
    return set(__func__, modelId, dataset, index, aippParmsSet, ACL_DYNAMIC_AIPP_NODE);
}

aclError aclmdlSetAIPPByInputIndex(uint32_t modelId, aclmdlDataset *dataset, size_t index,
                                   const aclmdlAIPP *aippParmsSet) {
    return set(__func__, modelId, dataset, index, aippParmsSet, ACL_DATA_WITH_DYNAMIC_AIPP);
}
