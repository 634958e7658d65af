# SPDX-License-Identifier: Apache-2.0
"""Quantised ONNX models, as onnxruntime's own tools make them, against onnxruntime.

Both compute in integers or in floats as they see fit, and a value that lies on the border between two
steps of a scale may fall to either side: that is one step of the activations behind it, so outputs
are compared by their range, as 8 bits resolve it.
"""
import os
import subprocess

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")
ort = pytest.importorskip("onnxruntime")
from onnx import TensorProto, helper, numpy_helper  # noqa: E402
from onnxruntime import quantization as q  # noqa: E402

import through  # noqa: E402

rng = np.random.default_rng(3)
SHAPE = (1, 3, 33, 29)


def weight(name, *shape):
    scale = np.prod(shape[1:]) ** -0.5
    return numpy_helper.from_array((rng.normal(size=shape) * scale).astype(np.float32), name)


def cnn():
    """A small CNN: strides, a depthwise convolution, a residual, a concatenation, pooling, MatMul."""
    node = helper.make_node
    nodes = [
        node("Conv", ["x", "w1", "b1"], ["c1"], pads=[1] * 4, strides=[2, 2]),
        node("Relu", ["c1"], ["r1"]),
        node("Conv", ["r1", "w2", "b2"], ["c2"], pads=[1] * 4, group=16),
        node("Clip", ["c2", "zero", "six"], ["r2"]),
        node("Conv", ["r2", "w3"], ["c3"]),
        node("Add", ["r1", "c3"], ["a"]),
        node("MaxPool", ["a"], ["p"], kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4),
        node("Sigmoid", ["p"], ["s"]),
        node("Mul", ["p", "s"], ["m"]),
        node("Concat", ["p", "m"], ["k"], axis=1),
        node("GlobalAveragePool", ["k"], ["g"]),
        node("Flatten", ["g"], ["f"]),
        node("MatMul", ["f", "w4"], ["mm"]),
        node("Add", ["mm", "b4"], ["h"]),
        node("Gemm", ["h", "w5", "b5"], ["y"], transB=1),
    ]
    init = [weight("w1", 16, 3, 3, 3), weight("b1", 16), weight("w2", 16, 1, 3, 3),
            weight("b2", 16), weight("w3", 16, 16, 1, 1), weight("w4", 32, 24), weight("b4", 24),
            weight("w5", 10, 24), weight("b5", 10),
            numpy_helper.from_array(np.float32(0), "zero"),
            numpy_helper.from_array(np.float32(6), "six")]
    f32 = TensorProto.FLOAT
    graph = helper.make_graph(nodes, "cnn", [helper.make_tensor_value_info("x", f32, SHAPE)],
                              [helper.make_tensor_value_info("y", f32, [1, 10])], init)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


class Calibration(q.CalibrationDataReader):
    def __init__(self):
        self.left = iter([{"x": rng.normal(size=SHAPE).astype(np.float32)} for _ in range(8)])

    def get_next(self):
        return next(self.left, None)


def static(**options):
    return lambda a, b: q.quantize_static(a, b, Calibration(), **options)


KINDS = {
    "qdq": static(quant_format=q.QuantFormat.QDQ),
    "qdq_per_channel": static(quant_format=q.QuantFormat.QDQ, per_channel=True),
    "qdq_unsigned_weights": static(quant_format=q.QuantFormat.QDQ, weight_type=q.QuantType.QUInt8,
                                   activation_type=q.QuantType.QUInt8),
    "qdq_16_bits": static(quant_format=q.QuantFormat.QDQ, activation_type=q.QuantType.QUInt16,
                          extra_options={"UseQDQContribOps": False}),
    "qdq_contrib": static(quant_format=q.QuantFormat.QDQ,
                          extra_options={"UseQDQContribOps": True}),
    "qoperator": static(quant_format=q.QuantFormat.QOperator),  # most of it in com.microsoft
    "qoperator_plain": static(quant_format=q.QuantFormat.QOperator,
                              op_types_to_quantize=["Conv", "MatMul", "MaxPool"]),
    "qoperator_per_channel": static(quant_format=q.QuantFormat.QOperator, per_channel=True,
                                    op_types_to_quantize=["Conv", "MatMul"]),
    "dynamic": lambda a, b: q.quantize_dynamic(a, b),
    "dynamic_per_channel": lambda a, b: q.quantize_dynamic(
        a, b, per_channel=True, weight_type=q.QuantType.QUInt8),
}


