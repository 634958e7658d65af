# SPDX-License-Identifier: Apache-2.0
"""prusik diff: models that are equal, that differ in one weight, and what cannot be compared."""

import fcntl
import json
import os
import pty
import struct
import subprocess
import sys
import termios
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper


def diff(prusik, *args, cwd=None):
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return subprocess.run([prusik, "diff", *map(str, args)], capture_output=True, text=True,
                          cwd=cwd, env={**os.environ, "PATH": path})


def network(shape=(1, 3, 9, 7)):
    """Two convolutions with activations, a residual, a pool, and a product."""
    r = np.random.default_rng(5)

    def weight(name, *s):
        return numpy_helper.from_array((r.standard_normal(s) * 0.3).astype(np.float32), name)

    nodes = [
        helper.make_node("Conv", ["x", "w1", "b1"], ["c1"], name="first", pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c1"], ["r1"], name="bend"),
        helper.make_node("Conv", ["r1", "w2"], ["c2"], name="second", pads=[1, 1, 1, 1]),
        helper.make_node("Sigmoid", ["c2"], ["s2"], name="gate"),
        helper.make_node("Mul", ["c2", "s2"], ["m2"], name="swish"),
        helper.make_node("Add", ["m2", "r1"], ["a2"], name="sum"),
        helper.make_node("GlobalAveragePool", ["a2"], ["p"], name="pool"),
        helper.make_node("Flatten", ["p"], ["f"], name="flat"),
        helper.make_node("Gemm", ["f", "w3"], ["y"], name="product"),
    ]
    graph = helper.make_graph(
        nodes, "made",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [weight("w1", 8, 3, 3, 3), weight("b1", 8), weight("w2", 8, 8, 3, 3), weight("w3", 8, 5)])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


@pytest.fixture(scope="module")
def models(atc, tmp_path_factory):
    at = tmp_path_factory.mktemp("diff")
    good = network()
    onnx.save(good, at / "good.onnx")
    onnx.save(network(("n", 3, "h", "w")), at / "open.onnx")
    bad = network()
    for t in bad.graph.initializer:
        if t.name == "w2":
            w = numpy_helper.to_array(t).copy()
            w[3, 2, 1, 1] += 0.5
            t.CopyFrom(numpy_helper.from_array(w, "w2"))
    onnx.save(bad, at / "bad.onnx")
    for name in ("good", "bad"):
        subprocess.run([atc, f"--model={at}/{name}.onnx", "--framework=5", f"--output={at}/{name}",
                        "--soc_version=Ascend310"], check=True, capture_output=True)
    return at


@pytest.mark.parametrize("more", [[], ["--onnxruntime"]])
def test_equal_models(prusik, models, more):
    r = diff(prusik, models / "good.om", models / "good.onnx", *more)
    assert r.returncode == 0, r
    lines = r.stdout.splitlines()
    assert lines[0].split() == ["layer", "operator", "shape", "cosine", "max", "error", "of",
                                "range"]
    # What stands between fused operators is not in A; the rest is, in order.
    layers = [line.split()[0] for line in lines[1:lines.index("")]]
    assert layers == ["bend", "sum", "pool", "flat", "product"]
    assert lines[-2].startswith("equal; ") and "4 of B's not in A" in lines[-1]
    r = diff(prusik, models / "good.om", models / "good.onnx", "--all", *more)
    assert [line.split()[0] for line in r.stdout.splitlines()[1:10]] == [
        "first", "bend", "second", "gate", "swish", "sum", "pool", "flat", "product"]


@pytest.mark.parametrize("more", [[], ["--onnxruntime"]])
def test_one_other_weight_names_the_layer(prusik, models, more):
    r = diff(prusik, models / "bad.om", models / "good.onnx", *more, "--json", "-")
    assert r.returncode == 1 and not r.stderr
    said = json.loads(r.stdout)
    assert said["first"] == "sum"  # the convolution with all that was fused behind it
    by_layer = {row["layer"]: row for row in said["layers"]}
    assert by_layer["bend"]["within"] and not by_layer["sum"]["within"]
    assert not by_layer["second"]["compared"]
    r = diff(prusik, models / "bad.om", models / "good.onnx", *more)
    assert "\ndiffers first in 'sum' (Add, tensor 'a2'): off by " in r.stdout


def test_activations_that_moved_are_no_difference(atc, prusik, tmp_path):
    """A detector's Sigmoid behind Reshape and Transpose is done by the convolution, whose result is
    then another than that of the file."""
    own = np.random.default_rng(7)
    nodes = [helper.make_node("Conv", ["x", "w"], ["c"], name="head"),
             helper.make_node("Reshape", ["c", "to"], ["r"], name="parts"),
             helper.make_node("Transpose", ["r"], ["t"], name="turn", perm=[0, 1, 3, 4, 2]),
             helper.make_node("Sigmoid", ["t"], ["y"], name="gate")]
    graph = helper.make_graph(
        nodes, "made", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 4, 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(own.standard_normal((6, 3, 1, 1), np.float32), "w"),
         numpy_helper.from_array(np.array([1, 2, 3, 4, 4]), "to")])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8),
              tmp_path / "m.onnx")
    subprocess.run([atc, f"--model={tmp_path}/m.onnx", "--framework=5", f"--output={tmp_path}/m",
                    "--soc_version=Ascend310"], check=True, capture_output=True)
    r = diff(prusik, tmp_path / "m.om", tmp_path / "m.onnx")
    assert r.returncode == 0, r.stdout
    assert [line.split()[0] for line in r.stdout.splitlines()[1:2]] == ["gate"], r.stdout


