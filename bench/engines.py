# SPDX-License-Identifier: Apache-2.0
"""Prusik and its peers behind one small interface, each at its best documented latency settings.

An engine converts a network once (files beside the .onnx, kept), then lives in a process of its own:
thread pools of different engines in one process disturb each other, and their memory could not be
told apart. Between its turns the process is stopped, since most pools spin for a while after a run
and would eat the next engine's cores.
"""
import contextlib
import importlib.metadata
import multiprocessing
import os
import pathlib
import signal
import subprocess
import sysconfig
import time

import numpy as np


class Engine:
    package = ""
    daemon = True  # its process needs none of its own

    def __init__(self, threads):
        """Imports the library; not part of the load time. Environment is set before."""
        self.threads = threads

    @staticmethod
    def convert(onnx, shape, tools):
        """The file load() takes; `tools` has the paths of programs."""
        return onnx

    def load(self, path):
        raise NotImplementedError

    def prepare(self, x):
        """Puts the input where run() reads it; copies inside run() count."""

    def run(self):
        """One inference; its outputs as arrays."""
        raise NotImplementedError

    def version(self):
        return importlib.metadata.version(self.package)


class Prusik(Engine):
    @staticmethod
    def environment(threads, isa):
        return {"PRUSIK_THREADS": str(threads), **({"PRUSIK_ISA": isa} if isa else {})}

    @staticmethod
    def convert(onnx, shape, tools):
        om = onnx.with_suffix(".om")
        call([tools["atc"], f"--model={onnx}", "--framework=5", f"--output={om.with_suffix('')}",
              "--soc_version=Ascend310"])
        return om

    def __init__(self, threads):
        super().__init__(threads)
        import ascendcl
        self.ascendcl = ascendcl
        self.acl = ascendcl.AscendCL(os.environ["PRUSIK_LIBRARY"])

    def version(self):
        return self.acl.version()

    def load(self, path):
        self.model = self.ascendcl.Model(self.acl, path)

    def prepare(self, x):
        self.model.inputs[0][...] = x

    def run(self):
        self.model.run()
        return self.model.outputs


class OnnxRuntime(Engine):
    package = "onnxruntime"

    def __init__(self, threads):
        super().__init__(threads)
        import onnxruntime
        self.ort = onnxruntime

    def load(self, path):
        options = self.ort.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.inter_op_num_threads = 1
        options.graph_optimization_level = self.ort.GraphOptimizationLevel.ORT_ENABLE_ALL
        options.execution_mode = self.ort.ExecutionMode.ORT_SEQUENTIAL
        self.session = self.ort.InferenceSession(str(path), options,
                                                 providers=["CPUExecutionProvider"])

    def prepare(self, x):
        self.feed = {self.session.get_inputs()[0].name: x}

    def run(self):
        return self.session.run(None, self.feed)


class OpenVino(Engine):
    package = "openvino"

    @staticmethod
    def environment(threads, isa):
        return {"ONEDNN_MAX_CPU_ISA": "AVX2"} if isa == "avx2" else {}

    def __init__(self, threads):
        super().__init__(threads)
        import openvino
        self.core = openvino.Core()

    def load(self, path):
        compiled = self.core.compile_model(str(path), "CPU", {
            "PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": self.threads,
            "NUM_STREAMS": 1, "INFERENCE_PRECISION_HINT": "f32"})
        self.request = compiled.create_infer_request()

    def prepare(self, x):
        self.x = x

    def run(self):
        self.request.infer([self.x], share_inputs=True)
        return [t.data for t in self.request.output_tensors]


