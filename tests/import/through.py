# SPDX-License-Identifier: Apache-2.0
"""A model through atc and `prusik run`, as the tests of all importers take it."""
import os
import subprocess

import numpy as np


def convert(atc, model, om, *options, status=0, **environment):
    """What atc prints. `om` is the offline model's path without its ending."""
    done = subprocess.run([atc, f"--model={model}", f"--output={om}", "--soc_version=Ascend310",
                           *options], capture_output=True, text=True,
                          env={**os.environ, **environment})
    assert done.returncode == status, done.stdout
    return done.stdout


def run(prusik, om, inputs, out, *options, **environment):
    """The outputs in the order of the files in the folder `out`, which a run makes; the inputs are
    kept beside it."""
    arguments = []
    for i, x in enumerate(inputs):
        np.save(out.parent / f"x{i}.npy", x)
        arguments += ["--input", out.parent / f"x{i}.npy"]
    done = subprocess.run([prusik, "run", om, *arguments, "--output", out, *options],
                          capture_output=True, text=True, env={**os.environ, **environment})
    assert done.returncode == 0, done.stdout + done.stderr
    return [np.load(p) for p in sorted(out.glob("*.npy"))]
