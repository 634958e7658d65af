/* SPDX-License-Identifier: Apache-2.0 */
/* Tensor descriptions: type, format and shape, and what else a program wants kept with them. */
#include <string.h>

#include "acl/internal.h"
#include "acl/model.h"
#include "base/alloc.h"

/* ---- pieces ---- */

static bool dims_set(struct dims *d, int n, const int64_t *value) {
    int64_t *copy = NULL;
    if (n > 0) {
        copy = mem_alloc((size_t)n * sizeof *copy);
        if (!copy) return false;
        memcpy(copy, value, (size_t)n * sizeof *copy);
    }
    mem_free(d->value);
    *d = (struct dims){n, copy};
    return true;
}

static aclError check_dims(const char *call, int n, const int64_t *dims) {
    if (n < 0 || n > ACL_MAX_DIM_CNT)
        return acl_fail(ACL_ERROR_INVALID_PARAM, call, "numDims is %d; it is 0 to %d", n,
                        ACL_MAX_DIM_CNT);
    if (n > 0 && !dims)
        return acl_fail(ACL_ERROR_INVALID_PARAM, call, "dims is NULL but numDims is %d", n);
    for (int i = 0; i < n; i++)
        if (dims[i] < -2)
            return acl_fail(ACL_ERROR_INVALID_PARAM, call,
                            "dimension %d is %lld; it is 0 or more, or -1 when not known", i,
                            (long long)dims[i]);
    return ACL_SUCCESS;
}

/* Replaces a pair list of n ranges; NULL clears. */
static bool ranges_set(int64_t (**to)[2], size_t n, const int64_t (*from)[2]) {
    int64_t(*copy)[2] = NULL;
    if (n > 0) {
        size_t bytes;
        if (!size_mul(n, sizeof *copy, &bytes)) return false;
        copy = mem_alloc(bytes);
        if (!copy) return false;
        memcpy(copy, from, bytes);
    }
    mem_free(*to);
    *to = copy;
    return true;
}

static bool text_set(char **to, const char *text) {
    char *copy = mem_strdup(text);
    if (!copy) return false;
    mem_free(*to);
    *to = copy;
    return true;
}

/* Elements of the shape; false when a dimension is not known, or there are too many. */
static bool elements(const struct tensor_desc *t, size_t *out) {
    int64_t n = 1;
    for (int i = 0; i < t->dims.n; i++)
        if (!i64_mul(n, t->dims.value[i], &n)) return false;
    *out = (size_t)n;
    return true;
}

/* ---- life ---- */

static void tensor_destroy(void *object) {
    struct tensor_desc *t = object;
    for (size_t i = 1; i < t->n_row; i++) handle_retire(t->row[i], HANDLE_TENSOR_DESC);
    mem_free(t->row);
    mem_free(t->dims.value);
    mem_free(t->origin.value);
    mem_free(t->storage.value);
    mem_free(t->ranges);
    mem_free(t->values);
    mem_free(t->name);
    mem_free(t->dynamic_input);
    mem_free(t->constant);
    pthread_mutex_destroy(&t->lock);
    mem_free(t);
}

aclTensorDesc *tensor_create(const char *call, aclDataType type, aclFormat format, int n,
                             const int64_t *dims) {
    if (check_dims(call, n, dims) != ACL_SUCCESS) return NULL;
    struct tensor_desc *t = mem_calloc(1, sizeof *t);
    if (t) {
        pthread_mutex_init(&t->lock, NULL);
        t->type = type;
        t->format = t->origin_format = format;
        t->storage_format = ACL_FORMAT_UNDEFINED;
        void *handle = NULL;
        if (dims_set(&t->dims, n, dims))
            handle = handle_create(HANDLE_TENSOR_DESC, t, tensor_destroy);
        if (handle) return handle;
        tensor_destroy(t);
    }
    acl_fail(ACL_ERROR_BAD_ALLOC, call, "no memory for a tensor description");
    return NULL;
}

aclTensorDesc *aclCreateTensorDesc(aclDataType dataType, int numDims, const int64_t *dims,
                                   aclFormat format) {
    return tensor_create(__func__, dataType, format, numDims, dims);
}

