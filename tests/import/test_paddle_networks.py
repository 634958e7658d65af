# SPDX-License-Identifier: Apache-2.0
"""What paddle2onnx writes of Paddle's networks, converted by atc: Paddle's own outputs.
paddle_networks.py has the networks."""
import subprocess
from pathlib import Path

import numpy as np
import pytest

import through
from environments import environment

pytestmark = pytest.mark.long

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def exported(tmp_path_factory):
    folder = tmp_path_factory.mktemp("paddle")
    done = subprocess.run([environment("paddle"), HERE / "paddle_networks.py", folder], text=True,
                          capture_output=True)
    assert done.returncode == 0, done.stdout[-1000:] + done.stderr[-1000:]
    return folder


@pytest.mark.parametrize("name", ["ppocr", "picodet"])
def test_network(atc, prusik, exported, tmp_path, name):
    through.convert(atc, f"{exported / name}.onnx", tmp_path / "m", "--framework=5")
    got = through.run(prusik, tmp_path / "m.om", [np.load(exported / f"{name}.x.npy")],
                      tmp_path / "out")
    expected = [np.load(p) for p in sorted(exported.glob(f"{name}.y*.npy"))]
    assert [y.shape for y in got] == [y.shape for y in expected]
    for y, want in zip(got, expected):
        assert np.abs(y - want).max() <= 1e-4 * np.ptp(want)
