# SPDX-License-Identifier: Apache-2.0
"""The part of test_pyacl_calls.py on the queues of acl.tdt and models between queues."""
import threading

import numpy as np
import pytest

NAME, DEPTH = 0, 1
RETURNS = """
tdt.alloc_buf ii | tdt.free_buf i | tdt.copy_buf_ref ii | tdt.get_buf_data iii
tdt.get_buf_data_len ii | tdt.set_buf_data_len i | tdt.get_buf_user_data i
tdt.set_buf_user_data i | tdt.append_buf_chain i | tdt.get_buf_chain_num ii
tdt.get_buf_from_chain ii | tdt.create_queue_attr i | tdt.destroy_queue_attr i
tdt.set_queue_attr i | tdt.get_queue_attr * | tdt.create_queue ii | tdt.destroy_queue i
tdt.attach_queue ii | tdt.grant_queue i | tdt.enqueue i | tdt.dequeue ii | tdt.enqueue_data i
tdt.dequeue_data ii | tdt.create_queue_route i | tdt.destroy_queue_route i
tdt.get_queue_route_param ii | tdt.create_queue_route_list i | tdt.destroy_queue_route_list i
tdt.add_queue_route i | tdt.get_queue_route i | tdt.get_queue_route_num i
tdt.bind_queue_routes i | tdt.unbind_queue_routes i | tdt.create_queue_route_query_info i
tdt.destroy_queue_route_query_info i | tdt.set_queue_route_query_info i | tdt.query_queue_routes i
mdl.load_from_file_with_q ii | mdl.load_from_mem_with_q ii
"""


def make(call, name, depth):
    attr = call("tdt.create_queue_attr")
    call("tdt.set_queue_attr", attr, NAME, name)
    call("tdt.set_queue_attr", attr, DEPTH, 4, depth)
    assert call("tdt.get_queue_attr", attr, NAME) == name
    assert call("tdt.get_queue_attr", attr, DEPTH) == depth
    call("tdt.get_queue_attr", attr, 9, fails=True)
    queue = call("tdt.create_queue", attr)
    call("tdt.destroy_queue_attr", attr)
    return queue


def buffers(call):
    buf = call("tdt.alloc_buf", 16, 0)
    data, size = call("tdt.get_buf_data", buf)
    assert size == 16
    call("rt.memset", data, 16, 5, 16)
    twin = call("tdt.copy_buf_ref", buf)
    assert call("tdt.get_buf_data", twin)[0] == data
    call("tdt.set_buf_data_len", buf, 8)
    assert call("tdt.get_buf_data_len", buf) == 8
    call("tdt.set_buf_data_len", buf, 17, fails=True)
    note = np.arange(4, dtype=np.uint8)
    back = np.zeros_like(note)
    call("tdt.set_buf_user_data", buf, call("util.numpy_to_ptr", note), 4, 90)
    call("tdt.get_buf_user_data", buf, call("util.numpy_to_ptr", back), 4, 90)
    assert (back == note).all()
    call("tdt.get_buf_user_data", buf, call("util.numpy_to_ptr", back), 4, 95, fails=True)
    call("tdt.append_buf_chain", buf, twin)
    assert call("tdt.get_buf_chain_num", buf) == 2
    assert call("util.ptr_to_bytes", call.functions["tdt.get_buf_data"](
        call("tdt.get_buf_from_chain", buf, 1))[0], 4) == b"\5" * 4
    call("tdt.get_buf_from_chain", buf, 2, fails=True)
    call("tdt.free_buf", buf)
    call("tdt.free_buf", buf, fails=True)


