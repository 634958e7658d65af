# SPDX-License-Identifier: Apache-2.0
"""Heads of detectors: channels of a convolution become rows, rows are cut, some columns are computed
anew and all put together again. The Split may read where the Concat writes (plan/homes.c), so this
tries every order of readers and writers against onnxruntime. Or the channels are taken apart, some
activated, and become rows together or by themselves (passes/split_convs.c)."""
import os
import subprocess

import numpy as np
import pytest

pytest.importorskip("onnxruntime")
onnx = pytest.importorskip("onnx")

from onnx import TensorProto, helper, numpy_helper  # noqa: E402

from against_onnxruntime import agree  # noqa: E402

ANCHORS = 3


def builder(name, nodes, weights):
    """What appends a constant to `weights`, and a node to `nodes`; they return names."""
    def constant(values):
        weights.append(numpy_helper.from_array(values, f"{name}w{len(weights)}"))
        return weights[-1].name

    def add(op, inputs, n_outputs=1, **attributes):
        made = [f"{name}t{len(nodes)}_{i}" for i in range(n_outputs)]
        nodes.append(helper.make_node(op, inputs, made, name=made[0], **attributes))
        return made if n_outputs > 1 else made[0]

    return constant, add


def head(random, name, x, channels, size, nodes, weights, outputs):
    """Appends a head that reads x; returns its rows."""
    constant, add = builder(name, nodes, weights)

    def ints(*values):
        return constant(np.array(values, np.int64))

    columns = int(random.integers(5, 40))
    w = random.standard_normal((ANCHORS * columns, channels, 1, 1)).astype(np.float32)
    y = add("Conv", [x, constant(w)])
    y = add("Reshape", [y, ints(1, ANCHORS, columns, size, size)])
    y = add("Transpose", [y], perm=[0, 1, 3, 4, 2])
    if random.random() < 0.7:
        y = add("Sigmoid", [y])
    first, second = (int(v) for v in random.integers(1, 3, 2))
    cuts = [first, second, columns - first - second]
    order = list(random.permutation(3)) if random.random() < 0.5 else [0, 1, 2]
    cuts = [cuts[i] for i in order]
    parts = add("Split", [y, ints(*cuts)], 3, axis=4)
    kept = cuts.index(max(cuts))
    small = [i for i in range(3) if i != kept]
    sources = {i: parts[i] for i in small}
    if cuts[small[0]] == cuts[small[1]] and random.random() < 0.5:
        sources = {small[0]: parts[small[1]], small[1]: parts[small[0]]}
    grid = {i: constant(random.random((1, ANCHORS, size, size, cuts[i]), dtype=np.float32))
            for i in small}
    if random.random() < 0.5:  # nothing to do with the part
        i = small[0]
        sources[i] = add("Mul", [grid[i], constant(np.float32([3]))])
        sources[i] = add("Add", [sources[i], add("ReduceMean", [x], keepdims=0)])
    made = dict(sources)
    for i in sorted(small, reverse=random.random() < 0.5):
        made[i] = add("Mul", [made[i], constant(np.float32([2]))])
        if random.random() < 0.5:
            made[i] = add("Pow", [made[i], constant(np.float32([2]))])
        made[i] = add("Add", [made[i], grid[i]])
        if random.random() < 0.3:
            made[i] = add("Reshape", [made[i], ints(1, ANCHORS, size, size, cuts[i])])
    y = add("Concat", [made.get(i, parts[i]) for i in range(3)], axis=4)
    if random.random() < 0.5:  # a late reader
        late = int(random.choice(small))
        outputs.append((add("Neg", [parts[late]]), [1, ANCHORS, size, size, cuts[late]]))
    if random.random() < 0.2:
        outputs.append((add("Neg", [y]), [1, ANCHORS, size, size, columns]))
    return add("Reshape", [y, ints(1, -1, columns)]), columns


