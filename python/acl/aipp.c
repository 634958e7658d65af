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

PyMethodDef aipp_methods[] = {
    ROW("get_first_aipp_info", aipp_get_first_aipp_info,
        "get_first_aipp_info(model_id, index) -> (aipp_info, ret); {} when the call fails"),
    {NULL, NULL, 0, NULL}};
