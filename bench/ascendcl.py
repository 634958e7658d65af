# SPDX-License-Identifier: Apache-2.0
"""The few AscendCL calls that running a model needs, through ctypes.

Thin on purpose: what the bench times is aclmdlExecute, called as a C program would call it, with
input and output memory that stays the same from run to run.
"""
import ctypes as c

import numpy as np

DTYPES = {0: np.float32, 1: np.float16, 2: np.int8, 3: np.int32, 4: np.uint8, 9: np.int64,
          12: np.bool_}  # aclDataType


class Dims(c.Structure):
    _fields_ = [("name", c.c_char * 128), ("count", c.c_size_t), ("dims", c.c_int64 * 128)]


class AscendCL:
    def __init__(self, library):
        self.lib = lib = c.CDLL(str(library))
        for name in ("aclmdlCreateDesc", "aclmdlCreateDataset", "aclCreateDataBuffer"):
            getattr(lib, name).restype = c.c_void_p
        lib.aclGetRecentErrMsg.restype = c.c_char_p
        lib.aclCreateDataBuffer.argtypes = [c.c_void_p, c.c_size_t]
        lib.aclmdlAddDatasetBuffer.argtypes = [c.c_void_p, c.c_void_p]
        lib.aclmdlExecute.argtypes = [c.c_uint32, c.c_void_p, c.c_void_p]
        lib.aclmdlExecuteAsync.argtypes = [c.c_uint32, c.c_void_p, c.c_void_p, c.c_void_p]
        lib.aclrtSynchronizeStream.argtypes = [c.c_void_p]
        lib.aclmdlGetDesc.argtypes = [c.c_void_p, c.c_uint32]
        for side in ("Input", "Output"):
            for name, arguments, result in (
                    (f"aclmdlGetNum{side}s", [c.c_void_p], c.c_size_t),
                    (f"aclmdlGet{side}SizeByIndex", [c.c_void_p, c.c_size_t], c.c_size_t),
                    (f"aclmdlGet{side}DataType", [c.c_void_p, c.c_size_t], c.c_int),
                    (f"aclmdlGet{side}Dims", [c.c_void_p, c.c_size_t, c.POINTER(Dims)], c.c_int)):
                function = getattr(lib, name)
                function.argtypes, function.restype = arguments, result
        self.check(lib.aclInit(None))
        self.check(lib.aclrtSetDevice(0))

    def check(self, status):
        if status:
            why = self.lib.aclGetRecentErrMsg()
            raise RuntimeError(f"AscendCL error {status}: {why.decode() if why else ''}")

    def stream(self):
        stream = c.c_void_p()
        self.check(self.lib.aclrtCreateStream(c.byref(stream)))
        return stream

    def wait(self, stream):
        self.check(self.lib.aclrtSynchronizeStream(stream))

    def version(self):
        numbers = [c.c_int32() for _ in range(3)]
        self.check(self.lib.aclrtGetVersion(*map(c.byref, numbers)))
        return ".".join(str(n.value) for n in numbers)


class Model:
    def __init__(self, acl, path):
        self.acl, lib = acl, acl.lib
        number = c.c_uint32()
        acl.check(lib.aclmdlLoadFromFile(str(path).encode(), c.byref(number)))
        self.id = number.value
        self.description = lib.aclmdlCreateDesc()
        acl.check(lib.aclmdlGetDesc(self.description, self.id))
        self._make_sides()

    def another(self):
        """The same model with memory of its own."""
        other = Model.__new__(Model)
        other.acl, other.id, other.description = self.acl, self.id, self.description
        other._make_sides()
        return other

    def _make_sides(self):
        self.inputs, self.input_set = self._side("Input")
        self.outputs, self.output_set = self._side("Output")

    def _side(self, side):
        """One array for each input or output, and the dataset that points at them."""
        lib, arrays = self.acl.lib, []
        dataset = lib.aclmdlCreateDataset()
        for i in range(getattr(lib, f"aclmdlGetNum{side}s")(self.description)):
            dims = Dims()
            self.acl.check(getattr(lib, f"aclmdlGet{side}Dims")(self.description, i, c.byref(dims)))
            dtype = DTYPES[getattr(lib, f"aclmdlGet{side}DataType")(self.description, i)]
            size = getattr(lib, f"aclmdlGet{side}SizeByIndex")(self.description, i)
            memory = np.zeros(size + 64, np.uint8)
            start = -memory.ctypes.data % 64
            memory = memory[start:start + size]
            arrays.append(memory.view(dtype).reshape(dims.dims[:dims.count]))
            buffer = lib.aclCreateDataBuffer(memory.ctypes.data, size)
            self.acl.check(lib.aclmdlAddDatasetBuffer(dataset, buffer))
        return arrays, dataset

    def run(self):
        self.acl.check(self.acl.lib.aclmdlExecute(self.id, self.input_set, self.output_set))

    def start(self, stream):
        self.acl.check(self.acl.lib.aclmdlExecuteAsync(self.id, self.input_set, self.output_set,
                                                       stream))
