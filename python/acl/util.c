/* SPDX-License-Identifier: Apache-2.0 */
/*
 * acl.util: addresses of Python objects, Python objects on addresses, and threads. Nothing here
 * copies, except ptr_to_bytes (bytes own their content) and numpy_contiguous_to_ptr of an array
 * that is not contiguous. NumPy is imported only by the calls that return an array; its C interface
 * is not used, so its version does not matter.
 */
#include "binding.h"

#include <pthread.h>

/* ---- from objects to addresses ---- */

/* The address and contiguity of an array, from its __array_interface__. */
static bool array_address(PyObject *array, const char *call, void **data, bool *contiguous) {
    PyObject *interface = PyObject_GetAttrString(array, "__array_interface__");
    if (!interface || !PyDict_Check(interface)) {
        Py_XDECREF(interface);
        PyErr_Clear();
        wrong_type(call, 1, "a NumPy array", array);
        return false;
    }
    unsigned long long value = 0;
    int read_only;
    PyObject *pair = PyDict_GetItemString(interface, "data");
    PyObject *strides = PyDict_GetItemString(interface, "strides");
    bool ok = pair && PyTuple_Check(pair) && PyArg_ParseTuple(pair, "Kp", &value, &read_only);
    *data = (void *)(uintptr_t)value;
    *contiguous = !strides || strides == Py_None; /* NumPy gives strides only when they matter */
    Py_DECREF(interface);
    if (!ok) {
        PyErr_Clear();
        wrong_type(call, 1, "a NumPy array", array);
    }
    return ok;
}

METHOD(util_numpy_to_ptr) {
    PyObject *array;
    void *data;
    bool contiguous;
    if (!take(args, "acl.util.numpy_to_ptr", "o", &array) ||
        !array_address(array, "acl.util.numpy_to_ptr", &data, &contiguous))
        return NULL;
    if (!contiguous)
        PySys_WriteStdout("[WARNING] acl.util.numpy_to_ptr: the array is not C-contiguous; the "
                          "memory at its address is not in the order of its elements. Use "
                          "numpy.ascontiguousarray or acl.util.numpy_contiguous_to_ptr.\n");
    return address(data);
}

METHOD(util_numpy_contiguous_to_ptr) {
    static const char call[] = "acl.util.numpy_contiguous_to_ptr";
    PyObject *array;
    void *data;
    bool contiguous;
    if (!take(args, call, "o", &array) || !array_address(array, call, &data, &contiguous))
        return NULL;
    if (contiguous) return Py_BuildValue("KO", (unsigned long long)(uintptr_t)data, array);
    PyObject *numpy = PyImport_ImportModule("numpy");
    if (!numpy) return NULL;
    PyObject *copy = PyObject_CallMethod(numpy, "ascontiguousarray", "O", array);
    Py_DECREF(numpy);
    if (!copy) return NULL;
    if (array_address(copy, call, &data, &contiguous))
        return Py_BuildValue("KN", (unsigned long long)(uintptr_t)data, copy);
    Py_DECREF(copy);
    return NULL;
}

METHOD(util_bytes_to_ptr) {
    PyObject *bytes;
    if (!take(args, "acl.util.bytes_to_ptr", "o", &bytes)) return NULL;
    if (!PyBytes_Check(bytes)) {
        wrong_type("acl.util.bytes_to_ptr", 1, "bytes", bytes);
        return NULL;
    }
    return address(PyBytes_AsString(bytes));
}

/* ---- from addresses to objects ---- */

/* NumPy's type numbers, by the letter of the type. */
static const char numpy_types[] = "?bBhHiIlLqQfdgFDG------e";

/* Bytes of an array, -1 with an exception set if that is no shape or too much. */
static Py_ssize_t array_bytes(PyObject *shape, Py_ssize_t item, const char *call) {
    size_t n;
    int64_t *dims = take_list(shape, call, 2, &n);
    if (!dims) return -1;
    Py_ssize_t bytes = item;
    bool fits = true;
    for (size_t i = 0; fits && i < n; i++)
        fits = dims[i] >= 0 && !__builtin_mul_overflow(bytes, (Py_ssize_t)dims[i], &bytes);
    PyMem_Free(dims);
    if (fits) return bytes;
    PyErr_Format(PyExc_ValueError, "%s(): %R is no shape an array in memory can have", call, shape);
    return -1;
}

/* numpy.ndarray(shape, dtype, memory at `data`). */
static PyObject *array_at(char *data, PyObject *shape, int letter, const char *call) {
    PyObject *numpy = PyImport_ImportModule("numpy"), *memory = NULL, *array = NULL;
    PyObject *dtype = numpy ? PyObject_CallMethod(numpy, "dtype", "C", letter) : NULL;
    PyObject *item = dtype ? PyObject_GetAttrString(dtype, "itemsize") : NULL;
    Py_ssize_t bytes = item ? array_bytes(shape, PyLong_AsSsize_t(item), call) : -1;
    static char nothing; /* an empty memoryview wants an address too */
    if (bytes >= 0)
        memory = PyMemoryView_FromMemory(bytes ? data : &nothing, bytes, 0x200 /* PyBUF_WRITE */);
    if (memory) array = PyObject_CallMethod(numpy, "ndarray", "OOO", shape, dtype, memory);
    Py_XDECREF(memory);
    Py_XDECREF(item);
    Py_XDECREF(dtype);
    Py_XDECREF(numpy);
    return array;
}

