#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the pages that are tables of the source: docs/env.md and docs/compatibility.md.

usage: scripts/make_docs.py [--check]

With --check nothing is written; the exit status is 1 when a page differs from what would be.
"""
import csv
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent


def env_page():
    text = (ROOT / "src/base/env.h").read_text()
    rows = re.findall(r'ENV\(\w+, "(\w+)", "([^"]*)",\s*\\?\s*"((?:[^"\\]|\\.)*)"\)', text)
    lines = ["# Environment variables", "",
             "Made by `scripts/make_docs.py` from `src/base/env.h`, the one place that reads them.",
             "", "| variable | default | |", "|---|---|---|"]
    lines += [f"| `{name}` | `{default}` | {sentence} |" if default else
              f"| `{name}` | | {sentence} |" for name, default, sentence in rows]
    return "\n".join(lines) + "\n"


def exported(name):
    path = ROOT / "src/acl" / f"exports_{name}.txt"
    return [line for line in path.read_text().split() if not line.startswith("_")]


def declared(header):
    """Functions a public header declares, in its order."""
    text = re.sub(r"/\*.*?\*/", "", header.read_text(), flags=re.S)
    return re.findall(r"ACL_FUNC_VISIBILITY[^;(]*?\b(acl\w+)\s*\(", text)


def unsupported():
    """(what is missing, its functions) of each table of calls that only say so."""
    for table in sorted((ROOT / "src/acl/unsupported").glob("*.c")):
        text = table.read_text()
        why = re.search(r"^WHY\((.*?)\)$", text, re.M | re.S).group(1)
        names = re.findall(r"^(?:CODE\(|MAKE\([^,]*,\s*)(\w+)", text, re.M)
        yield "".join(re.findall(r'"([^"]*)"', why)), names


def operators():
    text = (ROOT / "src/ops/ops.def").read_text()
    return re.findall(r"^OP\((\w+)\)", text, re.M)


# Front ends whose operators are a table of their own: title, table, the sentence above the list.
FRONT_ENDS = [
    ("Caffe", "src/import/caffe/layers.def",
     "Layers of a prototxt with its caffemodel (`--framework=0`), beside Input."),
    ("TensorFlow", "src/import/tensorflow/operators.def",
     "In frozen graphs and TensorFlow.js models (`--framework=3`), beside Placeholder."),
]


def front_end_operators(table):
    return sorted(re.findall(r"^(?:OPERATOR|LAYER)\((\w+)", (ROOT / table).read_text(), re.M))


def outside_programs():
    """The table of scripts/outside_programs.py's last committed results."""
    with open(ROOT / "docs/outside_programs.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    good = sum(row["result"] in ("equal", "runs") for row in rows)
    lines = ["", f"## Programs of other people ({good} of {len(rows)})", "",
             "Built and run unmodified by `scripts/outside_programs.py`. Equal: what it prints or "
             "writes is what onnxruntime says for the same input and network; without a network, "
             "what libjpeg, OpenCV or FFmpeg makes of the same picture or video (where programs "
             "scale, to 40 dB, and scores of what is scaled to a hundredth of their range). "
             "Runs: there is nothing to compare, it ends well and prints no error. Own fault: what "
             "it does wrong by itself, as a sanitizer shows it.", "",
             "Programs written for OpenCV 3 and FFmpeg 4 find what newer ones renamed or moved on "
             "the compiler's command line: `-DCV_LOAD_IMAGE_COLOR=1`, "
             "`-DCV_LOAD_IMAGE_UNCHANGED=-1`, `-DCV_BGR2RGB=4`, and a header that includes "
             "`libavcodec/bsf.h` as C.", "",
             "Build files name libraries of a card's driver that programs call nothing of. "
             "`libascend_hal.so` is here, and empty: a program that does call one of its functions "
             "does not link.", "",
             "| program | repository, commit | what was run | result |", "|---|---|---|---|"]
    for row in rows:
        result = ": ".join(filter(None, (row["result"], row["reason"])))
        lines.append(f"| {row['program']} | {row['repository']} {row['commit']} | {row['run']} | "
                     f"{result} |")
    return lines


def limits(where):
    """Functions that work in part; docs/limits.csv. A name that is not exported is a slip."""
    lines = ["", "### With limits", "", "These work, but for what the second column says.", "",
             "| function | limit |", "|---|---|"]
    with open(ROOT / "docs/limits.csv", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            names = row["functions"].split()
            unknown = [name for name in names if name not in where]
            if unknown:
                raise SystemExit(f"docs/limits.csv: {unknown[0]} is not exported")
            lines.append(f"| {', '.join(f'`{n}`' for n in names)} | {row['limit']} |")
    return lines


def dvpp(names):
    """The calls that do work on pictures and video, and whether a 310 has them, as the source says."""
    sources = "".join(p.read_text() for p in sorted((ROOT / "src/acl/dvpp").glob("*.c")))
    lines = ["", "### Pictures and video", "",
             "All work. docs/dvpp.md has the formulas, and the rules of sizes that `PRUSIK_STRICT` "
             "checks for each chip; the second column says what the 310 has.", "",
             "| function | `PRUSIK_STRICT=310` |", "|---|---|"]
    for name in names:
        if re.search(r"(Async|SendFrame|SendSkippedFrame)$", name):
            body = re.search(rf"\b{name}\(.*?^}}", sources, re.M | re.S).group(0)
            absent = re.search(r"\.not_on_310 = true|strict_call|has_border = true|CalcHist", body)
            lines.append(f"| `{name}` | {'no such call' if absent else 'works'} |")
    return lines


def call_sites(works):
    """How much of what the programs of Ascend/samples call is there, by function and by call.
    docs/call_sites.csv counts them, in C and C++ and in Python; works says whether a C function
    does its work. Helpers of pyACL have no C function; all are there."""
    with open(ROOT / "docs/call_sites.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    lines = ["", "### What programs call", "",
             "Functions that programs of Ascend/samples (fc2aea93e48b) use, and places where they "
             "call them: how many of them there are here.", "",
             "| language | functions | call sites |", "|---|---|---|"]
    absent = []
    for language in ("C", "Python"):
        used = [row for row in rows if row["language"] == language]
        good = [row for row in used if not row["c_function"] or works(row["c_function"])]
        absent += [row for row in used if row not in good and language == "C"]
        sites, all_sites = [sum(int(row["call_sites"]) for row in part) for part in (good, used)]
        lines.append(f"| {'C and C++' if language == 'C' else language} | {len(good)} of {len(used)} "
                     f"| {sites} of {all_sites} ({100 * sites / all_sites:.1f} %) |")
    absent.sort(key=lambda row: -int(row["call_sites"]))
    if absent:
        lines += ["", "Called most of what is missing: " + ", ".join(
            f"`{row['function']}` ({row['call_sites']})" for row in absent[:12]) + "."]
    return lines


def contrib_operators():
    text = (ROOT / "src/import/onnx/rewrite_contrib.c").read_text()
    return list(dict.fromkeys(re.findall(r'"(Q\w+|DequantizeLinear)"', text)))


def compatibility_page():
    libraries = {p.stem.removeprefix("exports_"): exported(p.stem.removeprefix("exports_"))
                 for p in sorted((ROOT / "src/acl").glob("exports_*.txt"))}
    where = {function: library for library, names in libraries.items() for function in names}
    refused = list(unsupported())
    no_use = {name for _, names in refused for name in names}
    lines = ["# What runs", "",
             "Made by `scripts/make_docs.py` from the export lists, the public headers, the table "
             "of operators and the results of `scripts/outside_programs.py`.", "", "## AscendCL", "",
             "Functions that are declared and not exported fail when a program links, not when it "
             "runs. Those called unsupported can be linked and return `ACL_ERROR_FEATURE_UNSUPPORTED`, or "
             "NULL.", "", "| header | works | unsupported | not yet |", "|---|---|---|---|"]
    missing = []
    for header in sorted((ROOT / "include/acl").rglob("*.h")):
        names = list(dict.fromkeys(declared(header)))
        if not names:
            continue
        absent = [n for n in names if n not in where]
        n_refused = len(no_use.intersection(names))
        lines.append(f"| `{header.relative_to(ROOT / 'include')}` | "
                     f"{len(names) - len(absent) - n_refused} | {n_refused} | {len(absent)} |")
        missing += absent
    lines += call_sites(lambda name: name in where and name not in no_use)
    for library, names in libraries.items():
        names = [n for n in names if n not in no_use]
        if not names:
            continue
        lines += ["", f"### lib{library}.so ({len(names)})", "", ", ".join(f"`{n}`" for n in names)]
    lines += dvpp(libraries["acl_dvpp"])
    lines += limits(where)
    lines += ["", f"### Unsupported ({len(no_use)})"]
    for why, names in refused:
        lines += ["", f"{why[0].upper()}{why[1:]}: " + ", ".join(f"`{n}`" for n in names) + "."]
    lines += ["", f"### Declared, not yet there ({len(missing)})", "",
              ", ".join(f"`{n}`" for n in missing)]
    names = operators()
    lines += ["", f"## ONNX operators ({len(names)})", "",
              "In their newest form; older opsets are rewritten to it on import.", "",
              ", ".join(names), "",
              "If, Loop, Scan and calls of the model's functions become plain nodes, and so do "
              "SplitToSequence with SequenceAt. Of domain com.microsoft, what onnxruntime's static "
              "quantisation writes, computed in floats: " + ", ".join(contrib_operators()) + "."]
    for title, table, sentence in FRONT_ENDS:
        names = front_end_operators(table)
        lines += ["", f"## {title} operators ({len(names)})", "", sentence, "", ", ".join(names)]
    lines += outside_programs()
    return "\n".join(lines) + "\n"


def main():
    stale = []
    for name, text in (("env.md", env_page()), ("compatibility.md", compatibility_page())):
        path = ROOT / "docs" / name
        if not path.exists() or path.read_text() != text:
            stale.append(name)
            if "--check" not in sys.argv:
                path.write_text(text)
    if "--check" in sys.argv and stale:
        print(f"out of date: {', '.join(stale)}; run scripts/make_docs.py")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
