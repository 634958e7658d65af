# SPDX-License-Identifier: Apache-2.0
"""InferSession: arrays in, arrays out, one call for each run. Both spellings of methods that
ais_bench has had (sumary of the tools, summary of msit) are there."""
import concurrent.futures
import multiprocessing
import time

import aclruntime
import numpy as np

_MODES = ("static", "dynbatch", "dynhw", "dyndims", "dynshape")
_OLD_MODES = {"dymbatch": "dynbatch", "dymhw": "dynhw", "dymdims": "dyndims",
              "dymshape": "dynshape"}


class InferSession:
    def __init__(self, device_id: int, model_path: str, acl_json_path: str = None,
                 debug: bool = False, loop: int = 1):
        self.device_id, self.model_path, self.loop = device_id, model_path, loop
        options = aclruntime.session_options()
        options.acl_json_path = acl_json_path or ""
        options.log_level = 1 if debug else 2
        options.loop = loop
        self.session = aclruntime.InferenceSession(model_path, device_id, options)
        self.outputs_names = [desc.name for desc in self.session.get_outputs()]
        self.intensors_desc = self.session.get_inputs()
        self.outtensors_desc = self.session.get_outputs()
        if debug:
            print(self.session)

    def get_inputs(self):
        self.intensors_desc = self.session.get_inputs()
        return self.intensors_desc

    def get_outputs(self):
        self.outtensors_desc = self.session.get_outputs()
        return self.outtensors_desc

    def set_loop_count(self, loop):
        """How often each run repeats the model."""
        self.session.options().loop = self.loop = loop

    def set_staticbatch(self):
        self.session.set_staticbatch()

    def set_dynamic_batchsize(self, dym_batch):
        self.session.set_dynamic_batchsize(int(dym_batch))

    def set_dynamic_hw(self, w, h):
        """The first value is the height, whatever its name says: the names are ais_bench's."""
        self.session.set_dynamic_hw(int(w), int(h))

    def set_dynamic_dims(self, dym_dims):
        self.session.set_dynamic_dims(dym_dims)

    def set_dynamic_shape(self, dym_shape):
        self.session.set_dynamic_shape(dym_shape)

    def set_dynamic_aipp(self, settings):
        """Parameters of dynamic AIPP, by the names of atc's configuration."""
        self.session.set_dynamic_aipp(settings)

    def set_custom_outsize(self, custom_sizes):
        self.session.set_custom_outsize(custom_sizes)

    def create_tensor_from_fileslist(self, desc, files):
        return self.session.create_tensor_from_fileslist(desc, files)

    def create_tensor_from_arrays_to_device(self, arrays):
        tensor = aclruntime.Tensor(arrays)
        tensor.to_device(self.device_id)
        return tensor

    def convert_tensors_to_host(self, tensors):
        for tensor in tensors:
            tensor.to_host()

    def convert_tensors_to_arrays(self, tensors):
        return [np.array(tensor) for tensor in tensors]

    def run(self, feeds, out_array=False):
        """Tensors, or arrays with out_array; feeds as in infer()."""
        results = self.session.run(self.outputs_names, [self._tensor(feed) for feed in feeds])
        return self.convert_tensors_to_arrays(results) if out_array else results

    @staticmethod
    def _tensor(feed):
        if isinstance(feed, aclruntime.Tensor):
            return feed
        if isinstance(feed, (np.ndarray, np.generic)):
            return aclruntime.Tensor(np.asarray(feed))
        if type(feed).__module__.partition(".")[0] == "torch":
            return aclruntime.Tensor(feed.detach().cpu().numpy())
        raise RuntimeError("inputs are arrays, NumPy scalars, CPU tensors of torch or "
                           "aclruntime.Tensor, not {}".format(type(feed).__name__))

    def infer(self, feeds, mode="static", custom_sizes=100000, out_array=True):
        """Runs on a list with one array, NumPy scalar, torch CPU tensor or aclruntime.Tensor for
        each input. Other modes than static take the gear or shape from the feeds; custom_sizes
        (bytes, one for all outputs or a list) are for dynshape."""
        mode = _OLD_MODES.get(mode, mode)
        if mode not in _MODES:
            raise RuntimeError("mode is one of {}, not '{}'".format(", ".join(_MODES), mode))
        feeds = [self._tensor(feed) for feed in feeds]
        shapes = [feed.shape for feed in feeds]
        self._choose(mode, shapes, custom_sizes)
        try:
            results = self.run(feeds, out_array)
        finally:
            self.set_staticbatch()
            self.set_custom_outsize([])
        return results

    def _choose(self, mode, shapes, custom_sizes):
        text = ";".join("{}:{}".format(desc.name, ",".join(map(str, shape)))
                        for desc, shape in zip(self.intensors_desc, shapes))
        if mode == "dynbatch":
            batch = {shape[desc.shape.index(-1)] for desc, shape in
                     zip(self.intensors_desc, shapes) if -1 in desc.shape}
            if len(batch) != 1:
                raise RuntimeError("the inputs do not agree on a batch size: {}".format(text))
            self.set_dynamic_batchsize(batch.pop())
        elif mode == "dynhw":
            desc, shape = next(((d, s) for d, s in zip(self.intensors_desc, shapes)
                                if d.shape.count(-1) == 2), (None, None))
            if desc is None:
                raise RuntimeError("no input has an open height and width")
            self.set_dynamic_hw(*(n for n, d in zip(shape, desc.shape) if d == -1))
        elif mode == "dyndims":
            self.set_dynamic_dims(text)
        elif mode == "dynshape":
            self.set_dynamic_shape(text)
            if isinstance(custom_sizes, int):
                custom_sizes = [custom_sizes] * len(self.outputs_names)
            elif not isinstance(custom_sizes, list):
                raise RuntimeError("custom_sizes is a number or a list, not {}".format(
                    type(custom_sizes).__name__))
            self.set_custom_outsize(custom_sizes)

    def infer_pipeline(self, feeds_list, mode="static", custom_sizes=100000):
        """infer() for several sets of inputs: the next set is prepared while one runs."""
        results = []
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            ready = None
            for feeds in [*feeds_list, None]:
                following = pool.submit(lambda f: [self._tensor(x) for x in f], feeds) \
                    if feeds is not None else None
                if ready is not None:
                    results.append(self.infer(ready.result(), mode, custom_sizes))
                ready = following
        return results

    def infer_iteration(self, feeds, in_out_list=None, iteration_times=1, mode="static",
                        custom_sizes=100000, mem_copy=True):
        """Runs several times; in_out_list says for each input which output it takes from the run
        before, -1 for its original value. mem_copy=False leaves the results on the device."""
        if in_out_list is not None and len(in_out_list) != len(self.intensors_desc):
            raise RuntimeError("in_out_list has {} entries for {} inputs".format(
                len(in_out_list), len(self.intensors_desc)))
        if iteration_times < 1:
            raise RuntimeError("iteration_times is {}; it must be 1 or more".format(
                iteration_times))
        current = list(feeds)
        for _ in range(iteration_times):
            results = self.infer(current, mode, custom_sizes, out_array=False)
            if in_out_list:
                current = [feeds[i] if o == -1 else results[o] for i, o in enumerate(in_out_list)]
        return self.convert_tensors_to_arrays(results) if mem_copy else results

    def sumary(self):
        """An object whose exec_time_list has the milliseconds of each run."""
        return self.session.sumary()

    def reset_sumaryinfo(self):
        self.session.reset_sumaryinfo()

    summary = sumary
    reset_summaryinfo = reset_sumaryinfo

    def free_resource(self):
        """Gives the model's memory back; AscendCL stays up."""
        self.session.free_resource()

    def finalize(self):
        """Gives everything back, and ends AscendCL with the last session."""
        self.session.finalize()