def compare(atc, prusik, folder, model, x, *options):
    """What both give. On x86 processors without VNNI onnxruntime's sums of u8 times s8 saturate at 16
    bits unless told otherwise, and told so its operators that take s8 by themselves go wrong."""
    through.convert(atc, model, folder / "m", "--framework=5", *options)
    got = through.run(prusik, folder / "m.om", [x], folder / "out")
    settings = ort.SessionOptions()
    operators = {n.op_type for n in onnx.load(model).graph.node}
    s8 = x.dtype == np.int8 or (x.dtype == np.float32 and "QLinearConv" in operators)
    if not s8:
        settings.add_session_config_entry("session.x64quantprecision", "1")
    session = ort.InferenceSession(str(model), settings, providers=["CPUExecutionProvider"])
    expected = session.run(None, {session.get_inputs()[0].name: x})
    assert [y.shape for y in got] == [y.shape for y in expected]
    return got, expected


@pytest.mark.parametrize("kind", KINDS)
def test_small_network(atc, prusik, tmp_path, kind):
    onnx.save(cnn(), tmp_path / "float.onnx")
    try:
        KINDS[kind](str(tmp_path / "float.onnx"), str(tmp_path / "q.onnx"))
    except ImportError as e:
        pytest.skip(f"onnxruntime cannot quantise: {e}")
    names = {n.op_type for n in onnx.load(tmp_path / "q.onnx").graph.node}
    wanted = {"qdq": "DequantizeLinear", "qoperator": "QLinearConv", "dynamic": "ConvInteger"}
    assert wanted[kind.split("_")[0]] in names
    x = rng.normal(size=SHAPE).astype(np.float32)
    (got,), (want,) = compare(atc, prusik, tmp_path, tmp_path / "q.onnx", x)
    assert np.abs(got - want).max() <= 0.01 * np.ptp(want)
    # And it is the network: quantising costs a few hundredths.
    exact = ort.InferenceSession(str(tmp_path / "float.onnx")).run(None, {"x": x})[0]
    assert np.abs(got - exact).max() <= 0.1 * np.ptp(exact)


def test_mobilenet(atc, prusik, data_dir, tmp_path):
    """MobileNetV2 with ConvInteger and MatMulInteger, on noise."""
    model = data_dir / "models" / "mobilenetv2_int8.onnx"
    x = np.random.default_rng(0).normal(size=(1, 3, 224, 224)).astype(np.float32)
    (got,), (want,) = compare(atc, prusik, tmp_path, model, x, "--input_shape=input:1,3,224,224")
    assert np.abs(got - want).max() <= 0.02 * np.ptp(want)
    assert got.argmax() == want.argmax()


@pytest.mark.parametrize("dtype, zero",
                         [(np.uint8, 0), (np.uint8, 128), (np.int8, 0), (np.int8, -7)])
def test_rounding(atc, prusik, tmp_path, dtype, zero):
    """Ties to even, saturation, infinities, and back to floats."""
    scale = np.float32(0.25)
    x = np.concatenate([np.arange(-1200, 1200) * np.float32(0.125), rng.normal(size=600) * 20,
                        [np.inf, -np.inf, 1e30, -1e30, -0.0, 1e-40]]).astype(np.float32)
    node = helper.make_node
    graph = helper.make_graph(
        [node("QuantizeLinear", ["x", "s", "z"], ["q"]),
         node("DequantizeLinear", ["q", "s", "z"], ["y"])], "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)],
        [helper.make_empty_tensor_value_info("q"), helper.make_empty_tensor_value_info("y")],
        [numpy_helper.from_array(scale, "s"), numpy_helper.from_array(np.asarray(zero, dtype), "z")])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8),
              tmp_path / "q.onnx")
    got, expected = compare(atc, prusik, tmp_path, tmp_path / "q.onnx", x)
    info = np.iinfo(dtype)
    q = np.clip(np.rint(x / scale) + zero, info.min, info.max)
    for ours, theirs, exact in zip(got, expected, (q, (q - zero) * scale)):
        assert (ours == exact).all() and (theirs == exact).all()


def run_twice(atc, prusik, tmp_path, model, x):
    """What it gives, compared with the reference kernels, and the profile of a run."""
    onnx.save(model, tmp_path / "q.onnx")
    (got,), (want,) = compare(atc, prusik, tmp_path, tmp_path / "q.onnx", x)
    (reference,) = through.run(prusik, tmp_path / "m.om", [x], tmp_path / "ref", PRUSIK_REF="1")
    assert got.dtype == reference.dtype and (got == reference).all()
    done = subprocess.run([prusik, "bench", "--runs=1", tmp_path / "m.om"], check=True, text=True,
                          capture_output=True, env={**os.environ, "PRUSIK_PROF": "1"})
    return got, want, done.stderr


