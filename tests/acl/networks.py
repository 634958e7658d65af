# SPDX-License-Identifier: Apache-2.0
"""ONNX networks with random weights for the pyACL tests."""
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


class Builder:
    """Nodes and weights in order; each method returns the name of its output."""

    def __init__(self, seed):
        self.random = np.random.default_rng(seed)
        self.nodes, self.weights = [], []

    def node(self, kind, *inputs, **attributes):
        name = f"{kind}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], name=name, **attributes))
        return name

    def weight(self, shape, deviation):
        name = f"w{len(self.weights)}"
        values = self.random.standard_normal(shape, np.float32) * np.float32(deviation)
        self.weights.append(numpy_helper.from_array(values, name))
        return name

    def conv(self, x, n_in, n_out, kernel, stride=1, gain=2.0):
        """A convolution with its batch norm folded in, as exporters write it."""
        w = self.weight((n_out, n_in, kernel, kernel), (gain / (n_in * kernel * kernel)) ** 0.5)
        return self.node("Conv", x, w, self.weight((n_out,), 0.1), strides=[stride, stride],
                         pads=[kernel // 2] * 4)

    def gemm(self, x, n_in, n_out):
        w = self.weight((n_out, n_in), n_in ** -0.5)
        return self.node("Gemm", x, w, self.weight((n_out,), 0.1), transB=1)

    def save(self, path, shape, output, classes=1000):
        self.nodes.append(helper.make_node("Identity", [output], ["class"], name="out"))
        graph = helper.make_graph(
            self.nodes, "net", [helper.make_tensor_value_info("data", TensorProto.FLOAT, shape)],
            [helper.make_tensor_value_info("class", TensorProto.FLOAT, [1, classes])],
            self.weights)
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)]), path)


def resnet50(path):
    b = Builder(50)
    x = b.node("Relu", b.conv("data", 3, 64, 7, 2))
    x = b.node("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    channels = 64
    for width, blocks, first_stride in ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)):
        for i in range(blocks):
            stride = first_stride if i == 0 else 1
            y = b.node("Relu", b.conv(x, channels, width, 1))
            y = b.node("Relu", b.conv(y, width, width, 3, stride))
            y = b.conv(y, width, 4 * width, 1, gain=0.2)  # small, or the sum grows with depth
            if i == 0:
                x = b.conv(x, channels, 4 * width, 1, stride, gain=1.0)
            x = b.node("Relu", b.node("Add", x, y))
            channels = 4 * width
    x = b.node("Flatten", b.node("GlobalAveragePool", x))
    b.save(path, [1, 3, 224, 224], b.gemm(x, channels, 1000))


def tiny(path, side):
    """The interface of an ImageNet network, nearly nothing inside."""
    b = Builder(side)
    x = b.node("Flatten", b.node("GlobalAveragePool", b.conv("data", 3, 8, 3)))
    b.save(path, [1, 3, side, side], b.gemm(x, 8, 1000))
