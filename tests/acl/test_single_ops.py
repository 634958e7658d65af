# SPDX-License-Identifier: Apache-2.0
"""Single operators through pyACL, beside NumPy."""
import pathlib
import re
import sys

import pytest

np = pytest.importorskip("numpy")

pytestmark = pytest.mark.in_process

ROOT = pathlib.Path(__file__).resolve().parents[2]
TYPES = {"float32": 0, "float16": 1, "int8": 2, "int32": 3, "uint8": 4, "int64": 9, "bool": 12}
ND, NCHW = 2, 0


@pytest.fixture(scope="module")
def acl(build_dir):
    sys.path.insert(0, str(build_dir / "python"))
    import acl
    assert acl.init() == 0 and acl.rt.set_device(0) == 0
    yield acl
    assert acl.rt.reset_device(0) == 0 and acl.finalize() == 0


def attributes(acl, given):
    attr = acl.op.create_attr()
    for name, value in given.items():
        if isinstance(value, bool):
            ret = acl.op.set_attr_bool(attr, name, value)
        elif isinstance(value, int):
            ret = acl.op.set_attr_int(attr, name, value)
        elif isinstance(value, float):
            ret = acl.op.set_attr_float(attr, name, value)
        else:
            ret = acl.op.set_attr_list_int(attr, name, value)
        assert ret == 0
    return attr


class Side:
    """Descriptions and buffers of arrays, which must stay alive."""

    def __init__(self, acl, arrays, form=ND):
        self.acl = acl
        self.descs = [acl.create_tensor_desc(TYPES[a.dtype.name], list(a.shape), form)
                      for a in arrays]
        self.buffers = [acl.create_data_buffer(acl.util.numpy_to_ptr(a), a.nbytes) for a in arrays]

    def drop(self):
        for desc in self.descs:
            self.acl.destroy_tensor_desc(desc)
        for buffer in self.buffers:
            assert self.acl.destroy_data_buffer(buffer) == 0


def run(acl, op, inputs, wanted, form=ND, **attrs):
    """The outputs of an operator, in the shapes and types of `wanted`."""
    inputs = [np.ascontiguousarray(x) for x in inputs]
    outputs = [np.zeros(w.shape, w.dtype) for w in wanted]
    attr = attributes(acl, attrs)
    given, made = Side(acl, inputs, form), Side(acl, outputs, form)
    ret = acl.op.execute_v2(op, given.descs, given.buffers, made.descs, made.buffers, attr, 0)
    assert ret == 0, acl.get_recent_err_msg()
    assert acl.rt.synchronize_stream(0) == 0, acl.get_recent_err_msg()
    acl.op.destroy_attr(attr)
    given.drop()
    made.drop()
    return outputs


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).uniform(-2, 2, shape).astype(np.float32)


def ints(*values):
    return np.array(values, np.int32)


def softmax(x, axis):
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


