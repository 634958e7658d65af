#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How far the cost model of convolutions is from the best that prusik tune finds.

usage: tuning.py [--build DIR] [--threads N] [--rounds N] [--isa NAME] MODEL.onnx | NETWORK...

MODEL.onnx is a file, NETWORK one of zoo.py (resnet18, yolox_s@320). Each is converted and measured
by prusik tune --dry-run; the time of its convolutions by the cost model is put beside that of the
fastest ways found, then the whole network's, without and with hints.
"""
import argparse
import math
import os
import pathlib
import re
import subprocess
import tempfile

import steps
import zoo

TIMES = r"([\d.]+) ms by the cost model, ([\d.]+) ms with hints"
RESULT = re.compile(r"convolutions of (\d+) kinds, (\d+) hints?: " + TIMES)
WHOLE = re.compile(r"whole model, \d+ threads?: " + TIMES)


def measure(options, path, folder):
    """(hints, kinds, ms of the convolutions before and after, of the whole network)"""
    _, sizes = steps.load(path)
    om = folder / "network.om"
    subprocess.run([options.build / "cmd" / "atc", f"--model={path}", "--framework=5",
                    f"--output={om.with_suffix('')}", "--soc_version=Ascend310", *sizes],
                   check=True, stdout=subprocess.DEVNULL)
    extra = {"PRUSIK_ISA": options.isa} if options.isa else {}
    done = subprocess.run([options.build / "cmd" / "prusik", "tune", "--dry-run",
                           f"--threads={options.threads}", f"--rounds={options.rounds}",
                           om], check=True, stdout=subprocess.PIPE, text=True,
                          env={**os.environ, **extra})
    kinds, hints, before, after = RESULT.search(done.stdout).groups()
    return (int(hints), int(kinds), float(before), float(after),
            *map(float, WHOLE.search(done.stdout).groups()))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path, default=pathlib.Path("build/release"))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--isa", help="avx512, avx2, base, neon")
    parser.add_argument("models", nargs="+")
    options = parser.parse_args()
    ratios = []
    print("| network | hints / kinds | convolutions, cost model | best found | slower by | whole, "
          "cost model | with hints |\n|---|--:|--:|--:|--:|--:|--:|")
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for name in options.models:
            path = pathlib.Path(name) if name.endswith(".onnx") else zoo.write(folder, name)
            hints, kinds, before, after, whole, tuned = measure(options, path, folder)
            ratios.append(before / after)
            print(f"| {path.stem} | {hints} / {kinds} | {before:.2f} | {after:.2f} | "
                  f"{100 * (ratios[-1] - 1):.1f} % | {whole:.2f} | {tuned:.2f} |", flush=True)
    mean = math.exp(sum(map(math.log, ratios)) / len(ratios))
    print(f"\nThe cost model is {100 * (mean - 1):.1f} % slower than the best found (geometric "
          f"mean over {len(ratios)} networks, at most {100 * (max(ratios) - 1):.1f} %).")


if __name__ == "__main__":
    main()
