# SPDX-License-Identifier: Apache-2.0
"""Runs models through `prusik conformance`, all in one go."""
import subprocess

import numpy as np
import onnx
import onnxruntime
from onnx import numpy_helper


def reference(model, inputs):
    """What onnxruntime computes; it wants typed outputs, which its shape inference supplies."""
    session = onnxruntime.InferenceSession(onnx.shape_inference.infer_shapes(model).SerializeToString(),
                                           providers=["CPUExecutionProvider"])
    return session.run(None, {i.name: v for i, v in zip(session.get_inputs(), inputs)})


def run_cases(prusik, root, cases):
    """cases: name -> (model, input arrays, expected arrays). Returns name -> [status, detail]."""
    lines = ["id,tier,rtol,atol"]
    for name, (model, inputs, expect) in cases.items():
        data = root / name / "test_data_set_0"
        data.mkdir(parents=True)
        (root / name / "model.onnx").write_bytes(model.SerializeToString())
        for kind, values in (("input", inputs), ("output", expect)):
            for i, v in enumerate(values):
                tensor = numpy_helper.from_array(np.asarray(v))
                (data / f"{kind}_{i}.pb").write_bytes(tensor.SerializeToString())
        lines.append(f"{name},1,1e-4,1e-5")
    (root / "index.csv").write_text("\n".join(lines) + "\n")
    run = subprocess.run([prusik, "conformance", root, root / "index.csv"], capture_output=True,
                         text=True, check=True)
    return {line.split("\t")[0]: line.split("\t")[1:] for line in run.stdout.splitlines()}
