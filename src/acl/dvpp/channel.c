/* SPDX-License-Identifier: Apache-2.0 */
/* Channels: what a description says when the work is queued holds for that work. */
#include <string.h>

#include "acl/dvpp/dvpp.h"

#define ALL_MODES                                                                                  \
    (DVPP_CHNMODE_VPC | DVPP_CHNMODE_JPEGD | DVPP_CHNMODE_JPEGE | DVPP_CHNMODE_PNGD)

acldvppChannelDesc *acldvppCreateChannelDesc(void) {
    struct dvpp_channel *c;
    void *handle = dvpp_make(__func__, HANDLE_DVPP_CHANNEL, sizeof *c, (void **)&c);
    if (handle) atomic_store(&c->mode, ALL_MODES);
    return handle;
}

aclError acldvppDestroyChannelDesc(acldvppChannelDesc *channelDesc) {
    return dvpp_drop(__func__, HANDLE_DVPP_CHANNEL, channelDesc, "channelDesc");
}

static struct dvpp_channel *get(const acldvppChannelDesc *channelDesc, const char *call) {
    return dvpp_get(channelDesc, HANDLE_DVPP_CHANNEL, call, "channelDesc");
}

aclError acldvppCreateChannel(acldvppChannelDesc *channelDesc) {
    const char *call = __func__;
    TRY(dvpp_check(call));
    TRY(_pk_private.context_need(call));
    struct dvpp_channel *c = get(channelDesc, call);
    if (!c) return ACL_ERROR_INVALID_PARAM;
    bool was_open = atomic_exchange(&c->is_open, true);
    _pk_private.handle_release(channelDesc);
    CHECK(!was_open, ACL_ERROR_INVALID_PARAM,
          "channelDesc has a channel already; destroy it first, or make another description");
    return ACL_SUCCESS;
}

aclError acldvppDestroyChannel(acldvppChannelDesc *channelDesc) {
    const char *call = __func__;
    TRY(dvpp_check(call));
    TRY(_pk_private.need_started(call));
    struct dvpp_channel *c = get(channelDesc, call);
    if (!c) return ACL_ERROR_INVALID_PARAM;
    bool was_open = atomic_exchange(&c->is_open, false);
    _pk_private.handle_release(channelDesc);
    CHECK(was_open, ACL_ERROR_INVALID_PARAM,
          "channelDesc has no channel; acldvppCreateChannel makes one");
    return ACL_SUCCESS;
}

uint64_t acldvppGetChannelDescChannelId(const acldvppChannelDesc *channelDesc) {
    if (!get(channelDesc, __func__)) return 0;
    _pk_private.handle_release(channelDesc);
    return (uintptr_t)channelDesc & 0xFFFFFF; /* the slot of the handle */
}

aclError acldvppSetChannelDescMode(acldvppChannelDesc *channelDesc, uint32_t mode) {
    const char *call = __func__;
    struct dvpp_channel *c = get(channelDesc, call);
    if (!c) return ACL_ERROR_INVALID_PARAM;
    bool is_good = mode != 0 && !(mode & ~(uint32_t)ALL_MODES);
    if (is_good) atomic_store(&c->mode, mode);
    _pk_private.handle_release(channelDesc);
    CHECK(is_good, ACL_ERROR_INVALID_PARAM,
          "mode is %u; it is a sum of values of acldvppChannelMode", mode);
    return ACL_SUCCESS;
}

/* ---- parameters ---- */

static const struct {
    const char *name;
    size_t bytes;
    uint32_t end; /* values are below */
} parameters[] = {
    [ACL_DVPP_CSC_MATRIX_UINT32] = {"ACL_DVPP_CSC_MATRIX_UINT32", 4, N_CSC},
    [ACL_DVPP_MODE_UINT32] = {"ACL_DVPP_MODE_UINT32", 4, ALL_MODES + 1},
    [ACL_DVPP_CHANNEL_ID_UINT64] = {"ACL_DVPP_CHANNEL_ID_UINT64", 8, 0},
    [ACL_DVPP_CHANNEL_HEIGHT_UINT32] = {"ACL_DVPP_CHANNEL_HEIGHT_UINT32", 4, 1 << 16},
    [ACL_DVPP_CHANNEL_WIDTH_UINT32] = {"ACL_DVPP_CHANNEL_WIDTH_UINT32", 4, 1 << 16},
    [ACL_DVPP_JPEGD_PRECISION_MODE_ENUM] = {"ACL_DVPP_JPEGD_PRECISION_MODE_ENUM", 4, 3},
};
enum { N_PARAMETERS = sizeof parameters / sizeof *parameters };

