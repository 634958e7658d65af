# SPDX-License-Identifier: Apache-2.0
"""Calls of the module acl that wait do so without the interpreter lock.

In each, what ends the wait is a Python thread; were the lock held, the script would never end.
"""
import os
import subprocess
import sys

import pytest

pytest.importorskip("numpy")
pytest.importorskip("onnx")
import networks  # noqa: E402  (beside this file)

pytestmark = pytest.mark.in_process

SCRIPT = """
import sys, threading, time
import numpy as np
import acl

assert acl.init() == 0 and acl.rt.set_device(0) == 0
context, _ = acl.rt.get_context()
stream, _ = acl.rt.create_stream()
going = True

def report(arguments):
    acl.rt.set_context(context)
    while going:
        acl.rt.process_report(50)

thread, _ = acl.util.start_thread(report, [])
assert acl.rt.subscribe_report(thread, stream) == 0
event, _ = acl.rt.create_event()
model, ret = acl.mdl.load_from_file(sys.argv[1])
assert ret == 0
datasets = []
for size in (768, 4000):
    datasets.append(acl.mdl.create_dataset())
    memory, _ = acl.rt.malloc(size, 0)
    acl.mdl.add_dataset_buffer(datasets[-1], acl.create_data_buffer(memory, size))
config = acl.mdl.create_exec_config_handle()


def queue():
    attr = acl.tdt.create_queue_attr()
    assert acl.tdt.set_queue_attr(attr, 0, "waits") == 0
    assert acl.tdt.set_queue_attr(attr, 1, 2) == 0
    return acl.tdt.create_queue(attr)[0]


full, empty = queue(), queue()
data = np.zeros(4, np.uint8)
put = lambda to: acl.tdt.enqueue_data(to, acl.util.numpy_to_ptr(data), 4, 0, 0, 0, 0)
get = lambda of: acl.tdt.dequeue_data(of, acl.util.numpy_to_ptr(data), 4, 0, 0, 9999)[1]
while put(full) == 0:
    pass

# A call, and what ends its wait: the callback ahead of it in its stream, or a thread.
by_stream = {
    "synchronize_stream": lambda: acl.rt.synchronize_stream(stream),
    "synchronize_stream_with_timeout":
        lambda: acl.rt.synchronize_stream_with_timeout(stream, 20000),
    "synchronize_device": acl.rt.synchronize_device,
    "synchronize_event": lambda: acl.rt.synchronize_event(event),
    "synchronize_event_with_timeout":
        lambda: acl.rt.synchronize_event_with_timeout(event, 20000),
    "execute_v2": lambda: acl.mdl.execute_v2(model, *datasets, stream, config),
    "destroy_stream": lambda: acl.rt.destroy_stream(stream),
}
by_thread = {
    "dequeue": (lambda: acl.tdt.dequeue(empty, 9999)[1], lambda: put(empty)),
    "dequeue_data": (lambda: get(empty), lambda: put(empty)),
    "enqueue_data": (lambda: acl.tdt.enqueue_data(full, acl.util.numpy_to_ptr(data), 4, 0, 0, 9999,
                                                  0), lambda: get(full)),
    "enqueue": (lambda: acl.tdt.enqueue(full, acl.tdt.alloc_buf(4, 0)[0], 9999),
                lambda: get(full)),
}
for name, wait in by_stream.items():
    gate = threading.Event()
    assert acl.rt.launch_callback(lambda user: gate.wait(20), None, 1, stream) == 0
    assert acl.rt.record_event(event, stream) == 0
    threading.Timer(0.05, gate.set).start()
    began = time.monotonic()
    assert wait() == 0, (name, acl.get_recent_err_msg())
    assert gate.is_set() and time.monotonic() - began < 15, name
for name, (wait, end) in by_thread.items():
    timer = threading.Timer(0.05, end)
    timer.start()
    began = time.monotonic()
    assert wait() == 0, (name, acl.get_recent_err_msg())
    assert 0.02 < time.monotonic() - began < 9, name
    timer.join()
going = False
assert acl.util.stop_thread(thread) == 0
assert acl.finalize() == 0
print("done", len(by_stream) + len(by_thread))
"""


def test_waits_leave_the_interpreter_to_others(build_dir, atc, tmp_path):
    networks.tiny(tmp_path / "net.onnx", 8)
    subprocess.run([atc, f"--model={tmp_path / 'net.onnx'}", "--framework=5",
                    f"--output={tmp_path / 'net'}", "--soc_version=Ascend310"], check=True,
                   capture_output=True)
    done = subprocess.run([sys.executable, "-c", SCRIPT, tmp_path / "net.om"], timeout=90,
                          env={**os.environ, "PYTHONPATH": str(build_dir / "python")},
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "done 11\n"
