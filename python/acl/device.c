/* SPDX-License-Identifier: Apache-2.0 */
/*
 * acl.rt, third part: devices as hardware, virtual memory, allocators. Structs are dictionaries
 * whose keys are the members' names in lower case; functions are addresses, as ctypes gives them.
 */
#include "acl/acl_rt_allocator.h"
#include "binding.h"

#include <string.h>

/* ---- groups, load, faults ---- */

GET0(rt_create_group_info, "acl.rt.create_group_info", aclrtCreateGroupInfo, address)
CODE1(rt_destroy_group_info, "acl.rt.destroy_group_info", aclrtDestroyGroupInfo, p)
CODE1(rt_get_all_group_info, "acl.rt.get_all_group_info", aclrtGetAllGroupInfo, p)
CODE1(rt_set_group, "acl.rt.set_group", aclrtSetGroup, i)

METHOD(rt_get_group_count) {
    uint32_t count = 0;
    if (!take(args, "acl.rt.get_group_count", "")) return NULL;
    aclError code = UNLOCKED(aclrtGetGroupCount(&count));
    return number_and_code(count, code);
}

METHOD(rt_get_group_info_detail) {
    void *info, *value;
    int32_t index, attr;
    size_t length, size = 0;
    if (!take(args, "acl.rt.get_group_info_detail", "piipz", &info, &index, &attr, &value, &length))
        return NULL;
    aclError code = UNLOCKED(
        aclrtGetGroupInfoDetail(info, index, (aclrtGroupAttr)attr, value, length, &size));
    return number_and_code((long long)size, code);
}

METHOD(rt_get_device_utilization_rate) {
    int32_t device;
    aclrtUtilizationInfo info = {0};
    if (!take(args, "acl.rt.get_device_utilization_rate", "i", &device)) return NULL;
    aclError code = UNLOCKED(aclrtGetDeviceUtilizationRate(device, &info));
    return Py_BuildValue("{si,si,si,si}i", "cube_utilization", (int)info.cubeUtilization,
                         "vector_utilization", (int)info.vectorUtilization, "aicpu_utilization",
                         (int)info.aicpuUtilization, "memory_utilization",
                         (int)info.memoryUtilization, (int)code);
}

METHOD(rt_get_mem_uce_info) {
    int32_t device;
    size_t most = MAX_MEM_UCE_INFO_ARRAY_SIZE, n = 0;
    aclrtMemUceInfo faults[MAX_MEM_UCE_INFO_ARRAY_SIZE] = {0};
    if (!take(args, "acl.rt.get_mem_uce_info", "i|z", &device, &most)) return NULL;
    aclError code = UNLOCKED(aclrtGetMemUceInfo(device, faults, most, &n));
    PyObject *list = PyList_New(0);
    for (size_t i = 0; list && i < n; i++) {
        PyObject *one = Py_BuildValue("{sK,sK}", "addr",
                                      (unsigned long long)(uintptr_t)faults[i].addr, "len",
                                      (unsigned long long)faults[i].len);
        if (!one || PyList_Append(list, one) < 0) Py_CLEAR(list);
        Py_XDECREF(one);
    }
    return object_and_code(list, code);
}

METHOD(rt_device_get_bare_tgid) {
    int32_t pid = 0;
    if (!take(args, "acl.rt.device_get_bare_tgid", "")) return NULL;
    aclError code = UNLOCKED(aclrtDeviceGetBareTgid(&pid));
    return number_and_code(pid, code);
}

CODE2(rt_device_task_abort, "acl.rt.device_task_abort", aclrtDeviceTaskAbort, i, u)
CODE1(rt_set_op_execute_time_out, "acl.rt.set_op_execute_time_out", aclrtSetOpExecuteTimeOut, u)

/* ---- overflow ---- */

CODE1(rt_set_device_sat_mode, "acl.rt.set_device_sat_mode", aclrtSetDeviceSatMode, i)
CODE3(rt_get_overflow_status, "acl.rt.get_overflow_status", aclrtGetOverflowStatus, p, z, p)
CODE1(rt_reset_overflow_status, "acl.rt.reset_overflow_status", aclrtResetOverflowStatus, p)
CODE2(rt_set_stream_overflow_switch, "acl.rt.set_stream_overflow_switch",
      aclrtSetStreamOverflowSwitch, p, u)
TELL1(rt_get_stream_overflow_switch, "acl.rt.get_stream_overflow_switch",
      aclrtGetStreamOverflowSwitch, uint32_t, p)

METHOD(rt_get_device_sat_mode) {
    aclrtFloatOverflowMode mode = ACL_RT_OVERFLOW_MODE_UNDEF;
    if (!take(args, "acl.rt.get_device_sat_mode", "")) return NULL;
    aclError code = UNLOCKED(aclrtGetDeviceSatMode(&mode));
    return number_and_code(mode, code);
}

/* ---- host functions ---- */

