/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What acl and acl.op offer around the compiling of operators: compiling, its options, graphs as
 * text, kernels of the program's own, and statistics of what is called.
 */
#include "binding.h"

#include "acl/acl_op_compiler.h"

/* ---- compiling ---- */

/* Arguments from op_type to attr, as in C with the counts before the lists or without them. */
struct op_call {
    const char *type;
    void *attr, *stream;
    int32_t counts[2], engine, flag;
    const char *path;
    struct lists l;
};

static bool check_counts(const char *call, struct op_call *c) {
    const int32_t n[2] = {(int32_t)c->l.n[0], (int32_t)c->l.n[2]};
    for (int i = 0; i < 2; i++) {
        if (c->counts[i] == -1 || c->counts[i] == n[i]) continue;
        PyErr_Format(PyExc_ValueError, "%s(): the count of %s is %d; the list has %d", call,
                     i ? "outputs" : "inputs", c->counts[i], n[i]);
        lists_free(&c->l);
        return false;
    }
    return true;
}

#define LIST(i) ((void *)c.l.values[i])
#define N_IN    ((int)c.l.n[0])
#define N_OUT   ((int)c.l.n[2])

METHOD(op_compile) {
    static const char call[] = "acl.op.compile";
    struct op_call c = {.counts = {-1, -1}};
    PyObject *o[4] = {NULL};
    bool ok = PyTuple_Size(args) == 9
                  ? take(args, call, "sioiopiiS", &c.type, &c.counts[0], &o[0], &c.counts[1], &o[2],
                         &c.attr, &c.engine, &c.flag, &c.path)
                  : take(args, call, "soopiiS", &c.type, &o[0], &o[2], &c.attr, &c.engine, &c.flag,
                         &c.path);
    if (!ok || !lists_take(&c.l, call, o, 2) || !check_counts(call, &c)) return NULL;
    aclError code = UNLOCKED(aclopCompile(c.type, N_IN, LIST(0), N_OUT, LIST(2), c.attr,
                                          (aclopEngineType)c.engine, (aclopCompileType)c.flag,
                                          c.path));
    lists_free(&c.l);
    return code_only(code);
}

static PyObject *compile_and_execute(PyObject *args, const char *call, bool v2) {
    struct op_call c = {.counts = {-1, -1}};
    PyObject *o[4];
    bool ok = PyTuple_Size(args) == 12
                  ? take(args, call, "siooioopiiSp", &c.type, &c.counts[0], &o[0], &o[1],
                         &c.counts[1], &o[2], &o[3], &c.attr, &c.engine, &c.flag, &c.path,
                         &c.stream)
                  : take(args, call, "soooopiiSp", &c.type, &o[0], &o[1], &o[2], &o[3], &c.attr,
                         &c.engine, &c.flag, &c.path, &c.stream);
    if (!ok || !lists_take(&c.l, call, o, 2) || !check_counts(call, &c)) return NULL;
    aclError code;
    if (v2)
        code = UNLOCKED(aclopCompileAndExecuteV2(
            c.type, N_IN, LIST(0), LIST(1), N_OUT, LIST(2), LIST(3), c.attr,
            (aclopEngineType)c.engine, (aclopCompileType)c.flag, c.path, c.stream));
    else
        code = UNLOCKED(aclopCompileAndExecute(
            c.type, N_IN, LIST(0), LIST(1), N_OUT, LIST(2), LIST(3), c.attr,
            (aclopEngineType)c.engine, (aclopCompileType)c.flag, c.path, c.stream));
    lists_free(&c.l);
    return code_only(code);
}

METHOD(op_compile_and_execute) {
    return compile_and_execute(args, "acl.op.compile_and_execute", false);
}
METHOD(op_compile_and_execute_v2) {
    return compile_and_execute(args, "acl.op.compile_and_execute_v2", true);
}

CODE1(op_set_compile_flag, "acl.op.set_compile_flag", aclopSetCompileFlag, i)

/* ---- options ---- */

