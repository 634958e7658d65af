/* SPDX-License-Identifier: Apache-2.0 */
/* The part of acl.mdl on preprocessing inside models (AIPP). Structures become dictionaries with
 * the fields' own names. */
#include "binding.h"

#define INTEGERS(X)                                                                                \
    X(inputFormat) X(srcImageSizeW) X(srcImageSizeH) X(cropSwitch) X(loadStartPosW)                \
    X(loadStartPosH) X(cropSizeW) X(cropSizeH) X(resizeSwitch) X(resizeOutputW) X(resizeOutputH)   \
    X(paddingSwitch) X(leftPaddingSize) X(rightPaddingSize) X(topPaddingSize)                      \
    X(bottomPaddingSize) X(cscSwitch) X(rbuvSwapSwitch) X(axSwapSwitch) X(singleLineMode)          \
    X(matrixR0C0) X(matrixR0C1) X(matrixR0C2) X(matrixR1C0) X(matrixR1C1) X(matrixR1C2)            \
    X(matrixR2C0) X(matrixR2C1) X(matrixR2C2) X(outputBias0) X(outputBias1) X(outputBias2)         \
    X(inputBias0) X(inputBias1) X(inputBias2) X(meanChn0) X(meanChn1) X(meanChn2) X(meanChn3)      \
    X(srcFormat) X(srcDatatype)
#define FLOATS(X)                                                                                  \
    X(minChn0) X(minChn1) X(minChn2) X(minChn3) X(varReciChn0) X(varReciChn1) X(varReciChn2)       \
    X(varReciChn3)

/* Takes the reference; false with an exception set. */
static bool put(PyObject *dict, const char *name, PyObject *value) {
    bool ok = value && PyDict_SetItemString(dict, name, value) == 0;
    Py_XDECREF(value);
    return ok;
}

static PyObject *aipp_dims(const aclAippDims *d) {
    return Py_BuildValue("{s:N,s:n,s:N,s:n}", "srcDims", dims_dict(&d->srcDims), "srcSize",
                         (Py_ssize_t)d->srcSize, "aippOutdims", dims_dict(&d->aippOutdims),
                         "aippOutSize", (Py_ssize_t)d->aippOutSize);
}

static PyObject *aipp_dict(const aclAippInfo *info) {
    PyObject *dict = PyDict_New(), *list = PyList_New(0);
    bool ok = dict && list;
#define PUT_INTEGER(name) ok = ok && put(dict, #name, PyLong_FromLong((long)info->name));
#define PUT_FLOAT(name)   ok = ok && put(dict, #name, PyFloat_FromDouble(info->name));
    INTEGERS(PUT_INTEGER)
    FLOATS(PUT_FLOAT)
    ok = ok && put(dict, "srcDimNum", size_value(info->srcDimNum));
    ok = ok && put(dict, "shapeCount", size_value(info->shapeCount));
    for (size_t i = 0; ok && i < info->shapeCount && i < 128; i++) {
        PyObject *dims = aipp_dims(&info->outDims[i]);
        ok = dims && PyList_Append(list, dims) == 0;
        Py_XDECREF(dims);
    }
    ok = ok && PyDict_SetItemString(dict, "outDims", list) == 0;
    Py_XDECREF(list);
    if (ok) return dict;
    Py_XDECREF(dict);
    return NULL;
}

METHOD(aipp_get_first_aipp_info) {
    uint32_t id;
    size_t index;
    if (!take(args, "acl.mdl.get_first_aipp_info", "uz", &id, &index)) return NULL;
    aclAippInfo *info = PyMem_Calloc(1, sizeof *info); /* 300 KB: too much for a thread's stack */
    if (!info) return PyErr_NoMemory();
    aclError code = UNLOCKED(aclmdlGetFirstAippInfo(id, index, info));
    PyObject *dict = code == ACL_SUCCESS ? aipp_dict(info) : PyDict_New();
    PyMem_Free(info);
    return object_and_code(dict, code);
}

/* ---- parameters of dynamic AIPP ---- */

GET1(mdl_create_aipp, "acl.mdl.create_aipp", aclmdlCreateAIPP, U, address)
CODE1(mdl_destroy_aipp, "acl.mdl.destroy_aipp", aclmdlDestroyAIPP, p)
CODE4(mdl_set_input_aipp, "acl.mdl.set_input_aipp", aclmdlSetInputAIPP, u, p, z, p)
CODE4(mdl_set_aipp_by_input_index, "acl.mdl.set_aipp_by_input_index", aclmdlSetAIPPByInputIndex, u,
      p, z, p)

