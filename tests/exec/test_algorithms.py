# SPDX-License-Identifier: Apache-2.0
"""PRUSIK_ALGO: each way to convolve is taken where it can be, and gives the reference's sums."""
import os
import subprocess
from pathlib import Path

import pytest

np = pytest.importorskip("numpy")
onnx = pytest.importorskip("onnx")
from onnx import TensorProto, helper, numpy_helper  # noqa: E402

# name, kernel, stride, padding, channels in and out
LAYERS = {"same": (3, 1, 1, 24, 40), "halved": (3, 2, 1, 24, 40), "first": (7, 2, 3, 3, 24),
          "pointwise": (1, 1, 0, 40, 56)}
CPU = Path("/proc/cpuinfo").read_text()
# The kernel that each layer gets, by how its name begins; where there is no such form, direct.
PAIRS = "1x1s1 pairs" if "avx512" in (os.environ.get("PRUSIK_ISA") or CPU) else "1x1s1 "
EXPECTED = {
    "direct": {"same": "3x3s1", "halved": "3x3s2", "first": "7x7p2", "pointwise": "1x1s1 "},
    "winograd2": {"same": "wino2 ", "halved": "3x3s2", "first": "7x7p2", "pointwise": "1x1s1 "},
    "winograd4": {"same": "wino4 ", "halved": "wino4s2", "first": "wino4,4p2",
                  "pointwise": "1x1s1 "},
    "winograd5": {"same": "wino5 ", "halved": "wino5s2", "first": "7x7p2", "pointwise": "1x1s1 "},
    "winograd6": {"same": "wino6 ", "halved": "3x3s2", "first": "7x7p2", "pointwise": "1x1s1 "},
    "pairs": {"same": "3x3s1", "halved": "3x3s2", "first": "7x7p2", "pointwise": PAIRS},
}


@pytest.fixture(scope="module", params=LAYERS)
def layer(request, atc, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    k, stride, pad, ic, oc = LAYERS[request.param]
    own = np.random.default_rng(2)
    node = helper.make_node("Conv", ["x", "w"], ["y"], strides=[stride] * 2, pads=[pad] * 4)
    w = numpy_helper.from_array(own.standard_normal((oc, ic, k, k), np.float32) / k / ic**0.5, "w")
    x = own.standard_normal((1, ic, 45, 38), np.float32)
    graph = helper.make_graph(
        [node], "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)], [w])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8),
              folder / "m.onnx")
    np.save(folder / "x.npy", x)
    subprocess.run([atc, f"--model={folder}/m.onnx", "--framework=5", f"--output={folder}/m",
                    "--soc_version=Ascend310"], check=True, capture_output=True)
    return request.param, folder


def run(prusik, folder, out, **environment):
    done = subprocess.run([prusik, "run", folder / "m.om", "--input", folder / "x.npy", "--output",
                           folder / out], capture_output=True, text=True,
                          env={**os.environ, **environment})
    return done, [np.load(p) for p in sorted((folder / out).glob("*.npy"))]


@pytest.mark.parametrize("algorithm", EXPECTED)
def test_taken_and_right(prusik, layer, algorithm):
    name, folder = layer
    done, (got,) = run(prusik, folder, algorithm, PRUSIK_ALGO=algorithm, PRUSIK_PROF="1")
    assert done.returncode == 0, done.stderr
    assert f" {EXPECTED[algorithm][name]}" in done.stderr, done.stderr
    _, (reference,) = run(prusik, folder, "reference", PRUSIK_REF="1")
    assert np.abs(got - reference).max() <= 1e-5 * np.ptp(reference)


def test_unknown(prusik, layer):
    done, _ = run(prusik, layer[1], "unknown", PRUSIK_ALGO="winograd3")
    assert done.returncode and "PRUSIK_ALGO=winograd3 is not known" in done.stderr
