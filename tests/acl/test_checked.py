# SPDX-License-Identifier: Apache-2.0
"""The checked mode: each mistake of checked.c is reported, and programs without mistakes are not."""

import os
import subprocess
import sys

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper


def run(command, level, **more):
    env = {**os.environ, "PRUSIK_CHECK": str(level), **more}
    r = subprocess.run(command, env=env, capture_output=True, text=True)
    return r, [line for line in r.stderr.splitlines() if "check: " in line]


MISTAKES = {
    "use": ("aclrtMemset: devPtr: ", "freed by aclrtFree"),
    "free": ("is freed already by aclrtFree",),
    "write": ("byte 7 of the 100 bytes", "written after they were freed"),
    "kind": ("the kind says that dst", "the kind says that src"),
    "leak": ("100 bytes of device memory were not freed", "aclrtMalloc"),
}


@pytest.fixture(scope="module")
def checked(build_dir):
    return build_dir / "tests" / "acl" / "checked"


@pytest.mark.in_process  # sanitizers see the mistakes, too
@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_reported(checked, mistake):
    r, lines = run([checked, mistake], 1)
    assert r.returncode == 0, r
    said = MISTAKES[mistake]
    for part in said:
        assert any(part in line for line in lines), lines
    # where in the program it was, and how many there were
    assert mistake == "kind" or any("checked" in line for line in lines), lines
    n = 2 if mistake in ("kind", "use") else 1  # what is used after it was freed was written, too
    assert lines[-1].endswith(f"check: {n} mistake{'s' * (n > 1)} reported") and len(lines) == n + 1


@pytest.mark.in_process
def test_the_second_level_makes_calls_fail(checked):
    for mistake, code in (("use", "100000"), ("kind", "100000"), ("none", "0")):
        assert run([checked, mistake], 2)[0].stdout.strip() == code
    assert run([checked, "use"], 1)[0].stdout.strip() == "0"


@pytest.mark.in_process
def test_nothing_is_said_without_a_mistake_or_without_the_mode(checked):
    assert run([checked, "none"], 1)[1] == []
    for mistake in ("leak", "kind"):
        assert run([checked, mistake], 0)[1] == []
    assert run([checked, "kind"], 2, PRUSIK_RUN_MODE="device")[1] == []


@pytest.fixture(scope="module")
def model(atc, tmp_path_factory):
    at = tmp_path_factory.mktemp("checked")
    node = helper.make_node("Relu", ["x"], ["y"])
    info = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, 8]) for n in "xy"]
    graph = helper.make_graph([node], "made", info[:1], info[1:])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8),
              at / "m.onnx")
    subprocess.run([atc, f"--model={at}/m.onnx", "--framework=5", f"--output={at}/m",
                    "--soc_version=Ascend310"], check=True, capture_output=True)
    return at / "m.om"


def test_correct_programs_are_left_alone(prusik, model):
    for command in ("run", "bench"):
        r, lines = run([prusik, command, model], 2)
        assert r.returncode == 0 and not lines, (command, r)


@pytest.mark.in_process
def test_a_model_buffer_from_elsewhere(build_dir, model):
    code = f"""
import acl, numpy as np
acl.init(); acl.rt.set_device(0)
m, _ = acl.mdl.load_from_file({str(model)!r})
host = np.zeros(8, np.float32)
def dataset(p):
    d = acl.mdl.create_dataset()
    acl.mdl.add_dataset_buffer(d, acl.create_data_buffer(p, 32))
    return d
x, y = acl.rt.malloc(32, 0)[0], acl.rt.malloc(32, 0)[0]
print(acl.mdl.execute(m, dataset(x), dataset(y)),
      acl.mdl.execute(m, dataset(host.ctypes.data), dataset(y)))
acl.rt.free(x); acl.rt.free(y)
"""
    r, lines = run([sys.executable, "-c", code], 2, PYTHONPATH=str(build_dir / "python"))
    assert r.stdout.strip() == "0 100000", r
    assert "input buffer" in lines[0] and "did not come from aclrtMalloc" in lines[0]


@pytest.mark.in_process
def test_a_python_program_is_checked(build_dir):
    code = """
import acl, numpy as np
acl.init(); acl.rt.set_device(0)
p, _ = acl.rt.malloc(64, 0)
host = np.zeros(64, np.uint8)
print(acl.rt.memcpy(host.ctypes.data, 64, p, 64, 2), acl.rt.memcpy(p, 64, host.ctypes.data, 64, 2))
acl.rt.free(p); acl.rt.reset_device(0); acl.finalize()
"""
    r, lines = run([sys.executable, "-c", code], 2, PYTHONPATH=str(build_dir / "python"))
    assert r.stdout.strip() == "0 100000", r
    assert lines[-1].endswith("1 mistake reported")
