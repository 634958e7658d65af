/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptions of pictures, of batches of them, and of pieces of a video stream. */
#include "acl/dvpp/dvpp.h"

/* ---- pictures ---- */

acldvppPicDesc *acldvppCreatePicDesc(void) {
    struct dvpp_pic *p;
    return dvpp_make(__func__, HANDLE_DVPP_PIC, sizeof *p, (void **)&p);
}

static struct dvpp_pic *get_pic(const acldvppPicDesc *picDesc, const char *call) {
    return dvpp_get(picDesc, HANDLE_DVPP_PIC, call, "picDesc");
}

aclError acldvppDestroyPicDesc(acldvppPicDesc *picDesc) {
    const char *call = __func__;
    struct dvpp_pic *p = get_pic(picDesc, call);
    if (!p) return ACL_ERROR_INVALID_PARAM;
    bool is_of_batch = p->is_of_batch;
    _pk_private.handle_release(picDesc);
    CHECK(!is_of_batch, ACL_ERROR_INVALID_PARAM,
          "picDesc belongs to a batch and goes with it: acldvppDestroyBatchPicDesc");
    return dvpp_drop(call, HANDLE_DVPP_PIC, picDesc, "picDesc");
}

#define PIC_FIELD(name, type, argument, field, none)                                               \
    aclError acldvppSetPicDesc##name(acldvppPicDesc *picDesc, type argument) {                     \
        struct dvpp_pic *p = get_pic(picDesc, __func__);                                           \
        if (!p) return ACL_ERROR_INVALID_PARAM;                                                    \
        atomic_store(&p->field, argument);                                                         \
        _pk_private.handle_release(picDesc);                                                       \
        return ACL_SUCCESS;                                                                        \
    }                                                                                              \
    type acldvppGetPicDesc##name(const acldvppPicDesc *picDesc) {                                  \
        struct dvpp_pic *p = get_pic(picDesc, __func__);                                           \
        if (!p) return none;                                                                       \
        type value = (type)atomic_load(&p->field);                                                 \
        _pk_private.handle_release(picDesc);                                                       \
        return value;                                                                              \
    }

PIC_FIELD(Data, void *, dataDev, data, NULL)
PIC_FIELD(Size, uint32_t, size, size, 0)
PIC_FIELD(Format, acldvppPixelFormat, format, format, PIXEL_FORMAT_UNKNOWN)
PIC_FIELD(Width, uint32_t, width, width, 0)
PIC_FIELD(Height, uint32_t, height, height, 0)
PIC_FIELD(WidthStride, uint32_t, widthStride, stride, 0)
PIC_FIELD(HeightStride, uint32_t, heightStride, rows, 0)
PIC_FIELD(RetCode, uint32_t, retCode, ret_code, 0)

struct picture pic_copy(const struct dvpp_pic *p) {
    return (struct picture){.data = atomic_load(&p->data),
                            .bytes = atomic_load(&p->size),
                            .format = (int)atomic_load(&p->format),
                            .width = atomic_load(&p->width),
                            .height = atomic_load(&p->height),
                            .stride = atomic_load(&p->stride),
                            .rows = atomic_load(&p->rows)};
}

/* ---- batches ---- */

/* Pictures still in use by a task outlive their batch. */
static void destroy_batch(void *object) {
    struct dvpp_batch *b = object;
    for (uint32_t i = 0; i < b->n; i++) _pk_private.handle_retire(b->pics[i], HANDLE_DVPP_PIC);
    _pk_private.mem_free(b);
}

acldvppBatchPicDesc *acldvppCreateBatchPicDesc(uint32_t batchSize) {
    const char *call = __func__;
    if (dvpp_check(call) != ACL_SUCCESS) return NULL;
    if (batchSize < 1 || batchSize > MAX_BATCH) {
        _pk_private.fail(ACL_ERROR_INVALID_PARAM, call, "batchSize is %u; it is 1 to %d", batchSize,
                         MAX_BATCH);
        return NULL;
    }
    struct dvpp_batch *b = _pk_private.mem_alloc(sizeof *b + batchSize * sizeof *b->pics);
    void *handle = NULL;
    if (b) {
        b->n = 0;
        for (; b->n < batchSize; b->n++) {
            struct dvpp_pic *p;
            b->pics[b->n] = dvpp_make(call, HANDLE_DVPP_PIC, sizeof *p, (void **)&p);
            if (!b->pics[b->n]) break;
            p->is_of_batch = true;
        }
        if (b->n == batchSize)
            handle = _pk_private.handle_create(HANDLE_DVPP_BATCH, b, destroy_batch);
        if (!handle) destroy_batch(b);
    }
    if (!handle)
        _pk_private.fail(ACL_ERROR_BAD_ALLOC, call, "no memory for %u pictures", batchSize);
    return handle;
}

aclError acldvppDestroyBatchPicDesc(acldvppBatchPicDesc *batchPicDesc) {
    return dvpp_drop(__func__, HANDLE_DVPP_BATCH, batchPicDesc, "batchPicDesc");
}

acldvppPicDesc *acldvppGetPicDesc(acldvppBatchPicDesc *batchPicDesc, uint32_t index) {
    struct dvpp_batch *b = dvpp_get(batchPicDesc, HANDLE_DVPP_BATCH, __func__, "batchPicDesc");
    if (!b) return NULL;
    void *pic = index < b->n ? b->pics[index] : NULL;
    uint32_t n = b->n;
    _pk_private.handle_release(batchPicDesc);
    if (!pic)
        _pk_private.fail(ACL_ERROR_INVALID_PARAM, __func__,
                         "index is %u; the batch has %u pictures",
                         index, n);
    return pic;
}

/* ---- pieces of a stream ---- */

acldvppStreamDesc *acldvppCreateStreamDesc(void) {
    struct dvpp_stream *s;
    return dvpp_make(__func__, HANDLE_DVPP_STREAM, sizeof *s, (void **)&s);
}

aclError acldvppDestroyStreamDesc(acldvppStreamDesc *streamDesc) {
    return dvpp_drop(__func__, HANDLE_DVPP_STREAM, streamDesc, "streamDesc");
}

#define STREAM_FIELD(name, type, argument, field, none)                                            \
    aclError acldvppSetStreamDesc##name(acldvppStreamDesc *streamDesc, type argument) {            \
        struct dvpp_stream *s = dvpp_get(streamDesc, HANDLE_DVPP_STREAM, __func__, "streamDesc");  \
        if (!s) return ACL_ERROR_INVALID_PARAM;                                                    \
        atomic_store(&s->field, argument);                                                         \
        _pk_private.handle_release(streamDesc);                                                    \
        return ACL_SUCCESS;                                                                        \
    }                                                                                              \
    type acldvppGetStreamDesc##name(const acldvppStreamDesc *streamDesc) {                         \
        struct dvpp_stream *s = dvpp_get(streamDesc, HANDLE_DVPP_STREAM, __func__, "streamDesc");  \
        if (!s) return none;                                                                       \
        type value = (type)atomic_load(&s->field);                                                 \
        _pk_private.handle_release(streamDesc);                                                    \
        return value;                                                                              \
    }

STREAM_FIELD(Data, void *, dataDev, data, NULL)
STREAM_FIELD(Size, uint32_t, size, size, 0)
STREAM_FIELD(Format, acldvppStreamFormat, format, format, H265_MAIN_LEVEL)
STREAM_FIELD(Eos, uint8_t, eos, eos, 0)
STREAM_FIELD(Timestamp, uint64_t, timestamp, timestamp, 0)
STREAM_FIELD(RetCode, uint32_t, retCode, ret_code, 0)
