/* SPDX-License-Identifier: Apache-2.0 */
/*
 * acl.mdl: loading, describing and running models. The C structures of shapes and gears become
 * dictionaries with the fields' own names.
 */
#include "binding.h"

#include <string.h>

/* ---- shapes and gears as dictionaries ---- */

/* A list of `n` numbers, `stride` apart. */
static PyObject *number_list(const int64_t *values, size_t n) {
    PyObject *list = PyList_New((Py_ssize_t)n);
    for (size_t i = 0; list && i < n; i++) {
        PyObject *item = PyLong_FromLongLong(values[i]);
        if (!item || PyList_SetItem(list, (Py_ssize_t)i, item) < 0) {
            Py_DECREF(list);
            return NULL;
        }
    }
    return list;
}

PyObject *dims_dict(const aclmdlIODims *dims) {
    PyObject *list = number_list(dims->dims, dims->dimCount), *name = text(dims->name);
    if (list && name)
        return Py_BuildValue("{s:N,s:n,s:N}", "name", name, "dimCount", (Py_ssize_t)dims->dimCount,
                             "dims", list);
    Py_XDECREF(name);
    Py_XDECREF(list);
    return NULL;
}

static PyObject *batch_dict(const aclmdlBatch *batch) {
    int64_t values[128];
    for (size_t i = 0; i < batch->batchCount; i++) values[i] = (int64_t)batch->batch[i];
    PyObject *list = number_list(values, batch->batchCount);
    return list ? Py_BuildValue("{s:n,s:N}", "batchCount", (Py_ssize_t)batch->batchCount, "batch",
                                list)
                : NULL;
}

static PyObject *hw_dict(const aclmdlHW *hw) {
    PyObject *list = PyList_New((Py_ssize_t)hw->hwCount);
    for (size_t i = 0; list && i < hw->hwCount; i++) {
        PyObject *pair = Py_BuildValue("[KK]", (unsigned long long)hw->hw[i][0],
                                       (unsigned long long)hw->hw[i][1]);
        if (!pair || PyList_SetItem(list, (Py_ssize_t)i, pair) < 0) {
            Py_DECREF(list);
            return NULL;
        }
    }
    return list ? Py_BuildValue("{s:n,s:N}", "hwCount", (Py_ssize_t)hw->hwCount, "hw", list) : NULL;
}

/* The other way; false with an exception set. */
static bool take_dims(PyObject *dict, const char *call, int argument, aclmdlIODims *dims) {
    *dims = (aclmdlIODims){0};
    if (!PyDict_Check(dict)) {
        wrong_type(call, argument, "a dict with name, dimCount and dims", dict);
        return false;
    }
    PyObject *list = PyDict_GetItemString(dict, "dims"), *name = PyDict_GetItemString(dict, "name");
    PyObject *count = PyDict_GetItemString(dict, "dimCount");
    if (!list || !count) {
        PyErr_Format(PyExc_ValueError, "%s() argument %d has no '%s'", call, argument,
                     list ? "dimCount" : "dims");
        return false;
    }
    const char *chars = "";
    if (name && !PyArg_Parse(name, "s", &chars)) return false;
    size_t n, n_given = PyLong_AsSize_t(count);
    if (PyErr_Occurred()) return false;
    int64_t *values = take_list(list, call, argument, &n);
    if (!values) return false;
    bool ok = n == n_given && n <= sizeof dims->dims / sizeof *dims->dims;
    if (ok) memcpy(dims->dims, values, n * sizeof *values);
    else
        PyErr_Format(PyExc_ValueError, "%s() argument %d: dimCount is %zu and dims has %zu (at "
                     "most 128)", call, argument, n_given, n);
    dims->dimCount = n;
    strncpy(dims->name, chars, sizeof dims->name - 1);
    PyMem_Free(values);
    return ok;
}

/* ---- loading ---- */

TELL1(mdl_load_from_file, "acl.mdl.load_from_file", aclmdlLoadFromFile, uint32_t, s)
TELL2(mdl_load_from_mem, "acl.mdl.load_from_mem", aclmdlLoadFromMem, uint32_t, p, z)