CODE2(compile_set_compileopt, "acl.set_compileopt", aclSetCompileopt, i, s)
GET1(compile_get_compileopt_size, "acl.get_compileopt_size", aclGetCompileoptSize, i, size_value)

METHOD(compile_get_compileopt) {
    int32_t option;
    size_t length = 0;
    if (!take(args, "acl.get_compileopt", "i|z", &option, &length)) return NULL;
    size_t need = PyTuple_Size(args) == 2 ? length : aclGetCompileoptSize((aclCompileOpt)option);
    if (need > 1 << 20) need = 1 << 20; /* more than any value has */
    char *value = PyMem_Malloc(need + 1);
    if (!value) return PyErr_NoMemory();
    value[0] = '\0';
    aclError code = aclGetCompileopt((aclCompileOpt)option, value, need);
    PyObject *result = object_and_code(text(code == ACL_SUCCESS ? value : NULL), code);
    PyMem_Free(value);
    return result;
}

/* ---- graphs as text ---- */

GET0(compile_create_graph_dump_opt, "acl.create_graph_dump_opt", aclCreateGraphDumpOpt, address)
CODE1(compile_destroy_graph_dump_opt, "acl.destroy_graph_dump_opt", aclDestroyGraphDumpOpt, p)

METHOD(compile_gen_graph_and_dump_for_op) {
    static const char call[] = "acl.gen_graph_and_dump_for_op";
    struct op_call c = {.counts = {-1, -1}};
    PyObject *o[4];
    void *option;
    bool ok = PyTuple_Size(args) == 11
                  ? take(args, call, "siooioopisp", &c.type, &c.counts[0], &o[0], &o[1],
                         &c.counts[1], &o[2], &o[3], &c.attr, &c.engine, &c.path, &option)
                  : take(args, call, "soooopisp", &c.type, &o[0], &o[1], &o[2], &o[3], &c.attr,
                         &c.engine, &c.path, &option);
    if (!ok || !lists_take(&c.l, call, o, 2) || !check_counts(call, &c)) return NULL;
    aclError code = UNLOCKED(aclGenGraphAndDumpForOp(
        c.type, N_IN, LIST(0), LIST(1), N_OUT, LIST(2), LIST(3), c.attr, (aclopEngineType)c.engine,
        c.path, option));
    lists_free(&c.l);
    return code_only(code);
}

/* ---- kernels of the program's own: machine code of a chip, which the library refuses ---- */

METHOD(op_create_kernel) {
    const char *type, *id, *name;
    void *data;
    int32_t size, engine;
    PyObject *deallocator;
    if (!take(args, "acl.op.create_kernel", "ssspiio", &type, &id, &name, &data, &size, &engine,
              &deallocator))
        return NULL;
    return code_only(aclopCreateKernel(type, id, name, data, size, (aclopEngineType)engine, NULL));
}

METHOD(op_register_compile_func) {
    const char *type;
    PyObject *function;
    if (!take(args, "acl.op.register_compile_func", "so", &type, &function)) return NULL;
    if (!PyCallable_Check(function)) {
        wrong_type("acl.op.register_compile_func", 2, "callable", function);
        return NULL;
    }
    return code_only(aclopRegisterCompileFunc(type, NULL));
}

CODE1(op_unregister_compile_func, "acl.op.unregister_compile_func", aclopUnregisterCompileFunc, s)
CODE5(op_set_kernel_args, "acl.op.set_kernel_args", aclopSetKernelArgs, p, s, u, p, u)

METHOD(op_set_kernel_workspace_sizes) {
    static const char call[] = "acl.op.set_kernel_workspace_sizes";
    void *desc;
    int32_t count;
    PyObject *list;
    size_t n;
    if (!take(args, call, "pio", &desc, &count, &list)) return NULL;
    int64_t *sizes = take_list(list, call, 3, &n);
    if (!sizes) return NULL;
    aclError code = aclopSetKernelWorkspaceSizes(desc, count, (size_t *)sizes);
    PyMem_Free(sizes);
    return code_only(code);
}

