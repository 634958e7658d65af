# SPDX-License-Identifier: Apache-2.0
"""Models and tensors on pyACL with the names of the module aclruntime, which ais_bench leans on.
Failures raise RuntimeError with AscendCL's own sentence."""
import atexit
import enum
import os
import pathlib
import time

import acl
import numpy as np

_GEARS = "ascend_mbatch_shape_data"
_STATIC_AIPP, _DYNAMIC_AIPP, _AIPP_PARAMETERS = 1, 2, 3
_REPEATED = 100002
_H2D, _D2H = 1, 2


class dtype(enum.Enum):
    """Values are AscendCL's."""
    float32, float16, int8, int32, uint8 = 0, 1, 2, 3, 4
    int16, uint16, uint32, int64, uint64, float64, bool = 6, 7, 8, 9, 10, 11, 12


class type(enum.Enum):
    """Where a tensor's memory is."""
    MEMORY_HOST, MEMORY_DEVICE, MEMORY_DVPP = range(3)


# Formats of pictures for preprocessing in models: AscendCL's number, bytes of a pixel.
AIPP_FORMATS = {"YUV420SP_U8": (1, 1.5), "XRGB8888_U8": (2, 4), "RGB888_U8": (3, 3),
                "YUV400_U8": (4, 1), "ARGB8888_U8": (7, 4), "YUYV_U8": (8, 2),
                "YUV422SP_U8": (9, 2), "AYUV444_U8": (10, 3)}
# What atc's configuration calls the parameters that dynamic AIPP has, and their defaults.
AIPP_FIELDS = {name: 0 for name in (
    "src_image_size_w", "src_image_size_h", "rbuv_swap_switch", "ax_swap_switch", "csc_switch",
    "crop", "load_start_pos_w", "load_start_pos_h", "crop_size_w", "crop_size_h", "resize",
    "resize_output_w", "resize_output_h", "padding", "top_padding_size", "bottom_padding_size",
    "left_padding_size", "right_padding_size")}
AIPP_FIELDS.update({"matrix_r{}c{}".format(r, c): None for r in range(3) for c in range(3)})
AIPP_FIELDS.update({"{}_bias_{}".format(side, i): (16, 128, 128)[i]
                    for side in ("output", "input") for i in range(3)})
AIPP_FIELDS.update({"{}_chn_{}".format(name, i): default for i in range(4)
                    for name, default in (("mean", 0), ("min", 0.0), ("var_reci", 1.0))})
_FROM_YUV = (298, 516, 0, 298, -100, -208, 298, 0, 409)
_FROM_RGB = (66, 129, 25, -38, -74, 112, 112, -94, -18)