void aclDestroyTensorDesc(const aclTensorDesc *desc) {
    if (desc) handle_end(desc, HANDLE_TENSOR_DESC, __func__, "desc");
}

static struct tensor_desc *get(const char *call, const aclTensorDesc *desc) {
    struct tensor_desc *t = handle_get(desc, HANDLE_TENSOR_DESC, call, "desc");
    if (t) pthread_mutex_lock(&t->lock);
    return t;
}

static void put(const aclTensorDesc *desc, struct tensor_desc *t) {
    pthread_mutex_unlock(&t->lock);
    handle_release(desc);
}

aclError tensor_make_row(const char *call, void **handles, size_t n) {
    void **row = mem_alloc(n * sizeof *row);
    if (!row) return acl_fail(ACL_ERROR_BAD_ALLOC, call, "no memory for tensor descriptions");
    memcpy(row, handles, n * sizeof *row);
    struct tensor_desc *t = get(call, handles[0]);
    if (!t) {
        mem_free(row);
        return ACL_ERROR_INVALID_PARAM;
    }
    t->row = row;
    t->n_row = n;
    put(handles[0], t);
    return ACL_SUCCESS;
}

aclError tensor_read(const char *call, const aclTensorDesc *desc, aclDataType *type,
                     aclFormat *format, struct shape *shape) {
    struct tensor_desc *t = handle_get(desc, HANDLE_TENSOR_DESC, call, "tensorDesc");
    if (!t) return ACL_ERROR_INVALID_PARAM;
    pthread_mutex_lock(&t->lock);
    int n = t->dims.n;
    *type = t->type;
    *format = t->format;
    if (n <= SHAPE_MAX_RANK) *shape = shape_from(n, t->dims.value);
    put(desc, t);
    if (n <= SHAPE_MAX_RANK) return ACL_SUCCESS;
    return acl_fail(ACL_ERROR_INVALID_PARAM, call,
                    "a shape of %d dimensions; models have at most %d", n, SHAPE_MAX_RANK);
}

aclError tensor_tell(const char *call, const aclTensorDesc *desc, aclDataType type,
                     const struct shape *shape) {
    struct tensor_desc *t = get(call, desc);
    if (!t) return ACL_ERROR_INVALID_PARAM;
    int64_t any = -2; /* as a shape of unknown rank is written */
    bool done = shape->rank < 0 ? dims_set(&t->dims, 1, &any)
                                : dims_set(&t->dims, shape->rank, shape->dim);
    if (done) ranges_set(&t->ranges, 0, NULL); /* they were of the shape before */
    if (done && t->type == ACL_DT_UNDEFINED) t->type = type;
    put(desc, t);
    return done ? ACL_SUCCESS : acl_fail(ACL_ERROR_BAD_ALLOC, call, "no memory for a shape");
}

/* ---- asking ---- */

aclDataType aclGetTensorDescType(const aclTensorDesc *desc) {
    struct tensor_desc *t = get(__func__, desc);
    if (!t) return ACL_DT_UNDEFINED;
    aclDataType type = t->type;
    put(desc, t);
    return type;
}

aclFormat aclGetTensorDescFormat(const aclTensorDesc *desc) {
    struct tensor_desc *t = get(__func__, desc);
    if (!t) return ACL_FORMAT_UNDEFINED;
    aclFormat format = t->format;
    put(desc, t);
    return format;
}

size_t aclGetTensorDescElementCount(const aclTensorDesc *desc) {
    struct tensor_desc *t = get(__func__, desc);
    size_t n = 0;
    if (!t) return 0;
    if (!elements(t, &n)) n = 0;
    put(desc, t);
    return n;
}

size_t aclGetTensorDescSize(const aclTensorDesc *desc) {
    struct tensor_desc *t = get(__func__, desc);
    size_t n = 0, bytes = 0;
    if (!t) return 0;
    if (!elements(t, &n) || !size_mul(n, aclDataTypeSize(t->type), &bytes)) bytes = 0;
    put(desc, t);
    return bytes;
}

