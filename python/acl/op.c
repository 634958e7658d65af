/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The submodule acl.op: single operators. Lists of descriptions and buffers come as lists of int;
 * their counts, which the C functions want before them, may be given too and must then be right.
 */
#include "binding.h"

#include "acl/acl_op.h"

/* ---- attributes ---- */

GET0(op_create_attr, "acl.op.create_attr", aclopCreateAttr, address)

METHOD(op_destroy_attr) {
    void *attr;
    if (!take(args, "acl.op.destroy_attr", "p", &attr)) return NULL;
    aclopDestroyAttr(attr);
    Py_RETURN_NONE;
}

METHOD(op_set_bool) {
    void *attr;
    const char *name;
    int32_t value;
    if (!take(args, "acl.op.set_attr_bool", "psi", &attr, &name, &value)) return NULL;
    return code_only(aclopSetAttrBool(attr, name, value != 0));
}

METHOD(op_set_data_type) {
    void *attr;
    const char *name;
    int32_t value;
    if (!take(args, "acl.op.set_attr_data_type", "psi", &attr, &name, &value)) return NULL;
    return code_only(aclopSetAttrDataType(attr, name, (aclDataType)value));
}

METHOD(op_set_float) {
    void *attr;
    const char *name;
    float value;
    if (!take(args, "acl.op.set_attr_float", "psf", &attr, &name, &value)) return NULL;
    return code_only(aclopSetAttrFloat(attr, name, value));
}

CODE3(op_set_int, "acl.op.set_attr_int", aclopSetAttrInt, p, s, I)
CODE3(op_set_string, "acl.op.set_attr_string", aclopSetAttrString, p, s, s)

/* (attr, name, values) or (attr, name, number of values, values). */
struct list_argument {
    void *attr;
    const char *name;
    PyObject *list;
    Py_ssize_t n;
};

static bool take_list_argument(PyObject *args, const char *call, struct list_argument *a) {
    int32_t count = -1;
    bool counted = PyTuple_Size(args) == 4;
    bool ok = counted ? take(args, call, "psio", &a->attr, &a->name, &count, &a->list)
                      : take(args, call, "pso", &a->attr, &a->name, &a->list);
    if (!ok) return false;
    if (!PyList_Check(a->list) && !PyTuple_Check(a->list)) {
        wrong_type(call, counted ? 4 : 3, "a list", a->list);
        return false;
    }
    a->n = PySequence_Size(a->list);
    if (a->n > INT32_MAX || (counted && a->n != count)) {
        PyErr_Format(PyExc_ValueError, "%s(): the list has %zd values, not %d", call, a->n, count);
        return false;
    }
    return true;
}

/* Sets a list of integers, each of `size` bytes. */
static PyObject *set_integers(PyObject *args, const char *call, size_t size,
                              aclError (*set)(void *attr, const char *name, int n, void *values)) {
    struct list_argument a;
    size_t n;
    if (!take_list_argument(args, call, &a)) return NULL;
    void *values = size == sizeof(int32_t) ? take_list_of_32(a.list, call, 3, true, &n)
                                           : take_list(a.list, call, 3, &n);
    if (!values) return NULL;
    for (size_t i = 0; size == 1 && i < n; i++) { /* in place, below what is still to read */
        uint8_t is_true = ((int64_t *)values)[i] != 0;
        ((uint8_t *)values)[i] = is_true;
    }
    aclError code = set(a.attr, a.name, (int)n, values);
    PyMem_Free(values);
    return code_only(code);
}

static aclError set_list_bool(void *attr, const char *name, int n, void *values) {
    return aclopSetAttrListBool(attr, name, n, values);
}
static aclError set_list_int(void *attr, const char *name, int n, void *values) {
    return aclopSetAttrListInt(attr, name, n, values);
}
static aclError set_list_data_type(void *attr, const char *name, int n, void *values) {
    return aclopSetAttrListDataType(attr, name, n, values);
}

METHOD(op_set_list_bool) {
    return set_integers(args, "acl.op.set_attr_list_bool", 1, set_list_bool);
}
METHOD(op_set_list_int) {
    return set_integers(args, "acl.op.set_attr_list_int", sizeof(int64_t), set_list_int);
}
METHOD(op_set_list_data_type) {
    return set_integers(args, "acl.op.set_attr_list_data_type", sizeof(aclDataType),
                        set_list_data_type);
}