METHOD(mdl_load_from_file_with_mem) {
    const char *path;
    void *work, *weight;
    size_t work_size, weight_size;
    uint32_t id = 0;
    if (!take(args, "acl.mdl.load_from_file_with_mem", "spzpz", &path, &work, &work_size, &weight,
              &weight_size))
        return NULL;
    aclError code =
        UNLOCKED(aclmdlLoadFromFileWithMem(path, &id, work, work_size, weight, weight_size));
    return number_and_code(id, code);
}

METHOD(mdl_load_from_mem_with_mem) {
    void *model, *work, *weight;
    size_t size, work_size, weight_size;
    uint32_t id = 0;
    if (!take(args, "acl.mdl.load_from_mem_with_mem", "pzpzpz", &model, &size, &work, &work_size,
              &weight, &weight_size))
        return NULL;
    aclError code =
        UNLOCKED(aclmdlLoadFromMemWithMem(model, size, &id, work, work_size, weight, weight_size));
    return number_and_code(id, code);
}

/* A list of queue ids; uint32_t from PyMem_Malloc, NULL with an exception set. */
static uint32_t *take_ids(PyObject *list, const char *call, int argument, size_t count) {
    size_t n;
    uint32_t *ids = take_list_of_32(list, call, argument, false, &n);
    if (!ids || n == count) return ids;
    PyErr_Format(PyExc_ValueError, "%s() argument %d must be a list of %zu queue ids", call,
                 argument, count);
    PyMem_Free(ids);
    return NULL;
}

/* (model_path or model and size, input_q, input_q_num, output_q, output_q_num) */
static PyObject *load_with_q(PyObject *args, const char *call, bool from_file) {
    const char *path = NULL;
    void *model = NULL;
    PyObject *in, *out;
    size_t size = 0, n_in, n_out;
    uint32_t id = 0;
    bool ok = from_file ? take(args, call, "sozoz", &path, &in, &n_in, &out, &n_out)
                        : take(args, call, "pzozoz", &model, &size, &in, &n_in, &out, &n_out);
    uint32_t *ins = ok ? take_ids(in, call, from_file ? 2 : 3, n_in) : NULL;
    uint32_t *outs = ins ? take_ids(out, call, from_file ? 4 : 5, n_out) : NULL;
    aclError code = ACL_SUCCESS;
    if (outs)
        code = UNLOCKED(from_file
                            ? aclmdlLoadFromFileWithQ(path, &id, ins, n_in, outs, n_out)
                            : aclmdlLoadFromMemWithQ(model, size, &id, ins, n_in, outs, n_out));
    PyObject *result = outs ? number_and_code(id, code) : NULL;
    PyMem_Free(ins);
    PyMem_Free(outs);
    return result;
}

METHOD(mdl_load_from_file_with_q) {
    return load_with_q(args, "acl.mdl.load_from_file_with_q", true);
}
METHOD(mdl_load_from_mem_with_q) {
    return load_with_q(args, "acl.mdl.load_from_mem_with_q", false);
}

CODE1(mdl_unload, "acl.mdl.unload", aclmdlUnload, u)

METHOD(mdl_query_size) {
    const char *path;
    size_t work = 0, weight = 0;
    if (!take(args, "acl.mdl.query_size", "s", &path)) return NULL;
    aclError code = UNLOCKED(aclmdlQuerySize(path, &work, &weight));
    return Py_BuildValue("nni", (Py_ssize_t)work, (Py_ssize_t)weight, (int)code);
}

METHOD(mdl_query_size_from_mem) {
    void *model;
    size_t size, work = 0, weight = 0;
    if (!take(args, "acl.mdl.query_size_from_mem", "pz", &model, &size)) return NULL;
    aclError code = UNLOCKED(aclmdlQuerySizeFromMem(model, size, &work, &weight));
    return Py_BuildValue("nni", (Py_ssize_t)work, (Py_ssize_t)weight, (int)code);
}

TELL1(mdl_bundle_load_from_file, "acl.mdl.bundle_load_from_file", aclmdlBundleLoadFromFile,
      uint32_t, s)
TELL2(mdl_bundle_load_from_mem, "acl.mdl.bundle_load_from_mem", aclmdlBundleLoadFromMem, uint32_t,
      p, z)
TELL1(mdl_bundle_get_model_num, "acl.mdl.bundle_get_model_num", aclmdlBundleGetModelNum, size_t, u)
TELL2(mdl_bundle_get_model_id, "acl.mdl.bundle_get_model_id", aclmdlBundleGetModelId, uint32_t, u,
      z)
