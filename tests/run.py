# SPDX-License-Identifier: Apache-2.0
"""Runs the test suites and counts them.

usage: run.py check|long --build DIR [--only SUITE[,SUITE]] [--list]

Each suite has a time limit, so one that hangs fails instead of eating the hour, and prints its
counts and its time. The last line is `N passed, N failed, N skipped`; the exit status is 1 when
anything failed or when fewer tests passed than tests/floors.json demands (a suite that silently ran
nothing must not look green).
"""
import argparse
import csv
import json
import os
import pathlib
import re
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from concurrent.futures import ThreadPoolExecutor

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))


class Result:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0
        self.failures = []  # one line each
        self.skips = {}  # reason -> count

    def fail(self, line):
        self.failed += 1
        self.failures.append(line)

    def skip(self, reason, count=1):
        self.skipped += count
        self.skips[reason] = self.skips.get(reason, 0) + count

    def add(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped
        self.failures += other.failures
        for reason, count in other.skips.items():
            self.skips[reason] = self.skips.get(reason, 0) + count


def data_dir():
    named = os.environ.get("PRUSIK_TEST_DATA")
    path = pathlib.Path(named) if named else ROOT.parent / "shared"
    return path if path.is_dir() else None


def run(command, limit, env=None, cwd=ROOT):
    """Output and exit status; a command over its limit is killed with all its children."""
    process = subprocess.Popen(
        [str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=cwd,
        env={**os.environ, **(env or {})}, text=True, errors="replace", start_new_session=True)
    try:
        output, _ = process.communicate(timeout=limit)
        return process.returncode, output
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, 9)
        output, _ = process.communicate()
        return "time-out", (output or "") + f"\nstopped after {limit} s"


# ---- C tests ----

def c_tests(build, env=None, suites=None, wrapper=(), limit=120):
    """Every program Meson knows as a test, but for the suite `soak` unless it is asked for; a cmocka
    program counts its cases."""
    result = Result()
    listed = subprocess.run(["meson", "introspect", "--tests", str(build)], capture_output=True,
                            text=True, check=True)
    wanted = [(t, {s.split(":")[-1] for s in t["suite"]}) for t in json.loads(listed.stdout)]
    tests = [t for t, own in wanted if (own & set(suites) if suites else "soak" not in own)]

    def one(test):
        return test, run([*wrapper, *test["cmd"]], limit, {**test["env"], **(env or {})},
                         cwd=test["workdir"] or build)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for test, (status, output) in pool.map(one, tests):
            def count(word):
                found = re.findall(r"^\[ *" + word + r" *\] (\d+) test", output, re.M)
                return int(found[-1]) if found else None
            passed, failed, skipped = count("PASSED"), count("FAILED"), count("SKIPPED")
            if status == 77:
                lines = output.strip().splitlines()
                result.skip(lines[-1] if lines else test["name"])
            elif status == 0 and not failed:
                result.passed += 1 if passed is None else passed
                if skipped:
                    why = re.findall(r"^skipped: (.*)$", output, re.M)
                    result.skip(why[0] if why else f"{test['name']} says why in its output",
                                skipped)
            else:
                result.passed += passed or 0
                for _ in range(max(failed or 1, 1) - 1):
                    result.failed += 1
                tail = "\n      ".join(output.strip().splitlines()[-25:])
                result.fail(f"{test['name']}: exit {status}\n      {tail}")
    return result


# ---- Python tests ----

def py_tests(build, marker, env=None, limit=600, select=()):
    result = Result()
    report = build / f"pytest-{re.sub('[^a-z]', '-', marker)}.xml"
    report.unlink(missing_ok=True)
    python = ROOT / "build" / "venv" / "bin" / "python"
    status, output = run([python if python.exists() else sys.executable, "-m", "pytest", "-q",
                          "-p", "no:cacheprovider", "-m", marker, f"--junitxml={report}",
                          *(select or ["tests"])],
                         limit, {"PRUSIK_BUILD": str(build), **(env or {})})
    if not report.exists():
        result.fail(f"pytest: exit {status}\n      " + "\n      ".join(output.splitlines()[-25:]))
        return result
    for case in ET.parse(report).iter("testcase"):
        name = f"{case.get('classname')}.{case.get('name')}"
        problem = case.find("failure") if case.find("failure") is not None else case.find("error")
        if problem is not None:
            result.fail(f"{name}: {(problem.get('message') or '')[:300]}")
        elif case.find("skipped") is not None:
            result.skip(case.find("skipped").get("message") or "no reason")
        else:
            result.passed += 1
    if status == "time-out":
        result.fail(f"pytest did not end within {limit} s")
    return result


# ---- conformance ----

def conformance(build, env=None, limit=300, sets=("onnx", "layers"), floors=True):
    """The conformance sets: no wrong result, no crash, and at least as many passes as demanded."""
    result = Result()
    data = data_dir()
    if not data:
        result.skip("no test data: set PRUSIK_TEST_DATA to its folder")
        return result
    root = ROOT / "build" / "conformance"
    for archive in sorted((data / "conformance").glob("*.tar.gz")):
        kind = "layers" if archive.name.startswith("layers") else "onnx"
        stamp = root / f".{archive.name}"
        if not stamp.exists():
            (root / kind).mkdir(parents=True, exist_ok=True)
            subprocess.run(["tar", "-xzf", str(archive), "-C", str(root / kind)], check=True)
            stamp.touch()
    demanded = json.loads((ROOT / "tests" / "floors.json").read_text())["conformance"]
    for kind in sets:
        index = data / "conformance" / ("index.csv" if kind == "onnx" else "layers-index.csv")
        results = build / f"conformance-{kind}.tsv"
        status, output = run([build / "cmd" / "prusik", "conformance", find_root(root / kind),
                              index], limit, env)
        results.write_text(output)
        states = {}
        # Rows whose expected values onnxruntime disputes count neither way.
        with open(index, newline="") as rows:
            disputed = {r["id"] for r in csv.DictReader(rows) if r.get("scored", "1") != "1"}
        for line in output.splitlines():
            fields = line.split("\t")
            if len(fields) < 2 or fields[0] in disputed:
                continue
            states[fields[1]] = states.get(fields[1], 0) + 1
            if fields[1] in ("fail", "crash"):
                result.fail(f"conformance {kind}: " + " ".join(fields)[:200])
        result.passed += states.get("pass", 0)
        if not states:
            result.fail(f"conformance {kind}: exit {status}: {output[-300:]}")
        for tier, passed in re.findall(r"^tier (\d): primary (\d+)/", output, re.M):
            want = demanded[kind].get(tier, 0)
            if floors and int(passed) < want:
                result.fail(f"conformance {kind} tier {tier}: {passed} pass, {want} are demanded")
    return result


def find_root(path):
    """The archives may hold the cases directly or in one folder."""
    entries = [p for p in path.iterdir() if p.is_dir()]
    return entries[0] if len(entries) == 1 and not (entries[0] / "model.onnx").exists() else path


# ---- the lists ----

def suites_of(kind, build):
    if kind == "check":
        return [
            ("c", lambda: c_tests(build)),
            ("python", lambda: py_tests(build, "not long", limit=600)),
            ("conformance", lambda: conformance(build)),
        ]
    import long_suites
    return long_suites.suites(build, sys.modules[__name__])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kind", choices=["check", "long"])
    parser.add_argument("--build", default=pathlib.Path("build/release"), type=pathlib.Path)
    parser.add_argument("--only", default="")
    parser.add_argument("--list", action="store_true")
    args = parser.parse_args()
    build = args.build.resolve()
    only = [s for s in args.only.split(",") if s]
    total = Result()
    began = time.time()
    for name, suite in suites_of(args.kind, build):
        if args.list:
            print(name)
        if args.list or (only and name not in only):
            continue
        start = time.time()
        try:
            result = suite()
        except Exception as error:  # a suite that cannot even start is a failure, not the end
            result = Result()
            result.fail(f"{name}: {type(error).__name__}: {error}")
        print(f"{name:<24} {result.passed:6} passed {result.failed:4} failed "
              f"{result.skipped:4} skipped  {time.time() - start:7.1f} s", flush=True)
        for line in result.failures[:40]:
            print(f"    {line}")
        for reason, count in result.skips.items():
            print(f"    skipped {count}: {reason}")
        total.add(result)
    if args.list:
        return 0
    floors = json.loads((ROOT / "tests" / "floors.json").read_text())
    floor = floors["passed"][args.kind]["with data" if data_dir() else "without data"]
    if not only and total.passed < floor:
        total.fail("floor")
        print(f"only {total.passed} tests passed; tests/floors.json demands {floor}")
    print(f"{time.time() - began:.0f} s")
    print(f"{total.passed} passed, {total.failed} failed, {total.skipped} skipped")
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.exit(main())