METHOD(op_set_list_float) {
    struct list_argument a;
    if (!take_list_argument(args, "acl.op.set_attr_list_float", &a)) return NULL;
    float *values = PyMem_Malloc(((size_t)a.n + 1) * sizeof *values);
    if (!values) return PyErr_NoMemory();
    bool ok = true;
    for (Py_ssize_t i = 0; i < a.n && ok; i++) {
        PyObject *item = PySequence_GetItem(a.list, i);
        values[i] = item ? (float)PyFloat_AsDouble(item) : 0;
        ok = !PyErr_Occurred();
        Py_XDECREF(item);
    }
    PyObject *result =
        ok ? code_only(aclopSetAttrListFloat(a.attr, a.name, (int)a.n, values)) : NULL;
    PyMem_Free(values);
    return result;
}

/* (attr, name, lists), or as in C (attr, name, number of lists, their lengths, lists). */
METHOD(op_set_list_list_int) {
    static const char call[] = "acl.op.set_attr_list_list_int";
    void *attr;
    const char *name;
    int32_t count = -1;
    PyObject *lengths = NULL, *lists;
    bool counted = PyTuple_Size(args) == 5;
    bool ok = counted ? take(args, call, "psioo", &attr, &name, &count, &lengths, &lists)
                      : take(args, call, "pso", &attr, &name, &lists);
    if (!ok) return NULL;
    if (!PyList_Check(lists) && !PyTuple_Check(lists)) {
        wrong_type(call, counted ? 5 : 3, "a list of lists", lists);
        return NULL;
    }
    size_t n = (size_t)PySequence_Size(lists), given = n, done = 0;
    int64_t *said = counted ? take_list(lengths, call, 4, &given) : NULL;
    if (counted && !said) return NULL;
    int *sizes = PyMem_Malloc((n + 1) * sizeof *sizes);
    int64_t **values = PyMem_Malloc((n + 1) * sizeof *values);
    bool fits = given == n && n <= INT32_MAX && (!counted || (size_t)count == n);
    for (; sizes && values && fits && done < n; done++) {
        PyObject *list = PySequence_GetItem(lists, (Py_ssize_t)done);
        size_t length = 0;
        values[done] = list ? take_list(list, call, counted ? 5 : 3, &length) : NULL;
        Py_XDECREF(list);
        if (!values[done]) break;
        sizes[done] = (int)length;
        if (said && said[done] != (int64_t)length) fits = false;
    }
    PyObject *result = NULL;
    if (!sizes || !values) PyErr_NoMemory();
    else if (!fits)
        PyErr_Format(PyExc_ValueError, "%s(): the counts are not those of the lists", call);
    else if (done == n)
        result = code_only(aclopSetAttrListListInt(attr, name, (int)n, sizes,
                                                   (const int64_t *const *)values));
    for (size_t i = 0; i < done; i++) PyMem_Free(values[i]);
    PyMem_Free(said);
    PyMem_Free(sizes);
    PyMem_Free(values);
    return result;
}

METHOD(op_set_list_string) {
    struct list_argument a;
    if (!take_list_argument(args, "acl.op.set_attr_list_string", &a)) return NULL;
    PyObject *kept = PySequence_Tuple(a.list); /* the texts live as long as their owners */
    const char **values = kept ? PyMem_Malloc(((size_t)a.n + 1) * sizeof *values) : NULL;
    bool ok = values != NULL;
    for (Py_ssize_t i = 0; i < a.n && ok; i++)
        ok = PyArg_Parse(PyTuple_GetItem(kept, i), "s", &values[i]);
    PyObject *result =
        ok ? code_only(aclopSetAttrListString(a.attr, a.name, (int)a.n, values)) : NULL;
    PyMem_Free(values);
    Py_XDECREF(kept);
    return result ? result : PyErr_Occurred() ? NULL : PyErr_NoMemory();
}

/* ---- running ---- */

void lists_free(struct lists *l) {
    for (int i = 0; i < 4; i++) PyMem_Free(l->values[i]);
}

