# SPDX-License-Identifier: Apache-2.0
"""Offline models of operators: loaded by folder and from memory, matched, and run."""
import json
import subprocess

import pytest

np = pytest.importorskip("numpy")
from test_single_ops import acl, ints, numbers, run  # noqa: E402,F401

pytestmark = pytest.mark.in_process


def tensor(shape, type="float32", **more):
    return {"format": "ND", "shape": shape, "type": type, **more}


@pytest.fixture
def build(atc, tmp_path):
    def call(*entries, folder="ops"):
        (tmp_path / "ops.json").write_text(json.dumps(entries))
        subprocess.run([atc, "--singleop=ops.json", f"--output={folder}",
                        "--soc_version=Ascend310"], cwd=tmp_path, check=True, capture_output=True)
        return tmp_path / folder
    return call


def entry(op, inputs, outputs, name, **attrs):
    return {"op": op, "name": name, "input_desc": inputs, "output_desc": outputs,
            "attr": [{"name": k, "type": "bool" if isinstance(v, bool) else "list_int",
                      "value": v} for k, v in attrs.items()]}


def disguise(path, said, instead):
    """Lets a file's pattern speak of another operator, to see that the file is what runs."""
    data = path.read_bytes()
    assert len(said) == len(instead) and data.count(said) == 1
    return data.replace(said, instead)


@pytest.fixture
def fresh(acl):
    """No files of another test: AscendCL starts anew."""
    def again():
        assert acl.rt.reset_device(0) == 0 and acl.finalize() == 0
        assert acl.init() == 0 and acl.rt.set_device(0) == 0
    again()
    yield acl
    again()


X, Y = numbers(3, 4), numbers(3, 4, seed=1)


def test_the_file_is_what_runs(fresh, build, tmp_path):
    folder = build(entry("Sub", [tensor([3, 4])] * 2, [tensor([3, 4])], "sub"))
    data = disguise(folder / "sub.om", b"Sub in f320", b"Add in f320")
    acl = fresh
    assert np.array_equal(run(acl, "Add", [X, Y], [X])[0], X + Y)  # ready before there is a file
    (folder / "sub.om").unlink()
    (folder / "deep" / "er").mkdir(parents=True)
    (folder / "deep" / "er" / "add.om").write_bytes(data)
    (folder / "notes.txt").write_text("no model")
    assert acl.op.set_model_dir(str(folder)) == 0
    assert np.array_equal(run(acl, "Add", [X, Y], [X])[0], X - Y)
    # Another type, another shape, another operator: not the file's.
    assert np.array_equal(run(acl, "Add", [X[:2], Y[:2]], [X[:2]])[0], (X + Y)[:2])
    half = X.astype(np.float16)
    assert np.array_equal(run(acl, "Add", [half, half], [half])[0], half + half)
    assert np.array_equal(run(acl, "Sub", [X, Y], [X])[0], X - Y)


def test_the_fourth_folder_is_too_deep(fresh, build):
    folder = build(entry("Sub", [tensor([3, 4])] * 2, [tensor([3, 4])], "sub"))
    data = disguise(folder / "sub.om", b"Sub in f320", b"Add in f320")
    (folder / "sub.om").unlink()
    (folder / "2" / "3" / "4").mkdir(parents=True)
    (folder / "2" / "3" / "4" / "add.om").write_bytes(data)
    assert fresh.op.set_model_dir(str(folder)) == 0
    assert np.array_equal(run(fresh, "Add", [X, Y], [X])[0], X + Y)


def test_from_memory_the_newest_wins(fresh, build):
    acl = fresh
    folder = build(entry("Sub", [tensor([3, 4])] * 2, [tensor([3, 4])], "sub"),
                   entry("Mul", [tensor([3, 4])] * 2, [tensor([3, 4])], "mul"))
    for name, said, wanted in [("sub.om", b"Sub in f320", X - Y),
                               ("mul.om", b"Mul in f320", X * Y)]:
        data = np.frombuffer(disguise(folder / name, said, b"Add in f320"), np.uint8)
        assert acl.op.load(acl.util.numpy_to_ptr(data), data.nbytes) == 0
        del data  # the library keeps its own copy
        assert np.array_equal(run(acl, "Add", [X, Y], [X])[0], wanted)


def test_attributes_and_values_are_compared(fresh, build):
    acl = fresh
    folder = build(entry("ReduceMax", [tensor([3, 4]), tensor([1], "int32", const_value=[1])],
                         [tensor([3, 1])], "max", keep_dims=True))
    data = disguise(folder / "max.om", b"ReduceMax in f320", b"ReduceMin in f320")
    (folder / "max.om").write_bytes(data)
    assert acl.op.set_model_dir(str(folder)) == 0
    wanted = np.zeros((3, 1), np.float32)
    assert np.array_equal(run(acl, "ReduceMin", [X, ints(1)], [wanted], keep_dims=True)[0],
                          X.max(1, keepdims=True))
    across = np.zeros((1, 4), np.float32)
    assert np.array_equal(run(acl, "ReduceMin", [X, ints(0)], [across], keep_dims=True)[0],
                          X.min(0, keepdims=True))
    assert np.array_equal(run(acl, "ReduceMin", [X, ints(1)], [wanted[:, 0]])[0], X.min(1))


