# SPDX-License-Identifier: Apache-2.0
"""What every call of the Python module acl returns: its kind, and its value where it is fixed.

RETURNS lists each function once; the script below calls all of them. Where the table of interface
facts is at hand, the functions it has evidence for are held against it too.
"""
import csv
import ctypes
import inspect
import os
import pathlib
import re
import subprocess
import sys
import threading
import types

import pytest

np = pytest.importorskip("numpy")
pytest.importorskip("onnx")

import media_calls  # noqa: E402  (beside this file)
import networks  # noqa: E402
import op_calls  # noqa: E402
import queue_calls  # noqa: E402

pytestmark = pytest.mark.in_process

# A kind for each item, a tuple where there are several: i int, f float, s str, d dict, l list,
# b bytes, a array, n None. The last i of a tuple is the code.
RETURNS = """
app_log n | create_data_buffer i | create_tensor_desc i | data_type_size i | destroy_data_buffer i
destroy_tensor_desc n | finalize i | float16_to_float f | float_to_float16 i
get_data_buffer_addr i | get_data_buffer_size i | get_data_buffer_size_v2 i | get_recent_err_msg s
get_soc_name s | get_tensor_desc_address i | get_tensor_desc_by_index i | get_tensor_desc_dim i
get_tensor_desc_dim_range li | get_tensor_desc_dim_v2 ii | get_tensor_desc_element_count i
get_tensor_desc_format i | get_tensor_desc_name s | get_tensor_desc_num_dims i
get_tensor_desc_size i | get_tensor_desc_type i | init i | set_tensor_const i
set_tensor_desc_name n | set_tensor_dynamic_input i | set_tensor_format i
set_tensor_origin_format i | set_tensor_origin_shape i | set_tensor_place_ment i
set_tensor_shape i | set_tensor_storage_format i | set_tensor_storage_shape i
set_tensor_shape_range i | set_tensor_value_range i
trans_tensor_desc_format ii
update_data_buffer i
mdl.add_dataset_buffer ii | mdl.bundle_get_model_id ii | mdl.bundle_get_model_num ii
mdl.bundle_load_from_file ii | mdl.bundle_load_from_mem ii | mdl.bundle_unload i
mdl.get_op_attr s | mdl.create_config_handle i | mdl.create_dataset i | mdl.create_desc i
mdl.create_exec_config_handle i | mdl.get_first_aipp_info di | mdl.create_and_get_op_desc siiiii
mdl.destroy_config_handle i | mdl.destroy_dataset i
mdl.destroy_desc i | mdl.destroy_exec_config_handle i | mdl.execute i | mdl.execute_async i
mdl.execute_async_v2 i | mdl.execute_v2 i | mdl.finalize_dump i | mdl.init_dump i
mdl.set_dump i | mdl.get_aipp_type iii | mdl.create_aipp i
mdl.destroy_aipp i | mdl.set_input_aipp i | mdl.set_aipp_by_input_index i
mdl.set_aipp_input_format i | mdl.set_aipp_src_image_size i | mdl.set_aipp_rbuv_swap_switch i
mdl.set_aipp_ax_swap_switch i | mdl.set_aipp_csc_params i | mdl.set_aipp_crop_params i
mdl.set_aipp_scf_params i | mdl.set_aipp_padding_params i | mdl.set_aipp_dtc_pixel_mean i
mdl.set_aipp_dtc_pixel_min i | mdl.set_aipp_pixel_var_reci i | mdl.get_cur_output_dims di
mdl.get_dataset_buffer i | mdl.get_dataset_num_buffers i | mdl.get_dataset_tensor_desc i
mdl.get_desc i | mdl.get_desc_from_file i | mdl.get_desc_from_mem i | mdl.get_dynamic_batch di
mdl.get_dynamic_hw di | mdl.get_input_data_type i | mdl.get_input_dims di
mdl.get_input_dims_v2 di | mdl.get_input_dynamic_dims li | mdl.get_input_dynamic_gear_count ii
mdl.get_input_format i | mdl.get_input_index_by_name ii | mdl.get_input_name_by_index s
mdl.get_input_size_by_index i | mdl.get_num_inputs i | mdl.get_num_outputs i
mdl.get_output_data_type i | mdl.get_output_dims di | mdl.get_output_format i
mdl.get_output_index_by_name ii | mdl.get_output_name_by_index s | mdl.get_output_size_by_index i
mdl.get_tensor_real_name s | mdl.load_from_file ii | mdl.load_from_file_with_mem ii
mdl.load_from_mem ii | mdl.load_from_mem_with_mem ii | mdl.load_with_config ii | mdl.query_size iii
mdl.query_size_from_mem iii | mdl.set_config_opt i | mdl.set_exec_config_opt i
mdl.set_dataset_tensor_desc i | mdl.set_dynamic_batch_size i
mdl.set_dynamic_hw_size i | mdl.set_input_dynamic_dims i | mdl.unload i
op.cast i | op.create_attr i | op.create_handle ii | op.create_handle_for_cast ii
op.destroy_attr n | op.destroy_handle n | op.execute i | op.execute_v2 i
op.execute_with_handle i | op.infer_shape i | op.load i | op.set_model_dir i
op.set_attr_bool i | op.set_attr_data_type i | op.set_attr_float i | op.set_attr_int i
op.set_attr_list_bool i | op.set_attr_list_data_type i | op.set_attr_list_float i
op.set_attr_list_int i | op.set_attr_list_string i | op.set_attr_string i
prof.create_config i | prof.create_stamp i | prof.create_step_info i
prof.create_subscribe_config i | prof.destroy_config i | prof.destroy_stamp n
prof.destroy_step_info n | prof.destroy_subscribe_config i | prof.finalize i | prof.get_model_id i
prof.get_op_attri_value s | prof.get_op_desc_size ii | prof.get_op_duration i | prof.get_op_end i
prof.get_op_flag i | prof.get_op_name_v2 si | prof.get_op_type_v2 si
prof.get_op_name si | prof.get_op_name_len ii | prof.get_op_num ii
prof.get_op_start i | prof.get_op_type si | prof.get_op_type_len ii | prof.get_step_timestamp i
prof.init i | prof.mark i | prof.model_subscribe i | prof.model_un_subscribe i | prof.pop i
prof.push i | prof.range_start ii | prof.range_stop i | prof.set_config i
prof.set_stamp_trace_message i | prof.start i | prof.stop i
rt.create_context ii | rt.create_event ii | rt.create_event_ex_with_flag ii
rt.create_event_with_flag ii | rt.create_stream ii | rt.create_stream_config_handle i
rt.create_stream_v2 ii | rt.create_stream_with_config ii | rt.ctx_get_sys_param_opt ii
rt.ctx_set_sys_param_opt i | rt.destroy_context i | rt.destroy_event i | rt.destroy_stream i
rt.destroy_stream_config_handle i | rt.destroy_stream_force i | rt.device_can_access_peer ii
rt.device_disable_peer_access i | rt.device_enable_peer_access i | rt.event_elapsed_time fi
rt.free i | rt.free_host i | rt.get_context ii | rt.get_device ii | rt.get_device_count ii
rt.get_device_id_from_exception_info i | rt.get_error_code_from_exception_info i
rt.get_mem_info iii | rt.get_run_mode ii | rt.get_stream_id_from_exception_info i
rt.get_task_id_from_exception_info i | rt.get_thread_id_from_exception_info i
rt.get_version iiii | rt.launch_callback i | rt.malloc ii | rt.malloc_align32 ii
rt.malloc_cached ii | rt.malloc_host ii | rt.mem_flush i | rt.mem_invalidate i | rt.memcpy i
rt.memcpy2d i | rt.memcpy2d_async i | rt.memcpy_async i | rt.memset i | rt.memset_async i
rt.process_report i | rt.query_device_status ii | rt.query_event ii | rt.query_event_status ii
rt.query_event_wait_status ii | rt.record_event i | rt.reset_device i | rt.reset_device_force i
rt.reset_event i | rt.set_context i | rt.set_device i | rt.set_exception_info_callback i
rt.set_op_wait_timeout i | rt.set_stream_config_opt i
rt.set_stream_failure_mode i | rt.set_ts_device i | rt.stream_query ii
rt.stream_wait_event i | rt.subscribe_report i | rt.synchronize_device i | rt.synchronize_event i
rt.synchronize_event_with_timeout i | rt.synchronize_stream i
rt.synchronize_stream_with_timeout i | rt.unsubscribe_report i
fv.create_feature_info i | fv.create_init_para i | fv.create_query_table i | fv.create_repo_range i
fv.create_search_input i | fv.create_search_result i | fv.del i | fv.destroy_feature_info i
fv.destroy_init_para i | fv.destroy_query_table i | fv.destroy_repo_range i
fv.destroy_search_input i | fv.destroy_search_result i | fv.init i | fv.modify i | fv.release i
fv.repo_add i | fv.repo_del i | fv.search i | fv.set1_n_top_num i | fv.set_nm_top_num i
rt.allocator_create_desc i | rt.allocator_destroy_desc i | rt.allocator_register i
rt.allocator_set_alloc_advise_func_to_desc i | rt.allocator_set_alloc_func_to_desc i
rt.allocator_set_free_func_to_desc i | rt.allocator_set_get_addr_from_block_func_to_desc i
rt.allocator_set_obj_to_desc i | rt.allocator_unregister i | rt.create_group_info i
rt.destroy_group_info i | rt.device_get_bare_tgid ii | rt.device_task_abort i | rt.free_physical i
rt.get_all_group_info i | rt.get_device_sat_mode ii | rt.get_device_utilization_rate di
rt.get_group_count ii | rt.get_group_info_detail ii | rt.get_mem_uce_info li
rt.get_overflow_status i | rt.get_stream_overflow_switch ii | rt.malloc_physical ii | rt.map_mem i
rt.mem_export_to_shareable_handle ii | rt.mem_get_allocation_granularity ii
rt.mem_import_from_shareable_handle ii | rt.mem_set_pid_to_shareable_handle i
rt.process_host_func i | rt.release_mem_address i | rt.reserve_mem_address ii
rt.reset_overflow_status i | rt.set_device_sat_mode i | rt.set_group i
rt.set_op_execute_time_out i | rt.set_stream_overflow_switch i | rt.subscribe_host_func i
rt.un_subscribe_host_func i | rt.unmap_mem i | tdt.add_data_item i | tdt.clean_channel i
tdt.create_channel i | tdt.create_channel_with_capacity i | tdt.create_data_item i
tdt.create_dataset i | tdt.destroy_channel i | tdt.destroy_data_item i | tdt.destroy_dataset i
tdt.get_data_addr_from_item i | tdt.get_data_item i | tdt.get_data_size_from_item i
tdt.get_data_type_from_item i | tdt.get_dataset_name s | tdt.get_dataset_size i
tdt.get_dim_num_from_item i | tdt.get_dims_from_item li | tdt.get_slice_info_from_item iii
tdt.get_tensor_type_from_item i | tdt.query_channel_size ii | tdt.receive_tensor i
tdt.send_tensor i | tdt.stop_channel i
util.bytes_to_ptr i | util.numpy_contiguous_to_ptr ia | util.numpy_to_ptr i | util.ptr_to_bytes b
util.ptr_to_numpy a | util.start_thread ii | util.stop_thread i
"""
UNSUPPORTED = 200006
KINDS = {int: "i", float: "f", str: "s", dict: "d", list: "l", bytes: "b", np.ndarray: "a",
         type(None): "n"}


