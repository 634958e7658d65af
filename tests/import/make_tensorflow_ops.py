#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes tests/import/tensorflow_ops.json: small graphs and what TensorFlow makes of them.

usage: make_tensorflow_ops.py      (needs tensorflow-cpu; the test does not)

Each case is a function of tensors, traced and frozen; its graph is kept in the JSON form of protocol
buffers, its inputs as shapes (inputs() makes the same numbers here and in the test), its outputs
rounded to six digits.
"""
import json
import pathlib

import numpy as np
import tensorflow as tf
from google.protobuf import json_format
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from test_tensorflow import inputs

F, I = tf.float32, tf.int32
rng = np.random.default_rng(7)


def weight(*shape):
    return tf.constant(np.round(rng.uniform(-1, 1, shape), 3).astype(np.float32))


def bind(f, *constants):
    """f(x, *constants) as a function of x alone; default arguments would become inputs."""
    return lambda x: f(x, *constants)


CASES = {}


def case(name, f, *shapes, dtype=F):
    CASES[name] = (f, [(list(s), dtype) for s in shapes])


X = (1, 6, 5, 3)
raw, nn, image = tf.raw_ops, tf.nn, tf.image

for name in ("Abs Ceil Cos Erf Exp Expm1 Floor Neg Reciprocal Rint Round Sigmoid Sign Sin Square Tan "
             "Tanh Sinh Cosh Atan").split():
    case(name, lambda x, op=getattr(raw, name): op(x=x), (2, 5))
for name in "Elu Relu Relu6 Selu Softsign".split():
    case(name, lambda x, op=getattr(raw, name): op(features=x), (2, 5))
case("Sqrt", lambda x: tf.sqrt(tf.abs(x)), (7,))
case("Rsqrt", lambda x: tf.math.rsqrt(tf.abs(x) + 0.1), (7,))
case("Log", lambda x: tf.math.log(tf.abs(x) + 0.1), (7,))
case("Log1p", lambda x: tf.math.log1p(tf.abs(x)), (7,))
case("Softplus", nn.softplus, (2, 5))
case("Softmax", nn.softmax, (3, 4))
case("LogSoftmax", nn.log_softmax, (3, 4))
case("LeakyRelu", lambda x: nn.leaky_relu(x, 0.3), (2, 5))
case("Identity", lambda x: tf.stop_gradient(tf.identity(x)) + 0, (2, 5))

case("Erfc", lambda x: tf.math.erfc(x), (2, 5))
for name in "Asinh Atanh".split():
    case(name, lambda x, op=getattr(raw, name): op(x=x * 0.9), (2, 5))
case("Acosh", lambda x: tf.acosh(tf.abs(x) + 1.1), (2, 5))
case("FakeQuantVars", lambda x: tf.quantization.fake_quant_with_min_max_vars(x, -0.3, 0.7), (40,))
case("FakeQuantVars_narrow", lambda x: tf.quantization.fake_quant_with_min_max_vars(
    x, 0.1, 0.9, num_bits=4, narrow_range=True), (40,))
case("FakeQuantArgs", lambda x: tf.quantization.fake_quant_with_min_max_args(x * 9, -4, 5), (40,))

for name, f in (("AddV2", tf.add), ("Sub", tf.subtract), ("Mul", tf.multiply),
                ("Maximum", tf.maximum),
                ("Minimum", tf.minimum), ("SquaredDifference", tf.math.squared_difference),
                ("RealDiv", lambda a, b: a / (b + 3)), ("FloorMod", lambda a, b: tf.math.floormod(a, b + 3)),
                ("FloorDiv", lambda a, b: tf.math.floordiv(a, b + 3)),
                ("DivNoNan", lambda a, b: tf.math.divide_no_nan(a, tf.floor(b))),
                ("Pow", lambda a, b: tf.pow(tf.abs(a) + 0.1, b)),
                ("AddN", lambda a, b: tf.add_n([a, a + b, b + a]))):
    case(name, f, (2, 3, 4), (2, 3, 4) if name == "AddN" else (3, 1))
for name, f in (("Less", tf.less), ("LessEqual", tf.less_equal), ("Greater", tf.greater),
                ("GreaterEqual", tf.greater_equal), ("Equal", tf.equal), ("NotEqual", tf.not_equal)):
    case(name, lambda a, b, f=f: tf.cast(f(tf.round(a * 2), tf.round(b * 2)), F), (3, 4), (3, 4))
case("FloorDiv_int", lambda a: tf.cast(tf.math.floordiv(tf.cast(a * 9, I), tf.constant([3, -4, 5])), F), (4, 3))
case("FloorMod_int", lambda a: tf.cast(tf.math.floormod(tf.cast(a * 9, I), tf.constant([3, -4, 5])), F), (4, 3))
case("Logical", lambda a, b: tf.cast(tf.logical_or(tf.logical_and(a > 0, b > 0), tf.logical_not(a > b)), F),
     (3, 4), (3, 4))
case("SelectV2", lambda a, b: tf.where(a > b, a, b), (3, 4), (4,))
case("Select", lambda a, b: raw.Select(condition=a[:, 0] > 0, x=a, y=b), (5, 4), (5, 4))
case("ClipByValue", lambda x: tf.clip_by_value(x, -0.3, 0.4), (2, 5))
case("Cast", lambda x: tf.cast(tf.cast(x * 20, I), F), (2, 5))

for name, f in (("Mean", tf.reduce_mean), ("Sum", tf.reduce_sum), ("Max", tf.reduce_max),
                ("Min", tf.reduce_min), ("Prod", tf.reduce_prod)):
    case(name, lambda x, f=f: f(x, [1, 2]), X)
    case(name + "_keep", lambda x, f=f: f(x, [-1], keepdims=True), X)
case("Sum_of_no_axes", lambda x: tf.reduce_sum(x, []), (2, 3))
case("All", lambda x: tf.cast(tf.reduce_all(x > -0.9, 1), F), (5, 4))
case("Any", lambda x: tf.cast(tf.reduce_any(x > 0.8, 1, keepdims=True), F), (5, 4))
case("ArgMax", lambda x: tf.cast(tf.argmax(x, 1), F), (3, 5))
case("ArgMin", lambda x: tf.cast(tf.argmin(x, -1, output_type=I), F), (3, 5))
case("Cumsum", lambda x: tf.cumsum(x, 1, exclusive=True, reverse=True), (2, 5))
case("MatMul", lambda a, b: tf.matmul(a, b, transpose_a=True, transpose_b=True), (4, 3), (5, 4))
case("BatchMatMulV2", lambda a, b: tf.matmul(a, b, adjoint_b=True), (2, 3, 4), (1, 5, 4))
case("Einsum", lambda a, b: tf.einsum("bij,bkj->bik", a, b), (2, 3, 4), (2, 5, 4))

for padding in ("SAME", "VALID", [[0, 0], [1, 2], [0, 1], [0, 0]]):
    tag = padding if isinstance(padding, str) else "EXPLICIT"
    for stride in (1, 2):
        case(f"Conv2D_{tag}_{stride}", bind(nn.conv2d, weight(3, 3, 3, 4), stride, padding), X)
    case(f"MaxPool_{tag}", lambda x, p=padding: nn.max_pool2d(x, 3, 2, p), X)
for padding in ("SAME", "VALID"):
    case(f"AvgPool_{padding}", lambda x, p=padding: nn.avg_pool2d(x, [3, 2], [2, 1], p), X)
    case(f"Depthwise_{padding}",
         bind(nn.depthwise_conv2d, weight(3, 3, 3, 2), [1, 2, 2, 1], padding), X)
    case(f"Conv2DBackpropInput_{padding}", bind(
        nn.conv2d_transpose, weight(3, 3, 2, 3),
        [1, 12, 10, 2] if padding == "SAME" else [1, 13, 11, 2], 2, padding), X)
case("Conv2D_dilated", bind(lambda x, w: nn.conv2d(x, w, 1, "SAME", dilations=[1, 2]),
                             weight(3, 3, 3, 2)), X)
case("Conv2D_groups", bind(nn.conv2d, weight(3, 3, 2, 4), 1, "SAME"), (1, 4, 5, 4))
case("Atrous_idiom", bind(lambda x, w: tf.batch_to_space(nn.conv2d(tf.space_to_batch(
    x, [2, 2], [[2, 2], [2, 3]]), w, 1, "VALID"), [2, 2], [[0, 0], [0, 1]]), weight(3, 3, 3, 2)), X)
case("Atrous_with_crops", bind(lambda x, w: tf.batch_to_space(nn.conv2d(tf.space_to_batch(
    x, [2, 3], [[3, 1], [4, 3]]), w, 1, "VALID"), [2, 3], [[1, 0], [0, 2]]), weight(3, 2, 3, 2)), X)
case("Atrous_depthwise", bind(lambda x, w: tf.batch_to_space(nn.depthwise_conv2d(tf.space_to_batch(
    x, [2, 2], [[2, 2], [2, 3]]), w, [1, 1, 1, 1], "VALID"), [2, 2], [[0, 0], [0, 1]]),
    weight(3, 3, 3, 2)), X)
case("Atrous_that_is_none", bind(lambda x, w: tf.batch_to_space(nn.conv2d(tf.space_to_batch(
    x, [2, 2], [[0, 0], [0, 1]]), w, 1, "VALID"), [2, 2], [[1, 0], [0, 0]]), weight(2, 2, 3, 2)), X)
case("Atrous_read_twice", bind(lambda x, w: [2 * v for v in (lambda y: (tf.batch_to_space(
    y, [2, 2], [[0, 0], [0, 1]]), y))(nn.conv2d(tf.space_to_batch(
        x, [2, 2], [[2, 2], [2, 3]]), w, 1, "VALID"))], weight(3, 3, 3, 2)), X)
ROIS = tf.constant([[0, 0, 1, 1], [0.1, 0.3, 0.8, 0.5], [-0.2, 0.4, 0.3, 1.4], [0.9, 0.8, 0.2, 0.1]])
for method in ("bilinear", "nearest"):
    case(f"CropAndResize_{method}", lambda x, m=method: image.crop_and_resize(
        x, ROIS, [0, 1, 1, 0], [3, 4], m, 0.25), (2, 6, 5, 2))
case("CropAndResize_one", lambda x: image.crop_and_resize(x, ROIS, [0, 1, 1, 0], [1, 1]), (2, 6, 5, 2))
case("BiasAdd", bind(nn.bias_add, weight(3)), X)
case("FusedBatchNormV3", bind(lambda x, s, o, m, v: raw.FusedBatchNormV3(
    x=x, scale=s, offset=o, mean=m, variance=v, epsilon=1e-3, is_training=False)[0],
    weight(3), weight(3), weight(3), tf.abs(weight(3))), X)
case("LRN", lambda x: nn.local_response_normalization(x, 2, 1.5, 0.3, 0.7), (1, 2, 3, 7))
case("DepthToSpace", lambda x: nn.depth_to_space(x, 2), (1, 2, 3, 8))
case("SpaceToDepth", lambda x: nn.space_to_depth(x, 2), (1, 4, 6, 3))
for corners, half in ((False, False), (True, False), (False, True)):
    tag = "corners" if corners else "half" if half else "plain"
    case(f"ResizeBilinear_{tag}", lambda x, c=corners, h=half: raw.ResizeBilinear(
        images=x, size=[9, 4], align_corners=c, half_pixel_centers=h), X)
    case(f"ResizeNearestNeighbor_{tag}", lambda x, c=corners, h=half: raw.ResizeNearestNeighbor(
        images=x, size=[9, 4], align_corners=c, half_pixel_centers=h), X)

case("Reshape", lambda x: tf.reshape(x, [3, -1]), (2, 3, 4))
case("ExpandDims", lambda x: tf.expand_dims(x, -1), (2, 3))
case("Squeeze", lambda x: tf.squeeze(x, [1]), (2, 1, 3, 1))
case("Squeeze_all", lambda x: raw.Squeeze(input=x), (2, 1, 3, 1))
case("Transpose", lambda x: tf.transpose(x, [2, 0, 1]), (2, 3, 4))
case("BroadcastTo", lambda x: tf.broadcast_to(x, [2, 3, 4]), (3, 1))
case("Fill", lambda x: x + tf.fill(tf.shape(x)[1:], 2.5), (2, 3))
case("ZerosLike", lambda x: raw.ZerosLike(x=x) + raw.OnesLike(x=x) * x, (2, 3))
case("Range", lambda x: x + tf.cast(tf.range(0, tf.shape(x)[0] * 2, 2), F), (4,))
case("Rank_Size", lambda x: x * tf.cast(raw.Rank(input=x) + raw.Size(input=x), F), (2, 3))
case("Tile", lambda x: tf.tile(x, [2, 3]), (2, 2))
case("ConcatV2", lambda a, b: tf.concat([a, b], -1), (2, 3), (2, 2))
case("Split", lambda x: [2 * y for y in tf.split(x, 3, 1)], (2, 6))
case("SplitV", lambda x: [2 * y for y in tf.split(x, [2, -1, 1], 1)], (2, 6))
case("Pack", lambda a, b: tf.stack([a, b], 1), (2, 3), (2, 3))
case("Unpack", lambda x: [2 * y for y in tf.unstack(x, axis=1)], (2, 3))
case("Slice", lambda x: tf.slice(x, [0, 1, 2], [2, -1, 1]), (2, 3, 4))
case("StridedSlice_plain", lambda x: x[:, 1:3, ::2], (2, 4, 5))
case("StridedSlice_ellipsis", lambda x: x[..., 1, tf.newaxis], (2, 4, 5))
case("StridedSlice_all", lambda x: x[1, tf.newaxis, ..., -1, 3:0:-2], (2, 4, 3, 5))
case("StridedSlice_back", lambda x: x[::-1, -1], (4, 3))
case("ReverseV2", lambda x: tf.reverse(x, [1]), (2, 4))
case("Pad", lambda x: tf.pad(x, [[0, 0], [1, 2]]), (2, 3))
case("PadV2", lambda x: tf.pad(x, [[1, 0], [0, 2]], constant_values=1.5), (2, 3))
case("MirrorPad", lambda x: tf.pad(x, [[1, 0], [0, 2]], "REFLECT"), (2, 3))
case("MirrorPad_symmetric", lambda x: tf.pad(x, [[1, 0], [3, 2]], "SYMMETRIC"), (2, 3))
case("GatherV2_batch", bind(lambda x, i: tf.gather(x, i, batch_dims=1),
                            tf.constant([[2, 0], [1, 1]])), (2, 3, 4))
case("GatherV2_batch_axis", bind(lambda x, i: tf.gather(x, i, axis=3, batch_dims=1),
                                 tf.constant([[[2, 0], [1, 1], [0, 2]], [[1, 1], [2, 2], [0, 0]]])),
     (2, 2, 4, 3, 2))
case("GatherV2_batch_all", bind(lambda x, i: tf.gather(x, i, axis=-1, batch_dims=-1),
                                tf.constant([[2, 0], [1, 1]])), (2, 3, 4))
case("GatherV2", lambda x: tf.gather(x, [2, 0, 1, 1], axis=1), (2, 3, 2))
case("GatherNd", lambda x: tf.gather_nd(x, [[0, 1], [1, 2]]), (2, 3, 2))
case("ScatterNd", lambda x: tf.scatter_nd([[1], [3], [1]], x, [5, 2]), (3, 2))
case("TensorScatterUpdate", lambda x: tf.tensor_scatter_nd_update(x, [[1], [0]], [5.0, 6.0]), (4,))
case("TensorScatterAdd", lambda x: tf.tensor_scatter_nd_add(x, [[1], [1]], [5.0, 6.0]), (4,))
case("ReverseSequence", lambda x: tf.reverse_sequence(x, [2, 3], 1, 0), (2, 4, 2))
case("Where", lambda x: tf.cast(tf.reduce_sum(tf.where(x > 0), 0), F), (3, 4))
case("OneHot", lambda x: tf.one_hot(tf.cast(tf.abs(x) * 4, I), 4, 2.0, -1.0, 1), (2, 3))
case("TopKV2", lambda x: [nn.top_k(x, 3).values * 2, tf.cast(nn.top_k(x, 3).indices, F)], (2, 6))
case("SparseToDense", lambda x: x + raw.SparseToDense(
    sparse_indices=[[1], [3]], output_shape=[4], sparse_values=[5.0, 6.0], default_value=0.5,
    validate_indices=True), (4,))
BOXES = tf.constant([[0, 0, 1, 1], [0, 0.1, 1, 1.1], [0, 2, 1, 3], [0, 2.05, 1, 3]], F)
# Results whose length depends on the numbers are brought to a fixed one.
case("NonMaxSuppression", lambda s: tf.reduce_sum(tf.one_hot(raw.NonMaxSuppression(
    boxes=BOXES, scores=s, max_output_size=3, iou_threshold=0.4), 4), 0), (4,))
case("NonMaxSuppressionV3", lambda s: tf.reduce_sum(tf.one_hot(
    image.non_max_suppression(BOXES, s, 3, 0.5), 4), 0), (4,))
case("NonMaxSuppressionV5", lambda s: [tf.reduce_sum(tf.cast(y, F)) for y in
                                       image.non_max_suppression_with_scores(BOXES, s, 3, 0.5)], (4,))


def lists(x):
    taken = tf.map_fn(lambda v: nn.relu(v) * 2 + 1, x)
    array = tf.TensorArray(F, 3)
    for i in range(3):
        array = array.write(i, taken[i] * (i + 1.0))
    return array.stack()


def nested(x):
    def outer(i, y):
        y = tf.while_loop(lambda j, y: j < i + 2, lambda j, y: (
            j + 1, y * 0.5 + tf.cast(j, F)), [tf.constant(0), y])[1]
        return i + 1, tf.concat([y[:, 1:], y[:, :1]], 1)
    return tf.while_loop(lambda i, y: i < 3, outer, [tf.constant(0), x])[1]


def branches(x):
    x = tf.cond(tf.shape(x)[0] > 1, lambda: x * 2, lambda: x - 1)
    return tf.cond(tf.shape(x)[1] > 5, lambda: tf.zeros([2, 3]), lambda: x + tf.ones([2, 3]))


# In both forms: nodes of TensorFlow 1, and functions.
for name, f in (("Lists", lists), ("Nested_loops", nested), ("Branches", branches)):
    case(name, f, (3, 4) if f is lists else (2, 3))
    case(name + "_as_functions", f, (3, 4) if f is lists else (2, 3))


def main():
    out = {}
    for name, (f, args) in CASES.items():
        specs = [tf.TensorSpec(shape, dtype) for shape, dtype in args]
        concrete = tf.function(f).get_concrete_function(*specs)
        frozen = convert_variables_to_constants_v2(
            concrete, lower_control_flow=not name.endswith("_as_functions"))
        results = f(*[tf.constant(v) for v in inputs([s for s, _ in args])])
        results = [r.numpy() for r in (results if isinstance(results, (list, tuple)) else [results])]
        graph = json_format.MessageToDict(frozen.graph.as_graph_def())
        library = graph.get("library", {}).get("function", [])
        for node in [n for f in library for n in f["nodeDef"]] + graph["node"]:
            for key in ("_output_shapes", "_user_specified_name"):
                node.get("attr", {}).pop(key, None)
        out[name] = {
            "inputs": [[t.name.split(":")[0], s] for t, (s, _) in zip(frozen.inputs, args)],
            "outputs": [t.name for t in frozen.outputs],
            "graph": {"node": graph["node"],
                      **({"library": {"function": library}} if library else {})},
            "expected": [[list(r.shape), [float(f"{v:.6g}") for v in r.reshape(-1)]] for r in results],
        }
    path = pathlib.Path(__file__).with_name("tensorflow_ops.json")
    lines = [f"{json.dumps(k)}: {json.dumps(v, separators=(',', ':'))}" for k, v in out.items()]
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    print(len(out), "cases,", path.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
