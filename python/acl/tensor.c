/* SPDX-License-Identifier: Apache-2.0 */
/* The tensor descriptions and element types of the module `acl`. */
#include "binding.h"

#include <string.h>

METHOD(tensor_data_type_size) {
    int32_t type;
    return take(args, "acl.data_type_size", "i", &type)
               ? size_value(aclDataTypeSize((aclDataType)type))
               : NULL;
}

METHOD(tensor_float16_to_float) {
    uint32_t bits;
    return take(args, "acl.float16_to_float", "u", &bits)
               ? PyFloat_FromDouble((double)aclFloat16ToFloat((aclFloat16)bits))
               : NULL;
}

METHOD(tensor_float_to_float16) {
    float value;
    return take(args, "acl.float_to_float16", "f", &value)
               ? PyLong_FromLong(aclFloatToFloat16(value))
               : NULL;
}

METHOD(tensor_create) {
    int32_t type, format;
    PyObject *list;
    size_t n;
    if (!take(args, "acl.create_tensor_desc", "ioi", &type, &list, &format)) return NULL;
    int64_t *dims = take_list(list, "acl.create_tensor_desc", 2, &n);
    if (!dims) return NULL;
    int count = n > INT32_MAX ? INT32_MAX : (int)n;
    aclTensorDesc *desc = aclCreateTensorDesc((aclDataType)type, count, dims, (aclFormat)format);
    PyMem_Free(dims);
    return address(desc);
}

METHOD(tensor_destroy) {
    void *desc;
    if (!take(args, "acl.destroy_tensor_desc", "p", &desc)) return NULL;
    aclDestroyTensorDesc(desc);
    Py_RETURN_NONE;
}

METHOD(tensor_set_name) {
    void *desc;
    const char *name;
    if (!take(args, "acl.set_tensor_desc_name", "ps", &desc, &name)) return NULL;
    aclSetTensorDescName(desc, name);
    Py_RETURN_NONE;
}

GET1(tensor_get_type, "acl.get_tensor_desc_type", aclGetTensorDescType, p, PyLong_FromLong)
GET1(tensor_get_format, "acl.get_tensor_desc_format", aclGetTensorDescFormat, p, PyLong_FromLong)
GET1(tensor_get_size, "acl.get_tensor_desc_size", aclGetTensorDescSize, p, size_value)
GET1(tensor_get_element_count, "acl.get_tensor_desc_element_count", aclGetTensorDescElementCount, p,
     size_value)
GET1(tensor_get_num_dims, "acl.get_tensor_desc_num_dims", aclGetTensorDescNumDims, p, size_value)
GET2(tensor_get_dim, "acl.get_tensor_desc_dim", aclGetTensorDescDim, p, z, PyLong_FromLongLong)
TELL2(tensor_get_dim_v2, "acl.get_tensor_desc_dim_v2", aclGetTensorDescDimV2, int64_t, p, z)
GET1(tensor_get_name, "acl.get_tensor_desc_name", aclGetTensorDescName, p, text)
GET1(tensor_get_address, "acl.get_tensor_desc_address", aclGetTensorDescAddress, p, address)
GET2(tensor_get_by_index, "acl.get_tensor_desc_by_index", aclGetTensorDescByIndex, p, z, address)

METHOD(tensor_get_dim_range) {
    void *desc;
    size_t index, n;
    int64_t range[2] = {0, 0};
    if (!take(args, "acl.get_tensor_desc_dim_range", "pzz", &desc, &index, &n)) return NULL;
    aclError code = UNLOCKED(aclGetTensorDescDimRange(desc, index, n, range));
    return Py_BuildValue("[LL]i", (long long)range[0], (long long)range[1], (int)code);
}

