#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Builds and runs programs of other people, unmodified, against an installed tree.

usage: scripts/outside_programs.py FOLDER PREFIX [--only NAME] [--csv FILE]

FOLDER holds clones of the repositories of the programs, each by its bare name (Ascend/samples as
FOLDER/samples); what is not there counts as failed. PREFIX is what `make install PREFIX=...`
filled. Each program is copied to a temporary folder, gets a model of the interface it expects (a
small network with random weights, made here and converted by atc) and its input where it looks for
them, is built by its own build files, and run. What it prints or writes is compared with what
onnxruntime says for the same input; pictures, with what libjpeg or OpenCV makes of the same ones;
videos, with what FFmpeg makes of them. Prints a table; --csv writes it too
(docs/outside_programs.csv, from which scripts/make_docs.py makes the list in
docs/compatibility.md). Exit status 1 when a program fails for another reason than a fault of its
own that a sanitizer shows. What is known of each program is in scripts/outside/.

Needs the Debian packages of `scripts/deps.sh outside`, and an interpreter with what
tests/requirements.txt and requirements-long.txt name; for yolov5-ascend also torch and torchvision
(of any version; Debian's python3-torch and python3-torchvision do, with a NumPy older than 2), for
pyacl_samples ipython and nbformat.
"""
import argparse
import csv
import pathlib
import subprocess
import sys
import tempfile

from outside import (acllite_cpp, aipp, chains, classifiers, detectors, pictures, pictures_out,
                     presenter, resnets, tools, videos)
from outside.bench import Bench, Failure, OwnFault

PROGRAMS = (tools.PROGRAMS + classifiers.PROGRAMS + detectors.PROGRAMS + pictures.PROGRAMS
            + videos.PROGRAMS + chains.PROGRAMS + aipp.PROGRAMS
            + resnets.PROGRAMS + acllite_cpp.PROGRAMS + pictures_out.PROGRAMS
            + presenter.PROGRAMS)


def commit(folder):
    done = subprocess.run(["git", "-C", folder, "rev-parse", "--short=12", "HEAD"], text=True,
                          capture_output=True)
    return done.stdout.strip() or "unknown"


def is_there(clone, program):
    if not program.commit:
        return (clone / program.folder).is_dir()
    return subprocess.run(["git", "-C", clone, "cat-file", "-e", "{}:{}".format(
        program.commit, program.folder)], capture_output=True).returncode == 0


def attempt(program, outside, prefix):
    """(result, reason) of one program."""
    with tempfile.TemporaryDirectory() as work:
        try:
            program.run(Bench(outside, prefix, pathlib.Path(work), program))
        except OwnFault as fault:
            return "own fault", str(fault)
        except Failure as why:
            return "fails", str(why).replace(work, "")
        except subprocess.TimeoutExpired as late:
            return "fails", "still running after {:.0f} s".format(late.timeout)
        except (OSError, subprocess.CalledProcessError) as error:
            return "fails", str(error).replace(work, "")
    return "equal" if program.has_model else "runs", ""


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("prefix", type=pathlib.Path)
    parser.add_argument("--only", default="", help="programs whose name holds this, or|that")
    parser.add_argument("--csv", type=pathlib.Path, help="write the table here")
    args = parser.parse_args()
    if not (args.prefix / "set_env.sh").is_file():
        parser.error("{} holds no set_env.sh; run make install PREFIX=...".format(args.prefix))
    rows, missing = [], 0
    for program in PROGRAMS:
        if not any(word in program.name for word in args.only.split("|")):
            continue
        clone = args.folder / program.repository.split("/")[1]
        if not is_there(clone, program):
            print("absent {}: clone {} to {}".format(program.name, program.repository, clone))
            missing += 1
            continue
        result, reason = attempt(program, args.folder.resolve(), args.prefix.resolve())
        rows.append((program.name, program.repository, program.commit or commit(clone),
                     program.what, result, reason))
        print("{:9} {} ({}){}".format(result, program.name, program.what,
                                      ": " + reason if reason else ""), flush=True)
    if args.csv:
        with open(args.csv, "w", newline="", encoding="utf-8") as file:
            table = csv.writer(file, lineterminator="\n")
            table.writerow(["program", "repository", "commit", "run", "result", "reason"])
            table.writerows(rows)
    return 1 if missing or any(row[4] == "fails" for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
