/* SPDX-License-Identifier: Apache-2.0 */
/* Data types, half precision, data buffers. */
#include "acl/internal.h"
#include "acl/model.h"
#include "base/alloc.h"
#include "base/dtype.h"

size_t aclDataTypeSize(aclDataType dataType) {
    switch (dataType) {
    case ACL_INT8:
    case ACL_UINT8:
    case ACL_BOOL: return 1;
    case ACL_FLOAT16:
    case ACL_BF16:
    case ACL_INT16:
    case ACL_UINT16: return 2;
    case ACL_FLOAT:
    case ACL_INT32:
    case ACL_UINT32:
    case ACL_COMPLEX32: return 4;
    case ACL_DOUBLE:
    case ACL_INT64:
    case ACL_UINT64:
    case ACL_COMPLEX64: return 8;
    case ACL_COMPLEX128: return 16;
    case ACL_DT_UNDEFINED:
    case ACL_STRING:
    case ACL_INT4:
    case ACL_UINT1: break;
    }
    return 0;
}

float aclFloat16ToFloat(aclFloat16 value) { return f16_to_f32(value); }
aclFloat16 aclFloatToFloat16(float value) { return f32_to_f16(value); }

/* ---- data buffers ---- */

static void buffer_destroy(void *object) {
    struct data_buffer *b = object;
    pthread_mutex_destroy(&b->lock);
    mem_free(b);
}

aclDataBuffer *aclCreateDataBuffer(void *data, size_t size) {
    struct data_buffer *b = mem_alloc(sizeof *b);
    if (b) {
        *b = (struct data_buffer){.data = data, .bytes = size};
        pthread_mutex_init(&b->lock, NULL);
    }
    return handle_make(HANDLE_DATA_BUFFER, b, buffer_destroy, __func__);
}

aclError aclDestroyDataBuffer(const aclDataBuffer *dataBuffer) {
    return handle_end(dataBuffer, HANDLE_DATA_BUFFER, __func__, "dataBuffer");
}

aclError aclUpdateDataBuffer(aclDataBuffer *dataBuffer, void *data, size_t size) {
    struct data_buffer *b = handle_acquire(dataBuffer, HANDLE_DATA_BUFFER);
    if (!b) return handle_fail(dataBuffer, HANDLE_DATA_BUFFER, __func__, "dataBuffer");
    pthread_mutex_lock(&b->lock);
    b->data = data;
    b->bytes = size;
    pthread_mutex_unlock(&b->lock);
    handle_release(dataBuffer);
    return ACL_SUCCESS;
}

bool buffer_read(const char *call, const aclDataBuffer *handle, void **data, size_t *bytes) {
    struct data_buffer *b = handle_get(handle, HANDLE_DATA_BUFFER, call, "dataBuffer");
    if (!b) return false;
    pthread_mutex_lock(&b->lock);
    *data = b->data;
    *bytes = b->bytes;
    pthread_mutex_unlock(&b->lock);
    handle_release(handle);
    return true;
}

void *aclGetDataBufferAddr(const aclDataBuffer *dataBuffer) {
    void *data;
    size_t bytes;
    return buffer_read(__func__, dataBuffer, &data, &bytes) ? data : NULL;
}

uint32_t aclGetDataBufferSize(const aclDataBuffer *dataBuffer) {
    void *data;
    size_t bytes;
    return buffer_read(__func__, dataBuffer, &data, &bytes) ? (uint32_t)bytes : 0;
}

size_t aclGetDataBufferSizeV2(const aclDataBuffer *dataBuffer) {
    void *data;
    size_t bytes;
    return buffer_read(__func__, dataBuffer, &data, &bytes) ? bytes : 0;
}
