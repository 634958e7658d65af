# SPDX-License-Identifier: Apache-2.0
"""Puts the module acl and the helper libraries on the path, as set_env.sh does."""
import os
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
COMPAT = ROOT / "python" / "compat"


@pytest.fixture(scope="session")
def paths(build_dir):
    return [str(build_dir / "python"), str(COMPAT), str(COMPAT / "flat")]


@pytest.fixture(scope="session")
def python(paths):
    """python(code, *arguments): what a fresh interpreter prints; it must end well."""
    def run(code, *arguments, status=0, cwd=None):
        done = subprocess.run([sys.executable, "-c", code, *map(str, arguments)], cwd=cwd,
                              text=True, capture_output=True,
                              env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)})
        assert done.returncode == status, done.stdout + done.stderr
        assert "Exception ignored" not in done.stderr, done.stderr
        return done.stdout
    return run


@pytest.fixture
def bench(paths, tmp_path):
    """bench(*options): what ais_bench prints; it ends with that status."""
    def run(*options, status=0):
        done = subprocess.run([sys.executable, "-m", "ais_bench", *map(str, options)], text=True,
                              cwd=tmp_path, capture_output=True,
                              env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)})
        assert done.returncode == status, done.stdout + done.stderr
        assert "Traceback" not in done.stderr, done.stderr
        return done.stdout if status == 0 else done.stdout + done.stderr
    return run


@pytest.fixture(scope="session")
def model(atc, tmp_path_factory):
    """model(nodes, inputs, outputs, *options): a small network as (.onnx, .om)."""
    helper = pytest.importorskip("onnx.helper")
    import onnx

    def make(nodes, inputs, outputs, *options):
        folder = tmp_path_factory.mktemp("model")
        def infos(values):
            return [helper.make_tensor_value_info(name, kind, dims)
                    for name, kind, dims in values]
        graph = helper.make_graph(nodes, "net", infos(inputs), infos(outputs))
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)]),
                  folder / "net.onnx")
        done = subprocess.run([atc, f"--model={folder}/net.onnx", "--framework=5",
                               f"--output={folder}/net", "--soc_version=Ascend310", *options],
                              capture_output=True, text=True)
        assert done.returncode == 0, done.stdout
        return folder / "net.onnx", folder / "net.om"
    return make
