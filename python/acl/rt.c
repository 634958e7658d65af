/* SPDX-License-Identifier: Apache-2.0 */
/* acl.rt, first half: devices, contexts and memory. */
#include "binding.h"

/* ---- devices and contexts ---- */

CODE1(rt_set_device, "acl.rt.set_device", aclrtSetDevice, i)
CODE1(rt_reset_device, "acl.rt.reset_device", aclrtResetDevice, i)
CODE1(rt_reset_device_force, "acl.rt.reset_device_force", aclrtResetDeviceForce, i)
CODE0(rt_synchronize_device, "acl.rt.synchronize_device", aclrtSynchronizeDevice)
CODE1(rt_set_ts_device, "acl.rt.set_ts_device", aclrtSetTsDevice, i)
CODE2(rt_device_enable_peer_access, "acl.rt.device_enable_peer_access", aclrtDeviceEnablePeerAccess,
      i, u)
CODE1(rt_device_disable_peer_access, "acl.rt.device_disable_peer_access",
      aclrtDeviceDisablePeerAccess, i)
TELL1(rt_query_device_status, "acl.rt.query_device_status", aclrtQueryDeviceStatus,
      aclrtDeviceStatus, i)

METHOD(rt_get_device) {
    int32_t id = 0;
    if (!take(args, "acl.rt.get_device", "")) return NULL;
    aclError code = UNLOCKED(aclrtGetDevice(&id));
    return number_and_code(id, code);
}

METHOD(rt_get_device_count) {
    uint32_t count = 0;
    if (!take(args, "acl.rt.get_device_count", "")) return NULL;
    aclError code = UNLOCKED(aclrtGetDeviceCount(&count));
    return number_and_code(count, code);
}

METHOD(rt_get_run_mode) {
    aclrtRunMode mode = ACL_HOST;
    if (!take(args, "acl.rt.get_run_mode", "")) return NULL;
    aclError code = UNLOCKED(aclrtGetRunMode(&mode));
    return number_and_code(mode, code);
}

METHOD(rt_device_can_access_peer) {
    int32_t can = 0, device, peer;
    if (!take(args, "acl.rt.device_can_access_peer", "ii", &device, &peer)) return NULL;
    aclError code = UNLOCKED(aclrtDeviceCanAccessPeer(&can, device, peer));
    return number_and_code(can, code);
}

METHOD(rt_get_version) {
    int32_t major = 0, minor = 0, patch = 0;
    if (!take(args, "acl.rt.get_version", "")) return NULL;
    aclError code = UNLOCKED(aclrtGetVersion(&major, &minor, &patch));
    return Py_BuildValue("iiii", (int)major, (int)minor, (int)patch, (int)code);
}

MAKE1(rt_create_context, "acl.rt.create_context", aclrtCreateContext, i)
CODE1(rt_destroy_context, "acl.rt.destroy_context", aclrtDestroyContext, p)
CODE1(rt_set_context, "acl.rt.set_context", aclrtSetCurrentContext, p)
MAKE0(rt_get_context, "acl.rt.get_context", aclrtGetCurrentContext)
CODE2(rt_ctx_set_sys_param_opt, "acl.rt.ctx_set_sys_param_opt", aclrtCtxSetSysParamOpt, i, I)
TELL1(rt_ctx_get_sys_param_opt, "acl.rt.ctx_get_sys_param_opt", aclrtCtxGetSysParamOpt, int64_t, i)

/* ---- memory ---- */

MAKE2(rt_malloc, "acl.rt.malloc", aclrtMalloc, z, i)
MAKE2(rt_malloc_align32, "acl.rt.malloc_align32", aclrtMallocAlign32, z, i)
MAKE2(rt_malloc_cached, "acl.rt.malloc_cached", aclrtMallocCached, z, i)
MAKE1(rt_malloc_host, "acl.rt.malloc_host", aclrtMallocHost, z)
CODE1(rt_free, "acl.rt.free", aclrtFree, p)
CODE1(rt_free_host, "acl.rt.free_host", aclrtFreeHost, p)
CODE2(rt_mem_flush, "acl.rt.mem_flush", aclrtMemFlush, p, z)
CODE2(rt_mem_invalidate, "acl.rt.mem_invalidate", aclrtMemInvalidate, p, z)
CODE4(rt_memset, "acl.rt.memset", aclrtMemset, p, z, i, z)
CODE5(rt_memset_async, "acl.rt.memset_async", aclrtMemsetAsync, p, z, i, z, p)
CODE5(rt_memcpy, "acl.rt.memcpy", aclrtMemcpy, p, z, p, z, i)

METHOD(rt_memcpy_async) {
    void *dst, *src, *stream;
    size_t most, count;
    int32_t kind;
    if (!take(args, "acl.rt.memcpy_async", "pzpzip", &dst, &most, &src, &count, &kind, &stream))
        return NULL;
    return code_only(UNLOCKED(aclrtMemcpyAsync(dst, most, src, count, kind, stream)));
}

