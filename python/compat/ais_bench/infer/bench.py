# SPDX-License-Identifier: Apache-2.0
"""What `python -m ais_bench` does: prepare inputs, run the model on them, save outputs and say how
long it took. Failures raise RuntimeError."""
import copy
import json
import logging
import math
import multiprocessing
import os
import pathlib
import sys
import time

import aclruntime
import numpy as np

from . import aipp, files
from .interface import InferSession, MemorySummary

log = logging.getLogger("ais_bench")


def _describe(times):
    values = np.array(times or [0.0])
    return {"min": values.min(), "max": values.max(), "mean": values.mean(),
            "median": np.median(values), "percentile(99%)": np.percentile(values, 99),
            "count": len(times)}


def _print_times(title, stats):
    log.info("%s (ms): %s", title, ", ".join(
        "{} = {}".format(name, value) for name, value in stats.items() if name != "count"))


def _write_json(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2) + "\n")
    return str(path)


def acl_config(args):
    """The file for aclInit, if there is one: --acl_json_path, or one written for --profiler or
    --dump."""
    if args.acl_json_path:
        if not os.path.isfile(args.acl_json_path):
            raise RuntimeError("--acl_json_path: there is no {}".format(args.acl_json_path))
        return args.acl_json_path
    if not (args.profiler or args.dump):
        return None
    folder = pathlib.Path(args.output).resolve()
    target = folder / ("profiler" if args.profiler else "dump")
    target.mkdir(parents=True, exist_ok=True)
    if args.profiler:
        content = {"profiler": {"switch": "on", "aicpu": "on", "output": str(target),
                                "aic_metrics": ""}}
    else:
        stem = pathlib.Path(args.model).name.split(".")[0]
        content = {"dump": {"dump_path": str(target), "dump_mode": "all",
                            "dump_list": [{"model_name": stem}]}}
    return _write_json(folder / "acl.json", content)


