# SPDX-License-Identifier: Apache-2.0
"""InferSession and aclruntime against onnxruntime, in every mode."""
import pytest

np = pytest.importorskip("numpy")
onnx = pytest.importorskip("onnx")
ort = pytest.importorskip("onnxruntime")
FLOAT = onnx.TensorProto.FLOAT

pytestmark = pytest.mark.in_process

START = """
import sys
import numpy as np
import aclruntime
from ais_bench.infer.interface import InferSession, MemorySummary, MultiDeviceSession
data = np.load("in.npz")
session = InferSession(0, sys.argv[1])
"""


def pool(model, dims, *options):
    node = onnx.helper.make_node
    return model([node("MaxPool", ["x"], ["m"], kernel_shape=[2, 2]), node("Exp", ["m"], ["y"])],
                 [("x", FLOAT, dims)], [("y", FLOAT, [None] * 4)], *options)


MODES = {
    "static": ([1, 3, 8, 8], [], [[1, 3, 8, 8]]),
    "dynbatch": (["n", 3, 8, 8], ["--input_shape=x:-1,3,8,8", "--dynamic_batch_size=1,2,4"],
                 [[2, 3, 8, 8], [4, 3, 8, 8], [1, 3, 8, 8]]),
    "dynhw": ([1, 3, "h", "w"], ["--input_shape=x:1,3,-1,-1", "--dynamic_image_size=8,6;4,10"],
              [[1, 3, 8, 6], [1, 3, 4, 10]]),
    "dyndims": (["n", 3, 8, "w"], ["--input_shape=x:-1,3,8,-1", "--input_format=ND",
                                   "--dynamic_dims=1,8;3,6"], [[3, 3, 8, 6], [1, 3, 8, 8]]),
    "dynshape": ([1, 3, "h", "w"], ["--input_shape_range=x:[1,3,4~16,4~16]"],
                 [[1, 3, 9, 4], [1, 3, 16, 16]]),
}


@pytest.mark.parametrize("mode", MODES)
def test_infer(python, model, tmp_path, mode):
    dims, options, shapes = MODES[mode]
    files = pool(model, dims, *options)
    inputs = [np.random.default_rng(len(s)).standard_normal(s).astype(np.float32) for s in shapes]
    np.savez(tmp_path / "in.npz", *inputs)
    python(START + """
outputs = [session.infer([data[f"arr_{i}"]], sys.argv[2])[0] for i in range(len(data))]
assert len(session.sumary().exec_time_list) == len(data)
np.savez("out.npz", *outputs)
session.finalize()
""", files[1], mode, cwd=tmp_path)
    reference, out = ort.InferenceSession(files[0]), np.load(tmp_path / "out.npz")
    for i, x in enumerate(inputs):
        want = reference.run(None, {"x": x})[0]
        assert out[f"arr_{i}"].shape == want.shape
        np.testing.assert_allclose(out[f"arr_{i}"], want, rtol=1e-5)


def test_interface(python, model, tmp_path):
    x = np.random.default_rng(3).standard_normal((1, 3, 8, 8)).astype(np.float32)
    np.savez(tmp_path / "in.npz", x=x)
    x.tofile(tmp_path / "x.bin")
    python(START + """
x = data["x"]
want = session.infer([x])[0]
desc, = session.get_inputs()
assert (desc.name, desc.shape, desc.size) == ("x", [1, 3, 8, 8], 768)
assert desc.datatype is aclruntime.dtype.float32 and desc.format == 0

tensor = session.create_tensor_from_fileslist(desc, ["x.bin"])
assert tensor.device == 0 and (np.array(tensor) == x).all()
for feed in (tensor, session.create_tensor_from_arrays_to_device(x), aclruntime.Tensor(x)):
    result, = session.run([feed])
    assert (np.array(result) == want).all() and result.shape == [1, 3, 7, 7]
raw = aclruntime.BaseTensor(x.__array_interface__["data"][0], x.nbytes)
for feeds in ([raw], {"x": tensor}):
    assert (np.array(session.session.run(["y"], feeds)[0]) == want).all()

session.reset_sumaryinfo()
session.set_loop_count(4)
session.infer([x])
assert len(session.summary().exec_time_list) == 4
session.set_loop_count(1)
assert all((y[0] == want).all() for y in session.infer_pipeline([[x]] * 3))
assert MemorySummary.get_H2D_time_list() and MemorySummary.get_d2h_time_list()
MemorySummary.reset()
assert not MemorySummary.get_H2D_time_list()

def fails(sentence, call, *args, **kwargs):
    try:
        call(*args, **kwargs)
    except RuntimeError as error:
        assert sentence in str(error), error
    else:
        raise AssertionError("no error: " + sentence)
fails("mode is one of", session.infer, [x], "dynamic")
fails("not str", session.infer, ["x.bin"])
fails("takes 1 inputs, 2 are given", session.infer, [x, x])
fails("no gears", session.infer, [x], "dyndims")
fails("there is no such model file", InferSession, 0, "nowhere.om")
fails("not of the form", session.set_dynamic_dims, "x=1,2")
fails("there is no output", session.session.run, ["z"], [tensor])
session.free_resource()
fails("finalized", session.infer, [x])
session.finalize()
again = InferSession(0, sys.argv[1])  # AscendCL starts again, and ends with the interpreter
assert (again.infer([x])[0] == want).all()
""", pool(model, [1, 3, 8, 8])[1], cwd=tmp_path)


def test_outputs_fed_back(python, model, tmp_path):
    files = model([onnx.helper.make_node("Add", ["a", "b"], ["c"])],
                  [("a", FLOAT, [4]), ("b", FLOAT, [4])], [("c", FLOAT, [4])])
    np.savez(tmp_path / "in.npz", x=np.arange(4, dtype=np.float32))
    python(START + """
one = np.ones(4, np.float32)
c, = session.infer_iteration([data["x"], one], [0, -1], 5)
assert (c == data["x"] + 5).all()
""", files[1], cwd=tmp_path)