size_t aclGetTensorDescNumDims(const aclTensorDesc *desc) {
    struct tensor_desc *t = get(__func__, desc);
    if (!t) return 0;
    bool unknown = t->dims.n == 1 && t->dims.value[0] == -2;
    size_t n = unknown ? (size_t)ACL_UNKNOWN_RANK : (size_t)t->dims.n;
    put(desc, t);
    return n;
}

static aclError read_dim(const char *call, const aclTensorDesc *desc, size_t index, int64_t *dim,
                         int64_t range[2]) {
    struct tensor_desc *t = get(call, desc);
    if (!t) return ACL_ERROR_INVALID_PARAM;
    int n = t->dims.n;
    bool found = index < (size_t)n;
    if (found) {
        *dim = t->dims.value[index];
        range[0] = range[1] = *dim;
        if (*dim < 0 && t->ranges) memcpy(range, t->ranges[index], sizeof t->ranges[index]);
    }
    put(desc, t);
    if (found) return ACL_SUCCESS;
    return acl_fail(ACL_ERROR_INVALID_PARAM, call, "index is %zu; the shape has %d dimensions",
                    index, n);
}

int64_t aclGetTensorDescDim(const aclTensorDesc *desc, size_t index) {
    int64_t dim = -1, range[2];
    read_dim(__func__, desc, index, &dim, range);
    return dim;
}

aclError aclGetTensorDescDimV2(const aclTensorDesc *desc, size_t index, int64_t *dimSize) {
    ACL_NEED(dimSize);
    int64_t range[2];
    return read_dim(__func__, desc, index, dimSize, range);
}

aclError aclGetTensorDescDimRange(const aclTensorDesc *desc, size_t index, size_t dimRangeNum,
                                  int64_t *dimRange) {
    ACL_NEED(dimRange);
    ACL_CHECK(dimRangeNum == ACL_TENSOR_SHAPE_RANGE_NUM, ACL_ERROR_INVALID_PARAM,
              "dimRangeNum is %zu; a range has %d values", dimRangeNum, ACL_TENSOR_SHAPE_RANGE_NUM);
    int64_t dim, range[2] = {0, 0};
    ACL_TRY(read_dim(__func__, desc, index, &dim, range));
    memcpy(dimRange, range, sizeof range);
    return ACL_SUCCESS;
}

aclTensorDesc *aclGetTensorDescByIndex(aclTensorDesc *desc, size_t index) {
    struct tensor_desc *t = get(__func__, desc);
    if (!t) return NULL;
    size_t n = t->row ? t->n_row : 1;
    aclTensorDesc *found = index == 0 ? desc : index < n ? t->row[index] : NULL;
    put(desc, t);
    if (!found)
        acl_fail(ACL_ERROR_INVALID_PARAM, __func__, "index is %zu; there are %zu descriptions",
                 index, n);
    return found;
}

void *aclGetTensorDescAddress(const aclTensorDesc *desc) {
    struct tensor_desc *t = get(__func__, desc);
    if (!t) return NULL;
    void *address = t->constant;
    put(desc, t);
    return address;
}

const char *aclGetTensorDescName(aclTensorDesc *desc) {
    struct tensor_desc *t = get(__func__, desc);
    if (!t) return "";
    const char *name = t->name ? t->name : "";
    put(desc, t);
    return name;
}

/* ---- other formats ---- */

/* The axes of the formats whose shapes are one another's in another order, or with the channels
 * parted: c is C in blocks of C0, b the block. */
static const struct {
    aclFormat format;
    const char *axes;
} layouts[] = {
    {ACL_FORMAT_NCHW, "NCHW"},       {ACL_FORMAT_NHWC, "NHWC"},
    {ACL_FORMAT_HWCN, "HWCN"},       {ACL_FORMAT_NC1HWC0, "NcHWb"},
    {ACL_FORMAT_NCDHW, "NCDHW"},     {ACL_FORMAT_NDHWC, "NDHWC"},
    {ACL_FORMAT_NDC1HWC0, "NDcHWb"},
};

static const char *axes_of(aclFormat format) {
    for (size_t i = 0; i < sizeof layouts / sizeof layouts[0]; i++)
        if (layouts[i].format == format) return layouts[i].axes;
    return NULL;
}

