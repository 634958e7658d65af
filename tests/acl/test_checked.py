# SPDX-License-Identifier: Apache-2.0
"""The checked mode: each mistake of checked.c is reported, and programs without mistakes are not."""

import os
import re
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

# One line each; "ok-" in front of the name does the same work without the mistake.
MORE = {
    "wait-host": r"aclrtMemcpy: src: aclrtMemcpy at checked\+0x.* reads 100 bytes at 0x.* that "
                 r"aclrtMemsetAsync at checked\+0x\w+ \(thread \d+\) writes on stream \d+, without",
    "wait-stream": r"aclrtMemcpyAsync: src: .* reads 100 bytes at \w+ on stream \d+ that "
                   r"aclrtMemsetAsync at .* writes on stream \d+, without a wait",
    "wait-other": r"aclrtMemsetAsync: devPtr: .* writes 100 .* that aclrtMemsetAsync at .* writes",
    "wait-free": r"aclrtFree: the block: aclrtFree at .* writes 100 bytes .* that aclrtMemsetAsync",
    "run-inplace": "aclmdlExecute: output 0 and input 0 share memory",
    "run-host": "aclmdlExecute: the buffer of input 0 .* but from aclrtMallocHost; a card could",
    "run-format": r"aclmdlExecute: input 0 \('x'\) is described as format 1; the model takes",
    "run-shared": r"aclmdlExecuteAsync: an output: .* writes 32 bytes .* on stream \d+ that "
                  "aclmdlExecuteAsync at .* writes on stream",
    "run-early": "aclmdlExecute: an input: .* reads 32 bytes .* that aclrtMemcpyAsync at .* writes",
    "left-context": "aclrtContext was not given back; it came from aclrtCreateContext at checked",
    "left-stream": "aclrtStream was not given back; it came from aclrtCreateStream at checked",
    "left-event": "aclrtEvent was not given back; it came from aclrtCreateEvent at checked",
    "left-dataset": "aclmdlDataset was not given back; it came from aclmdlCreateDataset at checked",
    "left-buffer": "aclDataBuffer was not given back; it came from aclCreateDataBuffer at checked",
    "left-tensor": "aclTensorDesc was not given back; it came from aclCreateTensorDesc at checked",
    "left-desc": "aclmdlDesc was not given back; it came from aclmdlCreateDesc at checked",
    "left-model": r"model \d+ \('made'\) was not given back; it came from aclmdlLoadFromFile at chec",
    "left-config": "aclmdlConfigHandle was not given back; it came from aclmdlCreateConfigHandle",
    "left-attr": "aclopAttr was not given back; it came from aclopCreateAttr at checked",
    "left-queue": "a queue was not destroyed; it came from acltdtCreateQueue at checked",
}
# What every mode refuses, with a sentence.
REFUSED = {
    "run-small": "input 0 ('x') needs 32 bytes; its buffer has 8",
    "run-small-output": "output 0 ('y') needs 32 bytes; its buffer has 8",
    "run-null": "input 0 ('x'): its buffer has no memory",
    "run-count": "the input dataset has 2 buffers; model 'made' has 1",
    "run-shape": "input 0 ('x') is described as [1,2,2,4]; this run takes [1,2,2,2]",
    "run-type": "input 0 ('x') is described as data type 3; the model takes 0",
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
    info = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, 2, 2, 2]) for n in "xy"]
    graph = helper.make_graph([node], "made", info[:1], info[1:])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8),
              at / "m.onnx")
    subprocess.run([atc, f"--model={at}/m.onnx", "--framework=5", f"--output={at}/m",
                    "--soc_version=Ascend310"], check=True, capture_output=True)
    return at / "m.om"


@pytest.mark.in_process
@pytest.mark.parametrize("mistake", MORE)
def test_one_mistake_is_one_report(checked, model, mistake):
    r, lines = run([checked, mistake, model], 1)
    assert r.returncode == 0 and r.stdout == "0\n", r
    assert len(lines) == 2 and re.search(MORE[mistake], lines[0]), lines
    r, lines = run([checked, f"ok-{mistake}", model], 2)
    assert r.returncode == 0 and r.stdout == "0\n" and lines == [], (r.stdout, lines)
    if not mistake.startswith("left-"):
        assert run([checked, mistake, model], 2)[0].stdout.strip() in ("100000", "145000"), mistake


@pytest.mark.in_process
@pytest.mark.parametrize("mistake", REFUSED)
def test_what_does_not_fit_the_model_is_refused(checked, model, mistake):
    r, lines = run([checked, mistake, model], 1, ASCEND_GLOBAL_LOG_LEVEL="1")
    assert r.stdout.strip() not in ("", "0") and REFUSED[mistake] in r.stderr, r
    assert [line for line in lines if "0 mistakes" not in line] == []
    assert run([checked, f"ok-{mistake}", model], 2)[0].stdout == "0\n"


