# SPDX-License-Identifier: Apache-2.0
"""Operators called alone in dumps and profiles; dumps of overflow, of failures, of chosen runs."""
import csv
import json
import pathlib
import subprocess
import sys

import pytest

np = pytest.importorskip("numpy")
onnx = pytest.importorskip("onnx")
from onnx import TensorProto, helper  # noqa: E402

from test_dump import dump  # noqa: E402
from test_single_ops import Side, acl, attributes, ints, numbers, run  # noqa: E402,F401

pytestmark = pytest.mark.in_process
X, Y = numbers(3, 4), numbers(3, 4, seed=1)


@pytest.fixture
def dumping(acl):
    assert acl.mdl.init_dump() == 0
    yield acl
    acl.mdl.finalize_dump()


def arrays(folder):
    """{(type, side, index): [arrays in the order they were written]}."""
    found = {}
    paths = sorted(pathlib.Path(folder).rglob("*.npy"), key=lambda p: p.name.split(".")[4])
    for path in paths:
        kind, name, task, stream, stamp, side, index, _ = path.name.split(".")
        assert len(stamp) == 16 and task.isdigit() and stream.isdigit()
        found.setdefault((kind, side, int(index)), []).append(np.load(path))
    return found


def test_inputs_and_outputs(dumping, tmp_path):
    acl = dumping
    run(acl, "Add", [X, Y], [X])  # before: not dumped
    dump(acl, tmp_path, dump_op_switch="on", dump_list=[], dump_mode="all")
    z, = run(acl, "Add", [X, Y], [X])
    summed, = run(acl, "ReduceSum", [X, ints(1)], [X[:, 0]])
    assert acl.mdl.finalize_dump() == 0
    run(acl, "Sub", [X, Y], [X])  # after
    found = arrays(tmp_path)
    assert {k: [a.tolist() for a in v] for k, v in found.items()} == {
        ("Add", "input", 0): [X.tolist()], ("Add", "input", 1): [Y.tolist()],
        ("Add", "output", 0): [z.tolist()], ("ReduceSum", "input", 0): [X.tolist()],
        ("ReduceSum", "input", 1): [[1]], ("ReduceSum", "output", 0): [summed.tolist()]}
    path = next(tmp_path.rglob("Add.Add.*.input.0.npy"))
    time, device = path.relative_to(tmp_path).parts[:2]
    assert time.isdigit() and len(time) == 14 and device == "0"


@pytest.mark.parametrize("mode, sides", [("input", {"input"}), ("output", {"output"}),
                                         (None, {"output"})])
def test_modes(dumping, tmp_path, mode, sides):
    dump(dumping, tmp_path, dump_op_switch="on", **({"dump_mode": mode} if mode else {}))
    run(dumping, "Add", [X, Y], [X])
    assert {k[1] for k in arrays(tmp_path)} == sides


def test_an_input_that_is_overwritten(dumping, tmp_path):
    """The result of Relu in the memory of its input: what is dumped is what it was given."""
    acl, x = dumping, X.copy()
    dump(acl, tmp_path, dump_op_switch="on", dump_mode="all")
    side, attr = Side(acl, [x]), acl.op.create_attr()
    assert acl.op.execute_v2("Relu", side.descs, side.buffers, side.descs, side.buffers, attr,
                             0) == 0
    assert acl.rt.synchronize_stream(0) == 0
    acl.op.destroy_attr(attr)
    side.drop()
    found = arrays(tmp_path)
    assert (found["Relu", "input", 0][0] == X).all()
    assert (found["Relu", "output", 0][0] == x).all() and (x == np.maximum(X, 0)).all()


def test_statistics(dumping, tmp_path):
    dump(dumping, tmp_path, dump_op_switch="on", dump_mode="all", dump_data="stats")
    z, = run(dumping, "Mul", [X, Y], [X])
    path, = tmp_path.rglob("Mul.Mul.*.csv")
    rows = list(csv.DictReader(path.open()))
    assert [(r["Input/Output"], r["Index"]) for r in rows] == [
        ("Input", "0"), ("Input", "1"), ("Output", "0")]
    for row, a in zip(rows, (X, Y, z)):
        assert float(row["Max Value"]) == pytest.approx(a.max(), rel=1e-6)
        assert float(row["L2 Norm"]) == pytest.approx(np.linalg.norm(a), rel=1e-5)


