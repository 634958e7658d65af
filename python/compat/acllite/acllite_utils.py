# SPDX-License-Identifier: Apache-2.0
"""Copies between kinds of memory, alignment, and checks of return codes."""
import functools
import time

import acl
import numpy as np

import acllite.constants as const
from acllite.acllite_logger import log_error

DEBUG = True


def check_ret(message, ret_int):
    """Raises when a return code is not 0."""
    if ret_int != 0:
        raise Exception("{} failed ret_int={}".format(message, ret_int))


def check_none(message, ret_none):
    """Raises when a result is None."""
    if ret_none is None:
        raise Exception("{} failed".format(message))


def _copy(what, allocate, free, source, size, kind):
    """The address of a new copy, or None after a logged error."""
    ptr, ret = allocate(size)
    if ret != const.ACL_SUCCESS:
        log_error("{}: no memory for {} bytes, error {}".format(what, size, ret))
        return None
    ret = acl.rt.memcpy(ptr, size, source, size, kind)
    if ret != const.ACL_SUCCESS:
        log_error("{}: copying {} bytes failed, error {}".format(what, size, ret))
        free(ptr)
        return None
    return ptr


def _malloc_device(size):
    return acl.rt.malloc(size, const.ACL_MEM_MALLOC_NORMAL_ONLY)


def copy_data_device_to_host(device_data, data_size):
    """The address of a host copy, to be freed with acl.rt.free_host; None on failure."""
    return _copy("copy_data_device_to_host", acl.rt.malloc_host, acl.rt.free_host, device_data,
                 data_size, const.ACL_MEMCPY_DEVICE_TO_HOST)


def copy_data_device_to_device(device_data, data_size):
    """The address of a device copy, to be freed with acl.rt.free; None on failure."""
    return _copy("copy_data_device_to_device", _malloc_device, acl.rt.free, device_data,
                 data_size, const.ACL_MEMCPY_DEVICE_TO_DEVICE)


def copy_data_host_to_device(host_data, data_size):
    """The address of a device copy, to be freed with acl.rt.free; None on failure."""
    return _copy("copy_data_host_to_device", _malloc_device, acl.rt.free, host_data, data_size,
                 const.ACL_MEMCPY_HOST_TO_DEVICE)


def copy_data_host_to_host(host_data, data_size):
    """The address of a host copy, to be freed with acl.rt.free_host; None on failure."""
    return _copy("copy_data_host_to_host", acl.rt.malloc_host, acl.rt.free_host, host_data,
                 data_size, const.ACL_MEMCPY_HOST_TO_HOST)


def copy_data_to_dvpp(data, size, run_mode):
    """The address of a copy for DVPP, to be freed with acl.media.dvpp_free; None on failure."""
    kind = (const.ACL_MEMCPY_HOST_TO_DEVICE if run_mode == const.ACL_HOST
            else const.ACL_MEMCPY_DEVICE_TO_DEVICE)
    return _copy("copy_data_to_dvpp", acl.media.dvpp_malloc, acl.media.dvpp_free, data, size, kind)


def copy_data_as_numpy(data, size, data_mem_type, run_mode):
    """`size` bytes at an address as a new one-dimensional int8 array; None on failure."""
    array = np.zeros(size, np.int8)
    kind = const.ACL_MEMCPY_HOST_TO_HOST
    if data_mem_type in (const.MEMORY_DEVICE, const.MEMORY_DVPP):
        kind = (const.ACL_MEMCPY_DEVICE_TO_HOST if run_mode == const.ACL_HOST
                else const.ACL_MEMCPY_DEVICE_TO_DEVICE)
    ret = acl.rt.memcpy(acl.util.numpy_to_ptr(array), size, data, size, kind)
    if ret != const.ACL_SUCCESS:
        log_error("copy_data_as_numpy: copying {} bytes failed, error {}".format(size, ret))
        return None
    return array


def align_up(value, align):
    return (int(value) + align - 1) // align * align


def align_up16(value):
    return align_up(value, 16)


def align_up64(value):
    return align_up(value, 64)


def align_up128(value):
    return align_up(value, 128)


def align_up2(value):
    return align_up(value, 2)


def yuv420sp_size(width, height):
    """Bytes of an NV12 or NV21 picture."""
    return int(width * height * 3 // 2)


def rgbu8_size(width, height):
    """Bytes of a picture with three bytes a pixel."""
    return int(width * height * 3)


def display_time(func):
    """Decorator: prints how long each call took, while DEBUG is set."""
    @functools.wraps(func)
    def wrapper(*args, **kwargs):
        if not DEBUG:
            return func(*args, **kwargs)
        began = time.perf_counter()
        result = func(*args, **kwargs)
        print("{} took {:.6f} s".format(func.__name__, time.perf_counter() - began))
        return result
    return wrapper