def returns_table():
    lines = RETURNS + op_calls.RETURNS + queue_calls.RETURNS
    entries = [e.split() for line in lines.split("\n") if line for e in line.split("|")]
    return dict(entries) | media_calls.returns() | {f"himpi.{name}": "i" for name in himpi_names()}


def himpi_names():
    path = pathlib.Path(__file__).resolve().parents[2] / "python" / "acl" / "himpi.c"
    return re.findall(r"^    X\((\w+),", path.read_text(), re.MULTILINE)


@pytest.fixture(scope="module")
def acl(build_dir):
    sys.path.insert(0, str(build_dir / "python"))
    import acl
    return acl


@pytest.fixture(scope="module")
def model(atc, tmp_path_factory):
    folder = tmp_path_factory.mktemp("calls")
    networks.tiny(folder / "net.onnx", 8)
    done = subprocess.run([atc, f"--model={folder / 'net.onnx'}", "--framework=5",
                           f"--output={folder / 'net'}", "--soc_version=Ascend310"],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    return str(folder / "net.om")


def functions_of(acl):
    found = {}
    for prefix in ("", "blas.", "fv.", "himpi.", "rt.", "mdl.", "media.", "op.", "prof.", "tdt.",
                   "util."):
        module = getattr(acl, prefix.rstrip(".")) if prefix else acl
        assert isinstance(module, types.ModuleType)
        assert sys.modules["acl" + ("." + prefix).rstrip(".")] is module
        found.update({prefix + name: f for name, f in vars(module).items()
                      if isinstance(f, types.BuiltinFunctionType)})
    return found


class Caller:
    """Calls by name, checks the kind of what comes back, and that the code is 0 unless told."""

    def __init__(self, acl):
        self.functions, self.table, self.called = functions_of(acl), returns_table(), set()

    def __call__(self, name, *arguments, fails=False):
        result = self.functions[name](*arguments)
        items = result if isinstance(result, tuple) else (result,)
        kinds = "".join(KINDS[type(item)] for item in items)
        assert kinds == self.table[name] or self.table[name] == "*", f"{name} returned {result!r}"
        self.called.add(name)
        has_code = len(items) > 1 or "-> ret" in self.functions[name].__doc__
        if has_code and kinds[-1] == "i":
            assert (items[-1] != 0) == fails, f"{name}{arguments} returned {result!r}"
        return result if len(items) == 1 or not has_code or kinds[-1] != "i" else (
            items[0] if len(items) == 2 else items[:-1])


def test_what_calls_return(acl, model, capfd, tmp_path):
    call = Caller(acl)
    call("get_recent_err_msg")
    assert call("get_soc_name").startswith("Ascend")
    assert call("rt.get_run_mode") == 1  # acllite asks before init
    call("init")
    start(call)
    memory(call)
    tensors(call)
    streams(call)
    hardware(call)
    channels(call)
    queue_calls.queues(call)
    retrieval(call)
    media_calls.pictures(call)
    media_calls.video(call)
    models(call, model)
    operators(call, model, tmp_path)
    op_calls.products(call)
    op_calls.compiling(call, tmp_path)
    profiling(call, model, tmp_path)
    call("app_log", 3, "a line of the program")
    assert "a line of the program" in capfd.readouterr().err
    call("rt.reset_device_force", 0)
    call("finalize")
    assert call.called == set(call.functions) == set(call.table)


def start(call):
    call("rt.set_device", 0)
    context = call("rt.create_context", 0)
    assert call("rt.get_context") == context
    call("rt.set_context", context)
    assert call("rt.get_device") == 0
    assert call("rt.get_device_count") >= 1
    assert len(call("rt.get_version")) == 3
    assert call("rt.query_device_status", 0) == 0
    call("rt.synchronize_device")
    call("rt.set_ts_device", 0)
    call("rt.device_can_access_peer", 0, 99, fails=True)
    call("rt.device_enable_peer_access", 99, 0, fails=True)
    call("rt.device_disable_peer_access", 99, fails=True)
    call("rt.ctx_set_sys_param_opt", 0, 1)
    assert call("rt.ctx_get_sys_param_opt", 0) == 1
    call("rt.destroy_context", context)
    call("rt.reset_device", 0)
    call("rt.set_device", 0)


def memory(call):
    free, total = call("rt.get_mem_info", 0)
    assert 0 < free <= total
    device = call("rt.malloc", 256, 0)
    aligned, cached = call("rt.malloc_align32", 256, 0), call("rt.malloc_cached", 256, 0)
    host, media = call("rt.malloc_host", 256), call("media.dvpp_malloc", 256)
    assert device % 64 == 0 and host % 64 == 0 and media % 128 == 0
    call("rt.mem_flush", cached, 256)
    call("rt.mem_invalidate", cached, 256)
    call("rt.memset", device, 256, 7, 256)
    call("rt.memcpy", host, 256, device, 256, 2)
    call("rt.memcpy", host, 16, device, 32, 2, fails=True)
    assert call("util.ptr_to_bytes", host, 256) == b"\7" * 256
    call("rt.memset_async", device, 256, 8, 16, 0)
    call("rt.memcpy_async", aligned, 256, device, 256, 3, 0)
    call("rt.memcpy2d", media, 64, host, 32, 32, 4, 1)
    call("rt.memcpy2d_async", host, 64, aligned, 16, 16, 2, 2, 0)
    call("rt.synchronize_stream", 0)
    assert call("util.ptr_to_bytes", host, 17) == b"\10" * 16 + b"\7"
    array = call("util.ptr_to_numpy", host, (2, 8), 2)
    assert (array == 8)[0].all() and array.shape == (2, 8)
    assert call("util.numpy_to_ptr", array) == host
    assert call("util.numpy_contiguous_to_ptr", array)[0] == host
    assert call("util.bytes_to_ptr", b"abc") > 0
    for ptr in (device, aligned, cached):
        call("rt.free", ptr)
    call("rt.free", device, fails=True)
    call("rt.free_host", host)
    call("media.dvpp_free", media)


def tensors(call):
    assert call("data_type_size", 1) == 2
    assert call("float_to_float16", 1.5) == 0x3E00
    assert call("float16_to_float", 0x3E00) == 1.5
    ptr = call("rt.malloc", 64, 0)
    buffer = call("create_data_buffer", ptr, 64)
    assert call("get_data_buffer_addr", buffer) == ptr
    assert call("get_data_buffer_size", buffer) == 64
    call("update_data_buffer", buffer, ptr, 32)
    assert call("get_data_buffer_size_v2", buffer) == 32
    call("destroy_data_buffer", buffer)
    call("destroy_data_buffer", buffer, fails=True)

    desc = call("create_tensor_desc", 0, [2, 3, 4], 2)
    assert call("get_tensor_desc_type", desc) == 0
    assert call("get_tensor_desc_format", desc) == 2
    assert call("get_tensor_desc_size", desc) == 96
    assert call("get_tensor_desc_element_count", desc) == 24
    assert call("get_tensor_desc_num_dims", desc) == 3
    assert call("get_tensor_desc_dim", desc, 1) == 3
    assert call("get_tensor_desc_dim_v2", desc, 2) == 4
    call("get_tensor_desc_dim_v2", desc, 3, fails=True)
    assert call("get_tensor_desc_dim_range", desc, 0, 2) == [2, 2]
    assert call("get_tensor_desc_by_index", desc, 0) == desc
    other = call("create_tensor_desc", 0, [1, 2, 3, 4], 0)
    channels_last = call("trans_tensor_desc_format", other, 1)
    assert call("get_tensor_desc_dim", channels_last, 3) == 2
    call("trans_tensor_desc_format", other, 29, fails=True)
    call("destroy_tensor_desc", channels_last)
    call("destroy_tensor_desc", other)
    call("set_tensor_desc_name", desc, "x")
    assert call("get_tensor_desc_name", desc) == "x"
    for part in ("", "_origin", "_storage"):
        call(f"set_tensor{part}_format", desc, 0)
        call(f"set_tensor{part}_shape", desc, 2, [4, 6])
        call(f"set_tensor{part}_shape", desc, 3, [4, 6], fails=True)
    opened = call("create_tensor_desc", 0, [-1, 6], 2)
    call("set_tensor_shape_range", opened, 2, [[1, 9], (6, 6)])
    assert call("get_tensor_desc_dim_range", opened, 0, 2) == [1, 9]
    call("set_tensor_shape_range", opened, 1, [[1, 9]], fails=True)
    call("set_tensor_value_range", opened, 1, [[0, 255]])
    for wrong in ([[1, 9]], [[1], [6, 6]], [[1, 2, 3], [6, 6]]):
        with pytest.raises(ValueError):
            call("set_tensor_shape_range", opened, 2, wrong)
    call("destroy_tensor_desc", opened)
    call("set_tensor_place_ment", desc, 1)
    call("set_tensor_dynamic_input", desc, "group")
    call("set_tensor_const", desc, ptr, 64)
    assert call("get_tensor_desc_address", desc) != 0
    call("destroy_tensor_desc", desc)
    call("rt.free", ptr)


def streams(call):
    stream = call("rt.create_stream")
    for name, arguments in (("_with_config", (0, 1)), ("_v2", (0,))):
        other = call("rt.create_stream" + name, *arguments)
        call("rt.set_stream_failure_mode", other, 1)
        call("rt.destroy_stream_force", other)
    handle = call("rt.create_stream_config_handle")
    call("rt.set_stream_config_opt", handle, 3, 1)
    call("rt.set_stream_config_opt", handle, 2, 1, 8)
    call("rt.set_stream_config_opt", handle, 2, 1, 4, fails=True)
    call("rt.destroy_stream", call("rt.create_stream_v2", handle))
    call("rt.destroy_stream_config_handle", handle)
    first, last = call("rt.create_event"), call("rt.create_event_with_flag", 8)
    spare = call("rt.create_event_ex_with_flag", 1)
    call("rt.record_event", first, stream)
    call("rt.stream_wait_event", stream, first)
    call("rt.record_event", last, stream)
    call("rt.set_op_wait_timeout", 0)
    call("rt.synchronize_event", last)
    call("rt.synchronize_event_with_timeout", last, 1000)
    call("rt.synchronize_stream_with_timeout", stream, 1000)
    assert call("rt.event_elapsed_time", first, last) >= 0
    assert call("rt.query_event", last) == 0
    assert call("rt.query_event_status", last) == 1
    assert call("rt.query_event_wait_status", first) == 0
    assert call("rt.stream_query", stream) == 0
    call("rt.reset_event", spare, stream)
    call("rt.synchronize_stream", stream)
    for event in (first, last, spare):
        call("rt.destroy_event", event)
    seen = []
    thread = call("util.start_thread", lambda user: seen.append(user), ["a", 1])
    call("rt.subscribe_report", thread, stream)
    call("rt.launch_callback", seen.append, None, 0, stream)
    call("rt.unsubscribe_report", thread, stream)
    call("util.stop_thread", thread)
    assert seen == [["a", 1]]
    call("rt.process_report", 0, fails=True)
    call("rt.destroy_stream", stream)
    call("rt.set_exception_info_callback", print)
    call("rt.set_exception_info_callback", None)
    for what in ("task", "stream", "thread", "device"):
        assert call(f"rt.get_{what}_id_from_exception_info", 0) == 0xFFFFFFFF
    assert call("rt.get_error_code_from_exception_info", 0) == 0xFFFFFFFF


def hardware(call):
    """Devices as hardware, virtual memory and allocators."""
    ptr, stream = call("rt.malloc", 64, 0), call("rt.create_stream")
    info = call("rt.create_group_info")
    call("rt.get_group_info_detail", info, 0, 0, ptr, 4, fails=True)
    call("rt.get_all_group_info", info)
    assert call("rt.get_group_info_detail", info, 0, 0, ptr, 4) == 4
    assert call("util.ptr_to_numpy", ptr, (1,), 5)[0] >= 1
    call("rt.destroy_group_info", info)
    assert call("rt.get_group_count") == 1
    call("rt.set_group", 0)
    rates = call("rt.get_device_utilization_rate", 0)
    assert 0 <= rates["vector_utilization"] <= 100 and 0 <= rates["memory_utilization"] <= 100
    assert call("rt.get_mem_uce_info", 0) == []
    assert call("rt.device_get_bare_tgid") == os.getpid()
    call("rt.device_task_abort", 0, 1000)
    call("rt.set_op_execute_time_out", 60)
    call("rt.set_op_execute_time_out", 0)
    call("rt.set_device_sat_mode", 1)
    call("rt.set_device_sat_mode", 0, fails=True)
    assert call("rt.get_device_sat_mode") == 1
    call("rt.set_stream_overflow_switch", stream, 1)
    assert call("rt.get_stream_overflow_switch", stream) == 1
    call("rt.get_overflow_status", ptr, 64, stream)
    call("rt.reset_overflow_status", stream)
    thread = threading.get_ident()
    call("rt.subscribe_host_func", thread, stream)
    call("rt.process_host_func", 0, fails=True)
    call("rt.un_subscribe_host_func", thread, stream)

    prop = {"mem_attr": 1, "location": {"id": 0, "type": 1}}
    page = call("rt.mem_get_allocation_granularity", prop, 0)
    with pytest.raises(TypeError):
        call("rt.malloc_physical", page, 7, 0)
    physical = call("rt.malloc_physical", page, prop, 0)
    at = call("rt.reserve_mem_address", 4 * page, 0, 0, 0)
    call("rt.map_mem", at, page, 0, physical, 0)
    call("rt.memset", at, page, 3, page)
    shareable = call("rt.mem_export_to_shareable_handle", physical, 0, 0)
    call("rt.mem_set_pid_to_shareable_handle", shareable, [1, 2], 2)
    call("rt.mem_set_pid_to_shareable_handle", shareable, [1], 2, fails=True)
    again = call("rt.mem_import_from_shareable_handle", shareable, 0)
    call("rt.map_mem", at + page, page, 0, again, 0)
    assert call("util.ptr_to_bytes", at + page, 4) == b"\3" * 4
    for mapped in (at, at + page):
        call("rt.unmap_mem", mapped)
    call("rt.free_physical", physical)
    call("rt.free_physical", again)
    call("rt.release_mem_address", at)

    desc = call("rt.allocator_create_desc")
    call("rt.allocator_register", stream, desc, fails=True)
    function = ctypes.cast(ctypes.CDLL(None).free, ctypes.c_void_p).value
    call("rt.allocator_set_obj_to_desc", desc, ptr)
    for what in ("alloc", "free", "alloc_advise", "get_addr_from_block"):
        call(f"rt.allocator_set_{what}_func_to_desc", desc, function)
    call("rt.allocator_register", stream, desc)
    call("rt.allocator_unregister", stream)
    call("rt.allocator_destroy_desc", desc)
    call("rt.destroy_stream", stream)
    call("rt.free", ptr)


def channels(call):
    data = np.arange(6, dtype=np.float32).reshape(2, 3)
    ptr = call("util.numpy_to_ptr", data)
    item = call("tdt.create_data_item", 0, [2, 3], 2, 0, ptr, data.nbytes)
    assert call("tdt.get_dims_from_item", item, 2) == [2, 3]
    assert call("tdt.get_slice_info_from_item", item) == (1, 0)
    sent, received = call("tdt.create_dataset"), call("tdt.create_dataset")
    call("tdt.add_data_item", sent, item)
    channel = call("tdt.create_channel", 0, "calls")
    other = call("tdt.create_channel_with_capacity", 0, "narrow", 1)
    answers = []
    waiting = threading.Thread(target=lambda: answers.append(
        call("tdt.receive_tensor", channel, received, 10000)))
    waiting.start()  # it waits without the interpreter lock, or this would hang
    call("tdt.send_tensor", channel, sent, 0)
    waiting.join(10)
    assert answers == [0]
    assert call("tdt.get_dataset_name", received) == "calls"
    assert call("tdt.get_dataset_size", received) == 1
    copy = call("tdt.get_data_item", received, 0)
    address = call("tdt.get_data_addr_from_item", copy)
    assert address != ptr
    assert (call("util.ptr_to_numpy", address, (2, 3), 11) == data).all()
    assert call("tdt.get_data_size_from_item", copy) == 24
    assert call("tdt.get_data_type_from_item", copy) == 0
    assert call("tdt.get_tensor_type_from_item", copy) == 0
    assert call("tdt.get_dim_num_from_item", copy) == 2
    call("tdt.send_tensor", other, sent, 0)
    call("tdt.send_tensor", other, sent, 0, fails=True)
    assert call("tdt.query_channel_size", other) == 1
    call("tdt.clean_channel", other)
    assert call("tdt.query_channel_size", other) == 0
    call("tdt.stop_channel", other)
    call("tdt.receive_tensor", other, received, -1, fails=True)
    for channel in (channel, other):
        call("tdt.destroy_channel", channel)
    call("tdt.destroy_dataset", sent)
    call("tdt.destroy_dataset", received)
    call("tdt.destroy_data_item", item)


def retrieval(call):
    """Every call of acl.fv says that there is no such thing."""
    counts = {"create_feature_info": 7, "create_query_table": 4, "create_repo_range": 4,
              "create_search_input": 3, "create_search_result": 8, "release": 0, "repo_add": 2,
              "repo_del": 2, "search": 3, "set1_n_top_num": 2, "set_nm_top_num": 2}
    for name in [n for n in call.functions if n.startswith("fv.")]:
        arguments = [0] * counts.get(name[3:], 1)
        assert (call(name, *arguments, fails=True) == 0) == ("create" in name)
        assert "not implemented" in call("get_recent_err_msg")
    for name in [n for n in call.functions if n.startswith("himpi.")]:
        assert call(name, 0, "whatever", fails=True) == UNSUPPORTED
        assert "not implemented" in call("get_recent_err_msg")


def models(call, path):
    with open(path, "rb") as file:
        content = file.read()
    ptr, size = call("util.bytes_to_ptr", content), len(content)
    work_size, weight_size = call("mdl.query_size", path)
    assert call("mdl.query_size_from_mem", ptr, size) == (work_size, weight_size)
    work, weight = call("rt.malloc", work_size, 0), call("rt.malloc", weight_size, 0)
    ids = [call("mdl.load_from_mem", ptr, size),
           call("mdl.load_from_file_with_mem", path, work, work_size, weight, weight_size),
           call("mdl.load_from_mem_with_mem", ptr, size, work, work_size, weight, weight_size)]
    for model_id in ids:
        call("mdl.unload", model_id)
    call("rt.free", work)
    call("rt.free", weight)
    call("mdl.load_from_file", path + ".missing", fails=True)
    bundles = [call("mdl.bundle_load_from_file", path), call("mdl.bundle_load_from_mem", ptr, size)]
    for bundle in bundles:
        assert call("mdl.bundle_get_model_num", bundle) == 1
        assert call("mdl.bundle_get_model_id", bundle, 0) > 0
        call("mdl.bundle_get_model_id", bundle, 1, fails=True)
        call("mdl.unload", bundle, fails=True)
        call("mdl.bundle_unload", bundle)
    queue_calls.between(call, path, ptr, size)
    handle = call("mdl.create_config_handle")
    call("mdl.load_with_config", handle, fails=True)
    call("mdl.set_config_opt", handle, 0, 1)  # priority
    call("mdl.set_config_opt", handle, 1, 1, 8)  # load from a file
    call("mdl.set_config_opt", handle, 2, path)
    call("mdl.set_config_opt", handle, 99, 1, fails=True)
    call("mdl.unload", call("mdl.load_with_config", handle))
    call("mdl.destroy_config_handle", handle)

    call("mdl.finalize_dump", fails=True)
    call("mdl.init_dump")
    call("mdl.set_dump", path + ".missing", fails=True)
    call("mdl.finalize_dump")

    model_id = call("mdl.load_from_file", path)
    assert model_id > 0  # programs test its truth
    desc = call("mdl.create_desc")
    call("mdl.get_desc_from_file", desc, path)
    call("mdl.get_desc_from_mem", desc, ptr, size)
    call("mdl.get_desc", desc, model_id)
    describe(call, model_id, desc)
    execute(call, model_id, desc)
    call("mdl.unload", model_id)
    call("mdl.destroy_desc", desc)


def describe(call, model_id, desc):
    shape = {"name": "data", "dimCount": 4, "dims": [1, 3, 8, 8]}
    result = {"name": call("mdl.get_output_name_by_index", desc, 0), "dimCount": 2,
              "dims": [1, 1000]}
    assert call("mdl.get_num_inputs", desc) == call("mdl.get_num_outputs", desc) == 1
    assert call("mdl.get_input_size_by_index", desc, 0) == 768
    assert call("mdl.get_output_size_by_index", desc, 0) == 4000
    assert call("mdl.get_input_name_by_index", desc, 0) == "data"
    assert call("mdl.get_tensor_real_name", desc, "data") == "data"
    origins = "_datadump_original_op_names"
    assert call("mdl.get_op_attr", desc, "Conv_0", origins) == "[6]Conv_0"
    assert call("mdl.get_op_attr", desc, "nobody", origins) == ""
    assert call.functions["mdl.get_op_attr"](0, "Conv_0", origins) is None
    for name in ("format", "data_type"):
        assert call(f"mdl.get_input_{name}", desc, 0) == 0
        call(f"mdl.get_output_{name}", desc, 0)
    assert call("mdl.get_input_index_by_name", desc, "data") == 0
    assert call("mdl.get_output_index_by_name", desc, result["name"]) == 0
    call("mdl.get_input_index_by_name", desc, "ascend_mbatch_shape_data", fails=True)
    assert call("mdl.get_input_dims", desc, 0) == shape
    assert call("mdl.get_input_dims_v2", desc, 0) == shape
    assert call("mdl.get_output_dims", desc, 0) == result
    assert call("mdl.get_cur_output_dims", desc, 0) == result
    call("mdl.get_output_dims", desc, 1, fails=True)
    assert call("mdl.get_dynamic_batch", desc) == {"batchCount": 0, "batch": []}
    assert call("mdl.get_dynamic_hw", desc, 0) == {"hwCount": 0, "hw": []}
    assert call("mdl.get_input_dynamic_gear_count", desc, -1) == 0
    call.functions["mdl.get_input_dynamic_dims"](desc, -1, 0)
    call("mdl.get_input_dynamic_dims", desc, -1, 1000, fails=True)
    assert call("mdl.get_aipp_type", model_id, 0)[0] == 0
    assert call("mdl.get_first_aipp_info", model_id, 0, fails=True) == {}
    assert call("mdl.create_and_get_op_desc", 0, 0, 0, 256, fails=True) == ("", 0, 0, 0, 0)
    aipp(call, model_id)


def aipp(call, model_id):
    """Parameters of dynamic AIPP, which the model does not have."""
    p, dataset = call("mdl.create_aipp", 2), call("mdl.create_dataset")
    assert call("mdl.set_aipp_input_format", p, 1) == 0
    assert call("mdl.set_aipp_src_image_size", p, 416, 416) == 0
    assert call("mdl.set_aipp_rbuv_swap_switch", p, 1) == 0
    assert call("mdl.set_aipp_ax_swap_switch", p, 0) == 0
    assert call("mdl.set_aipp_csc_params", p, 1, 256, 0, 359, 256, -88, -183, 256, 454, 0, 0, 0, 0,
                0, 128, 128) == 0
    assert call("mdl.set_aipp_crop_params", p, 1, 0, 0, 400, 400, 1) == 0
    assert call("mdl.set_aipp_scf_params", p, 1, 400, 400, 300, 300, 1) == 0
    assert call("mdl.set_aipp_padding_params", p, 1, 1, 2, 3, 4, 1) == 0
    assert call("mdl.set_aipp_dtc_pixel_mean", p, 1, 2, 3, 4, 0) == 0
    assert call("mdl.set_aipp_dtc_pixel_min", p, 1.0, 2.5, 3.0, 4.0, 0) == 0
    assert call("mdl.set_aipp_pixel_var_reci", p, 0.5, 0.5, 0.5, 1.0, 0) == 0
    call("mdl.set_aipp_pixel_var_reci", p, 0.5, 0.5, 0.5, 1.0, 2, fails=True)
    call("mdl.set_input_aipp", model_id, dataset, 0, p, fails=True)
    call("mdl.set_aipp_by_input_index", model_id, dataset, 0, p, fails=True)
    assert call("mdl.destroy_dataset", dataset) == 0
    assert call("mdl.destroy_aipp", p) == 0


def execute(call, model_id, desc):
    datasets, buffers = [], []
    for size in (768, 4000):
        ptr = call("rt.malloc", size, 0)
        call("rt.memset", ptr, size, 0, size)
        datasets.append(call("mdl.create_dataset"))
        buffers.append((call("create_data_buffer", ptr, size), ptr))
        assert call("mdl.add_dataset_buffer", datasets[-1], buffers[-1][0]) == datasets[-1]
        assert call("mdl.get_dataset_num_buffers", datasets[-1]) == 1
        assert call("mdl.get_dataset_buffer", datasets[-1], 0) == buffers[-1][0]
    tensor = call("create_tensor_desc", 0, [1, 3, 8, 8], 0)
    call("mdl.set_dataset_tensor_desc", datasets[0], tensor, 0)
    call("mdl.get_dataset_tensor_desc", datasets[0], 0)
    call("destroy_tensor_desc", tensor)
    call("mdl.set_dynamic_batch_size", model_id, datasets[0], 0, 2, fails=True)
    call("mdl.set_dynamic_hw_size", model_id, datasets[0], 0, 8, 8, fails=True)
    call("mdl.set_input_dynamic_dims", model_id, datasets[0], 0,
         {"name": "", "dimCount": 2, "dims": [1, 2]}, fails=True)
    handle = call("mdl.create_exec_config_handle")
    call("mdl.set_exec_config_opt", handle, 0, -1)  # no limit of time
    call("mdl.execute", model_id, *datasets)
    call("mdl.execute_async", model_id, *datasets, 0)
    call("mdl.execute_v2", model_id, *datasets, 0, handle)
    call("mdl.execute_async_v2", model_id, *datasets, 0, handle)
    call("rt.synchronize_stream", 0)
    call("mdl.execute", 12345, *datasets, fails=True)
    call("mdl.destroy_exec_config_handle", handle)
    for dataset, (buffer, ptr) in zip(datasets, buffers):
        call("rt.free", ptr)
        call("destroy_data_buffer", buffer)
        call("mdl.destroy_dataset", dataset)


def operators(call, path, folder):
    attr = call("op.create_attr")
    for kind, value in (("bool", True), ("data_type", 1), ("float", 0.5), ("int", 3),
                        ("string", "text")):
        call(f"op.set_attr_{kind}", attr, "one", value)
        call(f"op.set_attr_{kind}", attr, "", value, fails=True)
    for kind, values in (("bool", [True, False]), ("data_type", [1]), ("float", [0.5]),
                         ("int", [1, 2]), ("string", ["a", "b"])):
        call(f"op.set_attr_list_{kind}", attr, "many", values)
        call(f"op.set_attr_list_{kind}", attr, "many", len(values), values)
        with pytest.raises(ValueError):
            call(f"op.set_attr_list_{kind}", attr, "many", 9, values)
    call("op.destroy_attr", attr)
    x, y = np.float32([-1, 2]), np.zeros(2, np.float32)
    desc = call("create_tensor_desc", 0, [2], 2)
    buffers = [call("create_data_buffer", call("util.numpy_to_ptr", a), 8) for a in (x, y)]
    ends = [[desc], [buffers[0]], [desc], [buffers[1]]]
    call("op.execute", "Abs", *ends, 0, 0)
    call("op.execute_v2", "Abs", *ends, 0, 0)
    call("op.execute_v2", "Abs", 1, *ends[:2], 1, *ends[2:], 0, 0)
    call("op.execute_v2", "Abs", 2, *ends[:2], 1, *ends[2:], 0, 0, fails=True)
    call("op.execute_v2", "Nothing", *ends, 0, 0, fails=True)
    call("op.infer_shape", "Abs", *ends[:3], 0)
    handle = call("op.create_handle", "Abs", [desc], [desc], 0)
    call("op.execute_with_handle", handle, ends[1], ends[3], 0)
    call("rt.synchronize_stream", 0)
    assert y.tolist() == [1, 2]
    call("op.destroy_handle", handle)
    call("op.destroy_handle", call("op.create_handle_for_cast", desc, desc, 0))
    call("op.cast", desc, buffers[0], desc, buffers[1], 0, 0)
    call("rt.synchronize_stream", 0)
    assert y.tolist() == [-1, 2]
    call("op.set_model_dir", os.path.dirname(path))
    call("op.set_model_dir", str(folder / "absent"), fails=True)
    with open(path, "rb") as file:
        data = file.read()
    call("op.load", call("util.bytes_to_ptr", data), len(data))
    call("op.load", call("util.bytes_to_ptr", data), 10, fails=True)
    call("destroy_tensor_desc", desc)
    for buffer in buffers:
        call("destroy_data_buffer", buffer)


def profiling(call, path, folder):
    call("prof.init", str(folder), 1, fails=True)
    call("prof.init", str(folder), len(str(folder)))
    call("prof.set_config", 1, "300", 3)
    config = call("prof.create_config", [0], 1, 255, 0, 0x1 | 0x2 | 0x40 | 0x80)
    call("prof.start", config)
    stamp = call("prof.create_stamp")
    call("prof.set_stamp_trace_message", stamp, "a note", 6)
    call("prof.mark", stamp)
    call("prof.push", stamp)
    call("prof.pop")
    call("prof.range_stop", call("prof.range_start", stamp))
    call("prof.destroy_stamp", stamp)
    step = call("prof.create_step_info")
    call("prof.get_step_timestamp", step, 0, 0)
    call("prof.get_step_timestamp", step, 1, 0)
    call("rt.synchronize_stream", 0)
    call("prof.destroy_step_info", step)
    call("prof.stop", config)
    call("prof.destroy_config", config)
    call("prof.finalize")
    assert len(list(folder.glob("PROF_000001_*/mindstudio_profiler_output/msprof_*.json"))) == 1
    reading, writing = os.pipe()
    model_id = call("mdl.load_from_file", path)
    config = call("prof.create_subscribe_config", 1, 255, writing)
    call("prof.model_subscribe", model_id, config)
    call("prof.model_un_subscribe", model_id)
    call("prof.destroy_subscribe_config", config)
    call("mdl.unload", model_id)
    os.close(reading)
    os.close(writing)
    size = call("prof.get_op_desc_size")
    info = bytes(size)
    ptr = call("util.bytes_to_ptr", info)
    assert call("prof.get_op_num", ptr, size) == 1
    for name in ("type", "name"):
        assert call(f"prof.get_op_{name}_len", ptr, size, 0) == 1
        assert call(f"prof.get_op_{name}", ptr, size, 0, 1) == ""
        assert call(f"prof.get_op_{name}_v2", ptr, size, 0) == ""
    for name in ("op_start", "op_end", "op_duration", "model_id", "op_flag"):
        assert call(f"prof.get_{name}", ptr, size, 0) == 0
    assert call("prof.get_op_attri_value", ptr, size, 0, 0) == ""


def count_of(returns):
    """How many items the facts' text of a return stands for; 0 for None."""
    if returns.startswith("None"):
        return 0
    if "(no ret)" in returns:
        return 1
    plain = re.sub(r"[({][^)}]*[)}]", "", returns.split(";")[0])
    return len(plain.split(","))


# Rows without evidence whose counts were guessed from the prototypes with a mistake: what C writes
# through a pointer to a pointer is a result too, and a pointer to what is only read is none.
WRITTEN_THROUGH_TWO = """
blas.create_handle_for_gemm_ex blas.create_handle_for_gemv_ex blas.create_handle_for_hgemm
blas.create_handle_for_hgemv blas.create_handle_for_s8gemm blas.create_handle_for_s8gemv
get_compileopt mdl.create_and_get_op_desc media.dvpp_get_hist_data media.dvpp_get_lut_map_data
op.create_handle_for_cast prof.get_op_name prof.get_op_type tdt.alloc_buf tdt.copy_buf_ref
tdt.dequeue tdt.get_buf_from_chain trans_tensor_desc_format
""".split()
ONLY_READ = """
blas.s8gemm blas.s8gemv fv.del fv.destroy_feature_info fv.modify fv.repo_add
media.dvpp_vpc_batch_crop_resize_async media.dvpp_vpc_batch_crop_resize_make_border_async
media.dvpp_vpc_batch_crop_resize_paste_async op.set_kernel_workspace_sizes
prof.get_step_timestamp rt.destroy_group_info rt.destroy_stream_config_handle
rt.get_all_group_info rt.set_stream_config_opt tdt.set_queue_route_query_info
""".split()


def test_every_row_of_the_facts(acl, data_dir):
    """Each row is here, and gives as many items as the row says."""
    table = returns_table()
    missing, different, used, n = [], [], set(), 0
    with open(data_dir / "facts" / "pyacl_functions.csv", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            name = row["python_name"][len("acl."):]
            kinds = table.get(name)
            n += 1
            if kinds is None:
                missing.append(name)
                continue
            here, said = len(kinds.replace("n", "")), count_of(row["returns"])
            guessed = "unconfirmed" in row["evidence"]
            if guessed and here > said and name in WRITTEN_THROUGH_TWO:
                used.add(name)
            elif guessed and here < said and name in ONLY_READ:
                used.add(name)
            elif here != said and kinds != "*":
                different.append((name, kinds, row["returns"]))
    assert not missing and not different and n > 570
    assert used == {*WRITTEN_THROUGH_TWO, *ONLY_READ}


def test_every_function_says_what_it_returns(acl):
    for name, function in functions_of(acl).items():
        assert inspect.getdoc(function).startswith(name.split(".")[-1] + "("), name