def test_the_numbers_are_right(prusik, models, tmp_path):
    """Against the two models run by onnxruntime on the same input."""
    ort = pytest.importorskip("onnxruntime")
    x = np.random.default_rng(1).standard_normal((1, 3, 9, 7)).astype(np.float32)
    np.save(tmp_path / "x.npy", x)
    out = tmp_path / "out.json"
    r = diff(prusik, models / "bad.onnx", models / "good.onnx", "--input", tmp_path / "x.npy",
             "--json", out)
    assert r.returncode == 1 and "differs first" in r.stdout
    a, b = (ort.InferenceSession(models / n, providers=["CPUExecutionProvider"]).run(None, {"x": x})
            [0].astype(float).ravel() for n in ("bad.onnx", "good.onnx"))
    row = json.loads(out.read_text())["layers"][-1]
    assert row["tensor"] == "y" and row["shape"] == [1, 5]
    assert row["max_error"] == pytest.approx(np.abs(a - b).max(), rel=1e-4)
    assert row["element"] == np.abs(a - b).argmax()
    assert row["range"] == pytest.approx(b.max() - b.min(), rel=1e-4)
    assert row["relative"] == pytest.approx(np.abs(a - b).max() / (b.max() - b.min()), rel=1e-4)
    assert row["cosine"] == pytest.approx(a @ b / np.linalg.norm(a) / np.linalg.norm(b), rel=1e-5)


def test_inputs_count(prusik, models, tmp_path):
    def error(*args):
        r = diff(prusik, models / "bad.om", models / "good.onnx", *args, "--json", "-")
        return json.loads(r.stdout)["layers"][-1]["max_error"]

    assert error() == error("--input", "random") == error("--seed", "0")
    assert error() != error("--seed", "7")
    np.save(tmp_path / "x.npy", np.zeros((1, 3, 9, 7), np.float32))
    (tmp_path / "x.bin").write_bytes(bytes(1 * 3 * 9 * 7 * 4))
    named = error("--input", f"x={tmp_path}/x.npy")
    assert named == error("--input", tmp_path / "x.npy") == error("--input", tmp_path / "x.bin")
    assert named != error()


def test_a_picture(prusik, models, tmp_path):
    image = pytest.importorskip("PIL.Image")
    picture = np.random.default_rng(2).integers(0, 255, (9, 7, 3)).astype(np.uint8)
    image.fromarray(picture).save(tmp_path / "p.png")
    np.save(tmp_path / "p.npy", (picture / 255).transpose(2, 0, 1)[None].astype(np.float32))
    one, other = (diff(prusik, models / "bad.om", models / "good.onnx", "--input", tmp_path / name)
                  for name in ("p.png", "p.npy"))
    assert one.returncode == other.returncode == 1 and one.stdout == other.stdout


def test_open_sizes(prusik, models, tmp_path):
    assert diff(prusik, models / "good.om", models / "open.onnx").returncode == 0
    np.save(tmp_path / "x.npy", np.ones((2, 3, 5, 6), np.float32))
    r = diff(prusik, models / "open.onnx", models / "open.onnx", "--input", tmp_path / "x.npy")
    assert r.returncode == 0 and "[2,8,5,6]" in r.stdout
    r = diff(prusik, models / "good.om", models / "open.onnx", "--input", tmp_path / "x.npy")
    assert r.returncode == 2 and "input 'x' is [1,3,9,7]" in r.stderr


def test_instruction_sets(prusik, models):
    r = diff(prusik, "--isa-a", "base", "--isa-b", "base", models / "good.om", models / "good.om")
    assert r.returncode == 0 and "most, 0.00e+00" in r.stdout
    r = diff(prusik, "--isa-b", "base", models / "bad.om", models / "good.om")
    assert r.returncode == 1
    r = diff(prusik, "--isa-b", "mmx", models / "good.om", models / "good.om")
    assert r.returncode == 2 and "base" in r.stderr


def test_half_precision_has_a_tolerance_of_its_own(prusik, tmp_path):
    """A widens 16-bit floats and rounds once; B rounds after each operator."""
    w = np.random.default_rng(3).standard_normal((64, 64)).astype(np.float16)
    nodes = [helper.make_node("MatMul", ["x", "w"], ["a"]), helper.make_node("MatMul", ["a", "w"],
                                                                             ["y"])]
    info = [helper.make_tensor_value_info(n, TensorProto.FLOAT16, [4, 64]) for n in "xy"]
    graph = helper.make_graph(nodes, "made", info[:1], info[1:], [numpy_helper.from_array(w, "w")])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8),
              tmp_path / "h.onnx")
    both = [tmp_path / "h.onnx"] * 2
    assert "beyond 0.01" in diff(prusik, *both).stdout
    assert diff(prusik, *both).returncode == 0
    assert diff(prusik, "--tolerance", "1e-9", *both).returncode == 1


