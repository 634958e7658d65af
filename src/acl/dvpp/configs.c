/* SPDX-License-Identifier: Apache-2.0 */
/* How a picture is cut, scaled, framed, encoded, looked up and counted. */
#include <string.h>

#include "acl/dvpp/dvpp.h"

/* ---- areas ---- */

static aclError check_area(const char *call, uint32_t left, uint32_t right, uint32_t top,
                           uint32_t bottom) {
    CHECK(left <= right && top <= bottom, ACL_ERROR_INVALID_PARAM,
          "left %u, right %u, top %u, bottom %u is no area; right and bottom are the last pixels "
          "inside",
          left, right, top, bottom);
    return ACL_SUCCESS;
}

acldvppRoiConfig *acldvppCreateRoiConfig(uint32_t left, uint32_t right, uint32_t top,
                                         uint32_t bottom) {
    struct dvpp_roi *r;
    if (dvpp_check(__func__) != ACL_SUCCESS ||
        check_area(__func__, left, right, top, bottom) != ACL_SUCCESS)
        return NULL;
    void *handle = dvpp_make(__func__, HANDLE_DVPP_ROI, sizeof *r, (void **)&r);
    if (!handle) return NULL;
    atomic_store(&r->left, left);
    atomic_store(&r->right, right);
    atomic_store(&r->top, top);
    atomic_store(&r->bottom, bottom);
    return handle;
}

aclError acldvppDestroyRoiConfig(acldvppRoiConfig *roiConfig) {
    return dvpp_drop(__func__, HANDLE_DVPP_ROI, roiConfig, "roiConfig");
}

aclError acldvppSetRoiConfig(acldvppRoiConfig *config, uint32_t left, uint32_t right, uint32_t top,
                             uint32_t bottom) {
    const char *call = __func__;
    struct dvpp_roi *r = dvpp_get(config, HANDLE_DVPP_ROI, call, "config");
    if (!r) return ACL_ERROR_INVALID_PARAM;
    aclError code = check_area(call, left, right, top, bottom);
    if (code == ACL_SUCCESS) {
        atomic_store(&r->left, left);
        atomic_store(&r->right, right);
        atomic_store(&r->top, top);
        atomic_store(&r->bottom, bottom);
    }
    _pk_private.handle_release(config);
    return code;
}

/* One side at a time: whether the sides fit each other is seen when the area is used. */
#define ROI_SIDE(Name, name)                                                                       \
    SETTER(acldvppSetRoiConfig##Name, acldvppRoiConfig, config, HANDLE_DVPP_ROI, struct dvpp_roi,  \
           uint32_t, name, name, true, "%s", "")
ROI_SIDE(Left, left)
ROI_SIDE(Right, right)
ROI_SIDE(Top, top)
ROI_SIDE(Bottom, bottom)

/* ---- scaling and encoding ---- */

struct dvpp_number {
    atomic_uint value;
};

acldvppResizeConfig *acldvppCreateResizeConfig(void) {
    struct dvpp_number *n;
    return dvpp_make(__func__, HANDLE_DVPP_RESIZE, sizeof *n, (void **)&n);
}

aclError acldvppDestroyResizeConfig(acldvppResizeConfig *resizeConfig) {
    return dvpp_drop(__func__, HANDLE_DVPP_RESIZE, resizeConfig, "resizeConfig");
}

SETTER(acldvppSetResizeConfigInterpolation, acldvppResizeConfig, resizeConfig, HANDLE_DVPP_RESIZE,
       struct dvpp_number, uint32_t, interpolation, value, interpolation < N_SCALINGS,
       "interpolation is %u; it is 0 to %d", interpolation, N_SCALINGS - 1)
GETTER(acldvppGetResizeConfigInterpolation, const acldvppResizeConfig, resizeConfig,
       HANDLE_DVPP_RESIZE, struct dvpp_number, uint32_t, value)

