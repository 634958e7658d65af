/* SPDX-License-Identifier: Apache-2.0 */
/*
 * acl.media, second half: video (acl/ops/acl_dvpp.h). A channel's callback is a function of
 * Python's, which is called in the thread that runs acl.rt.process_report, with what was sent with
 * the frame as its last argument.
 */
#include "binding.h"

#include "acl/ops/acl_dvpp.h"

#define NAME(rest) "acl.media." rest

/* ---- channels ---- */

#define DESC(kind)                                                                                 \
    GET0(kind##_create_channel_desc, NAME(#kind "_create_channel_desc"),                           \
         acl##kind##CreateChannelDesc, address)                                                    \
    CODE1(kind##_create_channel, NAME(#kind "_create_channel"), acl##kind##CreateChannel, p)       \
    CODE1(kind##_destroy_channel, NAME(#kind "_destroy_channel"), acl##kind##DestroyChannel, p)    \
    GET0(kind##_create_frame_config, NAME(#kind "_create_frame_config"),                           \
         acl##kind##CreateFrameConfig, address)                                                    \
    CODE1(kind##_destroy_frame_config, NAME(#kind "_destroy_frame_config"),                        \
          acl##kind##DestroyFrameConfig, p)
DESC(vdec)
DESC(venc)

#define FIELD(kind, field, Field, letter, build)                                                   \
    CODE2(kind##_set_channel_desc_##field, NAME(#kind "_set_channel_desc_" #field),                \
          acl##kind##SetChannelDesc##Field, p, letter)                                             \
    GET1(kind##_get_channel_desc_##field, NAME(#kind "_get_channel_desc_" #field),                 \
         acl##kind##GetChannelDesc##Field, p, build)
FIELD(vdec, channel_id, ChannelId, u, size_value)
FIELD(vdec, thread_id, ThreadId, U, size_value)
FIELD(vdec, entype, EnType, u, size_value)
FIELD(vdec, out_pic_format, OutPicFormat, u, size_value)
FIELD(vdec, out_pic_width, OutPicWidth, u, size_value)
FIELD(vdec, out_pic_height, OutPicHeight, u, size_value)
FIELD(vdec, out_mode, OutMode, u, size_value)
FIELD(vdec, bit_depth, BitDepth, u, size_value)
FIELD(vdec, ref_frame_num, RefFrameNum, u, size_value)
FIELD(venc, thread_id, ThreadId, U, size_value)
FIELD(venc, entype, EnType, u, size_value)
FIELD(venc, pic_format, PicFormat, u, size_value)
FIELD(venc, pic_width, PicWidth, u, size_value)
FIELD(venc, pic_height, PicHeight, u, size_value)
FIELD(venc, key_frame_interval, KeyFrameInterval, u, size_value)
FIELD(venc, src_rate, SrcRate, u, size_value)
FIELD(venc, max_bit_rate, MaxBitRate, u, size_value)
FIELD(venc, rc_mode, RcMode, u, size_value)
FIELD(venc, buf_addr, BufAddr, p, address)
FIELD(venc, buf_size, BufSize, u, size_value)
GET1(venc_get_channel_desc_channel_id, NAME("venc_get_channel_desc_channel_id"),
     aclvencGetChannelDescChannelId, p, size_value)

/* The value stands for itself; its length, which C wants, may be given before it. */
#define PARAMETERS(kind, type)                                                                     \
    METHOD(kind##_set_channel_desc_param) {                                                        \
        void *desc;                                                                                \
        int32_t number;                                                                            \
        size_t length = 0;                                                                         \
        uint64_t value;                                                                            \
        bool ok = PyTuple_Size(args) == 4                                                          \
                      ? take(args, NAME(#kind "_set_channel_desc_param"), "pizU", &desc, &number,  \
                             &length, &value)                                                      \
                      : take(args, NAME(#kind "_set_channel_desc_param"), "piU", &desc, &number,   \
                             &value);                                                              \
        if (!ok) return NULL;                                                                      \
        return code_only(acl##kind##SetChannelDescParam(desc, (type)number,                        \
                                                        length ? length : sizeof value, &value));  \
    }                                                                                              \
    METHOD(kind##_get_channel_desc_param) {                                                        \
        void *desc;                                                                                \
        int32_t number;                                                                            \
        size_t length = sizeof(uint64_t), size = 0;                                                \
        uint64_t value = 0;                                                                        \
        if (!take(args, NAME(#kind "_get_channel_desc_param"), "pi|z", &desc, &number, &length))   \
            return NULL;                                                                           \
        if (length > sizeof value) length = sizeof value;                                          \
        aclError code =                                                                            \
            acl##kind##GetChannelDescParam(desc, (type)number, length, &size, &value);             \
        return number_and_code((long long)value, code);                                            \
    }
PARAMETERS(vdec, aclvdecChannelDescParamType)
PARAMETERS(venc, aclvencChannelDescParamType)

#define FRAME_FIELD(field, Field)                                                                  \
    CODE2(venc_set_frame_config_##field, NAME("venc_set_frame_config_" #field),                    \
          aclvencSetFrameConfig##Field, p, u)                                                      \
    GET1(venc_get_frame_config_##field, NAME("venc_get_frame_config_" #field),                     \
         aclvencGetFrameConfig##Field, p, size_value)
FRAME_FIELD(eos, Eos)
FRAME_FIELD(force_i_frame, ForceIFrame)

/* ---- callbacks ---- */

/* The function of each channel description, by its number. */
static PyObject *functions;

static PyObject *function_of(void *desc) {
    PyObject *key = PyLong_FromVoidPtr(desc);
    PyObject *found = key && functions ? PyDict_GetItemWithError(functions, key) : NULL;
    Py_XDECREF(key);
    return found; /* borrowed */
}

static bool set_function(void *desc, PyObject *function) {
    PyObject *key = PyLong_FromVoidPtr(desc);
    if (!functions) functions = PyDict_New();
    bool ok = key && functions && PyDict_SetItem(functions, key, function) == 0;
    Py_XDECREF(key);
    return ok;
}

static void forget_function(void *desc) {
    PyObject *key = PyLong_FromVoidPtr(desc);
    if (key && functions && PyDict_GetItemWithError(functions, key))
        PyDict_DelItem(functions, key);
    Py_XDECREF(key);
    PyErr_Clear();
}

static void call(PyObject *function, const void *input, const void *output, PyObject *user) {
    PyObject *first = PyLong_FromVoidPtr((void *)(uintptr_t)input);
    PyObject *second = PyLong_FromVoidPtr((void *)(uintptr_t)output);
    PyObject *result =
        first && second ? PyObject_CallFunctionObjArgs(function, first, second, user, NULL) : NULL;
    if (!result) PyErr_WriteUnraisable(function);
    Py_XDECREF(result);
    Py_XDECREF(first);
    Py_XDECREF(second);
}

static void run_callback(const void *input, const void *output, void *sent) {
    PyGILState_STATE state = PyGILState_Ensure();
    PyObject *function, *user;
    if (callback_take(sent, &function, &user)) {
        call(function, input, output, user);
        Py_DECREF(function);
        Py_DECREF(user);
    }
    PyGILState_Release(state);
}

static void vdec_callback(acldvppStreamDesc *input, acldvppPicDesc *output, void *user) {
    run_callback(input, output, user);
}

static void venc_callback(acldvppPicDesc *input, acldvppStreamDesc *output, void *user) {
    run_callback(input, output, user);
}

#define CALLBACK(kind)                                                                             \
    METHOD(kind##_set_channel_desc_callback) {                                                     \
        void *desc;                                                                                \
        PyObject *function;                                                                        \
        if (!take(args, NAME(#kind "_set_channel_desc_callback"), "po", &desc, &function))         \
            return NULL;                                                                           \
        if (!PyCallable_Check(function)) {                                                         \
            wrong_type(NAME(#kind "_set_channel_desc_callback"), 2, "callable", function);         \
            return NULL;                                                                           \
        }                                                                                          \
        aclError code = acl##kind##SetChannelDescCallback(desc, kind##_callback);                  \
        if (code == ACL_SUCCESS && !set_function(desc, function)) return NULL;                     \
        return code_only(code);                                                                    \
    }                                                                                              \
    METHOD(kind##_get_channel_desc_callback) {                                                     \
        void *desc;                                                                                \
        if (!take(args, NAME(#kind "_get_channel_desc_callback"), "p", &desc)) return NULL;        \
        PyObject *function = function_of(desc);                                                    \
        if (!function) function = Py_None;                                                         \
        Py_INCREF(function);                                                                       \
        return function;                                                                           \
    }                                                                                              \
    METHOD(kind##_destroy_channel_desc) {                                                          \
        void *desc;                                                                                \
        if (!take(args, NAME(#kind "_destroy_channel_desc"), "p", &desc)) return NULL;             \
        aclError code = acl##kind##DestroyChannelDesc(desc);                                       \
        if (code == ACL_SUCCESS) forget_function(desc);                                            \
        return code_only(code);                                                                    \
    }
CALLBACK(vdec)
CALLBACK(venc)

/* What goes with a frame; the end of a stream has no callback and takes nothing. */
static struct callback *callback_of(void *desc, PyObject *user) {
    PyObject *function = function_of(desc);
    return callback_new(function ? function : Py_None, user);
}

/* A number, or None for no configuration; false with an exception. */
static bool config_of(PyObject *object, const char *call, int argument, void **config) {
    *config = NULL;
    if (object == Py_None) return true;
    if (!PyLong_Check(object)) {
        wrong_type(call, argument, "int or None", object);
        return false;
    }
    *config = PyLong_AsVoidPtr(object);
    return !PyErr_Occurred();
}

METHOD(vdec_send_frame) {
    void *desc, *input, *output, *config;
    PyObject *user, *settings;
    if (!take(args, NAME("vdec_send_frame"), "pppoo", &desc, &input, &output, &settings, &user) ||
        !config_of(settings, NAME("vdec_send_frame"), 4, &config))
        return NULL;
    struct callback *c = output ? callback_of(desc, user) : NULL;
    if (output && !c) return NULL;
    aclError code = UNLOCKED(aclvdecSendFrame(desc, input, output, config, c));
    if (c && code != ACL_SUCCESS) callback_free(c);
    return code_only(code);
}

METHOD(vdec_send_skipped_frame) {
    void *desc, *input, *config;
    PyObject *user, *settings;
    if (!take(args, NAME("vdec_send_skipped_frame"), "ppoo", &desc, &input, &settings, &user) ||
        !config_of(settings, NAME("vdec_send_skipped_frame"), 3, &config))
        return NULL;
    struct callback *c = callback_of(desc, user);
    if (!c) return NULL;
    aclError code = UNLOCKED(aclvdecSendSkippedFrame(desc, input, config, c));
    if (code != ACL_SUCCESS) callback_free(c);
    return code_only(code);
}

METHOD(venc_send_frame) {
    void *desc, *input, *reserve, *config;
    PyObject *user, *settings;
    if (!take(args, NAME("venc_send_frame"), "pppoo", &desc, &input, &reserve, &settings, &user) ||
        !config_of(settings, NAME("venc_send_frame"), 4, &config))
        return NULL;
    struct callback *c = input ? callback_of(desc, user) : NULL;
    if (input && !c) return NULL;
    aclError code = UNLOCKED(aclvencSendFrame(desc, input, reserve, config, c));
    if (c && code != ACL_SUCCESS) callback_free(c);
    return code_only(code);
}

/* ---- the table ---- */

#define VIDEO(name, doc) ROW(#name, name, #name doc)
#define BOTH(kind, name)                                                                           \
    VIDEO(kind##_set_channel_desc_##name, "(channel_desc, " #name ") -> ret"),                     \
        VIDEO(kind##_get_channel_desc_##name, "(channel_desc) -> its " #name)
#define ALL(kind, arguments)                                                                       \
    VIDEO(kind##_create_channel_desc, "() -> channel_desc"),                                       \
        VIDEO(kind##_destroy_channel_desc, "(channel_desc) -> ret"),                               \
        VIDEO(kind##_create_channel, "(channel_desc) -> ret"),                                     \
        VIDEO(kind##_destroy_channel, "(channel_desc) -> ret"),                                    \
        VIDEO(kind##_create_frame_config, "() -> frame_config"),                                   \
        VIDEO(kind##_destroy_frame_config, "(frame_config) -> ret"),                               \
        VIDEO(kind##_set_channel_desc_param, "(channel_desc, type, [length,] value) -> ret"),      \
        VIDEO(kind##_get_channel_desc_param, "(channel_desc, type[, length]) -> (value, ret)"),    \
        VIDEO(kind##_get_channel_desc_callback, "(channel_desc) -> function or None"),             \
        VIDEO(kind##_set_channel_desc_callback,                                                    \
              "(channel_desc, fn) -> ret; fn(" arguments ", user_data) runs in the thread of "     \
              "process_report")

PyMethodDef video_methods[] = {
    ALL(vdec, "stream_desc, pic_desc"),
    ALL(venc, "pic_desc, stream_desc"),
    BOTH(vdec, channel_id),
    BOTH(vdec, thread_id),
    BOTH(vdec, entype),
    BOTH(vdec, out_pic_format),
    BOTH(vdec, out_pic_width),
    BOTH(vdec, out_pic_height),
    BOTH(vdec, out_mode),
    BOTH(vdec, bit_depth),
    BOTH(vdec, ref_frame_num),
    BOTH(venc, thread_id),
    BOTH(venc, entype),
    BOTH(venc, pic_format),
    BOTH(venc, pic_width),
    BOTH(venc, pic_height),
    BOTH(venc, key_frame_interval),
    BOTH(venc, src_rate),
    BOTH(venc, max_bit_rate),
    BOTH(venc, rc_mode),
    BOTH(venc, buf_addr),
    BOTH(venc, buf_size),
    VIDEO(venc_get_channel_desc_channel_id, "(channel_desc) -> number"),
    VIDEO(venc_set_frame_config_eos, "(frame_config, eos) -> ret"),
    VIDEO(venc_get_frame_config_eos, "(frame_config) -> eos"),
    VIDEO(venc_set_frame_config_force_i_frame, "(frame_config, force_i_frame) -> ret"),
    VIDEO(venc_get_frame_config_force_i_frame, "(frame_config) -> force_i_frame"),
    VIDEO(vdec_send_frame, "(channel_desc, stream_desc, pic_desc, frame_config, user_data) -> ret; "
                           "the end of the stream waits for all callbacks"),
    VIDEO(vdec_send_skipped_frame, "(channel_desc, stream_desc, frame_config, user_data) -> ret"),
    VIDEO(venc_send_frame, "(channel_desc, pic_desc, reserve, frame_config, user_data) -> ret; "
                           "the end of the stream waits for all callbacks"),
    {NULL, NULL, 0, NULL}};