METHOD(util_ptr_to_numpy) {
    static const char call[] = "acl.util.ptr_to_numpy";
    void *data;
    PyObject *shape;
    int32_t type;
    if (!take(args, call, "poi", &data, &shape, &type)) return NULL;
    if (!data) {
        PyErr_Format(PyExc_ValueError, "%s(): the address is 0", call);
        return NULL;
    }
    if (type < 0 || type >= (int32_t)sizeof numpy_types - 1 || numpy_types[type] == '-') {
        PyErr_Format(PyExc_ValueError, "%s(): %d is not the number of a NumPy number type", call,
                     (int)type);
        return NULL;
    }
    return array_at(data, shape, numpy_types[type], call);
}

METHOD(util_ptr_to_bytes) {
    void *data;
    size_t size;
    if (!take(args, "acl.util.ptr_to_bytes", "pz", &data, &size)) return NULL;
    if (!data || size > (size_t)PY_SSIZE_T_MAX) {
        PyErr_Format(PyExc_ValueError, "acl.util.ptr_to_bytes(): %s",
                     data ? "the size is too large" : "the address is 0");
        return NULL;
    }
    return PyBytes_FromStringAndSize(data, (Py_ssize_t)size);
}

/* ---- threads ---- */

/* A thread from start_thread until stop_thread. The interpreter lock guards the list. */
struct thread {
    struct thread *next;
    pthread_t id;
    PyObject *function, *argument;
};

static struct thread *threads;

/* In the new thread: function(argument). */
static void *run_thread(void *start) {
    struct thread *t = start;
    PyGILState_STATE state = PyGILState_Ensure();
    PyObject *function = t->function, *argument = t->argument;
    PyObject *result = PyObject_CallFunctionObjArgs(function, argument, NULL);
    if (!result) PyErr_WriteUnraisable(function);
    Py_XDECREF(result);
    Py_DECREF(function);
    Py_DECREF(argument);
    PyGILState_Release(state);
    return NULL;
}

METHOD(util_start_thread) {
    PyObject *function, *argument;
    if (!take(args, "acl.util.start_thread", "oo", &function, &argument)) return NULL;
    if (!PyCallable_Check(function)) {
        wrong_type("acl.util.start_thread", 1, "callable", function);
        return NULL;
    }
    struct thread *t = PyMem_Malloc(sizeof *t);
    if (!t) return PyErr_NoMemory();
    *t = (struct thread){threads, 0, function, argument};
    Py_INCREF(function);
    Py_INCREF(argument);
    /* The new thread waits for the interpreter lock, so the id is in its place before it runs. */
    if (pthread_create(&t->id, NULL, run_thread, t) != 0) {
        Py_DECREF(function);
        Py_DECREF(argument);
        PyMem_Free(t);
        return number_and_code(0, ACL_ERROR_FAILURE);
    }
    threads = t;
    return Py_BuildValue("Ki", (unsigned long long)t->id, ACL_SUCCESS);
}

/* Waits for the end of the thread: its function has to return, nothing is torn off. */
METHOD(util_stop_thread) {
    uint64_t id;
    if (!take(args, "acl.util.stop_thread", "U", &id)) return NULL;
    struct thread **at = &threads;
    while (*at && (uint64_t)(*at)->id != id) at = &(*at)->next;
    struct thread *t = *at;
    if (!t)
        return code_only(refuse("acl.util.stop_thread",
                                "there is no thread %llu; acl.util.start_thread gives the number, "
                                "and a thread is stopped once", (unsigned long long)id));
    *at = t->next;
    bool is_self = pthread_equal(t->id, pthread_self());
    int failed = UNLOCKED(is_self ? pthread_detach(t->id) : pthread_join(t->id, NULL));
    PyMem_Free(t);
    return code_only(failed ? ACL_ERROR_FAILURE : ACL_SUCCESS);
}

PyMethodDef util_methods[] = {
    ROW("numpy_to_ptr", util_numpy_to_ptr,
        "numpy_to_ptr(ndarray) -> ptr to its own memory; keep the array alive"),
    ROW("numpy_contiguous_to_ptr", util_numpy_contiguous_to_ptr,
        "numpy_contiguous_to_ptr(ndarray) -> (ptr, the array or a contiguous copy)"),
    ROW("bytes_to_ptr", util_bytes_to_ptr,
        "bytes_to_ptr(bytes) -> ptr to their own memory; keep the bytes alive"),
    ROW("ptr_to_numpy", util_ptr_to_numpy,
        "ptr_to_numpy(ptr, shape, numpy_type_number) -> ndarray on that memory"),
    ROW("ptr_to_bytes", util_ptr_to_bytes, "ptr_to_bytes(ptr, size) -> bytes, a copy"),
    ROW("start_thread", util_start_thread,
        "start_thread(fn, args) -> (thread_id, ret); runs fn(args)"),
    ROW("stop_thread", util_stop_thread, "stop_thread(thread_id) -> ret; waits for its end"),
    {NULL, NULL, 0, NULL}};