CODE1(mdl_bundle_unload, "acl.mdl.bundle_unload", aclmdlBundleUnload, u)

GET0(mdl_create_config_handle, "acl.mdl.create_config_handle", aclmdlCreateConfigHandle, address)
CODE1(mdl_destroy_config_handle, "acl.mdl.destroy_config_handle", aclmdlDestroyConfigHandle, p)
METHOD(mdl_set_config_opt) {
    struct option o;
    if (!take_option(args, "acl.mdl.set_config_opt", 1u << ACL_MDL_PRIORITY_INT32, &o)) return NULL;
    return code_only(
        UNLOCKED(aclmdlSetConfigOpt(o.handle, (aclmdlConfigAttr)o.attr, &o.value, o.size)));
}
TELL1(mdl_load_with_config, "acl.mdl.load_with_config", aclmdlLoadWithConfig, uint32_t, p)

/* ---- describing ---- */

GET0(mdl_create_desc, "acl.mdl.create_desc", aclmdlCreateDesc, address)
CODE1(mdl_destroy_desc, "acl.mdl.destroy_desc", aclmdlDestroyDesc, p)
CODE2(mdl_get_desc, "acl.mdl.get_desc", aclmdlGetDesc, p, u)
CODE2(mdl_get_desc_from_file, "acl.mdl.get_desc_from_file", aclmdlGetDescFromFile, p, s)
CODE3(mdl_get_desc_from_mem, "acl.mdl.get_desc_from_mem", aclmdlGetDescFromMem, p, p, z)
/* What the C function writes through pointers comes back in its order, before the code. */
METHOD(mdl_create_and_get_op_desc) {
    uint32_t device, stream, task;
    size_t length, n_in = 0, n_out = 0;
    aclTensorDesc *in = NULL, *out = NULL;
    if (!take(args, "acl.mdl.create_and_get_op_desc", "uuuz", &device, &stream, &task, &length))
        return NULL;
    if (length > 1 << 20) length = 1 << 20; /* more than any name has */
    char *name = PyMem_Calloc(length + 1, 1);
    if (!name) return PyErr_NoMemory();
    aclError code = UNLOCKED(aclmdlCreateAndGetOpDesc(device, stream, task, name, length, &in,
                                                      &n_in, &out, &n_out));
    PyObject *result = Py_BuildValue("NNnNni", text(name), address(in), (Py_ssize_t)n_in,
                                     address(out), (Py_ssize_t)n_out, (int)code);
    PyMem_Free(name);
    return result;
}

METHOD(mdl_get_op_attr) {
    void *desc;
    const char *op, *attr;
    if (!take(args, "acl.mdl.get_op_attr", "pss", &desc, &op, &attr)) return NULL;
    const char *value = aclmdlGetOpAttr(desc, op, attr);
    if (value) return text(value);
    Py_RETURN_NONE;
}

GET1(mdl_get_num_inputs, "acl.mdl.get_num_inputs", aclmdlGetNumInputs, p, size_value)
GET1(mdl_get_num_outputs, "acl.mdl.get_num_outputs", aclmdlGetNumOutputs, p, size_value)
GET2(mdl_get_input_size_by_index, "acl.mdl.get_input_size_by_index", aclmdlGetInputSizeByIndex, p,
     z, size_value)
GET2(mdl_get_output_size_by_index, "acl.mdl.get_output_size_by_index", aclmdlGetOutputSizeByIndex,
     p, z, size_value)
GET2(mdl_get_input_name_by_index, "acl.mdl.get_input_name_by_index", aclmdlGetInputNameByIndex, p,
     z, text)
GET2(mdl_get_output_name_by_index, "acl.mdl.get_output_name_by_index", aclmdlGetOutputNameByIndex,
     p, z, text)
GET2(mdl_get_tensor_real_name, "acl.mdl.get_tensor_real_name", aclmdlGetTensorRealName, p, s, text)
GET2(mdl_get_input_format, "acl.mdl.get_input_format", aclmdlGetInputFormat, p, z, PyLong_FromLong)
GET2(mdl_get_output_format, "acl.mdl.get_output_format", aclmdlGetOutputFormat, p, z,
     PyLong_FromLong)
GET2(mdl_get_input_data_type, "acl.mdl.get_input_data_type", aclmdlGetInputDataType, p, z,
     PyLong_FromLong)