METHOD(op_update_params) {
    static const char call[] = "acl.op.update_params";
    struct op_call c = {.counts = {-1, -1}};
    PyObject *o[4] = {NULL};
    bool ok = PyTuple_Size(args) == 6
                  ? take(args, call, "sioiop", &c.type, &c.counts[0], &o[0], &c.counts[1], &o[2],
                         &c.attr)
                  : take(args, call, "soop", &c.type, &o[0], &o[2], &c.attr);
    if (!ok || !lists_take(&c.l, call, o, 2) || !check_counts(call, &c)) return NULL;
    aclError code = aclopUpdateParams(c.type, N_IN, LIST(0), N_OUT, LIST(2), c.attr);
    lists_free(&c.l);
    return code_only(code);
}

/* ---- statistics ---- */

CODE2(op_start_dump_args, "acl.op.start_dump_args", aclopStartDumpArgs, u, s)
CODE1(op_stop_dump_args, "acl.op.stop_dump_args", aclopStopDumpArgs, u)

PyMethodDef compile_methods[] = {
    ROW("set_compileopt", compile_set_compileopt, "set_compileopt(opt, value) -> ret"),
    ROW("get_compileopt", compile_get_compileopt, "get_compileopt(opt[, length]) -> (value, ret)"),
    ROW("get_compileopt_size", compile_get_compileopt_size, "get_compileopt_size(opt) -> size"),
    ROW("create_graph_dump_opt", compile_create_graph_dump_opt,
        "create_graph_dump_opt() -> graph_dump_opt"),
    ROW("destroy_graph_dump_opt", compile_destroy_graph_dump_opt,
        "destroy_graph_dump_opt(graph_dump_opt) -> ret"),
    ROW("gen_graph_and_dump_for_op", compile_gen_graph_and_dump_for_op,
        "gen_graph_and_dump_for_op(op_type, input_descs, inputs, output_descs, outputs, attr, "
        "engine_type, graph_dump_path, graph_dump_opt) -> ret"),
    {NULL, NULL, 0, NULL}};

PyMethodDef op_compile_methods[] = {
    ROW("compile", op_compile,
        "compile(op_type, input_descs, output_descs, attr, engine_type, compile_flag, op_path) -> "
        "ret"),
    ROW("compile_and_execute", op_compile_and_execute,
        "compile_and_execute(op_type, input_descs, inputs, output_descs, outputs, attr, "
        "engine_type, compile_flag, op_path, stream) -> ret"),
    ROW("compile_and_execute_v2", op_compile_and_execute_v2,
        "compile_and_execute_v2(op_type, input_descs, inputs, output_descs, outputs, attr, "
        "engine_type, compile_flag, op_path, stream) -> ret"),
    ROW("set_compile_flag", op_set_compile_flag, "set_compile_flag(flag) -> ret"),
    ROW("create_kernel", op_create_kernel,
        "create_kernel(op_type, kernel_id, kernel_name, bin_data, bin_size, engine_type, "
        "deallocator) -> ret; not supported"),
    ROW("register_compile_func", op_register_compile_func,
        "register_compile_func(op_type, func) -> ret; not supported"),
    ROW("unregister_compile_func", op_unregister_compile_func,
        "unregister_compile_func(op_type) -> ret; not supported"),
    ROW("set_kernel_args", op_set_kernel_args,
        "set_kernel_args(kernel_desc, kernel_id, block_dim, args, arg_size) -> ret; not supported"),
    ROW("set_kernel_workspace_sizes", op_set_kernel_workspace_sizes,
        "set_kernel_workspace_sizes(kernel_desc, num_workspaces, sizes) -> ret; not supported"),
    ROW("update_params", op_update_params,
        "update_params(op_type, input_descs, output_descs, attr) -> ret; not supported"),
    ROW("start_dump_args", op_start_dump_args, "start_dump_args(dump_type, path) -> ret"),
    ROW("stop_dump_args", op_stop_dump_args, "stop_dump_args(dump_type) -> ret"),
    {NULL, NULL, 0, NULL}};
