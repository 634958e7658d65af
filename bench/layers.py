#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every distinct convolution of the bench's networks alone, and what their classes reach.

usage: layers.py [--build DIR] [--isa ISA] [--networks A,B] [FILTER]

Prints the list of opcheck --bench, the worst first, then of each class (bound.py) the share of the
limit of multiply-adds, counting those of the direct algorithm, that all its layers together reach:
as in the networks, and without the activations and residuals that are computed along with them.
One thread, data where the last repeat left it. Only channels that exist count, not the lanes
that fill a vector up.
"""
import argparse
import pathlib
import re
import subprocess

import bench
import bound
from engines import ENGINES

# share, GFLOP/s, GB/s and their share, us, estimate, tiles; kernel; channels, size, taps, stride
LINE = re.compile(r"^ *(\d+)% +([\d.]+) +([\d.]+) +\d+% +([\d.]+) +[\d.]+ +\d+  (\S.*?)  +"
                  r"(\d+)->(\d+)@(\d+)x(\d+) (\d+)x(\d+) s(\d+)(.*?) +(\d+)x (\S*)$")


def measure(options, models, *extra):
    command = [options.build / "bench" / "opcheck", "--bench", *extra]
    command += [word for word in (options.isa, options.filter) if word]
    return subprocess.run([*command, *models], check=True, stdout=subprocess.PIPE, text=True).stdout


def by_class(text):
    """{class: [target, layers, us, us at the limit, share of the worst]}"""
    found = {}
    for line in text.splitlines():
        m = LINE.match(line)
        if not m:
            continue
        share, times, us = int(m[1]) / 100, int(m[14]), float(m[4])
        channels, out, height, width, stride = (int(m[i]) for i in (6, 7, 8, 9, 12))
        groups = channels if " dw" in m[13] else 2 if " groups" in m[13] else 1
        kind, target = bound.conv_target(channels, out, [int(m[10]), int(m[11])], stride, groups,
                                         widest=max(height, width))
        c = found.setdefault(kind, [target, 0, 0.0, 0.0, share])
        c[1] += times
        c[2] += us * times
        c[3] += us * times * share
        c[4] = min(c[4], share)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path, default=bench.ROOT / "build" / "release")
    parser.add_argument("--isa", help="avx512, avx2, base, neon")
    parser.add_argument("--networks", default="", help="default: all there are")
    parser.add_argument("filter", nargs="?")
    options = parser.parse_args()
    folder = bench.ROOT / "build" / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    names = [n for n in options.networks.split(",") if n]
    tools = {"atc": options.build / "cmd" / "atc"}
    models = [bench.convert(ENGINES["prusik"], path, x, tools)
              for _, path, x in bench.make_networks(names, folder)]
    text = measure(options, models)
    print(text)
    plain = by_class(measure(options, models, "--plain"))
    print("class              layers  target  reached  worst  without activations  worst")
    for kind, (target, n, us, limit, worst) in sorted(by_class(text).items()):
        _, _, plain_us, plain_limit, plain_worst = plain[kind]
        print(f"{kind:18} {n:6} {target:7.0%} {limit / us:8.0%} {worst:6.0%} "
              f"{plain_limit / plain_us:20.0%} {plain_worst:6.0%}")


if __name__ == "__main__":
    main()