/* Whether argument `from` and those behind it, n numbers, fit the C type. */
static bool fits(const char *call, int from, int n, const int32_t *v, int32_t low, int32_t high) {
    for (int i = 0; i < n; i++) {
        if (v[i] >= low && v[i] <= high) continue;
        PyErr_Format(PyExc_OverflowError, "%s() argument %d is %d; it is %d to %d", call, from + i,
                     (int)v[i], (int)low, (int)high);
        return false;
    }
    return true;
}

METHOD(mdl_set_aipp_input_format) {
    void *p;
    int32_t v;
    if (!take(args, "acl.mdl.set_aipp_input_format", "pi", &p, &v)) return NULL;
    return code_only(UNLOCKED(aclmdlSetAIPPInputFormat(p, (aclAippInputFormat)v)));
}

CODE3(mdl_set_aipp_src_image_size, "acl.mdl.set_aipp_src_image_size", aclmdlSetAIPPSrcImageSize, p,
      i, i)

#define SWITCH(name, call, fn)                                                                     \
    METHOD(name) {                                                                                 \
        void *p;                                                                                   \
        int32_t v;                                                                                 \
        if (!take(args, call, "pi", &p, &v) || !fits(call, 2, 1, &v, INT8_MIN, INT8_MAX))          \
            return NULL;                                                                           \
        return code_only(UNLOCKED(fn(p, (int8_t)v)));                                              \
    }
SWITCH(mdl_set_aipp_rbuv_swap_switch, "acl.mdl.set_aipp_rbuv_swap_switch",
       aclmdlSetAIPPRbuvSwapSwitch)
SWITCH(mdl_set_aipp_ax_swap_switch, "acl.mdl.set_aipp_ax_swap_switch", aclmdlSetAIPPAxSwapSwitch)

METHOD(mdl_set_aipp_csc_params) {
    static const char call[] = "acl.mdl.set_aipp_csc_params";
    void *p;
    int32_t on, m[9], b[6];
    if (!take(args, call, "piiiiiiiiiiiiiiii", &p, &on, &m[0], &m[1], &m[2], &m[3], &m[4], &m[5],
              &m[6], &m[7], &m[8], &b[0], &b[1], &b[2], &b[3], &b[4], &b[5]) ||
        !fits(call, 2, 1, &on, INT8_MIN, INT8_MAX) || !fits(call, 3, 9, m, INT16_MIN, INT16_MAX) ||
        !fits(call, 12, 6, b, 0, UINT8_MAX))
        return NULL;
    int16_t c[9];
    uint8_t d[6];
    for (int i = 0; i < 9; i++) c[i] = (int16_t)m[i];
    for (int i = 0; i < 6; i++) d[i] = (uint8_t)b[i];
    return code_only(UNLOCKED(aclmdlSetAIPPCscParams(p, (int8_t)on, c[0], c[1], c[2], c[3], c[4],
                                                     c[5], c[6], c[7], c[8], d[0], d[1], d[2],
                                                     d[3], d[4], d[5])));
}

/* A switch, four numbers, the picture. */
#define FOUR(name, call, fn)                                                                       \
    METHOD(name) {                                                                                 \
        void *p;                                                                                   \
        int32_t on, v[4];                                                                          \
        uint64_t at;                                                                               \
        if (!take(args, call, "piiiiiU", &p, &on, &v[0], &v[1], &v[2], &v[3], &at) ||              \
            !fits(call, 2, 1, &on, INT8_MIN, INT8_MAX))                                            \
            return NULL;                                                                           \
        return code_only(UNLOCKED(fn(p, (int8_t)on, v[0], v[1], v[2], v[3], at)));                 \
    }
FOUR(mdl_set_aipp_crop_params, "acl.mdl.set_aipp_crop_params", aclmdlSetAIPPCropParams)
FOUR(mdl_set_aipp_scf_params, "acl.mdl.set_aipp_scf_params", aclmdlSetAIPPScfParams)
FOUR(mdl_set_aipp_padding_params, "acl.mdl.set_aipp_padding_params", aclmdlSetAIPPPaddingParams)

