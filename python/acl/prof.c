/* SPDX-License-Identifier: Apache-2.0 */
/* acl.prof: profiling. */
#include "binding.h"

#include "acl/acl_prof.h"

CODE2(prof_init, "acl.prof.init", aclprofInit, s, z)
CODE1(prof_start, "acl.prof.start", aclprofStart, p)
CODE1(prof_stop, "acl.prof.stop", aclprofStop, p)
CODE0(prof_finalize, "acl.prof.finalize", aclprofFinalize)

METHOD(prof_create_config) {
    PyObject *list;
    uint32_t n_given;
    int32_t metrics;
    void *events;
    uint64_t types;
    size_t n;
    if (!take(args, "acl.prof.create_config", "ouipU", &list, &n_given, &metrics, &events, &types))
        return NULL;
    uint32_t *devices = take_list_of_32(list, "acl.prof.create_config", 1, false, &n);
    if (!devices) return NULL;
    PyObject *result = NULL;
    if (n < n_given)
        PyErr_Format(PyExc_ValueError, "acl.prof.create_config(): device_id_list has %zu items, "
                                       "device_nums is %u",
                     n, (unsigned)n_given);
    else
        result = address(aclprofCreateConfig(devices, n_given, (aclprofAicoreMetrics)metrics,
                                             events, types));
    PyMem_Free(devices);
    return result;
}

CODE1(prof_destroy_config, "acl.prof.destroy_config", aclprofDestroyConfig, p)

METHOD(prof_set_config) {
    int32_t type;
    const char *config;
    size_t length;
    if (!take(args, "acl.prof.set_config", "isz", &type, &config, &length)) return NULL;
    return code_only(UNLOCKED(aclprofSetConfig((aclprofConfigType)type, config, length)));
}

GET0(prof_create_stamp, "acl.prof.create_stamp", aclprofCreateStamp, address)
CODE3(prof_set_stamp_trace_message, "acl.prof.set_stamp_trace_message", aclprofSetStampTraceMessage,
      p, s, u)
CODE1(prof_mark, "acl.prof.mark", aclprofMark, p)
CODE1(prof_push, "acl.prof.push", aclprofPush, p)
CODE0(prof_pop, "acl.prof.pop", aclprofPop)
CODE1(prof_range_stop, "acl.prof.range_stop", aclprofRangeStop, u)

METHOD(prof_range_start) {
    void *stamp;
    uint32_t range = 0;
    if (!take(args, "acl.prof.range_start", "p", &stamp)) return NULL;
    aclError code = UNLOCKED(aclprofRangeStart(stamp, &range));
    return number_and_code(range, code);
}

METHOD(prof_destroy_stamp) {
    void *stamp;
    if (!take(args, "acl.prof.destroy_stamp", "p", &stamp)) return NULL;
    aclprofDestroyStamp(stamp);
    Py_RETURN_NONE;
}

GET0(prof_create_step_info, "acl.prof.create_step_info", aclprofCreateStepInfo, address)

METHOD(prof_destroy_step_info) {
    void *step;
    if (!take(args, "acl.prof.destroy_step_info", "p", &step)) return NULL;
    aclprofDestroyStepInfo(step);
    Py_RETURN_NONE;
}

METHOD(prof_get_step_timestamp) {
    void *step, *stream;
    int32_t tag;
    if (!take(args, "acl.prof.get_step_timestamp", "pip", &step, &tag, &stream)) return NULL;
    return code_only(UNLOCKED(aclprofGetStepTimestamp(step, (aclprofStepTag)tag, stream)));
}

METHOD(prof_create_subscribe_config) {
    int32_t with_times, metrics;
    void *fd;
    if (!take(args, "acl.prof.create_subscribe_config", "iip", &with_times, &metrics, &fd))
        return NULL;
    return address(
        aclprofCreateSubscribeConfig(with_times != 0, (aclprofAicoreMetrics)metrics, fd));
}

CODE1(prof_destroy_subscribe_config, "acl.prof.destroy_subscribe_config",
      aclprofDestroySubscribeConfig, p)
CODE2(prof_model_subscribe, "acl.prof.model_subscribe", aclprofModelSubscribe, u, p)
CODE1(prof_model_un_subscribe, "acl.prof.model_un_subscribe", aclprofModelUnSubscribe, u)

