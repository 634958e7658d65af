/* SPDX-License-Identifier: Apache-2.0 */
#include "session.h"

#include "../../vision/gear_table.h"
#include "convert.h"
#include "prusik/vision.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int fail(const char *command, const char *call, aclError code) {
    const char *why = aclGetRecentErrMsg();
    app_fail(command, "%s failed with %d: %s", call, (int)code,
             why && *why ? why : "no more is known");
    return -1;
}
#define ACL(call)                                                                                  \
    do {                                                                                           \
        aclError code_ = (call);                                                                   \
        if (code_ != ACL_SUCCESS) return fail(command, #call, code_);                              \
    } while (0)

const char *session_text(aclDataType t, const aclmdlIODims *d, char buf[static 256]) {
    const char *name = npy_type_name(t);
    size_t at = (size_t)snprintf(buf, 256, "%s[", name ? name : "?");
    for (size_t i = 0; i < d->dimCount && at < 220; i++)
        at += (size_t)snprintf(buf + at, 256 - at, "%s%lld", i ? "," : "", (long long)d->dims[i]);
    snprintf(buf + at, 256 - at, "]");
    return buf;
}

static int add(const char *command, aclmdlDataset *set, size_t bytes, void **data) {
    *data = NULL;
    if (bytes) ACL(aclrtMalloc(data, bytes, ACL_MEM_MALLOC_HUGE_FIRST));
    aclDataBuffer *b = aclCreateDataBuffer(*data, bytes);
    if (!b) return fail(command, "aclCreateDataBuffer", ACL_ERROR_BAD_ALLOC);
    aclError code = aclmdlAddDatasetBuffer(set, b);
    if (code == ACL_SUCCESS) return 0;
    aclDestroyDataBuffer(b);
    return fail(command, "aclmdlAddDatasetBuffer", code);
}

int session_open(const char *command, const char *model, const char *shape, struct session *s) {
    memset(s, 0, sizeof *s);
    struct converted converted;
    if (!converted_is_onnx(model)) shape = NULL;
    if (converted_open(command, model, shape, &converted)) return -1;
    aclError code = aclmdlLoadFromFile(converted.path, &s->model);
    converted_close(&converted);
    if (code != ACL_SUCCESS) {
        const char *why = aclGetRecentErrMsg();
        app_fail(command, "%s cannot be loaded (error %d): %s", model, (int)code, why ? why : "");
        return -1;
    }
    s->loaded = 1;
    s->desc = aclmdlCreateDesc();
    s->inputs = aclmdlCreateDataset();
    s->outputs = aclmdlCreateDataset();
    if (!s->desc || !s->inputs || !s->outputs)
        return fail(command, "aclmdlCreateDesc", ACL_ERROR_BAD_ALLOC);
    ACL(aclmdlGetDesc(s->desc, s->model));
    size_t ni = aclmdlGetNumInputs(s->desc), no = aclmdlGetNumOutputs(s->desc);
    if (ni > SESSION_MAX || no > SESSION_MAX) {
        app_fail(command, "%s has %zu inputs and %zu outputs; at most %d of each are supported",
                 model, ni, no, SESSION_MAX);
        return -1;
    }
    for (size_t i = 0; i < ni; i++, s->n_inputs++) {
        ACL(aclmdlGetInputDimsV2(s->desc, i, &s->in_dims[i])); /* as it lies in memory */
        s->in_bytes[i] = aclmdlGetInputSizeByIndex(s->desc, i);
        if (add(command, s->inputs, s->in_bytes[i], &s->in[i])) return -1;
    }
    for (size_t i = 0; i < no; i++, s->n_outputs++) {
        s->out_bytes[i] = aclmdlGetOutputSizeByIndex(s->desc, i); /* 0: the run will tell */
        if (add(command, s->outputs, s->out_bytes[i], &s->out[i])) return -1;
    }
    return 0;
}

/* ---- gears ---- */

/* The gear whose sizes have the largest product. */
static int largest_gear(const struct pk_gear_table *t) {
    double most = 0;
    int best = 0;
    for (int i = 0; i < t->n; i++) {
        double product = 1;
        for (int k = 0; k < t->n_values; k++) product *= (double)t->values[i][k];
        if (product <= most) continue;
        most = product;
        best = i;
    }
    return best;
}

/* Pictures for preprocessing in the model: with static AIPP the model tells how they lie in memory
 * at each gear, with dynamic AIPP there is room for any. */
static size_t picture_bytes(struct session *s, int i, int gear, size_t product) {
    aclmdlInputAippType type;
    size_t attached;
    if (aclmdlGetAippType(s->model, (size_t)i, &type, &attached) != ACL_SUCCESS) return product;
    if (type == ACL_DATA_WITH_DYNAMIC_AIPP)
        return product < s->in_bytes[i] ? product : s->in_bytes[i];
    aclAippInfo *info = type == ACL_DATA_WITH_STATIC_AIPP ? malloc(sizeof *info) : NULL;
    if (info && aclmdlGetFirstAippInfo(s->model, (size_t)i, info) == ACL_SUCCESS) {
        const aclAippDims *d = &info->outDims[(size_t)gear < info->shapeCount ? gear : 0];
        s->in_dims[i] = d->srcDims;
        product = d->srcSize;
    }
    free(info);
    return product;
}

static int set_gear(struct session *s, const struct pk_gear_table *t, int gear) {
    aclmdlIODims all = {0};
    int at = 0;
    s->n_inputs = (int)t->input;
    for (int i = 0; i < s->n_inputs; i++) {
        aclmdlIODims *d = &s->in_dims[i];
        size_t bytes = aclDataTypeSize(aclmdlGetInputDataType(s->desc, (size_t)i));
        pk_gear_fill(t, gear, d, &at);
        for (size_t k = 0; k < d->dimCount; k++) {
            if (all.dimCount < ACL_MAX_DIM_CNT) all.dims[all.dimCount++] = d->dims[k];
            bytes *= (size_t)d->dims[k];
        }
        s->in_bytes[i] = picture_bytes(s, i, gear, bytes);
    }
    return pk_gear_set(t, gear, &all, s->model, s->inputs);
}

int session_choose(const char *command, struct session *s, const char *model, const char *gear) {
    struct pk_gear_table t;
    if (pk_gear_table_read(s->desc, model, &t)) {
        app_fail(command, "%s", pk_error());
        return -1;
    }
    if (!t.n) {
        if (!gear) return 0;
        app_fail(command, "--gear %s is given, but %s has no gears", gear, model);
        return -1;
    }
    const int i = gear ? pk_gear_find(&t, gear, model) : largest_gear(&t);
    const int failed = i < 0 || set_gear(s, &t, i);
    pk_gear_table_free(&t);
    if (failed) app_fail(command, "%s", pk_error());
    return failed ? -1 : 0;
}

/* ---- open shapes ---- */

static int is_open(const aclmdlIODims *d) {
    for (size_t k = 0; k < d->dimCount; k++)
        if (d->dims[k] < 0) return 1;
    return 0;
}

int session_agrees(const aclmdlIODims *model, const aclmdlIODims *given) {
    if (model->dimCount == 1 && model->dims[0] == -2) return 1;
    int same = model->dimCount == given->dimCount;
    for (size_t k = 0; same && k < given->dimCount; k++)
        same = model->dims[k] < 0 || model->dims[k] == given->dims[k];
    return same;
}

int session_shape_input(const char *command, struct session *s, int i, const aclmdlIODims *dims) {
    aclmdlIODims *own = &s->in_dims[i];
    aclDataType type = aclmdlGetInputDataType(s->desc, (size_t)i);
    char given[256], wanted[256];
    if (!session_agrees(own, dims)) {
        app_fail(command, "%s is given for input %d ('%s'), which is %s",
                 session_text(type, dims, given), i, aclmdlGetInputNameByIndex(s->desc, (size_t)i),
                 session_text(type, own, wanted));
        return -1;
    }
    if (!is_open(own)) return 0;
    size_t bytes = aclDataTypeSize(type);
    for (size_t k = 0; k < dims->dimCount; k++)
        if (__builtin_mul_overflow(bytes, (size_t)dims->dims[k], &bytes))
            return app_fail(command, "%s is larger than memory",
                            session_text(type, dims, given)), -1;
    if (bytes) ACL(aclrtMalloc(&s->in[i], bytes, ACL_MEM_MALLOC_HUGE_FIRST));
    s->in_bytes[i] = bytes;
    ACL(aclUpdateDataBuffer(aclmdlGetDatasetBuffer(s->inputs, (size_t)i), s->in[i], bytes));
    s->in_descs[i] = aclCreateTensorDesc(type, (int)dims->dimCount, dims->dims,
                                         aclmdlGetInputFormat(s->desc, (size_t)i));
    if (!s->in_descs[i]) return fail(command, "aclCreateTensorDesc", ACL_ERROR_BAD_ALLOC);
    ACL(aclmdlSetDatasetTensorDesc(s->inputs, s->in_descs[i], (size_t)i));
    own->dimCount = dims->dimCount;
    memcpy(own->dims, dims->dims, dims->dimCount * sizeof *dims->dims);
    return 0;
}

/* "1,3,9,9", up to `end`. */
static int read_sizes(const char *text, const char *end, aclmdlIODims *dims) {
    *dims = (aclmdlIODims){0};
    while (text < end) {
        char *after;
        long long n = strtoll(text, &after, 10);
        if (after == text || after > end || n < 0 || dims->dimCount == 8) return -1;
        dims->dims[dims->dimCount++] = n;
        if (after < end && (*after != ',' || after + 1 == end)) return -1;
        text = after + 1;
    }
    return 0;
}

/* The input of that name; -1 if there is none. */
static int find_input(const struct session *s, const char *name, size_t n) {
    for (int i = 0; i < s->n_inputs; i++) {
        const char *own = aclmdlGetInputNameByIndex(s->desc, (size_t)i);
        if (own && strlen(own) == n && !memcmp(own, name, n)) return i;
    }
    return -1;
}

int session_shape(const char *command, struct session *s, const char *text) {
    for (const char *at = text; *at;) {
        const char *end = at + strcspn(at, ";"), *sizes = at;
        for (const char *c = at; c < end; c++)
            if (*c == ':') sizes = c + 1; /* names may have colons, sizes have none */
        int i = sizes > at ? find_input(s, at, (size_t)(sizes - at) - 1)
                           : s->n_inputs == 1 ? 0 : -1;
        aclmdlIODims dims;
        if (i < 0) {
            app_fail(command, "--shape: '%.*s' names no input of the model; write "
                              "NAME:1,3,224,224 (prusik info lists the names)",
                     (int)(end - at), at);
            return -1;
        }
        if (read_sizes(sizes, end, &dims)) {
            app_fail(command, "--shape: '%.*s' is no list of at most 8 sizes like 1,3,224,224",
                     (int)(end - sizes), sizes);
            return -1;
        }
        if (session_shape_input(command, s, i, &dims)) return -1;
        at = *end ? end + 1 : end;
    }
    return 0;
}

int session_need_shapes(const char *command, const struct session *s) {
    char text[256];
    for (int i = 0; i < s->n_inputs; i++) {
        if (!is_open(&s->in_dims[i])) continue;
        const char *name = aclmdlGetInputNameByIndex(s->desc, (size_t)i);
        app_fail(command, "input %d ('%s') is %s; give its sizes: --shape \"%s:...\"", i, name,
                 session_text(aclmdlGetInputDataType(s->desc, (size_t)i), &s->in_dims[i], text),
                 name);
        return -1;
    }
    return 0;
}

/* splitmix64 */
static uint64_t next(uint64_t *state) {
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* Parameters of dynamic AIPP that take pictures of the network's own size as they are. */
static bool fill_parameters(struct session *s, int i) {
    aclmdlInputAippType type;
    size_t pictures;
    aclmdlIODims d;
    if (aclmdlGetAippType(s->model, (size_t)i, &type, &pictures) != ACL_SUCCESS ||
        type != ACL_DYNAMIC_AIPP_NODE || aclmdlGetInputDims(s->desc, pictures, &d) != ACL_SUCCESS)
        return false;
    for (size_t k = 0; k < d.dimCount; k++) /* with gears, what set_gear() has put in their place */
        if (d.dims[k] < 0 && d.dimCount == s->in_dims[pictures].dimCount)
            d.dims[k] = s->in_dims[pictures].dims[k];
    const int64_t n = s->in_dims[pictures].dims[0], area = d.dims[2] * d.dims[3];
    aclAippInputFormat format = ACL_RGB888_U8;
    if (d.dims[1] == 1) format = ACL_YUV400_U8;
    else if (d.dims[1] == 4) format = ACL_XRGB8888_U8;
    else if ((size_t)(n * area * 3) > s->in_bytes[pictures]) format = ACL_YUV420SP_U8;
    aclmdlAIPP *aipp = aclmdlCreateAIPP((uint64_t)n);
    bool ok = aipp && aclmdlSetAIPPInputFormat(aipp, format) == ACL_SUCCESS &&
              aclmdlSetAIPPSrcImageSize(aipp, (int32_t)d.dims[3], (int32_t)d.dims[2]) ==
                  ACL_SUCCESS &&
              aclmdlSetInputAIPP(s->model, s->inputs, (size_t)i, aipp) == ACL_SUCCESS;
    if (aipp) aclmdlDestroyAIPP(aipp);
    return ok;
}

void session_fill(struct session *s, int i, uint64_t seed) {
    if (fill_parameters(s, i)) return;
    uint64_t state = seed * 64 + (uint64_t)i + 1;
    aclDataType t = aclmdlGetInputDataType(s->desc, (size_t)i);
    size_t size = aclDataTypeSize(t), n = size ? s->in_bytes[i] / size : 0;
    for (size_t k = 0; k < n; k++) {
        uint64_t r = next(&state);
        float f = (float)(r >> 40) * 5.9604644775390625e-8f;
        if (t == ACL_FLOAT) {
            ((float *)s->in[i])[k] = f;
        } else if (t == ACL_FLOAT16) {
            ((aclFloat16 *)s->in[i])[k] = aclFloatToFloat16(f);
        } else if (t == ACL_DOUBLE) {
            ((double *)s->in[i])[k] = f;
        } else {
            memset((char *)s->in[i] + k * size, 0, size);
            ((unsigned char *)s->in[i])[k * size] = r & 1;
        }
    }
}

int session_execute(const char *command, struct session *s) {
    ACL(aclmdlExecute(s->model, s->inputs, s->outputs));
    for (int i = 0; i < s->n_outputs; i++) {
        if (s->out[i]) continue;
        aclDataBuffer *b = aclmdlGetDatasetBuffer(s->outputs, (size_t)i);
        s->out[i] = aclGetDataBufferAddr(b);
        s->out_bytes[i] = aclGetDataBufferSizeV2(b);
    }
    return 0;
}

void session_output_dims(const struct session *s, int i, aclmdlIODims *dims) {
    aclTensorDesc *d = aclmdlGetDatasetTensorDesc(s->outputs, (size_t)i);
    size_t n = d ? aclGetTensorDescNumDims(d) : 0;
    *dims = (aclmdlIODims){.dimCount = n};
    int known = d != NULL && n <= 128;
    for (size_t k = 0; known && k < n; k++)
        known = aclGetTensorDescDimV2(d, k, &dims->dims[k]) == ACL_SUCCESS;
    if (!known && aclmdlGetCurOutputDims(s->desc, (size_t)i, dims) != ACL_SUCCESS)
        aclmdlGetOutputDims(s->desc, (size_t)i, dims);
}

static void close_set(aclmdlDataset *set) {
    if (!set) return;
    for (size_t i = 0; i < aclmdlGetDatasetNumBuffers(set); i++)
        aclDestroyDataBuffer(aclmdlGetDatasetBuffer(set, i));
    aclmdlDestroyDataset(set);
}

void session_close(struct session *s) {
    close_set(s->inputs);
    close_set(s->outputs);
    for (int i = 0; i < SESSION_MAX; i++) {
        if (s->in[i]) aclrtFree(s->in[i]);
        if (s->out[i]) aclrtFree(s->out[i]);
        aclDestroyTensorDesc(s->in_descs[i]);
    }
    if (s->desc) aclmdlDestroyDesc(s->desc);
    if (s->loaded) aclmdlUnload(s->model);
    memset(s, 0, sizeof *s);
}
