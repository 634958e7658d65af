# SPDX-License-Identifier: Apache-2.0
"""Every function of our libraries, called wrongly: nothing crashes or hangs, every failure has its
code and a sentence. The table and the calls are in misuse.py. When a function is new, the test says
which line to add there."""
import json
import pathlib
import signal
import subprocess
import sys

import pytest

pytest.importorskip("onnx")

import misuse  # noqa: E402  (beside this file)
import misuse_scenarios  # noqa: E402
import networks  # noqa: E402

pytestmark = pytest.mark.in_process


@pytest.fixture(scope="module")
def folder(build_dir):
    return str(build_dir / "src" / "acl")


@pytest.fixture(scope="module")
def model(atc, tmp_path_factory):
    """A model with one input and one output, each smaller than 4096 bytes."""
    folder = tmp_path_factory.mktemp("misuse")
    networks.tiny(folder / "net.onnx", 8)
    done = subprocess.run([atc, f"--model={folder / 'net.onnx'}", "--framework=5",
                           f"--output={folder / 'net'}", "--soc_version=Ascend310"],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    return str(folder / "net.om")


def run(folder, model, what, rows=None):
    return subprocess.run([sys.executable, pathlib.Path(misuse.__file__), folder, model, what],
                          input=json.dumps(rows), capture_output=True, text=True)


def ending(done):
    if done.returncode == -signal.SIGALRM:
        return "it hung"
    return f"it ended with {done.returncode} {done.stderr[-1000:]}"


def problems_of(folder, model, rows):
    """All rows, in as many processes as it takes; what was wrong."""
    problems, left = [], dict(rows)
    while left:
        done = run(folder, model, "rows", left)
        begun = row = None
        for line in done.stdout.splitlines():
            said = json.loads(line)
            row, begun = said.get("row", row), said.get("begin", begun)
            if said.get("found"):
                problems.append(said["found"])
        if done.returncode:
            problems.append(f"{begun}: {ending(done)}")
        names = list(left)
        for name in names if row is None or not done.returncode else names[:names.index(row) + 1]:
            del left[name]
    return problems


def test_every_function_has_a_row():
    rows, prototypes = misuse.table(), misuse.HEADERS.functions
    new = [n for n in misuse.exported() if n not in rows]
    suggested = "\n".join(misuse.HEADERS.suggest(n) for n in new)
    assert not new, f"add to ROWS in misuse.py, after a look at times and letters:\n{suggested}"
    gone = [n for n in rows if n not in misuse.exported()]
    assert not gone, f"not exported: {gone}"
    for name, (when, letters) in rows.items():
        assert when in "aicu" and len(letters) == len(prototypes[name][1]), name
        assert set(letters) <= set(misuse.RULES) | set(misuse.NUMBERS), name
        if when == "u":
            continue
        handles = {misuse.HEADERS.handle(kind) for kind, _ in prototypes[name][1]} - {None}
        unknown = handles - set(misuse.Caller.MAKERS) - misuse.Caller.INSIDE_CALLBACKS
        assert not unknown, f"add to Caller.MAKERS in misuse.py how these are made: {unknown}"


def test_wrong_calls(folder, model):
    problems = problems_of(folder, model, misuse.table())
    assert not problems, "\n".join(problems)


def test_unpublished(folder, model):
    done = run(folder, model, "unpublished")
    assert done.returncode == 0 and not done.stdout, ending(done) + done.stdout


def test_the_table_can_fail(folder, model):
    """Rows that are wrong, in what is returned and in when it may be called, and a call that
    crashes."""
    wrong = {"aclmdlDestroyDesc": ("i", "o"), "aclrtFree": ("c", "s")}
    problems = problems_of(folder, model, wrong)
    assert len(problems) >= 3 and "instead of" in problems[0]
    problems = problems_of(folder, model + ".missing", {"aclrtFree": ("i", "p")})
    assert len(problems) == 1 and "it ended with" in problems[0]


@pytest.mark.parametrize("what", misuse_scenarios.SCENARIOS)
def test_wrong_before(folder, model, what):
    done = run(folder, model, what)
    assert done.returncode == 0, ending(done)