CODE2(rt_subscribe_host_func, "acl.rt.subscribe_host_func", aclrtSubscribeHostFunc, U, p)
CODE2(rt_un_subscribe_host_func, "acl.rt.un_subscribe_host_func", aclrtUnSubscribeHostFunc, U, p)
CODE1(rt_process_host_func, "acl.rt.process_host_func", aclrtProcessHostFunc, i)

/* ---- virtual memory ---- */

/* A number of a dictionary, 0 when it is not there; false with an exception set. */
static bool take_member(PyObject *dict, const char *name, unsigned long long *out) {
    PyObject *value = PyDict_GetItemString(dict, name); /* borrowed */
    *out = value ? PyLong_AsUnsignedLongLong(value) : 0;
    return !PyErr_Occurred();
}

static bool take_prop(PyObject *dict, const char *call, int argument, aclrtPhysicalMemProp *out) {
    unsigned long long type, allocation, attr, id = 0, place = 0, reserve;
    PyObject *location = PyDict_Check(dict) ? PyDict_GetItemString(dict, "location") : NULL;
    if (!PyDict_Check(dict) || (location && !PyDict_Check(location))) {
        wrong_type(call, argument, "dict", location ? location : dict);
        return false;
    }
    if (!take_member(dict, "handle_type", &type) ||
        !take_member(dict, "allocation_type", &allocation) ||
        !take_member(dict, "mem_attr", &attr) || !take_member(dict, "reserve", &reserve) ||
        (location && !(take_member(location, "id", &id) && take_member(location, "type", &place))))
        return false;
    *out = (aclrtPhysicalMemProp){.handleType = (aclrtMemHandleType)type,
                                  .allocationType = (aclrtMemAllocationType)allocation,
                                  .memAttr = (aclrtMemAttr)attr,
                                  .location = {(uint32_t)id, (aclrtMemLocationType)place},
                                  .reserve = reserve};
    return true;
}

METHOD(rt_mem_get_allocation_granularity) {
    static const char call[] = "acl.rt.mem_get_allocation_granularity";
    PyObject *dict;
    int32_t option;
    aclrtPhysicalMemProp prop;
    size_t size = 0;
    if (!take(args, call, "oi", &dict, &option) || !take_prop(dict, call, 1, &prop)) return NULL;
    aclError code = UNLOCKED(
        aclrtMemGetAllocationGranularity(&prop, (aclrtMemGranularityOptions)option, &size));
    return number_and_code((long long)size, code);
}

METHOD(rt_malloc_physical) {
    size_t size;
    PyObject *dict;
    uint64_t flags;
    aclrtPhysicalMemProp prop;
    void *handle = NULL;
    if (!take(args, "acl.rt.malloc_physical", "zoU", &size, &dict, &flags) ||
        !take_prop(dict, "acl.rt.malloc_physical", 2, &prop))
        return NULL;
    aclError code = UNLOCKED(aclrtMallocPhysical(&handle, size, &prop, flags));
    return address_and_code(handle, code);
}

METHOD(rt_reserve_mem_address) {
    size_t size, alignment;
    void *expected, *made = NULL;
    uint64_t flags;
    if (!take(args, "acl.rt.reserve_mem_address", "zzpU", &size, &alignment, &expected, &flags))
        return NULL;
    aclError code = UNLOCKED(aclrtReserveMemAddress(&made, size, alignment, expected, flags));
    return address_and_code(made, code);
}

METHOD(rt_mem_export_to_shareable_handle) {
    void *handle;
    int32_t type;
    uint64_t flags, shareable = 0;
    if (!take(args, "acl.rt.mem_export_to_shareable_handle", "piU", &handle, &type, &flags))
        return NULL;
    aclError code = UNLOCKED(
        aclrtMemExportToShareableHandle(handle, (aclrtMemHandleType)type, flags, &shareable));
    return Py_BuildValue("Ki", (unsigned long long)shareable, (int)code);
}

METHOD(rt_mem_import_from_shareable_handle) {
    uint64_t shareable;
    int32_t device;
    void *handle = NULL;
    if (!take(args, "acl.rt.mem_import_from_shareable_handle", "Ui", &shareable, &device))
        return NULL;
    aclError code = UNLOCKED(aclrtMemImportFromShareableHandle(shareable, device, &handle));
    return address_and_code(handle, code);
}

METHOD(rt_mem_set_pid_to_shareable_handle) {
    static const char call[] = "acl.rt.mem_set_pid_to_shareable_handle";
    uint64_t shareable;
    PyObject *list;
    size_t n, count;
    if (!take(args, call, "Uoz", &shareable, &list, &count)) return NULL;
    int32_t *pids = take_list_of_32(list, call, 2, true, &n);
    if (!pids) return NULL;
    aclError code = count > n
                        ? refuse(call, "the count is %zu; the list has %zu processes", count, n)
                        : UNLOCKED(aclrtMemSetPidToShareableHandle(shareable, pids, count));
    PyMem_Free(pids);
    return code_only(code);
}