METHOD(rt_memcpy2d) {
    void *dst, *src;
    size_t dpitch, spitch, width, height;
    int32_t kind;
    if (!take(args, "acl.rt.memcpy2d", "pzpzzzi", &dst, &dpitch, &src, &spitch, &width, &height,
              &kind))
        return NULL;
    return code_only(UNLOCKED(aclrtMemcpy2d(dst, dpitch, src, spitch, width, height, kind)));
}

METHOD(rt_memcpy2d_async) {
    void *dst, *src, *stream;
    size_t dpitch, spitch, width, height;
    int32_t kind;
    if (!take(args, "acl.rt.memcpy2d_async", "pzpzzzip", &dst, &dpitch, &src, &spitch, &width,
              &height, &kind, &stream))
        return NULL;
    return code_only(
        UNLOCKED(aclrtMemcpy2dAsync(dst, dpitch, src, spitch, width, height, kind, stream)));
}

METHOD(rt_get_mem_info) {
    int32_t attr;
    size_t free_bytes = 0, total = 0;
    if (!take(args, "acl.rt.get_mem_info", "i", &attr)) return NULL;
    aclError code = UNLOCKED(aclrtGetMemInfo(attr, &free_bytes, &total));
    return Py_BuildValue("KKi", (unsigned long long)free_bytes, (unsigned long long)total,
                         (int)code);
}

PyMethodDef rt_methods[] = {
    ROW("set_device", rt_set_device, "set_device(device_id) -> ret"),
    ROW("reset_device", rt_reset_device, "reset_device(device_id) -> ret"),
    ROW("reset_device_force", rt_reset_device_force, "reset_device_force(device_id) -> ret"),
    ROW("synchronize_device", rt_synchronize_device, "synchronize_device() -> ret"),
    ROW("set_ts_device", rt_set_ts_device, "set_ts_device(ts_id) -> ret"),
    ROW("get_device", rt_get_device, "get_device() -> (device_id, ret)"),
    ROW("get_device_count", rt_get_device_count, "get_device_count() -> (count, ret)"),
    ROW("get_run_mode", rt_get_run_mode, "get_run_mode() -> (0 device or 1 host, ret)"),
    ROW("query_device_status", rt_query_device_status,
        "query_device_status(device_id) -> (status, ret)"),
    ROW("device_can_access_peer", rt_device_can_access_peer,
        "device_can_access_peer(device_id, peer_device_id) -> (can, ret)"),
    ROW("device_enable_peer_access", rt_device_enable_peer_access,
        "device_enable_peer_access(peer_device_id, flags) -> ret"),
    ROW("device_disable_peer_access", rt_device_disable_peer_access,
        "device_disable_peer_access(peer_device_id) -> ret"),
    ROW("get_version", rt_get_version, "get_version() -> (major, minor, patch, ret)"),
    ROW("create_context", rt_create_context, "create_context(device_id) -> (context, ret)"),
    ROW("destroy_context", rt_destroy_context, "destroy_context(context) -> ret"),
    ROW("set_context", rt_set_context, "set_context(context) -> ret"),
    ROW("get_context", rt_get_context, "get_context() -> (context, ret)"),
    ROW("ctx_set_sys_param_opt", rt_ctx_set_sys_param_opt,
        "ctx_set_sys_param_opt(opt, value) -> ret"),
    ROW("ctx_get_sys_param_opt", rt_ctx_get_sys_param_opt,
        "ctx_get_sys_param_opt(opt) -> (value, ret)"),
    ROW("malloc", rt_malloc, "malloc(size, policy) -> (dev_ptr, ret)"),
    ROW("malloc_align32", rt_malloc_align32, "malloc_align32(size, policy) -> (dev_ptr, ret)"),
    ROW("malloc_cached", rt_malloc_cached, "malloc_cached(size, policy) -> (dev_ptr, ret)"),
    ROW("malloc_host", rt_malloc_host, "malloc_host(size) -> (host_ptr, ret)"),
    ROW("free", rt_free, "free(dev_ptr) -> ret"),
    ROW("free_host", rt_free_host, "free_host(host_ptr) -> ret"),
    ROW("mem_flush", rt_mem_flush, "mem_flush(dev_ptr, size) -> ret"),
    ROW("mem_invalidate", rt_mem_invalidate, "mem_invalidate(dev_ptr, size) -> ret"),
    ROW("memset", rt_memset, "memset(dev_ptr, max_count, value, count) -> ret"),
    ROW("memset_async", rt_memset_async,
        "memset_async(dev_ptr, max_count, value, count, stream) -> ret"),
    ROW("memcpy", rt_memcpy, "memcpy(dst, dest_max, src, count, direction) -> ret"),
    ROW("memcpy_async", rt_memcpy_async,
        "memcpy_async(dst, dest_max, src, count, direction, stream) -> ret"),
    ROW("memcpy2d", rt_memcpy2d,
        "memcpy2d(dst, dpitch, src, spitch, width, height, direction) -> ret"),
    ROW("memcpy2d_async", rt_memcpy2d_async,
        "memcpy2d_async(dst, dpitch, src, spitch, width, height, direction, stream) -> ret"),
    ROW("get_mem_info", rt_get_mem_info, "get_mem_info(attr) -> (free, total, ret)"),
    {NULL, NULL, 0, NULL}};