class Bench:
    """One device's part: a session, the runs it has to make, and their results."""

    def __init__(self, args, device, folder):
        self.args, self.folder = args, folder
        self.session = InferSession(device, args.model, acl_config(args), args.debug, args.loop)
        log.info("load model %s success", args.model)
        log.info("create model description success")
        self.descs = copy.deepcopy(self.session.get_inputs())
        self.saved = {}
        if args.aipp_config and self.session.session.has_dynamic_aipp():
            self.session.set_dynamic_aipp(aipp.read(args.aipp_config))

    def _resize(self, shapes):
        """Gives descriptions the shapes of the next runs."""
        for desc, shape in zip(self.descs, shapes):
            desc.shape = list(shape)
            if min(desc.shape, default=1) < 0:
                raise RuntimeError("input '{}' has the open shape {}: choose one with --dymBatch, "
                                   "--dymHW, --dymDims or --dymShape".format(
                                       desc.name, desc.shape))
            desc.realsize = math.prod(desc.shape) * np.dtype(desc.datatype.name).itemsize

    def choose(self):
        """Sets the gear or shape that the options name."""
        args, session, shapes = self.args, self.session, [desc.shape for desc in self.descs]
        named = {}
        if args.dymBatch:
            session.set_dynamic_batchsize(args.dymBatch)
            shapes = [[args.dymBatch if n == -1 else n for n in shape] for shape in shapes]
        elif args.dymHW:
            session.set_dynamic_hw(*args.dymHW)
            sizes = iter(args.dymHW)
            shapes = [[next(sizes) if n == -1 else n for n in shape]
                      if shape.count(-1) == 2 else shape for shape in shapes]
        elif args.dymDims:
            session.set_dynamic_dims(args.dymDims)
            named = aclruntime.parse_shapes(args.dymDims)
        elif args.dymShape:
            session.set_dynamic_shape(args.dymShape)
            named = aclruntime.parse_shapes(args.dymShape)
        unknown = set(named) - {desc.name for desc in self.descs}
        if unknown:
            raise RuntimeError("the model has no input '{}'; it has {}".format(
                min(unknown), ", ".join(desc.name for desc in self.descs)))
        pictures = [session.session.picture_shape(i) for i in range(len(shapes))]
        shapes = [picture or shape for picture, shape in zip(pictures, shapes)]
        self._resize(named.get(desc.name, shape) for desc, shape in zip(self.descs, shapes))
        self._reserve()

    def _reserve(self):
        if self.args.outputSize:
            self.session.set_custom_outsize(self.args.outputSize)
        elif not all(desc.size for desc in self.session.get_outputs()):
            raise RuntimeError("the model does not know how large its outputs get: name the bytes "
                               "of each with --outputSize")

    def _choose_by(self, arrays):
        """Sets the gear or shape that a run's arrays have."""
        text = ";".join("{}:{}".format(desc.name, ",".join(map(str, array.shape)))
                        for desc, array in zip(self.descs, arrays))
        self.session.set_dynamic_shape(text) if self.args.auto_set_dymshape_mode \
            else self.session.set_dynamic_dims(text)
        self._resize(array.shape for array in arrays)

    def runs(self, share):
        """(files for each input or None, number of real files) for each run."""
        if not self.args.input:
            return [(None, 1)]
        lists = files.list_inputs(self.args.input, len(self.descs))
        if share:
            index, count = share
            lists = [part[index::count] for part in lists]
            if not lists[0]:
                raise RuntimeError("there are fewer files than devices to share them")
        if self.by_arrays:
            wrong = [f for part in lists for f in part if f.suffix.lower() != ".npy"]
            if wrong:
                raise RuntimeError("{} has no shape to take; .npy files have".format(wrong[0]))
            return [([[f] for f in run], 1) for run in zip(*lists)]
        if self.args.run_mode == "files":
            wrong = [f for part in lists for f in part if f.suffix.lower() == ".npy"]
            if wrong:
                raise RuntimeError("--run_mode files takes .bin files, not {}".format(wrong[0]))
        return files.combine(lists, self.descs)

    @property
    def by_arrays(self):
        return self.args.auto_set_dymshape_mode or self.args.auto_set_dymdims_mode

    def feeds(self, run):
        """A run's inputs in the way of --run_mode."""
        if self.by_arrays:
            arrays = [files.read(part[0]) for part in run]
            self._choose_by(arrays)
        elif run is None:
            arrays = [files.make_up(desc, self.args.pure_data_type) for desc in self.descs]
        elif self.args.run_mode == "files":
            return [self.session.create_tensor_from_fileslist(desc, part)
                    for desc, part in zip(self.descs, run)]
        else:
            arrays = [files.join(part, desc) for part, desc in zip(run, self.descs)]
        if self.args.run_mode == "array":
            return arrays
        return [self.session.create_tensor_from_arrays_to_device(array) for array in arrays]

    def save(self, number, run, n_real, outputs):
        if not self.folder:
            return
        names = [f.name.split(".")[0] for f in run[0][:n_real]] if run \
            else ["pure_infer_data_{}".format(number)]
        count = len(run[0]) if run else 1
        written = []
        for i, output in enumerate(self.session.convert_tensors_to_arrays(outputs)):
            for name, part in zip(names, files.split(output, count, n_real,
                                                     self.args.output_batchsize_axis)):
                written.append(str(files.save(part, self.folder / "{}_{}".format(name, i),
                                              self.args.outfmt)))
        self.saved[str(number)] = {"infiles": [str(f) for part in run or [] for f in part[:n_real]],
                                   "outfiles": written}

    def measure(self, share=None):
        """Makes all runs; gives the throughput."""
        args = self.args
        if self.by_arrays:
            if args.run_mode in ("full", "files"):
                raise RuntimeError("shapes are taken from inputs with --run_mode array or tensor")
            self._reserve()
        else:
            self.choose()
        runs = self.runs(share)
        first = self.feeds(runs[0][0])
        batch = args.batchsize or (self.descs[0].shape or [1])[0]
        if not args.batchsize:
            log.info("try get model batchsize:%d", batch)
        self.session.set_loop_count(1)
        for _ in range(args.warmup_count):
            self.session.run(first)
        log.info("warm up %d done", args.warmup_count)
        self.session.set_loop_count(args.loop)
        self.session.reset_sumaryinfo()
        MemorySummary.reset()
        if args.run_mode == "full":
            ready = [self.feeds(run) for run, _ in runs]
            results = []
            for number, feeds in enumerate(ready):
                results.append(self.session.run(feeds))
                self._progress(number + 1, len(runs))
            for number, ((run, n_real), outputs) in enumerate(zip(runs, results)):
                self.save(number, run, n_real, outputs)
        else:
            for number, (run, n_real) in enumerate(runs):
                self.save(number, run, n_real, self.session.run(self.feeds(run)))
                self._progress(number + 1, len(runs))
        return self._summarise(batch)

    def _progress(self, done, total):
        mode = self.args.run_mode
        title = "Inference Processing full" if mode == "full" \
            else "Inference {} Processing".format(mode)
        if done == total or sys.stdout.isatty():
            print("\r{}: {}% {}/{}".format(title, 100 * done // total, done, total).lstrip(
                "" if sys.stdout.isatty() else "\r"), end="\n" if done == total else "", flush=True)

    def _summarise(self, batch):
        times = self.session.sumary().exec_time_list
        stats = _describe(times)
        h2d = _describe(MemorySummary.get_H2D_time_list())
        d2h = _describe(MemorySummary.get_D2H_time_list())
        throughput = 1000 * batch / stats["mean"]
        log.info("-----------------Performance Summary------------------")
        if self.args.display_all_summary:
            _print_times("H2D_latency", h2d)
        _print_times("NPU_compute_time", stats)
        if self.args.display_all_summary:
            _print_times("D2H_latency", d2h)
        log.info("throughput 1000*batchsize.mean(%s)/NPU_compute_time.mean(%s): %s", batch,
                 stats["mean"], throughput)
        log.info("------------------------------------------------------")
        if self.folder:
            _write_json(self.folder.with_name(self.folder.name + "_summary.json"), {
                "filesinfo": self.saved, "args": vars(self.args), "NPU_compute_time": stats,
                "H2D_latency": h2d, "D2H_latency": d2h, "throughput": throughput,
                "npu_compute_time_list": times, "pid": os.getpid()})
        return throughput

    def close(self):
        model_id = self.session.session.model_id
        self.session.finalize()
        log.info("unload model success, model Id is %d", model_id)