X, Y, P = numbers(3, 4, 5), numbers(3, 4, 5, seed=1), np.abs(numbers(3, 4, 5, seed=2)) + 0.1
A, B, BIAS = numbers(4, 6), numbers(6, 3, seed=1), numbers(3, seed=2)
CASES = [
    ("Add", [X, Y[0]], {}, X + Y[0]),
    ("Sub", [X, Y], {}, X - Y),
    ("Mul", [X, Y], {}, X * Y),
    ("Div", [X, P], {}, X / P),
    ("RealDiv", [X, P], {}, X / P),
    ("Maximum", [X, Y], {}, np.maximum(X, Y)),
    ("Minimum", [X, Y], {}, np.minimum(X, Y)),
    ("Pow", [P, X], {}, P ** X),
    ("Relu", [X], {}, np.maximum(X, 0)),
    ("Relu6", [X * 5], {}, np.clip(X * 5, 0, 6)),
    ("Sigmoid", [X], {}, 1 / (1 + np.exp(-X))),
    ("Tanh", [X], {}, np.tanh(X)),
    ("GreaterEqual", [X, Y], {}, X >= Y),
    ("Select", [X > 0, X, Y], {}, np.where(X > 0, X, Y)),
    ("Cast", [X * 9], {"dst_type": 3}, np.trunc(X * 9).astype(np.int32)),
    ("Cast", [X], {}, X.astype(np.float16)),
    ("SoftmaxV2", [X], {"axes": [1]}, softmax(X, 1)),
    ("Softmax", [X], {"axis": -1}, softmax(X, -1)),
    ("LogSoftmaxV2", [X], {"axes": [2]}, np.log(softmax(X, 2))),
    ("ArgMaxV2", [X, ints(1)], {"dtype": 3}, X.argmax(1).astype(np.int32)),
    ("ArgMaxD", [X], {"dimension": 2}, X.argmax(2).astype(np.int32)),
    ("ArgMinD", [X], {"dimension": 0}, X.argmin(0).astype(np.int32)),
    ("ArgMax", [X], {"axis": 1, "keepdims": 0}, X.argmax(1)),
    ("MatMul", [A, B], {}, A @ B),
    ("MatMulV2", [A.T, B.T, BIAS], {"transpose_x1": True, "transpose_x2": True}, A @ B + BIAS),
    ("BatchMatMul", [X, Y], {"adj_x2": True}, X @ Y.transpose(0, 2, 1)),
    ("GEMM", [A, B.T, np.ones((4, 3), np.float32), np.float32([2]), np.float32([0.5])],
     {"transpose_b": True}, 2 * (A @ B) + 0.5),
    ("Transpose", [X, ints(2, 0, 1)], {}, X.transpose(2, 0, 1)),
    ("Transpose", [X], {"perm": [1, 0, 2]}, X.transpose(1, 0, 2)),
    ("TransposeD", [X], {"perm": [1, 2, 0]}, X.transpose(1, 2, 0)),
    ("Concat", [ints(1), X, Y], {"N": 2}, np.concatenate([X, Y], 1)),
    ("ConcatV2", [X, Y, ints(-1)], {"N": 2}, np.concatenate([X, Y], -1)),
    ("ConcatD", [X, Y], {"concat_dim": 0, "N": 2}, np.concatenate([X, Y], 0)),
    ("Slice", [X, ints(1, 0, 2), ints(2, -1, 3)], {}, X[1:, :, 2:]),
    ("SliceD", [X], {"offsets": [0, 1, 0], "size": [3, 2, -1]}, X[:, 1:3]),
    ("StridedSlice", [X, ints(0, 3, 0), ints(3, 0, 5), ints(1, -1, 2)], {}, X[:, 3:0:-1, ::2]),
    ("StridedSliceD", [X], {"begin": [1, 2, 3], "end": [2, 9, 4], "strides": [1, 1, 1],
                            "shrink_axis_mask": 1, "end_mask": 4, "begin_mask": 2}, X[1, :, 3:]),
    ("ReduceSum", [X, ints(0, 2)], {}, X.sum((0, 2))),
    ("ReduceSumD", [X], {"axes": [1], "keep_dims": True}, X.sum(1, keepdims=True)),
    ("ReduceMean", [X, ints(-1)], {"keep_dims": True}, X.mean(-1, keepdims=True)),
    ("ReduceMeanD", [X], {"axes": [0]}, X.mean(0)),
    ("ReduceMax", [X, ints(1)], {"keepdims": 1}, X.max(1, keepdims=True)),
    ("ReduceMaxD", [X], {"axes": [2]}, X.max(2)),
    ("ReduceMinD", [X], {"axes": [2]}, X.min(2)),
    ("ReduceProdD", [X], {"axes": [1]}, X.prod(1)),
    ("Reshape", [X, ints(4, -1)], {}, X.reshape(4, -1)),
    ("ExpandDims", [X, ints(1)], {}, X[:, None]),
    ("Squeeze", [X[:, None]], {"axis": [1]}, X),
    ("Unsqueeze", [X], {"axes": [0]}, X[None]),
    ("Tile", [A, ints(2, 3)], {}, np.tile(A, (2, 3))),
    ("TileD", [A], {"multiples": [1, 2]}, np.tile(A, (1, 2))),
    ("GatherV2", [X, ints(2, 0), ints(1)], {}, X[:, [2, 0]]),
]