def test_what_is_not_a_number(prusik, tmp_path):
    nodes = [helper.make_node("Log", ["x"], ["y"], name="log")]
    info = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [2]) for n in "xy"]
    save = helper.make_model(helper.make_graph(nodes, "made", info[:1], info[1:]),
                             opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(save, tmp_path / "log.onnx")
    save.graph.node[0].op_type = "Sqrt"
    onnx.save(save, tmp_path / "sqrt.onnx")
    np.save(tmp_path / "x.npy", np.array([-1, 0], np.float32))
    args = ["--input", tmp_path / "x.npy"]
    assert diff(prusik, tmp_path / "log.onnx", tmp_path / "log.onnx", *args).returncode == 0
    r = diff(prusik, tmp_path / "log.onnx", tmp_path / "sqrt.onnx", *args, "--json", "-")
    row = json.loads(r.stdout)["layers"][0]
    assert r.returncode == 1 and row["max_error"] is None and row["element"] == 1


def test_wrong_calls(prusik, models, tmp_path):
    good = [models / "good.om", models / "good.onnx"]
    cut = tmp_path / "cut.om"
    cut.write_bytes((models / "good.om").read_bytes()[:700])
    (tmp_path / "text.onnx").write_text("no model")
    (tmp_path / "short.bin").write_bytes(b"abc")
    np.save(tmp_path / "type.npy", np.zeros((1, 3, 9, 7), np.int32))
    np.save(tmp_path / "rank.npy", np.zeros(4, np.float32))
    for args, part in (
        ([], "usage: prusik diff"),
        ([good[0]], "usage: prusik diff"),
        (["--what", *good], "usage: prusik diff"),
        ([tmp_path / "none.onnx", good[1]], "none.onnx"),
        ([cut, good[1]], "cut.om"),
        ([good[0], tmp_path / "text.onnx"], "text.onnx"),
        (["--input", "none.npy", *good], "cannot be opened"),
        (["--input", tmp_path / "short.bin", *good], "less than the 756 bytes"),
        (["--input", tmp_path / "type.npy", *good], "int32"),
        (["--input", tmp_path / "rank.npy", *good], "[4]"),
        (["--input", "random", "--input", "random", *good], "one too many"),
        (["--tolerance", "much", *good], "--tolerance takes"),
        (["--onnxruntime", *reversed(good)], "B is none"),
        (["--json", "/no/such/folder/x", *good], "cannot be written"),
    ):
        r = diff(prusik, *args)
        assert r.returncode == 2 and part in r.stderr, (args, r)


def test_without_onnxruntime(prusik, models, tmp_path, monkeypatch):
    models = [models / "good.om", models / "good.onnx"]
    (tmp_path / "onnxruntime.py").write_text("raise ImportError('No onnxruntime here')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    r = diff(prusik, "--onnxruntime", *models)
    assert (r.returncode, r.stdout) == (2, "")
    assert r.stderr.count("\n") == 1 and "; install onnxruntime for python3, or" in r.stderr
    (tmp_path / "onnxruntime.py").write_text("import os; os.abort()")
    (tmp_path / "numpy.py").write_text("")
    r = diff(prusik, "--onnxruntime", *models)
    assert r.returncode == 2 and "onnxruntime has not run B: it ended by signal 6" in r.stderr


def test_nothing_in_common(prusik, models, tmp_path):
    node = helper.make_node("Shape", ["x"], ["z"])
    graph = helper.make_graph(
        [node, helper.make_node("Identity", ["z"], ["q"])], "other",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, 3, 9, 7))],
        [helper.make_tensor_value_info(n, TensorProto.INT64, None) for n in "zq"])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8),
              tmp_path / "other.onnx")
    r = diff(prusik, models / "good.om", tmp_path / "other.onnx")
    assert r.returncode == 2 and "no tensor of A" in r.stderr


@pytest.mark.parametrize("width", (40, 60, 80, 200))
def test_terminals_have_a_width(prusik, models, width):
    pid, screen = pty.fork()
    if pid == 0:
        fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
        os.execv(prusik, ["prusik", "diff", str(models / "good.om"), str(models / "good.onnx")])
    text = b""
    try:
        while part := os.read(screen, 4096):
            text += part
    except OSError:
        pass  # how a terminal ends
    assert os.waitpid(pid, 0)[1] == 0
    os.close(screen)
    table = text.decode().split("\r\n\r\n")[0].splitlines()
    assert len(table) == 6 and all(len(line) <= width for line in table)
    assert ("operator" in table[0]) == (width >= 80)


def test_real_networks_are_equal(prusik, data_dir):
    for name in ("nanodet_m_320_shapeops", "mobilenetv2_int8", "ppocrv2_cls", "ultraface_rfb_320"):
        model = data_dir / "models" / f"{name}.onnx"
        r = diff(prusik, model, model)
        assert r.returncode == 0, (name, r.stdout[-300:], r.stderr)