/* ---- reading ---- */

METHOD(prof_get_op_desc_size) {
    size_t size = 0;
    if (!take(args, "acl.prof.get_op_desc_size", "")) return NULL;
    aclError code = aclprofGetOpDescSize(&size);
    return number_and_code((long long)size, code);
}

METHOD(prof_get_op_num) {
    void *info;
    size_t bytes;
    uint32_t n = 0;
    if (!take(args, "acl.prof.get_op_num", "pz", &info, &bytes)) return NULL;
    aclError code = aclprofGetOpNum(info, bytes, &n);
    return number_and_code(n, code);
}

/* The three arguments of every reader: op_info, op_info_len, index. */
#define READER(name, value)                                                                        \
    METHOD(prof_##name) {                                                                          \
        void *info;                                                                                \
        size_t bytes;                                                                              \
        uint32_t index;                                                                            \
        if (!take(args, "acl.prof." #name, "pzu", &info, &bytes, &index)) return NULL;             \
        return value;                                                                              \
    }

static PyObject *length(aclError (*fn)(const void *, size_t, uint32_t, size_t *), void *info,
                        size_t bytes, uint32_t index) {
    size_t n = 0;
    aclError code = fn(info, bytes, index, &n);
    return number_and_code((long long)n, code);
}

READER(get_op_type_len, length(aclprofGetOpTypeLen, info, bytes, index))
READER(get_op_name_len, length(aclprofGetOpNameLen, info, bytes, index))
READER(get_op_start, PyLong_FromUnsignedLongLong(aclprofGetOpStart(info, bytes, index)))
READER(get_op_end, PyLong_FromUnsignedLongLong(aclprofGetOpEnd(info, bytes, index)))
READER(get_op_duration, PyLong_FromUnsignedLongLong(aclprofGetOpDuration(info, bytes, index)))
READER(get_model_id, size_value(aclprofGetModelId(info, bytes, index)))
READER(get_op_flag, PyLong_FromLong(aclprofGetOpFlag(info, bytes, index)))

/* A text of at most `room` bytes with its NUL, as (str, code). */
static PyObject *read_text(PyObject *args, const char *call,
                           aclError (*fn)(const void *, size_t, uint32_t, char *, size_t)) {
    void *info;
    size_t bytes, room;
    uint32_t index;
    char to[ACL_PROF_MAX_OP_NAME_LEN] = "";
    if (!take(args, call, "pzuz", &info, &bytes, &index, &room)) return NULL;
    aclError code = fn(info, bytes, index, to, room < sizeof to ? room : sizeof to);
    return object_and_code(text(to), code);
}

/* The same without a length to give: the longest there is. */
static PyObject *read_all(PyObject *args, const char *call,
                          aclError (*fn)(const void *, size_t, uint32_t, char *, size_t)) {
    void *info;
    size_t bytes;
    uint32_t index;
    char to[ACL_PROF_MAX_OP_NAME_LEN] = "";
    if (!take(args, call, "pzu", &info, &bytes, &index)) return NULL;
    aclError code = fn(info, bytes, index, to, sizeof to);
    return object_and_code(text(to), code);
}

METHOD(prof_get_op_type_v2) { return read_all(args, "acl.prof.get_op_type_v2", aclprofGetOpType); }
METHOD(prof_get_op_name_v2) { return read_all(args, "acl.prof.get_op_name_v2", aclprofGetOpName); }
METHOD(prof_get_op_type) { return read_text(args, "acl.prof.get_op_type", aclprofGetOpType); }
METHOD(prof_get_op_name) { return read_text(args, "acl.prof.get_op_name", aclprofGetOpName); }

METHOD(prof_get_op_attri_value) {
    void *info;
    size_t bytes;
    uint32_t index;
    int32_t attribute;
    if (!take(args, "acl.prof.get_op_attri_value", "pzui", &info, &bytes, &index, &attribute))
        return NULL;
    return text(aclprofGetOpAttriValue(info, bytes, index, (aclprofSubscribeOpAttri)attribute));
}

PyMethodDef prof_methods[] = {
    ROW("init", prof_init, "init(profiler_result_path, length) -> ret"),
    ROW("create_config", prof_create_config,
        "create_config(device_id_list, device_nums, aicore_metrics, aicore_events, "
        "data_type_config) -> profiler_config"),
    ROW("destroy_config", prof_destroy_config, "destroy_config(profiler_config) -> ret"),
    ROW("set_config", prof_set_config, "set_config(config_type, config, config_length) -> ret"),
    ROW("start", prof_start, "start(profiler_config) -> ret"),
    ROW("stop", prof_stop, "stop(profiler_config) -> ret"),
    ROW("finalize", prof_finalize, "finalize() -> ret; writes what was recorded"),
    ROW("create_stamp", prof_create_stamp, "create_stamp() -> stamp"),
    ROW("destroy_stamp", prof_destroy_stamp, "destroy_stamp(stamp)"),
    ROW("set_stamp_trace_message", prof_set_stamp_trace_message,
        "set_stamp_trace_message(stamp, msg, msg_len) -> ret"),
    ROW("mark", prof_mark, "mark(stamp) -> ret"),
    ROW("push", prof_push, "push(stamp) -> ret"),
    ROW("pop", prof_pop, "pop() -> ret"),
    ROW("range_start", prof_range_start, "range_start(stamp) -> (range_id, ret)"),
    ROW("range_stop", prof_range_stop, "range_stop(range_id) -> ret"),
    ROW("create_step_info", prof_create_step_info, "create_step_info() -> step_info"),
    ROW("destroy_step_info", prof_destroy_step_info, "destroy_step_info(step_info)"),
    ROW("get_step_timestamp", prof_get_step_timestamp,
        "get_step_timestamp(step_info, tag, stream) -> ret"),
    ROW("create_subscribe_config", prof_create_subscribe_config,
        "create_subscribe_config(time_info_switch, aicore_metrics, fd) -> prof_subscribe_config"),
    ROW("destroy_subscribe_config", prof_destroy_subscribe_config,
        "destroy_subscribe_config(prof_subscribe_config) -> ret"),
    ROW("model_subscribe", prof_model_subscribe,
        "model_subscribe(model_id, prof_subscribe_config) -> ret"),
    ROW("model_un_subscribe", prof_model_un_subscribe, "model_un_subscribe(model_id) -> ret"),
    ROW("get_op_desc_size", prof_get_op_desc_size, "get_op_desc_size() -> (op_desc_size, ret)"),
    ROW("get_op_num", prof_get_op_num, "get_op_num(op_info, op_info_len) -> (op_number, ret)"),
    ROW("get_op_type_len", prof_get_op_type_len,
        "get_op_type_len(op_info, op_info_len, index) -> (op_type_len, ret)"),
    ROW("get_op_type", prof_get_op_type,
        "get_op_type(op_info, op_info_len, index, op_type_len) -> (op_type, ret)"),
    ROW("get_op_name_len", prof_get_op_name_len,
        "get_op_name_len(op_info, op_info_len, index) -> (op_name_len, ret)"),
    ROW("get_op_name", prof_get_op_name,
        "get_op_name(op_info, op_info_len, index, op_name_len) -> (op_name, ret)"),
    ROW("get_op_type_v2", prof_get_op_type_v2,
        "get_op_type_v2(op_info, op_info_len, index) -> (op_type, ret)"),
    ROW("get_op_name_v2", prof_get_op_name_v2,
        "get_op_name_v2(op_info, op_info_len, index) -> (op_name, ret)"),
    ROW("get_op_start", prof_get_op_start, "get_op_start(op_info, op_info_len, index) -> ns"),
    ROW("get_op_end", prof_get_op_end, "get_op_end(op_info, op_info_len, index) -> ns"),
    ROW("get_op_duration", prof_get_op_duration,
        "get_op_duration(op_info, op_info_len, index) -> ns"),
    ROW("get_op_flag", prof_get_op_flag, "get_op_flag(op_info, op_info_len, index) -> flag"),
    ROW("get_op_attri_value", prof_get_op_attri_value,
        "get_op_attri_value(op_info, op_info_len, index, attri) -> str"),
    ROW("get_model_id", prof_get_model_id, "get_model_id(op_info, op_info_len, index) -> model_id"),
    {NULL, NULL, 0, NULL}};