@pytest.mark.parametrize("op, inputs, outputs, given, wanted, attrs", [
    ("ArgMaxV2", [tensor([3, 4]), tensor([1], "int32")], [tensor([3], "int32")], [X, ints(1)],
     X.argmax(1).astype(np.int32), {}),
    ("Relu", [tensor([-1, 4], shape_range=[[1, 8]])], [tensor([-1, 4])], [X], np.maximum(X, 0), {}),
    ("Relu", [tensor([-2])], [tensor([-2])], [X], np.maximum(X, 0), {}),
    ("Transpose", [tensor([3, 4]), tensor([2], "int64", const_value=[1, 0])], [tensor([4, 3])],
     [X, np.array([1, 0])], X.T, {}),
    ("SoftmaxV2", [tensor([3, 4])], [tensor([3, 4])], [X * 0], np.full((3, 4), 1 / 3, np.float32),
     {"axes": [0]}),
])
def test_open_and_closed_files_run(fresh, build, op, inputs, outputs, given, wanted, attrs):
    folder = build(entry(op, inputs, outputs, "one", **attrs))
    assert fresh.op.set_model_dir(str(folder)) == 0
    np.testing.assert_allclose(run(fresh, op, given, [wanted], **attrs)[0], wanted, rtol=1e-6)


def test_handles_use_the_file(fresh, build):
    acl = fresh
    folder = build(entry("Sub", [tensor([3, 4])] * 2, [tensor([3, 4])], "sub"))
    (folder / "sub.om").write_bytes(disguise(folder / "sub.om", b"Sub in f320", b"Add in f320"))
    assert acl.op.set_model_dir(str(folder)) == 0
    descs = [acl.create_tensor_desc(0, [3, 4], 2) for _ in range(3)]
    attr = acl.op.create_attr()
    handle, ret = acl.op.create_handle("Add", descs[:2], descs[2:], attr)
    assert ret == 0, acl.get_recent_err_msg()
    z = np.zeros_like(X)
    buffers = [acl.create_data_buffer(acl.util.numpy_to_ptr(a), a.nbytes) for a in (X, Y, z)]
    assert acl.op.execute_with_handle(handle, buffers[:2], buffers[2:], 0) == 0
    assert acl.rt.synchronize_stream(0) == 0
    assert np.array_equal(z, X - Y)
    acl.op.destroy_handle(handle)
    acl.op.destroy_attr(attr)
    for d in descs:
        acl.destroy_tensor_desc(d)
    for b in buffers:
        acl.destroy_data_buffer(b)


def test_a_file_that_lies_is_refused(fresh, build):
    """Its pattern speaks of other tensors than its graph has."""
    acl = fresh
    folder = build(entry("Sub", [tensor([3, 4])] * 2, [tensor([3, 4])], "sub"))
    said = b"Sub in f320[3,4] f320[3,4] out f320[3,4]"
    (folder / "sub.om").write_bytes(disguise(folder / "sub.om", said, said.replace(b"3,4", b"9,9")))
    assert acl.op.set_model_dir(str(folder)) == 0
    big = np.zeros((9, 9), np.float32)
    descs = [acl.create_tensor_desc(0, [9, 9], 2) for _ in range(3)]
    attr = acl.op.create_attr()
    handle, ret = acl.op.create_handle("Sub", descs[:2], descs[2:], attr)
    assert ret != 0 and "says that it is the operator" in acl.get_recent_err_msg()
    assert np.array_equal(run(acl, "Add", [big, big], [big])[0], big)
    acl.op.destroy_attr(attr)
    for d in descs:
        acl.destroy_tensor_desc(d)


def test_a_closed_file_is_a_model_too_and_an_open_one_is_not(fresh, build):
    acl = fresh
    folder = build(entry("Add", [tensor([3, 4])] * 2, [tensor([3, 4])], "add"),
                   entry("Relu", [tensor([-1])], [tensor([-1])], "open"))
    model, ret = acl.mdl.load_from_file(str(folder / "add.om"))
    assert ret == 0 and acl.mdl.unload(model) == 0
    _, ret = acl.mdl.load_from_file(str(folder / "open.om"))
    assert ret == 200006 and "aclopSetModelDir" in acl.get_recent_err_msg()


@pytest.mark.parametrize("cut", [0, 1, 100, 300, -1, -100])
def test_damaged_files(fresh, build, cut):
    acl = fresh
    folder = build(entry("Add", [tensor([3, 4])] * 2, [tensor([3, 4])], "add"))
    data = (folder / "add.om").read_bytes()[:cut]
    (folder / "bad.om").write_bytes(data)
    assert acl.op.set_model_dir(str(folder)) != 0 and "bad.om" in acl.get_recent_err_msg()
    if data:
        array = np.frombuffer(data, np.uint8)
        assert acl.op.load(acl.util.numpy_to_ptr(array), array.nbytes) != 0
    assert np.array_equal(run(acl, "Add", [X, Y], [X])[0], X + Y)


def test_no_folder(fresh, tmp_path):
    assert fresh.op.set_model_dir(str(tmp_path / "gone")) != 0
    assert "gone" in fresh.get_recent_err_msg()
    (tmp_path / "file.om").write_text("x")
    assert fresh.op.set_model_dir(str(tmp_path / "file.om")) != 0
    assert fresh.op.set_model_dir(str(tmp_path / "file.om" / "..")) != 0
