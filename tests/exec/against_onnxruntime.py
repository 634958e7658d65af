# SPDX-License-Identifier: Apache-2.0
"""A model of one input `x` through atc and `prusik run`, on several instruction sets, beside
onnxruntime."""
import os
import subprocess

import numpy as np
import onnx
import onnxruntime as ort


def agree(model, x, isas, atc, prusik, tmp_path):
    """`isas` are names for PRUSIK_ISA; "" is the best there is."""
    onnx.save(model, tmp_path / "net.onnx")
    done = subprocess.run([atc, f"--model={tmp_path / 'net.onnx'}", "--framework=5",
                           f"--output={tmp_path / 'net'}", "--soc_version=Ascend310"],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    np.save(tmp_path / "x.npy", x)
    want = session.run(None, {"x": x})
    for isa in isas:
        done = subprocess.run([prusik, "run", tmp_path / "net.om", "--input", tmp_path / "x.npy",
                               "--output", tmp_path / f"out{isa}"], capture_output=True, text=True,
                              env={**os.environ, **({"PRUSIK_ISA": isa} if isa else {})})
        assert done.returncode == 0, done.stderr
        files = sorted((tmp_path / f"out{isa}").glob("*.npy"))
        assert len(files) == len(want)
        for file, y in zip(files, want):
            got = np.load(file)
            assert got.shape == y.shape
            assert np.abs(got - y).max() <= 1e-5 * max(np.abs(y).max(), 1), (isa, file.name)
