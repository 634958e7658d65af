/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The module `acl`: its own functions (start and end, messages, log, data buffers) and its
 * submodules, which are real modules, reachable as attributes and by import.
 */
#include "binding.h"

METHOD(base_init) {
    const char *path = NULL;
    return take(args, "acl.init", "|S", &path) ? code_only(UNLOCKED(aclInit(path))) : NULL;
}

METHOD(base_finalize) {
    if (!take(args, "acl.finalize", "")) return NULL;
    aclError code = UNLOCKED(aclFinalize());
    if (code == ACL_SUCCESS) callbacks_forget();
    return code_only(code);
}

/* An attribute that is a number or a string, by its path; NULL, without an exception, if absent. */
static PyObject *follow(PyObject *from, const char *first, const char *second) {
    PyObject *found = from ? PyObject_GetAttrString(from, first) : NULL;
    if (found && second) {
        PyObject *next = PyObject_GetAttrString(found, second);
        Py_DECREF(found);
        found = next;
    }
    if (!found) PyErr_Clear();
    return found;
}

static const char *borrow_text(PyObject *object) {
    const char *value = NULL;
    if (object && !PyArg_Parse(object, "s", &value)) PyErr_Clear();
    return value;
}

/* The log line names the Python function, file and line that called. */
METHOD(base_app_log) {
    int32_t level;
    const char *message;
    if (!take(args, "acl.app_log", "is", &level, &message)) return NULL;
    PyObject *get_frame = PySys_GetObject("_getframe");
    PyObject *frame = get_frame ? PyObject_CallFunction(get_frame, NULL) : NULL;
    if (!frame) PyErr_Clear();
    PyObject *function = follow(frame, "f_code", "co_name");
    PyObject *file = follow(frame, "f_code", "co_filename");
    PyObject *line = follow(frame, "f_lineno", NULL);
    long number = line ? PyLong_AsLong(line) : 0;
    if (number < 0) PyErr_Clear();
    aclAppLog((aclLogLevel)level, borrow_text(function), borrow_text(file), (uint32_t)number, "%s",
              message);
    Py_XDECREF(line);
    Py_XDECREF(file);
    Py_XDECREF(function);
    Py_XDECREF(frame);
    Py_RETURN_NONE;
}

GET0(base_get_recent_err_msg, "acl.get_recent_err_msg", aclGetRecentErrMsg, text)
GET0(base_get_soc_name, "acl.get_soc_name", aclrtGetSocName, text)

GET2(base_create_data_buffer, "acl.create_data_buffer", aclCreateDataBuffer, p, z, address)
CODE1(base_destroy_data_buffer, "acl.destroy_data_buffer", aclDestroyDataBuffer, p)
CODE3(base_update_data_buffer, "acl.update_data_buffer", aclUpdateDataBuffer, p, p, z)
GET1(base_get_data_buffer_addr, "acl.get_data_buffer_addr", aclGetDataBufferAddr, p, address)
GET1(base_get_data_buffer_size, "acl.get_data_buffer_size", aclGetDataBufferSize, p, size_value)
GET1(base_get_data_buffer_size_v2, "acl.get_data_buffer_size_v2", aclGetDataBufferSizeV2, p,
     size_value)

