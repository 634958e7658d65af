# SPDX-License-Identifier: Apache-2.0
"""prusik check: what it says of models that convert, that do not, and that cannot be read."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

sys.path.append(str(Path(__file__).parents[1] / "import"))
from caffe_writer import caffemodel, head, layer  # noqa: E402


def check(prusik, *args):
    return subprocess.run([prusik, "check", *args], capture_output=True, text=True)


def save(path, nodes, inputs, outputs, weights=(), domains=(("", 17),)):
    graph = helper.make_graph(
        nodes,
        "made",
        [helper.make_tensor_value_info(n, t, s) for n, t, s in inputs],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, None) for n in outputs],
        [numpy_helper.from_array(v, n) for n, v in weights],
    )
    opsets = [helper.make_opsetid(d, v) for d, v in domains]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)
    return path


def conv(path, shape):
    w = np.ones((8, 3, 3, 3), np.float32)
    node = helper.make_node("Conv", ["x", "w"], ["y"], pads=[1, 1, 1, 1])
    return save(path, [node], [("x", TensorProto.FLOAT, shape)], ["y"], [("w", w)])


def test_a_model_that_converts(prusik, atc, tmp_path):
    path = conv(tmp_path / "a net.onnx", [1, 3, 32, 32])
    r = check(prusik, path)
    assert r.returncode == 0 and not r.stderr
    assert ": converts\n" in r.stdout and re.search(r"opset +17\n", r.stdout)
    assert "(open)" not in r.stdout and "--input_shape" not in r.stdout
    said = json.loads(check(prusik, "--json", path).stdout)
    assert said["converts"] and said["reason"] is None and said["unsupported"] == []
    # 8 x 3 x 3 x 3 weights at each of 32 x 32 places, of 4 bytes each
    assert said["multiply_adds"] == 8 * 27 * 32 * 32
    assert said["weight_bytes"] >= 8 * 27 * 4
    assert said["inputs"] == [{"name": "x", "dtype": "f32", "shape": [1, 3, 32, 32], "open": False}]
    line = shlex.split(said["atc"])
    assert line[0] == "atc"
    subprocess.run([atc, *line[1:]], cwd=tmp_path, check=True, capture_output=True)
    assert (tmp_path / "a net.om").exists()


def test_open_sizes_get_a_suggestion_that_works(prusik, atc, tmp_path):
    path = conv(tmp_path / "open.onnx", ["n", 3, "h", None])
    said = json.loads(check(prusik, "--json", path).stdout)
    assert said["converts"] and said["inputs"][0]["open"]
    assert said["inputs"][0]["shape"] == [-1, 3, -1, -1]
    assert '--input_shape="x:1,3,224,224"' in said["atc"]
    assert said["multiply_adds"] == 8 * 27 * 224 * 224
    subprocess.run(
        [atc, *shlex.split(said["atc"])[1:]], cwd=tmp_path, check=True, capture_output=True
    )
    assert "(open)" in check(prusik, path).stdout


def test_everything_that_is_missing_is_named(prusik, atc, tmp_path):
    nodes = [
        helper.make_node("Swirl", ["x"], ["a"], name="first", domain="strange"),
        helper.make_node("Swirl", ["a"], ["b"], name="second", domain="strange"),
        helper.make_node("Relu", ["b"], ["c"]),
        helper.make_node("Twist", ["c"], ["y"], name="third", domain="strange"),
    ]
    path = save(tmp_path / "odd.onnx", nodes, [("x", TensorProto.FLOAT, ["n", 4])], ["y"],
                domains=(("", 13), ("strange", 1)))
    r = check(prusik, path)
    assert r.returncode == 1
    assert "does not convert" in r.stdout and "3 nodes not supported" in r.stdout
    for name in ("Swirl", "Twist", "'first'", "'second'", "'third'", "(open)"):
        assert name in r.stdout, name
    said = json.loads(check(prusik, "--json", path).stdout)
    assert said["converts"] is False and said["atc"] is None and said["opset"] == 13
    assert {u["op"].split(".")[-1]: u["count"] for u in said["unsupported"]} == {
        "Swirl": 2,
        "Twist": 1,
    }
    assert said["unsupported_nodes"] == 3
    # and atc agrees
    command = [atc, f"--model={path}", "--framework=5", "--output=odd", "--soc_version=Ascend310",
               "--input_shape=x:1,4"]
    assert subprocess.run(command, cwd=tmp_path, capture_output=True).returncode != 0


def test_what_cannot_be_read(prusik, tmp_path):
    text = tmp_path / "text.onnx"
    text.write_text("no model")
    for path in (tmp_path / "none.onnx", text, tmp_path):
        r = check(prusik, path)
        assert r.returncode == 2, r
        assert r.stderr.startswith("prusik check: ") and len(r.stderr) > 30
        assert check(prusik, "--json", path).returncode == 2
    assert check(prusik).returncode == 2
    assert check(prusik, "--what", text).returncode == 2
    assert check(prusik, "--framework=9", text).returncode == 2


def caffe_files(folder, text, weights):
    (folder / "net.prototxt").write_text(text)
    (folder / "net.caffemodel").write_bytes(weights)
    return f"--weight={folder}/net.caffemodel", folder / "net.prototxt"


def test_caffe(prusik, atc, tmp_path):
    text = head(-1, 3, 32, 32) + layer("Convolution", "c", ["data"], ["c"],
                                       "convolution_param { num_output: 8 kernel_size: 3 pad: 1 }")
    weights = caffemodel({"c": [np.ones((8, 3, 3, 3)), np.ones(8)]})
    files = caffe_files(tmp_path, text, weights)
    r = check(prusik, *files)
    assert r.returncode == 0 and not r.stderr
    assert re.search(r"format +Caffe\n", r.stdout) and "(open)" in r.stdout
    said = json.loads(check(prusik, "--json", *files).stdout)
    assert said["converts"] and said["format"] == "Caffe" and said["operators"] >= 1
    assert said["inputs"] == [
        {"name": "data", "dtype": "f32", "shape": [-1, 3, 32, 32], "open": True}
    ]
    assert said["multiply_adds"] == 8 * 27 * 32 * 32
    line = shlex.split(said["atc"])
    assert "--input_shape=data:1,3,32,32" in line and files[0] in line
    subprocess.run([atc, *line[1:]], cwd=tmp_path, check=True, capture_output=True)
    assert (tmp_path / "net.om").exists()


def test_caffe_names_everything_that_is_missing(prusik, tmp_path):
    """Also of layers behind one without a result, and parameters of layers beside it."""
    far = "upsample_param { scale: 2 upsample_h: 9 }"
    text = (
        head(1, 3, 32, 32)
        + layer("Swirl", "s", ["data"], ["s"])
        + layer("Upsample", "u", ["data"], ["u"], far)
        + layer("TanH", "t", ["s"], ["t"])
        + layer("Twist", "w", ["t"], ["w"])
    )
    files = caffe_files(tmp_path, text, caffemodel({"o": [np.ones(1)]}))
    r = check(prusik, *files)
    assert r.returncode == 1 and "3 nodes not supported" in r.stdout
    said = json.loads(check(prusik, "--json", *files).stdout)
    assert {u["op"] for u in said["unsupported"]} == {"Swirl", "Upsample", "Twist"}
    assert said["inputs"][0]["shape"] == [1, 3, 32, 32]
    assert check(prusik, files[1]).returncode == 1  # no weights
    assert "--weight" in check(prusik, files[1]).stdout
