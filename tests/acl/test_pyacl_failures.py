# SPDX-License-Identifier: Apache-2.0
"""A run that fails on a stream, seen from Python: the callback, and what the model was given."""
import ctypes
import subprocess
import sys

import pytest

pytest.importorskip("numpy")
pytest.importorskip("onnx")
import networks  # noqa: E402  (beside this file)

pytestmark = pytest.mark.in_process
ALLOCATE = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t)
FREE = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)
ADDRESS = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p)
MEMORY_ALLOCATION = 245000


def test_what_failed(build_dir, atc, tmp_path):
    sys.path.insert(0, str(build_dir / "python"))
    import acl
    networks.tiny(tmp_path / "net.onnx", 8)
    subprocess.run([atc, f"--model={tmp_path / 'net.onnx'}", "--framework=5",
                    f"--output={tmp_path / 'net'}", "--soc_version=Ascend310"], check=True,
                   capture_output=True)
    assert acl.init() == 0 and acl.rt.set_device(0) == 0
    model, _ = acl.mdl.load_from_file(str(tmp_path / "net.om"))
    ends = []
    for size in (768, 4000):
        memory, _ = acl.rt.malloc(size, 0)
        buffer = acl.create_data_buffer(memory, size)
        ends.append((acl.mdl.add_dataset_buffer(acl.mdl.create_dataset(), buffer)[0], buffer,
                     memory))
    stream, _ = acl.rt.create_stream()

    asked, kept, seen = [], {}, []

    def allocate(_, size):
        """Twice; then the pool is empty."""
        asked.append(size)
        if len(asked) > 2:
            return None
        block = ctypes.create_string_buffer(size)
        kept[ctypes.addressof(block)] = block
        return ctypes.addressof(block)

    functions = (ALLOCATE(allocate), FREE(lambda _, block: kept.pop(block) and None),
                 ADDRESS(lambda block: block))
    pool = acl.rt.allocator_create_desc()
    assert acl.rt.allocator_set_obj_to_desc(pool, 1) == 0
    for name, function in zip(("alloc", "free", "get_addr_from_block"), functions):
        address = ctypes.cast(function, ctypes.c_void_p).value
        assert getattr(acl.rt, f"allocator_set_{name}_func_to_desc")(pool, address) == 0
    assert acl.rt.allocator_register(stream, pool) == 0
    assert acl.rt.allocator_destroy_desc(pool) == 0

    def on_failure(info):
        seen.append([getattr(acl.rt, f"get_{what}_from_exception_info")(info)
                     for what in ("device_id", "stream_id", "task_id", "error_code")])

    assert acl.rt.set_exception_info_callback(on_failure) == 0
    for _ in range(2):
        assert acl.mdl.execute_async(model, ends[0][0], ends[1][0], stream) == 0
    assert acl.rt.synchronize_stream(stream) == 0 and not seen
    assert acl.mdl.execute_async(model, ends[0][0], ends[1][0], stream) == 0
    assert acl.rt.synchronize_stream(stream) == MEMORY_ALLOCATION
    assert "the stream's allocator gave no memory" in acl.get_recent_err_msg()
    assert len(asked) == 3 and len(set(asked)) == 1 and not kept

    (device, number, task, code), = seen
    assert device == 0 and code == MEMORY_ALLOCATION
    name, inputs, n_inputs, outputs, n_outputs, ret = acl.mdl.create_and_get_op_desc(
        device, number, task, 256)
    assert ret == 0 and (n_inputs, n_outputs) == (1, 1)
    assert name and acl.mdl.create_and_get_op_desc(device, number, task, 4)[0] == name[:3]
    assert acl.get_tensor_desc_name(inputs) == "data"
    assert [acl.get_tensor_desc_dim_v2(inputs, i)[0] for i in range(4)] == [1, 3, 8, 8]
    assert acl.get_tensor_desc_num_dims(outputs) == 2

    assert acl.rt.set_exception_info_callback(None) == 0
    assert acl.rt.allocator_unregister(stream) == 0
    assert acl.rt.destroy_stream(stream) == 0
    for dataset, buffer, memory in ends:
        assert acl.rt.free(memory) == 0 and acl.destroy_data_buffer(buffer) == 0
        assert acl.mdl.destroy_dataset(dataset) == 0
    assert acl.mdl.unload(model) == 0
    assert acl.rt.reset_device(0) == 0 and acl.finalize() == 0