def without_focus(source, target):
    """Writes the network with Focus (the picture's four interleaved quarters, concatenated) as a
    2x2 convolution of zeros and ones, which is the same and costs next to nothing. ncnn has no
    slices with steps; its own examples put a layer written by hand there."""
    import onnx
    model = onnx.load(source)
    graph = model.graph
    constants = {i.name: i for i in graph.initializer}
    constants |= {n.output[0]: n.attribute[0].t for n in graph.node if n.op_type == "Constant"}
    made_by = {o: n for n in graph.node for o in n.output}
    picture = graph.input[0].name

    def quarter(name):
        """[row, column] of a quarter's first pixel; None for anything else."""
        start = [0, 0]
        while name != picture:
            node = made_by.get(name)
            if node is None or node.op_type != "Slice" or len(node.input) != 5:
                return None
            first, _, axis, step = (int(onnx.numpy_helper.to_array(constants[i]).ravel()[0])
                                    for i in node.input[1:])
            if step != 2 or axis not in (2, 3):
                return None
            start[axis - 2] = first
            name = node.input[0]
        return start

    for node in graph.node:
        quarters = [quarter(i) for i in node.input] if node.op_type == "Concat" else []
        if len(quarters) != 4 or None in quarters:
            continue
        weights = np.zeros((12, 3, 2, 2), np.float32)
        for i, (row, column) in enumerate(quarters):
            weights[range(i * 3, i * 3 + 3), range(3), row, column] = 1
        graph.initializer.append(onnx.numpy_helper.from_array(weights, "focus_weights"))
        node.CopyFrom(onnx.helper.make_node("Conv", [picture, "focus_weights"], node.output,
                                            name=node.name, kernel_shape=[2, 2], strides=[2, 2]))
    used = {i for n in graph.node for i in n.input}
    while dead := [n for n in graph.node if n.op_type == "Slice" and n.output[0] not in used]:
        for node in dead:
            graph.node.remove(node)
        used = {i for n in graph.node for i in n.input}
    onnx.save(model, target)


class Ncnn(Engine):
    package = "ncnn"

    @staticmethod
    def convert(onnx, shape, tools):
        """With pnnx, ncnn's own converter; the wheel of it holds a program that needs no torch."""
        program = pathlib.Path(sysconfig.get_paths()["purelib"]) / "pnnx" / "pnnx"
        folder = onnx.parent / f"{onnx.stem}.ncnn"
        folder.mkdir(exist_ok=True)
        copy = folder / "net.onnx"
        without_focus(onnx, copy)
        call([program, copy, f"inputshape=[{','.join(map(str, shape))}]", "fp16=0"], cwd=folder)
        param = folder / "net.ncnn.param"
        if not param.exists():
            raise RuntimeError("pnnx wrote no .param")
        return param

    def __init__(self, threads):
        super().__init__(threads)
        import ncnn
        self.ncnn = ncnn

    def load(self, path):
        self.net = self.ncnn.Net()
        options = self.net.opt
        options.num_threads = self.threads
        for precision in ("fp16_packed", "fp16_storage", "fp16_arithmetic", "bf16_storage"):
            setattr(options, f"use_{precision}", False)
        if self.net.load_param(str(path)) or self.net.load_model(str(path.with_suffix(".bin"))):
            raise RuntimeError("ncnn cannot load it (an operator it does not know)")
        self.input = self.net.input_names()[0]
        self.names = sorted(self.net.output_names(), key=lambda n: int(n.removeprefix("out")))

    def prepare(self, x):
        self.x = self.ncnn.Mat(x[0]).clone()

    def run(self):
        extractor = self.net.create_extractor()
        extractor.input(self.input, self.x)
        outputs = []
        for name in self.names:
            status, mat = extractor.extract(name)
            if status:
                raise RuntimeError(f"ncnn cannot run it (status {status})")
            outputs.append(np.array(mat))
        return outputs


class Mnn(Engine):
    package = "MNN"

    @staticmethod
    def convert(onnx, shape, tools):
        mnn = onnx.with_suffix(".mnn")
        # Not the wheel's mnnconvert: that reports its use to its makers after converting.
        arguments = ["mnnconvert", "-f", "ONNX", "--modelFile", str(onnx), "--MNNModel", str(mnn),
                     "--bizCode", "bench"]
        call([tools["python"], "-c", f"import _tools; _tools.mnnconvert({arguments!r})"])
        if not mnn.exists():
            raise RuntimeError("MNN's converter wrote nothing")
        return mnn

    def __init__(self, threads):
        super().__init__(threads)
        import MNN
        self.mnn = MNN

    def load(self, path):
        nn = self.mnn.nn
        runtime = nn.create_runtime_manager(({"backend": "CPU", "precision": "high",
                                              "numThread": self.threads, "power": "high"},))
        self.module = nn.load_module_from_file(str(path), [], [], runtime_manager=runtime)

    def prepare(self, x):
        expr = self.mnn.expr
        self.x = expr.const(x, list(x.shape), expr.NCHW)

    def run(self):
        return [o.read() for o in self.module.forward([self.x])]


