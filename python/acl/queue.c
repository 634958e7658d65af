/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The queues of acl.tdt: buffers, queues and routes. What the C functions write through a pointer
 * is returned before the code. Putting and taking wait without the interpreter lock.
 */
#include "acl/acl_tdt_queue.h"
#include "binding.h"

/* ---- buffers ---- */

METHOD(queue_alloc_buf) {
    size_t size;
    uint32_t type;
    acltdtBuf buf = NULL;
    if (!take(args, "acl.tdt.alloc_buf", "zu", &size, &type)) return NULL;
    aclError code = UNLOCKED(acltdtAllocBuf(size, type, &buf));
    return address_and_code(buf, code);
}

METHOD(queue_copy_buf_ref) {
    void *buf;
    acltdtBuf made = NULL;
    if (!take(args, "acl.tdt.copy_buf_ref", "p", &buf)) return NULL;
    aclError code = UNLOCKED(acltdtCopyBufRef(buf, &made));
    return address_and_code(made, code);
}

METHOD(queue_get_buf_data) {
    void *buf, *data = NULL;
    size_t size = 0;
    if (!take(args, "acl.tdt.get_buf_data", "p", &buf)) return NULL;
    aclError code = UNLOCKED(acltdtGetBufData(buf, &data, &size));
    return Py_BuildValue("KKi", (unsigned long long)(uintptr_t)data, (unsigned long long)size,
                         (int)code);
}

METHOD(queue_get_buf_from_chain) {
    void *head;
    uint32_t index;
    acltdtBuf buf = NULL;
    if (!take(args, "acl.tdt.get_buf_from_chain", "pu", &head, &index)) return NULL;
    aclError code = UNLOCKED(acltdtGetBufFromChain(head, index, &buf));
    return address_and_code(buf, code);
}

CODE1(queue_free_buf, "acl.tdt.free_buf", acltdtFreeBuf, p)
TELL1(queue_get_buf_data_len, "acl.tdt.get_buf_data_len", acltdtGetBufDataLen, size_t, p)
CODE2(queue_set_buf_data_len, "acl.tdt.set_buf_data_len", acltdtSetBufDataLen, p, z)
CODE4(queue_get_buf_user_data, "acl.tdt.get_buf_user_data", acltdtGetBufUserData, p, p, z, z)
CODE4(queue_set_buf_user_data, "acl.tdt.set_buf_user_data", acltdtSetBufUserData, p, p, z, z)
CODE2(queue_append_buf_chain, "acl.tdt.append_buf_chain", acltdtAppendBufChain, p, p)
TELL1(queue_get_buf_chain_num, "acl.tdt.get_buf_chain_num", acltdtGetBufChainNum, uint32_t, p)

/* ---- queues ---- */

/* (handle, type, value) or, as in C, (handle, type, length, value): the value alone. */
static bool take_value(PyObject *args, const char *call, void **handle, int32_t *type,
                       PyObject **value) {
    size_t length;
    return PyTuple_Size(args) == 4 ? take(args, call, "pizo", handle, type, &length, value)
                                   : take(args, call, "pio", handle, type, value);
}

static bool take_number(PyObject *value, const char *call, uint32_t *out) {
    PyObject *one = PyTuple_Pack(1, value);
    bool ok = one && take(one, call, "u", out);
    Py_XDECREF(one);
    return ok;
}

GET0(queue_create_queue_attr, "acl.tdt.create_queue_attr", acltdtCreateQueueAttr, address)
CODE1(queue_destroy_queue_attr, "acl.tdt.destroy_queue_attr", acltdtDestroyQueueAttr, p)

METHOD(queue_set_queue_attr) {
    static const char call[] = "acl.tdt.set_queue_attr";
    void *attr;
    int32_t type;
    PyObject *value;
    uint32_t number;
    const char *name;
    if (!take_value(args, call, &attr, &type, &value)) return NULL;
    if (PyUnicode_Check(value)) {
        if (!PyArg_Parse(value, "s", &name)) return NULL;
        return code_only(acltdtSetQueueAttr(attr, (acltdtQueueAttrType)type, sizeof name, &name));
    }
    if (!take_number(value, call, &number)) return NULL;
    return code_only(acltdtSetQueueAttr(attr, (acltdtQueueAttrType)type, sizeof number, &number));
}

