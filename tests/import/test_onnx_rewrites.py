# SPDX-License-Identifier: Apache-2.0
"""Older forms of ONNX operators: what the importer makes of them against onnxruntime.

Every case is a model of one operator in an older opset. Where onnxruntime refuses the form, the
expected values are given here. All cases run in one `prusik conformance`.
"""
import numpy as np
import pytest

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
from onnx import TensorProto, helper, numpy_helper  # noqa: E402

from case_runner import reference, run_cases  # noqa: E402

rng = np.random.default_rng(7)


def f32(*shape):
    return rng.uniform(-2, 2, shape).astype(np.float32)


CASES = {}


def case(name, op, opset, inputs, weights=(), outputs=1, expect=None, **attrs):
    """inputs: arrays fed at run time; weights: arrays stored in the model (None: left out)."""
    assert name not in CASES
    CASES[name] = (op, opset, list(inputs), list(weights), outputs, expect, attrs)


X = f32(2, 3, 4, 5)

for opset in (7, 11, 12, 13):
    for op in ("Softmax", "LogSoftmax", "Hardmax"):
        for axis in (None, 0, 1, 2, 3, -1):
            attrs = {} if axis is None else {"axis": axis}
            if axis == -1 and opset < 11:
                continue
            case(f"{op}_{opset}_{axis}", op, opset, [X], **attrs)

case("Squeeze_7", "Squeeze", 7, [f32(1, 3, 1, 2)], axes=[0, 2])
case("Squeeze_7_all", "Squeeze", 7, [f32(1, 3, 1, 2)])
case("Squeeze_11", "Squeeze", 11, [f32(1, 3, 1, 2)], axes=[-2])
case("Unsqueeze_7", "Unsqueeze", 7, [f32(3, 2)], axes=[0, 3])
case("Slice_7", "Slice", 7, [X], starts=[0, 1], ends=[9, -1], axes=[1, 3])
case("Slice_7_no_axes", "Slice", 7, [X], starts=[1, 0], ends=[2, 2])
case("Split_7", "Split", 7, [f32(2, 6)], axis=1, split=[1, 5], outputs=2)
case("Split_7_even", "Split", 7, [f32(2, 6)], axis=1, outputs=3)
case("Split_13_even", "Split", 13, [f32(6, 2)], outputs=2)
case("Pad_7", "Pad", 7, [X], pads=[0, 0, 1, 2, 0, 0, 3, 0], value=1.5)
case("Pad_7_reflect", "Pad", 7, [X], pads=[0, 0, 1, 2, 0, 0, 3, 0], mode="reflect")
case("Pad_7_default", "Pad", 7, [X], pads=[0, 0, 1, 2, 0, 0, 3, 0])
case("Clip_7", "Clip", 7, [X], min=-0.5, max=0.75)
case("Clip_7_min", "Clip", 7, [X], min=-0.5)
case("Clip_7_none", "Clip", 7, [X])
for op in ("Sum", "Mean", "Max", "Min", "L1", "L2", "LogSumExp", "SumSquare", "Prod", "LogSum"):
    x = np.abs(X) + np.float32(0.1)
    case(f"Reduce{op}_7", "Reduce" + op, 7, [x], axes=[1, 3], keepdims=0)
    case(f"Reduce{op}_11", "Reduce" + op, 11, [x], axes=[-1])
    case(f"Reduce{op}_11_all", "Reduce" + op, 11, [x])
case("TopK_7", "TopK", 7, [f32(3, 8)], k=3, axis=1, outputs=2)
case("TopK_10", "TopK", 10, [f32(3, 8)], [np.array([3], np.int64)], axis=1, outputs=2)
case("Upsample_7", "Upsample", 7, [X], scales=[1.0, 1.0, 2.0, 3.0], mode="nearest")
case("Upsample_7_linear", "Upsample", 7, [X], scales=[1.0, 1.0, 2.0, 2.0], mode="linear")
case("Upsample_9", "Upsample", 9, [X], [np.array([1, 1, 2, 2], np.float32)], mode="nearest")
case("Upsample_9_odd", "Upsample", 9, [X], [np.array([1, 1, 1.5, 2.6], np.float32)], mode="nearest")
case("Upsample_9_linear", "Upsample", 9, [X], [np.array([1, 1, 2, 3], np.float32)], mode="linear")
case("Resize_10_up", "Resize", 10, [X], [np.array([1, 1, 2, 2.5], np.float32)], mode="nearest")
case("Resize_10_down", "Resize", 10, [X], [np.array([1, 1, 0.6, 0.4], np.float32)], mode="nearest")
case("Resize_10_linear", "Resize", 10, [X], [np.array([1, 1, 0.6, 1.7], np.float32)], mode="linear")
case("Resize_11_sizes", "Resize", 11, [X],
     [np.zeros(0, np.float32), np.zeros(0, np.float32), np.array([2, 3, 7, 3], np.int64)], mode="nearest")
case("Dropout_7", "Dropout", 7, [X], ratio=0.3)
# onnxruntime leaves this mask false; what is kept is true, as the newer form says.
case("Dropout_10_mask", "Dropout", 10, [X], outputs=2, expect=[X, np.ones(X.shape, bool)])
case("Dropout_12", "Dropout", 12, [X], [np.float32(0.5)], outputs=2)
case("Dropout_12_off", "Dropout", 12, [X], [np.float32(0.5), np.array(False)])
bn = [f32(3), f32(3), f32(3), np.abs(f32(3)) + np.float32(0.1)]
case("BatchNormalization_7", "BatchNormalization", 7, [X], bn, spatial=1, momentum=0.8,
     epsilon=1e-3)
