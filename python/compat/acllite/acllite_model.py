# SPDX-License-Identifier: Apache-2.0
"""A model with its buffers: arrays or images in, new arrays out."""
import os

import acl
import numpy as np

import acllite.constants as const
from acllite.acllite_image import AclLiteImage
from acllite.acllite_logger import log_error, log_info, log_warning
from acllite.acllite_utils import check_ret
from acllite.resource_list import resource_list

_GEARS = "ascend_mbatch_shape_data"
_DTYPES = {
    const.ACL_FLOAT: np.float32, const.ACL_FLOAT16: np.float16, const.ACL_INT8: np.int8,
    const.ACL_INT32: np.int32, const.ACL_UINT8: np.uint8, const.ACL_INT16: np.int16,
    const.ACL_UINT16: np.uint16, const.ACL_UINT32: np.uint32, const.ACL_INT64: np.int64,
    const.ACL_UINT64: np.uint64, const.ACL_DOUBLE: np.float64,
    const.ACL_BOOL: np.uint8,  # so that programs can write the values as pixels
}


class AclLiteModel:
    """load_type 0 lets AscendCL read the file, 1 loads it from memory. A model that cannot be read
    is logged, and execute() then gives None."""

    def __init__(self, model_path, load_type=0):
        self._model_path = model_path
        self._load_type = load_type
        self._model_id = None
        self._model_desc = None  # programs read it to ask for dims
        self._file = None  # the bytes of the file, which the model refers to
        self._run_mode = None
        self._gear_input = None
        self._inputs = {}  # index -> (device address, bytes): what arrays are copied to
        self._outputs = []  # (device address, bytes, dtype)
        self._output_dataset = None
        if self._load():
            resource_list.register(self)

    def _load(self):
        if not os.path.isfile(self._model_path):
            log_error("{}: there is no such model file".format(self._model_path))
            return False
        self._run_mode, ret = acl.rt.get_run_mode()
        check_ret("acl.rt.get_run_mode", ret)
        if self._load_type == 0:
            self._model_id, ret = acl.mdl.load_from_file(str(self._model_path))
        elif self._load_type == 1:
            self._file = np.fromfile(self._model_path, np.uint8)
            self._model_id, ret = acl.mdl.load_from_mem(acl.util.numpy_to_ptr(self._file),
                                                        self._file.size)
        else:
            raise ValueError("load_type is 0 (file) or 1 (memory), not {}".format(self._load_type))
        check_ret("loading {}".format(self._model_path), ret)
        self._model_desc = acl.mdl.create_desc()
        check_ret("acl.mdl.get_desc", acl.mdl.get_desc(self._model_desc, self._model_id))
        index, ret = acl.mdl.get_input_index_by_name(self._model_desc, _GEARS)
        if ret == const.ACL_SUCCESS:
            self._gear_input = index
        self._make_outputs()
        log_info("model {} is loaded".format(self._model_path))
        return True

    def _make_outputs(self):
        self._output_dataset = acl.mdl.create_dataset()
        for i in range(acl.mdl.get_num_outputs(self._model_desc)):
            dtype = acl.mdl.get_output_data_type(self._model_desc, i)
            if dtype not in _DTYPES:
                raise Exception("output {} has data type {}, which NumPy lacks".format(i, dtype))
            size = acl.mdl.get_output_size_by_index(self._model_desc, i)
            data = self._malloc(size)
            self._outputs.append((data, size, np.dtype(_DTYPES[dtype])))
            self._add_buffer(self._output_dataset, data, size)

    @staticmethod
    def _malloc(size):
        data, ret = acl.rt.malloc(size, const.ACL_MEM_MALLOC_NORMAL_ONLY)
        check_ret("acl.rt.malloc of {} bytes".format(size), ret)
        return data

    @staticmethod
    def _add_buffer(dataset, data, size):
        buffer = acl.create_data_buffer(data, size)
        check_ret("acl.mdl.add_dataset_buffer", acl.mdl.add_dataset_buffer(dataset, buffer)[1])

    def _execute_with_dynamic_batch_size(self, input_list, batch):
        """execute() of a model with batch gears."""
        return self._execute(input_list, batch)

    def execute(self, input_list):
        """Runs the model on a list with one AclLiteImage, array or {"data": address, "size": n}
        for each input; a list of new arrays, or None after a logged error."""
        return self._execute(input_list, None)

    def _execute(self, input_list, batch):
        if self._model_id is None:
            log_error("{} is not loaded".format(self._model_path))
            return None
        dataset = acl.mdl.create_dataset()
        try:
            if not self._fill(dataset, input_list):
                return None
            if batch is not None and not self._set_batch(dataset, batch):
                return None
            ret = acl.mdl.execute(self._model_id, dataset, self._output_dataset)
            if ret != const.ACL_SUCCESS:
                log_error("running {} failed with {}: {}".format(
                    self._model_path, ret, acl.get_recent_err_msg()))
                return None
            return self._read_outputs()
        finally:
            self._destroy_dataset(dataset)

    def _set_batch(self, dataset, batch):
        if self._gear_input is None:
            log_error("{} has one batch size only".format(self._model_path))
            return False
        ret = acl.mdl.set_dynamic_batch_size(self._model_id, dataset, self._gear_input, batch)
        if ret != const.ACL_SUCCESS:
            log_error("batch {} cannot be set, error {}: {}".format(
                batch, ret, acl.get_recent_err_msg()))
        return ret == const.ACL_SUCCESS

    def _fill(self, dataset, input_list):
        """A buffer for every input; the one that carries the gear is the library's own affair."""
        count = acl.mdl.get_num_inputs(self._model_desc)
        given = [i for i in range(count) if i != self._gear_input]
        if not isinstance(input_list, (list, tuple)) or len(input_list) != len(given):
            log_error("{} takes a list of {} inputs, not {}".format(
                self._model_path, len(given),
                len(input_list) if isinstance(input_list, (list, tuple)) else type(input_list)))
            return False
        items = dict(zip(given, input_list))
        for i in range(count):
            wanted = acl.mdl.get_input_size_by_index(self._model_desc, i)
            if i == self._gear_input:
                data, size = self._device_buffer(i, wanted), wanted
            else:
                data, size = self._input(i, items[i])
                if data is None:
                    return False
                if size != wanted and self._gear_input is None:
                    log_warning("input {} has {} bytes, the model wants {}".format(
                        i, size, wanted))
            self._add_buffer(dataset, data, size)
        return True

    def _input(self, index, item):
        """Address and bytes of an input for the device; None after a logged error."""
        if isinstance(item, AclLiteImage):
            if item.data() is None:
                log_error("input {} is an image without data".format(index))
                return None, 0
            if not item.is_local():
                return item.data(), item.size
            return self._to_device(index, item.data(), item.size)
        if isinstance(item, np.ndarray):
            item = np.ascontiguousarray(item)
            return self._to_device(index, acl.util.numpy_to_ptr(item), item.nbytes)
        if isinstance(item, dict) and "data" in item and "size" in item:
            return item["data"], item["size"]
        log_error("input {} is a {}; an image, an array or a dict of data and size is taken".format(
            index, type(item).__name__))
        return None, 0

    def _device_buffer(self, index, size):
        """The buffer of an input, made at its first use; None if it was made for another size."""
        data, made = self._inputs.get(index, (None, size))
        if made != size:
            log_error("input {} had {} bytes before and has {} now".format(index, made, size))
            return None
        if data is None:
            data = self._malloc(size)
            self._inputs[index] = (data, size)
        return data

    def _to_device(self, index, source, size):
        data = self._device_buffer(index, size)
        if data is not None:
            kind = (const.ACL_MEMCPY_HOST_TO_DEVICE if self._run_mode == const.ACL_HOST
                    else const.ACL_MEMCPY_DEVICE_TO_DEVICE)
            ret = acl.rt.memcpy(data, size, source, size, kind)
            if ret != const.ACL_SUCCESS:
                log_error("copying input {} failed with {}".format(index, ret))
                data = None
        return data, size

    def _read_outputs(self):
        kind = (const.ACL_MEMCPY_DEVICE_TO_HOST if self._run_mode == const.ACL_HOST
                else const.ACL_MEMCPY_DEVICE_TO_DEVICE)
        results = []
        for i, (data, size, dtype) in enumerate(self._outputs):
            dims, ret = acl.mdl.get_cur_output_dims(self._model_desc, i)
            check_ret("acl.mdl.get_cur_output_dims", ret)
            array = np.zeros(dims["dims"], dtype)
            if array.nbytes:
                check_ret("copying output {}".format(i), acl.rt.memcpy(
                    acl.util.numpy_to_ptr(array), array.nbytes, data, array.nbytes, kind))
            results.append(array)
        return results

    @staticmethod
    def _destroy_dataset(dataset):
        for i in range(acl.mdl.get_dataset_num_buffers(dataset)):
            acl.destroy_data_buffer(acl.mdl.get_dataset_buffer(dataset, i))
        acl.mdl.destroy_dataset(dataset)

    def destroy(self):
        """Gives everything back; may be called again."""
        if self._output_dataset is not None:
            self._destroy_dataset(self._output_dataset)
            self._output_dataset = None
        for data, *_ in [*self._inputs.values(), *self._outputs]:
            acl.rt.free(data)
        self._inputs, self._outputs = {}, []
        if self._model_id is not None:
            acl.mdl.unload(self._model_id)
            self._model_id = None
        if self._model_desc is not None:
            acl.mdl.destroy_desc(self._model_desc)
            self._model_desc = None
        self._file = None
        resource_list.unregister(self)

    def __del__(self):
        if getattr(self, "_model_id", None) is not None:
            self.destroy()
