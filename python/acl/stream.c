/* SPDX-License-Identifier: Apache-2.0 */
/*
 * acl.rt, second half: streams, events, callbacks, failures. A callback runs in the thread that
 * called process_report, with the interpreter lock held again for its time.
 */
#include "binding.h"

/* ---- streams ---- */

MAKE0(rt_create_stream, "acl.rt.create_stream", aclrtCreateStream)
MAKE2(rt_create_stream_with_config, "acl.rt.create_stream_with_config",
      aclrtCreateStreamWithConfig, u, u)
MAKE1(rt_create_stream_v2, "acl.rt.create_stream_v2", aclrtCreateStreamV2, p)
GET0(rt_create_stream_config_handle, "acl.rt.create_stream_config_handle",
     aclrtCreateStreamConfigHandle, address)
CODE1(rt_destroy_stream_config_handle, "acl.rt.destroy_stream_config_handle",
      aclrtDestroyStreamConfigHandle, p)

METHOD(rt_set_stream_config_opt) {
    struct option o;
    if (!take_option(args, "acl.rt.set_stream_config_opt", 1u << ACL_RT_STREAM_PRIORITY, &o))
        return NULL;
    return code_only(UNLOCKED(
        aclrtSetStreamConfigOpt(o.handle, (aclrtStreamConfigAttr)o.attr, &o.value, o.size)));
}
CODE1(rt_destroy_stream, "acl.rt.destroy_stream", aclrtDestroyStream, p)
CODE1(rt_destroy_stream_force, "acl.rt.destroy_stream_force", aclrtDestroyStreamForce, p)
CODE1(rt_synchronize_stream, "acl.rt.synchronize_stream", aclrtSynchronizeStream, p)
CODE2(rt_synchronize_stream_with_timeout, "acl.rt.synchronize_stream_with_timeout",
      aclrtSynchronizeStreamWithTimeout, p, i)
TELL1(rt_stream_query, "acl.rt.stream_query", aclrtStreamQuery, aclrtStreamStatus, p)
CODE2(rt_set_stream_failure_mode, "acl.rt.set_stream_failure_mode", aclrtSetStreamFailureMode, p, U)
CODE2(rt_stream_wait_event, "acl.rt.stream_wait_event", aclrtStreamWaitEvent, p, p)
CODE1(rt_set_op_wait_timeout, "acl.rt.set_op_wait_timeout", aclrtSetOpWaitTimeout, u)

/* ---- events ---- */

MAKE0(rt_create_event, "acl.rt.create_event", aclrtCreateEvent)
MAKE1(rt_create_event_with_flag, "acl.rt.create_event_with_flag", aclrtCreateEventWithFlag, u)
MAKE1(rt_create_event_ex_with_flag, "acl.rt.create_event_ex_with_flag", aclrtCreateEventExWithFlag,
      u)
CODE1(rt_destroy_event, "acl.rt.destroy_event", aclrtDestroyEvent, p)
CODE2(rt_record_event, "acl.rt.record_event", aclrtRecordEvent, p, p)
CODE2(rt_reset_event, "acl.rt.reset_event", aclrtResetEvent, p, p)
TELL1(rt_query_event, "acl.rt.query_event", aclrtQueryEvent, aclrtEventStatus, p)
TELL1(rt_query_event_status, "acl.rt.query_event_status", aclrtQueryEventStatus,
      aclrtEventRecordedStatus, p)
TELL1(rt_query_event_wait_status, "acl.rt.query_event_wait_status", aclrtQueryEventWaitStatus,
      aclrtEventWaitStatus, p)
CODE1(rt_synchronize_event, "acl.rt.synchronize_event", aclrtSynchronizeEvent, p)
CODE2(rt_synchronize_event_with_timeout, "acl.rt.synchronize_event_with_timeout",
      aclrtSynchronizeEventWithTimeout, p, i)

METHOD(rt_event_elapsed_time) {
    void *start, *end;
    float ms = 0;
    if (!take(args, "acl.rt.event_elapsed_time", "pp", &start, &end)) return NULL;
    aclError code = UNLOCKED(aclrtEventElapsedTime(&ms, start, end));
    return Py_BuildValue("di", (double)ms, (int)code);
}

/* ---- callbacks ---- */

/* What launched callbacks hold, in a ring so that those dropped by the library (their stream
 * unsubscribed or destroyed first) can be released at the end. The interpreter lock guards it. */
static struct callback launched = {&launched, &launched, NULL, NULL};

struct callback *callback_new(PyObject *function, PyObject *user) {
    struct callback *c = PyMem_Malloc(sizeof *c);
    if (!c) {
        PyErr_NoMemory();
        return NULL;
    }
    *c = (struct callback){&launched, launched.previous, function, user};
    launched.previous->next = c;
    launched.previous = c;
    Py_INCREF(function);
    Py_INCREF(user);
    return c;
}

