# SPDX-License-Identifier: Apache-2.0
"""The wheel of the helper libraries, in environments of their own, with NumPy 1 and 2."""
import os
import subprocess
import sys

import pytest

from conftest import COMPAT

pytestmark = pytest.mark.long


@pytest.mark.parametrize("numpy", ["numpy<2", "numpy>=2"])
def test_wheel(build_dir, model, tmp_path, numpy):
    helper = pytest.importorskip("onnx.helper")
    pytest.importorskip("hatchling")

    def run(*command, **environment):
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path,
                              env={**os.environ, "PYTHONPATH": "", **environment})
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout
    run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w",
        tmp_path, COMPAT)
    wheel, = tmp_path.glob("prusik_compat-*.whl")
    run(sys.executable, "-m", "venv", tmp_path / "env")
    python = tmp_path / "env" / "bin" / "python"
    run(python, "-m", "pip", "install", "-q", numpy, wheel)
    files = model([helper.make_node("Exp", ["x"], ["y"])], [("x", 1, [2, 3])], [("y", 1, [2, 3])])
    own = str(build_dir / "python")
    assert run(python, "-c", """
import sys, numpy as np
import acllite_resource, atlas_utils.acl_model, aclruntime
from acllite_model import AclLiteModel
resource = acllite_resource.AclLiteResource()
resource.init()
x = np.arange(6, dtype=np.float32).reshape(2, 3) / 8
y, = AclLiteModel(sys.argv[1]).execute([x])
assert np.allclose(y, np.exp(x), rtol=1e-6)
print(np.__version__.split(".")[0])
""", files[1], PYTHONPATH=own).split()[-1] == ("1" if numpy == "numpy<2" else "2")
    assert "throughput" in run(python, "-m", "ais_bench", "--model", files[1], PYTHONPATH=own)