def queues(call):
    buffers(call)
    queue, other = make(call, "calls", 2), make(call, "other", 3)
    assert call("tdt.attach_queue", queue, 0) & 6 == 6
    call("tdt.grant_queue", queue, 1, 2, 0, fails=True)
    got = []
    waiting = threading.Thread(target=lambda: got.append(call("tdt.dequeue", queue, 10000)))
    waiting.start()  # without the interpreter lock, or this would hang
    buf = call("tdt.alloc_buf", 4, 0)
    call("tdt.enqueue", queue, buf, 0)
    waiting.join(10)
    assert len(got) == 1 and call("tdt.get_buf_data_len", got[0]) == 4
    call("tdt.free_buf", got[0])
    call("tdt.dequeue", queue, 0, fails=True)

    sent, received = np.arange(6, dtype=np.uint8), np.zeros(6, np.uint8)
    call("tdt.enqueue_data", queue, call("util.numpy_to_ptr", sent), 6, 0, 0, 0, 0)
    call("tdt.dequeue_data", queue, call("util.numpy_to_ptr", received), 2, 0, 0, 0, fails=True)
    assert call("tdt.dequeue_data", queue, call("util.numpy_to_ptr", received), 6, 0, 0, 0) == 6
    assert (received == sent).all()

    route = call("tdt.create_queue_route", queue, other)
    assert call("tdt.get_queue_route_param", route, 0) == queue
    assert call("tdt.get_queue_route_param", route, 1) == other
    routes = call("tdt.create_queue_route_list")
    call("tdt.add_queue_route", routes, route)
    assert call("tdt.get_queue_route_num", routes) == 1
    call("tdt.bind_queue_routes", routes)
    call("tdt.get_queue_route", routes, 0, route)
    call("tdt.get_queue_route", routes, 1, route, fails=True)
    assert call("tdt.get_queue_route_param", route, 2) == 1
    call("tdt.enqueue_data", queue, call("util.numpy_to_ptr", sent), 6, 0, 0, 0, 0)
    received[:] = 0
    assert call("tdt.dequeue_data", other, call("util.numpy_to_ptr", received), 6, 0, 0, 9999) == 6
    assert (received == sent).all()
    query, found = (call("tdt.create_queue_route_query_info"),
                    call("tdt.create_queue_route_list"))
    call("tdt.set_queue_route_query_info", query, 0, 2)
    call("tdt.set_queue_route_query_info", query, 1, 4, queue)
    call("tdt.set_queue_route_query_info", query, 2, other)
    call("tdt.set_queue_route_query_info", query, 9, 1, fails=True)
    call("tdt.query_queue_routes", query, found)
    assert call("tdt.get_queue_route_num", found) == 1
    call("tdt.unbind_queue_routes", routes)
    call("tdt.destroy_queue_route_query_info", query)
    for each in (routes, found):
        call("tdt.destroy_queue_route_list", each)
    call("tdt.destroy_queue_route", route)
    for each in (queue, other):
        call("tdt.destroy_queue", each)
    call("tdt.destroy_queue", queue, fails=True)


def between(call, path, ptr, size):
    """The model of 768 bytes in and 4000 out, between queues."""
    into, out = make(call, "into", 2), make(call, "out", 2)
    x = np.zeros(768, np.uint8)
    results = []
    for name, source in (("file", [path]), ("mem", [ptr, size])):
        model = call(f"mdl.load_from_{name}_with_q", *source, [into], 1, [out], 1)
        call("tdt.enqueue_data", into, call("util.numpy_to_ptr", x), 768, 0, 0, 0, 0)
        y = np.zeros(1000, np.float32)
        assert call("tdt.dequeue_data", out, call("util.numpy_to_ptr", y), 4000, 0, 0, 9999) == 4000
        results.append(y)
        call("mdl.unload", model)
        for wrong in (9999, -1):
            call(f"mdl.load_from_{name}_with_q", *source, [into], 1, [wrong], 1, fails=True)
        for error, *wrong in ((ValueError, [into], 2, [out], 1),
                              (OverflowError, [1 << 32], 1, [out], 1)):
            with pytest.raises(error):
                call(f"mdl.load_from_{name}_with_q", *source, *wrong)
    assert np.array_equal(*results) and np.isfinite(results[0]).all() and results[0].any()
    for queue in (into, out):
        call("tdt.destroy_queue", queue)