/* The oldest, with which this begins, is most often the one. */
static bool is_launched(const struct callback *c) {
    const struct callback *found = launched.next;
    while (found != c && found != &launched) found = found->next;
    return found == c;
}

void callback_free(struct callback *c) {
    if (!is_launched(c)) return;
    c->previous->next = c->next;
    c->next->previous = c->previous;
    Py_DECREF(c->function);
    Py_DECREF(c->user);
    PyMem_Free(c);
}

bool callback_take(struct callback *c, PyObject **function, PyObject **user) {
    if (!is_launched(c)) return false;
    *function = c->function;
    *user = c->user;
    Py_INCREF(*function);
    Py_INCREF(*user);
    callback_free(c);
    return true;
}

void callbacks_forget(void) {
    while (launched.next != &launched) callback_free(launched.next);
}

/* Calls function(argument); an exception has nowhere to go but sys.unraisablehook. */
static void call_from_outside(PyObject *function, PyObject *argument) {
    PyObject *result =
        argument ? PyObject_CallFunctionObjArgs(function, argument, NULL) : NULL;
    if (!result) PyErr_WriteUnraisable(function);
    Py_XDECREF(result);
}

static void run_callback(void *launched_callback) {
    PyGILState_STATE state = PyGILState_Ensure();
    PyObject *function, *user;
    if (callback_take(launched_callback, &function, &user)) {
        call_from_outside(function, user);
        Py_DECREF(function);
        Py_DECREF(user);
    }
    PyGILState_Release(state);
}

METHOD(rt_launch_callback) {
    PyObject *function, *user;
    int32_t block;
    void *stream;
    if (!take(args, "acl.rt.launch_callback", "ooip", &function, &user, &block, &stream))
        return NULL;
    if (!PyCallable_Check(function)) {
        wrong_type("acl.rt.launch_callback", 1, "callable", function);
        return NULL;
    }
    struct callback *c = callback_new(function, user);
    if (!c) return NULL;
    aclError code =
        UNLOCKED(aclrtLaunchCallback(run_callback, c, (aclrtCallbackBlockType)block, stream));
    if (code != ACL_SUCCESS) callback_free(c);
    return code_only(code);
}

CODE2(rt_subscribe_report, "acl.rt.subscribe_report", aclrtSubscribeReport, U, p)
CODE2(rt_unsubscribe_report, "acl.rt.unsubscribe_report", aclrtUnSubscribeReport, U, p)
CODE1(rt_process_report, "acl.rt.process_report", aclrtProcessReport, i)

/* ---- failures ---- */

static PyObject *exception_function; /* guarded by the interpreter lock */

static void run_exception(aclrtExceptionInfo *info) {
    PyGILState_STATE state = PyGILState_Ensure();
    PyObject *function = exception_function;
    if (function) {
        Py_INCREF(function);
        PyObject *argument = address(info);
        call_from_outside(function, argument);
        Py_XDECREF(argument);
        Py_DECREF(function);
    }
    PyGILState_Release(state);
}

METHOD(rt_set_exception_info_callback) {
    PyObject *function;
    if (!take(args, "acl.rt.set_exception_info_callback", "o", &function)) return NULL;
    if (function == Py_None) function = NULL;
    else if (!PyCallable_Check(function)) {
        wrong_type("acl.rt.set_exception_info_callback", 1, "callable or None", function);
        return NULL;
    }
    aclError code = UNLOCKED(aclrtSetExceptionInfoCallback(function ? run_exception : NULL));
    if (code == ACL_SUCCESS) {
        PyObject *before = exception_function;
        Py_XINCREF(function);
        exception_function = function;
        Py_XDECREF(before);
    }
    return code_only(code);
}

GET1(rt_get_task_id_from_exception_info, "acl.rt.get_task_id_from_exception_info",
     aclrtGetTaskIdFromExceptionInfo, p, PyLong_FromUnsignedLong)
GET1(rt_get_stream_id_from_exception_info, "acl.rt.get_stream_id_from_exception_info",
     aclrtGetStreamIdFromExceptionInfo, p, PyLong_FromUnsignedLong)
GET1(rt_get_thread_id_from_exception_info, "acl.rt.get_thread_id_from_exception_info",
     aclrtGetThreadIdFromExceptionInfo, p, PyLong_FromUnsignedLong)
GET1(rt_get_device_id_from_exception_info, "acl.rt.get_device_id_from_exception_info",
     aclrtGetDeviceIdFromExceptionInfo, p, PyLong_FromUnsignedLong)