CODE1(rt_release_mem_address, "acl.rt.release_mem_address", aclrtReleaseMemAddress, p)
CODE1(rt_free_physical, "acl.rt.free_physical", aclrtFreePhysical, p)
CODE5(rt_map_mem, "acl.rt.map_mem", aclrtMapMem, p, z, z, p, U)
CODE1(rt_unmap_mem, "acl.rt.unmap_mem", aclrtUnmapMem, p)

/* ---- allocators ---- */

GET0(rt_allocator_create_desc, "acl.rt.allocator_create_desc", aclrtAllocatorCreateDesc, address)
CODE1(rt_allocator_destroy_desc, "acl.rt.allocator_destroy_desc", aclrtAllocatorDestroyDesc, p)
CODE2(rt_allocator_set_obj_to_desc, "acl.rt.allocator_set_obj_to_desc", aclrtAllocatorSetObjToDesc,
      p, p)
CODE2(rt_allocator_set_alloc_func_to_desc, "acl.rt.allocator_set_alloc_func_to_desc",
      aclrtAllocatorSetAllocFuncToDesc, p, p)
CODE2(rt_allocator_set_free_func_to_desc, "acl.rt.allocator_set_free_func_to_desc",
      aclrtAllocatorSetFreeFuncToDesc, p, p)
CODE2(rt_allocator_set_alloc_advise_func_to_desc, "acl.rt.allocator_set_alloc_advise_func_to_desc",
      aclrtAllocatorSetAllocAdviseFuncToDesc, p, p)
CODE2(rt_allocator_set_get_addr_from_block_func_to_desc,
      "acl.rt.allocator_set_get_addr_from_block_func_to_desc",
      aclrtAllocatorSetGetAddrFromBlockFuncToDesc, p, p)
CODE2(rt_allocator_register, "acl.rt.allocator_register", aclrtAllocatorRegister, p, p)
CODE1(rt_allocator_unregister, "acl.rt.allocator_unregister", aclrtAllocatorUnregister, p)

#define RT(name, doc) ROW(#name, rt_##name, #name doc)

PyMethodDef device_methods[] = {
    RT(create_group_info, "() -> group_info"),
    RT(destroy_group_info, "(group_info) -> ret"),
    RT(get_all_group_info, "(group_info) -> ret"),
    RT(set_group, "(group_id) -> ret"),
    RT(get_group_count, "() -> (count, ret)"),
    RT(get_group_info_detail, "(group_info, index, attr, value_ptr, value_len) -> (size, ret)"),
    RT(get_device_utilization_rate, "(device_id) -> (dict of percentages, ret)"),
    RT(get_mem_uce_info, "(device_id, most=128) -> (list of dict, ret)"),
    RT(device_get_bare_tgid, "() -> (pid, ret)"),
    RT(device_task_abort, "(device_id, timeout_ms) -> ret"),
    RT(set_op_execute_time_out, "(seconds) -> ret"),
    RT(set_device_sat_mode, "(mode) -> ret"),
    RT(get_device_sat_mode, "() -> (mode, ret)"),
    RT(get_overflow_status, "(ptr, size, stream) -> ret"),
    RT(reset_overflow_status, "(stream) -> ret"),
    RT(set_stream_overflow_switch, "(stream, flag) -> ret"),
    RT(get_stream_overflow_switch, "(stream) -> (flag, ret)"),
    RT(subscribe_host_func, "(thread_id, stream) -> ret"),
    RT(un_subscribe_host_func, "(thread_id, stream) -> ret"),
    RT(process_host_func, "(timeout_ms) -> ret"),
    RT(mem_get_allocation_granularity, "(prop, option) -> (size, ret)"),
    RT(malloc_physical, "(size, prop, flags) -> (handle, ret); prop is a dict with mem_attr and "
                        "location, a dict with id and type"),
    RT(free_physical, "(handle) -> ret"),
    RT(reserve_mem_address, "(size, alignment, expected_ptr, flags) -> (ptr, ret)"),
    RT(release_mem_address, "(ptr) -> ret"),
    RT(map_mem, "(ptr, size, offset, handle, flags) -> ret"),
    RT(unmap_mem, "(ptr) -> ret"),
    RT(mem_export_to_shareable_handle, "(handle, handle_type, flags) -> (shareable, ret)"),
    RT(mem_import_from_shareable_handle, "(shareable, device_id) -> (handle, ret)"),
    RT(mem_set_pid_to_shareable_handle, "(shareable, pids, n) -> ret"),
    RT(allocator_create_desc, "() -> desc"),
    RT(allocator_destroy_desc, "(desc) -> ret"),
    RT(allocator_set_obj_to_desc, "(desc, allocator) -> ret"),
    RT(allocator_set_alloc_func_to_desc, "(desc, function) -> ret"),
    RT(allocator_set_free_func_to_desc, "(desc, function) -> ret"),
    RT(allocator_set_alloc_advise_func_to_desc, "(desc, function) -> ret"),
    RT(allocator_set_get_addr_from_block_func_to_desc, "(desc, function) -> ret"),
    RT(allocator_register, "(stream, desc) -> ret"),
    RT(allocator_unregister, "(stream) -> ret"),
    {NULL, NULL, 0, NULL}};