bool lists_take(struct lists *l, const char *call, PyObject *const objects[4], int first) {
    *l = (struct lists){0};
    for (int i = 0; i < 4; i++) {
        if (!objects[i]) continue;
        l->values[i] = take_list(objects[i], call, first++, &l->n[i]);
        if (!l->values[i]) {
            lists_free(l);
            return false;
        }
    }
    for (int i = 0; i < 4; i += 2) {
        bool odd = objects[i] && objects[i + 1] && l->n[i] != l->n[i + 1];
        if (!odd && l->n[i] <= INT32_MAX && l->n[i + 1] <= INT32_MAX) continue;
        PyErr_Format(PyExc_ValueError, "%s(): %zu descriptions and %zu buffers of %s", call,
                     l->n[i], l->n[i + 1], i ? "outputs" : "inputs");
        lists_free(l);
        return false;
    }
    return true;
}

#define LIST(i) ((void *)l.values[i])

/* execute, execute_v2, and infer_shape, which has neither output buffers nor a stream. */
static PyObject *execute(PyObject *args, const char *call, bool v2) {
    const char *type;
    void *attr, *stream;
    int32_t counts[2] = {-1, -1};
    PyObject *o[4];
    bool counted = PyTuple_Size(args) == 9;
    bool ok = counted ? take(args, call, "siooioopp", &type, &counts[0], &o[0], &o[1], &counts[1],
                             &o[2], &o[3], &attr, &stream)
                      : take(args, call, "soooopp", &type, &o[0], &o[1], &o[2], &o[3], &attr,
                             &stream);
    struct lists l;
    if (!ok || !lists_take(&l, call, o, 2)) return NULL;
    int n_in = (int)l.n[0], n_out = (int)l.n[2];
    aclError code;
    if (counted && (counts[0] != n_in || counts[1] != n_out))
        code = refuse(call, "num_inputs and num_outputs are %d and %d; the lists have %d and %d",
                      counts[0], counts[1], n_in, n_out);
    else if (v2)
        code = UNLOCKED(aclopExecuteV2(type, n_in, LIST(0), LIST(1), n_out, LIST(2), LIST(3), attr,
                                       stream));
    else
        code = UNLOCKED(aclopExecute(type, n_in, LIST(0), LIST(1), n_out, LIST(2), LIST(3), attr,
                                     stream));
    lists_free(&l);
    return code_only(code);
}

METHOD(op_execute) { return execute(args, "acl.op.execute", false); }
METHOD(op_execute_v2) { return execute(args, "acl.op.execute_v2", true); }

METHOD(op_infer_shape) {
    static const char call[] = "acl.op.infer_shape";
    const char *type;
    void *attr;
    PyObject *o[4] = {NULL};
    struct lists l;
    if (!take(args, call, "sooop", &type, &o[0], &o[1], &o[2], &attr) ||
        !lists_take(&l, call, o, 2))
        return NULL;
    aclError code = UNLOCKED(aclopInferShape(type, (int)l.n[0], LIST(0), LIST(1), (int)l.n[2],
                                             LIST(2), attr));
    lists_free(&l);
    return code_only(code);
}

METHOD(op_create_handle) {
    static const char call[] = "acl.op.create_handle";
    const char *type;
    void *attr;
    PyObject *o[4] = {NULL};
    struct lists l;
    if (!take(args, call, "soop", &type, &o[0], &o[2], &attr) || !lists_take(&l, call, o, 2))
        return NULL;
    aclopHandle *handle = NULL;
    aclError code = UNLOCKED(aclopCreateHandle(type, (int)l.n[0], LIST(0), (int)l.n[2], LIST(2),
                                               attr, &handle));
    lists_free(&l);
    return address_and_code(handle, code);
}

METHOD(op_create_handle_for_cast) {
    void *from, *to;
    int32_t truncate;
    aclopHandle *handle = NULL;
    if (!take(args, "acl.op.create_handle_for_cast", "ppi", &from, &to, &truncate)) return NULL;
    aclError code = UNLOCKED(aclopCreateHandleForCast(from, to, (uint8_t)truncate, &handle));
    return address_and_code(handle, code);
}