GET1(rt_get_error_code_from_exception_info, "acl.rt.get_error_code_from_exception_info",
     aclrtGetErrorCodeFromExceptionInfo, p, PyLong_FromUnsignedLong)

PyMethodDef stream_methods[] = {
    ROW("create_stream", rt_create_stream, "create_stream() -> (stream, ret)"),
    ROW("create_stream_with_config", rt_create_stream_with_config,
        "create_stream_with_config(priority, flag) -> (stream, ret)"),
    ROW("create_stream_v2", rt_create_stream_v2, "create_stream_v2(handle) -> (stream, ret)"),
    ROW("create_stream_config_handle", rt_create_stream_config_handle,
        "create_stream_config_handle() -> handle"),
    ROW("destroy_stream_config_handle", rt_destroy_stream_config_handle,
        "destroy_stream_config_handle(handle) -> ret"),
    ROW("set_stream_config_opt", rt_set_stream_config_opt,
        "set_stream_config_opt(handle, attr, value, value_size=its own) -> ret"),
    ROW("destroy_stream", rt_destroy_stream, "destroy_stream(stream) -> ret"),
    ROW("destroy_stream_force", rt_destroy_stream_force, "destroy_stream_force(stream) -> ret"),
    ROW("synchronize_stream", rt_synchronize_stream, "synchronize_stream(stream) -> ret"),
    ROW("synchronize_stream_with_timeout", rt_synchronize_stream_with_timeout,
        "synchronize_stream_with_timeout(stream, timeout_ms) -> ret"),
    ROW("stream_query", rt_stream_query, "stream_query(stream) -> (status, ret)"),
    ROW("set_stream_failure_mode", rt_set_stream_failure_mode,
        "set_stream_failure_mode(stream, mode) -> ret"),
    ROW("stream_wait_event", rt_stream_wait_event, "stream_wait_event(stream, event) -> ret"),
    ROW("set_op_wait_timeout", rt_set_op_wait_timeout, "set_op_wait_timeout(seconds) -> ret"),
    ROW("create_event", rt_create_event, "create_event() -> (event, ret)"),
    ROW("create_event_with_flag", rt_create_event_with_flag,
        "create_event_with_flag(flag) -> (event, ret)"),
    ROW("create_event_ex_with_flag", rt_create_event_ex_with_flag,
        "create_event_ex_with_flag(flag) -> (event, ret)"),
    ROW("destroy_event", rt_destroy_event, "destroy_event(event) -> ret"),
    ROW("record_event", rt_record_event, "record_event(event, stream) -> ret"),
    ROW("reset_event", rt_reset_event, "reset_event(event, stream) -> ret"),
    ROW("query_event", rt_query_event, "query_event(event) -> (status, ret)"),
    ROW("query_event_status", rt_query_event_status, "query_event_status(event) -> (status, ret)"),
    ROW("query_event_wait_status", rt_query_event_wait_status,
        "query_event_wait_status(event) -> (status, ret)"),
    ROW("synchronize_event", rt_synchronize_event, "synchronize_event(event) -> ret"),
    ROW("synchronize_event_with_timeout", rt_synchronize_event_with_timeout,
        "synchronize_event_with_timeout(event, timeout_ms) -> ret"),
    ROW("event_elapsed_time", rt_event_elapsed_time, "event_elapsed_time(start, end) -> (ms, ret)"),
    ROW("launch_callback", rt_launch_callback,
        "launch_callback(fn, user_data, block_type, stream) -> ret; fn(user_data) runs in the "
        "subscribed thread"),
    ROW("subscribe_report", rt_subscribe_report, "subscribe_report(thread_id, stream) -> ret"),
    ROW("unsubscribe_report", rt_unsubscribe_report,
        "unsubscribe_report(thread_id, stream) -> ret"),
    ROW("process_report", rt_process_report, "process_report(timeout_ms) -> ret"),
    ROW("set_exception_info_callback", rt_set_exception_info_callback,
        "set_exception_info_callback(fn or None) -> ret; fn(info) runs when a task fails"),
    ROW("get_task_id_from_exception_info", rt_get_task_id_from_exception_info,
        "get_task_id_from_exception_info(info) -> id"),
    ROW("get_stream_id_from_exception_info", rt_get_stream_id_from_exception_info,
        "get_stream_id_from_exception_info(info) -> id"),
    ROW("get_thread_id_from_exception_info", rt_get_thread_id_from_exception_info,
        "get_thread_id_from_exception_info(info) -> id"),
    ROW("get_device_id_from_exception_info", rt_get_device_id_from_exception_info,
        "get_device_id_from_exception_info(info) -> id"),
    ROW("get_error_code_from_exception_info", rt_get_error_code_from_exception_info,
        "get_error_code_from_exception_info(info) -> code"),
    {NULL, NULL, 0, NULL}};