METHOD(queue_get_queue_attr) {
    void *attr;
    int32_t type;
    const char *name = NULL;
    uint32_t number = 0;
    size_t size;
    if (!take(args, "acl.tdt.get_queue_attr", "pi", &attr, &type)) return NULL;
    if (type == ACL_TDT_QUEUE_NAME_PTR) {
        aclError code = acltdtGetQueueAttr(attr, ACL_TDT_QUEUE_NAME_PTR, sizeof name, &size, &name);
        return object_and_code(text(code == ACL_SUCCESS ? name : NULL), code);
    }
    aclError code =
        acltdtGetQueueAttr(attr, (acltdtQueueAttrType)type, sizeof number, &size, &number);
    return number_and_code(number, code);
}

TELL1(queue_create_queue, "acl.tdt.create_queue", acltdtCreateQueue, uint32_t, p)
CODE1(queue_destroy_queue, "acl.tdt.destroy_queue", acltdtDestroyQueue, u)
TELL2(queue_attach_queue, "acl.tdt.attach_queue", acltdtAttachQueue, uint32_t, u, i)
CODE4(queue_grant_queue, "acl.tdt.grant_queue", acltdtGrantQueue, u, i, u, i)
CODE3(queue_enqueue, "acl.tdt.enqueue", acltdtEnqueue, u, p, i)

METHOD(queue_dequeue) {
    uint32_t id;
    int32_t timeout;
    acltdtBuf buf = NULL;
    if (!take(args, "acl.tdt.dequeue", "ui", &id, &timeout)) return NULL;
    aclError code = UNLOCKED(acltdtDequeue(id, &buf, timeout));
    return address_and_code(buf, code);
}

METHOD(queue_enqueue_data) {
    uint32_t id, reserved;
    int32_t timeout;
    void *data, *user_data;
    size_t size, user_size;
    if (!take(args, "acl.tdt.enqueue_data", "upzpziu", &id, &data, &size, &user_data, &user_size,
              &timeout, &reserved))
        return NULL;
    return code_only(UNLOCKED(acltdtEnqueueData(id, data, size, user_data, user_size, timeout,
                                                reserved)));
}

METHOD(queue_dequeue_data) {
    uint32_t id;
    int32_t timeout;
    void *data, *user_data;
    size_t size, user_size, got = 0;
    if (!take(args, "acl.tdt.dequeue_data", "upzpzi", &id, &data, &size, &user_data, &user_size,
              &timeout))
        return NULL;
    aclError code = UNLOCKED(acltdtDequeueData(id, data, size, &got, user_data, user_size,
                                               timeout));
    return number_and_code((long long)got, code);
}

/* ---- routes ---- */

GET2(queue_create_queue_route, "acl.tdt.create_queue_route", acltdtCreateQueueRoute, u, u, address)
CODE1(queue_destroy_queue_route, "acl.tdt.destroy_queue_route", acltdtDestroyQueueRoute, p)

METHOD(queue_get_queue_route_param) {
    void *route;
    int32_t type, value = 0;
    size_t size;
    if (!take(args, "acl.tdt.get_queue_route_param", "pi", &route, &type)) return NULL;
    aclError code = acltdtGetQueueRouteParam(route, (acltdtQueueRouteParamType)type, sizeof value,
                                             &size, &value);
    bool is_id = type != ACL_TDT_QUEUE_ROUTE_STATUS_INT32;
    return number_and_code(is_id ? (long long)(uint32_t)value : value, code);
}

GET0(queue_create_queue_route_list, "acl.tdt.create_queue_route_list", acltdtCreateQueueRouteList,
     address)
CODE1(queue_destroy_queue_route_list, "acl.tdt.destroy_queue_route_list",
      acltdtDestroyQueueRouteList, p)
CODE2(queue_add_queue_route, "acl.tdt.add_queue_route", acltdtAddQueueRoute, p, p)
CODE3(queue_get_queue_route, "acl.tdt.get_queue_route", acltdtGetQueueRoute, p, z, p)
GET1(queue_get_queue_route_num, "acl.tdt.get_queue_route_num", acltdtGetQueueRouteNum, p,
     size_value)
CODE1(queue_bind_queue_routes, "acl.tdt.bind_queue_routes", acltdtBindQueueRoutes, p)
CODE1(queue_unbind_queue_routes, "acl.tdt.unbind_queue_routes", acltdtUnbindQueueRoutes, p)