@pytest.mark.in_process
def test_order_that_is_right_in_unusual_ways(checked):
    r, lines = run([checked, "right"], 2)
    assert r.stdout == "0\n" and lines == []


@pytest.mark.in_process
def test_an_end_without_aclFinalize(checked):
    lines = run([checked, "exit"], 1)[1]
    assert any("100 bytes of device memory" in line for line in lines), lines


TWO_THREADS = """
import acl, threading
acl.init(); acl.rt.set_device(0)
context, _ = acl.rt.get_context()
p, _ = acl.rt.malloc(64, 0)
stream, _ = acl.rt.create_stream()
def queue(wait):
    acl.rt.set_context(context)
    acl.rt.memset_async(p, 64, 1, 64, stream)
    if wait: acl.rt.synchronize_stream(stream)
for wait in (True, False):
    t = threading.Thread(target=queue, args=(wait,)); t.start(); t.join()
    print(acl.rt.memset(p, 64, 2, 64))
acl.rt.synchronize_stream(stream)
acl.rt.destroy_stream(stream); acl.rt.free(p); acl.rt.reset_device(0); acl.finalize()
"""


@pytest.mark.in_process
def test_threads_wait_for_each_other_unseen(build_dir):
    r, lines = run([sys.executable, "-c", TWO_THREADS], 1, PYTHONPATH=str(build_dir / "python"))
    assert r.stdout == "0\n0\n" and len(lines) == 2, (r, lines)
    threads = re.findall(r"\(thread (\d+)\)", lines[0])
    assert len(set(threads)) == 2


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
    assert "buffer of input 0" in lines[0] and "did not come from aclrtMalloc" in lines[0]


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


# Tests of the library that count its allocations, which the checks add to, and those that free
# twice on purpose. What tests leave to aclFinalize on purpose is not looked at.
COUNT_ALLOCATIONS = {"gears", "what_needs_no_start", "end_frees_what_was_forgotten",
                     "runs_allocate_nothing", "every_allocation_fails_once"}
FREE_TWICE = {"test_acl_runtime", "test_acl_side"}
LEFT = re.compile(r"was not given back|were not freed|was not destroyed|mistakes? reported")


@pytest.mark.in_process
def test_no_test_of_the_library_is_reported(build_dir):
    """One memory (PRUSIK_RUN_MODE=device), as they run models on memory of their own."""
    programs = sorted(p for p in (build_dir / "tests" / "acl").glob("test_acl_*")
                      if p.is_file() and os.access(p, os.X_OK) and "soak" not in p.name)
    assert len(programs) > 12
    for program in programs:
        r = subprocess.run([program], capture_output=True, text=True, errors="replace",
                           timeout=120, cwd=build_dir,
                           env={**os.environ, "PRUSIK_CHECK": "1", "PRUSIK_RUN_MODE": "device"})
        said = [line for line in r.stderr.splitlines() if "check: " in line and
                not LEFT.search(line)]
        if program.name in FREE_TWICE:
            said = [line for line in said if "is freed already" not in line]
        assert said == [], (program, said[:5])
        failed = set(re.findall(r"^\[  FAILED  \] (\w+)$", r.stdout + r.stderr, re.M))
        assert failed <= COUNT_ALLOCATIONS, (program, failed)


def test_the_walks_are_not_reported(build_dir, prusik, model, tmp_path):
    for command in ([build_dir / "examples" / "c" / "hello"],
                    [build_dir / "cmd" / "msame", "--model", model, "--output", tmp_path]):
        r, lines = run(command, 2)
        assert r.returncode == 0 and lines == [], (command, r)


@pytest.mark.in_process
def test_the_detectors_are_not_reported(build_dir, atc, data_dir, tmp_path):
    subprocess.run([atc, f"--model={data_dir}/models/yolox_nano_416.onnx", "--framework=5",
                    f"--output={tmp_path}/yolox", "--soc_version=Ascend310"], check=True,
                   capture_output=True)
    photo = sorted((data_dir / "images" / "photos").glob("*.jpg"))[0]
    for command in ([build_dir / "examples" / "c" / "detect", tmp_path / "yolox.om", photo],
                    [build_dir / "cmd" / "prusik", "detect", "--output", tmp_path / "out",
                     tmp_path / "yolox.om", photo]):
        r, lines = run(command, 2)
        assert r.returncode == 0 and lines == [], (command, r.stderr[-500:])