/* The dimensions of `from` in the order of `to`; false when an axis is missing. Channels come in
 * blocks of 32 bytes: 16 half floats, 32 bytes, and 16 of all wider types. */
static bool reorder(const struct tensor_desc *t, const char *from, const char *to, int64_t *dims) {
    int64_t block = aclDataTypeSize(t->type) == 1 ? 32 : 16;
    for (int i = 0; to[i]; i++) {
        bool parted = to[i] == 'c';
        const char *at = strchr(from, parted ? 'C' : to[i]);
        if (to[i] == 'b') {
            dims[i] = block;
        } else if (!at) {
            return false;
        } else {
            int64_t dim = t->dims.value[at - from];
            dims[i] = parted && dim > 0 ? (dim - 1) / block + 1 : dim;
        }
    }
    return true;
}

aclError aclTransTensorDescFormat(const aclTensorDesc *srcDesc, aclFormat dstFormat,
                                  aclTensorDesc **dstDesc) {
    ACL_NEED(dstDesc);
    struct tensor_desc *t = handle_get(srcDesc, HANDLE_TENSOR_DESC, __func__, "srcDesc");
    if (!t) return ACL_ERROR_INVALID_PARAM;
    int64_t dims[ACL_MAX_DIM_CNT];
    pthread_mutex_lock(&t->lock);
    aclDataType type = t->type;
    aclFormat format = t->format;
    const char *from = axes_of(format), *to = axes_of(dstFormat);
    int n = t->dims.n;
    bool known = format == dstFormat, fits = known || (from && (int)strlen(from) == n);
    if (known && n) memcpy(dims, t->dims.value, (size_t)n * sizeof *dims);
    if (!known && fits && to) {
        known = reorder(t, from, to, dims);
        n = (int)strlen(to);
    }
    put(srcDesc, t);
    ACL_CHECK(!from || fits, ACL_ERROR_INVALID_PARAM,
              "srcDesc has %d dimensions; its format %d has %zu", n, (int)format, strlen(from));
    ACL_CHECK(known, ACL_ERROR_FORMAT_NOT_MATCH,
              "a shape of format %d has no counterpart of format %d; formats that only order axes "
              "or part channels have, from NCHW, NHWC, HWCN, NCDHW and NDHWC",
              (int)format, (int)dstFormat);
    aclTensorDesc *made = tensor_create(__func__, type, dstFormat, n, dims);
    if (!made) return ACL_ERROR_BAD_ALLOC;
    *dstDesc = made;
    return ACL_SUCCESS;
}

/* ---- changing ---- */

void aclSetTensorDescName(aclTensorDesc *desc, const char *name) {
    struct tensor_desc *t = get(__func__, desc);
    if (!t) return;
    bool ok = text_set(&t->name, name ? name : "");
    put(desc, t);
    if (!ok) acl_fail(ACL_ERROR_BAD_ALLOC, __func__, "no memory for a name");
}

static aclError set_storage_format(const char *call, aclTensorDesc *desc, aclFormat format) {
    struct tensor_desc *t = get(call, desc);
    if (!t) return ACL_ERROR_INVALID_PARAM;
    t->storage_format = format;
    put(desc, t);
    return ACL_SUCCESS;
}

aclError aclSetTensorFormat(aclTensorDesc *desc, aclFormat format) {
    return set_storage_format(__func__, desc, format);
}

aclError aclSetTensorStorageFormat(aclTensorDesc *desc, aclFormat format) {
    return set_storage_format(__func__, desc, format);
}

aclError aclSetTensorOriginFormat(aclTensorDesc *desc, aclFormat format) {
    struct tensor_desc *t = get(__func__, desc);
    if (!t) return ACL_ERROR_INVALID_PARAM;
    t->origin_format = format;
    put(desc, t);
    return ACL_SUCCESS;
}

static aclError finish_change(const char *call, const aclTensorDesc *desc, struct tensor_desc *t,
                              bool ok) {
    put(desc, t);
    return ok ? ACL_SUCCESS
              : acl_fail(ACL_ERROR_BAD_ALLOC, call, "no memory for a tensor description");
}