GET2(mdl_get_output_data_type, "acl.mdl.get_output_data_type", aclmdlGetOutputDataType, p, z,
     PyLong_FromLong)
TELL2(mdl_get_input_index_by_name, "acl.mdl.get_input_index_by_name", aclmdlGetInputIndexByName,
      size_t, p, s)
TELL2(mdl_get_output_index_by_name, "acl.mdl.get_output_index_by_name", aclmdlGetOutputIndexByName,
      size_t, p, s)

/* (dims, ret) of one input or output; an empty shape when the call fails. */
#define DIMS(name, call, fn)                                                                       \
    METHOD(name) {                                                                                 \
        void *desc;                                                                                \
        size_t index;                                                                              \
        aclmdlIODims dims = {0};                                                                   \
        if (!take(args, call, "pz", &desc, &index)) return NULL;                                   \
        aclError code = UNLOCKED(fn(desc, index, &dims));                                          \
        return object_and_code(dims_dict(&dims), code);                                            \
    }
DIMS(mdl_get_input_dims, "acl.mdl.get_input_dims", aclmdlGetInputDims)
DIMS(mdl_get_input_dims_v2, "acl.mdl.get_input_dims_v2", aclmdlGetInputDimsV2)
DIMS(mdl_get_output_dims, "acl.mdl.get_output_dims", aclmdlGetOutputDims)
DIMS(mdl_get_cur_output_dims, "acl.mdl.get_cur_output_dims", aclmdlGetCurOutputDims)

/* ---- gears ---- */

METHOD(mdl_get_dynamic_batch) {
    void *desc;
    aclmdlBatch batch = {0};
    if (!take(args, "acl.mdl.get_dynamic_batch", "p", &desc)) return NULL;
    aclError code = UNLOCKED(aclmdlGetDynamicBatch(desc, &batch));
    return object_and_code(batch_dict(&batch), code);
}

METHOD(mdl_get_dynamic_hw) {
    void *desc;
    size_t index;
    aclmdlHW hw = {0};
    if (!take(args, "acl.mdl.get_dynamic_hw", "pz", &desc, &index)) return NULL;
    aclError code = UNLOCKED(aclmdlGetDynamicHW(desc, index, &hw));
    return object_and_code(hw_dict(&hw), code);
}

TELL2(mdl_get_input_dynamic_gear_count, "acl.mdl.get_input_dynamic_gear_count",
      aclmdlGetInputDynamicGearCount, size_t, p, z)

METHOD(mdl_get_input_dynamic_dims) {
    void *desc;
    size_t index, count;
    static const char call[] = "acl.mdl.get_input_dynamic_dims";
    if (!take(args, call, "pzz", &desc, &index, &count)) return NULL;
    if (count > ACL_MAX_SHAPE_COUNT)
        return object_and_code(PyList_New(0),
                               refuse(call, "gear_count is %zu; a model has at most %d gears",
                                      count, ACL_MAX_SHAPE_COUNT));
    aclmdlIODims *dims = PyMem_Calloc(count + 1, sizeof *dims);
    if (!dims) return PyErr_NoMemory();
    aclError code = UNLOCKED(aclmdlGetInputDynamicDims(desc, index, dims, count));
    PyObject *list = PyList_New((Py_ssize_t)(code == ACL_SUCCESS ? count : 0));
    for (Py_ssize_t i = 0; list && i < PyList_Size(list); i++) {
        PyObject *item = dims_dict(&dims[i]);
        if (!item || PyList_SetItem(list, i, item) < 0) {
            Py_DECREF(list);
            list = NULL;
        }
    }
    PyMem_Free(dims);
    return object_and_code(list, code);
}

CODE4(mdl_set_dynamic_batch_size, "acl.mdl.set_dynamic_batch_size", aclmdlSetDynamicBatchSize, u, p,
      z, U)
CODE5(mdl_set_dynamic_hw_size, "acl.mdl.set_dynamic_hw_size", aclmdlSetDynamicHWSize, u, p, z, U, U)

METHOD(mdl_set_input_dynamic_dims) {
    uint32_t id;
    void *dataset;
    size_t index;
    PyObject *dict;
    aclmdlIODims dims;
    if (!take(args, "acl.mdl.set_input_dynamic_dims", "upzo", &id, &dataset, &index, &dict) ||
        !take_dims(dict, "acl.mdl.set_input_dynamic_dims", 4, &dims))
        return NULL;
    return code_only(UNLOCKED(aclmdlSetInputDynamicDims(id, dataset, index, &dims)));
}