def product(op, x, values, result, **attributes):
    element = helper.np_dtype_to_tensor_dtype(x.dtype)
    graph = helper.make_graph(
        [helper.make_node(op, ["x", *values], ["y"], **attributes)], "g",
        [helper.make_tensor_value_info("x", element, x.shape)],
        [helper.make_tensor_value_info("y", result, None)],
        [numpy_helper.from_array(np.asarray(v), k) for k, v in values.items()])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def weights_of(own, w_type, shape, scales):
    """Random weights with that many scales: what QLinearConv and QLinearMatMul take beside x."""
    w_range = np.iinfo(w_type)
    scale = own.choice([0.0625, 0.03125, 0.0131], scales)
    zero = np.full(scales, 0 if w_type == np.int8 else 119)
    values = {"w": own.integers(w_range.min, w_range.max + 1, shape).astype(w_type),
              "ws": scale.astype(np.float32), "wz": zero.astype(w_type)}
    if scales == 1:
        values["ws"], values["wz"] = values["ws"][0], values["wz"][0]
    return values


def check_product(atc, prusik, tmp_path, op, x, values, **attributes):
    """The same bytes as the reference kernel, ties included; onnxruntime's within a step."""
    values = {"xs": np.float32(0.03125), "xz": x.dtype.type(7), "w": values["w"],
              "ws": values["ws"], "wz": values["wz"], "ys": np.float32(1),
              "yz": x.dtype.type(3), **values}
    element = helper.np_dtype_to_tensor_dtype(x.dtype)
    got, want, profile = run_twice(atc, prusik, tmp_path,
                                   product(op, x, values, element, **attributes), x)
    assert got.dtype == want.dtype
    assert np.abs(got.astype(int) - want.astype(int)).max() <= 1
    assert (got != want).mean() < 0.01
    assert "requantise" in profile, "not by the reference kernel"


@pytest.mark.parametrize("x_type, w_type", [(np.uint8, np.int8), (np.uint8, np.uint8),
                                            (np.int8, np.int8)])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize("group, pads, strides", [(1, [1, 0, 2, 1], [2, 1]), (8, [1] * 4, [1, 1])])
def test_qlinear_conv(atc, prusik, tmp_path, x_type, w_type, bias, per_channel, group, pads,
                      strides):
    own = np.random.default_rng(5)
    x_range, channels = np.iinfo(x_type), 24
    x = own.integers(x_range.min, x_range.max + 1, (2, 8, 13, 11)).astype(x_type)
    values = weights_of(own, w_type, (channels, 8 // group, 3, 3), channels if per_channel else 1)
    if bias:
        values["b"] = own.integers(-3000, 3000, channels).astype(np.int32)
    check_product(atc, prusik, tmp_path, "QLinearConv", x, values, pads=pads, strides=strides,
                  group=group)


@pytest.mark.parametrize("x_type, w_type", [(np.uint8, np.int8), (np.uint8, np.uint8),
                                            (np.int8, np.int8)])
@pytest.mark.parametrize("per_column", [False, True])
@pytest.mark.parametrize("shape, columns", [((3, 40), 24), ((2, 5, 37), 19), ((1, 200), 1)])
def test_qlinear_matmul(atc, prusik, tmp_path, x_type, w_type, per_column, shape, columns):
    own = np.random.default_rng(6)
    x_range = np.iinfo(x_type)
    x = own.integers(x_range.min, x_range.max + 1, shape).astype(x_type)
    values = weights_of(own, w_type, (shape[-1], columns), columns if per_column else 1)
    check_product(atc, prusik, tmp_path, "QLinearMatMul", x, values)


@pytest.mark.parametrize("zeros", [False, True])
@pytest.mark.parametrize("shape, columns", [((3, 40), 24), ((2, 5, 37), 19)])
def test_matmul_integer(atc, prusik, tmp_path, zeros, shape, columns):
    own = np.random.default_rng(7)
    x = own.integers(0, 256, shape).astype(np.uint8)
    w = own.integers(-128, 128, (shape[-1], columns)).astype(np.int8)
    values = {"w": w, **({"xz": np.uint8(9), "wz": np.int8(-3)} if zeros else {})}
    got, want, profile = run_twice(atc, prusik, tmp_path,
                                   product("MatMulInteger", x, values, TensorProto.INT32), x)
    exact = (x.astype(np.int64) - 9 * zeros) @ (w.astype(np.int64) + 3 * zeros)
    assert (got == exact).all() and (want == exact).all()
    assert "narrow" in profile, "not by the reference kernel"


def test_sums_beyond_floats(atc, prusik, tmp_path):
    """Sums that f32 does not hold exactly: the reference kernel runs."""
    x, w = np.full((1, 1024), 255, np.uint8), np.full((1024, 3), 127, np.int8)
    w[0] = 126
    got, want, profile = run_twice(atc, prusik, tmp_path,
                                   product("MatMulInteger", x, {"w": w}, TensorProto.INT32), x)
    assert (got == 255 * (127 * 1023 + 126)).all() and (got == want).all()
    assert "narrow" not in profile
