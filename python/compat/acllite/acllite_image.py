# SPDX-License-Identifier: Apache-2.0
"""A picture in any kind of memory: the bytes of a file, an array, or an address."""
import os

import acl
import numpy as np

import acllite.acllite_utils as utils
import acllite.constants as const
from acllite.acllite_logger import log_error

_SUFFIXES = (".jpg", ".jpeg", ".png", ".yuv")
_LOCAL = (const.MEMORY_NORMAL, const.MEMORY_HOST)


class AclLiteImage:
    """`image` is a file's path (its bytes are read as they are), an address, or an array; the
    memory of an address belongs to the object when memory_type says who frees it."""

    _run_mode, _ = acl.rt.get_run_mode()

    def __init__(self, image, width=0, height=0, align_width=0, align_height=0, size=0,
                 memory_type=const.MEMORY_NORMAL):
        self._data = None
        self._memory_type = memory_type
        self.width, self.height = int(width), int(height)
        self.align_width, self.align_height = int(align_width), int(align_height)
        self.size = int(size)
        self.channels = 0
        self._encode_format = const.ENCODE_FORMAT_UNKNOW
        self._load_ok = True
        if isinstance(image, (str, os.PathLike)):
            self._load_ok = self._read_file(os.fspath(image))
        elif isinstance(image, np.ndarray):
            self._data = image if image.flags.c_contiguous else np.ascontiguousarray(image)
            self._memory_type = const.MEMORY_NORMAL
            self.size = self._data.nbytes
        elif isinstance(image, (int, np.integer)):
            self._data = int(image)
        else:
            self._load_ok = False
            log_error("an image is made from a path, an array or an address, not from {}".format(
                type(image).__name__))

    def _read_file(self, path):
        suffix = os.path.splitext(path)[1].lower()
        if suffix not in _SUFFIXES:
            log_error("{}: only {} are read".format(path, ", ".join(_SUFFIXES)))
            return False
        try:
            self._data = np.fromfile(path, np.uint8)
        except OSError as error:
            log_error("{} cannot be read: {}".format(path, error.strerror))
            return False
        self._memory_type = const.MEMORY_NORMAL
        self.size = self._data.size
        if suffix == ".yuv":
            self._encode_format = const.ENCODE_FORMAT_YUV420_SP
            return True
        self._encode_format = (const.ENCODE_FORMAT_PNG if suffix == ".png"
                               else const.ENCODE_FORMAT_JPEG)
        self._read_size(path)
        return True

    def _read_size(self, path):
        """Width and height from the file's header; without Pillow they stay as given."""
        try:
            from PIL import Image
        except ImportError:
            return
        try:
            with Image.open(path) as picture:
                self.width, self.height = picture.size
                self.channels = len(picture.getbands())
        except OSError as error:
            log_error("{} has no readable header: {}".format(path, error))

    def is_loaded(self):
        return self._load_ok

    def byte_data_to_np_array(self):
        """The bytes as a new array in local memory."""
        if isinstance(self._data, np.ndarray):
            return self._data.copy()
        if self._data is None:
            return None
        return utils.copy_data_as_numpy(self._data, self.size, self._memory_type, self._run_mode)

    def data(self):
        """The address of the bytes; valid while the object lives."""
        if isinstance(self._data, np.ndarray):
            return acl.util.numpy_to_ptr(self._data)
        return self._data

    def copy_to_dvpp(self):
        """A copy in DVPP's memory; None on failure."""
        return self._copied(utils.copy_data_to_dvpp(self.data(), self.size, self._run_mode),
                            const.MEMORY_DVPP)

    def copy_to_host(self):
        """A copy that this process can read; None on failure."""
        if isinstance(self._data, np.ndarray):
            return self._copied(self._data.copy(), const.MEMORY_NORMAL)
        if self._run_mode == const.ACL_DEVICE:
            return self._copied(utils.copy_data_device_to_device(self._data, self.size),
                                const.MEMORY_DEVICE)
        copy = (utils.copy_data_host_to_host if self._memory_type in _LOCAL
                else utils.copy_data_device_to_host)
        return self._copied(copy(self._data, self.size), const.MEMORY_HOST)

    def _copied(self, data, memory_type):
        if data is None:
            return None
        return AclLiteImage(data, self.width, self.height, self.align_width, self.align_height,
                            self.size, memory_type)

    def is_local(self):
        """Whether this process can read the memory directly."""
        return self._run_mode == const.ACL_DEVICE or self._memory_type in _LOCAL

    def save(self, filename):
        """Writes the bytes as they are."""
        array = self.byte_data_to_np_array()
        if array is None:
            log_error("{} is not written: the image has no data".format(filename))
            return
        array.tofile(filename)

    def destroy(self):
        """Gives the memory back if it belongs to the object."""
        if self._data is None:
            log_error("the image was destroyed before, or never loaded")
            return
        self._release()

    def _release(self):
        data, self._data, self.size = self._data, None, 0
        free = {const.MEMORY_HOST: acl.rt.free_host, const.MEMORY_DEVICE: acl.rt.free,
                const.MEMORY_DVPP: acl.media.dvpp_free}.get(self._memory_type)
        if free and isinstance(data, int):
            free(data)

    def __del__(self):
        if getattr(self, "_data", None) is not None:
            self._release()