METHOD(mdl_get_aipp_type) {
    uint32_t id;
    size_t index, attached = 0;
    aclmdlInputAippType type = ACL_DATA_WITHOUT_AIPP;
    if (!take(args, "acl.mdl.get_aipp_type", "uz", &id, &index)) return NULL;
    aclError code = UNLOCKED(aclmdlGetAippType(id, index, &type, &attached));
    return Py_BuildValue("iKi", (int)type, (unsigned long long)attached, (int)code);
}

/* ---- datasets and running ---- */

GET0(mdl_create_dataset, "acl.mdl.create_dataset", aclmdlCreateDataset, address)
CODE1(mdl_destroy_dataset, "acl.mdl.destroy_dataset", aclmdlDestroyDataset, p)
GET1(mdl_get_dataset_num_buffers, "acl.mdl.get_dataset_num_buffers", aclmdlGetDatasetNumBuffers, p,
     size_value)
GET2(mdl_get_dataset_buffer, "acl.mdl.get_dataset_buffer", aclmdlGetDatasetBuffer, p, z, address)
CODE3(mdl_set_dataset_tensor_desc, "acl.mdl.set_dataset_tensor_desc", aclmdlSetDatasetTensorDesc, p,
      p, z)
GET2(mdl_get_dataset_tensor_desc, "acl.mdl.get_dataset_tensor_desc", aclmdlGetDatasetTensorDesc, p,
     z, address)

/* Returns the same dataset beside the code. */
METHOD(mdl_add_dataset_buffer) {
    void *dataset, *buffer;
    if (!take(args, "acl.mdl.add_dataset_buffer", "pp", &dataset, &buffer)) return NULL;
    aclError code = UNLOCKED(aclmdlAddDatasetBuffer(dataset, buffer));
    return address_and_code(dataset, code);
}

CODE3(mdl_execute, "acl.mdl.execute", aclmdlExecute, u, p, p)
CODE4(mdl_execute_async, "acl.mdl.execute_async", aclmdlExecuteAsync, u, p, p, p)
GET0(mdl_create_exec_config_handle, "acl.mdl.create_exec_config_handle",
     aclmdlCreateExecConfigHandle, address)
CODE1(mdl_destroy_exec_config_handle, "acl.mdl.destroy_exec_config_handle",
      aclmdlDestroyExecConfigHandle, p)
METHOD(mdl_set_exec_config_opt) {
    struct option o;
    if (!take_option(args, "acl.mdl.set_exec_config_opt",
                     1u << ACL_MDL_STREAM_SYNC_TIMEOUT | 1u << ACL_MDL_EVENT_SYNC_TIMEOUT, &o))
        return NULL;
    return code_only(UNLOCKED(
        aclmdlSetExecConfigOpt(o.handle, (aclmdlExecConfigAttr)o.attr, &o.value, o.size)));
}
CODE5(mdl_execute_v2, "acl.mdl.execute_v2", aclmdlExecuteV2, u, p, p, p, p)
CODE5(mdl_execute_async_v2, "acl.mdl.execute_async_v2", aclmdlExecuteAsyncV2, u, p, p, p, p)

CODE0(mdl_init_dump, "acl.mdl.init_dump", aclmdlInitDump)
CODE1(mdl_set_dump, "acl.mdl.set_dump", aclmdlSetDump, s)
CODE0(mdl_finalize_dump, "acl.mdl.finalize_dump", aclmdlFinalizeDump)