case("BatchNormalization_9", "BatchNormalization", 9, [X], bn)
case("BatchNormalization_15", "BatchNormalization", 15, [X], bn, training_mode=0)
case("Constant_value_ints", "Constant", 12, [], value_ints=[3, -4])
case("Constant_value_float", "Constant", 12, [], value_float=2.5)
case("Constant_value", "Constant", 9, [], value=numpy_helper.from_array(f32(2, 2)))
case("ConstantOfShape", "ConstantOfShape", 9, [], [np.array([2, 3], np.int64)],
     value=numpy_helper.from_array(np.array([5], np.int32)))
case("ConstantOfShape_default", "ConstantOfShape", 9, [], [np.array([2, 3], np.int64)])
case("Cast_9", "Cast", 9, [X], to=TensorProto.INT32)
case("Cast_13_f16", "Cast", 13, [X], to=TensorProto.FLOAT16)
case("EyeLike", "EyeLike", 9, [f32(3, 4)], dtype=TensorProto.DOUBLE, k=1)
case("Scatter_9", "Scatter", 9, [X[0, 0], np.array([[0, 2]], np.int64), f32(1, 2)], axis=1)
case("Gemm_7", "Gemm", 7, [f32(2, 3), f32(4, 3), f32(4)], transB=1, alpha=0.5, beta=2.0)
case("GroupNormalization_21", "GroupNormalization", 21, [f32(2, 4, 3, 3)], [f32(4), f32(4)],
     num_groups=2)
case("RoiAlign_10", "RoiAlign", 10, [f32(1, 2, 8, 8), np.array([[1, 1, 6, 5]], np.float32),
                                     np.array([0], np.int64)], output_height=3, output_width=3)
case("GridSample_16", "GridSample", 16, [f32(1, 2, 4, 4), f32(1, 3, 3, 2)], mode="bilinear")
case("DFT_17", "DFT", 17, [f32(1, 8, 3, 1)], axis=1)

# Forms older than onnxruntime takes.
case("ConstantFill_1", "ConstantFill", 1, [f32(2, 3)], value=1.5,
     expect=[np.full((2, 3), 1.5, np.float32)])
case("ConstantFill_1_shape", "ConstantFill", 1, [], shape=[4], dtype=TensorProto.INT64, value=2.0,
     expect=[np.full(4, 2)])
a, b = f32(2, 3, 4), f32(3)
case("Add_6_axis", "Add", 6, [a, b], expect=[a + b[:, None]], broadcast=1, axis=1)
case("Mul_6_suffix", "Mul", 6, [a, f32(4)], expect=lambda x, y: [x * y], broadcast=1)
case("Sub_1_consumed", "Sub", 1, [a, a], expect=[a - a], consumed_inputs=[0, 0])
case("PRelu_6", "PRelu", 6, [a], [b], expect=[np.where(a < 0, a * b[:, None], a)])
case("Concat_1", "Concat", 1, [a, a], expect=[np.concatenate([a, a], 1)])
case("Reshape_1", "Reshape", 1, [a], expect=[a.reshape(6, 4)], shape=[6, -1])
case("Cast_1", "Cast", 1, [a], expect=[a.astype(np.int32)], to="INT32")
case("Pad_1", "Pad", 1, [a], expect=[np.pad(a, ((0, 0), (1, 0), (0, 2)))],
     paddings=[0, 1, 0, 0, 0, 2])
case("Dropout_1", "Dropout", 1, [a], expect=[a], is_test=1)
x, s, o = f32(2, 4, 3, 3), f32(2), f32(2)
g = x.reshape(2, 2, -1)
g = (g - g.mean(2, keepdims=True)) / np.sqrt(g.var(2, keepdims=True) + 1e-5)
case("GroupNormalization_18", "GroupNormalization", 18, [x], [s, o], num_groups=2,
     expect=[(g * s[:, None] + o[:, None]).reshape(x.shape)])


def make_model(op, opset, inputs, weights, outputs, attrs):
    names = [f"x{i}" for i in range(len(inputs))]
    init, fed = [], list(names)
    for i, w in enumerate(weights):
        fed.append(f"w{i}")
        init.append(numpy_helper.from_array(np.asarray(w), f"w{i}"))
    node = helper.make_node(op, fed, [f"y{i}" for i in range(outputs)], name="node", **attrs)
    graph = helper.make_graph(
        [node], "g",
        [helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(v.dtype), v.shape)
         for n, v in zip(names, inputs)],
        [helper.make_empty_tensor_value_info(f"y{i}") for i in range(outputs)], init)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


@pytest.fixture(scope="module")
def results(prusik, tmp_path_factory):
    cases = {}
    for name, (op, opset, inputs, weights, outputs, expect, attrs) in CASES.items():
        model = make_model(op, opset, inputs, weights, outputs, attrs)
        if expect is None:
            expect = reference(model, inputs)
        elif callable(expect):
            expect = expect(*inputs)
        cases[name] = model, inputs, expect
    return run_cases(prusik, tmp_path_factory.mktemp("rewrites"), cases)


@pytest.mark.parametrize("name", CASES)
def test_rewrite(results, name):
    status, detail = results[name]
    assert status == "pass", detail
