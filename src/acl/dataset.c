/* SPDX-License-Identifier: Apache-2.0 */
/* Datasets: rows of data buffers, each with a description of its true shape where one was given. A
 * dataset holds handles, so a buffer destroyed before it is noticed when it is used. */
#include "acl/internal.h"
#include "acl/model.h"
#include "base/alloc.h"

static void dataset_destroy(void *object) {
    struct dataset *d = object;
    for (size_t i = 0; i < d->n; i++)
        if (d->entries[i].desc) handle_retire(d->entries[i].desc, HANDLE_TENSOR_DESC);
    mem_free(d->entries);
    pthread_mutex_destroy(&d->lock);
    mem_free(d);
}

aclmdlDataset *aclmdlCreateDataset(void) {
    struct dataset *d = mem_calloc(1, sizeof *d);
    if (d) pthread_mutex_init(&d->lock, NULL);
    return handle_make(HANDLE_DATASET, d, dataset_destroy, __func__);
}

aclError aclmdlDestroyDataset(const aclmdlDataset *dataset) {
    return handle_end(dataset, HANDLE_DATASET, __func__, "dataset");
}

static struct dataset *get(const char *call, const aclmdlDataset *dataset) {
    struct dataset *d = handle_get(dataset, HANDLE_DATASET, call, "dataset");
    if (d) pthread_mutex_lock(&d->lock);
    return d;
}

static void put(const aclmdlDataset *dataset, struct dataset *d) {
    pthread_mutex_unlock(&d->lock);
    handle_release(dataset);
}

/* With the lock held. */
static bool append(struct dataset *d, void *buffer) {
    if (d->n == d->cap) {
        size_t cap = d->cap ? d->cap * 2 : 4;
        struct dataset_entry *wider = mem_realloc(d->entries, cap * sizeof *wider);
        if (!wider) return false;
        d->entries = wider;
        d->cap = cap;
    }
    d->entries[d->n++] = (struct dataset_entry){.buffer = buffer};
    return true;
}

aclError aclmdlAddDatasetBuffer(aclmdlDataset *dataset, aclDataBuffer *dataBuffer) {
    if (!handle_acquire(dataBuffer, HANDLE_DATA_BUFFER))
        return handle_fail(dataBuffer, HANDLE_DATA_BUFFER, __func__, "dataBuffer");
    handle_release(dataBuffer);
    struct dataset *d = get(__func__, dataset);
    if (!d) return ACL_ERROR_INVALID_PARAM;
    bool ok = append(d, dataBuffer);
    put(dataset, d);
    ACL_CHECK(ok, ACL_ERROR_BAD_ALLOC, "no memory for another buffer of the dataset");
    return ACL_SUCCESS;
}

size_t aclmdlGetDatasetNumBuffers(const aclmdlDataset *dataset) {
    struct dataset *d = get(__func__, dataset);
    if (!d) return 0;
    size_t n = d->n;
    put(dataset, d);
    return n;
}

static void fail_index(const char *call, size_t index, size_t n) {
    acl_fail(ACL_ERROR_INVALID_PARAM, call, "index is %zu; the dataset has %zu buffers", index, n);
}

aclDataBuffer *aclmdlGetDatasetBuffer(const aclmdlDataset *dataset, size_t index) {
    struct dataset *d = get(__func__, dataset);
    if (!d) return NULL;
    size_t n = d->n;
    void *buffer = index < n ? d->entries[index].buffer : NULL;
    put(dataset, d);
    if (!buffer) {
        fail_index(__func__, index, n);
        return NULL;
    }
    if (!handle_acquire(buffer, HANDLE_DATA_BUFFER)) {
        acl_fail(ACL_ERROR_INVALID_PARAM, __func__,
                 "buffer %zu of the dataset was destroyed with aclDestroyDataBuffer", index);
        return NULL;
    }
    handle_release(buffer);
    return buffer;
}

aclError dataset_describe(const char *call, struct dataset *d, size_t index, aclDataType type,
                          aclFormat format, const struct shape *shape) {
    void *desc = tensor_create(call, type, format, shape->rank, shape->dim);
    if (!desc) return ACL_ERROR_BAD_ALLOC;
    void *old = desc;
    pthread_mutex_lock(&d->lock);
    size_t n = d->n;
    if (index < n) {
        old = d->entries[index].desc;
        d->entries[index].desc = desc;
    }
    pthread_mutex_unlock(&d->lock);
    if (old) handle_retire(old, HANDLE_TENSOR_DESC);
    if (index < n) return ACL_SUCCESS;
    fail_index(call, index, n);
    return ACL_ERROR_INVALID_PARAM;
}

aclError aclmdlSetDatasetTensorDesc(aclmdlDataset *dataset, aclTensorDesc *tensorDesc,
                                    size_t index) {
    aclDataType type;
    aclFormat format;
    struct shape shape;
    ACL_TRY(tensor_read(__func__, tensorDesc, &type, &format, &shape));
    struct dataset *d = handle_get(dataset, HANDLE_DATASET, __func__, "dataset");
    if (!d) return ACL_ERROR_INVALID_PARAM;
    aclError code = dataset_describe(__func__, d, index, type, format, &shape);
    handle_release(dataset);
    return code;
}

aclTensorDesc *aclmdlGetDatasetTensorDesc(const aclmdlDataset *dataset, size_t index) {
    struct dataset *d = get(__func__, dataset);
    if (!d) return NULL;
    size_t n = d->n;
    void *desc = index < n ? d->entries[index].desc : NULL;
    put(dataset, d);
    if (index >= n) fail_index(__func__, index, n);
    else if (!desc)
        acl_fail(ACL_ERROR_INVALID_PARAM, __func__,
                 "buffer %zu has no tensor description: its model has fixed shapes "
                 "(aclmdlGetOutputDims), or has not run",
                 index);
    return desc;
}