static atomic_uint *place_of(struct dvpp_channel *c, acldvppChannelDescParamType type) {
    switch (type) {
    case ACL_DVPP_CSC_MATRIX_UINT32: return &c->csc;
    case ACL_DVPP_MODE_UINT32: return &c->mode;
    case ACL_DVPP_CHANNEL_HEIGHT_UINT32: return &c->height;
    case ACL_DVPP_CHANNEL_WIDTH_UINT32: return &c->width;
    case ACL_DVPP_JPEGD_PRECISION_MODE_ENUM: return &c->precision;
    default: return NULL;
    }
}

static aclError check_parameter(const char *call, acldvppChannelDescParamType type, size_t length,
                                const void *param) {
    CHECK((int)type >= 0 && (int)type < N_PARAMETERS, ACL_ERROR_INVALID_PARAM,
          "paramType is %d; use a value of acldvppChannelDescParamType", (int)type);
    CHECK(length >= parameters[type].bytes, ACL_ERROR_INVALID_PARAM,
          "length is %zu; %s has %zu bytes", length, parameters[type].name,
          parameters[type].bytes);
    CHECK(param, ACL_ERROR_INVALID_PARAM, "param is NULL");
    return ACL_SUCCESS;
}

aclError acldvppSetChannelDescParam(acldvppChannelDesc *channelDesc,
                                    acldvppChannelDescParamType paramType, size_t length,
                                    const void *param) {
    const char *call = __func__;
    struct dvpp_channel *c = get(channelDesc, call);
    if (!c) return ACL_ERROR_INVALID_PARAM;
    _pk_private.handle_release(channelDesc);
    TRY(check_parameter(call, paramType, length, param));
    CHECK(paramType != ACL_DVPP_CHANNEL_ID_UINT64, ACL_ERROR_INVALID_PARAM,
          "the number of a channel is given, not set");
    uint32_t value;
    memcpy(&value, param, sizeof value);
    CHECK(value < parameters[paramType].end, ACL_ERROR_INVALID_PARAM,
          "param is %u; %s is below %u", value, parameters[paramType].name,
          parameters[paramType].end);
    if (paramType == ACL_DVPP_MODE_UINT32) return acldvppSetChannelDescMode(channelDesc, value);
    c = get(channelDesc, call);
    if (!c) return ACL_ERROR_INVALID_PARAM;
    atomic_store(place_of(c, paramType), value);
    _pk_private.handle_release(channelDesc);
    return ACL_SUCCESS;
}

aclError acldvppGetChannelDescParam(const acldvppChannelDesc *channelDesc,
                                    acldvppChannelDescParamType paramType, size_t length,
                                    size_t *paramRetSize, void *param) {
    const char *call = __func__;
    struct dvpp_channel *c = get(channelDesc, call);
    if (!c) return ACL_ERROR_INVALID_PARAM;
    aclError code = check_parameter(call, paramType, length, param);
    if (code == ACL_SUCCESS && !paramRetSize)
        code = _pk_private.fail(ACL_ERROR_INVALID_PARAM, call, "paramRetSize is NULL");
    if (code == ACL_SUCCESS) {
        uint64_t number = (uintptr_t)channelDesc & 0xFFFFFF;
        uint32_t value = 0;
        const atomic_uint *place = place_of(c, paramType);
        if (place) value = atomic_load(place);
        memcpy(param, place ? (const void *)&value : &number, parameters[paramType].bytes);
        *paramRetSize = parameters[paramType].bytes;
    }
    _pk_private.handle_release(channelDesc);
    return code;
}

aclError dvpp_need_channel(const char *call, const acldvppChannelDesc *channelDesc, uint32_t mode,
                           struct channel_now *out) {
    static const char *const names[] = {[DVPP_CHNMODE_VPC] = "VPC",
                                        [DVPP_CHNMODE_JPEGD] = "JPEGD",
                                        [DVPP_CHNMODE_JPEGE] = "JPEGE",
                                        [DVPP_CHNMODE_PNGD] = "PNGD"};
    TRY(dvpp_check(call));
    TRY(_pk_private.context_need(call));
    struct dvpp_channel *c = get(channelDesc, call);
    if (!c) return ACL_ERROR_INVALID_PARAM;
    *out = (struct channel_now){atomic_load(&c->mode), atomic_load(&c->csc),
                                atomic_load(&c->precision)};
    bool is_open = atomic_load(&c->is_open);
    _pk_private.handle_release(channelDesc);
    CHECK(is_open, ACL_ERROR_INVALID_PARAM,
          "channelDesc has no channel; call acldvppCreateChannel first, and acldvppDestroyChannel "
          "only when its work is done");
    CHECK(out->mode & mode, ACL_ERROR_INVALID_PARAM,
          "channelDesc is not for %s; its mode is %u (acldvppSetChannelDescMode)", names[mode],
          out->mode);
    return ACL_SUCCESS;
}