def test_chosen_runs(dumping, tmp_path):
    dump(dumping, tmp_path, dump_op_switch="on", dump_mode="input", dump_step="1|3-4")
    for i in range(7):
        run(dumping, "Relu", [X + i], [X])
    assert [float(a[0, 0] - X[0, 0]) for a in arrays(tmp_path)["Relu", "input", 0]] == \
        pytest.approx([1, 3, 4], abs=1e-5)


def test_overflow(dumping, tmp_path):
    """Only the operator that makes an infinity; not those it goes through."""
    acl = dumping
    dump(acl, tmp_path, dump_debug="on")
    run(acl, "Add", [X, Y], [X])
    z, = run(acl, "Div", [X, np.zeros_like(X)], [X])
    run(acl, "Relu", [z], [z])
    found = arrays(tmp_path)
    assert set(found) == {("Div", "input", 0), ("Div", "input", 1), ("Div", "output", 0)}
    assert np.isinf(found["Div", "output", 0][0]).all()


def convert(atc, folder, nodes, inputs, outputs, *options):
    graph = helper.make_graph(nodes, "m", inputs, outputs)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, folder / "m.onnx")
    done = subprocess.run([atc, f"--model={folder / 'm.onnx'}", "--framework=5",
                           f"--output={folder / 'm'}", "--soc_version=Ascend310", *options],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    return str(folder / "m.om")


def execute(acl, om, given, made):
    """The codes of running a model once for each list of inputs."""
    model, code = acl.mdl.load_from_file(om)
    assert code == 0, acl.get_recent_err_msg()
    codes = []
    for inputs in given:
        sets = []
        for side in (inputs, made):
            data = acl.mdl.create_dataset()
            for a in side:
                buffer = acl.create_data_buffer(acl.util.numpy_to_ptr(a), a.nbytes)
                assert acl.mdl.add_dataset_buffer(data, buffer)[1] == 0
            sets.append(data)
        codes.append(acl.mdl.execute(model, *sets))
        for data in sets:
            for i in range(acl.mdl.get_dataset_num_buffers(data)):
                acl.destroy_data_buffer(acl.mdl.get_dataset_buffer(data, i))
            acl.mdl.destroy_dataset(data)
    assert acl.mdl.unload(model) == 0
    return codes


def value(name, kind, shape):
    return helper.make_tensor_value_info(name, kind, shape)


def test_overflow_in_a_model(dumping, atc, tmp_path):
    nodes = [helper.make_node("Sigmoid", ["x"], ["s"], name="first"),
             helper.make_node("Exp", ["x"], ["e"], name="grow"),
             helper.make_node("Mul", ["s", "e"], ["y"], name="last")]
    om = convert(atc, tmp_path, nodes, [value("x", TensorProto.FLOAT, [3, 4])],
                 [value("y", TensorProto.FLOAT, [3, 4])])
    dump(dumping, tmp_path, dump_debug="on")
    small, large = np.ones((3, 4), np.float32), np.full((3, 4), 1000, np.float32)
    assert execute(dumping, om, [[small], [large]], [np.zeros((3, 4), np.float32)]) == [0, 0]
    paths = list(tmp_path.rglob("*.npy"))
    assert {p.name.split(".")[1] for p in paths} == {"grow"}
    assert {p.parent.name for p in paths} == {"1"}, "the second run, counted from 0"


def test_chosen_runs_of_a_model(dumping, atc, tmp_path):
    om = convert(atc, tmp_path, [helper.make_node("Exp", ["x"], ["y"], name="exp")],
                 [value("x", TensorProto.FLOAT, [3, 4])], [value("y", TensorProto.FLOAT, [3, 4])])
    dump(dumping, tmp_path, dump_list=[{}], dump_step="0|2")
    assert execute(dumping, om, [[X]] * 4, [np.zeros((3, 4), np.float32)]) == [0] * 4
    assert {p.parent.name for p in tmp_path.rglob("*.npy")} == {"0", "2"}


def test_failures(dumping, atc, tmp_path):
    acl = dumping
    dump(acl, tmp_path, dump_scene="lite_exception")
    run(acl, "Add", [X, Y], [X])
    # An axis that only the operator's turn tells, and that there is not.
    given, made = Side(acl, [X, ints(9)]), Side(acl, [ints(0, 0, 0)])
    attr = acl.op.create_attr()
    assert acl.op.execute_v2("ArgMaxV2", given.descs, given.buffers, made.descs, made.buffers, attr,
                             0) == 0
    assert acl.rt.synchronize_stream(0) != 0
    acl.op.destroy_attr(attr)
    given.drop()
    made.drop()
    # A shape that does not fit.
    om = convert(atc, tmp_path, [helper.make_node("Reshape", ["x", "s"], ["y"], name="shape")],
                 [value("x", TensorProto.FLOAT, [3, 4]), value("s", TensorProto.INT64, [2])],
                 [value("y", TensorProto.FLOAT, None)])
    good, bad = np.array([4, 3]), np.array([5, 5])
    codes = execute(acl, om, [[X, good], [X, bad]], [np.zeros((3, 4), np.float32)])
    assert codes[0] == 0 and codes[1] != 0
    found = arrays(tmp_path / "extra-info" / "data-dump" / "0")
    assert {k: v[0].tolist() for k, v in found.items()} == {
        ("ArgMaxV2", "input", 0): X.tolist(), ("ArgMaxV2", "input", 1): [9],
        ("Model", "input", 0): X.tolist(), ("Model", "input", 1): [5, 5]}
    assert len(list(tmp_path.rglob("*.npy"))) == 4


@pytest.mark.parametrize("settings, part", [
    ({"dump_op_switch": "on"}, "dump_path"), ({"dump_debug": "on"}, "dump_path"),
    ({"dump_op_switch": "yes", "dump_path": "."}, "dump_op_switch"),
    ({"dump_step": "a", "dump_path": "."}, "dump_step"),
    ({"dump_step": "3-1", "dump_path": "."}, "dump_step"),
    ({"dump_step": "1|", "dump_path": "."}, "dump_step"),
    ({"dump_step": "99999999999", "dump_path": "."}, "dump_step"),
])
def test_errors(dumping, tmp_path, settings, part):
    path = tmp_path / "bad.json"
    path.write_text(json.dumps({"dump": settings}))
    assert dumping.mdl.set_dump(str(path)) != 0
    assert part in dumping.get_recent_err_msg()


def test_a_folder_that_is_not_there(dumping, tmp_path, capfd):
    dump(dumping, tmp_path / "..", dump_op_switch="on", dump_path=str(tmp_path / "gone"))
    for _ in range(3):
        run(dumping, "Add", [X, Y], [X])
    said = [line for line in capfd.readouterr().err.splitlines() if "dump:" in line]
    assert len(said) == 1 and "gone" in said[0]


def test_what_has_no_meaning_is_said(build_dir, tmp_path):
    """Keys about an Ascend core, in a process whose log shows warnings."""
    (tmp_path / "acl.json").write_text(json.dumps({"dump": {
        "dump_path": str(tmp_path), "dump_scene": "aic_err_brief_dump", "dump_level": "kernel"}}))
    done = subprocess.run(
        [sys.executable, "-c", "import acl; print(acl.init('acl.json'), acl.finalize())"], cwd=tmp_path,
        env={"PYTHONPATH": str(build_dir / "python"), "PATH": "/usr/bin:/bin",
             "ASCEND_GLOBAL_LOG_LEVEL": "2", "ASCEND_SLOG_PRINT_TO_STDOUT": "1"},
        capture_output=True, text=True)
    text = done.stdout + done.stderr
    assert "0 0" in text and "dump_scene" in text and "dump_level" in text, text


def test_profile_rows(acl, tmp_path):
    config = acl.prof.create_config([0], 1, 255, 0, 0x3)
    assert acl.prof.init(str(tmp_path), len(str(tmp_path))) == 0 and acl.prof.start(config) == 0
    stream, ret = acl.rt.create_stream()
    assert ret == 0
    for _ in range(3):
        run(acl, "Add", [X, Y], [X])
    run(acl, "SoftmaxV2", [X], [X], axes=[1])
    run(acl, "Add", [X[:2], Y[:2]], [X[:2]])
    assert acl.prof.stop(config) == 0
    run(acl, "Sub", [X, Y], [X])
    assert acl.prof.finalize() == 0 and acl.prof.destroy_config(config) == 0
    assert acl.rt.destroy_stream(stream) == 0
    path, = tmp_path.glob("PROF_*/mindstudio_profiler_output/op_summary_*.csv")
    rows = list(csv.DictReader(path.open()))
    assert [r["OP Type"] for r in rows] == ["Add"] * 3 + ["Softmax", "Add"]
    assert [r["Op Name"] for r in rows] == ["Add"] * 3 + ["SoftmaxV2", "Add"]
    assert {r["Model ID"] for r in rows} == {"4294967295"}
    assert rows[0]["Input Shapes"] == "3,4;3,4" and rows[4]["Input Shapes"] == "2,4;2,4"
    assert all(float(r["Task Duration(us)"]) >= 0 and int(r["Task ID"]) > 0 for r in rows)
    assert len({r["Task ID"] for r in rows}) == 5
