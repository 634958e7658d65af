# SPDX-License-Identifier: Apache-2.0
"""Every command as somebody meets it who has not used it: --help in narrow terminals, wrong
arguments, files that are not there or not what they should be, a full disk, no network."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

CORE = ["check", "conformance", "diff", "explain", "info", "pull"]
APP = ["detect", "classify", "doctor", "eval", "run", "bench"]
TAKES_FILES = ["run", "bench", "check", "info"]


@pytest.fixture(scope="module")
def run(build_dir, tmp_path_factory):
    at = tmp_path_factory.mktemp("help")
    commands = {"atc": "atc", "msame": "msame", "acltrace": "trace/acltrace"}

    def run(line, *more, env=None, stdout=subprocess.PIPE):
        first, *rest = line.split()
        program = build_dir / "cmd" / commands.get(first, first)
        return subprocess.run([program, *rest, *map(str, more)], cwd=at, text=True, stdout=stdout,
                              stderr=subprocess.PIPE, env={**os.environ, **(env or {})},
                              timeout=120)

    run.at = at
    return run


@pytest.fixture(scope="module")
def models(run, atc):
    """A small network, and files that are none: name -> a word of the sentence about it."""
    info = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, 4]) for n in "xy"]
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", info[:1], info[1:])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8),
              run.at / "good.onnx")
    r = run("atc --model=good.onnx --framework=5 --output=good --soc_version=Ascend310")
    assert r.returncode == 0, r
    (run.at / "folder").mkdir()
    for kind in ("om", "onnx"):
        data = (run.at / f"good.{kind}").read_bytes()
        (run.at / f"empty.{kind}").write_bytes(b"")
        (run.at / f"cut.{kind}").write_bytes(data[:len(data) * 2 // 3])
        (run.at / f"junk.{kind}").write_bytes(b"\x03" * 999)
    return {"none": "No such file", "empty": "is empty", "cut": "cut", "junk": "junk",
            "folder": "folder"}


@pytest.mark.parametrize("width", [80, 40])
@pytest.mark.parametrize("line", ["prusik", *(f"prusik {c}" for c in CORE + APP), "acltrace",
                                  "msame"])
def test_help_fits(run, line, width):
    for flag in ("--help", "-h")[:1 if line == "msame" else 2]:
        r = run(line, flag, env={"COLUMNS": str(width)})
        assert (r.returncode, r.stderr) == (0, ""), r
        assert r.stdout.startswith("usage: ") and len(r.stdout) > 60
        assert max(map(len, r.stdout.splitlines())) <= width, r.stdout


def test_help_names_every_command(run):
    text = run("prusik --help").stdout
    for command in CORE + APP:
        assert f"\n  {command} " in text
    assert run("prusik --version").stdout.startswith("prusik ")


def sentence(r, status, command):
    """What a failed command has said: one sentence that begins with its name, and no more than
    how it is called."""
    lines = r.stderr.splitlines()
    assert r.returncode == status and "Traceback" not in r.stderr, r
    assert lines and lines[0].startswith(f"{command}: "), r
    assert all(line.startswith(("usage: ", "       ", f"{command} --help")) for line in lines[1:]), r
    return lines[0]


# What is said when nothing is given, and about the last of these arguments.
ARGUMENTS = {
    "check": ("missing", "a b"), "conformance": ("missing", "a b c"), "diff": ("missing", "a b c"),
    "explain": (None, "107 b"), "info": ("missing", "a b"), "run": ("MODEL is missing", "a b"),
    "bench": ("MODEL is missing", "a b"), "eval": ("--coco", "--coco x a b"),
    "detect": ("a MODEL and a SOURCE are missing", None),
    "classify": ("a MODEL and a SOURCE are missing", None),
    "doctor": ("missing", None)}


@pytest.mark.parametrize("command", ARGUMENTS)
def test_wrong_arguments(run, command):
    line, (missing, many) = f"prusik {command}", ARGUMENTS[command]
    assert "--what" in sentence(run(line, "--what"), 2, line)
    if missing:
        assert missing in sentence(run(line), 2, line)
    if many:
        assert f"'{many.split()[-1]}'" in sentence(run(f"{line} {many}"), 2, line)


def test_wrong_arguments_of_acltrace(run):
    assert "--what" in sentence(run("acltrace --what"), 2, "acltrace")
    assert "PROGRAM is missing" in sentence(run("acltrace --json"), 2, "acltrace")


def test_wrong_values(run):
    for line, part in (
            ("prusik nosuch", "nosuch"), ("prusik check --framework=7 x", "'7'"),
            ("prusik bench --runs 0 x", "--runs 0"), ("prusik run --threads many x", "many"),
            ("prusik detect --conf 7 m p", "--conf 7"), ("acltrace -o", "'-o'"),
            ("acltrace --replay", "'--replay'"), ("acltrace --library x true", "--library")):
        r = run(line)
        assert r.returncode == 2 and part in r.stderr.splitlines()[0], (line, r)


@pytest.mark.parametrize("command", TAKES_FILES)
def test_files_that_are_no_models(run, models, command):
    kinds = {"check": ["onnx"], "info": ["onnx", "om"]}.get(command, ["om"])
    status = {"check": 2}.get(command, 1)
    for name, part in models.items():
        for kind in kinds:
            file = name if name == "folder" else f"{name}.{kind}"
            said = sentence(run(f"prusik {command}", file), status, f"prusik {command}")
            assert part in said and file in said, said


def test_other_files(run, models, atc):
    np.save(run.at / "x.npy", np.zeros((1, 5), np.float32))
    (run.at / "rows.csv").write_text("a,b\n1,2\n")
    for line, status, part in (
            ("prusik run --input none.npy good.om", 1, "none.npy"),
            ("prusik run --input junk.om good.om", 1, "junk.om"),
            ("prusik run --input folder good.om", 1, "folder"),
            ("prusik run --output /proc/none good.om", 1, "/proc/none"),
            ("prusik detect none.om folder", 1, "folder holds no pictures"),
            ("prusik conformance . none.csv", 2, "none.csv"),
            ("prusik conformance . rows.csv", 2, "rows.csv"),
            ("prusik diff good.om good.onnx --input none.npy", 2, "none.npy"),
            ("prusik pull none", 1, "none"),
            ("prusik pull --output /proc/none nanodet", 1, "/proc/none: No such file"),
            ("acltrace ./none", 127, "none"), ("acltrace ./good.onnx", 126, "good.onnx"),
            ("acltrace -o /proc/none true", 126, "/proc/none"),
            ("acltrace --replay none", 2, "none cannot be read: No such file"),
            ("acltrace --replay folder", 2, "folder cannot be read: Is a directory")):
        r = run(line)
        command = " ".join(line.split()[:2]) if line.startswith("prusik") else "acltrace"
        assert part in sentence(r, status, command), (line, r)
    for out in ("/proc/none", "folder/none/x"):
        r = run("atc --model=good.onnx --framework=5 --soc_version=Ascend310", f"--output={out}")
        assert r.returncode == 255 and out in r.stdout and "Traceback" not in r.stdout


@pytest.mark.skipif(not os.path.exists("/dev/full") or os.geteuid() != 0 and
                    not os.access("/dev/full", os.W_OK), reason="no /dev/full")
def test_a_full_disk(run, models):
    for line, status in (
            ("prusik --help", 1), ("prusik detect --help", 1), ("prusik diff --help", 1),
            ("prusik check good.onnx", 2), ("prusik check --json good.onnx", 2),
            ("prusik info good.om", 2), ("prusik info --json good.om", 2),
            ("prusik explain 107002", 2), ("prusik explain", 2), ("prusik run good.om", 1),
            ("prusik bench --runs 1 good.om", 1), ("prusik bench --json --runs 1 good.om", 1),
            ("prusik diff good.om good.onnx", 2), ("prusik diff --json - good.om good.onnx", 2),
            ("prusik pull --list", 1), ("acltrace --help", 1)):
        with open("/dev/full", "w") as full:
            r = run(line, stdout=full)
        assert r.returncode == status and r.stderr.count("\n") == 1, (line, r)
        assert "cannot be written" in r.stderr, (line, r)
    r = run("prusik run --output /dev/full good.om")
    assert r.returncode == 1 and "/dev/full" in r.stderr
    assert "cannot be written" in run("prusik diff --json /dev/full good.om good.onnx").stderr


@pytest.mark.in_process
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
def test_a_trace_that_cannot_be_written(run, models, build_dir):
    prusik = build_dir / "cmd" / "prusik"
    for options in ("", "--summary", "--json"):
        r = run(f"acltrace {options} -o /dev/full", prusik, "run", "good.om")
        assert r.returncode == 0 and r.stderr.count("\n") == 1, r
        assert r.stderr.startswith("acltrace: the trace cannot be written: No space left"), r


def test_without_python(run, models):
    """Parts that need python3 say so."""
    for line in ("prusik pull nanodet", "prusik diff --onnxruntime good.om good.onnx",
                 "acltrace --replay good.onnx"):
        r = run(line, env={"PATH": str(run.at)})
        command = " ".join(line.split()[:2]) if line.startswith("prusik") else "acltrace"
        sentence(r, {"prusik pull": 1, "prusik diff": 2, "acltrace": 126}[command], command)
        assert "python3 cannot be started" in r.stderr
