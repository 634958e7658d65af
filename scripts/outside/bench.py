# SPDX-License-Identifier: Apache-2.0
"""Where a program of other people is built and run, and what makes its network and its input."""
import os
import re
import shutil
import subprocess
import sys
import typing

import numpy as np
import onnx
import onnxruntime as ort
from onnx import helper, numpy_helper
from PIL import Image

FLOAT, UINT8, INT32 = onnx.TensorProto.FLOAT, onnx.TensorProto.UINT8, onnx.TensorProto.INT32

SAMPLES, TOOLS = "Ascend/samples", "Ascend/tools"
CPP2 = "cplusplus/level2_simple_inference/"
PY2 = "python/level2_simple_inference/"


class Failure(Exception):
    """Why a program does not run, or what it got wrong."""


class OwnFault(Exception):
    """What a program does wrong by itself, shown to be so; no row of ours can be made of it."""


class Program(typing.NamedTuple):
    name: str
    repository: str
    folder: str
    what: str  # what was run, for the table
    run: typing.Callable
    has_model: bool = True
    commit: str = ""  # of an older state of the repository


class Network:
    """A small network with random weights, as .onnx."""

    def __init__(self, seed=0):
        self.nodes, self.weights = [], []
        self.random = np.random.default_rng(seed)

    def weight(self, array, kind=np.float32):
        name = "w{}".format(len(self.weights))
        self.weights.append(numpy_helper.from_array(np.asarray(array, kind), name))
        return name

    def node(self, op, *inputs, to=None, **attributes):
        to = to or "t{}".format(len(self.nodes))
        self.nodes.append(helper.make_node(op, inputs, [to], **attributes))
        return to

    def cast(self, x, kind, to=None):
        to = to or "t{}".format(len(self.nodes))
        self.nodes.append(helper.make_node("Cast", [x], [to], to=kind))
        return to

    def normal(self, *shape, scale=1.0):
        return self.weight(self.random.standard_normal(shape) * scale)

    def conv(self, x, channels, kernel, scale, bias=None, to=None, from_channels=3):
        inputs = [x, self.normal(channels, from_channels, kernel, kernel, scale=scale)]
        if bias is not None:
            inputs.append(self.weight(bias))
        return self.node("Conv", *inputs, to=to, strides=[kernel, kernel])

    def save(self, path, inputs, outputs):
        infos = [[helper.make_tensor_value_info(*v) for v in part] for part in (inputs, outputs)]
        graph = helper.make_graph(self.nodes, "net", *infos, self.weights)
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)]), path)


def classifier(path, name, dims, classes=1000, kind=FLOAT, nhwc=False, softmax=False,
               scale=1 / 64):
    """Pictures (raw values about 0 to 255 times scale) to scores that tell them well apart."""
    net, x = Network(), name
    if kind != FLOAT:
        x = net.cast(x, FLOAT)
    if nhwc:
        x = net.node("Transpose", x, perm=[0, 3, 1, 2])
    x = net.node("Mul", x, net.weight(scale))
    x = net.node("Relu", net.conv(x, 32, 8, 0.05))
    x = net.node("Flatten", net.node("GlobalAveragePool", x))
    x = net.node("Gemm", x, net.normal(32, classes), to=None if softmax else "prob")
    if softmax:
        net.node("Softmax", x, to="prob", axis=1)
    net.save(path, [(name, kind, dims)], [("prob", FLOAT, [dims[0], classes])])


def photo(path, width, height, seed):
    """A picture of coloured bands and noise, stored without loss."""
    random = np.random.default_rng(seed)
    small = random.integers(0, 256, (7, 9, 3), np.uint8)
    image = Image.fromarray(small).resize((width, height), Image.BICUBIC)
    pixels = np.clip(np.asarray(image) + random.integers(-9, 10, (height, width, 3)), 0, 255)
    Image.fromarray(pixels.astype(np.uint8)).save(path)
    return pixels.astype(np.uint8)


def softmax(scores):
    power = np.exp(scores.astype(np.float64))
    return power / power.sum(-1, keepdims=True)


def tops(text):
    """The runs of (class, value) lines that classifiers print, ended by any other line or by the
    next `top 1:`."""
    row = re.compile(r"(?:index\[(\d+)\] value\[|label:(\d+)\s+(?:confidence|prob):\s*|"
                     r"^\[(\d+)\]: )([-+.\de]+)", re.M)
    groups, current = [], []
    for line in text.splitlines():
        found = row.search(line)
        if current and (not found or "top 1:" in line):
            groups.append(current)
            current = []
        if found:
            current.append((int(found[1] or found[2] or found[3]), float(found[4])))
    return groups + [current] if current else groups