def make_folder(args):
    if not args.output:
        return None
    folder = pathlib.Path(args.output) / (args.output_dirname or
                                          time.strftime("%Y_%m_%d-%H_%M_%S"))
    folder.mkdir(0o755, parents=True, exist_ok=True)
    log.info("output path:%s", folder)
    return folder


def start_log():
    logging.basicConfig(stream=sys.stdout, format="[%(levelname)s] %(message)s",
                        level=logging.INFO)


def run_one(args, device, folder, share=None):
    bench = Bench(args, device, folder)
    try:
        return bench.measure(share)
    finally:
        bench.close()


def _run_device(args, index, folder, results):
    """A process of run_many; it reports its throughput, or None after an error."""
    start_log()
    device = args.device[index]
    if folder:
        folder = folder / "device{}".format(device)
        folder.mkdir(exist_ok=True)
    began, throughput = time.time(), None
    try:
        throughput = run_one(args, device, folder,
                             (index, len(args.device)) if args.divide_input else None)
    except RuntimeError as error:
        log.error("device %d: %s", device, error)
    results.put((index, device, throughput, began, time.time()))


def run_many(args):
    """One process for each device; 0 when all of them succeeded."""
    context = multiprocessing.get_context("spawn")
    results, folder = context.SimpleQueue(), make_folder(args)
    processes = [context.Process(target=_run_device, args=(args, i, folder, results))
                 for i in range(len(args.device))]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    reports = []
    while not results.empty():
        reports.append(results.get())
    good = [report for report in reports if report[2] is not None]
    for index, device, throughput, began, ended in sorted(good):
        print("i:{} device_{} throughput:{} start_time:{} end_time:{}".format(
            index, device, throughput, began, ended))
    status = 0 if len(good) == len(processes) else 1
    log.info("multidevice run end qsize:%d result:%d", len(reports), status)
    log.info("summary throughput:%s", sum(report[2] for report in good))
    return status


def run_shapes(args):
    """--dymShape_range: one measurement after another, with a line for each in dym.log."""
    folder = pathlib.Path(args.output or ".")
    folder.mkdir(parents=True, exist_ok=True)
    status = 0
    with open(folder / "dym.log", "w", encoding="utf-8") as record:
        for shape in files.shape_range(args.dymShape_range):
            one = copy.copy(args)
            one.dymShape, one.dymShape_range = shape, None
            if args.output:
                one.output_dirname = "{}_{}".format(
                    args.output_dirname or time.strftime("%Y_%m_%d-%H_%M_%S"),
                    shape.replace(":", "_").replace(";", "-").replace(",", "x"))
            try:
                line = "{} throughput:{}".format(shape, run_one(one, args.device[0],
                                                                make_folder(one)))
            except RuntimeError as error:
                line, status = "{} failed: {}".format(shape, error), 1
            log.info("%s", line)
            print(line, file=record)
    return status