@pytest.mark.parametrize("op,inputs,attrs,wanted", CASES,
                         ids=[f"{i}-{case[0]}" for i, case in enumerate(CASES)])
def test_results(acl, op, inputs, attrs, wanted):
    got, = run(acl, op, inputs, [wanted], **attrs)
    np.testing.assert_allclose(got, wanted, rtol=2e-5, atol=1e-5)


def test_half_precision(acl):
    x, y = X.astype(np.float16), Y.astype(np.float16)
    got, = run(acl, "Add", [x, y], [x])
    np.testing.assert_allclose(got, x + y, rtol=1e-3)


def test_topk(acl):
    order = np.argsort(-X, 2)[..., :3]
    values, places = run(acl, "TopKV2", [X, ints(3)],
                         [np.take_along_axis(X, order, 2), order.astype(np.int32)])
    np.testing.assert_array_equal(places, order)
    np.testing.assert_array_equal(values, np.take_along_axis(X, order, 2))


def test_convolution(acl):
    x, w, bias = numbers(1, 3, 8, 9), numbers(4, 3, 3, 3, seed=1), numbers(4, seed=2)
    padded = np.pad(x, ((0, 0), (0, 0), (1, 0), (2, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), (2, 3))[:, :, ::2, ::2]
    wanted = np.einsum("nchwij,ocij->nohw", windows, w) + bias[None, :, None, None]
    got, = run(acl, "Conv2D", [x, w, bias], [wanted.astype(np.float32)], form=NCHW,
               strides=[1, 1, 2, 2], pads=[1, 0, 2, 1])
    np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-4)


def test_handles_and_casts(acl):
    x, y = X.copy(), np.zeros(X.shape, np.float16)
    given, made = Side(acl, [x]), Side(acl, [y])
    handle, ret = acl.op.create_handle_for_cast(given.descs[0], made.descs[0], 0)
    assert ret == 0
    for _ in range(2):
        x[:] += 1
        assert acl.op.execute_with_handle(handle, given.buffers, made.buffers, 0) == 0
        assert acl.rt.synchronize_stream(0) == 0
        np.testing.assert_array_equal(y, x.astype(np.float16))
    acl.op.destroy_handle(handle)
    assert acl.op.execute_with_handle(handle, given.buffers, made.buffers, 0) != 0
    given.drop()
    made.drop()


def test_shapes_that_are_not_known(acl):
    given, made = Side(acl, [X]), Side(acl, [np.zeros((4, 5), np.float32)])
    attr = attributes(acl, {"axes": [0]})
    assert acl.set_tensor_shape(made.descs[0], 1, [-1]) == 0
    assert acl.op.infer_shape("ReduceSumD", given.descs, given.buffers, made.descs, attr) == 0
    assert [acl.get_tensor_desc_dim_v2(made.descs[0], i)[0] for i in range(2)] == [4, 5]
    acl.op.destroy_attr(attr)
    given.drop()
    made.drop()


def test_folders_of_models(acl, tmp_path):
    assert acl.op.set_model_dir(str(tmp_path)) == 0
    (tmp_path / "0_Add.om").write_bytes(b"no model")
    assert acl.op.set_model_dir(str(tmp_path)) != 0
    assert acl.op.set_model_dir(str(tmp_path / "absent")) != 0
    assert "absent" in acl.get_recent_err_msg()


def test_every_name_is_documented():
    table = (ROOT / "src/import/single_op.c").read_text()
    names = re.findall(r'^    \{"(\w+)", OP_(\w+),', table, re.M)
    page = (ROOT / "docs/single-operators.md").read_text().split("## Offline models")[0]
    assert len(names) > 50 and names == sorted(names)
    assert re.findall(r"^\| (\w+) \| (\w+) \|", page, re.M) == names