class MemorySummary:
    """Milliseconds of the process's copies to and from devices."""

    @staticmethod
    def get_H2D_time_list():
        return aclruntime.MemorySummary.H2D_time_list

    @staticmethod
    def get_D2H_time_list():
        return aclruntime.MemorySummary.D2H_time_list

    get_h2d_time_list, get_d2h_time_list = get_H2D_time_list, get_D2H_time_list

    @staticmethod
    def reset():
        aclruntime.MemorySummary.reset()


def _work(device, arguments, method, calls):
    """One process of a MultiDeviceSession: every call's result, and the milliseconds of it all."""
    began = time.perf_counter()
    session = InferSession(device, *arguments)
    results = [getattr(session, method)(*args, **kwargs) for args, kwargs in calls]
    session.finalize()
    return results, (time.perf_counter() - began) * 1e3


class MultiDeviceSession:
    """One process for each list of inputs; methods take {device: [feeds, ...]} and give
    {device: [outputs, ...]}."""

    def __init__(self, model_path, acl_json_path=None, debug=False, loop=1):
        self._arguments = (model_path, acl_json_path, debug, loop)
        self._times = {}

    def _spread(self, method, devices_feeds, **kwargs):
        jobs = [(device, feeds) for device, list_ in devices_feeds.items() for feeds in list_]
        self._times = {}
        results = {}
        if not jobs:
            return results
        context = multiprocessing.get_context("spawn")
        with concurrent.futures.ProcessPoolExecutor(len(jobs), context) as pool:
            pending = [(device, pool.submit(_work, device, self._arguments, method,
                                            [((feeds,), kwargs)])) for device, feeds in jobs]
            for device, job in pending:
                outputs, spent = job.result()
                results.setdefault(device, []).append(outputs[0])
                self._times.setdefault(device, []).append(spent)
        return results

    def infer(self, devices_feeds, mode="static", custom_sizes=100000):
        return self._spread("infer", devices_feeds, mode=mode, custom_sizes=custom_sizes)

    def infer_pipeline(self, devices_feeds_list, mode="static", custom_sizes=100000):
        return self._spread("infer_pipeline", devices_feeds_list, mode=mode,
                            custom_sizes=custom_sizes)

    def infer_iteration(self, devices_feeds, in_out_list=None, iteration_times=1, mode="static",
                        custom_sizes=100000, mem_copy=True):
        if not mem_copy:
            raise RuntimeError("results cross processes, so mem_copy cannot be False")
        return self._spread("infer_iteration", devices_feeds, in_out_list=in_out_list,
                            iteration_times=iteration_times, mode=mode, custom_sizes=custom_sizes)

    def summary(self):
        """{device: [milliseconds of each process, loading included]}."""
        return self._times
