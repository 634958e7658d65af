# SPDX-License-Identifier: Apache-2.0
"""Statistics of the operators a program calls: files which atc --singleop turns into models."""
import json
import subprocess

import pytest

np = pytest.importorskip("numpy")
from test_single_ops import Side, acl, ints, numbers, run  # noqa: E402,F401

pytestmark = pytest.mark.in_process

ALREADY, NOT_RUN, WRITE, INVALID = 100044, 100045, 100004, 100000
X, Y = numbers(3, 4), numbers(3, 4, seed=1)


@pytest.fixture
def noted(acl, tmp_path):  # noqa: F811
    folder = tmp_path / "a" / "b"
    assert acl.op.start_dump_args(1, str(folder)) == 0
    yield folder
    acl.op.stop_dump_args(1)


def entries(folder):
    return {p.name: json.loads(p.read_text())[0] for p in sorted(folder.glob("*.json"))}


def test_each_operator_once(acl, noted):  # noqa: F811
    for _ in range(2):
        run(acl, "Add", [X, Y], [X])
        run(acl, "Add", [X[:2], Y[:2]], [X[:2]])
        run(acl, "ReduceMax", [X, ints(1)], [X[:, :1]], keep_dims=True)
        run(acl, "SoftmaxV2", [X], [X], axes=[0])
    assert acl.op.stop_dump_args(1) == 0
    run(acl, "Mul", [X, Y], [X])  # after the end
    found = entries(noted)
    assert list(found) == ["0_Add.json", "1_Add.json", "2_ReduceMax.json", "3_SoftmaxV2.json"]
    assert found["1_Add.json"]["input_desc"] == [{"format": "ND", "shape": [2, 4],
                                                  "type": "float32"}] * 2
    attrs = {a["name"]: a["value"] for a in found["3_SoftmaxV2.json"]["attr"]}
    assert attrs == {"axes": [0]}


def test_atc_makes_models_of_them(acl, noted, atc, tmp_path):  # noqa: F811
    def all_of_them():
        return [run(acl, "Add", [X, Y], [X])[0],
                run(acl, "ReduceMax", [X, ints(1)], [X[:, :1]], keep_dims=True)[0],
                run(acl, "SoftmaxV2", [X], [X], axes=[0])[0],
                run(acl, "Cast", [X], [X.astype(np.int32)], dst_type=3)[0]]

    wanted = all_of_them()
    assert acl.op.stop_dump_args(1) == 0
    models = tmp_path / "models"
    for path in sorted(noted.glob("*.json")):
        done = subprocess.run([atc, f"--singleop={path}", f"--output={models}",
                               "--soc_version=Ascend310"], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout
    assert len(list(models.glob("*.om"))) == 4
    assert acl.op.set_model_dir(str(models)) == 0
    for a, b in zip(wanted, all_of_them()):
        assert np.array_equal(a, b)
    assert np.array_equal(wanted[0], X + Y)
    # None of them is left to be found by other tests.
    assert acl.rt.reset_device(0) == 0 and acl.finalize() == 0
    assert acl.init() == 0 and acl.rt.set_device(0) == 0


def test_numbers_that_json_has_not(acl, noted, atc, tmp_path):  # noqa: F811
    """Texts stand for them, in attributes and constants, and atc reads them."""
    nan = np.float32(np.nan)
    for name, alpha, wanted in [("ThresholdedRelu", -np.inf, X),
                                ("LeakyRelu", np.nan, np.where(X < 0, nan, X))]:
        got = run(acl, name, [X], [wanted], alpha=alpha)[0]
        assert np.array_equal(got, wanted, equal_nan=True)
    picture, sizes = numbers(1, 1, 2, 2), np.float32([1, 1, 2, 2])
    region = np.float32([np.nan, 0, np.inf, 0, 1, -np.inf, 1, 1])
    given, made = Side(acl, [picture, region, sizes]), Side(acl, [np.zeros((1, 1, 4, 4), "f4")])
    for desc, values in zip(given.descs[1:], (region, sizes)):
        assert acl.set_tensor_const(desc, acl.util.numpy_to_ptr(values), values.nbytes) == 0
    attr = acl.op.create_attr()
    assert acl.op.execute_v2("Resize", given.descs, given.buffers, made.descs, made.buffers, attr,
                             0) == 0, acl.get_recent_err_msg()
    assert acl.rt.synchronize_stream(0) == 0
    acl.op.destroy_attr(attr)
    given.drop()
    made.drop()

    assert acl.op.stop_dump_args(1) == 0
    relu, leaky, resize = entries(noted).values()
    assert relu["attr"] == [{"name": "alpha", "type": "float", "value": "-inf"}]
    assert leaky["attr"] == [{"name": "alpha", "type": "float", "value": "nan"}]
    assert resize["input_desc"][1]["const_value"] == ["nan", 0, "inf", 0, 1, "-inf", 1, 1]
    models = tmp_path / "models"
    for path in sorted(noted.glob("*.json")):
        done = subprocess.run([atc, f"--singleop={path}", f"--output={models}",
                               "--soc_version=Ascend310"], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout
    assert len(list(models.glob("*.om"))) == 3


def test_order(acl, tmp_path):  # noqa: F811
    assert acl.op.stop_dump_args(1) == NOT_RUN
    assert acl.op.start_dump_args(2, str(tmp_path)) == INVALID
    assert acl.op.start_dump_args(1, "") == INVALID
    (tmp_path / "file").write_text("x")
    assert acl.op.start_dump_args(1, str(tmp_path / "file" / "x")) == WRITE
    assert acl.op.start_dump_args(1, str(tmp_path)) == 0
    assert acl.op.start_dump_args(1, str(tmp_path)) == ALREADY
    assert acl.op.stop_dump_args(2) == INVALID
    assert acl.op.stop_dump_args(1) == 0
    assert acl.op.stop_dump_args(1) == NOT_RUN


def test_a_folder_that_goes_away(acl, noted):  # noqa: F811
    noted.rmdir()
    run(acl, "Add", [X, Y], [X])  # the call itself is not in the way
    assert acl.op.stop_dump_args(1) == WRITE
    assert "0_Add.json" in acl.get_recent_err_msg()
