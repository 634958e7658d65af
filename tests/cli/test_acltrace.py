# SPDX-License-Identifier: Apache-2.0
"""acltrace on a C program and on a Python one: what it writes, and that it changes nothing."""

import ctypes
import json
import os
import re
import subprocess
import sys

import pytest

from conftest import ROOT

# The shim stands in front of a sanitizer's runtime, which that refuses.
pytestmark = pytest.mark.in_process

APP = """
import acl
print(acl.init(), acl.rt.set_device(0))
p, code = acl.rt.malloc(100, 0)
print(acl.rt.free(p), acl.rt.free(p))
print(acl.mdl.load_from_file('no "such" model.om'))
print(acl.rt.reset_device(0), acl.finalize())
"""


@pytest.fixture(scope="module")
def trace(build_dir, tmp_path_factory):
    at = tmp_path_factory.mktemp("acltrace")

    def run(options, command):
        return subprocess.run(
            [build_dir / "cmd" / "trace" / "acltrace", *options, *command], cwd=at,
            env={**os.environ, "PYTHONPATH": str(build_dir / "python")},
            capture_output=True, text=True)

    run.at = at
    return run


def python(code):
    return [sys.executable, "-c", code]


def test_a_python_program_line_by_line(trace):
    r = trace([], python(APP))
    assert r.returncode == 0, r.stderr
    assert r.stdout.splitlines() == ["0 0", "0 100000", "(0, 145002)", "0 0"]
    lines = r.stderr.splitlines()
    names = [re.match(r"\w+", line)[0] for line in lines]
    assert names == ["aclInit", "aclrtSetDevice", "aclrtMalloc", "aclrtFree", "aclrtFree",
                     "aclmdlLoadFromFile", "aclrtResetDevice", "aclFinalize"]
    assert all(re.search(r"  \d+\.\d us$", line) for line in lines)
    malloc = re.match(r"aclrtMalloc\(devPtr=0x\w+, size=100, policy=ACL_MEM_MALLOC_HUGE_FIRST\) = "
                      r"ACL_SUCCESS  \[devPtr=(0x\w+)\]", lines[2])
    assert lines[3].startswith(f"aclrtFree(devPtr={malloc[1]}) = ACL_SUCCESS")
    assert "= ACL_ERROR_INVALID_PARAM (100000) \"aclrtFree: " in lines[4]


def test_json_lines(trace):
    r = trace(["--json", "-o", "log.jsonl"], python(APP))
    assert r.returncode == 0 and not r.stderr
    calls = [json.loads(line) for line in (trace.at / "log.jsonl").read_text().splitlines()]
    assert [c["call"] for c in calls][::7] == ["aclInit", "aclFinalize"]
    assert calls[0]["args"] == {"configPath": None}
    assert calls[3]["args"]["devPtr"] == calls[2]["filled"]["devPtr"]
    load = calls[5]
    assert load["args"]["modelPath"] == 'no "such" model.om'
    assert (load["result"], load["code"]) == ("ACL_ERROR_GE_EXEC_MODEL_PATH_INVALID", 145002)
    assert 'no "such" model.om' in load["message"]
    assert sorted(calls, key=lambda c: c["at_us"]) == calls


def test_the_summary_counts(trace):
    r = trace(["--summary"], python(APP))
    rows = {f[-1]: f for f in (line.split() for line in r.stderr.splitlines())}
    assert rows["aclrtFree"][:2] == ["2", "1"] and rows["aclInit"][:2] == ["1", "0"]
    r = trace(["--summary", "--json"], python(APP))
    rows = {o["call"]: o for o in map(json.loads, r.stderr.splitlines())}
    assert (rows["aclrtFree"]["calls"], rows["aclrtFree"]["failed"]) == (2, 1)


def test_a_c_program(trace, build_dir):
    hello = build_dir / "examples" / "c" / "hello"
    plain = subprocess.run([hello], capture_output=True, text=True)
    r = trace(["-o", "hello.txt"], [hello])
    # how much memory is free changes from one run to the next
    said, said_traced = [re.sub(r"\d+ of", "? of", out) for out in (plain.stdout, r.stdout)]
    assert (r.returncode, said_traced, r.stderr) == (plain.returncode, said, plain.stderr)
    assert (trace.at / "hello.txt").read_text().startswith("aclInit(")


def test_there_is_a_wrapper_for_every_function(build_dir):
    shim = ctypes.CDLL(str(build_dir / "cmd" / "trace" / "libacltrace.so"))
    declared = set()
    for header in (ROOT / "include" / "acl").rglob("*.h"):
        declared |= set(re.findall(r"^ACL_FUNC_VISIBILITY[^;(]*?\b(\w+)\(", header.read_text(),
                                   re.M))
    assert len(declared) > 500
    assert [n for n in declared if not hasattr(shim, n)] == ["aclAppLog"]


def test_wrong_calls(trace):
    assert trace(["--help"], []).returncode == 0
    assert trace([], []).returncode == 2
    assert trace(["--what"], ["true"]).returncode == 2
    assert trace(["-o", "/no/such/folder/file"], ["true"]).returncode == 126
    assert trace([], ["./no-such-program"]).returncode == 127
