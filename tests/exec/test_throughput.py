# SPDX-License-Identifier: Apache-2.0
"""bench/throughput.py measures a batch and several streams, of a network small enough for a test."""
import json
import os
import subprocess
import sys

import pytest

from conftest import ROOT

np = pytest.importorskip("numpy")
onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

# In a process of its own, as it is started: the engines it measures are its children.
WITH_NETWORK = """
import pathlib, sys
import numpy as np
sys.path.insert(0, sys.argv.pop(1))
import bench, throughput
path = pathlib.Path(sys.argv.pop(1))
x = np.random.default_rng(1).random((1, 3, 17, 17), dtype=np.float32)
bench.make_networks = lambda names, folder: [(path.stem, path, x)]
if __name__ == "__main__":
    throughput.main()
"""


def network(path):
    """A convolution, and a Reshape that has the batch in its shape."""
    own = np.random.default_rng(2)
    helper, tensor = onnx.helper, onnx.numpy_helper.from_array
    graph = helper.make_graph(
        [helper.make_node("Conv", ["x", "w"], ["c"], pads=[1] * 4),
         helper.make_node("GlobalAveragePool", ["c"], ["p"]),
         helper.make_node("Reshape", ["p", "to"], ["y"])], "g",
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1, 3, 17, 17])],
        [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1, 8])],
        [tensor(own.standard_normal((8, 3, 3, 3), np.float32), "w"),
         tensor(np.array([1, 8], np.int64), "to")])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8),
              path)


@pytest.mark.in_process
def test_batches_and_streams(build_dir, tmp_path):
    network(tmp_path / "tiny.onnx")
    script = tmp_path / "measure.py"
    script.write_text(WITH_NETWORK)
    done = subprocess.run(
        [sys.executable, script, ROOT / "bench", tmp_path / "tiny.onnx", "--build", build_dir,
         "--out", tmp_path, "--engines=prusik,onnxruntime", "--batch=2", "--streams=2",
         "--threads=2", "--rounds=1"], capture_output=True, text=True, env=dict(os.environ))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "left out" not in done.stdout, done.stdout
    results = json.loads((tmp_path / "throughput.json").read_text())
    assert [r.get("batch") or r.get("streams") for r in results["networks"]] == [2, 2]
    assert {k for r in results["networks"] for k in r} >= {"batch", "streams"}
    for result in results["networks"]:
        found = result["pictures_a_second"]
        assert set(found) == {"prusik", "onnxruntime"} and min(found.values()) > 0
        assert result["ratio"] == pytest.approx(found["prusik"] / found["onnxruntime"], abs=1e-3)