acldvppJpegeConfig *acldvppCreateJpegeConfig(void) {
    struct dvpp_number *n;
    return dvpp_make(__func__, HANDLE_DVPP_JPEGE, sizeof *n, (void **)&n);
}

aclError acldvppDestroyJpegeConfig(acldvppJpegeConfig *jpegeConfig) {
    return dvpp_drop(__func__, HANDLE_DVPP_JPEGE, jpegeConfig, "jpegeConfig");
}

SETTER(acldvppSetJpegeConfigLevel, acldvppJpegeConfig, jpegeConfig, HANDLE_DVPP_JPEGE,
       struct dvpp_number, uint32_t, level, value, level <= 100,
       "level is %u; it is 0 to 100, and 0 stands for 100", level)
GETTER(acldvppGetJpegeConfigLevel, const acldvppJpegeConfig, jpegeConfig, HANDLE_DVPP_JPEGE,
       struct dvpp_number, uint32_t, value)

/* ---- borders ---- */

acldvppBorderConfig *acldvppCreateBorderConfig(void) {
    struct dvpp_border *b;
    return dvpp_make(__func__, HANDLE_DVPP_BORDER, sizeof *b, (void **)&b);
}

aclError acldvppDestroyBorderConfig(acldvppBorderConfig *borderConfig) {
    return dvpp_drop(__func__, HANDLE_DVPP_BORDER, borderConfig, "borderConfig");
}

SETTER(acldvppSetBorderConfigBorderType, acldvppBorderConfig, borderConfig, HANDLE_DVPP_BORDER,
       struct dvpp_border, acldvppBorderType, borderType, type,
       (int)borderType >= 0 && borderType <= BORDER_REFLECT_101,
       "borderType is %d; use a value of acldvppBorderType", (int)borderType)
GETTER(acldvppGetBorderConfigBorderType, const acldvppBorderConfig, borderConfig,
       HANDLE_DVPP_BORDER, struct dvpp_border, acldvppBorderType, type)

