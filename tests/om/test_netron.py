# SPDX-License-Identifier: Apache-2.0
"""Netron's own reader (from its Python package) must see every node and edge of our files."""
import importlib.util
import json
import pathlib
import shutil
import subprocess

import pytest

onnx = pytest.importorskip("onnx")
from onnx import TensorProto, helper  # noqa: E402

import numpy as np  # noqa: E402

READER = pathlib.Path(__file__).with_name("netron_reader.mjs")
pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def netron():
    spec = importlib.util.find_spec("netron")
    if not spec:
        pytest.skip("the Python package netron is not installed")
    if not shutil.which("node"):
        pytest.skip("node is not installed")
    folder = pathlib.Path(spec.origin).parent
    if not (folder / "om.js").exists():
        pytest.skip("this netron has no reader for offline models")

    def read(path):
        done = subprocess.run(["node", READER, folder, path], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)
    return read


def check(atc, netron, model, folder, *options):
    om = folder / "m"
    done = subprocess.run([atc, f"--model={model}", "--framework=5", f"--output={om}",
                           "--soc_version=Ascend310", *options], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    subprocess.run([atc, "--mode=1", f"--om={om}.om", f"--json={folder}/m.json"], check=True,
                   capture_output=True)
    ops = json.loads((folder / "m.json").read_text())["graph"][0]["op"]
    seen = netron(f"{om}.om")
    assert seen["format"] == "DaVinci OM"
    consts = {o["name"]: o for o in ops if o["type"] == "Const"}
    nodes = [o for o in ops if o["type"] != "Const"]
    assert [(n["name"], n["type"]) for n in seen["nodes"]] == \
        [(o["name"], o["type"]) for o in nodes]
    edges = 0
    for ours, theirs in zip(nodes, seen["nodes"]):
        wanted = [i for i in ours.get("input", []) if i]
        assert [i["name"] for i in theirs["inputs"]] == wanted
        edges += len(wanted)
        assert [o["name"] for o in theirs["outputs"]] == \
            [f"{ours['name']}:{k}" for k in range(len(ours.get("output_desc", [])))]
        for value in theirs["inputs"]:
            producer = value["name"].rsplit(":", 1)[0]
            if producer in consts:
                tensor = next(a for a in consts[producer]["attr"] if a["key"] == "value")
                size = tensor["value"]["t"]["desc"].get("weight_size", 0)
                assert value["bytes"] == size, value
    assert edges
    return seen


def test_small(atc, netron, tmp_path):
    """Optional inputs left out, an input that is used twice, several outputs, names that collide."""
    nodes = [
        helper.make_node("Clip", ["x", "", "high"], ["c"], name="x"),
        helper.make_node("Split", ["c"], ["s0", "s1"], name="high", axis=1, num_outputs=2),
        helper.make_node("Concat", ["s0", "s0", "s1"], ["y"], name="NetOutput", axis=1),
    ]
    graph = helper.make_graph(
        nodes, "small", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 4, 2, 2])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 6, 2, 2]),
         helper.make_tensor_value_info("s1", TensorProto.FLOAT, [1, 2, 2, 2])],
        [onnx.numpy_helper.from_array(np.array(6, np.float32), "high")])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)]),
              tmp_path / "small.onnx")
    seen = check(atc, netron, tmp_path / "small.onnx", tmp_path)
    assert seen["nodes"][0]["outputs"][0]["type"] == "float32[1,4,2,2]"


@pytest.mark.parametrize("name, options", [
    ("yolox_nano_416", []), ("squeezenet_1.0_fp16", []), ("nanodet_m_320_shapeops", []),
    ("mobilenetv2_int8", ["--input_shape=input:1,3,224,224"])])
def test_network(atc, netron, data_dir, tmp_path, name, options):
    model = data_dir / "models" / f"{name}.onnx"
    if not model.exists():
        pytest.skip(f"{model.name} is not in the test data")
    check(atc, netron, model, tmp_path, *options)