@pytest.mark.parametrize("seed", range(16))
def test_random(seed, atc, prusik, tmp_path):
    random = np.random.default_rng(seed)
    nodes, weights, outputs = [], [], []
    channels, size = int(random.integers(5, 40)), int(random.integers(1, 9))
    rows, columns = head(random, "a", "x", channels, size, nodes, weights, outputs)
    rows_of = ANCHORS * size * size
    if random.random() < 0.5:
        nodes.append(helper.make_node("Concat", [rows, rows], ["twice"], axis=1))
        rows, rows_of = "twice", 2 * rows_of
    outputs.append((rows, [1, rows_of, columns]))
    value = helper.make_tensor_value_info
    graph = helper.make_graph(nodes, "heads",
                              [value("x", TensorProto.FLOAT, [1, channels, size, size])],
                              [value(t, TensorProto.FLOAT, shape) for t, shape in outputs], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    x = random.standard_normal((1, channels, size, size)).astype(np.float32)
    agree(model, x, ("", "avx2"), atc, prusik, tmp_path)


def taken_apart(levels, parts, activations, channels, joined, random):
    """A Conv for each level of `levels` (width and height), its channels split into `parts`, with
    an activation each ("" for none), as rows of all levels, or of each level and part."""
    nodes, weights, outputs, rows = [], [], [], []
    value = helper.make_tensor_value_info
    constant, add = builder("", nodes, weights)
    x = "x"
    for number, size in enumerate(levels):
        if number:  # half the size, an odd one rounded up
            w = random.standard_normal((channels, 1, 3, 3)).astype(np.float32)
            x = add("Conv", [x, constant(w)], group=channels, strides=[2, 2], pads=[1, 1, 1, 1])
        all_channels = sum(parts)
        w = random.standard_normal((all_channels, channels, 1, 1)).astype(np.float32)
        b = random.standard_normal(all_channels).astype(np.float32)
        y = add("Conv", [x, constant(w), constant(b)][:2 + number % 2])
        made = add("Split", [y, constant(np.array(parts, np.int64))], len(parts), axis=1)
        made = [add(a, [t]) if a else t for a, t in zip(activations, made)]
        if joined:
            y = add("Concat", made, axis=1)
            shape = constant(np.array([1, all_channels, -1], np.int64))
            rows.append(add("Reshape", [y, shape]))
            continue
        for t, n in zip(made, parts):
            t = add("Reshape", [t, constant(np.array([1, n, -1], np.int64))])
            outputs.append((add("Transpose", [t], perm=[0, 2, 1]), [1, size * size, n]))
    if joined:
        y = add("Concat", rows, axis=2) if len(rows) > 1 else rows[0]
        outputs.append((add("Transpose", [y], perm=[0, 2, 1]),
                        [1, sum(s * s for s in levels), sum(parts)]))
    graph = helper.make_graph(nodes, "heads",
                              [value("x", TensorProto.FLOAT, [1, channels, levels[0], levels[0]])],
                              [value(t, TensorProto.FLOAT, shape) for t, shape in outputs], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


@pytest.mark.parametrize("seed", range(16))
def test_taken_apart(seed, atc, prusik, tmp_path):
    random = np.random.default_rng(seed)
    sizes = [int(random.integers(1, 20))]
    while len(sizes) < 1 + seed % 3:
        sizes.append((sizes[-1] + 1) // 2)
    vectors = random.random() < 0.7
    parts = [int(n) * (16 if vectors else 1) for n in random.integers(1, 6, random.integers(2, 4))]
    activations = [str(a) for a in random.choice(["", "Sigmoid", "Relu", "Exp"], len(parts))]
    channels = int(random.integers(1, 40))
    model = taken_apart(sizes, parts, activations, channels, random.random() < 0.5, random)
    x = random.standard_normal((1, channels, sizes[0], sizes[0])).astype(np.float32)
    agree(model, x, ("", "avx2", "base"), atc, prusik, tmp_path)


@pytest.mark.parametrize("joined", [False, True])
def test_nothing_is_copied(joined, atc, prusik, tmp_path):
    """Every part is written by its convolution where the caller reads it."""
    random = np.random.default_rng(3)
    model = taken_apart([13, 7], [80, 32], ["Sigmoid", ""], 24, joined, random)
    onnx.save(model, tmp_path / "net.onnx")
    subprocess.run([atc, f"--model={tmp_path / 'net.onnx'}", "--framework=5",
                    f"--output={tmp_path / 'net'}", "--soc_version=Ascend310"], check=True)
    (tmp_path / "dump").mkdir()
    subprocess.run([prusik, "run", tmp_path / "net.om", "--output", tmp_path / "out"], check=True,
                   env={**os.environ, "PRUSIK_DUMP": str(tmp_path / "dump")})
    steps = (tmp_path / "dump" / "plan.txt").read_text().splitlines()[1:]
    copies = [s for s in steps if any(what in s for what in ("plain", "copy", "unary", "Concat"))]
    assert len(steps) == 6 and len(copies) == 1, steps  # of the input, to blocks
