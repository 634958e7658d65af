#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes layer-exact copies of published networks with random weights, as ONNX.

usage: zoo.py OUTDIR [NAME[@SIZE]...]      (default: all, each at its usual input size)

Speed does not depend on what the weights are, so these stand in for networks whose trained weights
cannot be had; they also test importer, passes and kernels against onnxruntime without any data.
Batch norms are folded, as every exporter for deployment does. The same name and size always give
the same file.

Random weights need care: a few dozen layers of the wrong scale end in infinities or zeros, and then
nothing can be compared. The writer therefore keeps, beside each tensor's shape, an estimate of its
mean square, and draws each layer's weights so that its sums have a variance of one.
"""
import argparse
import math
import pathlib
import zlib

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

# Mean square of act(x) for x normal with variance one.
MEAN_SQUARE = {None: 1.0, "relu": 0.5, "leaky": 0.505, "relu6": 0.5, "silu": 0.36, "sigmoid": 0.3}


class Tensor:
    def __init__(self, name, shape, mean_square):
        self.name, self.shape, self.mean_square = name, list(shape), mean_square

    @property
    def channels(self):
        return self.shape[1]


class Network:
    """Collects nodes and weights; every method adds one layer and returns its output."""

    def __init__(self, name, size):
        self.name = name
        self.nodes, self.weights, self.outputs = [], [], []
        self.random = np.random.default_rng(zlib.crc32(f"{name}@{size}".encode()))
        self.image = Tensor("images", [1, 3, size, size], 1.0)

    # ---- building blocks of the file ----

    def node(self, operator, inputs, shape, mean_square, **attributes):
        name = f"{operator.lower()}_{len(self.nodes)}"
        names = [x.name if isinstance(x, Tensor) else x for x in inputs]
        self.nodes.append(helper.make_node(operator, names, [name], name=name, **attributes))
        return Tensor(name, shape, mean_square)

    def constant(self, values, dtype=np.float32):
        name = f"w_{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.asarray(values, dtype), name))
        return name

    def save(self, path):
        values = [helper.make_tensor_value_info(t.name, TensorProto.FLOAT, t.shape)
                  for t in [self.image, *self.outputs]]
        graph = helper.make_graph(self.nodes, self.name, values[:1], values[1:], self.weights)
        model = helper.make_model(graph, producer_name="zoo", ir_version=8,
                                  opset_imports=[helper.make_opsetid("", 13)])
        onnx.checker.check_model(model)
        onnx.save(model, path)

    # ---- layers ----

    def conv(self, x, channels, kernel=1, stride=1, act=None, groups=1, pad=None):
        n, c, h, w = x.shape
        pad = kernel // 2 if pad is None else pad
        fan_in = c // groups * kernel * kernel
        weights = self.random.standard_normal((channels, c // groups, kernel, kernel), np.float32)
        weights *= 1 / math.sqrt(fan_in * x.mean_square)
        bias = self.random.standard_normal(channels, np.float32) * 0.1
        out = [n, channels, *((s + 2 * pad - kernel) // stride + 1 for s in (h, w))]
        y = self.node("Conv", [x, self.constant(weights), self.constant(bias)], out, 1.0,
                      kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=[pad] * 4, group=groups)
        return self.act(y, act)

    def depthwise(self, x, kernel=3, stride=1, act=None):
        return self.conv(x, x.channels, kernel, stride, act, groups=x.channels)

    def act(self, x, act):
        if act is None:
            return x
        square = MEAN_SQUARE[act] * x.mean_square
        if act == "relu":
            return self.node("Relu", [x], x.shape, square)
        if act == "leaky":
            return self.node("LeakyRelu", [x], x.shape, square, alpha=0.1)
        if act == "relu6":
            return self.node("Clip", [x, self.constant(0), self.constant(6)], x.shape, square)
        gate = self.node("Sigmoid", [x], x.shape, MEAN_SQUARE["sigmoid"])
        return gate if act == "sigmoid" else self.node("Mul", [x, gate], x.shape, square)

    def linear(self, x, channels):
        weights = self.random.standard_normal((channels, x.shape[1]), np.float32)
        weights *= 1 / math.sqrt(x.shape[1] * x.mean_square)
        bias = self.random.standard_normal(channels, np.float32) * 0.1
        return self.node("Gemm", [x, self.constant(weights), self.constant(bias)],
                         [x.shape[0], channels], 1.0, transB=1)

    def binary(self, operator, x, y):
        """y: a tensor of x's shape, or numbers."""
        if not isinstance(y, Tensor):
            y = Tensor(self.constant(y), x.shape, 1.0)
        return self.node(operator, [x, y], x.shape, x.mean_square + y.mean_square)

    def add(self, x, y):
        return self.binary("Add", x, y)

    def concat(self, tensors, axis=1):
        shape = list(tensors[0].shape)
        shape[axis] = sum(t.shape[axis] for t in tensors)
        square = sum(t.mean_square * t.shape[axis] for t in tensors) / shape[axis]
        return self.node("Concat", tensors, shape, square, axis=axis)

    def split(self, x, sizes, axis=1):
        outputs = [f"split_{len(self.nodes)}_{i}" for i in range(len(sizes))]
        self.nodes.append(helper.make_node("Split", [x.name, self.constant(sizes, np.int64)],
                                           outputs, name=f"split_{len(self.nodes)}", axis=axis))
        shapes = [[*x.shape[:axis], s, *x.shape[axis + 1:]] for s in sizes]
        return [Tensor(o, s, x.mean_square) for o, s in zip(outputs, shapes)]

    def every_second(self, x, axis, start):
        shape = list(x.shape)
        shape[axis] //= 2
        bounds = [self.constant([v], np.int64) for v in (start, 2**31 - 1, axis, 2)]
        return self.node("Slice", [x, *bounds], shape, x.mean_square)

    def max_pool(self, x, kernel, stride, pad):
        n, c, h, w = x.shape
        out = [n, c, *((s + 2 * pad - kernel) // stride + 1 for s in (h, w))]
        return self.node("MaxPool", [x], out, x.mean_square * (1 + math.log(kernel)),
                         kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=[pad] * 4)

    def global_average(self, x):
        return self.node("GlobalAveragePool", [x], [*x.shape[:2], 1, 1], x.mean_square / 3)

    def upsample(self, x, mode="nearest"):
        n, c, h, w = x.shape
        how = ({"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
               if mode == "nearest" else {"coordinate_transformation_mode": "half_pixel"})
        return self.node("Resize", [x, "", self.constant([1, 1, 2, 2])], [n, c, 2 * h, 2 * w],
                         x.mean_square, mode=mode, **how)

    def reshape(self, x, shape):
        return self.node("Reshape", [x, self.constant(shape, np.int64)], shape, x.mean_square)

    def transpose(self, x, order):
        return self.node("Transpose", [x], [x.shape[i] for i in order], x.mean_square, perm=order)

    def flat_pixels(self, x):
        """[N,C,H,W] to [N,C,H*W]"""
        n, c, h, w = x.shape
        return self.reshape(x, [n, c, h * w])

    def classifier(self, x, classes=1000):
        x = self.global_average(x)
        self.outputs.append(self.linear(self.reshape(x, x.shape[:2]), classes))


# ---- classification ----

def resnet(net, blocks, bottleneck):
    x = net.max_pool(net.conv(net.image, 64, 7, 2, "relu"), 3, 2, 1)
    for stage, count in enumerate(blocks):
        width = 64 << stage
        out = width * 4 if bottleneck else width
        for block in range(count):
            stride = 2 if stage and not block else 1
            if bottleneck:
                y = net.conv(x, width, 1, 1, "relu")
                y = net.conv(net.conv(y, width, 3, stride, "relu"), out)
            else:
                y = net.conv(net.conv(x, width, 3, stride, "relu"), width, 3)
            same = stride == 1 and x.channels == out
            x = net.act(net.add(y, x if same else net.conv(x, out, 1, stride)), "relu")
    net.classifier(x)


def mobilenet_v2(net):
    x = net.conv(net.image, 32, 3, 2, "relu6")
    for expand, out, count, first_stride in ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2),
                                             (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2),
                                             (6, 320, 1, 1)):
        for block in range(count):
            stride = 1 if block else first_stride
            y = net.conv(x, x.channels * expand, act="relu6") if expand > 1 else x
            y = net.conv(net.depthwise(y, 3, stride, "relu6"), out)
            x = net.add(x, y) if stride == 1 and x.channels == out else y
    net.classifier(net.conv(x, 1280, act="relu6"))


def squeezenet_1_1(net):
    def fire(x, squeeze, expand):
        x = net.conv(x, squeeze, act="relu")
        return net.concat([net.conv(x, expand, act="relu"), net.conv(x, expand, 3, act="relu")])

    x = net.max_pool(net.conv(net.image, 64, 3, 2, "relu", pad=0), 3, 2, 0)
    x = net.max_pool(fire(fire(x, 16, 64), 16, 64), 3, 2, 0)
    x = net.max_pool(fire(fire(x, 32, 128), 32, 128), 3, 2, 0)
    x = fire(fire(fire(fire(x, 48, 192), 48, 192), 64, 256), 64, 256)
    x = net.global_average(net.conv(x, 1000, act="relu"))
    net.outputs.append(net.reshape(x, x.shape[:2]))


def shufflenet_stages(net, act):
    """The three stages of ShuffleNetV2 1.0x; their outputs."""
    def shuffle(left, right):
        x = net.concat([left, right])
        n, c, h, w = x.shape
        x = net.transpose(net.reshape(x, [n, 2, c // 2, h, w]), [0, 2, 1, 3, 4])
        return net.reshape(x, [n, c, h, w])

    x = net.max_pool(net.conv(net.image, 24, 3, 2, act), 3, 2, 1)
    stages = []
    for out, count in ((116, 4), (232, 8), (464, 4)):
        half = out // 2
        for block in range(count):
            if block:
                left, right = net.split(x, [half, half])
            else:
                left, right = net.conv(net.depthwise(x, 3, 2), half, act=act), x
            right = net.conv(right, half, act=act)
            right = net.conv(net.depthwise(right, 3, 1 if block else 2), half, act=act)
            x = shuffle(left, right)
        stages.append(x)
    return stages


def shufflenet_v2(net):
    net.classifier(net.conv(shufflenet_stages(net, "relu")[-1], 1024, act="relu"))


# ---- detection ----

def csp(net, x, out, count, residual):
    """The cross-stage block of YOLOX and YOLOv5 (C3)."""
    half = out // 2
    a, b = net.conv(x, half, act="silu"), net.conv(x, half, act="silu")
    for _ in range(count):
        y = net.conv(net.conv(a, half, act="silu"), half, 3, act="silu")
        a = net.add(y, a) if residual else y
    return net.conv(net.concat([a, b]), out, act="silu")


def yolox(net, depth, width):
    base, count = int(64 * width), max(round(3 * depth), 1)

    def conv(x, out, kernel=1, stride=1):
        return net.conv(x, out, kernel, stride, "silu")

    # Focus: the four interleaved quarters of the picture, stacked.
    quarters = [net.every_second(net.every_second(net.image, 2, row), 3, column)
                for row, column in ((0, 0), (1, 0), (0, 1), (1, 1))]
    x = conv(net.concat(quarters), base, 3)
    x = csp(net, conv(x, 2 * base, 3, 2), 2 * base, count, True)
    p3 = csp(net, conv(x, 4 * base, 3, 2), 4 * base, 3 * count, True)
    p4 = csp(net, conv(p3, 8 * base, 3, 2), 8 * base, 3 * count, True)
    x = conv(conv(p4, 16 * base, 3, 2), 8 * base)
    x = conv(net.concat([x, *(net.max_pool(x, k, 1, k // 2) for k in (5, 9, 13))]), 16 * base)
    p5 = csp(net, x, 16 * base, count, False)

    lateral5 = conv(p5, 8 * base)
    x = csp(net, net.concat([net.upsample(lateral5), p4]), 8 * base, count, False)
    lateral4 = conv(x, 4 * base)
    n3 = csp(net, net.concat([net.upsample(lateral4), p3]), 4 * base, count, False)
    n4 = csp(net, net.concat([conv(n3, 4 * base, 3, 2), lateral4]), 8 * base, count, False)
    n5 = csp(net, net.concat([conv(n4, 8 * base, 3, 2), lateral5]), 16 * base, count, False)

    levels = []
    hidden = int(256 * width)
    for x in (n3, n4, n5):
        x = conv(x, hidden)
        classes = conv(conv(x, hidden, 3), hidden, 3)
        boxes = conv(conv(x, hidden, 3), hidden, 3)
        levels.append(net.flat_pixels(net.concat([
            net.conv(boxes, 4), net.conv(boxes, 1, act="sigmoid"),
            net.conv(classes, 80, act="sigmoid")])))
    net.outputs.append(net.transpose(net.concat(levels, 2), [0, 2, 1]))


def spp_fast(net, x, out):
    x = net.conv(x, x.channels // 2, act="silu")
    pools = [x]
    for _ in range(3):
        pools.append(net.max_pool(pools[-1], 5, 1, 2))
    return net.conv(net.concat(pools), out, act="silu")


def yolov5(net, depth, width):
    def channels(c):
        return math.ceil(c * width / 8) * 8

    def count(n):
        return max(round(n * depth), 1)

    def conv(x, c, kernel=1, stride=1, pad=None):
        return net.conv(x, channels(c), kernel, stride, "silu", pad=pad)

    def block(x, c, n, residual):
        return csp(net, x, channels(c), count(n), residual)

    x = conv(conv(net.image, 64, 6, 2, pad=2), 128, 3, 2)
    p3 = block(conv(block(x, 128, 3, True), 256, 3, 2), 256, 6, True)
    p4 = block(conv(p3, 512, 3, 2), 512, 9, True)
    x = spp_fast(net, block(conv(p4, 1024, 3, 2), 1024, 3, True), channels(1024))
    lateral5 = conv(x, 512)
    x = block(net.concat([net.upsample(lateral5), p4]), 512, 3, False)
    lateral4 = conv(x, 256)
    n3 = block(net.concat([net.upsample(lateral4), p3]), 256, 3, False)
    n4 = block(net.concat([conv(n3, 256, 3, 2), lateral4]), 512, 3, False)
    n5 = block(net.concat([conv(n4, 512, 3, 2), lateral5]), 1024, 3, False)

    anchors = [[(10, 13), (16, 30), (33, 23)], [(30, 61), (62, 45), (59, 119)],
               [(116, 90), (156, 198), (373, 326)]]
    boxes = []
    for x, stride, anchor in zip((n3, n4, n5), (8, 16, 32), anchors):
        x = net.conv(x, 255)
        n, _, h, w = x.shape
        x = net.transpose(net.reshape(x, [n, 3, 85, h, w]), [0, 1, 3, 4, 2])
        centre, size, scores = net.split(net.act(x, "sigmoid"), [2, 2, 81], 4)
        grid = np.stack(np.meshgrid(np.arange(w), np.arange(h)), -1)[None, None] - 0.5
        centre = net.binary("Mul", net.binary("Add", net.binary("Mul", centre, 2), grid), stride)
        size = net.binary("Pow", net.binary("Mul", size, 2), 2)
        size = net.binary("Mul", size, np.reshape(anchor, (1, 3, 1, 1, 2)))
        boxes.append(net.reshape(net.concat([centre, size, scores], 4), [n, 3 * h * w, 85]))
    net.outputs.append(net.concat(boxes, 1))


def yolov8(net, depth, width):
    def channels(c):
        return math.ceil(min(c, 1024) * width / 8) * 8

    def conv(x, c, kernel=1, stride=1):
        return net.conv(x, c, kernel, stride, "silu")

    def block(x, c, n, residual):
        """C2f: like CSP, but every intermediate result goes to the last convolution."""
        half = channels(c) // 2
        parts = net.split(conv(x, 2 * half), [half, half])
        for _ in range(max(round(n * depth), 1)):
            y = conv(conv(parts[-1], half, 3), half, 3)
            parts.append(net.add(parts[-1], y) if residual else y)
        return conv(net.concat(parts), channels(c))

    x = conv(conv(net.image, channels(64), 3, 2), channels(128), 3, 2)
    p3 = block(conv(block(x, 128, 3, True), channels(256), 3, 2), 256, 6, True)
    p4 = block(conv(p3, channels(512), 3, 2), 512, 6, True)
    x = block(conv(p4, channels(1024), 3, 2), 1024, 3, True)
    p5 = spp_fast(net, x, channels(1024))
    x4 = block(net.concat([net.upsample(p5), p4]), 512, 3, False)
    n3 = block(net.concat([net.upsample(x4), p3]), 256, 3, False)
    n4 = block(net.concat([conv(n3, channels(256), 3, 2), x4]), 512, 3, False)
    n5 = block(net.concat([conv(n4, channels(512), 3, 2), p5]), 1024, 3, False)

    box_width, class_width = max(16, n3.channels // 4, 64), max(n3.channels, 80)
    levels, anchors, strides = [], [], []
    for x, stride in ((n3, 8), (n4, 16), (n5, 32)):
        box = net.conv(conv(conv(x, box_width, 3), box_width, 3), 64)
        classes = net.conv(conv(conv(x, class_width, 3), class_width, 3), 80)
        levels.append(net.flat_pixels(net.concat([box, classes])))
        h, w = x.shape[2:]
        anchors.append(np.stack(np.meshgrid(np.arange(w), np.arange(h))).reshape(1, 2, -1) + 0.5)
        strides.append(np.full((1, 1, h * w), stride))
    box, classes = net.split(net.concat(levels, 2), [64, 80])
    points = box.shape[2]
    # Each side of a box is the expectation over 16 bins.
    bins = net.transpose(net.reshape(box, [1, 4, 16, points]), [0, 2, 1, 3])
    bins = net.node("Softmax", [bins], bins.shape, 0.01, axis=1)
    sides = net.node("Conv", [bins, net.constant(np.arange(16).reshape(1, 16, 1, 1))],
                     [1, 1, 4, points], 60.0, kernel_shape=[1, 1])
    near, far = net.split(net.reshape(sides, [1, 4, points]), [2, 2])
    anchor = Tensor(net.constant(np.concatenate(anchors, 2)), [1, 2, points], 500.0)
    low, high = net.binary("Sub", anchor, near), net.add(anchor, far)
    centre = net.binary("Div", net.add(low, high), 2)
    box = net.concat([centre, net.binary("Sub", high, low)])
    box = net.binary("Mul", box, np.concatenate(strides, 2))
    net.outputs.append(net.concat([box, net.act(classes, "sigmoid")]))


def nanodet_plus(net, width=96):
    act = "leaky"

    def separable(x, stride=1):
        return net.conv(net.depthwise(x, 5, stride, act), width, act=act)

    def ghost(x, out, act):
        """Half the channels by 1x1, the other half by a cheap depthwise of those."""
        first = net.conv(x, out // 2, act=act)
        return net.concat([first, net.depthwise(first, 3, 1, act)])

    def ghost_bottleneck(x):
        y = ghost(ghost(x, width, act), width, None)
        return net.add(y, net.conv(net.depthwise(x, 5), width))

    c3, c4, c5 = [net.conv(x, width, act=act) for x in shufflenet_stages(net, act)]
    p4 = ghost_bottleneck(net.concat([net.upsample(c5, "linear"), c4]))
    n3 = ghost_bottleneck(net.concat([net.upsample(p4, "linear"), c3]))
    n4 = ghost_bottleneck(net.concat([separable(n3, 2), p4]))
    n5 = ghost_bottleneck(net.concat([separable(n4, 2), c5]))
    n6 = net.add(separable(c5, 2), separable(n5, 2))

    levels = []
    for x in (n3, n4, n5, n6):
        x = net.conv(separable(separable(x)), 80 + 32)
        classes, sides = net.split(x, [80, 32])
        levels.append(net.flat_pixels(net.concat([net.act(classes, "sigmoid"), sides])))
    net.outputs.append(net.transpose(net.concat(levels, 2), [0, 2, 1]))


NETWORKS = {  # name -> (input size, builder)
    "yolox_tiny": (416, lambda net: yolox(net, 0.33, 0.375)),
    "yolox_s": (640, lambda net: yolox(net, 0.33, 0.5)),
    "yolov5s": (640, lambda net: yolov5(net, 0.33, 0.5)),
    "yolov8n": (640, lambda net: yolov8(net, 0.33, 0.25)),
    "nanodet_plus_m": (416, nanodet_plus),
    "resnet18": (224, lambda net: resnet(net, [2, 2, 2, 2], False)),
    "resnet50": (224, lambda net: resnet(net, [3, 4, 6, 3], True)),
    "shufflenet_v2": (224, shufflenet_v2),
    "mobilenet_v2": (224, mobilenet_v2),
    "squeezenet_1_1": (224, squeezenet_1_1),
}


def write(folder, name):
    """name: NAME or NAME@SIZE, a multiple of 64 for the detectors; the path written."""
    base, _, size = name.partition("@")
    usual, build = NETWORKS[base]
    net = Network(base, int(size or usual))
    build(net)
    path = pathlib.Path(folder) / f"{name}.onnx"
    net.save(path)
    return path


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("names", nargs="*", help=", ".join(NETWORKS))
    args = parser.parse_args()
    unknown = [n for n in args.names if n.partition("@")[0] not in NETWORKS]
    if unknown:
        parser.error(f"no such network: {', '.join(unknown)}; there are {', '.join(NETWORKS)}")
    args.folder.mkdir(parents=True, exist_ok=True)
    for name in args.names or NETWORKS:
        print(write(args.folder, name))


if __name__ == "__main__":
    main()