CODE2(tensor_set_format, "acl.set_tensor_format", aclSetTensorFormat, p, i)
CODE2(tensor_set_origin_format, "acl.set_tensor_origin_format", aclSetTensorOriginFormat, p, i)
CODE2(tensor_set_storage_format, "acl.set_tensor_storage_format", aclSetTensorStorageFormat, p, i)
CODE2(tensor_set_place_ment, "acl.set_tensor_place_ment", aclSetTensorPlaceMent, p, i)
CODE2(tensor_set_dynamic_input, "acl.set_tensor_dynamic_input", aclSetTensorDynamicInput, p, s)
CODE3(tensor_set_const, "acl.set_tensor_const", aclSetTensorConst, p, p, z)

/* The C function gives the description through a pointer; here it is returned before the code. */
METHOD(tensor_trans_format) {
    void *desc;
    int32_t format;
    aclTensorDesc *made = NULL;
    if (!take(args, "acl.trans_tensor_desc_format", "pi", &desc, &format)) return NULL;
    aclError code = UNLOCKED(aclTransTensorDescFormat(desc, (aclFormat)format, &made));
    return address_and_code(made, code);
}

/* fn(desc, num_dims, dims) */
static PyObject *set_shape(PyObject *args, const char *call,
                           aclError (*fn)(aclTensorDesc *, int, const int64_t *)) {
    void *desc;
    int32_t count;
    PyObject *list;
    size_t n;
    if (!take(args, call, "pio", &desc, &count, &list)) return NULL;
    int64_t *dims = take_list(list, call, 3, &n);
    if (!dims) return NULL;
    aclError code = count >= 0 && (size_t)count == n
                        ? fn(desc, count, dims)
                        : refuse(call, "num_dims is %d; the list has %zu dimensions", count, n);
    PyMem_Free(dims);
    return code_only(code);
}

METHOD(tensor_set_shape) { return set_shape(args, "acl.set_tensor_shape", aclSetTensorShape); }
METHOD(tensor_set_origin_shape) {
    return set_shape(args, "acl.set_tensor_origin_shape", aclSetTensorOriginShape);
}
METHOD(tensor_set_storage_shape) {
    return set_shape(args, "acl.set_tensor_storage_shape", aclSetTensorStorageShape);
}

/* fn(desc, count, pairs); pairs is a list of [least, most], as many as the count. */
static PyObject *set_range(PyObject *args, const char *call,
                           aclError (*fn)(aclTensorDesc *, size_t, int64_t[][2])) {
    void *desc;
    size_t count;
    PyObject *list;
    if (!take(args, call, "pzo", &desc, &count, &list)) return NULL;
    Py_ssize_t length = PySequence_Check(list) ? PySequence_Size(list) : -1;
    if (PyErr_Occurred()) return NULL;
    if (length < 0 || (size_t)length != count) {
        PyErr_Format(PyExc_ValueError, "%s() argument 3 must be a list of %zu pairs", call, count);
        return NULL;
    }
    int64_t(*pairs)[2] = PyMem_Calloc(count + 1, sizeof *pairs);
    bool ok = pairs || !PyErr_NoMemory();
    for (size_t i = 0; ok && i < count; i++) {
        PyObject *item = PySequence_GetItem(list, (Py_ssize_t)i);
        size_t n = 0;
        int64_t *pair = item ? take_list(item, call, 3, &n) : NULL;
        Py_XDECREF(item);
        ok = pair && n == 2;
        if (ok) memcpy(pairs[i], pair, sizeof *pairs);
        else if (pair) PyErr_Format(PyExc_ValueError, "%s(): pair %zu has %zu items", call, i, n);
        PyMem_Free(pair);
    }
    PyObject *result = ok ? code_only(fn(desc, count, pairs)) : NULL;
    PyMem_Free(pairs);
    return result;
}

METHOD(tensor_set_shape_range) {
    return set_range(args, "acl.set_tensor_shape_range", aclSetTensorShapeRange);
}
METHOD(tensor_set_value_range) {
    return set_range(args, "acl.set_tensor_value_range", aclSetTensorValueRange);
}