def _fill_aipp(handle, settings, n_pictures):
    """All parameters, the same for each picture."""
    kind = settings["input_format"]
    value = {**AIPP_FIELDS, **settings}
    matrix = _FROM_YUV if kind == "YUV420SP_U8" else _FROM_RGB
    for i in range(9):
        name = "matrix_r{}c{}".format(i // 3, i % 3)
        value[name] = matrix[i] if value[name] is None else value[name]

    def call(name, *fields, after=()):
        function = "set_aipp_" + name
        arguments = [value[field] for field in fields]
        try:
            ret = getattr(acl.mdl, function)(handle, *arguments, *after)
        except OverflowError as error:
            raise RuntimeError("acl.mdl.{}{}: {}".format(
                function, tuple(arguments), error)) from None
        _check("acl.mdl." + function, ret)

    _check("acl.mdl.set_aipp_input_format",
           acl.mdl.set_aipp_input_format(handle, AIPP_FORMATS[kind][0]))
    call("src_image_size", "src_image_size_w", "src_image_size_h")
    call("rbuv_swap_switch", "rbuv_swap_switch")
    call("ax_swap_switch", "ax_swap_switch")
    call("csc_params", "csc_switch", *["matrix_r{}c{}".format(i // 3, i % 3) for i in range(9)],
         *["{}_bias_{}".format(side, i) for side in ("output", "input") for i in range(3)])
    size = ("crop_size_w", "crop_size_h") if value["crop"] else ("src_image_size_w",
                                                                "src_image_size_h")
    for i in range(n_pictures):
        call("crop_params", "crop", "load_start_pos_w", "load_start_pos_h", "crop_size_w",
             "crop_size_h", after=(i,))
        call("scf_params", "resize", *size, "resize_output_w", "resize_output_h", after=(i,))
        call("padding_params", "padding", "top_padding_size", "bottom_padding_size",
             "left_padding_size", "right_padding_size", after=(i,))
        for name, field in (("dtc_pixel_mean", "mean"), ("dtc_pixel_min", "min"),
                            ("pixel_var_reci", "var_reci")):
            call(name, *["{}_chn_{}".format(field, c) for c in range(4)], after=(i,))


def _check(call, ret):
    if ret != 0:
        raise RuntimeError("{} failed with {}: {}".format(call, ret, acl.get_recent_err_msg()))


class _Runtime:
    """AscendCL's one start and end in a process, however many sessions there are."""

    def __init__(self):
        self.sessions = set()
        self.started = False

    def start(self, config, log_level):
        if self.started:
            return
        os.environ.setdefault("ASCEND_GLOBAL_LOG_LEVEL", str(log_level))
        ret = acl.init(config) if config else acl.init()
        if ret != _REPEATED:  # the program may have started it; then it ends it, too
            _check("acl.init", ret)
            self.started = True

    def finish(self):
        for session in list(self.sessions):
            session.free_resource()
        if self.started:
            self.started = False
            _check("acl.finalize", acl.finalize())


_runtime = _Runtime()
atexit.register(_runtime.finish)


class MemorySummary:
    """Milliseconds of each copy to and from devices since reset(), of the whole process."""
    H2D_time_list = []
    D2H_time_list = []

    @classmethod
    def reset(cls):
        cls.H2D_time_list.clear()
        cls.D2H_time_list.clear()


def _copy(to, source, size, kind):
    if size == 0:
        return
    began = time.perf_counter()
    _check("acl.rt.memcpy", acl.rt.memcpy(to, size, source, size, kind))
    times = MemorySummary.H2D_time_list if kind == _H2D else MemorySummary.D2H_time_list
    times.append((time.perf_counter() - began) * 1e3)


class BaseTensor:
    """Host memory by address, without a copy; the program keeps it alive."""

    def __init__(self, address, size):
        self.buf, self.size = address, size


class Tensor:
    """An array on the host (device -1) or a copy of it on a device. np.array(tensor) reads it."""

    def __init__(self, array):
        self._array = np.ascontiguousarray(array).reshape(np.shape(array))
        if self._array.dtype.name not in dtype.__members__:
            raise RuntimeError("a tensor cannot hold {}".format(self._array.dtype))
        self._pointer, self._free, self._device = None, None, -1
        self._type = type.MEMORY_HOST

    def _move(self, device, allocate, free, kind):
        if self._type is kind and self._device == device:
            return
        self.to_host()
        _check("acl.rt.set_device", acl.rt.set_device(device))
        pointer, ret = allocate(max(self._array.nbytes, 1))
        _check("allocating {} bytes".format(self._array.nbytes), ret)
        self._pointer, self._free, self._device, self._type = pointer, free, device, kind
        _copy(pointer, acl.util.numpy_to_ptr(self._array), self._array.nbytes, _H2D)

    def to_device(self, id):
        self._move(id, lambda size: acl.rt.malloc(size, 2), acl.rt.free, type.MEMORY_DEVICE)

    def to_dvpp(self, id):
        self._move(id, acl.media.dvpp_malloc, acl.media.dvpp_free, type.MEMORY_DVPP)

    def to_host(self):
        if self._pointer is None:
            return
        self._array = self._read()
        self._release()

    def _read(self):
        array = np.empty_like(self._array)
        _copy(acl.util.numpy_to_ptr(array), self._pointer, array.nbytes, _D2H)
        return array

    def _release(self):
        self._free(self._pointer)
        self._pointer, self._free, self._device = None, None, -1
        self._type = type.MEMORY_HOST

    def __del__(self):
        if getattr(self, "_pointer", None) is not None and _runtime.sessions:
            self._release()

    def __array__(self, dtype=None, copy=None):
        array = self._array if self._pointer is None else self._read()
        return array.astype(dtype) if dtype is not None else array.copy() if copy else array

    @property
    def type(self):
        return self._type

    @property
    def device(self):
        return self._device

    @property
    def dtype(self):
        return dtype[self._array.dtype.name]

    @property
    def shape(self):
        return list(self._array.shape)

    def __repr__(self):
        return "<Tensor>\nshape:\t{}\ndtype:\t{}\ndevice:\t{}".format(
            tuple(self.shape), self.dtype.name, self._device)


def batch(inputs, keep_dims=False):
    """Joins tensors: along a new first axis, or along the one they have with keep_dims."""
    join = np.concatenate if keep_dims else np.stack
    return Tensor(join([np.array(tensor) for tensor in inputs]))


class tensor_desc:
    def __init__(self, name="", datatype=dtype.float32, format=0, shape=(), realsize=0, size=0):
        self.name, self.datatype, self.format = name, datatype, format
        self.shape, self.realsize, self.size = list(shape), realsize, size


class session_options:
    def __init__(self):
        self.loop, self.log_level, self.acl_json_path = 1, 1, ""


class sumary:
    def __init__(self):
        self.exec_time_list = []


def parse_shapes(text):
    """"name:1,3;other:4" -> {name: [1, 3], other: [4]}."""
    shapes = {}
    for part in filter(None, text.split(";")):
        name, colon, dims = part.rpartition(":")
        try:
            shapes[name.strip()] = [int(n) for n in dims.split(",")]
        except ValueError:
            colon = ""
        if not colon or not name.strip():
            raise RuntimeError("'{}' is not of the form name:d,d;name:d,d".format(text))
    return shapes


class _Dataset:
    """A dataset whose buffers and descriptions end with it."""

    def __init__(self):
        self.handle, self.descs = acl.mdl.create_dataset(), []

    def add(self, address, size):
        _check("acl.mdl.add_dataset_buffer", acl.mdl.add_dataset_buffer(
            self.handle, acl.create_data_buffer(address, size))[1])

    def describe(self, index, datatype, dims, format):
        desc = acl.create_tensor_desc(datatype, dims, format)
        self.descs.append(desc)
        _check("acl.mdl.set_dataset_tensor_desc",
               acl.mdl.set_dataset_tensor_desc(self.handle, desc, index))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for i in range(acl.mdl.get_dataset_num_buffers(self.handle)):
            acl.destroy_data_buffer(acl.mdl.get_dataset_buffer(self.handle, i))
        acl.mdl.destroy_dataset(self.handle)
        for desc in self.descs:
            acl.destroy_tensor_desc(desc)


class InferenceSession:
    """A loaded model. Setters choose what the next runs use; all of them return 0."""

    def __init__(self, model_path, device_id, options=None):
        self._options = options or session_options()
        self._id = self._desc = self._context = self._aipp = None
        self._device, self._path = device_id, os.fspath(model_path)
        self._summary = sumary()
        if not os.path.isfile(self._path):
            raise RuntimeError("{}: there is no such model file".format(self._path))
        _runtime.start(self._options.acl_json_path, self._options.log_level)
        _runtime.sessions.add(self)
        try:
            self._load()
        except Exception:
            self.free_resource()
            raise
        self.set_staticbatch()
        self.set_custom_outsize([])

    def _load(self):
        _check("acl.rt.set_device", acl.rt.set_device(self._device))
        self._context, ret = acl.rt.create_context(self._device)
        _check("acl.rt.create_context", ret)
        self._id, ret = acl.mdl.load_from_file(self._path)
        _check("acl.mdl.load_from_file", ret)
        self._desc = acl.mdl.create_desc()
        _check("acl.mdl.get_desc", acl.mdl.get_desc(self._desc, self._id))
        index, ret = acl.mdl.get_input_index_by_name(self._desc, _GEARS)
        self._gear_input = index if ret == 0 else None
        self._kinds = [acl.mdl.get_aipp_type(self._id, i)[0]
                       for i in range(acl.mdl.get_num_inputs(self._desc))]
        # Filled here, not fed.
        self._own_inputs = {i for i, kind in enumerate(self._kinds) if kind == _AIPP_PARAMETERS}
        self._own_inputs |= set() if self._gear_input is None else {self._gear_input}

    def _side(self, side):
        call = {name: getattr(acl.mdl, "get_{}_{}".format(side, name)) for name in (
            "dims", "data_type", "format", "size_by_index", "name_by_index")}
        count = getattr(acl.mdl, "get_num_{}s".format(side))(self._desc)
        tensors = []
        for i in range(count):
            if side == "input" and i in self._own_inputs:
                continue
            of_picture = side == "input" and self._kinds[i] == _STATIC_AIPP
            dims, ret = (acl.mdl.get_input_dims_v2 if of_picture else call["dims"])(self._desc, i)
            _check("acl.mdl.get_{}_dims".format(side), ret)
            size = call["size_by_index"](self._desc, i)
            tensors.append(tensor_desc(
                call["name_by_index"](self._desc, i), dtype(call["data_type"](self._desc, i)),
                call["format"](self._desc, i), dims["dims"], size, size))
        return tensors

    def _use(self):
        if self._id is None:
            raise RuntimeError("the session of {} is finalized".format(self._path))
        _check("acl.rt.set_context", acl.rt.set_context(self._context))

    @property
    def model_id(self):
        return self._id

    def get_inputs(self):
        self._use()
        return self._side("input")

    def get_outputs(self):
        self._use()
        return self._side("output")

    def options(self):
        return self._options

    def sumary(self):
        return self._summary

    def reset_sumaryinfo(self):
        self._summary = sumary()
        return 0

    def _set(self, mode, value=None):
        self._mode, self._value = mode, value
        return 0

    def set_staticbatch(self):
        return self._set("static")

    def set_dynamic_batchsize(self, batchsize):
        return self._set("batch", batchsize)

    def set_dynamic_hw(self, height, width):
        return self._set("hw", (height, width))

    def set_dynamic_dims(self, dims):
        return self._set("dims", parse_shapes(dims))

    def set_dynamic_shape(self, shape):
        return self._set("shape", parse_shapes(shape))

    def set_dynamic_aipp(self, settings):
        """The parameters of dynamic AIPP for the next runs, the same for every picture: a dict of
        names as atc's configuration has them, input_format and src_image_size_w, _h among them."""
        self._aipp = dict(settings)
        return 0

    def has_dynamic_aipp(self):
        return _DYNAMIC_AIPP in self._kinds

    def _batch(self):
        """How many pictures a run has, and how many it may have."""
        i = self._kinds.index(_DYNAMIC_AIPP)
        first = acl.mdl.get_input_dims(self._desc, i)[0]["dims"][0]
        if first > 0:
            return first, first
        gears = acl.mdl.get_dynamic_batch(self._desc)[0]["batch"]
        if self._mode != "batch" or not gears:
            raise RuntimeError("the batch of {} is open: choose one with set_dynamic_batchsize() "
                               "(--dymBatch)".format(self._path))
        return self._value, max(gears)

    def picture_shape(self, index):
        """How pictures for preprocessing in the model lie in memory at the size chosen; None where
        input `index` has none, or its parameters are not set."""
        kind = self._kinds[index]
        if kind == _DYNAMIC_AIPP and self._aipp:
            c = self._aipp
            return [self._batch()[0], int(AIPP_FORMATS[c["input_format"]][1] *
                                          c["src_image_size_w"] * c["src_image_size_h"])]
        if kind != _STATIC_AIPP:
            return None
        info, ret = acl.mdl.get_first_aipp_info(self._id, index)
        _check("acl.mdl.get_first_aipp_info", ret)
        gears = []
        if self._mode == "batch":
            gears = list(acl.mdl.get_dynamic_batch(self._desc)[0]["batch"])
        elif self._mode == "hw":
            gears = [tuple(hw) for hw in acl.mdl.get_dynamic_hw(self._desc, -1)[0]["hw"]]
        shapes = info["outDims"]
        if len(shapes) == 1:
            return shapes[0]["srcDims"]["dims"]
        if self._value not in gears:
            return None
        return shapes[gears.index(self._value)]["srcDims"]["dims"]

    def _set_aipp(self, dataset):
        if not self.has_dynamic_aipp():
            return
        if self._kinds.count(_DYNAMIC_AIPP) > 1 or self._mode == "shape":
            raise RuntimeError("parameters of dynamic AIPP can be set for one input of a fixed "
                               "size or of gears; call acl.mdl.set_aipp_by_input_index from a "
                               "program")
        if not self._aipp:
            raise RuntimeError("the model has dynamic AIPP, whose parameters are not set: name "
                               "them with --aipp-config, or set_dynamic_aipp()")
        count = self._batch()[1]
        handle = acl.mdl.create_aipp(count)
        if not handle:
            raise RuntimeError("acl.mdl.create_aipp failed: " + acl.get_recent_err_msg())
        try:
            _fill_aipp(handle, self._aipp, count)
            _check("acl.mdl.set_aipp_by_input_index", acl.mdl.set_aipp_by_input_index(
                self._id, dataset.handle, self._kinds.index(_DYNAMIC_AIPP), handle))
        finally:
            acl.mdl.destroy_aipp(handle)

    def set_custom_outsize(self, sizes):
        """Bytes for each output; needed where the model does not know."""
        self._sizes = list(sizes)
        return 0

    def create_tensor_from_fileslist(self, desc, files):
        """The files' bytes, joined, as a tensor on the device."""
        content = b"".join(pathlib.Path(file).read_bytes() for file in files)
        if len(content) != desc.realsize:
            raise RuntimeError("{} have {} bytes together; input '{}' takes {}".format(
                ", ".join(map(str, files)), len(content), desc.name, desc.realsize))
        self._use()
        tensor = Tensor(np.frombuffer(content, desc.datatype.name).reshape(desc.shape))
        tensor.to_device(self._device)
        return tensor

    def _choose(self, dataset, shapes):
        """Tells AscendCL which gear or shape this run has."""
        value, where = self._value, (self._id, dataset.handle, self._gear_input)
        if self._mode == "static":
            return
        if self._mode == "shape":
            for i, desc in enumerate(self._side("input")):
                if desc.name not in value:
                    raise RuntimeError("no shape is given for input '{}'".format(desc.name))
                dataset.describe(i, desc.datatype.value, value[desc.name], desc.format)
            return
        if self._gear_input is None:
            raise RuntimeError("{} has no gears to choose from".format(self._path))
        if self._mode == "batch":
            _check("acl.mdl.set_dynamic_batch_size", acl.mdl.set_dynamic_batch_size(*where, value))
        elif self._mode == "hw":
            _check("acl.mdl.set_dynamic_hw_size", acl.mdl.set_dynamic_hw_size(*where, *value))
        else:
            dims = [n for desc in self._side("input") for n in value.get(desc.name, desc.shape)]
            _check("acl.mdl.set_input_dynamic_dims", acl.mdl.set_input_dynamic_dims(
                *where, {"name": "", "dimCount": len(dims), "dims": dims}))

    def run(self, output_names, feeds):
        """Tensors on the device, for all outputs or those named. Feeds are tensors in the order of
        the inputs, tensors by name, or BaseTensors."""
        self._use()
        inputs = self._side("input")
        if isinstance(feeds, dict):
            missing = [desc.name for desc in inputs if desc.name not in feeds]
            if missing:
                raise RuntimeError("no tensor is given for input " + ", ".join(missing))
            feeds = [feeds[desc.name] for desc in inputs]
        if len(feeds) != len(inputs):
            raise RuntimeError("{} takes {} inputs, {} are given".format(
                self._path, len(inputs), len(feeds)))
        outputs = self._side("output")
        names = [desc.name for desc in outputs]
        for name in output_names or []:
            if name not in names:
                raise RuntimeError("there is no output '{}'; there are {}".format(
                    name, ", ".join(names)))
        blocks = []

        def block(size):
            pointer, ret = acl.rt.malloc(max(size, 1), 2)
            _check("acl.rt.malloc of {} bytes".format(size), ret)
            blocks.append(pointer)
            return pointer
        try:
            with _Dataset() as source, _Dataset() as target:
                self._fill(source, feeds, block)
                self._choose(source, inputs)
                self._set_aipp(source)
                sizes = self._sizes or [desc.size for desc in outputs]
                if len(sizes) != len(outputs):
                    raise RuntimeError("{} output sizes are given for {} outputs".format(
                        len(sizes), len(outputs)))
                places = [block(size) for size in sizes]
                for place, size in zip(places, sizes):
                    target.add(place, max(size, 1))
                for _ in range(self._options.loop):
                    began = time.perf_counter()
                    _check("acl.mdl.execute",
                           acl.mdl.execute(self._id, source.handle, target.handle))
                    self._summary.exec_time_list.append((time.perf_counter() - began) * 1e3)
                results = {desc.name: self._result(target, i, desc, place)
                           for i, (desc, place) in enumerate(zip(outputs, places))}
            return [results[name] for name in output_names or names]
        finally:
            for pointer in blocks:
                acl.rt.free(pointer)

    def _fill(self, dataset, feeds, block):
        feeds = list(feeds)
        for i in range(acl.mdl.get_num_inputs(self._desc)):
            if i in self._own_inputs:
                size = acl.mdl.get_input_size_by_index(self._desc, i)
                dataset.add(block(size), size)
                continue
            feed = feeds.pop(0)
            if isinstance(feed, BaseTensor):
                pointer = block(feed.size)
                _copy(pointer, feed.buf, feed.size, _H2D)
                dataset.add(pointer, feed.size)
            elif isinstance(feed, Tensor):
                feed.to_device(self._device)
                dataset.add(feed._pointer, max(feed._array.nbytes, 1))
            else:
                raise RuntimeError("input {} is a {}, not a Tensor".format(i, feed.__class__))

    def _result(self, dataset, index, desc, place):
        if self._mode == "shape":
            found = acl.mdl.get_dataset_tensor_desc(dataset.handle, index)
            dims = [acl.get_tensor_desc_dim_v2(found, k)[0]
                    for k in range(acl.get_tensor_desc_num_dims(found))]
        else:
            dims, ret = acl.mdl.get_cur_output_dims(self._desc, index)
            _check("acl.mdl.get_cur_output_dims", ret)
            dims = dims["dims"]
        tensor = Tensor(np.empty(dims, desc.datatype.name))
        _copy(acl.util.numpy_to_ptr(tensor._array), place, tensor._array.nbytes, _D2H)
        return tensor

    def __repr__(self):
        lines = ["<Model>", "device:\t{}".format(self._device)]
        for title, side in (("input:", self.get_inputs()), ("output:", self.get_outputs())):
            lines.append(title)
            lines += ["  #{}    {}  ({})  {}  {}  {}".format(
                i, d.name, ", ".join(map(str, d.shape)), d.datatype.name, d.size, d.realsize)
                for i, d in enumerate(side)]
        return "\n".join(lines)

    def free_resource(self):
        """Gives the model back; AscendCL stays up."""
        _runtime.sessions.discard(self)
        if self._context is None:
            return
        acl.rt.set_context(self._context)
        if self._id is not None:
            acl.mdl.unload(self._id)
        if self._desc is not None:
            acl.mdl.destroy_desc(self._desc)
        acl.rt.destroy_context(self._context)
        acl.rt.reset_device(self._device)
        self._id = self._desc = self._context = None

    def finalize(self):
        """Gives the model back, and ends AscendCL with the last session."""
        self.free_resource()
        if not _runtime.sessions:
            _runtime.finish()


def model(modelPath, deviceId=0, options=None):
    return InferenceSession(modelPath, deviceId, options)
