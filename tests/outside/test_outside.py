# SPDX-License-Identifier: Apache-2.0
"""Programs of other people, where PRUSIK_OUTSIDE names the folder with their clones; see
scripts/outside_programs.py."""
import os
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.long


def test_outside_programs(build_dir, tmp_path):
    outside = os.environ.get("PRUSIK_OUTSIDE")
    if not outside:
        pytest.skip("PRUSIK_OUTSIDE names no folder with clones of Ascend/samples and Ascend/tools")
    for module in ("cv2", "onnx", "onnxruntime", "PIL", "pybind11", "setuptools", "tqdm"):
        pytest.importorskip(module)
    subprocess.run(["meson", "install", "-C", build_dir, "--no-rebuild", "--destdir", tmp_path],
                   check=True, stdout=subprocess.DEVNULL)
    tree = next(tmp_path.rglob("set_env.sh")).parent
    done = subprocess.run([sys.executable, ROOT / "scripts" / "outside_programs.py", outside, tree],
                          text=True, capture_output=True)
    assert done.returncode == 0, done.stdout + done.stderr