PyMethodDef tensor_methods[] = {
    ROW("data_type_size", tensor_data_type_size, "data_type_size(data_type) -> size"),
    ROW("float16_to_float", tensor_float16_to_float, "float16_to_float(bits) -> float"),
    ROW("float_to_float16", tensor_float_to_float16, "float_to_float16(value) -> bits"),
    ROW("create_tensor_desc", tensor_create, "create_tensor_desc(data_type, dims, format) -> desc"),
    ROW("destroy_tensor_desc", tensor_destroy, "destroy_tensor_desc(desc)"),
    ROW("set_tensor_desc_name", tensor_set_name, "set_tensor_desc_name(desc, name)"),
    ROW("get_tensor_desc_type", tensor_get_type, "get_tensor_desc_type(desc) -> data_type"),
    ROW("get_tensor_desc_format", tensor_get_format, "get_tensor_desc_format(desc) -> format"),
    ROW("get_tensor_desc_size", tensor_get_size, "get_tensor_desc_size(desc) -> bytes"),
    ROW("get_tensor_desc_element_count", tensor_get_element_count,
        "get_tensor_desc_element_count(desc) -> n"),
    ROW("get_tensor_desc_num_dims", tensor_get_num_dims, "get_tensor_desc_num_dims(desc) -> n"),
    ROW("get_tensor_desc_dim", tensor_get_dim, "get_tensor_desc_dim(desc, index) -> dim"),
    ROW("get_tensor_desc_dim_v2", tensor_get_dim_v2,
        "get_tensor_desc_dim_v2(desc, index) -> (dim, ret)"),
    ROW("get_tensor_desc_dim_range", tensor_get_dim_range,
        "get_tensor_desc_dim_range(desc, index, 2) -> ([least, most], ret)"),
    ROW("get_tensor_desc_name", tensor_get_name, "get_tensor_desc_name(desc) -> name"),
    ROW("get_tensor_desc_address", tensor_get_address, "get_tensor_desc_address(desc) -> ptr"),
    ROW("get_tensor_desc_by_index", tensor_get_by_index,
        "get_tensor_desc_by_index(desc, index) -> desc"),
    ROW("trans_tensor_desc_format", tensor_trans_format,
        "trans_tensor_desc_format(desc, format) -> (desc, ret)"),
    ROW("set_tensor_format", tensor_set_format, "set_tensor_format(desc, format) -> ret"),
    ROW("set_tensor_origin_format", tensor_set_origin_format,
        "set_tensor_origin_format(desc, format) -> ret"),
    ROW("set_tensor_storage_format", tensor_set_storage_format,
        "set_tensor_storage_format(desc, format) -> ret"),
    ROW("set_tensor_place_ment", tensor_set_place_ment,
        "set_tensor_place_ment(desc, mem_type) -> ret"),
    ROW("set_tensor_dynamic_input", tensor_set_dynamic_input,
        "set_tensor_dynamic_input(desc, name) -> ret"),
    ROW("set_tensor_const", tensor_set_const, "set_tensor_const(desc, data_ptr, length) -> ret"),
    ROW("set_tensor_shape", tensor_set_shape, "set_tensor_shape(desc, num_dims, dims) -> ret"),
    ROW("set_tensor_origin_shape", tensor_set_origin_shape,
        "set_tensor_origin_shape(desc, num_dims, dims) -> ret"),
    ROW("set_tensor_storage_shape", tensor_set_storage_shape,
        "set_tensor_storage_shape(desc, num_dims, dims) -> ret"),
    ROW("set_tensor_shape_range", tensor_set_shape_range,
        "set_tensor_shape_range(desc, dims_count, [[least, most], ...]) -> ret"),
    ROW("set_tensor_value_range", tensor_set_value_range,
        "set_tensor_value_range(desc, value_count, [[least, most], ...]) -> ret"),
    {NULL, NULL, 0, NULL}};