class OpenCv(Engine):
    package = "opencv-python-headless"

    @staticmethod
    def environment(threads, isa):
        return {"OPENCV_CPU_DISABLE": "AVX512_SKX"} if isa == "avx2" else {}

    def __init__(self, threads):
        super().__init__(threads)
        import cv2
        self.cv2 = cv2
        cv2.setNumThreads(threads)

    def load(self, path):
        self.net = self.cv2.dnn.readNetFromONNX(str(path))
        self.names = self.net.getUnconnectedOutLayersNames()

    def prepare(self, x):
        self.x = x

    def run(self):
        self.net.setInput(self.x)
        return list(self.net.forward(self.names))


ENGINES = {"prusik": Prusik, "onnxruntime": OnnxRuntime, "openvino": OpenVino, "ncnn": Ncnn,
           "mnn": Mnn, "opencv": OpenCv}


def call(command, cwd=None, limit=300):
    done = subprocess.run([str(c) for c in command], cwd=cwd, timeout=limit, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, errors="replace")
    if done.returncode:
        said = done.stdout.strip().splitlines()[-1:] or ["nothing"]
        raise RuntimeError(f"{pathlib.Path(command[0]).name} failed ({done.returncode}): {said[0]}")
    return done.stdout


# ---- one engine in a process of its own ----

def memory(field):
    """VmRSS or VmHWM of this process, in MiB."""
    for line in pathlib.Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) / 1024
    return 0.0


def serve(connection, kind, threads, environment, log):
    """Answers load, warm-up and time requests until the pipe closes."""
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.environ.update(environment)
    before = memory("VmRSS")
    with contextlib.suppress(OSError):
        pathlib.Path("/proc/self/clear_refs").write_text("5")  # restarts the peak
    engine = None
    while True:
        try:
            request, *arguments = connection.recv()
        except EOFError:
            return
        try:
            if request == "load":
                path, x = arguments
                engine = kind(threads)
                began = time.perf_counter()
                engine.load(path)
                loaded = time.perf_counter()
                engine.prepare(x)
                outputs = engine.run()
                first = time.perf_counter()
                peak = memory("VmHWM")
                answer = {"outputs": [np.array(o) for o in outputs], "version": engine.version(),
                          "peak_mib": peak - before, "load_ms": (loaded - began) * 1e3,
                          "first_ms": (first - began) * 1e3}
            else:
                answer = []
                for _ in range(arguments[0] + 1):  # the first one wakes the threads
                    began = time.perf_counter()
                    engine.run()
                    answer.append((time.perf_counter() - began) * 1e3)
                answer = answer[1:]
            connection.send((True, answer))
        except Exception as error:
            connection.send((False, f"{type(error).__name__}: {error}".splitlines()[0][:200]))


class Failed(Exception):
    """An engine that cannot run a network; str() is the reason."""


class Worker:
    def __init__(self, kind, threads, environment, log):
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=serve, daemon=kind.daemon,
                                       args=(theirs, kind, threads, environment, str(log)))
        self.process.start()
        theirs.close()
        self.stopped = False

    def ask(self, *request, limit=300):
        if self.stopped:
            os.kill(self.process.pid, signal.SIGCONT)
            self.stopped = False
        try:
            self.connection.send(request)
            if not self.connection.poll(limit):
                raise Failed(f"no answer within {limit} s")
            good, answer = self.connection.recv()
        except (EOFError, OSError):
            self.process.join(5)
            raise Failed(f"its process died (exit {self.process.exitcode})") from None
        if not good:
            raise Failed(answer)
        return answer

    def rest(self):
        os.kill(self.process.pid, signal.SIGSTOP)
        self.stopped = True

    def close(self):
        self.process.kill()
        self.process.join()
        self.connection.close()
