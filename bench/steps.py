#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Where a network's time goes beyond its bound: the list to work down.

usage: steps.py --build DIR [--threads N] [--runs N] [--top N] MODEL.onnx...

Runs each network with PRUSIK_PROF=1, takes the least time of each step over the runs, and prints the
steps by how much they take beyond their class's target (bound.py), then the sum for each class.
Steps without a target (pooling, copies, heads) have one of zero: the aim is to fuse them away.
"""
import argparse
import os
import pathlib
import re
import subprocess
import tempfile

import onnx

import bound

TURNS = 5  # of a model's runs with measuring the machine's limits
# ms, four rates and their shares, operator, kernel, node
LINE = re.compile(r"^ *([\d.]+)(?: +[\d.]+){5}  (\S+) +(\S.*?)  +(\S+)$")


def load(path):
    """The model with likely sizes where it leaves them open, a batch of one and pictures of 224 x 224,
    and --input_shape saying so; nodes without a name get one."""
    model = onnx.load(path)
    for node in model.graph.node:
        node.name = node.name or node.output[0]
    weights = {w.name for w in model.graph.initializer}
    shapes = []
    for v in model.graph.input:
        dims = v.type.tensor_type.shape.dim
        if v.name in weights or all(d.dim_value > 0 for d in dims):
            continue
        for i, d in enumerate(dims):
            d.dim_value = d.dim_value or (1, 3, 224, 224)[min(i, 3)]
        shapes.append(f"{v.name}:" + ",".join(str(d.dim_value) for d in dims))
    if shapes:
        del model.graph.value_info[:]  # with the open sizes
    return model, [f"--input_shape={';'.join(shapes)}"] if shapes else []


def profile(build, model, options, threads, runs):
    """[(name, operator, kernel, least ms)]"""
    with tempfile.TemporaryDirectory() as folder:
        om, named = pathlib.Path(folder) / "net", pathlib.Path(folder) / "named.onnx"
        onnx.save(model, named)
        subprocess.run([build / "cmd" / "atc", f"--model={named}", "--framework=5",
                        f"--output={om}", "--soc_version=Ascend310", *options], check=True,
                       stdout=subprocess.DEVNULL)
        done = subprocess.run([build / "cmd" / "prusik", "bench", f"--runs={runs}", "--warmup=2",
                               om.with_suffix(".om")], check=True, capture_output=True, text=True,
                              env={**os.environ, "PRUSIK_PROF": "1",
                                   "PRUSIK_THREADS": str(threads)})
    steps = []  # a node may take several steps, so the place in the run is the key
    place = 0
    for line in done.stderr.splitlines():
        if re.match(r"# \d+ steps", line):
            place = 0
        match = LINE.match(line)
        if not match:
            continue
        ms, operator, kernel, name = float(match[1]), match[2], match[3], match[4]
        if place == len(steps):
            steps.append((name, operator, kernel, ms))
        elif ms < steps[place][3]:
            steps[place] = (name, operator, kernel, ms)
        place += 1
    return steps


def show(path, model, steps, limits, threads, top):
    targets = bound.work(model)
    rows, classes, whole = [], {}, {}
    for name, operator, kernel, ms in steps:
        key = name if name in targets else (name, len(whole))
        before = whole.get(key, (0, 0, 0.0))
        whole[key] = operator, kernel, before[2] + ms
    for key, (operator, kernel, ms) in whole.items():
        name = key if isinstance(key, str) else key[0]
        step = targets.pop(key, None)
        want = bound.step_ms(step, limits, threads) if step else 0.0
        kind = step[0] if step else operator
        rows.append((ms - want, ms, want, kind, kernel, name))
        taken, wanted = classes.get(kind, (0.0, 0.0))
        classes[kind] = taken + ms, wanted + want
    total, wanted = sum(r[1] for r in rows), sum(r[2] for r in rows)
    print(f"{path.stem}, {threads} thread(s): {len(steps)} steps, {total:.2f} ms, "
          f"bound {wanted:.2f} ms ({total / max(wanted, 1e-9):.2f})")
    if targets:
        print(f"  not found among the steps: {', '.join(targets)}")
    for excess, ms, want, kind, kernel, name in sorted(rows, reverse=True)[:top]:
        print(f"  {excess:+7.3f} ms  {ms:7.3f} against {want:7.3f}  {kind:<18} {kernel:<24} {name}")
    print("  by class, beyond the target:")
    for kind, (taken, want) in sorted(classes.items(), key=lambda c: c[1][1] - c[1][0]):
        print(f"  {taken - want:+7.3f} ms  {taken:7.3f} against {want:7.3f}  {kind}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path, default=pathlib.Path("build/release"))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--runs", type=int, default=30)
    parser.add_argument("--top", type=int, default=15)
    parser.add_argument("models", nargs="+", type=pathlib.Path)
    options = parser.parse_args()
    for path in options.models:
        model, sizes = load(path)
        limits, steps = bound.measure_limits(options.build), None
        for _ in range(TURNS):
            runs = (options.runs + TURNS - 1) // TURNS
            turn = profile(options.build, model, sizes, options.threads, runs)
            steps = [min(both, key=lambda s: s[3]) for both in zip(turn, steps or turn)]
            limits = bound.measure_limits(options.build, known=limits)
        show(path, model, steps, limits, options.threads, options.top)


if __name__ == "__main__":
    main()