static aclError set_storage_shape(const char *call, aclTensorDesc *desc, int n,
                                  const int64_t *dims) {
    ACL_TRY(check_dims(call, n, dims));
    struct tensor_desc *t = get(call, desc);
    if (!t) return ACL_ERROR_INVALID_PARAM;
    return finish_change(call, desc, t, dims_set(&t->storage, n, dims));
}

aclError aclSetTensorShape(aclTensorDesc *desc, int numDims, const int64_t *dims) {
    return set_storage_shape(__func__, desc, numDims, dims);
}

aclError aclSetTensorStorageShape(aclTensorDesc *desc, int numDims, const int64_t *dims) {
    return set_storage_shape(__func__, desc, numDims, dims);
}

aclError aclSetTensorOriginShape(aclTensorDesc *desc, int numDims, const int64_t *dims) {
    ACL_TRY(check_dims(__func__, numDims, dims));
    struct tensor_desc *t = get(__func__, desc);
    if (!t) return ACL_ERROR_INVALID_PARAM;
    return finish_change(__func__, desc, t, dims_set(&t->origin, numDims, dims));
}

aclError aclSetTensorShapeRange(aclTensorDesc *desc, size_t dimsCount, int64_t dimsRange[][2]) {
    ACL_NEED(dimsRange);
    struct tensor_desc *t = get(__func__, desc);
    if (!t) return ACL_ERROR_INVALID_PARAM;
    int n = t->dims.n;
    if (dimsCount != (size_t)n) {
        put(desc, t);
        ACL_FAIL(ACL_ERROR_INVALID_PARAM, "dimsCount is %zu; the shape has %d dimensions",
                 dimsCount, n);
    }
    return finish_change(__func__, desc, t,
                         ranges_set(&t->ranges, dimsCount, (const int64_t(*)[2])dimsRange));
}

aclError aclSetTensorValueRange(aclTensorDesc *desc, size_t valueCount, int64_t valueRange[][2]) {
    ACL_NEED(valueRange);
    struct tensor_desc *t = get(__func__, desc);
    if (!t) return ACL_ERROR_INVALID_PARAM;
    bool ok = ranges_set(&t->values, valueCount, (const int64_t(*)[2])valueRange);
    if (ok) t->n_values = valueCount;
    return finish_change(__func__, desc, t, ok);
}

aclError aclSetTensorPlaceMent(aclTensorDesc *desc, aclMemType memType) {
    ACL_CHECK((int)memType >= ACL_MEMTYPE_DEVICE && memType <= ACL_MEMTYPE_HOST_COMPILE_INDEPENDENT,
              ACL_ERROR_INVALID_PARAM, "memType is %d; use a value of aclMemType", (int)memType);
    struct tensor_desc *t = get(__func__, desc);
    if (!t) return ACL_ERROR_INVALID_PARAM;
    t->placement = memType;
    put(desc, t);
    return ACL_SUCCESS;
}

aclError aclSetTensorDynamicInput(aclTensorDesc *desc, const char *dynamicInputName) {
    ACL_NEED(dynamicInputName);
    struct tensor_desc *t = get(__func__, desc);
    if (!t) return ACL_ERROR_INVALID_PARAM;
    return finish_change(__func__, desc, t, text_set(&t->dynamic_input, dynamicInputName));
}

aclError aclSetTensorConst(aclTensorDesc *desc, void *dataBuffer, size_t length) {
    ACL_NEED(dataBuffer);
    ACL_CHECK(length > 0, ACL_ERROR_INVALID_PARAM, "length is 0");
    ACL_TRY(memory_check(__func__, "dataBuffer", dataBuffer, length));
    struct tensor_desc *t = get(__func__, desc);
    if (!t) return ACL_ERROR_INVALID_PARAM;
    void *copy = mem_alloc_aligned(length);
    if (copy) {
        memcpy(copy, dataBuffer, length);
        mem_free(t->constant);
        t->constant = copy;
        t->constant_bytes = length;
    }
    return finish_change(__func__, desc, t, copy != NULL);
}
