# SPDX-License-Identifier: Apache-2.0
"""Published architectures with random weights (bench/zoo.py), small, against onnxruntime.

Needs no data. Sizes are odd in every unit that kernels work in, so borders and remainders are
exercised too.
"""
import os
import subprocess
import sys

import numpy as np
import pytest

from conftest import ROOT

sys.path.insert(0, str(ROOT / "bench"))
ort = pytest.importorskip("onnxruntime")
zoo = pytest.importorskip("zoo")

NETWORKS = ["resnet18@72", "resnet50@64", "shufflenet_v2@104", "mobilenet_v2@88",
            "squeezenet_1_1@79", "nanodet_plus_m@192", "yolox_tiny@160", "yolov5s@96",
            "yolov8n@160"]


@pytest.mark.parametrize("name", NETWORKS)
def test_agrees_with_onnxruntime(name, atc, prusik, tmp_path):
    model = zoo.write(tmp_path, name)
    done = subprocess.run([atc, f"--model={model}", "--framework=5", f"--output={tmp_path / 'net'}",
                           "--soc_version=Ascend310"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    session = ort.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    entry = session.get_inputs()[0]
    x = np.random.default_rng(2).random(entry.shape, dtype=np.float32)
    np.save(tmp_path / "x.npy", x)
    want = session.run(None, {entry.name: x})[0].astype(np.float64)
    assert np.isfinite(want).all() and want.std() > 1e-2
    for environment in ({}, {"PRUSIK_ISA": "avx2", "PRUSIK_THREADS": "1"}):
        done = subprocess.run([prusik, "run", tmp_path / "net.om", "--input", tmp_path / "x.npy",
                               "--output", tmp_path / "out"], capture_output=True, text=True,
                              env={**os.environ, **environment})
        assert done.returncode == 0, done.stderr
        [got] = [np.load(f) for f in (tmp_path / "out").glob("*.npy")]
        assert got.shape == want.shape
        assert np.abs(got - want).max() <= 1e-4 * (want.max() - want.min())


def test_writes_the_same_file_again(tmp_path):
    first = zoo.write(tmp_path, "squeezenet_1_1@79").read_bytes()
    assert zoo.write(tmp_path, "squeezenet_1_1@79").read_bytes() == first
