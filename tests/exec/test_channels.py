# SPDX-License-Identifier: Apache-2.0
"""Split, Slice, Concat and channel shuffles at borders that are no borders of blocks, between
convolutions, pools, additions and outputs: random graphs against onnxruntime."""

import numpy as np
import pytest

pytest.importorskip("onnxruntime")
onnx = pytest.importorskip("onnx")

from onnx import TensorProto, helper, numpy_helper  # noqa: E402

from against_onnxruntime import agree  # noqa: E402

SIZE = 9


class Graph:
    """A graph that grows at random; `open` are the tensors nothing has used yet."""

    def __init__(self, seed, batch):
        self.random = np.random.default_rng(seed)
        self.batch, self.nodes, self.weights, self.channels, self.open = batch, [], [], {}, []
        self.n = 0

    def constant(self, values):
        self.n += 1
        self.weights.append(numpy_helper.from_array(values, f"w{self.n}"))
        return f"w{self.n}"

    def ints(self, *values):
        return self.constant(np.array(values, np.int64))

    def add(self, op, inputs, channels, **attributes):
        """Names of the node's outputs, one for each of `channels`."""
        self.n += 1
        outputs = [f"t{self.n}_{i}" for i in range(len(channels))]
        self.nodes.append(helper.make_node(op, inputs, outputs, name=outputs[0], **attributes))
        self.channels.update(zip(outputs, channels))
        self.open = [t for t in self.open if t not in inputs] + outputs
        return outputs

    def conv(self, x, channels):
        w = self.random.standard_normal((channels, self.channels[x], 1, 1)) / 4
        return self.add("Conv", [x, self.constant(w.astype(np.float32))], [channels])

    def split(self, x):
        channels = self.channels[x]
        cut = int(self.random.integers(1, channels)) if channels > 1 else 0
        if cut == 0:
            return
        if self.random.random() < 0.5:
            self.add("Split", [x, self.ints(cut, channels - cut)], [cut, channels - cut], axis=1)
        else:
            ends = self.ints(cut), self.ints(1 << 40)
            axes = self.ints(1)
            self.add("Slice", [x, self.ints(0), ends[0], axes], [cut])
            self.add("Slice", [x, self.ints(cut), ends[1], axes], [channels - cut])

    def concat(self):
        parts = list(self.random.choice(sorted(self.channels), 1 + self.random.integers(1, 4)))
        if sum(self.channels[p] for p in parts) < 150:
            self.add("Concat", parts, [sum(self.channels[p] for p in parts)], axis=1)

    def shuffle(self, x):
        channels = self.channels[x]
        groups = next((g for g in (3, 2, 5) if channels % g == 0 and channels > g), 0)
        if groups:
            wide = self.ints(self.batch, groups, channels // groups, SIZE, SIZE)
            [y] = self.add("Reshape", [x, wide], [0])
            [y] = self.add("Transpose", [y], [0], perm=[0, 2, 1, 3, 4])
            y, = self.add("Reshape", [y, self.ints(self.batch, channels, SIZE, SIZE)], [channels])
            for t in [t for t in self.channels if not self.channels[t]]:
                del self.channels[t]

    def grow(self, steps):
        for _ in range(steps):
            x = str(self.random.choice(self.open or sorted(self.channels)))
            kind = self.random.choice(["conv", "split", "split", "concat", "concat", "shuffle",
                                       "shuffle", "pool", "relu", "twice"])
            if kind == "conv":
                self.conv(x, int(self.random.integers(1, 50)))
            elif kind == "pool":
                self.add("MaxPool", [x], [self.channels[x]], kernel_shape=[3, 3],
                         pads=[1, 1, 1, 1], strides=[1, 1])
            elif kind == "relu":
                self.add("Relu", [x], [self.channels[x]])
            elif kind == "twice":
                self.add("Add", [x, x], [self.channels[x]])
            elif kind == "concat":
                self.concat()
            else:
                getattr(self, kind)(x)

    def model(self, first):
        ends = []
        for t in self.open:
            c = self.channels[t]
            end = self.random.integers(3)
            if end == 0:
                ends.append((t, [self.batch, c, SIZE, SIZE]))
                continue
            [y] = self.add("Reshape", [t, self.ints(self.batch, c, SIZE * SIZE)], [0])
            if end == 1:
                ends.append((y, [self.batch, c, SIZE * SIZE]))
            else:
                [y] = self.add("Transpose", [y], [0], perm=[0, 2, 1])
                ends.append((y, [self.batch, SIZE * SIZE, c]))
        value = helper.make_tensor_value_info
        graph = helper.make_graph(
            self.nodes, "channels",
            [value("x", TensorProto.FLOAT, [self.batch, first, SIZE, SIZE])],
            [value(t, TensorProto.FLOAT, shape) for t, shape in ends], self.weights)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


@pytest.mark.parametrize("seed", range(12))
def test_random(seed, atc, prusik, tmp_path):
    batch = 1 + seed % 2
    g = Graph(seed, batch)
    first = int(g.random.integers(5, 20))
    g.channels["x"] = first
    g.open = ["x"]
    for _ in range(3):
        g.conv("x", int(g.random.integers(9, 60)))
    g.grow(40)
    model = g.model(first)
    check(model, batch, first, seed, atc, prusik, tmp_path)


@pytest.mark.parametrize("sizes", [[], [6, 2, 4]])
@pytest.mark.parametrize("read", range(3))
def test_parts_nobody_reads(read, sizes, atc, prusik, tmp_path):
    g = Graph(1, 1)
    g.channels["x"] = 12
    inputs = ["x", g.ints(*sizes)] if sizes else ["x"]
    parts = g.add("Split", inputs, sizes or [4, 4, 4], axis=1)
    g.open = [g.add("Relu", [parts[read]], [g.channels[parts[read]]])[0]]
    check(g.model(12), 1, 12, 0, atc, prusik, tmp_path)


def check(model, batch, first, seed, atc, prusik, tmp_path):
    x = np.random.default_rng(seed).random((batch, first, SIZE, SIZE), dtype=np.float32)
    agree(model, x, ("", "avx2", "base"), atc, prusik, tmp_path)