METHOD(mdl_set_aipp_dtc_pixel_mean) {
    static const char call[] = "acl.mdl.set_aipp_dtc_pixel_mean";
    void *p;
    int32_t v[4];
    uint64_t at;
    if (!take(args, call, "piiiiU", &p, &v[0], &v[1], &v[2], &v[3], &at) ||
        !fits(call, 2, 4, v, INT16_MIN, INT16_MAX))
        return NULL;
    return code_only(UNLOCKED(aclmdlSetAIPPDtcPixelMean(p, (int16_t)v[0], (int16_t)v[1],
                                                        (int16_t)v[2], (int16_t)v[3], at)));
}

#define REALS(name, call, fn)                                                                      \
    METHOD(name) {                                                                                 \
        void *p;                                                                                   \
        float v[4];                                                                                \
        uint64_t at;                                                                               \
        if (!take(args, call, "pffffU", &p, &v[0], &v[1], &v[2], &v[3], &at)) return NULL;         \
        return code_only(UNLOCKED(fn(p, v[0], v[1], v[2], v[3], at)));                             \
    }
REALS(mdl_set_aipp_dtc_pixel_min, "acl.mdl.set_aipp_dtc_pixel_min", aclmdlSetAIPPDtcPixelMin)
REALS(mdl_set_aipp_pixel_var_reci, "acl.mdl.set_aipp_pixel_var_reci", aclmdlSetAIPPPixelVarReci)

PyMethodDef aipp_methods[] = {
    ROW("get_first_aipp_info", aipp_get_first_aipp_info,
        "get_first_aipp_info(model_id, index) -> (aipp_info, ret); {} when the call fails"),
    ROW("create_aipp", mdl_create_aipp, "create_aipp(batch_size) -> aipp; 0 on failure"),
    ROW("destroy_aipp", mdl_destroy_aipp, "destroy_aipp(aipp) -> ret"),
    ROW("set_input_aipp", mdl_set_input_aipp,
        "set_input_aipp(model_id, dataset, index, aipp) -> ret; index of ascend_dynamic_aipp_data"),
    ROW("set_aipp_by_input_index", mdl_set_aipp_by_input_index,
        "set_aipp_by_input_index(model_id, dataset, index, aipp) -> ret; index of the pictures"),
    ROW("set_aipp_input_format", mdl_set_aipp_input_format,
        "set_aipp_input_format(aipp, input_format) -> ret"),
    ROW("set_aipp_src_image_size", mdl_set_aipp_src_image_size,
        "set_aipp_src_image_size(aipp, width, height) -> ret"),
    ROW("set_aipp_rbuv_swap_switch", mdl_set_aipp_rbuv_swap_switch,
        "set_aipp_rbuv_swap_switch(aipp, switch) -> ret"),
    ROW("set_aipp_ax_swap_switch", mdl_set_aipp_ax_swap_switch,
        "set_aipp_ax_swap_switch(aipp, switch) -> ret"),
    ROW("set_aipp_csc_params", mdl_set_aipp_csc_params,
        "set_aipp_csc_params(aipp, switch, r0c0, r0c1, r0c2, r1c0, r1c1, r1c2, r2c0, r2c1, r2c2, "
        "output_bias_r0, output_bias_r1, output_bias_r2, input_bias_r0, input_bias_r1, "
        "input_bias_r2) -> ret"),
    ROW("set_aipp_crop_params", mdl_set_aipp_crop_params,
        "set_aipp_crop_params(aipp, switch, left, top, width, height, batch_index) -> ret"),
    ROW("set_aipp_scf_params", mdl_set_aipp_scf_params,
        "set_aipp_scf_params(aipp, switch, in_width, in_height, out_width, out_height, batch_index)"
        " -> ret"),
    ROW("set_aipp_padding_params", mdl_set_aipp_padding_params,
        "set_aipp_padding_params(aipp, switch, top, bottom, left, right, batch_index) -> ret"),
    ROW("set_aipp_dtc_pixel_mean", mdl_set_aipp_dtc_pixel_mean,
        "set_aipp_dtc_pixel_mean(aipp, chn0, chn1, chn2, chn3, batch_index) -> ret"),
    ROW("set_aipp_dtc_pixel_min", mdl_set_aipp_dtc_pixel_min,
        "set_aipp_dtc_pixel_min(aipp, chn0, chn1, chn2, chn3, batch_index) -> ret"),
    ROW("set_aipp_pixel_var_reci", mdl_set_aipp_pixel_var_reci,
        "set_aipp_pixel_var_reci(aipp, chn0, chn1, chn2, chn3, batch_index) -> ret"),
    {NULL, NULL, 0, NULL}};