#define BORDER_SIDE(Name, name)                                                                    \
    SETTER(acldvppSetBorderConfig##Name, acldvppBorderConfig, borderConfig, HANDLE_DVPP_BORDER,    \
           struct dvpp_border, uint32_t, name, name, name <= MEDIA_MAX_SIDE,                       \
           #name " is %u; it is at most %d", name, MEDIA_MAX_SIDE)                                 \
    GETTER(acldvppGetBorderConfig##Name, const acldvppBorderConfig, borderConfig,                  \
           HANDLE_DVPP_BORDER, struct dvpp_border, uint32_t, name)
BORDER_SIDE(Left, left)
BORDER_SIDE(Right, right)
BORDER_SIDE(Top, top)
BORDER_SIDE(Bottom, bottom)

aclError acldvppSetBorderConfigValue(acldvppBorderConfig *borderConfig, uint32_t index,
                                     double value) {
    const char *call = __func__;
    struct dvpp_border *b = dvpp_get(borderConfig, HANDLE_DVPP_BORDER, call, "borderConfig");
    if (!b) return ACL_ERROR_INVALID_PARAM;
    bool is_good = index < 4 && value >= 0 && value <= 255;
    if (is_good) atomic_store(&b->value[index], value);
    _pk_private.handle_release(borderConfig);
    CHECK(is_good, ACL_ERROR_INVALID_PARAM,
          "index is %u, value %g; they are 0 to 3 and 0 to 255", index, value);
    return ACL_SUCCESS;
}

double acldvppGetBorderConfigValue(const acldvppBorderConfig *borderConfig, uint32_t index) {
    struct dvpp_border *b = dvpp_get(borderConfig, HANDLE_DVPP_BORDER, __func__, "borderConfig");
    if (!b) return 0;
    double value = index < 4 ? atomic_load(&b->value[index]) : 0;
    _pk_private.handle_release(borderConfig);
    if (index >= 4)
        _pk_private.fail(ACL_ERROR_INVALID_PARAM, __func__, "index is %u; it is 0 to 3", index);
    return value;
}

/* ---- tables ---- */

acldvppLutMap *acldvppCreateLutMap(void) {
    struct dvpp_lut *l;
    void *handle = dvpp_make(__func__, HANDLE_DVPP_LUT, sizeof *l, (void **)&l);
    /* Every value stands for itself until the program writes something else. */
    for (int i = 0; handle && i < 3 * 256; i++) l->table[i / 256][i % 256] = (uint8_t)i;
    return handle;
}

aclError acldvppDestroyLutMap(acldvppLutMap *lutMap) {
    return dvpp_drop(__func__, HANDLE_DVPP_LUT, lutMap, "lutMap");
}

uint32_t acldvppGetLutMapDims(const acldvppLutMap *lutMap) {
    if (!dvpp_get(lutMap, HANDLE_DVPP_LUT, __func__, "lutMap")) return 0;
    _pk_private.handle_release(lutMap);
    return 3;
}

aclError acldvppGetLutMapData(const acldvppLutMap *lutMap, uint32_t dim, uint8_t **data,
                              uint32_t *len) {
    const char *call = __func__;
    struct dvpp_lut *l = dvpp_get(lutMap, HANDLE_DVPP_LUT, call, "lutMap");
    if (!l) return ACL_ERROR_INVALID_PARAM;
    _pk_private.handle_release(lutMap);
    CHECK(data, ACL_ERROR_INVALID_PARAM, "data is NULL");
    CHECK(len, ACL_ERROR_INVALID_PARAM, "len is NULL");
    CHECK(dim < 3, ACL_ERROR_INVALID_PARAM, "dim is %u; a table has 3", dim);
    *data = l->table[dim];
    *len = 256;
    return ACL_SUCCESS;
}

/* ---- histograms ---- */

acldvppHist *acldvppCreateHist(void) {
    struct dvpp_hist *h;
    void *handle = dvpp_make(__func__, HANDLE_DVPP_HIST, sizeof *h, (void **)&h);
    if (handle) atomic_store(&h->n_channels, 3);
    return handle;
}

aclError acldvppDestroyHist(acldvppHist *hist) {
    return dvpp_drop(__func__, HANDLE_DVPP_HIST, hist, "hist");
}

GETTER(acldvppGetHistDims, acldvppHist, hist, HANDLE_DVPP_HIST, struct dvpp_hist, uint32_t,
       n_channels)
GETTER(acldvppGetHistRetCode, acldvppHist, hist, HANDLE_DVPP_HIST, struct dvpp_hist, uint32_t,
       ret_code)

aclError acldvppGetHistData(acldvppHist *hist, uint32_t dim, uint32_t **data, uint16_t *len) {
    const char *call = __func__;
    struct dvpp_hist *h = dvpp_get(hist, HANDLE_DVPP_HIST, call, "hist");
    if (!h) return ACL_ERROR_INVALID_PARAM;
    uint32_t n = atomic_load(&h->n_channels);
    _pk_private.handle_release(hist);
    CHECK(data, ACL_ERROR_INVALID_PARAM, "data is NULL");
    CHECK(len, ACL_ERROR_INVALID_PARAM, "len is NULL");
    CHECK(dim < n, ACL_ERROR_INVALID_PARAM, "dim is %u; the histogram has %u", dim, n);
    *data = h->counts[dim];
    *len = 256;
    return ACL_SUCCESS;
}

aclError acldvppClearHist(acldvppHist *hist) {
    struct dvpp_hist *h = dvpp_get(hist, HANDLE_DVPP_HIST, __func__, "hist");
    if (!h) return ACL_ERROR_INVALID_PARAM;
    memset(h->counts, 0, sizeof h->counts);
    atomic_store(&h->ret_code, 0);
    _pk_private.handle_release(hist);
    return ACL_SUCCESS;
}
