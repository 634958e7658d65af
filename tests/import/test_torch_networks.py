# SPDX-License-Identifier: Apache-2.0
"""What torch.onnx.export writes, by both exporters and in opsets from 11 to the newest, converted by
atc: PyTorch's own outputs. torch_networks.py has the networks."""
import subprocess
from pathlib import Path

import numpy as np
import pytest

import through
from environments import environment

pytestmark = pytest.mark.long

HERE = Path(__file__).parent
NETWORKS = ("resnet", "mobilenetv3", "efficientnet", "vit", "yolox", "nanodet_plus", "odds")
EXPORTS = ("script-old", "script-20", "script-batch", "dynamo-18", "dynamo-plain", "dynamo-newest",
           "dynamo-batch")
LIMITS = {"yolox": 5e-4}  # of the range; exponentials behind 60 random layers magnify rounding


@pytest.fixture(scope="session")
def exported(tmp_path_factory):
    folder = tmp_path_factory.mktemp("torch")
    done = subprocess.run([environment("torch"), HERE / "torch_networks.py", folder], text=True,
                          capture_output=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return folder


@pytest.mark.parametrize("export", EXPORTS)
@pytest.mark.parametrize("name", NETWORKS)
def test_network(atc, prusik, exported, tmp_path, name, export):
    model = exported / f"{name}.{export}.onnx"
    if name == "odds" and export.endswith("batch"):
        pytest.skip("one set of shapes only")
    inputs = [np.load(p) for p in sorted(exported.glob(f"{name}.x*.npy"))]
    expected = [np.load(p) for p in sorted(exported.glob(f"{name}.y*.npy"))]
    options = []
    if export.endswith("batch"):
        inputs = [np.concatenate([x, x[..., ::-1]]) for x in inputs]
        expected = [np.load(exported / f"{name}.batch.npy")]
        options = ["--input_shape=x0:" + ",".join(map(str, inputs[0].shape))]
    through.convert(atc, model, tmp_path / "m", "--framework=5", *options)
    got = through.run(prusik, tmp_path / "m.om", inputs, tmp_path / "out")
    assert [y.shape for y in got] == [y.shape for y in expected]
    for y, want in zip(got, expected):
        assert np.abs(y.astype(float) - want).max() <= LIMITS.get(name, 1e-4) * np.ptp(want)
