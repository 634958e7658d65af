#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Pictures a second on all cores, Prusik beside its peers: a batch at a time, or several streams.

usage: throughput.py [--build DIR] [--networks A,B] [--engines A,B] [--batch N] [--streams N]
                     [--threads N] [--rounds N]

--batch N gives each engine N pictures in one call, with all threads (ncnn, which has no batches,
gets them one after another). --streams N keeps N pictures in work at once, each engine in the way
its makers advise: Prusik with aclmdlExecuteAsync on N streams of one context, onnxruntime with N
threads calling Run on one session, OpenVINO with its THROUGHPUT hint and N requests, ncnn and MNN
in N processes of one thread. Both are measured when neither is named (8 and 4).

Engines take turns as in bench.py; the figure is an engine's best round. Outputs are compared with
onnxruntime's first. Writes throughput.json beside this file (or to --out).
"""
import argparse
import concurrent.futures
import json
import math
import multiprocessing
import os
import pathlib
import sys

import numpy as np
import onnx

import bench
import engines

HERE = pathlib.Path(__file__).resolve().parent
PICTURES = 8  # of each stream in one run
NETWORKS = "yolox_nano,yolov5n,mobilenet_v2,resnet18"


# ---- engines for several streams: run() puts PICTURES through each ----

def streams():
    return int(os.environ["BENCH_STREAMS"])


class PrusikStreams(engines.Prusik):
    def load(self, path):
        super().load(path)
        self.models = [self.model] + [self.model.another() for _ in range(streams() - 1)]
        self.queues = [self.acl.stream() for _ in self.models]

    def prepare(self, x):
        for model in self.models:
            model.inputs[0][...] = x

    def run(self):
        for _ in range(PICTURES):
            for model, queue in zip(self.models, self.queues):
                model.start(queue)
        for queue in self.queues:
            self.acl.wait(queue)
        return self.models[-1].outputs


class OnnxRuntimeStreams(engines.OnnxRuntime):
    def load(self, path):
        self.threads = 1  # of a call; there are as many calls at once as streams
        super().load(path)
        self.callers = concurrent.futures.ThreadPoolExecutor(streams())

    def run(self):
        one = super().run
        return list(self.callers.map(lambda _: [one() for _ in range(PICTURES)][-1],
                                     range(streams())))[-1]


class OpenVinoStreams(engines.OpenVino):
    def load(self, path):
        import openvino
        compiled = self.core.compile_model(str(path), "CPU", {
            "PERFORMANCE_HINT": "THROUGHPUT", "INFERENCE_NUM_THREADS": self.threads,
            "PERFORMANCE_HINT_NUM_REQUESTS": streams(), "INFERENCE_PRECISION_HINT": "f32"})
        self.queue = openvino.AsyncInferQueue(compiled, streams())

    def run(self):
        for _ in range(PICTURES * streams()):
            self.queue.start_async([self.x], share_inputs=True)
        self.queue.wait_all()
        return [t.data for t in self.queue[0].output_tensors]


def one_of_several(connection, kind):
    """A child of Processes: does as it is told until the pipe closes."""
    engine = kind(1)
    while True:
        try:
            name, *arguments = connection.recv()
        except EOFError:
            return
        if name == "run":
            outputs = [engine.run() for _ in range(PICTURES)][-1]
            connection.send([np.array(o) for o in outputs] if arguments[0] else None)
        else:
            connection.send(getattr(engine, name)(*arguments))


class Processes(engines.Engine):
    """The engine `kind` in a process for each stream."""
    daemon = False

    def __init__(self, threads):
        engines.Engine.__init__(self, threads)
        self.parts, self.first = [], True
        context = multiprocessing.get_context("spawn")
        for _ in range(streams()):
            ours, theirs = context.Pipe()
            context.Process(target=one_of_several, args=(theirs, self.kind), daemon=True).start()
            theirs.close()  # and ours closes with this process, which ends the child
            self.parts.append(ours)

    def ask(self, *request):
        for part in self.parts:
            part.send(request)
        return [part.recv() for part in self.parts]

    def load(self, path):
        self.ask("load", path)

    def prepare(self, x):
        self.ask("prepare", x)

    def run(self):
        outputs = self.ask("run", self.first)[-1]
        self.first = False
        return outputs


class NcnnStreams(Processes, engines.Ncnn):
    kind = engines.Ncnn


class MnnStreams(Processes, engines.Mnn):
    kind = engines.Mnn


# ---- a batch ----

class NcnnBatch(engines.Ncnn):
    """Picture by picture: ncnn has no batches."""
    @staticmethod
    def convert(path, shape, tools):
        single = path.with_name(path.name.rpartition("_batch")[0] + ".onnx")
        return engines.Ncnn.convert(single, (1, *shape[1:]), tools)

    def prepare(self, x):
        self.pictures = [self.ncnn.Mat(picture).clone() for picture in x]

    def run(self):
        each = []
        for self.x in self.pictures:
            each.append(super().run())
        return [np.stack(outputs) for outputs in zip(*each)]


def batched(model, n):
    """The network for n pictures at once: its input's first size, and the constants that repeat it
    in what Reshape and its like are told."""
    constants = {i.name: i for i in model.graph.initializer}
    constants |= {node.output[0]: node.attribute[0].t for node in model.graph.node
                  if node.op_type == "Constant"}
    for node in model.graph.node:
        if node.op_type not in ("Reshape", "Expand") or node.input[1] not in constants:
            continue
        tensor = constants[node.input[1]]
        shape = onnx.numpy_helper.to_array(tensor).copy()
        if len(shape) > 1 and shape[0] == 1:
            shape[0] = n
            tensor.CopyFrom(onnx.numpy_helper.from_array(shape, tensor.name))
    dims = [d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim]
    return bench.fixed(model, (n, *dims[1:]))


MODES = {
    "streams": {"onnxruntime": OnnxRuntimeStreams, "prusik": PrusikStreams,
                "openvino": OpenVinoStreams, "ncnn": NcnnStreams, "mnn": MnnStreams},
    "batch": {**engines.ENGINES, "ncnn": NcnnBatch},
}


def measure(network, mode, n, options, tools):
    """{engine: pictures a second} and {engine: reason for leaving it out}"""
    name, path, x = network
    pictures = n
    if mode == "batch":
        several = path.with_name(f"{path.stem}_batch{n}.onnx")
        if not several.exists() or several.stat().st_mtime < path.stat().st_mtime:
            onnx.save(batched(onnx.load(path), n), several)
        path = several
        x = np.random.default_rng(1).random((n, *x.shape[1:]), dtype=np.float32) * x.max()
    else:
        os.environ["BENCH_STREAMS"] = str(n)  # for the engines' processes
        pictures *= PICTURES
    options.kinds = MODES[mode]
    found, left_out = bench.measure((name, path, x), options.threads, options, tools)
    return {e: round(pictures * 1e3 / f["min_ms"], 1) for e, f in found.items()}, left_out


def main():
    every = len(os.sched_getaffinity(0))
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path, default=bench.ROOT / "build" / "release")
    parser.add_argument("--out", type=pathlib.Path, default=HERE)
    parser.add_argument("--networks", default=NETWORKS)
    parser.add_argument("--engines", default="onnxruntime,prusik,openvino,ncnn,mnn")
    parser.add_argument("--batch", type=int)
    parser.add_argument("--streams", type=int)
    parser.add_argument("--threads", type=int, default=every)
    parser.add_argument("--rounds", type=int, default=20, dest="runs")
    options = parser.parse_args()
    options.isa, options.loads = "", 1
    options.engines = [e for e in options.engines.split(",") if e]
    options.engines.sort(key=lambda e: e != "onnxruntime")  # the reference comes first
    modes = {m: getattr(options, m) for m in MODES if getattr(options, m)} or \
        {"batch": 8, "streams": 4}
    build = options.build.resolve()
    tools = {"atc": build / "cmd" / "atc", "library": build / "src" / "acl" / "libascendcl.so",
             "python": sys.executable}
    folder = bench.ROOT / "build" / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    results = {"machine": bench.machine(), "threads": options.threads, "networks": []}
    print(f"pictures a second, {options.threads} threads; "
          + "load {load_before:.1f}".format(**results["machine"]))
    for network in bench.make_networks(options.networks.split(","), folder):
        for mode, n in modes.items():
            found, left_out = measure(network, mode, n, options, tools)
            peers = [v for e, v in found.items() if e != "prusik"]
            ratio = round(found["prusik"] / max(peers), 3) if peers and "prusik" in found else None
            results["networks"].append({"name": network[0], mode: n, "pictures_a_second": found,
                                        "ratio": ratio})
            print(f"{network[0]}, {mode} {n}: "
                  + ", ".join(f"{e} {v:.1f}" for e, v in found.items())
                  + (f"; ours / best peer {ratio:.2f}" if ratio else ""), flush=True)
            for engine, why in left_out.items():
                print(f"  left out: {engine}: {why}")
    for mode in modes:
        ratios = [r["ratio"] for r in results["networks"] if mode in r and r["ratio"]]
        if ratios:
            mean = math.exp(sum(map(math.log, ratios)) / len(ratios))
            print(f"{mode} {modes[mode]}: ours / best peer, geometric mean {mean:.2f}, "
                  f"least {min(ratios):.2f}")
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "throughput.json").write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