GET0(queue_create_queue_route_query_info, "acl.tdt.create_queue_route_query_info",
     acltdtCreateQueueRouteQueryInfo, address)
CODE1(queue_destroy_queue_route_query_info, "acl.tdt.destroy_queue_route_query_info",
      acltdtDestroyQueueRouteQueryInfo, p)
CODE2(queue_query_queue_routes, "acl.tdt.query_queue_routes", acltdtQueryQueueRoutes, p, p)

METHOD(queue_set_queue_route_query_info) {
    static const char call[] = "acl.tdt.set_queue_route_query_info";
    void *info;
    int32_t type;
    PyObject *value;
    uint32_t number;
    if (!take_value(args, call, &info, &type, &value) || !take_number(value, call, &number))
        return NULL;
    return code_only(acltdtSetQueueRouteQueryInfo(
        info, (acltdtQueueRouteQueryInfoParamType)type, sizeof number, &number));
}

#define QUEUE(name, doc) ROW(#name, queue_##name, #name doc)

PyMethodDef queue_methods[] = {
    QUEUE(alloc_buf, "(size, type) -> (buf, ret)"),
    QUEUE(free_buf, "(buf) -> ret"),
    QUEUE(copy_buf_ref, "(buf) -> (new_buf, ret)"),
    QUEUE(get_buf_data, "(buf) -> (data_ptr, size, ret)"),
    QUEUE(get_buf_data_len, "(buf) -> (len, ret)"),
    QUEUE(set_buf_data_len, "(buf, len) -> ret"),
    QUEUE(get_buf_user_data, "(buf, data_ptr, size, offset) -> ret"),
    QUEUE(set_buf_user_data, "(buf, data_ptr, size, offset) -> ret"),
    QUEUE(append_buf_chain, "(head_buf, buf) -> ret"),
    QUEUE(get_buf_chain_num, "(head_buf) -> (n, ret)"),
    QUEUE(get_buf_from_chain, "(head_buf, index) -> (buf, ret)"),
    QUEUE(create_queue_attr, "() -> attr"),
    QUEUE(destroy_queue_attr, "(attr) -> ret"),
    QUEUE(set_queue_attr, "(attr, type, [len,] param) -> ret; param is a str for the name, an int "
                          "for the depth"),
    QUEUE(get_queue_attr, "(attr, type) -> (param, ret)"),
    QUEUE(create_queue, "(attr) -> (qid, ret)"),
    QUEUE(destroy_queue, "(qid) -> ret"),
    QUEUE(attach_queue, "(qid, timeout_ms) -> (permission, ret)"),
    QUEUE(grant_queue, "(qid, pid, permission, timeout_ms) -> ret"),
    QUEUE(enqueue, "(qid, buf, timeout_ms) -> ret"),
    QUEUE(dequeue, "(qid, timeout_ms) -> (buf, ret)"),
    QUEUE(enqueue_data,
          "(qid, data, data_size, user_data, user_data_size, timeout_ms, reserved) -> ret"),
    QUEUE(dequeue_data,
          "(qid, data, data_size, user_data, user_data_size, timeout_ms) -> (data_size, ret)"),
    QUEUE(create_queue_route, "(src_qid, dst_qid) -> route"),
    QUEUE(destroy_queue_route, "(route) -> ret"),
    QUEUE(get_queue_route_param, "(route, type) -> (value, ret)"),
    QUEUE(create_queue_route_list, "() -> route_list"),
    QUEUE(destroy_queue_route_list, "(route_list) -> ret"),
    QUEUE(add_queue_route, "(route_list, route) -> ret"),
    QUEUE(get_queue_route, "(route_list, index, route) -> ret; written to route"),
    QUEUE(get_queue_route_num, "(route_list) -> n"),
    QUEUE(bind_queue_routes, "(route_list) -> ret"),
    QUEUE(unbind_queue_routes, "(route_list) -> ret"),
    QUEUE(create_queue_route_query_info, "() -> info"),
    QUEUE(destroy_queue_route_query_info, "(info) -> ret"),
    QUEUE(set_queue_route_query_info, "(info, type, [len,] value) -> ret"),
    QUEUE(query_queue_routes, "(info, route_list) -> ret; what is bound is added to the list"),
    {NULL, NULL, 0, NULL}};
