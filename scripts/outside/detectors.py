# SPDX-License-Identifier: Apache-2.0
"""Detectors that scale their pictures themselves."""
import ast
import re
import subprocess
import sys

import cv2
import numpy as np

from outside.bench import (CPP2, FLOAT, INT32, PY2, SAMPLES, Failure, Network, Program, photo,
                           reference, same_rows, to_network)
from outside.pictures import near

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


def ssd_network(path, low=0.0, span=1.0):
    """Two hundred boxes of eight numbers between low and low + span, and their number.

    Programs truncate scores to whole percent. With larger weights some are 0.99999995, which is 99
    or 100 by the last bit of a sum of 2700 products (in double it lies between the two floats, so
    neither library is wrong); these weights keep the sigmoid away from 1."""
    net = Network(7)
    x = net.node("Sigmoid", net.conv("data", 16, 30, 0.0004))
    x = net.node("Add", net.node("Mul", x, net.weight(span)), net.weight(low))
    x = net.node("Reshape", x, net.weight([1, 200, 8], np.int64), to="boxes")
    total = net.node("ReduceSum", x, keepdims=0)
    total = net.node("Add", net.node("Mul", total, net.weight(0)), net.weight(200))
    net.cast(net.node("Reshape", total, net.weight([1, 1], np.int64)), INT32, "number")
    net.save(path, [("data", FLOAT, [1, 3, 300, 300])],
             [("number", INT32, [1, 1]), ("boxes", FLOAT, [1, 200, 8])])


def ssd_check(bench, source, x, picture, lowest):
    """Builds and runs a program on a picture in data/; x is what the network gets of it. What the
    program draws is drawn here, too; where the picture is a JPEG, it is one again afterwards."""
    (bench.root / "out" / "output").mkdir()
    bench.cmake()
    text = bench.program()
    boxes = reference(source, {"data": to_network(x)})[1][0]
    scores = (boxes[:, 2] * 100).astype(int)
    chosen = [i for i in range(200) if lowest <= scores[i] <= 100]
    got = [int(n) for n in re.findall(r"score = (\d+)", text)]
    if not chosen or got != list(scores[chosen]):
        raise Failure("scores {} instead of {}".format(got[:8], list(scores[chosen])[:8]))
    image = cv2.imread(str(bench.root / "data" / picture))
    height, width = image.shape[:2]
    for i in chosen:
        left, top, right, bottom = boxes[i, 3:7] * np.float32([width, height, width, height])
        left, top = int(left), int(top)
        cv2.putText(image, "background:{}%".format(scores[i]), (left, top), 0, 1, (0, 255, 255), 2,
                    4)
        cv2.rectangle(image, (left, top, int(right - left), int(bottom - top)), (0, 255, 255), 1)
    drawn, = (bench.root / "out" / "output").iterdir()
    _, file = cv2.imencode(drawn.suffix, image)
    near(cv2.imread(str(drawn)), cv2.imdecode(file, cv2.IMREAD_COLOR), 40, "the picture it drew")


def ssd_cpp(bench):
    source = bench.work / "net.onnx"
    ssd_network(source)
    bench.convert(source, bench.root / "model" / "vgg_ssd")
    pixels = photo(bench.root / "data" / "one.png", 300, 300, 9)
    ssd_check(bench, source, pixels[:, :, ::-1] - np.float32([104, 117, 123]), "one.png", 85)


def yolo_rows(path, size, objectness=-1.5):
    """A detector of three strides in one output: rows of x, y, width and height in pixels, then
    confidences of 0 to 1, a few of them above a half."""
    net, rows = Network(3), []
    bias = np.full((3, 85), -4.5, np.float32)
    bias[:, :2], bias[:, 2:4], bias[:, 4] = 0, -2, objectness
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


PROGRAMS = [
    Program("YOLOV4_coco_detection_picture, Python", SAMPLES,
            PY2 + "2_object_detection/YOLOV4_coco_detection_picture", "two pictures",
            yolov4_python),
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
]