def check_tops(text, expected, count=5):
    """Each picture's best classes and values, in any order of pictures."""
    groups = tops(text)
    if not groups:
        raise Failure("it printed no classes")
    missing = set(range(len(expected)))
    for group in groups:
        for i, scores in enumerate(expected):
            order = np.argsort(scores)[::-1][:count]
            if [c for c, _ in group] == list(order) and np.allclose(
                    [v for _, v in group], scores[order], rtol=1e-4, atol=2e-6):
                missing.discard(i)
                break
        else:
            raise Failure("classes differ from onnxruntime's: {}".format(group))
    if missing:
        raise Failure("it printed nothing for {} of {} inputs".format(len(missing), len(expected)))


def class_boxes(text):
    """What the YOLOV3 scripts print: class, four corners, score."""
    return re.findall(r"class +(\d+), box +(-?\d+) +(-?\d+) +(-?\d+) +(-?\d+), score +([.\d]+)",
                      text)


def same_rows(ours, theirs, margins):
    """Rows of numbers in any order: programs sort by scores, and near ones may change places."""
    ours, theirs = [np.array([[float(x) for x in row] for row in rows]) for rows in (ours, theirs)]
    if not theirs.size or ours.shape != theirs.shape:
        raise Failure("it found {} boxes instead of {}".format(len(ours), len(theirs)))
    near = (np.abs(ours[:, None] - theirs[None]) <= margins).all(2)
    if not (near.any(0).all() and near.any(1).all()):
        raise Failure("its boxes differ from those of onnxruntime's outputs")


def to_network(pixels):
    """HWC to one float picture, NCHW."""
    return np.ascontiguousarray(pixels.astype(np.float32).transpose(2, 0, 1)[None])


class Bench:
    """Where one program is built and run."""

    def __init__(self, outside, prefix, work, program):
        self.outside, self.prefix, self.work = outside, prefix, work
        self.root = work / "program"
        self.copy(outside / program.repository.split("/")[1], program.folder, self.root,
                  program.commit)
        for name in ("data", "model", "out"):
            (self.root / name).mkdir(exist_ok=True)
        self.environment = {
            **os.environ, "INSTALL_DIR": str(prefix), "CANN_PATH": str(prefix),
            "THIRDPART_PATH": str(prefix), "CPU_ARCH": os.uname().machine,
            # OpenCV 4 renamed these constants; the programs were written for 3.
            "CXXFLAGS": "-w -DCV_LOAD_IMAGE_COLOR=1 -DCV_LOAD_IMAGE_UNCHANGED=-1"
                        " -I/usr/include/opencv4"}

    @staticmethod
    def copy(clone, folder, to, commit=""):
        """What lies in a folder of a clone, as it is or as it was."""
        if not commit:
            shutil.copytree(clone / folder, to, ignore=shutil.ignore_patterns(".git"))
            return
        done = subprocess.run(["git", "-C", clone, "archive", "--format=tar",
                               "{}:{}".format(commit, folder)], capture_output=True, check=True)
        to.mkdir()
        subprocess.run(["tar", "-x", "-C", to], input=done.stdout, check=True)

    def shell(self, command, folder=None, timeout=300, **more):
        done = subprocess.run(
            ["bash", "-c", ". {}/set_env.sh; {}".format(self.prefix, command)],
            cwd=folder or self.root, env={**self.environment, **more}, text=True, timeout=timeout,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, errors="replace")
        if done.returncode != 0:
            raise Failure("`{}` exits with {}: {}".format(
                command.split(";")[-1].strip(), done.returncode,
                " / ".join(done.stdout.strip().splitlines()[-3:])))
        return done.stdout

    def convert(self, source, target, *options):
        self.shell("atc --framework=5 --soc_version=Ascend310 --model={} --output={} {}".format(
            source, target, " ".join("'{}'".format(o) for o in options)))

    def cmake(self):
        build = self.root / "build" / "intermediates" / "host"
        shutil.rmtree(build, ignore_errors=True)
        build.mkdir(parents=True)
        self.shell("cmake ../../../src -DCMAKE_CXX_COMPILER=g++ -DCMAKE_SKIP_RPATH=TRUE && make",
                   build)

    def program(self, arguments="", own_error=None):
        text = self.shell("./main " + arguments, self.root / "out")
        errors = [line for line in re.findall(r".*\[ERROR\].*", text)
                  if not own_error or own_error not in line]
        if errors:
            raise Failure(errors[0])
        return text

    def sanitizer_report(self, arguments=""):
        """The program once more, built with AddressSanitizer: what that says."""
        self.environment["CXXFLAGS"] += " -g -fsanitize=address"
        self.cmake()
        return self.shell("./main {} 2>&1 || true".format(arguments), self.root / "out",
                          ASAN_OPTIONS="detect_leaks=0")

    def script(self, name, arguments="", folder="src", path=None, **more):
        """With path, modules come from there instead of our own acllite."""
        search = "export PYTHONPATH={}:{}; ".format(
            self.prefix / "python" / "site-packages", path) if path else ""
        return self.shell("{}{} {} {}".format(search, sys.executable, name, arguments),
                          self.root / folder, **more)


def reference(model, feeds):
    return ort.InferenceSession(model).run(None, feeds)
