# SPDX-License-Identifier: Apache-2.0
"""Interpreters of their own for frameworks, from PyPI alone; kept in the build folder."""
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


def environment(name):
    """The interpreter with what tests/requirements-NAME.txt lists; skips the test where it cannot be
    installed."""
    folder, requirements = ROOT / "build" / f"venv-{name}", HERE.parent / f"requirements-{name}.txt"
    python, stamp, wanted = folder / "bin" / "python", folder / "stamp", requirements.read_text()
    if stamp.exists() and stamp.read_text() == wanted:
        return python
    subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
    done = subprocess.run([python, "-m", "pip", "install", "-q", "--no-cache-dir",
                           "--disable-pip-version-check", *(["--no-deps"] * (name == "torch")),
                           "-r", requirements], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"{name} cannot be installed: {done.stderr[-200:]}")
    if name == "torch":
        package, = folder.glob("lib/python*/site-packages/torch")
        subprocess.run([sys.executable, HERE / "cuda_stand_in.py", package], check=True)
    stamp.write_text(wanted)
    return python
