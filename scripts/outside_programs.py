#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Builds and runs programs of other people, unmodified, against an installed tree.

usage: scripts/outside_programs.py FOLDER PREFIX [--only NAME] [--csv FILE]

FOLDER holds clones of the repositories of the programs, each by its bare name (Ascend/samples as
FOLDER/samples); what is not there counts as failed. PREFIX is what `make install PREFIX=...`
filled. Each program is copied to a temporary folder, gets a model of
the interface it expects (a small network with random weights, made here and converted by atc) and
its input where it looks for them, is built by its own build files, and run. What it prints or writes
is compared with what onnxruntime says for the same input. Prints a table; --csv writes it too
(docs/outside_programs.csv, from which scripts/make_docs.py makes the list in
docs/compatibility.md). Exit status 1 when a program fails.

Needs Debian's g++, cmake, libopencv-dev and python3-dev, and an interpreter with numpy, pillow,
onnx, onnxruntime, opencv-python-headless, pybind11, setuptools and tqdm; for yolov5-ascend also
torch and torchvision (of any version: Debian's python3-torch and python3-torchvision do), for
pyacl_samples ipython and nbformat.
"""
import argparse
import ast
import csv
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import typing

import numpy as np
import onnx
import onnxruntime as ort
from onnx import helper, numpy_helper
from PIL import Image

FLOAT, UINT8, INT32 = onnx.TensorProto.FLOAT, onnx.TensorProto.UINT8, onnx.TensorProto.INT32

CPP1 = "cplusplus/level1_single_api/1_acl/2_memory_management/"
CPP2 = "cplusplus/level2_simple_inference/"
PY1 = "python/level1_single_api/1_acl/2_memory_management/"
PY2 = "python/level2_simple_inference/"

# Stands in for acllite where a program's own postprocessing has to run on onnxruntime's outputs.
ORT_ACLLITE = {
    "acllite_resource.py": "class AclLiteResource:\n    def init(self):\n        pass\n",
    "acllite_model.py": """\
import os
import onnxruntime
class AclLiteModel:
    def __init__(self, path):
        self.session = onnxruntime.InferenceSession(os.path.splitext(path)[0] + ".onnx")
    def execute(self, arrays):
        names = [i.name for i in self.session.get_inputs()]
        return self.session.run(None, {n: a[None] for n, a in zip(names, arrays)})
"""}

# The same for a program with a model class of its own on pyACL, and for a notebook that asks the
# model's description for sizes besides.
ORT_NET = """\
import os
import numpy
import onnxruntime
class Net:
    def __init__(self, device, path):
        self.session = onnxruntime.InferenceSession(os.path.splitext(path)[0] + ".onnx")
    def run(self, arrays):
        one, = self.session.get_inputs()
        return [y.view(numpy.int8).ravel() for y in self.session.run(
            None, {one.name: arrays[0].reshape(one.shape)})]
"""
ORT_DESCRIBED = ORT_ACLLITE["acllite_model.py"].replace("path):", """path, load_type=0):
        import acl
        self._model_desc = acl.mdl.create_desc()
        assert acl.mdl.get_desc_from_file(self._model_desc, path) == 0""")


class Failure(Exception):
    """Why a program does not run, or what it got wrong."""


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
        infos = [[helper.make_tensor_value_info(*v) for v in values] for values in (inputs, outputs)]
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
    """The runs of (class, value) lines that classifiers print, ended by any other line."""
    row = re.compile(r"(?:index\[(\d+)\] value\[|label:(\d+)\s+confidence:\s*|^\[(\d+)\]: )"
                     r"([-+.\de]+)", re.M)
    groups, current = [], []
    for line in text.splitlines():
        found = row.search(line)
        if found:
            current.append((int(found[1] or found[2] or found[3]), float(found[4])))
        elif current:
            groups.append(current)
            current = []
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


class Bench:
    """Where one program is built and run."""

    def __init__(self, outside, prefix, work, program):
        self.outside, self.prefix, self.work = outside, prefix, work
        self.root = work / "program"
        shutil.copytree(outside / program.repository.split("/")[1] / program.folder, self.root,
                        ignore=shutil.ignore_patterns(".git"))
        for name in ("data", "model", "out"):
            (self.root / name).mkdir(exist_ok=True)
        self.environment = {
            **os.environ, "INSTALL_DIR": str(prefix), "CANN_PATH": str(prefix),
            "THIRDPART_PATH": str(prefix), "CPU_ARCH": os.uname().machine,
            # OpenCV 4 renamed this constant; the programs were written for 3.
            "CXXFLAGS": "-w -DCV_LOAD_IMAGE_COLOR=1 -I/usr/include/opencv4"}

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

    def script(self, name, arguments="", folder="src", path=None, **more):
        """With path, modules come from there instead of our own acllite."""
        search = "export PYTHONPATH={}:{}; ".format(
            self.prefix / "python" / "site-packages", path) if path else ""
        return self.shell("{}{} {} {}".format(search, sys.executable, name, arguments),
                          self.root / folder, **more)


def reference(model, feeds):
    return ort.InferenceSession(model).run(None, feeds)


def hello(bench):
    bench.cmake()
    bench.program()


def memory_cpp(bench, arguments):
    bench.cmake()
    memory_text(bench.program("--release_cycle 2 --number_of_cycles 2 --device_id 0 "
                              "--memory_size 1048576 " + arguments))


def memory_python(bench, script, arguments):
    memory_text(bench.script(script, "--release_cycle 2 --number_of_cycles 1 --memory_size 1048576 "
                             + arguments))


def memory_text(text):
    if re.search(r"fail|error", text, re.I):
        raise Failure(re.search(r".*(?:fail|error).*", text, re.I).group())


def raw_files(bench, model, options=(), batch=1, kind=np.float32):
    """A classifier that reads dog1_1024_683.bin and dog2_1024_683.bin as they are."""
    source = bench.work / "net.onnx"
    classifier(source, "data", [batch, 3, 224, 224], softmax=True)
    bench.convert(source, bench.root / "model" / model, *options)
    inputs = []
    for i in range(2):
        pixels = photo(bench.work / "{}.png".format(i), 224, 224, i)
        array = np.ascontiguousarray(pixels.transpose(2, 0, 1)[None].astype(kind))
        array.tofile(bench.root / "data" / "dog{}_1024_683.bin".format(i + 1))
        inputs.append(array.astype(np.float32))
    joined = [np.concatenate(inputs)] if batch != 1 else inputs
    return [scores for x in joined for scores in reference(source, {"data": x})[0]]


def first_app(bench):
    expected = raw_files(bench, "resnet50")[:1]
    bench.cmake()
    check_tops(bench.program(), expected)


def resnet_cpp(bench, arguments="", count=5):
    expected = raw_files(bench, "resnet50", ["--input_fp16_nodes=data"], kind=np.float16)
    bench.cmake()
    check_tops(bench.program(arguments), expected, count)


def googlenet_cpp(bench, model, options):
    expected = raw_files(bench, model, options, "n" if options else 2)
    bench.cmake()
    check_tops(bench.program(), expected)


def pillow_python(bench, arguments=""):
    """The scripts that shrink to 256 x 256, crop, subtract means and pass fp16."""
    source = bench.work / "net.onnx"
    classifier(source, "data", [1, 3, 224, 224], softmax=True)
    bench.convert(source, bench.root / "model" / "resnet50", "--input_fp16_nodes=data")
    expected = []
    for i in range(2):
        pixels = photo(bench.root / "data" / "{}.png".format(i), 256, 256, i)
        x = pixels[16:240, 16:240, ::-1].astype(np.float32) - np.float32([104, 117, 123])
        expected.append(reference(source, {"data": x.transpose(2, 0, 1)[None]})[0][0])
    check_tops(bench.script("acl_net.py", arguments), expected)


def quick_start(bench, run):
    source = bench.work / "net.onnx"
    classifier(source, "data", [1, 3, 224, 224], scale=1)
    bench.convert(source, bench.root / "model" / "resnet50")
    pixels = photo(bench.root / "data" / "one.png", 224, 224, 5)
    x = (pixels - np.float32([123.675, 116.28, 103.53])) * np.float32(
        [0.0171247538316637, 0.0175070028011204, 0.0174291938997821])
    expected = softmax(reference(source, {"data": x.transpose(2, 0, 1)[None].copy()})[0])
    check_tops(run(bench), expected)


def quick_start_cpp(bench):
    def run(bench):
        bench.cmake()
        return bench.program()
    quick_start(bench, run)


def quick_start_python(bench):
    quick_start(bench, lambda bench: bench.script("sampleResnetQuickStart.py"))


def jpeg(path, side, seed):
    """A square JPEG of one tint, and the NV12 that libjpeg's YCbCr of it is; with a tint no way of
    enlarging chroma makes a difference."""
    random = np.random.default_rng(seed)
    small = Image.fromarray(random.integers(30, 220, (9, 9), np.uint8)).resize((side, side))
    planes = [np.asarray(small)] + [np.full((side, side), random.integers(90, 160), np.uint8)
                                    for _ in range(2)]
    Image.fromarray(np.stack(planes, -1), "YCbCr").save(path, quality=97)
    file = Image.open(path)
    file.draft("YCbCr", file.size)
    luma, *chroma = np.moveaxis(np.asarray(file), -1, 0)
    pairs = np.stack([plane[::2, ::2] for plane in chroma], -1).reshape(side // 2, side)
    return np.concatenate([luma, pairs])


def yuv_classifier(path, batch, side):
    """NV12 as it lies in memory to scores."""
    net = Network()
    x = net.node("Mul", net.cast("data", FLOAT), net.weight(1 / 64))
    x = net.node("Unsqueeze", x, net.weight([1], np.int64))
    x = net.node("Relu", net.conv(x, 32, 8, 0.05, from_channels=1))
    x = net.node("Flatten", net.node("GlobalAveragePool", x))
    net.node("Softmax", net.node("Gemm", x, net.normal(32, 1000)), to="prob", axis=1)
    net.save(path, [("data", UINT8, [batch, side * 3 // 2, side])],
             [("prob", FLOAT, [batch, 1000])])


def dvpp_python(bench, model, batch, count, *options, acllite=None):
    """Pictures through JPEGD and VPC; they have the model's size, so that scaling copies. acllite
    names the folder of another than ours."""
    source = bench.work / "net.onnx"
    yuv_classifier(source, batch, 224)
    bench.convert(source, bench.root / "model" / model, *options)
    pictures = np.stack([jpeg(bench.root / "data" / "{}.jpg".format(i), 224, i)
                         for i in range(count)])
    session, size = ort.InferenceSession(source), batch if isinstance(batch, int) else 1
    scores = []
    for start in range(0, count, size):
        part = pictures[start:start + size]
        whole = np.concatenate([part, np.zeros((size - len(part), 336, 224), np.uint8)])
        scores += list(session.run(None, {"data": whole})[0][:len(part)])
    more = {} if acllite is None else {"path": bench.outside / acllite}
    check_tops(bench.script("classify.py", "../data", **more), scores)


def yolov3_python(bench):
    """Boxes the network makes up from the picture's bytes, in the output form of the sample's
    detection layer."""
    source, net, side = bench.work / "net.onnx", Network(11), 416
    x = net.node("Mul", net.cast("data", FLOAT), net.weight(1 / 64))
    x = net.node("Unsqueeze", x, net.weight([1], np.int64))
    x = net.node("Sigmoid", net.conv(x, 6, 104, 0.002, from_channels=1))
    # 6 x 4 of the 6 rows and columns of tiles: x, y, x, y, score, class of four boxes
    x = net.node("Slice", net.node("Reshape", x, net.weight([1, 6, -1], np.int64)),
                 net.weight([0], np.int64), net.weight([4], np.int64), net.weight([2], np.int64))
    sizes = net.node("Concat", "img_info", net.weight([[1, 79]]), axis=1)
    net.node("Mul", x, net.node("Reshape", sizes, net.weight([1, 6, 1], np.int64)), to="boxes")
    four = net.node("Mul", net.node("ReduceSum", "boxes", keepdims=0), net.weight(0))
    four = net.node("Reshape", net.node("Add", four, net.weight(4)), net.weight([1, 1], np.int64))
    net.cast(four, INT32, "number")
    net.save(source, [("data", UINT8, [1, side * 3 // 2, side]), ("img_info", FLOAT, [1, 4])],
             [("boxes", FLOAT, [1, 6, 4]), ("number", INT32, [1, 1])])
    bench.convert(source, bench.root / "model" / "yolov3_yuv")
    picture = jpeg(bench.root / "data" / "one.jpg", side, 6)
    want = reference(source, {"data": picture[None], "img_info": np.full((1, 4), side, np.float32)})
    text = bench.script("object_detect.py", "../data")
    rows = re.findall(r"class +(\d+), box +(-?\d+) +(-?\d+) +(-?\d+) +(-?\d+), score +([.\d]+)",
                      text)
    boxes = want[0][0].T
    same_rows(rows, [[int(row[5]), *row[:4], row[4]] for row in boxes], [0, 1, 1, 1, 1, 1e-4])


def dynamic_hw(bench):
    source = bench.work / "net.onnx"
    classifier(source, "data", [1, 3, "h", "w"], kind=UINT8)
    bench.convert(source, bench.root / "model" / "tf_resnet50", "--input_shape=data:1,3,-1,-1",
                  "--dynamic_image_size=200,200;224,224")
    # The script cuts a tenth off each side, then shrinks: 280 - 2 x 28 = 224. It passes the bytes of
    # an NHWC picture; ONNX has NCHW, so both sides read the same bytes in that order.
    pixels = photo(bench.root / "data" / "one.png", 280, 280, 4)[28:252, 28:252]
    x = np.ascontiguousarray(pixels).reshape(1, 3, 224, 224)
    expected = softmax(reference(source, {"data": x})[0])
    check_tops(bench.script("acl_net.py", "--h 224 --w 224"), expected)


def dynamic_dims(bench):
    source = bench.work / "net.onnx"
    classifier(source, "Placeholder", ["n", "h", "w", 3], classes=1001, nhwc=True, scale=1)
    bench.convert(source, bench.root / "model" / "resnet50", "--input_format=ND",
                  "--input_shape=Placeholder:-1,-1,-1,3",
                  "--dynamic_dims=1,200,200;2,200,200;1,224,224;2,224,224")
    # One colour each, so that no way of shrinking makes a difference.
    pixels = np.uint8([[250, 120, 30], [20, 200, 90]])
    for i, colour in enumerate(pixels):
        Image.new("RGB", (224, 224), tuple(map(int, colour))).save(
            bench.root / "data" / "{}.png".format(i))
    x = (pixels - np.float32([104, 117, 123])) * np.float32(1 / 70)
    expected = softmax(reference(source, {"Placeholder": np.tile(
        x[:, None, None], (1, 224, 224, 1)).astype(np.float32)})[0])
    bench.cmake()
    # A member's destructor unloads the model after the destructor of the whole called aclFinalize.
    text = bench.program(own_error="unload model failed")
    check_tops(text, expected)
    if len(tops(text)) != 4:
        raise Failure("two sizes of two pictures made {} results".format(len(tops(text))))


def yolov4_python(bench):
    # Small weights: where scores saturate, boxes have equal ones, and which of them suppresses the
    # others hangs on the last bit of a sum, in which two correct libraries differ.
    source = bench.root / "model" / "yolov4_bs1.onnx"
    net, outputs = Network(3), []
    bias = np.full((3, 85), -2.0, np.float32)
    bias[:, :4], bias[:, 4] = 0, -2.5
    for stride in (32, 16, 8):
        name = "out{}".format(stride)
        net.conv("images", 255, stride, 0.9 / stride, bias.ravel(), to=name)
        outputs.append((name, FLOAT, [1, 255, 608 // stride, 608 // stride]))
    net.save(source, [("images", FLOAT, [1, 3, 608, 608])], outputs)
    bench.convert(source, source.with_suffix(""))
    for i in range(2):
        photo(bench.root / "data" / "{}.png".format(i), 640, 480, i)
    shim = bench.work / "shim"
    shim.mkdir()
    for name, text in ORT_ACLLITE.items():
        (shim / name).write_text(text)
    site = bench.prefix / "python" / "site-packages"
    ours = bench.script("yolov4.py")
    theirs = subprocess.run(
        [sys.executable, "yolov4.py"], cwd=bench.root / "src", text=True, capture_output=True,
        env={**bench.environment, "PYTHONPATH": ":".join(map(str, (
            shim, site, site / "prusik_flat")))})
    if theirs.returncode:
        raise Failure("on onnxruntime it fails too: " + theirs.stderr.strip().splitlines()[-1])
    same_boxes(ours, theirs.stdout)


def same_boxes(text, expected):
    """The dictionaries two runs print; boxes are whole pixels, which rounding may move by one."""
    got, want = [[ast.literal_eval(line) for line in re.findall(r"^result = +(.*)", t, re.M)]
                 for t in (text, expected)]
    if not want or not all(result["detection_boxes"] for result in want):
        raise Failure("no box was found, which compares nothing")
    for ours, theirs in zip(got, want, strict=True):
        if ours["detection_classes"] != theirs["detection_classes"] or any(
                not np.allclose(ours[name], theirs[name], rtol=1e-3, atol=margin)
                for name, margin in (("detection_boxes", 1), ("detection_scores", 0))):
            raise Failure("its boxes differ from those of onnxruntime's outputs")


def ssd_cpp(bench):
    # The program truncates scores to whole percent. With larger weights some are 0.99999995, which
    # is 99 or 100 by the last bit of a sum of 2700 products (in double it lies between the two
    # floats, so neither library is wrong); these weights keep the sigmoid away from 1.
    source, net = bench.work / "net.onnx", Network(7)
    x = net.conv("data", 16, 30, 0.0004)
    x = net.node("Reshape", net.node("Sigmoid", x), net.weight([1, 200, 8], np.int64), to="boxes")
    total = net.node("ReduceSum", x, keepdims=0)
    total = net.node("Add", net.node("Mul", total, net.weight(0)), net.weight(200))
    net.cast(net.node("Reshape", total, net.weight([1, 1], np.int64)), INT32, "number")
    net.save(source, [("data", FLOAT, [1, 3, 300, 300])],
             [("number", INT32, [1, 1]), ("boxes", FLOAT, [1, 200, 8])])
    bench.convert(source, bench.root / "model" / "vgg_ssd")
    pixels = photo(bench.root / "data" / "one.png", 300, 300, 9)
    x = pixels[:, :, ::-1] - np.float32([104, 117, 123])
    boxes = reference(source, {"data": x.transpose(2, 0, 1)[None].copy()})[1][0]
    scores = (boxes[:, 2] * 100).astype(int)
    expected = list(scores[(scores >= 85) & (scores <= 100)])
    (bench.root / "out" / "output").mkdir()
    bench.cmake()
    text = bench.program()
    got = [int(n) for n in re.findall(r"score = (\d+)", text)]
    if not expected or not np.array_equal(got, expected) or "boxNum = 200" not in text:
        raise Failure("scores {} instead of {}".format(got[:8], expected[:8]))
    if not list((bench.root / "out" / "output").iterdir()):
        raise Failure("it wrote no picture")


def yolo_rows(path, size, logit=-4.5):
    """A detector of three strides in one output: rows of x, y, width and height in pixels, then
    confidences of 0 to 1, a few of them above a half."""
    net, rows = Network(3), []
    bias = np.full((3, 85), logit, np.float32)
    bias[:, :2], bias[:, 2:4], bias[:, 4] = 0, -2, -1.5
    scale = np.full((1, 1, 85), 1, np.float32)
    scale[..., :4] = size
    for stride in (8, 16, 32):
        side = size // stride
        x = net.conv("images", 255, stride, 1.5 / stride, bias.ravel())
        x = net.node("Reshape", x, net.weight([1, 3, 85, side * side], np.int64))
        x = net.node("Transpose", x, perm=[0, 1, 3, 2])
        rows.append(net.node("Reshape", x, net.weight([1, 3 * side * side, 85], np.int64)))
    x = net.node("Sigmoid", net.node("Concat", *rows, axis=1))
    net.node("Mul", x, net.weight(scale), to="output")
    count = sum(3 * (size // stride) ** 2 for stride in (8, 16, 32))
    net.save(path, [("images", FLOAT, [1, 3, size, size])], [("output", FLOAT, [1, count, 85])])


def same_rows(ours, theirs, margins):
    """Rows of numbers in any order: programs sort by scores, and near ones may change places."""
    ours, theirs = [np.array([[float(x) for x in row] for row in rows]) for rows in (ours, theirs)]
    if not theirs.size or ours.shape != theirs.shape:
        raise Failure("it found {} boxes instead of {}".format(len(ours), len(theirs)))
    near = (np.abs(ours[:, None] - theirs[None]) <= margins).all(2)
    if not (near.any(0).all() and near.any(1).all()):
        raise Failure("its boxes differ from those of onnxruntime's outputs")


def yolov5_script(bench):
    source = bench.root / "ascend" / "yolov5s.onnx"
    source.with_suffix(".om").unlink(missing_ok=True)
    yolo_rows(source, 640)
    bench.convert(source, source.with_suffix(""))
    bench.script("detect_yolov5_ascend.py", folder=".")
    (bench.root / "acl_net.py").write_text(ORT_NET)
    bench.script("detect_yolov5_ascend.py", folder=".")
    labels = [path.name for path in (bench.root / "img_out" / "exp2" / "labels").iterdir()]
    if len(labels) != len(list((bench.root / "img").iterdir())):
        raise Failure("no box was found on some picture, which compares nothing")
    for name in labels:
        # class, four whole pixels, confidence: what rounds at a half may differ by a pixel
        same_rows(*[[line.split() for line in (bench.root / "img_out" / run / "labels" / name)
                     .read_text().splitlines()] for run in ("exp", "exp2")], [0, 1, 1, 1, 1, 1e-4])


def yolov7_notebook(bench, acllite):
    """The notebook as it is; acllite says whose: of its own repository, or ours."""
    folder = bench.root / "PyTorch" / "YOLOv7"
    source = folder / "model" / "yolov7.onnx"
    yolo_rows(source, 640)
    bench.convert(source, source.with_suffix(""))
    shim = bench.work / "shim"
    shim.mkdir()
    for name, text in {**ORT_ACLLITE, "acllite_model.py": ORT_DESCRIBED}.items():
        (shim / name).write_text(text)
    site = bench.prefix / "python" / "site-packages"
    texts = []
    for path in ([site] if acllite == "theirs" else [site, site / "prusik_flat"], [shim, site]):
        text = bench.shell("export PYTHONPATH={}; {} -m IPython acl_yolov7.ipynb".format(
            ":".join(map(str, path)), sys.executable), folder)
        text = re.sub(r"np\.float\d+\((.*?)\)", r"\1", text)  # how NumPy 2 writes them
        texts.append([re.findall(r"-?[\d.]+", line)
                      for line in re.findall(r"^\[[-\d., ]+\] [\d.]+ \d+", text, re.M)])
    same_rows(*texts, [1, 1, 1, 1, 1e-4, 0])


def two_inputs(bench):
    """A network for the tools: files for two inputs, and what onnxruntime makes of them."""
    source, net = bench.work / "net.onnx", Network()
    net.node("Exp", net.node("Add", "a", "b"), to="y")
    net.node("MatMul", "a", net.normal(6, 4), to="z")
    net.save(source, [("a", FLOAT, [2, 6]), ("b", FLOAT, [2, 6])],
             [("y", FLOAT, [2, 6]), ("z", FLOAT, [2, 4])])
    bench.convert(source, bench.work / "net")
    feeds = dict(zip("ab", net.random.standard_normal((2, 2, 6)).astype(np.float32)))
    for name, array in feeds.items():
        array.tofile(bench.work / (name + ".bin"))
    return reference(source, feeds)


def check_files(folder, expected):
    for i, want in enumerate(expected):
        found = list(folder.rglob("*_{}.bin".format(i)))
        if len(found) != 1:
            raise Failure("{} files hold output {}".format(len(found), i))
        got = np.fromfile(found[0], np.float32)
        if got.size != want.size or not np.allclose(got.reshape(want.shape), want, rtol=1e-5):
            raise Failure("output {} differs from onnxruntime's".format(i))


def msame(bench):
    expected = two_inputs(bench)
    bench.shell("bash build.sh g++ {}".format(bench.root / "out"))
    text = bench.shell("out/msame --model {0}/net.om --input {0}/a.bin,{0}/b.bin --output {0}/result "
                       "--outfmt BIN --loop 2".format(bench.work))
    if "[ERROR]" in text:
        raise Failure(re.search(r".*\[ERROR\].*", text).group())
    check_files(bench.work / "result", expected)


def ais_bench(bench):
    expected = two_inputs(bench)
    bench.shell("{} setup.py -q build_ext --build-lib {} --build-temp {}".format(
        sys.executable, bench.work / "lib", bench.work / "temp"), bench.root / "backend")
    for mode in ("array", "tensor"):
        bench.shell("export PYTHONPATH={0}/lib:{1}:$PYTHONPATH; {2} -m ais_bench "
                    "--model {0}/net.om --input {0}/a.bin,{0}/b.bin --output {0}/{3} "
                    "--output_dirname r --run_mode {3}".format(
                        bench.work, bench.root, sys.executable, mode), bench.work)
        check_files(bench.work / mode / "r", expected)


class Program(typing.NamedTuple):
    name: str
    repository: str
    folder: str
    what: str  # what was run, for the table
    run: typing.Callable
    has_model: bool = True


SAMPLES, TOOLS = "Ascend/samples", "Ascend/tools"
DYNAMIC_BATCH = ["--input_shape=data:-1,3,224,224", "--dynamic_batch_size=1,2"]
PROGRAMS = [
    Program("ACLHelloWorld", SAMPLES, "inference/ACLHelloWorld", "main", hello, False),
    Program("memcpy_host_device, C++", SAMPLES, CPP1 + "memcpy_host_device_cpp", "main",
            lambda b: memory_cpp(b, "--write_back_host 1 --memory_reuse 1"), False),
    Program("memcpy_host_device_async, C++", SAMPLES, CPP1 + "memcpy_host_device_async_cpp", "main",
            lambda b: memory_cpp(b, ""), False),
    Program("memcpy_host_DVPP, C++", SAMPLES, CPP1 + "memcpy_host_DVPP_cpp", "main",
            lambda b: memory_cpp(b, "--memory_reuse 1"), False),
    Program("memcpy_host_device, Python", SAMPLES, PY1 + "memcpy_host_device_python",
            "memcpy_host_device.py", lambda b: memory_python(
                b, "memcpy_host_device.py", "--write_back_host"), False),
    Program("memcpy_host_device_async, Python", SAMPLES, PY1 + "memcpy_host_device_async_python",
            "memcpy_host_device_async_python.py", lambda b: memory_python(
                b, "memcpy_host_device_async_python.py", ""), False),
    Program("memcpy_host_DVPP, Python", SAMPLES, PY1 + "memcpy_host_DVPP_python",
            "memcpy_host_dvpp.py", lambda b: memory_python(
                b, "memcpy_host_dvpp.py", "--memory_reuse"), False),
    Program("resnet50_firstapp, C++", SAMPLES, CPP2 + "1_classification/resnet50_firstapp",
            "one fp32 file", first_app),
    Program("resnet50_imagenet_classification, C++", SAMPLES,
            CPP2 + "1_classification/resnet50_imagenet_classification", "two fp16 files",
            resnet_cpp),
    Program("resnet50_imagenet_classification, Python", SAMPLES,
            PY2 + "1_classification/resnet50_imagenet_classification", "two pictures",
            pillow_python),
    Program("resnet50_async_imagenet_classification, C++", SAMPLES,
            CPP2 + "1_classification/resnet50_async_imagenet_classification",
            "two fp16 files, 4 executions, a callback for each", lambda b: resnet_cpp(
                b, "4 1 4", 1)),
    Program("resnet50_async_imagenet_classification, Python", SAMPLES,
            PY2 + "1_classification/resnet50_async_imagenet_classification", "two pictures",
            pillow_python),
    Program("sampleResnetQuickStart, C++", SAMPLES,
            "inference/modelInference/sampleResnetQuickStart", "one picture", quick_start_cpp),
    Program("sampleResnetQuickStart, Python", SAMPLES,
            "inference/modelInference/sampleResnetQuickStart/python", "one picture",
            quick_start_python),
    Program("googlenet_imagenet_multi_batch, C++", SAMPLES,
            CPP2 + "1_classification/googlenet_imagenet_multi_batch", "a batch of two files",
            lambda b: googlenet_cpp(b, "googlenet_multibatch", [])),
    Program("googlenet_imagenet_dynamic_batch, C++", SAMPLES,
            CPP2 + "1_classification/googlenet_imagenet_dynamic_batch", "batch size 2 of 1 and 2",
            lambda b: googlenet_cpp(b, "googlenet_dynamicbatch", DYNAMIC_BATCH)),
    Program("googlenet_imagenet_multi_batch, Python", SAMPLES,
            PY2 + "1_classification/googlenet_imagenet_multi_batch",
            "twelve JPEGs in batches of ten, on our acllite",
            lambda b: dvpp_python(b, "googlenet_yuv", 10, 12)),
    Program("googlenet_imagenet_dynamic_batch, Python", SAMPLES,
            PY2 + "1_classification/googlenet_imagenet_dynamic_batch",
            "two JPEGs, batch size 2 of 1, 2, 4 and 8, on our acllite",
            lambda b: dvpp_python(b, "googlenet_dynamic_batch", "n", 2,
                                  "--input_shape=data:-1,336,224", "--dynamic_batch_size=1,2,4,8")),
    Program("googlenet_imagenet_picture, Python", SAMPLES,
            PY2 + "1_classification/googlenet_imagenet_picture",
            "two JPEGs, on the acllite of its repository",
            lambda b: dvpp_python(b, "googlenet_yuv", 1, 2,
                                  acllite="samples/python/common/acllite")),
    Program("YOLOV3_coco_detection_picture, Python", SAMPLES,
            PY2 + "2_object_detection/YOLOV3_coco_detection_picture", "one JPEG, on our acllite",
            yolov3_python),
    Program("resnet50_imagenet_dynamic_hw, Python", SAMPLES,
            PY2 + "1_classification/resnet50_imagenet_dynamic_hw", "one picture, 224 x 224",
            dynamic_hw),
    Program("resnet50_imagenet_dynamic_dims, C++", SAMPLES,
            CPP2 + "1_classification/resnet50_imagenet_dynamic_dims",
            "two pictures at 224 x 224 and 200 x 200", dynamic_dims),
    Program("YOLOV4_coco_detection_picture, Python", SAMPLES,
            PY2 + "2_object_detection/YOLOV4_coco_detection_picture", "two pictures", yolov4_python),
    Program("VGG_SSD_coco_detection_CV_without_AIPP, C++", SAMPLES,
            CPP2 + "2_object_detection/VGG_SSD_coco_detection_CV_without_AIPP", "one picture",
            ssd_cpp),
    Program("yolov5-ascend, Python", "jackhanyuan/yolov5-ascend", ".",
            "detect_yolov5_ascend.py, two photos", yolov5_script),
    Program("YOLOv7 of pyacl_samples, Python", "HuaweiAIFAE/pyacl_samples", ".",
            "acl_yolov7.ipynb with the acllite of its repository, one photo",
            lambda b: yolov7_notebook(b, "theirs")),
    Program("YOLOv7 of pyacl_samples on our acllite, Python", "HuaweiAIFAE/pyacl_samples", ".",
            "acl_yolov7.ipynb with the acllite of set_env.sh, one photo",
            lambda b: yolov7_notebook(b, "ours")),
    Program("msame", TOOLS, "msame", "two inputs, two outputs, --loop 2", msame),
    Program("ais_bench and aclruntime", TOOLS, "ais-bench_workload/tool/ais_bench",
            "two inputs, two outputs, run modes array and tensor", ais_bench),
]


def commit(folder):
    done = subprocess.run(["git", "-C", folder, "rev-parse", "--short=12", "HEAD"], text=True,
                          capture_output=True)
    return done.stdout.strip() or "unknown"


def attempt(program, outside, prefix):
    """(result, reason) of one program."""
    with tempfile.TemporaryDirectory() as work:
        try:
            program.run(Bench(outside, prefix, pathlib.Path(work), program))
        except Failure as why:
            return "fails", str(why).replace(work, "")
        except subprocess.TimeoutExpired as late:
            return "fails", "still running after {:.0f} s".format(late.timeout)
        except OSError as error:
            return "fails", str(error).replace(work, "")
    return "equal" if program.has_model else "runs", ""


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("prefix", type=pathlib.Path)
    parser.add_argument("--only", default="", help="programs whose name holds this")
    parser.add_argument("--csv", type=pathlib.Path, help="write the table here")
    args = parser.parse_args()
    if not (args.prefix / "set_env.sh").is_file():
        parser.error("{} holds no set_env.sh; run make install PREFIX=...".format(args.prefix))
    rows, missing = [], 0
    for program in PROGRAMS:
        if args.only not in program.name:
            continue
        clone = args.folder / program.repository.split("/")[1]
        if not (clone / program.folder).is_dir():
            print("absent {}: clone {} to {}".format(program.name, program.repository, clone))
            missing += 1
            continue
        result, reason = attempt(program, args.folder.resolve(), args.prefix.resolve())
        rows.append((program.name, program.repository, commit(clone), program.what, result, reason))
        print("{:6} {} ({}){}".format(result, program.name, program.what,
                                      ": " + reason if reason else ""), flush=True)
    if args.csv:
        with open(args.csv, "w", newline="", encoding="utf-8") as file:
            table = csv.writer(file, lineterminator="\n")
            table.writerow(["program", "repository", "commit", "run", "result", "reason"])
            table.writerows(rows)
    return 1 if missing or any(row[4] == "fails" for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