PyMethodDef base_methods[] = {
    ROW("init", base_init, "init(config_path=None) -> ret"),
    ROW("finalize", base_finalize, "finalize() -> ret"),
    ROW("app_log", base_app_log, "app_log(level, message)"),
    ROW("get_recent_err_msg", base_get_recent_err_msg,
        "get_recent_err_msg() -> str: what went wrong last in this thread"),
    ROW("get_soc_name", base_get_soc_name, "get_soc_name() -> str"),
    ROW("create_data_buffer", base_create_data_buffer,
        "create_data_buffer(data, size) -> data_buffer"),
    ROW("destroy_data_buffer", base_destroy_data_buffer, "destroy_data_buffer(data_buffer) -> ret"),
    ROW("update_data_buffer", base_update_data_buffer,
        "update_data_buffer(data_buffer, data, size) -> ret"),
    ROW("get_data_buffer_addr", base_get_data_buffer_addr,
        "get_data_buffer_addr(data_buffer) -> ptr"),
    ROW("get_data_buffer_size", base_get_data_buffer_size,
        "get_data_buffer_size(data_buffer) -> size, cut to 32 bits"),
    ROW("get_data_buffer_size_v2", base_get_data_buffer_size_v2,
        "get_data_buffer_size_v2(data_buffer) -> size"),
    {NULL, NULL, 0, NULL}};

/* ---- the module and its submodules ---- */

static bool add_methods(PyObject *module, PyMethodDef *methods, PyObject *name) {
    for (; methods->ml_name; methods++) {
        PyObject *function = PyCFunction_NewEx(methods, NULL, name);
        if (!function) return false;
        if (PyModule_AddObject(module, methods->ml_name, function) < 0) {
            Py_DECREF(function);
            return false;
        }
    }
    return true;
}

/* Fills a module with up to two method tables. */
static bool fill(PyObject *module, PyMethodDef *first, PyMethodDef *second) {
    PyObject *name = PyModule_GetNameObject(module);
    bool ok = name && add_methods(module, first, name) &&
              (!second || add_methods(module, second, name));
    Py_XDECREF(name);
    return ok;
}

/* A submodule stands in sys.modules too, which is where `import acl.rt` finds it. */
static bool add_submodule(PyObject *parent, const char *name, const char *full_name,
                          const char *doc, PyMethodDef *first, PyMethodDef *second) {
    PyObject *module = PyImport_AddModule(full_name); /* borrowed */
    if (!module || PyModule_SetDocString(module, doc) < 0 || !fill(module, first, second))
        return false;
    return PyObject_SetAttrString(parent, name, module) == 0;
}

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "acl",
    .m_doc = "AscendCL for Python. Addresses and handles are integers; a call returns its code,\n"
             "or a tuple whose last item is its code, or a value alone.",
    .m_size = -1,
};

PyMODINIT_FUNC PyInit_acl(void);

PyMODINIT_FUNC PyInit_acl(void) {
    PyObject *module = PyModule_Create(&definition);
    if (module && fill(module, base_methods, tensor_methods) &&
        fill(module, compile_methods, NULL) &&
        add_submodule(module, "blas", "acl.blas", "Products of matrices and vectors.", blas_methods,
                      NULL) &&
        add_submodule(module, "rt", "acl.rt", "Devices, contexts, streams, events and memory.",
                      rt_methods, stream_methods) &&
        add_submodule(module, "rt", "acl.rt", "Devices, contexts, streams, events and memory.",
                      device_methods, NULL) &&
        add_submodule(module, "fv", "acl.fv", "Feature retrieval: not implemented.", fv_methods,
                      NULL) &&
        add_submodule(module, "mdl", "acl.mdl", "Models: load, describe, run.", mdl_methods,
                      aipp_methods) &&
        add_submodule(module, "himpi", "acl.himpi", "Pictures and video: not implemented.",
                      himpi_methods, NULL) &&
        add_submodule(module, "media", "acl.media", "Pictures: decode, scale, crop, encode.",
                      media_methods, video_methods) &&
        add_submodule(module, "op", "acl.op", "Single operators.", op_methods,
                      op_compile_methods) &&
        add_submodule(module, "prof", "acl.prof", "Profiling.", prof_methods, NULL) &&
        add_submodule(module, "tdt", "acl.tdt", "Channels for tensors, and queues.", tdt_methods,
                      queue_methods) &&
        add_submodule(module, "util", "acl.util", "Between Python objects and addresses; threads.",
                      util_methods, NULL))
        return module;
    Py_XDECREF(module);
    return NULL;
}