PyMethodDef mdl_methods[] = {
    ROW("load_from_file", mdl_load_from_file, "load_from_file(model_path) -> (model_id, ret)"),
    ROW("load_from_mem", mdl_load_from_mem, "load_from_mem(ptr, size) -> (model_id, ret)"),
    ROW("load_from_file_with_mem", mdl_load_from_file_with_mem,
        "load_from_file_with_mem(model_path, work_ptr, work_size, weight_ptr, weight_size) -> "
        "(model_id, ret)"),
    ROW("load_from_mem_with_mem", mdl_load_from_mem_with_mem,
        "load_from_mem_with_mem(ptr, size, work_ptr, work_size, weight_ptr, weight_size) -> "
        "(model_id, ret)"),
    ROW("load_from_file_with_q", mdl_load_from_file_with_q,
        "load_from_file_with_q(model_path, input_q, input_q_num, output_q, output_q_num) -> "
        "(model_id, ret)"),
    ROW("load_from_mem_with_q", mdl_load_from_mem_with_q,
        "load_from_mem_with_q(ptr, size, input_q, input_q_num, output_q, output_q_num) -> "
        "(model_id, ret)"),
    ROW("unload", mdl_unload, "unload(model_id) -> ret"),
    ROW("query_size", mdl_query_size, "query_size(model_path) -> (work_size, weight_size, ret)"),
    ROW("query_size_from_mem", mdl_query_size_from_mem,
        "query_size_from_mem(ptr, size) -> (work_size, weight_size, ret)"),
    ROW("bundle_load_from_file", mdl_bundle_load_from_file,
        "bundle_load_from_file(model_path) -> (bundle_id, ret)"),
    ROW("bundle_load_from_mem", mdl_bundle_load_from_mem,
        "bundle_load_from_mem(ptr, size) -> (bundle_id, ret)"),
    ROW("bundle_get_model_num", mdl_bundle_get_model_num,
        "bundle_get_model_num(bundle_id) -> (n, ret)"),
    ROW("bundle_get_model_id", mdl_bundle_get_model_id,
        "bundle_get_model_id(bundle_id, index) -> (model_id, ret)"),
    ROW("bundle_unload", mdl_bundle_unload, "bundle_unload(bundle_id) -> ret"),
    ROW("create_config_handle", mdl_create_config_handle, "create_config_handle() -> handle"),
    ROW("destroy_config_handle", mdl_destroy_config_handle, "destroy_config_handle(handle) -> ret"),
    ROW("set_config_opt", mdl_set_config_opt,
        "set_config_opt(handle, attr, value, value_size=its own) -> ret"),
    ROW("load_with_config", mdl_load_with_config, "load_with_config(handle) -> (model_id, ret)"),
    ROW("create_desc", mdl_create_desc, "create_desc() -> desc"),
    ROW("destroy_desc", mdl_destroy_desc, "destroy_desc(desc) -> ret"),
    ROW("get_desc", mdl_get_desc, "get_desc(desc, model_id) -> ret"),
    ROW("get_desc_from_file", mdl_get_desc_from_file,
        "get_desc_from_file(desc, model_path) -> ret"),
    ROW("get_desc_from_mem", mdl_get_desc_from_mem, "get_desc_from_mem(desc, ptr, size) -> ret"),
    ROW("create_and_get_op_desc", mdl_create_and_get_op_desc,
        "create_and_get_op_desc(device_id, stream_id, task_id, op_name_len) -> (op_name, "
        "input_desc, num_inputs, output_desc, num_outputs, ret)"),
    ROW("get_op_attr", mdl_get_op_attr,
        "get_op_attr(desc, op_name, attr) -> str, None when the call fails"),
    ROW("get_num_inputs", mdl_get_num_inputs, "get_num_inputs(desc) -> n"),
    ROW("get_num_outputs", mdl_get_num_outputs, "get_num_outputs(desc) -> n"),
    ROW("get_input_size_by_index", mdl_get_input_size_by_index,
        "get_input_size_by_index(desc, index) -> size"),
    ROW("get_output_size_by_index", mdl_get_output_size_by_index,
        "get_output_size_by_index(desc, index) -> size"),
    ROW("get_input_name_by_index", mdl_get_input_name_by_index,
        "get_input_name_by_index(desc, index) -> name"),
    ROW("get_output_name_by_index", mdl_get_output_name_by_index,
        "get_output_name_by_index(desc, index) -> name"),
    ROW("get_tensor_real_name", mdl_get_tensor_real_name,
        "get_tensor_real_name(desc, name) -> name"),
    ROW("get_input_format", mdl_get_input_format, "get_input_format(desc, index) -> format"),
    ROW("get_output_format", mdl_get_output_format, "get_output_format(desc, index) -> format"),
    ROW("get_input_data_type", mdl_get_input_data_type,
        "get_input_data_type(desc, index) -> data_type"),
    ROW("get_output_data_type", mdl_get_output_data_type,
        "get_output_data_type(desc, index) -> data_type"),
    ROW("get_input_index_by_name", mdl_get_input_index_by_name,
        "get_input_index_by_name(desc, name) -> (index, ret)"),
    ROW("get_output_index_by_name", mdl_get_output_index_by_name,
        "get_output_index_by_name(desc, name) -> (index, ret)"),
    ROW("get_input_dims", mdl_get_input_dims, "get_input_dims(desc, index) -> (dims, ret)"),
    ROW("get_input_dims_v2", mdl_get_input_dims_v2,
        "get_input_dims_v2(desc, index) -> (dims, ret)"),
    ROW("get_output_dims", mdl_get_output_dims, "get_output_dims(desc, index) -> (dims, ret)"),
    ROW("get_cur_output_dims", mdl_get_cur_output_dims,
        "get_cur_output_dims(desc, index) -> (dims, ret)"),
    ROW("get_dynamic_batch", mdl_get_dynamic_batch, "get_dynamic_batch(desc) -> (batch, ret)"),
    ROW("get_dynamic_hw", mdl_get_dynamic_hw, "get_dynamic_hw(desc, index) -> (hw, ret)"),
    ROW("get_input_dynamic_gear_count", mdl_get_input_dynamic_gear_count,
        "get_input_dynamic_gear_count(desc, -1) -> (count, ret)"),
    ROW("get_input_dynamic_dims", mdl_get_input_dynamic_dims,
        "get_input_dynamic_dims(desc, -1, gear_count) -> (list of dims, ret)"),
    ROW("set_dynamic_batch_size", mdl_set_dynamic_batch_size,
        "set_dynamic_batch_size(model_id, dataset, index, batch) -> ret"),
    ROW("set_dynamic_hw_size", mdl_set_dynamic_hw_size,
        "set_dynamic_hw_size(model_id, dataset, index, height, width) -> ret"),
    ROW("set_input_dynamic_dims", mdl_set_input_dynamic_dims,
        "set_input_dynamic_dims(model_id, dataset, index, dims) -> ret"),
    ROW("get_aipp_type", mdl_get_aipp_type,
        "get_aipp_type(model_id, index) -> (type, dynamic_attached_data_index, ret)"),
    ROW("create_dataset", mdl_create_dataset, "create_dataset() -> dataset"),
    ROW("destroy_dataset", mdl_destroy_dataset, "destroy_dataset(dataset) -> ret"),
    ROW("add_dataset_buffer", mdl_add_dataset_buffer,
        "add_dataset_buffer(dataset, data_buffer) -> (dataset, ret)"),
    ROW("get_dataset_num_buffers", mdl_get_dataset_num_buffers,
        "get_dataset_num_buffers(dataset) -> n"),
    ROW("get_dataset_buffer", mdl_get_dataset_buffer,
        "get_dataset_buffer(dataset, index) -> data_buffer"),
    ROW("set_dataset_tensor_desc", mdl_set_dataset_tensor_desc,
        "set_dataset_tensor_desc(dataset, tensor_desc, index) -> ret"),
    ROW("get_dataset_tensor_desc", mdl_get_dataset_tensor_desc,
        "get_dataset_tensor_desc(dataset, index) -> tensor_desc"),
    ROW("execute", mdl_execute, "execute(model_id, input_dataset, output_dataset) -> ret"),
    ROW("execute_async", mdl_execute_async,
        "execute_async(model_id, input_dataset, output_dataset, stream) -> ret"),
    ROW("create_exec_config_handle", mdl_create_exec_config_handle,
        "create_exec_config_handle() -> handle"),
    ROW("destroy_exec_config_handle", mdl_destroy_exec_config_handle,
        "destroy_exec_config_handle(handle) -> ret"),
    ROW("set_exec_config_opt", mdl_set_exec_config_opt,
        "set_exec_config_opt(handle, attr, value, value_size=its own) -> ret"),
    ROW("execute_v2", mdl_execute_v2,
        "execute_v2(model_id, input_dataset, output_dataset, stream, handle) -> ret"),
    ROW("execute_async_v2", mdl_execute_async_v2,
        "execute_async_v2(model_id, input_dataset, output_dataset, stream, handle) -> ret"),
    ROW("init_dump", mdl_init_dump, "init_dump() -> ret"),
    ROW("set_dump", mdl_set_dump,
        "set_dump(dump_cfg_path) -> ret; models loaded from now on are dumped as the file says"),
    ROW("finalize_dump", mdl_finalize_dump, "finalize_dump() -> ret"),
    {NULL, NULL, 0, NULL}};