METHOD(op_destroy_handle) {
    void *handle;
    if (!take(args, "acl.op.destroy_handle", "p", &handle)) return NULL;
    aclopDestroyHandle(handle);
    Py_RETURN_NONE;
}

METHOD(op_execute_with_handle) {
    static const char call[] = "acl.op.execute_with_handle";
    void *handle, *stream;
    PyObject *o[4] = {NULL};
    struct lists l;
    if (!take(args, call, "poop", &handle, &o[1], &o[3], &stream) || !lists_take(&l, call, o, 2))
        return NULL;
    aclError code = UNLOCKED(aclopExecWithHandle(handle, (int)l.n[1], LIST(1), (int)l.n[3],
                                                 LIST(3), stream));
    lists_free(&l);
    return code_only(code);
}

METHOD(op_cast) {
    void *from, *from_buffer, *to, *to_buffer, *stream;
    int32_t truncate;
    if (!take(args, "acl.op.cast", "ppppip", &from, &from_buffer, &to, &to_buffer, &truncate,
              &stream))
        return NULL;
    return code_only(UNLOCKED(aclopCast(from, from_buffer, to, to_buffer, (uint8_t)truncate,
                                        stream)));
}

CODE1(op_set_model_dir, "acl.op.set_model_dir", aclopSetModelDir, s)
CODE2(op_load, "acl.op.load", aclopLoad, p, z)

PyMethodDef op_methods[] = {
    ROW("create_attr", op_create_attr, "create_attr() -> attr"),
    ROW("destroy_attr", op_destroy_attr, "destroy_attr(attr)"),
    ROW("set_attr_bool", op_set_bool, "set_attr_bool(attr, name, value) -> ret"),
    ROW("set_attr_data_type", op_set_data_type, "set_attr_data_type(attr, name, value) -> ret"),
    ROW("set_attr_float", op_set_float, "set_attr_float(attr, name, value) -> ret"),
    ROW("set_attr_int", op_set_int, "set_attr_int(attr, name, value) -> ret"),
    ROW("set_attr_string", op_set_string, "set_attr_string(attr, name, value) -> ret"),
    ROW("set_attr_list_bool", op_set_list_bool,
        "set_attr_list_bool(attr, name, [num_values,] values) -> ret"),
    ROW("set_attr_list_data_type", op_set_list_data_type,
        "set_attr_list_data_type(attr, name, [num_values,] values) -> ret"),
    ROW("set_attr_list_float", op_set_list_float,
        "set_attr_list_float(attr, name, [num_values,] values) -> ret"),
    ROW("set_attr_list_int", op_set_list_int,
        "set_attr_list_int(attr, name, [num_values,] values) -> ret"),
    ROW("set_attr_list_list_int", op_set_list_list_int,
        "set_attr_list_list_int(attr, name, [num_lists, num_values,] lists) -> ret"),
    ROW("set_attr_list_string", op_set_list_string,
        "set_attr_list_string(attr, name, [num_values,] values) -> ret"),
    ROW("execute", op_execute,
        "execute(op_type, input_descs, inputs, output_descs, outputs, attr, stream) -> ret"),
    ROW("execute_v2", op_execute_v2,
        "execute_v2(op_type, input_descs, inputs, output_descs, outputs, attr, stream) -> ret"),
    ROW("infer_shape", op_infer_shape,
        "infer_shape(op_type, input_descs, inputs, output_descs, attr) -> ret"),
    ROW("create_handle", op_create_handle,
        "create_handle(op_type, input_descs, output_descs, attr) -> (handle, ret)"),
    ROW("create_handle_for_cast", op_create_handle_for_cast,
        "create_handle_for_cast(src_desc, dst_desc, truncate) -> (handle, ret)"),
    ROW("destroy_handle", op_destroy_handle, "destroy_handle(handle)"),
    ROW("execute_with_handle", op_execute_with_handle,
        "execute_with_handle(handle, inputs, outputs, stream) -> ret"),
    ROW("cast", op_cast, "cast(src_desc, src_buf, dst_desc, dst_buf, truncate, stream) -> ret"),
    ROW("set_model_dir", op_set_model_dir, "set_model_dir(folder) -> ret"),
    ROW("load", op_load, "load(model, model_size) -> ret"),
    {NULL, NULL, 0, NULL}};
