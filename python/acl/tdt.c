/* SPDX-License-Identifier: Apache-2.0 */
/* acl.tdt: channels for tensors. Sending and receiving wait without the interpreter lock. */
#include "acl/acl_tdt.h"
#include "binding.h"

/* ---- items and datasets ---- */

METHOD(tdt_create_data_item) {
    static const char call[] = "acl.tdt.create_data_item";
    int32_t kind, type;
    PyObject *list;
    size_t rank, n, size;
    void *data;
    if (!take(args, call, "iozipz", &kind, &list, &rank, &type, &data, &size)) return NULL;
    int64_t *dims = take_list(list, call, 2, &n);
    if (!dims) return NULL;
    if (rank > n) {
        PyMem_Free(dims);
        PyErr_Format(PyExc_ValueError, "%s() argument 3 counts more dimensions than the list has",
                     call);
        return NULL;
    }
    acltdtDataItem *item = acltdtCreateDataItem((acltdtTensorType)kind, dims, rank,
                                                (aclDataType)type, data, size);
    PyMem_Free(dims);
    return address(item);
}

METHOD(tdt_get_dims_from_item) {
    void *item;
    size_t n;
    if (!take(args, "acl.tdt.get_dims_from_item", "pz", &item, &n)) return NULL;
    int64_t dims[ACL_MAX_DIM_CNT] = {0};
    size_t rank = acltdtGetDimNumFromItem(item);
    aclError code = acltdtGetDimsFromItem(item, dims, n < ACL_MAX_DIM_CNT ? n : ACL_MAX_DIM_CNT);
    PyObject *list = PyList_New(0);
    for (size_t i = 0; list && code == ACL_SUCCESS && i < rank; i++) {
        PyObject *dim = PyLong_FromLongLong(dims[i]);
        if (!dim || PyList_Append(list, dim) < 0) Py_CLEAR(list);
        Py_XDECREF(dim);
    }
    return object_and_code(list, code);
}

METHOD(tdt_get_slice_info_from_item) {
    void *item;
    size_t n = 0, number = 0;
    if (!take(args, "acl.tdt.get_slice_info_from_item", "p", &item)) return NULL;
    aclError code = UNLOCKED(acltdtGetSliceInfoFromItem(item, &n, &number));
    return Py_BuildValue("KKi", (unsigned long long)n, (unsigned long long)number, (int)code);
}

CODE1(tdt_destroy_data_item, "acl.tdt.destroy_data_item", acltdtDestroyDataItem, p)
GET1(tdt_get_data_addr_from_item, "acl.tdt.get_data_addr_from_item", acltdtGetDataAddrFromItem, p,
     address)
GET1(tdt_get_data_size_from_item, "acl.tdt.get_data_size_from_item", acltdtGetDataSizeFromItem, p,
     size_value)
GET1(tdt_get_data_type_from_item, "acl.tdt.get_data_type_from_item", acltdtGetDataTypeFromItem, p,
     PyLong_FromLong)
GET1(tdt_get_tensor_type_from_item, "acl.tdt.get_tensor_type_from_item",
     acltdtGetTensorTypeFromItem, p, PyLong_FromLong)
GET1(tdt_get_dim_num_from_item, "acl.tdt.get_dim_num_from_item", acltdtGetDimNumFromItem, p,
     size_value)

GET0(tdt_create_dataset, "acl.tdt.create_dataset", acltdtCreateDataset, address)
CODE1(tdt_destroy_dataset, "acl.tdt.destroy_dataset", acltdtDestroyDataset, p)
CODE2(tdt_add_data_item, "acl.tdt.add_data_item", acltdtAddDataItem, p, p)
GET2(tdt_get_data_item, "acl.tdt.get_data_item", acltdtGetDataItem, p, z, address)
GET1(tdt_get_dataset_size, "acl.tdt.get_dataset_size", acltdtGetDatasetSize, p, size_value)
GET1(tdt_get_dataset_name, "acl.tdt.get_dataset_name", acltdtGetDatasetName, p, text)

/* ---- channels ---- */

GET2(tdt_create_channel, "acl.tdt.create_channel", acltdtCreateChannel, u, s, address)

METHOD(tdt_create_channel_with_capacity) {
    uint32_t device;
    const char *name;
    size_t capacity;
    if (!take(args, "acl.tdt.create_channel_with_capacity", "usz", &device, &name, &capacity))
        return NULL;
    return address(acltdtCreateChannelWithCapacity(device, name, capacity));
}

CODE1(tdt_destroy_channel, "acl.tdt.destroy_channel", acltdtDestroyChannel, p)
CODE1(tdt_stop_channel, "acl.tdt.stop_channel", acltdtStopChannel, p)
CODE1(tdt_clean_channel, "acl.tdt.clean_channel", acltdtCleanChannel, p)
TELL1(tdt_query_channel_size, "acl.tdt.query_channel_size", acltdtQueryChannelSize, size_t, p)
CODE3(tdt_send_tensor, "acl.tdt.send_tensor", acltdtSendTensor, p, p, i)
CODE3(tdt_receive_tensor, "acl.tdt.receive_tensor", acltdtReceiveTensor, p, p, i)

#define TDT(name, doc) ROW(#name, tdt_##name, #name doc)

PyMethodDef tdt_methods[] = {
    TDT(create_data_item, "(tensor_type, dims, dim_num, data_type, data_ptr, size) -> data_item"),
    TDT(destroy_data_item, "(data_item) -> ret"),
    TDT(get_data_addr_from_item, "(data_item) -> ptr"),
    TDT(get_data_size_from_item, "(data_item) -> size"),
    TDT(get_data_type_from_item, "(data_item) -> data_type"),
    TDT(get_tensor_type_from_item, "(data_item) -> tensor_type"),
    TDT(get_dim_num_from_item, "(data_item) -> dim_num"),
    TDT(get_dims_from_item, "(data_item, dim_num) -> (list, ret)"),
    TDT(get_slice_info_from_item, "(data_item) -> (slice_num, slice_id, ret)"),
    TDT(create_dataset, "() -> dataset"),
    TDT(destroy_dataset, "(dataset) -> ret"),
    TDT(add_data_item, "(dataset, data_item) -> ret"),
    TDT(get_data_item, "(dataset, index) -> data_item"),
    TDT(get_dataset_size, "(dataset) -> n"),
    TDT(get_dataset_name, "(dataset) -> str"),
    TDT(create_channel, "(device_id, name) -> channel"),
    TDT(create_channel_with_capacity, "(device_id, name, capacity) -> channel"),
    TDT(destroy_channel, "(channel) -> ret"),
    TDT(stop_channel, "(channel) -> ret"),
    TDT(clean_channel, "(channel) -> ret"),
    TDT(query_channel_size, "(channel) -> (n, ret)"),
    TDT(send_tensor, "(channel, dataset, timeout_ms) -> ret"),
    TDT(receive_tensor, "(channel, dataset, timeout_ms) -> ret"),
    {NULL, NULL, 0, NULL}};
